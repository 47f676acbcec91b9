/*
 * native.c - starts and feeds the 32-bit runner.
 */
#define _GNU_SOURCE /* memfd_create */
#include "tests/oracle/native.h"
#include "tests/oracle/values.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#if defined(__x86_64__)
#include <cpuid.h>
#endif

enum { TIMEOUT_MS = 20000 };

void native_pristine(u8 *data)
{
    struct rng r = {.state = 0x0B5E55ED};
    for (unsigned at = 0; at < ORACLE_DATA_SIZE; at += 8)
        st64(data + at, value_int(&r, 8));
}

#if defined(__x86_64__)
void native_name(char *to, size_t size)
{
    u32 a = 0, id[4] = {0}, brand[13] = {0}, rest[3];
    __get_cpuid(0, &a, &id[0], &id[2], &id[1]);
    __get_cpuid(1, &a, &rest[0], &rest[1], &rest[2]);
    for (u32 i = 0; i < 3; i++)
        __get_cpuid(0x80000002 + i, &brand[i * 4], &brand[i * 4 + 1], &brand[i * 4 + 2], &brand[i * 4 + 3]);
    u32 family = (a >> 8 & 15) + ((a >> 8 & 15) == 15 ? a >> 20 & 0xFF : 0), model = (a >> 4 & 15) | (a >> 12 & 0xF0);
    snprintf(to, size, "%s family %u model %u stepping %u, %s", (char *)id, family, model, a & 15, (char *)brand);
}
#else
void native_name(char *to, size_t size)
{
    snprintf(to, size, "a processor that cannot run the cases");
}
#endif

static int shared_memory(struct native *n)
{
    int fd = memfd_create("ombra-oracle", 0);
    if (fd < 0)
        return -1;
    if (ftruncate(fd, sizeof *n->shm) == 0)
        n->shm = mmap(NULL, sizeof *n->shm, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (n->shm && n->shm != MAP_FAILED)
        return fd;
    close(fd);
    return -1;
}

/* In the child: the shared memory becomes descriptor 3, the pipes 0 and 1. */
static void become_runner(const char *path, int shm, int in, int out)
{
    int high = fcntl(shm, F_DUPFD, 10);
    int in_high = fcntl(in, F_DUPFD, 10), out_high = fcntl(out, F_DUPFD, 10);
    if (dup2(in_high, 0) < 0 || dup2(out_high, 1) < 0 || dup2(high, 3) < 0)
        _exit(126);
    close(high);
    close(in_high);
    close(out_high);
    char *const argv[] = {(char *)path, NULL}, *const env[] = {NULL};
    execve(path, argv, env);
    _exit(127);
}

static int wait_byte(struct native *n)
{
    struct pollfd p = {.fd = n->from, .events = POLLIN};
    u8 byte;
    int ready = poll(&p, 1, TIMEOUT_MS);
    return ready == 1 && read(n->from, &byte, 1) == 1 ? 0 : -1;
}

int native_start(struct native *n, const char *path)
{
    *n = (struct native){.pid = -1};
    int to[2], from[2], shm = shared_memory(n);
    if (shm < 0 || pipe(to) != 0 || pipe(from) != 0) {
        perror("oracle: shared memory and pipes for the native runner");
        return -1;
    }
    native_pristine(n->shm->pristine);
    signal(SIGPIPE, SIG_IGN);
    n->pid = fork();
    if (n->pid == 0)
        become_runner(path, shm, to[0], from[1]);
    close(shm);
    close(to[0]);
    close(from[1]);
    n->to = to[1];
    n->from = from[0];
    if (n->pid > 0 && wait_byte(n) == 0)
        return 0;
    int status = 0;
    if (n->pid > 0 && waitpid(n->pid, &status, 0) == n->pid && WIFEXITED(status))
        fprintf(stderr, "oracle: the native runner %s ended with status %d\n", path, WEXITSTATUS(status));
    else
        fprintf(stderr, "oracle: the native runner %s does not start here\n", path);
    n->pid = -1;
    native_stop(n);
    return -1;
}

void native_stop(struct native *n)
{
    close(n->to);
    close(n->from);
    if (n->pid > 0) {
        kill(n->pid, SIGKILL);
        waitpid(n->pid, NULL, 0);
    }
    munmap(n->shm, sizeof *n->shm);
    n->pid = -1;
}

int native_run(struct native *n, u32 count)
{
    if (write(n->to, &count, sizeof count) != sizeof count)
        return -1;
    return wait_byte(n);
}
