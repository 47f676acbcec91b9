/*
 * recording.c - a journal as a file, with beginning and end.
 */
#include "frontend/recording.h"
#include "frontend/file.h"
#include "base/state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <zlib.h>

enum {
    VERSION = 1,
    HEAD_BYTES = 16,
    END_MARK = 0xFF, /* no kind of record */
    END_BYTES = 1 + 8 + 4 + 8 + 4,
    START_VERSION = 1,
};
#define FILE_MAX ((u64)1 << 32)

static const char magic[8] = {'O', 'm', 'b', 'r', 'a', 'R', 'c', '\n'};

static const struct field start_fields[] = {
    FIELD_BLOB(struct recording_start, built_from),
    FIELD(struct recording_start, rtc_seconds),
    FIELD(struct recording_start, has_cmos),
    FIELD_BLOB(struct recording_start, cmos),
    FIELD(struct recording_start, hash),
    FIELD_END,
};

struct recording {
    int fd;
    u64 start;   /* of the records */
    u64 written; /* bytes of them */
    u32 crc;
};

/* ---- writing ---- */

static int write_at(int fd, u64 at, const void *data, size_t len)
{
    const u8 *p = data;
    while (len) {
        ssize_t n = pwrite(fd, p, len, (off_t)at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : -ENOSPC;
        p += n;
        at += (u64)n;
        len -= (size_t)n;
    }
    return 0;
}

static int write_start(struct recording *r, const struct recording_start *start)
{
    struct state_buf b = {0};
    u8 head[HEAD_BYTES];
    state_save(&b, "recording", START_VERSION, start_fields, start);
    memcpy(head, magic, sizeof magic);
    st32(head + 8, VERSION);
    st32(head + 12, (u32)b.len);
    int err = b.failed ? -ENOMEM : write_at(r->fd, 0, head, sizeof head);
    if (!err)
        err = write_at(r->fd, sizeof head, b.data, b.len);
    r->start = sizeof head + b.len;
    state_buf_free(&b);
    return err;
}

int recording_create(const char *path, const struct recording_start *start, struct recording **out, char *error,
                     size_t n)
{
    struct recording *r = calloc(1, sizeof *r);
    int err = r ? 0 : -ENOMEM;
    *out = NULL;
    if (r) {
        r->fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
        err = r->fd < 0 ? -errno : write_start(r, start);
    }
    if (err) {
        snprintf(error, n, "%s: the recording cannot be written there: %s", path, strerror(-err));
        if (r && r->fd >= 0)
            close(r->fd);
        free(r);
        return err;
    }
    *out = r;
    return 0;
}

int recording_update(struct recording *r, struct journal *j)
{
    u64 from = MIN(r->written, j->settled);
    int err = 0;
    if (from < r->written && ftruncate(r->fd, (off_t)(r->start + from)))
        err = -errno;
    if (!err && from < j->len)
        err = write_at(r->fd, r->start + from, j->data + from, j->len - from);
    r->crc =
        from == r->written ? (u32)crc32_z(r->crc, j->data + from, j->len - from) : (u32)crc32_z(0, j->data, j->len);
    r->written = j->settled = j->len;
    return err;
}

int recording_close(struct recording *r, const struct recording_end *end)
{
    int err = 0;
    if (!r)
        return 0;
    if (end) {
        u8 tail[END_BYTES] = {END_MARK};
        st64(tail + 1, end->at.count);
        st32(tail + 9, end->at.step);
        st64(tail + 13, end->hash);
        st32(tail + 21, r->crc);
        err = write_at(r->fd, r->start + r->written, tail, sizeof tail);
    }
    if (close(r->fd) && !err)
        err = -errno;
    free(r);
    return err;
}

/* ---- reading ---- */

static int refuse(char *error, size_t n, const char *path, const char *why)
{
    snprintf(error, n, "%s: %s", path, why);
    return -EINVAL;
}

static bool take_start(const u8 *data, size_t len, struct recording_start *start)
{
    struct state_buf b = {.data = (u8 *)data, .len = len};
    memset(start, 0, sizeof *start);
    if (state_check(&b) || state_load(&b, "recording", START_VERSION, start_fields, start))
        return false;
    const s64 far = (s64)1 << 40;
    return memchr(start->built_from, 0, sizeof start->built_from) && start->rtc_seconds > -far &&
           start->rtc_seconds < far;
}

static bool take_end(const u8 *tail, const struct journal *j, const struct journal_cursor *last,
                     struct recording_end *end)
{
    *end = (struct recording_end){.at = {.count = ld64(tail + 1), .step = ld32(tail + 9)}, .hash = ld64(tail + 13)};
    return tail[0] == END_MARK && ld32(tail + 21) == (u32)crc32_z(0, j->data, j->len) && end->at.count >= last->count &&
           end->at.count < (u64)1 << 62;
}

int recording_parse(const u8 *data, size_t len, const char *path, struct recording_start *start, struct journal *j,
                    struct recording_end *end, char *error, size_t n)
{
    static const char no_end[] = "it has no end: cut off, or the session that wrote it did not end properly";
    struct journal_cursor last;
    *j = (struct journal){0};
    if (len < HEAD_BYTES || memcmp(data, magic, sizeof magic) != 0)
        return refuse(error, n, path, "not a recording that --record wrote");
    if (ld32(data + 8) > VERSION)
        return refuse(error, n, path, "recorded by a newer version of Ombra");
    size_t head = ld32(data + 12);
    if (head > len - HEAD_BYTES)
        return refuse(error, n, path, no_end);
    if (!take_start(data + HEAD_BYTES, head, start))
        return refuse(error, n, path, "damaged at its beginning");
    size_t left = len - HEAD_BYTES - head;
    if (left < END_BYTES || data[len - END_BYTES] != END_MARK)
        return refuse(error, n, path, no_end);
    struct journal all = {.len = left - END_BYTES};
    all.data = malloc(all.len + 1);
    if (!all.data)
        return refuse(error, n, path, "not enough memory");
    memcpy(all.data, data + HEAD_BYTES + head, all.len);
    all.cap = all.len + 1;
    if (!journal_check(&all, &last) || !take_end(data + len - END_BYTES, &all, &last, end)) {
        journal_free(&all);
        return refuse(error, n, path, "damaged");
    }
    *j = all;
    return 0;
}

int recording_read(const char *path, struct recording_start *start, struct journal *j, struct recording_end *end,
                   char *error, size_t n)
{
    u8 *data;
    size_t len;
    *j = (struct journal){0};
    int err = file_read(path, FILE_MAX, &data, &len, error, n);
    if (err)
        return err;
    err = recording_parse(data, len, path, start, j, end, error, n);
    free(data);
    return err;
}
