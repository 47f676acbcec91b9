/*
 * vga.h - the display adapter: an IBM VGA with 16 MiB of memory and the Bochs display
 * interface, as PCI function 1234:1111.
 *
 * hw/pc.c builds one and hands the struct display_source to the frontends. All calls happen
 * on the emulation thread.
 *
 * Where it answers: ports 3B4h/3B5h/3BAh or 3D4h/3D5h/3DAh, 3C0h-3CFh, 1CEh-1D0h; memory
 * A0000h-BFFFFh by the graphics controller's miscellaneous register; BAR0 is the linear
 * frame buffer, the ROM BAR the VGA BIOS. QEMU's BAR2 (the registers memory-mapped) is left out: a VGA BIOS that sees
 * it reads EDID there beyond the limit of a real-mode segment, and only SeaBIOS calls it with larger ones.
 *
 * Memory layout: the four planes' bytes of one plane offset make one aligned 32-bit word. The word of
 * offset O stands at index (O & 3) << 14 | O >> 2 of its 256 KiB, so that chain-4 addressing (offset A & ~3,
 * plane A & 3) is linear in memory and can be shown to the CPU directly.
 *
 * Reference: IBM PS/2 Hardware Interface Technical Reference, Video Subsystem (VGA).
 */
#ifndef OMBRA_HW_VGA_H
#define OMBRA_HW_VGA_H

#include "base/device.h"
#include "base/display.h"
#include "base/pci.h"
#include "hw/vbe.h"

enum {
    VGA_VRAM_SIZE = 16 << 20,
    VGA_PAGE = 4096,
    VGA_PAGES = VGA_VRAM_SIZE / VGA_PAGE,
    VGA_ROM_SIZE = 64 << 10,
    VGA_LINE_MAX = DISPLAY_MAX_WIDTH + 64,
};

/* Video timing in picoseconds of virtual time, from the CRTC's registers and the dot clock. */
struct vga_timing {
    bool valid;
    u64 line_ps, frame_ps;
    u64 show_ps;                /* display enable within a line */
    u64 vshow_ps;               /* display enable within a frame */
    u64 vsync_ps, vsync_end_ps; /* vertical retrace within a frame */
};

/* What the last draw() put into which frame: decides what the next one may leave alone. */
struct vga_drawn {
    const struct display_frame *frame;
    u64 serial;
    u32 cursor;     /* memory address counter at the cursor, ~0: not shown */
    bool blink_off; /* blinking characters were hidden */
    bool has_blink; /* there are any */
    u32 start;
};

struct vga {
    struct bus *bus;
    struct pci_func pci;
    struct vbe vbe;
    u8 *vram, *rom;
    int vram_block, rom_block;
    int lfb_map, rom_map; /* handles, 0 = not mapped */
    int direct_map;                 /* A0000h shown straight from memory */
    u32 direct_offset;

    /* Registers, by the manual's names. */
    u8 misc;                                      /* 3C2h/3CCh */
    u8 feature;                                   /* feature control, 3CAh reads it */
    u8 enable;                                    /* 3C3h */
    u8 sr_index, sr[8];                           /* sequencer */
    u8 cr_index, cr[32];                          /* CRT controller */
    u8 gr_index, gr[16];                          /* graphics controller */
    u8 ar_index, ar_data, ar[32];                 /* attribute controller; ar_data: the flip-flop expects data */
    u8 dac_read, dac_write, dac_sub, dac_reading; /* indices, colour component, 3C7h was written last */
    u8 dac_hold[3];                               /* components written before the third makes them effective */
    u8 pel_mask;
    u8 dac[256 * 3];
    u32 latch;      /* the four planes' read latches */
    u32 start;      /* start address as latched at vertical retrace */
    u64 start_when; /* when it is latched next, CLOCK_NEVER: nothing pending */
    u64 vint_since; /* when the vertical interrupt was last armed */

    /* Derived. */
    struct vga_timing timing;
    u64 dirty[VGA_PAGES]; /* 64-byte granules that our own handlers wrote */
    bool any_dirty;
    bool redraw;    /* everything */
    u32 color[256]; /* DAC through the PEL mask as 00RRGGBB */
    struct vga_drawn drawn;
    u32 line[VGA_LINE_MAX];
};

extern const struct device_ops vga_ops;

/* Builds the adapter at DEVFN of PCI with ROM_LEN (at most 64 KiB; 0: none) bytes of VGA BIOS and maps what it decodes.
 * PCI NULL: an ISA card, its ROM at VGA_ISA_ROM and the frame buffer at VGA_ISA_LFB. Leaves it reset. 0, -ENOMEM, or
 * -EINVAL (ROM too large). */
enum { VGA_ISA_ROM = 0xC0000 };
#define VGA_ISA_LFB 0xE0000000u
int vga_init(struct vga *v, struct bus *bus, struct pci_bus *pci, unsigned devfn, const u8 *rom, size_t rom_len);

/* The picture, for frontends; valid as long as V. */
struct display_source vga_display(struct vga *v);

#endif
