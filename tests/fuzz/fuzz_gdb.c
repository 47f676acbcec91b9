/*
 * fuzz_gdb.c - a conversation with the GDB stub. Each line of the input is a packet's content, framed as GDB would; one
 * that begins with FFh goes over the line as it is. A packet that is refused changes neither processor nor stops, and
 * without an accepted one the whole machine stays as it was. A guest that runs can be interrupted. On the way back
 * and on again it does what it did before.
 */
#define _GNU_SOURCE /* memfd_create */
#include "frontend/gdbmonitor.h"
#include "frontend/gdbstub.h"
#include "tests/fuzz/machine.h"

enum { RUN = 300, SLICE = 70, PACKETS = 200, RAW = 0xFF, REWIND = 8 << 20 };

struct talk {
    struct fuzz_machine m;
    struct debugger d;
    struct gdb_monitor monitor;
    struct gdbstub g;
    struct timeline timeline;
    struct rewind *rewind;
    bool changed; /* something was accepted that may change the machine */
};

static u64 cpu_hash(struct talk *t)
{
    struct cpu *c = pc_cpu(t->m.pc);
    cpu_settle(c);
    return state_hash(c->stops.count, cpu_fields, c);
}

static void take(struct talk *t, const u8 *data, size_t n)
{
    for (size_t i = 0; i < n && !t->g.over; i++) {
        if (!gdbstub_room(&t->g))
            gdbstub_sent(&t->g, t->g.out_len / 2);
        gdbstub_take(&t->g, data[i]);
    }
}

static void run(struct talk *t)
{
    for (unsigned done = 0; done < RUN && t->g.waits; done += SLICE) {
        enum pc_stop why = rewind_run(t->rewind, debugger_counts(&t->d, SLICE));
        if (debugger_ran(&t->d))
            gdbstub_stopped(&t->g);
        else if (why == PC_IDLE && pc_next_event(t->m.pc) != CLOCK_NEVER)
            timeline_skip_to(&t->timeline, pc_next_event(t->m.pc));
    }
    gdbstub_sent(&t->g, t->g.out_len);
    take(t, (const u8 *)"\3", 1);
    fuzz_check(!t->g.waits && t->d.why != DEBUGGER_RUNS);
}

/* Whether the last of what was sent is an error or empty, or there is no answer at all. */
static bool refused(const struct talk *t)
{
    const u8 *out = t->g.out;
    size_t at = t->g.no_ack ? 0 : 1;
    return t->g.out_len <= at + 1 || out[at + 1] == '#' || out[at + 1] == 'E';
}

static void say(struct talk *t, const u8 *content, size_t n)
{
    static u8 frame[GDB_FRAME_MAX + 1];
    struct gdb_text text = {0};
    for (size_t i = 0; i < n; i++)
        gdb_put_byte(&text, content[i]);
    u64 before = cpu_hash(t);
    gdbstub_sent(&t->g, t->g.out_len);
    take(t, frame, gdb_frame(&text, frame));
    fuzz_check(t->g.parser.state == GDB_OUTSIDE);
    if (!t->g.waits && refused(t))
        fuzz_check(cpu_hash(t) == before && t->d.why != DEBUGGER_RUNS && !t->g.over);
    else
        t->changed |= t->g.waits || !n || !strchr("?gmpq", content[0]) || (n > 2 && content[1] == 'R');
}

static void line(struct talk *t, const u8 *p, size_t n)
{
    if (n && p[0] == RAW) {
        take(t, p + 1, n - 1);
        take(t, (const u8 *)"#00", 3); /* the line is free again */
        t->changed = true;
    } else {
        say(t, p, n);
    }
    if (t->g.waits)
        run(t);
    if (t->g.over && !t->g.killed) { /* another debugger comes */
        gdbstub_end(&t->g);
        fuzz_check(pc_cpu(t->m.pc)->stops.count == 0 && t->d.why == DEBUGGER_RUNS);
        gdbstub_begin(&t->g, &t->d, gdb_monitor, &t->monitor);
    }
    fuzz_check(t->g.out_len <= GDB_OUT_MAX);
    fuzz_check(!t->timeline.lost);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct talk t;
    fuzz_machine_open(&t.m, &cpu_models[size % 2 ? 3 : 0]);
    fuzz_machine_run(&t.m, 2000, 2000, 1);
    t.changed = false;
    timeline_open(&t.timeline, t.m.pc, true);
    fuzz_check(rewind_open(&t.rewind, &t.timeline, NULL, REWIND) == 0);
    debugger_open(&t.d, t.m.pc);
    t.d.timeline = &t.timeline;
    t.d.rewind = t.rewind;
    t.monitor.debugger = &t.d;
    gdbstub_begin(&t.g, &t.d, gdb_monitor, &t.monitor);
    u64 before = pc_hash(t.m.pc);
    for (unsigned i = 0; size && i < PACKETS && !t.g.killed; i++) {
        const u8 *end = memchr(data, '\n', size);
        size_t n = end ? (size_t)(end - data) : size;
        line(&t, data, n);
        data += n + (end != NULL);
        size -= n + (end != NULL);
    }
    fuzz_check(t.changed || pc_hash(t.m.pc) == before);
    gdbstub_end(&t.g);
    debugger_close(&t.d);
    rewind_close(t.rewind);
    timeline_close(&t.timeline);
    fuzz_machine_close(&t.m);
    return 0;
}

size_t fuzz_seed(unsigned n, u8 *out)
{
    static const char *const seeds[] = {
        "qSupported:multiprocess+;swbreak+;hwbreak+;vContSupported+\nvMustReplyEmpty\nQStartNoAckMode\nHg0\nqAttached\n"
        "qXfer:features:read:target.xml:0,ffb\nqXfer:features:read:target.xml:ffb,ffb\n?"
        "\ng\nqfThreadInfo\nqsThreadInfo",
        "Z0,fe01a,1\nvCont;c\ns\nc\nz0,fe01a,1\nD;1\n?\ns\nc",
        "Z2,0,400\nc\nc\nZ3,0,10\nZ4,500,1\nc\nz2,0,400\nS05\nvCont;s:1;c",
        "m0,400\nmfe000,100\nM500,4:01020304\nX500,4:abcd\nmfee00000,4\nMfffffff0,1:00\nm1fffff,2",
        "p8\nP0=78563412\nP8=00e00000\ns\nP9=02030000\nPa=00f00000\np10\nP10=00000000000000800040\np18\nP18="
        "7f030000\np40",
        "P8=00050000\nM500,a:b80000cd10f30fa6cbcf\ns\ns\ns\ns\nc\nk",
        "qRcmd,68656c70\nqRcmd,6c696e656172\nqRcmd,756e74696c2039393939\nc\nqRcmd,7265736574\nqRcmd,"
        "706879736963616c2030",
        "s\ns\ns\nbs\nbs\nZ0,fe01a,1\nc\nbc\nbs\nbc\nc\nz0,fe01a,1\nZ2,0,400\nbc\nc\nM500,4:01020304\nbs\ns\nP0="
        "1\nbs\nbc",
        "P8=00050000\nP9=02030000\nM500,a:b80000cd10f30fa6cbcf\ns\ns\nbs\nbs\ns\nc\nbc\nc",
        "M500,3:ebfe90\nc500\ns500\nC05;500\nc\nvKill;1",
        "\xFF$m0,10#28+\3$?#3f$m0,\n\xFF-----$g#67\xFF\n\xFF}}}}$}}}}",
    };
    if (n >= ARRAY_LEN(seeds))
        return 0;
    size_t len = strlen(seeds[n]);
    memcpy(out, seeds[n], len);
    return len;
}
