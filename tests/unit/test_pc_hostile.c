/*
 * test_pc_hostile.c - what somebody has made up to break a machine: saved states with wrong bytes, cut off, or with a
 * single wrong number, and a guest that writes to ports at random. Loading says no or the machine runs on; nothing
 * outside it is touched and nothing hangs. Needs SeaBIOS; means most with sanitizers.
 *
 * OMBRA_TEST_CASES=n: all fields n times with other values each time, instead of a third of them once; and n times as
 * many bursts of the guest.
 */
#include "pc_box.h"

enum {
    COUNTS = 25000000,    /* of the machine whose state is saved */
    AFTER = 5000,         /* of one that took a state over, a few times */
    TRIES = 60,           /* of wrong bytes, and of lengths */
    SMALL_PART = 24000,   /* bytes of a state before memory and video memory, about */
    BURSTS = 60,          /* of a guest at random ports */
    BURST = 20000,        /* counts */
    PORTS_NUMBER = 0x600, /* where that guest has its number */
    FULL_LOOK_EVERY = 16  /* times that a state was taken: it is saved again too */
};

struct hostile {
    struct box good;        /* whose state it is */
    struct box box;         /* that is to load it, with the same media */
    struct state_buf saved; /* by the good one */
    struct display_frame frame;
    u64 seed;
    unsigned refused, taken;
    unsigned one_in; /* so many fields is tried */
    /* The chunk whose fields are changed one after the other. */
    const char *chunk;
    u16 version;
    const struct field *fields;
    const void *obj;
};

static unsigned rounds(void)
{
    const char *s = getenv("OMBRA_TEST_CASES");
    return s ? (unsigned)strtoul(s, NULL, 10) : 0;
}

static void open_hostile(struct hostile *h, void **state, char boot)
{
    *h = (struct hostile){.seed = 5, .one_in = 1};
    box_open(&h->good, box_roms_or_skip(state), boot);
    box_open(&h->box, h->good.roms, boot);
    box_run(&h->good, COUNTS);
    assert_true(box_rounds(&h->good) > 0);
    assert_int_equal(pc_save(h->good.pc, &h->saved), 0);
    assert_int_equal(display_frame_init(&h->frame), 0);
}

/* The good state is taken by the machine that took others before it. */
static void close_hostile(struct hostile *h)
{
    char error[256];
    assert_int_equal(pc_load(h->box.pc, &h->saved, error, sizeof error), 0);
    assert_true(pc_hash(h->box.pc) == pc_hash(h->good.pc));
    display_frame_free(&h->frame);
    state_buf_free(&h->saved);
    box_close(&h->good);
    box_close(&h->box);
}

static void look(struct hostile *h)
{
    const struct display_source *d = pc_display(h->box.pc);
    struct display_text *text = malloc(sizeof *text);
    assert_non_null(text);
    d->draw(d->ctx, &h->frame);
    d->text(d->ctx, text);
    free(text);
}

static void save_again(struct hostile *h)
{
    struct state_buf again = {0};
    assert_int_equal(pc_save(h->box.pc, &again), 0);
    pc_hash(h->box.pc);
    state_buf_free(&again);
}

/* What a person may do with a machine. */
static void use(struct hostile *h)
{
    struct pc *pc = h->box.pc;
    const struct input_sink *in = pc_input(pc);
    for (unsigned i = 0; i < 3; i++) {
        if (pc_run(pc, AFTER) == PC_IDLE && pc_next_event(pc) != CLOCK_NEVER)
            pc_skip_to(pc, pc_next_event(pc));
        if (in->room(in->ctx))
            in->key(in->ctx, KEY_A, i & 1);
        in->mouse(in->ctx, 5, -5, 1, MOUSE_LEFT);
    }
    look(h);
    pc_change_cd(pc, 2, NULL);
    pc_change_cd(pc, 2, &h->box.media[BOX_CD].block);
    pc_change_floppy(pc, 0, &h->box.media[BOX_FLOPPY].block);
    if (h->taken % FULL_LOOK_EVERY == 0)
        save_again(h);
}

/* A machine that has refused a state is thrown away, as the frontend does: what it had taken in was not checked. */
static void attempt(struct hostile *h, const struct state_buf *b)
{
    char error[256] = "";
    if (pc_load(h->box.pc, b, error, sizeof error)) {
        assert_true(strlen(error) > 0);
        assert_null(strchr(error, '\n'));
        h->refused++;
        box_renew(&h->box);
    } else {
        use(h);
        h->taken++;
    }
}

/* Bytes that the checksum of a file would not let pass, and ends too early. */
static void test_bytes(void **state)
{
    struct hostile h;
    open_hostile(&h, state, 'c');
    size_t len = h.saved.len;
    for (unsigned i = 0; i < TRIES; i++) {
        u64 at = box_random(&h.seed, i % 3 ? MIN(len, (size_t)SMALL_PART) : len);
        u8 was = h.saved.data[at];
        h.saved.data[at] ^= (u8)(1 + box_random(&h.seed, 255));
        attempt(&h, &h.saved);
        h.saved.data[at] = was;
    }
    assert_true(h.refused && h.taken);
    h.taken = 0;
    for (unsigned i = 0; i < TRIES; i++) {
        h.saved.len = i < TRIES / 2 ? i : box_random(&h.seed, i % 2 ? MIN(len, (size_t)SMALL_PART) : len);
        attempt(&h, &h.saved);
    }
    assert_int_equal(h.taken, 0);
    h.saved.len = len;
    close_hostile(&h);
}

/* ---- one wrong number ---- */

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
    u8 *at = (u8 *)p; /* the walk is for readers, but the good machine is ours */
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
 * Loads a state in which a single number is not as in the good machine. The first chunk of a name counts, so the
 * changed one goes before the good state.
 */
static void spoil(void *ctx, const char *path, const struct field *f, const void *p)
{
    struct hostile *h = ctx;
    struct state_buf b = {0};
    unsigned size;
    u64 was = 0, value;
    if (box_random(&h->seed, h->one_in))
        return;
    u8 *at = number_in(h, f, p, &size);
    memcpy(&was, at, size);
    value = nasty_value(&h->seed, size, was);
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

/* The numbers that a state has, with values at the edges and outside. */
static void test_fields(void **state)
{
    static const struct field clock_fields[] = {
        FIELD(struct clock, offset),
        FIELD(struct clock, rate_ps),
        FIELD_END,
    };
    struct hostile h;
    const struct device *list;
    open_hostile(&h, state, 'c');
    h.one_in = rounds() ? 1 : 3;
    unsigned n = pc_devices(h.good.pc, &list);
    for (unsigned round = 0; round < MAX(rounds(), 1u); round++) {
        spoil_chunk(&h, "clock", 1, clock_fields, pc_clock(h.good.pc));
        spoil_chunk(&h, "cpu", 1, cpu_fields, pc_cpu(h.good.pc));
        for (unsigned i = 0; i < n; i++)
            spoil_chunk(&h, list[i].ops->name, list[i].ops->state_version, list[i].ops->state, list[i].self);
    }
    print_message("%u states refused, %u taken\n", h.refused, h.taken);
    assert_true(h.refused && h.taken);
    close_hostile(&h);
}

/* ---- a guest that writes to ports ---- */

/* A generator picks one of the bases at the end, a port among the 16 from there, and what goes to it. */
static const u8 ports_boot_sector[] = {
    0x31, 0xC0, 0x8E, 0xD8, 0xFA,                         /* xor ax,ax; mov ds,ax; cli */
    0x66, 0x69, 0x06, 0x00, 0x06, 0x6D, 0x4E, 0xC6, 0x41, /* again: imul eax, [600h], 41C64E6Dh */
    0x66, 0x05, 0x39, 0x30, 0x00, 0x00,                   /* add eax, 12345 */
    0x66, 0xA3, 0x00, 0x06,                               /* mov [600h], eax */
    0x66, 0x89, 0xC3, 0x66, 0xC1, 0xEB, 0x1B,             /* mov ebx, eax; shr ebx, 27 */
    0x83, 0xE3, 0x1E, 0x8B, 0x97, 0x41, 0x7C,             /* and bx, 30; mov dx, [bx + bases] */
    0x66, 0x89, 0xC1, 0x66, 0xC1, 0xE9, 0x14,             /* mov ecx, eax; shr ecx, 20 */
    0x83, 0xE1, 0x0F, 0x01, 0xCA,                         /* and cx, 15; add dx, cx */
    0x66, 0xC1, 0xC8, 0x0B,                               /* ror eax, 11 */
    0xEE, 0xEC, 0x66, 0xEF, 0xED,                         /* out dx,al; in al,dx; out dx,eax; in ax,dx */
    0xFF, 0x06, 0x00, 0x05,                               /* inc word [500h] */
    0xEB, 0xC4,                                           /* jmp again */
    0x00, 0x00, 0x20, 0x00, 0x40, 0x00, 0x60, 0x00, 0x70,
    0x00, 0x80, 0x00, 0xC0, 0x00, 0x70, 0x01, /* bases: the board's devices, */
    0xF0, 0x01, 0xF8, 0x01, 0x68, 0x03, 0xB0, 0x03, 0xC0,
    0x03, 0xD0, 0x03, 0xF0, 0x03, 0xF0, 0x0C, /* disks, display, floppy, COM1, PCI */
};

static void set_number(struct hostile *h)
{
    u8 number[4];
    st32(number, (u32)box_random(&h->seed, (u64)1 << 31));
    phys_write(pc_cpu(h->box.pc)->mmu.phys, PORTS_NUMBER, number, sizeof number);
}

/* Each burst from the same state with another number; whatever the guest has done, that state comes back whole. */
static void test_ports(void **state)
{
    struct hostile h = {.seed = 7};
    char error[256];
    box_prepare(&h.box, box_roms_or_skip(state), 'a');
    memcpy(h.box.media[BOX_FLOPPY].data, ports_boot_sector, sizeof ports_boot_sector);
    struct pc_config config = box_config(&h.box);
    box_build(&h.box, &config);
    assert_int_equal(display_frame_init(&h.frame), 0);
    while (box_rounds(&h.box) == 0)
        box_run(&h.box, 1000);
    assert_int_equal(pc_save(h.box.pc, &h.saved), 0);
    u64 hash = pc_hash(h.box.pc);
    for (unsigned i = 0; i < BURSTS * MAX(rounds(), 1u); i++) {
        set_number(&h);
        pc_run(h.box.pc, BURST);
        use(&h);
        assert_int_equal(pc_load(h.box.pc, &h.saved, error, sizeof error), 0);
        assert_true(pc_hash(h.box.pc) == hash);
    }
    display_frame_free(&h.frame);
    state_buf_free(&h.saved);
    box_close(&h.box);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_fields),
        cmocka_unit_test(test_ports),
    };
    return cmocka_run_group_tests(tests, box_group_setup, box_group_teardown);
}
