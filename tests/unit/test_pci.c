#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/pci.h"
#include "tests/unit/fake_bus.h"

#include <errno.h>

enum { COMMAND = 4, STATUS = 6, BAR0 = 0x10, BAR1 = 0x14, ROM = 0x30, LINE = 0x3C, PIN = 0x3D };

/* A card with an I/O range, a memory range and a ROM. */
struct card {
    struct fake_bus fb;
    struct pci_bus pci;
    struct pci_func f;
    u64 io, mem, rom;
    unsigned moves;
    bool pin[4];
    unsigned written_at;
};

static void map_io(void *ctx, u64 base)
{
    struct card *c = ctx;
    c->io = base;
    c->moves++;
}

static void map_mem(void *ctx, u64 base)
{
    struct card *c = ctx;
    c->mem = base;
    c->moves++;
}

static void map_rom(void *ctx, u64 base)
{
    struct card *c = ctx;
    c->rom = base;
    c->moves++;
}

static void intx(void *ctx, unsigned devfn, unsigned pin, bool level)
{
    struct card *c = ctx;
    assert_int_equal(devfn, 3 << 3);
    c->pin[pin] = level;
}

static void written(void *ctx, unsigned offset, unsigned size)
{
    struct card *c = ctx;
    c->written_at = offset;
}

static void setup(struct card *c)
{
    memset(c, 0, sizeof *c);
    fake_bus_init(&c->fb);
    pci_bus_init(&c->pci, &c->fb.bus);
    c->pci.intx = intx;
    c->pci.intx_ctx = c;
    pci_func_init(&c->f, &c->pci, 3 << 3, "card", c, 0x1234, 0x5678, 0x030001, 2);
    c->f.config[PIN] = 2;
    c->f.written = written;
    pci_func_bar(&c->f, 0, PCI_BAR_IO, 32, false, map_io);
    pci_func_bar(&c->f, 1, PCI_BAR_MEM, 1 << 20, true, map_mem);
    pci_func_bar(&c->f, PCI_ROM_BAR, PCI_BAR_ROM, 65536, false, map_rom);
    c->io = c->mem = c->rom = PCI_BAR_UNMAPPED;
}

static u32 rd(struct card *c, unsigned offset, unsigned size)
{
    return pci_config_read(&c->pci, 3 << 3, offset, size);
}

static void wr(struct card *c, unsigned offset, u32 v, unsigned size)
{
    pci_config_write(&c->pci, 3 << 3, offset, v, size);
}

static void test_header(void **ctx)
{
    struct card c;
    setup(&c);

    assert_int_equal(rd(&c, 0, 4), 0x56781234);
    assert_int_equal(rd(&c, 8, 4), 0x03000102);
    assert_int_equal(rd(&c, 0xB, 1), 3);
    wr(&c, 0, 0, 4); /* ids are read-only */
    wr(&c, 8, 0, 4);
    assert_int_equal(rd(&c, 0, 4), 0x56781234);
    assert_int_equal(rd(&c, 9, 1), 1);
    wr(&c, LINE, 0xFF0B, 2); /* the line is writable, the pin is not */
    assert_int_equal(rd(&c, LINE, 2), 0x020B);
    assert_int_equal(c.written_at, LINE);
    /* Nobody there, and accesses that do not exist. */
    assert_int_equal(pci_config_read(&c.pci, 4 << 3, 0, 4), 0xFFFFFFFF);
    assert_int_equal(pci_config_read(&c.pci, 4 << 3, 0, 2), 0xFFFF);
    assert_int_equal(pci_config_read(&c.pci, 3 << 3, 0xFF, 2), 0xFFFF);
    assert_int_equal(pci_config_read(&c.pci, 3 << 3, 2, 4), 0xFFFFFFFF);
    pci_config_write(&c.pci, 999, 0x100, 0, 4);
    fake_bus_free(&c.fb);
}

static void test_sizing(void **ctx)
{
    struct card c;
    setup(&c);

    wr(&c, COMMAND, 3, 2);
    for (unsigned off = BAR0; off <= ROM; off += 4)
        wr(&c, off, 0xFFFFFFFF, 4);
    assert_int_equal(rd(&c, BAR0, 4), 0xFFFFFFE1);
    assert_int_equal(rd(&c, BAR1, 4), 0xFFF00008);
    assert_int_equal(rd(&c, 0x18, 4), 0);
    assert_int_equal(rd(&c, ROM, 4), 0xFFFF0001);
    assert_int_equal(c.moves, 0); /* sizing maps nothing, though decoding is on */
    fake_bus_free(&c.fb);
}

static void test_moving(void **ctx)
{
    struct card c;
    setup(&c);

    wr(&c, BAR0, 0xC000, 4);
    wr(&c, BAR1, 0xE0000000, 4);
    wr(&c, ROM, 0xF0000001, 4);
    assert_int_equal(c.moves, 0);
    wr(&c, COMMAND, 1, 1);
    assert_true(c.io == 0xC000 && c.mem == PCI_BAR_UNMAPPED);
    wr(&c, COMMAND, 2, 1);
    assert_true(c.io == PCI_BAR_UNMAPPED && c.mem == 0xE0000000 && c.rom == 0xF0000000);
    /* Byte by byte, and only a real change is told. */
    unsigned moves = c.moves;
    wr(&c, BAR1 + 3, 0xE1, 1);
    assert_true(c.mem == 0xE1000000 && c.moves == moves + 1);
    wr(&c, BAR1 + 3, 0xE1, 1);
    wr(&c, BAR1, 0xFF, 1);
    assert_true(c.mem == 0xE1000000 && c.moves == moves + 1);
    wr(&c, BAR1 + 2, 0xFF, 1);
    assert_true(c.mem == 0xE1F00000);
    /* The ROM's own enable bit. */
    wr(&c, ROM, 0xF0000000, 4);
    assert_true(c.rom == PCI_BAR_UNMAPPED);
    wr(&c, ROM, 1, 4); /* at 0: not mapped */
    assert_true(c.rom == PCI_BAR_UNMAPPED);
    /* Too high for a 16-bit I/O space; up against the top of memory. */
    wr(&c, COMMAND, 3, 1);
    assert_true(c.io == 0xC000);
    wr(&c, BAR0, 0x1C000, 4);
    assert_true(c.io == PCI_BAR_UNMAPPED);
    wr(&c, BAR1, 0xFFF00000, 4);
    assert_true(c.mem == PCI_BAR_UNMAPPED);
    fake_bus_free(&c.fb);
}

static void test_status(void **ctx)
{
    struct card c;
    setup(&c);

    c.f.config[STATUS + 1] = 0x28;
    wr(&c, STATUS, 0x0800, 2);
    assert_int_equal(rd(&c, STATUS, 2), 0x2000);
    wr(&c, COMMAND, 0xF9000000, 4); /* with the command register */
    assert_int_equal(rd(&c, STATUS, 2), 0);
    wr(&c, COMMAND, 0xFFFF, 2);
    assert_int_equal(rd(&c, COMMAND, 2), 0x0547);
    fake_bus_free(&c.fb);
}

static void test_interrupt(void **ctx)
{
    struct card c;
    setup(&c);

    pci_func_intx(&c.f, true);
    assert_true(c.pin[1] && !c.pin[0]);
    assert_int_equal(rd(&c, STATUS, 1) & 8, 8);
    wr(&c, COMMAND, 0x0400, 2); /* INTx disable */
    assert_false(c.pin[1]);
    assert_int_equal(rd(&c, STATUS, 1) & 8, 8);
    wr(&c, COMMAND, 0, 2);
    assert_true(c.pin[1]);
    pci_func_intx(&c.f, false);
    assert_false(c.pin[1]);
    assert_int_equal(rd(&c, STATUS, 1) & 8, 0);
    fake_bus_free(&c.fb);
}

static void test_reset_and_restore(void **ctx)
{
    struct card c;
    struct state_buf b = {0};
    setup(&c);

    wr(&c, BAR0, 0xC000, 4);
    wr(&c, BAR1, 0xE0000000, 4);
    wr(&c, COMMAND, 7, 2);
    wr(&c, LINE, 11, 1);
    pci_func_intx(&c.f, true);
    state_save(&b, "card", 1, pci_func_fields, &c.f);

    pci_func_reset(&c.f);
    assert_true(c.io == PCI_BAR_UNMAPPED && c.mem == PCI_BAR_UNMAPPED && !c.pin[1]);
    assert_int_equal(rd(&c, COMMAND, 4), 0);
    assert_int_equal(rd(&c, BAR0, 4), 1);
    assert_int_equal(rd(&c, BAR1, 4), 8);
    assert_int_equal(rd(&c, LINE, 2), 0x0200);

    assert_int_equal(state_load(&b, "card", 1, pci_func_fields, &c.f), 0);
    assert_int_equal(pci_func_restored(&c.f), 0);
    assert_true(c.io == 0xC000 && c.mem == 0xE0000000 && c.pin[1]);
    assert_int_equal(rd(&c, LINE, 1), 11);

    c.f.config[BAR0] = 0; /* a memory BAR now? */
    assert_int_equal(pci_func_restored(&c.f), -EINVAL);
    c.f.config[BAR0] = 1;
    c.f.config[PIN] = 5;
    assert_int_equal(pci_func_restored(&c.f), -EINVAL);
    state_buf_free(&b);
    fake_bus_free(&c.fb);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_header), cmocka_unit_test(test_sizing),    cmocka_unit_test(test_moving),
        cmocka_unit_test(test_status), cmocka_unit_test(test_interrupt), cmocka_unit_test(test_reset_and_restore),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
