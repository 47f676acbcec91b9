/*
 * textdump.h - the guest's text screen as UTF-8: to a file (--text-dump), to search it (--keys), and the table of
 * code page 437 that the terminal shares.
 */
#ifndef OMBRA_FRONTEND_TEXTDUMP_H
#define OMBRA_FRONTEND_TEXTDUMP_H

#include "base/display.h"

/* UTF-8 (at most 3 bytes) of character CH of code page 437 with the graphic forms of 00h-1Fh; 0 is a space. Returns its
 * length; OUT gets no terminator. */
unsigned textdump_utf8(u8 ch, char out[4]);

/* The whole screen, a line a row, trailing blanks cut if TRIM; malloc'ed and terminated, NULL without memory. */
char *textdump_format(const struct display_text *t, bool trim);

/* Whether UTF8 stands somewhere on the screen. Rows follow each other with a newline, so a match may also span them
 * if it says so; blanks at the ends of rows are there. */
bool textdump_contains(const struct display_text *t, const char *utf8);

/* Writes the screen to PATH. 0, or -errno with one line about it in ERR. */
int textdump_write(const struct display_text *t, const char *path, char *err, size_t err_len);

#endif
