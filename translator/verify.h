/*
 * verify.h - the lockstep verifier: what translated code has done is done once more by the interpreter, and everything compared.
 *
 * Translated code runs in windows: from an entry or the return of C code to the next exit or call of C code. In a window it
 * only computes, loads, and stores into plain memory; each page is copied before its first store. At the end of a window state
 * and pages go back to what they were, the interpreter executes the same number of instructions, and both results must be equal.
 * Whatever could be seen from outside (registers of devices, ports, page walks that set bits, faults, watched memory) is between
 * windows and done once, by the instruction's handler. After a window the interpreter's results stay.
 *
 * Not compared: which TLB entries there are, what the handlers do (they are the interpreter's own), blocks that were not
 * translated, and time. Translated code that never ends a window or destroys the emulator's own memory is not survived.
 *
 * Private to translator/.
 */
#ifndef OMBRA_TRANSLATOR_VERIFY_H
#define OMBRA_TRANSLATOR_VERIFY_H

#include "translator/engine.h"
#include "translator/fill.h"

struct verify;

/* One block on the way through a window. */
struct verify_step {
    struct iblock *block;
    u32 ip;
    unsigned count; /* instructions of it that were executed, from its start unless it is the first */
};

/* A difference. Strings are valid during the call. */
struct verify_difference {
    const char *what;               /* one line each, ended by newlines: what was expected, what came */
    u64 count;                      /* the processor's instruction count where the window began */
    bool tied;                      /* the blocks one by one are right: it takes the way from one to the other */
    const struct verify_step *step; /* where the interpreter went */
    unsigned steps;
};

/* From now on stores of C are told to the verifier: C's machine has it until verify_free(). DIFFERS is called once at most. */
struct verify *verify_new(struct cpu *c, void (*differs)(void *ctx, const struct verify_difference *d), void *ctx);
void verify_free(struct verify *v);

/*
 * Before translated code runs: between two instructions, or (cpu->cur) behind the handler of one in a block's middle. Part of
 * the slice is held back until the window is closed.
 */
void verify_open(struct verify *v);
bool verify_is_open(const struct verify *v);

/* Before the first window of a way into translated code, so much of the slice is enough for a single block. */
void verify_limit(struct verify *v, unsigned enough);

/* False: the cache of decoded blocks is so full that the interpreter might throw away what runs. To be asked before. */
bool verify_has_room(const struct verify *v);

/*
 * Translated code has come to the processor's state as it is now: between two instructions, or before cpu->cur. True if the
 * interpreter has come to the same. Else the machine is between two instructions and the block must be left at once; either the
 * difference has been told, or the same code will run again in shorter windows.
 */
bool verify_close(struct verify *v);
bool verify_close_without_flags(struct verify *v); /* the arithmetic flags will be made anew before anybody sees them */

/*
 * For backends that raise exceptions themselves. While a window is open they come to this setjmp() buffer, which has to stay
 * valid; then verify_raised() closes it, and the handler of the instruction raises the exception for the guest. It returns if
 * that is not so.
 */
jmp_buf *verify_catch(struct verify *v);
void verify_raised(struct verify *v);

/* Inside a window: an access at LIN that the probe refused. True if it may be probed again, without anything having happened. */
bool verify_fill(struct verify *v, u32 lin, unsigned size, bool write, const struct fill_group *g);

/* A difference has been told. */
bool verify_failed(const struct verify *v);

const struct verify_stats *verify_stats(const struct verify *v);

#endif
