#include "hw/uart.h"

#include <errno.h>

enum {
    REG_DATA, /* RBR, THR; DLL with DLAB */
    REG_IER,  /* DLM with DLAB */
    REG_IIR,  /* FCR when written */
    REG_LCR,
    REG_MCR,
    REG_LSR,
    REG_MSR,
    REG_SCR,
    REGS,
};

enum {
    IER_RDA = 0x01,
    IER_THRE = 0x02,
    IER_LINE = 0x04,
    IER_MODEM = 0x08,
    IIR_NONE = 0x01,
    IIR_MODEM = 0x00,
    IIR_THRE = 0x02,
    IIR_RDA = 0x04,
    IIR_LINE = 0x06,
    IIR_TIMEOUT = 0x0C,
    IIR_FIFOS = 0xC0,
    FCR_ENABLE = 0x01,
    FCR_CLEAR_RX = 0x02,
    FCR_CLEAR_TX = 0x04,
    LCR_STOP = 0x04,
    LCR_PARITY = 0x08,
    LCR_BREAK = 0x40,
    LCR_DLAB = 0x80,
    MCR_DTR = 0x01,
    MCR_RTS = 0x02,
    MCR_OUT1 = 0x04,
    MCR_OUT2 = 0x08,
    MCR_LOOP = 0x10,
    LSR_DR = 0x01,
    LSR_OE = 0x02,
    LSR_PE = 0x04,
    LSR_FE = 0x08,
    LSR_BI = 0x10,
    LSR_THRE = 0x20,
    LSR_TEMT = 0x40,
    LSR_FIFO_ERROR = 0x80,
    MSR_DELTA_CTS = 0x01,
    MSR_DELTA_DSR = 0x02,
    MSR_TRAILING_RI = 0x04,
    MSR_DELTA_DCD = 0x08,
    MSR_CTS = 0x10,
    MSR_DSR = 0x20,
    MSR_RI = 0x40,
    MSR_DCD = 0x80,
};

/* 1.8432 MHz / 16: a divisor of 1 is 115200 baud. */
enum { UART_CLOCK = 115200 };

/* ---- FIFOs; without FCR_ENABLE they are one character deep ---- */

static unsigned fifo_size(const struct uart *u)
{
    return u->fcr & FCR_ENABLE ? UART_FIFO : 1;
}

static void fifo_clear(struct uart_fifo *f)
{
    f->head = f->count = 0;
}

static void fifo_put(struct uart_fifo *f, u8 value, u8 flags)
{
    unsigned i = (f->head + f->count) % UART_FIFO;

    f->data[i] = value;
    f->flags[i] = flags;
    f->count++;
}

static u8 fifo_get(struct uart_fifo *f)
{
    u8 value = f->data[f->head];

    f->head = (f->head + 1) % UART_FIFO;
    f->count--;
    return value;
}

static unsigned trigger(const struct uart *u)
{
    static const u8 levels[] = {1, 4, 8, 14};
    return u->fcr & FCR_ENABLE ? levels[u->fcr >> 6] : 1;
}

/* ---- Time and interrupts ---- */

/* One character on the line, start to stop bit. */
static u64 character_ns(const struct uart *u)
{
    unsigned bits = 1 + 5 + (u->lcr & 3) + (u->lcr & LCR_PARITY ? 1 : 0) + (u->lcr & LCR_STOP ? 2 : 1);
    u64 divisor = u->divisor ? u->divisor : 1;
    return MIN(divisor * bits * NS_PER_SEC / UART_CLOCK, (u64)UART_SLOWEST_NS);
}

static u8 interrupt_id(const struct uart *u)
{
    if ((u->ier & IER_LINE) && (u->lsr & (LSR_OE | LSR_PE | LSR_FE | LSR_BI)))
        return IIR_LINE;
    if ((u->ier & IER_RDA) && u->rx.count >= trigger(u))
        return IIR_RDA;
    if ((u->ier & IER_RDA) && u->rx_timeout)
        return IIR_TIMEOUT;
    if ((u->ier & IER_THRE) && u->thre_pending)
        return IIR_THRE;
    if ((u->ier & IER_MODEM) && (u->msr & 0x0F))
        return IIR_MODEM;
    return IIR_NONE;
}

/* OUT2 is the gate between the chip and the bus on every PC; in loopback the pin is inactive. */
static void update_irq(struct uart *u)
{
    bool gate = (u->mcr & (MCR_OUT2 | MCR_LOOP)) == MCR_OUT2;
    irq_set(&u->irq, gate && interrupt_id(u) != IIR_NONE);
}

/* ---- Receiver ---- */

static void arm_timeout(struct uart *u)
{
    u->rx_timeout = false;
    if ((u->fcr & FCR_ENABLE) && u->rx.count > 0)
        timer_arm(&u->timeout_timer, clock_now(u->bus->clock) + 4 * character_ns(u));
    else
        timer_cancel(&u->timeout_timer);
}

/* The error bits of the character at the top of the FIFO show in LSR. */
static void show_top(struct uart *u)
{
    u8 any = 0;

    u->lsr &= ~(LSR_DR | LSR_FIFO_ERROR);
    if (u->rx.count == 0)
        return;
    u->lsr |= LSR_DR | u->rx.flags[u->rx.head];
    for (unsigned i = 0; i < u->rx.count; i++)
        any |= u->rx.flags[(u->rx.head + i) % UART_FIFO];
    if (any && (u->fcr & FCR_ENABLE))
        u->lsr |= LSR_FIFO_ERROR;
}

static void receive(struct uart *u, u8 value, u8 flags)
{
    if (u->rx.count >= fifo_size(u)) {
        u->lsr |= LSR_OE;
        if (!(u->fcr & FCR_ENABLE)) { /* the holding register is overwritten, the FIFO is not */
            fifo_clear(&u->rx);
            fifo_put(&u->rx, value, flags);
        }
    } else {
        fifo_put(&u->rx, value, flags);
    }
    show_top(u);
    arm_timeout(u);
    update_irq(u);
}

/* Lets the next character come in from outside. While there is no room it waits: the other end heeds RTS. */
static void arm_line(struct uart *u)
{
    if (u->line_count > 0 && u->rx.count < fifo_size(u) && !(u->mcr & MCR_LOOP) && !timer_armed(&u->rx_timer))
        timer_arm(&u->rx_timer, clock_now(u->bus->clock) + character_ns(u));
}

static u8 read_rbr(struct uart *u)
{
    u8 value = u->rx.count ? fifo_get(&u->rx) : u->rx.data[u->rx.head];

    show_top(u);
    arm_timeout(u);
    arm_line(u);
    update_irq(u);
    return value;
}

static void timeout_fired(void *ctx, u64 now)
{
    struct uart *u = ctx;

    u->rx_timeout = u->rx.count > 0;
    update_irq(u);
}

/* A character from outside has arrived. */
static void rx_fired(void *ctx, u64 now)
{
    struct uart *u = ctx;

    if (u->line_count == 0 || u->rx.count >= fifo_size(u) || (u->mcr & MCR_LOOP))
        return;
    u8 value = u->line[u->line_head];
    u->line_head = (u->line_head + 1) % UART_PENDING;
    u->line_count--;
    receive(u, value, 0);
    arm_line(u);
}

static size_t sink_room(void *ctx)
{
    const struct uart *u = ctx;
    return (size_t)(UART_PENDING - u->line_count);
}

static void sink_receive(void *ctx, const u8 *data, size_t len)
{
    struct uart *u = ctx;

    for (size_t i = 0; i < len && u->line_count < UART_PENDING; i++) {
        u->line[(u->line_head + u->line_count) % UART_PENDING] = data[i];
        u->line_count++;
    }
    arm_line(u);
}

struct char_sink uart_sink(struct uart *u)
{
    return (struct char_sink){.ctx = u, .room = sink_room, .receive = sink_receive};
}

/* ---- Transmitter ---- */

/* Loads the shift register if it is free and something waits. */
static void load_shift(struct uart *u, u64 start)
{
    if (u->shifting || u->tx.count == 0)
        return;
    u->shift = fifo_get(&u->tx);
    u->shifting = true;
    u->lsr &= ~LSR_TEMT;
    if (u->tx.count == 0) {
        u->lsr |= LSR_THRE;
        u->thre_pending = true;
    }
    timer_arm(&u->tx_timer, start + character_ns(u));
}

static void tx_fired(void *ctx, u64 now)
{
    struct uart *u = ctx;

    if (!u->shifting)
        return;
    u->shifting = false;
    if (u->mcr & MCR_LOOP)
        receive(u, u->shift, 0);
    else if (u->backend.write)
        u->backend.write(u->backend.ctx, &u->shift, 1);
    load_shift(u, now);
    if (!u->shifting)
        u->lsr |= LSR_TEMT;
    update_irq(u);
}

void uart_flush(struct uart *u)
{
    while (u->shifting) {
        timer_cancel(&u->tx_timer);
        tx_fired(u, clock_now(u->bus->clock));
    }
}

static void write_thr(struct uart *u, u8 value)
{
    if (u->tx.count >= fifo_size(u)) /* overrun: the last one is overwritten */
        u->tx.data[(u->tx.head + u->tx.count - 1) % UART_FIFO] = value;
    else
        fifo_put(&u->tx, value, 0);
    u->lsr &= ~(LSR_THRE | LSR_TEMT);
    u->thre_pending = false;
    load_shift(u, clock_now(u->bus->clock));
    update_irq(u);
}

/* ---- Registers ---- */

static void write_ier(struct uart *u, u8 value)
{
    u8 was = u->ier;

    u->ier = value & 0x0F;
    /* Enabling it while the transmitter is empty gives the interrupt at once: drivers start sending this way. */
    if ((~was & u->ier & IER_THRE) && (u->lsr & LSR_THRE))
        u->thre_pending = true;
    update_irq(u);
}

static void write_fcr(struct uart *u, u8 value)
{
    bool toggled = (u->fcr ^ value) & FCR_ENABLE;

    u->fcr = value & (value & FCR_ENABLE ? 0xC9 : 0);
    if (toggled || ((value & FCR_CLEAR_RX) && (value & FCR_ENABLE))) {
        fifo_clear(&u->rx);
        u->lsr &= ~(LSR_PE | LSR_FE | LSR_BI);
        show_top(u);
        arm_timeout(u);
    }
    if (toggled || ((value & FCR_CLEAR_TX) && (value & FCR_ENABLE))) {
        fifo_clear(&u->tx);
        u->lsr |= LSR_THRE;
        u->thre_pending = true;
    }
    arm_line(u);
    update_irq(u);
}

/* The modem inputs: from outside, or in loopback the outputs. */
static u8 modem_inputs(const struct uart *u)
{
    if (!(u->mcr & MCR_LOOP))
        return MSR_CTS | MSR_DSR | MSR_DCD;
    return (u->mcr & MCR_RTS ? MSR_CTS : 0) | (u->mcr & MCR_DTR ? MSR_DSR : 0) | (u->mcr & MCR_OUT1 ? MSR_RI : 0) |
           (u->mcr & MCR_OUT2 ? MSR_DCD : 0);
}

static void update_modem(struct uart *u)
{
    u8 was = u->msr & 0xF0, is = modem_inputs(u), changed = was ^ is;
    u8 deltas = (changed & MSR_CTS ? MSR_DELTA_CTS : 0) | (changed & MSR_DSR ? MSR_DELTA_DSR : 0) |
                (changed & MSR_DCD ? MSR_DELTA_DCD : 0) | (was & ~is & MSR_RI ? MSR_TRAILING_RI : 0);

    u->msr = is | (u->msr & 0x0F) | deltas;
}

static void write_lcr(struct uart *u, u8 value)
{
    bool break_starts = ~u->lcr & value & LCR_BREAK;

    u->lcr = value;
    if (break_starts && (u->mcr & MCR_LOOP))
        receive(u, 0, LSR_BI);
}

static u8 read_iir(struct uart *u)
{
    u8 id = interrupt_id(u);

    if (id == IIR_THRE) {
        u->thre_pending = false;
        update_irq(u);
    }
    return id | (u->fcr & FCR_ENABLE ? IIR_FIFOS : 0);
}

static u8 read_lsr(struct uart *u)
{
    u8 value = u->lsr;

    u->lsr &= ~(LSR_OE | LSR_PE | LSR_FE | LSR_BI);
    if (u->rx.count > 0)
        u->rx.flags[u->rx.head] = 0; /* told */
    show_top(u);
    update_irq(u);
    return value;
}

static u8 read_msr(struct uart *u)
{
    u8 value = u->msr;

    u->msr &= 0xF0;
    update_irq(u);
    return value;
}

static u32 uart_in(void *ctx, u16 port, unsigned size)
{
    struct uart *u = ctx;
    bool dlab = u->lcr & LCR_DLAB;

    switch (port % REGS) {
    case REG_DATA:
        return dlab ? u->divisor & 0xFF : read_rbr(u);
    case REG_IER:
        return dlab ? u->divisor >> 8 : u->ier;
    case REG_IIR:
        return read_iir(u);
    case REG_LCR:
        return u->lcr;
    case REG_MCR:
        return u->mcr;
    case REG_LSR:
        return read_lsr(u);
    case REG_MSR:
        return read_msr(u);
    default:
        return u->scr;
    }
}

static void uart_out(void *ctx, u16 port, u32 value, unsigned size)
{
    struct uart *u = ctx;
    bool dlab = u->lcr & LCR_DLAB;

    switch (port % REGS) {
    case REG_DATA:
        if (dlab)
            u->divisor = (u16)((u->divisor & 0xFF00) | value);
        else
            write_thr(u, (u8)value);
        break;
    case REG_IER:
        if (dlab)
            u->divisor = (u16)((u->divisor & 0x00FF) | value << 8);
        else
            write_ier(u, (u8)value);
        break;
    case REG_IIR:
        write_fcr(u, (u8)value);
        break;
    case REG_LCR:
        write_lcr(u, (u8)value);
        break;
    case REG_MCR:
        u->mcr = value & 0x1F;
        update_modem(u);
        arm_line(u);
        update_irq(u);
        break;
    case REG_SCR:
        u->scr = (u8)value;
        break;
    default: /* LSR and MSR are for factory tests */
        break;
    }
}

/* ---- The device ---- */

static void uart_reset(void *self)
{
    struct uart *u = self;

    u->ier = u->fcr = u->lcr = u->mcr = u->scr = 0;
    u->lsr = LSR_THRE | LSR_TEMT;
    u->msr = modem_inputs(u);
    u->divisor = 12; /* undefined by the data sheet: 9600 baud */
    memset(&u->rx, 0, sizeof u->rx);
    memset(&u->tx, 0, sizeof u->tx);
    u->shift = 0;
    u->shifting = u->thre_pending = u->rx_timeout = false;
    timer_cancel(&u->tx_timer);
    timer_cancel(&u->timeout_timer);
    arm_line(u);
    update_irq(u);
}

static bool fifo_valid(const struct uart_fifo *f)
{
    return f->head < UART_FIFO && f->count <= UART_FIFO;
}

static int uart_loaded(void *self)
{
    struct uart *u = self;

    bool line_valid = u->line_head < UART_PENDING && u->line_count <= UART_PENDING;

    if (!line_valid) /* a reset would leave it */
        u->line_head = u->line_count = 0;
    if (!line_valid || !fifo_valid(&u->rx) || !fifo_valid(&u->tx))
        return -EINVAL;
    update_irq(u);
    return 0;
}

static const struct field fifo_fields[] = {
    FIELD_BLOB(struct uart_fifo, data),
    FIELD_BLOB(struct uart_fifo, flags),
    FIELD(struct uart_fifo, head),
    FIELD(struct uart_fifo, count),
    FIELD_END,
};

static const struct field uart_fields[] = {
    FIELD(struct uart, ier),
    FIELD(struct uart, fcr),
    FIELD(struct uart, lcr),
    FIELD(struct uart, mcr),
    FIELD(struct uart, lsr),
    FIELD(struct uart, msr),
    FIELD(struct uart, scr),
    FIELD(struct uart, divisor),
    FIELD_SUB(struct uart, rx, fifo_fields),
    FIELD_SUB(struct uart, tx, fifo_fields),
    FIELD(struct uart, shift),
    FIELD(struct uart, shifting),
    FIELD(struct uart, thre_pending),
    FIELD(struct uart, rx_timeout),
    FIELD_TIMEOUT(struct uart, tx_timer),
    FIELD_TIMEOUT(struct uart, rx_timer),
    FIELD_TIMEOUT(struct uart, timeout_timer),
    FIELD_BLOB(struct uart, line),
    FIELD(struct uart, line_head),
    FIELD(struct uart, line_count),
    FIELD_END,
};

#define UART_OPS(chunk)                                                                                                \
    {                                                                                                                  \
        .name = chunk, .state_version = 1, .state = uart_fields, .reset = uart_reset, .loaded = uart_loaded            \
    }

const struct device_ops uart_ops[UARTS] = {UART_OPS("uart0"), UART_OPS("uart1"), UART_OPS("uart2"), UART_OPS("uart3")};

static const struct io_ops uart_io = {.in = uart_in, .out = uart_out, .sizes = 1};

void uart_init(struct uart *u, struct bus *bus, u16 base, struct irq_line irq, const struct char_backend *backend)
{
    *u = (struct uart){.bus = bus, .irq = irq, .backend = *backend};
    timer_init(bus->clock, &u->tx_timer, "uart tx", tx_fired, u);
    timer_init(bus->clock, &u->rx_timer, "uart rx", rx_fired, u);
    timer_init(bus->clock, &u->timeout_timer, "uart timeout", timeout_fired, u);
    bus->io_map(bus->ctx, base, REGS, &uart_io, u, "uart");
    uart_reset(u);
}
