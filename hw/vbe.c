/*
 * vbe.c - registers of the Bochs display interface: ranges and side effects.
 */
#include "hw/vbe.h"

enum { VIRT_WIDTH_MAX = 0x7FF8 };

const struct field vbe_fields[] = {
    FIELD(struct vbe, index),
    FIELD(struct vbe, id),
    FIELD(struct vbe, xres),
    FIELD(struct vbe, yres),
    FIELD(struct vbe, bpp),
    FIELD(struct vbe, enable),
    FIELD(struct vbe, bank),
    FIELD(struct vbe, virt_width),
    FIELD(struct vbe, x_offset),
    FIELD(struct vbe, y_offset),
    FIELD_END,
};

void vbe_reset(struct vbe *b)
{
    u32 vram_size = b->vram_size;

    *b = (struct vbe){.id = VBE_ID_LAST, .xres = 640, .yres = 480, .bpp = 8, .virt_width = 640, .vram_size = vram_size};
}

/* How many lines of the virtual width fit into memory. */
static u32 virt_height(const struct vbe *b)
{
    u64 lines = (u64)b->vram_size * 8 / ((u64)b->virt_width * vbe_pixel_bits(b));

    return (u32)MIN(lines, 0xFFFF);
}

static bool valid_bpp(u16 bpp)
{
    return bpp == 4 || bpp == 8 || bpp == 15 || bpp == 16 || bpp == 24 || bpp == 32;
}

/*
 * Drivers write size, depth, width and offsets in any order, so that no single write can be
 * refused: after each one the whole set is made consistent, and the picture always lies inside
 * the memory.
 */
static void fix_ranges(struct vbe *b)
{
    if (!valid_bpp(b->bpp))
        b->bpp = 8;
    b->xres = MAX(MIN(b->xres, VBE_MAX_XRES) & ~7u, 8);
    b->yres = MAX(MIN(b->yres, VBE_MAX_YRES), 1);
    b->virt_width = MAX(MIN(b->virt_width, VIRT_WIDTH_MAX) & ~7u, b->xres);
    if (virt_height(b) < b->yres)
        b->virt_width = b->xres;
    if (virt_height(b) < b->yres)
        b->yres = (u16)virt_height(b);
    b->x_offset = MIN(b->x_offset, b->virt_width - b->xres);
    b->y_offset = MIN(b->y_offset, virt_height(b) - b->yres);
    b->bank &= (b->vram_size >> 16) - 1;
}

void vbe_restored(struct vbe *b)
{
    if (b->id < VBE_ID_FIRST || b->id > VBE_ID_LAST)
        b->id = VBE_ID_LAST;
    fix_ranges(b);
}

u16 vbe_read(const struct vbe *b, u16 index)
{
    bool caps = b->enable & VBE_GETCAPS;

    switch (index) {
    case VBE_ID:
        return b->id;
    case VBE_XRES:
        return caps ? VBE_MAX_XRES : b->xres;
    case VBE_YRES:
        return caps ? VBE_MAX_YRES : b->yres;
    case VBE_BPP:
        return caps ? VBE_MAX_BPP : b->bpp;
    case VBE_ENABLE:
        return b->enable;
    case VBE_BANK:
        return b->bank;
    case VBE_VIRT_WIDTH:
        return b->virt_width;
    case VBE_VIRT_HEIGHT:
        return (u16)virt_height(b);
    case VBE_X_OFFSET:
        return b->x_offset;
    case VBE_Y_OFFSET:
        return b->y_offset;
    case VBE_VIDEO_MEMORY_64K:
        return (u16)(b->vram_size >> 16);
    default:
        return 0;
    }
}

static unsigned write_enable(struct vbe *b, u16 value)
{
    u16 old = b->enable;
    unsigned effect = VBE_EFFECT_VIEW | VBE_EFFECT_BANK;

    b->enable = value & (VBE_ENABLED | VBE_GETCAPS | VBE_8BIT_DAC | VBE_LFB | VBE_NOCLEARMEM);
    if ((old ^ value) & VBE_8BIT_DAC)
        effect |= VBE_EFFECT_DAC;
    if (!(value & VBE_ENABLED)) {
        b->bank = 0;
    } else if (!(old & VBE_ENABLED)) {
        b->virt_width = b->xres;
        b->x_offset = 0;
        b->y_offset = 0;
        b->bank = 0;
        if (!(value & VBE_NOCLEARMEM))
            effect |= VBE_EFFECT_CLEAR;
    }
    return effect;
}

unsigned vbe_write(struct vbe *b, u16 index, u16 value)
{
    unsigned effect = vbe_active(b) ? VBE_EFFECT_VIEW : 0;

    switch (index) {
    case VBE_ID:
        if (value >= VBE_ID_FIRST && value <= VBE_ID_LAST)
            b->id = value;
        return 0;
    case VBE_XRES:
        b->xres = value;
        break;
    case VBE_YRES:
        b->yres = value;
        break;
    case VBE_BPP:
        b->bpp = value;
        effect |= VBE_EFFECT_BANK;
        break;
    case VBE_ENABLE:
        effect = write_enable(b, value);
        break;
    case VBE_BANK:
        b->bank = value;
        effect = VBE_EFFECT_BANK;
        break;
    case VBE_VIRT_WIDTH:
        b->virt_width = value;
        break;
    case VBE_X_OFFSET:
        b->x_offset = value;
        break;
    case VBE_Y_OFFSET:
        b->y_offset = value;
        break;
    default:
        return 0;
    }
    fix_ranges(b);
    return effect;
}
