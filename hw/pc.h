/*
 * pc.h - one whole machine: a PC with the 440FX chipset, built from a config.
 *
 * Frontends and tests own it. All calls come from one thread, the emulation thread,
 * and between pc_run() calls; two machines in one process do not know of each other.
 */
#ifndef OMBRA_HW_PC_H
#define OMBRA_HW_PC_H

#include "base/block.h"
#include "base/chardev.h"
#include "base/clock.h"
#include "base/device.h"
#include "base/display.h"
#include "base/input.h"
#include "base/log.h"
#include "cpu/cpu.h"

enum { PC_DRIVES = 4, PC_FLOPPIES = 2, PC_SERIALS = 4, PC_RATE_PS = 2500 /* 400 million counts a second */ };

/* What hangs on one IDE position: 0 primary master, 1 primary slave, 2 secondary master, 3 secondary slave. */
struct pc_drive {
    enum { PC_DRIVE_NONE, PC_DRIVE_DISK, PC_DRIVE_CD } kind;
    struct block *block; /* NULL: CD drive without a disc. Stays the caller's */
    u32 cylinders;       /* disks: shape, and what the BIOS is told of it */
    u8 heads, sectors;
    bool large;          /* translate by heads (LARGE) instead of LBA-assisted */
};

enum pc_engine { PC_INTERP, PC_IR, PC_JIT };

enum { PC_ENGINE_CACHE = 32 << 20 };

struct pc_config {
    const struct cpu_model *cpu;
    u64 ram;                 /* bytes, a multiple of 1 MiB */
    const u8 *bios;          /* system BIOS image, 64 KiB to 16 MiB, multiple of 64 KiB */
    size_t bios_size;
    const u8 *vgabios;       /* NULL: none */
    size_t vgabios_size;
    const u8 *boot_rom;      /* option ROM that loads a kernel from the items below (bootrom.h), or NULL */
    size_t boot_rom_size;
    struct pc_fw_item {
        u16 key;
        const u8 *data;
        size_t size;
    } fw_item[4];            /* fw_cfg items for the boot ROM; data stays the caller's */
    struct pc_drive drive[PC_DRIVES];
    struct block *floppy[PC_FLOPPIES]; /* NULL: drive A: is there, empty; B: is absent */
    const char *boot_order;  /* letters a, c, d; NULL for a default */
    struct char_backend serial[PC_SERIALS]; /* write NULL: that port exists if serial_present, but goes nowhere */
    bool serial_present[PC_SERIALS];
    struct char_backend parallel;
    struct char_backend debugcon;
    s64 rtc_seconds;         /* Unix time that the clock chip shows at power-on */
    bool apic;               /* local APIC and I/O APIC */
    bool exit_port;          /* isa-debug-exit at F4h */
    bool stop_on_triple_fault;
    bool soft_float;
    enum pc_engine engine;
    unsigned engine_threshold; /* executions of a block until it is translated */
    size_t engine_cache;       /* bytes of host code, 0: a default */
    bool engine_verify;        /* the interpreter does all of it once more: PC_DIFFERS */
    const struct engine_observer *engine_observer; /* NULL, or stays the caller's */
    bool isa_vga;            /* the display adapter as an ISA card: for a BIOS that copies no PCI ROM */
    FILE *log_out;
    u32 log_topics;
};

struct pc;

/* Why pc_run() came back. */
enum pc_stop {
    PC_BUDGET,     /* the counts are done */
    PC_IDLE,       /* the processor waits, in HLT or polling the keyboard: nothing will happen before pc_next_event() */
    PC_POWER_OFF,
    PC_EXIT,       /* a test wrote port F4h: pc_exit_status() */
    PC_TRIPLE,     /* triple fault with stop_on_triple_fault */
    PC_DEAD,       /* halted with interrupts off and no timer that could end it */
    PC_DIFFERS,    /* engine_verify has found a difference; the machine stands where the interpreter has come to */
};

/* Builds a machine and resets it. NULL after a line in ERROR (of SIZE bytes) that says what is wrong. The config may go after the call, the
 * blocks and backends must stay. */
struct pc *pc_new(const struct pc_config *config, char *error, size_t size);
void pc_free(struct pc *pc);

/* RESET#: as the button on the case. */
void pc_reset(struct pc *pc);

/* Runs at most COUNTS instruction counts; timers fire on the way at their exact counts. */
enum pc_stop pc_run(struct pc *pc, u64 counts);

/* Virtual ns of the next timer, CLOCK_NEVER if none: how long an idle machine may sleep. */
u64 pc_next_event(const struct pc *pc);

/* Lets an idle machine's time pass up to NS (absolute) and fires what is due. */
void pc_skip_to(struct pc *pc, u64 ns);

/* Changes how much time an instruction takes; now stays what it is. For steering to wall time. */
void pc_set_rate(struct pc *pc, u64 rate_ps);

/* Ends pc_run() with PC_BUDGET after the current instruction (or the next one at once): for timers of the caller. */
void pc_interrupt(struct pc *pc);

/* The power button: the guest is told if it listens, else the machine goes off. */
void pc_power_button(struct pc *pc);

unsigned pc_exit_status(const struct pc *pc);

/* What the engine beside the interpreter has done (translator/engine.h), or NULL: there is none. */
struct engine_stats;
const struct engine_stats *pc_engine_stats(const struct pc *pc);

/* What engine_verify has compared, or NULL. */
struct verify_stats;
const struct verify_stats *pc_verified(const struct pc *pc);

struct cpu *pc_cpu(struct pc *pc);
struct clock *pc_clock(struct pc *pc);
struct log *pc_log(struct pc *pc);
const struct display_source *pc_display(struct pc *pc);
const struct input_sink *pc_input(struct pc *pc);
const struct char_sink *pc_serial(struct pc *pc, unsigned n);

/* Puts another medium into drive N (NULL: takes it out). 0, or -ENODEV. The old block is no longer used. */
int pc_change_floppy(struct pc *pc, unsigned n, struct block *b);
int pc_change_cd(struct pc *pc, unsigned drive, struct block *b);

/* The clock chip's memory (CMOS_BYTES = 256 bytes) for keeping it from run to run. */
void pc_cmos_get(struct pc *pc, u8 *bytes);
void pc_cmos_set(struct pc *pc, const u8 *bytes);

/* The whole machine. Loading needs a machine built from an equal config and a state that makes sense: -EINVAL with a line
 * in ERROR otherwise, and then the machine is as it was, or has been reset and memory holds parts of the state. */
int pc_save(struct pc *pc, struct state_buf *b);
int pc_load(struct pc *pc, const struct state_buf *b, char *error, size_t size);
u64 pc_hash(struct pc *pc);

/* All but memory, for checkpoints of this very machine: 0 or -ENOMEM. Loading calls MEMORY, which brings all memory back
 * to what it held when B was saved, at the right moment. */
int pc_save_parts(struct pc *pc, struct state_buf *b);
void pc_load_parts(struct pc *pc, const struct state_buf *b, void (*memory)(void *ctx), void *ctx);

/* All devices, for views: returns how many, *LIST points at them. */
unsigned pc_devices(struct pc *pc, const struct device **list);

#endif
