/*
 * machine.h - from the command line to a machine: firmware, images, kernel, drives, clock and CMOS.
 *
 * main.c and tests call it. Everything that is wrong with an option or a file is found here, before the guest runs,
 * and told in one line.
 */
#ifndef OMBRA_FRONTEND_MACHINE_H
#define OMBRA_FRONTEND_MACHINE_H

#include "frontend/blockview.h"
#include "frontend/kernel.h"
#include "frontend/media.h"
#include "frontend/options.h"
#include "hw/pc.h"

enum { MACHINE_ERROR_MAX = IMAGE_ERROR_MAX, MACHINE_GUEST_MAX = 64 };

/* What the machine's ports are plugged into; the caller owns what is behind. */
struct machine_ports {
    struct char_backend serial[PC_SERIALS], parallel, debugcon;
    bool serial_present[PC_SERIALS];
    const s64 *rtc_seconds; /* what the clock chip shows instead of what the options say, or NULL */
};

struct machine {
    struct pc *pc;
    char guest[MACHINE_GUEST_MAX]; /* what a person would call it: for titles */
    bool tour;                     /* it is the built-in tour that starts */
    const struct options *options;
    struct media media;
    struct block *disk[PC_DRIVES]; /* hard disks, of MEDIA */
    s64 rtc_seconds;               /* what the clock chip showed at power-on */
    u8 *bios, *vgabios;
    struct kernel kernel;
    FILE *log, *dump;
    struct blockview blocks;       /* of --verify and --dump */
};

/*
 * Builds the machine that O describes, with the state of --load-state and the memory of --cmos in it. 0, or -errno with
 * one line in ERROR; then nothing is left to close.
 */
int machine_open(struct machine *m, const struct options *o, const struct machine_ports *ports, char *error,
                 size_t error_size);

/* What is to be kept: the CMOS file, --save-state, and the disk images made durable. 0, or -errno with one line in
 * ERROR (the first of the failures). */
int machine_keep(struct machine *m, char *error, size_t error_size);

/* The whole machine to and from a file. 0, or -errno with one line in ERROR; then the machine is as it was. */
int machine_save(struct machine *m, const char *path, char *error, size_t error_size);
int machine_load(struct machine *m, const char *path, char *error, size_t error_size);

/* Lines that say what the machine was built from, for comparing with others; at power-on. */
void machine_describe(struct machine *m, char *text, size_t size);

void machine_close(struct machine *m);

#endif
