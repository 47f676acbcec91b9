/*
 * identity.h - telling whether an image, or a whole machine, is the one that a saved state or a recording was made
 * with.
 */
#ifndef OMBRA_FRONTEND_IDENTITY_H
#define OMBRA_FRONTEND_IDENTITY_H

#include "base/state.h"
#include "frontend/media.h"

/* All zero: no image. */
struct image_identity {
    u64 size;
    u64 hash;  /* of all up to 64 MiB, else of parts spread over it */
    u64 mtime; /* ns; 0 where HASH is of all, and of what is never written */
};

extern const struct field image_identity_fields[];

/* Of the file itself, without what an overlay holds. B NULL: none. PATH may be "". */
struct image_identity image_identify(struct block *b, const char *path);

/* Whether NOW is THEN, as far as can be told. */
bool image_same(const struct image_identity *then, const struct image_identity *now);

#endif
