/*
 * reader.c - reading traces through zlib, which hands on what is not compressed as it is.
 */
#include "frontend/trace/reader.h"
#include "frontend/trace/code.h"
#include "frontend/trace/format.h"
#include "frontend/trace/writer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>

enum { BUFFER = 1 << 16 };

struct trace_reader {
    gzFile gz;
    char name[256];
    struct trace_code *code; /* NULL: text */
    u8 buf[BUFFER];
    size_t at, len; /* what is not used yet is [AT, LEN) */
    bool eof, ended, broken;
    u64 records, line;
    u64 regs[TRACE_REGS_ALL]; /* of text */
    unsigned bits;
};

static int fail(const struct trace_reader *r, const char *why, char *error, size_t error_size)
{
    snprintf(error, error_size, "%s: %s", r->name, why);
    return -EINVAL;
}

/* Makes at least N bytes ready, if the file has so many. */
static void refill(struct trace_reader *r, size_t n)
{
    if (r->len - r->at >= n || r->eof)
        return;
    memmove(r->buf, r->buf + r->at, r->len - r->at);
    r->len -= r->at;
    r->at = 0;
    while (r->len < BUFFER && !r->eof) {
        int got = gzread(r->gz, r->buf + r->len, (unsigned)(BUFFER - r->len));
        r->len += got > 0 ? (size_t)got : 0;
        r->eof = got <= 0;
        r->broken = got < 0;
    }
}

/* ---- opening ---- */

/* Version, registers, the argument of --trace. False if this is nothing that we can read. */
static bool take_binary_header(struct trace_reader *r)
{
    const u8 *p = r->buf + sizeof TRACE_MAGIC - 1;
    u64 spec = 0;
    size_t n = r->len > 10 ? trace_take_number(p + 2, r->len - 10, &spec) : 0;
    if (n == 0 || p[0] != TRACE_VERSION || p[1] != TRACE_REGS_ALL || spec > r->len - 10 - n)
        return false;
    r->at = 10 + n + (size_t)spec;
    r->code = calloc(1, sizeof *r->code);
    return r->code;
}

static bool starts_with(const struct trace_reader *r, const char *magic)
{
    return r->len >= strlen(magic) && memcmp(r->buf, magic, strlen(magic)) == 0;
}

int trace_reader_open(struct trace_reader **to, const char *path, char *error, size_t error_size)
{
    struct trace_reader *r = calloc(1, sizeof *r);
    if (!r) {
        snprintf(error, error_size, "not enough memory");
        return -ENOMEM;
    }
    snprintf(r->name, sizeof r->name, "%s", path);
    r->bits = 16;
    errno = 0;
    r->gz = gzopen(path, "rb");
    int err = r->gz ? 0 : errno ? -errno : -ENOMEM;
    if (err) {
        fail(r, strerror(-err), error, error_size);
    } else {
        refill(r, BUFFER);
        bool text = starts_with(r, TRACE_TEXT_MAGIC "1:");
        if (r->broken)
            err = fail(r, "damaged or cut off", error, error_size);
        else if (!text && !(starts_with(r, TRACE_MAGIC) && take_binary_header(r)))
            err = fail(r, "not a trace, or one of another version of this program", error, error_size);
    }
    if (err)
        trace_reader_close(r);
    else
        *to = r;
    return err;
}

void trace_reader_close(struct trace_reader *r)
{
    if (!r)
        return;
    if (r->gz)
        gzclose(r->gz);
    free(r->code);
    free(r);
}

/* ---- records ---- */

/* At the end of the file. */
static int at_end(const struct trace_reader *r, char *error, size_t error_size)
{
    if (r->ended && !r->broken)
        return 0;
    return fail(r, r->broken ? "damaged or cut off" : "cut off: its end is missing; was the run killed?", error,
                error_size);
}

static int next_binary(struct trace_reader *r, struct trace_record *record, char *error, size_t error_size)
{
    u64 count;
    refill(r, TRACE_CODE_MAX);
    const u8 *p = r->buf + r->at;
    size_t left = r->len - r->at, n;
    if (left == 0)
        return at_end(r, error, error_size);
    u16 cs = (u16)r->code->regs[TRACE_REG_CS];
    r->bits = r->code->regs[TRACE_REG_BITS] == 0x16 ? 16 : 32;
    if (!r->ended && (n = trace_decode(r->code, p, left, record)) > 0) {
        r->at += n;
        r->records++;
        record->cs = record->kind == TRACE_REGS ? (u16)r->code->regs[TRACE_REG_CS] : cs;
        return 1;
    }
    n = r->ended ? 0 : trace_decode_end(p, left, &count);
    if (n == 0 || count != r->records)
        return fail(r, "damaged or cut off", error, error_size);
    r->at += n;
    r->ended = true;
    return next_binary(r, record, error, error_size);
}

/* The next line, ended by a zero, or NULL: there is none, or it is too long. */
static char *next_line(struct trace_reader *r)
{
    refill(r, TRACE_LINE_MAX);
    char *p = (char *)r->buf + r->at, *end = memchr(p, '\n', r->len - r->at);
    if (!end || end - p >= TRACE_LINE_MAX)
        return NULL;
    *end = 0;
    r->at += (size_t)(end - p) + 1;
    r->line++;
    return p;
}

static int next_text(struct trace_reader *r, struct trace_record *record, char *error, size_t error_size)
{
    char why[64];
    for (;;) {
        char *line = next_line(r);
        if (!line && r->at == r->len)
            return at_end(r, error, error_size);
        r->bits = r->regs[TRACE_REG_BITS] == 0x16 ? 16 : 32;
        if (line && *line == '#') {
            r->ended = strncmp(line, "# end", 5) == 0;
        } else if (line && trace_parse(line, record, r->regs)) {
            r->ended = false;
            return 1;
        } else {
            snprintf(why, sizeof why, "line %llu is no record of a trace", (unsigned long long)(r->line + !line));
            return fail(r, why, error, error_size);
        }
    }
}

int trace_reader_next(struct trace_reader *r, struct trace_record *record, char *error, size_t error_size)
{
    return r->code ? next_binary(r, record, error, error_size) : next_text(r, record, error, error_size);
}

const u64 *trace_reader_regs(const struct trace_reader *r)
{
    return r->code ? r->code->regs : r->regs;
}

unsigned trace_reader_bits(const struct trace_reader *r)
{
    return r->bits;
}
