/*
 * tour.h - the guest that starts when no image is named: a tour of the machine in seven stages, for people who learn.
 *
 * An image of a floppy's first sectors; put it at the start of a 1.44 MB floppy (1474560 bytes), the rest zeros. The
 * sources are tour.S and the *.inc beside it; the build assembles and embeds them (guest_binary in CMakeLists.txt).
 */
#ifndef OMBRA_FRONTEND_GUEST_TOUR_H
#define OMBRA_FRONTEND_GUEST_TOUR_H

#include "base/types.h"

extern const u8 tour_code[];
extern const size_t tour_code_size;

#endif
