/*
 * gdbpacket.h - the framing of GDB's remote serial protocol and its texts: bytes to packets, replies to bytes, numbers
 * in hexadecimal. Knows no command and does no input or output.
 *
 * "Debugging with GDB", appendix E.1 (Overview), E.2 (binary data).
 */
#ifndef OMBRA_FRONTEND_GDBPACKET_H
#define OMBRA_FRONTEND_GDBPACKET_H

#include "base/types.h"

enum {
    GDB_PACKET_MAX = 0x4000,                /* bytes of a packet either way, as told by qSupported */
    GDB_FRAME_MAX = 2 * GDB_PACKET_MAX + 8, /* of a reply on the line: every byte escaped */
};

enum gdb_event {
    GDB_MORE,      /* nothing complete yet */
    GDB_PACKET,    /* data[0..len) is a packet; a 0 follows it */
    GDB_BAD,       /* a packet with a wrong checksum or longer than GDB_PACKET_MAX */
    GDB_NAK,       /* '-': the last reply did not arrive well */
    GDB_INTERRUPT, /* ^C */
};

struct gdb_parser {
    enum { GDB_OUTSIDE, GDB_INSIDE, GDB_ESCAPED, GDB_SUM1, GDB_SUM2 } state;
    u8 sum;     /* of what came */
    u8 told[2]; /* the digits behind # */
    bool too_long;
    size_t len;
    u8 data[GDB_PACKET_MAX + 1];
};

enum gdb_event gdb_parse(struct gdb_parser *p, u8 byte);

/* A reply that is being made; what does not fit is left out and noted. */
struct gdb_text {
    size_t len;
    bool full;
    char data[GDB_PACKET_MAX];
};

void gdb_put(struct gdb_text *t, const char *text);
void gdb_put_byte(struct gdb_text *t, u8 byte);
void gdb_putf(struct gdb_text *t, const char *format, ...) PRINTF_LIKE(2, 3);
void gdb_put_hex(struct gdb_text *t, const void *data, size_t len);

/* Frames T into OUT (GDB_FRAME_MAX bytes). Returns the length. */
size_t gdb_frame(const struct gdb_text *t, u8 *out);

/* ---- reading commands ---- */

/* What is left of a packet's text. */
struct gdb_in {
    const u8 *p;
    size_t left;
};

/* Takes what is expected, or leaves IN alone and says false. */
bool gdb_take(struct gdb_in *in, const char *text);

/* A number of 1 to 16 hexadecimal digits. */
bool gdb_take_number(struct gdb_in *in, u64 *value);

/* LEN bytes as two digits each. */
bool gdb_take_hex(struct gdb_in *in, void *data, size_t len);

#endif
