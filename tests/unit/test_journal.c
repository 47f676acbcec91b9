/* Journals and recordings: what is put in comes out, what is not whole is refused. */
#define _GNU_SOURCE /* memfd_create */
#include "frontend/recording.h"
#include "frontend/timeline.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cmocka.h>

enum { EVENTS = 2000, FILE_BYTES = 1 << 20 };

static u64 next(u64 *seed)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return *seed >> 33;
}

static const u8 text[] = "what somebody types on a serial line, or an image's path";

static struct journal_event random_event(u64 *seed, struct cpu_place *at)
{
    struct journal_event e = {.kind = next(seed) % JOURNAL_KINDS};
    if (next(seed) % 3)
        *at = (struct cpu_place){.count = at->count + (next(seed) << next(seed) % 24)};
    else
        at->step += next(seed) % 2;
    e.at = *at;
    static const s64 limit[JOURNAL_KINDS][JOURNAL_NUMBERS] = {
        [JOURNAL_KEY] = {256, 2},         [JOURNAL_MOUSE] = {300, 300, 4, 8}, [JOURNAL_SERIAL] = {4},
        [JOURNAL_MEDIUM] = {6},           [JOURNAL_RATE] = {1 << 29},         [JOURNAL_SKIP] = {1 << 30},
        [JOURNAL_MEMORY] = {(s64)1 << 40}};
    for (unsigned i = 0; i < JOURNAL_NUMBERS; i++)
        if (limit[e.kind][i])
            e.number[i] = (s64)(next(seed) % (u64)limit[e.kind][i]);
    if (e.kind == JOURNAL_MOUSE)
        e.number[0] -= 150;
    if (e.kind == JOURNAL_RATE)
        e.number[0]++;
    if (e.kind == JOURNAL_SERIAL || e.kind == JOURNAL_MEDIUM || e.kind == JOURNAL_MEMORY || e.kind == JOURNAL_CPU) {
        e.data = text;
        e.len = next(seed) % sizeof text;
    }
    return e;
}

static void fill(struct journal *j, struct journal_event *list, struct journal_cursor *middle)
{
    struct journal_cursor end = {0};
    struct cpu_place at = {0};
    u64 seed = 7;
    for (unsigned i = 0; i < EVENTS; i++) {
        if (i == EVENTS / 2)
            *middle = end;
        list[i] = random_event(&seed, &at);
        assert_int_equal(journal_append(j, &end, &list[i]), 0);
    }
}

static void check(const struct journal *j, const struct journal_event *list, unsigned n)
{
    struct journal_cursor c = {0};
    struct journal_event e;
    for (unsigned i = 0; i < n; i++) {
        assert_true(journal_next(j, &c, &e));
        assert_int_equal(e.kind, list[i].kind);
        assert_int_equal(cpu_place_compare(e.at, list[i].at), 0);
        assert_memory_equal(e.number, list[i].number, sizeof e.number);
        assert_int_equal(e.len, list[i].len);
        assert_true(!e.len || memcmp(e.data, list[i].data, e.len) == 0);
    }
    assert_false(journal_next(j, &c, &e));
}

static void events(void **state)
{
    static struct journal_event list[EVENTS];
    struct journal j = {0};
    struct journal_cursor middle, end;
    fill(&j, list, &middle);
    check(&j, list, EVENTS);
    assert_true(journal_check(&j, &end));
    assert_int_equal(end.at, j.len);
    assert_int_equal(end.count, list[EVENTS - 1].at.count);
    j.settled = j.len;
    journal_cut(&j, &middle);
    check(&j, list, EVENTS / 2);
    assert_int_equal(j.settled, j.len);
    journal_free(&j);
}

static void senseless_events(void **state)
{
    static const struct journal_event bad[] = {
        {.kind = JOURNAL_KEY, .number = {256, 1}},
        {.kind = JOURNAL_KEY, .number = {4, 2}},
        {.kind = JOURNAL_MOUSE, .number = {1 << 20}},
        {.kind = JOURNAL_SERIAL, .number = {4}},
        {.kind = JOURNAL_MEDIUM, .number = {6}},
        {.kind = JOURNAL_MEDIUM, .number = {0}, .data = (const u8 *)"a\0b", .len = 3},
        {.kind = JOURNAL_RATE, .number = {0}},
        {.kind = JOURNAL_SKIP, .number = {-1}},
    };
    for (unsigned i = 0; i < ARRAY_LEN(bad); i++) {
        struct journal j = {0};
        struct journal_cursor end = {0};
        assert_int_equal(journal_append(&j, &end, &bad[i]), 0);
        assert_false(journal_check(&j, &end));
        journal_free(&j);
    }
}

struct file {
    u8 data[FILE_BYTES];
    size_t len;
};

/* A recording in several updates, with something forgotten on the way. */
static void record(struct file *f, const struct journal_event *list, const struct journal_cursor *middle,
                   struct journal *j)
{
    const struct recording_start start = {.built_from = "--cpu p4\n--mem 16\n", .rtc_seconds = -5, .hash = 77};
    const struct recording_end end = {{.count = (u64)1 << 60, .step = 3}, 99};
    char path[32], error[256];
    struct recording *r;
    int fd = memfd_create("recording", 0);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    assert_int_equal(recording_create(path, &start, &r, error, sizeof error), 0);
    assert_int_equal(recording_update(r, j), 0);
    struct journal_cursor c = *middle;
    journal_cut(j, &c);
    for (unsigned i = EVENTS / 2; i < EVENTS; i++) {
        assert_int_equal(journal_append(j, &c, &list[i]), 0);
        if (i % 100 == 0)
            assert_int_equal(recording_update(r, j), 0);
    }
    assert_int_equal(recording_update(r, j), 0);
    assert_int_equal(recording_close(r, &end), 0);
    ssize_t n = pread(fd, f->data, sizeof f->data, 0);
    assert_true(n > 0 && (size_t)n < sizeof f->data);
    f->len = (size_t)n;
    close(fd);
}

static int parse(const struct file *f, size_t len, struct journal *j, char *error)
{
    struct recording_start start;
    struct recording_end end;
    int r = recording_parse(f->data, len, "x.rec", &start, j, &end, error, 256);
    if (r == 0 && len == f->len) {
        assert_string_equal(start.built_from, "--cpu p4\n--mem 16\n");
        assert_int_equal(start.rtc_seconds, -5);
        assert_int_equal(start.hash, 77);
        assert_int_equal(end.hash, 99);
        assert_int_equal(end.at.step, 3);
    }
    return r;
}

static void recordings(void **state)
{
    static struct journal_event list[EVENTS];
    static struct file f;
    struct journal j = {0}, again;
    struct journal_cursor middle;
    char error[256];
    fill(&j, list, &middle);
    record(&f, list, &middle, &j);
    assert_int_equal(parse(&f, f.len, &again, error), 0);
    check(&again, list, EVENTS);
    journal_free(&again);
    journal_free(&j);
    for (size_t len = 0; len < f.len; len += 1 + len / 200) { /* cut off */
        assert_int_equal(parse(&f, len, &again, error), -EINVAL);
        assert_null(again.data);
        assert_null(strchr(error, '\n'));
        assert_int_equal(strncmp(error, "x.rec: ", 7), 0);
    }
    f.data[f.len / 2] ^= 0x10; /* among the records */
    assert_int_equal(parse(&f, f.len, &again, error), -EINVAL);
    assert_string_equal(error, "x.rec: damaged");
    f.data[8] = 2;
    assert_int_equal(parse(&f, f.len, &again, error), -EINVAL);
    assert_string_equal(error, "x.rec: recorded by a newer version of Ombra");
    f.data[0] ^= 1;
    assert_int_equal(parse(&f, f.len, &again, error), -EINVAL);
    assert_string_equal(error, "x.rec: not a recording that --record wrote");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events),
        cmocka_unit_test(senseless_events),
        cmocka_unit_test(recordings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
