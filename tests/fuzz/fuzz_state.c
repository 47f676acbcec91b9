/*
 * fuzz_state.c - the saved state of a whole machine. A hostile one is refused in one line, after which the machine
 * runs, and takes a good one and is exactly what that says; or it is loaded, and then the machine runs, and what it
 * saves can be loaded again.
 *
 * An input that begins with an even byte goes on with the state itself (with an odd second byte: as a file). Else
 * it is a list of changes to the state of a machine that has just begun: field, element and new value.
 */
#define _GNU_SOURCE /* memfd_create */
#include "tests/fuzz/machine.h"
#include <zlib.h>

enum { FIELDS_MAX = 4096, CHANGES_MAX = 64, RUN = 20000, PAUSES = 20, FILE_HEADER = 24 };

/* ---- where the values are: base/state.c describes the format ---- */

struct place {
    u32 at, size, count; /* COUNT values of SIZE bytes */
};

struct map {
    struct place place[FIELDS_MAX];
    unsigned count;
};

/* Steps over a name. */
static size_t skip_name(const u8 *p, size_t at)
{
    return at + 1 + p[at];
}

static void map_fields(struct map *map, const u8 *p, size_t at, size_t end)
{
    while (at < end) {
        at = skip_name(p, at);
        u8 kind = p[at];
        u32 size = ld32(p + at + 1), count = ld32(p + at + 5);
        size_t len = ld64(p + at + 9);
        at += 17;
        if (kind != FIELD_STRUCT && map->count < FIELDS_MAX)
            map->place[map->count++] = (struct place){(u32)at, size, count};
        for (size_t inner = at; kind == FIELD_STRUCT && inner < at + len; inner += 8 + ld64(p + inner))
            map_fields(map, p, inner + 8, inner + 8 + ld64(p + inner));
        at += len;
    }
}

static void map_state(struct map *map, const struct state_buf *b)
{
    for (size_t at = 0; at < b->len;) {
        at = skip_name(b->data, at);
        bool fields = b->data[at] == 0;
        size_t len = ld64(b->data + at + 3);
        at += 11;
        if (fields)
            map_fields(map, b->data, at, at + len);
        at += len;
    }
}

static void change(const struct map *map, struct state_buf *b, struct fuzz_in *in)
{
    u16 field = fuzz_take16(in), element = fuzz_take16(in);
    u8 size = fuzz_take8(in);
    u64 value = fuzz_take(in, 1u << (size & 3));
    const struct place *p = &map->place[field % map->count];
    if (p->count == 0 || p->size == 0)
        return;
    memcpy(b->data + p->at + (size_t)(element % p->count) * p->size, &value, MIN(p->size, 8u));
}

/* ---- the state to load ---- */

static void patched(struct state_buf *b, const struct state_buf *good, struct fuzz_in *in)
{
    struct map *map = calloc(1, sizeof *map);
    *b = (struct state_buf){.data = malloc(good->len), .len = good->len, .cap = good->len};
    fuzz_check(map && b->data);
    memcpy(b->data, good->data, good->len);
    map_state(map, b);
    for (unsigned i = 0; in->left > 0 && i < CHANGES_MAX; i++)
        change(map, b, in);
    free(map);
}

static bool from_file(struct state_buf *b, const struct fuzz_in *in)
{
    char path[32];
    int fd = fuzz_file(in->p, in->left, in->left, path);
    int r = state_read_file(b, path);
    close(fd);
    fuzz_check(r <= 0);
    return r == 0;
}

/* False: there is nothing to load. */
static bool take_state(struct state_buf *b, const struct state_buf *good, struct fuzz_in *in)
{
    u8 how = fuzz_take8(in);
    if (how & 1) {
        patched(b, good, in);
        return true;
    }
    if (fuzz_take8(in) & 1)
        return from_file(b, in);
    *b = (struct state_buf){.data = malloc(in->left + 1), .len = in->left, .cap = in->left + 1};
    fuzz_check(b->data);
    memcpy(b->data, in->p, in->left);
    return true;
}

/* ---- what may follow ---- */

struct good {
    struct state_buf state;
    u64 hash;
};

/* The state of a machine that has just begun: made by the first caller, because that takes longer than an input, and
 * never changed. */
static const struct good *good_state(void)
{
    static struct good good;
    struct fuzz_machine m;
    if (good.state.data)
        return &good;
    fuzz_machine_open(&m, cpu_model_find("p4"));
    fuzz_machine_run(&m, 3000, 3000, 1);
    fuzz_check(pc_save(m.pc, &good.state) == 0);
    good.hash = pc_hash(m.pc);
    fuzz_machine_close(&m);
    return &good;
}

static void refused(struct fuzz_machine *m, const struct good *good, const char *error)
{
    char again[256] = "";
    fuzz_machine_run(m, RUN, RUN, PAUSES); /* its memory holds anything, but it is a machine */
    fuzz_check(error[0] && !strchr(error, '\n'));
    fuzz_check(pc_load(m->pc, &good->state, again, sizeof again) == 0);
    fuzz_check(pc_hash(m->pc) == good->hash);
}

/* The machine runs, shows its picture, and its state is one that can be loaded. */
static void loaded(struct fuzz_machine *m)
{
    struct fuzz_machine other;
    struct state_buf saved = {0};
    struct display_frame frame = {0};
    char error[256] = "";
    fuzz_machine_run(m, RUN, RUN, PAUSES);
    fuzz_check(display_frame_init(&frame) == 0);
    pc_display(m->pc)->draw(pc_display(m->pc)->ctx, &frame);
    display_frame_free(&frame);
    fuzz_check(pc_save(m->pc, &saved) == 0);
    fuzz_machine_open(&other, cpu_model_find("p4"));
    int r = pc_load(other.pc, &saved, error, sizeof error);
    if (r)
        fprintf(stderr, "cannot be loaded again: %s\n", error);
    fuzz_check(r == 0);
    fuzz_check(pc_hash(other.pc) == pc_hash(m->pc));
    fuzz_machine_close(&other);
    state_buf_free(&saved);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_in in = {data, size};
    struct fuzz_machine m;
    struct state_buf b = {0};
    char error[256] = "";
    const struct good *good = good_state();
    if (!take_state(&b, &good->state, &in))
        return 0;
    fuzz_machine_open(&m, cpu_model_find("p4"));
    if (pc_load(m.pc, &b, error, sizeof error) == 0)
        loaded(&m);
    else
        refused(&m, good, error);
    state_buf_free(&b);
    fuzz_machine_close(&m);
    return 0;
}

/* ---- seeds ---- */

/* The state as a file: base/state_file.c describes the header. */
static size_t seed_file(const struct state_buf *good, u8 *out)
{
    static const u8 header[FILE_HEADER] = {'O', 'm', 'b', 'r', 'a', 'S', 't', '\n', 1};
    memcpy(out, header, sizeof header);
    st32(out + 12, (u32)crc32_z(0, good->data, good->len));
    st64(out + 16, good->len);
    memcpy(out + sizeof header, good->data, good->len);
    return sizeof header + good->len;
}

static size_t seed_changes(unsigned n, u8 *out)
{
    static const u8 changes[][12] = {
        {1, 0, 0, 0, 0, 0, 0},
        {1, 20, 0, 1, 0, 3, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF},
        {1, 0x80, 1, 3, 0, 2, 1, 0, 0, 0x80},
    };
    if (n >= ARRAY_LEN(changes))
        return 0;
    memcpy(out, changes[n], sizeof changes[n]);
    return sizeof changes[n];
}

size_t fuzz_seed(unsigned n, u8 *out)
{
    if (n >= 2)
        return seed_changes(n - 2, out);
    const struct state_buf *good = &good_state()->state;
    out[0] = 0;
    out[1] = (u8)n;
    fuzz_check(good->len + 2 + FILE_HEADER <= FUZZ_INPUT_MAX);
    if (n == 1)
        return 2 + seed_file(good, out + 2);
    memcpy(out + 2, good->data, good->len);
    return 2 + good->len;
}
