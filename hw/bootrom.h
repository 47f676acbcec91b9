/*
 * bootrom.h - builds the option ROM that loads a kernel through fw_cfg and starts it
 * (hw/rom/bootrom.S). Called by frontend/ when it prepares a machine.
 */
#ifndef OMBRA_HW_BOOTROM_H
#define OMBRA_HW_BOOTROM_H

#include "base/types.h"

enum { BOOTROM_MAX_LOADS = 64, BOOTROM_MAX_SIZE = 4096 };

/* LEN bytes from OFFSET of fw_cfg item KEY to guest-physical ADDR. */
struct bootrom_load {
    u16 key;
    u32 offset, len;
    u64 addr;
};

struct bootrom_script {
    bool protected_mode; /* multiboot: flat 32-bit, EAX = 2BADB002h, EBX; else Linux's real-mode entry */
    u32 entry, ebx;
    u16 real_segment, real_sp;
    unsigned loads;
    struct bootrom_load load[BOOTROM_MAX_LOADS];
};

/* Writes the finished ROM (checksums, length) to ROM, which has BOOTROM_MAX_SIZE bytes. Returns its length. */
size_t bootrom_build(const struct bootrom_script *s, u8 *rom);

#endif
