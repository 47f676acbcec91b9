/*
 * op_string.c - MOVS STOS LODS CMPS SCAS with REP, REPE and REPNE.
 *
 * Each iteration commits rSI, rDI, rCX and rep_done, so a fault or an interruption
 * leaves exactly the completed iterations behind. Runs of elements that lie in plain pages are done on host memory at
 * once, comparing upwards only; what they leave is what single steps would have left, overlap included. CMPS and SCAS
 * set the flags when they stop: a fault in a later iteration finds the flags from before the instruction, as the manual
 * wants it.
 *
 * SDM vol. 2: REP; the instructions by name.
 */
#include "cpu/exec.h"

/* Below RUN_MIN elements a run is not worth its setup; after a failed attempt as many elements go singly. */
enum { RUN_MIN = 8 };

static ALWAYS_INLINE u64 addr_mask(const struct insn *in)
{
    return in->adsize == 0 ? 0xFFFF : 0xFFFFFFFF;
}

/* Moves a pointer or counter register of the address size; the rest of a 16-bit one stays. */
static ALWAYS_INLINE void addr_reg_add(struct cpu *c, u64 mask, unsigned reg, u64 delta)
{
    u64 v = c->r[reg];
    c->r[reg] = ((v + delta) & mask) | (mask == 0xFFFF ? v & ~mask : 0);
}

static ALWAYS_INLINE u64 addr_step(const struct cpu *c, const unsigned W)
{
    return c->eflags & F_DF ? (u64)0 - W : W;
}

/* How far below the first of N elements the lowest one lies. */
static ALWAYS_INLINE u64 lowest(const struct cpu *c, unsigned w, u64 n)
{
    return c->eflags & F_DF ? (n - 1) * w : 0;
}

/*
 * Host memory of the element at SEG:OFF, and in *N (never raised) how many there are from it on, as DF says, before the
 * segment, the address size or the page ends. NULL: take single steps, which also raise what there is to raise. A page
 * fault of the first byte is raised here.
 */
static u8 *run_at(struct cpu *c, unsigned seg, u64 off, unsigned w, u64 mask, bool write, u64 *n)
{
    const struct segment *s = &c->seg[seg];
    s64 last = MIN(write ? s->wr_top : s->rd_top, (s64)mask);
    u64 lin = (u32)(s->base + off);
    if ((s64)off + (s64)w - 1 > last || ((c->eflags & F_AC) && (lin & (w - 1))))
        return NULL;
    u32 avail = 0;
    u8 *host = mmu_run(&c->mmu, lin, write, &avail);
    if (avail < w)
        return NULL;
    bool down = c->eflags & F_DF;
    u64 room = down ? off + w : (u64)(last - (s64)off + 1), in_page = down ? PAGE_SIZE - avail + w : avail;
    *n = MIN(*n, MIN(room, in_page) / w);
    u64 low = lowest(c, w, *n);
    if (!host && write && (host = mmu_run_beside(&c->mmu, lin - low, (u32)*n * w)))
        host += low;
    return host;
}

/* ---- MOVS ---- */

static ALWAYS_INLINE void movs_one(struct cpu *c, const struct insn *in, const unsigned W, u64 mask)
{
    u64 step = addr_step(c, W);
    u64 v = seg_ld(c, W, in->seg, c->r[R_SI] & mask);
    seg_st(c, W, SEG_ES, c->r[R_DI] & mask, v);
    addr_reg_add(c, mask, R_SI, step);
    addr_reg_add(c, mask, R_DI, step);
}

/* Copies LEN bytes upwards in elements of W bytes, each loaded whole before it is stored. */
static void copy_up(u8 *dst, const u8 *src, u64 len, unsigned w)
{
    u64 ahead = (uintptr_t)dst - (uintptr_t)src; /* huge when DST lies below SRC */
    if (ahead == 0 || ahead >= len) {            /* no element is overwritten before it is read */
        memmove(dst, src, len);
    } else if (ahead % w == 0) { /* the first AHEAD bytes repeat: double what is there */
        for (u64 i = 0, n; i < len; i += n) {
            n = MIN(ahead + i, len - i);
            memcpy(dst + i, src, n);
        }
    } else {
        for (u64 i = 0; i < len; i += w)
            memmove(dst + i, src + i, w);
    }
}

/* The same downwards, to and from where the last element lies. */
static void copy_down(u8 *dst, const u8 *src, u64 len, unsigned w)
{
    u64 behind = (uintptr_t)src - (uintptr_t)dst;
    if (behind >= len)
        memmove(dst, src, len);
    else
        for (u64 i = len; i > 0; i -= w)
            memmove(dst + i - w, src + i - w, w);
}

static u64 movs_run(struct cpu *c, const struct insn *in, unsigned w, u64 mask, u64 n)
{
    const u8 *src = run_at(c, in->seg, c->r[R_SI] & mask, w, mask, false, &n);
    if (!src)
        return 0;
    u8 *dst = run_at(c, SEG_ES, c->r[R_DI] & mask, w, mask, true, &n);
    if (!dst)
        return 0;
    u64 low = lowest(c, w, n);
    if (low)
        copy_down(dst - low, src - low, n * w, w);
    else
        copy_up(dst, src, n * w, w);
    addr_reg_add(c, mask, R_SI, n * addr_step(c, w));
    addr_reg_add(c, mask, R_DI, n * addr_step(c, w));
    return n;
}

/* ---- STOS ---- */

static ALWAYS_INLINE void stos_one(struct cpu *c, const struct insn *in, const unsigned W, u64 mask)
{
    seg_st(c, W, SEG_ES, c->r[R_DI] & mask, reg_rd(c, W, R_AX));
    addr_reg_add(c, mask, R_DI, addr_step(c, W));
}

static void fill(u8 *dst, u64 len, u64 value, unsigned w)
{
    u64 pattern = w == 1   ? (u8)value * 0x0101010101010101u
                  : w == 2 ? (u16)value * 0x0001000100010001u
                           : (u32)value * 0x0000000100000001u;
    u64 i = 0;
    for (; i + 8 <= len; i += 8)
        st64(dst + i, pattern);
    memcpy(dst + i, &pattern, len - i);
}

static u64 stos_run(struct cpu *c, const struct insn *in, unsigned w, u64 mask, u64 n)
{
    u8 *dst = run_at(c, SEG_ES, c->r[R_DI] & mask, w, mask, true, &n);
    if (!dst)
        return 0;
    fill(dst - lowest(c, w, n), n * w, c->r[R_AX], w);
    addr_reg_add(c, mask, R_DI, n * addr_step(c, w));
    return n;
}

/* ---- LODS ---- */

static ALWAYS_INLINE void lods_one(struct cpu *c, const struct insn *in, const unsigned W, u64 mask)
{
    reg_wr(c, W, R_AX, seg_ld(c, W, in->seg, c->r[R_SI] & mask));
    addr_reg_add(c, mask, R_SI, addr_step(c, W));
}

static u64 no_run(struct cpu *c, const struct insn *in, unsigned w, u64 mask, u64 n)
{
    return 0;
}

/* ---- REP ---- */

typedef void (*one_fn)(struct cpu *c, const struct insn *in, unsigned w, u64 mask);
typedef u64 (*run_fn)(struct cpu *c, const struct insn *in, unsigned w, u64 mask, u64 n);

static ALWAYS_INLINE void rep_commit(struct cpu *c, u64 mask, u64 n)
{
    addr_reg_add(c, mask, R_CX, (u64)0 - n);
    c->rep_done += (u32)n;
}

/* ONE does an iteration, RUN up to N of them at once (0: it cannot here); both are constants. */
static ALWAYS_INLINE void rep(struct cpu *c, const struct insn *in, const unsigned W, one_fn one, run_fn run)
{
    const u64 mask = addr_mask(in);
    if (!in->rep) {
        one(c, in, W, mask);
        return;
    }
    u64 n = MIN(c->r[R_CX] & mask, rep_left(c));
    if (n == 0)
        return;
    unsigned singly = 0;
    do {
        u64 done = 0;
        if (run != no_run && n >= RUN_MIN && singly == 0)
            done = run(c, in, W, mask, n);
        if (done == 0) {
            one(c, in, W, mask);
            done = 1;
            singly = singly ? singly - 1 : RUN_MIN - 1;
        }
        rep_commit(c, mask, done);
        n -= done;
    } while (n && !c->attention);
    if (c->r[R_CX] & mask)
        c->ip = insn_ip(c, in);
}

#define STRING_ROWS(name, one, run)                                                                                    \
    OP0(name##B)                                                                                                       \
    {                                                                                                                  \
        rep(c, in, W, one, run);                                                                                       \
    }                                                                                                                  \
    OPW(name##V)                                                                                                       \
    {                                                                                                                  \
        rep(c, in, W, one, run);                                                                                       \
    }

STRING_ROWS(MOVS, movs_one, movs_run)
STRING_ROWS(STOS, stos_one, stos_run)
STRING_ROWS(LODS, lods_one, no_run)

/* ---- CMPS and SCAS ---- */

static ALWAYS_INLINE u64 host_ld(const u8 *p, unsigned w)
{
    return w == 1 ? *p : w == 2 ? ld16(p) : ld32(p);
}

/* What is compared: SCAS has A in the accumulator, CMPS in memory. */
struct compare {
    u64 a, b;
};

static ALWAYS_INLINE void compare_one(struct cpu *c, const struct insn *in, const unsigned W, u64 mask, bool scas,
                                      struct compare *cmp)
{
    u64 step = addr_step(c, W);
    cmp->a = scas ? reg_rd(c, W, R_AX) : seg_ld(c, W, in->seg, c->r[R_SI] & mask);
    cmp->b = seg_ld(c, W, SEG_ES, c->r[R_DI] & mask);
    if (!scas)
        addr_reg_add(c, mask, R_SI, step);
    addr_reg_add(c, mask, R_DI, step);
}

/* Up to N iterations upwards, stopping after the one that ends the repetition. Returns how many, 0: cannot. */
static ALWAYS_INLINE u64 compare_run(struct cpu *c, const struct insn *in, const unsigned W, u64 mask, bool scas, u64 n,
                                     struct compare *cmp)
{
    const u8 *src = NULL, *dst;
    if (!scas && !(src = run_at(c, in->seg, c->r[R_SI] & mask, W, mask, false, &n)))
        return 0;
    if (!(dst = run_at(c, SEG_ES, c->r[R_DI] & mask, W, mask, false, &n)))
        return 0;
    const bool while_equal = in->rep == REP_E;
    u64 a = reg_rd(c, W, R_AX), b, done = 0;
    do {
        if (!scas)
            a = host_ld(src + done * W, W);
        b = host_ld(dst + done * W, W);
        done++;
    } while (done < n && (a == b) == while_equal);
    cmp->a = a;
    cmp->b = b;
    if (!scas)
        addr_reg_add(c, mask, R_SI, done * W);
    addr_reg_add(c, mask, R_DI, done * W);
    return done;
}

/* What is left in the middle shows the flags of its last iteration; if it goes on, a fault finds those from before it. */
static void begin_or_go_on(struct cpu *c)
{
    if (UNLIKELY(c->rep_at) && c->rep_at == cpu_count(c))
        flags_set_arith(c, c->rep_flags);
}

static void leave_or_end(struct cpu *c, bool more)
{
    c->rep_at = more ? cpu_count(c) : 0;
    c->rep_flags = more ? flags_arith(c) : 0;
}

static ALWAYS_INLINE void compare(struct cpu *c, const struct insn *in, const unsigned W, bool scas)
{
    const u64 mask = addr_mask(in);
    struct compare cmp;
    if (!in->rep) {
        compare_one(c, in, W, mask, scas, &cmp);
        flags_sub(c, W, cmp.a, cmp.b, cmp.a - cmp.b);
        return;
    }
    u64 n = MIN(c->r[R_CX] & mask, rep_left(c));
    if (n == 0)
        return;
    bool more;
    unsigned singly = 0;
    begin_or_go_on(c);
    do {
        u64 done = 0;
        if (n >= RUN_MIN && singly == 0 && !(c->eflags & F_DF))
            done = compare_run(c, in, W, mask, scas, n, &cmp);
        if (done == 0) {
            compare_one(c, in, W, mask, scas, &cmp);
            done = 1;
            singly = singly ? singly - 1 : RUN_MIN - 1;
        }
        rep_commit(c, mask, done);
        n -= done;
        more = (cmp.a == cmp.b) == (in->rep == REP_E);
    } while (n && more && !c->attention);
    more = more && (c->r[R_CX] & mask);
    leave_or_end(c, more);
    flags_sub(c, W, cmp.a, cmp.b, cmp.a - cmp.b);
    if (more)
        c->ip = insn_ip(c, in);
}

OP0(CMPSB)
{
    compare(c, in, W, false);
}

OPW(CMPSV)
{
    compare(c, in, W, false);
}

OP0(SCASB)
{
    compare(c, in, W, true);
}

OPW(SCASV)
{
    compare(c, in, W, true);
}
