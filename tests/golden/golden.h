/*
 * golden.h - golden host code: how many host instructions the translator makes of guest instructions and loops, against
 * what was accepted before (host.txt).
 *
 * golden.c compares and accepts; insns.c makes a case of each form of each row of isa.def that is lifted, loops.c of each loop in
 * loops.S; rig.c runs guest code and looks on; host.c counts and lists host code. For x86-64 hosts.
 */
#ifndef OMBRA_TESTS_GOLDEN_GOLDEN_H
#define OMBRA_TESTS_GOLDEN_GOLDEN_H

#include "cpu/decode.h"
#include "frontend/step/disasm.h"
#include "translator/engine.h"

/*
 * Numbers of host instructions; of loops all but ALL for 100 guest instructions: then they can be compared where loops are
 * unrolled. The hot path is all blocks from the start to the first jump that is always taken: behind it are stubs and calls of C.
 */
struct figures {
    unsigned round; /* of loops: the cheapest way from the first block's start back to it; 0: none */
    unsigned hot;
    unsigned all;
    unsigned calls; /* of C, in the hot path: each costs more than can be seen here */
};

struct golden_case {
    char name[48]; /* without spaces */
    bool loop;
    struct figures n;
    char *text;    /* one line: the instruction, or what the loop is */
    char *listing; /* lines of guest and host code; of instructions NULL but where it is wanted, and not in the file */
};

/* Who reads code of all kinds. */
struct reader {
    struct disasm *disasm;
    struct decoder *decoder;
};

struct golden_set {
    const struct reader *reader;
    const char *wanted; /* name of an instruction's case that is to have a listing, or NULL */
    struct golden_case *list;
    unsigned count, space;
};

/* A case at the end of the set, to be filled in. */
struct golden_case *golden_add(struct golden_set *s);

void insn_cases(struct golden_set *s);
void loop_cases(struct golden_set *s);

/* ---- rig.c ---- */

/* Host code of a trace. Links are as they are when it is looked at. */
struct piece {
    u32 ip;
    const u8 *at;
    size_t size;
    unsigned insns; /* of the guest */
    bool lifted;    /* nothing of its first instruction calls a handler */
    unsigned op;    /* of that one, enum isa_op */
    char *guest;    /* a line for each instruction */
};

enum { PIECES = 16 };

struct made {
    struct piece piece[PIECES]; /* the last of each address */
    unsigned count;
};

enum { GOLDEN_CODE = 0x10000, GOLDEN_CODE16 = 0x8000 };

/* Guest code; BITS 32: in flat protected mode, 16: in real mode with all segments 0. */
struct guest {
    const u8 *code;
    size_t size;
    unsigned bits;
};

/* Runs it until HLT; blocks are translated when they have run THRESHOLD times. LOOK gets what was made, before it is gone. */
void golden_run(const struct reader *r, const struct guest *g, unsigned threshold, void (*look)(void *ctx, const struct made *m),
                void *ctx);

/* ---- host.c ---- */

struct figures host_figures(const struct reader *r, const struct piece *piece);
struct figures host_loop_figures(const struct reader *r, const struct piece *pieces, unsigned count);

/* Lines of guest and host code, addresses by label. To be freed. */
char *host_listing(const struct reader *r, const struct piece *pieces, unsigned count);

#endif
