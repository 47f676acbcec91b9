/* The IDE function with disks: registers, ATA commands, PIO, the bus master, errors, reset, saving in flight. */
#include "hw/ide.h"
#include "tests/unit/fake_bus.h"
#include "tests/unit/mem_block.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

enum { DATA = 0x1F0, ERROR = 0x1F1, COUNT, LOW, MID, HIGH, DEVICE, STATUS, CONTROL = 0x3F6, BM = 0xC000 };
enum { BSY = 0x80, DRDY = 0x40, DRQ = 0x08, ERR = 0x01 };
enum { UNC = 0x40, IDNF = 0x10, ABRT = 0x04 };
enum { IRQ14 = 14, IRQ15 = 15, SECTORS = 16 * 63 * 100, PRD = 0x1000, BUF = 0x10000, DEVFN = 1 << 3 | 1 };

struct fixture {
    struct fake_bus fb;
    struct pci_bus pci;
    struct ide ide;
    struct mem_block disk;
};

static int setup(void **state)
{
    struct fixture *t = calloc(1, sizeof *t);
    fake_bus_init(&t->fb);
    pci_bus_init(&t->pci, &t->fb.bus);
    mem_block_init(&t->disk, SECTORS * 512ull, 512);
    const struct irq_line irq[2] = {fake_line(&t->fb, IRQ14), fake_line(&t->fb, IRQ15)};
    ide_init(&t->ide, &t->fb.bus, &t->pci, DEVFN, irq);
    ide_attach_disk(&t->ide, 0, 0, &t->disk.block, 100, 16, 63);
    ide_ops.reset(&t->ide);
    pci_config_write(&t->pci, DEVFN, 0x20, BM, 4);
    pci_config_write(&t->pci, DEVFN, 4, 5, 2);
    *state = t;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *t = *state;
    fake_bus_free(&t->fb);
    block_close(&t->disk.block);
    free(t);
    return 0;
}

static void roundtrip(struct fixture *t)
{
    assert_true(fake_roundtrip(&ide_ops, &t->ide));
    clock_restored(&t->fb.clock);
}

static u8 in(struct fixture *t, u16 port)
{
    return fake_inb(&t->fb, port);
}

static void out(struct fixture *t, u16 port, u8 v)
{
    fake_outb(&t->fb, port, v);
}

/* Runs until the drive is no longer busy; returns the alternate status. */
static u8 settle(struct fixture *t)
{
    for (unsigned i = 0; i < 10000 && in(t, CONTROL) & BSY; i++)
        fake_run_ns(&t->fb, 10000);
    assert_false(in(t, CONTROL) & BSY);
    return in(t, CONTROL);
}

static void address(struct fixture *t, u32 lba, u8 count)
{
    out(t, DEVICE, (u8)(0xE0 | lba >> 24));
    out(t, COUNT, count);
    out(t, LOW, (u8)lba);
    out(t, MID, (u8)(lba >> 8));
    out(t, HIGH, (u8)(lba >> 16));
}

static void address48(struct fixture *t, u64 lba, u16 count)
{
    out(t, DEVICE, 0x40);
    out(t, COUNT, (u8)(count >> 8));
    out(t, LOW, (u8)(lba >> 24));
    out(t, MID, (u8)(lba >> 32));
    out(t, HIGH, (u8)(lba >> 40));
    out(t, COUNT, (u8)count);
    out(t, LOW, (u8)lba);
    out(t, MID, (u8)(lba >> 8));
    out(t, HIGH, (u8)(lba >> 16));
}

static u8 command(struct fixture *t, u8 code)
{
    out(t, STATUS, code);
    assert_true(in(t, CONTROL) & BSY);
    return settle(t);
}

static void read_words(struct fixture *t, u8 *to, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i += 2)
        st16(to + i, fake_inw(&t->fb, DATA));
}

static void write_words(struct fixture *t, const u8 *from, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i += 2)
        fake_outw(&t->fb, DATA, ld16(from + i));
}

static const u8 *sector(const struct fixture *t, u32 lba)
{
    return t->disk.data + lba * 512ull;
}

static void test_identify(void **state)
{
    struct fixture *t = *state;
    u8 id[512];

    out(t, DEVICE, 0xA0);
    assert_int_equal(command(t, 0xEC), 0x58);
    assert_true(t->fb.line[IRQ14]);
    assert_int_equal(in(t, STATUS), 0x58);
    assert_false(t->fb.line[IRQ14]);
    read_words(t, id, 512);
    assert_int_equal(in(t, STATUS), 0x50);
    assert_int_equal(t->fb.rises[IRQ14], 1); /* none after the data */
    assert_int_equal(ld16(id + 2), 100);
    assert_int_equal(ld16(id + 6), 16);
    assert_int_equal(ld16(id + 12), 63);
    assert_int_equal(ld32(id + 120), SECTORS);
    assert_int_equal(ld64(id + 200), SECTORS);
    assert_memory_equal(id + 54, "MORB AAHDRIDKS", 14);
    assert_int_equal(ld16(id + 166) & 0xC400, 0x4400);
}

static void test_read_pio(void **state)
{
    struct fixture *t = *state;
    u8 got[512];

    address(t, 1234, 3);
    command(t, 0x20);
    for (u32 i = 0; i < 3; i++) {
        assert_int_equal(settle(t), 0x58);
        assert_int_equal(t->fb.rises[IRQ14], i + 1);
        in(t, STATUS);
        read_words(t, got, 512);
        assert_memory_equal(got, sector(t, 1234 + i), 512);
        assert_int_equal(in(t, CONTROL) & DRQ, 0);
    }
    assert_int_equal(in(t, STATUS), 0x50);
    assert_int_equal(in(t, COUNT), 0);
    assert_int_equal(in(t, LOW) | in(t, MID) << 8, 1236); /* the last sector that went */
    assert_int_equal(fake_inw(&t->fb, DATA), 0);
}

static void test_read_32bit(void **state)
{
    struct fixture *t = *state;
    u8 got[512];

    address(t, 7, 1);
    command(t, 0x20);
    for (unsigned i = 0; i < 512; i += 4)
        st32(got + i, fake_inl(&t->fb, DATA));
    assert_memory_equal(got, sector(t, 7), 512);
    assert_int_equal(in(t, STATUS), 0x50);
}

static void test_chs(void **state)
{
    struct fixture *t = *state;
    u8 got[512];

    out(t, DEVICE, 0xA5); /* head 5 */
    out(t, COUNT, 1);
    out(t, LOW, 9);
    out(t, MID, 3);
    out(t, HIGH, 0);
    command(t, 0x20);
    read_words(t, got, 512);
    assert_memory_equal(got, sector(t, (3 * 16 + 5) * 63 + 8), 512);
    assert_int_equal(in(t, LOW), 9);
    assert_int_equal(in(t, DEVICE), 0xA5);
    /* Another shape: 8 heads of 32 sectors. */
    out(t, DEVICE, 0xA7);
    out(t, COUNT, 32);
    assert_int_equal(command(t, 0x91), 0x50);
    out(t, DEVICE, 0xA7);
    out(t, COUNT, 1);
    out(t, LOW, 32);
    out(t, MID, 1);
    command(t, 0x20);
    read_words(t, got, 512);
    assert_memory_equal(got, sector(t, (1 * 8 + 7) * 32 + 31), 512);
    out(t, LOW, 33); /* no such sector now */
    assert_int_equal(command(t, 0x20) & ERR, ERR);
    assert_int_equal(in(t, ERROR), IDNF);
    out(t, LOW, 0);
    command(t, 0x40);
    assert_int_equal(in(t, ERROR), IDNF);
}

static void test_write_pio(void **state)
{
    struct fixture *t = *state;
    u8 data[1024];

    for (unsigned i = 0; i < sizeof data; i++)
        data[i] = (u8)(i * 3);
    address(t, 500, 2);
    assert_int_equal(command(t, 0x30), 0x58);
    assert_int_equal(t->fb.rises[IRQ14], 0); /* the first block asks without an interrupt */
    write_words(t, data, 512);
    assert_int_equal(settle(t), 0x58);
    assert_int_equal(t->fb.rises[IRQ14], 1);
    in(t, STATUS);
    write_words(t, data + 512, 512);
    assert_int_equal(settle(t), 0x50);
    assert_int_equal(t->fb.rises[IRQ14], 2);
    assert_memory_equal(sector(t, 500), data, 1024);
    assert_int_equal(t->disk.flushes, 0);
    assert_int_equal(command(t, 0xE7), 0x50);
    assert_int_equal(t->disk.flushes, 1);
    /* With the write cache off each write is flushed. */
    out(t, ERROR, 0x82);
    assert_int_equal(command(t, 0xEF), 0x50);
    unsigned before = t->disk.flushes;
    address(t, 500, 1);
    command(t, 0x30);
    write_words(t, data, 512);
    settle(t);
    assert_int_equal(t->disk.flushes, before + 1);
}

static void test_multiple(void **state)
{
    struct fixture *t = *state;
    u8 got[10 * 512];

    out(t, COUNT, 3);
    command(t, 0xC6);
    assert_int_equal(in(t, ERROR), ABRT);
    out(t, COUNT, 4);
    assert_int_equal(command(t, 0xC6), 0x50);
    unsigned before = t->fb.rises[IRQ14];
    in(t, STATUS);
    address(t, 60, 10);
    command(t, 0xC4);
    for (unsigned done = 0; done < 10;) {
        unsigned n = MIN(4u, 10 - done);
        assert_true(settle(t) & DRQ);
        in(t, STATUS);
        read_words(t, got + done * 512, n * 512);
        done += n;
    }
    assert_int_equal(in(t, STATUS), 0x50);
    assert_int_equal(t->fb.rises[IRQ14] - before, 3);
    assert_memory_equal(got, sector(t, 60), sizeof got);
    out(t, COUNT, 0); /* off */
    command(t, 0xC6);
    address(t, 60, 1);
    command(t, 0xC4);
    assert_int_equal(in(t, ERROR), ABRT);
}

static void test_lba48(void **state)
{
    struct fixture *t = *state;
    u8 got[512];

    address48(t, 4000, 2);
    command(t, 0x24);
    read_words(t, got, 512);
    settle(t);
    read_words(t, got, 512);
    assert_memory_equal(got, sector(t, 4001), 512);
    out(t, CONTROL, 0x80);
    assert_int_equal(in(t, LOW), 0); /* bits 24-31 */
    out(t, CONTROL, 0);
    assert_int_equal(in(t, LOW), 4001 & 0xFF);
    address48(t, 0x123456789Aull, 1);
    command(t, 0x24);
    assert_int_equal(in(t, ERROR), IDNF);
    out(t, CONTROL, 0x80);
    assert_int_equal(in(t, LOW), 0x34);
    out(t, CONTROL, 0);
    out(t, DEVICE, 0x40);
    assert_int_equal(command(t, 0x27), 0x50); /* READ NATIVE MAX ADDRESS EXT */
    assert_int_equal(in(t, LOW) | in(t, MID) << 8 | in(t, HIGH) << 16, SECTORS - 1);
}

/* Reading into the end of the disk gives what there is, then IDNF at the first sector that is not there. */
static void test_past_end(void **state)
{
    struct fixture *t = *state;
    u8 got[512];

    address(t, SECTORS - 1, 2);
    command(t, 0x20);
    read_words(t, got, 512);
    assert_memory_equal(got, sector(t, SECTORS - 1), 512);
    assert_int_equal(settle(t), 0x51);
    assert_int_equal(in(t, ERROR), IDNF);
    assert_int_equal(in(t, LOW) | in(t, MID) << 8 | in(t, HIGH) << 16, SECTORS);
    assert_int_equal(in(t, COUNT), 1);
}

/* ---- Bus master ---- */

static void prd(struct fixture *t, unsigned i, u32 base, u16 len, bool last)
{
    st32(t->fb.ram + PRD + i * 8, base);
    st32(t->fb.ram + PRD + i * 8 + 4, len | (last ? 0x80000000 : 0));
}

static void start_bm(struct fixture *t, bool to_memory)
{
    fake_outl(&t->fb, BM + 4, PRD);
    out(t, BM + 2, 0x06);
    out(t, BM, to_memory ? 0x08 : 0);
    out(t, BM, to_memory ? 0x09 : 0x01);
}

static void test_dma_read(void **state)
{
    struct fixture *t = *state;

    prd(t, 0, BUF, 600, false); /* descriptors need not end with sectors */
    prd(t, 1, BUF + 0x8000, 3 * 512 - 600, true);
    address(t, 100, 3);
    out(t, STATUS, 0xC8);
    fake_run_ns(&t->fb, 1000000);
    assert_true(in(t, CONTROL) & BSY); /* the bus master has not been started */
    start_bm(t, true);
    assert_int_equal(in(t, BM + 2) & 7, 1);
    fake_run_ns(&t->fb, 1000000);
    assert_int_equal(in(t, BM + 2) & 7, 4);
    assert_true(t->fb.line[IRQ14]);
    assert_int_equal(in(t, STATUS), 0x50);
    assert_memory_equal(t->fb.ram + BUF, sector(t, 100), 600);
    assert_memory_equal(t->fb.ram + BUF + 0x8000, sector(t, 100) + 600, 3 * 512 - 600);
    out(t, BM, 0x08);
    out(t, BM + 2, 0x04);
    assert_int_equal(in(t, BM + 2) & 7, 0);
}

static void test_dma_write(void **state)
{
    struct fixture *t = *state;
    unsigned bytes = 200 * 512;

    for (unsigned i = 0; i < bytes; i++)
        t->fb.ram[BUF + i] = (u8)(i ^ i >> 8);
    prd(t, 0, BUF, 0, false); /* 0 means 64 KiB */
    prd(t, 1, BUF + 0x10000, (u16)(bytes - 0x10000), true);
    start_bm(t, false); /* before the command, too */
    address48(t, 2000, 200);
    command(t, 0x35);
    assert_int_equal(in(t, STATUS), 0x50);
    assert_int_equal(in(t, BM + 2) & 7, 4);
    assert_memory_equal(sector(t, 2000), t->fb.ram + BUF, bytes);
}

/* Descriptors that are longer than the transfer leave the bus master active; shorter ones stop it without an interrupt.
 */
static void test_dma_lengths(void **state)
{
    struct fixture *t = *state;

    prd(t, 0, BUF, 4096, true);
    address(t, 10, 1);
    start_bm(t, true);
    command(t, 0xC8);
    assert_int_equal(in(t, BM + 2) & 7, 5);
    assert_int_equal(in(t, STATUS), 0x50);
    out(t, BM, 0);
    assert_int_equal(in(t, BM + 2) & 7, 4);
    prd(t, 0, BUF, 512, true);
    address(t, 10, 2);
    start_bm(t, true);
    command(t, 0xC8);
    assert_int_equal(in(t, BM + 2) & 7, 0);
    assert_false(t->fb.line[IRQ14]);
    out(t, BM, 0); /* the rest, with a new table */
    prd(t, 0, BUF + 512, 512, true);
    start_bm(t, true);
    fake_run_ns(&t->fb, 1000000);
    assert_int_equal(in(t, BM + 2) & 7, 4);
    assert_int_equal(in(t, STATUS), 0x50);
    assert_memory_equal(t->fb.ram + BUF, sector(t, 10), 1024);
}

/* A table without an end covers all of memory at most once per byte asked for: it must stop. */
static void test_dma_endless_table(void **state)
{
    struct fixture *t = *state;

    memset(t->fb.ram + PRD, 0, 4096);
    for (unsigned i = 0; i < 512; i++)
        prd(t, i, BUF, 2, false);
    address(t, 0, 1);
    start_bm(t, true);
    command(t, 0xC8);
    assert_int_equal(in(t, STATUS), 0x50);
}

static void test_bm_registers(void **state)
{
    struct fixture *t = *state;

    fake_outl(&t->fb, BM + 4, 0x12345677);
    assert_int_equal(fake_inl(&t->fb, BM + 4), 0x12345674);
    out(t, BM + 2, 0x60);
    assert_int_equal(in(t, BM + 2), 0x60);
    out(t, BM + 8 + 2, 0x20);
    assert_int_equal(in(t, BM + 2), 0x60);
    assert_int_equal(in(t, BM + 10), 0x20);
    pci_config_write(&t->pci, DEVFN, 4, 0, 2); /* I/O off: only the bus master goes */
    assert_int_equal(in(t, BM + 2), 0xFF);
    assert_int_equal(in(t, STATUS), 0x50);
}

/* ---- Errors of the host ---- */

static void test_read_error(void **state)
{
    struct fixture *t = *state;
    u8 got[512];

    t->disk.bad_offset = 703 * 512;
    t->disk.bad_error = -EIO;
    t->fb.log.out = tmpfile();
    address(t, 700, 8);
    start_bm(t, true);
    prd(t, 0, BUF, 8 * 512, true);
    assert_int_equal(command(t, 0xC8), 0x51);
    assert_int_equal(in(t, ERROR), UNC);
    assert_int_equal(in(t, LOW) | in(t, MID) << 8, 703);
    assert_int_equal(in(t, COUNT), 5);
    assert_memory_equal(t->fb.ram + BUF, sector(t, 700), 3 * 512); /* what could be read */
    assert_true(t->fb.line[IRQ14]);
    address(t, 702, 8);
    assert_int_equal(command(t, 0x40), 0x51);
    assert_int_equal(in(t, LOW) | in(t, MID) << 8, 703);
    address(t, 702, 2);
    command(t, 0x20);
    read_words(t, got, 512);
    assert_int_equal(settle(t), 0x51);
    assert_int_equal(in(t, ERROR), UNC);
    fclose(t->fb.log.out);
}

static void test_write_error(void **state)
{
    struct fixture *t = *state;
    u8 data[1024] = {0};

    t->disk.bad_offset = 41 * 512;
    t->disk.bad_error = -ENOSPC;
    t->fb.log.out = tmpfile();
    address(t, 40, 2);
    command(t, 0x30);
    write_words(t, data, 512);
    settle(t);
    write_words(t, data + 512, 512);
    assert_int_equal(settle(t), 0x51);
    assert_int_equal(in(t, ERROR), ABRT);
    assert_int_equal(in(t, LOW), 41);
    fclose(t->fb.log.out);
}

/* ---- Commands without data, absent things, reset ---- */

static void test_simple_commands(void **state)
{
    struct fixture *t = *state;
    static const u8 good[] = {0x10, 0x1F, 0x70, 0x94, 0x95, 0x96, 0x97, 0xE0, 0xE1, 0xE2, 0xE3, 0xE6, 0xE7, 0xEA};
    static const u8 bad[] = {0x00, 0x01, 0x08, 0x22, 0xA0, 0xA1, 0xB0, 0xF1, 0xF6, 0xFF};

    address(t, 5, 1);
    for (unsigned i = 0; i < sizeof good; i++) {
        unsigned before = t->fb.rises[IRQ14];
        assert_int_equal(command(t, good[i]), 0x50);
        assert_int_equal(t->fb.rises[IRQ14], before + 1);
    }
    for (unsigned i = 0; i < sizeof bad; i++) {
        assert_int_equal(command(t, bad[i]), 0x51);
        assert_int_equal(in(t, ERROR), ABRT);
    }
    command(t, 0xE0);
    command(t, 0xE5);
    assert_int_equal(in(t, COUNT), 0x00);
    command(t, 0xE1);
    command(t, 0xE5);
    assert_int_equal(in(t, COUNT), 0xFF);
    out(t, ERROR, 0x03);
    out(t, COUNT, 0x44);
    assert_int_equal(command(t, 0xEF), 0x50);
    out(t, COUNT, 0x47);
    assert_int_equal(command(t, 0xEF), 0x51);
    u8 id[512];
    command(t, 0xEC);
    read_words(t, id, 512);
    assert_int_equal(ld16(id + 176), 0x103F);
    assert_int_equal(ld16(id + 126), 0x0007);
}

static void test_absent(void **state)
{
    struct fixture *t = *state;

    /* The missing slave: registers answer, status is zero, commands vanish. */
    out(t, DEVICE, 0xB0);
    out(t, COUNT, 0x55);
    out(t, LOW, 0xAA);
    assert_int_equal(in(t, COUNT), 0x55);
    assert_int_equal(in(t, LOW), 0xAA);
    assert_int_equal(in(t, DEVICE), 0xB0);
    assert_int_equal(in(t, STATUS), 0);
    out(t, STATUS, 0xEC);
    fake_run_ns(&t->fb, 10000000);
    assert_int_equal(in(t, STATUS), 0);
    assert_int_equal(t->fb.rises[IRQ14], 0);
    /* The empty channel. */
    out(t, 0x172, 0x55);
    out(t, 0x176, 0xA0);
    for (u16 p = 0x171; p <= 0x177; p++)
        assert_int_equal(in(t, p), 0);
    assert_int_equal(in(t, 0x376), 0);
    out(t, 0x177, 0xEC);
    out(t, 0x376, 4);
    out(t, 0x376, 0);
    fake_run_ns(&t->fb, 10000000);
    assert_int_equal(in(t, 0x177), 0);
}

static void test_reset(void **state)
{
    struct fixture *t = *state;

    address(t, 10, 4);
    command(t, 0x20);
    assert_true(t->fb.line[IRQ14]);
    out(t, CONTROL, 0x04);
    assert_int_equal(in(t, CONTROL), BSY);
    assert_false(t->fb.line[IRQ14]);
    fake_run_ns(&t->fb, 10000000);
    assert_int_equal(in(t, CONTROL), BSY);
    out(t, CONTROL, 0x00);
    assert_int_equal(in(t, CONTROL), BSY);
    settle(t);
    assert_int_equal(in(t, STATUS), 0x50);
    assert_int_equal(in(t, ERROR), 1);
    assert_int_equal(in(t, COUNT), 1);
    assert_int_equal(in(t, LOW), 1);
    assert_int_equal(in(t, MID), 0);
    assert_int_equal(in(t, HIGH), 0);
    assert_int_equal(in(t, DEVICE), 0xA0);
    unsigned before = t->fb.rises[IRQ14];
    out(t, MID, 0x77);
    command(t, 0x90);
    assert_int_equal(t->fb.rises[IRQ14], before + 1);
    assert_int_equal(in(t, ERROR), 1);
    assert_int_equal(in(t, MID), 0);
}

static void test_nien(void **state)
{
    struct fixture *t = *state;

    out(t, CONTROL, 0x02);
    address(t, 10, 1);
    command(t, 0x40);
    assert_int_equal(t->fb.rises[IRQ14], 0);
    out(t, CONTROL, 0x00); /* still pending */
    assert_int_equal(t->fb.rises[IRQ14], 1);
    out(t, DEVICE, 0xF0); /* the other drive does not drive the line */
    assert_false(t->fb.line[IRQ14]);
    out(t, DEVICE, 0xE0);
    assert_true(t->fb.line[IRQ14]);
}

/* ---- State ---- */

static void test_save_pio(void **state)
{
    struct fixture *t = *state;
    u8 got[1024];

    roundtrip(t);
    address(t, 300, 2);
    out(t, STATUS, 0x20);
    roundtrip(t); /* busy */
    settle(t);
    read_words(t, got, 100);
    roundtrip(t); /* in the middle of a sector */
    read_words(t, got + 100, 412);
    roundtrip(t); /* between sectors */
    settle(t);
    read_words(t, got + 512, 512);
    assert_memory_equal(got, sector(t, 300), 1024);
}

static void test_save_dma(void **state)
{
    struct fixture *t = *state;

    prd(t, 0, BUF, 8192, true);
    start_bm(t, true);
    address(t, 300, 16);
    out(t, STATUS, 0xC8);
    fake_run_ns(&t->fb, 60000);
    assert_int_equal(in(t, BM + 2) & 7, 1);
    roundtrip(t);
    settle(t);
    assert_int_equal(in(t, BM + 2) & 7, 4);
    assert_memory_equal(t->fb.ram + BUF, sector(t, 300), 8192);
}

static void test_hostile_state(void **state)
{
    struct fixture *t = *state;
    struct ide_unit *u = &t->ide.channel[0].unit[0];

    address(t, 300, 16);
    command(t, 0x20);
    u->stop = u->len = IDE_BUFFER + 2;
    assert_int_equal(ide_ops.loaded(&t->ide), -EINVAL);
    u->stop = u->len = 512;
    u->pos = 600;
    assert_int_equal(ide_ops.loaded(&t->ide), -EINVAL);
    u->pos = 0;
    u->phase = 99;
    assert_int_equal(ide_ops.loaded(&t->ide), -EINVAL);
    u->phase = IDE_IDLE;
    u->cur_sectors = 0;
    assert_int_equal(ide_ops.loaded(&t->ide), -EINVAL);
    u->cur_sectors = 63;
    assert_int_equal(ide_ops.loaded(&t->ide), 0);
}

/* Ports and time at random: nothing may crash, hang or be overrun. */
static void test_random(void **state)
{
    struct fixture *t = *state;
    u32 seed = 1;

    t->fb.log.out = tmpfile();
    ide_attach_cd(&t->ide, 0, 1, &t->disk.block);
    for (unsigned i = 0; i < 200000; i++) {
        seed = seed * 1664525 + 1013904223;
        u16 port = (seed >> 8 & 15) < 9    ? DATA + (seed >> 8 & 7)
                   : (seed >> 8 & 15) < 14 ? BM + (seed >> 12 & 15)
                                           : CONTROL;
        unsigned size = 1 << (seed >> 16 & 3);
        switch (seed >> 28) {
        case 0 ... 5:
            ports_out(&t->fb.ports, port, seed >> 3, MIN(size, 4u));
            break;
        case 6 ... 11:
            ports_in(&t->fb.ports, port, MIN(size, 4u));
            break;
        default:
            fake_run_ns(&t->fb, seed >> 10 & 0x1FFFF);
        }
        if (i % 20000 == 0)
            roundtrip(t);
    }
    fclose(t->fb.log.out);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_identify),     T(test_read_pio),      T(test_read_32bit),  T(test_chs),
        T(test_write_pio),    T(test_multiple),      T(test_lba48),       T(test_past_end),
        T(test_dma_read),     T(test_dma_write),     T(test_dma_lengths), T(test_dma_endless_table),
        T(test_bm_registers), T(test_read_error),    T(test_write_error), T(test_simple_commands),
        T(test_absent),       T(test_reset),         T(test_nien),        T(test_save_pio),
        T(test_save_dma),     T(test_hostile_state), T(test_random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
