/*
 * overlay.h - copy on write: reads show BASE as the guest has changed it, writes go to a
 * nameless temporary file, and BASE is never written. Only image.c calls this.
 *
 * The temporary file lies in TMPDIR (or /var/tmp), is sparse and has no name, so nothing is left
 * behind however the process ends. Memory: one bit per 4 KiB of the medium, touched only where the guest writes.
 */
#ifndef OMBRA_DISK_OVERLAY_H
#define OMBRA_DISK_OVERLAY_H

#include "base/block.h"

/* 0 and *OUT, which owns BASE from then on; or -errno (no temporary file, no memory), BASE still the caller's. */
int overlay_new(struct block *base, struct block **out);

#endif
