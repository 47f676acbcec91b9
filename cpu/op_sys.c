/*
 * op_sys.c - control and debug registers, HLT, caches and TLB, time stamp and model-specific
 * registers, CPUID, SYSENTER and SYSEXIT, RSM.
 *
 * SDM vol. 2 by name; vol. 3A 2.5 (control registers), 4.4.1 (PDPTE registers).
 */
#include "cpu/debug.h"
#include "cpu/sys.h"

static void need_cpl0(struct cpu *c)
{
    if (c->cpl != 0)
        raise_gp0(c);
}

static NORETURN void undefined(struct cpu *c)
{
    cpu_raise(c, VEC_UD);
}

/* ---- control registers ---- */

#define CR0_DEFINED (CR0_PE | CR0_MP | CR0_EM | CR0_TS | CR0_ET | CR0_NE | CR0_WP | CR0_AM | CR0_NW | CR0_CD | CR0_PG)

u64 cpu_cr4_mask(const struct cpu *c)
{
    static const struct {
        u32 feature, bits;
    } map[] = {
        {FEAT_VME, CR4_VME | CR4_PVI}, {FEAT_TSC, CR4_TSD | CR4_MCE}, {FEAT_DE, CR4_DE},  {FEAT_PSE, CR4_PSE},
        {FEAT_PAE, CR4_PAE},           {FEAT_PGE, CR4_PGE},           {FEAT_P6, CR4_PCE}, {FEAT_FXSR, CR4_OSFXSR},
        {FEAT_SSE, CR4_OSXMMEXCPT},
    };
    u64 mask = 0;
    for (unsigned i = 0; i < ARRAY_LEN(map); i++)
        if (c->features & map[i].feature)
            mask |= map[i].bits;
    return mask;
}

/* Takes over CR0 and CR4; with PAE paging (re)loads the PDPTEs where RELOAD says so: #GP(0) and nothing changed if they
 * are bad. */
static void set_mode(struct cpu *c, u64 cr0, u64 cr4, bool reload)
{
    mmu_set_mode(&c->mmu, cr0, cr4, c->efer);
    if (reload && (cr0 & CR0_PG) && (cr4 & CR4_PAE) && !mmu_load_cr3(&c->mmu, c->cr3)) {
        mmu_set_mode(&c->mmu, c->cr0, c->cr4, c->efer);
        raise_gp0(c);
    }
    c->cr0 = cr0;
    c->cr4 = cr4;
}

static void write_cr0(struct cpu *c, u32 v)
{
    u64 cr0 = (v & CR0_DEFINED) | CR0_ET, changed = cr0 ^ c->cr0;
    bool paging_without_pe = (cr0 & CR0_PG) && !(cr0 & CR0_PE);
    bool nw_without_cd = (cr0 & CR0_NW) && !(cr0 & CR0_CD);
    if (paging_without_pe || nw_without_cd)
        raise_gp0(c);
    if (changed & (CR0_PE | CR0_PG) && log_on(c->host.log, LOG_CPU))
        log_msg(c->host.log, LOG_CPU, "CR0 %08X -> %08X at %04X:%08X", (u32)c->cr0, (u32)cr0, c->seg[SEG_CS].sel,
                (u32)c->ip);
    set_mode(c, cr0, c->cr4, changed & (CR0_PG | CR0_CD | CR0_NW));
    cpu_update_mode(c);
}

static void write_cr3(struct cpu *c, u32 v)
{
    if (!mmu_load_cr3(&c->mmu, v))
        raise_gp0(c);
    c->cr3 = v;
}

static void write_cr4(struct cpu *c, u32 v)
{
    u64 changed = v ^ c->cr4;
    if (v & ~cpu_cr4_mask(c))
        raise_gp0(c);
    set_mode(c, c->cr0, v, changed & (CR4_PAE | CR4_PGE | CR4_PSE));
    debug_update(c);
}

/* The low six bits of ModRM: the control or debug register in 3-5, the general register in 0-2, whatever mod says. */
static unsigned special_reg(const struct insn *in)
{
    return in->modrm >> 3 & 7;
}

static unsigned general_reg(const struct insn *in)
{
    return in->modrm & 7;
}

/* CR4 does not exist on a model without any of its features. */
static void need_cr(struct cpu *c, unsigned n)
{
    if (n == 1 || n > 4 || (n == 4 && !cpu_cr4_mask(c)))
        undefined(c);
    need_cpl0(c);
}

OP0(MOV_RdCd)
{
    unsigned n = special_reg(in);
    need_cr(c, n);
    u64 v = n == 0 ? c->cr0 : n == 2 ? c->cr2 : n == 3 ? c->cr3 : c->cr4;
    reg_wr(c, 4, general_reg(in), v);
}

OP0(MOV_CdRd)
{
    unsigned n = special_reg(in);
    u32 v = (u32)c->r[general_reg(in)];
    need_cr(c, n);
    if (n == 0)
        write_cr0(c, v);
    else if (n == 2)
        c->cr2 = v;
    else if (n == 3)
        write_cr3(c, v);
    else
        write_cr4(c, v);
}

OPV(SMSW_Ev)
{
    if (MEM)
        mem_st(c, in, 2, (u16)c->cr0);
    else
        reg_wr(c, W, in->rm, c->cr0);
}

/* PE, MP, EM and TS only; PE can be set but not cleared. */
OPB(LMSW_Ew)
{
    need_cpl0(c);
    u32 v = (u32)rm_rd(c, in, 2, MEM);
    write_cr0(c, (u32)((c->cr0 & ~(u64)0xE) | (v & 0xF)));
}

OP0(CLTS)
{
    need_cpl0(c);
    c->cr0 &= ~(u64)CR0_TS;
}

/* ---- debug registers ---- */

/* DR4 and DR5 are DR6 and DR7 unless CR4.DE makes them undefined. With DR7.GD set any access is a fault. */
static unsigned debug_reg(struct cpu *c, const struct insn *in)
{
    unsigned n = special_reg(in);
    if (n == 4 || n == 5) {
        if (c->cr4 & CR4_DE)
            undefined(c);
        n += 2;
    }
    need_cpl0(c);
    if (c->dr[7] & DR7_GD) {
        c->dr[6] |= DR6_BD;
        cpu_raise(c, VEC_DB);
    }
    return n;
}

OP0(MOV_RdDd)
{
    unsigned n = debug_reg(c, in);
    reg_wr(c, 4, general_reg(in), c->dr[n]);
}

OP0(MOV_DdRd)
{
    unsigned n = debug_reg(c, in);
    u32 v = (u32)c->r[general_reg(in)];
    if (n == 6)
        v = (v & (DR6_B | DR6_BD | DR6_BS | DR6_BT)) | DR6_FIXED;
    else if (n == 7)
        v = (v & 0xFFFF23FF) | DR7_FIXED;
    c->dr[n] = v;
    debug_update(c);
}

/* ---- halting, caches, TLB ---- */

OP0(HLT)
{
    need_cpl0(c);
    c->halt = HALT_HLT;
    c->attention |= ATT_HALT;
}

OP0(INVD)
{
    need_cpl0(c);
}

OP_SAME(WBINVD, INVD)

/* Segment limits and rights play no part. */
OP0(INVLPG_Mb)
{
    need_cpl0(c);
    mmu_flush_page(&c->mmu, (u32)(c->seg[in->seg].base + ea(c, in)));
}

/* ---- time stamp, performance and model-specific registers ---- */

u64 cpu_tsc(const struct cpu *c)
{
    return muldiv64(clock_now(c->host.clock), c->model->tsc_hz, NS_PER_SEC) + c->tsc_offset;
}

static void set_edx_eax(struct cpu *c, u64 v)
{
    c->r[R_AX] = (u32)v;
    c->r[R_DX] = (u32)(v >> 32);
}

OP0(RDTSC)
{
    if ((c->cr4 & CR4_TSD) && c->cpl != 0)
        raise_gp0(c);
    set_edx_eax(c, cpu_tsc(c));
}

/* 40-bit counters; none of the events is counted. */
OP0(RDPMC)
{
    u32 n = (u32)c->r[R_CX];
    if ((!(c->cr4 & CR4_PCE) && c->cpl != 0) || n >= ARRAY_LEN(c->msr.perf_ctr))
        raise_gp0(c);
    set_edx_eax(c, c->msr.perf_ctr[n]);
}

OP0(RDMSR)
{
    u64 v;
    need_cpl0(c);
    if (!msr_read(c, (u32)c->r[R_CX], &v))
        raise_gp0(c);
    set_edx_eax(c, v);
}

OP0(WRMSR)
{
    need_cpl0(c);
    if (!msr_write(c, (u32)c->r[R_CX], (u32)c->r[R_AX] | c->r[R_DX] << 32))
        raise_gp0(c);
}

OP0(CPUID)
{
    u32 v[4];
    cpu_cpuid(c, (u32)c->r[R_AX], v);
    c->r[R_AX] = v[0];
    c->r[R_BX] = v[1];
    c->r[R_CX] = v[2];
    c->r[R_DX] = v[3];
}

/* ---- SYSENTER and SYSEXIT ---- */

/* Both load flat segments without looking at any table. */
static void load_flat(struct cpu *c, enum seg_reg seg, u16 sel, u16 type)
{
    struct desc d = {.limit = 0xFFFFFFFF, .attr = (u16)(SEG_G | SEG_DB | SEG_P | SEG_S | type)};
    d.attr |= (u16)(sel_rpl(sel) << SEG_DPL_SHIFT);
    seg_commit(c, seg, &d, sel);
}

static void enter_flat(struct cpu *c, u16 sel, unsigned cpl, u64 ip, u64 sp)
{
    cpu_set_cpl(c, cpl);
    load_flat(c, SEG_CS, (u16)((sel & 0xFFFC) | cpl), SEG_CODE | SEG_RW | SEG_A);
    load_flat(c, SEG_SS, (u16)(((sel + 8) & 0xFFFC) | cpl), SEG_RW | SEG_A);
    c->ip = (u32)ip;
    c->r[R_SP] = (u32)sp;
}

OP0(SYSENTER)
{
    if (!cpu_pe(c) || sel_null((u16)c->msr.sysenter_cs))
        raise_gp0(c);
    c->eflags &= ~(u32)(F_VM | F_IF | F_RF);
    enter_flat(c, (u16)c->msr.sysenter_cs, 0, c->msr.sysenter_eip, c->msr.sysenter_esp);
    cpu_flags_changed(c);
}

OP0(SYSEXIT)
{
    if (!cpu_pe(c) || c->cpl != 0 || sel_null((u16)c->msr.sysenter_cs))
        raise_gp0(c);
    enter_flat(c, (u16)(c->msr.sysenter_cs + 16), 3, c->r[R_DX], c->r[R_CX]);
}

OP0(RSM)
{
    if (!c->smm)
        undefined(c);
    smm_leave(c);
}
