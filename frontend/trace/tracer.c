/*
 * tracer.c - from what the processor's observer is told to records.
 *
 * An instruction is held back until it is known what it changed: until the next one begins, an event comes, or the
 * machine stands. A REP that is not finished then is held on, so that slices leave no marks.
 */
#include "frontend/trace/tracer.h"
#include "cpu/isa.h"
#include "frontend/trace/writer.h"
#include "softmmu/access.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

struct tracer {
    struct cpu *c;
    struct trace_spec spec;
    struct cpu_observer observer;
    struct trace_writer *writer;
    u64 regs[TRACE_REGS_ALL];    /* as the reader of the trace knows them */
    struct trace_record pending; /* an instruction that has begun */
    bool is_pending, pending_rep, pending_fpu;
    u64 last_lin, next_lin; /* the instruction before, and where the code goes on if it does not jump */
    bool in_rep;            /* the one before is a REP, which may go on */
    bool looks;
    bool known; /* REGS have been written once */
};

static const u32 fpu_rows = A_FPU | A_MMX | A_SSE;

/* ---- registers ---- */

/* Those from TRACE_REG_CS to TRACE_REG_CPL: where we are. */
static void take_place(const struct cpu *c, u64 *v)
{
    v[TRACE_REG_CS] = c->seg[SEG_CS].sel;
    v[TRACE_REG_CSBASE] = c->seg[SEG_CS].base;
    v[TRACE_REG_BITS] = c->code_bits == 16 ? 0x16 : 0x32;
    v[TRACE_REG_CPL] = c->cpl;
}

static void take_plain(const struct cpu *c, u64 *v)
{
    for (unsigned i = 0; i < 8; i++)
        v[TRACE_REG_EAX + i] = (u32)c->r[i];
    v[TRACE_REG_EFLAGS] = cpu_eflags(c);
    v[TRACE_REG_ES] = c->seg[SEG_ES].sel;
    v[TRACE_REG_SS] = c->seg[SEG_SS].sel;
    v[TRACE_REG_DS] = c->seg[SEG_DS].sel;
    v[TRACE_REG_FS] = c->seg[SEG_FS].sel;
    v[TRACE_REG_GS] = c->seg[SEG_GS].sel;
    take_place(c, v);
    v[TRACE_REG_CR0] = c->cr0;
    v[TRACE_REG_CR2] = c->cr2;
    v[TRACE_REG_CR3] = c->cr3;
    v[TRACE_REG_CR4] = c->cr4;
}

static void take_fpu(const struct cpu *c, u64 *v)
{
    const struct x87 *f = &c->fpu;
    for (unsigned i = 0; i < 8; i++) {
        v[TRACE_REG_FP0 + i] = f->st[i].m;
        v[TRACE_REG_FX0 + i] = f->st[i].se;
        v[TRACE_REG_XMM0L + 2 * i] = c->xmm[i].q[0];
        v[TRACE_REG_XMM0L + 2 * i + 1] = c->xmm[i].q[1];
    }
    v[TRACE_REG_FCTL] = (u64)f->cw << 48 | (u64)f->sw << 32 | (u64)f->top << 16 | f->empty;
    v[TRACE_REG_MXCSR] = c->mxcsr;
}

/* Takes over the first N of NOW. Which differed. */
static u64 update(u64 *regs, const u64 *now, unsigned n)
{
    u64 changed = 0;
    for (unsigned i = 0; i < n; i++) {
        changed |= (u64)(regs[i] != now[i]) << i;
        regs[i] = now[i];
    }
    return changed;
}

/* Brings REGS to where the processor is. Which changed. */
static u64 update_regs(struct tracer *t, bool fpu)
{
    u64 now[TRACE_REGS_ALL];
    take_plain(t->c, now);
    if (fpu)
        take_fpu(t->c, now);
    return update(t->regs, now, fpu ? TRACE_REGS_ALL : TRACE_REGS_PLAIN);
}

/* The same for traces without instructions: only what tells where we are. */
static u64 update_place(struct tracer *t)
{
    u64 now[TRACE_REGS_PLAIN];
    memcpy(now, t->regs, sizeof now);
    take_place(t->c, now);
    return update(t->regs, now, TRACE_REGS_PLAIN);
}

/* ---- records ---- */

static void put(struct tracer *t, const struct trace_record *r)
{
    trace_writer_put(t->writer, r, t->regs);
}

static struct trace_record record(const struct cpu *c, enum trace_kind kind)
{
    return (struct trace_record){.kind = kind, .count = cpu_count(c), .ip = cpu_here(c)};
}

/* Registers that changed since they were last written, and not by the instruction in hand. */
static void put_regs(struct tracer *t, u64 changed)
{
    struct trace_record r = record(t->c, TRACE_REGS);
    r.changed = t->known ? changed : BIT64(TRACE_REGS_ALL) - 1;
    t->known = true;
    if (r.changed)
        put(t, &r);
}

/* As far as is needed for what comes next. */
static void sync_place(struct tracer *t)
{
    if (!t->known)
        put_regs(t, update_regs(t, true));
    else if (!t->is_pending)
        put_regs(t, update_place(t));
}

static void put_pending(struct tracer *t)
{
    if (!t->is_pending)
        return;
    t->pending.changed = update_regs(t, t->pending_fpu);
    put(t, &t->pending);
    t->is_pending = false;
}

static bool is_wanted(const struct tracer *t)
{
    const struct cpu *c = t->c;
    return trace_set_has(&t->spec.addr, (u32)(c->seg[SEG_CS].base + cpu_here(c))) &&
           trace_set_has(&t->spec.cpl, c->cpl) && trace_set_has(&t->spec.cr3, c->cr3);
}

/* ---- what the processor tells ---- */

/* Code that crosses a page, or is not in the TLB; where it lies in registers of a device it reads as zeros. */
static void take_bytes_slow(const struct cpu *c, u64 lin, u8 *to, unsigned len)
{
    const struct physmem *p = c->mmu.phys;
    for (unsigned i = 0; i < len; i++) {
        u64 at = (u32)(lin + i), phys;
        u32 frame = mmu_peek(&c->mmu, at, &phys) ? phys_read_frame(p, phys) : PHYS_SLOW;
        to[i] = !frame || frame & PHYS_SLOW ? 0 : phys_frame_host(p, frame)[at & (PAGE_SIZE - 1)];
    }
}

static void begin_insn(struct tracer *t, const struct insn *in, u64 lin)
{
    const struct cpu *c = t->c;
    const u8 *code = tlb_hit(c->mmu.fe, lin, in->len);
    u32 attrs = isa_rows[in->op].attrs;
    t->pending = record(c, TRACE_INSN);
    t->pending.len = in->len;
    if (LIKELY(code != NULL))
        memcpy(t->pending.bytes, code, in->len);
    else
        take_bytes_slow(c, lin, t->pending.bytes, in->len);
    t->pending_rep = in->rep && (attrs & A_REP);
    t->pending_fpu = attrs & fpu_rows;
    t->is_pending = true;
}

/* The REP in hand was not finished when its slice ended. */
static bool goes_on(const struct tracer *t)
{
    return t->is_pending && t->pending_rep && t->c->ip == t->pending.ip;
}

static void on_insn(void *ctx, const struct cpu *c, const struct insn *in)
{
    struct tracer *t = ctx;
    u64 lin = (u32)(c->seg[SEG_CS].base + c->ip);
    bool insns = t->spec.kinds & BIT(TRACE_INSN), blocks = t->spec.kinds & BIT(TRACE_BLOCK);
    if (goes_on(t))
        return;
    put_pending(t);
    bool jumped = lin != t->next_lin && !(t->in_rep && lin == t->last_lin);
    t->next_lin = (u32)(lin + in->len);
    t->last_lin = lin;
    t->in_rep = in->rep && (isa_rows[in->op].attrs & A_REP);
    if (!is_wanted(t))
        return;
    if (insns)
        put_regs(t, update_regs(t, !t->known || (isa_rows[in->op].attrs & fpu_rows)));
    if (jumped && blocks) {
        sync_place(t);
        struct trace_record r = record(c, TRACE_BLOCK);
        put(t, &r);
    }
    if (insns)
        begin_insn(t, in, lin);
}

static void on_event(void *ctx, const struct cpu *c, u8 vector, enum event_kind kind, bool has_error, u32 error)
{
    struct tracer *t = ctx;
    put_pending(t);
    t->next_lin = ~(u64)0;
    if (!(t->spec.kinds & BIT(TRACE_INT)) || !is_wanted(t))
        return;
    sync_place(t);
    struct trace_record r = record(c, TRACE_INT);
    r.vector = vector;
    r.source = (u8)kind;
    r.has_error = has_error;
    r.error = error;
    put(t, &r);
}

static void put_access(struct tracer *t, enum trace_kind kind, u64 addr, u64 value, unsigned size, bool write)
{
    if (!is_wanted(t))
        return;
    sync_place(t);
    struct trace_record r = record(t->c, kind);
    r.addr = addr;
    r.value = size < 8 ? value & (BIT64(size * 8) - 1) : value;
    r.size = (u8)size;
    r.write = write;
    put(t, &r);
}

static void on_memory(void *ctx, const struct cpu *c, u64 lin, u64 value, unsigned size, bool write)
{
    struct tracer *t = ctx;
    if (trace_set_has(&t->spec.data, lin))
        put_access(t, TRACE_MEM, lin, value, size, write);
}

static void on_port(void *ctx, const struct cpu *c, u16 port, u32 value, unsigned size, bool write)
{
    struct tracer *t = ctx;
    if (trace_set_has(&t->spec.port, port))
        put_access(t, TRACE_PORT, port, value, size, write);
}

/* ---- for the session ---- */

int tracer_open(struct tracer **to, const char *spec, const char *path, bool binary, const struct symbols *symbols,
                char *error, size_t error_size)
{
    struct tracer *t = calloc(1, sizeof *t);
    int r = t ? trace_spec_parse(&t->spec, spec, symbols, error, error_size) : -ENOMEM;
    if (!t)
        snprintf(error, error_size, "not enough memory");
    if (r == 0)
        r = trace_writer_open(&t->writer, path, binary, spec, symbols, error, error_size);
    if (r) {
        free(t);
        return r;
    }
    u32 kinds = t->spec.kinds;
    bool insns = kinds & (BIT(TRACE_INSN) | BIT(TRACE_BLOCK));
    t->next_lin = ~(u64)0;
    t->observer = (struct cpu_observer){.ctx = t,
                                        .insn = insns ? on_insn : NULL,
                                        .event = insns || kinds & BIT(TRACE_INT) ? on_event : NULL,
                                        .memory = kinds & BIT(TRACE_MEM) ? on_memory : NULL,
                                        .port = kinds & BIT(TRACE_PORT) ? on_port : NULL};
    *to = t;
    return 0;
}

void tracer_start(struct tracer *t, struct cpu *c)
{
    if (t)
        t->c = c;
}

static void look(struct tracer *t, bool on)
{
    if (on == t->looks)
        return;
    t->looks = on;
    if (!on) {
        put_pending(t);
        t->next_lin = ~(u64)0;
    }
    cpu_observe(t->c, on ? &t->observer : NULL);
}

/* How many counts from NOW on are all wanted, or all not. */
static u64 until_change(const struct trace_set *s, u64 now)
{
    u64 next = ~(u64)0;
    for (unsigned i = 0; i < s->count; i++) {
        if (s->range[i].first > now)
            next = MIN(next, s->range[i].first);
        else if (s->range[i].last >= now && s->range[i].last != ~(u64)0)
            next = MIN(next, s->range[i].last + 1);
    }
    return next - now;
}

u64 tracer_counts(struct tracer *t, u64 max)
{
    if (!t)
        return max;
    u64 now = cpu_count(t->c);
    look(t, trace_set_has(&t->spec.counts, now));
    return MIN(max, until_change(&t->spec.counts, now));
}

int tracer_ran(struct tracer *t)
{
    if (!t)
        return 0;
    if (!goes_on(t))
        put_pending(t);
    return trace_writer_error(t->writer);
}

int tracer_close(struct tracer *t)
{
    if (!t)
        return 0;
    if (t->c)
        look(t, false);
    int r = trace_writer_close(t->writer);
    free(t);
    return r;
}
