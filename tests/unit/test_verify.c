/*
 * test_verify.c - the lockstep verifier tells each kind of wrong translation, and finds nothing wrong with right ones, which see
 * the outside once only. Translations are made wrong between lifting and compiling.
 */
#include "tests/unit/test_cpu_rig.h"
#include "cpu/run.h"
#include "translator/ir.h"
#include "translator/verify.h"
#include <stdio.h>

/* What is done to the first operation OP that is found: another one, or another number (0: as it was). */
struct wrong {
    enum ir_opcode op, to;
    u64 imm;
};

struct run {
    struct rig rig;
    struct engine *engine;
    struct engine_observer observer;
    const struct wrong *wrong;
    bool spoiled, tied;
    unsigned told, views;
    u64 count;
    char what[1000];
};

static const enum engine_backend backends[] = {ENGINE_IR, ENGINE_HOST};

static void spoil(void *ctx, struct ir_block *b, const struct insn *insns)
{
    struct run *r = ctx;
    const struct wrong *w = r->wrong;
    for (unsigned i = 1; w && !r->spoiled && i < b->count; i++) {
        struct ir_op *o = &b->op[i];
        if (o->op != w->op)
            continue;
        r->spoiled = true;
        o->op = (u8)w->to;
        if (w->imm)
            o->imm = w->imm;
    }
}

static void differs(void *ctx, const struct engine_difference *d)
{
    struct run *r = ctx;
    r->told++;
    r->tied = d->tied;
    r->count = d->count;
    r->views = d->views;
    snprintf(r->what, sizeof r->what, "%s", d->what);
}

static void begin(struct run *r, enum engine_backend backend, const struct wrong *wrong)
{
    memset(r, 0, sizeof *r);
    rig_new(&r->rig, "p4");
    r->wrong = wrong;
    r->observer = (struct engine_observer){.ctx = r, .lifted = spoil, .differs = differs};
    struct engine_config config = {.backend = backend, .cache_bytes = ENGINE_CACHE_MIN, .verify = true, .observer = &r->observer};
    r->engine = engine_new(r->rig.cpu, &config);
    assert_non_null(r->engine);
}

static void end(struct run *r)
{
    engine_free(r->engine);
    rig_free(&r->rig);
}

/* ---- wrong ones ---- */

static void told(const char *code, bool real, enum engine_backend backend, struct wrong wrong, const char *text)
{
    struct run r;
    begin(&r, backend, &wrong);
    if (real)
        rig_real(&r.rig, code);
    else
        rig_protected(&r.rig, 0, code);
    rig_run(&r.rig, 1000);
    assert_true(r.spoiled);
    assert_int_equal(r.told, 1);
    assert_true(engine_differs(r.engine));
    if (!strstr(r.what, text))
        fail_msg("'%s' is not in:\n%s", text, r.what);
    end(&r);
}

/* Flat 32-bit code, by each backend. */
static void wrong(const char *code, struct wrong wrong, const char *text)
{
    for (unsigned i = 0; i < (engine_has_host() ? 2 : 1); i++)
        told(code, false, backends[i], wrong, text);
}

static void registers(void **state)
{
    wrong("B8 05 00 00 00 83 C0 03 F4" /* MOV EAX,5; ADD EAX,3; HLT */, (struct wrong){IR_ADD, IR_SUB, 0},
          "r[0]             expected 8h, got 2h\n");
    wrong("EB 01 F4 90 F4" /* JMP; HLT; NOP; HLT */, (struct wrong){IR_JMP, IR_JMP, CODE + 4},
          "ip               expected 10003h, got 10004h\n");
}

static void flags(void **state)
{
    wrong("B8 FF FF FF FF 6B C0 02 F4" /* MOV EAX,-1; IMUL EAX,EAX,2 */, (struct wrong){IR_IMUL, IR_MUL, 0},
          "CF               expected 0, got 1\n");
}

/* Also where nobody but memory has it in the end. */
static void stores(void **state)
{
    wrong("B8 05 00 00 00 83 C0 03 A3 00 50 00 00 31 C0 F4" /* MOV EAX,5; ADD EAX,3; MOV [5000h],EAX; XOR EAX,EAX */,
          (struct wrong){IR_ADD, IR_SUB, 0}, "memory 6:000   expected 08h, got 02h, was 00h\n");
    wrong("B8 00 50 00 00 89 40 04 F4" /* MOV EAX,5000h; MOV [EAX+4],EAX */, (struct wrong){IR_LEA, IR_LEA, 8},
          "memory 6:009   expected 00h, got 50h, was 00h\n");
    wrong("B8 00 50 00 00 89 40 04 F4", (struct wrong){IR_LEA, IR_LEA, 0x1004},
          "memory 6:004   4 bytes written here, not by translated code\n");
}

static void loads(void **state)
{
    wrong("B8 00 10 00 00 8B 58 08 F4" /* MOV EAX,1000h; MOV EBX,[EAX+8] */, (struct wrong){IR_LEA, IR_LEA, 12},
          "r[3]             expected FFFFh, got CF9A00h\n");
}

/* The IR interpreter raises exceptions itself; host code leaves them to the handler. */
static void exceptions(void **state)
{
    told("8A 07 F4" /* MOV AL,[BX] */, true, ENGINE_IR, (struct wrong){IR_SEG, IR_SEG, 0x20000},
         "expected no exception, got exception 13\n");
}

/* Blocks are compared several at a time; the wrong one is found all the same. */
static void which_block(void **state)
{
    struct run r;
    const struct wrong wrong = {IR_SUB, IR_ADD, 0};
    if (!engine_has_host())
        skip();
    begin(&r, ENGINE_HOST, &wrong);
    rig_protected(&r.rig, 0, "83 C0 03 EB 00 83 C1 03 EB 00 83 EA 03 EB 00 83 C3 03 F4"); /* ADD EAX,3; JMP; ...; SUB EDX,3 */
    rig_run(&r.rig, 1000);
    assert_int_equal(r.told, 1);
    assert_int_equal(r.count, 4);
    assert_int_equal(r.views, 1);
    assert_false(r.tied);
    assert_non_null(strstr(r.what, "r[2]             expected F26h, got F2Ch\n"));
    end(&r);
}

static void told_windows(void *ctx, const struct verify_difference *d)
{
    struct run *r = ctx;
    r->told++;
    r->tied = d->tied;
    r->count = d->count;
    r->views = d->steps;
    snprintf(r->what, sizeof r->what, "%s", d->what);
}

/* One block, as translated code would have done it. */
static void do_block(struct cpu *c)
{
    struct iblock *b = cpu_next_block(c, c->blocks->scratch);
    cpu_run_insns(c, b, b->count);
}

/* Blocks that are right one by one, and wrong in one go: it is the first window that is told in the end. */
static void only_together(void **state)
{
    struct run r = {0};
    rig_new(&r.rig, "p4");
    struct cpu *c = r.rig.cpu;
    rig_protected(&r.rig, 0, "83 C0 03 EB 00 83 C0 04 EB 00 F4"); /* ADD EAX,3; JMP; ADD EAX,4; JMP; HLT */
    c->r[R_AX] = 0;
    c->budget = 100;
    c->count_end = 1100;
    struct verify *v = verify_new(c, told_windows, &r);
    verify_limit(v, 2);
    verify_open(v);
    do_block(c);
    do_block(c);
    c->r[R_AX] = 8;
    assert_false(verify_close(v));
    assert_int_equal(r.told, 0);
    assert_int_equal(c->ip, CODE); /* where the window began */
    assert_int_equal(c->budget, 100);
    for (unsigned i = 0; i < 2; i++) {
        verify_limit(v, 2);
        verify_open(v);
        assert_int_equal(c->budget, 2);
        do_block(c);
        assert_int_equal(verify_close(v), i == 0);
    }
    assert_int_equal(r.told, 1);
    assert_true(r.tied);
    assert_int_equal(r.count, 1000);
    assert_int_equal(r.views, 2);
    assert_string_equal(r.what, "r[0]             expected 7h, got 8h\n");
    assert_int_equal(c->r[R_AX], 7);
    assert_int_equal(c->budget, 96);
    verify_free(v);
    rig_free(&r.rig);
}

/* ---- right ones ---- */

static void finish(struct run *r, u32 at)
{
    rig_run(&r->rig, 100000);
    assert_int_equal(r->told, 0);
    assert_int_equal(r->rig.cpu->halt, HALT_HLT);
    assert_int_equal(r->rig.cpu->ip, at);
    assert_true(engine_verified(r->engine)->blocks > 0);
}

/* A loop of several windows with registers of a device, a call, and stores at both ends of a page. */
static void outside_once(void **state)
{
    for (unsigned i = 0; i < (engine_has_host() ? 2 : 1); i++) {
        struct run r;
        begin(&r, backends[i], NULL);
        rig_protected(&r.rig, 0,
                      "B9 E8 03 00 00 89 0C 8D FE 4F 00 00 " /* MOV ECX,1000; again: MOV [ECX*4+4FFEh],ECX */
                      "E6 80 E8 04 00 00 00 E2 F0 F4 90 "    /* OUT 80h,AL; CALL; LOOP again; HLT */
                      "E4 60 A4 C3");                        /* IN AL,60h; MOVSB; RET */
        r.rig.cpu->r[R_SI] = 0x8000;
        r.rig.cpu->r[R_DI] = 0x9000;
        finish(&r, CODE + 22);
        assert_int_equal(r.rig.ins, 1000);
        assert_int_equal(r.rig.outs, 1000);
        assert_int_equal(rig_get32(&r.rig, 0x4FFE + 4), 1);
        assert_int_equal(rig_get32(&r.rig, 0x4FFE + 4000), 1000);
        assert_true(engine_verified(r.engine)->insns > 2000);
        end(&r);
    }
}

/* Accessed and dirty bits are set, faults are raised, and a page that comes and goes is seen. */
static void paging(void **state)
{
    for (unsigned i = 0; i < (engine_has_host() ? 2 : 1); i++) {
        struct run r;
        begin(&r, backends[i], NULL);
        rig_protected(
            &r.rig, 0,
            "B9 64 00 00 00 A1 00 50 00 00 40 A3 00 60 00 00 " /* MOV ECX,100; again: MOV EAX,[5000h]; INC EAX; MOV [6000h],EAX */
            "81 35 18 40 00 00 00 10 00 00 E2 E9 "             /* XOR dword [PTE of 6000h],1000h; LOOP again */
            "80 25 14 40 00 00 FE A1 00 50 00 00");            /* AND byte [PTE of 5000h],FEh; MOV EAX,[5000h] */
        rig_paging(&r.rig);
        finish(&r, rig_handler(VEC_PF) + 1);
        assert_int_equal(r.rig.cpu->cr2, 0x5000);
        assert_int_equal(rig_frame(&r.rig, 1), CODE + 35);
        assert_int_equal(rig_get32(&r.rig, PAGE_TAB + 0x18), 0x6067);
        assert_int_equal(rig_get32(&r.rig, PAGE_TAB + 0x1C), 0x7007); /* never used under that address */
        assert_int_equal(rig_get32(&r.rig, 0x6000), 1);
        assert_int_equal(rig_get32(&r.rig, 0x7000), 1);
        end(&r);
    }
}

/* MOVAPS to an address that is off by one, in a page that holds code: it is no mark of the TLB's that is off. */
static void misaligned_beside_code(void **state)
{
    for (unsigned i = 0; i < (engine_has_host() ? 2 : 1); i++) {
        struct run r;
        begin(&r, backends[i], NULL);
        rig_protected(&r.rig, 0,
                      "40 C6 05 00 08 01 00 01 0F 29 05 11 08 01 00 F4"); /* INC EAX; MOV byte [10800h],1; MOVAPS [10811h],XMM0 */
        r.rig.cpu->cr4 |= CR4_OSFXSR;
        r.rig.cpu->mxcsr = 0x1F80;
        finish(&r, rig_handler(VEC_GP) + 1);
        assert_int_equal(rig_get32(&r.rig, 0x10800), 1);
        end(&r);
    }
}

static void code_that_writes_code(void **state)
{
    for (unsigned i = 0; i < (engine_has_host() ? 2 : 1); i++) {
        struct run r;
        begin(&r, backends[i], NULL);
        rig_protected(&r.rig, 0,
                      "B9 64 00 00 00 FE 05 0D 00 01 00 " /* MOV ECX,100; again: INC byte [the ADD's number] */
                      "83 C0 00 E2 F5 F4");               /* ADD EAX,0; LOOP again */
        finish(&r, CODE + 17);
        assert_int_equal(rig_reg(&r.rig, R_AX), 5050);
        end(&r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(registers),
        cmocka_unit_test(flags),
        cmocka_unit_test(stores),
        cmocka_unit_test(loads),
        cmocka_unit_test(exceptions),
        cmocka_unit_test(which_block),
        cmocka_unit_test(only_together),
        cmocka_unit_test(outside_once),
        cmocka_unit_test(paging),
        cmocka_unit_test(misaligned_beside_code),
        cmocka_unit_test(code_that_writes_code),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
