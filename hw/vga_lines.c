/*
 * vga_lines.c - one scan line of pixels from video memory, for every format: text, 16 colours in planes, CGA's
 * packed pairs, 256 colours, and the VBE formats.
 */
#include "hw/vga_int.h"

enum { CURSOR_FRAMES = 8, BLINK_FRAMES = 16, CURSOR_OFF = 0x20 };

/* Plane offset at which the CRTC fetches for address counter MA: byte, word or doubleword addressing and the row scan
 * bits. */
u32 vga_address(const struct vga *v, const struct vga_view *view, u32 ma, u8 row_scan)
{
    u8 mode = v->cr[CR_MODE];
    u32 wide = ma & 0xFFFF;
    u32 a;

    /* The display interface counts bytes of a plane, whatever the BIOS left in the CRTC. */
    if (vbe_active(&v->vbe))
        return ma & view->address_mask;
    if (v->cr[CR_UNDERLINE] & 0x40)
        a = wide << 2 | (wide >> 14 & 3);
    else if (!(mode & 0x40))
        a = wide << 1 | (wide >> ((mode & 0x20) ? 15 : 13) & 1);
    else
        a = wide;
    if (!(mode & 1))
        a = (a & ~0x2000u) | (row_scan & 1u) << 13;
    if (!(mode & 2))
        a = (a & ~0x4000u) | (row_scan >> 1 & 1u) << 14;
    return a & view->address_mask;
}

static u32 fetch(const struct vga *v, u32 offset)
{
    return ld32(v->vram + (size_t)vga_word(offset) * 4);
}

/* The address counter of the cell with the cursor, or ~0 while none is visible. */
u32 vga_cursor(struct vga *v)
{
    u8 first = v->cr[CR_CURSOR_START], last = v->cr[CR_CURSOR_END] & 0x1F;

    if ((first & CURSOR_OFF) || (first & 0x1F) > last || (vga_frame_number(v) / CURSOR_FRAMES & 1))
        return ~0u;
    return (u32)(v->cr[CR_CURSOR_HIGH] << 8 | v->cr[CR_CURSOR_LOW]);
}

bool vga_blink_off(struct vga *v)
{
    return (v->ar[AR_MODE] & 8) && (vga_frame_number(v) / BLINK_FRAMES & 1);
}

/* The attribute controller's 16 colours as the DAC shows them. */
void vga_palette16(const struct vga *v, u32 lut[16])
{
    u8 select = v->ar[AR_COLOR_SELECT];

    for (unsigned i = 0; i < 16; i++) {
        u8 index = (u8)((v->ar[i] & 0x3F) | (select & 0x0C) << 4);

        if (v->ar[AR_MODE] & 0x80)
            index = (u8)((index & 0xCF) | (select & 3) << 4);
        lut[i] = v->color[index];
    }
}

/* Where the character shapes of attribute bit 3 = 0 and 1 begin in plane 2. */
static void font_bases(const struct vga *v, u32 base[2])
{
    u8 map = v->sr[SR_CHAR_MAP];
    u32 b = (map & 3u) << 1 | (map >> 4 & 1u);
    u32 a = (map >> 2 & 3u) << 1 | (map >> 5 & 1u);

    base[0] = b * 0x2000;
    base[1] = a * 0x2000;
}

/* What stays the same over the cells of a line of text. */
struct text_line {
    u32 lut[16], font[2], cursor;
    u8 mode, plane_enable, row_scan, width;
    bool blink_off, underline;
};

static void text_line_init(struct vga *v, const struct vga_view *view, const struct vga_scan *s, struct text_line *t)
{
    vga_palette16(v, t->lut);
    font_bases(v, t->font);
    t->mode = v->ar[AR_MODE];
    t->plane_enable = v->ar[AR_PLANE_ENABLE] & 15;
    t->row_scan = s->row_scan;
    t->width = view->char_width;
    t->blink_off = vga_blink_off(v);
    t->underline = s->row_scan == (v->cr[CR_UNDERLINE] & 0x1F);
    t->cursor = ~0u;
    if (s->row_scan >= (v->cr[CR_CURSOR_START] & 0x1F) && s->row_scan <= (v->cr[CR_CURSOR_END] & 0x1F))
        t->cursor = vga_cursor(v);
}

/* Nine (or eight) pixels of one character cell; bit 8 is the leftmost. */
static u32 cell_bits(const struct vga *v, const struct text_line *t, u8 ch, u8 attr, bool cursor)
{
    u32 shape = t->font[attr >> 3 & 1] + ch * 32u + t->row_scan;
    u32 bits = v->vram[(size_t)vga_word(shape & 0xFFFF) * 4 + 2] << 1;

    if ((t->mode & 4) && (ch & 0xE0) == 0xC0)
        bits |= bits >> 1 & 1;
    if (t->underline && (attr & 0x77) == 1 && (t->mode & 2))
        bits = 0x1FF;
    if ((attr & 0x80) && t->blink_off)
        bits = 0;
    return cursor ? 0x1FF : bits;
}

static void line_text(struct vga *v, const struct vga_view *view, const struct vga_scan *s)
{
    struct text_line t;
    u32 *out = v->line;

    text_line_init(v, view, s, &t);
    for (unsigned i = 0; i <= view->chars; i++) {
        u32 ma = s->ma + (i >> view->count_shift);
        u32 word = fetch(v, vga_address(v, view, ma, s->row_scan));
        u8 ch = (u8)word, attr = (u8)(word >> 8);
        u32 bits = cell_bits(v, &t, ch, attr, (ma & 0xFFFF) == t.cursor);
        u8 back = attr >> 4;
        u32 fg, bg;

        if (t.mode & 8) {
            v->drawn.has_blink |= back >> 3;
            back &= 7;
        }
        fg = t.lut[attr & t.plane_enable & 15];
        bg = t.lut[back & t.plane_enable];
        for (unsigned x = 0; x < t.width; x++)
            *out++ = (bits << x & 0x100) ? fg : bg;
    }
}

/* Eight pixels whose four bits lie in four planes. */
static void line_planar(struct vga *v, const struct vga_view *view, const struct vga_scan *s)
{
    u8 enable = v->ar[AR_PLANE_ENABLE] & 15;
    u32 lut[16];
    u32 *out = v->line;

    vga_palette16(v, lut);
    for (unsigned i = 0; i <= view->chars; i++) {
        u32 d = fetch(v, vga_address(v, view, s->ma + (i >> view->count_shift), s->row_scan));

        for (int b = 7; b >= 0; b--) {
            u32 pixel = (d >> b & 1) | (d >> (b + 7) & 2) | (d >> (b + 14) & 4) | (d >> (b + 21) & 8);

            *out++ = lut[pixel & enable];
        }
    }
}

/* Shift register interleaved: four pixels of two bits from planes 0 and 2, then four from planes 1 and 3. */
static void line_cga(struct vga *v, const struct vga_view *view, const struct vga_scan *s)
{
    u8 enable = v->ar[AR_PLANE_ENABLE] & 15;
    u32 lut[16];
    u32 *out = v->line;

    vga_palette16(v, lut);
    for (unsigned i = 0; i <= view->chars; i++) {
        u32 d = fetch(v, vga_address(v, view, s->ma + (i >> view->count_shift), s->row_scan));

        for (unsigned half = 0; half < 2; half++, d >>= 8)
            for (int b = 6; b >= 0; b -= 2)
                *out++ = lut[((d >> b & 3) | (d >> (b + 16) & 3) << 2) & enable];
    }
}

/* 256 colours: a pixel is a byte, the four planes one after the other. */
static void line_packed(struct vga *v, const struct vga_view *view, const struct vga_scan *s)
{
    u32 *out = v->line;

    for (unsigned i = 0; i <= view->chars; i++) {
        u32 d = fetch(v, vga_address(v, view, s->ma + (i >> view->count_shift), s->row_scan));

        for (unsigned k = 0; k < 4; k++, d >>= 8)
            *out++ = v->color[d & 0xFF];
    }
}

const u32 *vga_line_planes(struct vga *v, const struct vga_view *view, const struct vga_scan *s)
{
    switch (view->kind) {
    case VIEW_TEXT:
        line_text(v, view, s);
        break;
    case VIEW_CGA:
        line_cga(v, view, s);
        break;
    case VIEW_PACKED:
        line_packed(v, view, s);
        break;
    default:
        line_planar(v, view, s);
        break;
    }
    return v->line + s->pan;
}

static u32 expand5(u32 c)
{
    return c << 3 | c >> 2;
}

static u32 rgb555(u32 p)
{
    return expand5(p >> 10 & 31) << 16 | expand5(p >> 5 & 31) << 8 | expand5(p & 31);
}

static u32 rgb565(u32 p)
{
    u32 g = p >> 5 & 63;

    return expand5(p >> 11) << 16 | (g << 2 | g >> 4) << 8 | expand5(p & 31);
}

/* The line of the VBE mode that begins at byte ADDRESS, which lies inside the memory with the whole line. */
const u32 *vga_line_linear(struct vga *v, u32 address)
{
    const u8 *p = v->vram + address;
    unsigned width = v->vbe.xres;
    u32 *out = v->line;

    switch (v->vbe.bpp) {
    case 8:
        for (unsigned x = 0; x < width; x++)
            out[x] = v->color[p[x]];
        break;
    case 15:
        for (unsigned x = 0; x < width; x++)
            out[x] = rgb555(ld16(p + 2 * x));
        break;
    case 16:
        for (unsigned x = 0; x < width; x++)
            out[x] = rgb565(ld16(p + 2 * x));
        break;
    case 24:
        for (unsigned x = 0; x < width; x++)
            out[x] = (u32)p[3 * x] | (u32)p[3 * x + 1] << 8 | (u32)p[3 * x + 2] << 16;
        break;
    default:
        for (unsigned x = 0; x < width; x++)
            out[x] = ld32(p + 4 * x) & 0xFFFFFF;
        break;
    }
    return out;
}
