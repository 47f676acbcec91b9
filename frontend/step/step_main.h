/*
 * step_main.h - "ombra step": a machine from the command line, looked into by a person or a script.
 */
#ifndef OMBRA_FRONTEND_STEP_STEP_MAIN_H
#define OMBRA_FRONTEND_STEP_STEP_MAIN_H

#include "frontend/options.h"
#include "frontend/symbols.h"
#include "hw/pc.h"

/*
 * Looks into a running machine in the terminal that the program was started from, until the person leaves; the caller
 * has given the terminal back. *ENDED: the guest has switched off meanwhile. 0, or -errno with one line in ERROR.
 */
int step_inspect(struct pc *pc, struct symbols *symbols, bool *ended, char *error, size_t error_size);

/* Returns the exit status; what went wrong is on standard error. */
int step_main(const struct options *o);

#endif
