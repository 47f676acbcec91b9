/*
 * ir.h - the intermediate representation between guest instructions and host code: one block as a linear list of
 * operations in single assignment; each names the values that it takes by the index of the operation that made them.
 *
 * lift_*.c write it through the builder, irinterp.c runs it, backends compile it. It stays x86-shaped: arithmetic yields flag
 * tokens beside values, and what nobody asks for is not computed.
 */
#ifndef OMBRA_TRANSLATOR_IR_H
#define OMBRA_TRANSLATOR_IR_H

#include "base/types.h"
#include <stdio.h>

enum ir_opcode {
#define OP(name, operands, attrs, sentence) IR_##name,
#include "translator/ir.def"
#undef OP
    IR_COUNT
};

enum ir_attr { IR_VALUE = 1, IR_TOKEN = 2, IR_STATE = 4, IR_LEAVES = 8, IR_ENDS = 16 };

/* Flags of a token, as LAHF has them; OF where that has nothing. */
enum ir_flag { IR_CF = 1, IR_OF = 2, IR_PF = 4, IR_AF = 0x10, IR_ZF = 0x40, IR_SF = 0x80, IR_FLAGS_ALL = 0xD7 };

/* Index of an operation; 0 is a NOP and stands for no operand. */
typedef u16 ir_ref;

struct ir_op {
    u8 op;     /* enum ir_opcode */
    u8 w;      /* bytes: 1, 2, 4 */
    u8 cc;     /* condition code 0-15 as in Jcc */
    u8 set;    /* flags of its token that somebody wants: ir_finish() knows */
    ir_ref a, b, c, f;
    u16 uses;  /* of its value */
    u16 fuses; /* of its token, FLAGS included */
    u32 aux;
    u16 group; /* of an access: the group whose probe it shares, 0: none */
    u16 delta; /* how far into the group */
    u64 imm;
};

/* Accesses that lie near each other: the first one in the block looks at all of it, the others have no address operand. */
struct ir_group {
    u16 span; /* bytes, from the lowest to behind the highest */
    bool write;
    bool aligned; /* some must be, to 16 bytes: then what is RESIDUE bytes into the group is */
    u8 residue;
};

enum { IR_MAX_OPS = 1024, IR_GROUPS = 12 };

struct ir_block {
    unsigned count;
    ir_ref flags; /* the guest's flags where the builder is, 0: those of the start that nobody has asked for yet */
    bool full;    /* more was added than there is room for: the block is of no use */
    unsigned groups;
    struct ir_group group[IR_GROUPS + 1]; /* from 1 */
    struct ir_op op[IR_MAX_OPS];
};

/* The fields of an operation that count, by bit; in the order of ir.def. */
enum ir_operand {
    IR_A = 1,
    IR_B = 2,
    IR_C = 4,
    IR_F = 8,
    IR_P = 0x10,
    IR_I = 0x20,
    IR_X = 0x40,
    IR_K = 0x80,
};

struct ir_info {
    const char *name, *sentence;
    u8 attrs, operands;
};

extern const struct ir_info ir_info[IR_COUNT];

/* ---- builder ---- */

void ir_begin(struct ir_block *b);

/* Appends an operation; operands it does not have are 0. */
ir_ref ir_add(struct ir_block *b, struct ir_op op);

static inline ir_ref ir_const(struct ir_block *b, unsigned w, u64 imm)
{
    return ir_add(b, (struct ir_op){.op = IR_CONST, .w = (u8)w, .imm = imm});
}

static inline ir_ref ir_1(struct ir_block *b, enum ir_opcode op, unsigned w, ir_ref a)
{
    return ir_add(b, (struct ir_op){.op = (u8)op, .w = (u8)w, .a = a});
}

static inline ir_ref ir_2(struct ir_block *b, enum ir_opcode op, unsigned w, ir_ref a, ir_ref c)
{
    return ir_add(b, (struct ir_op){.op = (u8)op, .w = (u8)w, .a = a, .b = c});
}

/* The guest's flags now, as a token; and their new value. */
ir_ref ir_flags(struct ir_block *b);
void ir_set_flags(struct ir_block *b, ir_ref token);

/* Finds groups. Before ir_finish(). */
void ir_group(struct ir_block *b);

/*
 * Ends building: drops flag states that nobody can see (another comes before anything that may leave), then operations without
 * effect, and counts uses. False if the block became too long.
 */
bool ir_finish(struct ir_block *b);

/* ---- checks and views ---- */

/* Has OP any of those operands? */
static inline bool ir_has(u8 op, unsigned operands)
{
    return ir_info[op].operands & operands;
}

/* An access that another one has looked at before. */
static inline bool ir_covered(const struct ir_op *o)
{
    return o->group && !o->a;
}

/* Must it, if it is the first of a group something in the group, be aligned? */
static inline bool ir_aligned(const struct ir_block *b, const struct ir_op *o)
{
    return o->group ? b->group[o->group].aligned : o->op == IR_SSEM && (o->cc & 2);
}

/* May it leave the block? */
static inline bool ir_leaves(const struct ir_op *o)
{
    return (ir_info[o->op].attrs & IR_LEAVES) && !ir_covered(o);
}

/* Flags that condition CC looks at. */
u8 ir_condition(unsigned cc);

/* NULL, or what is wrong with the block: a defect of a lifter. */
const char *ir_verify(const struct ir_block *b);

/* One line for each operation; or for operation AT, unless it is a NOP. */
void ir_dump_op(const struct ir_block *b, unsigned at, FILE *out);
void ir_dump(const struct ir_block *b, FILE *out);

#endif
