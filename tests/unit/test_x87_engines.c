/*
 * test_x87_engines.c - each x87 instruction from random states by the interpreter and by the translating engines:
 * everything that it leaves must be the same. test_x87.c says what is right.
 */
#include "test_cpu_rig.h"
#include "tests/unit/softfp_cases.h"
#include "tests/unit/x87_rows.h"
#include "cpu/isa.h"
#include "cpu/x87.h"
#include "translator/engine.h"

static const struct row {
    const char *name;
    u16 op;
    u8 opcode, modrm, count; /* count 0: memory form */
} rows[] = {
#define ROW_R(id, opcode, modrm, n) {#id, ISA_##id, opcode, modrm, n},
#define ROW_M(id, opcode, reg) {#id, ISA_##id, opcode, reg << 3 | 6, 0}, /* [ESI] */
    X87_ROWS(ROW_R, ROW_M)};

enum { CASES = 400, MEM = 0x30000, BUDGET = 10000 };

struct start {
    u8 mem[16];
    struct f80 st[8];
    u16 cw, sw, tags;
    u32 eflags, ax;
};

static void random_mem(struct cases *c, const struct row *row, u8 mem[16])
{
    u64 v = cases_bits(c);
    if (row->opcode == 0xD8 || row->opcode == 0xD9)
        v = cases_f32(c);
    else if (row->opcode == 0xDC || row->opcode == 0xDD)
        v = cases_f64(c);
    else if (cases_below(c, 2))
        v = cases_below(c, 100);
    st64(mem, v);
    st64(mem + 8, cases_next(c));
    if (row->op == ISA_FLD_M80)
        f80_store(mem, cases_f80(c));
    if (row->op == ISA_FLDCW && cases_below(c, 4))
        mem[0] |= FP_ALL;
}

/* A quarter unmasks something; some have an exception pending. */
static void random_start(struct cases *c, const struct row *row, struct start *s)
{
    u32 fullness = cases_below(c, 4);
    s->cw = (u16)(cases_next(c) & 0xF00) | (cases_below(c, 4) ? FP_ALL : (u16)(cases_next(c) & FP_ALL));
    s->sw = (u16)cases_next(c) & 0x7F7F;
    s->tags = 0;
    for (unsigned i = 0; i < 8; i++)
        if (fullness == 0 ? cases_below(c, 2) : cases_below(c, 12) == 0)
            s->tags |= (u16)(3 << 2 * i);
    if (cases_below(c, 2)) /* room for a push */
        s->tags |= (u16)(3 << 2 * (((s->sw >> 11) - 1) & 7));
    for (unsigned i = 0; i < 8; i++)
        s->st[i] = cases_f80(c);
    random_mem(c, row, s->mem);
    s->eflags = (u32)(cases_next(c) & F_ARITH) | F_ONE;
    s->ax = (u32)cases_next(c);
}

/* The instruction and a HLT, both of one block; all vectors lead to other HLTs. Pointers are from an instruction
 * before. */
static void run(struct rig *r, const struct start *s, u32 at)
{
    struct cpu *c = r->cpu;
    phys_write(&r->phys, MEM, s->mem, sizeof s->mem);
    x87_load(c, s->cw, s->sw, s->tags);
    memcpy(c->fpu.st, s->st, sizeof s->st);
    c->fpu.fip = c->fpu.fdp = 0x12345;
    c->fpu.fcs = c->fpu.fds = 0x67;
    c->fpu.fop = 0x123;
    cpu_set_eflags(c, s->eflags);
    c->r[R_AX] = s->ax;
    c->r[R_SI] = MEM;
    c->r[R_SP] = STACK0;
    c->ip = at;
    c->halt = HALT_NONE;
    c->attention = 0;
    cpu_run(c, BUDGET);
    assert_int_equal(c->halt, HALT_HLT);
    cpu_settle(c);
}

static bool same(const struct rig *a, const struct rig *b)
{
    const struct cpu *x = a->cpu, *y = b->cpu;
    const struct x87 *f = &x->fpu, *g = &y->fpu;
    for (unsigned i = 0; i < 8; i++)
        if (f->st[i].m != g->st[i].m || f->st[i].se != g->st[i].se)
            return false;
    return f->cw == g->cw && f->sw == g->sw && f->top == g->top && f->empty == g->empty && f->fop == g->fop &&
           f->fcs == g->fcs && f->fds == g->fds && f->fip == g->fip && f->fdp == g->fdp && x->ip == y->ip &&
           cpu_eflags(x) == cpu_eflags(y) && !memcmp(x->r, y->r, sizeof x->r) && cpu_count(x) == cpu_count(y) &&
           !memcmp(a->ram + MEM, b->ram + MEM, 16);
}

static void test_row(struct rig *right, struct rig *other, const struct row *row, u32 at)
{
    struct cases c = {.state = 0x9E3779B97F4A7C15u ^ at};
    for (unsigned i = 0; i < CASES; i++) {
        struct start s;
        u32 place = at + (row->count ? cases_below(&c, row->count) * 16 : 0);
        random_start(&c, row, &s);
        run(right, &s, place);
        run(other, &s, place);
        if (!same(right, other))
            fail_msg("%s at %X, case %u: control word %04X, status word %04X, tags %04X", row->name, place, i, s.cw,
                     s.sw, s.tags);
    }
}

/* All forms, 16 bytes each. */
static void put_code(struct rig *r)
{
    u32 at = CODE;
    rig_protected(r, 0, "F4");
    r->cpu->cr0 |= CR0_NE;
    for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
        for (unsigned n = 0; n < MAX(rows[i].count, (u8)1); n++, at += 16) {
            const u8 code[] = {rows[i].opcode, (u8)(rows[i].modrm + n), 0xF4};
            phys_write(&r->phys, at, code, sizeof code);
        }
    }
}

/* ---- FISTP between FLDCWs, which is FISTTP where it chops ---- */

enum { CONVERSIONS = CODE + 0x8000 };

static const u8 conversions[][16] = {
    /* FLDCW [ESI]; FISTP [ESI+8]; FLDCW [ESI+2]; FDIV ST,ST(1) */
    {0xD9, 0x2E, 0xDF, 0x7E, 0x08, 0xD9, 0x6E, 0x02, 0xD8, 0xF1, 0xF4},
    {0xD9, 0x2E, 0xDB, 0x5E, 0x08, 0xD9, 0x6E, 0x02, 0xD8, 0xF1, 0xF4},
    {0xD9, 0x2E, 0xDF, 0x5E, 0x08, 0xD9, 0x6E, 0x02, 0xD8, 0xF1, 0xF4},
    /* with FLD ST(1) and two FISTP; with FSIN, a handler's, and FISTP */
    {0xD9, 0x2E, 0xD9, 0xC1, 0xDF, 0x5E, 0x08, 0xDB, 0x5E, 0x0C, 0xD9, 0x6E, 0x02, 0xD8, 0xF1, 0xF4},
    {0xD9, 0x2E, 0xD9, 0xFE, 0xDB, 0x5E, 0x08, 0xD9, 0x6E, 0x02, 0xD8, 0xF1, 0xF4},
};

static u16 some_control(struct cases *c, u16 now)
{
    return cases_below(c, 2) ? now : (u16)((cases_next(c) & 0xF00) | (cases_below(c, 16) ? FP_ALL : 0));
}

static void test_conversions(struct rig *right, struct rig *other)
{
    struct cases c = {.state = 0x9E3779B97F4A7C15u};
    phys_write(&right->phys, CONVERSIONS, conversions, sizeof conversions);
    phys_write(&other->phys, CONVERSIONS, conversions, sizeof conversions);
    for (unsigned i = 0; i < CASES * ARRAY_LEN(conversions); i++) {
        struct start s;
        u32 at = CONVERSIONS + i % (u32)ARRAY_LEN(conversions) * (u32)sizeof conversions[0];
        random_start(&c, &rows[0], &s);
        st16(s.mem, some_control(&c, s.cw));
        st16(s.mem + 2, some_control(&c, s.cw));
        if (cases_below(&c, 2))
            s.st[s.sw >> 11 & 7] = (struct f80){cases_next(&c) | 1ull << 63, (u16)(0x3FFF + cases_below(&c, 34))};
        run(right, &s, at);
        run(other, &s, at);
        if (!same(right, other))
            fail_msg("conversion at %X, case %u: control word %04X, then %04X and %04X", at, i, s.cw, ld16(s.mem),
                     ld16(s.mem + 2));
    }
}

static void compare_with(enum engine_backend backend)
{
    const struct engine_config config = {.backend = backend, .cache_bytes = 4 << 20};
    struct rig right, other;
    if (backend == ENGINE_HOST && !engine_has_host())
        skip();
    rig_new(&right, "p4");
    rig_new(&other, "p4");
    struct engine *e = engine_new(other.cpu, &config);
    assert_non_null(e);
    put_code(&right);
    put_code(&other);
    u32 at = CODE;
    for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
        test_row(&right, &other, &rows[i], at);
        at += 16 * MAX(rows[i].count, (u8)1);
    }
    test_conversions(&right, &other);
    assert_true(engine_stats(e)->run > ARRAY_LEN(rows) * CASES);
    engine_free(e);
    rig_free(&right);
    rig_free(&other);
}

static void by_ir(void **state)
{
    compare_with(ENGINE_IR);
}

static void by_host(void **state)
{
    compare_with(ENGINE_HOST);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_ir),
        cmocka_unit_test(by_host),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
