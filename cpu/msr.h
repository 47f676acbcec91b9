/*
 * msr.h - numbers and bits of model-specific registers that more than one file needs.
 * Private to cpu/; the table that says which model has which is in msr.c.
 *
 * SDM vol. 4.
 */
#ifndef OMBRA_CPU_MSR_H
#define OMBRA_CPU_MSR_H

#include "base/types.h"

enum {
    APIC_BASE_BSP = 1 << 8,
    APIC_BASE_ENABLE = 1 << 11,
};
#define APIC_BASE_RESET 0xFEE00000u
#define PAT_RESET 0x0007040600070406ull

/* MISC_ENABLE of the Pentium 4: fast strings; no branch trace store, no precise event sampling. */
#define MISC_ENABLE_RESET ((u64)BIT(0) | BIT(11) | BIT(12))

#endif
