/*
 * step_main.h - "ombra step": a machine from the command line, looked into by a person or a script.
 */
#ifndef OMBRA_FRONTEND_STEP_STEP_MAIN_H
#define OMBRA_FRONTEND_STEP_STEP_MAIN_H

#include "frontend/options.h"

/* Returns the exit status; what went wrong is on standard error. */
int step_main(const struct options *o);

#endif
