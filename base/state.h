/*
 * state.h - state has a name. A module describes its state as a table of fields;
 * save states, the state hash, lockstep diffs, the stepper's register views and
 * replay all walk the same tables.
 *
 * A file is a sequence of chunks {name, version, fields}. Fields are found by
 * name: unknown ones are skipped, missing ones keep the value that reset gave.
 * All numbers are little-endian. A reader trusts no length.
 */
#ifndef OMBRA_BASE_STATE_H
#define OMBRA_BASE_STATE_H

#include "base/types.h"

enum field_kind {
    FIELD_UINT,   /* unsigned, 1, 2, 4 or 8 bytes (enums too) */
    FIELD_BYTES,  /* an opaque array of bytes */
    FIELD_STRUCT, /* COUNT structs described by SUB */
    FIELD_TIMER,  /* a struct timer: its deadline */
    FIELD_BOOL,   /* a bool: a file that has neither 0 nor 1 is refused */
};

struct field {
    const char *name;
    enum field_kind kind;
    u32 offset; /* in the struct */
    u32 size;   /* bytes of one element */
    u32 count;  /* elements */
    const struct field *sub;
};

/* Rows of a field table. FIELD(struct pit, latch) */
#define FIELD_SCALAR(member)                                                                           \
    (__builtin_types_compatible_p(__typeof__(member), _Bool) ? FIELD_BOOL : FIELD_UINT)
#define FIELD(s, m) {#m, FIELD_SCALAR(((s *)0)->m), offsetof(s, m), sizeof(((s *)0)->m), 1, NULL}
#define FIELD_ARRAY(s, m)                                                                              \
    {#m, FIELD_SCALAR(((s *)0)->m[0]), offsetof(s, m), sizeof(((s *)0)->m[0]), sizeof(((s *)0)->m) / sizeof(((s *)0)->m[0]), NULL}
#define FIELD_BLOB(s, m) {#m, FIELD_BYTES, offsetof(s, m), sizeof(((s *)0)->m), 1, NULL}
#define FIELD_SUB(s, m, table) {#m, FIELD_STRUCT, offsetof(s, m), sizeof(((s *)0)->m), 1, table}
#define FIELD_SUBS(s, m, table)                                                                        \
    {#m, FIELD_STRUCT, offsetof(s, m), sizeof(((s *)0)->m[0]), sizeof(((s *)0)->m) / sizeof(((s *)0)->m[0]), table}
#define FIELD_TIMEOUT(s, m) {#m, FIELD_TIMER, offsetof(s, m), sizeof(((s *)0)->m), 1, NULL}
#define FIELD_END {NULL, FIELD_UINT, 0, 0, 0, NULL}

struct device_ops;

/* A growing byte buffer with a write or read position. */
struct state_buf {
    u8 *data;
    size_t len, cap, pos;
    bool failed; /* out of memory or ran past the end; sticky */
};

void state_buf_free(struct state_buf *b);

/* Appends one chunk NAME with the fields of OBJ. */
void state_save(struct state_buf *b, const char *name, u16 version, const struct field *fields, const void *obj);

/* Appends one chunk that holds LEN raw bytes, zlib-compressed (guest RAM, video RAM). */
void state_save_raw(struct state_buf *b, const char *name, const void *data, u64 len);

/* Finds chunk NAME in a complete, checked buffer and loads its fields into OBJ. Returns 0, -ENOENT (no such chunk; OBJ
 * untouched), -EINVAL (damaged), -ENOTSUP (written by a newer VERSION). */
int state_load(const struct state_buf *b, const char *name, u16 version, const struct field *fields, void *obj);
int state_load_raw(const struct state_buf *b, const char *name, void *data, u64 len);

/* Checks the framing of all chunks: every length inside the buffer, names sane. 0 or -EINVAL. */
int state_check(const struct state_buf *b);

/* Whole file with magic, format version and CRC. 0 or -errno; on error nothing is half-written (temporary file + rename). */
int state_write_file(const struct state_buf *b, const char *path);
int state_read_file(struct state_buf *b, const char *path);

/* A 64-bit hash over the fields, mixed into SEED. Equal states have equal hashes on every host. */
u64 state_hash(u64 seed, const struct field *fields, const void *obj);
u64 state_hash_bytes(u64 seed, const void *data, size_t len);

/* Calls FN for each scalar (and once for each blob) with its dotted path ("pit.ch[0].latch"): for views and diffs. */
void state_walk(const char *prefix, const struct field *fields, const void *obj,
                void (*fn)(void *ctx, const char *path, const struct field *f, const void *p), void *ctx);

#endif
