/*
 * oracle.c - the processor itself as the judge: cases made from isa.def run natively on an x86-64 host and in the
 * interpreter, or with --engine by translated code (tests/unit/engine_mode.h), and must end alike.
 *
 *   oracle --runner PATH [--seed S] [--cases N] [--row ID] [--case K] [--coverage] [--soft] [--max-shown N]
 *          [--engine forced|tiny|verify] [--record FILE]
 *   oracle --replay FILE [--row ID] [--case K] [--stride K] [--coverage] [--soft] [--max-shown N]
 *          [--engine forced|tiny|verify]
 *
 * Exit status: 0 all agree, 1 a disagreement or (with --coverage) a row with neither cases nor a reason, 2 bad usage or
 * a bad file, 77 no native judge on this host.
 */
#include "tests/oracle/compare.h"
#include "tests/oracle/emu.h"
#include "tests/oracle/gen.h"
#include "tests/oracle/native.h"
#include "tests/oracle/replay.h"
#include "tests/oracle/tally.h"
#include "tests/oracle/vectors.h"
#include <getopt.h>
#include <stdlib.h>

enum { EXIT_SKIP = 77, REPEATS = 3 };

struct oracle {
    const char *runner, *row, *record, *replay, *mode;
    u64 seed;
    u32 cases;
    s64 only; /* one case, or -1 */
    bool coverage, soft;
    u32 max_shown, stride;
    struct native native;
    struct emu *emu;
    struct gen_options gen;
    struct tally tally;
    struct vectors *vectors;  /* when recording */
    u64 unstable;             /* cases that are not recorded because the silicon does not always do the same */
    u32 number[ORACLE_BATCH]; /* of each case in the batch */
    u32 filled;
    u64 passing;                               /* disagreements that did not come again */
    struct oracle_result before[ORACLE_BATCH]; /* what the silicon made then */
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
    return compare_results(c, &o->native.shm->results[i], &o->ours, o->tally.used, out);
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
 * and the instruction may lose x87 pointers. That excuses the silicon, not us.
 */
static int confirm(struct oracle *o, u32 i)
{
    struct oracle_case *first = &o->native.shm->cases[0];
    struct oracle_result *silicon = &o->native.shm->results[0];
    o->before[0] = o->native.shm->results[i];
    *first = o->native.shm->cases[i];
    o->number[0] = o->number[i];
    for (unsigned again = 0; again < REPEATS; again++) {
        if (run_native(o, 1) != 0)
            return -1;
        if (agrees(o, 0, NULL)) {
            if (vectors_same(first, &o->before[0], silicon))
                break;
            o->passing++;
            return 0;
        }
    }
    o->tally.failures++;
    if (o->tally.row[first->row].failures++ < o->max_shown) {
        show(o, first, o->number[0]);
        if (agrees(o, 0, stdout))
            printf("  agrees now: it depends on what ran before\n");
    }
    return 0;
}

/* Records the batch that has just run: those cases of which two runs in a row make the same. */
static int record(struct oracle *o)
{
    const struct oracle_shm *shm = o->native.shm;
    bool stable[ORACLE_BATCH] = {false};
    u32 left = o->filled;
    for (unsigned again = 0; again < REPEATS && left; again++) {
        memcpy(o->before, shm->results, sizeof o->before);
        if (run_native(o, o->filled) != 0)
            return -1;
        for (u32 i = 0; i < o->filled; i++) {
            if (stable[i] || !vectors_same(&shm->cases[i], &o->before[i], &shm->results[i]))
                continue;
            stable[i] = true;
            left--;
        }
    }
    for (u32 i = 0; i < o->filled; i++) {
        if (stable[i])
            vectors_add(o->vectors, &shm->cases[i], &shm->results[i]);
    }
    o->unstable += left;
    return 0;
}

/* Runs what is in the batch on both sides. 0, or -1 when the native side is lost. */
static int flush(struct oracle *o)
{
    u32 failed[ORACLE_BATCH], failures = 0;
    if (o->filled == 0)
        return 0;
    if (run_native(o, o->filled) != 0 || (o->vectors && record(o) != 0))
        return -1;
    for (u32 i = 0; i < o->filled; i++) {
        tally_case(&o->tally, &o->native.shm->cases[i], &o->native.shm->results[i]);
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

static void usage(void)
{
    fprintf(stderr, "oracle --runner PATH [--seed S] [--cases N] [--row ID] [--case K] [--coverage] [--soft]"
                    " [--max-shown N] [--engine forced|tiny|verify] [--record FILE]\n"
                    "oracle --replay FILE [--row ID] [--case K] [--stride K] [--coverage] [--soft] [--max-shown N]"
                    " [--engine forced|tiny|verify]\n");
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
        {"record", required_argument, NULL, 'w'},
        {"replay", required_argument, NULL, 'p'},
        {"stride", required_argument, NULL, 'k'},
        {"engine", required_argument, NULL, 'e'},
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
        case 'w':
            o->record = optarg;
            break;
        case 'p':
            o->replay = optarg;
            break;
        case 'k':
            o->stride = (u32)strtoul(optarg, NULL, 0);
            break;
        case 'e':
            o->mode = optarg;
            break;
        default:
            return -1;
        }
    }
    bool one_judge = !o->runner != !o->replay && !(o->record && o->replay);
    return one_judge && o->stride && optind == argc ? 0 : -1;
}

static int start_recording(struct oracle *o)
{
    struct vectors_info info = {.cases = o->cases, .seed = o->seed};
    native_name(info.cpu, sizeof info.cpu);
    o->gen.lean = true;
    o->vectors = vectors_create(&info, o->native.shm->pristine);
    return o->vectors ? 0 : -1;
}

static int judge_all(struct oracle *o)
{
    o->gen.local_table = o->native.shm->has_ldt;
    if (!o->gen.local_table)
        printf("this kernel has no modify_ldt(): no cases in 16-bit code\n");
    o->emu = emu_new(o->native.shm->pristine, o->soft, o->mode);
    if (!o->emu || tally_init(&o->tally) != 0 || (o->record && start_recording(o) != 0))
        return 2;
    printf("seed %llu, %u cases a row\n", (unsigned long long)o->seed, o->cases);
    int status = run_all(o);
    if (o->passing)
        printf("%llu disagreements did not come again\n", (unsigned long long)o->passing);
    if (o->unstable)
        printf("%llu cases are not recorded: the processor did not always do the same\n",
               (unsigned long long)o->unstable);
    if (o->mode)
        printf("%llu cases translated\n", (unsigned long long)emu_translated(o->emu));
    u32 unexplained = tally_print(&o->tally, o->row, o->coverage);
    if (status == 0 && o->vectors && vectors_save(o->vectors, o->record) != 0)
        return 2;
    return status != 0 || o->tally.failures || (o->coverage && unexplained);
}

static int judge(struct oracle *o)
{
    if (!*o->runner) {
        puts("skipped: no native runner, which needs an x86-64 Linux host and a compiler for -m32");
        return EXIT_SKIP;
    }
    if (native_start(&o->native, o->runner) != 0)
        return EXIT_SKIP;
    int status = judge_all(o);
    native_stop(&o->native);
    return status;
}

static int replay_with(const struct oracle *o)
{
    struct replay_options options = {.path = o->replay,
                                     .row = o->row,
                                     .only = o->only,
                                     .stride = o->stride,
                                     .max_shown = o->max_shown,
                                     .coverage = o->coverage,
                                     .mode = o->mode,
                                     .soft = o->soft};
    return replay(&options);
}

int main(int argc, char **argv)
{
    struct oracle *o = aligned_alloc(64, (sizeof *o + 63) & ~(size_t)63);
    if (!o)
        return 2;
    memset(o, 0, sizeof *o);
    o->seed = o->stride = 1;
    o->cases = 200;
    o->only = -1;
    o->max_shown = 2;
    int status = 2;
    if (parse(o, argc, argv) != 0)
        usage();
    else
        status = o->replay ? replay_with(o) : judge(o);
    if (o->emu)
        emu_free(o->emu);
    if (o->vectors)
        vectors_free(o->vectors);
    tally_free(&o->tally);
    free(o);
    return status;
}
