/*
 * bootrom.c - code plus script plus checksums make an option ROM.
 */
#include "hw/bootrom.h"

extern const u8 bootrom_code[];
extern const size_t bootrom_code_size;

/* fw_cfg DMA control bits: QEMU's specification of the interface. */
enum { DMA_READ = 2, DMA_SKIP = 4, DMA_SELECT = 8 };
enum { SCRIPT_HEADER = 16, DESCRIPTOR = 16, PNP_LENGTH = 32, PNP_CHECKSUM = 9, PNP_POINTER = 0x1A };

static u8 *descriptor(u8 *p, u32 control, u32 len, u64 addr)
{
    st32(p, __builtin_bswap32(control));
    st32(p + 4, __builtin_bswap32(len));
    st64(p + 8, __builtin_bswap64(addr));
    return p + DESCRIPTOR;
}

static u8 sum(const u8 *p, size_t n)
{
    u8 s = 0;
    while (n--)
        s = (u8)(s + *p++);
    return s;
}

size_t bootrom_build(const struct bootrom_script *s, u8 *rom)
{
    memset(rom, 0, BOOTROM_MAX_SIZE);
    memcpy(rom, bootrom_code, bootrom_code_size);
    u8 *script = rom + bootrom_code_size, *p = script + SCRIPT_HEADER;
    assert(s->loads <= BOOTROM_MAX_LOADS);
    for (unsigned i = 0; i < s->loads; i++) {
        const struct bootrom_load *l = &s->load[i];
        u32 select = (u32)l->key << 16 | DMA_SELECT;
        p = descriptor(p, select | DMA_SKIP, l->offset, 0);
        p = descriptor(p, DMA_READ, l->len, l->addr);
    }
    st16(script, (u16)((p - script - SCRIPT_HEADER) / DESCRIPTOR));
    st16(script + 2, s->protected_mode);
    st32(script + 4, s->entry);
    st32(script + 8, s->ebx);
    st16(script + 12, s->real_segment);
    st16(script + 14, s->real_sp);
    size_t size = ((size_t)(p - rom) + 1 + 511) / 512 * 512;
    assert(size <= BOOTROM_MAX_SIZE);
    rom[2] = (u8)(size / 512);
    u8 *pnp = rom + ld16(rom + PNP_POINTER);
    pnp[PNP_CHECKSUM] = (u8)-sum(pnp, PNP_LENGTH);
    rom[size - 1] = (u8)-sum(rom, size);
    return size;
}
