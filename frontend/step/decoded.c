/*
 * decoded.c - the machine's state in words.
 *
 * SDM vol. 1 3.4.3 (EFLAGS); vol. 3A 2.5 (control registers), 3.4.5, 6.11, 7.2 (descriptors, gates,
 * TSS), 4.3 and 4.4 (page-table entries).
 */
#include "frontend/step/decoded.h"
#include "frontend/step/desc.h"
#include "frontend/step/paging.h"
#include "softmmu/walk.h"
#include <ctype.h>

static unsigned count_lines(const char *s)
{
    unsigned n = 0;
    for (; *s; s++)
        n += *s == '\n';
    return n;
}

/* ---- registers of bits ---- */

struct bit_name {
    u8 bit;
    const char *name;
};

/* Capitals for what is set. */
static void bits_text(struct text *t, u64 v, const struct bit_name *names, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        bool set = v >> names[i].bit & 1;
        text_add(t, " ");
        for (const char *s = names[i].name; *s; s++)
            text_add(t, "%c", set ? *s : tolower((unsigned char)*s));
    }
}

unsigned decoded_eflags(const struct cpu *c, char *to, size_t size)
{
    static const struct bit_name names[] = {{21, "ID"}, {20, "VIP"}, {19, "VIF"}, {18, "AC"}, {17, "VM"}, {16, "RF"},
                                            {14, "NT"}, {11, "OF"},  {10, "DF"},  {9, "IF"},  {8, "TF"},  {7, "SF"},
                                            {6, "ZF"},  {4, "AF"},   {2, "PF"},   {0, "CF"}};
    struct text t;
    u32 f = cpu_eflags(c);
    text_init(&t, to, size);
    text_add(&t, "EFLAGS %08Xh", f);
    bits_text(&t, f, names, ARRAY_LEN(names));
    text_add(&t, " IOPL=%u\n", eflags_iopl(f));
    return count_lines(to);
}

unsigned decoded_cr0(const struct cpu *c, char *to, size_t size)
{
    static const struct bit_name names[] = {{31, "PG"}, {30, "CD"}, {29, "NW"}, {18, "AM"}, {16, "WP"}, {5, "NE"},
                                            {4, "ET"},  {3, "TS"},  {2, "EM"},  {1, "MP"},  {0, "PE"}};
    struct text t;
    text_init(&t, to, size);
    text_add(&t, "CR0 %08Xh", (u32)c->cr0);
    bits_text(&t, c->cr0, names, ARRAY_LEN(names));
    text_add(&t, "\n");
    return count_lines(to);
}

unsigned decoded_cr3(const struct cpu *c, char *to, size_t size)
{
    static const struct bit_name names[] = {{4, "PCD"}, {3, "PWT"}};
    struct text t;
    bool pae = c->cr4 & CR4_PAE;
    text_init(&t, to, size);
    text_add(&t, "CR3 %08Xh %s at %08Xh", (u32)c->cr3, pae ? "directory pointers" : "page directory",
             (u32)c->cr3 & (pae ? 0xFFFFFFE0 : 0xFFFFF000));
    bits_text(&t, c->cr3, names, ARRAY_LEN(names));
    text_add(&t, "\n");
    return count_lines(to);
}

unsigned decoded_cr4(const struct cpu *c, char *to, size_t size)
{
    static const struct bit_name names[] = {{10, "OSXMMEXCPT"}, {9, "OSFXSR"}, {8, "PCE"}, {7, "PGE"},
                                            {6, "MCE"},         {5, "PAE"},    {4, "PSE"}, {3, "DE"},
                                            {2, "TSD"},         {1, "PVI"},    {0, "VME"}};
    struct text t;
    text_init(&t, to, size);
    text_add(&t, "CR4 %08Xh", (u32)c->cr4);
    bits_text(&t, c->cr4, names, ARRAY_LEN(names));
    text_add(&t, "\n");
    return count_lines(to);
}

/* ---- segments ---- */

static void segment_line(struct text *t, const char *name, const struct segment *s)
{
    text_add(t, "%s %04Xh ", name, s->sel);
    if (s->null)
        text_add(t, "null");
    else if (!(s->attr & SEG_P))
        text_add(t, "not present");
    else
        text_add(t, "base %08Xh limit %08Xh DPL %u ", (u32)s->base, s->limit, s->attr >> SEG_DPL_SHIFT & 3);
    if (!s->null && s->attr & SEG_P)
        descriptor_type(t, s->attr);
    text_add(t, "\n");
}

unsigned decoded_segment(const struct cpu *c, enum seg_reg seg, char *to, size_t size)
{
    static const char names[SEG_COUNT][3] = {"ES", "CS", "SS", "DS", "FS", "GS"};
    struct text t;
    text_init(&t, to, size);
    segment_line(&t, names[seg], &c->seg[seg]);
    return count_lines(to);
}

unsigned decoded_tables(const struct cpu *c, char *to, size_t size)
{
    struct text t;
    text_init(&t, to, size);
    segment_line(&t, "LDTR", &c->ldtr);
    segment_line(&t, "TR  ", &c->tr);
    text_add(&t, "GDTR       base %08Xh limit %04Xh\n", (u32)c->gdtr.base, c->gdtr.limit);
    text_add(&t, "IDTR       base %08Xh limit %04Xh\n", (u32)c->idtr.base, c->idtr.limit);
    return count_lines(to);
}

/* ---- descriptor tables ---- */

static void entry_text(struct text *t, const struct peek *peek, u64 lin)
{
    struct descriptor d;
    u64 raw;
    if (!peek->lin(peek->ctx, (u32)lin, &raw, sizeof raw)) {
        text_add(t, "not readable\n");
        return;
    }
    descriptor_split(raw, &d);
    if (raw == 0)
        text_add(t, "empty");
    else
        descriptor_text(t, &d);
    text_add(t, "\n");
}

/* Entries are named by their selector (LOCAL: its TI bit), or in the IDT, where STEP is 1, by the vector. */
static unsigned dump_table(const struct peek *peek, u64 base, u32 limit, unsigned first, unsigned count, unsigned step,
                           unsigned local, char *to, size_t size)
{
    struct text t;
    text_init(&t, to, size);
    for (unsigned i = first; i - first < count && i * 8u + 7 <= limit; i++) {
        text_add(&t, "%0*Xh ", step == 1 ? 2 : 4, i * step + local);
        entry_text(&t, peek, base + i * 8u);
    }
    return count_lines(to);
}

unsigned decoded_gdt(const struct cpu *c, const struct peek *peek, unsigned first, unsigned count, char *to,
                     size_t size)
{
    return dump_table(peek, c->gdtr.base, c->gdtr.limit, first, count, 8, 0, to, size);
}

unsigned decoded_ldt(const struct cpu *c, const struct peek *peek, unsigned first, unsigned count, char *to,
                     size_t size)
{
    if (c->ldtr.null)
        count = 0;
    return dump_table(peek, c->ldtr.base, c->ldtr.limit, first, count, 8, 4, to, size);
}

static unsigned dump_vectors(const struct cpu *c, const struct peek *peek, unsigned first, unsigned count, char *to,
                             size_t size)
{
    struct text t;
    u32 entry;
    text_init(&t, to, size);
    for (unsigned i = first; i - first < count && i < 256 && i * 4u + 3 <= c->idtr.limit; i++) {
        if (peek->lin(peek->ctx, (u32)(c->idtr.base + i * 4u), &entry, sizeof entry))
            text_add(&t, "%02Xh %04Xh:%04Xh\n", i, entry >> 16, entry & 0xFFFF);
        else
            text_add(&t, "%02Xh not readable\n", i);
    }
    return count_lines(to);
}

unsigned decoded_idt(const struct cpu *c, const struct peek *peek, unsigned first, unsigned count, char *to,
                     size_t size)
{
    if (!(c->cr0 & CR0_PE))
        return dump_vectors(c, peek, first, count, to, size);
    return dump_table(peek, c->idtr.base, MIN(c->idtr.limit, 0x7FF), first, count, 1, 0, to, size);
}

/* ---- TSS ---- */

struct tss_field {
    char name[7];
    u8 at, len;
};

static void tss_fields(struct text *t, const struct tss_field *f, unsigned n, const u8 *tss)
{
    for (unsigned i = 0; i < n; i++) {
        text_add(t, "%-6s ", f[i].name);
        bool last = i % 4 == 3 || i == n - 1;
        if (f[i].len == 2)
            text_add(t, last ? "%04Xh" : "%04Xh    ", ld16(tss + f[i].at));
        else
            text_add(t, "%08Xh", ld32(tss + f[i].at));
        text_add(t, "%s", last ? "\n" : "  ");
    }
}

static const struct tss_field fields32[] = {
    {"link", 0x00, 2}, {"ESP0", 0x04, 4}, {"SS0", 0x08, 2}, {"ESP1", 0x0C, 4},   {"SS1", 0x10, 2}, {"ESP2", 0x14, 4},
    {"SS2", 0x18, 2},  {"CR3", 0x1C, 4},  {"EIP", 0x20, 4}, {"EFLAGS", 0x24, 4}, {"EAX", 0x28, 4}, {"ECX", 0x2C, 4},
    {"EDX", 0x30, 4},  {"EBX", 0x34, 4},  {"ESP", 0x38, 4}, {"EBP", 0x3C, 4},    {"ESI", 0x40, 4}, {"EDI", 0x44, 4},
    {"ES", 0x48, 2},   {"CS", 0x4C, 2},   {"SS", 0x50, 2},  {"DS", 0x54, 2},     {"FS", 0x58, 2},  {"GS", 0x5C, 2},
    {"LDT", 0x60, 2},  {"trap", 0x64, 2}, {"I/O", 0x66, 2},
};
static const struct tss_field fields16[] = {
    {"link", 0, 2}, {"SP0", 2, 2}, {"SS0", 4, 2},    {"SP1", 6, 2},  {"SS1", 8, 2}, {"SP2", 10, 2},
    {"SS2", 12, 2}, {"IP", 14, 2}, {"FLAGS", 16, 2}, {"AX", 18, 2},  {"CX", 20, 2}, {"DX", 22, 2},
    {"BX", 24, 2},  {"SP", 26, 2}, {"BP", 28, 2},    {"SI", 30, 2},  {"DI", 32, 2}, {"ES", 34, 2},
    {"CS", 36, 2},  {"SS", 38, 2}, {"DS", 40, 2},    {"LDT", 42, 2},
};

unsigned decoded_tss(const struct cpu *c, const struct peek *peek, char *to, size_t size)
{
    struct text t;
    u8 tss[0x68];
    bool wide = c->tr.attr & DESC_32;
    unsigned len = wide ? 0x68 : 0x2C;
    text_init(&t, to, size);
    segment_line(&t, "TR  ", &c->tr);
    if (c->tr.null)
        return count_lines(to);
    if (!peek->lin(peek->ctx, (u32)c->tr.base, tss, len))
        text_add(&t, "not readable\n");
    else if (wide)
        tss_fields(&t, fields32, ARRAY_LEN(fields32), tss);
    else
        tss_fields(&t, fields16, ARRAY_LEN(fields16), tss);
    return count_lines(to);
}

/* ---- page walks ---- */

static const struct bit_name entry_bits[] = {{8, "G"},   {7, "PS"}, {6, "D"}, {5, "A"}, {4, "PCD"},
                                             {3, "PWT"}, {2, "U"},  {1, "W"}, {0, "P"}};

/* Bit 7 is PAT in the last level; a directory pointer has P, PWT and PCD only. */
static void entry_bits_text(struct text *t, const struct page_step *s, bool last_level, bool pointer)
{
    for (unsigned i = 0; i < ARRAY_LEN(entry_bits); i++) {
        struct bit_name b = entry_bits[i];
        if (last_level && b.bit == 7)
            b.name = "PAT";
        if (pointer && b.bit != 0 && b.bit != 3 && b.bit != 4)
            continue;
        bits_text(t, s->entry, &b, 1);
    }
    if (s->entry & PTE_NX)
        text_add(t, " NX");
}

static void step_lines(struct text *t, const struct page_walk *w, unsigned i, unsigned digits)
{
    const struct page_step *s = &w->step[i];
    text_add(t, "%*s%s[%u] at %08llXh = ", (int)i * 2, "", s->entry_name, s->index, (unsigned long long)s->addr);
    if (!s->readable) {
        text_add(t, "not readable\n");
        return;
    }
    text_add(t, "%0*llXh", (int)digits, (unsigned long long)s->entry);
    entry_bits_text(t, s, strcmp(s->entry_name, "PTE") == 0, strcmp(s->entry_name, "PDPTE") == 0);
    text_add(t, "\n");
}

static void result_line(struct text *t, const struct page_walk *w)
{
    if (!w->step[w->steps - 1].readable) {
        text_add(t, "there is no memory where the %s should be\n", w->step[w->steps - 1].table);
        return;
    }
    if (w->reserved) {
        text_add(t, "a reserved bit is set: any access raises #PF\n");
        return;
    }
    if (!w->mapped) {
        text_add(t, "not mapped: any access raises #PF\n");
        return;
    }
    text_add(t, "physical %08llXh, page of %s, %s, %s%s\n", (unsigned long long)w->phys,
             w->page_bits == 12   ? "4 KB"
             : w->page_bits == 21 ? "2 MB"
                                  : "4 MB",
             w->user ? "user" : "supervisor", w->writable ? "writable" : "read-only",
             w->execute ? "" : ", no execution");
}

unsigned decoded_walk(const struct cpu *c, const struct peek *peek, u64 lin, char *to, size_t size)
{
    struct text t;
    struct page_walk w;
    text_init(&t, to, size);
    page_walk(c, peek, (u32)lin, &w);
    text_add(&t, "linear %08Xh", (u32)lin);
    if (w.kind == PAGING_OFF) {
        text_add(&t, "  paging is off: physical %08Xh\n", (u32)lin);
        return count_lines(to);
    }
    text_add(&t, "  %s paging, CR3 %08Xh\n", w.kind == PAGING_PAE ? "PAE" : "32-bit", (u32)c->cr3);
    for (unsigned i = 0; i < w.steps; i++)
        step_lines(&t, &w, i, w.kind == PAGING_PAE ? 16 : 8);
    result_line(&t, &w);
    return count_lines(to);
}
