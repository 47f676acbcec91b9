/*
 * stepper.c - the machine under the stepper: stops, snapshots, sentences. stepper_run.c runs it.
 */
#include "frontend/step/stepper.h"
#include "cpu/isa.h"
#include "frontend/step/desc.h"
#include "frontend/step/stepper_int.h"
#include "frontend/step/text.h"
#include <errno.h>

enum { BELOW_STACK = 256 };

/* ---- memory ---- */

static unsigned read_physical(const struct stepper *s, u64 addr, u8 *data, unsigned len)
{
    const struct physmem *p = s->cpu->mmu.phys;
    unsigned done = 0;
    while (done < len) {
        u32 frame = phys_read_frame(p, addr + done), off = (u32)((addr + done) & (PAGE_SIZE - 1));
        unsigned n = MIN(len - done, PAGE_SIZE - off);
        if (!frame || frame & PHYS_SLOW)
            break;
        memcpy(data + done, phys_frame_host(p, frame) + off, n);
        done += n;
    }
    return done;
}

unsigned stepper_read(const struct stepper *s, u64 addr, bool physical, void *data, unsigned len)
{
    if (physical)
        return read_physical(s, addr, data, len);
    return (unsigned)debugger_read(&s->debugger, (u32)addr, data, len);
}

static bool peek_lin(void *ctx, u64 addr, void *buf, unsigned len)
{
    return stepper_read(ctx, addr, false, buf, len) == len;
}

static bool peek_phys(void *ctx, u64 addr, void *buf, unsigned len)
{
    return stepper_read(ctx, addr, true, buf, len) == len;
}

static void take_window(const struct stepper *s, struct window *w, u64 addr, bool physical)
{
    w->addr = addr;
    w->physical = physical;
    w->len = stepper_read(s, addr, physical, w->data, sizeof w->data);
}

u64 stepper_stack(const struct stepper *s)
{
    const struct cpu *c = s->cpu;
    return (u32)(c->seg[SEG_SS].base + (c->stack32 ? (u32)c->r[R_SP] : (u16)c->r[R_SP]));
}

/* ---- code ---- */

struct code_place stepper_place(const struct stepper *s)
{
    const struct cpu *c = s->cpu;
    return (struct code_place){stepper_here(s), (u32)c->ip, c->seg[SEG_CS].sel, c->code_bits};
}

bool stepper_insn(const struct stepper *s, struct insn *in)
{
    struct decode_mode mode = {.decoder = s->cpu->decoder, .bits = s->cpu->code_bits};
    u8 code[INSN_MAX_LEN];
    unsigned n = stepper_read(s, stepper_here(s), false, code, sizeof code);
    return n && decode(&mode, code, n, in) == DECODE_OK;
}

void stepper_line(const struct stepper *s, u64 lin, unsigned bits, struct disasm_line *line, u8 bytes[INSN_MAX_LEN])
{
    struct decode_mode mode = {.decoder = s->cpu->decoder, .bits = (u8)bits};
    unsigned n = stepper_read(s, lin, false, bytes, INSN_MAX_LEN);
    disasm_set_syntax(s->disasm, s->att);
    disasm_one(s->disasm, &mode, bytes, n, (u32)(lin - s->cpu->seg[SEG_CS].base), line);
}

/* ---- beginning and end ---- */

int stepper_open(struct stepper *s, struct pc *pc)
{
    *s = (struct stepper){.pc = pc, .cpu = pc_cpu(pc)};
    s->disasm = disasm_new();
    if (!s->disasm)
        return -ENOMEM;
    s->peek = (struct peek){peek_lin, peek_phys, s};
    debugger_open(&s->debugger, pc);
    debugger_pause(&s->debugger);
    timeline_open(&s->timeline, pc, false);
    witness_open(&s->witness, s->cpu);
    s->look.code_top = stepper_here(s);
    return 0;
}

void stepper_close(struct stepper *s)
{
    witness_close(&s->witness);
    rewind_close(s->rewind);
    timeline_close(&s->timeline);
    debugger_close(&s->debugger);
    disasm_free(s->disasm);
}

/* ---- stops ---- */

static bool same(const struct stop *a, const struct stop *b)
{
    return a->addr == b->addr && a->len == b->len && a->kind == b->kind;
}

int stepper_add(struct stepper *s, const struct stepper_stop *stop)
{
    unsigned number = 1, slot = STEPPER_STOPS;
    for (unsigned i = 0; i < STEPPER_STOPS; i++) {
        if (!s->stop[i].number)
            slot = MIN(slot, i);
        else if (!s->stop[i].once)
            number = MAX(number, s->stop[i].number + 1);
    }
    if (slot == STEPPER_STOPS)
        return -ENOSPC;
    int r = debugger_add(&s->debugger, &stop->at);
    if (r)
        return r;
    s->stop[slot] = *stop;
    s->stop[slot].number = stop->once ? ~0u : number;
    return (int)number;
}

/* The debugger has one stop for all of ours that are equal. */
static void drop(struct stepper *s, struct stepper_stop *stop)
{
    stop->number = 0;
    for (unsigned i = 0; i < STEPPER_STOPS; i++)
        if (s->stop[i].number && same(&s->stop[i].at, &stop->at))
            return;
    debugger_remove(&s->debugger, &stop->at);
}

bool stepper_delete(struct stepper *s, unsigned number)
{
    for (unsigned i = 0; number && i < STEPPER_STOPS; i++) {
        if (s->stop[i].number == number) {
            drop(s, &s->stop[i]);
            return true;
        }
    }
    return false;
}

void stepper_stops_again(struct stepper *s)
{
    for (unsigned i = 0; i < STEPPER_STOPS; i++)
        if (s->stop[i].number)
            debugger_add(&s->debugger, &s->stop[i].at);
}

bool stepper_has_once(const struct stepper *s)
{
    for (unsigned i = 0; i < STEPPER_STOPS; i++)
        if (s->stop[i].number && s->stop[i].once)
            return true;
    return false;
}

void stepper_drop_once(struct stepper *s)
{
    for (unsigned i = 0; i < STEPPER_STOPS; i++)
        if (s->stop[i].number && s->stop[i].once)
            drop(s, &s->stop[i]);
}

static bool holds(const struct stepper *s, const struct stepper_stop *stop)
{
    u64 value = 1;
    if (stop->once && stepper_stack(s) < stop->least_stack)
        return false;
    return !stop->when.count || (expr_value(&stop->when, s->cpu, &s->peek, &value) && value);
}

static void say_stop(struct stepper *s, const struct stepper_stop *stop)
{
    if (stop->once && !*s->why)
        snprintf(s->why, sizeof s->why, "%s", stop->text);
    else if (!stop->once)
        snprintf(s->why, sizeof s->why, "%s %u: %.120s", stop->at.kind == STOP_EXEC ? "breakpoint" : "watchpoint",
                 stop->number, stop->text);
}

bool stepper_stops_at(struct stepper *s, const struct stop *at)
{
    bool any = false;
    for (unsigned i = 0; i < STEPPER_STOPS; i++) {
        struct stepper_stop *stop = &s->stop[i];
        if (!stop->number || !same(&stop->at, at) || !holds(s, stop))
            continue;
        stop->hits++;
        any = true;
        say_stop(s, stop);
    }
    return any;
}

/* ---- what changes ---- */

/* Of code that cannot be read only the registers are compared. */
static struct explain explain_here(const struct stepper *s, struct insn *in)
{
    if (!stepper_insn(s, in))
        *in = (struct insn){.op = ISA_UD, .len = 1};
    return (struct explain){.cpu = s->cpu, .insn = in, .ip = s->cpu->ip, .peek = s->peek};
}

void stepper_note(struct stepper *s)
{
    struct insn in;
    struct explain x = explain_here(s, &in);
    step_snapshot_before(&s->before, &x);
    s->has_before = true;
    s->one = false;
    take_window(s, &s->memory, s->look.memory, s->look.physical);
    take_window(s, &s->stack, (u32)(stepper_stack(s) - BELOW_STACK), false); /* for what will be pushed */
    if (s->stack.len <= BELOW_STACK)
        take_window(s, &s->stack, stepper_stack(s), false);
}

void stepper_next_sentence(const struct stepper *s, char *to, size_t size)
{
    struct insn in;
    struct explain x = explain_here(s, &in);
    u8 byte;
    if (s->cpu->halt == HALT_HLT)
        snprintf(to, size, "The processor has stopped at HLT and waits for an interrupt.");
    else if (s->cpu->halt != HALT_NONE)
        snprintf(to, size, "The processor has shut down.");
    else if (!stepper_read(s, stepper_here(s), false, &byte, 1))
        snprintf(to, size, "There is no memory to read the instruction from.");
    else
        explain_before(&x, to, size);
}

void stepper_last_sentence(const struct stepper *s, char *to, size_t size)
{
    *to = 0;
    if (s->one)
        explain_after(&s->before, &s->after, to, size);
}

void stepper_mode(const struct stepper *s, char *to, size_t size)
{
    const struct cpu *c = s->cpu;
    struct text t;
    text_init(&t, to, size);
    text_add(&t, "%s", cpu_in_v86(c) ? "virtual-8086 mode" : cpu_in_protected(c) ? "protected mode" : "real mode");
    text_add(&t, ", %u-bit", c->code_bits);
    if (cpu_in_protected(c))
        text_add(&t, ", CPL %u", c->cpl);
    if (c->cr0 & CR0_PG)
        text_add(&t, ", paging");
    if (c->smm)
        text_add(&t, ", SMM");
}
