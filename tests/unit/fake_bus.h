/*
 * fake_bus.h - a machine without a processor, for device tests: real clock, real
 * port space, flat RAM for DMA, and lines whose level and edges are counted.
 */
#ifndef OMBRA_TESTS_FAKE_BUS_H
#define OMBRA_TESTS_FAKE_BUS_H

#include "base/bus.h"
#include "base/device.h"
#include "base/ports.h"

enum { FAKE_RAM_SIZE = 16 << 20, FAKE_LINES = 64, FAKE_REGIONS = 32 };

struct fake_region {
    u64 base, size;
    const struct mmio_ops *ops; /* NULL: RAM block */
    void *opaque;
    u8 *host;
    enum ram_access access;
};

struct fake_bus {
    struct bus bus; /* hand &fb->bus to the device */
    struct clock clock;
    struct log log;
    struct port_space ports;
    u8 *ram; /* FAKE_RAM_SIZE bytes at guest-physical 0 */
    bool line[FAKE_LINES];     /* current level */
    unsigned rises[FAKE_LINES]; /* rising edges so far */
    struct fake_region region[FAKE_REGIONS];
    u8 *block[FAKE_REGIONS];
    u64 block_size[FAKE_REGIONS];
};

void fake_bus_init(struct fake_bus *fb);
void fake_bus_free(struct fake_bus *fb);

/* A line into the bus that records level and edges under number N. */
struct irq_line fake_line(struct fake_bus *fb, unsigned n);

/* Lets NS of virtual time pass, firing each timer at its exact time. */
void fake_run_ns(struct fake_bus *fb, u64 ns);

u8 fake_inb(struct fake_bus *fb, u16 port);
u16 fake_inw(struct fake_bus *fb, u16 port);
u32 fake_inl(struct fake_bus *fb, u16 port);
void fake_outb(struct fake_bus *fb, u16 port, u8 v);
void fake_outw(struct fake_bus *fb, u16 port, u16 v);
void fake_outl(struct fake_bus *fb, u16 port, u32 v);

/* CPU accesses to mapped regions; unmapped: all ones. */
u64 fake_read(struct fake_bus *fb, u64 addr, unsigned size);
void fake_write(struct fake_bus *fb, u64 addr, u64 value, unsigned size);

/* Saves SELF, resets it, loads it back: true if the state hash is the same before and after and loading reported no error. */
bool fake_roundtrip(const struct device_ops *ops, void *self);

#endif
