/*
 * probe.h - recognizes what a file holds from its bytes and its size. Pure functions over
 * the file's first bytes; only image.c calls them.
 */
#ifndef OMBRA_DISK_PROBE_H
#define OMBRA_DISK_PROBE_H

#include "disk/image.h"

/* How much of a file's start decides: the ISO 9660 volume descriptor ends there. */
enum { PROBE_BYTES = 0x8800, SECTOR_BYTES = 512, CD_SECTOR_BYTES = 2048 };

/* The beginning of a file; bytes beyond its end are zero. */
struct probe {
    u64 size;
    u8 head[PROBE_BYTES];
};

enum image_kind probe_kind(const struct probe *p);

/* A format that would have to be converted first: its name, or NULL; *ADVICE is the command that does it. */
const char *probe_foreign(const struct probe *p, const char **advice);

/* True if SIZE is that of a standard floppy of 160 KB to 2.88 MB. */
bool probe_floppy_size(u64 size);

/* The bytes that an ISO 9660 volume says it has, or 0 if it is none. */
u64 probe_iso_size(const struct probe *p);

/* The largest heads and sectors that partition-table entries end with, where the entries make sense for TOTAL sectors.
 */
bool probe_partition_shape(const u8 *mbr, u64 total, unsigned *heads, unsigned *sectors);

#endif
