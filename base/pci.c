#include "base/pci.h"

#include <errno.h>

enum {
    CFG_VENDOR = 0x00,
    CFG_DEVICE = 0x02,
    CFG_COMMAND = 0x04,
    CFG_STATUS = 0x06,
    CFG_REVISION = 0x08,
    CFG_CLASS = 0x09,
    CFG_CACHE_LINE = 0x0C,
    CFG_LATENCY = 0x0D,
    CFG_BAR0 = 0x10,
    CFG_ROM = 0x30,
    CFG_INT_LINE = 0x3C,
    CFG_INT_PIN = 0x3D,

    COMMAND_IO = 0x0001,
    COMMAND_MEM = 0x0002,
    COMMAND_MASTER = 0x0004,
    COMMAND_PARITY = 0x0040,
    COMMAND_SERR = 0x0100,
    COMMAND_INTX_OFF = 0x0400,

    STATUS_INTX = 0x0008,
    STATUS_W1C = 0xF900,

    BAR_IO = 1,
    BAR_PREFETCH = 8,
    ROM_ENABLE = 1,
};

const struct field pci_func_fields[] = {
    FIELD_BLOB(struct pci_func, config),
    FIELD_END,
};

void pci_bus_init(struct pci_bus *pci, struct bus *bus)
{
    *pci = (struct pci_bus){.bus = bus};
}

void pci_func_init(struct pci_func *f, struct pci_bus *pci, unsigned devfn, const char *name, void *ctx, u16 vendor,
                   u16 device, u32 class_code, u8 revision)
{
    *f = (struct pci_func){.pci = pci, .ctx = ctx, .name = name, .devfn = devfn};

    pci_set16(f->config + CFG_VENDOR, vendor);
    pci_set16(f->config + CFG_DEVICE, device);
    pci_set32(f->config + CFG_REVISION, class_code << 8 | revision);
    pci_set16(f->writable + CFG_COMMAND,
              COMMAND_IO | COMMAND_MEM | COMMAND_MASTER | COMMAND_PARITY | COMMAND_SERR | COMMAND_INTX_OFF);
    pci_set16(f->w1c + CFG_STATUS, STATUS_W1C);
    f->writable[CFG_CACHE_LINE] = 0xFF;
    f->writable[CFG_LATENCY] = 0xFF;
    f->writable[CFG_INT_LINE] = 0xFF;
    for (unsigned i = 0; i < PCI_BARS; i++)
        f->bar[i].mapped = PCI_BAR_UNMAPPED;
    pci->func[devfn & 0xFF] = f;
}

static unsigned bar_offset(unsigned index)
{
    return index == PCI_ROM_BAR ? CFG_ROM : CFG_BAR0 + 4 * index;
}

/* The read-only low bits of a BAR that say what it is. */
static u32 bar_type_bits(const struct pci_bar *bar)
{
    switch (bar->kind) {
    case PCI_BAR_IO:
        return BAR_IO;
    case PCI_BAR_MEM:
        return bar->prefetchable ? BAR_PREFETCH : 0;
    default:
        return 0;
    }
}

static u32 bar_writable(const struct pci_bar *bar)
{
    u32 address = ~(bar->size - 1);
    return bar->kind == PCI_BAR_ROM ? address | ROM_ENABLE : address;
}

void pci_func_bar(struct pci_func *f, unsigned index, enum pci_bar_kind kind, u32 size, bool prefetchable,
                  void (*map)(void *ctx, u64 base))
{
    assert(index < PCI_BARS && size >= 4 && (size & (size - 1)) == 0);
    struct pci_bar *bar = &f->bar[index];

    *bar = (struct pci_bar){
        .kind = kind, .prefetchable = prefetchable, .size = size, .mapped = PCI_BAR_UNMAPPED, .map = map};
    pci_set32(f->config + bar_offset(index), bar_type_bits(bar));
    pci_set32(f->writable + bar_offset(index), bar_writable(bar));
}

/* Where the configuration bytes put a BAR now. Base 0 and a range that ends at or beyond the top (as while a guest
 * writes all ones to size it) count as not decoded. */
static u64 bar_wanted(const struct pci_func *f, unsigned index)
{
    const struct pci_bar *bar = &f->bar[index];
    u32 value = ld32(f->config + bar_offset(index));
    u16 command = ld16(f->config + CFG_COMMAND);
    u64 base = value & ~(bar->size - 1);
    u64 top = bar->kind == PCI_BAR_IO ? 0xFFFF : 0xFFFFFFFF;

    if (bar->kind == PCI_BAR_NONE || !(command & (bar->kind == PCI_BAR_IO ? COMMAND_IO : COMMAND_MEM)))
        return PCI_BAR_UNMAPPED;
    if (bar->kind == PCI_BAR_ROM && !(value & ROM_ENABLE))
        return PCI_BAR_UNMAPPED;
    if (base == 0 || base + bar->size - 1 >= top)
        return PCI_BAR_UNMAPPED;
    return base;
}

static void update_bars(struct pci_func *f)
{
    for (unsigned i = 0; i < PCI_BARS; i++) {
        struct pci_bar *bar = &f->bar[i];
        u64 wanted = bar_wanted(f, i);
        if (wanted == bar->mapped)
            continue;
        bar->mapped = wanted;
        if (f->pci->bus && f->pci->bus->log && log_on(f->pci->bus->log, LOG_PCI)) {
            if (wanted == PCI_BAR_UNMAPPED)
                log_msg(f->pci->bus->log, LOG_PCI, "%s: BAR %u off", f->name, i);
            else
                log_msg(f->pci->bus->log, LOG_PCI, "%s: BAR %u at %08llX, %u bytes", f->name, i,
                        (unsigned long long)wanted, bar->size);
        }
        if (bar->map)
            bar->map(f->ctx, wanted);
    }
}

/* The pin follows the pending bit unless the command register disables it. */
static void drive_intx(struct pci_func *f)
{
    unsigned pin = f->config[CFG_INT_PIN];
    bool level = (f->config[CFG_STATUS] & STATUS_INTX) && !(ld16(f->config + CFG_COMMAND) & COMMAND_INTX_OFF);

    if (pin >= 1 && pin <= 4 && f->pci->intx)
        f->pci->intx(f->pci->intx_ctx, f->devfn, pin - 1, level);
}

void pci_func_intx(struct pci_func *f, bool level)
{
    if (level)
        f->config[CFG_STATUS] |= STATUS_INTX;
    else
        f->config[CFG_STATUS] &= ~STATUS_INTX;
    drive_intx(f);
}

void pci_func_reset(struct pci_func *f)
{
    pci_set16(f->config + CFG_COMMAND, 0);
    f->config[CFG_STATUS + 1] &= ~f->w1c[CFG_STATUS + 1];
    f->config[CFG_CACHE_LINE] = 0;
    f->config[CFG_LATENCY] = 0;
    f->config[CFG_INT_LINE] = 0;
    for (unsigned i = 0; i < PCI_BARS; i++)
        if (f->bar[i].kind != PCI_BAR_NONE)
            pci_set32(f->config + bar_offset(i), bar_type_bits(&f->bar[i]));
    update_bars(f);
    pci_func_intx(f, false);
}

int pci_func_restored(struct pci_func *f)
{
    if (f->config[CFG_INT_PIN] > 4)
        return -EINVAL;
    for (unsigned i = 0; i < PCI_BARS; i++) {
        const struct pci_bar *bar = &f->bar[i];
        u32 fixed = ld32(f->config + bar_offset(i)) & ~bar_writable(bar);
        if (bar->kind != PCI_BAR_NONE && fixed != bar_type_bits(bar))
            return -EINVAL;
    }
    update_bars(f);
    drive_intx(f);
    return 0;
}

static u32 all_ones(unsigned size)
{
    return size >= 4 ? ~0u : BIT(size * 8) - 1;
}

/* The function of a configuration cycle of which bytes [offset, offset+size) lie in one dword, or NULL. */
static struct pci_func *target(struct pci_bus *pci, unsigned devfn, unsigned offset, unsigned size)
{
    if (devfn > 0xFF || offset > 0xFF || (offset & 3) + size > 4)
        return NULL;
    return pci->func[devfn];
}

u32 pci_config_read(struct pci_bus *pci, unsigned devfn, unsigned offset, unsigned size)
{
    const struct pci_func *f = target(pci, devfn, offset, size);
    u32 value = 0;

    if (!f)
        return all_ones(size);
    for (unsigned i = 0; i < size; i++)
        value |= (u32)f->config[offset + i] << (8 * i);
    return value;
}

void pci_config_write(struct pci_bus *pci, unsigned devfn, unsigned offset, u32 value, unsigned size)
{
    struct pci_func *f = target(pci, devfn, offset, size);

    if (!f)
        return;
    for (unsigned i = 0; i < size; i++) {
        unsigned at = offset + i;
        u8 v = value >> (8 * i), rw = f->writable[at];
        f->config[at] = ((f->config[at] & ~rw) | (v & rw)) & ~(v & f->w1c[at]);
    }
    if (offset < CFG_STATUS)
        drive_intx(f);
    update_bars(f);
    if (f->written)
        f->written(f->ctx, offset, size);
}
