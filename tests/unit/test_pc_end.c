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

/* A machine that ends by the exit port does not swallow the characters that are still in its serial port. */
static void test_last_words(void **state)
{
    static const u8 code[] = {0xBA, 0xF8, 0x03,                  /* mov dx, 3F8h */
                              0xB0, 'o',  0xEE, 0xB0, 'k', 0xEE, /* mov al, 'o'; out dx, al; mov al, 'k'; out dx, al */
                              0xE6, 0xF4, 0xEB, 0xFE};           /* out 0F4h, al; jmp $ */
    static const u8 reset_vector[] = {0xEA, 0x00, 0x00, 0x00, 0xF0}; /* jmp F000:0 */
    u8 *rom = calloc(1, 0x10000);
    char text[16] = "", error[IMAGE_ERROR_MAX];
    assert_non_null(rom);
    memcpy(rom, code, sizeof code);
    memcpy(rom + 0xFFF0, reset_vector, sizeof reset_vector);
    struct pc_config config = {.cpu = cpu_model_find("486"),
                               .ram = 1 << 20,
                               .bios = rom,
                               .bios_size = 0x10000,
                               .serial = {{text, heard}},
                               .serial_present = {true},
                               .exit_port = true,
                               .log_out = stderr};
    test_engine_pc(&config);
    struct pc *pc = pc_new(&config, error, sizeof error);
    if (!pc)
        fail_msg("%s", error);
    assert_int_equal(pc_run(pc, 1000), PC_EXIT);
    assert_string_equal(text, "ok");
    pc_free(pc);
    free(rom);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_last_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
