/*
 * code.h - records as few bytes: each says only how it differs from what the ones before it let expect. Writer and
 * reader keep equal states.
 *
 * A record is one byte {kind in bits 0-2, flags}, then what the flags name. Numbers are varints (7 bits a byte, lowest
 * first); differences are zigzag-coded (0, -1, 1, -2, ... as 0, 1, 2, 3, ...).
 *
 *   08h  the IP is not the expected one (behind the instruction before; for others the same again): the difference
 *   20h  the count is not the expected one (one more after an instruction): the difference
 *   INSN 10h: the bytes are not those that were last seen at this linear address (a table of 64K entries): length,
 * bytes INSN, REGS C0h: no register changed (0), EFLAGS alone (1), one: its number follows (2), a set of them follows
 * (3); then the difference of each MEM, PORT 10h: a write; C0h: log2 of the size. Then the differences of address and
 * value to those before INT  vector, source, with 10h an error code the end is a byte 07h and the number of records
 */
#ifndef OMBRA_FRONTEND_TRACE_CODE_H
#define OMBRA_FRONTEND_TRACE_CODE_H

#include "frontend/trace/record.h"

enum {
    TRACE_CODE_MAX = 64 + TRACE_REGS_ALL * 10, /* bytes of one record at most */
    TRACE_CODE_END = 7,
    TRACE_CODE_KNOWN = 1 << 16,
};

struct trace_known {
    u32 lin;
    u8 len, bytes[TRACE_BYTES_MAX];
};

struct trace_code {
    u64 regs[TRACE_REGS_ALL];   /* as the last record left them */
    u64 ip, count, addr, value; /* what is expected of the next */
    struct trace_known known[TRACE_CODE_KNOWN];
};

/* Appends R, after which the registers are REGS, to OUT. How many bytes; TRACE_CODE_MAX at most. */
size_t trace_encode(struct trace_code *s, const struct trace_record *r, const u64 *regs, u8 *out);

/* Takes a record from the N bytes at P. How many bytes it had; 0 if it is not one, or not all of it is there. N of
 * TRACE_CODE_MAX are always enough. */
size_t trace_decode(struct trace_code *s, const u8 *p, size_t n, struct trace_record *r);

size_t trace_encode_end(u64 records, u8 *out);
size_t trace_decode_end(const u8 *p, size_t n, u64 *records);

/* A varint for the file's header. 0 if there is none at P. */
size_t trace_put_number(u8 *out, u64 v);
size_t trace_take_number(const u8 *p, size_t n, u64 *v);

#endif
