/*
 * interp.c - the interpreter's run loop: finds or decodes the next block, executes
 * it, keeps the exact count, and goes where faults and events lead.
 */
#include "cpu/blocks.h"
#include "cpu/debug.h"
#include "cpu/decode.h"
#include "cpu/exec.h"
#include "cpu/isa.h"
#include "cpu/run.h"
#include "cpu/sys.h"

/* ---- finding and building blocks ---- */

static struct decode_mode decode_mode_of(const struct cpu *c)
{
    return (struct decode_mode){.decoder = c->decoder, .bits = c->code_bits};
}

/* Bytes of the code segment from IP on; 0 raises #GP(0). */
static u32 bytes_in_segment(struct cpu *c, u64 ip)
{
    u32 limit = c->seg[SEG_CS].limit;
    if (ip > limit)
        raise_gp0(c);
    return limit - (u32)ip < 0xFFFF ? limit - (u32)ip + 1 : 0x10000;
}

static bool ends_block(const struct insn *in)
{
    return isa_rows[in->op].attrs & A_END;
}

/*
 * Reads one instruction byte by byte where that is the only way: over a page boundary, out of
 * registers, near the segment's end. Faults exactly at the byte that cannot be fetched.
 */
static void fetch_one(struct cpu *c, u64 ip, struct insn *in)
{
    struct decode_mode mode = decode_mode_of(c);
    u8 buf[INSN_MAX_LEN];
    u32 allowed = bytes_in_segment(c, ip);
    for (unsigned n = 0; n < INSN_MAX_LEN; n++) {
        if (n == allowed)
            raise_gp0(c);
        u64 phys;
        const u8 *p = mmu_fetch(&c->mmu, (u32)(c->seg[SEG_CS].base + ip + n), &phys);
        buf[n] = p ? *p : (u8)phys_read_slow(c->mmu.phys, phys, 1);
        enum decode_result r = decode(&mode, buf, n + 1, in);
        if (r == DECODE_OK)
            return;
        if (r == DECODE_TOO_LONG)
            break;
    }
    raise_gp0(c); /* more than 15 bytes */
}

static struct iblock *scratch_block(struct cpu *c, u64 ip)
{
    struct iblock *b = c->blocks->scratch;
    fetch_one(c, ip, &b->insn[0]);
    b->insn[0].end = b->insn[0].len;
    b->bytes = b->insn[0].len;
    b->count = 1;
    return b;
}

/* A single instruction that reaches into a second page, cached under both frames. */
static struct iblock *crossing_block(struct cpu *c, u64 ip, const u8 *host)
{
    struct iblock *b = scratch_block(c, ip);
    u64 phys, lin = (u32)(c->seg[SEG_CS].base + ip);
    if ((lin & (PAGE_SIZE - 1)) + b->bytes <= PAGE_SIZE)
        return b; /* #UD was known before the second page mattered */
    const u8 *second = mmu_fetch(&c->mmu, (u32)((lin | (PAGE_SIZE - 1)) + 1), &phys);
    u32 first_frame = phys_host_frame(c->mmu.phys, host);
    u32 second_frame = second ? phys_host_frame(c->mmu.phys, second) : 0;
    if (!second_frame || second_frame == first_frame)
        return b;
    struct iblock *kept = blocks_alloc(c->blocks, 1);
    kept->host = host;
    kept->frame[0] = first_frame;
    kept->frame[1] = second_frame;
    kept->offset = lin & (PAGE_SIZE - 1);
    kept->bytes = b->bytes;
    kept->bits = c->code_bits;
    kept->count = 1;
    kept->insn[0] = b->insn[0];
    blocks_insert(c->blocks, kept);
    return kept;
}

/* True if the page behind a crossing block is still the one it was decoded from. */
static bool second_page_same(struct cpu *c, const struct iblock *b, u64 lin)
{
    u64 phys;
    const u8 *p = mmu_fetch(&c->mmu, (u32)((lin | (PAGE_SIZE - 1)) + 1), &phys);
    return p && phys_host_frame(c->mmu.phys, p) == b->frame[1];
}

static struct iblock *build_block(struct cpu *c, u64 ip, const u8 *host)
{
    struct decode_mode mode = decode_mode_of(c);
    u32 offset = (u64)(c->seg[SEG_CS].base + ip) & (PAGE_SIZE - 1);
    u32 avail = MIN(PAGE_SIZE - offset, bytes_in_segment(c, ip));
    struct insn list[BLOCK_MAX_INSNS];
    unsigned count = 0;
    u32 at = 0;
    while (count < BLOCK_MAX_INSNS && at < avail) {
        struct insn *in = &list[count];
        if (decode(&mode, host + at, MIN(avail - at, (u32)INSN_MAX_LEN), in) != DECODE_OK)
            break;
        at += in->len;
        in->end = (u16)at;
        count++;
        if (ends_block(in) || stops_near(c, offset + at))
            break;
    }
    c->stats_blocks++;
    c->stats_decoded += count;
    if (count == 0)
        return avail < PAGE_SIZE - offset ? scratch_block(c, ip) : crossing_block(c, ip, host);
    struct iblock *b = blocks_alloc(c->blocks, count);
    b->host = host;
    b->frame[0] = phys_host_frame(c->mmu.phys, host);
    b->frame[1] = 0;
    b->offset = (u16)offset;
    b->bytes = (u16)at;
    b->bits = c->code_bits;
    b->count = (u8)count;
    memcpy(b->insn, list, count * sizeof *list);
    blocks_insert(c->blocks, b);
    return b;
}

/* The block at the current IP. Raises what fetching raises. */
static struct iblock *find_block(struct cpu *c)
{
    u64 phys, ip = c->ip, lin = (u32)(c->seg[SEG_CS].base + ip);
    const u8 *host = mmu_fetch(&c->mmu, lin, &phys);
    if (UNLIKELY(!host))
        return scratch_block(c, ip);
    struct iblock *b = blocks_find(c->blocks, host, c->code_bits);
    if (!b)
        return build_block(c, ip, host);
    if (UNLIKELY(ip + b->bytes - 1 > c->seg[SEG_CS].limit))
        return scratch_block(c, ip);
    if (UNLIKELY(b->frame[1]) && !second_page_same(c, b, lin)) {
        blocks_drop(c->blocks, b);
        return build_block(c, ip, host);
    }
    return b;
}

/* As find_block(), and PREV remembers it. */
static NOINLINE struct iblock *find_and_link(struct cpu *c, struct iblock *prev)
{
    u64 epoch = c->mmu.fetch_epoch;
    u32 lin = (u32)(c->seg[SEG_CS].base + c->ip);
    if (UNLIKELY(stops_near(c, lin)) && stops_find(c, lin)) {
        stops_check(c);
        return find_block(c); /* without a link: next time is looked at again */
    }
    struct iblock *b = find_block(c);
    if (b != c->blocks->scratch && c->mmu.fetch_epoch == epoch) { /* else PREV may be gone */
        prev->link[1] = prev->link[0];
        prev->link[0] = (struct block_link){.epoch = mmu_fetch_epoch_of(&c->mmu, lin), .to = b, .lin = lin};
    }
    return b;
}

static ALWAYS_INLINE struct iblock *linked(const struct cpu *c, const struct block_link *l)
{
    if (l->lin != (u32)(c->seg[SEG_CS].base + c->ip) ||
        (l->epoch != c->mmu.fetch_epoch_global && l->epoch != c->mmu.fetch_epoch))
        return NULL;
    struct iblock *b = l->to;
    return b->bits == c->code_bits && c->ip + b->bytes - 1 <= c->seg[SEG_CS].limit ? b : NULL;
}

/* The block at the current IP, which follows PREV. */
static ALWAYS_INLINE struct iblock *next_block(struct cpu *c, struct iblock *prev)
{
    struct iblock *b = linked(c, &prev->link[0]);
    if (LIKELY(b != NULL))
        return b;
    b = linked(c, &prev->link[1]);
    return LIKELY(b != NULL) ? b : find_and_link(c, prev);
}

/* ---- executing ---- */

/* Executes the first N instructions of B. */
static ALWAYS_INLINE void run_insns(struct cpu *c, struct iblock *b, unsigned n)
{
    const struct insn *in = b->insn, *last = in + n - 1;
    c->blocks->running = b;
    c->block_first = in;
    c->block_ip = c->ip;
    c->ip = insn_next_ip(c, last);
    for (; in != last; in++) {
        c->cur = in;
        in->fn(c, in);
        if (UNLIKELY(c->attention)) {
            c->ip = insn_next_ip(c, in);
            cpu_account(c, in + 1 - b->insn);
            return;
        }
    }
    c->cur = in;
    in->fn(c, in);
    cpu_account(c, n);
}

struct iblock *cpu_next_block(struct cpu *c, struct iblock *prev)
{
    return next_block(c, prev);
}

void cpu_run_insns(struct cpu *c, struct iblock *b, unsigned n)
{
    run_insns(c, b, n);
}

/* As run_insns(), and the observer sees each instruction. */
static void run_observed_insns(struct cpu *c, struct iblock *b, unsigned n)
{
    const struct cpu_observer *o = c->observer;
    c->blocks->running = b;
    c->block_first = b->insn;
    c->block_ip = c->ip;
    unsigned i = 0;
    do {
        const struct insn *in = &b->insn[i++];
        c->cur = in;
        o->insn(o->ctx, c, in);
        c->ip = insn_next_ip(c, in);
        in->fn(c, in);
    } while (i < n && !c->attention);
    cpu_account(c, i);
}

static NOINLINE void run_observed(struct cpu *c)
{
    struct iblock *b = c->blocks->scratch;
    while (!c->attention && c->budget > 0) {
        b = next_block(c, b);
        run_observed_insns(c, b, (unsigned)MIN((s64)b->count, c->budget));
    }
}

static bool observes_insns(const struct cpu *c)
{
    return UNLIKELY(c->observer) && c->observer->insn;
}

/* Runs blocks until something wants attention or the slice ends. */
static NOINLINE void run_blocks(struct cpu *c)
{
    struct iblock *b = c->blocks->scratch;
    while (LIKELY(!c->attention) && c->budget > 0) {
        b = next_block(c, b);
        unsigned n = b->count;
        if (UNLIKELY((s64)n > c->budget))
            n = (unsigned)c->budget;
        run_insns(c, b, n);
    }
}

/* A breakpoint in front of IN is none in the middle of it: SDM vol. 3B 17.3.1.1. */
static void pass_breakpoint_inside(struct cpu *c, const struct insn *in, u64 ip)
{
    if (debug_insn_armed(c) && in->rep && (isa_rows[in->op].attrs & A_REP) && c->ip == ip)
        c->eflags |= F_RF;
}

/* Exactly one instruction: under TF, a shadow, or armed instruction breakpoints. */
static NOINLINE void run_one(struct cpu *c)
{
    bool trap = c->eflags & F_TF;
    u64 ip = c->ip;
    if (stops_near(c, c->seg[SEG_CS].base + c->ip))
        stops_check(c);
    c->no_step = false;
    c->attention &= ~(u32)(ATT_SHADOW | ATT_CODE);
    if (debug_insn_armed(c))
        debug_insn_check(c); /* raises #DB before the instruction; RF suppresses it */
    struct iblock *b = find_block(c);
    c->eflags &= ~(u32)F_RF;
    if (observes_insns(c))
        run_observed_insns(c, b, 1);
    else
        run_insns(c, b, 1);
    pass_breakpoint_inside(c, b->insn, ip);
    if (trap) {
        c->db_pending |= DR6_BS;
        c->attention |= ATT_DB;
    }
}

/* After a fault left cur: counts what was completed before it, and iterations of its own. */
static void account_fault(struct cpu *c)
{
    if (!c->cur)
        return;
    c->budget -= c->cur - c->block_first + c->rep_done;
    c->rep_done = 0;
    c->cur = NULL;
}

/* A fault: a stop that the instruction has hit does not count, it will be begun again. */
static void take_fault(struct cpu *c)
{
    if (c->engine)
        c->engine->settle(c, c->engine);
    if (UNLIKELY(c->stops.hit) && c->cur && !c->fault_at_ip)
        stops_unhit(c);
    cpu_deliver_fault(c); /* may come back to cpu_run() once more: double fault */
    account_fault(c);
    stops_event(c);
}

static void take_events(struct cpu *c)
{
    u64 lin = c->seg[SEG_CS].base + c->ip;
    cpu_take_events(c);
    if (lin != c->seg[SEG_CS].base + c->ip)
        stops_event(c);
}

static bool one_at_a_time(const struct cpu *c)
{
    return (c->attention & (ATT_SHADOW | ATT_TF)) || debug_insn_armed(c);
}

/* Whoever wants to see single instructions has the interpreter. */
static bool engine_may_run(const struct cpu *c)
{
    return c->engine && !c->stops.count && !c->stops.events && !c->observer;
}

static void run_many(struct cpu *c)
{
    if (engine_may_run(c))
        c->engine->run(c, c->engine);
    else if (observes_insns(c))
        run_observed(c);
    else
        run_blocks(c);
}

s64 cpu_run(struct cpu *c, s64 budget)
{
    c->count_end = cpu_count(c) + (u64)budget;
    c->budget = budget;
    if (setjmp(c->unwind) == UNWIND_FAULT)
        take_fault(c);
    while (c->budget > 0) {
        if (c->attention & (ATT_STOP | ATT_RESET))
            break;
        c->attention &= ~(u32)ATT_CODE;
        if (c->attention & ~(u32)ATT_TF)
            take_events(c);
        if (c->halt != HALT_NONE || c->attention & (ATT_STOP | ATT_RESET))
            break;
        if (one_at_a_time(c))
            run_one(c);
        else if (c->attention == 0)
            run_many(c);
    }
    c->attention &= ~(u32)ATT_STOP;
    return budget - c->budget;
}
