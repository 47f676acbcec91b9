/*
 * window_none.c - in place of window.c where Ombra is built without SDL: there is never a window.
 */
#include "frontend/window.h"

#include <errno.h>
#include <stdio.h>

int window_open(const struct window_config *config, struct window **out, char *err, size_t err_len)
{
    *out = NULL;
    snprintf(err, err_len, "this Ombra was built without SDL; use --display terminal or --display none");
    return -ENODEV;
}

void window_close(struct window *w)
{
}

void window_pump(struct window *w, const struct frontend_events *events, unsigned wait_ms)
{
}

void window_show(struct window *w, const struct display_frame *f)
{
}
