/*
 * stepui.h - the stepper for a person: keys come in, a grid goes out. Knows no terminal; screen_curses.c has one.
 */
#ifndef OMBRA_FRONTEND_STEP_STEPUI_H
#define OMBRA_FRONTEND_STEP_STEPUI_H

#include "frontend/step/grid.h"
#include "frontend/step/stepcmd.h"

enum { STEPUI_PROMPT = 200 };

struct stepui {
    struct stepper *s;
    struct stepcmd_env env;
    bool prompting;
    char prompt[STEPUI_PROMPT], recalled[STEPUI_PROMPT]; /* being typed; typed last */
    char note[STEPCMD_ERROR];                            /* for the last line until the next key */
    char *before;                                        /* the view's lines before the last run */
};

void stepui_open(struct stepui *ui, struct stepper *s);
void stepui_close(struct stepui *ui);

/* A character or enum step_key. */
void stepui_key(struct stepui *ui, int key);

/* A line as typed after ':'. */
void stepui_command(struct stepui *ui, const char *line);

/* Goes on with a run. True while it is not done. */
bool stepui_go(struct stepui *ui, u64 counts);

void stepui_draw(struct stepui *ui, struct grid *g);

static inline bool stepui_runs(const struct stepui *ui)
{
    return ui->s->goal.kind != GOAL_NONE;
}

#endif
