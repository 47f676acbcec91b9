/*
 * gdbserver.c - sockets for the GDB stub.
 */
#define _GNU_SOURCE /* accept4 */
#include "frontend/gdbserver.h"
#include "frontend/gdbmonitor.h"
#include "frontend/gdbstub.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { IN_MAX = 4096, NAME_MAX_LEN = 160 };

union address {
    struct sockaddr any;
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
    struct sockaddr_un un;
};

struct gdbserver {
    int listening, talk; /* -1: nobody has called */
    char name[NAME_MAX_LEN];
    char path[sizeof((struct sockaddr_un *)0)->sun_path]; /* of a Unix socket that is ours to remove */
    struct gdb_monitor monitor;
    size_t in_len, in_at;
    u8 in[IN_MAX];
    struct gdbstub stub;
};

/* ---- listening ---- */

static int fail(char *error, size_t n, const char *spec, int err, const char *why)
{
    snprintf(error, n, "--gdb %s: %s", spec, why);
    return -err;
}

static bool parse_port(const char *text, u16 *port)
{
    char *end;
    unsigned long v = strtoul(text, &end, 10);
    *port = htons((u16)v);
    return *text >= '0' && *text <= '9' && !*end && v <= 0xFFFF;
}

/* PORT, a.b.c.d:PORT or [IPv6]:PORT. Names are not looked up: what is opened to the world is written out. */
static socklen_t parse_inet(const char *spec, union address *a)
{
    char host[NAME_MAX_LEN] = "127.0.0.1";
    const char *colon = strrchr(spec, ':'), *port = colon ? colon + 1 : spec;
    size_t len = colon ? (size_t)(colon - spec) : 0;
    memset(a, 0, sizeof *a);
    if (len >= sizeof host)
        return 0;
    bool v6 = len > 2 && spec[0] == '[' && spec[len - 1] == ']';
    if (colon)
        snprintf(host, sizeof host, "%.*s", (int)(v6 ? len - 2 : len), spec + v6);
    if (v6) {
        a->in6.sin6_family = AF_INET6;
        bool good = inet_pton(AF_INET6, host, &a->in6.sin6_addr) == 1 && parse_port(port, &a->in6.sin6_port);
        return good ? sizeof a->in6 : 0;
    }
    a->in.sin_family = AF_INET;
    return inet_pton(AF_INET, host, &a->in.sin_addr) == 1 && parse_port(port, &a->in.sin_port) ? sizeof a->in : 0;
}

/* A socket file that nobody listens at is left over from a run that was killed. */
static void remove_stale(const struct sockaddr_un *a)
{
    struct stat st;
    if (stat(a->sun_path, &st) != 0 || !S_ISSOCK(st.st_mode))
        return;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    if (connect(fd, (const struct sockaddr *)a, sizeof *a) != 0 && errno == ECONNREFUSED)
        unlink(a->sun_path);
    close(fd);
}

static int listen_at(struct gdbserver *s, const union address *a, socklen_t len)
{
    int one = 1;
    s->listening = socket(a->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (s->listening < 0)
        return -errno;
    setsockopt(s->listening, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(s->listening, &a->any, len) != 0)
        return -errno;
    if (a->any.sa_family == AF_UNIX) {
        strcpy(s->path, a->un.sun_path);
        if (chmod(s->path, S_IRUSR | S_IWUSR) != 0) /* before anybody can connect */
            return -errno;
    }
    return listen(s->listening, 2) == 0 ? 0 : -errno;
}

static int open_unix(struct gdbserver *s, const char *spec, char *error, size_t n)
{
    const char *path = spec + strlen("unix:");
    union address a = {.un = {.sun_family = AF_UNIX}};
    if (!*path || strlen(path) >= sizeof a.un.sun_path)
        return fail(error, n, spec, EINVAL, *path ? "the path is too long" : "the path is missing");
    strcpy(a.un.sun_path, path);
    snprintf(s->name, sizeof s->name, "%s", path);
    remove_stale(&a.un);
    int r = listen_at(s, &a, sizeof a.un);
    return r ? fail(error, n, spec, -r, strerror(-r)) : 0;
}

static void name_inet(struct gdbserver *s)
{
    union address a;
    char host[INET6_ADDRSTRLEN] = "";
    socklen_t len = sizeof a;
    getsockname(s->listening, &a.any, &len);
    bool v6 = a.any.sa_family == AF_INET6;
    if (v6)
        inet_ntop(AF_INET6, &a.in6.sin6_addr, host, sizeof host);
    else
        inet_ntop(AF_INET, &a.in.sin_addr, host, sizeof host);
    snprintf(s->name, sizeof s->name, v6 ? "[%s]:%u" : "%s:%u", host, ntohs(v6 ? a.in6.sin6_port : a.in.sin_port));
}

static int open_inet(struct gdbserver *s, const char *spec, char *error, size_t n)
{
    union address a;
    socklen_t len = parse_inet(spec, &a);
    if (!len)
        return fail(error, n, spec, EINVAL, "takes PORT, ADDRESS:PORT with the address in numbers, or unix:PATH");
    int r = listen_at(s, &a, len);
    if (r)
        return fail(error, n, spec, -r, strerror(-r));
    name_inet(s);
    return 0;
}

/* ",nowait" at the end of SPEC, or its end. */
static const char *find_suffix(const char *spec)
{
    static const char suffix[] = ",nowait";
    size_t len = strlen(spec), n = sizeof suffix - 1;
    return spec + (len >= n && strcmp(spec + len - n, suffix) == 0 ? len - n : len);
}

bool gdbserver_waits(const char *spec)
{
    return !*find_suffix(spec);
}

int gdbserver_open(const char *spec, struct debugger *d, struct monitor *m, struct gdbserver **out, char *error,
                   size_t n)
{
    struct gdbserver *s = calloc(1, sizeof *s);
    char *where = strndup(spec, (size_t)(find_suffix(spec) - spec));
    *out = NULL;
    if (!s || !where) {
        free(s);
        free(where);
        return fail(error, n, spec, ENOMEM, "not enough memory");
    }
    s->listening = s->talk = -1;
    s->monitor = (struct gdb_monitor){d, m};
    int r = strncmp(where, "unix:", 5) == 0 ? open_unix(s, where, error, n) : open_inet(s, where, error, n);
    free(where);
    if (r)
        gdbserver_close(s);
    else
        *out = s;
    return r;
}

const char *gdbserver_name(const struct gdbserver *s)
{
    return s->name;
}

/* ---- talking ---- */

static void send_some(struct gdbserver *s)
{
    while (s->talk >= 0 && s->stub.out_len) {
        ssize_t n = send(s->talk, s->stub.out, s->stub.out_len, MSG_NOSIGNAL);
        if (n <= 0)
            break; /* later, or never: then reading finds the end */
        gdbstub_sent(&s->stub, (size_t)n);
    }
}

static void hang_up(struct gdbserver *s)
{
    if (s->talk < 0)
        return;
    send_some(s);
    close(s->talk);
    s->talk = -1;
    gdbstub_end(&s->stub);
}

/* A second caller is turned away. */
static void take_call(struct gdbserver *s)
{
    int one = 1, fd = accept4(s->listening, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0)
        return;
    if (s->talk >= 0) {
        close(fd);
        return;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one); /* fails on a Unix socket, which does not need it */
    s->talk = fd;
    s->in_at = s->in_len = 0;
    gdbstub_begin(&s->stub, s->monitor.debugger, gdb_monitor, &s->monitor);
}

/* More from the socket, if all that came before is done with. False at the end of the conversation. */
static bool receive(struct gdbserver *s)
{
    if (s->in_at < s->in_len)
        return true;
    ssize_t n = recv(s->talk, s->in, sizeof s->in, 0);
    s->in_at = 0;
    s->in_len = n > 0 ? (size_t)n : 0;
    return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

static void take_bytes(struct gdbserver *s)
{
    while (s->in_at < s->in_len && gdbstub_room(&s->stub) && !s->stub.over)
        gdbstub_take(&s->stub, s->in[s->in_at++]);
    send_some(s);
}

bool gdbserver_poll(struct gdbserver *s)
{
    take_call(s);
    if (s->talk < 0)
        return true;
    bool alive = receive(s);
    take_bytes(s);
    bool killed = s->stub.killed;
    if (!alive || s->stub.over)
        hang_up(s);
    return !killed;
}

void gdbserver_stopped(struct gdbserver *s)
{
    gdbstub_stopped(&s->stub);
    send_some(s);
}

void gdbserver_exited(struct gdbserver *s, int status)
{
    if (s->talk >= 0)
        gdbstub_exited(&s->stub, status);
    send_some(s);
}

void gdbserver_fds(const struct gdbserver *s, int fd[GDBSERVER_FDS])
{
    fd[0] = s->listening;
    fd[1] = s->talk;
}

bool gdbserver_busy(const struct gdbserver *s)
{
    return s->talk >= 0 && (s->stub.out_len || s->in_at < s->in_len);
}

void gdbserver_close(struct gdbserver *s)
{
    if (!s)
        return;
    hang_up(s);
    if (s->listening >= 0)
        close(s->listening);
    if (s->path[0])
        unlink(s->path);
    free(s);
}
