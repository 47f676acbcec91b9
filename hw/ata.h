/*
 * ata.h - between the three files of the IDE device: register bits, what ide.c offers to the
 * command sets, and what they offer to it. Included by ide.c, ata.c and atapi.c only.
 *
 * A transfer, PIO or DMA, is a loop that ide.c drives: fill() brings data into the buffer (or drain() takes it out),
 * the host or the bus master moves it, and so on until fill() or drain() says that the command is over.
 */
#ifndef OMBRA_HW_ATA_H
#define OMBRA_HW_ATA_H

#include "hw/ide.h"

enum {
    /* Status */
    ATA_BSY = 0x80,
    ATA_DRDY = 0x40,
    ATA_DF = 0x20,
    ATA_DSC = 0x10,
    ATA_DRQ = 0x08,
    ATA_ERR = 0x01,
    /* Error */
    ATA_UNC = 0x40,
    ATA_IDNF = 0x10,
    ATA_ABRT = 0x04,
    /* Device */
    ATA_LBA = 0x40,
    ATA_DEV = 0x10,
    /* Device Control */
    ATA_HOB = 0x80,
    ATA_SRST = 0x04,
    ATA_NIEN = 0x02,
    /* Interrupt Reason, in the sector count register of packet devices */
    ATAPI_COD = 0x01,
    ATAPI_IO = 0x02,
    /* Commands that ide.c has to know */
    ATA_CMD_DEVICE_RESET = 0x08,
    ATA_CMD_DIAGNOSTIC = 0x90,
};

/* What a CD-ROM drive's buffer is for. */
enum atapi_stage {
    ATAPI_NONE,   /* no packet command under way */
    ATAPI_PACKET, /* the twelve bytes of a command */
    ATAPI_DATA,
    ATAPI_STAGES,
};

enum { ATA_SECTOR = 512, ATA_MAX_MULTIPLE = 16 };

/* Virtual time. A disk of the decade after this chipset: 50 us to the first sector, then 100 MB/s. */
enum {
    ATA_EXECUTE_NS = 50000,
    ATA_SECTOR_NS = 5000,
    ATA_QUICK_NS = 5000, /* commands that look at no sector */
    ATA_RESET_NS = 1000000,
};

/* The command set of one kind of drive. */
struct ide_set {
    u64 (*latency)(const struct ide_unit *u); /* ns from the command register's write to execute() */
    void (*execute)(struct ide_unit *u);
    /* Brings the next data: buffer[0..len), pos = 0. False: the command is over (ide_finish() was called). */
    bool (*fill)(struct ide_unit *u);
    /* Takes buffer[0..len) if len > 0, and says in len how much it wants next. False: over. */
    bool (*drain)(struct ide_unit *u);
    u64 (*step_ns)(const struct ide_unit *u); /* time that the next fill() or drain() stands for */
    void (*reset)(struct ide_unit *u, bool hard);
};

extern const struct ide_set ata_set;
extern const struct ide_set atapi_set;

/* ---- offered by ata.c to atapi.c: what both kinds of IDENTIFY and SET FEATURES share ---- */

void ata_put_word(u8 *id, unsigned word, unsigned value);

/* Words 49-53, 63-68 and 88: transfer modes. */
void ata_identify_transfer(const struct ide_unit *u, u8 *id);

/* SET FEATURES 03h with this sector count; false if there is no such mode. */
bool ata_set_transfer_mode(struct ide_unit *u, u8 mode);

/* ---- offered by atapi.c ---- */

/* The disc was changed: tells the guest, and ends a read of the old one. */
void atapi_changed(struct ide_unit *u);

/* After loading: true if what the file says of a CD-ROM drive is possible. */
bool atapi_valid(const struct ide_unit *u);

/* ---- offered by ide.c ---- */

/* Ends the command: no error if ERROR is 0. Raises the interrupt. */
void ide_finish(struct ide_unit *u, u8 error);

/* Starts a PIO transfer of what fill() gives, or of what drain() wants: the first block now. */
void ide_start_in(struct ide_unit *u);
void ide_start_out(struct ide_unit *u, bool interrupt);

/* Starts a DMA transfer in direction u->out; NS passes between start of the bus master and completion. */
void ide_start_dma(struct ide_unit *u);

/* The reset signature: sector count, LBA registers, Device; leaves the rest. */
void ide_signature(struct ide_unit *u);

/* Copies TEXT into LEN bytes of identification data: padded with blanks, bytes swapped in each word. */
void ide_string(u8 *to, const char *text, unsigned len);

#endif
