/* Debug console, exit port, shutdown port. */
#include "hw/debugport.h"
#include "tests/unit/fake_bus.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

struct fixture {
    struct fake_bus fb;
    struct debugport d;
    FILE *log;
    char text[512];
    size_t text_len;
    int exits, shutdowns;
    unsigned status;
};

static void on_text(void *ctx, const u8 *data, size_t len)
{
    struct fixture *t = ctx;
    assert_true(t->text_len + len < sizeof t->text);
    memcpy(t->text + t->text_len, data, len);
    t->text_len += len;
}

static void on_exit_port(void *ctx, unsigned status)
{
    struct fixture *t = ctx;
    t->exits++;
    t->status = status;
}

static void on_shutdown(void *ctx)
{
    struct fixture *t = ctx;
    t->shutdowns++;
}

static int setup(void **state)
{
    static struct fixture t;
    memset(&t, 0, sizeof t);
    fake_bus_init(&t.fb);
    t.log = tmpfile();
    assert_non_null(t.log);
    t.fb.log.out = t.log;
    log_enable(&t.fb.log, "fw,post", &(const char *){NULL});
    struct debugport_wiring w = {
        .out = {&t, on_text}, .exit_port = true, .ctx = &t, .exit = on_exit_port, .shutdown = on_shutdown};
    debugport_init(&t.d, &t.fb.bus, &w);
    *state = &t;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *t = *state;
    fake_bus_free(&t->fb);
    fclose(t->log);
    return 0;
}

static void print(struct fixture *t, u16 port, const char *s)
{
    for (; *s; s++)
        fake_outb(&t->fb, port, (u8)*s);
}

/* Everything that the log holds. */
static const char *logged(struct fixture *t)
{
    static char buf[2048];
    fflush(t->log);
    rewind(t->log);
    buf[fread(buf, 1, sizeof buf - 1, t->log)] = 0;
    return buf;
}

static void test_console(void **state)
{
    struct fixture *t = *state;
    assert_int_equal(fake_inb(&t->fb, 0x402), 0xE9);
    assert_int_equal(fake_inb(&t->fb, 0xE9), 0xE9);
    print(t, 0x402, "Sea");
    assert_null(strstr(logged(t), "Sea"));
    print(t, 0xE9, "BIOS\r\n");
    assert_non_null(strstr(logged(t), "SeaBIOS"));
    print(t, 0x402, "\x1B[2Jbad\n");
    assert_non_null(strstr(logged(t), ".[2Jbad")); /* no escape reaches the terminal */
    assert_string_equal(t->text, "SeaBIOS\r\n\x1B[2Jbad\n");
}

static void test_long_line(void **state)
{
    struct fixture *t = *state;
    for (int i = 0; i < 400; i++)
        fake_outb(&t->fb, 0x402, 'x');
    debugport_ops.reset(&t->d);
    const char *s = logged(t);
    int count = 0;
    for (; *s; s++)
        count += *s == 'x';
    assert_int_equal(count, 400);
}

static void test_post(void **state)
{
    struct fixture *t = *state;
    fake_outb(&t->fb, 0x190, 0x2E);
    assert_non_null(strstr(logged(t), "post: 2E\n"));
    assert_int_equal(fake_inb(&t->fb, 0x190), 0xFF);
}

static void test_exit(void **state)
{
    struct fixture *t = *state;
    fake_outb(&t->fb, 0xF4, 0x10);
    assert_int_equal(t->exits, 1);
    assert_int_equal(t->status, 0x21);
    fake_outl(&t->fb, 0xF4, 0);
    assert_int_equal(t->exits, 2);
    assert_int_equal(t->status, 1);
}

static void test_no_exit_port(void **state)
{
    struct fixture *t = *state;
    struct fake_bus fb;
    struct debugport d;
    fake_bus_init(&fb);
    struct debugport_wiring w = {.ctx = t, .exit = on_exit_port};
    debugport_init(&d, &fb.bus, &w);
    fake_outb(&fb, 0xF4, 0x10);
    fake_outb(&fb, 0x402, 'a');
    assert_int_equal(t->exits, 0);
    fake_bus_free(&fb);
}

static void test_shutdown(void **state)
{
    struct fixture *t = *state;
    print(t, 0x8900, "Shutdow");
    assert_int_equal(t->shutdowns, 0);
    print(t, 0x8900, "xShutShutdow");
    assert_int_equal(t->shutdowns, 0);
    assert_true(fake_roundtrip(&debugport_ops, &t->d));
    print(t, 0x8900, "n");
    assert_int_equal(t->shutdowns, 1);
    print(t, 0x8900, "Shutdown");
    assert_int_equal(t->shutdowns, 2);
    t->d.matched = 200;
    assert_int_equal(debugport_ops.loaded(&t->d), -EINVAL);
    print(t, 0x8900, "Shutdown");
    assert_int_equal(t->shutdowns, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_console, setup, teardown),
        cmocka_unit_test_setup_teardown(test_long_line, setup, teardown),
        cmocka_unit_test_setup_teardown(test_post, setup, teardown),
        cmocka_unit_test_setup_teardown(test_exit, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_exit_port, setup, teardown),
        cmocka_unit_test_setup_teardown(test_shutdown, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
