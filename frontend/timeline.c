/*
 * timeline.c - passing on, remembering, and doing again.
 */
#include "frontend/timeline.h"
#include "cpu/stops.h"

#include <errno.h>
#include <stdlib.h>

void timeline_open(struct timeline *t, struct pc *pc, bool remembers)
{
    *t = (struct timeline){.pc = pc, .remembers = remembers, .end = cpu_place(pc_cpu(pc))};
    t->seen = t->end;
}

void timeline_close(struct timeline *t)
{
    journal_free(&t->journal);
}

int cpu_place_compare(struct cpu_place a, struct cpu_place b)
{
    if (a.count != b.count)
        return a.count < b.count ? -1 : 1;
    return a.step < b.step ? -1 : a.step > b.step;
}

static struct cpu_place here(const struct timeline *t)
{
    return cpu_place(pc_cpu(t->pc));
}

bool timeline_past(const struct timeline *t)
{
    return t->remembers && (t->next.at < t->journal.len || cpu_place_compare(here(t), t->end) < 0);
}

bool timeline_repeats(const struct timeline *t)
{
    return t->remembers && cpu_place_compare(here(t), t->seen) < 0;
}

/* ---- doing ---- */

static bool take_cpu(struct cpu *c, const u8 *data, size_t len)
{
    struct state_buf b = {.data = (u8 *)data, .len = len};
    return state_check(&b) == 0 && state_load(&b, "cpu", 1, cpu_fields, c) == 0 && cpu_restored(c) == 0;
}

/* All of it or, if it makes no sense, nothing. */
static void load_cpu(struct timeline *t, const struct journal_event *e)
{
    struct state_buf before = {0};
    struct cpu *c = pc_cpu(t->pc);
    struct cpu_place place = cpu_place(c);
    cpu_settle(c);
    state_save(&before, "cpu", 1, cpu_fields, c);
    if (before.failed || !take_cpu(c, e->data, e->len) || cpu_count(c) != place.count) {
        t->lost = true;
        if (!before.failed)
            take_cpu(c, before.data, before.len);
    }
    cpu_place_restored(c, place);
    state_buf_free(&before);
}

/* Nobody waits for longer than up to the next timer. */
static void skip(struct timeline *t, u64 ns)
{
    u64 now = clock_now(pc_clock(t->pc)), next = pc_next_event(t->pc);
    const u64 end_of_time = (u64)1 << 62;
    if (now + ns > MIN(next, end_of_time) && ns)
        t->lost = true;
    else
        pc_skip_to(t->pc, now + ns);
}

static void store(struct pc *pc, u64 at, const u8 *data, size_t len)
{
    struct physmem *p = pc_cpu(pc)->mmu.phys;
    u32 frame = (u32)(at >> PAGE_BITS), offset = (u32)(at & (PAGE_SIZE - 1));
    if (at >> PAGE_BITS < p->backing_used >> PAGE_BITS && frame && len && len <= PAGE_SIZE - offset)
        phys_store(p, frame, offset, data, (u32)len);
}

static void do_medium(struct timeline *t, const struct journal_event *e)
{
    char path[4096], err[512];
    if (!t->medium || e->len >= sizeof path)
        return;
    memcpy(path, e->data, e->len);
    path[e->len] = 0;
    t->refused |= t->medium(t->ctx, (unsigned)e->number[0], path, err, sizeof err) != 0;
}

static void do_event(struct timeline *t, const struct journal_event *e)
{
    const struct input_sink *in = pc_input(t->pc);
    const s64 *n = e->number;
    switch (e->kind) {
    case JOURNAL_KEY:
        in->key(in->ctx, (enum key)n[0], n[1]);
        break;
    case JOURNAL_MOUSE:
        in->mouse(in->ctx, (int)n[0], (int)n[1], (int)n[2], (unsigned)n[3]);
        break;
    case JOURNAL_SERIAL: {
        const struct char_sink *port = pc_serial(t->pc, (unsigned)n[0]);
        if (port->receive)
            port->receive(port->ctx, e->data, MIN(e->len, port->room(port->ctx)));
        break;
    }
    case JOURNAL_MEDIUM:
        do_medium(t, e);
        break;
    case JOURNAL_RESET:
        pc_reset(t->pc);
        break;
    case JOURNAL_POWER:
        pc_power_button(t->pc);
        break;
    case JOURNAL_RATE:
        pc_set_rate(t->pc, (u64)n[0]);
        break;
    case JOURNAL_SKIP:
        skip(t, (u64)n[0]);
        break;
    case JOURNAL_MEMORY:
        store(t->pc, (u64)n[0], e->data, e->len);
        break;
    case JOURNAL_CPU:
        load_cpu(t, e);
        break;
    case JOURNAL_KINDS:
        break;
    }
}

/* ---- remembering ---- */

/* Now is the end of all that was. */
static void end_here(struct timeline *t)
{
    journal_cut(&t->journal, &t->next);
    t->end = t->seen = here(t);
}

/* Without memory for it the past is lost: better than one that lies. */
static void remember(struct timeline *t, struct journal_event *e)
{
    if (!t->remembers)
        return;
    end_here(t);
    e->at = t->end;
    if (journal_append(&t->journal, &t->next, e))
        t->lost = true;
}

/* E, which has no place yet, comes from outside. */
static void happen(struct timeline *t, struct journal_event e)
{
    if (t->fixed)
        return;
    remember(t, &e);
    do_event(t, &e);
}

void timeline_key(struct timeline *t, enum key key, bool down)
{
    happen(t, (struct journal_event){.kind = JOURNAL_KEY, .number = {key, down}});
}

void timeline_mouse(struct timeline *t, int dx, int dy, int dz, unsigned buttons)
{
    happen(t, (struct journal_event){.kind = JOURNAL_MOUSE, .number = {dx, dy, dz, buttons}});
}

void timeline_serial(struct timeline *t, unsigned port, const u8 *data, size_t len)
{
    if (len)
        happen(t, (struct journal_event){.kind = JOURNAL_SERIAL, .number = {port}, .data = data, .len = len});
}

int timeline_medium(struct timeline *t, unsigned slot, const char *path, char *err, size_t n)
{
    if (t->fixed) {
        snprintf(err, n, "a recording is replayed; nothing can be changed");
        return -EPERM;
    }
    int r = t->medium ? t->medium(t->ctx, slot, path, err, n) : -ENODEV;
    struct journal_event e = {.kind = JOURNAL_MEDIUM, .number = {slot}, .data = (const u8 *)path, .len = strlen(path)};
    if (r == 0)
        remember(t, &e);
    return r;
}

void timeline_reset(struct timeline *t)
{
    happen(t, (struct journal_event){.kind = JOURNAL_RESET});
}

void timeline_power(struct timeline *t)
{
    happen(t, (struct journal_event){.kind = JOURNAL_POWER});
}

void timeline_rate(struct timeline *t, u64 rate_ps)
{
    if (rate_ps != pc_clock(t->pc)->rate_ps)
        happen(t, (struct journal_event){.kind = JOURNAL_RATE, .number = {(s64)rate_ps}});
}

void timeline_skip_to(struct timeline *t, u64 ns)
{
    u64 now = clock_now(pc_clock(t->pc));
    ns = MIN(ns, pc_next_event(t->pc));
    happen(t, (struct journal_event){.kind = JOURNAL_SKIP, .number = {ns > now ? (s64)(ns - now) : 0}});
}

void timeline_wrote(struct timeline *t, u32 frame, u32 offset, u32 len)
{
    struct journal_event e = {.kind = JOURNAL_MEMORY,
                              .number = {(s64)((u64)frame << PAGE_BITS | offset)},
                              .data = phys_frame_host(pc_cpu(t->pc)->mmu.phys, frame) + offset,
                              .len = len};
    remember(t, &e);
}

void timeline_set_cpu(struct timeline *t)
{
    struct state_buf b = {0};
    if (!t->remembers)
        return;
    cpu_settle(pc_cpu(t->pc));
    state_save(&b, "cpu", 1, cpu_fields, pc_cpu(t->pc));
    struct journal_event e = {.kind = JOURNAL_CPU, .data = b.data, .len = b.len};
    if (!b.failed)
        remember(t, &e);
    t->lost |= b.failed;
    state_buf_free(&b);
}

/* ---- running ---- */

/* What is due here comes again. */
static void do_due(struct timeline *t)
{
    struct journal_event e;
    for (struct journal_cursor c = t->next; journal_next(&t->journal, &c, &e); t->next = c) {
        int order = cpu_place_compare(e.at, here(t));
        t->lost |= order < 0;
        if (order)
            break;
        do_event(t, &e);
    }
}

/* Where the machine must not run past: the next event or AT. */
static struct cpu_place next_place(const struct timeline *t, struct cpu_place at)
{
    struct journal_cursor c = t->next;
    struct journal_event e;
    return journal_next(&t->journal, &c, &e) && cpu_place_compare(e.at, at) < 0 ? e.at : at;
}

static void on_event(void *ctx)
{
    pc_interrupt(ctx);
}

/* One count at most, and not past the next delivery of a fault or an interrupt. */
static enum pc_stop step_event(struct timeline *t)
{
    struct stops *s = &pc_cpu(t->pc)->stops;
    struct stops before = {.events = s->events, .told = s->told, .ctx = s->ctx};
    s->events = true;
    s->told = on_event;
    s->ctx = t->pc;
    enum pc_stop why = pc_run(t->pc, 1);
    s->events = before.events;
    s->told = before.told;
    s->ctx = before.ctx;
    if (s->hit && s->what.kind == STOP_EVENT && !s->events)
        s->hit = false;
    return why;
}

/* Towards AT, COUNTS at most. */
static enum pc_stop advance(struct timeline *t, struct cpu_place at, u64 counts)
{
    struct cpu_place now = here(t), to = next_place(t, at);
    if (to.count > now.count)
        return pc_run(t->pc, MIN(counts, to.count - now.count));
    return step_event(t);
}

/* The machine has stopped for good, or it waits and nothing will come: it should not. */
static bool went_astray(struct timeline *t, struct cpu_place before, enum pc_stop why)
{
    bool moved = cpu_place_compare(here(t), before) != 0;
    return !moved && (why == PC_IDLE || why == PC_DEAD);
}

/* In the past, up to its end. */
static enum pc_stop run_again(struct timeline *t, u64 counts)
{
    enum pc_stop why = PC_BUDGET;
    u64 start = here(t).count, done;
    while (!t->lost && (done = here(t).count - start) < counts) {
        do_due(t);
        struct cpu_place before = here(t);
        if (cpu_place_compare(before, t->end) >= 0)
            break;
        why = advance(t, t->end, counts - done);
        t->lost |= went_astray(t, before, why);
        if (pc_cpu(t->pc)->stops.hit || (why != PC_BUDGET && why != PC_IDLE && why != PC_DEAD))
            return why;
    }
    return PC_BUDGET;
}

enum pc_stop timeline_run(struct timeline *t, u64 counts)
{
    bool past = timeline_past(t);
    enum pc_stop why = past ? run_again(t, counts) : pc_run(t->pc, counts);
    if (!past)
        t->end = here(t);
    if (cpu_place_compare(t->seen, here(t)) < 0)
        t->seen = here(t);
    if (t->lost && !t->fixed) /* it is what it is: from here on it is new */
        end_here(t);
    return why;
}

bool timeline_run_to(struct timeline *t, struct cpu_place at)
{
    while (cpu_place_compare(here(t), at) < 0) {
        do_due(t);
        struct cpu_place before = here(t);
        enum pc_stop why = advance(t, at, ~(u64)0);
        if (t->lost || went_astray(t, before, why))
            return false;
        if (pc_cpu(t->pc)->stops.hit)
            break;
    }
    return true;
}

void timeline_step(struct timeline *t)
{
    do_due(t);
    step_event(t);
}
