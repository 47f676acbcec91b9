/*
 * emu.h - runs the oracle's cases in the interpreter or by translated code: a processor at CPL 3 under PAE paging with the
 * segments and pages that the native runner has, and nothing else that user mode can reach.
 */
#ifndef OMBRA_TESTS_ORACLE_EMU_H
#define OMBRA_TESTS_ORACLE_EMU_H

#include "base/types.h"
#include "tests/oracle/proto.h"

struct emu;

/* What a result has as its vector when a case came neither to ORACLE_EXIT nor to an exception. */
enum { EMU_LOST = -2 };

/*
 * PRISTINE: the data pages as they are before each case. SOFT: all floating point in software. MODE: of the tests
 * (tests/unit/engine_mode.h), NULL for the interpreter alone. NULL without memory.
 */
struct emu *emu_new(const u8 *pristine, bool soft, const char *mode);
void emu_free(struct emu *e);

void emu_run(struct emu *e, const struct oracle_case *c, struct oracle_result *r);

/* Cases whose instruction had a translation. */
u64 emu_translated(const struct emu *e);

#endif
