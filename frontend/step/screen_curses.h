/*
 * screen_curses.h - the stepper in a terminal. Only screen_curses.c knows ncurses.
 */
#ifndef OMBRA_FRONTEND_STEP_SCREEN_CURSES_H
#define OMBRA_FRONTEND_STEP_SCREEN_CURSES_H

#include "frontend/step/stepper.h"

/* Shows S on standard output and takes keys until the person leaves. 0, or -errno with one line in ERROR. */
int screen_curses_run(struct stepper *s, char *error, size_t error_size);

#endif
