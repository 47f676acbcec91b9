/*
 * test_ir.c - the intermediate representation: what is dropped, what is refused, how it is shown; and lifted blocks.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "cpu/decode.h"
#include "translator/lift.h"
#include <stdio.h>
#include <stdlib.h>

static struct ir_block block;

static unsigned count_of(enum ir_opcode op)
{
    unsigned n = 0;
    for (unsigned i = 1; i < block.count; i++)
        n += block.op[i].op == op;
    return n;
}

/* Lifts 32-bit code in a flat machine, from HEX to the end. */
static void lift(const char *hex)
{
    struct decoder *d = decoder_new(cpu_model_find("p4")->features);
    struct decode_mode how = {d, 32};
    struct lift_mode mode = {.ip = 0x1000, .bits = 32, .stack32 = true, .code_limit = 0xFFFFFFFF, .flat = 0x3F};
    struct insn list[16];
    u8 code[64] = {0};
    unsigned n = 0, byte, insns = 0;
    while (sscanf(hex, "%2x", &byte) == 1) {
        code[n++] = (u8)byte;
        hex += hex[2] ? 3 : 2;
    }
    for (unsigned at = 0; at < n; insns++) {
        assert_int_equal(decode(&how, code + at, 15, &list[insns]), DECODE_OK);
        at += list[insns].len;
        list[insns].end = (u16)at;
    }
    assert_true(lift_block(&block, &mode, list, insns));
    assert_null(ir_verify(&block));
    decoder_free(d);
}

/* Flags that the next instruction overwrites are not made; a load between them may fault and see them. */
static void dead_flags(void **state)
{
    lift("01 D8 29 C8"); /* ADD EAX,EBX; SUB EAX,ECX */
    assert_int_equal(count_of(IR_FLAGS), 1);
    lift("01 D8 8B 0B 29 C8"); /* ADD EAX,EBX; MOV ECX,[EBX]; SUB EAX,ECX */
    assert_int_equal(count_of(IR_FLAGS), 2);
}

/* INC hands CF on: somebody has to have made it, unless nobody asks. */
static void handed_on(void **state)
{
    lift("01 D8 40 72 00"); /* ADD; INC EAX; JC */
    assert_int_equal(count_of(IR_FLAGS), 1);
    for (unsigned i = 1; i < block.count; i++) {
        if (block.op[i].op == IR_ADD || block.op[i].op == IR_INC)
            assert_true(block.op[i].set);
    }
    lift("40 01 D8 72 00"); /* INC EAX; ADD; JC */
    for (unsigned i = 1; i < block.count; i++) {
        if (block.op[i].op == IR_INC)
            assert_false(block.op[i].set);
    }
    assert_int_equal(count_of(IR_GETF), 0);
}

static const struct ir_op *only(enum ir_opcode op)
{
    const struct ir_op *found = NULL;
    for (unsigned i = 1; i < block.count; i++) {
        if (block.op[i].op == op) {
            assert_null(found);
            found = &block.op[i];
        }
    }
    assert_non_null(found);
    return found;
}

/* A token is made as far as somebody looks at it. */
static void wanted_flags(void **state)
{
    lift("01 D8 13 CA 29 C8"); /* ADD EAX,EBX; ADC ECX,EDX; SUB EAX,ECX */
    assert_int_equal(only(IR_ADD)->set, IR_CF);
    assert_int_equal(only(IR_ADC)->set, 0);
    lift("0F A3 C8 0F 92 C2 29 C8"); /* BT EAX,ECX; SETB DL; SUB EAX,ECX: the other flags need not be what they were */
    assert_int_equal(only(IR_BT)->set, IR_CF);
    assert_int_equal(only(IR_BT)->f, 0);
    assert_int_equal(count_of(IR_GETF), 0);
    lift("0F A3 C8 0F 92 C2"); /* BT EAX,ECX; SETB DL */
    assert_int_equal(only(IR_BT)->set, IR_FLAGS_ALL);
    assert_int_equal(count_of(IR_GETF), 1);
    lift("D1 D8 0F 42 C8 29 C8"); /* RCR EAX,1; CMOVB ECX,EAX; SUB EAX,ECX */
    assert_int_equal(only(IR_GETF)->set, IR_CF);
}

/* Instructions without an operation of their own. */
static void composed(void **state)
{
    lift("F0 0F B1 0B"); /* LOCK CMPXCHG [EBX],ECX */
    assert_int_equal(only(IR_SELECT)->f, only(IR_FLAGS)->f);
    assert_int_equal(only(IR_PUT)->a, only(IR_STW)->a);
    lift("F0 0F C1 0B"); /* LOCK XADD [EBX],ECX */
    assert_int_equal(only(IR_PUT)->a, only(IR_LDW) - block.op);
    lift("0F BB 0B"); /* BTC [EBX],ECX */
    assert_int_equal(only(IR_LEA)->aux, 2);
    assert_int_equal(only(IR_LDW)->a, only(IR_LEA) - block.op);
    lift("8F 44 24 08 D7 90 0F 1F 00 F3 90"); /* POP [ESP+8]; XLAT; NOPs */
    assert_int_equal(count_of(IR_HELPER), 0);
    assert_int_equal(count_of(IR_ST), 1);
    lift("F0 0F C7 0B 74 00"); /* LOCK CMPXCHG8B [EBX]; JZ */
    assert_int_equal(only(IR_CAS8)->a, only(IR_GET) - block.op);
    lift("9C"); /* PUSHF */
    assert_int_equal(only(IR_ST)->b, only(IR_IMAGE) - block.op);
    lift("9D"); /* POPF */
    assert_int_equal(only(IR_FLAGS)->f, only(IR_POPPED) - block.op);
}

/* Accesses beside each other share a probe, over pushes and other steps of the same base; not over a handler. */
static void groups(void **state)
{
    lift("8B 44 24 04 50 8B 5C 24 0C 89 1F 01 77 04"); /* MOV EAX,[ESP+4]; PUSH EAX; MOV EBX,[ESP+12]; MOV [EDI],EBX; ADD [EDI+4],ESI */
    unsigned covered = 0, leaves = 0;
    for (unsigned i = 1; i < block.count; i++) {
        covered += ir_covered(&block.op[i]);
        leaves += ir_leaves(&block.op[i]);
    }
    assert_int_equal(block.groups, 2);
    assert_int_equal(covered, 3);
    assert_int_equal(leaves, 2);
    assert_int_equal(block.group[1].span, 16);
    assert_true(block.group[1].write);
    lift("8B 44 24 04 0F A2 8B 5C 24 08"); /* MOV EAX,[ESP+4]; CPUID; MOV EBX,[ESP+8] */
    assert_int_equal(block.groups, 0);
    lift("01 00 00 80 00 00 00 80"); /* ADD [EAX],EAX; ADD [EAX-80000000h],AL */
    assert_int_equal(block.groups, 0);
}

/* CMP makes no value, an unused address nothing at all. */
static void dead_values(void **state)
{
    lift("39 D8 74 00"); /* CMP EAX,EBX; JZ */
    for (unsigned i = 1; i < block.count; i++) {
        if (block.op[i].op == IR_SUB)
            assert_int_equal(block.op[i].uses, 0);
    }
    assert_int_equal(count_of(IR_PUT), 0);
}

/* What has no lift is its handler, in the middle and at the end. */
static void handlers(void **state)
{
    lift("27 90 CF"); /* DAA; NOP; IRET */
    assert_int_equal(count_of(IR_HELPER), 1);
    assert_int_equal(count_of(IR_LAST), 1);
    assert_int_equal(block.op[block.count - 1].op, IR_LAST);
}

static void refused(void **state)
{
    ir_begin(&block);
    ir_ref a = ir_const(&block, 4, 1);
    ir_1(&block, IR_ZEXT, 2, (ir_ref)(a + 5));
    assert_string_equal(ir_verify(&block), "takes something that comes later");

    ir_begin(&block);
    ir_ref jump = ir_add(&block, (struct ir_op){.op = IR_JMP, .imm = 1});
    ir_1(&block, IR_ZEXT, 2, jump);
    assert_string_equal(ir_verify(&block), "the end is not at the end");

    ir_begin(&block);
    ir_add(&block, (struct ir_op){.op = IR_JCC, .imm = 1});
    assert_string_equal(ir_verify(&block), "a token is missing");

    ir_begin(&block);
    a = ir_const(&block, 4, 1);
    ir_2(&block, IR_STW, 4, a, a);
    assert_string_equal(ir_verify(&block), "STW without its LDW");
}

/* A block that becomes too long is told, and nothing is written behind its end. */
static void too_long(void **state)
{
    ir_begin(&block);
    for (unsigned i = 0; i < IR_MAX_OPS + 10; i++)
        ir_const(&block, 4, i);
    assert_int_equal(block.count, IR_MAX_OPS);
    assert_false(ir_finish(&block));
}

static void shown(void **state)
{
    char *text;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    lift("83 C0 05 EB 10"); /* ADD EAX,5; JMP */
    ir_dump(&block, out);
    fclose(out);
    assert_string_equal(text, "         INSN 0h\n"
                              "    2  = CONST.32 5h\n"
                              "    3  = GET.32 @0\n"
                              "    4! = ADD.32 3 2\n"
                              "         PUT.32 4 @0\n"
                              "         FLAGS !4\n"
                              "         INSN 1h\n"
                              "         JMP 1015h\n");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dead_flags), cmocka_unit_test(handed_on),   cmocka_unit_test(wanted_flags), cmocka_unit_test(composed),
        cmocka_unit_test(groups),     cmocka_unit_test(dead_values), cmocka_unit_test(handlers),     cmocka_unit_test(refused),
        cmocka_unit_test(too_long),   cmocka_unit_test(shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
