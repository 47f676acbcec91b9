/*
 * vga_regs.c - the ports of the display adapter: external registers, sequencer, CRT controller, graphics and
 * attribute controller, DAC, and the index/data pair of the VBE registers.
 */
#include "hw/vga_int.h"

/* Bits that exist; the others read 0. */
static const u8 sr_mask[8] = {0x03, 0x3D, 0x0F, 0x3F, 0x0E, 0x00, 0x00, 0xFF};
static const u8 gr_mask[16] = {0x0F, 0x0F, 0x0F, 0x1F, 0x03, 0x7B, 0x0F, 0x0F, 0xFF};
static const u8 ar_mask[32] = {0x3F, 0x3F, 0x3F, 0x3F, 0x3F, 0x3F, 0x3F, 0x3F, 0x3F, 0x3F, 0x3F,
                               0x3F, 0x3F, 0x3F, 0x3F, 0x3F, 0xEF, 0xFF, 0x3F, 0x0F, 0x0F};

enum { CR_LATCH_READ = 0x22, CR_ATTRIBUTE_STATE = 0x24 };

/* Something changed that the picture or its timing depends on. */
static void view_changed(struct vga *v)
{
    /* A pending start address keeps the retrace that it was promised. */
    vga_settle_start(v);
    v->timing.valid = false;
    v->redraw = true;
}

static void sr_write(struct vga *v, u8 value)
{
    unsigned i = v->sr_index & 7;

    value &= sr_mask[i];
    if (v->sr[i] == value)
        return;
    if (i == SR_RESET || i == SR_CLOCKING || i == SR_CHAR_MAP)
        view_changed(v);
    v->sr[i] = value;
    if (i == SR_MAP_MASK || i == SR_MEMORY_MODE)
        vga_window_update(v);
}

static void gr_write(struct vga *v, u8 value)
{
    unsigned i = v->gr_index & 15;
    u8 changed;

    value &= gr_mask[i];
    changed = v->gr[i] ^ value;
    if (!changed)
        return;
    v->gr[i] = value;
    if (i == GR_MISC || (i == GR_MODE && (changed & 0x60)))
        view_changed(v);
    vga_window_update(v);
}

static u8 cr_read(const struct vga *v)
{
    if (v->cr_index <= CR_LAST)
        return v->cr[v->cr_index];
    if (v->cr_index == CR_LATCH_READ)
        return (u8)(v->latch >> (8 * (v->gr[GR_READ_MAP] & 3)));
    if (v->cr_index == CR_ATTRIBUTE_STATE)
        return (u8)(v->ar_data << 7 | v->ar_index);
    return 0;
}

static void cr_write(struct vga *v, u8 value)
{
    unsigned i = v->cr_index;

    if (i > CR_LAST)
        return;
    if ((v->cr[CR_VSYNC_END] & 0x80) && i <= CR_OVERFLOW) {
        if (i != CR_OVERFLOW)
            return;
        /* Protection leaves only the line compare bit open. */
        value = (u8)((v->cr[i] & ~0x10) | (value & 0x10));
    }
    if (i == CR_VSYNC_END && !(v->cr[i] & 0x10) && (value & 0x10))
        v->vint_since = clock_now(v->bus->clock);
    if (v->cr[i] == value)
        return;
    switch (i) {
    case CR_START_HIGH:
    case CR_START_LOW:
        vga_settle_start(v);
        v->cr[i] = value;
        if (v->start_when == CLOCK_NEVER)
            v->start_when = vga_next_vsync(v, clock_now(v->bus->clock));
        break;
    case CR_CURSOR_HIGH:
    case CR_CURSOR_LOW:
        v->cr[i] = value; /* draw() compares the cursor by itself */
        break;
    default:
        view_changed(v);
        v->cr[i] = value;
        break;
    }
}

static void ar_write(struct vga *v, u8 value)
{
    unsigned i;

    v->ar_data ^= 1;
    if (v->ar_data) {
        if ((v->ar_index ^ value) & 0x20)
            v->redraw = true;
        v->ar_index = value & 0x3F;
        return;
    }
    i = v->ar_index & 31;
    value &= ar_mask[i];
    if (v->ar[i] == value)
        return;
    v->ar[i] = value;
    v->redraw = true;
}

void vga_colors_update(struct vga *v)
{
    bool wide = v->vbe.enable & VBE_8BIT_DAC;

    for (unsigned i = 0; i < 256; i++) {
        const u8 *c = v->dac + 3 * (i & v->pel_mask);
        u32 rgb = 0;

        for (unsigned k = 0; k < 3; k++)
            rgb = rgb << 8 | (wide ? c[k] : ((c[k] & 0x3Fu) << 2 | (c[k] & 0x3Fu) >> 4));
        if (v->color[i] != rgb) {
            v->color[i] = rgb;
            v->redraw = true;
        }
    }
}

static u8 dac_read(struct vga *v)
{
    u8 value = v->dac[v->dac_read * 3 + v->dac_sub];

    if (++v->dac_sub == 3) {
        v->dac_sub = 0;
        v->dac_read++;
    }
    return value;
}

static void dac_write(struct vga *v, u8 value)
{
    v->dac_hold[v->dac_sub] = (v->vbe.enable & VBE_8BIT_DAC) ? value : value & 0x3F;
    if (++v->dac_sub < 3)
        return;
    v->dac_sub = 0;
    if (memcmp(v->dac + v->dac_write * 3, v->dac_hold, 3)) {
        memcpy(v->dac + v->dac_write * 3, v->dac_hold, 3);
        v->redraw = true;
    }
    v->dac_write++;
}

/* Input status 0: the DAC's comparator (how a BIOS finds a monitor by the load it draws) and the vertical interrupt. */
static u8 status0(struct vga *v)
{
    const u8 *c = v->dac;
    u8 status = 0x60; /* feature inputs float high */

    if (c[0] + c[1] + c[2] < 0x4E)
        status |= 0x10;
    if ((v->cr[CR_VSYNC_END] & 0x10) && vga_next_vsync(v, v->vint_since) <= clock_now(v->bus->clock))
        status |= 0x80;
    return status;
}

/* Whether PORT belongs to the half (3Bxh or 3Dxh) that the miscellaneous output register leaves unanswered. */
static bool hidden(const struct vga *v, u16 port)
{
    if (port >= 0x3B0 && port <= 0x3BF)
        return v->misc & 1;
    return port >= 0x3D0 && !(v->misc & 1);
}

u8 vga_port_read(struct vga *v, u16 port)
{
    if (hidden(v, port) || (!(v->enable & 1) && port != 0x3C3))
        return 0xFF;
    switch (port) {
    case 0x3C0:
        return v->ar_index;
    case 0x3C1:
        return v->ar[v->ar_index & 31];
    case 0x3C2:
        return status0(v);
    case 0x3C3:
        return v->enable;
    case 0x3C4:
        return v->sr_index;
    case 0x3C5:
        return v->sr[v->sr_index & 7];
    case 0x3C6:
        return v->pel_mask;
    case 0x3C7:
        return v->dac_reading ? 3 : 0;
    case 0x3C8:
        return v->dac_write;
    case 0x3C9:
        return dac_read(v);
    case 0x3CA:
        return v->feature;
    case 0x3CC:
        return v->misc;
    case 0x3CE:
        return v->gr_index;
    case 0x3CF:
        return v->gr[v->gr_index & 15];
    case 0x3B4:
    case 0x3D4:
        return v->cr_index;
    case 0x3B5:
    case 0x3D5:
        return cr_read(v);
    case 0x3BA:
    case 0x3DA:
        v->ar_data = 0;
        return vga_status1(v);
    default:
        return 0xFF;
    }
}

static void misc_write(struct vga *v, u8 value)
{
    view_changed(v);
    v->misc = value & 0xEF;
    vga_window_update(v);
}

static void dac_port_write(struct vga *v, u16 port, u8 value)
{
    switch (port) {
    case 0x3C6:
        if (v->pel_mask != value)
            v->redraw = true;
        v->pel_mask = value;
        break;
    case 0x3C7:
        v->dac_read = value;
        v->dac_sub = 0;
        v->dac_reading = 1;
        break;
    case 0x3C8:
        v->dac_write = value;
        v->dac_sub = 0;
        v->dac_reading = 0;
        break;
    default:
        dac_write(v, value);
        break;
    }
}

void vga_port_write(struct vga *v, u16 port, u8 value)
{
    if (hidden(v, port) || (!(v->enable & 1) && port != 0x3C3))
        return;
    switch (port) {
    case 0x3C0:
        ar_write(v, value);
        break;
    case 0x3C2:
        misc_write(v, value);
        break;
    case 0x3C3:
        v->enable = value & 1;
        vga_window_update(v);
        break;
    case 0x3C4:
        v->sr_index = value & 7;
        break;
    case 0x3C5:
        sr_write(v, value);
        break;
    case 0x3C6:
    case 0x3C7:
    case 0x3C8:
    case 0x3C9:
        dac_port_write(v, port, value);
        break;
    case 0x3CE:
        v->gr_index = value & 15;
        break;
    case 0x3CF:
        gr_write(v, value);
        break;
    case 0x3B4:
    case 0x3D4:
        v->cr_index = value & 0x3F;
        break;
    case 0x3B5:
    case 0x3D5:
        cr_write(v, value);
        break;
    case 0x3BA:
    case 0x3DA:
        v->feature = value & 0x0B;
        break;
    default:
        break;
    }
}

static u32 port_in(void *ctx, u16 port, unsigned size)
{
    return vga_port_read(ctx, port);
}

static void port_out(void *ctx, u16 port, u32 value, unsigned size)
{
    vga_port_write(ctx, port, (u8)value);
}

static const struct io_ops port_ops = {port_in, port_out, 1};

u16 vga_vbe_read(struct vga *v, u16 index)
{
    return vbe_read(&v->vbe, index);
}

void vga_vbe_write(struct vga *v, u16 index, u16 value)
{
    unsigned effect = vbe_write(&v->vbe, index, value);

    if (effect & VBE_EFFECT_CLEAR) {
        /* 4-bit modes keep the planes side by side, so that pitch * 4 bytes belong to a line. */
        u64 len = (u64)vbe_pitch(&v->vbe) * (v->vbe.bpp == 4 ? 4 : 1) * v->vbe.yres;

        len = v->vbe.bpp == 4 ? VGA_VRAM_SIZE : MIN(len, VGA_VRAM_SIZE);
        for (u64 at = 0; at < len; at += VGA_PAGE)
            v->bus->ram_touch(v->bus->ctx, v->vram_block, at);
        memset(v->vram, 0, len);
    }
    if (effect & (VBE_EFFECT_VIEW | VBE_EFFECT_DAC))
        view_changed(v);
    if (effect & VBE_EFFECT_BANK)
        vga_window_update(v);
    if (index == VBE_ENABLE)
        log_msg(v->bus->log, LOG_VGA, "VBE %s %ux%ux%u", vbe_active(&v->vbe) ? "on" : "off", v->vbe.xres, v->vbe.yres,
                v->vbe.bpp);
}

/* 1CEh is the index, 1CFh and (for those who want it aligned) 1D0h the data. */
static u32 vbe_in(void *ctx, u16 port, unsigned size)
{
    struct vga *v = ctx;
    u16 value = port == 0x1CE ? v->vbe.index : vga_vbe_read(v, v->vbe.index);

    return size == 1 ? value & 0xFF : value;
}

static void vbe_out(void *ctx, u16 port, u32 value, unsigned size)
{
    struct vga *v = ctx;

    if (port == 0x1CE)
        v->vbe.index = (u16)value;
    else
        vga_vbe_write(v, v->vbe.index, (u16)value);
}

static const struct io_ops vbe_ops = {vbe_in, vbe_out, 1 | 2};

void vga_ports_map(struct vga *v)
{
    static const struct {
        u16 first, count;
    } range[] = {{0x3B4, 2}, {0x3BA, 1}, {0x3C0, 16}, {0x3D4, 2}, {0x3DA, 1}};

    for (unsigned i = 0; i < ARRAY_LEN(range); i++)
        v->bus->io_map(v->bus->ctx, range[i].first, range[i].count, &port_ops, v, "vga");
    /* Four, because a word at 1D0h reaches 1D1h. */
    v->bus->io_map(v->bus->ctx, 0x1CE, 4, &vbe_ops, v, "vbe");
}
