/*
 * file.h - small files, whole: read into memory, written so that they appear complete or not at all.
 */
#ifndef OMBRA_FRONTEND_FILE_H
#define OMBRA_FRONTEND_FILE_H

#include "base/types.h"

/* Reads a whole file of at most MAX bytes into malloc'ed memory. 0, or -errno with one line in ERROR. */
int file_read(const char *path, u64 max, u8 **data, size_t *size, char *error, size_t error_size);

/* Replaces PATH by SIZE bytes of DATA (a temporary file beside it, then a rename). 0, or -errno with one line in ERROR.
 */
int file_write(const char *path, const void *data, size_t size, char *error, size_t error_size);

/* Whether a file PATH could be made or replaced at all: what comes at the end of a long run is looked at before. 0, or
 * -errno with one line in ERROR. */
int file_check_output(const char *path, char *error, size_t error_size);

#endif
