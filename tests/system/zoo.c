/*
 * zoo.c - descriptors, gates, task states and pages of every kind, right and wrong ones, for a case to run into.
 */
#include "tests/system/judge.h"

struct descriptor {
    u32 low, high;
};

static struct descriptor *const gdt = (void *)GDT, *const ldt = (void *)LDT, *const idt = (void *)IDT;

enum {
    ACC_DATA = 0x92, ACC_CODE = 0x9A, ACC_LDT = 0x82, ACC_TSS32 = 0x89, ACC_TSS16 = 0x81, ACC_CALL16 = 0x84,
    ACC_TASK = 0x85, ACC_CALL32 = 0x8C, ACC_INT32 = 0x8E, ACC_TRAP32 = 0x8F, ACC_INT16 = 0x86, ACC_TRAP16 = 0x87,
};

static struct descriptor segment(u32 base, u32 limit, u32 access, u32 flags)
{
    return (struct descriptor){(base & 0xFFFF) << 16 | (limit & 0xFFFF),
                               (base & 0xFF000000) | flags << 20 | (limit & 0xF0000) | access << 8 | (base >> 16 & 0xFF)};
}

static struct descriptor gate(u32 selector, u32 offset, u32 access, u32 count)
{
    return (struct descriptor){selector << 16 | (offset & 0xFFFF), (offset & 0xFFFF0000) | access << 8 | count};
}

/* ---- selectors ---- */

u32 zoo_selector(struct test *t)
{
    u32 rpl = pick(t, 4);
    switch (pick(t, 12)) {
    case 0:
        return rpl; /* null */
    case 1:
        return GDT_BYTES + pick(t, 16) * 8 + rpl; /* beyond the table */
    case 2:
    case 3:
        return pick(t, LDT_BYTES / 8 + 1) * 8 + 4 + rpl;
    case 4:
    case 5:
    case 6:
        return pick(t, 28) * 8 + rpl;
    default:
        return SEL_SUBJECT + pick(t, SUBJECTS) * 8 + rpl;
    }
}

u32 zoo_data_selector(struct test *t)
{
    u32 level = pick(t, 4);
    if (one_in(t, 4))
        return zoo_selector(t);
    return (one_in(t, 2) ? SEL_DATA32 : SEL_DATA16) + level * 8 + (one_in(t, 3) ? pick(t, 4) : t->cpl);
}

u32 zoo_code_selector(struct test *t)
{
    u32 level = one_in(t, 3) ? pick(t, 4) : t->cpl;
    if (one_in(t, 3))
        return zoo_selector(t);
    return (one_in(t, 2) ? SEL_CODE32 : SEL_CODE16) + level * 8 + (one_in(t, 4) ? pick(t, 4) : level);
}

u32 zoo_stack_selector(struct test *t, u32 cpl)
{
    if (one_in(t, 6))
        return zoo_selector(t);
    return (one_in(t, 2) ? SEL_DATA32 : SEL_STACK16) + cpl * 8 + (one_in(t, 8) ? pick(t, 4) : cpl);
}

u32 zoo_code_offset(struct test *t, u32 selector)
{
    u32 offset = 0x800 + pick(t, 16) * 4;
    u32 index = selector & ~7u;
    if (one_in(t, 12))
        return pick(t, 2) ? 0xFFFF : 0x10000 + pick(t, 4) - 2; /* around the limit of most */
    return index >= SEL_CODE32 && index < SEL_CODE16 ? CODE + offset : offset;
}

/* ---- descriptors at random ---- */

static u32 some_limit(struct test *t)
{
    static const u32 limits[] = {0xFFFF, 0xFFFFF, 0xFFF, 0x7FF, 0x1F, 0, 0x67, 0x2B, 0x66, 0x2A, 0xFFFE, 0x8FF};
    return limits[pick(t, sizeof limits / sizeof *limits)];
}

static u32 some_base(struct test *t)
{
    static const u32 bases[] = {0, CODE, DATA, STACKS, DATA + 3};
    return bases[pick(t, 5)];
}

static struct descriptor some_gate(struct test *t, u32 access)
{
    u32 selector = zoo_code_selector(t);
    u32 count = one_in(t, 3) ? pick(t, 32) : pick(t, 5);
    return gate(selector, zoo_code_offset(t, selector), access, count);
}

static struct descriptor some_descriptor(struct test *t)
{
    u32 present = one_in(t, 10) ? 0 : 0x80, dpl = pick(t, 4) << 5, flags = pick(t, 16) & 0xD;
    switch (pick(t, 14)) {
    case 0:
    case 1:
    case 2: /* data: expand-down, writable, accessed */
        return segment(some_base(t), some_limit(t), present | dpl | 0x10 | pick(t, 8), flags);
    case 3:
    case 4:
    case 5: /* code: conforming, readable, accessed */
        return segment(one_in(t, 2) ? CODE : some_base(t), some_limit(t), present | dpl | 0x18 | pick(t, 8), flags);
    case 6:
        return some_gate(t, present | dpl | (ACC_CALL32 & 0xF));
    case 7:
        return some_gate(t, present | dpl | (ACC_CALL16 & 0xF));
    case 8:
        return gate(one_in(t, 3) ? zoo_selector(t) : one_in(t, 2) ? SEL_TSS_A : SEL_TSS_B, 0, present | dpl | 5, 0);
    case 9:
        return segment(TSS_A, one_in(t, 3) ? some_limit(t) : 0x67, present | dpl | (one_in(t, 4) ? 0xB : 9), flags & 0xC);
    case 10:
        return segment(TSS_B, one_in(t, 3) ? some_limit(t) : 0x2B, present | dpl | (one_in(t, 4) ? 3 : 1), flags & 0xC);
    case 11:
        return segment(LDT, one_in(t, 3) ? some_limit(t) : LDT_BYTES - 1, present | dpl | 2, flags & 0xC);
    default: /* any type at all */
        return segment(some_base(t), some_limit(t), present | dpl | pick(t, 32), flags);
    }
}

/* ---- task states ---- */

static void task32(struct test *t, u32 *tss)
{
    u32 cpl = pick(t, 4);
    u32 cs = one_in(t, 6) ? zoo_selector(t) : (one_in(t, 2) ? SEL_CODE32 : SEL_CODE16) + cpl * 8 + cpl;
    for (u32 i = 0; i < 26; i++)
        tss[i] = 0;
    tss[7] = before.cr3;
    tss[8] = zoo_code_offset(t, cs);
    tss[9] = 2 | (one_in(t, 16) ? EFLAGS_TF : 0) | (one_in(t, 16) ? EFLAGS_VM : 0) | pick(t, 4) << 12;
    for (u32 i = 0; i < 8; i++)
        tss[10 + i] = 0x11110000 * i + 0x1111;
    tss[14] = (tss[9] & EFLAGS_VM) ? 0x700 : STACKS + STACK_BYTES * 4 - 32;
    tss[18] = zoo_data_selector(t);
    tss[19] = cs;
    tss[20] = zoo_stack_selector(t, cpl);
    if ((tss[20] & ~7u) >= SEL_STACK16 && (tss[20] & ~7u) < SEL_TSS_A)
        tss[14] -= STACKS;
    tss[21] = zoo_data_selector(t);
    tss[22] = one_in(t, 4) ? zoo_data_selector(t) : 0;
    tss[23] = one_in(t, 4) ? zoo_data_selector(t) : 0;
    tss[24] = one_in(t, 6) ? zoo_selector(t) : SEL_LDT;
    tss[25] = 0x680000 | (one_in(t, 12) ? 1 : 0);
    tss[1] = STACKS + STACK_BYTES; /* stacks of the inner rings */
    tss[2] = SEL_KDATA;
    tss[3] = STACKS + STACK_BYTES * 2;
    tss[4] = SEL_DATA32 + 8 + 1;
    tss[5] = STACKS + STACK_BYTES * 3;
    tss[6] = SEL_DATA32 + 16 + 2;
}

static void task16(struct test *t, u16 *tss)
{
    u32 cpl = pick(t, 4);
    u32 cs = one_in(t, 6) ? zoo_selector(t) : SEL_CODE16 + cpl * 8 + cpl;
    tss[0] = 0;
    tss[1] = STACK_BYTES;
    tss[2] = SEL_STACK16;
    tss[3] = STACK_BYTES * 2;
    tss[4] = SEL_STACK16 + 8 + 1;
    tss[5] = STACK_BYTES * 3;
    tss[6] = SEL_STACK16 + 16 + 2;
    tss[7] = (u16)zoo_code_offset(t, cs);
    tss[8] = (u16)(2 | (one_in(t, 16) ? EFLAGS_TF : 0) | pick(t, 4) << 12);
    for (u32 i = 0; i < 8; i++)
        tss[9 + i] = (u16)(0x2222 + 0x1111 * i);
    tss[13] = STACK_BYTES * 4 - 32;
    tss[17] = (u16)zoo_data_selector(t);
    tss[18] = (u16)cs;
    tss[19] = (u16)(one_in(t, 6) ? zoo_selector(t) : SEL_STACK16 + cpl * 8 + cpl);
    tss[20] = (u16)zoo_data_selector(t);
    tss[21] = (u16)(one_in(t, 6) ? zoo_selector(t) : SEL_LDT);
}

static void main_task(struct test *t)
{
    u32 *tss = (u32 *)TSS_MAIN;
    for (u32 i = 0; i < TSS_MAIN_BYTES / 4; i++)
        tss[i] = 0;
    tss[1] = STACKS + STACK_BYTES;
    tss[2] = SEL_KDATA;
    tss[3] = STACKS + STACK_BYTES * 2;
    tss[4] = one_in(t, 12) ? zoo_selector(t) : SEL_DATA32 + 8 + 1;
    tss[5] = STACKS + STACK_BYTES * 3;
    tss[6] = one_in(t, 12) ? zoo_selector(t) : SEL_DATA32 + 16 + 2;
    tss[7] = before.cr3;
    tss[24] = SEL_LDT;
    tss[25] = 0x680000;
    ((u8 *)tss)[0x68 + 0x10] = 0xCA; /* ports 80h, 82h, 84h, 85h are free */
    tss[41] |= 0xFF000000;
    if (one_in(t, 8))
        tss[0] = one_in(t, 2) ? SEL_TSS_A : zoo_selector(t); /* where IRET with NT goes */
}

extern void df_entry(void);

static void double_fault_task(void)
{
    u32 *tss = (u32 *)TSS_DF;
    for (u32 i = 0; i < 26; i++)
        tss[i] = 0;
    tss[7] = before.cr3;
    tss[8] = (u32)df_entry;
    tss[9] = 2;
    tss[14] = KERNEL_STACK - 0x4000;
    tss[18] = tss[20] = tss[21] = SEL_KDATA;
    tss[19] = SEL_KCODE;
    tss[25] = 0x680000;
}

/* ---- the tables ---- */

extern u8 stubs[], real_stubs[];

/* Vectors 20h on: what INT n may meet. */
static void interrupt_gates(void)
{
    static const struct {
        u16 selector, offset;
        u8 access;
    } list[] = {
        {SEL_CODE16, 0x900, ACC_INT32 | 0x60},        {SEL_CODE16, 0x904, ACC_TRAP32 | 0x60},
        {SEL_CODE16, 0x908, ACC_INT32},               {SEL_CODE16, 0x90C, (ACC_INT32 | 0x60) & 0x7F},
        {SEL_CODE16, 0x910, ACC_INT16 | 0x60},        {SEL_CODE16, 0x914, ACC_TRAP16 | 0x60},
        {SEL_TSS_A, 0, ACC_TASK | 0x60},              {SEL_TSS_B, 0, ACC_TASK | 0x60},
        {SEL_DATA32, 0x900, ACC_INT32 | 0x60},        {0, 0x900, ACC_INT32 | 0x60},
        {SEL_SUBJECT, 0x920, ACC_INT32 | 0x60},       {SEL_CODE16 + 8 + 1, 0x924, ACC_INT32 | 0x60},
        {SEL_CODE16, 0x928, ACC_CALL32 | 0x60},       {GDT_BYTES, 0x92C, ACC_INT32 | 0x60},
        {SEL_CODE16 + 24 + 3, 0x930, ACC_INT32 | 0x60}, {SEL_SUBJECT + 8, 0x934, ACC_TRAP16 | 0x60},
        {SEL_CODE16 + 16 + 2, 0x938, ACC_TRAP32 | 0x60}, {SEL_KDATA, 0, ACC_TASK | 0x60},
        {SEL_LDT, 0, ACC_TASK | 0x60},                {SEL_SUBJECT + 16, 0x93C, ACC_TASK | 0x60},
        {SEL_CODE16, 0xFFFF, ACC_INT16 | 0x60},       {SEL_SUBJECT + 24, 0x940, ACC_INT32 | 0x60},
    };
    for (u32 i = 0; i < 32; i++)
        idt[i] = gate(SEL_KCODE, (u32)stubs + i * 16, ACC_INT32 | (i == 3 || i == 4 || i == 5 ? 0x60 : 0), 0);
    idt[8] = gate(SEL_DF, 0, ACC_TASK, 0);
    for (u32 i = 32; i < IDT_BYTES / 8; i++)
        idt[i] = (struct descriptor){0, 0};
    for (u32 i = 0; i < sizeof list / sizeof *list; i++)
        idt[32 + i] = gate(list[i].selector, list[i].offset, list[i].access, 0);
}

static void descriptors(struct test *t)
{
    gdt[0] = (struct descriptor){0, 0};
    gdt[SEL_KCODE / 8] = segment(0, 0xFFFFF, ACC_CODE | 1, 0xC);
    gdt[SEL_KDATA / 8] = segment(0, 0xFFFFF, ACC_DATA | 1, 0xC);
    gdt[SEL_TSS / 8] = segment(TSS_MAIN, TSS_MAIN_BYTES - 1, ACC_TSS32, 0);
    gdt[SEL_LDT / 8] = segment(LDT, LDT_BYTES - 1, ACC_LDT, 0);
    gdt[SEL_DF / 8] = segment(TSS_DF, 0x67, ACC_TSS32, 0);
    for (u32 i = 0; i < 4; i++) {
        gdt[SEL_CODE32 / 8 + i] = segment(0, 0xFFFFF, ACC_CODE | i << 5, 0xC);
        gdt[SEL_CODE16 / 8 + i] = segment(CODE, 0xFFFF, ACC_CODE | i << 5, 0);
        gdt[SEL_DATA32 / 8 + i] = segment(0, 0xFFFFF, ACC_DATA | i << 5, 0xC);
        gdt[SEL_DATA16 / 8 + i] = segment(DATA, 0xFFFF, ACC_DATA | i << 5, 0);
        gdt[SEL_STACK16 / 8 + i] = segment(STACKS, 0xFFFF, ACC_DATA | i << 5, 0);
    }
    gdt[SEL_TSS_A / 8] = segment(TSS_A, 0x67, ACC_TSS32 | pick(t, 4) << 5, 0);
    gdt[SEL_TSS_B / 8] = segment(TSS_B, 0x2B, ACC_TSS16 | pick(t, 4) << 5, 0);
    for (u32 i = 0; i < SUBJECTS; i++)
        gdt[SEL_SUBJECT / 8 + i] = some_descriptor(t);
    for (u32 i = SEL_SUBJECT / 8 + SUBJECTS; i < GDT_BYTES / 8; i++)
        gdt[i] = (struct descriptor){0, 0};
    for (u32 i = 0; i < LDT_BYTES / 8; i++)
        ldt[i] = some_descriptor(t);
}

/* ---- pages ---- */

enum { P = 1, RW = 2, US = 4, A = 0x20, D = 0x40, PS = 0x80, G = 0x100 };

/* Entries for page N of a zoo: rights by number, the two data pages in turn. */
static u32 zoo_entry(u32 n)
{
    return (DATA + (n & 1) * 0x1000) | ((n & 7) == 7 ? 0 : P) | (n & 8 ? RW : 0) | (n & 16 ? US : 0) | (n & 32 ? A : 0) |
           (n & 64 ? A | D : 0);
}

/* Directory entries 1 to 8; the last ones map 4 MiB pages (2 MiB under PAE) of low memory, of which the judge's data is a part. */
static const u32 directory[9] = {
    0, P | RW | US, P | US, P | RW, RW | US, P | RW | US | PS, P | US | PS, P | RW | US | A, P | RW | US | PS | 0x200000,
};

static void page_directory(void)
{
    u32 *dir = (u32 *)PAGE_DIR;
    for (u32 i = 1; i < 9; i++)
        dir[i] = directory[i] | (directory[i] & PS ? 0 : PAGE_ZOO);
}

static void pae_directory(void)
{
    u64 *dir = (u64 *)PAE_DIR;
    for (u32 i = 1; i < 9; i++)
        dir[2 * i] = (directory[i] & ~0x200000u) | (directory[i] & PS ? 0 : PAE_ZOO) | (i == 8 ? 1ull << 40 : 0);
}

static void fill(u32 at, u32 value, u32 bytes)
{
    u32 count = bytes / 4;
    __asm__ volatile("rep stosl" : "+D"(at), "+c"(count) : "a"(value) : "memory");
}

void zoo_once(void)
{
    u32 *low = (u32 *)PAGE_LOW, *zoo = (u32 *)PAGE_ZOO;
    u64 *pae_low = (u64 *)PAE_LOW, *pae_zoo = (u64 *)PAE_ZOO, *pdpt = (u64 *)PAE_PDPT;
    for (u32 i = 0; i < 256; i++)
        low[i] = i << 12 | P | RW | A | D;
    for (u32 at = STACKS + STACK_BYTES; at < LOW_ZOO; at += 0x1000)
        low[at >> 12] |= US;
    low[0] |= US; /* the vectors of virtual-8086 mode */
    for (u32 i = 0; i < 8; i++)
        low[(LOW_ZOO >> 12) + i] = zoo_entry(i << 3 | 6 | (i & 1));
    for (u32 i = 0; i < 1024; i++)
        zoo[i] = zoo_entry(i);
    for (u32 i = 0; i < 256; i++)
        pae_low[i] = low[i];
    for (u32 i = 0; i < 512; i++)
        pae_zoo[i] = zoo_entry(i);
    ((u32 *)PAGE_DIR)[0] = PAGE_LOW | P | RW | US | A;
    ((u64 *)PAE_DIR)[0] = PAE_LOW | P | RW | US | A;
    pdpt[0] = PAE_DIR | P;
}

/* What few cases write to; too much to be made anew for each. */
void zoo_refill(void)
{
    fill(0x400, 0xCCCCCCCC, KERNEL - 0x400); /* jumps cut to 16 bits end here */
    fill(SPARE, 0xCCCCCCCC, SPARE_BYTES);
    fill(STACKS + 0x1000, 0xCCCCCCCC, DATA - STACKS - 0x1000);
    fill(DATA + 0x2000, 0x07000700, PAGE_DIR - DATA - 0x2000); /* a far pointer to INT3 */
}

/* Memory as every case finds it. */
static void memory(void)
{
    for (u32 i = 0; i < 256; i++)
        *(volatile u32 *)(i * 4) = i < 32 ? (KERNEL >> 4) << 16 | ((u32)real_stubs - KERNEL + i * 8) : (CODE >> 4) << 16 | (0xA00 + i);
    fill(CODE, 0xCCCCCCCC, CODE_BYTES);
    fill(DATA, 0x07000700, 0x2000); /* a far pointer to INT3 */
    fill(STACKS, 0x07000700, STACK_BYTES * 4); /* whoever returns there meets INT3 */
}

/* The entries that a case can have changed. */
static void pages(struct test *t)
{
    page_directory();
    pae_directory();
    for (u32 i = 0; i < 3; i++) {
        u32 n = t->zoo_page + i;
        ((u32 *)PAGE_ZOO)[n & 1023] = zoo_entry(n & 1023);
        ((u64 *)PAE_ZOO)[n & 511] = zoo_entry(n & 511);
    }
    for (u32 i = 0; i < 8; i++) {
        u32 entry = zoo_entry(i << 3 | 6 | (i & 1));
        ((u32 *)PAGE_LOW)[(LOW_ZOO >> 12) + i] = entry;
        ((u64 *)PAE_LOW)[(LOW_ZOO >> 12) + i] = entry;
    }
}

void zoo_make(struct test *t)
{
    memory();
    descriptors(t);
    interrupt_gates();
    main_task(t);
    task32(t, (u32 *)TSS_A);
    task16(t, (u16 *)TSS_B);
    double_fault_task();
    pages(t);
}

void zoo_write(u32 offset, const void *bytes, u32 n)
{
    const u8 *from = bytes;
    for (u32 i = 0; i < n; i++) {
        u32 at = (offset + i) & 0xFFF;
        ((u8 *)DATA)[at] = from[i];
        ((u8 *)DATA)[0x1000 + at] = from[i];
    }
}
