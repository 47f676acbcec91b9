/*
 * debugger.c - stops, steps and memory for debuggers.
 */
#include "frontend/debugger.h"
#include "cpu/decode.h"
#include "cpu/isa.h"

#include <errno.h>

#define NO_END (~(u64)0)
#define LINEAR_END ((u64)1 << 32)

static struct cpu *cpu_of(const struct debugger *d)
{
    return pc_cpu(d->pc);
}

u32 debugger_here(const struct debugger *d)
{
    const struct cpu *c = cpu_of(d);
    return (u32)(c->seg[SEG_CS].base + c->ip);
}

static u32 stack_top(const struct cpu *c)
{
    return (u32)(c->seg[SEG_SS].base + (c->stack32 ? (u32)c->r[R_SP] : (u16)c->r[R_SP]));
}

/* ---- beginning and end ---- */

/* The processor has hit a stop: the machine comes back as soon as it can. */
static void on_hit(void *ctx)
{
    pc_interrupt(((struct debugger *)ctx)->pc);
}

void debugger_open(struct debugger *d, struct pc *pc)
{
    *d = (struct debugger){.pc = pc, .end = NO_END};
    struct stops *s = &cpu_of(d)->stops;
    s->told = on_hit;
    s->ctx = d;
}

void debugger_close(struct debugger *d)
{
    debugger_clear(d);
    cpu_of(d)->stops.told = NULL;
}

/* ---- stops ---- */

static bool same(const struct stop *a, const struct stop *b)
{
    return a->addr == b->addr && a->len == b->len && a->kind == b->kind;
}

int debugger_add(struct debugger *d, const struct stop *s)
{
    const struct stops *all = &cpu_of(d)->stops;
    if (s->kind >= STOP_EVENT || s->len == 0 || s->addr >= LINEAR_END || s->len > LINEAR_END - s->addr)
        return -EINVAL;
    for (unsigned i = 0; i < all->count; i++)
        if (same(&all->list[i], s))
            return 0;
    return cpu_stop_add(cpu_of(d), s);
}

void debugger_remove(struct debugger *d, const struct stop *s)
{
    cpu_stop_remove(cpu_of(d), s);
}

void debugger_clear(struct debugger *d)
{
    cpu_stops_clear(cpu_of(d));
    d->over = false;
    d->limit = 0;
}

/* ---- running ---- */

static void stop(struct debugger *d, enum debugger_why why)
{
    if (d->over)
        cpu_stop_remove(cpu_of(d), &d->over_stop);
    d->over = false;
    d->why = why;
    d->end = NO_END;
    cpu_of(d)->stops.events = false;
}

static void go(struct debugger *d, u64 end, bool stepping)
{
    struct cpu *c = cpu_of(d);
    cpu_stops_pass(c);
    c->stops.events = stepping;
    d->why = DEBUGGER_RUNS;
    d->end = end;
    d->stepping = stepping;
}

void debugger_pause(struct debugger *d)
{
    stop(d, DEBUGGER_PAUSED);
}

void debugger_continue(struct debugger *d)
{
    go(d, d->limit ? d->limit : NO_END, false);
    d->limit = 0;
}

void debugger_limit(struct debugger *d, u64 count)
{
    d->limit = count;
}

void debugger_step(struct debugger *d)
{
    go(d, cpu_count(cpu_of(d)) + 1, true);
}

bool debugger_comes_back(const struct insn *in)
{
    static const u16 ops[] = {ISA_CALL_Jz, ISA_CALL_Ev, ISA_CALL_Ap, ISA_CALL_Mp, ISA_INT_Ib, ISA_INT3, ISA_INTO};
    for (unsigned i = 0; i < ARRAY_LEN(ops); i++)
        if (in->op == ops[i])
            return true;
    return in->rep && (isa_rows[in->op].attrs & A_REP);
}

void debugger_step_over(struct debugger *d)
{
    struct cpu *c = cpu_of(d);
    struct decode_mode mode = {.decoder = c->decoder, .bits = c->code_bits};
    struct insn in;
    u8 code[INSN_MAX_LEN];
    size_t n = debugger_read(d, debugger_here(d), code, sizeof code);
    if (decode(&mode, code, (unsigned)n, &in) != DECODE_OK || !debugger_comes_back(&in)) {
        debugger_step(d);
        return;
    }
    d->over_stop = (struct stop){.addr = (u32)(debugger_here(d) + in.len), .len = 1, .kind = STOP_EXEC};
    d->over_stack = stack_top(c);
    d->over = cpu_stop_add(c, &d->over_stop) == 0;
    if (d->over)
        go(d, NO_END, false);
    else
        debugger_step(d);
}

u64 debugger_counts(const struct debugger *d, u64 max)
{
    u64 now = cpu_count(cpu_of(d));
    if (d->why != DEBUGGER_RUNS || now >= d->end)
        return 0;
    return MIN(max, d->end - now);
}

/* Whether somebody wants to stop at S, which step over has put there too. */
static bool also_wanted(const struct debugger *d, const struct stop *s)
{
    const struct stops *all = &cpu_of(d)->stops;
    unsigned n = 0;
    for (unsigned i = 0; i < all->count; i++)
        n += same(&all->list[i], s);
    return n > 1;
}

static bool took_hit(struct debugger *d)
{
    const struct stop what = cpu_of(d)->stops.what;
    bool over = d->over && same(&what, &d->over_stop) && !also_wanted(d, &what);
    if (over && stack_top(cpu_of(d)) < d->over_stack) { /* the same place further in */
        go(d, NO_END, false);
        return false;
    }
    d->at = what;
    stop(d, over || what.kind == STOP_EVENT ? DEBUGGER_STEPPED : DEBUGGER_HIT);
    return true;
}

bool debugger_ran(struct debugger *d)
{
    const struct cpu *c = cpu_of(d);
    if (d->why != DEBUGGER_RUNS)
        return false;
    if (c->stops.hit)
        return took_hit(d);
    if (cpu_count(c) < d->end)
        return false;
    stop(d, d->stepping ? DEBUGGER_STEPPED : DEBUGGER_COUNT);
    return true;
}

/* ---- back ---- */

void debugger_stand(struct debugger *d, enum debugger_why why, const struct stop *at)
{
    stop(d, why);
    if (at)
        d->at = *at;
}

static int came_back(struct debugger *d, enum rewind_result result, enum debugger_why why)
{
    stop(d, result == REWIND_DONE ? why : DEBUGGER_START);
    return result == REWIND_LOST ? -EIO : 0;
}

int debugger_step_back(struct debugger *d)
{
    return d->rewind ? came_back(d, rewind_step_back(d->rewind), DEBUGGER_STEPPED) : -ENOTSUP;
}

int debugger_back(struct debugger *d)
{
    return d->rewind ? came_back(d, rewind_back(d->rewind, NULL, NULL, &d->at), DEBUGGER_HIT) : -ENOTSUP;
}

void debugger_set_cpu(struct debugger *d)
{
    if (d->timeline)
        timeline_set_cpu(d->timeline);
}

/* ---- memory ---- */

/* The frame that answers at LIN, or 0. */
static u32 frame_at(const struct cpu *c, u64 lin, bool write)
{
    const struct physmem *p = c->mmu.phys;
    u64 phys;
    if (lin >= LINEAR_END || !mmu_peek(&c->mmu, lin, &phys))
        return 0;
    u32 frame = phys_read_frame(p, phys);
    if (frame & PHYS_SLOW)
        return 0;
    if (write && (frame != phys_write_frame(p, phys) || p->frames[frame].flags & FRAME_ROM))
        return 0;
    return frame;
}

static size_t in_page(u64 lin, size_t len)
{
    return MIN(len, (size_t)(PAGE_SIZE - (lin & (PAGE_SIZE - 1))));
}

size_t debugger_read(const struct debugger *d, u64 lin, void *data, size_t len)
{
    const struct cpu *c = cpu_of(d);
    size_t done = 0;
    while (done < len) {
        size_t n = in_page(lin + done, len - done);
        u32 frame = frame_at(c, lin + done, false);
        if (!frame)
            break;
        memcpy((u8 *)data + done, phys_frame_host(c->mmu.phys, frame) + ((lin + done) & (PAGE_SIZE - 1)), n);
        done += n;
    }
    return done;
}

static void store(const struct debugger *d, u32 frame, u32 offset, const u8 *data, u32 n)
{
    phys_store(cpu_of(d)->mmu.phys, frame, offset, data, n);
    if (d->timeline)
        timeline_wrote(d->timeline, frame, offset, n);
}

/* Writes, or with DATA NULL only says whether that could be done. Each page is found anew: a write may be to its own
 * page tables. */
static int write_pages(const struct debugger *d, u64 lin, const u8 *data, size_t len)
{
    const struct cpu *c = cpu_of(d);
    for (size_t done = 0, n; done < len; done += n) {
        u32 frame = frame_at(c, lin + done, true);
        n = in_page(lin + done, len - done);
        if (!frame)
            return -EFAULT;
        if (data)
            store(d, frame, (u32)((lin + done) & (PAGE_SIZE - 1)), data + done, (u32)n);
    }
    return 0;
}

int debugger_write(struct debugger *d, u64 lin, const void *data, size_t len)
{
    int r = write_pages(d, lin, NULL, len);
    return r ? r : write_pages(d, lin, data, len);
}
