/*
 * fdc.h - the floppy disk controller: an Intel 82077AA in AT mode (data sheet 290166) at 3F2h-3F5h and 3F7h, IRQ 6, DMA
 * channel 2, with two drives.
 *
 * fdc.c has the registers, the phases and the commands that move no data; fdc_disk.c those that
 * do; fdc_int.h stands between them. hw/pc.c calls what is declared here.
 *
 * The mechanics run eight times as fast as a real drive's, in virtual time. An image holds 512-byte
 * sectors with their natural addresses only: deleted-data marks and odd formats are not kept. A command to an empty
 * drive ends with "missing address mark" instead of waiting for index holes for ever. Data commands take the heads to
 * their cylinder even if CONFIGURE has not allowed implied seeks, as QEMU and Bochs do: the Bochs BIOS never seeks.
 */
#ifndef OMBRA_HW_FDC_H
#define OMBRA_HW_FDC_H

#include "base/block.h"
#include "base/bus.h"
#include "base/device.h"
#include "base/isadma.h"

/* Drive types, by the numbers that CMOS register 10h has for them. */
enum fdc_type { FDC_NONE, FDC_360K, FDC_1200K, FDC_720K, FDC_1440K, FDC_2880K };

enum { FDC_DRIVES = 2, FDC_SELECTS = 4, FDC_SECTOR = 512, FDC_DMA_CHANNEL = 2 };

enum fdc_phase { FDC_COMMAND, FDC_EXECUTE, FDC_DATA, FDC_RESULT, FDC_PHASES };

/* A floppy's shape. */
struct fdc_media {
    u16 kib;
    u8 tracks, heads, sectors;
    u8 rate; /* as CCR has it: 0 = 500, 1 = 300, 2 = 250 kbit/s, 3 = 1 Mbit/s */
};

struct fdc_drive {
    enum fdc_type type;
    struct block *block;    /* NULL: empty. Not owned */
    struct fdc_media media; /* of what is inserted */
    u8 track;               /* where the heads are */
    bool changed;           /* the disk change line */
};

struct fdc {
    struct bus *bus;
    struct irq_line irq;
    struct isa_dma dma;
    struct fdc_drive drive[FDC_DRIVES];

    u8 dor, tdr, rate;
    u8 phase;
    u8 command[9], command_len; /* what has arrived of the command */
    u8 result[10], result_len, result_pos;
    bool interrupt;                                        /* INT pin, before the gate in DOR */
    u8 reset_polls;                                        /* SENSE INTERRUPTs that are owed after a reset */
    u8 seek_target[FDC_SELECTS], seek_status[FDC_SELECTS]; /* ST0 of a seek that ended and has not been sensed, or 0 */
    bool seeking[FDC_SELECTS];
    u8 pcn[FDC_SELECTS]; /* cylinder where the controller thinks each drive is */

    /* Settings. */
    u8 step_unload, load_nondma; /* SPECIFY */
    u8 config, precomp;          /* CONFIGURE */
    u8 perpendicular;
    bool lock;

    /* The data command under way. */
    u8 cyl, head, sector, size; /* address of the current sector */
    u8 last_sector;             /* EOT, or FORMAT's sectors per track: DUMPREG tells it */
    u8 st0, st1, st2;
    bool terminal_count;
    u16 done;     /* sectors that READ TRACK, FORMAT and VERIFY have dealt with */
    u16 pos, len; /* non-DMA: in buffer */
    u8 burst;     /* bytes that may still pass before the FIFO has to be filled again */
    u8 buffer[FDC_SECTOR];
    struct timer timer; /* of the data command, and of a reset's interrupt */
    struct timer seek_timer[FDC_SELECTS];
};

extern const struct device_ops fdc_ops;

/* Maps the ports. DMA is copied. */
void fdc_init(struct fdc *f, struct bus *bus, const struct isa_dma *dma, struct irq_line irq);

/*
 * Puts a drive at drive select UNIT (0 or 1), with a floppy in it unless B is NULL. The drive is of the type that fits
 * the floppy, or 1.44 MB. To be called before the machine runs.
 */
void fdc_attach(struct fdc *f, unsigned unit, struct block *b);

/* What CMOS register 10h has to say of a drive: its enum fdc_type. */
u8 fdc_cmos_type(const struct fdc *f, unsigned unit);

/*
 * Changes the floppy (NULL: takes it out), which is write-protected if the block is read-only; raises the change
 * line. B stays the caller's. 0, or -ENODEV: no drive there.
 */
int fdc_insert(struct fdc *f, unsigned unit, struct block *b);

#endif
