/*
 * log.h - one machine's log. Everything that is written about a running guest
 * goes through a struct log, so that two machines in one process do not mix.
 *
 * Any module may log. Topics are switched on by --log NAME[,NAME...].
 */
#ifndef OMBRA_BASE_LOG_H
#define OMBRA_BASE_LOG_H

#include "base/types.h"
#include <stdio.h>

/* name, what a person reads in --help */
#define LOG_TOPICS(T)                                                                                  \
    T(ERROR, "error", "what went wrong on the host's side (always on)")                                \
    T(UNIMP, "unimp", "what a guest touched that is not emulated, once each")                          \
    T(CPU, "cpu", "mode changes, triple faults, odd uses of the processor")                            \
    T(INT, "int", "interrupts and exceptions as they are delivered")                                   \
    T(MMU, "mmu", "TLB flushes and page-table watching")                                               \
    T(IO, "io", "port accesses that no device claims")                                                 \
    T(PCI, "pci", "PCI configuration and BAR moves")                                                   \
    T(IRQ, "irq", "interrupt controllers and lines")                                                   \
    T(TIMER, "timer", "PIT, RTC, APIC and PM timers")                                                  \
    T(DISK, "disk", "IDE, ATAPI and floppy commands")                                                  \
    T(VGA, "vga", "display mode changes")                                                              \
    T(INPUT, "input", "keyboard and mouse controller")                                                 \
    T(SERIAL, "serial", "serial and parallel ports")                                                   \
    T(FW, "fw", "firmware interface and BIOS debug output")                                            \
    T(POST, "post", "POST codes: what is written to ports 80h and 190h")

enum log_topic {
#define T(id, name, help) LOG_##id,
    LOG_TOPICS(T)
#undef T
    LOG_TOPIC_COUNT
};

struct log {
    u32 enabled;          /* bit per topic; LOG_ERROR is always taken as set */
    FILE *out;            /* not owned */
    struct log_seen *seen; /* what log_once() said already */
};

/* Starts a log that writes to OUT with only errors enabled. */
void log_init(struct log *log, FILE *out);

/* Frees what log_once() remembers. OUT stays open. */
void log_close(struct log *log);

/* Enables the comma-separated topics in LIST ("all" for every one). Returns 0, or -EINVAL with
 * *BAD pointing at the first unknown name in LIST. */
int log_enable(struct log *log, const char *list, const char **bad);

static inline bool log_on(const struct log *log, enum log_topic topic)
{
    return topic == LOG_ERROR || (log->enabled & BIT(topic)) != 0;
}

/* Writes one line (no newline in FMT) prefixed by the topic's name, if the topic is enabled. */
void log_msg(struct log *log, enum log_topic topic, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* As log_msg(LOG_UNIMP), but each distinct text only once per machine. */
void log_unimp(struct log *log, const char *fmt, ...) PRINTF_LIKE(2, 3);

#endif
