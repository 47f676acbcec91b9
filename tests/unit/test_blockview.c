/*
 * test_blockview.c - blocks as tables of guest code, intermediate representation and host code.
 */
#include "frontend/blockview.h"
#include "tests/unit/test_cpu_rig.h"

struct shown {
    struct rig rig;
    struct blockview view;
    struct engine *engine;
    FILE *out;
    char *text;
    size_t size;
};

/* What is written about flat 32-bit code that ends with HLT, when it has run. */
static void show(struct shown *s, enum engine_backend backend, const char *code)
{
    memset(s, 0, sizeof *s);
    rig_new(&s->rig, "p4");
    s->out = open_memstream(&s->text, &s->size);
    assert_int_equal(blockview_open(&s->view, s->out, s->out), 0);
    struct engine_config config = {.backend = backend, .cache_bytes = ENGINE_CACHE_MIN, .observer = &s->view.observer};
    s->engine = engine_new(s->rig.cpu, &config);
    assert_non_null(s->engine);
    rig_protected(&s->rig, 0, code);
    rig_run(&s->rig, 1000);
    fclose(s->out);
}

static void end(struct shown *s)
{
    engine_free(s->engine);
    blockview_close(&s->view);
    rig_free(&s->rig);
    free(s->text);
}

static void operations(void **state)
{
    struct shown s;
    show(&s, ENGINE_IR, "83 C0 05 EB 00 F4"); /* ADD EAX,5; JMP; HLT */
    assert_string_equal(s.text, "block 00010000: 32 bits, 2 instructions, 8 operations, 0 bytes of host code\n"
                                "00010000  add   eax, 5                         2  = CONST.32 5h\n"
                                "                                               3  = GET.32 @0\n"
                                "                                               4! = ADD.32 3 2\n"
                                "                                                    PUT.32 4 @0\n"
                                "                                                    FLAGS !4\n"
                                "00010003  jmp   0x10005                             JMP 10005h\n"
                                "\n"
                                "block 00010005: 32 bits, 1 instructions, 2 operations, 0 bytes of host code\n"
                                "00010005  hlt                                       LAST 0h @0 cc0\n"
                                "\n");
    end(&s);
}

/* Line N of TEXT, without its newline, in LINE. */
static const char *line_with(const char *text, const char *part, char line[200])
{
    const char *at = strstr(text, part);
    if (!at)
        fail_msg("'%s' is not in:\n%s", part, text);
    while (at > text && at[-1] != '\n')
        at--;
    snprintf(line, 200, "%.*s", (int)strcspn(at, "\n"), at);
    return line;
}

/* Each instruction's code stands beside it, also where it calls C; only the edges and what is refused are not of one. */
static void host_code(void **state)
{
    struct shown s;
    char line[200];
    if (!engine_has_host())
        skip();
    show(&s, ENGINE_HOST, "89 D8 0F A2 8B 1D 00 50 00 00 F4"); /* MOV EAX,EBX; CPUID; MOV EBX,[5000h]; HLT */
    line_with(s.text, "mov   eax, ebx", line);
    assert_non_null(strstr(line, "GET.32 @18"));
    assert_non_null(strstr(line, "mov   ebx, r10d"));
    line_with(s.text, "cpuid", line);
    assert_non_null(strstr(line, "HELPER 1h"));
    assert_non_null(strstr(s.text, "call C"));
    line_with(s.text, "mov   ebx, dword [0x5000]", line);
    assert_non_null(strstr(line, "CONST.32 5000h"));
    assert_null(strstr(s.text, "no instruction"));
    end(&s);
}

/* A loop of two blocks becomes a trace: the second one's instructions stand there too, with their code. */
static void trace(void **state)
{
    struct shown s;
    char line[200];
    if (!engine_has_host())
        skip();
    show(&s, ENGINE_HOST, "B9 03 00 00 00 49 EB 00 75 FB F4"); /* MOV ECX,3; L: DEC ECX; JMP N; N: JNZ L; HLT */
    char *loop = strstr(s.text, "block 00010005: 32 bits, 3 instructions");
    assert_non_null(loop);
    *strstr(loop, "\n\n") = '\0';
    line_with(loop, "00010008  jne   0x10005", line);
    assert_non_null(strstr(line, "JCC"));
    end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(operations), cmocka_unit_test(host_code), cmocka_unit_test(trace)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
