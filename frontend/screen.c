/*
 * screen.c - choosing and feeding the display.
 */
#include "frontend/screen.h"
#include "frontend/screenshot.h"
#include "frontend/textdump.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

/* SDL also knows drivers that take over a bare console: only for those who name one. */
static bool has_display(void)
{
    static const char *const names[] = {"DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER"};
    for (unsigned i = 0; i < ARRAY_LEN(names); i++) {
        const char *value = getenv(names[i]);
        if (value && *value)
            return true;
    }
    return false;
}

static int open_window(struct screen *s, const char *guest, char *error, size_t n)
{
    struct window_config config = {.guest = guest};
    if (!has_display()) {
        snprintf(error, n, "no display for a window; use --display terminal or --display none");
        return -ENODEV;
    }
    return window_open(&config, &s->window, error, n);
}

static int open_terminal(struct screen *s, bool taken, const char *guest, char *error, size_t n)
{
    struct terminal_config config = {.in = STDIN_FILENO, .out = STDOUT_FILENO, .guest = guest};
    if (taken) {
        snprintf(error, n,
                 "standard input and output cannot be the display and a port at once; use --display none, or "
                 "another place for the port");
        return -EBUSY;
    }
    return terminal_open(&config, &s->terminal, error, n);
}

static int open_best(struct screen *s, bool taken, const char *guest, char *error, size_t n)
{
    if (open_window(s, guest, error, n) == 0)
        return 0;
    if (taken || !isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
        return 0;
    return open_terminal(s, taken, guest, error, n);
}

int screen_open(struct screen *s, const struct display_source *source, enum display_kind kind, bool taken,
                const char *guest, char *error, size_t n)
{
    memset(s, 0, sizeof *s);
    s->source = source;
    switch (kind) {
    case DISPLAY_SDL:
        return open_window(s, guest, error, n);
    case DISPLAY_TERMINAL:
        return open_terminal(s, taken, guest, error, n);
    case DISPLAY_AUTO:
        return open_best(s, taken, guest, error, n);
    default:
        return 0;
    }
}

void screen_close(struct screen *s)
{
    window_close(s->window);
    terminal_close(s->terminal);
    if (s->frame.pixels)
        display_frame_free(&s->frame);
    memset(s, 0, sizeof *s);
}

void screen_lend(struct screen *s)
{
    s->lent = s->terminal;
    terminal_close(s->terminal);
    s->terminal = NULL;
}

int screen_take_back(struct screen *s, const char *guest, char *error, size_t n)
{
    bool lent = s->lent;
    s->lent = false;
    return lent ? open_terminal(s, false, guest, error, n) : 0;
}

int screen_fd(const struct screen *s)
{
    return s->terminal ? STDIN_FILENO : -1;
}

void screen_pump(struct screen *s, const struct frontend_events *events)
{
    if (s->window)
        window_pump(s->window, events, 0);
    else if (s->terminal)
        terminal_pump(s->terminal, events, 0);
}

static bool draw(struct screen *s)
{
    if (!s->frame.pixels && display_frame_init(&s->frame))
        return false;
    s->source->draw(s->source->ctx, &s->frame);
    return true;
}

void screen_show(struct screen *s)
{
    if (s->terminal && s->source->text(s->source->ctx, &s->text))
        terminal_show_text(s->terminal, &s->text);
    else if (s->terminal && draw(s))
        terminal_show_frame(s->terminal, &s->frame);
    else if (s->window && draw(s))
        window_show(s->window, &s->frame);
}

int screen_screenshot(struct screen *s, const char *path, char *error, size_t n)
{
    if (draw(s))
        return screenshot_write(&s->frame, path, error, n);
    snprintf(error, n, "%s: not enough memory for a screenshot", path);
    return -ENOMEM;
}

int screen_dump(struct screen *s, const char *path, char *error, size_t n)
{
    if (s->source->text(s->source->ctx, &s->text))
        return textdump_write(&s->text, path, error, n);
    snprintf(error, n, "%s: the guest's screen is in a graphics mode, there is no text to write", path);
    return -EINVAL;
}
