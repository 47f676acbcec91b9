/*
 * native.h - the native judge: a process of the 32-bit runner and the memory shared with it.
 */
#ifndef OMBRA_TESTS_ORACLE_NATIVE_H
#define OMBRA_TESTS_ORACLE_NATIVE_H

#include "base/types.h"
#include "tests/oracle/proto.h"

struct native {
    struct oracle_shm *shm;
    int to, from; /* pipes */
    int pid;
};

/* Starts the runner at PATH. 0, or -1 after a message on standard error that says why there is no native judge. */
int native_start(struct native *n, const char *path);
void native_stop(struct native *n);

/* Vendor, family, model and name of the host's processor. */
void native_name(char *to, size_t size);

/* Fills the pristine data pages: the same in every run. */
void native_pristine(u8 *data);

/* Runs cases 0 to COUNT-1 of the shared memory. 0, or -1 when the runner died or is stuck: then shm->current tells
 * where. */
int native_run(struct native *n, u32 count);

#endif
