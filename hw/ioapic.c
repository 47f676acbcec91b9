/* ioapic.c - see ioapic.h. */
#include "hw/ioapic.h"

enum { IOREGSEL = 0x00, IOWIN = 0x10, MMIO_SIZE = 0x1000 };
enum { REG_ID = 0, REG_VERSION = 1, REG_ARBITRATION = 2, REG_TABLE = 0x10 };
enum { VERSION = 0x11 | (IOAPIC_PINS - 1) << 16 };
enum { MODE_LOWEST = 1 };

/* Bits of a redirection entry */
#define LOGICAL BIT64(11)
#define REMOTE_IRR BIT64(14)
#define LEVEL BIT64(15)
#define MASKED BIT64(16)
#define WRITABLE 0xFF0000000001AFFFull

static bool deliver(struct ioapic *io, u64 entry)
{
    const struct ioapic_wiring *w = &io->wiring;
    u8 mode = entry >> 8 & 7;
    bool level = (entry & LEVEL) && mode <= MODE_LOWEST; /* the other modes are edges whatever the bit says */
    return w->deliver && w->deliver(w->ctx, (u8)(entry >> 56), entry & LOGICAL, mode, (u8)entry, level);
}

/* A level-triggered pin sends once, and again after its EOI if it is still asserted. */
static void service_level(struct ioapic *io, unsigned pin)
{
    u64 *entry = &io->redirection[pin];
    if (!(*entry & LEVEL) || (*entry & (MASKED | REMOTE_IRR)) || !(io->pins & BIT(pin)))
        return;
    *entry |= REMOTE_IRR;
    if (!deliver(io, *entry) || (*entry >> 8 & 7) > MODE_LOWEST)
        *entry &= ~REMOTE_IRR; /* there will be no EOI */
}

/* An edge on a masked pin is lost. */
static void set_pin(void *ctx, unsigned pin, bool level)
{
    struct ioapic *io = ctx;
    bool rising = level && !(io->pins & BIT(pin));
    io->pins = level ? io->pins | BIT(pin) : io->pins & ~BIT(pin);
    if (!rising)
        return;
    u64 entry = io->redirection[pin];
    if (entry & LEVEL)
        service_level(io, pin);
    else if (!(entry & MASKED))
        deliver(io, entry);
}

struct irq_line ioapic_pin(struct ioapic *io, unsigned pin)
{
    assert(pin < IOAPIC_PINS);
    return (struct irq_line){set_pin, io, pin};
}

void ioapic_eoi(struct ioapic *io, u8 vector)
{
    for (unsigned pin = 0; pin < IOAPIC_PINS; pin++) {
        u64 *entry = &io->redirection[pin];
        if ((u8)*entry != vector || !(*entry & LEVEL) || !(*entry & REMOTE_IRR))
            continue;
        *entry &= ~REMOTE_IRR;
        service_level(io, pin);
    }
}

static u32 read_window(const struct ioapic *io)
{
    switch (io->select) {
    case REG_ID:
    case REG_ARBITRATION:
        return (u32)io->id << 24;
    case REG_VERSION:
        return VERSION;
    }
    unsigned pin = (io->select - REG_TABLE) / 2u;
    if (io->select < REG_TABLE || pin >= IOAPIC_PINS)
        return 0;
    return (u32)(io->redirection[pin] >> (io->select & 1) * 32);
}

static void write_window(struct ioapic *io, u32 value)
{
    if (io->select == REG_ID) {
        io->id = value >> 24 & 0x0F;
        return;
    }
    unsigned pin = (io->select - REG_TABLE) / 2u;
    if (io->select < REG_TABLE || pin >= IOAPIC_PINS)
        return;
    unsigned shift = (io->select & 1) * 32;
    u64 writable = WRITABLE & (u64)0xFFFFFFFF << shift;
    u64 *entry = &io->redirection[pin];
    *entry = (*entry & ~writable) | ((u64)value << shift & writable);
    if (!(*entry & LEVEL)) /* the known way to lose a stuck Remote IRR: make it an edge for a moment */
        *entry &= ~REMOTE_IRR;
    service_level(io, pin);
}

static u64 mmio_read(void *ctx, u64 offset, unsigned size)
{
    const struct ioapic *io = ctx;
    unsigned reg = offset & 0xFC, shift = (offset & 3) * 8;
    if (reg == IOREGSEL)
        return (u32)io->select >> shift;
    return reg == IOWIN ? read_window(io) >> shift : 0;
}

static void mmio_write(void *ctx, u64 offset, u64 value, unsigned size)
{
    struct ioapic *io = ctx;
    unsigned reg = offset & 0xFF;
    if (reg == IOREGSEL)
        io->select = (u8)value;
    else if (reg == IOWIN && size == 4)
        write_window(io, (u32)value);
}

static const struct mmio_ops ioapic_mmio = {mmio_read, mmio_write, 1 | 2 | 4};

/* Pins are other devices' outputs: they stay as they are. */
static void ioapic_reset(void *self)
{
    struct ioapic *io = self;
    io->select = io->id = 0;
    for (unsigned pin = 0; pin < IOAPIC_PINS; pin++)
        io->redirection[pin] = MASKED;
}

static int ioapic_loaded(void *self)
{
    struct ioapic *io = self;
    io->pins &= BIT(IOAPIC_PINS) - 1;
    io->id &= 0x0F;
    for (unsigned pin = 0; pin < IOAPIC_PINS; pin++)
        io->redirection[pin] &= WRITABLE | REMOTE_IRR;
    return 0;
}

static const struct field ioapic_fields[] = {
    FIELD_ARRAY(struct ioapic, redirection),
    FIELD(struct ioapic, pins),
    FIELD(struct ioapic, select),
    FIELD(struct ioapic, id),
    FIELD_END,
};

const struct device_ops ioapic_ops = {
    .name = "ioapic",
    .state_version = 1,
    .state = ioapic_fields,
    .reset = ioapic_reset,
    .loaded = ioapic_loaded,
};

void ioapic_init(struct ioapic *io, struct bus *bus, const struct ioapic_wiring *wiring)
{
    *io = (struct ioapic){.wiring = *wiring};
    ioapic_reset(io);
    bus->mmio_map(bus->ctx, IOAPIC_BASE, MMIO_SIZE, &ioapic_mmio, io, "I/O APIC");
}
