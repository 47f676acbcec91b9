/*
 * vga.c - the display adapter as a PCI function: construction, reset, BARs, save and restore.
 */
#include "hw/vga_int.h"

#include <errno.h>

enum {
    VENDOR_ID = 0x1234,
    DEVICE_ID = 0x1111,
    CLASS_VGA = 0x030000,
    REVISION = 2,
};

static const struct field vga_fields[] = {
    FIELD_SUB(struct vga, pci, pci_func_fields),
    FIELD_SUB(struct vga, vbe, vbe_fields),
    FIELD(struct vga, misc),
    FIELD(struct vga, feature),
    FIELD(struct vga, enable),
    FIELD(struct vga, sr_index),
    FIELD_BLOB(struct vga, sr),
    FIELD(struct vga, cr_index),
    FIELD_BLOB(struct vga, cr),
    FIELD(struct vga, gr_index),
    FIELD_BLOB(struct vga, gr),
    FIELD(struct vga, ar_index),
    FIELD(struct vga, ar_data),
    FIELD_BLOB(struct vga, ar),
    FIELD(struct vga, dac_read),
    FIELD(struct vga, dac_write),
    FIELD(struct vga, dac_sub),
    FIELD(struct vga, dac_reading),
    FIELD_BLOB(struct vga, dac_hold),
    FIELD(struct vga, pel_mask),
    FIELD_BLOB(struct vga, dac),
    FIELD(struct vga, latch),
    FIELD(struct vga, start),
    FIELD(struct vga, start_when),
    FIELD(struct vga, vint_since),
    FIELD_END,
};

/* --- BARs --- */

static void remap(struct vga *v, int *handle, u64 base, u64 size, int block, enum ram_access access)
{
    if (*handle)
        v->bus->ram_unmap(v->bus->ctx, *handle);
    *handle = 0;
    if (base != PCI_BAR_UNMAPPED) {
        int h = v->bus->ram_map(v->bus->ctx, base, size, block, 0, access);

        *handle = h > 0 ? h : 0;
    }
}

static void lfb_moved(void *ctx, u64 base)
{
    struct vga *v = ctx;

    remap(v, &v->lfb_map, base, VGA_VRAM_SIZE, v->vram_block, RAM_RW);
}

static void rom_moved(void *ctx, u64 base)
{
    struct vga *v = ctx;

    remap(v, &v->rom_map, base, VGA_ROM_SIZE, v->rom_block, RAM_READ);
}

/* --- life --- */

static void vga_reset(void *self)
{
    struct vga *v = self;

    if (v->pci.pci)
        pci_func_reset(&v->pci);
    vbe_reset(&v->vbe);
    v->misc = v->feature = 0;
    v->enable = 1;
    v->sr_index = v->cr_index = v->gr_index = v->ar_index = v->ar_data = 0;
    memset(v->sr, 0, sizeof v->sr);
    memset(v->cr, 0, sizeof v->cr);
    memset(v->gr, 0, sizeof v->gr);
    memset(v->ar, 0, sizeof v->ar);
    memset(v->dac, 0, sizeof v->dac);
    memset(v->dac_hold, 0, sizeof v->dac_hold);
    v->dac_read = v->dac_write = v->dac_sub = v->dac_reading = 0;
    v->pel_mask = 0xFF;
    v->latch = 0;
    v->start = 0;
    v->start_when = CLOCK_NEVER;
    v->vint_since = 0;
    v->timing.valid = false;
    v->redraw = true;
    vga_window_update(v);
}

static void plug_pci(struct vga *v, struct pci_bus *pci, unsigned devfn, bool rom)
{
    pci_func_init(&v->pci, pci, devfn, "vga", v, VENDOR_ID, DEVICE_ID, CLASS_VGA, REVISION);
    pci_func_bar(&v->pci, 0, PCI_BAR_MEM, VGA_VRAM_SIZE, true, lfb_moved);
    if (rom)
        pci_func_bar(&v->pci, PCI_ROM_BAR, PCI_BAR_ROM, VGA_ROM_SIZE, false, rom_moved);
}

static void plug_isa(struct vga *v, size_t rom_len)
{
    u64 rom_size = (rom_len + 0xFFF) & ~(u64)0xFFF;
    lfb_moved(v, VGA_ISA_LFB);
    if (rom_size)
        remap(v, &v->rom_map, VGA_ISA_ROM, rom_size, v->rom_block, RAM_READ);
}

int vga_init(struct vga *v, struct bus *bus, struct pci_bus *pci, unsigned devfn, const u8 *rom, size_t rom_len)
{
    if (rom_len > VGA_ROM_SIZE)
        return -EINVAL;
    *v = (struct vga){.bus = bus};
    v->vbe.vram_size = VGA_VRAM_SIZE;
    v->vram_block = bus->ram_alloc(bus->ctx, "vga.vram", VGA_VRAM_SIZE, &v->vram);
    if (v->vram_block < 0)
        return v->vram_block;
    if (rom_len) {
        v->rom_block = bus->ram_alloc(bus->ctx, "vga.rom", VGA_ROM_SIZE, &v->rom);
        if (v->rom_block < 0)
            return v->rom_block;
        memcpy(v->rom, rom, rom_len);
    }
    if (pci)
        plug_pci(v, pci, devfn, rom_len > 0);
    else
        plug_isa(v, rom_len);
    vga_ports_map(v);
    bus->mmio_map(bus->ctx, 0xA0000, 0x20000, &vga_window_ops, v, "vga");
    vga_reset(v);
    return 0;
}

struct display_source vga_display(struct vga *v)
{
    return (struct display_source){.ctx = v, .draw = vga_draw, .text = vga_text};
}

/* Registers come from a file that anybody may have written: indices are brought into range, contents may be anything.
 */
static int vga_loaded(void *self)
{
    struct vga *v = self;

    if (v->dac_sub > 2)
        return -EINVAL;
    v->sr_index &= 7;
    v->cr_index &= 0x3F;
    v->gr_index &= 15;
    v->ar_index &= 0x3F;
    v->ar_data &= 1;
    v->enable &= 1;
    v->start &= 0xFFFF;
    vbe_restored(&v->vbe);
    v->timing.valid = false;
    v->redraw = true;
    vga_window_update(v);
    return v->pci.pci ? pci_func_restored(&v->pci) : 0;
}

static void vga_save_extra(void *self, struct state_buf *b)
{
    struct vga *v = self;

    state_save_raw(b, "vga.vram", v->vram, VGA_VRAM_SIZE);
}

static int vga_load_extra(void *self, const struct state_buf *b)
{
    struct vga *v = self;

    v->redraw = true;
    return state_load_raw(b, "vga.vram", v->vram, VGA_VRAM_SIZE);
}

const struct device_ops vga_ops = {
    .name = "vga",
    .state_version = 1,
    .state = vga_fields,
    .reset = vga_reset,
    .loaded = vga_loaded,
    .save_extra = vga_save_extra,
    .load_extra = vga_load_extra,
};
