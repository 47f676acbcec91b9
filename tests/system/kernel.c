/*
 * kernel.c - one case after the other: makes it, runs it, prints a line on port E9h.
 */
#include "tests/system/judge.h"

/* ---- printing ---- */

static void put_char(char c)
{
    __asm__ volatile("outb %0, $0xE9" : : "a"(c));
}

static void print(const char *text)
{
    while (*text)
        put_char(*text++);
}

static void print_hex(u32 v, u32 digits)
{
    while (digits--)
        put_char("0123456789ABCDEF"[v >> digits * 4 & 15]);
}

/* As short as it goes. */
static void print_value(u32 v)
{
    u32 digits = 1;
    while (digits < 8 && v >> digits * 4)
        digits++;
    print_hex(v, digits);
}

static void print_decimal(u32 v)
{
    char text[11];
    u32 n = 0;
    do {
        text[n++] = (char)('0' + v % 10);
        v /= 10;
    } while (v);
    while (n)
        put_char(text[--n]);
}

void print_field(const char *name, u32 v)
{
    put_char(' ');
    print(name);
    put_char('=');
    print_value(v);
}

/* ---- the generator's randomness ---- */

static u32 mix(u32 x)
{
    x ^= x >> 16;
    x *= 0x7FEB352D;
    x ^= x >> 15;
    x *= 0x846CA68B;
    return x ^ x >> 16;
}

u32 pick(struct test *t, u32 n)
{
    t->random = t->random * 1664525 + 1013904223;
    return (u32)((u64)mix(t->random) * n >> 32);
}

/* ---- what memory a case may have changed ---- */

struct region {
    const char *name;
    u32 at, bytes;
};

static struct region regions[16];
static u32 region_count;
static u32 shadow[2048];

static void watch(const char *name, u32 at, u32 bytes)
{
    regions[region_count++] = (struct region){name, at, bytes};
}

static void choose_regions(const struct test *t)
{
    u32 window = t->window >= 32 ? t->window - 32 : 0, bytes = 96;
    if (window + bytes > 0x1000)
        bytes = 0x1000 - window;
    window &= ~3u;
    region_count = 0;
    watch("gdt", GDT, GDT_BYTES);
    watch("ldt", LDT, LDT_BYTES);
    watch("tss", TSS_MAIN, 0x68);
    watch("tssa", TSS_A, 0x68);
    watch("tssb", TSS_B, 0x2C);
    for (u32 i = 1; i <= 4; i++)
        watch("stack", STACKS + STACK_BYTES * i - 160, 160);
    watch("data", DATA + window, bytes & ~3u);
    watch("data", DATA + 0x1000 + window, bytes & ~3u);
    watch("data", DATA, 32);
    if (t->paging == PAGING) {
        watch("pde", PAGE_DIR, 36);
        watch("pte", PAGE_ZOO + (t->zoo_page & 1023) * 4, t->zoo_page < 1023 ? 8 : 4);
        watch("pte", PAGE_LOW + (LOW_ZOO >> 12) * 4, 32);
    } else if (t->paging == PAE) {
        watch("pde", PAE_DIR, 136);
        watch("pte", PAE_ZOO + (t->zoo_page & 511) * 8, t->zoo_page < 511 ? 16 : 8);
        watch("pte", PAE_LOW + (LOW_ZOO >> 12) * 8, 64);
    }
}

static void remember(void)
{
    u32 n = 0;
    for (u32 i = 0; i < region_count; i++)
        for (u32 off = 0; off < regions[i].bytes; off += 4)
            shadow[n++] = *(u32 *)(regions[i].at + off);
}

enum { CHANGES_SHOWN = 64 };

static void print_changes(void)
{
    u32 n = 0, shown = 0, hash = 0;
    for (u32 i = 0; i < region_count; i++)
        for (u32 off = 0; off < regions[i].bytes; off += 4, n++) {
            u32 v = *(u32 *)(regions[i].at + off);
            if (v == shadow[n])
                continue;
            hash = mix(hash ^ v ^ (regions[i].at + off));
            if (shown++ >= CHANGES_SHOWN)
                continue;
            put_char(' ');
            print(regions[i].name);
            put_char('+');
            print_value(off);
            put_char(':');
            print_value(v);
        }
    if (shown > CHANGES_SHOWN)
        print_field("more", hash);
}

/* ---- a case ---- */

static void choose_mode(struct test *t)
{
    static const u8 modes[] = {MODE_REAL, MODE_V86, MODE_V86, MODE_P16, MODE_P16, MODE_P32, MODE_P32, MODE_P32};
    t->mode = modes[pick(t, 8)];
    t->paging = t->mode == MODE_REAL ? NO_PAGING : pick(t, 3);
    t->cpl = t->mode == MODE_REAL ? 0 : t->mode == MODE_V86 ? 3 : "\0\0\1\2\3\3"[pick(t, 6)];
    t->opsize = t->adsize = t->mode == MODE_P32 ? 4 : 2;
    t->zoo_dir = 1 + pick(t, 8);
    t->zoo_page = pick(t, t->paging == PAE ? 512 : 1024);
    t->window = one_in(t, 4) ? 0xFF4 + pick(t, 12) : 0x100 + pick(t, 64) * 4 + (one_in(t, 4) ? pick(t, 4) : 0);
    if (t->zoo_dir >= 5 && t->zoo_dir != 7)
        t->zoo_page = (DATA >> 12) + (t->zoo_page & 1); /* a large page: the same memory */
}

static void choose_control(struct test *t)
{
    u32 cr0 = 0x30 | (one_in(t, 2) ? 0x10000 : 0) | (one_in(t, 2) ? 0x40000 : 0) | (one_in(t, 16) ? pick(t, 8) * 2 : 0);
    u32 cr4 = one_in(t, 8) ? pick(t, 2) << 2 | pick(t, 2) << 3 | pick(t, 2) << 8 | 0x600 : 0x600;
    if (t->mode != MODE_REAL)
        cr0 |= 1;
    if (t->paging != NO_PAGING)
        cr0 |= 0x80000000;
    cr4 |= t->paging == PAE ? 0x30 : 0x10;
    cr4 |= (one_in(t, 3) ? 1 : 0) | (one_in(t, 6) ? 2 : 0) | (one_in(t, 4) ? 0x80 : 0);
    before.cr0 = cr0;
    before.cr4 = cr4;
    before.cr3 = t->paging == PAE ? PAE_PDPT : t->paging == PAGING ? PAGE_DIR : 0;
}

static void choose_segments(struct test *t)
{
    u32 level = t->cpl * 8 + t->cpl, top = STACK_BYTES * 4 - 96;
    if (t->mode == MODE_REAL || t->mode == MODE_V86) {
        for (u32 i = 0; i < 6; i++)
            before.seg[i] = DATA >> 4;
        before.seg[ES] = one_in(t, 2) && t->mode == MODE_V86 ? LOW_ZOO >> 4 : DATA >> 4;
        before.seg[CS] = CODE >> 4;
        before.seg[SS] = STACKS >> 4;
        before.gpr[ESP] = top;
        return;
    }
    for (u32 i = 0; i < 6; i++)
        before.seg[i] = (one_in(t, t->mode == MODE_P32 ? 4 : 2) ? SEL_DATA16 : SEL_DATA32) + level;
    before.seg[GS] = 0;
    before.seg[CS] = (t->mode == MODE_P32 ? SEL_CODE32 : SEL_CODE16) + level;
    before.seg[SS] = (t->mode == MODE_P32 ? SEL_DATA32 : SEL_STACK16) + level;
    before.gpr[ESP] = t->mode == MODE_P32 ? STACKS + top : top;
    if (t->mode == MODE_P16)
        for (u32 i = 0; i < 6; i++)
            if (i != CS && i != SS && i != GS && one_in(t, 2))
                before.seg[i] = SEL_DATA16 + level;
}

static void choose_registers(struct test *t)
{
    for (u32 i = 0; i < 8; i++)
        if (i != ESP)
            before.gpr[i] = pick(t, 0x10000) << 16 | pick(t, 0x10000);
    before.gpr[EBP] = t->mode == MODE_P32 ? STACKS + STACK_BYTES * 4 - 64 : STACK_BYTES * 4 - 64;
    before.eflags = 2 | (pick(t, 0x1000) & 0x8D5) | pick(t, 4) << 12 | (one_in(t, 4) ? 0x200 : 0) | (one_in(t, 8) ? 0x400 : 0);
    before.eflags |= one_in(t, 24) ? EFLAGS_TF : 0;
    if (t->mode == MODE_REAL) {
        before.eflags &= 0x7FFF;
        return;
    }
    before.eflags |= (one_in(t, 24) ? 0x4000 : 0) | (one_in(t, 4) ? 0x40000 : 0) | (one_in(t, 16) ? 0x100000 : 0);
    before.eflags |= one_in(t, 12) ? 0x80000 : 0;
    if (t->mode == MODE_V86)
        before.eflags = (before.eflags | EFLAGS_VM) & ~0x4000u;
}

static void place_code(struct test *t)
{
    u8 *code = (u8 *)CODE + 0x200;
    for (u32 i = 0; i < 64; i++)
        code[i] = i < t->len ? t->code[i] : 0xCC;
    t->entry = CODE + 0x200;
    before.eip = t->mode == MODE_P32 ? t->entry : 0x200;
    before.mode = t->mode;
}

/* What operands lie in and near, different in each byte. */
static void operand_memory(const struct test *t)
{
    u8 pattern[96];
    for (u32 i = 0; i < sizeof pattern; i++)
        pattern[i] = (u8)(0x40 + i);
    zoo_write(t->window - 32, pattern, sizeof pattern);
}

static void make(struct test *t, u32 number)
{
    *t = (struct test){.random = mix(parameters.seed * 0x9E3779B9u + number)};
    choose_mode(t);
    choose_control(t);
    choose_segments(t);
    choose_registers(t);
    zoo_make(t);
    operand_memory(t);
    form_make(t);
    fp_choose(t);
    place_code(t);
    choose_regions(t);
}

static void print_case(const struct test *t, u32 number)
{
    static const char *const modes[] = {"real", "v86", "p16", "p32"}, *const pagings[] = {"", "+pg", "+pae"};
    print_decimal(number);
    put_char(' ');
    print(t->form);
    put_char(' ');
    print(modes[t->mode]);
    print(pagings[t->paging]);
    if (t->mode >= MODE_P16)
        put_char((char)('0' + t->cpl));
    put_char(' ');
    for (u32 i = 0; i < t->len; i++)
        print_hex(t->code[i], 2);
    print_field("cr0", before.cr0);
    print_field("cr4", before.cr4);
    print_field("flags", before.eflags);
    print(" :");
}

static void print_result(const struct test *t)
{
    static const char *const gprs[] = {"eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi"};
    static const char *const segs[] = {"es", "cs", "ss", "ds", "fs", "gs"};
    u32 flags = after.eflags;
    if (t->ignore & IGNORE_FLAGS)
        flags &= ~0x8D5u;
    print_field("vec", after.vector);
    if (after.error != 0xFFFFFFFF)
        print_field("err", after.error);
    print_field("eip", after.eip);
    print_field("fl", flags);
    for (u32 i = 0; i < 6; i++)
        if (i == CS || (after.seg[i] & 0xFFFF) != before.seg[i])
            print_field(segs[i], after.seg[i] & 0xFFFF);
    for (u32 i = 0; i < 8; i++)
        if (after.gpr[i] != before.gpr[i] && !(t->ignore >> i & 1))
            print_field(gprs[i], after.gpr[i]);
    if (after.cr0 != before.cr0)
        print_field("cr0", after.cr0);
    if (after.cr2)
        print_field("cr2", after.cr2);
    if (after.cr4 != before.cr4)
        print_field("cr4", after.cr4);
    if (after.dr6 != 0xFFFF0FF0)
        print_field("dr6", after.dr6);
    if (t->mode != MODE_REAL) {
        if (after.tr != SEL_TSS)
            print_field("tr", after.tr);
        if (after.ldt != SEL_LDT)
            print_field("ldt", after.ldt);
        if (after.handler_cs != SEL_KCODE)
            print_field("hcs", after.handler_cs);
        if (after.handler_ss != SEL_KDATA)
            print_field("hss", after.handler_ss);
    }
}

static void clear(struct state *s)
{
    u8 *bytes = (u8 *)s;
    for (u32 i = 0; i < sizeof *s; i++)
        bytes[i] = 0;
}

enum { GROUP = 16 }; /* cases between refills */

void kmain(void)
{
    struct test t;
    zoo_once();
    for (u32 n = parameters.first; n - parameters.first < parameters.count; n++) {
        if (n % GROUP == 0 || n == parameters.first)
            zoo_refill();
        make(&t, n);
        clear(&after);
        remember();
        print_case(&t, n);
        fp_load();
        __asm__ volatile("mov %0, %%dr0; mov %0, %%dr1; mov %0, %%dr2; mov %0, %%dr3; mov %0, %%dr7" : : "r"(0));
        enter_case();
        print_result(&t);
        fp_print();
        print_changes();
        put_char('\n');
    }
    print("end\n");
    __asm__ volatile("outb %0, $0xF4" : : "a"((u8)0));
}
