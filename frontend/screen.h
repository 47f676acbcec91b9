/*
 * screen.h - where the guest's picture is shown: a window, a terminal, or nowhere; and pictures of it in files.
 *
 * The session owns it; one thread calls everything.
 */
#ifndef OMBRA_FRONTEND_SCREEN_H
#define OMBRA_FRONTEND_SCREEN_H

#include "frontend/events.h"
#include "frontend/options.h"
#include "frontend/terminal.h"
#include "frontend/window.h"

struct screen {
    const struct display_source *source;
    struct window *window; /* at most one of these two */
    struct terminal *terminal;
    bool lent; /* the terminal was ours and will be again */
    struct display_frame frame; /* pixels NULL until one is drawn */
    struct display_text text;
};

/*
 * Opens what KIND asks for; DISPLAY_AUTO takes a window where there is a display, else the terminal if there is one and
 * it is not TAKEN by something else, else nothing. GUEST is for titles. 0, or -errno with one line in ERROR.
 */
int screen_open(struct screen *s, const struct display_source *source, enum display_kind kind, bool taken,
                const char *guest, char *error, size_t error_size);
void screen_close(struct screen *s);

/* Whether a person sees it. */
static inline bool screen_visible(const struct screen *s)
{
    return s->window || s->terminal;
}

/* Gives the terminal, if the guest is shown there, to somebody else for a while; takes it back: 0, or -errno with one line in
 * ERROR. */
void screen_lend(struct screen *s);
int screen_take_back(struct screen *s, const char *guest, char *error, size_t error_size);

/* The descriptor that input comes from, -1 if it has to be asked for (window) or there is none. */
int screen_fd(const struct screen *s);

/* What the person did since the last call. */
void screen_pump(struct screen *s, const struct frontend_events *events);

/* Shows the picture as it is now. */
void screen_show(struct screen *s);

/* The picture as PNG, or the text as a file. 0, or -errno with one line in ERROR (the second: -EINVAL in graphics
 * modes). */
int screen_screenshot(struct screen *s, const char *path, char *error, size_t error_size);
int screen_dump(struct screen *s, const char *path, char *error, size_t error_size);

#endif
