/*
 * emit.h - blocks of the intermediate representation to x86-64 code. Private to translator/.
 *
 * Guest registers have fixed homes in host registers from block to block; the flags are in struct cpu's hflags at every
 * edge, as LAHF and SETO leave them. RBP points 128 bytes into struct cpu, so that its first 256 bytes are reached with
 * short displacements; R15 is the budget.
 */
#ifndef OMBRA_TRANSLATOR_X64_EMIT_H
#define OMBRA_TRANSLATOR_X64_EMIT_H

#include "base/host_exec.h"
#include "cpu/blocks.h"
#include "translator/ir.h"
#include "translator/fill.h"
#include "translator/lift.h"
#include "translator/x64/asm.h"
#include "translator/x64/string.h"

struct x64_code;
struct verify;
struct engine_stats;

/* Where translated code calls C: an instruction of a block. Code holds its address. */
struct x64_site {
    _Alignas(64) struct x64_code *code; /* one line of the host's cache */
    const struct insn *in, *first; /* the instruction, and the first of its part, */
    struct iblock *block;          /* which is this block, */
    u32 ip;                        /* at this address */
    u16 k;      /* which instruction, counted over all parts */
    u16 undone; /* instructions from the part's first on, to the end of the trace */
    u8 w;       /* bytes of the access */
    bool write;
    struct fill_group group; /* that it is the first of */
    bool flags; /* the handler reads or writes flags */
    u8 x87, x87_mem; /* number + 1 of the last x87 instruction before, of the last with a memory operand; 0: none in this block */
    bool x87_in; /* the x87 unit is wanted */
    u8 stays;   /* enum lift_going_on: what ends the block may go on behind the call */
    u8 loads;   /* segment register that it loads, SEG_COUNT: none */
    u8 beside;  /* how often it has stored near watched memory */
};

/*
 * An edge to another block: a jump to its stub, which saves the flags and goes on with a second jump. Once the edge is
 * linked that one leads to the block, or, where the block makes all flags anew before anybody can see them, the first
 * one does.
 */
struct x64_link {
    struct x64_code *from, *to; /* TO: NULL while it is not linked */
    struct x64_link *next_in;   /* of the others that lead to TO */
    u8 *jump, *stub;            /* distance field of the first jump, as written, and where it leads at first */
    u8 *far_jump, *out;         /* the same of the second: to C */
    u8 *check;                  /* leads to another page: code that looks first whether it is still the same; NULL: none */
    u8 *check_jump[3];          /* distance fields of the jumps from there; the third only where CS is flat */
    u8 *epoch;                  /* in that code: of the fetches for which it is right, */
    u64 addend;                 /* or as long as the TLB's entry for fetches has this one: in another address space. CS is not flat: */
                                /* its base, with which alone the edge is right */
    u32 ip;                     /* target */
};

/* Bytes that blocks have on the stack; with the return address and six registers a multiple of 16. */
enum { X64_FRAME = 296 };

/* A decoded block in a trace. */
struct x64_part {
    struct iblock *block;
    u32 ip;
    unsigned first; /* instructions before it */
};

/* What a trace may have at most. */
enum { X64_PARTS = 16, X64_INSNS = 128, X64_STUBS = X64_PARTS + 2 };

/* One translated trace: decoded blocks of one page that mostly follow each other. */
struct x64_code {
    const u8 *entry; /* as it runs */
    u8 *entry_rw;
    u32 ip;
    u32 mode;        /* number of the mode it runs in */
    const struct lift_mode *lift; /* that mode */
    unsigned count;  /* instructions */
    bool flags_dead; /* nobody sees the flags that it starts with, if all of it runs */
    const struct insn *insns; /* of all parts */
    struct x64_part part[X64_PARTS];
    unsigned parts;
    unsigned straddled; /* how often a group did not fit into its page */
    bool sse;           /* XMM registers must be live inside */
    struct x64_link *link;
    unsigned links;
    struct x64_link *in; /* linked to this one */
    struct x64_site *sites;
    unsigned nsites;
    size_t size;                /* bytes at ENTRY */
    u32 *marks;                 /* NULL, or room for the offset of each instruction's code and of what follows the last */
    struct verify *verify;      /* NULL, or who is asked before anything is seen outside */
    struct engine_stats *stats; /* where calls of C are counted */
};

/* Address of instruction K, counted over all parts. */
static inline u32 x64_ip_of(const struct x64_code *c, unsigned k)
{
    const struct x64_part *p = c->part + c->parts - 1;
    while (p->first > k)
        p--;
    return p->ip + c->insns[k].end - c->insns[k].len;
}

/*
 * What entering code returns, if not the edge it left by: an end without one, flags in hflags; C code made it leave; or
 * what is left of the slice is too short, or SSE is not usable: then the block at IP fits in, has to run to its end, and
 * may have been given no flags.
 */
enum { X64_NO_EDGE = 0, X64_LEFT_BY_C = 1, X64_SLICE_ENDS = 2 };

/* While translated code runs the budget is this much less: whatever comes behind a block fits into the slice. */
enum { X64_RESERVE = X64_INSNS };

/* Code that all blocks share, at the start of the cache. */
struct x64_thunks {
    u64 (*enter)(struct cpu *c, const u8 *code);
    const u8 *exit;     /* with RAX: state goes back to struct cpu */
    const u8 *exit_raw; /* state is there already */
    const u8 *access, *handler, *last, *repeated;
    const u8 *x87_function; /* called with the instruction in RAX: changes flags and RAX */
    struct string_thunks string;
    const u8 *jump; /* jumped to: goes on at cpu->ip, where its slot allows that, else leaves by no edge */
    const u8 *sse_in;   /* called: makes XMM registers live. EAX: 0, or they cannot be */
};

struct x64_room {
    struct host_exec mem;
    size_t used;
};

/* Writes the thunks into an empty room. */
void x64_thunks_write(struct x64_room *room, struct x64_thunks *t);

/* Room for the compiler to work in. NULL when out of memory. */
struct emit;
struct emit *x64_emit_new(void);
void x64_emit_free(struct emit *e);

enum x64_result { X64_DONE, X64_REFUSED /* more than this backend can do */, X64_FULL /* no room */ };

/* Compiles B into the room. CODE has ip, count, insns, parts, links with room for two and one for each EXIT, and sites with room for one for each operation. Nothing is used unless done. */
enum x64_result x64_compile(struct emit *e, struct x64_room *room, const struct x64_thunks *t, const struct ir_block *b,
                 const struct lift_mode *mode, struct x64_code *code);

/*
 * Edges: L leads to TO from now on, on another page (EPOCH not 0) as long as that is one of the MMU's fetch epochs or the TLB has
 * ADDEND for it. False: its code cannot look for that. All that lead to TO go back to where they led at first; how many.
 */
bool x64_link_to(struct x64_link *l, struct x64_code *to, u64 epoch, u64 addend);
unsigned x64_unlink_all(struct x64_code *to);

/*
 * Where indirect jumps look: one slot for each hash of IP. cpu->jumps points to the first of X64_JUMPS. The key is IP and, in its upper
 * half, the mode's number and the fetch epoch for which it is right, of which there are 24 bits: see x64_jump_era().
 */
enum { X64_JUMP_BITS = 15, X64_JUMPS = 1 << X64_JUMP_BITS };
#define X64_JUMP_HASH 0x9E3779B1u

struct x64_jump {
    u64 key;
    const u8 *code;
    u64 addend; /* of the TLB's entry for fetches: with another epoch it is right where that is the same */
    u32 base;   /* of CS */
    bool x87;   /* the code has x87 instructions */
};
enum { X64_JUMP_SHIFT = 5 };
_Static_assert(sizeof(struct x64_jump) == 1 << X64_JUMP_SHIFT, "code computes with it");

static inline unsigned x64_jump_slot(u32 ip)
{
    return ip * X64_JUMP_HASH >> (32 - X64_JUMP_BITS);
}

/* Code that does the same for the IP in register V: the address of its slot to register SLOT. */
void x64_find_slot(struct asm_out *o, unsigned slot, unsigned v);

enum { X64_NO_MODE = 0xFF /* instead of a number: no slot has it */ };

static inline u64 x64_jump_key(u64 epoch, u32 mode)
{
    return mode == X64_NO_MODE ? ~(u64)0 << 32 : epoch << 40 | (u64)mode << 32;
}

/* Slots of another era mean something else. */
static inline u64 x64_jump_era(const struct mmu *m)
{
    return m->last_epoch >> MMU_ERA_BITS;
}

/* What jumps look for while code of this mode runs. */
static inline void x64_set_keys(struct cpu *c, u32 mode)
{
    c->jump_key[0] = x64_jump_key(c->mmu.fetch_epoch, mode);
    c->jump_key[1] = x64_jump_key(c->mmu.fetch_epoch_global, mode);
}

#endif
