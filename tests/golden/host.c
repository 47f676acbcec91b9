/*
 * host.c - host code as instructions: how many, the cheapest way round, and a listing without addresses.
 */
#include "tests/golden/golden.h"
#include "translator/x64/state.h"
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum { INSNS_MAX = 8192, NONE = -1 };

enum kind { PLAIN, CALL, BRANCH, JUMP, INDIRECT };

struct host_insn {
    const u8 *at, *target;
    unsigned len, piece;
    enum kind kind;
    int goal; /* the instruction that TARGET is, NONE: it is elsewhere */
};

struct host_code {
    struct host_insn list[INSNS_MAX];
    unsigned count;
    unsigned first[PIECES + 1];
};

static const u8 *near_target(const struct host_insn *i, unsigned bytes)
{
    s32 d = 0;
    memcpy(&d, i->at + i->len - bytes, bytes);
    return i->at + i->len + (bytes == 1 ? (s8)d : d);
}

static void classify(struct host_insn *i)
{
    const u8 *p = i->at;
    if ((*p & 0xF0) == 0x40) /* REX */
        p++;
    if (*p == 0xE8 || *p == 0xE9) {
        i->kind = *p == 0xE8 ? CALL : JUMP;
        i->target = near_target(i, 4);
    } else if (*p == 0xEB || (*p & 0xF0) == 0x70) {
        i->kind = *p == 0xEB ? JUMP : BRANCH;
        i->target = near_target(i, 1);
    } else if (*p == 0x0F && (p[1] & 0xF0) == 0x80) {
        i->kind = BRANCH;
        i->target = near_target(i, 4);
    } else if (*p == 0xFF && (p[1] & 0x38) == 0x20) {
        i->kind = INDIRECT;
    }
}

static int find(const struct host_code *h, const u8 *at)
{
    for (unsigned i = 0; i < h->count; i++)
        if (h->list[i].at == at)
            return (int)i;
    return NONE;
}

static struct host_code *read_code(const struct reader *r, const struct piece *pieces, unsigned count)
{
    struct host_code *h = calloc(1, sizeof *h);
    struct decode_mode mode = {r->decoder, 64};
    for (unsigned k = 0; k < count; k++) {
        h->first[k] = h->count;
        const u8 *p = pieces[k].at, *end = p + pieces[k].size;
        for (; p < end && h->count < INSNS_MAX; p += h->list[h->count++].len) {
            struct insn in;
            if (decode(&mode, p, (unsigned)MIN(end - p, INSN_MAX_LEN), &in) != DECODE_OK)
                in.len = 1;
            h->list[h->count] = (struct host_insn){.at = p, .len = in.len, .piece = k};
            classify(&h->list[h->count]);
        }
    }
    h->first[count] = h->count;
    for (unsigned i = 0; i < h->count; i++)
        h->list[i].goal = h->list[i].target ? find(h, h->list[i].target) : NONE;
    return h;
}

/* ---- figures ---- */

static unsigned hot_of(const struct host_code *h, unsigned k)
{
    unsigned i = h->first[k];
    while (i + 1 < h->first[k + 1] && h->list[i].kind != JUMP && h->list[i].kind != INDIRECT)
        i++;
    return i + 1 - h->first[k];
}

static unsigned calls_in(const struct host_insn *list, unsigned count)
{
    unsigned n = 0;
    for (unsigned i = 0; i < count; i++)
        n += list[i].kind == CALL;
    return n;
}

/* Where a way is: at an instruction, with so many guest instructions taken off the budget. */
enum { GUEST_MAX = 256 };

struct walk {
    unsigned *steps; /* from the start by place, 0: not there yet */
    unsigned *queue, tail;
};

static void reach(struct walk *w, int to, int guest, unsigned steps)
{
    unsigned place = (unsigned)to * GUEST_MAX + (unsigned)guest;
    if (to == NONE || guest < 0 || guest >= GUEST_MAX || w->steps[place])
        return;
    w->steps[place] = steps;
    w->queue[w->tail++] = place;
}

/* Guest instructions that I takes off the budget: SUB R15,n at a block's start; LEA R15,[R15+n] gives back what was not done. */
static int guest_of(const struct host_insn *i)
{
    static const u8 sub8[] = {0x49, 0x83, 0xEF}, sub32[] = {0x49, 0x81, 0xEF}, lea8[] = {0x4D, 0x8D, 0x7F},
                    lea32[] = {0x4D, 0x8D, 0xBF};
    if (!memcmp(i->at, sub8, sizeof sub8))
        return (s8)i->at[3];
    if (!memcmp(i->at, lea8, sizeof lea8))
        return -(s8)i->at[3];
    if (!memcmp(i->at, sub32, sizeof sub32))
        return (s32)ld32(i->at + 3);
    return memcmp(i->at, lea32, sizeof lea32) ? 0 : -(s32)ld32(i->at + 3);
}

/* Everywhere from the start of piece K; an indirect jump may lead to any piece. */
static void walk(const struct host_code *h, unsigned pieces, unsigned k, struct walk *w)
{
    w->queue[w->tail++] = h->first[k] * GUEST_MAX;
    for (unsigned head = 0; head < w->tail; head++) {
        unsigned at = w->queue[head] / GUEST_MAX, steps = w->steps[w->queue[head]] + 1;
        const struct host_insn *i = &h->list[at];
        int guest = (int)(w->queue[head] % GUEST_MAX) + guest_of(i);
        if (head && at == h->first[k])
            continue;
        if (i->kind == BRANCH || i->kind == JUMP)
            reach(w, i->goal, guest, steps);
        if (i->kind == INDIRECT)
            for (unsigned n = 0; n < pieces; n++)
                reach(w, (int)h->first[n], guest, steps);
        if (i->kind != JUMP && i->kind != INDIRECT && at + 1 < h->first[i->piece + 1])
            reach(w, (int)at + 1, guest, steps);
    }
}

static unsigned per_cent(unsigned host, unsigned guest)
{
    return guest ? host * 100 / guest : 0;
}

/* The cheapest way from the start of piece K back to it. */
static unsigned round_of(const struct host_code *h, unsigned pieces, unsigned k)
{
    size_t places = (size_t)h->count * GUEST_MAX;
    struct walk w = {.steps = calloc(places, sizeof *w.steps), .queue = calloc(places + 1, sizeof *w.queue)};
    unsigned best = 0;
    walk(h, pieces, k, &w);
    for (unsigned guest = 1; guest < GUEST_MAX; guest++) {
        unsigned cost = per_cent(w.steps[h->first[k] * GUEST_MAX + guest], guest);
        if (cost && (!best || cost < best))
            best = cost;
    }
    free(w.steps);
    free(w.queue);
    return best;
}

static void count_hot(const struct host_code *h, unsigned count, struct figures *f)
{
    for (unsigned k = 0; k < count; k++) {
        unsigned hot = hot_of(h, k);
        f->hot += hot;
        f->calls += calls_in(h->list + h->first[k], hot);
    }
}

struct figures host_figures(const struct reader *r, const struct piece *piece)
{
    struct host_code *h = read_code(r, piece, 1);
    struct figures f = {.all = h->count};
    count_hot(h, 1, &f);
    free(h);
    return f;
}

struct figures host_loop_figures(const struct reader *r, const struct piece *pieces, unsigned count)
{
    struct host_code *h = read_code(r, pieces, count);
    struct figures f = {.all = h->count};
    unsigned guest = 0;
    count_hot(h, count, &f);
    for (unsigned k = 0; k < count; k++) {
        guest += pieces[k].insns;
        if (!f.round)
            f.round = round_of(h, count, k);
    }
    f.hot = per_cent(f.hot, guest);
    f.calls = per_cent(f.calls, guest);
    free(h);
    return f;
}

/* ---- listing ---- */

struct member {
    const char *name;
    size_t at, size;
};

#define MEMBER_OF(name)                                                                                                          \
    {                                                                                                                            \
#name, offsetof(struct cpu, name), sizeof(((struct cpu *)0)->name)                                                       \
    }
#define SEGMENT_OF(name)                                                                                                         \
    {#name ".base", offsetof(struct cpu, seg[SEG_##name].base), sizeof(u64)},                                                    \
        {#name ".rd_top", offsetof(struct cpu, seg[SEG_##name].rd_top), sizeof(u64)},                                            \
    {                                                                                                                            \
#name ".wr_top", offsetof(struct cpu, seg[SEG_##name].wr_top), sizeof(u64)                                               \
    }

/* The first that an offset is in names it. */
static const struct member members[] = {
    MEMBER_OF(ip),
    MEMBER_OF(hflags),
    MEMBER_OF(jumps),
    MEMBER_OF(jump_key),
    MEMBER_OF(access_at),
    MEMBER_OF(xmm_live),
    MEMBER_OF(x87_live),
    MEMBER_OF(x87_seg),
    MEMBER_OF(x87_op),
    MEMBER_OF(x87_ip),
    MEMBER_OF(x87_dp),
    MEMBER_OF(budget),
    MEMBER_OF(attention),
    MEMBER_OF(mxcsr),
    MEMBER_OF(mmu.ctx.read),
    MEMBER_OF(mmu.ctx.write),
    MEMBER_OF(mmu.ctx.fetch),
    MEMBER_OF(mmu.fetch_epoch),
    MEMBER_OF(mmu.fetch_epoch_global),
    SEGMENT_OF(ES),
    SEGMENT_OF(CS),
    SEGMENT_OF(SS),
    SEGMENT_OF(DS),
    SEGMENT_OF(FS),
    SEGMENT_OF(GS),
    MEMBER_OF(r),
    MEMBER_OF(fpu),
    MEMBER_OF(xmm),
    MEMBER_OF(mmu),
};

static const char *member_at(s64 offset)
{
    for (unsigned i = 0; i < ARRAY_LEN(members); i++)
        if (offset >= (s64)members[i].at && offset < (s64)(members[i].at + members[i].size))
            return members[i].name;
    return "?";
}

/* A displacement, not a scale. */
static bool is_number(const char *p)
{
    return (*p == '+' || *p == '-') && p[1] >= '0' && p[1] <= '9';
}

/* TEXT to OUT: what lies in struct cpu by name, pointers as PTR. */
static void print_plain(FILE *out, const char *text)
{
    const char *m = strstr(text, "[rbp"), *p;
    if (!strncmp(text, "movabs", 6)) {
        fprintf(out, "%.*s PTR\n", (int)(strchr(text, ',') + 1 - text), text);
        return;
    }
    if (!m) {
        fprintf(out, "%s\n", text);
        return;
    }
    fprintf(out, "%.*s[cpu.", (int)(m - text), text);
    const char *end = strchr(m, ']');
    s64 disp = 0;
    for (p = m + 4; p < end && !is_number(p); p++)
        ;
    if (p < end)
        disp = strtoll(p, NULL, 0);
    fprintf(out, "%s%.*s%s\n", member_at(disp + X64_BIAS), (int)(p - (m + 4)), m + 4, end);
}

static void print_jump(FILE *out, const struct host_code *h, const struct host_insn *i, const char *text, const unsigned *label)
{
    int word = (int)strcspn(text, " ");
    if (i->goal == NONE)
        fprintf(out, "%.*s %s\n", word, text, i->kind == CALL ? "C" : "out");
    else if ((unsigned)i->goal == h->first[h->list[i->goal].piece])
        fprintf(out, "%.*s block %u\n", word, text, h->list[i->goal].piece + 1);
    else
        fprintf(out, "%.*s .%u\n", word, text, label[i->goal]);
}

static void number_labels(const struct host_code *h, unsigned *label)
{
    unsigned n = 0;
    for (unsigned i = 0; i < h->count; i++)
        if (h->list[i].goal != NONE)
            label[h->list[i].goal] = 1;
    for (unsigned i = 0; i < h->count; i++)
        if (label[i])
            label[i] = ++n;
}

static void print_host(FILE *out, const struct host_code *h, unsigned k, const struct reader *r, const unsigned *label)
{
    struct decode_mode mode = {r->decoder, 64};
    for (unsigned n = h->first[k]; n < h->first[k + 1]; n++) {
        const struct host_insn *i = &h->list[n];
        struct disasm_line line;
        disasm_one(r->disasm, &mode, i->at, i->len, 0, &line);
        if (label[n] && n != h->first[k])
            fprintf(out, "  .%u:\n", label[n]);
        fprintf(out, "    ");
        if (i->target)
            print_jump(out, h, i, line.text, label);
        else
            print_plain(out, line.text);
    }
}

char *host_listing(const struct reader *r, const struct piece *pieces, unsigned count)
{
    char *text;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    struct host_code *h = read_code(r, pieces, count);
    unsigned *label = calloc(INSNS_MAX, sizeof *label);
    number_labels(h, label);
    for (unsigned k = 0; k < count; k++) {
        fprintf(out, "block %u\n%s", k + 1, pieces[k].guest);
        print_host(out, h, k, r, label);
    }
    fclose(out);
    free(label);
    free(h);
    return text;
}
