/*
 * test_pc_state.c - whole machines: saved and loaded at random points, side by side, and states of other machines.
 * Needs SeaBIOS.
 *
 * OMBRA_TEST_CASES=n checks n points instead of 25, OMBRA_TEST_SEED=n others.
 */
#include "pc_box.h"

enum {
    POINTS = 25,
    LAP = 9,                /* points of one machine from its start on */
    BOOTING = 4,            /* so many of them while SeaBIOS runs, probably */
    BOOT_COUNTS = 12000000, /* at most between those, and between the others */
    NEXT_COUNTS = 4000000,
    MORE_COUNTS = 3000000, /* that the loaded machine runs along */
    KEY_COUNTS = 200000,   /* at most from a key to the save */
    PROGRESS = 100,
};

static u64 from_environment(const char *name, u64 otherwise)
{
    const char *s = getenv(name);
    return s ? strtoull(s, NULL, 10) : otherwise;
}

/* ---- is a transfer under way? ---- */

/* A device's number, by its path in the named state. */
struct number {
    const char *path;
    const void *at;
    u32 size;
};

static void match(void *ctx, const char *path, const struct field *f, const void *p)
{
    struct number *n = ctx;
    if (strcmp(path, n->path) == 0) {
        n->at = p;
        n->size = f->size;
    }
}

static bool on_ide(const struct box *b)
{
    return b->boot == 'c' || b->boot == 'd';
}

/* Of the controller that the box boots from; the tour's machine, too, has a floppy drive. */
static struct number find_phase(const struct box *b)
{
    const char *device = on_ide(b) ? "ide" : "fdc";
    const char *path = b->boot == 'c' ? "channel[0].unit[0].phase" : "channel[1].unit[0].phase";
    struct number n = {.path = on_ide(b) ? path : "phase"};
    const struct device *list;
    for (unsigned i = pc_devices(b->pc, &list); i-- > 0;)
        if (strcmp(list[i].ops->name, device) == 0)
            state_walk("", list[i].ops->state, list[i].self, match, &n);
    assert_non_null(n.at);
    return n;
}

static bool transferring(const struct box *b, const struct number *phase)
{
    enum { FDC_EXECUTE = 1, FDC_DATA = 2, IDE_IDLE = 0 };
    u64 value = 0;
    memcpy(&value, phase->at, phase->size);
    return on_ide(b) ? value != IDE_IDLE : value == FDC_EXECUTE || value == FDC_DATA;
}

/* ---- the same future from a saved state ---- */

/* A fresh machine with the state of ONE and copies of its media ends where ONE does, MORE counts later. */
static void check_same_future(struct box *one, struct box *other, u64 more)
{
    struct state_buf saved = {0};
    char error[256] = "";
    unsigned long long at = cpu_count(pc_cpu(one->pc));
    assert_int_equal(pc_save(one->pc, &saved), 0);
    u64 there = pc_hash(one->pc);
    box_copy_media(other, one);
    box_renew(other);
    if (pc_load(other->pc, &saved, error, sizeof error))
        fail_msg("boot %c, at %llu: %s", one->boot, at, error);
    if (pc_hash(other->pc) != there)
        fail_msg("boot %c, at %llu: the loaded machine differs", one->boot, at);
    box_run(one, more);
    box_run(other, more);
    if (pc_hash(other->pc) != pc_hash(one->pc) || !box_same_media(one, other))
        fail_msg("boot %c, at %llu: %llu counts later the machines differ", one->boot, at, (unsigned long long)more);
    state_buf_free(&saved);
}

struct points {
    const struct box_roms *roms;
    u64 seed;
    unsigned wanted, done, in_flight, after_boot;
};

/* Somewhere further on; in the tour on the way to another of its pages. */
static void advance(struct points *t, struct box *b, unsigned point)
{
    box_run(b, 1 + box_random(&t->seed, point < BOOTING ? BOOT_COUNTS : NEXT_COUNTS));
    if (b->boot == BOX_TOUR) {
        const struct input_sink *in = pc_input(b->pc);
        in->key(in->ctx, KEY_1 + (enum key)box_random(&t->seed, 7), true);
        box_run(b, 1 + box_random(&t->seed, KEY_COUNTS));
    }
}

/* Points of one machine from its start on. */
static void check_lap(struct points *t, char boot)
{
    struct box one, other;
    box_open(&one, t->roms, boot);
    box_open(&other, t->roms, boot);
    const struct number phase = find_phase(&one);
    for (unsigned i = 0; i < LAP && t->done < t->wanted; i++) {
        advance(t, &one, i);
        t->in_flight += transferring(&one, &phase);
        t->after_boot += boot == BOX_TOUR || box_rounds(&one);
        check_same_future(&one, &other, 1 + box_random(&t->seed, MORE_COUNTS));
        if (++t->done % PROGRESS == 0 || t->done == t->wanted) {
            print_message("%u points of %u, %u in transfers\n", t->done, t->wanted, t->in_flight);
            fflush(stdout);
        }
    }
    box_close(&one);
    box_close(&other);
}

static void test_points(void **state)
{
    struct points t = {.roms = box_roms_or_skip(state),
                       .wanted = (unsigned)from_environment("OMBRA_TEST_CASES", POINTS),
                       .seed = from_environment("OMBRA_TEST_SEED", 2)};
    static const char boots[] = {'a', 'c', 'd', BOX_TOUR};
    for (unsigned i = 0; t.done < t.wanted; i++)
        check_lap(&t, boots[i % ARRAY_LEN(boots)]);
    assert_true(t.in_flight >= t.wanted / 3);
    assert_true(t.after_boot > t.wanted / 2);
}

/* Two machines in one process, run in turns, one of them saved all the time, end as one that ran alone. */
static void test_side_by_side(void **state)
{
    const struct box_roms *roms = box_roms_or_skip(state);
    enum { TURNS = 40, TURN = 777777 };
    struct box a, b, alone;
    box_open(&a, roms, 'a');
    box_open(&b, roms, 'a');
    box_open(&alone, roms, 'a');
    for (unsigned i = 0; i < TURNS; i++) {
        struct state_buf saved = {0};
        box_run(&a, TURN);
        box_run(&b, TURN);
        assert_int_equal(pc_save(b.pc, &saved), 0);
        state_buf_free(&saved);
    }
    box_run(&alone, TURNS * TURN);
    assert_true(box_rounds(&alone) > 0);
    assert_true(pc_hash(a.pc) == pc_hash(alone.pc));
    assert_true(pc_hash(b.pc) == pc_hash(alone.pc));
    box_close(&a);
    box_close(&b);
    box_close(&alone);
}

/* ---- what does not fit ---- */

static void other_ram(struct pc_config *c)
{
    c->ram += 1 << 20;
}

static void other_cpu(struct pc_config *c)
{
    c->cpu = cpu_model_find("486");
}

static void other_drives(struct pc_config *c)
{
    c->drive[2].kind = PC_DRIVE_NONE;
}

static void other_devices(struct pc_config *c)
{
    c->serial_present[1] = true;
}

static void other_bios(struct pc_config *c)
{
    c->vgabios_size = 0;
}

static void test_other_machines(void **state)
{
    static const struct {
        void (*change)(struct pc_config *c);
        const char *error;
    } cases[] = {{other_ram, "saved with 2 MiB of memory; start with --mem 2"},
                 {other_cpu, "saved with another processor model; start with the same --cpu"},
                 {other_drives, "saved with other drives; start with the same images"},
                 {other_devices, "saved with other devices; start with the same options"},
                 {other_bios, "saved with another BIOS or VGA BIOS; start with the same ones"}};
    struct box one, other;
    struct state_buf saved = {0};
    char error[256];
    box_open(&one, box_roms_or_skip(state), 'c');
    assert_int_equal(pc_save(one.pc, &saved), 0);
    for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
        box_prepare(&other, one.roms, 'c');
        struct pc_config config = box_config(&other);
        cases[i].change(&config);
        box_build(&other, &config);
        assert_int_equal(pc_load(other.pc, &saved, error, sizeof error), -EINVAL);
        assert_string_equal(error, cases[i].error);
        box_close(&other);
    }
    state_buf_free(&saved);
    box_close(&one);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_points),
        cmocka_unit_test(test_side_by_side),
        cmocka_unit_test(test_other_machines),
    };
    return cmocka_run_group_tests(tests, box_group_setup, box_group_teardown);
}
