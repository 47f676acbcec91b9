/*
 * spec.c - reading the argument of --trace.
 */
#include "frontend/trace/spec.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* The item in hand, and where to complain. */
struct item {
    char text[256];
    const struct symbols *symbols;
    char *error;
    size_t error_size;
};

static int fail(const struct item *it, const char *why)
{
    snprintf(it->error, it->error_size, "--trace: '%s': %s", it->text, why);
    return -EINVAL;
}

static bool number(const char *text, u64 *value)
{
    char *end;
    errno = 0;
    *value = strtoull(text, &end, 0);
    u64 scale = *end == 'K' ? 1000 : *end == 'M' ? 1000000 : *end == 'G' ? 1000000000 : 1;
    if (errno || end == text || *text == '-' || *text == '+' || end[scale > 1] || *value > ~(u64)0 / scale)
        return false;
    *value *= scale;
    return true;
}

/* "A..B", "A..", "..B", "A" or a name. */
static bool range(const struct item *it, char *text, struct trace_range *r)
{
    char *dots = strstr(text, "..");
    const struct symbol *name = dots ? NULL : symbols_find(it->symbols, text);
    *r = (struct trace_range){0, ~(u64)0};
    if (name) {
        *r = (struct trace_range){name->addr, name->end - 1};
        return true;
    }
    if (!dots) {
        bool ok = number(text, &r->first);
        r->last = r->first;
        return ok;
    }
    *dots = 0;
    return (*text || dots[2]) && (!*text || number(text, &r->first)) && (!dots[2] || number(dots + 2, &r->last)) &&
           r->first <= r->last;
}

static int add_filter(struct trace_spec *spec, const struct item *it, const char *name, char *value)
{
    const struct {
        const char *name;
        struct trace_set *set;
    } filters[] = {{"addr", &spec->addr}, {"data", &spec->data}, {"port", &spec->port},
                   {"cpl", &spec->cpl},   {"cr3", &spec->cr3},   {"count", &spec->counts}};
    for (unsigned i = 0; i < ARRAY_LEN(filters); i++) {
        struct trace_set *s = filters[i].set;
        if (strcmp(filters[i].name, name) != 0)
            continue;
        if (s->count == TRACE_RANGES_MAX)
            return fail(it, "a filter can be given 8 times at most");
        if (!range(it, value, &s->range[s->count]))
            return fail(it, "is not NUMBER, FROM..TO, FROM.. or ..TO, nor a name that --symbols has");
        s->count++;
        return 0;
    }
    return fail(it, "the filters are addr=, data=, port=, cpl=, cr3= and count=");
}

static int add_kind(struct trace_spec *spec, const struct item *it)
{
    for (unsigned i = 0; i < TRACE_REGS; i++)
        if (strcmp(it->text, trace_kind_names[i]) == 0) {
            spec->kinds |= BIT(i);
            return 0;
        }
    return fail(it, "the kinds are insn, block, mem, port and int");
}

static int add_item(struct trace_spec *spec, const struct item *it)
{
    char copy[sizeof it->text], *value;
    if (!strchr(it->text, '='))
        return add_kind(spec, it);
    memcpy(copy, it->text, sizeof copy);
    value = strchr(copy, '=');
    *value = 0;
    return add_filter(spec, it, copy, value + 1);
}

int trace_spec_parse(struct trace_spec *spec, const char *text, const struct symbols *symbols, char *error,
                     size_t error_size)
{
    struct item it = {.symbols = symbols, .error = error, .error_size = error_size};
    *spec = (struct trace_spec){0};
    for (;;) {
        size_t len = strcspn(text, ",");
        snprintf(it.text, sizeof it.text, "%.*s", (int)MIN(len, sizeof it.text), text);
        int r = len < sizeof it.text ? add_item(spec, &it) : fail(&it, "too long");
        if (r)
            return r;
        if (!text[len])
            break;
        text += len + 1;
    }
    if (spec->kinds)
        return 0;
    snprintf(it.text, sizeof it.text, "%s", "");
    return fail(&it, "says no kind: insn, block, mem, port, int");
}
