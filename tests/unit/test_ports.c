#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/ports.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

struct dev {
    u8 id;
    char trace[256];
};

static u32 dev_in(void *ctx, u16 port, unsigned size)
{
    struct dev *d = ctx;
    sprintf(d->trace + strlen(d->trace), "r%u@%X ", size, port);
    return 0xA5A5A500u | d->id; /* more bits than a byte has: the port space masks */
}

static void dev_out(void *ctx, u16 port, u32 value, unsigned size)
{
    struct dev *d = ctx;
    sprintf(d->trace + strlen(d->trace), "w%u@%X=%X ", size, port, value);
}

static const struct io_ops bytes = {dev_in, dev_out, 1};
static const struct io_ops all = {dev_in, dev_out, 7};
static const struct io_ops dwords = {dev_in, dev_out, 4};
static const struct io_ops silent = {NULL, NULL, 1};

static void test_sizes(void **ctx)
{
    struct port_space ps;
    struct dev a = {.id = 0x11}, b = {.id = 0x22};
    assert_int_equal(ports_init(&ps, NULL), 0);

    ports_map(&ps, 0x100, 4, &bytes, &a, "a");
    ports_map(&ps, 0x104, 4, &all, &b, "b");
    assert_int_equal(ports_in(&ps, 0x100, 1), 0x11);
    assert_int_equal(ports_in(&ps, 0x100, 4), 0x11111111);
    assert_int_equal(ports_in(&ps, 0x104, 4), 0xA5A5A522);
    assert_int_equal(ports_in(&ps, 0x104, 2), 0xA522);
    assert_string_equal(a.trace, "r1@100 r1@100 r1@101 r1@102 r1@103 ");
    assert_string_equal(b.trace, "r4@104 r2@104 ");
    /* Across the border between two devices: bytes. */
    a.trace[0] = b.trace[0] = 0;
    ports_out(&ps, 0x102, 0x44332211, 4);
    assert_string_equal(a.trace, "w1@102=11 w1@103=22 ");
    assert_string_equal(b.trace, "w1@104=33 w1@105=44 ");
    /* Half on nobody. */
    assert_int_equal(ports_in(&ps, 0x107, 2), 0xFF22);
    ports_free(&ps);
}

static void test_end_of_space(void **ctx)
{
    struct port_space ps;
    struct dev low = {.id = 0x11}, high = {.id = 0x22};
    assert_int_equal(ports_init(&ps, NULL), 0);
    ports_map(&ps, 0, 4, &bytes, &low, "low");
    ports_map(&ps, 0xFFFC, 4, &bytes, &high, "high");
    assert_int_equal(ports_in(&ps, 0xFFFE, 4), 0xFFFF2222);
    ports_out(&ps, 0xFFFF, 0x4321, 2);
    assert_string_equal(high.trace, "r1@FFFE r1@FFFF w1@FFFF=21 ");
    assert_string_equal(low.trace, "");
    ports_free(&ps);
}

static void test_layers(void **ctx)
{
    struct port_space ps;
    struct dev a = {.id = 1}, b = {.id = 2}, c = {.id = 3};
    assert_int_equal(ports_init(&ps, NULL), 0);

    int ha = ports_map(&ps, 0x200, 16, &bytes, &a, "a");
    int hb = ports_map(&ps, 0x204, 4, &bytes, &b, "b");
    int hc = ports_map(&ps, 0x206, 4, &bytes, &c, "c");
    assert_true(ha > 0 && hb > ha && hc > hb);
    assert_int_equal(ports_in(&ps, 0x203, 1), 1);
    assert_int_equal(ports_in(&ps, 0x205, 1), 2);
    assert_int_equal(ports_in(&ps, 0x206, 1), 3);
    ports_unmap(&ps, hb);
    assert_int_equal(ports_in(&ps, 0x205, 1), 1);
    assert_int_equal(ports_in(&ps, 0x206, 1), 3);
    ports_unmap(&ps, hc);
    assert_int_equal(ports_in(&ps, 0x206, 1), 1);
    ports_unmap(&ps, ha);
    ports_unmap(&ps, ha);
    ports_unmap(&ps, 12345);
    assert_int_equal(ports_in(&ps, 0x206, 1), 0xFF);
    for (int i = 0; i < 1000; i++) /* maps that come and go use up nothing */
        ports_unmap(&ps, ports_map(&ps, 0x300, 8, &bytes, &a, "a"));
    ports_free(&ps);
}

/* A dword register with another device's byte register inside it, as CF8h and CF9h. */
static void test_inner_byte(void **ctx)
{
    struct port_space ps;
    struct dev a = {.id = 1}, b = {.id = 2};
    assert_int_equal(ports_init(&ps, NULL), 0);

    ports_map(&ps, 0xCF8, 4, &dwords, &a, "address");
    ports_map(&ps, 0xCF9, 1, &bytes, &b, "reset");
    ports_out(&ps, 0xCF8, 0x80000000, 4);
    ports_out(&ps, 0xCF9, 6, 1);
    ports_out(&ps, 0xCF8, 1, 1); /* the address register does not take bytes */
    assert_string_equal(a.trace, "w4@CF8=80000000 ");
    assert_string_equal(b.trace, "w1@CF9=6 ");
    ports_free(&ps);
}

static void test_edges(void **ctx)
{
    struct port_space ps;
    struct dev a = {.id = 1};
    assert_int_equal(ports_init(&ps, NULL), 0);

    assert_int_equal(ports_map(&ps, 0xFFFE, 3, &all, &a, "a"), -EINVAL);
    assert_int_equal(ports_map(&ps, 0xFFFE, 0, &all, &a, "a"), -EINVAL);
    ports_map(&ps, 0xFFFE, 2, &all, &a, "a");
    assert_int_equal(ports_in(&ps, 0xFFFE, 4), 0xFFFF0101);
    ports_map(&ps, 0x80, 1, &silent, NULL, "silent");
    assert_int_equal(ports_in(&ps, 0x80, 1), 0xFF);
    ports_out(&ps, 0x80, 1, 1);
    ports_free(&ps);
}

static void test_nobody_is_named_once(void **ctx)
{
    struct port_space ps;
    struct log log;
    char *text = NULL;
    size_t len = 0;
    const char *bad;
    FILE *f = open_memstream(&text, &len);

    log_init(&log, f);
    assert_int_equal(ports_init(&ps, &log), 0);
    ports_in(&ps, 0x123, 1);
    assert_int_equal(log_enable(&log, "io,cpu", &bad), 0);
    ports_in(&ps, 0x123, 1);
    ports_out(&ps, 0x123, 1, 1);
    ports_in(&ps, 0x124, 2);
    fflush(f);
    assert_string_equal(text, "io: read of port 0123h: nobody there\n"
                              "io: read of port 0124h: nobody there\n"
                              "io: read of port 0125h: nobody there\n");
    ports_free(&ps);
    log_close(&log);
    fclose(f);
    free(text);
}

static void test_log(void **ctx)
{
    struct log log;
    char *text = NULL;
    size_t len = 0;
    const char *bad = NULL, *list = "cpu,nonsense";
    FILE *f = open_memstream(&text, &len);

    log_init(&log, f);
    log_msg(&log, LOG_DISK, "not on");
    log_unimp(&log, "not on");
    log_msg(&log, LOG_ERROR, "always %d", 1);
    assert_int_equal(log_enable(&log, list, &bad), -EINVAL);
    assert_ptr_equal(bad, list + 4);
    assert_false(log_on(&log, LOG_CPU));
    assert_int_equal(log_enable(&log, "all", &bad), 0);
    log_unimp(&log, "MSR %X", 16);
    log_unimp(&log, "MSR %X", 16);
    log_unimp(&log, "MSR %X", 17);
    for (int i = 0; i < 10000; i++) /* a guest cannot fill the host's memory */
        log_unimp(&log, "port %d", i);
    fflush(f);
    assert_memory_equal(text, "error: always 1\nunimp: MSR 10\nunimp: MSR 11\n", 43);
    log_close(&log);
    fclose(f);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_end_of_space),
        cmocka_unit_test(test_layers),
        cmocka_unit_test(test_inner_byte),
        cmocka_unit_test(test_edges),
        cmocka_unit_test(test_nobody_is_named_once),
        cmocka_unit_test(test_log),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
