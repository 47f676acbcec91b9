/* The CD-ROM drive: packets by PIO and DMA, sense data, media change, the answers that guests ask for. */
#include "hw/ide.h"
#include "tests/unit/fake_bus.h"
#include "tests/unit/mem_block.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

enum { DATA = 0x170, ERROR = 0x171, COUNT, LOW, MID, HIGH, DEVICE, STATUS, CONTROL = 0x376, BM = 0xC008 };
enum { BSY = 0x80, DRQ = 0x08, IRQ15 = 15, BLOCKS = 1000, DEVFN = 1 << 3 | 1, PRD = 0x1000, BUF = 0x10000 };

struct fixture {
    struct fake_bus fb;
    struct pci_bus pci;
    struct ide ide;
    struct mem_block disc, other;
    u8 got[65536];
};

static int setup(void **state)
{
    struct fixture *t = calloc(1, sizeof *t);
    fake_bus_init(&t->fb);
    pci_bus_init(&t->pci, &t->fb.bus);
    mem_block_init(&t->disc, BLOCKS * 2048, 2048);
    mem_block_init(&t->other, 2 * 2048, 2048);
    t->disc.block.readonly = true;
    const struct irq_line irq[2] = {fake_line(&t->fb, 14), fake_line(&t->fb, IRQ15)};
    ide_init(&t->ide, &t->fb.bus, &t->pci, DEVFN, irq);
    ide_attach_cd(&t->ide, 1, 0, &t->disc.block);
    ide_ops.reset(&t->ide);
    pci_config_write(&t->pci, DEVFN, 0x20, BM & ~15, 4);
    pci_config_write(&t->pci, DEVFN, 4, 5, 2);
    *state = t;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *t = *state;
    fake_bus_free(&t->fb);
    block_close(&t->disc.block);
    block_close(&t->other.block);
    free(t);
    return 0;
}

static u8 in(struct fixture *t, u16 port)
{
    return fake_inb(&t->fb, port);
}

static void out(struct fixture *t, u16 port, u8 v)
{
    fake_outb(&t->fb, port, v);
}

static u8 settle(struct fixture *t)
{
    for (unsigned i = 0; i < 10000 && in(t, CONTROL) & BSY; i++)
        fake_run_ns(&t->fb, 10000);
    assert_false(in(t, CONTROL) & BSY);
    return in(t, CONTROL);
}

static void roundtrip(struct fixture *t)
{
    assert_true(fake_roundtrip(&ide_ops, &t->ide));
    clock_restored(&t->fb.clock);
}

static void send_packet(struct fixture *t, const u8 packet[12], unsigned limit, bool dma)
{
    unsigned rises = t->fb.rises[IRQ15];

    out(t, DEVICE, 0xA0);
    out(t, ERROR, dma);
    out(t, MID, (u8)limit);
    out(t, HIGH, (u8)(limit >> 8));
    out(t, STATUS, 0xA0);
    assert_int_equal(settle(t) & DRQ, DRQ);
    assert_int_equal(in(t, COUNT) & 3, 1); /* command, to the device */
    assert_int_equal(t->fb.rises[IRQ15], rises);
    for (unsigned i = 0; i < 12; i += 2)
        fake_outw(&t->fb, DATA, ld16(packet + i));
}

/* Runs a packet that answers; returns how many bytes came, or -1 if it ended with an error. */
static int packet_in(struct fixture *t, const u8 packet[12], unsigned limit)
{
    unsigned n = 0;

    send_packet(t, packet, limit, false);
    for (;;) {
        u8 status = settle(t);
        assert_true(t->fb.line[IRQ15]);
        in(t, STATUS);
        if (!(status & DRQ)) {
            assert_int_equal(in(t, COUNT) & 3, 3); /* status phase */
            return status & 1 ? -1 : (int)n;
        }
        assert_int_equal(in(t, COUNT) & 3, 2); /* data, to the host */
        unsigned bytes = in(t, MID) | (unsigned)in(t, HIGH) << 8;
        assert_in_range(bytes, 1, limit);
        for (unsigned i = 0; i < bytes; i += 2, n += 2)
            st16(t->got + n, fake_inw(&t->fb, DATA));
        n -= bytes & 1;
    }
}

#define PACKET(...) ((const u8[12]){__VA_ARGS__})

static u32 sense(struct fixture *t)
{
    assert_int_equal(packet_in(t, PACKET(3, 0, 0, 0, 18), 256), 18);
    return (u32)t->got[2] << 16 | (u32)t->got[12] << 8 | t->got[13];
}

/* Takes the unit attention that follows power-on. */
static void ready(struct fixture *t)
{
    assert_int_equal(packet_in(t, PACKET(0), 256), -1);
    assert_int_equal(sense(t), 0x062900);
    assert_int_equal(packet_in(t, PACKET(0), 256), 0);
}

static void test_signature(void **state)
{
    struct fixture *t = *state;

    assert_int_equal(in(t, STATUS), 0);
    assert_int_equal(in(t, MID), 0x14);
    assert_int_equal(in(t, HIGH), 0xEB);
    out(t, MID, 0);
    out(t, STATUS, 0xEC);
    assert_int_equal(settle(t) & 1, 1);
    assert_int_equal(in(t, ERROR), 4);
    assert_int_equal(in(t, MID), 0x14);
    assert_int_equal(in(t, HIGH), 0xEB);
    out(t, STATUS, 0xA1);
    assert_int_equal(settle(t), 0x58);
    u16 word0 = fake_inw(&t->fb, DATA);
    assert_int_equal(word0, 0x85C0);
    for (unsigned i = 1; i < 256; i++)
        fake_inw(&t->fb, DATA);
    assert_int_equal(settle(t) & DRQ, 0);
    out(t, MID, 0x55);
    out(t, STATUS, 0x08); /* DEVICE RESET */
    assert_int_equal(settle(t), 0);
    assert_int_equal(in(t, MID), 0x14);
}

static void test_attention(void **state)
{
    struct fixture *t = *state;

    assert_int_equal(packet_in(t, PACKET(0x12, 0, 0, 0, 36), 256), 36); /* INQUIRY passes */
    assert_int_equal(t->got[0], 5);
    assert_memory_equal(t->got + 8, "OMBRA   CD-ROM", 14);
    ready(t);
    assert_int_equal(sense(t), 0);
    assert_int_equal(packet_in(t, PACKET(0x99), 256), -1);
    assert_int_equal(in(t, ERROR), 0x54);
    assert_int_equal(sense(t), 0x052000);
}

static void test_read(void **state)
{
    struct fixture *t = *state;

    ready(t);
    assert_int_equal(packet_in(t, PACKET(0x25), 256), 8);
    assert_memory_equal(t->got, "\0\0\3\xE7\0\0\x08\0", 8);
    assert_int_equal(packet_in(t, PACKET(0x28, 0, 0, 0, 0, 100, 0, 0, 3), 2048), 3 * 2048);
    assert_memory_equal(t->got, t->disc.data + 100 * 2048, 3 * 2048);
    assert_int_equal(packet_in(t, PACKET(0xA8, 0, 0, 0, 0, 7, 0, 0, 0, 30), 0xFFFE), 30 * 2048);
    assert_memory_equal(t->got, t->disc.data + 7 * 2048, 30 * 2048);
    /* A limit that is no multiple of the sector. */
    assert_int_equal(packet_in(t, PACKET(0x28, 0, 0, 0, 0, 9, 0, 0, 2), 1000), 2 * 2048);
    assert_memory_equal(t->got, t->disc.data + 9 * 2048, 2 * 2048);
    assert_int_equal(packet_in(t, PACKET(0x28, 0, 0, 0, 3, 0xE7, 0, 0, 2), 2048), -1);
    assert_int_equal(sense(t), 0x052100);
    assert_int_equal(packet_in(t, PACKET(0x28, 0, 0, 0, 0, 5), 2048), 0);
}

static void test_read_dma(void **state)
{
    struct fixture *t = *state;

    ready(t);
    st32(t->fb.ram + PRD, BUF);
    st32(t->fb.ram + PRD + 4, 0); /* 64 KiB */
    st32(t->fb.ram + PRD + 8, BUF + 0x10000);
    st32(t->fb.ram + PRD + 12, 0x80000000 | 8 * 2048);
    fake_outl(&t->fb, BM + 4, PRD);
    out(t, BM, 0x08);
    send_packet(t, PACKET(0x28, 0, 0, 0, 0, 50, 0, 0, 40), 0xFFFE, true);
    out(t, BM, 0x09);
    fake_run_ns(&t->fb, 200000);
    roundtrip(t); /* in flight */
    assert_int_equal(settle(t), 0x50);
    assert_int_equal(in(t, COUNT) & 3, 3);
    assert_int_equal(in(t, BM + 2) & 7, 4);
    assert_memory_equal(t->fb.ram + BUF, t->disc.data + 50 * 2048, 40 * 2048);
}

static void test_read_cd(void **state)
{
    struct fixture *t = *state;

    ready(t);
    assert_int_equal(packet_in(t, PACKET(0xBE, 0, 0, 0, 0, 20, 0, 0, 2, 0x10), 2048), 2 * 2048);
    assert_memory_equal(t->got, t->disc.data + 20 * 2048, 2 * 2048);
    assert_int_equal(packet_in(t, PACKET(0xBE, 0, 0, 0, 0, 20, 0, 0, 2, 0xF8), 2352), 2 * 2352);
    assert_memory_equal(t->got, "\0\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\0\0\2\x20\1", 16); /* sync, 00:02:20 */
    assert_memory_equal(t->got + 16, t->disc.data + 20 * 2048, 2048);
    assert_memory_equal(t->got + 2352 + 16, t->disc.data + 21 * 2048, 2048);
    assert_int_equal(packet_in(t, PACKET(0xB9, 0, 0, 0, 2, 20, 0, 2, 21, 0x10), 2048), 2048);
    assert_memory_equal(t->got, t->disc.data + 20 * 2048, 2048);
    assert_int_equal(packet_in(t, PACKET(0xBE, 4, 0, 0, 0, 20, 0, 0, 2, 0x10), 2048), -1); /* audio */
    assert_int_equal(sense(t), 0x056400);
}

static void test_toc(void **state)
{
    struct fixture *t = *state;

    ready(t);
    assert_int_equal(packet_in(t, PACKET(0x43, 0, 0, 0, 0, 0, 0, 1, 0), 256), 20);
    assert_memory_equal(t->got, "\0\x12\1\1\0\x14\1\0\0\0\0\0\0\x14\xAA\0\0\0\3\xE8", 20);
    assert_int_equal(packet_in(t, PACKET(0x43, 2, 0, 0, 0, 0, 0xAA, 1, 0), 256), 12);
    assert_memory_equal(t->got + 8, "\0\0\x0F\x19", 4);                             /* 1150 frames: 00:15:25 */
    assert_int_equal(packet_in(t, PACKET(0x43, 0, 0, 0, 0, 0, 0, 0, 12), 256), 12); /* allocation length */
    assert_int_equal(packet_in(t, PACKET(0x43, 0, 1, 0, 0, 0, 0, 1, 0), 256), 12);
    assert_memory_equal(t->got, "\0\x0A\1\1\0\x14\1\0\0\0\0\0", 12);
    assert_int_equal(packet_in(t, PACKET(0x43, 2, 0, 0, 0, 0, 0, 1, 0, 0x80), 256), 48); /* SFF-8020's format 2 */
    assert_int_equal(t->got[7], 0xA0);
    assert_int_equal(packet_in(t, PACKET(0x43, 0, 0, 0, 0, 0, 2, 1, 0), 256), -1);
    assert_int_equal(sense(t), 0x052400);
    assert_int_equal(packet_in(t, PACKET(0x42, 2, 0x40, 1, 0, 0, 0, 0, 16), 256), 16);
    assert_int_equal(packet_in(t, PACKET(0x51, 0, 0, 0, 0, 0, 0, 0, 34), 256), 34);
    assert_int_equal(packet_in(t, PACKET(0x52, 1, 0, 0, 0, 1, 0, 0, 36), 256), 36);
    assert_memory_equal(t->got + 24, "\0\0\3\xE8", 4);
    assert_int_equal(packet_in(t, PACKET(0xBD, 0, 0, 0, 0, 0, 0, 0, 0, 8), 256), 8);
}

static void test_mode(void **state)
{
    struct fixture *t = *state;

    ready(t);
    assert_int_equal(packet_in(t, PACKET(0x5A, 0, 0x2A, 0, 0, 0, 0, 0, 128), 256), 30);
    assert_int_equal(t->got[1], 28);
    assert_int_equal(t->got[2], 0x01);
    assert_int_equal(t->got[8], 0x2A);
    assert_int_equal(t->got[9], 20);
    assert_int_equal(packet_in(t, PACKET(0x5A, 0, 0x3F, 0, 0, 0, 0, 0, 128), 256), 8 + 8 + 16 + 22);
    assert_int_equal(packet_in(t, PACKET(0x5A, 0, 0x08, 0, 0, 0, 0, 0, 128), 256), -1);
    assert_int_equal(sense(t), 0x052400);
    assert_int_equal(packet_in(t, PACKET(0x5A, 0, 0xC1, 0, 0, 0, 0, 0, 128), 256), -1);
    assert_int_equal(sense(t), 0x053900);
    /* MODE SELECT of the error recovery page: nine tries. */
    static const u8 list[16] = {0, 14, 0, 0, 0, 0, 0, 0, 1, 6, 0x20, 9};
    send_packet(t, PACKET(0x55, 0x10, 0, 0, 0, 0, 0, 0, 16), 16, false);
    assert_int_equal(settle(t), 0x58);
    assert_int_equal(in(t, COUNT) & 3, 0); /* data, to the device */
    assert_int_equal(in(t, MID), 16);
    for (unsigned i = 0; i < 16; i += 2)
        fake_outw(&t->fb, DATA, ld16(list + i));
    assert_int_equal(settle(t), 0x50);
    assert_int_equal(packet_in(t, PACKET(0x5A, 0, 0x01, 0, 0, 0, 0, 0, 128), 256), 16);
    assert_memory_equal(t->got + 8, list + 8, 4);
    roundtrip(t);
}

static void test_configuration(void **state)
{
    struct fixture *t = *state;

    ready(t);
    int n = packet_in(t, PACKET(0x46, 0, 0, 0, 0, 0, 0, 1, 0), 256);
    assert_true(n > 30);
    assert_int_equal(t->got[3], n - 4);
    assert_int_equal(t->got[7], 0x08); /* profile CD-ROM */
    assert_int_equal(packet_in(t, PACKET(0x46, 2, 0, 3, 0, 0, 0, 1, 0), 256), 16);
    assert_int_equal(t->got[9], 3);
    ide_cd_insert(&t->ide, 1, 0, NULL);
    packet_in(t, PACKET(0x46, 1, 0, 0, 0, 0, 0, 1, 0), 256);
    assert_int_equal(t->got[7], 0);
}

static void test_media_change(void **state)
{
    struct fixture *t = *state;

    ready(t);
    assert_int_equal(ide_cd_insert(&t->ide, 0, 0, NULL), -ENODEV);
    assert_int_equal(ide_cd_insert(&t->ide, 1, 0, NULL), 0);
    assert_int_equal(packet_in(t, PACKET(0x4A, 1, 0, 0, 0x10, 0, 0, 0, 8), 256), 8);
    assert_memory_equal(t->got, "\0\6\4\x10\3\0", 6);
    assert_int_equal(packet_in(t, PACKET(0), 256), -1);
    assert_int_equal(sense(t), 0x023A01);
    assert_int_equal(ide_cd_insert(&t->ide, 1, 0, &t->other.block), 0);
    assert_int_equal(packet_in(t, PACKET(0x4A, 1, 0, 0, 0x10, 0, 0, 0, 8), 256), 8);
    assert_memory_equal(t->got, "\0\6\4\x10\2\2", 6);
    packet_in(t, PACKET(0x4A, 1, 0, 0, 0x10, 0, 0, 0, 8), 256);
    assert_int_equal(t->got[4], 0); /* told once */
    assert_int_equal(packet_in(t, PACKET(0x25), 256), -1);
    assert_int_equal(sense(t), 0x062800);
    assert_int_equal(packet_in(t, PACKET(0x25), 256), 8);
    assert_int_equal(t->got[3], 1);
    assert_int_equal(packet_in(t, PACKET(0x4A, 0, 0, 0, 0x10, 0, 0, 0, 8), 256), -1); /* not asynchronous */
}

static void test_tray(void **state)
{
    struct fixture *t = *state;

    ready(t);
    assert_int_equal(packet_in(t, PACKET(0x1E, 0, 0, 0, 1), 256), 0);
    assert_true(ide_cd_locked(&t->ide, 1, 0));
    assert_int_equal(packet_in(t, PACKET(0x1B, 0, 0, 0, 2), 256), -1);
    assert_int_equal(sense(t), 0x055302);
    assert_int_equal(packet_in(t, PACKET(0x1E), 256), 0);
    assert_int_equal(packet_in(t, PACKET(0x1B, 0, 0, 0, 2), 256), 0);
    assert_int_equal(packet_in(t, PACKET(0x28, 0, 0, 0, 0, 0, 0, 0, 1), 2048), -1);
    assert_int_equal(sense(t), 0x023A02);
    assert_int_equal(packet_in(t, PACKET(0x1B, 0, 0, 0, 3), 256), 0);
    assert_int_equal(packet_in(t, PACKET(0), 256), -1);
    assert_int_equal(sense(t), 0x062800);
    assert_int_equal(packet_in(t, PACKET(0), 256), 0);
}

/* Taking the disc out in the middle of a read ends the read. */
static void test_change_in_flight(void **state)
{
    struct fixture *t = *state;

    ready(t);
    send_packet(t, PACKET(0x28, 0, 0, 0, 0, 0, 0, 0, 40), 2048, false);
    assert_int_equal(settle(t), 0x58);
    ide_cd_insert(&t->ide, 1, 0, NULL);
    assert_int_equal(settle(t), 0x51);
    assert_int_equal(sense(t), 0x062800);
}

static void test_read_error(void **state)
{
    struct fixture *t = *state;

    ready(t);
    t->fb.log.out = tmpfile();
    t->disc.bad_offset = 12 * 2048;
    t->disc.bad_error = -EIO;
    assert_int_equal(packet_in(t, PACKET(0x28, 0, 0, 0, 0, 10, 0, 0, 4), 2048), -1);
    assert_int_equal(sense(t), 0x031100);
    fclose(t->fb.log.out);
}

static void test_save_pio(void **state)
{
    struct fixture *t = *state;

    ready(t);
    send_packet(t, PACKET(0x28, 0, 0, 0, 0, 60, 0, 0, 2), 2048, false);
    roundtrip(t); /* busy with the packet */
    settle(t);
    for (unsigned i = 0; i < 1000; i += 2)
        st16(t->got + i, fake_inw(&t->fb, DATA));
    roundtrip(t); /* in a block */
    for (unsigned i = 1000; i < 2048; i += 2)
        st16(t->got + i, fake_inw(&t->fb, DATA));
    roundtrip(t); /* between blocks */
    settle(t);
    for (unsigned i = 2048; i < 4096; i += 2)
        st16(t->got + i, fake_inw(&t->fb, DATA));
    assert_int_equal(settle(t), 0x50);
    assert_memory_equal(t->got, t->disc.data + 60 * 2048, 4096);
}

static void test_hostile_state(void **state)
{
    struct fixture *t = *state;
    struct ide_cd *cd = &t->ide.channel[1].unit[0].cd;

    cd->stage = 7;
    assert_int_equal(ide_ops.loaded(&t->ide), -EINVAL);
    cd->stage = 0;
    cd->reply = IDE_BUFFER + 1;
    assert_int_equal(ide_ops.loaded(&t->ide), -EINVAL);
    cd->reply = 0;
    assert_int_equal(ide_ops.loaded(&t->ide), 0);
}

/* Random packets with random limits, sometimes by DMA. */
static void test_random(void **state)
{
    struct fixture *t = *state;
    u32 seed = 7;
    u8 packet[12];

    t->fb.log.out = tmpfile();
    st32(t->fb.ram + PRD, BUF);
    st32(t->fb.ram + PRD + 4, 0x80000000);
    fake_outl(&t->fb, BM + 4, PRD);
    for (unsigned round = 0; round < 20000; round++) {
        for (unsigned i = 0; i < 12; i++) {
            seed = seed * 1664525 + 1013904223;
            packet[i] = (seed >> 24) < 160 && i ? 0 : (u8)(seed >> 16);
        }
        if (settle(t) & DRQ)
            out(t, STATUS, 0x08);
        settle(t);
        send_packet(t, packet, seed >> 8 & 0xFFFF, seed >> 30 == 0);
        out(t, BM, 0x00);
        out(t, BM, 0x09);
        for (unsigned i = 0; i < (seed >> 4 & 0xFFF); i++)
            fake_inl(&t->fb, DATA);
        fake_run_ns(&t->fb, 20000000);
        if (in(t, CONTROL) & (BSY | DRQ)) {
            out(t, CONTROL, 4);
            out(t, CONTROL, 0);
        }
    }
    fclose(t->fb.log.out);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_signature), T(test_attention),        T(test_read),
        T(test_read_dma),  T(test_read_cd),          T(test_toc),
        T(test_mode),      T(test_configuration),    T(test_media_change),
        T(test_tray),      T(test_change_in_flight), T(test_read_error),
        T(test_save_pio),  T(test_hostile_state),    T(test_random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
