/*
 * engine.c - which blocks are translated, and the loop that runs them.
 */
#include "translator/engine.h"
#include "cpu/exec.h"
#include "cpu/run.h"
#include "translator/irinterp.h"
#include "translator/lift.h"
#include <stdlib.h>

/* A translation of the decoded block that it hangs on. The same block may have one for each mode that it runs in. */
struct translation {
    struct translation *next; /* of the same decoded block */
    struct lift_mode mode;
    struct ir_block *ir;
};

struct engine {
    struct cpu_engine hooks;
    struct cpu *c;
    struct engine_config config;
    struct engine_stats stats;
    struct irinterp *irinterp;
    struct ir_block work;
    struct translation **all; /* for a flush */
    size_t count, room;
};

/* ---- modes ---- */

static bool whole(const struct segment *s, bool write)
{
    return s->base == 0 && s->rd_top == 0xFFFFFFFF && (!write || s->wr_top == 0xFFFFFFFF);
}

static struct lift_mode mode_of(const struct cpu *c)
{
    struct lift_mode m = {.ip = (u32)c->ip, .bits = c->code_bits, .stack32 = c->stack32};
    m.whole_code = c->seg[SEG_CS].limit == 0xFFFFFFFF;
    for (unsigned i = 0; i < SEG_COUNT; i++)
        m.flat |= (u8)(whole(&c->seg[i], i != SEG_CS) << i);
    return m;
}

static bool same_mode(const struct lift_mode *a, const struct lift_mode *b)
{
    return a->ip == b->ip && a->bits == b->bits && a->stack32 == b->stack32 && a->whole_code == b->whole_code &&
           a->flat == b->flat;
}

/* Alignment checks are the interpreter's. */
static bool can_run(const struct cpu *c)
{
    return !(c->eflags & F_AC) || c->cpl != 3 || !(c->cr0 & CR0_AM);
}

/* ---- translations ---- */

static void drop(struct cpu_engine *hooks, struct iblock *b)
{
    b->translated = NULL;
}

static void flush(struct cpu_engine *hooks)
{
    struct engine *e = CONTAINER_OF(hooks, struct engine, hooks);
    for (size_t i = 0; i < e->count; i++) {
        free(e->all[i]->ir);
        free(e->all[i]);
    }
    e->count = 0;
    e->stats.flushes++;
}

static bool keep(struct engine *e, struct translation *t)
{
    if (e->count == e->room) {
        size_t room = e->room ? e->room * 2 : 1024;
        struct translation **all = realloc(e->all, room * sizeof *all);
        if (!all)
            return false;
        e->all = all;
        e->room = room;
    }
    e->all[e->count++] = t;
    return true;
}

static struct ir_block *copy_of(const struct ir_block *b)
{
    size_t size = offsetof(struct ir_block, op) + b->count * sizeof b->op[0];
    struct ir_block *copy = malloc(size);
    if (copy)
        memcpy(copy, b, size);
    return copy;
}

/* NULL: it stays with the interpreter. */
static struct translation *translate(struct engine *e, struct iblock *b, const struct lift_mode *mode)
{
    if (!lift_block(&e->work, mode, b->insn, b->count))
        return NULL;
    struct translation *t = calloc(1, sizeof *t);
    if (!t)
        return NULL;
    t->mode = *mode;
    t->ir = copy_of(&e->work);
    if (!t->ir || !keep(e, t)) {
        free(t->ir);
        free(t);
        return NULL;
    }
    t->next = b->translated;
    b->translated = t;
    e->stats.translated++;
    e->stats.insns_translated += b->count;
    return t;
}

static struct translation *find(struct engine *e, struct iblock *b)
{
    if (b->heat < e->config.threshold) {
        b->heat++;
        return NULL;
    }
    if (b == e->c->blocks->scratch || !can_run(e->c))
        return NULL;
    struct lift_mode mode = mode_of(e->c);
    for (struct translation *t = b->translated; t; t = t->next) {
        if (same_mode(&t->mode, &mode))
            return t;
    }
    return translate(e, b, &mode);
}

/* ---- running ---- */

static void run(struct cpu *c, struct cpu_engine *hooks)
{
    struct engine *e = CONTAINER_OF(hooks, struct engine, hooks);
    struct iblock *b = c->blocks->scratch;
    while (LIKELY(!c->attention) && c->budget > 0) {
        b = cpu_next_block(c, b);
        struct translation *t = (s64)b->count <= c->budget ? find(e, b) : NULL;
        if (!t) {
            unsigned n = (unsigned)MIN((s64)b->count, c->budget);
            cpu_run_insns(c, b, n);
            e->stats.interpreted += n;
            continue;
        }
        c->blocks->running = b;
        irinterp_run(e->irinterp, c, t->ir, b->insn, b->count);
        e->stats.run += b->count;
    }
}

struct engine *engine_new(struct cpu *c, const struct engine_config *config)
{
    struct engine *e = config->backend == ENGINE_IR ? calloc(1, sizeof *e) : NULL;
    if (!e)
        return NULL;
    e->c = c;
    e->config = *config;
    e->hooks = (struct cpu_engine){.run = run, .dropped = drop, .flushed = flush};
    e->irinterp = irinterp_new();
    if (!e->irinterp) {
        free(e);
        return NULL;
    }
    c->engine = c->blocks->engine = &e->hooks;
    return e;
}

void engine_free(struct engine *e)
{
    if (!e)
        return;
    blocks_flush(e->c->blocks);
    e->c->engine = e->c->blocks->engine = NULL;
    irinterp_free(e->irinterp);
    free(e->all);
    free(e);
}

const struct engine_stats *engine_stats(const struct engine *e)
{
    return &e->stats;
}
