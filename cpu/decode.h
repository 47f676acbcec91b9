/*
 * decode.h - the decoder: bytes to struct insn (insn.h), by the rows of isa.def.
 *
 * Interpreter, translator, stepper and tests call it. SDM vol. 2, ch. 2. What it makes of 64-bit code is for reading
 * only: the handler of every such instruction raises #UD, because no model has 64-bit mode yet.
 */
#ifndef OMBRA_CPU_DECODE_H
#define OMBRA_CPU_DECODE_H

#include "cpu/insn.h"

struct decoder; /* private: the rows that one model has, by opcode */

/* The decoder of a model with FEATURES (enum cpu_feature); NULL without memory. */
struct decoder *decoder_new(u32 features);
void decoder_free(struct decoder *d);

/* How to decode: fixed within a block. */
struct decode_mode {
    const struct decoder *decoder;
    u8 bits; /* CS.D: 16 or 32; in 64-bit mode 64, where a model without FEAT_LM has no instruction */
};

enum decode_result {
    DECODE_OK,
    DECODE_MORE,     /* ran out of bytes: needs more than AVAIL */
    DECODE_TOO_LONG, /* more than 15 bytes: #GP(0) */
};

/*
 * Decodes the bytes at P, of which AVAIL are valid (15 are always enough), and picks the handler. An encoding that does
 * not exist in this mode or on this model decodes to ISA_UD with its length as far as it was understood. LOCK where it
 * is not allowed too.
 */
enum decode_result decode(const struct decode_mode *mode, const u8 *p, unsigned avail, struct insn *in);

#endif
