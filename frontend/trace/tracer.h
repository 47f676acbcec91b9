/*
 * tracer.h - looks on while the machine runs (cpu/observe.h) and writes down what --trace asked for.
 *
 * The session opens it before the machine, starts it on the machine, asks how far the machine may go, and tells it
 * after each pc_run(). Nothing is visible to the guest. Outside of the counts that are wanted the processor runs as
 * without it.
 */
#ifndef OMBRA_FRONTEND_TRACE_TRACER_H
#define OMBRA_FRONTEND_TRACE_TRACER_H

#include "cpu/cpu.h"
#include "frontend/trace/spec.h"

struct tracer; /* private */

/* SPEC as for --trace, PATH and BINARY as for trace_writer_open(); SYMBOLS must stay. 0, or -errno with one line in
 * ERROR. */
int tracer_open(struct tracer **t, const char *spec, const char *path, bool binary, const struct symbols *symbols,
                char *error, size_t error_size);

/* The processor to look at. T may be NULL here and below: then nothing is done. */
void tracer_start(struct tracer *t, struct cpu *c);

/* Counts that may be run now, MAX at most: looking begins and ends between two runs. */
u64 tracer_counts(struct tracer *t, u64 max);

/* The machine came back, or registers are about to be changed from outside. 0, or -errno: what is traced is lost. */
int tracer_ran(struct tracer *t);

/* Ends the trace; before the processor goes. 0, or -errno. */
int tracer_close(struct tracer *t);

#endif
