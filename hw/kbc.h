/*
 * kbc.h - the 8042 keyboard controller at ports 60h/64h with its PS/2 keyboard and mouse.
 *
 * Each byte for the host takes its time on the wire: the output buffer fills a while after it was
 * emptied, and only then the interrupt rises; it falls when port 60h is read. Commands and data for the devices are
 * taken at once, so the input buffer never reads full.
 *
 * Built and owned by hw/pc.c, after hw/port92.c whose A20 gate it shares. Frontends' keys come through kbc_input().
 * Reference: IBM PS/2 Hardware Interface Technical Reference, "Keyboard and auxiliary device controller".
 */
#ifndef OMBRA_HW_KBC_H
#define OMBRA_HW_KBC_H

#include "base/a20.h"
#include "base/bus.h"
#include "base/device.h"
#include "base/input.h"
#include "hw/ps2kbd.h"
#include "hw/ps2mouse.h"

enum { KBC_RAM = 32, KBC_REPLIES = 4 };

enum kbc_source { KBC_FROM_CONTROLLER, KBC_FROM_KEYBOARD, KBC_FROM_MOUSE };

struct kbc {
    u8 ram[KBC_RAM];       /* byte 0 is the command byte */
    u8 out;                /* output buffer */
    bool full;             /* OBF */
    u8 source;             /* enum kbc_source of OUT */
    u8 command;            /* waits for its data byte at port 60h, or 0 */
    bool system_flag;      /* status bit 2 */
    bool last_was_command; /* status bit 3 */
    bool break_prefix;     /* F0h has come from the keyboard and waits to be translated */
    u8 reply[KBC_REPLIES]; /* bytes of the controller's own */
    u8 reply_source[KBC_REPLIES];
    u8 reply_len;
    struct timer deliver; /* when the next byte reaches the output buffer */
    struct ps2kbd keyboard;
    struct ps2mouse mouse;
    struct irq_line irq1, irq12, reset;
    struct a20_gate *a20;
    struct clock *clock;
    struct log *log;
};

extern const struct device_ops kbc_ops;

/* Maps the ports. RESET is pulsed by FEh and by clearing output port bit 0. */
void kbc_init(struct kbc *kbc, struct bus *bus, struct irq_line irq1, struct irq_line irq12, struct irq_line reset,
              struct a20_gate *a20);

/* Where keys and motion go in. */
struct input_sink kbc_input(struct kbc *kbc);

/* FN is told the LEDs (bit 0 scroll, 1 num, 2 caps lock) whenever the guest sets them. */
void kbc_on_leds(struct kbc *kbc, void (*fn)(void *ctx, u8 leds), void *ctx);

#endif
