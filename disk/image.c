#include "disk/image.h"
#include "disk/overlay.h"
#include "disk/probe.h"
#include "disk/raw.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* What ISO images may lack of the size that they claim: mastering pads the end by 150 sectors, and copying loses it. */
#define ISO_SLACK (300u * CD_SECTOR_BYTES)
#define FLOPPY_MAX (2880u * 1024)
#define ATA_MAX_SECTORS (1ull << 48)

/* A format of image files. Rows are asked in order; the last takes everything. */
struct disk_ops {
    const char *name;
    bool (*probe)(const struct probe *p);
    struct block *(*open)(int fd, u64 size, bool readonly); /* takes FD over, or NULL: out of memory */
};

static bool anything(const struct probe *p)
{
    return true;
}

static const struct disk_ops formats[] = {
    {"raw", anything, raw_new},
};

/* Where a complaint goes: ERR of the public functions. */
struct complaint {
    const char *path;
    char *buf;
    size_t size;
};

PRINTF_LIKE(3, 4) static int complain(struct complaint *c, int err, const char *fmt, ...)
{
    va_list ap;

    if (c->size == 0)
        return err;
    int n = snprintf(c->buf, c->size, "%s: ", c->path);
    if (n >= 0 && (size_t)n < c->size) {
        va_start(ap, fmt);
        vsnprintf(c->buf + n, c->size - (size_t)n, fmt, ap);
        va_end(ap);
    }
    return err;
}

static int complain_open(struct complaint *c, int err, bool writable)
{
    switch (err) {
    case ENOENT:
        return complain(c, -err, "no such file; check the name");
    case EACCES:
    case EPERM:
    case EROFS:
        if (writable)
            return complain(c, -err, "may not be written; make it writable, or use --snapshot to leave it untouched");
        return complain(c, -err, "may not be read; check its permissions");
    case ETXTBSY:
    case EBUSY:
        return complain(c, -err, "is in use by another program; close that first");
    default:
        return complain(c, -err, "cannot be opened: %s", strerror(err));
    }
}

/* Opens a regular file or block device and finds its size. The descriptor, or -errno. */
static int open_file(struct complaint *c, bool writable, u64 *size)
{
    /* Not blocking: a pipe would hold us up before we could refuse it. */
    int fd = open(c->path, (writable ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NONBLOCK);
    struct stat st;

    if (fd < 0 && errno == EISDIR)
        return complain(c, -EISDIR, "is a directory; name an image file in it");
    if (fd < 0)
        return complain_open(c, errno, writable);
    if (fstat(fd, &st) < 0)
        st.st_mode = 0;
    if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode)) {
        close(fd);
        if (S_ISDIR(st.st_mode))
            return complain(c, -EISDIR, "is a directory; name an image file in it");
        return complain(c, -EINVAL, "is neither a file nor a disk; name an image file");
    }
    off_t end = lseek(fd, 0, SEEK_END);
    if (end <= 0) {
        close(fd);
        return complain(c, -EINVAL,
                        end < 0 ? "has no size; name an image file" : "is empty; name an image with contents");
    }
    *size = (u64)end;
    return fd;
}

static int read_head(struct complaint *c, int fd, struct probe *p)
{
    if (raw_pread(fd, 0, p->head, (size_t)MIN(p->size, (u64)PROBE_BYTES)) < 0)
        return complain(c, -EIO, "cannot be read; the host reports an input/output error");
    const char *advice;
    const char *name = probe_foreign(p, &advice);
    if (name)
        return complain(c, -EINVAL, "is %s; %s first", name, advice);
    return 0;
}

int image_probe(const char *path, enum image_kind *kind, char *err, size_t err_size)
{
    struct complaint c = {path, err, err_size};
    struct probe p = {0};
    int fd = open_file(&c, false, &p.size);

    if (fd < 0)
        return fd;
    int bad = raw_pread(fd, 0, p.head, (size_t)MIN(p.size, (u64)PROBE_BYTES));
    close(fd);
    if (bad)
        return complain(&c, -EIO, "cannot be read; the host reports an input/output error");
    *kind = probe_kind(&p);
    if (*kind == IMAGE_UNKNOWN) {
        const char *advice;
        const char *name = probe_foreign(&p, &advice);
        if (name)
            return complain(&c, -EINVAL, "is %s; %s first", name, advice);
    }
    return 0;
}

const char *image_kind_name(enum image_kind kind)
{
    static const char *const names[] = {
        [IMAGE_UNKNOWN] = "unknown", [IMAGE_FLOPPY] = "floppy",      [IMAGE_HD] = "hard disk",
        [IMAGE_CD] = "CD",           [IMAGE_LINUX] = "Linux kernel", [IMAGE_MULTIBOOT] = "multiboot kernel",
        [IMAGE_ELF] = "ELF program",
    };
    return (unsigned)kind < ARRAY_LEN(names) ? names[kind] : "unknown";
}

/* Whether a file of this size can be a medium of KIND. */
static int check_size(struct complaint *c, enum image_kind kind, const struct probe *p)
{
    unsigned long long size = p->size;

    switch (kind) {
    case IMAGE_FLOPPY:
        if (size > FLOPPY_MAX)
            return complain(c, -EFBIG, "has %llu bytes, more than any floppy; use --hd for a hard disk", size);
        return 0;
    case IMAGE_CD:
        if (probe_iso_size(p) > p->size + ISO_SLACK)
            return complain(c, -EINVAL, "has %llu of its %llu bytes; it is truncated, get it again", size,
                            (unsigned long long)probe_iso_size(p));
        if (p->size < CD_SECTOR_BYTES)
            return complain(c, -EINVAL, "has %llu bytes, less than one CD sector; it is truncated, get it again", size);
        return 0;
    default:
        if (p->size % SECTOR_BYTES)
            return complain(c, -EINVAL,
                            "has %llu bytes, which is no whole number of 512-byte sectors; it is truncated, or no "
                            "disk image ('truncate -s %%512' fills it up)",
                            size);
        if (p->size / SECTOR_BYTES > ATA_MAX_SECTORS)
            return complain(c, -EFBIG, "is larger than any ATA disk; use a smaller image");
        return 0;
    }
}

static int lock_file(struct complaint *c, int fd, bool writable)
{
    if (flock(fd, (writable ? LOCK_EX : LOCK_SH) | LOCK_NB) == 0)
        return 0;
    if (errno == EWOULDBLOCK)
        return complain(c, -EBUSY, "%s; close that, or use a copy%s",
                        writable ? "is in use by another instance" : "is being written by another instance",
                        writable ? " or --snapshot" : "");
    return 0; /* a file system without locks: better no protection than no machine */
}

/* Opens the file itself, not the overlay. */
static int open_base(struct complaint *c, enum image_kind kind, bool writable, struct block **out)
{
    struct probe p = {0};
    int fd = open_file(c, writable, &p.size);

    if (fd < 0)
        return fd;
    int err = lock_file(c, fd, writable);
    if (!err)
        err = read_head(c, fd, &p);
    if (!err)
        err = check_size(c, kind, &p);
    if (!err) {
        unsigned i = 0;
        while (!formats[i].probe(&p))
            i++;
        *out = formats[i].open(fd, p.size, !writable);
        if (!*out)
            err = complain(c, -ENOMEM, "cannot be opened: out of memory");
    }
    if (err)
        close(fd);
    return err;
}

int image_open(const char *path, enum image_kind kind, unsigned flags, struct block **out, char *err, size_t err_size)
{
    struct complaint c = {path, err, err_size};
    bool snapshot = (flags & IMAGE_SNAPSHOT) && kind != IMAGE_CD;
    bool writable = !(flags & (IMAGE_READONLY | IMAGE_SNAPSHOT)) && kind != IMAGE_CD;
    struct block *base = NULL;

    int rc = open_base(&c, kind, writable, &base);
    if ((rc == -EACCES || rc == -EPERM || rc == -EROFS) && writable && (flags & IMAGE_PROTECT))
        rc = open_base(&c, kind, false, &base);
    if (rc)
        return rc;
    *out = base;
    if (!snapshot)
        return 0;
    rc = overlay_new(base, out);
    if (rc) {
        block_close(base);
        return complain(&c, rc, "no temporary file for --snapshot: %s; set TMPDIR to a folder with room",
                        strerror(-rc));
    }
    return 0;
}

void image_geometry(struct block *b, struct image_geometry *g)
{
    u64 total = b->size / SECTOR_BYTES;
    u8 mbr[SECTOR_BYTES];
    unsigned heads = 0, sectors = 0;

    *g = (struct image_geometry){.heads = 16, .sectors = 63};
    if (block_read(b, 0, mbr, sizeof mbr) == 0)
        probe_partition_shape(mbr, total, &heads, &sectors);
    if (heads > 0 && heads <= 16) {
        /* Made on a disk that was shown as it is: show it so again. */
        g->heads = (u8)heads;
        g->sectors = (u8)sectors;
    }
    u64 cylinders = total / ((u64)g->heads * g->sectors);
    g->cylinders = (u32)MAX(1u, MIN(cylinders, (u64)16383));
    if (heads > 16)
        g->translation = g->cylinders * g->heads <= 131072 ? IMAGE_CHS_LARGE : IMAGE_CHS_LBA;
    else if (g->cylinders > 1024)
        g->translation = IMAGE_CHS_LBA;
    else
        g->translation = IMAGE_CHS_NONE;
}
