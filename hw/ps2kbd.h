/*
 * ps2kbd.h - a 101/102-key PS/2 keyboard: scan-code sets 1 to 3, typematic repeat, all commands. Embedded in
 * and used by hw/kbc.c only, which clocks its bytes out one at a time.
 *
 * Reference: IBM PS/2 Hardware Interface Technical Reference, "Keyboards (101- and 102-key)".
 */
#ifndef OMBRA_HW_PS2KBD_H
#define OMBRA_HW_PS2KBD_H

#include "base/bus.h"
#include "base/input.h"
#include "base/state.h"

enum { PS2KBD_BUFFER = 16, PS2KBD_REPLIES = 8 };

struct ps2kbd {
    u8 buf[PS2KBD_BUFFER + 1]; /* scan codes, oldest first; the last place is for the overrun code */
    u8 len;
    u8 reply[PS2KBD_REPLIES]; /* answers to commands, which go before scan codes */
    u8 reply_len;
    u8 last;      /* byte sent last, for Resend */
    u8 command;   /* waits for its argument, or 0 */
    u8 set;       /* scan-code set 1-3 */
    u8 leds;      /* bit 0 scroll, 1 num, 2 caps lock */
    u8 typematic; /* argument of F3h */
    bool scanning;
    u8 pressed[32];    /* one bit for each HID usage */
    u8 set3_type[256]; /* by set 3 code: bit 0 sends a break code, bit 1 repeats */
    u8 repeat_key;     /* HID usage that repeats, or 0 */
    struct timer repeat;
    struct timer bat;      /* end of the self-test */
    struct irq_line ready; /* told true whenever there are bytes to take */
    /* Told the LEDs whenever the guest sets them; may be NULL. */
    void (*leds_changed)(void *ctx, u8 leds);
    void *leds_ctx;
    struct clock *clock;
};

extern const struct field ps2kbd_fields[];

void ps2kbd_init(struct ps2kbd *k, struct clock *clock, struct irq_line ready);

/* Power-on state; keys that are held down are forgotten. */
void ps2kbd_reset(struct ps2kbd *k);

/* After a restore: 0, or -EINVAL if what was loaded makes no sense. */
int ps2kbd_loaded(struct ps2kbd *k);

/* A key goes down or up; a repeated "down" is ignored (the keyboard repeats by itself). */
void ps2kbd_key(struct ps2kbd *k, enum key key, bool down);

/* How many more key events surely fit into the buffer. */
unsigned ps2kbd_room(const struct ps2kbd *k);

/* A byte from the host. */
void ps2kbd_write(struct ps2kbd *k, u8 v);

/* Takes the next byte for the host, or returns -1. */
int ps2kbd_read(struct ps2kbd *k);
bool ps2kbd_pending(const struct ps2kbd *k);

/* The controller's translation of a set 2 byte to set 1 (F0h prefixes are the caller's business). */
u8 ps2kbd_translate(u8 v);

#endif
