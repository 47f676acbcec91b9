/*
 * witness.c - a ring of what has happened.
 */
#include "frontend/step/witness.h"
#include "cpu/exec.h"

static bool same(const struct happening *a, const struct happening *b)
{
    return a->where == b->where && a->value == b->value && a->what == b->what && a->kind == b->kind &&
           a->event == b->event;
}

static void add(struct witness *w, struct happening *h)
{
    h->count = cpu_count(w->cpu);
    h->where = (u32)(w->cpu->seg[SEG_CS].base + cpu_here(w->cpu));
    struct happening *last = w->total > w->first ? &w->ring[(w->total - 1) % WITNESS_MAX] : NULL;
    if (last && same(last, h)) {
        last->repeated++;
        last->count = h->count;
    } else {
        last = &w->ring[w->total++ % WITNESS_MAX];
        *last = *h;
        w->first = MAX(w->first, w->total > WITNESS_MAX ? w->total - WITNESS_MAX : 0);
    }
    if (w->told)
        w->told(w->ctx, last);
}

static void on_event(void *ctx, const struct cpu *c, u8 vector, enum event_kind kind, bool has_error, u32 error)
{
    add(ctx, &(struct happening){.kind = HAPPENED_EVENT, .what = vector, .event = (u8)kind});
}

static void on_port(void *ctx, const struct cpu *c, u16 port, u32 value, unsigned size, bool out)
{
    add(ctx,
        &(struct happening){.kind = out ? HAPPENED_OUT : HAPPENED_IN, .what = port, .value = value, .size = (u8)size});
}

void witness_open(struct witness *w, struct cpu *c)
{
    *w = (struct witness){.cpu = c, .hook = {.ctx = w, .event = on_event, .port = on_port}};
    cpu_observe(c, &w->hook);
}

void witness_close(struct witness *w)
{
    cpu_observe(w->cpu, NULL);
}

const struct happening *witness_get(const struct witness *w, unsigned n)
{
    if (n >= w->total - w->first)
        return NULL;
    return &w->ring[(w->total - 1 - n) % WITNESS_MAX];
}

void witness_forget(struct witness *w, u64 count)
{
    while (w->total > w->first && w->ring[(w->total - 1) % WITNESS_MAX].count > count)
        w->total--;
}

static const char *event_name(const struct happening *h)
{
    static const char exceptions[20][4] = {"#DE", "#DB", "NMI", "#BP", "#OF", "#BR", "#UD", "#NM", "#DF", "#9",
                                           "#TS", "#NP", "#SS", "#GP", "#PF", "#15", "#MF", "#AC", "#MC", "#XM"};
    switch (h->event) {
    case EVENT_FAULT:
        return h->what < ARRAY_LEN(exceptions) ? exceptions[h->what] : "exception";
    case EVENT_DB_TRAP:
        return "#DB";
    case EVENT_NMI:
        return "NMI";
    case EVENT_EXTERNAL:
        return "interrupt";
    case EVENT_ICEBP:
        return "ICEBP";
    default:
        return "INT";
    }
}

void witness_text(const struct happening *h, char *to, size_t size)
{
    int n;
    if (h->kind == HAPPENED_EVENT)
        n = snprintf(to, size, "%-9s %02Xh", event_name(h), h->what);
    else
        n = snprintf(to, size, "%s port %03Xh %s %0*Xh", h->kind == HAPPENED_IN ? "IN " : "OUT", h->what,
                     h->kind == HAPPENED_IN ? "->" : "<-", 2 * h->size, h->value);
    if (n > 0 && (size_t)n < size && h->repeated)
        snprintf(to + n, size - (size_t)n, "  and %u times more", h->repeated);
}
