/*
 * overlay.h - keeps all writes to an image away from it, in a nameless temporary file, and can take them back to
 * earlier moments. For disk/image.c, which stacks it on any format, and for frontend/rewind.c.
 *
 * The temporary file lives in $TMPDIR (or /var/tmp), takes as much room as the guest writes (with marks: anew after
 * each), and goes away with the process.
 */
#ifndef OMBRA_DISK_OVERLAY_H
#define OMBRA_DISK_OVERLAY_H

#include "base/block.h"

/* Puts an overlay over BASE, which it closes at its end. 0 or -errno; on error BASE is the caller's still. */
int overlay_new(struct block *base, struct block **out);

bool block_is_overlay(const struct block *b);
struct block *overlay_base(struct block *b);

/* A moment of the medium. Marks later than one that was gone back to are void. */
struct overlay_mark {
    size_t logged;
    u32 slots, generation;
};
struct overlay_mark overlay_mark(struct block *b);
void overlay_back(struct block *b, struct overlay_mark mark);

#endif
