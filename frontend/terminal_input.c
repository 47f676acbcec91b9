/*
 * terminal_input.c - the bytes that terminals send for keys: control characters, ESC for Alt, and the sequences of
 * xterm and the Linux console.
 */
#include "frontend/terminal_int.h"

enum { ESC = 0x1B, SEQUENCE_MAX = 16 };

/* ESC [ NUMBER ~ */
static const struct {
    u8 number, key;
} tilde_keys[] = {
    {1, KEY_HOME}, {2, KEY_INSERT}, {3, KEY_DELETE}, {4, KEY_END},  {5, KEY_PAGEUP}, {6, KEY_PAGEDOWN}, {7, KEY_HOME},
    {8, KEY_END},  {11, KEY_F1},    {12, KEY_F2},    {13, KEY_F3},  {14, KEY_F4},    {15, KEY_F5},      {17, KEY_F6},
    {18, KEY_F7},  {19, KEY_F8},    {20, KEY_F9},    {21, KEY_F10}, {23, KEY_F11},   {24, KEY_F12},
};

/* ESC [ LETTER and ESC O LETTER */
static const struct {
    u8 letter, key;
} letter_keys[] = {
    {'A', KEY_UP}, {'B', KEY_DOWN}, {'C', KEY_RIGHT}, {'D', KEY_LEFT}, {'H', KEY_HOME},     {'F', KEY_END},
    {'P', KEY_F1}, {'Q', KEY_F2},   {'R', KEY_F3},    {'S', KEY_F4},   {'M', KEY_KP_ENTER}, {'E', KEY_KP_5},
};

static u8 letter_key(u8 letter)
{
    for (unsigned i = 0; i < ARRAY_LEN(letter_keys); i++)
        if (letter_keys[i].letter == letter)
            return letter_keys[i].key;
    return KEY_NONE;
}

/* xterm's modifier parameter less 1: 1 Shift, 2 Alt, 4 Ctrl. */
static u8 modifiers(unsigned parameter)
{
    unsigned m = parameter ? parameter - 1 : 0;

    return (u8)(((m & 1) ? KEYMAP_SHIFT : 0) | ((m & 2) ? KEYMAP_ALT : 0) | ((m & 4) ? KEYMAP_CTRL : 0));
}

static void csi_key(u8 final, const unsigned parameter[2], struct keymap_press *press)
{
    press->modifiers = modifiers(parameter[1]);
    if (final == 'Z') {
        press->key = KEY_TAB;
        press->modifiers |= KEYMAP_SHIFT;
        return;
    }
    if (final != '~') {
        press->key = (enum key)letter_key(final);
        return;
    }
    for (unsigned i = 0; i < ARRAY_LEN(tilde_keys); i++)
        if (tilde_keys[i].number == parameter[0])
            press->key = (enum key)tilde_keys[i].key;
}

/* After ESC [: parameters, intermediates, one final letter. Returns the length of all, 0 if unfinished. */
static size_t decode_csi(const u8 *p, size_t n, struct keymap_press *press)
{
    unsigned parameter[2] = {0}, which = 0;
    size_t i = 2;

    if (n > 2 && p[2] == '[') { /* Linux console: ESC [ [ A is F1 */
        if (n > 3 && p[3] >= 'A' && p[3] <= 'E')
            press->key = (enum key)(KEY_F1 + p[3] - 'A');
        return n > 3 ? 4 : 0;
    }
    for (; i < n && i < SEQUENCE_MAX; i++) {
        if (p[i] >= '0' && p[i] <= '9') {
            if (which < 2 && parameter[which] < 1000)
                parameter[which] = parameter[which] * 10 + p[i] - '0';
        } else if (p[i] == ';') {
            which++;
        } else if (p[i] >= 0x40 && p[i] <= 0x7E) {
            csi_key(p[i], parameter, press);
            return i + 1;
        } else if (p[i] < 0x20 || p[i] > 0x7E) {
            return i; /* no such sequence: what was read of it is dropped */
        }
    }
    return i == SEQUENCE_MAX ? i : 0;
}

static size_t decode_escape(const u8 *p, size_t n, struct keymap_press *press)
{
    size_t len;

    if (n < 2)
        return 0;
    if (p[1] == '[')
        return decode_csi(p, n, press);
    if (p[1] == 'O') {
        if (n > 2)
            press->key = (enum key)letter_key(p[2]);
        return n > 2 ? 3 : 0;
    }
    if (p[1] == ESC) { /* twice the key, or Alt with a sequence; the key is safe to say */
        press->key = KEY_ESC;
        return 1;
    }
    len = terminal_decode(p + 1, n - 1, true, press);
    press->modifiers |= KEYMAP_ALT;
    return len + 1;
}

static size_t utf8_length(u8 lead)
{
    return lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC0 ? 2 : 1;
}

size_t terminal_decode(const u8 *p, size_t n, bool complete, struct keymap_press *press)
{
    size_t len;

    *press = (struct keymap_press){0};
    if (!n)
        return 0;
    if (p[0] == ESC) {
        len = decode_escape(p, n, press);
        if (!len && complete) {
            press->key = KEY_ESC;
            press->modifiers = 0;
            len = 1;
        }
        return len;
    }
    if (p[0] == 0) {
        press->key = KEY_SPACE;
        press->modifiers = KEYMAP_CTRL;
        return 1;
    }
    if (p[0] >= 0x80) {
        len = utf8_length(p[0]);
        return len <= n ? len : complete ? n : 0;
    }
    if (!keymap_char(p[0], press))
        press->key = KEY_NONE;
    return 1;
}
