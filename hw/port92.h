/*
 * port92.h - system control port A at 92h: the fast A20 gate (bit 1) and the fast processor reset (bit 0).
 * Owns the A20 gate that the keyboard controller shares.
 *
 * Built by hw/pc.c before the keyboard controller. Data sheet: 82371SB "Port 92 register".
 */
#ifndef OMBRA_HW_PORT92_H
#define OMBRA_HW_PORT92_H

#include "base/a20.h"
#include "base/bus.h"
#include "base/device.h"

struct port92 {
    struct a20_gate a20;
    u8 value;              /* the other bits, as written */
    struct irq_line reset; /* pulsed when bit 0 goes from 0 to 1 */
};

extern const struct device_ops port92_ops;

/* Maps the port. A20 is told the gate's level, also at each reset (on). */
void port92_init(struct port92 *p, struct bus *bus, struct irq_line a20, struct irq_line reset);

#endif
