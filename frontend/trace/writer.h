/*
 * writer.h - records to a file: lines of text, or coded and compressed by zlib.
 *
 * A binary trace is a gzip stream: "OMBRATRC", version and number of registers as bytes, the length of --trace's
 * argument as a varint and the argument, then records (code.h).
 */
#ifndef OMBRA_FRONTEND_TRACE_WRITER_H
#define OMBRA_FRONTEND_TRACE_WRITER_H

#include "frontend/symbols.h"
#include "frontend/trace/record.h"

#define TRACE_MAGIC "OMBRATRC"
#define TRACE_TEXT_MAGIC "# ombra trace "

struct trace_writer; /* private */

/*
 * Makes or replaces PATH; NULL: standard error, text only. SPEC goes into the header; SYMBOLS (NULL: none) name places
 * in texts. 0, or -errno with one line in ERROR.
 */
int trace_writer_open(struct trace_writer **w, const char *path, bool binary, const char *spec,
                      const struct symbols *symbols, char *error, size_t error_size);

/* R, after which the registers are REGS. Failures are told by trace_writer_error() and at the end. */
void trace_writer_put(struct trace_writer *w, const struct trace_record *r, const u64 *regs);

/* 0 or -errno: writing has failed, what comes is lost. */
int trace_writer_error(const struct trace_writer *w);

/* Writes what is left and closes. 0 or -errno. */
int trace_writer_close(struct trace_writer *w);

#endif
