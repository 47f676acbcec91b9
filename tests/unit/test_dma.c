#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "hw/dma.h"
#include "tests/unit/fake_bus.h"

#include <stdlib.h>

enum { VERIFY = 0x00, TO_MEMORY = 0x04, FROM_MEMORY = 0x08, AUTO = 0x10, DOWN = 0x20, SINGLE = 0x40, CASCADE = 0xC0 };

struct rig {
    struct fake_bus fb;
    struct dma dma;
    struct isa_dma port;
};

static void out(struct rig *r, u16 port, u8 v)
{
    fake_outb(&r->fb, port, v);
}

static u8 in(struct rig *r, u16 port)
{
    return fake_inb(&r->fb, port);
}

static int setup(void **ctx)
{
    struct rig *r = calloc(1, sizeof *r);
    fake_bus_init(&r->fb);
    dma_init(&r->dma, &r->fb.bus);
    r->port = dma_port(&r->dma);
    out(r, 0xD6, CASCADE);
    out(r, 0xD4, 0x00);
    *ctx = r;
    return 0;
}

static int teardown(void **ctx)
{
    struct rig *r = *ctx;
    fake_bus_free(&r->fb);
    free(r);
    return 0;
}

/* Channel 2 as for a floppy. */
static void program2(struct rig *r, u8 mode, u32 addr, u16 count)
{
    out(r, 0x0A, 0x06);
    out(r, 0x0C, 0);
    out(r, 0x04, addr);
    out(r, 0x04, addr >> 8);
    out(r, 0x81, addr >> 16);
    out(r, 0x05, count);
    out(r, 0x05, count >> 8);
    out(r, 0x0B, mode | 2);
    out(r, 0x0A, 0x02);
}

static u16 read16(struct rig *r, u16 port)
{
    u8 low = in(r, port);
    return low | in(r, port) << 8;
}

static unsigned give(struct rig *r, unsigned chan, const void *data, unsigned len, bool *tc)
{
    u8 buf[256];
    memcpy(buf, data, len);
    return r->port.transfer(r->port.ctx, chan, buf, len, true, tc);
}

static void test_to_memory(void **ctx)
{
    struct rig *r = *ctx;
    bool tc;

    program2(r, SINGLE | TO_MEMORY, 0x12340, 9);
    assert_int_equal(give(r, 2, "abcd", 4, &tc), 4);
    assert_false(tc);
    assert_int_equal(read16(r, 0x04), 0x2344);
    assert_int_equal(read16(r, 0x05), 5);
    assert_int_equal(in(r, 0x08), 0);
    assert_int_equal(give(r, 2, "efghijkl", 8, &tc), 6); /* stops at terminal count */
    assert_true(tc);
    assert_memory_equal(r->fb.ram + 0x12340, "abcdefghij\0", 11);
    assert_int_equal(read16(r, 0x05), 0xFFFF);
    assert_int_equal(in(r, 0x08), 0x04);
    assert_int_equal(in(r, 0x08), 0x00); /* reading clears it */
    /* And the channel is masked. */
    assert_false(r->port.ready(r->port.ctx, 2));
    assert_int_equal(give(r, 2, "x", 1, &tc), 0);
    assert_false(tc);
    assert_int_equal(in(r, 0x0F), 0x0F);
}

static void test_from_memory(void **ctx)
{
    struct rig *r = *ctx;
    u8 buf[16] = {0};
    bool tc;

    memcpy(r->fb.ram + 0x5000, "0123456789", 10);
    program2(r, FROM_MEMORY, 0x5000, 9);
    assert_int_equal(r->port.transfer(r->port.ctx, 2, buf, 16, false, &tc), 10);
    assert_true(tc);
    assert_memory_equal(buf, "0123456789", 10);
}

static void test_autoinit_and_down(void **ctx)
{
    struct rig *r = *ctx;
    bool tc;

    program2(r, TO_MEMORY | AUTO | DOWN, 0x8003, 3);
    assert_int_equal(give(r, 2, "abcdef", 6, &tc), 4);
    assert_true(tc);
    assert_memory_equal(r->fb.ram + 0x8000, "dcba", 4);
    assert_int_equal(read16(r, 0x04), 0x8003);
    assert_int_equal(read16(r, 0x05), 3);
    assert_int_equal(give(r, 2, "wxyz", 4, &tc), 4);
    assert_true(tc);
    assert_memory_equal(r->fb.ram + 0x8000, "zyxw", 4);
}

static void test_verify_and_wrong_direction(void **ctx)
{
    struct rig *r = *ctx;
    u8 buf[4] = {1, 2, 3, 4};
    bool tc;

    program2(r, VERIFY, 0x6000, 3);
    assert_int_equal(give(r, 2, "abcd", 4, &tc), 4);
    assert_true(tc);
    assert_int_equal(r->fb.ram[0x6000], 0);
    program2(r, TO_MEMORY, 0x6000, 3);
    assert_int_equal(r->port.transfer(r->port.ctx, 2, buf, 4, false, &tc), 4);
    assert_memory_equal(buf, "\xFF\xFF\xFF\xFF", 4);
    assert_int_equal(r->fb.ram[0x6000], 0);
}

/* The address counter has 16 bits: it wraps inside the page. */
static void test_wrap(void **ctx)
{
    struct rig *r = *ctx;
    bool tc;

    program2(r, TO_MEMORY, 0x3FFFE, 3);
    give(r, 2, "abcd", 4, &tc);
    assert_memory_equal(r->fb.ram + 0x3FFFE, "ab", 2);
    assert_memory_equal(r->fb.ram + 0x30000, "cd", 2);
    assert_int_equal(r->fb.ram[0x40000], 0);
}

static void test_words(void **ctx)
{
    struct rig *r = *ctx;
    bool tc;

    /* Channel 5 at 123456h (bit 0 of the page does not count), two words. */
    out(r, 0xDE, 0x0F);
    out(r, 0xD8, 0);
    out(r, 0xC4, 0x2B);
    out(r, 0xC4, 0x1A);
    out(r, 0x8B, 0x13);
    out(r, 0xC6, 1);
    out(r, 0xC6, 0);
    out(r, 0xD6, SINGLE | TO_MEMORY | 1);
    out(r, 0xDE, 0x00);
    assert_int_equal(give(r, 5, "abc", 3, &tc), 2); /* an odd byte stays */
    assert_false(tc);
    assert_int_equal(give(r, 5, "cdef", 4, &tc), 2);
    assert_true(tc);
    assert_memory_equal(r->fb.ram + 0x123456, "abcd\0", 5);
    assert_int_equal(read16(r, 0xC4), 0x1A2D);
    assert_int_equal(in(r, 0xD0) & 0x0F, 0x02);
}

static void test_gates(void **ctx)
{
    struct rig *r = *ctx;
    bool tc;

    program2(r, TO_MEMORY, 0x1000, 99);
    assert_true(r->port.ready(r->port.ctx, 2));
    out(r, 0x08, 0x04); /* controller off */
    assert_int_equal(give(r, 2, "a", 1, &tc), 0);
    out(r, 0x08, 0x00);
    out(r, 0xD4, 0x04); /* cascade masked */
    assert_int_equal(give(r, 2, "a", 1, &tc), 0);
    out(r, 0xD4, 0x00);
    assert_int_equal(give(r, 2, "a", 1, &tc), 1);
    out(r, 0x0D, 0); /* master clear masks all */
    assert_int_equal(give(r, 2, "a", 1, &tc), 0);
    out(r, 0x0E, 0); /* clear mask */
    assert_int_equal(give(r, 2, "a", 1, &tc), 1);
    assert_false(r->port.ready(r->port.ctx, 4));
    assert_false(r->port.ready(r->port.ctx, 8));

    r->port.request(r->port.ctx, 2, true);
    r->port.request(r->port.ctx, 7, true);
    assert_int_equal(in(r, 0x08), 0x40);
    assert_int_equal(in(r, 0xD0), 0x80);
    r->port.request(r->port.ctx, 2, false);
    assert_int_equal(in(r, 0x08), 0);
}

static void test_registers(void **ctx)
{
    struct rig *r = *ctx;

    for (unsigned i = 0; i < 16; i++)
        out(r, 0x80 + i, 0xA0 + i);
    for (unsigned i = 0; i < 16; i++)
        assert_int_equal(in(r, 0x80 + i), 0xA0 + i);
    /* The flip-flop is one for the whole controller. */
    out(r, 0x0C, 0);
    out(r, 0x00, 0x34);
    out(r, 0x02, 0x12);
    out(r, 0x0C, 0);
    assert_int_equal(in(r, 0x00), 0x34);
    assert_int_equal(in(r, 0x02), 0x12);
    assert_int_equal(in(r, 0x0D), 0);
    /* A software request runs to its end with nobody on the bus. */
    out(r, 0x0C, 0);
    out(r, 0x00, 0), out(r, 0x00, 0x10);
    out(r, 0x01, 7), out(r, 0x01, 0);
    out(r, 0x0B, 0x80);
    out(r, 0x09, 0x04);
    assert_int_equal(in(r, 0x08), 0x01);
    assert_int_equal(read16(r, 0x00), 0x1008);
    assert_int_equal(read16(r, 0x01), 0xFFFF);
}

static void test_full_64k(void **ctx)
{
    struct rig *r = *ctx;
    u8 *buf = malloc(70000);
    bool tc;

    memset(buf, 0x5A, 70000);
    program2(r, TO_MEMORY, 0x20000, 0xFFFF);
    assert_int_equal(r->port.transfer(r->port.ctx, 2, buf, 70000, true, &tc), 65536);
    assert_true(tc);
    assert_int_equal(r->fb.ram[0x2FFFF], 0x5A);
    assert_int_equal(r->fb.ram[0x30000], 0);
    free(buf);
}

static void test_state(void **ctx)
{
    struct rig *r = *ctx;
    bool tc;

    program2(r, TO_MEMORY | AUTO, 0x1000, 99);
    give(r, 2, "abc", 3, &tc);
    out(r, 0x04, 1); /* flip-flop in the middle */
    r->port.request(r->port.ctx, 3, true);
    assert_true(fake_roundtrip(&dma_ops, &r->dma));
    assert_int_equal(r->dma.chip[0].chan[2].count, 96);
    r->dma.chip[1].mask = 0xFF;
    assert_int_not_equal(dma_ops.loaded(&r->dma), 0);
}

/* 80h is no channel's page: the log shows it as a POST code. */
static void test_post_code(void **ctx)
{
    struct rig *r = *ctx;
    char line[32] = {0};
    FILE *log = tmpfile();

    assert_non_null(log);
    r->fb.log.out = log;
    log_enable(&r->fb.log, "post", &(const char *){NULL});
    out(r, 0x81, 0x11);
    out(r, 0x80, 0x2E);
    rewind(log);
    assert_non_null(fgets(line, sizeof line, log));
    assert_string_equal(line, "post: 2E\n");
    assert_null(fgets(line, sizeof line, log));
    fclose(log);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_to_memory),
        T(test_from_memory),
        T(test_autoinit_and_down),
        T(test_verify_and_wrong_direction),
        T(test_wrap),
        T(test_words),
        T(test_gates),
        T(test_registers),
        T(test_post_code),
        T(test_full_64k),
        T(test_state),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
