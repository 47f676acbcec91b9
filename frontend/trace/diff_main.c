/*
 * diff_main.c - the command line of 'ombra diff-trace'.
 */
#include "frontend/trace/diff.h"

#include <stdlib.h>
#include <unistd.h>

static const char usage[] = "ombra diff-trace A B [--context N] [--ignore NAME[,NAME]]";

static bool number(const char *text, unsigned *n)
{
    char *end;
    unsigned long v = strtoul(text, &end, 10);
    *n = (unsigned)v;
    return *text >= '0' && *text <= '9' && !*end && v <= TRACE_CONTEXT_MAX;
}

static int bad(const char *what, const char *why)
{
    fprintf(stderr, "ombra: diff-trace: %s%s\n", what, why);
    return TRACE_DIFF_BAD;
}

/* Fills D and PATH. 0, or TRACE_DIFF_BAD after a line on standard error. */
static int parse(struct trace_diff *d, const char *path[2], int argc, char **argv)
{
    unsigned paths = 0;
    for (int i = 1; i < argc; i++) {
        bool context = strcmp(argv[i], "--context") == 0, ignore = strcmp(argv[i], "--ignore") == 0;
        if ((context || ignore) && i + 1 == argc)
            return bad(argv[i], " needs a value");
        if (context && !number(argv[++i], &d->context))
            return bad("--context takes a number up to 10000, not ", argv[i]);
        else if (ignore && !trace_diff_ignore(d, argv[++i]))
            return bad("--ignore takes names of registers and flags, fpu and count, not ", argv[i]);
        else if (!context && !ignore && argv[i][0] == '-')
            return bad("unknown option ", argv[i]);
        else if (!context && !ignore && paths == 2)
            return bad("two traces are compared, not more; ", usage);
        else if (!context && !ignore)
            path[paths++] = argv[i];
    }
    return paths == 2 ? 0 : bad("", usage);
}

int trace_diff_main(int argc, char **argv)
{
    char error[400] = "";
    const char *path[2];
    struct trace_diff d = {.context = 8, .out = stdout, .colour = isatty(STDOUT_FILENO)};
    int r = parse(&d, path, argc, argv);
    for (unsigned i = 0; i < 2 && r == 0; i++)
        if (trace_reader_open(&d.side[i], path[i], error, sizeof error))
            r = bad(error, "");
    if (r == 0) {
        r = trace_diff_run(&d, error, sizeof error);
        if (r == TRACE_DIFF_BAD)
            bad(error, "");
        else if (fflush(stdout) != 0)
            r = bad("standard output", " cannot be written");
    }
    trace_reader_close(d.side[0]);
    trace_reader_close(d.side[1]);
    return r;
}
