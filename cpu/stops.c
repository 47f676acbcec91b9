/*
 * stops.c - a debugger's stops: the set of them, and what is found in it.
 */
#include "cpu/stops.h"
#include "cpu/blocks.h"
#include "cpu/debug.h"
#include "cpu/exec.h"
#include "cpu/isa.h"
#include <errno.h>

_Static_assert((int)STOPS_PAGE == (int)PAGE_SIZE, "one bit for each byte of a page");

static u64 here(const struct cpu *c)
{
    return (u32)(c->seg[SEG_CS].base + c->ip);
}

static bool overlaps(const struct stop *s, u64 addr, u64 size)
{
    return addr < s->addr + s->len && s->addr < addr + size;
}

/* The block that was last in hand is a REP that is not finished and goes on now: it was stopped at when it began. */
static bool inside_rep(const struct cpu *c)
{
    const struct insn *in = c->block_first;
    return in && c->block_ip == c->ip && in->rep && (isa_rows[in->op].attrs & A_REP);
}

/* ---- the set ---- */

/* What is derived from the list. */
static void recompute(struct cpu *c)
{
    struct stops *s = &c->stops;
    memset(s->exec, 0, sizeof s->exec);
    s->data = false;
    for (unsigned i = 0; i < s->count; i++) {
        u64 place = s->list[i].addr & (PAGE_SIZE - 1);
        if (s->list[i].kind == STOP_EXEC)
            s->exec[place / 64] |= BIT64(place % 64);
        else
            s->data = true;
    }
    debug_update(c);
}

int cpu_stop_add(struct cpu *c, const struct stop *s)
{
    if (c->stops.count == STOPS_MAX)
        return -ENOSPC;
    c->stops.list[c->stops.count++] = *s;
    recompute(c);
    if (s->kind == STOP_EXEC)
        blocks_split(c->blocks, (u32)(s->addr & (PAGE_SIZE - 1)));
    return 0;
}

bool cpu_stop_remove(struct cpu *c, const struct stop *s)
{
    struct stops *all = &c->stops;
    for (unsigned i = 0; i < all->count; i++) {
        const struct stop *l = &all->list[i];
        if (l->addr != s->addr || l->len != s->len || l->kind != s->kind)
            continue;
        all->list[i] = all->list[--all->count];
        recompute(c);
        return true;
    }
    return false;
}

void cpu_stops_clear(struct cpu *c)
{
    c->stops.count = 0;
    recompute(c);
}

void cpu_stops_pass(struct cpu *c)
{
    c->stops.hit = false;
    c->stops.pass_addr = here(c);
    c->stops.pass_count = cpu_count(c);
}

/* ---- hits ---- */

static void hit(struct cpu *c, const struct stop *what)
{
    struct stops *s = &c->stops;
    c->attention |= ATT_STOP;
    if (!s->hit)
        s->what = *what;
    s->hit = true;
    if (s->told)
        s->told(s->ctx);
}

const struct stop *stops_find(const struct cpu *c, u64 lin)
{
    const struct stops *s = &c->stops;
    for (unsigned i = 0; i < s->count; i++)
        if (s->list[i].kind == STOP_EXEC && s->list[i].addr == lin)
            return &s->list[i];
    return NULL;
}

void stops_check(struct cpu *c)
{
    const struct stop *s = stops_find(c, here(c));
    bool passes = c->stops.pass_addr == here(c) && c->stops.pass_count == cpu_count(c);
    if (!s || passes || inside_rep(c))
        return;
    hit(c, s);
    longjmp(c->unwind, UNWIND_STOP);
}

void stops_data(struct cpu *c, u64 lin, unsigned size, bool write)
{
    for (unsigned i = 0; i < c->stops.count; i++) {
        const struct stop *s = &c->stops.list[i];
        bool kind = s->kind == STOP_ACCESS || s->kind == (write ? STOP_WRITE : STOP_READ);
        if (kind && overlaps(s, lin, size))
            hit(c, s);
    }
}

bool stops_watch_page(const struct cpu *c, u64 lin)
{
    for (unsigned i = 0; i < c->stops.count; i++)
        if (c->stops.list[i].kind != STOP_EXEC && overlaps(&c->stops.list[i], lin & PAGE_MASK, PAGE_SIZE))
            return true;
    return false;
}

void stops_event(struct cpu *c)
{
    u64 count = cpu_count(c);
    c->stops.event_step = count == c->stops.event_count ? c->stops.event_step + 1 : 1;
    c->stops.event_count = count;
    if (UNLIKELY(c->stops.events))
        hit(c, &(const struct stop){.addr = here(c), .kind = STOP_EVENT});
}

struct cpu_place cpu_place(const struct cpu *c)
{
    u64 count = cpu_count(c);
    return (struct cpu_place){count, count == c->stops.event_count ? c->stops.event_step : 0, inside_rep(c)};
}

void cpu_place_restored(struct cpu *c, struct cpu_place p)
{
    c->stops.event_count = p.count;
    c->stops.event_step = p.step;
    c->stops.pass_count = ~(u64)0;
    c->block_first = NULL;
    if (p.rep)
        cpu_stops_pass(c);
}

void stops_unhit(struct cpu *c)
{
    c->stops.hit = false;
}
