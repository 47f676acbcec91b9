/*
 * display.h - the picture as the display adapter makes it and the frontends show it.
 *
 * The adapter implements struct display_source; a frontend asks for a frame when it
 * wants one (window: 60 times a second; screenshot: once). The adapter draws only
 * what changed since the last frame that it drew into the same struct display_frame.
 */
#ifndef OMBRA_BASE_DISPLAY_H
#define OMBRA_BASE_DISPLAY_H

#include "base/types.h"

enum { DISPLAY_MAX_WIDTH = 2560, DISPLAY_MAX_HEIGHT = 1600 };

/* Text as the guest's video memory has it. Valid while the adapter is in a text mode. */
struct display_text {
    u16 cols, rows;
    u16 cursor_col, cursor_row; /* cursor_row >= rows: hidden */
    u8 cells[256 * 256 * 2];    /* rows * cols pairs {character (code page 437), attribute} */
    u32 palette[16];            /* 0x00RRGGBB of the 16 attribute colours as the DAC maps them now */
    bool blink;                 /* attribute bit 7 blinks (else bright background) */
};

struct display_frame {
    u16 width, height; /* pixels of the guest's picture; 0 = blank (no sync) */
    u16 aspect_w, aspect_h; /* how wide and high it appears on a 4:3 tube (e.g. 4:3 for 320x200); equals width:height for VBE modes */
    u32 *pixels;       /* width * height of 0x00RRGGBB, rows without gaps; owned by the frame, sized for the maximum */
    u64 serial;        /* +1 whenever a pixel or the size changed */
};

struct display_source {
    void *ctx;
    /* Draws the current picture into F. Returns true if anything changed since F was last drawn. */
    bool (*draw)(void *ctx, struct display_frame *f);
    /* Fills T and returns true in text modes; false in graphics modes. */
    bool (*text)(void *ctx, struct display_text *t);
};

/* Allocates and frees the pixel buffer. 0 or -ENOMEM. */
int display_frame_init(struct display_frame *f);
void display_frame_free(struct display_frame *f);

#endif
