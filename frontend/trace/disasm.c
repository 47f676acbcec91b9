/*
 * disasm.c - capstone behind a table of what it said before.
 */
#include "frontend/trace/disasm.h"
#include "frontend/trace/record.h"

#include <capstone/capstone.h>
#include <stdio.h>
#include <stdlib.h>

enum { KEPT = 1 << 14 };

struct kept {
    u64 ip;
    u8 bits, len, bytes[TRACE_BYTES_MAX]; /* len 0: nothing is kept here */
    char text[TRACE_TEXT_MAX];
};

struct disasm {
    csh handle[2]; /* for 16 and 32 bits */
    cs_insn *insn;
    struct kept kept[KEPT];
};

struct disasm *disasm_new(void)
{
    struct disasm *d = calloc(1, sizeof *d);
    if (!d)
        return NULL;
    for (unsigned i = 0; i < 2; i++)
        if (cs_open(CS_ARCH_X86, i ? CS_MODE_32 : CS_MODE_16, &d->handle[i]) != CS_ERR_OK)
            d->handle[i] = 0;
    d->insn = d->handle[0] ? cs_malloc(d->handle[0]) : NULL;
    if (d->insn && d->handle[1])
        return d;
    disasm_free(d);
    return NULL;
}

void disasm_free(struct disasm *d)
{
    if (!d)
        return;
    if (d->insn)
        cs_free(d->insn, 1);
    for (unsigned i = 0; i < 2; i++)
        if (d->handle[i])
            cs_close(&d->handle[i]);
    free(d);
}

static void fill(struct disasm *d, struct kept *k, u64 ip, const u8 *bytes, unsigned len, unsigned bits)
{
    const u8 *code = bytes;
    size_t left = len;
    uint64_t address = ip;
    *k = (struct kept){.ip = ip, .bits = (u8)bits, .len = (u8)len};
    memcpy(k->bytes, bytes, len);
    bool known = cs_disasm_iter(d->handle[bits != 16], &code, &left, &address, d->insn);
    if (known)
        snprintf(k->text, sizeof k->text, "%.20s%s%.58s", d->insn->mnemonic, *d->insn->op_str ? " " : "",
                 d->insn->op_str);
    else
        snprintf(k->text, sizeof k->text, "(bad)");
}

const char *disasm_text(struct disasm *d, u64 ip, const u8 *bytes, unsigned len, unsigned bits)
{
    struct kept *k = &d->kept[(ip ^ ip >> 14 ^ bits) % KEPT];
    if (k->len != len || k->ip != ip || k->bits != bits || memcmp(k->bytes, bytes, len) != 0)
        fill(d, k, ip, bytes, len, bits);
    return k->text;
}
