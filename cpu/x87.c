/*
 * x87.c - pending exceptions, stack faults and the images of the x87's state.
 */
#include "cpu/x87.h"

/*
 * FERR# follows a pending exception while CR0.NE = 0; the chipset turns it into IRQ 13. It is driven as
 * soon as the exception is found, so that the interrupt is taken before the next x87 instruction, as the PC's handlers
 * expect.
 */
static void drive_ferr(struct cpu *c)
{
    bool level = (c->fpu.sw & X87_ES) && !(c->cr0 & CR0_NE);
    if (level == c->ferr)
        return;
    c->ferr = level;
    c->host.ferr(c->host.ctx, level);
}

void x87_hold(struct cpu *c)
{
    if (c->cr0 & (CR0_EM | CR0_TS))
        cpu_raise(c, VEC_NM);
    if (c->cr0 & CR0_NE)
        cpu_raise(c, VEC_MF);
    /* With IGNNE# the exception is ignored. Without it the silicon freezes until an interrupt comes; IRQ 13 is on its
     * way or masked, and a frozen processor would help nobody. */
    drive_ferr(c);
}

void x87_update_es(struct cpu *c)
{
    if (c->fpu.sw & ~c->fpu.cw & FP_ALL)
        c->fpu.sw |= X87_ES | X87_B;
    else
        c->fpu.sw &= (u16) ~(X87_ES | X87_B);
    drive_ferr(c);
}

bool x87_stack_fault(struct cpu *c, bool overflow)
{
    x87_set_c1(c, overflow);
    c->fpu.sw |= FP_IE | X87_SF;
    if (c->fpu.cw & FP_IE)
        return true;
    x87_update_es(c);
    return false;
}

void x87_init(struct cpu *c)
{
    struct x87 *f = &c->fpu;
    f->cw = X87_CW_INIT;
    f->sw = 0;
    f->top = 0;
    f->empty = 0xFF;
    f->fop = f->fcs = f->fds = 0;
    f->fip = f->fdp = 0;
    x87_update_es(c);
}

u16 x87_status(const struct cpu *c)
{
    return (u16)(c->fpu.sw | c->fpu.top << 11);
}

u16 x87_tags(const struct cpu *c)
{
    u16 tags = 0;
    for (unsigned i = 0; i < 8; i++) {
        struct f80 v = c->fpu.st[i];
        unsigned e = v.se & 0x7FFF, tag = 0;
        if (c->fpu.empty >> i & 1)
            tag = 3;
        else if (e == 0 && v.m == 0)
            tag = 1;
        else if (e == 0 || e == 0x7FFF || !(v.m >> 63))
            tag = 2;
        tags |= (u16)(tag << 2 * i);
    }
    return tags;
}

void x87_load(struct cpu *c, u16 cw, u16 sw, u16 tags)
{
    struct x87 *f = &c->fpu;
    f->cw = (cw & X87_CW_WRITABLE) | X87_CW_FIXED;
    f->sw = sw & (u16)~X87_TOP;
    f->top = sw >> 11 & 7;
    f->empty = 0;
    for (unsigned i = 0; i < 8; i++)
        if ((tags >> 2 * i & 3) == 3)
            f->empty |= (u8)(1u << i);
    x87_update_es(c);
}

/*
 * The environment has four layouts (SDM vol. 1, figures 8-9 to 8-12): seven words or doublewords, of which the last
 * four are the pointers. In real and V86 mode these are linear addresses: low word, then bits from 16 on above FOP.
 */
unsigned x87_env_bytes(unsigned w)
{
    return 7 * w;
}

static void put(u8 *image, unsigned w, unsigned n, u32 v)
{
    if (w == 4)
        st32(image + 4 * n, v);
    else
        st16(image + 2 * n, (u16)v);
}

static u32 get(const u8 *image, unsigned w, unsigned n)
{
    return w == 4 ? ld32(image + 4 * n) : ld16(image + 2 * n);
}

void x87_env_image(const struct cpu *c, unsigned w, u8 *image)
{
    const struct x87 *f = &c->fpu;
    const u32 ones = 0xFFFF0000; /* reserved */
    put(image, w, 0, f->cw | ones);
    put(image, w, 1, x87_status(c) | ones);
    put(image, w, 2, x87_tags(c) | ones);
    if (cpu_protected(c)) {
        put(image, w, 3, (u32)f->fip);
        put(image, w, 4, w == 4 ? f->fcs | (u32)f->fop << 16 : f->fcs);
        put(image, w, 5, (u32)f->fdp);
        put(image, w, 6, f->fds | ones);
        return;
    }
    u32 ip = ((u32)f->fcs << 4) + (u32)f->fip;
    u32 dp = ((u32)f->fds << 4) + (u32)f->fdp;
    u32 high = w == 4 ? 0xFFFF0000 : 0x000F0000;
    put(image, w, 3, (ip & 0xFFFF) | ones);
    put(image, w, 4, (ip & high) >> 4 | f->fop);
    put(image, w, 5, (dp & 0xFFFF) | ones);
    put(image, w, 6, (dp & high) >> 4);
}

void x87_env_load(struct cpu *c, unsigned w, const u8 *image)
{
    struct x87 *f = &c->fpu;
    u32 p[4];
    for (unsigned i = 0; i < 4; i++)
        p[i] = get(image, w, 3 + i);
    if (cpu_protected(c)) {
        f->fip = p[0];
        f->fcs = (u16)p[1];
        f->fop = w == 4 ? p[1] >> 16 & 0x7FF : 0;
        f->fdp = p[2];
        f->fds = (u16)p[3];
    } else {
        u32 high = w == 4 ? 0x0FFFF000 : 0x0000F000;
        f->fip = (p[0] & 0xFFFF) | (p[1] & high) << 4;
        f->fop = p[1] & 0x7FF;
        f->fdp = (p[2] & 0xFFFF) | (p[3] & high) << 4;
        f->fcs = f->fds = 0;
    }
    x87_load(c, (u16)get(image, w, 0), (u16)get(image, w, 1), (u16)get(image, w, 2));
}

void x87_fxsave(const struct cpu *c, unsigned w, u8 image[X87_FXSAVE_BYTES])
{
    const struct x87 *f = &c->fpu;
    st16(image, f->cw);
    st16(image + 2, x87_status(c));
    st16(image + 4, (u8)~f->empty);
    st16(image + 6, f->fop);
    if (w == 8) {
        st64(image + 8, f->fip);
        st64(image + 16, f->fdp);
    } else {
        st32(image + 8, (u32)f->fip);
        st32(image + 12, f->fcs);
        st32(image + 16, (u32)f->fdp);
        st32(image + 20, f->fds);
    }
    for (unsigned i = 0; i < 8; i++) {
        memset(image + 32 + 16 * i, 0, 16);
        f80_store(image + 32 + 16 * i, x87_get(c, i));
    }
}

void x87_fxrstor(struct cpu *c, unsigned w, const u8 image[X87_FXSAVE_BYTES])
{
    struct x87 *f = &c->fpu;
    f->fop = ld16(image + 6) & 0x7FF;
    f->fip = w == 8 ? ld64(image + 8) : ld32(image + 8);
    f->fdp = w == 8 ? ld64(image + 16) : ld32(image + 16);
    if (w != 8) {
        f->fcs = ld16(image + 12);
        f->fds = ld16(image + 20);
    }
    x87_load(c, ld16(image), ld16(image + 2), 0);
    f->empty = (u8)~image[4];
    for (unsigned i = 0; i < 8; i++)
        f->st[x87_phys(c, i)] = f80_load(image + 32 + 16 * i);
}
