/*
 * rig.c - a machine that runs a piece of guest code, and what the translator made of it.
 */
#include "tests/unit/test_cpu_rig.h"
#include "cpu/x87.h"
#include "tests/golden/golden.h"
#include "translator/ir.h"

/* What instructions without a loop work with: [EBX+10h] and the stack hold an address of a HLT. */
enum {
    TARGET = GOLDEN_CODE + 0x100,
    NEAR_TARGET = 0x100,
    MEMORY = 0x8000,
    STACK = 0x1D000,
    SOURCE = 0x40000,
    DESTINATION = 0x48000
};
enum { BUDGET = 1000000 };

struct look {
    struct made made;
    const struct reader *reader;
};

/* Operations of the first instruction. */
static bool is_lifted(const struct ir_block *b)
{
    unsigned i = 2;
    while (i < b->count && b->op[i].op != IR_INSN && b->op[i].op != IR_HELPER && b->op[i].op != IR_LAST)
        i++;
    return i == b->count || b->op[i].op == IR_INSN;
}

static char *guest_text(const struct look *l, const struct engine_view *v)
{
    char *text;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    struct decode_mode mode = {l->reader->decoder, (u8)v->bits};
    for (unsigned i = 0; i < v->parts; i++) {
        const struct engine_view_part *p = &v->part[i];
        for (unsigned k = 0; k < p->count; k++) {
            struct disasm_line line;
            unsigned at = p->insns[k].end - p->insns[k].len;
            disasm_one(l->reader->disasm, &mode, p->bytes + at, p->nbytes - at, p->ip + at, &line);
            fprintf(out, "%05X  %s\n", p->ip + at, line.text);
        }
    }
    fclose(out);
    return text;
}

static void translated(void *ctx, const struct engine_view *v)
{
    struct look *l = ctx;
    struct made *m = &l->made;
    unsigned i = 0;
    while (i < m->count && m->piece[i].ip != v->part[0].ip)
        i++;
    if (i == PIECES || !v->host)
        return;
    free(m->piece[i].guest);
    m->count = MAX(m->count, i + 1);
    m->piece[i] = (struct piece){.ip = v->part[0].ip,
                                 .at = v->host,
                                 .size = v->host_size,
                                 .insns = v->count,
                                 .lifted = is_lifted(v->ir),
                                 .op = v->part[0].insns[0].op,
                                 .guest = guest_text(l, v)};
}

static void prepare(struct rig *r, unsigned bits)
{
    struct cpu *c = r->cpu;
    if (bits == 32) {
        rig_protected(r, 0, "");
        rig_gdt(r, SEL_FREE, 0x40000, 0xFFF, (AR_DATA32 & ~SEG_G) | SEG_A);
    } else {
        rig_real(r, "");
    }
    memset(r->ram + GOLDEN_CODE, 0xF4, PAGE_SIZE); /* HLT */
    memset(r->ram + NEAR_TARGET, 0xF4, 16);
    rig_put(r, MEMORY + 0x10, 4, TARGET);
    if (bits == 32)
        for (unsigned i = 0; i < 64; i += 4)
            rig_put(r, STACK + i, 4, TARGET);
    c->r[R_BX] = MEMORY;
    c->r[R_CX] = TARGET;
    c->r[R_DX] = 1;
    c->r[R_SI] = SOURCE;
    c->r[R_DI] = DESTINATION;
    if (bits == 32)
        c->r[R_SP] = STACK;
    c->cr4 |= CR4_OSFXSR;
    x87_init(c);
    cpu_update_mode(c);
}

void golden_run(const struct reader *reader, const struct guest *g, unsigned threshold,
                void (*look)(void *ctx, const struct made *m), void *ctx)
{
    struct rig r;
    struct look l = {.reader = reader};
    struct engine_observer observer = {.ctx = &l, .translated = translated};
    struct engine_config config = {
        .backend = ENGINE_HOST, .threshold = threshold, .cache_bytes = ENGINE_CACHE_MIN, .observer = &observer};
    rig_new(&r, "p4");
    struct engine *e = engine_new(r.cpu, &config);
    assert_non_null(e);
    prepare(&r, g->bits);
    phys_write(&r.phys, g->bits == 32 ? GOLDEN_CODE : GOLDEN_CODE16, g->code, (u32)g->size);
    rig_run(&r, BUDGET);
    assert_int_equal(r.cpu->halt, HALT_HLT);
    look(ctx, &l.made);
    engine_free(e);
    rig_free(&r);
    for (unsigned i = 0; i < l.made.count; i++)
        free(l.made.piece[i].guest);
}
