/*
 * image.h - opens disk, CD and floppy images. The frontend names a path and what the
 * image is to be; it gets a struct block for a controller, or one line to print.
 *
 * Formats are rows of a table in image.c; today there is "raw" and, over any other
 * format, the copy-on-write overlay of --snapshot.
 *
 * An image that is open for writing is locked against every other user, one that is open
 * for reading against writers (advisory, between instances and within one process). An
 * image never changes unless a guest writes to it.
 */
#ifndef OMBRA_DISK_IMAGE_H
#define OMBRA_DISK_IMAGE_H

#include "base/block.h"

/* What a file turned out to be when looked at. */
enum image_kind {
    IMAGE_UNKNOWN, /* readable, but nothing that a PC could use is recognized */
    IMAGE_FLOPPY,
    IMAGE_HD,
    IMAGE_CD,
    IMAGE_LINUX,     /* a bzImage, or another kernel with a Linux boot header */
    IMAGE_MULTIBOOT, /* has a multiboot 1 header (ELF or flat) */
    IMAGE_ELF,       /* an ELF file without one */
};

enum {
    IMAGE_READONLY = 1, /* never write: CDs, firmware */
    IMAGE_SNAPSHOT = 2, /* the guest's writes go to a nameless temporary file and are lost at the end */
    IMAGE_PROTECT = 4,  /* a file that may not be written is opened read-only instead of being refused: floppies */
};

enum { IMAGE_ERROR_MAX = 512 }; /* a good size for the buffers that take errors */

/* A cylinder/head/sector shape, and how a BIOS is told to translate it (the two CMOS bits of SeaBIOS and Bochs). */
enum image_translation { IMAGE_CHS_NONE, IMAGE_CHS_LBA, IMAGE_CHS_LARGE };

struct image_geometry {
    u32 cylinders; /* 1-16383 */
    u8 heads;      /* 1-16 */
    u8 sectors;    /* 1-63 */
    enum image_translation translation;
};

/*
 * Looks at PATH and says what it holds. A file that cannot be read, is empty, or is in a foreign format (qcow2,
 * compressed ...) gives -errno and one line in ERR that says what is wrong and what to do. Otherwise returns 0 and
 * *KIND.
 */
int image_probe(const char *path, enum image_kind *kind, char *err, size_t err_size);

/* "floppy", "hard disk" ...: for messages. */
const char *image_kind_name(enum image_kind kind);

/*
 * Opens PATH as a medium of KIND (IMAGE_FLOPPY, IMAGE_HD or IMAGE_CD; the latter is always read-only) with IMAGE_
 * flags. Returns 0 and *OUT, which the caller block_close()s; or -errno and one line in ERR: not there, no permission,
 * a directory, empty, foreign format, truncated, too large for the medium, in use by another instance.
 */
int image_open(const char *path, enum image_kind kind, unsigned flags, struct block **out, char *err, size_t err_size);

/*
 * The shape of a hard disk: what its partition table was made with if that is a shape an ATA disk can have, else 16
 * heads of 63 sectors. Reads sector 0.
 */
void image_geometry(struct block *b, struct image_geometry *g);

#endif
