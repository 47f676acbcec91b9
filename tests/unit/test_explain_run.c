/*
 * test_explain_run.c - what frontend/step/explain.c says beforehand against what the processor then
 * does: predicted exceptions must come, and memory changes only where the snapshot expects it.
 */
#include "cpu/decode.h"
#include "cpu/isa.h"
#include "frontend/step/explain.h"
#include "test_cpu_rig.h"

enum { CASES = 30000, SHOWN = 20 };

enum mode { SYSTEM, USER, V86, REAL, MODES };

struct judge {
    enum mode mode;
    struct rig r;
    u8 *shadow; /* RAM before the instruction */
    u64 seed;
    struct insn in;
    struct explain x;
    u64 predicted, unforeseen, ran;
    unsigned wrong;
};

static u64 random_number(u64 *state)
{
    *state += 0x9E3779B97F4A7C15u;
    u64 z = *state;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}

static bool peek_phys(void *ctx, u64 addr, void *buf, unsigned len)
{
    const struct rig *r = ctx;
    if (addr > RIG_RAM || len > RIG_RAM - addr)
        return false;
    memcpy(buf, r->ram + addr, len);
    return true;
}

static bool peek_lin(void *ctx, u64 lin, void *buf, unsigned len)
{
    struct rig *r = ctx;
    for (unsigned i = 0; i < len; i++) {
        u64 phys;
        if (!mmu_peek(&r->cpu->mmu, (u32)(lin + i), &phys) || !peek_phys(r, phys, (u8 *)buf + i, 1))
            return false;
    }
    return true;
}

/* ---- a case ---- */

/* Mostly addresses in the RAM and small numbers; what is behind the RAM is not mapped. */
static u32 random_register(u64 *seed)
{
    static const u8 shifts[8] = {0, 11, 12, 12, 12, 13, 24, 28};
    u32 v = (u32)random_number(seed);
    return v >> shifts[random_number(seed) & 7];
}

/* Pages that are read-only, the supervisor's, or not there. */
static void random_pages(struct judge *j)
{
    for (u32 page = 0x40; page < 0x100; page++) {
        u32 bits = 7;
        if (page % 8 == 5)
            bits = (u32)random_number(&j->seed) & 7;
        rig_put(&j->r, PAGE_TAB + page * 4, 4, page << 12 | bits);
    }
}

/* Vector n leads to the same HLT as in protected mode. */
static void start_real(struct judge *j)
{
    rig_real(&j->r, "");
    for (unsigned v = 0; v < 32; v++) {
        rig_put(&j->r, v * 4, 4, (u32)HANDLERS >> 4 << 16 | v * 16);
        rig_hex(&j->r, rig_handler((u8)v), "F4");
    }
}

static void random_state(struct judge *j)
{
    struct cpu *c = j->r.cpu;
    enum mode mode = j->mode = random_number(&j->seed) % MODES;
    cpu_reset(c);
    if (mode == REAL) {
        start_real(j);
    } else {
        rig_protected(&j->r, mode == USER ? 3 : 0, "");
        if (mode == V86)
            rig_vm86(&j->r, random_number(&j->seed) & 1 ? 3 : 0, "");
        memset(j->r.ram + PAGE_DIR, 0, 0x2000); /* what earlier instructions wrote, in the page table too */
        rig_paging(&j->r);
        random_pages(j);
    }
    bool inner_stack = mode == USER || mode == V86; /* else the handler needs ESP */
    for (unsigned i = 0; i < 8; i++)
        if (i != R_SP || (inner_stack && random_number(&j->seed) % 4 == 0))
            c->r[i] = random_register(&j->seed);
    u64 wish = random_number(&j->seed);
    c->cr4 = CR4_OSFXSR & (wish % 8 ? ~(u64)0 : 0);
    c->cr0 |= wish % 16 == 1 ? CR0_TS : wish % 16 == 2 ? CR0_EM : 0;
    c->cr0 |= CR0_NE | CR0_MP;
    u32 flags = (u32)random_number(&j->seed) & (F_ARITH | F_DF | (wish & 64 ? F_IOPL : 0));
    cpu_set_eflags(c, flags | (mode == V86 ? F_VM : 0));
    cpu_update_mode(c);
    mmu_flush_all(&c->mmu);
}

static bool random_insn(struct judge *j)
{
    u8 code[INSN_MAX_LEN];
    const struct cpu *c = j->r.cpu;
    struct decode_mode mode = {.decoder = c->decoder, .bits = c->code_bits};
    for (unsigned i = 0; i < sizeof code; i++)
        code[i] = (u8)random_number(&j->seed);
    if (random_number(&j->seed) & 1)
        code[0] = 0x0F;
    phys_write(&j->r.phys, c->seg[SEG_CS].base + c->ip, code, sizeof code);
    if (decode(&mode, code, sizeof code, &j->in) != DECODE_OK)
        return false;
    j->x = (struct explain){.cpu = c, .insn = &j->in, .ip = c->ip, .peek = {peek_lin, peek_phys, &j->r}};
    return true;
}

/* ---- what happened ---- */

/* The vector of the exception that was delivered, or -1. */
static int delivered(const struct judge *j)
{
    const struct cpu *c = j->r.cpu;
    u64 at = c->seg[SEG_CS].base + c->ip - HANDLERS;
    u16 sel = j->mode == REAL ? (u32)HANDLERS >> 4 : K_CODE;
    return at < 32 * 16 && at % 16 <= 1 && c->seg[SEG_CS].sel == sel ? (int)(at / 16) : -1;
}

/* INT n and friends go to handlers without an exception; far transfers may hit anything. */
static bool may_go_anywhere(const struct insn *in)
{
    const struct isa_row *row = &isa_rows[in->op];
    return (row->attrs & (A_END | A_SYS)) == (A_END | A_SYS);
}

/* Which registers the model has is the model's business. */
static bool cannot_be_told(const struct insn *in)
{
    return in->op == ISA_RDMSR;
}

static bool in_area(const struct step_snapshot *s, u32 at)
{
    for (unsigned i = 0; i < s->areas; i++)
        if (at - (u32)s->area[i].lin < s->area[i].len)
            return true;
    return false;
}

/* Tables may get accessed and busy bits; the stack is told by its pointer. */
static bool is_expected(const struct step_snapshot *before, const struct step_snapshot *after, u32 at)
{
    u32 was = (u32)before->r[R_SP], is = (u32)after->r[R_SP];
    bool tables = at >= GDT && at < PAGE_TAB + 0x1000;
    if (!before->stack32) {
        was = (u16)was + (u32)before->seg[SEG_SS].base;
        is = (u16)is + (u32)before->seg[SEG_SS].base;
    }
    return tables || in_area(before, at) || at - is < was - is;
}

static void complain(struct judge *j, const char *what, int predicted, int came)
{
    if (j->wrong++ >= SHOWN)
        return;
    print_message("%s %s: predicted %d, came %d\n", isa_rows[j->in.op].id, what, predicted, came);
}

static void check_memory(struct judge *j, const struct step_snapshot *before)
{
    struct step_snapshot after;
    char text[EXPLAIN_SIZE];
    step_snapshot_after(&after, before, j->r.cpu, &j->x.peek);
    explain_after(before, &after, text, sizeof text);
    for (u32 at = 0; at < RIG_RAM; at += 4096) {
        if (memcmp(j->r.ram + at, j->shadow + at, 4096) == 0)
            continue;
        for (u32 i = at; i < at + 4096; i++) {
            if (j->r.ram[i] != j->shadow[i] && !is_expected(before, &after, i)) {
                complain(j, "wrote elsewhere", -1, (int)i);
                return;
            }
        }
    }
}

static void one_case(struct judge *j)
{
    struct step_snapshot before;
    char text[EXPLAIN_SIZE];
    random_state(j);
    if (!random_insn(j))
        return;
    int predicted = explain_before(&j->x, text, sizeof text);
    step_snapshot_before(&before, &j->x);
    memcpy(j->shadow, j->r.ram, RIG_RAM);
    cpu_run(j->r.cpu, 1);
    int came = delivered(j);
    j->ran++;
    if (predicted >= 0) {
        j->predicted++;
        if (came != predicted)
            complain(j, text, predicted, came);
    } else if (came >= 0) {
        if (!may_go_anywhere(&j->in)) {
            j->unforeseen++;
            if (!cannot_be_told(&j->in))
                complain(j, text, -1, came);
        }
    } else if (!may_go_anywhere(&j->in) && j->in.op != ISA_ENTER_IwIb) { /* whose frame may wrap around */
        check_memory(j, &before);
    }
}

static void predictions_come_true(void **state)
{
    const char *wish = getenv("OMBRA_EXPLAIN_CASES");
    u64 cases = wish ? strtoull(wish, NULL, 0) : CASES;
    struct judge j = {.seed = 7};
    rig_new(&j.r, "p4");
    j.shadow = malloc(RIG_RAM);
    assert_non_null(j.shadow);
    for (u64 i = 0; i < cases; i++)
        one_case(&j);
    print_message("%llu instructions, %llu exceptions predicted, %llu unforeseen\n", (unsigned long long)j.ran,
                  (unsigned long long)j.predicted, (unsigned long long)j.unforeseen);
    free(j.shadow);
    rig_free(&j.r);
    assert_int_equal(j.wrong, 0);
    assert_true(j.predicted > cases / 20);
    assert_true(j.unforeseen < cases / 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(predictions_come_true),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
