/*
 * atapi.h - the data that a CD-ROM drive answers with: tables of contents, mode pages,
 * features. atapi.c, which runs the commands, is the only caller of atapi_data.c.
 *
 * Each function writes into a zeroed buffer of at least 256 bytes and returns how many bytes the
 * answer has, or 0 if the packet asks for what there is not (invalid field in CDB).
 */
#ifndef OMBRA_HW_ATAPI_H
#define OMBRA_HW_ATAPI_H

#include "hw/ata.h"

enum { CD_SECTOR = 2048, CD_RAW_SECTOR = 2352, CD_LEAD_IN = 150 };

/* Numbers in packets and answers are big-endian. */
static inline u32 be16(const u8 *p)
{
    return (u32)p[0] << 8 | p[1];
}

static inline u32 be24(const u8 *p)
{
    return (u32)p[0] << 16 | be16(p + 1);
}

static inline u32 be32(const u8 *p)
{
    return be16(p) << 16 | be16(p + 2);
}

static inline void put_be16(u8 *p, u32 v)
{
    p[0] = (u8)(v >> 8);
    p[1] = (u8)v;
}

static inline void put_be32(u8 *p, u32 v)
{
    put_be16(p, v >> 16);
    put_be16(p + 2, v);
}

/* Sectors of the disc, 0 without one. */
u32 atapi_sectors(const struct ide_unit *u);

unsigned atapi_data_identify(const struct ide_unit *u, u8 *to);
unsigned atapi_data_inquiry(const struct ide_unit *u, u8 *to);
unsigned atapi_data_toc(const struct ide_unit *u, u8 *to);
unsigned atapi_data_subchannel(const struct ide_unit *u, u8 *to);
unsigned atapi_data_header(const struct ide_unit *u, u8 *to);
unsigned atapi_data_configuration(const struct ide_unit *u, u8 *to);
unsigned atapi_data_disc(const struct ide_unit *u, u8 *to);
unsigned atapi_data_track(const struct ide_unit *u, u8 *to);
unsigned atapi_data_mechanism(const struct ide_unit *u, u8 *to);
unsigned atapi_data_event(const struct ide_unit *u, u8 *to);
unsigned atapi_data_mode(const struct ide_unit *u, u8 *to);

/* Mode pages at their defaults; and a MODE SELECT parameter list of LEN bytes taken in (false: something in it cannot
 * be set). */
void atapi_mode_reset(struct ide_unit *u);
bool atapi_mode_select(struct ide_unit *u, const u8 *list, unsigned len);

/* Bytes that READ CD gives for a sector with selection bits RAW, and the building of them from 2048 bytes of DATA. */
unsigned atapi_raw_bytes(u8 raw);
void atapi_raw_sector(u8 raw, u32 lba, const u8 *data, u8 *to);

#endif
