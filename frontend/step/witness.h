/*
 * witness.h - the last exceptions, interrupts and port accesses of a processor, with the instruction count of each.
 */
#ifndef OMBRA_FRONTEND_STEP_WITNESS_H
#define OMBRA_FRONTEND_STEP_WITNESS_H

#include "cpu/cpu.h"

enum { WITNESS_MAX = 512 };

enum happening_kind { HAPPENED_IN, HAPPENED_OUT, HAPPENED_EVENT };

struct happening {
    u64 count;
    u32 where;    /* linear address of the instruction, or of the one that was interrupted */
    u32 value;    /* of an IN or OUT */
    u16 what;     /* port or vector */
    u8 size;      /* bytes of an IN or OUT */
    u8 kind;      /* enum happening_kind */
    u8 event;     /* HAPPENED_EVENT: enum event_kind */
    u32 repeated; /* so often more in a row, at the same place with the same value */
};

struct witness {
    struct cpu *cpu;
    struct cpu_observer hook;
    struct happening ring[WITNESS_MAX];
    u64 first, total; /* those from FIRST on are in the ring; the newest is number TOTAL - 1 */
    /* Told after each, also after repeated ones; may be NULL. */
    void (*told)(void *ctx, const struct happening *h);
    void *ctx;
};

/* From open to close C has this witness and no other. */
void witness_open(struct witness *w, struct cpu *c);
void witness_close(struct witness *w);

/* Number N counted back from the newest, or NULL. */
const struct happening *witness_get(const struct witness *w, unsigned n);

/* The machine went back: forgets what happened after COUNT. */
void witness_forget(struct witness *w, u64 count);

/* One line of text without its end. */
void witness_text(const struct happening *h, char *to, size_t size);

#endif
