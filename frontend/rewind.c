/*
 * rewind.c - checkpoints and the ways back.
 */
#include "frontend/rewind.h"
#include "base/host_wait.h"
#include "disk/overlay.h"
#include "hw/pc_pages.h"

#include <errno.h>
#include <stdlib.h>

enum {
    SPACING_MIN = 100000,
    SPACING_MAX = 4000000,
    SPACING_FIRST = 1000000,
    LADDER_TOP = 1 << 20, /* checkpoints in front of a place that was gone back to: where the next ones probably are */
    LADDER_STEP = 4,      /* each so much nearer than the one before */
    LADDER_END = 1 << 12,
    FEW = 8, /* so many checkpoints are not thinned out any more: the oldest go */
};

#define SEGMENT_NS 25000000ull /* how long doing a stretch between checkpoints again should take */
#define COST_NS 200000ull      /* of host time below which a slice says little about speed */

struct checkpoint {
    struct cpu_place at;
    struct journal_cursor next;
    struct state_buf parts;
    struct pages changes; /* up to the next checkpoint; for the last one PAGES has them */
    struct overlay_mark *mark;
    unsigned marks;
    struct block **inside;
};

struct rewind {
    struct timeline *t;
    struct rewind_media media;
    struct pc_pages *pages;
    struct checkpoint **list; /* by rising place */
    size_t count, cap;
    u64 bytes, limit;
    u64 spacing;
    u64 ran_counts, ran_ns; /* of recent slices */
    u64 taking_ns, taken;
};

static struct cpu *cpu_of(const struct rewind *r)
{
    return pc_cpu(r->t->pc);
}

static struct cpu_place here(const struct rewind *r)
{
    return cpu_place(cpu_of(r));
}

static struct checkpoint *last(const struct rewind *r)
{
    return r->list[r->count - 1];
}

/* ---- one checkpoint ---- */

static void free_checkpoint(struct checkpoint *c)
{
    if (!c)
        return;
    state_buf_free(&c->parts);
    pages_free(&c->changes);
    free(c->mark);
    free(c->inside);
    free(c);
}

static size_t checkpoint_bytes(const struct checkpoint *c)
{
    return sizeof *c + c->parts.cap + pages_bytes(&c->changes) + c->marks * sizeof *c->mark;
}

static bool note_media(struct rewind *r, struct checkpoint *c)
{
    unsigned n = r->media.blocks ? r->media.blocks(r->media.ctx) : 0;
    c->mark = calloc(MAX(n, 1u), sizeof *c->mark);
    c->inside = calloc(MAX(r->media.slots, 1u), sizeof(struct block *));
    if (!c->mark || !c->inside)
        return false;
    for (unsigned i = 0; i < n; i++) {
        struct block *b = r->media.block(r->media.ctx, i);
        if (block_is_overlay(b))
            c->mark[i] = overlay_mark(b);
    }
    c->marks = n;
    for (unsigned i = 0; i < r->media.slots; i++)
        c->inside[i] = r->media.inside(r->media.ctx, i);
    return true;
}

/* The machine as it is, but for memory. */
static struct checkpoint *make_checkpoint(struct rewind *r)
{
    struct checkpoint *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    c->at = here(r);
    c->next = r->t->next;
    if (!note_media(r, c) || pc_save_parts(r->t->pc, &c->parts)) {
        free_checkpoint(c);
        return NULL;
    }
    u8 *less = realloc(c->parts.data, c->parts.len);
    if (less) {
        c->parts.data = less;
        c->parts.cap = c->parts.len;
    }
    return c;
}

/* ---- the list ---- */

static bool room_in_list(struct rewind *r)
{
    if (r->count < r->cap)
        return true;
    size_t cap = r->cap ? r->cap * 2 : 64;
    struct checkpoint **more = realloc(r->list, cap * sizeof *more);
    if (!more)
        return false;
    r->list = more;
    r->cap = cap;
    return true;
}

static void remove_at(struct rewind *r, size_t i)
{
    r->bytes -= checkpoint_bytes(r->list[i]);
    free_checkpoint(r->list[i]);
    memmove(r->list + i, r->list + i + 1, (--r->count - i) * sizeof *r->list);
}

/* What lies behind checkpoint I joins what lies before it. */
static bool thin_at(struct rewind *r, size_t i)
{
    struct checkpoint *before = r->list[i - 1];
    r->bytes -= checkpoint_bytes(before);
    int err = pages_join(&before->changes, &r->list[i]->changes);
    r->bytes += checkpoint_bytes(before);
    if (!err)
        remove_at(r, i);
    return !err;
}

/* The one that is missed least: how large a gap it would leave, for how long ago it is. */
static size_t least_missed(const struct rewind *r)
{
    u64 now = here(r).count;
    double least = 0;
    size_t best = 0;
    for (size_t i = 1; i + 1 < r->count; i++) {
        double gap = (double)(r->list[i + 1]->at.count - r->list[i - 1]->at.count) + 1;
        double missed = gap / ((double)(now - r->list[i]->at.count) + 1);
        if (!best || missed < least) {
            least = missed;
            best = i;
        }
    }
    return best;
}

static void make_room(struct rewind *r)
{
    while (r->bytes > r->limit && r->count > 1) {
        size_t i = r->count > FEW ? least_missed(r) : 0;
        if (!i || !thin_at(r, i))
            remove_at(r, 0);
    }
}

static void forget_all(struct rewind *r)
{
    while (r->count)
        remove_at(r, r->count - 1);
}

/* A checkpoint here. Without memory for it there is one fewer, or, if what was kept of pages is not all, no past. */
static bool checkpoint(struct rewind *r)
{
    struct pages changes = {0};
    u64 started = host_now();
    if (r->count && cpu_place_compare(last(r)->at, here(r)) == 0 && last(r)->next.at == r->t->next.at)
        return true;
    struct checkpoint *c = room_in_list(r) ? make_checkpoint(r) : NULL;
    if (!c)
        return false;
    if (pc_pages_take(r->pages, &changes))
        forget_all(r);
    if (r->count) {
        last(r)->changes = changes;
        r->bytes += pages_bytes(&changes);
    } else {
        pages_free(&changes);
    }
    r->list[r->count++] = c;
    r->bytes += checkpoint_bytes(c);
    make_room(r);
    r->taking_ns += host_now() - started;
    r->taken++;
    return true;
}

/* ---- media ---- */

static unsigned media_blocks(void *ctx)
{
    return ((const struct media *)ctx)->count;
}

static struct block *media_block(void *ctx, unsigned n)
{
    return ((const struct media *)ctx)->list[n].block;
}

static struct block *media_inside(void *ctx, unsigned slot)
{
    return ((const struct media *)ctx)->inside[slot];
}

static void media_put(void *ctx, unsigned slot, struct block *b)
{
    media_plug(ctx, slot, b);
}

struct rewind_media rewind_media_of(struct media *m)
{
    return (struct rewind_media){.ctx = m,
                                 .blocks = media_blocks,
                                 .block = media_block,
                                 .slots = MEDIA_SLOTS,
                                 .inside = media_inside,
                                 .plug = media_put};
}

/* ---- beginning and end ---- */

static bool media_allow(const struct rewind_media *m)
{
    for (unsigned i = 0; m->blocks && i < m->blocks(m->ctx); i++) {
        const struct block *b = m->block(m->ctx, i);
        if (!b->readonly && !block_is_overlay(b))
            return false;
    }
    return true;
}

int rewind_open(struct rewind **out, struct timeline *t, const struct rewind_media *media, u64 bytes)
{
    *out = NULL;
    assert(t->remembers);
    if (media && !media_allow(media))
        return -EROFS;
    struct rewind *r = calloc(1, sizeof *r);
    if (!r)
        return -ENOMEM;
    *r = (struct rewind){.t = t, .limit = bytes, .spacing = SPACING_FIRST, .pages = pc_pages_open(t->pc)};
    if (media)
        r->media = *media;
    if (!r->pages || !checkpoint(r)) {
        rewind_close(r);
        return -ENOMEM;
    }
    *out = r;
    return 0;
}

void rewind_close(struct rewind *r)
{
    if (!r)
        return;
    forget_all(r);
    free(r->list);
    pc_pages_close(r->pages);
    free(r);
}

int rewind_restart(struct rewind *r)
{
    forget_all(r);
    r->t->end = r->t->seen = here(r);
    r->t->next = (struct journal_cursor){0};
    journal_cut(&r->t->journal, &r->t->next);
    r->t->lost = false;
    return checkpoint(r) ? 0 : -ENOMEM;
}

void rewind_stats(const struct rewind *r, struct rewind_stats *s)
{
    *s = (struct rewind_stats){.first = r->count ? r->list[0]->at.count : here(r).count,
                               .checkpoints = r->count,
                               .bytes = r->bytes + pc_pages_held(r->pages),
                               .taking_ns = r->taking_ns,
                               .taken = r->taken,
                               .spacing = r->spacing};
}

/* ---- running ---- */

/* Checkpoints are so far apart that doing again what lies between takes about SEGMENT_NS. */
static void measure(struct rewind *r, u64 counts, u64 ns)
{
    r->ran_counts += counts;
    r->ran_ns += ns;
    if (r->ran_ns < SEGMENT_NS)
        return;
    u64 spacing = muldiv64(r->ran_counts, SEGMENT_NS, r->ran_ns);
    r->spacing = MIN(MAX(spacing, (u64)SPACING_MIN), (u64)SPACING_MAX);
    r->ran_counts = r->ran_ns = 0;
}

static u64 until_checkpoint(const struct rewind *r)
{
    u64 due = r->count ? last(r)->at.count + r->spacing : 0, now = here(r).count;
    return due > now ? due - now : 0;
}

enum pc_stop rewind_run(struct rewind *r, u64 counts)
{
    u64 started = host_now(), before = here(r).count;
    if (!until_checkpoint(r)) {
        checkpoint(r);
        started = host_now();
    }
    enum pc_stop why = timeline_run(r->t, MIN(counts, MAX(until_checkpoint(r), (u64)1)));
    u64 ns = host_now() - started;
    if (ns >= COST_NS)
        measure(r, here(r).count - before, ns);
    return why;
}

/* ---- going back ---- */

struct restoring {
    struct rewind *r;
    size_t to;
};

static void restore_memory(void *ctx)
{
    const struct restoring *x = ctx;
    struct rewind *r = x->r;
    pc_pages_back(r->pages);
    for (size_t i = r->count - 1; i-- > x->to;)
        pc_pages_put(r->pages, &r->list[i]->changes);
}

static void restore_media(struct rewind *r, const struct checkpoint *c)
{
    for (unsigned i = 0; i < r->media.slots; i++)
        if (r->media.inside(r->media.ctx, i) != c->inside[i])
            r->media.plug(r->media.ctx, i, c->inside[i]);
    unsigned n = r->media.blocks ? r->media.blocks(r->media.ctx) : 0;
    for (unsigned i = 0; i < n; i++) {
        struct block *b = r->media.block(r->media.ctx, i);
        if (block_is_overlay(b))
            overlay_back(b, i < c->marks ? c->mark[i] : (struct overlay_mark){0});
    }
}

/* The machine stands at checkpoint I, which is the last from now on. */
static void restore(struct rewind *r, size_t i)
{
    struct checkpoint *c = r->list[i];
    struct restoring x = {r, i};
    restore_media(r, c);
    pc_load_parts(r->t->pc, &c->parts, restore_memory, &x);
    cpu_place_restored(cpu_of(r), c->at);
    r->t->next = c->next;
    while (r->count > i + 1)
        remove_at(r, r->count - 1);
    r->bytes -= pages_bytes(&c->changes);
    pages_free(&c->changes);
}

/* The last checkpoint at or before PLACE; the first if there is none. */
static size_t nearest(const struct rewind *r, struct cpu_place place)
{
    size_t i = r->count - 1;
    while (i > 0 && cpu_place_compare(r->list[i]->at, place) > 0)
        i--;
    return i;
}

/* A debugger's stops are set aside while the machine is brought somewhere. */
struct aside {
    struct stop list[STOPS_MAX];
    unsigned count;
    void (*told)(void *ctx);
    void *ctx;
};

static void set_aside(struct rewind *r, struct aside *a)
{
    struct stops *s = &cpu_of(r)->stops;
    a->count = s->count;
    memcpy(a->list, s->list, s->count * sizeof *s->list);
    if (s->count)
        cpu_stops_clear(cpu_of(r));
    s->hit = s->events = false;
}

static void bring_back(struct rewind *r, const struct aside *a)
{
    for (unsigned i = 0; i < a->count; i++)
        cpu_stop_add(cpu_of(r), &a->list[i]);
    cpu_of(r)->stops.hit = false;
}

/* From the last checkpoint, which is before PLACE, to there; with checkpoints close before it, where going back goes on
 * as a rule. */
static bool run_to(struct rewind *r, struct cpu_place place)
{
    for (u64 rung = LADDER_TOP; rung >= LADDER_END; rung /= LADDER_STEP) {
        u64 done = here(r).count;
        if (place.count < rung || place.count - rung <= done || (rung > LADDER_END && place.count - done < 2 * rung))
            continue;
        if (!timeline_run_to(r->t, (struct cpu_place){.count = place.count - rung}))
            return false;
        checkpoint(r);
    }
    return timeline_run_to(r->t, place);
}

/* What happened here is not what happened then. */
static enum rewind_result lose(struct rewind *r)
{
    rewind_restart(r);
    return REWIND_LOST;
}

static enum rewind_result go_to(struct rewind *r, struct cpu_place place)
{
    if (cpu_place_compare(place, here(r)) < 0 && r->count)
        restore(r, nearest(r, place));
    if (cpu_place_compare(place, here(r)) < 0)
        return REWIND_START;
    return run_to(r, place) ? REWIND_DONE : lose(r);
}

enum rewind_result rewind_to_place(struct rewind *r, struct cpu_place place)
{
    struct aside a;
    if (cpu_place_compare(place, r->t->end) > 0)
        place = r->t->end;
    set_aside(r, &a);
    enum rewind_result result = go_to(r, place);
    bring_back(r, &a);
    return result;
}

enum rewind_result rewind_to(struct rewind *r, u64 count)
{
    return rewind_to_place(r, (struct cpu_place){.count = count});
}

/* ---- one step ---- */

/* Somewhere before NOW, as near as a count can say; the machine stands there. */
static enum rewind_result go_before(struct rewind *r, struct cpu_place now)
{
    u64 count = now.step ? now.count : now.count - (now.count > 0);
    for (;; count--) {
        enum rewind_result result = go_to(r, (struct cpu_place){.count = count});
        if (result == REWIND_LOST)
            return result;
        if (cpu_place_compare(here(r), now) < 0)
            return REWIND_DONE;
        if (result == REWIND_START || count == 0)
            return REWIND_START;
        /* else an instruction was charged to a fault, and there is no such place */
    }
}

/* The last place before NOW on the way of single steps. */
static struct cpu_place last_before(struct rewind *r, struct cpu_place now)
{
    struct cpu_place found = here(r), at;
    for (;;) {
        timeline_step(r->t);
        at = here(r);
        if (cpu_place_compare(at, now) >= 0 || r->t->lost)
            return found;
        if (cpu_place_compare(at, found) == 0)
            return found;
        found = at;
    }
}

static enum rewind_result step_back(struct rewind *r)
{
    struct cpu_place now = here(r);
    enum rewind_result result = go_before(r, now);
    if (result != REWIND_DONE)
        return result;
    checkpoint(r);
    return go_to(r, last_before(r, now));
}

enum rewind_result rewind_step_back(struct rewind *r)
{
    struct aside a;
    set_aside(r, &a);
    enum rewind_result result = step_back(r);
    bring_back(r, &a);
    return result;
}

/* ---- to the last hit ---- */

struct search {
    bool (*wanted)(void *ctx, const struct stop *hit);
    void *ctx;
    struct cpu_place now; /* only what is before it counts */
    bool found;
    struct cpu_place at;
    struct stop hit;
};

static void on_hit(void *ctx)
{
    pc_interrupt(ctx);
}

/* The machine has just hit something. Of what it stops in front of only earlier places count, of what lies behind it
 * this one too. */
static void consider(struct rewind *r, struct search *s)
{
    const struct stop *hit = &cpu_of(r)->stops.what;
    int order = cpu_place_compare(here(r), s->now);
    if (order > 0 || (order == 0 && hit->kind == STOP_EXEC) || (s->wanted && !s->wanted(s->ctx, hit)))
        return;
    s->found = true;
    s->at = here(r);
    s->hit = *hit;
}

/* On from a hit: the instruction that it stopped in front of is executed; behind one there may be such a one. */
static void pass(struct rewind *r)
{
    struct stops *s = &cpu_of(r)->stops;
    if (s->what.kind == STOP_EXEC)
        cpu_stops_pass(cpu_of(r));
    else
        s->hit = false;
}

/* Hits from where the machine stands to END. */
static bool search_to(struct rewind *r, struct search *s, struct cpu_place end)
{
    struct stops *stops = &cpu_of(r)->stops;
    stops->hit = false;
    for (;;) {
        bool good = timeline_run_to(r->t, end);
        if (!stops->hit)
            return good;
        consider(r, s);
        pass(r);
    }
}

/* Backwards, from checkpoint to checkpoint. */
static bool search_back(struct rewind *r, struct search *s)
{
    struct cpu_place end = s->now;
    for (size_t i = r->count ? nearest(r, s->now) + 1 : 0; i-- > 0 && !s->found;) {
        restore(r, i);
        if (!search_to(r, s, end))
            return false;
        end = r->list[i]->at;
    }
    return true;
}

static void restore_first(struct rewind *r)
{
    if (r->count)
        restore(r, 0);
}

static enum rewind_result land(struct rewind *r, const struct search *s)
{
    if (!s->found) {
        restore_first(r);
        return REWIND_START;
    }
    enum rewind_result result = go_to(r, s->at);
    return result == REWIND_DONE && s->hit.kind != STOP_EXEC ? step_back(r) : result;
}

enum rewind_result rewind_back(struct rewind *r, bool (*wanted)(void *ctx, const struct stop *hit), void *ctx,
                               struct stop *hit)
{
    struct stops *stops = &cpu_of(r)->stops;
    struct stops before = {.told = stops->told, .ctx = stops->ctx};
    struct search s = {.wanted = wanted, .ctx = ctx, .now = here(r)};
    struct aside a;
    stops->told = on_hit;
    stops->ctx = r->t->pc;
    bool good = search_back(r, &s);
    set_aside(r, &a);
    enum rewind_result result = good ? land(r, &s) : lose(r);
    bring_back(r, &a);
    stops->told = before.told;
    stops->ctx = before.ctx;
    if (hit)
        *hit = s.hit;
    return result;
}
