/*
 * test_pc_hostile.c - states of whole machines that somebody has made up: whatever is in them, loading says no or the
 * machine runs on; nothing outside it is touched. Needs SeaBIOS; means most with sanitizers.
 *
 * OMBRA_HOSTILE=n goes through the fields n times with other values each time.
 */
#include "pc_box.h"

enum { COUNTS = 25000000, AFTER = 20000, TRIES = 300, SMALL_PART = 24000 };

struct hostile {
    struct box box;
    struct state_buf saved;
    struct display_frame frame;
    u64 seed;
    unsigned refused, taken;
    /* The chunk whose fields are changed one after the other. */
    const char *chunk;
    u16 version;
    const struct field *fields;
    const void *obj;
};

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

static void open_hostile(struct hostile *h, char boot)
{
    if (!have_roms) {
        print_message("SeaBIOS is not installed: skipped\n");
        skip();
    }
    *h = (struct hostile){.seed = 5};
    box_open(&h->box, &roms, boot);
    box_run(&h->box, COUNTS);
    assert_int_equal(pc_save(h->box.pc, &h->saved), 0);
    assert_int_equal(display_frame_init(&h->frame), 0);
}

static void close_hostile(struct hostile *h)
{
    char error[256];
    assert_int_equal(pc_load(h->box.pc, &h->saved, error, sizeof error), 0);
    box_run(&h->box, AFTER);
    display_frame_free(&h->frame);
    state_buf_free(&h->saved);
    box_close(&h->box);
}

/* Everything that a person may do with a machine. */
static void use(struct hostile *h)
{
    struct pc *pc = h->box.pc;
    const struct display_source *d = pc_display(pc);
    const struct input_sink *in = pc_input(pc);
    struct display_text *text = malloc(sizeof *text);
    struct state_buf again = {0};
    assert_non_null(text);
    for (unsigned i = 0; i < 3; i++) {
        if (pc_run(pc, AFTER) == PC_IDLE && pc_next_event(pc) != CLOCK_NEVER)
            pc_skip_to(pc, pc_next_event(pc));
        d->draw(d->ctx, &h->frame);
        d->text(d->ctx, text);
        if (in->room(in->ctx))
            in->key(in->ctx, KEY_A, i & 1);
        in->mouse(in->ctx, 5, -5, 1, MOUSE_LEFT);
        pc_serial(pc, 0)->room(pc_serial(pc, 0)->ctx);
    }
    pc_change_cd(pc, 2, NULL);
    pc_change_cd(pc, 2, &h->box.media[BOX_CD].block);
    pc_change_floppy(pc, 0, &h->box.media[BOX_FLOPPY].block);
    assert_int_equal(pc_save(pc, &again), 0);
    pc_hash(pc);
    state_buf_free(&again);
    free(text);
}

static void attempt(struct hostile *h, const struct state_buf *b)
{
    char error[256] = "";
    if (pc_load(h->box.pc, b, error, sizeof error)) {
        assert_true(strlen(error) > 0);
        assert_null(strchr(error, '\n'));
        h->refused++;
    } else {
        use(h);
        h->taken++;
    }
}

/* Bytes that the checksum of a file would not let pass. */
static void test_flipped(void **state)
{
    struct hostile h;
    open_hostile(&h, 'c');
    for (unsigned i = 0; i < TRIES; i++) {
        u64 at = box_random(&h.seed, i % 3 ? MIN(h.saved.len, (size_t)SMALL_PART) : h.saved.len);
        u8 was = h.saved.data[at];
        h.saved.data[at] ^= (u8)(1 + box_random(&h.seed, 255));
        attempt(&h, &h.saved);
        h.saved.data[at] = was;
    }
    assert_true(h.refused && h.taken);
    close_hostile(&h);
}

static void test_truncated(void **state)
{
    struct hostile h;
    open_hostile(&h, 'a');
    size_t len = h.saved.len;
    for (unsigned i = 0; i < TRIES; i++) {
        h.saved.len = i < 32 ? i : box_random(&h.seed, i % 2 ? MIN(len, (size_t)SMALL_PART) : len);
        attempt(&h, &h.saved);
    }
    assert_int_equal(h.taken, 0);
    h.saved.len = len;
    close_hostile(&h);
}

static u64 nasty_value(u64 *seed, unsigned size, u64 was)
{
    u64 all = ~(u64)0 >> (64 - 8 * size);
    switch (box_random(seed, 8)) {
    case 0:
        return 0;
    case 1:
        return all;
    case 2:
        return all >> 1;
    case 3:
        return (all >> 1) + 1;
    case 4:
        return was + 1;
    case 5:
        return was ^ (u64)1 << box_random(seed, 8 * size);
    case 6:
        return box_random(seed, 256);
    default:
        return box_random(seed, (u64)1 << 32) << 32 | box_random(seed, (u64)1 << 32);
    }
}

/* Where one number of a field is, and how many bytes it has: a byte somewhere in a blob, a timer's deadline. */
static u8 *number_in(struct hostile *h, const struct field *f, const void *p, unsigned *size)
{
    u8 *at = (u8 *)p; /* the walk is for readers, but the machine is ours */
    *size = f->size;
    if (f->kind == FIELD_TIMER) {
        *size = sizeof(u64);
        return at + offsetof(struct timer, when);
    }
    if (f->kind == FIELD_BYTES) {
        *size = 1;
        return at + box_random(&h->seed, f->size);
    }
    return at;
}

/*
 * Loads the good state, then one in which a single number is another. The first chunk of a name counts, so the changed
 * one goes before the good state.
 */
static void spoil(void *ctx, const char *path, const struct field *f, const void *p)
{
    struct hostile *h = ctx;
    struct state_buf b = {0};
    char error[256];
    unsigned size;
    u64 was = 0, value;
    u8 *at = number_in(h, f, p, &size);
    assert_int_equal(pc_load(h->box.pc, &h->saved, error, sizeof error), 0);
    memcpy(&was, at, size);
    value = nasty_value(&h->seed, size, was);
    if (getenv("OMBRA_HOSTILE_VERBOSE"))
        fprintf(stderr, "%s = %llx\n", path, (unsigned long long)value);
    memcpy(at, &value, size);
    state_save(&b, h->chunk, h->version, h->fields, h->obj);
    memcpy(at, &was, size);
    b.data = realloc(b.data, b.len + h->saved.len);
    assert_non_null(b.data);
    memcpy(b.data + b.len, h->saved.data, h->saved.len);
    b.cap = b.len += h->saved.len;
    attempt(h, &b);
    state_buf_free(&b);
}

static void spoil_chunk(struct hostile *h, const char *name, u16 version, const struct field *fields, const void *obj)
{
    h->chunk = name;
    h->version = version;
    h->fields = fields;
    h->obj = obj;
    state_walk(name, fields, obj, spoil, h);
}

/* Every number that a state has, with values at the edges and outside. */
static void test_fields(void **state)
{
    static const struct field clock_fields[] = {
        FIELD(struct clock, offset),
        FIELD(struct clock, rate_ps),
        FIELD_END,
    };
    const char *rounds = getenv("OMBRA_HOSTILE");
    struct hostile h;
    const struct device *list;
    open_hostile(&h, 'c');
    unsigned n = pc_devices(h.box.pc, &list);
    for (int round = rounds ? atoi(rounds) : 1; round > 0; round--) {
        for (unsigned i = 0; i < 10; i++)
            spoil_chunk(&h, "clock", 1, clock_fields, pc_clock(h.box.pc));
        spoil_chunk(&h, "cpu", 1, cpu_fields, pc_cpu(h.box.pc));
        for (unsigned i = 0; i < n; i++)
            spoil_chunk(&h, list[i].ops->name, list[i].ops->state_version, list[i].ops->state, list[i].self);
    }
    assert_true(h.refused && h.taken);
    close_hostile(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_flipped),
        cmocka_unit_test(test_truncated),
        cmocka_unit_test(test_fields),
    };
    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
