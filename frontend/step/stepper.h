/*
 * stepper.h - one look inside a machine: what runs it until when, what that changed, and where the views look. No
 * terminal is known here; stepcmd.h are its commands, view.h what is seen.
 *
 * Whoever opens it runs the machine by nothing but stepper_go(); all calls are on the emulation thread. The guest's
 * time is virtual and stands still while nothing runs.
 */
#ifndef OMBRA_FRONTEND_STEP_STEPPER_H
#define OMBRA_FRONTEND_STEP_STEPPER_H

#include "frontend/debugger.h"
#include "frontend/rewind.h"
#include "frontend/step/disasm.h"
#include "frontend/step/explain.h"
#include "frontend/step/expr.h"
#include "frontend/step/witness.h"

enum { STEPPER_STOPS = 32, STEPPER_LINE = 160, STEPPER_WINDOW = 1024 };

enum goal_kind {
    GOAL_NONE,
    GOAL_STEPS, /* AMOUNT of instructions, or deliveries of exceptions and interrupts */
    GOAL_OUT,   /* until the procedure returns */
    GOAL_RUN,   /* up to a stop, or AMOUNT of counts if that is not 0, or UNTIL */
    GOAL_MODE,  /* until it is another: real, protected, virtual-8086, SMM, paging, 16 or 32 bits */
    GOAL_EVENT, /* exception, INT n or interrupt; VALUE: its vector, or -1 */
    GOAL_PORT,  /* IN or OUT; VALUE: the port, or -1 */
    GOAL_WHEN,  /* until WHEN is true */
};

struct goal {
    enum goal_kind kind;
    u64 amount;
    u64 until; /* GOAL_RUN: virtual ns, 0: none */
    s32 value;
    struct expr when;
};

/* A breakpoint or watchpoint. */
struct stepper_stop {
    unsigned number; /* 0: free */
    struct stop at;
    struct expr when; /* count 0: always */
    bool once;        /* for one run, without words */
    u64 least_stack;  /* the stack's top must be here or above */
    u64 hits;
    char text[STEPPER_LINE]; /* as it was typed */
};

/* Why the machine will not run any more. */
enum stepper_end { END_NONE, END_OFF, END_EXIT, END_TRIPLE };

/* An instruction's place, with what it takes to read it. */
struct code_place {
    u64 lin;
    u32 ip;
    u16 sel;
    u8 bits;
};

/* Where the views look. */
struct look {
    u64 code_top;     /* linear address of the listing's first line */
    u64 cursor;       /* ... of the line with the cursor, if it is FREE */
    bool cursor_free; /* else it is on the next instruction */
    u64 memory;
    bool physical;
    u64 walk; /* whose translation is shown */
    char device[32];
    unsigned view, scroll;
};

/* Memory as it was before the last run. */
struct window {
    u64 addr;
    bool physical;
    unsigned len; /* bytes that could be read */
    u8 data[STEPPER_WINDOW];
};

struct stepper {
    struct pc *pc;
    struct cpu *cpu;
    struct debugger debugger;
    struct timeline timeline;
    struct rewind *rewind; /* NULL: there is no way back */
    struct peek peek;
    struct disasm *disasm;
    bool att;
    struct expr_names names;
    const struct symbols *symbols; /* NULL: none */
    const struct listing *listing; /* the tour's source; NULL: none */
    struct witness witness;
    struct stepper_stop stop[STEPPER_STOPS];

    /* The run in hand, or the last one. */
    struct goal goal;
    u64 done;      /* of goal.amount */
    bool midway;   /* of an instruction: the processor waits */
    bool found;    /* the witness saw what was waited for */
    u64 out_stack; /* GOAL_OUT: the stack's top at the beginning */
    struct code_place out_place;
    u8 out_cpl;
    u32 mode; /* GOAL_MODE: at the beginning */
    enum stepper_end end;
    bool missed;            /* the run ended without what it was for */
    char why[STEPPER_LINE]; /* what ended it; "" after steps that went as they should */

    /* What it changed. */
    bool looking; /* somebody looks: sentences and windows are kept */
    struct step_snapshot before, after;
    bool has_before;
    bool one;               /* it was one instruction, and AFTER is what it left */
    struct code_place last; /* the last instruction, if it is known (bits not 0) */
    struct window memory, stack;

    struct look look;
};

/* The machine stays the caller's and is stopped. 0 or -ENOMEM. */
int stepper_open(struct stepper *s, struct pc *pc);
void stepper_close(struct stepper *s);

/*
 * From now on the machine can go back. All writable media must be overlays; MEDIA may be NULL. 0 or -errno, and then
 * there is no way back.
 */
int stepper_remember(struct stepper *s, const struct rewind_media *media);

/* Takes back one step, or STEPS counts; goes to COUNT, which is in the past; goes back to where a stop was hit last, or ONLY that one. What
 * could not be had is MISSED, with WHY. 0; -EPERM or -ENOSPC, then nothing was done. */
int stepper_back(struct stepper *s, u64 steps);
int stepper_back_to(struct stepper *s, u64 count);
int stepper_back_to_stop(struct stepper *s, const struct stepper_stop *only);

/* Begins a run, which stepper_go() does. -EPERM (the machine has ended) with WHY. */
int stepper_start(struct stepper *s, const struct goal *goal);

/* A CALL, an INT or a repeated string instruction as one step. */
int stepper_start_over(struct stepper *s);

/* Up to linear address LIN. */
int stepper_start_to(struct stepper *s, u64 lin);

/* Runs about COUNTS counts at most. True while the goal is not reached. */
bool stepper_go(struct stepper *s, u64 counts);

/* Gives up the run: the person has seen enough, or WHY. */
void stepper_pause(struct stepper *s, const char *why);

/* Adds a stop; its number, or -ENOSPC, -EINVAL. */
int stepper_add(struct stepper *s, const struct stepper_stop *stop);
bool stepper_delete(struct stepper *s, unsigned number);

/* The next instruction. False if there is none, or it cannot be read. */
bool stepper_insn(const struct stepper *s, struct insn *in);
struct code_place stepper_place(const struct stepper *s);

/* The instruction at linear address LIN as code of BITS, with its bytes. */
void stepper_line(const struct stepper *s, u64 lin, unsigned bits, struct disasm_line *line, u8 bytes[INSN_MAX_LEN]);

/* "What it will do." and, after a single step, "What it did." May be empty. */
void stepper_next_sentence(const struct stepper *s, char *to, size_t size);
void stepper_last_sentence(const struct stepper *s, char *to, size_t size);

/* "real mode, 16-bit", "protected mode, 32-bit, CPL 3, paging". */
void stepper_mode(const struct stepper *s, char *to, size_t size);

/* How many of LEN bytes could be read. */
unsigned stepper_read(const struct stepper *s, u64 addr, bool physical, void *data, unsigned len);

u64 stepper_stack(const struct stepper *s); /* linear address of the stack's top */

static inline u64 stepper_here(const struct stepper *s)
{
    return debugger_here(&s->debugger);
}

#endif
