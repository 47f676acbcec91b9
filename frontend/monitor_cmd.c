/*
 * monitor_cmd.c - the commands that do something.
 */
#include "frontend/file.h"
#include "frontend/monitor_int.h"
#include "translator/stats.h"

#include <errno.h>
#include <sys/stat.h>

/* ---- help ---- */

static void describe(struct answer *a, cJSON *list, const struct command *c)
{
    char usage[64];
    snprintf(usage, sizeof usage, "%s%s%s%s%s", c->name, *c->other ? ", " : "", c->other, *c->shown ? " " : "",
             c->shown);
    fprintf(a->text, "%-24s %s\n", usage, c->help);
    cJSON *row = cJSON_CreateObject();
    cJSON_AddStringToObject(row, "name", c->name);
    if (*c->other)
        cJSON_AddStringToObject(row, "other", c->other);
    cJSON_AddStringToObject(row, "arguments", c->shown);
    cJSON_AddStringToObject(row, "help", c->help);
    cJSON_AddItemToArray(list, row);
}

int monitor_help(struct answer *a)
{
    const struct command *one = a->arg[0] ? monitor_find(a->arg[0]) : NULL;
    if (a->arg[0] && !one)
        return answer_error(a, "unknown command '%.80s'; 'help' lists all", a->arg[0]);
    cJSON *list = cJSON_AddArrayToObject(a->json, "commands");
    if (one)
        describe(a, list, one);
    for (const struct command *c = monitor_commands; !one && c->name; c++)
        describe(a, list, c);
    return 0;
}

/* ---- the machine ---- */

int monitor_pause(struct answer *a)
{
    a->env->pause(a->env->ctx, true);
    return 0;
}

int monitor_go_on(struct answer *a)
{
    a->env->pause(a->env->ctx, false);
    return 0;
}

int monitor_reset(struct answer *a)
{
    a->env->reset(a->env->ctx);
    return 0;
}

int monitor_power(struct answer *a)
{
    a->env->power(a->env->ctx);
    return 0;
}

int monitor_quit(struct answer *a)
{
    a->env->quit(a->env->ctx);
    return 0;
}

int monitor_hash(struct answer *a)
{
    answer_field(a, "hash", "%016llX", (unsigned long long)pc_hash(a->env->pc));
    return 0;
}

int monitor_stats(struct answer *a)
{
    struct monitor_stats s;
    const struct cpu *cpu = pc_cpu(a->env->pc);
    a->env->stats(a->env->ctx, &s);
    u64 awake = s.wall_ns - s.asleep_ns;
    answer_number(a, "instructions", s.instructions);
    answer_number(a, "virtual_ns", s.virtual_ns);
    answer_number(a, "wall_ns", s.wall_ns);
    answer_number(a, "asleep_ns", s.asleep_ns);
    answer_number(a, "processor_ns", s.cpu_ns);
    answer_number(a, "mips", awake ? s.instructions * 1000 / awake : 0);
    answer_number(a, "blocks_decoded", cpu->stats_blocks);
    answer_number(a, "instructions_decoded", cpu->stats_decoded);
    answer_number(a, "tlb_flushes", cpu->mmu.flushes);
    answer_number(a, "tlb_misses", cpu->mmu.misses);
    answer_number(a, "page_walks", cpu->mmu.walks);
    const struct engine_stats *e = pc_engine_stats(a->env->pc);
    for (unsigned i = 0; e && i < STAT_ROWS; i++)
        answer_number(a, stat_rows[i].name, stat_of(e, &stat_rows[i]));
    return 0;
}

/* ---- files ---- */

/* What the functions of the environment return, with their complaint in ERR. */
static int told(struct answer *a, int r, const char *err)
{
    return r ? answer_error(a, "%s", err) : 0;
}

/* A file appears by a rename, which would replace a device. */
static int check_output(struct answer *a, const char *path)
{
    char err[MONITOR_ERROR_MAX];
    struct stat st;
    int r = file_check_output(path, err, sizeof err);
    if (r)
        return told(a, r, err);
    if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
        return answer_error(a, "%s: not a regular file; name another place", path);
    return 0;
}

int monitor_screenshot(struct answer *a)
{
    char err[MONITOR_ERROR_MAX] = "";
    int r = check_output(a, a->arg[0]);
    return r ? r : told(a, a->env->screenshot(a->env->ctx, a->arg[0], err, sizeof err), err);
}

int monitor_save(struct answer *a)
{
    char err[MONITOR_ERROR_MAX] = "";
    int r = check_output(a, a->arg[0]);
    return r ? r : told(a, a->env->save(a->env->ctx, a->arg[0], err, sizeof err), err);
}

int monitor_load(struct answer *a)
{
    char err[MONITOR_ERROR_MAX] = "";
    return told(a, a->env->load(a->env->ctx, a->arg[0], err, sizeof err), err);
}

int monitor_change(struct answer *a)
{
    char err[MONITOR_ERROR_MAX] = "";
    return told(a, a->env->change(a->env->ctx, a->arg[0], a->arg[1], err, sizeof err), err);
}

int monitor_eject(struct answer *a)
{
    char err[MONITOR_ERROR_MAX] = "";
    return told(a, a->env->change(a->env->ctx, a->arg[0], NULL, err, sizeof err), err);
}

int monitor_keys(struct answer *a)
{
    char err[MONITOR_ERROR_MAX] = "";
    return told(a, a->env->keys(a->env->ctx, a->arg[0], err, sizeof err), err);
}
