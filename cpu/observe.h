/*
 * observe.h - somebody who looks on while the processor runs: what it executes, where it reads and writes, which
 * interrupts and exceptions it delivers. Never visible to the guest.
 *
 * Without an observer nothing is asked anywhere: instructions are reported by a run loop of their own, memory through
 * the slow path that the MMU takes for watched pages (all of them are, then), ports and events where they are slow
 * already.
 */
#ifndef OMBRA_CPU_OBSERVE_H
#define OMBRA_CPU_OBSERVE_H

#include "base/types.h"

struct cpu;
struct insn;

/* Where an interrupt or exception comes from. */
enum event_kind {
    EVENT_FAULT,
    EVENT_SOFT_INT,
    EVENT_SOFT_EXC, /* INT3, INTO */
    EVENT_ICEBP,
    EVENT_EXTERNAL,
    EVENT_NMI,
    EVENT_DB_TRAP,
};

/* What is wanted; NULL: not that. The processor's state is as the guest would find it and must stay so; but inside an
 * instruction its IP is cpu_here(). */
struct cpu_observer {
    void *ctx;
    /* Before IN, which is at IP, is executed. It may still fault; a REP that goes on after its slice is reported anew.
     */
    void (*insn)(void *ctx, const struct cpu *c, const struct insn *in);
    /* Before the handler is entered; IP is where it will return to. A double fault is reported after what became it. */
    void (*event)(void *ctx, const struct cpu *c, u8 vector, enum event_kind kind, bool has_error, u32 error);
    /* After the access, of CPU->cur if there is one: else a delivery makes it. Instructions are not fetched through
     * here, and a read-modify-write is one write. */
    void (*memory)(void *ctx, const struct cpu *c, u64 lin, u64 value, unsigned size, bool write);
    void (*port)(void *ctx, const struct cpu *c, u16 port, u32 value, unsigned size, bool write);
};

/* From now on O looks on (it stays the caller's), or with NULL nobody. Between slices. */
void cpu_observe(struct cpu *c, const struct cpu_observer *o);

#endif
