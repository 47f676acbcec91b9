/*
 * fuzz_kernel.c - kernel files: Linux bzImage, multiboot ELF and flat. What is accepted must fit: everything that the
 * boot ROM will copy comes from inside of a part and goes to memory that the guest has.
 *
 * An input is one byte of options, then the file.
 */
#define _GNU_SOURCE /* memfd_create */
#include "frontend/kernel.h"
#include "tests/fuzz/fuzz.h"

extern const size_t bootrom_code_size;

enum { OPT_MODULES = 3, OPT_APPEND = 4, OPT_RAM_SHIFT = 4, MIB = 1 << 20 };

/* The boot ROM's script as hw/bootrom.h describes it: pairs of "skip OFFSET in item KEY" and "read LEN to ADDR". */
enum { SCRIPT_HEADER = 16, DESCRIPTOR = 16 };

static size_t part_size(const struct kernel *k, unsigned key)
{
    for (unsigned i = 0; i < KERNEL_PARTS; i++)
        if (kernel_part_key[i] == key)
            return k->part[i] ? k->size[i] : 0;
    return 0;
}

static void check_script(const struct kernel *k, u64 ram)
{
    const u8 *script = k->rom + bootrom_code_size, *p = script + SCRIPT_HEADER;
    unsigned pairs = ld16(script) / 2;
    u8 sum = 0;
    for (size_t i = 0; i < k->rom_size; i++)
        sum = (u8)(sum + k->rom[i]);
    fuzz_check(sum == 0 && k->rom_size <= BOOTROM_MAX_SIZE);
    fuzz_check(ld16(script) % 2 == 0 && (size_t)(p - k->rom) + pairs * 2 * DESCRIPTOR < k->rom_size);
    for (; pairs > 0; pairs--, p += 2 * DESCRIPTOR) {
        u64 key = __builtin_bswap32(ld32(p)) >> 16, offset = __builtin_bswap32(ld32(p + 4));
        u64 len = __builtin_bswap32(ld32(p + 20)), addr = __builtin_bswap64(ld64(p + 24));
        fuzz_check(offset + len <= part_size(k, (unsigned)key));
        fuzz_check(addr >= 0x1000 && addr + len <= ram);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const u8 mib[] = {1, 2, 3, 4, 8, 16, 32, 64};
    struct fuzz_in in = {data, size};
    u8 options = fuzz_take8(&in);
    unsigned modules = options & OPT_MODULES;
    u64 ram = (u64)mib[options >> OPT_RAM_SHIFT & 7] * MIB;
    char path[32], module[32], list[128], error[256] = "";
    int fd = fuzz_file(in.p, in.left, in.left, path), fd2 = fuzz_file((const u8 *)"module", 6, 5000, module);
    struct kernel k;
    snprintf(list, sizeof list, "%s%s,%s args,%s", modules == 2 ? "" : ",", module, module, module);
    int r = kernel_load(&k, path,
                        modules == 0   ? NULL
                        : modules == 1 ? module
                                       : list,
                        options & OPT_APPEND ? "root=/dev/sda quiet" : NULL, ram, error, sizeof error);
    if (r == 0) {
        check_script(&k, ram);
        kernel_free(&k);
    } else {
        fuzz_check(r < 0 && error[0] && !strchr(error, '\n'));
    }
    for (unsigned i = 0; i < KERNEL_PARTS; i++)
        fuzz_check(!k.part[i]);
    close(fd);
    close(fd2);
    return 0;
}

/* ---- seeds ---- */

static size_t bzimage(u8 *p, u16 version, u8 sects)
{
    p[0x1F1] = sects;
    st16(p + 0x1FE, 0xAA55);
    memcpy(p + 0x202, "HdrS", 4);
    st16(p + 0x206, version);
    p[0x211] = 1;
    st32(p + 0x22C, 0x37FFFFFF);
    return (sects + 1u) * 512 + 1500;
}

static void multiboot_header(u8 *p, u32 flags)
{
    st32(p, 0x1BADB002);
    st32(p + 4, flags);
    st32(p + 8, 0 - 0x1BADB002u - flags);
}

static size_t flat(u8 *p)
{
    multiboot_header(p + 16, 0x10003);
    st32(p + 28, 0x100010); /* header, load, end of load, end of bss, entry */
    st32(p + 32, 0x100000);
    st32(p + 36, 0x100400);
    st32(p + 40, 0x102000);
    st32(p + 44, 0x100040);
    return 0x400;
}

static size_t elf(u8 *p)
{
    memcpy(p, "\177ELF\1\1\1", 7);
    st16(p + 16, 2);
    st16(p + 18, 3);
    st32(p + 24, 0xC0100000);
    st32(p + 28, 52);
    st16(p + 42, 32);
    st16(p + 44, 2);
    for (unsigned i = 0; i < 2; i++) {
        u8 *ph = p + 52 + i * 32;
        u32 segment[8] = {1,     0x200 + i * 0x100, 0xC0100000 + i * 0x1000, 0x100000 + i * 0x1000, 0x100, 0x800, 5,
                          0x1000};
        memcpy(ph, segment, sizeof segment);
    }
    multiboot_header(p + 0x200, 3);
    return 0x400;
}

size_t fuzz_seed(unsigned n, u8 *out)
{
    u8 *p = out + 1;
    memset(out, 0, 0x4000);
    out[0] = (u8)(4 << OPT_RAM_SHIFT | (n & 7));
    switch (n) {
    case 0:
        return 1 + bzimage(p, 0x20C, 4);
    case 1:
        return 1 + bzimage(p, 0x202, 10);
    case 2:
        return 1 + elf(p);
    case 3:
        return 1 + flat(p);
    case 4:
        return 1 + elf(p);
    case 5:
        return 1 + flat(p);
    default:
        return 0;
    }
}
