/*
 * symbols.h - names for linear addresses, from files beside the guest: a Linux System.map or what nm prints, or the
 * symbol table of a 32-bit ELF file (a kernel, vmlinux, a test program).
 *
 * The stepper, traces and whoever else shows addresses ask it. What is found stays valid until more is loaded.
 */
#ifndef OMBRA_FRONTEND_SYMBOLS_H
#define OMBRA_FRONTEND_SYMBOLS_H

#include "base/types.h"

/* How far behind the last name before it an address is still called by it. */
enum { SYMBOLS_REACH = 1 << 16 };

struct symbol {
    u64 addr, end; /* what is in [ADDR, END) is called by this name; never empty */
    const char *name;
};

struct symbols; /* private */

/* An empty table; NULL without memory. */
struct symbols *symbols_new(void);
void symbols_free(struct symbols *s);

/*
 * Adds what the file of SPEC, "FILE" or "FILE@OFFSET", names; OFFSET (decimal, or hexadecimal after 0x; a sign may
 * stand before it) is added to its addresses, modulo 2^32 for addresses below that. 0, or -errno with one line in
 * ERROR; then the table is as it was.
 */
int symbols_load(struct symbols *s, const char *spec, char *error, size_t error_size);

/* The same from memory; WHAT is what the file is called in ERROR. */
int symbols_parse(struct symbols *s, const char *what, const u8 *data, size_t size, u64 offset, char *error,
                  size_t error_size);

/* Here and below S may be NULL: an empty table. What ADDR is in, or NULL. ADDR - addr is the offset in it. */
const struct symbol *symbols_at(const struct symbols *s, u64 addr);

/* The symbol of that name, the lowest if there are several, or NULL. */
const struct symbol *symbols_find(const struct symbols *s, const char *name);

/* All of them by address, for lists and completion. */
size_t symbols_all(const struct symbols *s, const struct symbol **list);

/* "name" or "name+1Ah", cut to SIZE; empty if nothing is known about ADDR. Returns TO. */
const char *symbols_text(const struct symbols *s, u64 addr, char *to, size_t size);

#endif
