/*
 * rows.h - a row of the instruction table as the image has it; rows_gen.c prints them on the host.
 */
#ifndef OMBRA_TESTS_SYSTEM_ROWS_H
#define OMBRA_TESTS_SYSTEM_ROWS_H

/* What follows opcode, ModRM and displacement. */
enum {
    TAIL_NONE,
    TAIL_BYTE,
    TAIL_WORD,
    TAIL_FULL,      /* by operand size */
    TAIL_NEAR_BYTE, /* a distance */
    TAIL_NEAR,
    TAIL_FRAME,  /* ENTER's */
    TAIL_OFFSET, /* of a memory operand without ModRM */
};

enum {
    ROW_UNDEFINED = 1, /* leaves flags that the manual does not define */
    ROW_USER = 2,      /* privileged: only where it faults, forms.c has the other side */
    ROW_STRING = 4,    /* takes REP; EDI and ESI, or EDI alone point to operands */
    ROW_LOCK = 8,
    ROW_GENERAL = 16,    /* its register operands are general registers */
    ROW_SIZES = 32,      /* 66 is the operand size */
    ROW_BITS = 64,       /* a register says how far the operand lies from where it is said to be */
    ROW_ANSWER = 128,    /* EAX and EDX are the processor's own */
    ROW_ANSWER_ALL = 256 /* and EBX, ECX */
};

/* MODRM: enum isa_modrm >> 8, ARG its argument. */
struct row {
    unsigned short opcode; /* 0Fxx: two bytes */
    unsigned char span, prefix, modrm, arg, tail;
    unsigned short traits;
};

#endif
