#include "hw/pic.h"

#include <errno.h>

enum {
    CASCADE = 2,
    SPURIOUS = 7,

    ICW1 = 0x10,
    ICW1_IC4 = 0x01,
    ICW1_SNGL = 0x02,
    ICW4_AEOI = 0x02,
    ICW4_SFNM = 0x10,

    OCW3 = 0x08,
    OCW3_RIS = 0x01,
    OCW3_RR = 0x02,
    OCW3_P = 0x04,
    OCW3_SMM = 0x20,
    OCW3_ESMM = 0x40,
};

/* IRQ 0, 1, 2, 8 and 13 are always edge triggered. */
static const u8 elcr_mask[2] = {0xF8, 0xDE};

/* How far down the current priority order input IRQ is: 0 is the highest. */
static unsigned rank(const struct pic_chip *c, unsigned irq)
{
    return (irq - c->lowest - 1) & 7;
}

/* The input of highest priority in the set BITS, or -1. */
static int highest(const struct pic_chip *c, u8 bits)
{
    for (unsigned i = 1; i <= 8; i++) {
        unsigned irq = (c->lowest + i) & 7;
        if (bits & BIT(irq))
            return irq;
    }
    return -1;
}

/* The input that INT is raised for, or -1. */
static int pending(const struct pic_chip *c)
{
    int irq = c->init ? -1 : highest(c, c->irr & ~c->imr);
    if (irq < 0)
        return -1;
    /* In special mask mode a masked level in service holds back nobody. */
    int busy = highest(c, c->special_mask ? c->isr & ~c->imr : c->isr);
    if (busy < 0 || rank(c, irq) < rank(c, busy))
        return irq;
    /* Special fully nested: the slave may interrupt itself, as the master sees it. */
    return c->sfnm && irq == busy && irq == CASCADE ? irq : -1;
}

static void chip_input(struct pic_chip *c, unsigned irq, bool level)
{
    u8 bit = BIT(irq);

    if (level && (!(c->line & bit) || (c->elcr & bit)))
        c->irr |= bit;
    if (!level)
        c->irr &= ~bit;
    c->line = level ? c->line | bit : c->line & ~bit;
}

static void update(struct pic *pic)
{
    chip_input(&pic->chip[0], CASCADE, pending(&pic->chip[1]) >= 0);
    bool out = pending(&pic->chip[0]) >= 0;
    if (out != pic->out) {
        pic->out = out;
        irq_set(&pic->intr, out);
    }
}

static void pic_input(void *ctx, unsigned irq, bool level)
{
    struct pic *pic = ctx;
    struct pic_chip *c = &pic->chip[irq >> 3 & 1];

    if (irq == CASCADE || level == !!(c->line & BIT(irq & 7)))
        return;
    chip_input(c, irq & 7, level);
    update(pic);
}

struct irq_line pic_line(struct pic *pic, unsigned irq)
{
    assert(irq < 16);
    return (struct irq_line){.set = pic_input, .ctx = pic, .n = irq};
}

/* One controller's part in an acknowledge: the input that goes into service, or -1 if there is none. */
static int chip_ack(struct pic_chip *c)
{
    int irq = pending(c);

    if (irq < 0)
        return -1;
    if (!(c->elcr & BIT(irq)))
        c->irr &= ~BIT(irq);
    if (!c->aeoi)
        c->isr |= BIT(irq);
    else if (c->rotate_aeoi)
        c->lowest = irq;
    return irq;
}

/* INT of the slave falls with each acknowledge, so that what is still waiting makes a new edge at the master. */
static int slave_ack(struct pic *pic)
{
    int irq = chip_ack(&pic->chip[1]);
    chip_input(&pic->chip[0], CASCADE, false);
    return irq;
}

int pic_ack(struct pic *pic)
{
    int irq = chip_ack(&pic->chip[0]);
    int vector = pic->chip[0].base + (irq < 0 ? SPURIOUS : irq);

    if (irq == CASCADE) {
        irq = slave_ack(pic);
        vector = pic->chip[1].base + (irq < 0 ? SPURIOUS : irq);
    }
    if (irq < 0 && log_on(pic->log, LOG_IRQ))
        log_msg(pic->log, LOG_IRQ, "8259: spurious interrupt, vector %02Xh", vector);
    update(pic);
    return vector;
}

/* --- registers --- */

static void write_icw1(struct pic_chip *c, u8 v)
{
    /* Edges are forgotten: an edge-triggered input has to fall and rise again. */
    c->irr = c->line & c->elcr;
    c->imr = 0;
    c->isr = 0;
    c->lowest = 7;
    c->special_mask = false;
    c->read_isr = false;
    c->poll = false;
    c->rotate_aeoi = false;
    c->single = v & ICW1_SNGL;
    c->need_icw4 = v & ICW1_IC4;
    c->aeoi = false;
    c->sfnm = false;
    c->init = 2;
}

static void write_icw(struct pic_chip *c, u8 v)
{
    switch (c->init) {
    case 2:
        c->base = v & 0xF8;
        c->init = c->single ? 4 : 3;
        break;
    case 3: /* which input the slave is on is fixed wiring here */
        c->init = 4;
        break;
    default:
        c->aeoi = v & ICW4_AEOI;
        c->sfnm = v & ICW4_SFNM;
        c->init = 0;
        return;
    }
    if (c->init == 4 && !c->need_icw4)
        c->init = 0;
}

/* End of interrupt: bits 7-5 are R, SL, EOI. */
static void write_ocw2(struct pic_chip *c, u8 v)
{
    int named = v & 7;
    /* A non-specific EOI passes over levels that special mask mode has taken out of the order. */
    int top = highest(c, c->special_mask ? c->isr & ~c->imr : c->isr);

    switch (v >> 5) {
    case 0:
        c->rotate_aeoi = false;
        break;
    case 4:
        c->rotate_aeoi = true;
        break;
    case 1: /* non-specific */
    case 5: /* and rotate */
        if (top < 0)
            break;
        c->isr &= ~BIT(top);
        if (v & 0x80)
            c->lowest = top;
        break;
    case 3: /* specific */
        c->isr &= ~BIT(named);
        break;
    case 7: /* and rotate */
        c->isr &= ~BIT(named);
        c->lowest = named;
        break;
    case 6: /* set priority */
        c->lowest = named;
        break;
    }
}

static void write_ocw3(struct pic_chip *c, u8 v)
{
    if (v & OCW3_ESMM)
        c->special_mask = v & OCW3_SMM;
    if (v & OCW3_P)
        c->poll = true;
    else if (v & OCW3_RR)
        c->read_isr = v & OCW3_RIS;
}

static void pic_out(void *ctx, u16 port, u32 value, unsigned size)
{
    struct pic *pic = ctx;
    struct pic_chip *c = &pic->chip[port >> 7 & 1];

    if (port & 1) {
        if (c->init)
            write_icw(c, value);
        else
            c->imr = value;
    } else if (value & ICW1) {
        write_icw1(c, value);
    } else if (value & OCW3) {
        write_ocw3(c, value);
    } else {
        write_ocw2(c, value);
    }
    update(pic);
}

static u32 pic_in(void *ctx, u16 port, unsigned size)
{
    struct pic *pic = ctx;
    struct pic_chip *c = &pic->chip[port >> 7 & 1];

    if (c->poll) {
        c->poll = false;
        int irq = c == &pic->chip[1] ? slave_ack(pic) : chip_ack(c);
        update(pic);
        return irq < 0 ? SPURIOUS : 0x80 | irq;
    }
    if (port & 1)
        return c->imr;
    return c->read_isr ? c->isr : c->irr;
}

static u32 elcr_in(void *ctx, u16 port, unsigned size)
{
    struct pic *pic = ctx;
    return pic->chip[port & 1].elcr;
}

static void elcr_out(void *ctx, u16 port, u32 value, unsigned size)
{
    struct pic *pic = ctx;
    struct pic_chip *c = &pic->chip[port & 1];

    c->elcr = value & elcr_mask[port & 1];
    c->irr = (c->irr & ~c->elcr) | (c->line & c->elcr);
    update(pic);
}

/* --- life --- */

static const struct io_ops pic_io = {.in = pic_in, .out = pic_out, .sizes = 1};
static const struct io_ops elcr_io = {.in = elcr_in, .out = elcr_out, .sizes = 1};

static void pic_reset(void *self)
{
    struct pic *pic = self;

    for (unsigned i = 0; i < 2; i++) {
        u8 line = pic->chip[i].line;
        pic->chip[i] = (struct pic_chip){.line = line, .lowest = 7};
    }
    pic->chip[0].line &= ~BIT(CASCADE);
    update(pic);
}

static int pic_loaded(void *self)
{
    struct pic *pic = self;

    for (unsigned i = 0; i < 2; i++) {
        struct pic_chip *c = &pic->chip[i];
        if (c->lowest > 7 || c->init == 1 || c->init > 4 || (c->base & 7) || (c->elcr & ~elcr_mask[i]))
            return -EINVAL;
    }
    irq_set(&pic->intr, pic->out);
    update(pic);
    return 0;
}

static const struct field chip_fields[] = {
    FIELD(struct pic_chip, irr),
    FIELD(struct pic_chip, isr),
    FIELD(struct pic_chip, imr),
    FIELD(struct pic_chip, line),
    FIELD(struct pic_chip, elcr),
    FIELD(struct pic_chip, base),
    FIELD(struct pic_chip, lowest),
    FIELD(struct pic_chip, init),
    FIELD(struct pic_chip, single),
    FIELD(struct pic_chip, need_icw4),
    FIELD(struct pic_chip, aeoi),
    FIELD(struct pic_chip, sfnm),
    FIELD(struct pic_chip, rotate_aeoi),
    FIELD(struct pic_chip, special_mask),
    FIELD(struct pic_chip, read_isr),
    FIELD(struct pic_chip, poll),
    FIELD_END,
};

static const struct field pic_fields[] = {
    FIELD_SUBS(struct pic, chip, chip_fields),
    FIELD(struct pic, out),
    FIELD_END,
};

const struct device_ops pic_ops = {
    .name = "pic",
    .state_version = 1,
    .state = pic_fields,
    .reset = pic_reset,
    .loaded = pic_loaded,
};

void pic_init(struct pic *pic, struct bus *bus, struct irq_line intr)
{
    *pic = (struct pic){.intr = intr, .log = bus->log};
    bus->io_map(bus->ctx, 0x20, 2, &pic_io, pic, "8259 master");
    bus->io_map(bus->ctx, 0xA0, 2, &pic_io, pic, "8259 slave");
    bus->io_map(bus->ctx, 0x4D0, 2, &elcr_io, pic, "ELCR");
    pic_reset(pic);
}
