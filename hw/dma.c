#include "hw/dma.h"

#include <errno.h>

enum {
    COMMAND_DISABLE = 0x04,

    MODE_TYPE = 0x0C,
    TYPE_WRITE = 0x04, /* to memory; type 0 is verify */
    TYPE_READ = 0x08,  /* from memory */
    MODE_AUTOINIT = 0x10,
    MODE_DECREMENT = 0x20,
    MODE_SELECT = 0xC0,
    SELECT_CASCADE = 0xC0,

    REG_STATUS = 8, /* read; command when written */
    REG_REQUEST = 9,
    REG_MASK = 10,
    REG_MODE = 11,
    REG_FLIP_FLOP = 12,
    REG_CLEAR = 13, /* master clear; temporary register when read */
    REG_UNMASK = 14,
    REG_ALL_MASKS = 15,
};

enum { POST_PORT = 0x80 }; /* no channel's page: a PC's test code is shown here, and the register keeps it */

/* Where each channel's page register lies in 80h-8Fh. Channel 4 moves nothing; 8Fh is the refresh page. */
static const u8 page_index[8] = {7, 3, 1, 2, 15, 11, 9, 10};

/* --- transfers --- */

static bool chip_on(const struct dma *dma, unsigned chip)
{
    return !(dma->chip[chip].command & COMMAND_DISABLE);
}

/* Channels 0-3 reach the bus only through channel 4 in cascade mode. */
static bool dma_ready(void *ctx, unsigned chan)
{
    const struct dma *dma = ctx;
    const struct dma_chip *chip = &dma->chip[chan >> 2 & 1];
    const struct dma_chip *second = &dma->chip[1];

    if (chan > 7 || !chip_on(dma, chan >> 2) || (chip->mask & BIT(chan & 3)) ||
        (chip->chan[chan & 3].mode & MODE_SELECT) == SELECT_CASCADE)
        return false;
    return chan >= 4 ||
           (chip_on(dma, 1) && !(second->mask & 1) && (second->chan[0].mode & MODE_SELECT) == SELECT_CASCADE);
}

/* Guest-physical address of the channel's current byte or word. The 16-bit address counter does not carry into the
 * page. */
static u64 address(const struct dma *dma, unsigned chan)
{
    u64 page = dma->page[page_index[chan]];
    u16 addr = dma->chip[chan >> 2].chan[chan & 3].addr;

    return chan < 4 ? page << 16 | addr : (page & 0xFE) << 16 | (u64)addr << 1;
}

/* Moves LEN bytes at rising addresses, if the guest asked for this direction. */
static void move(struct dma *dma, unsigned chan, u8 *buf, unsigned len, bool to_memory)
{
    u8 type = dma->chip[chan >> 2].chan[chan & 3].mode & MODE_TYPE;

    if (to_memory && type == TYPE_WRITE)
        dma->bus->dma_write(dma->bus->ctx, address(dma, chan), buf, len);
    else if (!to_memory && type == TYPE_READ)
        dma->bus->dma_read(dma->bus->ctx, address(dma, chan), buf, len);
    else if (!to_memory)
        memset(buf, 0xFF, len);
}

/* What terminal count does to a channel. */
static void terminal_count(struct dma_chip *chip, unsigned n)
{
    struct dma_channel *c = &chip->chan[n];

    chip->tc |= BIT(n);
    if (c->mode & MODE_AUTOINIT) {
        c->addr = c->base_addr;
        c->count = c->base_count;
    } else {
        chip->mask |= BIT(n);
    }
}

static unsigned dma_transfer(void *ctx, unsigned chan, u8 *buf, unsigned len, bool to_memory, bool *tc)
{
    struct dma *dma = ctx;

    *tc = false;
    if (!dma_ready(dma, chan))
        return 0;

    struct dma_chip *chip = &dma->chip[chan >> 2];
    struct dma_channel *c = &chip->chan[chan & 3];
    unsigned unit = chan < 4 ? 1 : 2;
    unsigned units = MIN(len / unit, c->count + 1u);
    for (unsigned done = 0; done < units;) {
        bool down = c->mode & MODE_DECREMENT;
        unsigned run = down ? 1 : MIN(units - done, 0x10000u - c->addr);
        move(dma, chan, buf + done * unit, run * unit, to_memory);
        c->addr += down ? 0xFFFFu : run;
        done += run;
    }
    *tc = units == c->count + 1u;
    c->count -= units;
    if (*tc)
        terminal_count(chip, chan & 3);
    return units * unit;
}

static void dma_request(void *ctx, unsigned chan, bool level)
{
    struct dma *dma = ctx;
    if (chan > 7)
        return;
    struct dma_chip *chip = &dma->chip[chan >> 2];
    chip->dreq = level ? chip->dreq | BIT(chan & 3) : chip->dreq & ~BIT(chan & 3);
}

/* A software request (it ignores the mask) with no device to answer: the channel counts to its end. */
static void software_request(struct dma_chip *chip, unsigned n)
{
    struct dma_channel *c = &chip->chan[n];

    if ((chip->command & COMMAND_DISABLE) || (c->mode & MODE_SELECT) == SELECT_CASCADE)
        return;
    u16 units = c->count + 1u;
    c->addr += c->mode & MODE_DECREMENT ? -units : units;
    c->count = 0xFFFF;
    terminal_count(chip, n);
}

struct isa_dma dma_port(struct dma *dma)
{
    return (struct isa_dma){.ctx = dma, .request = dma_request, .transfer = dma_transfer, .ready = dma_ready};
}

/* --- registers --- */

static void chip_clear(struct dma_chip *chip)
{
    chip->command = 0;
    chip->tc = 0;
    chip->high = false;
    chip->mask = 0x0F;
}

/* Half of a 16-bit register by the flip-flop, which then turns. */
static void write_half(struct dma_chip *chip, u16 *base, u16 *current, u8 v)
{
    *base = chip->high ? (*base & 0x00FF) | v << 8 : (*base & 0xFF00) | v;
    *current = chip->high ? (*current & 0x00FF) | v << 8 : (*current & 0xFF00) | v;
    chip->high = !chip->high;
}

static void write_chip(struct dma_chip *chip, unsigned reg, u8 v)
{
    struct dma_channel *c = &chip->chan[reg < 8 ? reg >> 1 : v & 3];

    switch (reg) {
    case REG_STATUS:
        chip->command = v;
        break;
    case REG_REQUEST:
        if (v & 4)
            software_request(chip, v & 3);
        break;
    case REG_MASK:
        chip->mask = v & 4 ? chip->mask | BIT(v & 3) : chip->mask & ~BIT(v & 3);
        break;
    case REG_MODE:
        c->mode = v & ~3;
        break;
    case REG_FLIP_FLOP:
        chip->high = false;
        break;
    case REG_CLEAR:
        chip_clear(chip);
        break;
    case REG_UNMASK:
        chip->mask = 0;
        break;
    case REG_ALL_MASKS:
        chip->mask = v & 0x0F;
        break;
    default:
        if (reg & 1)
            write_half(chip, &c->base_count, &c->count, v);
        else
            write_half(chip, &c->base_addr, &c->addr, v);
        break;
    }
}

static u8 read_chip(struct dma_chip *chip, unsigned reg)
{
    if (reg < 8) {
        const struct dma_channel *c = &chip->chan[reg >> 1];
        u16 v = reg & 1 ? c->count : c->addr;
        bool high = chip->high;
        chip->high = !high;
        return high ? v >> 8 : v;
    }
    u8 status = chip->dreq << 4 | chip->tc;
    switch (reg) {
    case REG_STATUS:
        chip->tc = 0;
        return status;
    case REG_CLEAR:
        return 0; /* the temporary register serves memory-to-memory transfers only */
    case REG_ALL_MASKS:
        return chip->mask;
    default:
        return 0xFF;
    }
}

static void dma1_out(void *ctx, u16 port, u32 value, unsigned size)
{
    struct dma *dma = ctx;
    write_chip(&dma->chip[0], port & 15, value);
}

static u32 dma1_in(void *ctx, u16 port, unsigned size)
{
    struct dma *dma = ctx;
    return read_chip(&dma->chip[0], port & 15);
}

/* The second controller's registers are at even ports; address line 0 is not decoded. */
static void dma2_out(void *ctx, u16 port, u32 value, unsigned size)
{
    struct dma *dma = ctx;
    write_chip(&dma->chip[1], port >> 1 & 15, value);
}

static u32 dma2_in(void *ctx, u16 port, unsigned size)
{
    struct dma *dma = ctx;
    return read_chip(&dma->chip[1], port >> 1 & 15);
}

static void page_out(void *ctx, u16 port, u32 value, unsigned size)
{
    struct dma *dma = ctx;
    if (port == POST_PORT)
        log_msg(dma->bus->log, LOG_POST, "%02X", value);
    dma->page[port & 15] = value;
}

static u32 page_in(void *ctx, u16 port, unsigned size)
{
    struct dma *dma = ctx;
    return dma->page[port & 15];
}

/* --- life --- */

static const struct io_ops dma1_io = {.in = dma1_in, .out = dma1_out, .sizes = 1};
static const struct io_ops dma2_io = {.in = dma2_in, .out = dma2_out, .sizes = 1};
static const struct io_ops page_io = {.in = page_in, .out = page_out, .sizes = 1};

static void dma_reset(void *self)
{
    struct dma *dma = self;

    for (unsigned i = 0; i < 2; i++) {
        u8 dreq = dma->chip[i].dreq; /* the devices' lines, not ours */
        dma->chip[i] = (struct dma_chip){.dreq = dreq};
        chip_clear(&dma->chip[i]);
    }
    memset(dma->page, 0, sizeof dma->page);
}

static int dma_loaded(void *self)
{
    const struct dma *dma = self;

    for (unsigned i = 0; i < 2; i++) {
        const struct dma_chip *chip = &dma->chip[i];
        if ((chip->tc | chip->dreq | chip->mask) & 0xF0)
            return -EINVAL;
    }
    return 0;
}

static const struct field channel_fields[] = {
    FIELD(struct dma_channel, base_addr), FIELD(struct dma_channel, base_count), FIELD(struct dma_channel, addr),
    FIELD(struct dma_channel, count),     FIELD(struct dma_channel, mode),       FIELD_END,
};

static const struct field chip_fields[] = {
    FIELD_SUBS(struct dma_chip, chan, channel_fields),
    FIELD(struct dma_chip, command),
    FIELD(struct dma_chip, tc),
    FIELD(struct dma_chip, dreq),
    FIELD(struct dma_chip, mask),
    FIELD(struct dma_chip, high),
    FIELD_END,
};

static const struct field dma_fields[] = {
    FIELD_SUBS(struct dma, chip, chip_fields),
    FIELD_BLOB(struct dma, page),
    FIELD_END,
};

const struct device_ops dma_ops = {
    .name = "dma",
    .state_version = 1,
    .state = dma_fields,
    .reset = dma_reset,
    .loaded = dma_loaded,
};

void dma_init(struct dma *dma, struct bus *bus)
{
    *dma = (struct dma){.bus = bus};
    bus->io_map(bus->ctx, 0x00, 16, &dma1_io, dma, "8237 channels 0-3");
    bus->io_map(bus->ctx, 0xC0, 32, &dma2_io, dma, "8237 channels 4-7");
    bus->io_map(bus->ctx, 0x80, 16, &page_io, dma, "DMA pages");
    dma_reset(dma);
}
