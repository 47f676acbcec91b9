/*
 * cpu.c - making, resetting and saving a processor; its input pins.
 *
 * SDM vol. 3A chapter 9 (9.1: table 9-1, states after power-up, reset and INIT).
 */
#include "base/host_pages.h"
#include "cpu/blocks.h"
#include "cpu/decode.h"
#include "cpu/debug.h"
#include "cpu/msr.h"
#include "cpu/sys.h"
#include <errno.h>
#include <stdlib.h>

#define SMBASE_RESET 0x30000u
#define MXCSR_RESET 0x1F80u
#define CR0_RESET (CR0_CD | CR0_NW | CR0_ET)

/* ---- callbacks from the MMU and from physical memory ---- */

static void page_fault(void *owner, u64 lin, u32 error)
{
    struct cpu *c = owner;
    c->cr2 = lin;
    cpu_raise_err(c, VEC_PF, error);
}

static void on_code_write(void *ctx, u32 frame, u32 offset, u32 len)
{
    cpu_code_write(ctx, frame, offset, len);
}

/* The page that code is fetched from may be another one now: the block in hand ends, wherever slices and engines begin theirs. */
void cpu_pagetable_write(struct cpu *c, u32 frame, u32 offset, u32 len)
{
    u64 renewals = c->mmu.renewals;
    mmu_pagetable_written(&c->mmu, frame, offset, len);
    if (c->mmu.renewals != renewals)
        c->attention |= ATT_CODE;
}

static void on_pagetable_write(void *ctx, u32 frame, u32 offset, u32 len)
{
    cpu_pagetable_write(ctx, frame, offset, len);
}

static void on_drop_write(void *ctx, u32 frame)
{
    struct cpu *c = ctx;
    mmu_drop_write(&c->mmu, frame);
}

/* Addresses may mean other memory now; the block in hand is left after its instruction. */
static void on_map_changed(void *ctx)
{
    struct cpu *c = ctx;
    mmu_flush_all(&c->mmu);
    c->attention |= ATT_CODE;
}

static void connect(struct cpu *c, struct physmem *phys)
{
    c->mmu.fault = page_fault;
    c->mmu.watched_page = debug_watched_page;
    c->mmu.watch_hit = debug_watch_hit;
    c->mmu.phys_mask = BIT64(c->model->phys_bits) - 1;
    c->mmu.nx_supported = c->features & FEAT_NX;
    phys->ctx = c;
    phys->code_write = on_code_write;
    phys->pagetable_write = on_pagetable_write;
    phys->drop_write_tlb = on_drop_write;
    phys->map_changed = on_map_changed;
}

static void disconnect(struct physmem *phys)
{
    phys->code_write = NULL;
    phys->pagetable_write = NULL;
    phys->drop_write_tlb = NULL;
    phys->map_changed = NULL;
    phys->ctx = NULL;
}

/* ---- reset and INIT ---- */

static void reset_segment(struct segment *s, u16 sel, u32 base, u16 type)
{
    *s = (struct segment){.sel = sel, .base = base, .limit = 0xFFFF, .attr = SEG_P | type};
}

static void reset_segments(struct cpu *c)
{
    for (unsigned i = 0; i < SEG_COUNT; i++)
        reset_segment(&c->seg[i], 0, 0, SEG_S | SEG_RW | SEG_A);
    reset_segment(&c->seg[SEG_CS], 0xF000, 0xFFFF0000, SEG_S | SEG_RW | SEG_A);
    reset_segment(&c->ldtr, 0, 0, DESC_LDT);
    reset_segment(&c->tr, 0, 0, DESC_TSS32_BUSY);
    c->ldtr.null = true;
    c->gdtr = c->idtr = (struct dtable){.base = 0, .limit = 0xFFFF};
    for (unsigned i = 0; i < SEG_COUNT; i++)
        cpu_update_segment(c, &c->seg[i]);
}

/* What both RESET# and INIT# do. */
static void reset_common(struct cpu *c)
{
    memset(c->r, 0, sizeof c->r);
    c->r[R_DX] = c->model->signature;
    c->ip = 0xFFF0;
    c->eflags = F_ONE;
    flags_set_arith(c, 0);
    c->cpl = 0;
    reset_segments(c);
    c->cr2 = c->cr3 = c->cr4 = c->cr8 = 0;
    c->efer = 0;
    memset(c->dr, 0, sizeof c->dr);
    c->dr[6] = DR6_FIXED;
    c->dr[7] = DR7_FIXED;
    c->db_pending = 0;
    c->halt = HALT_NONE;
    c->nmi_blocked = c->smm_inside_nmi = c->nmi_latched = c->smi_latched = c->init_latched = false;
    c->ss_shadow = c->no_step = c->fault_at_ip = false;
    c->fault_vector = -1;
    c->fault_external = false;
    c->last_event = ~(u64)0;
    c->rep_at = c->rep_flags = 0;
    c->attention &= (u32)ATT_STOP;
    cpu_update_mode(c);
    mmu_load_cr3(&c->mmu, 0);
    debug_update(c);
    cpu_flags_changed(c);
}

static void reset_fpu(struct cpu *c)
{
    memset(&c->fpu, 0, sizeof c->fpu); /* +0.0 in every register, all valid */
    c->fpu.cw = 0x40;
    memset(c->xmm, 0, sizeof c->xmm);
    c->mxcsr = MXCSR_RESET;
}

/* All but the time stamp, which needs the machine's clock. */
static void power_on(struct cpu *c)
{
    bool was_smm = c->smm;
    c->smm = false;
    if (was_smm)
        c->host.smm(c->host.ctx, false);
    c->smbase = SMBASE_RESET;
    c->cr0 = CR0_RESET;
    reset_common(c);
    reset_fpu(c);
    c->ignne = c->ferr = false;
    msr_reset(c);
    c->tsc_offset = 0;
}

void cpu_reset(struct cpu *c)
{
    power_on(c);
    c->tsc_offset = (u64)0 - cpu_tsc(c);
}

/* Caches (CR0.CD, NW), x87, SSE, MSRs, SMBASE and the time stamp stay. */
void cpu_take_init(struct cpu *c)
{
    c->cr0 = (c->cr0 & (CR0_CD | CR0_NW)) | CR0_ET;
    reset_common(c);
}

/* ---- making ---- */

struct cpu *cpu_new(const struct cpu_model *model, struct physmem *phys, const struct cpu_host *host)
{
    struct cpu *c = host_pages_new(sizeof *c);
    if (!c)
        return NULL;
    c->model = model;
    c->features = model->features;
    c->host = *host;
    mmu_init(&c->mmu, phys, c);
    c->decoder = decoder_new(c->features);
    c->blocks = blocks_new(&c->mmu);
    if (!c->decoder || !c->blocks) {
        decoder_free(c->decoder);
        if (c->blocks)
            blocks_free(c->blocks);
        host_pages_free(c, sizeof *c);
        return NULL;
    }
    connect(c, phys);
    power_on(c); /* the clock may need the processor that is being made */
    return c;
}

void cpu_free(struct cpu *c)
{
    if (!c)
        return;
    blocks_flush(c->blocks);
    disconnect(c->mmu.phys);
    blocks_free(c->blocks);
    decoder_free(c->decoder);
    host_pages_free(c, sizeof *c);
}

/* ---- pins ---- */

void cpu_init_signal(struct cpu *c)
{
    c->init_latched = true;
    cpu_flags_changed(c);
}

void cpu_set_intr(struct cpu *c, bool level)
{
    c->intr_line = level;
    cpu_flags_changed(c);
}

void cpu_nmi(struct cpu *c)
{
    c->nmi_latched = true;
    cpu_flags_changed(c);
}

void cpu_smi(struct cpu *c)
{
    c->smi_latched = true;
    cpu_flags_changed(c);
}

/* Only a processor that waits for it listens. */
void cpu_sipi(struct cpu *c, u8 vector)
{
    if (c->halt != HALT_WAIT_SIPI)
        return;
    c->halt = HALT_NONE;
    c->attention &= ~(u32)ATT_HALT;
    reset_segment(&c->seg[SEG_CS], (u16)(vector << 8), (u32)vector << 12, SEG_S | SEG_RW | SEG_A);
    cpu_update_segment(c, &c->seg[SEG_CS]);
    c->ip = 0;
}

void cpu_set_ignne(struct cpu *c, bool asserted)
{
    c->ignne = asserted;
}

/* ---- state ---- */

static const struct field segment_fields[] = {
    FIELD(struct segment, sel),  FIELD(struct segment, attr), FIELD(struct segment, limit),
    FIELD(struct segment, base), FIELD(struct segment, null), FIELD_END,
};

static const struct field dtable_fields[] = {
    FIELD(struct dtable, base),
    FIELD(struct dtable, limit),
    FIELD_END,
};

static const struct field f80_fields[] = {
    FIELD(struct f80, m),
    FIELD(struct f80, se),
    FIELD_END,
};

static const struct field x87_fields[] = {
    FIELD_SUBS(struct x87, st, f80_fields),
    FIELD(struct x87, cw),
    FIELD(struct x87, sw),
    FIELD(struct x87, top),
    FIELD(struct x87, empty),
    FIELD(struct x87, fop),
    FIELD(struct x87, fcs),
    FIELD(struct x87, fds),
    FIELD(struct x87, fip),
    FIELD(struct x87, fdp),
    FIELD_END,
};

static const struct field xmm_fields[] = {
    FIELD_ARRAY(union xmm, q),
    FIELD_END,
};

static const struct field msr_fields[] = {
    FIELD(struct msr_state, sysenter_cs),
    FIELD(struct msr_state, sysenter_esp),
    FIELD(struct msr_state, sysenter_eip),
    FIELD(struct msr_state, apic_base),
    FIELD(struct msr_state, pat),
    FIELD_ARRAY(struct msr_state, mtrr_phys_base),
    FIELD_ARRAY(struct msr_state, mtrr_phys_mask),
    FIELD_ARRAY(struct msr_state, mtrr_fix),
    FIELD(struct msr_state, mtrr_def_type),
    FIELD(struct msr_state, ucode_rev),
    FIELD(struct msr_state, misc_enable),
    FIELD(struct msr_state, debugctl),
    FIELD(struct msr_state, mcg_status),
    FIELD_ARRAY(struct msr_state, mc_ctl),
    FIELD_ARRAY(struct msr_state, mc_status),
    FIELD_ARRAY(struct msr_state, perf_sel),
    FIELD_ARRAY(struct msr_state, perf_ctr),
    FIELD(struct msr_state, tsc_aux),
    FIELD(struct msr_state, star),
    FIELD(struct msr_state, lstar),
    FIELD(struct msr_state, cstar),
    FIELD(struct msr_state, fmask),
    FIELD(struct msr_state, kernel_gs_base),
    FIELD_END,
};

static const struct field poll_fields[] = {
    FIELD(struct poll_watch, last),
    FIELD_ARRAY(struct poll_watch, seen),
    FIELD(struct poll_watch, repeated),
    FIELD_END,
};

const struct field cpu_fields[] = {
    FIELD_ARRAY(struct cpu, r),
    FIELD(struct cpu, ip),
    FIELD(struct cpu, lf_res),
    FIELD(struct cpu, lf_aux),
    FIELD(struct cpu, eflags),
    FIELD(struct cpu, cpl),
    FIELD(struct cpu, smm),
    FIELD(struct cpu, count_end), /* after cpu_settle(): the instruction count */
    FIELD_SUBS(struct cpu, seg, segment_fields),
    FIELD_SUB(struct cpu, ldtr, segment_fields),
    FIELD_SUB(struct cpu, tr, segment_fields),
    FIELD_SUB(struct cpu, gdtr, dtable_fields),
    FIELD_SUB(struct cpu, idtr, dtable_fields),
    FIELD(struct cpu, cr0),
    FIELD(struct cpu, cr2),
    FIELD(struct cpu, cr3),
    FIELD(struct cpu, cr4),
    FIELD(struct cpu, cr8),
    FIELD_ARRAY(struct cpu, dr),
    FIELD(struct cpu, efer),
    FIELD_ARRAY(struct cpu, mmu.pdpte),
    FIELD(struct cpu, mmu.a20_mask),
    FIELD_SUB(struct cpu, fpu, x87_fields),
    FIELD_SUBS(struct cpu, xmm, xmm_fields),
    FIELD(struct cpu, mxcsr),
    FIELD(struct cpu, attention), /* shadows and pending debug traps; the rest is recomputed */
    FIELD(struct cpu, db_pending),
    FIELD(struct cpu, halt),
    FIELD(struct cpu, nmi_blocked),
    FIELD(struct cpu, smm_inside_nmi),
    FIELD_SUB(struct cpu, poll, poll_fields),
    FIELD(struct cpu, intr_line),
    FIELD(struct cpu, nmi_latched),
    FIELD(struct cpu, smi_latched),
    FIELD(struct cpu, init_latched),
    FIELD(struct cpu, ss_shadow),
    FIELD(struct cpu, no_step),
    FIELD(struct cpu, last_event),
    FIELD(struct cpu, rep_at),
    FIELD(struct cpu, rep_flags),
    FIELD(struct cpu, ignne),
    FIELD(struct cpu, ferr),
    FIELD(struct cpu, smbase),
    FIELD(struct cpu, tsc_offset),
    FIELD_SUB(struct cpu, msr, msr_fields),
    FIELD_END,
};

enum { ATT_SAVED = ATT_DB | ATT_SHADOW }; /* the others follow from other fields */

void cpu_settle(struct cpu *c)
{
    flags_set_arith(c, flags_arith(c));
    c->count_end = cpu_count(c);
    c->budget = 0;
    c->rep_done = 0;
    c->attention &= ~(u32)(ATT_CODE | ATT_STOP); /* of the slice that is over */
    cpu_flags_changed(c);
}

/* Save files are hostile: nothing that indexes or selects may be out of range. */
static bool fields_valid(const struct cpu *c)
{
    bool cpl_fits = cpu_pe(c) ? !cpu_vm86(c) || c->cpl == 3 : c->cpl == 0;
    bool cr0_fits = !(c->cr0 & CR0_PG) || cpu_pe(c);
    bool a20_fits = c->mmu.a20_mask == ~(u64)0 || c->mmu.a20_mask == ~BIT64(20);
    return c->cpl <= 3 && cpl_fits && cr0_fits && a20_fits && c->fpu.top < 8 && c->halt <= HALT_WAIT_SIPI &&
           !(c->cr4 & ~cpu_cr4_mask(c)) && c->efer == 0 && c->r[REG_ZERO] == 0;
}

/* High halves and reserved bits that handlers take for granted. */
static void trim_fields(struct cpu *c)
{
    for (unsigned i = 0; i < REG_ZERO; i++)
        c->r[i] = (u32)c->r[i];
    c->ip = (u32)c->ip;
    c->cr0 = (u32)c->cr0 | CR0_ET;
    c->cr3 = (u32)c->cr3;
    c->eflags = (c->eflags & cpu_eflags_mask(c) & ~(u32)F_ARITH) | F_ONE;
    c->gdtr.base = (u32)c->gdtr.base;
    c->idtr.base = (u32)c->idtr.base;
    c->ldtr.base = (u32)c->ldtr.base;
    c->tr.base = (u32)c->tr.base;
    for (unsigned i = 0; i < SEG_COUNT; i++)
        c->seg[i].base = (u32)c->seg[i].base;
    for (unsigned i = 0; i < 8; i++)
        c->dr[i] = (u32)c->dr[i];
}

int cpu_restored(struct cpu *c)
{
    if (!fields_valid(c))
        return -EINVAL;
    trim_fields(c);
    c->cur = NULL;
    c->budget = 0;
    c->rep_done = 0;
    c->fault_vector = -1;
    c->fault_external = c->fault_at_ip = false;
    c->attention = (c->attention & ATT_SAVED) | (c->halt == HALT_NONE ? 0 : ATT_HALT);
    for (unsigned i = 0; i < SEG_COUNT; i++)
        cpu_update_segment(c, &c->seg[i]);
    cpu_update_mode(c);
    c->mmu.cr3 = c->cr3; /* the PDPTEs came with the fields */
    mmu_flush_all(&c->mmu);
    blocks_flush(c->blocks);
    c->bp_data = 0;
    mmu_set_watching(&c->mmu, false);
    debug_update(c);
    cpu_flags_changed(c);
    return 0;
}
