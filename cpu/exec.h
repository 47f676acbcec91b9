/*
 * exec.h - how handlers (cpu/op_*.c) are written.
 *
 * A handler is a plain function (cpu, insn). It is written once, with the operand
 * width W (bytes) and MEM (E operand in memory) as compile-time constants, and the
 * macros below make one specialised function per form and the table exec_<id> that
 * the decoder's user picks from: index = opsize * 2 + mem.
 *
 * Rules for handlers:
 *  - Nothing of the guest's state may change before the last point that can fault.
 *    Faults leave by cpu_raise*(), which does not return.
 *  - Never fetch bytes. Never look at cpu->ip unless the row has the END attribute; use insn_ip()/insn_next_ip().
 *  - A handler of a row with END may set cpu->ip; before the call it already holds the next instruction's IP.
 *  - Writing to a 32-bit register clears bits 63-32 (reg_wr does).
 */
#ifndef OMBRA_CPU_EXEC_H
#define OMBRA_CPU_EXEC_H

#include "cpu/cpu.h"
#include "cpu/flags.h"
#include "softmmu/access.h"

enum { EXEC_FORMS = 6 }; /* {16, 32, 64} x {register, memory} */

#define BODY(id) static ALWAYS_INLINE void body_##id(struct cpu *c, const struct insn *in, const unsigned W, const bool MEM)
#define FORM(id, suffix, w, m)                                                                         \
    static void id##suffix(struct cpu *c, const struct insn *in)                                       \
    {                                                                                                  \
        body_##id(c, in, w, m);                                                                        \
    }

/* Operand-size dependent, register and memory forms: ADD Ev,Gv. */
#define OPV(id)                                                                                        \
    BODY(id);                                                                                          \
    FORM(id, _16r, 2, false)                                                                           \
    FORM(id, _16m, 2, true)                                                                            \
    FORM(id, _32r, 4, false)                                                                           \
    FORM(id, _32m, 4, true)                                                                            \
    const op_fn exec_##id[EXEC_FORMS] = {id##_16r, id##_16m, id##_32r, id##_32m, NULL, NULL};          \
    BODY(id)

/* Byte operands, or a fixed size given by the row: register and memory forms. W is 1 and may be ignored. */
#define OPB(id)                                                                                        \
    BODY(id);                                                                                          \
    FORM(id, _r, 1, false)                                                                             \
    FORM(id, _m, 1, true)                                                                              \
    const op_fn exec_##id[EXEC_FORMS] = {id##_r, id##_m, id##_r, id##_m, id##_r, id##_m};              \
    BODY(id)

/* Operand-size dependent, no E operand: PUSH reg, MOVSv. MEM is false. */
#define OPW(id)                                                                                        \
    BODY(id);                                                                                          \
    FORM(id, _16, 2, false)                                                                            \
    FORM(id, _32, 4, false)                                                                            \
    const op_fn exec_##id[EXEC_FORMS] = {id##_16, id##_16, id##_32, id##_32, NULL, NULL};              \
    BODY(id)

/* One form for everything. W is 1, MEM false: look at in->opsize, in->mem where it matters. */
#define OP0(id)                                                                                        \
    BODY(id);                                                                                          \
    FORM(id, _0, 1, false)                                                                             \
    const op_fn exec_##id[EXEC_FORMS] = {id##_0, id##_0, id##_0, id##_0, id##_0, id##_0};              \
    BODY(id)

/* Row ID behaves exactly as row OTHER, which is defined in the same file. */
#define OP_SAME(id, other) extern const op_fn exec_##id[EXEC_FORMS] __attribute__((alias("exec_" #other)));

/* ---- faults (exception.c) ---- */

NORETURN void cpu_raise(struct cpu *c, enum vector vec);
NORETURN void cpu_raise_err(struct cpu *c, enum vector vec, u32 error);

static inline NORETURN void raise_gp0(struct cpu *c)
{
    cpu_raise_err(c, VEC_GP, 0);
}

/* ---- where am I ---- */

/* Not cut to 16 bits in a 16-bit segment either: what comes after its 64 KiB is beyond its limit (silicon, AMD). */
static ALWAYS_INLINE u64 insn_next_ip(const struct cpu *c, const struct insn *in)
{
    return (u32)(c->block_ip + in->end);
}

static ALWAYS_INLINE u64 insn_ip(const struct cpu *c, const struct insn *in)
{
    return (u32)(c->block_ip + in->end - in->len);
}

/* Operand size of a handler made by OP0, in bytes. */
static ALWAYS_INLINE unsigned insn_width(const struct insn *in)
{
    return 2u << in->opsize;
}

/* ---- modes ---- */

static ALWAYS_INLINE bool cpu_pe(const struct cpu *c)
{
    return c->cr0 & CR0_PE;
}

static ALWAYS_INLINE bool cpu_vm86(const struct cpu *c)
{
    return c->eflags & F_VM;
}

static ALWAYS_INLINE bool cpu_protected(const struct cpu *c)
{
    return cpu_pe(c) && !cpu_vm86(c);
}

static ALWAYS_INLINE unsigned cpu_iopl(const struct cpu *c)
{
    return (c->eflags & F_IOPL) >> 12;
}

/* ---- registers; for W == 1 REG is a byte offset, see insn.h ---- */

static ALWAYS_INLINE u64 reg_rd(const struct cpu *c, unsigned w, unsigned reg)
{
    switch (w) {
    case 1:
        return ((const u8 *)c->r)[reg];
    case 2:
        return (u16)c->r[reg];
    case 4:
        return (u32)c->r[reg];
    default:
        return c->r[reg];
    }
}

static ALWAYS_INLINE void reg_wr(struct cpu *c, unsigned w, unsigned reg, u64 v)
{
    switch (w) {
    case 1:
        ((u8 *)c->r)[reg] = (u8)v;
        break;
    case 2:
        st16(&c->r[reg], (u16)v);
        break;
    case 4:
        c->r[reg] = (u32)v;
        break;
    default:
        c->r[reg] = v;
    }
}

/* ---- memory operands ---- */

/* Offset of the memory operand, wrapped to the address size. */
static ALWAYS_INLINE u64 ea(const struct cpu *c, const struct insn *in)
{
    u64 off = c->r[in->base] + (c->r[in->index] << in->scale) + (u64)(s64)in->disp;
    return in->adsize == 0 ? (u16)off : (u32)off;
}

/* Decides an access that the fast check did not allow: raises #GP(0) or #SS(0), or returns if it is allowed after all. */
void seg_check_slow(struct cpu *c, const struct segment *s, u64 off, u32 len, bool write);

/* Linear address of [OFF, OFF+LEN) in segment SEG after limit and rights checks. */
static ALWAYS_INLINE u64 seg_lin_rd(struct cpu *c, unsigned seg, u64 off, u32 len)
{
    const struct segment *s = &c->seg[seg];
    if (UNLIKELY((s64)off + (s64)len - 1 > s->rd_top))
        seg_check_slow(c, s, off, len, false);
    return (u32)(s->base + off);
}

static ALWAYS_INLINE u64 seg_lin_wr(struct cpu *c, unsigned seg, u64 off, u32 len)
{
    const struct segment *s = &c->seg[seg];
    if (UNLIKELY((s64)off + (s64)len - 1 > s->wr_top))
        seg_check_slow(c, s, off, len, true);
    return (u32)(s->base + off);
}

/* #AC: alignment check is on at CPL 3 (CR0.AM, EFLAGS.AC) and LIN is not a multiple of ALIGN (a power of two). */
void cpu_align_fault(struct cpu *c);
static ALWAYS_INLINE void align_check(struct cpu *c, u64 lin, unsigned align)
{
    if (UNLIKELY((c->eflags & F_AC) && (lin & (align - 1))))
        cpu_align_fault(c); /* returns unless CR0.AM and CPL 3 */
}

static ALWAYS_INLINE u64 lin_ld(struct cpu *c, unsigned w, u64 lin)
{
    align_check(c, lin, w);
    switch (w) {
    case 1:
        return mmu_ld8(&c->mmu, lin);
    case 2:
        return mmu_ld16(&c->mmu, lin);
    case 4:
        return mmu_ld32(&c->mmu, lin);
    default:
        return mmu_ld64(&c->mmu, lin);
    }
}

static ALWAYS_INLINE void lin_st(struct cpu *c, unsigned w, u64 lin, u64 v)
{
    align_check(c, lin, w);
    switch (w) {
    case 1:
        mmu_st8(&c->mmu, lin, (u8)v);
        break;
    case 2:
        mmu_st16(&c->mmu, lin, (u16)v);
        break;
    case 4:
        mmu_st32(&c->mmu, lin, (u32)v);
        break;
    default:
        mmu_st64(&c->mmu, lin, v);
    }
}

/* Loads and stores through a segment at an offset. */
static ALWAYS_INLINE u64 seg_ld(struct cpu *c, unsigned w, unsigned seg, u64 off)
{
    return lin_ld(c, w, seg_lin_rd(c, seg, off, w));
}

static ALWAYS_INLINE void seg_st(struct cpu *c, unsigned w, unsigned seg, u64 off, u64 v)
{
    lin_st(c, w, seg_lin_wr(c, seg, off, w), v);
}

/* The memory operand of the instruction. */
static ALWAYS_INLINE u64 mem_ld(struct cpu *c, const struct insn *in, unsigned w)
{
    return seg_ld(c, w, in->seg, ea(c, in));
}

static ALWAYS_INLINE void mem_st(struct cpu *c, const struct insn *in, unsigned w, u64 v)
{
    seg_st(c, w, in->seg, ea(c, in), v);
}

/* The E operand, register or memory. */
static ALWAYS_INLINE u64 rm_rd(struct cpu *c, const struct insn *in, const unsigned w, const bool mem)
{
    return mem ? mem_ld(c, in, w) : reg_rd(c, w, in->rm);
}

static ALWAYS_INLINE void rm_wr(struct cpu *c, const struct insn *in, const unsigned w, const bool mem, u64 v)
{
    if (mem)
        mem_st(c, in, w, v);
    else
        reg_wr(c, w, in->rm, v);
}

/* Read-modify-write of the E operand: rm_begin() makes sure that the write will not fault. */
struct rmw {
    u8 *host;
    u64 lin;
};

static ALWAYS_INLINE u64 rm_begin(struct cpu *c, const struct insn *in, const unsigned w, const bool mem, struct rmw *t)
{
    if (!mem)
        return reg_rd(c, w, in->rm);
    t->lin = seg_lin_wr(c, in->seg, ea(c, in), w);
    align_check(c, t->lin, w);
    switch (w) {
    case 1:
        return mmu_rmw8(&c->mmu, t->lin, &t->host);
    case 2:
        return mmu_rmw16(&c->mmu, t->lin, &t->host);
    case 4:
        return mmu_rmw32(&c->mmu, t->lin, &t->host);
    default:
        return mmu_rmw64(&c->mmu, t->lin, &t->host);
    }
}

static ALWAYS_INLINE void rm_end(struct cpu *c, const struct insn *in, const unsigned w, const bool mem, struct rmw *t, u64 v)
{
    if (!mem) {
        reg_wr(c, w, in->rm, v);
        return;
    }
    switch (w) {
    case 1:
        mmu_rmw_end8(&c->mmu, t->lin, t->host, (u8)v);
        break;
    case 2:
        mmu_rmw_end16(&c->mmu, t->lin, t->host, (u16)v);
        break;
    case 4:
        mmu_rmw_end32(&c->mmu, t->lin, t->host, (u32)v);
        break;
    default:
        mmu_rmw_end64(&c->mmu, t->lin, t->host, v);
    }
}

/* ---- stack ---- */

static ALWAYS_INLINE u64 stack_mask(const struct cpu *c)
{
    return c->stack32 ? 0xFFFFFFFF : 0xFFFF;
}

/* Commits a new stack pointer; with a 16-bit stack the high half of ESP stays. */
static ALWAYS_INLINE void stack_set(struct cpu *c, u64 sp)
{
    if (c->stack32)
        c->r[R_SP] = (u32)sp;
    else
        st16(&c->r[R_SP], (u16)sp);
}

static ALWAYS_INLINE void push(struct cpu *c, unsigned w, u64 v)
{
    u64 sp = (c->r[R_SP] - w) & stack_mask(c);
    seg_st(c, w, SEG_SS, sp, v);
    stack_set(c, sp);
}

/* Reads the value N bytes above the stack pointer and does not move it: POP = peek, write the destination, then stack_set. */
static ALWAYS_INLINE u64 stack_peek(struct cpu *c, unsigned w, u32 n)
{
    return seg_ld(c, w, SEG_SS, (c->r[R_SP] + n) & stack_mask(c));
}

static ALWAYS_INLINE void stack_drop(struct cpu *c, u32 n)
{
    stack_set(c, c->r[R_SP] + n);
}

static ALWAYS_INLINE u64 pop(struct cpu *c, unsigned w)
{
    u64 v = stack_peek(c, w, 0);
    stack_drop(c, w);
    return v;
}

/* ---- REP string instructions: rows with END ---- */

/*
 * How many iterations may still run now: up to the end of the slice, 1 when attention waits (so that each REP instruction
 * makes progress). A handler does at most that many, adds each to c->rep_done as it commits, and if the instruction is not finished
 * sets c->ip = insn_ip() so that it goes on after events were taken. A REP of n > 0 iterations counts n, one of none counts 1: the
 * run loop sees to that.
 */
static ALWAYS_INLINE u64 rep_left(const struct cpu *c)
{
    s64 left = c->budget - (c->cur - c->block_first) - c->rep_done;
    if (c->attention || left < 1)
        return 1;
    return (u64)left;
}

/* ---- near jumps: rows with END ---- */

/* Jumps to IP (already truncated to the operand size); #GP(0) beyond CS.limit, before anything changes. */
static ALWAYS_INLINE void jump_near(struct cpu *c, u64 ip)
{
    if (UNLIKELY(ip > c->seg[SEG_CS].limit))
        raise_gp0(c);
    c->ip = ip;
}

static ALWAYS_INLINE u64 jump_target(const struct cpu *c, const struct insn *in, unsigned w)
{
    return zext(insn_next_ip(c, in) + in->imm, w);
}

/* ---- system services that several op files need (bodies in the files named) ---- */

/* io.c: #GP(0) unless CPL <= IOPL or the TSS's I/O bitmap allows all SIZE ports. Then the access, with I/O breakpoints. */
void io_check(struct cpu *c, u16 port, unsigned size);
u32 io_in(struct cpu *c, u16 port, unsigned size);
void io_out(struct cpu *c, u16 port, u32 value, unsigned size);

/* segment.c: MOV/POP/Lseg to a segment register in any mode, with all checks. SEG is not SEG_CS. */
void seg_load(struct cpu *c, enum seg_reg seg, u16 sel);
/* Real-mode and V86 style load: base = sel * 16, limits and rights as the manual says. */
void seg_load_real(struct cpu *c, enum seg_reg seg, u16 sel);

/* flow_far.c: far transfers in any mode, through gates and task switches. NEXT_IP is the return address; sets cpu->ip. */
void far_jump(struct cpu *c, u16 sel, u64 off, unsigned w);
void far_call(struct cpu *c, u16 sel, u64 off, unsigned w, u64 next_ip);
void far_return(struct cpu *c, unsigned w, u16 release);

/* exception.c: INT n, INT3, INTO, ICEBP as software events; cpu->ip is the return address. */
void cpu_event(struct cpu *c, u8 vector, enum event_kind kind, bool has_error, u32 error);

/* Called by POPF, STI, IRET, MOV SS...: recomputes ATT_INTR and ATT_TF from EFLAGS, and shadows if INHIBIT. */
void cpu_flags_changed(struct cpu *c);
void cpu_shadow(struct cpu *c);

#endif
