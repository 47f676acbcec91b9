/*
 * ide.h - the IDE function of the PIIX3 (00:01.1, 8086:7010): two channels at the old ports 1F0h/3F6h/IRQ 14 and
 * 170h/376h/IRQ 15, two drives each, and the bus master behind BAR 4 ("Bus Master IDE" programming interface 1.0).
 *
 * Three files make one device: ide.c has registers, interrupts, reset, the data port and the bus
 * master; ata.c the commands of disks (ATA/ATAPI-6); atapi.c those of CD-ROM drives (SFF-8020i, MMC). Between them
 * stands ata.h. hw/pc.c calls what is declared here; nobody else does.
 *
 * What is chosen where hardware differs: a channel without drives reads as zero, a missing slave
 * has status zero and registers that can be written, as QEMU's pc shows it. The channels answer whatever the decode
 * enable bits of IDETIM say: firmware that never sets them finds its disks. All commands take virtual time.
 */
#ifndef OMBRA_HW_IDE_H
#define OMBRA_HW_IDE_H

#include "base/block.h"
#include "base/device.h"
#include "base/pci.h"

enum ide_kind { IDE_NONE, IDE_DISK, IDE_CD };

enum {
    IDE_CHANNELS = 2,
    IDE_UNITS = 2,
    IDE_BUFFER = 32768, /* of a drive: the most that moves between two looks at the medium */
};

/* What a drive is doing. */
enum ide_phase {
    IDE_IDLE,
    IDE_EXECUTE, /* BSY: the command takes its time, then runs */
    IDE_STEP,    /* BSY: between two blocks of a PIO transfer */
    IDE_PIO_IN,  /* DRQ: the host reads buffer[pos..stop) */
    IDE_PIO_OUT, /* DRQ: the host writes buffer[pos..stop) */
    IDE_DMA,     /* waits for the bus master, or the bus master's time is running */
    IDE_RESET,   /* BSY: SRST, or the time after it */
    IDE_PHASES,
};

/* The registers that a host writes; each has the byte written before behind it (48-bit commands). */
struct ide_taskfile {
    u8 feature, count, low, mid, high;
};

/* What only a CD-ROM drive has. */
struct ide_cd {
    u8 packet[12];
    u8 stage;            /* enum atapi_stage: what the buffer is for */
    u8 sense, asc, ascq; /* of the last command */
    u8 attention;        /* ASC of a pending unit attention, or 0 */
    u8 event;            /* media event not yet told by GET EVENT STATUS NOTIFICATION */
    bool tray_open;
    bool locked;
    bool dma;            /* this packet's data goes by DMA */
    u16 reply;           /* bytes of an answer that wait in the buffer */
    u8 raw;              /* READ CD: which parts of the sector, 10h = user data alone */
    u8 mode_recovery[6]; /* mode page 01h behind its two header bytes */
    u8 mode_audio[14];   /* mode page 0Eh, likewise */
};

struct ide_unit {
    /* How it is built. */
    struct ide *ide;
    struct ide_channel *channel;
    u8 index; /* 0 master, 1 slave */
    enum ide_kind kind;
    struct block *block; /* a CD drive's may be NULL: no disc */
    u32 cylinders;       /* the disk's own shape */
    u8 heads, sectors;
    char serial[21];

    /* Registers. */
    struct ide_taskfile now, before;
    u8 status, error, command;
    u8 device;  /* the channel's Device register when the command was written */
    bool intrq; /* wants the channel's interrupt line; seen only while the drive is selected */

    /* Settings. */
    u16 cur_cylinders;
    u8 cur_heads, cur_sectors;            /* INITIALIZE DEVICE PARAMETERS */
    u8 multiple;                          /* sectors per block of the MULTIPLE commands, 0 = off */
    u8 dma_mode;                          /* as SET FEATURES 03h set it: 20h+n or 40h+n */
    bool write_cache, look_ahead, revert; /* revert: SRST returns to defaults */
    u8 power;                             /* CHECK POWER MODE's answer */

    /* The transfer under way. */
    u8 phase;
    bool out;           /* host to drive */
    u64 lba;            /* next sector of the medium */
    u32 left;           /* sectors that the medium still has to give or take */
    u32 pos, stop, len; /* in buffer: next byte, end of this DRQ block, end of data */
    u32 limit;          /* most bytes in a DRQ block */
    struct timer timer;
    struct ide_cd cd;
    u8 buffer[IDE_BUFFER + 4]; /* the slack is for a 16-bit read of an odd last byte */
};

struct ide_channel {
    struct ide *ide;
    u8 index;
    struct irq_line irq;
    struct ide_unit unit[IDE_UNITS];
    u8 device;  /* the Device register: DEV, LBA, head */
    u8 control; /* Device Control: HOB, SRST, nIEN */
    bool line;  /* level of the interrupt line */
    u8 bm_command, bm_status;
    u32 bm_table;         /* guest-physical address of the PRD table */
    u32 bm_next;          /* of the next descriptor */
    u32 bm_base, bm_left; /* what the current descriptor still covers */
    bool bm_last;         /* ... and it is the last */
};

struct ide {
    struct bus *bus;
    struct pci_func pci;
    struct ide_channel channel[IDE_CHANNELS];
    int bm_handle; /* of the mapped BAR, or 0 */
};

extern const struct device_ops ide_ops;

/* Builds the function at DEVFN and maps the ports. IRQ are lines 14 and 15. Drives are attached after; ide_ops.reset
 * last. */
void ide_init(struct ide *ide, struct bus *bus, struct pci_bus *pci, unsigned devfn, const struct irq_line irq[2]);

/* Puts a disk of B's size on a channel; the shape is what IDENTIFY DEVICE shows (1-16383, 1-16, 1-63). B stays the
 * caller's. */
void ide_attach_disk(struct ide *ide, unsigned chan, unsigned unit, struct block *b, u32 cylinders, unsigned heads,
                     unsigned sectors);

/* Puts a CD-ROM drive on a channel, with a disc in it unless B is NULL. B stays the caller's. */
void ide_attach_cd(struct ide *ide, unsigned chan, unsigned unit, struct block *b);

/*
 * Changes the disc of a CD-ROM drive (NULL: takes it out) and closes the tray; the guest sees a unit attention and a
 * media event. The old block is no longer used after the call. 0, or -ENODEV: no CD-ROM drive there.
 */
int ide_cd_insert(struct ide *ide, unsigned chan, unsigned unit, struct block *b);

/* True if the guest has locked the drive's door (PREVENT ALLOW MEDIUM REMOVAL): a frontend should ask before it takes
 * the disc. */
bool ide_cd_locked(const struct ide *ide, unsigned chan, unsigned unit);

#endif
