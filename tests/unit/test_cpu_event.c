/*
 * test_cpu_event.c - exceptions and interrupts in real, protected and virtual-8086 mode.
 */
#include "test_cpu_rig.h"

/* ---- real mode ---- */

static void real_int(void **state)
{
    struct rig r;
    rig_new(&r, "p3");
    rig_real(&r, "FB CD 21 F4");
    rig_put(&r, 0x21 * 4, 4, 0x00109000 - 0x100); /* 0010:8F00 */
    rig_hex(&r, 0x9000, "F4");
    rig_run_out(&r);
    struct cpu *c = r.cpu;
    assert_int_equal(c->halt, HALT_HLT);
    assert_int_equal(c->seg[SEG_CS].sel, 0x10);
    assert_int_equal(c->seg[SEG_CS].base, 0x100);
    assert_int_equal(c->ip, 0x8F01);
    assert_int_equal(rig_reg(&r, R_SP), 0x6FFA);
    assert_int_equal(rig_get16(&r, 0x6FFA), 0x8003);
    assert_int_equal(rig_get16(&r, 0x6FFC), 0);
    assert_int_equal(rig_get16(&r, 0x6FFE) & (F_IF | F_ONE), F_IF | F_ONE);
    assert_int_equal(c->eflags & F_IF, 0);
    rig_free(&r);
}

static void real_iret(void **state)
{
    struct rig r;
    rig_new(&r, "p3");
    rig_real(&r, "F9 FB CD 21 F4");
    rig_put(&r, 0x21 * 4, 4, 0x9000);
    rig_hex(&r, 0x9000, "F8 CF"); /* CLC IRET */
    rig_run_out(&r);
    assert_int_equal(r.cpu->ip, 0x8005);
    assert_int_equal(cpu_eflags(r.cpu) & (F_IF | F_CF), F_IF | F_CF);
    assert_int_equal(rig_reg(&r, R_SP), 0x7000);
    rig_free(&r);
}

/* With an empty IDT the first exception ends in shutdown. */
static void real_triple_fault(void **state)
{
    struct rig r;
    rig_new(&r, "p3");
    rig_real(&r, "CD 21");
    r.cpu->idtr.limit = 0;
    rig_run_out(&r);
    assert_int_equal(r.cpu->halt, HALT_SHUTDOWN);
    assert_int_equal(r.triple_faults, 1);
    assert_int_equal(r.cpu->ip, 0x8000);
    rig_free(&r);
}

/* IP does not wrap: after the last byte of 64 KiB comes 10000h, beyond the limit. Silicon does so (AMD, natively). */
static void code_ends_at_64k(void **state)
{
    struct rig r;
    rig_new(&r, "p3");
    rig_real(&r, "EA FF FF 00 00");
    rig_hex(&r, 0xFFFF, "90");
    rig_put(&r, VEC_GP * 4, 4, 0x9000);
    rig_hex(&r, 0x9000, "F4");
    rig_run(&r, 2);
    assert_int_equal(r.cpu->ip, 0x10000);
    rig_run_out(&r);
    assert_int_equal(r.cpu->ip, 0x9001);
    assert_int_equal(rig_get16(&r, 0x6FFA), 0); /* the image has 16 bits */
    rig_free(&r);
}

/* A jump does: its target is cut to the operand size. */
static void jumps_wrap_at_64k(void **state)
{
    struct rig r;
    rig_new(&r, "p3");
    rig_real(&r, "EA FE FF 00 00");
    rig_hex(&r, 0xFFFE, "EB 10");
    rig_run(&r, 2);
    assert_int_equal(r.cpu->ip, 0x10);
    rig_free(&r);
}

/* An operand across 4 GiB is beyond a flat segment's limit (silicon, AMD). */
static void flat_segment_ends_at_4g(void **state)
{
    struct rig r;
    rig_new(&r, "p3");
    rig_protected(&r, 0, "A1 FE FF FF FF");
    rig_run_out(&r);
    assert_in_handler(&r, VEC_GP);
    rig_free(&r);
    rig_new(&r, "p3");
    rig_protected(&r, 3, "58");
    r.cpu->r[R_SP] = 0xFFFFFFFE;
    rig_run_out(&r);
    assert_in_handler(&r, VEC_SS);
    rig_free(&r);
}

/* IRET under TF loads RF, and the trap behind it pushes it. */
static void step_over_iret_shows_rf(void **state)
{
    struct rig r;
    rig_new(&r, "p3");
    rig_protected(&r, 0, "CF");
    r.cpu->r[R_SP] = STACK0 - 12;
    rig_put(&r, STACK0 - 12, 4, CODE + 0x20);
    rig_put(&r, STACK0 - 8, 4, K_CODE);
    rig_put(&r, STACK0 - 4, 4, F_ONE | F_RF);
    cpu_set_eflags(r.cpu, cpu_eflags(r.cpu) | F_TF);
    rig_run_out(&r);
    assert_in_handler(&r, VEC_DB);
    assert_int_equal(rig_frame(&r, 0), CODE + 0x20);
    assert_int_equal(rig_frame(&r, 2), F_ONE | F_RF);
    rig_free(&r);
}

/* A task switch under TF that faults half way says "no trap after this one"; that must not reach the next instruction. */
static void step_after_failed_switch(void **state)
{
    struct rig r;
    rig_new(&r, "p3");
    rig_protected(&r, 0, "90 90");
    cpu_set_eflags(r.cpu, cpu_eflags(r.cpu) | F_TF);
    r.cpu->no_step = true;
    rig_run_out(&r);
    assert_in_handler(&r, VEC_DB);
    assert_int_equal(rig_frame(&r, 0), CODE + 1);
    rig_free(&r);
}

static void real_stack_wraps_badly(void **state)
{
    struct rig r;
    rig_new(&r, "p3");
    rig_real(&r, "CD 21");
    r.cpu->r[R_SP] = 1; /* an odd word over the segment's end: #SS in the delivery of each exception */
    rig_run_out(&r);
    assert_int_equal(r.triple_faults, 1);
    rig_free(&r);
}

/* A handler that cannot run its first instruction does not stop time: the slice ends. */
static void endless_faults_end_the_slice(void **state)
{
    struct rig r;
    rig_new(&r, "p3");
    rig_real(&r, "0F 0B");
    rig_put(&r, VEC_UD * 4, 4, 0x8000);
    assert_int_equal(cpu_run(r.cpu, 1000), 1000);
    assert_int_equal(cpu_count(r.cpu), 1000);
    rig_free(&r);
}

/* ---- protected mode ---- */

static void gate_same_privilege(void **state)
{
    struct rig r;
    rig_new(&r, "p3");
    rig_protected(&r, 0, "FB CD 05");
    rig_run_out(&r);
    assert_in_handler(&r, 5);
    assert_int_equal(rig_reg(&r, R_SP), STACK0 - 12);
    assert_int_equal(rig_frame(&r, 0), CODE + 3);
    assert_int_equal(rig_frame(&r, 1), K_CODE);
    assert_int_equal(rig_frame(&r, 2), F_ONE | F_IF);
    assert_int_equal(r.cpu->eflags & F_IF, 0);
    rig_free(&r);
}

static void trap_gate_keeps_if(void **state)
{
    struct rig r;
    rig_new(&r, "p3");
    rig_protected(&r, 0, "FB CD 80");
    rig_run_out(&r);
    assert_in_handler(&r, 0x20);
    assert_int_equal(r.cpu->eflags & F_IF, F_IF);
    rig_free(&r);
}

static void gate_to_inner(void **state)
{
    struct rig r;
    rig_new(&r, "p3");
    rig_protected(&r, 3, "CD 80");
    rig_run_out(&r);
    assert_in_handler(&r, 0x20);
    assert_int_equal(rig_reg(&r, R_SP), STACK0 - 20);
    assert_int_equal(rig_frame(&r, 0), CODE + 2);
    assert_int_equal(rig_frame(&r, 1), U_CODE);
    assert_int_equal(rig_frame(&r, 3), STACK3);
    assert_int_equal(rig_frame(&r, 4), U_DATA);
    assert_int_equal(r.cpu->seg[SEG_SS].sel, K_DATA);
    assert_int_equal(r.cpu->seg[SEG_CS].sel, K_CODE);
    assert_int_equal(r.cpu->seg[SEG_DS].sel, U_DATA);
    assert_true(r.ram[GDT + K_CODE + 5] & SEG_A);
    rig_free(&r);
}

static void gate_16(void **state)
{
    struct rig r;
    rig_new(&r, "p3");
    rig_protected(&r, 3, "CD 81");
    rig_gdt(&r, SEL_FREE, HANDLERS, 0xFFFF, SEG_P | SEG_S | SEG_CODE | SEG_RW);
    rig_idt(&r, 0x81, SEL_FREE, 0xABCD0400, SEG_P | AR_DPL3 | DESC_INT16); /* the offset's high half plays no part */
    rig_hex(&r, HANDLERS + 0x400, "F4");
    rig_run_out(&r);
    assert_int_equal(r.cpu->ip, 0x401);
    assert_int_equal(r.cpu->code_bits, 16);
    assert_int_equal(rig_reg(&r, R_SP), STACK0 - 10);
    assert_int_equal(rig_get16(&r, STACK0 - 10), (CODE + 2) & 0xFFFF);
    assert_int_equal(rig_get16(&r, STACK0 - 8), U_CODE);
    assert_int_equal(rig_get16(&r, STACK0 - 4), STACK3 & 0xFFFF);
    assert_int_equal(rig_get16(&r, STACK0 - 2), U_DATA);
    rig_free(&r);
}

static void check_soft_dpl(void **state)
{
    struct rig r;
    rig_new(&r, "p3");
    rig_protected(&r, 3, "CD 05");
    rig_run_out(&r);
    assert_in_handler(&r, VEC_GP);
    assert_int_equal(rig_frame(&r, 0), 5 * 8 + 2);
    assert_int_equal(rig_frame(&r, 1), CODE);
    rig_free(&r);
}

static void gate_not_present(void **state)
{
    struct rig r;
    rig_new(&r, "p3");
    rig_protected(&r, 0, "CD 05");
    rig_idt(&r, 5, K_CODE, 0, DESC_INT32);
    rig_run_out(&r);
    assert_in_handler(&r, VEC_NP);
    assert_int_equal(rig_frame(&r, 0), 5 * 8 + 2);
    rig_free(&r);
}

static void fault_image_has_rf(void **state)
{
    struct rig r;
    rig_new(&r, "p3");
    rig_protected(&r, 3, "90 F7 F1"); /* DIV ECX */
    rig_run_out(&r);
    assert_in_handler(&r, VEC_DE);
    assert_int_equal(rig_frame(&r, 0), CODE + 1);
    assert_int_equal(rig_frame(&r, 2) & F_RF, F_RF);
    assert_int_equal(r.cpu->eflags & F_RF, 0);
    rig_free(&r);
}

/* A bad gate behind an external interrupt: EXT is set; behind INT n it is not (gate_not_present). */
static void external_sets_ext(void **state)
{
    struct rig r;
    rig_new(&r, "p3");
    rig_protected(&r, 0, "FB 90 90 90 F4");
    r.pending_vector = 0x30;
    cpu_set_intr(r.cpu, true);
    rig_run_out(&r);
    assert_in_handler(&r, VEC_GP);
    assert_int_equal(rig_frame(&r, 0), 0x30 * 8 + 3);
    assert_int_equal(rig_frame(&r, 1), CODE + 2); /* STI's shadow let one NOP through */
    rig_free(&r);
}

static void handler_segment_checks(void **state)
{
    static const struct {
        u16 sel, attr;
        u8 vector;
        u32 error;
    } cases[] = {
        {0, 0, VEC_GP, 0},
        {K_DATA, 0, VEC_GP, K_DATA},
        {U_CODE, 0, VEC_GP, U_CODE & ~3}, /* DPL 3 > CPL 0 */
        {0xFFF8, 0, VEC_GP, 0xFFF8},
        {SEL_FREE, AR_CODE32 & ~SEG_P, VEC_NP, SEL_FREE},
    };
    for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
        struct rig r;
        rig_new(&r, "p3");
        rig_protected(&r, 0, "CD 05");
        rig_gdt(&r, SEL_FREE, 0, 0xFFFFF, cases[i].attr);
        rig_idt(&r, 5, cases[i].sel, 0, SEG_P | DESC_INT32);
        rig_run_out(&r);
        assert_in_handler(&r, cases[i].vector);
        assert_int_equal(rig_frame(&r, 0), cases[i].error);
        assert_int_equal(rig_frame(&r, 1), CODE);
        rig_free(&r);
    }
}

/* The inner stack: each defect of SS0 has its own exception, through a handler that needs no stack switch. */
static void inner_stack_checks(void **state)
{
    static const struct {
        u16 sel, attr;
        u8 vector;
        u32 error;
    } cases[] = {
        {0, 0, VEC_TS, 0},
        {U_DATA, 0, VEC_TS, U_DATA & ~3},
        {K_CODE, 0, VEC_TS, K_CODE},
        {SEL_FREE, AR_DATA32 & ~SEG_P, VEC_SS, SEL_FREE},
    };
    for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
        struct rig r;
        rig_new(&r, "p3");
        rig_protected(&r, 3, "CD 80");
        /* the exception's handler is conforming and runs on the user's stack */
        rig_gdt(&r, SEL_FREE + 8, 0, 0xFFFFF, AR_CODE32 | SEG_ED_C);
        rig_idt(&r, cases[i].vector, SEL_FREE + 8, CODE + 0x100, SEG_P | DESC_INT32);
        rig_hex(&r, CODE + 0x100, "EB FE");
        rig_gdt(&r, SEL_FREE, 0, 0xFFFFF, cases[i].attr);
        rig_put(&r, TSS_A + 8, 2, cases[i].sel);
        rig_run(&r, TEST_ENGINE_SLICE);
        assert_int_equal(r.cpu->ip, CODE + 0x100);
        assert_int_equal(r.cpu->cpl, 3);
        assert_int_equal(rig_frame(&r, 0), cases[i].error);
        rig_free(&r);
    }
}

static void tss_too_short(void **state)
{
    struct rig r;
    rig_new(&r, "p3");
    rig_protected(&r, 3, "CD 80");
    rig_gdt(&r, SEL_FREE + 8, 0, 0xFFFFF, AR_CODE32 | SEG_ED_C);
    rig_idt(&r, VEC_TS, SEL_FREE + 8, CODE + 0x100, SEG_P | DESC_INT32);
    rig_hex(&r, CODE + 0x100, "EB FE");
    r.cpu->tr.limit = 8;
    rig_run(&r, TEST_ENGINE_SLICE);
    assert_int_equal(r.cpu->ip, CODE + 0x100);
    assert_int_equal(rig_frame(&r, 0), SEL_TSS_A);
    rig_free(&r);
}

/* ---- page faults ---- */

static void page_fault_codes(void **state)
{
    static const struct {
        unsigned cpl;
        const char *code;
        u32 pte, error;
    } cases[] = {
        {3, "A1 00 50 09 00", 0, PF_U},
        {3, "A3 00 50 09 00", 0, PF_U | PF_W},
        {3, "A3 00 50 09 00", 0x95005, PF_U | PF_W | PF_P},
        {3, "A1 00 50 09 00", 0x95003, PF_U | PF_P},
        {0, "A3 00 50 09 00", 0x95001, PF_W | PF_P},
        {3, "FF 05 00 50 09 00", 0x95005, PF_U | PF_W | PF_P}, /* INC: a read-modify-write probes for writing */
        {3, "EA 00 50 09 00 1B 00", 0, PF_U},
    };
    for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
        struct rig r;
        rig_new(&r, "p3");
        rig_protected(&r, cases[i].cpl, cases[i].code);
        rig_paging(&r);
        rig_put(&r, PAGE_TAB + 0x95 * 4, 4, cases[i].pte);
        rig_run_out(&r);
        assert_in_handler(&r, VEC_PF);
        assert_int_equal(r.cpu->cr2, 0x95000);
        assert_int_equal(rig_frame(&r, 0), cases[i].error);
        rig_free(&r);
    }
}

/* A push that faults leaves ESP alone; delivery onto a missing inner stack page is a double fault. */
static void stack_page_missing(void **state)
{
    struct rig r;
    rig_new(&r, "p3");
    rig_protected(&r, 3, "CD 80");
    rig_paging(&r);
    rig_put(&r, PAGE_TAB + (STACK0 - 4) / 4096 * 4, 4, 0);
    rig_run_out(&r);
    assert_int_equal(r.triple_faults, 1); /* #PF, #PF for its frame: #DF, whose frame has no page either */
    assert_int_equal(r.cpu->r[R_SP], STACK3);
    assert_int_equal(r.cpu->cr2 & ~0xFFFu, STACK0 - 4096);
    rig_free(&r);
}

/* ---- double faults ---- */

static void contributory_pair(void **state)
{
    struct rig r;
    rig_new(&r, "p3");
    rig_protected(&r, 0, "F7 F1");
    rig_idt(&r, VEC_DE, K_CODE, 0, DESC_INT32); /* #NP while #DE is delivered */
    rig_run_out(&r);
    assert_in_handler(&r, VEC_DF);
    assert_int_equal(rig_frame(&r, 0), 0);
    assert_int_equal(rig_frame(&r, 1), CODE);
    rig_free(&r);
}

static void page_fault_pair(void **state)
{
    struct rig r;
    rig_new(&r, "p3");
    rig_protected(&r, 3, "A1 00 50 09 00");
    rig_paging(&r);
    rig_put(&r, PAGE_TAB + 0x95 * 4, 4, 0);
    rig_idt(&r, VEC_PF, K_CODE, 0, 0);
    rig_run_out(&r);
    assert_in_handler(&r, VEC_DF);
    rig_free(&r);
}

/* #UD is benign: what its delivery hits is delivered in its own right, with EXT. */
static void benign_then_fault(void **state)
{
    struct rig r;
    rig_new(&r, "p3");
    rig_protected(&r, 0, "0F 0B");
    rig_idt(&r, VEC_UD, K_CODE, 0, DESC_INT32);
    rig_run_out(&r);
    assert_in_handler(&r, VEC_NP);
    assert_int_equal(rig_frame(&r, 0), VEC_UD * 8 + 3);
    assert_int_equal(rig_frame(&r, 1), CODE);
    rig_free(&r);
}

/* A page fault while a contributory exception is delivered is no double fault. The IDT's first entry lies in a missing
 * page. */
static void fault_then_page_fault(void **state)
{
    struct rig r;
    rig_new(&r, "p3");
    rig_protected(&r, 0, "F7 F1");
    memcpy(r.ram + 0x5FF8, r.ram + IDT, 0x100);
    r.cpu->idtr.base = 0x5FF8;
    rig_paging(&r);
    rig_put(&r, PAGE_TAB + 5 * 4, 4, 0);
    rig_run_out(&r);
    assert_in_handler(&r, VEC_PF);
    assert_int_equal(r.cpu->cr2, 0x5FF8);
    assert_int_equal(rig_frame(&r, 1), CODE);
    rig_free(&r);
}

static void triple_fault(void **state)
{
    struct rig r;
    rig_new(&r, "p3");
    rig_protected(&r, 0, "F7 F1");
    rig_idt(&r, VEC_DE, K_CODE, 0, DESC_INT32);
    rig_idt(&r, VEC_DF, K_CODE, 0, DESC_INT32);
    rig_run_out(&r);
    assert_int_equal(r.cpu->halt, HALT_SHUTDOWN);
    assert_int_equal(r.triple_faults, 1);
    cpu_set_intr(r.cpu, true); /* shutdown listens to NMI only */
    r.cpu->eflags |= F_IF;
    rig_run_out(&r);
    assert_int_equal(r.cpu->halt, HALT_SHUTDOWN);
    cpu_nmi(r.cpu);
    rig_run_out(&r);
    assert_in_handler(&r, VEC_NMI);
    rig_free(&r);
}

/* What a hostile state says of HLT in two places: one of them counts. */
static void restored_halt(void **state)
{
    struct rig r;
    rig_new(&r, "p4");
    rig_real(&r, "90 90 90 90");
    r.cpu->attention |= ATT_HALT;
    assert_int_equal(cpu_restored(r.cpu), 0);
    assert_int_equal(r.cpu->attention, 0);
    rig_run(&r, 3);
    assert_int_equal(r.cpu->ip, 0x8003);
    r.cpu->halt = HALT_HLT;
    assert_int_equal(cpu_restored(r.cpu), 0);
    assert_int_equal(r.cpu->attention, ATT_HALT);
    rig_free(&r);
}

/* A triple fault takes the same counts in one long slice as in one of a single count. */
static void triple_fault_counts(void **state)
{
    u64 count[2];
    for (unsigned i = 0; i < 2; i++) {
        struct rig r;
        rig_new(&r, "p4");
        rig_protected(&r, 0, "90 0F 0B");
        r.cpu->idtr.limit = 0;
        for (unsigned slice = 0; slice < 10; slice++)
            rig_run(&r, i ? 1 : 100);
        assert_int_equal(r.triple_faults, 1);
        count[i] = cpu_count(r.cpu);
        rig_free(&r);
    }
    assert_int_equal(count[0], count[1]);
}

/* ---- between instructions ---- */

static void halt_and_wake(void **state)
{
    struct rig r;
    rig_new(&r, "p3");
    rig_protected(&r, 0, "FB F4 90");
    rig_run_out(&r);
    assert_int_equal(r.cpu->halt, HALT_HLT);
    assert_int_equal(r.cpu->ip, CODE + 2);
    rig_run_out(&r);
    assert_int_equal(r.cpu->ip, CODE + 2);
    r.pending_vector = 5;
    cpu_set_intr(r.cpu, true);
    rig_run_out(&r);
    assert_in_handler(&r, 5);
    assert_int_equal(rig_frame(&r, 0), CODE + 2);
    rig_free(&r);
}

static void nmi_blocks_nmi(void **state)
{
    struct rig r;
    rig_new(&r, "p3");
    rig_protected(&r, 0, "90 90 90 90 90 F4");
    rig_hex(&r, rig_handler(VEC_NMI), "43 90 90 CF"); /* INC EBX, NOPs, IRET */
    cpu_nmi(r.cpu);
    rig_run(&r, 2);
    assert_int_equal(rig_reg(&r, R_BX), 1);
    cpu_nmi(r.cpu); /* held until the IRET */
    rig_run(&r, 1);
    assert_int_equal(rig_reg(&r, R_BX), 1);
    rig_run(&r, 20);
    assert_int_equal(rig_reg(&r, R_BX), 2);
    assert_int_equal(r.cpu->ip, CODE + 6);
    rig_free(&r);
}

static void mov_ss_shadow(void **state)
{
    struct rig r;
    rig_new(&r, "p3");
    rig_protected(&r, 0, "B8 10 00 00 00 8E D0 BC 00 D0 01 00 F4"); /* MOV SS,AX; MOV ESP,1D000h */
    r.cpu->eflags |= F_IF;
    rig_run(&r, 2);
    r.pending_vector = 5;
    cpu_set_intr(r.cpu, true);
    rig_run_out(&r);
    assert_in_handler(&r, 5);
    assert_int_equal(rig_reg(&r, R_SP), 0x1D000 - 12);
    assert_int_equal(rig_frame(&r, 0), CODE + 12);
    rig_free(&r);
}

/* ---- virtual-8086 mode ---- */

/* The nine doublewords that the monitor finds, after an optional error code at FRAME 0. */
static void assert_vm86_frame(const struct rig *r, unsigned at, u32 ip)
{
    assert_int_equal(rig_frame(r, at), ip);
    assert_int_equal(rig_frame(r, at + 1), 0x1000);
    assert_int_equal(rig_frame(r, at + 2) & F_VM, F_VM);
    assert_int_equal(rig_frame(r, at + 3), 0x6000);
    for (unsigned i = 4; i < 9; i++)
        assert_int_equal(rig_frame(r, at + i), 0x1000);
    assert_true(r->cpu->seg[SEG_DS].null && r->cpu->seg[SEG_GS].null);
    assert_int_equal(r->cpu->eflags & F_VM, 0);
}

static void vm86_int_iopl3(void **state)
{
    struct rig r;
    rig_new(&r, "p3");
    rig_protected(&r, 0, "90");
    rig_vm86(&r, 3, "CD 80");
    rig_run_out(&r);
    assert_in_handler(&r, 0x20);
    assert_vm86_frame(&r, 0, 2);
    assert_int_equal(rig_reg(&r, R_SP), STACK0 - 36);
    rig_free(&r);
}

static void vm86_int_iopl0(void **state)
{
    struct rig r;
    rig_new(&r, "p3");
    rig_protected(&r, 0, "90");
    rig_vm86(&r, 0, "CD 80");
    rig_run_out(&r);
    assert_in_handler(&r, VEC_GP);
    assert_int_equal(rig_frame(&r, 0), 0);
    assert_vm86_frame(&r, 1, 0);
    rig_free(&r);
}

/* INT3 does not look at IOPL, only at the gate's DPL. */
static void vm86_int3(void **state)
{
    struct rig r;
    rig_new(&r, "p3");
    rig_protected(&r, 0, "90");
    rig_idt(&r, VEC_BP, K_CODE, rig_handler(VEC_BP), SEG_P | AR_DPL3 | DESC_INT32);
    rig_vm86(&r, 0, "CC");
    rig_run_out(&r);
    assert_in_handler(&r, VEC_BP);
    assert_vm86_frame(&r, 0, 1);
    rig_free(&r);
}

/* Virtual-8086 mode is left for CPL 0 only. */
static void vm86_handler_must_be_ring0(void **state)
{
    struct rig r;
    rig_new(&r, "p3");
    rig_protected(&r, 0, "90");
    rig_gdt(&r, SEL_FREE, 0, 0xFFFFF, AR_CODE32 | 1 << SEG_DPL_SHIFT);
    rig_idt(&r, 0x80, SEL_FREE, 0, SEG_P | AR_DPL3 | DESC_INT32);
    rig_vm86(&r, 3, "CD 80");
    rig_run_out(&r);
    assert_in_handler(&r, VEC_GP);
    assert_int_equal(rig_frame(&r, 0), SEL_FREE);
    rig_free(&r);
}

static void iret_enters_vm86(void **state)
{
    static const u32 frame[] = {0x20, 0x1000, F_VM | F_ONE, 0x6000, 0x1000, 0x1000, 0x1000, 0x1000, 0x1000};
    struct rig r;
    rig_new(&r, "p3");
    rig_protected(&r, 0, "CF");
    r.cpu->r[R_SP] = STACK0 - sizeof frame;
    for (unsigned i = 0; i < ARRAY_LEN(frame); i++)
        rig_put(&r, STACK0 - sizeof frame + i * 4, 4, frame[i]);
    rig_hex(&r, CODE + 0x20, "8C C8 F4"); /* MOV AX,CS; HLT */
    rig_run_out(&r);
    assert_in_handler(&r, VEC_GP);
    assert_vm86_frame(&r, 1, 0x22);
    assert_int_equal((u16)r.cpu->r[R_AX], 0x1000);
    rig_free(&r);
}

/* Both VIF and VIP set in virtual-8086 mode with VME: #GP(0) before the first instruction (SDM vol. 3A 20.3.2). */
static void vme_pending_at_entry(void **state)
{
    static const u32 frame[] = {0x20, 0x1000, F_VM | F_VIF | F_VIP | F_ONE, 0x6000, 0x1000, 0x1000, 0x1000, 0x1000, 0x1000};
    for (unsigned vme = 0; vme < 2; vme++) {
        struct rig r;
        rig_new(&r, "p3");
        rig_protected(&r, 0, "CF");
        r.cpu->cr4 |= vme ? CR4_VME : 0;
        r.cpu->r[R_SP] = STACK0 - sizeof frame;
        for (unsigned i = 0; i < ARRAY_LEN(frame); i++)
            rig_put(&r, STACK0 - sizeof frame + i * 4, 4, frame[i]);
        rig_hex(&r, CODE + 0x20, "8C C8 F4"); /* MOV AX,CS; HLT */
        r.cpu->r[R_AX] = 0;
        rig_run_out(&r);
        assert_in_handler(&r, VEC_GP);
        assert_int_equal((u16)r.cpu->r[R_AX], vme ? 0 : 0x1000);
        rig_free(&r);
    }
}

/* A TSS with an interrupt redirection bitmap at 68h and an I/O bitmap base of 88h. */
static void vme_tss(struct rig *r, u8 redirect_21)
{
    memset(r->ram + TSS_A + 0x68, 0xFF, 0x20);
    r->ram[TSS_A + 0x68 + 0x21 / 8] = redirect_21 ? (u8) ~(1u << (0x21 % 8)) : 0xFF;
    rig_put(r, TSS_A + 0x66, 2, 0x88);
    r->cpu->tr.limit = 0x8B;
    r->cpu->cr4 |= CR4_VME;
}

static void vme_redirects(void **state)
{
    struct rig r;
    rig_new(&r, "p3");
    rig_protected(&r, 0, "90");
    rig_vm86(&r, 0, "CD 21");
    vme_tss(&r, true);
    r.cpu->eflags |= F_VIF;
    rig_put(&r, 0x21 * 4, 4, 0x10000100); /* 1000:0100 */
    rig_hex(&r, CODE + 0x100, "F4");
    rig_run_out(&r);
    assert_in_handler(&r, VEC_GP); /* its HLT */
    assert_int_equal(rig_frame(&r, 1), 0x100);
    assert_int_equal(rig_frame(&r, 4), 0x6000 - 6);
    assert_int_equal(rig_frame(&r, 3) & (F_VIF | F_IF), F_IF); /* VIF was cleared, IF is the monitor's */
    assert_int_equal(rig_get16(&r, CODE + 0x5FFA), 2);
    assert_int_equal(rig_get16(&r, CODE + 0x5FFC), 0x1000);
    assert_int_equal(rig_get16(&r, CODE + 0x5FFE) & (F_IOPL | F_IF), F_IOPL | F_IF); /* IF as VIF was */
    rig_free(&r);
}

static void vme_bitmap_says_monitor(void **state)
{
    struct rig r;
    rig_new(&r, "p3");
    rig_protected(&r, 0, "90");
    rig_vm86(&r, 0, "CD 21");
    vme_tss(&r, false);
    rig_run_out(&r);
    assert_in_handler(&r, VEC_GP);
    assert_vm86_frame(&r, 1, 0);
    rig_free(&r);
}

/* IRET under VME: IF of the image goes to VIF; with VIP pending that is #GP(0). */
static void vme_iret(void **state)
{
    for (unsigned vip = 0; vip < 2; vip++) {
        struct rig r;
        rig_new(&r, "p3");
        rig_protected(&r, 0, "90");
        rig_vm86(&r, 0, "CF");
        vme_tss(&r, false);
        r.cpu->eflags |= vip ? F_VIP : 0;
        rig_put(&r, CODE + 0x6000, 2, 0x40);
        rig_put(&r, CODE + 0x6002, 2, 0x1000);
        rig_put(&r, CODE + 0x6004, 2, F_IF | F_ONE);
        rig_hex(&r, CODE + 0x40, "F4");
        rig_run_out(&r);
        assert_in_handler(&r, VEC_GP);
        assert_int_equal(rig_frame(&r, 1), vip ? 0 : 0x40);
        assert_int_equal(rig_frame(&r, 3) & F_VIF, vip ? 0 : F_VIF);
        rig_free(&r);
    }
}

/* mov ah, 1; int 16h; jmp back: nothing but waiting. */
static void test_polling_is_idle(void **state)
{
    struct rig r;
    rig_new(&r, "p4");
    rig_real(&r, "B4 01 CD 16 EB FA");
    rig_put(&r, 0x16 * 4, 4, 0x9000);
    rig_hex(&r, 0x9000, "CF");
    rig_run(&r, 2000);
    assert_true(r.cpu->poll.idle);
    rig_free(&r);
}

/* The same with inc cx in between: it computes, and asks for a key now and then. */
static void test_polling_while_computing(void **state)
{
    struct rig r;
    rig_new(&r, "p4");
    rig_real(&r, "B4 01 CD 16 41 EB F9");
    rig_put(&r, 0x16 * 4, 4, 0x9000);
    rig_hex(&r, 0x9000, "CF");
    rig_run(&r, 100000);
    assert_false(r.cpu->poll.idle);
    rig_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_polling_is_idle),
        cmocka_unit_test(test_polling_while_computing),
        cmocka_unit_test(real_int),
        cmocka_unit_test(real_iret),
        cmocka_unit_test(real_triple_fault),
        cmocka_unit_test(real_stack_wraps_badly),
        cmocka_unit_test(code_ends_at_64k),
        cmocka_unit_test(step_after_failed_switch),
        cmocka_unit_test(step_over_iret_shows_rf),
        cmocka_unit_test(flat_segment_ends_at_4g),
        cmocka_unit_test(jumps_wrap_at_64k),
        cmocka_unit_test(endless_faults_end_the_slice),
        cmocka_unit_test(gate_same_privilege),
        cmocka_unit_test(trap_gate_keeps_if),
        cmocka_unit_test(gate_to_inner),
        cmocka_unit_test(gate_16),
        cmocka_unit_test(check_soft_dpl),
        cmocka_unit_test(gate_not_present),
        cmocka_unit_test(fault_image_has_rf),
        cmocka_unit_test(external_sets_ext),
        cmocka_unit_test(handler_segment_checks),
        cmocka_unit_test(inner_stack_checks),
        cmocka_unit_test(tss_too_short),
        cmocka_unit_test(page_fault_codes),
        cmocka_unit_test(stack_page_missing),
        cmocka_unit_test(contributory_pair),
        cmocka_unit_test(page_fault_pair),
        cmocka_unit_test(benign_then_fault),
        cmocka_unit_test(fault_then_page_fault),
        cmocka_unit_test(triple_fault),
        cmocka_unit_test(triple_fault_counts),
        cmocka_unit_test(restored_halt),
        cmocka_unit_test(halt_and_wake),
        cmocka_unit_test(nmi_blocks_nmi),
        cmocka_unit_test(mov_ss_shadow),
        cmocka_unit_test(vm86_int_iopl3),
        cmocka_unit_test(vm86_int_iopl0),
        cmocka_unit_test(vm86_int3),
        cmocka_unit_test(vm86_handler_must_be_ring0),
        cmocka_unit_test(iret_enters_vm86),
        cmocka_unit_test(vme_pending_at_entry),
        cmocka_unit_test(vme_redirects),
        cmocka_unit_test(vme_bitmap_says_monitor),
        cmocka_unit_test(vme_iret),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
