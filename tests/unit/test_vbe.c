/*
 * test_vbe.c - the display interface's registers, and pixels of its modes through the linear frame buffer and
 * the banked window.
 */
#include "hw/vga.h"
#include "tests/unit/fake_bus.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum { DEVFN = 2 << 3 };
#define LFB 0xE0000000ull

struct rig {
    struct fake_bus fb;
    struct pci_bus pci;
    struct vga vga;
    struct display_source src;
    struct display_frame frame;
};

static u16 get(struct rig *r, u16 index)
{
    fake_outw(&r->fb, 0x1CE, index);
    return fake_inw(&r->fb, 0x1CF);
}

static void put(struct rig *r, u16 index, u16 value)
{
    fake_outw(&r->fb, 0x1CE, index);
    fake_outw(&r->fb, 0x1D0, value);
}

static void set_mode(struct rig *r, u16 w, u16 h, u16 bpp, u16 flags)
{
    put(r, VBE_ENABLE, 0);
    put(r, VBE_XRES, w);
    put(r, VBE_YRES, h);
    put(r, VBE_BPP, bpp);
    put(r, VBE_ENABLE, VBE_ENABLED | flags);
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

    fake_bus_init(&r->fb);
    pci_bus_init(&r->pci, &r->fb.bus);
    assert_int_equal(vga_init(&r->vga, &r->fb.bus, &r->pci, DEVFN, NULL, 0), 0);
    pci_config_write(&r->pci, DEVFN, 0x10, (u32)LFB, 4);
    pci_config_write(&r->pci, DEVFN, 0x04, 3, 2);
    assert_int_equal(display_frame_init(&r->frame), 0);
    r->src = vga_display(&r->vga);
    fake_outb(&r->fb, 0x3C2, 0x67);
    fake_outw(&r->fb, 0x3CE, 0x0506); /* graphics, window at A0000h */
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

static void test_registers(void **state)
{
    struct rig *r = *state;

    assert_int_equal(get(r, VBE_ID), 0xB0C5);
    put(r, VBE_ID, 0xB0C0);
    assert_int_equal(get(r, VBE_ID), 0xB0C0);
    put(r, VBE_ID, 0x1234);
    assert_int_equal(get(r, VBE_ID), 0xB0C0);
    assert_int_equal(get(r, VBE_VIDEO_MEMORY_64K), 256);
    put(r, VBE_ENABLE, VBE_GETCAPS);
    assert_int_equal(get(r, VBE_XRES), 2560);
    assert_int_equal(get(r, VBE_YRES), 1600);
    assert_int_equal(get(r, VBE_BPP), 32);
    set_mode(r, 1024, 768, 32, VBE_LFB);
    assert_int_equal(get(r, VBE_ENABLE), 0x41);
    assert_int_equal(get(r, VBE_VIRT_WIDTH), 1024);
    assert_int_equal(get(r, VBE_VIRT_HEIGHT), 4096);
    put(r, VBE_VIRT_WIDTH, 2048);
    assert_int_equal(get(r, VBE_VIRT_HEIGHT), 2048);
    put(r, VBE_X_OFFSET, 5000);
    assert_int_equal(get(r, VBE_X_OFFSET), 1024);
    put(r, VBE_Y_OFFSET, 5000);
    assert_int_equal(get(r, VBE_Y_OFFSET), 2048 - 768);
    put(r, VBE_VIRT_WIDTH, 100); /* narrower than the screen cannot be */
    assert_int_equal(get(r, VBE_VIRT_WIDTH), 1024);
    assert_int_equal(get(r, 0x55), 0);
}

static void test_depths(void **state)
{
    struct rig *r = *state;

    set_mode(r, 800, 600, 32, VBE_LFB);
    fake_write(&r->fb, LFB + (599 * 800 + 799) * 4, 0xFF123456, 4);
    assert_true(draw(r));
    assert_int_equal(r->frame.width, 800);
    assert_int_equal(r->frame.height, 600);
    assert_int_equal(r->frame.aspect_w, 800);
    assert_int_equal(pixel(r, 799, 599), 0x123456);
    assert_false(draw(r));
    set_mode(r, 640, 480, 24, VBE_LFB);
    draw(r);
    fake_write(&r->fb, LFB + (640 + 1) * 3, 0xA1B2C3, 4);
    assert_true(draw(r));
    assert_int_equal(pixel(r, 1, 1), 0xA1B2C3);
    assert_int_equal(pixel(r, 2, 1), 0);
    set_mode(r, 640, 480, 16, VBE_LFB);
    fake_write(&r->fb, LFB + 2, 0xF81F, 2);
    draw(r);
    assert_int_equal(pixel(r, 1, 0), 0xFF00FF);
    set_mode(r, 640, 480, 15, VBE_LFB);
    fake_write(&r->fb, LFB + 2, 0x03E0, 2);
    draw(r);
    assert_int_equal(pixel(r, 1, 0), 0x00FF00);
    set_mode(r, 640, 480, 8, VBE_LFB | VBE_8BIT_DAC);
    fake_outb(&r->fb, 0x3C8, 7);
    fake_outb(&r->fb, 0x3C9, 0x81);
    fake_outb(&r->fb, 0x3C9, 0x42);
    fake_outb(&r->fb, 0x3C9, 0x24);
    fake_write(&r->fb, LFB + 3, 7, 1);
    draw(r);
    assert_int_equal(pixel(r, 3, 0), 0x814224);
    set_mode(r, 640, 480, 8, VBE_LFB | VBE_NOCLEARMEM); /* 6-bit DAC again */
    draw(r);
    assert_int_equal(pixel(r, 3, 0), 0x040892);
}

static void test_banks(void **state)
{
    struct rig *r = *state;

    set_mode(r, 640, 480, 8, 0);
    fake_outb(&r->fb, 0x3C8, 1);
    fake_outb(&r->fb, 0x3C9, 63);
    fake_outb(&r->fb, 0x3C9, 63);
    fake_outb(&r->fb, 0x3C9, 63);
    draw(r);
    put(r, VBE_BANK, 1);
    fake_write(&r->fb, 0xA0000 + (640 * 103 - 65536), 1, 1);
    assert_true(draw(r));
    assert_int_equal(pixel(r, 0, 103), 0xFFFFFF);
    assert_int_equal(fake_read(&r->fb, LFB + 640 * 103, 1), 1);
    put(r, VBE_BANK, 0);
    assert_int_equal(fake_read(&r->fb, 0xA0000 + (640 * 103 - 65536), 1), 0);
}

static void test_panning(void **state)
{
    struct rig *r = *state;

    set_mode(r, 640, 480, 32, VBE_LFB);
    put(r, VBE_VIRT_WIDTH, 1024);
    fake_write(&r->fb, LFB + (500 * 1024 + 30) * 4, 0xABCDEF, 4);
    draw(r);
    put(r, VBE_X_OFFSET, 20);
    put(r, VBE_Y_OFFSET, 490);
    assert_true(draw(r));
    assert_int_equal(pixel(r, 10, 10), 0xABCDEF);
}

/* 16 colours beyond what fits into 64 KiB of each plane. */
static void test_planar(void **state)
{
    struct rig *r = *state;

    set_mode(r, 1024, 768, 4, 0);
    for (u8 i = 0; i < 16; i++) {
        fake_inb(&r->fb, 0x3DA);
        fake_outb(&r->fb, 0x3C0, i);
        fake_outb(&r->fb, 0x3C0, i);
    }
    fake_outb(&r->fb, 0x3C0, 0x12);
    fake_outb(&r->fb, 0x3C0, 0x0F);
    fake_outb(&r->fb, 0x3C8, 5);
    fake_outb(&r->fb, 0x3C9, 0);
    fake_outb(&r->fb, 0x3C9, 0);
    fake_outb(&r->fb, 0x3C9, 63);
    fake_outw(&r->fb, 0x3C4, 0x0604);
    fake_outw(&r->fb, 0x3C4, 0x0502);
    fake_outw(&r->fb, 0x3CE, 0xFF08);
    draw(r);
    put(r, VBE_BANK, 1);
    fake_write(&r->fb, 0xA0000 + (128 * 600 + 2 - 65536), 0x80, 1);
    assert_true(draw(r));
    assert_int_equal(pixel(r, 16, 600), 0x0000FF);
    assert_int_equal(pixel(r, 17, 600), 0);
}

static void test_state(void **state)
{
    struct rig *r = *state;

    set_mode(r, 1024, 768, 16, VBE_LFB);
    fake_write(&r->fb, LFB + 1024 * 1024 * 10, 0x55, 1);
    put(r, VBE_BANK, 3);
    assert_true(fake_roundtrip(&vga_ops, &r->vga));
    assert_int_equal(get(r, VBE_XRES), 1024);
    assert_int_equal(fake_read(&r->fb, LFB + 1024 * 1024 * 10, 1), 0x55);
    r->vga.vbe.xres = 0xFFFF; /* as a damaged file would have it */
    r->vga.vbe.virt_width = 0;
    r->vga.vbe.bpp = 77;
    r->vga.vbe.y_offset = 0xFFFF;
    assert_int_equal(vga_ops.loaded(&r->vga), 0);
    draw(r);
    assert_int_equal(r->frame.width, 2560);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
        T(test_registers), T(test_depths), T(test_banks), T(test_panning), T(test_planar), T(test_state),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
