/* The host bridge: configuration mechanism, BIOS shadowing, SMRAM. */
#include "hw/i440fx.h"
#include "hw/piix3.h"
#include "tests/unit/fake_bus.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

struct fixture {
    struct fake_bus fb;
    struct pci_bus pci;
    struct i440fx fx;
    struct piix3 piix3;
    u8 shadow[64]; /* bits of each 16 KB from C0000h as reported */
    unsigned pam_calls;
    bool open, closed, enabled;
    int resets, hard_resets;
};

static void on_pam(void *ctx, u32 base, u32 size, bool read_ram, bool write_ram)
{
    struct fixture *t = ctx;
    for (u32 a = base; a < base + size; a += 0x4000)
        t->shadow[(a - 0xC0000) >> 14] = (u8)(read_ram | write_ram << 1);
    t->pam_calls++;
}

static void on_smram(void *ctx, bool open, bool closed, bool enabled)
{
    struct fixture *t = ctx;
    t->open = open;
    t->closed = closed;
    t->enabled = enabled;
}

static void on_reset(void *ctx, bool hard)
{
    struct fixture *t = ctx;
    t->resets++;
    t->hard_resets += hard;
}

static int setup(void **state)
{
    static struct fixture t;
    memset(&t, 0, sizeof t);
    fake_bus_init(&t.fb);
    pci_bus_init(&t.pci, &t.fb.bus);
    memset(t.shadow, 0xFF, sizeof t.shadow);
    struct i440fx_wiring w = {.ctx = &t, .pam = on_pam, .smram = on_smram, .reset = on_reset};
    i440fx_init(&t.fx, &t.pci, &w);
    struct piix3_wiring p = {.ctx = &t, .reset = on_reset};
    piix3_init(&t.piix3, &t.pci, &p);
    *state = &t;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *t = *state;
    fake_bus_free(&t->fb);
    return 0;
}

static void select_reg(struct fixture *t, unsigned devfn, unsigned reg)
{
    fake_outl(&t->fb, 0xCF8, 0x80000000u | devfn << 8 | (reg & 0xFC));
}

static u8 config8(struct fixture *t, unsigned reg)
{
    select_reg(t, 0, reg);
    return fake_inb(&t->fb, (u16)(0xCFC + (reg & 3)));
}

static void config8_set(struct fixture *t, unsigned reg, u8 v)
{
    select_reg(t, 0, reg);
    fake_outb(&t->fb, (u16)(0xCFC + (reg & 3)), v);
}

static void test_ids(void **state)
{
    struct fixture *t = *state;
    select_reg(t, 0, 0);
    assert_int_equal(fake_inl(&t->fb, 0xCFC), 0x12378086);
    assert_int_equal(fake_inw(&t->fb, 0xCFE), 0x1237);
    assert_int_equal(fake_inb(&t->fb, 0xCFD), 0x80);
    select_reg(t, 0, 8);
    assert_int_equal(fake_inl(&t->fb, 0xCFC), 0x06000002);
    select_reg(t, 0, 0x2C);
    assert_int_equal(fake_inl(&t->fb, 0xCFC), 0x11001AF4);
    select_reg(t, 8, 0);
    assert_int_equal(fake_inl(&t->fb, 0xCFC), 0x70008086);
    /* ids cannot be written */
    select_reg(t, 0, 0);
    fake_outl(&t->fb, 0xCFC, 0);
    assert_int_equal(fake_inl(&t->fb, 0xCFC), 0x12378086);
}

static void test_nobody_there(void **state)
{
    struct fixture *t = *state;
    select_reg(t, 0x1F << 3, 0);
    assert_int_equal(fake_inl(&t->fb, 0xCFC), 0xFFFFFFFF);
    fake_outl(&t->fb, 0xCF8, 0x80010000); /* bus 1 */
    assert_int_equal(fake_inl(&t->fb, 0xCFC), 0xFFFFFFFF);
    fake_outl(&t->fb, 0xCF8, 0); /* enable bit clear */
    assert_int_equal(fake_inl(&t->fb, 0xCFC), 0xFFFFFFFF);
}

/* The way in which kernels look for mechanism #1: byte writes in CF8h-CFBh must not reach the address register. */
static void test_confadd_is_a_dword(void **state)
{
    struct fixture *t = *state;
    fake_outl(&t->fb, 0xCF8, 0x80000000);
    fake_outb(&t->fb, 0xCFB, 0x01);
    assert_int_equal(fake_inl(&t->fb, 0xCF8), 0x80000000);
    assert_int_equal(fake_inb(&t->fb, 0xCF8), 0xFF);
    fake_outl(&t->fb, 0xCF8, 0xFFFFFFFF);
    assert_int_equal(fake_inl(&t->fb, 0xCF8), 0x80FFFFFC);
    assert_int_equal(t->resets, 0);
}

/* CF9h inside that dword is the PIIX3's. */
static void test_reset_control(void **state)
{
    struct fixture *t = *state;
    fake_outl(&t->fb, 0xCF8, 0x80000600); /* the dword has bits where CF9h has RCPU */
    assert_int_equal(t->resets, 0);
    fake_outb(&t->fb, 0xCF9, 0x02);
    assert_int_equal(t->resets, 0);
    assert_int_equal(fake_inb(&t->fb, 0xCF9), 0x02);
    fake_outb(&t->fb, 0xCF9, 0x06);
    assert_int_equal(t->hard_resets, 1);
    fake_outb(&t->fb, 0xCF9, 0x06); /* no rising edge */
    assert_int_equal(t->resets, 1);
    fake_outb(&t->fb, 0xCF9, 0x00);
    fake_outb(&t->fb, 0xCF9, 0x04);
    assert_int_equal(t->resets, 2);
    assert_int_equal(t->hard_resets, 1);
    assert_int_equal(fake_inl(&t->fb, 0xCF8), 0x80000600 & 0x80FFFFFC);
    piix3_ops.reset(&t->piix3);
    assert_int_equal(fake_inb(&t->fb, 0xCF9), 0);
}

static void test_turbo_reset(void **state)
{
    struct fixture *t = *state;
    config8_set(t, 0x93, 0x02);
    assert_int_equal(t->resets, 0);
    config8_set(t, 0x93, 0x06);
    assert_int_equal(t->hard_resets, 1);
    config8_set(t, 0x93, 0x04);
    assert_int_equal(t->resets, 2);
    assert_int_equal(t->hard_resets, 1);
}

static void test_pam(void **state)
{
    struct fixture *t = *state;
    assert_int_equal(t->pam_calls, 13);
    for (unsigned i = 0; i < 16; i++)
        assert_int_equal(t->shadow[i], 0);
    config8_set(t, 0x59, 0x30); /* BIOS area */
    for (unsigned i = 0; i < 16; i++)
        assert_int_equal(t->shadow[i], i >= 12 ? 3 : 0);
    assert_int_equal(t->pam_calls, 14);
    config8_set(t, 0x5A, 0x12); /* C0000 write, C4000 read */
    assert_int_equal(t->shadow[0], 2);
    assert_int_equal(t->shadow[1], 1);
    config8_set(t, 0x5F, 0x13); /* E8000 both, EC000 read */
    assert_int_equal(t->shadow[10], 3);
    assert_int_equal(t->shadow[11], 1);
    unsigned calls = t->pam_calls;
    config8_set(t, 0x5F, 0x13);
    assert_int_equal(t->pam_calls, calls);
    config8_set(t, 0x59, 0x3F);
    assert_int_equal(config8(t, 0x59), 0x30); /* low nibble is reserved */
    i440fx_ops.reset(&t->fx);
    for (unsigned i = 0; i < 16; i++)
        assert_int_equal(t->shadow[i], 0);
}

static void test_pam_dword(void **state)
{
    struct fixture *t = *state;
    select_reg(t, 0, 0x5C);
    fake_outl(&t->fb, 0xCFC, 0x33333333);
    for (unsigned i = 4; i < 12; i++)
        assert_int_equal(t->shadow[i], 3);
    assert_int_equal(t->shadow[3], 0);
}

static void test_smram(void **state)
{
    struct fixture *t = *state;
    assert_int_equal(config8(t, 0x72), 0x02);
    assert_false(t->open || t->enabled);
    config8_set(t, 0x72, 0x40); /* open means nothing without G_SMRAME */
    assert_false(t->open);
    config8_set(t, 0x72, 0x4A);
    assert_true(t->open && t->enabled);
    config8_set(t, 0x72, 0x2A);
    assert_true(!t->open && t->enabled && t->closed);
    config8_set(t, 0x72, 0x5A); /* lock: open falls */
    assert_int_equal(config8(t, 0x72), 0x1A);
    assert_false(t->open);
    config8_set(t, 0x72, 0x4A);
    assert_int_equal(config8(t, 0x72), 0x1A);
    assert_true(fake_roundtrip(&i440fx_ops, &t->fx));
    config8_set(t, 0x72, 0x4A); /* still locked after loading */
    assert_int_equal(config8(t, 0x72), 0x1A);
    i440fx_ops.reset(&t->fx);
    config8_set(t, 0x72, 0x4A);
    assert_true(t->open);
}

static void test_roundtrip(void **state)
{
    struct fixture *t = *state;
    config8_set(t, 0x59, 0x30);
    config8_set(t, 0x5B, 0x21);
    config8_set(t, 0x72, 0x0A);
    select_reg(t, 8, 0x60);
    assert_true(fake_roundtrip(&i440fx_ops, &t->fx));
    assert_int_equal(fake_inl(&t->fb, 0xCF8), 0x80000860);
    assert_int_equal(t->shadow[12], 3);
    assert_int_equal(t->shadow[2], 1);
    assert_int_equal(t->shadow[3], 2);
    assert_true(t->enabled);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_ids, setup, teardown),
        cmocka_unit_test_setup_teardown(test_nobody_there, setup, teardown),
        cmocka_unit_test_setup_teardown(test_confadd_is_a_dword, setup, teardown),
        cmocka_unit_test_setup_teardown(test_reset_control, setup, teardown),
        cmocka_unit_test_setup_teardown(test_turbo_reset, setup, teardown),
        cmocka_unit_test_setup_teardown(test_pam, setup, teardown),
        cmocka_unit_test_setup_teardown(test_pam_dword, setup, teardown),
        cmocka_unit_test_setup_teardown(test_smram, setup, teardown),
        cmocka_unit_test_setup_teardown(test_roundtrip, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
