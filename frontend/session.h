/*
 * session.h - one run of one machine for a person or a script: everything between the parsed command line and the
 * exit status.
 */
#ifndef OMBRA_FRONTEND_SESSION_H
#define OMBRA_FRONTEND_SESSION_H

#include "frontend/options.h"

/* What the process ends with, unless the guest (--exit-port) or a key script says otherwise. */
enum { EXIT_OK = 0, EXIT_RUN_FAILED = 1, EXIT_BAD_INPUT = 2 };

/*
 * Builds the machine that O describes, runs it to its end and writes what was asked for. Returns the exit status; what
 * went wrong is on standard error.
 */
int session_run(const struct options *o);

#endif
