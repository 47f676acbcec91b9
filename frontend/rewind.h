/*
 * rewind.h - a running machine goes back in time: to any instruction, by one, or to where a stop was hit last.
 *
 * While the machine runs by rewind_run(), checkpoints are taken on the way: the processor's and the devices' state,
 * what has changed in memory since the one before, and where the disks' overlays are. Going back loads the nearest one
 * before and lets the machine do again what it did, with what came from outside out of the timeline's journal.
 * Checkpoints become sparser with age so that they stay within their memory; the first one stays as long as it fits.
 *
 * How to use it:
 *   - timeline_open() with REMEMBERS, rewind_open(); all writable media are overlays (disk/overlay.h).
 *   - The machine runs by rewind_run() in the place of pc_run(), and everything from outside comes through timeline.h.
 *   - A debugger steps and stops forward as before (debugger_counts(), rewind_run(), debugger_ran()); backwards by the
 *     functions below, each of which returns when the machine stands where it was to go. No slice is under way then.
 *   - In the past (timeline_past()) what comes from the machine has come before: serial output is to be dropped, time
 * is not to be steered, waiting takes none. What comes from outside, and what a debugger writes (timeline_wrote(),
 *     timeline_set_cpu()), makes it the present.
 */
#ifndef OMBRA_FRONTEND_REWIND_H
#define OMBRA_FRONTEND_REWIND_H

#include "frontend/media.h"
#include "frontend/timeline.h"

#define REWIND_BYTES ((u64)256 << 20)

/* What is in the drives, and all that ever was: each block stays open and keeps its place in the list. */
struct rewind_media {
    void *ctx;
    unsigned (*blocks)(void *ctx);
    struct block *(*block)(void *ctx, unsigned n);
    unsigned slots;                                    /* drives with media that change */
    struct block *(*inside)(void *ctx, unsigned slot); /* NULL: empty */
    void (*plug)(void *ctx, unsigned slot, struct block *b);
};

/* Those of a machine; its list must keep what is taken out (media.keeps). */
struct rewind_media rewind_media_of(struct media *m);

struct rewind; /* private */

/*
 * From now on, with at most BYTES for checkpoints. MEDIA may be NULL: there are none. 0, or -ENOMEM, or -EROFS: a
 * medium is written to directly.
 */
int rewind_open(struct rewind **out, struct timeline *t, const struct rewind_media *media, u64 bytes);
void rewind_close(struct rewind *r);

/* As timeline_run(), with checkpoints on the way. */
enum pc_stop rewind_run(struct rewind *r, u64 counts);

/* The machine was changed as a whole, a saved state loaded: there is no way back behind this. 0 or -ENOMEM. */
int rewind_restart(struct rewind *r);

enum rewind_result {
    REWIND_DONE,
    REWIND_START, /* it stands at the earliest that can be reached; what was asked for would be before */
    REWIND_LOST,  /* the machine did not do again what it did, or memory ran out: it stands somewhere, and that is the
                     beginning now */
};

/* To exactly COUNT (or PLACE), back or, in the past, forward; never further than the machine has been. */
enum rewind_result rewind_to(struct rewind *r, u64 count);
enum rewind_result rewind_to_place(struct rewind *r, struct cpu_place place);

/* To before the last instruction, iteration of a repeated one, or delivery of a fault or an interrupt: the inverse of
 * debugger_step(). */
enum rewind_result rewind_step_back(struct rewind *r);

/*
 * To the last place before this one where one of the processor's stops was hit, *HIT: in front of the instruction of a
 * STOP_EXEC, and in front of the one that touched memory. WANTED, if not NULL, is asked about each with the machine as
 * it was when it was hit (behind the instruction that touched memory), and must not change it.
 */
enum rewind_result rewind_back(struct rewind *r, bool (*wanted)(void *ctx, const struct stop *hit), void *ctx,
                               struct stop *hit);

struct rewind_stats {
    u64 first; /* the earliest count that can be reached */
    u64 checkpoints, bytes;
    u64 taking_ns, taken; /* spent on checkpoints, and how many were made */
    u64 spacing;          /* counts between them */
};
void rewind_stats(const struct rewind *r, struct rewind_stats *s);

#endif
