/*
 * i440fx.h - Intel 82441FX (PMC), the host bridge at 00:00.0: PCI configuration mechanism #1,
 * BIOS shadowing (PAM) and SMRAM control. Data sheet 290549, sections 3.1 (I/O registers) and 3.2.
 *
 * The bridge only decides what is visible where; hw/pc.c changes the memory map in the callbacks. Ids and subsystem are
 * those of QEMU's "pc" machine, by which firmware and guests know this chipset.
 */
#ifndef OMBRA_HW_I440FX_H
#define OMBRA_HW_I440FX_H

#include "base/device.h"
#include "base/pci.h"

enum { I440FX_PAM_SEGMENTS = 13 };

struct i440fx_wiring {
    void *ctx; /* of pam, smram and reset */
    /* [BASE, BASE+SIZE) of C0000h-FFFFFh: reads and writes go to RAM or to PCI (ROM). Told when it changes, for all
     * segments at reset. */
    void (*pam)(void *ctx, u32 base, u32 size, bool read_ram, bool write_ram);
    /* A0000h-BFFFFh: ENABLED lets SMM see RAM there, OPEN everyone, CLOSED takes data accesses (not fetches) of SMM
     * away again. */
    void (*smram)(void *ctx, bool open, bool closed, bool enabled);
    /* Turbo reset register 93h: a processor INIT, or a hard reset of everything. */
    void (*reset)(void *ctx, bool hard);
};

struct i440fx {
    struct pci_func pci;
    struct i440fx_wiring wiring;
    u32 confadd;                 /* CF8h */
    u8 pam[I440FX_PAM_SEGMENTS]; /* what was last reported */
    u8 smram;
    bool reported; /* false: nothing was reported yet */
};

extern const struct device_ops i440fx_ops;

/* Plugs the bridge into PCI as 00:00.0, takes ports CF8h-CFFh and resets itself. Functions in WIRING may be NULL. Comes
 * before the PIIX3, whose port CF9h lies over the dword register at CF8h. */
void i440fx_init(struct i440fx *fx, struct pci_bus *pci, const struct i440fx_wiring *wiring);

#endif
