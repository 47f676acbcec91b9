/* The parallel port: registers, the printer's handshake, its interrupt. */
#include "hw/lpt.h"
#include "tests/unit/fake_bus.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

enum { BASE = 0x378, DATA = BASE, STATUS, CONTROL, IRQ7 = 7 };

struct fixture {
    struct fake_bus fb;
    struct lpt lpt;
    u8 sent[16];
    unsigned sent_len;
};

static void backend_write(void *ctx, const u8 *data, size_t len)
{
    struct fixture *t = ctx;
    memcpy(t->sent + t->sent_len, data, len);
    t->sent_len += (unsigned)len;
}

static int setup(void **state)
{
    struct fixture *t = calloc(1, sizeof *t);
    const struct char_backend backend = {.ctx = t, .write = backend_write};
    fake_bus_init(&t->fb);
    lpt_init(&t->lpt, &t->fb.bus, BASE, fake_line(&t->fb, IRQ7), &backend);
    *state = t;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *t = *state;
    fake_bus_free(&t->fb);
    free(t);
    return 0;
}

static void test_registers(void **state)
{
    struct fixture *t = *state;

    fake_outb(&t->fb, DATA, 0xAA);
    assert_int_equal(fake_inb(&t->fb, DATA), 0xAA);
    fake_outb(&t->fb, CONTROL, 0x0C);
    assert_int_equal(fake_inb(&t->fb, CONTROL), 0xCC);
    assert_int_equal(fake_inb(&t->fb, STATUS), 0xDF);
    fake_outb(&t->fb, STATUS, 0x00);
    assert_int_equal(fake_inb(&t->fb, STATUS), 0xDF);
}

static void test_print(void **state)
{
    struct fixture *t = *state;

    fake_outb(&t->fb, CONTROL, 0x1C);
    fake_outb(&t->fb, DATA, 'P');
    assert_int_equal(t->sent_len, 0);
    fake_outb(&t->fb, CONTROL, 0x1D);
    fake_outb(&t->fb, CONTROL, 0x1C);
    assert_int_equal(t->sent_len, 1);
    assert_int_equal(t->sent[0], 'P');
    assert_int_equal(fake_inb(&t->fb, STATUS) & 0x80, 0); /* busy */
    fake_outb(&t->fb, CONTROL, 0x1D);                     /* a busy printer takes nothing */
    fake_outb(&t->fb, CONTROL, 0x1C);
    assert_int_equal(t->sent_len, 1);
    assert_true(fake_roundtrip(&lpt_ops, &t->lpt));
    clock_restored(&t->fb.clock);
    fake_run_ns(&t->fb, LPT_BUSY_NS + LPT_ACK_NS / 2);
    assert_int_equal(fake_inb(&t->fb, STATUS), 0x9F); /* ACK# is low */
    assert_int_equal(t->fb.rises[IRQ7], 1);
    fake_run_ns(&t->fb, LPT_ACK_NS);
    assert_int_equal(fake_inb(&t->fb, STATUS), 0xDF);
    assert_false(t->fb.line[IRQ7]);
    fake_outb(&t->fb, CONTROL, 0x0C); /* interrupt off */
    fake_outb(&t->fb, CONTROL, 0x0D);
    fake_run_ns(&t->fb, 1000000);
    assert_int_equal(t->sent_len, 2);
    assert_int_equal(t->fb.rises[IRQ7], 1);
}

static void test_no_printer(void **state)
{
    struct fixture *t = *state;
    struct lpt l;
    const struct char_backend none = {0};

    lpt_init(&l, &t->fb.bus, 0x278, fake_line(&t->fb, 5), &none);
    assert_int_equal(fake_inb(&t->fb, 0x279), 0x7F);
    fake_outb(&t->fb, 0x27A, 0x0D);
    fake_run_ns(&t->fb, 1000000);
    assert_int_equal(fake_inb(&t->fb, 0x279), 0x7F);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {T(test_registers), T(test_print), T(test_no_printer)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
