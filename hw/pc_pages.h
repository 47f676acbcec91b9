/*
 * pc_pages.h - a machine's memory through time: what its pages held before they were written, from mark to mark.
 *
 * The time travel of frontend/rewind.h owns it. From pc_pages_open() on, the first write to a page after a mark (by the
 * guest, DMA or a device) keeps what it held; pc_pages_take() sets a mark and hands out what lay between the last one
 * and this one. Memory goes back by putting back what is taken, the newest first.
 */
#ifndef OMBRA_HW_PC_PAGES_H
#define OMBRA_HW_PC_PAGES_H

#include "hw/pc.h"

/* What pages held at a mark, of the bytes that changed up to the next one: for each page a mask of its 64-byte
 * granules, and these. */
struct pages {
    struct page_change {
        u32 frame, data; /* index of the first granule in DATA */
        u64 granules;
    } * page; /* by rising frame */
    size_t pages;
    u8 *data;
    size_t granules;
};

void pages_free(struct pages *p);
size_t pages_bytes(const struct pages *p);

/* OLDER becomes what lies between its mark and the end of NEWER, which follows it. 0 or -ENOMEM; then both are as they
 * were. */
int pages_join(struct pages *older, const struct pages *newer);

struct pc_pages; /* private */

/* From now on, with a mark here. NULL: not enough memory. One at a time for a machine. */
struct pc_pages *pc_pages_open(struct pc *pc);
void pc_pages_close(struct pc_pages *p);

/* Bytes that are kept since the last mark. */
size_t pc_pages_held(const struct pc_pages *p);

/* Sets a mark; *OUT is what lies before it. 0, or -ENOMEM: there is no way back behind this mark. */
int pc_pages_take(struct pc_pages *p, struct pages *out);

/* Memory is again what it was at the last mark; and, from there, at the beginning of CHANGES, which ends at that mark.
 * Only within the MEMORY function of pc_load_parts(). */
void pc_pages_back(struct pc_pages *p);
void pc_pages_put(struct pc_pages *p, const struct pages *changes);

#endif
