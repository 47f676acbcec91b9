/*
 * keyscript.h - the language of --keys: a person at the keyboard, written down.
 *
 * Statements are separated by ';' or new lines; '#' begins a comment. Texts stand in double or single
 * quotes and know \n \t \r \e \b \\ \" \' and \xHH; times are 2s, 500ms or 100us of virtual time. Words without blanks need no quotes.
 *
 * The statements are the rows of keyscript.def.
 *
 * The machine's loop polls the runner at slice ends, on the emulation thread. Everything happens at virtual times, so
 * that a script gives the same run each time.
 */
#ifndef OMBRA_FRONTEND_KEYSCRIPT_H
#define OMBRA_FRONTEND_KEYSCRIPT_H

#include "base/display.h"
#include "base/input.h"

struct keyscript; /* private */

/* What the runner acts on. Functions and sources may be NULL: keys vanish, the screen shows nothing, other statements
 * fail. */
struct keyscript_env {
    const struct input_sink *input;
    const struct display_source *display;
    void *ctx;
    /* Write the file; 0, or nonzero with one line in ERR. */
    int (*screenshot)(void *ctx, const char *path, char *err, size_t err_len);
    int (*dump)(void *ctx, const char *path, char *err, size_t err_len);
    /* Takes up to LEN bytes for the serial line, returns how many it took. */
    size_t (*serial_send)(void *ctx, const u8 *data, size_t len);
    void (*quit)(void *ctx, int status);
};

enum keyscript_status { KEYSCRIPT_RUNNING, KEYSCRIPT_DONE, KEYSCRIPT_FAILED };

/* Parses LEN bytes of TEXT; NAME stands before line and column in messages. 0, or -EINVAL or -ENOMEM with one line in
 * ERR. */
int keyscript_parse(const char *text, size_t len, const char *name, struct keyscript **out, char *err, size_t err_len);

/* The same from ARG: "@FILE" names a file, everything else is the script itself. 0 or -errno. */
int keyscript_open(const char *arg, struct keyscript **out, char *err, size_t err_len);

void keyscript_free(struct keyscript *k);

/* Goes on with the script at virtual time NOW (ns, never falling). */
enum keyscript_status keyscript_poll(struct keyscript *k, const struct keyscript_env *env, u64 now);

/* When (virtual ns) the runner wants to be polled next at the latest; CLOCK_NEVER when done. */
u64 keyscript_next(const struct keyscript *k);

/* The guest has sent LEN bytes on the serial line that wait-serial listens to. */
void keyscript_serial(struct keyscript *k, const u8 *data, size_t len);

/* One line that says what failed and where; "" otherwise. */
const char *keyscript_error(const struct keyscript *k);

#endif
