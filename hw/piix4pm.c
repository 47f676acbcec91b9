/* piix4pm.c - see piix4pm.h. */
#include "hw/piix4pm.h"

#include <errno.h>

/* Configuration registers */
enum {
    PCISTS = 0x06,
    SUBSYS = 0x2C,
    INT_PIN = 0x3D,
    PMBA = 0x40,
    CNTA = 0x44,
    DEVACTB3 = 0x5B, /* bits 31-24 of DEVACTB */
    DEVRESJ_END = 0x7F,
    PMREGMISC = 0x80,
    SMBBA = 0x90,
    SMBHSTCFG = 0xD2,
    SMBREV = 0xD6,
};

enum { PMIOSE = 0x01, APMC_EN = 0x02, SMB_HST_EN = 0x01 };

/* Offsets from PMBA */
enum {
    PMSTS = 0x00,
    PMEN = 0x02,
    PMCNTRL = 0x04,
    PMTMR = 0x08,
    GPSTS = 0x0C,
    GPEN = 0x0E,
    GLBSTS = 0x18,
    GLBCTL = 0x28,
    GPOREG = 0x34,
};

enum { TMROF = 0x01, PWRBTN = 0x01 /* of the high byte */, SCI_EN = 0x01, APM_STS = 0x20 };
enum { SUS_EN = 0x20, SUS_TYP_SHIFT = 2, SUS_TYP_MASK = 7 }; /* of PMCNTRL's high byte */

/* Offsets from SMBBA */
enum { SMBHSTSTS = 0, SMBHSTCNT = 2, SMBBLKDAT = 7 };
enum { SMB_DEV_ERR = 0x04, SMB_STATUS_W1C = 0x1E, SMB_INTEREN = 0x01, SMB_START = 0x40, SMB_INTR_IRQ9 = 0x08 };

enum { TIMER_TOP_BIT = 23, TIMER_BITS = 24, PM_SIZE = 64, SMB_SIZE = 16 };

/* What a guest may write in each PM I/O byte: plain bits, and bits that writing 1 clears. Others read only. */
static const u8 pm_writable[PM_SIZE] = {
    [PMEN] = 0x21,   [PMEN + 1] = 0x05, [PMCNTRL] = 0x03, [PMCNTRL + 1] = 0x1C, [GPEN] = 0x01, [GPEN + 1] = 0x0F,
    [0x10] = 0xFF,   [0x11] = 0x3F,     [0x12] = 0xFF,    [0x13] = 0xFF,        [0x20] = 0xFF, [0x21] = 0xFF,
    [GLBCTL] = 0xFF, [0x29] = 0xFF,     [0x2A] = 0xFF,    [0x2B] = 0xFF,        [0x2C] = 0xFF, [0x2D] = 0xFF,
    [0x2E] = 0xFF,   [0x2F] = 0xFF,     [GPOREG] = 0xFF,  [0x35] = 0xFF,        [0x36] = 0xFF, [0x37] = 0x7F,
};
static const u8 pm_w1c[PM_SIZE] = {
    [PMSTS] = 0x21,      [PMSTS + 1] = 0x85, [GPSTS] = 0x01, [GPSTS + 1] = 0x0F, [GLBSTS] = 0xFF,
    [GLBSTS + 1] = 0x0F, [0x1C] = 0xFF,      [0x1D] = 0xFF,  [0x1E] = 0xFF,      [0x1F] = 0xFF,
};

static u64 timer_ticks(const struct piix4pm *p)
{
    return ns_to_ticks(clock_now(p->bus->clock), PIIX4PM_TIMER_HZ);
}

/* TMROF_STS is set whenever the timer's top bit has changed, in either direction. */
static void catch_up(struct piix4pm *p)
{
    u64 halves = timer_ticks(p) >> TIMER_TOP_BIT;
    if (halves != p->tmr_halves) {
        p->tmr_halves = halves;
        p->pmio[PMSTS] |= TMROF;
    }
}

static bool smb_interrupt(const struct piix4pm *p)
{
    return (p->smb[SMBHSTCNT] & SMB_INTEREN) && (p->smb[SMBHSTSTS] & SMB_STATUS_W1C) &&
           (p->pci.config[SMBHSTCFG] & 0x0E) == SMB_INTR_IRQ9;
}

/* Drives the SCI, and arms the timer only if its next overflow would raise it. */
static void update(struct piix4pm *p)
{
    catch_up(p);
    const u8 *r = p->pmio;
    bool sci_en = r[PMCNTRL] & SCI_EN;
    u16 events = ld16(r + PMSTS) & ld16(r + PMEN);
    u16 gp = (ld16(r + GPSTS) & ld16(r + GPEN)) | (ld16(p->gpe) & ld16(p->gpe + 2));
    irq_set(&p->wiring.sci, (sci_en && (events || gp)) || smb_interrupt(p));
    if (sci_en && (r[PMEN] & TMROF) && !(r[PMSTS] & TMROF))
        timer_arm(&p->timer, ticks_to_ns((p->tmr_halves + 1) << TIMER_TOP_BIT, PIIX4PM_TIMER_HZ));
    else
        timer_cancel(&p->timer);
}

static void timer_fired(void *ctx, u64 now)
{
    update(ctx);
}

static u8 pm_read_byte(const struct piix4pm *p, unsigned offset)
{
    if (offset - PMTMR < 4)
        return (u8)((timer_ticks(p) & (BIT(TIMER_BITS) - 1)) >> (offset - PMTMR) * 8);
    return p->pmio[offset];
}

static u32 pm_in(void *ctx, u16 port, unsigned size)
{
    struct piix4pm *p = ctx;
    unsigned offset = port & (PM_SIZE - 1);
    u32 value = 0;
    if (offset == PMTMR && size == 4)
        return (u32)(timer_ticks(p) & (BIT(TIMER_BITS) - 1));
    catch_up(p);
    for (unsigned i = 0; i < size; i++)
        value |= (u32)pm_read_byte(p, (offset + i) & (PM_SIZE - 1)) << i * 8;
    return value;
}

static void pm_write_byte(struct piix4pm *p, unsigned offset, u8 v)
{
    u8 *r = &p->pmio[offset];
    *r = (u8)((*r & ~pm_writable[offset]) | (v & pm_writable[offset]));
    *r &= (u8) ~(v & pm_w1c[offset]);
    if (offset == PMCNTRL + 1 && (v & SUS_EN) && p->wiring.sleep)
        p->wiring.sleep(p->wiring.ctx, v >> SUS_TYP_SHIFT & SUS_TYP_MASK);
}

static void pm_out(void *ctx, u16 port, u32 value, unsigned size)
{
    struct piix4pm *p = ctx;
    catch_up(p);
    for (unsigned i = 0; i < size; i++)
        pm_write_byte(p, (port + i) & (PM_SIZE - 1), (u8)(value >> i * 8));
    update(p);
}

static u32 gpe_in(void *ctx, u16 port, unsigned size)
{
    const struct piix4pm *p = ctx;
    return p->gpe[port & 3];
}

static void gpe_out(void *ctx, u16 port, u32 value, unsigned size)
{
    struct piix4pm *p = ctx;
    unsigned i = port & 3;
    if (i < 2)
        p->gpe[i] &= (u8)~value;
    else
        p->gpe[i] = (u8)value;
    update(p);
}

static u32 apm_in(void *ctx, u16 port, unsigned size)
{
    const struct piix4pm *p = ctx;
    return port & 1 ? p->apms : p->apmc;
}

static void apm_out(void *ctx, u16 port, u32 value, unsigned size)
{
    struct piix4pm *p = ctx;
    if (port & 1) {
        p->apms = (u8)value;
        return;
    }
    p->apmc = (u8)value;
    if (p->apmc == PIIX4PM_ACPI_ENABLE)
        p->pmio[PMCNTRL] |= SCI_EN;
    else if (p->apmc == PIIX4PM_ACPI_DISABLE)
        p->pmio[PMCNTRL] &= (u8)~SCI_EN;
    update(p);
    if (!(p->pci.config[DEVACTB3] & APMC_EN))
        return;
    p->pmio[GLBSTS] |= APM_STS;
    /* The data sheet wants GLBCTL.SMI_EN as well, but the Bochs BIOS never sets it and waits for its SMI for ever. */
    if (p->wiring.smi)
        p->wiring.smi(p->wiring.ctx);
}

static u32 smb_in(void *ctx, u16 port, unsigned size)
{
    const struct piix4pm *p = ctx;
    return p->smb[port & (SMB_SIZE - 1)];
}

/* With nobody on the bus a transfer is over before the guest can look: no acknowledge, which is a device error. */
static void smb_out(void *ctx, u16 port, u32 value, unsigned size)
{
    struct piix4pm *p = ctx;
    unsigned i = port & (SMB_SIZE - 1);
    switch (i) {
    case SMBHSTSTS:
        p->smb[i] &= (u8) ~(value & SMB_STATUS_W1C);
        break;
    case SMBHSTCNT:
        p->smb[i] = value & 0x1D; /* START and KILL read as zero */
        if (value & SMB_START)
            p->smb[SMBHSTSTS] |= SMB_DEV_ERR;
        break;
    case 1: /* slave status: nothing ever happened */
        break;
    default:
        p->smb[i] = (u8)value;
        break;
    }
    update(p);
}

static const struct io_ops pm_io = {pm_in, pm_out, 1 | 2 | 4};
static const struct io_ops gpe_io = {gpe_in, gpe_out, 1};
static const struct io_ops apm_io = {apm_in, apm_out, 1};
static const struct io_ops smb_io = {smb_in, smb_out, 1};

static void remap(struct piix4pm *p, u16 wanted, u16 *now, int *handle, unsigned size, const struct io_ops *ops,
                  const char *name)
{
    struct bus *bus = p->bus;
    if (wanted == *now)
        return;
    if (*now)
        bus->io_unmap(bus->ctx, *handle);
    *now = wanted;
    if (wanted)
        *handle = bus->io_map(bus->ctx, wanted, size, ops, p, name);
}

static void remap_both(struct piix4pm *p)
{
    const u8 *c = p->pci.config;
    u16 pm = c[PMREGMISC] & PMIOSE ? ld16(c + PMBA) & 0xFFC0 : 0;
    u16 smb = c[SMBHSTCFG] & SMB_HST_EN ? ld16(c + SMBBA) & 0xFFF0 : 0;
    remap(p, pm, &p->pm_base, &p->pm_handle, PM_SIZE, &pm_io, "ACPI PM block");
    remap(p, smb, &p->smb_base, &p->smb_handle, SMB_SIZE, &smb_io, "SMBus host controller");
}

static void config_written(void *ctx, unsigned offset, unsigned size)
{
    struct piix4pm *p = ctx;
    remap_both(p);
    update(p);
}

bool piix4pm_power_button(struct piix4pm *p)
{
    p->pmio[PMSTS + 1] |= PWRBTN;
    update(p);
    return (p->pmio[PMCNTRL] & SCI_EN) && (p->pmio[PMEN + 1] & PWRBTN);
}

u16 piix4pm_base(const struct piix4pm *p)
{
    return p->pm_base;
}

static void piix4pm_reset(void *self)
{
    struct piix4pm *p = self;
    u8 *c = p->pci.config;
    pci_func_reset(&p->pci);
    pci_set16(c + PCISTS, 0x0280);
    memset(c + PMBA, 0, 0x100 - PMBA);
    c[PMBA] = 0x01; /* both bases say that they are I/O */
    c[SMBBA] = 0x01;
    remap_both(p);
    memset(p->pmio, 0, sizeof p->pmio);
    pci_set32(p->pmio + GPOREG, 0x7FFFBFFF);
    memset(p->smb, 0, sizeof p->smb);
    memset(p->gpe, 0, sizeof p->gpe);
    p->apmc = p->apms = 0;
    p->tmr_halves = timer_ticks(p) >> TIMER_TOP_BIT;
    update(p);
}

static int piix4pm_loaded(void *self)
{
    struct piix4pm *p = self;
    int err = pci_func_restored(&p->pci);
    for (unsigned i = 0; i < PM_SIZE; i++)
        p->pmio[i] &= pm_writable[i] | pm_w1c[i];
    p->smb[SMBHSTSTS] &= SMB_STATUS_W1C;
    remap_both(p);
    update(p);
    return err;
}

static const struct field piix4pm_fields[] = {
    FIELD_SUB(struct piix4pm, pci, pci_func_fields),
    FIELD_BLOB(struct piix4pm, pmio),
    FIELD_BLOB(struct piix4pm, smb),
    FIELD_BLOB(struct piix4pm, gpe),
    FIELD(struct piix4pm, apmc),
    FIELD(struct piix4pm, apms),
    FIELD(struct piix4pm, tmr_halves),
    FIELD_TIMEOUT(struct piix4pm, timer),
    FIELD_END,
};

/* What a save state holds depends on nothing but the guest: an overflow that nobody has looked at yet counts. */
static void piix4pm_saving(void *self)
{
    catch_up(self);
}

const struct device_ops piix4pm_ops = {
    .name = "piix4pm",
    .state_version = 1,
    .state = piix4pm_fields,
    .reset = piix4pm_reset,
    .saving = piix4pm_saving,
    .loaded = piix4pm_loaded,
};

void piix4pm_init(struct piix4pm *p, struct pci_bus *pci, const struct piix4pm_wiring *wiring)
{
    struct bus *bus = pci->bus;
    *p = (struct piix4pm){.bus = bus, .wiring = *wiring};
    pci_func_init(&p->pci, pci, 1 << 3 | 3, "piix4pm", p, 0x8086, 0x7113, 0x068000, 0x03);
    pci_set16(p->pci.config + SUBSYS, 0x1AF4);
    pci_set16(p->pci.config + SUBSYS + 2, 0x1100);
    p->pci.config[INT_PIN] = 1; /* INTA#, but the SCI goes to IRQ 9 and through no steering register */
    u8 *w = p->pci.writable;
    w[PMBA] = 0xC0;
    w[PMBA + 1] = 0xFF;
    memset(w + CNTA, 0xFF, DEVRESJ_END - CNTA + 1);
    w[PMREGMISC] = PMIOSE;
    w[SMBBA] = 0xF0;
    w[SMBBA + 1] = 0xFF;
    memset(w + SMBHSTCFG, 0xFF, SMBREV - SMBHSTCFG);
    p->pci.written = config_written;
    timer_init(bus->clock, &p->timer, "pm timer", timer_fired, p);
    bus->io_map(bus->ctx, PIIX4PM_SMI_CMD, 2, &apm_io, p, "APM control");
    bus->io_map(bus->ctx, PIIX4PM_GPE_BASE, PIIX4PM_GPE_LEN, &gpe_io, p, "ACPI GPE block");
    piix4pm_reset(p);
}
