/*
 * disasm.c - capstone for 16, 32 and 64 bits.
 */
#include "frontend/step/disasm.h"
#include "cpu/isa.h"
#include <capstone/capstone.h>
#include <stdlib.h>

enum { MODES = 3 };

struct disasm {
    csh capstone[MODES]; /* 16, 32, 64 bits */
    unsigned opened;
    cs_insn *insn;
};

struct disasm *disasm_new(void)
{
    static const cs_mode modes[MODES] = {CS_MODE_16, CS_MODE_32, CS_MODE_64};
    struct disasm *d = calloc(1, sizeof *d);
    if (!d)
        return NULL;
    while (d->opened < MODES && cs_open(CS_ARCH_X86, modes[d->opened], &d->capstone[d->opened]) == CS_ERR_OK)
        d->opened++;
    if (d->opened == MODES)
        d->insn = cs_malloc(d->capstone[0]);
    if (d->insn)
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
    for (unsigned i = 0; i < d->opened; i++)
        cs_close(&d->capstone[i]);
    free(d);
}

void disasm_set_syntax(struct disasm *d, bool att)
{
    for (unsigned i = 0; i < MODES; i++)
        cs_option(d->capstone[i], CS_OPT_SYNTAX, att ? CS_OPT_SYNTAX_ATT : CS_OPT_SYNTAX_INTEL);
}

/* Bytes that are no instruction for us. */
static void no_instruction(struct disasm_line *line, const u8 *code, unsigned n)
{
    line->len = n ? 1 : 0;
    line->valid = false;
    snprintf(line->text, sizeof line->text, n ? "(no instruction)" : "(not readable)");
}

/* "byte ptr [bx + si]" becomes "byte [bx+si]", as lines are short; no blanks at the end. */
static void shorten(char *text)
{
    char *to = text;
    for (const char *s = text; *s;) {
        if (strncmp(s, "ptr ", 4) == 0) {
            s += 4;
        } else if (s[0] == ' ' && (s[1] == '+' || s[1] == '-') && s[2] == ' ') {
            *to++ = s[1];
            s += 3;
        } else {
            *to++ = *s++;
        }
    }
    while (to > text && to[-1] == ' ')
        to--;
    *to = 0;
}

void disasm_one(struct disasm *d, const struct decode_mode *mode, const u8 *code, unsigned n, u64 ip,
                struct disasm_line *line)
{
    struct insn in;
    if (n == 0 || decode(mode, code, n, &in) != DECODE_OK || in.op == ISA_UD) {
        no_instruction(line, code, n);
        return;
    }
    const u8 *at = code;
    size_t left = n;
    line->len = in.len;
    line->valid = true;
    bool known = cs_disasm_iter(d->capstone[mode->bits / 32], &at, &left, &ip, d->insn);
    if (!known)
        snprintf(line->text, sizeof line->text, "%s", isa_rows[in.op].mnemonic);
    else
        snprintf(line->text, sizeof line->text, "%-5s %.72s%s", d->insn->mnemonic, d->insn->op_str,
                 d->insn->size == in.len ? "" : " (length?)");
    shorten(line->text);
}
