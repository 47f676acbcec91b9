/*
 * stepper_back.c - back in time (frontend/rewind.h): instructions taken back, and runs to where a stop was hit last.
 */
#include "cpu/exec.h"
#include "frontend/step/stepper_int.h"
#include <errno.h>

int stepper_remember(struct stepper *s, const struct rewind_media *media)
{
    timeline_close(&s->timeline);
    timeline_open(&s->timeline, s->pc, true);
    return rewind_open(&s->rewind, &s->timeline, media, REWIND_BYTES);
}

/* While the machine does again what it did nobody looks on. */
static bool begin(struct stepper *s)
{
    s->why[0] = 0;
    s->missed = false;
    if (!s->rewind) {
        snprintf(s->why, sizeof s->why, "this machine's past is not kept");
        return false;
    }
    if (s->looking)
        stepper_note(s); /* what going back changes is lit */
    s->last.bits = 0;
    s->witness.told = NULL;
    cpu_observe(s->cpu, NULL);
    return true;
}

static int end(struct stepper *s, enum rewind_result r)
{
    debugger_stand(&s->debugger, DEBUGGER_PAUSED, NULL);
    cpu_observe(s->cpu, &s->witness.hook);
    witness_forget(&s->witness, cpu_count(s->cpu));
    s->end = END_NONE;
    s->look.cursor_free = false;
    s->missed = r == REWIND_LOST;
    if (r == REWIND_START)
        snprintf(s->why, sizeof s->why, "this is the beginning: nothing before it is known");
    else if (r == REWIND_LOST)
        snprintf(s->why, sizeof s->why, "the way back is lost: this is the beginning now");
    return 0;
}

int stepper_back(struct stepper *s, u64 steps)
{
    u64 count = cpu_count(s->cpu);
    if (!begin(s))
        return -EPERM;
    return end(s, steps == 1 ? rewind_step_back(s->rewind) : rewind_to(s->rewind, count - MIN(steps, count)));
}

int stepper_back_to(struct stepper *s, u64 count)
{
    return begin(s) ? end(s, rewind_to(s->rewind, count)) : -EPERM;
}

/* Whether the person asked for this one. */
static bool wanted(void *ctx, const struct stop *hit)
{
    return stepper_stops_at(ctx, hit);
}

int stepper_back_to_stop(struct stepper *s, const struct stepper_stop *only)
{
    struct stepper_stop kept[STEPPER_STOPS];
    struct stop hit;
    if (!begin(s))
        return -EPERM;
    memcpy(kept, s->stop, sizeof kept);
    int r = 0;
    if (only) { /* of several at one place only the first is told */
        debugger_clear(&s->debugger);
        memset(s->stop, 0, sizeof s->stop);
        r = stepper_add(s, only) < 0 ? -ENOSPC : 0;
    }
    enum rewind_result result = r ? REWIND_DONE : rewind_back(s->rewind, wanted, s, &hit);
    if (only) {
        stepper_drop_once(s);
        memcpy(s->stop, kept, sizeof kept);
        stepper_stops_again(s);
    }
    end(s, result);
    s->missed |= only && result == REWIND_START;
    return r;
}
