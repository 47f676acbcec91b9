/*
 * monitor_io.c - lines in, answers out, over standard input and output or a unix socket.
 */
#define _GNU_SOURCE /* accept4 */
#include "frontend/monitor_io.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { SEND_PART = 4096 /* a pipe that takes anything takes that much */, LAST_WAIT_MS = 200, BACKLOG = 4 };

struct monitor_io {
    bool json;
    bool prompt;   /* a person at the other end, or a program that waits for the prompt */
    bool too_long; /* the rest of a line is thrown away */
    bool bound;
    int listener; /* -1: standard input and output */
    int in, out;  /* -1: nobody there */
    struct sockaddr_un address;
    size_t len;                      /* in LINE */
    char line[MONITOR_LINE_MAX + 2]; /* what has come, not executed yet */
    char *answer;                    /* what waits to be sent: from SENT up to ANSWER_LEN */
    size_t answer_len, answer_cap, sent;
};

/* ---- opening ---- */

static PRINTF_LIKE(4, 5) int fail(char *error, size_t n, int err, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(error, n, fmt, ap);
    va_end(ap);
    return -err;
}

/* Whether somebody listens at the socket that is there already. */
static bool in_use(const struct sockaddr_un *address)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool taken = fd < 0 || connect(fd, (const struct sockaddr *)address, sizeof *address) == 0 || errno != ECONNREFUSED;
    if (fd >= 0)
        close(fd);
    return taken;
}

/* Takes away what an earlier run left; anything else stays. */
static int clear_path(const struct sockaddr_un *address, char *error, size_t n)
{
    struct stat st;
    if (lstat(address->sun_path, &st) != 0)
        return 0;
    if (!S_ISSOCK(st.st_mode))
        return fail(error, n, EEXIST, "%s: there is a file of that name; name another", address->sun_path);
    if (in_use(address))
        return fail(error, n, EADDRINUSE, "%s: in use by another program; name another", address->sun_path);
    unlink(address->sun_path);
    return 0;
}

static int open_socket(struct monitor_io *io, const char *path, char *error, size_t n)
{
    io->address = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (!*path || strlen(path) >= sizeof io->address.sun_path)
        return fail(error, n, EINVAL, "unix:%s: the name of the socket %s", path,
                    *path ? "is too long; name a shorter one" : "is missing");
    strcpy(io->address.sun_path, path);
    int r = clear_path(&io->address, error, n);
    if (r)
        return r;
    io->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    mode_t mask = umask(0177); /* nobody else can connect, not even for a moment */
    io->bound = io->listener >= 0 && bind(io->listener, (struct sockaddr *)&io->address, sizeof io->address) == 0;
    bool listens = io->bound && listen(io->listener, BACKLOG) == 0;
    int err = errno;
    umask(mask);
    return listens ? 0 : fail(error, n, err, "%s: %s", path, strerror(err));
}

int monitor_io_open(const char *spec, const char *name, bool json, struct monitor_io **out, char *error, size_t n)
{
    bool stdio = strcmp(spec, "stdio") == 0;
    *out = NULL;
    if (!stdio && strncmp(spec, "unix:", 5) != 0)
        return fail(error, n, EINVAL, "%s takes stdio or unix:PATH, not '%s'", name, spec);
    struct monitor_io *io = calloc(1, sizeof *io);
    if (!io)
        return fail(error, n, ENOMEM, "%s: not enough memory", name);
    io->json = json;
    io->listener = io->in = io->out = -1;
    int r = stdio ? 0 : open_socket(io, spec + 5, error, n);
    if (r) {
        monitor_io_close(io);
        return r;
    }
    if (stdio) {
        io->in = STDIN_FILENO;
        io->out = STDOUT_FILENO;
    }
    io->prompt = !json && (!stdio || isatty(STDIN_FILENO));
    *out = io;
    return 0;
}

/* ---- output ---- */

static void hang_up(struct monitor_io *io)
{
    if (io->listener >= 0 && io->in >= 0)
        close(io->in);
    io->in = io->out = -1;
    io->len = io->answer_len = io->sent = 0;
    io->too_long = false;
}

static bool ready(int fd, short events, int ms)
{
    struct pollfd p = {.fd = fd, .events = events};
    return poll(&p, 1, ms) > 0;
}

bool monitor_io_pending(const struct monitor_io *io)
{
    return io->sent < io->answer_len;
}

/* Sends what the other side takes within MS. */
static void flush(struct monitor_io *io, int ms)
{
    while (monitor_io_pending(io) && ready(io->out, POLLOUT, ms)) {
        ssize_t n = write(io->out, io->answer + io->sent, MIN(io->answer_len - io->sent, (size_t)SEND_PART));
        if (n > 0) {
            io->sent += (size_t)n;
        } else if (n == 0 || (errno != EINTR && errno != EAGAIN)) {
            hang_up(io);
        } else if (errno == EAGAIN) {
            break;
        }
    }
    if (!monitor_io_pending(io))
        io->sent = io->answer_len = 0;
}

/* The monitor's output. Without memory for an answer the client is better let go than told half of it. */
static void put(void *ctx, const char *text)
{
    struct monitor_io *io = ctx;
    size_t len = strlen(text);
    if (io->in < 0)
        return;
    if (len > io->answer_cap - io->answer_len) {
        size_t cap = io->answer_len + len + SEND_PART;
        char *answer = realloc(io->answer, cap);
        if (!answer) {
            hang_up(io);
            return;
        }
        io->answer = answer;
        io->answer_cap = cap;
    }
    memcpy(io->answer + io->answer_len, text, len);
    io->answer_len += len;
}

static void put_prompt(struct monitor_io *io)
{
    if (io->prompt)
        put(io, "(ombra) ");
}

void monitor_io_close(struct monitor_io *io)
{
    if (!io)
        return;
    flush(io, LAST_WAIT_MS);
    hang_up(io);
    if (io->listener >= 0)
        close(io->listener);
    if (io->bound)
        unlink(io->address.sun_path);
    free(io->answer);
    free(io);
}

/* ---- input ---- */

static void execute(struct monitor_io *io, struct monitor *m, char *line, size_t len)
{
    if (len && line[len - 1] == '\r')
        len--;
    line[len] = 0;
    for (char *nul; (nul = memchr(line, 0, len));) /* no end of a string, but a character that is refused */
        *nul = 1;
    if (!io->json)
        monitor_execute(m, line, put, io);
    else if (len)
        monitor_execute_json(m, line, put, io);
    put_prompt(io);
}

/* Executes the lines that are complete. */
static void take_lines(struct monitor_io *io, struct monitor *m, const bool *stop)
{
    while (io->in >= 0 && !*stop && !monitor_io_pending(io)) {
        char *end = memchr(io->line, '\n', io->len);
        size_t len = end ? (size_t)(end - io->line) : io->len;
        if (!end && io->len <= MONITOR_LINE_MAX)
            return;
        bool rest = io->too_long; /* of a line that was refused already */
        io->too_long = !end;
        if (!rest)
            execute(io, m, io->line, len); /* refuses one that is too long */
        size_t used = end ? len + 1 : len;
        if (io->in >= 0) {
            io->len -= used;
            memmove(io->line, io->line + used, io->len);
        }
        flush(io, 0);
    }
}

/* Reads once. False: the other side has nothing more to say. */
static bool read_some(struct monitor_io *io)
{
    size_t room = sizeof io->line - 1 - io->len;
    if (room == 0 || !ready(io->in, POLLIN, 0))
        return true;
    ssize_t n = read(io->in, io->line + io->len, room);
    if (n > 0)
        io->len += (size_t)n;
    return n > 0 || (n < 0 && (errno == EINTR || errno == EAGAIN));
}

static void greet(struct monitor_io *io)
{
    io->in = io->out = accept4(io->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (io->in >= 0)
        put_prompt(io);
}

void monitor_io_poll(struct monitor_io *io, struct monitor *m, const bool *stop)
{
    if (io->in < 0 && io->listener >= 0)
        greet(io);
    flush(io, 0);
    if (io->in < 0 || monitor_io_pending(io))
        return;
    bool open = read_some(io);
    take_lines(io, m, stop);
    if (open || io->in < 0 || monitor_io_pending(io))
        return;
    /* What a file ends with is a line; what a client leaves unfinished when it goes is none. */
    if (io->listener < 0 && io->len && !io->too_long && !*stop) {
        execute(io, m, io->line, io->len);
        flush(io, LAST_WAIT_MS);
    }
    hang_up(io);
}

int monitor_io_fd(const struct monitor_io *io)
{
    return monitor_io_pending(io) ? -1 : io->in >= 0 ? io->in : io->listener;
}

bool monitor_io_alive(const struct monitor_io *io)
{
    return io->listener >= 0 || io->in >= 0;
}
