/*
 * trace.h - which decoded blocks are translated as one: each the likelier successor of the one before, as the
 * interpreter counted it.
 *
 * Private to translator/. For engine.c.
 */
#ifndef OMBRA_TRANSLATOR_TRACE_H
#define OMBRA_TRANSLATOR_TRACE_H

#include "cpu/blocks.h"
#include "translator/lift.h"
#include "translator/x64/emit.h"

struct trace {
    struct lift_part part[X64_PARTS];
    struct iblock *block[X64_PARTS];
    unsigned parts, insns;
    u32 back[X64_PARTS]; /* where the calls in it come back to */
    unsigned calls;
};

enum { TRACE_ONE_BLOCK = ~0u >> 1 };

/* Another part, block B at IP. There is room for it. */
void trace_add(struct trace *t, struct iblock *b, u32 ip);

/*
 * Fills the empty trace T with B, at MODE's IP, and what is expected to follow it on its page, as far as that has run HEAT
 * times too. Short loops are unrolled. TRACE_ONE_BLOCK: B alone.
 */
void trace_find(struct trace *t, struct block_cache *blocks, struct iblock *b, const struct lift_mode *mode, unsigned heat);

#endif
