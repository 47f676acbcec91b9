/*
 * test_cpu_observe.c - an observer: what it is told, in which order, and that the run is the same with and without it.
 */
#include "test_cpu_rig.h"

#include <stdio.h>

/* What was seen, one word each. */
struct seen {
    char text[2000];
    size_t len;
};

static void PRINTF_LIKE(2, 3) put(struct seen *s, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    s->len += (size_t)vsnprintf(s->text + s->len, sizeof s->text - s->len, format, ap);
    va_end(ap);
    assert_true(s->len < sizeof s->text);
}

/* Offset in CODE, count and EAX before the instruction. */
static void saw_insn(void *ctx, const struct cpu *c, const struct insn *in)
{
    assert_true(cpu_here(c) == c->ip);
    put(ctx, "i%X:%u/%X ", (u32)c->ip - CODE, (u32)cpu_count(c), (u32)c->r[R_AX]);
}

static void saw_event(void *ctx, const struct cpu *c, u8 vector, enum event_kind kind, bool has_error, u32 error)
{
    put(ctx, "e%X:%u/%02X,%u,%X ", (u32)c->ip - CODE, (u32)cpu_count(c), vector, kind, has_error ? error : 0xFFFF);
}

static void saw_memory(void *ctx, const struct cpu *c, u64 lin, u64 value, unsigned size, bool write)
{
    put(ctx, "%c%u:%X=%X@%X ", write ? 'w' : 'r', size, (u32)lin, (u32)value, (u32)cpu_here(c) - CODE);
}

static void saw_port(void *ctx, const struct cpu *c, u16 port, u32 value, unsigned size, bool write)
{
    put(ctx, "%c%u:%X=%X@%X ", write ? 'O' : 'I', size, port, value, (u32)cpu_here(c) - CODE);
}

static const struct cpu_observer all = {.insn = saw_insn, .event = saw_event, .memory = saw_memory, .port = saw_port};

/* Runs CODE for N counts, watched as OBSERVER says; SLICE counts at a time. */
static void expect(const struct cpu_observer *observer, const char *code, s64 n, s64 slice, const char *want)
{
    struct rig r;
    struct seen s = {.len = 0};
    struct cpu_observer o = *observer;
    o.ctx = &s;
    rig_new(&r, "p3");
    rig_protected(&r, 0, code);
    cpu_observe(r.cpu, &o);
    for (s64 left = n; left > 0 && r.cpu->halt == HALT_NONE; left -= slice)
        cpu_run(r.cpu, MIN(slice, left));
    cpu_observe(r.cpu, NULL);
    assert_string_equal(s.text, want);
    cpu_run(r.cpu, 10);
    assert_string_equal(s.text, want); /* nobody looks on any more */
    rig_free(&r);
}

static void tells_of_instructions(void **state)
{
    const struct cpu_observer o = {.insn = saw_insn};
    for (s64 slice = 1; slice < 8; slice++)
        expect(&o, "40 40 EB FC", 7, slice, "i0:0/0 i1:1/1 i2:2/2 i0:3/2 i1:4/3 i2:5/4 i0:6/4 ");
}

/* MOV [20000h], EAX; INC dword [20000h]; MOV CL, [20001h]; PUSH EAX: a read-modify-write is one write. */
static void tells_of_memory(void **state)
{
    const struct cpu_observer o = {.memory = saw_memory};
    for (s64 slice = 1; slice < 6; slice++)
        expect(&o, "A3 00 00 02 00 FF 05 00 00 02 00 8A 0D 01 00 02 00 50", 4, slice,
               "w4:20000=0@0 w4:20000=1@5 r1:20001=0@B w4:1DFFC=0@11 ");
}

static void tells_of_ports(void **state)
{
    const struct cpu_observer o = {.port = saw_port};
    struct rig r;
    rig_new(&r, "p3");
    u32 in = r.cpu->host.in(r.cpu->host.ctx, 0x71, 1);
    rig_free(&r);
    char want[64];
    snprintf(want, sizeof want, "O1:70=5@2 I1:71=%X@4 ", in);
    expect(&o, "B0 05 E6 70 E4 71 40", 4, 4, want);
}

/* UD2 in the middle of a block: reported as begun, then the fault, then what the delivery reads and writes. */
static void tells_of_faults(void **state)
{
    const struct cpu_observer o = {.insn = saw_insn, .event = saw_event};
    expect(&o, "40 0F 0B", 1, 1, "i0:0/0 ");
    expect(&o, "40 0F 0B 40", 3, 3, "i0:0/0 i1:1/1 e1:1/06,0,FFFF i8060:1/1 ");
    const struct cpu_observer events = {.event = saw_event};
    expect(&events, "40 0F 0B 40", 3, 3, "e1:1/06,0,FFFF ");
    expect(&events, "CD 03", 3, 3, "e2:0/03,1,FFFF ");
    expect(&events, "B8 FF FF 00 00 8E D8", 3, 3, "e5:1/0D,0,FFFC ");
}

static void tells_what_a_delivery_does(void **state)
{
    struct rig r;
    struct seen s = {.len = 0};
    struct cpu_observer o = all;
    o.ctx = &s;
    rig_new(&r, "p3");
    rig_protected(&r, 0, "40 CC");
    cpu_observe(r.cpu, &o);
    cpu_run(r.cpu, 2);
    assert_non_null(strstr(s.text, "i1:1/1 e2:1/03,2,FFFF r8:1818="));
    assert_non_null(strstr(s.text, "w4:1DFF4=10002@1 "));
    rig_free(&r);
}

/* REP STOSB: each element is seen, and the count and the memory are those of a run without an observer. */
static void sees_every_element(void **state)
{
    struct rig alone, watched;
    struct seen s = {.len = 0};
    struct cpu_observer o = {.ctx = &s, .memory = saw_memory};
    struct rig *const both[] = {&alone, &watched};
    for (unsigned i = 0; i < 2; i++) {
        rig_new(both[i], "p3");
        rig_protected(both[i], 0, "B9 20 00 00 00 BF 00 00 02 00 F3 AA F4");
        cpu_observe(both[i]->cpu, i ? &o : NULL);
        cpu_run(both[i]->cpu, 1000);
    }
    unsigned writes = 0;
    for (const char *p = s.text; (p = strstr(p, "w1:")); p++)
        writes++;
    assert_int_equal(writes, 0x20);
    assert_true(cpu_count(alone.cpu) == cpu_count(watched.cpu));
    cpu_settle(alone.cpu);
    cpu_settle(watched.cpu);
    assert_true(state_hash(0, cpu_fields, alone.cpu) == state_hash(0, cpu_fields, watched.cpu));
    assert_memory_equal(alone.ram, watched.ram, RIG_RAM);
    rig_free(&alone);
    rig_free(&watched);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_of_instructions),
        cmocka_unit_test(tells_of_memory),
        cmocka_unit_test(tells_of_ports),
        cmocka_unit_test(tells_of_faults),
        cmocka_unit_test(tells_what_a_delivery_does),
        cmocka_unit_test(sees_every_element),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
