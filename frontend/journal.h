/*
 * journal.h - everything that came into a machine from outside, in order and by instruction count: keys, mouse, serial
 * bytes, media, buttons, steering of the clock, what a debugger wrote. With it a machine that is in the same state does
 * the same again.
 *
 * A journal is one array of bytes, in memory as in the file of --record: a record is kind, counts since the one before,
 * step (see struct cpu_place) and what the kind needs, numbers in 7 bits a byte. timeline.h fills it and acts on it.
 */
#ifndef OMBRA_FRONTEND_JOURNAL_H
#define OMBRA_FRONTEND_JOURNAL_H

#include "base/types.h"
#include "cpu/stops.h"

enum journal_kind {
    JOURNAL_KEY,    /* number[0]: enum key, [1]: down */
    JOURNAL_MOUSE,  /* dx, dy, dz, buttons */
    JOURNAL_SERIAL, /* port; data */
    JOURNAL_MEDIUM, /* slot as in media.h; data: the image's path, empty: taken out */
    JOURNAL_RESET,  /* the button on the case */
    JOURNAL_POWER,
    JOURNAL_RATE,   /* pc_set_rate() */
    JOURNAL_SKIP,   /* pc_skip_to(), in ns from now */
    JOURNAL_MEMORY, /* frame << 12 | offset; data: a debugger wrote them there */
    JOURNAL_CPU,    /* data: a chunk with all fields of the processor, as a debugger left them */
    JOURNAL_KINDS,
};

enum { JOURNAL_NUMBERS = 4 };

struct journal_event {
    enum journal_kind kind;
    struct cpu_place at;
    s64 number[JOURNAL_NUMBERS];
    const u8 *data; /* of journal_next(): in the journal, up to its next change */
    size_t len;
};

struct journal {
    u8 *data;
    size_t len, cap;
    size_t settled; /* what its owner has looked at and was not cut off since */
};

/* In front of a record, or at the end. {0} is the beginning. */
struct journal_cursor {
    size_t at;
    u64 count; /* of the record before */
};

void journal_free(struct journal *j);

/* Puts E behind the record at *END, which must be the last, and moves *END behind it. 0 or -ENOMEM; then nothing has
 * changed. */
int journal_append(struct journal *j, struct journal_cursor *end, const struct journal_event *e);

/* Forgets everything from C on. */
void journal_cut(struct journal *j, const struct journal_cursor *c);

/* The event at *C, which moves on. False at the end. The journal has been checked, or was made here. */
bool journal_next(const struct journal *j, struct journal_cursor *c, struct journal_event *e);

/* Whether J, which comes from a file, is nothing but whole and sensible records, each not before the last. END becomes
 * its end. */
bool journal_check(const struct journal *j, struct journal_cursor *end);

#endif
