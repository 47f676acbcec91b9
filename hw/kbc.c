#include "hw/kbc.h"

#include <errno.h>

enum {
    STATUS_FULL = 0x01,
    STATUS_SYSTEM = 0x04,
    STATUS_COMMAND = 0x08,
    STATUS_UNLOCKED = 0x10,
    STATUS_AUX = 0x20,

    MODE_KBD_IRQ = 0x01,
    MODE_AUX_IRQ = 0x02,
    MODE_SYSTEM = 0x04,
    MODE_KBD_OFF = 0x10,
    MODE_AUX_OFF = 0x20,
    MODE_TRANSLATE = 0x40,

    OUT_RUN = 0x01, /* 0 holds the processor in reset */
    OUT_A20 = 0x02,
    OUT_IRQ1 = 0x10,
    OUT_IRQ12 = 0x20,
    OUT_KBD_LINES = 0xC0,

    IN_JUMPERS = 0xA0, /* keyboard not locked, no manufacturing jumper */

    CMD_READ_RAM = 0x20,
    CMD_WRITE_RAM = 0x60,
    CMD_PASSWORD_TEST = 0xA4,
    CMD_AUX_OFF = 0xA7,
    CMD_AUX_ON = 0xA8,
    CMD_AUX_TEST = 0xA9,
    CMD_SELF_TEST = 0xAA,
    CMD_KBD_TEST = 0xAB,
    CMD_KBD_OFF = 0xAD,
    CMD_KBD_ON = 0xAE,
    CMD_READ_INPUT = 0xC0,
    CMD_READ_OUTPUT = 0xD0,
    CMD_WRITE_OUTPUT = 0xD1,
    CMD_WRITE_KBD_OUT = 0xD2,
    CMD_WRITE_AUX_OUT = 0xD3,
    CMD_WRITE_AUX = 0xD4,
    CMD_A20_OFF = 0xDD,
    CMD_A20_ON = 0xDF,
    CMD_READ_TEST = 0xE0,
    CMD_PULSE = 0xF0,

    SELF_TEST_PASSED = 0x55,
    NO_PASSWORD = 0xF1,
    BREAK = 0xF0,

    REPLY_NS = 60000,   /* the controller's own answers */
    DEVICE_NS = 250000, /* a byte over the serial line */
};

static u8 mode(const struct kbc *k)
{
    return k->ram[0];
}

/* --- the output buffer --- */

static void update_irqs(struct kbc *k)
{
    bool irq12 = k->full && k->source == KBC_FROM_MOUSE && (mode(k) & MODE_AUX_IRQ);
    bool irq1 = k->full && k->source != KBC_FROM_MOUSE && (mode(k) & MODE_KBD_IRQ);

    /* Programs disable the keyboard around commands so that the answer does not end up in its interrupt handler. */
    if (k->source == KBC_FROM_CONTROLLER && (mode(k) & MODE_KBD_OFF))
        irq1 = false;
    irq_set(&k->irq1, irq1);
    irq_set(&k->irq12, irq12);
}

static bool keyboard_waits(const struct kbc *k)
{
    return !(mode(k) & MODE_KBD_OFF) && ps2kbd_pending(&k->keyboard);
}

static bool mouse_waits(const struct kbc *k)
{
    return !(mode(k) & MODE_AUX_OFF) && ps2mouse_pending(&k->mouse);
}

/* Starts the next byte on its way if there is one and the buffer is free for it. */
static void pump(struct kbc *k)
{
    if (k->full || timer_armed(&k->deliver))
        return;
    if (k->reply_len)
        timer_arm(&k->deliver, clock_now(k->clock) + REPLY_NS);
    else if (keyboard_waits(k) || mouse_waits(k))
        timer_arm(&k->deliver, clock_now(k->clock) + DEVICE_NS);
}

static void fill(struct kbc *k, u8 v, enum kbc_source source)
{
    timer_cancel(&k->deliver); /* a device may have asked for the next one while it gave this one */
    k->out = v;
    k->source = source;
    k->full = true;
    update_irqs(k);
}

/* The next byte of the keyboard in set 1 terms if translation is on, or -1 if it was only a prefix. */
static int keyboard_byte(struct kbc *k)
{
    while (keyboard_waits(k)) {
        int v = ps2kbd_read(&k->keyboard);
        if (!(mode(k) & MODE_TRANSLATE))
            return v;
        if (v == BREAK) {
            k->break_prefix = true;
            continue;
        }
        v = ps2kbd_translate(v) | (k->break_prefix ? 0x80 : 0);
        k->break_prefix = false;
        return v;
    }
    return -1;
}

static void deliver_fired(void *ctx, u64 now)
{
    struct kbc *k = ctx;

    if (k->reply_len) {
        u8 v = k->reply[0], source = k->reply_source[0];
        k->reply_len--;
        memmove(k->reply, k->reply + 1, k->reply_len);
        memmove(k->reply_source, k->reply_source + 1, k->reply_len);
        fill(k, v, source);
        return;
    }
    int v = keyboard_byte(k);
    if (v >= 0)
        fill(k, v, KBC_FROM_KEYBOARD);
    else if (mouse_waits(k))
        fill(k, ps2mouse_read(&k->mouse), KBC_FROM_MOUSE);
}

static void reply(struct kbc *k, u8 v, enum kbc_source source)
{
    if (k->reply_len == KBC_REPLIES)
        return;
    k->reply[k->reply_len] = v;
    k->reply_source[k->reply_len++] = source;
    /* It overtakes a device's byte that is still on the wire. */
    timer_cancel(&k->deliver);
    pump(k);
}

/* --- commands --- */

static void set_mode(struct kbc *k, u8 v)
{
    k->ram[0] = v;
    update_irqs(k);
    pump(k);
}

static u8 output_port(const struct kbc *k)
{
    bool irq12 = k->full && k->source == KBC_FROM_MOUSE;

    return OUT_RUN | (k->a20->on ? OUT_A20 : 0) | (k->full && !irq12 ? OUT_IRQ1 : 0) | (irq12 ? OUT_IRQ12 : 0) |
           OUT_KBD_LINES;
}

static void reset_processor(struct kbc *k)
{
    log_msg(k->log, LOG_CPU, "8042: processor reset");
    irq_pulse(&k->reset);
}

static void write_command(struct kbc *k, u8 v)
{
    k->last_was_command = true;
    k->command = 0;
    switch (v) {
    case CMD_READ_RAM ... CMD_READ_RAM + KBC_RAM - 1:
        reply(k, k->ram[v - CMD_READ_RAM], KBC_FROM_CONTROLLER);
        break;
    case CMD_PASSWORD_TEST:
        reply(k, NO_PASSWORD, KBC_FROM_CONTROLLER);
        break;
    case CMD_AUX_OFF:
        set_mode(k, mode(k) | MODE_AUX_OFF);
        break;
    case CMD_AUX_ON:
        set_mode(k, mode(k) & ~MODE_AUX_OFF);
        break;
    case CMD_SELF_TEST:
        k->system_flag = true;
        reply(k, SELF_TEST_PASSED, KBC_FROM_CONTROLLER);
        break;
    case CMD_AUX_TEST:
    case CMD_KBD_TEST:
    case CMD_READ_TEST:
        reply(k, 0x00, KBC_FROM_CONTROLLER);
        break;
    case CMD_KBD_OFF:
        set_mode(k, mode(k) | MODE_KBD_OFF);
        break;
    case CMD_KBD_ON:
        set_mode(k, mode(k) & ~MODE_KBD_OFF);
        break;
    case CMD_READ_INPUT:
        reply(k, IN_JUMPERS, KBC_FROM_CONTROLLER);
        break;
    case CMD_READ_OUTPUT:
        reply(k, output_port(k), KBC_FROM_CONTROLLER);
        break;
    case CMD_A20_OFF:
    case CMD_A20_ON:
        a20_set(k->a20, v == CMD_A20_ON);
        break;
    case CMD_WRITE_RAM ... CMD_WRITE_RAM + KBC_RAM - 1:
    case CMD_WRITE_OUTPUT ... CMD_WRITE_AUX:
        k->command = v;
        break;
    case CMD_PULSE ... CMD_PULSE + 15: /* the low bits that are 0 are pulsed low */
        if (!(v & OUT_RUN))
            reset_processor(k);
        break;
    default:
        log_unimp(k->log, "8042 command %02Xh", v);
        break;
    }
}

static void write_output_port(struct kbc *k, u8 v)
{
    a20_set(k->a20, v & OUT_A20);
    if (!(v & OUT_RUN))
        reset_processor(k);
}

static void write_data(struct kbc *k, u8 v)
{
    u8 command = k->command;

    k->last_was_command = false;
    k->command = 0;
    switch (command) {
    case 0: /* for the keyboard, which this also enables */
        set_mode(k, mode(k) & ~MODE_KBD_OFF);
        ps2kbd_write(&k->keyboard, v);
        break;
    case CMD_WRITE_RAM:
        k->system_flag = v & MODE_SYSTEM;
        set_mode(k, v);
        break;
    case CMD_WRITE_OUTPUT:
        write_output_port(k, v);
        break;
    case CMD_WRITE_KBD_OUT:
        reply(k, v, KBC_FROM_KEYBOARD);
        break;
    case CMD_WRITE_AUX_OUT:
        reply(k, v, KBC_FROM_MOUSE);
        break;
    case CMD_WRITE_AUX:
        set_mode(k, mode(k) & ~MODE_AUX_OFF);
        ps2mouse_write(&k->mouse, v);
        break;
    default:
        k->ram[command - CMD_WRITE_RAM] = v;
        break;
    }
}

/* --- ports --- */

static u32 kbc_in(void *ctx, u16 port, unsigned size)
{
    struct kbc *k = ctx;

    if (port & 4)
        return (k->full ? STATUS_FULL : 0) | (k->system_flag ? STATUS_SYSTEM : 0) |
               (k->last_was_command ? STATUS_COMMAND : 0) | STATUS_UNLOCKED |
               (k->full && k->source == KBC_FROM_MOUSE ? STATUS_AUX : 0);
    if (k->full) {
        k->full = false;
        update_irqs(k);
        pump(k);
    }
    return k->out;
}

static void kbc_out(void *ctx, u16 port, u32 value, unsigned size)
{
    struct kbc *k = ctx;

    if (log_on(k->log, LOG_INPUT))
        log_msg(k->log, LOG_INPUT, "8042: %s %02Xh", port & 4 ? "command" : "data", value);
    if (port & 4)
        write_command(k, value);
    else
        write_data(k, value);
}

static void device_ready(void *ctx, unsigned n, bool level)
{
    pump(ctx);
}

/* --- input --- */

static void input_key(void *ctx, enum key key, bool down)
{
    struct kbc *k = ctx;
    ps2kbd_key(&k->keyboard, key, down);
}

static void input_mouse(void *ctx, int dx, int dy, int dz, unsigned buttons)
{
    struct kbc *k = ctx;
    ps2mouse_move(&k->mouse, dx, dy, dz, buttons);
}

static unsigned input_room(void *ctx)
{
    const struct kbc *k = ctx;
    return ps2kbd_room(&k->keyboard);
}

struct input_sink kbc_input(struct kbc *k)
{
    return (struct input_sink){.ctx = k, .key = input_key, .mouse = input_mouse, .room = input_room};
}

void kbc_on_leds(struct kbc *k, void (*fn)(void *ctx, u8 leds), void *ctx)
{
    k->keyboard.leds_changed = fn;
    k->keyboard.leds_ctx = ctx;
}

/* --- life --- */

static const struct io_ops kbc_io = {.in = kbc_in, .out = kbc_out, .sizes = 1};

static void kbc_reset(void *self)
{
    struct kbc *k = self;

    timer_cancel(&k->deliver);
    memset(k->ram, 0, sizeof k->ram);
    k->ram[0] = MODE_KBD_IRQ | MODE_AUX_IRQ;
    k->out = 0;
    k->full = false;
    k->source = KBC_FROM_CONTROLLER;
    k->command = 0;
    k->system_flag = false;
    k->last_was_command = true;
    k->break_prefix = false;
    k->reply_len = 0;
    memset(k->reply, 0, sizeof k->reply);
    memset(k->reply_source, 0, sizeof k->reply_source);
    ps2kbd_reset(&k->keyboard);
    ps2mouse_reset(&k->mouse);
    update_irqs(k);
}

static int kbc_loaded(void *self)
{
    struct kbc *k = self;
    u8 c = k->command;
    bool command =
        c == 0 || (c >= CMD_WRITE_RAM && c < CMD_WRITE_RAM + KBC_RAM) || (c >= CMD_WRITE_OUTPUT && c <= CMD_WRITE_AUX);

    if (!command || k->reply_len > KBC_REPLIES || k->source > KBC_FROM_MOUSE)
        return -EINVAL;
    for (unsigned i = 0; i < KBC_REPLIES; i++)
        if (k->reply_source[i] > KBC_FROM_MOUSE)
            return -EINVAL;
    int err = ps2kbd_loaded(&k->keyboard);
    if (err == 0)
        err = ps2mouse_loaded(&k->mouse);
    if (err < 0)
        return err;
    update_irqs(k);
    pump(k);
    return 0;
}

static const struct field kbc_fields[] = {
    FIELD_BLOB(struct kbc, ram),
    FIELD(struct kbc, out),
    FIELD(struct kbc, full),
    FIELD(struct kbc, source),
    FIELD(struct kbc, command),
    FIELD(struct kbc, system_flag),
    FIELD(struct kbc, last_was_command),
    FIELD(struct kbc, break_prefix),
    FIELD_BLOB(struct kbc, reply),
    FIELD_BLOB(struct kbc, reply_source),
    FIELD(struct kbc, reply_len),
    FIELD_TIMEOUT(struct kbc, deliver),
    FIELD_SUB(struct kbc, keyboard, ps2kbd_fields),
    FIELD_SUB(struct kbc, mouse, ps2mouse_fields),
    FIELD_END,
};

const struct device_ops kbc_ops = {
    .name = "kbc",
    .state_version = 1,
    .state = kbc_fields,
    .reset = kbc_reset,
    .loaded = kbc_loaded,
};

void kbc_init(struct kbc *k, struct bus *bus, struct irq_line irq1, struct irq_line irq12, struct irq_line reset,
              struct a20_gate *a20)
{
    struct irq_line ready = {.set = device_ready, .ctx = k};

    *k = (struct kbc){.irq1 = irq1, .irq12 = irq12, .reset = reset, .a20 = a20, .clock = bus->clock, .log = bus->log};
    timer_init(bus->clock, &k->deliver, "8042 output buffer", deliver_fired, k);
    ps2kbd_init(&k->keyboard, bus->clock, ready);
    ps2mouse_init(&k->mouse, bus->clock, ready);
    bus->io_map(bus->ctx, 0x60, 1, &kbc_io, k, "8042 data");
    bus->io_map(bus->ctx, 0x64, 1, &kbc_io, k, "8042 command");
    kbc_reset(k);
}
