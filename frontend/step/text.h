/*
 * text.h - text put together piece by piece in a buffer of fixed size, for the stepper's
 * sentences and views. What does not fit is left out; the text always ends with a zero.
 */
#ifndef OMBRA_FRONTEND_STEP_TEXT_H
#define OMBRA_FRONTEND_STEP_TEXT_H

#include "base/types.h"

struct text {
    char *to;
    size_t size, used; /* used: without the zero, below size */
};

/* SIZE is at least 1. */
void text_init(struct text *t, char *to, size_t size);
void text_add(struct text *t, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* A number as people say it: 0 to 9 as they are, all others in hexadecimal with an h; 0Ah, which is not AH. */
void text_number(struct text *t, u64 v);

/* Blanks up to COLUMN of the current line, at least one. */
void text_column(struct text *t, unsigned column);

/* Breaks S between words into lines of at most COLUMNS characters, at most MAX_LINES of them; what is beyond ends in
 * "...". Returns how many lines. */
unsigned text_wrap(const char *s, unsigned columns, unsigned max_lines, char *to, size_t size);

#endif
