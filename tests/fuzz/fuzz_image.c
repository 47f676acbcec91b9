/*
 * fuzz_image.c - disk, CD and floppy images: what a file is taken for, opening it as each kind, the shape of a disk,
 * and reads and writes inside, across and behind its end.
 *
 * An input is six bytes for the file's size (what is missing is a hole), one of options, then the file's beginning.
 */
#define _GNU_SOURCE /* memfd_create */
#include "disk/image.h"
#include "tests/fuzz/fuzz.h"

enum { OPT_EXACT = 1, OPT_SNAPSHOT = 2, HEADER = 7, SIZE_MAX_BITS = 34 };

static void check_shape(struct block *b)
{
    struct image_geometry g;
    image_geometry(b, &g);
    fuzz_check(g.cylinders >= 1 && g.cylinders <= 16383);
    fuzz_check(g.heads >= 1 && g.heads <= 16 && g.sectors >= 1 && g.sectors <= 63);
    fuzz_check(g.translation <= IMAGE_CHS_LARGE);
}

static bool all_zero(const u8 *p, size_t n)
{
    while (n > 0 && *p == 0)
        p++, n--;
    return n == 0;
}

/* A sector inside, one across the end and one behind it. */
static void check_access(struct block *b)
{
    u8 sector[512], back[512];
    memset(sector, 0x55, sizeof sector);
    fuzz_check(block_read(b, b->size, sector, sizeof sector) == 0 && all_zero(sector, sizeof sector));
    fuzz_check(block_read(b, b->size - 1, sector, sizeof sector) == 0 && all_zero(sector + 1, sizeof sector - 1));
    memset(sector, 0x55, sizeof sector);
    fuzz_check(block_write(b, b->size, sector, sizeof sector) != 0);
    u64 at = b->size / 1024 * 512;
    if (b->readonly || b->size - at < sizeof sector)
        return;
    fuzz_check(block_write(b, at, sector, sizeof sector) == 0 && block_read(b, at, back, sizeof back) == 0);
    fuzz_check(memcmp(sector, back, sizeof back) == 0);
    fuzz_check(block_flush(b) == 0);
}

static void check_open(const char *path, enum image_kind kind, unsigned flags, u64 size)
{
    char error[IMAGE_ERROR_MAX] = "";
    struct block *b = NULL;
    int r = image_open(path, kind, flags, &b, error, sizeof error);
    if (r) {
        fuzz_check(r < 0 && error[0] && !strchr(error, '\n'));
        return;
    }
    fuzz_check(b->size == size);
    check_shape(b);
    check_access(b);
    block_close(b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_in in = {data, size};
    u64 wanted = fuzz_take(&in, 6) & (BIT64(SIZE_MAX_BITS) - 1);
    u8 options = fuzz_take8(&in);
    u64 bytes = options & OPT_EXACT ? in.left : MAX(wanted, (u64)in.left);
    char path[32], error[IMAGE_ERROR_MAX] = "";
    int fd = fuzz_file(in.p, in.left, bytes, path);
    enum image_kind kind = IMAGE_UNKNOWN;
    int r = image_probe(path, &kind, error, sizeof error);
    fuzz_check(r == 0 ? kind <= IMAGE_ELF && strlen(image_kind_name(kind)) > 0 : r < 0 && error[0]);
    unsigned flags = options & OPT_SNAPSHOT ? IMAGE_SNAPSHOT : 0;
    check_open(path, IMAGE_CD, flags, bytes);
    check_open(path, IMAGE_FLOPPY, flags, bytes);
    check_open(path, IMAGE_HD, flags, bytes);
    close(fd);
    return 0;
}

/* ---- seeds ---- */

static void put_size(u8 *out, u64 size, u8 options)
{
    memcpy(out, &size, 6);
    out[6] = options;
}

static void boot_signature(u8 *p)
{
    p[510] = 0x55;
    p[511] = 0xAA;
}

static size_t iso(u8 *p)
{
    u8 *pvd = p + 0x8000;
    pvd[0] = 1;
    memcpy(pvd + 1, "CD001\1", 6);
    st32(pvd + 80, 0x20);
    st16(pvd + 128, 2048);
    pvd[0x800] = 255;
    memcpy(pvd + 0x801, "CD001\1", 6);
    return 0x9000;
}

static size_t mbr(u8 *p)
{
    static const u8 entry[16] = {0x80, 1, 1, 0, 6, 15, 63, 20, 63, 0, 0, 0, 0x80, 0x50, 0, 0};
    boot_signature(p);
    memcpy(p + 0x1BE, entry, sizeof entry);
    return 512;
}

size_t fuzz_seed(unsigned n, u8 *out)
{
    u8 *p = out + HEADER;
    memset(out, 0, 0xA000);
    put_size(out, n % 2 ? 1440 << 10 : 20 << 20, (u8)(n & OPT_SNAPSHOT));
    switch (n) {
    case 0:
        return HEADER + mbr(p);
    case 1:
        boot_signature(p);
        return HEADER + 512;
    case 2:
        put_size(out, 0, OPT_EXACT | OPT_SNAPSHOT);
        return HEADER + iso(p);
    case 3:
        return HEADER + 16; /* an empty floppy */
    case 4:
        memcpy(p + 0x438, "\x53\xEF", 2);
        return HEADER + 0x600;
    case 5:
        memcpy(p, "QFI\xFB", 4);
        return HEADER + 512;
    case 6:
        memcpy(p + 0x202, "HdrS", 4);
        boot_signature(p);
        return HEADER + 1024;
    case 7:
        put_size(out, 0, OPT_EXACT);
        memcpy(p + 64, "\x7F\x10\xDA\xBE", 4);
        return HEADER + 512;
    default:
        return 0;
    }
}
