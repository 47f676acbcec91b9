#include "hw/atapi.h"

enum {
    SENSE_NONE = 0x0,
    SENSE_NOT_READY = 0x2,
    SENSE_MEDIUM = 0x3,
    SENSE_ILLEGAL = 0x5,
    SENSE_ATTENTION = 0x6,
    ASC_UNRECOVERED = 0x11,
    ASC_LIST_LENGTH = 0x1A,
    ASC_OPCODE = 0x20,
    ASC_RANGE = 0x21,
    ASC_FIELD = 0x24,
    ASC_PARAMETER = 0x26,
    ASC_CHANGED = 0x28,
    ASC_RESET = 0x29,
    ASC_NO_SAVING = 0x39,
    ASC_NO_MEDIUM = 0x3A,
    ASC_LOCKED = 0x53,
    ASC_TRACK_MODE = 0x64,
};

enum { EVENT_NONE = 0, EVENT_NEW_MEDIUM = 2, EVENT_REMOVED = 3, EVENTS = 4 };

enum {
    PACKET_BYTES = 12,
    CMD_PACKET = 0xA0,
    CMD_IDENTIFY_PACKET = 0xA1,
    RAW_USER_DATA = 0x10,
    CD_SECTOR_NS = 4 * ATA_SECTOR_NS,
    CD_SEEK_NS = 100000,
};

/* Packet commands by opcode. */
enum {
    OP_MEDIUM = 1,       /* needs a disc */
    OP_NO_ATTENTION = 2, /* runs although a unit attention is pending, and leaves it pending */
    OP_SEEK = 4,         /* takes the time to find a sector */
};

struct packet_op {
    void (*run)(struct ide_unit *u);
    unsigned (*answer)(const struct ide_unit *u, u8 *to); /* or: a command that only answers */
    u8 alloc; /* ... whose allocation length is the 16-bit field at this byte */
    u8 flags;
};

/* ---- Ends of commands ---- */

static void done(struct ide_unit *u)
{
    u->cd.stage = ATAPI_NONE;
    u->now.count = ATAPI_COD | ATAPI_IO;
    ide_finish(u, 0);
}

static void check(struct ide_unit *u, u8 sense, u8 asc, u8 ascq)
{
    u->cd.sense = sense;
    u->cd.asc = asc;
    u->cd.ascq = ascq;
    u->cd.stage = ATAPI_NONE;
    u->cd.reply = 0;
    u->now.count = ATAPI_COD | ATAPI_IO;
    log_msg(u->ide->bus->log, LOG_DISK, "ide%u.%u: packet %02X: sense %X/%02X/%02X", u->channel->index, u->index,
            u->cd.packet[0], sense, asc, ascq);
    ide_finish(u, (u8)(sense << 4 | ATA_ABRT));
}

static void no_medium(struct ide_unit *u)
{
    check(u, SENSE_NOT_READY, ASC_NO_MEDIUM, u->cd.tray_open ? 2 : 1);
}

/* ---- Data ---- */

/* How much may go in one DRQ block: the limit in the cylinder registers; an odd one counts only for the last block. */
static void set_limit(struct ide_unit *u)
{
    u32 limit = (u->now.mid | (u32)u->now.high << 8) & 0xFFFE;

    u->limit = limit == 0 || limit > IDE_BUFFER ? IDE_BUFFER : limit;
}

static void start_in(struct ide_unit *u)
{
    u->out = false;
    u->cd.stage = ATAPI_DATA;
    if (u->cd.dma) {
        ide_start_dma(u);
    } else {
        set_limit(u);
        ide_start_in(u);
    }
}

/* Sends the LEN bytes in the buffer, but no more than the host has room for. */
static void reply(struct ide_unit *u, unsigned len, unsigned alloc)
{
    u->cd.reply = (u16)MIN(len, alloc);
    u->left = 0;
    if (u->cd.reply == 0)
        done(u);
    else
        start_in(u);
}

/* Reads the next sectors of the disc into the buffer, in the shape that the command asked for. */
static bool fill_sectors(struct ide_unit *u)
{
    unsigned bytes = atapi_raw_bytes(u->cd.raw);
    u32 n = MIN(u->left, (u32)(IDE_BUFFER / CD_RAW_SECTOR));
    u32 total = atapi_sectors(u);
    u8 data[CD_SECTOR];

    if (u->lba >= total || n > total - u->lba) {
        no_medium(u);
        return false;
    }
    for (u32 i = 0; i < n; i++) {
        int err = block_read(u->block, u->lba * CD_SECTOR, data, CD_SECTOR);
        if (err) {
            log_msg(u->ide->bus->log, LOG_ERROR, "ide%u.%u: reading CD sector %llu failed on the host: %s",
                    u->channel->index, u->index, (unsigned long long)u->lba, strerror(-err));
            check(u, SENSE_MEDIUM, ASC_UNRECOVERED, 0);
            return false;
        }
        atapi_raw_sector(u->cd.raw, (u32)u->lba, data, u->buffer + i * bytes);
        u->lba++;
        u->left--;
    }
    u->pos = 0;
    u->len = n * bytes;
    return true;
}

static bool atapi_fill(struct ide_unit *u)
{
    if (u->command == CMD_IDENTIFY_PACKET && u->phase == IDE_EXECUTE) {
        memset(u->buffer, 0, ATA_SECTOR);
        u->pos = 0;
        u->len = atapi_data_identify(u, u->buffer);
        return true;
    }
    if (u->cd.reply) {
        u->pos = 0;
        u->len = u->cd.reply;
        u->cd.reply = 0;
        return true;
    }
    if (u->left > 0 && atapi_raw_bytes(u->cd.raw) > 0)
        return fill_sectors(u);
    done(u);
    return false;
}

static void run_packet(struct ide_unit *u);

static bool atapi_drain(struct ide_unit *u)
{
    u32 len = u->len;

    u->pos = u->len = 0;
    if (u->cd.stage == ATAPI_PACKET && len == 0) {
        u->len = PACKET_BYTES;
        return true;
    }
    if (u->cd.stage == ATAPI_PACKET) {
        memcpy(u->cd.packet, u->buffer, PACKET_BYTES);
        run_packet(u);
        return false;
    }
    if (len == 0) { /* MODE SELECT is the only command that takes data */
        u->len = MIN(be16(u->cd.packet + 7), (u32)IDE_BUFFER);
        if (u->len > 0)
            return true;
    } else if (!atapi_mode_select(u, u->buffer, len)) {
        check(u, SENSE_ILLEGAL, ASC_PARAMETER, 0);
        return false;
    }
    done(u);
    return false;
}

/* ---- Packet commands that do more than answer ---- */

static void op_done(struct ide_unit *u)
{
    done(u);
}

static void op_request_sense(struct ide_unit *u)
{
    u8 *b = u->buffer;

    if (u->cd.sense == SENSE_NONE && u->cd.attention) {
        u->cd.sense = SENSE_ATTENTION;
        u->cd.asc = u->cd.attention;
        u->cd.ascq = 0;
        u->cd.attention = 0;
    }
    memset(b, 0, 18);
    b[0] = 0x70; /* current, fixed format */
    b[2] = u->cd.sense;
    b[7] = 18 - 8;
    b[12] = u->cd.asc;
    b[13] = u->cd.ascq;
    u->cd.sense = SENSE_NONE;
    u->cd.asc = u->cd.ascq = 0;
    reply(u, 18, u->cd.packet[4]);
}

static void op_start_stop(struct ide_unit *u)
{
    u8 what = u->cd.packet[4];
    bool start = what & 1, load_eject = what & 2;

    if ((what & 0xF0) || !load_eject) {
        done(u); /* power conditions, motor */
        return;
    }
    if (!start && u->cd.locked) {
        check(u, SENSE_ILLEGAL, ASC_LOCKED, 2);
        return;
    }
    if (!start && !u->cd.tray_open) {
        u->cd.event = u->block ? EVENT_REMOVED : u->cd.event;
        u->cd.tray_open = true;
    } else if (start && u->cd.tray_open) {
        u->cd.tray_open = false;
        u->cd.event = u->block ? EVENT_NEW_MEDIUM : u->cd.event;
        u->cd.attention = u->block ? ASC_CHANGED : u->cd.attention;
    }
    done(u);
}

static void op_prevent(struct ide_unit *u)
{
    u->cd.locked = u->cd.packet[4] & 1;
    done(u);
}

static void op_capacity(struct ide_unit *u)
{
    put_be32(u->buffer, atapi_sectors(u) - 1);
    put_be32(u->buffer + 4, CD_SECTOR);
    reply(u, 8, 8);
}

/* False: the command has ended with an error. */
static bool check_range(struct ide_unit *u, u32 lba, u32 n)
{
    if ((u64)lba + n <= atapi_sectors(u))
        return true;
    check(u, SENSE_ILLEGAL, ASC_RANGE, 0);
    return false;
}

static void read_sectors(struct ide_unit *u, u32 lba, u32 n, u8 raw)
{
    if (!check_range(u, lba, n))
        return;
    if (n == 0 || atapi_raw_bytes(raw) == 0) {
        done(u);
        return;
    }
    u->lba = lba;
    u->left = n;
    u->cd.raw = raw;
    start_in(u);
}

static void op_read10(struct ide_unit *u)
{
    read_sectors(u, be32(u->cd.packet + 2), be16(u->cd.packet + 7), RAW_USER_DATA);
}

static void op_read12(struct ide_unit *u)
{
    read_sectors(u, be32(u->cd.packet + 2), be32(u->cd.packet + 6), RAW_USER_DATA);
}

/* READ CD in either form: the disc has nothing but mode 1 sectors, without subchannels or C2 pointers. */
static void read_cd(struct ide_unit *u, u32 lba, u32 n)
{
    const u8 *packet = u->cd.packet;
    unsigned type = packet[1] >> 2 & 7;

    if ((packet[10] & 7) || (packet[9] & 6) || type > 5)
        check(u, SENSE_ILLEGAL, ASC_FIELD, 0);
    else if (type != 0 && type != 2)
        check(u, SENSE_ILLEGAL, ASC_TRACK_MODE, 0);
    else
        read_sectors(u, lba, n, packet[9] & 0xF8);
}

static void op_read_cd(struct ide_unit *u)
{
    read_cd(u, be32(u->cd.packet + 2), be24(u->cd.packet + 6));
}

static u32 msf_to_lba(const u8 *p)
{
    u32 frames = (p[0] * 60u + p[1]) * 75 + p[2];
    return frames < CD_LEAD_IN ? 0xFFFFFFFF : frames - CD_LEAD_IN;
}

static void op_read_cd_msf(struct ide_unit *u)
{
    u32 first = msf_to_lba(u->cd.packet + 3), end = msf_to_lba(u->cd.packet + 6);

    if (first == 0xFFFFFFFF || end == 0xFFFFFFFF || end < first)
        check(u, SENSE_ILLEGAL, ASC_FIELD, 0);
    else
        read_cd(u, first, end - first);
}

static void op_seek(struct ide_unit *u)
{
    if (check_range(u, be32(u->cd.packet + 2), 1))
        done(u);
}

static void op_verify(struct ide_unit *u)
{
    if (check_range(u, be32(u->cd.packet + 2), be16(u->cd.packet + 7)))
        done(u);
}

static void op_mode_sense(struct ide_unit *u)
{
    if (u->cd.packet[2] >> 6 == 3) {
        check(u, SENSE_ILLEGAL, ASC_NO_SAVING, 0);
        return;
    }
    memset(u->buffer, 0, 256);
    unsigned n = atapi_data_mode(u, u->buffer);
    if (n == 0)
        check(u, SENSE_ILLEGAL, ASC_FIELD, 0);
    else
        reply(u, n, be16(u->cd.packet + 7));
}

static void op_mode_select(struct ide_unit *u)
{
    unsigned len = be16(u->cd.packet + 7);

    if (len == 0) {
        done(u);
    } else if (len > IDE_BUFFER) {
        check(u, SENSE_ILLEGAL, ASC_LIST_LENGTH, 0);
    } else {
        u->cd.stage = ATAPI_DATA;
        u->out = true;
        if (u->cd.dma) {
            ide_start_dma(u);
        } else {
            set_limit(u);
            ide_start_out(u, true);
        }
    }
}

static void op_event(struct ide_unit *u)
{
    if (!(u->cd.packet[1] & 1)) { /* only polling, nothing queued */
        check(u, SENSE_ILLEGAL, ASC_FIELD, 0);
        return;
    }
    memset(u->buffer, 0, 16);
    unsigned n = atapi_data_event(u, u->buffer);
    if (n > 4 && be16(u->cd.packet + 7) > 4)
        u->cd.event = EVENT_NONE;
    reply(u, n, be16(u->cd.packet + 7));
}

static const struct packet_op ops[256] = {
    [0x00] = {.run = op_done, .flags = OP_MEDIUM}, /* TEST UNIT READY */
    [0x03] = {.run = op_request_sense, .flags = OP_NO_ATTENTION},
    [0x12] = {.answer = atapi_data_inquiry, .alloc = 3, .flags = OP_NO_ATTENTION},
    [0x1B] = {.run = op_start_stop},
    [0x1E] = {.run = op_prevent},
    [0x25] = {.run = op_capacity, .flags = OP_MEDIUM},
    [0x28] = {.run = op_read10, .flags = OP_MEDIUM | OP_SEEK},
    [0x2B] = {.run = op_seek, .flags = OP_MEDIUM | OP_SEEK},
    [0x2F] = {.run = op_verify, .flags = OP_MEDIUM | OP_SEEK},
    [0x42] = {.answer = atapi_data_subchannel, .alloc = 7, .flags = OP_MEDIUM},
    [0x43] = {.answer = atapi_data_toc, .alloc = 7, .flags = OP_MEDIUM},
    [0x44] = {.answer = atapi_data_header, .alloc = 7, .flags = OP_MEDIUM | OP_SEEK},
    [0x46] = {.answer = atapi_data_configuration, .alloc = 7, .flags = OP_NO_ATTENTION},
    [0x4A] = {.run = op_event, .flags = OP_NO_ATTENTION},
    [0x4E] = {.run = op_done, .flags = OP_MEDIUM}, /* STOP PLAY/SCAN: nothing plays */
    [0x51] = {.answer = atapi_data_disc, .alloc = 7, .flags = OP_MEDIUM},
    [0x52] = {.answer = atapi_data_track, .alloc = 7, .flags = OP_MEDIUM},
    [0x55] = {.run = op_mode_select},
    [0x5A] = {.run = op_mode_sense},
    [0xA8] = {.run = op_read12, .flags = OP_MEDIUM | OP_SEEK},
    [0xB9] = {.run = op_read_cd_msf, .flags = OP_MEDIUM | OP_SEEK},
    [0xBB] = {.run = op_done}, /* SET CD SPEED */
    [0xBD] = {.answer = atapi_data_mechanism, .alloc = 8},
    [0xBE] = {.run = op_read_cd, .flags = OP_MEDIUM | OP_SEEK},
};

static void run_packet(struct ide_unit *u)
{
    const u8 *packet = u->cd.packet;
    const struct packet_op *op = &ops[packet[0]];

    log_msg(u->ide->bus->log, LOG_DISK, "ide%u.%u: packet %02X %02X %02X%02X%02X%02X %02X %02X%02X %02X",
            u->channel->index, u->index, packet[0], packet[1], packet[2], packet[3], packet[4], packet[5], packet[6],
            packet[7], packet[8], packet[9]);
    if (u->cd.attention && !(op->flags & OP_NO_ATTENTION)) {
        u8 asc = u->cd.attention;
        u->cd.attention = 0;
        check(u, SENSE_ATTENTION, asc, 0);
        return;
    }
    if (packet[0] != 0x03)
        u->cd.sense = u->cd.asc = u->cd.ascq = 0;
    if ((op->flags & OP_MEDIUM) && atapi_sectors(u) == 0) {
        no_medium(u);
    } else if (op->run) {
        op->run(u);
    } else if (op->answer) {
        memset(u->buffer, 0, 256);
        unsigned n = op->answer(u, u->buffer);
        if (n == 0)
            check(u, SENSE_ILLEGAL, ASC_FIELD, 0);
        else
            reply(u, n, be16(packet + op->alloc));
    } else {
        check(u, SENSE_ILLEGAL, ASC_OPCODE, 0);
    }
}

static u64 atapi_step_ns(const struct ide_unit *u)
{
    if (u->cd.stage == ATAPI_PACKET)
        return ops[u->buffer[0]].flags & OP_SEEK ? CD_SEEK_NS : ATA_QUICK_NS;
    if (u->pos < u->len)
        return ATA_QUICK_NS / 2;
    return ATA_QUICK_NS + (u64)MIN(u->left, (u32)(IDE_BUFFER / CD_RAW_SECTOR)) * CD_SECTOR_NS;
}

/* ---- ATA commands of a packet device ---- */

static u64 atapi_latency(const struct ide_unit *u)
{
    return ATA_QUICK_NS;
}

static void set_features(struct ide_unit *u)
{
    bool ok = true;

    if (u->now.feature == 0x03)
        ok = ata_set_transfer_mode(u, u->now.count);
    else
        ok = u->now.feature == 0x66 || u->now.feature == 0xCC;
    ide_finish(u, ok ? 0 : ATA_ABRT);
}

static void atapi_execute(struct ide_unit *u)
{
    switch (u->command) {
    case CMD_PACKET:
        u->cd.stage = ATAPI_PACKET;
        u->cd.dma = u->now.feature & 1;
        u->cd.reply = 0;
        u->limit = IDE_BUFFER;
        ide_start_out(u, false);
        break;
    case CMD_IDENTIFY_PACKET:
        u->cd.stage = ATAPI_NONE;
        u->limit = IDE_BUFFER;
        ide_start_in(u);
        break;
    case 0x20: /* READ SECTORS */
    case 0xEC: /* IDENTIFY DEVICE: refused with the signature, so that a host finds out what is here */
        ide_signature(u);
        ide_finish(u, ATA_ABRT);
        break;
    case 0xE0:
    case 0xE1:
    case 0xE2:
    case 0xE3:
    case 0xE6:
        ide_finish(u, 0);
        break;
    case 0xE5: /* CHECK POWER MODE */
        u->now.count = 0xFF;
        ide_finish(u, 0);
        break;
    case 0xEF:
        set_features(u);
        break;
    default:
        ide_finish(u, ATA_ABRT);
    }
}

static void atapi_reset(struct ide_unit *u, bool hard)
{
    u->cd.stage = ATAPI_NONE;
    u->cd.reply = 0;
    u->cd.sense = u->cd.asc = u->cd.ascq = 0;
    u->limit = IDE_BUFFER;
    if (!hard)
        return;
    u->dma_mode = 0x22;
    u->cd.attention = ASC_RESET;
    u->cd.event = EVENT_NONE;
    u->cd.locked = u->cd.tray_open = u->cd.dma = false;
    u->cd.raw = RAW_USER_DATA;
    memset(u->cd.packet, 0, sizeof u->cd.packet);
    atapi_mode_reset(u);
}

void atapi_changed(struct ide_unit *u)
{
    u->cd.tray_open = false;
    u->cd.event = u->block ? EVENT_NEW_MEDIUM : EVENT_REMOVED;
    if (u->block)
        u->cd.attention = ASC_CHANGED;
    if (u->left > 0)
        check(u, SENSE_ATTENTION, ASC_CHANGED, 0);
}

bool atapi_valid(const struct ide_unit *u)
{
    return u->cd.stage < ATAPI_STAGES && u->cd.reply <= IDE_BUFFER && u->cd.event < EVENTS;
}

const struct ide_set atapi_set = {
    .latency = atapi_latency,
    .execute = atapi_execute,
    .fill = atapi_fill,
    .drain = atapi_drain,
    .step_ns = atapi_step_ns,
    .reset = atapi_reset,
};
