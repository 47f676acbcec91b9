/*
 * pit.h - the 8254 interval timer at ports 40h-43h and the system control port B at 61h.
 *
 * Nothing counts: each counter remembers at which CLK pulse it was loaded with what, and its
 * count and output follow from the virtual time when somebody looks. Only counter 0, whose
 * output is IRQ 0, has a timer, armed for the next edge of its output.
 *
 * Built and owned by hw/pc.c. Data sheet: 8254 "Mode definitions", "Operation common to all modes".
 * Times are CLK pulses since power-on (PIT_HZ); a count written after pulse W is loaded by pulse W+1.
 */
#ifndef OMBRA_HW_PIT_H
#define OMBRA_HW_PIT_H

#include "base/bus.h"
#include "base/device.h"

enum { PIT_HZ = 1193182 };

struct pit_counter {
    u8 mode; /* 0-5 */
    u8 rw;   /* 1 low byte, 2 high byte, 3 low then high */
    bool bcd;
    bool gate;
    bool loaded;     /* the count of this mode has been loaded: it is counting, or stopped by GATE */
    bool null_count; /* written, not loaded yet */
    bool write_high; /* the next write is the high byte */
    bool read_high;  /* the next read is the high byte */
    bool starts_low; /* mode 3: the half cycle that began at START is the low one */
    bool armed;      /* modes 1 and 5: a count is there for a trigger */
    bool status_latched;
    u8 count_latched; /* bytes still to be read: bit 0 low, bit 1 high */
    u8 low;           /* low byte of a count of which the high byte is to come */
    u8 status;
    u16 latch;   /* as the guest reads it (BCD where BCD) */
    u32 reload;  /* count register, 1-65536 */
    u32 initial; /* what the counting element was loaded with, 1-65536 */
    u64 load_at; /* pulse that will load the element, or PIT_NEVER */
    u64 start;   /* pulse that loaded it */
    u64 held;    /* while GATE stops it: pulses counted so far */
};

#define PIT_NEVER (~(u64)0)

struct pit {
    struct pit_counter counter[3];
    u8 control; /* port 61h bits 0-3 */
    bool irq_level;
    u64 seen;          /* pulse up to which OUT 0 has been shown to IRQ 0 */
    struct timer edge; /* next change of OUT 0 */
    struct irq_line irq0;
    struct clock *clock;
    struct log *log;
};

extern const struct device_ops pit_ops;

/* Maps the ports. IRQ0 follows OUT 0. */
void pit_init(struct pit *pit, struct bus *bus, struct irq_line irq0);

/* Level of the speaker (OUT 2 and port 61h bit 1) now, for sound and tests. */
bool pit_speaker(struct pit *pit);

#endif
