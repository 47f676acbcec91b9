/*
 * test_pc_end.c - how a whole machine ends.
 */
#include "disk/image.h"
#include "tests/unit/engine_mode.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static void heard(void *ctx, const u8 *data, size_t len)
{
    strncat(ctx, (const char *)data, len);
}

struct box {
    u8 *rom;
    struct pc *pc;
    char text[16]; /* what the serial port has sent */
};

/* CODE is at F000:0. */
static void box_open(struct box *b, const u8 *code, size_t n)
{
    static const u8 reset_vector[] = {0xEA, 0x00, 0x00, 0x00, 0xF0}; /* jmp F000:0 */
    char error[IMAGE_ERROR_MAX];
    *b = (struct box){.rom = calloc(1, 0x10000)};
    assert_non_null(b->rom);
    memcpy(b->rom, code, n);
    memcpy(b->rom + 0xFFF0, reset_vector, sizeof reset_vector);
    struct pc_config config = {.cpu = cpu_model_find("486"),
                               .ram = 1 << 20,
                               .bios = b->rom,
                               .bios_size = 0x10000,
                               .serial = {{b->text, heard}},
                               .serial_present = {true},
                               .exit_port = true,
                               .log_out = stderr};
    test_engine_pc(&config);
    b->pc = pc_new(&config, error, sizeof error);
    if (!b->pc)
        fail_msg("%s", error);
}

static void box_close(struct box *b)
{
    pc_free(b->pc);
    free(b->rom);
}

/* A machine that ends by the exit port does not swallow the characters that are still in its serial port. */
static void test_last_words(void **state)
{
    static const u8 code[] = {0xBA, 0xF8, 0x03,                  /* mov dx, 3F8h */
                              0xB0, 'o',  0xEE, 0xB0, 'k', 0xEE, /* mov al, 'o'; out dx, al; mov al, 'k'; out dx, al */
                              0xE6, 0xF4, 0xEB, 0xFE};           /* out 0F4h, al; jmp $ */
    struct box b;
    box_open(&b, code, sizeof code);
    assert_int_equal(pc_run(b.pc, 1000), PC_EXIT);
    assert_string_equal(b.text, "ok");
    box_close(&b);
}

/* A port of the ISA bus takes its time: who waits for the line does not spin for as many instructions as the processor could do. */
static void test_serial_port_takes_time(void **state)
{
    static const u8 code[] = {0xBA, 0xFB, 0x03, 0xB0, 0x80, 0xEE,        /* 3FBh: divisor */
                              0xB2, 0xF8, 0xB0, 0x01, 0xEE,              /* 115,200 baud */
                              0xB2, 0xF9, 0xB0, 0x00, 0xEE,              /* */
                              0xB2, 0xFB, 0xB0, 0x03, 0xEE,              /* 8 bits */
                              0xB9, 0x0A, 0x00,                          /* mov cx, 10 */
                              0xB2, 0xFD, 0xEC, 0xA8, 0x20, 0x74, 0xFB,  /* wait until 3FDh says that there is room */
                              0xB2, 0xF8, 0xB0, '.', 0xEE, 0xE2, 0xF2,   /* send a dot; loop */
                              0xE6, 0xF4, 0xEB, 0xFE};                   /* out 0F4h, al; jmp $ */
    struct box b;
    box_open(&b, code, sizeof code);
    assert_int_equal(pc_run(b.pc, 20000), PC_EXIT); /* 10 characters are 347,000 counts of the clock */
    assert_string_equal(b.text, "..........");
    box_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_last_words),
        cmocka_unit_test(test_serial_port_takes_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
