/*
 * ports.h - the 64 K port space of one machine: who answers at which port.
 *
 * hw/pc.c wires it to the bus table and to the processor's IN and OUT.
 */
#ifndef OMBRA_BASE_PORTS_H
#define OMBRA_BASE_PORTS_H

#include "base/bus.h"

struct port_map; /* private */

struct port_space {
    struct log *log;
    struct port_map *maps; /* newest last */
    unsigned count, cap;
    int next_handle;
    u16 *owner; /* for each port: 1 + index into maps, or 0 */
};

/* 0 or -ENOMEM. */
int ports_init(struct port_space *ps, struct log *log);
void ports_free(struct port_space *ps);

/* Same contracts as bus->io_map and io_unmap. */
int ports_map(struct port_space *ps, u16 first, unsigned count, const struct io_ops *ops, void *opaque, const char *name);
void ports_unmap(struct port_space *ps, int handle);

/* One access of 1, 2 or 4 bytes; may wrap past FFFFh (the byte above is port 0, as on a 16-bit decoder). Ports without an
 * owner read all ones; each is named once on the "io" topic. */
u32 ports_in(struct port_space *ps, u16 port, unsigned size);
void ports_out(struct port_space *ps, u16 port, u32 value, unsigned size);

#endif
