/*
 * run.h - what the engines share: counting, and finding decoded blocks. For interp.c and translator/.
 */
#ifndef OMBRA_CPU_RUN_H
#define OMBRA_CPU_RUN_H

#include "cpu/blocks.h"

/*
 * Takes what was done off the slice. Iterations count instead of their REP instruction: n > 0 of them count n, whether the
 * instruction is finished or goes on in the next slice, so that the count does not depend on slices.
 */
static ALWAYS_INLINE void cpu_account(struct cpu *c, s64 completed)
{
    c->budget -= completed;
    if (UNLIKELY(c->rep_done)) {
        c->budget -= (s64)c->rep_done - 1;
        c->rep_done = 0;
    }
    c->cur = NULL;
}

/*
 * STI in the middle of a slice while nothing waits: its shadow would end behind the next instruction, and nothing can come
 * before that.
 */
static inline void cpu_pass_shadow(struct cpu *c)
{
    if (c->attention == ATT_SHADOW && !c->ss_shadow && c->budget > 0) {
        c->attention = 0;
        c->no_step = false;
        c->eflags &= ~(u32)F_RF;
    }
}

/*
 * The decoded block at the current IP, which follows PREV (blocks->scratch at first). Raises what fetching raises. A block that
 * cannot be cached is blocks->scratch.
 */
struct iblock *cpu_next_block(struct cpu *c, struct iblock *prev);

/* Interprets the first N instructions of B, which is at the current IP. */
void cpu_run_insns(struct cpu *c, struct iblock *b, unsigned n);

#endif
