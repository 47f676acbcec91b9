/*
 * test_vga.c - the display adapter through its ports and its window: each mode is programmed as a BIOS
 * does, something is written, and the pixels are looked at.
 */
#include "hw/vga.h"
#include "tests/unit/fake_bus.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum { MS = 1000000, DEVFN = 2 << 3 };

struct rig {
    struct fake_bus fb;
    struct pci_bus pci;
    struct vga vga;
    struct display_source src;
    struct display_frame frame;
    struct display_text text;
};

struct mode {
    u8 misc, sr[4], cr[25], gr[9], ar[21];
};

#define AR16 0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07

static const struct mode mode_03 = {
    0x67,
    {0x00, 0x03, 0x00, 0x02},
    {0x5F, 0x4F, 0x50, 0x82, 0x55, 0x81, 0xBF, 0x1F, 0x00, 0x4F, 0x0D, 0x0E, 0x00,
     0x00, 0x00, 0x00, 0x9C, 0x8E, 0x8F, 0x28, 0x1F, 0x96, 0xB9, 0xA3, 0xFF},
    {0, 0, 0, 0, 0, 0x10, 0x0E, 0x00, 0xFF},
    {0, 1, 2, 3, 4, 5, 0x14, 7, 0x38, 0x39, 0x3A, 0x3B, 0x3C, 0x3D, 0x3E, 0x3F, 0x0C, 0, 0x0F, 0x08, 0}};
static const struct mode mode_04 = {
    0x63,
    {0x09, 0x03, 0x00, 0x02},
    {0x2D, 0x27, 0x28, 0x90, 0x2B, 0x80, 0xBF, 0x1F, 0x00, 0xC1, 0x00, 0x00, 0x00,
     0x00, 0x00, 0x00, 0x9C, 0x8E, 0x8F, 0x14, 0x00, 0x96, 0xB9, 0xA2, 0xFF},
    {0, 0, 0, 0, 0, 0x30, 0x0F, 0x00, 0xFF},
    {0, 0x13, 0x15, 0x17, 2, 4, 6, 7, 0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x01, 0, 0x03, 0, 0}};
static const struct mode mode_06 = {
    0x63,
    {0x01, 0x01, 0x00, 0x06},
    {0x5F, 0x4F, 0x50, 0x82, 0x54, 0x80, 0xBF, 0x1F, 0x00, 0xC1, 0x00, 0x00, 0x00,
     0x00, 0x00, 0x00, 0x9C, 0x8E, 0x8F, 0x28, 0x00, 0x96, 0xB9, 0xC2, 0xFF},
    {0, 0, 0, 0, 0, 0x00, 0x0D, 0x00, 0xFF},
    {0, 0x17, 0x17, 0x17, 0x17, 0x17, 0x17, 0x17, 0x17, 0x17, 0x17, 0x17, 0x17, 0x17, 0x17, 0x17, 0x01, 0, 0x01, 0, 0}};
static const struct mode mode_0d = {0x63,
                                    {0x09, 0x0F, 0x00, 0x06},
                                    {0x2D, 0x27, 0x28, 0x90, 0x2B, 0x80, 0xBF, 0x1F, 0x00, 0xC0, 0x00, 0x00, 0x00,
                                     0x00, 0x00, 0x00, 0x9C, 0x8E, 0x8F, 0x14, 0x00, 0x96, 0xB9, 0xE3, 0xFF},
                                    {0, 0, 0, 0, 0, 0x00, 0x05, 0x0F, 0xFF},
                                    {AR16, 0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x01, 0, 0x0F, 0, 0}};
static const struct mode mode_12 = {0xE3,
                                    {0x01, 0x0F, 0x00, 0x06},
                                    {0x5F, 0x4F, 0x50, 0x82, 0x54, 0x80, 0x0B, 0x3E, 0x00, 0x40, 0x00, 0x00, 0x00,
                                     0x00, 0x00, 0x00, 0xEA, 0x8C, 0xDF, 0x28, 0x00, 0xE7, 0x04, 0xE3, 0xFF},
                                    {0, 0, 0, 0, 0, 0x00, 0x05, 0x0F, 0xFF},
                                    {AR16, 0x38, 0x39, 0x3A, 0x3B, 0x3C, 0x3D, 0x3E, 0x3F, 0x01, 0, 0x0F, 0, 0}};
static const struct mode mode_13 = {0x63,
                                    {0x01, 0x0F, 0x00, 0x0E},
                                    {0x5F, 0x4F, 0x50, 0x82, 0x54, 0x80, 0xBF, 0x1F, 0x00, 0x41, 0x00, 0x00, 0x00,
                                     0x00, 0x00, 0x00, 0x9C, 0x8E, 0x8F, 0x28, 0x40, 0x96, 0xB9, 0xA3, 0xFF},
                                    {0, 0, 0, 0, 0, 0x40, 0x05, 0x0F, 0xFF},
                                    {AR16, 8, 9, 10, 11, 12, 13, 14, 15, 0x41, 0, 0x0F, 0, 0}};

static void put_indexed(struct rig *r, u16 port, u8 index, u8 value)
{
    fake_outw(&r->fb, port, (u16)(value << 8 | index));
}

static u8 get_indexed(struct rig *r, u16 port, u8 index)
{
    fake_outb(&r->fb, port, index);
    return fake_inb(&r->fb, port + 1);
}

static void put_ar(struct rig *r, u8 index, u8 value)
{
    fake_inb(&r->fb, 0x3DA);
    fake_outb(&r->fb, 0x3C0, index);
    fake_outb(&r->fb, 0x3C0, value);
    fake_inb(&r->fb, 0x3DA);
    fake_outb(&r->fb, 0x3C0, 0x20);
}

/* DAC entry i shows as the grey (or rather: unmistakable) value of rgb_of(i). */
static u32 rgb_of(u8 i)
{
    u32 r = i & 0x3F, g = (i >> 2) & 0x3F, b = 0x3F - (i & 0x3F);

    return (r << 2 | r >> 4) << 16 | (g << 2 | g >> 4) << 8 | (b << 2 | b >> 4);
}

static void set_mode(struct rig *r, const struct mode *m)
{
    struct fake_bus *fb = &r->fb;

    fake_outb(fb, 0x3C2, m->misc);
    put_indexed(r, 0x3C4, 0, 1);
    for (u8 i = 0; i < 4; i++)
        put_indexed(r, 0x3C4, i + 1, m->sr[i]);
    put_indexed(r, 0x3C4, 0, 3);
    put_indexed(r, 0x3D4, 0x11, 0);
    for (u8 i = 0; i < 25; i++)
        put_indexed(r, 0x3D4, i, m->cr[i]);
    for (u8 i = 0; i < 9; i++)
        put_indexed(r, 0x3CE, i, m->gr[i]);
    for (u8 i = 0; i < 21; i++)
        put_ar(r, i, m->ar[i]);
    fake_outb(fb, 0x3C6, 0xFF);
    fake_outb(fb, 0x3C8, 0);
    for (unsigned i = 0; i < 256; i++) {
        fake_outb(fb, 0x3C9, i & 0x3F);
        fake_outb(fb, 0x3C9, (i >> 2) & 0x3F);
        fake_outb(fb, 0x3C9, 0x3F - (i & 0x3F));
    }
    fake_run_ns(fb, 40 * MS); /* past a retrace, so that the start address counts */
}

static bool draw(struct rig *r)
{
    return r->src.draw(r->src.ctx, &r->frame);
}

static u32 pixel(struct rig *r, unsigned x, unsigned y)
{
    assert_true(x < r->frame.width && y < r->frame.height);
    return r->frame.pixels[(size_t)y * r->frame.width + x];
}

static int setup(void **state)
{
    struct rig *r = calloc(1, sizeof *r);
    u8 rom[4] = {0x55, 0xAA, 1, 0xCB};

    fake_bus_init(&r->fb);
    pci_bus_init(&r->pci, &r->fb.bus);
    assert_int_equal(vga_init(&r->vga, &r->fb.bus, &r->pci, DEVFN, rom, sizeof rom), 0);
    assert_int_equal(display_frame_init(&r->frame), 0);
    r->src = vga_display(&r->vga);
    *state = r;
    return 0;
}

static int teardown(void **state)
{
    struct rig *r = *state;

    display_frame_free(&r->frame);
    fake_bus_free(&r->fb);
    free(r);
    return 0;
}

/* --- text --- */

/* Gives character CH the shape ROWS x BYTE the way a BIOS does: sequential access to plane 2. */
static void load_glyph(struct rig *r, u32 font, u8 ch, const u8 *rows, unsigned n)
{
    put_indexed(r, 0x3C4, 2, 4);
    put_indexed(r, 0x3C4, 4, 7);
    put_indexed(r, 0x3CE, 4, 2);
    put_indexed(r, 0x3CE, 5, 0);
    put_indexed(r, 0x3CE, 6, 4);
    for (unsigned i = 0; i < n; i++)
        fake_write(&r->fb, 0xA0000 + font + ch * 32u + i, rows[i], 1);
    put_indexed(r, 0x3C4, 2, 3);
    put_indexed(r, 0x3C4, 4, 2);
    put_indexed(r, 0x3CE, 4, 0);
    put_indexed(r, 0x3CE, 5, 0x10);
    put_indexed(r, 0x3CE, 6, 0x0E);
}

static void test_text(void **state)
{
    struct rig *r = *state;
    static const u8 shape[16] = {0x81, 0xFF, 0x01};

    set_mode(r, &mode_03);
    put_indexed(r, 0x3D4, 0x0A, 0x20);
    load_glyph(r, 0, 'A', shape, 16);
    load_glyph(r, 0, 0xC4, shape, 16);
    fake_write(&r->fb, 0xB8000, 0x1E41, 2);
    fake_write(&r->fb, 0xB8002, 0x1EC4, 2);
    assert_int_equal(fake_read(&r->fb, 0xB8000, 4), 0x1EC41E41);
    assert_true(draw(r));
    assert_int_equal(r->frame.width, 720);
    assert_int_equal(r->frame.height, 400);
    assert_int_equal(r->frame.aspect_w * 3, r->frame.aspect_h * 4);
    u32 yellow = rgb_of(0x3E), blue = rgb_of(1);
    assert_int_equal(pixel(r, 0, 0), yellow);
    assert_int_equal(pixel(r, 1, 0), blue);
    assert_int_equal(pixel(r, 7, 0), yellow);
    assert_int_equal(pixel(r, 8, 0), blue);       /* ninth dot is background */
    assert_int_equal(pixel(r, 9 + 8, 0), yellow); /* but line graphics repeat the eighth */
    assert_int_equal(pixel(r, 9 + 8, 3), blue);
    assert_false(draw(r)); /* nothing new */
    fake_write(&r->fb, 0xB8001, 0x2E, 1);
    assert_true(draw(r));
    assert_int_equal(pixel(r, 1, 0), rgb_of(2));

    assert_true(r->src.text(r->src.ctx, &r->text));
    assert_int_equal(r->text.cols, 80);
    assert_int_equal(r->text.rows, 25);
    assert_int_equal(r->text.cells[0], 'A');
    assert_int_equal(r->text.cells[3], 0x1E);
    assert_int_equal(r->text.palette[14], yellow);
    assert_true(r->text.cursor_row >= r->text.rows);
}

static void test_text_512(void **state)
{
    struct rig *r = *state;
    static const u8 full[16] = {0xFF, 0xFF}, none[16] = {0};

    set_mode(r, &mode_03);
    put_indexed(r, 0x3D4, 0x0A, 0x20);
    load_glyph(r, 0, 'B', none, 16);
    load_glyph(r, 0x4000, 'B', full, 16);
    put_indexed(r, 0x3C4, 3, 0x04); /* set A (attribute bit 3) from the second 16 KiB, set B from the first */
    fake_write(&r->fb, 0xB8000, 0x0742, 2);
    fake_write(&r->fb, 0xB8002, 0x0F42, 2);
    draw(r);
    assert_int_equal(pixel(r, 0, 0), rgb_of(0));
    assert_int_equal(pixel(r, 9, 0), rgb_of(0x3F));
    /* Changing a shape redraws without a change of the text. */
    load_glyph(r, 0, 'B', full, 16);
    assert_true(draw(r));
    assert_int_equal(pixel(r, 0, 1), rgb_of(7));
}

static void test_cursor_and_blink(void **state)
{
    struct rig *r = *state;
    static const u8 full[16] = {0xFF};
    unsigned cursor = 0, glyph = 0, steps = 64;

    set_mode(r, &mode_03);
    load_glyph(r, 0, 'C', full, 16);
    fake_write(&r->fb, 0xB8000, 0x8743, 2);
    fake_write(&r->fb, 0xB8002, 0x0700, 2);
    put_indexed(r, 0x3D4, 0x0E, 0);
    put_indexed(r, 0x3D4, 0x0F, 1);
    for (unsigned i = 0; i < steps; i++) { /* 64 frames: 4 periods of the cursor, 2 of the characters */
        fake_run_ns(&r->fb, 14268 * 1000);
        draw(r);
        cursor += pixel(r, 9, 13) == rgb_of(7);
        glyph += pixel(r, 0, 0) == rgb_of(7);
    }
    assert_in_range(cursor, 30, 34);
    assert_in_range(glyph, 30, 34);
    assert_true(r->src.text(r->src.ctx, &r->text));
    assert_int_equal(r->text.cursor_col, 1);
    assert_int_equal(r->text.cursor_row, 0);
    /* Without the blink attribute bit 7 is a bright background. */
    put_ar(r, 0x10, 0x04);
    draw(r);
    assert_int_equal(pixel(r, 0, 1), rgb_of(0x38));
}

/* --- graphics --- */

static void test_mode_04(void **state)
{
    struct rig *r = *state;

    set_mode(r, &mode_04);
    fake_write(&r->fb, 0xB8000, 0x1B, 1); /* colours 0 1 2 3 */
    fake_write(&r->fb, 0xB8001, 0xE4, 1); /* colours 3 2 1 0 */
    fake_write(&r->fb, 0xBA000, 0xC0, 1); /* line 1 is in the second 8 KiB */
    fake_write(&r->fb, 0xB8050, 0x40, 1); /* line 2 */
    assert_true(draw(r));
    assert_int_equal(r->frame.width, 320);
    assert_int_equal(r->frame.height, 200);
    static const u8 want[8] = {0, 0x13, 0x15, 0x17, 0x17, 0x15, 0x13, 0};
    for (unsigned x = 0; x < 8; x++)
        assert_int_equal(pixel(r, x, 0), rgb_of(want[x]));
    assert_int_equal(pixel(r, 0, 1), rgb_of(0x17));
    assert_int_equal(pixel(r, 0, 2), rgb_of(0x13));
    assert_int_equal(fake_read(&r->fb, 0xB8000, 2), 0xE41B);
}

static void test_mode_06(void **state)
{
    struct rig *r = *state;

    set_mode(r, &mode_06);
    fake_write(&r->fb, 0xB8001, 0xA0, 1);
    fake_write(&r->fb, 0xBA050, 0x01, 1);
    assert_true(draw(r));
    assert_int_equal(r->frame.width, 640);
    assert_int_equal(r->frame.height, 200);
    assert_int_equal(pixel(r, 8, 0), rgb_of(0x17));
    assert_int_equal(pixel(r, 9, 0), rgb_of(0));
    assert_int_equal(pixel(r, 10, 0), rgb_of(0x17));
    assert_int_equal(pixel(r, 7, 3), rgb_of(0x17));
}

static void test_mode_0d(void **state)
{
    struct rig *r = *state;

    set_mode(r, &mode_0d);
    put_indexed(r, 0x3C4, 2, 0x09);
    fake_write(&r->fb, 0xA0000 + 40 * 199 + 39, 0x01, 1);
    assert_true(draw(r));
    assert_int_equal(r->frame.width, 320);
    assert_int_equal(r->frame.height, 200);
    assert_int_equal(pixel(r, 319, 199), rgb_of(0x11));
}

static void test_mode_12_write_modes(void **state)
{
    struct rig *r = *state;
    struct fake_bus *fb = &r->fb;

    set_mode(r, &mode_12);
    fake_write(fb, 0xA0000, 0xFF, 1); /* mode 0, all planes: 8 pixels of colour 15 */
    put_indexed(r, 0x3CE, 8, 0x0F);   /* bit mask: right half from set/reset, left half from the latches */
    put_indexed(r, 0x3CE, 0, 0x04);
    put_indexed(r, 0x3CE, 1, 0x0F);
    fake_read(fb, 0xA0000, 1);
    fake_write(fb, 0xA0000, 0, 1);
    put_indexed(r, 0x3CE, 1, 0);
    put_indexed(r, 0x3CE, 8, 0xFF);
    put_indexed(r, 0x3CE, 5, 1); /* mode 1 copies the latches */
    fake_read(fb, 0xA0000, 1);
    fake_write(fb, 0xA0001, 0, 1);
    put_indexed(r, 0x3CE, 5, 2); /* mode 2: the colour is the data */
    put_indexed(r, 0x3CE, 8, 0x80);
    fake_read(fb, 0xA0002, 1);
    fake_write(fb, 0xA0002, 0x0A, 1);
    put_indexed(r, 0x3CE, 5, 3); /* mode 3: the data is a mask, rotated */
    put_indexed(r, 0x3CE, 8, 0xFF);
    put_indexed(r, 0x3CE, 0, 0x09);
    put_indexed(r, 0x3CE, 3, 0x01);
    fake_read(fb, 0xA0003, 1);
    fake_write(fb, 0xA0003, 0x01, 1);
    put_indexed(r, 0x3CE, 3, 0x18); /* exclusive or with the latches */
    put_indexed(r, 0x3CE, 5, 2);
    fake_read(fb, 0xA0000, 1);
    fake_write(fb, 0xA0004, 0x03, 1);
    put_indexed(r, 0x3CE, 3, 0);
    draw(r);
    assert_int_equal(r->frame.width, 640);
    assert_int_equal(r->frame.height, 480);
    assert_int_equal(pixel(r, 3, 0), rgb_of(0x3F));
    assert_int_equal(pixel(r, 4, 0), rgb_of(4));
    assert_int_equal(pixel(r, 8, 0), rgb_of(0x3F));
    assert_int_equal(pixel(r, 15, 0), rgb_of(4));
    assert_int_equal(pixel(r, 16, 0), rgb_of(0x3A));
    assert_int_equal(pixel(r, 17, 0), rgb_of(0));
    assert_int_equal(pixel(r, 24, 0), rgb_of(0x39));
    assert_int_equal(pixel(r, 31, 0), rgb_of(0));
    assert_int_equal(pixel(r, 32, 0), rgb_of(0x3C)); /* 15 ^ 3 */
    assert_int_equal(pixel(r, 36, 0), rgb_of(7));    /* 4 ^ 3 */
    /* Read map select and colour compare. */
    put_indexed(r, 0x3CE, 5, 0);
    put_indexed(r, 0x3CE, 4, 2);
    assert_int_equal(fake_read(fb, 0xA0000, 1), 0xFF);
    put_indexed(r, 0x3CE, 4, 0);
    assert_int_equal(fake_read(fb, 0xA0000, 1), 0xF0);
    put_indexed(r, 0x3CE, 5, 8);
    put_indexed(r, 0x3CE, 2, 4);
    assert_int_equal(fake_read(fb, 0xA0000, 1), 0x0F);
    put_indexed(r, 0x3CE, 7, 0);
    assert_int_equal(fake_read(fb, 0xA0000, 1), 0xFF);
}

static void test_mode_13(void **state)
{
    struct rig *r = *state;

    set_mode(r, &mode_13);
    fake_write(&r->fb, 0xA0000 + 320 * 100 + 7, 0xC5, 1);
    fake_write(&r->fb, 0xA0000, 0x04030201, 4);
    assert_true(draw(r));
    assert_int_equal(r->frame.width, 320);
    assert_int_equal(r->frame.height, 200);
    assert_int_equal(pixel(r, 7, 100), rgb_of(0xC5));
    for (unsigned x = 0; x < 4; x++)
        assert_int_equal(pixel(r, x, 0), rgb_of((u8)(x + 1)));
    assert_false(draw(r));
    fake_write(&r->fb, 0xA0000 + 63999, 9, 1);
    assert_true(draw(r));
    assert_int_equal(pixel(r, 319, 199), rgb_of(9));
    /* PEL mask and palette reach pixels that did not change. */
    fake_outb(&r->fb, 0x3C6, 0x0F);
    assert_true(draw(r));
    assert_int_equal(pixel(r, 7, 100), rgb_of(5));
    fake_outb(&r->fb, 0x3C8, 5);
    fake_outb(&r->fb, 0x3C9, 63);
    fake_outb(&r->fb, 0x3C9, 0);
    fake_outb(&r->fb, 0x3C9, 0);
    assert_true(draw(r));
    assert_int_equal(pixel(r, 7, 100), 0xFF0000);
    /* Bytes that chain-4 wrote are in the planes as the manual says: address & ~3, plane by the low bits. */
    put_indexed(r, 0x3C4, 4, 6);
    put_indexed(r, 0x3CE, 4, 3);
    assert_int_equal(fake_read(&r->fb, 0xA0000 + ((320 * 100 + 7) & ~3u), 1), 0xC5);
}

static void set_mode_x(struct rig *r)
{
    static const u8 cr[][2] = {{0x06, 0x0D}, {0x07, 0x3E}, {0x09, 0x41}, {0x10, 0xEA}, {0x11, 0xAC},
                               {0x12, 0xDF}, {0x14, 0x00}, {0x15, 0xE7}, {0x16, 0x06}, {0x17, 0xE3}};

    set_mode(r, &mode_13);
    put_indexed(r, 0x3C4, 4, 6);
    fake_outb(&r->fb, 0x3C2, 0xE3);
    put_indexed(r, 0x3D4, 0x11, 0x0E);
    for (unsigned i = 0; i < ARRAY_LEN(cr); i++)
        put_indexed(r, 0x3D4, cr[i][0], cr[i][1]);
}

static void test_mode_x(void **state)
{
    struct rig *r = *state;

    set_mode_x(r);
    put_indexed(r, 0x3C4, 2, 0x04);
    fake_write(&r->fb, 0xA0000 + 80 * 239 + 79, 0x77, 1);
    draw(r);
    assert_int_equal(r->frame.height, 240);
    assert_int_equal(pixel(r, 318, 239), rgb_of(0x77));
    /* Page flip: taken over at the next retrace, not before. */
    fake_write(&r->fb, 0xA0000 + 0x4B00, 0x55, 1);
    while (fake_inb(&r->fb, 0x3DA) & 8)
        fake_run_ns(&r->fb, 1000);
    while (!(fake_inb(&r->fb, 0x3DA) & 8))
        fake_run_ns(&r->fb, 1000);
    put_indexed(r, 0x3D4, 0x0C, 0x4B);
    draw(r);
    assert_int_equal(pixel(r, 2, 0), rgb_of(0));
    fake_run_ns(&r->fb, 10 * MS);
    draw(r);
    assert_int_equal(pixel(r, 2, 0), rgb_of(0));
    fake_run_ns(&r->fb, 8 * MS);
    assert_true(draw(r));
    assert_int_equal(pixel(r, 2, 0), rgb_of(0x55));
    /* Panning by pixels. */
    put_ar(r, 0x13, 2);
    draw(r);
    assert_int_equal(pixel(r, 1, 0), rgb_of(0x55));
}

static void test_line_compare(void **state)
{
    struct rig *r = *state;

    set_mode_x(r);
    put_indexed(r, 0x3C4, 2, 0x0F);
    fake_write(&r->fb, 0xA0000, 0x11, 1);         /* first line of the split */
    fake_write(&r->fb, 0xA0000 + 16000, 0x22, 1); /* start of the upper part */
    put_indexed(r, 0x3D4, 0x0C, 16000 >> 8);
    put_indexed(r, 0x3D4, 0x0D, 16000 & 0xFF);
    put_indexed(r, 0x3D4, 0x18, 399 & 0xFF);
    put_indexed(r, 0x3D4, 0x07, 0x3E);
    put_indexed(r, 0x3D4, 0x09, 0x01); /* bit 9 of the line compare cleared, rows doubled by the maximum scan line */
    fake_run_ns(&r->fb, 40 * MS);
    draw(r);
    assert_int_equal(pixel(r, 0, 0), rgb_of(0x22));
    assert_int_equal(pixel(r, 0, 200), rgb_of(0x11));
    assert_int_equal(pixel(r, 0, 199), rgb_of(0));
}

/* --- registers --- */

static void test_registers(void **state)
{
    struct rig *r = *state;

    set_mode(r, &mode_03);
    put_indexed(r, 0x3CE, 5, 0xFF);
    assert_int_equal(get_indexed(r, 0x3CE, 5), 0x7B);
    put_indexed(r, 0x3C4, 2, 0xFF);
    assert_int_equal(get_indexed(r, 0x3C4, 2), 0x0F);
    assert_int_equal(fake_inb(&r->fb, 0x3CC), 0x67);
    /* Write protection of CR0-7, line compare bit excepted. */
    put_indexed(r, 0x3D4, 0x11, 0x8E);
    put_indexed(r, 0x3D4, 0x00, 0x12);
    assert_int_equal(get_indexed(r, 0x3D4, 0), 0x5F);
    put_indexed(r, 0x3D4, 0x07, 0x00);
    assert_int_equal(get_indexed(r, 0x3D4, 7), 0x0F);
    /* The CRTC moves to 3Bxh. */
    fake_outb(&r->fb, 0x3C2, 0x66);
    assert_int_equal(fake_inb(&r->fb, 0x3D5), 0xFF);
    fake_outb(&r->fb, 0x3B4, 0);
    assert_int_equal(fake_inb(&r->fb, 0x3B5), 0x5F);
    fake_outb(&r->fb, 0x3C2, 0x67);
    /* Attribute flip-flop: index, data, index. */
    fake_inb(&r->fb, 0x3DA);
    fake_outb(&r->fb, 0x3C0, 0x30);
    fake_outb(&r->fb, 0x3C0, 0x08);
    fake_outb(&r->fb, 0x3C0, 0x33);
    assert_int_equal(fake_inb(&r->fb, 0x3C0), 0x33);
    fake_inb(&r->fb, 0x3DA);
    fake_outb(&r->fb, 0x3C0, 0x30);
    assert_int_equal(fake_inb(&r->fb, 0x3C1), 0x08);
    fake_inb(&r->fb, 0x3DA);
    /* DAC: read and write indices, state. */
    fake_outb(&r->fb, 0x3C7, 10);
    assert_int_equal(fake_inb(&r->fb, 0x3C7), 3);
    assert_int_equal(fake_inb(&r->fb, 0x3C9), 10);
    assert_int_equal(fake_inb(&r->fb, 0x3C9), 2);
    assert_int_equal(fake_inb(&r->fb, 0x3C9), 53);
    assert_int_equal(fake_inb(&r->fb, 0x3C9), 11);
    fake_outb(&r->fb, 0x3C8, 0);
    assert_int_equal(fake_inb(&r->fb, 0x3C7), 0);
    /* The bit that enables memory does not matter. */
    put_indexed(r, 0x3CE, 5, 0x10);
    put_indexed(r, 0x3C4, 2, 3);
    fake_write(&r->fb, 0xB8000, 0x0741, 2);
    fake_outb(&r->fb, 0x3C2, 0x65);
    assert_int_equal(fake_read(&r->fb, 0xB8000, 2), 0x0741);
}

static void test_retrace_timing(void **state)
{
    struct rig *r = *state;
    unsigned vsync = 0, hidden = 0, edges = 0, last = 0, n = 100000;

    set_mode(r, &mode_03);
    for (unsigned i = 0; i < n; i++) { /* 1 s in steps of 10 us */
        u8 s = fake_inb(&r->fb, 0x3DA);

        edges += (s & 8) && !last;
        last = s & 8;
        vsync += last != 0;
        hidden += s & 1;
        fake_run_ns(&r->fb, 10000);
    }
    assert_in_range(edges, 69, 71);            /* 70.09 Hz */
    assert_in_range(vsync, 350, 550);          /* 2 of 449 lines */
    assert_in_range(hidden, n / 5, n * 2 / 5); /* 1 - 400/449 * 80/100 */
}

static void test_screen_off_and_reset(void **state)
{
    struct rig *r = *state;

    set_mode(r, &mode_13);
    fake_write(&r->fb, 0xA0000, 0x20, 1);
    draw(r);
    assert_int_not_equal(pixel(r, 0, 0), 0);
    put_indexed(r, 0x3C4, 1, 0x21);
    assert_true(draw(r));
    assert_int_equal(pixel(r, 0, 0), 0);
    put_indexed(r, 0x3C4, 1, 0x01);
    assert_true(draw(r));
    assert_int_not_equal(pixel(r, 0, 0), 0);
    vga_ops.reset(&r->vga);
    assert_true(draw(r));
    assert_int_equal(r->frame.width, 0);
    assert_false(draw(r));
}

static void test_two_frames(void **state)
{
    struct rig *r = *state;
    struct display_frame other;

    set_mode(r, &mode_13);
    assert_int_equal(display_frame_init(&other), 0);
    fake_write(&r->fb, 0xA0000, 1, 1);
    draw(r);
    fake_write(&r->fb, 0xA0000, 2, 1);
    assert_true(r->src.draw(r->src.ctx, &other));
    assert_true(draw(r)); /* the other frame must not have eaten the change */
    assert_int_equal(pixel(r, 0, 0), rgb_of(2));
    display_frame_free(&other);
}

static void test_pci(void **state)
{
    struct rig *r = *state;

    assert_int_equal(pci_config_read(&r->pci, DEVFN, 0, 4), 0x11111234);
    pci_config_write(&r->pci, DEVFN, 0x10, 0xE0000000, 4);
    pci_config_write(&r->pci, DEVFN, 0x30, 0xFEBE0001, 4);
    pci_config_write(&r->pci, DEVFN, 0x04, 3, 2);
    assert_int_equal(fake_read(&r->fb, 0xFEBE0000, 4), 0xCB01AA55);
    fake_write(&r->fb, 0xE0000010, 0xAB, 1);
    assert_int_equal(r->vga.vram[0x10], 0xAB);
    pci_config_write(&r->pci, DEVFN, 0x10, 0xD0000000, 4);
    assert_int_equal(fake_read(&r->fb, 0xD0000010, 1), 0xAB);
}

static void test_state(void **state)
{
    struct rig *r = *state;

    set_mode(r, &mode_13);
    pci_config_write(&r->pci, DEVFN, 0x10, 0xE0000000, 4);
    pci_config_write(&r->pci, DEVFN, 0x04, 3, 2);
    fake_write(&r->fb, 0xA0005, 0x42, 1);
    put_indexed(r, 0x3D4, 0x0C, 0x01);
    assert_true(fake_roundtrip(&vga_ops, &r->vga));
    assert_int_equal(fake_read(&r->fb, 0xA0005, 1), 0x42);
    assert_int_equal(fake_read(&r->fb, 0xE0000005, 1), 0x42);
    r->vga.dac_sub = 3;
    assert_true(vga_ops.loaded(&r->vga) < 0);
}

/* Whatever the registers hold, drawing stays inside frame and memory (the sanitizers watch). */
static void test_random_registers(void **state)
{
    struct rig *r = *state;
    u32 seed = 1;

    for (unsigned i = 0; i < 60000; i++) {
        static const u16 ports[] = {0x3C0, 0x3C2, 0x3C4, 0x3C5, 0x3CE, 0x3CF, 0x3D4, 0x3D5, 0x3C6, 0x3C8, 0x3C9, 0x1CE};
        u16 port;

        seed = seed * 1664525 + 1013904223;
        port = ports[(seed >> 8) % ARRAY_LEN(ports)];
        if (port == 0x1CE) {
            fake_outw(&r->fb, 0x1CE, (seed >> 16) % 12);
            fake_outw(&r->fb, 0x1CF, (u16)(seed >> 12 & ((seed & 64) ? 0x7FF : 0x61)));
        } else {
            fake_outb(&r->fb, port, (u8)(seed >> 16));
        }
        fake_write(&r->fb, 0xA0000 + (seed >> 11 & 0x1FFFF), seed, 1);
        fake_read(&r->fb, 0xA0000 + (seed >> 13 & 0x1FFFF), 1);
        fake_inb(&r->fb, 0x3DA);
        fake_inb(&r->fb, 0x3C2);
        fake_run_ns(&r->fb, 5000);
        if (i % 200 == 0) {
            draw(r);
            r->src.text(r->src.ctx, &r->text);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
        T(test_text),
        T(test_text_512),
        T(test_cursor_and_blink),
        T(test_mode_04),
        T(test_mode_06),
        T(test_mode_0d),
        T(test_mode_12_write_modes),
        T(test_mode_13),
        T(test_mode_x),
        T(test_line_compare),
        T(test_registers),
        T(test_retrace_timing),
        T(test_two_frames),
        T(test_pci),
        T(test_screen_off_and_reset),
        T(test_state),
        T(test_random_registers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
