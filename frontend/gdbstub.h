/*
 * gdbstub.h - GDB's remote protocol for one machine: takes bytes from a debugger, acts on struct debugger, leaves bytes
 * for it. gdbserver.h brings them over a socket; tests and fuzzers do without.
 *
 * "Debugging with GDB", appendix E. One processor is one thread, number 1. Addresses are linear. A packet that makes no
 * sense gets an error and changes nothing; an unknown one gets an empty answer.
 */
#ifndef OMBRA_FRONTEND_GDBSTUB_H
#define OMBRA_FRONTEND_GDBSTUB_H

#include "frontend/debugger.h"
#include "frontend/gdbpacket.h"

enum { GDB_OUT_MAX = 2 * GDB_FRAME_MAX };

/* A "monitor" command: puts its answer into OUT. */
typedef void gdb_monitor_fn(void *ctx, const char *command, struct gdb_text *out);

struct gdbstub {
    struct debugger *debugger;
    gdb_monitor_fn *monitor;
    void *monitor_ctx;
    struct gdb_parser parser;
    struct gdb_text reply;
    bool no_ack;
    bool waits;           /* the debugger was told nothing since it let the guest run */
    bool interrupted;     /* the stop that comes is ^C's */
    bool breakpoint_tags; /* the debugger understands swbreak and hwbreak */
    bool over;            /* D: this conversation has ended */
    bool killed;          /* k: the machine is to end */
    size_t last;          /* length of the last reply, in out_last */
    u8 out_last[GDB_FRAME_MAX];
    size_t out_len;
    u8 out[GDB_OUT_MAX];
};

/* A debugger has come: the guest stops. */
void gdbstub_begin(struct gdbstub *g, struct debugger *d, gdb_monitor_fn *monitor, void *monitor_ctx);

/* It has gone, or said so: no stops are left and the guest runs. */
void gdbstub_end(struct gdbstub *g);

/* One byte from the debugger. Needs gdbstub_room(). */
void gdbstub_take(struct gdbstub *g, u8 byte);
bool gdbstub_room(const struct gdbstub *g);

/* debugger_ran() was true. */
void gdbstub_stopped(struct gdbstub *g);

/* The machine has ended with STATUS. */
void gdbstub_exited(struct gdbstub *g, int status);

/* The first N bytes of out were sent. */
void gdbstub_sent(struct gdbstub *g, size_t n);

#endif
