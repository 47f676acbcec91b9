/*
 * host_exec.c - executable memory on Linux: a memfd, mapped twice.
 */
#define _GNU_SOURCE /* memfd_create */
#include "base/host_exec.h"
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

int host_exec_new(struct host_exec *e, size_t size)
{
    int fd = memfd_create("ombra-code", MFD_CLOEXEC);
    if (fd < 0)
        return -errno;
    int r = 0;
    void *rw = MAP_FAILED, *rx = MAP_FAILED;
    if (ftruncate(fd, (off_t)size) == 0) {
        rw = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        rx = mmap(NULL, size, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0);
    }
    if (rw == MAP_FAILED || rx == MAP_FAILED) {
        r = -errno;
        if (rw != MAP_FAILED)
            munmap(rw, size);
        if (rx != MAP_FAILED)
            munmap(rx, size);
        rw = rx = NULL;
    }
    close(fd);
    *e = (struct host_exec){.rw = rw, .rx = rx, .size = size};
    return r;
}

void host_exec_free(struct host_exec *e)
{
    if (e->rw) {
        munmap(e->rw, e->size);
        munmap((void *)(uintptr_t)e->rx, e->size);
    }
    *e = (struct host_exec){0};
}

void host_exec_wrote(const u8 *rx, size_t len)
{
    __builtin___clear_cache((char *)(uintptr_t)rx, (char *)(uintptr_t)rx + len);
}
