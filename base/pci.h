/*
 * pci.h - PCI functions as devices see them. hw/pci_host.c (the 440FX) routes
 * configuration cycles here; this module keeps each function's 256 bytes of
 * configuration space, sizes and moves BARs, and honours the command register.
 *
 * A device fills a struct pci_func with pci_func_init(), declares its BARs and
 * writable bytes, and gets told when a BAR appears, moves or goes.
 */
#ifndef OMBRA_BASE_PCI_H
#define OMBRA_BASE_PCI_H

#include "base/bus.h"
#include "base/state.h"
#include "base/types.h"

enum pci_bar_kind { PCI_BAR_NONE, PCI_BAR_IO, PCI_BAR_MEM, PCI_BAR_ROM };

#define PCI_BAR_UNMAPPED (~(u64)0)

struct pci_func;

struct pci_bar {
    enum pci_bar_kind kind;
    bool prefetchable;
    u32 size;     /* power of two; I/O at least 4, memory at least 16, ROM at least 2048 */
    u64 mapped;   /* where it is now, or PCI_BAR_UNMAPPED */
    /* Told with the new base, or PCI_BAR_UNMAPPED when decoding is off; the device maps and unmaps its ranges here. */
    void (*map)(void *ctx, u64 base);
};

enum { PCI_ROM_BAR = 6, PCI_BARS = 7 };

struct pci_func {
    struct pci_bus *pci;
    void *ctx;      /* of all callbacks: the device */
    const char *name;
    u8 devfn;       /* device << 3 | function */
    u8 config[256];
    u8 writable[256]; /* which bits a guest may write */
    u8 w1c[256];      /* which bits are cleared by writing 1 */
    struct pci_bar bar[PCI_BARS];
    /* Called after a guest write changed bytes [OFFSET, OFFSET+SIZE) of config; may be NULL. */
    void (*written)(void *ctx, unsigned offset, unsigned size);
};

/* Bus 0 with its 256 possible functions. */
struct pci_bus {
    struct bus *bus;
    struct pci_func *func[256];
    /* INTx wiring: the chipset's PIRQ router. PIN 0-3 is INTA#-INTD#. May be NULL in tests. */
    void (*intx)(void *ctx, unsigned devfn, unsigned pin, bool level);
    void *intx_ctx;
};

/* The state fields of a function's configuration (config bytes); a device puts FIELD_SUB(struct x, pci, pci_func_fields) in
 * its table and calls pci_func_restored() in its loaded(). */
extern const struct field pci_func_fields[];

void pci_bus_init(struct pci_bus *pci, struct bus *bus);

/* Fills ids, class and header defaults, and plugs the function into the bus. CLASS is base<<16 | sub<<8 | interface. */
void pci_func_init(struct pci_func *f, struct pci_bus *pci, unsigned devfn, const char *name, void *ctx, u16 vendor,
                   u16 device, u32 class_code, u8 revision);

/* Declares a BAR; INDEX 0-5 or PCI_ROM_BAR. */
void pci_func_bar(struct pci_func *f, unsigned index, enum pci_bar_kind kind, u32 size, bool prefetchable,
                  void (*map)(void *ctx, u64 base));

/* RESET#: command register, BARs and interrupt line cleared, mappings gone; the device resets its own extra registers after. */
void pci_func_reset(struct pci_func *f);

/* After config[] was loaded from a saved state: maps BARs as the bytes say. 0 or -EINVAL. */
int pci_func_restored(struct pci_func *f);

/* Drives the function's interrupt pin as its config byte 3Dh names it; sets status bit 3. */
void pci_func_intx(struct pci_func *f, bool level);

/* Configuration cycles, SIZE 1, 2 or 4, not crossing a dword. Absent functions read all ones. */
u32 pci_config_read(struct pci_bus *pci, unsigned devfn, unsigned offset, unsigned size);
void pci_config_write(struct pci_bus *pci, unsigned devfn, unsigned offset, u32 value, unsigned size);

/* Little helpers for config bytes. */
static inline void pci_set16(u8 *p, u16 v)
{
    st16(p, v);
}

static inline void pci_set32(u8 *p, u32 v)
{
    st32(p, v);
}

#endif
