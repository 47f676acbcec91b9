/*
 * host_wait.c - Linux: clocks, ppoll, signalfd.
 */
#define _GNU_SOURCE /* ppoll */
#include "base/host_wait.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_SECOND 1000000000ull

static u64 read_clock(clockid_t id)
{
    struct timespec ts;
    clock_gettime(id, &ts);
    return (u64)ts.tv_sec * NS_PER_SECOND + (u64)ts.tv_nsec;
}

u64 host_now(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

u64 host_cpu_time(void)
{
    return read_clock(CLOCK_PROCESS_CPUTIME_ID);
}

void host_wait(const int *fd, unsigned n, u64 ns)
{
    struct pollfd p[HOST_WAIT_MAX];
    struct timespec ts = {(time_t)(ns / NS_PER_SECOND), (long)(ns % NS_PER_SECOND)};
    assert(n <= HOST_WAIT_MAX);
    for (unsigned i = 0; i < n; i++)
        p[i] = (struct pollfd){.fd = fd[i], .events = POLLIN};
    ppoll(p, n, &ts, NULL);
}

int host_signals_open(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGQUIT);
    signal(SIGPIPE, SIG_IGN);
    if (pthread_sigmask(SIG_BLOCK, &set, NULL))
        return -EINVAL;
    int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return fd < 0 ? -errno : fd;
}

int host_signals_take(int fd)
{
    struct signalfd_siginfo info;
    return read(fd, &info, sizeof info) == sizeof info ? (int)info.ssi_signo : 0;
}
