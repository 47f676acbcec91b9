/*
 * insn_text.c - a table of what was disassembled last.
 */
#include "frontend/trace/insn_text.h"
#include "frontend/step/disasm.h"
#include "frontend/trace/record.h"

#include <stdlib.h>

enum { KEPT = 1 << 14 };

struct kept {
    u64 ip;
    u8 bits, len, bytes[TRACE_BYTES_MAX]; /* len 0: nothing is kept here */
    struct disasm_line line;
};

struct insn_text {
    struct disasm *disasm;
    struct decoder *decoder;
    struct kept kept[KEPT];
};

struct insn_text *insn_text_new(void)
{
    struct insn_text *t = calloc(1, sizeof *t);
    if (!t)
        return NULL;
    t->disasm = disasm_new();
    t->decoder = decoder_new(~(u32)0);
    if (t->disasm && t->decoder)
        return t;
    insn_text_free(t);
    return NULL;
}

void insn_text_free(struct insn_text *t)
{
    if (!t)
        return;
    disasm_free(t->disasm);
    decoder_free(t->decoder);
    free(t);
}

const char *insn_text_get(struct insn_text *t, u64 ip, const u8 *bytes, unsigned len, unsigned bits)
{
    struct kept *k = &t->kept[(ip ^ ip >> 14 ^ bits) % KEPT];
    if (k->len != len || k->ip != ip || k->bits != bits || memcmp(k->bytes, bytes, len) != 0) {
        const struct decode_mode mode = {.decoder = t->decoder, .bits = (u8)bits};
        *k = (struct kept){.ip = ip, .bits = (u8)bits, .len = (u8)len};
        memcpy(k->bytes, bytes, len);
        disasm_one(t->disasm, &mode, bytes, len, ip, &k->line);
    }
    return k->line.text;
}
