/*
 * differences.h - where this host's silicon may differ from the processors that are modelled, each with its reason.
 */
#ifndef OMBRA_TESTS_ORACLE_DIFFERENCES_H
#define OMBRA_TESTS_ORACLE_DIFFERENCES_H

#include "base/types.h"
#include "tests/oracle/proto.h"

enum { MASK_RANGES = 8 };

/* What of one case is judged. */
struct mask {
    bool skip; /* nothing is */
    bool vector, ip, error, cr2;
    bool pointers; /* FOP, FIP, FDP */
    bool memory;
    u32 eflags;      /* bits that must agree */
    u32 r[8];        /* bits that need not */
    u16 fsw;         /* bits that must agree */
    bool x87;        /* tags and registers */
    u32 st_ulps;     /* by how many units in the last place x87 results may be off */
    bool xmm_approx; /* singles to a relative error of 1.5 * 2^-12 */
    struct {
        u16 off, len; /* in the data pages */
    } ignored[MASK_RANGES];
    unsigned ranges;
};

/*
 * What must agree: undefined flags are masked by isa.def, then the table of differences is applied. USED[i] counts the
 * cases to which entry i applied; it has difference_count() elements.
 */
void mask_for(struct mask *m, const struct oracle_case *c, const struct oracle_result *silicon,
              const struct oracle_result *ours, u32 *used);

unsigned difference_count(void);
const char *difference_reason(unsigned i);

/* True if the byte at OFF of the data pages is not judged. */
bool mask_ignores(const struct mask *m, u32 off);

/* True if x87 or XMM registers that are not the same bit for bit are close enough where that is allowed. */
bool mask_near_st(const struct mask *m, const u8 *silicon, const u8 *ours);
bool mask_near_xmm(const struct mask *m, const u8 *silicon, const u8 *ours);

#endif
