/* lapic.c - see lapic.h. Sections named below are those of the SDM, volume 3A. */
#include "hw/lapic.h"

#include <errno.h>

enum {
    REG_ID = 0x02,
    REG_VERSION = 0x03,
    REG_TPR = 0x08,
    REG_APR = 0x09,
    REG_PPR = 0x0A,
    REG_EOI = 0x0B,
    REG_RRD = 0x0C,
    REG_LDR = 0x0D,
    REG_DFR = 0x0E,
    REG_SVR = 0x0F,
    REG_ISR = 0x10,
    REG_TMR = 0x18,
    REG_IRR = 0x20,
    REG_ESR = 0x28,
    REG_ICR_LOW = 0x30,
    REG_ICR_HIGH = 0x31,
    REG_LVT = 0x32,
    REG_INITIAL = 0x38,
    REG_CURRENT = 0x39,
    REG_DIVIDE = 0x3E,
};

enum { VERSION = 0x14 | (LVT_COUNT - 1) << 16 };
enum { SVR_ENABLE = 0x100, SVR_BITS = 0x3FF };
enum { ICR_LOGICAL = 0x800, ICR_ASSERT = 0x4000, ICR_LEVEL = 0x8000, ICR_BITS = 0xCCFFF };
enum { TO_SELF = 1, TO_ALL = 2, TO_OTHERS = 3, EVERYBODY = 0xFF };
enum { ESR_SEND_VECTOR = 0x20, ESR_RECEIVED_VECTOR = 0x40, ESR_REGISTER = 0x80 };
enum {
    LVT_MASKED = 0x10000,
    LVT_PERIODIC = 0x20000,
    LVT_LEVEL = 0x8000,
    LVT_REMOTE_IRR = 0x4000,
    LVT_ACTIVE_LOW = 0x2000
};
enum { FIRST_LEGAL_VECTOR = 16, INTR_UNKNOWN = 2, MMIO_SIZE = 0x1000 };

#define BASE_BSP 0x100u
#define BASE_ENABLE 0x800u
#define BASE_ADDRESS 0xFFFFFF000ull

/* What software may write in each local vector. */
static const u32 lvt_writable[LVT_COUNT] = {
    [LVT_TIMER] = 0x300FF, [LVT_THERMAL] = 0x107FF, [LVT_PERF] = 0x107FF,
    [LVT_LINT0] = 0x1A7FF, [LVT_LINT1] = 0x1A7FF,   [LVT_ERROR] = 0x100FF,
};

/* --- 256-bit sets --- */

static bool test_bit(const u32 *set, unsigned n)
{
    return set[n >> 5] >> (n & 31) & 1;
}

static void set_bit(u32 *set, unsigned n)
{
    set[n >> 5] |= BIT(n & 31);
}

static void clear_bit(u32 *set, unsigned n)
{
    set[n >> 5] &= ~BIT(n & 31);
}

/* The highest member, or -1. */
static int highest(const u32 *set)
{
    for (int i = 7; i >= 0; i--)
        if (set[i])
            return i * 32 + 31 - __builtin_clz(set[i]);
    return -1;
}

/* --- priorities (10.8.3) --- */

static bool hw_enabled(const struct lapic *l)
{
    return l->base & BASE_ENABLE;
}

static bool sw_enabled(const struct lapic *l)
{
    return hw_enabled(l) && (l->svr & SVR_ENABLE);
}

static u8 ppr(const struct lapic *l)
{
    int serving = highest(l->isr);
    u8 class = serving < 0 ? 0 : (u8)(serving & 0xF0);
    return (l->tpr & 0xF0) >= class ? (u8)l->tpr : class;
}

static u8 apr(const struct lapic *l)
{
    int isrv = highest(l->isr), irrv = highest(l->irr);
    u8 class = (u8)MAX(isrv < 0 ? 0 : isrv & 0xF0, irrv < 0 ? 0 : irrv & 0xF0);
    return (l->tpr & 0xF0) >= class ? (u8)l->tpr : class;
}

/* The vector that may interrupt the processor now, or -1. A software-disabled APIC keeps what it holds but gives
 * nothing out. */
static int deliverable(const struct lapic *l)
{
    int vector = sw_enabled(l) ? highest(l->irr) : -1;
    return vector >= 0 && (vector & 0xF0) > (ppr(l) & 0xF0) ? vector : -1;
}

static bool lint_level(const struct lapic *l, unsigned n)
{
    bool inverted = hw_enabled(l) && (l->lvt[LVT_LINT0 + n] & LVT_ACTIVE_LOW);
    return (l->lint >> n & 1) != inverted;
}

static enum apic_mode lvt_mode(u32 lvt)
{
    return lvt >> 8 & 7;
}

/* Whether the 8259s ask through the virtual wire; with the APIC off LINT0 is the INTR pin. */
static bool pic_asks(const struct lapic *l)
{
    if (!hw_enabled(l))
        return l->lint & 1;
    for (unsigned n = 0; n < 2; n++) {
        u32 lvt = l->lvt[LVT_LINT0 + n];
        if (lvt_mode(lvt) == APIC_EXTINT && !(lvt & LVT_MASKED) && lint_level(l, n))
            return true;
    }
    return l->extint;
}

static void update_intr(struct lapic *l)
{
    bool level = deliverable(l) >= 0 || pic_asks(l);
    if (level == l->intr)
        return;
    l->intr = level;
    if (l->cpu.intr)
        l->cpu.intr(l->cpu.ctx, level);
}

/* --- taking interrupts in --- */

static void accept(struct lapic *l, u8 vector, bool level);

/* Errors gather until software writes the ESR, which shows them; the error vector tells at once (10.5.3). */
static void error(struct lapic *l, u32 bit)
{
    l->errors |= bit;
    u32 lvt = l->lvt[LVT_ERROR];
    if (!(lvt & LVT_MASKED) && (lvt & 0xFF) >= FIRST_LEGAL_VECTOR)
        accept(l, (u8)lvt, false);
}

static void accept(struct lapic *l, u8 vector, bool level)
{
    if (!sw_enabled(l))
        return;
    if (vector < FIRST_LEGAL_VECTOR) {
        error(l, ESR_RECEIVED_VECTOR);
        return;
    }
    set_bit(l->irr, vector);
    if (level)
        set_bit(l->tmr, vector);
    else
        clear_bit(l->tmr, vector);
    update_intr(l);
}

static void call(void (*fn)(void *ctx), const struct lapic *l)
{
    if (fn)
        fn(l->cpu.ctx);
}

/* One message, already known to be for this APIC. SMI, NMI, INIT and SIPI pass even while software has disabled it
 * (10.4.7.2). */
static bool take(struct lapic *l, const struct apic_msg *m)
{
    if (!hw_enabled(l))
        return false;
    switch (m->mode) {
    case APIC_FIXED:
    case APIC_LOWEST:
        accept(l, m->vector, m->level);
        return sw_enabled(l);
    case APIC_SMI:
        call(l->cpu.smi, l);
        return true;
    case APIC_NMI:
        call(l->cpu.nmi, l);
        return true;
    case APIC_INIT:
        lapic_cpu_init(l);
        call(l->cpu.init, l);
        return true;
    case APIC_SIPI:
        if (l->cpu.sipi)
            l->cpu.sipi(l->cpu.ctx, m->vector);
        return true;
    case APIC_EXTINT:
        l->extint = 1;
        update_intr(l);
        return true;
    default:
        return false;
    }
}

/* A local vector of the kinds that name a delivery mode: LINT0, LINT1, thermal, performance. */
static void fire_lvt(struct lapic *l, enum lapic_lvt which)
{
    u32 *lvt = &l->lvt[which];
    if (*lvt & LVT_MASKED)
        return;
    struct apic_msg m = {.mode = lvt_mode(*lvt), .vector = (u8)*lvt};
    if (m.mode == APIC_FIXED) {
        m.level = (*lvt & LVT_LEVEL) && which >= LVT_LINT0;
        if (m.level && (*lvt & LVT_REMOTE_IRR))
            return;
        if (m.level && sw_enabled(l))
            *lvt |= LVT_REMOTE_IRR;
    }
    if (m.mode != APIC_EXTINT) /* ExtINT is a level that pic_asks() looks at */
        take(l, &m);
}

/* Level-triggered local pins ask again as long as they are asserted and not already in service. */
static void check_level_lints(struct lapic *l)
{
    for (unsigned n = 0; n < 2; n++) {
        u32 lvt = l->lvt[LVT_LINT0 + n];
        if (lvt_mode(lvt) == APIC_FIXED && (lvt & LVT_LEVEL) && lint_level(l, n))
            fire_lvt(l, LVT_LINT0 + n);
    }
}

static void set_lint(void *ctx, unsigned n, bool level)
{
    struct lapic *l = ctx;
    bool before = lint_level(l, n);
    l->lint = (u8)((l->lint & ~BIT(n)) | (u32)level << n);
    bool rising = !before && lint_level(l, n);
    if (rising && !hw_enabled(l) && n == 1)
        call(l->cpu.nmi, l);
    else if (rising && hw_enabled(l))
        fire_lvt(l, LVT_LINT0 + n);
    update_intr(l);
}

struct irq_line lapic_lint(struct lapic *l, unsigned n)
{
    assert(n < 2);
    return (struct irq_line){set_lint, l, n};
}

int lapic_ack(struct lapic *l)
{
    int vector = deliverable(l);
    if (vector >= 0) {
        clear_bit(l->irr, (unsigned)vector);
        set_bit(l->isr, (unsigned)vector);
    } else if (pic_asks(l) || !sw_enabled(l)) {
        l->extint = 0;
        vector = LAPIC_ACK_PIC;
    } else {
        vector = l->svr & 0xFF; /* withdrawn meanwhile (10.9) */
    }
    update_intr(l);
    return vector;
}

static void end_of_interrupt(struct lapic *l)
{
    int vector = highest(l->isr);
    if (vector < 0)
        return;
    clear_bit(l->isr, (unsigned)vector);
    if (test_bit(l->tmr, (unsigned)vector)) {
        for (unsigned n = LVT_LINT0; n <= LVT_LINT1; n++)
            if ((l->lvt[n] & 0xFF) == (u32)vector)
                l->lvt[n] &= ~(u32)LVT_REMOTE_IRR;
        if (l->net->eoi)
            l->net->eoi(l->net->ctx, (u8)vector);
        check_level_lints(l);
    }
    update_intr(l);
}

/* --- the bus --- */

static bool addressed(const struct lapic *l, const struct apic_msg *m)
{
    u8 logical_id = (u8)(l->ldr >> 24);
    if (m->dest == EVERYBODY)
        return true;
    if (!m->logical)
        return m->dest == l->id >> 24;
    if (l->dfr >> 28 == 0xF)
        return m->dest & logical_id;
    return (m->dest >> 4 == logical_id >> 4 || m->dest >> 4 == 0xF) && (m->dest & logical_id & 0xF);
}

bool apic_bus_send(struct apic_bus *net, const struct apic_msg *m)
{
    struct lapic *best = NULL;
    bool taken = false;
    for (unsigned i = 0; i < net->count; i++) {
        struct lapic *l = net->apic[i];
        if (!addressed(l, m))
            continue;
        if (m->mode != APIC_LOWEST)
            taken |= take(l, m);
        else if (sw_enabled(l) && (!best || apr(l) < apr(best)))
            best = l;
    }
    return best ? take(best, m) : taken;
}

/* Writing the low half of the ICR sends (10.6.1). */
static void send_ipi(struct lapic *l)
{
    u32 low = l->icr[0];
    unsigned shorthand = low >> 18 & 3;
    struct apic_msg m = {
        .dest = (u8)(l->icr[1] >> 24), .logical = low & ICR_LOGICAL, .mode = low >> 8 & 7, .vector = (u8)low};

    if (m.mode == APIC_INIT && (low & ICR_LEVEL) && !(low & ICR_ASSERT))
        return; /* INIT de-assert only resets arbitration ids */
    if (m.mode <= APIC_LOWEST && m.vector < FIRST_LEGAL_VECTOR) {
        error(l, ESR_SEND_VECTOR);
        return;
    }
    if (m.mode == 3 || m.mode == APIC_EXTINT)
        return;
    if (shorthand == 0) {
        apic_bus_send(l->net, &m);
        return;
    }
    m.dest = EVERYBODY;
    for (unsigned i = 0; i < l->net->count; i++) {
        struct lapic *to = l->net->apic[i];
        bool self = to == l;
        if (self && m.mode >= APIC_INIT)
            continue; /* INIT and SIPI can only be sent to the others */
        if (shorthand == TO_ALL || self == (shorthand == TO_SELF))
            take(to, &m);
    }
}

/* --- timer (10.5.4) --- */

static unsigned divider(const struct lapic *l)
{
    unsigned code = (l->divide & 3) | (l->divide >> 1 & 4);
    return code == 7 ? 1 : 2u << code;
}

static bool periodic(const struct lapic *l)
{
    return l->lvt[LVT_TIMER] & LVT_PERIODIC;
}

static u64 timer_steps(const struct lapic *l)
{
    u64 now = clock_now(l->bus->clock);
    return now > l->start ? ns_to_ticks(now - l->start, LAPIC_TIMER_HZ) / divider(l) : 0;
}

static u32 current_count(const struct lapic *l)
{
    u64 steps = timer_steps(l);
    if (steps < l->start_count)
        return (u32)(l->start_count - steps);
    if (!periodic(l) || !l->initial)
        return 0;
    return l->initial - (u32)((steps - l->start_count) % l->initial);
}

static void arm_timer(struct lapic *l)
{
    if (l->start_count && !(l->lvt[LVT_TIMER] & LVT_MASKED))
        timer_arm(&l->timer, l->start + ticks_to_ns((u64)l->start_count * divider(l), LAPIC_TIMER_HZ));
    else
        timer_cancel(&l->timer);
}

/* Periods that passed unseen (a count so small that several end at once) make one interrupt, as the IRR bit would. */
static void timer_fired(void *ctx, u64 now)
{
    struct lapic *l = ctx;
    u64 steps = timer_steps(l);
    if (periodic(l) && l->initial) {
        u64 done = l->start_count + (steps - l->start_count) / l->initial * l->initial;
        l->start += ticks_to_ns(done * divider(l), LAPIC_TIMER_HZ);
        l->start_count = l->initial;
    } else {
        l->start_count = 0;
    }
    arm_timer(l);
    accept(l, (u8)l->lvt[LVT_TIMER], false);
}

/* An end of count that is due this very instant must not be lost by what is written now. */
static void settle_timer(struct lapic *l)
{
    u64 now = clock_now(l->bus->clock);
    if (timer_armed(&l->timer) && l->timer.when <= now)
        timer_fired(l, now);
}

/* Divider or mode are about to change: the count goes on from where it is. */
static void rebase_timer(struct lapic *l)
{
    settle_timer(l);
    l->start_count = current_count(l);
    l->start = clock_now(l->bus->clock);
}

/* --- registers --- */

static void write_lvt(struct lapic *l, enum lapic_lvt which, u32 value)
{
    u32 writable = lvt_writable[which];
    if (which == LVT_TIMER)
        rebase_timer(l);
    if (!(l->svr & SVR_ENABLE))
        value |= LVT_MASKED;
    l->lvt[which] = (l->lvt[which] & ~writable) | (value & writable);
    if (!(l->lvt[which] & LVT_LEVEL))
        l->lvt[which] &= ~(u32)LVT_REMOTE_IRR;
    if (which == LVT_TIMER)
        arm_timer(l);
    check_level_lints(l);
    update_intr(l);
}

static void write_svr(struct lapic *l, u32 value)
{
    bool was = l->svr & SVR_ENABLE;
    l->svr = value & SVR_BITS;
    if (was && !(l->svr & SVR_ENABLE)) {
        for (unsigned i = 0; i < LVT_COUNT; i++)
            l->lvt[i] |= LVT_MASKED;
        arm_timer(l);
    }
    update_intr(l);
}

u32 lapic_read(struct lapic *l, u32 offset)
{
    u32 reg = offset >> 4 & 0xFF;
    if (reg >= REG_ISR && reg < REG_ESR) {
        const u32 *set = reg < REG_TMR ? l->isr : reg < REG_IRR ? l->tmr : l->irr;
        return set[reg & 7];
    }
    if (reg - REG_LVT < LVT_COUNT)
        return l->lvt[reg - REG_LVT];
    switch (reg) {
    case REG_ID:
        return l->id;
    case REG_VERSION:
        return VERSION;
    case REG_TPR:
        return l->tpr;
    case REG_APR:
        return apr(l);
    case REG_PPR:
        return ppr(l);
    case REG_EOI:
    case REG_RRD:
        return 0;
    case REG_LDR:
        return l->ldr;
    case REG_DFR:
        return l->dfr;
    case REG_SVR:
        return l->svr;
    case REG_ESR:
        return l->esr;
    case REG_ICR_LOW:
    case REG_ICR_HIGH:
        return l->icr[reg - REG_ICR_LOW];
    case REG_INITIAL:
        return l->initial;
    case REG_CURRENT:
        return current_count(l);
    case REG_DIVIDE:
        return l->divide;
    default:
        error(l, ESR_REGISTER);
        return 0;
    }
}

void lapic_write(struct lapic *l, u32 offset, u32 value)
{
    u32 reg = offset >> 4 & 0xFF;
    if (reg - REG_LVT < LVT_COUNT) {
        write_lvt(l, reg - REG_LVT, value);
        return;
    }
    switch (reg) {
    case REG_ID:
        l->id = value & 0xFF000000u;
        break;
    case REG_TPR:
        lapic_set_tpr(l, (u8)value);
        break;
    case REG_EOI:
        end_of_interrupt(l);
        break;
    case REG_LDR:
        l->ldr = value & 0xFF000000u;
        break;
    case REG_DFR:
        l->dfr = value | 0x0FFFFFFFu;
        break;
    case REG_SVR:
        write_svr(l, value);
        break;
    case REG_ESR:
        l->esr = l->errors;
        l->errors = 0;
        break;
    case REG_ICR_LOW:
        l->icr[0] = value & ICR_BITS;
        send_ipi(l);
        break;
    case REG_ICR_HIGH:
        l->icr[1] = value & 0xFF000000u;
        break;
    case REG_INITIAL:
        settle_timer(l);
        l->initial = l->start_count = value;
        l->start = clock_now(l->bus->clock);
        arm_timer(l);
        break;
    case REG_DIVIDE:
        rebase_timer(l);
        l->divide = value & 0xB;
        arm_timer(l);
        break;
    case REG_VERSION:
    case REG_APR:
    case REG_PPR:
    case REG_RRD:
    case REG_CURRENT:
        break; /* read only */
    default:
        if (reg < REG_ISR || reg >= REG_ESR)
            error(l, ESR_REGISTER);
        break;
    }
}

/* Registers are dwords on 16-byte boundaries. Narrow reads get their part; anything else is undefined, and here
 * ignored. */
static u64 mmio_read(void *ctx, u64 offset, unsigned size)
{
    unsigned lane = offset & 15;
    return lane + size <= 4 ? lapic_read(ctx, (u32)offset) >> lane * 8 : 0;
}

static void mmio_write(void *ctx, u64 offset, u64 value, unsigned size)
{
    if (size == 4 && (offset & 15) == 0)
        lapic_write(ctx, (u32)offset, (u32)value);
}

static const struct mmio_ops lapic_mmio = {mmio_read, mmio_write, 1 | 2 | 4};

u8 lapic_tpr(const struct lapic *l)
{
    return (u8)l->tpr;
}

void lapic_set_tpr(struct lapic *l, u8 tpr)
{
    l->tpr = tpr;
    update_intr(l);
}

/* --- base register, reset, state --- */

static void remap(struct lapic *l)
{
    struct bus *bus = l->bus;
    u64 wanted = hw_enabled(l) ? l->base & BASE_ADDRESS : 0;
    if (wanted == l->mapped)
        return;
    if (l->mapped)
        bus->mmio_unmap(bus->ctx, l->handle);
    l->mapped = wanted;
    if (wanted)
        l->handle = bus->mmio_map(bus->ctx, wanted, MMIO_SIZE, &lapic_mmio, l, "local APIC");
}

u64 lapic_base(const struct lapic *l)
{
    return l->base;
}

bool lapic_enabled(const struct lapic *l)
{
    return hw_enabled(l);
}

/* Disabling loses all state: enabling again starts as after INIT (10.4.3). */
bool lapic_set_base(struct lapic *l, u64 value)
{
    if (value & ~(BASE_ADDRESS | BASE_ENABLE | BASE_BSP))
        return false;
    bool was = hw_enabled(l);
    l->base = (value & ~(u64)BASE_BSP) | (l->base & BASE_BSP);
    if (was && !hw_enabled(l))
        lapic_cpu_init(l);
    remap(l);
    update_intr(l);
    return true;
}

void lapic_cpu_init(struct lapic *l)
{
    l->tpr = l->ldr = 0;
    l->dfr = 0xFFFFFFFFu;
    l->svr = 0xFF;
    memset(l->isr, 0, sizeof l->isr);
    memset(l->tmr, 0, sizeof l->tmr);
    memset(l->irr, 0, sizeof l->irr);
    l->esr = l->errors = 0;
    l->icr[0] = l->icr[1] = 0;
    for (unsigned i = 0; i < LVT_COUNT; i++)
        l->lvt[i] = LVT_MASKED;
    if (l->base & BASE_BSP) {
        l->lvt[LVT_LINT0] = APIC_EXTINT << 8;
        l->lvt[LVT_LINT1] = APIC_NMI << 8;
    }
    l->divide = l->initial = l->start_count = 0;
    l->start = 0;
    timer_cancel(&l->timer);
    l->extint = 0;
    update_intr(l);
}

static void lapic_reset(void *self)
{
    struct lapic *l = self;
    l->base = LAPIC_DEFAULT_BASE | BASE_ENABLE | (l->hw_id == 0 ? BASE_BSP : 0);
    l->id = (u32)l->hw_id << 24;
    l->intr = INTR_UNKNOWN;
    lapic_cpu_init(l);
    remap(l);
}

/* Numbers here are sets and counts, never indices; the base decides where something is mapped, and a count that starts
 * in the future cannot be. The clock has been loaded before. */
static int lapic_loaded(void *self)
{
    struct lapic *l = self;
    int err = 0;
    if (l->base & ~(BASE_ADDRESS | BASE_ENABLE | BASE_BSP)) {
        l->base = LAPIC_DEFAULT_BASE | BASE_ENABLE;
        err = -EINVAL;
    }
    l->lint &= 3;
    l->extint = !!l->extint;
    for (unsigned i = 0; i < LVT_COUNT; i++)
        l->lvt[i] &= lvt_writable[i] | LVT_REMOTE_IRR;
    l->divide &= 0xB;
    u64 now = clock_now(l->bus->clock);
    if (l->start > now) {
        l->start = now;
        err = -EINVAL;
    }
    arm_timer(l);
    remap(l);
    l->intr = INTR_UNKNOWN;
    update_intr(l);
    return err;
}

static const struct field lapic_fields[] = {
    FIELD(struct lapic, base),        FIELD(struct lapic, id),        FIELD(struct lapic, tpr),
    FIELD(struct lapic, ldr),         FIELD(struct lapic, dfr),       FIELD(struct lapic, svr),
    FIELD_ARRAY(struct lapic, isr),   FIELD_ARRAY(struct lapic, tmr), FIELD_ARRAY(struct lapic, irr),
    FIELD(struct lapic, esr),         FIELD(struct lapic, errors),    FIELD_ARRAY(struct lapic, icr),
    FIELD_ARRAY(struct lapic, lvt),   FIELD(struct lapic, divide),    FIELD(struct lapic, initial),
    FIELD(struct lapic, start_count), FIELD(struct lapic, start),     FIELD_TIMEOUT(struct lapic, timer),
    FIELD(struct lapic, lint),        FIELD(struct lapic, extint),    FIELD_END,
};

const struct device_ops lapic_ops = {
    .name = "lapic",
    .state_version = 1,
    .state = lapic_fields,
    .reset = lapic_reset,
    .loaded = lapic_loaded,
};

void lapic_init(struct lapic *l, struct bus *bus, struct apic_bus *net, u8 id, const struct cpu_port *cpu)
{
    assert(net->count < LAPIC_BUS_MAX);
    *l = (struct lapic){.bus = bus, .net = net, .cpu = *cpu, .hw_id = id, .intr = INTR_UNKNOWN};
    net->apic[net->count++] = l;
    timer_init(bus->clock, &l->timer, "lapic timer", timer_fired, l);
    lapic_reset(l);
}
