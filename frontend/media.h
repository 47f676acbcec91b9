/*
 * media.h - the images of one machine: which are open, what is in the drives whose media change, and changing them.
 *
 * machine.c fills it; the session and time travel use it between slices.
 */
#ifndef OMBRA_FRONTEND_MEDIA_H
#define OMBRA_FRONTEND_MEDIA_H

#include "disk/image.h"
#include "hw/pc.h"

/* Drives whose media change: floppies, then IDE positions. */
enum { MEDIA_SLOTS = PC_FLOPPIES + PC_DRIVES };

struct medium {
    struct block *block;
    char *path; /* "": it comes from no file */
    enum image_kind kind;
};

struct media {
    struct pc *pc; /* NULL until it is built */
    struct medium *list;
    unsigned count, cap;
    struct block *inside[MEDIA_SLOTS];
    bool present[MEDIA_SLOTS];
    bool snapshot; /* images are opened with overlays */
    bool keeps;    /* what was taken out stays open and goes in again when its path is named: for going back in time */
};

/* Opens an image that belongs to the machine from now on; *OUT is its block. 0, or -errno with a line in ERR. */
int media_open(struct media *m, const char *path, enum image_kind kind, unsigned flags, struct block **out, char *err,
               size_t n);

/* B, which came from no file, belongs to the machine from now on. 0, or -ENOMEM: then it is closed. */
int media_add(struct media *m, struct block *b);

/* Where B of the list comes from, "" if from no file, or if B is NULL. */
const char *media_path(const struct media *m, const struct block *b);

/* The slot that DRIVE ("a", "b", "cd", "cd0" to "cd3") names, or -ENODEV with a line in ERR. */
int media_slot(const struct media *m, const char *drive, char *err, size_t n);

/* Puts the image PATH into SLOT, or takes out what is there if PATH is NULL or "". 0, or -errno with a line in ERR;
 * then the drive is as it was. */
int media_change(struct media *m, unsigned slot, const char *path, char *err, size_t n);

/* Puts a block of the list, or NULL, into SLOT; nothing is opened or closed. 0 or -ENODEV. */
int media_plug(struct media *m, unsigned slot, struct block *b);

/* Makes all images durable. 0, or the first error with a line in ERR. */
int media_flush(struct media *m, char *err, size_t n);

void media_close(struct media *m);

#endif
