/*
 * spec.h - what --trace asks for: kinds of records and filters.
 */
#ifndef OMBRA_FRONTEND_TRACE_SPEC_H
#define OMBRA_FRONTEND_TRACE_SPEC_H

#include "frontend/symbols.h"
#include "frontend/trace/record.h"

enum { TRACE_RANGES_MAX = 8 };

/* Both ends belong to it. */
struct trace_range {
    u64 first, last;
};

/* Values of which any will do; none: all do. */
struct trace_set {
    struct trace_range range[TRACE_RANGES_MAX];
    unsigned count;
};

struct trace_spec {
    u32 kinds; /* bit for each enum trace_kind */
    struct trace_set addr, data, port, cpl, cr3, counts;
};

static inline bool trace_set_has(const struct trace_set *s, u64 v)
{
    for (unsigned i = 0; i < s->count; i++)
        if (v - s->range[i].first <= s->range[i].last - s->range[i].first)
            return true;
    return s->count == 0;
}

/*
 * Takes "insn,port,addr=0x7C00..0x7DFF,cpl=0" apart. Numbers are decimal, hexadecimal after 0x; counts may end in K, M,
 * G; for addresses names from SYMBOLS stand for all of what they name. 0, or -EINVAL with one line in ERROR.
 */
int trace_spec_parse(struct trace_spec *spec, const char *text, const struct symbols *symbols, char *error,
                     size_t error_size);

#endif
