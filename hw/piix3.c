/* piix3.c - see piix3.h. */
#include "hw/piix3.h"

enum {
    PCICMD = 0x04,
    PCISTS = 0x06,
    HEADER_TYPE = 0x0E,
    SUBSYS = 0x2C,
    IORT = 0x4C,
    XBCS = 0x4E,
    PIRQRCA = 0x60,
    TOM = 0x69,
    MSTAT = 0x6A,
    MBIRQ0 = 0x70,
    MBDMA0 = 0x76,
    PCSC = 0x78,
    APICBASE = 0x80,
    DLC = 0x82,
    SMICNTL = 0xA0,
    FTMR = 0xA8,
};

enum { PIRQ_DISABLED = 0x80, SCI_IRQ = 9 };
enum { RCR_PORT = 0xCF9, RCR_RCPU = 0x04, RCR_SRST = 0x02 };

/* Requests that a steering register can reach: 0, 1, 2, 8 and 13 are taken on the board. */
#define STEERABLE 0xDEF8u

/* Where each slot's pins arrive: rotated by slot so that the first pins of neighbours do not share. */
static unsigned pirq_of(unsigned devfn, unsigned pin)
{
    return ((devfn >> 3) + pin - 1) & 3;
}

static u16 levels(const struct piix3 *p)
{
    u16 level = p->isa_level;
    if (p->sci)
        level |= BIT(SCI_IRQ);
    for (unsigned i = 0; i < 4; i++) {
        u8 route = p->pci.config[PIRQRCA + i];
        u16 mask = (u16)(BIT(route & 15) & STEERABLE);
        if (p->pirq_users[i] && !(route & PIRQ_DISABLED))
            level |= mask;
    }
    return level;
}

static void drive_one(struct piix3 *p, unsigned irq, bool level)
{
    irq_set(&p->wiring.pic[irq], level);
    irq_set(&p->wiring.ioapic[irq], level);
}

static void drive(struct piix3 *p)
{
    u16 level = levels(p);
    u16 changed = level ^ p->driven;
    p->driven = level;
    for (unsigned irq = 0; changed >> irq; irq++)
        if (changed & BIT(irq))
            drive_one(p, irq, level & BIT(irq));
}

static void intx(void *ctx, unsigned devfn, unsigned pin, bool level)
{
    struct piix3 *p = ctx;
    u8 *pins = &p->pins[devfn & 0xFF];
    u8 mask = (u8)BIT(pin & 3);
    if (!!(*pins & mask) == level)
        return;
    *pins ^= mask;
    p->pirq_users[pirq_of(devfn, pin & 3)] += level ? 1 : -1;
    drive(p);
}

static void set_isa(void *ctx, unsigned irq, bool level)
{
    struct piix3 *p = ctx;
    p->isa_level = (u16)((p->isa_level & ~BIT(irq)) | (u32)level << irq);
    drive(p);
}

static void set_sci(void *ctx, unsigned n, bool level)
{
    struct piix3 *p = ctx;
    p->sci = level;
    drive(p);
}

struct irq_line piix3_isa_irq(struct piix3 *p, unsigned irq)
{
    assert(irq < 16);
    return (struct irq_line){set_isa, p, irq};
}

struct irq_line piix3_sci(struct piix3 *p)
{
    return (struct irq_line){set_sci, p, 0};
}

static u32 rcr_in(void *ctx, u16 port, unsigned size)
{
    const struct piix3 *p = ctx;
    return p->rcr;
}

/* The reset starts when RCPU goes from 0 to 1; SRST says which kind. */
static void rcr_out(void *ctx, u16 port, u32 value, unsigned size)
{
    struct piix3 *p = ctx;
    bool start = (value & RCR_RCPU) && !(p->rcr & RCR_RCPU);
    p->rcr = value & (RCR_RCPU | RCR_SRST);
    if (start && p->wiring.reset)
        p->wiring.reset(p->wiring.ctx, value & RCR_SRST);
}

static const struct io_ops rcr_io = {rcr_in, rcr_out, 1};

static void config_written(void *ctx, unsigned offset, unsigned size)
{
    if (offset < PIRQRCA + 4 && offset + size > PIRQRCA)
        drive(ctx);
}

static void count_users(struct piix3 *p)
{
    memset(p->pirq_users, 0, sizeof p->pirq_users);
    for (unsigned devfn = 0; devfn < 256; devfn++)
        for (unsigned pin = 0; pin < 4; pin++)
            if (p->pins[devfn] & BIT(pin))
                p->pirq_users[pirq_of(devfn, pin)]++;
}

static const struct {
    u8 offset, reset, writable;
} registers[] = {
    {IORT, 0x4D, 0x7F},        {XBCS, 0x03, 0xFF},        {XBCS + 1, 0x00, 0x01},    {PIRQRCA, 0x80, 0x8F},
    {PIRQRCA + 1, 0x80, 0x8F}, {PIRQRCA + 2, 0x80, 0x8F}, {PIRQRCA + 3, 0x80, 0x8F}, {TOM, 0x02, 0xFE},
    {MSTAT, 0x00, 0x80},       {MSTAT + 1, 0x00, 0xFF},   {MBIRQ0, 0x80, 0xEF},      {MBIRQ0 + 1, 0x80, 0xEF},
    {MBDMA0, 0x0C, 0x8F},      {MBDMA0 + 1, 0x0C, 0x8F},  {PCSC, 0x02, 0xFF},        {PCSC + 1, 0x00, 0xFF},
    {APICBASE, 0x00, 0x7F},    {DLC, 0x00, 0x0F},         {SMICNTL, 0x08, 0x1F},     {SMICNTL + 2, 0x00, 0xFF},
    {SMICNTL + 3, 0x00, 0xFF}, {SMICNTL + 4, 0x00, 0xFF}, {SMICNTL + 5, 0x00, 0xFF}, {SMICNTL + 6, 0x00, 0xFF},
    {SMICNTL + 7, 0x00, 0xFF}, {FTMR, 0x0F, 0xFF},        {FTMR + 2, 0x00, 0xFF},    {FTMR + 3, 0x00, 0xFF},
    {FTMR + 4, 0x00, 0xFF},    {FTMR + 6, 0x00, 0xFF},
};

static void piix3_reset(void *self)
{
    struct piix3 *p = self;
    pci_func_reset(&p->pci);
    pci_set16(p->pci.config + PCICMD, 0x0007);
    pci_set16(p->pci.config + PCISTS, 0x0200);
    for (unsigned i = 0; i < ARRAY_LEN(registers); i++)
        p->pci.config[registers[i].offset] = registers[i].reset;
    p->rcr = 0;
    drive(p); /* devices lower their own lines when they are reset */
}

/* Lines are driven again rather than compared: the receivers may have been loaded before or after. */
static int piix3_loaded(void *self)
{
    struct piix3 *p = self;
    int err = pci_func_restored(&p->pci);
    for (unsigned i = 0; i < 256; i++)
        p->pins[i] &= 15;
    p->sci = !!p->sci;
    p->rcr &= RCR_RCPU | RCR_SRST;
    count_users(p);
    p->driven = levels(p);
    for (unsigned irq = 0; irq < 16; irq++)
        drive_one(p, irq, p->driven & BIT(irq));
    return err;
}

static const struct field piix3_fields[] = {
    FIELD_SUB(struct piix3, pci, pci_func_fields),
    FIELD_BLOB(struct piix3, pins),
    FIELD(struct piix3, isa_level),
    FIELD(struct piix3, sci),
    FIELD(struct piix3, rcr),
    FIELD_END,
};

const struct device_ops piix3_ops = {
    .name = "piix3",
    .state_version = 1,
    .state = piix3_fields,
    .reset = piix3_reset,
    .loaded = piix3_loaded,
};

void piix3_init(struct piix3 *p, struct pci_bus *pci, const struct piix3_wiring *wiring)
{
    *p = (struct piix3){.wiring = *wiring};
    pci_func_init(&p->pci, pci, 1 << 3, "piix3", p, 0x8086, 0x7000, 0x060100, 0x00);
    p->pci.config[HEADER_TYPE] = 0x80; /* IDE, USB and power management are further functions */
    pci_set16(p->pci.config + SUBSYS, 0x1AF4);
    pci_set16(p->pci.config + SUBSYS + 2, 0x1100);
    memset(p->pci.writable, 0, sizeof p->pci.writable);
    p->pci.writable[PCICMD] = 0x08;
    for (unsigned i = 0; i < ARRAY_LEN(registers); i++)
        p->pci.writable[registers[i].offset] = registers[i].writable;
    p->pci.written = config_written;
    pci->intx = intx;
    pci->intx_ctx = p;
    pci->bus->io_map(pci->bus->ctx, RCR_PORT, 1, &rcr_io, p, "reset control");
    piix3_reset(p);
}
