/*
 * ioapic.h - Intel 82093AA I/O APIC: 24 pins, registers at FEC00000h. Data sheet 290566.
 *
 * A pin's boolean means "asserted". The polarity bit is kept but does not invert: on this board the MP table calls PCI
 * lines active low, the ACPI tables call them active high, and both mean the same wire.
 */
#ifndef OMBRA_HW_IOAPIC_H
#define OMBRA_HW_IOAPIC_H

#include "base/bus.h"
#include "base/device.h"

enum { IOAPIC_PINS = 24 };
#define IOAPIC_BASE 0xFEC00000u

struct ioapic_wiring {
    void *ctx;
    /* One message to the local APICs; MODE and VECTOR as in a redirection entry. False if nobody took it. */
    bool (*deliver)(void *ctx, u8 dest, bool logical, u8 mode, u8 vector, bool level);
};

struct ioapic {
    struct ioapic_wiring wiring;
    u64 redirection[IOAPIC_PINS];
    u32 pins;  /* asserted pins */
    u8 select; /* IOREGSEL */
    u8 id;
};

extern const struct device_ops ioapic_ops;

/* Maps the registers and resets itself. */
void ioapic_init(struct ioapic *io, struct bus *bus, const struct ioapic_wiring *wiring);

/* The receiver of pin 0-23. */
struct irq_line ioapic_pin(struct ioapic *io, unsigned pin);

/* A processor has finished the level-triggered interrupt VECTOR. */
void ioapic_eoi(struct ioapic *io, u8 vector);

#endif
