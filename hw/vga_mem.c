/*
 * vga_mem.c - the legacy window A0000h-BFFFFh: planes, latches, write modes 0-3, read modes
 * 0-1, odd/even and chain-4 addressing, and the banked window of the VBE modes.
 *
 * Four planes are handled at once as the bytes of a 32-bit word, plane 0 in the lowest.
 */
#include "hw/vga_int.h"

enum { WINDOW_BASE = 0xA0000, WINDOW_SIZE = 0x20000, BANK_SIZE = 0x10000 };

/* Bit n of the index spread over byte n. */
static const u32 plane_bytes[16] = {
    0x00000000, 0x000000FF, 0x0000FF00, 0x0000FFFF, 0x00FF0000, 0x00FF00FF, 0x00FFFF00, 0x00FFFFFF,
    0xFF000000, 0xFF0000FF, 0xFF00FF00, 0xFF00FFFF, 0xFFFF0000, 0xFFFF00FF, 0xFFFFFF00, 0xFFFFFFFF,
};

static u32 replicate(u8 b)
{
    return b * 0x01010101u;
}

/* One place of the window after decoding. */
struct place {
    u32 offset; /* linear modes: byte of video memory; else offset in the planes */
    u8 planes;  /* write: planes that the address enables; read: the plane that is read */
};

/* Decodes OFFSET (from A0000h) by the memory map bits of the miscellaneous register. The output register's bit that
 * enables memory is not looked at: firmware for emulators never sets it, and nobody clears it for long. */
static bool window_decode(const struct vga *v, u32 offset, u32 *a)
{
    static const struct {
        u32 first, size;
    } map[4] = {{0, 0x20000}, {0, 0x10000}, {0x10000, 0x8000}, {0x18000, 0x8000}};
    unsigned m = v->gr[GR_MISC] >> 2 & 3;

    if (!(v->enable & 1) || offset - map[m].first >= map[m].size)
        return false;
    *a = offset - map[m].first;
    return true;
}

/* Where plane offset A lies when a VBE mode pages the planes through the window. */
static u32 planar_offset(const struct vga *v, u32 a)
{
    u32 o = a & (BANK_SIZE - 1);

    if (vbe_active(&v->vbe))
        o += (u32)v->vbe.bank * BANK_SIZE;
    return o & (VGA_VRAM_SIZE / 4 - 1);
}

static u32 linear_offset(const struct vga *v, u32 a)
{
    return ((u32)v->vbe.bank * BANK_SIZE + a) & (VGA_VRAM_SIZE - 1);
}

static struct place place_write(const struct vga *v, u32 a)
{
    struct place p = {planar_offset(v, a), v->sr[SR_MAP_MASK]};

    if (v->sr[SR_MEMORY_MODE] & 8) {
        p.planes &= (u8)BIT(a & 3);
        p.offset &= ~3u;
        return p;
    }
    if (!(v->sr[SR_MEMORY_MODE] & 4))
        p.planes &= (a & 1) ? 0x0A : 0x05;
    if (v->gr[GR_MISC] & 2)
        p.offset &= ~1u;
    return p;
}

static struct place place_read(const struct vga *v, u32 a)
{
    struct place p = {planar_offset(v, a), v->gr[GR_READ_MAP] & 3};

    if (v->sr[SR_MEMORY_MODE] & 8) {
        p.planes = a & 3;
        p.offset &= ~3u;
        return p;
    }
    if (v->gr[GR_MODE] & 0x10)
        p.planes = (u8)((p.planes & 2) | (a & 1));
    if (v->gr[GR_MISC] & 2)
        p.offset &= ~1u;
    return p;
}

static void mark(struct vga *v, u32 byte)
{
    v->dirty[byte >> 12] |= BIT64(byte >> 6 & 63);
    v->any_dirty = true;
}

/* Before a write to VRAM. */
static void touch(struct vga *v, u32 byte)
{
    v->bus->ram_touch(v->bus->ctx, v->vram_block, byte);
}

/* The logical unit: DATA against the latches by function select. */
static u32 combine(const struct vga *v, u32 data)
{
    switch (v->gr[GR_ROTATE] >> 3 & 3) {
    case 1:
        return data & v->latch;
    case 2:
        return data | v->latch;
    case 3:
        return data ^ v->latch;
    default:
        return data;
    }
}

static u8 rotate(const struct vga *v, u8 b)
{
    unsigned n = v->gr[GR_ROTATE] & 7;

    return (u8)(b >> n | b << (8 - n));
}

/* What the four planes get when the CPU writes B; which of them do is the map mask's business. */
static u32 write_data(const struct vga *v, u8 b)
{
    u32 mask = replicate(v->gr[GR_BIT_MASK]);
    u32 set = plane_bytes[v->gr[GR_SET_RESET] & 15];
    u32 data;

    switch (v->gr[GR_MODE] & 3) {
    case 1:
        return v->latch;
    case 2:
        data = combine(v, plane_bytes[b & 15]);
        break;
    case 3:
        mask &= replicate(rotate(v, b));
        data = combine(v, set);
        break;
    default: {
        u32 enable = plane_bytes[v->gr[GR_ENABLE_SET_RESET] & 15];

        data = combine(v, (replicate(rotate(v, b)) & ~enable) | (set & enable));
        break;
    }
    }
    return (data & mask) | (v->latch & ~mask);
}

static void write_byte(struct vga *v, u32 a, u8 b)
{
    struct place p;
    u32 word, old, planes;
    u8 *at;

    if (vga_linear(v)) {
        u32 byte = linear_offset(v, a);

        touch(v, byte);
        v->vram[byte] = b;
        mark(v, byte);
        return;
    }
    p = place_write(v, a);
    planes = plane_bytes[p.planes & 15];
    at = v->vram + (size_t)vga_word(p.offset) * 4;
    old = ld32(at);
    word = (old & ~planes) | (write_data(v, b) & planes);
    if (word == old)
        return;
    touch(v, (u32)(at - v->vram));
    st32(at, word);
    mark(v, (u32)(at - v->vram));
    /* Character shapes may change anywhere on a text screen. */
    if (((word ^ old) & 0x00FF0000) && !(v->gr[GR_MISC] & 1))
        v->redraw = true;
}

static u8 read_byte(struct vga *v, u32 a)
{
    struct place p;
    u32 differ;

    if (vga_linear(v))
        return v->vram[linear_offset(v, a)];
    p = place_read(v, a);
    v->latch = ld32(v->vram + (size_t)vga_word(p.offset) * 4);
    if (!(v->gr[GR_MODE] & 8))
        return (u8)(v->latch >> (p.planes * 8));
    /* Read mode 1: a bit is set where all cared-for planes match the colour. */
    differ = (v->latch ^ plane_bytes[v->gr[GR_COLOR_COMPARE] & 15]) & plane_bytes[v->gr[GR_COLOR_DONT_CARE] & 15];
    differ |= differ >> 16;
    differ |= differ >> 8;
    return (u8)~differ;
}

static u64 window_read(void *ctx, u64 offset, unsigned size)
{
    struct vga *v = ctx;
    u64 value = 0;

    for (unsigned i = 0; i < size; i++) {
        u32 a;
        u8 b = window_decode(v, (u32)offset + i, &a) ? read_byte(v, a) : 0xFF;

        value |= (u64)b << (8 * i);
    }
    return value;
}

static void window_write(void *ctx, u64 offset, u64 value, unsigned size)
{
    struct vga *v = ctx;

    for (unsigned i = 0; i < size; i++) {
        u32 a;

        if (window_decode(v, (u32)offset + i, &a))
            write_byte(v, a, (u8)(value >> (8 * i)));
    }
}

const struct mmio_ops vga_window_ops = {window_read, window_write, 1 | 2 | 4 | 8};

/*
 * Whether a CPU access to A0000h-AFFFFh is a plain access to 64 KiB of video memory: VBE modes through
 * the bank, and chain-4 modes while every stage between CPU and planes passes bytes unchanged. Reads then
 * leave the latches alone; who wants them switches to write mode 1, which ends this.
 */
static bool window_is_plain(const struct vga *v)
{
    u8 map = v->gr[GR_MISC] >> 2 & 3;

    if (!(v->enable & 1) || map > 1)
        return false;
    if (vga_linear(v))
        return true;
    return (v->sr[SR_MEMORY_MODE] & 8) && !vbe_active(&v->vbe) && (v->sr[SR_MAP_MASK] & 15) == 15 &&
           !(v->gr[GR_ENABLE_SET_RESET] & 15) && !(v->gr[GR_ROTATE] & 0x1F) && !(v->gr[GR_MODE] & 0x0B) &&
           v->gr[GR_BIT_MASK] == 0xFF;
}

void vga_window_close(struct vga *v)
{
    if (v->direct_map) {
        v->bus->ram_unmap(v->bus->ctx, v->direct_map);
        v->direct_map = 0;
    }
}

void vga_window_update(struct vga *v)
{
    u32 offset = vga_linear(v) ? (u32)v->vbe.bank * BANK_SIZE : 0;
    bool plain = window_is_plain(v);

    if (v->direct_map && plain && v->direct_offset == offset)
        return;
    vga_window_close(v);
    if (plain) {
        int h = v->bus->ram_map(v->bus->ctx, WINDOW_BASE, BANK_SIZE, v->vram_block, offset, RAM_RW);

        v->direct_map = h > 0 ? h : 0;
        v->direct_offset = offset;
    }
}
