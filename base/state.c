/*
 * A chunk:  u8 name length, name, u8 kind, u16 version, u64 payload length, payload.
 * A field:  u8 name length, name, u8 kind, u32 element size, u32 count, u64 payload length, payload.
 * The payload of a FIELD_STRUCT is COUNT times {u64 length, fields}.
 * A raw chunk's payload: u64 length, one bit for each page that is not all zero, the zlib stream of those pages.
 */
#include "base/state.h"
#include "base/clock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>

enum {
    CHUNK_FIELDS = 0,
    CHUNK_RAW = 1,
    NAME_MAX_BYTES = 63,
    PAGE = 4096,
    GROW = 1 << 16,
    PATH_BYTES = 256,
};

/* --- the growing buffer --- */

void state_buf_free(struct state_buf *b)
{
    free(b->data);
    *b = (struct state_buf){0};
}

/* Room for LEN more bytes at the end, or NULL. */
static u8 *reserve(struct state_buf *b, size_t len)
{
    if (b->failed || len > SIZE_MAX / 4 - b->len) {
        b->failed = true;
        return NULL;
    }
    if (b->cap - b->len < len) {
        size_t cap = MAX(b->len + len, b->cap + b->cap / 2 + GROW);
        u8 *data = realloc(b->data, cap);
        if (!data) {
            b->failed = true;
            return NULL;
        }
        b->data = data;
        b->cap = cap;
    }
    return b->data + b->len;
}

static void put(struct state_buf *b, const void *data, size_t len)
{
    u8 *p = reserve(b, len);
    if (p && len) {
        memcpy(p, data, len);
        b->len += len;
    }
}

static void put8(struct state_buf *b, u8 v)
{
    put(b, &v, sizeof v);
}

static void put16(struct state_buf *b, u16 v)
{
    put(b, &v, sizeof v);
}

static void put32(struct state_buf *b, u32 v)
{
    put(b, &v, sizeof v);
}

static void put64(struct state_buf *b, u64 v)
{
    put(b, &v, sizeof v);
}

static void put_name(struct state_buf *b, const char *name)
{
    size_t len = strlen(name);
    assert(len > 0 && len <= NAME_MAX_BYTES);
    put8(b, len);
    put(b, name, len);
}

/* Writes a length to be filled in by end_length(); returns where it is. */
static size_t begin_length(struct state_buf *b)
{
    put64(b, 0);
    return b->len;
}

static void end_length(struct state_buf *b, size_t start)
{
    if (!b->failed)
        st64(b->data + start - sizeof(u64), b->len - start);
}

/* --- a reader that never leaves its range --- */

struct reader {
    const u8 *p, *end;
    bool failed; /* sticky */
};

static const u8 *take(struct reader *r, u64 len)
{
    if (r->failed || len > (u64)(r->end - r->p)) {
        r->failed = true;
        return NULL;
    }
    const u8 *p = r->p;
    r->p += len;
    return p;
}

static u8 take8(struct reader *r)
{
    const u8 *p = take(r, 1);
    return p ? *p : 0;
}

static u16 take16(struct reader *r)
{
    const u8 *p = take(r, 2);
    return p ? ld16(p) : 0;
}

static u32 take32(struct reader *r)
{
    const u8 *p = take(r, 4);
    return p ? ld32(p) : 0;
}

static u64 take64(struct reader *r)
{
    const u8 *p = take(r, 8);
    return p ? ld64(p) : 0;
}

/* A length and that many bytes, as a reader of their own. */
static struct reader take_sub(struct reader *r)
{
    u64 len = take64(r);
    const u8 *p = take(r, len);
    return p ? (struct reader){.p = p, .end = p + len} : (struct reader){.failed = true};
}

/* A length and a printable name, not terminated; *LEN is 0 if there is none. */
static const char *take_name(struct reader *r, size_t *len)
{
    *len = take8(r);
    const u8 *p = take(r, *len);
    if (!p || *len == 0 || *len > NAME_MAX_BYTES)
        goto bad;
    for (size_t i = 0; i < *len; i++)
        if (p[i] <= ' ' || p[i] > '~')
            goto bad;
    return (const char *)p;
bad:
    r->failed = true;
    *len = 0;
    return NULL;
}

static bool name_is(const char *name, const char *p, size_t len)
{
    return strlen(name) == len && memcmp(name, p, len) == 0;
}

/* --- scalars --- */

static u64 get_uint(const void *p, u32 size)
{
    u64 v = 0;
    assert(size == 1 || size == 2 || size == 4 || size == 8);
    memcpy(&v, p, size); /* hosts are little-endian */
    return v;
}

static u64 timer_when(const void *p)
{
    return ((const struct timer *)p)->when;
}

/* --- saving --- */

static u32 saved_size(const struct field *f)
{
    return f->kind == FIELD_TIMER ? sizeof(u64) : f->size;
}

static void save_fields(struct state_buf *b, const struct field *fields, const u8 *obj)
{
    for (const struct field *f = fields; f->name; f++) {
        const u8 *p = obj + f->offset;
        put_name(b, f->name);
        put8(b, f->kind);
        put32(b, saved_size(f));
        put32(b, f->count);
        size_t start = begin_length(b);
        for (u32 i = 0; i < f->count; i++, p += f->size) {
            if (f->kind == FIELD_STRUCT) {
                size_t inner = begin_length(b);
                save_fields(b, f->sub, p);
                end_length(b, inner);
            } else if (f->kind == FIELD_TIMER) {
                put64(b, timer_when(p));
            } else {
                put(b, p, f->size);
            }
        }
        end_length(b, start);
    }
}

static size_t begin_chunk(struct state_buf *b, const char *name, u8 kind, u16 version)
{
    put_name(b, name);
    put8(b, kind);
    put16(b, version);
    return begin_length(b);
}

void state_save(struct state_buf *b, const char *name, u16 version, const struct field *fields, const void *obj)
{
    size_t start = begin_chunk(b, name, CHUNK_FIELDS, version);
    save_fields(b, fields, obj);
    end_length(b, start);
}

/* --- loading: each chunk is read twice, first with OBJ == NULL only to check it --- */

static bool load_fields(struct reader *r, const struct field *fields, u8 *obj);

static bool load_element(struct reader *r, const struct field *f, u32 size, u8 *p)
{
    if (f->kind == FIELD_STRUCT) {
        struct reader sub = take_sub(r);
        return !sub.failed && load_fields(&sub, f->sub, p);
    }
    const u8 *from = take(r, size);
    if (!from)
        return false;
    if (f->kind == FIELD_BYTES) {
        if (p)
            memcpy(p, from, size);
        return true;
    }
    u64 v = get_uint(from, size);
    if (f->kind == FIELD_TIMER) {
        if (p)
            ((struct timer *)p)->when = v;
        return true;
    }
    if (f->size < sizeof v && v >> (8 * f->size))
        return false; /* saved wider than it is now, and too large */
    if (f->kind == FIELD_BOOL && v > 1)
        return false;
    if (p)
        memcpy(p, &v, f->size);
    return true;
}

/* The stored field must be of the table's kind and have no more elements; a shorter one leaves the rest alone. */
static bool load_field(struct reader *r, const struct field *f, u32 size, u32 count, u8 *obj)
{
    if (count > f->count)
        return false;
    switch (f->kind) {
    case FIELD_UINT:
    case FIELD_BOOL:
        if (size != 1 && size != 2 && size != 4 && size != 8)
            return false;
        break;
    case FIELD_TIMER:
        if (size != sizeof(u64))
            return false;
        break;
    case FIELD_BYTES:
        if (size > f->size)
            return false;
        break;
    case FIELD_STRUCT:
        break;
    }
    for (u32 i = 0; i < count; i++)
        if (!load_element(r, f, size, obj ? obj + f->offset + (size_t)i * f->size : NULL))
            return false;
    return r->p == r->end;
}

static bool load_fields(struct reader *r, const struct field *fields, u8 *obj)
{
    while (r->p < r->end) {
        size_t len;
        const char *name = take_name(r, &len);
        u8 kind = take8(r);
        u32 size = take32(r), count = take32(r);
        struct reader payload = take_sub(r);
        if (r->failed || payload.failed)
            return false;
        for (const struct field *f = fields; f->name; f++) {
            if (!name_is(f->name, name, len))
                continue;
            if (kind != f->kind || !load_field(&payload, f, size, count, obj))
                return false;
            break;
        }
    }
    return true;
}

struct chunk {
    const char *name;
    size_t name_len;
    u8 kind;
    u16 version;
    struct reader payload;
};

static bool take_chunk(struct reader *r, struct chunk *c)
{
    c->name = take_name(r, &c->name_len);
    c->kind = take8(r);
    c->version = take16(r);
    c->payload = take_sub(r);
    return !r->failed && !c->payload.failed;
}

/* 0, -ENOENT or -EINVAL. */
static int find_chunk(const struct state_buf *b, const char *name, u8 kind, struct chunk *c)
{
    struct reader r = {.p = b->data, .end = b->data + b->len};

    while (r.p < r.end) {
        if (!take_chunk(&r, c))
            return -EINVAL;
        if (name_is(name, c->name, c->name_len))
            return c->kind == kind ? 0 : -EINVAL;
    }
    return -ENOENT;
}

int state_load(const struct state_buf *b, const char *name, u16 version, const struct field *fields, void *obj)
{
    struct chunk c;
    int err = find_chunk(b, name, CHUNK_FIELDS, &c);

    if (err < 0)
        return err;
    if (c.version > version)
        return -ENOTSUP;
    struct reader check = c.payload;
    if (!load_fields(&check, fields, NULL))
        return -EINVAL;
    load_fields(&c.payload, fields, obj);
    return 0;
}

int state_check(const struct state_buf *b)
{
    struct reader r = {.p = b->data, .end = b->data + b->len};
    struct chunk c;

    if (b->failed)
        return -EINVAL;
    while (r.p < r.end)
        if (!take_chunk(&r, &c) || c.kind > CHUNK_RAW)
            return -EINVAL;
    return 0;
}

/* --- raw memory --- */

static size_t page_len(u64 len, u64 page)
{
    return MIN(len - page * PAGE, (u64)PAGE);
}

static bool is_zero(const u8 *p, size_t len)
{
    return len == 0 || (p[0] == 0 && memcmp(p, p + 1, len - 1) == 0);
}

/* Runs deflate until it has taken all of its input (and, with Z_FINISH, given all of its output). */
static bool deflate_into(struct state_buf *b, z_stream *z, int flush)
{
    for (;;) {
        z->next_out = reserve(b, GROW);
        if (!z->next_out)
            return false;
        z->avail_out = GROW;
        int err = deflate(z, flush);
        b->len += GROW - z->avail_out;
        if (err == Z_STREAM_END)
            return true;
        if (err != Z_OK && err != Z_BUF_ERROR)
            return false;
        if (flush == Z_NO_FLUSH && z->avail_in == 0)
            return true;
    }
}

static void put_pages(struct state_buf *b, const u8 *data, u64 len)
{
    u64 pages = (len + PAGE - 1) / PAGE;
    size_t map = b->len;
    u8 *bits = reserve(b, (pages + 7) / 8);
    if (!bits)
        return;
    memset(bits, 0, (pages + 7) / 8);
    b->len += (pages + 7) / 8;

    z_stream z = {0};
    if (deflateInit(&z, Z_BEST_SPEED) != Z_OK) {
        b->failed = true;
        return;
    }
    bool ok = true;
    for (u64 i = 0; ok && i < pages; i++) {
        size_t n = page_len(len, i);
        if (is_zero(data + i * PAGE, n))
            continue;
        b->data[map + i / 8] |= BIT(i % 8);
        z.next_in = (Bytef *)(data + i * PAGE);
        z.avail_in = n;
        ok = deflate_into(b, &z, Z_NO_FLUSH);
    }
    if (!ok || !deflate_into(b, &z, Z_FINISH))
        b->failed = true;
    deflateEnd(&z);
}

void state_save_raw(struct state_buf *b, const char *name, const void *data, u64 len)
{
    size_t start = begin_chunk(b, name, CHUNK_RAW, 0);
    put64(b, len);
    put_pages(b, data, len);
    end_length(b, start);
}

/* Inflates exactly LEN bytes into OUT. zlib counts input in 32 bits, so it is fed in pieces. */
static bool inflate_page(z_stream *z, struct reader *r, u8 *out, size_t len)
{
    z->next_out = out;
    z->avail_out = len;
    while (z->avail_out) {
        if (z->avail_in == 0) {
            size_t n = MIN(r->end - r->p, GROW);
            z->next_in = (Bytef *)r->p;
            z->avail_in = n;
            r->p += n;
        }
        int err = inflate(z, Z_NO_FLUSH);
        if (z->avail_out && err != Z_OK)
            return false;
    }
    return true;
}

static bool take_pages(struct reader *r, u8 *data, u64 len)
{
    u64 pages = (len + PAGE - 1) / PAGE;
    const u8 *bits = take(r, (pages + 7) / 8);
    z_stream z = {0};

    if (!bits || inflateInit(&z) != Z_OK)
        return false;
    bool ok = true;
    for (u64 i = 0; ok && i < pages; i++) {
        u8 *page = data + i * PAGE;
        size_t n = page_len(len, i);
        if (bits[i / 8] & BIT(i % 8))
            ok = inflate_page(&z, r, page, n);
        else if (!is_zero(page, n)) /* reading keeps untouched host pages untouched */
            memset(page, 0, n);
    }
    inflateEnd(&z);
    return ok;
}

int state_load_raw(const struct state_buf *b, const char *name, void *data, u64 len)
{
    struct chunk c;
    int err = find_chunk(b, name, CHUNK_RAW, &c);

    if (err < 0)
        return err;
    if (take64(&c.payload) != len || c.payload.failed)
        return -EINVAL;
    return take_pages(&c.payload, data, len) ? 0 : -EINVAL;
}

/* --- hash --- */

static u64 mix(u64 h, u64 v)
{
    unsigned __int128 m = (unsigned __int128)(h ^ 0x9E3779B97F4A7C15ull) * (v ^ 0xD6E8FEB86659FD93ull);
    u64 folded = (u64)m ^ (u64)(m >> 64);
    return (folded ^ folded >> 29) + (h << 1 | h >> 63);
}

u64 state_hash_bytes(u64 seed, const void *data, size_t len)
{
    const u8 *p = data;
    u64 h = mix(seed, len), tail = 0;
    size_t left = len;

    for (; left >= 8; left -= 8, p += 8)
        h = mix(h, ld64(p));
    if (left)
        memcpy(&tail, p, left);
    return mix(h, tail);
}

u64 state_hash(u64 seed, const struct field *fields, const void *obj)
{
    u64 h = seed;

    for (const struct field *f = fields; f->name; f++) {
        const u8 *p = (const u8 *)obj + f->offset;
        for (u32 i = 0; i < f->count; i++, p += f->size) {
            switch (f->kind) {
            case FIELD_UINT:
            case FIELD_BOOL:
                h = mix(h, get_uint(p, f->size));
                break;
            case FIELD_BYTES:
                h = state_hash_bytes(h, p, f->size);
                break;
            case FIELD_STRUCT:
                h = state_hash(h, f->sub, p);
                break;
            case FIELD_TIMER:
                h = mix(h, timer_when(p));
                break;
            }
        }
    }
    return h;
}

/* --- views --- */

void state_walk(const char *prefix, const struct field *fields, const void *obj,
                void (*fn)(void *ctx, const char *path, const struct field *f, const void *p), void *ctx)
{
    for (const struct field *f = fields; f->name; f++) {
        const u8 *p = (const u8 *)obj + f->offset;
        for (u32 i = 0; i < f->count; i++, p += f->size) {
            char path[PATH_BYTES];
            const char *dot = prefix[0] ? "." : "";
            if (f->count > 1)
                snprintf(path, sizeof path, "%s%s%s[%u]", prefix, dot, f->name, i);
            else
                snprintf(path, sizeof path, "%s%s%s", prefix, dot, f->name);
            if (f->kind == FIELD_STRUCT)
                state_walk(path, f->sub, p, fn, ctx);
            else
                fn(ctx, path, f, p);
        }
    }
}
