/*
 * engine.c - which blocks are translated, how they are tied together, and the loop that runs them.
 */
#include "translator/engine.h"
#include "base/host_pages.h"
#include "cpu/exec.h"
#include "cpu/run.h"
#include "cpu/x87.h"
#include "translator/irinterp.h"
#include "translator/lift.h"
#include "translator/trace.h"
#include "translator/verify.h"
#include "translator/x64/emit.h"
#include "translator/x64/runtime.h"
#include <stdlib.h>

/* A translation in the list of a decoded block that is part of it. */
struct translated {
    struct translated *next; /* of the same block */
    struct translation *t;
    struct iblock *block;
};

/* A block may have one for each mode that it runs in, and be part of others. */
struct translation {
    struct lift_mode mode;
    bool any_sse;         /* of its instructions: only then it matters what the mode says about them */
    bool x87;             /* not for a processor on which x87 instructions may raise exceptions */
    struct ir_block *ir;  /* for the IR interpreter, and for those who look on */
    struct insn *insns;   /* of all parts; NULL: there is one, and its block has them */
    struct x64_code code; /* for the host; entry is NULL where the backend could not do it */
    unsigned parts;
    struct translated part[];
};

enum {
    MODES = X64_NO_MODE, /* a machine uses a dozen */
    AT_ONCE = 16,        /* translations that begin with one block */
};

struct engine {
    struct cpu_engine hooks;
    struct cpu *c;
    struct engine_config config;
    struct engine_stats stats;
    bool running, inside;  /* the engine; translated code: until a fault leaves it too */
    u64 others, entered_at; /* instruction count that is nobody's here; where translated code was entered */
    struct irinterp *irinterp;
    struct verify *verify;    /* NULL: nobody compares */
    struct emit *emit;
    struct x64_room room;
    struct x64_thunks thunks;
    size_t thunks_end;
    struct ir_block work;
    struct lift_mode modes[MODES]; /* by number, IP apart */
    unsigned nmodes;
    struct x64_jump jumps[X64_JUMPS];
    u64 era; /* that they are of */
    struct translation **all; /* for a flush */
    size_t count, space;
    bool full; /* the last translation has found no room */
};

enum {
    TRANSLATIONS_MAX =
        256 << 10, /* also of those without code: a guest that keeps changing modes makes no end of them */
};

/* ---- modes ---- */

static struct lift_mode mode_of(const struct cpu *c)
{
    struct lift_mode m = {.ip = (u32)c->ip, .bits = c->code_bits, .stack32 = c->stack32, .priv = (u8)c->mmu.priv};
    m.code_limit = c->seg[SEG_CS].limit;
    m.x87 = !c->force_soft_fp;
    m.real = !(c->cr0 & CR0_PE);
    m.v86 = cpu_vm86(c);
    m.sse = lift_sse_usable(c);
    m.daz = c->features & FEAT_SSE2;
    for (unsigned i = 0; i < SEG_COUNT; i++)
        m.flat |= (u8)(lift_flat(c, i) << i);
    return m;
}

/* Code with SSE instructions looks itself whether they may be done by the host's: any other code leads to it. */
static bool same_but_ip(const struct lift_mode *a, const struct lift_mode *b)
{
    return a->bits == b->bits && a->stack32 == b->stack32 && a->priv == b->priv && a->code_limit == b->code_limit &&
           a->flat == b->flat && a->real == b->real && a->v86 == b->v86;
}

/* MODES: there are too many, and code of this one is not tied to other code. */
static unsigned number_of(struct engine *e, const struct lift_mode *m)
{
    unsigned i = 0;
    while (i < e->nmodes && !same_but_ip(&e->modes[i], m))
        i++;
    if (i == e->nmodes && i < MODES)
        e->modes[e->nmodes++] = *m;
    return i;
}

/* Alignment checks are the interpreter's, and so is the rest of a comparison that was left in the middle. */
static bool can_run(const struct cpu *c)
{
    return !c->rep_at && (!(c->eflags & F_AC) || c->cpl != 3 || !(c->cr0 & CR0_AM));
}

/* ---- translations ---- */

static void discard(struct translation *t)
{
    free(t->ir);
    free(t->insns);
    free(t->code.link);
    free(t->code.sites);
    free(t->code.marks);
    free(t);
}

static struct translated **list_of(const struct translated *part)
{
    return part == &part->t->part[0] ? &part->block->translated : &part->block->inside;
}

static void take_out(struct translated *part)
{
    struct translated **at = list_of(part);
    while (*at != part)
        at = &(*at)->next;
    *at = part->next;
}

/* Nothing leads to T any more, as counted in REASON. It may be running: its memory stays until the next flush. */
static void retire(struct engine *e, struct translation *t, u64 *reason)
{
    ++*reason;
    e->stats.there--;
    struct x64_jump *j = &e->jumps[x64_jump_slot(t->mode.ip)];
    if (j->code == t->code.entry)
        *j = (struct x64_jump){0};
    unsigned links = x64_unlink_all(&t->code);
    e->stats.links_there -= links;
    e->stats.links_dropped += links;
    for (unsigned i = 0; i < t->parts; i++)
        take_out(&t->part[i]);
    if (e->hooks.running == &t->code)
        cpu_attention(e->c, ATT_CODE);
}

static void drop(struct cpu_engine *hooks, struct iblock *b)
{
    struct engine *e = CONTAINER_OF(hooks, struct engine, hooks);
    while (b->translated)
        retire(e, b->translated->t, &e->stats.dropped_written);
    while (b->inside) {
        struct iblock *head = b->inside->t->part[0].block;
        head->unsteady += head->unsteady < BLOCK_UNSTEADY;
        retire(e, b->inside->t, &e->stats.dropped_written);
    }
}

static void flush(struct engine *e, u64 *reason)
{
    struct engine_stats *s = &e->stats;
    for (size_t i = 0; i < e->count; i++)
        discard(e->all[i]);
    e->count = 0;
    e->hooks.running = NULL;
    e->nmodes = 0;
    e->full = false;
    e->room.used = e->thunks_end;
    memset(e->jumps, 0, sizeof e->jumps);
    s->flushes++;
    ++*reason;
    s->dropped_flushed += s->there;
    s->links_flushed += s->links_there;
    s->there = s->links_there = 0;
}

static void flushed(struct cpu_engine *hooks)
{
    struct engine *e = CONTAINER_OF(hooks, struct engine, hooks);
    flush(e, &e->stats.flushed_blocks);
}

static bool keep(struct engine *e, struct translation *t)
{
    if (e->count == e->space) {
        size_t space = e->space ? e->space * 2 : 1024;
        struct translation **all = realloc(e->all, space * sizeof *all);
        if (!all)
            return false;
        e->all = all;
        e->space = space;
    }
    e->all[e->count++] = t;
    return true;
}

static bool keep_ir(struct translation *t, const struct ir_block *b)
{
    size_t size = offsetof(struct ir_block, op) + b->count * sizeof b->op[0];
    t->ir = malloc(size);
    if (t->ir)
        memcpy(t->ir, b, size);
    return t->ir;
}

static unsigned sites_of(const struct ir_block *b)
{
    unsigned n = 1;
    for (unsigned i = 1; i < b->count; i++)
        n += ir_leaves(&b->op[i]) || (ir_info[b->op[i].op].attrs & IR_ENDS);
    return n;
}

static void name_parts(struct translation *t, const struct lift_part *part)
{
    struct x64_code *c = &t->code;
    for (unsigned i = 0; i < t->parts; i++) {
        c->part[i] = (struct x64_part){.block = t->part[i].block, .ip = part[i].ip, .first = c->count};
        c->count += part[i].count;
    }
    c->parts = t->parts;
}

static unsigned links_of(const struct ir_block *b)
{
    unsigned n = 2; /* of the end */
    for (unsigned i = 1; i < b->count; i++)
        n += b->op[i].op == IR_EXIT;
    return n;
}

/* What the backend cannot do gets no code and is interpreted. False: no room, no memory. */
static bool compile(struct engine *e, struct translation *t, const struct lift_part *part)
{
    t->code = (struct x64_code){.ip = t->mode.ip, .mode = number_of(e, &t->mode), .lift = &t->mode,
                                .verify = e->verify, .stats = &e->stats};
    t->code.insns = t->insns ? t->insns : part->insns;
    name_parts(t, part);
    t->code.link = calloc(links_of(&e->work), sizeof *t->code.link);
    t->code.sites = aligned_alloc(_Alignof(struct x64_site), sites_of(&e->work) * sizeof *t->code.sites);
    t->code.marks = e->config.observer ? calloc(t->code.count + 1u, sizeof *t->code.marks) : NULL;
    if (!t->code.link || !t->code.sites || (e->config.observer && !t->code.marks))
        return false;
    bool empty = e->room.used == e->thunks_end;
    enum x64_result r = x64_compile(e->emit, &e->room, &e->thunks, &e->work, &t->mode, &t->code);
    e->full = r == X64_FULL && !empty;
    e->stats.refused += r != X64_DONE && !e->full;
    return !e->full;
}

/* ---- those who look on ---- */

static struct engine_view_part view_of_part(const struct translation *t, unsigned i)
{
    const struct iblock *b = t->part[i].block;
    return (struct engine_view_part){.ip = i ? t->code.part[i].ip : t->mode.ip, .insns = b->insn, .count = b->count,
                                     .bytes = b->host, .nbytes = MIN(b->bytes, PAGE_SIZE - b->offset)};
}

static struct engine_view view_of(const struct translation *t)
{
    struct engine_view v = {.bits = t->mode.bits, .parts = t->parts, .ir = t->ir, .host = t->code.entry,
                            .host_size = t->code.size, .host_at = t->code.marks};
    _Static_assert(X64_PARTS <= (int)ENGINE_PARTS, "a view is too small");
    for (unsigned i = 0; i < t->parts; i++) {
        v.part[i] = view_of_part(t, i);
        v.count += v.part[i].count;
    }
    return v;
}

static void tell_translated(const struct engine *e, const struct translation *t)
{
    const struct engine_observer *o = e->config.observer;
    if (!o || !o->translated)
        return;
    struct engine_view v = view_of(t);
    o->translated(o->ctx, &v);
}

static const struct translation *translation_at(const struct iblock *b, u32 ip)
{
    const struct translated *p = b->translated;
    while (p && p->t->mode.ip != ip)
        p = p->next;
    return p ? p->t : NULL;
}

static void tell_difference(void *ctx, const struct verify_difference *d)
{
    enum { VIEWS = 8 };
    struct engine *e = ctx;
    const struct engine_observer *o = e->config.observer;
    struct engine_view views[VIEWS];
    struct engine_difference told = {.what = d->what, .count = d->count, .tied = d->tied, .view = views};
    for (unsigned i = 0; i < d->steps && told.views < VIEWS; i++) {
        const struct translation *t = translation_at(d->step[i].block, d->step[i].ip);
        if (t)
            views[told.views++] = view_of(t);
    }
    if (o && o->differs)
        o->differs(o->ctx, &told);
}

/* ---- translating ---- */

/* Lifts as much of the trace as goes into one; what is left of it is known then. */
static bool lift(struct engine *e, struct trace *t, const struct lift_mode *mode)
{
    const struct engine_observer *o = e->config.observer;
    if (!lift_trace(&e->work, mode, t->part, &t->parts))
        return false;
    if (o && o->lifted)
        o->lifted(o->ctx, &e->work, t->part[0].insns);
    return true;
}

static bool any_sse(const struct trace *t)
{
    for (unsigned i = 0; i < t->parts; i++)
        for (unsigned k = 0; k < t->part[i].count; k++)
            if (isa_rows[t->part[i].insns[k].op].attrs & A_SSE)
                return true;
    return false;
}

static bool has_x87(const struct ir_block *b)
{
    unsigned i = 1;
    while (i < b->count && b->op[i].op != IR_X87IN)
        i++;
    return i < b->count;
}

/* Other code may lead to T: not if it stands in for a better one until SSE is usable. */
static bool may_be_tied(const struct translation *t)
{
    return t->code.mode != MODES && (t->mode.sse || !t->any_sse);
}

/* All instructions one behind the other. */
static struct insn *copy_insns(const struct trace *t)
{
    struct insn *all = malloc(t->insns * sizeof *all), *at = all;
    for (unsigned i = 0; all && i < t->parts; i++) {
        memcpy(at, t->part[i].insns, t->part[i].count * sizeof *at);
        at += t->part[i].count;
    }
    return all;
}

/* Code, and the operations where somebody wants them. */
static bool make(struct engine *e, struct translation *t, const struct trace *trace)
{
    if (trace->parts > 1 && !(t->insns = copy_insns(trace)))
        return false;
    if ((!e->emit || e->config.observer) && !keep_ir(t, &e->work))
        return false;
    return !e->emit || compile(e, t, trace->part);
}

static void put_in(struct translated *p)
{
    struct translated **list = list_of(p);
    p->next = *list;
    *list = p;
}

static void to_front(struct translated *p)
{
    if (p->block->translated != p) {
        take_out(p);
        put_in(p);
    }
}

/* A page that many processes have at addresses of their own would have a translation for each: the last ones used stay. */
static void limit(struct engine *e, const struct iblock *b)
{
    unsigned n = 0;
    for (struct translated *p = b->translated; p; p = p->next) {
        if (++n == AT_ONCE) {
            retire(e, p->t, &e->stats.dropped_many);
            return;
        }
    }
}

static struct translation *new_translation(const struct trace *trace, const struct lift_mode *mode)
{
    struct translation *t = calloc(1, sizeof *t + trace->parts * sizeof t->part[0]);
    if (!t)
        return NULL;
    t->mode = *mode;
    t->any_sse = any_sse(trace);
    t->parts = trace->parts;
    for (unsigned i = 0; i < t->parts; i++)
        t->part[i] = (struct translated){.t = t, .block = trace->block[i]};
    return t;
}

static void count_translation(struct engine_stats *s, const struct translation *t)
{
    s->translated++;
    s->there++;
    s->traces += t->parts > 1;
    s->parts += t->parts;
    s->host_bytes += t->code.size;
    for (unsigned i = 0; i < t->parts; i++) {
        s->insns_translated += t->part[i].block->count;
        s->guest_bytes += t->part[i].block->bytes;
    }
}

static struct translation *translate_trace(struct engine *e, struct trace *trace, const struct lift_mode *mode)
{
    bool lifted = lift(e, trace, mode);
    if (!lifted && trace->parts > 1)
        return NULL;
    struct translation *t = new_translation(trace, mode);
    if (!t)
        return NULL;
    t->x87 = lifted && has_x87(&e->work);
    if ((lifted && !make(e, t, trace)) || !keep(e, t)) {
        discard(t);
        return NULL;
    }
    for (unsigned i = 0; i < t->parts; i++)
        put_in(&t->part[i]);
    count_translation(&e->stats, t);
    tell_translated(e, t);
    return t;
}

/* NULL: it stays with the interpreter for now. */
static struct translation *translate(struct engine *e, struct iblock *b, const struct lift_mode *mode)
{
    struct trace trace = {0}, alone = {0};
    unsigned heat = e->emit ? e->config.threshold / 2 : TRACE_ONE_BLOCK;
    trace_find(&trace, e->c->blocks, b, mode, heat);
    struct translation *t = translate_trace(e, &trace, mode);
    bool long_one = trace.parts > 1 && !e->full;
    if ((t && (t->code.entry || t->ir)) || !long_one)
        return t;
    if (t) /* more than the backend can do at once */
        retire(e, t, &e->stats.dropped_long);
    trace_add(&alone, b, mode->ip);
    return translate_trace(e, &alone, mode);
}

static struct translation *find(struct engine *e, struct iblock *b)
{
    if (b->heat < e->config.threshold) {
        b->heat++;
        return NULL;
    }
    if (b == e->c->blocks->scratch || !can_run(e->c))
        return NULL;
    struct lift_mode mode = mode_of(e->c);
    mode.apart = b->apart;
    for (struct translated *p = b->translated; p; p = p->next) {
        struct translation *t = p->t;
        if (t->mode.ip == mode.ip && same_but_ip(&t->mode, &mode) && (!t->any_sse || t->mode.sse == mode.sse)) {
            to_front(p);
            return t;
        }
    }
    limit(e, b);
    return translate(e, b, &mode);
}

/* ---- running ---- */

static u32 linear_here(const struct engine *e)
{
    return (u32)(e->c->seg[SEG_CS].base + e->c->ip);
}

/* A is at IP, B here. A frame may be at two addresses. */
static bool same_page(const struct engine *e, const struct iblock *a, u32 ip, const struct iblock *b)
{
    u32 lin = (u32)(e->c->seg[SEG_CS].base + ip);
    return !a->frame[1] && !b->frame[1] && a->frame[0] == b->frame[0] && !((lin ^ linear_here(e)) >> PAGE_BITS);
}

/*
 * Of the code of B at the current IP, once it has been fetched. With a second page, which may be global or not: the one that is renewed
 * for both.
 */
static u64 epoch_here(struct engine *e, const struct iblock *b)
{
    return b->frame[1] ? e->c->mmu.fetch_epoch : mmu_fetch_epoch_of(&e->c->mmu, linear_here(e));
}

/* What the TLB's entry for fetches there adds; of two pages one entry says too little: what none has. */
static u64 addend_here(struct engine *e, const struct iblock *b)
{
    u64 phys, lin = linear_here(e);
    if (b->frame[1])
        return ~(u64)0;
    const u8 *host = mmu_fetch(&e->c->mmu, lin, &phys);
    return (u64)(uintptr_t)host - lin;
}

/*
 * From the block that was left by L to T, if nothing but a jump is between them: in one mode, and on one page, or so
 * that the jump can see whether the other page is still the same.
 */
static void tie(struct engine *e, struct x64_link *l, const struct iblock *from, struct translation *t,
                const struct iblock *b)
{
    if (l->ip != t->mode.ip || l->from->mode != t->code.mode || !may_be_tied(t))
        return;
    bool anew = l->to, there = same_page(e, from, l->from->ip, b);
    if (there)
        x64_link_to(l, &t->code, 0, 0);
    else
        there = x64_link_to(l, &t->code, epoch_here(e, b),
                            t->mode.flat >> SEG_CS & 1 ? addend_here(e, b) : e->c->seg[SEG_CS].base);
    e->stats.links += there;
    e->stats.links_renewed += there && anew;
    e->stats.links_there += there && !anew;
}

/* The next indirect jump to T finds it. */
static void enter_jump(struct engine *e, const struct translation *t, const struct iblock *b)
{
    if (!may_be_tied(t))
        return;
    e->jumps[x64_jump_slot(t->mode.ip)] = (struct x64_jump){x64_jump_key(epoch_here(e, b), t->code.mode) | t->mode.ip,
                                                            t->code.entry, addend_here(e, b),
                                                            (u32)e->c->seg[SEG_CS].base, t->x87};
    e->stats.jumps++;
}

/* Translations alone; the decoded blocks stay. */
static void forget_translations(struct engine *e)
{
    for (size_t i = 0; i < e->count; i++)
        for (unsigned k = 0; k < e->all[i]->parts; k++)
            *list_of(&e->all[i]->part[k]) = NULL;
    flush(e, &e->stats.flushed_full);
}

/* Before more is translated. True if something was forgotten: no block or edge in hand counts any more. */
static bool make_room(struct engine *e)
{
    if (UNLIKELY(e->verify && !verify_has_room(e->verify)))
        blocks_flush(e->c->blocks);
    else if (UNLIKELY(e->full || e->count == TRANSLATIONS_MAX))
        forget_translations(e);
    else
        return false;
    return true;
}

/* Instructions by tier: translated code's are counted way by way, all of the engine's when it is left. Between two instructions: */
static u64 count_between(const struct cpu *c)
{
    return c->count_end - (u64)c->budget;
}

static void translated_begins(struct engine *e)
{
    e->inside = true;
    e->entered_at = count_between(e->c);
}

static void translated_ends(struct engine *e, u64 count)
{
    e->inside = false;
    e->stats.run += count - e->entered_at;
}

static void engine_begins(struct engine *e)
{
    e->running = true;
    e->others = cpu_count(e->c) - e->stats.run - e->stats.interpreted;
}

static void engine_ends(struct engine *e)
{
    e->running = false;
    e->stats.interpreted = cpu_count(e->c) - e->stats.run - e->others;
}

/* A fault has left the engine, or what the interpreter did beside it. */
static void settle(struct cpu *c, struct cpu_engine *hooks)
{
    struct engine *e = CONTAINER_OF(hooks, struct engine, hooks);
    x64_flags_settle(c);
    e->stats.left_fault += e->emit && e->inside;
    if (e->inside)
        translated_ends(e, cpu_count(c));
    if (e->running)
        engine_ends(e);
    x64_x87_save(c);
}

static bool may_enter(const struct engine *e, const struct translation *t)
{
    return !t->x87 || e->c->x87_live || x87_plain(e->c);
}

static void interpret(struct engine *e, struct iblock *b)
{
    x64_x87_save(e->c);
    unsigned n = (unsigned)MIN((s64)b->count, e->c->budget);
    u32 behind = (u32)e->c->ip + b->insn[b->count - 1].end;
    cpu_run_insns(e->c, b, n);
    b->taken += n == b->count && (u32)e->c->ip != behind && b->taken < b->heat;
}

/* Another setjmp() than the processor's: exceptions of what is being compared come here. */
static void run_ir_verified(struct engine *e, struct translation *t, struct iblock *b)
{
    verify_limit(e->verify, b->count);
    if (setjmp(*verify_catch(e->verify)) == 0) {
        verify_open(e->verify);
        irinterp_run(e->irinterp, e->c, t->ir, b->insn, b->count);
    } else {
        verify_raised(e->verify);
    }
    if (verify_is_open(e->verify))
        verify_close(e->verify);
}

static void run_ir(struct engine *e)
{
    struct cpu *c = e->c;
    struct iblock *b = c->blocks->scratch;
    while (LIKELY(!c->attention) && c->budget > 0) {
        if (make_room(e))
            b = c->blocks->scratch;
        b = cpu_next_block(c, b);
        struct translation *t = (s64)b->count <= c->budget ? find(e, b) : NULL;
        if (!t || !t->ir || !may_enter(e, t)) {
            interpret(e, b);
            continue;
        }
        c->blocks->running = b;
        translated_begins(e);
        if (UNLIKELY(e->verify))
            run_ir_verified(e, t, b);
        else
            irinterp_run(e->irinterp, c, t->ir, b->insn, b->count);
        translated_ends(e, count_between(c));
    }
}

/* Code has left at a block that need not have been given flags. */
static bool flags_dead_here(struct engine *e)
{
    struct translation *t = find(e, cpu_next_block(e->c, e->c->blocks->scratch));
    return t && t->code.flags_dead;
}

/* A window is closed where code LEFT; how it has left then. */
static u64 verified(struct engine *e, u64 left)
{
    if (!verify_is_open(e->verify))
        return left;
    x64_x87_save(e->c);
    bool same = left == X64_SLICE_ENDS && flags_dead_here(e) ? verify_close_without_flags(e->verify) : verify_close(e->verify);
    return !same || left == X64_SLICE_ENDS ? X64_NO_EDGE : left;
}

/* What C made leave has been counted there. */
static void count_way_out(struct engine_stats *s, u64 left)
{
    s->left_jump += left == X64_NO_EDGE;
    s->left_slice += left == X64_SLICE_ENDS;
    s->left_edge += left > X64_SLICE_ENDS;
}

/* Runs code of MODE, which fits into the slice with the reserve, and what it is tied to. How it left. */
static u64 enter(struct engine *e, const u8 *code, u32 mode)
{
    struct cpu *c = e->c;
    if (UNLIKELY(e->era != x64_jump_era(&c->mmu))) {
        e->era = x64_jump_era(&c->mmu);
        memset(e->jumps, 0, sizeof e->jumps);
    }
    x64_set_keys(c, mode);
    translated_begins(e);
    if (UNLIKELY(e->verify)) {
        x64_x87_save(c);
        verify_limit(e->verify, X64_INSNS + X64_RESERVE);
        verify_open(e->verify);
    }
    x64_flags_in(c);
    e->stats.entered++;
    c->budget -= X64_RESERVE;
    e->hooks.running = NULL; /* an exception may have left it */
    u64 left = e->thunks.enter(c, code);
    if (left != X64_LEFT_BY_C) {
        c->budget += X64_RESERVE;
        x64_flags_out(c);
    }
    count_way_out(&e->stats, left);
    if (UNLIKELY(e->verify))
        left = verified(e, left);
    translated_ends(e, count_between(c));
    return left;
}

/*
 * Code for the IP that has been entered or jumped to before: spares the way through the decoded blocks. Not where the x87 unit may
 * be refused: that has to be found out before.
 */
static const u8 *entered_before(struct engine *e, u32 *mode)
{
    struct cpu *c = e->c;
    if (e->verify || !can_run(c))
        return NULL;
    struct lift_mode m = mode_of(c);
    const struct x64_jump *j = &e->jumps[x64_jump_slot(m.ip)];
    *mode = j->key >> 32 & 0xFF;
    if (j->x87 && !c->x87_live && !x87_plain(c))
        return NULL;
    bool here = j->key == (x64_jump_key(c->mmu.fetch_epoch, *mode) | m.ip) ||
                j->key == (x64_jump_key(c->mmu.fetch_epoch_global, *mode) | m.ip);
    return here && j->code && j->base == c->seg[SEG_CS].base && *mode < e->nmodes && same_but_ip(&e->modes[*mode], &m) ? j->code : NULL;
}

static struct translation *for_host(struct engine *e, struct iblock *b)
{
    struct translation *t = e->c->budget >= X64_INSNS + X64_RESERVE ? find(e, b) : NULL;
    return t && t->code.entry && may_enter(e, t) ? t : NULL;
}

/* Where run_host() is. */
struct host_run {
    struct iblock *block;    /* here, or the last one known */
    struct x64_link *link;   /* the edge that was left by, if it can be tied */
    bool cold;               /* interpreted code was before */
};

/* Code of the decoded block here and its mode; what was left by leads to it from now on. NULL: there is none. */
static const u8 *entered_anew(struct engine *e, struct host_run *r, struct iblock *from, u32 *mode)
{
    u64 flushes = e->stats.flushes;
    if (!r->cold)
        r->block = cpu_next_block(e->c, from);
    struct translation *t = for_host(e, r->block);
    if (!t)
        return NULL;
    if (!r->link)
        enter_jump(e, t, r->block);
    else if (flushes == e->stats.flushes)
        tie(e, r->link, from, t, r->block);
    *mode = t->code.mode;
    return t->code.entry;
}

/* Behind interpreted code the decoded blocks are asked first: most of what follows is as cold, and not in the table of jumps. */
static const u8 *code_here(struct engine *e, struct host_run *r, u32 *mode)
{
    struct iblock *from = r->block;
    if (r->cold)
        r->block = cpu_next_block(e->c, from);
    bool perhaps = !r->link && e->c->budget >= X64_INSNS + X64_RESERVE && (!r->cold || r->block->translated);
    const u8 *code = perhaps ? entered_before(e, mode) : NULL;
    return code ? code : entered_anew(e, r, from, mode);
}

static void run_host(struct engine *e)
{
    struct cpu *c = e->c;
    struct host_run r = {.block = c->blocks->scratch};
    while (LIKELY(!c->attention) && c->budget > 0) {
        if (make_room(e)) {
            r.block = c->blocks->scratch;
            r.link = NULL;
        }
        u32 mode;
        const u8 *code = code_here(e, &r, &mode);
        r.cold = !code;
        r.link = NULL;
        if (!code) {
            interpret(e, r.block);
            continue;
        }
        u64 left = enter(e, code, mode);
        if (left == X64_SLICE_ENDS && c->budget > 0) /* not behind a REP that used the slice up */
            interpret(e, r.block = cpu_next_block(c, r.block));
        if (left > X64_SLICE_ENDS) {
            r.link = (struct x64_link *)(uintptr_t)left;
            r.block = r.link->from->part[0].block; /* the last of a chain */
        }
    }
    x64_x87_save(c);
}

static void run(struct cpu *c, struct cpu_engine *hooks)
{
    struct engine *e = CONTAINER_OF(hooks, struct engine, hooks);
    engine_begins(e);
    if (e->emit)
        run_host(e);
    else
        run_ir(e);
    engine_ends(e);
}

bool engine_has_host(void)
{
#ifdef __x86_64__
    return true;
#else
    return false;
#endif
}

static bool prepare(struct engine *e)
{
    if (e->config.verify && !(e->verify = verify_new(e->c, tell_difference, e)))
        return false;
    if (e->config.backend == ENGINE_IR) {
        e->irinterp = irinterp_new(e->verify);
        return e->irinterp;
    }
    e->emit = engine_has_host() ? x64_emit_new() : NULL;
    if (!e->emit || host_exec_new(&e->room.mem, e->config.cache_bytes) < 0)
        return false;
    x64_thunks_write(&e->room, &e->thunks);
    e->thunks_end = e->room.used;
    return true;
}

struct engine *engine_new(struct cpu *c, const struct engine_config *config)
{
    struct engine *e = host_pages_new(sizeof *e);
    if (!e)
        return NULL;
    e->c = c;
    e->config = *config;
    e->hooks = (struct cpu_engine){.run = run, .dropped = drop, .flushed = flushed, .settle = settle};
    if (!prepare(e)) {
        engine_free(e);
        return NULL;
    }
    c->engine = c->blocks->engine = &e->hooks;
    c->jumps = e->jumps;
    return e;
}

void engine_free(struct engine *e)
{
    if (!e)
        return;
    if (e->c->engine)
        blocks_flush(e->c->blocks);
    e->c->engine = e->c->blocks->engine = NULL;
    irinterp_free(e->irinterp);
    x64_emit_free(e->emit);
    host_exec_free(&e->room.mem);
    verify_free(e->verify);
    free(e->all);
    host_pages_free(e, sizeof *e);
}

/* Sums where calls of C would have to be counted twice. */
const struct engine_stats *engine_stats(struct engine *e)
{
    struct engine_stats *s = &e->stats;
    s->calls = s->calls_access + s->calls_handler + s->calls_last + s->calls_repeated + s->calls_x87;
    s->probes = s->calls_access;
    s->probes_fault = s->probes - s->probes_filled - s->probes_handler;
    return s;
}

const struct verify_stats *engine_verified(const struct engine *e)
{
    return e->verify ? verify_stats(e->verify) : NULL;
}

bool engine_differs(const struct engine *e)
{
    return e->verify && verify_failed(e->verify);
}
