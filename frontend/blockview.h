/*
 * blockview.h - what the translator makes, as text: guest code, intermediate representation and host code of a block side by
 * side; and how a translation differs from the interpreter (--verify). It looks on as an engine's observer.
 */
#ifndef OMBRA_FRONTEND_BLOCKVIEW_H
#define OMBRA_FRONTEND_BLOCKVIEW_H

#include "translator/engine.h"

struct blockview {
    struct engine_observer observer; /* to be handed to the machine; the view must stay where it is */
    struct disasm *disasm;
    struct decoder *decoder; /* that knows all instructions, of hosts too */
    FILE *dump, *differences;
};

/* Each translation is written to DUMP (NULL: none are), a difference to DIFFERENCES. 0 or -ENOMEM. */
int blockview_open(struct blockview *v, FILE *dump, FILE *differences);

/* DUMP and DIFFERENCES stay open. */
void blockview_close(struct blockview *v);

/* One block: a table of three columns, and the host code that is not of a single instruction before and behind. */
void blockview_print(struct blockview *v, const struct engine_view *b, FILE *out);

#endif
