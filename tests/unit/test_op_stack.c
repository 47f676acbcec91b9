/*
 * test_op_stack.c - the stack pointer's corner cases: what PUSH ESP and POP [ESP] see, 16-bit wrap, ranges that fault.
 */
#include "op_rig.h"

#define FORMS(id) extern const op_fn exec_##id[EXEC_FORMS]
FORMS(PUSH_Zv);
FORMS(PUSH_Ib);
FORMS(PUSH_Ev);
FORMS(POP_Zv);
FORMS(POP_Ev);
FORMS(PUSHA);
FORMS(POPA);
FORMS(ENTER_IwIb);
FORMS(LEAVE);

static void esp_itself(void **state)
{
    struct rig r;
    rig_init(&r, 32);
    struct cpu *c = r.c;
    r.in.reg = R_SP;
    c->r[R_SP] = 0x8000;
    assert_int_equal(rig_exec(&r, PUSH_Zv), RIG_OK);
    assert_int_equal(ld32(r.ram + 0x7FFC), 0x8000);
    st32(r.ram + 0x7FFC, 0x1234);
    assert_int_equal(rig_exec(&r, POP_Zv), RIG_OK);
    assert_int_equal(c->r[R_SP], 0x1234);

    r.in.mem = 1; /* POP [ESP+4]: ESP after the pop */
    r.in.base = R_SP;
    r.in.seg = SEG_SS;
    r.in.disp = 4;
    c->r[R_SP] = 0x8000;
    st32(r.ram + 0x8000, 0xABCD);
    assert_int_equal(rig_exec(&r, POP_Ev), RIG_OK);
    assert_int_equal(c->r[R_SP], 0x8004);
    assert_int_equal(ld32(r.ram + 0x8008), 0xABCD);
    assert_int_equal(rig_exec(&r, PUSH_Ev), RIG_OK); /* PUSH [ESP+4]: before */
    assert_int_equal(ld32(r.ram + 0x8000), 0xABCD);
    rig_free(&r);
}

/* The upper half of ESP survives on a 16-bit stack and takes part in a 32-bit address. */
static void stack_16(void **state)
{
    struct rig r;
    rig_init(&r, 32);
    struct cpu *c = r.c;
    c->stack32 = false;
    c->r[R_SP] = 0x30000;
    r.in.imm = (u64)-2;
    assert_int_equal(rig_exec(&r, PUSH_Ib), RIG_OK);
    assert_int_equal(c->r[R_SP], 0x3FFFC);
    assert_int_equal(ld32(r.ram + 0xFFFC), 0xFFFFFFFE);
    r.in.mem = 1;
    r.in.base = R_SP;
    r.in.disp = 0x10;
    assert_int_equal(rig_exec(&r, POP_Ev), RIG_OK);
    assert_int_equal(c->r[R_SP], 0x30000);
    assert_int_equal(ld32(r.ram + 0x30010), 0xFFFFFFFE);
    rig_free(&r);
}

static void pop_fault_moves_nothing(void **state)
{
    struct rig r;
    rig_init(&r, 32);
    struct cpu *c = r.c;
    rig_paging(&r);
    rig_page(&r, 0x9000, 5);
    rig_mem(&r, 0x9000);
    c->r[R_SP] = 0x8000;
    assert_int_equal(rig_exec(&r, POP_Ev), VEC_PF);
    assert_int_equal(c->r[R_SP], 0x8000);
    c->r[R_SP] = 0xA000; /* PUSH into the read-only page */
    assert_int_equal(rig_exec(&r, PUSH_Zv), VEC_PF);
    assert_int_equal(c->cr2, 0x9FFC);
    assert_int_equal(c->r[R_SP], 0xA000);
    rig_segment(&r, SEG_SS, 0, 0x7FFF, SEG_DB);
    c->r[R_SP] = 0x7FFE;
    assert_int_equal(rig_exec(&r, POP_Zv), VEC_SS);
    assert_int_equal(c->pend_error, 0);
    rig_free(&r);
}

static void pusha_popa(void **state)
{
    struct rig r;
    rig_init(&r, 32);
    struct cpu *c = r.c;
    for (unsigned i = 0; i < 8; i++)
        c->r[i] = 0x11111111 * i;
    c->r[R_SP] = 0x8000;
    assert_int_equal(rig_exec(&r, PUSHA), RIG_OK);
    assert_int_equal(c->r[R_SP], 0x7FE0);
    for (unsigned i = 0; i < 8; i++)
        assert_int_equal(ld32(r.ram + 0x7FFC - i * 4), i == R_SP ? 0x8000 : 0x11111111 * i);
    for (unsigned i = 0; i < 8; i++)
        if (i != R_SP)
            c->r[i] = 0xDEADBEEF;
    st32(r.ram + 0x7FFC - R_SP * 4, 0x5555);
    assert_int_equal(rig_exec(&r, POPA), RIG_OK);
    for (unsigned i = 0; i < 8; i++)
        assert_int_equal(c->r[i], i == R_SP ? 0x8000 : 0x11111111 * i);
    rig_free(&r);
}

/* The lower page is not writable: nothing is stored in the upper one, and CR2 is the first push that fails. */
static void pusha_over_pages(void **state)
{
    struct rig r;
    rig_init(&r, 32);
    struct cpu *c = r.c;
    rig_paging(&r);
    rig_page(&r, 0x7000, 5);
    c->r[R_AX] = 0x77777777;
    c->r[R_SP] = 0x800A;
    assert_int_equal(rig_exec(&r, PUSHA), VEC_PF);
    assert_int_equal(c->cr2, 0x7FFE);
    assert_int_equal(c->r[R_SP], 0x800A);
    assert_int_equal(ld32(r.ram + 0x8006), 0);
    c->r[R_AX] = 1;
    rig_page(&r, 0x9000, 0);
    c->r[R_SP] = 0x8FF0;
    assert_int_equal(rig_exec(&r, POPA), VEC_PF);
    assert_int_equal(c->r[R_AX], 1);
    assert_int_equal(c->r[R_SP], 0x8FF0);
    c->r[R_SP] = 0x8FF4; /* ESP's slot is the first on the missing page */
    assert_int_equal(rig_exec(&r, POPA), VEC_PF);
    assert_int_equal(c->cr2, 0x9000);
    rig_free(&r);
}

static void pusha_real_mode(void **state)
{
    static const struct {
        u16 sp;
        int vector;
    } cases[] = {{1, VEC_SS},  {3, VEC_SS},  {5, VEC_SS}, {7, VEC_GP},
                 {15, VEC_GP}, {17, RIG_OK}, {0, RIG_OK}, {6, RIG_OK}};
    struct rig r;
    rig_init(&r, 16);
    for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
        r.c->r[R_SP] = cases[i].sp;
        assert_int_equal(rig_exec(&r, PUSHA), cases[i].vector);
        assert_int_equal(r.c->r[R_SP], cases[i].vector == RIG_OK ? (u16)(cases[i].sp - 16) : cases[i].sp);
    }
    r.c->r[R_AX] = 0xABCD;
    r.c->r[R_SP] = 2; /* wraps between AX and CX */
    assert_int_equal(rig_exec(&r, PUSHA), RIG_OK);
    assert_int_equal(ld16(r.ram), 0xABCD);
    r.c->r[R_AX] = 0;
    assert_int_equal(rig_exec(&r, POPA), RIG_OK);
    assert_int_equal(r.c->r[R_AX], 0xABCD);
    assert_int_equal(r.c->r[R_SP], 2);
    rig_free(&r);
}

static void enter_leave(void **state)
{
    struct rig r;
    rig_init(&r, 32);
    struct cpu *c = r.c;
    c->r[R_SP] = 0x8000;
    c->r[R_BP] = 0x8100;
    r.in.imm = 0x20;
    assert_int_equal(rig_exec(&r, ENTER_IwIb), RIG_OK);
    assert_int_equal(c->r[R_BP], 0x7FFC);
    assert_int_equal(c->r[R_SP], 0x7FDC);
    assert_int_equal(rig_exec(&r, LEAVE), RIG_OK);
    assert_int_equal(c->r[R_BP], 0x8100);
    assert_int_equal(c->r[R_SP], 0x8000);

    st32(r.ram + 0x80FC, 0xF1); /* the display of the caller */
    st32(r.ram + 0x80F8, 0xF2);
    r.in.imm = 35u << 16 | 0x10; /* level 35 is level 3 */
    assert_int_equal(rig_exec(&r, ENTER_IwIb), RIG_OK);
    static const u32 want[] = {0x8100, 0xF1, 0xF2, 0x7FFC};
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(ld32(r.ram + 0x7FFC - i * 4), want[i]);
    assert_int_equal(c->r[R_BP], 0x7FFC);
    assert_int_equal(c->r[R_SP], 0x7FE0);

    c->r[R_SP] = c->r[R_BP] = 0x8000; /* the frame pointer just pushed is the first one copied */
    r.in.imm = 2 << 16;
    assert_int_equal(rig_exec(&r, ENTER_IwIb), RIG_OK);
    assert_int_equal(ld32(r.ram + 0x7FF8), 0x8000);
    assert_int_equal(ld32(r.ram + 0x7FF4), 0x7FFC);
    rig_free(&r);
}

static void enter_16_on_32(void **state)
{
    struct rig r;
    rig_init(&r, 32);
    struct cpu *c = r.c;
    r.in.opsize = 0;
    c->r[R_SP] = 0x28000;
    c->r[R_BP] = 0x34444;
    r.in.imm = 1 << 16 | 4;
    assert_int_equal(rig_exec(&r, ENTER_IwIb), RIG_OK);
    assert_int_equal(ld16(r.ram + 0x27FFE), 0x4444);
    assert_int_equal(ld16(r.ram + 0x27FFC), 0x7FFE);
    assert_int_equal(c->r[R_BP], 0x37FFE);
    assert_int_equal(c->r[R_SP], 0x27FF8);
    rig_free(&r);
}

/* The page of the new stack pointer must be writable; the frame pointer is not pushed then. */
static void enter_probes(void **state)
{
    struct rig r;
    rig_init(&r, 32);
    struct cpu *c = r.c;
    rig_paging(&r);
    rig_page(&r, 0x7000, 5);
    c->r[R_SP] = 0x8100;
    c->r[R_BP] = 0x1234;
    r.in.imm = 0x200;
    assert_int_equal(rig_exec(&r, ENTER_IwIb), VEC_PF);
    assert_int_equal(c->cr2, 0x80FC - 0x200);
    assert_int_equal(c->pend_error, PF_P | PF_W);
    assert_int_equal(ld32(r.ram + 0x80FC), 0);
    assert_int_equal(c->r[R_SP], 0x8100);
    assert_int_equal(c->r[R_BP], 0x1234);
    rig_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(esp_itself),  cmocka_unit_test(stack_16),         cmocka_unit_test(pop_fault_moves_nothing),
        cmocka_unit_test(pusha_popa),  cmocka_unit_test(pusha_over_pages), cmocka_unit_test(pusha_real_mode),
        cmocka_unit_test(enter_leave), cmocka_unit_test(enter_16_on_32),   cmocka_unit_test(enter_probes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
