#include "tests/unit/fake_bus.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { PAGE = 4096 };

/* --- memory-mapped regions: a later one lies over an earlier one --- */

static bool overlap(const struct fake_region *r, u64 base, u64 size)
{
    return r->size && base < r->base + r->size && r->base < base + size;
}

/* The lowest free slot that no overlapping region lies above. */
static int add_region(struct fake_bus *fb, struct fake_region region)
{
    int slot = -1;

    for (int i = FAKE_REGIONS - 1; i >= 0 && !overlap(&fb->region[i], region.base, region.size); i--)
        if (fb->region[i].size == 0)
            slot = i;
    assert(slot >= 0 && "FAKE_REGIONS is too small for this test");
    fb->region[slot] = region;
    return slot + 1;
}

static void drop_region(void *ctx, int handle)
{
    struct fake_bus *fb = ctx;
    assert(handle > 0 && handle <= FAKE_REGIONS && fb->region[handle - 1].size);
    fb->region[handle - 1] = (struct fake_region){0};
}

static struct fake_region *find_region(struct fake_bus *fb, u64 addr)
{
    for (int i = FAKE_REGIONS - 1; i >= 0; i--)
        if (fb->region[i].size && addr - fb->region[i].base < fb->region[i].size)
            return &fb->region[i];
    return NULL;
}

static int mmio_map(void *ctx, u64 base, u64 size, const struct mmio_ops *ops, void *opaque, const char *name)
{
    return add_region(ctx, (struct fake_region){.base = base, .size = size, .ops = ops, .opaque = opaque});
}

/* A block's dirty masks, one u64 a page, lie behind its bytes. */
static u64 *dirty_masks(struct fake_bus *fb, int block)
{
    return (u64 *)(fb->block[block - 1] + fb->block_size[block - 1]);
}

static int ram_alloc(void *ctx, const char *name, u64 size, u8 **host)
{
    struct fake_bus *fb = ctx;
    assert(size && size % PAGE == 0);
    for (int i = 0; i < FAKE_REGIONS; i++) {
        if (fb->block[i])
            continue;
        u64 masks = size / PAGE * sizeof(u64);
        u8 *mem = aligned_alloc(PAGE, size + (masks + PAGE - 1) / PAGE * PAGE);
        if (!mem)
            return -ENOMEM;
        memset(mem, 0, size);
        memset(mem + size, 0xFF, masks);
        fb->block[i] = mem;
        fb->block_size[i] = size;
        *host = mem;
        return i + 1;
    }
    return -ENOMEM;
}

static int ram_map(void *ctx, u64 base, u64 size, int block, u64 offset, enum ram_access access)
{
    struct fake_bus *fb = ctx;
    assert(block > 0 && block <= FAKE_REGIONS && fb->block[block - 1] && offset + size <= fb->block_size[block - 1]);
    struct fake_region r = {.base = base, .size = size, .host = fb->block[block - 1] + offset, .access = access};
    return add_region(fb, r);
}

static u64 ram_dirty(void *ctx, int block, u32 page)
{
    struct fake_bus *fb = ctx;
    assert(block > 0 && block <= FAKE_REGIONS && page < fb->block_size[block - 1] / PAGE);
    u64 mask = dirty_masks(fb, block)[page];
    dirty_masks(fb, block)[page] = 0;
    return mask;
}

static void ram_touch(void *ctx, int block, u64 offset)
{
    struct fake_bus *fb = ctx;
    assert(block > 0 && block <= FAKE_REGIONS && offset < fb->block_size[block - 1]);
}

static void mark_dirty(struct fake_bus *fb, const u8 *host)
{
    for (int i = 0; i < FAKE_REGIONS; i++) {
        if (!fb->block[i] || host < fb->block[i] || host >= fb->block[i] + fb->block_size[i])
            continue;
        u64 offset = host - fb->block[i];
        dirty_masks(fb, i + 1)[offset / PAGE] |= BIT64(offset % PAGE / 64);
    }
}

/* --- accesses --- */

static u8 ram_read8(struct fake_bus *fb, const struct fake_region *r, u64 addr)
{
    if (r)
        return r->access & RAM_READ ? r->host[addr - r->base] : 0xFF;
    return addr < FAKE_RAM_SIZE ? fb->ram[addr] : 0xFF;
}

static void ram_write8(struct fake_bus *fb, const struct fake_region *r, u64 addr, u8 v)
{
    if (r && (r->access & RAM_WRITE)) {
        r->host[addr - r->base] = v;
        mark_dirty(fb, &r->host[addr - r->base]);
    } else if (!r && addr < FAKE_RAM_SIZE) {
        fb->ram[addr] = v;
    }
}

/* The part of an access of SIZE that one call takes: the largest allowed one, or the smallest if all are larger. */
static unsigned part_size(const struct mmio_ops *ops, unsigned size)
{
    for (unsigned s = size; s; s >>= 1)
        if (ops->sizes & s)
            return s;
    return ops->sizes & -ops->sizes;
}

static u64 size_mask(unsigned size)
{
    return size >= 8 ? ~(u64)0 : BIT64(size * 8) - 1;
}

u64 fake_read(struct fake_bus *fb, u64 addr, unsigned size)
{
    u64 value = 0;

    for (unsigned done = 0; done < size;) {
        struct fake_region *r = find_region(fb, addr + done);
        unsigned step = 1;
        u64 part = 0;
        if (r && r->ops) {
            u64 offset = addr + done - r->base;
            unsigned s = part_size(r->ops, size - done);
            unsigned skip = s > size - done ? offset % s : 0;
            part = r->ops->read ? r->ops->read(r->opaque, offset - skip, s) >> (8 * skip) : ~(u64)0;
            step = MIN(s - skip, size - done);
        } else {
            part = ram_read8(fb, r, addr + done);
        }
        value |= (part & size_mask(step)) << (8 * done);
        done += step;
    }
    return value;
}

void fake_write(struct fake_bus *fb, u64 addr, u64 value, unsigned size)
{
    for (unsigned done = 0; done < size;) {
        struct fake_region *r = find_region(fb, addr + done);
        unsigned step = 1;
        if (r && r->ops) {
            u64 offset = addr + done - r->base;
            unsigned s = part_size(r->ops, size - done);
            unsigned skip = s > size - done ? offset % s : 0;
            step = MIN(s - skip, size - done);
            u64 part = (value >> (8 * done) & size_mask(step)) << (8 * skip);
            if (r->ops->write)
                r->ops->write(r->opaque, offset - skip, part, s);
        } else {
            ram_write8(fb, r, addr + done, value >> (8 * done));
        }
        done += step;
    }
}

static void dma_read(void *ctx, u64 addr, void *data, size_t len)
{
    for (size_t i = 0; i < len; i++)
        ((u8 *)data)[i] = fake_read(ctx, addr + i, 1);
}

static void dma_write(void *ctx, u64 addr, const void *data, size_t len)
{
    for (size_t i = 0; i < len; i++)
        fake_write(ctx, addr + i, ((const u8 *)data)[i], 1);
}

/* --- ports and lines --- */

static int io_map(void *ctx, u16 first, unsigned count, const struct io_ops *ops, void *opaque, const char *name)
{
    struct fake_bus *fb = ctx;
    return ports_map(&fb->ports, first, count, ops, opaque, name);
}

static void io_unmap(void *ctx, int handle)
{
    struct fake_bus *fb = ctx;
    ports_unmap(&fb->ports, handle);
}

u8 fake_inb(struct fake_bus *fb, u16 port)
{
    return ports_in(&fb->ports, port, 1);
}

u16 fake_inw(struct fake_bus *fb, u16 port)
{
    return ports_in(&fb->ports, port, 2);
}

u32 fake_inl(struct fake_bus *fb, u16 port)
{
    return ports_in(&fb->ports, port, 4);
}

void fake_outb(struct fake_bus *fb, u16 port, u8 v)
{
    ports_out(&fb->ports, port, v, 1);
}

void fake_outw(struct fake_bus *fb, u16 port, u16 v)
{
    ports_out(&fb->ports, port, v, 2);
}

void fake_outl(struct fake_bus *fb, u16 port, u32 v)
{
    ports_out(&fb->ports, port, v, 4);
}

static void line_set(void *ctx, unsigned n, bool level)
{
    struct fake_bus *fb = ctx;
    fb->rises[n] += level && !fb->line[n];
    fb->line[n] = level;
}

struct irq_line fake_line(struct fake_bus *fb, unsigned n)
{
    assert(n < FAKE_LINES);
    return (struct irq_line){.set = line_set, .ctx = fb, .n = n};
}

/* --- the machine --- */

void fake_bus_init(struct fake_bus *fb)
{
    *fb = (struct fake_bus){0};
    clock_init(&fb->clock, 0, NULL, NULL, NULL);
    log_init(&fb->log, stderr);
    fb->ram = calloc(1, FAKE_RAM_SIZE);
    if (!fb->ram || ports_init(&fb->ports, &fb->log) < 0)
        abort();
    fb->bus = (struct bus){
        .clock = &fb->clock,
        .log = &fb->log,
        .ctx = fb,
        .io_map = io_map,
        .io_unmap = io_unmap,
        .mmio_map = mmio_map,
        .mmio_unmap = drop_region,
        .ram_alloc = ram_alloc,
        .ram_map = ram_map,
        .ram_unmap = drop_region,
        .ram_dirty = ram_dirty,
        .ram_touch = ram_touch,
        .dma_read = dma_read,
        .dma_write = dma_write,
    };
}

void fake_bus_free(struct fake_bus *fb)
{
    for (int i = 0; i < FAKE_REGIONS; i++)
        free(fb->block[i]);
    free(fb->ram);
    ports_free(&fb->ports);
    log_close(&fb->log);
}

void fake_run_ns(struct fake_bus *fb, u64 ns)
{
    u64 end = clock_now(&fb->clock) + ns;

    while (clock_next(&fb->clock) <= end) {
        u64 next = clock_next(&fb->clock), now = clock_now(&fb->clock);
        if (next > now)
            clock_advance(&fb->clock, next - now);
        clock_run(&fb->clock);
    }
    clock_advance(&fb->clock, end - clock_now(&fb->clock));
}

static void save(const struct device_ops *ops, void *self, struct state_buf *b)
{
    if (ops->saving)
        ops->saving(self);
    state_save(b, ops->name, ops->state_version, ops->state, self);
    if (ops->save_extra)
        ops->save_extra(self, b);
}

bool fake_roundtrip(const struct device_ops *ops, void *self)
{
    struct state_buf before = {0}, after = {0};
    bool same = false;

    save(ops, self, &before);
    u64 hash = state_hash(0, ops->state, self);
    if (ops->reset)
        ops->reset(self);
    if (before.failed || state_check(&before) < 0 ||
        state_load(&before, ops->name, ops->state_version, ops->state, self) < 0 ||
        (ops->loaded && ops->loaded(self) < 0) || (ops->load_extra && ops->load_extra(self, &before) < 0))
        goto out;
    if (state_hash(0, ops->state, self) != hash)
        goto out;
    /* Saved again it must be the same bytes: that covers save_extra() too. */
    save(ops, self, &after);
    same = !after.failed && after.len == before.len && memcmp(after.data, before.data, after.len) == 0;
out:
    state_buf_free(&before);
    state_buf_free(&after);
    return same;
}
