/*
 * terminal.c - the terminal itself: taking it over and giving it back, its cells, what is typed.
 */
#include "frontend/terminal.h"
#include "frontend/terminal_int.h"
#include "frontend/textdump.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

enum {
    PREFIX = 0x1D, /* Ctrl+] */
    COLS_MAX = 512,
    ROWS_MAX = 256,
    INPUT_MAX = 4096,
    HALF_BLOCK = 0xDF, /* upper half, in code page 437 */
    ESC_MS = 50,       /* an ESC that stays alone that long is the key */
    HOLD_MS = 8,       /* a key stays down that long: slow enough for a BIOS that is pasted into */
    GUEST_MAX = 60,
};

struct cell {
    u32 fg, bg;
    u8 ch; /* code page 437 */
    bool known;
};

struct terminal {
    int in, out, signals;
    struct termios saved;
    sigset_t saved_mask;
    enum terminal_colors colors;
    unsigned cols, rows;
    struct cell *have, *want;        /* rows * cols: on the terminal, and wished */
    unsigned cursor_row, cursor_col; /* wished; row >= rows: hidden */
    unsigned have_row, have_col;     /* where it is; likewise */
    char guest[GUEST_MAX];
    bool prefix; /* Ctrl+] was typed */
    u8 input[INPUT_MAX];
    size_t input_len;
    u64 input_ms; /* when the last byte came */
    struct keymap_press held;
    u64 held_ms;
    char *buffer; /* escape sequences on their way out */
    size_t buffer_len, buffer_cap;
};

/* The person's clock, not the guest's: for ESC and for how long a key is held. */
static u64 host_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (u64)ts.tv_sec * 1000 + (u64)ts.tv_nsec / 1000000;
}

/* --- output --- */

static void put(struct terminal *t, const char *data, size_t len)
{
    if (t->buffer_len + len > t->buffer_cap) {
        size_t cap = (t->buffer_len + len) * 2;
        char *buffer = realloc(t->buffer, cap);

        if (!buffer)
            return; /* the frame is torn; the next full one mends it */
        t->buffer = buffer;
        t->buffer_cap = cap;
    }
    memcpy(t->buffer + t->buffer_len, data, len);
    t->buffer_len += len;
}

static void put_text(struct terminal *t, const char *s)
{
    put(t, s, strlen(s));
}

static void put_move(struct terminal *t, unsigned row, unsigned col)
{
    char s[32];

    put(t, s, (size_t)snprintf(s, sizeof s, "\033[%u;%uH", row + 1, col + 1));
}

static void flush(struct terminal *t)
{
    const char *p = t->buffer;

    while (t->buffer_len) {
        ssize_t n = write(t->out, p, t->buffer_len);

        if (n < 0 && (errno == EINTR || errno == EAGAIN)) {
            struct pollfd fd = {.fd = t->out, .events = POLLOUT};

            poll(&fd, 1, 100);
            continue;
        }
        if (n <= 0)
            break; /* the terminal is gone; reading will say so */
        p += n;
        t->buffer_len -= (size_t)n;
    }
    t->buffer_len = 0;
}

/* Follows the terminal's size. False if there is no memory for it. */
static bool follow_size(struct terminal *t)
{
    struct winsize size = {.ws_row = 24, .ws_col = 80};
    unsigned cols, rows;

    if (ioctl(t->out, TIOCGWINSZ, &size) || !size.ws_row || !size.ws_col)
        size = (struct winsize){.ws_row = 24, .ws_col = 80};
    cols = MIN(size.ws_col, COLS_MAX);
    rows = MIN(size.ws_row, ROWS_MAX);
    if (cols == t->cols && rows == t->rows && t->have && t->want)
        return true;
    free(t->have);
    free(t->want);
    t->have = calloc((size_t)rows * cols, sizeof *t->have);
    t->want = calloc((size_t)rows * cols, sizeof *t->want);
    t->cols = cols;
    t->rows = rows;
    put_text(t, "\033[0m\033[2J");
    return t->have && t->want;
}

static void clear_wanted(struct terminal *t)
{
    for (size_t i = 0; i < (size_t)t->rows * t->cols; i++)
        t->want[i] = (struct cell){.fg = 0xAAAAAA, .ch = ' ', .known = true};
    t->cursor_row = t->rows;
    t->cursor_col = 0;
}

/* Our own line at the bottom: always while the prefix is pending, else only below the guest's USED rows. */
static void want_status(struct terminal *t, unsigned used)
{
    char line[200];
    struct cell *cell = t->want + (size_t)(t->rows - 1) * t->cols;

    if (!t->prefix && used >= t->rows)
        return;
    if (t->prefix)
        snprintf(line, sizeof line, " q quit | i look inside | s screenshot | d Ctrl+Alt+Del | ] Ctrl+] | else: go on");
    else
        snprintf(line, sizeof line, " %s - Ctrl+] for commands (then q: quit) ", t->guest);
    for (unsigned i = 0; i < t->cols && line[i]; i++)
        cell[i] = (struct cell){.fg = t->prefix ? 0x000000 : 0xAAAAAA,
                                .bg = t->prefix ? 0xAAAAAA : 0x000000,
                                .ch = (u8)line[i] < 0x7F ? (u8)line[i] : '?',
                                .known = true};
}

static bool same(const struct cell *a, const struct cell *b)
{
    return a->known && a->ch == b->ch && a->fg == b->fg && a->bg == b->bg;
}

/* Writes the cells that differ. */
static void update(struct terminal *t)
{
    u32 fg = 0, bg = 0;
    bool colored = false;
    unsigned at_row = t->rows, at_col = 0;
    size_t before = t->buffer_len;

    put_text(t, "\033[?25l");
    for (unsigned row = 0; row < t->rows; row++)
        for (unsigned col = 0; col < t->cols; col++) {
            struct cell *have = t->have + (size_t)row * t->cols + col;
            const struct cell *want = t->want + (size_t)row * t->cols + col;
            char s[TERMINAL_COLOR_LEN];

            if (same(have, want))
                continue;
            if (row != at_row || col != at_col)
                put_move(t, row, col);
            if (!colored || fg != want->fg || bg != want->bg)
                put(t, s, terminal_color(t->colors, want->fg, want->bg, s));
            colored = true;
            fg = want->fg;
            bg = want->bg;
            put(t, s, textdump_utf8(want->ch, s));
            *have = *want;
            at_row = row;
            at_col = col + 1;
        }
    if (colored) {
        put_text(t, "\033[0m");
    } else {
        t->buffer_len = before;
        if (t->cursor_row == t->have_row && t->cursor_col == t->have_col && !before)
            return;
    }
    t->have_row = t->cursor_row;
    t->have_col = t->cursor_col;
    if (t->cursor_row < t->rows && t->cursor_col < t->cols) {
        put_move(t, t->cursor_row, t->cursor_col);
        put_text(t, "\033[?25h");
    } else {
        put_text(t, "\033[?25l");
    }
    flush(t);
}

void terminal_show_text(struct terminal *t, const struct display_text *text)
{
    unsigned first = 0;

    if (!follow_size(t))
        return;
    clear_wanted(t);
    /* A terminal with fewer rows shows those that end with the cursor. */
    if (text->cursor_row < text->rows && text->cursor_row >= t->rows)
        first = text->cursor_row - t->rows + 1u;
    for (unsigned row = 0; row < t->rows && first + row < text->rows; row++)
        for (unsigned col = 0; col < t->cols && col < text->cols; col++) {
            size_t at = ((size_t)(first + row) * text->cols + col) * 2;
            u8 attr = text->cells[at + 1];
            u8 back = (attr >> 4) & (text->blink ? 7 : 15);

            t->want[(size_t)row * t->cols + col] = (struct cell){
                .fg = text->palette[attr & 15], .bg = text->palette[back], .ch = text->cells[at], .known = true};
        }
    if (text->cursor_row < text->rows) {
        t->cursor_row = text->cursor_row - first;
        t->cursor_col = text->cursor_col;
    }
    want_status(t, text->rows - first);
    update(t);
}

/* The mean colour of the picture's pixels in [X0, X1) x [Y0, Y1). */
static u32 average(const struct display_frame *f, unsigned x0, unsigned x1, unsigned y0, unsigned y1)
{
    u64 r = 0, g = 0, b = 0;
    u64 n;

    x1 = MIN(MAX(x1, x0 + 1), f->width);
    y1 = MIN(MAX(y1, y0 + 1), f->height);
    x0 = MIN(x0, x1 - 1);
    y0 = MIN(y0, y1 - 1);
    for (unsigned y = y0; y < y1; y++)
        for (unsigned x = x0; x < x1; x++) {
            u32 p = f->pixels[(size_t)y * f->width + x];

            r += p >> 16 & 255;
            g += p >> 8 & 255;
            b += p & 255;
        }
    n = (u64)(x1 - x0) * (y1 - y0);
    return (u32)(r / n << 16 | g / n << 8 | b / n);
}

void terminal_show_frame(struct terminal *t, const struct display_frame *f)
{
    if (!follow_size(t))
        return;
    clear_wanted(t);
    if (f->width && f->height) {
        /* A half cell is about square. */
        unsigned aw = f->aspect_w ? f->aspect_w : 4, ah = f->aspect_h ? f->aspect_h : 3;
        unsigned space = MAX(t->rows - 1, 1u) * 2, w = t->cols, h = MAX(w * ah / aw, 1);

        if (h > space) {
            h = space;
            w = MIN(MAX(h * aw / ah, 1), t->cols);
        }
        for (unsigned y = 0; y + 1 < h || y == 0; y += 2)
            for (unsigned x = 0; x < w; x++) {
                unsigned x0 = x * f->width / w, x1 = (x + 1) * f->width / w;
                unsigned top = y * f->height / h, middle = (y + 1) * f->height / h, end = (y + 2) * f->height / h;

                t->want[(size_t)(y / 2) * t->cols + x] = (struct cell){.fg = average(f, x0, x1, top, middle),
                                                                       .bg = average(f, x0, x1, middle, end),
                                                                       .ch = HALF_BLOCK,
                                                                       .known = true};
            }
    }
    want_status(t, t->rows - 1);
    update(t);
}

/* --- input --- */

static void send_press(const struct frontend_events *ev, const struct keymap_press *press, bool down)
{
    if (ev->key)
        keymap_send(press, down, ev->key, ev->ctx);
}

static bool has_room(const struct frontend_events *ev, const struct keymap_press *press)
{
    return !ev->room || ev->room(ev->ctx) >= keymap_events(press) / 2; /* down now, up in a later call */
}

static void press_key(struct terminal *t, const struct frontend_events *ev, const struct keymap_press *press)
{
    send_press(ev, press, true);
    t->held = *press;
    t->held_ms = host_ms();
}

/* The key after Ctrl+]. */
static void command(struct terminal *t, const struct frontend_events *ev, u8 ch)
{
    struct keymap_press press = {KEY_DELETE, KEYMAP_CTRL | KEYMAP_ALT};

    switch (ch) {
    case 'q':
        if (ev->quit)
            ev->quit(ev->ctx);
        break;
    case 's':
        if (ev->screenshot)
            ev->screenshot(ev->ctx);
        break;
    case 'i':
        if (ev->inspect)
            ev->inspect(ev->ctx);
        break;
    case 'd':
        press_key(t, ev, &press);
        break;
    case ']':
    case PREFIX:
        keymap_char(PREFIX, &press);
        press_key(t, ev, &press);
        break;
    default:
        break;
    }
}

static void read_input(struct terminal *t, const struct frontend_events *ev)
{
    ssize_t n;

    if (t->input_len == sizeof t->input)
        return;
    n = read(t->in, t->input + t->input_len, sizeof t->input - t->input_len);
    if (n > 0) {
        t->input_len += (size_t)n;
        t->input_ms = host_ms();
    } else if ((n == 0 || (errno != EINTR && errno != EAGAIN)) && ev->quit) {
        ev->quit(ev->ctx); /* hung up */
    }
}

/* Takes one key (or command) from what was read. False: nothing to take now. */
static bool take_input(struct terminal *t, const struct frontend_events *ev)
{
    struct keymap_press press;
    size_t used = 1;

    if (!t->input_len)
        return false;
    if (t->prefix) {
        t->prefix = false;
        command(t, ev, t->input[0]);
    } else if (t->input[0] == PREFIX) {
        t->prefix = true;
    } else {
        used = terminal_decode(t->input, t->input_len, host_ms() - t->input_ms >= ESC_MS, &press);
        if (!used || (press.key != KEY_NONE && !has_room(ev, &press)))
            return false;
        if (press.key != KEY_NONE)
            press_key(t, ev, &press);
    }
    t->input_len -= used;
    memmove(t->input, t->input + used, t->input_len);
    return true;
}

static void release_held(struct terminal *t, const struct frontend_events *ev)
{
    if (t->held.key != KEY_NONE && host_ms() - t->held_ms >= HOLD_MS) {
        send_press(ev, &t->held, false);
        t->held.key = KEY_NONE;
    }
}

void terminal_pump(struct terminal *t, const struct frontend_events *events, unsigned wait_ms)
{
    struct pollfd fd[2] = {{.fd = t->in, .events = POLLIN}, {.fd = t->signals, .events = POLLIN}};
    bool busy = t->input_len || t->held.key != KEY_NONE;

    if (t->input_len == sizeof t->input)
        fd[0].fd = -1; /* full: what is typed waits in the kernel */
    if (poll(fd, 2, (int)(busy ? MIN(wait_ms, HOLD_MS) : wait_ms)) > 0) {
        struct signalfd_siginfo info;

        if (fd[0].revents)
            read_input(t, events);
        if (fd[1].revents && read(t->signals, &info, sizeof info) == sizeof info && events->quit)
            events->quit(events->ctx);
    }
    release_held(t, events);
    while (t->held.key == KEY_NONE && take_input(t, events))
        ;
}

/* --- life --- */

static enum terminal_colors find_colors(void)
{
    const char *colorterm = getenv("COLORTERM"), *term = getenv("TERM");

    if (colorterm && (!strcmp(colorterm, "truecolor") || !strcmp(colorterm, "24bit")))
        return TERMINAL_RGB;
    return term && strstr(term, "256color") ? TERMINAL_256 : TERMINAL_16;
}

/* The signals that would end us with the terminal in our hands arrive as readable data instead. */
static int catch_signals(struct terminal *t)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGQUIT);
    t->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (t->signals < 0)
        return -errno;
    return -pthread_sigmask(SIG_BLOCK, &set, &t->saved_mask);
}

static int take_over(struct terminal *t)
{
    struct termios raw;
    int rc;

    if (tcgetattr(t->in, &t->saved))
        return -errno;
    rc = catch_signals(t);
    if (rc)
        return rc;
    raw = t->saved;
    cfmakeraw(&raw);
    raw.c_cc[VMIN] = 0;
    raw.c_cc[VTIME] = 0;
    if (tcsetattr(t->in, TCSAFLUSH, &raw))
        return -errno;
    /* The alternate screen keeps what was there. */
    put_text(t, "\033[?1049h");
    follow_size(t);
    flush(t);
    return 0;
}

int terminal_open(const struct terminal_config *config, struct terminal **out, char *err, size_t err_len)
{
    struct terminal *t;
    int rc;

    *out = NULL;
    if (!isatty(config->in) || !isatty(config->out)) {
        snprintf(err, err_len, "no terminal to show the guest in; use --display none");
        return -ENOTTY;
    }
    t = calloc(1, sizeof *t);
    if (!t) {
        snprintf(err, err_len, "not enough memory for the terminal display");
        return -ENOMEM;
    }
    t->in = config->in;
    t->out = config->out;
    t->signals = -1;
    t->colors = find_colors();
    snprintf(t->guest, sizeof t->guest, "%s", config->guest ? config->guest : "guest");
    rc = take_over(t);
    if (rc) {
        snprintf(err, err_len, "cannot use the terminal: %s", strerror(-rc));
        if (t->signals >= 0) {
            close(t->signals);
            pthread_sigmask(SIG_SETMASK, &t->saved_mask, NULL);
        }
        free(t);
        return rc;
    }
    *out = t;
    return 0;
}

void terminal_close(struct terminal *t)
{
    if (!t)
        return;
    put_text(t, "\033[0m\033[?25h\033[?1049l");
    flush(t);
    tcsetattr(t->in, TCSAFLUSH, &t->saved);
    close(t->signals);
    pthread_sigmask(SIG_SETMASK, &t->saved_mask, NULL);
    free(t->have);
    free(t->want);
    free(t->buffer);
    free(t);
}
