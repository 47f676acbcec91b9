/*
 * terminal.h - the guest's screen in a text terminal, and keys from it.
 *
 * Text modes appear as text, graphics modes as half blocks. Plain ANSI escapes; 24-bit colour if COLORTERM says so, 256
 * colours if TERM does, else 16. Ctrl+] is the prefix for commands to us (q quits); the last line tells.
 *
 * One thread calls everything. SIGINT, SIGTERM, SIGHUP and SIGQUIT become quit events while a terminal is open, so that
 * it is always restored: open it before starting threads (they inherit the signal mask), and close it before exit().
 */
#ifndef OMBRA_FRONTEND_TERMINAL_H
#define OMBRA_FRONTEND_TERMINAL_H

#include "base/display.h"
#include "frontend/events.h"

struct terminal; /* private */

struct terminal_config {
    int in, out;       /* file descriptors of the terminal */
    const char *guest; /* named on the last line; copied */
};

/* Takes the terminal over. 0; -ENOTTY or -ENOMEM or another -errno with one line in ERR. */
int terminal_open(const struct terminal_config *config, struct terminal **out, char *err, size_t err_len);

/* Gives the terminal back as it was. */
void terminal_close(struct terminal *t);

/* Tells EVENTS what was typed since the last call; waits up to WAIT_MS for the first of it. A key goes down in one call
 * and up in a later one. */
void terminal_pump(struct terminal *t, const struct frontend_events *events, unsigned wait_ms);

/* Show the text screen, or the picture. Only cells that differ from what is there are written, so they may be called as
 * often as one likes; call one of them after each pump, because the terminal's size and the command line at the bottom
 * are followed here. */
void terminal_show_text(struct terminal *t, const struct display_text *text);
void terminal_show_frame(struct terminal *t, const struct display_frame *f);

#endif
