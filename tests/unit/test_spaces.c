/*
 * test_spaces.c - the TLB over changes of address space: random loads, stores, changes of page tables, watches and loads of CR3 against
 * what a walk says.
 */
#include "softmmu/access.h"
#include "softmmu/walk.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

/* Page tables lie in the first pages; each space has as many pages of its own, from LOW on, and one of all, GLOBAL. */
enum {
    RAM = 2 << 20,
    SPACES = 12,
    DIRS = 0x1000,
    TABLES = DIRS + SPACES * 0x1000,
    GLOBAL_TABLE = TABLES + SPACES * 0x1000,
    LOW = 0x100000,
    PAGES = 6,
    GLOBAL = 0x420000,
    DATA = 0x40000,
    FRAMES = 24,
    STEPS = 400000
};

struct rig {
    struct physmem phys;
    struct mmu mmu;
    jmp_buf out;
    u32 error;
    u64 random;
    unsigned code_writes;
};

static u32 below(struct rig *r, u32 n)
{
    r->random = r->random * 6364136223846793005u + 1442695040888963407u;
    return (u32)(r->random >> 33) % n;
}

static void fault(void *owner, u64 lin, u32 error)
{
    struct rig *r = owner;
    r->error = error;
    longjmp(r->out, 1);
}

static bool watched_page(void *owner, u64 lin)
{
    return false;
}

static void pagetable_write(void *ctx, u32 frame, u32 offset, u32 len)
{
    mmu_pagetable_written(&((struct rig *)ctx)->mmu, frame, offset, len);
}

static void code_write(void *ctx, u32 frame, u32 offset, u32 len)
{
    struct rig *r = ctx;
    r->code_writes++;
    r->phys.frames[frame].code = 0;
}

static void drop_write(void *ctx, u32 frame)
{
    mmu_drop_write(&((struct rig *)ctx)->mmu, frame);
}

static void map_changed(void *ctx)
{
    mmu_flush_all(&((struct rig *)ctx)->mmu);
}

static void put(struct rig *r, u32 at, u32 v)
{
    phys_write(&r->phys, at, &v, sizeof v);
}

static u32 entry_at(u32 space, u64 lin)
{
    return TABLES + space * 0x1000 + (u32)(lin >> PAGE_BITS & 0x3FF) * 4;
}

/* Another page, with other rights, or none. */
static void change_entry(struct rig *r, u32 space)
{
    u64 lin = LOW + below(r, PAGES) * 0x1000;
    put(r, entry_at(space, lin), (DATA + below(r, FRAMES) * 0x1000) | (below(r, 5) ? PTE_P : 0) | below(r, 4) << 1 | below(r, 4) << 5);
}

/* Another's table, a large page, or nothing. */
static void change_directory(struct rig *r, u32 space)
{
    u32 table = TABLES + below(r, 4) * 0x1000, kind = below(r, 6);
    put(r, DIRS + space * 0x1000, kind == 0 ? table | 6 : kind == 1 ? 0x87 : table | 7);
}

static void start(struct rig *r, bool global)
{
    memset(r, 0, sizeof *r);
    assert_int_equal(phys_init(&r->phys, NULL, RAM, 0, RAM), 0);
    mmu_init(&r->mmu, &r->phys, r);
    r->mmu.fault = fault;
    r->mmu.watched_page = watched_page;
    r->phys.ctx = r;
    r->phys.pagetable_write = pagetable_write;
    r->phys.code_write = code_write;
    r->phys.drop_write_tlb = drop_write;
    r->phys.map_changed = map_changed;
    assert_true(phys_map(&r->phys, 0, RAM, phys_alloc(&r->phys, RAM), PHYS_BACKED, PHYS_BACKED) > 0);
    for (u32 i = 0; i < FRAMES; i++)
        put(r, DATA + i * 0x1000, i);
    for (u32 s = 0; s < SPACES; s++) {
        put(r, DIRS + s * 0x1000, (TABLES + s * 0x1000) | 7);
        put(r, DIRS + s * 0x1000 + 4, GLOBAL_TABLE | 7);
        for (u32 i = 0; i < 3 * PAGES; i++)
            change_entry(r, s);
    }
    put(r, GLOBAL_TABLE + (GLOBAL >> PAGE_BITS & 0x3FF) * 4, DATA | 7 | (global ? PTE_G : 0));
    mmu_load_cr3(&r->mmu, DIRS);
    mmu_set_mode(&r->mmu, BIT64(31) | BIT64(0) | BIT64(16), BIT64(7) | BIT64(4), 0);
}

static void end(struct rig *r)
{
    phys_free(&r->phys);
}

/* What a walk says to an access, before it is made: the error code, or ~0 if it is allowed. */
static u32 expected_error(struct rig *r, u64 lin, bool write, u64 *phys)
{
    struct walk w;
    bool user = r->mmu.priv == TLB_USER;
    walk_read(&r->mmu, lin, &w);
    *phys = w.phys;
    if (w.present && (!write || w.rights & TLB2_WRITE) && (!user || w.rights & TLB2_USER))
        return ~0u;
    return (write ? PF_W : 0) | (user ? PF_U : 0) | (w.present ? PF_P : 0);
}

static u32 flags_of(struct rig *r, u64 lin)
{
    struct walk w;
    walk_read(&r->mmu, lin, &w);
    return (u32)w.step[w.steps - 1].entry & (PTE_A | PTE_D);
}

static void access(struct rig *r)
{
    u64 lin = (below(r, 8) ? LOW + below(r, PAGES) * 0x1000 : GLOBAL) + 4 * below(r, 2), phys;
    bool write = below(r, 2);
    u32 want = expected_error(r, lin, write, &phys), v = 0, there;
    if (setjmp(r->out)) {
        assert_int_equal(r->error, want);
        return;
    }
    bool code = want == ~0u && write && r->phys.frames[phys_read_frame(&r->phys, phys)].code;
    unsigned before = r->code_writes;
    if (write)
        mmu_st32(&r->mmu, lin, below(r, 1000));
    else
        v = mmu_ld32(&r->mmu, lin);
    assert_int_equal(want, ~0u);
    phys_read(&r->phys, (phys & PAGE_MASK) + (lin & 0xFFF), &there, sizeof there);
    if (!write)
        assert_int_equal(v, there);
    assert_int_equal(flags_of(r, lin) | (write ? 0 : PTE_D), PTE_A | PTE_D);
    if (code)
        assert_int_equal(r->code_writes, before + 1);
}

static void switch_space(struct rig *r)
{
    u32 space = below(r, 3) ? below(r, 4) : below(r, SPACES);
    assert_true(mmu_load_cr3(&r->mmu, DIRS + space * 0x1000));
}

/* All of a page is code from now on, until it is written. */
static void watch(struct rig *r)
{
    phys_watch_code(&r->phys, phys_read_frame(&r->phys, DATA + below(r, FRAMES) * 0x1000), 0, PAGE_SIZE);
}

static void any_order(bool global)
{
    static struct rig rig;
    struct rig *r = &rig;
    start(r, global);
    for (unsigned i = 0; i < STEPS; i++) {
        u32 what = below(r, 41);
        if (what < 25)
            access(r);
        else if (what < 30)
            switch_space(r);
        else if (what < 34)
            change_entry(r, below(r, 4));
        else if (what < 36)
            watch(r);
        else if (what < 38)
            mmu_set_priv(&r->mmu, below(r, 2) ? TLB_USER : TLB_SYSTEM);
        else if (what == 38)
            mmu_flush_page(&r->mmu, LOW + below(r, PAGES) * 0x1000);
        else if (what == 39)
            change_directory(r, below(r, 4));
        else if (below(r, 50) == 0)
            mmu_flush_all(&r->mmu);
    }
    end(r);
}

static void test_any_order(void **state)
{
    any_order(false);
    any_order(true);
}

/* A space that is entered again needs no walk, and what is global none in any. */
static void test_kept(void **state)
{
    static struct rig rig;
    struct rig *r = &rig;
    start(r, true);
    for (u32 s = 0; s < 2; s++)
        put(r, entry_at(s, LOW), (DATA + s * 0x1000) | 7);
    if (setjmp(r->out))
        fail();
    for (u32 s = 0; s < 2; s++) {
        mmu_load_cr3(&r->mmu, DIRS + s * 0x1000);
        assert_int_equal(mmu_ld32(&r->mmu, LOW), s);
        mmu_ld32(&r->mmu, GLOBAL);
    }
    u64 walks = r->mmu.walks, misses = r->mmu.misses, epoch = r->mmu.fetch_epoch;
    assert_int_equal(walks, 3);
    for (u32 i = 0; i < 10; i++) {
        mmu_load_cr3(&r->mmu, DIRS + (i & 1) * 0x1000);
        assert_int_equal(mmu_ld32(&r->mmu, LOW), i & 1);
        mmu_ld32(&r->mmu, GLOBAL);
    }
    assert_int_equal(r->mmu.walks, walks);
    assert_int_equal(r->mmu.misses, misses);
    assert_int_equal(r->mmu.fetch_epoch, epoch);
    end(r);
}

/* One INVLPG is enough for all of a large page, global and of a space that was left, and be it for a part that nobody has touched. */
static void test_large_page_is_one(void **state)
{
    enum { LARGE = 0x800000, TABLE = TABLES + 5 * 0x1000 };
    static struct rig rig;
    struct rig *r = &rig;
    start(r, true);
    put(r, DIRS + 8, 0x87 | PTE_G);
    put(r, entry_at(5, LARGE + DATA), (DATA + 7 * 0x1000) | 7);
    if (setjmp(r->out))
        fail();
    assert_int_equal(mmu_ld32(&r->mmu, LARGE + DATA), 0);
    mmu_load_cr3(&r->mmu, DIRS + 0x1000);
    put(r, DIRS + 8, TABLE | 7);
    mmu_flush_page(&r->mmu, LARGE);
    mmu_load_cr3(&r->mmu, DIRS);
    assert_int_equal(mmu_ld32(&r->mmu, LARGE + DATA), 7);
    end(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_any_order),
        cmocka_unit_test(test_kept),
        cmocka_unit_test(test_large_page_is_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
