/*
 * keyscript_parse.c - from the text of --keys to a list of statements.
 */
#include "base/clock.h"
#include "frontend/keyscript_int.h"
#include "frontend/keymap.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

enum { RATE_MIN_NS = 1000000, SECONDS_MAX = 1000000, NUMBER_MAX = 100000 };

enum argument { ARG_TEXT, ARG_TIME, ARG_KEYS, ARG_NUMBERS, ARG_BUTTON };

static const struct statement_form {
    const char *name;
    enum keyscript_kind kind;
    enum argument argument;
    u8 least, most; /* how many numbers */
} forms[] = {
#define K(name, kind, argument, least, most, shown, help) {name, kind, argument, least, most},
#include "frontend/keyscript.def"
#undef K
};

/* One word or quoted text, unescaped. */
struct token {
    char *text; /* malloc'ed */
    size_t len;
    u32 line, column;
};

struct parser {
    const char *p, *end, *line_start;
    const char *name;
    u32 line;
    struct keyscript_list *list;
    struct token token;
    char *err;
    size_t err_len;
};

static PRINTF_LIKE(4, 5) int fail(struct parser *ps, u32 line, u32 column, const char *fmt, ...)
{
    char message[256];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(message, sizeof message, fmt, ap);
    va_end(ap);
    for (char *c = message; *c; c++)
        if ((u8)*c < ' ' || *c == 0x7F)
            *c = '?';
    snprintf(ps->err, ps->err_len, "%s:%u:%u: %s", ps->name, line, column, message);
    return -EINVAL;
}

static u32 column(const struct parser *ps)
{
    return (u32)(ps->p - ps->line_start) + 1;
}

/* --- tokens --- */

static int hex_digit(int c)
{
    return isdigit(c) ? c - '0' : isxdigit(c) ? tolower(c) - 'a' + 10 : -1;
}

/* The character after a backslash at ps->p; moves past it. */
static int escape(struct parser *ps, char *out)
{
    static const char names[] = "ntreb\\\"'", values[] = "\n\t\r\033\b\\\"'";
    const char *at = ps->p < ps->end && *ps->p ? strchr(names, *ps->p) : NULL;

    if (at) {
        *out = values[at - names];
        ps->p++;
        return 0;
    }
    if (ps->end - ps->p >= 3 && *ps->p == 'x' && hex_digit((u8)ps->p[1]) >= 0 && hex_digit((u8)ps->p[2]) >= 0) {
        *out = (char)(hex_digit((u8)ps->p[1]) << 4 | hex_digit((u8)ps->p[2]));
        ps->p += 3;
        return 0;
    }
    return fail(ps, ps->line, column(ps), "unknown escape after '\\' (known: \\n \\t \\r \\e \\b \\\\ \\\" \\' \\xHH)");
}

static int quoted(struct parser *ps, struct token *t)
{
    char quote = *ps->p++;
    while (ps->p < ps->end && *ps->p != quote && *ps->p != '\n') {
        char c = *ps->p++;

        if (c == '\\') {
            int rc = escape(ps, &c);

            if (rc)
                return rc;
        }
        t->text[t->len++] = c;
    }
    if (ps->p == ps->end || *ps->p != quote)
        return fail(ps, t->line, t->column, "the text that begins here has no closing quote on its line");
    ps->p++;
    return 0;
}

static bool ends_word(char c)
{
    return c == ';' || c == '"' || isspace((u8)c);
}

static void skip_blanks(struct parser *ps)
{
    while (ps->p < ps->end && *ps->p != '\n' && isspace((u8)*ps->p))
        ps->p++;
    if (ps->p < ps->end && *ps->p == '#')
        while (ps->p < ps->end && *ps->p != '\n')
            ps->p++;
}

/* As many characters as the token at ps->p can have: to the word's end or the closing quote, not to the line's, which
 * would make long lines of many words slow and their texts large. */
static size_t token_room(const struct parser *ps)
{
    const char *p = ps->p;
    char quote = *p == '"' || *p == '\'' ? *p++ : 0;

    while (p < ps->end && *p != '\n' && !(quote ? *p == quote : ends_word(*p)))
        p += quote && *p == '\\' && p + 1 < ps->end ? 2 : 1;
    return (size_t)(p - ps->p);
}

/* Reads the next token of this statement into ps->token. 1, 0 at the statement's end, or -errno. */
static int next_token(struct parser *ps)
{
    struct token *t = &ps->token;
    int rc = 0;

    free(t->text);
    *t = (struct token){0};
    skip_blanks(ps);
    t->line = ps->line;
    t->column = column(ps);
    if (ps->p == ps->end || *ps->p == ';' || *ps->p == '\n')
        return 0;
    t->text = malloc(token_room(ps) + 1);
    if (!t->text) {
        snprintf(ps->err, ps->err_len, "%s: not enough memory", ps->name);
        return -ENOMEM;
    }
    if (*ps->p == '"' || *ps->p == '\'')
        rc = quoted(ps, t);
    else
        while (ps->p < ps->end && !ends_word(*ps->p))
            t->text[t->len++] = *ps->p++;
    t->text[t->len] = 0;
    return rc ? rc : 1;
}

/* --- arguments --- */

static struct keyscript_statement *add(struct parser *ps, enum keyscript_kind kind, u32 line, u32 col)
{
    struct keyscript_list *l = ps->list;

    if (l->count == l->cap) {
        size_t cap = l->cap ? l->cap * 2 : 16;
        void *item = cap <= KS_STATEMENTS_MAX ? realloc(l->item, cap * sizeof *l->item) : NULL;

        if (!item) {
            snprintf(ps->err, ps->err_len, "%s:%u: too many statements", ps->name, line);
            return NULL;
        }
        l->item = item;
        l->cap = cap;
    }
    l->item[l->count] = (struct keyscript_statement){.kind = kind, .line = line, .column = col};
    return &l->item[l->count++];
}

static int parse_text(struct parser *ps, struct keyscript_statement *s)
{
    struct token *t = &ps->token;
    bool bytes = s->kind == KS_TYPE || s->kind == KS_SEND;
    int rc = next_token(ps);

    if (rc < 0)
        return rc;
    if (!rc || !t->len)
        return fail(ps, t->line, t->column, "a text or file name is missing here");
    if (!bytes && memchr(t->text, 0, t->len))
        return fail(ps, t->line, t->column, "this text must not hold \\x00");
    for (size_t i = 0; s->kind == KS_TYPE && i < t->len; i++) {
        struct keymap_press press;

        if (!keymap_char((u8)t->text[i], &press))
            return fail(ps, t->line, t->column, "no key of a US keyboard types character %zu of this text", i + 1);
    }
    s->text = t->text;
    s->len = t->len;
    t->text = NULL;
    return 0;
}

static int parse_time(struct parser *ps, struct keyscript_statement *s)
{
    static const struct {
        const char *name;
        u64 ns;
    } unit[] = {{"s", NS_PER_SEC}, {"ms", 1000000}, {"us", 1000}, {"ns", 1}, {"m", 60 * NS_PER_SEC}};
    struct token *t = &ps->token;
    char *rest;
    int rc = next_token(ps);

    if (rc < 0)
        return rc;
    if (s->kind == KS_TIMEOUT && rc && !strcmp(t->text, "none")) {
        s->ns = CLOCK_NEVER;
        return 0;
    }
    if (!rc || !isdigit((u8)t->text[0]))
        return fail(ps, t->line, t->column, "a time such as 2s, 500ms or 100us is missing here");
    errno = 0;
    u64 n = strtoull(t->text, &rest, 10);
    for (size_t i = 0; i < ARRAY_LEN(unit); i++) {
        if (strcmp(rest, unit[i].name))
            continue;
        if (errno || n > SECONDS_MAX * NS_PER_SEC / unit[i].ns)
            return fail(ps, t->line, t->column, "this time is too long");
        s->ns = n * unit[i].ns;
        if (s->kind == KS_RATE && s->ns < RATE_MIN_NS)
            return fail(ps, t->line, t->column, "the rate must be at least 1ms");
        return 0;
    }
    return fail(ps, t->line, t->column, "'%s' has no unit that is known (s, ms, us, ns, m)", t->text);
}

/* "ctrl-alt-del"; a name may itself end in a minus ("kp-"). */
static int parse_chord(struct parser *ps, struct keyscript_statement *s)
{
    struct token *t = &ps->token;
    const char *p = t->text, *end = p + t->len;

    while (p < end) {
        size_t len = 1;
        enum key key;

        while (p + len < end && p[len] != '-')
            len++;
        if (len == 2 && !strncasecmp(p, "kp", 2) && p + len < end && (p + len + 1 == end || p[len + 1] == '-'))
            len++;
        key = keymap_name(p, len);
        if (key == KEY_NONE)
            return fail(ps, t->line, t->column + (u32)(p - t->text), "there is no key named '%.*s'", (int)MIN(len, 40),
                        p);
        if (s->key_count == KS_CHORD_MAX)
            return fail(ps, t->line, t->column, "more than %d keys at once", KS_CHORD_MAX);
        s->keys[s->key_count++] = (u8)key;
        p += len;
        if (p < end && ++p == end)
            return fail(ps, t->line, t->column, "a key is missing after the last '-'");
    }
    return 0;
}

static int parse_keys(struct parser *ps, enum keyscript_kind kind)
{
    struct token *t = &ps->token;
    unsigned n = 0;
    int rc;

    while ((rc = next_token(ps)) > 0) {
        struct keyscript_statement *s = add(ps, kind, t->line, t->column);

        if (!s)
            return -ENOMEM;
        rc = t->len ? parse_chord(ps, s) : fail(ps, t->line, t->column, "a key is missing here");
        if (rc)
            return rc;
        n++;
    }
    if (!rc && !n)
        return fail(ps, t->line, t->column, "a key such as enter or ctrl-alt-del is missing here");
    return rc;
}

static int parse_numbers(struct parser *ps, struct keyscript_statement *s, const struct statement_form *form)
{
    struct token *t = &ps->token;

    for (unsigned i = 0; i < form->most; i++) {
        char *rest;
        long n;
        int rc = next_token(ps);

        if (rc < 0)
            return rc;
        if (!rc && i >= form->least)
            return 0;
        if (!rc)
            return fail(ps, t->line, t->column, "%s needs another number", form->name);
        n = strtol(t->text, &rest, 10);
        if (!t->len || *rest || n > NUMBER_MAX || n < -NUMBER_MAX)
            return fail(ps, t->line, t->column, "'%s' is not a number from -%d to %d", t->text, NUMBER_MAX, NUMBER_MAX);
        s->number[i] = (int)n;
    }
    return 0;
}

static int parse_button(struct parser *ps, struct keyscript_statement *s)
{
    static const char *const names[] = {"left", "right", "middle"};
    static const u8 buttons[] = {MOUSE_LEFT, MOUSE_RIGHT, MOUSE_MIDDLE};
    struct token *t = &ps->token;
    int rc = next_token(ps);

    for (unsigned i = 0; rc > 0 && i < ARRAY_LEN(names); i++)
        if (!strcmp(t->text, names[i])) {
            s->number[0] = buttons[i];
            return 0;
        }
    return rc < 0 ? rc : fail(ps, t->line, t->column, "a button is missing here: left, right or middle");
}

static int parse_arguments(struct parser *ps, const struct statement_form *form, u32 line, u32 col)
{
    struct keyscript_statement *s;

    if (form->argument == ARG_KEYS)
        return parse_keys(ps, form->kind);
    s = add(ps, form->kind, line, col);
    if (!s)
        return -ENOMEM;
    switch (form->argument) {
    case ARG_TEXT:
        return parse_text(ps, s);
    case ARG_TIME:
        return parse_time(ps, s);
    case ARG_BUTTON:
        return parse_button(ps, s);
    default:
        return parse_numbers(ps, s, form);
    }
}

static int parse_statement(struct parser *ps)
{
    struct token *t = &ps->token;
    int rc = next_token(ps);

    if (rc <= 0)
        return rc;
    for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
        if (strcmp(t->text, forms[i].name))
            continue;
        rc = parse_arguments(ps, &forms[i], t->line, t->column);
        if (rc)
            return rc;
        rc = next_token(ps);
        if (rc > 0)
            return fail(ps, t->line, t->column, "%s takes no more than that; is a ';' missing before this?",
                        forms[i].name);
        return rc;
    }
    return fail(ps, t->line, t->column, "unknown statement '%.40s'", t->text);
}

int keyscript_parse_list(const char *text, size_t len, const char *name, struct keyscript_list *list, char *err,
                         size_t err_len)
{
    struct parser ps = {.p = text,
                        .end = text + len,
                        .line_start = text,
                        .name = name,
                        .line = 1,
                        .list = list,
                        .err = err,
                        .err_len = err_len};
    int rc;

    *list = (struct keyscript_list){0};
    while (!(rc = parse_statement(&ps)) && ps.p < ps.end) {
        /* At a ';' or a new line. */
        if (*ps.p++ == '\n') {
            ps.line++;
            ps.line_start = ps.p;
        }
    }
    free(ps.token.text);
    if (rc)
        keyscript_list_free(list);
    return rc;
}

void keyscript_list_free(struct keyscript_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->item[i].text);
    free(list->item);
    *list = (struct keyscript_list){0};
}
