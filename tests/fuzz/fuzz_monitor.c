/*
 * fuzz_monitor.c - lines for the monitor, in words (first byte even) or JSON (odd), to a machine whose files are
 * pretended. Each has an answer; a refused one leaves the machine as it was.
 */
#define _GNU_SOURCE /* memfd_create */
#include "frontend/monitor.h"
#include "tests/fuzz/machine.h"

#include <cJSON.h>

enum { LINES = 64, COUNTS = 1000 };

/* A session that does nothing, and the answer to the line in hand. */
struct desk {
    struct pc *pc;
    bool paused, quit;
    unsigned done; /* calls of the functions below that change something */
    char *answer;
    size_t len;
};

static void do_pause(void *ctx, bool paused)
{
    struct desk *d = ctx;
    d->paused = paused;
    d->done++;
}

static void do_reset(void *ctx)
{
    struct desk *d = ctx;
    pc_reset(d->pc);
    d->done++;
}

static void do_power(void *ctx)
{
    struct desk *d = ctx;
    pc_power_button(d->pc);
    d->done++;
}

static void do_quit(void *ctx)
{
    struct desk *d = ctx;
    d->quit = true;
    d->done++;
}

/* Files whose names begin with x can be written. */
static int do_file(void *ctx, const char *path, char *err, size_t n)
{
    struct desk *d = ctx;
    d->done += path[0] == 'x';
    snprintf(err, n, "%s: no", path);
    return path[0] == 'x' ? 0 : -1;
}

static int do_keys(void *ctx, const char *script, char *err, size_t n)
{
    return do_file(ctx, script ? script : "x", err, n);
}

static int do_change(void *ctx, const char *drive, const char *path, char *err, size_t n)
{
    return do_file(ctx, path ? path : drive, err, n);
}

static void get_status(void *ctx, struct monitor_status *s)
{
    *s = (struct monitor_status){.paused = ((struct desk *)ctx)->paused, .keys_failed = "because\xC3"};
}

static void get_stats(void *ctx, struct monitor_stats *s)
{
    *s = (struct monitor_stats){.instructions = ~(u64)0, .wall_ns = 1};
}

static void take(void *ctx, const char *text)
{
    struct desk *d = ctx;
    size_t n = strlen(text);
    d->answer = realloc(d->answer, d->len + n + 1);
    fuzz_check(d->answer);
    memcpy(d->answer + d->len, text, n + 1);
    d->len += n;
}

/* One line, and exactly {"return": ...} or {"error": "..."}, with an id at most. */
static void check_json(const struct desk *d, bool failed)
{
    fuzz_check(d->len > 0 && strchr(d->answer, '\n') == d->answer + d->len - 1);
    cJSON *j = cJSON_Parse(d->answer);
    const cJSON *error = cJSON_GetObjectItemCaseSensitive(j, "error");
    fuzz_check(cJSON_IsObject(j) && cJSON_GetArraySize(j) <= 2);
    fuzz_check(failed ? cJSON_IsString(error) && error->valuestring[0]
                      : cJSON_IsObject(cJSON_GetObjectItemCaseSensitive(j, "return")));
    cJSON_Delete(j);
}

static void check_text(const struct desk *d, bool failed)
{
    fuzz_check(!d->len || d->answer[d->len - 1] == '\n');
    fuzz_check(failed == (d->len > 7 && memcmp(d->answer, "error: ", 7) == 0));
    if (failed)
        fuzz_check(strchr(d->answer, '\n') == d->answer + d->len - 1);
}

static void run_line(struct monitor *m, struct desk *d, struct pc *pc, const char *line, bool json)
{
    u64 before = pc_hash(pc);
    unsigned done = d->done;
    d->len = 0;
    int r = json ? monitor_execute_json(m, line, take, d) : monitor_execute(m, line, take, d);
    if (json)
        check_json(d, r != 0);
    else
        check_text(d, r != 0);
    if (r)
        fuzz_check(pc_hash(pc) == before && d->done == done);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_machine machine;
    struct desk desk = {0};
    bool json = size && (data[0] & 1);
    fuzz_machine_open(&machine, cpu_model_find("p4"));
    fuzz_machine_run(&machine, COUNTS, COUNTS, 1);
    desk.pc = machine.pc;
    const struct monitor_env env = {.ctx = &desk,
                                    .pc = machine.pc,
                                    .pause = do_pause,
                                    .reset = do_reset,
                                    .power = do_power,
                                    .quit = do_quit,
                                    .screenshot = do_file,
                                    .keys = do_keys,
                                    .change = do_change,
                                    .save = do_file,
                                    .load = do_file,
                                    .status = get_status,
                                    .stats = get_stats};
    struct monitor *m = monitor_new(&env);
    char *text = strndup(size ? (const char *)data + 1 : "", size ? size - 1 : 0), *rest = text, *line;
    fuzz_check(m && text);
    for (unsigned i = 0; i < LINES && !desk.quit && (line = strsep(&rest, "\n")); i++)
        run_line(m, &desk, machine.pc, line, json);
    free(text);
    free(desk.answer);
    monitor_free(m);
    fuzz_machine_close(&machine);
    return 0;
}

size_t fuzz_seed(unsigned n, u8 *out)
{
    static const char *const seeds[] = {
        " help\nhelp xp\npause\ninfo status\ncont\nreset\npower\nhash\nstats\n\n",
        " info\ninfo cpu\ninfo cpu-state\ninfo pic\ninfo ide\ninfo vga\ninfo nothing\n",
        " x 0x7C00 16\nxp 4294967280 0x40\nx 0xFFFFFFF0 65536\nxp 0xA0000\nx 0x100000000\nx -1\nxp 0x 1\n",
        " screenshot x.png\nsave 'x y'\nload \"x\"'z'\nchange a \"xa b\"\neject cd0\nkeys type \"hello\"; key "
        "enter\nquit\n",
        "!{\"execute\":\"help\"}\n{\"execute\":\"info\",\"arguments\":{\"device\":\"cpu\"},\"id\":1}\n"
        "{\"execute\":\"info\",\"arguments\":{\"device\":\"status\"},\"id\":\"\\u00e9\"}\n",
        "!{\"execute\":\"x\",\"arguments\":{\"addr\":31744,\"len\":\"0x10\"}}\n{\"execute\":\"xp\",\"arguments\":{"
        "\"len\":1}}\n"
        "{\"execute\":\"xp\",\"arguments\":{\"addr\":1e300}}\n{\"execute\":\"xp\",\"arguments\":{\"addr\":[{}]}}\n",
        "!{\"execute\":\"change\",\"arguments\":{\"drive\":\"a\",\"file\":\"x\"},\"id\":-0.5e9}\n{}\n[]"
        "\nnull\n\"\\ud800\"\n{\"id\":{}}\n"
        "{\"execute\":\"keys\",\"arguments\":{\"script\":\"x\\u0000\"}}\n{\"execute\":\"quit\"}\n",
    };
    if (n >= ARRAY_LEN(seeds))
        return 0;
    size_t len = strlen(seeds[n]);
    memcpy(out, seeds[n], len);
    return len;
}
