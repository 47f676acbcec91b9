/*
 * diff.h - where two traces begin to differ.
 */
#ifndef OMBRA_FRONTEND_TRACE_DIFF_H
#define OMBRA_FRONTEND_TRACE_DIFF_H

#include "frontend/trace/reader.h"
#include <stdio.h>

enum { TRACE_DIFF_SAME = 0, TRACE_DIFF_DIFFERS = 1, TRACE_DIFF_BAD = 2, TRACE_CONTEXT_MAX = 10000 };

struct trace_diff {
    struct trace_reader *side[2];
    unsigned context;           /* how many records before the difference are shown */
    u64 ignore[TRACE_REGS_ALL]; /* bits of registers that may differ */
    bool ignore_count;
    bool colour; /* OUT is a terminal */
    FILE *out;
};

/* Adds "EFL,AF,CR2,fpu,count" to what D ignores. False if a name is unknown. */
bool trace_diff_ignore(struct trace_diff *d, const char *list);

/* Reads both to the first difference and tells it. TRACE_DIFF_BAD with one line in ERROR. */
int trace_diff_run(struct trace_diff *d, char *error, size_t error_size);

/* 'ombra diff-trace A B ...': ARGV[0] is the word diff-trace. The exit status. */
int trace_diff_main(int argc, char **argv);

#endif
