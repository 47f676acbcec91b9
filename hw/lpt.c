#include "hw/lpt.h"

enum { REG_DATA, REG_STATUS, REG_CONTROL, REGS };

enum {
    STATUS_ERROR = 0x08, /* each as the bit reads: ERROR#, SELECT, PAPER OUT, ACK#, BUSY inverted */
    STATUS_SELECT = 0x10,
    STATUS_PAPER = 0x20,
    STATUS_ACK = 0x40,
    STATUS_READY = 0x80,
    STATUS_UNUSED = 0x07,
    CONTROL_STROBE = 0x01,
    CONTROL_INIT = 0x04, /* INIT#: 0 resets the printer */
    CONTROL_IRQ = 0x10,
    CONTROL_INPUT = 0x20, /* direction, on ports that are bidirectional */
    CONTROL_UNUSED = 0xC0,
};

static bool plugged(const struct lpt *l)
{
    return l->backend.write != NULL;
}

/* The interrupt line is ACK# inverted, where enabled: its rising edge begins with the pulse. */
static void update_irq(struct lpt *l)
{
    irq_set(&l->irq, (l->control & CONTROL_IRQ) && l->ack);
}

static u8 status(const struct lpt *l)
{
    if (!plugged(l)) /* pulled up, BUSY inverted by the port */
        return STATUS_UNUSED | STATUS_ERROR | STATUS_SELECT | STATUS_PAPER | STATUS_ACK;
    return STATUS_UNUSED | STATUS_ERROR | STATUS_SELECT | (l->ack ? 0 : STATUS_ACK) | (l->busy ? 0 : STATUS_READY);
}

static void fire(void *ctx, u64 now)
{
    struct lpt *l = ctx;

    if (l->busy) {
        l->busy = false;
        l->ack = true;
        timer_arm(&l->timer, now + LPT_ACK_NS);
    } else {
        l->ack = false;
    }
    update_irq(l);
}

static void strobe(struct lpt *l)
{
    if (!plugged(l) || l->busy || !(l->control & CONTROL_INIT))
        return;
    l->backend.write(l->backend.ctx, &l->data, 1);
    l->busy = true;
    l->ack = false;
    timer_arm(&l->timer, clock_now(l->bus->clock) + LPT_BUSY_NS);
}

static u32 lpt_in(void *ctx, u16 port, unsigned size)
{
    struct lpt *l = ctx;

    switch (port & 3) {
    case REG_DATA:
        return l->control & CONTROL_INPUT ? 0xFF : l->data;
    case REG_STATUS:
        return status(l);
    default:
        return l->control | CONTROL_UNUSED;
    }
}

static void lpt_out(void *ctx, u16 port, u32 value, unsigned size)
{
    struct lpt *l = ctx;
    u8 was = l->control;

    switch (port & 3) {
    case REG_DATA:
        l->data = (u8)value;
        break;
    case REG_CONTROL:
        l->control = value & ~CONTROL_UNUSED;
        if (~was & value & CONTROL_STROBE)
            strobe(l);
        update_irq(l);
        break;
    default:
        break;
    }
}

static void lpt_reset(void *self)
{
    struct lpt *l = self;

    l->data = l->control = 0;
    l->busy = l->ack = false;
    timer_cancel(&l->timer);
    update_irq(l);
}

static int lpt_loaded(void *self)
{
    update_irq(self);
    return 0;
}

static const struct field lpt_fields[] = {
    FIELD(struct lpt, data), FIELD(struct lpt, control),       FIELD(struct lpt, busy),
    FIELD(struct lpt, ack),  FIELD_TIMEOUT(struct lpt, timer), FIELD_END,
};

const struct device_ops lpt_ops = {
    .name = "lpt",
    .state_version = 1,
    .state = lpt_fields,
    .reset = lpt_reset,
    .loaded = lpt_loaded,
};

static const struct io_ops lpt_io = {.in = lpt_in, .out = lpt_out, .sizes = 1};

void lpt_init(struct lpt *l, struct bus *bus, u16 base, struct irq_line irq, const struct char_backend *backend)
{
    *l = (struct lpt){.bus = bus, .irq = irq, .backend = *backend};
    timer_init(bus->clock, &l->timer, "lpt", fire, l);
    bus->io_map(bus->ctx, base, REGS, &lpt_io, l, "lpt");
    lpt_reset(l);
}
