/*
 * engine.h - the translating engine: blocks that run often are lifted and run by a backend; everything else is interpreted.
 *
 * The machine owns one per processor, made after the processor and freed before it. The guest sees no difference: the same
 * states at the same instruction counts as the interpreter alone.
 */
#ifndef OMBRA_TRANSLATOR_ENGINE_H
#define OMBRA_TRANSLATOR_ENGINE_H

#include "cpu/cpu.h"
#include "translator/stats.h"
#include <stdio.h>

struct ir_block;

/* Executions until a block is translated: 4 to 48 measured alike over a Linux boot, 0 a little slower. */
enum { ENGINE_THRESHOLD = 16 };

enum engine_backend { ENGINE_IR /* the IR interpreter */, ENGINE_HOST /* host code */ };

enum { ENGINE_CACHE_MIN = 64 << 10, ENGINE_THRESHOLD_MAX = 0xFFFF };

/* One translated block. Valid during the call that it is given to. */
struct engine_view_part {
    u32 ip;
    const struct insn *insns;
    unsigned count;
    const u8 *bytes;          /* of the guest's code */
    unsigned nbytes;          /* fewer than the instructions have if they reach into another page */
};

enum { ENGINE_PARTS = 16 };

struct engine_view {
    unsigned bits;            /* of the code segment: 16 or 32 */
    struct engine_view_part part[ENGINE_PARTS]; /* blocks that are translated together, one behind the other */
    unsigned parts;
    unsigned count;           /* instructions of all of them */
    const struct ir_block *ir;
    const u8 *host;           /* NULL: the backend has made none */
    size_t host_size;
    const u32 *host_at;       /* where the code of each instruction begins; what is behind the last's end is called by all */
};

/* A translation and the interpreter have come to different ends. */
struct engine_difference {
    const char *what;   /* lines: what was expected, what came */
    u64 count;          /* instruction count where both began */
    bool tied;          /* it takes several blocks in one go: each on its own is right */
    const struct engine_view *view; /* of the blocks on the interpreter's way that are translated */
    unsigned views;
};

/* Somebody who looks on. Functions may be NULL. */
struct engine_observer {
    void *ctx;
    void (*lifted)(void *ctx, struct ir_block *b, const struct insn *insns); /* before it is compiled: a test may change it */
    void (*translated)(void *ctx, const struct engine_view *v);
    void (*differs)(void *ctx, const struct engine_difference *d);
};

struct engine_config {
    enum engine_backend backend;
    unsigned threshold;  /* executions until a block is translated; 0: before the first */
    size_t cache_bytes;  /* of host code */
    bool verify;         /* the interpreter does it all once more (verify.h); a difference ends the slice */
    const struct engine_observer *observer; /* NULL, or stays the caller's */
};

/* What has been compared. */
struct verify_stats {
    u64 windows, blocks, insns; /* stretches of translated code, executions of blocks, instructions */
};

struct engine;

/* Is there a backend for this host? */
bool engine_has_host(void);

/* NULL: out of memory, or there is no such backend on this host. */
struct engine *engine_new(struct cpu *c, const struct engine_config *config);
void engine_free(struct engine *e);

/* As of now: stays the engine's. */
const struct engine_stats *engine_stats(struct engine *e);

/* With verify: what was compared (else NULL), and whether a difference has been told. */
const struct verify_stats *engine_verified(const struct engine *e);
bool engine_differs(const struct engine *e);

#endif
