/*
 * text.c - text in a buffer of fixed size.
 */
#include "frontend/step/text.h"
#include <stdarg.h>
#include <stdio.h>

void text_init(struct text *t, char *to, size_t size)
{
    *t = (struct text){.to = to, .size = size};
    to[0] = 0;
}

void text_add(struct text *t, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(t->to + t->used, t->size - t->used, fmt, ap);
    va_end(ap);
    if (n > 0)
        t->used = MIN(t->used + (size_t)n, t->size - 1);
}

void text_number(struct text *t, u64 v)
{
    text_add(t, v < 10 ? "%llu" : "%02llXh", (unsigned long long)v);
}

void text_column(struct text *t, unsigned column)
{
    const char *line = t->to + t->used;
    while (line > t->to && line[-1] != '\n')
        line--;
    size_t at = (size_t)(t->to + t->used - line);
    text_add(t, "%*s", at < column ? (int)(column - at) : 1, "");
}

/* How much of S goes on a line of COLUMNS. */
static size_t line_length(const char *s, unsigned columns)
{
    size_t n = strlen(s);
    if (n <= columns)
        return n;
    for (n = columns; n > 0; n--) {
        if (s[n] == ' ')
            return n;
    }
    return columns;
}

unsigned text_wrap(const char *s, unsigned columns, unsigned max_lines, char *to, size_t size)
{
    struct text t;
    text_init(&t, to, size);
    unsigned lines = 0;
    while (*s && lines < max_lines) {
        bool last = lines + 1 == max_lines && strlen(s) > columns;
        size_t n = line_length(s, last ? columns - 3 : columns);
        text_add(&t, "%s%.*s%s", lines ? "\n" : "", (int)n, s, last ? "..." : "");
        lines++;
        s += n;
        while (*s == ' ')
            s++;
    }
    return lines;
}
