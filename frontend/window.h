/*
 * window.h - the guest's screen in an SDL window, and keys and mouse from it.
 *
 * A pure consumer: it knows frames and events, no machine. One thread calls everything, the one that called
 * window_open() (SDL wants the process's first thread on some hosts). Ctrl+Alt+G or a click takes the mouse, Ctrl+Alt+G
 * gives it back; Ctrl+Alt+F switches full screen; Ctrl+Alt+S asks for a screenshot, Ctrl+Alt+I
 * for the stepper.
 */
#ifndef OMBRA_FRONTEND_WINDOW_H
#define OMBRA_FRONTEND_WINDOW_H

#include "base/display.h"
#include "frontend/events.h"

struct window; /* private */

struct window_config {
    const char *guest; /* named in the title; copied */
    bool fullscreen;
    unsigned scale; /* window pixels per guest pixel at first; 0: as fits the screen */
};

/* Opens the window. 0; -ENODEV (no display) or -ENOMEM with one line in ERR. */
int window_open(const struct window_config *config, struct window **out, char *err, size_t err_len);

void window_close(struct window *w);

/* Tells EVENTS what has happened since the last call; waits up to WAIT_MS for the first of it. */
void window_pump(struct window *w, const struct frontend_events *events, unsigned wait_ms);

/* Shows F. Costs nothing while F's serial and the window are as at the last call. */
void window_show(struct window *w, const struct display_frame *f);

#endif
