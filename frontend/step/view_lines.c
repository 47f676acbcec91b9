/*
 * view_lines.c - the views that are lines of text.
 */
#include "frontend/step/decoded.h"
#include "frontend/step/desc.h"
#include "frontend/step/operand.h"
#include "frontend/step/stepcmd.h"
#include "frontend/step/view.h"
#include <stdlib.h>

enum { TEXT_SIZE = 64 << 10, TABLE_ENTRIES = 256, EVENTS = 100 };

/* ---- registers and tables ---- */

void lines_registers(const struct stepper *s, FILE *out)
{
    static const enum seg_reg order[] = {SEG_CS, SEG_SS, SEG_DS, SEG_ES, SEG_FS, SEG_GS};
    const struct cpu *c = s->cpu;
    char text[512];
    decoded_eflags(c, text, sizeof text);
    fputs(text, out);
    decoded_cr0(c, text, sizeof text);
    fputs(text, out);
    fprintf(out, "CR2 %08Xh last page fault's address\n", (u32)c->cr2);
    decoded_cr3(c, text, sizeof text);
    fputs(text, out);
    decoded_cr4(c, text, sizeof text);
    fputs(text, out);
    for (unsigned i = 0; i < ARRAY_LEN(order); i++) {
        decoded_segment(c, order[i], text, sizeof text);
        fputs(text, out);
    }
    decoded_tables(c, text, sizeof text);
    fputs(text, out);
}

static void table(const struct stepper *s, FILE *out, const char *name, const struct dtable *at,
                  unsigned (*decoded)(const struct cpu *c, const struct peek *peek, unsigned first, unsigned count,
                                      char *to, size_t size))
{
    char *text = malloc(TEXT_SIZE);
    fprintf(out, "%s at %08Xh, limit %04Xh\n", name, (u32)at->base, at->limit);
    if (text && decoded(s->cpu, &s->peek, 0, TABLE_ENTRIES, text, TEXT_SIZE))
        fputs(text, out);
    else
        fputs("there are no entries\n", out);
    free(text);
}

void lines_gdt(const struct stepper *s, FILE *out)
{
    table(s, out, "GDT", &s->cpu->gdtr, decoded_gdt);
}

void lines_ldt(const struct stepper *s, FILE *out)
{
    const struct segment *ldt = &s->cpu->ldtr;
    table(s, out, "LDT", &(struct dtable){ldt->base, (u16)ldt->limit}, decoded_ldt);
}

void lines_idt(const struct stepper *s, FILE *out)
{
    table(s, out, cpu_in_protected(s->cpu) || cpu_in_v86(s->cpu) ? "IDT" : "interrupt vectors", &s->cpu->idtr,
          decoded_idt);
}

void lines_tss(const struct stepper *s, FILE *out)
{
    char text[4096];
    if (cpu_in_protected(s->cpu) || cpu_in_v86(s->cpu))
        decoded_tss(s->cpu, &s->peek, text, sizeof text);
    else
        snprintf(text, sizeof text, "real mode has no task state segment\n");
    fputs(text, out);
}

void lines_walk(const struct stepper *s, FILE *out)
{
    char text[2048];
    decoded_walk(s->cpu, &s->peek, s->look.walk, text, sizeof text);
    fputs(text, out);
    u8 data[16];
    unsigned n = stepper_read(s, s->look.walk, false, data, sizeof data);
    fputs("memory there:", out);
    for (unsigned i = 0; i < n; i++)
        fprintf(out, " %02X", data[i]);
    fputs(n ? "\n" : " cannot be read\n", out);
}

/* ---- what happened ---- */

void lines_events(const struct stepper *s, FILE *out)
{
    char text[96];
    const struct happening *h;
    if (s->witness.total == s->witness.first)
        fputs("nothing has happened yet: no exception, no interrupt, no port access\n", out);
    for (unsigned i = 0; i < EVENTS && (h = witness_get(&s->witness, i)); i++) {
        witness_text(h, text, sizeof text);
        fprintf(out, "%12llu  at %08X  %s\n", (unsigned long long)h->count, h->where, text);
    }
}

/* ---- devices ---- */

static void put_field(void *ctx, const char *path, const struct field *f, const void *p)
{
    FILE *out = ctx;
    u64 value = 0;
    switch (f->kind) {
    case FIELD_BYTES:
        fprintf(out, "%-30s", path);
        for (u32 i = 0; i < MIN(f->size, 12u); i++)
            fprintf(out, " %02X", ((const u8 *)p)[i]);
        fprintf(out, f->size > 12 ? " ... %u bytes\n" : "\n", f->size);
        break;
    case FIELD_BOOL:
        fprintf(out, "%-30s %s\n", path, *(const u8 *)p ? "yes" : "no");
        break;
    case FIELD_TIMER:
        value = ((const struct timer *)p)->when;
        if (value == CLOCK_NEVER)
            fprintf(out, "%-30s off\n", path);
        else
            fprintf(out, "%-30s at %.6f s\n", path, (double)value / 1e9);
        break;
    default:
        memcpy(&value, p, f->size); /* hosts are little-endian */
        fprintf(out, "%-30s %0*llXh\n", path, (int)(2 * f->size), (unsigned long long)value);
    }
}

void lines_device(const struct stepper *s, FILE *out)
{
    const struct device *list, *device = view_find_device(s->pc, s->look.device);
    if (!device) {
        unsigned n = pc_devices(s->pc, &list);
        fputs("':view device NAME' shows one of these:\n", out);
        for (unsigned i = 0; i < n; i++)
            fprintf(out, "%-18s%s", list[i].ops->name, i % 4 == 3 || i + 1 == n ? "\n" : "");
        return;
    }
    if (device->ops->saving)
        device->ops->saving(device->self);
    fprintf(out, "%s\n", device->ops->name);
    state_walk("", device->ops->state, device->self, put_field, out);
}

/* ---- the shadow TLB ---- */

static unsigned count_entries(const struct tlb_entry *e)
{
    unsigned n = 0;
    for (unsigned i = 0; i < TLB_SIZE; i++)
        n += e[i].tag != TLB_NONE;
    return n;
}

void lines_tlb(const struct stepper *s, FILE *out)
{
    const struct mmu *m = &s->cpu->mmu;
    unsigned second = 0;
    fprintf(out, "The emulator's own cache of translations; the guest cannot see it. Hits take\n"
                 "a few host instructions and are not counted.\n");
    for (unsigned i = 0; i < 2; i++)
        fprintf(out, "%-12s %3u read, %3u write, %3u fetch entries of %u\n", i ? "user" : "supervisor",
                count_entries(m->ctx.read[i]), count_entries(m->ctx.write[i]), count_entries(m->ctx.fetch[i]),
                TLB_SIZE);
    for (unsigned i = 0; i < TLB2_SIZE; i++)
        second += mmu_second_current(m, &m->second[i]);
    fprintf(out, "second level %u entries of %u\n", second, TLB2_SIZE);
    fprintf(out, "misses       %llu, of them page walks %llu; flushed %llu times\n", (unsigned long long)m->misses,
            (unsigned long long)m->walks, (unsigned long long)m->flushes);
    for (unsigned i = 0; i < TLB2_SIZE; i++) {
        const struct tlb2_entry *e = &m->second[i];
        if (mmu_second_current(m, e))
            fprintf(out, "linear %08Xh -> physical %08Xh %s%s%s%s%s\n", (u32)(e->page & PAGE_MASK),
                    (u32)(e->phys & PAGE_MASK), e->page & TLB2_USER ? " user" : " supervisor",
                    e->page & TLB2_WRITE ? " writable" : " read-only", e->page & TLB2_DIRTY ? " dirty" : "",
                    e->page & TLB2_GLOBAL ? " global" : "", e->page & TLB2_LARGE ? " large" : "");
    }
}

/* ---- x87 and SSE ---- */

void lines_fpu(const struct stepper *s, FILE *out)
{
    const struct x87 *f = &s->cpu->fpu;
    char number[96];
    struct text t;
    fprintf(out, "control %04Xh  status %04Xh  top %u\n", f->cw, f->sw, f->top);
    for (unsigned i = 0; i < 8; i++) {
        unsigned physical = (f->top + i) & 7;
        text_init(&t, number, sizeof number);
        st_text(&t, f, physical);
        fprintf(out, "ST(%u) %-28s MM%u %016llX\n", i, number, i, (unsigned long long)f->st[i].m);
    }
    fprintf(out, "MXCSR %08Xh\n", s->cpu->mxcsr);
    for (unsigned i = 0; i < 8; i++)
        fprintf(out, "XMM%u  %08X %08X %08X %08X\n", i, s->cpu->xmm[i].d[3], s->cpu->xmm[i].d[2], s->cpu->xmm[i].d[1],
                s->cpu->xmm[i].d[0]);
}

/* ---- stops and help ---- */

void lines_stops(const struct stepper *s, FILE *out)
{
    unsigned n = 0;
    for (unsigned i = 0; i < STEPPER_STOPS; i++) {
        const struct stepper_stop *stop = &s->stop[i];
        if (!stop->number || stop->once)
            continue;
        fprintf(out, "%2u  %-10s %-40s %llu times\n", stop->number,
                stop->at.kind == STOP_EXEC ? "breakpoint" : "watchpoint", stop->text, (unsigned long long)stop->hits);
        n++;
    }
    if (!n)
        fputs("there are no breakpoints and watchpoints; 'k' sets one at the cursor, 'w' watches memory\n", out);
}

static void help_views(FILE *out)
{
    char key[8];
    fputs("Views (':view NAME', or the key)\n", out);
    for (unsigned i = 0; i < VIEW_COUNT; i++)
        if (view_rows[i].key)
            fprintf(out, "  %-6s %-10s %s\n", stepcmd_key_name(view_rows[i].key, key), view_rows[i].name,
                    view_rows[i].help);
}

enum { FORM = 21, WIDTH = 66 };

/* Help in as many lines as it takes, after the command's form. */
static void help_command(const struct stepcmd_row *r, FILE *out)
{
    char keys[24], form[160], lines[512], *rest = lines;
    stepcmd_keys(r, keys, sizeof keys);
    snprintf(form, sizeof form, "%s %s", r->name, r->shown);
    if (strlen(form) > FORM) {
        text_wrap(form, WIDTH, 2, lines, sizeof lines);
        for (const char *line; (line = strsep(&rest, "\n")) && *line; keys[0] = 0)
            fprintf(out, "  %-8s %s\n", keys, line);
        form[0] = 0;
    }
    text_wrap(r->help, WIDTH - FORM - 1, 8, lines, sizeof lines);
    rest = lines;
    for (const char *line; (line = strsep(&rest, "\n")) && *line; keys[0] = form[0] = 0)
        fprintf(out, "  %-8s %-*s %s\n", keys, FORM, form, line);
}

void lines_help(const struct stepper *s, FILE *out)
{
    const char *group = "";
    fputs("A key does it at once; every command can be typed after ':'. Esc goes back.\n"
          "Numbers are hexadecimal as on the screen (10. is ten); counts are decimal.\n",
          out);
    for (const struct stepcmd_row *r = stepcmd_rows; r->name; r++) {
        if (strcmp(group, r->group) != 0)
            fprintf(out, "%s\n", r->group);
        group = r->group;
        help_command(r, out);
    }
    help_views(out);
}
