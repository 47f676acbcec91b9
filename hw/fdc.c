#include "hw/fdc.h"
#include "hw/fdc_int.h"

#include <errno.h>

enum {
    PORT_BASE = 0x3F2,
    PORT_DOR = 0x3F2,
    PORT_TDR = 0x3F3,
    PORT_MSR = 0x3F4, /* DSR when written */
    PORT_FIFO = 0x3F5,
    PORT_DIR = 0x3F7, /* CCR when written */
};

enum {
    DOR_SELECT = 0x03,
    DOR_RUN = 0x04, /* RESET#, active low */
    DOR_MOTOR0 = 0x10,
    DSR_RESET = 0x80,
    RATE = 0x03,
    RATE_500K = 0,
    MSR_RQM = 0x80,
    MSR_DIO = 0x40,
    MSR_NDMA = 0x20,
    MSR_BUSY = 0x10,
    DIR_CHANGED = 0x80,
    SPECIFY_NDMA = 0x01,
    VERSION_82077 = 0x90,
    INVALID = 0x80,
};

enum { TRACKS_MAX = 84, RECALIBRATE_STEPS = 79 };

struct fdc_command {
    u8 mask, code; /* of the first byte */
    u8 len;        /* bytes with parameters */
    bool disk;     /* one of fdc_disk.c's */
    void (*run)(struct fdc *f);
};

/* ---- Pins ---- */

void fdc_interrupt(struct fdc *f, bool level)
{
    f->interrupt = level;
    irq_set(&f->irq, level && (f->dor & DOR_DMAGATE));
}

bool fdc_is_dma(const struct fdc *f)
{
    return !(f->load_nondma & SPECIFY_NDMA);
}

static bool motor_on(const struct fdc *f, unsigned select)
{
    return f->dor & (DOR_MOTOR0 << select);
}

/* ---- Phases ---- */

static void to_command_phase(struct fdc *f)
{
    f->phase = FDC_COMMAND;
    f->command_len = 0;
}

void fdc_results(struct fdc *f, unsigned len, bool interrupt)
{
    f->phase = FDC_RESULT;
    f->result_len = (u8)len;
    f->result_pos = 0;
    if (interrupt)
        fdc_interrupt(f, true);
}

static void one_result(struct fdc *f, u8 value)
{
    f->result[0] = value;
    fdc_results(f, 1, false);
}

/* ---- Seeks ---- */

static unsigned drive_tracks(const struct fdc_drive *d)
{
    return d->type == FDC_360K ? TRACKS_MAX / 2 : TRACKS_MAX;
}

unsigned fdc_step_to(struct fdc *f, unsigned select, unsigned cylinder)
{
    struct fdc_drive *d = fdc_selected(f, select);

    if (!d)
        return 0;
    unsigned to = MIN(cylinder, drive_tracks(d) - 1);
    unsigned steps = to > d->track ? to - d->track : d->track - to;
    d->track = (u8)to;
    /* A step pulse clears the change line, but only if there is something in the drive. */
    if (steps > 0 && d->block)
        d->changed = false;
    return steps;
}

static void seek_to(struct fdc *f, unsigned select, unsigned cylinder, unsigned steps, u8 status)
{
    f->seek_target[select] = (u8)cylinder;
    f->seek_status[select] = status;
    f->seeking[select] = true;
    timer_arm(&f->seek_timer[select], clock_now(f->bus->clock) + FDC_SETTLE_NS + (u64)steps * FDC_STEP_NS);
    to_command_phase(f);
}

static void seek_fired(struct fdc *f, unsigned select)
{
    if (!f->seeking[select])
        return;
    f->seeking[select] = false;
    f->pcn[select] = f->seek_target[select];
    fdc_interrupt(f, true);
}

static void seek0_fired(void *ctx, u64 now)
{
    seek_fired(ctx, 0);
}

static void seek1_fired(void *ctx, u64 now)
{
    seek_fired(ctx, 1);
}

static void seek2_fired(void *ctx, u64 now)
{
    seek_fired(ctx, 2);
}

static void seek3_fired(void *ctx, u64 now)
{
    seek_fired(ctx, 3);
}

static void cmd_recalibrate(struct fdc *f)
{
    unsigned select = f->command[1] & 3;
    const struct fdc_drive *d = fdc_selected(f, select);
    u8 status = (u8)(ST0_SEEK_END | select);
    unsigned steps;

    if (d && d->track <= RECALIBRATE_STEPS) {
        steps = fdc_step_to(f, select, 0);
    } else {
        /* Track 0 does not come: no drive, or it stood further out than the pulses reach. */
        status |= ST0_ABNORMAL | ST0_EQUIPMENT;
        steps = d ? fdc_step_to(f, select, d->track - RECALIBRATE_STEPS) : RECALIBRATE_STEPS;
    }
    seek_to(f, select, 0, steps, status);
}

static void cmd_seek(struct fdc *f)
{
    unsigned select = f->command[1] & 3;
    u8 status = (u8)(ST0_SEEK_END | (f->command[1] & 7));

    f->head = f->command[1] >> 2 & 1;
    seek_to(f, select, f->command[2], fdc_step_to(f, select, f->command[2]), status);
}

static void cmd_relative_seek(struct fdc *f)
{
    unsigned select = f->command[1] & 3;
    const struct fdc_drive *d = fdc_selected(f, select);
    bool inward = f->command[0] & 0x40;
    unsigned n = f->command[2];
    unsigned track = d ? d->track : 0;
    unsigned to = inward ? track + n : track > n ? track - n : 0;
    u8 pcn = (u8)(inward ? f->pcn[select] + n : f->pcn[select] - n);

    seek_to(f, select, pcn, fdc_step_to(f, select, to), (u8)(ST0_SEEK_END | (f->command[1] & 7)));
}

/* ---- Other commands without data ---- */

static void cmd_specify(struct fdc *f)
{
    f->step_unload = f->command[1];
    f->load_nondma = f->command[2];
    to_command_phase(f);
}

static void cmd_sense_drive(struct fdc *f)
{
    unsigned select = f->command[1] & 3;
    const struct fdc_drive *d = fdc_selected(f, select);
    u8 st3 = (u8)(ST3_READY | ST3_TWO_SIDES | (f->command[1] & 7));

    if (d && d->track == 0)
        st3 |= ST3_TRACK0;
    if (d && d->block && d->block->readonly)
        st3 |= ST3_PROTECTED;
    one_result(f, st3);
}

static void cmd_sense_interrupt(struct fdc *f)
{
    if (f->reset_polls > 0) {
        unsigned select = FDC_SELECTS - f->reset_polls--;
        fdc_interrupt(f, false);
        f->result[0] = (u8)(ST0_POLLED | select);
        f->result[1] = f->pcn[select];
        fdc_results(f, 2, false);
        return;
    }
    for (unsigned i = 0; i < FDC_SELECTS; i++) {
        if (f->seeking[i] || !f->seek_status[i])
            continue;
        f->result[0] = f->seek_status[i];
        f->result[1] = f->pcn[i];
        f->seek_status[i] = 0;
        fdc_interrupt(f, false);
        /* Another drive's seek that ended meanwhile wants its own. */
        for (unsigned k = i + 1; k < FDC_SELECTS; k++)
            if (!f->seeking[k] && f->seek_status[k])
                fdc_interrupt(f, true);
        fdc_results(f, 2, false);
        return;
    }
    one_result(f, INVALID);
}

static void cmd_dumpreg(struct fdc *f)
{
    u8 *r = f->result;

    memcpy(r, f->pcn, FDC_SELECTS);
    r[4] = f->step_unload;
    r[5] = f->load_nondma;
    r[6] = f->last_sector;
    r[7] = (u8)((f->lock ? 0x80 : 0) | (f->perpendicular & 0x3F));
    r[8] = f->config;
    r[9] = f->precomp;
    fdc_results(f, 10, false);
}

static void cmd_configure(struct fdc *f)
{
    f->config = f->command[2] & 0x7F;
    f->precomp = f->command[3];
    to_command_phase(f);
}

static void cmd_perpendicular(struct fdc *f)
{
    u8 v = f->command[1];

    if (v & 0x80) /* the drives' bits change only with OW */
        f->perpendicular = v & 0x3F;
    else
        f->perpendicular = (f->perpendicular & 0x3C) | (v & 0x03);
    to_command_phase(f);
}

static void cmd_lock(struct fdc *f)
{
    f->lock = f->command[0] & 0x80;
    one_result(f, f->lock ? 0x10 : 0);
}

static void cmd_version(struct fdc *f)
{
    one_result(f, VERSION_82077);
}

/* What is not here, PART ID among it (the 82078 was the first to have that), is an invalid command. */
static const struct fdc_command commands[] = {
    {0x9F, FDC_READ_TRACK, 9, true, fdc_disk_start},
    {0xFF, 0x03, 3, false, cmd_specify},
    {0xFF, 0x04, 2, false, cmd_sense_drive},
    {0x3F, FDC_WRITE, 9, true, fdc_disk_start},
    {0x1F, FDC_READ, 9, true, fdc_disk_start},
    {0xFF, 0x07, 2, false, cmd_recalibrate},
    {0xFF, 0x08, 1, false, cmd_sense_interrupt},
    {0x3F, FDC_WRITE_DELETED, 9, true, fdc_disk_start},
    {0xBF, FDC_READ_ID, 2, true, fdc_disk_start},
    {0x1F, FDC_READ_DELETED, 9, true, fdc_disk_start},
    {0xBF, FDC_FORMAT, 6, true, fdc_disk_start},
    {0xFF, 0x0E, 1, false, cmd_dumpreg},
    {0xFF, 0x0F, 3, false, cmd_seek},
    {0xBF, 0x8F, 3, false, cmd_relative_seek},
    {0xFF, 0x10, 1, false, cmd_version},
    {0xFF, 0x12, 2, false, cmd_perpendicular},
    {0xFF, 0x13, 4, false, cmd_configure},
    {0x7F, 0x14, 1, false, cmd_lock},
    {0x1F, FDC_VERIFY, 9, true, fdc_disk_start},
};

static const struct fdc_command *find_command(u8 first)
{
    for (unsigned i = 0; i < ARRAY_LEN(commands); i++)
        if ((first & commands[i].mask) == commands[i].code)
            return &commands[i];
    return NULL;
}

/* ---- Reset ---- */

/* What a reset by DOR or DSR does; the RESET pin does more. */
static void soft_reset(struct fdc *f)
{
    timer_cancel(&f->timer);
    for (unsigned i = 0; i < FDC_SELECTS; i++) {
        timer_cancel(&f->seek_timer[i]);
        f->seeking[i] = false;
        f->seek_status[i] = 0;
        f->pcn[i] = 0;
    }
    if (!f->lock) {
        f->config = CONFIG_NO_FIFO;
        f->precomp = 0;
    }
    f->perpendicular &= 0x3C;
    f->reset_polls = 0;
    f->dma.request(f->dma.ctx, FDC_DMA_CHANNEL, false);
    to_command_phase(f);
    fdc_interrupt(f, false);
}

static void leave_reset(struct fdc *f)
{
    timer_arm(&f->timer, clock_now(f->bus->clock) + FDC_RESET_NS);
}

static void fire(void *ctx, u64 now)
{
    struct fdc *f = ctx;

    if (f->phase == FDC_EXECUTE || f->phase == FDC_DATA) {
        fdc_disk_fire(f);
    } else if (!(f->config & CONFIG_NO_POLL)) {
        /* Polling finds that all four drives have become ready. */
        f->reset_polls = FDC_SELECTS;
        fdc_interrupt(f, true);
    }
}

/* ---- Registers ---- */

static u8 read_msr(const struct fdc *f)
{
    u8 msr = 0;

    if (!(f->dor & DOR_RUN))
        return 0;
    for (unsigned i = 0; i < FDC_SELECTS; i++)
        if (f->seeking[i])
            msr |= BIT(i);
    switch (f->phase) {
    case FDC_COMMAND:
        return msr | MSR_RQM | (f->command_len ? MSR_BUSY : 0);
    case FDC_EXECUTE:
        return msr | MSR_BUSY | (fdc_is_dma(f) ? 0 : MSR_NDMA);
    case FDC_DATA: {
        unsigned code = f->command[0] & 0x1F;
        bool out = code == FDC_WRITE || code == FDC_WRITE_DELETED || code == FDC_FORMAT;
        return msr | MSR_BUSY | MSR_NDMA | (out ? 0 : MSR_DIO) | (f->burst ? MSR_RQM : 0);
    }
    default:
        return msr | MSR_RQM | MSR_DIO | MSR_BUSY;
    }
}

static u8 read_fifo(struct fdc *f)
{
    if (f->phase == FDC_DATA)
        return fdc_disk_read(f);
    if (f->phase != FDC_RESULT)
        return 0;
    if (f->result_pos == 0 && f->result_len == FDC_DISK_RESULTS)
        fdc_interrupt(f, false);
    u8 value = f->result[f->result_pos++];
    if (f->result_pos == f->result_len)
        to_command_phase(f);
    return value;
}

static void write_fifo(struct fdc *f, u8 value)
{
    if (!(f->dor & DOR_RUN))
        return;
    if (f->phase == FDC_DATA) {
        fdc_disk_write(f, value);
        return;
    }
    if (f->phase != FDC_COMMAND)
        return;
    f->command[f->command_len++] = value;
    const struct fdc_command *c = find_command(f->command[0]);
    if (!c) {
        log_msg(f->bus->log, LOG_DISK, "fdc: command %02X is invalid", value);
        one_result(f, INVALID);
        return;
    }
    if (f->command_len < c->len)
        return;
    log_msg(f->bus->log, LOG_DISK, "fdc: command %02X %02X %02X %02X %02X", f->command[0],
            c->len > 1 ? f->command[1] : 0, c->len > 2 ? f->command[2] : 0, c->len > 3 ? f->command[3] : 0,
            c->len > 4 ? f->command[4] : 0);
    if (c->run != cmd_sense_interrupt)
        f->reset_polls = 0; /* a host that does not ask does not care */
    c->run(f);
}

static void write_dor(struct fdc *f, u8 value)
{
    u8 was = f->dor;

    f->dor = value;
    if (was & ~value & DOR_RUN)
        soft_reset(f);
    if (~was & value & DOR_RUN)
        leave_reset(f);
    fdc_interrupt(f, f->interrupt);
}

static void write_dsr(struct fdc *f, u8 value)
{
    f->rate = value & RATE;
    if ((value & DSR_RESET) && (f->dor & DOR_RUN)) {
        soft_reset(f);
        leave_reset(f);
    }
}

static u8 read_dir(struct fdc *f)
{
    unsigned select = f->dor & DOR_SELECT;
    const struct fdc_drive *d = fdc_selected(f, select);
    return d && motor_on(f, select) && d->changed ? DIR_CHANGED : 0;
}

static u32 fdc_in(void *ctx, u16 port, unsigned size)
{
    struct fdc *f = ctx;

    switch (port) {
    case PORT_DOR:
        return f->dor;
    case PORT_TDR:
        return f->tdr;
    case PORT_MSR:
        return read_msr(f);
    case PORT_FIFO:
        return read_fifo(f);
    default:
        return read_dir(f);
    }
}

static void fdc_out(void *ctx, u16 port, u32 value, unsigned size)
{
    struct fdc *f = ctx;

    switch (port) {
    case PORT_DOR:
        write_dor(f, (u8)value);
        break;
    case PORT_TDR:
        f->tdr = value & 3;
        break;
    case PORT_MSR:
        write_dsr(f, (u8)value);
        break;
    case PORT_FIFO:
        write_fifo(f, (u8)value);
        break;
    default:
        f->rate = value & RATE;
        break;
    }
}

/* ---- The device ---- */

static void fdc_reset(void *self)
{
    struct fdc *f = self;

    f->lock = false;
    soft_reset(f);
    f->dor = f->tdr = 0;
    f->rate = RATE_500K; /* the data sheet says 250 kbit/s, but the Bochs BIOS relies on what its emulator has */
    f->step_unload = f->load_nondma = f->perpendicular = 0;
    f->cyl = f->head = f->sector = f->size = f->last_sector = 0;
    f->st0 = f->st1 = f->st2 = 0;
    f->terminal_count = false;
    f->done = f->pos = f->len = 0;
    f->burst = 0;
    fdc_interrupt(f, false);
}

static int fdc_loaded(void *self)
{
    struct fdc *f = self;
    bool tracks_valid = true;

    for (unsigned i = 0; i < FDC_DRIVES; i++) {
        if (f->drive[i].track < TRACKS_MAX)
            continue;
        f->drive[i].track = 0; /* a reset would leave it */
        tracks_valid = false;
    }
    if (!tracks_valid || f->phase >= FDC_PHASES || f->command_len > sizeof f->command ||
        (f->phase == FDC_COMMAND && f->command_len == sizeof f->command) || f->result_len > sizeof f->result ||
        f->result_pos > f->result_len || (f->phase == FDC_RESULT && f->result_pos == f->result_len) ||
        f->reset_polls > FDC_SELECTS || f->len > FDC_SECTOR || f->pos > f->len ||
        (f->phase == FDC_DATA && f->pos == f->len))
        return -EINVAL;
    fdc_interrupt(f, f->interrupt);
    return 0;
}

static const struct field drive_fields[] = {
    FIELD(struct fdc_drive, track),
    FIELD(struct fdc_drive, changed),
    FIELD_END,
};

static const struct field fdc_fields[] = {
    FIELD_SUBS(struct fdc, drive, drive_fields),
    FIELD(struct fdc, dor),
    FIELD(struct fdc, tdr),
    FIELD(struct fdc, rate),
    FIELD(struct fdc, phase),
    FIELD_BLOB(struct fdc, command),
    FIELD(struct fdc, command_len),
    FIELD_BLOB(struct fdc, result),
    FIELD(struct fdc, result_len),
    FIELD(struct fdc, result_pos),
    FIELD(struct fdc, interrupt),
    FIELD(struct fdc, reset_polls),
    FIELD_BLOB(struct fdc, seek_target),
    FIELD_BLOB(struct fdc, seek_status),
    FIELD_ARRAY(struct fdc, seeking),
    FIELD_BLOB(struct fdc, pcn),
    FIELD(struct fdc, step_unload),
    FIELD(struct fdc, load_nondma),
    FIELD(struct fdc, config),
    FIELD(struct fdc, precomp),
    FIELD(struct fdc, perpendicular),
    FIELD(struct fdc, lock),
    FIELD(struct fdc, last_sector),
    FIELD(struct fdc, cyl),
    FIELD(struct fdc, head),
    FIELD(struct fdc, sector),
    FIELD(struct fdc, size),
    FIELD(struct fdc, st0),
    FIELD(struct fdc, st1),
    FIELD(struct fdc, st2),
    FIELD(struct fdc, terminal_count),
    FIELD(struct fdc, done),
    FIELD(struct fdc, pos),
    FIELD(struct fdc, len),
    FIELD(struct fdc, burst),
    FIELD_BLOB(struct fdc, buffer),
    FIELD_TIMEOUT(struct fdc, timer),
    {"seek_timer", FIELD_TIMER, offsetof(struct fdc, seek_timer), sizeof(struct timer), FDC_SELECTS, NULL},
    FIELD_END,
};

const struct device_ops fdc_ops = {
    .name = "fdc",
    .state_version = 1,
    .state = fdc_fields,
    .reset = fdc_reset,
    .loaded = fdc_loaded,
};

static const struct io_ops fdc_io = {.in = fdc_in, .out = fdc_out, .sizes = 1};

void fdc_init(struct fdc *f, struct bus *bus, const struct isa_dma *dma, struct irq_line irq)
{
    static void (*const seek_fired_by[])(void *, u64) = {seek0_fired, seek1_fired, seek2_fired, seek3_fired};

    *f = (struct fdc){.bus = bus, .irq = irq, .dma = *dma};
    timer_init(bus->clock, &f->timer, "fdc", fire, f);
    for (unsigned i = 0; i < FDC_SELECTS; i++)
        timer_init(bus->clock, &f->seek_timer[i], "fdc seek", seek_fired_by[i], f);
    /* 3F6h between them is the IDE controller's. */
    bus->io_map(bus->ctx, PORT_BASE, PORT_FIFO + 1 - PORT_BASE, &fdc_io, f, "fdc");
    bus->io_map(bus->ctx, PORT_DIR, 1, &fdc_io, f, "fdc");
    fdc_reset(f);
}

void fdc_attach(struct fdc *f, unsigned unit, struct block *b)
{
    struct fdc_drive *d = &f->drive[unit % FDC_DRIVES];

    d->type = b ? fdc_disk_type(b->size) : FDC_1440K;
    fdc_insert(f, unit % FDC_DRIVES, b);
}

u8 fdc_cmos_type(const struct fdc *f, unsigned unit)
{
    return unit < FDC_DRIVES ? f->drive[unit].type : FDC_NONE;
}

int fdc_insert(struct fdc *f, unsigned unit, struct block *b)
{
    struct fdc_drive *d = fdc_selected(f, unit);

    if (!d)
        return -ENODEV;
    d->block = b;
    d->changed = true;
    fdc_disk_shape(d);
    return 0;
}
