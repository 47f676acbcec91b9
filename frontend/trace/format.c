/*
 * format.c - text traces.
 */
#include "frontend/trace/format.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- writing ---- */

/* A line being put together. It is never longer than TRACE_LINE_MAX; what is beyond SIZE is lost. */
struct line {
    char *to;
    size_t size, len;
};

static void PRINTF_LIKE(2, 3) put(struct line *l, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    int n = vsnprintf(l->to + l->len, l->size - l->len, format, ap);
    va_end(ap);
    l->len = MIN(l->len + (size_t)n, l->size - 1);
}

static void put_changes(struct line *l, u64 changed, const u64 *regs)
{
    const char *before = "| ";
    for (; changed; changed &= changed - 1) {
        unsigned i = (unsigned)__builtin_ctzll(changed);
        put(l, "%s%s=%0*llX", before, trace_regs[i].name, (int)trace_regs[i].digits, (unsigned long long)regs[i]);
        before = " ";
    }
}

static void put_insn(struct line *l, const struct trace_record *r, const u64 *regs, const char *text)
{
    char bytes[2 * TRACE_BYTES_MAX + 1] = "";
    for (unsigned i = 0; i < r->len; i++)
        snprintf(bytes + 2 * i, 3, "%02X", r->bytes[i]);
    put(l, r->changed ? "%-18s %-38s " : "%-18s %s", bytes, text);
    put_changes(l, r->changed, regs);
}

size_t trace_format(const struct trace_record *r, u16 cs, const u64 *regs, const char *text, char *to, size_t size)
{
    struct line l = {to, size, 0};
    put(&l, "%14llu %-5s %04X:%08llX  ", (unsigned long long)r->count, trace_kind_names[r->kind], cs,
        (unsigned long long)r->ip);
    switch (r->kind) {
    case TRACE_INSN:
        put_insn(&l, r, regs, text);
        break;
    case TRACE_REGS:
        put_changes(&l, r->changed, regs);
        break;
    case TRACE_MEM:
        put(&l, "%s %u [%08llX] = %0*llX", r->write ? "write" : "read", r->size, (unsigned long long)r->addr,
            2 * r->size, (unsigned long long)r->value);
        break;
    case TRACE_PORT:
        put(&l, "%s %u [%04llX] = %0*llX", r->write ? "out" : "in", r->size, (unsigned long long)r->addr, 2 * r->size,
            (unsigned long long)r->value);
        break;
    case TRACE_INT:
        put(&l, r->has_error ? "%02X %s error %08X" : "%02X %s", r->vector, trace_source_names[r->source], r->error);
        break;
    default:
        break;
    }
    while (l.len && to[l.len - 1] == ' ')
        to[--l.len] = 0;
    return l.len;
}

/* ---- reading ---- */

/* The next word of the line at *P, ended by a zero; empty at its end. */
static char *word(char **p)
{
    *p += strspn(*p, " ");
    char *w = *p;
    *p += strcspn(*p, " ");
    if (**p)
        *(*p)++ = 0;
    return w;
}

static bool is(char **p, const char *want)
{
    return strcmp(word(p), want) == 0;
}

static bool number(const char *text, int base, u64 *v)
{
    char *end;
    *v = strtoull(text, &end, base);
    return *text != '-' && *text != '+' && end != text && !*end;
}

static bool bytes(const char *hex, struct trace_record *r)
{
    size_t len = strlen(hex) / 2;
    if (strlen(hex) % 2 || len == 0 || len > TRACE_BYTES_MAX)
        return false;
    for (size_t i = 0; i < len; i++) {
        u64 v;
        if (!number((const char[]){hex[2 * i], hex[2 * i + 1], 0}, 16, &v))
            return false;
        r->bytes[i] = (u8)v;
    }
    r->len = (u8)len;
    return true;
}

static bool change(char *text, struct trace_record *r, u64 *regs)
{
    char *value = strchr(text, '=');
    if (!value)
        return false;
    *value++ = 0;
    for (unsigned i = 0; i < TRACE_REGS_ALL; i++)
        if (strcmp(trace_regs[i].name, text) == 0) {
            r->changed |= BIT64(i);
            return number(value, 16, &regs[i]);
        }
    return false;
}

static bool changes(char *p, struct trace_record *r, u64 *regs)
{
    for (char *w; *(w = word(&p));)
        if (!change(w, r, regs))
            return false;
    return true;
}

/* What stands before the bar is shown again: nothing in it may steer a terminal. */
static void keep_text(struct trace_record *r, const char *text)
{
    text += strspn(text, " ");
    snprintf(r->text, sizeof r->text, "%s", text);
    for (char *p = r->text; *p; p++)
        if (*p < ' ' || *p >= 0x7F)
            *p = '?';
    for (size_t n = strlen(r->text); n && r->text[n - 1] == ' ';)
        r->text[--n] = 0;
}

static bool parse_insn(char *p, struct trace_record *r, u64 *regs)
{
    if (!bytes(word(&p), r))
        return false;
    char *bar = strchr(p, '|');
    if (bar)
        *bar++ = 0;
    keep_text(r, p);
    return !bar || changes(bar, r, regs);
}

/* "SIZE [ADDR] = VALUE" */
static bool parse_access(char *p, bool write, struct trace_record *r)
{
    u64 size;
    bool ok = number(word(&p), 10, &size) && (size == 1 || size == 2 || size == 4 || size == 8);
    char *addr = word(&p), *close = strchr(addr, ']');
    if (!ok || *addr != '[' || !close || close[1])
        return false;
    *close = 0;
    r->size = (u8)size;
    r->write = write;
    return number(addr + 1, 16, &r->addr) && is(&p, "=") && number(word(&p), 16, &r->value) && !*word(&p);
}

static bool parse_event(char *p, struct trace_record *r)
{
    u64 vector, error = 0;
    if (!number(word(&p), 16, &vector) || vector > 0xFF)
        return false;
    const char *source = word(&p);
    while (r->source < TRACE_SOURCE_COUNT && strcmp(source, trace_source_names[r->source]) != 0)
        r->source++;
    const char *more = word(&p);
    r->has_error = *more;
    r->vector = (u8)vector;
    if (r->has_error && (strcmp(more, "error") != 0 || !number(word(&p), 16, &error) || error > 0xFFFFFFFF))
        return false;
    r->error = (u32)error;
    return r->source < TRACE_SOURCE_COUNT && !*word(&p);
}

static bool parse_rest(char *p, struct trace_record *r, u64 *regs)
{
    const char *verb;
    switch (r->kind) {
    case TRACE_INSN:
        return parse_insn(p, r, regs);
    case TRACE_REGS:
        return is(&p, "|") && changes(p, r, regs);
    case TRACE_MEM:
        verb = word(&p);
        return (!strcmp(verb, "read") || !strcmp(verb, "write")) && parse_access(p, *verb == 'w', r);
    case TRACE_PORT:
        verb = word(&p);
        return (!strcmp(verb, "in") || !strcmp(verb, "out")) && parse_access(p, *verb == 'o', r);
    case TRACE_INT:
        return parse_event(p, r);
    default:
        return !*word(&p);
    }
}

bool trace_parse(char *line, struct trace_record *r, u64 *regs)
{
    *r = (struct trace_record){0};
    if (!number(word(&line), 10, &r->count))
        return false;
    const char *kind = word(&line);
    while (r->kind < TRACE_KIND_COUNT && strcmp(kind, trace_kind_names[r->kind]) != 0)
        r->kind++;
    char *at = word(&line), *colon = strchr(at, ':');
    u64 cs;
    if (r->kind == TRACE_KIND_COUNT || !colon)
        return false;
    *colon = 0;
    if (!number(at, 16, &cs) || cs > 0xFFFF || !number(colon + 1, 16, &r->ip))
        return false;
    r->cs = (u16)cs;
    return parse_rest(line, r, regs);
}
