/* The parts of a session that stand alone: pacing, backends of ports, dates of --rtc, small files. */
#include "frontend/file.h"
#include "frontend/pacer.h"
#include "frontend/rtc.h"
#include "frontend/serialio.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define MS 1000000ull

/* ---- pacer ---- */

/* A host that takes COST_PS for a count: runs for a second of host time, returns the virtual time that has passed. */
static u64 paced_second(struct pacer *p, u64 *rate, u64 cost_ps, u64 *host, u64 *virtual_ns)
{
    u64 began = *virtual_ns;
    for (u64 end = *host + 1000 * MS; *host < end;) {
        u64 counts = pacer_counts(p, 4 * MS), ns = counts * cost_ps / 1000;
        *host += ns;
        *virtual_ns += counts * *rate / 1000;
        pacer_ran(p, counts, ns);
        *rate = pacer_rate(p, *host, *virtual_ns);
    }
    return *virtual_ns - began;
}

static void pacer_follows_the_host(void **state)
{
    static const u64 costs[] = {1000, 5000, 10000, 100000, 3000};
    struct pacer p;
    u64 host = 77 * MS, virtual_ns = 5 * MS, rate = 10000;
    pacer_start(&p, host, virtual_ns, rate);
    for (unsigned i = 0; i < ARRAY_LEN(costs); i++) {
        paced_second(&p, &rate, costs[i], &host, &virtual_ns);
        u64 second = paced_second(&p, &rate, costs[i], &host, &virtual_ns);
        assert_in_range(second, 990 * MS, 1010 * MS);
        assert_in_range(virtual_ns, pacer_virtual(&p, host) - 5 * MS, pacer_virtual(&p, host) + 5 * MS);
    }
}

static void pacer_slices_fit(void **state)
{
    struct pacer p;
    u64 host = 0, virtual_ns = 0, rate = 10000;
    pacer_start(&p, 0, 0, rate);
    paced_second(&p, &rate, 20000, &host, &virtual_ns);
    assert_in_range(pacer_counts(&p, 4 * MS), 190000, 210000);
}

static void pacer_corrects_by_a_bounded_part(void **state)
{
    struct pacer p;
    pacer_start(&p, 0, 0, 10000);
    assert_int_equal(pacer_rate(&p, 500 * MS, 0), 15000);
    assert_int_equal(pacer_rate(&p, 0, 500 * MS), 5000);
    assert_int_equal(pacer_rate(&p, 10 * MS, 0), 11000);
}

static void pacer_drops_a_long_stall(void **state)
{
    struct pacer p;
    pacer_start(&p, 0, 0, 10000);
    assert_int_equal(pacer_rate(&p, 3600 * 1000 * MS, 7 * MS), 10000);
    assert_int_equal(pacer_virtual(&p, 3600 * 1000 * MS), 7 * MS);
    assert_int_equal(pacer_host(&p, 8 * MS), 3600 * 1000 * MS + MS);
}

/* ---- dates ---- */

static void rtc_dates(void **state)
{
    static const struct {
        const char *text;
        s64 seconds;
    } good[] = {{"1970-01-01", 0},
                {"1999-12-31T23:59:50", 946684790},
                {"2000-02-29T00:00:00", 951782400},
                {"2038-01-19T03:14:08", 2147483648},
                {"1969-12-31T23:59:59", -1}};
    static const char *const bad[] = {
        "",           "now",         "2021-02-29",          "2021-13-01",          "2021-00-10",
        "2021-1-1T1", "2021-01-01x", "2021-01-01T24:00:00", "2021-01-01T10:60:00", "2021-01-01T10:00:00Z",
        "-2021-01-01"};
    s64 seconds;
    for (unsigned i = 0; i < ARRAY_LEN(good); i++) {
        assert_int_equal(rtc_parse(good[i].text, &seconds), 0);
        assert_true(seconds == good[i].seconds);
    }
    for (unsigned i = 0; i < ARRAY_LEN(bad); i++)
        assert_int_equal(rtc_parse(bad[i], &seconds), -EINVAL);
    assert_int_equal(rtc_parse("utc", &seconds), 0);
    assert_int_equal(rtc_parse("local", &seconds), 0);
    assert_int_equal(rtc_parse(NULL, &seconds), 0);
}

/* ---- ports ---- */

struct port {
    u8 data[64];
    size_t len, limit;
};

static size_t port_room(void *ctx)
{
    struct port *p = ctx;
    return p->limit - p->len;
}

static void port_receive(void *ctx, const u8 *data, size_t len)
{
    struct port *p = ctx;
    assert_true(len <= p->limit - p->len);
    memcpy(p->data + p->len, data, len);
    p->len += len;
}

static void serial_pty_both_ways(void **state)
{
    struct serialio *s;
    struct port p = {.limit = 5};
    struct char_sink sink = {&p, port_room, port_receive};
    char error[200], got[8];
    assert_int_equal(serialio_open("pty", SERIALIO_PTY | SERIALIO_INPUT, "--serial", &s, error, sizeof error), 0);
    assert_true(serialio_interactive(s));
    assert_false(serialio_has_terminal(s));
    FILE *other = fopen(serialio_name(s), "r+");
    assert_non_null(other);
    serialio_write(s, (const u8 *)"out", 3);
    assert_int_equal(serialio_flush(s), 0);
    assert_int_equal(read(fileno(other), got, sizeof got), 3);
    assert_memory_equal(got, "out", 3);
    /* Only as much as the port has room for. */
    assert_int_equal(write(fileno(other), "inwards\n", 8), 8);
    assert_true(serialio_read(s, &sink));
    assert_int_equal(p.len, 5);
    p.limit = sizeof p.data;
    assert_true(serialio_read(s, &sink));
    assert_int_equal(p.len, 8);
    assert_memory_equal(p.data, "inwards\n", 8);
    /* Nobody reads: bytes are lost, nothing blocks. */
    fclose(other);
    for (unsigned i = 0; i < 100000; i++)
        serialio_write(s, (const u8 *)"lost", 4);
    assert_int_equal(serialio_flush(s), 0);
    serialio_close(s);
}

static void serial_file_and_a_full_one(void **state)
{
    char path[] = "/tmp/test_session_XXXXXX", spec[64], error[200];
    struct serialio *s;
    u8 *data;
    size_t size;
    close(mkstemp(path));
    snprintf(spec, sizeof spec, "file:%s", path);
    assert_int_equal(serialio_open(spec, SERIALIO_FILE, "--serial", &s, error, sizeof error), 0);
    for (unsigned i = 0; i < 2000; i++)
        serialio_write(s, (const u8 *)"12345", 5);
    assert_int_equal(serialio_fd(s), -1);
    serialio_close(s);
    assert_int_equal(file_read(path, 1 << 20, &data, &size, error, sizeof error), 0);
    assert_int_equal(size, 10000);
    free(data);
    unlink(path);
    if (access("/dev/full", W_OK) != 0)
        return;
    assert_int_equal(serialio_open("file:/dev/full", SERIALIO_FILE, "--serial", &s, error, sizeof error), 0);
    serialio_write(s, (const u8 *)"x", 1);
    assert_int_equal(serialio_flush(s), -ENOSPC);
    serialio_write(s, (const u8 *)"x", 1);
    assert_int_equal(serialio_flush(s), 0); /* told once */
    serialio_close(s);
}

static void serial_specs(void **state)
{
    struct serialio *s;
    char error[200];
    assert_int_equal(serialio_open("none", SERIALIO_NONE, "--serial", &s, error, sizeof error), 0);
    assert_null(s);
    serialio_close(s);
    assert_int_equal(serialio_open("tcp:1", ~0u, "--serial", &s, error, sizeof error), -EINVAL);
    assert_int_equal(serialio_open("pty", SERIALIO_FILE, "--parallel", &s, error, sizeof error), -EINVAL);
    assert_string_equal(error, "--parallel takes file:PATH or none, not 'pty'");
    assert_int_equal(serialio_open("file:", SERIALIO_FILE, "--serial", &s, error, sizeof error), -EINVAL);
}

/* ---- files ---- */

static void file_appears_whole_or_not(void **state)
{
    char folder[] = "/tmp/test_session_XXXXXX", path[64], error[200];
    u8 *data;
    size_t size;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/cmos", folder);
    assert_int_equal(file_check_output(path, error, sizeof error), 0);
    assert_int_equal(file_write(path, "one", 3, error, sizeof error), 0);
    assert_int_equal(file_write(path, "second", 6, error, sizeof error), 0);
    assert_int_equal(file_read(path, 100, &data, &size, error, sizeof error), 0);
    assert_int_equal(size, 6);
    assert_memory_equal(data, "second", 6);
    free(data);
    assert_int_equal(file_read(path, 5, &data, &size, error, sizeof error), -EFBIG);
    unlink(path);
    assert_int_equal(rmdir(folder), 0); /* no temporary file was left */
    assert_int_equal(file_check_output(path, error, sizeof error), -ENOENT);
    assert_int_equal(file_write(path, "x", 1, error, sizeof error), -ENOENT);
    assert_int_equal(file_check_output("/", error, sizeof error), -EISDIR);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pacer_follows_the_host),
        cmocka_unit_test(pacer_slices_fit),
        cmocka_unit_test(pacer_corrects_by_a_bounded_part),
        cmocka_unit_test(pacer_drops_a_long_stall),
        cmocka_unit_test(rtc_dates),
        cmocka_unit_test(serial_pty_both_ways),
        cmocka_unit_test(serial_file_and_a_full_one),
        cmocka_unit_test(serial_specs),
        cmocka_unit_test(file_appears_whole_or_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
