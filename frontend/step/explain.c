/*
 * explain.c - the templates of explain.def filled in with an instruction's operands.
 */
#include "frontend/step/explain.h"
#include "frontend/step/words.h"

static const char *const by_row[ISA_COUNT] = {
#define M(mnemonic, template)
#define R(row, template) [ISA_##row] = template,
#include "frontend/step/explain.def"
#undef M
#undef R
};

static const struct {
    const char *mnemonic, *template;
} by_mnemonic[] = {
#define M(mnemonic, template) {mnemonic, template},
#define R(row, template)
#include "frontend/step/explain.def"
#undef M
#undef R
};

const char *explain_template(unsigned op)
{
    if (op >= ISA_COUNT)
        return NULL;
    if (by_row[op])
        return by_row[op];
    for (unsigned i = 0; i < ARRAY_LEN(by_mnemonic); i++) {
        if (strcmp(by_mnemonic[i].mnemonic, isa_rows[op].mnemonic) == 0)
            return by_mnemonic[i].template;
    }
    return NULL;
}

/* ---- one {item} ---- */

static enum value_type type_of(const char *name, size_t len)
{
    static const struct {
        char name[4];
        u8 type;
    } types[] = {
        {"i", VALUE_INT}, {"f", VALUE_FLOAT}, {"d10", VALUE_BCD}, {"b", VALUE_B},   {"w", VALUE_W},
        {"d", VALUE_D},   {"q", VALUE_Q},     {"ps", VALUE_PS},   {"pd", VALUE_PD},
    };
    for (unsigned i = 0; i < ARRAY_LEN(types); i++)
        if (strlen(types[i].name) == len && memcmp(types[i].name, name, len) == 0)
            return (enum value_type)types[i].type;
    return VALUE_UINT;
}

static void say_place(const struct explain *x, struct text *t, char letter, unsigned n, enum value_type type)
{
    struct place p;
    place_find(x, n, &p);
    switch (letter) {
    case 'v':
        place_valued(t, &p, type);
        break;
    case 'm':
        place_which_is(t, &p, type);
        break;
    case 'n':
        place_decimal(t, &p);
        break;
    case 'a':
        place_address(t, &p);
        break;
    default:
        place_name(t, &p, type);
    }
}

static void say_item(const struct explain *x, struct text *t, const char *s, size_t len)
{
    const char *dot = memchr(s, '.', len);
    size_t name = dot ? (size_t)(dot - s) : len;
    enum value_type type = dot ? type_of(dot + 1, len - name - 1) : VALUE_UINT;
    if (name == 2 && s[1] >= '1' && s[1] <= '9')
        say_place(x, t, s[0], (unsigned)(s[1] - '0'), type);
    else
        word_say(x, t, s, name, type);
}

/* ---- templates ---- */

/* The end of the item that starts behind a brace at S; *BAR: its | if it has one of its own. */
static const char *item_end(const char *s, const char *end, const char **bar)
{
    unsigned depth = 0;
    *bar = NULL;
    for (; s < end; s++) {
        if (*s == '{')
            depth++;
        else if (*s == '}' && depth-- == 0)
            return s;
        else if (*s == '|' && depth == 0)
            *bar = s;
    }
    return end;
}

static void expand(const struct explain *x, struct text *t, const char *s, const char *end)
{
    const char *bar;
    while (s < end) {
        if (*s != '{') {
            text_add(t, "%c", *s++);
            continue;
        }
        const char *close = item_end(++s, end, &bar);
        if (*s == '?' && condition(x))
            expand(x, t, s + 1, bar ? bar : close);
        else if (*s == '?')
            expand(x, t, bar ? bar + 1 : close, close);
        else
            say_item(x, t, s, (size_t)(close - s));
        s = close + 1;
    }
}

/* ---- flags ---- */

static void flag_list(struct text *t, u32 flags)
{
    static const struct {
        u32 bit;
        const char *name;
    } names[] = {{F_OF, "OF"}, {F_SF, "SF"}, {F_ZF, "ZF"}, {F_AF, "AF"}, {F_PF, "PF"}, {F_CF, "CF"}};
    for (unsigned i = 0; i < ARRAY_LEN(names); i++)
        if (flags & names[i].bit)
            text_add(t, " %s", names[i].name);
}

/* "; sets OF SF ZF AF PF CF", by the row. */
static void say_flags(const struct explain *x, struct text *t)
{
    const struct isa_row *row = &isa_rows[x->insn->op];
    u32 sets = row->writes & ~row->undef & F_ARITH, undefined = row->writes & row->undef & F_ARITH;
    if (is_shift(x->insn) && shift_count(x) == 0) {
        text_add(t, "; a count of 0 changes no flag");
        return;
    }
    if (sets) {
        text_add(t, "; sets");
        flag_list(t, sets);
    }
    if (undefined) {
        text_add(t, sets ? " and leaves" : "; leaves");
        flag_list(t, undefined);
        text_add(t, " undefined");
    }
}

/* ---- the sentence ---- */

static void say_fault(struct text *t, const struct fault *f, const char *why)
{
    static const char names[20][4] = {"#DE", "#DB", "NMI", "#BP", "#OF", "#BR", "#UD", "#NM", "#DF", "#9",
                                      "#TS", "#NP", "#SS", "#GP", "#PF", "#15", "#MF", "#AC", "#MC", "#XM"};
    text_add(t, "; %s%sthis will raise %s", why, *why ? ": " : "", names[f->vector]);
    if (f->has_error)
        text_add(t, f->error < 10 ? "(%u)" : "(%Xh)", f->error);
}

static void say_sentence(const struct explain *x, struct text *t, const char *template)
{
    bool named = *template == '!';
    template += named;
    template += *template == '~';
    if (!named) {
        insn_name(t, x->insn);
        text_add(t, " ");
    }
    expand(x, t, template, template + strlen(template));
}

int explain_before(const struct explain *x, char *to, size_t size)
{
    const char *template = explain_template(x->insn->op);
    struct text t, why;
    char reason[128];
    text_init(&t, to, size);
    text_init(&why, reason, sizeof reason);
    struct fault f = fault_predict(x, &why);
    bool quiet = template[0] == '~' || (template[0] == '!' && template[1] == '~');
    if (string_count(x) == 0) {
        text_add(&t, "%s is 0, so ", reg_name(x->insn->adsize ? 4 : 2, R_CX));
        insn_name(&t, x->insn);
        text_add(&t, " does nothing");
    } else {
        say_sentence(x, &t, template);
        if (f.vector < 0 && !quiet)
            say_flags(x, &t);
    }
    if (f.vector >= 0)
        say_fault(&t, &f, reason);
    text_add(&t, ".");
    to[0] = (char)(to[0] >= 'a' && to[0] <= 'z' ? to[0] - 32 : to[0]);
    return f.vector;
}
