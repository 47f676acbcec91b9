#include "base/clock.h"

void clock_init(struct clock *c, u64 rate_ps, u64 (*count)(void *ctx), void (*changed)(void *ctx), void *ctx)
{
    *c = (struct clock){
        .rate_ps = rate_ps,
        .count = count,
        .changed = changed,
        .count_ctx = ctx,
        .next = CLOCK_NEVER,
    };
}

void clock_advance(struct clock *c, u64 ns)
{
    c->offset += ns;
}

u64 clock_counts_until(const struct clock *c, u64 ns)
{
    u64 count = c->count ? c->count(c->count_ctx) : 0;

    if (ns <= clock_now(c))
        return 0;
    if (ns == CLOCK_NEVER || c->rate_ps == 0)
        return ~(u64)0;
    /* ns > now >= offset, and floor(x * rate / 1000) >= d exactly when x * rate >= d * 1000. */
    unsigned __int128 ps = (unsigned __int128)(ns - c->offset) * 1000;
    unsigned __int128 total = (ps + c->rate_ps - 1) / c->rate_ps;
    unsigned __int128 left = total - count;
    return left > ~(u64)0 ? ~(u64)0 : (u64)left;
}

static struct timer *earliest(const struct clock *c)
{
    struct timer *best = NULL;
    u64 when = CLOCK_NEVER;

    for (struct timer *t = c->timers; t; t = t->next) {
        if (t->when < when) {
            when = t->when;
            best = t;
        }
    }
    return best;
}

static void recompute(struct clock *c)
{
    struct timer *t = earliest(c);
    c->next = t ? t->when : CLOCK_NEVER;
}

void clock_run(struct clock *c)
{
    u64 now = clock_now(c);

    while (c->next <= now) {
        struct timer *t = earliest(c);
        if (!t)
            break; /* now == CLOCK_NEVER: the end of time */
        timer_cancel(t);
        t->fire(t->ctx, now);
    }
}

void timer_init(struct clock *c, struct timer *t, const char *name, void (*fire)(void *ctx, u64 now), void *ctx)
{
    *t = (struct timer){.clock = c, .name = name, .when = CLOCK_NEVER, .fire = fire, .ctx = ctx};
    struct timer **link = &c->timers;
    while (*link)
        link = &(*link)->next;
    *link = t;
}

void timer_arm(struct timer *t, u64 when)
{
    struct clock *c = t->clock;
    u64 old = t->when;

    t->when = when;
    if (when < c->next) {
        c->next = when;
        if (c->changed)
            c->changed(c->count_ctx);
    } else if (old == c->next && when > old) {
        /* It may have been the earliest one: the slice now ends too early at worst. */
        recompute(c);
    }
}

void timer_cancel(struct timer *t)
{
    if (t->when != CLOCK_NEVER)
        timer_arm(t, CLOCK_NEVER);
}

void clock_restored(struct clock *c)
{
    recompute(c);
    if (c->changed)
        c->changed(c->count_ctx);
}
