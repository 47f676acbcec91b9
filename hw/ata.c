#include "hw/ata.h"

/* What a command needs before it may run, and how it moves data. */
enum {
    CMD_EXT = 1,      /* 48-bit address and count */
    CMD_RANGE = 2,    /* has an address and a count: left and lba are set up */
    CMD_ADDRESS = 4,  /* has an address only */
    CMD_MULTIPLE = 8, /* blocks of several sectors; aborted while SET MULTIPLE MODE has not allowed them */
    CMD_OUT = 16,
    CMD_SLOW = 32, /* waits for the medium */
};

enum { CMD_IDENTIFY = 0xEC };

struct ata_command {
    void (*run)(struct ide_unit *u);
    u8 flags;
};

/* ---- Addresses ---- */

static u64 total_sectors(const struct ide_unit *u)
{
    return u->block->size / ATA_SECTOR;
}

/* The sector that the registers name, or IDNF. */
static u8 get_address(const struct ide_unit *u, bool ext, u64 *lba)
{
    const struct ide_taskfile *n = &u->now, *b = &u->before;
    u32 low24 = (u32)n->low | (u32)n->mid << 8 | (u32)n->high << 16;
    unsigned head = u->device & 0x0F;

    if (ext) {
        *lba = low24 | (u64)b->low << 24 | (u64)b->mid << 32 | (u64)b->high << 40;
    } else if (u->device & ATA_LBA) {
        *lba = low24 | head << 24;
    } else {
        unsigned cylinder = n->mid | n->high << 8;
        if (n->low == 0 || n->low > u->cur_sectors || head >= u->cur_heads)
            return ATA_IDNF;
        *lba = ((u64)cylinder * u->cur_heads + head) * u->cur_sectors + n->low - 1;
    }
    return *lba < total_sectors(u) ? 0 : ATA_IDNF;
}

static void set_head(struct ide_unit *u, unsigned head)
{
    struct ide_channel *c = u->channel;

    u->device = (u8)((u->device & 0xF0) | head);
    if ((c->device & ATA_DEV ? 1 : 0) == u->index)
        c->device = u->device;
}

/* Shows sector LBA in the registers, in the form that the command used. */
static void set_address(struct ide_unit *u, u64 lba, bool ext)
{
    u->now.low = (u8)lba;
    u->now.mid = (u8)(lba >> 8);
    u->now.high = (u8)(lba >> 16);
    if (ext) {
        u->before.low = (u8)(lba >> 24);
        u->before.mid = (u8)(lba >> 32);
        u->before.high = (u8)(lba >> 40);
    } else if (u->device & ATA_LBA) {
        set_head(u, lba >> 24 & 0x0F);
    } else {
        u64 track = lba / u->cur_sectors, cylinder = track / u->cur_heads;
        u->now.low = (u8)(lba % u->cur_sectors + 1);
        u->now.mid = (u8)cylinder;
        u->now.high = (u8)(cylinder >> 8);
        set_head(u, (unsigned)(track % u->cur_heads));
    }
}

static void set_count(struct ide_unit *u, u32 count, bool ext)
{
    u->now.count = (u8)count;
    if (ext)
        u->before.count = (u8)(count >> 8);
}

/* ---- The medium ---- */

static const struct ata_command *command_of(u8 code);

static bool is_ext(const struct ide_unit *u)
{
    return command_of(u->command)->flags & CMD_EXT;
}

/* One call of the block layer for N sectors at u->lba. */
static int access_block(struct ide_unit *u, u8 *data, u32 n)
{
    u64 offset = u->lba * ATA_SECTOR;
    size_t len = (size_t)n * ATA_SECTOR;
    return u->out ? block_write(u->block, offset, data, len) : block_read(u->block, offset, data, len);
}

/* Moves N sectors at u->lba between buffer and medium and counts them; returns how many went well, with *ERROR set if
 * not all. */
static u32 access_sectors(struct ide_unit *u, u32 n, u8 *error)
{
    u64 total = total_sectors(u);
    u32 good = 0;
    u32 inside = u->lba >= total ? 0 : (u32)MIN((u64)n, total - u->lba);
    int err = inside ? access_block(u, u->buffer, inside) : 0;

    *error = inside < n ? ATA_IDNF : 0;
    if (!err) {
        good = inside;
        u->lba += good;
    } else {
        /* Find the sector that is to blame. */
        while (good < inside && !(err = access_block(u, u->buffer + good * ATA_SECTOR, 1))) {
            good++;
            u->lba++;
        }
        if (good < inside) {
            *error = u->out ? ATA_ABRT : ATA_UNC;
            log_msg(u->ide->bus->log, LOG_ERROR, "ide%u.%u: %s sector %llu failed on the host: %s", u->channel->index,
                    u->index, u->out ? "writing" : "reading", (unsigned long long)u->lba, strerror(-err));
        }
    }
    u->left -= MIN(good, u->left);
    return good;
}

/* Ends a command that has an address: the registers name the last sector, or the one that failed. */
static void finish_range(struct ide_unit *u, u8 error)
{
    bool ext = is_ext(u);

    set_address(u, error || u->lba == 0 ? u->lba : u->lba - 1, ext);
    set_count(u, u->left, ext);
    ide_finish(u, error);
}

/* Sectors in the next block. */
static u32 block_sectors(const struct ide_unit *u)
{
    u32 most = IDE_BUFFER / ATA_SECTOR;

    if (u->phase != IDE_DMA)
        most = command_of(u->command)->flags & CMD_MULTIPLE ? MAX(u->multiple, 1u) : 1;
    return MIN(u->left, most);
}

static void identify(const struct ide_unit *u, u8 *id);

static bool ata_fill(struct ide_unit *u)
{
    u8 error = 0;

    u->pos = 0;
    if (u->command == CMD_IDENTIFY && u->phase == IDE_EXECUTE) {
        identify(u, u->buffer);
        u->len = ATA_SECTOR;
        return true;
    }
    u32 n = block_sectors(u);
    u32 good = n ? access_sectors(u, n, &error) : 0;
    u->len = good * ATA_SECTOR;
    if (good == 0) {
        finish_range(u, error);
        return false;
    }
    set_address(u, u->lba - 1, is_ext(u));
    set_count(u, u->left, is_ext(u));
    return true;
}

/* A write has to be on the medium before its interrupt while the write cache is off. */
static void finish_write(struct ide_unit *u)
{
    u8 error = 0;

    if (!u->write_cache && block_flush(u->block) < 0)
        error = ATA_ABRT;
    finish_range(u, error);
}

static bool ata_drain(struct ide_unit *u)
{
    u32 n = u->len / ATA_SECTOR;
    u8 error = 0;

    u->pos = 0;
    if (n > 0 && access_sectors(u, n, &error) < n) {
        finish_range(u, error);
        return false;
    }
    if (u->left == 0) {
        finish_write(u);
        return false;
    }
    u->len = block_sectors(u) * ATA_SECTOR;
    if (n > 0) {
        set_address(u, u->lba, is_ext(u));
        set_count(u, u->left, is_ext(u));
    }
    return true;
}

static u64 ata_step_ns(const struct ide_unit *u)
{
    return (u64)MAX(block_sectors(u), 1u) * ATA_SECTOR_NS;
}

/* ---- IDENTIFY DEVICE ---- */

void ata_put_word(u8 *id, unsigned word, unsigned value)
{
    st16(id + word * 2, (u16)value);
}

/* Words 1-6, 54-61 and 100-103: how large the disk is in all the ways in which it can be asked. */
static void identify_size(const struct ide_unit *u, u8 *id)
{
    u64 total = total_sectors(u);
    u32 current = (u32)u->cur_cylinders * u->cur_heads * u->cur_sectors;

    ata_put_word(id, 1, u->cylinders);
    ata_put_word(id, 3, u->heads);
    ata_put_word(id, 4, u->sectors * ATA_SECTOR);
    ata_put_word(id, 5, ATA_SECTOR);
    ata_put_word(id, 6, u->sectors);
    ata_put_word(id, 54, u->cur_cylinders);
    ata_put_word(id, 55, u->cur_heads);
    ata_put_word(id, 56, u->cur_sectors);
    st32(id + 57 * 2, current);
    st32(id + 60 * 2, (u32)MIN(total, (u64)0x0FFFFFFF));
    st64(id + 100 * 2, total);
}

/* Word 63 or 88: modes 0..HIGHEST, and the one that is in use if SET FEATURES chose from this family (BASE). */
static unsigned identify_modes(const struct ide_unit *u, unsigned base, unsigned highest)
{
    unsigned value = BIT(highest + 1) - 1;

    if ((u->dma_mode & 0xF8) == base)
        value |= BIT(8 + (u->dma_mode & 7));
    return value;
}

void ata_identify_transfer(const struct ide_unit *u, u8 *id)
{
    ata_put_word(id, 48, 1);      /* 32-bit data port */
    ata_put_word(id, 49, 0x0F00); /* DMA, LBA, IORDY */
    ata_put_word(id, 51, 0x0200);
    ata_put_word(id, 52, 0x0200);
    ata_put_word(id, 53, 0x0007); /* 54-58, 64-70 and 88 are valid */
    ata_put_word(id, 63, identify_modes(u, 0x20, 2));
    ata_put_word(id, 64, 0x0003); /* PIO 3 and 4 */
    for (unsigned word = 65; word <= 68; word++)
        ata_put_word(id, word, 120); /* ns a cycle */
    ata_put_word(id, 88, identify_modes(u, 0x40, 5));
    ata_put_word(id, 93, u->index ? 0x6B00 : 0x600B); /* what the reset found: 80-wire cable, jumpered */
}

static void identify(const struct ide_unit *u, u8 *id)
{
    memset(id, 0, ATA_SECTOR);
    ata_put_word(id, 0, 0x0040); /* fixed, not removable */
    ide_string(id + 10 * 2, u->serial, 20);
    ata_put_word(id, 20, 3);   /* buffer: dual ported, with read cache */
    ata_put_word(id, 21, 512); /* sectors of it */
    ata_put_word(id, 22, 4);   /* bytes that READ LONG would add */
    ide_string(id + 23 * 2, "0.1", 8);
    ide_string(id + 27 * 2, "OMBRA HARDDISK", 40);
    ata_put_word(id, 47, 0x8000 | ATA_MAX_MULTIPLE);
    ata_put_word(id, 50, 0x4000);
    ata_put_word(id, 59, u->multiple ? 0x0100u | u->multiple : 0);
    ata_put_word(id, 80, 0x0070); /* ATA-4 to ATA/ATAPI-6 */
    ata_put_word(id, 81, 0x0019); /* ATA/ATAPI-6 revision 3a */
    ata_put_word(id, 82, 0x4068); /* NOP, look-ahead, write cache, power management */
    ata_put_word(id, 83, 0x7400); /* FLUSH CACHE and EXT, 48-bit addresses */
    ata_put_word(id, 84, 0x4000);
    ata_put_word(id, 85, 0x4008 | (u->look_ahead ? 0x40 : 0) | (u->write_cache ? 0x20 : 0));
    ata_put_word(id, 86, 0x3400);
    ata_put_word(id, 87, 0x4000);
    ata_identify_transfer(u, id);
    identify_size(u, id);
}

/* ---- Commands ---- */

static void cmd_abort(struct ide_unit *u)
{
    ide_finish(u, ATA_ABRT);
}

static void cmd_read_pio(struct ide_unit *u)
{
    ide_start_in(u);
}

static void cmd_write_pio(struct ide_unit *u)
{
    ide_start_out(u, false);
}

static void cmd_dma(struct ide_unit *u)
{
    ide_start_dma(u);
}

/* Reads all of it and shows none. */
static void cmd_verify(struct ide_unit *u)
{
    u8 error = 0;

    while (u->left > 0 && !error)
        access_sectors(u, MIN(u->left, (u32)(IDE_BUFFER / ATA_SECTOR)), &error);
    finish_range(u, error);
}

/* SEEK: the address is right, that is all. */
static void cmd_seek(struct ide_unit *u)
{
    ide_finish(u, 0);
}

static void cmd_recalibrate(struct ide_unit *u)
{
    u->now.mid = u->now.high = 0;
    ide_finish(u, 0);
}

static void set_shape(struct ide_unit *u, unsigned heads, unsigned sectors)
{
    u64 cylinders = total_sectors(u) / (heads * sectors);

    u->cur_heads = (u8)heads;
    u->cur_sectors = (u8)sectors;
    u->cur_cylinders = (u16)MIN(cylinders, (u64)65535);
}

static void cmd_initialize_parameters(struct ide_unit *u)
{
    if (u->now.count == 0) {
        ide_finish(u, ATA_ABRT);
        return;
    }
    set_shape(u, (u->device & 0x0Fu) + 1, u->now.count);
    ide_finish(u, 0);
}

static void cmd_set_multiple(struct ide_unit *u)
{
    unsigned n = u->now.count;

    if (n > ATA_MAX_MULTIPLE || (n & (n - 1))) {
        ide_finish(u, ATA_ABRT);
        return;
    }
    u->multiple = (u8)n;
    ide_finish(u, 0);
}

static void cmd_flush(struct ide_unit *u)
{
    int err = block_flush(u->block);

    if (err < 0)
        log_msg(u->ide->bus->log, LOG_ERROR, "ide%u.%u: the host cannot make the disk image durable: %s",
                u->channel->index, u->index, strerror(-err));
    ide_finish(u, err < 0 ? ATA_ABRT : 0);
}

/* CHECK POWER MODE answers FFh while active or idle, 0 in standby. */
enum { POWER_STANDBY = 0x00, POWER_ACTIVE = 0xFF };

static void cmd_standby(struct ide_unit *u)
{
    u->power = POWER_STANDBY;
    cmd_flush(u); /* the platters stop: nothing may stay in the cache */
}

static void cmd_idle(struct ide_unit *u)
{
    u->power = POWER_ACTIVE;
    ide_finish(u, 0);
}

static void cmd_check_power(struct ide_unit *u)
{
    u->now.count = u->power;
    ide_finish(u, 0);
}

static void cmd_native_max(struct ide_unit *u)
{
    bool ext = is_ext(u);
    u64 last = total_sectors(u) - 1;

    if (!ext && (u->device & ATA_LBA))
        last = MIN(last, (u64)0x0FFFFFFF);
    set_address(u, last, ext);
    ide_finish(u, 0);
}

bool ata_set_transfer_mode(struct ide_unit *u, u8 mode)
{
    unsigned n = mode & 7;

    switch (mode >> 3) {
    case 0: /* PIO default, with or without IORDY */
        return n <= 1;
    case 1: /* PIO with flow control */
        return n <= 4;
    case 4: /* multiword DMA */
        u->dma_mode = mode;
        return n <= 2;
    case 8: /* Ultra DMA */
        u->dma_mode = mode;
        return n <= 5;
    default:
        return false;
    }
}

static void cmd_set_features(struct ide_unit *u)
{
    u8 old_mode = u->dma_mode;
    bool ok = true;

    switch (u->now.feature) {
    case 0x02:
        u->write_cache = true;
        break;
    case 0x82:
        u->write_cache = false;
        ok = block_flush(u->block) == 0;
        break;
    case 0x03:
        ok = ata_set_transfer_mode(u, u->now.count);
        if (!ok)
            u->dma_mode = old_mode;
        break;
    case 0x55:
        u->look_ahead = false;
        break;
    case 0xAA:
        u->look_ahead = true;
        break;
    case 0x66:
        u->revert = false;
        break;
    case 0xCC:
        u->revert = true;
        break;
    default:
        ok = false;
    }
    ide_finish(u, ok ? 0 : ATA_ABRT);
}

#define READ_PIO                                                                                                       \
    {                                                                                                                  \
        cmd_read_pio, CMD_RANGE | CMD_SLOW                                                                             \
    }
#define WRITE_PIO                                                                                                      \
    {                                                                                                                  \
        cmd_write_pio, CMD_RANGE | CMD_OUT                                                                             \
    }
#define READ_DMA                                                                                                       \
    {                                                                                                                  \
        cmd_dma, CMD_RANGE | CMD_SLOW                                                                                  \
    }
#define WRITE_DMA                                                                                                      \
    {                                                                                                                  \
        cmd_dma, CMD_RANGE | CMD_OUT                                                                                   \
    }
#define VERIFY                                                                                                         \
    {                                                                                                                  \
        cmd_verify, CMD_RANGE | CMD_SLOW                                                                               \
    }

/* By opcode. Recalibrate and seek take sixteen each. What is not here is aborted. */
static const struct ata_command commands[256] = {
    [0x10 ... 0x1F] = {cmd_recalibrate, CMD_SLOW},
    [0x20 ... 0x21] = READ_PIO,
    [0x24] = {cmd_read_pio, CMD_RANGE | CMD_SLOW | CMD_EXT},
    [0x25] = {cmd_dma, CMD_RANGE | CMD_SLOW | CMD_EXT},
    [0x27] = {cmd_native_max, CMD_EXT},
    [0x29] = {cmd_read_pio, CMD_RANGE | CMD_SLOW | CMD_EXT | CMD_MULTIPLE},
    [0x30 ... 0x31] = WRITE_PIO,
    [0x34] = {cmd_write_pio, CMD_RANGE | CMD_OUT | CMD_EXT},
    [0x35] = {cmd_dma, CMD_RANGE | CMD_OUT | CMD_EXT},
    [0x39] = {cmd_write_pio, CMD_RANGE | CMD_OUT | CMD_EXT | CMD_MULTIPLE},
    [0x3C] = WRITE_PIO, /* WRITE VERIFY */
    [0x40 ... 0x41] = VERIFY,
    [0x42] = {cmd_verify, CMD_RANGE | CMD_SLOW | CMD_EXT},
    [0x70 ... 0x7F] = {cmd_seek, CMD_ADDRESS | CMD_SLOW},
    [0x91] = {cmd_initialize_parameters, 0},
    [0x94] = {cmd_standby, 0},
    [0x95] = {cmd_idle, 0},
    [0x96] = {cmd_standby, 0},
    [0x97] = {cmd_idle, 0},
    [0x98] = {cmd_check_power, 0},
    [0x99] = {cmd_standby, 0}, /* SLEEP: a reset is not asked for to wake up */
    [0xC4] = {cmd_read_pio, CMD_RANGE | CMD_SLOW | CMD_MULTIPLE},
    [0xC5] = {cmd_write_pio, CMD_RANGE | CMD_OUT | CMD_MULTIPLE},
    [0xC6] = {cmd_set_multiple, 0},
    [0xC8 ... 0xC9] = READ_DMA,
    [0xCA ... 0xCB] = WRITE_DMA,
    [0xE0] = {cmd_standby, 0},
    [0xE1] = {cmd_idle, 0},
    [0xE2] = {cmd_standby, 0},
    [0xE3] = {cmd_idle, 0},
    [0xE5] = {cmd_check_power, 0},
    [0xE6] = {cmd_standby, 0},
    [0xE7] = {cmd_flush, CMD_SLOW},
    [0xEA] = {cmd_flush, CMD_SLOW | CMD_EXT},
    [CMD_IDENTIFY] = {cmd_read_pio, 0},
    [0xEF] = {cmd_set_features, 0},
    [0xF8] = {cmd_native_max, 0},
};

static const struct ata_command aborted = {cmd_abort, 0};

static const struct ata_command *command_of(u8 code)
{
    return commands[code].run ? &commands[code] : &aborted;
}

static u32 count_of(const struct ide_unit *u, bool ext)
{
    u32 count = u->now.count | (ext ? (u32)u->before.count << 8 : 0);
    return count ? count : ext ? 65536 : 256;
}

static u64 ata_latency(const struct ide_unit *u)
{
    const struct ata_command *cmd = command_of(u->command);

    if (cmd->run == cmd_verify)
        return ATA_EXECUTE_NS + (u64)count_of(u, cmd->flags & CMD_EXT) * ATA_SECTOR_NS;
    return cmd->flags & CMD_SLOW ? ATA_EXECUTE_NS : ATA_QUICK_NS;
}

/* Sets up lba and left of a command with an address. False: the command has ended with an error. */
static bool set_range(struct ide_unit *u, unsigned flags)
{
    bool ext = flags & CMD_EXT;
    u8 error = get_address(u, ext, &u->lba);

    if (!error && (flags & CMD_MULTIPLE) && u->multiple == 0)
        error = ATA_ABRT;
    if (error) {
        ide_finish(u, error);
        return false;
    }
    if (flags & CMD_RANGE) {
        u->left = count_of(u, ext);
        u->power = POWER_ACTIVE;
    }
    u->out = flags & CMD_OUT;
    return true;
}

static void ata_execute(struct ide_unit *u)
{
    const struct ata_command *cmd = command_of(u->command);

    if ((cmd->flags & (CMD_RANGE | CMD_ADDRESS)) && !set_range(u, cmd->flags))
        return;
    if (cmd == &aborted)
        log_msg(u->ide->bus->log, LOG_DISK, "ide%u.%u: command %02X is not one of this disk's: aborted",
                u->channel->index, u->index, u->command);
    cmd->run(u);
}

static void ata_reset(struct ide_unit *u, bool hard)
{
    if (hard || u->revert) {
        u->multiple = ATA_MAX_MULTIPLE;
        u->write_cache = u->look_ahead = true;
        set_shape(u, u->heads, u->sectors);
    }
    if (hard) {
        u->dma_mode = 0x22;
        u->revert = false;
    }
    u->power = POWER_ACTIVE;
    u->limit = IDE_BUFFER;
}

const struct ide_set ata_set = {
    .latency = ata_latency,
    .execute = ata_execute,
    .fill = ata_fill,
    .drain = ata_drain,
    .step_ns = ata_step_ns,
    .reset = ata_reset,
};
