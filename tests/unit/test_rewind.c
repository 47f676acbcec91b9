/*
 * test_rewind.c - machines that go back in time: at random places the state going forward, going back and going forward
 * again is the same, with what is on the disks; single steps and hits backwards are those forwards. Needs SeaBIOS.
 *
 * OMBRA_TEST_CASES=n goes back so often instead of 12 times a machine, OMBRA_TEST_SEED=n elsewhere, on a way of
 * OMBRA_TEST_WAY=n instead of 60,000,000 counts.
 */
#include "disk/overlay.h"
#include "frontend/debugger.h"
#include "frontend/rewind.h"
#include "pc_box.h"

enum { TRIPS = 12, POINTS = 24, WAY = 60000000, STEPS = 40 };

/* A box whose writable media are overlays, with a past. */
struct traveller {
    struct box box;
    struct block *medium[BOX_MEDIA];
    struct timeline t;
    struct rewind *r;
    struct debugger d;
    struct cpu *c;
};

static u64 from_environment(const char *name, u64 otherwise)
{
    const char *s = getenv(name);
    return s ? strtoull(s, NULL, 10) : otherwise;
}

static unsigned count_blocks(void *ctx)
{
    return BOX_MEDIA;
}

static struct block *get_block(void *ctx, unsigned n)
{
    return ((struct traveller *)ctx)->medium[n];
}

static void start(struct traveller *v, const struct box_roms *roms, char boot, u64 bytes)
{
    box_prepare(&v->box, roms, boot);
    struct pc_config config = box_config(&v->box);
    for (unsigned i = 0; i < BOX_MEDIA; i++) {
        v->medium[i] = &v->box.media[i].block;
        if (i != BOX_CD)
            assert_int_equal(overlay_new(&v->box.media[i].block, &v->medium[i]), 0);
    }
    config.floppy[0] = v->medium[BOX_FLOPPY];
    config.drive[0].block = v->medium[BOX_DISK];
    box_build(&v->box, &config);
    v->c = pc_cpu(v->box.pc);
    timeline_open(&v->t, v->box.pc, true);
    const struct rewind_media media = {.ctx = v, .blocks = count_blocks, .block = get_block};
    assert_int_equal(rewind_open(&v->r, &v->t, &media, bytes), 0);
    debugger_open(&v->d, v->box.pc);
    debugger_pause(&v->d);
}

static void finish(struct traveller *v)
{
    debugger_close(&v->d);
    rewind_close(v->r);
    timeline_close(&v->t);
    pc_free(v->box.pc);
    for (unsigned i = 0; i < BOX_MEDIA; i++)
        block_close(v->medium[i]);
}

/* Up to COUNT, with waiting skipped, as a session does. */
static void run(struct traveller *v, u64 count)
{
    u64 now;
    while ((now = cpu_count(v->c)) < count)
        if (rewind_run(v->r, count - now) == PC_IDLE)
            timeline_skip_to(&v->t, pc_next_event(v->box.pc));
}

/* Everything there is, what the guest has written to its disks included. */
static u64 hash(struct traveller *v)
{
    u64 h = pc_hash(v->box.pc);
    u8 data[4096];
    for (unsigned i = 0; i < BOX_CD; i++)
        for (u64 at = 0; at < v->medium[i]->size; at += sizeof data) {
            assert_int_equal(block_read(v->medium[i], at, data, sizeof data), 0);
            h = state_hash_bytes(h, data, sizeof data);
        }
    return h;
}

struct point {
    u64 count, hash;
};

/* Further on, with keys; the state at random places on the way. */
static void go(struct traveller *v, struct point *p, unsigned n, u64 *seed)
{
    u64 way = from_environment("OMBRA_TEST_WAY", WAY);
    for (unsigned i = 0; i < n; i++) {
        run(v, cpu_count(v->c) + 1 + box_random(seed, 2 * way / POINTS));
        if (box_random(seed, 3) == 0) {
            timeline_key(&v->t, KEY_1 + (enum key)box_random(seed, 8), box_random(seed, 2));
            run(v, cpu_count(v->c) + 1 + box_random(seed, 1000));
        }
        p[i] = (struct point){cpu_count(v->c), hash(v)};
    }
}

static void check_at(struct traveller *v, const struct point *p, const char *how)
{
    if (cpu_count(v->c) != p->count || hash(v) != p->hash)
        fail_msg("boot %c: at %llu instead of %llu, or another state there, %s", v->box.boot,
                 (unsigned long long)cpu_count(v->c), (unsigned long long)p->count, how);
}

static void check_trips(const struct box_roms *roms, char boot, u64 bytes, u64 *seed)
{
    struct traveller v;
    struct point p[POINTS];
    struct rewind_stats stats;
    start(&v, roms, boot, bytes);
    go(&v, p, POINTS, seed);
    rewind_stats(v.r, &stats);
    assert_true(stats.bytes <= bytes + bytes / 2);
    for (u64 n = from_environment("OMBRA_TEST_CASES", TRIPS); n-- > 0;) {
        unsigned to = (unsigned)box_random(seed, POINTS - 1), on = to + 1 + (unsigned)box_random(seed, POINTS - 1 - to);
        assert_int_equal(rewind_to(v.r, p[to].count), REWIND_DONE);
        assert_true(timeline_past(&v.t));
        check_at(&v, &p[to], "going back");
        if (box_random(seed, 2)) {
            run(&v, p[on].count);
            check_at(&v, &p[on], "running on");
        } else {
            assert_int_equal(rewind_to(v.r, p[on].count), REWIND_DONE);
            check_at(&v, &p[on], "being brought on");
        }
    }
    run(&v, p[POINTS - 1].count);
    assert_false(timeline_past(&v.t));
    go(&v, p, 2, seed);
    assert_int_equal(rewind_to(v.r, p[0].count), REWIND_DONE);
    check_at(&v, &p[0], "after new things");
    finish(&v);
}

static void test_trips(void **state)
{
    const struct box_roms *roms = box_roms_or_skip(state);
    u64 seed = from_environment("OMBRA_TEST_SEED", 5);
    check_trips(roms, BOX_TOUR, REWIND_BYTES, &seed);
    check_trips(roms, 'a', REWIND_BYTES, &seed);
    check_trips(roms, 'c', REWIND_BYTES, &seed);
    check_trips(roms, 'd', REWIND_BYTES, &seed);
    check_trips(roms, 'c', 8 << 20, &seed); /* thinned out */
}

/* ---- by single steps ---- */

/* One step of the debugger, with waiting skipped. */
static void step(struct traveller *v)
{
    debugger_step(&v->d);
    for (;;) {
        enum pc_stop why = rewind_run(v->r, debugger_counts(&v->d, 1000));
        if (debugger_ran(&v->d))
            return;
        if (why == PC_IDLE)
            timeline_skip_to(&v->t, pc_next_event(v->box.pc));
    }
}

/* Steps forwards, then as many backwards, by the same places. */
static void check_steps(struct traveller *v)
{
    struct cpu_place place[STEPS];
    u64 state[STEPS], ip[STEPS];
    for (unsigned i = 0; i < STEPS; i++) {
        place[i] = cpu_place(v->c);
        state[i] = pc_hash(v->box.pc);
        ip[i] = v->c->ip;
        step(v);
    }
    for (unsigned i = STEPS; i-- > 0;) {
        assert_int_equal(rewind_step_back(v->r), REWIND_DONE);
        assert_int_equal(cpu_place_compare(cpu_place(v->c), place[i]), 0);
        assert_int_equal(v->c->ip, ip[i]);
        assert_true(pc_hash(v->box.pc) == state[i]);
    }
}

static void test_steps(void **state)
{
    const struct box_roms *roms = box_roms_or_skip(state);
    u64 seed = from_environment("OMBRA_TEST_SEED", 3);
    for (unsigned i = 0; i < 2; i++) {
        struct traveller v;
        start(&v, roms, i ? BOX_TOUR : 'c', REWIND_BYTES);
        assert_int_equal(rewind_step_back(v.r), REWIND_START);
        for (unsigned n = 0; n < TRIPS; n++) {
            run(&v, cpu_count(v.c) + 1 + box_random(&seed, 3000000));
            check_steps(&v);
        }
        finish(&v);
    }
}

/* ---- to stops ---- */

/* Goes on until a stop is hit. */
static void go_on(struct traveller *v)
{
    debugger_continue(&v->d);
    for (;;) {
        enum pc_stop why = rewind_run(v->r, debugger_counts(&v->d, 100000));
        if (debugger_ran(&v->d))
            return;
        if (why == PC_IDLE)
            timeline_skip_to(&v->t, pc_next_event(v->box.pc));
    }
}

enum { HITS = 12 };

/* Every hit forwards is one backwards, of what is written one step earlier; and before the first there is the start. */
static void check_hits(const struct box_roms *roms, const struct stop *what)
{
    struct traveller v;
    struct cpu_place place[HITS];
    struct stop hit;
    start(&v, roms, 'c', REWIND_BYTES);
    assert_int_equal(debugger_add(&v.d, what), 0);
    for (unsigned i = 0; i < HITS; i++) {
        go_on(&v);
        assert_int_equal(v.d.why, DEBUGGER_HIT);
        place[i] = cpu_place(v.c);
    }
    step(&v);
    for (unsigned i = HITS; i-- > 0;) {
        assert_int_equal(rewind_back(v.r, NULL, NULL, &hit), REWIND_DONE);
        assert_int_equal(hit.addr, what->addr);
        if (what->kind != STOP_EXEC)
            step(&v);
        assert_int_equal(cpu_place_compare(cpu_place(v.c), place[i]), 0);
        if (what->kind != STOP_EXEC)
            assert_int_equal(rewind_step_back(v.r), REWIND_DONE);
    }
    assert_int_equal(rewind_back(v.r, NULL, NULL, &hit), REWIND_START);
    assert_int_equal(cpu_count(v.c), 0);
    assert_int_equal(v.c->stops.count, 1);
    go_on(&v);
    assert_int_equal(cpu_place_compare(cpu_place(v.c), place[0]), 0);
    finish(&v);
}

static void test_hits(void **state)
{
    static const struct stop what[] = {
        {.addr = 0x7C09, .len = 1, .kind = STOP_EXEC},      /* the boot sector's loop */
        {.addr = BOX_ROUNDS, .len = 2, .kind = STOP_WRITE}, /* its counter */
        {.addr = 0x1000, .len = 4, .kind = STOP_ACCESS},    /* the first sector's place: repeated instructions */
    };
    for (unsigned i = 0; i < ARRAY_LEN(what); i++)
        check_hits(box_roms_or_skip(state), &what[i]);
}

static bool third(void *ctx, const struct stop *hit)
{
    struct traveller *v = ctx;
    return box_rounds(&v->box) == 3;
}

/* A condition: the last one that fulfils it, although there were later hits. */
static void test_condition(void **state)
{
    struct traveller v;
    struct stop hit;
    start(&v, box_roms_or_skip(state), 'a', REWIND_BYTES);
    while (box_rounds(&v.box) < 9)
        run(&v, cpu_count(v.c) + 100000);
    assert_int_equal(debugger_add(&v.d, &(const struct stop){.addr = 0x7C09, .len = 1, .kind = STOP_EXEC}), 0);
    assert_int_equal(rewind_back(v.r, third, &v, &hit), REWIND_DONE);
    assert_int_equal(box_rounds(&v.box), 3);
    assert_int_equal(debugger_here(&v.d), 0x7C09);
    finish(&v);
}

/* ---- new things ---- */

/* What a debugger writes in the past happens again, and what came after it is forgotten. */
static void test_written(void **state)
{
    struct traveller v;
    start(&v, box_roms_or_skip(state), 'c', REWIND_BYTES);
    run(&v, 30000000);
    assert_int_equal(rewind_to(v.r, 20000000), REWIND_DONE);
    u32 frame = phys_read_frame(v.c->mmu.phys, 0x9000);
    assert_int_equal(debugger_write(&v.d, 0x9000, "written", 8), 0);
    timeline_wrote(&v.t, frame, 0, 8);
    v.c->r[R_BP] ^= 0x1234;
    timeline_set_cpu(&v.t);
    assert_false(timeline_past(&v.t));
    u64 there = hash(&v);
    run(&v, 25000000);
    u64 later = hash(&v);
    assert_int_equal(rewind_to(v.r, 10000000), REWIND_DONE);
    assert_string_not_equal((char *)phys_frame_host(v.c->mmu.phys, frame), "written");
    assert_int_equal(rewind_to(v.r, 20000001), REWIND_DONE);
    assert_int_equal(rewind_step_back(v.r), REWIND_DONE);
    timeline_run(&v.t, 0);
    assert_int_equal(rewind_to(v.r, 25000000), REWIND_DONE);
    assert_true(hash(&v) == later);
    assert_true(there != later);
    finish(&v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_trips),     cmocka_unit_test(test_steps),   cmocka_unit_test(test_hits),
        cmocka_unit_test(test_condition), cmocka_unit_test(test_written),
    };
    return cmocka_run_group_tests(tests, box_group_setup, box_group_teardown);
}
