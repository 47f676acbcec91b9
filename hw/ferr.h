/*
 * ferr.h - the chipset's side of x87 errors when CR0.NE = 0: FERR# raises IRQ 13, a write
 * to port F0h asserts IGNNE# and takes the interrupt away (82371SB data sheet, "Coprocessor error register").
 */
#ifndef OMBRA_HW_FERR_H
#define OMBRA_HW_FERR_H

#include "base/bus.h"
#include "base/device.h"

struct ferr {
    struct irq_line irq13;
    struct cpu_port cpu;
    bool asserted; /* FERR# */
    bool latched;  /* IRQ 13 is raised */
    bool ignne;
};

extern const struct device_ops ferr_ops;

void ferr_init(struct ferr *f, struct bus *bus, struct irq_line irq13, const struct cpu_port *cpu);

/* The processor drives FERR#. */
void ferr_set(struct ferr *f, bool asserted);

#endif
