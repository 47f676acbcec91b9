/*
 * gdbregs.c - registers by GDB's numbers.
 */
#include "frontend/gdbregs.h"
#include "cpu/simd.h"
#include "cpu/sys.h"
#include "cpu/x87.h"

enum source {
    GPR,
    IP,
    FLAGS,
    SELECTOR,
    ST,
    X87,
    CR,
    DR,
    BASE,
    LIMIT,
    TABLE_BASE, /* GDTR, IDTR */
    TABLE_LIMIT,
    TASK, /* TR, LDTR */
    CPL,
    XMM,
    MXCSR,
};

/* Number of the x87's control registers. */
enum { FCTRL, FSTAT, FTAG, FISEG, FIOFF, FOSEG, FOOFF, FOP };

static const struct reg {
    const char *name, *type, *group;
    u8 bits;
    u8 source, index; /* enum source, which one of it */
} regs[] = {
#define CORE(name, type, source, index)                                                                                \
    {                                                                                                                  \
        name, type, NULL, 32, source, index                                                                            \
    }
#define FLOAT(name, index)                                                                                             \
    {                                                                                                                  \
        name, "int", "float", 32, X87, index                                                                           \
    }
#define STACK(n)                                                                                                       \
    {                                                                                                                  \
        "st" #n, "i387_ext", NULL, 80, ST, n                                                                           \
    }
#define SYSTEM(name, source, index)                                                                                    \
    {                                                                                                                  \
        name, "uint32", "system", 32, source, index                                                                    \
    }
#define VECTOR(n)                                                                                                      \
    {                                                                                                                  \
        "xmm" #n, "vec128", NULL, 128, XMM, n                                                                          \
    }
    CORE("eax", "int32", GPR, R_AX),
    CORE("ecx", "int32", GPR, R_CX),
    CORE("edx", "int32", GPR, R_DX),
    CORE("ebx", "int32", GPR, R_BX),
    CORE("esp", "data_ptr", GPR, R_SP),
    CORE("ebp", "data_ptr", GPR, R_BP),
    CORE("esi", "int32", GPR, R_SI),
    CORE("edi", "int32", GPR, R_DI),
    CORE("eip", "code_ptr", IP, 0),
    CORE("eflags", "i386_eflags", FLAGS, 0),
    CORE("cs", "int32", SELECTOR, SEG_CS),
    CORE("ss", "int32", SELECTOR, SEG_SS),
    CORE("ds", "int32", SELECTOR, SEG_DS),
    CORE("es", "int32", SELECTOR, SEG_ES),
    CORE("fs", "int32", SELECTOR, SEG_FS),
    CORE("gs", "int32", SELECTOR, SEG_GS),
    STACK(0),
    STACK(1),
    STACK(2),
    STACK(3),
    STACK(4),
    STACK(5),
    STACK(6),
    STACK(7),
    FLOAT("fctrl", FCTRL),
    FLOAT("fstat", FSTAT),
    FLOAT("ftag", FTAG),
    FLOAT("fiseg", FISEG),
    FLOAT("fioff", FIOFF),
    FLOAT("foseg", FOSEG),
    FLOAT("fooff", FOOFF),
    FLOAT("fop", FOP),
    SYSTEM("cr0", CR, 0),
    SYSTEM("cr2", CR, 2),
    SYSTEM("cr3", CR, 3),
    SYSTEM("cr4", CR, 4),
    SYSTEM("dr0", DR, 0),
    SYSTEM("dr1", DR, 1),
    SYSTEM("dr2", DR, 2),
    SYSTEM("dr3", DR, 3),
    SYSTEM("dr6", DR, 6),
    SYSTEM("dr7", DR, 7),
    SYSTEM("cpl", CPL, 0),
    SYSTEM("cs_base", BASE, SEG_CS),
    SYSTEM("ss_base", BASE, SEG_SS),
    SYSTEM("ds_base", BASE, SEG_DS),
    SYSTEM("es_base", BASE, SEG_ES),
    SYSTEM("fs_base", BASE, SEG_FS),
    SYSTEM("gs_base", BASE, SEG_GS),
    SYSTEM("cs_limit", LIMIT, SEG_CS),
    SYSTEM("ss_limit", LIMIT, SEG_SS),
    SYSTEM("ds_limit", LIMIT, SEG_DS),
    SYSTEM("es_limit", LIMIT, SEG_ES),
    SYSTEM("fs_limit", LIMIT, SEG_FS),
    SYSTEM("gs_limit", LIMIT, SEG_GS),
    SYSTEM("gdtr_base", TABLE_BASE, 0),
    SYSTEM("gdtr_limit", TABLE_LIMIT, 0),
    SYSTEM("idtr_base", TABLE_BASE, 1),
    SYSTEM("idtr_limit", TABLE_LIMIT, 1),
    SYSTEM("tr", TASK, 0),
    SYSTEM("ldtr", TASK, 1),
    VECTOR(0),
    VECTOR(1),
    VECTOR(2),
    VECTOR(3),
    VECTOR(4),
    VECTOR(5),
    VECTOR(6),
    VECTOR(7),
    {"mxcsr", "i386_mxcsr", "vector", 32, MXCSR, 0},
#undef CORE
#undef FLOAT
#undef STACK
#undef SYSTEM
#undef VECTOR
};

enum { SSE_REGS = 9, FIRST_SYSTEM = 32, FIRST_SSE = ARRAY_LEN(regs) - SSE_REGS };

unsigned gdb_regs(const struct cpu *c)
{
    return c->features & FEAT_SSE ? ARRAY_LEN(regs) : FIRST_SSE;
}

unsigned gdb_reg_bytes(unsigned n)
{
    return regs[n].bits / 8;
}

/* ---- reading ---- */

static u32 float_get(const struct cpu *c, unsigned which)
{
    const struct x87 *f = &c->fpu;
    switch (which) {
    case FCTRL:
        return f->cw;
    case FSTAT:
        return x87_status(c);
    case FTAG:
        return x87_tags(c);
    case FISEG:
        return f->fcs;
    case FIOFF:
        return (u32)f->fip;
    case FOSEG:
        return f->fds;
    case FOOFF:
        return (u32)f->fdp;
    default:
        return f->fop;
    }
}

static u32 control(const struct cpu *c, unsigned n)
{
    return (u32)(n == 0 ? c->cr0 : n == 2 ? c->cr2 : n == 3 ? c->cr3 : c->cr4);
}

/* The registers of 32 bits. */
static u32 get32(const struct cpu *c, const struct reg *r)
{
    const struct dtable *table = r->index ? &c->idtr : &c->gdtr;
    switch ((enum source)r->source) {
    case GPR:
        return (u32)c->r[r->index];
    case IP:
        return (u32)c->ip;
    case FLAGS:
        return cpu_eflags(c);
    case SELECTOR:
        return c->seg[r->index].sel;
    case X87:
        return float_get(c, r->index);
    case CR:
        return control(c, r->index);
    case DR:
        return (u32)c->dr[r->index];
    case BASE:
        return (u32)c->seg[r->index].base;
    case LIMIT:
        return c->seg[r->index].limit;
    case TABLE_BASE:
        return (u32)table->base;
    case TABLE_LIMIT:
        return table->limit;
    case TASK:
        return r->index ? c->ldtr.sel : c->tr.sel;
    case CPL:
        return c->cpl;
    default:
        return c->mxcsr;
    }
}

void gdb_reg_get(const struct cpu *c, unsigned n, u8 *value)
{
    const struct reg *r = &regs[n];
    if (r->source == ST) {
        const struct f80 *v = &c->fpu.st[x87_phys(c, r->index)];
        st64(value, v->m);
        st16(value + 8, v->se);
    } else if (r->source == XMM) {
        memcpy(value, c->xmm[r->index].b, 16);
    } else {
        st32(value, get32(c, r));
    }
}

/* ---- writing ---- */

bool gdb_reg_allows(const struct cpu *c, unsigned n, const u8 *value)
{
    const struct reg *r = &regs[n];
    if (r->source == GPR || r->source == IP || r->source == ST || r->source == X87 || r->source == XMM)
        return true;
    u32 v = ld32(value), old = get32(c, r);
    if (v == old)
        return true;
    if (r->source == FLAGS)
        return !((v ^ old) & F_VM); /* another mode */
    if (r->source == SELECTOR)
        return v <= 0xFFFF && !cpu_protected(c);
    return r->source == MXCSR && !(v & ~sse_mxcsr_mask(c));
}

static void float_set(struct cpu *c, unsigned which, u32 v)
{
    struct x87 *f = &c->fpu;
    switch (which) {
    case FCTRL:
        x87_load(c, (u16)v, x87_status(c), x87_tags(c));
        break;
    case FSTAT:
        x87_load(c, f->cw, (u16)v, x87_tags(c));
        break;
    case FTAG:
        x87_load(c, f->cw, x87_status(c), (u16)v);
        break;
    case FISEG:
        f->fcs = (u16)v;
        break;
    case FIOFF:
        f->fip = v;
        break;
    case FOSEG:
        f->fds = (u16)v;
        break;
    case FOOFF:
        f->fdp = v;
        break;
    default:
        f->fop = v & 0x7FF;
    }
}

static void set32(struct cpu *c, const struct reg *r, u32 v)
{
    if (v == get32(c, r))
        return;
    switch ((enum source)r->source) {
    case GPR:
        c->r[r->index] = v;
        break;
    case IP:
        c->ip = v;
        break;
    case FLAGS:
        cpu_set_eflags(c, v);
        break;
    case SELECTOR:
        seg_load_real(c, (enum seg_reg)r->index, (u16)v);
        break;
    case X87:
        float_set(c, r->index, v);
        break;
    case MXCSR:
        c->mxcsr = v;
        break;
    default: /* not allowed to change */
        break;
    }
}

void gdb_reg_set(struct cpu *c, unsigned n, const u8 *value)
{
    const struct reg *r = &regs[n];
    if (!gdb_reg_allows(c, n, value))
        return;
    if (r->source == ST)
        c->fpu.st[x87_phys(c, r->index)] = (struct f80){.m = ld64(value), .se = ld16(value + 8)};
    else if (r->source == XMM)
        memcpy(c->xmm[r->index].b, value, 16);
    else
        set32(c, r, ld32(value));
}

/* ---- the target description ---- */

struct flag {
    const char *name;
    u8 first, last;
};

static void put_flags(struct gdb_text *t, const char *id, const struct flag *f, unsigned count)
{
    gdb_putf(t, "<flags id=\"%s\" size=\"4\">", id);
    for (unsigned i = 0; i < count; i++)
        gdb_putf(t, "<field name=\"%s\" start=\"%u\" end=\"%u\"/>", f[i].name, f[i].first, f[i].last);
    gdb_put(t, "</flags>");
}

static void put_core_types(struct gdb_text *t)
{
    static const struct flag flags[] = {
        {"CF", 0, 0},   {"", 1, 1},     {"PF", 2, 2},    {"AF", 4, 4},    {"ZF", 6, 6},   {"SF", 7, 7},
        {"TF", 8, 8},   {"IF", 9, 9},   {"DF", 10, 10},  {"OF", 11, 11},  {"NT", 14, 14}, {"RF", 16, 16},
        {"VM", 17, 17}, {"AC", 18, 18}, {"VIF", 19, 19}, {"VIP", 20, 20}, {"ID", 21, 21},
    };
    put_flags(t, "i386_eflags", flags, ARRAY_LEN(flags));
}

static void put_sse_types(struct gdb_text *t)
{
    static const struct flag flags[] = {
        {"IE", 0, 0}, {"DE", 1, 1}, {"ZE", 2, 2}, {"OE", 3, 3},   {"UE", 4, 4},   {"PE", 5, 5},   {"DAZ", 6, 6},
        {"IM", 7, 7}, {"DM", 8, 8}, {"ZM", 9, 9}, {"OM", 10, 10}, {"UM", 11, 11}, {"PM", 12, 12}, {"FZ", 15, 15},
    };
    static const struct {
        const char *id, *type;
        unsigned count;
    } parts[] = {{"v4_float", "ieee_single", 4}, {"v2_double", "ieee_double", 2}, {"v16_int8", "int8", 16},
                 {"v8_int16", "int16", 8},       {"v4_int32", "int32", 4},        {"v2_int64", "int64", 2}};
    put_flags(t, "i386_mxcsr", flags, ARRAY_LEN(flags));
    for (unsigned i = 0; i < ARRAY_LEN(parts); i++)
        gdb_putf(t, "<vector id=\"%s\" type=\"%s\" count=\"%u\"/>", parts[i].id, parts[i].type, parts[i].count);
    gdb_put(t, "<union id=\"vec128\">");
    for (unsigned i = 0; i < ARRAY_LEN(parts); i++)
        gdb_putf(t, "<field name=\"%s\" type=\"%s\"/>", parts[i].id, parts[i].id);
    gdb_put(t, "<field name=\"uint128\" type=\"uint128\"/></union>");
}

static void put_regs(struct gdb_text *t, unsigned first, unsigned end)
{
    for (unsigned n = first; n < end; n++) {
        const struct reg *r = &regs[n];
        gdb_putf(t, "<reg name=\"%s\" bitsize=\"%u\" type=\"%s\" regnum=\"%u\"", r->name, r->bits, r->type, n);
        if (r->group)
            gdb_putf(t, " group=\"%s\"", r->group);
        /* A debugger that calls a function of the guest does not try to put system registers back. */
        gdb_put(t, n >= FIRST_SYSTEM && n < FIRST_SSE ? " save-restore=\"no\"/>" : "/>");
    }
}

void gdb_regs_xml(const struct cpu *c, struct gdb_text *t)
{
    gdb_put(t, "<?xml version=\"1.0\"?><!DOCTYPE target SYSTEM \"gdb-target.dtd\"><target version=\"1.0\">"
               "<architecture>i386</architecture><feature name=\"org.gnu.gdb.i386.core\">");
    put_core_types(t);
    put_regs(t, 0, FIRST_SYSTEM);
    gdb_put(t, "</feature><feature name=\"org.ombra.system\">");
    put_regs(t, FIRST_SYSTEM, FIRST_SSE);
    gdb_put(t, "</feature>");
    if (gdb_regs(c) > FIRST_SSE) {
        gdb_put(t, "<feature name=\"org.gnu.gdb.i386.sse\">");
        put_sse_types(t);
        put_regs(t, FIRST_SSE, gdb_regs(c));
        gdb_put(t, "</feature>");
    }
    gdb_put(t, "</target>");
}
