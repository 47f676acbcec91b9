/*
 * test_pc_slices.c - where a slice ends is nothing that a guest could notice.
 */
#include "disk/image.h"
#include "hw/pc.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { ROM = 0x10000, HANDLER = 0x80 };

/* At F000:0, with handlers of vectors 1 and 8 that just return. */
static struct pc *machine(u8 *rom, const u8 *code, size_t n)
{
    static const u8 reset_vector[] = {0xEA, 0x00, 0x00, 0x00, 0xF0}; /* jmp F000:0 */
    static const u8 start[] = {
        0x31, 0xC0, 0x8E, 0xD8, 0x8E, 0xD0, 0xBC, 0x00, 0x70, /* xor ax,ax; mov ds,ax; mov ss,ax; mov sp,7000h */
        0xC7, 0x06, 0x04, 0x00, 0x80, 0x00, 0xC7, 0x06, 0x06, 0x00, 0x00, 0xF0, /* vector 1 */
        0xC7, 0x06, 0x20, 0x00, 0x80, 0x00, 0xC7, 0x06, 0x22, 0x00, 0x00, 0xF0, /* vector 8 */
    };
    char error[IMAGE_ERROR_MAX];
    memset(rom, 0, ROM);
    memcpy(rom, start, sizeof start);
    memcpy(rom + sizeof start, code, n);
    rom[HANDLER] = 0xCF; /* iret */
    memcpy(rom + 0xFFF0, reset_vector, sizeof reset_vector);
    struct pc_config config = {.cpu = cpu_model_find("486"),
                               .ram = 1 << 20,
                               .bios = rom,
                               .bios_size = ROM,
                               .exit_port = true,
                               .log_out = stderr};
    struct pc *pc = pc_new(&config, error, sizeof error);
    if (!pc)
        fail_msg("%s", error);
    return pc;
}

/* A processor that is woken as soon as it halts does not wait, in slices of whatever length. */
static void never_waits(const u8 *code, size_t n)
{
    u8 *rom = malloc(ROM);
    assert_non_null(rom);
    for (u64 slice = 1; slice < 40; slice++) {
        struct pc *pc = machine(rom, code, n);
        enum pc_stop stop = PC_BUDGET;
        while (stop == PC_BUDGET && cpu_count(pc_cpu(pc)) < 10000)
            stop = pc_run(pc, slice);
        assert_int_equal(stop, PC_EXIT);
        pc_free(pc);
    }
    free(rom);
}

static void test_single_step_wakes(void **state)
{
    static const u8 code[] = {0x9C, 0x58, 0x80, 0xCC, 0x01, 0x50, 0x9D, /* pushf; pop ax; or ah,1; push ax; popf */
                              0xF4, 0xE6, 0xF4, 0xEB, 0xFE};            /* hlt; out 0F4h,al; jmp $ */
    never_waits(code, sizeof code);
}

static void test_interrupt_wakes(void **state)
{
    static const u8 code[] = {
        0xB0, 0x11, 0xE6, 0x20, 0xB0, 0x08, 0xE6, 0x21, 0xB0, 0x04, 0xE6, 0x21, /* 8259: vector 8, */
        0xB0, 0x01, 0xE6, 0x21, 0xB0, 0xFE, 0xE6, 0x21,                         /* interrupt 0 alone */
        0xB0, 0x34, 0xE6, 0x43, 0xB0, 0x40, 0xE6, 0x40, 0xB0, 0x00, 0xE6, 0x40, /* 8254: every 64 ticks */
        0xB9, 0xD0, 0x07, 0xE2, 0xFE,                                           /* mov cx,2000; loop $ */
        0xFB, 0xF4, 0xE6, 0xF4, 0xEB, 0xFE,                                     /* sti; hlt; out 0F4h,al; jmp $ */
    };
    never_waits(code, sizeof code);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_single_step_wakes),
        cmocka_unit_test(test_interrupt_wakes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
