/*
 * debugger.h - stopping and going on, stops by address and by instruction count, and memory as a debugger sees it: what
 * the GDB stub stands on.
 *
 * Whoever runs the machine asks debugger_counts() how far it may go, calls debugger_ran() after each pc_run(), and does
 * not run it while it is stopped. Nothing here is visible to the guest; its time stands still while it is stopped.
 */
#ifndef OMBRA_FRONTEND_DEBUGGER_H
#define OMBRA_FRONTEND_DEBUGGER_H

#include "frontend/rewind.h"

enum debugger_why {
    DEBUGGER_RUNS,
    DEBUGGER_PAUSED,  /* somebody asked for it */
    DEBUGGER_STEPPED, /* one instruction, or the call that it makes, is done; or a fault or an interrupt was delivered
                       */
    DEBUGGER_COUNT,   /* the count of debugger_limit() is reached */
    DEBUGGER_HIT,     /* one of the stops: AT */
    DEBUGGER_START,   /* on the way back, at the earliest that can be reached */
};

struct debugger {
    struct pc *pc;
    enum debugger_why why;
    struct stop at;
    u64 end;       /* instruction count at which the run ends, ~0: none */
    bool stepping; /* what END means */
    u64 limit;     /* END of the next continue, 0: none */
    bool over;     /* stepping over a call: up to OVER_STOP with the stack where it was */
    struct stop over_stop;
    u32 over_stack;
    struct timeline *timeline; /* told what is written, NULL: nobody. Set by the owner, as: */
    struct rewind *rewind;     /* NULL: there is no way back */
};

/* The machine runs on as it did; close takes all stops away. */
void debugger_open(struct debugger *d, struct pc *pc);
void debugger_close(struct debugger *d);

/* Idempotent: a stop is there or not. -ENOSPC, -EINVAL. */
int debugger_add(struct debugger *d, const struct stop *s);
void debugger_remove(struct debugger *d, const struct stop *s);
void debugger_clear(struct debugger *d); /* the limit too */

void debugger_pause(struct debugger *d);
void debugger_continue(struct debugger *d);
void debugger_step(struct debugger *d);

/* As step; but a CALL, an INT or a repeated string instruction is one step. */
void debugger_step_over(struct debugger *d);

/* Backwards, at once: to before the last instruction or delivery, and to before the last hit. The machine stands there
 * when they return; WHY, AT. -ENOTSUP: there is no way back, -EIO: it was lost on the way. */
int debugger_step_back(struct debugger *d);
int debugger_back(struct debugger *d);

/* The machine was brought elsewhere while it stood: it stands there, for that reason. */
void debugger_stand(struct debugger *d, enum debugger_why why, const struct stop *at);

/* Somebody has changed the processor's registers. */
void debugger_set_cpu(struct debugger *d);

/* Whether IN is such an instruction, which comes back to the one behind it. */
bool debugger_comes_back(const struct insn *in);

/* The next continue goes to exactly COUNT at most. */
void debugger_limit(struct debugger *d, u64 count);

/* Counts that may be run now, MAX at most; 0 while stopped. */
u64 debugger_counts(const struct debugger *d, u64 max);

/* The machine came back. True if it has just been stopped: WHY, AT. */
bool debugger_ran(struct debugger *d);

/*
 * Memory by linear address, as page tables map it now, without any effect but on the bytes written: no accessed bits,
 * no faults. Registers, holes and (for writing) ROM are refused. How many bytes from LIN on could be had; a write does
 * all or nothing: 0 or -EFAULT.
 */
size_t debugger_read(const struct debugger *d, u64 lin, void *data, size_t len);
int debugger_write(struct debugger *d, u64 lin, const void *data, size_t len);

/* The linear address of the next instruction. */
u32 debugger_here(const struct debugger *d);

#endif
