/*
 * journal.c - records as bytes.
 */
#include "frontend/journal.h"
#include "base/input.h"
#include "hw/pc.h"

#include <errno.h>
#include <stdlib.h>

enum { NUMBER_BYTES = 10, HEAD_BYTES = 1 + (2 + JOURNAL_NUMBERS + 1) * NUMBER_BYTES };

/* How many numbers a kind has, and whether bytes follow. */
static const struct shape {
    u8 numbers;
    bool data;
} shapes[JOURNAL_KINDS] = {
    [JOURNAL_KEY] = {2, false},   [JOURNAL_MOUSE] = {4, false}, [JOURNAL_SERIAL] = {1, true},
    [JOURNAL_MEDIUM] = {1, true}, [JOURNAL_RESET] = {0, false}, [JOURNAL_POWER] = {0, false},
    [JOURNAL_RATE] = {1, false},  [JOURNAL_SKIP] = {1, false},  [JOURNAL_MEMORY] = {1, true},
    [JOURNAL_CPU] = {0, true},
};

void journal_free(struct journal *j)
{
    free(j->data);
    *j = (struct journal){0};
}

/* ---- writing ---- */

static u8 *put_number(u8 *p, u64 v)
{
    for (; v >= 0x80; v >>= 7)
        *p++ = (u8)(v | 0x80);
    *p++ = (u8)v;
    return p;
}

/* Small numbers of either sign become small numbers. */
static u64 zigzag(s64 v)
{
    return (u64)v << 1 ^ (u64)(v >> 63);
}

static s64 unzigzag(u64 v)
{
    return (s64)(v >> 1 ^ (0 - (v & 1)));
}

static bool reserve(struct journal *j, size_t more)
{
    if (more <= j->cap - j->len)
        return true;
    size_t cap = MAX(j->cap * 2, j->len + more + 4096);
    u8 *data = realloc(j->data, cap);
    if (!data)
        return false;
    j->data = data;
    j->cap = cap;
    return true;
}

int journal_append(struct journal *j, struct journal_cursor *end, const struct journal_event *e)
{
    const struct shape *s = &shapes[e->kind];
    assert(end->at == j->len && e->at.count >= end->count);
    if (!reserve(j, HEAD_BYTES + e->len))
        return -ENOMEM;
    u8 *p = j->data + j->len;
    *p++ = (u8)e->kind;
    p = put_number(p, e->at.count - end->count);
    p = put_number(p, e->at.step);
    for (unsigned i = 0; i < s->numbers; i++)
        p = put_number(p, zigzag(e->number[i]));
    if (s->data) {
        p = put_number(p, e->len);
        if (e->len)
            memcpy(p, e->data, e->len);
        p += e->len;
    }
    j->len = (size_t)(p - j->data);
    *end = (struct journal_cursor){j->len, e->at.count};
    return 0;
}

void journal_cut(struct journal *j, const struct journal_cursor *c)
{
    assert(c->at <= j->len);
    j->len = c->at;
    j->settled = MIN(j->settled, j->len);
}

/* ---- reading ---- */

static bool take_number(const struct journal *j, size_t *at, u64 *v)
{
    *v = 0;
    for (unsigned shift = 0; shift < 64 && *at < j->len; shift += 7) {
        u8 b = j->data[(*at)++];
        if (shift == 63 && b > 1)
            return false;
        *v |= (u64)(b & 0x7F) << shift;
        if (!(b & 0x80))
            return true;
    }
    return false;
}

/* One record at *C; false if there is no whole one. */
static bool take(const struct journal *j, struct journal_cursor *c, struct journal_event *e)
{
    size_t at = c->at;
    u64 v, step;
    if (at >= j->len || j->data[at] >= JOURNAL_KINDS)
        return false;
    *e = (struct journal_event){.kind = j->data[at++]};
    if (!take_number(j, &at, &v) || v > ~(u64)0 - c->count || !take_number(j, &at, &step) || step > ~(u32)0)
        return false;
    e->at = (struct cpu_place){.count = c->count + v, .step = (u32)step};
    for (unsigned i = 0; i < shapes[e->kind].numbers; i++) {
        if (!take_number(j, &at, &v))
            return false;
        e->number[i] = unzigzag(v);
    }
    if (shapes[e->kind].data) {
        if (!take_number(j, &at, &v) || v > j->len - at)
            return false;
        e->data = j->data + at;
        e->len = v;
        at += v;
    }
    *c = (struct journal_cursor){at, e->at.count};
    return true;
}

bool journal_next(const struct journal *j, struct journal_cursor *c, struct journal_event *e)
{
    return take(j, c, e);
}

static bool within(s64 v, s64 low, s64 high)
{
    return v >= low && v <= high;
}

/* What the machine could not take in its stride. */
static bool sensible(const struct journal_event *e)
{
    const s64 small = 1 << 15;
    const s64 *n = e->number;
    switch (e->kind) {
    case JOURNAL_KEY:
        return within(n[0], 0, 0xFF) && within(n[1], 0, 1);
    case JOURNAL_MOUSE:
        return within(n[0], -small, small) && within(n[1], -small, small) && within(n[2], -small, small) &&
               within(n[3], 0, 7);
    case JOURNAL_SERIAL:
        return within(n[0], 0, PC_SERIALS - 1);
    case JOURNAL_MEDIUM:
        return within(n[0], 0, PC_FLOPPIES + PC_DRIVES - 1) && !memchr(e->data, 0, e->len);
    case JOURNAL_RATE:
        return within(n[0], 1, NS_PER_SEC);
    case JOURNAL_SKIP:
        return within(n[0], 0, (s64)1 << 44);
    default:
        return true;
    }
}

bool journal_check(const struct journal *j, struct journal_cursor *end)
{
    struct cpu_place last = {0};
    struct journal_event e;
    *end = (struct journal_cursor){0};
    while (end->at < j->len) {
        if (!take(j, end, &e) || !sensible(&e) || (e.at.count == last.count && e.at.step < last.step))
            return false;
        last = e.at;
    }
    return true;
}
