/*
 * fuzz_ports.c - the devices of a whole machine: reads and writes of 1, 2 and 4 bytes to ports, registers in memory and
 * PCI configuration, descriptors in RAM, time that passes, keys, mouse, serial bytes and media that come and go.
 *
 * An input is a list of steps: one byte says which, the rest are its arguments.
 */
#define _GNU_SOURCE /* memfd_create */
#include "tests/fuzz/machine.h"

enum { STEPS_MAX = 2000, RUN_MAX = 4096, PAUSES = 4 };

/* Where devices answer: most of the 64 Ki ports are nobody's. */
static const struct range {
    u32 first;
    u16 count;
} ports[] = {
    {0x00, 16}, {0x20, 2},  {0x40, 4},   {0x60, 5},   {0x70, 4},    {0x80, 16}, {0x92, 1},   {0xA0, 2},
    {0xB2, 2},  {0xC0, 32}, {0xE9, 1},   {0xF0, 16},  {0x170, 8},   {0x1CE, 4}, {0x1F0, 8},  {0x2F8, 8},
    {0x376, 1}, {0x378, 4}, {0x3B0, 16}, {0x3C0, 32}, {0x3F0, 8},   {0x3F8, 8}, {0x402, 1},  {0x4D0, 2},
    {0x510, 2}, {0x514, 8}, {0x600, 64}, {0x700, 32}, {0xC000, 16}, {0xCF8, 8}, {0xAFE0, 4}, {0x1F0, 1},
    {0x170, 1}, {0x3F5, 1}, {0x64, 1},   {0x1F7, 1},  {0x177, 1},   {0x3F7, 1}, {0x8900, 1},
};

static const struct range registers[] = {
    {0xFEC00000, 0x40},   {0xFEE00000, 0x400}, {0xA0000, 0xFFFF}, {0xB8000, 0x8000},
    {0xE0000000, 0xFFFF}, {0xC0000, 0xFFFF},   {0xF0000, 0xFFFF}, {0xFFFF0000, 0xFFFF},
};

enum step {
    STEP_IN,
    STEP_OUT,
    STEP_ANY_PORT,
    STEP_LOAD,
    STEP_STORE,
    STEP_RAM,
    STEP_PCI,
    STEP_TIME,
    STEP_RUN,
    STEP_INPUT,
    STEP_SERIAL,
    STEP_MEDIA,
    STEP_DRAW,
    STEP_REPEAT_OUT,
    STEP_RESET,
    STEPS,
};

struct rig {
    struct fuzz_machine m;
    struct cpu *cpu;
    struct physmem *phys;
    struct display_frame frame;
    struct display_text text;
};

static u32 address(struct fuzz_in *in, const struct range *table, unsigned count)
{
    const struct range *r = &table[fuzz_take8(in) % count];
    return r->first + (r->count > 256 ? fuzz_take16(in) : fuzz_take8(in)) % r->count;
}

static u16 port(struct fuzz_in *in)
{
    return (u16)address(in, ports, ARRAY_LEN(ports));
}

static void out(struct rig *r, u16 port, u32 value, unsigned size)
{
    r->cpu->host.out(r->cpu->host.ctx, port, value, size);
}

static void in_port(struct rig *r, u16 port, unsigned size)
{
    u32 v = r->cpu->host.in(r->cpu->host.ctx, port, size);
    fuzz_check(size == 4 || v >> 8 * size == 0);
}

/* One access within a page, as the processor makes it. */
static u32 within_page(u32 addr, unsigned size)
{
    return (addr & 4095) + size > 4096 ? addr & ~7u : addr;
}

static void store(struct rig *r, struct fuzz_in *in, unsigned size)
{
    u32 addr = within_page(address(in, registers, ARRAY_LEN(registers)), size);
    u32 value = (u32)fuzz_take(in, size);
    phys_write(r->phys, addr, &value, size);
}

static void load(struct rig *r, struct fuzz_in *in, unsigned size)
{
    u32 addr = within_page(address(in, registers, ARRAY_LEN(registers)), size), value;
    phys_read(r->phys, addr, &value, size);
}

/* Configuration mechanism 1, all functions of bus 0; the bases and command registers more often than others. */
static void pci(struct rig *r, struct fuzz_in *in, unsigned size)
{
    static const u8 functions[] = {0x00, 0x08, 0x09, 0x0B, 0x10, 0x0A};
    u8 where = fuzz_take8(in), reg = fuzz_take8(in);
    u8 devfn = where & 0x80 ? where & 0x7F : functions[where % ARRAY_LEN(functions)];
    out(r, 0xCF8, 0x80000000u | (u32)devfn << 8 | (reg & 0xFC), 4);
    if (where & 0x40)
        in_port(r, (u16)(0xCFC + (reg & (4 - size))), size);
    else
        out(r, (u16)(0xCFC + (reg & (4 - size))), (u32)fuzz_take(in, size), size);
}

static void pass_time(struct rig *r, struct fuzz_in *in)
{
    u8 how = fuzz_take8(in);
    struct clock *clock = pc_clock(r->m.pc);
    u64 next = pc_next_event(r->m.pc), soon = clock_now(clock) + (BIT64(how & 31) | (how >> 5) * 100);
    pc_skip_to(r->m.pc, how & 1 && next < soon + NS_PER_SEC ? next : soon);
}

static void person(struct rig *r, struct fuzz_in *in)
{
    const struct input_sink *input = pc_input(r->m.pc);
    u8 what = fuzz_take8(in), value = fuzz_take8(in);
    if (what == 0)
        pc_power_button(r->m.pc);
    else if (what < 128)
        input->key(input->ctx, (enum key)(value ? value : 1), what & 1);
    else
        input->mouse(input->ctx, (s8)value * 50, (s8)what * 50, what % 3 - 1, value & 7);
}

static void serial(struct rig *r, struct fuzz_in *in)
{
    const struct char_sink *s = pc_serial(r->m.pc, fuzz_take8(in) & 1);
    u8 data[64];
    size_t n = MIN((size_t)fuzz_take8(in) % sizeof data, s->room(s->ctx));
    for (size_t i = 0; i < n; i++)
        data[i] = fuzz_take8(in);
    s->receive(s->ctx, data, n);
}

static void media(struct rig *r, struct fuzz_in *in)
{
    u8 how = fuzz_take8(in);
    if (how & 1)
        pc_change_floppy(r->m.pc, how >> 2 & 1, how & 2 ? &r->m.floppy.block : NULL);
    else
        pc_change_cd(r->m.pc, how >> 2 & 3, how & 2 ? &r->m.cd.block : NULL);
}

static void draw(struct rig *r)
{
    const struct display_source *d = pc_display(r->m.pc);
    d->draw(d->ctx, &r->frame);
    fuzz_check(r->frame.width <= DISPLAY_MAX_WIDTH && r->frame.height <= DISPLAY_MAX_HEIGHT);
    if (d->text(d->ctx, &r->text))
        fuzz_check((size_t)r->text.cols * r->text.rows * 2 <= sizeof r->text.cells);
}

static void ram(struct rig *r, struct fuzz_in *in)
{
    u32 addr = (fuzz_take16(in) << 4) % FUZZ_RAM;
    u8 data[16];
    for (unsigned i = 0; i < sizeof data; i++)
        data[i] = fuzz_take8(in);
    phys_write(r->phys, addr, data, sizeof data);
}

/* A sector to a data port, a palette to the DAC: the same port many times. */
static void repeat(struct rig *r, struct fuzz_in *in, unsigned size)
{
    u16 at = port(in);
    u8 what = fuzz_take8(in);
    u32 value = fuzz_take32(in);
    for (unsigned n = 4u << (what & 7); n > 0; n--, value = value * 5 + 1) {
        if (what & 0x80)
            in_port(r, at, size);
        else
            out(r, at, value, size);
    }
}

static void any_port(struct rig *r, struct fuzz_in *in, unsigned size)
{
    u16 at = fuzz_take16(in);
    in_port(r, at, size);
    out(r, at, (u32)fuzz_take(in, size), size);
}

static void take_step(struct rig *r, struct fuzz_in *in)
{
    u8 what = fuzz_take8(in);
    unsigned size = 1u << (what >> 4) % 3;
    u16 at;
    switch ((enum step)((what & 15) % STEPS)) {
    case STEP_IN:
        in_port(r, port(in), size);
        break;
    case STEP_OUT:
        at = port(in);
        out(r, at, (u32)fuzz_take(in, size), size);
        break;
    case STEP_ANY_PORT:
        any_port(r, in, size);
        break;
    case STEP_LOAD:
        load(r, in, size);
        break;
    case STEP_STORE:
        store(r, in, size);
        break;
    case STEP_RAM:
        ram(r, in);
        break;
    case STEP_PCI:
        pci(r, in, size);
        break;
    case STEP_TIME:
        pass_time(r, in);
        break;
    case STEP_RUN:
        fuzz_machine_run(&r->m, fuzz_take16(in) % RUN_MAX, RUN_MAX, PAUSES);
        break;
    case STEP_INPUT:
        person(r, in);
        break;
    case STEP_SERIAL:
        serial(r, in);
        break;
    case STEP_MEDIA:
        media(r, in);
        break;
    case STEP_DRAW:
        draw(r);
        break;
    case STEP_REPEAT_OUT:
        repeat(r, in, size);
        break;
    case STEP_RESET:
        pc_reset(r->m.pc);
        break;
    case STEPS:
        break;
    }
}

/* Whatever the guest did, it is a state that can be saved and loaded. */
static void check_state(struct pc *pc)
{
    struct state_buf saved = {0};
    char error[256] = "";
    fuzz_check(pc_save(pc, &saved) == 0);
    u64 hash = pc_hash(pc);
    if (pc_load(pc, &saved, error, sizeof error))
        fprintf(stderr, "cannot be loaded: %s\n", error);
    fuzz_check(!error[0] && pc_hash(pc) == hash);
    state_buf_free(&saved);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_in in = {data, size};
    struct rig *r = calloc(1, sizeof *r);
    fuzz_check(r && display_frame_init(&r->frame) == 0);
    fuzz_machine_open(&r->m, cpu_model_find("p4"));
    r->cpu = pc_cpu(r->m.pc);
    r->phys = r->cpu->mmu.phys;
    fuzz_machine_run(&r->m, 3000, 3000, 1);
    for (unsigned i = 0; i < STEPS_MAX && in.left > 0; i++)
        take_step(r, &in);
    fuzz_machine_run(&r->m, RUN_MAX, RUN_MAX, PAUSES);
    draw(r);
    if (size % 4 == 0) /* it takes longer than the rest */
        check_state(r->m.pc);
    fuzz_machine_close(&r->m);
    display_frame_free(&r->frame);
    free(r);
    return 0;
}

/* ---- seeds ---- */

/* Index of the range that begins at FIRST. */
static u8 range_of(u32 first)
{
    for (u8 i = 0; i < ARRAY_LEN(ports); i++)
        if (ports[i].first == first)
            return i;
    abort();
}

static u8 *put_out(u8 *p, u32 first, u8 offset, u8 value)
{
    const u8 step[] = {STEP_OUT, range_of(first), offset, value};
    memcpy(p, step, sizeof step);
    return p + sizeof step;
}

static u8 *put_time(u8 *p)
{
    const u8 step[] = {STEP_TIME, 0x15, STEP_TIME, 0x15, STEP_RUN, 100, 0};
    memcpy(p, step, sizeof step);
    return p + sizeof step;
}

/* 512 bytes in or out of the disk's data port, two at a time. */
static u8 *put_sector(u8 *p, u32 base, bool read)
{
    const u8 step[] = {STEP_REPEAT_OUT | 0x10, range_of(base), 0, (u8)(read ? 0x86 : 6), 1, 2, 3, 4};
    memcpy(p, step, sizeof step);
    return p + sizeof step;
}

static u8 *seed_disk(u8 *p, u8 command)
{
    static const u8 registers_of[] = {1, 1, 0, 0, 0xE0};
    for (u8 i = 0; i < sizeof registers_of; i++)
        p = put_out(p, 0x1F0, (u8)(i + 2), registers_of[i]);
    p = put_time(put_out(p, 0x1F0, 7, command));
    return put_time(put_sector(p, 0x1F0, command == 0x20));
}

/* A packet command: INQUIRY, or READ (10). */
static u8 *seed_cd(u8 *p, u8 command)
{
    p = put_out(p, 0x170, 6, 0xA0);
    p = put_out(put_out(p, 0x170, 4, 0), 0x170, 5, 8);
    p = put_time(put_out(p, 0x170, 7, 0xA0));
    for (unsigned i = 0; i < 6; i++) {
        const u8 step[] = {STEP_OUT | 0x10, range_of(0x170), 0, i ? 0 : command, i == 4 ? 1 : 0};
        memcpy(p, step, sizeof step);
        p += sizeof step;
    }
    return put_sector(put_time(p), 0x170, true);
}

/* DMA channel 2 to 2000h, then the floppy controller: recalibrate, read a sector. */
static u8 *seed_floppy(u8 *p)
{
    static const u8 dma[][2] = {{0xC, 0}, {4, 0}, {4, 0x20}, {5, 0xFF}, {5, 1}, {0xB, 0x46}, {0xA, 2}};
    static const u8 fifo[] = {7, 0, 8, 0xE6, 0, 0, 0, 1, 2, 18, 27, 0xFF};
    for (unsigned i = 0; i < ARRAY_LEN(dma); i++)
        p = put_out(p, 0, dma[i][0], dma[i][1]);
    p = put_time(put_out(p, 0x3F0, 2, 0x1C));
    for (unsigned i = 0; i < sizeof fifo; i++) {
        p = put_out(p, 0x3F0, 5, fifo[i]);
        p = i == 1 || i + 1 == sizeof fifo ? put_time(p) : p;
    }
    return p;
}

static u8 *seed_vga(u8 *p)
{
    static const u16 vbe[][2] = {{1, 320}, {2, 200}, {3, 8}, {4, 0x41}};
    for (unsigned i = 0; i < ARRAY_LEN(vbe); i++) {
        const u8 step[] = {STEP_OUT | 0x10, range_of(0x1CE), 0, (u8)vbe[i][0], 0,
                           STEP_OUT | 0x10, range_of(0x1CE), 1, (u8)vbe[i][1], (u8)(vbe[i][1] >> 8),
                           STEP_DRAW};
        memcpy(p, step, sizeof step);
        p += sizeof step;
    }
    p = put_out(put_out(p, 0x3C0, 4, 4), 0x3C0, 5, 0x0E);
    p = put_out(put_out(p, 0x3C0, 14, 6), 0x3C0, 15, 5);
    *p++ = STEP_DRAW;
    return p;
}

static u8 *seed_timer(u8 *p)
{
    p = put_out(put_out(put_out(p, 0x40, 3, 0x34), 0x40, 0, 0), 0x40, 0, 1);
    p = put_out(put_out(p, 0x70, 0, 0x0B), 0x70, 1, 0x42);
    p = put_out(put_out(p, 0x60, 4, 0xD4), 0x60, 0, 0xF4);
    p = put_out(put_out(p, 0x3F8, 1, 0xF), 0x3F8, 0, 'x');
    return put_time(p);
}

size_t fuzz_seed(unsigned n, u8 *out)
{
    switch (n) {
    case 0:
        return (size_t)(seed_disk(out, 0x20) - out);
    case 1:
        return (size_t)(seed_disk(out, 0x30) - out);
    case 2:
        return (size_t)(seed_cd(out, 0x12) - out);
    case 3:
        return (size_t)(seed_cd(out, 0x28) - out);
    case 4:
        return (size_t)(seed_floppy(out) - out);
    case 5:
        return (size_t)(seed_vga(out) - out);
    case 6:
        return (size_t)(seed_timer(out) - out);
    default:
        return 0;
    }
}
