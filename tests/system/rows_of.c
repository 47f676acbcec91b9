/*
 * rows_of.c - which row of the instruction table an instruction is of, for judge.py --coverage: lines "BITS HEX" come
 * in, a row's name goes out for each. With any argument: the names of all rows that the model p4 has.
 */
#include "cpu/decode.h"
#include "cpu/isa.h"
#include <stdio.h>
#include <stdlib.h>

static unsigned parse(const char *hex, u8 *out)
{
    unsigned n = 0, byte;
    while (n < INSN_MAX_LEN && sscanf(hex + n * 2, "%2x", &byte) == 1)
        out[n++] = (u8)byte;
    return n;
}

static void name_each(const struct decoder *d)
{
    char line[128], hex[100];
    unsigned bits;
    while (fgets(line, sizeof line, stdin)) {
        u8 code[INSN_MAX_LEN + 1] = {0};
        struct insn in = {0};
        struct decode_mode mode = {.decoder = d};
        if (sscanf(line, "%u %99s", &bits, hex) != 2)
            continue;
        parse(hex, code);
        mode.bits = (u8)bits;
        puts(decode(&mode, code, INSN_MAX_LEN, &in) == DECODE_OK ? isa_rows[in.op].id : "-");
    }
}

int main(int argc, char **argv)
{
    u32 features = cpu_model_find("p4")->features;
    if (argc > 1) {
        for (unsigned op = 1; op < ISA_COUNT; op++) {
            if (!(isa_rows[op].feature & ~features))
                puts(isa_rows[op].id);
        }
        return 0;
    }
    struct decoder *d = decoder_new(features);
    if (!d)
        return 2;
    name_each(d);
    decoder_free(d);
    return 0;
}
