/*
 * diff.c - two traces side by side, as far as they are the same.
 *
 * Records that only bring registers up to date are not compared themselves, the registers are: whether one of them is
 * needed may depend on a register that is ignored.
 */
#include "frontend/trace/diff.h"
#include "frontend/trace/insn_text.h"
#include "frontend/trace/format.h"

#include <errno.h>
#include <stdlib.h>

/* A record with what surrounds it, for showing it. */
struct shown {
    struct trace_record r;
    u64 regs[TRACE_REGS_ALL];
    unsigned bits;
};

/* One of the traces. */
struct side {
    struct trace_reader *reader;
    struct trace_record r;
    int state;   /* as trace_reader_next() returned */
    u64 changed; /* registers since the last record that was compared */
};

struct comparison {
    struct trace_diff *d;
    struct side side[2];
    struct shown *last; /* the last that were the same, a ring */
    u64 same;
    struct insn_text *insns;
    char *error;
    size_t error_size;
};

/* ---- what is ignored ---- */

static const struct {
    const char *name;
    u32 bits;
} flags[] = {{"CF", 1 << 0},  {"PF", 1 << 2},  {"AF", 1 << 4},   {"ZF", 1 << 6},    {"SF", 1 << 7},  {"TF", 1 << 8},
             {"IF", 1 << 9},  {"DF", 1 << 10}, {"OF", 1 << 11},  {"IOPL", 3 << 12}, {"NT", 1 << 14}, {"RF", 1 << 16},
             {"VM", 1 << 17}, {"AC", 1 << 18}, {"VIF", 1 << 19}, {"VIP", 1 << 20},  {"ID", 1 << 21}};

static bool ignore_one(struct trace_diff *d, const char *name)
{
    bool fpu = strcmp(name, "fpu") == 0, found = fpu;
    if (strcmp(name, "count") == 0)
        return d->ignore_count = true;
    for (unsigned i = 0; i < TRACE_REGS_ALL; i++)
        if (strcmp(trace_regs[i].name, name) == 0 || (fpu && i >= TRACE_REGS_PLAIN)) {
            d->ignore[i] = ~(u64)0;
            found = true;
        }
    for (unsigned i = 0; i < ARRAY_LEN(flags); i++)
        if (strcmp(flags[i].name, name) == 0) {
            d->ignore[TRACE_REG_EFLAGS] |= flags[i].bits;
            found = true;
        }
    return found;
}

bool trace_diff_ignore(struct trace_diff *d, const char *list)
{
    char name[16];
    for (;; list++) {
        size_t n = strcspn(list, ",");
        if (n >= sizeof name)
            return false;
        memcpy(name, list, n);
        name[n] = 0;
        if (!ignore_one(d, name))
            return false;
        list += n;
        if (!*list)
            return true;
    }
}

/* ---- comparing ---- */

/* Goes to the next record that is compared. False if the trace is bad. */
static bool advance(struct comparison *c, struct side *s)
{
    do {
        s->state = trace_reader_next(s->reader, &s->r, c->error, c->error_size);
        if (s->state > 0)
            s->changed |= s->r.changed;
    } while (s->state > 0 && s->r.kind == TRACE_REGS);
    return s->state >= 0;
}

static u64 reg(const struct side *s, unsigned i)
{
    return trace_reader_regs(s->reader)[i];
}

static u64 differing_bits(const struct comparison *c, unsigned i)
{
    return (reg(&c->side[0], i) ^ reg(&c->side[1], i)) & ~c->d->ignore[i];
}

static bool same_regs(const struct comparison *c, u64 among)
{
    for (; among; among &= among - 1)
        if (differing_bits(c, (unsigned)__builtin_ctzll(among)))
            return false;
    return true;
}

static bool same_record(const struct comparison *c)
{
    const struct trace_record *a = &c->side[0].r, *b = &c->side[1].r;
    if (a->kind != b->kind || a->ip != b->ip || a->cs != b->cs || (a->count != b->count && !c->d->ignore_count))
        return false;
    switch (a->kind) {
    case TRACE_INSN:
        return a->len == b->len && memcmp(a->bytes, b->bytes, a->len) == 0;
    case TRACE_MEM:
    case TRACE_PORT:
        return a->size == b->size && a->write == b->write && a->addr == b->addr && a->value == b->value;
    case TRACE_INT:
        return a->vector == b->vector && a->source == b->source && a->has_error == b->has_error && a->error == b->error;
    default:
        return true;
    }
}

static void remember(struct comparison *c)
{
    unsigned n = c->d->context;
    if (n) {
        struct shown *s = &c->last[c->same % n];
        s->r = c->side[0].r;
        s->bits = trace_reader_bits(c->side[0].reader);
        memcpy(s->regs, trace_reader_regs(c->side[0].reader), sizeof s->regs);
    }
    c->same++;
}

/* ---- telling ---- */

static void show(struct comparison *c, const char *mark, const struct trace_record *r, const u64 *regs, unsigned bits)
{
    char line[TRACE_LINE_MAX];
    const char *text = r->text;
    if (r->kind == TRACE_INSN && !*text)
        text = insn_text_get(c->insns, r->ip, r->bytes, r->len, bits);
    trace_format(r, r->cs, regs, text, line, sizeof line);
    fprintf(c->d->out, "%s %s\n", mark, line);
}

static void show_context(struct comparison *c)
{
    u64 n = MIN(c->same, (u64)c->d->context);
    for (u64 i = c->same - n; i < c->same; i++) {
        const struct shown *s = &c->last[i % c->d->context];
        show(c, " ", &s->r, s->regs, s->bits);
    }
}

static void show_flags(const struct comparison *c, u64 differing)
{
    for (unsigned i = 0; i < ARRAY_LEN(flags); i++)
        if (differing & flags[i].bits)
            fprintf(c->d->out, " %s", flags[i].name);
}

/* The general registers and flags, and all others that differ. */
static void show_regs(const struct comparison *c)
{
    FILE *out = c->d->out;
    fprintf(out, "\n  register  %-16s  %s\n", "A", "B");
    for (unsigned i = 0; i < TRACE_REGS_ALL; i++) {
        u64 differing = differing_bits(c, i);
        int digits = (int)trace_regs[i].digits;
        if (!differing && i > TRACE_REG_EFLAGS)
            continue;
        fprintf(out, "%s%c %-8s  %0*llX%*s%0*llX", differing && c->d->colour ? "\033[7m" : "", differing ? '*' : ' ',
                trace_regs[i].name, digits, (unsigned long long)reg(&c->side[0], i), 18 - digits, "", digits,
                (unsigned long long)reg(&c->side[1], i));
        if (i == TRACE_REG_EFLAGS)
            show_flags(c, differing);
        fprintf(out, "%s\n", differing && c->d->colour ? "\033[0m" : "");
    }
}

static void tell(struct comparison *c)
{
    static const char *const names[] = {"A", "B"};
    fprintf(c->d->out, "the traces differ after %llu equal records\n\n", (unsigned long long)c->same);
    show_context(c);
    for (unsigned i = 0; i < 2; i++) {
        const struct side *s = &c->side[i];
        if (s->state > 0)
            show(c, names[i], &s->r, trace_reader_regs(s->reader), trace_reader_bits(s->reader));
        else
            fprintf(c->d->out, "%s ends here\n", names[i]);
    }
    if (c->side[0].state > 0 && c->side[1].state > 0)
        show_regs(c);
}

static int compare(struct comparison *c)
{
    for (;;) {
        if (!advance(c, &c->side[0]) || !advance(c, &c->side[1]))
            return TRACE_DIFF_BAD;
        bool more = c->side[0].state > 0 && c->side[1].state > 0;
        if (!more && c->side[0].state == c->side[1].state)
            break;
        if (!more || !same_record(c) || !same_regs(c, c->side[0].changed | c->side[1].changed)) {
            tell(c);
            return TRACE_DIFF_DIFFERS;
        }
        c->side[0].changed = c->side[1].changed = 0;
        remember(c);
    }
    fprintf(c->d->out, "the traces are equal: %llu records\n", (unsigned long long)c->same);
    return TRACE_DIFF_SAME;
}

int trace_diff_run(struct trace_diff *d, char *error, size_t error_size)
{
    struct comparison c = {.d = d, .error = error, .error_size = error_size};
    int r = TRACE_DIFF_BAD;
    c.side[0].reader = d->side[0];
    c.side[1].reader = d->side[1];
    c.last = calloc(MAX(d->context, 1u), sizeof *c.last);
    c.insns = insn_text_new();
    if (c.last && c.insns)
        r = compare(&c);
    else
        snprintf(error, error_size, "not enough memory");
    insn_text_free(c.insns);
    free(c.last);
    return r;
}
