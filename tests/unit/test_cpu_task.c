/*
 * test_cpu_task.c - hardware task switches.
 */
#include "test_cpu_rig.h"

enum { TASK_CODE = CODE + 0x400, TASK_STACK = 0x1A000 };

/* Fills TSS B as a flat task at CPL 0 that is about to run CODE_TEXT. */
static void make_task(struct rig *r, const char *code)
{
    static const u8 segs[] = {0x48, 0x50, 0x54, 0x58, 0x5C}; /* ES SS DS FS GS */
    memset(r->ram + TSS_B, 0, 0x68);
    rig_put(r, TSS_B + 0x04, 4, TASK_STACK);
    rig_put(r, TSS_B + 0x08, 2, K_DATA);
    rig_put(r, TSS_B + 0x1C, 4, PAGE_DIR);
    rig_put(r, TSS_B + 0x20, 4, TASK_CODE);
    rig_put(r, TSS_B + 0x24, 4, F_ONE | F_CF);
    for (unsigned i = 0; i < 8; i++)
        rig_put(r, TSS_B + 0x28 + i * 4, 4, 0x11111111u * (i + 1));
    rig_put(r, TSS_B + 0x38, 4, TASK_STACK);
    for (unsigned i = 0; i < ARRAY_LEN(segs); i++)
        rig_put(r, TSS_B + segs[i], 2, K_DATA);
    rig_put(r, TSS_B + 0x4C, 2, K_CODE);
    rig_put(r, TSS_B + 0x60, 2, SEL_LDT);
    rig_hex(r, TASK_CODE, code);
}

static u8 rights(const struct rig *r, u16 sel)
{
    return r->ram[GDT + sel + 5];
}

static void jump_to_task(void **state)
{
    struct rig r;
    rig_new(&r, "p3");
    rig_protected(&r, 0, "B8 44 33 22 11 EA 00 00 00 00 30 00");
    make_task(&r, "F4");
    r.cpu->dr[7] |= 0x3; /* L0 G0 */
    rig_run(&r, 2);
    struct cpu *c = r.cpu;
    assert_int_equal(c->ip, TASK_CODE);
    assert_int_equal(rig_reg(&r, R_AX), 0x11111111);
    assert_int_equal(rig_reg(&r, R_DI), 0x88888888);
    assert_int_equal(rig_reg(&r, R_SP), TASK_STACK);
    assert_int_equal(c->tr.sel, SEL_TSS_B);
    assert_int_equal(c->ldtr.base, LDT);
    assert_true(c->cr0 & CR0_TS);
    assert_int_equal(cpu_eflags(c), F_ONE | F_CF);
    assert_int_equal(c->dr[7] & 3, 2);
    assert_int_equal(rights(&r, SEL_TSS_A), SEG_P | DESC_TSS32);
    assert_int_equal(rights(&r, SEL_TSS_B), SEG_P | DESC_TSS32_BUSY);
    assert_int_equal(rig_get32(&r, TSS_A + 0x28), 0x11223344); /* EAX */
    assert_int_equal(rig_get32(&r, TSS_A + 0x20), CODE + 12);
    assert_int_equal(rig_get32(&r, TSS_A + 0x38), STACK0);
    assert_int_equal(rig_get16(&r, TSS_A + 0x4C), K_CODE);
    rig_free(&r);
}

static void call_and_return(void **state)
{
    struct rig r;
    rig_new(&r, "p3");
    rig_protected(&r, 0, "9A 00 00 00 00 30 00 F4");
    make_task(&r, "40 CF 40 F4"); /* INC EAX; IRET; and what runs when it is called again */
    rig_run(&r, 1);
    assert_int_equal(r.cpu->ip, TASK_CODE);
    assert_true(r.cpu->eflags & F_NT);
    assert_int_equal(rig_get16(&r, TSS_B), SEL_TSS_A);
    assert_int_equal(rights(&r, SEL_TSS_A), SEG_P | DESC_TSS32_BUSY);
    rig_run_out(&r);
    assert_int_equal(r.cpu->halt, HALT_HLT);
    assert_int_equal(r.cpu->ip, CODE + 8);
    assert_int_equal(r.cpu->tr.sel, SEL_TSS_A);
    assert_int_equal(r.cpu->eflags & F_NT, 0);
    assert_int_equal(rights(&r, SEL_TSS_B), SEG_P | DESC_TSS32);
    assert_int_equal(rig_get32(&r, TSS_B + 0x28), 0x11111112);
    assert_int_equal(rig_get32(&r, TSS_B + 0x20), TASK_CODE + 2);
    assert_int_equal(rig_get32(&r, TSS_B + 0x24) & F_NT, 0);
    rig_free(&r);
}

/* An exception with an error code through a task gate: the code lies on the new task's stack, the fault's EIP in the
 * old TSS. */
static void task_gate(void **state)
{
    struct rig r;
    rig_new(&r, "p3");
    rig_protected(&r, 3, "90 F4"); /* HLT at CPL 3 */
    make_task(&r, "F4");
    rig_idt(&r, VEC_GP, SEL_TSS_B, 0, SEG_P | DESC_TASK_GATE);
    rig_run_out(&r);
    assert_int_equal(r.cpu->ip, TASK_CODE + 1);
    assert_int_equal(rig_reg(&r, R_SP), TASK_STACK - 4);
    assert_int_equal(rig_frame(&r, 0), 0);
    assert_int_equal(rig_get32(&r, TSS_A + 0x20), CODE + 1);
    assert_int_equal(rig_get32(&r, TSS_A + 0x24) & F_RF, F_RF);
    assert_int_equal(rig_get16(&r, TSS_A + 0x50), U_DATA);
    assert_int_equal(r.cpu->cpl, 0);
    rig_free(&r);
}

static void switch_brings_page_directory(void **state)
{
    struct rig r;
    rig_new(&r, "p3");
    rig_protected(&r, 0, "EA 00 00 00 00 30 00");
    make_task(&r, "A1 00 50 09 00 F4");
    rig_paging(&r);
    memcpy(r.ram + 0x6000, r.ram + PAGE_TAB, 4096);
    rig_put(&r, 0x7000, 4, 0x6000 | 7);
    rig_put(&r, 0x6000 + 0x95 * 4, 4, 0x96000 | 7);
    rig_put(&r, TSS_B + 0x1C, 4, 0x7000);
    rig_put(&r, 0x96000, 4, 0x600DF00D);
    rig_run_out(&r);
    assert_int_equal(r.cpu->cr3, 0x7000);
    assert_int_equal(rig_reg(&r, R_AX), 0x600DF00D);
    rig_free(&r);
}

/* A 16-bit TSS and back. */
static void task_16_bits(void **state)
{
    struct rig r;
    rig_new(&r, "p3");
    rig_protected(&r, 0, "9A 00 00 00 00 30 00 F4");
    rig_gdt(&r, SEL_TSS_B, TSS_B, 0x2B, SEG_P | DESC_TSS16);
    rig_gdt(&r, SEL_FREE, CODE, 0xFFFF, SEG_P | SEG_S | SEG_CODE | SEG_RW);
    rig_gdt(&r, SEL_FREE + 8, 0, 0xFFFF, SEG_P | SEG_S | SEG_RW);
    memset(r.ram + TSS_B, 0, 0x2C);
    rig_put(&r, TSS_B + 0x0E, 2, 0x400);
    rig_put(&r, TSS_B + 0x10, 2, F_ONE);
    rig_put(&r, TSS_B + 0x12, 2, 0x1234); /* AX */
    rig_put(&r, TSS_B + 0x1A, 2, 0x9000); /* SP */
    rig_put(&r, TSS_B + 0x24, 2, SEL_FREE);
    rig_put(&r, TSS_B + 0x26, 2, SEL_FREE + 8);
    rig_hex(&r, CODE + 0x400, "40 CF");
    rig_run(&r, 1);
    assert_int_equal(r.cpu->ip, 0x400);
    assert_int_equal(r.cpu->code_bits, 16);
    assert_int_equal((u16)r.cpu->r[R_AX], 0x1234);
    assert_true(r.cpu->seg[SEG_DS].null && r.cpu->seg[SEG_FS].null);
    rig_run(&r, 5);
    assert_int_equal(r.cpu->ip, CODE + 8);
    assert_int_equal(rig_get16(&r, TSS_B + 0x12), 0x1235);
    assert_int_equal(rig_reg(&r, R_SP), STACK0);
    rig_free(&r);
}

/* Bad segments are the new task's faults: its EIP is on its stack. */
static void faults_in_new_task(void **state)
{
    static const struct {
        u8 field;
        u16 sel, attr;
        u8 vector;
        u32 error;
    } cases[] = {
        {0x60, K_DATA, 0, VEC_TS, K_DATA},     {0x60, 0x3FC, 0, VEC_TS, 0x3FC},
        {0x54, K_DATA | 3, 0, VEC_TS, K_DATA}, {0x54, SEL_FREE, AR_DATA32 & ~SEG_P, VEC_NP, SEL_FREE},
        {0x5C, 0x3F8, 0, VEC_TS, 0x3F8},
    };
    for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
        struct rig r;
        rig_new(&r, "p3");
        rig_protected(&r, 0, "EA 00 00 00 00 30 00");
        make_task(&r, "90");
        rig_gdt(&r, SEL_FREE, 0, 0xFFFFF, cases[i].attr);
        rig_put(&r, TSS_B + cases[i].field, 2, cases[i].sel);
        /* An LDT fault strikes before SS is loaded: a task gate takes it. */
        if (cases[i].field == 0x60) {
            rig_gdt(&r, SEL_FREE + 8, 0x2600, 0x67, SEG_P | DESC_TSS32);
            memcpy(r.ram + 0x2600, r.ram + TSS_B, 0x68);
            rig_put(&r, 0x2600 + 0x60, 2, 0);
            rig_put(&r, 0x2600 + 0x20, 4, rig_handler(cases[i].vector));
            rig_idt(&r, cases[i].vector, SEL_FREE + 8, 0, SEG_P | DESC_TASK_GATE);
        }
        rig_run_out(&r);
        assert_in_handler(&r, cases[i].vector);
        assert_int_equal(rig_frame(&r, 0), cases[i].error);
        if (cases[i].field != 0x60)
            assert_int_equal(rig_frame(&r, 1), TASK_CODE);
        else
            assert_int_equal(rig_get32(&r, TSS_B + 0x20), TASK_CODE);
        assert_int_equal(rights(&r, SEL_TSS_B), SEG_P | DESC_TSS32_BUSY);
        rig_free(&r);
    }
}

/* What is found before the switch is the old task's fault. */
static void faults_in_old_task(void **state)
{
    static const struct {
        u16 attr, limit;
        u8 vector;
        u32 error;
    } cases[] = {
        {SEG_P | DESC_TSS32_BUSY, 0x67, VEC_GP, SEL_TSS_B},
        {DESC_TSS32, 0x67, VEC_NP, SEL_TSS_B},
        {SEG_P | DESC_TSS32, 0x66, VEC_TS, SEL_TSS_B},
        {SEG_P | DESC_TSS16, 0x2A, VEC_TS, SEL_TSS_B},
    };
    for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
        struct rig r;
        rig_new(&r, "p3");
        rig_protected(&r, 0, "EA 00 00 00 00 30 00");
        make_task(&r, "90");
        rig_gdt(&r, SEL_TSS_B, TSS_B, cases[i].limit, cases[i].attr);
        rig_run_out(&r);
        assert_in_handler(&r, cases[i].vector);
        assert_int_equal(rig_frame(&r, 0), cases[i].error);
        assert_int_equal(rig_frame(&r, 1), CODE);
        assert_int_equal(r.cpu->tr.sel, SEL_TSS_A);
        assert_int_equal(rights(&r, SEL_TSS_A), SEG_P | DESC_TSS32_BUSY);
        rig_free(&r);
    }
}

/* A TSS in the LDT is none, present or not. */
static void local_tss(void **state)
{
    static const u16 attrs[] = {SEG_P | DESC_TSS32, DESC_TSS32};
    for (unsigned i = 0; i < ARRAY_LEN(attrs); i++) {
        struct rig r;
        rig_new(&r, "p3");
        rig_protected(&r, 0, "B8 38 00 00 00 0F 00 D0 EA 00 00 00 00 0C 00"); /* LLDT 38h; JMP 0Ch:0 */
        make_task(&r, "90");
        rig_put(&r, LDT + 8, 8, rig_descriptor(TSS_B, 0x67, attrs[i]));
        rig_run_out(&r);
        assert_in_handler(&r, VEC_GP);
        assert_int_equal(rig_frame(&r, 0), 0xC);
        rig_free(&r);
    }
}

/* A TSS that is not all there: nothing of the switch has happened. */
static void missing_page(void **state)
{
    struct rig r;
    rig_new(&r, "p3");
    rig_protected(&r, 0, "EA 00 00 00 00 30 00");
    rig_gdt(&r, SEL_TSS_B, 0x94FC0, 0x67, SEG_P | DESC_TSS32);
    rig_paging(&r);
    rig_put(&r, PAGE_TAB + 0x95 * 4, 4, 0);
    rig_run_out(&r);
    assert_in_handler(&r, VEC_PF);
    assert_int_equal(r.cpu->cr2, 0x95000);
    assert_int_equal(rig_frame(&r, 1), CODE);
    assert_int_equal(rig_get32(&r, TSS_A + 0x20), 0);
    assert_int_equal(rights(&r, SEL_TSS_A), SEG_P | DESC_TSS32_BUSY);
    assert_int_equal(rights(&r, SEL_TSS_B), SEG_P | DESC_TSS32);
    rig_free(&r);
}

static void trap_bit(void **state)
{
    struct rig r;
    rig_new(&r, "p3");
    rig_protected(&r, 0, "EA 00 00 00 00 30 00");
    make_task(&r, "90");
    rig_put(&r, TSS_B + 0x64, 2, 1);
    rig_run_out(&r);
    assert_in_handler(&r, VEC_DB);
    assert_int_equal(r.cpu->dr[6] & 0xE00F, 0x8000);
    assert_int_equal(rig_frame(&r, 0), TASK_CODE);
    rig_free(&r);
}

static void task_in_vm86(void **state)
{
    struct rig r;
    rig_new(&r, "p3");
    rig_protected(&r, 0, "EA 00 00 00 00 30 00");
    make_task(&r, "90");
    rig_put(&r, TSS_B + 0x24, 4, F_VM | F_ONE);
    rig_put(&r, TSS_B + 0x4C, 2, 0x1040);
    rig_put(&r, TSS_B + 0x20, 4, 0);
    rig_hex(&r, 0x10400, "8C C8 F4");
    rig_run_out(&r);
    assert_in_handler(&r, VEC_GP);
    assert_int_equal((u16)r.cpu->r[R_AX], 0x1040);
    assert_int_equal(rig_frame(&r, 2), 0x1040);
    assert_int_equal(rig_frame(&r, 3) & F_VM, F_VM);
    rig_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(jump_to_task),       cmocka_unit_test(call_and_return),
        cmocka_unit_test(task_gate),          cmocka_unit_test(switch_brings_page_directory),
        cmocka_unit_test(task_16_bits),       cmocka_unit_test(faults_in_new_task),
        cmocka_unit_test(faults_in_old_task), cmocka_unit_test(missing_page),
        cmocka_unit_test(trap_bit),           cmocka_unit_test(task_in_vm86),
        cmocka_unit_test(local_tss),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
