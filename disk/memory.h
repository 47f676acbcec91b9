/*
 * memory.h - a read-only medium whose contents are an array in memory: the guest that is built in.
 */
#ifndef OMBRA_DISK_MEMORY_H
#define OMBRA_DISK_MEMORY_H

#include "base/block.h"

/* A medium of SIZE bytes: LEN (at most SIZE) from DATA, which must outlive it, then zeros. NULL without memory. */
struct block *memory_open(const u8 *data, size_t len, u64 size);

#endif
