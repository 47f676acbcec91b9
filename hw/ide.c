#include "hw/ide.h"
#include "hw/ata.h"

#include <errno.h>
#include <stdio.h>

enum {
    /* Ports of a channel, as offsets from 1F0h or 170h */
    REG_DATA,
    REG_ERROR, /* Features when written */
    REG_COUNT,
    REG_LOW,
    REG_MID,
    REG_HIGH,
    REG_DEVICE,
    REG_STATUS, /* Command when written */
    REGS,
};

enum {
    /* Bus master, 8 bytes a channel */
    BM_COMMAND = 0,
    BM_STATUS = 2,
    BM_TABLE = 4,
    BM_CHANNEL_BYTES = 8,
    BM_BYTES = 16,
    BM_START = 0x01, /* command */
    BM_TO_MEMORY = 0x08,
    BM_ACTIVE = 0x01, /* status */
    BM_ERROR = 0x02,
    BM_INTERRUPT = 0x04,
    BM_CAPABLE = 0x60,
    PRD_LAST = 0x8000,
};

enum { IDETIM = 0x40, SIDETIM = 0x44 };

static const u16 command_base[IDE_CHANNELS] = {0x1F0, 0x170};
static const u16 control_port[IDE_CHANNELS] = {0x3F6, 0x376};

static const struct ide_set *set_of(const struct ide_unit *u)
{
    return u->kind == IDE_CD ? &atapi_set : &ata_set;
}

static struct ide_unit *selected(struct ide_channel *c)
{
    return &c->unit[c->device & ATA_DEV ? 1 : 0];
}

static bool empty(const struct ide_channel *c)
{
    return c->unit[0].kind == IDE_NONE && c->unit[1].kind == IDE_NONE;
}

/* ---- Interrupts ---- */

static void update_line(struct ide_channel *c)
{
    bool level = selected(c)->intrq && !(c->control & ATA_NIEN);

    if (level && !c->line)
        c->bm_status |= BM_INTERRUPT;
    c->line = level;
    irq_set(&c->irq, level);
}

static void raise_irq(struct ide_unit *u)
{
    u->intrq = true;
    update_line(u->channel);
}

static void acknowledge(struct ide_unit *u)
{
    u->intrq = false;
    update_line(u->channel);
}

/* ---- Transfers ---- */

static void busy(struct ide_unit *u, enum ide_phase phase, u64 ns)
{
    u->status = (u->status & ~(ATA_DRQ | ATA_ERR)) | ATA_BSY;
    u->phase = phase;
    timer_arm(&u->timer, clock_now(u->ide->bus->clock) + ns);
}

void ide_finish(struct ide_unit *u, u8 error)
{
    u->phase = IDE_IDLE;
    u->error = error;
    u->status = ATA_DRDY | ATA_DSC | (error ? ATA_ERR : 0);
    u->left = 0;
    timer_cancel(&u->timer);
    raise_irq(u);
}

/* Opens a DRQ block on the data that pos and len describe. */
static void open_block(struct ide_unit *u, bool interrupt)
{
    u->stop = MIN(u->len, u->pos + u->limit);
    u->phase = u->out ? IDE_PIO_OUT : IDE_PIO_IN;
    u->status = ATA_DRDY | ATA_DSC | ATA_DRQ;
    if (u->kind == IDE_CD && u->cd.stage == ATAPI_PACKET) {
        u->now.count = ATAPI_COD;
    } else if (u->kind == IDE_CD && u->cd.stage == ATAPI_DATA) {
        u->now.count = u->out ? 0 : ATAPI_IO;
        u->now.mid = (u8)(u->stop - u->pos);
        u->now.high = (u8)((u->stop - u->pos) >> 8);
    }
    if (interrupt)
        raise_irq(u);
}

void ide_start_in(struct ide_unit *u)
{
    u->out = false;
    u->pos = u->len = 0;
    if (set_of(u)->fill(u))
        open_block(u, true);
}

void ide_start_out(struct ide_unit *u, bool interrupt)
{
    u->out = true;
    u->pos = u->len = 0;
    if (set_of(u)->drain(u))
        open_block(u, interrupt);
}

/* The host has moved the last byte of a DRQ block. */
static void close_block(struct ide_unit *u)
{
    const struct ide_set *set = set_of(u);

    if (u->cd.stage == ATAPI_NONE && !u->out && u->left == 0) {
        /* The last block of a read has had its interrupt already; only packet commands have one more. */
        u->phase = IDE_IDLE;
        u->status = ATA_DRDY | ATA_DSC;
        return;
    }
    busy(u, IDE_STEP, set->step_ns(u));
}

/* The time between two blocks is over. */
static void step(struct ide_unit *u)
{
    const struct ide_set *set = set_of(u);

    if (u->pos < u->len || (u->out ? set->drain(u) : set->fill(u)))
        open_block(u, true);
}

/* ---- Bus master ---- */

/* Reads the next descriptor; false after the last. */
static bool next_descriptor(struct ide_channel *c)
{
    u8 prd[8];

    if (c->bm_last)
        return false;
    c->ide->bus->dma_read(c->ide->bus->ctx, c->bm_next, prd, sizeof prd);
    c->bm_next += sizeof prd;
    c->bm_base = ld32(prd) & ~1u;
    c->bm_left = ld16(prd + 4) & ~1u;
    if (c->bm_left == 0)
        c->bm_left = 0x10000;
    c->bm_last = ld16(prd + 6) & PRD_LAST;
    return true;
}

/* Moves buffer[pos..len) as far as the descriptors go. */
static void move(struct ide_channel *c, struct ide_unit *u)
{
    struct bus *bus = c->ide->bus;

    while (u->pos < u->len) {
        if (c->bm_left == 0 && !next_descriptor(c))
            return;
        u32 n = MIN(u->len - u->pos, c->bm_left);
        if (u->out)
            bus->dma_read(bus->ctx, c->bm_base, u->buffer + u->pos, n);
        else
            bus->dma_write(bus->ctx, c->bm_base, u->buffer + u->pos, n);
        u->pos += n;
        c->bm_base += n;
        c->bm_left -= n;
    }
}

/*
 * The time of a DMA transfer is over: all of it happens now. If the descriptors end first, the bus master
 * stops without an interrupt and the drive keeps waiting, until it is started with more, or reset.
 */
static void run_dma(struct ide_unit *u)
{
    struct ide_channel *c = u->channel;
    const struct ide_set *set = set_of(u);

    if (!(c->bm_status & BM_ACTIVE))
        return;
    for (;;) {
        if (u->pos == u->len && !(u->out ? set->drain(u) : set->fill(u)))
            break; /* the interrupt is raised */
        move(c, u);
        if (u->pos < u->len) {
            c->bm_status &= ~BM_ACTIVE;
            u->status = ATA_DRDY | ATA_DSC | ATA_DRQ;
            return;
        }
    }
    if (c->bm_left == 0 && c->bm_last)
        c->bm_status &= ~BM_ACTIVE;
}

static u64 dma_ns(const struct ide_unit *u)
{
    u64 sectors = MAX(u->left, 1u);
    return sectors * (u->kind == IDE_CD ? 4 * ATA_SECTOR_NS : ATA_SECTOR_NS);
}

void ide_start_dma(struct ide_unit *u)
{
    u->pos = u->stop = u->len = 0;
    u->phase = IDE_DMA;
    if (u->channel->bm_status & BM_ACTIVE)
        timer_arm(&u->timer, clock_now(u->ide->bus->clock) + dma_ns(u));
}

static void bm_start(struct ide_channel *c)
{
    c->bm_status |= BM_ACTIVE;
    c->bm_next = c->bm_table;
    c->bm_left = 0;
    c->bm_last = false;
    for (unsigned i = 0; i < IDE_UNITS; i++) {
        struct ide_unit *u = &c->unit[i];
        if (u->phase == IDE_DMA)
            timer_arm(&u->timer, clock_now(c->ide->bus->clock) + dma_ns(u));
    }
}

static void bm_stop(struct ide_channel *c)
{
    c->bm_status &= ~BM_ACTIVE;
    for (unsigned i = 0; i < IDE_UNITS; i++)
        if (c->unit[i].phase == IDE_DMA)
            timer_cancel(&c->unit[i].timer);
}

static u32 bm_in(void *ctx, u16 port, unsigned size)
{
    struct ide *ide = ctx;
    unsigned offset = port & (BM_BYTES - 1);
    const struct ide_channel *c = &ide->channel[offset / BM_CHANNEL_BYTES];

    switch (offset % BM_CHANNEL_BYTES) {
    case BM_COMMAND:
        return c->bm_command;
    case BM_STATUS:
        return c->bm_status;
    case BM_TABLE:
    case BM_TABLE + 1:
    case BM_TABLE + 2:
    case BM_TABLE + 3:
        return c->bm_table >> (offset % 4 * 8) & 0xFF;
    default:
        return 0;
    }
}

static void bm_out(void *ctx, u16 port, u32 value, unsigned size)
{
    struct ide *ide = ctx;
    unsigned offset = port & (BM_BYTES - 1);
    struct ide_channel *c = &ide->channel[offset / BM_CHANNEL_BYTES];
    u8 was = c->bm_command;

    switch (offset % BM_CHANNEL_BYTES) {
    case BM_COMMAND:
        c->bm_command = value & (BM_START | BM_TO_MEMORY);
        if (~was & value & BM_START)
            bm_start(c);
        else if (was & ~value & BM_START)
            bm_stop(c);
        break;
    case BM_STATUS:
        c->bm_status &= ~(value & (BM_ERROR | BM_INTERRUPT));
        c->bm_status = (c->bm_status & ~BM_CAPABLE) | (value & BM_CAPABLE);
        break;
    case BM_TABLE:
    case BM_TABLE + 1:
    case BM_TABLE + 2:
    case BM_TABLE + 3: {
        unsigned shift = offset % 4 * 8;
        c->bm_table = ((c->bm_table & ~(0xFFu << shift)) | value << shift) & ~3u;
        break;
    }
    default:
        break;
    }
}

static const struct io_ops bm_io = {.in = bm_in, .out = bm_out, .sizes = 1};

static void bm_map(void *ctx, u64 base)
{
    struct ide *ide = ctx;

    if (ide->bm_handle > 0)
        ide->bus->io_unmap(ide->bus->ctx, ide->bm_handle);
    ide->bm_handle = 0;
    if (base != PCI_BAR_UNMAPPED && base <= 0xFFFF)
        ide->bm_handle = ide->bus->io_map(ide->bus->ctx, (u16)base, BM_BYTES, &bm_io, ide, "ide bus master");
}

/* ---- Reset and selection ---- */

void ide_signature(struct ide_unit *u)
{
    static const u8 mid[] = {[IDE_NONE] = 0xFF, [IDE_DISK] = 0x00, [IDE_CD] = 0x14};
    static const u8 high[] = {[IDE_NONE] = 0xFF, [IDE_DISK] = 0x00, [IDE_CD] = 0xEB};

    u->now = (struct ide_taskfile){
        .feature = u->now.feature, .count = 1, .low = 1, .mid = mid[u->kind], .high = high[u->kind]};
    u->before = (struct ide_taskfile){0};
}

/* Ends whatever the drive does and leaves it as after a reset, ready at once. */
static void reset_unit(struct ide_unit *u, bool hard)
{
    timer_cancel(&u->timer);
    u->phase = IDE_IDLE;
    u->pos = u->stop = u->len = u->left = 0;
    u->out = false;
    u->intrq = false;
    u->command = 0;
    u->error = 1; /* diagnostics passed */
    u->status = u->kind == IDE_DISK ? ATA_DRDY | ATA_DSC : 0;
    ide_signature(u);
    if (u->kind != IDE_NONE)
        set_of(u)->reset(u, hard);
}

/* Both drives of a channel at once: SRST and EXECUTE DEVICE DIAGNOSTIC. BSY for NS, or for ever if NS is CLOCK_NEVER.
 */
static void reset_channel(struct ide_channel *c, u64 ns)
{
    for (unsigned i = 0; i < IDE_UNITS; i++) {
        struct ide_unit *u = &c->unit[i];
        reset_unit(u, false);
        if (u->kind == IDE_NONE)
            continue;
        u->status = ATA_BSY;
        u->phase = IDE_RESET;
        if (ns != CLOCK_NEVER)
            timer_arm(&u->timer, clock_now(c->ide->bus->clock) + ns);
    }
    c->device = 0;
    update_line(c);
}

/* The time of a reset is over. */
static void reset_done(struct ide_unit *u)
{
    u->phase = IDE_IDLE;
    u->status = u->kind == IDE_DISK ? ATA_DRDY | ATA_DSC : 0;
    if (u->command == ATA_CMD_DIAGNOSTIC && u->index == 0)
        raise_irq(u);
    u->command = 0;
}

static void fire(void *ctx, u64 now)
{
    struct ide_unit *u = ctx;

    switch (u->phase) {
    case IDE_EXECUTE:
        set_of(u)->execute(u);
        break;
    case IDE_STEP:
        step(u);
        break;
    case IDE_DMA:
        run_dma(u);
        break;
    case IDE_RESET:
        reset_done(u);
        break;
    default:
        break;
    }
}

/* ---- Command block ---- */

static void write_command(struct ide_channel *c, u8 command)
{
    struct ide_unit *u = selected(c);
    bool device_reset = command == ATA_CMD_DEVICE_RESET && u->kind == IDE_CD;

    if (u->kind == IDE_NONE && !(command == ATA_CMD_DIAGNOSTIC && !empty(c)))
        return;
    if ((u->status & ATA_BSY) && (!device_reset || u->phase == IDE_RESET))
        return;
    log_msg(c->ide->bus->log, LOG_DISK, "ide%u.%u: command %02X feature %02X count %02X lba %02X %02X %02X device %02X",
            c->index, u->index, command, u->now.feature, u->now.count, u->now.high, u->now.mid, u->now.low, c->device);
    if (command == ATA_CMD_DIAGNOSTIC) {
        reset_channel(c, ATA_RESET_NS);
        c->unit[0].command = c->unit[1].command = command;
        return;
    }
    if (device_reset) {
        reset_unit(u, false);
        update_line(c);
        u->command = command;
        u->status = ATA_BSY;
        u->phase = IDE_RESET;
        timer_arm(&u->timer, clock_now(c->ide->bus->clock) + ATA_QUICK_NS);
        return;
    }
    acknowledge(u);
    u->command = command;
    u->device = c->device;
    u->error = 0;
    u->pos = u->stop = u->len = u->left = 0;
    u->out = false;
    busy(u, IDE_EXECUTE, set_of(u)->latency(u));
}

/* Registers are written in both drives; the one that is busy does not listen. */
static void write_register(struct ide_channel *c, unsigned reg, u8 value)
{
    c->control &= ~ATA_HOB;
    if (reg == REG_DEVICE) {
        c->device = value;
        update_line(c);
        return;
    }
    if (reg == REG_STATUS) {
        write_command(c, value);
        return;
    }
    for (unsigned i = 0; i < IDE_UNITS; i++) {
        struct ide_unit *u = &c->unit[i];
        u8 *now = &u->now.feature + (reg - REG_ERROR);
        u8 *before = &u->before.feature + (reg - REG_ERROR);
        if (u->status & ATA_BSY)
            continue;
        *before = *now;
        *now = value;
    }
}

static u8 read_register(struct ide_channel *c, unsigned reg)
{
    struct ide_unit *u = selected(c);

    if (empty(c))
        return 0;
    switch (reg) {
    case REG_ERROR:
        return c->control & ATA_HOB ? u->before.feature : u->error;
    case REG_DEVICE:
        return c->device | 0xA0;
    case REG_STATUS:
        acknowledge(u);
        return u->kind == IDE_NONE ? 0 : u->status;
    default: {
        const struct ide_taskfile *t = c->control & ATA_HOB ? &u->before : &u->now;
        return (&t->feature)[reg - REG_ERROR];
    }
    }
}

static u16 read_data(struct ide_channel *c)
{
    struct ide_unit *u = selected(c);

    if (u->phase != IDE_PIO_IN)
        return 0;
    u16 v = ld16(u->buffer + u->pos);
    u->pos = MIN(u->pos + 2, u->stop);
    if (u->pos == u->stop)
        close_block(u);
    return v;
}

static void write_data(struct ide_channel *c, u16 value)
{
    struct ide_unit *u = selected(c);

    if (u->phase != IDE_PIO_OUT)
        return;
    st16(u->buffer + u->pos, value);
    u->pos = MIN(u->pos + 2, u->stop);
    if (u->pos == u->stop)
        close_block(u);
}

/* The data port is 16 bits wide; a 32-bit access is two of them. Wider accesses of the other registers are bytes. */
static u32 command_in(void *ctx, u16 port, unsigned size)
{
    struct ide_channel *c = ctx;
    unsigned reg = port & (REGS - 1);
    u32 value = 0;

    if (reg == REG_DATA) {
        value = read_data(c);
        return size == 4 ? value | (u32)read_data(c) << 16 : value;
    }
    for (unsigned i = 0; i < size; i++)
        value |= (u32)read_register(c, reg + i) << (8 * i);
    return value;
}

static void command_out(void *ctx, u16 port, u32 value, unsigned size)
{
    struct ide_channel *c = ctx;
    unsigned reg = port & (REGS - 1);

    if (reg == REG_DATA) {
        write_data(c, (u16)value);
        if (size == 4)
            write_data(c, value >> 16);
        return;
    }
    for (unsigned i = 0; i < size; i++)
        write_register(c, reg + i, (u8)(value >> (8 * i)));
}

static u32 control_in(void *ctx, u16 port, unsigned size)
{
    struct ide_channel *c = ctx;
    const struct ide_unit *u = selected(c);
    return u->kind == IDE_NONE ? 0 : u->status;
}

static void control_out(void *ctx, u16 port, u32 value, unsigned size)
{
    struct ide_channel *c = ctx;
    u8 was = c->control;

    c->control = value & (ATA_HOB | ATA_SRST | ATA_NIEN);
    if (~was & value & ATA_SRST)
        reset_channel(c, CLOCK_NEVER);
    else if (was & ~value & ATA_SRST)
        reset_channel(c, ATA_RESET_NS);
    update_line(c);
}

static const struct io_ops command_io = {.in = command_in, .out = command_out, .sizes = 1 | 2 | 4};
static const struct io_ops control_io = {.in = control_in, .out = control_out, .sizes = 1};

/* ---- The device ---- */

static void ide_reset(void *self)
{
    struct ide *ide = self;

    pci_func_reset(&ide->pci);
    memset(ide->pci.config + IDETIM, 0, SIDETIM + 1 - IDETIM);
    for (unsigned i = 0; i < IDE_CHANNELS; i++) {
        struct ide_channel *c = &ide->channel[i];
        for (unsigned k = 0; k < IDE_UNITS; k++)
            reset_unit(&c->unit[k], true);
        c->device = c->control = 0;
        c->bm_command = c->bm_status = 0;
        c->bm_table = c->bm_next = c->bm_base = c->bm_left = 0;
        c->bm_last = false;
        update_line(c);
    }
}

static bool unit_valid(const struct ide_unit *u)
{
    bool pio = u->phase == IDE_PIO_IN || u->phase == IDE_PIO_OUT;
    bool transfer = pio || u->phase == IDE_STEP || u->phase == IDE_DMA;

    if (u->phase >= IDE_PHASES || u->len > IDE_BUFFER || u->limit == 0 || u->limit > IDE_BUFFER)
        return false;
    if ((transfer && u->pos > u->len) || (pio && (u->pos >= u->stop || u->stop > u->len)))
        return false;
    if ((u->kind == IDE_NONE && u->phase != IDE_IDLE) ||
        (u->kind == IDE_DISK && (u->left > 65536 || u->cd.stage != ATAPI_NONE)))
        return false;
    if (u->kind == IDE_CD && !atapi_valid(u))
        return false;
    return u->multiple <= ATA_MAX_MULTIPLE && u->cur_heads >= 1 && u->cur_heads <= 16 && u->cur_sectors >= 1;
}

static int ide_loaded(void *self)
{
    struct ide *ide = self;

    for (unsigned i = 0; i < IDE_CHANNELS * IDE_UNITS; i++)
        if (!unit_valid(&ide->channel[i / IDE_UNITS].unit[i % IDE_UNITS]))
            return -EINVAL;
    for (unsigned i = 0; i < IDE_CHANNELS; i++) {
        struct ide_channel *c = &ide->channel[i];
        if (c->bm_left > 0x10000)
            return -EINVAL;
        c->line = selected(c)->intrq && !(c->control & ATA_NIEN);
        irq_set(&c->irq, c->line);
    }
    return pci_func_restored(&ide->pci);
}

static const struct field taskfile_fields[] = {
    FIELD(struct ide_taskfile, feature), FIELD(struct ide_taskfile, count), FIELD(struct ide_taskfile, low),
    FIELD(struct ide_taskfile, mid),     FIELD(struct ide_taskfile, high),  FIELD_END,
};

static const struct field cd_fields[] = {
    FIELD_BLOB(struct ide_cd, packet),
    FIELD(struct ide_cd, stage),
    FIELD(struct ide_cd, sense),
    FIELD(struct ide_cd, asc),
    FIELD(struct ide_cd, ascq),
    FIELD(struct ide_cd, attention),
    FIELD(struct ide_cd, event),
    FIELD(struct ide_cd, tray_open),
    FIELD(struct ide_cd, locked),
    FIELD(struct ide_cd, dma),
    FIELD(struct ide_cd, reply),
    FIELD(struct ide_cd, raw),
    FIELD_BLOB(struct ide_cd, mode_recovery),
    FIELD_BLOB(struct ide_cd, mode_audio),
    FIELD_END,
};

static const struct field unit_fields[] = {
    FIELD_SUB(struct ide_unit, now, taskfile_fields),
    FIELD_SUB(struct ide_unit, before, taskfile_fields),
    FIELD(struct ide_unit, status),
    FIELD(struct ide_unit, error),
    FIELD(struct ide_unit, command),
    FIELD(struct ide_unit, device),
    FIELD(struct ide_unit, intrq),
    FIELD(struct ide_unit, cur_cylinders),
    FIELD(struct ide_unit, cur_heads),
    FIELD(struct ide_unit, cur_sectors),
    FIELD(struct ide_unit, multiple),
    FIELD(struct ide_unit, dma_mode),
    FIELD(struct ide_unit, write_cache),
    FIELD(struct ide_unit, look_ahead),
    FIELD(struct ide_unit, revert),
    FIELD(struct ide_unit, power),
    FIELD(struct ide_unit, phase),
    FIELD(struct ide_unit, out),
    FIELD(struct ide_unit, lba),
    FIELD(struct ide_unit, left),
    FIELD(struct ide_unit, pos),
    FIELD(struct ide_unit, stop),
    FIELD(struct ide_unit, len),
    FIELD(struct ide_unit, limit),
    FIELD_TIMEOUT(struct ide_unit, timer),
    FIELD_SUB(struct ide_unit, cd, cd_fields),
    FIELD_BLOB(struct ide_unit, buffer),
    FIELD_END,
};

static const struct field channel_fields[] = {
    FIELD_SUBS(struct ide_channel, unit, unit_fields),
    FIELD(struct ide_channel, device),
    FIELD(struct ide_channel, control),
    FIELD(struct ide_channel, bm_command),
    FIELD(struct ide_channel, bm_status),
    FIELD(struct ide_channel, bm_table),
    FIELD(struct ide_channel, bm_next),
    FIELD(struct ide_channel, bm_base),
    FIELD(struct ide_channel, bm_left),
    FIELD(struct ide_channel, bm_last),
    FIELD_END,
};

static const struct field ide_fields[] = {
    FIELD_SUB(struct ide, pci, pci_func_fields),
    FIELD_SUBS(struct ide, channel, channel_fields),
    FIELD_END,
};

const struct device_ops ide_ops = {
    .name = "ide",
    .state_version = 1,
    .state = ide_fields,
    .reset = ide_reset,
    .loaded = ide_loaded,
};

void ide_init(struct ide *ide, struct bus *bus, struct pci_bus *pci, unsigned devfn, const struct irq_line irq[2])
{
    static const char *const timer_names[] = {"ide0.0", "ide0.1", "ide1.0", "ide1.1"};

    *ide = (struct ide){.bus = bus};
    pci_func_init(&ide->pci, pci, devfn, "ide", ide, 0x8086, 0x7010, 0x010180, 0);
    memset(ide->pci.writable + IDETIM, 0xFF, SIDETIM + 1 - IDETIM);
    pci_func_bar(&ide->pci, 4, PCI_BAR_IO, BM_BYTES, false, bm_map);
    for (unsigned i = 0; i < IDE_CHANNELS; i++) {
        struct ide_channel *c = &ide->channel[i];
        c->ide = ide;
        c->index = (u8)i;
        c->irq = irq[i];
        for (unsigned k = 0; k < IDE_UNITS; k++) {
            struct ide_unit *u = &c->unit[k];
            u->ide = ide;
            u->channel = c;
            u->index = (u8)k;
            u->limit = IDE_BUFFER;
            u->cur_heads = u->cur_sectors = 1;
            timer_init(bus->clock, &u->timer, timer_names[i * IDE_UNITS + k], fire, u);
        }
        bus->io_map(bus->ctx, command_base[i], REGS, &command_io, c, "ide");
        bus->io_map(bus->ctx, control_port[i], 1, &control_io, c, "ide control");
    }
}

static struct ide_unit *attach(struct ide *ide, unsigned chan, unsigned unit, enum ide_kind kind, struct block *b)
{
    struct ide_unit *u = &ide->channel[chan & 1].unit[unit & 1];

    u->kind = kind;
    u->block = b;
    snprintf(u->serial, sizeof u->serial, "OM%05u", (chan & 1) * IDE_UNITS + (unit & 1) + 1);
    return u;
}

void ide_attach_disk(struct ide *ide, unsigned chan, unsigned unit, struct block *b, u32 cylinders, unsigned heads,
                     unsigned sectors)
{
    struct ide_unit *u = attach(ide, chan, unit, IDE_DISK, b);

    u->cylinders = cylinders;
    u->heads = (u8)heads;
    u->sectors = (u8)sectors;
    reset_unit(u, true);
}

void ide_attach_cd(struct ide *ide, unsigned chan, unsigned unit, struct block *b)
{
    reset_unit(attach(ide, chan, unit, IDE_CD, b), true);
}

int ide_cd_insert(struct ide *ide, unsigned chan, unsigned unit, struct block *b)
{
    struct ide_unit *u = &ide->channel[chan & 1].unit[unit & 1];

    if (u->kind != IDE_CD)
        return -ENODEV;
    u->block = b;
    atapi_changed(u);
    return 0;
}

bool ide_cd_locked(const struct ide *ide, unsigned chan, unsigned unit)
{
    const struct ide_unit *u = &ide->channel[chan & 1].unit[unit & 1];
    return u->kind == IDE_CD && u->cd.locked;
}

void ide_string(u8 *to, const char *text, unsigned len)
{
    size_t n = strlen(text);

    for (unsigned i = 0; i < len; i++)
        to[i ^ 1] = i < n ? (u8)text[i] : ' ';
}
