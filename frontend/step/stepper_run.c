/*
 * stepper_run.c - running the machine up to a goal: one instruction after the other where each must be looked at, else
 * at full speed up to a stop.
 */
#include "cpu/exec.h"
#include "cpu/isa.h"
#include "frontend/step/stepper_int.h"
#include <errno.h>

/* How often an idle processor's time is skipped before the person is asked again; how many counts between looks at the
 * clock. */
enum { IDLES = 2000, UNTIL_COUNTS = 100000 };

enum progress { GOES_ON, DONE, WAITS };

static bool steps(const struct stepper *s)
{
    enum goal_kind k = s->goal.kind;
    return k == GOAL_STEPS || k == GOAL_OUT || k == GOAL_MODE || k == GOAL_WHEN;
}

/* PE, VM, PG, SMM and the size of code. */
static u32 mode_now(const struct cpu *c)
{
    return (u32)(c->cr0 & (CR0_PE | CR0_PG)) | (c->eflags & F_VM) | (u32)c->smm << 8 | (u32)c->code_bits << 1;
}

static enum progress give_up(struct stepper *s, const char *why)
{
    s->missed = s->goal.kind != GOAL_RUN || stepper_has_once(s);
    snprintf(s->why, sizeof s->why, "%s", why);
    return DONE;
}

/* ---- the machine ---- */

static enum pc_stop run(struct stepper *s, u64 counts)
{
    return s->rewind ? rewind_run(s->rewind, counts) : timeline_run(&s->timeline, counts);
}

/* What run() came back with; DONE if nothing can go on. */
static enum progress take_stop(struct stepper *s, enum pc_stop stop, unsigned *idles)
{
    u64 next;
    switch (stop) {
    case PC_POWER_OFF:
        s->end = END_OFF;
        return give_up(s, "the guest has switched the machine off");
    case PC_EXIT:
        s->end = END_EXIT;
        return give_up(s, "the guest has ended the emulator by its exit port");
    case PC_TRIPLE:
        s->end = END_TRIPLE;
        return give_up(s, "triple fault: the machine has stopped");
    case PC_IDLE:
    case PC_DEAD:
        next = pc_next_event(s->pc);
        if (next == CLOCK_NEVER || stop == PC_DEAD)
            return give_up(s, "the processor waits, and nothing will wake it");
        timeline_skip_to(&s->timeline, next);
        if (++*idles < IDLES)
            return GOES_ON;
        if (s->cpu->halt != HALT_NONE && !(s->cpu->eflags & F_IF))
            return give_up(s, "the processor has halted with interrupts off, and nothing will wake it");
        return WAITS;
    default:
        return GOES_ON;
    }
}

/* ---- one instruction after the other ---- */

static enum progress one_instruction(struct stepper *s, unsigned *idles)
{
    if (!s->midway) {
        s->last = stepper_place(s);
        debugger_step(&s->debugger);
    }
    s->midway = true;
    for (;;) {
        enum pc_stop stop = run(s, debugger_counts(&s->debugger, 1));
        bool waits = stop == PC_BUDGET || stop == PC_IDLE || stop == PC_DEAD;
        if (waits && debugger_ran(&s->debugger))
            break;
        enum progress p = take_stop(s, stop, idles);
        if (p != GOES_ON)
            return p;
    }
    s->midway = false;
    return GOES_ON;
}

/* A RET of any kind (near, far, IRET) that stands at IP. */
static bool is_return(const struct stepper *s)
{
    static const u16 ops[] = {ISA_RET, ISA_RET_Iw, ISA_RETF, ISA_RETF_Iw, ISA_IRET};
    struct insn in;
    if (!stepper_insn(s, &in))
        return false;
    for (unsigned i = 0; i < ARRAY_LEN(ops); i++)
        if (in.op == ops[i])
            return true;
    return false;
}

/* Whether the instruction that comes next ends the procedure in which the run began. */
static bool leaves(const struct stepper *s)
{
    return s->cpu->cpl == s->out_cpl && stepper_stack(s) >= s->out_stack && is_return(s);
}

/* After an instruction. */
static bool reached(struct stepper *s, bool left)
{
    u64 value;
    switch (s->goal.kind) {
    case GOAL_STEPS:
        return s->done >= s->goal.amount;
    case GOAL_OUT:
        return left;
    case GOAL_MODE:
        return mode_now(s->cpu) != s->mode;
    default:
        return expr_value(&s->goal.when, s->cpu, &s->peek, &value) && value;
    }
}

/* A stop that the last instruction hit, or that stands before the next one. */
static bool meets_stop(struct stepper *s)
{
    const struct stop here = {.addr = stepper_here(s), .len = 1, .kind = STOP_EXEC};
    if (!s->cpu->stops.count)
        return false;
    bool hit = s->debugger.why == DEBUGGER_HIT && stepper_stops_at(s, &s->debugger.at);
    return stepper_stops_at(s, &here) || hit;
}

static enum progress go_stepping(struct stepper *s, u64 counts)
{
    unsigned idles = 0;
    for (u64 i = 0; i < counts; i++) {
        bool last = s->goal.kind == GOAL_STEPS && s->done + 1 == s->goal.amount && !s->midway;
        bool left = s->goal.kind == GOAL_OUT && !s->midway && leaves(s);
        if (last && s->looking)
            stepper_note(s);
        enum progress p = one_instruction(s, &idles);
        if (p != GOES_ON)
            return p;
        s->done++;
        if (reached(s, left) || meets_stop(s)) {
            s->one = s->looking && s->goal.kind == GOAL_STEPS && s->done == s->goal.amount;
            return DONE;
        }
    }
    return WAITS;
}

/* ---- at full speed ---- */

/* The run was stopped. DONE if that is what was wanted. */
static enum progress stopped(struct stepper *s)
{
    if (s->debugger.why == DEBUGGER_COUNT)
        return DONE;
    if (stepper_stops_at(s, &s->debugger.at))
        return DONE;
    debugger_continue(&s->debugger); /* a condition does not hold */
    return GOES_ON;
}

static enum progress go_running(struct stepper *s, u64 counts)
{
    unsigned idles = 0;
    u64 begin = cpu_count(s->cpu), done;
    while ((done = cpu_count(s->cpu) - begin) < counts) {
        u64 left = counts - done;
        if (s->goal.amount)
            left = MIN(left, s->goal.amount - s->done);
        if (s->goal.until)
            left = MIN(left, (u64)UNTIL_COUNTS);
        u64 before = cpu_count(s->cpu);
        enum pc_stop stop = run(s, debugger_counts(&s->debugger, left));
        s->done += cpu_count(s->cpu) - before;
        enum progress p = debugger_ran(&s->debugger) ? stopped(s) : take_stop(s, stop, &idles);
        if (p != GOES_ON || s->found)
            return s->found ? DONE : p;
        if (s->goal.amount && s->done >= s->goal.amount)
            return DONE;
        if (s->goal.until && clock_now(pc_clock(s->pc)) >= s->goal.until)
            return DONE;
    }
    return WAITS;
}

/* ---- goals ---- */

static void told(void *ctx, const struct happening *h)
{
    struct stepper *s = ctx;
    enum goal_kind kind = h->kind == HAPPENED_EVENT ? GOAL_EVENT : GOAL_PORT;
    if (s->goal.kind != kind || (s->goal.value >= 0 && s->goal.value != h->what))
        return;
    witness_text(h, s->why, sizeof s->why);
    s->found = true;
    pc_interrupt(s->pc);
}

int stepper_start(struct stepper *s, const struct goal *goal)
{
    if (s->end != END_NONE) {
        snprintf(s->why, sizeof s->why, "the machine does not run any more");
        return -EPERM;
    }
    s->goal = *goal;
    s->done = 0;
    s->midway = s->found = s->one = s->has_before = s->missed = false;
    s->last.bits = 0;
    s->why[0] = 0;
    s->out_stack = stepper_stack(s);
    s->out_cpl = s->cpu->cpl;
    s->mode = mode_now(s->cpu);
    s->witness.told = goal->kind == GOAL_EVENT || goal->kind == GOAL_PORT ? told : NULL;
    s->witness.ctx = s;
    if (s->looking)
        stepper_note(s);
    if (!steps(s))
        debugger_continue(&s->debugger);
    return 0;
}

/* A run to LIN with the stack's top at LEAST_STACK or above. */
static int start_to(struct stepper *s, u64 lin, u64 least_stack)
{
    struct stepper_stop stop = {
        .at = {.addr = (u32)lin, .len = 1, .kind = STOP_EXEC}, .once = true, .least_stack = least_stack};
    int r = stepper_add(s, &stop);
    if (r < 0) {
        snprintf(s->why, sizeof s->why, "there are too many breakpoints; 'delete' some");
        return r;
    }
    r = stepper_start(s, &(struct goal){.kind = GOAL_RUN});
    if (r)
        stepper_drop_once(s);
    return r;
}

int stepper_start_to(struct stepper *s, u64 lin)
{
    return start_to(s, lin, 0);
}

int stepper_start_over(struct stepper *s)
{
    struct insn in;
    struct code_place here = stepper_place(s);
    if (!stepper_insn(s, &in) || !debugger_comes_back(&in))
        return stepper_start(s, &(struct goal){.kind = GOAL_STEPS, .amount = 1});
    int r = start_to(s, here.lin + in.len, stepper_stack(s));
    s->last = here;
    return r;
}

static void finish(struct stepper *s)
{
    if (s->one)
        step_snapshot_after(&s->after, &s->before, s->cpu, &s->peek);
    debugger_pause(&s->debugger);
    stepper_drop_once(s);
    s->witness.told = NULL;
    s->goal.kind = GOAL_NONE;
    s->midway = false;
    s->look.cursor_free = false;
}

bool stepper_go(struct stepper *s, u64 counts)
{
    if (s->goal.kind == GOAL_NONE)
        return false;
    enum progress p = steps(s) ? go_stepping(s, counts) : go_running(s, counts);
    if (p == DONE)
        finish(s);
    return p != DONE;
}

void stepper_pause(struct stepper *s, const char *why)
{
    if (s->goal.kind == GOAL_NONE)
        return;
    snprintf(s->why, sizeof s->why, "%s", why);
    finish(s);
}
