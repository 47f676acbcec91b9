/*
 * serialio.h - where the bytes of a serial port, the printer port or the debug console go to and come from:
 * standard input and output, a file, a pseudo-terminal, or nowhere.
 *
 * The session owns them and calls everything on the emulation thread. Output is gathered and goes out with its line, or with
 * serialio_flush(), at slice ends: a slice may take long when the guest gets slower at once. Standard input, if it is a
 * terminal, is taken over (raw) until serialio_close(); Ctrl+] is then the prefix for commands to us, as in the terminal display: q quits, ] sends a Ctrl+].
 */
#ifndef OMBRA_FRONTEND_SERIALIO_H
#define OMBRA_FRONTEND_SERIALIO_H

#include "base/chardev.h"

struct serialio; /* private */

/* What a use may be connected to. */
enum serialio_kind { SERIALIO_NONE = 1, SERIALIO_FILE = 2, SERIALIO_STDIO = 4, SERIALIO_PTY = 8, SERIALIO_INPUT = 16 };

/*
 * Opens what SPEC ("stdio", "file:PATH", "pty", "none") says, if ALLOWED (a set of enum serialio_kind) has it; without
 * SERIALIO_INPUT in it standard input is left alone. NAME ("--serial") stands in messages. 0 and *OUT (NULL for
 * "none"), or -errno with one line in ERROR.
 */
int serialio_open(const char *spec, unsigned allowed, const char *name, struct serialio **out, char *error,
                  size_t error_size);

/* Sends the rest and gives the terminal back. NULL is fine. */
void serialio_close(struct serialio *s);

/* Takes LEN bytes from the guest; the function of a struct char_backend, CTX is the struct serialio. */
void serialio_write(void *ctx, const u8 *data, size_t len);

/* Sends what was gathered. 0, or -errno once after sending failed (later bytes vanish). */
int serialio_flush(struct serialio *s);

/* Reads what has arrived, as far as the port has room. False: the person asked to quit. */
bool serialio_read(struct serialio *s, const struct char_sink *port);

/* The descriptor on which input would arrive, -1: none will. */
int serialio_fd(const struct serialio *s);

/* Whether somebody may answer at the other end: a terminal, a pipe, a pseudo-terminal. */
bool serialio_interactive(const struct serialio *s);

/* Whether standard input is a terminal that this has taken over. */
bool serialio_has_terminal(const struct serialio *s);

/* "file out.txt", "/dev/pts/3" ...: for messages. */
const char *serialio_name(const struct serialio *s);

#endif
