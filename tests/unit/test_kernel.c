/*
 * test_kernel.c - kernels that are taken apart for the boot ROM: what is refused, and with which words.
 */
#include "frontend/kernel.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

enum { RAM = 16 << 20, LIST_MAX = 4096 };

/* A flat multiboot kernel at 1 MiB; it is its own module, too. */
static void make_kernel(char *path)
{
    const u32 header[8] = {0x1BADB002, 0x10000, -(0x1BADB002u + 0x10000), 0x100000, 0x100000, 0, 0, 0x100020};
    strcpy(path, "/tmp/kernelXXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, header, sizeof header), sizeof header);
    close(fd);
}

/* Loads PATH with COUNT modules, each with ARGS behind its name. */
static int load(struct kernel *k, const char *path, unsigned count, const char *args, char *error, size_t size)
{
    char list[LIST_MAX] = "";
    size_t n = 0;
    for (unsigned i = 0; i < count; i++)
        n += (size_t)snprintf(list + n, sizeof list - n, "%s%s%s", i ? "," : "", path, args);
    assert_true(n < sizeof list);
    return kernel_load(k, path, list, NULL, RAM, error, size);
}

static void test_modules(void **state)
{
    char path[32], error[256] = "";
    struct kernel k;
    make_kernel(path);
    assert_int_equal(load(&k, path, 16, " a=b", error, sizeof error), 0);
    const u8 *info = k.part[KERNEL_SETUP];
    assert_int_equal(ld32(info + 20), 16);
    assert_int_equal(k.size[KERNEL_INITRD], 16 * 32);
    kernel_free(&k);
    assert_int_not_equal(load(&k, path, 17, " a=b", error, sizeof error), 0);
    assert_non_null(strstr(error, "16 modules"));
    assert_null(k.part[KERNEL_CODE]);
    unlink(path);
}

/* Arguments are not cut off behind the guest's back. */
static void test_long_arguments(void **state)
{
    char path[32], args[600], error[256] = "";
    struct kernel k;
    make_kernel(path);
    memset(args, 'x', sizeof args);
    args[0] = ' ';
    args[511 - strlen(path)] = 0;
    assert_int_equal(load(&k, path, 1, args, error, sizeof error), 0);
    kernel_free(&k);
    args[511 - strlen(path)] = 'x';
    args[512 - strlen(path)] = 0;
    assert_int_not_equal(load(&k, path, 1, args, error, sizeof error), 0);
    assert_non_null(strstr(error, "511"));
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_modules),
        cmocka_unit_test(test_long_arguments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
