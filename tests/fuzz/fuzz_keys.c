/*
 * fuzz_keys.c - key scripts: parsed, and what parses is run for a bounded number of polls against a machine that types,
 * shows and sends whatever comes. Time must go on with every poll.
 */
#define _GNU_SOURCE /* memfd_create */
#include "base/clock.h"
#include "frontend/keyscript.h"
#include "tests/fuzz/fuzz.h"

enum { POLLS = 3000 };

struct person {
    unsigned keys, quits;
    size_t sent;
};

static void got_key(void *ctx, enum key key, bool down)
{
    fuzz_check(key != KEY_NONE && (unsigned)key <= 0xFF);
    ((struct person *)ctx)->keys++;
}

static void got_mouse(void *ctx, int dx, int dy, int dz, unsigned buttons)
{
    fuzz_check(buttons <= (MOUSE_LEFT | MOUSE_RIGHT | MOUSE_MIDDLE));
}

static unsigned room(void *ctx)
{
    return ((struct person *)ctx)->keys % 7;
}

static bool show(void *ctx, struct display_text *t)
{
    t->cols = 80;
    t->rows = 25;
    memset(t->cells, 0, (size_t)t->cols * t->rows * 2);
    memcpy(t->cells, "A\7>\7", 4);
    return true;
}

static int write_file(void *ctx, const char *path, char *err, size_t err_len)
{
    snprintf(err, err_len, "%s: not written", path);
    return path[0] == 'x';
}

static size_t take_serial(void *ctx, const u8 *data, size_t len)
{
    struct person *p = ctx;
    size_t n = MIN(len, (size_t)16);
    for (size_t i = 0; i < n; i++)
        p->sent += data[i] != 0;
    return n;
}

static void quit(void *ctx, int status)
{
    ((struct person *)ctx)->quits++;
}

static void run_script(struct keyscript *k)
{
    struct person person = {.keys = 1};
    const struct input_sink input = {.ctx = &person, .key = got_key, .mouse = got_mouse, .room = room};
    const struct display_source display = {.ctx = &person, .text = show};
    const struct keyscript_env env = {.input = &input,
                                      .display = &display,
                                      .ctx = &person,
                                      .screenshot = write_file,
                                      .dump = write_file,
                                      .serial_send = take_serial,
                                      .quit = quit};
    u64 now = 1000;
    for (unsigned i = 0; i < POLLS; i++) {
        enum keyscript_status status = keyscript_poll(k, &env, now);
        u64 next = keyscript_next(k);
        if (status != KEYSCRIPT_RUNNING) {
            fuzz_check(next == CLOCK_NEVER && keyscript_poll(k, &env, now) == status);
            fuzz_check((status == KEYSCRIPT_FAILED) == (keyscript_error(k)[0] != 0));
            break;
        }
        fuzz_check(next > now);
        person.keys++; /* the guest reads its keyboard */
        keyscript_serial(k, (const u8 *)"login: \r\n", 9);
        now = next;
    }
    fuzz_check(person.quits <= 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct keyscript *k = NULL;
    char error[256] = "";
    int r = keyscript_parse((const char *)data, size, "script", &k, error, sizeof error);
    fuzz_check((r == 0) == (k != NULL));
    if (r == 0) {
        run_script(k);
        keyscript_free(k);
    } else {
        fuzz_check(error[0] && !strchr(error, '\n'));
    }
    return 0;
}

size_t fuzz_seed(unsigned n, u8 *out)
{
    static const char *const seeds[] = {
        "wait \"A>\"; type \"dir\\r\"; sleep 2s; screenshot a.png; quit 3",
        "timeout 5s; wait-serial 'login: '; send \"root\\n\\x00\"\nkey ctrl-alt-del enter kp- kp--a # bye\n",
        "rate 20ms; down shift a; up a shift; mouse 3 -4 1; click left; mouse 1 1\ndump out.txt; quit",
        "timeout 1ms; wait nothing; timeout none",
        "type \"\\t\\r\\e\\b\\\\\\\"\\'\\x41 The quick brown fox\"; key f1 f2-f3-f4; screenshot x",
        ";;\n\n#\n   sleep 100us;type '~!@'\nsleep 7m; timeout 999999s;wait-serial zz",
        "rate 1000000s; type 'aaaa'; sleep 1000000s; sleep 16666m; key a b c d e f",
    };
    if (n >= ARRAY_LEN(seeds))
        return 0;
    size_t len = strlen(seeds[n]);
    memcpy(out, seeds[n], len);
    return len;
}
