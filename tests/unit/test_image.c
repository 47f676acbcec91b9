/* Opening and recognizing image files; the overlay; complaints that a person can act on. */
#include "disk/image.h"
#include "disk/overlay.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

struct fixture {
    char dir[64];
    char path[128];
    char err[IMAGE_ERROR_MAX];
    u8 buf[0x9000];
};

static int setup(void **state)
{
    struct fixture *t = calloc(1, sizeof *t);
    strcpy(t->dir, "/tmp/ombra-test-XXXXXX");
    if (!mkdtemp(t->dir))
        return -1;
    snprintf(t->path, sizeof t->path, "%s/image", t->dir);
    *state = t;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *t = *state;
    chmod(t->path, 0600);
    unlink(t->path);
    rmdir(t->dir);
    free(t);
    return 0;
}

/* Makes the image: LEN bytes of t->buf, then zeros up to SIZE. */
static void make(struct fixture *t, size_t len, u64 size)
{
    FILE *f = fopen(t->path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(t->buf, 1, len, f), len);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(truncate(t->path, (off_t)size), 0);
}

static enum image_kind probe(struct fixture *t)
{
    enum image_kind kind = IMAGE_UNKNOWN;
    assert_int_equal(image_probe(t->path, &kind, t->err, sizeof t->err), 0);
    return kind;
}

static int open_as(struct fixture *t, enum image_kind kind, unsigned flags, struct block **b)
{
    t->err[0] = 0;
    return image_open(t->path, kind, flags, b, t->err, sizeof t->err);
}

static void boot_signature(struct fixture *t)
{
    t->buf[510] = 0x55;
    t->buf[511] = 0xAA;
}

static void partition(struct fixture *t, u8 heads, u8 sectors)
{
    u8 *e = t->buf + 0x1BE;
    boot_signature(t);
    e[0] = 0x80;
    e[4] = 0x83;
    e[5] = heads - 1;
    e[6] = sectors;
    e[7] = 100;
    st32(e + 8, sectors);
    st32(e + 12, 10000);
}

static void test_kinds(void **state)
{
    struct fixture *t = *state;

    make(t, 0, 1440 * 1024);
    assert_int_equal(probe(t), IMAGE_FLOPPY);
    make(t, 0, 160 * 1024);
    assert_int_equal(probe(t), IMAGE_FLOPPY);
    make(t, 0, 5000);
    assert_int_equal(probe(t), IMAGE_UNKNOWN);
    make(t, 0, 64 << 20);
    assert_int_equal(probe(t), IMAGE_HD); /* blank */
    partition(t, 16, 63);
    make(t, 512, 64 << 20);
    assert_int_equal(probe(t), IMAGE_HD);
    make(t, 512, 1 << 20);
    assert_int_equal(probe(t), IMAGE_HD); /* small, but partitioned */
    memcpy(t->buf + 0x8001, "CD001", 5);
    make(t, 0x9000, 64 << 20);
    assert_int_equal(probe(t), IMAGE_CD); /* a hybrid */
    memset(t->buf, 0, sizeof t->buf);
    boot_signature(t);
    make(t, 512, 512);
    assert_int_equal(probe(t), IMAGE_FLOPPY);
    memcpy(t->buf + 0x202, "HdrS", 4);
    make(t, 1024, 4 << 20);
    assert_int_equal(probe(t), IMAGE_LINUX);
}

static void test_kernels(void **state)
{
    struct fixture *t = *state;

    memcpy(t->buf,
           "\x7F"
           "ELF",
           4);
    make(t, 4096, 100000);
    assert_int_equal(probe(t), IMAGE_ELF);
    st32(t->buf + 0x40, 0x1BADB002);
    st32(t->buf + 0x44, 3);
    st32(t->buf + 0x48, -(0x1BADB002u + 3));
    make(t, 4096, 100000);
    assert_int_equal(probe(t), IMAGE_MULTIBOOT);
    t->buf[0x48]++; /* wrong checksum */
    make(t, 4096, 100000);
    assert_int_equal(probe(t), IMAGE_ELF);
}

static void test_read_write(void **state)
{
    struct fixture *t = *state;
    struct block *b;
    u8 got[1024], data[512];

    memset(data, 0x5A, sizeof data);
    make(t, 0, 1 << 20);
    assert_int_equal(open_as(t, IMAGE_HD, 0, &b), 0);
    assert_int_equal(b->size, 1 << 20);
    assert_false(b->readonly);
    assert_int_equal(block_write(b, 512, data, 512), 0);
    assert_int_equal(b->generation, 1);
    assert_int_equal(block_flush(b), 0);
    assert_int_equal(block_write(b, (1 << 20) - 256, data, 512), -ENOSPC);
    memset(got, 0xFF, sizeof got);
    assert_int_equal(block_read(b, (1 << 20) - 512, got, 1024), 0);
    for (unsigned i = 0; i < 1024; i++)
        assert_int_equal(got[i], 0); /* nothing of the write beyond the end, zeros behind it */
    block_close(b);
    assert_int_equal(open_as(t, IMAGE_HD, IMAGE_READONLY, &b), 0);
    assert_int_equal(block_read(b, 512, got, 512), 0);
    assert_memory_equal(got, data, 512);
    assert_int_equal(block_write(b, 0, data, 512), -EROFS);
    block_close(b);
}

static void test_snapshot(void **state)
{
    struct fixture *t = *state;
    struct block *b;
    u8 got[9000], want[9000], data[5000];

    for (unsigned i = 0; i < sizeof t->buf; i++)
        t->buf[i] = (u8)(i * 7 + i / 256);
    make(t, sizeof t->buf, sizeof t->buf);
    memcpy(want, t->buf + 512, sizeof want);
    assert_int_equal(open_as(t, IMAGE_HD, IMAGE_SNAPSHOT, &b), 0);
    memset(data, 0xC3, sizeof data);
    assert_int_equal(block_write(b, 512 + 1000, data, sizeof data), 0);
    memcpy(want + 1000, data, sizeof data);
    assert_int_equal(block_read(b, 512, got, sizeof got), 0);
    assert_memory_equal(got, want, sizeof got);
    assert_int_equal(block_write(b, sizeof t->buf - 10, data, 20), -ENOSPC);
    assert_int_equal(block_flush(b), 0);
    block_close(b);
    /* The file itself has not changed. */
    assert_int_equal(open_as(t, IMAGE_HD, 0, &b), 0);
    assert_int_equal(block_read(b, 0, got, sizeof got), 0);
    assert_memory_equal(got, t->buf, sizeof got);
    block_close(b);
}

enum { MARKS = 40, MEDIUM = 200000, WRITES = 15 };

static void check_holds(struct block *b, const u8 *want)
{
    static u8 got[MEDIUM];
    assert_int_equal(block_read(b, 0, got, MEDIUM), 0);
    assert_memory_equal(got, want, MEDIUM);
}

/* Random writes with a mark now and then: back at any mark, and from there at an earlier one, there is what was there.
 */
static void test_marks(void **state)
{
    static u8 then[MARKS][MEDIUM], now[MEDIUM], data[20000];
    struct fixture *t = *state;
    struct overlay_mark mark[MARKS];
    struct block *b;
    u64 seed = 9;
    make(t, 0, MEDIUM / 512 * 512);
    assert_int_equal(open_as(t, IMAGE_HD, IMAGE_SNAPSHOT, &b), 0);
    for (unsigned round = 0, marks = 0; round < 4 * MARKS; round++) {
        if (marks == MARKS || (marks && round % 5 == 4)) {
            marks = 1 + (unsigned)((seed = seed * 6364136223846793005u + 1) >> 40) % marks;
            overlay_back(b, mark[marks - 1]);
            memcpy(now, then[marks - 1], sizeof now);
            check_holds(b, now);
        }
        mark[marks] = overlay_mark(b);
        memcpy(then[marks++], now, sizeof now);
        for (unsigned i = 0; i < WRITES; i++) {
            seed = seed * 6364136223846793005u + 1;
            size_t at = (seed >> 33) % (b->size - sizeof data), n = 1 + (seed >> 20) % sizeof data;
            memset(data, (int)(seed >> 50), n);
            assert_int_equal(block_write(b, at, data, n), 0);
            memcpy(now + at, data, n);
        }
        check_holds(b, now);
    }
    block_close(b);
}

static void test_locks(void **state)
{
    struct fixture *t = *state;
    struct block *a, *b;

    make(t, 0, 1 << 20);
    assert_int_equal(open_as(t, IMAGE_HD, 0, &a), 0);
    assert_int_equal(open_as(t, IMAGE_HD, 0, &b), -EBUSY);
    assert_non_null(strstr(t->err, "in use"));
    assert_int_equal(open_as(t, IMAGE_HD, IMAGE_SNAPSHOT, &b), -EBUSY);
    block_close(a);
    assert_int_equal(open_as(t, IMAGE_HD, IMAGE_SNAPSHOT, &a), 0);
    assert_int_equal(open_as(t, IMAGE_CD, 0, &b), 0); /* readers share */
    block_close(b);
    assert_int_equal(open_as(t, IMAGE_HD, 0, &b), -EBUSY);
    block_close(a);
}

/* ERR must be one line that names the file and says WHAT. */
static void expect_error(struct fixture *t, enum image_kind kind, int err, const char *what)
{
    struct block *b;

    assert_int_equal(open_as(t, kind, 0, &b), err);
    assert_non_null(strstr(t->err, t->path));
    assert_non_null(strstr(t->err, what));
    assert_null(strchr(t->err, '\n'));
}

static void test_errors(void **state)
{
    struct fixture *t = *state;
    enum image_kind kind;

    expect_error(t, IMAGE_HD, -ENOENT, "no such file");
    assert_int_equal(image_probe(t->path, &kind, t->err, sizeof t->err), -ENOENT);
    assert_int_equal(mkdir(t->path, 0700), 0);
    expect_error(t, IMAGE_HD, -EISDIR, "directory");
    assert_int_equal(rmdir(t->path), 0);
    assert_int_equal(mkfifo(t->path, 0600), 0);
    expect_error(t, IMAGE_CD, -EINVAL, "neither");
    assert_int_equal(unlink(t->path), 0);
    make(t, 0, 0);
    expect_error(t, IMAGE_HD, -EINVAL, "empty");
    make(t, 0, 1000);
    expect_error(t, IMAGE_HD, -EINVAL, "truncated");
    make(t, 0, 4 << 20);
    expect_error(t, IMAGE_FLOPPY, -EFBIG, "floppy");
    memcpy(t->buf, "QFI\xFB", 4);
    make(t, 512, 4 << 20);
    expect_error(t, IMAGE_HD, -EINVAL, "qemu-img convert");
    assert_int_equal(image_probe(t->path, &kind, t->err, sizeof t->err), -EINVAL);
    memset(t->buf, 0, 4);
    memcpy(t->buf + 0x8001, "CD001", 5);
    st32(t->buf + 0x8050, 100000);
    st16(t->buf + 0x8080, 2048);
    make(t, 0x9000, 4 << 20);
    expect_error(t, IMAGE_CD, -EINVAL, "truncated");
}

static void test_small_buffer(void **state)
{
    struct fixture *t = *state;
    struct block *b;
    char tiny[8] = "1234567";

    assert_int_equal(image_open(t->path, IMAGE_HD, 0, &b, tiny, 4), -ENOENT);
    assert_int_equal(strlen(tiny), 3);
    assert_int_equal(image_open(t->path, IMAGE_HD, 0, &b, NULL, 0), -ENOENT);
}

static void test_protected(void **state)
{
    struct fixture *t = *state;
    struct block *b;

    if (geteuid() == 0)
        skip(); /* root may write everything */
    make(t, 0, 1440 * 1024);
    assert_int_equal(chmod(t->path, 0400), 0);
    expect_error(t, IMAGE_FLOPPY, -EACCES, "--snapshot");
    assert_int_equal(open_as(t, IMAGE_FLOPPY, IMAGE_PROTECT, &b), 0);
    assert_true(b->readonly);
    block_close(b);
}

static void geometry(struct fixture *t, u64 size, struct image_geometry *g)
{
    struct block *b;
    make(t, 512, size);
    assert_int_equal(open_as(t, IMAGE_HD, IMAGE_READONLY, &b), 0);
    image_geometry(b, g);
    block_close(b);
}

static void test_geometry(void **state)
{
    struct fixture *t = *state;
    struct image_geometry g;

    geometry(t, 16ull * 63 * 512 * 200, &g);
    assert_int_equal(g.cylinders, 200);
    assert_int_equal(g.heads, 16);
    assert_int_equal(g.sectors, 63);
    assert_int_equal(g.translation, IMAGE_CHS_NONE);
    geometry(t, 100ull << 30, &g);
    assert_int_equal(g.cylinders, 16383);
    assert_int_equal(g.translation, IMAGE_CHS_LBA);
    partition(t, 4, 17); /* an old small disk */
    geometry(t, 4ull * 17 * 512 * 615, &g);
    assert_int_equal(g.cylinders, 615);
    assert_int_equal(g.heads, 4);
    assert_int_equal(g.sectors, 17);
    partition(t, 128, 63); /* made through a translating BIOS */
    geometry(t, 1ull << 30, &g);
    assert_int_equal(g.heads, 16);
    assert_int_equal(g.translation, IMAGE_CHS_LARGE);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_kinds), T(test_kernels), T(test_read_write),   T(test_snapshot),  T(test_marks),
        T(test_locks), T(test_errors),  T(test_small_buffer), T(test_protected), T(test_geometry),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
