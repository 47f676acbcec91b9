/*
 * test_cpu_stops.c - a debugger's stops: where they end the run, and that the guest never sees them.
 */
#include "test_cpu_rig.h"
#include "cpu/debug.h"

#include <errno.h>

static struct stop stop_at(u32 addr)
{
    return (struct stop){.addr = addr, .len = 1, .kind = STOP_EXEC};
}

static void add(struct rig *r, struct stop s)
{
    assert_int_equal(cpu_stop_add(r->cpu, &s), 0);
}

static void watch(struct rig *r, u32 addr, u32 len, enum stop_kind kind)
{
    add(r, (struct stop){.addr = addr, .len = len, .kind = kind});
}

/* Goes on from a stop, for N counts at most; true if the run ended at one again. */
static bool go(struct rig *r, s64 n)
{
    cpu_stops_pass(r->cpu);
    cpu_run(r->cpu, n);
    return r->cpu->stops.hit;
}

static void stops_before_the_instruction(void **state)
{
    struct rig r;
    rig_new(&r, "p3");
    rig_protected(&r, 0, "40 40 40 40 EB FA"); /* INC EAX four times, and again */
    add(&r, stop_at(CODE + 2));
    for (unsigned round = 0; round < 3; round++) {
        assert_true(go(&r, 1000));
        assert_int_equal(r.cpu->ip, CODE + 2);
        assert_int_equal(rig_reg(&r, R_AX), 4 * round + 2);
        assert_int_equal(cpu_count(r.cpu), 5 * round + 2);
        assert_int_equal(r.cpu->stops.what.addr, CODE + 2);
    }
    assert_true(cpu_stop_remove(r.cpu, &(const struct stop){.addr = CODE + 2, .len = 1, .kind = STOP_EXEC}));
    assert_false(go(&r, 1000));
    assert_int_equal(cpu_count(r.cpu), 1012);
    rig_free(&r);
}

/* The loop is decoded and linked to itself before the stop is set, and runs under it from elsewhere after. */
static void stops_in_decoded_code(void **state)
{
    for (u32 at = CODE; at < CODE + 5; at++) {
        struct rig r;
        rig_new(&r, "p3");
        rig_protected(&r, 0, "40 40 40 40 EB FA");
        assert_false(go(&r, 5000));
        add(&r, stop_at(at));
        assert_int_equal(go(&r, 5000), true);
        assert_int_equal(r.cpu->ip, at);
        assert_true(go(&r, 5000));
        assert_int_equal(r.cpu->ip, at);
        rig_free(&r);
    }
}

/* The same page at two addresses: one of them has the stop, whichever was decoded first. */
static void stops_at_one_of_two_aliases(void **state)
{
    const u32 alias = 0x60000;
    for (unsigned first = 0; first < 2; first++) {
        struct rig r;
        rig_new(&r, "p3");
        rig_protected(&r, 0, "40 40 40 FF E2"); /* INC EAX three times; JMP EDX */
        rig_paging(&r);
        rig_put(&r, PAGE_TAB + (alias >> 12) * 4, 4, CODE | 7);
        r.cpu->r[R_DX] = alias;
        r.cpu->ip = first ? alias : CODE;
        if (first)
            assert_false(go(&r, 100));
        add(&r, stop_at(CODE + 1));
        assert_int_equal(go(&r, 100), !first);
        if (!first)
            assert_int_equal(r.cpu->ip, CODE + 1);
        assert_false(go(&r, 100));
        r.cpu->r[R_DX] = CODE;
        assert_true(go(&r, 100));
        assert_int_equal(r.cpu->ip, CODE + 1);
        rig_free(&r);
    }
}

/* However the slices fall, a REP is stopped at once. */
static void stops_at_a_rep_once(void **state)
{
    for (s64 slice = 1; slice < 12; slice++) {
        struct rig r;
        unsigned hits = 0;
        rig_new(&r, "p3");
        rig_protected(&r, 0, "90 F3 AA 90 F4");
        r.cpu->r[R_CX] = 9;
        r.cpu->r[R_DI] = 0x5000;
        add(&r, stop_at(CODE + 1));
        while (r.cpu->halt == HALT_NONE) {
            cpu_run(r.cpu, slice);
            if (!r.cpu->stops.hit)
                continue;
            hits++;
            assert_int_equal(r.cpu->r[R_CX], 9);
            cpu_stops_pass(r.cpu);
        }
        assert_int_equal(hits, 1);
        assert_int_equal(cpu_count(r.cpu), 1 + 9 + 2);
        rig_free(&r);
    }
}

static void watches_memory(void **state)
{
    static const struct {
        const char *code;
        enum stop_kind kind;
        u32 addr, len;
        bool hit;
    } cases[] = {
        {"A3 00 50 00 00 F4", STOP_WRITE, 0x5000, 4, true},
        {"A3 00 50 00 00 F4", STOP_WRITE, 0x5003, 1, true},
        {"A3 00 50 00 00 F4", STOP_WRITE, 0x5004, 4, false},
        {"A3 00 50 00 00 F4", STOP_WRITE, 0x4000, 0x1000, false},
        {"A3 00 50 00 00 F4", STOP_WRITE, 0x4000, 0x1001, true}, /* more than a page */
        {"A3 00 50 00 00 F4", STOP_READ, 0x5000, 4, false},
        {"A3 00 50 00 00 F4", STOP_ACCESS, 0x5000, 4, true},
        {"A1 00 50 00 00 F4", STOP_WRITE, 0x5000, 4, false},
        {"A1 00 50 00 00 F4", STOP_READ, 0x5002, 1, true},
        {"A1 00 50 00 00 F4", STOP_ACCESS, 0x5000, 4, true},
        {"A3 FE 4F 00 00 F4", STOP_WRITE, 0x5001, 1, true},    /* across the page */
        {"FF 05 00 50 00 00 F4", STOP_WRITE, 0x5000, 4, true}, /* INC [5000h] */
        {"AA 90 90 90 90 F4", STOP_WRITE, 0x5000, 1, true},    /* STOSB */
    };
    for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
        struct rig r;
        rig_new(&r, "p3");
        rig_protected(&r, 0, cases[i].code);
        r.cpu->r[R_DI] = 0x5000;
        watch(&r, cases[i].addr, cases[i].len, cases[i].kind);
        assert_int_equal(go(&r, 100), cases[i].hit);
        assert_int_equal(cpu_count(r.cpu) == 1, cases[i].hit); /* behind the instruction */
        assert_int_equal(r.cpu->dr[6], DR6_FIXED);
        assert_int_equal(r.cpu->db_pending, 0);
        assert_false(go(&r, 100));
        assert_int_equal(r.cpu->halt, HALT_HLT);
        rig_free(&r);
    }
}

/* REP STOSB over a watched byte ends behind the iteration that writes it. */
static void watches_inside_a_rep(void **state)
{
    struct rig r;
    rig_new(&r, "p3");
    rig_protected(&r, 0, "F3 AA F4");
    r.cpu->r[R_CX] = 100;
    r.cpu->r[R_DI] = 0x5000;
    watch(&r, 0x5020, 1, STOP_WRITE);
    assert_true(go(&r, 1000));
    assert_int_equal(r.cpu->r[R_DI], 0x5021);
    assert_false(go(&r, 1000));
    assert_int_equal(r.cpu->r[R_CX], 0);
    rig_free(&r);
}

/* PUSH [5000h] to a stack that is not there faults behind the read: only when it is begun again that counts. */
static void a_fault_is_no_hit(void **state)
{
    struct rig r;
    rig_new(&r, "p3");
    rig_protected(&r, 3, "FF 35 00 50 00 00 F4");
    rig_hex(&r, rig_handler(VEC_PF), "0F B1 0D 78 40 00 00 83 C4 04 CF"); /* CMPXCHG [entry],ECX; ADD ESP,4; IRET */
    rig_paging(&r);
    u32 entry = PAGE_TAB + ((STACK3 - 4) >> 12) * 4;
    assert_int_equal(entry, 0x4078);
    rig_put(&r, entry, 4, 0);
    r.cpu->r[R_CX] = (STACK3 - 0x1000) | 7;
    watch(&r, 0x5000, 4, STOP_READ);
    assert_false(go(&r, 100)); /* the slice has ended for nothing */
    assert_int_equal(r.cpu->ip, rig_handler(VEC_PF));
    assert_true(go(&r, 100));
    assert_int_equal(r.cpu->ip, CODE + 6);
    assert_int_equal(cpu_count(r.cpu), 3 + 1);
    rig_free(&r);
}

/* The guest's breakpoints work beside ours: first we stop, then its #DB comes. */
static void beside_the_guests_own(void **state)
{
    struct rig r;
    rig_new(&r, "p3");
    rig_protected(&r, 0, "40 40 A3 00 50 00 00 90");
    r.cpu->dr[0] = CODE + 1;
    r.cpu->dr[7] |= 2;
    debug_update(r.cpu);
    add(&r, stop_at(CODE + 1));
    add(&r, stop_at(CODE + 2)); /* while it steps one by one */
    assert_true(go(&r, 100));
    assert_int_equal(r.cpu->ip, CODE + 1);
    assert_int_equal(r.cpu->dr[6], DR6_FIXED);
    assert_false(go(&r, 100));
    assert_in_handler(&r, VEC_DB);
    assert_int_equal(r.cpu->dr[6] & DR6_B, 1);
    rig_free(&r);

    rig_new(&r, "p3");
    rig_protected(&r, 0, "A3 00 50 00 00 90 F4");
    r.cpu->dr[1] = 0x5000;
    r.cpu->dr[7] |= 2u << 2 | 1u << 20;
    debug_update(r.cpu);
    watch(&r, 0x5000, 4, STOP_ACCESS);
    assert_true(go(&r, 100));
    assert_int_equal(r.cpu->ip, CODE + 5);
    cpu_stops_clear(r.cpu); /* leaves the guest's */
    assert_false(go(&r, 100));
    assert_in_handler(&r, VEC_DB);
    assert_int_equal(r.cpu->dr[6] & DR6_B, 2);
    rig_free(&r);
}

/* A stop between MOV SS and the next instruction: no interrupt gets in there. */
static void keeps_the_shadow(void **state)
{
    struct rig r;
    rig_new(&r, "p3");
    rig_protected(&r, 0, "FB 90 8E D0 40 40 F4"); /* STI; NOP; MOV SS,EAX; INC EAX... */
    r.cpu->r[R_AX] = K_DATA;
    add(&r, stop_at(CODE + 4));
    assert_true(go(&r, 100));
    assert_int_equal(r.cpu->ip, CODE + 4);
    cpu_nmi(r.cpu);
    assert_false(go(&r, 100));
    assert_in_handler(&r, VEC_NMI);
    assert_int_equal(rig_frame(&r, 0), CODE + 5);
    rig_free(&r);
}

/* Under stops.events a fault ends the run in front of its handler's first instruction. */
static void stops_at_events(void **state)
{
    struct rig r;
    rig_new(&r, "p3");
    rig_protected(&r, 0, "90 0F 0B"); /* NOP; UD2 */
    r.cpu->stops.events = true;
    assert_false(go(&r, 1));
    assert_true(go(&r, 1));
    assert_int_equal(r.cpu->stops.what.kind, STOP_EVENT);
    assert_int_equal(r.cpu->ip, rig_handler(VEC_UD));
    assert_int_equal(cpu_count(r.cpu), 1);
    cpu_nmi(r.cpu);
    assert_true(go(&r, 1));
    assert_int_equal(r.cpu->ip, rig_handler(VEC_NMI));
    rig_free(&r);
}

static void there_is_an_end(void **state)
{
    struct rig r;
    struct stop s = stop_at(CODE);
    rig_new(&r, "p3");
    for (unsigned i = 0; i < STOPS_MAX; i++)
        assert_int_equal(cpu_stop_add(r.cpu, &s), 0);
    assert_int_equal(cpu_stop_add(r.cpu, &s), -ENOSPC);
    for (unsigned i = 0; i < STOPS_MAX; i++)
        assert_true(cpu_stop_remove(r.cpu, &s));
    assert_false(cpu_stop_remove(r.cpu, &s));
    rig_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stops_before_the_instruction),
        cmocka_unit_test(stops_in_decoded_code),
        cmocka_unit_test(stops_at_one_of_two_aliases),
        cmocka_unit_test(stops_at_a_rep_once),
        cmocka_unit_test(watches_memory),
        cmocka_unit_test(watches_inside_a_rep),
        cmocka_unit_test(a_fault_is_no_hit),
        cmocka_unit_test(beside_the_guests_own),
        cmocka_unit_test(keeps_the_shadow),
        cmocka_unit_test(stops_at_events),
        cmocka_unit_test(there_is_an_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
