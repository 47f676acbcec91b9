/*
 * irq.h - a wire from an output pin of one device to an input pin of another.
 *
 * The receiver fills a struct irq_line and hands it (by value) to the sender when
 * the machine is built. An unconnected line (set == NULL) swallows what it is told.
 */
#ifndef OMBRA_BASE_IRQ_H
#define OMBRA_BASE_IRQ_H

#include "base/types.h"

struct irq_line {
    void (*set)(void *ctx, unsigned n, bool level);
    void *ctx;
    unsigned n; /* which input of the receiver */
};

/* Drives the wire to LEVEL. Receivers accept the same level twice. */
static inline void irq_set(const struct irq_line *line, bool level)
{
    if (line->set)
        line->set(line->ctx, line->n, level);
}

/* A low-high-low pulse, for edge-triggered receivers. */
static inline void irq_pulse(const struct irq_line *line)
{
    irq_set(line, true);
    irq_set(line, false);
}

#endif
