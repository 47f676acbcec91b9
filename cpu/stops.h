/*
 * stops.h - where a debugger wants the processor to stop: addresses of instructions and watched memory, kept beside the
 * guest's own debug registers and never visible to the guest.
 *
 * An instruction stop costs nothing elsewhere: decoded blocks end in front of its place in the page, whatever page is
 * mapped there, and no block is linked to one that begins at it, so that only the way through find_block() looks.
 * All calls between slices.
 */
#ifndef OMBRA_CPU_STOPS_H
#define OMBRA_CPU_STOPS_H

#include "base/types.h"

enum { STOPS_MAX = 256, STOPS_PAGE = 4096 };

enum stop_kind {
    STOP_EXEC,   /* before the instruction at ADDR */
    STOP_WRITE,  /* after the instruction that wrote to [ADDR, ADDR+LEN) */
    STOP_READ,   /* ... that read and did not write there */
    STOP_ACCESS, /* either */
    STOP_EVENT,  /* a fault or an interrupt was delivered: only as what has happened, see stops.events */
};

struct stop {
    u64 addr; /* linear */
    u32 len;
    enum stop_kind kind;
};

struct stops {
    struct stop list[STOPS_MAX];
    unsigned count;
    bool data;   /* one of them watches memory */
    bool events; /* a fault or an interrupt stops too, before its handler's first instruction: for single steps */
    bool hit;    /* the slice ended because of WHAT */
    struct stop what;
    u64 pass_addr, pass_count; /* the instruction that is run although there is a stop */
    u64 event_count;           /* of the last fault or interrupt that was delivered, and how many there were */
    u32 event_step;            /* at that count */
    u64 exec[STOPS_PAGE / 64]; /* places in a page with an instruction stop */
    void (*told)(void *ctx);   /* something was hit; the processor stops, the machine must too */
    void *ctx;
};

struct cpu;

/* -ENOSPC when there are STOPS_MAX. Equal ones may be added several times. */
int cpu_stop_add(struct cpu *c, const struct stop *s);

/* Takes away one that equals S. False if there is none. */
bool cpu_stop_remove(struct cpu *c, const struct stop *s);
void cpu_stops_clear(struct cpu *c);

/* Where the processor stands between two instructions: faults and interrupts take no count, so that several places may
 * have one; STEP says how many of them were delivered since the instruction before. */
struct cpu_place {
    u64 count;
    u32 step;
    bool rep; /* between two iterations of a repeated instruction */
};
struct cpu_place cpu_place(const struct cpu *c);

/* A state was loaded that was saved at P. */
void cpu_place_restored(struct cpu *c, struct cpu_place p);

/* Forgets what was hit. The instruction at IP will run whatever stop is there. */
void cpu_stops_pass(struct cpu *c);

#endif
