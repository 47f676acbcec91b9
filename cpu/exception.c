/*
 * exception.c - exceptions, interrupts and software interrupts: how a fault leaves
 * an instruction, double and triple faults, delivery in every mode, and what is taken
 * between two instructions.
 *
 * SDM vol. 3A chapter 6; 20.2, 20.3 (virtual-8086 mode and its extensions);
 * vol. 2: INT n/INTO/INT3/INT1.
 */
#include "cpu/debug.h"
#include "cpu/sys.h"

/* ---- raising ---- */

void cpu_raise(struct cpu *c, enum vector vec)
{
    c->pend_vector = (u8)vec;
    c->pend_error = 0;
    c->pend_has_error = false;
    longjmp(c->unwind, 1);
}

void cpu_raise_err(struct cpu *c, enum vector vec, u32 error)
{
    c->pend_vector = (u8)vec;
    c->pend_error = error;
    c->pend_has_error = true;
    longjmp(c->unwind, 1);
}

/* ---- flags ---- */

/* Which events the flags and latches allow now. */
/* Whether VIF and VIP, which are both set, have a meaning (SDM vol. 3A 20.3.2 and 20.4). */
static bool virtual_interrupt(const struct cpu *c)
{
    return cpu_vm86(c) ? c->cr4 & CR4_VME : c->cr4 & CR4_PVI && cpu_pe(c) && c->cpl == 3;
}

void cpu_flags_changed(struct cpu *c)
{
    u32 a = c->attention & ~(u32)(ATT_INTR | ATT_TF | ATT_NMI | ATT_SMI | ATT_INIT | ATT_VIP);
    if ((c->eflags & (F_VIF | F_VIP)) == (F_VIF | F_VIP))
        a |= ATT_VIP;
    if (c->intr_line && (c->eflags & F_IF))
        a |= ATT_INTR;
    if (c->eflags & F_TF)
        a |= ATT_TF;
    if (c->nmi_latched && !c->nmi_blocked)
        a |= ATT_NMI;
    if (c->smi_latched && !c->smm)
        a |= ATT_SMI;
    if (c->init_latched && !c->smm)
        a |= ATT_INIT;
    c->attention = a;
}

void cpu_shadow(struct cpu *c)
{
    c->ss_shadow = false;
    c->attention |= ATT_SHADOW;
}

u32 cpu_eflags_mask(const struct cpu *c)
{
    u32 mask = F_ARITH | F_TF | F_IF | F_DF | F_IOPL | F_NT | F_RF | F_VM | F_AC;
    if (c->features & FEAT_VME)
        mask |= F_VIF | F_VIP;
    if (c->features & FEAT_CPUID)
        mask |= F_ID;
    return mask;
}

u32 cpu_eflags(const struct cpu *c)
{
    return c->eflags | flags_arith(c);
}

void cpu_write_flags(struct cpu *c, u32 v, u32 mask)
{
    mask &= cpu_eflags_mask(c);
    v = (cpu_eflags(c) & ~mask) | (v & mask);
    /* Without an armed breakpoint RF has no effect but would outlive the one instruction that it is for; a single-step trap
     * right behind the instruction shows it. */
    if ((mask & F_RF) && !debug_insn_armed(c) && !((c->eflags | v) & F_TF))
        v &= ~(u32)F_RF;
    c->eflags = (v & ~(u32)F_ARITH) | F_ONE;
    flags_set_arith(c, v);
    cpu_flags_changed(c);
}

void cpu_set_eflags(struct cpu *c, u32 eflags)
{
    cpu_write_flags(c, eflags, ~(u32)0);
}

/* ---- delivery: real mode and the redirected interrupts of virtual-8086 mode ---- */

static bool is_software(enum event_kind kind)
{
    return kind == EVENT_SOFT_INT || kind == EVENT_SOFT_EXC;
}

/* EFLAGS as the handler finds it on its stack: RF set where returning restarts the instruction (SDM vol. 3B 17.3.1.1).
 */
static u32 flags_image(const struct cpu *c, u8 vector, enum event_kind kind)
{
    u32 f = cpu_eflags(c);
    return kind == EVENT_FAULT && vector != VEC_DB ? f | F_RF : f;
}

static void deliver_real(struct cpu *c, u8 vector)
{
    u32 at = vector * 4u;
    if (at + 3 > c->idtr.limit)
        cpu_raise_err(c, VEC_GP, vector * 8u + 2);
    u32 entry = mmu_ld32_sys(&c->mmu, (u32)(c->idtr.base + at));
    struct stack st;
    stack_current(c, &st);
    stack_reserve(c, &st, 3, 2);
    stack_put(c, &st, 2, cpu_eflags(c));
    stack_put(c, &st, 2, c->seg[SEG_CS].sel);
    stack_put(c, &st, 2, (u32)c->ip);
    stack_commit(c, &st);
    c->eflags &= ~(u32)(F_IF | F_TF | F_AC | F_RF);
    seg_load_real(c, SEG_CS, (u16)(entry >> 16));
    c->ip = (u16)entry;
}

/* The TSS's interrupt redirection bitmap, 32 bytes below the I/O bitmap: a clear bit sends INT n to the 8086 program.
 */
static bool redirected(struct cpu *c, u8 vector)
{
    if (!(c->tr.attr & DESC_32) || c->tr.limit < 0x67)
        raise_gp0(c);
    u32 at = mmu_ld16_sys(&c->mmu, (u32)(c->tr.base + 0x66)) - 32u + vector / 8u;
    if (at > c->tr.limit) /* a map below 20h wraps to a huge offset */
        raise_gp0(c);
    return !(mmu_ld8_sys(&c->mmu, (u32)(c->tr.base + at)) >> (vector & 7) & 1);
}

/* INT n in virtual-8086 mode through the program's own vector table at linear 0. */
static void deliver_vme(struct cpu *c, u8 vector)
{
    bool virtual_if = cpu_iopl(c) < 3;
    u32 image = cpu_eflags(c);
    if (virtual_if) {
        image |= F_IOPL;
        image = image & F_VIF ? image | F_IF : image & ~(u32)F_IF;
    }
    u32 entry = mmu_ld32(&c->mmu, vector * 4u);
    struct stack st;
    stack_current(c, &st);
    stack_reserve(c, &st, 3, 2);
    stack_put(c, &st, 2, image);
    stack_put(c, &st, 2, c->seg[SEG_CS].sel);
    stack_put(c, &st, 2, (u32)c->ip);
    stack_commit(c, &st);
    c->eflags &= ~(u32)(F_TF | F_RF | (virtual_if ? F_VIF : F_IF));
    seg_load_real(c, SEG_CS, (u16)(entry >> 16));
    c->ip = (u16)entry;
}

/* ---- delivery: protected mode ---- */

/* Returns the privilege that the handler in code segment D runs at, after the checks. */
static unsigned handler_cpl(struct cpu *c, u16 sel, struct desc *d)
{
    if (sel_null(sel))
        cpu_raise_err(c, VEC_GP, 0);
    if (!desc_read(c, sel, d) || !attr_is_code(d->attr) || attr_dpl(d->attr) > c->cpl)
        raise_sel(c, VEC_GP, sel);
    if (!(d->attr & SEG_P))
        raise_sel(c, VEC_NP, sel);
    unsigned dpl = attr_dpl(d->attr);
    bool inner = !attr_is_conforming(d->attr) && dpl < c->cpl;
    if (cpu_vm86(c) && !(inner && dpl == 0))
        raise_sel(c, VEC_GP, sel);
    return inner ? dpl : c->cpl;
}

static void put_vm86_segments(struct cpu *c, struct stack *st, unsigned w)
{
    static const u8 order[] = {SEG_GS, SEG_FS, SEG_DS, SEG_ES};
    for (unsigned i = 0; i < ARRAY_LEN(order); i++)
        stack_put(c, st, w, c->seg[order[i]].sel);
}

static void drop_vm86_segments(struct cpu *c)
{
    seg_commit_null(c, SEG_GS, 0);
    seg_commit_null(c, SEG_FS, 0);
    seg_commit_null(c, SEG_DS, 0);
    seg_commit_null(c, SEG_ES, 0);
}

/* Interrupt and trap gates. IMAGE is the EFLAGS to push. */
static void deliver_gate(struct cpu *c, const struct gate *g, bool trap, u32 image, bool has_error, u32 error)
{
    struct desc d;
    struct stack st;
    unsigned cpl = handler_cpl(c, g->sel, &d);
    bool inner = cpl < c->cpl, vm = cpu_vm86(c);
    if (inner)
        stack_inner(c, cpl, &st);
    else
        stack_current(c, &st);
    stack_reserve(c, &st, 3 + has_error + (inner ? 2 : 0) + (vm ? 4 : 0), g->w);
    if (g->off > d.limit)
        raise_gp0(c);
    desc_mark_accessed(c, &d);
    if (vm)
        put_vm86_segments(c, &st, g->w);
    if (inner) {
        stack_put(c, &st, g->w, c->seg[SEG_SS].sel);
        stack_put(c, &st, g->w, (u32)c->r[R_SP]);
    }
    stack_put(c, &st, g->w, image);
    stack_put(c, &st, g->w, c->seg[SEG_CS].sel);
    stack_put(c, &st, g->w, (u32)c->ip);
    if (has_error)
        stack_put(c, &st, g->w, error);

    c->eflags &= ~(u32)(F_TF | F_NT | F_RF | F_VM | (trap ? 0 : F_IF));
    if (vm)
        drop_vm86_segments(c);
    cpu_set_cpl(c, cpl);
    stack_commit(c, &st);
    seg_commit(c, SEG_CS, &d, (u16)((g->sel & 0xFFFC) | cpl));
    c->ip = g->off;
}

static void deliver_task(struct cpu *c, u16 sel, u32 image, bool has_error, u32 error)
{
    struct desc d;
    if ((sel & 4) || !desc_read(c, sel, &d) || !attr_is_free_tss(d.attr))
        raise_sel(c, VEC_GP, sel);
    if (!(d.attr & SEG_P))
        raise_sel(c, VEC_NP, sel);
    task_switch(c, &d, TASK_INT, image);
    if (!has_error)
        return;
    struct stack st;
    unsigned w = c->tr.attr & DESC_32 ? 4 : 2;
    stack_current(c, &st);
    stack_reserve(c, &st, 1, w);
    stack_put(c, &st, w, error);
    stack_commit(c, &st);
}

static void deliver_protected(struct cpu *c, u8 vector, enum event_kind kind, bool has_error, u32 error)
{
    u32 at = vector * 8u, idt_error = at + 2;
    if (at + 7 > c->idtr.limit)
        cpu_raise_err(c, VEC_GP, idt_error);
    u64 raw = mmu_ld64_sys(&c->mmu, (u32)(c->idtr.base + at));
    u16 attr = (u16)(raw >> 40 & 0xFF);
    unsigned type = attr & (SEG_S | SEG_TYPE);
    bool gate = type == DESC_INT16 || type == DESC_TRAP16 || type == DESC_INT32 || type == DESC_TRAP32;
    if (!gate && type != DESC_TASK_GATE)
        cpu_raise_err(c, VEC_GP, idt_error);
    if (is_software(kind) && attr_dpl(attr) < c->cpl)
        cpu_raise_err(c, VEC_GP, idt_error);
    if (!(attr & SEG_P))
        cpu_raise_err(c, VEC_NP, idt_error);
    struct gate g;
    gate_split(&g, raw);
    u32 image = flags_image(c, vector, kind);
    if (gate)
        deliver_gate(c, &g, type == DESC_TRAP16 || type == DESC_TRAP32, image, has_error, error);
    else
        deliver_task(c, g.sel, image, has_error, error);
}

/* INT n in virtual-8086 mode: redirected by VME, or to the monitor if IOPL is 3, else #GP(0). */
static void deliver_vm86_int(struct cpu *c, u8 vector)
{
    if ((c->cr4 & CR4_VME) && redirected(c, vector))
        deliver_vme(c, vector);
    else if (cpu_iopl(c) < 3)
        raise_gp0(c);
    else
        deliver_protected(c, vector, EVENT_SOFT_INT, false, 0);
}

static void log_event(struct cpu *c, u8 vector, enum event_kind kind, u32 error)
{
    static const char *const names[] = {
        [EVENT_FAULT] = "exception",    [EVENT_SOFT_INT] = "INT", [EVENT_SOFT_EXC] = "INT", [EVENT_ICEBP] = "ICEBP",
        [EVENT_EXTERNAL] = "interrupt", [EVENT_NMI] = "NMI",      [EVENT_DB_TRAP] = "trap",
    };
    log_msg(c->host.log, LOG_INT, "%s %02Xh error %Xh at %04X:%08X (CPL %u) EAX %08X SP %04X:%08X CR2 %08X",
            names[kind], vector, error, c->seg[SEG_CS].sel, (u32)c->ip, c->cpl, (u32)c->r[R_AX], c->seg[SEG_SS].sel,
            (u32)c->r[R_SP], (u32)c->cr2);
}

void cpu_event(struct cpu *c, u8 vector, enum event_kind kind, bool has_error, u32 error)
{
    if (UNLIKELY(log_on(c->host.log, LOG_INT)))
        log_event(c, vector, kind, error);
    if (UNLIKELY(c->observer) && c->observer->event)
        c->observer->event(c->observer->ctx, c, vector, kind, has_error, error);
    c->rep_at = c->rep_flags = 0;
    c->fault_vector = kind == EVENT_FAULT ? vector : -1;
    c->fault_external = !is_software(kind);
    bool inside_insn = is_software(kind) || kind == EVENT_ICEBP;
    bool stepping = inside_insn && (c->eflags & F_TF);
    if (!cpu_pe(c))
        deliver_real(c, vector);
    else if (cpu_vm86(c) && kind == EVENT_SOFT_INT)
        deliver_vm86_int(c, vector);
    else
        deliver_protected(c, vector, kind, has_error, error);
    if (vector == VEC_DB && !is_software(kind))
        c->dr[7] &= ~(u64)DR7_GD;
    c->no_step |= stepping;
    c->fault_vector = -1;
    c->fault_external = false;
    c->fault_at_ip = false;
    cpu_flags_changed(c);
}

/* ---- faults ---- */

/*
 * Faults and interrupts take no count, so a handler that never completes an instruction would stop time for ever. Where
 * nothing was completed since the last one a count is charged.
 */
static void charge_stuck(struct cpu *c)
{
    u64 now = cpu_count(c);
    if (now == c->last_event && now != c->count_end) {
        now++;
        if (--c->budget == 0)
            c->attention |= ATT_STOP;
    }
    c->last_event = now;
}

static bool is_contributory(int vector)
{
    return vector == VEC_DE || (vector >= VEC_TS && vector <= VEC_GP);
}

/* SDM vol. 3A table 6-5. */
static bool is_double_fault(int first, int second)
{
    if (first == VEC_PF)
        return second == VEC_PF || is_contributory(second);
    return is_contributory(first) && is_contributory(second);
}

/* Error codes made of a selector have the EXT bit. */
static bool has_ext_bit(u8 vector)
{
    return vector >= VEC_TS && vector <= VEC_GP;
}

void cpu_shutdown(struct cpu *c)
{
    log_msg(c->host.log, LOG_CPU, "shutdown at %04X:%08X (base %08X), vector %02Xh, CR0 %08X CR2 %08X CR3 %08X",
            c->seg[SEG_CS].sel, (u32)c->ip, (u32)c->seg[SEG_CS].base, c->pend_vector, (u32)c->cr0, (u32)c->cr2,
            (u32)c->cr3);
    c->fault_vector = -1;
    c->fault_external = false;
    c->fault_at_ip = false;
    c->halt = HALT_SHUTDOWN;
    c->attention |= ATT_HALT;
    c->host.triple_fault(c->host.ctx);
}

void cpu_deliver_fault(struct cpu *c)
{
    u8 vector = c->pend_vector;
    bool has_error = c->pend_has_error;
    u32 error = c->pend_error;
    if (!c->fault_external) /* not on the way to a handler: at most two faults more, and slices must not change the count */
        charge_stuck(c);
    if (c->cur && !c->fault_at_ip) {
        c->ip = insn_ip(c, c->cur);
        c->db_pending = 0; /* an instruction that faults has not hit anything */
        c->attention &= ~(u32)ATT_DB;
    }
    if (c->fault_vector == VEC_DF) {
        cpu_shutdown(c);
        return;
    }
    if (c->fault_external && has_ext_bit(vector))
        error |= 1;
    if (is_double_fault(c->fault_vector, vector)) {
        vector = VEC_DF;
        has_error = true;
        error = 0;
    }
    cpu_event(c, vector, EVENT_FAULT, has_error, error);
}

/* ---- between instructions ---- */

static void wake(struct cpu *c)
{
    c->halt = HALT_NONE;
    c->attention &= ~(u32)ATT_HALT;
}

/* Debug traps. MOV SS holds them back for one instruction, and single-stepping over it does not stop. */
static bool take_debug_trap(struct cpu *c)
{
    if (c->no_step) {
        c->db_pending &= ~(u64)DR6_BS;
        c->no_step = false;
    }
    bool held = (c->attention & ATT_SHADOW) && c->ss_shadow;
    if (held)
        c->db_pending &= ~(u64)DR6_BS;
    if (held && c->db_pending)
        return false;
    c->attention &= ~(u32)ATT_DB;
    if (!c->db_pending)
        return true;
    c->dr[6] |= c->db_pending;
    c->db_pending = 0;
    wake(c);
    cpu_event(c, VEC_DB, EVENT_DB_TRAP, false, 0);
    return true;
}

static bool take_interrupt(struct cpu *c)
{
    int vector = c->host.int_ack(c->host.ctx);
    if (vector < 0) {
        c->attention &= ~(u32)ATT_INTR;
        return false;
    }
    charge_stuck(c);
    wake(c);
    cpu_event(c, (u8)vector, EVENT_EXTERNAL, false, 0);
    return true;
}

static void take_nmi(struct cpu *c)
{
    c->nmi_latched = false;
    c->nmi_blocked = true;
    c->attention &= ~(u32)ATT_NMI;
    wake(c);
    cpu_event(c, VEC_NMI, EVENT_NMI, false, 0);
}

/* Takes the most urgent event that may be taken now; false if there is none. Order: SDM vol. 3A table 6-2. */
static bool take_one(struct cpu *c)
{
    u32 a = c->attention;
    if (c->halt == HALT_WAIT_SIPI)
        return false;
    if (a & ATT_SMI) {
        smm_enter(c);
        return true;
    }
    if (a & ATT_INIT) {
        cpu_take_init(c);
        return true;
    }
    if ((a & ATT_DB) && c->halt != HALT_SHUTDOWN && take_debug_trap(c))
        return true;
    if (a & ATT_SHADOW)
        return false;
    if (a & ATT_NMI) {
        take_nmi(c);
        return true;
    }
    if ((a & ATT_INTR) && c->halt != HALT_SHUTDOWN && take_interrupt(c))
        return true;
    if ((a & ATT_VIP) && virtual_interrupt(c))
        raise_gp0(c);
    c->attention &= ~(u32)ATT_VIP; /* until the mode or the flags change */
    return false;
}

void cpu_take_events(struct cpu *c)
{
    while (!(c->attention & (ATT_STOP | ATT_RESET)) && take_one(c))
        ;
}
