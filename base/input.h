/*
 * input.h - keys and mouse as frontends produce them and the keyboard controller takes them.
 *
 * A key is named by its USB HID usage (page 7): KEY_A = 4 ... independent of any scan-code
 * set; the keyboard translates. Queued by the machine and delivered at slice ends.
 */
#ifndef OMBRA_BASE_INPUT_H
#define OMBRA_BASE_INPUT_H

#include "base/types.h"

/* name (as in --keys), HID usage */
#define KEY_TABLE(K)                                                                                   \
    K(A, "a", 0x04) K(B, "b", 0x05) K(C, "c", 0x06) K(D, "d", 0x07) K(E, "e", 0x08) K(F, "f", 0x09)    \
    K(G, "g", 0x0A) K(H, "h", 0x0B) K(I, "i", 0x0C) K(J, "j", 0x0D) K(K, "k", 0x0E) K(L, "l", 0x0F)    \
    K(M, "m", 0x10) K(N, "n", 0x11) K(O, "o", 0x12) K(P, "p", 0x13) K(Q, "q", 0x14) K(R, "r", 0x15)    \
    K(S, "s", 0x16) K(T, "t", 0x17) K(U, "u", 0x18) K(V, "v", 0x19) K(W, "w", 0x1A) K(X, "x", 0x1B)    \
    K(Y, "y", 0x1C) K(Z, "z", 0x1D) K(1, "1", 0x1E) K(2, "2", 0x1F) K(3, "3", 0x20) K(4, "4", 0x21)    \
    K(5, "5", 0x22) K(6, "6", 0x23) K(7, "7", 0x24) K(8, "8", 0x25) K(9, "9", 0x26) K(0, "0", 0x27)    \
    K(ENTER, "enter", 0x28) K(ESC, "esc", 0x29) K(BACKSPACE, "backspace", 0x2A) K(TAB, "tab", 0x2B)    \
    K(SPACE, "space", 0x2C) K(MINUS, "minus", 0x2D) K(EQUAL, "equal", 0x2E) K(LBRACKET, "lbracket", 0x2F) \
    K(RBRACKET, "rbracket", 0x30) K(BACKSLASH, "backslash", 0x31) K(HASH, "hash", 0x32)                \
    K(SEMICOLON, "semicolon", 0x33) K(QUOTE, "quote", 0x34) K(GRAVE, "grave", 0x35) K(COMMA, "comma", 0x36) \
    K(DOT, "dot", 0x37) K(SLASH, "slash", 0x38) K(CAPSLOCK, "capslock", 0x39) K(F1, "f1", 0x3A)        \
    K(F2, "f2", 0x3B) K(F3, "f3", 0x3C) K(F4, "f4", 0x3D) K(F5, "f5", 0x3E) K(F6, "f6", 0x3F)          \
    K(F7, "f7", 0x40) K(F8, "f8", 0x41) K(F9, "f9", 0x42) K(F10, "f10", 0x43) K(F11, "f11", 0x44)      \
    K(F12, "f12", 0x45) K(PRINTSCREEN, "printscreen", 0x46) K(SCROLLLOCK, "scrolllock", 0x47)          \
    K(PAUSE, "pause", 0x48) K(INSERT, "insert", 0x49) K(HOME, "home", 0x4A) K(PAGEUP, "pageup", 0x4B)  \
    K(DELETE, "delete", 0x4C) K(END, "end", 0x4D) K(PAGEDOWN, "pagedown", 0x4E) K(RIGHT, "right", 0x4F) \
    K(LEFT, "left", 0x50) K(DOWN, "down", 0x51) K(UP, "up", 0x52) K(NUMLOCK, "numlock", 0x53)          \
    K(KP_SLASH, "kp/", 0x54) K(KP_STAR, "kp*", 0x55) K(KP_MINUS, "kp-", 0x56) K(KP_PLUS, "kp+", 0x57)  \
    K(KP_ENTER, "kpenter", 0x58) K(KP_1, "kp1", 0x59) K(KP_2, "kp2", 0x5A) K(KP_3, "kp3", 0x5B)        \
    K(KP_4, "kp4", 0x5C) K(KP_5, "kp5", 0x5D) K(KP_6, "kp6", 0x5E) K(KP_7, "kp7", 0x5F)                \
    K(KP_8, "kp8", 0x60) K(KP_9, "kp9", 0x61) K(KP_0, "kp0", 0x62) K(KP_DOT, "kp.", 0x63)              \
    K(NONUS_BACKSLASH, "oem102", 0x64) K(MENU, "menu", 0x65) K(POWER, "power", 0x66)                   \
    K(LCTRL, "ctrl", 0xE0) K(LSHIFT, "shift", 0xE1) K(LALT, "alt", 0xE2) K(LGUI, "gui", 0xE3)          \
    K(RCTRL, "rctrl", 0xE4) K(RSHIFT, "rshift", 0xE5) K(RALT, "altgr", 0xE6) K(RGUI, "rgui", 0xE7)

enum key {
    KEY_NONE = 0,
#define K(id, name, usage) KEY_##id = usage,
    KEY_TABLE(K)
#undef K
};

enum mouse_button { MOUSE_LEFT = 1, MOUSE_RIGHT = 2, MOUSE_MIDDLE = 4 };

/* What the keyboard controller offers to whoever has keys. Call on the emulation thread only, at slice ends. */
struct input_sink {
    void *ctx;
    void (*key)(void *ctx, enum key key, bool down);
    /* Relative motion in mickeys, DY positive downwards (as screens count), DZ wheel clicks (positive = towards the user), BUTTONS the
     * current set of enum mouse_button. */
    void (*mouse)(void *ctx, int dx, int dy, int dz, unsigned buttons);
    /* How many more key events fit without loss: paste and --keys wait while this is 0. */
    unsigned (*room)(void *ctx);
};

#endif
