/*
 * test_pc_state.c - whole machines: saved and loaded at random points, and states of other machines. Needs SeaBIOS.
 */
#include "pc_box.h"

enum { POINTS = 25, BOOT_COUNTS = 60000000, MORE_COUNTS = 3000000, STEP = 300, SEARCH = 20000 };

static struct box_roms roms; /* read-only after the group's setup */
static bool have_roms;

static int group_setup(void **state)
{
    have_roms = box_roms_load(&roms);
    return 0;
}

static int group_teardown(void **state)
{
    box_roms_free(&roms);
    return 0;
}

static void skip_without_bios(void)
{
    if (!have_roms) {
        print_message("SeaBIOS is not installed: skipped\n");
        skip();
    }
}

/* ---- is a transfer under way? ---- */

struct search {
    const char *path;
    u64 value;
    bool found;
};

static void match(void *ctx, const char *path, const struct field *f, const void *p)
{
    struct search *s = ctx;
    if (strcmp(path, s->path) == 0) {
        s->found = true;
        memcpy(&s->value, p, f->size);
    }
}

/* A device's number by its path in the named state. */
static u64 number_of(struct pc *pc, const char *device, const char *path)
{
    const struct device *list;
    unsigned n = pc_devices(pc, &list);
    struct search s = {.path = path};
    for (unsigned i = 0; i < n; i++)
        if (strcmp(list[i].ops->name, device) == 0)
            state_walk("", list[i].ops->state, list[i].self, match, &s);
    assert_true(s.found);
    return s.value;
}

static bool transferring(const struct box *b, char boot)
{
    enum { FDC_EXECUTE = 1, FDC_DATA = 2, IDE_IDLE = 0 };
    if (boot == 'a') {
        u64 phase = number_of(b->pc, "fdc", "phase");
        return phase == FDC_EXECUTE || phase == FDC_DATA;
    }
    return number_of(b->pc, "ide", boot == 'c' ? "channel[0].unit[0].phase" : "channel[1].unit[0].phase") != IDE_IDLE;
}

static void run_into_transfer(struct box *b, char boot)
{
    for (unsigned i = 0; !transferring(b, boot); i++) {
        assert_true(i < SEARCH);
        box_run(b, STEP);
    }
}

/* ---- the same future from a saved state ---- */

static void check_same_future(struct box *one, struct box *other, u64 more)
{
    struct state_buf saved = {0};
    char error[256] = "";
    u64 at = cpu_count(pc_cpu(one->pc));
    assert_int_equal(pc_save(one->pc, &saved), 0);
    u64 there = pc_hash(one->pc);
    box_copy_media(other, one);
    box_run(one, more);
    if (pc_load(other->pc, &saved, error, sizeof error))
        fail_msg("at %llu: %s", (unsigned long long)at, error);
    if (pc_hash(other->pc) != there)
        fail_msg("at %llu: the loaded machine differs", (unsigned long long)at);
    box_run(other, more);
    if (pc_hash(other->pc) != pc_hash(one->pc))
        fail_msg("at %llu: %llu counts later the machines differ", (unsigned long long)at, (unsigned long long)more);
    state_buf_free(&saved);
}

/* Saved while SeaBIOS or the boot sector's loop runs, every second time in the middle of a transfer. */
static void test_points(void **state)
{
    skip_without_bios();
    u64 seed = 2;
    unsigned rounds = 0;
    for (unsigned i = 0; i < POINTS; i++) {
        char boot = "acd"[i % 3];
        struct box one, other;
        box_open(&one, &roms, boot);
        box_open(&other, &roms, boot);
        box_run(&one, 1000 + box_random(&seed, BOOT_COUNTS));
        if (i % 2 && box_rounds(&one))
            run_into_transfer(&one, boot);
        check_same_future(&one, &other, 1 + box_random(&seed, MORE_COUNTS));
        rounds += box_rounds(&one) > 0;
        box_close(&one);
        box_close(&other);
    }
    assert_true(rounds > POINTS / 2);
}

/* Each kind of transfer for certain. */
static void test_in_flight(void **state)
{
    skip_without_bios();
    u64 seed = 9;
    for (const char *boot = "acd"; *boot; boot++) {
        struct box one, other;
        box_open(&one, &roms, *boot);
        box_open(&other, &roms, *boot);
        for (unsigned i = 0; box_rounds(&one) == 0; i++) {
            assert_true(i < 2000);
            box_run(&one, 100000);
        }
        for (unsigned i = 0; i < 6; i++) {
            box_run(&one, box_random(&seed, 100000));
            run_into_transfer(&one, *boot);
            check_same_future(&one, &other, 1 + box_random(&seed, 300000));
        }
        box_close(&one);
        box_close(&other);
    }
}

/* Looking does not change anything: a machine that is saved and hashed all the time ends as one that is left alone. */
static void test_saving_is_silent(void **state)
{
    skip_without_bios();
    struct box watched, alone;
    box_open(&watched, &roms, 'c');
    box_open(&alone, &roms, 'c');
    for (unsigned i = 0; i < 40; i++) {
        struct state_buf saved = {0};
        box_run(&watched, 999983);
        assert_int_equal(pc_save(watched.pc, &saved), 0);
        state_buf_free(&saved);
        box_run(&alone, 999983);
    }
    assert_true(pc_hash(watched.pc) == pc_hash(alone.pc));
    box_close(&watched);
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
    } cases[] = {{other_ram, "saved with 4 MiB of memory; start with --mem 4"},
                 {other_cpu, "saved with another processor model; start with the same --cpu"},
                 {other_drives, "saved with other drives; start with the same images"},
                 {other_devices, "saved with other devices; start with the same options"},
                 {other_bios, "saved with another BIOS or VGA BIOS; start with the same ones"}};
    skip_without_bios();
    struct box one, other;
    struct state_buf saved = {0};
    char error[256], order[2];
    box_open(&one, &roms, 'c');
    assert_int_equal(pc_save(one.pc, &saved), 0);
    for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
        box_make_media(&other);
        struct pc_config config = box_config(&other, &roms, 'c', order);
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
        cmocka_unit_test(test_in_flight),
        cmocka_unit_test(test_saving_is_silent),
        cmocka_unit_test(test_other_machines),
    };
    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
