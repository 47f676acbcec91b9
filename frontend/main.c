/*
 * main.c - the program: a subcommand, options that only print something, else a session.
 */
#include "base/log.h"
#include "cpu/cpu.h"
#include "frontend/session.h"
#include "frontend/step/step_main.h"
#include "frontend/trace/diff.h"

#include <string.h>

static void list_models(void)
{
    for (const struct cpu_model *m = cpu_models; m->name; m++)
        printf("%-10s %s\n", m->name, m->about);
}

static void list_topics(void)
{
#define T(id, name, help) printf("%-10s %s\n", name, help);
    LOG_TOPICS(T)
#undef T
    printf("%-10s %s\n", "all", "all of them");
}

/* True if O asks for a text, which is then printed. */
static bool print_text(const struct options *o)
{
    if (o->help)
        options_help(stdout);
    else if (o->man)
        options_man(stdout);
    else if (o->version)
        puts("ombra " OMBRA_VERSION);
    else if (o->cpu && strcmp(o->cpu, "help") == 0)
        list_models();
    else if (o->log && strcmp(o->log, "help") == 0)
        list_topics();
    else
        return false;
    return true;
}

int main(int argc, char **argv)
{
    struct options o;
    if (argc > 1 && strcmp(argv[1], "diff-trace") == 0)
        return trace_diff_main(argc - 1, argv + 1);
    if (options_parse(&o, argc, argv))
        return EXIT_BAD_INPUT;
    if (!print_text(&o))
        return o.step ? step_main(&o) : session_run(&o);
    return fflush(stdout) == 0 && !ferror(stdout) ? EXIT_OK : EXIT_RUN_FAILED;
}
