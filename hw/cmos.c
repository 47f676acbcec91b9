#include "hw/cmos.h"

#include <errno.h>

enum {
    SECONDS = 0x00,
    SECONDS_ALARM = 0x01,
    MINUTES = 0x02,
    MINUTES_ALARM = 0x03,
    HOURS = 0x04,
    HOURS_ALARM = 0x05,
    WEEKDAY = 0x06,
    DAY = 0x07,
    MONTH = 0x08,
    YEAR = 0x09,
    REG_A = 0x0A,
    REG_B = 0x0B,
    REG_C = 0x0C,
    REG_D = 0x0D,
    FIRST_FREE = 0x0E,
    CENTURY = 0x32,

    A_UIP = 0x80,
    A_RATE = 0x0F,
    B_SET = 0x80,
    B_PIE = 0x40,
    B_AIE = 0x20,
    B_UIE = 0x10,
    B_SQWE = 0x08,
    B_BINARY = 0x04,
    B_24H = 0x02,
    C_IRQF = 0x80,
    C_PF = 0x40,
    C_AF = 0x20,
    C_UF = 0x10,
    D_VRT = 0x80,

    HOUR_PM = 0x80,
    ALARM_ANY = 0xC0,

    CRYSTAL_HZ = 32768,
    DIVIDER_32K = 2,
    UIP_BEFORE_NS = 244000,
    UPDATE_NS = 1984000,

    NMI_MASK = 0x80,
};

/* --- numbers in the registers --- */

static unsigned decode(const struct cmos *c, u8 v)
{
    return c->ram[REG_B] & B_BINARY ? v : (v >> 4) * 10u + (v & 15);
}

static u8 encode(const struct cmos *c, unsigned v)
{
    return c->ram[REG_B] & B_BINARY ? v : v / 10 % 10 << 4 | v % 10;
}

static unsigned get_hour(const struct cmos *c)
{
    u8 v = c->ram[HOURS];
    if (c->ram[REG_B] & B_24H)
        return decode(c, v);
    return decode(c, v & ~HOUR_PM) % 12 + (v & HOUR_PM ? 12 : 0);
}

static void set_hour(struct cmos *c, unsigned hour)
{
    if (c->ram[REG_B] & B_24H)
        c->ram[HOURS] = encode(c, hour);
    else
        c->ram[HOURS] = encode(c, hour % 12 ? hour % 12 : 12) | (hour >= 12 ? HOUR_PM : 0);
}

/* The chip knows two digits of the year and takes every fourth one as a leap year. */
static unsigned month_days(unsigned month, unsigned year)
{
    static const u8 days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

    if (month < 1 || month > 12)
        return 31;
    return days[month - 1] + (month == 2 && year % 4 == 0);
}

/* Counts a register up; true if it went past LAST and starts again with FIRST. */
static bool carry(struct cmos *c, unsigned reg, unsigned first, unsigned last)
{
    unsigned v = decode(c, c->ram[reg]);
    bool over = v >= last;
    c->ram[reg] = encode(c, over ? first : v + 1);
    return over;
}

static void count_second(struct cmos *c)
{
    if (!carry(c, SECONDS, 0, 59) || !carry(c, MINUTES, 0, 59))
        return;
    unsigned hour = get_hour(c);
    set_hour(c, hour >= 23 ? 0 : hour + 1);
    if (hour < 23)
        return;
    carry(c, WEEKDAY, 1, 7);
    unsigned last = month_days(decode(c, c->ram[MONTH]), decode(c, c->ram[YEAR]));
    if (!carry(c, DAY, 1, last) || !carry(c, MONTH, 1, 12) || !carry(c, YEAR, 0, 99))
        return;
    unsigned century = (c->ram[CENTURY] >> 4) * 10u + (c->ram[CENTURY] & 15);
    century = (century + 1) % 100;
    c->ram[CENTURY] = century / 10 << 4 | century % 10;
}

static bool alarm_matches(const struct cmos *c)
{
    for (unsigned i = SECONDS; i <= HOURS; i += 2)
        if ((c->ram[i + 1] & ALARM_ANY) != ALARM_ANY && c->ram[i + 1] != c->ram[i])
            return false;
    return true;
}

void cmos_set_time(struct cmos *c, s64 unix_seconds)
{
    s64 days = unix_seconds / 86400, rest = unix_seconds % 86400;
    if (rest < 0) {
        rest += 86400;
        days--;
    }
    /* Days since 0000-03-01, so that the leap day is a year's last. */
    s64 z = days + 719468;
    s64 era = (z >= 0 ? z : z - 146096) / 146097;
    unsigned day_of_era = z - era * 146097;
    unsigned year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    unsigned day = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    unsigned m = (5 * day + 2) / 153;
    unsigned month = m < 10 ? m + 3 : m - 9;
    s64 year = era * 400 + year_of_era + (month <= 2);
    if (year < 0 || year > 9999)
        year = 0;

    c->ram[SECONDS] = encode(c, rest % 60);
    c->ram[MINUTES] = encode(c, rest / 60 % 60);
    set_hour(c, rest / 3600);
    c->ram[WEEKDAY] = encode(c, ((days % 7 + 7) % 7 + 4) % 7 + 1); /* 1970-01-01 was a Thursday, day 5 */
    c->ram[DAY] = encode(c, day - (153 * m + 2) / 5 + 1);
    c->ram[MONTH] = encode(c, month);
    c->ram[YEAR] = encode(c, year % 100);
    c->ram[CENTURY] = year / 1000 << 4 | year / 100 % 10;
}

/* --- the divider chain and what hangs on it --- */

static bool divider_runs(const struct cmos *c)
{
    return (c->ram[REG_A] >> 4 & 7) == DIVIDER_32K;
}

/* Crystal ticks of a period of the chosen rate, or 0. */
static u32 period_ticks(const struct cmos *c)
{
    unsigned rate = c->ram[REG_A] & A_RATE;

    if (rate == 0 || !divider_runs(c))
        return 0;
    return BIT(rate <= 2 ? rate + 6 : rate - 1);
}

/* Periodic edges from divider_start up to now. */
static u64 periodic_edges(const struct cmos *c)
{
    u32 period = period_ticks(c);
    u64 now = clock_now(c->clock);

    return period && now > c->divider_start ? ns_to_ticks(now - c->divider_start, CRYSTAL_HZ) / period : 0;
}

static bool updating(const struct cmos *c)
{
    return divider_runs(c) && !(c->ram[REG_B] & B_SET);
}

static bool in_update(const struct cmos *c)
{
    return updating(c) && clock_now(c->clock) + UPDATE_NS + UIP_BEFORE_NS >= c->next_update;
}

/* Takes flags and registers to now. */
static void sync(struct cmos *c)
{
    u64 now = clock_now(c->clock), edges = periodic_edges(c);

    if (edges > c->periodic_seen)
        c->flags |= C_PF;
    c->periodic_seen = edges;
    if (!divider_runs(c))
        return;
    for (; c->next_update <= now; c->next_update += NS_PER_SEC) {
        if (c->ram[REG_B] & B_SET)
            continue;
        count_second(c);
        c->flags |= C_UF | (alarm_matches(c) ? C_AF : 0);
    }
}

/* IRQ 8 and the timers as flags and registers have them. */
static void update_outputs(struct cmos *c)
{
    u8 enabled = c->ram[REG_B] & (B_PIE | B_AIE | B_UIE);
    u32 period = period_ticks(c);

    irq_set(&c->irq8, c->flags & enabled);
    if (period && (enabled & B_PIE) && !(c->flags & C_PF))
        timer_arm(&c->periodic, c->divider_start + ticks_to_ns((c->periodic_seen + 1) * period, CRYSTAL_HZ));
    else
        timer_cancel(&c->periodic);
    if (updating(c))
        timer_arm(&c->update, c->next_update);
    else
        timer_cancel(&c->update);
}

static void timer_fired(void *ctx, u64 now)
{
    sync(ctx);
    update_outputs(ctx);
}

/* --- registers --- */

static void write_a(struct cmos *c, u8 v)
{
    bool ran = divider_runs(c);

    c->ram[REG_A] = v & ~A_UIP;
    if (!ran && divider_runs(c)) {
        /* Released from reset the first update comes half a second later. */
        u64 now = clock_now(c->clock);
        c->divider_start = now;
        c->next_update = now + NS_PER_SEC / 2 + UPDATE_NS;
    }
    c->periodic_seen = periodic_edges(c);
}

static void write_b(struct cmos *c, u8 v)
{
    if (v & B_SET)
        v &= ~B_UIE;
    c->ram[REG_B] = v;
}

static void write_reg(struct cmos *c, unsigned index, u8 v)
{
    switch (index) {
    case REG_A:
        write_a(c, v);
        break;
    case REG_B:
        write_b(c, v);
        break;
    case REG_C:
    case REG_D:
        return;
    default:
        c->ram[index] = v;
        return;
    }
    update_outputs(c);
}

static u8 read_reg(struct cmos *c, unsigned index)
{
    u8 v;

    switch (index) {
    case REG_A:
        return c->ram[REG_A] | (in_update(c) ? A_UIP : 0);
    case REG_C:
        v = c->flags | (c->flags & c->ram[REG_B] & (B_PIE | B_AIE | B_UIE) ? C_IRQF : 0);
        c->flags = 0;
        update_outputs(c);
        return v;
    case REG_D:
        return D_VRT;
    default:
        return c->ram[index];
    }
}

static void cmos_out(void *ctx, u16 port, u32 value, unsigned size)
{
    struct cmos *c = ctx;
    unsigned bank = port >> 1 & 1;

    if (port & 1) {
        sync(c);
        write_reg(c, bank * 128 + c->index[bank], value);
        return;
    }
    c->index[bank] = value & 0x7F;
    if (bank == 0) {
        c->nmi_masked = value & NMI_MASK;
        irq_set(&c->nmi_mask, c->nmi_masked);
    }
}

static u32 cmos_in(void *ctx, u16 port, unsigned size)
{
    struct cmos *c = ctx;
    unsigned bank = port >> 1 & 1;

    if (!(port & 1))
        return 0xFF; /* the index registers are write-only */
    sync(c);
    return read_reg(c, bank * 128 + c->index[bank]);
}

/* --- what firmware wants to know --- */

static void put16(struct cmos *c, unsigned low, unsigned high, u64 v)
{
    v = MIN(v, 0xFFFFu);
    c->ram[low] = v;
    c->ram[high] = v >> 8;
}

static u64 above(u64 bytes, u64 limit)
{
    return bytes > limit ? bytes - limit : 0;
}

static void put_memory(struct cmos *c, const struct cmos_config *config)
{
    u64 ram = config->ram_below_4g, high = config->ram_above_4g >> 16;

    put16(c, 0x15, 0x16, MIN(ram >> 10, 640u));
    put16(c, 0x17, 0x18, above(ram, 1 << 20) >> 10);
    put16(c, 0x30, 0x31, above(ram, 1 << 20) >> 10);
    put16(c, 0x34, 0x35, above(ram, 16 << 20) >> 16);
    c->ram[0x5B] = high;
    c->ram[0x5C] = high >> 8;
    c->ram[0x5D] = high >> 16;
    c->ram[0x5F] = config->cpus ? config->cpus - 1 : 0;
}

/* Disk type 47 with its nine bytes of geometry, for the two disks of the primary channel. */
static void put_disks(struct cmos *c, const struct cmos_config *config)
{
    c->ram[0x12] = 0;
    c->ram[0x39] = 0;
    for (unsigned i = 0; i < ARRAY_LEN(config->disk); i++) {
        if (!config->disk[i].present)
            continue;
        c->ram[0x39] |= (config->disk[i].translation & 3) << (2 * i);
        if (i >= 2)
            continue;
        u8 *geometry = &c->ram[0x1B + 9 * i];
        c->ram[0x12] |= i ? 0x0F : 0xF0;
        c->ram[0x19 + i] = 47;
        st16(geometry, config->disk[i].cylinders);
        geometry[2] = config->disk[i].heads;
        st16(geometry + 3, 0xFFFF); /* no write precompensation */
        geometry[5] = 0xC0 | (config->disk[i].heads > 8 ? 8 : 0);
        st16(geometry + 6, config->disk[i].cylinders); /* landing zone */
        geometry[8] = config->disk[i].sectors;
    }
}

void cmos_configure(struct cmos *c, const struct cmos_config *config)
{
    unsigned floppies = (config->floppy[0] != CMOS_FLOPPY_NONE) + (config->floppy[1] != CMOS_FLOPPY_NONE);
    u16 sum = 0;

    put_memory(c, config);
    put_disks(c, config);
    c->ram[0x10] = config->floppy[0] << 4 | config->floppy[1];
    c->ram[0x14] = (floppies ? 1 | (floppies - 1) << 6 : 0) | (config->fpu ? 2 : 0) | (config->mouse ? 4 : 0);
    c->ram[0x3D] = config->boot[1] << 4 | config->boot[0];
    c->ram[0x38] = config->boot[2] << 4 | (config->check_floppy_signature ? 0 : 1);
    c->ram[0x2D] = config->boot[0] == CMOS_BOOT_FLOPPY ? 0x20 : 0;
    for (unsigned i = 0x10; i <= 0x2D; i++)
        sum += c->ram[i];
    c->ram[0x2E] = sum >> 8;
    c->ram[0x2F] = sum;
}

void cmos_save_ram(const struct cmos *c, u8 out[CMOS_BYTES])
{
    memcpy(out, c->ram, CMOS_BYTES);
    memset(out, 0, FIRST_FREE);
}

void cmos_load_ram(struct cmos *c, const u8 in[CMOS_BYTES])
{
    u8 century = c->ram[CENTURY];

    memcpy(c->ram + FIRST_FREE, in + FIRST_FREE, CMOS_BYTES - FIRST_FREE);
    c->ram[CENTURY] = century;
}

/* --- life --- */

static const struct io_ops cmos_io = {.in = cmos_in, .out = cmos_out, .sizes = 1};

/* RESET# leaves clock, calendar, alarm and RAM alone. */
static void cmos_reset(void *self)
{
    struct cmos *c = self;

    sync(c);
    c->ram[REG_B] &= ~(B_PIE | B_AIE | B_UIE | B_SQWE);
    c->flags = 0;
    c->nmi_masked = false;
    irq_set(&c->nmi_mask, false);
    update_outputs(c);
}

static void cmos_saving(void *self)
{
    sync(self);
}

static int cmos_loaded(void *self)
{
    struct cmos *c = self;
    u64 now = clock_now(c->clock);

    if (c->index[0] > 127 || c->index[1] > 127 || c->divider_start > now || (c->ram[REG_A] & A_UIP))
        return -EINVAL;
    if (c->flags & ~(C_PF | C_AF | C_UF))
        return -EINVAL;
    if (divider_runs(c) && (c->next_update <= now || c->next_update > now + 2 * NS_PER_SEC))
        return -EINVAL;
    c->periodic_seen = periodic_edges(c);
    irq_set(&c->nmi_mask, c->nmi_masked);
    update_outputs(c);
    return 0;
}

static const struct field cmos_fields[] = {
    FIELD_BLOB(struct cmos, ram),
    FIELD_ARRAY(struct cmos, index),
    FIELD(struct cmos, flags),
    FIELD(struct cmos, nmi_masked),
    FIELD(struct cmos, divider_start),
    FIELD(struct cmos, next_update),
    FIELD(struct cmos, periodic_seen),
    FIELD_TIMEOUT(struct cmos, update),
    FIELD_TIMEOUT(struct cmos, periodic),
    FIELD_END,
};

const struct device_ops cmos_ops = {
    .name = "cmos",
    .state_version = 1,
    .state = cmos_fields,
    .reset = cmos_reset,
    .saving = cmos_saving,
    .loaded = cmos_loaded,
};

void cmos_init(struct cmos *c, struct bus *bus, struct irq_line irq8, struct irq_line nmi_mask, s64 rtc_base)
{
    *c = (struct cmos){.irq8 = irq8, .nmi_mask = nmi_mask, .clock = bus->clock, .log = bus->log};
    timer_init(bus->clock, &c->update, "RTC update", timer_fired, c);
    timer_init(bus->clock, &c->periodic, "RTC periodic", timer_fired, c);
    c->ram[REG_A] = DIVIDER_32K << 4 | 6; /* 1024 Hz */
    c->ram[REG_B] = B_24H;
    c->divider_start = clock_now(bus->clock);
    c->next_update = c->divider_start + NS_PER_SEC;
    cmos_set_time(c, rtc_base);
    bus->io_map(bus->ctx, 0x70, 4, &cmos_io, c, "MC146818");
    cmos_reset(c);
}
