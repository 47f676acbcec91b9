/*
 * terminal_int.h - what the files of the terminal display share. Only terminal*.c and their test include it.
 */
#ifndef OMBRA_FRONTEND_TERMINAL_INT_H
#define OMBRA_FRONTEND_TERMINAL_INT_H

#include "frontend/keymap.h"

/*
 * Decodes one key from the N bytes at P that a terminal sent. Returns how many bytes it took, 0 if more are needed to
 * know (COMPLETE: no more will come, a lone ESC is the key). PRESS->key is KEY_NONE for what no key sends.
 */
size_t terminal_decode(const u8 *p, size_t n, bool complete, struct keymap_press *press);

enum terminal_colors { TERMINAL_16, TERMINAL_256, TERMINAL_RGB };

enum { TERMINAL_COLOR_LEN = 48 };

/* Writes the escape sequence for colours FG and BG (00RRGGBB) into OUT (TERMINAL_COLOR_LEN bytes); returns its length.
 */
size_t terminal_color(enum terminal_colors mode, u32 fg, u32 bg, char *out);

#endif
