/*
 * x87.h - the x87 unit's rules that its handlers share: who waits, what is noted, the
 * register stack, exceptions; and the images of its state in memory.
 *
 * For cpu/op_x87*.c, for the MMX and SSE handlers (FXSAVE, FXRSTOR, entering MMX) and for
 * whoever shows the registers. SDM vol. 1 chapter 8, vol. 3A 9.2 (FERR#, #MF).
 *
 * A handler runs in this order, so that no fault finds anything changed:
 *   x87_begin()  #NM, #MF
 *   memory       #GP, #SS, #PF, #AC; loads now, stores once the result is known
 *   x87_note*()  instruction and data pointers
 *   x87_commit() flags; the result is stored unless a forbidding exception is unmasked
 * An unmasked exception only sets ES here; the next waiting instruction reports it.
 */
#ifndef OMBRA_CPU_X87_H
#define OMBRA_CPU_X87_H

#include "cpu/exec.h"

/* Status word bits beside the exceptions (enum fp_flag) and TOP (bits 11-13, kept in x87.top). */
enum {
    X87_SF = 0x0040,
    X87_ES = 0x0080,
    X87_C0 = 0x0100,
    X87_C1 = 0x0200,
    X87_C2 = 0x0400,
    X87_C3 = 0x4000,
    X87_B = 0x8000,
    X87_CC = X87_C0 | X87_C2 | X87_C3, /* what a comparison sets */
};

enum { X87_TOP = 7 << 11, X87_CW_WRITABLE = 0x1F3F, X87_CW_FIXED = 0x0040, X87_CW_INIT = 0x037F };

enum { X87_FXSAVE_BYTES = 160 }; /* the x87 part of the FXSAVE image */

/* ---- x87.c ---- */

/* EM, TS or a pending exception holds a waiting instruction up: raises #NM or #MF, or asserts FERR# and returns. */
void x87_hold(struct cpu *c);

/* Recomputes ES and B from flags and masks after either changed, and drives FERR#. */
void x87_update_es(struct cpu *c);

/* A stack fault: IE, SF, C1 as the direction. True: IE is masked, go on with the default NaN. */
bool x87_stack_fault(struct cpu *c, bool overflow);

/* FNINIT. */
void x87_init(struct cpu *c);

/* Status word with TOP; full tag word; and back (only "empty" matters in TAGS). The control word as it can be loaded.
 */
u16 x87_status(const struct cpu *c);
u16 x87_tags(const struct cpu *c);
void x87_load(struct cpu *c, u16 cw, u16 sw, u16 tags);

/* The environment as FSTENV writes it with operand size W (2 or 4) in the present mode: 14 or 28 bytes, the length
 * returned. */
unsigned x87_env_bytes(unsigned w);
void x87_env_image(const struct cpu *c, unsigned w, u8 *image);
void x87_env_load(struct cpu *c, unsigned w, const u8 *image);

/* The first 24 and the 128 register bytes of an FXSAVE image (MXCSR at 24..31 is left alone). W: 8 for a 64-bit operand
 * size, else 4. */
void x87_fxsave(const struct cpu *c, unsigned w, u8 image[X87_FXSAVE_BYTES]);
void x87_fxrstor(struct cpu *c, unsigned w, const u8 image[X87_FXSAVE_BYTES]);

/* ---- waiting ---- */

static ALWAYS_INLINE void x87_begin(struct cpu *c)
{
    _Static_assert((X87_ES & (CR0_EM | CR0_TS)) == 0, "one test for both");
    if (UNLIKELY((c->cr0 & (CR0_EM | CR0_TS)) | (c->fpu.sw & X87_ES)))
        x87_hold(c);
}

/* Nothing holds an x87 instruction up, and none can raise an exception. */
static inline bool x87_plain(const struct cpu *c)
{
    return !((c->cr0 & (CR0_EM | CR0_TS)) | (c->fpu.sw & X87_ES)) && (c->fpu.cw & FP_ALL) == FP_ALL;
}

/* For instructions that do not wait (FNSTCW, FNINIT, ...): #NM only. */
static ALWAYS_INLINE void x87_begin_nowait(struct cpu *c)
{
    if (UNLIKELY(c->cr0 & (CR0_EM | CR0_TS)))
        cpu_raise(c, VEC_NM);
}

/* For MMX instructions but EMMS: #UD, #NM, #MF. */
static ALWAYS_INLINE void x87_begin_mmx(struct cpu *c)
{
    if (UNLIKELY(c->cr0 & CR0_EM))
        cpu_raise(c, VEC_UD);
    x87_begin(c);
}

/* An MMX instruction executes: all registers valid, TOP 0. */
static ALWAYS_INLINE void x87_enter_mmx(struct cpu *c)
{
    c->fpu.top = 0;
    c->fpu.empty = 0;
}

/* ---- pointers ---- */

/* The decoder leaves the 11 bits of FOP (opcode bits 2-0, ModRM) in imm of every x87 instruction. */
static ALWAYS_INLINE void x87_note(struct cpu *c, const struct insn *in)
{
    c->fpu.fip = insn_ip(c, in);
    c->fpu.fcs = c->seg[SEG_CS].sel;
    c->fpu.fop = in->imm & 0x7FF;
}

static ALWAYS_INLINE void x87_note_mem(struct cpu *c, const struct insn *in)
{
    x87_note(c, in);
    c->fpu.fdp = ea(c, in);
    c->fpu.fds = c->seg[in->seg].sel;
}

/* ---- the stack ---- */

static ALWAYS_INLINE unsigned x87_phys(const struct cpu *c, unsigned n)
{
    return (c->fpu.top + n) & 7;
}

static ALWAYS_INLINE bool x87_empty(const struct cpu *c, unsigned n)
{
    return c->fpu.empty >> x87_phys(c, n) & 1;
}

static ALWAYS_INLINE struct f80 x87_get(const struct cpu *c, unsigned n)
{
    return c->fpu.st[x87_phys(c, n)];
}

static ALWAYS_INLINE void x87_set(struct cpu *c, unsigned n, struct f80 v)
{
    unsigned p = x87_phys(c, n);
    c->fpu.st[p] = v;
    c->fpu.empty &= (u8) ~(1u << p);
}

static ALWAYS_INLINE void x87_pop(struct cpu *c)
{
    c->fpu.empty |= (u8)(1u << c->fpu.top);
    c->fpu.top = (c->fpu.top + 1) & 7;
}

static ALWAYS_INLINE void x87_push(struct cpu *c, struct f80 v)
{
    c->fpu.top = (c->fpu.top - 1) & 7;
    x87_set(c, 0, v);
}

/* ---- exceptions ---- */

static ALWAYS_INLINE struct fp_env x87_env(const struct cpu *c)
{
    return fp_env_x87(c->fpu.cw);
}

static ALWAYS_INLINE void x87_set_c1(struct cpu *c, bool c1)
{
    c->fpu.sw = (u16)((c->fpu.sw & ~X87_C1) | (c1 ? X87_C1 : 0));
}

/* What an operation raised goes into the status word. Returns the unmasked exceptions. */
static ALWAYS_INLINE u8 x87_commit(struct cpu *c, const struct fp_env *env)
{
    c->fpu.sw = (u16)((c->fpu.sw & ~X87_C1) | env->flags | (env->c1 ? X87_C1 : 0));
    u8 unmasked = fp_unmasked(env);
    if (UNLIKELY(unmasked))
        x87_update_es(c);
    return unmasked;
}

#endif
