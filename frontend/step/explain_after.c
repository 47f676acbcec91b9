/*
 * explain_after.c - what an instruction changed: the difference of two snapshots.
 */
#include "frontend/step/operand.h"

/* ---- snapshots ---- */

static void take_state(struct step_snapshot *s, const struct cpu *c)
{
    memcpy(s->r, c->r, sizeof s->r);
    s->ip = c->ip;
    s->eflags = cpu_eflags(c);
    s->cpl = c->cpl;
    s->stack32 = c->stack32;
    memcpy(s->seg, c->seg, sizeof s->seg);
    s->ldtr = c->ldtr;
    s->tr = c->tr;
    s->gdtr = c->gdtr;
    s->idtr = c->idtr;
    s->cr0 = c->cr0;
    s->cr2 = c->cr2;
    s->cr3 = c->cr3;
    s->cr4 = c->cr4;
    memcpy(s->dr, c->dr, sizeof s->dr);
    s->fpu = c->fpu;
    memcpy(s->xmm, c->xmm, sizeof s->xmm);
    s->mxcsr = c->mxcsr;
}

static void read_area(struct step_area *a, const struct peek *peek)
{
    a->known = peek->lin(peek->ctx, (u32)a->lin, a->data, MIN(a->len, (u32)STEP_BYTES));
}

static void add_area(struct step_snapshot *s, const struct explain *x, const struct place *p)
{
    u64 count = string_count(x), below = x->cpu->eflags & F_DF && is_string(x->insn) ? (count - 1) * p->len : 0;
    struct step_area *a = &s->area[s->areas++];
    *a = (struct step_area){.seg = p->seg,
                            .wide = p->wide,
                            .off = (p->off - below) & insn_addr_mask(x->insn),
                            .lin = (u32)(p->lin - below),
                            .len = (u32)MIN(count * p->len, 0xFFFFFFFFu),
                            .unit = (u8)MIN(p->len, 16u)};
    read_area(a, &x->peek);
}

/* What the instruction pushes is found by the stack pointer afterwards. */
void step_snapshot_before(struct step_snapshot *s, const struct explain *x)
{
    struct place p;
    memset(s, 0, sizeof *s);
    take_state(s, x->cpu);
    s->ip = x->ip;
    s->op_len = x->insn->len;
    s->mmx = isa_rows[x->insn->op].attrs & A_MMX;
    if (string_count(x) == 0)
        return;
    for (unsigned n = 1; n <= PLACE_TABLE && s->areas < STEP_AREAS; n++) {
        if (!(operand_access(x, n) & ACCESS_WRITE))
            continue;
        place_find(x, n, &p);
        if (p.kind == PLACE_MEM && p.len)
            add_area(s, x, &p);
    }
}

static u32 stack_pointer(const struct step_snapshot *s)
{
    return s->stack32 ? (u32)s->r[R_SP] : (u16)s->r[R_SP];
}

/* How many bytes were pushed: 0 if the stack is another one or grew the other way. */
static u32 pushed_bytes(const struct step_snapshot *before, const struct step_snapshot *after)
{
    u32 was = stack_pointer(before), is = stack_pointer(after);
    bool same = before->seg[SEG_SS].base == after->seg[SEG_SS].base && before->stack32 == after->stack32;
    return same && is < was && was - is <= sizeof after->pushed ? was - is : 0;
}

void step_snapshot_after(struct step_snapshot *s, const struct step_snapshot *before, const struct cpu *c,
                         const struct peek *peek)
{
    memset(s, 0, sizeof *s);
    take_state(s, c);
    s->mmx = before->mmx;
    s->areas = before->areas;
    memcpy(s->area, before->area, sizeof s->area);
    for (unsigned i = 0; i < s->areas; i++)
        read_area(&s->area[i], peek);
    u32 n = pushed_bytes(before, s);
    u64 at = s->seg[SEG_SS].base + stack_pointer(s);
    s->pushed_known = n && peek->lin(peek->ctx, (u32)at, s->pushed, n);
}

/* ---- the difference ---- */

/* Between two changes. */
static void next(struct text *t)
{
    if (t->used)
        text_add(t, "; ");
}

static void change(struct text *t, const char *name, u64 was, u64 is)
{
    if (was == is)
        return;
    next(t);
    text_add(t, "%s ", name);
    text_number(t, was);
    text_add(t, " -> ");
    text_number(t, is);
}

static void flags_that_are(struct text *t, u32 changed, const char *verb)
{
    static const struct {
        u32 bit;
        const char *name;
    } names[] = {{F_OF, "OF"}, {F_SF, "SF"}, {F_ZF, "ZF"},   {F_AF, "AF"},  {F_PF, "PF"}, {F_CF, "CF"},
                 {F_TF, "TF"}, {F_IF, "IF"}, {F_DF, "DF"},   {F_NT, "NT"},  {F_RF, "RF"}, {F_VM, "VM"},
                 {F_AC, "AC"}, {F_ID, "ID"}, {F_VIF, "VIF"}, {F_VIP, "VIP"}};
    bool any = false;
    for (unsigned i = 0; i < ARRAY_LEN(names); i++) {
        if (!(changed & names[i].bit))
            continue;
        if (!any)
            next(t);
        text_add(t, "%s%s", any ? " " : "", names[i].name);
        any = true;
    }
    text_add(t, "%s", any ? verb : "");
}

static void diff_flags(struct text *t, u32 was, u32 is)
{
    flags_that_are(t, is & ~was, " set");
    flags_that_are(t, was & ~is, " cleared");
    change(t, "IOPL", (was & F_IOPL) >> 12, (is & F_IOPL) >> 12);
}

static void diff_memory(struct text *t, const struct step_area *was, const struct step_area *is)
{
    struct place p = {.kind = PLACE_MEM, .seg = is->seg, .wide = is->wide, .off = is->off, .len = is->len};
    u32 kept = MIN(is->len, (u32)STEP_BYTES);
    bool one = is->len == is->unit;
    if (!was->known || !is->known || (is->len == kept && memcmp(was->data, is->data, kept) == 0))
        return;
    next(t);
    place_name(t, &p, VALUE_UINT);
    if (one) {
        text_add(t, " ");
        value_text(t, was->data, is->len, VALUE_UINT);
        text_add(t, " -> ");
        value_text(t, is->data, is->len, VALUE_UINT);
    } else {
        text_add(t, " written");
    }
}

/* The last pushed value first, as it lies in memory. */
static void diff_stack(struct text *t, const struct step_snapshot *before, const struct step_snapshot *after)
{
    u32 n = pushed_bytes(before, after);
    unsigned unit = after->stack32 && n % 4 == 0 ? 4 : 2;
    if (!after->pushed_known)
        return;
    next(t);
    text_add(t, "on the stack now:");
    for (u32 at = 0; at + unit <= n; at += unit) {
        text_add(t, " ");
        text_number(t, unit == 4 ? ld32(after->pushed + at) : ld16(after->pushed + at));
    }
}

static void diff_segment(struct text *t, const char *name, const struct segment *was, const struct segment *is)
{
    change(t, name, was->sel, is->sel);
    if (was->base == is->base && was->limit == is->limit)
        return;
    next(t);
    text_add(t, "%s now has base ", name);
    text_number(t, is->base);
    text_add(t, ", limit ");
    text_number(t, is->limit);
}

static void diff_table(struct text *t, const char *name, const struct dtable *was, const struct dtable *is)
{
    if (was->base == is->base && was->limit == is->limit)
        return;
    next(t);
    text_add(t, "%s now has base %08Xh, limit %04Xh", name, (u32)is->base, is->limit);
}

static void diff_system(struct text *t, const struct step_snapshot *b, const struct step_snapshot *a)
{
    for (unsigned i = 0; i < SEG_COUNT; i++)
        diff_segment(t, seg_name(i), &b->seg[i], &a->seg[i]);
    diff_segment(t, "LDTR", &b->ldtr, &a->ldtr);
    diff_segment(t, "TR", &b->tr, &a->tr);
    diff_table(t, "GDTR", &b->gdtr, &a->gdtr);
    diff_table(t, "IDTR", &b->idtr, &a->idtr);
    change(t, "CPL", b->cpl, a->cpl);
    change(t, "CR0", b->cr0, a->cr0);
    change(t, "CR2", b->cr2, a->cr2);
    change(t, "CR3", b->cr3, a->cr3);
    change(t, "CR4", b->cr4, a->cr4);
    for (unsigned i = 0; i < 8; i++) {
        char name[4] = {'D', 'R', (char)('0' + i), 0};
        change(t, name, b->dr[i], a->dr[i]);
    }
}

/* ---- x87, MMX, SSE ---- */

static bool same_f80(struct f80 a, struct f80 b)
{
    return a.m == b.m && a.se == b.se;
}

static void diff_mmx(struct text *t, const struct step_snapshot *b, const struct step_snapshot *a)
{
    for (unsigned i = 0; i < 8; i++) {
        if (b->fpu.st[i].m == a->fpu.st[i].m)
            continue;
        next(t);
        text_add(t, "MM%u = ", i);
        value_text(t, (const u8 *)&a->fpu.st[i].m, 8, VALUE_D);
    }
}

/* Registers by the name that they have now; one that was only renamed by a push or pop is not mentioned. */
static void diff_x87(struct text *t, const struct step_snapshot *b, const struct step_snapshot *a)
{
    if (a->fpu.top != b->fpu.top) {
        next(t);
        text_add(t, "x87 TOP %u -> %u", b->fpu.top, a->fpu.top);
    }
    for (unsigned i = 0; i < 8; i++) {
        unsigned p = (a->fpu.top + i) & 7;
        bool was_empty = b->fpu.empty >> p & 1, is_empty = a->fpu.empty >> p & 1;
        if (was_empty == is_empty && (is_empty || same_f80(b->fpu.st[p], a->fpu.st[p])))
            continue;
        next(t);
        text_add(t, "ST(%u) = ", i);
        st_text(t, &a->fpu, p);
    }
}

static void diff_fpu(struct text *t, const struct step_snapshot *b, const struct step_snapshot *a)
{
    if (a->mmx)
        diff_mmx(t, b, a);
    else
        diff_x87(t, b, a);
    change(t, "x87 status", b->fpu.sw, a->fpu.sw);
    change(t, "x87 control", b->fpu.cw, a->fpu.cw);
    for (unsigned i = 0; i < 8; i++) {
        if (memcmp(&b->xmm[i], &a->xmm[i], sizeof a->xmm[i]) == 0)
            continue;
        next(t);
        text_add(t, "XMM%u = ", i);
        value_text(t, a->xmm[i].b, 16, VALUE_D);
    }
    change(t, "MXCSR", b->mxcsr, a->mxcsr);
}

static void diff_ip(struct text *t, const struct step_snapshot *b, const struct step_snapshot *a)
{
    bool same_cs = b->seg[SEG_CS].sel == a->seg[SEG_CS].sel && b->seg[SEG_CS].base == a->seg[SEG_CS].base;
    if (same_cs && a->ip == (u32)(b->ip + b->op_len))
        return;
    next(t);
    if (same_cs && a->ip == b->ip)
        text_add(t, "the same instruction comes again");
    else
        text_add(t, "went on at %04Xh:%0*Xh", a->seg[SEG_CS].sel, a->seg[SEG_CS].attr & SEG_DB ? 8 : 4, (u32)a->ip);
}

void explain_after(const struct step_snapshot *before, const struct step_snapshot *after, char *to, size_t size)
{
    struct text t;
    text_init(&t, to, size);
    for (unsigned i = 0; i < 8; i++)
        change(&t, reg_name(4, i), (u32)before->r[i], (u32)after->r[i]);
    diff_flags(&t, before->eflags, after->eflags);
    for (unsigned i = 0; i < after->areas; i++)
        diff_memory(&t, &before->area[i], &after->area[i]);
    diff_stack(&t, before, after);
    diff_system(&t, before, after);
    diff_fpu(&t, before, after);
    diff_ip(&t, before, after);
    text_add(&t, "%s.", t.used ? "" : "Nothing changed but the instruction pointer");
}
