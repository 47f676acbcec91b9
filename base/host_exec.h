/*
 * host_exec.h - memory for host code that is written at run time. translator/ uses it.
 *
 * One piece of memory with two addresses: what is written at RW runs at RX. Code must refer to itself by distance.
 */
#ifndef OMBRA_BASE_HOST_EXEC_H
#define OMBRA_BASE_HOST_EXEC_H

#include "base/types.h"

struct host_exec {
    u8 *rw;
    const u8 *rx;
    size_t size;
};

/* 0, or -errno: no memory, or the host does not let programs make code. */
int host_exec_new(struct host_exec *e, size_t size);
void host_exec_free(struct host_exec *e);

/* Before code in [RX, RX+LEN) runs that has just been written. */
void host_exec_wrote(const u8 *rx, size_t len);

#endif
