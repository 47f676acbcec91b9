/*
 * replay.c - runs a fuzz target without libFuzzer: on its seeds, on files, and on inputs that a seeded generator makes,
 * mostly by changing seeds and files. The same arguments always run the same inputs.
 *
 *   fuzz_X [--seed S] [--runs N] [--timeout SECONDS] [FILE...]   files may be folders
 *   fuzz_X --write-seeds FOLDER
 *
 * The inputs run in a child. The parent sees it die or hang, makes the failing input once more and saves it.
 */
#define _GNU_SOURCE /* memfd_create */
#include "tests/fuzz/fuzz.h"
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

struct bytes {
    u8 *p;
    size_t n;
};

struct corpus {
    struct bytes *item;
    size_t count;
};

struct options {
    u64 seed, runs;
    unsigned timeout;
};

static void die(const char *what, const char *name)
{
    fprintf(stderr, "%s %s: %s\n", what, name, strerror(errno));
    exit(2);
}

static void *must(void *p)
{
    if (!p)
        die("cannot get", "memory");
    return p;
}

/* ---- the corpus ---- */

static void add(struct corpus *c, const u8 *p, size_t n)
{
    c->item = must(realloc(c->item, (c->count + 1) * sizeof *c->item));
    c->item[c->count].p = must(malloc(n + 1));
    memcpy(c->item[c->count].p, p, n);
    c->item[c->count++].n = n;
}

static void add_seeds(struct corpus *c, u8 *buf)
{
    for (size_t n; (n = fuzz_seed((unsigned)c->count, buf)) > 0;) {
        fuzz_check(n <= FUZZ_INPUT_MAX);
        add(c, buf, n);
    }
}

static void add_file(struct corpus *c, const char *path, u8 *buf)
{
    FILE *f = fopen(path, "rb");
    if (!f)
        die("cannot read", path);
    add(c, buf, fread(buf, 1, FUZZ_INPUT_MAX, f));
    fclose(f);
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static void add_path(struct corpus *c, const char *path, u8 *buf)
{
    struct stat st;
    struct dirent **list;
    if (stat(path, &st) != 0 || !S_ISDIR(st.st_mode)) {
        add_file(c, path, buf);
        return;
    }
    int n = scandir(path, &list, NULL, by_name);
    for (int i = 0; i < n; i++) {
        char inside[4096];
        snprintf(inside, sizeof inside, "%s/%s", path, list[i]->d_name);
        if (stat(inside, &st) == 0 && S_ISREG(st.st_mode))
            add_file(c, inside, buf);
        free(list[i]);
    }
    free(list);
}

static void free_corpus(struct corpus *c)
{
    for (size_t i = 0; i < c->count; i++)
        free(c->item[i].p);
    free(c->item);
}

static void write_file(const char *path, const u8 *p, size_t n)
{
    FILE *f = fopen(path, "wb");
    if (!f || fwrite(p, 1, n, f) != n || fclose(f) != 0)
        die("cannot write", path);
}

static void write_seeds(const struct corpus *c, const char *folder)
{
    for (size_t i = 0; i < c->count; i++) {
        char path[4096];
        snprintf(path, sizeof path, "%s/seed-%02zu", folder, i);
        write_file(path, c->item[i].p, c->item[i].n);
    }
}

/* ---- inputs ---- */

/* splitmix64 */
static u64 next(u64 *state)
{
    u64 z = *state += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}

static size_t below(u64 *state, size_t n)
{
    return n ? (size_t)(next(state) % n) : 0;
}

/* A length up to MAX that is usually small. */
static size_t length(u64 *state, size_t max)
{
    size_t bound = (size_t)1 << below(state, 12);
    return below(state, MIN(max, bound) + 1);
}

static size_t cut(u64 *r, u8 *p, size_t n)
{
    size_t at = below(r, n + 1), len = length(r, n - at);
    memmove(p + at, p + at + len, n - at - len);
    return n - len;
}

static size_t insert(u64 *r, u8 *p, size_t n)
{
    size_t at = below(r, n + 1), len = length(r, FUZZ_INPUT_MAX - n);
    memmove(p + at + len, p + at, n - at);
    for (size_t i = 0; i < len; i++)
        p[at + i] = (u8)next(r);
    return n + len;
}

/* A number from near the edges of its type. */
static void edge(u64 *r, u8 *p, size_t n)
{
    static const u64 values[] = {0,      1,      0x7F,       0x80,       0xFF,       0x7FFF,
                                 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, ~(u64)0};
    size_t size = (size_t)1 << below(r, 4);
    if (size > n)
        return;
    u64 v = values[below(r, ARRAY_LEN(values))] + below(r, 3) - 1;
    memcpy(p + below(r, n - size + 1), &v, size);
}

static size_t splice(u64 *r, u8 *p, size_t n, const struct bytes *from)
{
    size_t at = below(r, n + 1), start = below(r, from->n + 1);
    size_t room = FUZZ_INPUT_MAX - at, len = length(r, MIN(from->n - start, room));
    memcpy(p + at, from->p + start, len);
    return MAX(n, at + len);
}

static size_t mutate(u64 *r, const struct corpus *c, u8 *p, size_t n)
{
    switch (below(r, 8)) {
    case 0:
        return cut(r, p, n);
    case 1:
        return insert(r, p, n);
    case 2:
        return c->count ? splice(r, p, n, &c->item[below(r, c->count)]) : n;
    case 3:
    case 4:
        edge(r, p, n);
        return n;
    case 5:
        if (n)
            p[below(r, n)] ^= (u8)(1u << below(r, 8));
        return n;
    default:
        if (n)
            p[below(r, n)] = (u8)next(r);
        return n;
    }
}

/* Input I: first the corpus as it is, then each fourth nothing but noise, the rest changed corpus. */
static size_t make_input(const struct corpus *c, u64 seed, u64 i, u8 *p)
{
    u64 r = seed * 0xD1342543DE82EF95u + i;
    size_t n = 0;
    if (i < c->count) {
        memcpy(p, c->item[i].p, c->item[i].n);
        return c->item[i].n;
    }
    if (c->count == 0 || i % 4 == 0)
        return insert(&r, p, 0);
    const struct bytes *from = &c->item[below(&r, c->count)];
    memcpy(p, from->p, n = from->n);
    for (size_t changes = 1 + below(&r, 12); changes > 0; changes--)
        n = mutate(&r, c, p, n);
    return n;
}

/* ---- running ---- */

static u64 input_count(const struct corpus *c, const struct options *o)
{
    return c->count + o->runs;
}

static void run_inputs(const struct corpus *c, const struct options *o, u8 *buf, u64 *current)
{
    for (; *current < input_count(c, o); ++*current) {
        size_t n = make_input(c, o->seed, *current, buf);
        u8 *exact = must(malloc(n ? n : 1)); /* so that a sanitizer sees the first byte behind the input */
        memcpy(exact, buf, n);
        alarm(o->timeout);
        LLVMFuzzerTestOneInput(exact, n);
        free(exact);
    }
}

/* 0 if the child went through all inputs; else the input it was at is saved. */
static int watch(const struct corpus *c, const struct options *o, const char *name, u8 *buf)
{
    u64 *current = mmap(NULL, sizeof *current, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int status = 0;
    if (current == MAP_FAILED)
        die("cannot share", "memory");
    pid_t child = fork();
    if (child == 0) {
        run_inputs(c, o, buf, current);
        exit(0); /* not _exit(): a sanitizer looks for leaks now */
    }
    if (child < 0 || waitpid(child, &status, 0) != child)
        die("cannot run", name);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
        printf("%s: %llu inputs, seed %llu\n", name, (unsigned long long)*current, (unsigned long long)o->seed);
        return 0;
    }
    if (*current == input_count(c, o)) {
        fprintf(stderr, "%s: the inputs ran, but something is wrong at the end\n", name);
        return 1;
    }
    bool hang = WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM;
    char path[256];
    snprintf(path, sizeof path, "%s-%s-%llu-%llu", name, hang ? "hang" : "crash", (unsigned long long)o->seed,
             (unsigned long long)*current);
    write_file(path, buf, make_input(c, o->seed, *current, buf));
    fprintf(stderr, "%s: input %llu %s; it is in %s\n", name, (unsigned long long)*current,
            hang ? "takes too long" : "fails", path);
    return 1;
}

static u64 number(const char *text)
{
    char *end;
    u64 n = text ? strtoull(text, &end, 0) : 0;
    if (!text || end == text || *end) {
        fprintf(stderr, "a number is missing\n");
        exit(2);
    }
    return n;
}

int main(int argc, char **argv)
{
    struct options o = {.seed = 1, .runs = 1000, .timeout = 60};
    struct corpus c = {0};
    u8 *buf = must(malloc(FUZZ_INPUT_MAX));
    const char *slash = strrchr(argv[0], '/'), *seeds = NULL;
    add_seeds(&c, buf);
    for (char **arg = argv + 1; *arg; arg++) {
        if (!strcmp(*arg, "--seed"))
            o.seed = number(*++arg);
        else if (!strcmp(*arg, "--runs"))
            o.runs = number(*++arg);
        else if (!strcmp(*arg, "--timeout"))
            o.timeout = (unsigned)number(*++arg);
        else if (!strcmp(*arg, "--write-seeds") && arg[1])
            seeds = *++arg;
        else
            add_path(&c, *arg, buf);
    }
    int status = 0;
    if (seeds)
        write_seeds(&c, seeds);
    else
        status = watch(&c, &o, slash ? slash + 1 : argv[0], buf);
    free_corpus(&c);
    free(buf);
    return status;
}
