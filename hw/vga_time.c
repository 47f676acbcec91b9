/*
 * vga_time.c - where the beam is: everything that follows from virtual time and the CRTC.
 *
 * Frames are counted from time 0 with the period that the registers give now. No timer runs for
 * it: an idle guest is not woken 70 times a second, and a guest that polls sees the exact position.
 */
#include "hw/vga_int.h"

enum { VBE_HZ = 60, PS_PER_NS = 1000, PS_PER_US = 1000000 };

static u64 now_ps(const struct vga *v)
{
    return clock_now(v->bus->clock) * PS_PER_NS;
}

static bool crtc_runs(const struct vga *v)
{
    return (v->cr[CR_MODE] & 0x80) && (v->sr[SR_RESET] & 3) == 3;
}

/* The display interface has no timing registers: 60 frames a second, a twentieth of them blank. */
static void timing_vbe(const struct vga *v, struct vga_timing *t)
{
    u32 lines = v->vbe.yres + v->vbe.yres / 20u + 4;

    t->line_ps = (u64)PS_PER_US * PS_PER_US / VBE_HZ / lines;
    t->frame_ps = t->line_ps * lines;
    t->show_ps = t->line_ps * 4 / 5;
    t->vshow_ps = t->line_ps * v->vbe.yres;
    t->vsync_ps = t->vshow_ps + t->line_ps;
    t->vsync_end_ps = t->vsync_ps + 2 * t->line_ps;
}

static void timing_crtc(const struct vga *v, struct vga_timing *t)
{
    static const u32 dot_hz[4] = {25175000, 28322000, 25175000, 25175000};
    const u8 *cr = v->cr;
    u8 over = cr[CR_OVERFLOW];
    u32 vtotal = (cr[CR_VTOTAL] | (over & 0x01) << 8 | (over & 0x20) << 4) + 2u;
    u32 vshow = (cr[CR_VDISPLAY] | (over & 0x02) << 7 | (over & 0x40) << 3) + 1u;
    u32 vsync = cr[CR_VSYNC_START] | (over & 0x04) << 6 | (over & 0x80) << 2;
    u32 sync_lines = (cr[CR_VSYNC_END] - vsync) & 15;
    u64 clocks_ps = (u64)PS_PER_US * PS_PER_US * ((v->sr[SR_CLOCKING] & 1) ? 8 : 9) *
                    ((v->sr[SR_CLOCKING] & 8) ? 2 : 1) * ((cr[CR_MODE] & 4) ? 2 : 1);
    u32 hz = dot_hz[v->misc >> 2 & 3];

    t->line_ps = clocks_ps * (cr[CR_HTOTAL] + 5u) / hz;
    t->show_ps = clocks_ps * (cr[CR_HDISPLAY] + 1u) / hz;
    t->frame_ps = t->line_ps * vtotal;
    t->vshow_ps = t->line_ps * vshow;
    /* A retrace that the counter never reaches would hang every program that waits for it: put it at the end. */
    vsync = MIN(vsync, vtotal - 1);
    t->vsync_ps = t->line_ps * vsync;
    t->vsync_end_ps = t->vsync_ps + t->line_ps * (sync_lines ? sync_lines : 16);
}

const struct vga_timing *vga_timing_get(struct vga *v)
{
    struct vga_timing *t = &v->timing;

    if (!t->valid) {
        if (vbe_active(&v->vbe))
            timing_vbe(v, t);
        else
            timing_crtc(v, t);
        t->valid = true;
    }
    return t;
}

u8 vga_status1(struct vga *v)
{
    const struct vga_timing *t = vga_timing_get(v);
    u64 frame = now_ps(v) % t->frame_ps;
    u64 line = frame % t->line_ps;
    bool show = frame < t->vshow_ps && line < t->show_ps;
    u8 status = 0;

    if (!vbe_active(&v->vbe) && !crtc_runs(v))
        return 0x01;
    if (!show)
        status |= 0x01;
    if (frame >= t->vsync_ps && frame < t->vsync_end_ps)
        status |= 0x08;
    /* The diagnostic bits show two of the pixel's lines: something that changes while there is a picture. */
    if (show)
        status |= (u8)((line >> 16 & 3) << 4);
    return status;
}

u64 vga_next_vsync(struct vga *v, u64 now)
{
    const struct vga_timing *t = vga_timing_get(v);
    u64 into = now * PS_PER_NS % t->frame_ps;
    u64 wait = into < t->vsync_ps ? t->vsync_ps - into : t->frame_ps - into + t->vsync_ps;

    return now + (wait + PS_PER_NS - 1) / PS_PER_NS;
}

u64 vga_frame_number(struct vga *v)
{
    return now_ps(v) / vga_timing_get(v)->frame_ps;
}

void vga_settle_start(struct vga *v)
{
    u32 start = (u32)(v->cr[CR_START_HIGH] << 8 | v->cr[CR_START_LOW]);

    if (v->start_when == CLOCK_NEVER || clock_now(v->bus->clock) < v->start_when)
        return;
    v->start_when = CLOCK_NEVER;
    if (v->start != start) {
        v->start = start;
        v->redraw = true;
    }
}
