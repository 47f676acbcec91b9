/* A state file: 8 bytes of magic, u32 format version, u32 CRC of the chunks, u64 their length, the chunks. */
#include "base/state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

enum { HEADER_BYTES = 24, FORMAT_VERSION = 1, TMP_TRIES = 100 };

static const char magic[8] = {'O', 'm', 'b', 'r', 'a', 'S', 't', '\n'};

static int write_all(int fd, const void *data, size_t len)
{
    const u8 *p = data;

    while (len) {
        ssize_t n = write(fd, p, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        p += n;
        len -= n;
    }
    return 0;
}

static int read_all(int fd, void *data, size_t len)
{
    u8 *p = data;

    while (len) {
        ssize_t n = read(fd, p, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        if (n == 0)
            return -EINVAL; /* shorter than it was a moment ago */
        p += n;
        len -= n;
    }
    return 0;
}

static u32 checksum(const struct state_buf *b)
{
    return crc32_z(0, b->data, b->len);
}

/* A new file beside PATH; its name goes to TMP. */
static int open_beside(const char *path, char *tmp, size_t size)
{
    for (int i = 0; i < TMP_TRIES; i++) {
        snprintf(tmp, size, "%s.%ld-%d.tmp", path, (long)getpid(), i);
        int fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (fd >= 0 || errno != EEXIST)
            return fd >= 0 ? fd : -errno;
    }
    return -EEXIST;
}

/* Makes the rename itself durable; a file system that cannot do that is no error. */
static void sync_folder(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *folder = slash ? strndup(path, slash - path + 1) : strdup(".");
    int fd = folder ? open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

    if (fd >= 0) {
        fsync(fd);
        close(fd);
    }
    free(folder);
}

static int write_to(int fd, const struct state_buf *b)
{
    u8 header[HEADER_BYTES];

    memcpy(header, magic, sizeof magic);
    st32(header + 8, FORMAT_VERSION);
    st32(header + 12, checksum(b));
    st64(header + 16, b->len);
    int err = write_all(fd, header, sizeof header);
    if (err == 0)
        err = write_all(fd, b->data, b->len);
    if (err == 0 && fsync(fd) < 0)
        err = -errno;
    return err;
}

int state_write_file(const struct state_buf *b, const char *path)
{
    if (b->failed)
        return -ENOMEM;
    size_t size = strlen(path) + 40;
    char *tmp = malloc(size);
    if (!tmp)
        return -ENOMEM;

    int fd = open_beside(path, tmp, size);
    int err = fd < 0 ? fd : write_to(fd, b);
    if (fd >= 0 && close(fd) < 0 && err == 0)
        err = -errno;
    if (err == 0 && rename(tmp, path) < 0)
        err = -errno;
    if (err == 0)
        sync_folder(path);
    else if (fd >= 0)
        unlink(tmp);
    free(tmp);
    return err;
}

/* Reads the file behind FD, SIZE bytes long, into the empty buffer B. */
static int read_from(struct state_buf *b, int fd, u64 size)
{
    u8 header[HEADER_BYTES];

    if (size < HEADER_BYTES)
        return -EINVAL;
    int err = read_all(fd, header, sizeof header);
    if (err < 0)
        return err;
    if (memcmp(header, magic, sizeof magic) != 0)
        return -EINVAL;
    if (ld32(header + 8) != FORMAT_VERSION)
        return -ENOTSUP;
    if (ld64(header + 16) != size - HEADER_BYTES)
        return -EINVAL;

    b->len = b->cap = size - HEADER_BYTES;
    b->data = malloc(b->cap ? b->cap : 1);
    if (!b->data)
        return -ENOMEM;
    err = read_all(fd, b->data, b->len);
    if (err < 0)
        return err;
    return checksum(b) == ld32(header + 12) ? state_check(b) : -EINVAL;
}

int state_read_file(struct state_buf *b, const char *path)
{
    struct stat st;
    int err = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    *b = (struct state_buf){0};
    if (fd < 0)
        return -errno;
    if (fstat(fd, &st) < 0)
        err = -errno;
    else if (!S_ISREG(st.st_mode))
        err = -EINVAL;
    else
        err = read_from(b, fd, st.st_size);
    close(fd);
    if (err < 0)
        state_buf_free(b);
    return err;
}
