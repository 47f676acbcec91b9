/* The local APIC, alone and with a second one on the bus. */
#include "hw/lapic.h"
#include "tests/unit/fake_bus.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

enum {
    ID = 0x20,
    VERSION = 0x30,
    TPR = 0x80,
    APR = 0x90,
    PPR = 0xA0,
    EOI = 0xB0,
    LDR = 0xD0,
    DFR = 0xE0,
    SVR = 0xF0,
    ISR = 0x100,
    TMR = 0x180,
    IRR = 0x200,
    ESR = 0x280,
    ICR = 0x300,
    ICR2 = 0x310,
    LVTT = 0x320,
    LINT0 = 0x350,
    LINT1 = 0x360,
    LVTERR = 0x370,
    INITIAL = 0x380,
    CURRENT = 0x390,
    DIVIDE = 0x3E0,
};

struct cpu {
    bool intr;
    int nmis, smis, inits, sipis;
    u8 sipi_vector;
};

struct fixture {
    struct fake_bus fb;
    struct apic_bus net;
    struct lapic apic, other;
    struct cpu cpu[2];
    int eois;
    u8 eoi_vector;
};

static void on_intr(void *ctx, bool level)
{
    struct cpu *c = ctx;
    c->intr = level;
}

static void on_nmi(void *ctx)
{
    struct cpu *c = ctx;
    c->nmis++;
}

static void on_smi(void *ctx)
{
    struct cpu *c = ctx;
    c->smis++;
}

static void on_init(void *ctx)
{
    struct cpu *c = ctx;
    c->inits++;
}

static void on_sipi(void *ctx, u8 vector)
{
    struct cpu *c = ctx;
    c->sipis++;
    c->sipi_vector = vector;
}

static void on_eoi(void *ctx, u8 vector)
{
    struct fixture *t = ctx;
    t->eois++;
    t->eoi_vector = vector;
}

static struct cpu_port port(struct cpu *c)
{
    return (struct cpu_port){.ctx = c, .intr = on_intr, .nmi = on_nmi, .smi = on_smi, .init = on_init, .sipi = on_sipi};
}

static int setup(void **state)
{
    static struct fixture t;
    memset(&t, 0, sizeof t);
    fake_bus_init(&t.fb);
    t.net = (struct apic_bus){.ctx = &t, .eoi = on_eoi};
    struct cpu_port p = port(&t.cpu[0]);
    lapic_init(&t.apic, &t.fb.bus, &t.net, 0, &p);
    *state = &t;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *t = *state;
    fake_bus_free(&t->fb);
    return 0;
}

static u32 rd(struct fixture *t, u32 reg)
{
    return (u32)fake_read(&t->fb, LAPIC_DEFAULT_BASE + reg, 4);
}

static void wr(struct fixture *t, u32 reg, u32 v)
{
    fake_write(&t->fb, LAPIC_DEFAULT_BASE + reg, v, 4);
}

static void enable(struct fixture *t)
{
    wr(t, SVR, 0x1FF);
}

static bool send(struct fixture *t, u8 mode, u8 vector, bool level)
{
    struct apic_msg m = {.dest = 0, .mode = mode, .vector = vector, .level = level};
    return apic_bus_send(&t->net, &m);
}

static void test_reset_values(void **state)
{
    struct fixture *t = *state;
    assert_int_equal(rd(t, ID), 0);
    assert_int_equal(rd(t, VERSION), 0x00050014);
    assert_int_equal(rd(t, SVR), 0xFF);
    assert_int_equal(rd(t, DFR), 0xFFFFFFFF);
    assert_int_equal(rd(t, LVTT), 0x10000);
    assert_int_equal(rd(t, LINT0), 0x700);
    assert_int_equal(rd(t, LINT1), 0x400);
    assert_int_equal(lapic_base(&t->apic), 0xFEE00900);
    assert_int_equal(fake_read(&t->fb, LAPIC_DEFAULT_BASE + VERSION + 2, 1), 0x05);
    fake_write(&t->fb, LAPIC_DEFAULT_BASE + TPR, 0x55, 1); /* only dwords write */
    assert_int_equal(rd(t, TPR), 0);
}

/* Before anybody programs it, the 8259s' INTR and the NMI pass through. */
static void test_virtual_wire(void **state)
{
    struct fixture *t = *state;
    struct irq_line intr = lapic_lint(&t->apic, 0), nmi = lapic_lint(&t->apic, 1);
    irq_set(&intr, true);
    assert_true(t->cpu[0].intr);
    assert_int_equal(lapic_ack(&t->apic), LAPIC_ACK_PIC);
    assert_true(t->cpu[0].intr); /* until the 8259 lowers it */
    irq_set(&intr, false);
    assert_false(t->cpu[0].intr);
    irq_pulse(&nmi);
    assert_int_equal(t->cpu[0].nmis, 1);
    enable(t);
    wr(t, LINT0, 0x10700);
    irq_set(&intr, true);
    assert_false(t->cpu[0].intr);
    wr(t, LINT0, 0x8700); /* as SeaBIOS writes it */
    assert_true(t->cpu[0].intr);
    wr(t, TPR, 0xFF); /* ExtINT knows no priority */
    assert_true(t->cpu[0].intr);
    assert_true(lapic_set_base(&t->apic, 0xFEE00100));
    assert_true(t->cpu[0].intr);
    assert_int_equal(lapic_ack(&t->apic), LAPIC_ACK_PIC);
    irq_pulse(&nmi);
    assert_int_equal(t->cpu[0].nmis, 2);
}

static void test_priorities(void **state)
{
    struct fixture *t = *state;
    assert_false(send(t, APIC_FIXED, 0x40, false)); /* software disabled */
    assert_int_equal(rd(t, IRR + 0x20), 0);
    enable(t);
    assert_true(send(t, APIC_FIXED, 0x41, false));
    assert_true(t->cpu[0].intr);
    assert_int_equal(rd(t, IRR + 0x20), 2);
    assert_int_equal(lapic_ack(&t->apic), 0x41);
    assert_false(t->cpu[0].intr);
    assert_int_equal(rd(t, ISR + 0x20), 2);
    assert_int_equal(rd(t, IRR + 0x20), 0);
    assert_int_equal(rd(t, PPR), 0x40);
    send(t, APIC_FIXED, 0x4F, false); /* same class waits */
    assert_false(t->cpu[0].intr);
    send(t, APIC_FIXED, 0x51, false); /* higher class nests */
    assert_int_equal(lapic_ack(&t->apic), 0x51);
    assert_int_equal(rd(t, PPR), 0x50);
    wr(t, EOI, 0);
    assert_int_equal(rd(t, PPR), 0x40);
    assert_false(t->cpu[0].intr);
    wr(t, EOI, 0);
    assert_int_equal(lapic_ack(&t->apic), 0x4F);
    wr(t, EOI, 0);
    wr(t, EOI, 0);                /* one too many does nothing */
    assert_int_equal(t->eois, 0); /* all were edges */
}

static void test_tpr(void **state)
{
    struct fixture *t = *state;
    enable(t);
    lapic_set_tpr(&t->apic, 0x4A);
    assert_int_equal(rd(t, TPR), 0x4A);
    assert_int_equal(rd(t, PPR), 0x4A);
    send(t, APIC_FIXED, 0x4F, false);
    assert_false(t->cpu[0].intr);
    assert_int_equal(rd(t, APR), 0x4A);
    wr(t, TPR, 0x3F);
    assert_true(t->cpu[0].intr);
    assert_int_equal(rd(t, APR), 0x40);
    wr(t, TPR, 0xF0);
    assert_false(t->cpu[0].intr);
    assert_int_equal(lapic_ack(&t->apic), 0xFF); /* withdrawn: spurious, nothing in service */
    assert_int_equal(rd(t, ISR + 0x70), 0);
    assert_int_equal(lapic_tpr(&t->apic), 0xF0);
}

static void test_level_and_eoi(void **state)
{
    struct fixture *t = *state;
    enable(t);
    send(t, APIC_FIXED, 0x61, true);
    assert_int_equal(rd(t, TMR + 0x30), 2);
    lapic_ack(&t->apic);
    assert_int_equal(t->eois, 0);
    wr(t, EOI, 0);
    assert_int_equal(t->eois, 1);
    assert_int_equal(t->eoi_vector, 0x61);
    send(t, APIC_FIXED, 0x61, false);
    assert_int_equal(rd(t, TMR + 0x30), 0);
}

static void test_lint_fixed(void **state)
{
    struct fixture *t = *state;
    struct irq_line lint = lapic_lint(&t->apic, 0);
    enable(t);
    wr(t, LINT0, 0x31); /* edge: the timer through the 8259 as Linux tries it */
    irq_set(&lint, true);
    assert_int_equal(lapic_ack(&t->apic), 0x31);
    wr(t, EOI, 0);
    assert_false(t->cpu[0].intr);
    irq_set(&lint, false);
    wr(t, LINT0, 0x8032); /* level */
    irq_set(&lint, true);
    assert_int_equal(rd(t, LINT0), 0xC032);
    assert_int_equal(lapic_ack(&t->apic), 0x32);
    wr(t, EOI, 0);
    assert_true(t->cpu[0].intr); /* still asserted: again */
    assert_int_equal(lapic_ack(&t->apic), 0x32);
    irq_set(&lint, false);
    wr(t, EOI, 0);
    assert_false(t->cpu[0].intr);
    assert_int_equal(rd(t, LINT0), 0x8032);
    wr(t, LINT0, 0xA032); /* active low: asserted now */
    assert_true(t->cpu[0].intr);
}

static void test_software_disable(void **state)
{
    struct fixture *t = *state;
    enable(t);
    wr(t, LVTT, 0x20040);
    send(t, APIC_FIXED, 0x40, false);
    wr(t, SVR, 0xFF);
    assert_false(t->cpu[0].intr);
    assert_int_equal(rd(t, LVTT), 0x30040);
    assert_int_equal(rd(t, LINT0), 0x10700);
    wr(t, LVTT, 0x40); /* cannot be unmasked */
    assert_int_equal(rd(t, LVTT), 0x10040);
    assert_int_equal(rd(t, IRR + 0x20), 1); /* what was held stays */
    assert_true(send(t, APIC_NMI, 0, false));
    assert_int_equal(t->cpu[0].nmis, 1);
    enable(t);
    assert_true(t->cpu[0].intr);
}

static void test_one_shot(void **state)
{
    struct fixture *t = *state;
    enable(t);
    wr(t, DIVIDE, 0x3); /* by 16 */
    wr(t, LVTT, 0x40);
    wr(t, INITIAL, 1000);
    assert_int_equal(rd(t, CURRENT), 1000);
    fake_run_ns(&t->fb, 160);
    assert_int_equal(rd(t, CURRENT), 990);
    fake_run_ns(&t->fb, 15839);
    assert_false(t->cpu[0].intr);
    fake_run_ns(&t->fb, 1);
    assert_int_equal(lapic_ack(&t->apic), 0x40);
    wr(t, EOI, 0);
    assert_int_equal(rd(t, CURRENT), 0);
    fake_run_ns(&t->fb, 1000000);
    assert_false(t->cpu[0].intr);
    wr(t, INITIAL, 10);
    wr(t, INITIAL, 0); /* stops */
    fake_run_ns(&t->fb, 1000000);
    assert_false(t->cpu[0].intr);
}

static void test_periodic(void **state)
{
    struct fixture *t = *state;
    enable(t);
    wr(t, DIVIDE, 0xB); /* by 1 */
    wr(t, LVTT, 0x20040);
    wr(t, INITIAL, 1000);
    for (int i = 0; i < 5; i++) {
        fake_run_ns(&t->fb, 999);
        assert_false(t->cpu[0].intr);
        fake_run_ns(&t->fb, 1);
        assert_int_equal(lapic_ack(&t->apic), 0x40);
        wr(t, EOI, 0);
    }
    clock_advance(&t->fb.clock, 10300); /* ten periods in one step: one interrupt, and the phase is kept */
    clock_run(&t->fb.clock);
    assert_int_equal(lapic_ack(&t->apic), 0x40);
    wr(t, EOI, 0);
    assert_int_equal(rd(t, CURRENT), 700);
    fake_run_ns(&t->fb, 699);
    assert_false(t->cpu[0].intr);
    fake_run_ns(&t->fb, 1);
    assert_true(t->cpu[0].intr);
}

static void test_timer_masked_and_divider_change(void **state)
{
    struct fixture *t = *state;
    enable(t);
    wr(t, DIVIDE, 0xB);
    wr(t, LVTT, 0x10040);
    wr(t, INITIAL, 10000);
    assert_false(timer_armed(&t->apic.timer));
    fake_run_ns(&t->fb, 4000);
    assert_int_equal(rd(t, CURRENT), 6000);
    wr(t, DIVIDE, 0x0); /* by 2 */
    assert_int_equal(rd(t, CURRENT), 6000);
    fake_run_ns(&t->fb, 4000);
    assert_int_equal(rd(t, CURRENT), 4000);
    wr(t, LVTT, 0x40);
    fake_run_ns(&t->fb, 7999);
    assert_false(t->cpu[0].intr);
    fake_run_ns(&t->fb, 1);
    assert_true(t->cpu[0].intr);
    static const u8 code[8] = {0, 1, 2, 3, 8, 9, 10, 11};
    static const u8 by[8] = {2, 4, 8, 16, 32, 64, 128, 1};
    for (unsigned i = 0; i < 8; i++) {
        wr(t, DIVIDE, code[i]);
        wr(t, INITIAL, 1000);
        fake_run_ns(&t->fb, 10u * by[i]);
        assert_int_equal(rd(t, CURRENT), 990);
    }
}

/* Masking at the very instant at which the count ends must not lose the interrupt. */
static void test_timer_write_when_due(void **state)
{
    struct fixture *t = *state;
    enable(t);
    wr(t, DIVIDE, 0xB);
    wr(t, LVTT, 0x40);
    wr(t, INITIAL, 100);
    clock_advance(&t->fb.clock, 100);
    wr(t, LVTT, 0x10040);
    assert_int_equal(lapic_ack(&t->apic), 0x40);
}

static void test_errors(void **state)
{
    struct fixture *t = *state;
    enable(t);
    wr(t, LVTERR, 0xFE);
    send(t, APIC_FIXED, 0x0F, false);
    assert_int_equal(lapic_ack(&t->apic), 0xFE);
    wr(t, EOI, 0);
    assert_int_equal(rd(t, ESR), 0);
    wr(t, ESR, 0);
    assert_int_equal(rd(t, ESR), 0x40);
    wr(t, ICR, 0x40005); /* self, vector 5 */
    wr(t, 0x3F0, 1);     /* no such register */
    wr(t, ESR, 0);
    assert_int_equal(rd(t, ESR), 0xA0);
    wr(t, ESR, 0);
    assert_int_equal(rd(t, ESR), 0);
}

static void test_self_ipi(void **state)
{
    struct fixture *t = *state;
    enable(t);
    wr(t, ICR, 0x44070);
    assert_int_equal(lapic_ack(&t->apic), 0x70);
    wr(t, EOI, 0);
    wr(t, ICR2, 0);
    wr(t, ICR, 0x4071);
    assert_int_equal(lapic_ack(&t->apic), 0x71);
    assert_int_equal(rd(t, ICR) & 0x1000, 0); /* never busy */
    wr(t, EOI, 0);
    wr(t, ICR, 0xC4500); /* INIT to all others: there are none */
    assert_int_equal(t->cpu[0].inits, 0);
}

static void second_cpu(struct fixture *t)
{
    struct cpu_port p = port(&t->cpu[1]);
    lapic_init(&t->other, &t->fb.bus, &t->net, 1, &p);
    lapic_write(&t->other, SVR, 0x1FF);
    lapic_write(&t->apic, SVR, 0x1FF);
}

static void test_start_another(void **state)
{
    struct fixture *t = *state;
    second_cpu(t);
    assert_int_equal(lapic_read(&t->other, ID), 0x01000000);
    assert_int_equal(lapic_base(&t->other), 0xFEE00800);
    lapic_write(&t->apic, ICR2, 0x01000000);
    lapic_write(&t->apic, ICR, 0xC500);
    assert_int_equal(t->cpu[1].inits, 1);
    assert_int_equal(lapic_read(&t->other, SVR), 0xFF); /* INIT resets its APIC too */
    assert_int_equal(lapic_read(&t->other, LINT0), 0x10000);
    assert_int_equal(lapic_read(&t->other, ID), 0x01000000);
    lapic_write(&t->apic, ICR, 0x8500); /* de-assert */
    assert_int_equal(t->cpu[1].inits, 1);
    lapic_write(&t->apic, ICR, 0x4609);
    assert_int_equal(t->cpu[1].sipis, 1);
    assert_int_equal(t->cpu[1].sipi_vector, 9);
    lapic_write(&t->apic, ICR, 0xC4600 | 7); /* others */
    assert_int_equal(t->cpu[1].sipis, 2);
    assert_int_equal(t->cpu[0].sipis, 0);
}

static void test_destinations(void **state)
{
    struct fixture *t = *state;
    struct apic_msg m = {.logical = true, .mode = APIC_FIXED, .vector = 0x80};
    second_cpu(t);
    lapic_write(&t->apic, LDR, 0x01000000);
    lapic_write(&t->other, LDR, 0x02000000);
    m.dest = 0x02;
    assert_true(apic_bus_send(&t->net, &m));
    assert_true(!t->cpu[0].intr && t->cpu[1].intr);
    lapic_ack(&t->other);
    lapic_write(&t->other, EOI, 0);
    m.dest = 0x04;
    assert_false(apic_bus_send(&t->net, &m));
    m.dest = 0x03;
    m.mode = APIC_LOWEST; /* the one with the lower priority takes it */
    lapic_set_tpr(&t->apic, 0x20);
    assert_true(apic_bus_send(&t->net, &m));
    assert_true(!t->cpu[0].intr && t->cpu[1].intr);
    lapic_ack(&t->other);
    lapic_write(&t->other, EOI, 0);
    /* clusters: cluster 3, members 1 and 2 */
    lapic_write(&t->apic, DFR, 0);
    lapic_write(&t->other, DFR, 0);
    lapic_write(&t->apic, LDR, 0x31000000);
    lapic_write(&t->other, LDR, 0x32000000);
    m.mode = APIC_FIXED;
    m.dest = 0x31;
    assert_true(apic_bus_send(&t->net, &m));
    assert_true(t->cpu[0].intr && !t->cpu[1].intr);
    m.dest = 0xFF;
    assert_true(apic_bus_send(&t->net, &m));
    assert_true(t->cpu[1].intr);
    m.dest = 0x41;
    assert_false(apic_bus_send(&t->net, &m));
}

static void test_base(void **state)
{
    struct fixture *t = *state;
    enable(t);
    assert_true(lapic_set_base(&t->apic, 0xF0000900));
    assert_int_equal(fake_read(&t->fb, 0xF0000000 + VERSION, 4), 0x50014);
    assert_int_equal(rd(t, VERSION), 0xFFFFFFFF);
    assert_false(lapic_set_base(&t->apic, 0xFEE00D00)); /* x2APIC */
    assert_false(lapic_set_base(&t->apic, 0xFEE00901));
    assert_true(lapic_set_base(&t->apic, 0xFEE00000));
    assert_int_equal(lapic_base(&t->apic), 0xFEE00100); /* the processor stays the bootstrap one */
    assert_false(lapic_enabled(&t->apic));
    assert_int_equal(rd(t, VERSION), 0xFFFFFFFF);
    assert_false(send(t, APIC_NMI, 0, false));
    assert_true(lapic_set_base(&t->apic, 0xFEE00900));
    assert_int_equal(rd(t, SVR), 0xFF);
}

static void test_extint_message(void **state)
{
    struct fixture *t = *state;
    enable(t);
    send(t, APIC_EXTINT, 0, false);
    assert_true(t->cpu[0].intr);
    assert_int_equal(lapic_ack(&t->apic), LAPIC_ACK_PIC);
    assert_false(t->cpu[0].intr);
    send(t, APIC_SMI, 0, false);
    assert_int_equal(t->cpu[0].smis, 1);
}

static void test_roundtrip(void **state)
{
    struct fixture *t = *state;
    enable(t);
    wr(t, LVTT, 0x20040);
    wr(t, DIVIDE, 0xB);
    wr(t, INITIAL, 5000);
    fake_run_ns(&t->fb, 7000);
    lapic_ack(&t->apic);
    send(t, APIC_FIXED, 0x90, true);
    wr(t, TPR, 0x30);
    lapic_set_base(&t->apic, 0xF0000900);
    assert_true(fake_roundtrip(&lapic_ops, &t->apic));
    assert_true(t->cpu[0].intr);
    assert_int_equal(fake_read(&t->fb, 0xF0000000 + CURRENT, 4), 3000);
    assert_int_equal(lapic_ack(&t->apic), 0x90);
    fake_write(&t->fb, 0xF0000000 + EOI, 0, 4);
    assert_int_equal(t->eois, 1);
    fake_run_ns(&t->fb, 3000);
    assert_int_equal(fake_read(&t->fb, 0xF0000000 + IRR + 0x20, 4), 1);
}

static void test_hostile_state(void **state)
{
    struct fixture *t = *state;
    t->apic.base = ~(u64)0;
    assert_int_not_equal(lapic_ops.loaded(&t->apic), 0);
    lapic_ops.reset(&t->apic);
    enable(t);
    wr(t, LVTT, 0x20040);
    wr(t, INITIAL, 1);
    t->apic.start = ~(u64)0 - 5;
    t->apic.start_count = 0xFFFFFFFF;
    t->apic.timer.when = 0;
    t->apic.lint = 0xFF;
    t->apic.extint = 9;
    memset(t->apic.lvt, 0xFF, sizeof t->apic.lvt);
    t->apic.lvt[0] = 0x20040;
    assert_int_not_equal(lapic_ops.loaded(&t->apic), 0);
    clock_restored(&t->fb.clock);
    fake_run_ns(&t->fb, 1000); /* comes back */
    for (int i = 0; i < 300; i++)
        lapic_ack(&t->apic);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_reset_values, setup, teardown),
        cmocka_unit_test_setup_teardown(test_virtual_wire, setup, teardown),
        cmocka_unit_test_setup_teardown(test_priorities, setup, teardown),
        cmocka_unit_test_setup_teardown(test_tpr, setup, teardown),
        cmocka_unit_test_setup_teardown(test_level_and_eoi, setup, teardown),
        cmocka_unit_test_setup_teardown(test_lint_fixed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_software_disable, setup, teardown),
        cmocka_unit_test_setup_teardown(test_one_shot, setup, teardown),
        cmocka_unit_test_setup_teardown(test_periodic, setup, teardown),
        cmocka_unit_test_setup_teardown(test_timer_masked_and_divider_change, setup, teardown),
        cmocka_unit_test_setup_teardown(test_timer_write_when_due, setup, teardown),
        cmocka_unit_test_setup_teardown(test_errors, setup, teardown),
        cmocka_unit_test_setup_teardown(test_self_ipi, setup, teardown),
        cmocka_unit_test_setup_teardown(test_start_another, setup, teardown),
        cmocka_unit_test_setup_teardown(test_destinations, setup, teardown),
        cmocka_unit_test_setup_teardown(test_base, setup, teardown),
        cmocka_unit_test_setup_teardown(test_extint_message, setup, teardown),
        cmocka_unit_test_setup_teardown(test_roundtrip, setup, teardown),
        cmocka_unit_test_setup_teardown(test_hostile_state, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
