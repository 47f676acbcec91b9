/*
 * test_screenshot.c - PNG files hold the frame's pixels, and a failure leaves nothing behind; text dumps likewise.
 */
#include "frontend/screenshot.h"
#include "frontend/textdump.h"

#include <dirent.h>
#include <png.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static int setup(void **state)
{
    char name[] = "/tmp/ombra-shot-XXXXXX";

    assert_non_null(mkdtemp(name));
    *state = strdup(name);
    return 0;
}

static int teardown(void **state)
{
    char path[300];

    snprintf(path, sizeof path, "%s/shot.png", (char *)*state);
    unlink(path);
    rmdir(*state);
    free(*state);
    return 0;
}

static unsigned files_in(const char *dir)
{
    DIR *d = opendir(dir);
    unsigned n = 0;

    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d));)
        n += e->d_name[0] != '.';
    closedir(d);
    return n;
}

static void test_pixels(void **state)
{
    struct display_frame f;
    char path[300], err[200] = "";
    png_image image = {.version = PNG_IMAGE_VERSION};
    u8 pixels[4 * 2 * 3];

    assert_int_equal(display_frame_init(&f), 0);
    f.width = 4;
    f.height = 2;
    f.aspect_w = 4;
    f.aspect_h = 3;
    for (u32 i = 0; i < 8; i++)
        f.pixels[i] = 0x102030 + i * 0x10101;
    snprintf(path, sizeof path, "%s/shot.png", (char *)*state);
    assert_int_equal(screenshot_write(&f, path, err, sizeof err), 0);
    assert_int_equal(screenshot_write(&f, path, err, sizeof err), 0); /* over an old one */
    assert_int_equal(files_in(*state), 1);
    assert_true(png_image_begin_read_from_file(&image, path));
    assert_int_equal(image.width, 4);
    assert_int_equal(image.height, 2);
    image.format = PNG_FORMAT_RGB;
    assert_true(png_image_finish_read(&image, NULL, pixels, 0, NULL));
    for (unsigned i = 0; i < 8; i++) {
        assert_int_equal(pixels[3 * i], 0x10 + i);
        assert_int_equal(pixels[3 * i + 1], 0x20 + i);
        assert_int_equal(pixels[3 * i + 2], 0x30 + i);
    }
    display_frame_free(&f);
}

static void test_blank(void **state)
{
    struct display_frame f = {0};
    char path[300], err[200] = "";
    png_image image = {.version = PNG_IMAGE_VERSION};

    snprintf(path, sizeof path, "%s/shot.png", (char *)*state);
    assert_int_equal(screenshot_write(&f, path, err, sizeof err), 0);
    assert_true(png_image_begin_read_from_file(&image, path));
    assert_int_equal(image.width, 640);
    png_image_free(&image);
}

static void test_errors(void **state)
{
    static struct display_text text;
    struct display_frame f = {0};
    char path[300], err[200] = "";

    snprintf(path, sizeof path, "%s/no/shot.png", (char *)*state);
    assert_true(screenshot_write(&f, path, err, sizeof err) < 0);
    assert_non_null(strstr(err, "no/shot.png"));
    assert_null(strchr(err, '\n'));
    assert_true(textdump_write(&text, path, err, sizeof err) < 0);
    /* The disk is full: one line, nothing there. */
    err[0] = 0;
    assert_true(textdump_write(&(struct display_text){.cols = 80, .rows = 25}, "/dev/full", err, sizeof err) < 0);
    assert_non_null(strstr(err, "/dev/full"));
    assert_int_equal(files_in(*state), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_pixels, setup, teardown),
        cmocka_unit_test_setup_teardown(test_blank, setup, teardown),
        cmocka_unit_test_setup_teardown(test_errors, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
