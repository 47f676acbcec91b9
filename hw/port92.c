#include "hw/port92.h"

enum { FAST_RESET = 0x01, FAST_A20 = 0x02 };

static u32 port92_in(void *ctx, u16 port, unsigned size)
{
    const struct port92 *p = ctx;
    return p->value | (p->a20.on ? FAST_A20 : 0);
}

static void port92_out(void *ctx, u16 port, u32 value, unsigned size)
{
    struct port92 *p = ctx;
    bool reset = (value & FAST_RESET) && !(p->value & FAST_RESET);

    p->value = value & ~FAST_A20;
    a20_set(&p->a20, value & FAST_A20);
    if (reset)
        irq_pulse(&p->reset);
}

static const struct io_ops port92_io = {.in = port92_in, .out = port92_out, .sizes = 1};

static void port92_reset(void *self)
{
    struct port92 *p = self;
    p->value = 0;
    a20_set(&p->a20, true);
}

static int port92_loaded(void *self)
{
    struct port92 *p = self;
    p->value &= ~FAST_A20;
    a20_set(&p->a20, p->a20.on);
    return 0;
}

static const struct field gate_fields[] = {
    FIELD(struct a20_gate, on),
    FIELD_END,
};

static const struct field port92_fields[] = {
    FIELD_SUB(struct port92, a20, gate_fields),
    FIELD(struct port92, value),
    FIELD_END,
};

const struct device_ops port92_ops = {
    .name = "port92",
    .state_version = 1,
    .state = port92_fields,
    .reset = port92_reset,
    .loaded = port92_loaded,
};

void port92_init(struct port92 *p, struct bus *bus, struct irq_line a20, struct irq_line reset)
{
    *p = (struct port92){.a20 = {.out = a20}, .reset = reset};
    bus->io_map(bus->ctx, 0x92, 1, &port92_io, p, "port 92h");
    port92_reset(p);
}
