/*
 * timeline.h - the one way by which anything from outside comes into a running machine, and by which it runs: so that
 * what came is remembered, and comes again at the same instruction when the machine was taken back in time or replays a
 * recording.
 *
 * The session owns it, tests too; rewind.h takes the machine back. Without a journal it only passes things on. All
 * calls between slices.
 */
#ifndef OMBRA_FRONTEND_TIMELINE_H
#define OMBRA_FRONTEND_TIMELINE_H

#include "frontend/journal.h"
#include "hw/pc.h"

struct timeline {
    struct pc *pc;
    bool remembers;
    bool fixed; /* a recording: nothing new can happen */
    bool lost;  /* the machine did not do again what it once did */
    struct journal journal;
    struct journal_cursor next; /* what comes again next, or the journal's end */
    struct cpu_place end;       /* as far as the machine ever came, and that of a recording will come */
    struct cpu_place seen;      /* as far as it came here */
    /* Puts the image at PATH ("": nothing) into SLOT; 0, or -errno with a line in ERR. NULL: there are no drives. */
    int (*medium)(void *ctx, unsigned slot, const char *path, char *err, size_t n);
    void *ctx;
    bool refused; /* a medium of the past could not be had again */
};

/* PC as it stands is the beginning. */
void timeline_open(struct timeline *t, struct pc *pc, bool remembers);
void timeline_close(struct timeline *t);

/* The machine is where it has been before: it does again what it did, up to the end that it came to. */
bool timeline_past(const struct timeline *t);

/* What the machine sends now it has sent before. */
bool timeline_repeats(const struct timeline *t);

/* As pc_run(). In the past it ends at the latest where the past does, and waiting is no reason to come back. */
enum pc_stop timeline_run(struct timeline *t, u64 counts);

/* Runs to exactly AT, which lies in the past or is now; stops of a debugger end it early, cpu.stops.hit. False if the
 * machine went elsewhere. */
bool timeline_run_to(struct timeline *t, struct cpu_place at);

/* What comes next, in the past too: one instruction, or one fault or interrupt. */
void timeline_step(struct timeline *t);

/* From outside. In the past they make it the present: what came after is forgotten. */
void timeline_key(struct timeline *t, enum key key, bool down);
void timeline_mouse(struct timeline *t, int dx, int dy, int dz, unsigned buttons);
void timeline_serial(struct timeline *t, unsigned port, const u8 *data, size_t len);
int timeline_medium(struct timeline *t, unsigned slot, const char *path, char *err, size_t n);
void timeline_reset(struct timeline *t);
void timeline_power(struct timeline *t);
void timeline_rate(struct timeline *t, u64 rate_ps);
void timeline_skip_to(struct timeline *t, u64 ns); /* not past the next timer */

/* A debugger has changed memory (of one frame, below) or the processor's registers. */
void timeline_wrote(struct timeline *t, u32 frame, u32 offset, u32 len);
void timeline_set_cpu(struct timeline *t);

/* Earlier, the same, later: < 0, 0, > 0. */
int cpu_place_compare(struct cpu_place a, struct cpu_place b);

#endif
