/*
 * grid.c - styled characters in rows and columns.
 */
#include "frontend/step/grid.h"
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>

enum { LINE_MAX_BYTES = 1024 };

int grid_init(struct grid *g, unsigned cols, unsigned rows)
{
    *g = (struct grid){cols, rows, calloc((size_t)cols * rows, sizeof(struct grid_cell))};
    return g->cell ? 0 : -ENOMEM;
}

void grid_free(struct grid *g)
{
    free(g->cell);
    *g = (struct grid){0};
}

void grid_clear(struct grid *g)
{
    memset(g->cell, 0, (size_t)g->cols * g->rows * sizeof *g->cell);
}

/* ---- as text ---- */

static void print_char(u32 ch, FILE *out)
{
    if (ch < 0x80) {
        fputc(ch ? (int)ch : ' ', out);
    } else if (ch < 0x800) {
        fprintf(out, "%c%c", 0xC0 | ch >> 6, 0x80 | (ch & 0x3F));
    } else {
        fprintf(out, "%c%c%c", 0xE0 | ch >> 12, 0x80 | (ch >> 6 & 0x3F), 0x80 | (ch & 0x3F));
    }
}

static unsigned line_length(const struct grid *g, unsigned row)
{
    unsigned n = g->cols;
    while (n && (!g->cell[row * g->cols + n - 1].ch || g->cell[row * g->cols + n - 1].ch == ' '))
        n--;
    return n;
}

void grid_print(const struct grid *g, FILE *out)
{
    unsigned rows = g->rows;
    while (rows && !line_length(g, rows - 1))
        rows--;
    for (unsigned r = 0; r < rows; r++) {
        for (unsigned c = 0, n = line_length(g, r); c < n; c++)
            print_char(g->cell[r * g->cols + c].ch, out);
        fputc('\n', out);
    }
}

/* ---- panes ---- */

struct pane pane_whole(struct grid *g)
{
    return (struct pane){.g = g, .rows = g->rows, .cols = g->cols};
}

struct pane pane_part(const struct pane *p, unsigned row, unsigned col, unsigned rows, unsigned cols)
{
    row = MIN(row, p->rows);
    col = MIN(col, p->cols);
    return (struct pane){.g = p->g,
                         .top = p->top + row,
                         .left = p->left + col,
                         .rows = MIN(rows, p->rows - row),
                         .cols = MIN(cols, p->cols - col)};
}

void pane_to(struct pane *p, unsigned row, unsigned col)
{
    p->row = row;
    p->col = col;
}

void pane_char(struct pane *p, unsigned style, u32 ch)
{
    if (p->row < p->rows && p->col < p->cols)
        p->g->cell[(p->top + p->row) * p->g->cols + p->left + p->col] = (struct grid_cell){ch, (u16)style};
    p->col++;
}

void pane_rest(struct pane *p, unsigned style, u32 ch)
{
    while (p->col < p->cols)
        pane_char(p, style, ch);
    p->row++;
    p->col = 0;
}

u32 grid_utf8(const char **s)
{
    const u8 *p = (const u8 *)*s;
    unsigned n = p[0] < 0xC0 ? 1 : p[0] < 0xE0 ? 2 : 3;
    u32 ch = n == 1 ? p[0] : p[0] & (0x7Fu >> n);
    for (unsigned i = 1; i < n; i++) {
        if ((p[i] & 0xC0) != 0x80) {
            *s += 1;
            return '?';
        }
        ch = ch << 6 | (p[i] & 0x3F);
    }
    *s += n;
    return ch;
}

void pane_put(struct pane *p, unsigned style, const char *fmt, ...)
{
    char line[LINE_MAX_BYTES];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    for (const char *s = line; *s;) {
        u32 ch = grid_utf8(&s);
        if (ch == '\n') {
            p->row++;
            p->col = 0;
        } else {
            pane_char(p, style, ch < ' ' || ch == 0x7F ? '?' : ch);
        }
    }
}
