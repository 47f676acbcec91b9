/*
 * monitor.h - the commands by which a person or a program looks at a running machine and steers it: --monitor in
 * words, --monitor-json as one JSON object a line.
 *
 *   {"execute": "x", "arguments": {"addr": "0x7C00", "len": 16}, "id": 1}
 *   {"return": {"address": "0x00007C00", "data": "EB3C90..."}, "id": 1}   or   {"error": "one line", "id": 1}
 *
 * The commands are the rows of monitor.def. Whoever has lines (monitor_io.c, a debugger) calls this between slices, on
 * the emulation thread. A line that is refused leaves the guest as it was.
 */
#ifndef OMBRA_FRONTEND_MONITOR_H
#define OMBRA_FRONTEND_MONITOR_H

#include "hw/pc.h"

enum { MONITOR_LINE_MAX = 64 << 10, MONITOR_ERROR_MAX = 512 };

struct monitor; /* private */

struct monitor_status {
    bool paused;
    bool typing;             /* a script of the command keys is under way */
    const char *keys_failed; /* why the last one ended early, "" if it did not */
};

struct monitor_stats {
    u64 instructions, virtual_ns, wall_ns, asleep_ns, cpu_ns; /* since the start */
};

/* What the commands act on; all required. Functions that return int: 0, or nonzero with one line in ERR. */
struct monitor_env {
    void *ctx;
    struct pc *pc;
    void (*pause)(void *ctx, bool paused);
    void (*reset)(void *ctx);
    void (*power)(void *ctx);
    void (*quit)(void *ctx);
    int (*screenshot)(void *ctx, const char *path, char *err, size_t err_len);
    int (*keys)(void *ctx, const char *script, char *err, size_t err_len);                    /* SCRIPT NULL: stop */
    int (*change)(void *ctx, const char *drive, const char *path, char *err, size_t err_len); /* PATH NULL: eject */
    int (*save)(void *ctx, const char *path, char *err, size_t err_len);
    int (*load)(void *ctx, const char *path, char *err, size_t err_len);
    void (*status)(void *ctx, struct monitor_status *status);
    void (*stats)(void *ctx, struct monitor_stats *stats);
};

/* NULL without memory. */
struct monitor *monitor_new(const struct monitor_env *env);
void monitor_free(struct monitor *m);

/*
 * Executes one line without its end. The answer goes to OUT, which may be called several times; a refusal is one
 * line that begins with "error: ".
 * 0, or -EINVAL if the line was refused or the command failed. An empty line does nothing.
 */
int monitor_execute(struct monitor *m, const char *line, void (*out)(void *ctx, const char *text), void *ctx);

/* The same in JSON: the answer is one line always. */
int monitor_execute_json(struct monitor *m, const char *line, void (*out)(void *ctx, const char *text), void *ctx);

#endif
