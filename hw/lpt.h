/*
 * lpt.h - a parallel port in its standard mode (SPP), as on every PC: data, status and control
 * registers, a printer that is always ready, IRQ 7.
 *
 * A byte goes to the backend when the guest pulses STROBE; the printer is busy for LPT_BUSY_NS and
 * acknowledges then.
 */
#ifndef OMBRA_HW_LPT_H
#define OMBRA_HW_LPT_H

#include "base/bus.h"
#include "base/chardev.h"
#include "base/device.h"

enum { LPT_BUSY_NS = 10000, LPT_ACK_NS = 1000 };

struct lpt {
    struct bus *bus;
    struct irq_line irq;
    struct char_backend backend;
    u8 data, control;
    bool busy; /* the printer has not taken the byte yet */
    bool ack;  /* ACK# is low: the pulse at the end of a byte */
    struct timer timer;
};

extern const struct device_ops lpt_ops;

/* A port at BASE (3 ports). BACKEND is copied; without its function nothing is plugged in. */
void lpt_init(struct lpt *l, struct bus *bus, u16 base, struct irq_line irq, const struct char_backend *backend);

#endif
