/*
 * pacer.c - steering virtual time to the host's clock.
 */
#include "frontend/pacer.h"

#define MS 1000000ull

enum {
    COST_MIN_PS = 100,     /* 10,000 MIPS */
    COST_MAX_PS = 2000000, /* half a MIPS: slower than that the guest's time lags */
};

#define SAMPLE_NS (1 * MS)   /* shorter runs say little about the cost of one count */
#define WINDOW_NS (100 * MS) /* an error is put right over about that long */
#define STALL_NS (1000 * MS) /* what is behind by more is given up */
#define COUNTS_MIN 1000u
#define COUNTS_MAX 100000000u

static u64 clamp(u64 v, u64 low, u64 high)
{
    return MIN(MAX(v, low), high);
}

void pacer_start(struct pacer *p, u64 host, u64 virtual_ns, u64 rate_ps)
{
    *p = (struct pacer){.host_start = host, .virtual_start = virtual_ns, .cost_ps = rate_ps};
}

void pacer_ran(struct pacer *p, u64 counts, u64 ns)
{
    p->busy_counts += counts;
    p->busy_ns += ns;
    if (p->busy_ns < SAMPLE_NS || p->busy_counts == 0)
        return;
    u64 cost = clamp(muldiv64(p->busy_ns, 1000, p->busy_counts), COST_MIN_PS, COST_MAX_PS);
    p->cost_ps = (3 * p->cost_ps + cost) / 4;
    p->busy_counts = p->busy_ns = 0;
}

u64 pacer_counts(const struct pacer *p, u64 ns)
{
    return clamp(ns * 1000 / p->cost_ps, COUNTS_MIN, COUNTS_MAX);
}

u64 pacer_virtual(const struct pacer *p, u64 host)
{
    return p->virtual_start + (host - p->host_start);
}

u64 pacer_host(const struct pacer *p, u64 virtual_ns)
{
    return p->host_start + (virtual_ns - p->virtual_start);
}

u64 pacer_rate(struct pacer *p, u64 host, u64 virtual_ns)
{
    u64 want = pacer_virtual(p, host);
    s64 behind = (s64)(want - virtual_ns);
    if (behind > (s64)STALL_NS) {
        p->host_start = host;
        p->virtual_start = virtual_ns;
        behind = 0;
    }
    s64 limit = (s64)WINDOW_NS / 2;
    behind = behind > limit ? limit : behind < -limit ? -limit : behind;
    s64 rate = (s64)p->cost_ps + (s64)p->cost_ps * behind / (s64)WINDOW_NS;
    return clamp((u64)rate, COST_MIN_PS, COST_MAX_PS);
}
