/*
 * engine.h - the translating engine: blocks that run often are lifted and run by a backend; everything else is interpreted.
 *
 * The machine owns one per processor, made after the processor and freed before it. The guest sees no difference: the same
 * states at the same instruction counts as the interpreter alone.
 */
#ifndef OMBRA_TRANSLATOR_ENGINE_H
#define OMBRA_TRANSLATOR_ENGINE_H

#include "cpu/cpu.h"

/* Executions until a block is translated: 4 to 48 measured alike over a Linux boot, 0 a little slower. */
enum { ENGINE_THRESHOLD = 16 };

enum engine_backend { ENGINE_IR /* the IR interpreter */, ENGINE_HOST /* host code */ };

struct engine_config {
    enum engine_backend backend;
    unsigned threshold;  /* executions until a block is translated; 0: before the first */
    size_t cache_bytes;  /* of host code */
};

struct engine_stats {
    u64 translated, insns_translated, flushes;
    u64 refused;          /* translations that the backend could not do */
    u64 entered;          /* ways from C into translated code */
    u64 run, interpreted; /* instructions by tier */
};

struct engine;

/* Is there a backend for this host? */
bool engine_has_host(void);

/* NULL: out of memory, or there is no such backend on this host. */
struct engine *engine_new(struct cpu *c, const struct engine_config *config);
void engine_free(struct engine *e);

const struct engine_stats *engine_stats(const struct engine *e);

#endif
