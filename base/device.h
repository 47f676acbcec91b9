/*
 * device.h - what every device has in common, for the machine that owns it.
 *
 * A device is a struct with an X_init(struct X *, wiring...) of its own and one
 * const struct device_ops. A device takes no lock, never sleeps, never asks the
 * host's clock, never longjmps, and has no mutable globals.
 */
#ifndef OMBRA_BASE_DEVICE_H
#define OMBRA_BASE_DEVICE_H

#include "base/state.h"

struct device_ops {
    const char *name;             /* chunk name in save states, lower case */
    u16 state_version;
    const struct field *state;    /* required */
    void (*reset)(void *self);    /* hard reset (RESET#), to the data sheet's values */
    void (*close)(void *self);    /* free what init took; may be NULL */
    void (*saving)(void *self);   /* before the fields are read (bring derived state up to date); may be NULL */
    int (*loaded)(void *self);    /* after the fields were written: validate every index and length (the file is hostile),
                                     re-drive lines, redo mappings. 0, or -EINVAL. May be NULL */
    void (*save_extra)(void *self, struct state_buf *b); /* raw chunks (video RAM); may be NULL */
    int (*load_extra)(void *self, const struct state_buf *b);
};

struct device {
    const struct device_ops *ops;
    void *self;
};

#endif
