/*
 * symbols.c - reading symbol tables, and looking things up in them.
 *
 * ELF: System V Application Binary Interface, chapters 4 and 5. Files are not trusted: every offset and length is held
 * against the file's size, names are cut out by their length, and names with control characters are left out.
 */
#include "frontend/symbols.h"
#include "frontend/file.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define FILE_MAX ((u64)1 << 30)
#define LOW_END ((u64)1 << 32)

enum { NAME_MAX_LEN = 1000 }; /* of longer ones nobody could read */

/* One name while the table is being put together. */
struct entry {
    u64 addr, size;   /* size 0: not known, it reaches up to the next */
    const char *name; /* in one of the texts */
    u64 order;        /* of equal addresses the one with the lower comes first */
};

/* What names lie in: a copy of a System.map, or of an ELF file's string table. */
struct text {
    struct text *next;
    char bytes[];
};

struct symbols {
    struct entry *entry; /* by address, but for what is just being added */
    size_t count, cap;
    struct text *texts;
    struct symbol *list;           /* by address */
    const struct symbol **by_name; /* then by address */
};

/* What is being read. */
struct source {
    struct symbols *s;
    const char *what;
    const u8 *data;
    size_t size;
    u64 offset;
    char *error;
    size_t error_size;
};

static int fail(const struct source *src, int err, const char *why)
{
    snprintf(src->error, src->error_size, "%s: %s", src->what, why);
    return -err;
}

struct symbols *symbols_new(void)
{
    return calloc(1, sizeof(struct symbols));
}

/* A copy of the N bytes at P with a zero behind them, the newest of the texts; NULL without memory. */
static char *keep_text(struct symbols *s, const void *p, size_t n)
{
    struct text *t = malloc(sizeof *t + n + 1);
    if (!t)
        return NULL;
    memcpy(t->bytes, p, n);
    t->bytes[n] = 0;
    t->next = s->texts;
    s->texts = t;
    return t->bytes;
}

static void drop_text(struct symbols *s)
{
    struct text *t = s->texts;
    s->texts = t->next;
    free(t);
}

void symbols_free(struct symbols *s)
{
    if (!s)
        return;
    while (s->texts)
        drop_text(s);
    free(s->entry);
    free(s->list);
    free(s->by_name);
    free(s);
}

/* ---- collecting ---- */

/* Names go to terminals: nothing in them that would steer one. */
static bool is_shown(const char *name, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if ((u8)name[i] <= ' ' || (u8)name[i] >= 0x7F)
            return false;
    return len > 0 && len <= NAME_MAX_LEN;
}

/* NAME is ended by a zero, if not now then when the text has been read. 0 or -ENOMEM. A name that cannot be shown is
 * left out. */
static int add(const struct source *src, u64 addr, u64 size, bool local, const char *name, size_t len)
{
    struct symbols *s = src->s;
    if (!is_shown(name, len))
        return 0;
    if (s->count == s->cap) {
        size_t cap = s->cap ? s->cap * 2 : 256;
        struct entry *bigger = realloc(s->entry, cap * sizeof *bigger);
        if (!bigger)
            return -ENOMEM;
        s->entry = bigger;
        s->cap = cap;
    }
    u64 moved = addr + src->offset, order = (u64)local << 63 | s->count;
    s->entry[s->count++] =
        (struct entry){.addr = addr < LOW_END ? (u32)moved : moved, .size = size, .name = name, .order = order};
    return 0;
}

/* ---- ELF ---- */

enum {
    ELF_HEADER = 52,
    ELF_SECTION = 40,
    ELF_SYMBOL = 16,
    ELF_CLASS32 = 1,
    ELF_LITTLE = 1,
    ET_REL = 1,
    SHT_SYMTAB = 2,
    SHT_STRTAB = 3,
    SHT_DYNSYM = 11,
    SHN_UNDEF = 0,
    SHN_LORESERVE = 0xFF00,
    STT_FUNC = 2,
};

struct section {
    u32 type, offset, size, link, entsize;
};

/* Section header I, if all of it and of the section lies in the file. */
static bool section_at(const struct source *src, u32 i, struct section *to)
{
    u64 at = ld32(src->data + 0x20) + (u64)i * ld16(src->data + 0x2E);
    if (at + ELF_SECTION > src->size)
        return false;
    const u8 *p = src->data + at;
    *to = (struct section){.type = ld32(p + 4),
                           .offset = ld32(p + 16),
                           .size = ld32(p + 20),
                           .link = ld32(p + 24),
                           .entsize = ld32(p + 36)};
    return (u64)to->offset + to->size <= src->size;
}

/* The table of TYPE; 0 if there is none, its strings in STRINGS. */
static bool find_table(const struct source *src, u32 type, struct section *table, struct section *strings)
{
    unsigned count = ld16(src->data + 0x30);
    for (unsigned i = 0; i < count; i++)
        if (section_at(src, i, table) && table->type == type)
            return section_at(src, table->link, strings) && strings->type == SHT_STRTAB;
    return false;
}

/* STRINGS: SIZE bytes with a zero behind them. */
static int add_elf_symbol(const struct source *src, const u8 *p, const char *strings, u32 size)
{
    u32 name = ld32(p);
    u16 section = ld16(p + 14);
    if (section == SHN_UNDEF || section >= SHN_LORESERVE || (p[12] & 15) > STT_FUNC || name >= size)
        return 0;
    return add(src, ld32(p + 4), ld32(p + 8), p[12] >> 4 == 0, strings + name,
               strnlen(strings + name, NAME_MAX_LEN + 1));
}

static int read_elf_table(const struct source *src, const struct section *table, const struct section *strings)
{
    const char *text = keep_text(src->s, src->data + strings->offset, strings->size);
    bool fits = text;
    for (u32 at = 0; fits && table->size - at >= table->entsize; at += table->entsize)
        fits = add_elf_symbol(src, src->data + table->offset + at, text, strings->size) == 0;
    return fits ? 0 : fail(src, ENOMEM, "not enough memory for the symbols");
}

static int read_elf(const struct source *src)
{
    struct section table, strings;
    if (src->size < ELF_HEADER || src->data[4] != ELF_CLASS32 || src->data[5] != ELF_LITTLE)
        return fail(src, EINVAL, "only symbols of 32-bit ELF files for x86 can be read");
    if (ld16(src->data + 0x10) == ET_REL)
        return fail(src, EINVAL, "is not linked: its symbols have no addresses yet");
    if (ld16(src->data + 0x2E) < ELF_SECTION ||
        (!find_table(src, SHT_SYMTAB, &table, &strings) && !find_table(src, SHT_DYNSYM, &table, &strings)))
        return fail(src, EINVAL, "has no symbol table, or it lies outside of the file");
    if (table.entsize < ELF_SYMBOL)
        return fail(src, EINVAL, "the symbol table is damaged");
    return read_elf_table(src, &table, &strings);
}

/* ---- text: "C0100000 T startup_32", as System.map and nm have it; nm -S puts the size before the letter ---- */

/* The next word of the line at *P, its length in *LEN; 0 at the end of the line. */
static char *next_word(char **p, size_t *len)
{
    *p += strspn(*p, " \t\r");
    char *word = *p;
    *p += *len = strcspn(*p, " \t\r");
    return word;
}

static bool is_hex(const char *word, size_t len, u64 *value)
{
    *value = 0;
    for (size_t i = 0; i < len; i++) {
        char c = word[i];
        unsigned digit = c >= '0' && c <= '9'   ? (unsigned)(c - '0')
                         : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a' + 10)
                         : c >= 'A' && c <= 'F' ? (unsigned)(c - 'A' + 10)
                                                : 16;
        if (digit == 16)
            return false;
        *value = *value << 4 | digit;
    }
    return len > 0 && len <= 16;
}

/* Whether the letter is that of a place: not undefined, not a number without a place, not a debugging entry. */
static bool is_place(char letter)
{
    return letter && strchr("TtDdBbRrGgSsVWi", letter);
}

/* 0, -EINVAL if LINE is none of a symbol table, -ENOMEM. */
static int read_line(const struct source *src, char *line)
{
    size_t len, name_len;
    u64 addr, size = 0;
    const char *word = next_word(&line, &len);
    if (len == 0)
        return 0;
    if (len == 1 && strchr("UwWvV", *word)) { /* undefined: without an address */
        next_word(&line, &len);
        return len ? 0 : -EINVAL;
    }
    if (!is_hex(word, len, &addr))
        return -EINVAL;
    word = next_word(&line, &len);
    if (len > 1 && is_hex(word, len, &size))
        word = next_word(&line, &len);
    char *name = next_word(&line, &name_len);
    if (len != 1 || name_len == 0)
        return -EINVAL;
    name[name_len] = 0;
    return is_place(*word) ? add(src, addr, size, *word >= 'a', name, name_len) : 0;
}

static int read_text(const struct source *src)
{
    char *p = keep_text(src->s, src->data, src->size);
    char *end = p ? p + src->size : NULL;
    int r = p ? 0 : -ENOMEM;
    for (unsigned line = 1; p < end && r == 0; line++) {
        char *stop = memchr(p, '\n', (size_t)(end - p));
        stop = stop ? stop : end;
        *stop = 0;
        r = read_line(src, p);
        if (r == -EINVAL)
            snprintf(src->error, src->error_size,
                     "%s: neither an ELF file nor a System.map: line %u is not 'address letter name'", src->what, line);
        p = stop + 1;
    }
    return r == -ENOMEM ? fail(src, ENOMEM, "not enough memory for the symbols") : r;
}

/* ---- the table ---- */

static int by_addr(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    if (x->addr != y->addr)
        return x->addr < y->addr ? -1 : 1;
    return x->order < y->order ? -1 : 1;
}

static int by_name(const void *a, const void *b)
{
    const struct symbol *x = *(const struct symbol *const *)a, *y = *(const struct symbol *const *)b;
    int r = strcmp(x->name, y->name);
    return r ? r : x->addr < y->addr ? -1 : x->addr > y->addr;
}

/* Entry E's end; NEXT is the next address that has a name. */
static u64 end_of(const struct entry *e, u64 next)
{
    u64 reach = e->size ? e->size : SYMBOLS_REACH;
    return MIN(e->addr + MIN(reach, ~(u64)0 - e->addr), next);
}

static void fill(struct symbols *s, struct symbol *list, const struct symbol **names)
{
    u64 next = ~(u64)0;
    qsort(s->entry, s->count, sizeof *s->entry, by_addr);
    for (size_t i = s->count; i-- > 0;) {
        const struct entry *e = &s->entry[i];
        if (i + 1 < s->count && e[1].addr != e->addr)
            next = e[1].addr;
        list[i] = (struct symbol){.addr = e->addr, .end = end_of(e, next), .name = e->name};
        names[i] = &list[i];
    }
    qsort(names, s->count, sizeof *names, by_name);
}

/* Makes LIST and BY_NAME anew. 0 or -ENOMEM; then they are as they were. */
static int build(struct symbols *s)
{
    struct symbol *list = malloc((s->count + 1) * sizeof *list);
    const struct symbol **names = malloc((s->count + 1) * sizeof *names);
    if (!list || !names) {
        free(list);
        free(names);
        return -ENOMEM;
    }
    fill(s, list, names);
    free(s->list);
    free(s->by_name);
    s->list = list;
    s->by_name = names;
    return 0;
}

int symbols_parse(struct symbols *s, const char *what, const u8 *data, size_t size, u64 offset, char *error,
                  size_t error_size)
{
    const struct source src = {s, what, data, size, offset, error, error_size};
    size_t before = s->count;
    const struct text *texts = s->texts;
    int r = size >= 4 && memcmp(data, "\177ELF", 4) == 0 ? read_elf(&src) : read_text(&src);
    if (r == 0 && s->count == before)
        r = fail(&src, EINVAL, "names no address");
    if (r == 0 && build(s))
        r = fail(&src, ENOMEM, "not enough memory for the symbols");
    if (r == 0)
        return 0;
    s->count = before;
    while (s->texts != texts)
        drop_text(s);
    return r;
}

/* "FILE@OFFSET" taken apart. What stands behind the last @ and is no number belongs to the name. */
static void split(const char *spec, char *path, size_t path_size, u64 *offset)
{
    const char *at = strrchr(spec, '@');
    char *end = NULL;
    size_t len = strlen(spec);
    *offset = 0;
    if (at && at[1]) {
        *offset = strtoull(at + 1, &end, 0); /* a minus sign negates it */
        if (*end == 0)
            len = (size_t)(at - spec);
        else
            *offset = 0;
    }
    snprintf(path, path_size, "%.*s", (int)MIN(len, path_size), spec);
}

int symbols_load(struct symbols *s, const char *spec, char *error, size_t error_size)
{
    char path[4096];
    u64 offset;
    u8 *data;
    size_t size;
    split(spec, path, sizeof path, &offset);
    int r = file_read(path, FILE_MAX, &data, &size, error, error_size);
    if (r)
        return r;
    r = symbols_parse(s, path, data, size, offset, error, error_size);
    free(data);
    return r;
}

/* ---- looking up ---- */

size_t symbols_all(const struct symbols *s, const struct symbol **list)
{
    *list = s ? s->list : NULL;
    return *list ? s->count : 0;
}

/* Index of the first symbol behind ADDR. */
static size_t behind(const struct symbols *s, u64 addr)
{
    size_t low = 0, high = s->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (s->list[middle].addr <= addr)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

const struct symbol *symbols_at(const struct symbols *s, u64 addr)
{
    size_t i = s ? behind(s, addr) : 0;
    if (i == 0)
        return NULL;
    u64 start = s->list[i - 1].addr; /* of several names the first */
    const struct symbol *at = &s->list[start ? behind(s, start - 1) : 0];
    return addr < at->end ? at : NULL;
}

const struct symbol *symbols_find(const struct symbols *s, const char *name)
{
    size_t low = 0, high = s ? s->count : 0;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(s->by_name[middle]->name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return s && low < s->count && strcmp(s->by_name[low]->name, name) == 0 ? s->by_name[low] : NULL;
}

const char *symbols_text(const struct symbols *s, u64 addr, char *to, size_t size)
{
    const struct symbol *at = symbols_at(s, addr);
    if (!at)
        *to = 0;
    else if (at->addr == addr)
        snprintf(to, size, "%s", at->name);
    else
        snprintf(to, size, "%s+%llXh", at->name, (unsigned long long)(addr - at->addr));
    return to;
}
