/*
 * keymap.h - from text and key names to keys of a US keyboard, for pasting, --keys and the terminal.
 */
#ifndef OMBRA_FRONTEND_KEYMAP_H
#define OMBRA_FRONTEND_KEYMAP_H

#include "base/input.h"

enum keymap_modifier { KEYMAP_SHIFT = 1, KEYMAP_CTRL = 2, KEYMAP_ALT = 4 };

/* One press: a key and the modifiers held while it goes down (a set of enum keymap_modifier). */
struct keymap_press {
    enum key key;
    u8 modifiers;
};

/* The press that types CH (ASCII; control characters other than those with a key of their own become Ctrl+letter).
 * False: no key types it. */
bool keymap_char(u8 ch, struct keymap_press *press);

/* The key named NAME (LEN bytes, any case; the names of KEY_TABLE and usual short forms, or the character on the key),
 * KEY_NONE if there is none. */
enum key keymap_name(const char *name, size_t len);

/* True if KEY is one of KEY_TABLE. */
bool keymap_known(unsigned key);

/* Calls KEY for the modifiers of PRESS and the key, all down or (reverse order) all up. */
void keymap_send(const struct keymap_press *press, bool down, void (*key)(void *ctx, enum key key, bool down),
                 void *ctx);

/* Key events that pressing and releasing PRESS takes. */
unsigned keymap_events(const struct keymap_press *press);

#endif
