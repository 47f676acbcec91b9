/*
 * sse.h - the guest's XMM registers in the host's: thunks that load and save them. Private to translator/x64/.
 *
 * While cpu->xmm_live, XMM0-7 and MXCSR are the guest's, from block to block. C code never sees that: whoever calls it
 * saves them before. All addresses as written.
 */
#ifndef OMBRA_TRANSLATOR_X64_SSE_H
#define OMBRA_TRANSLATOR_X64_SSE_H

#include "translator/x64/asm.h"

enum { MXCSR_HOST = 0x1F80 }; /* while C code runs */

/* Called, not jumped to. They change flags, IN also RAX. */
struct sse_thunks {
    const u8 *save, *load;
    const u8 *in; /* load, if the processor's state allows: EAX is 0 then, else 1 */
};

void sse_write_thunks(struct asm_out *o, struct sse_thunks *t);

/* Calls THUNK if register REG is not 0; saves what is live. */
void sse_write_call_if(struct asm_out *o, unsigned reg, const u8 *thunk);
void sse_write_save_if_live(struct asm_out *o, const struct sse_thunks *t);

#endif
