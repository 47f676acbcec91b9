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
#include <stdlib.h>

/* ---- the parts that are not devices ---- */

/* What must be equal for a state to fit; and the machine's own flags. */
struct pc_identity {
    u64 ram;
    u32 model;  /* hash of the processor model's name */
    u32 drives; /* struct pc */
};

static const struct field identity_fields[] = {
    FIELD(struct pc_identity, ram),
    FIELD(struct pc_identity, model),
    FIELD(struct pc_identity, drives),
    FIELD_END,
};

static const struct field clock_fields[] = {
    FIELD(struct clock, offset),
    FIELD(struct clock, rate_ps),
    FIELD_END,
};

struct pc_flags {
    u8 nmi_masked, want_reset, want_off, triple, booted;
};

static const struct field flag_fields[] = {
    FIELD(struct pc_flags, nmi_masked), FIELD(struct pc_flags, want_reset), FIELD(struct pc_flags, want_off),
    FIELD(struct pc_flags, triple),     FIELD(struct pc_flags, booted),     FIELD_END,
};

enum { STATE_VERSION = 1 };

static struct pc_identity identity_of(const struct pc *pc)
{
    const char *name = pc->cpu->model->name;
    return (struct pc_identity){
        .ram = pc->mem.ram, .model = (u32)state_hash_bytes(0, name, strlen(name)), .drives = pc->drives};
}

static struct pc_flags flags_of(const struct pc *pc)
{
    return (struct pc_flags){pc->nmi_masked, pc->want_reset, pc->want_off, pc->triple, pc->booted};
}

static void set_flags(struct pc *pc, const struct pc_flags *f)
{
    pc->nmi_masked = f->nmi_masked != 0;
    pc->want_reset = f->want_reset != 0;
    pc->want_off = f->want_off != 0;
    pc->triple = f->triple != 0;
    pc->booted = f->booted != 0;
}

/* Brings what is derived up to date, so that equal machines have equal fields. */
static void settle(struct pc *pc)
{
    cpu_settle(pc->cpu);
    for (unsigned i = 0; i < pc->devices; i++)
        if (pc->device[i].ops->saving)
            pc->device[i].ops->saving(pc->device[i].self);
}

/* ---- RAM: a map of the pages that are not zero, and those pages ---- */

static u8 *ram_page(const struct pc *pc, u64 page)
{
    return phys_frame_host(&pc->mem.phys, pc->mem.ram_frame) + (page << PAGE_BITS);
}

static bool page_is_zero(const u8 *p)
{
    return p[0] == 0 && memcmp(p, p + 1, PAGE_SIZE - 1) == 0;
}

static int save_ram(struct pc *pc, struct state_buf *b)
{
    u64 pages = pc->mem.ram >> PAGE_BITS, used = 0;
    u8 *map = calloc(1, (pages + 7) / 8), *packed = NULL;
    if (!map)
        return -ENOMEM;
    for (u64 i = 0; i < pages; i++)
        if (!page_is_zero(ram_page(pc, i))) {
            map[i / 8] |= (u8)(1 << i % 8);
            used++;
        }
    packed = malloc((used + 1) << PAGE_BITS);
    if (!packed) {
        free(map);
        return -ENOMEM;
    }
    u8 *to = packed;
    for (u64 i = 0; i < pages; i++)
        if (map[i / 8] >> i % 8 & 1) {
            memcpy(to, ram_page(pc, i), PAGE_SIZE);
            to += PAGE_SIZE;
        }
    state_save_raw(b, "ram.map", map, (pages + 7) / 8);
    if (used)
        state_save_raw(b, "ram", packed, used << PAGE_BITS);
    free(map);
    free(packed);
    return 0;
}

/* RAM must be all zeros, as in a machine that has just been made. */
static int load_ram(struct pc *pc, const struct state_buf *b)
{
    u64 pages = pc->mem.ram >> PAGE_BITS, used = 0;
    u8 *map = calloc(1, (pages + 7) / 8), *packed = NULL;
    if (!map)
        return -ENOMEM;
    int r = state_load_raw(b, "ram.map", map, (pages + 7) / 8);
    for (u64 i = 0; r == 0 && i < pages; i++)
        used += map[i / 8] >> i % 8 & 1;
    if (r == 0 && used) {
        packed = malloc(used << PAGE_BITS);
        r = packed ? state_load_raw(b, "ram", packed, used << PAGE_BITS) : -ENOMEM;
    }
    const u8 *from = packed;
    for (u64 i = 0; r == 0 && i < pages; i++) {
        u8 *page = ram_page(pc, i);
        bool present = map[i / 8] >> i % 8 & 1;
        if (present) {
            memcpy(page, from, PAGE_SIZE);
            from += PAGE_SIZE;
        } else if (!page_is_zero(page)) {
            memset(page, 0, PAGE_SIZE);
        }
    }
    free(map);
    free(packed);
    return r;
}

/* ---- saving ---- */

int pc_save(struct pc *pc, struct state_buf *b)
{
    struct pc_identity identity = identity_of(pc);
    struct pc_flags flags = flags_of(pc);
    settle(pc);
    state_save(b, "machine", STATE_VERSION, identity_fields, &identity);
    state_save(b, "flags", STATE_VERSION, flag_fields, &flags);
    state_save(b, "clock", STATE_VERSION, clock_fields, &pc->clock);
    state_save(b, "cpu", STATE_VERSION, cpu_fields, pc->cpu);
    for (unsigned i = 0; i < pc->devices; i++) {
        const struct device *d = &pc->device[i];
        state_save(b, d->ops->name, d->ops->state_version, d->ops->state, d->self);
        if (d->ops->save_extra)
            d->ops->save_extra(d->self, b);
    }
    int r = save_ram(pc, b);
    return r ? r : b->failed ? -ENOMEM : 0;
}

/* ---- loading ---- */

static int refuse(char *error, size_t size, const char *what, const char *name)
{
    snprintf(error, size, what, name);
    return -EINVAL;
}

static int check_identity(struct pc *pc, const struct state_buf *b, char *error, size_t size)
{
    struct pc_identity saved = {0}, here = identity_of(pc);
    if (state_check(b) || state_load(b, "machine", STATE_VERSION, identity_fields, &saved))
        return refuse(error, size, "%s", "damaged, or not the state of a machine");
    if (saved.ram != here.ram) {
        snprintf(error, size, "saved with %llu MiB of memory; start with --mem %llu",
                 (unsigned long long)(saved.ram >> 20), (unsigned long long)(saved.ram >> 20));
        return -EINVAL;
    }
    if (saved.model != here.model)
        return refuse(error, size, "%s", "saved with another processor model; start with the same --cpu");
    if (saved.drives != here.drives)
        return refuse(error, size, "%s", "saved with other drives; start with the same images");
    return 0;
}

static int load_fields(struct pc *pc, const struct state_buf *b, char *error, size_t size)
{
    struct pc_flags flags = {0};
    if (state_load(b, "flags", STATE_VERSION, flag_fields, &flags))
        return refuse(error, size, "damaged: %s", "flags");
    set_flags(pc, &flags);
    if (state_load(b, "clock", STATE_VERSION, clock_fields, &pc->clock) || pc->clock.rate_ps == 0 ||
        pc->clock.rate_ps > NS_PER_SEC)
        return refuse(error, size, "damaged: %s", "clock");
    if (state_load(b, "cpu", STATE_VERSION, cpu_fields, pc->cpu))
        return refuse(error, size, "damaged: %s", "cpu");
    for (unsigned i = 0; i < pc->devices; i++) {
        const struct device_ops *ops = pc->device[i].ops;
        if (state_load(b, ops->name, ops->state_version, ops->state, pc->device[i].self))
            return refuse(error, size, "damaged, or of another machine: %s", ops->name);
    }
    return 0;
}

static int take_over(struct pc *pc, const struct state_buf *b, char *error, size_t size)
{
    if (cpu_restored(pc->cpu))
        return refuse(error, size, "damaged: %s", "cpu");
    for (unsigned i = 0; i < pc->devices; i++) {
        const struct device *d = &pc->device[i];
        if ((d->ops->loaded && d->ops->loaded(d->self)) || (d->ops->load_extra && d->ops->load_extra(d->self, b)))
            return refuse(error, size, "damaged: %s", d->ops->name);
    }
    pc_mem_smm(&pc->mem, pc->cpu->smm);
    clock_restored(&pc->clock);
    return 0;
}

int pc_load(struct pc *pc, const struct state_buf *b, char *error, size_t size)
{
    int r = check_identity(pc, b, error, size);
    if (r)
        return r;
    pc_reset(pc);
    r = load_fields(pc, b, error, size);
    if (r)
        return r;
    r = load_ram(pc, b);
    if (r)
        return refuse(error, size, "damaged: %s", "ram");
    return take_over(pc, b, error, size);
}

/* ---- hashing ---- */

static u64 hash_pages(u64 hash, const u8 *p, u64 pages)
{
    for (u64 i = 0; i < pages; i++, p += PAGE_SIZE)
        if (!page_is_zero(p))
            hash = state_hash_bytes(hash + i, p, PAGE_SIZE);
    return hash;
}

u64 pc_hash(struct pc *pc)
{
    struct pc_flags flags = flags_of(pc);
    settle(pc);
    u64 hash = state_hash(0, flag_fields, &flags);
    hash = state_hash(hash, clock_fields, &pc->clock);
    hash = state_hash(hash, cpu_fields, pc->cpu);
    for (unsigned i = 0; i < pc->devices; i++)
        hash = state_hash(hash, pc->device[i].ops->state, pc->device[i].self);
    hash = hash_pages(hash, ram_page(pc, 0), pc->mem.ram >> PAGE_BITS);
    for (unsigned i = 0; i < pc->mem.blocks; i++)
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
