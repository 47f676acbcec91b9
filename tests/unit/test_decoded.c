/*
 * test_decoded.c - the views of frontend/step/decoded.c line by line, and that they fit the screen and their buffers
 * whatever the state.
 */
#include "frontend/step/decoded.h"
#include "step_rig.h"

static char got[4096];

#define assert_view(call, lines, want)                                                                                 \
    do {                                                                                                               \
        assert_int_equal(call, lines);                                                                                 \
        assert_string_equal(got, want);                                                                                \
    } while (0)

static void registers(void **state)
{
    struct rig r;
    rig_new(&r);
    rig_reset(&r, 32);
    rig_setup(&r, "zf=1 cf=1 iopl=3");
    assert_view(decoded_eflags(r.c, got, sizeof got), 1,
                "EFLAGS 00003243h id vip vif ac vm rf nt of df IF tf sf ZF af pf CF IOPL=3\n");
    assert_view(decoded_cr0(r.c, got, sizeof got), 1, "CR0 00000033h pg cd nw am wp NE ET ts em MP PE\n");
    r.c->cr3 = 0x12345018;
    assert_view(decoded_cr3(r.c, got, sizeof got), 1, "CR3 12345018h page directory at 12345000h PCD PWT\n");
    r.c->cr4 = CR4_PAE | CR4_OSFXSR;
    assert_view(decoded_cr4(r.c, got, sizeof got), 1,
                "CR4 00000220h osxmmexcpt OSFXSR pce pge mce PAE pse de tsd pvi vme\n");
    r.c->cr3 = 0x12345020;
    assert_view(decoded_cr3(r.c, got, sizeof got), 1, "CR3 12345020h directory pointers at 12345020h pcd pwt\n");
    rig_delete(&r);
}

static void segments(void **state)
{
    struct rig r;
    rig_new(&r);
    rig_reset(&r, 32);
    assert_view(decoded_segment(r.c, SEG_CS, got, sizeof got), 1,
                "CS 0008h base 00000000h limit FFFFFFFFh DPL 0 32-bit code, readable\n");
    r.c->seg[SEG_FS].null = true;
    r.c->seg[SEG_FS].sel = 3;
    assert_view(decoded_segment(r.c, SEG_FS, got, sizeof got), 1, "FS 0003h null\n");
    r.c->ldtr = (struct segment){.sel = 0x40, .base = 0x3000, .limit = 0x1F, .attr = 2};
    assert_view(decoded_tables(r.c, got, sizeof got), 4,
                "LDTR 0040h not present\n"
                "TR   0030h base 00000B00h limit 00000067h DPL 0 32-bit TSS, busy\n"
                "GDTR       base 00000800h limit 003Fh\n"
                "IDTR       base 00000900h limit 010Fh\n");
    rig_reset(&r, 16);
    assert_view(decoded_segment(r.c, SEG_DS, got, sizeof got), 1,
                "DS 0100h base 00001000h limit 0000FFFFh DPL 0 data, writable\n");
    rig_delete(&r);
}

static void descriptor_tables(void **state)
{
    struct rig r;
    rig_new(&r);
    rig_reset(&r, 32);
    assert_view(decoded_gdt(r.c, &r.x.peek, 0, 99, got, sizeof got), 8,
                "0000h empty\n"
                "0008h 32-bit code, readable, base 0, limit FFFFFFFFh, DPL 0\n"
                "0010h data, writable, base 0, limit FFFFFFFFh, DPL 0\n"
                "0018h 32-bit code, readable, base 0, limit FFFFFFFFh, DPL 3\n"
                "0020h data, writable, base 0, limit FFFFFFFFh, DPL 3\n"
                "0028h data, writable, not present, DPL 0\n"
                "0030h 32-bit TSS, busy, base B00h, limit 67h, DPL 0\n"
                "0038h 32-bit call gate to 0008h:00001234h, DPL 3\n");
    assert_view(decoded_gdt(r.c, &r.x.peek, 6, 1, got, sizeof got), 1,
                "0030h 32-bit TSS, busy, base B00h, limit 67h, DPL 0\n");
    assert_view(decoded_idt(r.c, &r.x.peek, 0x20, 99, got, sizeof got), 2,
                "20h 32-bit interrupt gate to 0008h:C0105678h, DPL 0\n"
                "21h 32-bit interrupt gate, not present, DPL 0\n");
    r.c->ldtr = (struct segment){.base = 0x3000, .limit = 7};
    st64(r.ram + 0x3000, 0x0000E50000300000);
    assert_view(decoded_ldt(r.c, &r.x.peek, 0, 9, got, sizeof got), 1, "0004h task gate to TSS 0030h, DPL 3\n");
    r.c->ldtr.null = true;
    assert_view(decoded_ldt(r.c, &r.x.peek, 0, 9, got, sizeof got), 0, "");
    r.c->gdtr.base = RIG_RAM;
    assert_view(decoded_gdt(r.c, &r.x.peek, 1, 1, got, sizeof got), 1, "0008h not readable\n");
    rig_reset(&r, 16);
    assert_view(decoded_idt(r.c, &r.x.peek, 0x20, 2, got, sizeof got), 2, "20h 0000h:0000h\n21h 0070h:1234h\n");
    assert_view(decoded_idt(r.c, &r.x.peek, 0xFF, 9, got, sizeof got), 1, "FFh 0000h:0000h\n");
    rig_delete(&r);
}

static void task_state(void **state)
{
    struct rig r;
    rig_new(&r);
    rig_reset(&r, 32);
    st32(r.ram + RIG_TSS + 0x04, 0x9000);
    st32(r.ram + RIG_TSS + 0x08, 0x10);
    st16(r.ram + RIG_TSS + 0x66, 0x68);
    assert_view(decoded_tss(r.c, &r.x.peek, got, sizeof got), 8,
                "TR   0030h base 00000B00h limit 00000067h DPL 0 32-bit TSS, busy\n"
                "link   0000h      ESP0   00009000h  SS0    0010h      ESP1   00000000h\n"
                "SS1    0000h      ESP2   00000000h  SS2    0000h      CR3    00000000h\n"
                "EIP    00000000h  EFLAGS 00000000h  EAX    00000000h  ECX    00000000h\n"
                "EDX    00000000h  EBX    00000000h  ESP    00000000h  EBP    00000000h\n"
                "ESI    00000000h  EDI    00000000h  ES     0000h      CS     0000h\n"
                "SS     0000h      DS     0000h      FS     0000h      GS     0000h\n"
                "LDT    0000h      trap   0000h      I/O    0068h\n");
    r.c->tr.attr = SEG_P | 3;
    st16(r.ram + RIG_TSS + 14, 0x1234);
    assert_int_equal(decoded_tss(r.c, &r.x.peek, got, sizeof got), 7);
    assert_non_null(strstr(got, "IP     1234h"));
    r.c->tr.base = RIG_RAM;
    assert_int_equal(decoded_tss(r.c, &r.x.peek, got, sizeof got), 2);
    assert_non_null(strstr(got, "\nnot readable\n"));
    rig_delete(&r);
}

static void page_walks(void **state)
{
    struct rig r;
    rig_new(&r);
    rig_reset(&r, 32);
    struct peek peek = {rig_peek, rig_peek, &r};
    assert_view(decoded_walk(r.c, &peek, 0x5123, got, sizeof got), 1,
                "linear 00005123h  paging is off: physical 00005123h\n");
    r.c->cr0 |= CR0_PG;
    r.c->cr3 = 0x10000;
    st32(r.ram + 0x10000, 0x11067);
    st32(r.ram + 0x10004, 0x004000E7);
    st32(r.ram + 0x10008, 0xFFFFF007);
    st32(r.ram + 0x11014, 0x5025);
    assert_view(decoded_walk(r.c, &peek, 0x5123, got, sizeof got), 4,
                "linear 00005123h  32-bit paging, CR3 00010000h\n"
                "PDE[0] at 00010000h = 00011067h g ps D A pcd pwt U W P\n"
                "  PTE[5] at 00011014h = 00005025h g pat d A pcd pwt U w P\n"
                "physical 00005123h, page of 4 KB, user, read-only\n");
    assert_view(decoded_walk(r.c, &peek, 0x6123, got, sizeof got), 4,
                "linear 00006123h  32-bit paging, CR3 00010000h\n"
                "PDE[0] at 00010000h = 00011067h g ps D A pcd pwt U W P\n"
                "  PTE[6] at 00011018h = 00000000h g pat d a pcd pwt u w p\n"
                "not mapped: any access raises #PF\n");
    assert_view(decoded_walk(r.c, &peek, 0x800000, got, sizeof got), 4,
                "linear 00800000h  32-bit paging, CR3 00010000h\n"
                "PDE[2] at 00010008h = FFFFF007h g ps d a pcd pwt U W P\n"
                "  PTE[0] at FFFFF000h = not readable\n"
                "there is no memory where the page table should be\n");
    r.c->cr4 |= CR4_PSE;
    assert_view(decoded_walk(r.c, &peek, 0x456789, got, sizeof got), 3,
                "linear 00456789h  32-bit paging, CR3 00010000h\n"
                "PDE[1] at 00010004h = 004000E7h g PS D A pcd pwt U W P\n"
                "physical 00456789h, page of 4 MB, user, writable\n");
    rig_delete(&r);
}

static void pae_walks(void **state)
{
    struct rig r;
    rig_new(&r);
    rig_reset(&r, 32);
    struct peek peek = {rig_peek, rig_peek, &r};
    r.c->cr0 |= CR0_PG;
    r.c->cr4 |= CR4_PAE;
    r.c->efer = BIT(11); /* NXE */
    r.c->cr3 = 0x12000;
    r.c->mmu.pdpte[0] = 0x20001;
    st64(r.ram + 0x20000, 0x21067);
    st64(r.ram + 0x20008, 0x2000E3);
    st64(r.ram + 0x21028, 0x8000000000005067);
    st64(r.ram + 0x21030, 0x4000000000005067);
    assert_view(decoded_walk(r.c, &peek, 0x5123, got, sizeof got), 5,
                "linear 00005123h  PAE paging, CR3 00012000h\n"
                "PDPTE[0] at 00012000h = 0000000000020001h pcd pwt P\n"
                "  PDE[0] at 00020000h = 0000000000021067h g ps D A pcd pwt U W P\n"
                "    PTE[5] at 00021028h = 8000000000005067h g pat D A pcd pwt U W P NX\n"
                "physical 00005123h, page of 4 KB, user, writable, no execution\n");
    assert_int_equal(decoded_walk(r.c, &peek, 0x6123, got, sizeof got), 5);
    assert_non_null(strstr(got, "a reserved bit is set: any access raises #PF\n"));
    assert_view(decoded_walk(r.c, &peek, 0x234567, got, sizeof got), 4,
                "linear 00234567h  PAE paging, CR3 00012000h\n"
                "PDPTE[0] at 00012000h = 0000000000020001h pcd pwt P\n"
                "  PDE[1] at 00020008h = 00000000002000E3h g PS D A pcd pwt u W P\n"
                "physical 00234567h, page of 2 MB, supervisor, writable\n");
    assert_view(decoded_walk(r.c, &peek, 0x80000000, got, sizeof got), 3,
                "linear 80000000h  PAE paging, CR3 00012000h\n"
                "PDPTE[2] at 00012010h = 0000000000000000h pcd pwt p\n"
                "not mapped: any access raises #PF\n");
    rig_delete(&r);
}

/* ---- anything ---- */

static void random_machine(struct rig *r, u64 *seed)
{
    struct cpu *c = r->c;
    for (unsigned i = 0; i < SEG_COUNT; i++)
        c->seg[i] = (struct segment){.sel = (u16)rig_random(seed),
                                     .attr = (u16)rig_random(seed),
                                     .limit = (u32)rig_random(seed),
                                     .base = rig_random(seed) & (RIG_RAM - 1)};
    c->ldtr = c->seg[0];
    c->tr = c->seg[1];
    c->ldtr.attr &= (u16)~SEG_S; /* other kinds cannot be loaded there */
    c->tr.attr &= (u16)~SEG_S;
    c->gdtr = (struct dtable){rig_random(seed) & (RIG_RAM - 1), (u16)rig_random(seed)};
    c->idtr = (struct dtable){rig_random(seed) & (RIG_RAM - 1), (u16)rig_random(seed)};
    c->cr0 = (u32)rig_random(seed);
    c->cr3 = rig_random(seed) & (RIG_RAM - 1);
    c->cr4 = (u32)rig_random(seed);
    c->mmu.pdpte[rig_random(seed) & 3] = rig_random(seed) & (RIG_RAM - 1);
    for (unsigned i = 0; i < 4096; i++)
        st64(r->ram + (rig_random(seed) & (RIG_RAM - 8)), rig_random(seed) & 0xC01FF00000FFFFF);
}

static unsigned any_view(const struct rig *r, const struct peek *peek, u64 *seed, char *to, size_t size)
{
    unsigned first = (unsigned)(rig_random(seed) & 0x1F);
    switch (rig_random(seed) % 9) {
    case 0:
        return decoded_eflags(r->c, to, size);
    case 1:
        return decoded_cr4(r->c, to, size);
    case 2:
        return decoded_segment(r->c, rig_random(seed) % SEG_COUNT, to, size);
    case 3:
        return decoded_tables(r->c, to, size);
    case 4:
        return decoded_gdt(r->c, peek, first, 20, to, size);
    case 5:
        return decoded_ldt(r->c, peek, first, 20, to, size);
    case 6:
        return decoded_idt(r->c, peek, first, 20, to, size);
    case 7:
        return decoded_tss(r->c, peek, to, size);
    default:
        return decoded_walk(r->c, peek, rig_random(seed), to, size);
    }
}

/* A buffer of exactly the size that is said, and lines that fit the screen. */
static void anything(void **state)
{
    struct rig r;
    u64 seed = 3;
    rig_new(&r);
    struct peek peek = {rig_peek, rig_peek, &r};
    for (unsigned i = 0; i < 20000; i++) {
        size_t size = i % 4 ? 2560 : 1 + rig_random(&seed) % 300;
        char *to = malloc(size);
        if (i % 100 == 0)
            random_machine(&r, &seed);
        any_view(&r, &peek, &seed, to, size);
        assert_true(strlen(to) < size);
        for (const char *line = to; *line; line += strcspn(line, "\n"), line += *line == '\n')
            if (strcspn(line, "\n") > DECODED_COLUMNS)
                fail_msg("too long: %s", line);
        free(to);
    }
    rig_delete(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(registers),  cmocka_unit_test(segments),   cmocka_unit_test(descriptor_tables),
        cmocka_unit_test(task_state), cmocka_unit_test(page_walks), cmocka_unit_test(pae_walks),
        cmocka_unit_test(anything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
