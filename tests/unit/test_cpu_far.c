/*
 * test_cpu_far.c - segment loads, far jumps, calls and returns, gates, privilege changes.
 */
#include "test_cpu_rig.h"

static void call_gate(struct rig *r, u16 sel, u32 off, u8 type, u8 params)
{
    rig_put(r, GDT + SEL_FREE, 8, rig_gate(sel, off, (u8)(SEG_P | AR_DPL3 | type), params));
}

/* From CPL 3 through a 32-bit gate with two parameters, and back with RETF 8. */
static void gate_with_parameters(void **state)
{
    struct rig r;
    rig_new(&r, "p3");
    /* PUSH 11111111h; PUSH 22222222h; CALL FAR 43h:0; INT 80h */
    rig_protected(&r, 3, "68 11 11 11 11 68 22 22 22 22 9A 00 00 00 00 43 00 CD 80");
    call_gate(&r, K_CODE, CODE + 0x200, DESC_CALL32, 2);
    rig_hex(&r, CODE + 0x200, "CA 08 00");
    rig_run(&r, 3);
    assert_int_equal(r.cpu->cpl, 0);
    assert_int_equal(rig_frame(&r, 0), CODE + 17);
    assert_int_equal(rig_frame(&r, 1), U_CODE);
    assert_int_equal(rig_frame(&r, 2), 0x22222222);
    assert_int_equal(rig_frame(&r, 3), 0x11111111);
    assert_int_equal(rig_frame(&r, 4), STACK3 - 8);
    assert_int_equal(rig_frame(&r, 5), U_DATA);
    assert_int_equal(rig_reg(&r, R_SP), STACK0 - 24);
    rig_run(&r, 1);
    assert_int_equal(r.cpu->cpl, 3);
    assert_int_equal(r.cpu->ip, CODE + 17);
    assert_int_equal(r.cpu->seg[SEG_CS].sel, U_CODE);
    assert_int_equal(r.cpu->seg[SEG_SS].sel, U_DATA);
    assert_int_equal(rig_reg(&r, R_SP), STACK3);
    rig_run_out(&r);
    assert_in_handler(&r, 0x20);
    rig_free(&r);
}

static void gate_16_bits(void **state)
{
    struct rig r;
    rig_new(&r, "p3");
    rig_protected(&r, 3, "68 11 11 22 22 9A 00 00 00 00 43 00");
    rig_gdt(&r, SEL_FREE + 8, CODE, 0xFFFF, SEG_P | SEG_S | SEG_CODE);
    call_gate(&r, SEL_FREE + 8, 0x77770200, DESC_CALL16, 2);
    rig_hex(&r, CODE + 0x200, "F4");
    rig_run_out(&r);
    assert_int_equal(r.cpu->ip, 0x201);
    assert_int_equal(rig_reg(&r, R_SP), STACK0 - 12);
    assert_int_equal(rig_get16(&r, STACK0 - 12), (CODE + 12) & 0xFFFF);
    assert_int_equal(rig_get16(&r, STACK0 - 10), U_CODE);
    assert_int_equal(rig_get16(&r, STACK0 - 8), 0x1111);
    assert_int_equal(rig_get16(&r, STACK0 - 6), 0x2222);
    assert_int_equal(rig_get16(&r, STACK0 - 4), (STACK3 - 4) & 0xFFFF);
    assert_int_equal(rig_get16(&r, STACK0 - 2), U_DATA);
    rig_free(&r);
}

/* JMP may not raise privilege through a gate. */
static void jump_through_gate(void **state)
{
    struct rig r;
    rig_new(&r, "p3");
    rig_protected(&r, 3, "EA 00 00 00 00 43 00");
    call_gate(&r, K_CODE, CODE + 0x200, DESC_CALL32, 0);
    rig_run_out(&r);
    assert_in_handler(&r, VEC_GP);
    assert_int_equal(rig_frame(&r, 0), K_CODE);
    rig_free(&r);
}

static void conforming_code(void **state)
{
    struct rig r;
    rig_new(&r, "p3");
    rig_protected(&r, 3, "EA 00 02 01 00 40 00"); /* selector with RPL 0 */
    rig_gdt(&r, SEL_FREE, 0, 0xFFFFF, AR_CODE32 | SEG_ED_C);
    rig_hex(&r, CODE + 0x200, "EB FE");
    rig_run(&r, 2);
    assert_int_equal(r.cpu->ip, CODE + 0x200);
    assert_int_equal(r.cpu->cpl, 3);
    assert_int_equal(r.cpu->seg[SEG_CS].sel, SEL_FREE | 3);
    rig_free(&r);
}

static void jump_checks(void **state)
{
    static const struct {
        unsigned cpl;
        const char *code;
        u16 attr;
        u8 vector;
        u32 error;
    } cases[] = {
        {0, "EA 00 02 01 00 00 00", 0, VEC_GP, 0},           /* null */
        {0, "EA 00 02 01 00 F8 FF", 0, VEC_GP, 0xFFF8},      /* outside the table */
        {0, "EA 00 02 01 00 10 00", 0, VEC_GP, K_DATA},      /* data */
        {3, "EA 00 02 01 00 08 00", 0, VEC_GP, K_CODE},      /* inner, not conforming */
        {0, "EA 00 02 01 00 1B 00", 0, VEC_GP, U_CODE & ~3}, /* outer */
        {0, "EA 00 02 01 00 0B 00", 0, VEC_GP, K_CODE},      /* RPL > CPL */
        {0, "EA 00 02 01 00 40 00", AR_CODE32 & ~SEG_P, VEC_NP, SEL_FREE},
        {0, "EA 00 02 01 00 40 00", AR_CODE32 & ~SEG_G, VEC_GP, 0}, /* beyond the limit of FFFFh */
        {0, "EA 00 02 01 00 40 00", SEG_P | DESC_INT32, VEC_GP, SEL_FREE},
        {3, "9A 00 02 01 00 40 00", SEG_P | DESC_CALL32, VEC_GP, SEL_FREE}, /* gate DPL 0 */
        {0, "9A 00 02 01 00 40 00", DESC_CALL32, VEC_NP, SEL_FREE},
        {0, "9A 00 02 01 00 44 00", 0, VEC_GP, SEL_FREE | 4}, /* no LDT */
    };
    for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
        struct rig r;
        rig_new(&r, "p3");
        rig_protected(&r, cases[i].cpl, cases[i].code);
        rig_gdt(&r, SEL_FREE, 0, 0xFFFF, cases[i].attr);
        rig_run_out(&r);
        assert_in_handler(&r, cases[i].vector);
        assert_int_equal(rig_frame(&r, 0), cases[i].error);
        assert_int_equal(rig_frame(&r, 1), CODE);
        rig_free(&r);
    }
}

/* RETF to CPL 3: DS with a ring-0 segment becomes null, ES with a ring-3 one stays. */
static void return_outer_nulls_segments(void **state)
{
    struct rig r;
    rig_new(&r, "p3");
    rig_protected(&r, 0, "6A 23 68 00 F0 01 00 6A 1B 68 00 03 01 00 CB");
    rig_seg(&r, SEG_ES, U_DATA);
    rig_hex(&r, CODE + 0x300, "A1 00 00 01 00");
    rig_run(&r, 5);
    assert_int_equal(r.cpu->cpl, 3);
    assert_int_equal(rig_reg(&r, R_SP), STACK3);
    assert_true(r.cpu->seg[SEG_DS].null);
    assert_int_equal(r.cpu->seg[SEG_DS].sel, 0);
    assert_int_equal(r.cpu->seg[SEG_ES].sel, U_DATA);
    rig_run(&r, 3); /* a load through the null DS */
    assert_in_handler(&r, VEC_GP);
    assert_int_equal(rig_frame(&r, 0), 0);
    rig_free(&r);
}

static void return_checks(void **state)
{
    static const struct {
        u16 cs, ss;
        u8 vector;
        u32 error;
    } cases[] = {
        {0, U_DATA, VEC_GP, 0},
        {K_DATA | 3, U_DATA, VEC_GP, K_DATA},
        {K_CODE | 3, U_DATA, VEC_GP, K_CODE}, /* DPL 0, RPL 3 */
        {U_CODE, 0, VEC_GP, 0},
        {U_CODE, K_DATA, VEC_GP, K_DATA},
        {U_CODE, SEL_FREE | 3, VEC_SS, SEL_FREE},
    };
    for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
        struct rig r;
        rig_new(&r, "p3");
        rig_protected(&r, 0, "CB");
        rig_gdt(&r, SEL_FREE, 0, 0xFFFFF, (AR_DATA32 | AR_DPL3) & ~SEG_P);
        r.cpu->r[R_SP] = STACK0 - 16;
        rig_put(&r, STACK0 - 16, 4, CODE);
        rig_put(&r, STACK0 - 12, 4, cases[i].cs);
        rig_put(&r, STACK0 - 8, 4, STACK3);
        rig_put(&r, STACK0 - 4, 4, cases[i].ss);
        rig_run_out(&r);
        assert_in_handler(&r, cases[i].vector);
        assert_int_equal(rig_frame(&r, 0), cases[i].error);
        assert_int_equal(rig_reg(&r, R_SP), STACK0 - 32);
        rig_free(&r);
    }
}

/* IRET to a 16-bit stack loads SP only: the high half of ESP is still the kernel's. */
static void iret_keeps_high_esp(void **state)
{
    struct rig r;
    rig_new(&r, "p3");
    rig_protected(&r, 0, "6A 43 68 78 56 34 12 6A 02 6A 1B 68 00 03 01 00 CF");
    rig_gdt(&r, SEL_FREE, 0, 0xFFFF, SEG_P | SEG_S | SEG_RW | AR_DPL3);
    rig_run(&r, 6);
    assert_int_equal(r.cpu->cpl, 3);
    assert_int_equal(rig_reg(&r, R_SP), (STACK0 & 0xFFFF0000) | 0x5678);
    rig_free(&r);
}

/* At CPL 3 an IRET changes neither IOPL nor, with IOPL 0, IF. */
static void iret_flags(void **state)
{
    struct rig r;
    rig_new(&r, "p3");
    rig_protected(&r, 3, "68 D7 7F 27 00 6A 1B 68 00 03 01 00 CF"); /* every flag but VM */
    rig_hex(&r, CODE + 0x300, "90");
    rig_run(&r, 4);
    assert_int_equal(r.cpu->ip, CODE + 0x300);
    assert_int_equal(cpu_eflags(r.cpu), F_ARITH | F_ONE | F_TF | F_DF | F_NT | F_RF | F_AC | F_ID);
    rig_free(&r);
}

static void data_segment_checks(void **state)
{
    static const struct {
        unsigned cpl;
        u16 sel, attr;
        u8 seg;
        u8 vector;
        u32 error;
    } cases[] = {
        {3, K_DATA, 0, SEG_DS, VEC_GP, K_DATA},
        {0, U_DATA, 0, SEG_SS, VEC_GP, U_DATA & ~3},
        {0, 0, 0, SEG_SS, VEC_GP, 0},
        {0, SEL_FREE, AR_DATA32 & ~SEG_P, SEG_SS, VEC_SS, SEL_FREE},
        {0, SEL_FREE, AR_DATA32 & ~SEG_P, SEG_DS, VEC_NP, SEL_FREE},
        {0, SEL_FREE, AR_DATA32 & ~SEG_RW, SEG_SS, VEC_GP, SEL_FREE},
        {0, SEL_FREE, AR_CODE32 & ~SEG_RW, SEG_ES, VEC_GP, SEL_FREE}, /* execute only */
        {0, SEL_FREE, SEG_P | DESC_LDT, SEG_ES, VEC_GP, SEL_FREE},
        {0, 0x3FC, 0, SEG_ES, VEC_GP, 0x3FC},
    };
    for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
        struct rig r;
        char code[64];
        rig_new(&r, "p3");
        snprintf(code, sizeof code, "B8 %02X %02X 00 00 8E %02X", cases[i].sel & 0xFF, cases[i].sel >> 8,
                 0xC0 | cases[i].seg << 3);
        rig_protected(&r, cases[i].cpl, code);
        rig_gdt(&r, SEL_FREE, 0, 0xFFFFF, cases[i].attr);
        rig_run_out(&r);
        assert_in_handler(&r, cases[i].vector);
        assert_int_equal(rig_frame(&r, 0), cases[i].error);
        assert_int_equal(rig_frame(&r, 1), CODE + 5);
        rig_free(&r);
    }
}

static void accessed_bit(void **state)
{
    struct rig r;
    rig_new(&r, "p3");
    rig_protected(&r, 0, "B8 40 00 00 00 8E D8");
    rig_gdt(&r, SEL_FREE, 0, 0xFFFFF, AR_DATA32);
    rig_run(&r, 2);
    assert_int_equal(r.ram[GDT + SEL_FREE + 5], (u8)(AR_DATA32 | SEG_A));
    assert_int_equal(r.cpu->seg[SEG_DS].attr, AR_DATA32 | SEG_A);
    rig_free(&r);
}

/* Offsets above the limit only; the top depends on B. */
static void expand_down(void **state)
{
    static const struct {
        u16 attr;
        u32 off;
        bool ok;
    } cases[] = {
        {SEG_P | SEG_S | SEG_RW | SEG_ED_C, 0x0FFC, false}, {SEG_P | SEG_S | SEG_RW | SEG_ED_C, 0x0FFE, false},
        {SEG_P | SEG_S | SEG_RW | SEG_ED_C, 0x1000, true},  {SEG_P | SEG_S | SEG_RW | SEG_ED_C, 0xFFFC, true},
        {SEG_P | SEG_S | SEG_RW | SEG_ED_C, 0xFFFE, false}, {SEG_P | SEG_S | SEG_RW | SEG_ED_C | SEG_DB, 0xFFFE, true},
    };
    for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
        struct segment s = {.limit = 0xFFF, .attr = cases[i].attr};
        assert_int_equal(seg_allows(&s, cases[i].off, 4, true), cases[i].ok);
    }
}

/* Limits that were loaded in protected mode outlive it, and loads in real mode change the base only. */
static void unreal_mode(void **state)
{
    struct rig r;
    rig_new(&r, "p3");
    /* MOV AX,20h; MOV DS,AX; MOV EAX,[dword 12345h] */
    rig_real(&r, "B8 20 00 8E D8 67 66 A1 45 23 01 00");
    struct segment *ds = &r.cpu->seg[SEG_DS];
    ds->limit = 0xFFFFFFFF;
    ds->attr |= SEG_G;
    cpu_update_segment(r.cpu, ds);
    rig_put(&r, 0x12345 + 0x200, 4, 0xCAFEBABE);
    rig_run(&r, 3);
    assert_int_equal(rig_reg(&r, R_AX), 0xCAFEBABE);
    rig_free(&r);
}

static void real_limit(void **state)
{
    struct rig r;
    rig_new(&r, "p3");
    rig_real(&r, "67 66 A1 00 00 01 00");
    rig_put(&r, VEC_GP * 4, 4, 0x9000);
    rig_hex(&r, 0x9000, "F4");
    rig_run_out(&r);
    assert_int_equal(r.cpu->ip, 0x9001);
    assert_int_equal(rig_get16(&r, 0x6FFA), 0x8000);
    rig_free(&r);
}

static void real_far_call(void **state)
{
    struct rig r;
    rig_new(&r, "p3");
    rig_real(&r, "9A 10 00 00 09 F4"); /* CALL 0900:0010 */
    rig_hex(&r, 0x9010, "0E 58 CB");   /* PUSH CS; POP AX; RETF */
    rig_run_out(&r);
    assert_int_equal(rig_reg(&r, R_AX), 0x900);
    assert_int_equal(r.cpu->ip, 0x8006);
    assert_int_equal(r.cpu->seg[SEG_CS].base, 0);
    rig_free(&r);
}

static void load_far_pointers(void **state)
{
    struct rig r;
    rig_new(&r, "p3");
    rig_protected(&r, 0, "0F B2 25 00 50 00 00 C4 0D 06 50 00 00"); /* LSS ESP,[5000h]; LES ECX,[5006h] */
    rig_put(&r, 0x5000, 4, 0x1C000);
    rig_put(&r, 0x5004, 2, K_DATA);
    rig_put(&r, 0x5006, 4, 0x12345678);
    rig_put(&r, 0x500A, 2, 0x3FB); /* an empty descriptor */
    rig_run_out(&r);
    assert_in_handler(&r, VEC_GP);
    assert_int_equal(rig_reg(&r, R_SP), 0x1C000 - 16);
    assert_int_equal(rig_frame(&r, 0), 0x3F8);
    assert_int_equal(rig_reg(&r, R_CX), 0); /* nothing changed */
    rig_free(&r);
}

static void look_at_selectors(void **state)
{
    struct rig r;
    rig_new(&r, "p3");
    /* LAR ECX,AX; LSL EDX,AX; VERR AX; PUSHF; VERW AX; PUSHF; HLT */
    rig_protected(&r, 0, "B8 40 00 00 00 0F 02 C8 0F 03 D0 0F 00 E0 9C 0F 00 E8 9C F4");
    rig_gdt(&r, SEL_FREE, 0, 0x12, AR_DATA32 & ~SEG_RW);
    rig_run_out(&r);
    assert_int_equal(rig_reg(&r, R_CX), 0x00C09000);
    assert_int_equal(rig_reg(&r, R_DX), 0x12FFF);
    assert_int_equal(rig_frame(&r, 1) & F_ZF, F_ZF);
    assert_int_equal(rig_frame(&r, 0) & F_ZF, 0);
    rig_free(&r);
}

static void arpl(void **state)
{
    struct rig r;
    rig_new(&r, "p3");
    rig_protected(&r, 3, "B8 78 56 34 12 B9 03 00 00 00 63 C8 9C"); /* ARPL AX,CX; PUSHF */
    rig_run(&r, 4);
    assert_int_equal(rig_reg(&r, R_AX), 0x1234567B);
    assert_int_equal(rig_frame(&r, 0) & F_ZF, F_ZF);
    rig_free(&r);
}

static void protected_only(void **state)
{
    static const char *const codes[] = {"63 C8",    "0F 02 C8", "0F 03 C8", "0F 00 E0",
                                        "0F 00 C0", "0F 00 D0", "0F 00 D8"};
    for (unsigned i = 0; i < ARRAY_LEN(codes); i++) {
        struct rig r;
        rig_new(&r, "p3");
        rig_real(&r, codes[i]);
        rig_put(&r, VEC_UD * 4, 4, 0x9000);
        rig_hex(&r, 0x9000, "F4");
        rig_run_out(&r);
        assert_int_equal(r.cpu->ip, 0x9001);
        rig_free(&r);
    }
}

static void bound(void **state)
{
    for (u32 index = 4; index <= 7; index++) {
        struct rig r;
        rig_new(&r, "p3");
        rig_protected(&r, 0, "62 05 00 50 00 00 F4");
        r.cpu->r[R_AX] = index;
        rig_put(&r, 0x5000, 4, 5);
        rig_put(&r, 0x5004, 4, 6);
        rig_run_out(&r);
        if (index == 5 || index == 6)
            assert_int_equal(r.cpu->ip, CODE + 7);
        else
            assert_in_handler(&r, VEC_BR);
        rig_free(&r);
    }
}

static void lldt_and_ltr(void **state)
{
    struct rig r;
    rig_new(&r, "p3");
    /* MOV EAX,38h; LLDT AX; MOV EAX,30h; LTR AX; MOV EAX,0Ch; MOV DS,AX; MOV EAX,30h; LTR AX (busy now) */
    rig_protected(&r, 0,
                  "B8 38 00 00 00 0F 00 D0 B8 30 00 00 00 0F 00 D8 B8 0C 00 00 00 8E D8 B8 30 00 00 00 0F 00 D8");
    rig_put(&r, LDT + 8, 8, rig_descriptor(0x5000, 0xFFF, SEG_P | SEG_S | SEG_RW));
    rig_run_out(&r);
    assert_in_handler(&r, VEC_GP);
    assert_int_equal(rig_frame(&r, 0), SEL_TSS_B);
    assert_int_equal(r.cpu->ldtr.base, LDT);
    assert_int_equal(r.cpu->tr.sel, SEL_TSS_B);
    assert_int_equal(r.ram[GDT + SEL_TSS_B + 5], SEG_P | DESC_TSS32_BUSY);
    assert_int_equal(r.cpu->seg[SEG_DS].base, 0x5000);
    rig_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gate_with_parameters), cmocka_unit_test(gate_16_bits),
        cmocka_unit_test(jump_through_gate),    cmocka_unit_test(conforming_code),
        cmocka_unit_test(jump_checks),          cmocka_unit_test(return_outer_nulls_segments),
        cmocka_unit_test(return_checks),        cmocka_unit_test(iret_keeps_high_esp),
        cmocka_unit_test(iret_flags),           cmocka_unit_test(data_segment_checks),
        cmocka_unit_test(accessed_bit),         cmocka_unit_test(expand_down),
        cmocka_unit_test(unreal_mode),          cmocka_unit_test(real_limit),
        cmocka_unit_test(real_far_call),        cmocka_unit_test(load_far_pointers),
        cmocka_unit_test(look_at_selectors),    cmocka_unit_test(arpl),
        cmocka_unit_test(protected_only),       cmocka_unit_test(bound),
        cmocka_unit_test(lldt_and_ltr),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
