/*
 * op_rig.h - one handler at a time: a bare struct cpu with 1 MB of RAM, segments and
 * paging set by hand, no decoder and no run loop. For test_op_*.c.
 */
#ifndef OMBRA_TESTS_OP_RIG_H
#define OMBRA_TESTS_OP_RIG_H

#include "base/log.h"
#include "cpu/exec.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
/* cmocka wants the four above first */
#include <cmocka.h>

enum {
    RIG_RAM = 1 << 20,
    RIG_PD = 0xF0000, /* page directory and the one table, used once rig_paging() was called */
    RIG_PT = 0xF1000,
    RIG_IP = 0x1000, /* offset of the instruction under test */
    RIG_OK = -1,     /* rig_run: no exception */
};

struct rig {
    struct log log;
    struct physmem phys;
    struct cpu *c;
    u8 *ram;
    struct insn in;
};

static inline void rig_page_fault(void *owner, u64 lin, u32 error)
{
    struct cpu *c = owner;
    c->cr2 = lin;
    cpu_raise_err(c, VEC_PF, error);
}

/* A segment as the bits in ATTR say, readable and writable up to LIMIT. */
static inline void rig_segment(struct rig *r, enum seg_reg seg, u32 base, u32 limit, u16 attr)
{
    struct segment *s = &r->c->seg[seg];
    *s = (struct segment){.base = base, .limit = limit, .attr = attr, .rd_top = limit, .wr_top = limit};
}

/* BITS 32: flat protected mode at CPL 0. BITS 16: real mode, all segments at 0 with 64 KB. */
static inline void rig_init(struct rig *r, unsigned bits)
{
    memset(r, 0, sizeof *r);
    log_init(&r->log, stderr);
    assert_int_equal(phys_init(&r->phys, &r->log, RIG_RAM, 0, (u64)1 << 32), 0);
    u32 frame = phys_alloc(&r->phys, RIG_RAM);
    assert_true(phys_map(&r->phys, 0, RIG_RAM, frame, PHYS_BACKED, PHYS_BACKED) > 0);
    r->ram = phys_frame_host(&r->phys, frame);
    struct cpu *c = r->c = calloc(1, sizeof *c);
    assert_non_null(c);
    mmu_init(&c->mmu, &r->phys, c);
    c->mmu.fault = rig_page_fault;
    c->eflags = F_ONE;
    c->features = FEAT_CPUID | FEAT_VME | FEAT_CMOV | FEAT_CX8;
    c->code_bits = (u8)bits;
    c->stack32 = bits == 32;
    c->cr0 = bits == 32 ? CR0_PE : 0;
    c->budget = 1 << 20;
    c->fault_vector = -1;
    for (unsigned s = 0; s < SEG_COUNT; s++)
        rig_segment(r, s, 0, bits == 32 ? 0xFFFFFFFF : 0xFFFF,
                    SEG_P | SEG_S | SEG_RW | SEG_A | (bits == 32 ? SEG_DB | SEG_G : 0));
    r->in = (struct insn){.base = REG_ZERO, .index = REG_ZERO, .seg = SEG_DS, .len = 2};
    r->in.opsize = r->in.adsize = bits == 32;
}

static inline void rig_free(struct rig *r)
{
    free(r->c);
    phys_free(&r->phys);
    log_close(&r->log);
}

/* Identity paging of the first 1 MB, all present, writable and for users. */
static inline void rig_paging(struct rig *r)
{
    st32(r->ram + RIG_PD, RIG_PT | 7);
    for (u32 i = 0; i < RIG_RAM >> PAGE_BITS; i++)
        st32(r->ram + RIG_PT + i * 4, i << PAGE_BITS | 7);
    r->c->cr0 |= CR0_PG | CR0_WP | CR0_PE;
    mmu_set_mode(&r->c->mmu, r->c->cr0, 0, 0);
    assert_true(mmu_load_cr3(&r->c->mmu, RIG_PD));
}

/* Page-table bits of the page at LIN: 0 not present, 5 read-only, 7 all. */
static inline void rig_page(struct rig *r, u32 lin, u32 bits)
{
    st32(r->ram + RIG_PT + (lin >> PAGE_BITS) * 4, (lin & 0xFFFFF000) | bits);
    mmu_flush_all(&r->c->mmu);
}

/* Executes r->in by FORMS as the run loop would. Returns RIG_OK or the vector of the fault. */
static inline int rig_run(struct rig *r, const op_fn *forms)
{
    struct cpu *c = r->c;
    r->in.end = r->in.len;
    c->cur = c->block_first = &r->in;
    c->block_ip = RIG_IP;
    c->ip = insn_next_ip(c, &r->in);
    if (setjmp(c->unwind)) {
        c->cur = NULL;
        c->ip = RIG_IP;
        return c->pend_vector;
    }
    forms[r->in.opsize * 2 + r->in.mem](c, &r->in);
    c->cur = NULL;
    return RIG_OK;
}

#define rig_exec(r, id) rig_run(r, exec_##id)

/* The E operand at [ADDR]. */
static inline void rig_mem(struct rig *r, u32 addr)
{
    r->in.mem = 1;
    r->in.base = r->in.index = REG_ZERO;
    r->in.disp = (s32)addr;
}

static inline u32 rig_flags(const struct rig *r)
{
    return flags_arith(r->c);
}

/* Deterministic numbers. */
static inline u64 rig_random(u64 *state)
{
    *state += 0x9E3779B97F4A7C15u;
    u64 z = *state;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}

#endif
