/*
 * gdbmonitor.h - what "monitor" in GDB can do.
 */
#ifndef OMBRA_FRONTEND_GDBMONITOR_H
#define OMBRA_FRONTEND_GDBMONITOR_H

#include "frontend/debugger.h"
#include "frontend/gdbpacket.h"

/* A gdb_monitor_fn; CTX is the struct debugger. */
void gdb_monitor(void *ctx, const char *command, struct gdb_text *out);

#endif
