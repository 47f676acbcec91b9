/*
 * monitor.c - lines to commands, and their answers to text or JSON.
 */
#include "frontend/monitor_int.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>

enum { ID_MAX = 256 };

struct monitor {
    struct monitor_env env;
};

const struct command monitor_commands[] = {
#define M(name, other, function, least, most, shown, help) {name, other, monitor_##function, least, most, shown, help},
#include "frontend/monitor.def"
#undef M
    {0},
};

struct monitor *monitor_new(const struct monitor_env *env)
{
    struct monitor *m = malloc(sizeof *m);
    if (m)
        m->env = *env;
    return m;
}

void monitor_free(struct monitor *m)
{
    free(m);
}

const struct command *monitor_find(const char *text)
{
    for (const struct command *c = monitor_commands; c->name; c++)
        if (strcmp(c->name, text) == 0 || (*c->other && strcmp(c->other, text) == 0))
            return c;
    return NULL;
}

/* ---- answers ---- */

/* How many bytes of UTF-8 begin here, 0 if none do. */
static unsigned utf8_len(const u8 *p)
{
    static const u32 least[] = {0, 0, 0x80, 0x800, 0x10000};
    unsigned n = *p < 0x80 ? 1 : *p >= 0xF0 ? 4 : *p >= 0xE0 ? 3 : 2;
    u32 c = n == 1 ? *p : *p & (0x7Fu >> n);
    if (*p >= 0xF8 || (*p & 0xC0) == 0x80)
        return 0;
    for (unsigned i = 1; i < n; i++) {
        if ((p[i] & 0xC0) != 0x80)
            return 0;
        c = c << 6 | (p[i] & 0x3F);
    }
    return c < least[n] || c > 0x10FFFF || (c >= 0xD800 && c < 0xE000) ? 0 : n;
}

/* What comes from a user or a file goes back to a terminal or into JSON: one line of UTF-8. */
static void make_clean(char *text)
{
    for (u8 *p = (u8 *)text; *p;) {
        unsigned n = *p < ' ' || *p == 0x7F ? 0 : utf8_len(p);
        if (!n)
            *p = '?';
        p += MAX(n, 1u);
    }
}

int answer_error(struct answer *a, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(a->error, sizeof a->error, fmt, ap);
    va_end(ap);
    make_clean(a->error);
    return -EINVAL;
}

static void put_line(struct answer *a, const char *name, const char *value)
{
    fprintf(a->text, "%-24s %s\n", name, value);
}

void answer_field(struct answer *a, const char *name, const char *fmt, ...)
{
    char value[1024];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(value, sizeof value, fmt, ap);
    va_end(ap);
    make_clean(value);
    put_line(a, name, value);
    cJSON_AddStringToObject(a->json, name, value);
}

void answer_number(struct answer *a, const char *name, u64 number)
{
    char value[32];
    snprintf(value, sizeof value, "%llu", (unsigned long long)number);
    put_line(a, name, value);
    cJSON_AddRawToObject(a->json, name, value); /* all 64 bits, which a double does not have */
}

void answer_bool(struct answer *a, const char *name, bool value)
{
    put_line(a, name, value ? "yes" : "no");
    cJSON_AddBoolToObject(a->json, name, value);
}

/* ---- execution ---- */

static int check_count(struct answer *a, const struct command *c, unsigned count)
{
    unsigned most = c->most == MONITOR_REST ? 1 : c->most;
    if (count >= c->least && count <= most)
        return 0;
    if (most == 0)
        return answer_error(a, "%s takes no argument", c->name);
    return answer_error(a, "%s takes %s; 'help %s' says more", c->name, c->shown, c->name);
}

static int unknown_command(struct answer *a, const char *name)
{
    return answer_error(a, "unknown command '%.80s'; 'help' lists all", name);
}

/* An answer to be filled; *TEXT is valid after close_answer(), and free()d by the caller. */
static bool open_answer(struct answer *a, const struct monitor *m, char **text, size_t *len)
{
    *a = (struct answer){.env = &m->env};
    *text = NULL;
    a->text = open_memstream(text, len);
    a->json = cJSON_CreateObject();
    return a->text && a->json;
}

static int close_answer(struct answer *a)
{
    bool ok = a->text && a->json && !ferror(a->text);
    if (a->text && fclose(a->text) != 0)
        ok = false;
    return ok ? 0 : answer_error(a, "not enough memory");
}

static int check_line(struct answer *a, const char *line)
{
    size_t len = strnlen(line, MONITOR_LINE_MAX + 1);
    if (len > MONITOR_LINE_MAX)
        return answer_error(a, "the line is longer than %d KiB", MONITOR_LINE_MAX >> 10);
    for (size_t i = 0; i < len; i++)
        if (((u8)line[i] < ' ' && line[i] != '\t') || line[i] == 0x7F)
            return answer_error(a, "there is a control character (%02Xh) in the line", (u8)line[i]);
    return 0;
}

/* ---- text ---- */

static const char *skip_blanks(const char *p)
{
    return p + strspn(p, " \t");
}

/* Copies the word at *P, in which quotes hold blanks together, to W, which has room for it. False: a quote is open. */
static bool take_word(const char **p, char *w)
{
    char quote = 0;
    for (; **p && (quote || (**p != ' ' && **p != '\t')); ++*p) {
        if (quote ? **p == quote : **p == '"' || **p == '\'')
            quote = quote ? 0 : **p;
        else
            *w++ = **p;
    }
    *w = 0;
    return !quote;
}

/* Runs the command in LINE, whose words go to SPACE. */
static int run_words(struct answer *a, const char *line, char *space)
{
    const char *p = skip_blanks(line);
    unsigned count = 0;
    char *name = space;
    if (!*p)
        return 0;
    if (!take_word(&p, name))
        return answer_error(a, "a quote is not closed");
    const struct command *c = monitor_find(name);
    if (!c)
        return unknown_command(a, name);
    for (p = skip_blanks(p); *p; p = skip_blanks(p)) {
        if (c->most == MONITOR_REST) {
            a->arg[count++] = p;
            break;
        }
        space += strlen(space) + 1;
        if (!take_word(&p, space))
            return answer_error(a, "a quote is not closed");
        if (count < MONITOR_ARGS)
            a->arg[count] = space;
        count++;
    }
    int r = check_count(a, c, count);
    return r ? r : c->run(a);
}

int monitor_execute(struct monitor *m, const char *line, void (*out)(void *ctx, const char *text), void *ctx)
{
    struct answer a;
    char *text, *space = malloc(strlen(line) + 2);
    size_t len;
    int r = open_answer(&a, m, &text, &len) && space ? check_line(&a, line) : -ENOMEM;
    if (r == 0)
        r = run_words(&a, line, space);
    int closed = close_answer(&a);
    if (r || closed) {
        out(ctx, "error: ");
        out(ctx, a.error);
        out(ctx, "\n");
    } else if (len) {
        out(ctx, text);
    }
    cJSON_Delete(a.json);
    free(text);
    free(space);
    return r ? r : closed;
}

/* ---- JSON ---- */

/* The name of argument INDEX as SHOWN in the table has it: "ADDR [LEN]", 1 gives "len". False if there is none. */
static bool argument_name(const char *shown, unsigned index, char *name, size_t n)
{
    for (; index > 0 && *shown; index--) {
        shown += strcspn(shown, " ");
        shown += *shown == ' ';
    }
    size_t len = 0;
    for (; *shown && *shown != ' ' && len + 1 < n; shown++)
        if (*shown != '[' && *shown != ']')
            name[len++] = (char)(*shown | 0x20);
    name[len] = 0;
    return len > 0;
}

/* A string as it is; a whole number as decimal text in SPACE. NULL for anything else. */
static const char *argument_text(const cJSON *item, char *space, size_t n)
{
    if (cJSON_IsString(item))
        return item->valuestring;
    double v = cJSON_IsNumber(item) ? item->valuedouble : -1;
    if (!(v >= 0 && v <= 0x1p53) || (double)(u64)v != v)
        return NULL;
    snprintf(space, n, "%.0f", v);
    return space;
}

static int set_argument(struct answer *a, const struct command *c, const cJSON *item, char space[][32])
{
    char name[32];
    for (unsigned i = 0; argument_name(c->shown, i, name, sizeof name); i++) {
        if (strcmp(name, item->string) != 0)
            continue;
        if (a->arg[i])
            return answer_error(a, "the argument '%s' is there twice", name);
        a->arg[i] = argument_text(item, space[i], sizeof space[i]);
        return a->arg[i] ? 0
                         : answer_error(a, "the argument '%s' must be a string or a whole number from 0 to 2^53", name);
    }
    return answer_error(a, "%s has no argument '%.80s'", c->name, item->string);
}

static int run_object(struct answer *a, const char *name, const cJSON *arguments)
{
    char space[MONITOR_ARGS][32];
    unsigned count = 0;
    const struct command *c = monitor_find(name);
    const cJSON *item;
    if (!c)
        return unknown_command(a, name);
    cJSON_ArrayForEach(item, arguments)
    {
        int r = set_argument(a, c, item, space);
        if (r)
            return r;
    }
    while (count < MONITOR_ARGS && a->arg[count])
        count++;
    if (count < MONITOR_ARGS - 1 && a->arg[count + 1]) /* the second without the first */
        count = 0;
    int r = check_count(a, c, count);
    return r ? r : c->run(a);
}

/* Takes the request apart. *ID is what the answer has to repeat, or NULL. */
static int run_request(struct answer *a, const cJSON *request, const cJSON **id)
{
    const cJSON *execute = NULL, *arguments = NULL, *item;
    if (!cJSON_IsObject(request))
        return answer_error(a, "not a JSON object; {\"execute\": \"help\"} lists the commands");
    cJSON_ArrayForEach(item, request)
    {
        const cJSON **slot = strcmp(item->string, "execute") == 0     ? &execute
                             : strcmp(item->string, "arguments") == 0 ? &arguments
                             : strcmp(item->string, "id") == 0        ? id
                                                                      : NULL;
        if (!slot)
            return answer_error(a, "a request has execute, arguments and id, not '%.80s'", item->string);
        if (*slot)
            return answer_error(a, "'%s' is there twice", item->string);
        *slot = item;
    }
    if (*id && !cJSON_IsNumber(*id) && !(cJSON_IsString(*id) && strlen((*id)->valuestring) < ID_MAX)) {
        *id = NULL;
        return answer_error(a, "id must be a number, or a string of less than %d bytes", ID_MAX);
    }
    if (!cJSON_IsString(execute))
        return answer_error(a, "'execute' with the name of a command is missing");
    if (arguments && !cJSON_IsObject(arguments))
        return answer_error(a, "'arguments' must be an object: {\"file\": \"screen.png\"}");
    return run_object(a, execute->valuestring, arguments);
}

static int parse_request(struct answer *a, const char *line, cJSON **request)
{
    const char *end = NULL;
    if (strstr(line, "\\u0000"))
        return answer_error(a, "there is a character 0 in the line");
    *request = cJSON_ParseWithOpts(line, &end, true);
    if (*request)
        return 0;
    return answer_error(a, "not JSON at column %u", end ? (unsigned)(end - line) + 1 : 1);
}

static void add_id(cJSON *answer, const cJSON *id)
{
    char text[ID_MAX];
    if (cJSON_IsNumber(id)) {
        cJSON_AddNumberToObject(answer, "id", id->valuedouble);
    } else if (id) {
        snprintf(text, sizeof text, "%s", id->valuestring);
        make_clean(text);
        cJSON_AddStringToObject(answer, "id", text);
    }
}

/* {"return": ...} or {"error": ...}; takes A's JSON over. */
static char *print_answer(struct answer *a, bool failed, const cJSON *id)
{
    cJSON *answer = cJSON_CreateObject();
    char *text = NULL;
    if (failed)
        cJSON_AddStringToObject(answer, "error", a->error);
    else if (cJSON_AddItemToObject(answer, "return", a->json))
        a->json = NULL;
    add_id(answer, id);
    if (answer)
        text = cJSON_PrintUnformatted(answer);
    cJSON_Delete(answer);
    return text;
}

int monitor_execute_json(struct monitor *m, const char *line, void (*out)(void *ctx, const char *text), void *ctx)
{
    struct answer a;
    cJSON *request = NULL;
    const cJSON *id = NULL;
    char *unused;
    size_t len;
    int r = open_answer(&a, m, &unused, &len) ? check_line(&a, line) : -ENOMEM;
    if (r == 0)
        r = parse_request(&a, line, &request);
    if (r == 0)
        r = run_request(&a, request, &id);
    int closed = close_answer(&a);
    char *text = print_answer(&a, r || closed, id);
    out(ctx, text ? text : "{\"error\":\"not enough memory\"}");
    out(ctx, "\n");
    cJSON_free(text);
    cJSON_Delete(a.json);
    cJSON_Delete(request);
    free(unused);
    return r ? r : closed;
}
