/*
 * op_x87_move.c - x87 loads and stores of all formats, constants, FXCH, FCMOVcc and the stack pointer.
 */
#include "cpu/x87.h"

/* ---- loads ---- */

/* Pushes V unless the register above is in use. */
static ALWAYS_INLINE void push_value(struct cpu *c, struct f80 v)
{
    if (UNLIKELY(!x87_empty(c, 7))) {
        if (!x87_stack_fault(c, true))
            return;
        v = F80_INDEFINITE;
    } else {
        x87_set_c1(c, false);
    }
    x87_push(c, v);
}

/* The same where the conversion may raise IE, which forbids the push, and DE, which does not. */
static ALWAYS_INLINE void push_converted(struct cpu *c, struct fp_env *env, struct f80 v)
{
    if (LIKELY(x87_empty(c, 7)) && x87_commit(c, env) & FP_IE)
        return;
    push_value(c, v);
}

OP0(FLD_M32)
{
    x87_begin(c);
    u32 bits = (u32)mem_ld(c, in, 4);
    x87_note_mem(c, in);
    struct fp_env env = x87_env(c);
    struct f80 v = f80_from_f32(&env, bits);
    push_converted(c, &env, v);
}

OP0(FLD_M64)
{
    x87_begin(c);
    u64 bits = mem_ld(c, in, 8);
    x87_note_mem(c, in);
    struct fp_env env = x87_env(c);
    struct f80 v = f80_from_f64(&env, bits);
    push_converted(c, &env, v);
}

static ALWAYS_INLINE void load_int(struct cpu *c, const struct insn *in, const unsigned bytes)
{
    x87_begin(c);
    s64 v = (s64)sext(mem_ld(c, in, bytes), bytes);
    x87_note_mem(c, in);
    push_value(c, f80_from_s64(v));
}

OP0(FILD_M16)
{
    load_int(c, in, 2);
}

OP0(FILD_M32)
{
    load_int(c, in, 4);
}

OP0(FILD_M64)
{
    load_int(c, in, 8);
}

/* Ten bytes at the memory operand. */
static ALWAYS_INLINE struct f80 load_ten(struct cpu *c, const struct insn *in)
{
    u64 lin = seg_lin_rd(c, in->seg, ea(c, in), 10);
    align_check(c, lin, 8);
    return (struct f80){.m = mmu_ld64(&c->mmu, lin), .se = mmu_ld16(&c->mmu, (u32)(lin + 8))};
}

static ALWAYS_INLINE void store_ten(struct cpu *c, const struct insn *in, struct f80 v)
{
    u64 lin = seg_lin_wr(c, in->seg, ea(c, in), 10);
    align_check(c, lin, 8);
    if (UNLIKELY((lin & (PAGE_SIZE - 1)) > PAGE_SIZE - 10))
        mmu_probe(&c->mmu, lin, 10, true, c->mmu.priv);
    mmu_st64(&c->mmu, lin, v.m);
    mmu_st16(&c->mmu, (u32)(lin + 8), v.se);
}

OP0(FLD_M80)
{
    x87_begin(c);
    struct f80 v = load_ten(c, in);
    x87_note_mem(c, in);
    push_value(c, v);
}

OP0(FBLD)
{
    u8 bcd[10];
    x87_begin(c);
    f80_store(bcd, load_ten(c, in));
    x87_note_mem(c, in);
    push_value(c, f80_from_bcd(bcd));
}

OP0(FLD_STi)
{
    unsigned i = in->modrm & 7;
    x87_begin(c);
    x87_note(c, in);
    struct f80 v = x87_get(c, i);
    if (UNLIKELY(x87_empty(c, i))) { /* this fault comes before one of the destination */
        if (!x87_stack_fault(c, false))
            return;
        x87_push(c, F80_INDEFINITE);
        return;
    }
    push_value(c, v);
}

/* ---- constants: 67 bits in the silicon, rounded by RC (the Pentium's and later) ---- */

static ALWAYS_INLINE void load_constant(struct cpu *c, const struct insn *in, u16 se, u64 chopped,
                                        const bool up_if_nearest)
{
    x87_begin(c);
    x87_note(c, in);
    unsigned rc = c->fpu.cw >> 10 & 3;
    bool up = rc == FP_UP || (rc == FP_NEAREST && up_if_nearest);
    push_value(c, (struct f80){chopped + up, se});
}

OP0(FLD1)
{
    x87_begin(c);
    x87_note(c, in);
    push_value(c, F80_ONE);
}

OP0(FLDZ)
{
    x87_begin(c);
    x87_note(c, in);
    push_value(c, F80_ZERO);
}

OP0(FLDL2T)
{
    load_constant(c, in, 0x4000, 0xD49A784BCD1B8AFE, false);
}

OP0(FLDL2E)
{
    load_constant(c, in, 0x3FFF, 0xB8AA3B295C17F0BB, true);
}

OP0(FLDPI)
{
    load_constant(c, in, 0x4000, 0xC90FDAA22168C234, true);
}

OP0(FLDLG2)
{
    load_constant(c, in, 0x3FFD, 0x9A209A84FBCFF798, true);
}

OP0(FLDLN2)
{
    load_constant(c, in, 0x3FFE, 0xB17217F7D1CF79AB, true);
}

/* ---- stores to memory ---- */

/* What a store has to write: an empty ST(0) counts as an invalid operand whose value is the indefinite. */
struct store {
    struct fp_env env;
    bool empty;
    bool write; /* nothing unmasked forbids it */
    u64 bits;
};

enum target { TO_F32, TO_F64, TO_S16, TO_S32, TO_S64 };

static ALWAYS_INLINE struct store convert(const struct cpu *c, const enum target target)
{
    struct store s = {.env = x87_env(c), .empty = x87_empty(c, 0)};
    struct f80 v = LIKELY(!s.empty) ? x87_get(c, 0) : F80_INDEFINITE;
    switch (target) {
    case TO_F32:
        s.bits = f80_to_f32(&s.env, v);
        break;
    case TO_F64:
        s.bits = f80_to_f64(&s.env, v);
        break;
    case TO_S16:
        s.bits = (u64)f80_to_s16(&s.env, v);
        break;
    case TO_S32:
        s.bits = (u64)f80_to_s32(&s.env, v);
        break;
    case TO_S64:
        s.bits = (u64)f80_to_s64(&s.env, v);
        break;
    }
    if (UNLIKELY(s.empty))
        s.env.flags = FP_IE;
    s.write = !(fp_unmasked(&s.env) & (FP_IE | FP_OE | FP_UE));
    return s;
}

/* A store that an unmasked exception suppresses takes its memory faults all the same, before the exception. */
static NOINLINE void probe_store(struct cpu *c, const struct insn *in, u32 bytes)
{
    u64 lin = seg_lin_wr(c, in->seg, ea(c, in), bytes);
    align_check(c, lin, MIN(bytes, 8u));
    mmu_probe(&c->mmu, lin, bytes, true, c->mmu.priv);
}

/* After the store, which can no longer fault. */
static ALWAYS_INLINE void finish_store(struct cpu *c, const struct insn *in, const struct store *s, const bool pop)
{
    x87_note_mem(c, in);
    if (UNLIKELY(s->empty))
        x87_stack_fault(c, false);
    else
        x87_commit(c, &s->env);
    if (pop && s->write)
        x87_pop(c);
}

static ALWAYS_INLINE void store(struct cpu *c, const struct insn *in, const enum target target, const unsigned bytes,
                                const bool pop)
{
    x87_begin(c);
    struct store s = convert(c, target);
    if (LIKELY(s.write))
        mem_st(c, in, bytes, s.bits);
    else
        probe_store(c, in, bytes);
    finish_store(c, in, &s, pop);
}

#define STORE(id, target, bytes, pop)                                                                                  \
    OP0(id)                                                                                                            \
    {                                                                                                                  \
        store(c, in, target, bytes, pop);                                                                              \
    }

STORE(FST_M32, TO_F32, 4, false)
STORE(FST_M64, TO_F64, 8, false)
STORE(FSTP_M32, TO_F32, 4, true)
STORE(FSTP_M64, TO_F64, 8, true)
STORE(FIST_M16, TO_S16, 2, false)
STORE(FIST_M32, TO_S32, 4, false)
STORE(FISTP_M16, TO_S16, 2, true)
STORE(FISTP_M32, TO_S32, 4, true)
STORE(FISTP_M64, TO_S64, 8, true)

OP0(FSTP_M80)
{
    x87_begin(c);
    struct store s = {.env = x87_env(c), .empty = x87_empty(c, 0)};
    s.env.flags = s.empty ? FP_IE : 0;
    s.write = !fp_unmasked(&s.env);
    if (s.write)
        store_ten(c, in, s.empty ? F80_INDEFINITE : x87_get(c, 0));
    else
        probe_store(c, in, 10);
    finish_store(c, in, &s, true);
}

OP0(FBSTP)
{
    u8 bcd[10];
    x87_begin(c);
    struct store s = {.env = x87_env(c), .empty = x87_empty(c, 0)};
    f80_to_bcd(&s.env, s.empty ? F80_INDEFINITE : x87_get(c, 0), bcd);
    s.write = !(fp_unmasked(&s.env) & FP_IE);
    if (s.write)
        store_ten(c, in, f80_load(bcd));
    else
        probe_store(c, in, 10);
    finish_store(c, in, &s, true);
}

/* ---- between registers ---- */

static ALWAYS_INLINE void store_reg(struct cpu *c, const struct insn *in, const bool pop)
{
    struct f80 v = x87_get(c, 0);
    x87_begin(c);
    x87_note(c, in);
    if (UNLIKELY(x87_empty(c, 0))) {
        if (!x87_stack_fault(c, false))
            return;
        v = F80_INDEFINITE;
    } else {
        x87_set_c1(c, false);
    }
    x87_set(c, in->modrm & 7, v);
    if (pop)
        x87_pop(c);
}

OP0(FST_STi)
{
    store_reg(c, in, false);
}

OP0(FSTP_STi)
{
    store_reg(c, in, true);
}
OP_SAME(FSTP_STi_DFD0, FSTP_STi)
OP_SAME(FSTP_STi_DFD8, FSTP_STi)

/* The alias does not mind an empty ST(0): it only pops then. */
OP0(FSTP_STi_D9)
{
    x87_begin(c);
    x87_note(c, in);
    x87_set_c1(c, false);
    if (!x87_empty(c, 0))
        x87_set(c, in->modrm & 7, x87_get(c, 0));
    x87_pop(c);
}

/* Empty ones are exchanged as default NaNs. */
OP0(FXCH_STi)
{
    unsigned i = in->modrm & 7;
    x87_begin(c);
    x87_note(c, in);
    struct f80 a = x87_get(c, 0), b = x87_get(c, i);
    if (UNLIKELY(x87_empty(c, 0) || x87_empty(c, i))) {
        if (!x87_stack_fault(c, false))
            return;
        a = x87_empty(c, 0) ? F80_INDEFINITE : a;
        b = x87_empty(c, i) ? F80_INDEFINITE : b;
    } else {
        x87_set_c1(c, false);
    }
    x87_set(c, 0, b);
    x87_set(c, i, a);
}
OP_SAME(FXCH_STi_DD, FXCH_STi)
OP_SAME(FXCH_STi_DF, FXCH_STi)

/* Both registers must be there whatever the condition. */
static ALWAYS_INLINE void move_if(struct cpu *c, const struct insn *in, bool condition)
{
    unsigned i = in->modrm & 7;
    x87_begin(c);
    x87_note(c, in);
    if (UNLIKELY(x87_empty(c, 0) || x87_empty(c, i))) {
        if (x87_stack_fault(c, false))
            x87_set(c, 0, F80_INDEFINITE);
        return;
    }
    if (condition)
        x87_set(c, 0, x87_get(c, i));
}

/* Condition codes as in Jcc. */
#define FCMOV(id, cc)                                                                                                  \
    OP0(id)                                                                                                            \
    {                                                                                                                  \
        move_if(c, in, flags_cond(c, cc));                                                                             \
    }

FCMOV(FCMOVB, 0x2)
FCMOV(FCMOVE, 0x4)
FCMOV(FCMOVBE, 0x6)
FCMOV(FCMOVU, 0xA)
FCMOV(FCMOVNB, 0x3)
FCMOV(FCMOVNE, 0x5)
FCMOV(FCMOVNBE, 0x7)
FCMOV(FCMOVNU, 0xB)

/* ---- the stack pointer and the tags ---- */

static ALWAYS_INLINE void rotate(struct cpu *c, const struct insn *in, unsigned by)
{
    x87_begin(c);
    x87_note(c, in);
    x87_set_c1(c, false);
    c->fpu.top = x87_phys(c, by) & 7;
}

OP0(FDECSTP)
{
    rotate(c, in, 7);
}

OP0(FINCSTP)
{
    rotate(c, in, 1);
}

static ALWAYS_INLINE void free_reg(struct cpu *c, const struct insn *in)
{
    x87_begin(c);
    x87_note(c, in);
    x87_set_c1(c, false);
    c->fpu.empty |= (u8)(1u << x87_phys(c, in->modrm & 7));
}

OP0(FFREE_STi)
{
    free_reg(c, in);
}

OP0(FFREEP_STi)
{
    free_reg(c, in);
    x87_pop(c);
}

OP0(FNOP)
{
    x87_begin(c);
    x87_note(c, in);
}
