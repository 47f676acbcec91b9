#include "disk/probe.h"

enum {
    ISO_PVD = 0x8000,
    ISO_VOLUME_BLOCKS = 80, /* in the descriptor: blocks, little-endian first */
    ISO_BLOCK_SIZE = 128,
    MBR_TABLE = 0x1BE,
    MBR_ENTRIES = 4,
    MBR_ENTRY_BYTES = 16,
    MBR_SIGNATURE = 0x1FE,
    LINUX_HEADER = 0x202, /* "HdrS" */
    EXT_MAGIC = 0x438,
    GPT_HEADER = 0x200,
    MULTIBOOT_SEARCH = 8192,
};

#define FLOPPY_MAX (2880u * 1024)
#define MULTIBOOT_MAGIC 0x1BADB002u

bool probe_floppy_size(u64 size)
{
    static const u16 kib[] = {160, 180, 320, 360, 640, 720, 800, 1200, 1440, 1680, 1722, 1743, 2880};

    for (unsigned i = 0; i < ARRAY_LEN(kib); i++)
        if (size == (u64)kib[i] * 1024)
            return true;
    return false;
}

static bool has(const struct probe *p, u32 offset, const char *bytes, size_t len)
{
    return offset + len <= p->size && memcmp(p->head + offset, bytes, len) == 0;
}

u64 probe_iso_size(const struct probe *p)
{
    if (!has(p, ISO_PVD + 1, "CD001", 5))
        return 0;
    return (u64)ld32(p->head + ISO_PVD + ISO_VOLUME_BLOCKS) * ld16(p->head + ISO_PVD + ISO_BLOCK_SIZE);
}

/* Multiboot 1: magic, flags and checksum that add up to zero, on a dword in the first 8 KiB. */
static bool has_multiboot(const struct probe *p)
{
    u64 end = MIN(p->size, (u64)MULTIBOOT_SEARCH);

    for (u32 i = 0; i + 12 <= end; i += 4) {
        const u8 *h = p->head + i;
        if (ld32(h) == MULTIBOOT_MAGIC && MULTIBOOT_MAGIC + ld32(h + 4) + ld32(h + 8) == 0)
            return true;
    }
    return false;
}

static bool entry_plausible(const u8 *e)
{
    return (e[0] & 0x7F) == 0 && e[4] != 0 && ld32(e + 12) != 0;
}

/* A partition table in which every entry is either unused or makes sense, and at least one is used. */
static bool has_partitions(const struct probe *p)
{
    unsigned used = 0;

    if (!has(p, MBR_SIGNATURE, "\x55\xAA", 2))
        return false;
    for (unsigned i = 0; i < MBR_ENTRIES; i++) {
        const u8 *e = p->head + MBR_TABLE + i * MBR_ENTRY_BYTES;
        if (entry_plausible(e))
            used++;
        else if (e[4] != 0)
            return false;
    }
    return used > 0;
}

static bool blank_sector(const struct probe *p)
{
    for (unsigned i = 0; i < SECTOR_BYTES; i++)
        if (p->head[i])
            return false;
    return true;
}

/* Disks without a partition table: freshly made ones, one big file system, GPT without a protective MBR. */
static bool looks_like_disk(const struct probe *p)
{
    return p->size % SECTOR_BYTES == 0 && p->size > FLOPPY_MAX &&
           (blank_sector(p) || has(p, MBR_SIGNATURE, "\x55\xAA", 2) || has(p, EXT_MAGIC, "\x53\xEF", 2) ||
            has(p, GPT_HEADER, "EFI PART", 8));
}

enum image_kind probe_kind(const struct probe *p)
{
    if (has(p, ISO_PVD + 1, "CD001", 5))
        return IMAGE_CD; /* before the MBR: installers' images are both */
    if (probe_floppy_size(p->size))
        return IMAGE_FLOPPY;
    if (has(p, LINUX_HEADER, "HdrS", 4))
        return IMAGE_LINUX;
    if (has_multiboot(p))
        return IMAGE_MULTIBOOT;
    if (has(p, 0,
            "\x7F"
            "ELF",
            4))
        return IMAGE_ELF;
    if (has_partitions(p) || looks_like_disk(p))
        return IMAGE_HD;
    if (p->size <= FLOPPY_MAX && has(p, MBR_SIGNATURE, "\x55\xAA", 2))
        return IMAGE_FLOPPY; /* a boot sector, perhaps with a little behind it */
    return IMAGE_UNKNOWN;
}

const char *probe_foreign(const struct probe *p, const char **advice)
{
    static const char convert[] = "convert it with 'qemu-img convert -O raw'";
    static const struct {
        const char *magic;
        u8 len;
        u8 offset;
        const char *name, *advice;
    } formats[] = {
        {"QFI\xFB", 4, 0, "a qcow2 image", convert},
        {"KDMV", 4, 0, "a VMDK image", convert},
        {"# Disk DescriptorFile", 21, 0, "a VMDK description", convert},
        {"\x7F\x10\xDA\xBE", 4, 64, "a VDI image", convert},
        {"conectix", 8, 0, "a VHD image", convert},
        {"vhdxfile", 8, 0, "a VHDX image", convert},
        {"Bochs Virtual HD Image", 22, 0, "a Bochs growing image", convert},
        {"\x1F\x8B", 2, 0, "compressed with gzip", "unpack it with 'gunzip'"},
        {"BZh", 3, 0, "compressed with bzip2", "unpack it with 'bunzip2'"},
        {"\xFD"
         "7zXZ",
         5, 0, "compressed with xz", "unpack it with 'unxz'"},
        {"\x28\xB5\x2F\xFD", 4, 0, "compressed with zstd", "unpack it with 'unzstd'"},
        {"PK\x03\x04", 4, 0, "a ZIP archive", "unpack it with 'unzip'"},
    };

    for (unsigned i = 0; i < ARRAY_LEN(formats); i++) {
        if (has(p, formats[i].offset, formats[i].magic, formats[i].len)) {
            *advice = formats[i].advice;
            return formats[i].name;
        }
    }
    return NULL;
}

bool probe_partition_shape(const u8 *mbr, u64 total, unsigned *heads, unsigned *sectors)
{
    if (ld16(mbr + MBR_SIGNATURE) != 0xAA55)
        return false;
    for (unsigned i = 0; i < MBR_ENTRIES; i++) {
        const u8 *e = mbr + MBR_TABLE + i * MBR_ENTRY_BYTES;
        unsigned h = e[5] + 1u, s = e[6] & 63u;
        /* Partitions end on the last head and sector of a cylinder, as far as their makers could. */
        if (!entry_plausible(e) || s == 0 || h == 1)
            continue;
        u64 cylinders = total / (h * s);
        if (cylinders < 1 || cylinders > 16383)
            continue;
        *heads = h;
        *sectors = s;
        return true;
    }
    return false;
}
