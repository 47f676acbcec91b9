/*
 * pc_run.c - running a machine: slices between timers, idling, reset, power.
 */
#include "hw/pc_int.h"

void pc_reset(struct pc *pc)
{
    for (unsigned i = 0; i < pc->devices; i++)
        if (pc->device[i].ops->reset)
            pc->device[i].ops->reset(pc->device[i].self);
    cpu_reset(pc->cpu);
    pc_mem_smm(&pc->mem, false);
}

/* What was asked for inside the last instruction. True if the run is over. */
static bool take_requests(struct pc *pc, enum pc_stop *why)
{
    bool triple = pc->triple;
    pc->triple = false;
    if (pc->exited)
        *why = PC_EXIT;
    else if (pc->want_off)
        *why = PC_POWER_OFF;
    else if (triple && pc->stop_on_triple_fault)
        *why = PC_TRIPLE;
    else {
        if (triple || pc->want_reset)
            pc_reset(pc);
        pc->want_reset = false;
        return false;
    }
    pc->want_off = pc->exited = false;
    for (unsigned i = 0; i < PC_SERIALS; i++) /* a guest's last words */
        uart_flush(&pc->uart[i]);
    return true;
}

/* Halted: with no timer and no interrupt that could come, only a person can help. */
static enum pc_stop idle_kind(const struct pc *pc)
{
    bool deaf = pc->cpu->halt == HALT_SHUTDOWN || (pc->cpu->halt == HALT_HLT && !(pc->cpu->eflags & F_IF));
    return deaf && clock_next(&pc->clock) == CLOCK_NEVER ? PC_DEAD : PC_IDLE;
}

/* The slice ended behind HLT, and something that waits may wake the processor before another instruction. */
static bool may_wake(const struct cpu *c, bool slice_over)
{
    return slice_over && (c->attention & ~(u32)(ATT_HALT | ATT_TF));
}

enum pc_stop pc_run(struct pc *pc, u64 counts)
{
    enum pc_stop why = PC_BUDGET;
    u64 end = cpu_count(pc->cpu) + counts;
    for (;;) {
        clock_run(&pc->clock);
        if (take_requests(pc, &why))
            return why;
        if (pc->interrupted) {
            pc->interrupted = false;
            return PC_BUDGET;
        }
        u64 now = cpu_count(pc->cpu);
        if (now >= end)
            return PC_BUDGET;
        u64 slice = MIN(end - now, clock_counts_until(&pc->clock, clock_next(&pc->clock)));
        if (slice == 0)
            continue;
        /* A stop from before, as by a timer armed while the time of a halted processor was skipped, is done with. Left
         * standing it would keep the processor from taking the interrupt that came with it. */
        pc->cpu->attention &= ~(u32)ATT_STOP;
        slice = MIN(slice, (u64)1 << 40);
        bool slice_over = cpu_run(pc->cpu, (s64)slice) >= (s64)slice;
        if (take_requests(pc, &why))
            return why;
        if (UNLIKELY(pc->engine && engine_differs(pc->engine)))
            return PC_DIFFERS;
        if (pc->cpu->poll.idle) {
            pc->cpu->poll.idle = false;
            return PC_IDLE;
        }
        if (pc->cpu->halt != HALT_NONE && !may_wake(pc->cpu, slice_over) &&
            clock_now(&pc->clock) < clock_next(&pc->clock))
            return idle_kind(pc);
    }
}

u64 pc_next_event(const struct pc *pc)
{
    return clock_next(&pc->clock);
}

void pc_skip_to(struct pc *pc, u64 ns)
{
    u64 now = clock_now(&pc->clock);
    if (ns > now)
        clock_advance(&pc->clock, ns - now);
    clock_run(&pc->clock);
}

void pc_set_rate(struct pc *pc, u64 rate_ps)
{
    u64 now = clock_now(&pc->clock);
    pc->clock.rate_ps = rate_ps;
    pc->clock.offset = 0;
    pc->clock.offset = now - clock_now(&pc->clock);
}

void pc_interrupt(struct pc *pc)
{
    pc->interrupted = true;
    cpu_attention(pc->cpu, ATT_STOP);
}

void pc_power_button(struct pc *pc)
{
    if (!piix4pm_power_button(&pc->pm)) {
        pc->want_off = true;
        cpu_attention(pc->cpu, ATT_STOP);
    }
}

unsigned pc_exit_status(const struct pc *pc)
{
    return pc->exit_status;
}

struct cpu *pc_cpu(struct pc *pc)
{
    return pc->cpu;
}

struct clock *pc_clock(struct pc *pc)
{
    return &pc->clock;
}

struct log *pc_log(struct pc *pc)
{
    return &pc->log;
}

const struct display_source *pc_display(struct pc *pc)
{
    return &pc->display;
}

const struct input_sink *pc_input(struct pc *pc)
{
    return &pc->input;
}

const struct char_sink *pc_serial(struct pc *pc, unsigned n)
{
    return &pc->serial[n];
}

unsigned pc_devices(struct pc *pc, const struct device **list)
{
    *list = pc->device;
    return pc->devices;
}
