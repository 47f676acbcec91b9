/*
 * stepcmd.h - the stepper's commands: one table (stepcmd.def) for keys, scripts, help and man page.
 *
 * A line is checked completely before anything happens; what is wrong is one line in ERROR, and then nothing has
 * changed. A command that runs the machine only begins: stepcmd_go() goes on until it says that it is done.
 */
#ifndef OMBRA_FRONTEND_STEP_STEPCMD_H
#define OMBRA_FRONTEND_STEP_STEPCMD_H

#include "frontend/keyscript.h"
#include "frontend/step/stepper.h"
#include <stdio.h>

enum { STEPCMD_ERROR = 256, STEPCMD_LINE_MAX = 1000 };

/* Keys that are no characters. */
enum step_key {
    STEPKEY_ESC = 27,
    STEPKEY_ENTER = '\r',
    STEPKEY_BACKSPACE = 8,
    STEPKEY_UP = 0x100,
    STEPKEY_DOWN,
    STEPKEY_LEFT,
    STEPKEY_RIGHT,
    STEPKEY_PGUP,
    STEPKEY_PGDN,
    STEPKEY_F1,
};

/* Who gives the commands. */
struct stepcmd_env {
    struct stepper *s;
    FILE *out;              /* what a command prints */
    struct keyscript *keys; /* being typed into the guest */
    bool quit;
    bool went; /* the last command has taken the machine elsewhere: back */
    char error[STEPCMD_ERROR];
};

/* A command in hand. */
struct stepcmd {
    struct stepcmd_env *env;
    struct stepper *s;
    const char *args; /* without blanks around; "" for none */
    bool went;
    bool check; /* only look whether ARGS are right */
};

struct stepcmd_row {
    int key, other;
    const char *name;
    int (*run)(struct stepcmd *c);
    bool needs;
    const char *shown, *group, *help;
};

/* Ended by a NULL name. */
extern const struct stepcmd_row stepcmd_rows[];
const struct stepcmd_row *stepcmd_by_key(int key);

/* "s, right": the keys of a row; "" if there is none. */
void stepcmd_keys(const struct stepcmd_row *row, char *to, size_t size);
const char *stepcmd_key_name(int key, char to[8]);

/* A line without its end. 0, or -EINVAL with ERROR. */
int stepcmd_check(struct stepcmd_env *env, const char *line);
int stepcmd_execute(struct stepcmd_env *env, const char *line);

/* Goes on with the run in hand, COUNTS at most; true while there is more to do. */
bool stepcmd_go(struct stepcmd_env *env, u64 counts);

void stepcmd_close(struct stepcmd_env *env);

/*
 * Executes the LEN bytes of TEXT line by line; '#' begins a comment. What each command shows goes to env->out. A script
 * with an error is not begun. No run takes more than LIMIT counts. 0; -EINVAL for an error in the script, -EIO if a
 * command failed, both with "NAME:LINE: ..." in ERROR.
 */
int stepscript_run(struct stepcmd_env *env, const char *text, size_t len, const char *name, u64 limit);

#define C(key, other, name, function, needs, shown, group, help) int stepcmd_##function(struct stepcmd *c);
#include "frontend/step/stepcmd.def"
#undef C

#endif
