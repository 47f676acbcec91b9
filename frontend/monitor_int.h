/*
 * monitor_int.h - between the monitor's parser (monitor.c) and its commands (monitor_cmd.c, monitor_view.c).
 */
#ifndef OMBRA_FRONTEND_MONITOR_INT_H
#define OMBRA_FRONTEND_MONITOR_INT_H

#include "frontend/monitor.h"

#include <cJSON.h>
#include <stdio.h>

enum { MONITOR_ARGS = 2, MONITOR_REST = 100 };

/* A command in hand: what it is given, and its answer in both forms. */
struct answer {
    const struct monitor_env *env;
    const char *arg[MONITOR_ARGS]; /* NULL: not given */
    FILE *text;
    cJSON *json; /* an object */
    char error[MONITOR_ERROR_MAX];
};

struct command {
    const char *name, *other;
    int (*run)(struct answer *a);
    unsigned least, most;
    const char *shown, *help;
};

/* All of them, ended by a NULL name. */
extern const struct command monitor_commands[];

/* The row that NAME or other name TEXT has, or NULL. */
const struct command *monitor_find(const char *text);

/* One line that says why the command fails. Returns -EINVAL. */
PRINTF_LIKE(2, 3) int answer_error(struct answer *a, const char *fmt, ...);

/* NAME and a value: a line of text, a member in JSON. */
PRINTF_LIKE(3, 4) void answer_field(struct answer *a, const char *name, const char *fmt, ...);
void answer_number(struct answer *a, const char *name, u64 value);
void answer_bool(struct answer *a, const char *name, bool value);

#define M(name, other, function, least, most, shown, help) int monitor_##function(struct answer *a);
#include "frontend/monitor.def"
#undef M

#endif
