/*
 * test_sse_engine.c - every row of MMX, SSE and SSE2 under the translating engine as under the interpreter: registers and memory,
 * edges of the number formats, all of MXCSR, operands that are not aligned, not there, watched, or in code.
 */
#define _GNU_SOURCE /* memfd_create */
#include "tests/unit/test_cpu_rig.h"

#include "cpu/decode.h"
#include "tests/fuzz/simd_code.h"
#include "translator/engine.h"
#include "translator/lift.h"

enum { CASES = 12, COUNTS = 1000, INSN_BYTES = 16, LAST_BYTES = 3 * INSN_BYTES };

/* The same processor twice, without and with an engine. */
struct pair {
    struct rig plain, translated;
    struct engine *engine;
};

static const enum engine_backend backends[] = {ENGINE_IR, ENGINE_HOST};

static void open_rig(struct rig *r)
{
    rig_new(r, "p4");
    rig_protected(r, 0, "");
    rig_paging(r);
    rig_put(r, PAGE_TAB + 0x17 * 4, 4, 0x17006); /* behind the data: not there */
    rig_put(r, PAGE_TAB + 0x18 * 4, 4, 0x18005); /* not for writing; handlers are in it */
}

static void load(struct rig *r, const u8 *code, struct cases from)
{
    struct cpu *c = r->cpu;
    phys_write(&r->phys, CODE, code, LAST_BYTES);
    c->cr0 = (c->cr0 & ~(u32)(CR0_TS | CR0_EM)) | (cases_below(&from, 16) ? 0 : CR0_TS) | (cases_below(&from, 16) ? 0 : CR0_EM);
    c->cr4 = (cases_below(&from, 16) ? CR4_OSFXSR : 0) | (cases_below(&from, 2) ? CR4_OSXMMEXCPT : 0);
    c->cr2 = 0;
    cpu_update_mode(c);
    for (unsigned i = 0; i < 8; i++)
        c->r[i] = (u32)cases_bits(&from);
    simd_state(c, (u32)cases_next(&from));
    cpu_set_eflags(c, F_ONE | ((u32)cases_next(&from) & F_ARITH));
    c->r[R_SP] = STACK0;
    c->ip = CODE;
    c->halt = HALT_NONE;
    c->attention &= ~(u32)ATT_HALT;
    cpu_run(c, COUNTS);
    cpu_settle(c);
}

static void assert_same(const struct rig *a, const struct rig *b, const char *what)
{
    u64 want = state_hash(0, cpu_fields, a->cpu), got = state_hash(0, cpu_fields, b->cpu);
    if (want != got || memcmp(a->ram, b->ram, RIG_RAM))
        print_error("%s: another state, IP %llx and %llx\n", what, (unsigned long long)a->cpu->ip, (unsigned long long)b->cpu->ip);
    assert_int_equal(want, got);
    assert_memory_equal(a->ram, b->ram, RIG_RAM);
}

/* ADD EAX,EBX; ROW; something else that it may be in one block with; HLT. */
static void check_row(struct pair *p, const struct isa_row *row, struct cases *r)
{
    u8 code[LAST_BYTES];
    memset(code, 0xF4, sizeof code);
    code[0] = 0x01;
    code[1] = 0xD8;
    unsigned n = 2 + simd_encode(row, 32, (u32)cases_next(r), code + 2);
    simd_insn(p->plain.cpu, 32, (u32)cases_next(r), code + n);
    struct cases state = {.state = cases_next(r)};
    load(&p->plain, code, state);
    load(&p->translated, code, state);
    assert_same(&p->plain, &p->translated, row->id);
}

/* MOV BYTE [101F0h],0; MOVAPS [10801h],XMM0: in a page with code, which is in the TLB as watched; HLT. */
static void check_watched(struct pair *p)
{
    u8 code[LAST_BYTES] = {0xC6, 0x05, 0xF0, 0x01, 0x01, 0x00, 0x00, 0x0F, 0x29, 0x05, 0x01, 0x08, 0x01, 0x00, 0xF4};
    struct cases state = {.state = 12345};
    load(&p->plain, code, state);
    load(&p->translated, code, state);
    assert_in_handler(&p->translated, VEC_GP);
    assert_same(&p->plain, &p->translated, "watched page");
}

static bool open_pair(struct pair *p, enum engine_backend backend)
{
    if (backend == ENGINE_HOST && !engine_has_host())
        return false;
    open_rig(&p->plain);
    open_rig(&p->translated);
    p->engine = engine_new(p->translated.cpu, &(struct engine_config){.backend = backend, .cache_bytes = 4 << 20});
    assert_non_null(p->engine);
    return true;
}

static void all_rows(enum engine_backend backend)
{
    struct pair p;
    struct cases r = {.state = 0x9E3779B97F4A7C15ull};
    if (!open_pair(&p, backend))
        return;
    check_watched(&p);
    for (unsigned id = 1; id < ISA_COUNT; id++) {
        if (!simd_is_row(p.plain.cpu, &isa_rows[id]))
            continue;
        for (unsigned i = 0; i < CASES; i++)
            check_row(&p, &isa_rows[id], &r);
    }
    assert_true(engine_stats(p.engine)->run > engine_stats(p.engine)->interpreted);
    engine_free(p.engine);
    rig_free(&p.translated);
    rig_free(&p.plain);
}

static void same_states(void **state)
{
    for (unsigned i = 0; i < ARRAY_LEN(backends); i++)
        all_rows(backends[i]);
}

/* ---- what needs no handler ---- */

static unsigned handlers_in(const struct decoder *d, const struct isa_row *row, bool mem)
{
    static struct ir_block block;
    struct lift_mode mode = {.ip = CODE, .bits = 32, .stack32 = true, .code_limit = 0xFFFFFFFF, .flat = 0x3F, .sse = true, .x87 = true};
    struct decode_mode how = {d, 32};
    struct insn in;
    u8 code[2 * INSN_BYTES] = {0};
    simd_encode(row, 32, mem ? 1 << 15 : 0, code);
    assert_int_equal(decode(&how, code, INSN_BYTES, &in), DECODE_OK);
    in.end = in.len;
    assert_true(lift_block(&block, &mode, &in, 1));
    unsigned n = 0;
    for (unsigned i = 1; i < block.count; i++)
        n += block.op[i].op == IR_HELPER;
    return n;
}

static void few_handlers(void **state)
{
    struct decoder *d = decoder_new(cpu_model_find("p4")->features);
    unsigned rows = 0, by_handler = 0;
    for (unsigned id = 1; id < ISA_COUNT; id++) {
        const struct isa_row *row = &isa_rows[id];
        if (!(row->attrs & (A_SSE | A_MMX)))
            continue;
        rows++;
        by_handler += handlers_in(d, row, false) || handlers_in(d, row, true);
    }
    decoder_free(d);
    assert_true(rows > 230);
    assert_int_equal(by_handler, 4); /* RCP, RSQRT */
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(same_states), cmocka_unit_test(few_handlers)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
