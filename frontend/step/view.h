/*
 * view.h - what the stepper shows: panes of a grid, and views that are lines of text. Nothing here knows a terminal or
 * changes the machine.
 */
#ifndef OMBRA_FRONTEND_STEP_VIEW_H
#define OMBRA_FRONTEND_STEP_VIEW_H

#include "frontend/step/grid.h"
#include "frontend/step/stepper.h"

enum view_id {
#define V(id, key, name, function, help) VIEW_##id,
#include "frontend/step/view.def"
#undef V
    VIEW_COUNT,
    VIEW_CYCLE = VIEW_STOPS, /* those before it come one after the other */
};

struct view_row {
    int key;
    const char *name;
    void (*lines)(const struct stepper *s, FILE *out); /* NULL: a pane */
    const char *help;
};

extern const struct view_row view_rows[VIEW_COUNT];

enum { VIEW_COLS = 80, VIEW_ROWS = 24 }; /* of what scripts show */

/* The whole screen: the view of s->look with title and keys. BEFORE: its lines before the last run, to light up what is
 * different, or NULL. NOTE: a line instead of the keys, or NULL. */
void view_draw(struct stepper *s, struct grid *g, const char *before, const char *note);

/* The lines of VIEW, malloc'ed; NULL for a pane, or without memory. */
char *view_lines(const struct stepper *s, unsigned view);

/* VIEW as text. 0 or -ENOMEM. */
int view_print(struct stepper *s, unsigned view, FILE *out);

/* Moves the cursor, scrolls the memory (PAGE), or scrolls a view of lines. */
void view_move(struct stepper *s, int lines, bool page);

/* NULL if there is none of that name. */
const struct device *view_find_device(struct pc *pc, const char *name);

/* The line of the tour's source that the next instruction comes from, or -1. */
long view_source_line(const struct stepper *s);

/* view_panes.c; each fills its pane. */
void pane_code(struct stepper *s, struct pane *p);
void pane_next(const struct stepper *s, struct pane *p); /* only the next instruction */
void pane_registers(const struct stepper *s, struct pane *p);
void pane_memory(const struct stepper *s, struct pane *p);
void pane_stack(const struct stepper *s, struct pane *p);
void pane_sentences(const struct stepper *s, struct pane *p, unsigned last_rows);
void pane_source(const struct stepper *s, struct pane *p);
void pane_screen(const struct stepper *s, struct pane *p);
unsigned pane_memory_columns(unsigned cols); /* bytes in a row of a memory pane */

/* view_lines.c */
void lines_registers(const struct stepper *s, FILE *out);
void lines_walk(const struct stepper *s, FILE *out);
void lines_gdt(const struct stepper *s, FILE *out);
void lines_ldt(const struct stepper *s, FILE *out);
void lines_idt(const struct stepper *s, FILE *out);
void lines_tss(const struct stepper *s, FILE *out);
void lines_events(const struct stepper *s, FILE *out);
void lines_device(const struct stepper *s, FILE *out);
void lines_tlb(const struct stepper *s, FILE *out);
void lines_fpu(const struct stepper *s, FILE *out);
void lines_stops(const struct stepper *s, FILE *out);
void lines_help(const struct stepper *s, FILE *out);

#endif
