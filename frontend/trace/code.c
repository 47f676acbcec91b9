/*
 * code.c - coding and decoding of records.
 */
#include "frontend/trace/code.h"

enum {
    KIND = 0x07,
    IP = 0x08,
    NEW_BYTES = 0x10,
    WRITE = 0x10,
    ERROR_CODE = 0x10,
    COUNT = 0x20,
    FORM_SHIFT = 6, /* which registers, or log2 of the size */
};

enum { FORM_NONE, FORM_FLAGS, FORM_ONE, FORM_SET };

/* ---- numbers ---- */

size_t trace_put_number(u8 *out, u64 v)
{
    size_t n = 0;
    for (; v >= 0x80; v >>= 7)
        out[n++] = (u8)(v | 0x80);
    out[n++] = (u8)v;
    return n;
}

size_t trace_take_number(const u8 *p, size_t n, u64 *v)
{
    *v = 0;
    for (unsigned i = 0; i < n && i < 10; i++) {
        *v |= (u64)(p[i] & 0x7F) << (7 * i);
        if (!(p[i] & 0x80))
            return i + 1;
    }
    return 0;
}

static u64 zigzag(u64 difference)
{
    return difference << 1 ^ (u64)((s64)difference >> 63);
}

static u64 unzigzag(u64 v)
{
    return v >> 1 ^ ((u64)0 - (v & 1));
}

/* ---- what both sides keep ---- */

static struct trace_known *known_at(struct trace_code *s, u32 lin)
{
    return &s->known[(lin ^ lin >> 16) % TRACE_CODE_KNOWN];
}

static u32 linear(const struct trace_code *s, const struct trace_record *r)
{
    return (u32)(s->regs[TRACE_REG_CSBASE] + r->ip);
}

static bool is_known(const struct trace_known *k, u32 lin, const struct trace_record *r)
{
    return k->lin == lin && k->len == r->len && memcmp(k->bytes, r->bytes, r->len) == 0;
}

static void remember(struct trace_known *k, u32 lin, const struct trace_record *r)
{
    k->lin = lin;
    k->len = r->len;
    memcpy(k->bytes, r->bytes, r->len);
}

static void expect(struct trace_code *s, const struct trace_record *r)
{
    bool insn = r->kind == TRACE_INSN;
    s->ip = insn ? (u32)(r->ip + r->len) : r->ip;
    s->count = r->count + insn;
    if (r->kind == TRACE_MEM || r->kind == TRACE_PORT) {
        s->addr = r->addr;
        s->value = r->value;
    }
}

/* ---- coding ---- */

static size_t put_regs(struct trace_code *s, u64 changed, const u64 *regs, u8 *head, u8 *out)
{
    size_t n = 0;
    unsigned form = !changed                             ? FORM_NONE
                    : changed == BIT64(TRACE_REG_EFLAGS) ? FORM_FLAGS
                    : (changed & (changed - 1)) == 0     ? FORM_ONE
                                                         : FORM_SET;
    *head |= (u8)(form << FORM_SHIFT);
    if (form == FORM_ONE)
        out[n++] = (u8)__builtin_ctzll(changed);
    else if (form == FORM_SET)
        n += trace_put_number(out, changed);
    for (; changed; changed &= changed - 1) {
        unsigned i = (unsigned)__builtin_ctzll(changed);
        n += trace_put_number(out + n, zigzag(regs[i] - s->regs[i]));
        s->regs[i] = regs[i];
    }
    return n;
}

static size_t put_insn(struct trace_code *s, const struct trace_record *r, const u64 *regs, u8 *head, u8 *out)
{
    size_t n = 0;
    u32 lin = linear(s, r);
    struct trace_known *k = known_at(s, lin);
    if (!is_known(k, lin, r)) {
        *head |= NEW_BYTES;
        out[n++] = r->len;
        memcpy(out + n, r->bytes, r->len);
        n += r->len;
        remember(k, lin, r);
    }
    return n + put_regs(s, r->changed, regs, head, out + n);
}

static size_t put_access(struct trace_code *s, const struct trace_record *r, u8 *head, u8 *out)
{
    *head |= (u8)(r->write ? WRITE : 0) | (u8)(__builtin_ctz(r->size) << FORM_SHIFT);
    size_t n = trace_put_number(out, zigzag(r->addr - s->addr));
    return n + trace_put_number(out + n, zigzag(r->value - s->value));
}

static size_t put_event(const struct trace_record *r, u8 *head, u8 *out)
{
    *head |= r->has_error ? ERROR_CODE : 0;
    out[0] = r->vector;
    out[1] = r->source;
    return 2 + (r->has_error ? trace_put_number(out + 2, r->error) : 0);
}

size_t trace_encode(struct trace_code *s, const struct trace_record *r, const u64 *regs, u8 *out)
{
    u8 *head = out;
    size_t n = 1;
    *head = (u8)r->kind;
    if (r->ip != s->ip) {
        *head |= IP;
        n += trace_put_number(out + n, zigzag(r->ip - s->ip));
    }
    if (r->count != s->count) {
        *head |= COUNT;
        n += trace_put_number(out + n, zigzag(r->count - s->count));
    }
    switch (r->kind) {
    case TRACE_INSN:
        n += put_insn(s, r, regs, head, out + n);
        break;
    case TRACE_REGS:
        n += put_regs(s, r->changed, regs, head, out + n);
        break;
    case TRACE_MEM:
    case TRACE_PORT:
        n += put_access(s, r, head, out + n);
        break;
    case TRACE_INT:
        n += put_event(r, head, out + n);
        break;
    default:
        break;
    }
    expect(s, r);
    return n;
}

size_t trace_encode_end(u64 records, u8 *out)
{
    out[0] = TRACE_CODE_END;
    return 1 + trace_put_number(out + 1, records);
}

/* ---- decoding ---- */

/* What is left to read; AT beyond N: it was not all there, or is wrong. */
struct input {
    const u8 *p;
    size_t n, at;
};

static u64 take(struct input *in)
{
    u64 v = 0;
    size_t n = in->at < in->n ? trace_take_number(in->p + in->at, in->n - in->at, &v) : 0;
    in->at = n ? in->at + n : in->n + 1;
    return v;
}

static u8 take_byte(struct input *in)
{
    u8 v = in->at < in->n ? in->p[in->at] : 0;
    in->at++;
    return v;
}

static void refuse(struct input *in)
{
    in->at = in->n + 1;
}

static void take_regs(struct trace_code *s, struct input *in, unsigned form, u64 *changed)
{
    *changed = 0;
    if (form == FORM_FLAGS)
        *changed = BIT64(TRACE_REG_EFLAGS);
    else if (form == FORM_ONE)
        *changed = BIT64(take_byte(in) & 63);
    else if (form == FORM_SET)
        *changed = take(in);
    if (*changed & ~(BIT64(TRACE_REGS_ALL) - 1)) {
        refuse(in);
        *changed = 0;
    }
    for (u64 left = *changed; left; left &= left - 1)
        s->regs[__builtin_ctzll(left)] += unzigzag(take(in));
}

static void take_insn(struct trace_code *s, struct input *in, u8 head, struct trace_record *r)
{
    u32 lin = linear(s, r);
    struct trace_known *k = known_at(s, lin);
    if (head & NEW_BYTES) {
        r->len = take_byte(in);
        if (r->len == 0 || r->len > TRACE_BYTES_MAX || in->at + r->len > in->n) {
            refuse(in);
            return;
        }
        memcpy(r->bytes, in->p + in->at, r->len);
        in->at += r->len;
        remember(k, lin, r);
    } else if (k->lin == lin && k->len) {
        r->len = k->len;
        memcpy(r->bytes, k->bytes, k->len);
    } else {
        refuse(in);
    }
    take_regs(s, in, head >> FORM_SHIFT, &r->changed);
}

static void take_access(const struct trace_code *s, struct input *in, u8 head, struct trace_record *r)
{
    r->write = head & WRITE;
    r->size = (u8)(1 << (head >> FORM_SHIFT));
    r->addr = s->addr + unzigzag(take(in));
    r->value = s->value + unzigzag(take(in));
}

static void take_event(struct input *in, u8 head, struct trace_record *r)
{
    r->vector = take_byte(in);
    r->source = take_byte(in);
    r->has_error = head & ERROR_CODE;
    r->error = r->has_error ? (u32)take(in) : 0;
    if (r->source >= TRACE_SOURCE_COUNT)
        refuse(in);
}

size_t trace_decode(struct trace_code *s, const u8 *p, size_t n, struct trace_record *r)
{
    struct input in = {p, n, 0};
    u8 head = take_byte(&in);
    *r = (struct trace_record){.kind = (enum trace_kind)(head & KIND), .ip = s->ip, .count = s->count};
    if (head & IP)
        r->ip += unzigzag(take(&in));
    if (head & COUNT)
        r->count += unzigzag(take(&in));
    switch (r->kind) {
    case TRACE_INSN:
        take_insn(s, &in, head, r);
        break;
    case TRACE_REGS:
        take_regs(s, &in, head >> FORM_SHIFT, &r->changed);
        break;
    case TRACE_MEM:
    case TRACE_PORT:
        take_access(s, &in, head, r);
        break;
    case TRACE_INT:
        take_event(&in, head, r);
        break;
    case TRACE_BLOCK:
        break;
    default:
        refuse(&in);
    }
    expect(s, r);
    return in.at <= n ? in.at : 0;
}

size_t trace_decode_end(const u8 *p, size_t n, u64 *records)
{
    size_t len = n > 1 && p[0] == TRACE_CODE_END ? trace_take_number(p + 1, n - 1, records) : 0;
    return len ? len + 1 : 0;
}
