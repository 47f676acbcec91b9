/*
 * test_string_engine.c - string instructions under the translating engine as under the interpreter: all prefixes,
 * widths and directions, counts from 0 to beyond the slice, operands over each other and over the ends of pages and
 * segments.
 */
#include "tests/unit/test_cpu_rig.h"

#include "translator/engine.h"

enum {
    CASES = 20000,
    FORMS = 240,
    FORM_BYTES = 8,
    BUFFER = 0x6000,
    BUFFER_END = 0xA000,
    ABSENT = 0x9000,
    BEHIND = 0x100,     /* what lies at 64 KiB must not be reached by 16-bit addresses */
    REAL_CODE = 0xC000, /* out of the reach of 900 doublewords from the buffer or 0, as what follows */
    REAL_IDT = 0xC800,
    REAL_HLT = 0xCC00,
    REAL_STACK = 0xCF00,
};

/* The same processor twice, without and with an engine. */
struct pair {
    struct rig plain, translated;
    struct engine *engine;
    u32 code;
};

static u32 next(u64 *r)
{
    *r = *r * 6364136223846793005u + 1442695040888963407u;
    return (u32)(*r >> 33);
}

static u32 below(u64 *r, u32 n)
{
    return next(r) % n;
}

/* FORMS of them, each with a HLT behind it. */
static void put_code(struct rig *r, u32 at)
{
    static const u8 ops[] = {0xA4, 0xA5, 0xA6, 0xA7, 0xAA, 0xAB, 0xAC, 0xAD, 0xAE, 0xAF};
    static const u8 rep[] = {0, 0xF2, 0xF3};
    for (unsigned i = 0; i < FORMS; i++) {
        u8 code[FORM_BYTES];
        unsigned n = 0;
        memset(code, 0xF4, sizeof code);
        if (i / 120)
            code[n++] = 0x26; /* ES */
        if (i / 60 & 1)
            code[n++] = 0x66;
        if (i / 30 & 1)
            code[n++] = 0x67;
        if (rep[i / 10 % 3])
            code[n++] = rep[i / 10 % 3];
        code[n] = ops[i % 10];
        phys_write(&r->phys, at + i * FORM_BYTES, code, sizeof code);
    }
}

/* Few different bytes, so that comparing goes on for a while. */
static void put_buffer(struct rig *r, u64 random)
{
    u8 buffer[BUFFER_END - BUFFER];
    for (unsigned i = 0; i < sizeof buffer;) {
        u8 v = (u8)below(&random, 2);
        for (unsigned n = below(&random, 64); n-- && i < sizeof buffer;)
            buffer[i++] = v;
    }
    phys_write(&r->phys, BUFFER, buffer, sizeof buffer);
}

/* HIGH: of those where addresses end, 32-bit ones; LOW: 16-bit ones. */
static u32 address(u64 *r, bool high, bool low)
{
    unsigned where = below(r, 8);
    if (where == 0) /* a page's end */
        return BUFFER + 0x1000 * (1 + below(r, 3)) + below(r, 32) - 16;
    if (where == 1 && high)
        return 0u - below(r, 16);
    if (where == 1 && low)
        return 0xFFF0 + below(r, 32);
    return BUFFER + 0x100 + below(r, 0x2C00);
}

static void set_registers(struct cpu *c, u64 r, unsigned form, bool wide)
{
    bool word = wide == (form / 30 & 1), high = wide && !word; /* 16-bit addresses */
    static const u16 most[] = {1, 4, 16, 40, 100, 400, 900};
    for (unsigned i = 0; i < 8; i++)
        c->r[i] = next(&r) << 1;
    c->r[R_CX] = below(&r, most[below(&r, ARRAY_LEN(most))]) | (word ? 0x10000u * below(&r, 3) : 0);
    c->r[R_AX] = below(&r, 2) ? 0x01010101u * below(&r, 2) : next(&r);
    c->r[R_SI] = address(&r, high, word);
    c->r[R_DI] = below(&r, 2) ? address(&r, high, word) : (u32)c->r[R_SI] + below(&r, 80) - 40;
    c->r[R_SP] = wide ? STACK0 : REAL_STACK;
    cpu_set_eflags(c, F_ONE | (next(&r) & (F_ARITH | F_DF)));
}

static void run_case(struct pair *p, struct rig *r, unsigned form, u64 random, bool wide)
{
    struct cpu *c = r->cpu;
    set_registers(c, random, form, wide);
    c->cr2 = 0;
    c->ip = p->code + form * FORM_BYTES;
    c->halt = HALT_NONE;
    c->attention &= ~(u32)ATT_HALT;
    for (unsigned i = 0; i < 10 && c->halt == HALT_NONE; i++)
        cpu_run(c, 300 + below(&random, 3000));
    assert_int_not_equal(c->halt, HALT_NONE);
    cpu_settle(c);
}

static void assert_same(const struct pair *p, unsigned form, unsigned n)
{
    const struct rig *a = &p->plain, *b = &p->translated;
    u64 want = state_hash(0, cpu_fields, a->cpu), got = state_hash(0, cpu_fields, b->cpu);
    if (want != got || memcmp(a->ram + BUFFER, b->ram + BUFFER, BUFFER_END - BUFFER))
        print_error("case %u, form %u: another state, IP %llx and %llx\n", n, form, (unsigned long long)a->cpu->ip,
                    (unsigned long long)b->cpu->ip);
    assert_int_equal(want, got);
    assert_memory_equal(a->ram + BUFFER, b->ram + BUFFER, BUFFER_END - BUFFER);
}

static void open_rig(struct rig *r, bool wide)
{
    rig_new(r, "p4");
    if (!wide) {
        for (u32 vector = 0; vector < 32; vector++)
            rig_put(r, REAL_IDT + vector * 4, 4, REAL_HLT);
        rig_put(r, REAL_HLT, 1, 0xF4);
        rig_real(r, "");
        seg_load_real(r->cpu, SEG_DS, 0x11); /* a segment's end is no page's end */
        seg_load_real(r->cpu, SEG_ES, 0x13);
        for (u32 at = 0x10100; at < 0x10180; at += 8) /* behind it */
            rig_put(r, at, 8, 0x0101010101010101);
        r->cpu->idtr.base = REAL_IDT;
        put_code(r, REAL_CODE);
        return;
    }
    rig_protected(r, 0, "");
    rig_paging(r);
    rig_put(r, PAGE_TAB + (ABSENT >> 12) * 4, 4, ABSENT | 6);
    put_code(r, CODE + BEHIND);
}

static void all_forms(enum engine_backend backend, bool wide)
{
    struct pair p = {.code = wide ? CODE + BEHIND : REAL_CODE};
    u64 random = wide ? 1 : 2;
    if (backend == ENGINE_HOST && !engine_has_host())
        return;
    open_rig(&p.plain, wide);
    open_rig(&p.translated, wide);
    p.engine = engine_new(p.translated.cpu, &(struct engine_config){.backend = backend, .cache_bytes = 4 << 20});
    assert_non_null(p.engine);
    for (unsigned i = 0; i < CASES; i++) {
        unsigned form = below(&random, FORMS);
        u64 seed = random;
        if (i % 16 == 0) {
            put_buffer(&p.plain, seed);
            put_buffer(&p.translated, seed);
        }
        run_case(&p, &p.plain, form, seed, wide);
        run_case(&p, &p.translated, form, seed, wide);
        assert_same(&p, form, i);
    }
    assert_true(engine_stats(p.engine)->run > engine_stats(p.engine)->interpreted);
    engine_free(p.engine);
    rig_free(&p.translated);
    rig_free(&p.plain);
}

static void flat(void **state)
{
    all_forms(ENGINE_IR, true);
    all_forms(ENGINE_HOST, true);
}

static void sixteen_bits(void **state)
{
    all_forms(ENGINE_IR, false);
    all_forms(ENGINE_HOST, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(flat), cmocka_unit_test(sixteen_bits)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
