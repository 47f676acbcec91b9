/*
 * test_cpu_system.c - control registers, CPUID and MSRs by model, port permissions, SYSENTER,
 * system management mode, reset, INIT, and saving the whole processor.
 */
#include "test_cpu_rig.h"

/* ---- control registers ---- */

static void control_register_checks(void **state)
{
    static const struct {
        unsigned cpl;
        const char *code;
        u32 eax;
        u8 vector;
    } cases[] = {
        {0, "0F 22 C0", CR0_PG, VEC_GP},          /* PG without PE */
        {0, "0F 22 C0", CR0_PE | CR0_NW, VEC_GP}, /* NW without CD */
        {0, "0F 22 E0", 1u << 11, VEC_GP},        /* reserved bit of CR4 */
        {0, "0F 22 C8", 0, VEC_UD},               /* CR1 */
        {0, "0F 22 E8", 0, VEC_UD},               /* CR5 */
        {3, "0F 22 C0", CR0_PE, VEC_GP},
        {3, "0F 20 C0", 0, VEC_GP},
        {3, "0F 06", 0, VEC_GP}, /* CLTS */
        {3, "F4", 0, VEC_GP},
        {3, "0F 01 F0", 0, VEC_GP},             /* LMSW AX */
        {3, "0F 01 3D 00 00 00 00", 0, VEC_GP}, /* INVLPG */
        {3, "0F 30", 0, VEC_GP},                /* WRMSR */
        {0, "0F AA", 0, VEC_UD},                /* RSM outside SMM */
    };
    for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
        struct rig r;
        rig_new(&r, "p3");
        rig_protected(&r, cases[i].cpl, cases[i].code);
        u64 cr0 = r.cpu->cr0;
        r.cpu->r[R_AX] = cases[i].eax;
        rig_run_out(&r);
        assert_in_handler(&r, cases[i].vector);
        assert_int_equal(r.cpu->cr0, cr0);
        rig_free(&r);
    }
}

static void pae_checks_pdptes(void **state)
{
    for (unsigned bad = 0; bad < 2; bad++) {
        struct rig r;
        rig_new(&r, "p3");
        rig_protected(&r, 0, "0F 22 E0 0F 22 C1 0F 20 C2 F4"); /* MOV CR4,EAX; MOV CR0,ECX; MOV EDX,CR0 */
        for (u32 page = 0; page < RIG_RAM >> 12; page++)
            rig_put(&r, 0x7000 + page * 8, 8, page << 12 | 7);
        rig_put(&r, 0x6000, 8, 0x7000 | 7);
        rig_put(&r, 0x5020, 8, bad ? 0x6000 | 3 : 0x6000 | 1); /* bit 1 of a PDPTE is reserved */
        r.cpu->cr3 = 0x5020;
        mmu_load_cr3(&r.cpu->mmu, 0x5020);
        r.cpu->r[R_AX] = CR4_PAE;
        r.cpu->r[R_CX] = CR0_PG | CR0_PE | CR0_ET;
        rig_run_out(&r);
        if (bad) {
            assert_in_handler(&r, VEC_GP);
            assert_int_equal(rig_frame(&r, 1), CODE + 3);
            assert_false(r.cpu->mmu.paging);
        } else {
            assert_int_equal(r.cpu->ip, CODE + 10);
            assert_int_equal(rig_reg(&r, R_DX), CR0_PG | CR0_PE | CR0_ET);
        }
        rig_free(&r);
    }
}

static void lmsw_cannot_leave(void **state)
{
    struct rig r;
    rig_new(&r, "p3");
    rig_protected(&r, 0, "B8 0E 00 00 00 0F 01 F0 0F 01 E1 F4"); /* LMSW AX; SMSW ECX */
    rig_run_out(&r);
    assert_int_equal(r.cpu->cr0 & 0xF, 0xF);
    assert_int_equal(rig_reg(&r, R_CX), (u32)r.cpu->cr0);
    rig_free(&r);
}

static void table_registers(void **state)
{
    struct rig r;
    rig_new(&r, "p3");
    /* 16-bit operand size: LGDT takes 24 bits of the base, SGDT stores all */
    rig_real(&r, "0F 01 16 00 50 66 0F 01 1E 00 50 0F 01 06 10 50 0F 01 0E 20 50");
    rig_put(&r, 0x5000, 6, 0xABCDEF120123);
    rig_run(&r, 4);
    assert_int_equal(r.cpu->gdtr.base, 0xCDEF12);
    assert_int_equal(r.cpu->gdtr.limit, 0x123);
    assert_int_equal(r.cpu->idtr.base, 0xABCDEF12);
    assert_int_equal(rig_get32(&r, 0x5012), 0xCDEF12);
    assert_int_equal(rig_get32(&r, 0x5022), 0xABCDEF12);
    rig_free(&r);
}

/* ---- CPUID and MSRs ---- */

static void cpuid_by_model(void **state)
{
    static const struct {
        const char *model;
        u32 signature, edx;
    } cases[] = {
        {"486", 0x0480, 0x00000003},
        {"pentium", 0x0543, 0x008003BF},
        {"p3", 0x0686, 0x0383FBFF},
        {"p4", 0x0F29, 0x078BFBFF},
    };
    for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
        struct rig r;
        u32 v[4];
        rig_new(&r, cases[i].model);
        assert_int_equal(rig_reg(&r, R_DX), cases[i].signature); /* after reset */
        cpu_cpuid(r.cpu, 0, v);
        assert_memory_equal(&v[1], "Genu", 4);
        assert_memory_equal(&v[3], "ineI", 4);
        assert_memory_equal(&v[2], "ntel", 4);
        cpu_cpuid(r.cpu, 1, v);
        assert_int_equal(v[0], cases[i].signature);
        assert_int_equal(v[3], cases[i].edx);
        rig_free(&r);
    }
}

static void brand_string(void **state)
{
    struct rig r;
    char text[49] = "";
    rig_new(&r, "p4");
    for (u32 i = 0; i < 3; i++)
        cpu_cpuid(r.cpu, 0x80000002 + i, (u32 *)(void *)(text + i * 16));
    assert_string_equal(text, "Intel(R) Pentium(R) 4 CPU 2.40GHz");
    u32 v[4], last[4];
    cpu_cpuid(r.cpu, 0x12345678, v); /* beyond the end: as the last basic leaf */
    cpu_cpuid(r.cpu, 2, last);
    assert_memory_equal(v, last, sizeof v);
    rig_free(&r);
}

static void msr_by_model(void **state)
{
    static const struct {
        const char *model;
        u32 index;
        bool there;
    } cases[] = {
        {"486", 0x10, false}, {"pentium", 0x10, true}, {"pentium", 0x1B, false},  {"pentium", 0x174, false},
        {"p3", 0x1B, true},   {"p3", 0x277, true},     {"p3", 0x1A0, false},      {"p4", 0x1A0, true},
        {"p3", 0xC1, true},   {"p4", 0xC1, false},     {"p3", 0x20F, true},       {"p3", 0x210, false},
        {"p3", 0x413, true},  {"p3", 0x414, false},    {"p3", 0xC0000080, false},
    };
    for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
        struct rig r;
        u64 v;
        rig_new(&r, cases[i].model);
        assert_int_equal(msr_read(r.cpu, cases[i].index, &v), cases[i].there);
        rig_free(&r);
    }
}

static void msr_rules(void **state)
{
    static const struct {
        u32 index;
        u64 value;
        bool ok;
        u64 reads;
    } cases[] = {
        {0x277, 0x0607050401000006, true, 0x0607050401000006},
        {0x277, 0x0000000000000002, false, 0},
        {0x200, 0xF0000006, true, 0xF0000006},
        {0x200, 0xF0000002, false, 0},
        {0x20F, 0xFF0000800, true, 0xFF0000800},
        {0x20F, 0x1000000800, false, 0}, /* beyond 36 bits */
        {0x26F, 0x0606060606060605, true, 0x0606060606060605},
        {0x2FF, 0xC06, true, 0xC06},
        {0x2FF, 0x1000, false, 0},
        {0xFE, 0, false, 0},
        {0x1B, 0xFEC00900, true, 0xFEC00900},
        {0x1B, 0xFEE00400, false, 0},
        {0x174, 0x10, true, 0x10},
        {0xC1, 0x80000000, true, 0xFF80000000},
        {0x401, 1, false, 0},
        {0x401, 0, true, 0},
    };
    struct rig r;
    rig_new(&r, "p3");
    for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
        u64 v = 0;
        assert_int_equal(msr_write(r.cpu, cases[i].index, cases[i].value), cases[i].ok);
        if (cases[i].ok) {
            assert_true(msr_read(r.cpu, cases[i].index, &v));
            assert_int_equal(v, cases[i].reads);
        }
    }
    u32 out[4]; /* the local APIC, once switched off, leaves CPUID */
    assert_true(msr_write(r.cpu, 0x1B, 0xFEE00100));
    cpu_cpuid(r.cpu, 1, out);
    assert_int_equal(out[3] & BIT(9), 0);
    rig_free(&r);
}

static void time_stamp(void **state)
{
    struct rig r;
    rig_new(&r, "p3");
    rig_protected(&r, 3, "0F 31 0F 31 0F 31");
    clock_advance(&r.clock, 3000);
    rig_run(&r, 1);
    assert_int_equal(rig_reg(&r, R_AX), 3000);        /* 1 GHz */
    assert_true(msr_write(r.cpu, 0x10, 0x123456789)); /* before the Pentium 4: the low half only */
    rig_run(&r, 1);
    assert_int_equal(rig_reg(&r, R_AX), 0x23456789);
    assert_int_equal(rig_reg(&r, R_DX), 0);
    r.cpu->cr4 |= CR4_TSD;
    rig_run(&r, 3);
    assert_in_handler(&r, VEC_GP);
    rig_free(&r);
}

static void unknown_msr_faults(void **state)
{
    struct rig r;
    rig_new(&r, "p3");
    rig_protected(&r, 0, "0F 32");
    r.cpu->r[R_CX] = 0x99999;
    rig_run_out(&r);
    assert_in_handler(&r, VEC_GP);
    assert_int_equal(rig_frame(&r, 0), 0);
    rig_free(&r);
}

/* ---- SYSENTER and SYSEXIT ---- */

static void sysenter_and_sysexit(void **state)
{
    struct rig r;
    rig_new(&r, "p3");
    rig_protected(&r, 3, "0F 34");
    msr_write(r.cpu, 0x174, K_CODE);
    msr_write(r.cpu, 0x175, STACK0);
    msr_write(r.cpu, 0x176, CODE + 0x100);
    rig_hex(&r, CODE + 0x100, "0F 35");
    rig_hex(&r, CODE + 0x200, "CD 80");
    r.cpu->r[R_DX] = CODE + 0x200;
    r.cpu->r[R_CX] = STACK3;
    rig_run(&r, 1);
    assert_int_equal(r.cpu->cpl, 0);
    assert_int_equal(r.cpu->seg[SEG_CS].sel, K_CODE);
    assert_int_equal(r.cpu->seg[SEG_SS].sel, K_DATA);
    assert_int_equal(rig_reg(&r, R_SP), STACK0);
    rig_run(&r, 1);
    assert_int_equal(r.cpu->cpl, 3);
    assert_int_equal(r.cpu->seg[SEG_CS].sel, U_CODE);
    assert_int_equal(r.cpu->seg[SEG_SS].sel, U_DATA);
    assert_int_equal(rig_reg(&r, R_SP), STACK3);
    rig_run(&r, 3);
    assert_in_handler(&r, 0x20);
    rig_free(&r);

    rig_new(&r, "p3");
    rig_protected(&r, 0, "0F 34");
    rig_run(&r, 3);
    assert_in_handler(&r, VEC_GP); /* SYSENTER_CS is null */
    rig_free(&r);
}

/* ---- ports ---- */

/* Permission bits for ports 3F0h-3FFh in an I/O map at 68h; TSS limit as given. */
static void io_tss(struct rig *r, u32 limit, u16 bits)
{
    memset(r->ram + TSS_A + 0x68, 0xFF, 0x100);
    rig_put(r, TSS_A + 0x66, 2, 0x68);
    rig_put(r, TSS_A + 0x68 + 0x3F0 / 8, 2, bits);
    r->cpu->tr.limit = limit;
}

static void port_permissions(void **state)
{
    enum { LAST = 0x68 + 0x3F8 / 8 }; /* byte of ports 3F8h-3FFh */
    static const struct {
        bool vm86;
        const char *code;
        u32 dx, limit;
        u16 bits;
        unsigned iopl;
        bool ok;
    } cases[] = {
        {false, "EC 90", 0x3F8, LAST + 1, 0xFEFF, 0, true},
        {false, "EC 90", 0x3F9, LAST + 1, 0xFEFF, 0, false},
        {false, "EC 90", 0x3F8, LAST, 0xFEFF, 0, false},    /* the second byte lies outside */
        {false, "ED 90", 0x3F8, LAST + 1, 0xF0FF, 0, true}, /* four ports */
        {false, "ED 90", 0x3F8, LAST + 1, 0xF8FF, 0, false},
        {false, "ED 90", 0x3F6, LAST + 1, 0xFC3F, 0, true}, /* across bytes */
        {false, "EC 90", 0x3F9, 0x67, 0xFFFF, 3, true},     /* IOPL 3 needs no map */
        {true, "EC 90", 0x3F9, LAST + 1, 0xFEFF, 3, false}, /* but in virtual-8086 mode */
        {true, "EC 90", 0x3F8, LAST + 1, 0xFEFF, 0, true},
    };
    for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
        struct rig r;
        rig_new(&r, "p3");
        rig_protected(&r, cases[i].vm86 ? 0 : 3, cases[i].code);
        if (cases[i].vm86)
            rig_vm86(&r, cases[i].iopl, cases[i].code);
        else
            r.cpu->eflags |= cases[i].iopl << 12;
        io_tss(&r, cases[i].limit, cases[i].bits);
        r.cpu->r[R_DX] = cases[i].dx;
        rig_run(&r, 2);
        assert_int_equal(r.ins, cases[i].ok);
        assert_int_equal(r.cpu->cpl, cases[i].ok ? 3 : 0);
        rig_free(&r);
    }
}

/* REP INSD into a page that ends: exactly the iterations that fit, and the port is not read for the one that faults. */
static void ins_faults_precisely(void **state)
{
    struct rig r;
    rig_new(&r, "p3");
    rig_protected(&r, 0, "F3 6D");
    rig_paging(&r);
    rig_put(&r, PAGE_TAB + 0x95 * 4, 4, 0);
    r.cpu->r[R_DI] = 0x94FF8;
    r.cpu->r[R_CX] = 5;
    r.in_value = 0x100;
    rig_run_out(&r);
    assert_in_handler(&r, VEC_PF);
    assert_int_equal(rig_frame(&r, 0), PF_W);
    assert_int_equal(rig_frame(&r, 1), CODE);
    assert_int_equal(r.ins, 2);
    assert_int_equal(rig_reg(&r, R_CX), 3);
    assert_int_equal(rig_reg(&r, R_DI), 0x95000);
    assert_int_equal(rig_get32(&r, 0x94FFC), 0x101);
    rig_free(&r);
}

static void outs_takes_override(void **state)
{
    struct rig r;
    rig_new(&r, "p3");
    rig_real(&r, "F3 64 6F F4"); /* REP OUTS DX,WORD FS:[SI] */
    seg_load_real(r.cpu, SEG_FS, 0x500);
    rig_put(&r, 0x5000, 2, 0x1111);
    rig_put(&r, 0x5002, 2, 0x2222);
    r.cpu->r[R_CX] = 0xABCD0002;
    r.cpu->r[R_DX] = 0x1F0;
    rig_run_out(&r);
    assert_int_equal(r.outs, 2);
    assert_int_equal(r.last_out, 0x2222);
    assert_int_equal(rig_reg(&r, R_CX), 0xABCD0000);
    assert_int_equal(rig_reg(&r, R_SI), 4);
    rig_free(&r);
}

/* ---- system management mode ---- */

static void smm_round_trip(void **state)
{
    struct rig r;
    rig_new(&r, "p3");
    rig_protected(&r, 3, "40 40 40 40");
    rig_paging(&r);
    r.cpu->r[R_CX] = 0xC0FFEE;
    r.cpu->eflags |= F_IF;
    /* MOV WORD [cs:FEF8h],lo / hi: SMBASE becomes 00040000h; RSM */
    rig_hex(&r, 0x38000, "2E C7 06 F8 FE 00 00 2E C7 06 FA FE 04 00 0F AA");
    u64 before = state_hash(0, cpu_fields, r.cpu);
    cpu_smi(r.cpu);
    rig_run(&r, 1);
    struct cpu *c = r.cpu;
    assert_true(c->smm && r.smm);
    assert_int_equal(c->seg[SEG_CS].sel, 0x3000);
    assert_int_equal(c->seg[SEG_DS].limit, 0xFFFFFFFF);
    assert_int_equal(c->cr0 & (CR0_PE | CR0_PG), 0);
    assert_int_equal(c->ip, 0x8007);
    assert_int_equal(rig_get32(&r, 0x3FEFC), 0x20000);
    assert_int_equal(rig_get32(&r, 0x3FFD4), 0xC0FFEE);
    assert_int_equal(rig_get16(&r, 0x3FF02), 0);
    cpu_smi(c); /* latched until RSM */
    rig_run(&r, 2);
    assert_false(c->smm);
    assert_false(r.smm);
    assert_int_equal(c->smbase, 0x40000);
    assert_int_equal(c->cpl, 3);
    assert_int_equal(c->ip, CODE);
    assert_true(c->smi_latched);
    c->smi_latched = false;
    c->smbase = 0x30000;
    cpu_flags_changed(c);
    c->count_end = c->budget = 0;
    cpu_settle(c);
    c->count_end = 0;
    assert_int_equal(state_hash(0, cpu_fields, c), before);
    rig_run(&r, 2);
    assert_int_equal(rig_reg(&r, R_AX), 2);
    rig_free(&r);
}

/* SMI out of HLT: RSM goes back to sleep unless the handler clears the auto-halt field. */
static void smm_auto_halt(void **state)
{
    for (unsigned clear = 0; clear < 2; clear++) {
        struct rig r;
        rig_new(&r, "p3");
        rig_protected(&r, 0, "F4 40 F4");
        rig_hex(&r, 0x38000, clear ? "2E C7 06 02 FF 00 00 0F AA" : "0F AA");
        rig_run_out(&r);
        cpu_smi(r.cpu);
        rig_run_out(&r);
        assert_int_equal(r.cpu->halt, HALT_HLT);
        assert_int_equal(r.cpu->ip, clear ? CODE + 3 : CODE + 1);
        assert_int_equal(rig_reg(&r, R_AX), clear);
        rig_free(&r);
    }
}

/* SMM blocks NMI, and RSM gives back the blocking that was there: none, or that of an NMI handler. */
static void smm_and_nmi(void **state)
{
    for (unsigned inside = 0; inside < 2; inside++) {
        struct rig r;
        rig_new(&r, "p3");
        rig_protected(&r, 0, "90 90 F4");
        rig_hex(&r, 0x38000, "90 0F AA");
        r.cpu->nmi_blocked = inside;
        cpu_smi(r.cpu);
        rig_run(&r, 1);
        cpu_nmi(r.cpu);
        rig_run(&r, 1);
        assert_false(r.cpu->smm);
        rig_run(&r, 5);
        if (inside)
            assert_int_equal(r.cpu->ip, CODE + 3);
        else
            assert_in_handler(&r, VEC_NMI);
        rig_free(&r);
    }
}

/* A map that no processor could have written: shutdown. */
static void smm_bad_map(void **state)
{
    struct rig r;
    rig_new(&r, "p3");
    rig_protected(&r, 0, "90");
    rig_hex(&r, 0x38000, "2E C7 06 FE FF 00 80 2E C7 06 FC FF 00 00 0F AA"); /* CR0 = PG without PE */
    cpu_smi(r.cpu);
    rig_run_out(&r);
    assert_int_equal(r.triple_faults, 1);
    rig_free(&r);
}

/* ---- reset and state ---- */

static void reset_and_init(void **state)
{
    struct rig r;
    rig_new(&r, "p3");
    rig_protected(&r, 3, "90");
    struct cpu *c = r.cpu;
    c->fpu.cw = 0x27F;
    msr_write(c, 0x174, 0x10);
    c->cr0 &= ~(u64)(CR0_CD | CR0_NW);
    cpu_init_signal(c);
    cpu_take_events(c);
    assert_int_equal(c->ip, 0xFFF0);
    assert_int_equal(c->seg[SEG_CS].base, 0xFFFF0000);
    assert_int_equal(c->cr0, CR0_ET);
    assert_int_equal(c->cpl, 0);
    assert_int_equal(c->fpu.cw, 0x27F);
    assert_int_equal(c->msr.sysenter_cs, 0x10);
    cpu_reset(c);
    assert_int_equal(c->cr0, 0x60000010);
    assert_int_equal(c->fpu.cw, 0x40);
    assert_int_equal(c->msr.sysenter_cs, 0);
    assert_int_equal(cpu_eflags(c), 2);
    rig_free(&r);
}

static void state_round_trip(void **state)
{
    struct rig r;
    struct state_buf buf = {0};
    rig_new(&r, "p3");
    rig_protected(&r, 3, "F9 40 40 40");
    rig_paging(&r);
    rig_run(&r, 2);
    cpu_settle(r.cpu);
    u64 hash = state_hash(0, cpu_fields, r.cpu);
    state_save(&buf, "cpu", 1, cpu_fields, r.cpu);
    cpu_reset(r.cpu);
    assert_int_equal(state_load(&buf, "cpu", 1, cpu_fields, r.cpu), 0);
    assert_int_equal(cpu_restored(r.cpu), 0);
    cpu_settle(r.cpu);
    assert_int_equal(state_hash(0, cpu_fields, r.cpu), hash);
    assert_int_equal(cpu_count(r.cpu), 2);
    rig_run(&r, 2);
    assert_int_equal(rig_reg(&r, R_AX), 3);
    assert_true(cpu_eflags(r.cpu) & F_CF);
    assert_int_equal(r.cpu->cpl, 3);
    state_buf_free(&buf);
    rig_free(&r);
}

static void hostile_state(void **state)
{
    struct rig r;
    rig_new(&r, "p3");
    rig_protected(&r, 3, "90");
    r.cpu->fpu.top = 9;
    assert_true(cpu_restored(r.cpu) < 0);
    r.cpu->fpu.top = 7;
    assert_int_equal(cpu_restored(r.cpu), 0);
    r.cpu->cpl = 7;
    assert_true(cpu_restored(r.cpu) < 0);
    r.cpu->cpl = 3;
    memset(&r.cpu->smm, 0x55, sizeof r.cpu->smm);
    assert_int_equal(cpu_restored(r.cpu), 0);
    r.cpu->r[REG_ZERO] = 1;
    assert_true(cpu_restored(r.cpu) < 0);
    r.cpu->r[REG_ZERO] = 0;
    r.cpu->attention = ATT_HALT; /* but it is not halted: cpu_run() would wait without end */
    assert_int_equal(cpu_restored(r.cpu), 0);
    assert_false(r.cpu->attention & ATT_HALT);
    r.cpu->halt = HALT_HLT;
    assert_int_equal(cpu_restored(r.cpu), 0);
    assert_true(r.cpu->attention & ATT_HALT);
    rig_free(&r);
}

/* A store that remaps the page it is fetched from: the next instruction is the other page's, however slices end. */
static void code_remaps_itself(void **state)
{
    enum { OTHER = 0x9A000 };
    for (unsigned slice = 1; slice <= 4; slice++) {
        struct rig r;
        rig_new(&r, "p3");
        rig_protected(&r, 0, "C7 05 40 40 00 00 07 A0 09 00 40 40 F4"); /* MOV dword [4040h],9A007h; INC EAX twice; HLT */
        rig_paging(&r);
        memset(r.ram + OTHER + (CODE & 0xFFF), 0x48, 16); /* DEC EAX */
        r.ram[OTHER + (CODE & 0xFFF) + 12] = 0xF4;
        for (unsigned n = 0; n < 4; n += slice)
            cpu_run(r.cpu, slice);
        assert_int_equal(rig_reg(&r, R_AX), (u32)-2);
        rig_free(&r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(control_register_checks),
        cmocka_unit_test(code_remaps_itself),
        cmocka_unit_test(pae_checks_pdptes),
        cmocka_unit_test(lmsw_cannot_leave),
        cmocka_unit_test(table_registers),
        cmocka_unit_test(cpuid_by_model),
        cmocka_unit_test(brand_string),
        cmocka_unit_test(msr_by_model),
        cmocka_unit_test(msr_rules),
        cmocka_unit_test(time_stamp),
        cmocka_unit_test(unknown_msr_faults),
        cmocka_unit_test(sysenter_and_sysexit),
        cmocka_unit_test(port_permissions),
        cmocka_unit_test(ins_faults_precisely),
        cmocka_unit_test(outs_takes_override),
        cmocka_unit_test(smm_round_trip),
        cmocka_unit_test(smm_auto_halt),
        cmocka_unit_test(smm_and_nmi),
        cmocka_unit_test(smm_bad_map),
        cmocka_unit_test(reset_and_init),
        cmocka_unit_test(state_round_trip),
        cmocka_unit_test(hostile_state),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
