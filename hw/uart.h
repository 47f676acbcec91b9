/*
 * uart.h - a 16550A serial port (National PC16550D data sheet): FIFOs, interrupt priorities, modem
 * lines, loopback. Four make COM1 to COM4.
 *
 * Characters take their time on the line, as divisor and format say, but no more than UART_SLOWEST_NS each:
 * nobody waits for 110 baud. What the guest sends goes to a struct char_backend, what it receives comes through
 * uart_sink(). Carrier, DSR and CTS are always there.
 */
#ifndef OMBRA_HW_UART_H
#define OMBRA_HW_UART_H

#include "base/bus.h"
#include "base/chardev.h"
#include "base/device.h"

enum {
    UART_FIFO = 16,
    UART_PENDING = 1024, /* received characters that are still "on the line" */
    UART_SLOWEST_NS = 1200000,
};

struct uart_fifo {
    u8 data[UART_FIFO];
    u8 flags[UART_FIFO]; /* LSR error bits that came with the character */
    u8 head, count;
};

struct uart {
    struct bus *bus;
    struct irq_line irq;
    struct char_backend backend;

    u8 ier, fcr, lcr, mcr, lsr, msr, scr;
    u16 divisor;
    struct uart_fifo rx, tx;
    u8 shift; /* the character in the transmitter */
    bool shifting;
    bool thre_pending; /* the transmitter-empty interrupt has not been seen yet */
    bool rx_timeout;   /* characters wait below the trigger level for four character times */
    struct timer tx_timer, rx_timer, timeout_timer;
    u8 line[UART_PENDING]; /* characters on their way in */
    u16 line_head, line_count;
};

enum { UARTS = 4 };

/* All alike but for the names of their chunks: one for each port of a machine. */
extern const struct device_ops uart_ops[UARTS];

/* A port at BASE (8 ports). BACKEND is copied; its function may be NULL: nothing is plugged in. */
void uart_init(struct uart *u, struct bus *bus, u16 base, struct irq_line irq, const struct char_backend *backend);

/* Sends what the transmitter still holds, at once: the machine ends. U may be all zero: a port that is not there. */
void uart_flush(struct uart *u);

/* Where the machine puts what arrives from outside, between instructions. */
struct char_sink uart_sink(struct uart *u);

#endif
