/*
 * vbe.h - the Bochs display interface ("dispi"), which SeaBIOS's VGA BIOS, Linux, X and
 * Windows drivers use to set modes beyond VGA: an index and a data register of 16 bits.
 *
 * This module holds and validates the registers only; hw/vga_*.c owns it and acts on what
 * vbe_write() says has changed. Reference: VBE DISPI interface, ids B0C0h to B0C5h.
 */
#ifndef OMBRA_HW_VBE_H
#define OMBRA_HW_VBE_H

#include "base/state.h"
#include "base/types.h"

enum vbe_register {
    VBE_ID,
    VBE_XRES,
    VBE_YRES,
    VBE_BPP,
    VBE_ENABLE,
    VBE_BANK,
    VBE_VIRT_WIDTH,
    VBE_VIRT_HEIGHT,
    VBE_X_OFFSET,
    VBE_Y_OFFSET,
    VBE_VIDEO_MEMORY_64K,
    VBE_REGISTERS
};

enum vbe_enable {
    VBE_ENABLED = 0x01,
    VBE_GETCAPS = 0x02,
    VBE_8BIT_DAC = 0x20,
    VBE_LFB = 0x40,
    VBE_NOCLEARMEM = 0x80,
};

enum { VBE_ID_FIRST = 0xB0C0, VBE_ID_LAST = 0xB0C5, VBE_MAX_XRES = 2560, VBE_MAX_YRES = 1600, VBE_MAX_BPP = 32 };

/* What the owner must do after a write; a set of these. */
enum vbe_effect {
    VBE_EFFECT_VIEW = 1,  /* the picture shows another part of memory, or another format */
    VBE_EFFECT_BANK = 2,  /* the legacy window shows another part of memory */
    VBE_EFFECT_CLEAR = 4, /* the visible memory is to be zeroed */
    VBE_EFFECT_DAC = 8,   /* the width of the DAC changed */
};

struct vbe {
    u16 index;
    u16 id;
    u16 xres, yres, bpp; /* bpp 4, 8, 15, 16, 24 or 32; xres a multiple of 8 */
    u16 enable;
    u16 bank; /* in units of 64 KiB */
    u16 virt_width;
    u16 x_offset, y_offset;
    u32 vram_size; /* bytes; wiring, not state */
};

extern const struct field vbe_fields[];

void vbe_reset(struct vbe *b);

/* The data register at INDEX; unknown ones read 0. */
u16 vbe_read(const struct vbe *b, u16 index);

/* Writes the data register at INDEX and returns the set of enum vbe_effect. Values out of range are brought into it. */
unsigned vbe_write(struct vbe *b, u16 index, u16 value);

/* After the fields were loaded from a file: brings every register into its range. */
void vbe_restored(struct vbe *b);

static inline bool vbe_active(const struct vbe *b)
{
    return b->enable & VBE_ENABLED;
}

/* Bits of memory that one pixel takes (15 takes 16). */
static inline unsigned vbe_pixel_bits(const struct vbe *b)
{
    return b->bpp == 15 ? 16 : b->bpp;
}

/* Bytes from one line to the next; with 4 bits a pixel: bytes of each plane. */
static inline u32 vbe_pitch(const struct vbe *b)
{
    return b->bpp == 4 ? b->virt_width / 8u : b->virt_width * vbe_pixel_bits(b) / 8;
}

#endif
