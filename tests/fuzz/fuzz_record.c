/*
 * fuzz_record.c - a recording. A hostile one is refused in one line; or it is replayed, and the machine ends where it
 * says or is told to have gone another way, and runs on.
 *
 * An input that begins with an odd byte is the records alone, put between a good beginning and end.
 */
#define _GNU_SOURCE /* memfd_create */
#include "frontend/recording.h"
#include "frontend/timeline.h"
#include "tests/fuzz/machine.h"
#include <zlib.h>

enum { SLICES = 50, SLICE = 400, RUN = 2000, END = 5000, FILE_MAX_BYTES = 64 << 10, TAIL = 25 };

/* A whole file of no records, which the first caller makes. */
static size_t good_file(u8 *out)
{
    static u8 good[16 << 10];
    static size_t len;
    const struct recording_start start = {.built_from = "--cpu p4\n", .has_cmos = true, .hash = 1};
    const struct recording_end end = {{.count = END}, 2};
    char path[32], error[256];
    struct recording *r;
    if (!len) {
        int fd = fuzz_file((const u8 *)"", 0, 0, path);
        fuzz_check(recording_create(path, &start, &r, error, sizeof error) == 0);
        fuzz_check(recording_close(r, &end) == 0);
        ssize_t n = pread(fd, good, sizeof good, 0);
        fuzz_check(n > TAIL && (size_t)n < sizeof good);
        len = (size_t)n;
        close(fd);
    }
    memcpy(out, good, len);
    return len;
}

/* Good around N bytes of records. */
static size_t wrap(u8 *out, const u8 *data, size_t n)
{
    u8 tail[TAIL];
    size_t at = good_file(out) - TAIL;
    memcpy(tail, out + at, TAIL);
    memcpy(out + at, data, n);
    st32(tail + 21, (u32)crc32_z(0, data, n));
    memcpy(out + at + n, tail, TAIL);
    return at + n + TAIL;
}

static int no_medium(void *ctx, unsigned slot, const char *path, char *err, size_t n)
{
    fuzz_check(slot < PC_FLOPPIES + PC_DRIVES);
    return strlen(path) % 2 ? -1 : 0;
}

static void replay(struct journal *j, const struct recording_end *end)
{
    struct fuzz_machine m;
    struct timeline t;
    fuzz_machine_open(&m, cpu_model_find("p4"));
    timeline_open(&t, m.pc, true);
    t.journal = *j;
    t.fixed = true;
    t.end = end->at;
    t.medium = no_medium;
    for (unsigned i = 0; i < SLICES && !t.lost && timeline_past(&t); i++) {
        enum pc_stop why = timeline_run(&t, SLICE);
        if (why != PC_BUDGET)
            break;
    }
    if (!t.lost && !timeline_past(&t))
        fuzz_check(cpu_place_compare(cpu_place(pc_cpu(m.pc)), end->at) >= 0);
    fuzz_machine_run(&m, RUN, RUN, 5);
    timeline_close(&t);
    fuzz_machine_close(&m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static u8 file[FILE_MAX_BYTES + (16 << 10)];
    struct recording_start start;
    struct recording_end end;
    struct journal j;
    char error[256] = "";
    if (size == 0 || size > FILE_MAX_BYTES)
        return 0;
    bool records = data[0] & 1;
    size_t len = size - 1;
    if (records)
        len = wrap(file, data + 1, len);
    else
        memcpy(file, data + 1, len);
    if (recording_parse(file, len, "file", &start, &j, &end, error, sizeof error)) {
        fuzz_check(error[0] && !strchr(error, '\n') && !j.data);
        return 0;
    }
    fuzz_check(!error[0]);
    replay(&j, &end);
    return 0;
}

/* ---- seeds ---- */

/* Records of every kind. */
static size_t seed_records(u8 *out)
{
    static const struct journal_event events[] = {
        {.kind = JOURNAL_KEY, .at = {.count = 600}, .number = {KEY_A, 1}},
        {.kind = JOURNAL_MOUSE, .at = {.count = 700}, .number = {5, -5, 1, 3}},
        {.kind = JOURNAL_SERIAL, .at = {.count = 800}, .number = {0}, .data = (const u8 *)"ok", .len = 2},
        {.kind = JOURNAL_MEDIUM, .at = {.count = 900}, .number = {0}, .data = (const u8 *)"ab", .len = 2},
        {.kind = JOURNAL_RATE, .at = {.count = 1000}, .number = {20000}},
        {.kind = JOURNAL_MEMORY, .at = {.count = 1100}, .number = {0x10500}, .data = (const u8 *)"ab", .len = 2},
        {.kind = JOURNAL_CPU, .at = {.count = 1150}, .data = (const u8 *)"\3cpu", .len = 4},
        {.kind = JOURNAL_RESET, .at = {.count = 1200}},
        {.kind = JOURNAL_SKIP, .at = {.count = 1300}, .number = {100}},
        {.kind = JOURNAL_POWER, .at = {.count = 1400}},
    };
    struct journal j = {0};
    struct journal_cursor c = {0};
    for (unsigned i = 0; i < ARRAY_LEN(events); i++)
        fuzz_check(journal_append(&j, &c, &events[i]) == 0);
    size_t len = j.len;
    memcpy(out, j.data, len);
    journal_free(&j);
    return len;
}

size_t fuzz_seed(unsigned n, u8 *out)
{
    out[0] = (u8)(n & 1);
    if (n == 0)
        return 1 + good_file(out + 1);
    return n == 1 ? 1 + seed_records(out + 1) : 0;
}
