#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/clock.h"

struct rig {
    struct clock clock;
    struct timer t[3];
    u64 count;
    unsigned changes;
    char order[32];
    unsigned fired;
    u64 period;
};

static u64 rig_count(void *ctx)
{
    struct rig *r = ctx;
    return r->count;
}

static void rig_changed(void *ctx)
{
    struct rig *r = ctx;
    r->changes++;
}

static struct rig *rig_of(struct timer *t)
{
    return t->clock->count_ctx;
}

static void note(void *ctx, u64 now)
{
    struct timer *t = ctx;
    struct rig *r = rig_of(t);
    assert_false(timer_armed(t));
    assert_true(now == clock_now(&r->clock));
    r->order[r->fired++] = t->name[0];
    if (r->period && t->name[0] == 'a' && r->fired < sizeof r->order - 1)
        timer_arm(t, now + r->period);
}

static void setup(struct rig *r, u64 rate_ps)
{
    static const char *const names[3] = {"a", "b", "c"};

    *r = (struct rig){.count = 0};
    clock_init(&r->clock, rate_ps, rig_count, rig_changed, r);
    for (int i = 0; i < 3; i++)
        timer_init(&r->clock, &r->t[i], names[i], note, &r->t[i]);
}

static void test_counting(void **ctx)
{
    struct rig r;
    setup(&r, 2500);

    r.count = 3;
    assert_int_equal(clock_now(&r.clock), 7);
    clock_advance(&r.clock, 100);
    assert_int_equal(clock_now(&r.clock), 107);
    /* Exactly the first count at which the time is reached, for every distance and some odd rates. */
    static const u64 rates[] = {1, 333, 999, 1000, 1001, 2500, 10007};
    for (unsigned i = 0; i < sizeof rates / sizeof rates[0]; i++) {
        r.clock.rate_ps = rates[i];
        u64 base = r.count = 12345;
        for (u64 ns = clock_now(&r.clock); ns < clock_now(&r.clock) + 200; ns++) {
            u64 n = clock_counts_until(&r.clock, ns);
            r.count = base + n;
            assert_true(clock_now(&r.clock) >= ns);
            if (n) {
                r.count--;
                assert_true(clock_now(&r.clock) < ns);
            }
            r.count = base;
        }
    }
    assert_true(clock_counts_until(&r.clock, 0) == 0);
    assert_true(clock_counts_until(&r.clock, CLOCK_NEVER) == ~(u64)0);
}

static void test_order(void **ctx)
{
    struct rig r;
    setup(&r, 1000);

    assert_true(clock_next(&r.clock) == CLOCK_NEVER);
    timer_arm(&r.t[2], 50);
    timer_arm(&r.t[1], 40);
    timer_arm(&r.t[0], 50);
    assert_int_equal(clock_next(&r.clock), 40);
    assert_int_equal(r.changes, 2);
    r.count = 39;
    clock_run(&r.clock);
    assert_int_equal(r.fired, 0);
    r.count = 50;
    clock_run(&r.clock);
    assert_string_equal(r.order, "bac"); /* by time, then in the order of creation */
    assert_true(clock_next(&r.clock) == CLOCK_NEVER);
}

static void test_rearm(void **ctx)
{
    struct rig r;
    setup(&r, 1000);

    timer_arm(&r.t[0], 10);
    timer_arm(&r.t[0], 30);
    assert_int_equal(clock_next(&r.clock), 30);
    timer_arm(&r.t[1], 20);
    timer_cancel(&r.t[1]);
    assert_int_equal(clock_next(&r.clock), 30);
    timer_cancel(&r.t[1]);
    r.period = 10;
    for (r.count = 0; r.count <= 60; r.count++)
        clock_run(&r.clock);
    assert_string_equal(r.order, "aaaa"); /* 30, 40, 50, 60 */

    /* In the past: at the next run. */
    r.period = 0;
    timer_arm(&r.t[2], 1);
    assert_true(clock_next(&r.clock) <= clock_now(&r.clock));
    clock_run(&r.clock);
    assert_string_equal(r.order, "aaaac");
}

static void test_restored(void **ctx)
{
    struct rig r;
    setup(&r, 1000);

    r.t[1].when = 5;
    clock_restored(&r.clock);
    assert_int_equal(clock_next(&r.clock), 5);
    assert_int_equal(r.changes, 1);
}

static void test_ticks(void **ctx)
{
    for (u64 k = 0; k < 100000; k += 7) {
        u64 ns = ticks_to_ns(k, 1193182);
        assert_true(ns_to_ticks(ns, 1193182) == k);
        if (ns)
            assert_true(ns_to_ticks(ns - 1, 1193182) == k - 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counting), cmocka_unit_test(test_order), cmocka_unit_test(test_rearm),
        cmocka_unit_test(test_restored), cmocka_unit_test(test_ticks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
