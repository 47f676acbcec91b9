/*
 * lapic.h - the local APIC of one processor, and the bus between the local APICs and the I/O APIC.
 * Intel SDM volume 3A, chapter 10; xAPIC mode, 8-bit ids, version 14h with six local vectors.
 *
 * The 8259 pair's INTR and the board's NMI come in at LINT0 and LINT1; what the processor sees goes out through a
 * struct cpu_port. When the processor takes an interrupt it calls lapic_ack(), which names the vector or sends it on to
 * the 8259s.
 *
 * The timer counts virtual time at LAPIC_TIMER_HZ over the divider. There is no TSC-deadline mode.
 *
 * Without firmware nobody would program LINT0, so the bootstrap processor's APIC comes out of reset with LINT0 as
 * ExtINT and LINT1 as NMI ("virtual wire"): a guest that knows nothing of APICs gets its interrupts.
 */
#ifndef OMBRA_HW_LAPIC_H
#define OMBRA_HW_LAPIC_H

#include "base/bus.h"
#include "base/device.h"

#define LAPIC_TIMER_HZ 1000000000u
#define LAPIC_DEFAULT_BASE 0xFEE00000u

enum {
    LAPIC_ACK_PIC = -1, /* lapic_ack(): run the acknowledge cycle on the 8259s */
    LAPIC_BUS_MAX = 8,
};

/* Delivery modes of messages, redirection entries and local vectors. */
enum apic_mode {
    APIC_FIXED = 0,
    APIC_LOWEST = 1,
    APIC_SMI = 2,
    APIC_NMI = 4,
    APIC_INIT = 5,
    APIC_SIPI = 6,
    APIC_EXTINT = 7,
};

enum lapic_lvt { LVT_TIMER, LVT_THERMAL, LVT_PERF, LVT_LINT0, LVT_LINT1, LVT_ERROR, LVT_COUNT };

struct lapic;

/* All local APICs of a machine, and where their EOIs go. hw/pc.c owns it. */
struct apic_bus {
    struct lapic *apic[LAPIC_BUS_MAX];
    unsigned count;
    void *ctx;
    void (*eoi)(void *ctx, u8 vector); /* a level-triggered interrupt is done: for the I/O APICs; may be NULL */
};

struct apic_msg {
    u8 dest; /* id, logical destination, or FFh for all */
    bool logical;
    u8 mode; /* enum apic_mode */
    u8 vector;
    bool level; /* level-triggered: TMR bit set, EOI broadcast */
};

struct lapic {
    struct bus *bus;
    struct apic_bus *net;
    struct cpu_port cpu;
    u64 base; /* IA32_APIC_BASE, MSR 1Bh */
    u32 id;   /* register 20h, id in bits 31-24 */
    u32 tpr, ldr, dfr, svr;
    u32 isr[8], tmr[8], irr[8];
    u32 esr, errors; /* as last latched, and gathered since */
    u32 icr[2];
    u32 lvt[LVT_COUNT];
    u32 divide;      /* register 3E0h */
    u32 initial;     /* register 380h */
    u32 start_count; /* the count at time START; from there it runs down, then from INITIAL again if periodic */
    u64 start;       /* ns */
    struct timer timer;
    u8 lint;    /* bit n: level of LINTn */
    u8 extint;  /* an ExtINT message waits for its acknowledge */
    u8 hw_id;   /* constant: id after RESET# */
    u8 intr;    /* derived: level driven to the processor, 2 = unknown */
    u64 mapped; /* derived: where the registers are, 0 if nowhere */
    int handle;
};

extern const struct device_ops lapic_ops;

/* Joins NET as the APIC of processor ID (0 = bootstrap processor), drives CPU from now on, and resets itself. */
void lapic_init(struct lapic *l, struct bus *bus, struct apic_bus *net, u8 id, const struct cpu_port *cpu);

/* INIT# of the processor: everything but id and base goes back to reset. */
void lapic_cpu_init(struct lapic *l);

/* The receiver of LINT0 (8259 INTR) and LINT1 (NMI). */
struct irq_line lapic_lint(struct lapic *l, unsigned n);

/* INTA: the processor takes the interrupt that INTR announced. A vector 0-255, or LAPIC_ACK_PIC. */
int lapic_ack(struct lapic *l);

/* Task priority, as CR8 and the TPR register have it: bits 7-4 class, 3-0 subclass. */
u8 lapic_tpr(const struct lapic *l);
void lapic_set_tpr(struct lapic *l, u8 tpr);

/* IA32_APIC_BASE. Writing relocates or disables; false means that reserved bits were set: #GP. */
u64 lapic_base(const struct lapic *l);
bool lapic_set_base(struct lapic *l, u64 value);

/* Whether IA32_APIC_BASE enables it: what CPUID's APIC bit shows. */
bool lapic_enabled(const struct lapic *l);

/* The registers, by offset 0-FFFh from the base; for the processor's own accesses when several share the address. */
u32 lapic_read(struct lapic *l, u32 offset);
void lapic_write(struct lapic *l, u32 offset, u32 value);

/* Sends a message to whom it names; lowest priority goes to one of them. True if anyone took it. Used by the I/O APIC
 * (through hw/pc.c) and by the APICs themselves. */
bool apic_bus_send(struct apic_bus *net, const struct apic_msg *m);

#endif
