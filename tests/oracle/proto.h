/*
 * proto.h - what the oracle and its native runner share: where things lie in the address space
 * of a case, and the records of a case and of its result.
 *
 * Read by the oracle (64-bit, any host), by the runner (32-bit, freestanding) and by the runner's entry code in
 * assembly, so it has fixed-size types only and the layout is the same in all of them. Registers are 64 bits wide for
 * the 64-bit runner to come.
 */
#ifndef OMBRA_TESTS_ORACLE_PROTO_H
#define OMBRA_TESTS_ORACLE_PROTO_H

/* Linear addresses of a case. Whatever is not listed here is not mapped. */
#define ORACLE_CODE 0x20000000 /* two pages, read and execute, filled with INT3 */
#define ORACLE_EXIT 0x2B5A6000 /* one page, read and execute: where a case goes when it did not fault */
#define ORACLE_DATA 0x40000000 /* two pages read/write, one page read-only */
#define ORACLE_SHM 0x6D700000  /* of the runner, not of the case: its own pages are here and a little below */
#define ORACLE_PAGE 4096
#define ORACLE_CODE_SIZE (2 * ORACLE_PAGE)
#define ORACLE_WRITABLE (2 * ORACLE_PAGE)
#define ORACLE_DATA_SIZE (3 * ORACLE_PAGE)

/* Selectors. The first two are Linux's, then three slots of set_thread_area(), then modify_ldt(). */
#define ORACLE_SEL_CODE 0x23
#define ORACLE_SEL_DATA 0x2B
#define ORACLE_SEL_LOW 0x63     /* data at offset 0, 64 KiB */
#define ORACLE_SEL_SMALL 0x6B   /* data at offset 0, 2 KiB */
#define ORACLE_SEL_DOWN 0x73    /* expand-down: data from offset 1000h on */
#define ORACLE_SEL_CODE16 0x07  /* code at offset 0, 64 KiB, 16-bit */
#define ORACLE_SEL_STACK16 0x0F /* data at offset 0, 64 KiB, 16-bit stack pointer */
#define ORACLE_SEL_READ 0x17    /* everything, read-only */

#ifndef __ASSEMBLER__
#include <stdint.h>

/* A segment of user data or code. LIMIT is in bytes; above 1 MiB it has page granularity. */
struct oracle_segment {
    uint16_t sel;
    uint8_t code, wide, down, read_only;
    uint32_t base, limit;
};

#define ORACLE_SEGMENTS                                                                                                \
    {ORACLE_SEL_LOW, 0, 1, 0, 0, ORACLE_DATA, 0xFFFF}, {ORACLE_SEL_SMALL, 0, 1, 0, 0, ORACLE_DATA, 0x7FF},             \
        {ORACLE_SEL_DOWN, 0, 1, 1, 0, ORACLE_DATA, 0xFFF}, {ORACLE_SEL_CODE16, 1, 0, 0, 0, ORACLE_CODE, 0xFFFF},       \
        {ORACLE_SEL_STACK16, 0, 0, 0, 0, ORACLE_DATA, 0xFFFF},                                                         \
    {                                                                                                                  \
        ORACLE_SEL_READ, 0, 1, 0, 1, 0, 0xFFFFFFFF                                                                     \
    }

enum {
    ORACLE_MAX_CODE = 48,
    ORACLE_MAX_PATCHES = 6,
    ORACLE_PATCH_BYTES = 1088,
    ORACLE_MAX_CHANGES = 640,
    ORACLE_BATCH = 512,
};

/* Order of sel[]: as enum seg_reg. */
enum { OSEL_ES, OSEL_CS, OSEL_SS, OSEL_DS, OSEL_FS, OSEL_GS };

/* Bytes of the data pages that differ from the pristine ones before the case runs. */
struct oracle_patch {
    uint16_t off, len; /* in the data pages */
    uint16_t at;       /* in bytes[] */
};

struct oracle_case {
    uint8_t fx[512]; /* FXSAVE image */
    uint64_t r[16];
    uint64_t ip;
    uint32_t eflags;
    uint16_t sel[6];
    uint8_t code_len; /* the instruction and what leads to ORACLE_EXIT behind it */
    uint8_t insn_len;
    uint8_t patches;
    uint8_t bits;     /* of the code segment */
    uint16_t code_at; /* offset in the code pages */
    uint16_t row;
    uint32_t target; /* linear address of the memory operand, or 0 */
    uint32_t budget; /* instructions and REP iterations that are surely enough */
    uint8_t code[ORACLE_MAX_CODE];
    struct oracle_patch patch[ORACLE_MAX_PATCHES];
    uint8_t bytes[ORACLE_PATCH_BYTES];
} __attribute__((aligned(64)));

struct oracle_result {
    uint8_t fx[512];
    uint64_t r[16];
    uint64_t ip;
    uint64_t cr2; /* of a page fault, else 0 */
    uint32_t eflags;
    uint32_t error;
    int32_t vector; /* -1: no fault */
    uint16_t sel[6];
    uint32_t changes;   /* bytes of the data pages that are not pristine any more, at most ORACLE_MAX_CHANGES listed */
    uint32_t data_hash; /* of all data pages */
    uint32_t change[ORACLE_MAX_CHANGES]; /* offset << 8 | new byte */
} __attribute__((aligned(64)));

/* The shared memory. The first two members are also mapped at ORACLE_CODE and ORACLE_DATA. */
struct oracle_shm {
    uint8_t code[ORACLE_CODE_SIZE];
    uint8_t data[ORACLE_DATA_SIZE];
    uint8_t pristine[ORACLE_DATA_SIZE];
    uint32_t current; /* case in hand, for the message when the runner is stuck */
    uint32_t has_ldt; /* the runner could make the segments of the local table */
    struct oracle_case cases[ORACLE_BATCH];
    struct oracle_result results[ORACLE_BATCH];
};

/* Lists what differs between DATA and PRISTINE in R. */
static inline void oracle_note_changes(struct oracle_result *r, const uint8_t *data, const uint8_t *pristine)
{
    const uint32_t *a = (const uint32_t *)data, *b = (const uint32_t *)pristine;
    uint32_t n = 0, hash = 2166136261u;
    for (uint32_t i = 0; i < ORACLE_DATA_SIZE / 4; i++) {
        if (a[i] == b[i])
            continue;
        for (uint32_t off = i * 4; off < i * 4 + 4; off++) {
            if (data[off] == pristine[off])
                continue;
            uint32_t entry = off << 8 | data[off];
            hash = (hash ^ entry) * 16777619u;
            if (n < ORACLE_MAX_CHANGES)
                r->change[n] = entry;
            n++;
        }
    }
    r->changes = n;
    r->data_hash = hash;
}
#endif
#endif
