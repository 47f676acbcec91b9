/* bench_system.c - programs that lean on the kernel: timers, signals, mappings, processes, threads, files. */
#define _GNU_SOURCE
#include "bench.h"
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- timers ---- */

static volatile sig_atomic_t ticks;
static void tick(int number)
{
    (void)number;
    ticks++;
}

static uint32_t mix(uint32_t v, uint32_t rounds)
{
    for (uint32_t i = 0; i < rounds; i++)
        v = (v ^ i) * 0x9E3779B1 + (v >> 15);
    return v;
}

/* A fixed amount of work under signals of a timer that comes every `microseconds`. */
static uint32_t timed(int which, int number, int microseconds, uint32_t rounds)
{
    struct itimerval every = {{0, microseconds}, {0, microseconds}}, none = {{0, 0}, {0, 0}};
    struct sigaction act = {.sa_handler = tick, .sa_flags = SA_RESTART};
    sigaction(number, &act, NULL);
    setitimer(which, &every, NULL);
    uint32_t v = mix(1, rounds);
    setitimer(which, &none, NULL);
    signal(number, SIG_IGN);
    return v;
}

static uint32_t timer_1khz(void)
{
    return timed(ITIMER_REAL, SIGALRM, 1000, 40000000);
}

static uint32_t timer_10khz(void)
{
    return timed(ITIMER_REAL, SIGALRM, 100, 8000000);
}

/* Sleeps of a millisecond with little work between. */
static uint32_t naps(void)
{
    uint32_t v = 1;
    for (int i = 0; i < 300; i++) {
        usleep(1000);
        v = mix(v, 1000);
    }
    return v;
}

/* ---- signals ---- */

static uint32_t raises(void)
{
    struct sigaction act = {.sa_handler = tick};
    sigaction(SIGUSR1, &act, NULL);
    ticks = 0;
    for (int i = 0; i < 20000; i++)
        raise(SIGUSR1);
    return (uint32_t)ticks;
}

static uint8_t *guarded;
static void open_page(int number, siginfo_t *info, void *context)
{
    (void)number, (void)context;
    mprotect((void *)((uintptr_t)info->si_addr & ~0xFFFul), 4096, PROT_READ | PROT_WRITE);
    ticks++;
}

/* What a garbage collector's write barrier does: pages are protected and opened by the fault's handler. */
static uint32_t barriers(void)
{
    enum { SIZE = 256 * 4096 };
    struct sigaction act = {.sa_sigaction = open_page, .sa_flags = SA_SIGINFO}, old;
    sigaction(SIGSEGV, &act, &old);
    guarded = mmap(NULL, SIZE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ticks = 0;
    for (int round = 0; round < 20; round++) {
        for (int i = 0; i < SIZE; i += 4096)
            guarded[i + round] = 1;
        mprotect(guarded, SIZE, PROT_READ);
    }
    munmap(guarded, SIZE);
    sigaction(SIGSEGV, &old, NULL);
    return (uint32_t)ticks;
}

/* ---- memory ---- */

static uint32_t maps(void)
{
    uint32_t sum = 0;
    for (int i = 0; i < 3000; i++) {
        size_t size = (size_t)(1 + i % 4) * 4096;
        uint8_t *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        p[i & 4095] = (uint8_t)i;
        if (i % 3 == 0)
            mprotect(p, size, PROT_READ);
        sum = sum * 3 + p[i & 4095] + p[size - 1];
        munmap(p, size);
    }
    return sum;
}

/* One word of each of thousands of pages, in random order: the translation of addresses counts. */
static uint32_t wide_pages(void)
{
    enum { PAGES = 8192 };
    uint32_t sum = 0, at = 1;
    uint8_t *p = mmap(NULL, PAGES * 4096u, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (int i = 0; i < 600000; i++) {
        at = at * 1664525 + 1013904223;
        uint8_t *cell = p + (at >> 19) * 4096u + (at & 0xFC0);
        sum = sum * 3 + *cell;
        *cell = (uint8_t)i;
    }
    munmap(p, PAGES * 4096u);
    return sum;
}

static uint32_t copies_on_write(void)
{
    enum { SIZE = 256 * 4096 };
    uint8_t *p = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    uint32_t sum = 0;
    memset(p, 1, SIZE);
    for (int i = 0; i < 24; i++) {
        int status;
        if (fork() == 0) {
            uint32_t own = 0;
            for (int k = 0; k < SIZE; k += 4096)
                own += p[k]++;
            _exit((int)(own & 127));
        }
        wait(&status);
        sum = sum * 3 + (uint32_t)WEXITSTATUS(status);
        p[i * 4096]++;
    }
    munmap(p, SIZE);
    return sum;
}

/* ---- processes and threads ---- */

static uint32_t executions(void)
{
    uint32_t sum = 0;
    for (int i = 0; i < 30; i++) {
        int status;
        if (fork() == 0) {
            execl("/proc/self/exe", "bench", "nothing", (char *)NULL);
            _exit(99);
        }
        wait(&status);
        sum = sum * 3 + (uint32_t)WEXITSTATUS(status);
    }
    return sum;
}

/* Two processes on one processor that hand it to each other. */
static uint32_t switches_of_tasks(void)
{
    cpu_set_t old, one;
    uint32_t v = 1;
    int status = 0;
    sched_getaffinity(0, sizeof old, &old);
    CPU_ZERO(&one);
    for (int i = 0; i < CPU_SETSIZE; i++)
        if (CPU_ISSET(i, &old)) {
            CPU_SET(i, &one);
            break;
        }
    sched_setaffinity(0, sizeof one, &one);
    pid_t child = fork();
    for (int i = 0; i < 10000; i++) {
        v = mix(v, 20);
        sched_yield();
    }
    if (child == 0)
        _exit((int)(v & 127));
    waitpid(child, &status, 0);
    sched_setaffinity(0, sizeof old, &old);
    return v + (uint32_t)WEXITSTATUS(status);
}

static uint32_t shared_count;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static void *count_up(void *argument)
{
    uint32_t *own = argument;
    for (int i = 0; i < 5000; i++) {
        pthread_mutex_lock(&lock);
        shared_count += 3;
        pthread_mutex_unlock(&lock);
        __atomic_fetch_add(&shared_count, 2, __ATOMIC_SEQ_CST);
        *own = mix(*own, 4);
    }
    return NULL;
}

static uint32_t threads(void)
{
    enum { THREADS = 8 };
    uint32_t sum = 0;
    shared_count = 0;
    for (int round = 0; round < 20; round++) {
        pthread_t thread[THREADS];
        uint32_t own[THREADS];
        for (uint32_t i = 0; i < THREADS; i++) {
            own[i] = i;
            pthread_create(&thread[i], NULL, count_up, &own[i]);
        }
        for (int i = 0; i < THREADS; i++) {
            pthread_join(thread[i], NULL);
            sum = sum * 31 + own[i];
        }
    }
    return sum;
}

/* Instructions with LOCK, which threads need and emulators of one processor may take lightly. */
static uint32_t atomics(void)
{
    uint32_t cell = 1, sum = 0;
    uint64_t wide = 1;
    for (uint32_t i = 0; i < 2000000; i++) {
        uint32_t old = __atomic_load_n(&cell, __ATOMIC_SEQ_CST);
        sum += __atomic_compare_exchange_n(&cell, &old, old * 5 + i, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
        sum += __atomic_fetch_add(&cell, i, __ATOMIC_SEQ_CST) + __atomic_exchange_n(&cell, sum, __ATOMIC_SEQ_CST);
        __atomic_or_fetch(&cell, 1, __ATOMIC_SEQ_CST);
        __asm__ volatile("lock cmpxchg8b %0" : "+m"(wide) : "b"(i), "c"(sum), "A"((uint64_t)i) : "cc", "memory");
    }
    return sum ^ cell ^ (uint32_t)wide;
}

/* ---- memory that no TLB covers ---- */

static uint32_t scattered(void)
{
    enum { SIZE = 64 << 20 };
    uint32_t *p = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), sum = 0;
    for (uint32_t i = 0; i < 1500000; i++) {
        uint32_t at = rnd() >> 8;
        sum += p[at];
        p[at] = sum + i;
    }
    munmap(p, SIZE);
    return sum;
}

/* ---- files ---- */

static uint32_t files(void)
{
    uint32_t sum = 0;
    char name[32], piece[64];
    for (int i = 0; i < 300; i++) {
        struct stat st;
        snprintf(name, sizeof name, "/tmp/bench.%d.%d", (int)getpid(), i % 5);
        int fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0600);
        for (int k = 0; k < 40; k++) {
            memset(piece, i + k, sizeof piece);
            if (write(fd, piece, (size_t)(1 + k)) != 1 + k)
                return 0;
        }
        for (int k = 0; k < 40; k++) {
            lseek(fd, k * 17, SEEK_SET);
            if (read(fd, piece, 13) == 13)
                sum = sum * 31 + (uint8_t)piece[12];
        }
        sum += fstat(fd, &st) == 0 ? (uint32_t)st.st_size : 0;
        close(fd);
        unlink(name);
    }
    return sum;
}

static uint32_t polls(void)
{
    enum { PIPES = 8 };
    int ends[PIPES][2];
    struct pollfd set[PIPES];
    uint32_t sum = 0;
    for (int i = 0; i < PIPES; i++)
        if (pipe(ends[i]) == 0)
            set[i] = (struct pollfd){ends[i][0], POLLIN, 0};
    for (int i = 0; i < 8000; i++) {
        char c = (char)i;
        if (write(ends[i % PIPES][1], &c, 1) != 1 || poll(set, PIPES, -1) != 1)
            break;
        for (int k = 0; k < PIPES; k++)
            if (set[k].revents & POLLIN && read(ends[k][0], &c, 1) == 1)
                sum = sum * 3 + (uint8_t)c;
    }
    for (int i = 0; i < PIPES; i++)
        close(ends[i][0]), close(ends[i][1]);
    return sum;
}

const struct program system_programs[] = {
    {"timers", "timer_1khz", timer_1khz},
    {"timers", "timer_10khz", timer_10khz},
    {"timers", "naps", naps},
    {"system", "raises", raises},
    {"system", "barriers", barriers},
    {"system", "maps", maps},
    {"system", "wide_pages", wide_pages},
    {"system", "cow", copies_on_write},
    {"system", "executions", executions},
    {"system", "yields", switches_of_tasks},
    {"system", "threads", threads},
    {"system", "atomics", atomics},
    {"system", "scattered", scattered},
    {"system", "files", files},
    {"system", "polls", polls},
    {0},
};
