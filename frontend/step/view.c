/*
 * view.c - the screen as a whole: title, views, keys.
 */
#include "frontend/step/view.h"
#include "frontend/guest/listing.h"
#include "frontend/step/stepcmd.h"
#include "frontend/symbols.h"
#include <errno.h>
#include <stdlib.h>

enum {
    REGS_COLS = 27,
    REGS_ROWS = 9,
    LAST_ROWS = 2,
    NEXT_ROWS = 3,
    STACK_COLS = 27,
    WIDE = 132, /* room for all keys */
    WHERE = 100,
    CODE_COLS = 52,
    BESIDE = CODE_COLS + 50, /* then the source stands beside the listing */
    NARROW = 40,             /* a code pane is not narrower */
};

const struct view_row view_rows[VIEW_COUNT] = {
#define V(id, key, name, function, help) [VIEW_##id] = {key, name, function, help},
#include "frontend/step/view.def"
#undef V
};

const struct device *view_find_device(struct pc *pc, const char *name)
{
    const struct device *device;
    for (unsigned n = pc_devices(pc, &device); n > 0; n--, device++)
        if (strcmp(device->ops->name, name) == 0)
            return device;
    return NULL;
}

/* ---- title and keys ---- */

static void put_title(const struct stepper *s, struct pane *p)
{
    char mode[64], right[64];
    stepper_mode(s, mode, sizeof mode);
    int n = snprintf(right, sizeof right, "%llu instructions, %.6f s ", (unsigned long long)cpu_count(s->cpu),
                     (double)clock_now(pc_clock(s->pc)) / 1e9);
    pane_put(p, STYLE_BAR, " ombra   %s", mode);
    if (s->look.view != VIEW_MAIN)
        pane_put(p, STYLE_BAR, "   %s", view_rows[s->look.view].name);
    if (s->goal.kind != GOAL_NONE)
        pane_put(p, STYLE_KEY, "  running");
    while (p->col + (unsigned)n < p->cols)
        pane_char(p, STYLE_BAR, ' ');
    pane_put(p, STYLE_BAR, "%s", right);
    pane_rest(p, STYLE_BAR, ' ');
}

static void put_keys(struct pane *p)
{
    static const struct {
        const char *key, *name;
        bool wide; /* only where there is room */
    } keys[] = {{"s", "step", false},     {"b", "back", false},   {"n", "over", false}, {"o", "out", false},
                {"c", "run", false},      {"h", "to here", true}, {"u", "until", true}, {"k", "break", false},
                {"w", "watch", true},     {"m", "memory", true},  {"v", "view", false}, {"x", "screen", false},
                {"r", "registers", true}, {":", "cmd", false},    {"?", "help", false}, {"q", "quit", false}};
    for (unsigned i = 0; i < ARRAY_LEN(keys); i++) {
        if (keys[i].wide && p->cols < WIDE)
            continue;
        pane_put(p, STYLE_KEY, " %s", keys[i].key);
        pane_put(p, STYLE_BAR, " %s", keys[i].name);
    }
    pane_rest(p, STYLE_BAR, ' ');
}

/* "── memory ───────────" */
static void put_heading(struct pane *p, const char *name)
{
    pane_put(p, STYLE_TITLE, "──%s%s%s", *name ? " " : "", name, *name ? " " : "");
    pane_rest(p, STYLE_TITLE, 0x2500);
}

/* A part of P with a heading over it. */
static struct pane headed(const struct pane *p, unsigned row, unsigned col, unsigned rows, unsigned cols,
                          const char *name)
{
    struct pane head = pane_part(p, row, col, 1, cols);
    put_heading(&head, name);
    return pane_part(p, row + 1, col, rows, cols);
}

/* The source line of the next instruction, or the symbol it is in, or "". */
static const char *where(const struct stepper *s, char *to, size_t size)
{
    long n = view_source_line(s);
    if (n >= 0) {
        const struct listing_line *line = &s->listing->line[n];
        const char *text = line->text + strspn(line->text, " \t");
        snprintf(to, size, "%s:%u: %.*s", line->file, line->number, (int)MIN(strcspn(text, "\t"), (size_t)60), text);
        return to;
    }
    return symbols_text(s->symbols, stepper_here(s), to, size);
}

/* ---- the main view ---- */

static void put_divider(struct pane *p)
{
    while (!pane_full(p)) {
        pane_put(p, STYLE_TITLE, " │");
        pane_rest(p, STYLE_TITLE, ' ');
    }
}

/* Listing beside registers, sentences below, then memory beside the stack. */
static void draw_main(struct stepper *s, struct pane *p)
{
    char name[WHERE];
    unsigned sentences = LAST_ROWS + NEXT_ROWS, extra = p->rows > VIEW_ROWS - 2 ? p->rows - (VIEW_ROWS - 2) : 0;
    unsigned top = MIN(REGS_ROWS + extra / 2, p->rows);
    unsigned left = p->cols > NARROW + REGS_COLS + 3 ? p->cols - REGS_COLS - 3 : p->cols;
    struct pane code = pane_part(p, 0, 0, top, left), divide = pane_part(p, 0, left, top, 3);
    struct pane regs = pane_part(p, 0, left + 3, top, REGS_COLS);
    if (left >= BESIDE && view_source_line(s) >= 0) {
        code = pane_part(p, 0, 0, top, CODE_COLS);
        struct pane source = pane_part(p, 0, CODE_COLS, top, left - CODE_COLS);
        pane_source(s, &source);
    }
    pane_code(s, &code);
    put_divider(&divide);
    pane_registers(s, &regs);
    struct pane say = headed(p, top, 0, sentences, p->cols, where(s, name, sizeof name));
    pane_sentences(s, &say, LAST_ROWS);
    unsigned low = top + 1 + sentences;
    struct pane memory = headed(p, low, 0, p->rows, left, s->look.physical ? "memory, physical" : "memory");
    struct pane stack = headed(p, low, left, p->rows, p->cols, "stack");
    stack.left += 3;
    stack.cols -= MIN(stack.cols, 3u);
    pane_memory(s, &memory);
    pane_stack(s, &stack);
}

/* ---- views of lines ---- */

char *view_lines(const struct stepper *s, unsigned view)
{
    char *text = NULL;
    size_t size;
    if (!view_rows[view].lines)
        return NULL;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return NULL;
    view_rows[view].lines(s, out);
    fclose(out);
    return text;
}

/* The line after LINE, or NULL. */
static const char *line_after(const char *line)
{
    const char *end = line ? strchr(line, '\n') : NULL;
    return end ? end + 1 : NULL;
}

/* One line; characters that were others in BEFORE (NULL: no such line) are lit. */
static void put_line(struct pane *p, const char *line, const char *before)
{
    while (*line && *line != '\n') {
        u32 ch = grid_utf8(&line), was = before && *before && *before != '\n' ? grid_utf8(&before) : 0;
        pane_char(p, was && was != ch ? STYLE_CHANGED : STYLE_PLAIN, ch);
    }
    pane_rest(p, STYLE_PLAIN, ' ');
}

static void put_lines(const struct stepper *s, struct pane *p, const char *text, const char *before)
{
    for (unsigned i = 0; i < s->look.scroll && line_after(text); i++) {
        text = line_after(text);
        before = line_after(before);
    }
    while (text && *text && !pane_full(p)) {
        put_line(p, text, before);
        text = line_after(text);
        before = line_after(before);
    }
}

/* A view over the next instruction and its sentences, so that stepping goes on below it. */
static void draw_lines(struct stepper *s, struct pane *p, const char *before)
{
    enum { BELOW = 1 + 1 + 1 + 3 };
    char name[WHERE];
    bool alone = s->look.view == VIEW_HELP || p->rows <= 2 * BELOW;
    unsigned rows = alone ? p->rows : p->rows - BELOW;
    struct pane body = pane_part(p, 0, 1, rows, p->cols - 1);
    char *text = view_lines(s, s->look.view);
    if (s->look.view == VIEW_SOURCE)
        pane_source(s, &body);
    else
        put_lines(s, &body, text, before);
    free(text);
    if (alone)
        return;
    struct pane code = headed(p, rows, 0, 1, p->cols, where(s, name, sizeof name));
    pane_next(s, &code);
    struct pane say = pane_part(p, rows + 2, 0, 4, p->cols);
    pane_sentences(s, &say, 1);
}

void view_draw(struct stepper *s, struct grid *g, const char *before, const char *note)
{
    struct pane whole = pane_whole(g), title = pane_part(&whole, 0, 0, 1, g->cols);
    grid_clear(g);
    put_title(s, &title);
    struct pane body = pane_part(&whole, 1, 0, g->rows > 2 ? g->rows - 2 : 0, g->cols);
    if (s->look.view == VIEW_SCREEN)
        pane_screen(s, &body);
    else if (view_rows[s->look.view].lines || s->look.view == VIEW_SOURCE)
        draw_lines(s, &body, before);
    else
        draw_main(s, &body);
    struct pane keys = pane_part(&whole, g->rows - 1, 0, 1, g->cols);
    if (!note)
        put_keys(&keys);
    else
        pane_put(&keys, STYLE_PLAIN, "%s", note);
}

/* ---- in scripts ---- */

static void print_pane(struct stepper *s, unsigned view, struct grid *g)
{
    struct pane p = pane_whole(g), half = pane_part(&p, 0, 0, REGS_ROWS, g->cols);
    switch (view) {
    case VIEW_CODE:
        pane_code(s, &half);
        break;
    case VIEW_REGS:
        pane_registers(s, &half);
        break;
    case VIEW_MEMORY:
        pane_memory(s, &half);
        break;
    case VIEW_STACK:
        pane_stack(s, &half);
        break;
    case VIEW_SCREEN:
        pane_screen(s, &p);
        break;
    case VIEW_SOURCE:
        pane_source(s, &half);
        break;
    default:
        view_draw(s, g, NULL, NULL);
    }
}

int view_print(struct stepper *s, unsigned view, FILE *out)
{
    struct grid g;
    if (view_rows[view].lines) {
        view_rows[view].lines(s, out);
        return 0;
    }
    if (grid_init(&g, view == VIEW_SCREEN ? 132 : VIEW_COLS, view == VIEW_SCREEN ? 60 : VIEW_ROWS))
        return -ENOMEM;
    unsigned kept = s->look.view;
    s->look.view = view == VIEW_SCREEN ? VIEW_SCREEN : VIEW_MAIN;
    print_pane(s, view, &g);
    s->look.view = kept;
    grid_print(&g, out);
    grid_free(&g);
    return 0;
}

/* ---- moving ---- */

/* The line before LIN: where one of the instructions behind it ends, as far as that can be told. */
static u64 line_before(const struct stepper *s, u64 lin)
{
    struct disasm_line line;
    u8 bytes[INSN_MAX_LEN];
    for (unsigned back = 24; back > 0; back--) { /* decoding falls into step with the instructions soon */
        u64 at = (u32)(lin - back), before = at;
        while (at < lin && at >= lin - back) {
            before = at;
            stepper_line(s, at, s->cpu->code_bits, &line, bytes);
            at += MAX(line.len, 1u);
        }
        if (at == lin)
            return before;
    }
    return (u32)(lin - 1);
}

static void move_cursor(struct stepper *s, int lines)
{
    struct disasm_line line;
    u8 bytes[INSN_MAX_LEN];
    u64 at = s->look.cursor_free ? s->look.cursor : stepper_here(s);
    if (lines < 0) {
        at = line_before(s, at);
        if (at < s->look.code_top && s->look.code_top - at <= INSN_MAX_LEN)
            s->look.code_top = at;
    } else {
        stepper_line(s, at, s->cpu->code_bits, &line, bytes);
        at = (u32)(at + MAX(line.len, 1u));
    }
    s->look.cursor = at;
    s->look.cursor_free = at != stepper_here(s);
}

void view_move(struct stepper *s, int lines, bool page)
{
    struct look *l = &s->look;
    if (l->view != VIEW_MAIN) {
        int to = (int)l->scroll + lines * (page ? 10 : 1);
        l->scroll = (unsigned)MAX(to, 0);
    } else if (page) {
        u64 to = l->memory + (u64)(s64)(lines * 64);
        l->memory = l->physical ? to : (u32)to;
        s->memory.len = 0;
    } else {
        move_cursor(s, lines);
    }
}
