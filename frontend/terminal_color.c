/*
 * terminal_color.c - the nearest colour that a terminal has.
 */
#include "frontend/terminal_int.h"

#include <stdio.h>

/* The adapter's sixteen standard colours in ANSI's order (red is 1, blue is 4). */
static const u32 ansi_rgb[16] = {
    0x000000, 0xAA0000, 0x00AA00, 0xAA5500, 0x0000AA, 0xAA00AA, 0x00AAAA, 0xAAAAAA,
    0x555555, 0xFF5555, 0x55FF55, 0xFFFF55, 0x5555FF, 0xFF55FF, 0x55FFFF, 0xFFFFFF,
};

static u32 distance(u32 a, u32 b)
{
    int r = (int)(a >> 16 & 255) - (int)(b >> 16 & 255);
    int g = (int)(a >> 8 & 255) - (int)(b >> 8 & 255);
    int l = (int)(a & 255) - (int)(b & 255);

    return (u32)(3 * r * r + 6 * g * g + l * l);
}

static unsigned nearest16(u32 rgb)
{
    unsigned best = 0;

    for (unsigned i = 1; i < 16; i++)
        if (distance(rgb, ansi_rgb[i]) < distance(rgb, ansi_rgb[best]))
            best = i;
    return best;
}

/* A level of the 6x6x6 cube (0, 95, 135, ... 255). */
static unsigned cube_level(u32 c)
{
    return c < 48 ? 0 : c < 115 ? 1 : (c - 35) / 40;
}

static u32 cube_value(unsigned level)
{
    return level ? 55 + 40 * level : 0;
}

static unsigned nearest256(u32 rgb)
{
    unsigned r = cube_level(rgb >> 16 & 255), g = cube_level(rgb >> 8 & 255), b = cube_level(rgb & 255);
    u32 cube = cube_value(r) << 16 | cube_value(g) << 8 | cube_value(b);
    u32 mean = ((rgb >> 16 & 255) + (rgb >> 8 & 255) + (rgb & 255)) / 3;
    unsigned step = mean < 8 ? 0 : MIN((mean - 3) / 10, 23); /* greys 8, 18, ... 238 */
    u32 grey = (8 + 10 * step) * 0x010101u;

    return distance(rgb, grey) < distance(rgb, cube) ? 232 + step : 16 + 36 * r + 6 * g + b;
}

size_t terminal_color(enum terminal_colors mode, u32 fg, u32 bg, char *out)
{
    int n;

    if (mode == TERMINAL_RGB) {
        n = snprintf(out, TERMINAL_COLOR_LEN, "\033[38;2;%u;%u;%u;48;2;%u;%u;%um", fg >> 16 & 255, fg >> 8 & 255,
                     fg & 255, bg >> 16 & 255, bg >> 8 & 255, bg & 255);
    } else if (mode == TERMINAL_256) {
        n = snprintf(out, TERMINAL_COLOR_LEN, "\033[38;5;%u;48;5;%um", nearest256(fg), nearest256(bg));
    } else {
        unsigned f = nearest16(fg), b = nearest16(bg);

        n = snprintf(out, TERMINAL_COLOR_LEN, "\033[%u;%um", f < 8 ? 30 + f : 82 + f, b < 8 ? 40 + b : 92 + b);
    }
    return (size_t)n;
}
