/*
 * recording.h - the file of --record and --replay: how a machine began, everything that came to it from outside, and
 * how it ended.
 *
 * 8 bytes of magic, u32 version, u32 length of the beginning, which is state chunks (base/state.h); the records of
 * journal.h; and at the end FFh, u64 count and u32 step of the end, u64 state hash, u32 CRC of the records.
 * Little-endian. While a session records, the file has no end yet.
 */
#ifndef OMBRA_FRONTEND_RECORDING_H
#define OMBRA_FRONTEND_RECORDING_H

#include "frontend/journal.h"

enum { RECORDING_TEXT_MAX = 4096, RECORDING_CMOS = 256 };

/* How the machine began. */
struct recording_start {
    char built_from[RECORDING_TEXT_MAX]; /* lines, as machine_describe() makes them */
    s64 rtc_seconds;
    bool has_cmos; /* a file had been given for it: what it held */
    u8 cmos[RECORDING_CMOS];
    u64 hash;
};

struct recording_end {
    struct cpu_place at;
    u64 hash;
};

struct recording; /* being written, private */

/* Makes the file. 0, or -errno with a line in ERROR. */
int recording_create(const char *path, const struct recording_start *start, struct recording **out, char *error,
                     size_t n);

/* Brings the file to where J is. 0 or -errno. */
int recording_update(struct recording *r, struct journal *j);

/* Writes the end and closes, or with END NULL only closes. 0 or -errno. */
int recording_close(struct recording *r, const struct recording_end *end);

/* Reads a file that has an end; trusts nothing in it. 0, or -errno with a line in ERROR; then J is empty. */
int recording_read(const char *path, struct recording_start *start, struct journal *j, struct recording_end *end,
                   char *error, size_t n);

/* The same from bytes, for whom messages name PATH. */
int recording_parse(const u8 *data, size_t len, const char *path, struct recording_start *start, struct journal *j,
                    struct recording_end *end, char *error, size_t n);

#endif
