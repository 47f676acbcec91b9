/*
 * fuzz.h - what the fuzz targets share: the target's two functions, and a reader that takes an input apart.
 *
 * A target never judges by its return value: what must not be ends in fuzz_check(), an assertion or a sanitizer.
 */
#ifndef OMBRA_TESTS_FUZZ_H
#define OMBRA_TESTS_FUZZ_H

#include "base/types.h"
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { FUZZ_INPUT_MAX = 1 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Writes seed N, a valid input, to OUT, which has FUZZ_INPUT_MAX bytes. Its length, or 0 if there are no more. */
size_t fuzz_seed(unsigned n, u8 *out);

#define fuzz_check(what)                                                                                               \
    do {                                                                                                               \
        if (!(what)) {                                                                                                 \
            fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #what);                                       \
            abort();                                                                                                   \
        }                                                                                                              \
    } while (0)

/* The input, taken from the front; zeros behind its end. */
struct fuzz_in {
    const u8 *p;
    size_t left;
};

static inline u64 fuzz_take(struct fuzz_in *in, unsigned bytes)
{
    u64 v = 0;
    size_t n = MIN((size_t)bytes, in->left);
    if (n)
        memcpy(&v, in->p, n);
    in->p += n;
    in->left -= n;
    return v;
}

static inline u8 fuzz_take8(struct fuzz_in *in)
{
    return (u8)fuzz_take(in, 1);
}

static inline u16 fuzz_take16(struct fuzz_in *in)
{
    return (u16)fuzz_take(in, 2);
}

static inline u32 fuzz_take32(struct fuzz_in *in)
{
    return (u32)fuzz_take(in, 4);
}

/* A file without a name that holds LEN bytes of DATA and is SIZE bytes long; its path goes to PATH. close() ends it. */
static inline int fuzz_file(const u8 *data, size_t len, u64 size, char path[32])
{
    int fd = memfd_create("fuzz", MFD_CLOEXEC);
    fuzz_check(fd >= 0);
    fuzz_check(len == 0 || write(fd, data, len) == (ssize_t)len);
    fuzz_check(ftruncate(fd, (off_t)size) == 0);
    snprintf(path, 32, "/proc/self/fd/%d", fd);
    return fd;
}

#endif
