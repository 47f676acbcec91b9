/*
 * flow_far.c - far jumps, calls and returns, IRET: between segments, privilege
 * levels, modes and tasks.
 *
 * SDM vol. 2: JMP, CALL, RET, IRET (their pseudo-code fixes the order of the
 * checks); vol. 3A 5.8 (calls through gates), 20.2 (virtual-8086 mode).
 */
#include "cpu/sys.h"

/* ---- shared ---- */

static void load_cs(struct cpu *c, const struct desc *d, u16 sel, unsigned cpl)
{
    cpu_set_cpl(c, cpl);
    seg_commit(c, SEG_CS, d, (u16)((sel & 0xFFFC) | cpl));
}

static void far_task(struct cpu *c, const struct desc *d, enum task_reason why)
{
    task_switch(c, d, why, cpu_eflags(c));
    c->fault_at_ip = false;
}

/* Reads the descriptor of a far transfer's selector. */
static void target_read(struct cpu *c, u16 sel, struct desc *d)
{
    if (sel_null(sel))
        raise_gp0(c);
    if (!desc_read(c, sel, d))
        raise_sel(c, VEC_GP, sel);
}

/* A code segment named directly: JMP and CALL stay at their privilege. */
static void check_direct_code(struct cpu *c, u16 sel, const struct desc *d)
{
    unsigned dpl = attr_dpl(d->attr);
    if (attr_is_conforming(d->attr) ? dpl > c->cpl : sel_rpl(sel) > c->cpl || dpl != c->cpl)
        raise_sel(c, VEC_GP, sel);
    if (!(d->attr & SEG_P))
        raise_sel(c, VEC_NP, sel);
}

/* Gates and TSSs: visible at max(CPL, RPL), and present. */
static void check_system_target(struct cpu *c, u16 sel, const struct desc *d)
{
    if (attr_dpl(d->attr) < c->cpl || attr_dpl(d->attr) < sel_rpl(sel))
        raise_sel(c, VEC_GP, sel);
}

static void check_present(struct cpu *c, u16 sel, const struct desc *d)
{
    if (!(d->attr & SEG_P))
        raise_sel(c, VEC_NP, sel);
}

/* The code segment behind a call gate. A JMP may not change privilege, a CALL may raise it. */
static void gate_code(struct cpu *c, const struct gate *g, bool call, struct desc *d)
{
    target_read(c, g->sel, d);
    unsigned dpl = attr_dpl(d->attr);
    bool may_differ = call || attr_is_conforming(d->attr);
    if (!attr_is_code(d->attr) || dpl > c->cpl || (!may_differ && dpl != c->cpl))
        raise_sel(c, VEC_GP, g->sel);
    check_present(c, g->sel, d);
}

/* A task gate's TSS. */
static void gate_task(struct cpu *c, u16 sel, enum task_reason why)
{
    struct desc d;
    if ((sel & 4) || !desc_read(c, sel, &d) || !attr_is_free_tss(d.attr))
        raise_sel(c, VEC_GP, sel);
    check_present(c, sel, &d);
    far_task(c, &d, why);
}

/* JMP or CALL to a task gate or a TSS; false if D is neither. */
static bool transfer_to_task(struct cpu *c, const struct desc *d, enum task_reason why)
{
    struct gate g;
    bool gate = attr_is_sys(d->attr, DESC_TASK_GATE);
    if (!gate && !attr_is_free_tss(d->attr))
        return false;
    check_system_target(c, d->sel, d);
    if (!gate && (d->sel & 4)) /* a TSS belongs into the GDT; said before it is looked whether it is present */
        raise_sel(c, VEC_GP, d->sel);
    check_present(c, d->sel, d);
    if (gate) {
        gate_split(&g, d->raw);
        gate_task(c, g.sel, why);
    } else {
        far_task(c, d, why);
    }
    return true;
}

static bool attr_is_call_gate(u16 attr)
{
    return attr_is_sys(attr, DESC_CALL16) || attr_is_sys(attr, DESC_CALL32);
}

/* ---- JMP ---- */

static void jump_through_gate(struct cpu *c, const struct desc *gd)
{
    struct gate g;
    struct desc d;
    check_system_target(c, gd->sel, gd);
    check_present(c, gd->sel, gd);
    gate_split(&g, gd->raw);
    gate_code(c, &g, false, &d);
    if (g.off > d.limit)
        raise_gp0(c);
    desc_mark_accessed(c, &d);
    load_cs(c, &d, g.sel, c->cpl);
    c->ip = g.off;
}

void far_jump(struct cpu *c, u16 sel, u64 off, unsigned w)
{
    struct desc d;
    if (!cpu_protected(c)) {
        jump_near(c, off);
        seg_load_real(c, SEG_CS, sel);
        return;
    }
    target_read(c, sel, &d);
    if (attr_is_code(d.attr)) {
        check_direct_code(c, sel, &d);
        if (off > d.limit)
            raise_gp0(c);
        desc_mark_accessed(c, &d);
        load_cs(c, &d, sel, c->cpl);
        c->ip = off;
    } else if (attr_is_call_gate(d.attr)) {
        jump_through_gate(c, &d);
    } else if (!transfer_to_task(c, &d, TASK_JMP)) {
        raise_sel(c, VEC_GP, sel);
    }
}

/* ---- CALL ---- */

/* Pushes CS:NEXT_IP on the current stack in two parts: what may fault, and the stores. */
static void reserve_return(struct cpu *c, struct stack *st, unsigned w)
{
    stack_current(c, st);
    stack_reserve(c, st, 2, w);
}

static void put_return(struct cpu *c, struct stack *st, unsigned w, u64 next_ip)
{
    stack_put(c, st, w, c->seg[SEG_CS].sel);
    stack_put(c, st, w, (u32)next_ip);
}

static void call_real(struct cpu *c, u16 sel, u64 off, unsigned w, u64 next_ip)
{
    struct stack st;
    reserve_return(c, &st, w);
    jump_near(c, off);
    put_return(c, &st, w, next_ip);
    stack_commit(c, &st);
    seg_load_real(c, SEG_CS, sel);
}

static void call_same(struct cpu *c, u16 sel, struct desc *d, u64 off, unsigned w, u64 next_ip)
{
    struct stack st;
    reserve_return(c, &st, w);
    if (off > d->limit)
        raise_gp0(c);
    desc_mark_accessed(c, d);
    put_return(c, &st, w, next_ip);
    stack_commit(c, &st);
    load_cs(c, d, sel, c->cpl);
    c->ip = off;
}

/* To an inner privilege: new stack from the TSS, parameters copied from the old one. */
static void call_inner(struct cpu *c, const struct gate *g, struct desc *d, u64 next_ip)
{
    struct stack st;
    u32 params[32];
    unsigned cpl = attr_dpl(d->attr);
    stack_inner(c, cpl, &st);
    stack_reserve(c, &st, 4u + g->params, g->w);
    if (g->off > d->limit)
        raise_gp0(c);
    for (unsigned i = 0; i < g->params; i++)
        params[i] = (u32)stack_peek(c, g->w, i * g->w);
    desc_mark_accessed(c, d);
    stack_put(c, &st, g->w, c->seg[SEG_SS].sel);
    stack_put(c, &st, g->w, (u32)c->r[R_SP]);
    for (unsigned i = g->params; i-- > 0;)
        stack_put(c, &st, g->w, params[i]);
    put_return(c, &st, g->w, next_ip);
    load_cs(c, d, g->sel, cpl);
    stack_commit(c, &st);
    c->ip = g->off;
}

static void call_through_gate(struct cpu *c, const struct desc *gd, u64 next_ip)
{
    struct gate g;
    struct desc d;
    check_system_target(c, gd->sel, gd);
    check_present(c, gd->sel, gd);
    gate_split(&g, gd->raw);
    gate_code(c, &g, true, &d);
    if (!attr_is_conforming(d.attr) && attr_dpl(d.attr) < c->cpl)
        call_inner(c, &g, &d, next_ip);
    else
        call_same(c, g.sel, &d, g.off, g.w, next_ip);
}

void far_call(struct cpu *c, u16 sel, u64 off, unsigned w, u64 next_ip)
{
    struct desc d;
    if (!cpu_protected(c)) {
        call_real(c, sel, off, w, next_ip);
        return;
    }
    target_read(c, sel, &d);
    if (attr_is_code(d.attr)) {
        check_direct_code(c, sel, &d);
        call_same(c, sel, &d, off, w, next_ip);
    } else if (attr_is_call_gate(d.attr)) {
        call_through_gate(c, &d, next_ip);
    } else if (!transfer_to_task(c, &d, TASK_CALL)) {
        raise_sel(c, VEC_GP, sel);
    }
}

/* ---- RET and IRET ---- */

/* The code segment that a return goes to. Its RPL is the new privilege. */
static void return_code(struct cpu *c, u16 sel, struct desc *d)
{
    if (sel_null(sel))
        raise_gp0(c);
    if (!desc_read(c, sel, d) || !attr_is_code(d->attr) || sel_rpl(sel) < c->cpl)
        raise_sel(c, VEC_GP, sel);
    unsigned dpl = attr_dpl(d->attr), rpl = sel_rpl(sel);
    if (attr_is_conforming(d->attr) ? dpl > rpl : dpl != rpl)
        raise_sel(c, VEC_GP, sel);
    check_present(c, sel, d);
}

/* A data segment register may not keep a more privileged segment than the new privilege. */
static void drop_inner_segments(struct cpu *c)
{
    static const u8 data[] = {SEG_ES, SEG_FS, SEG_GS, SEG_DS};
    for (unsigned i = 0; i < ARRAY_LEN(data); i++) {
        const struct segment *s = &c->seg[data[i]];
        if (!s->null && attr_dpl(s->attr) < c->cpl && !attr_is_conforming(s->attr))
            seg_commit_null(c, (enum seg_reg)data[i], 0);
    }
}

/* Returns to CS D; AT is the offset above ESP of the outer ESP and SS, RELEASE bytes of parameters lie on both stacks.
 */
static void return_outer(struct cpu *c, u16 sel, struct desc *d, u32 ip, unsigned w, u32 at, u16 release)
{
    struct desc ss;
    unsigned cpl = sel_rpl(sel);
    u32 esp = (u32)stack_peek(c, w, at);
    u16 ss_sel = (u16)stack_peek(c, w, at + w);
    seg_check_stack(c, ss_sel, cpl, VEC_GP, &ss);
    if (ip > d->limit)
        raise_gp0(c);
    desc_mark_accessed(c, d);
    desc_mark_accessed(c, &ss);
    load_cs(c, d, sel, cpl);
    seg_commit(c, SEG_SS, &ss, ss_sel);
    stack_set(c, esp + release); /* a 16-bit stack keeps the inner ESP's high half, as silicon does */
    drop_inner_segments(c);
    c->ip = ip;
}

void far_return(struct cpu *c, unsigned w, u16 release)
{
    struct desc d;
    if (!cpu_protected(c)) {
        u32 ip = (u32)stack_peek(c, w, 0);
        u16 sel = (u16)stack_peek(c, w, w);
        jump_near(c, ip);
        stack_drop(c, 2 * w + release);
        seg_load_real(c, SEG_CS, sel);
        return;
    }
    u16 sel = (u16)stack_peek(c, w, w); /* before the offset (silicon, AMD) */
    u32 ip = (u32)stack_peek(c, w, 0);
    return_code(c, sel, &d);
    if (sel_rpl(sel) > c->cpl) {
        return_outer(c, sel, &d, ip, w, 2 * w + release, release);
        return;
    }
    if (ip > d.limit)
        raise_gp0(c);
    desc_mark_accessed(c, &d);
    load_cs(c, &d, sel, c->cpl);
    stack_drop(c, 2 * w + release);
    c->ip = ip;
}

static void iret_done(struct cpu *c)
{
    c->nmi_blocked = false;
    cpu_flags_changed(c);
}

/* Real mode, and virtual-8086 mode with IOPL 3 (which keeps IOPL). VM, VIF and VIP stay. */
static void iret_real(struct cpu *c, unsigned w, u32 keep)
{
    u32 ip = (u32)stack_peek(c, w, 0), flags = (u32)stack_peek(c, w, 2 * w);
    u16 sel = (u16)stack_peek(c, w, w);
    u32 change = (w == 4 ? 0xFFFFFFFF : 0xFFFF) & ~(keep | F_VM | F_VIF | F_VIP);
    jump_near(c, ip);
    stack_drop(c, 3 * w);
    seg_load_real(c, SEG_CS, sel);
    cpu_write_flags(c, flags, change);
}

/* Virtual-8086 mode below IOPL 3 with VME: IF goes to VIF. */
static void iret_vme(struct cpu *c)
{
    u32 ip = (u32)stack_peek(c, 2, 0), flags = (u32)stack_peek(c, 2, 4);
    u16 sel = (u16)stack_peek(c, 2, 2);
    if ((flags & F_TF) || ((flags & F_IF) && (c->eflags & F_VIP)))
        raise_gp0(c);
    jump_near(c, ip);
    stack_drop(c, 6);
    seg_load_real(c, SEG_CS, sel);
    flags = (flags & ~(u32)F_VIF) | (flags & F_IF ? F_VIF : 0);
    cpu_write_flags(c, flags, F_ARITH | F_TF | F_DF | F_NT | F_VIF);
}

static void iret_vm86(struct cpu *c, unsigned w)
{
    if (cpu_iopl(c) == 3)
        iret_real(c, w, F_IOPL);
    else if (w == 2 && (c->cr4 & CR4_VME))
        iret_vme(c);
    else
        raise_gp0(c);
}

/* From CPL 0 into virtual-8086 mode: nine doublewords. */
static void iret_to_vm86(struct cpu *c, u32 flags)
{
    static const u8 order[] = {SEG_SS, SEG_ES, SEG_DS, SEG_FS, SEG_GS};
    u16 sel[ARRAY_LEN(order)];
    u32 ip = (u32)stack_peek(c, 4, 0), esp = (u32)stack_peek(c, 4, 12);
    u16 cs = (u16)stack_peek(c, 4, 4);
    for (unsigned i = 0; i < ARRAY_LEN(order); i++)
        sel[i] = (u16)stack_peek(c, 4, 16 + i * 4);
    if (ip > 0xFFFF)
        raise_gp0(c);
    cpu_write_flags(c, flags, ~(u32)0);
    cpu_set_cpl(c, 3);
    seg_load_real(c, SEG_CS, cs);
    for (unsigned i = 0; i < ARRAY_LEN(order); i++)
        seg_load_real(c, (enum seg_reg)order[i], sel[i]);
    c->r[R_SP] = esp;
    c->ip = ip;
}

/* Which EFLAGS bits an IRET at privilege CPL may change. */
static u32 iret_mask(const struct cpu *c, unsigned w)
{
    u32 mask = F_ARITH | F_TF | F_DF | F_NT;
    if (w == 4)
        mask |= F_RF | F_AC | F_ID;
    if (c->cpl <= cpu_iopl(c))
        mask |= F_IF;
    if (c->cpl == 0)
        mask |= F_IOPL | (w == 4 ? F_VIF | F_VIP : 0);
    return mask;
}

static void iret_protected(struct cpu *c, unsigned w)
{
    struct desc d;
    u32 ip = (u32)stack_peek(c, w, 0), flags = (u32)stack_peek(c, w, 2 * w);
    u16 sel = (u16)stack_peek(c, w, w);
    if (w == 4 && (flags & F_VM) && c->cpl == 0) {
        iret_to_vm86(c, flags);
        return;
    }
    u32 mask = iret_mask(c, w);
    return_code(c, sel, &d);
    if (sel_rpl(sel) > c->cpl) {
        return_outer(c, sel, &d, ip, w, 3 * w, 0);
    } else {
        if (ip > d.limit)
            raise_gp0(c);
        desc_mark_accessed(c, &d);
        load_cs(c, &d, sel, c->cpl);
        stack_drop(c, 3 * w);
        c->ip = ip;
    }
    cpu_write_flags(c, flags, mask);
}

void far_iret(struct cpu *c, unsigned w)
{
    if (!cpu_pe(c)) {
        iret_real(c, w, 0);
    } else if (cpu_vm86(c)) {
        iret_vm86(c, w);
    } else if (c->eflags & F_NT) {
        task_return(c);
        c->fault_at_ip = false;
    } else {
        iret_protected(c, w);
    }
    iret_done(c);
}
