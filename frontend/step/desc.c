/*
 * desc.c - descriptors and gates in words.
 */
#include "frontend/step/desc.h"

void descriptor_split(u64 raw, struct descriptor *d)
{
    u32 low = (u32)raw, high = (u32)(raw >> 32);
    u16 attr = (u16)(high >> 8 & 0xF0FF);
    u32 limit = (low & 0xFFFF) | (high & 0xF0000);
    unsigned type = attr & SEG_TYPE & ~DESC_32;
    *d = (struct descriptor){
        .raw = raw,
        .base = low >> 16 | (high & 0xFF) << 16 | (high & 0xFF000000),
        .limit = attr & SEG_G ? limit << 12 | 0xFFF : limit,
        .attr = attr,
        .dpl = attr >> SEG_DPL_SHIFT & 3,
        .gate = !(attr & SEG_S) && type >= DESC_CALL_GATE && (attr & SEG_TYPE) != (DESC_TASK_GATE | DESC_32),
        .gate_sel = (u16)(low >> 16),
        .gate_off = (low & 0xFFFF) | (attr & DESC_32 ? high & 0xFFFF0000 : 0),
    };
}

enum desc_result descriptor_read(const struct cpu *c, const struct peek *peek, u16 sel, struct descriptor *d)
{
    u64 base = sel & 4 ? c->ldtr.base : c->gdtr.base, raw;
    u32 limit = sel & 4 ? c->ldtr.limit : c->gdtr.limit;
    memset(d, 0, sizeof *d);
    if ((sel & 0xFFFC) == 0)
        return DESC_NULL;
    if ((sel | 7u) > limit || (sel & 4 && c->ldtr.null))
        return DESC_OUTSIDE;
    if (!peek->lin(peek->ctx, (u32)(base + (sel & 0xFFF8u)), &raw, sizeof raw))
        return DESC_UNREADABLE;
    descriptor_split(raw, d);
    return DESC_OK;
}

static void system_type(struct text *t, u16 attr)
{
    static const char *const names[8] = {"reserved",       "TSS",      "LDT", "TSS, busy", "call gate", "task gate",
                                         "interrupt gate", "trap gate"};
    unsigned type = attr & SEG_TYPE, base = type & ~(unsigned)DESC_32;
    bool sized = base != 0 && base != DESC_LDT && base != DESC_TASK_GATE;
    if (!sized && type & DESC_32)
        text_add(t, "reserved");
    else
        text_add(t, "%s%s", sized ? type & DESC_32 ? "32-bit " : "16-bit " : "", names[base]);
}

void descriptor_type(struct text *t, u16 attr)
{
    if (!(attr & SEG_S)) {
        system_type(t, attr);
    } else if (attr & SEG_CODE) {
        text_add(t, "%s-bit code%s%s", attr & SEG_DB ? "32" : "16", attr & SEG_RW ? ", readable" : "",
                 attr & SEG_ED_C ? ", conforms" : "");
    } else {
        text_add(t, "data%s%s", attr & SEG_RW ? ", writable" : ", read-only", attr & SEG_ED_C ? ", expand-down" : "");
    }
}

void descriptor_text(struct text *t, const struct descriptor *d)
{
    descriptor_type(t, d->attr);
    if (!(d->attr & SEG_P)) {
        text_add(t, ", not present, DPL %u", d->dpl); /* the rest means nothing then */
        return;
    }
    if (d->gate && (d->attr & SEG_TYPE) == DESC_TASK_GATE) {
        text_add(t, " to TSS %04Xh", d->gate_sel);
    } else if (d->gate) {
        text_add(t, " to %04Xh:%0*Xh", d->gate_sel, d->attr & DESC_32 ? 8 : 4, d->gate_off);
    } else {
        text_add(t, ", base ");
        text_number(t, d->base);
        text_add(t, ", limit ");
        text_number(t, d->limit);
    }
    text_add(t, ", DPL %u", d->dpl);
}

void selector_text(struct text *t, const struct cpu *c, const struct peek *peek, u16 sel)
{
    struct descriptor d;
    if (!cpu_in_protected(c)) {
        text_add(t, "base %05Xh", sel * 16u);
        return;
    }
    const char *table = sel & 4 ? "LDT" : "GDT";
    switch (descriptor_read(c, peek, sel, &d)) {
    case DESC_NULL:
        text_add(t, "the null selector");
        break;
    case DESC_OUTSIDE:
        text_add(t, "beyond the end of the %s", table);
        break;
    case DESC_UNREADABLE:
        text_add(t, "%s entry %u, not readable", table, sel >> 3);
        break;
    default:
        text_add(t, "%s entry %u, ", table, sel >> 3);
        descriptor_text(t, &d);
    }
}
