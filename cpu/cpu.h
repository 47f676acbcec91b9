/*
 * cpu.h - one x86 processor: its architectural state and the calls by which the
 * machine drives it.
 *
 * hw/pc.c creates and runs it; frontends and tests look inside; devices never see
 * it. All calls on the emulation thread.
 */
#ifndef OMBRA_CPU_CPU_H
#define OMBRA_CPU_CPU_H

#include "base/bus.h"
#include "base/state.h"
#include "base/types.h"
#include "cpu/insn.h"
#include "cpu/observe.h"
#include "cpu/softfp.h"
#include "cpu/stops.h"
#include "softmmu/mmu.h"
#include <setjmp.h>

enum { R_AX, R_CX, R_DX, R_BX, R_SP, R_BP, R_SI, R_DI };

enum seg_reg { SEG_ES, SEG_CS, SEG_SS, SEG_DS, SEG_FS, SEG_GS, SEG_COUNT };

/* EFLAGS, SDM vol. 1 3.4.3 */
enum {
    F_CF = 1 << 0,
    F_ONE = 1 << 1, /* always set */
    F_PF = 1 << 2,
    F_AF = 1 << 4,
    F_ZF = 1 << 6,
    F_SF = 1 << 7,
    F_TF = 1 << 8,
    F_IF = 1 << 9,
    F_DF = 1 << 10,
    F_OF = 1 << 11,
    F_IOPL = 3 << 12,
    F_NT = 1 << 14,
    F_RF = 1 << 16,
    F_VM = 1 << 17,
    F_AC = 1 << 18,
    F_VIF = 1 << 19,
    F_VIP = 1 << 20,
    F_ID = 1 << 21,
    F_ARITH = F_CF | F_PF | F_AF | F_ZF | F_SF | F_OF,
};

/* Control registers, SDM vol. 3A 2.5 */
#define CR0_PE BIT(0)
#define CR0_MP BIT(1)
#define CR0_EM BIT(2)
#define CR0_TS BIT(3)
#define CR0_ET BIT(4)
#define CR0_NE BIT(5)
#define CR0_WP BIT(16)
#define CR0_AM BIT(18)
#define CR0_NW BIT(29)
#define CR0_CD BIT(30)
#define CR0_PG BIT(31)
#define CR4_VME BIT(0)
#define CR4_PVI BIT(1)
#define CR4_TSD BIT(2)
#define CR4_DE BIT(3)
#define CR4_PSE BIT(4)
#define CR4_PAE BIT(5)
#define CR4_MCE BIT(6)
#define CR4_PGE BIT(7)
#define CR4_PCE BIT(8)
#define CR4_OSFXSR BIT(9)
#define CR4_OSXMMEXCPT BIT(10)

/* Exception vectors, SDM vol. 3A 6.3.1 */
enum vector {
    VEC_DE = 0,
    VEC_DB = 1,
    VEC_NMI = 2,
    VEC_BP = 3,
    VEC_OF = 4,
    VEC_BR = 5,
    VEC_UD = 6,
    VEC_NM = 7,
    VEC_DF = 8,
    VEC_TS = 10,
    VEC_NP = 11,
    VEC_SS = 12,
    VEC_GP = 13,
    VEC_PF = 14,
    VEC_MF = 16,
    VEC_AC = 17,
    VEC_MC = 18,
    VEC_XM = 19,
};

/* What a CPU model can do: gates rows of isa.def and CPUID bits. */
enum cpu_feature {
    FEAT_FPU = 1 << 0,
    FEAT_CPUID = 1 << 1,
    FEAT_VME = 1 << 2,
    FEAT_PSE = 1 << 3,
    FEAT_TSC = 1 << 4,
    FEAT_MSR = 1 << 5,
    FEAT_PAE = 1 << 6,
    FEAT_CX8 = 1 << 7,
    FEAT_APIC = 1 << 8,
    FEAT_SEP = 1 << 9,
    FEAT_MTRR = 1 << 10,
    FEAT_PGE = 1 << 11,
    FEAT_CMOV = 1 << 12, /* and FCMOVcc, FCOMI with FPU */
    FEAT_PAT = 1 << 13,
    FEAT_PSE36 = 1 << 14,
    FEAT_CLFSH = 1 << 15,
    FEAT_MMX = 1 << 16,
    FEAT_FXSR = 1 << 17,
    FEAT_SSE = 1 << 18,
    FEAT_SSE2 = 1 << 19,
    FEAT_NX = 1 << 20,
    FEAT_P6 = 1 << 21,  /* UD2, RDPMC, multi-byte NOP */
    FEAT_486 = 1 << 22, /* BSWAP, CMPXCHG, XADD, INVD, WBINVD, INVLPG: every model so far */
    FEAT_SMM = 1 << 23,
    FEAT_DE = 1 << 24,  /* debugging extensions: CR4.DE, I/O breakpoints */
    FEAT_LM = 1 << 25,  /* 64-bit mode with SYSCALL and SWAPGS: decoded, not executed, no model yet */
    FEAT_CX16 = 1 << 26,
};

/*
 * A segment register with its descriptor cache, which is the truth: selector and descriptor tables matter only
 * when it is loaded. rd_top and wr_top serve the fast check: an access of N bytes at OFF is allowed without further looking
 * if (s64)OFF + N - 1 <= top. They are -1 where the slow check must decide (expand-down, null, not readable/writable).
 */
struct segment {
    u16 sel;
    u16 attr;   /* descriptor bits 40-47 in 0-7 (type, S, DPL, P), bits 52-55 in 12-15 (AVL, L, D/B, G) */
    u32 limit;  /* in bytes, scaled by G */
    u64 base;
    s64 rd_top, wr_top;
    bool null;  /* loaded with a null selector: unusable in protected mode */
};

enum {
    SEG_TYPE = 0x0F,
    SEG_A = 0x01,
    SEG_RW = 0x02,      /* data: writable; code: readable */
    SEG_ED_C = 0x04,    /* data: expand-down; code: conforming */
    SEG_CODE = 0x08,
    SEG_S = 0x10,
    SEG_DPL_SHIFT = 5,
    SEG_P = 0x80,
    SEG_AVL = 0x1000,
    SEG_L = 0x2000,
    SEG_DB = 0x4000,
    SEG_G = 0x8000,
};

struct dtable {
    u64 base;
    u16 limit;
};

/* x87 state. Physical register i is st[i]; ST(n) is st[(top + n) & 7]. */
struct x87 {
    struct f80 st[8];
    u16 cw;     /* control word */
    u16 sw;     /* status word without TOP */
    u8 top;     /* SW bits 11-13 */
    u8 empty;   /* bit i: physical register i is empty; the full tag word is computed */
    u16 fop;    /* 11 bits */
    u16 fcs, fds;
    u64 fip, fdp;
};

union xmm {
    u8 b[16];
    u16 w[8];
    u32 d[4];
    u64 q[2];
};

/* Reasons to leave the fast loop between two instructions. */
enum attention {
    ATT_INTR = 1 << 0,   /* INTR is asserted (taken when IF and no shadow) */
    ATT_NMI = 1 << 1,
    ATT_SMI = 1 << 2,
    ATT_INIT = 1 << 3,
    ATT_RESET = 1 << 4,  /* a hard reset was asked for: cpu_run returns */
    ATT_STOP = 1 << 5,   /* the machine wants the slice to end (a timer was armed earlier, a queue filled) */
    ATT_DB = 1 << 6,     /* a debug trap is pending in db_pending (data or I/O breakpoint, task switch T bit) */
    ATT_SHADOW = 1 << 7, /* STI, MOV SS, POP SS: exactly one more instruction before interrupts */
    ATT_TF = 1 << 8,     /* EFLAGS.TF is set: single step */
    ATT_CODE = 1 << 9,   /* the block in hand was written: leave it after this instruction */
    ATT_HALT = 1 << 10,  /* in HLT (or shutdown) until an event */
    ATT_VIP = 1 << 11,   /* a virtual interrupt is pending and enabled: #GP(0) before the next instruction */
};

enum halt_kind { HALT_NONE, HALT_HLT, HALT_SHUTDOWN, HALT_WAIT_SIPI };

/* What the processor needs from the machine. hw/pc.c fills it; all required. */
struct cpu_host {
    void *ctx;
    struct log *log;
    struct clock *clock;
    u32 (*in)(void *ctx, u16 port, unsigned size);
    void (*out)(void *ctx, u16 port, u32 value, unsigned size);
    int (*int_ack)(void *ctx);              /* interrupt acknowledge: the vector, or -1 if there was nothing after all */
    void (*ferr)(void *ctx, bool asserted); /* FERR#: IRQ 13 logic of the chipset */
    void (*smm)(void *ctx, bool active);    /* SMIACT#: maps and unmaps SMRAM */
    void (*apic_base)(void *ctx, u64 msr);  /* IA32_APIC_BASE was written */
    void (*triple_fault)(void *ctx);        /* shutdown cycle: the chipset resets or stops */
    u64 (*tpr)(void *ctx, bool write, u8 tpr); /* CR8 and the TPR's direct path: returns the current TPR */
};

struct block_cache;
struct decoder;
struct cpu_model;
struct cpu;
struct iblock;

/* An engine beside the interpreter (translator/). It is called where the fast loop is, and is told what became of decoded blocks. */
struct cpu_engine {
    void (*run)(struct cpu *c, struct cpu_engine *e);        /* until attention is wanted or the slice ends; may raise */
    void (*dropped)(struct cpu_engine *e, struct iblock *b); /* what was made of B is not to be run again */
    void (*flushed)(struct cpu_engine *e);                   /* of all blocks; their memory is used again */
    const void *running;                                     /* what C was called from last: ATT_CODE when it is dropped */
    void (*settle)(struct cpu *c, struct cpu_engine *e);     /* run() was left by a fault: all state belongs in struct cpu */
};

/* Programs that wait for a key in a loop of BIOS and DOS calls instead of HLT (op_int.c). */
struct poll_watch {
    u64 last;     /* count at the last such call */
    u64 seen[2];  /* registers at the last INT 16h and INT 28h */
    u32 repeated; /* calls in a row that found the registers as the one before */
    bool idle;    /* told to the machine, which clears it */
};

struct cpu {
    /* Hot: registers first, so that they are reached with short offsets. r[16] is always zero (REG_ZERO). */
    u64 r[17];
    u64 ip;           /* next instruction; inside a block only valid for instructions that end it (see cpu_next_ip) */
    u64 lf_res;       /* lazy flags, see flags.h */
    u32 lf_aux;
    u32 eflags;       /* all but the arithmetic flags, which are in lf_*; bit 1 set */
    u32 attention;    /* enum attention bits */
    u8 cpl;
    bool smm;
    bool stack32;     /* SS.B: ESP, else SP */
    u8 code_bits;     /* CS.D: 16 or 32; 64 later */
    void *jumps;      /* translator/: where indirect jumps of translated code look, */
    u32 access_at;    /* the linear address of an access that C is called for; when it comes back from a REP: to be tried again */
    u64 jump_key[2];  /* and what they look for beside the address: for pages of this address space, for global ones */
    u16 hflags;       /* the arithmetic flags while translated code runs: AH as of LAHF, AL as of SETO */
    bool x87_live;    /* translated code runs with the x87 state in the host's unit; fpu has the control word. And since then: */
    u8 x87_seg;       /* segment register of the last operand in memory */
    u32 x87_op;       /* FOP of the last instruction */
    u32 x87_ip, x87_dp;
    const struct insn *cur;       /* instruction being executed */
    const struct insn *block_first; /* first instruction of the run that cur belongs to */
    u64 block_ip;     /* IP of block_first */
    s64 budget;       /* counts left in this slice, not counting the run in hand */
    u64 count_end;    /* instruction count at which budget will be 0 */
    u32 rep_done;     /* REP iterations completed inside cur that are not in budget yet */
    bool hflags_live; /* C code that translated code has called: flags are still in hflags, not in lf_* */
    bool xmm_live;    /* translated code runs with XMM registers and MXCSR in the host's, not here. Far from hflags: where those have
                         just been stored a load of a byte beside them waits until they are in the cache (nbody 3.5 times slower) */

    struct segment seg[SEG_COUNT];
    struct segment ldtr, tr;
    struct dtable gdtr, idtr;
    u64 cr0, cr2, cr3, cr4, cr8;
    u64 dr[8];
    u64 efer;

    struct x87 fpu;
    union xmm xmm[16];
    u32 mxcsr;

    struct mmu mmu;

    /* System state */
    u64 db_pending;      /* DR6 bits for the next debug trap */
    enum halt_kind halt;
    bool nmi_blocked;
    bool smm_inside_nmi; /* nmi_blocked as RSM restores it */
    bool intr_line;      /* level of INTR, whatever IF says */
    bool nmi_latched, smi_latched, init_latched; /* edges that wait until they may be taken */
    bool ss_shadow;      /* ATT_SHADOW is MOV SS's: debug traps wait too */
    bool no_step;        /* INT n under TF: the handler is entered without a single-step trap */
    u64 last_event;      /* count at the last fault or interrupt, see charge_stuck() */
    u64 rep_at;          /* count at which a repeated CMPS or SCAS was left that goes on unless an event comes first; 0: none */
    u32 rep_flags;       /* and the arithmetic flags from before it, for a fault that it may still find */
    bool fault_at_ip;    /* a task switch was committed: faults belong to the new task, at ip */
    u8 bp_insn, bp_data, bp_io; /* breakpoints that DR7 arms, by kind: bit n for DRn */
    bool ignne;
    bool ferr;
    u32 smbase;
    u64 tsc_offset;      /* TSC = virtual time * tsc_hz + offset */
    struct msr_state {
        u32 sysenter_cs;
        u64 sysenter_esp, sysenter_eip;
        u64 apic_base;
        u64 pat;
        u64 mtrr_phys_base[8], mtrr_phys_mask[8], mtrr_fix[11], mtrr_def_type;
        u64 ucode_rev;
        u64 misc_enable;
        u64 debugctl;
        u64 mcg_status, mc_ctl[5], mc_status[5];
        u64 perf_sel[2], perf_ctr[2];
        u64 tsc_aux;
        u64 star, lstar, cstar, fmask, kernel_gs_base;
    } msr;

    /* Delivery in progress: how double and triple faults are told apart. */
    int fault_vector;    /* -1, or the exception that is being delivered */
    bool fault_external; /* EXT bit of error codes */
    u8 pend_vector;      /* what cpu_raise() was called with */
    u32 pend_error;
    bool pend_has_error;
    jmp_buf unwind;      /* where cpu_raise() goes */

    const struct cpu_model *model;
    u32 features;        /* enum cpu_feature */
    struct cpu_host host;
    struct decoder *decoder;
    struct block_cache *blocks;
    struct cpu_engine *engine; /* NULL: the interpreter alone */
    bool force_soft_fp;  /* never use the host's floating point: the slow twin */
    u64 stats_blocks, stats_decoded;
    struct poll_watch poll;
    struct stops stops;  /* a debugger's */
    const struct cpu_observer *observer; /* NULL: nobody */
};

/* CPUID model data: cpu/model.c */
struct cpu_model {
    const char *name;    /* as in --cpu */
    const char *about;   /* one line for --help */
    u32 features;
    u32 signature;       /* CPUID.1:EAX; also EDX after reset */
    u32 cpuid_max;
    char vendor[13];
    const char *brand;   /* 48 characters at most, or NULL: no extended leaves */
    u8 cache_desc[16];   /* leaf 2 */
    u8 phys_bits;
    u8 brand_id;         /* CPUID.1:EBX bits 0-7 */
    u64 tsc_hz;
};

/* All models, ended by a NULL name. */
extern const struct cpu_model cpu_models[];
const struct cpu_model *cpu_model_find(const char *name);

/* Creates a processor of MODEL over PHYS. Returns NULL when out of memory. */
struct cpu *cpu_new(const struct cpu_model *model, struct physmem *phys, const struct cpu_host *host);
void cpu_free(struct cpu *c);

/* RESET#: power-on state; INIT#: the same but caches, FPU, MSRs stay. */
void cpu_reset(struct cpu *c);
void cpu_init_signal(struct cpu *c);

/*
 * Runs until BUDGET counts are done, a HLT state is reached, or ATT_STOP/ATT_RESET. Returns the counts that were done. A block is
 * never overrun: exactly the instructions that fit are executed.
 */
s64 cpu_run(struct cpu *c, s64 budget);

/* Exact instruction count: completed instructions and REP iterations since power-on. */
static inline u64 cpu_count(const struct cpu *c)
{
    u64 count = c->count_end - (u64)c->budget + c->rep_done;
    if (c->cur)
        count += (u64)(c->cur - c->block_first);
    return count;
}

/* IP of the instruction in hand, or of the next one. */
static inline u64 cpu_here(const struct cpu *c)
{
    return c->cur ? (u32)(c->block_ip + c->cur->end - c->cur->len) : c->ip;
}

/* Input pins, called by the machine between or inside instructions. */
void cpu_set_intr(struct cpu *c, bool level);
void cpu_nmi(struct cpu *c);
void cpu_smi(struct cpu *c);
void cpu_sipi(struct cpu *c, u8 vector);
void cpu_set_ignne(struct cpu *c, bool asserted);
static inline void cpu_attention(struct cpu *c, u32 bits)
{
    c->attention |= bits;
}

/* For physmem's callbacks: guest code bytes are about to change; maps changed. */
void cpu_code_write(struct cpu *c, u32 frame, u32 offset, u32 len);
void cpu_pagetable_write(struct cpu *c, u32 frame, u32 offset, u32 len);

/* EFLAGS as one word; writing all of them. */
u32 cpu_eflags(const struct cpu *c);
void cpu_set_eflags(struct cpu *c, u32 eflags);

/* State tables for save states, hash and views. Call cpu_settle() before walking them: lazy flags and the count have many
 * representations, this leaves the one that counts. Between slices only. */
extern const struct field cpu_fields[];
void cpu_settle(struct cpu *c);
/* Recomputes everything derived after the fields were loaded. 0 or -EINVAL. */
int cpu_restored(struct cpu *c);

/* After segment caches, CR0, CR4, EFER, CPL or EFLAGS.VM changed behind the handlers' back or in them: recomputes rd_top/wr_top of segment S,
 * and code_bits, stack32, mmu mode and privilege. */
void cpu_update_segment(struct cpu *c, struct segment *s);
void cpu_update_mode(struct cpu *c);

#endif
