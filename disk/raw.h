/*
 * raw.h - a host file or block device whose bytes are the medium's bytes.
 * Only image.c calls this.
 */
#ifndef OMBRA_DISK_RAW_H
#define OMBRA_DISK_RAW_H

#include "base/block.h"

/* Takes over FD, which holds SIZE bytes. NULL if there is no memory (FD stays the caller's then). */
struct block *raw_new(int fd, u64 size, bool readonly);

/* Reads or writes all of LEN bytes at OFFSET of a host file. 0, or -EIO / -ENOSPC. A read beyond the end gives zeros.
 */
int raw_pread(int fd, u64 offset, void *data, size_t len);
int raw_pwrite(int fd, u64 offset, const void *data, size_t len);

#endif
