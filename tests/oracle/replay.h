/*
 * replay.h - recorded cases in the interpreter, on any host.
 */
#ifndef OMBRA_TESTS_ORACLE_REPLAY_H
#define OMBRA_TESTS_ORACLE_REPLAY_H

#include "base/types.h"

struct replay_options {
    const char *path;
    const char *row; /* one row, or NULL */
    s64 only;        /* one case of each row, or -1 */
    u32 stride;      /* every STRIDE-th case */
    u32 max_shown;   /* of each row */
    bool coverage;
    const char *mode; /* of emu_new() */
    bool soft; /* only with floating point in software, otherwise with the host's and then in software */
};

/* Exit status: 0 all agree, 1 a disagreement or a row that is not covered (with COVERAGE), 2 no good file. */
int replay(const struct replay_options *o);

#endif
