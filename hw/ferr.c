/*
 * ferr.c - FERR#, IRQ 13, port F0h and IGNNE#.
 */
#include "hw/ferr.h"

static void update(struct ferr *f)
{
    irq_set(&f->irq13, f->latched);
    if (f->cpu.ignne)
        f->cpu.ignne(f->cpu.ctx, f->ignne);
}

void ferr_set(struct ferr *f, bool asserted)
{
    if (asserted && !f->asserted)
        f->latched = true;
    if (!asserted)
        f->ignne = false; /* IGNNE# goes when the processor takes FERR# back */
    f->asserted = asserted;
    update(f);
}

static void port_out(void *ctx, u16 port, u32 value, unsigned size)
{
    struct ferr *f = ctx;
    f->latched = false;
    f->ignne = f->asserted;
    update(f);
}

static void reset(void *self)
{
    struct ferr *f = self;
    f->asserted = f->latched = f->ignne = false;
    update(f);
}

static int loaded(void *self)
{
    update(self);
    return 0;
}

static const struct field fields[] = {
    FIELD(struct ferr, asserted),
    FIELD(struct ferr, latched),
    FIELD(struct ferr, ignne),
    FIELD_END,
};

const struct device_ops ferr_ops = {
    .name = "ferr", .state_version = 1, .state = fields, .reset = reset, .loaded = loaded};

void ferr_init(struct ferr *f, struct bus *bus, struct irq_line irq13, const struct cpu_port *cpu)
{
    static const struct io_ops ports = {.out = port_out, .sizes = 1};
    *f = (struct ferr){.irq13 = irq13, .cpu = *cpu};
    bus->io_map(bus->ctx, 0xF0, 2, &ports, f, "coprocessor error");
}
