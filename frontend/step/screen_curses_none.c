/*
 * screen_curses_none.c - the same without ncurses.
 */
#include "frontend/step/screen_curses.h"
#include <errno.h>

int screen_curses_run(struct stepper *s, char *error, size_t error_size)
{
    snprintf(error, error_size, "this ombra was built without ncurses; 'ombra step --script FILE' works");
    return -ENOSYS;
}
