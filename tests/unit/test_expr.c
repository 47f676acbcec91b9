/*
 * test_expr.c - the stepper's expressions: values, mistakes told, and hostile texts.
 */
#include "frontend/step/expr.h"
#include "step_rig.h"
#include <errno.h>

static bool find(void *ctx, const char *name, u64 *value)
{
    *value = 0xC0100000;
    return strcmp(name, "start_kernel") == 0 || strcmp(name, "fee") == 0;
}

static const struct expr_names names = {find, NULL};

/* Real mode: see step_rig.h; DS 0100h, ES 0200h. Memory at 1234h is 78 56 34 12. */
static void values(void **state)
{
    static const struct {
        const char *text;
        u64 value;
    } cases[] = {
        {"7c00", 0x7C00},
        {"0x7C00", 0x7C00},
        {"7C00h", 0x7C00},
        {"10.", 10},
        {" 1 + 2 * 3 ", 7},
        {"(1 + 2) * 3", 9},
        {"ax", 0x12},
        {"EAX", 0x12},
        {"ah", 0},
        {"al + dh", 0x15},
        {"eip", RIG_IP},
        {"ds", 0x100},
        {"ds:4", 0x1004},
        {"ds:si", 0x1040},
        {"7c0:10", 0x7C10},
        {"f000:fff0", 0xFFFF0},
        {"[1234]", 0x12345678},
        {"word [1234]", 0x5678},
        {"byte [1230 + 4]", 0x78},
        {"word [ds:234]", 0x5678},
        {"ds:[234]", 0x12345678},
        {"zf", 1},
        {"cf", 0},
        {"!cf && zf", 1},
        {"cf || cpl", 0},
        {"ax == 12", 1},
        {"ax = 12", 1},
        {"ax != 12", 0},
        {"ax < 13", 1},
        {"ax <= 11", 0},
        {"ax > 11", 1},
        {"ax >= 13", 0},
        {"1 << 4 | 3", 0x13},
        {"f0 >> 4 & 7", 7},
        {"5 ^ 1", 4},
        {"1 << 64.", 0},
        {"-1", ~(u64)0},
        {"~0", ~(u64)0},
        {"!0", 1},
        {"!!ax", 1},
        {"2 - 1 - 1", 0},
        {"start_kernel + 4", 0xC0100004},
        {"fee", 0xC0100000},
        {"c000:3", 0xC0003},
        {"dead", 0xDEAD},
        {"cr0 & 1", 0},
        {"1 + 1 == 2 && 3 > 2", 1},
        {"eflags & 40", 0x40},
    };
    struct rig r;
    char error[EXPR_ERROR];
    rig_new(&r);
    rig_reset(&r, 16);
    rig_setup(&r, "zf=1");
    st32(r.ram + 0x1234, 0x12345678);
    for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
        struct expr e;
        u64 value;
        if (expr_parse(&e, cases[i].text, NULL, &names, error))
            fail_msg("%s: %s", cases[i].text, error);
        assert_true(expr_value(&e, r.c, &r.x.peek, &value));
        if (value != cases[i].value)
            fail_msg("%s is %llX", cases[i].text, (unsigned long long)value);
    }
    struct expr e;
    u64 value = 5;
    assert_int_equal(expr_parse(&e, "[100000] == 0", NULL, NULL, error), 0);
    assert_false(expr_value(&e, r.c, &r.x.peek, &value)); /* behind the memory */
    assert_int_equal(value, 0);
    rig_delete(&r);
}

static void mistakes(void **state)
{
    static const struct {
        const char *text, *error;
    } cases[] = {
        {"", "a number or a name is missing at the end"},
        {"1 +", "a number or a name is missing at the end"},
        {"(1", ") is missing at the end"},
        {"[1", "] is missing at the end"},
        {"byte 5", "[ should stand where '5' does"},
        {"1 2", "what is '2' doing there?"},
        {"nobody", "'nobody' is no number, register or symbol"},
        {"12345678123456781", "'12345678123456781' is no number, register or symbol"},
        {"1a.", "'1a.' is no number, register or symbol"},
        {"+ 1", "a number or a name should stand where '+ 1' does"},
        {"((((((((((((((((((1))))))))))))))))))", "that is nested too deeply"},
        {"1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1", "that is too long"},
    };
    for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
        struct expr e;
        char error[EXPR_ERROR] = "";
        assert_int_equal(expr_parse(&e, cases[i].text, NULL, &names, error), -EINVAL);
        assert_string_equal(error, cases[i].error);
        assert_int_equal(e.count, 0);
    }
    struct expr e;
    char error[EXPR_ERROR];
    const char *text = "1 + 1 if 2", *end;
    assert_int_equal(expr_parse(&e, text, &end, NULL, error), 0);
    assert_ptr_equal(end, text + 6);
}

/* Pieces of expressions in any order: parsed or refused, evaluated or not. */
static void anything(void **state)
{
    static const char *const pieces[] = {"(",  ")", "[",   "]", "byte ", "word", "ax", ":", "ds",
                                         "1",  "+", "-",   "*", "<<",    "&&",   "==", "!", "~",
                                         "zf", " ", "fff", ".", "x",     "\xC3", "="};
    struct rig r;
    u64 seed = 3, value, good = 0;
    rig_new(&r);
    rig_reset(&r, 16);
    for (unsigned i = 0; i < 200000; i++) {
        char text[128] = "", error[EXPR_ERROR];
        struct expr e;
        for (u64 n = rig_random(&seed) % 12; n > 0; n--)
            strcat(text, pieces[rig_random(&seed) % ARRAY_LEN(pieces)]);
        if (expr_parse(&e, text, NULL, &names, error) == 0) {
            expr_value(&e, r.c, &r.x.peek, &value);
            good++;
        }
    }
    assert_true(good > 1000);
    rig_delete(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values),
        cmocka_unit_test(mistakes),
        cmocka_unit_test(anything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
