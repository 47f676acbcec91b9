/*
 * test_pc_state.c - whole machines: saved and loaded at random points, hashed, side by side, and hostile files.
 * Needs SeaBIOS.
 */
#include "disk/image.h"
#include "hw/pc.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

enum { FLOPPY_BYTES = 1474560, DISK_BYTES = 4 << 20, POINTS = 25 };

/* Reads disk drive DL's sectors 1 to 18 of cylinder 0, head 0, over and over, writes the eighth and counts at 0:500h.
 */
static const u8 boot_sector[] = {
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

struct images {
    u8 *bios, *vgabios;
    size_t bios_size, vgabios_size;
    char floppy[32], disk[32];
};

static struct images images; /* read-only after the group's setup */

static bool slurp(const char *path, u8 **data, size_t *size)
{
    FILE *f = fopen(path, "rb");
    if (!f)
        return false;
    *data = malloc(1 << 20);
    *size = fread(*data, 1, 1 << 20, f);
    fclose(f);
    return *size > 0;
}

static void make_image(char *path, const char *name, long bytes)
{
    snprintf(path, 32, "/tmp/%sXXXXXX", name);
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    u8 sector[512] = {0};
    memcpy(sector, boot_sector, sizeof boot_sector);
    sector[510] = 0x55;
    sector[511] = 0xAA;
    assert_int_equal(write(fd, sector, 512), 512);
    assert_int_equal(ftruncate(fd, bytes), 0);
    close(fd);
}

static int group_setup(void **state)
{
    if (!slurp("/usr/share/seabios/bios-256k.bin", &images.bios, &images.bios_size) ||
        !slurp("/usr/share/seabios/vgabios-stdvga.bin", &images.vgabios, &images.vgabios_size))
        return 0; /* the tests skip */
    make_image(images.floppy, "fd", FLOPPY_BYTES);
    make_image(images.disk, "hd", DISK_BYTES);
    return 0;
}

static int group_teardown(void **state)
{
    if (images.floppy[0]) {
        unlink(images.floppy);
        unlink(images.disk);
    }
    free(images.bios);
    free(images.vgabios);
    return 0;
}

struct box {
    struct pc *pc;
    struct block *floppy, *disk;
};

/* A small machine that boots from its floppy or its disk; writes go to an overlay. */
static void box_open(struct box *b, char boot)
{
    char error[IMAGE_ERROR_MAX], order[2] = {boot, 0};
    struct pc_config config = {.cpu = cpu_model_find("p4"),
                               .ram = 4 << 20,
                               .bios = images.bios,
                               .bios_size = images.bios_size,
                               .vgabios = images.vgabios,
                               .vgabios_size = images.vgabios_size,
                               .apic = true,
                               .boot_order = order,
                               .log_out = stderr};
    assert_int_equal(image_open(images.floppy, IMAGE_FLOPPY, IMAGE_SNAPSHOT, &b->floppy, error, sizeof error), 0);
    assert_int_equal(image_open(images.disk, IMAGE_HD, IMAGE_SNAPSHOT, &b->disk, error, sizeof error), 0);
    config.floppy[0] = b->floppy;
    config.drive[0].kind = PC_DRIVE_DISK;
    config.drive[0].block = b->disk;
    config.drive[0].cylinders = 8;
    config.drive[0].heads = 16;
    config.drive[0].sectors = 63;
    b->pc = pc_new(&config, error, sizeof error);
    if (!b->pc)
        fail_msg("%s", error);
}

static void box_close(struct box *b)
{
    pc_free(b->pc);
    block_close(b->floppy);
    block_close(b->disk);
}

/* N counts, with waiting skipped. */
static void box_run(struct box *b, u64 n)
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

static u64 random_below(u64 *seed, u64 n)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return (*seed >> 33) % n;
}

static void skip_without_bios(void)
{
    if (!images.disk[0]) {
        print_message("SeaBIOS is not installed: skipped\n");
        skip();
    }
}

static void check_point(char boot, u64 at, u64 more)
{
    struct box one, other;
    struct state_buf saved = {0};
    char error[256] = "";
    box_open(&one, boot);
    box_run(&one, at);
    assert_int_equal(pc_save(one.pc, &saved), 0);
    u64 there = pc_hash(one.pc);
    box_run(&one, more);
    u64 after = pc_hash(one.pc);

    /* The other one's disks have not seen the writes: it gets the same blocks only if nothing was written yet, so the
     * sector written is brought over by running the same way. */
    box_open(&other, boot);
    box_run(&other, at);
    assert_true(pc_hash(other.pc) == there);
    pc_reset(other.pc);
    int r = pc_load(other.pc, &saved, error, sizeof error);
    if (r)
        fail_msg("at %llu: %s", (unsigned long long)at, error);
    if (pc_hash(other.pc) != there)
        fail_msg("boot %c, at %llu: the loaded machine differs", boot, (unsigned long long)at);
    box_run(&other, more);
    if (pc_hash(other.pc) != after)
        fail_msg("boot %c, at %llu: %llu counts later the machines differ", boot, (unsigned long long)at,
                 (unsigned long long)more);
    state_buf_free(&saved);
    box_close(&one);
    box_close(&other);
}

/* The floppy and disk loops transfer nearly all the time. */
static void test_points(void **state)
{
    skip_without_bios();
    u64 seed = 2;
    for (unsigned i = 0; i < POINTS; i++)
        check_point(i % 3 == 0 ? 'a' : 'c', 1000 + random_below(&seed, i % 3 == 2 ? 20000000 : 60000000),
                    1 + random_below(&seed, 3000000));
}

/* Two machines in one process, run in turns of odd lengths, end as one that ran alone. */
static void test_side_by_side(void **state)
{
    skip_without_bios();
    struct box a, b, alone;
    box_open(&a, 'a');
    box_open(&b, 'a');
    box_open(&alone, 'a');
    for (unsigned i = 0; i < 100; i++) {
        box_run(&a, 77777);
        box_run(&b, 77777);
    }
    box_run(&alone, 7777700);
    assert_true(pc_hash(a.pc) == pc_hash(alone.pc));
    assert_true(pc_hash(b.pc) == pc_hash(alone.pc));
    box_close(&a);
    box_close(&b);
    box_close(&alone);
}

/* Damaged states are refused or taken, but nothing breaks: the machine runs on. */
static void test_hostile(void **state)
{
    skip_without_bios();
    struct box one;
    struct state_buf saved = {0};
    u64 seed = 5;
    char error[256];
    box_open(&one, 'c');
    box_run(&one, 25000000);
    assert_int_equal(pc_save(one.pc, &saved), 0);
    for (unsigned i = 0; i < 300; i++) {
        u64 at = random_below(&seed, MIN(saved.len, (size_t)24000));
        u8 was = saved.data[at];
        saved.data[at] ^= (u8)(1 + random_below(&seed, 255));
        size_t len = saved.len;
        if (i % 10 == 0)
            saved.len = random_below(&seed, saved.len);
        if (pc_load(one.pc, &saved, error, sizeof error) == 0) {
            pc_run(one.pc, 20000);
            pc_hash(one.pc);
        } else {
            assert_true(strlen(error) > 0);
        }
        saved.len = len;
        saved.data[at] = was;
    }
    assert_int_equal(pc_load(one.pc, &saved, error, sizeof error), 0);
    state_buf_free(&saved);
    box_close(&one);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_points),
        cmocka_unit_test(test_side_by_side),
        cmocka_unit_test(test_hostile),
    };
    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
