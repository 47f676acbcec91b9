/*
 * smm.c - system management mode: entry by SMI#, RSM, and the 32-bit state-save map.
 *
 * SDM vol. 3C chapter 34 (34.4 entry, 34.5 map, 34.11 SMBASE relocation, 34.10 auto halt
 * restart). The descriptor caches lie in the map's reserved part, where other machines and firmware
 * expect them.
 */
#include "cpu/debug.h"
#include "cpu/sys.h"

enum {
    SMM_ENTRY = 0x8000, /* IP of the handler, in a segment at SMBASE */
    SMM_MAP = 0xFE00,   /* the map's 512 bytes, from SMBASE */
    SMM_MAP_SIZE = 0x200,
    SMM_REVISION = 0x20000, /* SMBASE can be relocated; no I/O restart */
};

/* Offsets in the map; SDM's are relative to SMBASE + 8000h and so 7E00h higher. */
enum {
    MAP_SMBASE = 0xF8,
    MAP_REVISION = 0xFC,
    MAP_AUTO_HALT = 0x102, /* 16 bits */
    MAP_CR4 = 0x114,
    MAP_SEG_HIGH = 0x12C, /* DS, FS, GS: flags, limit, base */
    MAP_SEG_LOW = 0x184,  /* ES, CS, SS */
    MAP_IDT_LIMIT = 0x154,
    MAP_IDT_BASE = 0x158,
    MAP_TR = 0x15C,
    MAP_GDT_LIMIT = 0x170,
    MAP_GDT_BASE = 0x174,
    MAP_LDT = 0x178,
    MAP_SELECTORS = 0x1A8, /* ES CS SS DS FS GS */
    MAP_LDT_SEL = 0x1C0,
    MAP_TR_SEL = 0x1C4,
    MAP_DR7 = 0x1C8,
    MAP_DR6 = 0x1CC,
    MAP_GPR = 0x1D0, /* EAX ECX EDX EBX ESP EBP ESI EDI */
    MAP_EIP = 0x1F0,
    MAP_EFLAGS = 0x1F4,
    MAP_CR3 = 0x1F8,
    MAP_CR0 = 0x1FC,
    CACHE_NULL = 1 << 24, /* in a cache's flags: loaded with a null selector */
};

/* ---- descriptor caches in the map ---- */

static u32 cache_offset(unsigned seg)
{
    return seg < SEG_DS ? MAP_SEG_LOW + seg * 12 : MAP_SEG_HIGH + (seg - SEG_DS) * 12;
}

/* Flags as the second doubleword of a descriptor has them. */
static void put_cache(u8 *map, u32 at, const struct segment *s)
{
    st32(map + at, (u32)s->attr << 8 | (s->null ? CACHE_NULL : 0));
    st32(map + at + 4, s->limit);
    st32(map + at + 8, (u32)s->base);
}

static void get_cache(const u8 *map, u32 at, struct segment *s)
{
    u32 flags = ld32(map + at);
    s->attr = (u16)(flags >> 8 & 0xF0FF);
    s->null = flags & CACHE_NULL;
    s->limit = ld32(map + at + 4);
    s->base = ld32(map + at + 8);
}

static void put_segments(const struct cpu *c, u8 *map)
{
    for (unsigned i = 0; i < SEG_COUNT; i++) {
        st32(map + MAP_SELECTORS + i * 4, c->seg[i].sel);
        put_cache(map, cache_offset(i), &c->seg[i]);
    }
    st32(map + MAP_LDT_SEL, c->ldtr.sel);
    put_cache(map, MAP_LDT, &c->ldtr);
    st32(map + MAP_TR_SEL, c->tr.sel);
    put_cache(map, MAP_TR, &c->tr);
}

static void get_segments(struct cpu *c, const u8 *map)
{
    for (unsigned i = 0; i < SEG_COUNT; i++) {
        c->seg[i].sel = ld16(map + MAP_SELECTORS + i * 4);
        get_cache(map, cache_offset(i), &c->seg[i]);
        cpu_update_segment(c, &c->seg[i]);
    }
    c->ldtr.sel = ld16(map + MAP_LDT_SEL);
    get_cache(map, MAP_LDT, &c->ldtr);
    c->tr.sel = ld16(map + MAP_TR_SEL);
    get_cache(map, MAP_TR, &c->tr);
}

/* ---- entry ---- */

static void put_state(const struct cpu *c, u8 *map)
{
    st32(map + MAP_SMBASE, c->smbase);
    st32(map + MAP_REVISION, SMM_REVISION);
    st16(map + MAP_AUTO_HALT, c->halt == HALT_HLT);
    st32(map + MAP_CR0, (u32)c->cr0);
    st32(map + MAP_CR3, (u32)c->cr3);
    st32(map + MAP_CR4, (u32)c->cr4);
    st32(map + MAP_EFLAGS, cpu_eflags(c));
    st32(map + MAP_EIP, (u32)c->ip);
    for (unsigned i = 0; i < 8; i++)
        st32(map + MAP_GPR + i * 4, (u32)c->r[i]);
    st32(map + MAP_DR6, (u32)c->dr[6]);
    st32(map + MAP_DR7, (u32)c->dr[7]);
    st32(map + MAP_GDT_BASE, (u32)c->gdtr.base);
    st32(map + MAP_GDT_LIMIT, c->gdtr.limit);
    st32(map + MAP_IDT_BASE, (u32)c->idtr.base);
    st32(map + MAP_IDT_LIMIT, c->idtr.limit);
    put_segments(c, map);
}

/* Real-mode style segments with 4-GiB limits. */
static void set_smm_segment(struct cpu *c, enum seg_reg seg, u16 sel, u32 base)
{
    struct desc d = {.base = base, .limit = 0xFFFFFFFF, .attr = SEG_G | SEG_P | SEG_S | SEG_RW | SEG_A};
    seg_commit(c, seg, &d, sel);
}

static void set_smm_state(struct cpu *c)
{
    c->eflags = F_ONE;
    flags_set_arith(c, 0);
    c->ip = SMM_ENTRY;
    c->cpl = 0;
    c->cr0 &= ~(u64)(CR0_PE | CR0_EM | CR0_TS | CR0_PG);
    c->cr4 = 0;
    c->dr[7] = DR7_FIXED;
    set_smm_segment(c, SEG_CS, (u16)(c->smbase >> 4), c->smbase);
    set_smm_segment(c, SEG_DS, 0, 0);
    set_smm_segment(c, SEG_ES, 0, 0);
    set_smm_segment(c, SEG_SS, 0, 0);
    set_smm_segment(c, SEG_FS, 0, 0);
    set_smm_segment(c, SEG_GS, 0, 0);
    cpu_update_mode(c);
    debug_update(c);
}

void smm_enter(struct cpu *c)
{
    u8 map[SMM_MAP_SIZE];
    if (log_on(c->host.log, LOG_CPU))
        log_msg(c->host.log, LOG_CPU, "SMI at %04X:%08X, SMBASE %08X", c->seg[SEG_CS].sel, (u32)c->ip, c->smbase);
    c->smi_latched = false;
    c->rep_at = c->rep_flags = 0;
    c->smm = true;
    c->host.smm(c->host.ctx, true);
    phys_read(c->mmu.phys, c->smbase + SMM_MAP, map, sizeof map); /* what is reserved stays */
    put_state(c, map);
    phys_write(c->mmu.phys, c->smbase + SMM_MAP, map, sizeof map);
    c->halt = HALT_NONE;
    c->attention &= ~(u32)(ATT_HALT | ATT_SHADOW);
    c->smm_inside_nmi = c->nmi_blocked;
    c->nmi_blocked = true;
    set_smm_state(c);
    cpu_flags_changed(c);
}

/* ---- RSM ---- */

/* Values that no MOV CR would have accepted: shutdown. */
static bool map_valid(const struct cpu *c, const u8 *map)
{
    u32 cr0 = ld32(map + MAP_CR0), cr4 = ld32(map + MAP_CR4);
    if ((cr0 & CR0_PG) && !(cr0 & CR0_PE))
        return false;
    if ((cr0 & CR0_NW) && !(cr0 & CR0_CD))
        return false;
    return !(cr4 & ~cpu_cr4_mask(c));
}

static unsigned restored_cpl(const struct cpu *c)
{
    if (!cpu_pe(c))
        return 0;
    return cpu_vm86(c) ? 3 : attr_dpl(c->seg[SEG_SS].attr);
}

static bool get_state(struct cpu *c, const u8 *map)
{
    c->cr0 = ld32(map + MAP_CR0) | CR0_ET;
    c->cr3 = ld32(map + MAP_CR3);
    c->cr4 = ld32(map + MAP_CR4);
    for (unsigned i = 0; i < 8; i++)
        c->r[i] = ld32(map + MAP_GPR + i * 4);
    c->ip = ld32(map + MAP_EIP);
    c->dr[6] = (ld32(map + MAP_DR6) & (DR6_B | DR6_BD | DR6_BS | DR6_BT)) | DR6_FIXED;
    c->dr[7] = (ld32(map + MAP_DR7) & 0xFFFF23FF) | DR7_FIXED;
    c->gdtr.base = ld32(map + MAP_GDT_BASE);
    c->gdtr.limit = ld16(map + MAP_GDT_LIMIT);
    c->idtr.base = ld32(map + MAP_IDT_BASE);
    c->idtr.limit = ld16(map + MAP_IDT_LIMIT);
    get_segments(c, map);
    c->smbase = ld32(map + MAP_SMBASE);
    cpu_set_eflags(c, ld32(map + MAP_EFLAGS));
    c->cpl = (u8)restored_cpl(c);
    cpu_update_mode(c);
    return mmu_load_cr3(&c->mmu, c->cr3);
}

void smm_leave(struct cpu *c)
{
    u8 map[SMM_MAP_SIZE];
    phys_read(c->mmu.phys, c->smbase + SMM_MAP, map, sizeof map);
    if (!map_valid(c, map)) {
        cpu_shutdown(c);
        return;
    }
    c->smm = false;
    c->host.smm(c->host.ctx, false);
    c->nmi_blocked = c->smm_inside_nmi;
    c->smm_inside_nmi = false;
    if (!get_state(c, map)) {
        cpu_shutdown(c);
        return;
    }
    debug_update(c);
    if (ld16(map + MAP_AUTO_HALT) & 1) {
        c->halt = HALT_HLT;
        c->attention |= ATT_HALT;
    }
    cpu_flags_changed(c);
}
