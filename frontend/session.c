/*
 * session.c - the run loop. One thread does all: slices of the guest, and between them input, output and the screen.
 *
 * A slice ends after a few milliseconds of the host's time, and exactly at what is due in virtual time: a key script's
 * next step, --max-time, --max-instructions. With --clock virtual an idle guest's time is skipped; with --clock wall we
 * sleep until its next timer or until something arrives.
 *
 * A state that the monitor loads takes the guest's time and count elsewhere; what the session measures goes on as if
 * it had not: skews between the two make up for it.
 */
#include "frontend/session.h"
#include "base/host_wait.h"
#include "frontend/gdbserver.h"
#include "frontend/keyscript.h"
#include "frontend/machine.h"
#include "frontend/monitor_io.h"
#include "frontend/pacer.h"
#include "frontend/recording.h"
#include "frontend/screen.h"
#include "frontend/serialio.h"
#include "frontend/step/step_main.h"
#include "frontend/symbols.h"
#include "frontend/trace/tracer.h"
#include "translator/engine.h"
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define MS 1000000ull

#define SLICE_NS (4 * MS)   /* a slice of the guest */
#define PUMP_NS (4 * MS)    /* how often input and output are looked after */
#define FRAME_NS (16 * MS)  /* how often the screen is drawn */
#define WINDOW_NS (8 * MS)  /* how long input may wait in a window's queue while the guest sleeps */
#define SLEEP_NS (100 * MS) /* the longest sleep */

/* A processor that is halted and takes no interrupts is given up for dead after so much virtual time: an NMI or a key
 * script could still do something. */
#define DEAD_NS (10000 * MS)
#define DEAD_SCRIPT_NS (600000 * MS)

enum { MONITORS = 2 };

/* What the person did while the guest stood still, told to it when it goes on. */
struct held {
    u8 released[32]; /* a bit for each enum key */
    bool mouse;
    unsigned buttons;
};

struct session {
    const struct options *o;
    struct machine machine;
    struct pc *pc;
    struct timeline timeline; /* everything from outside goes through it */
    struct rewind *rewind;    /* NULL: there is no way back */
    struct recording *recording;
    struct recording_start start; /* of --record and --replay */
    struct recording_end replay_end;
    struct serialio *serial[PC_SERIALS], *parallel, *debugcon;
    struct outlet {
        struct session *s;
        struct serialio *to;
    } outlet[PC_SERIALS + 2];
    struct input_sink sink; /* the timeline's, for key scripts */
    struct screen screen;
    struct keyscript *keys, *typed; /* --keys, and what the monitor types */
    struct keyscript_env keys_env;
    char typed_error[MONITOR_ERROR_MAX];
    struct monitor *monitor; /* NULL: not in use */
    struct monitor_io *monitor_io[MONITORS];
    bool paused;
    bool stood; /* the guest has stood still since it last ran */
    struct held held;
    struct frontend_events events;
    struct pacer pacer;
    struct debugger debugger; /* with --gdb */
    struct gdbserver *gdb;
    struct symbols *symbols; /* of --symbols */
    struct tracer *tracer;   /* NULL: no --trace */
    struct timer wake;       /* ends a slice at next_deadline() */
    bool wall;
    int signals;
    u64 start_host, start_virtual, start_count;
    u64 end_virtual, end_count;     /* --max-time, --max-instructions; CLOCK_NEVER: none */
    u64 skew_virtual, skew_count;   /* from the guest's to the session's, modulo 2^64 */
    u64 next_pump, next_frame;      /* host ns */
    u64 slept;                      /* host ns */
    u64 halted_count, halted_since; /* session's ns since when the processor has done nothing at that count */
    bool inspect;                   /* the person wants to look inside */
    bool ended;
    int status;
};

static PRINTF_LIKE(1, 2) void complain(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    fputs("ombra: ", stderr);
    vfprintf(stderr, fmt, ap);
    fputc('\n', stderr);
    va_end(ap);
}

static void end(struct session *s, int status)
{
    if (!s->ended)
        s->status = status;
    s->ended = true;
}

static u64 now_virtual(const struct session *s)
{
    return clock_now(pc_clock(s->pc));
}

static u64 now_count(const struct session *s)
{
    return cpu_count(pc_cpu(s->pc));
}

/* The guest's time and count, without the jumps of loaded states. */
static u64 session_time(const struct session *s)
{
    return now_virtual(s) + s->skew_virtual;
}

static u64 session_count(const struct session *s)
{
    return now_count(s) + s->skew_count;
}

/* Nothing runs and no input is taken: the monitor has paused the guest, or the debugger has stopped it. */
static bool stands(const struct session *s)
{
    return s->paused || (s->gdb && s->debugger.why != DEBUGGER_RUNS);
}

/* The guest does again what it once did: what it sends has been sent, and nothing new comes to it. */
static bool in_past(const struct session *s)
{
    return s->timeline.fixed || timeline_past(&s->timeline);
}

/* ---- keys, mouse, commands ---- */

static void on_key(void *ctx, enum key key, bool down)
{
    struct session *s = ctx;
    if (in_past(s))
        return;
    if (!stands(s))
        timeline_key(&s->timeline, key, down);
    else if (!down)
        s->held.released[key / 8 % sizeof s->held.released] |= (u8)BIT(key % 8);
}

static void on_mouse(void *ctx, int dx, int dy, int dz, unsigned buttons)
{
    struct session *s = ctx;
    if (in_past(s))
        return;
    if (!stands(s)) {
        timeline_mouse(&s->timeline, dx, dy, dz, buttons);
    } else {
        s->held.mouse = true;
        s->held.buttons = buttons;
    }
}

static unsigned on_room(void *ctx)
{
    struct session *s = ctx;
    const struct input_sink *in = pc_input(s->pc);
    return stands(s) || in_past(s) ? 0 : in->room(in->ctx);
}

/* Keys that were let go during a pause would else stay down for ever. */
static void tell_held(struct session *s)
{
    for (unsigned key = 0; key < 8 * sizeof s->held.released; key++)
        if (s->held.released[key / 8] & BIT(key % 8))
            on_key(s, (enum key)key, false);
    if (s->held.mouse)
        on_mouse(s, 0, 0, 0, s->held.buttons);
    s->held = (struct held){0};
}

static void on_quit(void *ctx)
{
    end(ctx, EXIT_OK);
}

/* A screenshot that the person asks for on the way gets a name of its own. */
static void on_screenshot(void *ctx)
{
    struct session *s = ctx;
    char path[64], error[MACHINE_ERROR_MAX];
    time_t now = time(NULL);
    struct tm tm;
    localtime_r(&now, &tm);
    size_t n = strftime(path, sizeof path, "ombra-%Y%m%d-%H%M%S.png", &tm);
    for (unsigned i = 2; access(path, F_OK) == 0 && i < 1000; i++)
        snprintf(path + n - 4, sizeof path - n + 4, "-%u.png", i);
    if (screen_screenshot(&s->screen, path, error, sizeof error))
        complain("%s", error);
}

static void on_inspect(void *ctx)
{
    ((struct session *)ctx)->inspect = true;
}

/* ---- key script ---- */

static int keys_screenshot(void *ctx, const char *path, char *err, size_t n)
{
    return screen_screenshot(&((struct session *)ctx)->screen, path, err, n);
}

static int keys_dump(void *ctx, const char *path, char *err, size_t n)
{
    return screen_dump(&((struct session *)ctx)->screen, path, err, n);
}

static size_t keys_send(void *ctx, const u8 *data, size_t len)
{
    const struct char_sink *port = pc_serial(((struct session *)ctx)->pc, 0);
    size_t n = MIN(len, port->room(port->ctx));
    timeline_serial(&((struct session *)ctx)->timeline, 0, data, n);
    return n;
}

static void keys_quit(void *ctx, int status)
{
    end(ctx, status);
}

/* What the monitor types; a failure is told by its status, too. */
static void poll_typed(struct session *s, u64 now)
{
    enum keyscript_status status = keyscript_poll(s->typed, &s->keys_env, now);
    if (status == KEYSCRIPT_RUNNING)
        return;
    if (status == KEYSCRIPT_FAILED) {
        complain("%s", keyscript_error(s->typed));
        snprintf(s->typed_error, sizeof s->typed_error, "%s", keyscript_error(s->typed));
    }
    keyscript_free(s->typed);
    s->typed = NULL;
}

static void poll_keys(struct session *s)
{
    if (s->timeline.fixed)
        return;
    u64 now = session_time(s);
    if (s->typed && now >= keyscript_next(s->typed))
        poll_typed(s, now);
    if (!s->keys || now < keyscript_next(s->keys))
        return;
    if (keyscript_poll(s->keys, &s->keys_env, now) == KEYSCRIPT_FAILED) {
        complain("%s", keyscript_error(s->keys));
        end(s, EXIT_RUN_FAILED);
    }
}

/* When (session's ns) a script wants to go on. */
static u64 next_keys(const struct session *s)
{
    u64 next = s->keys ? keyscript_next(s->keys) : CLOCK_NEVER;
    return s->typed ? MIN(next, keyscript_next(s->typed)) : next;
}

static void script_key(void *ctx, enum key key, bool down)
{
    timeline_key(&((struct session *)ctx)->timeline, key, down);
}

static void script_mouse(void *ctx, int dx, int dy, int dz, unsigned buttons)
{
    timeline_mouse(&((struct session *)ctx)->timeline, dx, dy, dz, buttons);
}

static unsigned script_room(void *ctx)
{
    const struct input_sink *in = pc_input(((struct session *)ctx)->pc);
    return in->room(in->ctx);
}

/* ---- what the guest sends ---- */

static void outlet_write(void *ctx, const u8 *data, size_t len)
{
    struct outlet *o = ctx;
    if (!timeline_repeats(&o->s->timeline))
        serialio_write(o->to, data, len);
}

/* What the guest sends on COM1 goes out, and to the script that may wait for it. */
static void com1_write(void *ctx, const u8 *data, size_t len)
{
    struct session *s = ctx;
    if (timeline_repeats(&s->timeline))
        return;
    if (s->keys)
        keyscript_serial(s->keys, data, len);
    if (s->typed)
        keyscript_serial(s->typed, data, len);
    if (s->serial[0])
        serialio_write(s->serial[0], data, len);
}

/* ---- monitor ---- */

static bool monitor_alive(const struct session *s)
{
    bool any = false;
    for (unsigned i = 0; i < MONITORS; i++)
        any |= s->monitor_io[i] && monitor_io_alive(s->monitor_io[i]);
    return any;
}

/* Host time and guest's time have come apart: they go on from here. */
static void pace_from_here(struct session *s)
{
    pacer_start(&s->pacer, host_now(), now_virtual(s), s->pacer.cost_ps);
}

static void do_pause(void *ctx, bool paused)
{
    ((struct session *)ctx)->paused = paused;
}

static int do_keys(void *ctx, const char *script, char *err, size_t n)
{
    struct session *s = ctx;
    if (!script) {
        keyscript_free(s->typed);
        s->typed = NULL;
        return 0;
    }
    if (s->typed) {
        snprintf(err, n,
                 "the keys before are still being typed; 'info status' tells when they are not, 'keys' stops them");
        return -EBUSY;
    }
    s->typed_error[0] = 0;
    return keyscript_parse(script, strlen(script), "keys", &s->typed, err, n);
}

static int do_change(void *ctx, const char *drive, const char *path, char *err, size_t n)
{
    struct session *s = ctx;
    int slot = media_slot(&s->machine.media, drive, err, n);
    return slot < 0 ? slot : timeline_medium(&s->timeline, (unsigned)slot, path ? path : "", err, n);
}

static int on_medium(void *ctx, unsigned slot, const char *path, char *err, size_t n)
{
    return media_change(&((struct session *)ctx)->machine.media, slot, path, err, n);
}

static void do_reset(void *ctx)
{
    timeline_reset(&((struct session *)ctx)->timeline);
}

static void do_power(void *ctx)
{
    timeline_power(&((struct session *)ctx)->timeline);
}

static int do_save(void *ctx, const char *path, char *err, size_t n)
{
    return machine_save(&((struct session *)ctx)->machine, path, err, n);
}

static int do_load(void *ctx, const char *path, char *err, size_t n)
{
    struct session *s = ctx;
    u64 time = session_time(s), count = session_count(s);
    if (s->o->record || s->o->replay) {
        snprintf(err, n, "%s: not while a recording is made or replayed", path);
        return -EPERM;
    }
    tracer_ran(s->tracer);
    timer_cancel(&s->wake); /* of a time that may be long over in the state */
    int r = machine_load(&s->machine, path, err, n);
    s->skew_virtual = time - now_virtual(s);
    s->skew_count = count - now_count(s);
    s->halted_since = time;
    pace_from_here(s);
    if (s->rewind && rewind_restart(s->rewind))
        complain("not enough memory to go back in time");
    return r;
}

static void get_status(void *ctx, struct monitor_status *status)
{
    const struct session *s = ctx;
    *status = (struct monitor_status){.paused = s->paused, .typing = s->typed, .keys_failed = s->typed_error};
}

static void get_stats(void *ctx, struct monitor_stats *stats)
{
    const struct session *s = ctx;
    *stats = (struct monitor_stats){.instructions = session_count(s) - s->start_count,
                                    .virtual_ns = session_time(s) - s->start_virtual,
                                    .wall_ns = host_now() - s->start_host,
                                    .asleep_ns = s->slept,
                                    .cpu_ns = host_cpu_time()};
}

static void poll_monitor(struct session *s)
{
    for (unsigned i = 0; i < MONITORS; i++)
        if (s->monitor_io[i] && !s->ended)
            monitor_io_poll(s->monitor_io[i], s->monitor, &s->ended);
}

/* ---- between slices ---- */

static void flush_port(struct session *s, struct serialio *port)
{
    int err = port ? serialio_flush(port) : 0;
    if (!err)
        return;
    complain("%s: what the guest sends cannot be written: %s", serialio_name(port), strerror(-err));
    end(s, EXIT_RUN_FAILED);
}

static void flush_ports(struct session *s)
{
    for (unsigned i = 0; i < PC_SERIALS; i++)
        flush_port(s, s->serial[i]);
    flush_port(s, s->parallel);
    flush_port(s, s->debugcon);
}

static void update_recording(struct session *s)
{
    int err = s->recording ? recording_update(s->recording, &s->timeline.journal) : 0;
    if (!err)
        return;
    complain("%s: the recording cannot be written: %s", s->o->record, strerror(-err));
    recording_close(s->recording, NULL);
    s->recording = NULL;
    end(s, EXIT_RUN_FAILED);
}

struct inlet {
    struct session *s;
    unsigned port;
};

static size_t inlet_room(void *ctx)
{
    const struct inlet *in = ctx;
    const struct char_sink *port = pc_serial(in->s->pc, in->port);
    return port->room(port->ctx);
}

static void inlet_receive(void *ctx, const u8 *data, size_t len)
{
    const struct inlet *in = ctx;
    timeline_serial(&in->s->timeline, in->port, data, len);
}

static void read_port(struct session *s, unsigned i)
{
    struct inlet in = {s, i};
    const struct char_sink sink = {.ctx = &in, .room = inlet_room, .receive = inlet_receive};
    if (s->serial[i] && !serialio_read(s->serial[i], &sink))
        end(s, EXIT_OK);
}

/* Everything that is not the guest: signals, ports, screen, pace. */
static void pump(struct session *s)
{
    u64 host = host_now();
    s->next_pump = host + PUMP_NS;
    if (host_signals_take(s->signals))
        end(s, EXIT_OK);
    for (unsigned i = 0; i < PC_SERIALS && !stands(s) && !in_past(s); i++)
        read_port(s, i);
    flush_ports(s);
    update_recording(s);
    screen_pump(&s->screen, &s->events);
    if (s->monitor)
        poll_monitor(s);
    if (s->gdb && !gdbserver_poll(s->gdb))
        end(s, EXIT_OK);
    if (host >= s->next_frame && !s->ended) {
        screen_show(&s->screen);
        s->next_frame = host + FRAME_NS;
    }
    if (s->wall && !s->stood && !stands(s) && !in_past(s))
        timeline_rate(&s->timeline, pacer_rate(&s->pacer, host, now_virtual(s)));
}

/* Sleeps until something may have arrived, NS at most. */
static void sleep_for(struct session *s, u64 ns)
{
    int fd[PC_SERIALS + MONITORS + GDBSERVER_FDS + 2];
    unsigned n = 0;
    u64 before = host_now();
    fd[n++] = s->signals;
    fd[n++] = screen_fd(&s->screen);
    for (unsigned i = 0; i < PC_SERIALS; i++) {
        const struct char_sink *port = pc_serial(s->pc, i);
        if (s->serial[i] && !stands(s) && !in_past(s) && port->room(port->ctx) > 0)
            fd[n++] = serialio_fd(s->serial[i]);
    }
    for (unsigned i = 0; i < MONITORS; i++) {
        if (!s->monitor_io[i])
            continue;
        fd[n++] = monitor_io_fd(s->monitor_io[i]);
        if (monitor_io_pending(s->monitor_io[i]))
            ns = MIN(ns, PUMP_NS);
    }
    if (s->gdb) {
        gdbserver_fds(s->gdb, fd + n);
        n += GDBSERVER_FDS;
        ns = gdbserver_busy(s->gdb) ? MIN(ns, PUMP_NS) : ns;
    }
    if (screen_visible(&s->screen))
        ns = MIN(ns, s->screen.window ? WINDOW_NS : FRAME_NS);
    host_wait(fd, n, MIN(ns, SLEEP_NS));
    s->slept += host_now() - before;
}

/* ---- the guest waits ---- */

/* In the guest's time. */
static u64 next_deadline(const struct session *s)
{
    u64 next = MIN(next_keys(s), s->end_virtual);
    return next == CLOCK_NEVER ? next : next - s->skew_virtual;
}

static void on_wake(void *ctx, u64 now)
{
    pc_interrupt(((struct session *)ctx)->pc);
}

/* Whether anything outside could still change something. */
static bool has_input(const struct session *s)
{
    bool any = screen_visible(&s->screen) || monitor_alive(s);
    for (unsigned i = 0; i < PC_SERIALS; i++)
        any |= s->serial[i] && serialio_fd(s->serial[i]) >= 0;
    return any;
}

/* True once the processor has been halted with interrupts off for so long that it will stay so. */
static bool is_dead(struct session *s)
{
    const struct cpu *cpu = pc_cpu(s->pc);
    bool deaf = cpu->halt == HALT_SHUTDOWN || (cpu->halt == HALT_HLT && !(cpu->eflags & F_IF));
    u64 now = session_time(s), count = session_count(s);
    if (!deaf || count != s->halted_count) {
        s->halted_count = count;
        s->halted_since = now;
    }
    bool script = next_keys(s) != CLOCK_NEVER;
    return deaf && now - s->halted_since >= (script ? DEAD_SCRIPT_NS : DEAD_NS);
}

static void give_up(struct session *s)
{
    const struct cpu *cpu = pc_cpu(s->pc);
    complain("the guest has halted for good at CS:EIP %04X:%08X (%s); nothing can wake it", cpu->seg[SEG_CS].sel,
             (u32)cpu->ip, cpu->halt == HALT_SHUTDOWN ? "shutdown" : "HLT with interrupts off");
    if (monitor_alive(s))
        s->paused = true; /* somebody may look at it, or reset it */
    else
        end(s, EXIT_RUN_FAILED);
}

/* Lets the time pass until the next thing happens to a halted guest. */
static void idle(struct session *s)
{
    u64 until = pc_next_event(s->pc), host = host_now();
    bool ends = screen_visible(&s->screen) || s->end_virtual != CLOCK_NEVER || s->gdb;
    if (!ends && (is_dead(s) || (until == CLOCK_NEVER && !has_input(s)))) {
        give_up(s);
        return;
    }
    if (!s->wall && until != CLOCK_NEVER) {
        timeline_skip_to(&s->timeline, until);
        return;
    }
    u64 wake = until == CLOCK_NEVER ? host + SLEEP_NS : s->wall ? pacer_host(&s->pacer, until) : host;
    if (wake > host) {
        sleep_for(s, wake - host);
        s->next_pump = 0;
        host = host_now();
    }
    if (s->wall)
        timeline_skip_to(&s->timeline, MIN(until, pacer_virtual(&s->pacer, host)));
}

/* ---- the guest runs ---- */

/* A recording that is watched goes no faster than the clock. */
static void pace_replay(struct session *s)
{
    u64 host = host_now(), due = pacer_host(&s->pacer, now_virtual(s));
    if (due > host + SLEEP_NS * 10 || host > due + SLEEP_NS)
        pace_from_here(s);
    else if (due > host)
        sleep_for(s, due - host);
}

static bool stopped_now(struct session *s)
{
    if (!s->gdb || !debugger_ran(&s->debugger))
        return false;
    gdbserver_stopped(s->gdb);
    return true;
}

static void run_slice(struct session *s)
{
    u64 before = session_count(s), host = host_now(), counts = pacer_counts(&s->pacer, SLICE_NS);
    if (s->gdb)
        counts = debugger_counts(&s->debugger, counts);
    counts = tracer_counts(s->tracer, counts);
    timer_arm(&s->wake, next_deadline(s));
    counts = MIN(s->end_count - before, counts);
    bool past = in_past(s);
    enum pc_stop why = s->rewind ? rewind_run(s->rewind, counts) : timeline_run(&s->timeline, counts);
    if (past && !in_past(s))
        pace_from_here(s); /* the present goes on */
    if (s->timeline.fixed && s->wall)
        pace_replay(s);
    int err = tracer_ran(s->tracer);
    if (err) {
        complain("the trace cannot be written: %s", strerror(-err));
        end(s, EXIT_RUN_FAILED);
    }
    bool ends = why == PC_POWER_OFF || why == PC_EXIT || why == PC_TRIPLE || why == PC_DIFFERS;
    if (!ends && stopped_now(s))
        return;
    pacer_ran(&s->pacer, session_count(s) - before, host_now() - host);
    switch (why) {
    case PC_BUDGET:
        break;
    case PC_IDLE:
    case PC_DEAD:
        idle(s);
        break;
    case PC_POWER_OFF:
        end(s, EXIT_OK);
        break;
    case PC_EXIT:
        end(s, (int)(pc_exit_status(s->pc) & 0xFF));
        break;
    case PC_TRIPLE: /* the log has told where */
    case PC_DIFFERS:
        end(s, EXIT_RUN_FAILED);
        break;
    }
}

/* The guest stands still until a command comes. */
static void rest(struct session *s)
{
    if (s->debugger.why == DEBUGGER_RUNS && !monitor_alive(s) && !screen_visible(&s->screen)) {
        complain("the guest is paused, and nobody is left who could continue it");
        end(s, EXIT_OK);
        return;
    }
    s->stood = true;
    sleep_for(s, SLEEP_NS);
    s->next_pump = 0;
}

static void run_on(struct session *s)
{
    if (s->stood) {
        s->stood = false;
        pace_from_here(s);
        tell_held(s);
    }
    poll_keys(s);
    if (s->timeline.fixed && (s->timeline.lost || !timeline_past(&s->timeline)))
        end(s, EXIT_OK); /* of the recording */
    if (session_time(s) >= s->end_virtual || session_count(s) >= s->end_count)
        end(s, EXIT_OK);
    if (!s->ended)
        run_slice(s);
}

/* The stepper has the machine and the terminal for a while. */
static void inspect(struct session *s)
{
    char error[MACHINE_ERROR_MAX] = "the machine is GDB's, or its past is kept or replayed";
    bool ended = false;
    s->inspect = false;
    screen_lend(&s->screen);
    if (s->gdb || s->timeline.remembers || step_inspect(s->pc, s->symbols, &ended, error, sizeof error))
        complain("the stepper cannot be opened: %s", error);
    if (screen_take_back(&s->screen, s->machine.guest, error, sizeof error)) {
        complain("%s", error);
        end(s, EXIT_RUN_FAILED);
    }
    if (ended)
        end(s, EXIT_OK);
    pace_from_here(s);
    s->next_pump = s->next_frame = 0;
}

static void loop(struct session *s)
{
    if (s->monitor)
        pump(s); /* commands that wait already come before the first instruction */
    while (!s->ended) {
        if (stands(s))
            rest(s);
        else
            run_on(s);
        if (!s->ended && host_now() >= s->next_pump)
            pump(s);
        if (s->inspect && !s->ended)
            inspect(s);
    }
}

/* ---- beginning and end ---- */

static int open_port(const char *spec, unsigned allowed, const char *name, struct serialio **port)
{
    char error[MACHINE_ERROR_MAX];
    int r = serialio_open(spec, allowed, name, port, error, sizeof error);
    if (r)
        complain("%s", error);
    return r;
}

static int open_serials(struct session *s)
{
    const unsigned any = SERIALIO_NONE | SERIALIO_FILE | SERIALIO_STDIO | SERIALIO_PTY | SERIALIO_INPUT;
    unsigned stdios = 0;
    for (unsigned i = 0; i < s->o->serials; i++) {
        stdios += strcmp(s->o->serial[i], "stdio") == 0;
        if (stdios > 1) {
            complain("--serial stdio can be given once; there is only one standard input");
            return -EINVAL;
        }
        int r = open_port(s->o->serial[i], any, "--serial", &s->serial[i]);
        if (r)
            return r;
        if (strcmp(s->o->serial[i], "pty") == 0)
            complain("COM%u is %s", i + 1, serialio_name(s->serial[i]));
    }
    return 0;
}

static struct char_backend outlet(struct session *s, unsigned n, struct serialio *to)
{
    s->outlet[n] = (struct outlet){s, to};
    return to ? (struct char_backend){&s->outlet[n], outlet_write} : (struct char_backend){0};
}

/* Opens what the ports are connected to. */
static int open_ports(struct session *s, struct machine_ports *ports)
{
    const struct options *o = s->o;
    int r = open_serials(s);
    if (r == 0 && o->parallel)
        r = open_port(o->parallel, SERIALIO_NONE | SERIALIO_FILE, "--parallel", &s->parallel);
    if (r == 0 && o->debugcon)
        r = open_port(o->debugcon, SERIALIO_NONE | SERIALIO_FILE | SERIALIO_STDIO, "--debugcon", &s->debugcon);
    *ports = (struct machine_ports){0};
    for (unsigned i = 0; i < PC_SERIALS; i++) {
        ports->serial_present[i] = i == 0 || i < o->serials;
        ports->serial[i] = outlet(s, i, s->serial[i]);
    }
    ports->serial[0] = (struct char_backend){s, com1_write};
    ports->parallel = outlet(s, PC_SERIALS, s->parallel);
    ports->debugcon = outlet(s, PC_SERIALS + 1, s->debugcon);
    return r;
}

static void close_ports(struct session *s)
{
    for (unsigned i = 0; i < PC_SERIALS; i++)
        serialio_close(s->serial[i]);
    serialio_close(s->parallel);
    serialio_close(s->debugcon);
}

static bool is_stdio(const char *spec)
{
    return spec && strcmp(spec, "stdio") == 0;
}

/* Whether one of the ports uses standard input or output. */
static bool ports_use_stdio(const struct options *o)
{
    bool any = is_stdio(o->debugcon);
    for (unsigned i = 0; i < o->serials; i++)
        any |= is_stdio(o->serial[i]);
    return any;
}

static bool monitors_use_stdio(const struct options *o)
{
    return is_stdio(o->monitor) || is_stdio(o->monitor_json);
}

/* Opens what commands come from. */
static int open_monitors(struct session *s)
{
    const struct options *o = s->o;
    const char *const spec[MONITORS] = {o->monitor, o->monitor_json};
    char error[MACHINE_ERROR_MAX];
    if (monitors_use_stdio(o) && (ports_use_stdio(o) || (is_stdio(o->monitor) && is_stdio(o->monitor_json)))) {
        complain("standard input and output cannot be a monitor and something else at once; use unix:PATH");
        return -EINVAL;
    }
    for (unsigned i = 0; i < MONITORS; i++) {
        int r = !spec[i] ? 0
                         : monitor_io_open(spec[i], i ? "--monitor-json" : "--monitor", i == 1, &s->monitor_io[i],
                                           error, sizeof error);
        if (r) {
            complain("%s", error);
            return r;
        }
    }
    return 0;
}

/* The monitor acts on this session. */
static int start_monitor(struct session *s)
{
    const struct monitor_env env = {.ctx = s,
                                    .pc = s->pc,
                                    .pause = do_pause,
                                    .reset = do_reset,
                                    .power = do_power,
                                    .quit = on_quit,
                                    .screenshot = keys_screenshot,
                                    .keys = do_keys,
                                    .change = do_change,
                                    .save = do_save,
                                    .load = do_load,
                                    .status = get_status,
                                    .stats = get_stats};
    if (!s->o->monitor && !s->o->monitor_json && !s->o->gdb)
        return 0;
    s->monitor = monitor_new(&env);
    return s->monitor ? 0 : -ENOMEM;
}

/* Whether anything of the guest comes out somewhere. */
static bool is_seen(const struct session *s)
{
    const struct options *o = s->o;
    return screen_visible(&s->screen) || o->serials || o->debugcon || o->keys || o->screenshot || o->text_dump ||
           s->monitor || o->gdb || o->display == DISPLAY_NONE;
}

/* A person's time where a person is; a script alone gets the same run each time. */
static bool wants_wall(const struct session *s)
{
    bool person = screen_visible(&s->screen);
    if (s->o->clock != CLOCK_AUTO)
        return s->o->clock == CLOCK_WALL;
    for (unsigned i = 0; i < PC_SERIALS; i++)
        person |= s->serial[i] && !s->keys && serialio_interactive(s->serial[i]);
    return person;
}

static void connect(struct session *s)
{
    s->events = (struct frontend_events){.ctx = s,
                                         .key = on_key,
                                         .mouse = on_mouse,
                                         .room = on_room,
                                         .quit = on_quit,
                                         .screenshot = on_screenshot,
                                         .inspect = on_inspect};
    s->sink = (struct input_sink){.ctx = s, .key = script_key, .mouse = script_mouse, .room = script_room};
    s->keys_env = (struct keyscript_env){.input = &s->sink,
                                         .display = pc_display(s->pc),
                                         .ctx = s,
                                         .screenshot = keys_screenshot,
                                         .dump = keys_dump,
                                         .serial_send = keys_send,
                                         .quit = keys_quit};
    for (unsigned i = 0; i < PC_SERIALS; i++)
        if (s->serial[i] && serialio_has_terminal(s->serial[i]))
            fputs("ombra: Ctrl+] then q quits\n", stderr);
}

static void start_clocks(struct session *s)
{
    s->wall = wants_wall(s);
    timer_init(pc_clock(s->pc), &s->wake, "session", on_wake, s);
    s->start_host = host_now();
    s->start_virtual = now_virtual(s);
    s->start_count = now_count(s);
    s->end_virtual = s->o->max_ns ? s->start_virtual + s->o->max_ns : CLOCK_NEVER;
    s->end_count = s->o->max_instructions ? s->start_count + s->o->max_instructions : ~(u64)0;
    pacer_start(&s->pacer, s->start_host, s->start_virtual, pc_clock(s->pc)->rate_ps);
}

/* The guest stands before its first instruction until a debugger lets it run. */
static int open_gdb(struct session *s)
{
    char error[MACHINE_ERROR_MAX];
    if (!s->o->gdb)
        return 0;
    debugger_open(&s->debugger, s->pc);
    s->debugger.timeline = &s->timeline;
    s->debugger.rewind = s->rewind;
    int r = gdbserver_open(s->o->gdb, &s->debugger, s->monitor, &s->gdb, error, sizeof error);
    if (r) {
        complain("%s", error);
        return r;
    }
    bool waits = gdbserver_waits(s->o->gdb);
    if (waits)
        debugger_pause(&s->debugger);
    complain("%s: target remote %s", waits ? "the guest waits for GDB" : "GDB may come", gdbserver_name(s->gdb));
    return 0;
}

static int load_symbols(struct session *s)
{
    char error[MACHINE_ERROR_MAX];
    s->symbols = symbols_new();
    if (!s->symbols) {
        complain("not enough memory");
        return -ENOMEM;
    }
    for (unsigned i = 0; i < s->o->symbol_files; i++) {
        int r = symbols_load(s->symbols, s->o->symbols[i], error, sizeof error);
        if (r) {
            complain("%s", error);
            return r;
        }
    }
    return 0;
}

static int open_trace(struct session *s)
{
    char error[MACHINE_ERROR_MAX];
    if (!s->o->trace)
        return 0;
    int r = tracer_open(&s->tracer, s->o->trace, s->o->trace_file, s->o->trace_binary, s->symbols, error, sizeof error);
    if (r)
        complain("%s", error);
    return r;
}

/* ---- recordings ---- */

/* The first line in which BUILT differs from what the recording was made with. */
static int differs(struct session *s, const char *built)
{
    const char *then = s->start.built_from;
    while (*then && strcspn(then, "\n") == strcspn(built, "\n") && strncmp(then, built, strcspn(then, "\n")) == 0) {
        then += strcspn(then, "\n") + (then[strcspn(then, "\n")] == '\n');
        built += strcspn(built, "\n") + (built[strcspn(built, "\n")] == '\n');
    }
    complain("%s: recorded with '%.*s', but this machine has '%.*s'", s->o->replay, (int)strcspn(then, "\n"), then,
             (int)strcspn(built, "\n"), built);
    return -EINVAL;
}

static int read_recording(struct session *s, struct machine_ports *ports)
{
    char error[MACHINE_ERROR_MAX];
    if (!s->o->replay)
        return 0;
    int r = recording_read(s->o->replay, &s->start, &s->timeline.journal, &s->replay_end, error, sizeof error);
    if (r)
        complain("%s", error);
    ports->rtc_seconds = &s->start.rtc_seconds;
    return r;
}

static int begin_replay(struct session *s)
{
    char built[RECORDING_TEXT_MAX];
    machine_describe(&s->machine, built, sizeof built);
    if (strcmp(built, s->start.built_from) != 0)
        return differs(s, built);
    if (s->start.has_cmos)
        pc_cmos_set(s->pc, s->start.cmos);
    if (pc_hash(s->pc) != s->start.hash) {
        complain("%s: the machine begins in another state than the recorded one; give the same BIOS and --load-state",
                 s->o->replay);
        return -EINVAL;
    }
    s->timeline.fixed = true;
    s->timeline.end = s->replay_end.at;
    return 0;
}

static int begin_recording(struct session *s)
{
    char error[MACHINE_ERROR_MAX];
    struct recording_start *start = &s->start;
    start->rtc_seconds = s->machine.rtc_seconds;
    start->has_cmos = s->o->cmos != NULL;
    if (start->has_cmos)
        pc_cmos_get(s->pc, start->cmos);
    machine_describe(&s->machine, start->built_from, sizeof start->built_from);
    start->hash = pc_hash(s->pc);
    int r = recording_create(s->o->record, start, &s->recording, error, sizeof error);
    if (r)
        complain("%s", error);
    return r;
}

/* The recording's end, and whether the replayed machine is where the recorded one ended. */
static void end_recordings(struct session *s)
{
    if (!s->recording && !s->timeline.fixed)
        return;
    struct recording_end last = {cpu_place(pc_cpu(s->pc)), pc_hash(s->pc)};
    if (s->recording) {
        update_recording(s);
        int err = recording_close(s->recording, s->timeline.lost ? NULL : &last);
        s->recording = NULL;
        if (err || s->timeline.lost) {
            complain("%s: the recording could not be finished: %s", s->o->record, strerror(err ? -err : ENOMEM));
            s->status = EXIT_RUN_FAILED;
        }
    }
    if (!s->timeline.fixed || (!s->timeline.lost && timeline_past(&s->timeline)))
        return; /* somebody has ended it before its end */
    if (s->timeline.lost || last.hash != s->replay_end.hash) {
        complain("%s: the machine went another way than the recorded one, %s", s->o->replay,
                 s->timeline.refused ? "a medium could not be had again"
                 : s->timeline.lost  ? "something could not happen where it did"
                                     : "its state at the end differs");
        s->status = EXIT_RUN_FAILED;
    }
}

/* From here on everything that comes from outside is remembered, if there is a use for it. */
static int open_timeline(struct session *s)
{
    u64 bytes = options_rewind(s->o);
    struct rewind_media media = rewind_media_of(&s->machine.media);
    struct journal recorded = s->timeline.journal; /* of --replay */
    timeline_open(&s->timeline, s->pc, bytes || s->o->record || s->o->replay);
    s->timeline.journal = recorded;
    s->timeline.medium = on_medium;
    s->timeline.ctx = s;
    if ((s->o->record && begin_recording(s)) || (s->o->replay && begin_replay(s)))
        return -EINVAL;
    int r = bytes ? rewind_open(&s->rewind, &s->timeline, &media, bytes) : 0;
    if (r)
        complain("going back in time is not possible: %s", strerror(-r));
    return r;
}

/* Everything before the first instruction. 0, or EXIT_BAD_INPUT after a line on standard error. */
static int begin(struct session *s)
{
    char error[MACHINE_ERROR_MAX];
    struct machine_ports ports;
    s->signals = host_signals_open();
    if (s->signals < 0) {
        complain("signals cannot be caught: %s", strerror(-s->signals));
        return EXIT_BAD_INPUT;
    }
    if (open_ports(s, &ports) || open_monitors(s) || load_symbols(s) || read_recording(s, &ports))
        return EXIT_BAD_INPUT;
    if ((s->o->keys && keyscript_open(s->o->keys, &s->keys, error, sizeof error)) ||
        machine_open(&s->machine, s->o, &ports, error, sizeof error)) {
        complain("%s", error);
        return EXIT_BAD_INPUT;
    }
    s->pc = s->machine.pc;
    if (open_timeline(s))
        return EXIT_BAD_INPUT;
    if (start_monitor(s)) {
        complain("not enough memory");
        return EXIT_BAD_INPUT;
    }
    if (open_gdb(s) || open_trace(s))
        return EXIT_BAD_INPUT;
    tracer_start(s->tracer, pc_cpu(s->pc));
    bool taken = ports_use_stdio(s->o) || monitors_use_stdio(s->o);
    if (screen_open(&s->screen, pc_display(s->pc), s->o->display, taken, s->machine.guest, error, sizeof error)) {
        complain("%s", error);
        return EXIT_BAD_INPUT;
    }
    if (!is_seen(s))
        complain("no display and no terminal: the guest runs unseen; --text-dump, --screenshot or --serial show it");
    connect(s);
    start_clocks(s);
    return 0;
}

/* A line of the table: TEXT, and a number. */
PRINTF_LIKE(2, 3) static void stat_line(const char *text, const char *fmt, ...)
{
    va_list args;
    char number[48];
    va_start(args, fmt);
    vsnprintf(number, sizeof number, fmt, args);
    va_end(args);
    fprintf(stderr, "%-52s %s\n", text, number);
}

static void stat_count(const char *text, u64 n)
{
    stat_line(text, "%16llu", (unsigned long long)n);
}

/* Parts stand under what they are parts of. COUNT: instructions by whomever. */
static void print_engine_stats(const struct engine_stats *e, u64 count)
{
    for (const struct stat_row *row = stat_rows; row < stat_rows + STAT_ROWS; row++) {
        char text[64];
        snprintf(text, sizeof text, "%s%s", row->kind == STAT_ALONE ? "" : "  ", row->text);
        stat_count(text, stat_of(e, row));
    }
    u64 engine = e->run + e->interpreted;
    stat_count("instructions one by one, or for debugger or trace", count > engine ? count - engine : 0);
}

static void print_verified(const struct verify_stats *v)
{
    stat_count("blocks verified", v->blocks);
    stat_count("  instructions", v->insns);
    stat_count("  comparisons", v->windows);
}

static void print_stats(const struct session *s, u64 host)
{
    const struct cpu *cpu = pc_cpu(s->pc);
    double wall = (double)(host - s->start_host) / 1e9, asleep = (double)s->slept / 1e9, busy = wall - asleep;
    u64 count = session_count(s) - s->start_count;
    stat_count("instructions", count);
    stat_line("virtual time", "%16.6f s", (double)(session_time(s) - s->start_virtual) / 1e9);
    stat_line("wall time", "%16.6f s", wall);
    stat_line("  of it asleep", "%16.6f s", asleep);
    stat_line("processor time", "%16.6f s", (double)host_cpu_time() / 1e9);
    stat_line("speed", "%16.2f MIPS while awake", busy > 0 ? (double)count / busy / 1e6 : 0.0);
    stat_count("blocks decoded", cpu->stats_blocks);
    stat_count("  instructions", cpu->stats_decoded);
    stat_count("TLB flushes", cpu->mmu.flushes);
    stat_count("TLB misses", cpu->mmu.misses);
    stat_count("page walks", cpu->mmu.walks);
    if (pc_engine_stats(s->pc))
        print_engine_stats(pc_engine_stats(s->pc), count);
    if (pc_verified(s->pc))
        print_verified(pc_verified(s->pc));
}

static void end_trace(struct session *s)
{
    int r = tracer_close(s->tracer);
    s->tracer = NULL;
    if (r && s->status == EXIT_OK) {
        complain("the trace cannot be written: %s", strerror(-r));
        s->status = EXIT_RUN_FAILED;
    }
}

/* Writes what was asked for; one that fails does not keep the others from being written. */
static void write_results(struct session *s)
{
    char error[MACHINE_ERROR_MAX];
    int failed = 0;
    if (s->o->screenshot && screen_screenshot(&s->screen, s->o->screenshot, error, sizeof error)) {
        complain("%s", error);
        failed = 1;
    }
    if (s->o->text_dump && screen_dump(&s->screen, s->o->text_dump, error, sizeof error)) {
        complain("%s", error);
        failed = 1;
    }
    if (machine_keep(&s->machine, error, sizeof error)) {
        complain("%s", error);
        failed = 1;
    }
    if (failed && s->status == EXIT_OK)
        s->status = EXIT_RUN_FAILED;
}

int session_run(const struct options *o)
{
    struct session *s = calloc(1, sizeof *s);
    if (!s) {
        complain("not enough memory");
        return EXIT_BAD_INPUT;
    }
    s->o = o;
    s->status = begin(s);
    if (s->status == 0) {
        loop(s);
        if (s->gdb)
            gdbserver_exited(s->gdb, s->status);
        u64 host = host_now();
        end_recordings(s);
        flush_ports(s);
        end_trace(s);
        /* The terminal is given back before anything is written to it. */
        struct display_source source = *pc_display(s->pc);
        screen_close(&s->screen);
        s->screen.source = &source;
        write_results(s);
        if (o->stats)
            print_stats(s, host);
    }
    screen_close(&s->screen);
    close_ports(s);
    for (unsigned i = 0; i < MONITORS; i++)
        monitor_io_close(s->monitor_io[i]);
    monitor_free(s->monitor);
    gdbserver_close(s->gdb);
    rewind_close(s->rewind);
    recording_close(s->recording, NULL);
    timeline_close(&s->timeline);
    if (s->pc)
        machine_close(&s->machine);
    tracer_close(s->tracer);
    symbols_free(s->symbols);
    keyscript_free(s->keys);
    keyscript_free(s->typed);
    if (s->signals >= 0)
        close(s->signals);
    int status = s->status;
    free(s);
    return status;
}
