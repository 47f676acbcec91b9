/*
 * reader.h - traces from files, text or binary, compressed or not, one record at a time and in bounded memory. The
 * files are not trusted.
 */
#ifndef OMBRA_FRONTEND_TRACE_READER_H
#define OMBRA_FRONTEND_TRACE_READER_H

#include "frontend/trace/record.h"

struct trace_reader; /* private */

/* 0, or -errno with one line in ERROR. */
int trace_reader_open(struct trace_reader **r, const char *path, char *error, size_t error_size);
void trace_reader_close(struct trace_reader *r);

/* The next record: 1. 0 at the end, or -EINVAL with one line in ERROR: damaged, or cut off. */
int trace_reader_next(struct trace_reader *r, struct trace_record *record, char *error, size_t error_size);

/* TRACE_REGS_ALL values as they are after the last record, and the bits (16 or 32) of the code segment before it. */
const u64 *trace_reader_regs(const struct trace_reader *r);
unsigned trace_reader_bits(const struct trace_reader *r);

#endif
