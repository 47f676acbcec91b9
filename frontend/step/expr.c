/*
 * expr.c - a parser by operator precedence into postfix, and its small stack machine.
 */
#include "frontend/step/expr.h"
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <strings.h>

enum { NAME_MAX_LEN = 64, DEPTH_MAX = 16 };

enum op_kind {
    OP_NUMBER,
    OP_REG,  /* arg: bytes, value: enum gpr, or 8 + one for the high byte */
    OP_SEL,  /* arg: enum seg_reg */
    OP_BASE, /* arg: enum seg_reg */
    OP_CR,   /* arg: number */
    OP_IP,   /* arg: bytes */
    OP_FLAGS,
    OP_FLAG, /* value: the bit */
    OP_CPL,
    OP_COUNT,
    OP_LOAD, /* arg: bytes */
    OP_NOT,
    OP_INVERT,
    OP_NEGATE,
    OP_OFFSET, /* segment's base + offset, at 32 bits */
    OP_PARAGRAPH,
    OP_BINARY, /* arg: index into binary[] */
};

static const struct {
    char text[3];
    u8 level;
} binary[] = {
    {"||", 1}, {"&&", 2}, {"==", 6}, {"!=", 6}, {"<=", 7}, {">=", 7}, {"<<", 8}, {">>", 8},
    {"|", 3},  {"^", 4},  {"&", 5},  {"<", 7},  {">", 7},  {"+", 9},  {"-", 9},  {"*", 10},
};

static const struct {
    char name[8];
    u8 kind, arg;
    u32 value;
} names[] = {
    {"eax", OP_REG, 4, R_AX},    {"ecx", OP_REG, 4, R_CX},    {"edx", OP_REG, 4, R_DX},    {"ebx", OP_REG, 4, R_BX},
    {"esp", OP_REG, 4, R_SP},    {"ebp", OP_REG, 4, R_BP},    {"esi", OP_REG, 4, R_SI},    {"edi", OP_REG, 4, R_DI},
    {"ax", OP_REG, 2, R_AX},     {"cx", OP_REG, 2, R_CX},     {"dx", OP_REG, 2, R_DX},     {"bx", OP_REG, 2, R_BX},
    {"sp", OP_REG, 2, R_SP},     {"bp", OP_REG, 2, R_BP},     {"si", OP_REG, 2, R_SI},     {"di", OP_REG, 2, R_DI},
    {"al", OP_REG, 1, R_AX},     {"cl", OP_REG, 1, R_CX},     {"dl", OP_REG, 1, R_DX},     {"bl", OP_REG, 1, R_BX},
    {"ah", OP_REG, 1, 8 + R_AX}, {"ch", OP_REG, 1, 8 + R_CX}, {"dh", OP_REG, 1, 8 + R_DX}, {"bh", OP_REG, 1, 8 + R_BX},
    {"es", OP_SEL, SEG_ES, 0},   {"cs", OP_SEL, SEG_CS, 0},   {"ss", OP_SEL, SEG_SS, 0},   {"ds", OP_SEL, SEG_DS, 0},
    {"fs", OP_SEL, SEG_FS, 0},   {"gs", OP_SEL, SEG_GS, 0},   {"cr0", OP_CR, 0, 0},        {"cr2", OP_CR, 2, 0},
    {"cr3", OP_CR, 3, 0},        {"cr4", OP_CR, 4, 0},        {"eip", OP_IP, 4, 0},        {"ip", OP_IP, 2, 0},
    {"eflags", OP_FLAGS, 0, 0},  {"flags", OP_FLAGS, 0, 0},   {"cf", OP_FLAG, 0, F_CF},    {"pf", OP_FLAG, 0, F_PF},
    {"af", OP_FLAG, 0, F_AF},    {"zf", OP_FLAG, 0, F_ZF},    {"sf", OP_FLAG, 0, F_SF},    {"of", OP_FLAG, 0, F_OF},
    {"df", OP_FLAG, 0, F_DF},    {"if", OP_FLAG, 0, F_IF},    {"tf", OP_FLAG, 0, F_TF},    {"nt", OP_FLAG, 0, F_NT},
    {"vm", OP_FLAG, 0, F_VM},    {"cpl", OP_CPL, 0, 0},       {"count", OP_COUNT, 0, 0},
};

struct parser {
    struct expr *e;
    const char *s;
    const struct expr_names *names;
    char *error;
    unsigned depth;
};

static PRINTF_LIKE(2, 3) bool fail(struct parser *p, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(p->error, EXPR_ERROR, fmt, ap);
    va_end(ap);
    return false;
}

static bool emit(struct parser *p, unsigned kind, unsigned arg, u64 value)
{
    if (p->e->count == EXPR_OPS)
        return fail(p, "that is too long");
    p->e->op[p->e->count++] = (struct expr_op){(u8)kind, (u8)arg, value};
    return true;
}

static void skip_blanks(struct parser *p)
{
    while (*p->s == ' ' || *p->s == '\t')
        p->s++;
}

static bool take(struct parser *p, char c)
{
    skip_blanks(p);
    if (*p->s != c)
        return false;
    p->s++;
    return true;
}

/* What stands here, shortened, for messages. */
static bool unexpected(struct parser *p, const char *wanted)
{
    skip_blanks(p);
    if (!*p->s)
        return fail(p, "%s is missing at the end", wanted);
    return fail(p, "%s should stand where '%.20s' does", wanted, p->s);
}

/* ---- numbers and names ---- */

/* A word of digits: 1F, 0x1F, 1Fh, 31. */
static bool number(const char *word, u64 *value)
{
    size_t n = strlen(word);
    unsigned base = 16;
    if (n > 2 && word[0] == '0' && (word[1] | 0x20) == 'x') {
        word += 2;
        n -= 2;
    } else if (n > 1 && (word[n - 1] | 0x20) == 'h') {
        n--;
    } else if (n > 1 && word[n - 1] == '.') {
        base = 10;
        n--;
    }
    *value = 0;
    for (size_t i = 0; i < n; i++) {
        unsigned c = (u8)word[i] | 0x20u, digit = isdigit((u8)word[i]) ? (unsigned)word[i] - '0' : c - 'a' + 10;
        if (!isxdigit((u8)word[i]) || digit >= base || *value > (~(u64)0 - digit) / base)
            return false;
        *value = *value * base + digit;
    }
    return n > 0;
}

static bool word_char(char c)
{
    return isalnum((u8)c) || c == '_' || c == '.' || c == '@' || c == '$';
}

static bool read_word(struct parser *p, char word[NAME_MAX_LEN])
{
    size_t n = 0;
    skip_blanks(p);
    while (word_char(p->s[n]))
        n++;
    if (n == 0)
        return unexpected(p, "a number or a name");
    if (n >= NAME_MAX_LEN)
        return fail(p, "'%.20s...' is too long a name", p->s);
    memcpy(word, p->s, n);
    word[n] = 0;
    p->s += n;
    return true;
}

/* The access that a word like "byte" asks for before [, or 0. */
static unsigned access_size(const char *word)
{
    return strcasecmp(word, "byte") == 0    ? 1
           : strcasecmp(word, "word") == 0  ? 2
           : strcasecmp(word, "dword") == 0 ? 4
                                            : 0;
}

static bool level_of(struct parser *p, unsigned level);

/* After [. */
static bool load(struct parser *p, unsigned size)
{
    return level_of(p, 1) && (take(p, ']') || unexpected(p, "]")) && emit(p, OP_LOAD, size, 0);
}

static bool named(struct parser *p, const char *word)
{
    u64 value;
    for (unsigned i = 0; i < ARRAY_LEN(names); i++)
        if (strcasecmp(names[i].name, word) == 0)
            return emit(p, names[i].kind, names[i].arg, names[i].value);
    bool symbol = !isdigit((u8)*word) && p->names && p->names->find && p->names->find(p->names->ctx, word, &value);
    if (!symbol && !number(word, &value))
        return fail(p, "'%.40s' is no number, register or symbol", word);
    return emit(p, OP_NUMBER, 0, value);
}

static bool primary(struct parser *p)
{
    char word[NAME_MAX_LEN];
    if (take(p, '('))
        return level_of(p, 1) && (take(p, ')') || unexpected(p, ")"));
    if (take(p, '['))
        return load(p, 4);
    if (!read_word(p, word))
        return false;
    unsigned size = access_size(word);
    if (size)
        return take(p, '[') ? load(p, size) : unexpected(p, "[");
    return named(p, word);
}

/* A:B */
static bool address(struct parser *p)
{
    unsigned at = p->e->count;
    if (!primary(p))
        return false;
    if (!take(p, ':'))
        return true;
    struct expr_op *segment = &p->e->op[p->e->count - 1];
    if (p->e->count == at + 1 && segment->kind == OP_SEL)
        segment->kind = OP_BASE;
    else if (!emit(p, OP_PARAGRAPH, 0, 0))
        return false;
    if (take(p, '[')) /* es:[di] */
        return level_of(p, 1) && (take(p, ']') || unexpected(p, "]")) && emit(p, OP_OFFSET, 0, 0) &&
               emit(p, OP_LOAD, 4, 0);
    return primary(p) && emit(p, OP_OFFSET, 0, 0);
}

static bool unary(struct parser *p)
{
    static const struct {
        char c;
        u8 kind;
    } ops[] = {{'!', OP_NOT}, {'~', OP_INVERT}, {'-', OP_NEGATE}};
    if (++p->depth > DEPTH_MAX)
        return fail(p, "that is nested too deeply");
    bool ok = true, found = false;
    for (unsigned i = 0; i < ARRAY_LEN(ops) && !found; i++)
        if (take(p, ops[i].c)) {
            found = true;
            ok = unary(p) && emit(p, ops[i].kind, 0, 0);
        }
    ok = found ? ok : address(p);
    p->depth--;
    return ok;
}

/* ---- operators ---- */

/* The operator that stands here, or the number of them. "=" is taken for "==". */
static unsigned operator_here(struct parser *p)
{
    skip_blanks(p);
    if (p->s[0] == '=' && p->s[1] != '=')
        return 2;
    for (unsigned i = 0; i < ARRAY_LEN(binary); i++)
        if (strncmp(p->s, binary[i].text, strlen(binary[i].text)) == 0)
            return i;
    return ARRAY_LEN(binary);
}

/* What binds as LEVEL or tighter. */
static bool level_of(struct parser *p, unsigned level)
{
    if (!unary(p))
        return false;
    for (unsigned op; (op = operator_here(p)) < ARRAY_LEN(binary) && binary[op].level >= level;) {
        p->s += p->s[0] == '=' && p->s[1] != '=' ? 1 : strlen(binary[op].text);
        if (++p->depth > DEPTH_MAX)
            return fail(p, "that is nested too deeply");
        if (!level_of(p, binary[op].level + 1u) || !emit(p, OP_BINARY, op, 0))
            return false;
        p->depth--;
    }
    return true;
}

int expr_parse(struct expr *e, const char *text, const char **end, const struct expr_names *names, char *error)
{
    struct parser p = {.e = e, .s = text, .names = names, .error = error};
    e->count = 0;
    bool ok = level_of(&p, 1);
    skip_blanks(&p);
    if (ok && !end && *p.s)
        ok = fail(&p, "what is '%.20s' doing there?", p.s);
    if (end)
        *end = p.s;
    if (!ok)
        e->count = 0;
    return ok ? 0 : -EINVAL;
}

/* ---- values ---- */

struct machine_stack {
    u64 v[EXPR_OPS];
    unsigned n;
};

static u64 register_value(const struct expr_op *op, const struct cpu *c)
{
    u64 v = c->r[op->value & 7] >> (op->value & 8);
    return v & (op->arg == 4 ? 0xFFFFFFFF : op->arg == 2 ? 0xFFFF : 0xFF);
}

static u64 control(const struct cpu *c, unsigned n)
{
    return n == 0 ? c->cr0 : n == 2 ? c->cr2 : n == 3 ? c->cr3 : c->cr4;
}

/* An operand without others. */
static u64 leaf(const struct expr_op *op, const struct cpu *c)
{
    switch (op->kind) {
    case OP_REG:
        return register_value(op, c);
    case OP_SEL:
        return c->seg[op->arg].sel;
    case OP_BASE:
        return c->seg[op->arg].base;
    case OP_CR:
        return control(c, op->arg);
    case OP_IP:
        return op->arg == 2 ? (u16)c->ip : (u32)c->ip;
    case OP_FLAGS:
        return cpu_eflags(c);
    case OP_FLAG:
        return (cpu_eflags(c) & op->value) != 0;
    case OP_CPL:
        return c->cpl;
    case OP_COUNT:
        return cpu_count(c);
    default:
        return op->value;
    }
}

static u64 calculate(unsigned op, u64 a, u64 b)
{
    switch (binary[op].text[0] + 256 * binary[op].text[1]) {
    case '|' + 256 * '|':
        return a || b;
    case '&' + 256 * '&':
        return a && b;
    case '=' + 256 * '=':
        return a == b;
    case '!' + 256 * '=':
        return a != b;
    case '<' + 256 * '=':
        return a <= b;
    case '>' + 256 * '=':
        return a >= b;
    case '<' + 256 * '<':
        return b < 64 ? a << b : 0;
    case '>' + 256 * '>':
        return b < 64 ? a >> b : 0;
    case '|':
        return a | b;
    case '^':
        return a ^ b;
    case '&':
        return a & b;
    case '<':
        return a < b;
    case '>':
        return a > b;
    case '+':
        return a + b;
    case '-':
        return a - b;
    default:
        return a * b;
    }
}

static bool read_memory(const struct peek *peek, unsigned size, u64 *v)
{
    u8 data[8] = {0};
    bool ok = *v <= 0xFFFFFFFF && peek->lin(peek->ctx, *v, data, size);
    *v = ok ? ld64(data) : 0;
    return ok;
}

/* OP acts on the top of the stack. */
static bool apply(const struct expr_op *op, const struct peek *peek, struct machine_stack *st)
{
    u64 *top = &st->v[st->n - 1];
    switch (op->kind) {
    case OP_LOAD:
        return read_memory(peek, op->arg, top);
    case OP_NOT:
        *top = !*top;
        return true;
    case OP_INVERT:
        *top = ~*top;
        return true;
    case OP_NEGATE:
        *top = 0 - *top;
        return true;
    case OP_PARAGRAPH:
        *top *= 16;
        return true;
    default:
        top[-1] = op->kind == OP_OFFSET ? (u32)(top[-1] + top[0]) : calculate(op->arg, top[-1], top[0]);
        st->n--;
        return true;
    }
}

bool expr_value(const struct expr *e, const struct cpu *c, const struct peek *peek, u64 *value)
{
    struct machine_stack st = {.n = 0};
    bool ok = true;
    for (unsigned i = 0; i < e->count; i++) {
        if (e->op[i].kind < OP_LOAD)
            st.v[st.n++] = leaf(&e->op[i], c);
        else
            ok &= apply(&e->op[i], peek, &st);
    }
    *value = ok && st.n ? st.v[0] : 0;
    return ok;
}
