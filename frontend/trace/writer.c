/*
 * writer.c - writing traces.
 */
#include "frontend/trace/writer.h"
#include "frontend/trace/code.h"
#include "frontend/trace/insn_text.h"
#include "frontend/trace/format.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <zlib.h>

enum { BUFFER = 1 << 16, SPEC_MAX = 1 << 12 };

struct trace_writer {
    int fd;    /* text */
    gzFile gz; /* binary */
    bool owned;
    int error;
    u64 records;
    u8 buf[BUFFER];
    size_t len;
    struct trace_code *code; /* binary */
    struct insn_text *insns; /* text */
    const struct symbols *symbols;
    const struct symbol *place; /* what the last line was in */
    u64 base;                   /* of CS */
    u16 cs;
    u8 bits;
};

/* ---- the file ---- */

static void write_all(struct trace_writer *w, const u8 *p, size_t n)
{
    while (n && !w->error) {
        ssize_t done = write(w->fd, p, n);
        if (done < 0 && errno != EINTR)
            w->error = -errno;
        p += MAX(done, 0);
        n -= (size_t)MAX(done, 0);
    }
}

static void flush(struct trace_writer *w)
{
    if (w->gz && !w->error && w->len) {
        errno = 0;
        if (gzwrite(w->gz, w->buf, (unsigned)w->len) != (int)w->len)
            w->error = errno ? -errno : -EIO;
    } else if (!w->gz) {
        write_all(w, w->buf, w->len);
    }
    w->len = 0;
}

/* Where N bytes may be appended. */
static u8 *room(struct trace_writer *w, size_t n)
{
    if (w->len + n > sizeof w->buf)
        flush(w);
    return w->buf + w->len;
}

static int fail(struct trace_writer *w, int err, const char *path, char *error, size_t error_size)
{
    snprintf(error, error_size, "the trace cannot be written: %s: %s", path, strerror(err));
    if (w && w->fd >= 0 && w->owned)
        close(w->fd);
    if (w) {
        free(w->code);
        insn_text_free(w->insns);
    }
    free(w);
    return -err;
}

static void put_header(struct trace_writer *w, const char *spec)
{
    if (!w->gz) {
        w->len +=
            (size_t)snprintf((char *)room(w, SPEC_MAX + 200), SPEC_MAX + 200,
                             TRACE_TEXT_MAGIC "%d: %.*s\n#        count kind  CS:EIP\n", TRACE_VERSION, SPEC_MAX, spec);
        return;
    }
    size_t n = MIN(strlen(spec), (size_t)SPEC_MAX);
    u8 *p = room(w, SPEC_MAX + 200), *start = p;
    memcpy(p, TRACE_MAGIC, 8);
    p += 8;
    *p++ = TRACE_VERSION;
    *p++ = TRACE_REGS_ALL;
    p += trace_put_number(p, n);
    memcpy(p, spec, n);
    w->len += (size_t)(p + n - start);
}

int trace_writer_open(struct trace_writer **to, const char *path, bool binary, const char *spec,
                      const struct symbols *symbols, char *error, size_t error_size)
{
    struct trace_writer *w = calloc(1, sizeof *w);
    if (!w)
        return fail(w, ENOMEM, path ? path : "", error, error_size);
    w->owned = path;
    w->symbols = symbols;
    w->fd = path ? open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666) : STDERR_FILENO;
    if (w->fd < 0)
        return fail(w, errno, path, error, error_size);
    if (binary)
        w->code = calloc(1, sizeof *w->code);
    else
        w->insns = insn_text_new();
    if (!(binary ? (void *)w->code : (void *)w->insns) || (binary && !(w->gz = gzdopen(w->fd, "wb1"))))
        return fail(w, ENOMEM, path ? path : "", error, error_size);
    put_header(w, spec);
    *to = w;
    return 0;
}

/* ---- records ---- */

/* A comment when another symbol is entered. */
static void put_place(struct trace_writer *w, u64 lin)
{
    const struct symbol *at = symbols_at(w->symbols, lin);
    char name[300];
    if (at && (at != w->place || at->addr == lin))
        w->len += (size_t)snprintf((char *)room(w, sizeof name + 40), sizeof name + 40, "#%29s %s:\n", "",
                                   symbols_text(w->symbols, lin, name, sizeof name));
    w->place = at;
}

static void note_place(struct trace_writer *w, const u64 *regs)
{
    w->base = regs[TRACE_REG_CSBASE];
    w->cs = (u16)regs[TRACE_REG_CS];
    w->bits = (u8)regs[TRACE_REG_BITS];
}

static void put_line(struct trace_writer *w, const struct trace_record *r, const u64 *regs)
{
    const char *text = "";
    if (r->kind == TRACE_REGS)
        note_place(w, regs);
    u64 lin = (u32)(w->base + r->ip);
    if (r->kind == TRACE_INSN || r->kind == TRACE_BLOCK)
        put_place(w, lin);
    if (r->kind == TRACE_INSN)
        text = insn_text_get(w->insns, r->ip, r->bytes, r->len, w->bits == 0x16 ? 16 : 32);
    char *to = (char *)room(w, TRACE_LINE_MAX);
    size_t n = trace_format(r, w->cs, regs, text, to, TRACE_LINE_MAX - 1);
    to[n] = '\n';
    w->len += n + 1;
    note_place(w, regs);
}

void trace_writer_put(struct trace_writer *w, const struct trace_record *r, const u64 *regs)
{
    if (w->code)
        w->len += trace_encode(w->code, r, regs, room(w, TRACE_CODE_MAX));
    else
        put_line(w, r, regs);
    w->records++;
}

int trace_writer_error(const struct trace_writer *w)
{
    return w->error;
}

static void put_end(struct trace_writer *w)
{
    u8 *to = room(w, 64);
    if (w->code)
        w->len += trace_encode_end(w->records, to);
    else
        w->len += (size_t)snprintf((char *)to, 64, "# end, %llu records\n", (unsigned long long)w->records);
    flush(w);
}

int trace_writer_close(struct trace_writer *w)
{
    put_end(w);
    int r = w->error;
    errno = 0;
    if (w->gz && gzclose(w->gz) != Z_OK && !r)
        r = errno ? -errno : -EIO;
    else if (!w->gz && w->owned && close(w->fd) && !r)
        r = -errno;
    free(w->code);
    insn_text_free(w->insns);
    free(w);
    return r;
}
