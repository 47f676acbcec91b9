/*
 * gdbmonitor.h - what "monitor" in GDB can do.
 */
#ifndef OMBRA_FRONTEND_GDBMONITOR_H
#define OMBRA_FRONTEND_GDBMONITOR_H

#include "frontend/debugger.h"
#include "frontend/gdbpacket.h"
#include "frontend/monitor.h"

struct gdb_monitor {
    struct debugger *debugger;
    struct monitor *monitor; /* what is not of GDB's alone; NULL: nothing else */
};

/* A gdb_monitor_fn; CTX is the struct gdb_monitor. */
void gdb_monitor(void *ctx, const char *command, struct gdb_text *out);

#endif
