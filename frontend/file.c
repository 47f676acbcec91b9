/*
 * file.c - small files, read and written whole.
 */
#include "frontend/file.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static int fail(FILE *f, int err, char *error, size_t n, const char *path, const char *why)
{
    snprintf(error, n, "%s: %s", path, why);
    if (f)
        fclose(f);
    return -err;
}

int file_read(const char *path, u64 max, u8 **data, size_t *size, char *error, size_t n)
{
    FILE *f = fopen(path, "rb");
    struct stat st;
    if (!f)
        return fail(NULL, errno, error, n, path, strerror(errno));
    if (fstat(fileno(f), &st) != 0 || !S_ISREG(st.st_mode))
        return fail(f, EINVAL, error, n, path, "not a regular file");
    if (st.st_size == 0)
        return fail(f, EINVAL, error, n, path, "the file is empty");
    if ((u64)st.st_size > max)
        return fail(f, EFBIG, error, n, path, "the file is too large for this use");
    u8 *p = malloc((size_t)st.st_size);
    if (!p)
        return fail(f, ENOMEM, error, n, path, "not enough memory to read it");
    if (fread(p, 1, (size_t)st.st_size, f) != (size_t)st.st_size) {
        free(p);
        return fail(f, EIO, error, n, path, "could not be read to its end");
    }
    fclose(f);
    *data = p;
    *size = (size_t)st.st_size;
    return 0;
}

/* Writes and closes F. 0 or -errno. */
static int write_all(FILE *f, const void *data, size_t size)
{
    int err = fwrite(data, 1, size, f) == size && fflush(f) == 0 ? 0 : -errno;
    if (!err && fsync(fileno(f)) != 0 && errno != EINVAL)
        err = -errno;
    if (fclose(f) != 0 && !err)
        err = -errno;
    return err;
}

int file_write(const char *path, const void *data, size_t size, char *error, size_t n)
{
    char beside[4096];
    if ((size_t)snprintf(beside, sizeof beside, "%s.%ld.tmp", path, (long)getpid()) >= sizeof beside)
        return fail(NULL, ENAMETOOLONG, error, n, path, strerror(ENAMETOOLONG));
    FILE *f = fopen(beside, "wbx");
    int err = f ? write_all(f, data, size) : -errno;
    if (!err && rename(beside, path) != 0)
        err = -errno;
    if (err && f)
        unlink(beside);
    return err ? fail(NULL, -err, error, n, path, strerror(-err)) : 0;
}

int file_check_output(const char *path, char *error, size_t n)
{
    char folder[4096];
    const char *slash = strrchr(path, '/');
    struct stat st;
    size_t len = slash ? (size_t)(slash - path) + 1 : 1;
    if (!*path || len >= sizeof folder)
        return fail(NULL, EINVAL, error, n, path, "not a usable file name");
    memcpy(folder, slash ? path : ".", len);
    folder[len] = 0;
    if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
        return fail(NULL, EISDIR, error, n, path, "is a folder; name a file in it");
    bool device = stat(path, &st) == 0 && !S_ISREG(st.st_mode);
    if (access(device ? path : folder, W_OK) != 0)
        return fail(NULL, errno, error, n, path,
                    errno == ENOENT ? "its folder does not exist" : "cannot be written; name another place");
    return 0;
}
