/*
 * host_wait.h - the host's side of time: its steady clock, waiting for descriptors, and the signals that end us.
 *
 * Only frontend/ calls this: the guest's time never comes from here.
 */
#ifndef OMBRA_BASE_HOST_WAIT_H
#define OMBRA_BASE_HOST_WAIT_H

#include "base/types.h"

enum { HOST_WAIT_MAX = 16 };

/* ns of a clock that never goes back. */
u64 host_now(void);

/* ns of processor time that this process has used. */
u64 host_cpu_time(void);

/* Waits until one of N (at most HOST_WAIT_MAX) descriptors has something to read, or NS have passed. Negative
 * descriptors are skipped. */
void host_wait(const int *fd, unsigned n, u64 ns);

/*
 * From now on SIGINT, SIGTERM, SIGHUP and SIGQUIT do not end the process but are noted, and SIGPIPE does nothing. Call
 * before starting threads. Returns a descriptor that is readable once one has come, or -errno.
 */
int host_signals_open(void);

/* The number of the signal that has come, 0 if none. */
int host_signals_take(int fd);

#endif
