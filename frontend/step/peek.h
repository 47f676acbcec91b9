/*
 * peek.h - how the stepper's views read the guest's memory: through callbacks that change
 * nothing, neither A and D bits nor a device that is read.
 */
#ifndef OMBRA_FRONTEND_STEP_PEEK_H
#define OMBRA_FRONTEND_STEP_PEEK_H

#include "base/types.h"

/* False: not all LEN bytes can be read so, and BUF means nothing. */
typedef bool (*peek_fn)(void *ctx, u64 addr, void *buf, unsigned len);

struct peek {
    peek_fn lin;  /* at a linear address, through the page tables */
    peek_fn phys; /* at a guest-physical address; NULL: page tables are not looked at */
    void *ctx;    /* for both */
};

#endif
