/*
 * view_panes.c - the panes of the main view, and the guest's screen.
 */
#include "frontend/guest/listing.h"
#include "frontend/step/desc.h"
#include "frontend/step/text.h"
#include "frontend/step/view.h"
#include "frontend/symbols.h"
#include "frontend/textdump.h"
#include <ctype.h>
#include <stdlib.h>

enum {
    LIST_MAX = 128,
    BYTES_16 = 5, /* bytes of an instruction that are shown */
    BYTES_32 = 7,
};

/* ---- the listing ---- */

/* Where the lines of the listing begin. */
struct code_lines {
    u64 lin[LIST_MAX];
    unsigned rows;
};

static void list_from(const struct stepper *s, u64 lin, unsigned rows, struct code_lines *l)
{
    struct disasm_line line;
    u8 bytes[INSN_MAX_LEN];
    l->rows = MIN(rows, (unsigned)LIST_MAX);
    for (unsigned i = 0; i < l->rows; i++) {
        l->lin[i] = lin;
        stepper_line(s, lin, s->cpu->code_bits, &line, bytes);
        lin = (u32)(lin + MAX(line.len, 1u));
    }
}

static unsigned find_line(const struct code_lines *l, u64 lin)
{
    unsigned i = 0;
    while (i < l->rows && l->lin[i] != lin)
        i++;
    return i;
}

/* The listing stays while the next instruction is in it, and not at its end. */
static void follow(struct stepper *s, unsigned rows, struct code_lines *l)
{
    u64 here = stepper_here(s), want = s->look.cursor_free ? s->look.cursor : here;
    list_from(s, s->look.code_top, rows, l);
    unsigned at = find_line(l, want);
    if (at < rows && (at + 2 < rows || s->look.cursor_free))
        return;
    bool near = s->last.bits == s->cpu->code_bits && want > s->last.lin && want - s->last.lin <= INSN_MAX_LEN;
    s->look.code_top = !s->look.cursor_free && near ? s->last.lin : want;
    list_from(s, s->look.code_top, rows, l);
}

static bool has_stop(const struct stepper *s, u64 lin)
{
    for (unsigned i = 0; i < STEPPER_STOPS; i++)
        if (s->stop[i].number && !s->stop[i].once && s->stop[i].at.kind == STOP_EXEC && s->stop[i].at.addr == lin)
            return true;
    return false;
}

static void put_place(struct pane *p, unsigned style, const struct code_place *at)
{
    if (at->bits == 16)
        pane_put(p, style, "%04X:%04X  ", at->sel, at->ip);
    else
        pane_put(p, style, "%08X   ", at->ip);
}

static void put_bytes(struct pane *p, unsigned style, const u8 *bytes, unsigned len, unsigned max)
{
    unsigned shown = len > max ? max - 1 : len;
    for (unsigned i = 0; i < shown; i++)
        pane_put(p, style, "%02X", bytes[i]);
    pane_put(p, style, "%s%*s", len > max ? ".." : "", (int)(2 * (max - (len > max ? max : len)) + 1), "");
}

/* The symbol that an address in TEXT has, if it has one. */
static void put_target(const struct stepper *s, struct pane *p, unsigned style, const char *text)
{
    char name[64];
    const char *number = strstr(text, "0x");
    if (number && *symbols_text(s->symbols, strtoul(number, NULL, 16), name, sizeof name))
        pane_put(p, style, " <%s>", name);
}

static void put_code(const struct stepper *s, struct pane *p, const struct code_place *at, unsigned style)
{
    struct disasm_line line;
    u8 bytes[INSN_MAX_LEN];
    bool stop = has_stop(s, at->lin), next = style == STYLE_NEXT;
    unsigned plain = style == STYLE_PLAIN ? STYLE_DIM : style;
    stepper_line(s, at->lin, at->bits, &line, bytes);
    pane_put(p, stop ? STYLE_STOP : style, "%s", stop ? "●" : " ");
    pane_put(p, style, "%s", next ? "▶ " : style == STYLE_LAST ? "▷ " : "  ");
    put_place(p, plain, at);
    put_bytes(p, plain, bytes, line.len, at->bits == 16 ? BYTES_16 : BYTES_32);
    pane_put(p, style, "%s", line.text);
    put_target(s, p, plain, line.text);
    pane_rest(p, style, ' ');
}

static struct code_place place_at(const struct stepper *s, u64 lin)
{
    struct code_place at = stepper_place(s);
    at.ip = (u32)(lin - s->cpu->seg[SEG_CS].base);
    at.lin = lin;
    return at;
}

void pane_code(struct stepper *s, struct pane *p)
{
    struct code_lines l;
    unsigned rows = p->rows, known = s->last.bits != 0;
    follow(s, rows, &l);
    bool away = known && find_line(&l, s->last.lin) == l.rows; /* it jumped here: its line comes first */
    if (away) {
        put_code(s, p, &s->last, STYLE_LAST);
        follow(s, --rows, &l);
    }
    for (unsigned i = 0; i < rows && i < l.rows; i++) {
        struct code_place at = place_at(s, l.lin[i]);
        bool cursor = s->look.cursor_free && s->look.cursor == at.lin, next = at.lin == stepper_here(s);
        bool last = known && s->last.lin == at.lin;
        put_code(s, p, &at, cursor ? STYLE_CURSOR : next ? STYLE_NEXT : last ? STYLE_LAST : STYLE_PLAIN);
    }
}

void pane_next(const struct stepper *s, struct pane *p)
{
    struct code_place at = stepper_place(s);
    put_code(s, p, &at, STYLE_NEXT);
}

/* ---- registers ---- */

static void put_value(const struct stepper *s, struct pane *p, const char *name, unsigned digits, u64 is, u64 was)
{
    pane_put(p, STYLE_DIM, "%s ", name);
    pane_put(p, s->has_before && is != was ? STYLE_CHANGED : STYLE_PLAIN, "%0*llX", (int)digits,
             (unsigned long long)is);
}

static void put_flags(const struct stepper *s, struct pane *p)
{
    static const struct {
        u32 bit;
        char name[3];
    } flags[] = {{F_OF, "OF"}, {F_DF, "DF"}, {F_IF, "IF"}, {F_TF, "TF"}, {F_SF, "SF"},
                 {F_ZF, "ZF"}, {F_AF, "AF"}, {F_PF, "PF"}, {F_CF, "CF"}};
    u32 is = cpu_eflags(s->cpu), changed = s->has_before ? is ^ s->before.eflags : 0;
    for (unsigned i = 0; i < ARRAY_LEN(flags); i++) {
        char name[3] = {flags[i].name[0], flags[i].name[1]};
        bool set = is & flags[i].bit;
        if (!set)
            name[0] = (char)tolower(name[0]), name[1] = (char)tolower(name[1]);
        pane_put(p, changed & flags[i].bit ? STYLE_CHANGED : set ? STYLE_PLAIN : STYLE_DIM, "%s", name);
        pane_put(p, STYLE_PLAIN, " ");
    }
}

/* The general registers two by two, segment registers two by two, flags by name. */
void pane_registers(const struct stepper *s, struct pane *p)
{
    static const struct {
        u8 reg[2];
        const char *name[2];
    } general[] = {{{R_AX, R_SI}, {"EAX", " ESI"}},
                   {{R_BX, R_DI}, {"EBX", " EDI"}},
                   {{R_CX, R_BP}, {"ECX", " EBP"}},
                   {{R_DX, R_SP}, {"EDX", " ESP"}}};
    static const struct {
        u8 seg[2];
        const char *name[2];
    } segments[] = {{{SEG_CS, SEG_SS}, {"CS ", "     SS "}},
                    {{SEG_DS, SEG_ES}, {"DS ", "     ES "}},
                    {{SEG_FS, SEG_GS}, {"FS ", "     GS "}}};
    const struct cpu *c = s->cpu;
    const struct step_snapshot *b = &s->before;
    for (unsigned i = 0; i < ARRAY_LEN(general); i++) {
        for (unsigned j = 0; j < 2; j++)
            put_value(s, p, general[i].name[j], 8, (u32)c->r[general[i].reg[j]], (u32)b->r[general[i].reg[j]]);
        pane_rest(p, STYLE_PLAIN, ' ');
    }
    put_value(s, p, "EIP", 8, (u32)c->ip, (u32)c->ip); /* always another */
    put_value(s, p, " EFL", 8, cpu_eflags(c), b->eflags);
    pane_rest(p, STYLE_PLAIN, ' ');
    put_flags(s, p);
    pane_rest(p, STYLE_PLAIN, ' ');
    for (unsigned i = 0; i < ARRAY_LEN(segments); i++) {
        for (unsigned j = 0; j < 2; j++)
            put_value(s, p, segments[i].name[j], 4, c->seg[segments[i].seg[j]].sel, b->seg[segments[i].seg[j]].sel);
        pane_rest(p, STYLE_PLAIN, ' ');
    }
}

/* ---- memory ---- */

/* The byte at ADDR was another before the last run. */
static bool byte_changed(const struct window *w, u64 addr, bool physical, u8 now)
{
    u64 off = addr - w->addr;
    return w->physical == physical && off < w->len && w->data[off] != now;
}

unsigned pane_memory_columns(unsigned cols)
{
    return cols >= 76 ? 16 : 8;
}

static void put_memory_row(const struct stepper *s, struct pane *p, u64 addr, unsigned n)
{
    u8 data[16];
    unsigned got = stepper_read(s, addr, s->look.physical, data, n);
    pane_put(p, STYLE_DIM, "%08llX ", (unsigned long long)addr);
    for (unsigned i = 0; i < n; i++) {
        bool lit = i < got && s->has_before && byte_changed(&s->memory, addr + i, s->look.physical, data[i]);
        pane_put(p, STYLE_PLAIN, i == 8 ? "  " : " ");
        if (i < got)
            pane_put(p, lit ? STYLE_CHANGED : STYLE_PLAIN, "%02X", data[i]);
        else
            pane_put(p, STYLE_DIM, "--");
    }
    pane_put(p, STYLE_PLAIN, "  ");
    for (unsigned i = 0; i < got; i++)
        pane_char(p, STYLE_DIM, data[i] >= ' ' && data[i] < 0x7F ? data[i] : '.');
    pane_rest(p, STYLE_PLAIN, ' ');
}

void pane_memory(const struct stepper *s, struct pane *p)
{
    unsigned n = pane_memory_columns(p->cols);
    u64 mask = s->look.physical ? ~(u64)0 : 0xFFFFFFFF;
    for (unsigned i = 0; i < p->rows; i++)
        put_memory_row(s, p, (s->look.memory + i * n) & mask, n);
}

static void put_slot(const struct stepper *s, struct pane *p, u64 off, unsigned w)
{
    const struct cpu *c = s->cpu;
    u8 data[4];
    u64 lin = (u32)(c->seg[SEG_SS].base + off);
    if (stepper_read(s, lin, false, data, w) != w) {
        pane_put(p, STYLE_DIM, "%0*llX  --", c->stack32 ? 8 : 4, (unsigned long long)off);
        return;
    }
    bool lit = false;
    for (unsigned i = 0; i < w && s->has_before; i++)
        lit |= byte_changed(&s->stack, lin + i, false, data[i]);
    pane_put(p, STYLE_DIM, "%0*llX  ", c->stack32 ? 8 : 4, (unsigned long long)off);
    pane_put(p, lit ? STYLE_CHANGED : STYLE_PLAIN, "%0*X", (int)(2 * w), w == 4 ? ld32(data) : ld16(data));
}

void pane_stack(const struct stepper *s, struct pane *p)
{
    const struct cpu *c = s->cpu;
    unsigned w = c->code_bits == 16 ? 2 : 4;
    u64 mask = c->stack32 ? 0xFFFFFFFF : 0xFFFF;
    for (unsigned i = 0; i < p->rows; i++) {
        pane_put(p, STYLE_DIM, "%s", i == 0 ? "top " : "    ");
        put_slot(s, p, (c->r[R_SP] + i * w) & mask, w);
        pane_rest(p, STYLE_PLAIN, ' ');
    }
}

/* ---- sentences ---- */

static void put_sentence(struct pane *p, const char *head, unsigned style, const char *sentence, unsigned rows)
{
    enum { HEAD = 6 };
    char lines[2 * EXPLAIN_SIZE], *rest = lines;
    unsigned end = p->row + rows;
    text_wrap(sentence, p->cols - HEAD - 1, rows, lines, sizeof lines);
    for (const char *line; p->row < end && (line = strsep(&rest, "\n")) && *line; head = "") {
        pane_put(p, STYLE_DIM, " %-*s", HEAD - 1, head);
        pane_put(p, style, "%s\n", line);
    }
    pane_to(p, end, 0);
}

void pane_sentences(const struct stepper *s, struct pane *p, unsigned last_rows)
{
    char sentence[EXPLAIN_SIZE];
    stepper_last_sentence(s, sentence, sizeof sentence);
    if (*s->why)
        put_sentence(p, "stop", STYLE_ALERT, s->why, last_rows);
    else
        put_sentence(p, "did", STYLE_LAST, sentence, last_rows);
    stepper_next_sentence(s, sentence, sizeof sentence);
    put_sentence(p, "next", STYLE_PLAIN, sentence, p->rows - last_rows);
}

/* ---- the source ---- */

long view_source_line(const struct stepper *s)
{
    u8 bytes[4];
    u64 here = stepper_here(s);
    bool known = s->listing && stepper_read(s, here, false, bytes, sizeof bytes) == sizeof bytes &&
                 listing_is(here, bytes, sizeof bytes);
    return known ? listing_at(s->listing, here) : -1;
}

static void put_source(struct pane *p, const struct listing_line *line, unsigned style)
{
    pane_put(p, STYLE_DIM, "%5u ", line->number);
    for (const char *c = line->text; *c; c++) {
        if (*c == '\t')
            pane_put(p, style, "%*s", (int)(8 - (p->col - 6) % 8), "");
        else
            pane_char(p, style, (u8)*c < 0x80 ? (u8)*c : '?');
    }
    pane_rest(p, style, ' ');
}

void pane_source(const struct stepper *s, struct pane *p)
{
    long here = view_source_line(s);
    if (here < 0) {
        pane_put(p, STYLE_PLAIN,
                 "\n  Only the tour has its source here: 'ombra step' without an image starts it,\n"
                 "  ':until 7C00' goes to its first instruction.");
        return;
    }
    size_t at = (size_t)here, first = at > p->rows / 2 ? at - p->rows / 2 : 0;
    for (size_t i = first; i < s->listing->count && !pane_full(p); i++)
        put_source(p, &s->listing->line[i], i == at ? STYLE_NEXT : STYLE_PLAIN);
}

/* ---- the guest's screen ---- */

static u32 unicode(u8 ch)
{
    char utf8[4];
    unsigned n = textdump_utf8(ch, utf8);
    u32 v = n == 1 ? (u8)utf8[0] : (u8)utf8[0] & (0x7Fu >> n);
    for (unsigned i = 1; i < n; i++)
        v = v << 6 | (utf8[i] & 0x3F);
    return v;
}

static void put_text(const struct stepper *s, struct pane *p, const struct display_text *t)
{
    unsigned most = t->rows > p->rows ? t->rows - p->rows : 0;
    unsigned first = MIN(s->look.scroll, most);
    if (!s->look.scroll && t->cursor_row < t->rows && t->cursor_row >= p->rows) /* follow the cursor */
        first = MIN(t->cursor_row - p->rows + 1u, most);
    for (unsigned r = 0; r < p->rows && first + r < t->rows; r++) {
        pane_to(p, r, 0);
        for (unsigned c = 0; c < t->cols; c++) {
            const u8 *cell = t->cells + 2 * ((first + r) * t->cols + c);
            pane_char(p, STYLE_VGA | cell[1], unicode(cell[0]));
        }
    }
}

void pane_screen(const struct stepper *s, struct pane *p)
{
    const struct display_source *source = pc_display(s->pc);
    struct display_text *t = calloc(1, sizeof *t);
    if (t && source->text(source->ctx, t))
        put_text(s, p, t);
    else
        pane_put(p, STYLE_PLAIN,
                 "\n  The guest's screen is in a graphics mode.\n  ':screenshot FILE' writes it as a PNG.");
    free(t);
}
