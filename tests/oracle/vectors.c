/*
 * vectors.c - the file of recorded cases, see vectors.h.
 *
 * What a case is and what became of it goes through functions that write or read, whichever V is for, so that both
 * directions cannot differ.
 */
#include "tests/oracle/vectors.h"
#include "tests/oracle/gen.h"
#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>

#define MAGIC "OmbraVec"

enum {
    VERSION = 1,
    MAX_FILE = 64 << 20,
    MAX_BLOCK = 64 << 20,
    MAX_BUDGET = 20000,
    NAME = 32,
};

/* Registers, flags and exception as they are recorded. */
struct state {
    u8 fx[288]; /* FXSAVE image, x87 registers by number and not by distance from TOP */
    u32 r[8], eflags, ip, vector, error, cr2;
    u16 sel[6];
};

static const struct unit {
    u16 off, len;
} units[] = {
#define FX(at, len)                                                                                                    \
    {                                                                                                                  \
        offsetof(struct state, fx) + (at), len                                                                         \
    }
    FX(0, 2),     FX(2, 2),     FX(4, 1),     FX(6, 2),    FX(8, 4),    FX(16, 4),    FX(24, 4),    FX(32, 10),
    FX(48, 10),   FX(64, 10),   FX(80, 10),   FX(96, 10),  FX(112, 10), FX(128, 10),  FX(144, 10),  FX(160, 16),
    FX(176, 16),  FX(192, 16),  FX(208, 16),  FX(224, 16), FX(240, 16), FX(256, 16),  FX(272, 16),
#undef FX
#define UNIT(field)                                                                                                    \
    {                                                                                                                  \
        offsetof(struct state, field), sizeof((struct state *)0)->field                                                \
    }
    UNIT(r[0]),   UNIT(r[1]),   UNIT(r[2]),   UNIT(r[3]),  UNIT(r[4]),  UNIT(r[5]),   UNIT(r[6]),   UNIT(r[7]),
    UNIT(eflags), UNIT(ip),     UNIT(vector), UNIT(error), UNIT(cr2),   UNIT(sel[0]), UNIT(sel[1]), UNIT(sel[2]),
    UNIT(sel[3]), UNIT(sel[4]), UNIT(sel[5]),
#undef UNIT
};

enum { UNITS = ARRAY_LEN(units), MASK_BYTES = 6 };
_Static_assert(UNITS <= MASK_BYTES * 8, "a bit for each unit");

/* Columns of a block. */
enum {
    COL_SHAPE,
    COL_INSN_LEN,
    COL_CODE_LEN,
    COL_CODE_AT,
    COL_CODE,
    COL_TARGET,
    COL_BUDGET,
    COL_PATCHES,
    COL_PATCH,
    COL_BYTES,
    COL_COUNT,
    COL_GAP,
    COL_VALUE,
    COL_HASH,
    COL_BEFORE_MASK,
    COL_AFTER_MASK = COL_BEFORE_MASK + MASK_BYTES,
    COL_BEFORE = COL_AFTER_MASK + MASK_BYTES,
    COL_AFTER = COL_BEFORE + UNITS,
    COLUMNS = COL_AFTER + UNITS
};

struct bytes {
    u8 *data;
    size_t len, cap;
};

struct vectors {
    struct vectors_info info;
    bool writing, damaged;
    u8 pristine[ORACLE_DATA_SIZE] __attribute__((aligned(64)));
    u8 image[ORACLE_DATA_SIZE] __attribute__((aligned(64))); /* the data pages of the case in hand */
    struct state base;
    unsigned row;
    u32 left; /* cases: written to the block so far, or to be read from it */
    struct bytes file, block;
    size_t at;                    /* in the file when reading */
    struct bytes column[COLUMNS]; /* when reading, they point into the block */
    char name[NAME];
};

/* ---- bytes ---- */

static void append(struct vectors *v, struct bytes *b, const void *from, size_t n)
{
    if (n == 0)
        return;
    if (b->len + n > b->cap) {
        size_t cap = MAX(b->cap * 2, b->len + n + 256);
        u8 *data = realloc(b->data, cap);
        if (!data) {
            v->damaged = true;
            return;
        }
        b->data = data;
        b->cap = cap;
    }
    memcpy(b->data + b->len, from, n);
    b->len += n;
}

/* N bytes of one field of the case: appended to column COL, or taken from it. */
static void field(struct vectors *v, unsigned col, void *p, size_t n)
{
    struct bytes *b = &v->column[col];
    if (v->writing) {
        append(v, b, p, n);
    } else if (b->len < n) {
        v->damaged = true;
        memset(p, 0, n);
    } else {
        memcpy(p, b->data, n);
        b->data += n;
        b->len -= n;
    }
}

/* ---- states ---- */

static void turn_stack(u8 *to, const u8 *from, unsigned by)
{
    for (unsigned i = 0; i < 8; i++)
        memcpy(to + 32 + (i + by) % 8 * 16, from + 32 + i * 16, 16);
}

static unsigned top_of(const u8 *fx)
{
    return ld16(fx + 2) >> 11 & 7;
}

static void fx_to_state(struct state *s, const u8 *fx)
{
    memcpy(s->fx, fx, sizeof s->fx);
    turn_stack(s->fx, fx, top_of(fx));
}

static void fx_from_state(const struct state *s, u8 *fx)
{
    memset(fx, 0, 512);
    memcpy(fx, s->fx, sizeof s->fx);
    turn_stack(fx, s->fx, 8 - top_of(s->fx));
}

static void state_before(struct state *s, const struct oracle_case *c)
{
    *s = (struct state){.eflags = c->eflags, .vector = (u32)-1};
    fx_to_state(s, c->fx);
    for (unsigned i = 0; i < 8; i++)
        s->r[i] = (u32)c->r[i];
    memcpy(s->sel, c->sel, sizeof s->sel);
}

/* What is expected when nothing but the instruction pointer changes. */
static void state_expected(struct state *s, const struct oracle_case *c)
{
    state_before(s, c);
    s->ip = (u32)c->ip + c->insn_len;
}

static void state_after(struct state *s, const struct oracle_case *c, const struct oracle_result *r)
{
    *s = (struct state){
        .eflags = r->eflags, .ip = (u32)r->ip, .vector = (u32)r->vector, .error = r->error, .cr2 = (u32)r->cr2};
    fx_to_state(s, r->fx);
    for (unsigned i = 0; i < 8; i++)
        s->r[i] = (u32)r->r[i];
    memcpy(s->sel, r->sel, sizeof s->sel);
    /* At a signal the kernel does not tell these pointers: differences.c has the reason. */
    if (r->vector >= 0 && !(ld16(r->fx + 2) & 0x80))
        memcpy(s->fx + 6, c->fx + 6, 18);
}

/* The units in which S differs from BASE. */
static void state_io(struct vectors *v, unsigned mask_col, unsigned col, struct state *s, const struct state *base)
{
    u8 mask[MASK_BYTES] = {0};
    for (unsigned i = 0; v->writing && i < UNITS; i++) {
        const struct unit *u = &units[i];
        if (memcmp((const u8 *)s + u->off, (const u8 *)base + u->off, u->len) != 0)
            mask[i / 8] |= (u8)BIT(i % 8);
    }
    for (unsigned i = 0; i < MASK_BYTES; i++)
        field(v, mask_col + i, &mask[i], 1);
    if (!v->writing)
        *s = *base;
    for (unsigned i = 0; i < UNITS; i++) {
        if (mask[i / 8] & BIT(i % 8))
            field(v, col + i, (u8 *)s + units[i].off, units[i].len);
    }
}

/* ---- a case ---- */

enum { SHAPE_16 = 1, SHAPE_EXIT = 2, SHAPE_BUDGET = 4, SHAPE_TARGET = 8, SHAPE_AT_PATCH = 16 };

static u32 last_patch(const struct oracle_case *c)
{
    return c->patches ? ORACLE_DATA + c->patch[c->patches - 1].off : 0;
}

static u8 shape_of(const struct oracle_case *c)
{
    u8 exit[GEN_EXIT_BYTES];
    unsigned n = gen_exit(c, exit);
    bool leads = c->code_len == c->insn_len + n && memcmp(c->code + c->insn_len, exit, n) == 0;
    u32 shape = (c->bits == 16 ? SHAPE_16 : 0) | (leads ? SHAPE_EXIT : 0) | (c->budget != 8 ? SHAPE_BUDGET : 0);
    if (c->target)
        shape |= c->target == last_patch(c) ? SHAPE_AT_PATCH : SHAPE_TARGET;
    return (u8)shape;
}

static void code_io(struct vectors *v, struct oracle_case *c, u8 shape)
{
    c->bits = shape & SHAPE_16 ? 16 : 32;
    field(v, COL_INSN_LEN, &c->insn_len, 1);
    field(v, COL_CODE_AT, &c->code_at, 2);
    c->ip = c->code_at + (c->bits == 32 ? ORACLE_CODE : 0u);
    if (!(shape & SHAPE_EXIT))
        field(v, COL_CODE_LEN, &c->code_len, 1);
    unsigned n = shape & SHAPE_EXIT ? c->insn_len : MAX(c->insn_len, c->code_len);
    if (c->insn_len == 0 || n > ORACLE_MAX_CODE - GEN_EXIT_BYTES) {
        v->damaged = true;
        return;
    }
    field(v, COL_CODE, c->code, n);
    if (shape & SHAPE_EXIT)
        c->code_len = (u8)(c->insn_len + gen_exit(c, c->code + c->insn_len));
    v->damaged |= c->code_at + c->code_len > ORACLE_CODE_SIZE;
}

static void patches_io(struct vectors *v, struct oracle_case *c)
{
    unsigned at = 0;
    field(v, COL_PATCHES, &c->patches, 1);
    if (c->patches > ORACLE_MAX_PATCHES) {
        v->damaged = true;
        c->patches = 0;
    }
    for (unsigned i = 0; i < c->patches; i++) {
        struct oracle_patch *p = &c->patch[i];
        field(v, COL_PATCH, &p->off, 2);
        field(v, COL_PATCH, &p->len, 2);
        p->at = (u16)at;
        if (p->off + p->len > ORACLE_DATA_SIZE || at + p->len > ORACLE_PATCH_BYTES) {
            v->damaged = true;
            c->patches = 0;
            return;
        }
        field(v, COL_BYTES, c->bytes + at, p->len);
        memcpy(v->image + p->off, c->bytes + at, p->len);
        at += p->len;
    }
}

/* Only what a case can be: the interpreter's side of the oracle has just these segments, at CPL 3. */
static bool is_possible(const struct oracle_case *c)
{
    bool selectors = c->sel[OSEL_CS] == (c->bits == 32 ? ORACLE_SEL_CODE : ORACLE_SEL_CODE16) && c->sel[OSEL_SS] != 0;
    for (unsigned i = 0; i < 6; i++)
        selectors &= gen_segment(c->sel[i])->sel == c->sel[i];
    return selectors && (c->eflags & ~(u32)(F_ARITH | F_DF | F_AC | F_ID)) == (F_ONE | F_IF) &&
           c->budget <= MAX_BUDGET && ld32(c->fx + 24) <= 0xFFFF;
}

static void case_io(struct vectors *v, struct oracle_case *c)
{
    struct state s;
    u8 shape = v->writing ? shape_of(c) : 0;
    memcpy(v->image, v->pristine, sizeof v->image);
    field(v, COL_SHAPE, &shape, 1);
    code_io(v, c, shape);
    c->budget = shape & SHAPE_BUDGET ? c->budget : 8;
    if (shape & SHAPE_BUDGET)
        field(v, COL_BUDGET, &c->budget, 4);
    patches_io(v, c);
    if (shape & SHAPE_AT_PATCH)
        c->target = last_patch(c);
    else if (shape & SHAPE_TARGET)
        field(v, COL_TARGET, &c->target, 4);
    if (v->writing)
        state_before(&s, c);
    state_io(v, COL_BEFORE_MASK, COL_BEFORE, &s, &v->base);
    if (v->writing)
        return;
    fx_from_state(&s, c->fx);
    for (unsigned i = 0; i < 8; i++)
        c->r[i] = s.r[i];
    c->eflags = s.eflags;
    memcpy(c->sel, s.sel, sizeof c->sel);
    v->damaged |= !is_possible(c);
}

/* ---- a result ---- */

/* Byte OFF of the data pages after the case, gap by gap from *LAST on. */
static void change_io(struct vectors *v, u32 *last, u32 off, u8 value)
{
    u16 gap = (u16)(off - *last);
    field(v, COL_GAP, &gap, 2);
    field(v, COL_VALUE, &value, 1);
    *last += gap;
    if (*last >= ORACLE_DATA_SIZE)
        v->damaged = true;
    else
        v->image[*last] = value;
}

/* Puts the listed changes of R into IMAGE, which held none. */
static void make_image(const struct vectors *v, const struct oracle_result *r, u8 *image)
{
    memcpy(image, v->pristine, ORACLE_DATA_SIZE);
    for (u32 i = 0; i < MIN(r->changes, (u32)ORACLE_MAX_CHANGES); i++)
        image[r->change[i] >> 8] = (u8)r->change[i];
}

static void write_memory(struct vectors *v, const struct oracle_result *r)
{
    static const u16 many = 0xFFFF;
    u8 after[ORACLE_DATA_SIZE];
    u32 last = 0, end = ORACLE_DATA_SIZE;
    u16 count = 0;
    make_image(v, r, after);
    bool listed = r->changes <= ORACLE_MAX_CHANGES;
    if (!listed) /* behind the last one in the list, only the number and the hash of changes are known */
        end = (r->change[ORACLE_MAX_CHANGES - 1] >> 8) + 1;
    for (u32 off = 0; off < end; off++)
        count += after[off] != v->image[off];
    field(v, COL_COUNT, listed ? &count : (u16 *)&many, 2);
    if (!listed) {
        u32 totals[] = {r->changes, r->data_hash};
        field(v, COL_HASH, totals, sizeof totals);
        field(v, COL_COUNT, &count, 2);
    }
    for (u32 off = 0; off < end; off++) {
        if (after[off] != v->image[off])
            change_io(v, &last, off, after[off]);
    }
}

static void read_memory(struct vectors *v, struct oracle_result *r)
{
    u32 last = 0, totals[2];
    u16 count;
    field(v, COL_COUNT, &count, 2);
    bool listed = count != 0xFFFF;
    if (!listed) {
        field(v, COL_HASH, totals, sizeof totals);
        field(v, COL_COUNT, &count, 2);
    }
    for (unsigned i = 0; i < count && !v->damaged; i++)
        change_io(v, &last, 0, 0);
    oracle_note_changes(r, v->image, v->pristine);
    if (!listed) {
        v->damaged |= r->changes < ORACLE_MAX_CHANGES;
        r->changes = totals[0];
        r->data_hash = totals[1];
    }
}

static void result_io(struct vectors *v, const struct oracle_case *c, struct oracle_result *r)
{
    struct state s, expected;
    state_expected(&expected, c);
    if (v->writing)
        state_after(&s, c, r);
    state_io(v, COL_AFTER_MASK, COL_AFTER, &s, &expected);
    if (v->writing) {
        write_memory(v, r);
        return;
    }
    fx_from_state(&s, r->fx);
    for (unsigned i = 0; i < 8; i++)
        r->r[i] = s.r[i];
    r->eflags = s.eflags;
    r->ip = s.ip;
    r->vector = (s32)s.vector;
    r->error = s.error;
    r->cr2 = s.cr2;
    memcpy(r->sel, s.sel, sizeof r->sel);
    read_memory(v, r);
}

bool vectors_same(const struct oracle_case *c, const struct oracle_result *a, const struct oracle_result *b)
{
    struct state x, y;
    state_after(&x, c, a);
    state_after(&y, c, b);
    for (unsigned i = 0; i < UNITS; i++) {
        if (memcmp((u8 *)&x + units[i].off, (u8 *)&y + units[i].off, units[i].len) != 0)
            return false;
    }
    return a->changes == b->changes && a->data_hash == b->data_hash;
}

/* ---- blocks ---- */

static void put32(struct vectors *v, struct bytes *b, u32 x)
{
    append(v, b, &x, 4);
}

static u32 take32(struct vectors *v)
{
    if (v->file.len - v->at < 4) {
        v->damaged = true;
        return 0;
    }
    v->at += 4;
    return ld32(v->file.data + v->at - 4);
}

static void take(struct vectors *v, void *to, size_t n)
{
    memset(to, 0, n);
    if (v->file.len - v->at < n) {
        v->damaged = true;
        return;
    }
    memcpy(to, v->file.data + v->at, n);
    v->at += n;
}

/* Packs v->block into the file. */
static void put_block(struct vectors *v, const char *name, u32 cases)
{
    char text[NAME] = {0};
    uLongf packed = compressBound(v->block.len);
    u8 *to = malloc(packed);
    if (!to || compress2(to, &packed, v->block.data, v->block.len, 9) != Z_OK) {
        v->damaged = true;
    } else {
        snprintf(text, sizeof text, "%s", name);
        append(v, &v->file, text, sizeof text);
        put32(v, &v->file, cases);
        put32(v, &v->file, (u32)v->block.len);
        put32(v, &v->file, (u32)packed);
        append(v, &v->file, to, packed);
    }
    free(to);
    v->block.len = 0;
}

/* Unpacks the next block into v->block: v->name and v->left tell what it is. */
static int take_block(struct vectors *v)
{
    take(v, v->name, sizeof v->name);
    v->left = take32(v);
    uLongf size = take32(v);
    u32 packed = take32(v);
    if (v->damaged || v->name[NAME - 1] || size > MAX_BLOCK || packed > v->file.len - v->at)
        return -1;
    free(v->block.data);
    v->block = (struct bytes){.data = malloc(size + 1), .len = size};
    if (!v->block.data || uncompress(v->block.data, &size, v->file.data + v->at, packed) != Z_OK ||
        size != v->block.len)
        return -1;
    v->at += packed;
    return 0;
}

static void put_row(struct vectors *v)
{
    if (v->left == 0)
        return;
    for (unsigned i = 0; i < COLUMNS; i++)
        put32(v, &v->block, (u32)v->column[i].len);
    for (unsigned i = 0; i < COLUMNS; i++) {
        append(v, &v->block, v->column[i].data, v->column[i].len);
        v->column[i].len = 0;
    }
    put_block(v, isa_rows[v->row].id, v->left);
    v->info.rows++;
    v->left = 0;
}

/* Points the columns into the block. */
static int split_row(struct vectors *v)
{
    size_t at = COLUMNS * 4;
    if (v->block.len < at)
        return -1;
    for (unsigned i = 0; i < COLUMNS; i++) {
        size_t len = ld32(v->block.data + i * 4);
        if (len > v->block.len - at)
            return -1;
        v->column[i] = (struct bytes){.data = v->block.data + at, .len = len};
        at += len;
    }
    return at == v->block.len ? 0 : -1;
}

/* ---- recording ---- */

static void base_state(struct state *s)
{
    u8 fx[512];
    u64 r[8];
    gen_quiet(r, fx);
    *s = (struct state){.eflags = F_ONE | F_IF, .vector = (u32)-1};
    fx_to_state(s, fx);
    for (unsigned i = 0; i < 8; i++)
        s->r[i] = (u32)r[i];
    for (unsigned i = 0; i < 6; i++)
        s->sel[i] = i == OSEL_CS ? ORACLE_SEL_CODE : ORACLE_SEL_DATA;
}

struct vectors *vectors_create(const struct vectors_info *info, const u8 *pristine)
{
    struct vectors *v = aligned_alloc(64, (sizeof *v + 63) & ~(size_t)63);
    if (!v)
        return NULL;
    memset(v, 0, sizeof *v);
    v->info = *info;
    v->info.rows = 0;
    v->writing = true;
    memcpy(v->pristine, pristine, sizeof v->pristine);
    base_state(&v->base);
    return v;
}

void vectors_add(struct vectors *v, const struct oracle_case *c, const struct oracle_result *r)
{
    if (c->row != v->row)
        put_row(v);
    v->row = c->row;
    v->left++;
    case_io(v, (struct oracle_case *)c);
    result_io(v, c, (struct oracle_result *)r);
}

static void put_header(struct vectors *v)
{
    append(v, &v->file, MAGIC, 8);
    put32(v, &v->file, VERSION);
    put32(v, &v->file, v->info.cases);
    append(v, &v->file, &v->info.seed, 8);
    put32(v, &v->file, v->info.rows);
    append(v, &v->file, v->info.cpu, sizeof v->info.cpu);
    append(v, &v->block, &v->base, sizeof v->base);
    append(v, &v->block, v->pristine, sizeof v->pristine);
    put_block(v, "", 0);
}

int vectors_save(struct vectors *v, const char *path)
{
    put_row(v);
    struct bytes rows = v->file;
    v->file = (struct bytes){0};
    put_header(v);
    append(v, &v->file, rows.data, rows.len);
    free(rows.data);
    FILE *f = v->damaged ? NULL : fopen(path, "wb");
    bool written = f && fwrite(v->file.data, 1, v->file.len, f) == v->file.len;
    if (f && fclose(f) != 0)
        written = false;
    if (!written)
        fprintf(stderr, "oracle: %s cannot be written%s\n", path, v->damaged ? ": no memory" : "");
    return written ? 0 : -1;
}

/* ---- replaying ---- */

static int damaged(void)
{
    fprintf(stderr, "oracle: the file of recorded cases is damaged or cut short\n");
    return -2;
}

static const char *read_file(struct vectors *v, const char *path)
{
    u8 part[65536];
    FILE *f = fopen(path, "rb");
    if (!f)
        return "cannot be opened";
    for (size_t n; v->file.len <= MAX_FILE && (n = fread(part, 1, sizeof part, f)) > 0;)
        append(v, &v->file, part, n);
    bool failed = ferror(f) != 0 || v->damaged;
    fclose(f);
    return failed ? "cannot be read" : v->file.len > MAX_FILE ? "is too large for a file of recorded cases" : NULL;
}

static const char *take_header(struct vectors *v)
{
    char magic[8];
    take(v, magic, sizeof magic);
    u32 version = take32(v);
    v->info.cases = take32(v);
    take(v, &v->info.seed, 8);
    v->info.rows = take32(v);
    take(v, v->info.cpu, sizeof v->info.cpu);
    if (memcmp(magic, MAGIC, sizeof magic) != 0)
        return "is no file of recorded cases";
    if (!v->damaged && version != VERSION)
        return "has another version of the format: record it again (tests/oracle/vectors.h)";
    for (unsigned i = 0; i < sizeof v->info.cpu; i++)
        v->damaged |= v->info.cpu[i] != 0 && (v->info.cpu[i] < ' ' || v->info.cpu[i] > '~');
    if (v->damaged || v->info.cpu[sizeof v->info.cpu - 1] || take_block(v) != 0 ||
        v->block.len != sizeof v->base + sizeof v->pristine)
        return "is damaged or cut short";
    memcpy(&v->base, v->block.data, sizeof v->base);
    memcpy(v->pristine, v->block.data + sizeof v->base, sizeof v->pristine);
    v->left = 0;
    return NULL;
}

struct vectors *vectors_open(const char *path)
{
    struct vectors *v = aligned_alloc(64, (sizeof *v + 63) & ~(size_t)63);
    if (!v)
        return NULL;
    memset(v, 0, sizeof *v);
    const char *wrong = read_file(v, path);
    if (!wrong)
        wrong = take_header(v);
    if (!wrong)
        return v;
    fprintf(stderr, "oracle: %s %s\n", path, wrong);
    vectors_free(v);
    return NULL;
}

const struct vectors_info *vectors_info(const struct vectors *v)
{
    return &v->info;
}

const u8 *vectors_pristine(const struct vectors *v)
{
    return v->pristine;
}

int vectors_row(struct vectors *v, const char **name)
{
    if (v->info.rows == 0)
        return v->at == v->file.len ? -1 : damaged();
    v->info.rows--;
    if (take_block(v) != 0 || split_row(v) != 0)
        return damaged();
    *name = v->name;
    for (v->row = ISA_COUNT - 1; v->row > 0 && strcmp(isa_rows[v->row].id, v->name) != 0;)
        v->row--;
    return (int)v->row;
}

int vectors_case(struct vectors *v, struct oracle_case *c, struct oracle_result *r)
{
    if (v->left == 0)
        return 0;
    v->left--;
    memset(c, 0, sizeof *c);
    memset(r, 0, sizeof *r);
    c->row = (u16)v->row;
    case_io(v, c);
    if (!v->damaged)
        result_io(v, c, r);
    return v->damaged ? damaged() : 1;
}

void vectors_free(struct vectors *v)
{
    for (unsigned i = 0; v->writing && i < COLUMNS; i++)
        free(v->column[i].data);
    free(v->block.data);
    free(v->file.data);
    free(v);
}
