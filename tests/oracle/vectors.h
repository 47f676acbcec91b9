/*
 * vectors.h - recorded cases: what some processor made of them, for hosts that have no native runner.
 *
 *   oracle --runner build-release/tests/oracle/oracle_runner --record tests/oracle/vectors.bin --seed 20 --cases 300
 *   oracle --replay tests/oracle/vectors.bin
 *
 * The first line makes the file again, on x86-64; that is needed when isa.def gets a row that user mode can judge. The
 * file holds the cases themselves, rows by name, so a change of the generator or of the order of rows does not matter.
 *
 * Layout, little-endian: "OmbraVec", version, cases asked for in each row, seed, number of rows, text about the
 * processor (struct vectors_info); a block with the state and the memory that cases are told as differences from; a
 * block for each row. A block is name, number of cases, size, packed size, and zlib data: the fields of all cases, one
 * column after the other, because values of one field pack well together.
 */
#ifndef OMBRA_TESTS_ORACLE_VECTORS_H
#define OMBRA_TESTS_ORACLE_VECTORS_H

#include "base/types.h"
#include "tests/oracle/proto.h"

struct vectors_info {
    u32 cases; /* asked for in each row */
    u32 rows;
    u64 seed;
    char cpu[96];
};

struct vectors;

/* For recording. PRISTINE: the data pages before each case. NULL without memory. */
struct vectors *vectors_create(const struct vectors_info *info, const u8 *pristine);

/* Appends a case; those of one row come one after the other. */
void vectors_add(struct vectors *v, const struct oracle_case *c, const struct oracle_result *r);

/* True if both results are the same in all that is recorded. */
bool vectors_same(const struct oracle_case *c, const struct oracle_result *a, const struct oracle_result *b);

/* Writes all of it to PATH. 0, or -1 after a message. */
int vectors_save(struct vectors *v, const char *path);

/* For replaying. NULL after a message about what is wrong with the file. */
struct vectors *vectors_open(const char *path);
const struct vectors_info *vectors_info(const struct vectors *v);
const u8 *vectors_pristine(const struct vectors *v);

/* The next row: its number in this build's table, 0 if it has none of that name (*NAME tells which), -1 at the end, -2
 * after a message about a damaged file. */
int vectors_row(struct vectors *v, const char **name);

/* The next case of the row. 1, 0 when there is none any more, -2 after a message. */
int vectors_case(struct vectors *v, struct oracle_case *c, struct oracle_result *r);

void vectors_free(struct vectors *v);

#endif
