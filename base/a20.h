/*
 * a20.h - the one A20 gate that the keyboard controller's output port and port 92h share: whoever
 * wrote last decides, and both read back the same state. Owned by hw/port92.c.
 */
#ifndef OMBRA_BASE_A20_H
#define OMBRA_BASE_A20_H

#include "base/irq.h"

struct a20_gate {
    bool on;             /* address bit 20 goes through */
    struct irq_line out; /* to the processor's A20M# (level = on) */
};

static inline void a20_set(struct a20_gate *gate, bool on)
{
    gate->on = on;
    irq_set(&gate->out, on);
}

#endif
