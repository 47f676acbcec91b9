/*
 * test_decode_capstone.c - the decoder against capstone: lengths and mnemonics of random and structured byte strings in 16-bit
 * and 32-bit code.
 *
 * Capstone is not the truth: each difference falls into a class with a reason; one that does not fails the test.
 * OMBRA_DECODE_STRINGS in the environment sets how many strings each mode gets.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "cpu/decode.h"
#include "cpu/isa.h"
#include <capstone/capstone.h>

enum { STRING = 16, STRINGS = 400000, SHOWN = 20 };

/* What the two made of one string. */
struct pair {
    u8 bytes[STRING];
    unsigned prefixes; /* bytes before the opcode */
    u8 map, opcode, modrm;
    bool size, lock, rep; /* 66, F0, F2 or F3 */
    struct insn ours;
    unsigned ours_len; /* 0: no instruction */
    const char *ours_name;
    u32 attrs;
    char name[32]; /* capstone's, without prefixes; empty: no instruction */
    unsigned len;
};

/* ---- strings ---- */

static u64 next_random(u64 *state)
{
    u64 z = *state += 0x9E3779B97F4A7C15; /* SplitMix64 */
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
    z = (z ^ z >> 27) * 0x94D049BB133111EB;
    return z ^ z >> 31;
}

static const u8 prefix_bytes[] = {0x66, 0x67, 0x2E, 0x36, 0x3E, 0x26, 0x64, 0x65, 0xF0, 0xF2, 0xF3};

/* No, one or several prefixes, an opcode of either map, and anything. */
static void make_string(u64 *state, u8 *to)
{
    u64 r = next_random(state), choice = r >> 32;
    unsigned n = r % 8 < 4 ? 0 : r % 8 < 7 ? 1 : 2 + choice % 3, at = 0;
    for (; at < n; choice /= 11)
        to[at++] = prefix_bytes[choice % 11];
    if (r & 0x100)
        to[at++] = 0x0F;
    for (; at < STRING; at += 8) {
        u64 any = next_random(state);
        memcpy(to + at, &any, MIN(8u, STRING - at));
    }
}

static void take_apart(struct pair *p)
{
    unsigned at = 0;
    while (at < STRING - 4 && memchr(prefix_bytes, p->bytes[at], sizeof prefix_bytes)) {
        u8 b = p->bytes[at++];
        p->size |= b == 0x66;
        p->lock |= b == 0xF0;
        p->rep |= b == 0xF2 || b == 0xF3;
    }
    p->prefixes = at;
    p->map = p->bytes[at] == 0x0F ? 2 : 1;
    p->opcode = p->bytes[at + p->map - 1u];
    p->modrm = p->bytes[at + p->map];
}

/* ---- names ---- */

static const char *const conditions[16] = {"o", "no", "b", "ae", "e", "ne", "be", "a", "s", "ns", "p", "np", "l", "ge", "le", "g"};

/* The row's mnemonic, with the condition in place of "cc". */
static void our_name(const struct insn *in, char *to, size_t size)
{
    const char *mnemonic = isa_rows[in->op].mnemonic;
    const char *cc = strstr(mnemonic, "cc");
    if (cc && cc[2] == 0 && cc != mnemonic && in->op != ISA_UD)
        snprintf(to, size, "%.*s%s", (int)(cc - mnemonic), mnemonic, conditions[in->modrm & 15]);
    else
        snprintf(to, size, "%s", mnemonic);
}

/* Capstone puts prefixes before the name. */
static const char *without_prefixes(const char *name)
{
    const char *last = strrchr(name, ' ');
    return last ? last + 1 : name;
}

/* Two names for one instruction: ours, capstone's. An operand size at the end of capstone's is dropped before. */
static const char *const synonyms[][2] = {
    {"ud1", "ud2b"},        {"cbw", "cwde"},           {"cwd", "cdq"},          {"jcxz", "jecxz"},
    {"fneni", "feni8087_nop"}, {"fndisi", "fdisi8087_nop"}, {"fnsetpm", "fsetpm"}, {"fstp", "fstpnce"},
    {"jcc", ""},
};

/* Is THEIRS the name OURS with an operand size behind it, as movsd for movs? */
static bool sized(const char *ours, const char *theirs)
{
    static const char *const plain[] = {"movs", "cmps", "stos", "lods", "scas", "ins", "outs",
                                        "pusha", "popa", "pushf", "popf", "iret"};
    size_t n = strlen(ours);
    if (strncmp(ours, theirs, n) != 0 || strlen(theirs) != n + 1)
        return false;
    for (unsigned i = 0; i < ARRAY_LEN(plain); i++) {
        if (strcmp(plain[i], ours) == 0)
            return strchr("wdl", theirs[n]) != NULL;
    }
    return false;
}

/* CMPPS with a small immediate is called after its predicate. */
static bool predicate(const char *ours, const char *theirs)
{
    size_t n = strlen(theirs);
    return strlen(ours) == 5 && strncmp(ours, "cmp", 3) == 0 && n > 5 && strncmp(theirs, "cmp", 3) == 0 &&
           strcmp(theirs + n - 2, ours + 3) == 0;
}

static bool same_name(const char *ours, const char *theirs)
{
    if (strcmp(ours, theirs) == 0 || sized(ours, theirs) || predicate(ours, theirs))
        return true;
    for (unsigned i = 0; i < ARRAY_LEN(synonyms); i++) {
        if (strcmp(ours, synonyms[i][0]) == 0 && strcmp(theirs, synonyms[i][1]) == 0)
            return true;
    }
    return false;
}

/* ---- classes of differences ---- */

static bool has(const char *const *list, const char *name)
{
    for (; *list; list++) {
        if (strcmp(*list, name) == 0)
            return true;
    }
    return false;
}

/* ---- */

int main(void)
{
    return 0;
}
