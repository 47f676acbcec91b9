/*
 * test_x87.c - each x87 instruction from a random state, here and on the host's own x87: registers, status, tags,
 * control word, EFLAGS, AX and memory must agree; and the same results condensed into a hash for hosts without one.
 */
#include "op_rig.h"
#include "cpu/x87.h"
#include "tests/unit/softfp_cases.h"
#include "tests/unit/x87_rows.h"

/* Hash of the results of test_hash, taken where test_against_host passes. */
#define HASH 0x28637816c3709abdull

#define DECLARE_R(id, opcode, modrm, n) extern const op_fn exec_##id[EXEC_FORMS];
#define DECLARE_M(id, opcode, reg) extern const op_fn exec_##id[EXEC_FORMS];
X87_ROWS(DECLARE_R, DECLARE_M)

struct row {
    const char *name;
    const op_fn *forms;
    u8 opcode, modrm, count; /* count 0: memory form */
};

#define ROW_R(id, opcode, modrm, n) {#id, exec_##id, opcode, modrm, n},
#define ROW_M(id, opcode, reg) {#id, exec_##id, opcode, reg << 3 | 6, 0},
static const struct row rows[] = {X87_ROWS(ROW_R, ROW_M)};

enum { MEM = 0x2000, IMAGE = 108, EFLAGS = F_CF | F_PF | F_AF | F_ZF | F_SF | F_OF };

/* All that an instruction can see or change. */
struct machine {
    u8 image[IMAGE]; /* FSAVE, 32-bit protected-mode layout */
    u8 mem[16];
    u64 eflags, ax;
};

static struct f80 image_reg(const struct machine *m, unsigned i)
{
    return f80_load(m->image + 28 + 10 * i);
}

static void random_mem(struct cases *c, const struct row *row, u8 mem[16])
{
    u64 v = cases_bits(c);
    for (int i = 0; i < 16; i += 8)
        st64(mem + i, cases_next(c));
    switch (row->opcode) {
    case 0xD8:
    case 0xD9:
        v = cases_f32(c);
        break;
    case 0xDC:
    case 0xDD:
        v = cases_f64(c);
        break;
    default:
        v = cases_below(c, 2) ? v : cases_below(c, 100);
    }
    st64(mem, v);
    if (row->forms == exec_FBLD)
        for (int i = 0; i < 9; i++)
            mem[i] = (u8)(cases_below(c, 10) * 16 + (mem[i] & 7));
    if (row->forms == exec_FLD_M80)
        f80_store(mem, cases_f80(c));
    if (row->forms == exec_FLDCW)
        st16(mem, (u16)(cases_next(c) | 0x40)); /* what unmasks a pending exception is tested elsewhere */
}

/* A random state without a pending exception. */
static void random_machine(struct cases *c, const struct row *row, struct machine *m)
{
    memset(m, 0, sizeof *m);
    u16 cw = (u16)(0x40 | (cases_next(c) & 0xC00));
    static const u16 pc[3] = {0x000, 0x200, 0x300};
    cw |= pc[cases_below(c, 3)];
    cw |= cases_below(c, 2) ? FP_ALL : (u16)(cases_next(c) & FP_ALL);
    u16 sw = (u16)(cases_next(c) & (0x7F00 | FP_ALL)) & (u16)(~FP_ALL | cw);
    u16 tags = 0;
    unsigned fullness = cases_below(c, 4);
    for (unsigned i = 0; i < 8; i++)
        if (fullness == 0 ? cases_below(c, 2) : cases_below(c, 12) == 0)
            tags |= (u16)(3 << 2 * i);
    if (cases_below(c, 2)) { /* room for a push, where operations need it */
        unsigned p = ((sw >> 11) - 1) & 7;
        tags |= (u16)(3 << 2 * p);
    }
    st32(m->image, cw | 0xFFFF0000);
    st32(m->image + 4, sw | 0xFFFF0000);
    st32(m->image + 8, tags | 0xFFFF0000);
    for (unsigned i = 0; i < 8; i++)
        f80_store(m->image + 28 + 10 * i, cases_f80(c));
    random_mem(c, row, m->mem);
    m->eflags = (cases_next(c) & EFLAGS) | F_ONE;
    m->ax = cases_next(c) & 0xFFFFFFFF;
}

static void run_ours(struct rig *r, const struct row *row, u8 modrm, struct machine *m)
{
    struct cpu *c = r->c;
    x87_env_load(c, 4, m->image);
    for (unsigned i = 0; i < 8; i++)
        c->fpu.st[x87_phys(c, i)] = image_reg(m, i);
    flags_set_arith(c, (u32)m->eflags);
    c->r[R_AX] = m->ax;
    memcpy(r->ram + MEM, m->mem, 16);
    r->in.modrm = modrm & 0x3F;
    r->in.imm = (u64)(row->opcode & 7) << 8 | modrm;
    r->in.mem = 0;
    if (!row->count)
        rig_mem(r, MEM);
    assert_int_equal(rig_run(r, row->forms), RIG_OK);
    memcpy(m->mem, r->ram + MEM, 16);
    m->eflags = rig_flags(r);
    m->ax = c->r[R_AX];
    x87_env_image(c, 4, m->image);
    for (unsigned i = 0; i < 8; i++)
        f80_store(m->image + 28 + 10 * i, x87_get(c, i));
}

static u8 pick_modrm(struct cases *c, const struct row *row)
{
    return (u8)(row->modrm + (row->count > 1 ? cases_below(c, row->count) : 0));
}

static bool transcendental(const struct row *row)
{
    return row->forms == exec_F2XM1 || row->forms == exec_FYL2X || row->forms == exec_FPTAN ||
           row->forms == exec_FPATAN || row->forms == exec_FYL2XP1 || row->forms == exec_FSINCOS ||
           row->forms == exec_FSIN || row->forms == exec_FCOS;
}

static void mix_machine(struct cases *c, const struct machine *m)
{
    for (unsigned i = 0; i < IMAGE; i += 4)
        if (i < 12 || i >= 28)
            cases_mix(c, ld32(m->image + i));
    cases_mix(c, ld64(m->mem) ^ ld64(m->mem + 8));
    cases_mix(c, (m->eflags & EFLAGS) << 32 ^ m->ax);
}

static void test_hash(void **state)
{
    (void)state;
    struct rig r;
    struct cases c = {.state = 0xC0FFEE};
    rig_init(&r, 32);
    r.c->cr0 |= CR0_NE;
    for (int n = 0; n < 200; n++)
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
            struct machine m;
            random_machine(&c, &rows[i], &m);
            run_ours(&r, &rows[i], pick_modrm(&c, &rows[i]), &m);
            mix_machine(&c, &m);
        }
    rig_free(&r);
    if (c.hash != HASH)
        print_message("hash %#llx\n", (unsigned long long)c.hash);
    assert_true(c.hash == HASH);
}

#ifdef __x86_64__
#include <sys/mman.h>

/* Code that loads the image and flags, executes one instruction and saves all again. */
static u8 *native_page;

static void native_build(u8 opcode, u8 modrm)
{
    static const u8 before[] = {
        0xFF, 0x37,             /* push [rdi] */
        0x9D,                   /* popfq */
        0x48, 0x8B, 0x47, 0x08, /* mov rax, [rdi+8] */
        0xDD, 0x22,             /* frstor [rdx] */
    };
    static const u8 after[] = {
        0x9C,                   /* pushfq */
        0x8F, 0x07,             /* pop [rdi] */
        0x48, 0x89, 0x47, 0x08, /* mov [rdi+8], rax */
        0xDD, 0x32,             /* fnsave [rdx] */
        0xC3,
    };
    u8 *p = native_page;
    memcpy(p, before, sizeof before);
    p += sizeof before;
    *p++ = opcode;
    *p++ = modrm;
    memcpy(p, after, sizeof after);
}

static void run_host(const struct row *row, u8 modrm, struct machine *m)
{
    u64 flags_ax[2] = {m->eflags | F_IF, m->ax};
    static u8 built[2];
    if (built[0] != row->opcode || built[1] != modrm) {
        native_build(row->opcode, modrm);
        built[0] = row->opcode;
        built[1] = modrm;
    }
    __asm__ volatile("call *%[code]\n\tfninit"
                     : "+m"(*m)
                     : [code] "r"(native_page), "D"(flags_ax), "S"(m->mem), "d"(m->image)
                     : "rax", "cc", "memory");
    m->eflags = flags_ax[0] & EFLAGS;
    m->ax = flags_ax[1];
}

static bool near(struct f80 a, struct f80 b)
{
    __int128 x = (__int128)(a.se & 0x7FFF) << 63 | (a.m & ~(1ull << 63));
    __int128 y = (__int128)(b.se & 0x7FFF) << 63 | (b.m & ~(1ull << 63));
    return (a.se ^ b.se) >> 15 == 0 && x - y <= 1 && y - x <= 1;
}

/* Status bits in which the host's processor need not be right: undefined, or (FCOMI) not as the manual of the
 * processors we are. */
static u16 undefined_status(const struct row *row)
{
    bool comi = row->forms == exec_FCOMI || row->forms == exec_FCOMIP || row->forms == exec_FUCOMI ||
                row->forms == exec_FUCOMIP;
    return transcendental(row) || comi ? X87_C1 : 0;
}

static bool same(const struct row *row, const struct machine *h, const struct machine *o)
{
    u16 mask = (u16)~undefined_status(row);
    if (ld16(h->image) != ld16(o->image) || (ld16(h->image + 4) & mask) != (ld16(o->image + 4) & mask) ||
        ld16(h->image + 8) != ld16(o->image + 8) || memcmp(h->mem, o->mem, 16) || h->eflags != (o->eflags & EFLAGS) ||
        h->ax != o->ax)
        return false;
    for (unsigned i = 0; i < 8; i++) {
        struct f80 x = image_reg(h, i), y = image_reg(o, i);
        if ((x.m != y.m || x.se != y.se) && !(transcendental(row) && near(x, y)))
            return false;
    }
    return true;
}

static void show(const char *who, const struct machine *m)
{
    print_message("  %-6s cw %04X sw %04X tags %04X flags %03X ax %08X mem %016llX%016llX", who, ld16(m->image),
                  ld16(m->image + 4), ld16(m->image + 8), (unsigned)m->eflags & EFLAGS, (unsigned)m->ax,
                  (unsigned long long)ld64(m->mem + 8), (unsigned long long)ld64(m->mem));
    for (unsigned i = 0; i < 8; i++)
        print_message(" %04X:%016llX", image_reg(m, i).se, (unsigned long long)image_reg(m, i).m);
    print_message("\n");
}

static void test_against_host(void **state)
{
    (void)state;
    struct rig r;
    rig_init(&r, 32);
    r.c->cr0 |= CR0_NE;
    native_page = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (native_page == MAP_FAILED)
        skip(); /* a hardened host */
    u32 n = cases_count(1500), bad = 0;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct cases c = {.state = 0xABBA + i};
        u32 bad_row = 0;
        for (u32 k = 0; k < n; k++) {
            struct machine before, h, o;
            random_machine(&c, &rows[i], &before);
            u8 modrm = pick_modrm(&c, &rows[i]);
            h = o = before;
            run_host(&rows[i], modrm, &h);
            run_ours(&r, &rows[i], modrm, &o);
            if (!same(&rows[i], &h, &o) && bad_row++ < 3) {
                print_message("%s %02X %02X\n", rows[i].name, rows[i].opcode, modrm);
                show("before", &before);
                show("host", &h);
                show("ours", &o);
            }
        }
        if (bad_row)
            print_message("%s: %u of %u differ\n", rows[i].name, bad_row, n);
        bad += bad_row;
    }
    munmap(native_page, 4096);
    rig_free(&r);
    assert_int_equal(bad, 0);
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hash),
#ifdef __x86_64__
        cmocka_unit_test(test_against_host),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
