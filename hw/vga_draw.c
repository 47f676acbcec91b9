/*
 * vga_draw.c - the picture: what the registers say is on the screen, which lines of it may have changed, and the text
 * screen as text.
 *
 * A line is drawn again only if a 64-byte granule that it shows was written, the cursor came or went on it, or a
 * register that shapes the whole picture changed; it counts as changed only if a pixel differs.
 */
#include "hw/vga_int.h"

enum { LEGACY_PAGES = 64, LEGACY_SIZE = LEGACY_PAGES * 4096, SCREEN_OFF = 0x20, PALETTE_ON = 0x20 };

static void view_linear(const struct vga *v, struct vga_view *w)
{
    w->kind = VIEW_LINEAR;
    w->width = v->vbe.xres;
    w->height = v->vbe.yres;
}

/* 16 colours at VBE's sizes: the planes, with the display interface's geometry instead of the CRTC's. */
static void view_vbe_planar(const struct vga *v, struct vga_view *w)
{
    w->kind = VIEW_PLANAR;
    w->width = v->vbe.xres;
    w->height = v->vbe.yres;
    w->chars = v->vbe.xres / 8;
    w->char_width = 8;
    w->offset = vbe_pitch(&v->vbe);
    w->line_compare = ~0u;
    w->address_mask = VGA_VRAM_SIZE / 4 - 1;
}

static enum vga_kind legacy_kind(const struct vga *v)
{
    if (!(v->gr[GR_MISC] & 1))
        return VIEW_TEXT;
    if (v->gr[GR_MODE] & 0x40)
        return VIEW_PACKED;
    return (v->gr[GR_MODE] & 0x20) ? VIEW_CGA : VIEW_PLANAR;
}

static void view_legacy(const struct vga *v, struct vga_view *w)
{
    const u8 *cr = v->cr;
    u8 over = cr[CR_OVERFLOW], scan = cr[CR_MAX_SCAN];
    u32 lines = (cr[CR_VDISPLAY] | (over & 0x02) << 7 | (over & 0x40) << 3) + 1u;

    /* A tube would need the retraces (CR17) and the sequencer running (SR0) too; firmware that knows only emulators
     * forgets both. A picture there harms nobody. */
    if (!cr[CR_HDISPLAY] || lines < 2)
        return;
    w->kind = legacy_kind(v);
    w->chars = cr[CR_HDISPLAY] + 1;
    w->char_width = 8;
    if (w->kind == VIEW_TEXT && !(v->sr[SR_CLOCKING] & 1))
        w->char_width = 9;
    if (w->kind == VIEW_PACKED)
        w->char_width = 4;
    w->count_shift = (cr[CR_UNDERLINE] & 0x20) ? 2 : (cr[CR_MODE] & 8) ? 1 : 0;
    w->row_lines = (scan & 0x1F) + 1;
    w->doubled = scan & 0x80;
    w->divide = w->doubled ? 2 : 1;
    /* Rows of a graphics mode that repeat the same bytes are one line of the picture. */
    if (w->kind != VIEW_TEXT && (cr[CR_MODE] & 3) == 3)
        w->divide *= w->row_lines;
    w->width = w->chars * w->char_width;
    w->height = (u16)MAX(lines / w->divide, 1);
    w->offset = cr[CR_OFFSET] * 2u;
    w->line_compare = cr[CR_LINE_COMPARE] | (over & 0x10u) << 4 | (scan & 0x40u) << 3;
    w->address_mask = 0xFFFF;
    w->off = (v->sr[SR_CLOCKING] & SCREEN_OFF) || !(v->ar_index & PALETTE_ON);
}

void vga_view_get(struct vga *v, struct vga_view *w)
{
    *w = (struct vga_view){.kind = VIEW_NONE, .row_lines = 1, .divide = 1};
    if (vga_linear(v))
        view_linear(v, w);
    else if (vbe_active(&v->vbe))
        view_vbe_planar(v, w);
    else
        view_legacy(v, w);
}

/* --- which bytes changed --- */

/* Adds what the CPU wrote directly to our own marks for pages [FIRST, FIRST+COUNT). */
static void collect_dirty(struct vga *v, u32 first, u32 count)
{
    for (u32 page = first; page < first + count && page < VGA_PAGES; page++) {
        u64 mask = v->bus->ram_dirty(v->bus->ctx, v->vram_block, page);

        v->dirty[page] |= mask;
        v->any_dirty |= v->dirty[page] != 0;
    }
}

static void forget_dirty(struct vga *v, u32 first, u32 count)
{
    if (first < VGA_PAGES)
        memset(v->dirty + first, 0, MIN(count, VGA_PAGES - first) * sizeof v->dirty[0]);
    v->any_dirty = false;
}

static bool bytes_dirty(const struct vga *v, u32 first, u32 len)
{
    u32 last = (first + len - 1) >> 6;

    for (u32 g = first >> 6; g <= last; g++) {
        if (v->dirty[g >> 6] & BIT64(g & 63))
            return true;
        if (!v->dirty[g >> 6])
            g |= 63;
    }
    return false;
}

/* A granule of plane offsets O to O + 63 lies in four places, 64 KiB apart, by the two low bits of O. */
static bool plane_dirty(const struct vga *v, u32 o)
{
    u32 page = (o >> 16) * LEGACY_PAGES + (o >> 12 & 15);
    u64 bit = BIT64(o >> 6 & 63);

    return (v->dirty[page] | v->dirty[page + 16] | v->dirty[page + 32] | v->dirty[page + 48]) & bit;
}

static bool scan_dirty(const struct vga *v, const struct vga_view *w, const struct vga_scan *s)
{
    u32 last = s->ma + ((u32)w->chars >> w->count_shift);
    u32 granule = ~0u;

    for (u32 ma = s->ma; ma <= last; ma++) {
        u32 o = vga_address(v, w, ma, s->row_scan);

        if (o >> 6 == granule)
            continue;
        granule = o >> 6;
        if (plane_dirty(v, o))
            return true;
    }
    return false;
}

/* --- lines into the frame --- */

static bool put_line(struct display_frame *f, unsigned y, const u32 *line)
{
    u32 *to = f->pixels + (size_t)y * f->width;
    size_t len = f->width * sizeof *to;

    if (!memcmp(to, line, len))
        return false;
    memcpy(to, line, len);
    return true;
}

static bool draw_linear(struct vga *v, struct display_frame *f, bool full)
{
    u32 pitch = vbe_pitch(&v->vbe);
    u32 line_len = v->vbe.xres * vbe_pixel_bits(&v->vbe) / 8;
    u64 start = (u64)v->vbe.y_offset * pitch + v->vbe.x_offset * vbe_pixel_bits(&v->vbe) / 8;
    u64 end = MIN(start + (u64)pitch * v->vbe.yres, VGA_VRAM_SIZE);
    u32 first_page = (u32)(start >> 12), pages = (u32)((end + 4095) >> 12) - first_page;
    bool changed = false;

    collect_dirty(v, first_page, pages);
    if (!full && !v->any_dirty)
        return false;
    for (unsigned y = 0; y < f->height; y++) {
        u64 at = start + (u64)y * pitch;

        if (at + line_len > VGA_VRAM_SIZE)
            break;
        if (full || bytes_dirty(v, (u32)at, line_len))
            changed |= put_line(f, y, vga_line_linear(v, (u32)at));
    }
    forget_dirty(v, first_page, pages);
    return changed;
}

/* The walk of the CRTC over the scan lines of a frame. */
struct walk {
    struct vga_scan scan;
    bool second; /* of two doubled lines */
    u8 pan;
};

static void walk_start(const struct vga *v, const struct vga_view *w, struct walk *k)
{
    u8 preset = v->cr[CR_PRESET_ROW], pan = v->ar[AR_PEL_PAN] & 15;

    *k = (struct walk){0};
    if (vbe_active(&v->vbe)) {
        k->scan.ma = v->vbe.y_offset * w->offset + v->vbe.x_offset / 8u;
        k->scan.pan = v->vbe.x_offset & 7;
        return;
    }
    k->scan.ma = v->start + (preset >> 5 & 3);
    k->scan.row_scan = preset & 0x1F;
    if (w->kind == VIEW_PACKED)
        k->scan.pan = (pan & 7) >> 1;
    else if (w->char_width == 9)
        k->scan.pan = pan >= 8 ? 0 : pan + 1;
    else
        k->scan.pan = pan & 7;
}

static void walk_next(const struct vga *v, const struct vga_view *w, struct walk *k, u32 y)
{
    if (y == w->line_compare) {
        k->scan.ma = 0;
        k->scan.row_scan = 0;
        k->second = false;
        if (v->ar[AR_MODE] & 0x20)
            k->scan.pan = 0;
        return;
    }
    if (w->doubled && !k->second) {
        k->second = true;
        return;
    }
    k->second = false;
    /* The row counter compares for equality: a preset beyond the maximum runs through 31. */
    if (k->scan.row_scan == w->row_lines - 1) {
        k->scan.row_scan = 0;
        k->scan.ma += w->offset;
    } else {
        k->scan.row_scan = (k->scan.row_scan + 1) & 0x1F;
    }
}

static bool holds(const struct vga_view *w, const struct vga_scan *s, u32 cell)
{
    return cell != ~0u && ((cell - s->ma) & 0xFFFF) <= w->chars;
}

static bool draw_planes(struct vga *v, const struct vga_view *w, struct display_frame *f, bool full)
{
    u32 cursor = w->kind == VIEW_TEXT ? vga_cursor(v) : ~0u, old = v->drawn.cursor;
    u32 pages = (w->address_mask + 1) / 1024;
    bool changed = false;
    struct walk k;

    collect_dirty(v, 0, pages);
    if (!full && !v->any_dirty && cursor == old)
        return false;
    walk_start(v, w, &k);
    for (u32 y = 0; y < (u32)w->height * w->divide; y++) {
        const struct vga_scan *s = &k.scan;

        if (y % w->divide == 0 &&
            (full || scan_dirty(v, w, s) || (cursor != old && (holds(w, s, cursor) || holds(w, s, old)))))
            changed |= put_line(f, y / w->divide, vga_line_planes(v, w, s));
        walk_next(v, w, &k, y);
    }
    v->drawn.cursor = cursor;
    forget_dirty(v, 0, pages);
    return changed;
}

static bool draw_black(struct display_frame *f)
{
    size_t len = (size_t)f->width * f->height * sizeof *f->pixels;
    const u8 *p = (const u8 *)f->pixels;

    if (!len || (!p[0] && !memcmp(p, p + 1, len - 1)))
        return false;
    memset(f->pixels, 0, len);
    return true;
}

/* Gives the frame the picture's size; true if that is news. */
static bool resize(const struct vga *v, const struct vga_view *w, struct display_frame *f)
{
    u16 aw = 4, ah = 3;

    if (vbe_active(&v->vbe)) {
        aw = w->width;
        ah = w->height;
    }
    if (f->width == w->width && f->height == w->height && f->aspect_w == aw && f->aspect_h == ah)
        return false;
    f->width = w->width;
    f->height = w->height;
    f->aspect_w = aw;
    f->aspect_h = ah;
    memset(f->pixels, 0, (size_t)f->width * f->height * sizeof *f->pixels);
    return true;
}

bool vga_draw(void *ctx, struct display_frame *f)
{
    struct vga *v = ctx;
    struct vga_view w;
    bool blink = vga_blink_off(v), resized, full, changed;

    vga_settle_start(v);
    vga_view_get(v, &w);
    resized = resize(v, &w, f);
    full = resized || v->redraw || v->drawn.frame != f || v->drawn.serial != f->serial ||
           (v->drawn.has_blink && v->drawn.blink_off != blink);
    if (full) {
        vga_colors_update(v);
        v->drawn.has_blink = false;
    }
    v->drawn.blink_off = blink;
    if (w.kind == VIEW_NONE || w.off)
        changed = full && draw_black(f);
    else if (w.kind == VIEW_LINEAR)
        changed = draw_linear(v, f, full);
    else
        changed = draw_planes(v, &w, f, full);
    changed |= resized;
    f->serial += changed;
    v->redraw = false;
    v->drawn.frame = f;
    v->drawn.serial = f->serial;
    return changed;
}

/* --- the text screen --- */

static void text_size(const struct vga_view *w, struct display_text *t)
{
    t->cols = MIN(w->chars, 256);
    t->rows = (u16)MIN(MAX(w->height / w->row_lines, 1), 256);
    t->cursor_row = t->rows;
    t->cursor_col = 0;
}

bool vga_text(void *ctx, struct display_text *t)
{
    struct vga *v = ctx;
    struct vga_view w;
    u32 cursor;

    vga_settle_start(v);
    vga_view_get(v, &w);
    if (w.kind != VIEW_TEXT)
        return false;
    text_size(&w, t);
    vga_colors_update(v);
    vga_palette16(v, t->palette);
    t->blink = v->ar[AR_MODE] & 8;
    /* Without the blinking: a program that reads the screen wants to know where the cursor is. */
    cursor = (u32)(v->cr[CR_CURSOR_HIGH] << 8 | v->cr[CR_CURSOR_LOW]);
    if ((v->cr[CR_CURSOR_START] & 0x20) || (v->cr[CR_CURSOR_START] & 0x1F) > (v->cr[CR_CURSOR_END] & 0x1F))
        cursor = ~0u;
    for (unsigned row = 0; row < t->rows; row++) {
        u32 ma = v->start + row * w.offset;

        if (row * w.row_lines * w.divide > w.line_compare)
            ma = (row - (w.line_compare / w.divide / w.row_lines + 1)) * w.offset;
        for (unsigned col = 0; col < t->cols; col++, ma++) {
            const u8 *cell = v->vram + (size_t)vga_word(vga_address(v, &w, ma, 0)) * 4;

            memcpy(t->cells + (row * t->cols + col) * 2u, cell, 2);
            if ((ma & 0xFFFF) == cursor) {
                t->cursor_row = (u16)row;
                t->cursor_col = (u16)col;
            }
        }
    }
    return true;
}
