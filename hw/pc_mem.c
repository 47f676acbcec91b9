/*
 * pc_mem.c - who answers where in guest-physical memory.
 */
#include "hw/pc_mem.h"
#include <errno.h>

enum {
    LEGACY_BASE = 0xA0000,
    LEGACY_END = 0x100000,
    SMRAM_BASE = 0xA0000,
    SMRAM_SIZE = 0x20000,
    PAM_BASE = 0xC0000,
    PAM_SEGMENT = 0x4000,
    PAM_LAST = 0xF0000, /* the last segment is 64 KiB */
    BIOS_LOW_MAX = 0x20000,
};
#define FOUR_GIB ((u64)1 << 32)
#define DEVICE_MEMORY ((u64)64 << 20)

u64 pc_mem_low(const struct pc_mem *m)
{
    return MIN(m->ram, PC_LOW_RAM_MAX);
}

u64 pc_mem_high(const struct pc_mem *m)
{
    return m->ram - pc_mem_low(m);
}

/* The BIOS image ends at 4 GiB; its last 128 KiB show below 1 MiB too. */
static int map_bios(struct pc_mem *m, const u8 *bios, size_t size)
{
    u32 frame = phys_alloc(&m->phys, size);
    if (!frame)
        return -ENOMEM;
    memcpy(phys_frame_host(&m->phys, frame), bios, size);
    u64 low = MIN(size, (size_t)BIOS_LOW_MAX);
    u32 low_frame = frame + (u32)((size - low) >> PAGE_BITS);
    phys_map(&m->phys, FOUR_GIB - size, size, frame, PHYS_BACKED, PHYS_VANISH);
    phys_map(&m->phys, LEGACY_END - low, low, low_frame, PHYS_BACKED, PHYS_VANISH);
    return 0;
}

static u32 pam_index(u32 base)
{
    return base >= PAM_LAST ? PC_PAM_SEGMENTS - 1 : (base - PAM_BASE) / PAM_SEGMENT;
}

static void map_pam(struct pc_mem *m)
{
    for (u32 base = PAM_BASE; base <= PAM_LAST; base += PAM_SEGMENT) {
        u32 size = base == PAM_LAST ? 0x10000 : PAM_SEGMENT;
        m->pam[pam_index(base)] =
            phys_map(&m->phys, base, size, m->ram_frame + (base >> PAGE_BITS), PHYS_THROUGH, PHYS_THROUGH);
    }
}

int pc_mem_init(struct pc_mem *m, struct log *log, u64 ram, const u8 *bios, size_t bios_size)
{
    memset(m, 0, sizeof *m);
    m->ram = ram;
    u64 high = pc_mem_high(m);
    int r = phys_init(&m->phys, log, ram, DEVICE_MEMORY, FOUR_GIB + high);
    if (r)
        return r;
    m->ram_frame = phys_alloc(&m->phys, ram);
    phys_map(&m->phys, 0, pc_mem_low(m), m->ram_frame, PHYS_BACKED, PHYS_BACKED);
    if (high)
        phys_map(&m->phys, FOUR_GIB, high, m->ram_frame + (u32)(pc_mem_low(m) >> PAGE_BITS), PHYS_BACKED, PHYS_BACKED);
    phys_map(&m->phys, LEGACY_BASE, LEGACY_END - LEGACY_BASE, 0, PHYS_VANISH, PHYS_VANISH);
    r = map_bios(m, bios, bios_size);
    if (r)
        phys_free(&m->phys);
    else
        map_pam(m);
    return r;
}

void pc_mem_free(struct pc_mem *m)
{
    phys_free(&m->phys);
}

void pc_mem_pam(struct pc_mem *m, u32 base, u32 size, bool read_ram, bool write_ram)
{
    phys_remap(&m->phys, m->pam[pam_index(base)], read_ram ? PHYS_BACKED : PHYS_THROUGH,
               write_ram ? PHYS_BACKED : PHYS_THROUGH);
}

/* SMRAM lies over the display adapter while it is visible. */
static void update_smram(struct pc_mem *m)
{
    bool visible = m->smram_open || (m->smram_enabled && m->smm);
    if (visible && !m->smram)
        m->smram = phys_map(&m->phys, SMRAM_BASE, SMRAM_SIZE, m->ram_frame + (SMRAM_BASE >> PAGE_BITS), PHYS_BACKED,
                            PHYS_BACKED);
    if (!visible && m->smram) {
        phys_unmap(&m->phys, m->smram);
        m->smram = 0;
    }
}

void pc_mem_smram(struct pc_mem *m, bool open, bool enabled)
{
    m->smram_open = open;
    m->smram_enabled = enabled;
    update_smram(m);
}

void pc_mem_smm(struct pc_mem *m, bool active)
{
    m->smm = active;
    update_smram(m);
}

/* ---- the bus table's memory half ---- */

static int bus_mmio_map(void *ctx, u64 base, u64 size, const struct mmio_ops *ops, void *opaque, const char *name)
{
    return phys_map_mmio(&pc_mem_of(ctx)->phys, base, size, ops, opaque, name);
}

static void bus_unmap(void *ctx, int handle)
{
    phys_unmap(&pc_mem_of(ctx)->phys, handle);
}

static int bus_ram_alloc(void *ctx, const char *name, u64 size, u8 **host)
{
    struct pc_mem *m = pc_mem_of(ctx);
    if (m->blocks == PC_RAM_BLOCKS)
        return -ENOMEM;
    u32 frame = phys_alloc(&m->phys, size);
    if (!frame)
        return -ENOMEM;
    *host = phys_frame_host(&m->phys, frame);
    m->block[m->blocks].frame = frame;
    m->block[m->blocks].size = size;
    return (int)++m->blocks;
}

static int bus_ram_map(void *ctx, u64 base, u64 size, int block, u64 offset, enum ram_access access)
{
    struct pc_mem *m = pc_mem_of(ctx);
    assert(block > 0 && (unsigned)block <= m->blocks && offset + size <= m->block[block - 1].size);
    u32 frame = m->block[block - 1].frame + (u32)(offset >> PAGE_BITS);
    return phys_map(&m->phys, base, size, frame, access & RAM_READ ? PHYS_BACKED : PHYS_VANISH,
                    access & RAM_WRITE ? PHYS_BACKED : PHYS_VANISH);
}

static u64 bus_ram_dirty(void *ctx, int block, u32 page)
{
    struct pc_mem *m = pc_mem_of(ctx);
    assert(block > 0 && (unsigned)block <= m->blocks && page < m->block[block - 1].size >> PAGE_BITS);
    return phys_take_dirty(&m->phys, m->block[block - 1].frame + page);
}

static void bus_ram_touch(void *ctx, int block, u64 offset)
{
    struct pc_mem *m = pc_mem_of(ctx);
    assert(block > 0 && (unsigned)block <= m->blocks && offset < m->block[block - 1].size);
    phys_touch(&m->phys, m->block[block - 1].frame + (u32)(offset >> PAGE_BITS));
}

static void bus_dma_read(void *ctx, u64 addr, void *data, size_t len)
{
    phys_read(&pc_mem_of(ctx)->phys, addr, data, len);
}

static void bus_dma_write(void *ctx, u64 addr, const void *data, size_t len)
{
    phys_write(&pc_mem_of(ctx)->phys, addr, data, len);
}

void pc_mem_fill_bus(struct bus *bus)
{
    bus->mmio_map = bus_mmio_map;
    bus->mmio_unmap = bus_unmap;
    bus->ram_alloc = bus_ram_alloc;
    bus->ram_map = bus_ram_map;
    bus->ram_unmap = bus_unmap;
    bus->ram_dirty = bus_ram_dirty;
    bus->ram_touch = bus_ram_touch;
    bus->dma_read = bus_dma_read;
    bus->dma_write = bus_dma_write;
}
