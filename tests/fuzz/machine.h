/*
 * machine.h - a small whole machine for the fuzz targets: 2 MiB, every device, a drive of each kind in memory and a
 * BIOS of a few instructions, which acknowledges every interrupt and waits for the next one.
 */
#ifndef OMBRA_TESTS_FUZZ_MACHINE_H
#define OMBRA_TESTS_FUZZ_MACHINE_H

#include "hw/pc.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/engine_mode.h"
#include "tests/unit/mem_block.h"

enum {
    FUZZ_RAM = 2 << 20,
    FUZZ_BIOS = 64 << 10,
    FUZZ_BIOS_START = 0xE000,
    FUZZ_BIOS_HANDLER = 0xE080,
    FUZZ_FLOPPY = 360 << 10,
    FUZZ_DISK = 63 << 10, /* one cylinder of 2 heads and 63 sectors */
    FUZZ_CD = 64 << 10,
};

struct fuzz_machine {
    struct pc *pc;
    struct mem_block floppy, disk, cd;
    u8 bios[FUZZ_BIOS];
};

static inline void fuzz_bios(u8 *bios)
{
    static const u8 start[] = {
        0x31, 0xC0, 0x8E, 0xC0, 0x8E, 0xD0, 0xBC, 0x00, 0x70, /* xor ax,ax; mov es,ax; mov ss,ax; mov sp,7000h */
        0x31, 0xFF, 0xFC, 0xB9, 0x00, 0x01,                   /* xor di,di; cld; mov cx,256 */
        0xB8, 0x80, 0xE0, 0xAB,                               /* vector: mov ax,E080h; stosw */
        0xB8, 0x00, 0xF0, 0xAB, 0xE2, 0xF6,                   /* mov ax,F000h; stosw; loop vector */
        0xFB, 0xF4, 0xEB, 0xFC,                               /* wait: sti; hlt; jmp wait */
    };
    static const u8 handler[] = {0x50, 0xB0, 0x20, 0xE6, 0xA0, 0xE6, 0x20, 0x58, 0xCF}; /* EOI to both 8259s; iret */
    static const u8 reset[] = {0xEA, 0x00, 0xE0, 0x00, 0xF0};                           /* jmp F000:E000 */
    memset(bios, 0xF4, FUZZ_BIOS);
    memcpy(bios + FUZZ_BIOS_START, start, sizeof start);
    memcpy(bios + FUZZ_BIOS_HANDLER, handler, sizeof handler);
    memcpy(bios + 0xFFF0, reset, sizeof reset);
}

/* The machine around M's media. */
static inline struct pc_config fuzz_machine_config(struct fuzz_machine *m, const struct cpu_model *cpu)
{
    fuzz_bios(m->bios);
    mem_block_init(&m->floppy, FUZZ_FLOPPY, 512);
    mem_block_init(&m->disk, FUZZ_DISK, 512);
    mem_block_init(&m->cd, FUZZ_CD, 2048);
    m->cd.block.readonly = true;
    return (struct pc_config){
        .cpu = cpu,
        .ram = FUZZ_RAM,
        .bios = m->bios,
        .bios_size = FUZZ_BIOS,
        .drive = {{.kind = PC_DRIVE_DISK, .block = &m->disk.block, .cylinders = 1, .heads = 2, .sectors = 63},
                  {.kind = PC_DRIVE_NONE},
                  {.kind = PC_DRIVE_CD, .block = &m->cd.block}},
        .floppy = {&m->floppy.block},
        .serial_present = {true, true},
        .apic = true,
        .exit_port = true,
    };
}

static inline void fuzz_machine_new(struct fuzz_machine *m, const struct pc_config *config)
{
    char error[256] = "";
    m->pc = pc_new(config, error, sizeof error);
    if (!m->pc)
        fprintf(stderr, "%s\n", error);
    fuzz_check(m->pc);
}

/* VERIFY: NULL, or who is told how the engine differs from the interpreter. */
static inline void fuzz_machine_open_with(struct fuzz_machine *m, const struct cpu_model *cpu, enum pc_engine engine,
                                          const struct engine_observer *verify)
{
    struct pc_config config = fuzz_machine_config(m, cpu);
    config.engine = engine;
    config.engine_cache = ENGINE_CACHE_MIN;
    config.engine_verify = verify;
    config.engine_observer = verify;
    fuzz_machine_new(m, &config);
}

/* In the mode of the tests. */
static inline void fuzz_machine_open(struct fuzz_machine *m, const struct cpu_model *cpu)
{
    struct pc_config config = fuzz_machine_config(m, cpu);
    test_engine_pc(&config);
    fuzz_machine_new(m, &config);
}

static inline void fuzz_machine_close(struct fuzz_machine *m)
{
    pc_free(m->pc);
    block_close(&m->floppy.block);
    block_close(&m->disk.block);
    block_close(&m->cd.block);
}

/* Runs COUNTS, at most SLICE at a time; waiting is skipped, but not more than PAUSES times. False if the machine ended
 * by itself. */
static inline bool fuzz_machine_run(struct fuzz_machine *m, u64 counts, u64 slice, unsigned pauses)
{
    struct cpu *c = pc_cpu(m->pc);
    u64 end = cpu_count(c) + counts, now;
    while ((now = cpu_count(c)) < end) {
        enum pc_stop stop = pc_run(m->pc, MIN(slice, end - now));
        u64 next = pc_next_event(m->pc);
        if (stop == PC_IDLE && next != CLOCK_NEVER && pauses-- > 0)
            pc_skip_to(m->pc, next);
        else if (stop != PC_BUDGET)
            return false;
        else
            fuzz_check(cpu_count(c) <= end);
    }
    return true;
}

#endif
