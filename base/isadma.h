/*
 * isadma.h - the ISA bus's DMA lines as a device that moves data over them sees them (floppy
 * controller, sound card). hw/dma.c fills the table; hw/pc.c hands it to the devices.
 *
 * A device that wants to move bytes raises DREQ with request(), and then calls transfer()
 * for what it has, whenever its own timing says so. The controller counts, addresses memory
 * and reports terminal count. Channels 0-3 move bytes, 5-7 move 16-bit words; 4 is the cascade.
 */
#ifndef OMBRA_BASE_ISADMA_H
#define OMBRA_BASE_ISADMA_H

#include "base/types.h"

struct isa_dma {
    void *ctx;

    /* Drives the channel's DREQ line; a guest sees it in the controller's status register. */
    void (*request)(void *ctx, unsigned chan, bool level);

    /*
     * Moves up to LEN bytes between BUF and guest memory: TO_MEMORY true is a disk read (I/O to memory). Returns how
     * many bytes went, 0 while the channel is masked, its controller is disabled, or it is in cascade mode; words only
     * on channels 5-7 (an odd last byte stays). Stops at terminal count and then sets *TC; else *TC is false. In verify
     * mode, or if the guest programmed the other direction, the count runs but memory is left alone and BUF is filled
     * with FFh if it was to be filled. Does not look at DREQ.
     */
    unsigned (*transfer)(void *ctx, unsigned chan, u8 *buf, unsigned len, bool to_memory, bool *tc);

    /* True if transfer() would move something now. */
    bool (*ready)(void *ctx, unsigned chan);
};

#endif
