/*
 * fdc_int.h - between the two files of the floppy controller: bits of status registers, the
 * command codes, and who calls whom.
 */
#ifndef OMBRA_HW_FDC_INT_H
#define OMBRA_HW_FDC_INT_H

#include "hw/fdc.h"

enum { DOR_DMAGATE = 0x08 }; /* lets INT and DRQ out */

enum { FDC_DISK_RESULTS = 7 }; /* bytes that each data command ends with */

enum {
    /* ST0 */
    ST0_ABNORMAL = 0x40,
    ST0_POLLED = 0xC0, /* ready line changed: what a reset looks like */
    ST0_SEEK_END = 0x20,
    ST0_EQUIPMENT = 0x10,
    ST0_HEAD = 0x04,
    /* ST1 */
    ST1_END = 0x80,  /* end of cylinder */
    ST1_DATA = 0x20, /* CRC */
    ST1_OVERRUN = 0x10,
    ST1_NO_DATA = 0x04, /* sector not found */
    ST1_PROTECTED = 0x02,
    ST1_NO_MARK = 0x01,
    /* ST2 */
    ST2_MARK = 0x40, /* control mark: data of the other kind */
    ST2_DATA = 0x20,
    ST2_WRONG_CYLINDER = 0x10,
    ST2_BAD_CYLINDER = 0x02,
    /* ST3 */
    ST3_PROTECTED = 0x40,
    ST3_READY = 0x20,
    ST3_TRACK0 = 0x10,
    ST3_TWO_SIDES = 0x08,
    /* First command byte */
    CMD_MULTI_TRACK = 0x80,
    CMD_MFM = 0x40,
    CMD_SKIP = 0x20,
    /* CONFIGURE */
    CONFIG_IMPLIED_SEEK = 0x40,
    CONFIG_NO_FIFO = 0x20,
    CONFIG_NO_POLL = 0x10,
    CONFIG_THRESHOLD = 0x0F,
};

/* The low five bits of the first byte, where they name the command. */
enum {
    FDC_READ_TRACK = 0x02,
    FDC_WRITE = 0x05,
    FDC_READ = 0x06,
    FDC_WRITE_DELETED = 0x09,
    FDC_READ_ID = 0x0A,
    FDC_READ_DELETED = 0x0C,
    FDC_FORMAT = 0x0D,
    FDC_VERIFY = 0x16,
};

/* Virtual time, eight times as fast as a drive of 300 revolutions a minute. */
enum {
    FDC_STEP_NS = 400000,   /* heads to the next track */
    FDC_SETTLE_NS = 500000, /* from a command to its first sector */
    FDC_REVOLUTION_NS = 25000000,
    FDC_RESET_NS = 20000,
};

/* Of a drive select: the drive, or NULL if there is none. */
static inline struct fdc_drive *fdc_selected(struct fdc *f, unsigned select)
{
    return select < FDC_DRIVES && f->drive[select].type != FDC_NONE ? &f->drive[select] : NULL;
}

/* ---- fdc.c ---- */

/* Raises or drops INT. */
void fdc_interrupt(struct fdc *f, bool level);

/* The result phase begins, with LEN bytes of f->result. */
void fdc_results(struct fdc *f, unsigned len, bool interrupt);

bool fdc_is_dma(const struct fdc *f);

/* Moves the heads; returns how many tracks they went. */
unsigned fdc_step_to(struct fdc *f, unsigned select, unsigned cylinder);

/* ---- fdc_disk.c ---- */

/* The command in f->command is complete and one of those above: starts it. */
void fdc_disk_start(struct fdc *f);

/* f->timer has fired in the execution phase. */
void fdc_disk_fire(struct fdc *f);

/* The non-DMA transfer's next byte. */
u8 fdc_disk_read(struct fdc *f);
void fdc_disk_write(struct fdc *f, u8 value);

/* The drive that an image of SIZE bytes belongs into: FDC_1440K for what is no standard size. */
enum fdc_type fdc_disk_type(u64 size);

/* Finds the shape of what is in the drive. */
void fdc_disk_shape(struct fdc_drive *d);

#endif
