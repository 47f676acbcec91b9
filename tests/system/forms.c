/*
 * forms.c - the instructions of a case and what they find in registers, on the stack and in memory.
 */
#include "tests/system/judge.h"

static const u8 overrides[6] = {0x26, 0x2E, 0x36, 0x3E, 0x64, 0x65};

static u32 protected(const struct test *t)
{
    return t->mode == MODE_P16 || t->mode == MODE_P32;
}

void case_put(struct test *t, u32 byte)
{
    t->code[t->len++] = (u8)byte;
}

void case_put_n(struct test *t, u32 value, u32 n)
{
    for (; n; n--, value >>= 8)
        case_put(t, value);
}

/* An operand-size prefix one time in four. Returns the operand size. */
u32 case_opsize(struct test *t)
{
    if (!one_in(t, 4))
        return t->opsize;
    case_put(t, 0x66);
    return 6 - t->opsize;
}

u32 case_value(struct test *t)
{
    static const u32 values[] = {0, 1, 0xFFFFFFFF, 0x80000000, 0x7FFFFFFF, 0x8000, 0x7FFF, 0xFFFF, 0x80, 0xFF, 2, 0x10000};
    return one_in(t, 2) ? values[pick(t, 12)] : pick(t, 0x10000) << 16 | pick(t, 0x10000);
}

/* ---- memory operands ---- */

static u32 flat(u32 selector)
{
    return (selector & ~7u) >= SEL_DATA32 && (selector & ~7u) < SEL_DATA16;
}

/* An offset at which segment register SEG finds the case's operands, or one at an edge. */
u32 case_place(struct test *t, u32 seg)
{
    u32 selector = before.seg[seg];
    if (protected(t) && flat(selector)) {
        if (t->paging != NO_PAGING && one_in(t, 2))
            return t->zoo_dir << 22 | t->zoo_page << 12 | t->window;
        if (t->paging != NO_PAGING && one_in(t, 12))
            return 0xFFFFFFF0 + pick(t, 16);
        return DATA + t->window;
    }
    if (one_in(t, 8))
        return 0xFFF8 + pick(t, 9);
    if (!protected(t) && seg == ES)
        return (t->zoo_page & 7) << 12 | t->window;
    return t->window;
}

/* Address size for an operand in segment register SEG: flat segments need 32 bits, and 16-bit code a prefix for it. */
static u32 address_size(struct test *t, u32 seg)
{
    if (t->adsize == 4 || !protected(t) || !flat(before.seg[seg]))
        return t->adsize;
    case_put(t, 0x67);
    return 4;
}

/* ModRM and displacement for the operand REG, [place]. */
static void modrm_place(struct test *t, u32 reg, u32 offset, u32 size)
{
    case_put(t, (size == 4 ? 5 : 6) | reg << 3);
    case_put_n(t, offset, size);
}

/* The segment register of the operand, its override already put. */
static u32 operand_segment(struct test *t)
{
    static const u8 segs[] = {DS, DS, DS, ES, ES, FS};
    u32 seg = segs[pick(t, 6)];
    if (seg != DS)
        case_put(t, overrides[seg]);
    return seg;
}

/* OPCODE (one or two bytes, high byte first if two) with a memory operand. */
void case_with_memory(struct test *t, u32 opcode, u32 reg)
{
    u32 seg = operand_segment(t), size = address_size(t, seg);
    if (opcode > 0xFF)
        case_put(t, opcode >> 8);
    case_put(t, opcode);
    modrm_place(t, reg, case_place(t, seg), size);
}

/* ---- segment registers ---- */

/* Reads through SEG, so that its descriptor cache shows. */
static void use_segment(struct test *t, u32 seg)
{
    static const u32 limits[] = {0, 0x1F, 0x66, 0x67, 0x7FF, 0x800, 0xFFF, 0x1000, 0xFFFF};
    case_put(t, overrides[seg]);
    case_put(t, one_in(t, 3) ? 0x88 : 0x8A); /* MOV byte */
    modrm_place(t, EBX, limits[pick(t, 9)], t->adsize);
}

static u32 selector_for(struct test *t, u32 seg)
{
    if (!protected(t))
        return one_in(t, 2) ? DATA >> 4 : CODE >> 4;
    return seg == SS ? zoo_stack_selector(t, t->cpl) : zoo_data_selector(t);
}

static u32 some_segment(struct test *t)
{
    static const u8 segs[] = {ES, SS, DS, FS, GS};
    return segs[pick(t, 5)];
}

static void mov_sreg(struct test *t)
{
    u32 seg = one_in(t, 24) ? pick(t, 8) : some_segment(t);
    u32 selector = selector_for(t, seg);
    if (one_in(t, 4)) {
        zoo_write(t->window, &selector, 2);
        case_with_memory(t, 0x8E, seg);
    } else {
        before.gpr[EAX] = (case_value(t) & 0xFFFF0000) | selector;
        case_put(t, 0x8E);
        case_put(t, 0xC0 | seg << 3);
    }
    if (seg != SS && seg != CS && seg < 6)
        use_segment(t, seg);
}

static u32 *stack_top(struct test *t)
{
    u32 sp = before.gpr[ESP];
    return (u32 *)(t->mode == MODE_P32 && flat(before.seg[SS]) ? sp : STACKS + (sp & 0xFFFF));
}

static void push_value(struct test *t, u32 index, u32 size, u32 v)
{
    u8 *top = (u8 *)stack_top(t) + index * size;
    top[0] = (u8)v;
    top[1] = (u8)(v >> 8);
    if (size == 4)
        *(u32 *)top = v;
}

static void pop_sreg(struct test *t)
{
    static const u16 opcodes[6] = {0x07, 0, 0x17, 0x1F, 0x0FA1, 0x0FA9};
    u32 seg = some_segment(t), size = case_opsize(t);
    push_value(t, 0, size, selector_for(t, seg));
    if (opcodes[seg] > 0xFF)
        case_put(t, 0x0F);
    case_put(t, opcodes[seg]);
    if (seg != SS)
        use_segment(t, seg);
}

static void load_pointer(struct test *t)
{
    static const u16 opcodes[6] = {0xC4, 0, 0x0FB2, 0xC5, 0x0FB4, 0x0FB5};
    u32 seg = some_segment(t), size = case_opsize(t), selector = selector_for(t, seg), v = case_value(t);
    zoo_write(t->window, &v, size);
    zoo_write(t->window + size, &selector, 2);
    case_with_memory(t, opcodes[seg], EBX);
}

/* ---- far transfers ---- */

static u32 target_selector(struct test *t)
{
    return protected(t) ? zoo_code_selector(t) : CODE >> 4;
}

static u32 target_offset(struct test *t, u32 selector)
{
    return protected(t) ? zoo_code_offset(t, selector) : one_in(t, 16) ? 0xFFFF : 0x800 + pick(t, 64);
}

static void far_direct(struct test *t)
{
    u32 size = case_opsize(t), selector = target_selector(t);
    case_put(t, one_in(t, 2) ? 0xEA : 0x9A);
    case_put_n(t, target_offset(t, selector), size);
    case_put_n(t, selector, 2);
}

static void far_indirect(struct test *t)
{
    u32 size = case_opsize(t), selector = target_selector(t), offset = target_offset(t, selector);
    zoo_write(t->window, &offset, size);
    zoo_write(t->window + size, &selector, 2);
    case_with_memory(t, 0xFF, one_in(t, 2) ? 3 : 5);
}

static u32 outer_stack(struct test *t, u32 code)
{
    u32 rpl = code & 3;
    return one_in(t, 8) ? zoo_selector(t) : (one_in(t, 2) ? SEL_DATA32 : SEL_STACK16) + rpl * 8 + rpl;
}

static u32 outer_esp(u32 selector)
{
    return (selector & ~7u) >= SEL_STACK16 ? STACK_BYTES * 4 - 96 : STACKS + STACK_BYTES * 4 - 96;
}

static void ret_far(struct test *t)
{
    u32 size = case_opsize(t), selector = target_selector(t), stack = outer_stack(t, selector);
    u32 skip = one_in(t, 2) ? pick(t, 4) * 4 : 0;
    push_value(t, 0, size, target_offset(t, selector));
    push_value(t, 1, size, selector);
    push_value(t, 2 + skip / size, size, outer_esp(stack));
    push_value(t, 3 + skip / size, size, stack);
    case_put(t, skip ? 0xCA : 0xCB);
    if (skip)
        case_put_n(t, skip, 2);
}

static u32 some_flags(struct test *t)
{
    u32 flags = (case_value(t) & 0x8D5) | 2 | pick(t, 4) << 12 | (one_in(t, 4) ? 0x200 : 0) | (one_in(t, 8) ? 0x400 : 0);
    flags |= (one_in(t, 12) ? 0x40000 : 0) | (one_in(t, 12) ? 0x200000 : 0) | (one_in(t, 12) ? 0x180000 & case_value(t) : 0);
    return flags | (one_in(t, 12) ? EFLAGS_TF : 0) | (one_in(t, 12) ? 0x4000 : 0) | (one_in(t, 16) ? 0x10000 : 0);
}

static void interrupt_return(struct test *t)
{
    u32 size = case_opsize(t), selector = target_selector(t), stack = outer_stack(t, selector);
    u32 flags = some_flags(t);
    if (size == 4 && t->cpl == 0 && protected(t) && one_in(t, 4)) {
        flags |= EFLAGS_VM;
        selector = CODE >> 4;
        stack = STACKS >> 4;
        for (u32 i = 5; i < 9; i++)
            push_value(t, i, size, DATA >> 4);
    }
    push_value(t, 0, size, target_offset(t, selector));
    push_value(t, 1, size, selector);
    push_value(t, 2, size, flags);
    push_value(t, 3, size, outer_esp(stack));
    push_value(t, 4, size, stack);
    case_put(t, 0xCF);
}

static void software_interrupt(struct test *t)
{
    switch (pick(t, 12)) {
    case 0:
        case_put(t, 0xCE);
        break;
    case 1:
        case_put(t, 0xF1);
        break;
    case 2:
        case_put_n(t, 0x03CD, 2);
        break;
    default:
        case_put(t, 0xCD);
        case_put(t, one_in(t, 8) ? 0x36 + pick(t, 16) : 0x20 + pick(t, 22));
    }
}

static void bound(struct test *t)
{
    u32 size = case_opsize(t), low = pick(t, 8), high = pick(t, 16);
    before.gpr[EBX] = pick(t, 20);
    zoo_write(t->window, &low, size);
    zoo_write(t->window + size, &high, size);
    case_with_memory(t, 0x62, EBX);
}

/* ---- the system's registers ---- */

static void table_registers(struct test *t)
{
    u32 selector = protected(t) ? zoo_selector(t) : case_value(t);
    u32 reg = pick(t, 6); /* SLDT STR LLDT LTR VERR VERW */
    if (one_in(t, 3)) {
        zoo_write(t->window, &selector, 2);
        case_with_memory(t, 0x0F00, reg);
        return;
    }
    case_opsize(t);
    before.gpr[EAX] = (case_value(t) & 0xFFFF0000) | selector;
    case_put_n(t, 0x000F, 2);
    case_put(t, 0xC0 | reg << 3);
}

static void rights_and_limit(struct test *t)
{
    case_opsize(t);
    before.gpr[ECX] = (case_value(t) & 0xFFFF0000) | (protected(t) ? zoo_selector(t) : 0x33);
    before.gpr[EAX] = case_value(t);
    case_put(t, 0x0F);
    case_put(t, one_in(t, 2) ? 0x02 : 0x03);
    case_put(t, 0xC1);
}

static void arpl(struct test *t)
{
    u32 selector = case_value(t);
    before.gpr[EBX] = case_value(t);
    zoo_write(t->window, &selector, 2);
    case_with_memory(t, 0x63, EBX);
}

/* LGDT and LIDT load what is there already. */
static void descriptor_tables(struct test *t)
{
    u32 reg = pick(t, 4);
    u8 image[6] = {0, 0, 0, 0, 6, 0};
    u32 base = reg & 1 ? IDT : GDT, limit = (reg & 1 ? IDT_BYTES : GDT_BYTES) - 1;
    if (t->mode == MODE_REAL && reg == 3) { /* the vectors of real mode */
        base = 0;
        limit = 0x3FF;
    }
    image[0] = (u8)limit;
    image[1] = (u8)(limit >> 8);
    image[2] = (u8)base;
    image[3] = (u8)(base >> 8);
    image[4] = (u8)(base >> 16);
    zoo_write(t->window, image, 6);
    case_opsize(t);
    if (t->cpl == 0 && reg >= 2) { /* another address would load what cannot be left again */
        u32 size = address_size(t, DS);
        case_put_n(t, 0x010F, 2);
        modrm_place(t, reg, protected(t) && flat(before.seg[DS]) ? DATA + t->window : t->window, size);
        return;
    }
    case_with_memory(t, 0x0F01, reg);
}

static void machine_status(struct test *t)
{
    if (one_in(t, 3)) {
        case_put_n(t, 0x060F, 2); /* CLTS */
        return;
    }
    u32 reg = one_in(t, 2) ? 4 : 6;
    u32 word = (case_value(t) & 0xFFFE) | (protected(t) ? pick(t, 2) : 0);
    case_opsize(t);
    before.gpr[EAX] = word;
    case_put_n(t, 0x010F, 2);
    case_put(t, 0xC0 | reg << 3);
}

static void control_register(struct test *t)
{
    static const u32 toggles0[] = {0x10000, 0x40000, 2, 4, 8, 0x20, 0x60000000, 0x20000000, 0x40000000, 0x10, 0x8000};
    static const u32 toggles4[] = {4, 8, 0x100, 0x200, 0x400, 1, 2, 0x800000, 0x80000000, 0x40, 0x1000};
    u32 reg = one_in(t, 8) ? pick(t, 8) : (u32)"\0\2\3\4"[pick(t, 4)];
    if (one_in(t, 3)) {
        before.gpr[EAX] = case_value(t);
        case_put_n(t, 0x200F, 2);
        case_put(t, (one_in(t, 4) ? 0 : 0xC0) | reg << 3);
        return;
    }
    before.gpr[EAX] = reg == 0   ? before.cr0 ^ toggles0[pick(t, 11)]
                      : reg == 3 ? before.cr3 | (one_in(t, 4) ? 0x18 : 0)
                      : reg == 4 ? before.cr4 ^ toggles4[pick(t, 11)]
                                 : case_value(t);
    case_put_n(t, 0x220F, 2);
    case_put(t, 0xC0 | reg << 3);
}

static void debug_register(struct test *t)
{
    u32 reg = pick(t, 8);
    before.gpr[EAX] = reg >= 6 || reg == 5 || reg == 4 ? 0xFFFF0FF0 & case_value(t) & ~0x23FFu : case_value(t);
    case_put(t, 0x0F);
    case_put(t, one_in(t, 2) ? 0x21 : 0x23);
    case_put(t, 0xC0 | reg << 3);
}

static void privileged(struct test *t)
{
    switch (pick(t, 8)) {
    case 0:
        case_with_memory(t, 0x0F01, 7); /* INVLPG */
        break;
    case 1:
        case_put_n(t, 0x080F, 2); /* INVD */
        break;
    case 2:
        case_put_n(t, 0x090F, 2);
        break;
    case 3:
        if (t->cpl == 0)
            case_put(t, 0xFB);
        else
            case_put(t, 0xF4);
        break;
    case 4:
        before.gpr[ECX] = one_in(t, 2) ? 0x174 : 0x12345;
        case_put_n(t, 0x320F, 2);
        break;
    case 5:
        before.gpr[ECX] = 0x12345;
        case_put_n(t, 0x300F, 2);
        break;
    case 6:
        case_put_n(t, 0x310F, 2); /* RDTSC */
        t->ignore = 1 << EAX | 1 << EDX;
        break;
    default:
        case_put_n(t, one_in(t, 2) ? 0x340F : 0x350F, 2); /* SYSENTER, SYSEXIT without their MSRs */
    }
}

/* ---- flags and ports ---- */

static void flags(struct test *t)
{
    u32 size = case_opsize(t);
    switch (pick(t, 6)) {
    case 0:
        case_put(t, 0xFA);
        break;
    case 1:
        case_put(t, 0xFB);
        case_put(t, 0x90);
        break;
    case 2:
        case_put(t, 0x9C);
        break;
    default:
        push_value(t, 0, size, some_flags(t) | (one_in(t, 8) ? EFLAGS_VM : 0));
        case_put(t, 0x9D);
        case_put(t, 0x90);
    }
}

/* Writes to POST codes and DMA pages nobody uses; reads where nobody answers: what a port reads is not the processor's. */
static u32 some_port(struct test *t, u32 reads)
{
    if (one_in(t, 12) && t->mode != MODE_REAL && t->cpl)
        return 0xFFFE; /* beyond the bitmap */
    return reads ? 0x110 + pick(t, 4) : 0x7F + pick(t, 6);
}

static void ports(struct test *t)
{
    static const u8 by_number[2][2] = {{0xE6, 0xE7}, {0xE4, 0xE5}}, by_dx[2][2] = {{0xEE, 0xEF}, {0xEC, 0xED}},
                    strings_of[2][2] = {{0x6E, 0x6F}, {0x6C, 0x6D}};
    u32 reads = pick(t, 2), wide = pick(t, 2), kind = pick(t, 4);
    case_opsize(t);
    before.gpr[EDX] = some_port(t, reads);
    if (kind == 0) {
        case_put(t, by_number[reads][wide]);
        case_put(t, reads ? 0xD0 + pick(t, 4) * 2 : 0x7F + pick(t, 6));
        t->ignore |= reads ? 1 << EAX : 0; /* a DMA controller's */
    } else if (kind < 3) {
        case_put(t, by_dx[reads][wide]);
    } else {
        if (one_in(t, 2))
            case_put(t, 0xF3);
        before.gpr[ECX] = pick(t, 4);
        before.gpr[ESI] = case_place(t, DS);
        before.gpr[EDI] = case_place(t, ES);
        case_put(t, strings_of[reads][wide]);
    }
}

/* ---- memory ---- */

static void memory_access(struct test *t)
{
    static const u16 opcodes[] = {0x8A, 0x8B, 0x88, 0x89, 0x01, 0x31, 0x87, 0x39, 0x0FB0, 0x0FB1, 0x0FC1, 0x0FAB, 0x0FB6, 0x0FB7};
    u32 v = case_value(t);
    before.gpr[EBX] = case_value(t);
    zoo_write(t->window, &v, 4);
    u32 i = pick(t, 14);
    if (i == 11)
        before.gpr[EBX] = pick(t, 64) - 32; /* BTS reaches beside its operand */
    if (one_in(t, 10))
        case_put(t, 0xF0);
    case_opsize(t);
    case_with_memory(t, opcodes[i], EBX);
}

static void one_operand(struct test *t)
{
    static const struct {
        u16 opcode;
        u8 reg;
    } list[] = {{0xFF, 0}, {0xFF, 6}, {0x8F, 0}, {0xFF, 2}, {0xFF, 4}, {0xF7, 2}, {0xD1, 4},
                {0x0FC7, 1}, {0x0FAE, 7}, {0x0F18, 1}, {0x0FC7, 6}, {0x8F, 1}, {0xFE, 2}, {0xC6, 1}};
    u32 i = pick(t, 14), v = 0x900;
    zoo_write(t->window, &v, 4);
    if (one_in(t, 10))
        case_put(t, 0xF0);
    case_opsize(t);
    case_with_memory(t, list[i].opcode, list[i].reg);
    if (list[i].opcode == 0xC6)
        case_put(t, 0x55);
}

/* Misaligned operands of SSE; x87, MMX and SSE under EM, TS and OSFXSR. */
static void coprocessor(struct test *t)
{
    static const u32 plain[] = {0xE8D9, 0xD0D9, 0x9B, 0x770F, 0xC1280F, 0xC16F0F, 0xC158F20F, 0xE0DF};
    if (one_in(t, 2)) {
        u32 code = plain[pick(t, 8)];
        case_put_n(t, code, code > 0xFFFFFF ? 4 : code > 0xFFFF ? 3 : code > 0xFF ? 2 : 1);
        if (code == 0xE0DF)
            t->ignore = 1 << EAX;
        return;
    }
    static const u16 opcodes[] = {0x0F28, 0x0F29, 0x0F10, 0x0F6F, 0x0F58, 0xD9, 0xDD};
    u32 i = pick(t, 7);
    if (i == 5 || i == 6) {
        case_with_memory(t, opcodes[i], 0); /* FLD */
        return;
    }
    case_with_memory(t, opcodes[i], 0);
}

/* The stack pointer at an edge; what catches the case has a stack of its own then. */
static void stack_edges(struct test *t)
{
    static const u16 opcodes[] = {0x50, 0x58, 0x60, 0x61, 0x9C, 0x06, 0x07, 0xC9, 0xC8, 0xE8, 0xC3, 0x6A, 0x68, 0xCB};
    u32 i = pick(t, 14), size = case_opsize(t);
    if (t->mode != MODE_REAL && t->cpl != 0) {
        u32 flat_stack = t->mode == MODE_P32;
        u32 edge = flat_stack && t->paging != NO_PAGING && one_in(t, 2)
                       ? t->zoo_dir << 22 | t->zoo_page << 12 | (pick(t, 2) ? pick(t, 16) : 0xFF0 + pick(t, 16))
                       : flat_stack ? pick(t, 2) && t->paging != NO_PAGING ? 0xFFFFFFF8 + pick(t, 8) : DATA + pick(t, 8)
                                    : pick(t, 2) ? pick(t, 16) : 0xFFF0 + pick(t, 16);
        before.gpr[ESP] = edge;
        before.gpr[EBP] = one_in(t, 2) ? edge : before.gpr[EBP];
    } else if (i == 3 || i == 6 || i == 10 || i == 13) {
        return;
    }
    case_put(t, opcodes[i]);
    if (opcodes[i] == 0xC8) {
        case_put_n(t, pick(t, 4) * 4, 2);
        case_put(t, pick(t, 4));
    } else if (opcodes[i] == 0xE8) {
        case_put_n(t, 0x20, size);
    } else if (opcodes[i] == 0x6A) {
        case_put(t, 0x80);
    } else if (opcodes[i] == 0x68) {
        case_put_n(t, case_value(t), size);
    }
}

static void strings(struct test *t)
{
    static const u8 opcodes[] = {0xA4, 0xA5, 0xA6, 0xA7, 0xAA, 0xAB, 0xAC, 0xAD, 0xAE, 0xAF};
    if (one_in(t, 2))
        case_put(t, one_in(t, 4) ? 0xF2 : 0xF3);
    case_opsize(t);
    u32 size = address_size(t, flat(before.seg[ES]) ? ES : DS);
    if (size == t->adsize && one_in(t, 6)) {
        case_put(t, 0x67);
        size = 6 - size;
    }
    before.gpr[ECX] = (size == 2 ? case_value(t) & 0xFFFF0000 : 0) | pick(t, 24);
    before.gpr[ESI] = case_place(t, DS) + pick(t, 16) - 8;
    before.gpr[EDI] = case_place(t, ES) + pick(t, 16) - 8;
    case_put(t, opcodes[pick(t, 10)]);
}

/* ---- what must not exist, and jumps out of the segment ---- */

static void undefined(struct test *t)
{
    static const u32 codes[] = {0x0B0F, 0xC0B90F, 0xFF0F, 0xAA0F, 0xF0FF, 0xC8FE, 0x90F0, 0xC001F0, 0x8DC0, 0xC0C4, 0x040F, 0x240F, 0xD6};
    u32 code = codes[pick(t, 13)];
    if (one_in(t, 6)) { /* too long, or just not */
        for (u32 n = 11 + pick(t, 5); n; n--)
            case_put(t, one_in(t, 2) ? 0x66 : 0x2E);
        case_put_n(t, 0xC38B, 2);
        return;
    }
    case_put_n(t, code, code > 0xFFFF ? 3 : code > 0xFF ? 2 : 1);
    if (code == 0xC0B90F || code == 0xFF0F)
        case_put(t, 0xC0);
}

static void near_jump(struct test *t)
{
    u32 size = case_opsize(t), target = protected(t) && flat(before.seg[DS]) && t->mode == MODE_P32
                                       ? (pick(t, 2) && t->paging != NO_PAGING ? 0xFFFFFFFF : CODE + 0x900) : pick(t, 2) ? 0xFFFF : 0x12345;
    before.gpr[EAX] = target;
    switch (pick(t, 4)) {
    case 0:
        case_put(t, 0xFF);
        case_put(t, 0xE0);
        break;
    case 1:
        case_put(t, 0xFF);
        case_put(t, 0xD0);
        break;
    case 2:
        push_value(t, 0, size, target);
        case_put(t, 0xC2 + pick(t, 2));
        case_put_n(t, pick(t, 4) * 4, 2); /* RET's own, or never reached */
        break;
    default:
        case_put(t, one_in(t, 2) ? 0xE9 : 0xE8);
        case_put_n(t, one_in(t, 2) ? 0x300 : 0xFFFFF000, size);
    }
}

static void divide(struct test *t)
{
    if (one_in(t, 3)) {
        case_put_n(t, 0x00D4, 2); /* AAM 0 */
        return;
    }
    t->ignore = IGNORE_FLAGS;
    before.gpr[EAX] = case_value(t);
    before.gpr[EDX] = one_in(t, 2) ? 0 : case_value(t);
    before.gpr[ECX] = one_in(t, 3) ? 0 : case_value(t);
    case_opsize(t);
    case_put(t, one_in(t, 3) ? 0xF6 : 0xF7);
    case_put(t, (one_in(t, 2) ? 0xF0 : 0xF8) | ECX);
}

/* ---- the list ---- */

static const struct {
    const char *name;
    void (*make)(struct test *t);
} forms[] = {
    {"mov-sreg", mov_sreg},       {"mov-sreg", mov_sreg},         {"pop-sreg", pop_sreg},
    {"load-pointer", load_pointer}, {"far-direct", far_direct},   {"far-direct", far_direct},
    {"far-indirect", far_indirect}, {"ret-far", ret_far},         {"ret-far", ret_far},
    {"iret", interrupt_return},   {"iret", interrupt_return},     {"int", software_interrupt},
    {"int", software_interrupt},  {"bound", bound},               {"table-register", table_registers},
    {"table-register", table_registers}, {"lar-lsl", rights_and_limit}, {"lar-lsl", rights_and_limit},
    {"arpl", arpl},               {"table", descriptor_tables},   {"msw", machine_status},
    {"cr", control_register},     {"dr", debug_register},         {"privileged", privileged},
    {"flags", flags},             {"flags", flags},               {"port", ports},
    {"memory", memory_access},    {"memory", memory_access},      {"one-operand", one_operand},
    {"fp", coprocessor},          {"stack", stack_edges},         {"stack", stack_edges},
    {"string", strings},          {"string", strings},            {"undefined", undefined},
    {"near", near_jump},          {"divide", divide},
    {"row", row_make},            {"row", row_make},              {"row", row_make},
    {"row", row_make},            {"row", row_make},              {"row", row_make},
    {"row", row_make},            {"row", row_make},
};

void form_make(struct test *t)
{
    u32 i = pick(t, sizeof forms / sizeof *forms);
    t->form = forms[i].name;
    forms[i].make(t);
}
