/*
 * screenshot.h - a frame as a PNG file.
 */
#ifndef OMBRA_FRONTEND_SCREENSHOT_H
#define OMBRA_FRONTEND_SCREENSHOT_H

#include "base/display.h"

/*
 * Writes F to PATH: the guest's own pixels, their shape in the file's pHYs chunk; a screen without a picture becomes a
 * black 640x480. The file appears complete or not at all (temporary file beside it, then rename). 0, or -errno with one
 * line about it in ERR.
 */
int screenshot_write(const struct display_frame *f, const char *path, char *err, size_t err_len);

#endif
