/* i440fx.c - see i440fx.h. */
#include "hw/i440fx.h"

enum {
    PCICMD = 0x04,
    PCISTS = 0x06,
    SUBSYS = 0x2C,
    PMCCFG = 0x50,
    DRAMC = 0x57,
    DRAMT = 0x58,
    PAM0 = 0x59,
    PAM6 = 0x5F,
    DRB0 = 0x60,
    FDHC = 0x68,
    SMRAM = 0x72,
    ERRCMD = 0x90,
    ERRSTS = 0x91,
    TRC = 0x93,
};

enum { DOPEN = 0x40, DCLS = 0x20, DLCK = 0x10, GSMRAME = 0x08, C_BASE_SEG = 0x02 };
enum { TRC_RCPU = 0x04, TRC_HARD = 0x02 };
enum { CONFADD_PORT = 0xCF8, CONFDATA_PORT = 0xCFC };

#define CONFADD_ENABLE 0x80000000u
#define CONFADD_BITS 0x80FFFFFCu

/* Segment 0 is the 64 KB BIOS area (high nibble of 59h), then come twelve of 16 KB from C0000h, low nibble first. */
static u8 pam_bits(const struct i440fx *fx, unsigned i)
{
    unsigned nibble = i + 1;
    return fx->pci.config[PAM0 + nibble / 2] >> (nibble & 1) * 4 & 3;
}

static void report(struct i440fx *fx)
{
    const struct i440fx_wiring *w = &fx->wiring;
    for (unsigned i = 0; i < I440FX_PAM_SEGMENTS; i++) {
        u8 bits = pam_bits(fx, i);
        if (fx->reported && fx->pam[i] == bits)
            continue;
        fx->pam[i] = bits;
        if (w->pam)
            w->pam(w->ctx, i ? 0xC0000 + (i - 1) * 0x4000 : 0xF0000, i ? 0x4000 : 0x10000, bits & 1, bits & 2);
    }
    u8 smram = fx->pci.config[SMRAM];
    if (!fx->reported || fx->smram != smram) {
        fx->smram = smram;
        if (w->smram)
            w->smram(w->ctx, (smram & DOPEN) && (smram & GSMRAME), smram & DCLS, smram & GSMRAME);
    }
    fx->reported = true;
}

/* Once locked, SMRAM cannot be opened, and only a hard reset unlocks it. */
static void apply_lock(struct i440fx *fx)
{
    bool locked = fx->pci.config[SMRAM] & DLCK;
    if (locked)
        fx->pci.config[SMRAM] &= (u8)~DOPEN;
    fx->pci.writable[SMRAM] = locked ? DCLS | GSMRAME : DOPEN | DCLS | DLCK | GSMRAME;
}

static bool touches(unsigned offset, unsigned size, unsigned first, unsigned last)
{
    return offset <= last && offset + size > first;
}

static void config_written(void *ctx, unsigned offset, unsigned size)
{
    struct i440fx *fx = ctx;
    if (touches(offset, size, SMRAM, SMRAM))
        apply_lock(fx);
    if (touches(offset, size, PAM0, PAM6) || touches(offset, size, SMRAM, SMRAM))
        report(fx);
    if (touches(offset, size, TRC, TRC) && (fx->pci.config[TRC] & TRC_RCPU)) {
        bool hard = fx->pci.config[TRC] & TRC_HARD;
        fx->pci.config[TRC] &= (u8)~TRC_RCPU;
        if (fx->wiring.reset)
            fx->wiring.reset(fx->wiring.ctx, hard);
    }
}

/* CONFADD answers dword cycles only; anything narrower passes on to the PCI bus, where nobody listens but the PIIX3 at
 * CF9h. */
static u32 confadd_in(void *ctx, u16 port, unsigned size)
{
    const struct i440fx *fx = ctx;
    return size == 4 ? fx->confadd : ~0u;
}

static void confadd_out(void *ctx, u16 port, u32 value, unsigned size)
{
    struct i440fx *fx = ctx;
    if (size == 4)
        fx->confadd = value & CONFADD_BITS;
}

/* Only bus 0 exists: cycles to others end in a master abort. */
static bool selects_bus0(const struct i440fx *fx)
{
    return (fx->confadd & CONFADD_ENABLE) && (fx->confadd >> 16 & 0xFF) == 0;
}

static u32 confdata_in(void *ctx, u16 port, unsigned size)
{
    struct i440fx *fx = ctx;
    unsigned lane = port & 3;
    if (!selects_bus0(fx) || lane + size > 4)
        return ~0u;
    return pci_config_read(fx->pci.pci, fx->confadd >> 8 & 0xFF, (fx->confadd & 0xFC) + lane, size);
}

static void confdata_out(void *ctx, u16 port, u32 value, unsigned size)
{
    struct i440fx *fx = ctx;
    unsigned lane = port & 3;
    if (selects_bus0(fx) && lane + size <= 4)
        pci_config_write(fx->pci.pci, fx->confadd >> 8 & 0xFF, (fx->confadd & 0xFC) + lane, value, size);
}

static const struct io_ops confadd_io = {confadd_in, confadd_out, 1 | 2 | 4};
static const struct io_ops confdata_io = {confdata_in, confdata_out, 1 | 2 | 4};

static void set_writable(struct pci_func *f)
{
    static const struct {
        u8 first, last, mask;
    } rows[] = {
        {PCICMD, PCICMD, 0x40},     {PCICMD + 1, PCICMD + 1, 0x01},
        {PMCCFG, PMCCFG + 1, 0xFF}, {DRAMC, DRAMT, 0xFF},
        {PAM0, PAM0, 0xF0},         {PAM0 + 1, PAM6, 0xFF},
        {DRB0, DRB0 + 7, 0xFF},     {FDHC, FDHC, 0xFF},
        {ERRCMD, ERRCMD, 0xFF},     {TRC, TRC, 0x07},
    };
    for (unsigned i = 0; i < ARRAY_LEN(rows); i++)
        memset(&f->writable[rows[i].first], rows[i].mask, rows[i].last - rows[i].first + 1u);
    f->w1c[ERRSTS] = 0x11;
}

static void i440fx_reset(void *self)
{
    struct i440fx *fx = self;
    u8 *config = fx->pci.config;
    pci_func_reset(&fx->pci);
    fx->confadd = 0;
    pci_set16(config + PCICMD, 0x0006);
    pci_set16(config + PCISTS, 0x0280);
    memset(config + PMCCFG, 0, 0x100 - PMCCFG);
    config[DRAMC] = 0x01;
    config[DRAMT] = 0x10;
    memset(config + DRB0, 0x01, 8);
    config[SMRAM] = C_BASE_SEG;
    apply_lock(fx);
    fx->reported = false;
    report(fx);
}

static int i440fx_loaded(void *self)
{
    struct i440fx *fx = self;
    fx->confadd &= CONFADD_BITS;
    int err = pci_func_restored(&fx->pci);
    apply_lock(fx);
    fx->reported = false;
    report(fx);
    return err;
}

static const struct field i440fx_fields[] = {
    FIELD_SUB(struct i440fx, pci, pci_func_fields),
    FIELD(struct i440fx, confadd),
    FIELD_END,
};

const struct device_ops i440fx_ops = {
    .name = "i440fx",
    .state_version = 1,
    .state = i440fx_fields,
    .reset = i440fx_reset,
    .loaded = i440fx_loaded,
};

void i440fx_init(struct i440fx *fx, struct pci_bus *pci, const struct i440fx_wiring *wiring)
{
    *fx = (struct i440fx){.wiring = *wiring};
    pci_func_init(&fx->pci, pci, 0, "i440fx", fx, 0x8086, 0x1237, 0x060000, 0x02);
    pci_set16(fx->pci.config + SUBSYS, 0x1AF4);
    pci_set16(fx->pci.config + SUBSYS + 2, 0x1100);
    memset(fx->pci.writable, 0, sizeof fx->pci.writable); /* no BARs, no interrupt, no latency timer */
    set_writable(&fx->pci);
    fx->pci.written = config_written;
    struct bus *bus = pci->bus;
    bus->io_map(bus->ctx, CONFADD_PORT, 4, &confadd_io, fx, "PCI configuration address");
    bus->io_map(bus->ctx, CONFDATA_PORT, 4, &confdata_io, fx, "PCI configuration data");
    i440fx_reset(fx);
}
