/*
 * test_op_string.c - REP: runs on host memory leave what single steps leave, overlap included; budgets, faults in the
 * middle, 16-bit wrap, DF, flags of CMPS and SCAS.
 */
#include "op_rig.h"

#define FORMS(id) extern const op_fn exec_##id[EXEC_FORMS]
FORMS(MOVSB);
FORMS(MOVSV);
FORMS(STOSB);
FORMS(STOSV);
FORMS(LODSB);
FORMS(LODSV);
FORMS(CMPSB);
FORMS(CMPSV);
FORMS(SCASB);
FORMS(SCASV);

enum { MOVS, STOS, LODS, CMPS, SCAS };

static const op_fn *const rows[5][2] = {{exec_MOVSB, exec_MOVSV},
                                        {exec_STOSB, exec_STOSV},
                                        {exec_LODSB, exec_LODSV},
                                        {exec_CMPSB, exec_CMPSV},
                                        {exec_SCASB, exec_SCASV}};

/* What the instruction does, one element at a time, on registers and RAM of a copy. 32-bit addresses, no faults. */
static void reference(struct cpu *c, u8 *ram, unsigned op, unsigned w, enum rep rep)
{
    u64 step = c->eflags & F_DF ? (u64)0 - w : w;
    while ((u32)c->r[R_CX]) {
        u32 si = (u32)c->r[R_SI], di = (u32)c->r[R_DI];
        u64 a = 0, b = 0;
        memcpy(&a, op == STOS || op == SCAS ? (const u8 *)&c->r[R_AX] : ram + si, w);
        memcpy(&b, ram + di, w);
        if (op == MOVS || op == STOS)
            memcpy(ram + di, &a, w);
        if (op == LODS)
            reg_wr(c, w, R_AX, a);
        if (op != STOS && op != SCAS)
            c->r[R_SI] = (u32)(si + step);
        if (op != LODS)
            c->r[R_DI] = (u32)(di + step);
        c->r[R_CX]--;
        if (op == CMPS || op == SCAS) {
            if (w == 1)
                flags_sub(c, 1, a, b, a - b);
            else if (w == 2)
                flags_sub(c, 2, a, b, a - b);
            else
                flags_sub(c, 4, a, b, a - b);
            if ((a == b) != (rep == REP_E))
                break;
        }
    }
}

/* Runs until the instruction is finished, as the run loop would with slices of BUDGET; counts the iterations. */
static u64 run_slices(struct rig *r, const op_fn *forms, s64 budget)
{
    u64 done = 0;
    do {
        r->c->budget = budget;
        r->c->rep_done = 0;
        assert_int_equal(rig_run(r, forms), RIG_OK);
        assert_true(r->c->rep_done <= budget);
        done += r->c->rep_done;
    } while (r->c->ip == RIG_IP);
    return done;
}

static void random_against_single_steps(void **state)
{
    struct rig r;
    rig_init(&r, 32);
    u8 *ram = malloc(RIG_RAM);
    struct cpu *model = malloc(sizeof *model);
    u64 seed = 5;
    for (unsigned n = 0; n < 3000; n++) {
        u64 x = rig_random(&seed);
        unsigned op = n % 5, w = 1u << (x & 3) % 3;
        s64 distance = (s64)(x >> 8 & 0xFF) - 0x80;
        struct cpu *c = r.c;
        for (unsigned i = 0; i < 0x4000; i += 8) /* two letters only, so that runs of equal bytes are found */
            st64(r.ram + 0x8000 + i, rig_random(&seed) & (x & 16   ? 0x0101010101010101
                                                          : x & 32 ? 0x01000000000000
                                                                   : ~(u64)0));
        r.in.rep = x & 64 ? REP_E : REP_NE;
        r.in.opsize = w == 4;
        c->eflags = F_ONE | (x & 128 ? F_DF : 0);
        c->r[R_AX] = rig_random(&seed) & 0x01010101;
        c->r[R_SI] = 0xA000 + (x >> 16 & 0xFFF);
        c->r[R_DI] = c->r[R_SI] + (u64)(x & 1 << 28 ? distance : distance * 16);
        c->r[R_CX] = x >> 32 & 0x3FF;
        flags_set_arith(c, F_ARITH);
        memcpy(ram, r.ram, RIG_RAM);
        *model = *c;
        reference(model, ram, op, w, r.in.rep);
        u64 count = run_slices(&r, rows[op][w > 1], x & 1 << 29 ? 7 : 1 << 20);
        assert_int_equal(count, (x >> 32 & 0x3FF) - model->r[R_CX]);
        assert_memory_equal(r.ram, ram, RIG_RAM);
        for (unsigned i = 0; i < 8; i++)
            assert_int_equal(c->r[i], model->r[i]);
        assert_int_equal(rig_flags(&r), flags_arith(model));
    }
    free(model);
    free(ram);
    rig_free(&r);
}

static void attention_stops_after_one(void **state)
{
    struct rig r;
    rig_init(&r, 32);
    struct cpu *c = r.c;
    r.in.rep = REP_E;
    c->attention = ATT_INTR;
    c->r[R_CX] = 100;
    c->r[R_DI] = 0x8000;
    c->r[R_AX] = 0x55;
    assert_int_equal(rig_exec(&r, STOSB), RIG_OK);
    assert_int_equal(c->r[R_CX], 99);
    assert_int_equal(c->rep_done, 1);
    assert_int_equal(c->ip, RIG_IP);
    assert_int_equal(r.ram[0x8000] << 8 | r.ram[0x8001], 0x5500);
    c->r[R_CX] = 0; /* nothing to do: finished at once, nothing counted */
    assert_int_equal(rig_exec(&r, STOSB), RIG_OK);
    assert_int_equal(c->rep_done, 1);
    assert_int_equal(c->ip, RIG_IP + 2);
    rig_free(&r);
}

/* The destination's third page is missing: all before is done and committed, the fault names the first byte of it. */
static void fault_in_the_middle(void **state)
{
    for (unsigned w = 1; w <= 4; w *= 2) {
        struct rig r;
        rig_init(&r, 32);
        struct cpu *c = r.c;
        rig_paging(&r);
        rig_page(&r, 0xA000, 0);
        r.in.rep = REP_NE; /* REPNE before MOVS is REP too */
        r.in.opsize = w == 4;
        for (unsigned i = 0; i < 0x3000; i++)
            r.ram[0x20000 + i] = (u8)(i * 7 + 1);
        c->r[R_SI] = 0x20001;
        c->r[R_DI] = 0x8010;
        c->r[R_CX] = 0x2800 / w;
        u32 before = 0x1FF0 / w;
        assert_int_equal(rig_run(&r, rows[MOVS][w > 1]), VEC_PF);
        assert_int_equal(c->cr2, 0xA000);
        assert_int_equal(c->pend_error, PF_W);
        assert_int_equal(c->r[R_CX], 0x2800 / w - before);
        assert_int_equal(c->rep_done, before);
        assert_int_equal(c->r[R_SI], 0x20001 + before * w);
        assert_int_equal(c->r[R_DI], 0xA000);
        assert_memory_equal(r.ram + 0x8010, r.ram + 0x20001, 0x1FF0);
        rig_page(&r, 0xA000, 7);
        run_slices(&r, rows[MOVS][w > 1], 1 << 20);
        assert_memory_equal(r.ram + 0x8010, r.ram + 0x20001, 0x2800);
        rig_free(&r);
    }
}

/* Source before destination, and neither register moves. */
static void which_fault_comes_first(void **state)
{
    struct rig r;
    rig_init(&r, 32);
    struct cpu *c = r.c;
    rig_paging(&r);
    rig_page(&r, 0x20000, 0);
    rig_page(&r, 0x30000, 5);
    r.in.rep = REP_E;
    c->r[R_CX] = 64;
    c->r[R_SI] = 0x20000;
    c->r[R_DI] = 0x30000;
    assert_int_equal(rig_exec(&r, MOVSV), VEC_PF);
    assert_int_equal(c->cr2, 0x20000);
    assert_int_equal(c->pend_error, 0);
    c->r[R_SI] = 0x21000;
    assert_int_equal(rig_exec(&r, MOVSV), VEC_PF);
    assert_int_equal(c->cr2, 0x30000);
    assert_int_equal(c->pend_error, PF_P | PF_W);
    assert_int_equal(c->r[R_SI], 0x21000);
    assert_int_equal(c->r[R_DI], 0x30000);
    assert_int_equal(c->r[R_CX], 64);
    rig_free(&r);
}

/* REPE CMPSB of 2000h bytes, of which 100h can be read. Of the flags from before CF, OF and SF are set. */
static void compare_into_fault(struct rig *r)
{
    rig_init(r, 32);
    rig_paging(r);
    rig_page(r, 0x9000, 0);
    r->in.rep = REP_E;
    r->c->r[R_CX] = 0x2000;
    r->c->r[R_SI] = 0x8F00;
    r->c->r[R_DI] = 0x20000;
    flags_set_arith(r->c, F_CF | F_OF | F_SF);
}

/* REPE CMPSB that faults finds the flags from before the instruction. */
static void compare_fault_keeps_flags(void **state)
{
    struct rig r;
    compare_into_fault(&r);
    assert_int_equal(rig_exec(&r, CMPSB), VEC_PF);
    assert_int_equal(r.c->r[R_CX], 0x2000 - 0x100);
    assert_int_equal(rig_flags(&r), F_CF | F_OF | F_SF);
    rig_free(&r);
}

/* As the run loop, between two slices. */
static void next_slice(struct cpu *c, s64 n)
{
    c->budget -= c->rep_done;
    c->rep_done = 0;
    c->count_end += (u64)n;
    c->budget += n;
}

/* The same if slices end inside it, but not if an interrupt has come in between. */
static void compare_fault_between_slices(void **state)
{
    for (unsigned interrupted = 0; interrupted < 2; interrupted++) {
        struct rig r;
        compare_into_fault(&r);
        struct cpu *c = r.c;
        c->budget = 0;
        c->count_end = 1000;
        for (unsigned left = 0x100; left > 0; left -= 0x40) {
            next_slice(c, 0x40);
            assert_int_equal(rig_exec(&r, CMPSB), RIG_OK);
            assert_int_equal(rig_flags(&r), F_ZF | F_PF);
        }
        if (interrupted)
            c->rep_at = 0; /* as cpu_event() does */
        next_slice(c, 0x40);
        assert_int_equal(rig_exec(&r, CMPSB), VEC_PF);
        assert_int_equal(rig_flags(&r), interrupted ? F_ZF | F_PF : F_CF | F_OF | F_SF);
        rig_free(&r);
    }
}

/* 16-bit addresses wrap inside the segment and leave the registers' upper halves alone. */
static void wrap_16(void **state)
{
    struct rig r;
    rig_init(&r, 16);
    struct cpu *c = r.c;
    rig_segment(&r, SEG_ES, 0x20000, 0xFFFF, 0);
    for (unsigned i = 0; i < 0x10000; i++)
        r.ram[i] = (u8)(i ^ i >> 8);
    r.in.rep = REP_E;
    c->r[R_SI] = 0xAAAAFFF0;
    c->r[R_DI] = 0xBBBBFFE0;
    c->r[R_CX] = 0xCCCC0020;
    assert_int_equal(rig_exec(&r, MOVSV), RIG_OK);
    assert_int_equal(c->r[R_SI], 0xAAAA0030);
    assert_int_equal(c->r[R_DI], 0xBBBB0020);
    assert_int_equal(c->r[R_CX], 0xCCCC0000);
    for (unsigned i = 0; i < 0x40; i++)
        assert_int_equal(r.ram[0x20000 + (u16)(0xFFE0 + i)], r.ram[(u16)(0xFFF0 + i)]);
    c->r[R_SI] = 0xFFFE; /* odd: the word at FFFFh is beyond the limit, after one element was done */
    c->r[R_DI] = 0xFFFD;
    c->r[R_CX] = 20;
    assert_int_equal(rig_exec(&r, MOVSV), VEC_GP);
    assert_int_equal(c->r[R_CX], 19);
    assert_int_equal(c->r[R_SI], 0);
    assert_int_equal(c->r[R_DI], 0xFFFF);
    rig_free(&r);
}

/* A segment limit in the middle of a page. */
static void segment_limit(void **state)
{
    struct rig r;
    rig_init(&r, 32);
    struct cpu *c = r.c;
    rig_segment(&r, SEG_ES, 0x8000, 0x77, 0);
    r.in.rep = REP_E;
    c->r[R_CX] = 0x100;
    c->r[R_DI] = 1;
    c->r[R_AX] = 0xEEEEEEEE;
    assert_int_equal(rig_exec(&r, STOSV), VEC_GP);
    assert_int_equal(c->r[R_DI], 0x75);
    assert_int_equal(c->r[R_CX], 0x100 - 29);
    assert_int_equal(r.ram[0x8074], 0xEE);
    assert_int_equal(r.ram[0x8075], 0);
    rig_free(&r);
}

/* Two linear pages on one frame: overlap is judged by where the bytes really lie. */
static void aliased_pages(void **state)
{
    struct rig r;
    rig_init(&r, 32);
    struct cpu *c = r.c;
    rig_paging(&r);
    st32(r.ram + RIG_PT + 0x30 * 4, 0x8000 | 7); /* 30000h is 8000h */
    mmu_flush_all(&c->mmu);
    for (unsigned i = 0; i < 16; i++)
        r.ram[0x8000 + i] = (u8)(i + 1);
    r.in.rep = REP_E;
    c->r[R_SI] = 0x8000;
    c->r[R_DI] = 0x30003;
    c->r[R_CX] = 0x400;
    assert_int_equal(rig_exec(&r, MOVSB), RIG_OK);
    for (unsigned i = 0; i < 0x400; i++)
        assert_int_equal(r.ram[0x8003 + i], i % 3 + 1);
    rig_free(&r);
}

static void without_prefix(void **state)
{
    struct rig r;
    rig_init(&r, 16);
    struct cpu *c = r.c;
    c->eflags |= F_DF;
    c->r[R_SI] = 0;
    c->r[R_CX] = 5;
    r.in.seg = SEG_FS;
    rig_segment(&r, SEG_FS, 0x30000, 0xFFFF, 0);
    st16(r.ram + 0x30000, 0x1234);
    assert_int_equal(rig_exec(&r, LODSV), RIG_OK);
    assert_int_equal(c->r[R_AX], 0x1234);
    assert_int_equal(c->r[R_SI], 0xFFFE);
    assert_int_equal(c->r[R_CX], 5);
    assert_int_equal(c->rep_done, 0);
    c->r[R_DI] = 0x10; /* CMPSB subtracts ES:DI from the source, SCASB from AL */
    r.ram[0x10] = 0x35;
    assert_int_equal(rig_exec(&r, SCASB), RIG_OK);
    assert_int_equal(rig_flags(&r), F_CF | F_SF | F_AF | F_PF);
    assert_int_equal(c->r[R_DI], 0xF);
    rig_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_against_single_steps),
        cmocka_unit_test(attention_stops_after_one),
        cmocka_unit_test(fault_in_the_middle),
        cmocka_unit_test(which_fault_comes_first),
        cmocka_unit_test(compare_fault_keeps_flags),
        cmocka_unit_test(compare_fault_between_slices),
        cmocka_unit_test(wrap_16),
        cmocka_unit_test(segment_limit),
        cmocka_unit_test(aliased_pages),
        cmocka_unit_test(without_prefix),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
