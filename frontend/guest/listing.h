/*
 * listing.h - the commented source of the tour (tour.S and what it includes) by linear address: what the stepper shows
 * beside the disassembly. It is the assembler's own listing, embedded by the build.
 */
#ifndef OMBRA_FRONTEND_GUEST_LISTING_H
#define OMBRA_FRONTEND_GUEST_LISTING_H

#include "frontend/symbols.h"

/* Where the tour lies: as a whole, and its first sector also where the BIOS puts it. */
enum { LISTING_LINEAR = 0x10000, LISTING_BOOT = 0x7C00, LISTING_BOOT_BYTES = 512, LISTING_NAME = 32 };

struct listing_line {
    const char *file; /* without folders: "stage1.inc" */
    unsigned number;  /* in that file, from 1 */
    const char *text; /* as it was written, comments and all */
    u32 offset;       /* in the tour, of the first of its BYTES */
    u32 bytes;        /* what the line, or the macro in it, was assembled to; 0: nothing */
};

struct listing {
    struct listing_line
        *line; /* all lines in the order of assembly: an included file stands behind the line that includes it */
    size_t count;
    size_t *placed; /* numbers of those with bytes, by offset */
    size_t places;
    char *text, (*file)[LISTING_NAME]; /* what the lines point into */
};

/* 0 or -ENOMEM. */
int listing_open(struct listing *l);
void listing_close(struct listing *l);

/* The number of the line that made what is at LIN, or -1: nothing of the tour belongs there. */
long listing_at(const struct listing *l, u64 lin);

/* Whether the N bytes of memory at LIN are those of the tour. Somebody else's program may lie at its address. */
bool listing_is(u64 lin, const u8 *memory, size_t n);

/* Adds the tour's labels, where the whole of it lies, to S. 0 or -ENOMEM. */
int listing_symbols(const struct listing *l, struct symbols *s);

#endif
