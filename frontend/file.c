/*
 * file.c - reading small files whole.
 */
#include "frontend/kernel.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

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
