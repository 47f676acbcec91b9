/*
 * disasm.h - instructions as text: the words are capstone's, the length is our decoder's. Where the two disagree the
 * text says so.
 */
#ifndef OMBRA_FRONTEND_STEP_DISASM_H
#define OMBRA_FRONTEND_STEP_DISASM_H

#include "cpu/decode.h"

enum { DISASM_TEXT = 120 };

struct disasm; /* private */

struct disasm_line {
    u8 len; /* 1 for what is no instruction; 0 if there is no byte */
    bool valid;
    char text[DISASM_TEXT];
};

/* NULL without memory. */
struct disasm *disasm_new(void);
void disasm_free(struct disasm *d);

void disasm_set_syntax(struct disasm *d, bool att);

/* The instruction of the N bytes at CODE that stands at IP (an offset in its segment). */
void disasm_one(struct disasm *d, const struct decode_mode *mode, const u8 *code, unsigned n, u64 ip,
                struct disasm_line *line);

#endif
