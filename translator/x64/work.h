/*
 * work.h - the x86-64 backend at work on a block: what its files share. emit.c drives; a function for each operation.
 *
 * Private to translator/x64/.
 */
#ifndef OMBRA_TRANSLATOR_X64_WORK_H
#define OMBRA_TRANSLATOR_X64_WORK_H

#include "cpu/x87.h"
#include "translator/x64/emit.h"
#include "translator/x64/state.h"
#include <stddef.h>

/* The frame: spilled values, what was in CL at the last shift, RCX, where groups are in the host's memory, and x87.c's. */
enum { SLOTS = 22, COUNT_SLOT = SLOTS, RCX_SLOT, GROUP_SLOT = RCX_SLOT, X87_SLOT = GROUP_SLOT + IR_GROUPS + 1, TEMPS = 4 };
_Static_assert((X87_SLOT + 1) * 8 <= X64_FRAME, "the frame is too small");
static const u8 em_temps[TEMPS] = {RCX, RDX, RSI, RDI};

enum where { NOWHERE, IN_CONST, IN_TEMP, IN_GUEST, IN_SLOT, IN_MEMORY /* of an LDW, which only its operation takes */,
             IN_HIGH /* AH, which only the operation behind takes */ };

struct place {
    u8 where;
    u8 reg; /* host register, or number of the slot */
};

/* Flags that may have to be made again: from two values, or the one in a slot of its own (NO_REG: none). */
struct remake {
    ir_ref t, before; /* the token; the one whose flags are some of its */
    ir_ref v[2];
    u8 slot;
};

/* How, at one place of the block, last step first; what the first one takes from hflags. */
struct remake_step {
    ir_ref t, v[2];
    struct place place[2];
};
struct remake_plan {
    u8 steps;
    ir_ref from;
    struct remake_step step[4];
};
enum { REMAKES = 6 };

/* A branch to code behind the block's: an access that the fast path cannot do. */
struct cold {
    u8 *jump;   /* distance field */
    u8 *back;   /* where to try again */
    u8 *behind; /* of a repeated string instruction: where to go on if it is done. NULL: another access */
    u8 address; /* register with the linear address */
    struct x64_site *site;
    struct remake_plan flags; /* without steps: they are in hflags */
    const struct ir_op *second; /* NULL, or looks into the TLB of pages before that; scratch register T, */
    u8 t;
    u8 *found;                  /* and where to go on if it is there */
};

/* An edge whose stub is still to be written, and where the flags are there. */
struct stub {
    u8 *jump; /* distance field */
    u32 ip;   /* where it leads, if not to what is in REG */
    unsigned reg;
    unsigned undone; /* instructions that the budget gets back */
    ir_ref ef, home, cur;
    struct remake_plan flags; /* without steps: EFLAGS or hflags have them */
};

enum { COLD_MAX = 512 };

struct emit {
    struct asm_out o;
    const struct ir_block *b;
    const struct lift_mode *mode;
    const struct x64_thunks *thunks;
    struct x64_room *room;
    struct x64_code *code;
    unsigned at, insn; /* the operation and the instruction in hand */
    const struct x64_part *part; /* that it is in */
    ir_ref owner[16];      /* of a scratch register */
    u32 slots;             /* in use, by bit */
    ir_ref live[64];       /* values that may be aliases of guest registers */
    unsigned nlive;
    ir_ref ef, home, cur;  /* tokens: in EFLAGS, in hflags, the guest's; 0: unknown, but HOME_START */
    u8 ef_lacks;           /* which flags EFLAGS do not have: enum flags_of */
    unsigned cur_seen;     /* last operation that can see CUR */
    struct remake remake[REMAKES + 1]; /* what EFLAGS hold or held; the one in hand is behind them */
    unsigned nremakes;
    bool remaking;          /* the operation in hand will have one */
    u8 rmw_reg;            /* host address of the read-modify-write in hand */
    u32 reserved;          /* scratch registers that hold no value but must stay, by bit */
    u8 x87_last, x87_mem;  /* number + 1 of the x87 instruction that the pointers are to tell of, of the one with their operand */
    bool x87_chops;        /* between an FLDCW that is not done and the next one: see x87.c */
    unsigned ncold, nstubs;
    u8 *sse_jump, *sse_back, *sse_unable; /* of the head: where to, back, and to where the slice ends */
    bool failed;
    /* What follows is not cleared for each block; of these arrays as much as there are operations: */
    struct place place[IR_MAX_OPS];
    u16 left[IR_MAX_OPS];  /* uses of a value that are still to come */
    u16 fleft[IR_MAX_OPS]; /* of a token */
    u16 seen[IR_MAX_OPS];  /* of a FLAGS operation: the last one that can see its state, 0: none */
    u8 kept[IR_MAX_OPS];   /* how many of the uses of a value that are still to come are remakes */
    bool done[IR_MAX_OPS]; /* a PUT or STW that the operation before has done */
    /* And these not at all: */
    struct cold cold[COLD_MAX];
    struct stub stub[X64_STUBS];
};
static inline bool em_is_const(const struct emit *e, ir_ref v)
{
    return e->b->op[v].op == IR_CONST;
}

static inline u32 em_imm_of(const struct emit *e, ir_ref v)
{
    return (u32)e->b->op[v].imm;
}

static inline struct mem em_cpu_mem(size_t offset)
{
    return mem_at(RBP, (s32)offset - X64_BIAS);
}

static inline struct mem em_segment_mem(unsigned seg, size_t field)
{
    return em_cpu_mem(offsetof(struct cpu, seg) + seg * sizeof(struct segment) + field);
}

static inline struct mem em_hflags_mem(void)
{
    return em_cpu_mem(offsetof(struct cpu, hflags));
}

static inline bool em_flat_code(const struct emit *e)
{
    return e->mode->flat >> SEG_CS & 1;
}

/* ---- regs.c ---- */

void em_used(struct emit *e, ir_ref v);
struct mem em_slot_mem(unsigned slot);
unsigned em_to_slot(struct emit *e, unsigned reg);
unsigned em_take(struct emit *e, u32 avoid);
void em_take_this(struct emit *e, unsigned reg, u32 avoid);
void em_own(struct emit *e, ir_ref v, unsigned reg);
unsigned em_in_reg(struct emit *e, ir_ref v, u32 avoid);
u32 em_scratch_of(const struct emit *e, ir_ref v);
void em_alias(struct emit *e, ir_ref v, unsigned reg);
void em_overwrite(struct emit *e, unsigned reg, ir_ref except);
bool em_wanted_beside(struct emit *e, unsigned reg, ir_ref v, unsigned uses);
bool em_has_high(const struct emit *e, const struct ir_op *o);
const struct ir_op *em_put_behind(const struct emit *e);
unsigned em_home_of_result(const struct emit *e, unsigned w);
void em_result_at_home(struct emit *e, unsigned reg);
unsigned em_fresh(struct emit *e, bool *at_home, u32 avoid);
void em_made(struct emit *e, unsigned reg, bool at_home);
void em_get(struct emit *e, const struct ir_op *o);
void em_put(struct emit *e, const struct ir_op *o);

/* Flags by who makes them: INC and DEC do not make CF, rotations only CF and OF. */
enum flags_of { FLAGS_CF = 1, FLAGS_OF = 2, FLAGS_REST = 4 };

/* ---- flags.c ---- */

bool em_is_shift(u8 op);
void em_save_flags(struct emit *e);
void em_clobber(struct emit *e);
void em_want_flags(struct emit *e, ir_ref t);
void em_want_all_flags(struct emit *e, ir_ref t);
void em_want_carry(struct emit *e, ir_ref t);
unsigned em_want_condition(struct emit *e, ir_ref t, unsigned cc);
bool em_token_wanted(const struct emit *e, ir_ref t);
void em_flags_from_home(struct emit *e);
u8 em_hand_on(struct emit *e, const struct ir_op *o, unsigned mask);
void em_flag_used(struct emit *e, ir_ref t);
void em_flags_home(struct emit *e);
void em_flags_home_by(struct emit *e, const struct remake_plan *p);
void em_home_token(struct emit *e, ir_ref t);
void em_sets_token(struct emit *e, const struct ir_op *o);

/* ---- remake.c ---- */

void em_remake_begin(struct emit *e, const struct ir_op *o);
void em_remake_end(struct emit *e);
void em_remake_tidy(struct emit *e);
bool em_can_remake(struct emit *e, ir_ref t);
bool em_better_kept(const struct emit *e, unsigned at);
struct remake_plan em_remake_plan(struct emit *e, ir_ref t);
void em_remake_do(struct emit *e, const struct remake_plan *p);

/* ---- alu.c ---- */

unsigned em_working_copy(struct emit *e, const struct ir_op *o, ir_ref a, ir_ref b, bool *at_home);
void em_finish(struct emit *e, const struct ir_op *o, unsigned reg, bool at_home);
void em_alu(struct emit *e, const struct ir_op *o);
void em_unary(struct emit *e, const struct ir_op *o);
void em_compare_exchange_8(struct emit *e, const struct ir_op *o);
void em_extend(struct emit *e, const struct ir_op *o);
void em_swap_bytes(struct emit *e, const struct ir_op *o);
void em_lea(struct emit *e, const struct ir_op *o);
void em_set_if(struct emit *e, const struct ir_op *o);
void em_choose(struct emit *e, const struct ir_op *o);

/* ---- bits.c ---- */

void em_shift_double(struct emit *e, const struct ir_op *o);
void em_bit(struct emit *e, const struct ir_op *o);
void em_scan(struct emit *e, const struct ir_op *o);
void em_shift(struct emit *e, const struct ir_op *o);

/* ---- product.c ---- */

void em_multiply(struct emit *e, const struct ir_op *o);
void em_divide(struct emit *e, const struct ir_op *o);

/* ---- flag_ops.c ---- */

void em_carry(struct emit *e, const struct ir_op *o);
void em_low_flags(struct emit *e, const struct ir_op *o);
void em_image(struct emit *e, const struct ir_op *o);
void em_popped(struct emit *e, const struct ir_op *o);

/* ---- mem.c ---- */

struct x64_site *em_site(struct emit *e, unsigned w, bool write);
struct cold *em_go_cold(struct emit *e, u8 *jump, u8 *back, unsigned address, struct x64_site *s);
void em_second_probe(struct emit *e, const struct cold *c);
unsigned em_probe(struct emit *e, const struct ir_op *o, unsigned lin, bool write);
struct mem em_covered(struct emit *e, const struct ir_op *o);
void em_may_leave(struct emit *e);
void em_load(struct emit *e, const struct ir_op *o);
void em_store(struct emit *e, const struct ir_op *o);
void em_load_for_write(struct emit *e, const struct ir_op *o);
void em_store_back(struct emit *e, const struct ir_op *o);
void em_selector(struct emit *e, const struct ir_op *o);
void em_can_set_segment(struct emit *e, const struct ir_op *o);
void em_set_segment(struct emit *e, const struct ir_op *o);
struct mem em_in_memory(struct emit *e, const struct ir_op *o);
void em_stored_back(struct emit *e, const struct ir_op *o);
void em_check_segment(struct emit *e, const struct ir_op *o);
void em_check_target(struct emit *e, const struct ir_op *o);

/* ---- sse.c ---- */

void em_sse_head(struct emit *e);
void em_sse_cold(struct emit *e);
void em_sse(struct emit *e, const struct ir_op *o);
void em_sse_mem(struct emit *e, const struct ir_op *o);
void em_sse_control(struct emit *e, const struct ir_op *o);

/* ---- x87.c ---- */

void em_x87_in(struct emit *e, const struct ir_op *o);
void em_x87_notes(struct emit *e);
void em_x87(struct emit *e, const struct ir_op *o);
void em_x87_memory(struct emit *e, const struct ir_op *o);
void em_x87_compare(struct emit *e, const struct ir_op *o);
void em_x87_move_if(struct emit *e, const struct ir_op *o);
void em_x87_word(struct emit *e, const struct ir_op *o);
void em_x87_control(struct emit *e, const struct ir_op *o);
void em_ah_flags(struct emit *e, const struct ir_op *o);

/* ---- string.c ---- */

void em_rep(struct emit *e, const struct ir_op *o);
void em_string_cold(struct emit *e, const struct cold *c);
void em_step(struct emit *e, const struct ir_op *o);
void em_direction(struct emit *e, const struct ir_op *o);

/* ---- edges.c ---- */

void em_patch(struct emit *e, u8 *field, const u8 *target);
void em_call_thunk(struct emit *e, const u8 *thunk, const struct x64_site *s);
void em_call(struct emit *e, const u8 *thunk);
void em_jump_to(struct emit *e, const u8 *thunk);
void em_no_aliases(struct emit *e);
void em_handler(struct emit *e, const struct ir_op *o);
void em_set_ip(struct emit *e, u32 ip);
void em_leave(struct emit *e, const struct ir_op *o);
void em_stubs(struct emit *e);
void em_exit(struct emit *e, const struct ir_op *o);
void em_guard(struct emit *e, const struct ir_op *o);

#endif
