/*
 * replay.c - recorded cases in the interpreter, see replay.h.
 */
#include "tests/oracle/replay.h"
#include "tests/oracle/compare.h"
#include "tests/oracle/emu.h"
#include "tests/oracle/tally.h"
#include "tests/oracle/vectors.h"
#include <stdio.h>
#include <stdlib.h>

enum { SETTINGS = 2 }; /* floating point by the host where that is possible, and all of it in software */

struct replay {
    const struct replay_options *o;
    struct vectors *v;
    struct emu *emu[SETTINGS];
    struct tally tally;
    struct oracle_case c;
    struct oracle_result silicon, ours;
};

static void show(struct replay *r, u32 number, unsigned setting)
{
    printf("oracle --replay %s --row %s --case %u%s%s%s\n", r->o->path, isa_rows[r->c.row].id, number,
           setting ? " --soft" : "", r->o->mode ? " --engine " : "", r->o->mode ? r->o->mode : "");
    compare_show_case(&r->c, stdout);
    compare_results(&r->c, &r->silicon, &r->ours, r->tally.used, stdout);
}

/* Both settings make the same of almost all cases, so that one that fails is shown once. */
static void judge(struct replay *r, u32 number)
{
    tally_case(&r->tally, &r->c, &r->silicon);
    for (unsigned setting = r->o->soft; setting < SETTINGS; setting++) {
        emu_run(r->emu[setting], &r->c, &r->ours);
        if (compare_results(&r->c, &r->silicon, &r->ours, r->tally.used, NULL))
            continue;
        r->tally.failures++;
        if (r->tally.row[r->c.row].failures++ < r->o->max_shown)
            show(r, number, setting);
        return;
    }
}

static bool wanted(const struct replay *r, u32 number)
{
    return r->o->only >= 0 ? number == r->o->only : number % r->o->stride == 0;
}

static int replay_row(struct replay *r, const char *name)
{
    bool skip = r->o->row && strcmp(r->o->row, name) != 0;
    int more = 0;
    for (u32 number = 0; !skip && (more = vectors_case(r->v, &r->c, &r->silicon)) > 0; number++) {
        if (!wanted(r, number))
            continue;
        judge(r, number);
        if (r->o->only >= 0)
            printf("%s case %u: %s, vector %d\n", name, number,
                   r->tally.row[r->c.row].failures ? "disagrees" : "agrees", r->silicon.vector);
    }
    return more;
}

static int replay_rows(struct replay *r)
{
    const char *name;
    int row;
    while ((row = vectors_row(r->v, &name)) >= 0) {
        if (row == 0)
            printf("row %s is recorded, but the table has it no more\n", name);
        else if (replay_row(r, name) < 0)
            return -1;
    }
    return row == -1 ? 0 : -1;
}

static int replay_file(struct replay *r)
{
    const struct vectors_info *info = vectors_info(r->v);
    printf("recorded on %s, seed %llu, %u cases a row\n", info->cpu, (unsigned long long)info->seed, info->cases);
    if (tally_init(&r->tally) != 0)
        return 2;
    for (unsigned i = 0; i < SETTINGS; i++) {
        r->emu[i] = emu_new(vectors_pristine(r->v), i == 1, r->o->mode);
        if (!r->emu[i])
            return 2;
    }
    if (replay_rows(r) != 0)
        return 2;
    if (r->o->mode)
        printf("%llu cases translated, %llu with floating point in software\n",
               (unsigned long long)emu_translated(r->emu[0]), (unsigned long long)emu_translated(r->emu[1]));
    u32 unexplained = tally_print(&r->tally, r->o->row, r->o->coverage);
    return r->tally.failures || (r->o->coverage && unexplained);
}

int replay(const struct replay_options *o)
{
    struct replay *r = aligned_alloc(64, (sizeof *r + 63) & ~(size_t)63);
    int status = 2;
    if (!r)
        return status;
    *r = (struct replay){.o = o, .v = vectors_open(o->path)};
    if (r->v) {
        status = replay_file(r);
        vectors_free(r->v);
    }
    for (unsigned i = 0; i < SETTINGS; i++) {
        if (r->emu[i])
            emu_free(r->emu[i]);
    }
    tally_free(&r->tally);
    free(r);
    return status;
}
