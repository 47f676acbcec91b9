/*
 * bus.h - what a device knows of the rest of the machine: a table of functions
 * that hw/pc.c fills. A device sees no CPU and no memory layout.
 *
 * Port I/O, MMIO and DMA all happen on the emulation thread, between or inside
 * instructions; clock_now(bus->clock) is exact in each callback.
 */
#ifndef OMBRA_BASE_BUS_H
#define OMBRA_BASE_BUS_H

#include "base/clock.h"
#include "base/irq.h"
#include "base/log.h"
#include "base/types.h"

/*
 * One range of ports. An access of SIZE 1, 2 or 4 whose bit is not in SIZES is split into
 * byte accesses at rising ports, as an ISA bus does. in/out may be NULL: reads give all ones,
 * writes vanish. PORT is absolute.
 */
struct io_ops {
    u32 (*in)(void *ctx, u16 port, unsigned size);
    void (*out)(void *ctx, u16 port, u32 value, unsigned size);
    u8 sizes; /* 1 | 2 | 4 */
};

/* One range of memory-mapped registers. OFFSET is relative to the region's base. Larger accesses (8, 16 bytes) and ones
 * whose bit is not in SIZES are split into the largest allowed parts. */
struct mmio_ops {
    u64 (*read)(void *ctx, u64 offset, unsigned size);
    void (*write)(void *ctx, u64 offset, u64 value, unsigned size);
    u8 sizes; /* 1 | 2 | 4 | 8 */
};

/* Which processors' view: SMRAM-style tricks and BIOS shadowing are the host bridge's business. */
enum ram_access { RAM_NONE = 0, RAM_READ = 1, RAM_WRITE = 2, RAM_RW = 3 };

struct bus {
    struct clock *clock;
    struct log *log;
    void *ctx; /* first argument of every function below */

    /* Ports. A later mapping lies over an earlier one; unmapping uncovers it. Returns a handle > 0. OPS must live on. */
    int (*io_map)(void *ctx, u16 first, unsigned count, const struct io_ops *ops, void *opaque, const char *name);
    void (*io_unmap)(void *ctx, int handle);

    /* Memory-mapped registers at any byte address and length; same layering rules, over RAM too. */
    int (*mmio_map)(void *ctx, u64 base, u64 size, const struct mmio_ops *ops, void *opaque, const char *name);
    void (*mmio_unmap)(void *ctx, int handle);

    /*
     * Device memory (video RAM, option ROMs): ram_alloc gives a page-aligned zeroed block of SIZE bytes (multiple of
     * 4096) whose host address *HOST stays fixed; ram_map shows its part [OFFSET, OFFSET+SIZE) at guest-physical BASE,
     * readable and/or writable by the CPU as ACCESS says (a write that is not allowed vanishes); several mappings of one block may exist.
     * ram_alloc returns a block id > 0 or -ENOMEM, ram_map a handle > 0.
     */
    int (*ram_alloc)(void *ctx, const char *name, u64 size, u8 **host);
    int (*ram_map)(void *ctx, u64 base, u64 size, int block, u64 offset, enum ram_access access);
    void (*ram_unmap)(void *ctx, int handle);

    /* Which 64-byte granules of a block the guest has written since the last call: for page PAGE (block offset / 4096) a mask of
     * 64 bits, cleared by the call. The first call for a page starts the watching and returns all ones. */
    u64 (*ram_dirty)(void *ctx, int block, u32 page);

    /* A device is about to write to byte OFFSET of its block by the block's host address. */
    void (*ram_touch)(void *ctx, int block, u64 offset);

    /* Bus-master DMA by guest-physical address (A20 does not apply). Never fails: holes read all ones. Code and
     * page-table watches are honoured. */
    void (*dma_read)(void *ctx, u64 addr, void *data, size_t len);
    void (*dma_write)(void *ctx, u64 addr, const void *data, size_t len);
};

/*
 * How interrupt logic and power logic reach a processor; hw/pc.c fills it from the CPU's API.
 */
struct cpu_port {
    void *ctx;
    void (*intr)(void *ctx, bool level);      /* INTR (or LINT0 when the local APIC is off) */
    void (*nmi)(void *ctx);                   /* NMI#, edge */
    void (*smi)(void *ctx);                   /* SMI#, edge */
    void (*init)(void *ctx);                  /* INIT#: soft reset, memory and caches stay */
    void (*sipi)(void *ctx, u8 vector);       /* start-up IPI, for processors waiting for it */
    void (*a20)(void *ctx, bool enabled);     /* A20M# released or not */
    void (*ignne)(void *ctx, bool asserted);  /* IGNNE# after a write of port F0h */
};

#endif
