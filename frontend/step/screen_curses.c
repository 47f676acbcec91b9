/*
 * screen_curses.c - a grid on a terminal by ncurses, and its keys.
 */
#include "frontend/step/screen_curses.h"
#include "base/host_wait.h"
#include "frontend/step/stepui.h"
#include <curses.h>
#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>
#include <unistd.h>

#define MS 1000000ull

enum {
    GO_COUNTS = 500000,
    FRAME_MS = 50,  /* how often a running machine is shown */
    ESCAPE_MS = 25, /* how long after ESC the rest of a key may come */
    VGA_PAIRS = 16, /* the first colour pair of VGA's attributes */
    BRIGHT = 8,
};

struct curses {
    struct grid grid;
    bool utf8, color;
    attr_t style[STYLE_COUNT];
};

/* ---- colours ---- */

static const struct {
    short fg, bg;
    bool bold;
} colors[STYLE_COUNT] = {
    [STYLE_PLAIN] = {COLOR_WHITE, COLOR_BLACK, false},  [STYLE_DIM] = {COLOR_CYAN, COLOR_BLACK, false},
    [STYLE_BAR] = {COLOR_WHITE, COLOR_BLUE, false},     [STYLE_KEY] = {COLOR_YELLOW, COLOR_BLUE, true},
    [STYLE_TITLE] = {COLOR_BLUE, COLOR_BLACK, true},    [STYLE_CHANGED] = {COLOR_YELLOW, COLOR_BLACK, true},
    [STYLE_NEXT] = {COLOR_BLACK, COLOR_GREEN, false},   [STYLE_LAST] = {COLOR_GREEN, COLOR_BLACK, false},
    [STYLE_CURSOR] = {COLOR_BLACK, COLOR_WHITE, false}, [STYLE_STOP] = {COLOR_RED, COLOR_BLACK, true},
    [STYLE_ALERT] = {COLOR_RED, COLOR_BLACK, true},
};

static const attr_t plain_attributes[STYLE_COUNT] = {
    [STYLE_DIM] = A_DIM,      [STYLE_BAR] = A_REVERSE,  [STYLE_KEY] = A_REVERSE | A_BOLD, [STYLE_CHANGED] = A_BOLD,
    [STYLE_NEXT] = A_REVERSE, [STYLE_LAST] = A_NORMAL,  [STYLE_CURSOR] = A_UNDERLINE,     [STYLE_STOP] = A_BOLD,
    [STYLE_ALERT] = A_BOLD,   [STYLE_TITLE] = A_NORMAL,
};

/* VGA's order is blue first, the terminal's red. */
static short vga_color(unsigned c)
{
    return (short)((c & 2) | (c & 1) << 2 | (c >> 2 & 1));
}

static void make_colors(struct curses *c)
{
    c->color = has_colors() && start_color() == OK && COLOR_PAIRS >= VGA_PAIRS + 64;
    for (unsigned i = 0; i < STYLE_COUNT; i++) {
        if (c->color)
            init_pair((short)(i + 1), colors[i].fg, colors[i].bg);
        c->style[i] = !c->color ? plain_attributes[i] : COLOR_PAIR(i + 1) | (colors[i].bold ? A_BOLD : A_NORMAL);
    }
    for (unsigned i = 0; c->color && i < 64; i++)
        init_pair((short)(VGA_PAIRS + i), vga_color(i & 7), vga_color(i >> 3));
}

static attr_t attribute(const struct curses *c, unsigned style)
{
    if (!(style & STYLE_VGA))
        return c->style[style];
    if (!c->color)
        return style & 0x70 ? A_REVERSE : A_NORMAL;
    return COLOR_PAIR(VGA_PAIRS + (style & 7) + 8 * (style >> 4 & 7)) | (style & BRIGHT ? A_BOLD : A_NORMAL);
}

/* ---- the picture ---- */

/* For terminals without UTF-8. */
static u32 ascii(u32 ch)
{
    switch (ch) {
    case 0x2500:
        return '-';
    case 0x2502:
        return '|';
    case 0x25B6:
        return '>';
    case 0x25B7:
        return '<';
    case 0x25CF:
        return '*';
    case 0x2588:
        return '_';
    default:
        return ch < 0x80 ? ch : '?';
    }
}

static void put_cell(const struct curses *c, unsigned row, unsigned col, const struct grid_cell *cell)
{
    u32 ch = cell->ch ? cell->ch : ' ';
    wchar_t text[2] = {(wchar_t)(c->utf8 ? ch : ascii(ch))};
    cchar_t out;
    setcchar(&out, text, attribute(c, cell->style) & ~A_COLOR, (short)PAIR_NUMBER(attribute(c, cell->style)), NULL);
    mvadd_wch((int)row, (int)col, &out);
}

static int fit_grid(struct curses *c)
{
    if (c->grid.cols == (unsigned)COLS && c->grid.rows == (unsigned)LINES)
        return 0;
    grid_free(&c->grid);
    return grid_init(&c->grid, (unsigned)COLS, (unsigned)LINES);
}

static void draw(struct curses *c, struct stepui *ui)
{
    if (fit_grid(c))
        return;
    stepui_draw(ui, &c->grid);
    for (unsigned row = 0; row < c->grid.rows; row++)
        for (unsigned col = 0; col < c->grid.cols; col++)
            put_cell(c, row, col, &c->grid.cell[row * c->grid.cols + col]);
    refresh();
}

/* ---- keys ---- */

static int step_key(int key)
{
    switch (key) {
    case KEY_UP:
        return STEPKEY_UP;
    case KEY_DOWN:
        return STEPKEY_DOWN;
    case KEY_LEFT:
        return STEPKEY_LEFT;
    case KEY_RIGHT:
        return STEPKEY_RIGHT;
    case KEY_PPAGE:
        return STEPKEY_PGUP;
    case KEY_NPAGE:
        return STEPKEY_PGDN;
    case KEY_F(1):
        return STEPKEY_F1;
    case KEY_ENTER:
    case '\n':
        return STEPKEY_ENTER;
    case KEY_BACKSPACE:
    case 0x7F:
        return STEPKEY_BACKSPACE;
    case 3: /* Ctrl+C */
        return 'q';
    default:
        return key < 0x100 ? key : 0;
    }
}

/* A running machine goes on until the next picture is due or a key comes. */
static void run_frame(struct stepui *ui)
{
    u64 end = host_now() + FRAME_MS * MS;
    while (stepui_go(ui, GO_COUNTS) && host_now() < end)
        ;
}

static void loop(struct curses *c, struct stepui *ui)
{
    while (!ui->env.quit) {
        draw(c, ui);
        timeout(stepui_runs(ui) ? 0 : -1);
        int key = getch();
        if (key == ERR && !stepui_runs(ui))
            break; /* the terminal is gone */
        if (key == ERR)
            run_frame(ui);
        else if (key != KEY_RESIZE)
            stepui_key(ui, step_key(key));
    }
}

int screen_curses_run(struct stepper *s, char *error, size_t n)
{
    struct curses c = {0};
    struct stepui ui;
    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) {
        snprintf(error, n, "the stepper wants a terminal; 'ombra step --script FILE' does without");
        return -ENOTTY;
    }
    setlocale(LC_CTYPE, "");
    c.utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
    SCREEN *screen = newterm(NULL, stdout, stdin);
    if (!screen) {
        snprintf(error, n, "ncurses does not know the terminal '%.40s'; set TERM",
                 getenv("TERM") ? getenv("TERM") : "");
        return -ENOTTY;
    }
    raw();
    noecho();
    keypad(stdscr, TRUE);
    set_escdelay(ESCAPE_MS);
    typeahead(-1); /* each step is seen, however fast keys come */
    curs_set(0);
    make_colors(&c);
    stepui_open(&ui, s);
    loop(&c, &ui);
    stepui_close(&ui);
    endwin();
    delscreen(screen);
    grid_free(&c.grid);
    return 0;
}
