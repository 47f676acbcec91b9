/*
 * keyscript.c - runs the statements of --keys as a state machine in virtual time.
 */
#define _GNU_SOURCE /* memmem */
#include "base/clock.h"
#include "frontend/keymap.h"
#include "frontend/keyscript_int.h"
#include "frontend/textdump.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { SERIAL_KEPT = 64 << 10, FILE_MAX = 16 << 20 };

/* A fast typist's rate: guests that poll their keyboard keep up with it. */
#define RATE_NS (40 * 1000000ull)
/* How often a wait looks at the screen, and how long to leave a full buffer alone. */
#define LOOK_NS (20 * 1000000ull)
#define RETRY_NS (1 * 1000000ull)

struct keyscript {
    char *name;
    struct keyscript_list list;
    size_t pos;   /* current statement */
    bool begun;   /* its first poll is over */
    size_t index; /* how far into its text */
    bool pressed; /* its key or button is down */
    unsigned sent; /* keys of the chord in hand */
    u64 wake;     /* nothing to do before */
    u64 deadline; /* of the current wait */
    u64 timeout, rate;
    enum keyscript_status status;
    char error[512];
    char *serial; /* SERIAL_KEPT bytes: what came since the last match */
    size_t serial_len;
    bool serial_new;
    struct display_text screen;
};

int keyscript_parse(const char *text, size_t len, const char *name, struct keyscript **out, char *err, size_t err_len)
{
    struct keyscript *k = calloc(1, sizeof *k);
    int rc = -ENOMEM;

    *out = NULL;
    if (k) {
        k->name = strdup(name);
        k->serial = malloc(SERIAL_KEPT);
    }
    if (!k || !k->name || !k->serial)
        snprintf(err, err_len, "%s: not enough memory for the script", name);
    else
        rc = keyscript_parse_list(text, len, name, &k->list, err, err_len);
    if (rc) {
        keyscript_free(k);
        return rc;
    }
    k->timeout = CLOCK_NEVER;
    k->rate = RATE_NS;
    *out = k;
    return 0;
}

static int open_file(const char *path, struct keyscript **out, char *err, size_t err_len)
{
    FILE *f = fopen(path, "rb");
    char *text = f ? malloc(FILE_MAX + 1) : NULL;
    size_t len = text ? fread(text, 1, FILE_MAX + 1, f) : 0;
    int rc = 0;

    if (!f || !text || ferror(f)) {
        rc = errno ? -errno : -EIO;
        snprintf(err, err_len, "cannot read the key script %s: %s", path, strerror(-rc));
    } else if (len > FILE_MAX) {
        rc = -EFBIG;
        snprintf(err, err_len, "the key script %s is larger than %d MiB", path, FILE_MAX >> 20);
    } else {
        rc = keyscript_parse(text, len, path, out, err, err_len);
    }
    free(text);
    if (f)
        fclose(f);
    return rc;
}

int keyscript_open(const char *arg, struct keyscript **out, char *err, size_t err_len)
{
    *out = NULL;
    if (arg[0] == '@')
        return open_file(arg + 1, out, err, err_len);
    return keyscript_parse(arg, strlen(arg), "--keys", out, err, err_len);
}

void keyscript_free(struct keyscript *k)
{
    if (!k)
        return;
    keyscript_list_free(&k->list);
    free(k->serial);
    free(k->name);
    free(k);
}

/* --- the runner --- */

enum step { STEP_NEXT, STEP_AGAIN, STEP_STOP };

static PRINTF_LIKE(3, 4) enum step
    give_up(struct keyscript *k, const struct keyscript_statement *s, const char *fmt, ...)
{
    char message[400];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(message, sizeof message, fmt, ap);
    va_end(ap);
    snprintf(k->error, sizeof k->error, "%.80s:%u:%u: %s", k->name, s->line, s->column, message);
    for (char *c = k->error; *c; c++)
        if ((u8)*c < ' ' || *c == 0x7F)
            *c = ' ';
    k->status = KEYSCRIPT_FAILED;
    return STEP_STOP;
}

static enum step again(struct keyscript *k, u64 when)
{
    k->wake = when;
    return STEP_AGAIN;
}

static bool on_screen(struct keyscript *k, const struct keyscript_env *env, const char *text)
{
    const struct display_source *d = env->display;

    return d && d->text && d->text(d->ctx, &k->screen) && textdump_contains(&k->screen, text);
}

static bool on_serial(struct keyscript *k, const struct keyscript_statement *s)
{
    char *at;

    if (k->begun && !k->serial_new)
        return false;
    k->serial_new = false;
    at = memmem(k->serial, k->serial_len, s->text, s->len);
    if (!at)
        return false;
    at += s->len;
    k->serial_len -= (size_t)(at - k->serial);
    memmove(k->serial, at, k->serial_len);
    return true;
}

static enum step step_wait(struct keyscript *k, const struct keyscript_statement *s, const struct keyscript_env *env,
                           u64 now)
{
    bool found = s->kind == KS_WAIT ? on_screen(k, env, s->text) : on_serial(k, s);

    if (!k->begun)
        k->deadline = k->timeout == CLOCK_NEVER ? CLOCK_NEVER : now + k->timeout;
    if (found)
        return STEP_NEXT;
    if (now >= k->deadline)
        return give_up(k, s, "waited %g s in vain for \"%.200s\" %s", (double)k->timeout / 1e9, s->text,
                       s->kind == KS_WAIT ? "on the screen" : "on the serial line");
    return again(k, MIN(now + LOOK_NS, k->deadline));
}

static bool has_room(const struct keyscript_env *env, unsigned events)
{
    return !env->input || !env->input->room || env->input->room(env->input->ctx) >= events;
}

static void send_key(void *ctx, enum key key, bool down)
{
    const struct input_sink *input = ctx;

    if (input && input->key)
        input->key(input->ctx, key, down);
}

/* One press or release; half of the rate each. */
static enum step step_type(struct keyscript *k, const struct keyscript_statement *s, const struct keyscript_env *env,
                           u64 now)
{
    struct keymap_press press;

    if (k->index == s->len)
        return STEP_NEXT;
    keymap_char((u8)s->text[k->index], &press);
    if (!has_room(env, keymap_events(&press) / 2))
        return again(k, now + RETRY_NS);
    k->pressed = !k->pressed;
    keymap_send(&press, k->pressed, send_key, (void *)env->input);
    k->index += !k->pressed;
    return again(k, now + (k->pressed ? k->rate / 2 : k->rate - k->rate / 2));
}

/* All keys go down in their order, and up the other way round; one by one, as the sink may have room for less than a
 * chord. */
static enum step step_key(struct keyscript *k, const struct keyscript_statement *s, const struct keyscript_env *env,
                          u64 now)
{
    size_t n = s->key_count, events = s->kind == KS_KEY ? 2 * n : n;

    if (k->index == events)
        return STEP_NEXT;
    do {
        size_t i = k->index % n;
        bool release = s->kind == KS_UP || k->index >= n;

        if (!has_room(env, 1))
            return again(k, now + RETRY_NS);
        send_key((void *)env->input, (enum key)s->keys[release ? n - 1 - i : i], !release);
    } while (++k->index % n);
    return again(k, now + (k->index < events ? k->rate / 2 : k->rate - k->rate / 2));
}

static void send_mouse(const struct keyscript_env *env, int dx, int dy, int dz, unsigned buttons)
{
    if (env->input && env->input->mouse)
        env->input->mouse(env->input->ctx, dx, dy, dz, buttons);
}

static enum step step_mouse(struct keyscript *k, const struct keyscript_statement *s, const struct keyscript_env *env,
                            u64 now)
{
    if (k->index)
        return STEP_NEXT;
    if (s->kind == KS_MOUSE) {
        send_mouse(env, s->number[0], s->number[1], s->number[2], 0);
        k->index = 1;
    } else {
        k->index = k->pressed;
        k->pressed = !k->pressed;
        send_mouse(env, 0, 0, 0, k->pressed ? (unsigned)s->number[0] : 0);
    }
    return again(k, now + k->rate);
}

static enum step step_send(struct keyscript *k, const struct keyscript_statement *s, const struct keyscript_env *env,
                           u64 now)
{
    size_t left = s->len - k->index, taken;

    if (!env->serial_send)
        return give_up(k, s, "there is no serial line to send to");
    taken = env->serial_send(env->ctx, (const u8 *)s->text + k->index, left);
    k->index += MIN(taken, left);
    return k->index == s->len ? STEP_NEXT : again(k, now + RETRY_NS);
}

static enum step step_file(struct keyscript *k, const struct keyscript_statement *s, const struct keyscript_env *env)
{
    int (*write)(void *, const char *, char *, size_t) = s->kind == KS_DUMP ? env->dump : env->screenshot;
    char err[300] = "";

    if (!write)
        return give_up(k, s, "there is no screen to write to %.200s", s->text);
    if (write(env->ctx, s->text, err, sizeof err))
        return give_up(k, s, "%s", err);
    return STEP_NEXT;
}

static enum step step(struct keyscript *k, const struct keyscript_statement *s, const struct keyscript_env *env,
                      u64 now)
{
    switch (s->kind) {
    case KS_WAIT:
    case KS_WAIT_SERIAL:
        return step_wait(k, s, env, now);
    case KS_TIMEOUT:
        k->timeout = s->ns;
        return STEP_NEXT;
    case KS_RATE:
        k->rate = s->ns;
        return STEP_NEXT;
    case KS_TYPE:
        return step_type(k, s, env, now);
    case KS_KEY:
    case KS_DOWN:
    case KS_UP:
        return step_key(k, s, env, now);
    case KS_SLEEP:
        return k->begun ? STEP_NEXT : again(k, now + s->ns);
    case KS_SEND:
        return step_send(k, s, env, now);
    case KS_MOUSE:
    case KS_CLICK:
        return step_mouse(k, s, env, now);
    case KS_SCREENSHOT:
    case KS_DUMP:
        return step_file(k, s, env);
    case KS_QUIT:
        k->status = KEYSCRIPT_DONE;
        if (env->quit)
            env->quit(env->ctx, s->number[0]);
        return STEP_STOP;
    }
    return STEP_STOP;
}

enum keyscript_status keyscript_poll(struct keyscript *k, const struct keyscript_env *env, u64 now)
{
    while (k->status == KEYSCRIPT_RUNNING && now >= k->wake) {
        enum step result;

        if (k->pos == k->list.count) {
            k->status = KEYSCRIPT_DONE;
            break;
        }
        result = step(k, &k->list.item[k->pos], env, now);
        k->begun = result == STEP_AGAIN;
        if (result == STEP_NEXT) {
            k->pos++;
            k->index = 0;
            k->pressed = false;
        }
    }
    return k->status;
}

u64 keyscript_next(const struct keyscript *k)
{
    return k->status == KEYSCRIPT_RUNNING ? k->wake : CLOCK_NEVER;
}

void keyscript_serial(struct keyscript *k, const u8 *data, size_t len)
{
    if (len > SERIAL_KEPT) {
        data += len - SERIAL_KEPT;
        len = SERIAL_KEPT;
    }
    if (k->serial_len + len > SERIAL_KEPT) {
        /* The oldest go, half of the buffer at least, so that a flood is not moved byte by byte. */
        size_t drop = MIN(MAX(k->serial_len + len - SERIAL_KEPT, SERIAL_KEPT / 2), k->serial_len);

        k->serial_len -= drop;
        memmove(k->serial, k->serial + drop, k->serial_len);
    }
    memcpy(k->serial + k->serial_len, data, len);
    k->serial_len += len;
    k->serial_new = true;
}

const char *keyscript_error(const struct keyscript *k)
{
    return k->error;
}
