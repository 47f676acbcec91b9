/* Symbol tables: text and ELF, what is found and what is not, what is refused. */
#define _GNU_SOURCE /* memfd_create */
#include "frontend/symbols.h"
#include "tests/fuzz/fuzz.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static int parse(struct symbols *s, const char *text, u64 offset, char *error)
{
    return symbols_parse(s, "map", (const u8 *)text, strlen(text), offset, error, 100);
}

static struct symbols *table(const char *text)
{
    char error[100] = "";
    struct symbols *s = symbols_new();
    if (parse(s, text, 0, error))
        fail_msg("%s", error);
    return s;
}

static void assert_text(const struct symbols *s, u64 addr, const char *want)
{
    char text[64];
    assert_string_equal(symbols_text(s, addr, text, sizeof text), want);
}

static void finds_by_address(void **state)
{
    struct symbols *s = table("c0200000 t second\n"
                              "c0100000 T first\n"
                              "c0100010 00000008 t sized\n"
                              "c0200000 T Global\n"
                              "00000005 a number\n"
                              "         U missing\n"
                              "         w weak\n\n"
                              "c0300000 D tail\t[module]\r\n");
    assert_text(s, 0xC00FFFFF, "");
    assert_text(s, 0xC0100000, "first");
    assert_text(s, 0xC010000F, "first+Fh");
    assert_text(s, 0xC0100017, "sized+7h");
    assert_text(s, 0xC0100018, ""); /* behind the end of what is there */
    assert_text(s, 0xC0200000, "Global");
    assert_text(s, 0xC020FFFF, "Global+FFFFh");
    assert_text(s, 0xC0210000, "");
    assert_text(s, 0xC0300000 + SYMBOLS_REACH - 1, "tail+FFFFh");
    assert_text(s, 0xC0300000 + SYMBOLS_REACH, "");
    assert_text(s, 5, "");
    assert_text(s, ~(u64)0, "");
    assert_text(NULL, 0xC0100000, "");
    symbols_free(s);
}

static void finds_by_name(void **state)
{
    struct symbols *s = table("1000 T b\n2000 t init\n800 t init\n3000 T a\n");
    assert_int_equal(symbols_find(s, "init")->addr, 0x800);
    assert_int_equal(symbols_find(s, "a")->addr, 0x3000);
    assert_null(symbols_find(s, "c"));
    assert_null(symbols_find(s, ""));
    const struct symbol *list;
    assert_int_equal(symbols_all(s, &list), 4);
    assert_string_equal(list[0].name, "init");
    symbols_free(s);
}

static void adds_up(void **state)
{
    char error[100] = "";
    struct symbols *s = symbols_new();
    assert_null(symbols_find(s, "x"));
    assert_text(s, 0, "");
    assert_int_equal(parse(s, "1000 T low\n", 0, error), 0);
    assert_int_equal(parse(s, "c1000000 T high\nffffffff81000000 T far\n", (u64)0 - 0xC0000000, error), 0);
    assert_int_equal(symbols_find(s, "high")->addr, 0x1000000);
    assert_true(symbols_find(s, "far")->addr == 0xFFFFFFFEC1000000);
    assert_int_equal(parse(s, "f0000000 T wraps\n", 0x10000010, error), 0);
    assert_int_equal(symbols_find(s, "wraps")->addr, 0x10);
    assert_text(s, 0x1001, "low+1h");
    symbols_free(s);
}

/* Nothing of a refused file stays. */
static void refuses_text(void **state)
{
    static const char *const bad[] = {"2000 T good\nnonsense\n",
                                      "2000 T\n",
                                      "xyz T name\n",
                                      "12345678901234567 T long\n",
                                      "2000 TT name\n",
                                      "2000 a only_absolute_numbers",
                                      "U\n2000 T good\n"};
    struct symbols *s = table("1000 T kept\n");
    const struct symbol *list;
    for (unsigned i = 0; i < ARRAY_LEN(bad); i++) {
        char error[100] = "";
        assert_int_equal(parse(s, bad[i], 0, error), -EINVAL);
        assert_non_null(strstr(error, "map: "));
        assert_int_equal(symbols_all(s, &list), 1);
        assert_string_equal(list[0].name, "kept");
    }
    symbols_free(s);
}

static void leaves_out_what_would_steer_a_terminal(void **state)
{
    struct symbols *s = table("1000 T \033[2J\n2000 T good\n");
    const struct symbol *list;
    assert_int_equal(symbols_all(s, &list), 1);
    symbols_free(s);
}

/* What ld would make of two functions. */
static size_t make_elf(u8 *out)
{
    static const char names[] = "\0one\0two";
    enum { SYMBOLS = 52, STRINGS = SYMBOLS + 4 * 16, SECTIONS = 128, END = SECTIONS + 3 * 40 };
    static const u32 symbol[4][4] = {
        {0}, {1, 0x8000, 4, 1 << 16 | 0x12}, {5, 0x8010, 0, 1 << 16}, {5, 7, 0, 0xFFF1u << 16}};
    memset(out, 0, END);
    memcpy(out, "\177ELF\1\1\1", 7);
    st16(out + 0x10, 2);
    st32(out + 0x20, SECTIONS);
    st16(out + 0x2E, 40);
    st16(out + 0x30, 3);
    for (unsigned i = 0; i < 4; i++)
        for (unsigned k = 0; k < 4; k++)
            st32(out + SYMBOLS + i * 16 + k * 4, symbol[i][k]);
    memcpy(out + STRINGS, names, sizeof names);
    u8 *p = out + SECTIONS + 40;
    st32(p + 4, 2);
    st32(p + 16, SYMBOLS);
    st32(p + 20, 64);
    st32(p + 24, 2);
    st32(p + 36, 16);
    st32(p + 44, 3);
    st32(p + 56, STRINGS);
    st32(p + 60, sizeof names);
    return END;
}

static void reads_elf(void **state)
{
    u8 elf[300];
    char error[100] = "";
    struct symbols *s = symbols_new();
    size_t n = make_elf(elf);
    assert_int_equal(symbols_parse(s, "elf", elf, n, 0x100, error, sizeof error), 0);
    assert_text(s, 0x8103, "one+3h");
    assert_text(s, 0x8104, "");
    assert_text(s, 0x8110, "two");
    const struct symbol *list;
    assert_int_equal(symbols_all(s, &list), 2);
    symbols_free(s);
}

static void refuses_elf(void **state)
{
    static const struct {
        u8 at, value;
        const char *why;
    } bad[] = {
        {4, 2, "32-bit"},
        {5, 2, "32-bit"},
        {0x10, 1, "not linked"},
        {0x22, 1, "no symbol table"},
        {0x2E, 39, "no symbol table"},
        {0x30, 0, "no symbol table"},
        {172, 11, "names no address"},
        {188, 200, "no symbol table"},
        {192, 9, "no symbol table"},
        {204, 15, "damaged"},
        {214, 2, "no symbol table"},
    };
    for (unsigned i = 0; i < ARRAY_LEN(bad); i++) {
        u8 elf[300];
        char error[100] = "";
        struct symbols *s = symbols_new();
        size_t n = make_elf(elf);
        elf[bad[i].at] = bad[i].value;
        int r = symbols_parse(s, "elf", elf, n, 0, error, sizeof error);
        if (bad[i].at == 172) /* SHT_DYNSYM does as well */
            assert_int_equal(r, 0);
        else if (r != -EINVAL || !strstr(error, bad[i].why))
            fail_msg("byte %u: %d %s", bad[i].at, r, error);
        symbols_free(s);
    }
}

static void loads_files_with_offsets(void **state)
{
    char path[32], spec[64], error[100] = "";
    static const char text[] = "1000 T name\n";
    int fd = fuzz_file((const u8 *)text, strlen(text), strlen(text), path);
    static const struct {
        const char *tail;
        u64 addr;
    } good[] = {{"", 0x1000}, {"@16", 0x1010}, {"@0xC0000000", 0xC0001000}, {"@-0x800", 0x800}};
    for (unsigned i = 0; i < ARRAY_LEN(good); i++) {
        struct symbols *s = symbols_new();
        snprintf(spec, sizeof spec, "%s%s", path, good[i].tail);
        assert_int_equal(symbols_load(s, spec, error, sizeof error), 0);
        assert_int_equal(symbols_find(s, "name")->addr, good[i].addr);
        symbols_free(s);
    }
    struct symbols *s = symbols_new();
    assert_int_equal(symbols_load(s, "/nosuch@home", error, sizeof error), -ENOENT);
    assert_non_null(strstr(error, "/nosuch@home: "));
    symbols_free(s);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_by_address),
        cmocka_unit_test(finds_by_name),
        cmocka_unit_test(adds_up),
        cmocka_unit_test(refuses_text),
        cmocka_unit_test(leaves_out_what_would_steer_a_terminal),
        cmocka_unit_test(reads_elf),
        cmocka_unit_test(refuses_elf),
        cmocka_unit_test(loads_files_with_offsets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
