/*
 * lift.h - guest instructions to the intermediate representation. lift.c drives; lift_*.c have a function for each row of
 * isa.def that shows up hot. A row without one becomes a call of its interpreter handler.
 *
 * Private to translator/.
 */
#ifndef OMBRA_TRANSLATOR_LIFT_H
#define OMBRA_TRANSLATOR_LIFT_H

#include "cpu/cpu.h"
#include "cpu/isa.h"
#include "translator/ir.h"

/* What a block's code takes for granted; the machine must be in the same state whenever it is entered. */
struct lift_mode {
    u32 ip;          /* of the first instruction */
    u8 bits;         /* CS.D: 16 or 32 */
    bool stack32;    /* SS.B */
    u8 priv;         /* enum tlb_priv: which half of the TLB is probed */
    u32 code_limit;  /* CS.limit */
    bool apart;      /* no groups: see struct iblock */
    bool x87;        /* the host's x87 unit may be used */
    bool sse;        /* SSE instructions raise neither #UD nor #NM nor #XM, and may be done by the host's */
    bool real;       /* CR0.PE is clear */
    bool v86;        /* EFLAGS.VM is set */
    bool daz;        /* MXCSR has that bit */
    u8 flat;         /* bit n: segment register n has base 0, ends at 4 GiB, may be read and (but CS) written */
};

/* Is C in mode M? SSE and what the translator may do apart. */
bool lift_mode_holds(const struct lift_mode *m, const struct cpu *c);

/* Is bit SEG of lift_mode's flat set now? */
bool lift_flat(const struct cpu *c, unsigned seg);

/* The segment register that IN loads if it goes on behind that, SEG_COUNT: none. */
unsigned lift_loaded_segment(const struct insn *in);

/* What LAST says in k. */
enum lift_going_on { LIFT_ENDS, LIFT_GOES_ON, LIFT_GOES_ON_IN_MODE /* if that is what it was */, LIFT_JUMPS /* the same, elsewhere */ };

struct lift {
    struct ir_block *b;
    const struct lift_mode *mode;
    const struct insn *in; /* the instruction in hand */
    unsigned k;            /* its number, counted over all parts */
    u32 ip;                /* of the part's first instruction */
    bool follows;          /* another part does, at FOLLOW */
    u32 follow;
    bool x87;              /* X87IN has been written, and no handler called since */
    bool ended;            /* something that ends the block has been written */
};

/* Lifts the instruction in hand; NULL in the table: no lift. */
typedef void (*lift_fn)(struct lift *l);
extern const lift_fn lift_table[ISA_COUNT], lift_move_table[ISA_COUNT], lift_flow_table[ISA_COUNT], lift_x87_table[ISA_COUNT],
    lift_seg_table[ISA_COUNT];

/* Decoded blocks that are expected to run one behind the other. */
struct lift_part {
    u32 ip;
    const struct insn *insns;
    unsigned count;
};

/*
 * Writes the instructions of *PARTS parts, numbered on, into B, verified and finished; *PARTS becomes how many of them went in: behind
 * something that ends a block and leads elsewhere, nothing does. False if they are too many.
 */
bool lift_trace(struct ir_block *b, const struct lift_mode *mode, const struct lift_part *part, unsigned *parts);

/*
 * Writes COUNT instructions (ending with at most one that ends a block) into B, verified and finished. False if they are too many.
 */
bool lift_block(struct ir_block *b, const struct lift_mode *mode, const struct insn *insns, unsigned count);

/* ---- for lift_*.c ---- */

/* The interpreter's handler, for what a lift does not do. */
void lift_handler(struct lift *l);

/* The x87 unit is needed. False: it may not be used, and the handler has been called instead. */
bool lift_enter_x87(struct lift *l);

/* MMX, SSE and SSE2 in one function, going by the rows' operands. False: it is no such instruction, or one for its handler. */
bool lift_sse(struct lift *l);

/* String instructions, CLD and STD. False: it is no such instruction. */
bool lift_string(struct lift *l);

/* Is lift_mode's sse true of C now? */
bool lift_sse_usable(const struct cpu *c);

/* Flags that POPF leaves to its handler, where they are new; so it does where VM, RF or VIP are set. */
enum { LIFT_POPF_SYSTEM = F_TF | F_IF | F_DF | F_IOPL | F_NT | F_AC | F_ID };

/* IP of the next instruction. */
static inline u32 lift_next(const struct lift *l)
{
    return l->ip + l->in->end;
}

/* Bytes of the operand size attribute. */
static inline unsigned lift_width(const struct lift *l)
{
    return 2u << l->in->opsize;
}

/* Registers as struct insn names them: byte offsets for W = 1, numbers else. */
ir_ref lift_get(struct lift *l, unsigned w, unsigned reg);
void lift_put(struct lift *l, unsigned w, unsigned reg, ir_ref v);

/* The immediate operand as W bytes. */
ir_ref lift_immediate(struct lift *l, unsigned w);

/* The memory operand's offset, and the linear address of [OFF, OFF+LEN) in SEG. */
ir_ref lift_offset(struct lift *l);
ir_ref lift_linear(struct lift *l, unsigned seg, ir_ref off, unsigned len, bool write);

/* What accesses there have in aux. */
u32 lift_unchecked(const struct lift *l, unsigned seg, bool write);

ir_ref lift_load(struct lift *l, unsigned w, unsigned seg, ir_ref off);
void lift_store(struct lift *l, unsigned w, unsigned seg, ir_ref off, ir_ref v);

/* The E operand: value; and the two halves of a read-modify-write. */
ir_ref lift_rm(struct lift *l, unsigned w);
void lift_set_rm(struct lift *l, unsigned w, ir_ref v);
ir_ref lift_rmw(struct lift *l, unsigned w);
void lift_rmw_end(struct lift *l, unsigned w, ir_ref first, ir_ref v);

/* Stack: values are stored or loaded before the stack pointer moves. */
void lift_push(struct lift *l, unsigned w, ir_ref v);
void lift_push_part(struct lift *l, unsigned w, unsigned part, ir_ref v); /* PART bytes, the lower ones, are written */
void lift_push_two(struct lift *l, unsigned w, ir_ref first, ir_ref second); /* both are checked before the first is written */
ir_ref lift_stack_at(struct lift *l, s32 n); /* the offset N bytes above the stack pointer */
void lift_stack_set(struct lift *l, ir_ref sp);
ir_ref lift_peek(struct lift *l, unsigned w);
ir_ref lift_peek_at(struct lift *l, unsigned w, unsigned n); /* N bytes above */
void lift_drop(struct lift *l, unsigned n);

#endif
