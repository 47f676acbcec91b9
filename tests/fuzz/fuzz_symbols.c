/*
 * fuzz_symbols.c - symbol files. An input is a byte that says where to cut it in two; both halves are read into one
 * table, and what is in the table must be found in it.
 */
#define _GNU_SOURCE /* memfd_create */
#include "frontend/symbols.h"
#include "tests/fuzz/fuzz.h"

/* Each symbol lies behind the one before, has a name that can be printed, and is found. */
static void check_table(const struct symbols *s)
{
    const struct symbol *list;
    size_t count = symbols_all(s, &list);
    for (size_t i = 0; i < count; i++) {
        const struct symbol *at = symbols_at(s, list[i].addr), *named = symbols_find(s, list[i].name);
        fuzz_check(list[i].name[0] && (i == 0 || list[i - 1].addr <= list[i].addr));
        for (const char *p = list[i].name; *p; p++)
            fuzz_check(*p > ' ' && *p < 0x7F);
        fuzz_check(named && strcmp(named->name, list[i].name) == 0 && named->addr <= list[i].addr);
        fuzz_check(at ? at->addr == list[i].addr : list[i].end <= list[i].addr);
    }
}

/* Whether the table was changed exactly if the bytes were accepted. */
static void parse(struct symbols *s, const u8 *data, size_t size, u64 offset)
{
    const struct symbol *list;
    char error[256] = "";
    size_t before = symbols_all(s, &list);
    int r = symbols_parse(s, "input", data, size, offset, error, sizeof error);
    size_t after = symbols_all(s, &list);
    fuzz_check(r == 0 ? after > before : after == before && error[0] && !strchr(error, '\n'));
    check_table(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_in in = {data, size};
    struct symbols *s = symbols_new();
    fuzz_check(s);
    size_t first = fuzz_take8(&in) * in.left / 255;
    parse(s, in.p, first, 0);
    parse(s, in.p + first, in.left - first, (u64)0 - 0x1000);
    symbols_free(s);
    return 0;
}

/* A file with a symbol table of N symbols behind the header, then the strings, then the sections. */
static size_t seed_elf(u8 *out, unsigned n)
{
    static const char names[] = "\0start\0main\0data";
    static const u8 at[] = {1, 7, 12, 9};
    u32 strings = 52 + n * 16, sections = strings + sizeof names;
    memset(out, 0, sections + 3 * 40);
    memcpy(out, "\177ELF\1\1\1", 7);
    st16(out + 0x10, 2);
    st16(out + 0x12, 3);
    st32(out + 0x20, sections);
    st16(out + 0x2E, 40);
    st16(out + 0x30, 3);
    for (unsigned i = 1; i < n; i++) {
        u8 *p = out + 52 + i * 16;
        st32(p, at[i % ARRAY_LEN(at)]);
        st32(p + 4, 0x8000 + i / 2 * 16);
        st32(p + 8, i % 3 * 8);
        p[12] = (u8)((i & 1) << 4 | i % 3);
        st16(p + 14, 1);
    }
    memcpy(out + strings, names, sizeof names);
    const u32 rows[2][5] = {{2, 52, n * 16, 2, 16}, {3, strings, sizeof names, 0, 0}};
    for (unsigned i = 0; i < 2; i++) {
        u8 *p = out + sections + (i + 1) * 40;
        st32(p + 4, rows[i][0]);
        st32(p + 16, rows[i][1]);
        st32(p + 20, rows[i][2]);
        st32(p + 24, rows[i][3]);
        st32(p + 36, rows[i][4]);
    }
    return sections + 3 * 40;
}

size_t fuzz_seed(unsigned n, u8 *out)
{
    static const char *const texts[] = {
        "c1000000 T _stext\nc1000000 t startup\r\nc1000040 D data_start\nc1000080 A absolute\n",
        "00000000 00000010 T main\n         U printf\n00000010 t local\t[module]\nffffffffff600000 T vsyscall\n",
    };
    if (n >= 4)
        return 0;
    *out = n % 2 ? 255 : 128;
    if (n < 2) {
        memcpy(out + 1, texts[n], strlen(texts[n]));
        return 1 + strlen(texts[n]);
    }
    return 1 + seed_elf(out + 1, n * 4);
}
