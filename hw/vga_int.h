/*
 * vga_int.h - what the files of the display adapter share (vga.c, vga_regs.c, vga_time.c,
 * vga_mem.c, vga_draw.c, vga_lines.c). Nobody else includes it.
 */
#ifndef OMBRA_HW_VGA_INT_H
#define OMBRA_HW_VGA_INT_H

#include "hw/vga.h"

enum vga_sequencer { SR_RESET, SR_CLOCKING, SR_MAP_MASK, SR_CHAR_MAP, SR_MEMORY_MODE };
enum vga_graphics {
    GR_SET_RESET,
    GR_ENABLE_SET_RESET,
    GR_COLOR_COMPARE,
    GR_ROTATE,
    GR_READ_MAP,
    GR_MODE,
    GR_MISC,
    GR_COLOR_DONT_CARE,
    GR_BIT_MASK
};
enum vga_attribute { AR_MODE = 0x10, AR_OVERSCAN, AR_PLANE_ENABLE, AR_PEL_PAN, AR_COLOR_SELECT };
enum vga_crtc {
    CR_HTOTAL = 0x00,
    CR_HDISPLAY = 0x01,
    CR_VTOTAL = 0x06,
    CR_OVERFLOW = 0x07,
    CR_PRESET_ROW = 0x08,
    CR_MAX_SCAN = 0x09,
    CR_CURSOR_START = 0x0A,
    CR_CURSOR_END = 0x0B,
    CR_START_HIGH = 0x0C,
    CR_START_LOW = 0x0D,
    CR_CURSOR_HIGH = 0x0E,
    CR_CURSOR_LOW = 0x0F,
    CR_VSYNC_START = 0x10,
    CR_VSYNC_END = 0x11,
    CR_VDISPLAY = 0x12,
    CR_OFFSET = 0x13,
    CR_UNDERLINE = 0x14,
    CR_MODE = 0x17,
    CR_LINE_COMPARE = 0x18,
    CR_LAST = CR_LINE_COMPARE,
};

/* What is on the screen: format, size and where the lines come from. */
enum vga_kind { VIEW_NONE, VIEW_TEXT, VIEW_PLANAR, VIEW_CGA, VIEW_PACKED, VIEW_LINEAR };

struct vga_view {
    enum vga_kind kind;
    bool off;          /* picture blanked: right size, black */
    u16 width, height; /* pixels of the frame */
    u16 chars;         /* character clocks of a line */
    u8 char_width;     /* pixels of one */
    u8 divide;         /* scan lines that make one line of the frame */
    u8 count_shift;    /* the address counter steps every 1 << count_shift character clocks */
    u8 row_lines;      /* scan lines of a row before doubling */
    bool doubled;      /* each scan line twice */
    u32 offset;        /* address counter from one row to the next */
    u32 line_compare;  /* scan line after which the counter restarts at 0 */
    u32 address_mask;  /* plane offsets that exist */
};

/* One scan line as the drawing functions want it. */
struct vga_scan {
    u32 ma;      /* address counter at the left edge */
    u8 row_scan; /* line within the row */
    u8 pan;      /* pixels to shift left */
};

/* Index of the 32-bit word that holds the four planes at plane offset O. */
static inline u32 vga_word(u32 o)
{
    return (o & ~0xFFFFu) | (o & 3) << 14 | (o >> 2 & 0x3FFF);
}

static inline bool vga_linear(const struct vga *v)
{
    return vbe_active(&v->vbe) && v->vbe.bpp != 4;
}

/* vga_time.c */
const struct vga_timing *vga_timing_get(struct vga *v);
u8 vga_status1(struct vga *v);              /* 3DAh bits 0, 3, 4, 5 */
u64 vga_next_vsync(struct vga *v, u64 now); /* start of the next vertical retrace after NOW, in ns */
u64 vga_frame_number(struct vga *v);
void vga_settle_start(struct vga *v); /* takes a start address over if its retrace has come */

/* vga_regs.c */
u8 vga_port_read(struct vga *v, u16 port);
void vga_port_write(struct vga *v, u16 port, u8 value);
u16 vga_vbe_read(struct vga *v, u16 index);
void vga_vbe_write(struct vga *v, u16 index, u16 value);
void vga_colors_update(struct vga *v);
void vga_ports_map(struct vga *v);

/* vga_mem.c */
extern const struct mmio_ops vga_window_ops;
void vga_window_update(struct vga *v); /* after anything that decides whether A0000h can be shown directly */
void vga_window_close(struct vga *v);

/* vga_draw.c */
bool vga_draw(void *ctx, struct display_frame *f);
bool vga_text(void *ctx, struct display_text *t);
void vga_view_get(struct vga *v, struct vga_view *view);

/* vga_lines.c: each puts view->width pixels (after panning) at the returned pointer inside v->line. */
u32 vga_address(const struct vga *v, const struct vga_view *view, u32 ma, u8 row_scan);
u32 vga_cursor(struct vga *v);
bool vga_blink_off(struct vga *v);
void vga_palette16(const struct vga *v, u32 lut[16]);
const u32 *vga_line_planes(struct vga *v, const struct vga_view *view, const struct vga_scan *s);
const u32 *vga_line_linear(struct vga *v, u32 address);

#endif
