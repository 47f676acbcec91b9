/*
 * grid.h - a screen of styled characters that the stepper's views are drawn into: by ncurses to a terminal, as text in
 * scripts and tests.
 */
#ifndef OMBRA_FRONTEND_STEP_GRID_H
#define OMBRA_FRONTEND_STEP_GRID_H

#include "base/types.h"
#include <stdio.h>

enum style {
    STYLE_PLAIN,
    STYLE_DIM,
    STYLE_BAR,   /* title and keys */
    STYLE_KEY,   /* a key in the bar */
    STYLE_TITLE, /* of a pane, and lines between them */
    STYLE_CHANGED,
    STYLE_NEXT, /* the instruction at the instruction pointer */
    STYLE_LAST,
    STYLE_CURSOR,
    STYLE_STOP, /* a breakpoint */
    STYLE_ALERT,
    STYLE_COUNT,
    STYLE_VGA = 0x100, /* with a VGA attribute in the low byte */
};

struct grid_cell {
    u32 ch; /* Unicode; 0 is a blank */
    u16 style;
};

struct grid {
    unsigned cols, rows;
    struct grid_cell *cell; /* rows * cols */
};

/* 0 or -ENOMEM. The grid is blank. */
int grid_init(struct grid *g, unsigned cols, unsigned rows);
void grid_free(struct grid *g);
void grid_clear(struct grid *g);

/* As UTF-8 without blanks at the ends of lines and without blank lines at the end. */
void grid_print(const struct grid *g, FILE *out);

/* Takes one character of UTF-8 of at most three bytes, which is all that we write ourselves, off *S, which is not
 * empty. */
u32 grid_utf8(const char **s);

/* A rectangle of a grid with a place to write at. What does not fit is cut. */
struct pane {
    struct grid *g;
    unsigned top, left, rows, cols;
    unsigned row, col;
};

/* The part of P that begins at ROW, COL; cut to P. */
struct pane pane_part(const struct pane *p, unsigned row, unsigned col, unsigned rows, unsigned cols);
struct pane pane_whole(struct grid *g);

void pane_put(struct pane *p, unsigned style, const char *fmt, ...) PRINTF_LIKE(3, 4); /* UTF-8; \n ends a line */
void pane_char(struct pane *p, unsigned style, u32 ch);
void pane_to(struct pane *p, unsigned row, unsigned col);

/* Fills the rest of the line with blanks (or CH) in STYLE and goes to the next. */
void pane_rest(struct pane *p, unsigned style, u32 ch);

static inline bool pane_full(const struct pane *p)
{
    return p->row >= p->rows;
}

#endif
