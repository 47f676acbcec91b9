/* aml.c - see aml.h. */
#include "hw/aml.h"

#include <stdlib.h>

enum {
    NAME_OP = 0x08,
    BYTE_PREFIX = 0x0A,
    WORD_PREFIX = 0x0B,
    DWORD_PREFIX = 0x0C,
    STRING_PREFIX = 0x0D,
    QWORD_PREFIX = 0x0E,
    SCOPE_OP = 0x10,
    BUFFER_OP = 0x11,
    PACKAGE_OP = 0x12,
    METHOD_OP = 0x14,
    DUAL_NAME = 0x2E,
    MULTI_NAME = 0x2F,
    EXT_OP = 0x5B,
    ARG0_OP = 0x68,
    STORE_OP = 0x70,
    AND_OP = 0x7B,
    OR_OP = 0x7D,
    CREATE_DWORD_FIELD_OP = 0x8A,
    IF_OP = 0xA0,
    RETURN_OP = 0xA4,
    EXT_REGION = 0x80,
    EXT_FIELD = 0x81,
    EXT_DEVICE = 0x82,
    EXT_PROCESSOR = 0x83,
};

enum { SPACE_PCI_CONFIG = 2, FIELD_BYTE_ACCESS = 1, METHOD_SERIALIZED = 8 };

void aml_free(struct aml *a)
{
    free(a->data);
    *a = (struct aml){0};
}

/* Opens a gap of LEN bytes at AT; NULL if there is no memory. */
static u8 *insert(struct aml *a, size_t at, size_t len)
{
    if (a->failed)
        return NULL;
    if (a->cap - a->len < len) {
        size_t cap = a->cap * 2 + len + 1024;
        u8 *data = realloc(a->data, cap);
        if (!data) {
            a->failed = true;
            return NULL;
        }
        a->data = data;
        a->cap = cap;
    }
    memmove(a->data + at + len, a->data + at, a->len - at);
    a->len += len;
    return a->data + at;
}

static void insert_bytes(struct aml *a, size_t at, const void *data, size_t len)
{
    u8 *p = insert(a, at, len);
    if (p)
        memcpy(p, data, len);
}

void aml_bytes(struct aml *a, const void *data, size_t len)
{
    insert_bytes(a, a->len, data, len);
}

static void put8(struct aml *a, u8 v)
{
    aml_bytes(a, &v, 1);
}

static void put16(struct aml *a, u16 v)
{
    aml_bytes(a, &v, 2);
}

static void put32(struct aml *a, u32 v)
{
    aml_bytes(a, &v, 4);
}

/* --- names --- */

static void put_segment(struct aml *a, const char *p, size_t len)
{
    char seg[4] = {'_', '_', '_', '_'};
    assert(len >= 1 && len <= 4);
    memcpy(seg, p, len);
    aml_bytes(a, seg, 4);
}

/* Root and parent prefixes, then one, two or more segments of four letters. */
static void put_name(struct aml *a, const char *name)
{
    while (*name == '\\' || *name == '^')
        put8(a, (u8)*name++);
    unsigned segments = *name != 0;
    for (const char *p = name; *p; p++)
        segments += *p == '.';
    if (segments == 0) {
        put8(a, 0); /* NullName: the root itself */
    } else if (segments == 2) {
        put8(a, DUAL_NAME);
    } else if (segments > 2) {
        put8(a, MULTI_NAME);
        put8(a, (u8)segments);
    }
    while (*name) {
        size_t len = strcspn(name, ".");
        put_segment(a, name, len);
        name += len + (name[len] == '.');
    }
}

/* --- bodies --- */

static void open_body(struct aml *a, bool resources)
{
    assert(a->depth < AML_DEPTH);
    a->open[a->depth].start = a->len;
    a->open[a->depth].resources = resources;
    a->depth++;
}

/*
 * PkgLength counts itself: one byte for up to 63, else the low 4 bits in the first byte and 8 more in each of one to
 * three that follow.
 */
static unsigned encode_pkg_length(u8 out[4], size_t content)
{
    if (content + 1 < 64) {
        out[0] = (u8)(content + 1);
        return 1;
    }
    unsigned extra = 1;
    while ((content + 1 + extra) >> (4 + 8 * extra))
        extra++;
    size_t total = content + 1 + extra;
    out[0] = (u8)(extra << 6 | (total & 15));
    for (unsigned i = 0; i < extra; i++)
        out[1 + i] = (u8)(total >> (4 + 8 * i));
    return 1 + extra;
}

static unsigned encode_int(u8 out[9], u64 v)
{
    unsigned len = v <= 1 ? 0 : v <= 0xFF ? 1 : v <= 0xFFFF ? 2 : v <= 0xFFFFFFFFu ? 4 : 8;
    static const u8 prefix[] = {[1] = BYTE_PREFIX, [2] = WORD_PREFIX, [4] = DWORD_PREFIX, [8] = QWORD_PREFIX};
    out[0] = len ? prefix[len] : (u8)v; /* ZeroOp is 0, OneOp is 1 */
    for (unsigned i = 0; i < len; i++)
        out[1 + i] = (u8)(v >> 8 * i);
    return 1 + len;
}

void aml_end(struct aml *a)
{
    static const u8 end_tag[] = {0x79, 0x00};
    u8 bytes[9];
    assert(a->depth);
    a->depth--;
    size_t start = a->open[a->depth].start;
    if (a->open[a->depth].resources) {
        aml_bytes(a, end_tag, sizeof end_tag);
        insert_bytes(a, start, bytes, encode_int(bytes, a->len - start));
    }
    insert_bytes(a, start, bytes, encode_pkg_length(bytes, a->len - start));
}

void aml_scope(struct aml *a, const char *name)
{
    put8(a, SCOPE_OP);
    open_body(a, false);
    put_name(a, name);
}

void aml_device(struct aml *a, const char *name)
{
    put8(a, EXT_OP);
    put8(a, EXT_DEVICE);
    open_body(a, false);
    put_name(a, name);
}

void aml_method(struct aml *a, const char *name, unsigned args, bool serialized)
{
    put8(a, METHOD_OP);
    open_body(a, false);
    put_name(a, name);
    put8(a, (u8)(args | (serialized ? METHOD_SERIALIZED : 0)));
}

void aml_name(struct aml *a, const char *name)
{
    put8(a, NAME_OP);
    put_name(a, name);
}

void aml_processor(struct aml *a, const char *name, u8 id, u32 pblk, u8 pblk_len)
{
    put8(a, EXT_OP);
    put8(a, EXT_PROCESSOR);
    open_body(a, false);
    put_name(a, name);
    put8(a, id);
    put32(a, pblk);
    put8(a, pblk_len);
}

void aml_pci_config_region(struct aml *a, const char *name, u8 offset, u8 len)
{
    put8(a, EXT_OP);
    put8(a, EXT_REGION);
    put_name(a, name);
    put8(a, SPACE_PCI_CONFIG);
    aml_int(a, offset);
    aml_int(a, len);
}

void aml_field_bytes(struct aml *a, const char *region)
{
    put8(a, EXT_OP);
    put8(a, EXT_FIELD);
    open_body(a, false);
    put_name(a, region);
    put8(a, FIELD_BYTE_ACCESS);
}

void aml_field_unit(struct aml *a, const char *name, unsigned bits)
{
    assert(bits < 64);
    put_segment(a, name, strlen(name));
    put8(a, (u8)bits);
}

/* --- data --- */

void aml_int(struct aml *a, u64 value)
{
    u8 bytes[9];
    aml_bytes(a, bytes, encode_int(bytes, value));
}

void aml_string(struct aml *a, const char *text)
{
    put8(a, STRING_PREFIX);
    aml_bytes(a, text, strlen(text) + 1);
}

/* Three letters of five bits and four hex digits, the most significant byte first in memory. */
void aml_eisaid(struct aml *a, const char *id)
{
    u32 v = 0;
    assert(strlen(id) == 7);
    for (unsigned i = 0; i < 3; i++)
        v = v << 5 | (u32)(id[i] - '@');
    v = v << 16 | (u32)strtoul(id + 3, NULL, 16);
    put8(a, DWORD_PREFIX);
    put32(a, __builtin_bswap32(v));
}

void aml_ref(struct aml *a, const char *name)
{
    put_name(a, name);
}

void aml_package(struct aml *a, unsigned elements)
{
    assert(elements < 256);
    put8(a, PACKAGE_OP);
    open_body(a, false);
    put8(a, (u8)elements);
}

/* --- statements --- */

void aml_if(struct aml *a)
{
    put8(a, IF_OP);
    open_body(a, false);
}

void aml_return(struct aml *a)
{
    put8(a, RETURN_OP);
}

void aml_store(struct aml *a)
{
    put8(a, STORE_OP);
}

void aml_and(struct aml *a)
{
    put8(a, AND_OP);
}

void aml_or(struct aml *a)
{
    put8(a, OR_OP);
}

void aml_no_target(struct aml *a)
{
    put8(a, 0);
}

void aml_arg(struct aml *a, unsigned n)
{
    assert(n < 7);
    put8(a, (u8)(ARG0_OP + n));
}

void aml_create_dword_field(struct aml *a)
{
    put8(a, CREATE_DWORD_FIELD_OP);
}

/* --- resource templates (section 6.4) --- */

void aml_resources(struct aml *a)
{
    put8(a, BUFFER_OP);
    open_body(a, true);
}

void aml_res_io(struct aml *a, u16 first, u8 len)
{
    put8(a, 0x47); /* small item: I/O port */
    put8(a, 1);    /* decodes 16 bits */
    put16(a, first);
    put16(a, first);
    put8(a, 1);
    put8(a, len);
}

void aml_res_irq(struct aml *a, unsigned irq)
{
    put8(a, 0x22); /* small item: IRQ, no flags */
    put16(a, (u16)BIT(irq));
}

void aml_res_dma(struct aml *a, unsigned channel)
{
    put8(a, 0x2A);
    put8(a, (u8)BIT(channel));
    put8(a, 0);
}

void aml_res_interrupt(struct aml *a, const u32 *irqs, unsigned count)
{
    put8(a, 0x89); /* large item: extended interrupt */
    put16(a, (u16)(2 + 4 * count));
    put8(a, 0x09); /* consumer, level, active high, shared */
    put8(a, (u8)count);
    for (unsigned i = 0; i < count; i++)
        put32(a, irqs[i]);
}

enum { WINDOW_FIXED = 0x0C /* both ends fixed, positive decode, producer */, IO_ENTIRE_RANGE = 3 };

void aml_res_window16(struct aml *a, enum aml_window_kind kind, u16 first, u16 last)
{
    put8(a, 0x88); /* large item: word address space */
    put16(a, 13);
    put8(a, (u8)kind);
    put8(a, WINDOW_FIXED);
    put8(a, kind == AML_IO ? IO_ENTIRE_RANGE : 0);
    put16(a, 0); /* granularity */
    put16(a, first);
    put16(a, last);
    put16(a, 0);                       /* translation */
    put16(a, (u16)(last - first + 1)); /* 0 stands for 10000h, which nobody needs */
}

void aml_res_window32(struct aml *a, u32 first, u32 last, bool cacheable)
{
    put8(a, 0x87); /* large item: dword address space */
    put16(a, 23);
    put8(a, AML_MEMORY);
    put8(a, WINDOW_FIXED);
    put8(a, cacheable ? 0x03 : 0x01);
    put32(a, 0);
    put32(a, first);
    put32(a, last);
    put32(a, 0);
    put32(a, last - first + 1);
}
