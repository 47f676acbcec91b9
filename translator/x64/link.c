/*
 * link.c - edges from block to block.
 */
#include "translator/x64/emit.h"
#include <string.h>

static void take_out(struct x64_link *l)
{
    struct x64_link **at = &l->to->in;
    while (*at != l)
        at = &(*at)->next_in;
    *at = l->next_in;
}

bool x64_link_to(struct x64_link *l, struct x64_code *to, u64 epoch, u64 addend)
{
    if (epoch && !l->check)
        return false;
    if (l->to)
        take_out(l);
    l->to = to;
    l->next_in = to->in;
    to->in = l;
    l->addend = addend;
    bool saves = l->stub + 1 != l->far_jump; /* flags, which C must find if the check fails */
    if (epoch) {
        memcpy(l->epoch, &epoch, sizeof epoch);
        for (unsigned i = 0; i < ARRAY_LEN(l->check_jump); i++)
            if (l->check_jump[i])
                asm_patch(l->check_jump[i], to->entry_rw);
        asm_patch(l->far_jump, l->check);
        asm_patch(l->jump, saves ? l->stub : l->check);
    } else {
        asm_patch(l->far_jump, to->entry_rw);
        asm_patch(l->jump, saves && !to->flags_dead ? l->stub : to->entry_rw);
    }
    return true;
}

unsigned x64_unlink_all(struct x64_code *to)
{
    unsigned n = 0;
    for (struct x64_link *l = to->in; l; l = l->next_in, n++) {
        asm_patch(l->jump, l->stub);
        asm_patch(l->far_jump, l->out);
        l->to = NULL;
    }
    to->in = NULL;
    return n;
}
