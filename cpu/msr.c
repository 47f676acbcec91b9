/*
 * msr.c - model-specific registers: which model has which, what may be written.
 *
 * SDM vol. 4 chapters 2.16 (Pentium 4), 2.22 (P6), 2.23 (Pentium); vol. 3A 11.11
 * (MTRR), 11.12 (PAT), 10.4.4 (APIC base).
 */
#include "cpu/msr.h"
#include "cpu/sys.h"

/* What happens on access. */
enum msr_rule {
    MSR_STRICT, /* field; #GP(0) if a bit outside WRITABLE is set */
    MSR_MASKED, /* field; bits outside WRITABLE keep their value */
    MSR_CONST,  /* reads as WRITABLE, #GP(0) on writes */
    MSR_IGNORE, /* reads as WRITABLE, writes vanish */
    MSR_TSC,
    MSR_APIC_BASE,
    MSR_PAT,
    MSR_MTRR_FIX,
    MSR_MTRR_VAR,
    MSR_MTRR_DEF,
    MSR_PERF_CTR,
    MSR_MC_BANK,
};

/* COUNT registers from FIRST on, for models with all of FEATURES and none of WITHOUT. */
struct msr_row {
    u32 first, count;
    u32 features, without;
    enum msr_rule rule;
    u16 offset; /* of the first one's field in struct msr_state; the others follow */
    u8 size;
    u64 writable;
};

#define F(m) offsetof(struct msr_state, m), sizeof(((struct msr_state *)0)->m)
#define NO_FIELD 0, 0
#define ALL_BITS (~(u64)0)

/* The Pentium 4 is told from the P6 by SSE2. */
#define P5_ONLY FEAT_MSR, FEAT_P6
#define P6_ONLY FEAT_P6, FEAT_SSE2
#define P6_UP FEAT_P6, 0
#define P4_UP FEAT_SSE2, 0

static const struct msr_row msr_table[] = {
    {0x000, 2, FEAT_MSR, 0, MSR_IGNORE, NO_FIELD, 0}, /* P5_MC_ADDR, P5_MC_TYPE */
    {0x010, 1, FEAT_TSC, 0, MSR_TSC, NO_FIELD, 0},
    {0x011, 1, P5_ONLY, MSR_MASKED, F(perf_sel[0]), 0x03FF03FF}, /* CESR */
    {0x012, 2, P5_ONLY, MSR_PERF_CTR, F(perf_ctr[0]), 0},
    {0x017, 1, P6_UP, MSR_CONST, NO_FIELD, 0}, /* PLATFORM_ID */
    {0x01B, 1, P6_UP, MSR_APIC_BASE, F(apic_base), 0},
    {0x02A, 1, P6_UP, MSR_IGNORE, NO_FIELD, 0},        /* EBL_CR_POWERON, EBC_HARD_POWERON */
    {0x02C, 1, P4_UP, MSR_CONST, NO_FIELD, 24u << 24}, /* EBC_FREQUENCY_ID: 24 x 100 MHz */
    {0x079, 1, P6_UP, MSR_IGNORE, NO_FIELD, 0},        /* BIOS_UPDT_TRIG */
    {0x08B, 1, P6_UP, MSR_STRICT, F(ucode_rev), ALL_BITS},
    {0x0C1, 2, P6_ONLY, MSR_PERF_CTR, F(perf_ctr[0]), 0},
    {0x0FE, 1, FEAT_MTRR, 0, MSR_CONST, NO_FIELD, 0x508}, /* MTRRCAP: 8 variable, fixed, WC */
    {0x174, 1, FEAT_SEP, 0, MSR_MASKED, F(sysenter_cs), 0xFFFFFFFF},
    {0x175, 1, FEAT_SEP, 0, MSR_MASKED, F(sysenter_esp), 0xFFFFFFFF},
    {0x176, 1, FEAT_SEP, 0, MSR_MASKED, F(sysenter_eip), 0xFFFFFFFF},
    {0x179, 1, P6_UP, MSR_CONST, NO_FIELD, 5}, /* MCG_CAP: 5 banks */
    {0x17A, 1, P6_UP, MSR_STRICT, F(mcg_status), 7},
    {0x186, 2, P6_ONLY, MSR_MASKED, F(perf_sel[0]), 0xFFFFFFFF},
    {0x1A0, 1, P4_UP, MSR_MASKED, F(misc_enable), 0x0000075D},
    {0x1D9, 1, P6_UP, MSR_MASKED, F(debugctl), 0x7F},
    {0x1DB, 4, P6_ONLY, MSR_IGNORE, NO_FIELD, 0}, /* last branch and last exception, from and to */
    {0x200, 16, FEAT_MTRR, 0, MSR_MTRR_VAR, NO_FIELD, 0},
    {0x250, 1, FEAT_MTRR, 0, MSR_MTRR_FIX, F(mtrr_fix[0]), 0},
    {0x258, 2, FEAT_MTRR, 0, MSR_MTRR_FIX, F(mtrr_fix[1]), 0},
    {0x268, 8, FEAT_MTRR, 0, MSR_MTRR_FIX, F(mtrr_fix[3]), 0},
    {0x277, 1, FEAT_PAT, 0, MSR_PAT, F(pat), 0},
    {0x2FF, 1, FEAT_MTRR, 0, MSR_MTRR_DEF, F(mtrr_def_type), 0},
    {0x400, 20, P6_UP, MSR_MC_BANK, NO_FIELD, 0},
};

static const struct msr_row *find_row(const struct cpu *c, u32 index)
{
    for (unsigned i = 0; i < ARRAY_LEN(msr_table); i++) {
        const struct msr_row *r = &msr_table[i];
        if (index - r->first < r->count && (c->features & r->features) == r->features && !(c->features & r->without))
            return r;
    }
    return NULL;
}

/* ---- the field behind a register ---- */

static u8 *field_of(struct cpu *c, const struct msr_row *r, u32 index)
{
    return (u8 *)&c->msr + r->offset + (size_t)(index - r->first) * r->size;
}

static u64 field_get(struct cpu *c, const struct msr_row *r, u32 index)
{
    const u8 *p = field_of(c, r, index);
    return r->size == 4 ? ld32(p) : ld64(p);
}

static void field_set(struct cpu *c, const struct msr_row *r, u32 index, u64 v)
{
    u8 *p = field_of(c, r, index);
    if (r->size == 4)
        st32(p, (u32)v);
    else
        st64(p, v);
}

/* 200h + 2n: base, + 1: mask. */
static u64 *mtrr_var(struct cpu *c, u32 index)
{
    unsigned n = (index - 0x200) / 2;
    return index & 1 ? &c->msr.mtrr_phys_mask[n] : &c->msr.mtrr_phys_base[n];
}

/* 400h + 4n: control, status; address and miscellaneous (NULL) read as zero. */
static u64 *mc_bank(struct cpu *c, u32 index)
{
    unsigned n = (index - 0x400) / 4;
    switch (index & 3) {
    case 0:
        return &c->msr.mc_ctl[n];
    case 1:
        return &c->msr.mc_status[n];
    default:
        return NULL;
    }
}

/* ---- memory types ---- */

static bool memory_type_ok(u8 type, bool pat)
{
    return type == 0 || type == 1 || (type >= 4 && type <= 6) || (pat && type == 7);
}

static bool memory_types_ok(u64 v, bool pat)
{
    for (unsigned i = 0; i < 8; i++)
        if (!memory_type_ok((u8)(v >> (i * 8)), pat))
            return false;
    return true;
}

static bool mtrr_var_ok(const struct cpu *c, u32 index, u64 v)
{
    u64 address = (BIT64(c->model->phys_bits) - 1) & PAGE_MASK;
    if (index & 1)
        return !(v & ~(address | 0x800));
    return !(v & ~(address | 0xFF)) && memory_type_ok((u8)v, false);
}

/* ---- access ---- */

bool msr_read(struct cpu *c, u32 index, u64 *value)
{
    const struct msr_row *r = find_row(c, index);
    if (!r) {
        log_unimp(c->host.log, "RDMSR %Xh", index);
        return false;
    }
    switch (r->rule) {
    case MSR_CONST:
    case MSR_IGNORE:
        *value = r->writable;
        break;
    case MSR_TSC:
        *value = cpu_tsc(c);
        break;
    case MSR_MTRR_VAR:
        *value = *mtrr_var(c, index);
        break;
    case MSR_MC_BANK:
        *value = mc_bank(c, index) ? *mc_bank(c, index) : 0;
        break;
    default:
        *value = field_get(c, r, index);
    }
    return true;
}

static bool write_apic_base(struct cpu *c, u64 v)
{
    u64 address = (BIT64(c->model->phys_bits) - 1) & PAGE_MASK;
    if (v & ~(address | APIC_BASE_BSP | APIC_BASE_ENABLE))
        return false;
    c->msr.apic_base = v;
    c->host.apic_base(c->host.ctx, v);
    return true;
}

/* Before the Pentium 4 only the low half can be written, and the upper is cleared. */
static void write_tsc(struct cpu *c, u64 v)
{
    if (!(c->features & FEAT_SSE2))
        v = (u32)v;
    c->tsc_offset += v - cpu_tsc(c);
}

static bool write_mc_bank(struct cpu *c, u32 index, u64 v)
{
    u64 *p = mc_bank(c, index);
    if (v && (!p || index & 1)) /* status can only be cleared */
        return false;
    if (p)
        *p = v;
    return true;
}

bool msr_write(struct cpu *c, u32 index, u64 value)
{
    const struct msr_row *r = find_row(c, index);
    if (!r) {
        log_unimp(c->host.log, "WRMSR %Xh", index);
        return false;
    }
    bool ok = true;
    switch (r->rule) {
    case MSR_CONST:
        return false;
    case MSR_IGNORE:
        return true;
    case MSR_TSC:
        write_tsc(c, value);
        return true;
    case MSR_APIC_BASE:
        return write_apic_base(c, value);
    case MSR_MTRR_VAR:
        ok = mtrr_var_ok(c, index, value);
        if (ok)
            *mtrr_var(c, index) = value;
        return ok;
    case MSR_MC_BANK:
        return write_mc_bank(c, index, value);
    case MSR_STRICT:
        ok = !(value & ~r->writable);
        break;
    case MSR_MASKED:
        value = (field_get(c, r, index) & ~r->writable) | (value & r->writable);
        break;
    case MSR_PAT:
        ok = memory_types_ok(value, true);
        break;
    case MSR_MTRR_FIX:
        ok = memory_types_ok(value, false);
        break;
    case MSR_MTRR_DEF:
        ok = !(value & ~(u64)0xCFF) && memory_type_ok((u8)value, false);
        break;
    case MSR_PERF_CTR: /* 40 bits, written as a sign-extended low half */
        value = (u64)(s64)(s32)value & 0xFFFFFFFFFF;
        break;
    }
    if (ok)
        field_set(c, r, index, value);
    return ok;
}

void msr_reset(struct cpu *c)
{
    memset(&c->msr, 0, sizeof c->msr);
    if (c->features & FEAT_APIC)
        c->msr.apic_base = APIC_BASE_RESET | APIC_BASE_BSP | APIC_BASE_ENABLE;
    c->msr.pat = PAT_RESET;
    c->msr.misc_enable = MISC_ENABLE_RESET;
    c->msr.ucode_rev = BIT64(32);
}
