/*
 * piix3.h - Intel 82371SB (PIIX3) function 0 at 00:01.0: the ISA bridge. It gathers interrupts: ISA request lines and
 * the four shared PCI lines PIRQA#-PIRQD#, steered by registers 60h-63h, leave as the sixteen request lines that the
 * 8259 pair and the I/O APIC see. It also owns the reset control register CF9h. Data sheet 290550, sections 2.2
 * and 2.5.
 *
 * Both interrupt controllers get the same sixteen requests, as on the boards that QEMU's "pc" models: SeaBIOS's MP
 * table and the MADT say so too. The edge/level register ELCR belongs to the 8259s; the IDE and USB functions are
 * devices of their own.
 *
 * Registers that steer ISA timing, DMA and the I/O APIC's chip select (4Ch-4Fh, 80h) only remember what is written:
 * firmware for this machine never programs them, so the I/O APIC is decoded always.
 */
#ifndef OMBRA_HW_PIIX3_H
#define OMBRA_HW_PIIX3_H

#include "base/device.h"
#include "base/irq.h"
#include "base/pci.h"

struct piix3_wiring {
    struct irq_line pic[16];    /* request lines to the 8259 pair; 2 is unused */
    struct irq_line ioapic[16]; /* the same lines to the I/O APIC; [0] goes to its pin 2 by custom */
    void *ctx;
    /* CF9h: INIT of the processor, or RESET# for everything. Called inside the OUT instruction: the receiver only takes
     * note. */
    void (*reset)(void *ctx, bool hard);
};

struct piix3 {
    struct pci_func pci;
    struct piix3_wiring wiring;
    u8 pins[256];      /* for each devfn: bit n set while INTx# n is asserted */
    u16 isa_level;     /* ISA request lines */
    u8 sci;            /* the ACPI interrupt, wired to IRQ 9 */
    u8 rcr;            /* CF9h */
    u16 pirq_users[4]; /* derived: asserted pins on each PIRQ line */
    u16 driven;        /* derived: levels given out last */
};

extern const struct device_ops piix3_ops;

/* Plugs the bridge in as 00:01.0, becomes the bus's INTx router, takes port CF9h (so it comes after the host bridge)
 * and resets itself. */
void piix3_init(struct piix3 *p, struct pci_bus *pci, const struct piix3_wiring *wiring);

/* The line that an ISA device on IRQ 0-15 drives. */
struct irq_line piix3_isa_irq(struct piix3 *p, unsigned irq);

/* The line for the power management function's SCI: shares IRQ 9. */
struct irq_line piix3_sci(struct piix3 *p);

#endif
