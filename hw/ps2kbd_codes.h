/*
 * ps2kbd_codes.h - which codes each key of the PS/2 keyboard sends, for hw/ps2kbd.c. Set 1 follows from set 2 by
 * ps2kbd_translate(). PrtSc and Pause send sequences of their own in sets 1 and 2.
 *
 * Reference: IBM PS/2 Hardware Interface Technical Reference, "Scan codes"; the USB consortium's translation table.
 */
#ifndef OMBRA_HW_PS2KBD_CODES_H
#define OMBRA_HW_PS2KBD_CODES_H

#include "base/input.h"

enum key_flags {
    KEY_E0 = 1,  /* sets 1 and 2: E0h prefix */
    KEY_NAV = 2, /* grey cursor block: undoes Shift and Num Lock around itself */
    KEY_MB = 4,  /* set 3 default: make and break codes */
    KEY_MK = 8,  /* set 3 default: make code only; neither: repeats */
};

/* key, set 2, set 3, flags */
#define KEY_CODES(K)                                                                                                   \
    K(A, 0x1C, 0x1C, 0)                                                                                                \
    K(B, 0x32, 0x32, 0)                                                                                                \
    K(C, 0x21, 0x21, 0)                                                                                                \
    K(D, 0x23, 0x23, 0)                                                                                                \
    K(E, 0x24, 0x24, 0)                                                                                                \
    K(F, 0x2B, 0x2B, 0)                                                                                                \
    K(G, 0x34, 0x34, 0)                                                                                                \
    K(H, 0x33, 0x33, 0)                                                                                                \
    K(I, 0x43, 0x43, 0)                                                                                                \
    K(J, 0x3B, 0x3B, 0)                                                                                                \
    K(K, 0x42, 0x42, 0)                                                                                                \
    K(L, 0x4B, 0x4B, 0)                                                                                                \
    K(M, 0x3A, 0x3A, 0)                                                                                                \
    K(N, 0x31, 0x31, 0)                                                                                                \
    K(O, 0x44, 0x44, 0)                                                                                                \
    K(P, 0x4D, 0x4D, 0)                                                                                                \
    K(Q, 0x15, 0x15, 0)                                                                                                \
    K(R, 0x2D, 0x2D, 0)                                                                                                \
    K(S, 0x1B, 0x1B, 0)                                                                                                \
    K(T, 0x2C, 0x2C, 0)                                                                                                \
    K(U, 0x3C, 0x3C, 0)                                                                                                \
    K(V, 0x2A, 0x2A, 0)                                                                                                \
    K(W, 0x1D, 0x1D, 0)                                                                                                \
    K(X, 0x22, 0x22, 0)                                                                                                \
    K(Y, 0x35, 0x35, 0)                                                                                                \
    K(Z, 0x1A, 0x1A, 0)                                                                                                \
    K(1, 0x16, 0x16, 0)                                                                                                \
    K(2, 0x1E, 0x1E, 0)                                                                                                \
    K(3, 0x26, 0x26, 0)                                                                                                \
    K(4, 0x25, 0x25, 0)                                                                                                \
    K(5, 0x2E, 0x2E, 0)                                                                                                \
    K(6, 0x36, 0x36, 0)                                                                                                \
    K(7, 0x3D, 0x3D, 0)                                                                                                \
    K(8, 0x3E, 0x3E, 0)                                                                                                \
    K(9, 0x46, 0x46, 0)                                                                                                \
    K(0, 0x45, 0x45, 0)                                                                                                \
    K(ENTER, 0x5A, 0x5A, 0)                                                                                            \
    K(ESC, 0x76, 0x08, KEY_MK)                                                                                         \
    K(BACKSPACE, 0x66, 0x66, 0)                                                                                        \
    K(TAB, 0x0D, 0x0D, 0)                                                                                              \
    K(SPACE, 0x29, 0x29, 0)                                                                                            \
    K(MINUS, 0x4E, 0x4E, 0)                                                                                            \
    K(EQUAL, 0x55, 0x55, 0)                                                                                            \
    K(LBRACKET, 0x54, 0x54, 0)                                                                                         \
    K(RBRACKET, 0x5B, 0x5B, 0)                                                                                         \
    K(BACKSLASH, 0x5D, 0x5C, 0)                                                                                        \
    K(HASH, 0x5D, 0x53, 0)                                                                                             \
    K(SEMICOLON, 0x4C, 0x4C, 0)                                                                                        \
    K(QUOTE, 0x52, 0x52, 0)                                                                                            \
    K(GRAVE, 0x0E, 0x0E, 0)                                                                                            \
    K(COMMA, 0x41, 0x41, 0)                                                                                            \
    K(DOT, 0x49, 0x49, 0)                                                                                              \
    K(SLASH, 0x4A, 0x4A, 0)                                                                                            \
    K(CAPSLOCK, 0x58, 0x14, KEY_MB)                                                                                    \
    K(F1, 0x05, 0x07, KEY_MK)                                                                                          \
    K(F2, 0x06, 0x0F, KEY_MK)                                                                                          \
    K(F3, 0x04, 0x17, KEY_MK)                                                                                          \
    K(F4, 0x0C, 0x1F, KEY_MK)                                                                                          \
    K(F5, 0x03, 0x27, KEY_MK)                                                                                          \
    K(F6, 0x0B, 0x2F, KEY_MK)                                                                                          \
    K(F7, 0x83, 0x37, KEY_MK)                                                                                          \
    K(F8, 0x0A, 0x3F, KEY_MK)                                                                                          \
    K(F9, 0x01, 0x47, KEY_MK)                                                                                          \
    K(F10, 0x09, 0x4F, KEY_MK)                                                                                         \
    K(F11, 0x78, 0x56, KEY_MK)                                                                                         \
    K(F12, 0x07, 0x5E, KEY_MK)                                                                                         \
    K(PRINTSCREEN, 0x7C, 0x57, KEY_MK)                                                                                 \
    K(SCROLLLOCK, 0x7E, 0x5F, KEY_MK)                                                                                  \
    K(PAUSE, 0x77, 0x62, KEY_MK)                                                                                       \
    K(INSERT, 0x70, 0x67, KEY_E0 | KEY_NAV | KEY_MK)                                                                   \
    K(HOME, 0x6C, 0x6E, KEY_E0 | KEY_NAV | KEY_MK)                                                                     \
    K(PAGEUP, 0x7D, 0x6F, KEY_E0 | KEY_NAV | KEY_MK)                                                                   \
    K(DELETE, 0x71, 0x64, KEY_E0 | KEY_NAV)                                                                            \
    K(END, 0x69, 0x65, KEY_E0 | KEY_NAV | KEY_MK)                                                                      \
    K(PAGEDOWN, 0x7A, 0x6D, KEY_E0 | KEY_NAV | KEY_MK)                                                                 \
    K(RIGHT, 0x74, 0x6A, KEY_E0 | KEY_NAV)                                                                             \
    K(LEFT, 0x6B, 0x61, KEY_E0 | KEY_NAV)                                                                              \
    K(DOWN, 0x72, 0x60, KEY_E0 | KEY_NAV)                                                                              \
    K(UP, 0x75, 0x63, KEY_E0 | KEY_NAV)                                                                                \
    K(NUMLOCK, 0x77, 0x76, KEY_MK)                                                                                     \
    K(KP_SLASH, 0x4A, 0x77, KEY_E0 | KEY_MK)                                                                           \
    K(KP_STAR, 0x7C, 0x7E, KEY_MK)                                                                                     \
    K(KP_MINUS, 0x7B, 0x84, KEY_MK)                                                                                    \
    K(KP_PLUS, 0x79, 0x7C, 0)                                                                                          \
    K(KP_ENTER, 0x5A, 0x79, KEY_E0 | KEY_MK)                                                                           \
    K(KP_1, 0x69, 0x69, KEY_MK)                                                                                        \
    K(KP_2, 0x72, 0x72, KEY_MK)                                                                                        \
    K(KP_3, 0x7A, 0x7A, KEY_MK)                                                                                        \
    K(KP_4, 0x6B, 0x6B, KEY_MK)                                                                                        \
    K(KP_5, 0x73, 0x73, KEY_MK)                                                                                        \
    K(KP_6, 0x74, 0x74, KEY_MK)                                                                                        \
    K(KP_7, 0x6C, 0x6C, KEY_MK)                                                                                        \
    K(KP_8, 0x75, 0x75, KEY_MK)                                                                                        \
    K(KP_9, 0x7D, 0x7D, KEY_MK)                                                                                        \
    K(KP_0, 0x70, 0x70, KEY_MK)                                                                                        \
    K(KP_DOT, 0x71, 0x71, KEY_MK)                                                                                      \
    K(NONUS_BACKSLASH, 0x61, 0x13, 0)                                                                                  \
    K(MENU, 0x2F, 0x8D, KEY_E0 | KEY_MK)                                                                               \
    K(POWER, 0x37, 0, KEY_E0)                                                                                          \
    K(LCTRL, 0x14, 0x11, KEY_MB)                                                                                       \
    K(LSHIFT, 0x12, 0x12, KEY_MB)                                                                                      \
    K(LALT, 0x11, 0x19, KEY_MB)                                                                                        \
    K(LGUI, 0x1F, 0x8B, KEY_E0 | KEY_MK)                                                                               \
    K(RCTRL, 0x14, 0x58, KEY_E0 | KEY_MK)                                                                              \
    K(RSHIFT, 0x59, 0x59, KEY_MB)                                                                                      \
    K(RALT, 0x11, 0x39, KEY_E0 | KEY_MK)                                                                               \
    K(RGUI, 0x27, 0x8C, KEY_E0 | KEY_MK)

#endif
