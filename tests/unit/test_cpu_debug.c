/*
 * test_cpu_debug.c - single step, breakpoints of all kinds, debug register rules.
 */
#include "test_cpu_rig.h"
#include "cpu/debug.h"

static void arm(struct rig *r, unsigned n, u32 addr, unsigned kind, unsigned len)
{
    r->cpu->dr[n] = addr;
    r->cpu->dr[7] |= 2u << (n * 2) | kind << (16 + n * 4) | len << (18 + n * 4);
    debug_update(r->cpu);
}

static u32 hits(const struct rig *r)
{
    return r->cpu->dr[6] & (DR6_B | DR6_BD | DR6_BS | DR6_BT);
}

static void single_step(void **state)
{
    struct rig r;
    rig_new(&r, "p3");
    rig_protected(&r, 0, "68 02 01 00 00 9D 40 40 F4"); /* PUSH 102h; POPF; INC EAX... */
    rig_run_out(&r);
    assert_in_handler(&r, VEC_DB);
    assert_int_equal(rig_frame(&r, 0), CODE + 7); /* after the one that follows POPF */
    assert_int_equal(rig_frame(&r, 2), F_ONE | F_TF);
    assert_int_equal(hits(&r), DR6_BS);
    assert_int_equal(rig_reg(&r, R_AX), 1);
    rig_free(&r);
}

/* INT n clears TF on its way: no trap before the handler's first instruction. */
static void step_over_int(void **state)
{
    struct rig r;
    rig_new(&r, "p3");
    rig_protected(&r, 0, "68 02 01 00 00 9D CD 05");
    rig_run_out(&r);
    assert_in_handler(&r, 5);
    assert_int_equal(hits(&r), 0);
    rig_free(&r);
}

/* An IRET that sets TF traps after the next instruction, one that clears it still traps after itself. */
static void step_and_iret(void **state)
{
    struct rig r;
    rig_new(&r, "p3");
    rig_protected(&r, 0, "68 02 01 00 00 9D CF");
    r.cpu->r[R_SP] = STACK0 - 12;
    rig_put(&r, STACK0 - 12, 4, CODE + 0x100);
    rig_put(&r, STACK0 - 8, 4, K_CODE);
    rig_put(&r, STACK0 - 4, 4, F_ONE);
    rig_run_out(&r);
    assert_in_handler(&r, VEC_DB);
    assert_int_equal(rig_frame(&r, 0), CODE + 0x100);
    rig_free(&r);
}

/* Stepping over MOV SS does not stop; the trap comes after the instruction behind it. */
static void step_over_mov_ss(void **state)
{
    struct rig r;
    rig_new(&r, "p3");
    rig_protected(&r, 0, "B8 10 00 00 00 68 02 01 00 00 9D 8E D0 90 90");
    rig_run_out(&r);
    assert_in_handler(&r, VEC_DB);
    assert_int_equal(rig_frame(&r, 0), CODE + 14);
    rig_free(&r);
}

static void rep_traps_each_iteration(void **state)
{
    struct rig r;
    rig_new(&r, "p3");
    rig_protected(&r, 0, "68 02 01 00 00 9D F3 AB F4");
    r.cpu->r[R_CX] = 3;
    r.cpu->r[R_DI] = 0x5000;
    rig_run_out(&r);
    assert_in_handler(&r, VEC_DB);
    assert_int_equal(rig_frame(&r, 0), CODE + 6);
    assert_int_equal(rig_reg(&r, R_CX), 2);
    rig_free(&r);
}

static void icebp(void **state)
{
    struct rig r;
    rig_new(&r, "p3");
    rig_protected(&r, 3, "F1");
    rig_run_out(&r);
    assert_in_handler(&r, VEC_DB); /* the gate's DPL of 0 does not matter */
    assert_int_equal(rig_frame(&r, 0), CODE + 1);
    assert_int_equal(hits(&r), 0);
    rig_free(&r);
}

/* A fault before the instruction; with RF in the frame IRET gets past it, once. */
static void insn_breakpoint(void **state)
{
    struct rig r;
    rig_new(&r, "p3");
    rig_protected(&r, 0, "40 40 40 EB FB"); /* INC EAX three times, and again */
    /* MOV [1DFFCh],EDX puts an image with RF into the frame; INC EBX; IRET */
    rig_hex(&r, rig_handler(VEC_DB), "89 15 FC DF 01 00 43 CF");
    r.cpu->r[R_DX] = F_ONE | F_RF;
    arm(&r, 1, CODE + 1, 0, 0);
    rig_run(&r, 1);
    assert_int_equal(rig_reg(&r, R_AX), 1);
    assert_int_equal(r.cpu->ip, CODE + 1);
    rig_run(&r, 1);
    assert_int_equal(rig_frame(&r, 0), CODE + 1);
    assert_int_equal(rig_frame(&r, 2) & F_RF, F_RF); /* that store has just been done */
    assert_int_equal(hits(&r), 2);
    rig_run(&r, 4); /* INC EBX, IRET, INC EAX, INC EAX */
    assert_int_equal(rig_reg(&r, R_BX), 1);
    assert_int_equal(rig_reg(&r, R_AX), 3);
    assert_int_equal(r.cpu->eflags & F_RF, 0);
    rig_run(&r, 2 + 3); /* JMP, INC EAX, handler again */
    assert_int_equal(rig_reg(&r, R_BX), 2);
    assert_int_equal(rig_reg(&r, R_AX), 4);
    rig_free(&r);
}

/* It is a fault in front of the instruction, not of the rest that a slice has left of it. */
static void insn_breakpoint_is_not_in_the_middle(void **state)
{
    struct rig r;
    rig_new(&r, "p3");
    rig_protected(&r, 0, "F3 A4 F4"); /* REP MOVSB */
    struct cpu *c = r.cpu;
    c->r[R_CX] = 100;
    c->r[R_SI] = 0x30000;
    c->r[R_DI] = 0x40000;
    c->eflags |= F_RF; /* it has been hit */
    arm(&r, 0, CODE, 0, 0);
    for (unsigned i = 0; i < 20 && c->halt == HALT_NONE; i++)
        rig_run(&r, 7);
    assert_int_equal(c->halt, HALT_HLT);
    assert_int_equal(c->ip, CODE + 3);
    assert_int_equal(hits(&r), 0);
    rig_free(&r);
}

static void data_breakpoint(void **state)
{
    static const struct {
        const char *code;
        unsigned kind, len;
        u32 addr;
        bool hit;
    } cases[] = {
        {"A3 00 50 00 00 90", 1, 3, 0x5000, true},  {"A3 00 50 00 00 90", 1, 0, 0x5003, true},
        {"A3 00 50 00 00 90", 1, 0, 0x5004, false}, {"A3 00 50 00 00 90", 1, 3, 0x5006, false}, /* covers 5004-5007 */
        {"A1 00 50 00 00 90", 1, 3, 0x5000, false}, {"A1 00 50 00 00 90", 3, 3, 0x5000, true},
        {"A3 FE 4F 00 00 90", 1, 1, 0x5000, true}, /* across the page */
    };
    for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
        struct rig r;
        rig_new(&r, "p3");
        rig_protected(&r, 0, cases[i].code);
        rig_hex(&r, CODE + 6, "F4");
        arm(&r, 2, cases[i].addr, cases[i].kind, cases[i].len);
        rig_run_out(&r);
        if (cases[i].hit) {
            assert_in_handler(&r, VEC_DB);
            assert_int_equal(rig_frame(&r, 0), CODE + 5);
            assert_int_equal(hits(&r), 4);
        } else {
            assert_int_equal(r.cpu->ip, CODE + 7);
            assert_int_equal(hits(&r), 0);
        }
        rig_free(&r);
    }
}

/* A hit by MOV SS waits for the next instruction. */
static void data_breakpoint_under_mov_ss(void **state)
{
    struct rig r;
    rig_new(&r, "p3");
    rig_protected(&r, 0, "8E 15 00 50 00 00 90 90");
    rig_put(&r, 0x5000, 2, K_DATA);
    arm(&r, 0, 0x5000, 3, 1);
    rig_run_out(&r);
    assert_in_handler(&r, VEC_DB);
    assert_int_equal(rig_frame(&r, 0), CODE + 7);
    rig_free(&r);
}

static void io_breakpoint(void **state)
{
    for (unsigned de = 0; de < 2; de++) {
        struct rig r;
        rig_new(&r, "p3");
        rig_protected(&r, 0, "EE 90 F4"); /* OUT DX,AL */
        r.cpu->cr4 |= de ? CR4_DE : 0;
        r.cpu->r[R_DX] = 0x3F9;
        arm(&r, 3, 0x3F8, 2, 1);
        rig_run_out(&r);
        assert_int_equal(r.outs, 1);
        if (de) {
            assert_in_handler(&r, VEC_DB);
            assert_int_equal(rig_frame(&r, 0), CODE + 1);
            assert_int_equal(hits(&r), 8);
        } else {
            assert_int_equal(r.cpu->ip, CODE + 3);
        }
        rig_free(&r);
    }
}

static void general_detect(void **state)
{
    struct rig r;
    rig_new(&r, "p3");
    rig_protected(&r, 0, "0F 21 C0"); /* MOV EAX,DR0 */
    r.cpu->dr[7] |= DR7_GD;
    rig_run_out(&r);
    assert_in_handler(&r, VEC_DB);
    assert_int_equal(rig_frame(&r, 0), CODE);
    assert_int_equal(hits(&r), DR6_BD);
    assert_int_equal(r.cpu->dr[7] & DR7_GD, 0);
    rig_free(&r);
}

static void register_rules(void **state)
{
    struct rig r;
    rig_new(&r, "p3");
    /* MOV EAX,-1; MOV DR6,EAX; MOV DR5,EAX (is DR7); MOV ECX,DR4 */
    rig_protected(&r, 0, "B8 FF DF FF FF 0F 23 F0 0F 23 E8 0F 21 E1 F4");
    rig_run_out(&r);
    assert_int_equal(r.cpu->dr[6], 0xFFFFCFFF);
    assert_int_equal(r.cpu->dr[7], 0xFFFF07FF);
    assert_int_equal(rig_reg(&r, R_CX), 0xFFFFCFFF);
    rig_free(&r);

    rig_new(&r, "p3");
    rig_protected(&r, 0, "0F 21 E0");
    r.cpu->cr4 |= CR4_DE;
    rig_run_out(&r);
    assert_in_handler(&r, VEC_UD);
    rig_free(&r);

    rig_new(&r, "p3");
    rig_protected(&r, 3, "0F 21 C0");
    rig_run_out(&r);
    assert_in_handler(&r, VEC_GP);
    rig_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(single_step),
        cmocka_unit_test(step_over_int),
        cmocka_unit_test(step_and_iret),
        cmocka_unit_test(step_over_mov_ss),
        cmocka_unit_test(rep_traps_each_iteration),
        cmocka_unit_test(icebp),
        cmocka_unit_test(insn_breakpoint),
        cmocka_unit_test(insn_breakpoint_is_not_in_the_middle),
        cmocka_unit_test(data_breakpoint),
        cmocka_unit_test(data_breakpoint_under_mov_ss),
        cmocka_unit_test(io_breakpoint),
        cmocka_unit_test(general_detect),
        cmocka_unit_test(register_rules),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
