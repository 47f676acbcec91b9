/*
 * irinterp.c - the intermediate representation, interpreted.
 *
 * A flag token is what the lazy flags of the processor (cpu/flags.h) hold for it. The processor's own are the guest's at every
 * operation that may leave.
 */
#include "translator/irinterp.h"
#include "cpu/exec.h"
#include "cpu/isa.h"
#include "cpu/run.h"
#include "cpu/x87.h"
#include "translator/fill.h"
#include "translator/lift.h"
#include "translator/verify.h"
#include <stdlib.h>

struct token {
    u64 res;
    u32 aux;
};

struct irinterp {
    struct cpu *c;
    struct verify *verify;
    const struct ir_block *b;
    const struct insn *insns;
    u64 value[IR_MAX_OPS];
    struct token token[IR_MAX_OPS];
    u8 *host;                  /* of the last LDW */
    u8 *group[IR_GROUPS + 1];  /* where groups begin */
    bool left;        /* a handler has done the whole instruction */
    bool out;         /* the instruction in hand is not for a translation */
    bool gone;        /* the verifier has put the machine between two other instructions */
    u64 high[IR_MAX_OPS]; /* of MUL: upper half; of DIV: remainder */
};

static struct token flags_now(const struct cpu *c)
{
    return (struct token){c->lf_res, c->lf_aux};
}

static void flags_are(struct cpu *c, struct token t)
{
    c->lf_res = t.res;
    c->lf_aux = t.aux;
}

/* ---- arithmetic: results in r->value, and in the processor's flags, which the caller takes ---- */

static u64 sum(struct cpu *c, unsigned w, u64 a, u64 b, bool carry)
{
    u64 v = a + b + carry;
    flags_add(c, w, a, b, v);
    return v;
}

static u64 difference(struct cpu *c, unsigned w, u64 a, u64 b, bool borrow)
{
    u64 v = a - b - borrow;
    flags_sub(c, w, a, b, v);
    return v;
}

static u64 logic(struct cpu *c, unsigned w, u64 v)
{
    flags_logic(c, w, v);
    return v;
}

static u64 one_more_or_less(struct cpu *c, unsigned w, u64 a, bool less)
{
    bool cf = flag_cf(c);
    u64 v = less ? difference(c, w, a, 1, 0) : sum(c, w, a, 1, 0);
    flags_set_cf(c, cf);
    return v;
}

/* As in op_shift.c; the processor's flags are the ones to hand on. */
static u64 shifted(struct cpu *c, enum ir_opcode op, unsigned w, u64 a, unsigned n)
{
    unsigned bits = w * 8, top = bits - 1, k = n & top, ring = (n & 31) % (bits + 1);
    u64 v = a, last, with_cf = a | (u64)flag_cf(c) << bits;
    n &= 31;
    if (!n)
        return a;
    switch (op) {
    case IR_SHL:
        v = a << n;
        c->lf_res = sext(v, w);
        c->lf_aux = (u32)(v >> bits & 1) << LF_CF | (u32)(v >> top & 1) << LF_PO;
        break;
    case IR_SHR:
        last = a >> (n - 1);
        v = last >> 1;
        c->lf_res = sext(v, w);
        c->lf_aux = (u32)(last & 1) << LF_CF | (u32)((last ^ last >> top) & 1) << LF_PO;
        break;
    case IR_SAR:
        last = (u64)((s64)sext(a, w) >> (n - 1));
        v = (u64)((s64)last >> 1);
        c->lf_res = sext(v, w);
        c->lf_aux = (u32)(last & 1) << LF_CF | (u32)(last & 1) << LF_PO;
        break;
    case IR_ROL:
        v = a << k | a >> (bits - k);
        flags_set_cf_of(c, v & 1, (v ^ v >> top) & 1);
        break;
    case IR_RCL:
        v = with_cf << ring | with_cf >> (bits + 1 - ring);
        flags_set_cf_of(c, v >> bits & 1, (v >> bits ^ v >> top) & 1);
        break;
    case IR_RCR:
        v = with_cf >> ring | with_cf << (bits + 1 - ring);
        flags_set_cf_of(c, v >> bits & 1, (v >> top ^ v >> (top - 1)) & 1);
        break;
    default:
        v = a >> k | a << (bits - k);
        flags_set_cf_of(c, v >> top & 1, (v >> top ^ v >> (top - 1)) & 1);
    }
    return v;
}

static u64 shifted_double(struct cpu *c, bool left, u64 a, u64 b, unsigned n)
{
    u64 v, last;
    n &= 31;
    if (!n)
        return a;
    if (left) {
        last = (a << 32 | b) << (n - 1) >> 32;
        v = (a << 32 | b) << n >> 32;
        c->lf_aux = (u32)(last >> 31 & 1) << LF_CF | (u32)(v >> 31 & 1) << LF_PO;
    } else {
        last = (b << 32 | a) >> (n - 1);
        v = last >> 1;
        c->lf_aux = (u32)(last & 1) << LF_CF | (u32)((last ^ last >> 31 ^ v >> 31) & 1) << LF_PO;
    }
    c->lf_res = sext(v, 4);
    return v;
}

static u64 bit(struct cpu *c, enum ir_opcode op, unsigned w, u64 a, u64 b)
{
    u64 mask = (u64)1 << (b & (w * 8 - 1));
    flags_set_cf(c, a & mask);
    return op == IR_BTS ? a | mask : op == IR_BTR ? a & ~mask : a ^ mask;
}

/* As in op_bit.c. */
static u64 scanned(struct cpu *c, enum ir_opcode op, u64 a, u64 without)
{
    u64 n = op == IR_BSF ? (u64)__builtin_ctzll(a | BIT64(63)) : 63 - (u64)__builtin_clzll(a | 1);
    c->lf_aux = 0;
    c->lf_res = a ? 0x100 | n : 0;
    return a ? n : without;
}

static bool fits_signed(u64 v, unsigned w)
{
    return sext(v, w) == v;
}

/* W bytes each; 1 byte: the value has both halves. */
static u64 product(struct irinterp *r, unsigned at, unsigned w, u64 a, u64 b, bool is_signed)
{
    u64 v = is_signed ? sext(a, w) * sext(b, w) : a * b;
    bool over = is_signed ? !fits_signed(v, w) : v >> w * 8 != 0;
    r->c->lf_res = sext(v, w);
    r->c->lf_aux = (u32)over << LF_CF;
    r->high[at] = v >> w * 8;
    return v;
}

static u64 quotient(struct irinterp *r, unsigned at, unsigned w, u64 low, u64 high, u64 by, bool is_signed)
{
    u64 n = low | high << w * 8;
    if (!is_signed) {
        if (n >> w * 8 >= by)
            cpu_raise(r->c, VEC_DE);
        r->high[at] = n % by;
        return n / by;
    }
    s64 d = (s64)sext(by, w), sn = (s64)sext(n, w * 2);
    if (d == 0 || (d == -1 && sn == INT64_MIN) || !fits_signed((u64)(sn / d), w))
        cpu_raise(r->c, VEC_DE);
    r->high[at] = (u64)(sn % d);
    return (u64)(sn / d);
}

/* ---- operations ---- */

static u64 operand(const struct irinterp *r, ir_ref ref, unsigned w)
{
    return zext(r->value[ref], w);
}

static u64 arithmetic(struct irinterp *r, unsigned at, const struct ir_op *o)
{
    struct cpu *c = r->c;
    u64 a = operand(r, o->a, o->w), b = operand(r, o->b, o->w);
    switch (o->op) {
    case IR_ADD:
        return sum(c, o->w, a, b, 0);
    case IR_SUB:
        return difference(c, o->w, a, b, 0);
    case IR_ADC:
        return sum(c, o->w, a, b, flag_cf(c));
    case IR_SBB:
        return difference(c, o->w, a, b, flag_cf(c));
    case IR_AND:
        return logic(c, o->w, a & b);
    case IR_OR:
        return logic(c, o->w, a | b);
    case IR_XOR:
        return logic(c, o->w, a ^ b);
    case IR_NEG:
        return difference(c, o->w, 0, a, 0);
    case IR_INC:
    case IR_DEC:
        return one_more_or_less(c, o->w, a, o->op == IR_DEC);
    case IR_SHLD:
    case IR_SHRD:
        return shifted_double(c, o->op == IR_SHLD, a, b, (unsigned)operand(r, o->c, 1));
    case IR_BT:
    case IR_BTS:
    case IR_BTR:
    case IR_BTC:
        return bit(c, (enum ir_opcode)o->op, o->w, a, b);
    case IR_BSF:
    case IR_BSR:
        return scanned(c, (enum ir_opcode)o->op, a, b);
    case IR_MUL:
    case IR_IMUL:
        return product(r, at, o->w, a, b, o->op == IR_IMUL);
    default:
        return shifted(c, (enum ir_opcode)o->op, o->w, a, (unsigned)operand(r, o->b, 1));
    }
}

/* Values and tokens without effect on the guest. */
static void compute(struct irinterp *r, unsigned at, const struct ir_op *o)
{
    struct cpu *c = r->c;
    struct token guest = flags_now(c);
    if (o->f)
        flags_are(c, r->token[o->f]);
    switch (o->op) {
    case IR_CONST:
        r->value[at] = o->imm;
        break;
    case IR_GET:
        r->value[at] = 0;
        memcpy(&r->value[at], (const u8 *)c->r + o->aux, o->w);
        break;
    case IR_GETF:
        break;
    case IR_CARRY:
        flags_set_cf(c, o->aux == 2 ? !flag_cf(c) : o->aux);
        break;
    case IR_LOWF:
        r->value[at] = (flags_arith(c) & 0xFF) | F_ONE;
        break;
    case IR_STEP:
        r->value[at] = (u32)(c->eflags & F_DF ? 0 - o->imm : o->imm);
        break;
    case IR_NOT:
        r->value[at] = ~r->value[o->a];
        break;
    case IR_HIGH:
    case IR_REST:
        r->value[at] = r->high[o->a];
        break;
    case IR_ZEXT:
        r->value[at] = operand(r, o->a, o->w);
        break;
    case IR_SEXT:
        r->value[at] = (u32)sext(r->value[o->a], o->w);
        break;
    case IR_BSWAP:
        r->value[at] = __builtin_bswap32((u32)r->value[o->a]);
        break;
    case IR_LEA:
        r->value[at] = (u32)((o->a ? r->value[o->a] : 0) + ((o->b ? r->value[o->b] : 0) << o->aux) + o->imm);
        break;
    case IR_SETCC:
        r->value[at] = flags_cond(c, o->cc);
        break;
    case IR_SEL:
        r->value[at] = c->seg[o->aux].sel;
        break;
    case IR_X87SW:
        r->value[at] = o->aux ? c->fpu.cw : x87_status(c);
        break;
    case IR_AHF:
        flags_set_arith(c, (u32)(operand(r, o->a, 1) & F_ARITH) | (flags_arith(c) & F_OF));
        break;
    case IR_SELECT:
        r->value[at] = r->value[flags_cond(c, o->cc) ? o->a : o->b];
        break;
    default:
        r->value[at] = zext(arithmetic(r, at, o), o->w == 1 && (o->op == IR_MUL || o->op == IR_IMUL) ? 2 : o->w);
    }
    r->token[at] = flags_now(c);
    flags_are(c, guest);
}

/* May the access be tried now? */
static bool fill(struct irinterp *r, u64 lin, unsigned w, bool write, const struct fill_group *g)
{
    struct cpu *c = r->c;
    return r->verify ? verify_fill(r->verify, (u32)lin, w, write, g)
                     : fill_probe(&c->mmu, lin, w, write, g) && !c->attention;
}

/* Before a handler. */
static bool right_so_far(struct irinterp *r)
{
    r->gone = r->verify && !verify_close(r->verify);
    return !r->gone;
}

/* The instruction in hand as a whole; the block is to be left then. */
static void by_handler(struct irinterp *r)
{
    struct cpu *c = r->c;
    c->ip = insn_next_ip(c, c->cur);
    if (right_so_far(r))
        c->cur->fn(c, c->cur);
    r->left = true;
}

/* The operation's place in host memory; NULL: the instruction has been done by its handler, and the block is to be left. */
static u8 *reach(struct irinterp *r, const struct ir_op *o, bool write)
{
    struct cpu *c = r->c;
    if (ir_covered(o))
        return r->group[o->group] + o->delta;
    u64 lin = r->value[o->a];
    const struct ir_group *ig = &r->b->group[o->group]; /* of none: all 0 */
    const struct fill_group g = {ig->span, o->delta, ig->write, ir_aligned(r->b, o), ig->residue, false};
    const struct tlb_entry *half = write || g.write ? c->mmu.wr : c->mmu.rd;
    u32 low = (u32)lin - g.delta;
    unsigned len = g.span ? g.span : o->w;
    if (!tlb_hit(half, low, len) && !fill(r, lin, o->w, write, &g)) {
        by_handler(r);
        return NULL;
    }
    r->group[o->group] = tlb_hit(half, low, len);
    return r->group[o->group] + g.delta;
}

/* Where accesses must be aligned, one that is not, and what is not in the segment, are the handler's business. */
static void check_segment(struct irinterp *r, unsigned at, const struct ir_op *o)
{
    const struct segment *s = &r->c->seg[o->aux];
    u64 off = r->value[o->a];
    r->value[at] = (u32)(s->base + off);
    if (!(o->cc >> 1))
        r->value[at] = o->cc & 1 ? seg_lin_wr(r->c, o->aux, off, (u32)o->imm) : seg_lin_rd(r->c, o->aux, off, (u32)o->imm);
    else if ((s64)(off + o->imm - 1) > (o->cc & 1 ? s->wr_top : s->rd_top) || r->value[at] & o->cc >> 1)
        by_handler(r);
}

static void load(struct irinterp *r, unsigned at, const struct ir_op *o, bool for_write)
{
    r->host = reach(r, o, for_write);
    if (r->host) {
        r->value[at] = 0;
        memcpy(&r->value[at], r->host, o->w);
    }
}

static void store(struct irinterp *r, const struct ir_op *o)
{
    u8 *host = reach(r, o, true);
    if (host)
        memcpy(host, &r->value[o->b], o->w);
}

static void compare_exchange_8(struct irinterp *r, unsigned at, const struct ir_op *o)
{
    struct cpu *c = r->c;
    u8 *host = reach(r, o, true);
    if (!host)
        return;
    u64 was, then = c->r[R_CX] << 32 | c->r[R_BX];
    memcpy(&was, host, 8);
    bool same = was == (c->r[R_DX] << 32 | c->r[R_AX]);
    if (same)
        memcpy(host, &then, 8);
    c->r[R_AX] = (u32)was;
    c->r[R_DX] = was >> 32;
    struct token guest = flags_now(c);
    flags_set_arith(c, (flags_arith(c) & ~(u32)F_ZF) | (same ? F_ZF : 0));
    r->token[at] = flags_now(c);
    flags_are(c, guest);
}

static void image(struct irinterp *r, unsigned at)
{
    const struct cpu *c = r->c;
    if (c->eflags & F_VM)
        by_handler(r);
    else
        r->value[at] = (c->eflags & ~(u32)F_RF) | flags_arith(c);
}

static void popped(struct irinterp *r, unsigned at, const struct ir_op *o)
{
    struct cpu *c = r->c;
    struct token guest = flags_now(c);
    u32 v = (u32)operand(r, o->a, o->w), looked_at = (u32)zext(LIFT_POPF_SYSTEM, o->w);
    if ((c->eflags & (F_VM | F_RF | F_VIP)) || ((v ^ c->eflags) & looked_at)) {
        by_handler(r);
        return;
    }
    flags_set_arith(c, v);
    r->token[at] = flags_now(c);
    flags_are(c, guest);
}

static void call_handler(struct irinterp *r, unsigned k)
{
    if (right_so_far(r))
        r->insns[k].fn(r->c, &r->insns[k]);
    r->left |= r->gone;
}

/* The instruction in hand is done: the block is not gone on with. */
static void leave_behind(struct irinterp *r)
{
    r->left = true;
    if (!r->gone)
        r->c->ip = insn_next_ip(r->c, r->c->cur);
}

/* One in the middle. It may load an MXCSR that SSE operations cannot live with. */
static void helper(struct irinterp *r, unsigned k)
{
    bool usable = lift_sse_usable(r->c);
    call_handler(r, k);
    if (r->gone || (usable && !lift_sse_usable(r->c)))
        leave_behind(r);
    else if (r->verify && !r->c->attention)
        verify_open(r->verify);
}

/* Nobody but the processor sees it: it stays in the verifier's window. */
static void registers_only(struct irinterp *r, const struct ir_op *o)
{
    r->insns[o->imm].fn(r->c, &r->insns[o->imm]);
}

/*
 * With memory it is something that others see, and groups of accesses stay open, as a host's code calls nobody here. So the block is left
 * where the handler's walk has closed a page, and behind the verifier's window; not behind an access that another one has looked at,
 * where the flags need not be the guest's.
 */
static void with_memory(struct irinterp *r, const struct ir_op *o)
{
    struct cpu *c = r->c;
    u64 drops = c->mmu.write_drops;
    if (ir_covered(o)) {
        registers_only(r, o);
        return;
    }
    call_handler(r, (unsigned)o->imm);
    if (r->verify || c->mmu.write_drops != drops)
        leave_behind(r);
}

/* The handler does it all, and faults where something is not aligned; what it makes of a general register and the flags is the operation's result as well. */
static void vector(struct irinterp *r, unsigned at, const struct ir_op *o)
{
    struct token guest = flags_now(r->c);
    if (o->op == IR_SSE || o->op == IR_MMX)
        registers_only(r, o);
    else if (o->cc & 8 || reach(r, o, o->cc & 1)) /* for the group that it may begin */
        with_memory(r, o);
    if (r->left)
        return;
    r->value[at] = r->c->r[o->aux];
    r->token[at] = flags_now(r->c);
    flags_are(r->c, guest);
}

static void move_x87_if(struct irinterp *r, const struct ir_op *o)
{
    struct token guest = flags_now(r->c);
    flags_are(r->c, r->token[o->f]);
    registers_only(r, o);
    flags_are(r->c, guest);
}

/* An x87 comparison, of which the flags are a token. */
static void compare_x87(struct irinterp *r, unsigned at, const struct ir_op *o)
{
    struct token guest = flags_now(r->c);
    registers_only(r, o);
    r->token[at] = flags_now(r->c);
    flags_are(r->c, guest);
}

/* State, memory, handlers. */
static void act(struct irinterp *r, unsigned at, const struct ir_op *o)
{
    struct cpu *c = r->c;
    switch (o->op) {
    case IR_PUT:
        reg_wr(c, o->w, o->w == 1 ? o->aux : o->aux / 8, r->value[o->a]);
        break;
    case IR_FLAGS:
        flags_are(c, r->token[o->f]);
        break;
    case IR_SEGOK:
        break;
    case IR_SETSEG:
        seg_load_real(c, o->aux, (u16)r->value[o->a]);
        break;
    case IR_SEG:
        check_segment(r, at, o);
        break;
    case IR_LIMIT:
        if (r->value[o->a] > o->imm)
            raise_gp0(c);
        break;
    case IR_LD:
        load(r, at, o, false);
        break;
    case IR_ST:
        store(r, o);
        break;
    case IR_LDW:
        load(r, at, o, true);
        break;
    case IR_STW:
        memcpy(r->host, &r->value[o->b], o->w);
        break;
    case IR_CAS8:
        compare_exchange_8(r, at, o);
        break;
    case IR_IMAGE:
        image(r, at);
        break;
    case IR_POPPED:
        popped(r, at, o);
        break;
    case IR_DIV:
    case IR_IDIV:
        r->value[at] = quotient(r, at, o->w, operand(r, o->a, o->w), operand(r, o->b, o->w), operand(r, o->c, o->w), o->op == IR_IDIV);
        break;
    case IR_SSE:
    case IR_SSEM:
    case IR_MMX:
    case IR_MMXM:
        vector(r, at, o);
        break;
    case IR_MXCSR:
        with_memory(r, o);
        if (!r->left && !lift_sse_usable(c))
            leave_behind(r);
        break;
    case IR_X87IN:
        r->out = !x87_plain(c);
        break;
    case IR_X87F:
        compare_x87(r, at, o);
        break;
    case IR_X87C:
        move_x87_if(r, o);
        break;
    case IR_X87M:
        if (reach(r, o, o->cc))
            with_memory(r, o);
        break;
    case IR_DF:
        c->eflags = o->cc ? c->eflags | F_DF : c->eflags & ~(u32)F_DF;
        break;
    case IR_REP: /* the last of a block; it has set IP */
        call_handler(r, (unsigned)o->imm);
        r->left = true;
        break;
    case IR_HELPER:
        helper(r, (unsigned)o->imm);
        break;
    case IR_X87:
        registers_only(r, o);
        break;
    case IR_X87CW:
        with_memory(r, o);
        if (!r->left && !x87_plain(c)) /* an exception may be pending now, and comes before faults of an operand */
            leave_behind(r);
        break;
    default:
        compute(r, at, o);
    }
}

/* The next IP. */
static void leave(struct irinterp *r, const struct ir_op *o)
{
    struct cpu *c = r->c;
    switch (o->op) {
    case IR_JMP:
        c->ip = o->imm;
        break;
    case IR_JCC: {
        struct token guest = flags_now(c);
        flags_are(c, r->token[o->f]);
        c->ip = flags_cond(c, o->cc) ? o->imm : o->aux;
        flags_are(c, guest);
        break;
    }
    case IR_JMPV:
        c->ip = r->value[o->a];
        break;
    case IR_TEST0:
        c->ip = operand(r, o->a, o->w) ? o->imm : o->aux;
        break;
    default:
        call_handler(r, (unsigned)o->imm);
    }
}

struct irinterp *irinterp_new(struct verify *v)
{
    struct irinterp *r = calloc(1, sizeof *r);
    if (r)
        r->verify = v;
    return r;
}

void irinterp_free(struct irinterp *r)
{
    free(r);
}

static void stop_before(struct irinterp *r, unsigned k)
{
    r->c->ip = insn_ip(r->c, &r->insns[k]);
    cpu_account(r->c, k);
}

void irinterp_run(struct irinterp *r, struct cpu *c, const struct ir_block *b, const struct insn *insns, unsigned count)
{
    r->c = c;
    r->b = b;
    r->insns = insns;
    r->left = r->out = r->gone = false;
    c->block_first = c->cur = insns;
    c->block_ip = c->ip;
    c->ip = insn_next_ip(c, &insns[count - 1]);
    for (unsigned i = 1; i < b->count; i++) {
        const struct ir_op *o = &b->op[i];
        if (o->op == IR_INSN) {
            if (UNLIKELY(c->attention)) { /* of the instruction before */
                stop_before(r, (unsigned)o->imm);
                return;
            }
            c->cur = &insns[o->imm];
        } else if (ir_info[o->op].attrs & IR_ENDS) {
            leave(r, o);
        } else {
            act(r, i, o);
        }
        if (UNLIKELY(r->out)) {
            stop_before(r, (unsigned)o->imm);
            return;
        }
        if (UNLIKELY(r->left)) {
            if (!r->gone)
                cpu_account(c, c->cur + 1 - insns);
            return;
        }
    }
    cpu_account(c, count);
}
