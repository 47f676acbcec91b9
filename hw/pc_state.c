/*
 * pc_state.c - what a machine is made of as named state: saving, loading, hashing; and what a person changes
 * under it: media and the clock chip's memory.
 *
 * Order of loading: everything is reset, then all fields are written, the clock's among them, and only then does
 * anybody act on them: the processor, then the devices, which re-drive their lines and redo their mappings.
 */
#include "hw/pc_int.h"
#include <errno.h>
#include <stdio.h>

/* ---- the parts that are not devices ---- */

/* What must be equal for a state to fit. */
struct pc_identity {
    u64 ram;
    u32 model;    /* hash of the processor model's name */
    u32 drives;   /* struct pc */
    u64 devices;  /* hash of their names */
    u64 firmware; /* hash of what the ROMs hold */
};

static const struct field identity_fields[] = {
    FIELD(struct pc_identity, ram),     FIELD(struct pc_identity, model),    FIELD(struct pc_identity, drives),
    FIELD(struct pc_identity, devices), FIELD(struct pc_identity, firmware), FIELD_END,
};

static const struct field clock_fields[] = {
    FIELD(struct clock, offset),
    FIELD(struct clock, rate_ps),
    FIELD_END,
};

/* Of the machine itself. */
static const struct field board_fields[] = {
    FIELD(struct pc, nmi_masked),
    FIELD(struct pc, want_reset),
    FIELD(struct pc, want_off),
    FIELD(struct pc, triple),
    FIELD_END,
};

enum { STATE_VERSION = 1, BIOS_PART = 0x10000 };

/* Enough to tell one BIOS from another: the 64 KiB before 4 GiB, which no guest can change, and the display's ROM. */
static u64 hash_firmware(struct pc *pc)
{
    u8 bios[BIOS_PART];
    phys_read(&pc->mem.phys, ((u64)1 << 32) - BIOS_PART, bios, BIOS_PART);
    u64 hash = state_hash_bytes(0, bios, BIOS_PART);
    return pc->vga.rom ? state_hash_bytes(hash, pc->vga.rom, VGA_ROM_SIZE) : hash;
}

static struct pc_identity identity_of(struct pc *pc)
{
    const char *model = pc->cpu->model->name;
    struct pc_identity id = {.ram = pc->mem.ram,
                             .model = (u32)state_hash_bytes(0, model, strlen(model)),
                             .drives = pc->drives,
                             .firmware = hash_firmware(pc)};
    for (unsigned i = 0; i < pc->devices; i++) {
        const char *name = pc->device[i].ops->name;
        id.devices = state_hash_bytes(id.devices, name, strlen(name));
    }
    return id;
}

/* Brings what is derived up to date, so that equal machines have equal fields. */
static void settle(struct pc *pc)
{
    cpu_settle(pc->cpu);
    for (unsigned i = 0; i < pc->devices; i++)
        if (pc->device[i].ops->saving)
            pc->device[i].ops->saving(pc->device[i].self);
}

static u8 *ram_of(const struct pc *pc)
{
    return phys_frame_host(&pc->mem.phys, pc->mem.ram_frame);
}

/* ---- saving ---- */

/* Everything but RAM, and with MEMORY what else devices hold in memory. */
static void save_parts(struct pc *pc, struct state_buf *b, bool memory)
{
    settle(pc);
    state_save(b, "board", STATE_VERSION, board_fields, pc);
    state_save(b, "clock", STATE_VERSION, clock_fields, &pc->clock);
    state_save(b, "cpu", STATE_VERSION, cpu_fields, pc->cpu);
    for (unsigned i = 0; i < pc->devices; i++) {
        const struct device *d = &pc->device[i];
        state_save(b, d->ops->name, d->ops->state_version, d->ops->state, d->self);
        if (memory && d->ops->save_extra)
            d->ops->save_extra(d->self, b);
    }
}

int pc_save(struct pc *pc, struct state_buf *b)
{
    struct pc_identity identity = identity_of(pc);
    state_save(b, "machine", STATE_VERSION, identity_fields, &identity);
    save_parts(pc, b, true);
    state_save_raw(b, "ram", ram_of(pc), pc->mem.ram);
    return b->failed ? -ENOMEM : 0;
}

/* ---- loading ---- */

static int refuse(char *error, size_t size, const char *what)
{
    snprintf(error, size, "%s", what);
    return -EINVAL;
}

/* R as one of the loading functions gave it for chunk NAME. */
static int refuse_chunk(char *error, size_t size, int r, const char *name)
{
    const char *why = r == -ENOENT ? "no part named" : r == -ENOTSUP ? "from a newer version of Ombra:" : "damaged:";
    snprintf(error, size, "%s %s", why, name);
    return -EINVAL;
}

static int check_identity(struct pc *pc, const struct state_buf *b, char *error, size_t size)
{
    struct pc_identity saved = {0}, here = identity_of(pc);
    if (state_check(b) || state_load(b, "machine", STATE_VERSION, identity_fields, &saved))
        return refuse(error, size, "damaged, or not the state of a machine");
    if (saved.ram != here.ram) {
        unsigned long long mib = saved.ram >> 20;
        snprintf(error, size, "saved with %llu MiB of memory; start with --mem %llu", mib, mib);
        return -EINVAL;
    }
    if (saved.model != here.model)
        return refuse(error, size, "saved with another processor model; start with the same --cpu");
    if (saved.drives != here.drives)
        return refuse(error, size, "saved with other drives; start with the same images");
    if (saved.devices != here.devices)
        return refuse(error, size, "saved with other devices; start with the same options");
    if (saved.firmware != here.firmware)
        return refuse(error, size, "saved with another BIOS or VGA BIOS; start with the same ones");
    return 0;
}

/*
 * Time as a running machine has it: far from where 64 bits end, and no timer long overdue, which would have to be
 * made up for period by period.
 */
static bool time_valid(const struct pc *pc)
{
    const u64 end_of_time = (u64)1 << 62;
    const struct clock *c = &pc->clock;
    u64 count = cpu_count(pc->cpu);
    if (c->rate_ps == 0 || c->rate_ps > NS_PER_SEC || count >= end_of_time ||
        (unsigned __int128)count * c->rate_ps / 1000 >= end_of_time || clock_now(c) >= end_of_time)
        return false;
    for (const struct timer *t = c->timers; t; t = t->next)
        if (t->when + NS_PER_SEC < clock_now(c) && timer_armed(t))
            return false;
    return true;
}

static int load_fields(struct pc *pc, const struct state_buf *b, char *error, size_t size)
{
    const struct {
        const char *name;
        const struct field *fields;
        void *obj;
    } own[] = {{"board", board_fields, pc}, {"clock", clock_fields, &pc->clock}, {"cpu", cpu_fields, pc->cpu}};
    for (unsigned i = 0; i < ARRAY_LEN(own); i++) {
        int r = state_load(b, own[i].name, STATE_VERSION, own[i].fields, own[i].obj);
        if (r)
            return refuse_chunk(error, size, r, own[i].name);
    }
    for (unsigned i = 0; i < pc->devices; i++) {
        const struct device_ops *ops = pc->device[i].ops;
        int r = state_load(b, ops->name, ops->state_version, ops->state, pc->device[i].self);
        if (r)
            return refuse_chunk(error, size, r, ops->name);
    }
    return 0;
}

static int load_ram(struct pc *pc, const struct state_buf *b, char *error, size_t size)
{
    int r = state_load_raw(b, "ram", ram_of(pc), pc->mem.ram);
    return r ? refuse_chunk(error, size, r, "ram") : 0;
}

/* Everything is in place: now it is acted on, with MEMORY after devices have loaded theirs. */
static int take_over(struct pc *pc, const struct state_buf *b, bool memory, char *error, size_t size)
{
    if (cpu_restored(pc->cpu))
        return refuse_chunk(error, size, -EINVAL, "cpu");
    if (!time_valid(pc))
        return refuse_chunk(error, size, -EINVAL, "clock");
    for (unsigned i = 0; i < pc->devices; i++) {
        const struct device *d = &pc->device[i];
        int r = d->ops->loaded ? d->ops->loaded(d->self) : 0;
        if (r == 0 && memory && d->ops->load_extra)
            r = d->ops->load_extra(d->self, b);
        if (r)
            return refuse_chunk(error, size, r, d->ops->name);
    }
    pc_mem_smm(&pc->mem, pc->cpu->smm);
    clock_restored(&pc->clock);
    return 0;
}

/* Back to BEFORE, which this machine saved itself: a refused state leaves nothing behind but bytes in memory. */
static void roll_back(struct pc *pc, const struct state_buf *before)
{
    char error[1];
    int r = load_fields(pc, before, error, sizeof error);
    if (r == 0)
        r = take_over(pc, before, false, error, sizeof error);
    assert(r == 0);
}

int pc_load(struct pc *pc, const struct state_buf *b, char *error, size_t size)
{
    struct state_buf before = {0};
    int r = check_identity(pc, b, error, size);
    if (r)
        return r;
    pc_reset(pc);
    save_parts(pc, &before, false);
    r = before.failed ? refuse(error, size, "not enough memory") : load_fields(pc, b, error, size);
    if (r == 0)
        r = load_ram(pc, b, error, size);
    if (r == 0)
        r = take_over(pc, b, true, error, size);
    if (r && !before.failed)
        roll_back(pc, &before);
    state_buf_free(&before);
    return r;
}

/* ---- checkpoints ---- */

int pc_save_parts(struct pc *pc, struct state_buf *b)
{
    save_parts(pc, b, false);
    return b->failed ? -ENOMEM : 0;
}

void pc_load_parts(struct pc *pc, const struct state_buf *b, void (*memory)(void *ctx), void *ctx)
{
    pc_reset(pc);
    memory(ctx);
    roll_back(pc, b);
}

/* ---- hashing ---- */

static bool page_is_zero(const u8 *p)
{
    return p[0] == 0 && memcmp(p, p + 1, PAGE_SIZE - 1) == 0;
}

static u64 hash_pages(u64 hash, const u8 *p, u64 pages)
{
    for (u64 i = 0; i < pages; i++, p += PAGE_SIZE)
        if (!page_is_zero(p))
            hash = state_hash_bytes(hash + i, p, PAGE_SIZE);
    return hash;
}

u64 pc_hash(struct pc *pc)
{
    settle(pc);
    u64 hash = state_hash(0, board_fields, pc);
    hash = state_hash(hash, clock_fields, &pc->clock);
    hash = state_hash(hash, cpu_fields, pc->cpu);
    for (unsigned i = 0; i < pc->devices; i++)
        hash = state_hash(hash, pc->device[i].ops->state, pc->device[i].self);
    hash = hash_pages(hash, ram_of(pc), pc->mem.ram >> PAGE_BITS);
    for (unsigned i = 0; i < pc->mem.blocks; i++) /* video memory and ROMs */
        hash = hash_pages(hash, phys_frame_host(&pc->mem.phys, pc->mem.block[i].frame),
                          pc->mem.block[i].size >> PAGE_BITS);
    return hash;
}

/* ---- media and battery ---- */

int pc_change_floppy(struct pc *pc, unsigned n, struct block *b)
{
    return n < PC_FLOPPIES ? fdc_insert(&pc->fdc, n, b) : -ENODEV;
}

int pc_change_cd(struct pc *pc, unsigned drive, struct block *b)
{
    return drive < PC_DRIVES ? ide_cd_insert(&pc->ide, drive / 2, drive % 2, b) : -ENODEV;
}

void pc_cmos_get(struct pc *pc, u8 *bytes)
{
    cmos_save_ram(&pc->cmos, bytes);
}

void pc_cmos_set(struct pc *pc, const u8 *bytes)
{
    cmos_load_ram(&pc->cmos, bytes);
    cmos_configure(&pc->cmos, &pc->cmos_config); /* what the hardware is, is not remembered but known */
}
