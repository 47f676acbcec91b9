/*
 * fp.c - the floating-point state that a case starts with, and what of it is printed behind.
 *
 * Three registers of the x87 stack are in use, and each SSE register holds something else; now and then an exception is
 * unmasked and waits. The results themselves are for the native oracle to judge: here it is faults, and status words.
 */
#include "tests/system/judge.h"

struct fx_image {
    u16 control, status;
    u8 tags, spare;
    u16 opcode;
    u32 ip, cs, data, ds, mxcsr, mask;
    u8 st[8][16], xmm[8][16], rest[224];
} __attribute__((aligned(16)));

_Static_assert(sizeof(struct fx_image) == 512, "FXSAVE's format");

static struct fx_image image;

static void fill_registers(void)
{
    static const u8 pi[10] = {0x35, 0xC2, 0x68, 0x21, 0xA2, 0xDA, 0x0F, 0xC9, 0x00, 0x40};
    static const u8 minus_two[10] = {0, 0, 0, 0, 0, 0, 0, 0x80, 0x00, 0xC0};
    static const u8 denormal[10] = {1};
    static const u8 *const in_use[3] = {pi, minus_two, denormal};
    static const u32 singles[8] = {0x3FC00000, 0x80000000, 0x00000007, 0x7F800000,
                                   0xC0490FDB, 0x7FC00001, 0x4EFFFFFF, 1};
    for (u32 i = 0; i < 8; i++) {
        for (u32 k = 0; k < 10; k++)
            image.st[i][k] = i < 3 ? in_use[i][k] : 0;
        for (u32 k = 0; k < 4; k++)
            *(u32 *)&image.xmm[i][k * 4] = singles[(i + k) & 7];
    }
}

void fp_choose(struct test *t)
{
    fill_registers();
    image.control = 0x37F;
    image.status = 5 << 11;
    image.tags = 0xE0; /* physical registers 5 to 7 */
    image.mxcsr = 0x1F80;
    if (one_in(t, 12)) {
        u32 exception = 1u << pick(t, 6);
        image.control &= ~exception;
        if (one_in(t, 2))
            image.status |= exception | 0x8080;
    }
    if (one_in(t, 12))
        image.mxcsr = 0x1F80 & ~(0x80u << pick(t, 6));
}

/* Before and behind a case CR0 lets FXSAVE run; CR4 is set for it here. */
static void allow(void)
{
    u32 cr0;
    __asm__ volatile("mov %%cr0, %0\n and $~0xC, %0\n mov %0, %%cr0\n mov %1, %%cr4" : "=&r"(cr0) : "r"(0x200));
}

void fp_load(void)
{
    allow();
    __asm__ volatile("fxrstor %0\n mov %1, %%cr4" : : "m"(image), "r"(0));
}

void fp_print(void)
{
    static struct fx_image after_case;
    allow();
    __asm__ volatile("fxsave %0\n mov %1, %%cr4" : "=m"(after_case) : "r"(0));
    if (after_case.control != image.control)
        print_field("fcw", after_case.control);
    if (after_case.status != image.status)
        print_field("fsw", after_case.status);
    if (after_case.tags != image.tags)
        print_field("ftw", after_case.tags);
    if (after_case.mxcsr != image.mxcsr)
        print_field("mxcsr", after_case.mxcsr);
}
