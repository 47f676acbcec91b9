/*
 * golden.c - host code as it is against what was accepted.
 *
 *   golden [FILE]                   compares; status 1: something became worse
 *   golden [FILE] --accept REASON   writes the file anew, REASON to its log
 *   golden [FILE] --show NAME       the code of one case
 */
#include "tests/golden/golden.h"
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* What has been accepted: cases as they stand in the file, and the log. */
struct accepted {
    struct golden_set set;
    char *log;
};

static void *or_die(void *p)
{
    if (!p) {
        fprintf(stderr, "golden: not enough memory\n");
        exit(2);
    }
    return p;
}

struct golden_case *golden_add(struct golden_set *s)
{
    if (s->count == s->space) {
        s->space = s->space ? s->space * 2 : 256;
        s->list = or_die(realloc(s->list, s->space * sizeof *s->list));
    }
    s->list[s->count] = (struct golden_case){.name = ""};
    return &s->list[s->count++];
}

static struct golden_case *find(const struct golden_set *s, const char *name)
{
    for (unsigned i = 0; i < s->count; i++)
        if (!strcmp(s->list[i].name, name))
            return &s->list[i];
    return NULL;
}

static void free_set(struct golden_set *s)
{
    for (unsigned i = 0; i < s->count; i++) {
        free(s->list[i].text);
        free(s->list[i].listing);
    }
    free(s->list);
}

/* ---- the file ---- */

static const char header[] = "# Host code that the translator makes, as it was accepted: numbers of host instructions in the hot "
                             "path (from the start to the\n"
                             "# first jump that is always taken) and in all, calls of C in the hot path. Of loops also the "
                             "cheapest way round, and the code\n"
                             "# itself; all but 'in all' are for 100 guest instructions there. Made by tests/golden; golden "
                             "--accept REASON writes it anew\n"
                             "# and adds a line to the log:\n"
                             "#\n";

static void append(char **text, const char *line)
{
    size_t was = *text ? strlen(*text) : 0;
    *text = or_die(realloc(*text, was + strlen(line) + 1));
    strcpy(*text + was, line);
}

static void read_line(struct accepted *a, char *line)
{
    struct golden_case c = {.name = ""};
    struct figures *n = &c.n;
    int at = 0;
    if (!strncmp(line, "#: ", 3)) {
        append(&a->log, line);
    } else if (*line == '|' && a->set.count) {
        append(&a->set.list[a->set.count - 1].listing, line + (line[1] == ' ' ? 2 : 1));
    } else if (sscanf(line, "insn %47s %u %u %u %n", c.name, &n->hot, &n->all, &n->calls, &at) == 4 && at) {
        c.text = strndup(line + at, strcspn(line + at, "\n"));
        *golden_add(&a->set) = c;
    } else if (sscanf(line, "loop %47s %u %u %u %u %n", c.name, &n->round, &n->hot, &n->all, &n->calls, &at) == 5 && at) {
        c.loop = true;
        c.text = strndup(line + at, strcspn(line + at, "\n"));
        *golden_add(&a->set) = c;
    }
}

static void read_file(struct accepted *a, const char *path)
{
    FILE *in = fopen(path, "r");
    char *line = NULL;
    size_t size;
    if (!in)
        return; /* nothing has been accepted yet */
    while (getline(&line, &size, in) > 0)
        read_line(a, line);
    free(line);
    fclose(in);
}

static void write_insn(FILE *out, const struct golden_case *c)
{
    fprintf(out, "insn %-30s %3u %4u %5u  %s\n", c->name, c->n.hot, c->n.all, c->n.calls, c->text);
}

static void write_loop(FILE *out, const struct golden_case *c)
{
    fprintf(out, "loop %-12s %4u %4u %4u %5u  %s\n", c->name, c->n.round, c->n.hot, c->n.all, c->n.calls, c->text);
    for (const char *p = c->listing, *end; *p; p = end + 1) {
        end = strchr(p, '\n');
        fprintf(out, "|%s%.*s\n", end > p ? " " : "", (int)(end - p), p);
    }
}

static int write_file(const char *path, const struct golden_set *s, const char *log, const char *reason)
{
    char date[16];
    time_t now = time(NULL);
    FILE *out = fopen(path, "w");
    if (!out) {
        perror(path);
        return 2;
    }
    strftime(date, sizeof date, "%Y-%m-%d", gmtime(&now));
    fprintf(out, "%s%s#: %s %s\n\n# instruction                      hot  all calls of C\n", header, log ? log : "", date,
            reason);
    for (unsigned i = 0; i < s->count; i++)
        if (!s->list[i].loop)
            write_insn(out, &s->list[i]);
    fprintf(out, "\n# loop          round  hot  all calls of C\n");
    for (unsigned i = 0; i < s->count; i++)
        if (s->list[i].loop)
            write_loop(out, &s->list[i]);
    return fclose(out) ? 2 : 0;
}

/* ---- comparing ---- */

struct verdict {
    unsigned worse, better, fresh, changed; /* cases */
};

/* A case's line, in the making. */
struct change {
    char text[200];
    bool worse;
};

static void change_add(struct change *c, const char *what, unsigned before, unsigned now)
{
    size_t len = strlen(c->text);
    if (before == now)
        return;
    c->worse |= now > before;
    snprintf(c->text + len, sizeof c->text - len, "%s%s %u -> %u%s", len ? ", " : "", what, before, now,
             now > before ? " (more)" : "");
}

/* What was done by C before is better done by more instructions. A way round may not be found: 0. */
static struct change change_of(const struct figures *was, const struct figures *is)
{
    struct change c = {.text = ""};
    change_add(&c, "calls of C", was->calls, is->calls);
    if (was->round && is->round)
        change_add(&c, "way round", was->round, is->round);
    change_add(&c, "hot path", was->hot, is->hot);
    change_add(&c, "in all", was->all, is->all);
    if (was->round && !is->round) {
        c.worse = true;
        snprintf(c.text, sizeof c.text, "no way round without C any more");
    } else if (is->calls < was->calls) {
        c.worse = false;
    }
    return c;
}

static void compare_case(const struct golden_case *was, const struct golden_case *is, struct verdict *v)
{
    struct change c = change_of(&was->n, &is->n);
    if (*c.text) {
        printf("%s %s (%s): %s\n", c.worse ? "worse " : "better", is->name, is->text, c.text);
        v->worse += c.worse;
        v->better += !c.worse;
    } else if (is->loop && was->listing && strcmp(was->listing, is->listing) != 0) {
        printf("other  %s (%s): as many host instructions, but others\n", is->name, is->text);
        v->changed++;
    }
}

static struct verdict compare(const struct golden_set *was, const struct golden_set *is)
{
    struct verdict v = {0};
    for (unsigned i = 0; i < is->count; i++) {
        const struct golden_case *c = &is->list[i], *old = find(was, c->name);
        if (old) {
            compare_case(old, c, &v);
        } else {
            printf("new    %s (%s): hot path %u, in all %u\n", c->name, c->text, c->n.hot, c->n.all);
            v.fresh++;
        }
    }
    for (unsigned i = 0; i < was->count; i++)
        if (!find(is, was->list[i].name)) {
            printf("worse  %s (%s): translated before, now its handler is called\n", was->list[i].name, was->list[i].text);
            v.worse++;
        }
    return v;
}

static int judge(const struct golden_set *was, const struct golden_set *is, const char *program)
{
    struct verdict v = compare(was, is);
    printf("golden: %u cases: %u worse, %u better, %u new, %u loops with other code\n", is->count, v.worse, v.better, v.fresh,
           v.changed);
    if (v.worse || v.better || v.fresh || v.changed)
        printf("to accept all of it: %s --accept 'REASON'\n", program);
    return v.worse != 0;
}

static int show(const struct golden_set *s, const char *name)
{
    const struct golden_case *c = find(s, name);
    if (!c) {
        fprintf(stderr, "golden: no case %s\n", name);
        return 2;
    }
    printf("%s: %s\nround %u, hot %u, all %u, calls of C %u\n%s", c->name, c->text, c->n.round, c->n.hot, c->n.all, c->n.calls,
           c->listing);
    return 0;
}

static int usage(void)
{
    fprintf(stderr, "golden [FILE] [--accept REASON | --show NAME]\n");
    return 2;
}

int main(int argc, char **argv)
{
    const char *path = GOLDEN_FILE, *accept = NULL, *wanted = NULL;
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--accept") && i + 1 < argc && *argv[i + 1])
            accept = argv[++i];
        else if (!strcmp(argv[i], "--show") && i + 1 < argc)
            wanted = argv[++i];
        else if (*argv[i] != '-')
            path = argv[i];
        else
            return usage();
    }
    struct accepted a = {.log = NULL};
    struct reader reader = {or_die(disasm_new()), or_die(decoder_new(~(u32)0))};
    struct golden_set is = {.reader = &reader, .wanted = wanted};
    read_file(&a, path);
    insn_cases(&is);
    loop_cases(&is);
    int status = accept ? write_file(path, &is, a.log, accept) : wanted ? show(&is, wanted) : judge(&a.set, &is, argv[0]);
    free(a.log);
    free_set(&a.set);
    free_set(&is);
    disasm_free(reader.disasm);
    decoder_free(reader.decoder);
    return status;
}
