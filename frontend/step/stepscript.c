/*
 * stepscript.c - commands from a file, and what a person would see in text.
 */
#include "frontend/step/stepcmd.h"
#include "frontend/step/text.h"
#include "frontend/step/view.h"
#include <errno.h>
#include <stdlib.h>

enum { GO_COUNTS = 1000000 };

#define TIME_LIMIT (3600 * 1000000000ull) /* of a guest that waits, ns */

struct script {
    struct stepcmd_env *env;
    const char *text, *name;
    size_t len;
    u64 limit;
    unsigned number; /* of the line in hand */
    char line[STEPCMD_LINE_MAX + 2];
};

/* A longer line than may be stays too long. */
static bool next_line(struct script *x, size_t *at)
{
    if (*at >= x->len)
        return false;
    const char *begin = x->text + *at, *end = memchr(begin, '\n', x->len - *at);
    size_t n = end ? (size_t)(end - begin) : x->len - *at;
    *at += n + 1;
    x->number++;
    n = MIN(n, sizeof x->line - 1);
    memcpy(x->line, begin, n);
    x->line[n] = 0;
    const char *first = x->line + strspn(x->line, " \t");
    if (*first == '#')
        x->line[0] = 0;
    return true;
}

/* What is wrong with the line, with its place before it. */
static int place_error(struct script *x, int result)
{
    struct text t;
    char what[STEPCMD_ERROR];
    snprintf(what, sizeof what, "%s", x->env->error);
    text_init(&t, x->env->error, sizeof x->env->error);
    text_add(&t, "%.120s:%u: %s", x->name, x->number, what);
    return result;
}

static int check_all(struct script *x)
{
    size_t at = 0;
    x->number = 0;
    if (memchr(x->text, 0, x->len)) {
        snprintf(x->env->error, sizeof x->env->error, "a script is text, without zero bytes");
        x->number = 1;
        return place_error(x, -EINVAL);
    }
    while (next_line(x, &at))
        if (stepcmd_check(x->env, x->line))
            return place_error(x, -EINVAL);
    return 0;
}

/* ---- what is seen ---- */

static void print_wrapped(FILE *out, const char *head, const char *sentence)
{
    char lines[2 * EXPLAIN_SIZE], *rest = lines;
    if (!*sentence)
        return;
    text_wrap(sentence, EXPLAIN_COLUMNS - 7, 2 * EXPLAIN_LINES, lines, sizeof lines);
    for (const char *line; (line = strsep(&rest, "\n")); head = "")
        if (*line)
            fprintf(out, "%-6s %s\n", head, line);
}

/* After a run: what ended it, what the last instruction did, what the next will do. */
static void show_state(struct script *x)
{
    struct stepper *s = x->env->s;
    struct disasm_line line;
    u8 bytes[INSN_MAX_LEN];
    char sentence[EXPLAIN_SIZE];
    if (*s->why)
        fprintf(x->env->out, "%s\n", s->why);
    stepper_last_sentence(s, sentence, sizeof sentence);
    print_wrapped(x->env->out, "did", sentence);
    stepper_line(s, stepper_here(s), s->cpu->code_bits, &line, bytes);
    fprintf(x->env->out, "%-6s %04X:%0*X  %s\n", "next", s->cpu->seg[SEG_CS].sel, s->cpu->code_bits == 16 ? 4 : 8,
            (u32)s->cpu->ip, line.text);
    stepper_next_sentence(s, sentence, sizeof sentence);
    print_wrapped(x->env->out, "", sentence);
}

static int run_one(struct script *x)
{
    struct stepper *s = x->env->s;
    fprintf(x->env->out, "> %s\n", x->line);
    if (stepcmd_execute(x->env, x->line))
        return place_error(x, -EIO);
    if (s->goal.kind == GOAL_NONE && !x->env->went)
        return 0;
    u64 end = cpu_count(s->cpu) + x->limit, late = clock_now(pc_clock(s->pc)) + TIME_LIMIT;
    while (stepcmd_go(x->env, GO_COUNTS))
        if (cpu_count(s->cpu) >= end || clock_now(pc_clock(s->pc)) >= late) {
            snprintf(x->env->error, sizeof x->env->error, "not reached within %llu instructions and an hour",
                     (unsigned long long)x->limit);
            stepper_pause(s, "");
            return place_error(x, -EIO);
        }
    if (s->missed) {
        snprintf(x->env->error, sizeof x->env->error, "%s", s->why);
        return place_error(x, -EIO);
    }
    show_state(x);
    return 0;
}

int stepscript_run(struct stepcmd_env *env, const char *text, size_t len, const char *name, u64 limit)
{
    struct script x = {.env = env, .text = text, .name = name, .len = len, .limit = limit};
    size_t at = 0;
    int r = check_all(&x);
    x.number = 0;
    env->s->looking = true;
    while (r == 0 && !env->quit && next_line(&x, &at))
        if (x.line[strspn(x.line, " \t\r")])
            r = run_one(&x);
    return r;
}
