/*
 * ps2mouse.h - a PS/2 mouse: the standard one, and after the sample-rate knocks the IntelliMouse (wheel, ID 3) and
 * the five-button Explorer (ID 4). Embedded in and used by hw/kbc.c only.
 *
 * Reference: IBM PS/2 Hardware Interface Technical Reference, "Mouse".
 */
#ifndef OMBRA_HW_PS2MOUSE_H
#define OMBRA_HW_PS2MOUSE_H

#include "base/bus.h"
#include "base/state.h"

enum { PS2MOUSE_REPLIES = 8, PS2MOUSE_PACKET = 4 };

struct ps2mouse {
    u8 reply[PS2MOUSE_REPLIES]; /* answers to commands */
    u8 reply_len;
    u8 packet[PS2MOUSE_PACKET]; /* movement report that is being sent */
    u8 packet_len;
    u8 last;       /* byte sent last, for Resend */
    u8 command;    /* waits for its argument, or 0 */
    u8 rate;       /* reports a second */
    u8 resolution; /* 0-3: 1, 2, 4, 8 counts a millimetre; only reported back */
    u8 id;         /* 0, 3 or 4 */
    u8 knock[2];   /* the two sample rates set before */
    bool scaling, remote, wrap, enabled;
    s32 dx, dy, dz; /* not reported yet; DY downwards */
    u8 buttons;     /* enum mouse_button, and 8 and 16 for the fourth and fifth */
    u8 sent_buttons;
    struct timer sample;   /* earliest time of the next report */
    struct timer bat;      /* end of the self-test */
    struct irq_line ready; /* told true whenever there are bytes to take */
    struct clock *clock;
};

extern const struct field ps2mouse_fields[];

void ps2mouse_init(struct ps2mouse *m, struct clock *clock, struct irq_line ready);
void ps2mouse_reset(struct ps2mouse *m);

/* After a restore: 0, or -EINVAL if what was loaded makes no sense. */
int ps2mouse_loaded(struct ps2mouse *m);

/* Motion and buttons as in struct input_sink. */
void ps2mouse_move(struct ps2mouse *m, int dx, int dy, int dz, unsigned buttons);

/* A byte from the host. */
void ps2mouse_write(struct ps2mouse *m, u8 v);

/* Takes the next byte for the host, or returns -1. */
int ps2mouse_read(struct ps2mouse *m);
bool ps2mouse_pending(const struct ps2mouse *m);

#endif
