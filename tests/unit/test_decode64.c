/*
 * test_decode64.c - the decoder in 64-bit mode: operands by REX, sizes by row, what exists only there and what does
 * not.
 *
 * SDM vol. 2, 2.2.1. That lengths and names are right for any bytes is for test_decode_capstone.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "cpu/decode.h"
#include "cpu/dispatch.h"
#include "cpu/isa.h"

enum { ALL = -1 }; /* features */

static struct insn decode_text(u32 features, unsigned bits, const char *hex)
{
    struct decoder *d = decoder_new(features);
    assert_non_null(d);
    struct decode_mode mode = {.decoder = d, .bits = (u8)bits};
    struct insn in;
    u8 code[INSN_MAX_LEN];
    unsigned n = 0, byte;
    for (int used; sscanf(hex, "%2x%n", &byte, &used) == 1; hex += used)
        code[n++] = (u8)byte;
    assert_int_equal(decode(&mode, code, n, &in), DECODE_OK);
    assert_true(in.len == n || in.op == ISA_UD);
    decoder_free(d);
    return in;
}

static const char *address_reg(unsigned n)
{
    static const char *const names[] = {"ax", "cx",  "dx",  "bx",  "sp",  "bp",  "si",  "di", "r8",
                                        "r9", "r10", "r11", "r12", "r13", "r14", "r15", "-",  "rip"};
    assert_true(n < ARRAY_LEN(names));
    return names[n];
}

/* Row, sizes of operand and address, and what the row has of: register, register or memory as E operand, number. */
static void describe(const struct insn *in, char *to, size_t size)
{
    static const char seg[] = "ecsdfg";
    int n = snprintf(to, size, "%s %u/%u %u", isa_rows[in->op].id, 16u << in->opsize, 16u << in->adsize, in->reg);
    if (in->mem)
        n += snprintf(to + n, size - (size_t)n, " %c:%s+%s*%u%+d", seg[in->seg], address_reg(in->base),
                      address_reg(in->index), 1u << in->scale, in->disp);
    else
        n += snprintf(to + n, size - (size_t)n, " %u", in->rm);
    snprintf(to + n, size - (size_t)n, " %llx", (unsigned long long)in->imm);
}

struct line {
    const char *code, *want;
};

static void check(const struct line *lines, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char got[128];
        struct insn in = decode_text((u32)ALL, 64, lines[i].code);
        describe(&in, got, sizeof got);
        if (strcmp(got, lines[i].want) != 0)
            print_message("%s:\n", lines[i].code);
        assert_string_equal(got, lines[i].want);
    }
}

/* Byte registers are offsets into cpu->r: 8 times the number, AH to BH 1, 9, 17, 25. */
static void registers(void **state)
{
    static const struct line lines[] = {
        {"89D8", "MOV_EvGv 32/64 3 0 0"},
        {"4889D8", "MOV_EvGv 64/64 3 0 0"},
        {"4C89D8", "MOV_EvGv 64/64 11 0 0"},
        {"4989D8", "MOV_EvGv 64/64 3 8 0"},
        {"4589FF", "MOV_EvGv 32/64 15 15 0"},
        {"664189D8", "MOV_EvGv 16/64 3 8 0"},
        {"664889D8", "MOV_EvGv 64/64 3 0 0"},
        {"88E0", "MOV_EbGb 32/64 1 0 0"},    /* mov al, ah */
        {"4088E0", "MOV_EbGb 32/64 32 0 0"}, /* mov al, spl */
        {"4588F9", "MOV_EbGb 32/64 120 72 0"},
        {"B701", "MOV_ZbIb 32/64 25 0 1"},   /* mov bh */
        {"40B701", "MOV_ZbIb 32/64 56 0 1"}, /* mov dil */
        {"41B701", "MOV_ZbIb 32/64 120 0 1"},
        {"400F94C6", "SETcc_Eb 32/64 0 48 0"},
        {"490FC8", "BSWAP_Zv 64/64 8 0 0"},
        {"4190", "XCHG_ZvAX 32/64 8 0 0"},
        {"F34190", "XCHG_ZvAX 32/64 8 0 0"},
        {"4890", "NOP 64/64 0 0 0"},
        {"F390", "PAUSE 32/64 0 0 0"},
        {"440F20C0", "MOV_RdCd 64/64 8 0 0"}, /* mov rax, cr8 */
        {"410F22DF", "MOV_CdRd 64/64 3 15 0"},
        {"418ED8", "MOV_SwEw 32/64 3 8 0"},
        {"448CD8", "MOV_EvSw 32/64 3 0 0"}, /* REX.R: still DS */
        {"450F6FCA", "MOVQ_PqQq 32/64 1 2 0"},
        {"66450F6FCA", "MOVDQA_VoWo 16/64 9 10 0"},
        {"41D9C1", "FLD_STi 32/64 0 1 1c1"},
        {"66480F6EC0", "MOVD_VoEd 64/64 0 0 0"},
        {"F2490F2AC9", "CVTSI2SD_VqEd 64/64 1 9 0"},
        {"4063C1", "MOVSXD_GvEd 32/64 0 1 0"},
        {"4C63C9", "MOVSXD_GvEd 64/64 9 1 0"},
    };
    check(lines, ARRAY_LEN(lines));
}

static void memory(void **state)
{
    static const struct line lines[] = {
        {"8B4510", "MOV_GvEv 32/64 0 s:bp+-*1+16 0"},          {"418B4510", "MOV_GvEv 32/64 0 d:r13+-*1+16 0"},
        {"8B05F0FFFFFF", "MOV_GvEv 32/64 0 d:rip+-*1-16 0"},   {"418B05F0FFFFFF", "MOV_GvEv 32/64 0 d:rip+-*1-16 0"},
        {"678B05F0FFFFFF", "MOV_GvEv 32/32 0 d:rip+-*1-16 0"}, {"8B0425F0FFFFFF", "MOV_GvEv 32/64 0 d:-+-*1-16 0"},
        {"418B0425F0FFFFFF", "MOV_GvEv 32/64 0 d:-+-*1-16 0"}, {"8B0424", "MOV_GvEv 32/64 0 s:sp+-*1+0 0"},
        {"418B0424", "MOV_GvEv 32/64 0 d:r12+-*1+0 0"},        {"428B0424", "MOV_GvEv 32/64 0 s:sp+r12*1+0 0"},
        {"438B44FD80", "MOV_GvEv 32/64 0 d:r13+r15*8-128 0"},  {"678B04C8", "MOV_GvEv 32/32 0 d:ax+cx*8+0 0"},
        {"2E8B00", "MOV_GvEv 32/64 0 d:ax+-*1+0 0"}, /* CS: no override */
        {"3E8B4500", "MOV_GvEv 32/64 0 s:bp+-*1+0 0"},         {"648B00", "MOV_GvEv 32/64 0 f:ax+-*1+0 0"},
        {"64368B00", "MOV_GvEv 32/64 0 f:ax+-*1+0 0"},         {"F0480FC70F", "CMPXCHG16B_Mo 64/64 1 d:di+-*1+0 0"},
        {"0FC70F", "CMPXCHG8B_Mq 32/64 1 d:di+-*1+0 0"},
    };
    check(lines, ARRAY_LEN(lines));
}

static void sizes_and_numbers(void **state)
{
    static const struct line lines[] = {
        {"50", "PUSH_Zv 64/64 0 0 0"},
        {"6650", "PUSH_Zv 16/64 0 0 0"},
        {"4150", "PUSH_Zv 64/64 8 0 0"},
        {"68FFFFFFFF", "PUSH_Iz 64/64 0 0 ffffffffffffffff"},
        {"6668FEFF", "PUSH_Iz 16/64 0 0 fffffffffffffffe"},
        {"9C", "PUSHF 64/64 0 0 0"},
        {"0FA0", "PUSH_FS 64/64 0 0 0"},
        {"C8100001", "ENTER_IwIb 64/64 0 0 10010"},
        {"E8FCFFFFFF", "CALL_Jz 64/64 0 0 fffffffffffffffc"},
        {"66E8FCFFFFFF", "CALL_Jz 64/64 0 0 fffffffffffffffc"},
        {"EBFE", "JMP_Jb 64/64 0 0 fffffffffffffffe"},
        {"C3", "RET 64/64 0 0 0"},
        {"FFE0", "JMP_Ev 64/64 4 0 0"},
        {"CF", "IRET 32/64 0 0 0"},
        {"48CF", "IRET 64/64 0 0 0"},
        {"4899", "CWD 64/64 0 0 0"},
        {"67E300", "JCXZ_Jb 64/32 0 0 0"},
        {"B878563412", "MOV_ZvIv 32/64 0 0 12345678"},
        {"49BFEFCDAB9078563412", "MOV_ZvIv 64/64 15 0 1234567890abcdef"},
        {"48C7C0FFFFFFFF", "MOV_EvIz 64/64 0 0 ffffffffffffffff"},
        {"A1EFCDAB9078563412", "MOV_AXOv 32/64 0 0 1234567890abcdef"},
        {"67A178563482", "MOV_AXOv 32/32 0 0 82345678"},
        {"48ED", "IN_AXDX 32/64 0 0 0"}, /* no port has 64 bits */
        {"0F0110", "LGDT_Ms 64/64 2 d:ax+-*1+0 0"},
        {"0F01F8", "SWAPGS 32/64 7 0 0"},
        {"0F05", "SYSCALL 32/64 0 0 0"},
        {"480F07", "SYSRET 64/64 0 0 0"},
        {"F348A5", "MOVSV 64/64 0 0 0"},
    };
    check(lines, ARRAY_LEN(lines));
}

/* REX counts only right before the opcode, and the last of several. */
static void rex_position(void **state)
{
    static const struct line lines[] = {
        {"4889C3", "MOV_EvGv 64/64 0 3 0"},
        {"486689C3", "MOV_EvGv 16/64 0 3 0"},
        {"484189C3", "MOV_EvGv 32/64 0 11 0"},
        {"48F390", "PAUSE 32/64 0 0 0"},
        {"F3480F7EC1", "MOVQ_VoWq 64/64 0 1 0"},
        {"48F30F7EC1", "MOVQ_VoWq 32/64 0 1 0"},
        {"4048B80100000000000000", "MOV_ZvIv 64/64 0 0 1"},
        {"4840B801000000", "MOV_ZvIv 32/64 0 0 1"},
    };
    check(lines, ARRAY_LEN(lines));
}

static void missing(void **state)
{
    static const char *const codes[] = {"06", "07", "0E", "16", "17", "1E", "1F", "27", "2F", "37", "3F", "60",
                                        "61", "62", "82", "9A", "C4", "C5", "CE", "D4", "D5", "D6", "EA", "F04889D8"};
    for (unsigned i = 0; i < ARRAY_LEN(codes); i++)
        assert_int_equal(decode_text((u32)ALL, 64, codes[i]).op, ISA_UD);
}

/* What 64-bit mode adds is not there in 32-bit code, and nothing at all in 64-bit code without FEAT_LM. */
static void elsewhere(void **state)
{
    assert_int_equal(decode_text((u32)ALL, 32, "0F01F8").op, ISA_UD); /* SWAPGS */
    assert_int_equal(decode_text((u32)ALL, 32, "0F05").op, ISA_UD);   /* SYSCALL */
    assert_int_equal(decode_text((u32)ALL, 32, "63C1").op, ISA_ARPL_EwGw);
    assert_int_equal(decode_text((u32)ALL & ~(u32)FEAT_LM, 64, "90").op, ISA_UD);
}

/* No handler has forms for 64-bit mode: whoever executes such code meets #UD. */
static void not_executed(void **state)
{
    static const char *const codes[] = {"4889D8", "90", "B878563412", "0F05", "488B00"};
    struct insn ud = {.op = ISA_UD};
    for (unsigned i = 0; i < ARRAY_LEN(codes); i++)
        assert_ptr_equal(decode_text((u32)ALL, 64, codes[i]).fn, dispatch(&ud));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(registers),    cmocka_unit_test(memory),  cmocka_unit_test(sizes_and_numbers),
        cmocka_unit_test(rex_position), cmocka_unit_test(missing), cmocka_unit_test(elsewhere),
        cmocka_unit_test(not_executed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
