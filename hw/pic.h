/*
 * pic.h - the two cascaded 8259A interrupt controllers of a PC as the PIIX3 has them: ports 20h/21h and A0h/A1h, the
 * slave on IR2 of the master, and the edge/level registers at 4D0h/4D1h (which replace ICW1's LTIM bit).
 *
 * Built and owned by hw/pc.c, which takes the input lines from pic_line() and calls pic_ack() when the processor
 * answers INTR. Data sheets: 8259A "Interrupt sequence", "Operation command words"; 82371SB "Interrupt controller".
 *
 * As on silicon an edge-triggered input has to stay high until it is acknowledged: if it falls before, the request is
 * gone and the processor gets the spurious vector 7 of that controller.
 */
#ifndef OMBRA_HW_PIC_H
#define OMBRA_HW_PIC_H

#include "base/bus.h"
#include "base/device.h"

struct pic_chip {
    u8 irr; /* requests: latched edges, or the level of level-triggered inputs */
    u8 isr;
    u8 imr;
    u8 line;                /* level of the eight inputs */
    u8 elcr;                /* 1: level triggered */
    u8 base;                /* ICW2: vector of IR0 */
    u8 lowest;              /* the input of lowest priority; the one after it has the highest */
    u8 init;                /* which ICW comes next (2-4), or 0 when operational */
    bool single, need_icw4; /* from ICW1 */
    bool aeoi, sfnm;        /* from ICW4 */
    bool rotate_aeoi;
    bool special_mask;
    bool read_isr;
    bool poll; /* the next read is an acknowledge */
};

struct pic {
    struct pic_chip chip[2]; /* master, slave */
    bool out;                /* level of INTR */
    struct irq_line intr;
    struct log *log;
};

extern const struct device_ops pic_ops;

/* Maps the ports. INTR is the processor's (or the local APIC's LINT0) line. */
void pic_init(struct pic *pic, struct bus *bus, struct irq_line intr);

/* Input 0-15; 2 belongs to the cascade and does nothing. */
struct irq_line pic_line(struct pic *pic, unsigned irq);

/* The processor's INTA cycles: the vector. Without a request (any more) it is the spurious one. */
int pic_ack(struct pic *pic);

#endif
