/*
 * clock.h - virtual time and timers of one machine.
 *
 * Time is virtual and counted in nanoseconds since power-on. It follows from the
 * processor's instruction count: now = offset + count * rate. Nothing below
 * frontend/ ever asks the host's clock; devices ask clock_now().
 *
 * The processor reports its exact count through the count callback, so that a
 * device that is read in the middle of a block sees the exact time.
 *
 * Timers fire between instructions: the machine's run loop never lets the
 * processor run past clock_next(), then calls clock_run(). A timer's callback may
 * arm or cancel any timer, its own included.
 */
#ifndef OMBRA_BASE_CLOCK_H
#define OMBRA_BASE_CLOCK_H

#include "base/types.h"

#define NS_PER_SEC 1000000000ull
#define CLOCK_NEVER (~(u64)0)

struct clock;

struct timer {
    struct clock *clock;
    const char *name;
    u64 when; /* ns, CLOCK_NEVER while not armed */
    void (*fire)(void *ctx, u64 now);
    void *ctx;
    struct timer *next; /* all timers of the clock, in the order of timer_init(): ties fire in that order */
};

struct clock {
    u64 offset;         /* ns that HLT and steering to wall time have added */
    u64 rate_ps;        /* picoseconds of virtual time per instruction count */
    u64 (*count)(void *ctx); /* exact instruction count now */
    void *count_ctx;
    void (*changed)(void *ctx); /* told when a timer is armed earlier than clock_next() said: ends the slice */
    struct timer *timers;
    u64 next; /* cached earliest deadline */
};

/* A clock at 0 ns. COUNT may be NULL for tests that advance offset by clock_advance(). */
void clock_init(struct clock *c, u64 rate_ps, u64 (*count)(void *ctx), void (*changed)(void *ctx), void *ctx);

/* Virtual ns since power-on, exact at the current instruction. */
static inline u64 clock_now(const struct clock *c)
{
    u64 count = c->count ? c->count(c->count_ctx) : 0;
    return c->offset + muldiv64(count, c->rate_ps, 1000);
}

/* Moves time forward by NS without any instruction: HLT, wall steering, tests. Fires nothing. */
void clock_advance(struct clock *c, u64 ns);

/* The earliest armed deadline in ns, or CLOCK_NEVER. */
static inline u64 clock_next(const struct clock *c)
{
    return c->next;
}

/* How many counts may be executed before NS is reached (0 if it is already past): the smallest count
 * after which clock_now() >= NS. */
u64 clock_counts_until(const struct clock *c, u64 ns);

/* Fires every timer that is due at clock_now(), earliest first. */
void clock_run(struct clock *c);

/* Registers a timer with its clock, not armed. NAME must outlive it. */
void timer_init(struct clock *c, struct timer *t, const char *name, void (*fire)(void *ctx, u64 now), void *ctx);

/* Arms the timer for absolute time WHEN in ns (re-arms if armed). A time in the past fires at the next clock_run(). */
void timer_arm(struct timer *t, u64 when);

void timer_cancel(struct timer *t);

static inline bool timer_armed(const struct timer *t)
{
    return t->when != CLOCK_NEVER;
}

/* After t->when was loaded from a saved state: recomputes the cached deadline. */
void clock_restored(struct clock *c);

/* Ticks of a HZ oscillator that lie in NS nanoseconds, and the first ns at which TICKS have passed. */
static inline u64 ns_to_ticks(u64 ns, u64 hz)
{
    return muldiv64(ns, hz, NS_PER_SEC);
}

static inline u64 ticks_to_ns(u64 ticks, u64 hz)
{
    return (u64)(((unsigned __int128)ticks * NS_PER_SEC + hz - 1) / hz);
}

#endif
