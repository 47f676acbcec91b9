/*
 * serialio.c - backends of serial ports and their like, over file descriptors.
 */
#define _GNU_SOURCE /* ptsname_r */
#include "frontend/serialio.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

enum {
    PREFIX = 0x1D, /* Ctrl+] */
    GATHER = 4096,
    READ_MAX = 256,
};

struct serialio {
    int in, out; /* -1: none */
    int slave;   /* pty: the other side, held open so that nobody listening is no error */
    bool own;    /* in and out are ours to close */
    bool lossy;  /* what the other side does not take is lost, as on a line that nobody reads */
    bool raw;    /* the terminal at IN was changed */
    bool prefix; /* Ctrl+] was typed */
    int error;   /* sending failed: -errno, not told yet */
    bool broken; /* sending failed: no more of it */
    struct termios saved;
    char *name;
    size_t len;
    u8 gathered[GATHER];
};

/* ---- opening ---- */

static int fail(char *error, size_t n, int err, const char *what, const char *why)
{
    snprintf(error, n, "%s: %s", what, why);
    return -err;
}

static int open_file(struct serialio *s, const char *path, char *error, size_t n)
{
    if (!*path)
        return fail(error, n, EINVAL, "file:", "the name of the file is missing");
    s->own = true;
    s->out = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (s->out < 0)
        return fail(error, n, errno, path, strerror(errno));
    s->name = strdup(path);
    return 0;
}

static void make_raw(struct termios *t)
{
    tcflag_t post = t->c_oflag;
    cfmakeraw(t);
    t->c_oflag = post; /* our own messages stay readable */
    t->c_cc[VMIN] = 0;
    t->c_cc[VTIME] = 0;
}

static int open_stdio(struct serialio *s, bool input, char *error, size_t n)
{
    s->out = STDOUT_FILENO;
    s->in = input ? STDIN_FILENO : -1;
    s->name = strdup("standard output");
    if (!input || !isatty(STDIN_FILENO))
        return 0;
    struct termios raw;
    if (tcgetattr(STDIN_FILENO, &s->saved) != 0)
        return fail(error, n, errno, "standard input", strerror(errno));
    raw = s->saved;
    make_raw(&raw);
    if (tcsetattr(STDIN_FILENO, TCSADRAIN, &raw) != 0)
        return fail(error, n, errno, "standard input", strerror(errno));
    s->raw = true;
    return 0;
}

static int open_pty(struct serialio *s, char *error, size_t n)
{
    char path[128];
    struct termios raw;
    s->own = s->lossy = true;
    s->in = s->out = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (s->in < 0 || grantpt(s->in) != 0 || unlockpt(s->in) != 0 || ptsname_r(s->in, path, sizeof path) != 0)
        return fail(error, n, errno, "pty", strerror(errno));
    s->slave = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (s->slave < 0 || tcgetattr(s->slave, &raw) != 0 || fcntl(s->in, F_SETFL, O_NONBLOCK) != 0)
        return fail(error, n, errno, path, strerror(errno));
    cfmakeraw(&raw);
    tcsetattr(s->slave, TCSANOW, &raw);
    s->name = strdup(path);
    return 0;
}

static unsigned kind_of(const char *spec)
{
    if (strcmp(spec, "none") == 0)
        return SERIALIO_NONE;
    if (strcmp(spec, "stdio") == 0)
        return SERIALIO_STDIO;
    if (strcmp(spec, "pty") == 0)
        return SERIALIO_PTY;
    return strncmp(spec, "file:", 5) == 0 ? SERIALIO_FILE : 0;
}

int serialio_open(const char *spec, unsigned allowed, const char *name, struct serialio **out, char *error, size_t n)
{
    unsigned kind = kind_of(spec) & allowed;
    *out = NULL;
    if (!kind) {
        snprintf(error, n, "%s takes %sfile:PATH%s or none, not '%s'", name, allowed & SERIALIO_STDIO ? "stdio, " : "",
                 allowed & SERIALIO_PTY ? ", pty" : "", spec);
        return -EINVAL;
    }
    if (kind == SERIALIO_NONE)
        return 0;
    struct serialio *s = calloc(1, sizeof *s);
    if (!s)
        return fail(error, n, ENOMEM, name, "not enough memory");
    s->in = s->out = s->slave = -1;
    int err = kind == SERIALIO_FILE    ? open_file(s, spec + 5, error, n)
              : kind == SERIALIO_STDIO ? open_stdio(s, allowed & SERIALIO_INPUT, error, n)
                                       : open_pty(s, error, n);
    if (!err && !s->name)
        err = fail(error, n, ENOMEM, name, "not enough memory");
    if (err)
        serialio_close(s);
    else
        *out = s;
    return err;
}

void serialio_close(struct serialio *s)
{
    if (!s)
        return;
    serialio_flush(s);
    if (s->raw)
        tcsetattr(STDIN_FILENO, TCSADRAIN, &s->saved);
    if (s->own && s->out >= 0)
        close(s->out);
    if (s->slave >= 0)
        close(s->slave);
    free(s->name);
    free(s);
}

/* ---- output ---- */

/* Waits until OUT takes bytes again. */
static void wait_writable(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLOUT};
    poll(&p, 1, 100);
}

static void send_gathered(struct serialio *s)
{
    size_t done = 0;
    while (done < s->len && !s->broken) {
        ssize_t n = write(s->out, s->gathered + done, s->len - done);
        if (n > 0) {
            done += (size_t)n;
        } else if (n < 0 && errno == EAGAIN && !s->lossy) {
            wait_writable(s->out);
        } else if (n < 0 && errno == EAGAIN) {
            break;
        } else if (n == 0 || errno != EINTR) {
            s->error = n == 0 ? -EIO : -errno;
            s->broken = true;
        }
    }
    s->len = 0;
}

void serialio_write(void *ctx, const u8 *data, size_t len)
{
    struct serialio *s = ctx;
    while (len) {
        size_t part = MIN(len, GATHER - s->len);
        memcpy(s->gathered + s->len, data, part);
        s->len += part;
        bool line = memchr(data, '\n', part);
        data += part;
        len -= part;
        if (line || s->len == GATHER)
            send_gathered(s);
    }
}

int serialio_flush(struct serialio *s)
{
    if (s->len)
        send_gathered(s);
    int err = s->error;
    s->error = 0;
    return err;
}

/* ---- input ---- */

/* Copies what is the guest's from IN to OUT. Returns how much that is, -1 if the person quits. */
static int take_commands(struct serialio *s, const u8 *in, size_t n, u8 *out)
{
    int len = 0;
    for (size_t i = 0; i < n; i++) {
        bool after = s->prefix;
        s->prefix = !after && in[i] == PREFIX;
        if (after && in[i] == 'q')
            return -1;
        if (after && (in[i] == ']' || in[i] == PREFIX))
            out[len++] = PREFIX;
        else if (!after && !s->prefix)
            out[len++] = in[i];
    }
    return len;
}

bool serialio_read(struct serialio *s, const struct char_sink *port)
{
    struct pollfd p = {.fd = s->in, .events = POLLIN};
    u8 data[READ_MAX], own[READ_MAX];
    size_t room;
    while (s->in >= 0 && (room = port->room(port->ctx)) > 0 && poll(&p, 1, 0) > 0) {
        ssize_t n = read(s->in, data, MIN(room, sizeof data));
        if (n < 0 && (errno == EINTR || errno == EAGAIN))
            break;
        if (n <= 0) { /* the end of a file or pipe, or a terminal that hung up */
            s->in = -1;
            return !s->raw;
        }
        int len = (int)n;
        if (s->raw)
            len = take_commands(s, data, (size_t)n, own);
        if (len < 0)
            return false;
        port->receive(port->ctx, s->raw ? own : data, (size_t)len);
    }
    return true;
}

int serialio_fd(const struct serialio *s)
{
    return s->in;
}

bool serialio_interactive(const struct serialio *s)
{
    struct stat st;
    return s->in >= 0 && fstat(s->in, &st) == 0 && (isatty(s->in) || S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode));
}

bool serialio_has_terminal(const struct serialio *s)
{
    return s->raw;
}

const char *serialio_name(const struct serialio *s)
{
    return s->name;
}
