/* fwcfg.c - see fwcfg.h. */
#include "hw/fwcfg.h"

#include <errno.h>
#include <stdlib.h>

enum { SELECTOR_PORT = 0x510, DATA_PORT = 0x511, DMA_PORT = 0x514 };
enum { ID_TRADITIONAL = 1, ID_DMA = 2 };
enum { DMA_ERROR = 1, DMA_READ = 2, DMA_SKIP = 4, DMA_SELECT = 8, DMA_WRITE = 16, DMA_BLOCK = 16 };
enum { KEY_WRITE_CHANNEL = 0x4000, DIR_ENTRY = 64, DIR_NAME = 8, E820_ENTRY = 20 };

/* What the DMA address register reads as: "QEMU CFG", most significant byte first. */
static const u8 dma_signature[8] = {'Q', 'E', 'M', 'U', ' ', 'C', 'F', 'G'};

static u32 be32(u32 v)
{
    return __builtin_bswap32(v);
}

static struct fwcfg_item *find_item(struct fwcfg *f, u16 key)
{
    key &= (u16)~KEY_WRITE_CHANNEL;
    if (key < ARRAY_LEN(f->item))
        return &f->item[key];
    if (key >= FWCFG_ARCH && key < FWCFG_ARCH + FWCFG_ARCH_ITEMS)
        return &f->arch[key - FWCFG_ARCH];
    return NULL;
}

/* --- adding --- */

static void set_item(struct fwcfg_item *item, const void *data, size_t len, u8 *owned)
{
    free(item->owned);
    item->data = data;
    item->len = len;
    item->owned = owned;
}

int fwcfg_add_borrowed(struct fwcfg *f, u16 key, const void *data, size_t len)
{
    struct fwcfg_item *item = find_item(f, key);
    if (!item || len > UINT32_MAX)
        return -EINVAL;
    set_item(item, data, len, NULL);
    return 0;
}

int fwcfg_add(struct fwcfg *f, u16 key, const void *data, size_t len)
{
    struct fwcfg_item *item = find_item(f, key);
    if (!item || len > UINT32_MAX)
        return -EINVAL;
    u8 *copy = malloc(len ? len : 1);
    if (!copy)
        return -ENOMEM;
    if (len)
        memcpy(copy, data, len);
    set_item(item, copy, len, copy);
    return 0;
}

int fwcfg_add_u16(struct fwcfg *f, u16 key, u16 value)
{
    return fwcfg_add(f, key, &value, sizeof value);
}

int fwcfg_add_u32(struct fwcfg *f, u16 key, u32 value)
{
    return fwcfg_add(f, key, &value, sizeof value);
}

int fwcfg_add_u64(struct fwcfg *f, u16 key, u64 value)
{
    return fwcfg_add(f, key, &value, sizeof value);
}

static int find_file(const struct fwcfg *f, const char *name)
{
    for (unsigned i = 0; i < f->files; i++)
        if (strcmp(f->name[i], name) == 0)
            return (int)i;
    return -ENOENT;
}

static void update_directory(struct fwcfg *f)
{
    u8 *d = f->directory;
    st32(d, be32(f->files));
    for (unsigned i = 0; i < f->files; i++) {
        u8 *e = d + 4 + i * DIR_ENTRY;
        memset(e, 0, DIR_ENTRY);
        st32(e, be32((u32)f->item[FWCFG_FILE_FIRST + i].len));
        st16(e + 4, __builtin_bswap16((u16)(FWCFG_FILE_FIRST + i)));
        memcpy(e + DIR_NAME, f->name[i], strlen(f->name[i]));
    }
    set_item(&f->item[FWCFG_FILE_DIR], d, 4 + f->files * DIR_ENTRY, NULL);
}

int fwcfg_add_file(struct fwcfg *f, const char *name, const void *data, size_t len)
{
    size_t name_len = strlen(name);
    if (!name_len || name_len > FWCFG_NAME_MAX)
        return -EINVAL;
    int i = find_file(f, name);
    bool is_new = i < 0;
    if (is_new) {
        if (f->files == FWCFG_FILES)
            return -ENOSPC;
        i = (int)f->files;
    }
    int err = fwcfg_add(f, (u16)(FWCFG_FILE_FIRST + i), data, len);
    if (err)
        return err;
    if (is_new) {
        memcpy(f->name[i], name, name_len + 1);
        f->files++;
    }
    update_directory(f);
    return 0;
}

int fwcfg_on_select(struct fwcfg *f, const char *name, void (*fn)(void *ctx), void *ctx)
{
    int i = find_file(f, name);
    if (i < 0)
        return i;
    f->item[FWCFG_FILE_FIRST + i].on_select = fn;
    f->item[FWCFG_FILE_FIRST + i].on_select_ctx = ctx;
    return 0;
}

int fwcfg_add_e820(struct fwcfg *f, const struct fwcfg_e820 *map, unsigned count)
{
    u8 bytes[32 * E820_ENTRY];
    if (count > sizeof bytes / E820_ENTRY)
        return -EINVAL;
    for (unsigned i = 0; i < count; i++) {
        st64(bytes + i * E820_ENTRY, map[i].base);
        st64(bytes + i * E820_ENTRY + 8, map[i].size);
        st32(bytes + i * E820_ENTRY + 16, map[i].type);
    }
    return fwcfg_add_file(f, "etc/e820", bytes, count * E820_ENTRY);
}

/* --- reading --- */

static void select_item(struct fwcfg *f, u16 key)
{
    f->key = key;
    f->offset = 0;
    const struct fwcfg_item *item = find_item(f, key);
    if (item && item->on_select)
        item->on_select(item->on_select_ctx);
}

/* Up to LEN bytes at the reading position; returns how many there are. Beyond the end there is nothing but zeros. */
static u32 available(struct fwcfg *f, u32 len, const u8 **data)
{
    const struct fwcfg_item *item = find_item(f, f->key);
    if (!item || f->offset >= item->len)
        return 0;
    *data = item->data + f->offset;
    return (u32)MIN((size_t)len, item->len - f->offset);
}

static void advance(struct fwcfg *f, u32 n)
{
    f->offset = n > UINT32_MAX - f->offset ? UINT32_MAX : f->offset + n;
}

static u32 port_in(void *ctx, u16 port, unsigned size)
{
    struct fwcfg *f = ctx;
    const u8 *p;
    if (port != DATA_PORT)
        return 0;
    u8 value = available(f, 1, &p) ? *p : 0;
    advance(f, 1);
    return value;
}

static void port_out(void *ctx, u16 port, u32 value, unsigned size)
{
    if (port == SELECTOR_PORT && size == 2)
        select_item(ctx, (u16)value);
}

/* --- DMA --- */

static void dma_read_item(struct fwcfg *f, u64 to, u32 len)
{
    static const u8 zeros[4096];
    struct bus *bus = f->bus;
    const u8 *p;
    u32 n = available(f, len, &p);
    if (n)
        bus->dma_write(bus->ctx, to, p, n);
    advance(f, len);
    for (u32 step; n < len; n += step) {
        step = MIN(len - n, (u32)sizeof zeros);
        bus->dma_write(bus->ctx, to + n, zeros, step);
    }
}

/* The block in guest memory: control, length (u32) and address (u64), all big-endian. Control becomes 0 when it is
 * done. */
static void run_dma(struct fwcfg *f, u64 block)
{
    struct bus *bus = f->bus;
    u8 b[DMA_BLOCK];
    bus->dma_read(bus->ctx, block, b, sizeof b);
    u32 control = be32(ld32(b)), len = be32(ld32(b + 4)), result = 0;
    u64 address = __builtin_bswap64(ld64(b + 8));

    if (control & DMA_SELECT)
        select_item(f, (u16)(control >> 16));
    if (control & DMA_READ)
        dma_read_item(f, address, len);
    else if (control & DMA_WRITE)
        result = be32(DMA_ERROR); /* nothing here is writable */
    else if (control & DMA_SKIP)
        advance(f, len);
    bus->dma_write(bus->ctx, block, &result, sizeof result);
}

static u32 dma_in(void *ctx, u16 port, unsigned size)
{
    u32 value = 0;
    for (unsigned i = 0; i < size && port - DMA_PORT + i < sizeof dma_signature; i++)
        value |= (u32)dma_signature[port - DMA_PORT + i] << i * 8;
    return value;
}

/* Two big-endian halves; the low one starts the transfer. */
static void dma_out(void *ctx, u16 port, u32 value, unsigned size)
{
    struct fwcfg *f = ctx;
    if (size != 4 || (port & 3))
        return;
    if (port == DMA_PORT) {
        f->dma_addr = (u64)be32(value) << 32;
        return;
    }
    u64 block = f->dma_addr | be32(value);
    f->dma_addr = 0;
    run_dma(f, block);
}

static const struct io_ops port_io = {port_in, port_out, 1 | 2};
static const struct io_ops dma_io = {dma_in, dma_out, 1 | 2 | 4};

static void fwcfg_reset(void *self)
{
    struct fwcfg *f = self;
    f->key = 0;
    f->offset = 0;
    f->dma_addr = 0;
}

static void fwcfg_close(void *self)
{
    struct fwcfg *f = self;
    for (unsigned i = 0; i < ARRAY_LEN(f->item); i++)
        free(f->item[i].owned);
    for (unsigned i = 0; i < ARRAY_LEN(f->arch); i++)
        free(f->arch[i].owned);
    memset(f->item, 0, sizeof f->item);
    memset(f->arch, 0, sizeof f->arch);
}

static const struct field fwcfg_fields[] = {
    FIELD(struct fwcfg, key),
    FIELD(struct fwcfg, offset),
    FIELD(struct fwcfg, dma_addr),
    FIELD_END,
};

/* Any key and offset are fine: both are checked at each byte. */
const struct device_ops fwcfg_ops = {
    .name = "fwcfg",
    .state_version = 1,
    .state = fwcfg_fields,
    .reset = fwcfg_reset,
    .close = fwcfg_close,
};

void fwcfg_init(struct fwcfg *f, struct bus *bus)
{
    static const u8 signature[4] = {'Q', 'E', 'M', 'U'};
    memset(f, 0, sizeof *f);
    f->bus = bus;
    st32(f->id, ID_TRADITIONAL | ID_DMA);
    set_item(&f->item[FWCFG_SIGNATURE], signature, sizeof signature, NULL);
    set_item(&f->item[FWCFG_ID], f->id, sizeof f->id, NULL);
    update_directory(f);
    bus->io_map(bus->ctx, SELECTOR_PORT, 2, &port_io, f, "fw_cfg");
    bus->io_map(bus->ctx, DMA_PORT, 8, &dma_io, f, "fw_cfg DMA");
}
