/*
 * stats.c - the table of what the engine counts.
 */
#include "translator/stats.h"
#include <stddef.h>

#define ROW(kind, name, text) {kind, offsetof(struct engine_stats, name), #name, text},
const struct stat_row stat_rows[STAT_ROWS] = {
#define STAT(name, text) ROW(STAT_ALONE, name, text)
#define PART(name, text) ROW(STAT_PART, name, text)
#define SOME(name, text) ROW(STAT_SOME, name, text)
#include "translator/stats.def"
};
