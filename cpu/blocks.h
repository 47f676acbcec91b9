/*
 * blocks.h - the decoded-instruction cache: straight runs of decoded instructions,
 * found by the host address of their first byte. For cpu/ and translator/.
 *
 * A block lies in one page; only a block of a single instruction may reach into a
 * second one. Its bytes are watched: a write that overlaps them drops the block, a write
 * beside them does not.
 */
#ifndef OMBRA_CPU_BLOCKS_H
#define OMBRA_CPU_BLOCKS_H

#include "cpu/cpu.h"

enum { BLOCK_UNSTEADY = 3 /* translated alone from now on */ };
enum { BLOCK_MAX_INSNS = 32, BLOCK_TABLE_BITS = 17, BLOCK_ARENA = 64 << 20 };

struct translated;

/* Which block is at LIN, as long as EPOCH is one of the MMU's fetch epochs: spares the way through TLB and hash. */
struct block_link {
    u64 epoch;
    struct iblock *to;
    u32 lin;
};

struct iblock {
    const u8 *host;     /* of the first byte: the key */
    struct iblock *hash_next;
    struct block_link link[2];    /* what followed last */
    struct iblock *frame_next[2]; /* lists of the frames below */
    u32 frame[2];       /* second is 0 unless the instruction crosses a page */
    u16 offset;         /* in frame[0] */
    u16 bytes;
    u8 bits;            /* struct decode_mode: the other half of the key; 0: dropped, memory is reused at the next flush */
    u8 count;
    bool apart;         /* accesses of it that lie near each other are often in two pages */
    u32 beside;         /* instructions, by bit, that store near watched memory */
    u16 heat;           /* how often an engine has met it; what that makes of it follows */
    u16 taken;          /* interpreted by an engine, how often something else followed than the next instruction */
    u8 unsteady;        /* its code, or what it was translated together with, has changed, so often; BLOCK_UNSTEADY at most */
    struct translated *translated, *inside; /* translator/'s: what begins with it, and what it is a later part of */
    struct insn insn[];
};

/* A place whose code was written while it was translated: how often one soon after the other. */
struct rewritten {
    const u8 *host;
    u32 at; /* of block_cache's drops */
    u8 times;
};

enum { BLOCK_REWRITTEN = 256 };

struct block_cache {
    struct iblock *table[1 << BLOCK_TABLE_BITS];
    u8 *arena;
    size_t used;
    struct iblock *running; /* told by ATT_CODE when it is dropped under way */
    struct iblock *scratch; /* one instruction from memory that cannot be cached */
    struct mmu *mmu;
    struct physmem *phys;
    struct cpu_engine *engine; /* NULL, or who is told */
    u32 drops; /* translated blocks that were written */
    struct rewritten rewritten[BLOCK_REWRITTEN];
};

struct block_cache *blocks_new(struct mmu *mmu);
void blocks_free(struct block_cache *bc);

static inline unsigned blocks_hash(const u8 *host)
{
    u64 h = (u64)(uintptr_t)host;
    return (unsigned)((h ^ h >> BLOCK_TABLE_BITS) & ((1u << BLOCK_TABLE_BITS) - 1));
}

/* The block for code at HOST in a BITS-bit code segment, or NULL. */
static inline struct iblock *blocks_find(const struct block_cache *bc, const u8 *host, unsigned bits)
{
    struct iblock *b = bc->table[blocks_hash(host)];
    while (b && (b->host != host || b->bits != bits))
        b = b->hash_next;
    return b;
}

/* Room for a block of COUNT instructions; flushes everything if the arena is full. */
struct iblock *blocks_alloc(struct block_cache *bc, unsigned count);

/* Enters a filled block and watches its bytes. */
void blocks_insert(struct block_cache *bc, struct iblock *b);

void blocks_drop(struct block_cache *bc, struct iblock *b);
void blocks_flush(struct block_cache *bc);

/* Drops the blocks that reach over OFFSET in their page, and all links: blocks built from now on may end elsewhere. */
void blocks_split(struct block_cache *bc, u32 offset);

/* Drops the blocks with bytes in [OFFSET, OFFSET+LEN) of FRAME. Returns true if the running one was among them. */
bool blocks_written(struct block_cache *bc, u32 frame, u32 offset, u32 len);

#endif
