/*
 * gdbserver.h - where a debugger calls: one listening socket, one conversation at a time.
 *
 * The session polls it between slices; nothing here waits.
 */
#ifndef OMBRA_FRONTEND_GDBSERVER_H
#define OMBRA_FRONTEND_GDBSERVER_H

#include "frontend/debugger.h"
#include "frontend/monitor.h"

struct gdbserver;

/*
 * Listens at SPEC: PORT (on 127.0.0.1; 0 picks one), ADDRESS:PORT or unix:PATH; behind it may stand ",nowait", see
 * gdbserver_waits(). 0, or -errno with a line in ERROR. The debugger and the monitor (or NULL) must stay.
 */
int gdbserver_open(const char *spec, struct debugger *d, struct monitor *m, struct gdbserver **out, char *error,
                   size_t n);

/* Whether the guest is to stand still until somebody comes. */
bool gdbserver_waits(const char *spec);
void gdbserver_close(struct gdbserver *s);

/* What a person types behind "target remote". */
const char *gdbserver_name(const struct gdbserver *s);

/* Takes callers and what they say, and sends what is to be sent. False if the debugger ends the machine. */
bool gdbserver_poll(struct gdbserver *s);

/* debugger_ran() was true; the machine has ended. */
void gdbserver_stopped(struct gdbserver *s);
void gdbserver_exited(struct gdbserver *s, int status);

/* Readable when there is something to poll for: the listening socket, and the conversation or -1. */
enum { GDBSERVER_FDS = 2 };
void gdbserver_fds(const struct gdbserver *s, int fd[GDBSERVER_FDS]);

/* Something could not be sent yet: poll soon. */
bool gdbserver_busy(const struct gdbserver *s);

#endif
