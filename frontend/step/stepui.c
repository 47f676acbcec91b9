/*
 * stepui.c - what keys do.
 */
#include "frontend/step/stepui.h"
#include "frontend/step/view.h"
#include <stdlib.h>

enum { FIRST_GO = 20000 }; /* counts before the screen is drawn: most commands are done then */

void stepui_open(struct stepui *ui, struct stepper *s)
{
    *ui = (struct stepui){.s = s, .env.s = s};
    s->looking = true;
}

void stepui_close(struct stepui *ui)
{
    stepcmd_close(&ui->env);
    free(ui->before);
}

/* The view as it is now, to see later what has changed. */
static void keep_view(struct stepui *ui)
{
    free(ui->before);
    ui->before = view_lines(ui->s, ui->s->look.view);
}

/* The first line of what a command printed. */
static void note(struct stepui *ui, const char *text)
{
    snprintf(ui->note, sizeof ui->note, "%.*s", (int)strcspn(text, "\n"), text);
}

void stepui_command(struct stepui *ui, const char *line)
{
    char *text = NULL;
    size_t size;
    unsigned view = ui->s->look.view;
    keep_view(ui);
    ui->env.out = open_memstream(&text, &size);
    if (!ui->env.out)
        return;
    int r = stepcmd_execute(&ui->env, line);
    fclose(ui->env.out);
    ui->env.out = NULL;
    note(ui, r ? ui->env.error : text);
    free(text);
    if (ui->s->look.view != view) {
        free(ui->before);
        ui->before = NULL;
        ui->s->look.scroll = 0;
    }
    stepui_go(ui, FIRST_GO);
}

bool stepui_go(struct stepui *ui, u64 counts)
{
    return stepcmd_go(&ui->env, counts);
}

/* ---- the prompt ---- */

static void prompt_key(struct stepui *ui, int key)
{
    size_t n = strlen(ui->prompt);
    switch (key) {
    case STEPKEY_ESC:
        ui->prompting = false;
        break;
    case STEPKEY_ENTER:
        ui->prompting = false;
        memcpy(ui->recalled, ui->prompt, sizeof ui->recalled);
        stepui_command(ui, ui->recalled);
        break;
    case STEPKEY_UP:
        memcpy(ui->prompt, ui->recalled, sizeof ui->prompt);
        break;
    case STEPKEY_BACKSPACE:
        if (n)
            ui->prompt[n - 1] = 0;
        else
            ui->prompting = false;
        break;
    default:
        if (key >= ' ' && key < 0x7F && n + 1 < sizeof ui->prompt) {
            ui->prompt[n] = (char)key;
            ui->prompt[n + 1] = 0;
        }
    }
}

static void ask(struct stepui *ui, const char *begin)
{
    ui->prompting = true;
    snprintf(ui->prompt, sizeof ui->prompt, "%s", begin);
}

/* ---- keys ---- */

/* The same key once more goes back. */
static bool view_key(struct stepui *ui, int key)
{
    for (unsigned i = 0; i < VIEW_COUNT; i++) {
        if (view_rows[i].key != key || !key)
            continue;
        char line[40];
        bool back = ui->s->look.view == i;
        snprintf(line, sizeof line, "view %s", view_rows[back ? VIEW_MAIN : i].name);
        stepui_command(ui, line);
        return true;
    }
    return false;
}

void stepui_key(struct stepui *ui, int key)
{
    char begin[40];
    if (stepui_runs(ui)) {
        stepper_pause(ui->s, "paused");
        return;
    }
    ui->note[0] = 0;
    if (ui->prompting) {
        prompt_key(ui, key);
        return;
    }
    const struct stepcmd_row *row = stepcmd_by_key(key);
    if (key == ':') {
        ask(ui, "");
    } else if (row && row->needs) {
        snprintf(begin, sizeof begin, "%s ", row->name);
        ask(ui, begin);
    } else if (row) {
        stepui_command(ui, row->name);
    } else if (!view_key(ui, key)) {
        snprintf(ui->note, sizeof ui->note, " that key does nothing; ? lists those that do");
    }
}

void stepui_draw(struct stepui *ui, struct grid *g)
{
    char prompt[STEPUI_PROMPT + 4];
    snprintf(prompt, sizeof prompt, ":%s█", ui->prompt);
    view_draw(ui->s, g, ui->before, ui->prompting ? prompt : *ui->note ? ui->note : NULL);
}
