/* The embedded tour: a boot sector that loads as much as there is. */
#include "frontend/guest/tour.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

enum { SECTOR = 512, BUFFERS = 0x8000 };

static bool contains(const void *what, size_t len)
{
    for (size_t at = 0; at + len <= tour_code_size; at++)
        if (!memcmp(tour_code + at, what, len))
            return true;
    return false;
}

static void boots(void **state)
{
    assert_int_equal(tour_code[510], 0x55);
    assert_int_equal(tour_code[511], 0xAA);
    assert_int_equal(tour_code[0], 0xEB); /* jmp short over the place for a disk's parameters */
    assert_int_equal(tour_code[2], 0x90);
}

/* The image's own buffers begin at 8000h of its segment. */
static void leaves_room_for_its_buffers(void **state)
{
    assert_true(tour_code_size > SECTOR);
    assert_true(tour_code_size <= BUFFERS);
}

/* The loader ends with cmp si, <number of sectors>. */
static void loads_all_of_itself(void **state)
{
    unsigned sectors = (unsigned)((tour_code_size + SECTOR - 1) / SECTOR);
    const u8 compare[] = {0x46, 0x81, 0xFE, (u8)sectors, (u8)(sectors >> 8)}; /* inc si; cmp si, imm16 */
    const u8 compare_short[] = {0x46, 0x83, 0xFE, (u8)sectors};
    assert_true(contains(compare, sizeof compare) || contains(compare_short, sizeof compare_short));
}

static void has_its_stages(void **state)
{
    static const char *const names[] = {"Real mode",  "Addresses", "Protected mode", "Paging",
                                        "Interrupts", "A picture", "The keyboard"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        assert_true(contains(names[i], strlen(names[i]) + 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(boots),
        cmocka_unit_test(leaves_room_for_its_buffers),
        cmocka_unit_test(loads_all_of_itself),
        cmocka_unit_test(has_its_stages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
