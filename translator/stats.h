/*
 * stats.h - what the translating engine has counted, by the table stats.def. Counted in C alone.
 */
#ifndef OMBRA_TRANSLATOR_STATS_H
#define OMBRA_TRANSLATOR_STATS_H

#include "base/types.h"

struct engine_stats {
#define STAT(name, text) u64 name;
#define PART(name, text) u64 name;
#define SOME(name, text) u64 name;
#include "translator/stats.def"
#undef STAT
#undef PART
#undef SOME
};

enum stat_kind { STAT_ALONE, STAT_PART, STAT_SOME };

/* A row of the table, and where its number is in struct engine_stats. */
struct stat_row {
    enum stat_kind kind;
    u16 at;
    const char *name, *text;
};

enum { STAT_ROWS = sizeof(struct engine_stats) / sizeof(u64) };
extern const struct stat_row stat_rows[STAT_ROWS];

static inline u64 stat_of(const struct engine_stats *s, const struct stat_row *row)
{
    return *(const u64 *)((const u8 *)s + row->at);
}

#endif
