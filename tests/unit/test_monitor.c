/*
 * test_monitor.c - the monitor's lines: what is taken apart how, what each command asks of its session and its machine,
 * what is refused; and the socket over which they come. The session is one that writes down what it is asked to do.
 */
#define _GNU_SOURCE /* memfd_create */
#include "frontend/monitor_io.h"
#include "tests/fuzz/machine.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cmocka.h>

enum { LOG_MAX = 512, FLOOD = 2000 };

struct desk {
    struct fuzz_machine machine;
    struct monitor *monitor;
    struct monitor_status status;
    bool stop;
    char log[LOG_MAX]; /* "pause(1) save(a b) " */
    char *answer;
};

static PRINTF_LIKE(2, 3) void note(struct desk *d, const char *fmt, ...)
{
    size_t len = strlen(d->log);
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(d->log + len, LOG_MAX - len, fmt, ap);
    va_end(ap);
}

static void do_pause(void *ctx, bool paused)
{
    note(ctx, "pause(%d) ", paused);
}

static void do_quit(void *ctx)
{
    struct desk *d = ctx;
    note(d, "quit ");
    d->stop = true;
}

static int refuse_bad(const char *path, char *err, size_t n)
{
    snprintf(err, n, "%s: no\ngood", path);
    return strcmp(path, "bad") == 0 ? -1 : 0;
}

static int do_screenshot(void *ctx, const char *path, char *err, size_t n)
{
    note(ctx, "screenshot(%s) ", path);
    return refuse_bad(path, err, n);
}

static int do_keys(void *ctx, const char *script, char *err, size_t n)
{
    note(ctx, "keys(%s) ", script ? script : "stop");
    return refuse_bad(script ? script : "", err, n);
}

static int do_change(void *ctx, const char *drive, const char *path, char *err, size_t n)
{
    note(ctx, "change(%s,%s) ", drive, path ? path : "nothing");
    return refuse_bad(drive, err, n);
}

static int do_save(void *ctx, const char *path, char *err, size_t n)
{
    note(ctx, "save(%s) ", path);
    return refuse_bad(path, err, n);
}

static int do_load(void *ctx, const char *path, char *err, size_t n)
{
    note(ctx, "load(%s) ", path);
    return refuse_bad(path, err, n);
}

static void do_reset(void *ctx)
{
    pc_reset(((struct desk *)ctx)->machine.pc);
}

static void do_power(void *ctx)
{
    pc_power_button(((struct desk *)ctx)->machine.pc);
}

static void get_status(void *ctx, struct monitor_status *s)
{
    *s = ((struct desk *)ctx)->status;
}

static void get_stats(void *ctx, struct monitor_stats *s)
{
    *s = (struct monitor_stats){
        .instructions = 3000, .virtual_ns = 5, .wall_ns = 30000, .asleep_ns = 20000, .cpu_ns = 1ull << 60};
}

static int setup(void **state)
{
    struct desk *d = calloc(1, sizeof *d);
    if (!d)
        return -1;
    fuzz_machine_open(&d->machine, cpu_model_find("p4"));
    const struct monitor_env env = {.ctx = d,
                                    .pc = d->machine.pc,
                                    .pause = do_pause,
                                    .reset = do_reset,
                                    .power = do_power,
                                    .quit = do_quit,
                                    .screenshot = do_screenshot,
                                    .keys = do_keys,
                                    .change = do_change,
                                    .save = do_save,
                                    .load = do_load,
                                    .status = get_status,
                                    .stats = get_stats};
    d->status.keys_failed = "";
    d->monitor = monitor_new(&env);
    *state = d;
    return d->monitor ? 0 : -1;
}

static int teardown(void **state)
{
    struct desk *d = *state;
    monitor_free(d->monitor);
    fuzz_machine_close(&d->machine);
    free(d->answer);
    free(d);
    return 0;
}

static void take(void *ctx, const char *text)
{
    struct desk *d = ctx;
    size_t len = d->answer ? strlen(d->answer) : 0;
    d->answer = realloc(d->answer, len + strlen(text) + 1);
    assert_non_null(d->answer);
    strcpy(d->answer + len, text);
}

static int execute(struct desk *d, const char *line, bool json)
{
    free(d->answer);
    d->answer = strdup("");
    d->log[0] = 0;
    return json ? monitor_execute_json(d->monitor, line, take, d) : monitor_execute(d->monitor, line, take, d);
}

/* ---- text ---- */

static void words_to_calls(void **state)
{
    static const struct {
        const char *line, *log;
    } rows[] = {
        {"", ""},
        {" \t", ""},
        {"pause", "pause(1) "},
        {"  stop\t", "pause(1) "},
        {"continue", "pause(0) "},
        {"cont", "pause(0) "},
        {"quit", "quit "},
        {"save name", "save(name) "},
        {"save 'a b'", "save(a b) "},
        {"save \"it's\"", "save(it's) "},
        {"save a'b c'd\"e\"", "save(ab cde) "},
        {"load a\\b", "load(a\\b) "},
        {"screenshot s.png", "screenshot(s.png) "},
        {"change a \"my disk.img\"", "change(a,my disk.img) "},
        {"eject cd", "change(cd,nothing) "},
        {"keys", "keys(stop) "},
        {"keys type \"a b\"; key ctrl-c  # x", "keys(type \"a b\"; key ctrl-c  # x) "},
    };
    struct desk *d = *state;
    for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
        assert_int_equal(execute(d, rows[i].line, false), 0);
        assert_string_equal(d->log, rows[i].log);
        assert_string_equal(d->answer, "");
    }
}

static void refused(struct desk *d, const char *line, bool json, const char *why)
{
    u64 before = pc_hash(d->machine.pc);
    assert_int_equal(execute(d, line, json), -EINVAL);
    assert_string_equal(d->log, "");
    if (!strstr(d->answer, why) || strchr(d->answer, '\n') != d->answer + strlen(d->answer) - 1)
        fail_msg("'%s' is answered with: %s", line, d->answer);
    assert_true(strncmp(d->answer, json ? "{\"error\":\"" : "error: ", json ? 10 : 7) == 0);
    assert_true(pc_hash(d->machine.pc) == before);
}

static void words_refused(void **state)
{
    static const struct {
        const char *line, *why;
    } rows[] = {
        {"bogus", "unknown command 'bogus'"},
        {"PAUSE", "unknown command"},
        {"'pause", "quote is not closed"},
        {"save \"a", "quote is not closed"},
        {"pause now", "pause takes no argument"},
        {"save", "save takes FILE"},
        {"save a b", "save takes FILE"},
        {"change a", "change takes DRIVE FILE"},
        {"x", "x takes ADDR [LEN]"},
        {"x 1 2 3", "x takes ADDR [LEN]"},
        {"x 0x", "ADDR is a number"},
        {"x 12z", "ADDR is a number"},
        {"x -1", "ADDR is a number"},
        {"x ' 1'", "ADDR is a number"},
        {"x 0x-1", "ADDR is a number"},
        {"x 0x100000000", "below 0x100000000"},
        {"xp 0x10000000000000", "below 0x10000000000000"},
        {"xp 99999999999999999999", "ADDR is a number"},
        {"x 0 65537", "LEN is a number"},
        {"xp 0xA0000", "0x000A0000 is registers, not memory"},
        {"xp 0x40000000", "is no memory"},
        {"info nope", "no device 'nope'"},
        {"help nope", "unknown command 'nope'"},
        {"pause\1", "control character (01h)"},
        {"bo\xC3\xA9\xFFgus", "unknown command 'bo\xC3\xA9?gus'"},
        {"screenshot nowhere/x", "folder does not exist"},
        {"save /dev/null", "not a regular file"},
    };
    struct desk *d = *state;
    for (unsigned i = 0; i < ARRAY_LEN(rows); i++)
        refused(d, rows[i].line, false, rows[i].why);
}

/* What the session says no to comes back as one line. */
static void failures_are_told(void **state)
{
    static const char *const lines[] = {"screenshot bad", "save bad", "load bad", "keys bad", "eject bad"};
    struct desk *d = *state;
    for (unsigned i = 0; i < ARRAY_LEN(lines); i++) {
        assert_int_equal(execute(d, lines[i], false), -EINVAL);
        assert_string_equal(d->answer, "error: bad: no?good\n");
    }
}

static void long_lines(void **state)
{
    struct desk *d = *state;
    char *line = malloc(MONITOR_LINE_MAX + 2);
    assert_non_null(line);
    memset(line, ' ', MONITOR_LINE_MAX + 1);
    memcpy(line, "pause", 5);
    line[MONITOR_LINE_MAX] = 0;
    assert_int_equal(execute(d, line, false), 0);
    line[MONITOR_LINE_MAX] = ' ';
    line[MONITOR_LINE_MAX + 1] = 0;
    refused(d, line, false, "longer than 64 KiB");
    refused(d, line, true, "longer than 64 KiB");
    free(line);
}

/* ---- JSON ---- */

static void json_answers(void **state)
{
    static const struct {
        const char *line, *log, *answer;
    } rows[] = {
        {"{\"execute\":\"pause\"}", "pause(1) ", "{\"return\":{}}\n"},
        {" {\"execute\": \"cont\", \"id\": 7} ", "pause(0) ", "{\"return\":{},\"id\":7}\n"},
        {"{\"id\":\"x\\\"y\",\"execute\":\"quit\",\"arguments\":{}}", "quit ", "{\"return\":{},\"id\":\"x\\\"y\"}\n"},
        {"{\"execute\":\"save\",\"arguments\":{\"file\":\"a \\u00e9\"}}", "save(a \xC3\xA9) ", "{\"return\":{}}\n"},
        {"{\"execute\":\"change\",\"arguments\":{\"file\":\"f\",\"drive\":\"b\"}}", "change(b,f) ",
         "{\"return\":{}}\n"},
        {"{\"execute\":\"eject\",\"arguments\":{\"drive\":\"a\"}}", "change(a,nothing) ", "{\"return\":{}}\n"},
        {"{\"execute\":\"keys\",\"arguments\":{\"script\":\"type 'a'\\nkey b\"}}", "keys(type 'a'\nkey b) ",
         "{\"return\":{}}\n"},
        {"{\"execute\":\"x\",\"arguments\":{\"addr\":4294967280,\"len\":5}}", "",
         "{\"return\":{\"address\":\"0xFFFFFFF0\",\"data\":\"EA00E000F0\"}}\n"},
        {"{\"execute\":\"xp\",\"arguments\":{\"addr\":\"0xFFFFFFF0\",\"len\":\"0x2\"}}", "",
         "{\"return\":{\"address\":\"0xFFFFFFF0\",\"data\":\"EA00\"}}\n"},
        {"{\"execute\":\"help\",\"arguments\":{\"command\":\"stop\"}}", "",
         "{\"return\":{\"commands\":[{\"name\":\"pause\",\"other\":\"stop\",\"arguments\":\"\",\"help\":\"stop the "
         "guest where "
         "it is; nothing in it changes until it is continued\"}]}}\n"},
    };
    struct desk *d = *state;
    for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
        assert_int_equal(execute(d, rows[i].line, true), 0);
        assert_string_equal(d->log, rows[i].log);
        assert_string_equal(d->answer, rows[i].answer);
    }
}

static void json_refused(void **state)
{
    static const struct {
        const char *line, *why;
    } rows[] = {
        {"", "not JSON"},
        {"{", "not JSON at column 2"},
        {"{} x", "not JSON at column 4"},
        {"{}", "'execute' with the name of a command is missing"},
        {"[]", "not a JSON object"},
        {"null", "not a JSON object"},
        {"\"pause\"", "not a JSON object"},
        {"{\"execute\":1}", "'execute'"},
        {"{\"execute\":\"nope\",\"id\":3}", "unknown command 'nope'; 'help' lists all\",\"id\":3}"},
        {"{\"execute\":\"pause\",\"execute\":\"quit\"}", "'execute' is there twice"},
        {"{\"execute\":\"pause\",\"more\":1}", "not 'more'"},
        {"{\"execute\":\"pause\",\"id\":[]}", "id must be"},
        {"{\"execute\":\"save\",\"arguments\":[\"a\"]}", "'arguments' must be an object"},
        {"{\"execute\":\"save\",\"arguments\":{}}", "save takes FILE"},
        {"{\"execute\":\"save\",\"arguments\":{\"file\":null}}", "'file' must be a string"},
        {"{\"execute\":\"save\",\"arguments\":{\"FILE\":\"x\"}}", "no argument 'FILE'"},
        {"{\"execute\":\"save\",\"arguments\":{\"file\":\"x\",\"file\":\"y\"}}", "'file' is there twice"},
        {"{\"execute\":\"save\",\"arguments\":{\"file\":\"x\\u0000y\"}}", "character 0"},
        {"{\"execute\":\"pause\",\"arguments\":{\"file\":\"x\"}}", "pause has no argument 'file'"},
        {"{\"execute\":\"x\",\"arguments\":{\"len\":1}}", "x takes ADDR [LEN]"},
        {"{\"execute\":\"x\",\"arguments\":{\"addr\":1.5}}", "whole number"},
        {"{\"execute\":\"x\",\"arguments\":{\"addr\":-1}}", "whole number"},
        {"{\"execute\":\"x\",\"arguments\":{\"addr\":1e999}}", "whole number"},
        {"{\"execute\":\"pause\"\1}", "control character"},
        {"{\"execute\":\"\xFF\"}", "unknown command '?'"},
    };
    struct desk *d = *state;
    for (unsigned i = 0; i < ARRAY_LEN(rows); i++)
        refused(d, rows[i].line, true, rows[i].why);
}

/* ---- the machine ---- */

static void contains(struct desk *d, const char *line, const char *what)
{
    assert_int_equal(execute(d, line, false), 0);
    if (!strstr(d->answer, what))
        fail_msg("'%s' does not say '%s' but: %s", line, what, d->answer);
}

static void registers(void **state)
{
    struct desk *d = *state;
    struct cpu *c = pc_cpu(d->machine.pc);
    contains(d, "info", "status\ncpu\ncpu-state\n");
    contains(d, "info", "\nfdc\n");
    c->r[R_SI] = 0xFEED1234;
    contains(d, "info cpu", "esi                      0xFEED1234\n");
    contains(d, "info cpu", "cs                       0xF000 base 0xFFFF0000 limit 0x0000FFFF rights 0x0093\n");
    contains(d, "info cpu-state", "r[6]                     0x00000000FEED1234\n");
    cpu_set_eflags(c, F_ONE | F_CF | F_IF);
    contains(d, "info cpu", "flags                    CF IF\n");
    c->host.out(c->host.ctx, 0x21, 0x5A, 1); /* the first interrupt controller's mask */
    contains(d, "info pic", "chip[0].imr              0x5A\n");
    assert_int_equal(execute(d, "{\"execute\":\"info\",\"arguments\":{\"device\":\"pic\"}}", true), 0);
    assert_non_null(strstr(d->answer, "\"chip[0].imr\":\"0x5A\""));
}

static void status_and_stats(void **state)
{
    struct desk *d = *state;
    fuzz_machine_run(&d->machine, 1234, 1234, 0);
    contains(d, "info status",
             "state                    running\ninstructions             1234\nvirtual_ns               3085\n");
    d->status = (struct monitor_status){.paused = true, .typing = true, .keys_failed = "in vain"};
    contains(d, "info status", "state                    paused\n");
    contains(d, "info status", "typing                   yes\nkeys_failed              in vain\n");
    contains(d, "stats", "mips                     300\n");
    assert_int_equal(execute(d, "{\"execute\":\"stats\"}", true), 0);
    assert_non_null(strstr(d->answer, "\"processor_ns\":1152921504606846976,")); /* exactly, not as a double */
}

/* Everything that only looks leaves the machine as it is, and in the same future. */
static void looking_changes_nothing(void **state)
{
    struct desk *d = *state;
    const struct device *device;
    unsigned n = pc_devices(d->machine.pc, &device);
    fuzz_machine_run(&d->machine, 3000, 3000, 0);
    u64 before = pc_hash(d->machine.pc);
    for (unsigned i = 0; i < n; i++) {
        char line[64];
        snprintf(line, sizeof line, "info %s", device[i].ops->name);
        contains(d, line, "\n");
    }
    static const char *const lines[] = {"help", "info", "info cpu", "info cpu-state", "info status", "hash", "stats"};
    for (unsigned i = 0; i < ARRAY_LEN(lines); i++)
        contains(d, lines[i], "\n");
    contains(d, "x 0 0x10000", "0x0000FFF0");
    assert_true(pc_hash(d->machine.pc) == before);
    char hash[64];
    snprintf(hash, sizeof hash, "hash                     %016llX\n", (unsigned long long)before);
    contains(d, "hash", hash);
}

static void reset_and_power(void **state)
{
    struct desk *d = *state;
    fuzz_machine_run(&d->machine, 5000, 5000, 0);
    assert_int_not_equal(pc_cpu(d->machine.pc)->ip, 0xFFF0);
    assert_int_equal(execute(d, "reset", false), 0);
    assert_int_equal(pc_cpu(d->machine.pc)->ip, 0xFFF0);
    assert_int_equal(execute(d, "power", false), 0); /* nobody listens */
    assert_int_equal(pc_run(d->machine.pc, 100), PC_POWER_OFF);
}

/* Linear addresses through a page table; nothing is marked as accessed. */
static void memory(void **state)
{
    enum { DIRECTORY = 0x2000, TABLE = 0x3000, PAGE = 0x5000, PRESENT_WRITABLE = 3 };
    struct desk *d = *state;
    struct cpu *c = pc_cpu(d->machine.pc);
    u8 entry[4];
    phys_write(c->mmu.phys, PAGE + 0xFF8, "Hi\0\x7F\xFFyou", 8);
    st32(entry, TABLE | PRESENT_WRITABLE);
    phys_write(c->mmu.phys, DIRECTORY + 4, entry, 4); /* linear 400000h */
    st32(entry, PAGE | PRESENT_WRITABLE);
    phys_write(c->mmu.phys, TABLE, entry, 4);
    contains(d, "xp 0x5FF8 8", "0x00005FF8  48 69 00 7F FF 79 6F 75                          |Hi...you|\n");
    refused(d, "x 0x400FF8 8", false, "is no memory"); /* paging is off: beyond RAM */
    c->cr0 |= CR0_PE | CR0_PG;
    assert_true(mmu_load_cr3(&c->mmu, DIRECTORY));
    mmu_set_mode(&c->mmu, c->cr0, c->cr4, c->efer);
    contains(d, "x 0x400FF8 8", "0x00400FF8  48 69 00 7F FF 79 6F 75                          |Hi...you|\n");
    contains(d, "x 0x400FF8 9", "|\nend                      0x00401000 is not mapped\n");
    refused(d, "x 0x401000", false, "0x00401000 is not mapped");
    phys_read(c->mmu.phys, TABLE, entry, 4);
    assert_int_equal(ld32(entry), PAGE | PRESENT_WRITABLE);
    contains(d, "xp 0xFFFFFFF0 0x20", "0xFFFFFFF0  EA");
    contains(d, "xp 0xFFFFFFF0 0x20", "end                      0x100000000 is no memory\n");
}

/* ---- the socket ---- */

struct line {
    char dir[32], path[64], spec[80];
    struct monitor_io *io;
};

static void open_line(struct line *l, bool json)
{
    char error[256] = "";
    strcpy(l->dir, "/tmp/ombra-monitor-XXXXXX");
    assert_non_null(mkdtemp(l->dir));
    snprintf(l->path, sizeof l->path, "%s/socket", l->dir);
    snprintf(l->spec, sizeof l->spec, "unix:%s", l->path);
    if (monitor_io_open(l->spec, "--monitor", json, &l->io, error, sizeof error))
        fail_msg("%s", error);
}

static void close_line(struct line *l)
{
    monitor_io_close(l->io);
    assert_int_not_equal(access(l->path, F_OK), 0);
    assert_int_equal(rmdir(l->dir), 0);
}

static int call(const struct line *l)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    strcpy(address.sun_path, l->path);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

static void say(int fd, const char *text, size_t len)
{
    assert_int_equal(send(fd, text, len, 0), len);
}

static void hear(int fd, const char *expected)
{
    char got[4096];
    ssize_t n = recv(fd, got, sizeof got - 1, MSG_DONTWAIT);
    got[MAX(n, 0)] = 0;
    assert_string_equal(got, expected);
}

static void clients_one_after_the_other(void **state)
{
    struct desk *d = *state;
    struct line l;
    struct stat st;
    open_line(&l, false);
    assert_int_equal(stat(l.path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    int first = call(&l), second = call(&l);
    say(first, "pau", 3);
    monitor_io_poll(l.io, d->monitor, &d->stop);
    hear(first, "(ombra) ");
    assert_string_equal(d->log, "");
    say(first, "se\r\nsave x\nbogus\nsa", 18);
    monitor_io_poll(l.io, d->monitor, &d->stop);
    assert_string_equal(d->log, "pause(1) save(x) ");
    hear(first, "(ombra) (ombra) error: unknown command 'bogus'; 'help' lists all\n(ombra) ");
    say(first, "ve y", 4); /* left unfinished */
    close(first);
    say(second, "cont\n", 5);
    for (unsigned i = 0; i < 4; i++)
        monitor_io_poll(l.io, d->monitor, &d->stop);
    assert_string_equal(d->log, "pause(1) save(x) pause(0) ");
    hear(second, "(ombra) (ombra) ");
    say(second, "quit\npause\n", 11); /* nothing after quit */
    monitor_io_poll(l.io, d->monitor, &d->stop);
    assert_string_equal(d->log, "pause(1) save(x) pause(0) quit ");
    close(second);
    close_line(&l);
}

static void hostile_lines(void **state)
{
    struct desk *d = *state;
    struct line l;
    char *flood = malloc(3 * MONITOR_LINE_MAX);
    assert_non_null(flood);
    memset(flood, 'x', 3 * MONITOR_LINE_MAX);
    open_line(&l, true);
    int fd = call(&l);
    for (unsigned i = 0; i < 3; i++) { /* one line without an end is refused once */
        say(fd, flood, MONITOR_LINE_MAX);
        for (unsigned k = 0; k < 4; k++)
            monitor_io_poll(l.io, d->monitor, &d->stop);
        hear(fd, i == 1 ? "{\"error\":\"the line is longer than 64 KiB\"}\n" : "");
    }
    say(fd, "xxx\n{\"execute\":\"pause\"}\n", 24);
    for (unsigned k = 0; k < 4; k++)
        monitor_io_poll(l.io, d->monitor, &d->stop);
    hear(fd, "{\"return\":{}}\n");
    say(fd, "{\"execute\":\"pause\"}\0x\n", 22);
    monitor_io_poll(l.io, d->monitor, &d->stop);
    hear(fd, "{\"error\":\"there is a control character (01h) in the line\"}\n");
    assert_string_equal(d->log, "pause(1) ");
    close(fd);
    close_line(&l);
    free(flood);
}

/* A client that asks and does not listen is asked to wait: nothing piles up, nothing is lost. */
static void slow_client(void **state)
{
    static const char ask[] = "{\"execute\":\"info\",\"arguments\":{\"device\":\"cpu-state\"}}\n";
    struct desk *d = *state;
    struct line l;
    char part[65536];
    unsigned asked = 0, answered = 0;
    open_line(&l, true);
    int fd = call(&l);
    while (!monitor_io_pending(l.io) && asked < FLOOD) {
        say(fd, ask, sizeof ask - 1);
        asked++;
        monitor_io_poll(l.io, d->monitor, &d->stop);
    }
    assert_true(monitor_io_pending(l.io));
    assert_int_equal(monitor_io_fd(l.io), -1);
    say(fd, ask, sizeof ask - 1);
    asked++;
    for (ssize_t n; answered < asked;) {
        monitor_io_poll(l.io, d->monitor, &d->stop);
        n = recv(fd, part, sizeof part, MSG_DONTWAIT);
        assert_true(n > 0);
        for (ssize_t i = 0; i < n; i++)
            answered += part[i] == '\n';
    }
    assert_false(monitor_io_pending(l.io));
    close(fd);
    close_line(&l);
}

static void sockets_that_are_there(void **state)
{
    struct desk *d = *state;
    struct line l;
    struct monitor_io *other;
    char error[256] = "";
    open_line(&l, false);
    assert_int_equal(monitor_io_open(l.spec, "--monitor", false, &other, error, sizeof error), -EADDRINUSE);
    assert_non_null(strstr(error, "in use"));
    close(call(&l)); /* it still works */
    monitor_io_poll(l.io, d->monitor, &d->stop);
    assert_true(monitor_io_alive(l.io));
    close_line(&l);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(words_to_calls),
        T(words_refused),
        T(failures_are_told),
        T(long_lines),
        T(json_answers),
        T(json_refused),
        T(registers),
        T(status_and_stats),
        T(reset_and_power),
        T(looking_changes_nothing),
        T(memory),
        T(clients_one_after_the_other),
        T(hostile_lines),
        T(slow_client),
        T(sockets_that_are_there),
    };
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
