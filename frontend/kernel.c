/*
 * kernel.c - Linux bzImage and multiboot kernels, taken apart for the boot ROM.
 */
#include "frontend/kernel.h"
#include "frontend/file.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

const u16 kernel_part_key[KERNEL_PARTS] = {KEY_SETUP_DATA, KEY_KERNEL_DATA, KEY_CMDLINE_DATA, KEY_INITRD_DATA};

/* Where things go. The BIOS uses low memory up to 500h, its stack below 7C00h and the EBDA from 9FC00h down. */
enum {
    SETUP_ADDR = 0x10000,
    CMDLINE_ADDR = 0x20000,
    KERNEL_ADDR = 0x100000,
    MBINFO_ADDR = 0x9000,
    MBINFO_MAX = 0x6000,
    SETUP_MAX = 0x9000,
    TOP_RESERVED = 1 << 20, /* the BIOS keeps its tables at the top of memory */
};
#define LOW_RAM_MAX ((u64)0xE0000000)
#define FILE_MAX ((u64)1 << 30)

struct place {
    u64 ram; /* below 4 GiB */
    char *error;
    size_t error_size;
    const char *path;
};

static int fail(const struct place *p, const char *why)
{
    snprintf(p->error, p->error_size, "%s: %s", p->path, why);
    return -EINVAL;
}

static void add_load(struct bootrom_script *s, enum kernel_part part, u32 offset, size_t len, u64 addr)
{
    s->load[s->loads++] = (struct bootrom_load){kernel_part_key[part], offset, (u32)len, addr};
}

/* ---- Linux ---- */

/* The setup header, offsets from the start of the file. */
enum {
    HDR_SETUP_SECTS = 0x1F1,
    HDR_BOOT_FLAG = 0x1FE,
    HDR_MAGIC = 0x202,
    HDR_VERSION = 0x206,
    HDR_LOADER = 0x210,
    HDR_LOADFLAGS = 0x211,
    HDR_RAMDISK = 0x218,
    HDR_RAMDISK_SIZE = 0x21C,
    HDR_HEAP_END = 0x224,
    HDR_CMDLINE = 0x228,
    HDR_INITRD_MAX = 0x22C,
    HDR_END = 0x268,
};

static bool is_linux(const u8 *p, size_t n)
{
    return n > HDR_END && ld16(p + HDR_BOOT_FLAG) == 0xAA55 && memcmp(p + HDR_MAGIC, "HdrS", 4) == 0;
}

static int place_initrd(struct kernel *k, const struct place *at, const char *initrd, u8 *setup,
                        struct bootrom_script *s)
{
    struct place file = *at;
    file.path = initrd;
    int r = file_read(initrd, FILE_MAX, &k->part[KERNEL_INITRD], &k->size[KERNEL_INITRD], at->error, at->error_size);
    if (r)
        return r;
    u64 max = ld16(setup + HDR_VERSION) >= 0x203 ? (u64)ld32(setup + HDR_INITRD_MAX) + 1 : 0x38000000;
    u64 top = MIN(max, at->ram - TOP_RESERVED), size = k->size[KERNEL_INITRD];
    if (size + KERNEL_ADDR + k->size[KERNEL_CODE] * 4 > top)
        return fail(&file, "the initial RAM disk does not fit into the guest's memory; give more with --mem");
    u64 addr = (top - size) & ~(u64)0xFFF;
    st32(setup + HDR_RAMDISK, (u32)addr);
    st32(setup + HDR_RAMDISK_SIZE, (u32)size);
    add_load(s, KERNEL_INITRD, 0, size, addr);
    return 0;
}

static int split(struct kernel *k, enum kernel_part part, const u8 *from, size_t n)
{
    k->part[part] = malloc(n);
    if (!k->part[part])
        return -ENOMEM;
    memcpy(k->part[part], from, n);
    k->size[part] = n;
    return 0;
}

static int load_linux(struct kernel *k, const struct place *at, const u8 *file, size_t n, const char *initrd,
                      const char *append, struct bootrom_script *s)
{
    size_t sects = file[HDR_SETUP_SECTS] ? file[HDR_SETUP_SECTS] : 4, setup_size = (sects + 1) * 512;
    if (setup_size >= n || setup_size > SETUP_MAX)
        return fail(at, "the kernel is truncated: its setup part is longer than the file");
    if (ld16(file + HDR_VERSION) < 0x202 || !(file[HDR_LOADFLAGS] & 1))
        return fail(at, "this kernel is too old (zImage or boot protocol before 2.02)");
    if (KERNEL_ADDR + (n - setup_size) + TOP_RESERVED > at->ram)
        return fail(at, "the kernel does not fit into the guest's memory; give more with --mem");
    const char *cmdline = append ? append : "";
    if (split(k, KERNEL_SETUP, file, setup_size) || split(k, KERNEL_CODE, file + setup_size, n - setup_size) ||
        split(k, KERNEL_CMDLINE, (const u8 *)cmdline, strlen(cmdline) + 1))
        return fail(at, "not enough memory");
    u8 *setup = k->part[KERNEL_SETUP];
    setup[HDR_LOADER] = 0xFF;
    setup[HDR_LOADFLAGS] |= 0x80; /* the heap may be used */
    st16(setup + HDR_HEAP_END, 0xE000 - 0x200);
    st32(setup + HDR_CMDLINE, CMDLINE_ADDR);
    if (initrd) {
        int r = place_initrd(k, at, initrd, setup, s);
        if (r)
            return r;
    }
    add_load(s, KERNEL_SETUP, 0, setup_size, SETUP_ADDR);
    add_load(s, KERNEL_CODE, 0, n - setup_size, KERNEL_ADDR);
    add_load(s, KERNEL_CMDLINE, 0, k->size[KERNEL_CMDLINE], CMDLINE_ADDR);
    s->real_segment = SETUP_ADDR >> 4;
    s->real_sp = 0xFFF0 - 0x1000;
    return 0;
}

/* ---- multiboot ---- */

enum { MB_MAGIC = 0x1BADB002, MB_SEARCH = 8192, MB_ADDRESSES = 1 << 16, MB_MODULES_MAX = 16 };

/* Multiboot information structure flags. */
enum { MBI_MEMORY = 1, MBI_CMDLINE = 4, MBI_MODS = 8, MBI_MMAP = 64, MBI_LOADER = 512 };

static const u8 *find_multiboot(const u8 *p, size_t n)
{
    for (size_t i = 0; i + 12 <= n && i < MB_SEARCH; i += 4)
        if (ld32(p + i) == MB_MAGIC && ld32(p + i) + ld32(p + i + 4) + ld32(p + i + 8) == 0)
            return p + i;
    return NULL;
}

/* An image of what lies at [base, base+size) in memory. */
struct flat {
    u64 base, end;
    u32 entry;
};

static int flat_alloc(struct kernel *k, const struct place *at, const struct flat *f)
{
    if (f->base >= f->end || f->base < 0x1000 || f->end + TOP_RESERVED > at->ram)
        return fail(at, "the kernel wants memory that the guest does not have; give more with --mem");
    k->size[KERNEL_CODE] = (size_t)(f->end - f->base);
    k->part[KERNEL_CODE] = calloc(1, k->size[KERNEL_CODE]);
    return k->part[KERNEL_CODE] ? 0 : fail(at, "not enough memory");
}

enum { ELF_PHOFF = 28, ELF_PHENTSIZE = 42, ELF_PHNUM = 44, ELF_ENTRY = 24, PH_SIZE = 32 };

struct elf_segment {
    u32 type, offset, vaddr, paddr, filesz, memsz;
};

static bool elf_segment(const u8 *p, size_t n, unsigned i, struct elf_segment *s)
{
    u64 at = (u64)ld32(p + ELF_PHOFF) + (u64)i * ld16(p + ELF_PHENTSIZE);
    if (ld16(p + ELF_PHENTSIZE) < PH_SIZE || at + PH_SIZE > n)
        return false;
    p += at;
    *s = (struct elf_segment){ld32(p), ld32(p + 4), ld32(p + 8), ld32(p + 12), ld32(p + 16), ld32(p + 20)};
    return s->type != 1 || ((u64)s->offset + s->filesz <= n && s->filesz <= s->memsz);
}

static int load_elf(struct kernel *k, const struct place *at, const u8 *p, size_t n, struct flat *f)
{
    unsigned count = ld16(p + ELF_PHNUM);
    struct elf_segment s;
    u32 entry = ld32(p + ELF_ENTRY);
    *f = (struct flat){~(u64)0, 0, entry};
    for (unsigned i = 0; i < count; i++) {
        if (!elf_segment(p, n, i, &s))
            return fail(at, "the ELF file is damaged: a program header points outside of it");
        if (s.type != 1 || s.memsz == 0)
            continue;
        f->base = MIN(f->base, s.paddr);
        f->end = MAX(f->end, (u64)s.paddr + s.memsz);
        if (entry - s.vaddr < s.memsz) /* paging is off: a kernel linked high is entered where it lies */
            f->entry = entry - s.vaddr + s.paddr;
    }
    int r = flat_alloc(k, at, f);
    for (unsigned i = 0; r == 0 && i < count; i++) {
        elf_segment(p, n, i, &s);
        if (s.type == 1 && s.memsz)
            memcpy(k->part[KERNEL_CODE] + (s.paddr - f->base), p + s.offset, s.filesz);
    }
    return r;
}

/* The a.out kludge: the header says itself where the file goes. */
static int load_flat(struct kernel *k, const struct place *at, const u8 *p, size_t n, const u8 *hdr, struct flat *f)
{
    if ((size_t)(hdr - p) + 32 > n)
        return fail(at, "the multiboot header is truncated");
    u64 header = ld32(hdr + 12), load = ld32(hdr + 16), load_end = ld32(hdr + 20), bss_end = ld32(hdr + 24);
    u64 skip = header - load, at_file = (u64)(hdr - p);
    if (header < load || skip > at_file)
        return fail(at, "the multiboot header's addresses make no sense");
    u64 len = load_end ? load_end - load : n - (at_file - skip);
    if ((load_end && load_end < load) || len > n - (at_file - skip))
        return fail(at, "the multiboot header names more bytes than the file has");
    *f = (struct flat){load, MAX(load + len, bss_end), ld32(hdr + 28)};
    int r = flat_alloc(k, at, f);
    if (r == 0)
        memcpy(k->part[KERNEL_CODE], p + (at_file - skip), len);
    return r;
}

/* The information structure under construction, at MBINFO_ADDR. */
struct mbinfo {
    u8 *p;
    u32 used;
};

static u32 mb_bytes(struct mbinfo *m, const void *data, size_t n)
{
    if (m->used + n > MBINFO_MAX)
        return 0;
    memcpy(m->p + m->used, data, n);
    u32 addr = MBINFO_ADDR + m->used;
    m->used = (u32)(m->used + n + 3) & ~3u;
    return addr;
}

static int mb_modules(struct kernel *k, const struct place *at, const char *list, u64 *next, struct mbinfo *m,
                      struct bootrom_script *s)
{
    u32 rows[MB_MODULES_MAX * 4], count = 0;
    while (list && *list) {
        char spec[512];
        size_t len = strcspn(list, ",");
        if (count == MB_MODULES_MAX)
            return fail(at, "a multiboot kernel can be given 16 modules, and --initrd names more");
        if (len >= sizeof spec)
            return fail(at, "a module's name and arguments in --initrd are longer than 511 characters");
        snprintf(spec, sizeof spec, "%.*s", (int)len, list);
        list += len + (list[len] == ',');
        u32 text = mb_bytes(m, spec, strlen(spec) + 1);
        spec[strcspn(spec, " ")] = 0;
        u8 *data;
        size_t size, old = k->size[KERNEL_INITRD];
        int r = file_read(spec, FILE_MAX, &data, &size, at->error, at->error_size);
        if (r)
            return r;
        u8 *all = realloc(k->part[KERNEL_INITRD], old + size);
        if (all) {
            memcpy(all + old, data, size);
            k->part[KERNEL_INITRD] = all;
            k->size[KERNEL_INITRD] = old + size;
        }
        free(data);
        if (!all || *next + size + TOP_RESERVED > at->ram)
            return fail(at, "the modules do not fit into the guest's memory; give more with --mem");
        add_load(s, KERNEL_INITRD, (u32)old, size, *next);
        u32 row[4] = {(u32)*next, (u32)(*next + size), text, 0};
        memcpy(&rows[count++ * 4], row, sizeof row);
        *next = (*next + size + 0xFFF) & ~(u64)0xFFF;
    }
    st32(m->p + 20, count);
    st32(m->p + 24, count ? mb_bytes(m, rows, count * 16) : 0);
    return 0;
}

/* BIOS-style memory map: what this machine's firmware reports, low memory cut where its own data begins. */
static void mb_memory(struct mbinfo *m, u64 low, u64 high)
{
    struct {
        u32 size;
        u64 base, len;
        u32 type;
    } __attribute__((packed)) map[] = {{20, 0, 0x9FC00, 1},
                                       {20, 0x9FC00, 0x400, 2},
                                       {20, 0xF0000, 0x10000, 2},
                                       {20, KERNEL_ADDR, low - KERNEL_ADDR - 0x20000, 1},
                                       {20, low - 0x20000, 0x20000, 2},
                                       {20, (u64)1 << 32, high, 1}};
    size_t n = sizeof map - (high ? 0 : sizeof map[0]);
    st32(m->p + 4, 639);
    st32(m->p + 8, (u32)((low - KERNEL_ADDR - 0x20000) >> 10));
    st32(m->p + 48, mb_bytes(m, map, n));
    st32(m->p + 44, (u32)n);
}

static int load_multiboot(struct kernel *k, const struct place *at, const u8 *p, size_t n, const u8 *hdr, u64 ram,
                          const char *modules, const char *append, struct bootrom_script *s)
{
    struct flat f;
    bool elf = n > 52 && memcmp(p, "\177ELF\1\1", 6) == 0;
    bool kludge = ld32(hdr + 4) & MB_ADDRESSES;
    if (!elf && !kludge)
        return fail(at, "a multiboot kernel, but neither a 32-bit ELF file nor one with load addresses");
    int r = kludge ? load_flat(k, at, p, n, hdr, &f) : load_elf(k, at, p, n, &f);
    if (r)
        return r;
    struct mbinfo m = {calloc(1, MBINFO_MAX), 96};
    if (!m.p)
        return fail(at, "not enough memory");
    k->part[KERNEL_SETUP] = m.p;
    char line[4096];
    snprintf(line, sizeof line, "%s%s%s", at->path, append ? " " : "", append ? append : "");
    u64 next = (f.end + 0xFFF) & ~(u64)0xFFF;
    mb_memory(&m, at->ram, ram - at->ram);
    st32(m.p + 16, mb_bytes(&m, line, strlen(line) + 1));
    st32(m.p + 64, mb_bytes(&m, "Ombra", 6));
    r = mb_modules(k, at, modules, &next, &m, s);
    if (r)
        return r;
    st32(m.p, MBI_MEMORY | MBI_CMDLINE | MBI_MODS | MBI_MMAP | MBI_LOADER);
    k->size[KERNEL_SETUP] = m.used;
    add_load(s, KERNEL_SETUP, 0, m.used, MBINFO_ADDR);
    add_load(s, KERNEL_CODE, 0, k->size[KERNEL_CODE], f.base);
    s->protected_mode = true;
    s->entry = f.entry;
    s->ebx = MBINFO_ADDR;
    return 0;
}

int kernel_load(struct kernel *k, const char *path, const char *initrd, const char *append, u64 ram, char *error,
                size_t error_size)
{
    u8 *file;
    size_t n;
    struct bootrom_script s = {0};
    struct place at = {MIN(ram, LOW_RAM_MAX), error, error_size, path};
    memset(k, 0, sizeof *k);
    int r = file_read(path, FILE_MAX, &file, &n, error, error_size);
    if (r)
        return r;
    const u8 *hdr = find_multiboot(file, n);
    if (is_linux(file, n))
        r = load_linux(k, &at, file, n, initrd, append, &s);
    else if (hdr)
        r = load_multiboot(k, &at, file, n, hdr, ram, initrd, append, &s);
    else
        r = fail(&at, "not a kernel: neither a Linux bzImage nor a multiboot image");
    free(file);
    if (r == 0)
        k->rom_size = bootrom_build(&s, k->rom);
    else
        kernel_free(k);
    return r;
}

void kernel_free(struct kernel *k)
{
    for (unsigned i = 0; i < KERNEL_PARTS; i++)
        free(k->part[i]);
    memset(k, 0, sizeof *k);
}
