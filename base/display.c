#include "base/display.h"

#include <errno.h>
#include <stdlib.h>

int display_frame_init(struct display_frame *f)
{
    *f = (struct display_frame){0};
    f->pixels = calloc((size_t)DISPLAY_MAX_WIDTH * DISPLAY_MAX_HEIGHT, sizeof *f->pixels);
    return f->pixels ? 0 : -ENOMEM;
}

void display_frame_free(struct display_frame *f)
{
    free(f->pixels);
    *f = (struct display_frame){0};
}
