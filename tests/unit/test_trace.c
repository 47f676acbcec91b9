/* Traces: what is written is what is read, in both forms; filters; the guest does not notice; the first difference. */
#define _GNU_SOURCE /* memfd_create */
#include "frontend/trace/code.h"
#include "frontend/trace/diff.h"
#include "frontend/trace/format.h"
#include "frontend/trace/tracer.h"
#include "frontend/trace/writer.h"
#include "tests/fuzz/machine.h"
#include "tests/unit/pc_box.h"

#include <errno.h>

enum { RECORDS = 20000 };

/* ---- files without a name ---- */

struct file {
    int fd;
    char path[32];
};

static struct file new_file(void)
{
    struct file f;
    f.fd = fuzz_file(NULL, 0, 0, f.path);
    return f;
}

static char *slurp(const struct file *f)
{
    off_t n = lseek(f->fd, 0, SEEK_END);
    char *p = malloc((size_t)n + 1);
    assert_int_equal(pread(f->fd, p, (size_t)n, 0), n);
    p[n] = 0;
    return p;
}

static unsigned count_of(const char *text, const char *what)
{
    unsigned n = 0;
    for (const char *p = text; (p = strstr(p, what)); p++)
        n++;
    return n;
}

/* ---- records ---- */

static u64 any(u64 *seed)
{
    u64 v = (box_random(seed, 1u << 31) << 31 ^ box_random(seed, 1u << 31)) << 2;
    return v >> box_random(seed, 64);
}

static void random_record(u64 *seed, struct trace_record *r, u64 *regs)
{
    *r = (struct trace_record){.kind = (enum trace_kind)box_random(seed, TRACE_KIND_COUNT)};
    r->count = any(seed) >> 1;
    r->ip = (u32)any(seed);
    if (r->kind == TRACE_INSN || r->kind == TRACE_REGS)
        r->changed = (any(seed) & (BIT64(TRACE_REGS_ALL) - 1)) | (r->kind == TRACE_REGS);
    if (r->kind == TRACE_INSN) {
        r->len = (u8)(1 + box_random(seed, TRACE_BYTES_MAX));
        for (unsigned i = 0; i < r->len; i++)
            r->bytes[i] = (u8)any(seed);
    }
    if (r->kind == TRACE_MEM || r->kind == TRACE_PORT) {
        r->size = (u8)(1 << box_random(seed, 4));
        r->write = any(seed) & 1;
        r->addr = any(seed);
        r->value = any(seed);
    }
    if (r->kind == TRACE_INT) {
        r->vector = (u8)any(seed);
        r->source = (u8)box_random(seed, TRACE_SOURCE_COUNT);
        r->has_error = any(seed) & 1;
        r->error = r->has_error ? (u32)any(seed) : 0;
    }
    for (u64 left = r->changed; left; left &= left - 1) {
        unsigned i = (unsigned)__builtin_ctzll(left);
        regs[i] = any(seed) >> (64 - 4 * trace_regs[i].digits);
    }
}

static void assert_same(const struct trace_record *a, const struct trace_record *b)
{
    assert_int_equal(a->kind, b->kind);
    assert_true(a->count == b->count && a->ip == b->ip && a->changed == b->changed);
    assert_int_equal(a->len, b->len);
    assert_memory_equal(a->bytes, b->bytes, sizeof a->bytes);
    assert_true(a->size == b->size && a->write == b->write && a->addr == b->addr && a->value == b->value);
    assert_true(a->vector == b->vector && a->source == b->source && a->has_error == b->has_error &&
                a->error == b->error);
}

/* What is put into a file of either form comes out of it, and the registers with it. */
static void reads_what_was_written(void **state)
{
    for (unsigned binary = 0; binary < 2; binary++) {
        struct file f = new_file();
        struct trace_writer *w;
        struct trace_reader *in;
        struct trace_record r, back;
        u64 seed = 1, again = 1, regs[TRACE_REGS_ALL] = {0}, want[TRACE_REGS_ALL] = {0};
        char error[200] = "";
        assert_int_equal(trace_writer_open(&w, f.path, binary, "insn", NULL, error, sizeof error), 0);
        for (unsigned i = 0; i < RECORDS; i++) {
            random_record(&seed, &r, regs);
            trace_writer_put(w, &r, regs);
        }
        assert_int_equal(trace_writer_close(w), 0);
        assert_int_equal(trace_reader_open(&in, f.path, error, sizeof error), 0);
        for (unsigned i = 0; i < RECORDS; i++) {
            random_record(&again, &r, want);
            assert_int_equal(trace_reader_next(in, &back, error, sizeof error), 1);
            assert_same(&r, &back);
            assert_memory_equal(trace_reader_regs(in), want, sizeof want);
        }
        assert_int_equal(trace_reader_next(in, &back, error, sizeof error), 0);
        trace_reader_close(in);
        close(f.fd);
    }
}

/* ---- filters ---- */

static void takes_specs(void **state)
{
    static const char *const good[] = {"insn",
                                       "insn,block,mem,port,int",
                                       "port,port=0x70..0x71",
                                       "mem,data=0xB8000..,cpl=0..0",
                                       "insn,count=1K..2M,cr3=0x1000,cr3=0x2000",
                                       "int,addr=start"};
    static const char *const bad[] = {"",
                                      "insn,",
                                      "bogus",
                                      "addr=1",
                                      "insn,addr=",
                                      "insn,addr=..",
                                      "insn,addr=5..4",
                                      "insn,addr=x",
                                      "insn,bogus=1",
                                      "insn,count=-1",
                                      "insn,count=1Q",
                                      "insn,count=99999999999G",
                                      "regs",
                                      "insn,cpl=1,cpl=1,cpl=1,cpl=1,cpl=1,cpl=1,cpl=1,cpl=1,cpl=1"};
    char error[300] = "";
    struct trace_spec spec;
    struct symbols *s = symbols_new();
    assert_int_equal(symbols_parse(s, "map", (const u8 *)"1000 T start\n1010 T next\n", 25, 0, error, sizeof error), 0);
    for (unsigned i = 0; i < ARRAY_LEN(good); i++)
        if (trace_spec_parse(&spec, good[i], s, error, sizeof error))
            fail_msg("%s", error);
    assert_true(trace_set_has(&spec.addr, 0x100F) && !trace_set_has(&spec.addr, 0x1010));
    assert_true(trace_set_has(&spec.cpl, 3));
    for (unsigned i = 0; i < ARRAY_LEN(bad); i++) {
        assert_int_equal(trace_spec_parse(&spec, bad[i], s, error, sizeof error), -EINVAL);
        assert_non_null(strstr(error, "--trace: "));
    }
    symbols_free(s);
}

/* ---- a machine ---- */

/* Runs a small machine that stands at 0:7C00 before CODE for N counts, SLICE at a time, traced by SPEC into F. */
static void trace_code(const struct file *f, const char *spec, bool binary, const char *code, size_t n, u64 counts,
                       u64 slice)
{
    static struct fuzz_machine m;
    struct tracer *t;
    char error[200] = "";
    fuzz_machine_open(&m, cpu_model_find("p3"));
    fuzz_machine_run(&m, 2000, 2000, 1);
    struct cpu *c = pc_cpu(m.pc);
    phys_write(c->mmu.phys, 0x7C00, code, n);
    for (unsigned i = 0; i < SEG_COUNT; i++)
        c->seg[i].sel = 0, c->seg[i].base = 0;
    cpu_update_mode(c);
    cpu_set_eflags(c, 0);
    c->halt = HALT_NONE;
    c->attention &= ~(u32)ATT_HALT;
    c->ip = 0x7C00;
    if (tracer_open(&t, spec, f->path, binary, NULL, error, sizeof error))
        fail_msg("%s", error);
    tracer_start(t, c);
    for (u64 end = cpu_count(c) + counts; cpu_count(c) < end;) {
        pc_run(m.pc, tracer_counts(t, MIN(slice, end - cpu_count(c))));
        assert_int_equal(tracer_ran(t), 0);
    }
    assert_int_equal(tracer_close(t), 0);
    assert_null(c->observer);
    fuzz_machine_close(&m);
}

#define TRACE(f, spec, binary, code, counts, slice) trace_code(f, spec, binary, code, sizeof(code) - 1, counts, slice)

/* INC AX; MOV [5000h], AX; OUT 80h, AL; INT 50h; JMP to the start. */
static const char sample[] = "\x40\xA3\x00\x50\xE6\x80\xCD\x50\xEB\xF6";

static void writes_text(void **state)
{
    static const char *const lines[] = {" regs  0000:00007C00  | EAX=",
                                        " insn  0000:00007C00  40                 inc   ax ",
                                        " mem   0000:00007C01  write 2 [00005000] = ",
                                        " insn  0000:00007C01  A30050             mov   word [0x5000], ax\n",
                                        " port  0000:00007C04  out 1 [0080] = ",
                                        " int   0000:00007C06  50 INT\n",
                                        " block F000:0000E080\n",
                                        "# end, "};
    struct file f = new_file();
    TRACE(&f, "insn,mem,port,int,block", false, sample, 20, 20);
    char *text = slurp(&f);
    for (unsigned i = 0; i < ARRAY_LEN(lines); i++)
        if (!strstr(text, lines[i]))
            fail_msg("no '%s' in\n%s", lines[i], text);
    free(text);
    close(f.fd);
}

static void filters(void **state)
{
    static const struct {
        const char *spec, *what;
        unsigned times;
    } cases[] = {
        {"insn", " insn ", 40},
        {"insn,addr=0x7C00", " insn  0000:00007C00", 4}, /* 11 instructions a round, the handler's five among them */
        {"insn,addr=0x7C00", " insn  F000", 0},
        {"insn,cpl=3", " insn ", 0},
        {"insn,cr3=0", " insn ", 40},
        {"mem,data=0x5000..0x5001", " mem ", 4},
        {"mem,data=0x5002", " mem ", 0},
        {"port", " port ", 11}, /* 80h, and two EOIs; the last is not reached */
        {"port,port=0x80", " port ", 4},
        {"int", " int ", 4},
        {"block", " block ", 11},
    };
    for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
        struct file f = new_file();
        TRACE(&f, cases[i].spec, false, sample, 40, 7);
        char *text = slurp(&f);
        if (count_of(text, cases[i].what) != cases[i].times)
            fail_msg("%s: %u times '%s' in\n%s", cases[i].spec, count_of(text, cases[i].what), cases[i].what, text);
        free(text);
        close(f.fd);
    }
}

static void filters_counts(void **state)
{
    struct file f = new_file();
    char spec[64];
    TRACE(&f, "insn", false, "\x40\xEB\xFD", 1, 1);
    char *text = slurp(&f), *first = strstr(text, " insn ");
    while (first > text && first[-1] != '\n')
        first--;
    u64 start = strtoull(first, NULL, 10);
    free(text);
    snprintf(spec, sizeof spec, "insn,count=%llu..%llu,count=%llu", (unsigned long long)start + 10,
             (unsigned long long)start + 12, (unsigned long long)start + 20);
    for (u64 slice = 1; slice < 40; slice += 6) {
        TRACE(&f, spec, false, "\x40\xEB\xFD", 40, slice);
        text = slurp(&f);
        assert_int_equal(count_of(text, " insn "), 4);
        free(text);
    }
    close(f.fd);
}

/* A difference of two files; OUT receives what is told, to be freed. */
static int diff(const struct file *a, const struct file *b, const char *ignore, char **out, char *error, size_t size)
{
    size_t n;
    struct trace_diff d = {.context = 2, .out = open_memstream(out, &n)};
    assert_true(!ignore || trace_diff_ignore(&d, ignore));
    int r = trace_reader_open(&d.side[0], a->path, error, size) || trace_reader_open(&d.side[1], b->path, error, size)
                ? TRACE_DIFF_BAD
                : trace_diff_run(&d, error, size);
    trace_reader_close(d.side[0]);
    trace_reader_close(d.side[1]);
    fclose(d.out);
    return r;
}

static void assert_diff(const struct file *a, const struct file *b, const char *ignore, int want, const char *what)
{
    char *out, error[300] = "";
    int r = diff(a, b, ignore, &out, error, sizeof error);
    if (r != want || !strstr(r == TRACE_DIFF_BAD ? error : out, what))
        fail_msg("%d, not %d with '%s': %s%s", r, want, what, out, error);
    free(out);
}

/* Slices leave no marks, not even in the middle of a REP; both forms say the same. */
static void does_not_depend_on_slices(void **state)
{
    /* MOV CX, 60h; MOV DI, 6000h; REP STOSB; INC DX; JMP to the start */
    static const char rep[] = "\xB9\x60\x00\xBF\x00\x60\xF3\xAA\x42\xEB\xF5";
    struct file a = new_file(), b = new_file();
    TRACE(&a, "insn,mem,block", true, rep, 1000, 1000);
    for (u64 slice = 1; slice < 120; slice += 17) {
        TRACE(&b, "insn,mem,block", slice % 2, rep, 1000, slice);
        assert_diff(&a, &b, NULL, TRACE_DIFF_SAME, "equal: ");
    }
    close(a.fd);
    close(b.fd);
}

static void finds_the_first_difference(void **state)
{
    struct file a = new_file(), b = new_file();
    TRACE(&a, "insn", true, "\xB0\x01\x04\x10\xB4\x05\xEB\xF8", 12, 12); /* MOV AL, 1; ADD AL, 10h; MOV AH, 5; JMP */
    TRACE(&b, "insn", false, "\xB0\x01\x04\x10\xB4\x05\xEB\xF8", 8, 8);
    assert_diff(&a, &b, NULL, TRACE_DIFF_DIFFERS, "after 8 equal records");
    assert_diff(&a, &b, NULL, TRACE_DIFF_DIFFERS, "B ends here");
    TRACE(&b, "insn", false, "\xB0\x01\x04\x20\xB4\x05\xEB\xF8", 12, 12);
    assert_diff(&a, &b, NULL, TRACE_DIFF_DIFFERS, "after 1 equal records");
    assert_diff(&a, &b, NULL, TRACE_DIFF_DIFFERS, "* EAX");
    TRACE(&b, "insn", false, "\xB0\x7F\x04\x10\xB4\x05\xEB\xF8", 12, 12);
    assert_diff(&a, &b, "EAX", TRACE_DIFF_DIFFERS, "B07F");
    close(a.fd);
    close(b.fd);
}

/* STC without its effect: what is ignored is not compared, and what is not ignored is named. */
static void ignores_what_it_is_told(void **state)
{
    struct file a = new_file(), b = new_file();
    TRACE(&a, "insn", true, "\xF9\xF8\xEB\xFC", 6, 6);
    TRACE(&b, "insn", true, "\xF9\xF8\xEB\xFC", 6, 6);
    assert_diff(&a, &b, NULL, TRACE_DIFF_SAME, "6 records");
    char *text, line[TRACE_LINE_MAX];
    struct file c = new_file(), d = new_file();
    TRACE(&c, "insn", false, "\xF9\xF8\xEB\xFC", 6, 6);
    text = slurp(&c);
    char *flags = strstr(strstr(text, " stc"), "EFL=00000003");
    assert_non_null(flags);
    flags[11] = '2';
    assert_int_equal(write(d.fd, text, strlen(text)), (ssize_t)strlen(text));
    free(text);
    assert_diff(&a, &d, "ZF,AF", TRACE_DIFF_DIFFERS, " CF");
    assert_diff(&a, &d, "EFL", TRACE_DIFF_SAME, "6 records");
    struct trace_diff o = {0};
    snprintf(line, sizeof line, "EFL,nope");
    assert_false(trace_diff_ignore(&o, line));
    close(a.fd);
    close(b.fd);
    close(c.fd);
    close(d.fd);
}

static void refuses_what_is_damaged(void **state)
{
    struct file a = new_file(), b = new_file();
    TRACE(&a, "insn,mem", true, sample, 2000, 2000);
    u8 bytes[1 << 16];
    ssize_t n = pread(a.fd, bytes, sizeof bytes, 0);
    assert_in_range(n, 100, sizeof bytes - 1);
    assert_int_equal(pwrite(b.fd, bytes, (size_t)n / 2, 0), n / 2);
    assert_diff(&a, &b, NULL, TRACE_DIFF_BAD, "cut off");
    bytes[n - 6] ^= 1; /* in gzip's checksum */
    assert_int_equal(pwrite(b.fd, bytes, (size_t)n, 0), n);
    assert_diff(&a, &b, NULL, TRACE_DIFF_BAD, "damaged");
    assert_int_equal(ftruncate(b.fd, 0), 0);
    assert_diff(&a, &b, NULL, TRACE_DIFF_BAD, "not a trace");
    static const char *const texts[][2] = {
        {"# ombra trace 2: insn\n", "not a trace"},
        {"# ombra trace 1: insn\n", "its end is missing"},
        {"# ombra trace 1: insn\nnonsense\n# end\n", "line 2"},
        {"# ombra trace 1: insn\n# comment\n 1 insn 0000:0 40 inc | EAX=\n# end\n", "line 3"},
        {"# ombra trace 1: insn\n 1 insn 0000:0 40", "line 2"},
    };
    for (unsigned i = 0; i < ARRAY_LEN(texts); i++) {
        assert_int_equal(ftruncate(b.fd, 0), 0);
        assert_int_equal(pwrite(b.fd, texts[i][0], strlen(texts[i][0]), 0), (ssize_t)strlen(texts[i][0]));
        assert_diff(&b, &b, NULL, TRACE_DIFF_BAD, texts[i][1]);
    }
    close(a.fd);
    close(b.fd);
}

static void parses_only_records(void **state)
{
    static const char *const bad[] = {"",
                                      "1",
                                      "1 insn",
                                      "1 insn 0000",
                                      "1 insn 0000:0",
                                      "x insn 0000:0 40 inc",
                                      "1 bogus 0000:0",
                                      "1 insn 10000:0 40 inc",
                                      "1 insn 0000:0 4 inc",
                                      "1 insn 0000:0 40404040404040404040404040404040 inc",
                                      "1 insn 0000:0 4x inc",
                                      "1 insn 0000:0 40 inc | EAX",
                                      "1 insn 0000:0 40 inc | XAX=1",
                                      "1 mem 0000:0 read 3 [0] = 0",
                                      "1 mem 0000:0 fetch 1 [0] = 0",
                                      "1 mem 0000:0 read 1 0 = 0",
                                      "1 mem 0000:0 read 1 [0] = 0 0",
                                      "1 int 0000:0 100 fault",
                                      "1 int 0000:0 01 nothing",
                                      "1 int 0000:0 01 fault x 1",
                                      "1 block 0000:0 more",
                                      "1 regs 0000:0 EAX=1",
                                      "-1 block 0000:0"};
    for (unsigned i = 0; i < ARRAY_LEN(bad); i++) {
        char line[200];
        u64 regs[TRACE_REGS_ALL] = {0};
        struct trace_record r;
        snprintf(line, sizeof line, "%s", bad[i]);
        if (trace_parse(line, &r, regs))
            fail_msg("taken: %s", bad[i]);
    }
}

/* A boot, traced in every way and not at all: the same state in the end. */
static void leaves_the_guest_alone(void **state)
{
    enum { TOTAL = 6000000 };
    static const char *const specs[] = {"insn,port,int,count=1M..1500K", "mem,count=2M..2200K", "block,cpl=3"};
    struct box alone;
    box_open(&alone, box_roms_or_skip(state), 'a');
    box_run(&alone, TOTAL);
    for (unsigned i = 0; i < ARRAY_LEN(specs); i++) {
        struct file f = new_file();
        struct tracer *t;
        struct box watched;
        char error[200] = "";
        box_open(&watched, box_roms_or_skip(state), 'a');
        assert_int_equal(tracer_open(&t, specs[i], f.path, true, NULL, error, sizeof error), 0);
        struct cpu *c = pc_cpu(watched.pc);
        tracer_start(t, c);
        while (cpu_count(c) < TOTAL) {
            if (pc_run(watched.pc, tracer_counts(t, MIN((u64)100000, TOTAL - cpu_count(c)))) == PC_IDLE)
                pc_skip_to(watched.pc, pc_next_event(watched.pc));
            assert_int_equal(tracer_ran(t), 0);
        }
        assert_int_equal(tracer_close(t), 0);
        assert_true(pc_hash(alone.pc) == pc_hash(watched.pc));
        assert_int_equal(i == 2, lseek(f.fd, 0, SEEK_END) < 1000); /* nothing runs at CPL 3 there */
        close(f.fd);
        box_close(&watched);
    }
    box_close(&alone);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_was_written),
        cmocka_unit_test(takes_specs),
        cmocka_unit_test(writes_text),
        cmocka_unit_test(filters),
        cmocka_unit_test(filters_counts),
        cmocka_unit_test(does_not_depend_on_slices),
        cmocka_unit_test(finds_the_first_difference),
        cmocka_unit_test(ignores_what_it_is_told),
        cmocka_unit_test(refuses_what_is_damaged),
        cmocka_unit_test(parses_only_records),
        cmocka_unit_test(leaves_the_guest_alone),
    };
    return cmocka_run_group_tests(tests, box_group_setup, box_group_teardown);
}
