/*
 * gdbstub.c - the commands of GDB's remote protocol.
 */
#include "frontend/gdbstub.h"
#include "frontend/gdbregs.h"

#include <errno.h>
#include <stdio.h>

enum { SIGNAL_INT = 2, SIGNAL_TRAP = 5 };

static struct cpu *cpu_of(const struct gdbstub *g)
{
    return pc_cpu(g->debugger->pc);
}

/* ---- answers ---- */

static void emit(struct gdbstub *g, const u8 *data, size_t n)
{
    assert(n <= GDB_OUT_MAX - g->out_len);
    memcpy(g->out + g->out_len, data, n);
    g->out_len += n;
}

static void emit_byte(struct gdbstub *g, char c)
{
    emit(g, (const u8 *)&c, 1);
}

static void send_reply(struct gdbstub *g)
{
    g->last = gdb_frame(&g->reply, g->out_last);
    emit(g, g->out_last, g->last);
}

static void start_reply(struct gdbstub *g)
{
    g->reply.len = 0;
    g->reply.full = false;
}

static void ok(struct gdbstub *g)
{
    gdb_put(&g->reply, "OK");
}

static void fail(struct gdbstub *g, int err)
{
    gdb_putf(&g->reply, "E%02x", (unsigned)err & 0xFF);
}

static void done(struct gdbstub *g, int r)
{
    if (r)
        fail(g, -r);
    else
        ok(g);
}

/* Where the breakpoint is that was hit, if GDB sees the processor there: it adds no segment base. */
static bool at_breakpoint(const struct gdbstub *g)
{
    const struct debugger *d = g->debugger;
    return g->breakpoint_tags && d->why == DEBUGGER_HIT && d->at.kind == STOP_EXEC && (u32)cpu_of(g)->ip == d->at.addr;
}

static void put_stop(struct gdbstub *g)
{
    static const char *const watch[] = {[STOP_WRITE] = "watch", [STOP_READ] = "rwatch", [STOP_ACCESS] = "awatch"};
    const struct debugger *d = g->debugger;
    gdb_putf(&g->reply, "T%02x", g->interrupted ? SIGNAL_INT : SIGNAL_TRAP);
    if (at_breakpoint(g))
        gdb_put(&g->reply, d->at.len == 1 ? "swbreak:;" : "hwbreak:;");
    else if (d->why == DEBUGGER_HIT && d->at.kind != STOP_EXEC)
        gdb_putf(&g->reply, "%s:%x;", watch[d->at.kind], (u32)d->at.addr);
    if (d->why == DEBUGGER_START)
        gdb_put(&g->reply, "replaylog:begin;");
    gdb_put(&g->reply, "thread:1;");
}

/* ---- registers ---- */

static void read_registers(struct gdbstub *g)
{
    u8 value[GDB_REG_BYTES];
    for (unsigned n = 0; n < gdb_regs(cpu_of(g)); n++) {
        gdb_reg_get(cpu_of(g), n, value);
        gdb_put_hex(&g->reply, value, gdb_reg_bytes(n));
    }
}

/* All or nothing: first they are only looked at. */
static bool write_registers(struct gdbstub *g, struct gdb_in in, bool write)
{
    u8 value[GDB_REG_BYTES];
    for (unsigned n = 0; n < gdb_regs(cpu_of(g)); n++) {
        if (!gdb_take_hex(&in, value, gdb_reg_bytes(n)) || !gdb_reg_allows(cpu_of(g), n, value))
            return false;
        if (write)
            gdb_reg_set(cpu_of(g), n, value);
    }
    if (write)
        debugger_set_cpu(g->debugger);
    return in.left == 0;
}

static void cmd_g(struct gdbstub *g, struct gdb_in in)
{
    if (in.left)
        fail(g, EINVAL);
    else
        read_registers(g);
}

static void cmd_G(struct gdbstub *g, struct gdb_in in)
{
    if (write_registers(g, in, false) && write_registers(g, in, true))
        ok(g);
    else
        fail(g, EINVAL);
}

static bool take_register(struct gdbstub *g, struct gdb_in *in, unsigned *n)
{
    u64 number;
    if (!gdb_take_number(in, &number) || number >= gdb_regs(cpu_of(g)))
        return false;
    *n = (unsigned)number;
    return true;
}

static void cmd_p(struct gdbstub *g, struct gdb_in in)
{
    unsigned n;
    u8 value[GDB_REG_BYTES];
    if (!take_register(g, &in, &n) || in.left) {
        fail(g, EINVAL);
        return;
    }
    gdb_reg_get(cpu_of(g), n, value);
    gdb_put_hex(&g->reply, value, gdb_reg_bytes(n));
}

static void cmd_P(struct gdbstub *g, struct gdb_in in)
{
    unsigned n;
    u8 value[GDB_REG_BYTES];
    if (!take_register(g, &in, &n) || !gdb_take(&in, "=") || !gdb_take_hex(&in, value, gdb_reg_bytes(n)) || in.left ||
        !gdb_reg_allows(cpu_of(g), n, value)) {
        fail(g, EINVAL);
        return;
    }
    gdb_reg_set(cpu_of(g), n, value);
    debugger_set_cpu(g->debugger);
    ok(g);
}

/* ---- memory ---- */

static bool take_range(struct gdb_in *in, u64 *addr, u64 *len)
{
    return gdb_take_number(in, addr) && gdb_take(in, ",") && gdb_take_number(in, len);
}

static void cmd_m(struct gdbstub *g, struct gdb_in in)
{
    u64 addr, len;
    u8 data[GDB_PACKET_MAX / 2];
    if (!take_range(&in, &addr, &len) || in.left) {
        fail(g, EINVAL);
        return;
    }
    size_t n = debugger_read(g->debugger, addr, data, MIN(len, sizeof data));
    if (n == 0 && len)
        fail(g, EFAULT);
    gdb_put_hex(&g->reply, data, n);
}

static void cmd_M(struct gdbstub *g, struct gdb_in in)
{
    u64 addr, len;
    u8 data[GDB_PACKET_MAX / 2];
    if (!take_range(&in, &addr, &len) || !gdb_take(&in, ":") || len > sizeof data || in.left != 2 * len ||
        !gdb_take_hex(&in, data, len))
        fail(g, EINVAL);
    else
        done(g, debugger_write(g->debugger, addr, data, len));
}

static void cmd_X(struct gdbstub *g, struct gdb_in in)
{
    u64 addr, len;
    if (!take_range(&in, &addr, &len) || !gdb_take(&in, ":") || in.left != len)
        fail(g, EINVAL);
    else
        done(g, debugger_write(g->debugger, addr, in.p, len));
}

/* ---- breakpoints and watchpoints ---- */

/* TYPE,ADDR,KIND. GDB's software breakpoint is 1 byte long, its hardware one also here: 2 tells them apart. */
static bool take_stop(struct gdb_in in, struct stop *s, bool *known)
{
    static const enum stop_kind kinds[] = {STOP_EXEC, STOP_EXEC, STOP_WRITE, STOP_READ, STOP_ACCESS};
    u64 type, len;
    if (!gdb_take_number(&in, &type) || !gdb_take(&in, ",") || !take_range(&in, &s->addr, &len) || in.left)
        return false;
    *known = type < ARRAY_LEN(kinds);
    if (!*known)
        return true;
    s->kind = kinds[type];
    s->len = s->kind == STOP_EXEC ? 1 + (u32)type : (u32)MIN(len, ~(u32)0);
    return true;
}

static void cmd_Z(struct gdbstub *g, struct gdb_in in)
{
    struct stop s;
    bool known;
    if (!take_stop(in, &s, &known))
        fail(g, EINVAL);
    else if (known)
        done(g, debugger_add(g->debugger, &s));
}

static void cmd_z(struct gdbstub *g, struct gdb_in in)
{
    struct stop s;
    bool known;
    if (!take_stop(in, &s, &known)) {
        fail(g, EINVAL);
    } else if (known) {
        debugger_remove(g->debugger, &s);
        ok(g);
    }
}

/* ---- running ---- */

/* The answer comes when the guest stops. */
static void run(struct gdbstub *g, bool step)
{
    g->waits = true;
    g->interrupted = false;
    if (step)
        debugger_step(g->debugger);
    else
        debugger_continue(g->debugger);
}

/* c, s and with a signal C, S: [SIGNAL;][ADDR] */
static void cmd_run(struct gdbstub *g, struct gdb_in in, bool step, bool signal)
{
    u64 number, addr;
    bool good = !signal || gdb_take_number(&in, &number);
    bool has_addr = good && in.left;
    if (has_addr)
        good = (!signal || gdb_take(&in, ";")) && gdb_take_number(&in, &addr) && addr <= ~(u32)0 && !in.left;
    if (!good) {
        fail(g, EINVAL);
        return;
    }
    if (has_addr) {
        cpu_of(g)->ip = addr;
        debugger_set_cpu(g->debugger);
    }
    run(g, step);
}

/* A thread as in H, T, vCont: ours, all or any. */
static bool take_thread(struct gdb_in *in)
{
    u64 n;
    return gdb_take(in, "-1") || (gdb_take_number(in, &n) && n <= 1);
}

/* ;ACTION[:THREAD]... The first that is for our thread counts: c, CSIGNAL, s, SSIGNAL. */
static bool take_actions(struct gdb_in *in, char *action)
{
    u64 number;
    *action = 0;
    while (gdb_take(in, ";")) {
        if (!in->left)
            return false;
        char what = (char)*in->p++;
        in->left--;
        if (!strchr("cCsS", what) || ((what == 'C' || what == 'S') && !gdb_take_number(in, &number)))
            return false;
        if (gdb_take(in, ":") && !take_thread(in))
            return false;
        if (!*action)
            *action = what;
    }
    return *action && !in->left;
}

static void cmd_vCont(struct gdbstub *g, struct gdb_in in)
{
    char action;
    if (take_actions(&in, &action))
        run(g, action == 's' || action == 'S');
    else
        fail(g, EINVAL);
}

/* Backwards: the machine is there at once. */
static void went_back(struct gdbstub *g, int r)
{
    g->interrupted = false;
    if (r)
        fail(g, -r);
    else
        put_stop(g);
}

static void cmd_bs(struct gdbstub *g, struct gdb_in in)
{
    went_back(g, in.left ? -EINVAL : debugger_step_back(g->debugger));
}

static void cmd_bc(struct gdbstub *g, struct gdb_in in)
{
    went_back(g, in.left ? -EINVAL : debugger_back(g->debugger));
}

static void interrupt(struct gdbstub *g)
{
    if (!g->waits)
        return;
    debugger_pause(g->debugger);
    g->interrupted = true;
    gdbstub_stopped(g);
}

/* ---- questions ---- */

static void cmd_features(struct gdbstub *g, struct gdb_in in)
{
    struct gdb_text xml = {0};
    u64 from, len;
    if (!gdb_take(&in, "target.xml:")) {
        fail(g, 0);
        return;
    }
    if (!take_range(&in, &from, &len) || in.left) {
        fail(g, EINVAL);
        return;
    }
    gdb_regs_xml(cpu_of(g), &xml);
    assert(!xml.full);
    size_t start = MIN(from, xml.len), n = MIN(len, xml.len - start);
    n = MIN(n, sizeof g->reply.data - 1);
    gdb_put_byte(&g->reply, start + n < xml.len ? 'm' : 'l');
    for (size_t i = 0; i < n; i++)
        gdb_put_byte(&g->reply, (u8)xml.data[start + i]);
}

static void cmd_supported(struct gdbstub *g, struct gdb_in in)
{
    const char *text = (const char *)in.p; /* ends in a 0 */
    g->breakpoint_tags = strstr(text, "swbreak+") && strstr(text, "hwbreak+");
    gdb_putf(&g->reply, "PacketSize=%x;QStartNoAckMode+;qXfer:features:read+;vContSupported+;swbreak+;hwbreak+",
             GDB_PACKET_MAX);
    if (g->debugger->rewind)
        gdb_put(&g->reply, ";ReverseStep+;ReverseContinue+");
}

static void cmd_monitor(struct gdbstub *g, struct gdb_in in)
{
    char command[256];
    struct gdb_text answer = {0};
    size_t n = in.left / 2;
    if (in.left % 2 || n >= sizeof command || !gdb_take_hex(&in, command, n)) {
        fail(g, EINVAL);
        return;
    }
    command[n] = 0;
    g->monitor(g->monitor_ctx, command, &answer);
    if (answer.len)
        gdb_put_hex(&g->reply, answer.data, MIN(answer.len, sizeof g->reply.data / 2));
    else
        ok(g);
}

static void cmd_no_ack(struct gdbstub *g, struct gdb_in in)
{
    g->no_ack = true;
    ok(g);
}

static void cmd_thread(struct gdbstub *g, struct gdb_in in)
{
    done(g, take_thread(&in) && !in.left ? 0 : -EINVAL);
}

static void cmd_detach(struct gdbstub *g, struct gdb_in in)
{
    g->over = !in.left || gdb_take(&in, ";1");
    done(g, g->over ? 0 : -EINVAL);
}

static void kill_machine(struct gdbstub *g, bool good)
{
    g->killed = g->over = good;
    done(g, good ? 0 : -EINVAL);
}

static void cmd_k(struct gdbstub *g, struct gdb_in in)
{
    kill_machine(g, !in.left);
}

static void cmd_vKill(struct gdbstub *g, struct gdb_in in)
{
    u64 process; /* any: GDB invents one */
    kill_machine(g, gdb_take_number(&in, &process) && !in.left);
}

static void cmd_why(struct gdbstub *g, struct gdb_in in)
{
    put_stop(g);
}

static void cmd_c(struct gdbstub *g, struct gdb_in in)
{
    cmd_run(g, in, false, false);
}

static void cmd_C(struct gdbstub *g, struct gdb_in in)
{
    cmd_run(g, in, false, true);
}

static void cmd_s(struct gdbstub *g, struct gdb_in in)
{
    cmd_run(g, in, true, false);
}

static void cmd_S(struct gdbstub *g, struct gdb_in in)
{
    cmd_run(g, in, true, true);
}

/* ---- all commands: the first whose name begins the packet ---- */

static const struct command {
    const char *name, *answer; /* without RUN the name is all of the packet, and this is the answer */
    void (*run)(struct gdbstub *g, struct gdb_in in);
} commands[] = {
    {"?", NULL, cmd_why},
    {"g", NULL, cmd_g},
    {"G", NULL, cmd_G},
    {"p", NULL, cmd_p},
    {"P", NULL, cmd_P},
    {"m", NULL, cmd_m},
    {"M", NULL, cmd_M},
    {"X", NULL, cmd_X},
    {"Z", NULL, cmd_Z},
    {"z", NULL, cmd_z},
    {"bs", NULL, cmd_bs},
    {"bc", NULL, cmd_bc},
    {"c", NULL, cmd_c},
    {"C", NULL, cmd_C},
    {"s", NULL, cmd_s},
    {"S", NULL, cmd_S},
    {"vCont?", "vCont;c;C;s;S", NULL},
    {"vCont", NULL, cmd_vCont},
    {"vKill;", NULL, cmd_vKill},
    {"k", NULL, cmd_k},
    {"D", NULL, cmd_detach},
    {"Hg", NULL, cmd_thread},
    {"Hc", NULL, cmd_thread},
    {"T", NULL, cmd_thread},
    {"qC", "QC1", NULL},
    {"qfThreadInfo", "m1", NULL},
    {"qsThreadInfo", "l", NULL},
    {"qAttached", "1", NULL},
    {"qSupported", NULL, cmd_supported},
    {"qXfer:features:read:", NULL, cmd_features},
    {"qRcmd,", NULL, cmd_monitor},
    {"QStartNoAckMode", NULL, cmd_no_ack},
};

static void packet(struct gdbstub *g)
{
    struct gdb_in in = {g->parser.data, g->parser.len};
    start_reply(g);
    for (unsigned i = 0; i < ARRAY_LEN(commands); i++) {
        if (!gdb_take(&in, commands[i].name))
            continue;
        if (commands[i].run)
            commands[i].run(g, in);
        else if (!in.left)
            gdb_put(&g->reply, commands[i].answer);
        break;
    }
    if (!g->waits)
        send_reply(g);
}

void gdbstub_take(struct gdbstub *g, u8 byte)
{
    enum gdb_event event = gdb_parse(&g->parser, byte);
    if (event == GDB_INTERRUPT)
        interrupt(g);
    else if (event == GDB_NAK && !g->no_ack)
        emit(g, g->out_last, g->last);
    if (event != GDB_PACKET && event != GDB_BAD)
        return;
    if (!g->no_ack)
        emit_byte(g, event == GDB_PACKET ? '+' : '-');
    if (event == GDB_PACKET && !g->waits && !g->over) /* while the guest runs there is only ^C */
        packet(g);
}

/* ---- around it ---- */

void gdbstub_begin(struct gdbstub *g, struct debugger *d, gdb_monitor_fn *monitor, void *monitor_ctx)
{
    memset(g, 0, sizeof *g);
    g->debugger = d;
    g->monitor = monitor;
    g->monitor_ctx = monitor_ctx;
    debugger_pause(d);
}

void gdbstub_end(struct gdbstub *g)
{
    debugger_clear(g->debugger);
    debugger_continue(g->debugger);
}

bool gdbstub_room(const struct gdbstub *g)
{
    return GDB_OUT_MAX - g->out_len >= GDB_FRAME_MAX + 1;
}

void gdbstub_stopped(struct gdbstub *g)
{
    if (!g->waits)
        return;
    g->waits = false;
    start_reply(g);
    put_stop(g);
    send_reply(g);
}

void gdbstub_exited(struct gdbstub *g, int status)
{
    if (!g->waits)
        return;
    g->waits = false;
    start_reply(g);
    gdb_putf(&g->reply, "W%02x", (unsigned)status & 0xFF);
    send_reply(g);
}

void gdbstub_sent(struct gdbstub *g, size_t n)
{
    g->out_len -= n;
    memmove(g->out, g->out + n, g->out_len);
}
