/*
 * loops.c - a case for each loop in loops.S: everything of it that was translated while it ran.
 */
#include "tests/golden/golden.h"
#include <string.h>

struct loop {
    const u8 *code, *end;
    const char *name, *text;
    u64 bits;
};

/* The section that loops.S fills. */
extern const struct loop __start_golden_loops[], __stop_golden_loops[];

struct loop_case {
    struct golden_set *set;
    const struct loop *loop;
};

static void look(void *ctx, const struct made *m)
{
    const struct loop_case *want = ctx;
    struct golden_case *c = golden_add(want->set);
    snprintf(c->name, sizeof c->name, "%s", want->loop->name);
    c->loop = true;
    c->text = strdup(want->loop->text);
    c->n = host_loop_figures(want->set->reader, m->piece, m->count);
    c->listing = host_listing(want->set->reader, m->piece, m->count);
}

void loop_cases(struct golden_set *s)
{
    for (const struct loop *l = __start_golden_loops; l < __stop_golden_loops; l++) {
        struct loop_case want = {s, l};
        struct guest g = {l->code, (size_t)(l->end - l->code), (unsigned)l->bits};
        golden_run(s->reader, &g, ENGINE_THRESHOLD, look, &want);
    }
}
