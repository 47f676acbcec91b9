/* debugport.c - see debugport.h. */
#include "hw/debugport.h"

#include <errno.h>

enum {
    BOCHS_PORT = 0xE9,
    SEABIOS_PORT = 0x402,
    EXIT_PORT = 0xF4,
    PS1_POST_PORT = 0x190,
    SHUTDOWN_PORT = 0x8900,
    PRESENT = 0xE9
};

static const char magic[] = "Shutdown";

static void flush_line(struct debugport *d)
{
    if (d->line_len)
        log_msg(d->bus->log, LOG_FW, "%.*s", d->line_len, d->line);
    d->line_len = 0;
}

static u32 text_in(void *ctx, u16 port, unsigned size)
{
    return PRESENT;
}

/* The log gets whole lines of printable text; what a guest writes must not reach a person's terminal raw. */
static void text_out(void *ctx, u16 port, u32 value, unsigned size)
{
    struct debugport *d = ctx;
    u8 c = (u8)value;
    if (d->wiring.out.write)
        d->wiring.out.write(d->wiring.out.ctx, &c, 1);
    if (c == '\n') {
        flush_line(d);
        return;
    }
    if (c == '\r' || c == 0)
        return;
    d->line[d->line_len++] = c == '\t' ? ' ' : c < ' ' || c > '~' ? '.' : (char)c;
    if (d->line_len == sizeof d->line)
        flush_line(d);
}

static void exit_out(void *ctx, u16 port, u32 value, unsigned size)
{
    struct debugport *d = ctx;
    if (d->wiring.exit)
        d->wiring.exit(d->wiring.ctx, value << 1 | 1);
}

static u32 exit_in(void *ctx, u16 port, unsigned size)
{
    return 0;
}

static void post_out(void *ctx, u16 port, u32 value, unsigned size)
{
    struct debugport *d = ctx;
    log_msg(d->bus->log, LOG_POST, "%02X", value);
}

static void shutdown_out(void *ctx, u16 port, u32 value, unsigned size)
{
    struct debugport *d = ctx;
    if ((char)value != magic[d->matched])
        d->matched = 0;
    if ((char)value == magic[d->matched])
        d->matched++;
    if (d->matched < sizeof magic - 1)
        return;
    d->matched = 0;
    if (d->wiring.shutdown)
        d->wiring.shutdown(d->wiring.ctx);
}

static const struct io_ops text_io = {text_in, text_out, 1};
static const struct io_ops exit_io = {exit_in, exit_out, 1 | 2 | 4};
static const struct io_ops post_io = {NULL, post_out, 1};
static const struct io_ops shutdown_io = {NULL, shutdown_out, 1};

static void debugport_reset(void *self)
{
    struct debugport *d = self;
    d->matched = 0;
    flush_line(d);
}

static int debugport_loaded(void *self)
{
    struct debugport *d = self;
    if (d->matched < sizeof magic - 1)
        return 0;
    d->matched = 0;
    return -EINVAL;
}

/* The unfinished line is the log's affair, not the guest's. */
static const struct field debugport_fields[] = {
    FIELD(struct debugport, matched),
    FIELD_END,
};

const struct device_ops debugport_ops = {
    .name = "debugport",
    .state_version = 1,
    .state = debugport_fields,
    .reset = debugport_reset,
    .loaded = debugport_loaded,
};

void debugport_init(struct debugport *d, struct bus *bus, const struct debugport_wiring *wiring)
{
    *d = (struct debugport){.bus = bus, .wiring = *wiring};
    bus->io_map(bus->ctx, BOCHS_PORT, 1, &text_io, d, "debug console");
    bus->io_map(bus->ctx, SEABIOS_PORT, 1, &text_io, d, "firmware debug console");
    bus->io_map(bus->ctx, PS1_POST_PORT, 1, &post_io, d, "POST code");
    bus->io_map(bus->ctx, SHUTDOWN_PORT, 1, &shutdown_io, d, "shutdown");
    if (wiring->exit_port)
        bus->io_map(bus->ctx, EXIT_PORT, 4, &exit_io, d, "debug exit");
}
