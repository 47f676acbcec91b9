/* The firmware configuration device, through its ports and by DMA. */
#include "hw/fwcfg.h"
#include "tests/unit/fake_bus.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdio.h>

enum { SELECT = 0x510, DATA = 0x511, DMA = 0x514, BLOCK = 0x1000, BUFFER = 0x2000 };

struct fixture {
    struct fake_bus fb;
    struct fwcfg f;
    int selected;
};

static int setup(void **state)
{
    static struct fixture t;
    memset(&t, 0, sizeof t);
    fake_bus_init(&t.fb);
    fwcfg_init(&t.f, &t.fb.bus);
    *state = &t;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *t = *state;
    fwcfg_ops.close(&t->f);
    fake_bus_free(&t->fb);
    return 0;
}

static void read_bytes(struct fixture *t, void *out, unsigned len)
{
    for (unsigned i = 0; i < len; i++)
        ((u8 *)out)[i] = fake_inb(&t->fb, DATA);
}

static void test_signature(void **state)
{
    struct fixture *t = *state;
    u8 b[6];
    fake_outw(&t->fb, SELECT, FWCFG_SIGNATURE);
    read_bytes(t, b, 6);
    assert_memory_equal(b, "QEMU\0\0", 6); /* zeros beyond the end */
    fake_outw(&t->fb, SELECT, FWCFG_ID);
    read_bytes(t, b, 4);
    assert_memory_equal(b, "\3\0\0\0", 4);
    assert_int_equal(fake_inl(&t->fb, DMA), 0x554D4551);
    assert_int_equal(fake_inl(&t->fb, DMA + 4), 0x47464320);
    assert_int_equal(fake_inb(&t->fb, DMA + 7), 'G');
}

static void test_items(void **state)
{
    struct fixture *t = *state;
    u8 b[8];
    assert_int_equal(fwcfg_add_u64(&t->f, FWCFG_RAM_SIZE, 0x123456789A), 0);
    assert_int_equal(fwcfg_add_u16(&t->f, FWCFG_NB_CPUS, 1), 0);
    assert_int_equal(fwcfg_add(&t->f, FWCFG_IRQ0_OVERRIDE, "\1", 1), 0);
    assert_int_equal(fwcfg_add_u32(&t->f, 0x7000, 1), -EINVAL);
    fake_outw(&t->fb, SELECT, FWCFG_RAM_SIZE);
    read_bytes(t, b, 8);
    assert_true(ld64(b) == 0x123456789A);
    fwcfg_add_u64(&t->f, FWCFG_RAM_SIZE, 5); /* replaces */
    fake_outw(&t->fb, SELECT, FWCFG_RAM_SIZE);
    assert_int_equal(fake_inb(&t->fb, DATA), 5);
    fake_outw(&t->fb, SELECT, FWCFG_IRQ0_OVERRIDE);
    assert_int_equal(fake_inb(&t->fb, DATA), 1);
    fake_outw(&t->fb, SELECT, FWCFG_IRQ0_OVERRIDE | 0x4000); /* the write channel of old reads too */
    assert_int_equal(fake_inb(&t->fb, DATA), 1);
    for (unsigned key = 0; key < 0x10000; key += 7) {
        fake_outw(&t->fb, SELECT, (u16)key);
        fake_inb(&t->fb, DATA);
    }
    fake_outw(&t->fb, SELECT, 0x7000);
    assert_int_equal(fake_inb(&t->fb, DATA), 0);
    fake_outb(&t->fb, DATA, 0x55); /* nothing can be written */
}

/* Reads the directory as a guest does and returns NAME's key, 0 if it is not there. */
static u16 find(struct fixture *t, const char *name, u32 *size)
{
    u8 e[64];
    fake_outw(&t->fb, SELECT, FWCFG_FILE_DIR);
    read_bytes(t, e, 4);
    u32 count = __builtin_bswap32(ld32(e));
    for (u32 i = 0; i < count; i++) {
        read_bytes(t, e, 64);
        *size = __builtin_bswap32(ld32(e));
        if (strcmp((char *)e + 8, name) == 0)
            return __builtin_bswap16(ld16(e + 4));
    }
    return 0;
}

static void test_files(void **state)
{
    struct fixture *t = *state;
    u32 size;
    u8 b[40];
    assert_int_equal(find(t, "bootorder", &size), 0);
    assert_int_equal(fwcfg_add_file(&t->f, "bootorder", "abc", 4), 0);
    assert_int_equal(fwcfg_add_file(&t->f, "etc/x", "hello", 5), 0);
    assert_int_equal(find(t, "bootorder", &size), 0x20);
    assert_int_equal(size, 4);
    u16 key = find(t, "etc/x", &size);
    assert_int_equal(size, 5);
    fake_outw(&t->fb, SELECT, key);
    read_bytes(t, b, 6);
    assert_memory_equal(b, "hello\0", 6);
    assert_int_equal(fwcfg_add_file(&t->f, "etc/x", "longer text", 11), 0);
    assert_int_equal(find(t, "etc/x", &size), key);
    assert_int_equal(size, 11);
    const struct fwcfg_e820 map[] = {{0, 0x8000000, 1}, {0xFFFC0000, 0x40000, 2}};
    assert_int_equal(fwcfg_add_e820(&t->f, map, 2), 0);
    fake_outw(&t->fb, SELECT, find(t, "etc/e820", &size));
    assert_int_equal(size, 40);
    read_bytes(t, b, 40);
    assert_true(ld64(b + 8) == 0x8000000 && ld32(b + 16) == 1 && ld64(b + 20) == 0xFFFC0000 && ld32(b + 36) == 2);
}

static void test_limits(void **state)
{
    struct fixture *t = *state;
    char name[64];
    memset(name, 'n', sizeof name);
    name[56] = 0;
    assert_int_equal(fwcfg_add_file(&t->f, name, "", 0), -EINVAL);
    assert_int_equal(fwcfg_add_file(&t->f, "", "", 0), -EINVAL);
    for (unsigned i = 0; i < FWCFG_FILES; i++) {
        snprintf(name, sizeof name, "file%u", i);
        assert_int_equal(fwcfg_add_file(&t->f, name, &i, sizeof i), 0);
    }
    assert_int_equal(fwcfg_add_file(&t->f, "one more", "", 0), -ENOSPC);
    assert_int_equal(fwcfg_add_file(&t->f, "file3", "new", 3), 0);
    u32 size;
    assert_int_equal(find(t, "file63", &size), 0x20 + 63);
}

static void on_select(void *ctx)
{
    struct fixture *t = ctx;
    t->selected++;
    fwcfg_add_file(&t->f, "etc/late", "after!", 6);
}

static void test_late_contents(void **state)
{
    struct fixture *t = *state;
    u32 size;
    u8 b[6];
    fwcfg_add_file(&t->f, "etc/late", "before", 6);
    assert_int_equal(fwcfg_on_select(&t->f, "etc/none", on_select, t), -ENOENT);
    assert_int_equal(fwcfg_on_select(&t->f, "etc/late", on_select, t), 0);
    u16 key = find(t, "etc/late", &size);
    assert_int_equal(t->selected, 0);
    fake_outw(&t->fb, SELECT, key);
    read_bytes(t, b, 6);
    assert_memory_equal(b, "after!", 6);
    assert_int_equal(t->selected, 1);
}

/* Runs one DMA command and returns the control word that it leaves. */
static u32 dma(struct fixture *t, u32 control, u32 len, u64 address)
{
    u8 *b = t->fb.ram + BLOCK;
    st32(b, __builtin_bswap32(control));
    st32(b + 4, __builtin_bswap32(len));
    st64(b + 8, __builtin_bswap64(address));
    fake_outl(&t->fb, DMA, 0);
    fake_outl(&t->fb, DMA + 4, __builtin_bswap32(BLOCK));
    return __builtin_bswap32(ld32(b));
}

static void test_dma(void **state)
{
    struct fixture *t = *state;
    u8 *buf = t->fb.ram + BUFFER;
    fwcfg_add_file(&t->f, "etc/x", "0123456789", 10);
    memset(buf, 0xEE, 64);
    assert_int_equal(dma(t, 0x20 << 16 | 8 | 2, 4, BUFFER), 0); /* select and read */
    assert_memory_equal(buf, "0123\xEE", 5);
    assert_int_equal(dma(t, 4, 3, 0), 0);      /* skip */
    assert_int_equal(dma(t, 2, 8, BUFFER), 0); /* over the end: zeros */
    assert_memory_equal(buf, "789\0\0\0\0\0\xEE", 9);
    assert_int_equal(dma(t, 0x20 << 16 | 8 | 16, 4, BUFFER), 1); /* nothing is writable */
    assert_int_equal(dma(t, 0x20 << 16 | 8, 0, 0), 0);
    assert_int_equal(fake_inb(&t->fb, DATA), '0');
    assert_int_equal(dma(t, 4, 0xFFFFFFFF, 0), 0);
    assert_int_equal(dma(t, 4, 0xFFFFFFFF, 0), 0);
    assert_int_equal(dma(t, 2, 10000, BUFFER), 0);
    assert_int_equal(buf[0], 0);
    assert_int_equal(dma(t, 0x20 << 16 | 8 | 2, 100, ~(u64)0 - 7), 0); /* nobody there */
    fake_outb(&t->fb, DMA + 4, 1);                                     /* narrow writes start nothing */
}

static void test_borrowed(void **state)
{
    struct fixture *t = *state;
    static const u8 kernel[3] = {1, 2, 3};
    assert_int_equal(fwcfg_add_borrowed(&t->f, FWCFG_KERNEL_DATA, kernel, 3), 0);
    assert_int_equal(dma(t, (u32)FWCFG_KERNEL_DATA << 16 | 8 | 2, 3, BUFFER), 0);
    assert_memory_equal(t->fb.ram + BUFFER, kernel, 3);
}

static void test_roundtrip(void **state)
{
    struct fixture *t = *state;
    fwcfg_add_file(&t->f, "etc/x", "0123456789", 10);
    fake_outw(&t->fb, SELECT, 0x20);
    fake_inb(&t->fb, DATA);
    fake_inb(&t->fb, DATA);
    assert_true(fake_roundtrip(&fwcfg_ops, &t->f));
    assert_int_equal(fake_inb(&t->fb, DATA), '2');
    t->f.key = 0xFFFF;
    t->f.offset = ~0u;
    assert_int_equal(fake_inb(&t->fb, DATA), 0);
    t->f.key = 0x20;
    assert_int_equal(fake_inb(&t->fb, DATA), 0);
    fwcfg_ops.reset(&t->f);
    assert_int_equal(fake_inb(&t->fb, DATA), 'Q');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_signature, setup, teardown),
        cmocka_unit_test_setup_teardown(test_items, setup, teardown),
        cmocka_unit_test_setup_teardown(test_files, setup, teardown),
        cmocka_unit_test_setup_teardown(test_limits, setup, teardown),
        cmocka_unit_test_setup_teardown(test_late_contents, setup, teardown),
        cmocka_unit_test_setup_teardown(test_dma, setup, teardown),
        cmocka_unit_test_setup_teardown(test_borrowed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_roundtrip, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
