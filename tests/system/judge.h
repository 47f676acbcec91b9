/*
 * judge.h - the parts of the system judge's image: entry.S goes into a case and out of it, zoo.c makes the tables that a
 * case meets, forms.c the instructions, kernel.c runs one case after the other and prints what came of it.
 *
 * Freestanding 32-bit code. A case depends on the seed and its number alone.
 */
#ifndef OMBRA_TESTS_SYSTEM_JUDGE_H
#define OMBRA_TESTS_SYSTEM_JUDGE_H

#include "tests/system/layout.h"
#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;

enum { EAX, ECX, EDX, EBX, ESP, EBP, ESI, EDI };
enum { ES, CS, SS, DS, FS, GS };
enum { NO_PAGING, PAGING, PAE };

#define EFLAGS_VM 0x20000u
#define EFLAGS_TF 0x100u
#define IGNORE_FLAGS 0x100u /* the arithmetic flags */

/* Layout known to entry.S. */
struct state {
    u32 gpr[8], seg[6], eip, eflags, cr0, cr2, cr3, cr4, mode;
    u32 vector, error, tr, ldt, handler_cs, handler_ss, handler_esp, dr6, spare;
};

extern struct state before, after;
void enter_case(void);

/* What the image was asked for. */
struct parameters {
    u32 seed, first, count, spare;
};
extern struct parameters parameters;

struct test {
    u32 random; /* state of the generator */
    u32 mode, cpl, paging;
    u32 opsize, adsize; /* of the code segment: 2 or 4 */
    const char *form;   /* name of what is tested */
    u8 code[32];        /* the instructions */
    u32 len;
    u32 entry;          /* linear address of the first instruction */
    u32 window;         /* offset in the data pages where operands lie */
    u32 zoo_dir, zoo_page; /* the page of the zoo that is addressed */
    u32 ignore;         /* registers that need not agree, by bit; IGNORE_FLAGS */
};

/* kernel.c */
u32 pick(struct test *t, u32 n); /* 0 to n - 1 */
static inline u32 one_in(struct test *t, u32 n)
{
    return pick(t, n) == 0;
}

void print_field(const char *name, u32 value);

/* fp.c: chosen, loaded before the case, and what has changed behind it */
void fp_choose(struct test *t);
void fp_load(void);
void fp_print(void);

/* zoo.c */
void zoo_once(void);
void zoo_refill(void);
void zoo_make(struct test *t);            /* GDT, LDT, TSSs and pages of this case */
u32 zoo_selector(struct test *t);         /* any selector */
u32 zoo_data_selector(struct test *t);    /* mostly one that may be loaded into DS */
u32 zoo_code_selector(struct test *t);    /* mostly one that is code */
u32 zoo_stack_selector(struct test *t, u32 cpl);
u32 zoo_code_offset(struct test *t, u32 selector); /* where INT3 is, for most code segments */
void zoo_write(u32 offset, const void *bytes, u32 n); /* into both data pages, around their end */

/* forms.c */
void form_make(struct test *t);

/* Parts of an instruction: forms.c has them, rows.c takes them. */
void case_put(struct test *t, u32 byte);
void case_put_n(struct test *t, u32 value, u32 n); /* N bytes, low first */
u32 case_opsize(struct test *t); /* puts an operand-size prefix now and then; the operand size */
u32 case_value(struct test *t);  /* any number, often one at an edge */
u32 case_place(struct test *t, u32 seg); /* an offset at which SEG finds the case's operands, or one at an edge */
void case_with_memory(struct test *t, u32 opcode, u32 reg); /* OPCODE (0Fxx: two bytes) with a memory operand */

/* rows.c */
void row_make(struct test *t);

#endif
