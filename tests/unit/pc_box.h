/*
 * pc_box.h - a small whole machine for tests: SeaBIOS, a floppy, a disk and a CD in memory, each of which boots into a
 * loop that reads (and, but for the CD, writes) sectors without end and counts its rounds at 0:500h.
 *
 * Boots from floppy ('a'), disk ('c') or CD ('d'), or the tour of the machine from the floppy (BOX_TOUR).
 *
 * The media are copies of their own, so that a test can give a second machine what the first one had at some moment.
 */
#ifndef OMBRA_TESTS_PC_BOX_H
#define OMBRA_TESTS_PC_BOX_H

#include "frontend/guest/tour.h"
#include "mem_block.h"
#include "tests/unit/engine_mode.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

enum {
    BOX_FLOPPY,
    BOX_DISK,
    BOX_CD,
    BOX_MEDIA,
    BOX_RAM = 2 << 20,
    BOX_ROM_MAX = 1 << 20,
    BOX_ROUNDS = 0x500,
    BOX_TOUR = 't'
};

/* Reads drive DL's first 17 sectors to 0:1000h and writes the eighth from 0:500h. */
static const u8 box_boot_sector[] = {
    0x31, 0xC0, 0x8E, 0xD8, 0xBE, 0x00, 0x06, 0x8E, 0xC0, /* xor ax,ax; mov ds,ax; mov si,600h; mov es,ax */
    0xB8, 0x11, 0x02,                                     /* again: mov ax, 0211h */
    0xBB, 0x00, 0x10,                                     /* mov bx, 1000h */
    0xB9, 0x01, 0x00,                                     /* mov cx, 1 */
    0xB6, 0x00,                                           /* mov dh, 0 */
    0xCD, 0x13,                                           /* int 13h */
    0xFF, 0x06, 0x00, 0x05,                               /* inc word [500h] */
    0xB8, 0x01, 0x03, 0xBB, 0x00, 0x05,                   /* mov ax, 0301h; mov bx, 500h */
    0xB9, 0x08, 0x00,                                     /* mov cx, 8 */
    0xCD, 0x13,                                           /* int 13h */
    0xEB, 0xE2,                                           /* jmp again */
};

/* Reads four sectors of CD drive DL to 0:1000h by the extended call; its packet is at 0:600h. */
static const u8 box_boot_cd[] = {
    0x31, 0xC0, 0x8E, 0xD8, 0xBE, 0x00, 0x06, /* xor ax,ax; mov ds,ax; mov si,600h */
    0xC7, 0x04, 0x10, 0x00,                   /* again: mov word [si], 16 */
    0xC7, 0x44, 0x02, 0x04, 0x00,             /* mov word [si+2], 4: sectors */
    0xC7, 0x44, 0x04, 0x00, 0x10,             /* mov word [si+4], 1000h: to */
    0xC7, 0x44, 0x06, 0x00, 0x00,             /* mov word [si+6], 0 */
    0xC7, 0x44, 0x08, 0x10, 0x00,             /* mov word [si+8], 16: from */
    0xC7, 0x44, 0x0A, 0x00, 0x00,             /* and zeros above */
    0xC7, 0x44, 0x0C, 0x00, 0x00,             /* ... */
    0xC7, 0x44, 0x0E, 0x00, 0x00,             /* ... */
    0xB4, 0x42, 0xCD, 0x13,                   /* mov ah,42h; int 13h */
    0xFF, 0x06, 0x00, 0x05,                   /* inc word [500h] */
    0xEB, 0xCF,                               /* jmp again */
};

/* Firmware images, read once for a test program: the state that its tests get. */
struct box_roms {
    u8 *bios, *vgabios;
    size_t bios_size, vgabios_size;
};

struct box {
    struct pc *pc;
    const struct box_roms *roms;
    char boot, order[2];
    struct mem_block media[BOX_MEDIA];
};

static inline bool box_slurp(const char *path, u8 **data, size_t *size)
{
    FILE *f = fopen(path, "rb");
    if (!f)
        return false;
    *data = malloc(BOX_ROM_MAX);
    *size = *data ? fread(*data, 1, BOX_ROM_MAX, f) : 0;
    fclose(f);
    return *size > 0;
}

static inline int box_group_setup(void **state)
{
    struct box_roms *r = calloc(1, sizeof *r);
    if (!r)
        return -1;
    *state = r;
    if (!box_slurp("/usr/share/seabios/bios-256k.bin", &r->bios, &r->bios_size) ||
        !box_slurp("/usr/share/seabios/vgabios-stdvga.bin", &r->vgabios, &r->vgabios_size))
        r->bios_size = 0;
    return 0;
}

static inline int box_group_teardown(void **state)
{
    struct box_roms *r = *state;
    free(r->bios);
    free(r->vgabios);
    free(r);
    return 0;
}

/* Without SeaBIOS there is nothing to test with. */
static inline const struct box_roms *box_roms_or_skip(void **state)
{
    const struct box_roms *r = *state;
    if (!r->bios_size) {
        print_message("SeaBIOS is not installed: skipped\n");
        skip();
    }
    return r;
}

/* El Torito: the boot record in sector 17 names the catalog in 19, that names four 512-byte sectors at 20. */
static inline void box_make_cd(u8 *cd)
{
    enum { SECTOR = 2048, CATALOG = 19, IMAGE = 20 };
    memcpy(cd + 16 * SECTOR, "\1CD001\1", 8);
    memcpy(cd + 17 * SECTOR, "\0CD001\1EL TORITO SPECIFICATION", 31);
    st32(cd + 17 * SECTOR + 0x47, CATALOG);
    memcpy(cd + 18 * SECTOR, "\377CD001\1", 8);
    u8 *entry = cd + CATALOG * SECTOR;
    entry[0] = 1;
    st16(entry + 30, 0xAA55);
    st16(entry + 28, (u16)(0 - 1 - 0xAA55)); /* the words add up to zero */
    entry[32] = 0x88;                        /* bootable, no emulation */
    st16(entry + 32 + 6, 4);
    st32(entry + 32 + 8, IMAGE);
    memcpy(cd + IMAGE * SECTOR, box_boot_cd, sizeof box_boot_cd);
}

static inline void box_make_media(struct box *b)
{
    static const u64 size[BOX_MEDIA] = {1474560, 4 << 20, 32 * 2048};
    for (unsigned i = 0; i < BOX_MEDIA; i++) {
        struct mem_block *m = &b->media[i];
        mem_block_init(m, size[i], 512);
        if (i == BOX_CD) {
            m->block.readonly = true;
            memset(m->data, 0, size[i]);
            box_make_cd(m->data);
            continue;
        }
        memset(m->data, 0, 512);
        memcpy(m->data, box_boot_sector, sizeof box_boot_sector);
        st16(m->data + 510, 0xAA55);
        if (i == BOX_FLOPPY && b->boot == BOX_TOUR)
            memcpy(m->data, tour_code, tour_code_size);
    }
}

static inline struct pc_config box_config(struct box *b)
{
    struct pc_config config = {
        .cpu = cpu_model_find("p4"),
        .ram = BOX_RAM,
        .bios = b->roms->bios,
        .bios_size = b->roms->bios_size,
        .vgabios = b->roms->vgabios,
        .vgabios_size = b->roms->vgabios_size,
        .apic = true,
        .serial_present = {true},
        .boot_order = b->order,
        .floppy = {&b->media[BOX_FLOPPY].block},
        .drive =
            {{.kind = PC_DRIVE_DISK, .block = &b->media[BOX_DISK].block, .cylinders = 8, .heads = 16, .sectors = 63},
             {.kind = PC_DRIVE_NONE},
             {.kind = PC_DRIVE_CD, .block = &b->media[BOX_CD].block}},
        .log_out = stderr,
    };
    test_engine_pc(&config);
    return config;
}

static inline void box_build(struct box *b, const struct pc_config *config)
{
    char error[256];
    b->pc = pc_new(config, error, sizeof error);
    if (!b->pc)
        fail_msg("%s", error);
}

/* A box without its machine. */
static inline void box_prepare(struct box *b, const struct box_roms *roms, char boot)
{
    *b = (struct box){.roms = roms, .boot = boot, .order = {boot == BOX_TOUR ? 'a' : boot}};
    box_make_media(b);
}

static inline void box_open(struct box *b, const struct box_roms *roms, char boot)
{
    box_prepare(b, roms, boot);
    struct pc_config config = box_config(b);
    box_build(b, &config);
}

/* Another machine around the same media. */
static inline void box_renew(struct box *b)
{
    struct pc_config config = box_config(b);
    pc_free(b->pc);
    box_build(b, &config);
}

static inline void box_close(struct box *b)
{
    pc_free(b->pc);
    for (unsigned i = 0; i < BOX_MEDIA; i++)
        block_close(&b->media[i].block);
}

/* Gives TO's media what FROM's hold now. */
static inline void box_copy_media(struct box *to, const struct box *from)
{
    for (unsigned i = 0; i < BOX_MEDIA; i++)
        memcpy(to->media[i].data, from->media[i].data, from->media[i].block.size);
}

static inline bool box_same_media(const struct box *a, const struct box *b)
{
    for (unsigned i = 0; i < BOX_MEDIA; i++)
        if (memcmp(a->media[i].data, b->media[i].data, a->media[i].block.size) != 0)
            return false;
    return true;
}

/* N counts, with waiting skipped. */
static inline void box_run(struct box *b, u64 n)
{
    u64 end = cpu_count(pc_cpu(b->pc)) + n, now;
    while ((now = cpu_count(pc_cpu(b->pc))) < end) {
        enum pc_stop stop = pc_run(b->pc, end - now);
        if (stop == PC_IDLE)
            pc_skip_to(b->pc, pc_next_event(b->pc));
        else
            assert_int_equal(stop, PC_BUDGET);
    }
}

/* How often the boot sector's loop has come round. */
static inline unsigned box_rounds(const struct box *b)
{
    u8 word[2];
    phys_read(pc_cpu(b->pc)->mmu.phys, BOX_ROUNDS, word, sizeof word);
    return ld16(word);
}

static inline u64 box_random(u64 *seed, u64 n)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return (*seed >> 33) % n;
}

#endif
