#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>

/* A guest decides how many distinct texts there are, so what is remembered is bounded. */
enum { SEEN_MAX = 4096, LINE_MAX_BYTES = 1024 };

struct log_seen {
    unsigned count;
    char *text[SEEN_MAX]; /* open addressing by hash; NULL = free */
};

static const char *const topic_names[LOG_TOPIC_COUNT] = {
#define T(id, name, help) name,
    LOG_TOPICS(T)
#undef T
};

void log_init(struct log *log, FILE *out)
{
    *log = (struct log){.enabled = BIT(LOG_ERROR), .out = out};
}

void log_close(struct log *log)
{
    if (!log->seen)
        return;
    for (unsigned i = 0; i < SEEN_MAX; i++)
        free(log->seen->text[i]);
    free(log->seen);
    log->seen = NULL;
}

static int topic_by_name(const char *name, size_t len)
{
    for (int i = 0; i < LOG_TOPIC_COUNT; i++)
        if (strlen(topic_names[i]) == len && memcmp(topic_names[i], name, len) == 0)
            return i;
    return -1;
}

int log_enable(struct log *log, const char *list, const char **bad)
{
    u32 enabled = log->enabled;

    for (const char *p = list;;) {
        size_t len = strcspn(p, ",");
        int topic = topic_by_name(p, len);
        if (len == 3 && memcmp(p, "all", 3) == 0) {
            enabled = BIT(LOG_TOPIC_COUNT) - 1;
        } else if (topic >= 0) {
            enabled |= BIT(topic);
        } else {
            *bad = p;
            return -EINVAL;
        }
        if (p[len] == '\0')
            break;
        p += len + 1;
    }
    log->enabled = enabled;
    return 0;
}

void log_msg(struct log *log, enum log_topic topic, const char *fmt, ...)
{
    if (!log_on(log, topic) || !log->out)
        return;

    char line[LINE_MAX_BYTES];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    fprintf(log->out, "%s: %s\n", topic_names[topic], line);
}

/* Remembers LINE; false if it was known, or if the table is full. */
static bool is_news(struct log *log, const char *line)
{
    if (!log->seen)
        log->seen = calloc(1, sizeof *log->seen);
    struct log_seen *seen = log->seen;
    if (!seen || seen->count >= SEEN_MAX / 2)
        return false;

    u32 hash = 2166136261u;
    for (const char *p = line; *p; p++)
        hash = (hash ^ (u8)*p) * 16777619u;
    unsigned slot = hash % SEEN_MAX;
    while (seen->text[slot]) {
        if (strcmp(seen->text[slot], line) == 0)
            return false;
        slot = (slot + 1) % SEEN_MAX;
    }
    seen->text[slot] = strdup(line);
    if (!seen->text[slot])
        return false;
    seen->count++;
    return true;
}

void log_unimp(struct log *log, const char *fmt, ...)
{
    if (!log_on(log, LOG_UNIMP) || !log->out)
        return;

    char line[LINE_MAX_BYTES];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    if (is_news(log, line))
        fprintf(log->out, "%s: %s\n", topic_names[LOG_UNIMP], line);
}
