/* The serial port: identification, timing, FIFOs, interrupt priorities, loopback, saving with characters under way. */
#include "hw/uart.h"
#include "tests/unit/fake_bus.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

enum { BASE = 0x3F8, RBR = BASE, THR = BASE, IER, IIR, FCR = IIR, LCR, MCR, LSR, MSR, SCR, IRQ4 = 4 };
enum { CHAR_NS = 86806 }; /* 10 bits at 115200 */

struct fixture {
    struct fake_bus fb;
    struct uart uart;
    u8 sent[256];
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
    uart_init(&t->uart, &t->fb.bus, BASE, fake_line(&t->fb, IRQ4), &backend);
    uart_ops[0].reset(&t->uart);
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

static u8 in(struct fixture *t, u16 port)
{
    return fake_inb(&t->fb, port);
}

static void out(struct fixture *t, u16 port, u8 v)
{
    fake_outb(&t->fb, port, v);
}

/* 115200 8N1, OUT2 on, FIFOs as FCR says. */
static void line_setup(struct fixture *t, u8 fcr)
{
    out(t, LCR, 0x83);
    out(t, BASE, 1);
    out(t, BASE + 1, 0);
    out(t, LCR, 0x03);
    out(t, FCR, fcr);
    out(t, MCR, 0x0B);
}

static void receive(struct fixture *t, const char *text)
{
    struct char_sink sink = uart_sink(&t->uart);
    assert_true(sink.room(sink.ctx) >= strlen(text));
    sink.receive(sink.ctx, (const u8 *)text, strlen(text));
}

static void roundtrip(struct fixture *t)
{
    assert_true(fake_roundtrip(&uart_ops[0], &t->uart));
    clock_restored(&t->fb.clock);
}

static void test_registers(void **state)
{
    struct fixture *t = *state;

    assert_int_equal(in(t, LSR), 0x60);
    assert_int_equal(in(t, IIR), 0x01);
    out(t, SCR, 0x5A);
    assert_int_equal(in(t, SCR), 0x5A);
    out(t, IER, 0xFF);
    assert_int_equal(in(t, IER), 0x0F);
    out(t, IER, 0);
    out(t, LCR, 0x80);
    out(t, BASE, 0x34);
    out(t, BASE + 1, 0x12);
    assert_int_equal(in(t, BASE), 0x34);
    assert_int_equal(in(t, BASE + 1), 0x12);
    out(t, LCR, 0x03);
    assert_int_equal(in(t, IER), 0);
    out(t, FCR, 0x01); /* a 16550A shows both FIFO bits */
    assert_int_equal(in(t, IIR) & 0xC0, 0xC0);
    out(t, FCR, 0x00);
    assert_int_equal(in(t, IIR) & 0xC0, 0x00);
    assert_int_equal(in(t, MSR) & 0xF0, 0xB0);
}

static void test_transmit(void **state)
{
    struct fixture *t = *state;

    line_setup(t, 0);
    out(t, THR, 'a'); /* goes to the shift register at once */
    assert_int_equal(in(t, LSR), 0x20);
    out(t, THR, 'b');
    assert_int_equal(in(t, LSR), 0x00);
    fake_run_ns(&t->fb, CHAR_NS - 10);
    assert_int_equal(t->sent_len, 0);
    fake_run_ns(&t->fb, 20);
    assert_int_equal(t->sent_len, 1);
    assert_int_equal(in(t, LSR), 0x20);
    fake_run_ns(&t->fb, CHAR_NS);
    assert_int_equal(in(t, LSR), 0x60);
    assert_memory_equal(t->sent, "ab", 2);
    out(t, FCR, 0x01);
    for (unsigned i = 0; i < 17; i++) /* one in the shift register, sixteen in the FIFO */
        out(t, THR, (u8)('A' + i));
    assert_int_equal(in(t, LSR), 0x00);
    fake_run_ns(&t->fb, 18 * CHAR_NS);
    assert_int_equal(t->sent_len, 19);
    assert_memory_equal(t->sent + 2, "ABCDEFGHIJKLMNOPQ", 17);
}

static void test_slow_lines_are_bounded(void **state)
{
    struct fixture *t = *state;

    line_setup(t, 0);
    out(t, LCR, 0x83);
    out(t, BASE, 0);
    out(t, BASE + 1, 0xFF);
    out(t, LCR, 0x03);
    out(t, THR, 'x');
    fake_run_ns(&t->fb, UART_SLOWEST_NS + 1);
    assert_int_equal(t->sent_len, 1);
}

static void test_thre_interrupt(void **state)
{
    struct fixture *t = *state;

    line_setup(t, 0);
    out(t, IER, 0x02); /* at once, as the transmitter is empty */
    assert_true(t->fb.line[IRQ4]);
    assert_int_equal(in(t, IIR), 0x02);
    assert_false(t->fb.line[IRQ4]); /* reading IIR took it */
    assert_int_equal(in(t, IIR), 0x01);
    out(t, IER, 0x00);
    out(t, IER, 0x02); /* and again */
    assert_int_equal(in(t, IIR), 0x02);
    out(t, THR, 'x');
    assert_true(t->fb.line[IRQ4]); /* moved on to the shift register: empty again */
    out(t, THR, 'y');
    assert_false(t->fb.line[IRQ4]);
    fake_run_ns(&t->fb, CHAR_NS + 10);
    assert_true(t->fb.line[IRQ4]);
    out(t, MCR, 0x03); /* OUT2 off: no way to the bus */
    assert_false(t->fb.line[IRQ4]);
}

static void test_receive(void **state)
{
    struct fixture *t = *state;

    line_setup(t, 0);
    out(t, IER, 0x01);
    receive(t, "hi");
    assert_int_equal(in(t, LSR) & 1, 0);
    fake_run_ns(&t->fb, CHAR_NS + 10);
    assert_int_equal(in(t, LSR), 0x61);
    assert_int_equal(in(t, IIR), 0x04);
    fake_run_ns(&t->fb, 10 * CHAR_NS); /* the second waits: nothing is lost */
    assert_int_equal(in(t, RBR), 'h');
    assert_false(t->fb.line[IRQ4]);
    fake_run_ns(&t->fb, CHAR_NS + 10);
    assert_int_equal(in(t, LSR), 0x61);
    assert_int_equal(in(t, RBR), 'i');
    assert_int_equal(in(t, LSR), 0x60);
}

static void test_trigger_and_timeout(void **state)
{
    struct fixture *t = *state;

    line_setup(t, 0x87); /* trigger at 8 */
    out(t, IER, 0x01);
    receive(t, "12345678");
    fake_run_ns(&t->fb, 7 * CHAR_NS + 100);
    assert_false(t->fb.line[IRQ4]);
    fake_run_ns(&t->fb, CHAR_NS);
    assert_int_equal(in(t, IIR), 0xC4);
    assert_int_equal(in(t, RBR), '1');
    assert_false(t->fb.line[IRQ4]); /* below the trigger */
    fake_run_ns(&t->fb, 4 * CHAR_NS + 100);
    assert_int_equal(in(t, IIR), 0xCC);
    assert_int_equal(in(t, RBR), '2'); /* that ends the timeout */
    assert_int_equal(in(t, IIR), 0xC1);
    out(t, FCR, 0x83); /* throws the rest away */
    assert_int_equal(in(t, LSR), 0x60);
}

static void test_loopback(void **state)
{
    struct fixture *t = *state;

    line_setup(t, 0x01);
    in(t, MSR);
    out(t, IER, 0x0F);
    in(t, IIR);
    out(t, MCR, 0x1A);                  /* LOOP, OUT2, RTS: CTS and DCD */
    assert_int_equal(in(t, MSR), 0x92); /* DSR went away: its delta */
    assert_int_equal(in(t, MSR), 0x90);
    out(t, MCR, 0x14); /* OUT1: RI */
    assert_int_equal(in(t, MSR) & 0xF0, 0x40);
    out(t, MCR, 0x10);
    assert_int_equal(in(t, MSR), 0x04); /* trailing edge of RI */
    assert_false(t->fb.line[IRQ4]);     /* OUT2's pin is off */
    for (unsigned i = 0; i < 16; i++)
        out(t, THR, (u8)i);
    fake_run_ns(&t->fb, 30 * CHAR_NS);
    assert_int_equal(t->sent_len, 0);
    assert_int_equal(in(t, LSR) & 0x03, 0x01);
    for (unsigned i = 0; i < 16; i++) {
        out(t, THR, 0x77);
        fake_run_ns(&t->fb, 2 * CHAR_NS);
    }
    assert_int_equal(in(t, IIR) & 0x0F, 0x06); /* overrun is first */
    assert_int_equal(in(t, LSR) & 0x03, 0x03);
    assert_int_equal(in(t, LSR) & 0x03, 0x01);
    assert_int_equal(in(t, IIR) & 0x0F, 0x04);
    for (unsigned i = 0; i < 16; i++)
        assert_int_equal(in(t, RBR), i);
    assert_int_equal(in(t, IIR) & 0x0F, 0x02);
    out(t, LCR, 0x43); /* break */
    assert_int_equal(in(t, LSR) & 0x91, 0x91);
    assert_int_equal(in(t, RBR), 0);
}

static void test_nothing_plugged_in(void **state)
{
    struct fixture *t = *state;
    struct uart u;
    const struct char_backend none = {0};

    uart_init(&u, &t->fb.bus, 0x2F8, fake_line(&t->fb, 3), &none);
    out(t, 0x2F8, 'x');
    fake_run_ns(&t->fb, 10000000);
    assert_int_equal(in(t, 0x2FD), 0x60);
    timer_cancel(&u.tx_timer);
}

static void test_save(void **state)
{
    struct fixture *t = *state;

    roundtrip(t);
    line_setup(t, 0x47);
    out(t, IER, 0x0F);
    receive(t, "incoming text");
    for (unsigned i = 0; i < 10; i++)
        out(t, THR, (u8)('0' + i));
    fake_run_ns(&t->fb, 5 * CHAR_NS + CHAR_NS / 2);
    bool line = t->fb.line[IRQ4];
    roundtrip(t);
    assert_int_equal(t->fb.line[IRQ4], line);
    fake_run_ns(&t->fb, 20 * CHAR_NS);
    assert_memory_equal(t->sent, "0123456789", 10);
    for (unsigned i = 0; i < 13; i++)
        assert_int_equal(in(t, RBR), "incoming text"[i]);
    t->uart.rx.head = 16;
    assert_int_equal(uart_ops[0].loaded(&t->uart), -EINVAL);
    t->uart.rx.head = 0;
    t->uart.tx.count = 17;
    assert_int_equal(uart_ops[0].loaded(&t->uart), -EINVAL);
    t->uart.tx.count = 0;
    t->uart.line_head = UART_PENDING;
    assert_int_equal(uart_ops[0].loaded(&t->uart), -EINVAL);
}

static void test_room(void **state)
{
    struct fixture *t = *state;
    struct char_sink sink = uart_sink(&t->uart);
    u8 big[UART_PENDING + 10] = {0};

    sink.receive(sink.ctx, big, sizeof big);
    assert_int_equal(sink.room(sink.ctx), 0);
    fake_run_ns(&t->fb, 2000000);
    assert_int_equal(sink.room(sink.ctx), 1);
    assert_int_equal(clock_next(&t->fb.clock), CLOCK_NEVER); /* a full port does not keep the machine awake */
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_registers),
        T(test_transmit),
        T(test_slow_lines_are_bounded),
        T(test_thre_interrupt),
        T(test_receive),
        T(test_trigger_and_timeout),
        T(test_loopback),
        T(test_nothing_plugged_in),
        T(test_save),
        T(test_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
