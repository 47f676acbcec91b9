/*
 * stepcmd.c - what the commands do.
 */
#include "frontend/step/stepcmd.h"
#include "frontend/file.h"
#include "frontend/screenshot.h"
#include "frontend/step/view.h"
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <strings.h>

enum { KEYS_COUNTS = 100000 }; /* between two looks at what is typed */

static PRINTF_LIKE(2, 3) int fail(struct stepcmd *c, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(c->env->error, sizeof c->env->error, fmt, ap);
    va_end(ap);
    return -EINVAL;
}

/* ---- arguments ---- */

/* If the arguments begin with WORD takes it away. */
static bool take_word(const char **args, const char *word)
{
    size_t n = strlen(word);
    if (strncasecmp(*args, word, n) != 0 || (isalnum((u8)(*args)[n]) || (*args)[n] == '_'))
        return false;
    *args += n + strspn(*args + n, " \t");
    return true;
}

static int take_expr(struct stepcmd *c, const char **args, struct expr *e)
{
    char error[EXPR_ERROR];
    int r = expr_parse(e, *args, args, &c->s->names, error);
    return r ? fail(c, "%s", error) : 0;
}

static int take_value(struct stepcmd *c, const char **args, u64 *value)
{
    struct expr e;
    int r = take_expr(c, args, &e);
    if (r == 0 && !expr_value(&e, c->s->cpu, &c->s->peek, value) && !c->check)
        r = fail(c, "the memory that '%.60s' names cannot be read", c->args);
    return r;
}

static int nothing_left(struct stepcmd *c, const char *args)
{
    return *args ? fail(c, "what is '%.40s' doing there?", args) : 0;
}

/* A linear address. */
static int take_address(struct stepcmd *c, const char **args, u64 *lin)
{
    int r = take_value(c, args, lin);
    if (r == 0 && *lin > 0xFFFFFFFF)
        r = fail(c, "linear addresses end at FFFFFFFF");
    return r;
}

/* A decimal count, 1 if there is none; "1 000 000" and "1000000" are the same. */
static int take_count(struct stepcmd *c, const char *args, u64 *n, u64 absent)
{
    char *end;
    *n = absent;
    if (!*args)
        return 0;
    errno = 0;
    *n = strtoull(args, &end, 10);
    if (errno || *end || !isdigit((u8)*args) || *n == 0)
        return fail(c, "how often is a decimal number from 1 on, not '%.40s'", args);
    return 0;
}

static int no_args(struct stepcmd *c)
{
    return *c->args ? fail(c, "this command takes no argument, not '%.40s'", c->args) : 0;
}

/* ---- run ---- */

static int started(struct stepcmd *c, int r)
{
    return r ? fail(c, "%s", c->s->why) : 0;
}

static int start(struct stepcmd *c, const struct goal *goal)
{
    return c->check ? 0 : started(c, stepper_start(c->s, goal));
}

int stepcmd_step(struct stepcmd *c)
{
    struct goal goal = {.kind = GOAL_STEPS};
    int r = take_count(c, c->args, &goal.amount, 1);
    return r ? r : start(c, &goal);
}

int stepcmd_over(struct stepcmd *c)
{
    int r = no_args(c);
    return r || c->check ? r : started(c, stepper_start_over(c->s));
}

int stepcmd_out(struct stepcmd *c)
{
    int r = no_args(c);
    return r ? r : start(c, &(struct goal){.kind = GOAL_OUT});
}

int stepcmd_here(struct stepcmd *c)
{
    int r = no_args(c);
    u64 to = c->s->look.cursor_free ? c->s->look.cursor : stepper_here(c->s);
    return r || c->check ? r : started(c, stepper_start_to(c->s, to));
}

/* "2s" or "500ms" of the guest's time, in ns. */
static bool take_time(const char *args, u64 *ns)
{
    char *end;
    u64 n = strtoull(args, &end, 10), unit = strcmp(end, "s") == 0 ? 1000000000 : strcmp(end, "ms") == 0 ? 1000000 : 0;
    bool ok = isdigit((u8)*args) && unit && n > 0 && n <= 1000000;
    *ns = ok ? n * unit : 0;
    return ok;
}

int stepcmd_go_on(struct stepcmd *c)
{
    struct goal goal = {.kind = GOAL_RUN};
    if (take_time(c->args, &goal.until)) {
        goal.until += clock_now(pc_clock(c->s->pc));
        return start(c, &goal);
    }
    int r = take_count(c, c->args, &goal.amount, 0);
    return r ? r : start(c, &goal);
}

/* "int", "port": an optional number below END. */
static int until_number(struct stepcmd *c, const char *args, enum goal_kind kind, u64 end)
{
    u64 value = 0;
    bool any = *args;
    int r = any ? take_value(c, &args, &value) : 0;
    if (r == 0)
        r = nothing_left(c, args);
    if (r == 0 && value >= end)
        r = fail(c, "%s is from 0 to %llXh", kind == GOAL_PORT ? "a port" : "a vector", (unsigned long long)end - 1);
    return r ? r : start(c, &(struct goal){.kind = kind, .value = any ? (s32)value : -1});
}

static int until_when(struct stepcmd *c, const char *args)
{
    struct goal goal = {.kind = GOAL_WHEN};
    int r = take_expr(c, &args, &goal.when);
    if (r == 0)
        r = nothing_left(c, args);
    return r ? r : start(c, &goal);
}

static int take_stop(struct stepcmd *c, const char *args, enum stop_kind kind, struct stepper_stop *stop);

static int until_write(struct stepcmd *c, const char *args)
{
    struct stepper_stop stop;
    int r = take_stop(c, args, STOP_WRITE, &stop);
    if (r || c->check)
        return r;
    stop.once = true;
    r = start(c, &(struct goal){.kind = GOAL_RUN});
    if (r == 0 && stepper_add(c->s, &stop) < 0) {
        stepper_pause(c->s, "");
        r = fail(c, "there are too many breakpoints and watchpoints; 'delete' some");
    }
    return r;
}

int stepcmd_until(struct stepcmd *c)
{
    const char *args = c->args;
    u64 lin;
    if (take_word(&args, "mode"))
        return *args ? nothing_left(c, args) : start(c, &(struct goal){.kind = GOAL_MODE});
    if (take_word(&args, "int"))
        return until_number(c, args, GOAL_EVENT, 0x100);
    if (take_word(&args, "port"))
        return until_number(c, args, GOAL_PORT, 0x10000);
    if (take_word(&args, "write"))
        return until_write(c, args);
    if (take_word(&args, "if"))
        return until_when(c, args);
    int r = take_address(c, &args, &lin);
    if (r == 0)
        r = nothing_left(c, args);
    return r || c->check ? r : started(c, stepper_start_to(c->s, lin));
}

/* ---- stops ---- */

/* "ADDR [LEN] [if CONDITION]" */
static int take_stop(struct stepcmd *c, const char *args, enum stop_kind kind, struct stepper_stop *stop)
{
    u64 len = 1;
    *stop = (struct stepper_stop){.at.kind = kind};
    snprintf(stop->text, sizeof stop->text, "%s%s",
             kind == STOP_EXEC    ? ""
             : kind == STOP_WRITE ? "write to "
                                  : "read of ",
             args);
    int r = take_address(c, &args, &stop->at.addr);
    bool when = r == 0 && take_word(&args, "if");
    if (r == 0 && *args && !when && kind != STOP_EXEC) {
        r = take_value(c, &args, &len);
        when = r == 0 && take_word(&args, "if");
    }
    if (r == 0 && when)
        r = take_expr(c, &args, &stop->when);
    if (r == 0)
        r = nothing_left(c, args);
    if (r == 0 && !c->check && (len == 0 || len > 0x10000 || stop->at.addr + len > (u64)1 << 32))
        r = fail(c, "a watchpoint is 1 to 10000h bytes long and ends below 4 GiB");
    stop->at.len = (u32)len;
    return r;
}

static int add_stop(struct stepcmd *c, const struct stepper_stop *stop)
{
    if (c->check)
        return 0;
    int n = stepper_add(c->s, stop);
    if (n < 0)
        return fail(c, "there can be %u breakpoints and watchpoints; 'delete' some", STEPPER_STOPS);
    fprintf(c->env->out, "%s %d: %s\n", stop->at.kind == STOP_EXEC ? "breakpoint" : "watchpoint", n, stop->text);
    return 0;
}

/* The breakpoint without a condition at LIN, or 0. */
static unsigned stop_at(const struct stepper *s, u64 lin)
{
    for (unsigned i = 0; i < STEPPER_STOPS; i++)
        if (s->stop[i].number && !s->stop[i].once && s->stop[i].at.kind == STOP_EXEC && s->stop[i].at.addr == lin)
            return s->stop[i].number;
    return 0;
}

int stepcmd_set_break(struct stepcmd *c)
{
    struct stepper_stop stop;
    char here[16];
    u64 lin = c->s->look.cursor_free ? c->s->look.cursor : stepper_here(c->s);
    snprintf(here, sizeof here, "%08llX", (unsigned long long)lin);
    int r = take_stop(c, *c->args ? c->args : here, STOP_EXEC, &stop);
    if (r || c->check)
        return r;
    unsigned number = stop.when.count ? 0 : stop_at(c->s, stop.at.addr);
    if (!number)
        return add_stop(c, &stop);
    stepper_delete(c->s, number);
    fprintf(c->env->out, "breakpoint %u is gone\n", number);
    return 0;
}

int stepcmd_watch(struct stepcmd *c)
{
    struct stepper_stop stop;
    int r = take_stop(c, c->args, STOP_WRITE, &stop);
    return r ? r : add_stop(c, &stop);
}

int stepcmd_rwatch(struct stepcmd *c)
{
    struct stepper_stop stop;
    int r = take_stop(c, c->args, STOP_READ, &stop);
    return r ? r : add_stop(c, &stop);
}

int stepcmd_list_stops(struct stepcmd *c)
{
    int r = no_args(c);
    if (r == 0 && !c->check)
        lines_stops(c->s, c->env->out);
    return r;
}

int stepcmd_delete_stop(struct stepcmd *c)
{
    u64 n;
    int r = take_count(c, c->args, &n, 0);
    if (r || c->check)
        return r;
    if (n)
        return n <= 0xFFFF && stepper_delete(c->s, (unsigned)n)
                   ? 0
                   : fail(c, "there is no %llu; 'stops' lists them", (unsigned long long)n);
    for (unsigned i = 0; i < STEPPER_STOPS; i++)
        stepper_delete(c->s, c->s->stop[i].number);
    return 0;
}

/* ---- back ---- */

static int gone_back(struct stepcmd *c, int r)
{
    return r == -ENOSPC ? fail(c, "there are too many breakpoints; 'delete' some") : r ? fail(c, "%s", c->s->why) : 0;
}

int stepcmd_back(struct stepcmd *c)
{
    u64 n;
    int r = take_count(c, c->args, &n, 1);
    c->went = true;
    return r || c->check ? r : gone_back(c, stepper_back(c->s, n));
}

static int back_to_write(struct stepcmd *c, const char *args)
{
    struct stepper_stop stop;
    int r = take_stop(c, args, STOP_WRITE, &stop);
    stop.once = true;
    return r || c->check ? r : gone_back(c, stepper_back_to_stop(c->s, &stop));
}

int stepcmd_run_back(struct stepcmd *c)
{
    const char *args = c->args;
    u64 count = 0;
    c->went = true;
    if (!*args)
        return c->check ? 0 : gone_back(c, stepper_back_to_stop(c->s, NULL));
    if (take_word(&args, "write"))
        return back_to_write(c, args);
    bool start = take_word(&args, "start");
    if (!start && !take_word(&args, "count"))
        return fail(c, "runback knows start, count N and write ADDR, not '%.40s'", args);
    if (!start && !*args)
        return fail(c, "how many instructions?");
    int r = start ? nothing_left(c, args) : take_count(c, args, &count, 0);
    return r || c->check ? r : gone_back(c, stepper_back_to(c->s, count));
}

/* ---- look ---- */

static int move(struct stepcmd *c, int lines, bool page)
{
    int r = no_args(c);
    if (r == 0 && !c->check)
        view_move(c->s, lines, page);
    return r;
}

int stepcmd_up(struct stepcmd *c)
{
    return move(c, -1, false);
}

int stepcmd_down(struct stepcmd *c)
{
    return move(c, 1, false);
}

int stepcmd_page_up(struct stepcmd *c)
{
    return move(c, -1, true);
}

int stepcmd_page_down(struct stepcmd *c)
{
    return move(c, 1, true);
}

int stepcmd_memory(struct stepcmd *c)
{
    const char *args = c->args;
    u64 addr;
    bool physical = take_word(&args, "phys");
    int r = physical ? take_value(c, &args, &addr) : take_address(c, &args, &addr);
    if (r == 0)
        r = nothing_left(c, args);
    if (r || c->check)
        return r;
    c->s->look.memory = addr;
    c->s->look.physical = physical;
    c->s->memory.len = 0; /* nothing has changed there yet */
    return 0;
}

/* "gdt", "pages ADDR", "device NAME": where to look at what. */
static int take_view(struct stepcmd *c, const char *args, unsigned *view, struct look *look)
{
    for (*view = 0; *view < VIEW_COUNT && !take_word(&args, view_rows[*view].name);)
        ++*view;
    if (*view == VIEW_COUNT)
        return fail(c, "there is no view '%.40s'; 'help view' lists them", args);
    if (!*args)
        return 0;
    if (*view == VIEW_DEVICE) {
        snprintf(look->device, sizeof look->device, "%s", args);
        return view_find_device(c->s->pc, look->device) ? 0 : fail(c, "there is no device '%.40s'", args);
    }
    if (*view != VIEW_WALK && *view != VIEW_MEMORY)
        return nothing_left(c, args);
    int r = take_address(c, &args, *view == VIEW_WALK ? &look->walk : &look->memory);
    if (*view == VIEW_MEMORY)
        look->physical = false;
    return r ? r : nothing_left(c, args);
}

int stepcmd_view(struct stepcmd *c)
{
    struct look look = c->s->look;
    unsigned view = (c->s->look.view + 1) % VIEW_CYCLE;
    int r = *c->args ? take_view(c, c->args, &view, &look) : 0;
    if (r || c->check)
        return r;
    if (view == VIEW_WALK && !strchr(c->args, ' '))
        look.walk = look.memory;
    look.view = view;
    look.scroll = 0;
    c->s->look = look;
    return 0;
}

int stepcmd_syntax(struct stepcmd *c)
{
    int r = no_args(c);
    if (r == 0 && !c->check)
        c->s->att = !c->s->att;
    return r;
}

/* ---- scripts ---- */

int stepcmd_show(struct stepcmd *c)
{
    unsigned view = VIEW_MAIN;
    struct look kept = c->s->look, look = kept;
    int r = *c->args ? take_view(c, c->args, &view, &look) : 0;
    if (r || c->check)
        return r;
    if (view == VIEW_WALK && !strchr(c->args, ' '))
        look.walk = look.memory;
    c->s->look = look;
    r = view_print(c->s, view, c->env->out);
    kept.code_top = c->s->look.code_top;
    c->s->look = kept;
    return r ? fail(c, "not enough memory") : 0;
}

int stepcmd_print_value(struct stepcmd *c)
{
    const char *args = c->args;
    u64 value;
    int r = take_value(c, &args, &value);
    if (r == 0)
        r = nothing_left(c, args);
    if (r == 0 && !c->check)
        fprintf(c->env->out, "%s = %llXh = %lld\n", c->args, (unsigned long long)value, (long long)value);
    return r;
}

int stepcmd_type_keys(struct stepcmd *c)
{
    struct keyscript *keys;
    int r = keyscript_parse(c->args, strlen(c->args), "keys", &keys, c->env->error, sizeof c->env->error);
    if (r)
        return -EINVAL;
    keyscript_free(c->check ? keys : c->env->keys);
    if (!c->check)
        c->env->keys = keys;
    return 0;
}

int stepcmd_screenshot(struct stepcmd *c)
{
    struct display_frame frame;
    const struct display_source *source = pc_display(c->s->pc);
    int r = file_check_output(c->args, c->env->error, sizeof c->env->error);
    if (r || c->check)
        return r;
    if (display_frame_init(&frame))
        return fail(c, "not enough memory");
    source->draw(source->ctx, &frame);
    r = screenshot_write(&frame, c->args, c->env->error, sizeof c->env->error);
    display_frame_free(&frame);
    return r;
}

/* ---- other ---- */

int stepcmd_help(struct stepcmd *c)
{
    const struct stepcmd_row *row = stepcmd_rows;
    while (*c->args && row->name && strcasecmp(row->name, c->args) != 0)
        row++;
    if (!row->name)
        return fail(c, "there is no command '%.40s'; 'help' lists all", c->args);
    if (c->check)
        return 0;
    if (!*c->args)
        c->s->look.view = VIEW_HELP;
    else
        fprintf(c->env->out, "%s %s: %s\n", row->name, row->shown, row->help);
    return 0;
}

int stepcmd_quit(struct stepcmd *c)
{
    int r = no_args(c);
    if (r == 0 && !c->check)
        c->env->quit = true;
    return r;
}

/* ---- the table ---- */

const struct stepcmd_row stepcmd_rows[] = {
#define C(key, other, name, function, needs, shown, group, help)                                                       \
    {key, other, name, stepcmd_##function, needs, shown, group, help},
#include "frontend/step/stepcmd.def"
#undef C
    {0},
};

const struct stepcmd_row *stepcmd_by_key(int key)
{
    for (const struct stepcmd_row *r = stepcmd_rows; key && r->name; r++)
        if (r->key == key || r->other == key)
            return r;
    return NULL;
}

const char *stepcmd_key_name(int key, char to[8])
{
    static const struct {
        int key;
        const char *name;
    } names[] = {{STEPKEY_ESC, "Esc"},   {STEPKEY_ENTER, "Enter"}, {STEPKEY_UP, "Up"},
                 {STEPKEY_DOWN, "Down"}, {STEPKEY_LEFT, "Left"},   {STEPKEY_RIGHT, "Right"},
                 {STEPKEY_PGUP, "PgUp"}, {STEPKEY_PGDN, "PgDn"},   {STEPKEY_F1, "F1"},
                 {' ', "Space"}};
    for (unsigned i = 0; i < ARRAY_LEN(names); i++)
        if (names[i].key == key)
            return names[i].name;
    snprintf(to, 8, "%c", key);
    return to;
}

void stepcmd_keys(const struct stepcmd_row *row, char *to, size_t size)
{
    char a[8], b[8];
    *to = 0;
    if (row->key)
        snprintf(to, size, "%s%s%s", stepcmd_key_name(row->key, a), row->other ? " " : "",
                 row->other ? stepcmd_key_name(row->other, b) : "");
}

/* ---- lines ---- */

static const struct stepcmd_row *find(const char *name, size_t len)
{
    for (const struct stepcmd_row *r = stepcmd_rows; r->name; r++)
        if (strlen(r->name) == len && strncasecmp(r->name, name, len) == 0)
            return r;
    return len == 1 ? stepcmd_by_key((u8)*name) : NULL;
}

static int run_line(struct stepcmd_env *env, const char *line, bool check)
{
    char copy[STEPCMD_LINE_MAX + 1];
    struct stepcmd c = {.env = env, .s = env->s, .check = check};
    size_t len = strlen(line);
    env->error[0] = 0;
    env->went = false;
    if (len > STEPCMD_LINE_MAX)
        return fail(&c, "a line has at most %u characters", STEPCMD_LINE_MAX);
    memcpy(copy, line, len + 1);
    while (len && isspace((u8)copy[len - 1]))
        copy[--len] = 0;
    const char *name = copy + strspn(copy, " \t");
    size_t n = strcspn(name, " \t");
    const struct stepcmd_row *row = n ? find(name, n) : NULL;
    if (n == 0)
        return 0;
    if (!row)
        return fail(&c, "there is no command '%.*s'; 'help' lists all", (int)MIN(n, (size_t)40), name);
    c.args = name + n + strspn(name + n, " \t");
    if (row->needs && !*c.args)
        return fail(&c, "%s wants to know: %s %s", row->name, row->name, row->shown);
    int r = row->run(&c);
    env->went = r == 0 && c.went && !check;
    return r;
}

int stepcmd_check(struct stepcmd_env *env, const char *line)
{
    return run_line(env, line, true);
}

int stepcmd_execute(struct stepcmd_env *env, const char *line)
{
    return run_line(env, line, false);
}

/* ---- running ---- */

/* What comes from outside is remembered, so that it comes again after going back. */
static void press(void *ctx, enum key key, bool down)
{
    timeline_key(ctx, key, down);
}

static void point(void *ctx, int dx, int dy, int dz, unsigned buttons)
{
    timeline_mouse(ctx, dx, dy, dz, buttons);
}

static unsigned room(void *ctx)
{
    const struct input_sink *in = pc_input(((struct timeline *)ctx)->pc);
    return in->room(in->ctx);
}

static void type_on(struct stepcmd_env *env)
{
    const struct input_sink input = {&env->s->timeline, press, point, room};
    const struct keyscript_env keys = {.input = &input, .display = pc_display(env->s->pc)};
    enum keyscript_status status = keyscript_poll(env->keys, &keys, clock_now(pc_clock(env->s->pc)));
    if (status == KEYSCRIPT_RUNNING)
        return;
    if (status == KEYSCRIPT_FAILED)
        stepper_pause(env->s, keyscript_error(env->keys));
    keyscript_free(env->keys);
    env->keys = NULL;
}

bool stepcmd_go(struct stepcmd_env *env, u64 counts)
{
    if (!env->keys)
        return stepper_go(env->s, counts);
    for (u64 done = 0; done < counts && env->keys; done += KEYS_COUNTS) {
        if (!stepper_go(env->s, MIN(counts - done, (u64)KEYS_COUNTS)))
            return false;
        type_on(env);
    }
    return env->s->goal.kind != GOAL_NONE;
}

void stepcmd_close(struct stepcmd_env *env)
{
    keyscript_free(env->keys);
    env->keys = NULL;
}
