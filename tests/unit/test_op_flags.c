/*
 * test_op_flags.c - which flags PUSHF shows and POPF, CLI and STI may change, in every mode.
 */
#include "op_rig.h"

#define FORMS(id) extern const op_fn exec_##id[EXEC_FORMS]
FORMS(PUSHF);
FORMS(POPF);
FORMS(LAHF);
FORMS(SAHF);
FORMS(CLC);
FORMS(STC);
FORMS(CMC);
FORMS(CLD);
FORMS(STD);
FORMS(CLI);
FORMS(STI);
FORMS(SALC);

enum {
    ALL = 0x3F7FD7, /* every flag there is */
};

static u32 eflags(const struct rig *r)
{
    return r->c->eflags | flags_arith(r->c);
}

static void set_eflags(struct rig *r, u32 f)
{
    r->c->eflags = (f & ~(u32)F_ARITH) | F_ONE;
    flags_set_arith(r->c, f);
    r->c->attention = 0;
}

/* Mode by CR0.PE, VM and CPL. */
static void mode(struct rig *r, bool pe, bool vm, unsigned cpl, unsigned iopl, u32 cr4)
{
    r->c->cr0 = pe ? CR0_PE : 0;
    r->c->cpl = (u8)cpl;
    r->c->cr4 = cr4;
    r->c->r[R_SP] = 0x8000;
    set_eflags(r, (vm ? F_VM : 0) | iopl << 12);
}

struct popf_case {
    const char *name;
    bool pe, vm;
    unsigned cpl, iopl, opsize;
    u32 cr4;
    u32 change; /* what POPF may change; 0: #GP(0) */
};

static const struct popf_case popf_cases[] = {
    {"real 16", 0, 0, 0, 0, 0, 0, F_ARITH | F_TF | F_IF | F_DF | F_IOPL | F_NT},
    {"real 32", 0, 0, 0, 0, 1, 0, F_ARITH | F_TF | F_IF | F_DF | F_IOPL | F_NT | F_AC | F_ID},
    {"cpl 0", 1, 0, 0, 0, 1, 0, F_ARITH | F_TF | F_IF | F_DF | F_IOPL | F_NT | F_AC | F_ID},
    {"cpl 1, iopl 1", 1, 0, 1, 1, 1, 0, F_ARITH | F_TF | F_IF | F_DF | F_NT | F_AC | F_ID},
    {"cpl 3, iopl 0", 1, 0, 3, 0, 1, 0, F_ARITH | F_TF | F_DF | F_NT | F_AC | F_ID},
    {"cpl 3, iopl 0, 16", 1, 0, 3, 0, 0, CR4_PVI, F_ARITH | F_TF | F_DF | F_NT},
    {"cpl 3, iopl 3", 1, 0, 3, 3, 0, 0, F_ARITH | F_TF | F_IF | F_DF | F_NT},
    {"v86, iopl 3", 1, 1, 3, 3, 1, 0, F_ARITH | F_TF | F_IF | F_DF | F_NT | F_AC | F_ID},
    {"v86, iopl 3, VME", 1, 1, 3, 3, 0, CR4_VME, F_ARITH | F_TF | F_IF | F_DF | F_NT},
    {"v86, iopl 0", 1, 1, 3, 0, 0, 0, 0},
    {"v86, iopl 2, VME, 32", 1, 1, 3, 2, 1, CR4_VME, 0},
};

static void popf_masks(void **state)
{
    struct rig r;
    rig_init(&r, 32);
    for (unsigned i = 0; i < ARRAY_LEN(popf_cases); i++)
        for (unsigned set = 0; set < 2; set++) {
            const struct popf_case *t = &popf_cases[i];
            mode(&r, t->pe, t->vm, t->cpl, t->iopl, t->cr4);
            u32 keep = (t->vm ? F_VM : 0) | t->iopl << 12;
            set_eflags(&r, (set ? keep : (ALL & ~(F_VM | F_IOPL | F_RF)) | keep));
            u32 before = eflags(&r), popped = set ? (u32)ALL : 0;
            r.in.opsize = t->opsize & 1;
            st32(r.ram + 0x8000, popped);
            int vector = rig_exec(&r, POPF);
            if (vector != (t->change ? RIG_OK : VEC_GP))
                fail_msg("%s: vector %d", t->name, vector);
            u32 want = (before & ~t->change) | (popped & t->change);
            if (eflags(&r) != want)
                fail_msg("%s: %x from %x, not %x", t->name, eflags(&r), before, want);
            assert_int_equal(r.c->r[R_SP], t->change ? 0x8000 + (2u << t->opsize) : 0x8000);
            assert_int_equal(r.c->attention & ATT_TF, vector == RIG_OK && set ? ATT_TF : 0);
        }
    rig_free(&r);
}

static void popf_vme(void **state)
{
    struct rig r;
    rig_init(&r, 32);
    r.in.opsize = 0;
    mode(&r, true, true, 3, 0, CR4_VME);
    st32(r.ram + 0x8000, F_IF | F_DF | F_CF | F_IOPL);
    assert_int_equal(rig_exec(&r, POPF), RIG_OK);
    assert_int_equal(eflags(&r), F_ONE | F_VM | F_VIF | F_DF | F_CF);
    mode(&r, true, true, 3, 1, CR4_VME);
    r.c->eflags |= F_VIF | F_VIP | F_IF;
    st32(r.ram + 0x8000, 0);
    assert_int_equal(rig_exec(&r, POPF), RIG_OK);
    assert_int_equal(eflags(&r), F_ONE | F_VM | F_VIP | F_IF | 1 << 12);
    r.c->r[R_SP] = 0x8000; /* enabling with an interrupt pending, and TF, go to the monitor */
    st32(r.ram + 0x8000, F_IF);
    assert_int_equal(rig_exec(&r, POPF), VEC_GP);
    st32(r.ram + 0x8000, F_TF);
    assert_int_equal(rig_exec(&r, POPF), VEC_GP);
    assert_int_equal(r.c->r[R_SP], 0x8000);
    assert_int_equal(eflags(&r), F_ONE | F_VM | F_VIP | F_IF | 1 << 12);
    rig_free(&r);
}

static void pushf(void **state)
{
    struct rig r;
    rig_init(&r, 32);
    mode(&r, true, false, 0, 0, 0);
    set_eflags(&r, ALL & ~F_VM);
    assert_int_equal(rig_exec(&r, PUSHF), RIG_OK);
    assert_int_equal(ld32(r.ram + 0x7FFC), ALL & ~(F_VM | F_RF));
    mode(&r, true, true, 3, 3, 0); /* virtual-8086 mode never sees VM */
    assert_int_equal(rig_exec(&r, PUSHF), RIG_OK);
    assert_int_equal(ld32(r.ram + 0x7FFC), F_ONE | F_IOPL);
    mode(&r, true, true, 3, 0, CR4_VME);
    r.c->eflags |= F_IF;
    assert_int_equal(rig_exec(&r, PUSHF), VEC_GP); /* 32 bits */
    r.in.opsize = 0;
    assert_int_equal(rig_exec(&r, PUSHF), RIG_OK);
    assert_int_equal(ld16(r.ram + 0x7FFE), F_ONE | F_IOPL);
    r.c->eflags |= F_VIF;
    assert_int_equal(rig_exec(&r, PUSHF), RIG_OK);
    assert_int_equal(ld16(r.ram + 0x7FFC), F_ONE | F_IOPL | F_IF);
    r.c->cr4 = 0;
    assert_int_equal(rig_exec(&r, PUSHF), VEC_GP);
    assert_int_equal(r.c->r[R_SP], 0x7FFC);
    rig_free(&r);
}

static const struct {
    bool pe, vm;
    unsigned cpl, iopl;
    u32 cr4, flag; /* which flag CLI and STI change; 0: #GP(0) */
} cli_cases[] = {
    {0, 0, 0, 0, 0, F_IF}, {1, 0, 0, 0, CR4_PVI, F_IF}, {1, 0, 2, 2, 0, F_IF},        {1, 0, 2, 1, CR4_PVI, 0},
    {1, 0, 3, 0, 0, 0},    {1, 0, 3, 2, CR4_VME, 0},    {1, 0, 3, 2, CR4_PVI, F_VIF}, {1, 0, 3, 3, CR4_PVI, F_IF},
    {1, 1, 3, 0, 0, 0},    {1, 1, 3, 0, CR4_PVI, 0},    {1, 1, 3, 2, CR4_VME, F_VIF}, {1, 1, 3, 3, CR4_VME, F_IF},
};

static void cli_sti(void **state)
{
    struct rig r;
    rig_init(&r, 32);
    for (unsigned i = 0; i < ARRAY_LEN(cli_cases); i++) {
        u32 flag = cli_cases[i].flag;
        mode(&r, cli_cases[i].pe, cli_cases[i].vm, cli_cases[i].cpl, cli_cases[i].iopl, cli_cases[i].cr4);
        u32 before = eflags(&r);
        assert_int_equal(rig_exec(&r, STI), flag ? RIG_OK : VEC_GP);
        assert_int_equal(eflags(&r), before | flag);
        assert_int_equal(r.c->attention & ATT_SHADOW, flag == F_IF ? ATT_SHADOW : 0);
        r.c->attention = 0;
        assert_int_equal(rig_exec(&r, STI), flag ? RIG_OK : VEC_GP); /* already enabled: no shadow */
        assert_int_equal(r.c->attention & ATT_SHADOW, 0);
        r.c->eflags |= F_IF | F_VIF | F_VIP;
        before = eflags(&r);
        assert_int_equal(rig_exec(&r, STI), flag == F_IF ? RIG_OK : VEC_GP); /* VIP: the monitor has one waiting */
        assert_int_equal(rig_exec(&r, CLI), flag ? RIG_OK : VEC_GP);
        assert_int_equal(eflags(&r), before & ~flag);
    }
    rig_free(&r);
}

static void single_flags(void **state)
{
    struct rig r;
    rig_init(&r, 32);
    struct cpu *c = r.c;
    for (unsigned i = 0; i < 64; i++) {
        u32 f = (i & 1) | (i & 2) << 1 | (i & 4) << 2 | (i & 8) << 3 | (i & 16) << 3 | (i & 32) << 6;
        flags_set_arith(c, f);
        c->r[R_AX] = 0x12345678;
        assert_int_equal(rig_exec(&r, LAHF), RIG_OK);
        assert_int_equal(c->r[R_AX], 0x12340078 | (f & 0xFF) << 8 | F_ONE << 8);
        assert_int_equal(rig_exec(&r, SALC), RIG_OK);
        assert_int_equal((u8)c->r[R_AX], f & F_CF ? 0xFF : 0);
        assert_int_equal(rig_exec(&r, CMC), RIG_OK);
        assert_int_equal(rig_flags(&r), f ^ F_CF);
        assert_int_equal(rig_exec(&r, STC), RIG_OK);
        assert_int_equal(rig_flags(&r), f | F_CF);
        assert_int_equal(rig_exec(&r, CLC), RIG_OK);
        assert_int_equal(rig_flags(&r), f & ~(u32)F_CF);
        c->r[R_AX] = (~f & 0xFF) << 8; /* SAHF: all but OF, whatever the reserved bits say */
        assert_int_equal(rig_exec(&r, SAHF), RIG_OK);
        assert_int_equal(rig_flags(&r), (f ^ (F_ARITH & ~F_OF)) & F_ARITH);
    }
    assert_int_equal(rig_exec(&r, STD), RIG_OK);
    assert_int_equal(c->eflags, F_ONE | F_DF);
    assert_int_equal(rig_exec(&r, CLD), RIG_OK);
    assert_int_equal(c->eflags, F_ONE);
    rig_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(popf_masks), cmocka_unit_test(popf_vme),     cmocka_unit_test(pushf),
        cmocka_unit_test(cli_sti),    cmocka_unit_test(single_flags),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
