#include "hw/pit.h"

#include <errno.h>

enum {
    RW_LATCH = 0,
    RW_LOW = 1,
    RW_HIGH = 2,
    RW_BOTH = 3,
    SELECT_READ_BACK = 3,

    STATUS_OUT = 0x80,
    STATUS_NULL = 0x40,

    B_GATE2 = 0x01,
    B_SPEAKER = 0x02,
    B_WRITABLE = 0x0F,
    B_REFRESH = 0x10,
    B_OUT2 = 0x20,

    EDGES_SHOWN = 4,

    /* The PIIX3 refreshes memory every 15 us by itself, whatever counter 1 does. */
    REFRESH_PULSES = 18,
};

static u64 pulses_now(const struct pit *pit)
{
    return ns_to_ticks(clock_now(pit->clock), PIT_HZ);
}

/* --- counts as the guest sees them --- */

static u32 modulus(const struct pit_counter *c)
{
    return c->bcd ? 10000 : 65536;
}

static u16 to_bcd(u32 v)
{
    return v % 10 | v / 10 % 10 << 4 | v / 100 % 10 << 8 | v / 1000 % 10 << 12;
}

/* Digits above 9 are undefined; here they carry. */
static u32 from_bcd(u16 v)
{
    return ((v & 15) + (v >> 4 & 15) * 10 + (v >> 8 & 15) * 100 + (v >> 12) * 1000) % 10000;
}

/* --- one counter at pulse T; sync() has been called for T --- */

static u64 elapsed(const struct pit_counter *c, u64 t)
{
    return c->gate || c->mode == 1 || c->mode == 5 ? t - c->start : c->held;
}

/* Pulses that the first and the second half of a mode 3 cycle take. */
static u32 first_half(const struct pit_counter *c)
{
    return (c->initial + !c->starts_low) / 2;
}

static bool out_level(const struct pit_counter *c, u64 t)
{
    u64 e = elapsed(c, t);

    switch (c->mode) {
    case 0:
        return c->loaded && e >= c->initial;
    case 1:
        return !c->loaded || e >= c->initial;
    case 2:
        return !c->loaded || !c->gate || e % c->initial != c->initial - 1;
    case 3:
        if (!c->loaded || !c->gate)
            return true;
        return (e % c->initial < first_half(c)) != c->starts_low;
    default:
        return !c->loaded || e != c->initial;
    }
}

/* The counting element, as a number. */
static u32 count_now(const struct pit_counter *c, u64 t)
{
    u64 e = elapsed(c, t);

    if (!c->loaded)
        return c->initial % modulus(c);
    if (c->mode == 2)
        return (c->initial - e % c->initial) % modulus(c);
    if (c->mode == 3) {
        /* Counts down by two from the even part, once for each half. */
        u64 p = e % c->initial;
        u64 half = p < first_half(c) ? p : p - first_half(c);
        return ((c->initial & ~1u) - 2 * half) % modulus(c);
    }
    return (c->initial + modulus(c) - e % modulus(c)) % modulus(c);
}

/* The first pulse after T at which OUT changes if nobody interferes and no load is due, or PIT_NEVER. */
static u64 next_edge(const struct pit_counter *c, u64 t)
{
    u64 e = elapsed(c, t), cycle, p;

    if (!c->loaded || (!c->gate && c->mode != 1 && c->mode != 5))
        return PIT_NEVER;
    switch (c->mode) {
    case 0:
    case 1:
        return e < c->initial ? c->start + c->initial : PIT_NEVER;
    case 2:
    case 3:
        if (c->initial == 1)
            return PIT_NEVER;
        cycle = t - e % c->initial;
        p = c->mode == 2 ? c->initial - 1 : first_half(c);
        return cycle + (t - cycle < p ? p : c->initial);
    default:
        if (e > c->initial)
            return PIT_NEVER;
        return c->start + c->initial + (e == c->initial);
    }
}

/* Does what the pulses up to T have done: only loads change anything that is stored. */
static void sync(struct pit_counter *c, u64 t)
{
    if (c->load_at > t)
        return;
    /* A count written during a mode 3 cycle is taken over at the end of a half cycle, which it does not disturb. */
    bool low = c->mode == 3 && c->loaded && c->gate && c->load_at > c->start &&
               ((c->load_at - c->start) % c->initial == first_half(c)) != c->starts_low;
    c->starts_low = low;
    c->initial = c->reload;
    c->start = c->load_at;
    c->load_at = PIT_NEVER;
    c->held = 0;
    c->loaded = true;
    c->null_count = false;
}

/* --- writes --- */

static void count_written(struct pit_counter *c, u16 raw, u64 t)
{
    u32 n = c->bcd ? from_bcd(raw) : raw;

    c->reload = n ? n : modulus(c);
    c->null_count = true;
    switch (c->mode) {
    case 1:
    case 5: /* waits for a trigger */
        c->armed = true;
        break;
    case 2:
    case 3: /* the first one at once, later ones at the end of the (half) cycle */
        if (!c->loaded || !c->gate) {
            c->load_at = t + 1;
        } else if (c->load_at == PIT_NEVER) {
            u64 cycle = t - (t - c->start) % c->initial;
            u32 half = first_half(c);
            bool in_first = c->mode == 3 && t - cycle < half;
            c->load_at = cycle + (in_first ? half : c->initial);
        }
        break;
    case 0:
        c->loaded = false; /* OUT goes low at once */
        c->load_at = t + 1;
        break;
    default:
        c->load_at = t + 1;
        break;
    }
}

static void write_count(struct pit_counter *c, u8 v, u64 t)
{
    switch (c->rw) {
    case RW_LOW:
        count_written(c, v, t);
        break;
    case RW_HIGH:
        count_written(c, v << 8, t);
        break;
    default:
        if (c->write_high) {
            c->write_high = false;
            count_written(c, v << 8 | c->low, t);
            break;
        }
        c->low = v;
        c->write_high = true;
        if (c->mode == 0) { /* the first byte stops counting and lowers OUT */
            c->initial = count_now(c, t);
            c->initial = c->initial ? c->initial : modulus(c);
            c->loaded = false;
            c->load_at = PIT_NEVER;
        }
        break;
    }
}

static void write_mode(struct pit_counter *c, u8 v, u64 t)
{
    u8 mode = v >> 1 & 7;
    u32 count = count_now(c, t);

    c->bcd = v & 1;
    c->mode = mode > 5 ? mode - 4 : mode;
    c->rw = v >> 4 & 3;
    c->initial = count % modulus(c) ? count % modulus(c) : modulus(c);
    c->loaded = false;
    c->armed = false;
    c->load_at = PIT_NEVER;
    c->null_count = true;
    c->write_high = false;
    c->read_high = false;
    c->status_latched = false;
    c->count_latched = 0;
    c->starts_low = false;
}

static u16 visible_count(const struct pit_counter *c, u64 t)
{
    u32 n = count_now(c, t);
    return c->bcd ? to_bcd(n) : n;
}

static void latch_count(struct pit_counter *c, u64 t)
{
    if (c->count_latched)
        return;
    c->latch = visible_count(c, t);
    c->count_latched = c->rw;
}

static void latch_status(struct pit_counter *c, u64 t)
{
    if (c->status_latched)
        return;
    c->status_latched = true;
    c->status =
        (out_level(c, t) ? STATUS_OUT : 0) | (c->null_count ? STATUS_NULL : 0) | c->rw << 4 | c->mode << 1 | c->bcd;
}

static u8 read_counter(struct pit_counter *c, u64 t)
{
    if (c->status_latched) {
        c->status_latched = false;
        return c->status;
    }
    u16 value = c->count_latched ? c->latch : visible_count(c, t);
    bool high = c->rw == RW_HIGH || (c->rw == RW_BOTH && c->read_high);
    if (c->rw == RW_BOTH)
        c->read_high = !high;
    c->count_latched &= high ? ~RW_HIGH : ~RW_LOW;
    return high ? value >> 8 : value;
}

/* GATE stops modes 0, 2, 3 and 4 by its level; its rising edge triggers 1, 2, 3 and 5. */
static void set_gate(struct pit_counter *c, bool level, u64 t)
{
    if (level == c->gate)
        return;
    bool by_level = c->mode != 1 && c->mode != 5;
    if (!level) {
        if (by_level)
            c->held = t - c->start;
        c->gate = false;
        return;
    }
    if (by_level)
        c->start = t - c->held;
    c->gate = true;
    bool triggered = (c->mode == 2 || c->mode == 3) ? c->loaded : !by_level && c->armed;
    if (triggered)
        c->load_at = t + 1;
    if (triggered && by_level)
        c->loaded = false; /* OUT stays high and the count stands until then; no half cycle is carried over */
}

/* --- OUT 0 --- */

static void set_irq0(struct pit *pit, u64 t)
{
    bool level = out_level(&pit->counter[0], t);

    if (level != pit->irq_level) {
        pit->irq_level = level;
        irq_set(&pit->irq0, level);
    }
}

static u64 next_event(const struct pit *pit)
{
    const struct pit_counter *c = &pit->counter[0];
    return MIN(next_edge(c, pit->seen), c->load_at);
}

/* Takes counter 0 to pulse T. If time has jumped over some edges (the clock may be steered), the first few are still
 * shown to IRQ 0: a jump never swallows a whole tick. */
static void catch_up(struct pit *pit, u64 t)
{
    for (unsigned i = 0; i < EDGES_SHOWN; i++) {
        u64 next = next_event(pit);
        if (next > t)
            break;
        sync(&pit->counter[0], next);
        pit->seen = next;
        set_irq0(pit, next);
    }
    sync(&pit->counter[0], t);
    pit->seen = t;
    set_irq0(pit, t);
}

/* After counter 0 may have changed: shows its output and arms the timer for the next edge. */
static void follow_out0(struct pit *pit, u64 t)
{
    set_irq0(pit, t);
    u64 next = next_event(pit);
    if (next == PIT_NEVER)
        timer_cancel(&pit->edge);
    else
        timer_arm(&pit->edge, ticks_to_ns(next, PIT_HZ));
}

/* Brings all counters to now, and returns it. */
static u64 sync_all(struct pit *pit)
{
    u64 now = pulses_now(pit);

    catch_up(pit, now);
    sync(&pit->counter[1], now);
    sync(&pit->counter[2], now);
    return now;
}

static void edge_fired(void *ctx, u64 now)
{
    struct pit *pit = ctx;
    follow_out0(pit, sync_all(pit));
}

/* --- ports --- */

static void write_control(struct pit *pit, u8 v, u64 t)
{
    unsigned select = v >> 6;

    if (select == SELECT_READ_BACK) {
        for (unsigned i = 0; i < ARRAY_LEN(pit->counter); i++) {
            if (!(v & BIT(i + 1)))
                continue;
            if (!(v & 0x20))
                latch_count(&pit->counter[i], t);
            if (!(v & 0x10))
                latch_status(&pit->counter[i], t);
        }
    } else if ((v >> 4 & 3) == RW_LATCH) {
        latch_count(&pit->counter[select], t);
    } else {
        write_mode(&pit->counter[select], v, t);
        if (log_on(pit->log, LOG_TIMER))
            log_msg(pit->log, LOG_TIMER, "8254: counter %u mode %u", select, pit->counter[select].mode);
    }
}

static void pit_out(void *ctx, u16 port, u32 value, unsigned size)
{
    struct pit *pit = ctx;
    u64 t = sync_all(pit);

    if ((port & 3) == 3)
        write_control(pit, value, t);
    else
        write_count(&pit->counter[port & 3], value, t);
    follow_out0(pit, t);
}

static u32 pit_in(void *ctx, u16 port, unsigned size)
{
    struct pit *pit = ctx;
    u64 t = sync_all(pit);

    return (port & 3) == 3 ? 0xFF : read_counter(&pit->counter[port & 3], t);
}

static void port61_out(void *ctx, u16 port, u32 value, unsigned size)
{
    struct pit *pit = ctx;
    u64 t = sync_all(pit);

    pit->control = value & B_WRITABLE;
    set_gate(&pit->counter[2], value & B_GATE2, t);
}

static u32 port61_in(void *ctx, u16 port, unsigned size)
{
    struct pit *pit = ctx;
    u64 t = sync_all(pit);

    return pit->control | (t / REFRESH_PULSES & 1 ? B_REFRESH : 0) | (out_level(&pit->counter[2], t) ? B_OUT2 : 0);
}

bool pit_speaker(struct pit *pit)
{
    u64 t = sync_all(pit);
    return (pit->control & B_SPEAKER) && out_level(&pit->counter[2], t);
}

/* --- life --- */

static const struct io_ops pit_io = {.in = pit_in, .out = pit_out, .sizes = 1};
static const struct io_ops port61_io = {.in = port61_in, .out = port61_out, .sizes = 1};

/* The 8254 has no reset pin and wakes up undefined; here as if mode 0 had been chosen and no count written. */
static void pit_reset(void *self)
{
    struct pit *pit = self;

    for (unsigned i = 0; i < ARRAY_LEN(pit->counter); i++) {
        pit->counter[i] = (struct pit_counter){
            .rw = RW_BOTH, .gate = i != 2, .null_count = true, .reload = 65536, .initial = 65536, .load_at = PIT_NEVER};
    }
    pit->control = 0;
    pit->seen = pulses_now(pit);
    follow_out0(pit, pit->seen);
}

static void pit_saving(void *self)
{
    sync_all(self);
}

static bool counter_sane(const struct pit_counter *c)
{
    return c->mode <= 5 && c->rw >= RW_LOW && c->rw <= RW_BOTH && c->count_latched <= RW_BOTH && c->reload >= 1 &&
           c->reload <= 65536 && c->initial >= 1 && c->initial <= 65536;
}

static int pit_loaded(void *self)
{
    struct pit *pit = self;
    u64 now = pulses_now(pit);

    for (unsigned i = 0; i < ARRAY_LEN(pit->counter); i++) {
        const struct pit_counter *c = &pit->counter[i];
        if (!counter_sane(c) || c->start > now || c->held > now ||
            (c->load_at != PIT_NEVER && c->load_at > now + 2 * 65536))
            return -EINVAL;
    }
    if (pit->seen > now || pit->counter[0].start > pit->seen)
        return -EINVAL;
    irq_set(&pit->irq0, pit->irq_level);
    follow_out0(pit, sync_all(pit));
    return 0;
}

static const struct field counter_fields[] = {
    FIELD(struct pit_counter, mode),
    FIELD(struct pit_counter, rw),
    FIELD(struct pit_counter, bcd),
    FIELD(struct pit_counter, gate),
    FIELD(struct pit_counter, loaded),
    FIELD(struct pit_counter, null_count),
    FIELD(struct pit_counter, write_high),
    FIELD(struct pit_counter, read_high),
    FIELD(struct pit_counter, starts_low),
    FIELD(struct pit_counter, armed),
    FIELD(struct pit_counter, status_latched),
    FIELD(struct pit_counter, count_latched),
    FIELD(struct pit_counter, low),
    FIELD(struct pit_counter, status),
    FIELD(struct pit_counter, latch),
    FIELD(struct pit_counter, reload),
    FIELD(struct pit_counter, initial),
    FIELD(struct pit_counter, load_at),
    FIELD(struct pit_counter, start),
    FIELD(struct pit_counter, held),
    FIELD_END,
};

static const struct field pit_fields[] = {
    FIELD_SUBS(struct pit, counter, counter_fields),
    FIELD(struct pit, control),
    FIELD(struct pit, irq_level),
    FIELD(struct pit, seen),
    FIELD_TIMEOUT(struct pit, edge),
    FIELD_END,
};

const struct device_ops pit_ops = {
    .name = "pit",
    .state_version = 1,
    .state = pit_fields,
    .reset = pit_reset,
    .saving = pit_saving,
    .loaded = pit_loaded,
};

void pit_init(struct pit *pit, struct bus *bus, struct irq_line irq0)
{
    *pit = (struct pit){.irq0 = irq0, .clock = bus->clock, .log = bus->log};
    timer_init(bus->clock, &pit->edge, "8254 OUT 0", edge_fired, pit);
    bus->io_map(bus->ctx, 0x40, 4, &pit_io, pit, "8254");
    bus->io_map(bus->ctx, 0x61, 1, &port61_io, pit, "port 61h");
    pit_reset(pit);
}
