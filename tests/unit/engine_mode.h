/*
 * engine_mode.h - the modes in which every test that runs guest code must pass: by the interpreter alone, and by an
 * engine.
 *
 * Tests' machines are made for the mode in the environment's OMBRA_TEST_ENGINE, which nothing but tests reads:
 *   forced   everything is translated before it runs first
 *   tiny     that in a cache that is always full
 *   verify   forced, and the interpreter does all of it once more; a difference is shown and ends the program
 * Translated code is entered where TEST_ENGINE_SLICE counts of a slice are left; less than that is the interpreter's.
 */
#ifndef OMBRA_TESTS_ENGINE_MODE_H
#define OMBRA_TESTS_ENGINE_MODE_H

#include "hw/pc.h"
#include "translator/engine.h"
#include <stdlib.h>
#include <string.h>

enum { TEST_ENGINE_SLICE = 400, TEST_ENGINE_CACHE = 4 << 20 };

static inline void test_engine_differs(void *ctx, const struct engine_difference *d)
{
    fprintf(stderr, "translated code and the interpreter differ%s, in what began at count %llu:\n%s",
            d->tied ? " where blocks are tied" : "", (unsigned long long)d->count, d->what);
    for (unsigned i = 0; i < d->views; i++)
        for (unsigned k = 0; k < d->view[i].part[0].nbytes; k++)
            fprintf(stderr, "%s%02X", k ? " " : "\n", d->view[i].part[0].bytes[k]);
    fputc('\n', stderr);
    abort();
}

/* What MODE says; false: NULL or "", the interpreter alone. Any other word ends the program. */
static inline bool test_engine_named(const char *mode, struct engine_config *config)
{
    static const struct engine_observer observer = {.differs = test_engine_differs};
    if (!mode || !*mode)
        return false;
    bool tiny = strcmp(mode, "tiny") == 0, verify = strcmp(mode, "verify") == 0;
    if (!tiny && !verify && strcmp(mode, "forced") != 0) {
        fprintf(stderr, "'%s' is no mode of tests: forced, tiny, verify\n", mode);
        abort();
    }
    *config = (struct engine_config){.backend = ENGINE_HOST,
                                     .cache_bytes = tiny ? ENGINE_CACHE_MIN : TEST_ENGINE_CACHE,
                                     .verify = verify,
                                     .observer = verify ? &observer : NULL};
    return true;
}

static inline bool test_engine_mode(struct engine_config *config)
{
    return test_engine_named(getenv("OMBRA_TEST_ENGINE"), config);
}

static inline void test_engine_pc(struct pc_config *pc)
{
    struct engine_config e;
    if (!test_engine_mode(&e))
        return;
    pc->engine = PC_JIT;
    pc->engine_threshold = e.threshold;
    pc->engine_cache = e.cache_bytes;
    pc->engine_verify = e.verify;
    pc->engine_observer = e.observer;
}

#endif
