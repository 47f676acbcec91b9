/*
 * debugport.h - the ports by which firmware and tests talk to whoever runs the machine; no PC ever had them.
 *
 *  402h, E9h  characters for the log's "fw" topic, a line at a time, and for a character backend; both read E9h to
 *             say "here"
 *
 *  F4h-F7h    (optional) writing V ends the emulator with exit status (V << 1) | 1: "isa-debug-exit"
 *
 *  190h       POST codes for the log's "post" topic, as on the PS/1 (80h, everybody else's, is in dma.c)
 *
 *  8900h      writing the eight characters "Shutdown" switches off: what BIOSes from Bochs on do for APM power-off
 */
#ifndef OMBRA_HW_DEBUGPORT_H
#define OMBRA_HW_DEBUGPORT_H

#include "base/bus.h"
#include "base/chardev.h"
#include "base/device.h"

struct debugport_wiring {
    struct char_backend out; /* every character of 402h and E9h; may be empty */
    bool exit_port;          /* whether F4h is there */
    void *ctx;
    void (*exit)(void *ctx, unsigned status); /* both are called inside the OUT: the receiver only takes note */
    void (*shutdown)(void *ctx);
};

struct debugport {
    struct bus *bus;
    struct debugport_wiring wiring;
    u8 matched; /* characters of "Shutdown" seen so far */
    u8 line_len;
    char line[160]; /* text of the unfinished line */
};

extern const struct device_ops debugport_ops;

void debugport_init(struct debugport *d, struct bus *bus, const struct debugport_wiring *wiring);

#endif
