/*
 * trace.c - which decoded blocks are translated as one.
 */
#include "translator/trace.h"
#include "cpu/isa.h"

enum { UNROLL = 4, UNROLL_INSNS = 64 /* turns of a loop in a trace, instructions of all */ };

/* Where the trace goes on behind B, which is at IP: with what followed more often. False: nowhere. */
static bool expected(struct trace *t, const struct iblock *b, u32 ip, u32 *next)
{
    const struct insn *in = &b->insn[b->count - 1];
    u32 target = ip + in->end + (u32)in->imm;
    *next = ip + in->end;
    switch (in->op) {
    case ISA_JMP_Jb:
    case ISA_JMP_Jz:
        *next = target;
        return true;
    case ISA_CALL_Jz:
        t->back[t->calls++] = *next;
        *next = target;
        return true;
    case ISA_RET:
    case ISA_RET_Iw:
        if (t->calls)
            *next = t->back[--t->calls];
        return *next != ip + in->end;
    case ISA_Jcc_Jb:
    case ISA_Jcc_Jz:
        if (b->taken * 2 > b->heat)
            *next = target;
        return true;
    case ISA_PUSHF:
    case ISA_POPF:
        return true;
    default:
        return !(isa_rows[in->op].attrs & A_END) || isa_is_string(in->op) || lift_loaded_segment(in) < SEG_COUNT;
    }
}

void trace_add(struct trace *t, struct iblock *b, u32 ip)
{
    t->block[t->parts] = b;
    t->part[t->parts++] = (struct lift_part){ip, b->insn, b->count};
    t->insns += b->count;
}

/* Offsets of one page may be in two, where CS begins inside one: what lies behind it here need not do so for the guest.
 */
static bool on_page(const struct iblock *head, const struct iblock *b)
{
    return b->frame[0] == head->frame[0] && !b->frame[1];
}

static bool in_trace(const struct trace *t, const struct iblock *b)
{
    unsigned i = 0;
    while (i < t->parts && t->block[i] != b)
        i++;
    return i < t->parts;
}

/*
 * The trace is a loop. A short one is taken several times: accesses that go on from turn to turn share their probes,
 * and flags and budget are seen to once.
 */
static void unroll(struct trace *t)
{
    unsigned turn = t->parts, insns = t->insns;
    for (unsigned n = 1; n < UNROLL && t->parts + turn <= X64_PARTS && t->insns + insns <= UNROLL_INSNS; n++)
        for (unsigned i = 0; i < turn; i++)
            trace_add(t, t->block[i], t->part[i].ip);
}

/* It may have been decoded when CS ended further up. */
static bool inside(const struct iblock *b, u32 ip, u32 limit)
{
    return (u64)ip + b->bytes - 1 <= limit;
}

void trace_find(struct trace *t, struct block_cache *blocks, struct iblock *b, const struct lift_mode *mode, unsigned heat)
{
    const struct iblock *head = b;
    u32 next, ip = mode->ip;
    trace_add(t, b, ip);
    if (heat == TRACE_ONE_BLOCK || b->frame[1] || b->unsteady == BLOCK_UNSTEADY)
        return;
    while (t->parts < X64_PARTS && expected(t, b, ip, &next) && !((next ^ ip) >> PAGE_BITS)) {
        b = blocks_find(blocks, head->host + (s32)(next - t->part[0].ip), head->bits);
        if (b == head)
            unroll(t);
        if (!b || !on_page(head, b) || !inside(b, next, mode->code_limit) || b->heat < heat || in_trace(t, b) ||
            t->insns + b->count > X64_INSNS)
            return;
        trace_add(t, b, next);
        ip = next;
    }
}
