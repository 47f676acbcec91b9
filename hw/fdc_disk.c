#include "hw/fdc_int.h"

/* Where the parameters of most data commands stand. */
enum { P_UNIT = 1, P_CYLINDER, P_HEAD, P_SECTOR, P_SIZE, P_EOT, P_GAP, P_DTL };
/* ... and those of FORMAT. */
enum { P_FORMAT_SIZE = 2, P_FORMAT_SECTORS, P_FORMAT_GAP, P_FORMAT_FILL };

enum { SIZE_512 = 2, VERIFY_COUNT = 0x80, FORMAT_ID_BYTES = 4 };

enum { RATE_500K, RATE_300K, RATE_250K, RATE_1M };

static const struct fdc_media shapes[] = {
    {160, 40, 1, 8, RATE_250K},   {180, 40, 1, 9, RATE_250K},   {320, 40, 2, 8, RATE_250K},
    {360, 40, 2, 9, RATE_250K},   {640, 80, 2, 8, RATE_250K},   {720, 80, 2, 9, RATE_250K},
    {800, 80, 2, 10, RATE_250K},  {1200, 80, 2, 15, RATE_500K}, {1440, 80, 2, 18, RATE_500K},
    {1680, 80, 2, 21, RATE_500K}, {1722, 82, 2, 21, RATE_500K}, {1743, 83, 2, 21, RATE_500K},
    {2880, 80, 2, 36, RATE_1M},
};

/* The shape of an image: by exact size, else the 1.44 or 2.88 MB floppy of which it is the beginning. */
static const struct fdc_media *shape_for(u64 size)
{
    const struct fdc_media *standard = NULL;

    for (unsigned i = 0; i < ARRAY_LEN(shapes); i++) {
        if (size == shapes[i].kib * 1024u)
            return &shapes[i];
        if (!standard && (shapes[i].kib == 1440 || shapes[i].kib == 2880) && size < shapes[i].kib * 1024u)
            standard = &shapes[i];
    }
    return standard ? standard : &shapes[ARRAY_LEN(shapes) - 1];
}

enum fdc_type fdc_disk_type(u64 size)
{
    const struct fdc_media *m = shape_for(size);

    if (m->tracks < 80)
        return FDC_360K;
    if (m->rate == RATE_1M)
        return FDC_2880K;
    if (m->rate == RATE_250K)
        return FDC_720K;
    return m->sectors == 15 ? FDC_1200K : FDC_1440K;
}

void fdc_disk_shape(struct fdc_drive *d)
{
    d->media = d->block ? *shape_for(d->block->size) : (struct fdc_media){0};
}

/* ---- Where the heads are ---- */

static unsigned code_of(const struct fdc *f)
{
    return f->command[0] & 0x1F;
}

static unsigned select_of(const struct fdc *f)
{
    return f->command[P_UNIT] & 3;
}

static unsigned side_of(const struct fdc *f)
{
    return f->command[P_UNIT] >> 2 & 1;
}

/* The disk's own track under the heads: a drive of 80 tracks passes each track of a disk of 40 twice. */
static unsigned media_track(const struct fdc_drive *d)
{
    return d->media.tracks < 80 && d->type != FDC_360K ? d->track / 2u : d->track;
}

/* Double density is 250 kbit/s, or 300 in a drive that turns faster; which one ours does, nobody says. */
static bool rate_fits(const struct fdc *f, const struct fdc_media *m)
{
    return f->rate == m->rate || (m->rate == RATE_250K && m->tracks < 80 && f->rate == RATE_300K);
}

/* True if anything can be read under the heads at this rate. */
static bool readable(struct fdc *f, unsigned side)
{
    const struct fdc_drive *d = fdc_selected(f, select_of(f));
    return d && d->block && (f->command[0] & CMD_MFM) && rate_fits(f, &d->media) && side < d->media.heads &&
           media_track(d) < d->media.tracks;
}

static u64 media_offset(const struct fdc_drive *d, unsigned side, unsigned sector)
{
    return (((u64)media_track(d) * d->media.heads + side) * d->media.sectors + sector - 1) * FDC_SECTOR;
}

/* A sector passes the head in an eighth of its real time. */
static u64 sector_ns(const struct fdc *f)
{
    static const u16 kbit[] = {500, 300, 250, 1000};
    return (FDC_SECTOR + 100) * 8000000ull / kbit[f->rate & 3] / 8;
}

/* ---- Ends ---- */

static void arm(struct fdc *f, u64 ns)
{
    timer_arm(&f->timer, clock_now(f->bus->clock) + ns);
}

/* The result phase: seven bytes and an interrupt. */
static void finish(struct fdc *f)
{
    u8 *r = f->result;

    f->dma.request(f->dma.ctx, FDC_DMA_CHANNEL, false);
    timer_cancel(&f->timer);
    r[0] = (u8)(f->st0 | (f->head ? ST0_HEAD : 0) | select_of(f));
    r[1] = f->st1;
    r[2] = f->st2;
    r[3] = f->cyl;
    r[4] = f->head;
    r[5] = f->sector;
    r[6] = f->size;
    fdc_results(f, FDC_DISK_RESULTS, true);
}

static void fail(struct fdc *f, u8 st0, u8 st1, u8 st2)
{
    f->st0 |= ST0_ABNORMAL | st0;
    f->st1 |= st1;
    f->st2 |= st2;
    finish(f);
}

/* ---- Finding sectors ---- */

/* Whether the sector of f->cyl/head/sector/size is under the heads. False: the command has ended. */
static bool find_sector(struct fdc *f)
{
    const struct fdc_drive *d = fdc_selected(f, select_of(f));

    if (!readable(f, f->head & 1)) {
        fail(f, 0, ST1_NO_MARK, 0);
        return false;
    }
    if (f->cyl != media_track(d)) {
        fail(f, 0, ST1_NO_DATA, f->cyl == 0xFF ? ST2_BAD_CYLINDER : ST2_WRONG_CYLINDER);
        return false;
    }
    if (f->sector == 0 || f->sector > d->media.sectors || f->size != SIZE_512) {
        fail(f, 0, ST1_NO_DATA, 0);
        return false;
    }
    return true;
}

/* Reads the current sector into the buffer. False: the command has ended. */
static bool load_sector(struct fdc *f, unsigned sector)
{
    const struct fdc_drive *d = fdc_selected(f, select_of(f));
    int err = block_read(d->block, media_offset(d, f->head & 1, sector), f->buffer, FDC_SECTOR);

    if (!err)
        return true;
    log_msg(f->bus->log, LOG_ERROR, "fdc: reading a floppy sector failed on the host: %s", strerror(-err));
    fail(f, 0, ST1_DATA, ST2_DATA);
    return false;
}

static bool store_sector(struct fdc *f, unsigned sector)
{
    const struct fdc_drive *d = fdc_selected(f, select_of(f));
    int err = block_write(d->block, media_offset(d, f->head & 1, sector), f->buffer, FDC_SECTOR);

    if (!err)
        return true;
    log_msg(f->bus->log, LOG_ERROR, "fdc: writing a floppy sector failed on the host: %s", strerror(-err));
    fail(f, ST0_EQUIPMENT, 0, 0);
    return false;
}

/* The last sector of the command's cylinder has been dealt with. */
static void end_of_cylinder(struct fdc *f)
{
    /* VERIFY has no data, so nobody could give it a terminal count: its end is a good one. */
    if (f->terminal_count || code_of(f) == FDC_VERIFY)
        finish(f);
    else
        fail(f, 0, ST1_END, 0);
}

/* Advances to the next sector of READ, WRITE or VERIFY. True if the command goes on there. */
static bool next_sector(struct fdc *f)
{
    bool multi = f->command[0] & CMD_MULTI_TRACK;
    bool last = f->sector == f->command[P_EOT];

    if (!last) {
        f->sector++;
    } else {
        f->sector = 1;
        if (multi)
            f->head ^= 1;
        if (!multi || !(f->head & 1)) { /* both sides are through, or there is to be one only */
            f->cyl++;
            end_of_cylinder(f);
            return false;
        }
    }
    if (f->terminal_count || f->st2 & ST2_MARK) {
        finish(f);
        return false;
    }
    return true;
}

/* ---- DMA and the host's bytes ---- */

static bool is_write(const struct fdc *f)
{
    return code_of(f) == FDC_WRITE || code_of(f) == FDC_WRITE_DELETED;
}

/*
 * Moves LEN bytes by DMA. False: the controller did not answer in time, and the command has ended with an overrun. A
 * terminal count in the middle ends the transfer; what is missing of a write is zero.
 */
static bool dma_move(struct fdc *f, unsigned len, bool to_memory)
{
    unsigned n = 0;

    if (f->dor & DOR_DMAGATE)
        n = f->dma.transfer(f->dma.ctx, FDC_DMA_CHANNEL, f->buffer, len, to_memory, &f->terminal_count);
    if (n < len && !f->terminal_count) {
        fail(f, 0, ST1_OVERRUN, 0);
        return false;
    }
    if (!to_memory)
        memset(f->buffer + n, 0, len - n);
    return true;
}

/* Bytes that pass in one go: what the FIFO is set to, or one. */
static u8 burst_of(const struct fdc *f)
{
    return f->config & CONFIG_NO_FIFO ? 1 : (u8)((f->config & CONFIG_THRESHOLD) + 1);
}

/* The host is to move LEN bytes of the buffer through the data register. */
static void open_window(struct fdc *f, unsigned len)
{
    f->phase = FDC_DATA;
    f->pos = 0;
    f->len = (u16)len;
    f->burst = burst_of(f);
    fdc_interrupt(f, true);
}

/* The host, or DMA, has taken or given the whole sector: stores it if it is to be, and goes on. */
static void sector_passed(struct fdc *f);

/* A byte has passed: the next is there at once, or after its time, or was the last. */
static void byte_passed(struct fdc *f)
{
    f->pos++;
    f->burst--;
    if (f->pos == f->len) {
        fdc_interrupt(f, false);
        f->phase = FDC_EXECUTE;
        f->burst = 0;
        sector_passed(f);
    } else if (f->burst == 0) {
        fdc_interrupt(f, false);
        arm(f, sector_ns(f) * burst_of(f) / FDC_SECTOR);
    }
}

u8 fdc_disk_read(struct fdc *f)
{
    if (f->burst == 0 || is_write(f) || code_of(f) == FDC_FORMAT)
        return 0;
    u8 value = f->buffer[f->pos];
    byte_passed(f);
    return value;
}

void fdc_disk_write(struct fdc *f, u8 value)
{
    if (f->burst == 0 || !(is_write(f) || code_of(f) == FDC_FORMAT))
        return;
    f->buffer[f->pos] = value;
    byte_passed(f);
}

/* ---- READ, WRITE, VERIFY ---- */

/* With data of the other kind: skip it (SK), or take it and stop after it. True if the sector is to be skipped. */
static bool wrong_kind(struct fdc *f)
{
    if (code_of(f) != FDC_READ_DELETED)
        return false;
    f->st2 |= f->command[0] & CMD_SKIP ? 0 : ST2_MARK;
    return f->command[0] & CMD_SKIP;
}

/* The time of a sector is over: READ and its kin. */
static void read_fired(struct fdc *f)
{
    if (!find_sector(f) || !load_sector(f, f->sector))
        return;
    if (wrong_kind(f)) {
        if (next_sector(f))
            arm(f, sector_ns(f));
        return;
    }
    if (!fdc_is_dma(f))
        open_window(f, FDC_SECTOR);
    else if (dma_move(f, FDC_SECTOR, true))
        sector_passed(f);
}

static void write_fired(struct fdc *f)
{
    if (!find_sector(f))
        return;
    if (!fdc_is_dma(f))
        open_window(f, FDC_SECTOR);
    else if (dma_move(f, FDC_SECTOR, false))
        sector_passed(f);
}

static void verify_fired(struct fdc *f)
{
    bool counted = f->command[P_UNIT] & VERIFY_COUNT;

    if (!find_sector(f) || !load_sector(f, f->sector))
        return;
    f->done++;
    f->terminal_count = counted && f->done >= (f->command[P_DTL] ? f->command[P_DTL] : 256);
    if (next_sector(f))
        arm(f, sector_ns(f));
}

/* ---- READ TRACK: all sectors in the order in which they pass, whatever their addresses ---- */

static void read_track_fired(struct fdc *f)
{
    const struct fdc_drive *d = fdc_selected(f, select_of(f));

    if (!readable(f, f->head & 1)) {
        fail(f, 0, ST1_NO_MARK, 0);
        return;
    }
    unsigned under = f->done % d->media.sectors + 1;
    if (f->cyl != media_track(d) || f->sector != under || f->size != SIZE_512)
        f->st1 |= ST1_NO_DATA;
    if (!load_sector(f, under))
        return;
    if (!fdc_is_dma(f))
        open_window(f, FDC_SECTOR);
    else if (dma_move(f, FDC_SECTOR, true))
        sector_passed(f);
}

static void track_sector_passed(struct fdc *f)
{
    f->done++;
    if (f->done >= MAX(f->command[P_EOT], 1u)) {
        end_of_cylinder(f);
        return;
    }
    f->sector++;
    if (f->terminal_count)
        finish(f);
    else
        arm(f, sector_ns(f));
}

/* ---- FORMAT: four bytes of address for each sector ---- */

static void format_fired(struct fdc *f)
{
    const struct fdc_drive *d = fdc_selected(f, select_of(f));

    if (!readable(f, f->head & 1)) { /* a format that the image cannot take */
        fail(f, ST0_EQUIPMENT, d && d->block ? 0 : ST1_NO_MARK, 0);
        return;
    }
    if (!fdc_is_dma(f))
        open_window(f, FORMAT_ID_BYTES);
    else if (dma_move(f, FORMAT_ID_BYTES, false))
        sector_passed(f);
}

/* An address has come: the sector is written full of the fill byte, if it is one that the image has. */
static void format_id_passed(struct fdc *f)
{
    const struct fdc_drive *d = fdc_selected(f, select_of(f));
    u8 id[FORMAT_ID_BYTES];

    memcpy(id, f->buffer, sizeof id);
    f->cyl = id[0];
    f->sector = id[2];
    f->size = id[3];
    if (id[0] == media_track(d) && id[2] >= 1 && id[2] <= d->media.sectors && id[3] == SIZE_512) {
        memset(f->buffer, f->command[P_FORMAT_FILL], FDC_SECTOR);
        if (!store_sector(f, id[2]))
            return;
    }
    f->done++;
    if (f->terminal_count || f->done >= f->command[P_FORMAT_SECTORS])
        finish(f);
    else
        arm(f, sector_ns(f));
}

/* ---- READ ID ---- */

static void read_id_fired(struct fdc *f)
{
    const struct fdc_drive *d = fdc_selected(f, select_of(f));

    if (!readable(f, f->head)) {
        fail(f, 0, ST1_NO_MARK, 0);
        return;
    }
    f->cyl = (u8)media_track(d);
    f->sector = (u8)(clock_now(f->bus->clock) % FDC_REVOLUTION_NS * d->media.sectors / FDC_REVOLUTION_NS + 1);
    f->size = SIZE_512;
    finish(f);
}

/* ---- Dispatch ---- */

static void sector_passed(struct fdc *f)
{
    if (!readable(f, f->head & 1)) { /* taken out meanwhile */
        fail(f, 0, ST1_NO_MARK, 0);
        return;
    }
    if (code_of(f) == FDC_FORMAT) {
        format_id_passed(f);
        return;
    }
    if (code_of(f) == FDC_READ_TRACK) {
        track_sector_passed(f);
        return;
    }
    if (is_write(f) && (!find_sector(f) || !store_sector(f, f->sector)))
        return;
    if (next_sector(f))
        arm(f, sector_ns(f));
}

void fdc_disk_fire(struct fdc *f)
{
    if (f->phase == FDC_DATA) { /* the FIFO has caught up */
        f->burst = burst_of(f);
        fdc_interrupt(f, true);
        return;
    }
    switch (code_of(f)) {
    case FDC_READ:
    case FDC_READ_DELETED:
        read_fired(f);
        break;
    case FDC_WRITE:
    case FDC_WRITE_DELETED:
        write_fired(f);
        break;
    case FDC_VERIFY:
        verify_fired(f);
        break;
    case FDC_READ_TRACK:
        read_track_fired(f);
        break;
    case FDC_FORMAT:
        format_fired(f);
        break;
    default:
        read_id_fired(f);
        break;
    }
}

/*
 * Takes the heads to the cylinder that the command names, and returns the time of it: as the data sheet says where
 * implied seeks are allowed, and quietly where they are not but the heads stand elsewhere.
 */
static u64 implied_seek(struct fdc *f)
{
    const struct fdc_drive *d = fdc_selected(f, select_of(f));
    unsigned select = select_of(f), cylinder = f->cyl, steps = 0;

    if (f->config & CONFIG_IMPLIED_SEEK && f->pcn[select] != cylinder) {
        f->pcn[select] = (u8)cylinder;
        f->st0 |= ST0_SEEK_END;
        steps = fdc_step_to(f, select, cylinder);
    }
    if (d && media_track(d) != cylinder && cylinder < d->media.tracks) {
        bool twice = d->media.tracks < 80 && d->type != FDC_360K;
        steps += fdc_step_to(f, select, twice ? 2 * cylinder : cylinder);
        f->pcn[select] = d->track;
    }
    return (u64)steps * FDC_STEP_NS;
}

void fdc_disk_start(struct fdc *f)
{
    unsigned code = code_of(f);
    const struct fdc_drive *d = fdc_selected(f, select_of(f));
    bool writes = is_write(f) || code == FDC_FORMAT;
    bool addressed = code != FDC_FORMAT && code != FDC_READ_ID;
    u64 ns = FDC_SETTLE_NS;

    f->phase = FDC_EXECUTE;
    f->st0 = f->st1 = f->st2 = 0;
    f->terminal_count = false;
    f->done = f->pos = f->len = 0;
    f->burst = 0;
    f->head = (u8)side_of(f);
    f->cyl = f->sector = f->size = 0;
    if (code == FDC_FORMAT)
        f->last_sector = f->command[P_FORMAT_SECTORS];
    if (addressed) {
        f->last_sector = f->command[P_EOT];
        f->cyl = f->command[P_CYLINDER];
        f->sector = f->command[P_SECTOR];
        f->size = f->command[P_SIZE];
        /* The address mark on the disk names the side; what the command says has to agree with it. */
        if (f->command[P_HEAD] != f->head) {
            f->head = f->command[P_HEAD];
            fail(f, 0, ST1_NO_DATA, 0);
            return;
        }
    }
    if (code == FDC_READ_TRACK)
        f->sector = 1;
    if (writes && d && d->block && d->block->readonly) {
        fail(f, 0, ST1_PROTECTED, 0);
        return;
    }
    if (addressed)
        ns += implied_seek(f);
    if (fdc_is_dma(f) && code != FDC_READ_ID && code != FDC_VERIFY)
        f->dma.request(f->dma.ctx, FDC_DMA_CHANNEL, true);
    arm(f, readable(f, f->head & 1) ? ns + sector_ns(f) : ns + 2 * FDC_REVOLUTION_NS);
}
