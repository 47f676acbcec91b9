/*
 * gdbpacket.c - framing, escapes and digits of GDB's remote protocol.
 */
#include "frontend/gdbpacket.h"

#include <stdarg.h>
#include <stdio.h>

enum { INTERRUPT = 3, ESCAPE = '}', FLIP = 0x20 };

static int digit(u8 c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    u8 letter = c | 0x20;
    return letter >= 'a' && letter <= 'f' ? letter - 'a' + 10 : -1;
}

/* ---- bytes to packets ---- */

static void begin(struct gdb_parser *p)
{
    p->state = GDB_INSIDE;
    p->len = 0;
    p->sum = 0;
    p->too_long = false;
}

static void add(struct gdb_parser *p, u8 byte)
{
    if (p->len == GDB_PACKET_MAX)
        p->too_long = true;
    else
        p->data[p->len++] = byte;
}

static enum gdb_event outside(struct gdb_parser *p, u8 byte)
{
    if (byte == '$')
        begin(p);
    return byte == INTERRUPT ? GDB_INTERRUPT : byte == '-' ? GDB_NAK : GDB_MORE;
}

static void inside(struct gdb_parser *p, u8 byte)
{
    if (byte == '$') { /* the end of the one before was lost */
        begin(p);
        return;
    }
    if (byte == '#') {
        p->state = GDB_SUM1;
        return;
    }
    p->sum += byte;
    if (byte == ESCAPE)
        p->state = GDB_ESCAPED;
    else
        add(p, byte);
}

static enum gdb_event complete(struct gdb_parser *p)
{
    int high = digit(p->told[0]), low = digit(p->told[1]);
    p->state = GDB_OUTSIDE;
    p->data[p->len] = 0;
    return high < 0 || low < 0 || high * 16 + low != p->sum || p->too_long ? GDB_BAD : GDB_PACKET;
}

enum gdb_event gdb_parse(struct gdb_parser *p, u8 byte)
{
    switch (p->state) {
    case GDB_OUTSIDE:
        return outside(p, byte);
    case GDB_INSIDE:
        inside(p, byte);
        return GDB_MORE;
    case GDB_ESCAPED:
        p->sum += byte;
        p->state = GDB_INSIDE;
        add(p, byte ^ FLIP);
        return GDB_MORE;
    case GDB_SUM1:
        p->told[0] = byte;
        p->state = GDB_SUM2;
        return GDB_MORE;
    default:
        p->told[1] = byte;
        return complete(p);
    }
}

/* ---- replies ---- */

void gdb_put_byte(struct gdb_text *t, u8 byte)
{
    if (t->len == sizeof t->data)
        t->full = true;
    else
        t->data[t->len++] = (char)byte;
}

void gdb_put(struct gdb_text *t, const char *text)
{
    while (*text)
        gdb_put_byte(t, (u8)*text++);
}

void gdb_putf(struct gdb_text *t, const char *format, ...)
{
    char line[256];
    va_list ap;
    va_start(ap, format);
    vsnprintf(line, sizeof line, format, ap);
    va_end(ap);
    gdb_put(t, line);
}

void gdb_put_hex(struct gdb_text *t, const void *data, size_t len)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < len; i++) {
        u8 byte = ((const u8 *)data)[i];
        gdb_put_byte(t, (u8)digits[byte >> 4]);
        gdb_put_byte(t, (u8)digits[byte & 15]);
    }
}

size_t gdb_frame(const struct gdb_text *t, u8 *out)
{
    size_t n = 0;
    u8 sum = 0;
    out[n++] = '$';
    for (size_t i = 0; i < t->len; i++) {
        u8 byte = (u8)t->data[i];
        bool escape = byte == '#' || byte == '$' || byte == '*' || byte == ESCAPE;
        if (escape) {
            out[n++] = ESCAPE;
            sum += ESCAPE;
            byte ^= FLIP;
        }
        out[n++] = byte;
        sum += byte;
    }
    return n + (size_t)sprintf((char *)out + n, "#%02x", sum);
}

/* ---- reading commands ---- */

bool gdb_take(struct gdb_in *in, const char *text)
{
    size_t n = strlen(text);
    if (in->left < n || memcmp(in->p, text, n) != 0)
        return false;
    in->p += n;
    in->left -= n;
    return true;
}

bool gdb_take_number(struct gdb_in *in, u64 *value)
{
    size_t n = 0;
    u64 v = 0;
    for (; n < in->left && digit(in->p[n]) >= 0; n++)
        v = v << 4 | (u64)digit(in->p[n]);
    if (n == 0 || n > 16)
        return false;
    in->p += n;
    in->left -= n;
    *value = v;
    return true;
}

bool gdb_take_hex(struct gdb_in *in, void *data, size_t len)
{
    if (len > in->left / 2)
        return false;
    for (size_t i = 0; i < 2 * len; i++)
        if (digit(in->p[i]) < 0)
            return false;
    for (size_t i = 0; i < len; i++)
        ((u8 *)data)[i] = (u8)(digit(in->p[2 * i]) << 4 | digit(in->p[2 * i + 1]));
    in->p += 2 * len;
    in->left -= 2 * len;
    return true;
}
