/*
 * oracle.c - the processor itself as the judge: cases made from isa.def run natively on an x86-64 host and in the
 * interpreter, and must end alike.
 *
 *   oracle --runner PATH [--seed S] [--cases N] [--row ID] [--case K] [--coverage] [--soft] [--max-shown N]
 *
 * Exit status: 0 all agree, 1 a disagreement, 2 bad usage, 77 no native judge on this host.
 */
#include "tests/oracle/compare.h"
#include "tests/oracle/differences.h"
#include "tests/oracle/emu.h"
#include "tests/oracle/gen.h"
#include "tests/oracle/native.h"
#include <getopt.h>
#include <stdlib.h>

enum { EXIT_SKIP = 77, REPEATS = 3 };

struct tally {
    u32 cases, faults, failures;
};

struct oracle {
    const char *runner, *row;
    u64 seed;
    u32 cases;
    s64 only; /* one case, or -1 */
    bool coverage, soft;
    u32 max_shown;
    struct native native;
    struct emu *emu;
    struct gen_options gen;
    struct tally tally[ISA_COUNT];
    u32 number[ORACLE_BATCH]; /* of each case in the batch */
    u32 filled;
    u64 total, failures, passing; /* passing: disagreements that did not come again */
    u32 *used;                    /* known differences */
    struct oracle_result ours;
};

/* ---- one batch ---- */

static void show(const struct oracle *o, const struct oracle_case *c, u32 number)
{
    printf("oracle --row %s --seed %llu --case %u\n", isa_rows[c->row].id, (unsigned long long)o->seed, number);
    compare_show_case(c, stdout);
}

/* Compares what both sides make of case I of the batch. */
static bool agrees(struct oracle *o, u32 i, FILE *out)
{
    const struct oracle_case *c = &o->native.shm->cases[i];
    emu_run(o->emu, c, &o->ours);
    return compare_results(c, &o->native.shm->results[i], &o->ours, o->used, out);
}

static int run_native(struct oracle *o, u32 count)
{
    if (native_run(&o->native, count) == 0)
        return 0;
    u32 i = o->native.shm->current;
    fprintf(stderr, "oracle: the native runner did not come back from this case:\n");
    show(o, &o->native.shm->cases[i], o->number[i]);
    return -1;
}

/*
 * Case I did not agree. Only a disagreement that comes every time is one: a process switch between setting up the state
 * and the instruction may lose x87 pointers.
 */
static int confirm(struct oracle *o, u32 i)
{
    struct oracle_case *first = &o->native.shm->cases[0];
    *first = o->native.shm->cases[i];
    o->number[0] = o->number[i];
    for (unsigned again = 0; again < REPEATS; again++) {
        if (run_native(o, 1) != 0)
            return -1;
        if (agrees(o, 0, NULL)) {
            o->passing++;
            return 0;
        }
    }
    o->failures++;
    if (o->tally[first->row].failures++ < o->max_shown) {
        show(o, first, o->number[0]);
        agrees(o, 0, stdout);
    }
    return 0;
}

/* Runs what is in the batch on both sides. 0, or -1 when the native side is lost. */
static int flush(struct oracle *o)
{
    u32 failed[ORACLE_BATCH], failures = 0;
    if (o->filled == 0)
        return 0;
    if (run_native(o, o->filled) != 0)
        return -1;
    for (u32 i = 0; i < o->filled; i++) {
        const struct oracle_result *silicon = &o->native.shm->results[i];
        struct tally *t = &o->tally[o->native.shm->cases[i].row];
        t->cases++;
        t->faults += silicon->vector >= 0 && silicon->vector != VEC_BP;
        o->total++;
        if (!agrees(o, i, NULL))
            failed[failures++] = i;
    }
    if (o->only >= 0 && failures == 0) {
        show(o, &o->native.shm->cases[0], o->number[0]);
        printf("  agree, vector %d\n", o->native.shm->results[0].vector);
    }
    for (u32 i = 0; i < failures; i++) {
        if (confirm(o, failed[i]) != 0)
            return -1;
    }
    o->filled = 0;
    return 0;
}

static int add(struct oracle *o, enum isa_op row, u32 number)
{
    struct oracle_case *c = &o->native.shm->cases[o->filled];
    if (!gen_case(&o->gen, row, o->seed, number, c))
        return 0;
    o->number[o->filled++] = number;
    return o->filled == ORACLE_BATCH ? flush(o) : 0;
}

/* ---- all of it ---- */

static bool wanted(const struct oracle *o, enum isa_op row)
{
    return !o->row || strcmp(o->row, isa_rows[row].id) == 0;
}

static int run_all(struct oracle *o)
{
    for (unsigned row = 1; row < ISA_COUNT; row++) {
        if (!wanted(o, (enum isa_op)row))
            continue;
        u32 first = o->only >= 0 ? (u32)o->only : 0, last = o->only >= 0 ? first + 1 : o->cases;
        for (u32 n = first; n < last; n++) {
            if (add(o, (enum isa_op)row, n) != 0)
                return -1;
        }
    }
    return flush(o);
}

static void summary(const struct oracle *o)
{
    u32 without = 0, rows = 0;
    for (unsigned row = 1; row < ISA_COUNT; row++) {
        const struct tally *t = &o->tally[row];
        const char *reason = gen_reason((enum isa_op)row);
        if (!wanted(o, (enum isa_op)row))
            continue;
        rows++;
        without += reason != NULL;
        if (o->coverage && reason)
            printf("%-20s none: %s\n", isa_rows[row].id, reason);
        else if (o->coverage || t->failures)
            printf("%-20s %8u cases  %8u faults  %8u failed\n", isa_rows[row].id, t->cases, t->faults, t->failures);
    }
    for (unsigned i = 0; o->coverage && i < difference_count(); i++)
        printf("known difference, %u cases: %s\n", o->used[i], difference_reason(i));
    if (o->passing)
        printf("%llu disagreements did not come again\n", (unsigned long long)o->passing);
    printf("%llu cases of %u rows, %u rows without cases (--coverage lists them), %llu disagreements, seed %llu\n",
           (unsigned long long)o->total, rows - without, without, (unsigned long long)o->failures,
           (unsigned long long)o->seed);
}

static void usage(void)
{
    fprintf(stderr, "oracle --runner PATH [--seed S] [--cases N] [--row ID] [--case K] [--coverage] [--soft]"
                    " [--max-shown N]\n");
}

static int parse(struct oracle *o, int argc, char **argv)
{
    static const struct option options[] = {
        {"runner", required_argument, NULL, 'r'},
        {"seed", required_argument, NULL, 's'},
        {"cases", required_argument, NULL, 'n'},
        {"row", required_argument, NULL, 'i'},
        {"case", required_argument, NULL, 'c'},
        {"coverage", no_argument, NULL, 'v'},
        {"soft", no_argument, NULL, 'f'},
        {"max-shown", required_argument, NULL, 'm'},
        {NULL, 0, NULL, 0},
    };
    for (int opt; (opt = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (opt) {
        case 'r':
            o->runner = optarg;
            break;
        case 's':
            o->seed = strtoull(optarg, NULL, 0);
            break;
        case 'n':
            o->cases = (u32)strtoul(optarg, NULL, 0);
            break;
        case 'i':
            o->row = optarg;
            break;
        case 'c':
            o->only = (s64)strtoul(optarg, NULL, 0);
            break;
        case 'v':
            o->coverage = true;
            break;
        case 'f':
            o->soft = true;
            break;
        case 'm':
            o->max_shown = (u32)strtoul(optarg, NULL, 0);
            break;
        default:
            return -1;
        }
    }
    return o->runner && optind == argc ? 0 : -1;
}

static int judge_all(struct oracle *o)
{
    o->gen.local_table = o->native.shm->has_ldt;
    if (!o->gen.local_table)
        printf("this kernel has no modify_ldt(): no cases in 16-bit code\n");
    o->used = calloc(difference_count(), sizeof *o->used);
    o->emu = emu_new(o->native.shm->pristine, o->soft);
    if (!o->used || !o->emu)
        return -1;
    int status = run_all(o);
    summary(o);
    return status;
}

int main(int argc, char **argv)
{
    struct oracle *o = calloc(1, sizeof *o);
    if (!o)
        return 2;
    *o = (struct oracle){.seed = 1, .cases = 200, .only = -1, .max_shown = 2};
    int status = 2;
    if (parse(o, argc, argv) != 0) {
        usage();
    } else if (!*o->runner) {
        puts("skipped: no native runner, which needs an x86-64 Linux host and a compiler for -m32");
        status = EXIT_SKIP;
    } else if (native_start(&o->native, o->runner) != 0) {
        status = EXIT_SKIP;
    } else {
        status = judge_all(o) != 0 || o->failures != 0;
        native_stop(&o->native);
    }
    if (o->emu)
        emu_free(o->emu);
    free(o->used);
    free(o);
    return status;
}
