/*
 * pacer.h - how long a slice may be, and how virtual time is steered to a person's clock (--clock wall).
 *
 * Pure arithmetic: the session tells it what time it is. Virtual time per instruction follows what the host really
 * takes for one; what is still missing or too much is put right by a small part in each slice, so that the guest's
 * ticks are neither lost nor bunched. After a long stall (a suspended host) the time is dropped instead.
 */
#ifndef OMBRA_FRONTEND_PACER_H
#define OMBRA_FRONTEND_PACER_H

#include "base/types.h"

struct pacer {
    u64 host_start, virtual_start; /* ns that belong together */
    u64 cost_ps;                   /* host time per count, a moving average */
    u64 busy_ns, busy_counts;      /* not yet in the average */
};

/* HOST (ns of any steady clock) and VIRTUAL (ns) are the same moment; RATE_PS is a first guess of the cost. */
void pacer_start(struct pacer *p, u64 host, u64 virtual_ns, u64 rate_ps);

/* The guest has run for COUNTS, which took NS of the host's time. */
void pacer_ran(struct pacer *p, u64 counts, u64 ns);

/* Counts that take about NS of the host's time: a slice. */
u64 pacer_counts(const struct pacer *p, u64 ns);

/* The virtual time that host time HOST stands for, and the other way round. */
u64 pacer_virtual(const struct pacer *p, u64 host);
u64 pacer_host(const struct pacer *p, u64 virtual_ns);

/* The rate (ps of virtual time per count) for the next slice, when it is VIRTUAL in the guest and HOST outside. */
u64 pacer_rate(struct pacer *p, u64 host, u64 virtual_ns);

#endif
