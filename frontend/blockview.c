/*
 * blockview.c - tables of guest code, intermediate representation and host code.
 */
#include "frontend/blockview.h"
#include "cpu/decode.h"
#include "frontend/step/disasm.h"
#include "translator/ir.h"
#include <errno.h>
#include <stdlib.h>

enum { GUEST = 42, IR = 36, LINES = 512, LINE = 80, CALL = 0xE8 };

/* A column: lines that wait for those beside them. */
struct column {
    char line[LINES][LINE];
    unsigned count;
};

struct table {
    struct column guest, ir, host;
};

static char *next_line(struct column *c)
{
    return c->line[c->count < LINES - 1 ? c->count++ : LINES - 1];
}

static void print_table(const struct table *t, FILE *out)
{
    unsigned n = MAX(t->guest.count, MAX(t->ir.count, t->host.count));
    for (unsigned i = 0; i < n; i++) {
        const char *guest = i < t->guest.count ? t->guest.line[i] : "", *ir = i < t->ir.count ? t->ir.line[i] : "";
        const char *host = i < t->host.count ? t->host.line[i] : "";
        if (*host)
            fprintf(out, "%-*s %-*s %s\n", GUEST, guest, IR, ir, host);
        else if (*ir)
            fprintf(out, "%-*s %s\n", GUEST, guest, ir);
        else
            fprintf(out, "%s\n", guest);
    }
}

/* ---- columns ---- */

static void guest_line(struct blockview *v, unsigned bits, const struct engine_view_part *b, const struct insn *in, struct column *c)
{
    struct decode_mode mode = {v->decoder, (u8)bits};
    struct disasm_line text;
    unsigned at = in->end - in->len;
    u32 ip = b->ip + at;
    disasm_one(v->disasm, &mode, b->bytes + at, at < b->nbytes ? b->nbytes - at : 0, ip, &text);
    snprintf(next_line(c), LINE, "%08X  %.60s", ip, text.text);
}

/* Operations from *AT to the next instruction's. */
static void ir_lines(const struct ir_block *b, unsigned *at, struct column *c)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return;
    for (; *at < b->count && b->op[*at].op != IR_INSN; ++*at)
        ir_dump_op(b, *at, out);
    fclose(out);
    for (char *line = text, *end; (end = strchr(line, '\n')); line = end + 1)
        snprintf(next_line(c), LINE, "%.*s", (int)(end - line), line);
    free(text);
}

/* Bytes [FROM, TO) of the host code, by their distance from its start. Calls are of C. */
static void host_lines(struct blockview *v, const struct engine_view *b, size_t from, size_t to, struct column *c)
{
    struct decode_mode mode = {v->decoder, 64};
    while (from < to) {
        const u8 *p = b->host + from;
        struct disasm_line text;
        disasm_one(v->disasm, &mode, p, (unsigned)MIN(to - from, (size_t)INSN_MAX_LEN), from, &text);
        snprintf(next_line(c), LINE, *p == CALL ? "%4zX  call C" : "%4zX  %.60s", from, text.text);
        from += MAX(text.len, 1);
    }
}

static void host_only(struct blockview *v, const struct engine_view *b, size_t from, size_t to, FILE *out)
{
    struct table *t = calloc(1, sizeof *t);
    if (!t)
        return;
    host_lines(v, b, from, to, &t->host);
    print_table(t, out);
    free(t);
}

/* ---- a block ---- */

/* Instruction K of all, IN of PART. */
static void print_insn(struct blockview *v, const struct engine_view *b, const struct engine_view_part *part, const struct insn *in,
                       unsigned k, unsigned *at, FILE *out)
{
    struct table *t = calloc(1, sizeof *t);
    if (!t)
        return;
    guest_line(v, b->bits, part, in, &t->guest);
    if (b->ir) {
        ++*at; /* INSN itself */
        ir_lines(b->ir, at, &t->ir);
    }
    if (b->host)
        host_lines(v, b, b->host_at[k], b->host_at[k + 1], &t->host);
    print_table(t, out);
    free(t);
}

void blockview_print(struct blockview *v, const struct engine_view *b, FILE *out)
{
    unsigned at = 1, k = 0;
    fprintf(out, "block %08X: %u bits, %u instructions, %u operations, %zu bytes of host code\n", b->part[0].ip, b->bits, b->count,
            b->ir ? b->ir->count - 1 : 0, b->host_size);
    if (b->host)
        host_only(v, b, 0, b->host_at[0], out);
    for (unsigned i = 0; i < b->parts; i++)
        for (unsigned n = 0; n < b->part[i].count; n++)
            print_insn(v, b, &b->part[i], &b->part[i].insns[n], k++, &at, out);
    if (b->host)
        host_only(v, b, b->host_at[b->count], b->host_size, out);
    fputc('\n', out);
}

/* ---- looking on ---- */

static void translated(void *ctx, const struct engine_view *b)
{
    struct blockview *v = ctx;
    blockview_print(v, b, v->dump);
}

static void differs(void *ctx, const struct engine_difference *d)
{
    struct blockview *v = ctx;
    fprintf(v->differences, "ombra: --verify: translated code and the interpreter differ after instruction %llu%s\n%s\n",
            (unsigned long long)d->count, d->tied ? ", where these blocks follow each other; each on its own is right" : "",
            d->what);
    for (unsigned i = 0; i < d->views; i++)
        blockview_print(v, &d->view[i], v->differences);
}

int blockview_open(struct blockview *v, FILE *dump, FILE *differences)
{
    *v = (struct blockview){.dump = dump, .differences = differences};
    v->observer = (struct engine_observer){.ctx = v, .translated = dump ? translated : NULL, .differs = differs};
    v->disasm = disasm_new();
    v->decoder = decoder_new(~(u32)0);
    if (v->disasm && v->decoder)
        return 0;
    blockview_close(v);
    return -ENOMEM;
}

void blockview_close(struct blockview *v)
{
    if (v->disasm)
        disasm_free(v->disasm);
    if (v->decoder)
        decoder_free(v->decoder);
    *v = (struct blockview){0};
}
