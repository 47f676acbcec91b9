/*
 * piix4pm.h - the power management function of the Intel 82371AB (PIIX4) at 00:01.3: ACPI PM1 event and control block,
 * PM timer, APM/SMI ports B2h/B3h, SMBus host controller. Data sheet 290562, chapter 7 and section 5 (power
 * management).
 *
 * Where this machine leaves the data sheet, as QEMU's "pc" does because its firmware expects so:
 *  - writing F1h (F0h) to B2h sets (clears) SCI_EN at once, which on a board the SMI handler would do;
 *  - a general purpose event block of two status and two enable bytes stands at AFE0h; nothing is wired to it;
 *  - the SMBus answers as soon as SMBHSTCFG enables it. No slave is on it: every transfer ends with DEV_ERR.
 */
#ifndef OMBRA_HW_PIIX4PM_H
#define OMBRA_HW_PIIX4PM_H

#include "base/device.h"
#include "base/irq.h"
#include "base/pci.h"

#define PIIX4PM_TIMER_HZ 3579545u

enum {
    PIIX4PM_GPE_BASE = 0xAFE0,
    PIIX4PM_GPE_LEN = 4,
    PIIX4PM_SMI_CMD = 0xB2,
    PIIX4PM_ACPI_ENABLE = 0xF1,
    PIIX4PM_ACPI_DISABLE = 0xF0,
    PIIX4PM_SLEEP_SOFT_OFF = 0, /* SUS_TYP of S5 */
};

struct piix4pm_wiring {
    struct irq_line sci; /* to IRQ 9 */
    void *ctx;
    void (*smi)(void *ctx);
    /* SUS_EN was written; SUS_TYP 0 is soft off, 1 suspend to RAM. Called inside the OUT: the receiver only takes note.
     * May be NULL. */
    void (*sleep)(void *ctx, unsigned sus_typ);
};

struct piix4pm {
    struct pci_func pci;
    struct bus *bus;
    struct piix4pm_wiring wiring;
    u8 pmio[64]; /* registers at PMBA; PMTMR and PMSTS bit 0 are computed */
    u8 smb[16];  /* registers at SMBBA */
    u8 gpe[PIIX4PM_GPE_LEN];
    u8 apmc, apms;
    u64 tmr_halves;        /* half periods of the PM timer up to which TMROF_STS is brought up to date */
    struct timer timer;    /* next change of the PM timer's top bit, while somebody wants to know */
    u16 pm_base, smb_base; /* derived: where the blocks are mapped, 0 if not */
    int pm_handle, smb_handle;
};

extern const struct device_ops piix4pm_ops;

/* Plugs the function in as 00:01.3, takes ports B2h/B3h and AFE0h-AFE3h and resets itself. */
void piix4pm_init(struct piix4pm *p, struct pci_bus *pci, const struct piix4pm_wiring *wiring);

/* Somebody pressed the power button. True if the guest has it enabled and will be told; else the caller should switch
 * off. */
bool piix4pm_power_button(struct piix4pm *p);

/* Where firmware has put the PM I/O block (PMBA), or 0: the ACPI tables must name it. */
u16 piix4pm_base(const struct piix4pm *p);

#endif
