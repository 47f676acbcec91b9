/*
 * chardev.h - a byte stream to and from the outside: what a serial or parallel port is plugged into.
 *
 * Output goes out at once. Input is pushed by the machine at slice ends (so that it can be
 * recorded), at most as many bytes as the port says it has room for.
 */
#ifndef OMBRA_BASE_CHARDEV_H
#define OMBRA_BASE_CHARDEV_H

#include "base/types.h"

/* The port calls these; ctx belongs to the backend. NULL functions: nothing plugged in. */
struct char_backend {
    void *ctx;
    void (*write)(void *ctx, const u8 *data, size_t len);
};

/* The machine calls these to feed a port. */
struct char_sink {
    void *ctx;
    size_t (*room)(void *ctx);
    void (*receive)(void *ctx, const u8 *data, size_t len);
};

#endif
