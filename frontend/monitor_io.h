/*
 * monitor_io.h - where a monitor's lines come from: standard input, or the clients of a unix socket, one after the
 * other.
 *
 * The session owns it and polls it between slices. Nothing blocks: what a client does not take is kept for it, and its
 * next line waits until then. SIGPIPE must be ignored, as host_signals_open() does.
 */
#ifndef OMBRA_FRONTEND_MONITOR_IO_H
#define OMBRA_FRONTEND_MONITOR_IO_H

#include "frontend/monitor.h"

struct monitor_io; /* private */

/*
 * Opens what SPEC ("stdio" or "unix:PATH") says; NAME ("--monitor") stands in messages. A socket is the user's alone
 * (mode 0600); one that an earlier run left behind is replaced. 0, or -errno with one line in ERROR.
 */
int monitor_io_open(const char *spec, const char *name, bool json, struct monitor_io **out, char *error,
                    size_t error_size);

/* Sends what can be sent, takes the socket away. NULL is fine. */
void monitor_io_close(struct monitor_io *io);

/* Executes what has arrived, until *STOP is set. */
void monitor_io_poll(struct monitor_io *io, struct monitor *m, const bool *stop);

/* The descriptor on which something would arrive, -1: nothing will, or an answer has to be taken first. */
int monitor_io_fd(const struct monitor_io *io);

/* An answer waits to be taken. */
bool monitor_io_pending(const struct monitor_io *io);

/* Whether a command could still come. */
bool monitor_io_alive(const struct monitor_io *io);

#endif
