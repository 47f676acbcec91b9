#include "hw/ps2kbd.h"
#include "hw/ps2kbd_codes.h"

#include <errno.h>

enum {
    ACK = 0xFA,
    RESEND = 0xFE,
    BAT_PASSED = 0xAA,
    ECHO = 0xEE,
    E0 = 0xE0,
    E1 = 0xE1,
    BREAK = 0xF0,

    SET2_LSHIFT = 0x12,
    SET2_RSHIFT = 0x59,
    SET2_SYSRQ = 0x84,
    SET2_BREAK_KEY = 0x7E,

    CMD_LEDS = 0xED,
    CMD_ECHO = 0xEE,
    CMD_SET = 0xF0,
    CMD_ID = 0xF2,
    CMD_TYPEMATIC = 0xF3,
    CMD_ENABLE = 0xF4,
    CMD_DISABLE = 0xF5,
    CMD_DEFAULTS = 0xF6,
    CMD_ALL_REPEAT = 0xF7,
    CMD_ALL_MAKE_BREAK = 0xF8,
    CMD_ALL_MAKE = 0xF9,
    CMD_ALL_BOTH = 0xFA,
    CMD_KEY_REPEAT = 0xFB,
    CMD_KEY_MAKE_BREAK = 0xFC,
    CMD_KEY_MAKE = 0xFD,
    CMD_RESEND = 0xFE,
    CMD_RESET = 0xFF,

    LED_NUM = 2,
    TYPE_BREAK = 1,
    TYPE_REPEAT = 2,
    TYPEMATIC_DEFAULT = 0x2B, /* 500 ms, 10.9 a second */

    BAT_NS = 50000000, /* real ones take up to half a second, which nobody wants to wait for */
    SEQ_MAX = 24,
    EVENT_MAX = 8, /* bytes of the longest sequence that one key sends without Shift */
};

struct key_code {
    u8 set2, set3, flags;
};

static const struct key_code codes[256] = {
#define K(id, set2, set3, flags) [KEY_##id] = {set2, set3, flags},
    KEY_CODES(K)
#undef K
};

static const u8 set1_of_set2[0x80] = {
    0xFF, 0x43, 0x41, 0x3F, 0x3D, 0x3B, 0x3C, 0x58, 0x64, 0x44, 0x42, 0x40, 0x3E, 0x0F, 0x29, 0x59, /* 00h */
    0x65, 0x38, 0x2A, 0x70, 0x1D, 0x10, 0x02, 0x5A, 0x66, 0x71, 0x2C, 0x1F, 0x1E, 0x11, 0x03, 0x5B, /* 10h */
    0x67, 0x2E, 0x2D, 0x20, 0x12, 0x05, 0x04, 0x5C, 0x68, 0x39, 0x2F, 0x21, 0x14, 0x13, 0x06, 0x5D, /* 20h */
    0x69, 0x31, 0x30, 0x23, 0x22, 0x15, 0x07, 0x5E, 0x6A, 0x72, 0x32, 0x24, 0x16, 0x08, 0x09, 0x5F, /* 30h */
    0x6B, 0x33, 0x25, 0x17, 0x18, 0x0B, 0x0A, 0x60, 0x6C, 0x34, 0x35, 0x26, 0x27, 0x19, 0x0C, 0x61, /* 40h */
    0x6D, 0x73, 0x28, 0x74, 0x1A, 0x0D, 0x62, 0x6E, 0x3A, 0x36, 0x1C, 0x1B, 0x75, 0x2B, 0x63, 0x76, /* 50h */
    0x55, 0x56, 0x77, 0x78, 0x79, 0x7A, 0x0E, 0x7B, 0x7C, 0x4F, 0x7D, 0x4B, 0x47, 0x7E, 0x7F, 0x6F, /* 60h */
    0x52, 0x53, 0x50, 0x4C, 0x4D, 0x48, 0x01, 0x45, 0x57, 0x4E, 0x51, 0x4A, 0x37, 0x49, 0x46, 0x54, /* 70h */
};

u8 ps2kbd_translate(u8 v)
{
    if (v < 0x80)
        return set1_of_set2[v];
    if (v == codes[KEY_F7].set2)
        return 0x41;
    return v == SET2_SYSRQ ? 0x54 : v;
}

/* --- queues --- */

bool ps2kbd_pending(const struct ps2kbd *k)
{
    return k->reply_len || k->len;
}

static u8 take_first(u8 *queue, u8 *len)
{
    u8 v = queue[0];
    memmove(queue, queue + 1, --*len);
    return v;
}

int ps2kbd_read(struct ps2kbd *k)
{
    if (k->reply_len)
        k->last = take_first(k->reply, &k->reply_len);
    else if (k->len)
        k->last = take_first(k->buf, &k->len);
    else
        return -1;
    return k->last;
}

static void answer(struct ps2kbd *k, u8 v)
{
    if (k->reply_len < PS2KBD_REPLIES)
        k->reply[k->reply_len++] = v;
    irq_set(&k->ready, true);
}

struct seq {
    u8 byte[SEQ_MAX];
    u8 len;
};

/* Sequences are stored whole or not at all; one overrun code tells the host of what was lost. */
static void store(struct ps2kbd *k, const struct seq *seq)
{
    u8 overrun = k->set == 1 ? 0xFF : 0x00;

    if (k->len + seq->len <= PS2KBD_BUFFER) {
        memcpy(k->buf + k->len, seq->byte, seq->len);
        k->len += seq->len;
    } else if (k->len <= PS2KBD_BUFFER && (k->len == 0 || k->buf[k->len - 1] != overrun)) {
        k->buf[k->len++] = overrun;
    }
    if (k->len)
        irq_set(&k->ready, true);
}

unsigned ps2kbd_room(const struct ps2kbd *k)
{
    enum { CHORD_MAX = 5 }; /* keys of a chord are no Pause: three bytes each at most */
    if (k->len == 0)
        return CHORD_MAX;
    return k->len >= PS2KBD_BUFFER ? 0 : (PS2KBD_BUFFER - k->len) / EVENT_MAX;
}

/* --- from keys to scan codes --- */

static bool is_down(const struct ps2kbd *k, enum key key)
{
    return k->pressed[key >> 3 & 31] & BIT(key & 7);
}

static void add(struct seq *seq, u8 v)
{
    assert(seq->len < SEQ_MAX);
    seq->byte[seq->len++] = v;
}

/* One code of set 2, in the set in use (1 or 2). */
static void add_code(const struct ps2kbd *k, struct seq *seq, bool e0, u8 set2, bool down)
{
    if (e0)
        add(seq, E0);
    if (k->set == 1) {
        add(seq, ps2kbd_translate(set2) | (down ? 0 : 0x80));
    } else {
        if (!down)
            add(seq, BREAK);
        add(seq, set2);
    }
}

/* What the keys around the keypad send before their make code (and, reversed, after their break code) so that a
 * program that ignores E0h sees them without Shift and Num Lock. */
static void add_unshift(const struct ps2kbd *k, struct seq *seq, enum key key, bool down)
{
    bool left = is_down(k, KEY_LSHIFT), right = is_down(k, KEY_RSHIFT), num = k->leds & LED_NUM;
    bool nav = codes[key].flags & KEY_NAV;

    if (!nav && key != KEY_KP_SLASH)
        return;
    if (nav && num) {
        if (!left && !right)
            add_code(k, seq, true, SET2_LSHIFT, down);
        return;
    }
    if (left)
        add_code(k, seq, true, SET2_LSHIFT, !down);
    if (right)
        add_code(k, seq, true, SET2_RSHIFT, !down);
}

static void add_print_screen(const struct ps2kbd *k, struct seq *seq, bool down, bool again)
{
    bool alt = is_down(k, KEY_LALT) || is_down(k, KEY_RALT);
    bool other = is_down(k, KEY_LCTRL) || is_down(k, KEY_RCTRL) || is_down(k, KEY_LSHIFT) || is_down(k, KEY_RSHIFT);
    bool fake_shift = !alt && !other && !again;

    if (alt) {
        add_code(k, seq, false, SET2_SYSRQ, down);
        return;
    }
    if (fake_shift && down)
        add_code(k, seq, true, SET2_LSHIFT, true);
    add_code(k, seq, true, codes[KEY_PRINTSCREEN].set2, down);
    if (fake_shift && !down)
        add_code(k, seq, true, SET2_LSHIFT, false);
}

/* Pause sends make and break at once, and nothing when it is released. With Ctrl it is Break. */
static void add_pause(const struct ps2kbd *k, struct seq *seq)
{
    bool ctrl = is_down(k, KEY_LCTRL) || is_down(k, KEY_RCTRL);

    for (int down = 1; down >= 0; down--) {
        if (ctrl) {
            add_code(k, seq, true, SET2_BREAK_KEY, down);
        } else {
            add(seq, E1);
            add_code(k, seq, false, codes[KEY_LCTRL].set2, down);
            add_code(k, seq, false, codes[KEY_PAUSE].set2, down);
        }
    }
}

/* What KEY sends in the current set; AGAIN for typematic repeats. */
static void encode(const struct ps2kbd *k, struct seq *seq, enum key key, bool down, bool again)
{
    const struct key_code *code = &codes[key];

    if (k->set == 3) {
        if (!code->set3 || (!down && !(k->set3_type[code->set3] & TYPE_BREAK)))
            return;
        if (!down)
            add(seq, BREAK);
        add(seq, code->set3);
    } else if (key == KEY_PAUSE) {
        if (down)
            add_pause(k, seq);
    } else if (key == KEY_PRINTSCREEN) {
        add_print_screen(k, seq, down, again);
    } else {
        if (down && !again)
            add_unshift(k, seq, key, true);
        add_code(k, seq, code->flags & KEY_E0, code->set2, down);
        if (!down)
            add_unshift(k, seq, key, false);
    }
}

/* --- typematic --- */

static bool repeats(const struct ps2kbd *k, enum key key)
{
    return k->set == 3 ? k->set3_type[codes[key].set3] & TYPE_REPEAT : key != KEY_PAUSE;
}

static u64 repeat_delay_ns(const struct ps2kbd *k)
{
    return ((k->typematic >> 5 & 3) + 1) * 250000000ull;
}

/* (8 + A) * 2^B / 240 seconds. */
static u64 repeat_period_ns(const struct ps2kbd *k)
{
    return ((8 + (k->typematic & 7)) << (k->typematic >> 3 & 3)) * (NS_PER_SEC / 240);
}

static void stop_repeat(struct ps2kbd *k)
{
    k->repeat_key = KEY_NONE;
    timer_cancel(&k->repeat);
}

static void repeat_fired(void *ctx, u64 now)
{
    struct ps2kbd *k = ctx;
    struct seq seq = {.len = 0};

    encode(k, &seq, k->repeat_key, true, true);
    /* A host that does not listen is not flooded. */
    if (k->len + seq.len <= PS2KBD_BUFFER)
        store(k, &seq);
    timer_arm(&k->repeat, now + repeat_period_ns(k));
}

void ps2kbd_key(struct ps2kbd *k, enum key key, bool down)
{
    if ((unsigned)key > 0xFF || !codes[key].set2 || is_down(k, key) == down)
        return;
    struct seq seq = {.len = 0};
    if (down)
        encode(k, &seq, key, true, false);
    k->pressed[key >> 3] ^= BIT(key & 7);
    if (!down)
        encode(k, &seq, key, false, false);
    if (!down && key == k->repeat_key)
        stop_repeat(k);
    if (!k->scanning)
        return;
    store(k, &seq);
    if (down && repeats(k, key)) {
        k->repeat_key = key;
        timer_arm(&k->repeat, clock_now(k->clock) + repeat_delay_ns(k));
    }
}

/* --- commands --- */

static void default_types(struct ps2kbd *k)
{
    memset(k->set3_type, TYPE_REPEAT, sizeof k->set3_type);
    for (unsigned i = 0; i < ARRAY_LEN(codes); i++) {
        if (codes[i].flags & KEY_MB)
            k->set3_type[codes[i].set3] = TYPE_BREAK;
        else if (codes[i].flags & KEY_MK)
            k->set3_type[codes[i].set3] = 0;
    }
}

static void clear_buffer(struct ps2kbd *k)
{
    k->len = 0;
    stop_repeat(k);
}

static void defaults(struct ps2kbd *k)
{
    clear_buffer(k);
    k->typematic = TYPEMATIC_DEFAULT;
    k->set = 2;
    default_types(k);
}

static void set_leds(struct ps2kbd *k, u8 leds)
{
    k->leds = leds;
    if (k->leds_changed)
        k->leds_changed(k->leds_ctx, leds);
}

static void bat_fired(void *ctx, u64 now)
{
    struct ps2kbd *k = ctx;
    k->scanning = true;
    answer(k, BAT_PASSED);
}

static void start_reset(struct ps2kbd *k)
{
    defaults(k);
    set_leds(k, 0);
    k->scanning = false;
    k->reply_len = 0;
    answer(k, ACK);
    timer_arm(&k->bat, clock_now(k->clock) + BAT_NS);
}

static void write_argument(struct ps2kbd *k, u8 v)
{
    u8 command = k->command;

    k->command = 0;
    switch (command) {
    case CMD_LEDS:
        set_leds(k, v & 7);
        answer(k, ACK);
        break;
    case CMD_TYPEMATIC:
        k->typematic = v & 0x7F;
        answer(k, ACK);
        break;
    case CMD_SET:
        if (v > 3) {
            answer(k, RESEND);
            break;
        }
        answer(k, ACK);
        if (v == 0) {
            answer(k, k->set);
        } else {
            clear_buffer(k);
            k->set = v;
        }
        break;
    default: /* FBh-FDh: a list of keys, which the next command ends */
        k->set3_type[v] = command == CMD_KEY_REPEAT ? TYPE_REPEAT : command == CMD_KEY_MAKE_BREAK ? TYPE_BREAK : 0;
        k->command = command;
        answer(k, ACK);
        break;
    }
}

static void write_command(struct ps2kbd *k, u8 v)
{
    static const u8 all_types[4] = {TYPE_REPEAT, TYPE_BREAK, 0, TYPE_REPEAT | TYPE_BREAK};

    k->command = 0;
    switch (v) {
    case CMD_RESEND:
        answer(k, k->last);
        return;
    case CMD_ECHO:
        answer(k, ECHO);
        return;
    case CMD_RESET:
        start_reset(k);
        return;
    case CMD_LEDS:
    case CMD_TYPEMATIC:
        k->command = v;
        break;
    case CMD_SET:
    case CMD_KEY_REPEAT:
    case CMD_KEY_MAKE_BREAK:
    case CMD_KEY_MAKE:
        clear_buffer(k);
        k->command = v;
        break;
    case CMD_ID:
        answer(k, ACK);
        answer(k, 0xAB);
        answer(k, 0x83);
        return;
    case CMD_ENABLE:
        clear_buffer(k);
        k->scanning = true;
        break;
    case CMD_DISABLE:
        defaults(k);
        k->scanning = false;
        break;
    case CMD_DEFAULTS:
        defaults(k);
        break;
    case CMD_ALL_REPEAT:
    case CMD_ALL_MAKE_BREAK:
    case CMD_ALL_MAKE:
    case CMD_ALL_BOTH:
        clear_buffer(k);
        memset(k->set3_type, all_types[v - CMD_ALL_REPEAT], sizeof k->set3_type);
        break;
    default:
        answer(k, RESEND);
        return;
    }
    answer(k, ACK);
}

void ps2kbd_write(struct ps2kbd *k, u8 v)
{
    /* A command in the place of an argument is taken as the command it is. */
    if (k->command && v < CMD_LEDS)
        write_argument(k, v);
    else
        write_command(k, v);
}

/* --- life --- */

void ps2kbd_reset(struct ps2kbd *k)
{
    timer_cancel(&k->bat);
    defaults(k);
    set_leds(k, 0);
    k->reply_len = 0;
    k->command = 0;
    k->last = 0;
    k->scanning = true;
    memset(k->buf, 0, sizeof k->buf);
    memset(k->reply, 0, sizeof k->reply);
    memset(k->pressed, 0, sizeof k->pressed);
}

int ps2kbd_loaded(struct ps2kbd *k)
{
    bool argument = k->command == 0 || (k->command >= CMD_LEDS && k->command <= CMD_KEY_MAKE);

    if (k->len > sizeof k->buf || k->reply_len > sizeof k->reply || k->set < 1 || k->set > 3 || k->leds > 7 ||
        !argument)
        return -EINVAL;
    if (timer_armed(&k->repeat) && !codes[k->repeat_key].set2)
        return -EINVAL;
    if (k->leds_changed)
        k->leds_changed(k->leds_ctx, k->leds);
    return 0;
}

const struct field ps2kbd_fields[] = {
    FIELD_BLOB(struct ps2kbd, buf),     FIELD(struct ps2kbd, len),
    FIELD_BLOB(struct ps2kbd, reply),   FIELD(struct ps2kbd, reply_len),
    FIELD(struct ps2kbd, last),         FIELD(struct ps2kbd, command),
    FIELD(struct ps2kbd, set),          FIELD(struct ps2kbd, leds),
    FIELD(struct ps2kbd, typematic),    FIELD(struct ps2kbd, scanning),
    FIELD_BLOB(struct ps2kbd, pressed), FIELD_BLOB(struct ps2kbd, set3_type),
    FIELD(struct ps2kbd, repeat_key),   FIELD_TIMEOUT(struct ps2kbd, repeat),
    FIELD_TIMEOUT(struct ps2kbd, bat),  FIELD_END,
};

void ps2kbd_init(struct ps2kbd *k, struct clock *clock, struct irq_line ready)
{
    *k = (struct ps2kbd){.clock = clock, .ready = ready};
    timer_init(clock, &k->repeat, "keyboard repeat", repeat_fired, k);
    timer_init(clock, &k->bat, "keyboard self-test", bat_fired, k);
    ps2kbd_reset(k);
}
