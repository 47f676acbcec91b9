/*
 * test_serialio.c - when what a guest sends goes out.
 */
#include "frontend/serialio.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

/* What has arrived in the file. */
static void assert_sent(FILE *f, const char *text)
{
    char got[32];
    rewind(f);
    size_t n = fread(got, 1, sizeof got, f);
    assert_int_equal(n, strlen(text));
    assert_memory_equal(got, text, n);
}

static void guest_sends(struct serialio *s, const char *text)
{
    serialio_write(s, (const u8 *)text, strlen(text));
}

/* A line goes out when it ends, not when the slice does; what is no line yet waits for that. */
static void lines_go_out(void **state)
{
    char spec[] = "file:/tmp/ombra-test-XXXXXX", error[256];
    struct serialio *s;
    int fd = mkstemp(spec + strlen("file:"));
    assert_true(fd >= 0);
    FILE *f = fdopen(fd, "r");
    assert_int_equal(serialio_open(spec, SERIALIO_FILE, "--serial", &s, error, sizeof error), 0);
    guest_sends(s, "# l");
    assert_sent(f, "");
    guest_sends(s, "s\n");
    assert_sent(f, "# ls\n");
    guest_sends(s, "# ");
    assert_sent(f, "# ls\n");
    assert_int_equal(serialio_flush(s), 0);
    assert_sent(f, "# ls\n# ");
    serialio_close(s);
    fclose(f);
    unlink(spec + strlen("file:"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_go_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
