/* GDB's remote protocol: framing, every command's answer, and that packets that make no sense change nothing. */
#define _GNU_SOURCE /* memfd_create */
#include "cpu/sys.h"
#include "frontend/gdbmonitor.h"
#include "frontend/gdbregs.h"
#include "frontend/gdbstub.h"
#include "tests/fuzz/machine.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

enum { AT = 0x7C00 };

struct bench {
    struct fuzz_machine m;
    struct debugger d;
    struct gdb_monitor monitor;
    struct gdbstub g;
    struct cpu *c;
    char answer[GDB_OUT_MAX + 1];
};

static void open_bench(struct bench *b, const char *model)
{
    static const u8 code[] = {0x40, 0xA3, 0x00, 0x50, 0xEB, 0xFA}; /* INC AX; MOV [5000h],AX; and again */
    fuzz_machine_open(&b->m, cpu_model_find(model));
    fuzz_machine_run(&b->m, 2000, 2000, 1);
    b->c = pc_cpu(b->m.pc);
    debugger_open(&b->d, b->m.pc);
    assert_int_equal(debugger_write(&b->d, AT, code, sizeof code), 0);
    for (unsigned i = 0; i < SEG_COUNT; i++)
        seg_load_real(b->c, (enum seg_reg)i, 0);
    cpu_set_eflags(b->c, 0);
    b->c->halt = HALT_NONE;
    b->c->attention &= ~(u32)ATT_HALT;
    memset(b->c->r, 0, sizeof b->c->r);
    b->c->ip = AT;
    b->monitor = (struct gdb_monitor){.debugger = &b->d};
    gdbstub_begin(&b->g, &b->d, gdb_monitor, &b->monitor);
}

static void close_bench(struct bench *b)
{
    gdbstub_end(&b->g);
    debugger_close(&b->d);
    fuzz_machine_close(&b->m);
}

static void say_bytes(struct bench *b, const void *data, size_t n)
{
    for (size_t i = 0; i < n; i++)
        gdbstub_take(&b->g, ((const u8 *)data)[i]);
}

/* What the stub has said since the last time. */
static const char *heard(struct bench *b)
{
    memcpy(b->answer, b->g.out, b->g.out_len);
    b->answer[b->g.out_len] = 0;
    gdbstub_sent(&b->g, b->g.out_len);
    return b->answer;
}

static void say(struct bench *b, const char *packet, size_t n)
{
    struct gdb_text t = {.len = n};
    static u8 frame[GDB_FRAME_MAX + 1];
    memcpy(t.data, packet, n);
    say_bytes(b, frame, gdb_frame(&t, frame));
}

/* The text in a frame, whose checksum must be right; nothing stays nothing. */
static const char *unframed(char *text)
{
    size_t n = strlen(text);
    u8 sum = 0;
    if (n == 0)
        return text;
    assert_true(n >= 4 && text[0] == '$' && text[n - 3] == '#');
    for (size_t i = 1; i < n - 3; i++)
        sum += (u8)text[i];
    assert_int_equal(strtoul(text + n - 2, NULL, 16), sum);
    text[n - 3] = 0;
    return text + 1;
}

/* The text of the answer to PACKET. */
static const char *ask_bytes(struct bench *b, const char *packet, size_t len)
{
    say(b, packet, len);
    heard(b);
    assert_true(b->answer[0] == '+' && b->answer[1] == '$');
    return unframed(b->answer + 1);
}

static const char *ask(struct bench *b, const char *packet)
{
    return ask_bytes(b, packet, strlen(packet));
}

#define assert_answer(b, packet, want) assert_string_equal(ask(b, packet), want)

/* Lets the guest run until it stops, at most 1000 counts; what it then says. */
static const char *run(struct bench *b)
{
    assert_string_equal(heard(b), "+");
    for (unsigned i = 0; i < 100; i++) {
        pc_run(b->m.pc, debugger_counts(&b->d, 10));
        if (debugger_ran(&b->d))
            gdbstub_stopped(&b->g);
        if (b->d.why != DEBUGGER_RUNS)
            break;
    }
    heard(b);
    return unframed(b->answer);
}

static const char *resume(struct bench *b, const char *packet)
{
    say(b, packet, strlen(packet));
    return run(b);
}

/* ---- framing ---- */

static void frames(void **state)
{
    struct bench b;
    open_bench(&b, "p3");
    static const struct {
        const char *line, *answer;
    } cases[] = {
        {"$qC#b4", "+$QC1#c5"},
        {"$qC#B4", "+$QC1#c5"},
        {"$qC#b5", "-"},
        {"$qC#g4", "-"},
        {"+++", ""},
        {"noise$qC#b4", "+$QC1#c5"},
        {"$m1$qC#b4", "+$QC1#c5"},
        {"$#00", "+$#00"},
        {"-", "$#00"},
        {"$q}c#51", "+$QC1#c5"},
        {"\3", ""},
        {"##", ""},
        {"$qC#b4$qC#b4", "+$QC1#c5+$QC1#c5"},
    };
    for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
        say_bytes(&b, cases[i].line, strlen(cases[i].line));
        assert_string_equal(heard(&b), cases[i].answer);
    }
    assert_answer(&b, "QStartNoAckMode", "OK");
    say_bytes(&b, "$qC#b4$qC#b5-", 13);
    assert_string_equal(heard(&b), "$QC1#c5");
    close_bench(&b);
}

static void refuses_long_packets(void **state)
{
    struct bench b;
    open_bench(&b, "p3");
    say_bytes(&b, "$", 1);
    for (unsigned i = 0; i < GDB_PACKET_MAX + 1; i++)
        say_bytes(&b, "\1", 1);
    say_bytes(&b, "#01", 3);
    assert_string_equal(heard(&b), "-");
    assert_answer(&b, "qC", "QC1");
    close_bench(&b);
}

/* What has a meaning in frames is escaped, and comes back as it was. */
static void escapes(void **state)
{
    static const char bytes[] = "a#b$c}d*e\3";
    struct gdb_text t = {.len = sizeof bytes - 1};
    static struct gdb_parser p;
    static u8 frame[GDB_FRAME_MAX + 1];
    memcpy(t.data, bytes, t.len);
    size_t n = gdb_frame(&t, frame);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(gdb_parse(&p, frame[i]), i == n - 1 ? GDB_PACKET : GDB_MORE);
    assert_int_equal(p.len, sizeof bytes - 1);
    assert_memory_equal(p.data, bytes, p.len);
}

/* ---- commands ---- */

static void answers(void **state)
{
    static const struct {
        const char *packet, *answer;
    } cases[] = {
        {"?", "T05thread:1;"},
        {"qAttached", "1"},
        {"vCont?", "vCont;c;C;s;S"},
        {"Hg0", "OK"},
        {"Hc-1", "OK"},
        {"T1", "OK"},
        {"T2", "E16"},
        {"qfThreadInfo", "m1"},
        {"qsThreadInfo", "l"},
        {"vMustReplyEmpty", ""},
        {"m7c00,6", "40a30050ebfa"},
        {"m7c00,0", ""},
        {"mfee00020,4", "E0e"},
        {"m1fffff,10", "00"}, /* as far as there is memory */
        {"M500,2:beEF", "OK"},
        {"m500,2", "beef"},
        {"M1fffff,2:0000", "E0e"},
        {"Mfffffff0,1:00", "E0e"},
        {"X500,0:", "OK"},
        {"p8", "007c0000"},
        {"P0=78563412", "OK"},
        {"p0", "78563412"},
        {"P8=107c0000", "OK"},
        {"P8=007c0000", "OK"},
        {"Pa=00100000", "OK"}, /* CS, in real mode */
        {"p27", "00000000"},
        {"P20=00000000", "E16"}, /* CR0 */
        {"P9=02000200", "E16"},  /* VM */
        {"P9=93000000", "OK"},
        {"p9", "93000000"},
        {"P10=000000000000008000400", "E16"},
        {"P10=00000000000000800040", "OK"},
        {"p10", "00000000000000800040"},
        {"pff", "E16"},
        {"Z0,7c00,1", "OK"},
        {"Z5,7c00,1", ""},
        {"Z2,7c00,0", "E16"},
        {"Z2,100000000,1", "E16"},
        {"Z2,ffffffff,2", "E16"},
        {"z0,1234,1", "OK"},
        {"qXfer:features:read:other.xml:0,10", "E00"},
        {"qXfer:features:read:target.xml:99999,10", "l"},
    };
    struct bench b;
    open_bench(&b, "p3");
    for (unsigned i = 0; i < ARRAY_LEN(cases); i++)
        assert_answer(&b, cases[i].packet, cases[i].answer);
    assert_int_equal(b.c->seg[SEG_CS].base, 0x10000);
    assert_string_equal(ask_bytes(&b, "X500,3:\0#}", 10), "OK");
    assert_answer(&b, "m500,3", "00237d");
    close_bench(&b);
}

/* Nothing of this is anything: an error or an empty answer, and the same machine. */
static void refuses_nonsense(void **state)
{
    static const char *const packets[] = {
        "",
        "g0",
        "G",
        "G00",
        "Gzz",
        "p",
        "pg",
        "p-1",
        "p00000000000000001",
        "p8 ",
        "P",
        "P8",
        "P8=",
        "P8=00",
        "P8=007c00zz",
        "P8=007c000000",
        "P=00000000",
        "m",
        "m7c00",
        "m7c00,",
        "m,1",
        "m7c00,1,1",
        "m-1,1",
        "mffffffffffffffff,1",
        "m100000000,1",
        "M",
        "M500",
        "M500,1",
        "M500,1:",
        "M500,1:0",
        "M500,1:zz",
        "M500,1:0000",
        "M500,2:00",
        "M500,ffffffffffffffff:00",
        "M100000000,1:00",
        "X",
        "X500,1",
        "X500,1:",
        "X500,1:00",
        "X500,ffffffffffffffff:0",
        "Z",
        "Z0",
        "Z0,",
        "Z0,500",
        "Z0,500,",
        "Z0,500,1;X1",
        "Z0,g,1",
        "z",
        "z0,500",
        "Zg,500,1",
        "c7c0g",
        "cg",
        "c100000000",
        "C",
        "Cg",
        "C05;",
        "C05;g",
        "C0507c00;",
        "s100000000",
        "S",
        "S05,500",
        "vCont",
        "vCont;",
        "vCont;x",
        "vCont;c:2",
        "vCont;C",
        "vCont;Cg",
        "vCont;s:",
        "vCont;c;",
        "vContc",
        "H",
        "Hg",
        "Hgx",
        "Hx0",
        "T",
        "Tx",
        "D;",
        "D;2",
        "D1",
        "k5",
        "vKill;",
        "vKill;x",
        "qRcmd,",
        "qRcmd,0",
        "qRcmd,zz",
        "qXfer:features:read:target.xml:",
        "qXfer:features:read:target.xml:0",
        "qXfer:features:read:target.xml:0,x",
        "qXfer:memory-map:read::0,10",
        "!",
        "R00",
        "t",
        "i",
        "bc",
        "bs",
        "vRun;",
        "vFile:open:",
        "QNonStop:1",
        "qCRC:0,10",
        "\xFF\xFE",
    };
    struct bench b;
    open_bench(&b, "p3");
    u64 hash = pc_hash(b.m.pc);
    for (unsigned i = 0; i < ARRAY_LEN(packets); i++) {
        const char *a = ask(&b, packets[i]);
        bool refused = !*a || a[0] == 'E' || (strcmp(packets[i], "qRcmd,") == 0 && strlen(a) > 2);
        if (!refused)
            fail_msg("'%s' was answered by '%s'", packets[i], a);
        assert_int_equal(b.d.why, DEBUGGER_PAUSED);
        assert_int_equal(b.c->stops.count, 0);
        assert_false(b.g.over || b.g.killed);
        assert_true(pc_hash(b.m.pc) == hash);
    }
    close_bench(&b);
}

static size_t description(struct bench *b, char *xml, size_t part)
{
    size_t len = 0;
    for (;;) {
        char packet[64];
        snprintf(packet, sizeof packet, "qXfer:features:read:target.xml:%zx,%zx", len, part);
        const char *a = ask(b, packet);
        assert_true(*a == 'm' || *a == 'l');
        assert_true(strlen(a + 1) <= part);
        strcpy(xml + len, a + 1);
        len += strlen(a + 1);
        if (*a == 'l')
            return len;
    }
}

/* The description comes in parts of any size, and names as many bytes of registers as there are. */
static void describes_registers(void **state)
{
    static const char *const models[] = {"486", "p4"};
    for (unsigned i = 0; i < ARRAY_LEN(models); i++) {
        static struct bench b;
        static char xml[GDB_PACKET_MAX + 1], again[GDB_PACKET_MAX + 1];
        unsigned regs = 0, bits = 0;
        open_bench(&b, models[i]);
        size_t len = description(&b, xml, 100);
        assert_int_equal(description(&b, again, GDB_PACKET_MAX), len);
        assert_string_equal(xml, again);
        for (const char *p = xml; (p = strstr(p, " bitsize=\"")); p++, regs++)
            bits += (unsigned)strtoul(p + 10, NULL, 10);
        assert_int_equal(regs, gdb_regs(b.c));
        assert_int_equal(strlen(ask(&b, "g")), bits / 4);
        assert_int_equal(strstr(xml, "i386.sse") != NULL, i == 1);
        assert_string_equal(xml + len - 9, "</target>");
        close_bench(&b);
    }
}

/* All registers at once: what was read can be written back, a wrong one among them leaves all as they were. */
static void writes_all_registers(void **state)
{
    static struct bench b;
    char packet[2000] = "G";
    open_bench(&b, "p4");
    strcpy(packet + 1, ask(&b, "g"));
    assert_answer(&b, packet, "OK");
    memcpy(packet + 1, "44332211", 8);
    char *cr0 = packet + 1 + (16 * 4 + 8 * 10 + 8 * 4) * 2;
    cr0[1] ^= 1;
    assert_answer(&b, packet, "E16");
    assert_int_equal(b.c->r[R_AX], 0);
    cr0[1] ^= 1;
    assert_answer(&b, packet, "OK");
    assert_int_equal(b.c->r[R_AX], 0x11223344);
    close_bench(&b);
}

/* ---- running ---- */

static void runs_and_stops(void **state)
{
    struct bench b;
    open_bench(&b, "p3");
    assert_string_equal(resume(&b, "s"), "T05thread:1;");
    assert_int_equal(b.c->ip, AT + 1);
    assert_string_equal(resume(&b, "vCont;s:1;c"), "T05thread:1;");
    assert_int_equal(b.c->ip, AT + 4);
    ask(&b, "qSupported:swbreak+;hwbreak+;vContSupported+");
    assert_answer(&b, "Z0,7c01,1", "OK");
    assert_answer(&b, "Z0,7c01,1", "OK");
    assert_string_equal(resume(&b, "c"), "T05swbreak:;thread:1;");
    assert_answer(&b, "z0,7c01,1", "OK");
    assert_answer(&b, "Z1,7c04,1", "OK");
    assert_string_equal(resume(&b, "C05"), "T05hwbreak:;thread:1;");
    assert_answer(&b, "z1,7c04,1", "OK");
    assert_answer(&b, "Z2,5001,1", "OK");
    assert_string_equal(resume(&b, "vCont;c"), "T05watch:5001;thread:1;");
    assert_int_equal(b.c->ip, AT + 4);
    assert_answer(&b, "z2,5001,1", "OK");
    assert_string_equal(resume(&b, "c"), ""); /* goes on */
    say(&b, "g", 1);
    assert_string_equal(heard(&b), "+"); /* while it runs nothing is answered */
    say_bytes(&b, "\3", 1);
    heard(&b);
    assert_string_equal(unframed(b.answer), "T02thread:1;");
    assert_string_equal(resume(&b, "s7c00"), "T05thread:1;");
    assert_int_equal(b.c->ip, AT + 1);
    close_bench(&b);
}

/* With a segment base GDB does not see the processor where the breakpoint is, and would take the tag for a mistake. */
static void tags_no_breakpoint_elsewhere(void **state)
{
    struct bench b;
    open_bench(&b, "p3");
    seg_load_real(b.c, SEG_CS, 0x7C0);
    b.c->ip = 0;
    ask(&b, "qSupported:swbreak+;hwbreak+");
    assert_answer(&b, "Z0,7c04,1", "OK");
    assert_string_equal(resume(&b, "c"), "T05thread:1;");
    assert_int_equal(b.c->ip, 4);
    close_bench(&b);
}

static void detaches(void **state)
{
    struct bench b;
    open_bench(&b, "p3");
    assert_answer(&b, "Z0,7c01,1", "OK");
    assert_answer(&b, "D;1", "OK");
    assert_true(b.g.over && !b.g.killed);
    gdbstub_end(&b.g);
    assert_int_equal(b.d.why, DEBUGGER_RUNS);
    assert_int_equal(b.c->stops.count, 0);
    gdbstub_begin(&b.g, &b.d, gdb_monitor, &b.monitor);
    assert_answer(&b, "?", "T05thread:1;");
    assert_int_equal(debugger_counts(&b.d, 100), 0);
    assert_string_equal(resume(&b, "c"), "");
    gdbstub_exited(&b.g, 7);
    heard(&b);
    assert_string_equal(unframed(b.answer), "W07");
    assert_answer(&b, "k", "OK");
    assert_true(b.g.killed);
    close_bench(&b);
}

/* ---- monitor ---- */

static void assert_monitor(struct bench *b, const char *command, const char *want)
{
    struct gdb_text t = {0}, answer = {0};
    gdb_put(&t, "qRcmd,");
    gdb_put_hex(&t, command, strlen(command));
    const char *hex = ask_bytes(b, t.data, t.len);
    struct gdb_in in = {(const u8 *)hex, strlen(hex)};
    if (strcmp(hex, "OK") == 0)
        in.left = 0;
    answer.len = in.left / 2;
    assert_true(gdb_take_hex(&in, answer.data, answer.len));
    if (!strstr(answer.data, want))
        fail_msg("'%s' was answered by '%s'", command, answer.data);
}

static void monitors(void **state)
{
    static const struct {
        const char *command, *want;
    } cases[] = {
        {"help", "linear"},
        {"linear", "cs:eip 0000:00007c00 is 00007c00"},
        {"linear 1234:10", "00012350"},
        {" linear  ds:ffff", "0000ffff"},
        {"linear 12345:0", "linear takes"},
        {"linear zz:0", "linear takes"},
        {"linear 10", "linear takes"},
        {"linear :", "linear takes"},
        {"physical 7c00", "000007c00"},
        {"physical x", "physical takes"},
        {"physical 100000000", "physical takes"},
        {"until 1", "until takes"},
        {"until -1", "until takes"},
        {"until", "until takes"},
        {"nothing", "no such command"},
        {"lin", "no such command"},
        {"", "no such command"},
    };
    struct bench b;
    open_bench(&b, "p3");
    for (unsigned i = 0; i < ARRAY_LEN(cases); i++)
        assert_monitor(&b, cases[i].command, cases[i].want);
    char command[64];
    u64 end = cpu_count(b.c) + 33;
    snprintf(command, sizeof command, "until %llu", (unsigned long long)end);
    assert_monitor(&b, command, "");
    assert_string_equal(resume(&b, "c"), "T05thread:1;");
    assert_int_equal(cpu_count(b.c), end);
    snprintf(command, sizeof command, "%llu\n", (unsigned long long)end);
    assert_monitor(&b, "count", command);
    close_bench(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames),
        cmocka_unit_test(refuses_long_packets),
        cmocka_unit_test(escapes),
        cmocka_unit_test(answers),
        cmocka_unit_test(refuses_nonsense),
        cmocka_unit_test(describes_registers),
        cmocka_unit_test(writes_all_registers),
        cmocka_unit_test(runs_and_stops),
        cmocka_unit_test(tags_no_breakpoint_elsewhere),
        cmocka_unit_test(detaches),
        cmocka_unit_test(monitors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
