/*
 * runtime.c - what translated code asks of C: TLB misses, and instructions that their handlers do.
 */
#include "translator/x64/runtime.h"
#include "cpu/exec.h"
#include "cpu/run.h"
#include "cpu/x87.h"
#include "translator/fill.h"
#include "translator/stats.h"
#include "translator/verify.h"

void x64_flags_out(struct cpu *c)
{
    u32 ah = c->hflags >> 8, of = c->hflags & 1;
    flags_set_arith(c, ah | of << 11);
    c->hflags_live = false;
}

void x64_flags_settle(struct cpu *c)
{
    if (c->hflags_live)
        x64_flags_out(c);
}

void x64_flags_in(struct cpu *c)
{
    u32 f = flags_arith(c);
    c->hflags = (u16)((f & 0xFF) << 8 | f >> 11);
}

enum { STRADDLES_MAX = 32 };

/* What X87 instructions of the block before S leave in the pointers. */
static void note_x87(struct cpu *c, const struct x64_site *s)
{
    const struct insn *insns = s->code->insns;
    if (s->x87) {
        c->x87_ip = x64_ip_of(s->code, s->x87 - 1u);
        c->x87_op = insns[s->x87 - 1].imm & 0x7FF;
    }
    if (s->x87_mem)
        c->x87_seg = insns[s->x87_mem - 1].seg;
}

/*
 * As the interpreter is inside the instruction of S, flags apart. The head has taken all of the trace off the budget, and entering
 * the reserve.
 */
static const struct insn *stand_at(struct cpu *c, const struct x64_site *s)
{
    c->budget += s->undone + X64_RESERVE;
    c->blocks->running = s->block;
    c->engine->running = s->code;
    c->block_first = s->first;
    c->block_ip = s->ip;
    c->cur = s->in;
    c->ip = (u32)(s->ip + s->in->end);
    c->hflags_live = true;
    if (UNLIKELY(s->x87 | s->x87_mem))
        note_x87(c, s);
    return s->in;
}

/* Inside the trace again. */
static u32 go_on(struct cpu *c, const struct x64_site *s)
{
    c->budget -= s->undone + X64_RESERVE;
    c->cur = NULL;
    c->engine->running = NULL;
    return 0;
}

/* In hand is done: between two instructions. */
static void done(struct cpu *c, const struct x64_site *s)
{
    x64_flags_settle(c);
    cpu_account(c, s->in - s->first + 1);
    c->engine->running = NULL;
}

/* Counted as REASON, unless code was written. */
static u32 leave_for(struct cpu *c, const struct x64_site *s, u64 *reason)
{
    ++*(c->attention & ATT_CODE ? &s->code->stats->left_written : reason);
    return 1;
}

static u32 leave(struct cpu *c, const struct x64_site *s)
{
    done(c, s);
    return leave_for(c, s, &s->code->stats->left_access);
}

/* CODE is dropped for REASON, not because it was written. */
static void make_again(struct cpu *c, const struct x64_code *code, u64 *reason)
{
    u64 *written = &code->stats->dropped_written, before = *written;
    c->engine->dropped(c->engine, code->part[0].block);
    *reason += *written - before;
    *written = before;
}

/*
 * Blocks whose groups do not fit into pages again and again do better without; so do those that leave before they come to what
 * is not aligned.
 */
static void count_straddle(struct cpu *c, struct x64_code *code)
{
    if (++code->straddled == STRADDLES_MAX) {
        code->part[0].block->apart = true;
        make_again(c, code, &code->stats->dropped_apart);
    }
}

enum { BESIDE_MAX = 4 };

/* Code whose stores are refused again and again because of what lies beside them has another probe there. */
static void count_beside(struct cpu *c, struct x64_site *s)
{
    const struct x64_code *code = s->code;
    if (++s->beside < BESIDE_MAX)
        return;
    for (const struct x64_site *t = code->sites; t < code->sites + code->nsites; t++)
        if (t->beside)
            t->block->beside |= BIT(t->in - t->first);
    make_again(c, code, &code->stats->dropped_beside);
}

/* May the probe try again? */
static bool fill(struct cpu *c, const struct x64_site *s, u32 lin, bool write)
{
    if (!s->w)
        return false;
    if (UNLIKELY(s->code->verify))
        return verify_fill(s->code->verify, lin, s->w, write, &s->group);
    return fill_probe(&c->mmu, lin, s->w, write, &s->group) && !c->attention; /* an accessed bit may lie in this very code */
}

/* Before a handler. False: the machine has been put between two other instructions. */
static bool right_so_far(struct cpu *c, const struct x64_site *s)
{
    if (LIKELY(!s->code->verify))
        return true;
    x64_flags_settle(c);
    x64_x87_save(c);
    bool right = verify_close(s->code->verify);
    s->code->stats->left_verify += !right;
    return right;
}

static void call(struct cpu *c, const struct insn *in)
{
    if (UNLIKELY(c->x87_live))
        x64_x87_call(c, in);
    else
        in->fn(c, in);
}

/* In front of IN, which the interpreter does if it may raise an exception. */
static u32 enter_x87(struct cpu *c, const struct x64_site *s, const struct insn *in)
{
    if (x87_plain(c)) {
        x64_x87_load(c);
        return go_on(c, s);
    }
    c->ip = insn_ip(c, in);
    x64_flags_settle(c);
    cpu_account(c, s->in - s->first);
    c->engine->running = NULL;
    s->code->stats->left_x87++;
    return 1;
}

u32 x64_access(struct cpu *c, struct x64_site *s, u32 lin)
{
    struct engine_stats *n = s->code->stats;
    const struct insn *in = stand_at(c, s);
    if (s->x87_in) {
        n->calls_x87++;
        return enter_x87(c, s, in);
    }
    n->calls_access++;
    if (fill(c, s, lin, s->write)) {
        n->probes_filled++;
        return go_on(c, s);
    }
    n->probes_handler++;
    bool beside = s->w && !s->group.beside && fill_is_beside(&c->mmu, lin, s->w, s->write, &s->group);
    if (!right_so_far(c, s))
        return 1;
    if (beside)
        count_beside(c, s);
    else if (s->group.span && (fill_straddles(lin, s->w, &s->group) || fill_misaligned(lin, &s->group)))
        count_straddle(c, s->code);
    x64_flags_settle(c);
    call(c, in);
    return leave(c, s);
}

/* What fetching sees stays as it is over the call, else the rest of the trace may be another: what goes on does so in the same mode. */
u32 x64_handler(struct cpu *c, const struct x64_site *s, u32 unused)
{
    struct engine_stats *n = s->code->stats;
    const struct insn *in = stand_at(c, s);
    u64 epoch = c->mmu.fetch_epoch;
    n->calls_handler++;
    if (!right_so_far(c, s))
        return 1;
    if (s->flags)
        x64_flags_settle(c);
    call(c, in);
    if (c->attention || c->mmu.fetch_epoch != epoch || (s->code->sse && !lift_sse_usable(c))) {
        done(c, s);
        return leave_for(c, s, &n->left_event);
    }
    if (UNLIKELY(s->code->verify))
        verify_open(s->code->verify);
    if (s->flags)
        x64_flags_in(c);
    return go_on(c, s);
}

/* What an instruction that goes on in the same mode may change of it. */
static u32 mode_bits(const struct cpu *c, const struct x64_site *s)
{
    u32 flat = s->loads < SEG_COUNT && lift_flat(c, s->loads);
    return flat | (c->eflags & F_AC);
}

u32 x64_last(struct cpu *c, const struct x64_site *s, u32 unused)
{
    struct engine_stats *n = s->code->stats;
    const struct insn *in = stand_at(c, s);
    u64 next = c->ip, epoch = c->mmu.fetch_epoch;
    u32 mode = mode_bits(c, s);
    n->calls_last++;
    if (!right_so_far(c, s))
        return 1;
    if (s->flags || s->stays == LIFT_ENDS)
        x64_flags_settle(c);
    call(c, in);
    cpu_account(c, s->in - s->first + 1);
    cpu_pass_shadow(c);
    c->engine->running = NULL;
    if (s->stays == LIFT_ENDS || c->attention || c->ip != next || c->mmu.fetch_epoch != epoch || mode_bits(c, s) != mode) {
        x64_flags_settle(c);
        return leave_for(c, s, &n->left_end);
    }
    if (UNLIKELY(s->code->verify))
        verify_open(s->code->verify);
    if (s->flags)
        x64_flags_in(c);
    c->budget -= X64_RESERVE;
    return 0;
}

/* ---- repeated string instructions ---- */

/* The first element of an operand. */
struct reach {
    u32 lin;
    bool wanted, write;
    bool inside; /* its segment */
};

static struct reach reach_of(const struct cpu *c, const struct x64_site *s, unsigned seg, unsigned index, bool write)
{
    const struct segment *g = &c->seg[seg];
    u64 off = s->in->adsize == 0 ? (u16)c->r[index] : (u32)c->r[index];
    return (struct reach){(u32)(g->base + off), true, write, (s64)off + s->w - 1 <= (write ? g->wr_top : g->rd_top)};
}

static bool has_hit(const struct cpu *c, const struct x64_site *s, const struct reach *r)
{
    return !r->wanted || tlb_hit(r->write ? c->mmu.wr : c->mmu.rd, r->lin, s->w);
}

/* Something was not in the TLB, and now all is: entries may have the same place. In the order in which the handler finds faults. */
static bool reaches_now(struct cpu *c, const struct x64_site *s)
{
    const struct insn *in = s->in;
    unsigned op = in->op;
    bool source = op == ISA_MOVSB || op == ISA_MOVSV || op == ISA_CMPSB || op == ISA_CMPSV;
    bool write = op == ISA_MOVSB || op == ISA_MOVSV || op == ISA_STOSB || op == ISA_STOSV;
    struct reach from = source ? reach_of(c, s, in->seg, R_SI, false) : (struct reach){.inside = true};
    struct reach to = reach_of(c, s, SEG_ES, R_DI, write);
    if (has_hit(c, s, &from) && has_hit(c, s, &to))
        return false;
    if (!from.inside || (!has_hit(c, s, &from) && !fill(c, s, from.lin, false)))
        return false;
    if (!to.inside || (!has_hit(c, s, &to) && !fill(c, s, to.lin, write)))
        return false;
    return has_hit(c, s, &from) && has_hit(c, s, &to);
}

/* In hand is done, at NEXT: the rest of the trace, which the head has counted, still fits into the slice. */
static u32 go_on_behind(struct cpu *c, const struct x64_site *s, u64 next, u64 epoch)
{
    const s64 rest = s->code->count - (s->k + 1) + X64_RESERVE;
    done(c, s);
    if (c->attention || c->ip != next || c->mmu.fetch_epoch != epoch || c->budget < rest)
        return leave_for(c, s, &s->code->stats->left_end);
    if (UNLIKELY(s->code->verify))
        verify_open(s->code->verify);
    if (s->flags)
        x64_flags_in(c);
    c->budget -= rest;
    return 0;
}

u32 x64_repeated(struct cpu *c, const struct x64_site *s, u32 unused)
{
    const struct insn *in = stand_at(c, s);
    u64 next = c->ip, epoch = c->mmu.fetch_epoch;
    s->code->stats->calls_repeated++;
    c->access_at = s->w && reaches_now(c, s);
    if (c->access_at)
        return go_on(c, s);
    if (!right_so_far(c, s))
        return 1;
    if (s->flags)
        x64_flags_settle(c);
    call(c, in);
    return go_on_behind(c, s, next, epoch);
}
