/*
 * screenshot.c - PNG through libpng.
 */
#include "frontend/screenshot.h"

#include <errno.h>
#include <fcntl.h>
#include <png.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { BLANK_WIDTH = 640, BLANK_HEIGHT = 480 };

/* libpng must not print, and leaves by longjmp. */
static NORETURN void png_failed(png_structp png, png_const_charp message)
{
    png_longjmp(png, 1);
}

static void png_ignored(png_structp png, png_const_charp message)
{
}

/* 00RRGGBB words to bytes; a blank screen has no pixels. */
static void fill_row(const struct display_frame *f, unsigned y, unsigned width, u8 *row)
{
    for (unsigned x = 0; x < width; x++) {
        u32 p = f->width ? f->pixels[(size_t)y * f->width + x] : 0;

        row[3 * x] = (u8)(p >> 16);
        row[3 * x + 1] = (u8)(p >> 8);
        row[3 * x + 2] = (u8)p;
    }
}

static void write_image(png_structp png, png_infop info, const struct display_frame *f, u8 *row)
{
    bool picture = f->width && f->height;
    unsigned width = picture ? f->width : BLANK_WIDTH, height = picture ? f->height : BLANK_HEIGHT;

    png_set_IHDR(png, info, width, height, 8, PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
                 PNG_FILTER_TYPE_DEFAULT);
    /* Pixels per unit across and down: wide pixels are few across. */
    if (picture && f->aspect_w && f->aspect_h)
        png_set_pHYs(png, info, (u32)f->width * f->aspect_h, (u32)f->height * f->aspect_w, PNG_RESOLUTION_UNKNOWN);
    png_write_info(png, info);
    for (unsigned y = 0; y < height; y++) {
        fill_row(f, y, width, row);
        png_write_row(png, row);
    }
    png_write_end(png, info);
}

/* 0 or -errno. */
static int write_png(FILE *out, const struct display_frame *f)
{
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, png_failed, png_ignored);
    png_infop info = png ? png_create_info_struct(png) : NULL;
    u8 *row = malloc(3 * MAX(f->width, BLANK_WIDTH));
    volatile int rc = 0;

    if (!info || !row) {
        rc = -ENOMEM;
    } else if (setjmp(png_jmpbuf(png))) {
        rc = errno ? -errno : -EIO;
    } else {
        errno = 0;
        png_init_io(png, out);
        write_image(png, info, f, row);
    }
    png_destroy_write_struct(&png, &info);
    free(row);
    return rc;
}

/* Opens a new file beside PATH, with the permissions that the umask gives any new file. */
static FILE *open_temporary(const char *path, char *name, size_t len)
{
    if ((size_t)snprintf(name, len, "%s.%ld.tmp", path, (long)getpid()) >= len) {
        errno = ENAMETOOLONG;
        return NULL;
    }
    int fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    FILE *out = fd >= 0 ? fdopen(fd, "wb") : NULL;

    if (!out && fd >= 0)
        close(fd);
    return out;
}

int screenshot_write(const struct display_frame *f, const char *path, char *err, size_t err_len)
{
    char name[4096];
    FILE *out = open_temporary(path, name, sizeof name);
    int rc;

    if (!out) {
        rc = -errno;
        snprintf(err, err_len, "cannot write the screenshot %s: %s", path, strerror(-rc));
        return rc;
    }
    rc = write_png(out, f);
    if (fclose(out) && !rc)
        rc = -errno;
    if (!rc && rename(name, path))
        rc = -errno;
    if (rc) {
        unlink(name);
        snprintf(err, err_len, "cannot write the screenshot %s: %s", path, strerror(-rc));
    }
    return rc;
}
