/*
 * verify.c - windows of translated code, and the same once more by the interpreter.
 */
#include "translator/verify.h"
#include "cpu/exec.h"
#include "cpu/run.h"
#include "softmmu/walk.h"
#include "translator/fill.h"
#include <inttypes.h>
#include <stdlib.h>

enum {
    WINDOW = 512, /* instructions in a window: what it costs is paid by many */
    PAGES = 16,   /* that may be stored into */
    STEPS = 256,  /* of the interpreter's way that are remembered */
    STORES = 256, /* of the interpreter beside those pages: they can be undone */
};

struct page {
    u32 frame;
    u8 before[PAGE_SIZE];
    u8 after[PAGE_SIZE]; /* by translated code */
};

/* The interpreter's into a page that translated code has not stored into. */
struct store {
    u32 frame;
    u16 offset, len;
    u64 before;
};

struct verify {
    struct cpu *c;
    void (*differs)(void *ctx, const struct verify_difference *d);
    void *ctx;
    struct verify_stats stats;
    struct cpu *base;  /* what a window began with; budget and mmu are not kept there */
    struct cpu *after; /* what translated code made of it */
    bool open, replaying, failed;
    unsigned limit; /* of instructions in the next window */
    s64 held;       /* of the slice, while a window is open */
    s64 begin;      /* budget at the window's beginning, after holding back */
    bool midway;    /* the window begins in the middle of a block */
    bool catches;
    jmp_buf caught, unwind; /* where exceptions go while a window is open, and else */
    struct page page[PAGES];
    unsigned pages;
    struct store store[STORES];
    unsigned stores, lost_stores;
    struct verify_step step[STEPS];
    unsigned steps, lost_steps;
    s64 again;  /* instructions that are to be run again, block by block */
    char *wide; /* what was different then */
    struct verify_step wide_step[STEPS];
    unsigned wide_steps;
    u64 wide_count;
    char *text; /* the last difference */
    size_t text_size;
    FILE *out; /* into TEXT, while two states are compared */
};

/* ---- the processor's state ---- */

/* Everything but the MMU, what comes from the machine, and where faults go. */
static void copy_state(struct cpu *to, const struct cpu *from)
{
    enum { FIRST = offsetof(struct cpu, mmu), SECOND = offsetof(struct cpu, db_pending), END = offsetof(struct cpu, unwind) };
    memcpy(to, from, FIRST);
    memcpy((u8 *)to + SECOND, (const u8 *)from + SECOND, END - SECOND);
}

/* Where a processor is in its slice and its block: no state of the guest's. */
struct standing {
    const struct insn *cur, *block_first;
    u64 block_ip, count_end;
    s64 budget;
    u32 rep_done;
    u16 hflags;
    u32 x87_op, x87_ip, x87_dp, access_at;
    u8 x87_seg;
};

static struct standing standing_of(const struct cpu *c)
{
    return (struct standing){c->cur, c->block_first, c->block_ip, c->count_end, c->budget, c->rep_done, c->hflags,
                             c->x87_op, c->x87_ip, c->x87_dp, c->access_at, c->x87_seg};
}

static void stand(struct cpu *c, const struct standing *s)
{
    c->cur = s->cur;
    c->block_first = s->block_first;
    c->block_ip = s->block_ip;
    c->count_end = s->count_end;
    c->budget = s->budget;
    c->rep_done = s->rep_done;
    c->hflags = s->hflags;
    c->x87_op = s->x87_op;
    c->x87_ip = s->x87_ip;
    c->x87_dp = s->x87_dp;
    c->access_at = s->access_at;
    c->x87_seg = s->x87_seg;
}

static void settle_flags(struct cpu *c)
{
    flags_set_arith(c, flags_arith(c));
}

/* Budget as between two instructions. */
static s64 budget_between(const struct cpu *c)
{
    return c->budget - (c->cur ? c->cur - c->block_first : 0);
}

/* ---- pages ---- */

static struct page *page_of(struct verify *v, u32 frame)
{
    for (unsigned i = 0; i < v->pages; i++)
        if (v->page[i].frame == frame)
            return &v->page[i];
    return NULL;
}

static u8 *memory_of(const struct verify *v, u32 frame)
{
    return phys_frame_host(v->c->mmu.phys, frame);
}

static void keep_page(struct verify *v, u32 frame)
{
    if (page_of(v, frame))
        return;
    struct page *p = &v->page[v->pages++];
    p->frame = frame;
    memcpy(p->before, memory_of(v, frame), PAGE_SIZE);
}

/* Stores of the next window are to be seen again. */
static void forget_pages(struct verify *v)
{
    for (unsigned i = 0; i < v->pages; i++) {
        mmu_drop_write(&v->c->mmu, v->page[i].frame);
        v->c->mmu.phys->frames[v->page[i].frame].flags &= (u8)~FRAME_ENTRIES;
    }
    v->pages = v->stores = v->lost_stores = 0;
}

static void pages_back(struct verify *v)
{
    for (unsigned i = 0; i < v->pages; i++) {
        memcpy(v->page[i].after, memory_of(v, v->page[i].frame), PAGE_SIZE);
        memcpy(memory_of(v, v->page[i].frame), v->page[i].before, PAGE_SIZE);
    }
}

/* Before any store by C code. */
static void on_store(void *ctx, u32 frame, u32 offset, u32 len)
{
    struct verify *v = ctx;
    if (!v->replaying || page_of(v, frame))
        return;
    if (v->stores == STORES || len > 8) {
        v->lost_stores++;
        return;
    }
    struct store *s = &v->store[v->stores++];
    *s = (struct store){.frame = frame, .offset = (u16)offset, .len = (u16)len};
    memcpy(&s->before, memory_of(v, frame) + offset, len);
}

/* Memory as the window found it, after the interpreter was there. */
static void undo(struct verify *v)
{
    while (v->stores) {
        const struct store *s = &v->store[--v->stores];
        phys_store(v->c->mmu.phys, s->frame, s->offset, &s->before, s->len);
    }
    for (unsigned i = 0; i < v->pages; i++)
        memcpy(memory_of(v, v->page[i].frame), v->page[i].before, PAGE_SIZE);
}

/* ---- accesses in a window ---- */

/* An access that neither faults nor sets a bit in a page table. */
static bool is_quiet(const struct mmu *m, u32 lin, bool write)
{
    struct walk w;
    if (!m->paging)
        return true;
    walk_read(m, lin, &w);
    if (!w.present || w.reserved || (m->priv == TLB_USER && !(w.rights & TLB2_USER)))
        return false;
    if (write && !(w.rights & TLB2_WRITE) && (m->priv == TLB_USER || m->wp))
        return false;
    for (unsigned i = 0; i < w.steps; i++)
        if (!(w.step[i].entry & PTE_A))
            return false;
    return !write || w.rights & TLB2_DIRTY;
}

bool verify_fill(struct verify *v, u32 lin, unsigned size, bool write, const struct fill_group *g)
{
    struct mmu *m = &v->c->mmu;
    write |= g->write;
    if (!is_quiet(m, lin, write) || (write && v->pages == PAGES))
        return false;
    m->phys->journal_store = NULL; /* so that plain memory gets an entry for writing */
    bool filled = fill_probe(m, lin, size, write, g);
    m->phys->journal_store = on_store;
    const struct tlb_entry *e = &m->wr[lin >> PAGE_BITS & (TLB_SIZE - 1)]; /* be it of use or not */
    if (write && (e->tag & ~(u64)TLB_WATCHED) == (lin & (u32)PAGE_MASK))
        keep_page(v, phys_host_frame(m->phys, (const void *)(uintptr_t)(lin + e->addend)));
    return filled;
}

/* ---- windows ---- */

void verify_limit(struct verify *v, unsigned enough)
{
    v->limit = v->again > 0 ? enough : WINDOW;
}

bool verify_has_room(const struct verify *v)
{
    const size_t most = sizeof(struct iblock) + BLOCK_MAX_INSNS * sizeof(struct insn);
    return v->c->blocks->used + (WINDOW + 1) * most <= BLOCK_ARENA;
}

void verify_open(struct verify *v)
{
    struct cpu *c = v->c;
    v->held = MAX(c->budget - (s64)v->limit, 0);
    c->budget -= v->held;
    v->begin = budget_between(c);
    v->midway = c->cur;
    if (c->cur) { /* behind it */
        v->begin--;
        c->ip = insn_next_ip(c, c->cur);
    }
    copy_state(v->base, c);
    v->base->cur = NULL;
    v->open = true;
    if (v->catches) {
        memcpy(&v->unwind, &c->unwind, sizeof v->unwind);
        memcpy(&c->unwind, &v->caught, sizeof c->unwind);
    }
}

jmp_buf *verify_catch(struct verify *v)
{
    v->catches = true;
    return &v->caught;
}

bool verify_is_open(const struct verify *v)
{
    return v->open;
}

/* ---- the interpreter's turn ---- */

static void remember_step(struct verify *v, struct iblock *b, unsigned count)
{
    if (v->steps == STEPS) {
        v->lost_steps++;
        return;
    }
    v->step[v->steps++] = (struct verify_step){b, (u32)v->c->ip, count};
}

static void run_insns(struct verify *v)
{
    struct cpu *c = v->c;
    struct iblock *b = c->blocks->scratch;
    while (c->budget > 0 && !c->attention) {
        b = cpu_next_block(c, b);
        unsigned n = (unsigned)MIN((s64)b->count, c->budget);
        remember_step(v, b, n);
        cpu_run_insns(c, b, n);
    }
}

/* N instructions from the window's beginning. False if one of them faults. */
static bool interpret(struct verify *v, s64 n)
{
    struct cpu *c = v->c;
    jmp_buf unwind;
    struct iblock *running = c->blocks->running;
    volatile bool faulted = true;
    memcpy(&unwind, &c->unwind, sizeof unwind);
    copy_state(c, v->base);
    c->budget = n;
    v->steps = v->lost_steps = 0;
    v->replaying = true;
    if (setjmp(c->unwind) == 0) {
        run_insns(v);
        faulted = false;
    }
    v->replaying = false;
    c->blocks->running = running;
    memcpy(&c->unwind, &unwind, sizeof unwind);
    return !faulted;
}

/* ---- comparing ---- */

struct wanted {
    struct verify *v;
    const struct cpu *other;
};

static u64 number_at(const struct field *f, const void *p)
{
    u64 n = 0;
    memcpy(&n, p, MIN((size_t)f->size, sizeof n));
    return n;
}

static void compare_field(void *ctx, const char *path, const struct field *f, const void *p)
{
    struct wanted *w = ctx;
    const void *other = (const u8 *)w->other + ((const u8 *)p - (const u8 *)w->v->c);
    if (!memcmp(p, other, f->size) || !strcmp(path, "cpu.lf_res") || !strcmp(path, "cpu.lf_aux"))
        return;
    fprintf(w->v->out, "%-16s expected %" PRIX64 "h, got %" PRIX64 "h\n", path + 4, number_at(f, p), number_at(f, other));
}

static void compare_flags(struct verify *v)
{
    static const struct {
        u32 bit;
        char name[3];
    } names[] = {{F_CF, "CF"}, {F_PF, "PF"}, {F_AF, "AF"}, {F_ZF, "ZF"}, {F_SF, "SF"}, {F_OF, "OF"}};
    u32 right = flags_arith(v->c), got = flags_arith(v->after);
    for (unsigned i = 0; i < ARRAY_LEN(names); i++)
        if ((right ^ got) & names[i].bit)
            fprintf(v->out, "%-16s expected %d, got %d\n", names[i].name, !!(right & names[i].bit), !!(got & names[i].bit));
}

static bool same_memory(const struct cpu *a, const struct cpu *b)
{
    enum {
        FIRST = offsetof(struct cpu, mmu),
        SECOND = offsetof(struct cpu, db_pending),
        END = offsetof(struct cpu, fault_vector)
    };
    return !memcmp(a, b, FIRST) && !memcmp((const u8 *)a + SECOND, (const u8 *)b + SECOND, END - SECOND);
}

static void compare_state(struct verify *v)
{
    struct cpu *c = v->c, *t = v->after;
    t->mmu.a20_mask = c->mmu.a20_mask;
    t->poll = c->poll;
    memcpy(t->mmu.pdpte, c->mmu.pdpte, sizeof t->mmu.pdpte);
    state_walk("cpu", cpu_fields, c, compare_field, &(struct wanted){v, t});
    compare_flags(v);
}

static void compare_page(struct verify *v, const struct page *p)
{
    enum { SHOWN = 8 };
    const u8 *right = memory_of(v, p->frame);
    unsigned different = 0;
    if (!memcmp(right, p->after, PAGE_SIZE))
        return;
    for (unsigned i = 0; i < PAGE_SIZE; i++) {
        if (right[i] == p->after[i])
            continue;
        if (different++ < SHOWN)
            fprintf(v->out, "memory %X:%03X   expected %02Xh, got %02Xh, was %02Xh\n", p->frame, i, right[i], p->after[i],
                    p->before[i]);
    }
    if (different > SHOWN)
        fprintf(v->out, "  and %u bytes more of frame %X\n", different - SHOWN, p->frame);
}

static void compare_memory(struct verify *v)
{
    for (unsigned i = 0; i < v->pages; i++)
        compare_page(v, &v->page[i]);
    for (unsigned i = 0; i < v->stores; i++)
        fprintf(v->out, "memory %X:%03X   %u bytes written here, not by translated code\n", v->store[i].frame, v->store[i].offset,
                v->store[i].len);
    if (v->lost_stores)
        fprintf(v->out, "  and %u more\n", v->lost_stores);
}

/* Nothing to look closer at. */
static bool alike(const struct verify *v, bool faulted)
{
    if (faulted || v->stores || v->lost_stores || !same_memory(v->c, v->after))
        return false;
    for (unsigned i = 0; i < v->pages; i++)
        if (memcmp(memory_of(v, v->page[i].frame), v->page[i].after, PAGE_SIZE) != 0)
            return false;
    return true;
}

/* After N instructions of translated code, of which the interpreter has done all but LEFT. True: both are the same. */
static bool compare(struct verify *v, s64 n, s64 left, bool faulted)
{
    if (left == 0 && alike(v, faulted))
        return true;
    free(v->text);
    v->text = NULL;
    v->out = open_memstream(&v->text, &v->text_size);
    if (!v->out)
        return false;
    if (faulted)
        fprintf(v->out, "expected exception %u after %lld instructions, got none after %lld\n", v->c->pend_vector,
                (long long)(n - left), (long long)n);
    else if (left)
        fprintf(v->out, "expected attention %Xh after %lld instructions, got none after %lld\n", v->c->attention,
                (long long)(n - left), (long long)n);
    compare_state(v);
    compare_memory(v);
    fclose(v->out);
    return v->text_size == 0;
}

/* ---- telling ---- */

static u64 count_at_begin(const struct verify *v)
{
    return v->base->count_end - (u64)(v->begin + v->held);
}

static void tell(struct verify *v, const struct verify_difference *d)
{
    v->failed = true;
    v->again = 0;
    v->c->attention |= ATT_STOP;
    v->differs(v->ctx, d);
}

/* The window's blocks are to be run again one by one. */
static void narrow(struct verify *v, s64 n)
{
    v->wide = v->text;
    v->text = NULL;
    v->wide_count = count_at_begin(v);
    v->wide_steps = v->steps;
    memcpy(v->wide_step, v->step, sizeof v->step);
    v->again = n;
    undo(v);
    copy_state(v->c, v->base);
    v->c->budget = v->begin + v->held;
}

/* The machine stands between two instructions: where the window began, or where the interpreter has come to. */
static void differ(struct verify *v, s64 n)
{
    if (!v->wide && !v->midway && v->steps > 1 && !v->lost_stores) {
        narrow(v, n);
        return;
    }
    tell(v, &(struct verify_difference){
                .what = v->text ? v->text : "", .count = count_at_begin(v), .step = v->step, .steps = v->steps});
}

/* N instructions more are right on their own. */
static void right_again(struct verify *v, s64 n)
{
    v->again -= n;
    if (v->again <= 0)
        tell(v, &(struct verify_difference){
                    .what = v->wide, .count = v->wide_count, .tied = true, .step = v->wide_step, .steps = v->wide_steps});
}

/* ---- the end of a window ---- */

static void count(struct verify *v, s64 n)
{
    v->stats.windows++;
    v->stats.blocks += v->steps + v->lost_steps;
    v->stats.insns += (u64)n;
    if (UNLIKELY(v->again > 0))
        right_again(v, n);
}

static bool close_window(struct verify *v, bool flags)
{
    struct cpu *c = v->c, *t = v->after;
    s64 between = budget_between(c), n = v->begin - between;
    struct standing here = standing_of(c);
    v->open = false;
    if (v->catches)
        memcpy(&c->unwind, &v->unwind, sizeof c->unwind);
    settle_flags(c);
    copy_state(t, c);
    t->ip = cpu_here(c);
    pages_back(v);
    bool faulted = !interpret(v, n);
    s64 left = budget_between(c);
    settle_flags(c);
    c->ip = cpu_here(c);
    struct standing now = standing_of(c);
    stand(t, &now);
    if (!flags) {
        t->lf_res = c->lf_res;
        t->lf_aux = c->lf_aux;
    }
    bool same = compare(v, n, left, faulted);
    c->cur = NULL;
    c->rep_done = 0;
    c->budget = between + v->held;
    if (same)
        count(v, n);
    else
        differ(v, n);
    forget_pages(v);
    if (!same || v->failed)
        return false;
    here.budget += v->held;
    stand(c, &here);
    if (c->cur)
        c->ip = insn_next_ip(c, c->cur);
    return true;
}

bool verify_close(struct verify *v)
{
    return close_window(v, true);
}

bool verify_close_without_flags(struct verify *v)
{
    return close_window(v, false);
}

void verify_raised(struct verify *v)
{
    struct cpu *c = v->c;
    char what[64];
    snprintf(what, sizeof what, "expected no exception, got exception %u\n", c->pend_vector);
    if (!verify_close(v))
        return;
    const struct insn *in = c->cur;
    in->fn(c, in);
    cpu_account(c, in + 1 - c->block_first);
    tell(v, &(struct verify_difference){.what = what, .count = cpu_count(c) - 1, .step = v->step, .steps = v->steps});
}

bool verify_failed(const struct verify *v)
{
    return v->failed;
}

const struct verify_stats *verify_stats(const struct verify *v)
{
    return &v->stats;
}

/* ---- beginning and end ---- */

struct verify *verify_new(struct cpu *c, void (*differs)(void *ctx, const struct verify_difference *d), void *ctx)
{
    struct verify *v = calloc(1, sizeof *v);
    if (!v)
        return NULL;
    v->c = c;
    v->differs = differs;
    v->ctx = ctx;
    v->base = calloc(1, sizeof *v->base);
    v->after = calloc(1, sizeof *v->after);
    if (!v->base || !v->after) {
        verify_free(v);
        return NULL;
    }
    c->mmu.phys->journal_store = on_store;
    c->mmu.phys->journal_ctx = v;
    mmu_flush_all(&c->mmu);
    return v;
}

void verify_free(struct verify *v)
{
    if (!v)
        return;
    v->c->mmu.phys->journal_store = NULL;
    free(v->base);
    free(v->after);
    free(v->text);
    free(v->wide);
    free(v);
}
