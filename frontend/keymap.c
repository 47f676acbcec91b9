/*
 * keymap.c - US layout: characters and names to keys.
 */
#include "frontend/keymap.h"

#include <ctype.h>
#include <strings.h>

/* Characters that need no shift and those that do, key for key. */
static const struct {
    char plain, shifted;
    u8 key;
} char_keys[] = {
    {'1', '!', KEY_1},        {'2', '@', KEY_2},        {'3', '#', KEY_3},          {'4', '$', KEY_4},
    {'5', '%', KEY_5},        {'6', '^', KEY_6},        {'7', '&', KEY_7},          {'8', '*', KEY_8},
    {'9', '(', KEY_9},        {'0', ')', KEY_0},        {'-', '_', KEY_MINUS},      {'=', '+', KEY_EQUAL},
    {'[', '{', KEY_LBRACKET}, {']', '}', KEY_RBRACKET}, {'\\', '|', KEY_BACKSLASH}, {';', ':', KEY_SEMICOLON},
    {'\'', '"', KEY_QUOTE},   {'`', '~', KEY_GRAVE},    {',', '<', KEY_COMMA},      {'.', '>', KEY_DOT},
    {'/', '?', KEY_SLASH},    {' ', 0, KEY_SPACE},      {'\n', 0, KEY_ENTER},       {'\r', 0, KEY_ENTER},
    {'\t', 0, KEY_TAB},       {'\b', 0, KEY_BACKSPACE}, {0x7F, 0, KEY_BACKSPACE},   {0x1B, 0, KEY_ESC},
};

static const struct {
    const char *name;
    u8 key;
} key_names[] = {
#define K(id, name, usage) {name, usage},
    KEY_TABLE(K)
#undef K
        {"return", KEY_ENTER},
    {"ret", KEY_ENTER},
    {"escape", KEY_ESC},
    {"del", KEY_DELETE},
    {"ins", KEY_INSERT},
    {"pgup", KEY_PAGEUP},
    {"pgdn", KEY_PAGEDOWN},
    {"control", KEY_LCTRL},
    {"lctrl", KEY_LCTRL},
    {"lshift", KEY_LSHIFT},
    {"lalt", KEY_LALT},
    {"ralt", KEY_RALT},
    {"win", KEY_LGUI},
    {"super", KEY_LGUI},
    {"bs", KEY_BACKSPACE},
    {"spc", KEY_SPACE},
    {"prtsc", KEY_PRINTSCREEN},
    {"sysrq", KEY_PRINTSCREEN},
    {"break", KEY_PAUSE},
    {"caps", KEY_CAPSLOCK},
    {"kpdot", KEY_KP_DOT},
    {"kpslash", KEY_KP_SLASH},
    {"kpstar", KEY_KP_STAR},
    {"kpminus", KEY_KP_MINUS},
    {"kpplus", KEY_KP_PLUS},
};

bool keymap_char(u8 ch, struct keymap_press *press)
{
    *press = (struct keymap_press){0};
    if (!ch)
        return false;
    if (isalpha(ch) && ch < 0x80) {
        press->key = (enum key)(KEY_A + (tolower(ch) - 'a'));
        press->modifiers = isupper(ch) ? KEYMAP_SHIFT : 0;
        return true;
    }
    for (size_t i = 0; i < ARRAY_LEN(char_keys); i++) {
        if ((u8)char_keys[i].plain != ch && (u8)char_keys[i].shifted != ch)
            continue;
        press->key = char_keys[i].key;
        press->modifiers = (u8)char_keys[i].plain == ch ? 0 : KEYMAP_SHIFT;
        return true;
    }
    if (ch >= 1 && ch <= 26) {
        press->key = (enum key)(KEY_A + ch - 1);
        press->modifiers = KEYMAP_CTRL;
        return true;
    }
    if (ch >= 0x1C && ch <= 0x1F) { /* Ctrl+\ Ctrl+] Ctrl+^ Ctrl+_ */
        static const u8 keys[4] = {KEY_BACKSLASH, KEY_RBRACKET, KEY_6, KEY_MINUS};

        press->key = keys[ch - 0x1C];
        press->modifiers = KEYMAP_CTRL;
        return true;
    }
    return false;
}

enum key keymap_name(const char *name, size_t len)
{
    struct keymap_press press;

    for (size_t i = 0; i < ARRAY_LEN(key_names); i++)
        if (strlen(key_names[i].name) == len && !strncasecmp(key_names[i].name, name, len))
            return key_names[i].key;
    if (len == 1 && (u8)name[0] > ' ' && keymap_char((u8)name[0], &press) && !press.modifiers)
        return press.key;
    return KEY_NONE;
}

bool keymap_known(unsigned key)
{
#define K(id, name, usage) +(key == usage)
    return (0 KEY_TABLE(K)) != 0;
#undef K
}

void keymap_send(const struct keymap_press *press, bool down, void (*key)(void *ctx, enum key key, bool down),
                 void *ctx)
{
    static const u8 modifier_keys[3] = {KEY_LSHIFT, KEY_LCTRL, KEY_LALT};

    if (!down)
        key(ctx, press->key, false);
    for (unsigned i = 0; i < 3; i++) {
        unsigned n = down ? i : 2 - i;

        if (press->modifiers & BIT(n))
            key(ctx, modifier_keys[n], down);
    }
    if (down)
        key(ctx, press->key, true);
}

unsigned keymap_events(const struct keymap_press *press)
{
    return 2 + 2 * (unsigned)__builtin_popcount(press->modifiers);
}
