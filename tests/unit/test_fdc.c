/* The floppy controller: commands with DMA and without, results, change line, rates, seeks, formatting, saving in
 * flight. */
#include "hw/fdc.h"
#include "tests/unit/fake_bus.h"
#include "tests/unit/mem_block.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

enum { DOR = 0x3F2, TDR = 0x3F3, MSR = 0x3F4, FIFO = 0x3F5, DIR = 0x3F7, IRQ6 = 6 };

struct fixture {
    struct fake_bus fb;
    struct fdc fdc;
    struct mem_block disk, second;
    /* The DMA controller: a buffer that is read or written until its count is through. */
    u8 mem[65536];
    unsigned pos, count;
    bool masked, dreq;
};

static void dma_request(void *ctx, unsigned chan, bool level)
{
    struct fixture *t = ctx;
    assert_int_equal(chan, 2);
    t->dreq = level;
}

static unsigned dma_transfer(void *ctx, unsigned chan, u8 *buf, unsigned len, bool to_memory, bool *tc)
{
    struct fixture *t = ctx;
    unsigned n = t->masked ? 0 : MIN(len, t->count - t->pos);

    *tc = false;
    if (to_memory)
        memcpy(t->mem + t->pos, buf, n);
    else
        memcpy(buf, t->mem + t->pos, n);
    t->pos += n;
    if (n && t->pos == t->count) {
        *tc = true;
        t->masked = true;
    }
    return n;
}

static bool dma_ready(void *ctx, unsigned chan)
{
    return !((struct fixture *)ctx)->masked;
}

static void dma_program(struct fixture *t, unsigned count)
{
    t->pos = 0;
    t->count = count;
    t->masked = false;
}

static int setup(void **state)
{
    struct fixture *t = calloc(1, sizeof *t);
    const struct isa_dma dma = {.ctx = t, .request = dma_request, .transfer = dma_transfer, .ready = dma_ready};
    fake_bus_init(&t->fb);
    mem_block_init(&t->disk, 1440 * 1024, 512);
    mem_block_init(&t->second, 360 * 1024, 512);
    fdc_init(&t->fdc, &t->fb.bus, &dma, fake_line(&t->fb, IRQ6));
    fdc_attach(&t->fdc, 0, &t->disk.block);
    fdc_ops.reset(&t->fdc);
    *state = t;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *t = *state;
    fake_bus_free(&t->fb);
    block_close(&t->disk.block);
    block_close(&t->second.block);
    free(t);
    return 0;
}

static u8 in(struct fixture *t, u16 port)
{
    return fake_inb(&t->fb, port);
}

static void out(struct fixture *t, u16 port, u8 v)
{
    fake_outb(&t->fb, port, v);
}

static void roundtrip(struct fixture *t)
{
    assert_true(fake_roundtrip(&fdc_ops, &t->fdc));
    clock_restored(&t->fb.clock);
}

#define SEND(t, ...) send(t, (const u8[]){__VA_ARGS__}, sizeof((const u8[]){__VA_ARGS__}))

static void send(struct fixture *t, const u8 *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        assert_int_equal(in(t, MSR) & 0xC0, 0x80);
        out(t, FIFO, bytes[i]);
    }
}

static void expect(struct fixture *t, const u8 *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        assert_int_equal(in(t, MSR) & 0xD0, 0xD0);
        assert_int_equal(in(t, FIFO), bytes[i]);
    }
    assert_int_equal(in(t, MSR) & 0xD0, 0x80);
}

#define EXPECT(t, ...) expect(t, (const u8[]){__VA_ARGS__}, sizeof((const u8[]){__VA_ARGS__}))

static void wait_irq(struct fixture *t)
{
    for (unsigned i = 0; i < 100000 && !t->fb.line[IRQ6]; i++)
        fake_run_ns(&t->fb, 10000);
    assert_true(t->fb.line[IRQ6]);
}

/* Out of reset, motor of drive 0 on, DMA mode, 500 kbit/s, heads on track 0. */
static void start(struct fixture *t)
{
    out(t, DOR, 0x1C);
    wait_irq(t);
    for (unsigned i = 0; i < 4; i++) {
        SEND(t, 0x08);
        EXPECT(t, 0xC0 | i, 0);
        assert_false(t->fb.line[IRQ6]);
    }
    out(t, DIR, 0);
    SEND(t, 0x03, 0xDF, 0x02);
    SEND(t, 0x07, 0);
    wait_irq(t);
    SEND(t, 0x08);
    EXPECT(t, 0x20, 0);
}

static const u8 *sector(const struct fixture *t, unsigned c, unsigned h, unsigned r)
{
    return t->disk.data + ((c * 2 + h) * 18 + r - 1) * 512;
}

static void test_reset(void **state)
{
    struct fixture *t = *state;

    assert_int_equal(in(t, MSR), 0);
    assert_int_equal(in(t, DOR), 0);
    start(t);
    assert_int_equal(in(t, MSR), 0x80);
    SEND(t, 0x08); /* nothing to sense */
    EXPECT(t, 0x80);
    SEND(t, 0x10);
    EXPECT(t, 0x90);
    SEND(t, 0x18); /* no PART ID in this chip */
    EXPECT(t, 0x80);
    SEND(t, 0x1F);
    EXPECT(t, 0x80);
    out(t, 0x3F4, 0x80); /* DSR reset */
    wait_irq(t);
    SEND(t, 0x08);
    EXPECT(t, 0xC0, 0);
    SEND(t, 0x13, 0, 0x50, 0); /* no polling: no interrupt after a reset */
    SEND(t, 0x94);
    EXPECT(t, 0x10);
    out(t, DOR, 0x18);
    assert_int_equal(in(t, MSR), 0);
    out(t, DOR, 0x1C);
    fake_run_ns(&t->fb, 1000000);
    assert_false(t->fb.line[IRQ6]);
    SEND(t, 0x0E); /* LOCK kept what CONFIGURE said */
    EXPECT(t, 0, 0, 0, 0, 0xDF, 0x02, 0, 0x80, 0x50, 0);
}

static void test_read(void **state)
{
    struct fixture *t = *state;

    start(t);
    SEND(t, 0x0F, 0, 5);
    assert_int_equal(in(t, MSR), 0x81); /* seeking */
    wait_irq(t);
    SEND(t, 0x08);
    EXPECT(t, 0x20, 5);
    dma_program(t, 3 * 512);
    SEND(t, 0xE6, 0x04, 5, 1, 4, 2, 18, 0x1B, 0xFF);
    assert_int_equal(in(t, MSR), 0x10);
    assert_true(t->dreq);
    wait_irq(t);
    assert_false(t->dreq);
    assert_memory_equal(t->mem, sector(t, 5, 1, 4), 3 * 512);
    EXPECT(t, 0x04, 0, 0, 5, 1, 7, 2);
    assert_false(t->fb.line[IRQ6]);
    /* Multi-track: from the last sector of side 0 to side 1. */
    dma_program(t, 2 * 512);
    SEND(t, 0xE6, 0x00, 5, 0, 18, 2, 18, 0x1B, 0xFF);
    wait_irq(t);
    EXPECT(t, 0x04, 0, 0, 5, 1, 2, 2);
    assert_memory_equal(t->mem, sector(t, 5, 0, 18), 1024);
    /* Terminal count on the last sector: the next cylinder is named. */
    dma_program(t, 512);
    SEND(t, 0xE6, 0x04, 5, 1, 18, 2, 18, 0x1B, 0xFF);
    wait_irq(t);
    EXPECT(t, 0x00, 0, 0, 6, 0, 1, 2);
    /* None at all: end of cylinder. */
    dma_program(t, 65536);
    SEND(t, 0x46, 0x00, 5, 0, 17, 2, 18, 0x1B, 0xFF);
    wait_irq(t);
    EXPECT(t, 0x40, 0x80, 0, 6, 0, 1, 2);
    assert_int_equal(t->pos, 1024);
}

static void test_write(void **state)
{
    struct fixture *t = *state;

    start(t);
    for (unsigned i = 0; i < 1024; i++)
        t->mem[i] = (u8)(i * 5 + 1);
    dma_program(t, 600); /* the rest of the second sector is zero */
    SEND(t, 0xC5, 0x00, 0, 0, 3, 2, 18, 0x1B, 0xFF);
    wait_irq(t);
    EXPECT(t, 0x00, 0, 0, 0, 0, 5, 2);
    assert_memory_equal(sector(t, 0, 0, 3), t->mem, 600);
    for (unsigned i = 600; i < 1024; i++)
        assert_int_equal(sector(t, 0, 0, 3)[i], 0);
    t->disk.block.readonly = true;
    SEND(t, 0xC5, 0x00, 0, 0, 3, 2, 18, 0x1B, 0xFF);
    wait_irq(t);
    EXPECT(t, 0x40, 0x02, 0, 0, 0, 3, 2);
    SEND(t, 0x04, 0);
    EXPECT(t, 0x78);
}

static void test_errors(void **state)
{
    struct fixture *t = *state;

    start(t);
    t->fb.log.out = tmpfile();
    dma_program(t, 512);
    SEND(t, 0x46, 0x00, 0, 0, 19, 2, 19, 0x1B, 0xFF); /* no such sector */
    wait_irq(t);
    EXPECT(t, 0x40, 0x04, 0, 0, 0, 19, 2);
    SEND(t, 0x46, 0x00, 90, 0, 1, 2, 18, 0x1B, 0xFF); /* no such cylinder */
    wait_irq(t);
    EXPECT(t, 0x40, 0x04, 0x10, 90, 0, 1, 2);
    SEND(t, 0x46, 0x00, 0, 0, 1, 3, 18, 0x1B, 0xFF); /* no such size */
    wait_irq(t);
    EXPECT(t, 0x40, 0x04, 0, 0, 0, 1, 3);
    SEND(t, 0x06, 0x00, 0, 0, 1, 2, 18, 0x1B, 0xFF); /* FM */
    wait_irq(t);
    EXPECT(t, 0x40, 0x01, 0, 0, 0, 1, 2);
    out(t, DIR, 2); /* 250 kbit/s */
    SEND(t, 0x4A, 0x00);
    wait_irq(t);
    EXPECT(t, 0x40, 0x01, 0, 0, 0, 0, 0);
    out(t, DIR, 0);
    t->masked = true; /* nobody takes the data */
    SEND(t, 0x46, 0x00, 0, 0, 1, 2, 18, 0x1B, 0xFF);
    wait_irq(t);
    EXPECT(t, 0x40, 0x10, 0, 0, 0, 1, 2);
    t->disk.bad_offset = 512;
    t->disk.bad_error = -EIO;
    dma_program(t, 1024);
    SEND(t, 0x46, 0x00, 0, 0, 1, 2, 18, 0x1B, 0xFF);
    wait_irq(t);
    EXPECT(t, 0x40, 0x20, 0x20, 0, 0, 2, 2);
    dma_program(t, 1024);
    SEND(t, 0x45, 0x00, 0, 0, 1, 2, 18, 0x1B, 0xFF);
    wait_irq(t);
    EXPECT(t, 0x50, 0, 0, 0, 0, 2, 2);
    fclose(t->fb.log.out);
}

static void test_read_id(void **state)
{
    struct fixture *t = *state;
    bool seen[19] = {0};

    start(t);
    for (unsigned i = 0; i < 200; i++) {
        SEND(t, 0x4A, 0x00);
        wait_irq(t);
        assert_int_equal(in(t, FIFO), 0);
        in(t, FIFO);
        in(t, FIFO);
        assert_int_equal(in(t, FIFO), 0);
        in(t, FIFO);
        u8 r = in(t, FIFO);
        assert_in_range(r, 1, 18);
        seen[r] = true;
        assert_int_equal(in(t, FIFO), 2);
        fake_run_ns(&t->fb, 777777);
    }
    for (unsigned r = 1; r <= 18; r++)
        assert_true(seen[r]); /* the disk turns */
}

static void test_change_line(void **state)
{
    struct fixture *t = *state;

    out(t, DOR, 0x1C);
    assert_int_equal(in(t, DIR) & 0x80, 0x80); /* after power-on */
    out(t, DOR, 0x0C);
    assert_int_equal(in(t, DIR) & 0x80, 0); /* motor off: not selected */
    start(t);
    assert_int_equal(in(t, DIR) & 0x80, 0x80); /* RECALIBRATE on track 0 steps nowhere */
    SEND(t, 0x0F, 0, 1);
    wait_irq(t);
    SEND(t, 0x08);
    EXPECT(t, 0x20, 1);
    assert_int_equal(in(t, DIR) & 0x80, 0);
    fdc_insert(&t->fdc, 0, NULL);
    assert_int_equal(in(t, DIR) & 0x80, 0x80);
    SEND(t, 0x07, 0);
    wait_irq(t);
    SEND(t, 0x08);
    EXPECT(t, 0x20, 0);
    assert_int_equal(in(t, DIR) & 0x80, 0x80); /* stays while the drive is empty */
    SEND(t, 0x4A, 0);
    wait_irq(t);
    EXPECT(t, 0x40, 0x01, 0, 0, 0, 0, 0);
    assert_int_equal(fdc_insert(&t->fdc, 1, NULL), -ENODEV);
}

/* A drive that is not there never finds track 0. */
static void test_absent_drive(void **state)
{
    struct fixture *t = *state;

    start(t);
    SEND(t, 0x07, 1);
    wait_irq(t);
    SEND(t, 0x08);
    EXPECT(t, 0x71, 0);
    assert_int_equal(fdc_cmos_type(&t->fdc, 0), FDC_1440K);
    assert_int_equal(fdc_cmos_type(&t->fdc, 1), FDC_NONE);
}

static void test_two_seeks(void **state)
{
    struct fixture *t = *state;

    start(t);
    fdc_attach(&t->fdc, 1, &t->second.block);
    assert_int_equal(fdc_cmos_type(&t->fdc, 1), FDC_360K);
    SEND(t, 0x0F, 0, 10);
    SEND(t, 0x0F, 1, 10);
    assert_int_equal(in(t, MSR), 0x83);
    fake_run_ns(&t->fb, 100000000);
    SEND(t, 0x08);
    EXPECT(t, 0x20, 10);
    assert_true(t->fb.line[IRQ6]); /* the other one */
    SEND(t, 0x08);
    EXPECT(t, 0x21, 10);
    assert_false(t->fb.line[IRQ6]);
    SEND(t, 0xCF, 0, 3); /* RELATIVE SEEK inward, then out */
    wait_irq(t);
    SEND(t, 0x08);
    EXPECT(t, 0x20, 13);
    SEND(t, 0x8F, 0, 4);
    wait_irq(t);
    SEND(t, 0x08);
    EXPECT(t, 0x20, 9);
}

static void test_implied_seek(void **state)
{
    struct fixture *t = *state;

    start(t);
    SEND(t, 0x13, 0, 0x70, 0);
    dma_program(t, 512);
    SEND(t, 0x46, 0x00, 33, 0, 2, 2, 18, 0x1B, 0xFF);
    wait_irq(t);
    EXPECT(t, 0x20, 0, 0, 33, 0, 3, 2);
    assert_memory_equal(t->mem, sector(t, 33, 0, 2), 512);
    SEND(t, 0x13, 0, 0x30, 0); /* not allowed: the heads go, but nothing is said */
    dma_program(t, 512);
    SEND(t, 0x46, 0x00, 44, 0, 2, 2, 18, 0x1B, 0xFF);
    wait_irq(t);
    EXPECT(t, 0x00, 0, 0, 44, 0, 3, 2);
}

/* A disk of 40 tracks in a drive of 80: two steps a track. */
static void test_double_step(void **state)
{
    struct fixture *t = *state;

    start(t);
    fdc_insert(&t->fdc, 0, &t->second.block);
    out(t, DIR, 2);
    SEND(t, 0x0F, 0, 24);
    wait_irq(t);
    SEND(t, 0x08);
    EXPECT(t, 0x20, 24);
    dma_program(t, 512);
    SEND(t, 0x46, 0x04, 12, 1, 9, 2, 9, 0x1B, 0xFF);
    wait_irq(t);
    EXPECT(t, 0x04, 0, 0, 13, 1, 1, 2);
    assert_memory_equal(t->mem, t->second.data + ((12 * 2 + 1) * 9 + 8) * 512, 512);
}

static void test_format(void **state)
{
    struct fixture *t = *state;

    start(t);
    for (unsigned i = 0; i < 18; i++)
        memcpy(t->mem + i * 4, (const u8[]){0, 1, (u8)(i * 7 % 18 + 1), 2}, 4);
    dma_program(t, 18 * 4);
    SEND(t, 0x4D, 0x04, 2, 18, 0x50, 0xF6);
    wait_irq(t);
    assert_int_equal(in(t, FIFO), 0x04);
    while (in(t, MSR) & 0x40)
        in(t, FIFO);
    for (unsigned i = 0; i < 18 * 512; i++)
        assert_int_equal(sector(t, 0, 1, 1)[i], 0xF6);
    assert_int_equal(ld32(sector(t, 0, 0, 18)), 17);
    assert_int_equal(ld32(sector(t, 1, 0, 1)), 36);
}

static void test_verify_and_track(void **state)
{
    struct fixture *t = *state;

    start(t);
    SEND(t, 0x56, 0x80, 0, 0, 4, 2, 18, 0x1B, 3); /* three sectors */
    wait_irq(t);
    EXPECT(t, 0x00, 0, 0, 0, 0, 7, 2);
    SEND(t, 0xD6, 0x00, 0, 0, 1, 2, 18, 0x1B, 0xFF);
    wait_irq(t);
    EXPECT(t, 0x00, 0, 0, 1, 0, 1, 2);
    dma_program(t, 5 * 512);
    SEND(t, 0x42, 0x00, 0, 0, 1, 2, 18, 0x1B, 0xFF);
    wait_irq(t);
    assert_int_equal(in(t, FIFO), 0);
    assert_memory_equal(t->mem, sector(t, 0, 0, 1), 5 * 512);
    while (in(t, MSR) & 0x40)
        in(t, FIFO);
    dma_program(t, 512);
    SEND(t, 0x4C, 0x00, 0, 0, 4, 2, 18, 0x1B, 0xFF); /* deleted data wanted, normal data there */
    wait_irq(t);
    EXPECT(t, 0x00, 0, 0x40, 0, 0, 5, 2);
}

/* ---- Without DMA ---- */

static u8 pio_byte(struct fixture *t)
{
    wait_irq(t);
    assert_int_equal(in(t, MSR), 0xF0);
    return in(t, FIFO);
}

static void test_non_dma_read(void **state)
{
    struct fixture *t = *state;
    u8 got[1024];

    start(t);
    SEND(t, 0x03, 0xDF, 0x03);
    SEND(t, 0x46, 0x00, 0, 0, 17, 2, 18, 0x1B, 0xFF);
    for (unsigned i = 0; i < 1024; i++) {
        got[i] = pio_byte(t);
        if (i == 700)
            roundtrip(t);
        if (i < 1023)
            assert_false(t->fb.line[IRQ6]); /* one interrupt a byte */
    }
    assert_memory_equal(got, sector(t, 0, 0, 17), 1024);
    wait_irq(t);
    EXPECT(t, 0x40, 0x80, 0, 1, 0, 1, 2); /* nobody gave a terminal count */
}

static void test_non_dma_fifo(void **state)
{
    struct fixture *t = *state;
    u8 data[512];

    start(t);
    for (unsigned i = 0; i < 512; i++)
        data[i] = (u8)(200 - i);
    SEND(t, 0x03, 0xDF, 0x03);
    SEND(t, 0x13, 0, 0x07, 0); /* FIFO on, eight bytes */
    SEND(t, 0x45, 0x00, 0, 0, 18, 2, 18, 0x1B, 0xFF);
    for (unsigned i = 0; i < 512; i += 8) {
        wait_irq(t);
        for (unsigned k = 0; k < 8; k++) {
            assert_int_equal(in(t, MSR), 0xB0);
            out(t, FIFO, data[i + k]);
        }
    }
    wait_irq(t);
    EXPECT(t, 0x40, 0x80, 0, 1, 0, 1, 2);
    assert_memory_equal(sector(t, 0, 0, 18), data, 512);
}

/* ---- State ---- */

static void test_save(void **state)
{
    struct fixture *t = *state;

    roundtrip(t);
    start(t);
    roundtrip(t);
    out(t, FIFO, 0x46); /* half a command */
    out(t, FIFO, 0x00);
    roundtrip(t);
    t->pos = 0;
    dma_program(t, 4 * 512);
    SEND(t, 3, 0, 1, 2, 18, 0x1B, 0xFF);
    roundtrip(t);
    fake_run_ns(&t->fb, 5000000); /* some sectors went */
    roundtrip(t);
    wait_irq(t);
    in(t, FIFO);
    roundtrip(t); /* half a result */
    EXPECT(t, 0, 0, 3, 0, 5, 2);
    assert_memory_equal(t->mem, sector(t, 3, 0, 1), 4 * 512);
    SEND(t, 0x0F, 0, 40);
    roundtrip(t); /* seeking */
    wait_irq(t);
    SEND(t, 0x08);
    EXPECT(t, 0x20, 40);
}

static void test_hostile_state(void **state)
{
    struct fixture *t = *state;
    struct fdc *f = &t->fdc;

    start(t);
    f->command_len = 9;
    assert_int_equal(fdc_ops.loaded(f), -EINVAL);
    f->command_len = 0;
    f->phase = FDC_DATA;
    f->len = 513;
    assert_int_equal(fdc_ops.loaded(f), -EINVAL);
    f->len = f->pos = 512;
    assert_int_equal(fdc_ops.loaded(f), -EINVAL);
    f->phase = FDC_RESULT;
    f->result_len = 11;
    assert_int_equal(fdc_ops.loaded(f), -EINVAL);
    f->result_len = 1;
    f->result_pos = 0;
    f->drive[0].track = 200;
    assert_int_equal(fdc_ops.loaded(f), -EINVAL);
    f->drive[0].track = 0;
    assert_int_equal(fdc_ops.loaded(f), 0);
}

static void test_sizes(void **state)
{
    struct fixture *t = *state;
    static const struct {
        u16 kib;
        u8 type;
    } sizes[] = {{160, FDC_360K},   {360, FDC_360K},   {720, FDC_720K},  {1200, FDC_1200K}, {1440, FDC_1440K},
                 {1680, FDC_1440K}, {2880, FDC_2880K}, {100, FDC_1440K}, {1500, FDC_2880K}};

    for (unsigned i = 0; i < ARRAY_LEN(sizes); i++) {
        struct mem_block b = {.block = {.ops = &mem_block_ops, .size = sizes[i].kib * 1024u}};
        fdc_attach(&t->fdc, 1, &b.block);
        assert_int_equal(fdc_cmos_type(&t->fdc, 1), sizes[i].type);
    }
    fdc_insert(&t->fdc, 1, NULL);
}

static void test_random(void **state)
{
    struct fixture *t = *state;
    static const u16 ports[] = {DOR, MSR, FIFO, FIFO, FIFO, FIFO, DIR, TDR};
    u32 seed = 3;

    t->fb.log.out = tmpfile();
    start(t);
    for (unsigned i = 0; i < 300000; i++) {
        seed = seed * 1664525 + 1013904223;
        u16 port = ports[seed >> 8 & 7];
        switch (seed >> 28) {
        case 0 ... 7:
            out(t, port, (port == DOR && seed >> 24 & 15) ? 0x1C : (u8)(seed >> 12));
            break;
        case 8 ... 11:
            in(t, port);
            break;
        case 12:
            dma_program(t, seed >> 11 & 0x7FFF);
            break;
        default:
            fake_run_ns(&t->fb, seed >> 6 & 0x3FFFFF);
        }
        if (i % 20000 == 0)
            roundtrip(t);
    }
    fclose(t->fb.log.out);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_reset),        T(test_read),         T(test_write),        T(test_errors),
        T(test_read_id),      T(test_change_line),  T(test_absent_drive), T(test_two_seeks),
        T(test_implied_seek), T(test_double_step),  T(test_format),       T(test_verify_and_track),
        T(test_non_dma_read), T(test_non_dma_fifo), T(test_save),         T(test_hostile_state),
        T(test_sizes),        T(test_random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
