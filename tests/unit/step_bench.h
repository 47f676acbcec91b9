/*
 * step_bench.h - a small machine that stands at 0000:7C00 before code of the test's, with a stepper on it.
 */
#ifndef OMBRA_TESTS_STEP_BENCH_H
#define OMBRA_TESTS_STEP_BENCH_H

#define _GNU_SOURCE /* memfd_create */
#include "cpu/sys.h"
#include "frontend/step/stepper.h"
#include "tests/fuzz/machine.h"
#include "tests/unit/pc_box.h"

enum { BENCH_AT = 0x7C00, BENCH_STACK = 0x7000 };

struct bench {
    struct fuzz_machine m;
    struct stepper s;
    struct cpu *c;
};

static inline void bench_open(struct bench *b, const char *code, size_t n)
{
    fuzz_machine_open(&b->m, cpu_model_find("p3"));
    fuzz_machine_run(&b->m, 2000, 2000, 1); /* the BIOS's vectors */
    b->c = pc_cpu(b->m.pc);
    assert_int_equal(stepper_open(&b->s, b->m.pc), 0);
    b->s.looking = true;
    assert_int_equal(debugger_write(&b->s.debugger, BENCH_AT, code, n), 0);
    for (unsigned i = 0; i < SEG_COUNT; i++)
        seg_load_real(b->c, (enum seg_reg)i, 0);
    cpu_set_eflags(b->c, 0);
    b->c->halt = HALT_NONE;
    b->c->attention &= ~(u32)ATT_HALT;
    memset(b->c->r, 0, sizeof b->c->r);
    b->c->ip = BENCH_AT;
    b->c->r[R_SP] = BENCH_STACK;
}

#define BENCH(b, code) bench_open(b, code, sizeof(code) - 1)

static inline void bench_close(struct bench *b)
{
    stepper_close(&b->s);
    fuzz_machine_close(&b->m);
}

#endif
