/*
 * model.c - the processors that can be had with --cpu, as data, and CPUID that tells
 * of them.
 *
 * SDM vol. 2: CPUID; Intel AP-485 (signatures, cache descriptors of the older parts).
 */
#include "cpu/sys.h"

#define FEATURES_486 (FEAT_486 | FEAT_FPU | FEAT_CPUID | FEAT_VME | FEAT_SMM)
#define FEATURES_PENTIUM (FEATURES_486 | FEAT_DE | FEAT_PSE | FEAT_TSC | FEAT_MSR | FEAT_CX8 | FEAT_APIC | FEAT_MMX)
#define FEATURES_P3                                                                                                    \
    (FEATURES_PENTIUM | FEAT_P6 | FEAT_PAE | FEAT_SEP | FEAT_MTRR | FEAT_PGE | FEAT_CMOV | FEAT_PAT | FEAT_PSE36 |     \
     FEAT_FXSR | FEAT_SSE)
#define FEATURES_P4 (FEATURES_P3 | FEAT_CLFSH | FEAT_SSE2)

const struct cpu_model cpu_models[] = {
    {
        .name = "486",
        .about = "Intel DX4: x87 inside, CPUID, virtual-8086 extensions",
        .features = FEATURES_486,
        .signature = 0x0480,
        .cpuid_max = 1,
        .vendor = "GenuineIntel",
        .phys_bits = 32,
        .tsc_hz = 100000000,
    },
    {
        .name = "pentium",
        .about = "Intel Pentium with MMX (P55C)",
        .features = FEATURES_PENTIUM,
        .signature = 0x0543,
        .cpuid_max = 1,
        .vendor = "GenuineIntel",
        .phys_bits = 32,
        .tsc_hz = 233000000,
    },
    {
        .name = "p3",
        .about = "Intel Pentium III (Coppermine): PAE, SSE, SYSENTER",
        .features = FEATURES_P3,
        .signature = 0x0686,
        .cpuid_max = 2,
        .vendor = "GenuineIntel",
        /* TLBs 4K/4M, L1 16K + 16K, L2 256K */
        .cache_desc = {0x01, 0x01, 0x02, 0x03, 0, 0, 0, 0, 0, 0, 0, 0, 0x82, 0x08, 0x04, 0x0C},
        .phys_bits = 36,
        .brand_id = 2,
        .tsc_hz = 1000000000,
    },
    {
        .name = "p4",
        .about = "Intel Pentium 4 (Northwood): as p3 with SSE2",
        .features = FEATURES_P4,
        .signature = 0x0F29,
        .cpuid_max = 2,
        .vendor = "GenuineIntel",
        .brand = "Intel(R) Pentium(R) 4 CPU 2.40GHz",
        /* TLBs, trace cache 12K, L1 8K, L2 512K */
        .cache_desc = {0x01, 0x50, 0x5B, 0x66, 0, 0, 0, 0, 0, 0, 0, 0, 0x40, 0x70, 0x7B, 0x00},
        .phys_bits = 36,
        .brand_id = 9,
        .tsc_hz = 2400000000,
    },
    {.name = NULL},
};

const struct cpu_model *cpu_model_find(const char *name)
{
    for (const struct cpu_model *m = cpu_models; m->name; m++)
        if (strcmp(m->name, name) == 0)
            return m;
    return NULL;
}

/* ---- CPUID ---- */

enum { CLFLUSH_LINE = 64 };

/* Leaf 1 EDX: which feature stands behind each bit. MCE comes with the Pentium, MCA with the P6. */
static const struct {
    u32 feature;
    u8 bit;
} leaf1_edx[] = {
    {FEAT_FPU, 0},  {FEAT_VME, 1},   {FEAT_DE, 2},    {FEAT_PSE, 3},   {FEAT_TSC, 4},    {FEAT_MSR, 5},
    {FEAT_PAE, 6},  {FEAT_MSR, 7},   {FEAT_CX8, 8},   {FEAT_APIC, 9},  {FEAT_SEP, 11},   {FEAT_MTRR, 12},
    {FEAT_PGE, 13}, {FEAT_P6, 14},   {FEAT_CMOV, 15}, {FEAT_PAT, 16},  {FEAT_PSE36, 17}, {FEAT_CLFSH, 19},
    {FEAT_MMX, 23}, {FEAT_FXSR, 24}, {FEAT_SSE, 25},  {FEAT_SSE2, 26},
};

static u32 feature_bits(const struct cpu *c)
{
    u32 edx = 0;
    for (unsigned i = 0; i < ARRAY_LEN(leaf1_edx); i++)
        if (c->features & leaf1_edx[i].feature)
            edx |= BIT(leaf1_edx[i].bit);
    if ((c->features & FEAT_P6) && !(c->msr.apic_base & 0x800)) /* switched off in IA32_APIC_BASE: gone */
        edx &= ~BIT(9);
    return edx;
}

static void leaf_vendor(const struct cpu *c, u32 out[4])
{
    out[0] = c->model->cpuid_max;
    out[1] = ld32(c->model->vendor);
    out[3] = ld32(c->model->vendor + 4);
    out[2] = ld32(c->model->vendor + 8);
}

static void leaf_features(struct cpu *c, u32 out[4])
{
    out[0] = c->model->signature;
    out[1] = c->model->brand_id | (c->features & FEAT_CLFSH ? (u32)CLFLUSH_LINE / 8 << 8 : 0);
    out[3] = feature_bits(c);
    if (c->features & FEAT_P6)
        c->msr.ucode_rev = BIT64(32); /* leaf 1 puts the revision into IA32_BIOS_SIGN_ID */
}

static void leaf_caches(const struct cpu *c, u32 out[4])
{
    for (unsigned i = 0; i < 4; i++)
        out[i] = ld32(c->model->cache_desc + i * 4);
}

/* 80000002h to 80000004h: 16 characters each. */
static void leaf_brand(const struct cpu *c, unsigned part, u32 out[4])
{
    char text[48] = {0};
    memcpy(text, c->model->brand, MIN(strlen(c->model->brand), sizeof text));
    for (unsigned i = 0; i < 4; i++)
        out[i] = ld32(text + part * 16 + i * 4);
}

static void leaf_basic(struct cpu *c, u32 leaf, u32 out[4])
{
    if (leaf == 0)
        leaf_vendor(c, out);
    else if (leaf == 1)
        leaf_features(c, out);
    else
        leaf_caches(c, out);
}

static void leaf_extended(const struct cpu *c, u32 leaf, u32 out[4])
{
    if (leaf == 0)
        out[0] = 0x80000004;
    else if (leaf == 1)
        out[3] = c->features & FEAT_NX ? BIT(20) : 0;
    else
        leaf_brand(c, leaf - 2, out);
}

/* A leaf beyond the last answers as the last basic leaf does. */
void cpu_cpuid(struct cpu *c, u32 leaf, u32 out[4])
{
    memset(out, 0, 4 * sizeof out[0]);
    if (c->model->brand && leaf >= 0x80000000 && leaf <= 0x80000004)
        leaf_extended(c, leaf - 0x80000000, out);
    else
        leaf_basic(c, MIN(leaf, c->model->cpuid_max), out);
}
