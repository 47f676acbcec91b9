/*
 * pc_mem.h - the memory map of the machine: RAM, ROMs, BIOS shadowing, SMRAM, and the bus table's memory half.
 * Used by pc.c only.
 */
#ifndef OMBRA_HW_PC_MEM_H
#define OMBRA_HW_PC_MEM_H

#include "base/bus.h"
#include "softmmu/phys.h"

/* RAM below 4 GiB ends here at the latest; above are PCI, APICs and the BIOS. */
#define PC_LOW_RAM_MAX ((u64)0xE0000000)

enum { PC_PAM_SEGMENTS = 13, PC_RAM_BLOCKS = 16 };

struct pc_mem {
    struct physmem phys;
    u64 ram;               /* bytes in all */
    u32 ram_frame;         /* first frame of RAM */
    int pam[PC_PAM_SEGMENTS];
    int smram;             /* handle while SMRAM is visible at A0000h, else 0 */
    bool smram_open, smram_enabled, smm;
    struct {
        u32 frame;
        u64 size;
    } block[PC_RAM_BLOCKS]; /* bus->ram_alloc */
    unsigned blocks;
};

/* 0, or -ENOMEM. */
int pc_mem_init(struct pc_mem *m, struct log *log, u64 ram, const u8 *bios, size_t bios_size);
void pc_mem_free(struct pc_mem *m);

/* RAM below 4 GiB and above, in bytes. */
u64 pc_mem_low(const struct pc_mem *m);
u64 pc_mem_high(const struct pc_mem *m);

/* From the host bridge and the processor. */
void pc_mem_pam(struct pc_mem *m, u32 base, u32 size, bool read_ram, bool write_ram);
void pc_mem_smram(struct pc_mem *m, bool open, bool enabled);
void pc_mem_smm(struct pc_mem *m, bool active);

/* Fills the memory functions of a bus whose ctx leads to M through mem_of(). */
void pc_mem_fill_bus(struct bus *bus);

/* Provided by pc.c: the pc_mem behind a bus's ctx. */
struct pc_mem *pc_mem_of(void *bus_ctx);

#endif
