/*
 * dma.h - the two 8237A DMA controllers of a PC with their page registers, as the PIIX3 has them: channels 0-3 at
 * ports 00h-0Fh, 4-7 at C0h-DFh (word transfers, channel 4 cascades the first), pages at 80h-8Fh.
 *
 * Built and owned by hw/pc.c, which hands dma_port() to the devices on the ISA bus. There is no memory-to-memory
 * transfer (the PIIX3 has none). Data sheets: 8237A "Register description"; 82371SB "DMA controller".
 */
#ifndef OMBRA_HW_DMA_H
#define OMBRA_HW_DMA_H

#include "base/bus.h"
#include "base/device.h"
#include "base/isadma.h"

struct dma_channel {
    u16 base_addr, base_count;
    u16 addr, count; /* current; COUNT is one less than what is left */
    u8 mode;         /* as written, channel bits zero */
};

struct dma_chip {
    struct dma_channel chan[4];
    u8 command;
    u8 tc;   /* status bits 0-3: terminal count reached */
    u8 dreq; /* level of the request lines */
    u8 mask;
    bool high; /* byte flip-flop: the next byte of an address or count is the high one */
};

struct dma {
    struct dma_chip chip[2];
    u8 page[16]; /* ports 80h-8Fh */
    struct bus *bus;
};

extern const struct device_ops dma_ops;

/* Maps the ports. */
void dma_init(struct dma *dma, struct bus *bus);

/* The device's side. */
struct isa_dma dma_port(struct dma *dma);

#endif
