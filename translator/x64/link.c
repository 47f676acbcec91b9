/*
 * link.c - edges from block to block.
 */
#include "translator/x64/emit.h"

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
    l->epoch = epoch;
    l->addend = addend;
    asm_patch(l->jump, l->stub);
    if (epoch) {
        asm_patch(l->check_jump, to->entry_rw);
        asm_patch(l->far_jump, l->check);
    } else {
        asm_patch(l->far_jump, to->entry_rw);
        if (to->flags_dead || l->stub + 1 == l->far_jump) /* nothing to save */
            asm_patch(l->jump, to->entry_rw);
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
