/*
 * rewind.c - what going back in time costs: rewind COUNTS OPTIONS... runs the machine that the options of ombra
 * describe for COUNTS instructions, once plainly and once with checkpoints, and then goes back in it.
 */
#include "base/host_wait.h"
#include "frontend/debugger.h"
#include "frontend/machine.h"
#include "frontend/rewind.h"

#include <stdlib.h>

enum { FAR = 10000000, SINGLES = 200 };

struct bench {
    struct machine m;
    struct timeline t;
    struct rewind *r;
};

static void start(struct bench *b, const struct options *o)
{
    const struct machine_ports ports = {.serial_present = {true}};
    char error[MACHINE_ERROR_MAX];
    if (machine_open(&b->m, o, &ports, error, sizeof error)) {
        fprintf(stderr, "%s\n", error);
        exit(2);
    }
    timeline_open(&b->t, b->m.pc, true);
    b->r = NULL;
}

static void run(struct bench *b, u64 counts)
{
    u64 end = cpu_count(pc_cpu(b->m.pc)) + counts, now;
    while ((now = cpu_count(pc_cpu(b->m.pc))) < end) {
        u64 n = MIN(end - now, (u64)400000);
        if ((b->r ? rewind_run(b->r, n) : timeline_run(&b->t, n)) == PC_IDLE)
            timeline_skip_to(&b->t, pc_next_event(b->m.pc));
    }
}

static double seconds_since(u64 then)
{
    return (double)(host_now() - then) / 1e9;
}

static void go_back(struct bench *b)
{
    struct stop hit;
    struct debugger d;
    u64 now = cpu_count(pc_cpu(b->m.pc)), then = host_now();
    rewind_to(b->r, now - FAR);
    printf("back to %d before      %8.3f s\n", FAR, seconds_since(then));
    then = host_now();
    rewind_to(b->r, now);
    printf("and on again            %8.3f s\n", seconds_since(then));
    debugger_open(&d, b->m.pc);
    debugger_add(&d, &(const struct stop){.addr = 0xFFFFFFFC, .len = 1, .kind = STOP_EXEC});
    then = host_now();
    rewind_back(b->r, NULL, NULL, &hit);
    printf("search to the start     %8.3f s over %llu\n", seconds_since(then), (unsigned long long)now);
    rewind_to(b->r, now);
    then = host_now();
    rewind_step_back(b->r);
    printf("first step back         %8.3f ms\n", 1e3 * seconds_since(then));
    then = host_now();
    for (unsigned i = 0; i < SINGLES; i++)
        rewind_step_back(b->r);
    printf("each of %d more        %8.3f ms\n", SINGLES, 1e3 * seconds_since(then) / SINGLES);
    debugger_close(&d);
}

int main(int argc, char **argv)
{
    struct options o;
    struct bench plain, other;
    struct rewind_stats s;
    if (argc < 2 || options_parse(&o, argc - 1, argv + 1))
        return 2;
    u64 counts = strtoull(argv[1], NULL, 10);
    start(&plain, &o);
    start(&other, &o);
    if (rewind_open(&other.r, &other.t, NULL, REWIND_BYTES))
        return 1;
    double plainly = 0, with = 0;
    enum { TURNS = 20 };
    for (unsigned i = 0; i < TURNS; i++) { /* in turns, so that a busy host is unfair to neither */
        u64 then = host_now();
        run(&plain, counts / TURNS);
        plainly += seconds_since(then);
        then = host_now();
        run(&other, counts / TURNS);
        with += seconds_since(then);
    }
    rewind_stats(other.r, &s);
    printf("plain                   %8.3f s, %.1f MIPS\n", plainly, (double)counts / plainly / 1e6);
    printf("with checkpoints        %8.3f s, +%.1f %%\n", with, 100 * (with / plainly - 1));
    printf("  taking them           %8.3f s, %.3f ms each, %llu apart\n", (double)s.taking_ns / 1e9,
           (double)s.taking_ns / 1e6 / (double)s.taken, (unsigned long long)s.spacing);
    printf("  memory                %8.1f MiB in %llu\n", (double)s.bytes / (1 << 20),
           (unsigned long long)s.checkpoints);
    printf("same state              %8s\n", pc_hash(plain.m.pc) == pc_hash(other.m.pc) ? "yes" : "NO");
    go_back(&other);
    return 0;
}
