/*
 * events.h - what a person did, as the window and the terminal tell it to the machine's loop.
 *
 * The owner fills in the functions; every one may be NULL. They are called only from within window_pump() and
 * terminal_pump(), on the caller's thread.
 */
#ifndef OMBRA_FRONTEND_EVENTS_H
#define OMBRA_FRONTEND_EVENTS_H

#include "base/input.h"

struct frontend_events {
    void *ctx;
    void (*key)(void *ctx, enum key key, bool down);
    /* As in struct input_sink: relative motion, wheel, current set of buttons. */
    void (*mouse)(void *ctx, int dx, int dy, int dz, unsigned buttons);
    /* How many more key events fit; without it, always enough. */
    unsigned (*room)(void *ctx);
    void (*quit)(void *ctx);
    void (*screenshot)(void *ctx); /* the person asked for one */
    void (*inspect)(void *ctx);    /* the person wants to look inside: the stepper */
};

#endif
