/*
 * test_decode_capstone.c - the decoder against capstone: lengths, names and operands of random and structured byte
 * strings in 16-, 32- and 64-bit code.
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
#include "tests/unit/capstone_operands.h"
#include <capstone/capstone.h>

enum { STRING = 16, STRINGS = 400000, SHOWN = 20 };

/* What the two made of one string. */
struct pair {
    u8 bytes[STRING];
    unsigned prefixes; /* how many before the opcode, without REX */
    u8 map, opcode, modrm;
    u8 bits;
    u8 rex;                        /* the one right before the opcode, or 0 */
    bool early_rex;                /* one before another prefix */
    bool size, address, lock, rep; /* 66, 67, F0, F2 or F3 */
    struct insn ours;
    unsigned ours_len; /* 0: no instruction */
    const char *ours_name;
    char name[32]; /* capstone's, without prefixes; empty: no instruction */
    unsigned len;
    bool operands; /* alike, as far as they can be compared */
    char operand_text[160];
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

/* No, one or several prefixes, in half of the 64-bit code REX, an opcode of either map, and anything. */
static void make_string(u64 *state, unsigned bits, u8 *to)
{
    u64 r = next_random(state), choice = r >> 32;
    unsigned n = r % 8 < 4 ? 0 : r % 8 < 7 ? 1 : 2 + choice % 3, at = 0;
    for (; at < n; choice /= 11)
        to[at++] = prefix_bytes[choice % 11];
    if (bits == 64 && (r & 0x200))
        to[at++] = 0x40 | (r >> 10 & 15);
    if (r & 0x100)
        to[at++] = 0x0F;
    for (; at < STRING; at += 8) {
        u64 any = next_random(state);
        memcpy(to + at, &any, MIN(8u, STRING - at));
    }
}

static bool is_rex(const struct pair *p, u8 byte)
{
    return p->bits == 64 && (byte & 0xF0) == 0x40;
}

static void take_apart(struct pair *p)
{
    unsigned at = 0;
    while (at < STRING - 4 && (memchr(prefix_bytes, p->bytes[at], sizeof prefix_bytes) || is_rex(p, p->bytes[at]))) {
        u8 b = p->bytes[at++];
        p->early_rex |= p->rex != 0;
        p->rex = is_rex(p, b) ? b : 0;
        p->prefixes += p->rex == 0;
        p->size |= b == 0x66;
        p->address |= b == 0x67;
        p->lock |= b == 0xF0;
        p->rep |= b == 0xF2 || b == 0xF3;
    }
    p->map = p->bytes[at] == 0x0F ? 2 : 1;
    p->opcode = p->bytes[at + p->map - 1u];
    p->modrm = p->bytes[at + p->map];
}

/* ---- names ---- */

static const char *const conditions[16] = {"o", "no", "b", "ae", "e", "ne", "be", "a",
                                           "s", "ns", "p", "np", "l", "ge", "le", "g"};

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

/* Two names for one instruction: ours, capstone's. */
static const char *const synonyms[][2] = {
    {"ud1", "ud2b"}, {"fneni", "feni8087_nop"}, {"fndisi", "fdisi8087_nop"}, {"fnsetpm", "fsetpm"}, {"fstp", "fstpnce"},
};

/* Ours is first; capstone's tells the size. NULL: as ours. */
static const struct {
    const char *ours, *theirs[3]; /* 16, 32, 64 bits */
} by_size[] = {
    {"cbw", {"cbw", "cwde", "cdqe"}},      {"cwd", {"cwd", "cdq", "cqo"}},
    {"movs", {"movsw", "movsd", "movsq"}}, {"cmps", {"cmpsw", "cmpsd", "cmpsq"}},
    {"stos", {"stosw", "stosd", "stosq"}}, {"lods", {"lodsw", "lodsd", "lodsq"}},
    {"scas", {"scasw", "scasd", "scasq"}}, {"ins", {"insw", "insd", NULL}},
    {"outs", {"outsw", "outsd", NULL}},    {"pusha", {"pushaw", "pushal", NULL}},
    {"popa", {"popaw", "popal", NULL}},    {"pushf", {"pushf", "pushfd", "pushfq"}},
    {"popf", {"popf", "popfd", "popfq"}},  {"iret", {"iret", "iretd", "iretq"}},
    {"retf", {"retf", "retf", "retfq"}},   {"sysret", {"sysret", "sysret", "sysretq"}},
    {"movd", {"movd", "movd", "movq"}},    {"fxsave", {"fxsave", "fxsave", "fxsave64"}},
    {"jcxz", {"jcxz", "jecxz", "jrcxz"}},  {"fxrstor", {"fxrstor", "fxrstor", "fxrstor64"}},
};

/* Do the two differ in the operand size that the name tells? */
static bool other_size(const char *ours, const char *theirs)
{
    for (unsigned i = 0; i < ARRAY_LEN(by_size); i++) {
        for (unsigned size = 0; size < 3; size++) {
            const char *name = by_size[i].theirs[size];
            if (strcmp(by_size[i].ours, ours) == 0 && name && strcmp(name, theirs) == 0)
                return true;
        }
    }
    return false;
}

static bool sized(const struct insn *in, const char *ours, const char *theirs)
{
    unsigned size = in->op == ISA_JCXZ_Jb ? in->adsize : in->opsize;
    for (unsigned i = 0; i < ARRAY_LEN(by_size); i++) {
        if (strcmp(by_size[i].ours, ours) == 0)
            return by_size[i].theirs[size] && strcmp(by_size[i].theirs[size], theirs) == 0;
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

/* MOV with 64 bits in the instruction. */
static bool movabs(const struct insn *in, const char *theirs)
{
    bool offset = in->op == ISA_MOV_ALOb || in->op == ISA_MOV_AXOv || in->op == ISA_MOV_ObAL || in->op == ISA_MOV_OvAX;
    bool wide = offset ? in->adsize == 2 : in->op == ISA_MOV_ZvIv && in->opsize == 2;
    return wide && strcmp(theirs, "movabs") == 0;
}

static bool same_name(const struct insn *in, const char *ours, const char *theirs)
{
    if (strcmp(ours, theirs) == 0 || sized(in, ours, theirs) || predicate(ours, theirs) || movabs(in, theirs))
        return true;
    for (unsigned i = 0; i < ARRAY_LEN(synonyms); i++) {
        if (strcmp(ours, synonyms[i][0]) == 0 && strcmp(theirs, synonyms[i][1]) == 0)
            return true;
    }
    return false;
}

/* ---- classes of differences ---- */

static bool unknown_to_us(const struct pair *p)
{
    return p->ours_len == 0 && p->len != 0;
}

static bool bad_lock(const struct pair *p)
{
    return unknown_to_us(p) && p->lock;
}

static bool later_map(const struct pair *p)
{
    if (p->map == 2)
        return unknown_to_us(p) && (p->opcode == 0x38 || p->opcode == 0x3A || p->opcode == 0x0F);
    return unknown_to_us(p) && (p->opcode == 0xC4 || p->opcode == 0xC5 || p->opcode == 0x62 || p->opcode == 0x8F);
}

static bool later_instruction(const struct pair *p)
{
    static const char *const names[] = {
        "addsubpd", "addsubps", "bndcl",      "bndcn",     "bndcu",     "bndldx",    "bndmk",     "bndmov",
        "bndstx",   "clac",     "clflushopt", "clgi",      "clwb",      "encls",     "enclu",     "extrq",
        "femms",    "fisttp",   "getsec",     "haddpd",    "haddps",    "hsubpd",    "hsubps",    "insertq",
        "invlpga",  "lddqu",    "lzcnt",      "monitor",   "montmul",   "movddup",   "movntsd",   "movntss",
        "movshdup", "movsldup", "mwait",      "pcommit",   "popcnt",    "prefetch",  "prefetchw", "prefetchwt1",
        "rdrand",   "rdseed",   "rdtscp",     "skinit",    "stac",      "stgi",      "swapgs",    "syscall",
        "sysret",   "tzcnt",    "vmcall",     "vmclear",   "vmfunc",    "vmlaunch",  "vmload",    "vmmcall",
        "vmptrld",  "vmptrst",  "vmread",     "vmresume",  "vmrun",     "vmsave",    "vmwrite",   "vmxoff",
        "vmxon",    "xabort",   "xbegin",     "xcryptcbc", "xcryptcfb", "xcryptctr", "xcryptecb", "xcryptofb",
        "xend",     "xgetbv",   "xrstor",     "xrstors",   "xsave",     "xsavec",    "xsaveopt",  "xsaves",
        "xsetbv",   "xsha1",    "xsha256",    "xstore",    "xstorerng", "xtest",     NULL};
    if (!unknown_to_us(p) && !(p->rep && p->len == p->ours_len))
        return false;
    for (const char *const *n = names; *n; n++) {
        size_t length = strlen(*n);
        const char *rest = p->name + length;
        if (strncmp(*n, p->name, length) == 0 && (*rest == 0 || strcmp(rest, "64") == 0))
            return true;
    }
    return false;
}

/* Rows that a mandatory prefix may choose: SSE, MMX, 0F 18-1F, PAUSE. */
static bool prefix_chooses(const struct pair *p)
{
    return p->map == 2 || p->opcode == 0x90;
}

static bool ignored_prefix(const struct pair *p)
{
    return unknown_to_us(p) && p->map == 2 && (p->size || p->rep);
}

static bool several_prefixes(const struct pair *p)
{
    return prefix_chooses(p) && p->prefixes > 1 && (p->size || p->rep);
}

static bool hint_nop(const struct pair *p)
{
    bool endbr = strncmp(p->name, "endbr", 5) == 0;
    return (p->len == 0 || endbr) && p->map == 2 && p->opcode >= 0x18 && p->opcode <= 0x1F;
}

static bool undefined_opcode(const struct pair *p)
{
    return p->map == 2 && (p->opcode == 0xFF || p->opcode == 0xB9);
}

static bool segment_move(const struct pair *p)
{
    return p->len == 0 && p->map == 1 && (p->opcode == 0x8C || p->opcode == 0x8E) && (p->modrm >> 3 & 7) >= 6;
}

static bool prefix_in_16(const struct pair *p)
{
    return p->bits == 16 && prefix_chooses(p) && (p->size || p->rep);
}

/* MOV AL, moffs and the like, CALL, JMP, PUSH, POP. */
static bool size_and_rep(const struct pair *p)
{
    static const u8 opcodes[] = {0x68, 0x8F, 0xFF, 0xA0, 0xA1, 0xA2, 0xA3, 0xE8, 0xE9};
    bool opcode = memchr(opcodes, p->opcode, sizeof opcodes) || (p->opcode & 0xF0) == 0x50;
    return p->map == 1 && opcode && p->size && p->rep;
}

static bool several_sizes(const struct pair *p)
{
    return p->len && p->len == p->ours_len && p->prefixes > 1 &&
           (other_size(p->ours_name, p->name) || strcmp(p->name, "movabs") == 0);
}

static bool narrow_movsxd(const struct pair *p)
{
    return p->ours_len && p->ours.op == ISA_MOVSXD_GvEd && p->ours.opsize < 2;
}

static bool widen_in_16(const struct pair *p)
{
    return p->bits == 16 && p->map == 1 && (p->opcode == 0x98 || p->opcode == 0x99);
}

static bool near_branch(const struct pair *p)
{
    bool opcode = p->map == 1 ? (p->opcode & 0xFE) == 0xE8 : (p->opcode & 0xF0) == 0x80;
    return p->bits == 64 && p->size && opcode && p->len + 2 == p->ours_len;
}

static bool size_and_rex(const struct pair *p)
{
    static const u8 opcodes[] = {0x6D, 0x6F, 0xC2, 0xE3, 0xE8, 0xE9, 0xA0, 0xA1, 0xA2, 0xA3};
    bool sized = p->map == 1 && memchr(opcodes, p->opcode, sizeof opcodes);
    return p->bits == 64 && (p->rex & 8) && ((p->address && prefix_chooses(p)) || ((p->address || p->size) && sized));
}

static bool rep_and_rex(const struct pair *p)
{
    return p->rep && p->rex && ((p->map == 2 && p->opcode == 0x7E) || (p->map == 1 && p->opcode == 0x90));
}

static bool several_rex(const struct pair *p)
{
    return p->early_rex && (p->len == p->ours_len || p->len == 0);
}

static bool segment_rex(const struct pair *p)
{
    return p->len == 0 && p->map == 1 && (p->opcode == 0x8C || p->opcode == 0x8E) && (p->rex & 4);
}

static bool fence(const struct pair *p)
{
    return p->len == 0 && p->map == 2 && p->opcode == 0xAE && p->modrm >= 0xE8;
}

static const struct {
    bool (*fits)(const struct pair *p);
    const char *reason;
} classes[] = {
    {bad_lock, "LOCK where it is not allowed is #UD; capstone checks few"},
    {later_map, "maps and encodings that later processors have: 0F 38, 0F 3A, 3DNow!, VEX, EVEX, XOP"},
    {later_instruction, "instructions of later or other processors"},
    {several_prefixes, "of several prefixes capstone lets only the one before the opcode choose the instruction"},
    {ignored_prefix, "66, F2 or F3 where it makes an instruction that does not exist; capstone ignores it"},
    {prefix_in_16, "in 16-bit code capstone lets no prefix choose the instruction"},
    {size_and_rep, "66 beside F2 or F3: capstone loses the operand size of jumps, PUSH, POP and MOV with an offset"},
    {segment_move, "MOV with a segment register that does not exist: decoded, then #UD"},
    {hint_nop, "0F 18 to 0F 1F are NOPs with an operand, also those that capstone does not know"},
    {undefined_opcode, "UD0 and UD1 have a ModRM byte"},
    {size_and_rex, "66 or 67 beside REX.W: capstone takes 67 for 66, and both for more than they say"},
    {several_sizes, "of several prefixes capstone lets only the one before the opcode change the name by size"},
    {narrow_movsxd, "MOVSXD without REX.W: capstone does not know it and names 64 bits"},
    {widen_in_16, "in 16-bit code capstone calls CBW and CWD always CWDE and CDQ"},
    {near_branch,
     "66 before a near branch in 64-bit mode: ignored as by Intel's processors; capstone cuts the target as AMD's do"},
    {rep_and_rex, "F3 and REX before MOVQ and PAUSE: capstone forgets F3"},
    {several_rex, "of several REX prefixes only the one right before the opcode counts (silicon)"},
    {segment_rex, "REX.R before MOV with a segment register does not matter (silicon)"},
    {fence, "fences: the low bits of ModRM do not matter"},
};

/* ---- the comparison ---- */

struct counts {
    u64 strings, same, in_class[ARRAY_LEN(classes)], unclassified;
};

static bool agree(const struct pair *p)
{
    return p->ours_len == p->len && (p->len == 0 || (same_name(&p->ours, p->ours_name, p->name) && p->operands));
}

static void judge(const struct pair *p, struct counts *n)
{
    n->strings++;
    if (agree(p)) {
        n->same++;
        return;
    }
    for (unsigned i = 0; i < ARRAY_LEN(classes); i++) {
        if (classes[i].fits(p)) {
            n->in_class[i]++;
            return;
        }
    }
    if (n->unclassified++ >= SHOWN)
        return;
    print_message("ours %s (%u bytes), capstone %s %s (%u bytes):", p->ours_len ? p->ours_name : "none", p->ours_len,
                  p->len ? p->name : "none", p->operand_text, p->len);
    for (unsigned i = 0; i < MAX(MAX(p->len, p->ours_len), 1u); i++)
        print_message(" %02X", p->bytes[i]);
    print_message("\n");
}

static void compare_one(const struct decode_mode *mode, csh capstone, cs_insn *insn, u64 *random, struct counts *n)
{
    struct pair p = {.bits = mode->bits};
    char name[32];
    make_string(random, mode->bits, p.bytes);
    take_apart(&p);
    if (decode(mode, p.bytes, INSN_MAX_LEN, &p.ours) == DECODE_OK && p.ours.op != ISA_UD) {
        p.ours_len = p.ours.len;
        our_name(&p.ours, name, sizeof name);
        p.ours_name = name;
    }
    const u8 *at = p.bytes;
    size_t left = INSN_MAX_LEN;
    u64 address = 0x1000;
    if (cs_disasm_iter(capstone, &at, &left, &address, insn)) {
        p.len = insn->size;
        snprintf(p.name, sizeof p.name, "%s", without_prefixes(insn->mnemonic));
        p.operands = same_operands(capstone, insn, &p.ours, mode->bits);
        snprintf(p.operand_text, sizeof p.operand_text, "%s", insn->op_str);
    }
    judge(&p, n);
}

static void compare(unsigned bits, cs_mode capstone_mode)
{
    const char *wish = getenv("OMBRA_DECODE_STRINGS");
    u64 strings = wish ? strtoull(wish, NULL, 0) : STRINGS, random = bits;
    struct decoder *decoder = decoder_new(~(u32)0);
    struct decode_mode mode = {.decoder = decoder, .bits = (u8)bits};
    csh capstone;
    assert_non_null(decoder);
    assert_int_equal(cs_open(CS_ARCH_X86, capstone_mode, &capstone), CS_ERR_OK);
    cs_option(capstone, CS_OPT_DETAIL, CS_OPT_ON);
    cs_insn *insn = cs_malloc(capstone);
    struct counts n = {0};
    for (u64 i = 0; i < strings; i++)
        compare_one(&mode, capstone, insn, &random, &n);
    cs_free(insn, 1);
    cs_close(&capstone);
    decoder_free(decoder);
    print_message("%u bits: %llu strings, %llu alike\n", bits, (unsigned long long)n.strings,
                  (unsigned long long)n.same);
    for (unsigned i = 0; i < ARRAY_LEN(classes); i++)
        print_message("%10llu %s\n", (unsigned long long)n.in_class[i], classes[i].reason);
    assert_int_equal(n.unclassified, 0);
}

static void code16(void **state)
{
    compare(16, CS_MODE_16);
}

static void code32(void **state)
{
    compare(32, CS_MODE_32);
}

static void code64(void **state)
{
    compare(64, CS_MODE_64);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(code16),
        cmocka_unit_test(code32),
        cmocka_unit_test(code64),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
