/*
 * compare.c - what may differ and what may not.
 */
#include "tests/oracle/compare.h"
#include "cpu/isa.h"
#include "tests/oracle/differences.h"
#include <capstone/capstone.h>
#include <string.h>

/* Offsets in the FXSAVE image. */
enum {
    FX_FCW = 0,
    FX_FSW = 2,
    FX_FTW = 4,
    FX_FOP = 6,
    FX_FIP = 8,
    FX_FCS = 12,
    FX_FDP = 16,
    FX_FDS = 20,
    FX_MXCSR = 24,
    FX_ST = 32,
    FX_XMM = 160
};

static const char *const reg_names[8] = {"EAX", "ECX", "EDX", "EBX", "ESP", "EBP", "ESI", "EDI"};
static const char *const seg_names[6] = {"ES", "CS", "SS", "DS", "FS", "GS"};

struct report {
    FILE *out;
    bool differs;
};

static void differ(struct report *r, const char *what, u64 silicon, u64 ours, unsigned digits)
{
    r->differs = true;
    if (r->out)
        fprintf(r->out, "  %-10s silicon %0*llX  ours %0*llX\n", what, (int)digits, (unsigned long long)silicon,
                (int)digits, (unsigned long long)ours);
}

static void check(struct report *r, const char *what, u64 silicon, u64 ours, unsigned digits)
{
    if (silicon != ours)
        differ(r, what, silicon, ours, digits);
}

/* ---- parts of a result ---- */

static const char *flags_text(u32 f, char *to)
{
    static const char letters[] = "CPAZSTIDO";
    static const u8 bits[] = {0, 2, 4, 6, 7, 8, 9, 10, 11};
    char *p = to;
    for (unsigned i = 0; i < sizeof bits; i++)
        *p++ = f & BIT(bits[i]) ? letters[i] : '-';
    *p = 0;
    return to;
}

static void check_flags(struct report *r, u32 silicon, u32 ours, u32 mask)
{
    if (!((silicon ^ ours) & mask))
        return;
    char a[16], b[16], m[16];
    r->differs = true;
    if (r->out)
        fprintf(r->out, "  %-10s silicon %08X %s  ours %08X %s  differ in %s (%08X)\n", "EFLAGS", silicon,
                flags_text(silicon, a), ours, flags_text(ours, b), flags_text((silicon ^ ours) & mask, m),
                (silicon ^ ours) & mask);
}

static void check_fx(struct report *r, const u8 *silicon, const u8 *ours, const struct mask *m)
{
    check(r, "FCW", ld16(silicon + FX_FCW), ld16(ours + FX_FCW), 4);
    check(r, "FSW", ld16(silicon + FX_FSW) & m->fsw, ld16(ours + FX_FSW) & m->fsw, 4);
    if (m->x87)
        check(r, "FTW", silicon[FX_FTW], ours[FX_FTW], 2);
    if (m->pointers) {
        check(r, "FOP", ld16(silicon + FX_FOP) & 0x7FF, ld16(ours + FX_FOP) & 0x7FF, 3);
        check(r, "FIP", ld32(silicon + FX_FIP), ld32(ours + FX_FIP), 8);
        check(r, "FDP", ld32(silicon + FX_FDP), ld32(ours + FX_FDP), 8);
    }
    check(r, "MXCSR", ld32(silicon + FX_MXCSR), ld32(ours + FX_MXCSR), 8);
    for (unsigned i = 0; i < 8 && m->x87; i++) {
        const u8 *a = silicon + FX_ST + i * 16, *b = ours + FX_ST + i * 16;
        if (memcmp(a, b, 10) == 0 || mask_near_st(m, a, b))
            continue;
        r->differs = true;
        if (r->out)
            fprintf(r->out, "  ST%u        silicon %04X %016llX  ours %04X %016llX\n", i, ld16(a + 8),
                    (unsigned long long)ld64(a), ld16(b + 8), (unsigned long long)ld64(b));
    }
    for (unsigned i = 0; i < 8; i++) {
        const u8 *a = silicon + FX_XMM + i * 16, *b = ours + FX_XMM + i * 16;
        if (memcmp(a, b, 16) == 0 || mask_near_xmm(m, a, b))
            continue;
        r->differs = true;
        if (r->out)
            fprintf(r->out, "  XMM%u       silicon %016llX %016llX  ours %016llX %016llX\n", i,
                    (unsigned long long)ld64(a + 8), (unsigned long long)ld64(a), (unsigned long long)ld64(b + 8),
                    (unsigned long long)ld64(b));
    }
}

enum { SHOWN_BYTES = 24 };

/* What byte OFF of the data pages became, or -1 if it is as before; I is the first entry of R that may tell. */
static int change_at(const struct oracle_result *r, u32 *i, u32 off)
{
    u32 n = MIN(r->changes, (u32)ORACLE_MAX_CHANGES);
    while (*i < n && r->change[*i] >> 8 < off)
        (*i)++;
    return *i < n && r->change[*i] >> 8 == off ? (int)(r->change[*i] & 0xFF) : -1;
}

static void show_byte(FILE *out, int byte)
{
    if (byte < 0)
        fprintf(out, "same");
    else
        fprintf(out, "%02X", (unsigned)byte);
}

/* The first bytes in which the two differ. */
static void show_memory(FILE *out, const struct oracle_result *silicon, const struct oracle_result *ours,
                        const struct mask *m)
{
    unsigned shown = 0;
    u32 i = 0, k = 0;
    fprintf(out, "  memory     silicon changed %u bytes, ours %u:", silicon->changes, ours->changes);
    for (u32 off = 0; off < ORACLE_DATA_SIZE && shown < SHOWN_BYTES; off++) {
        int a = change_at(silicon, &i, off), b = change_at(ours, &k, off);
        if (a == b || mask_ignores(m, off))
            continue;
        fprintf(out, "%s[%08X] ", shown++ % 4 ? "  " : "\n    ", ORACLE_DATA + off);
        show_byte(out, a);
        fprintf(out, "/");
        show_byte(out, b);
    }
    fprintf(out, "\n");
}

/* The next change from I on that is judged, or the end of the list. */
static u32 next_judged(const struct oracle_result *r, const struct mask *m, u32 i)
{
    u32 n = MIN(r->changes, (u32)ORACLE_MAX_CHANGES);
    while (i < n && mask_ignores(m, r->change[i] >> 8))
        i++;
    return MIN(i, n);
}

static bool same_memory(const struct oracle_result *a, const struct oracle_result *b, const struct mask *m)
{
    if (!m->memory || (a->changes == b->changes && a->data_hash == b->data_hash))
        return true;
    if (m->ranges == 0)
        return false;
    u32 i = 0, k = 0;
    for (;; i++, k++) {
        i = next_judged(a, m, i);
        k = next_judged(b, m, k);
        bool a_ends = i == MIN(a->changes, (u32)ORACLE_MAX_CHANGES),
             b_ends = k == MIN(b->changes, (u32)ORACLE_MAX_CHANGES);
        if (a_ends || b_ends)
            return a_ends && b_ends;
        if (a->change[i] != b->change[k])
            return false;
    }
}

static void check_memory(struct report *r, const struct oracle_result *silicon, const struct oracle_result *ours,
                         const struct mask *m)
{
    if (same_memory(silicon, ours, m))
        return;
    r->differs = true;
    if (r->out)
        show_memory(r->out, silicon, ours, m);
}

bool compare_results(const struct oracle_case *c, const struct oracle_result *silicon, const struct oracle_result *ours,
                     u32 *used, FILE *out)
{
    struct report r = {.out = out};
    struct mask m;
    mask_for(&m, c, silicon, ours, used);
    if (m.skip)
        return true;
    if (m.vector && silicon->vector != ours->vector) {
        r.differs = true;
        if (out)
            fprintf(out, "  vector     silicon %d  ours %d%s\n", silicon->vector, ours->vector,
                    ours->vector < -1 ? " (did not end)" : "");
    }
    if (m.error)
        check(&r, "error code", silicon->error, ours->error, 8);
    if (m.cr2)
        check(&r, "CR2", silicon->cr2, ours->cr2, 8);
    if (m.ip)
        check(&r, "EIP", silicon->ip, ours->ip, 8);
    check_flags(&r, silicon->eflags, ours->eflags, m.eflags);
    for (unsigned i = 0; i < 8; i++)
        check(&r, reg_names[i], silicon->r[i] & ~m.r[i], ours->r[i] & ~m.r[i], 8);
    for (unsigned i = 0; i < 6; i++)
        check(&r, seg_names[i], silicon->sel[i], ours->sel[i], 4);
    check_fx(&r, silicon->fx, ours->fx, &m);
    check_memory(&r, silicon, ours, &m);
    return !r.differs;
}

/* ---- the case ---- */

static void show_code(const struct oracle_case *c, FILE *out)
{
    fprintf(out, "  code       ");
    for (unsigned i = 0; i < c->insn_len; i++)
        fprintf(out, "%02X ", c->code[i]);
    csh h;
    cs_insn *insn;
    if (cs_open(CS_ARCH_X86, c->bits == 32 ? CS_MODE_32 : CS_MODE_16, &h) != CS_ERR_OK)
        return;
    if (cs_disasm(h, c->code, c->insn_len, c->ip, 1, &insn) > 0) {
        fprintf(out, " %s %s", insn->mnemonic, insn->op_str);
        cs_free(insn, 1);
    }
    cs_close(&h);
    fprintf(out, "  (%u bits) at %08llX\n", c->bits, (unsigned long long)c->ip);
}

static void show_fx(const u8 *fx, FILE *out)
{
    fprintf(out, "  FCW %04X FSW %04X FTW %02X FOP %03X FIP %08X FDP %08X MXCSR %08X\n", ld16(fx), ld16(fx + FX_FSW),
            fx[FX_FTW], ld16(fx + FX_FOP), ld32(fx + FX_FIP), ld32(fx + FX_FDP), ld32(fx + FX_MXCSR));
    for (unsigned i = 0; i < 8; i++)
        fprintf(out, "  ST%u %04X %016llX   XMM%u %016llX %016llX\n", i, ld16(fx + FX_ST + i * 16 + 8),
                (unsigned long long)ld64(fx + FX_ST + i * 16), i, (unsigned long long)ld64(fx + FX_XMM + i * 16 + 8),
                (unsigned long long)ld64(fx + FX_XMM + i * 16));
}

void compare_show_case(const struct oracle_case *c, FILE *out)
{
    char flags[16];
    show_code(c, out);
    fprintf(out, "  before    ");
    for (unsigned i = 0; i < 8; i++)
        fprintf(out, " %s %08X%s", reg_names[i], (u32)c->r[i], i == 3 ? "\n            " : "");
    fprintf(out, "\n             EFLAGS %08X %s ", c->eflags, flags_text(c->eflags, flags));
    for (unsigned i = 0; i < 6; i++)
        fprintf(out, " %s %02X", seg_names[i], c->sel[i]);
    fprintf(out, "\n");
    for (unsigned i = 0; i < c->patches; i++) {
        const struct oracle_patch *p = &c->patch[i];
        fprintf(out, "  memory     [%08X]", ORACLE_DATA + p->off);
        for (unsigned k = 0; k < p->len && k < 32; k++)
            fprintf(out, " %02X", c->bytes[p->at + k]);
        fprintf(out, "%s\n", p->len > 32 ? " ..." : "");
    }
    if (isa_rows[c->row].attrs & (A_FPU | A_MMX | A_SSE))
        show_fx(c->fx, out);
}
