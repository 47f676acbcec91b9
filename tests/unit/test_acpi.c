/* The AML writer and the ACPI tables: placed by their own script as a BIOS would, then checked; iasl reads them where
 * it is installed. */
#include "hw/acpi.h"
#include "hw/aml.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { TABLES_AT = 0x07FE0000, RSDP_AT = 0x000F6000, CMD_SIZE = 128 };

static const struct acpi_config usual = {.cpus = 1,
                                         .apic = true,
                                         .pm_base = 0x600,
                                         .pci_window = 0x08000000,
                                         .isa = ACPI_COM1 | ACPI_COM2 | ACPI_LPT | ACPI_FDC};

struct placed {
    struct acpi_tables t;
    int allocations;
};

static void place(struct placed *p, const struct acpi_config *cfg);

static u8 *file(struct placed *p, const u8 *name, u32 *address, size_t *len)
{
    if (strcmp((const char *)name, ACPI_FILE_TABLES) == 0) {
        *address = TABLES_AT;
        *len = p->t.tables_len;
        return p->t.tables;
    }
    assert_string_equal((const char *)name, ACPI_FILE_RSDP);
    *address = RSDP_AT;
    *len = ACPI_RSDP_SIZE;
    return p->t.rsdp;
}

static u8 sum(const u8 *data, size_t len)
{
    u8 s = 0;
    while (len--)
        s += *data++;
    return s;
}

/* What a BIOS does with one command of the script. */
static void execute(struct placed *p, const u8 *cmd)
{
    u32 dest_at, src_at;
    size_t dest_len, src_len;
    u8 *dest = file(p, cmd + 4, &dest_at, &dest_len);
    switch (ld32(cmd)) {
    case 1: /* allocate: alignment, zone */
        assert_int_equal(dest_at % ld32(cmd + 60), 0);
        assert_int_equal(cmd[64], dest_at == RSDP_AT ? 2 : 1);
        p->allocations++;
        break;
    case 2: { /* pointer: source file, offset, size */
        file(p, cmd + 60, &src_at, &src_len);
        u32 offset = ld32(cmd + 116);
        u64 v = 0;
        assert_true(cmd[120] == 4 || cmd[120] == 8);
        assert_true(offset + cmd[120] <= dest_len);
        memcpy(&v, dest + offset, cmd[120]);
        assert_true(v < src_len);
        v += src_at;
        memcpy(dest + offset, &v, cmd[120]);
        break;
    }
    case 3: { /* checksum: where, start, length */
        u32 at = ld32(cmd + 60), start = ld32(cmd + 64), len = ld32(cmd + 68);
        assert_true(start + len <= dest_len && at < dest_len);
        dest[at] = 0;
        dest[at] = (u8)-sum(dest + start, len);
        break;
    }
    default:
        fail_msg("unknown command %u", ld32(cmd));
    }
}

static void place(struct placed *p, const struct acpi_config *cfg)
{
    memset(p, 0, sizeof *p);
    assert_int_equal(acpi_build(cfg, &p->t), 0);
    assert_int_equal(p->t.loader_len % CMD_SIZE, 0);
    for (size_t i = 0; i < p->t.loader_len; i += CMD_SIZE)
        execute(p, p->t.loader + i);
    assert_int_equal(p->allocations, 2);
}

/* The table at guest address AT, its checksum and length verified. */
static const u8 *table(struct placed *p, u32 at, const char *signature)
{
    assert_true(at >= TABLES_AT && at - TABLES_AT + 36 <= p->t.tables_len);
    const u8 *t = p->t.tables + (at - TABLES_AT);
    assert_memory_equal(t, signature, 4);
    assert_true(at - TABLES_AT + ld32(t + 4) <= p->t.tables_len);
    assert_int_equal(sum(t, ld32(t + 4)), 0);
    return t;
}

static void test_links(void **state)
{
    struct placed p;
    place(&p, &usual);
    assert_memory_equal(p.t.rsdp, "RSD PTR ", 8);
    assert_int_equal(sum(p.t.rsdp, 20), 0);
    const u8 *rsdt = table(&p, ld32(p.t.rsdp + 16), "RSDT");
    assert_int_equal(ld32(rsdt + 4), 44);
    const u8 *fadt = table(&p, ld32(rsdt + 36), "FACP");
    table(&p, ld32(rsdt + 40), "APIC");
    assert_int_equal(ld32(fadt + 36) % 64, 0);
    assert_memory_equal(p.t.tables + (ld32(fadt + 36) - TABLES_AT), "FACS", 4);
    table(&p, ld32(fadt + 40), "DSDT");
    assert_true(ld64(fadt + 140) == ld32(fadt + 40) && ld64(fadt + 132) == ld32(fadt + 36));
    assert_int_equal(ld32(fadt + 56), 0x600);
    assert_int_equal(ld32(fadt + 64), 0x604);
    assert_int_equal(ld32(fadt + 76), 0x608);
    assert_int_equal(ld32(fadt + 80), 0xAFE0);
    assert_true(ld64(fadt + 208 + 4) == 0x608 && fadt[208] == 1 && fadt[209] == 32);
    assert_true(ld64(fadt + 116 + 4) == 0xCF9);
    acpi_free(&p.t);
}

static void test_madt(void **state)
{
    struct placed p;
    struct acpi_config cfg = usual;
    cfg.cpus = 2;
    place(&p, &cfg);
    const u8 *rsdt = table(&p, ld32(p.t.rsdp + 16), "RSDT");
    const u8 *madt = table(&p, ld32(rsdt + 40), "APIC");
    unsigned count[5] = {0};
    assert_int_equal(ld32(madt + 36), 0xFEE00000);
    for (u32 i = 44; i < ld32(madt + 4); i += madt[i + 1]) {
        assert_true(madt[i] < 5 && madt[i + 1] >= 6);
        count[madt[i]]++;
        if (madt[i] == 2 && madt[i + 3] == 0)
            assert_int_equal(ld32(madt + i + 4), 2);
        if (madt[i] == 2 && madt[i + 3] != 0)
            assert_int_equal(ld16(madt + i + 8), 0x0D);
    }
    assert_int_equal(count[0], 2);
    assert_int_equal(count[1], 1);
    assert_int_equal(count[2], 5);
    assert_int_equal(count[4], 1);
    acpi_free(&p.t);
}

static void test_without_apic(void **state)
{
    struct placed p;
    struct acpi_config cfg = usual;
    cfg.apic = false;
    place(&p, &cfg);
    assert_int_equal(ld32(table(&p, ld32(p.t.rsdp + 16), "RSDT") + 4), 40);
    acpi_free(&p.t);
}

/* Another PM base makes tables of the same size: they can be replaced while a guest reads them. */
static void test_same_size(void **state)
{
    struct acpi_tables a, b;
    struct acpi_config cfg = usual;
    assert_int_equal(acpi_build(&cfg, &a), 0);
    cfg.pm_base = 0xE400;
    assert_int_equal(acpi_build(&cfg, &b), 0);
    assert_int_equal(a.tables_len, b.tables_len);
    assert_int_equal(a.loader_len, b.loader_len);
    assert_memory_equal(a.loader, b.loader, a.loader_len);
    assert_true(memcmp(a.tables, b.tables, a.tables_len) != 0);
    acpi_free(&a);
    acpi_free(&b);
}

static void expect(struct aml *a, const void *bytes, size_t len)
{
    assert_false(a->failed);
    assert_int_equal(a->len, len);
    assert_memory_equal(a->data, bytes, len);
    aml_free(a);
}

#define EXPECT(a, s) expect(a, s, sizeof(s) - 1)

static void test_aml_data(void **state)
{
    struct aml a = {0};
    aml_int(&a, 0);
    aml_int(&a, 1);
    aml_int(&a, 2);
    aml_int(&a, 0x1234);
    aml_int(&a, 0x12345678);
    aml_int(&a, 0x123456789ull);
    EXPECT(&a, "\x00\x01\x0A\x02\x0B\x34\x12\x0C\x78\x56\x34\x12\x0E\x89\x67\x45\x23\x01\x00\x00\x00");
    aml_eisaid(&a, "PNP0A03");
    EXPECT(&a, "\x0C\x41\xD0\x0A\x03");
    aml_string(&a, "hi");
    EXPECT(&a, "\x0Dhi\0");
    aml_ref(&a, "\\_SB.PCI0");
    EXPECT(&a, "\\\x2E_SB_PCI0");
    aml_ref(&a, "^^A.B.C");
    EXPECT(&a, "^^\x2F\x03"
               "A___B___C___");
    aml_scope(&a, "\\");
    aml_end(&a);
    EXPECT(&a, "\x10\x03\\\x00");
}

/* Lengths around each change of the encoding: the length counts its own bytes. */
static void test_aml_lengths(void **state)
{
    static const size_t content[] = {0, 57, 58, 59, 60, 4087, 4088, 4089, 5000, 70000};
    static u8 zeros[70000];
    for (unsigned i = 0; i < ARRAY_LEN(content); i++) {
        struct aml a = {0};
        aml_scope(&a, "ABCD");
        aml_bytes(&a, zeros, content[i]);
        aml_end(&a);
        unsigned extra = a.data[1] >> 6;
        size_t len = extra ? a.data[1] & 15 : a.data[1];
        for (unsigned k = 0; k < extra; k++)
            len |= (size_t)a.data[2 + k] << (4 + 8 * k);
        assert_int_equal(len, a.len - 1);
        assert_int_equal(a.len, 1 + 1 + extra + 4 + content[i]);
        aml_free(&a);
    }
}

static void test_aml_resources(void **state)
{
    struct aml a = {0};
    aml_resources(&a);
    aml_res_io(&a, 0x60, 1);
    aml_res_irq(&a, 12);
    aml_end(&a);
    EXPECT(&a, "\x11\x10\x0A\x0D\x47\x01\x60\x00\x60\x00\x01\x01\x22\x00\x10\x79\x00");
}

static void write_file(const char *path, const void *data, size_t len)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, len, f), len);
    fclose(f);
}

/* Takes the DSDT apart and compiles the text again: no error, and both names and methods are there. */
static void test_iasl(void **state)
{
    char dir[] = "/tmp/ombra-acpi-XXXXXX", path[64], cmd[256];
    struct placed p;
    if (system("command -v iasl >/dev/null 2>&1") != 0) {
        print_message("iasl (package acpica-tools) is not installed\n");
        skip();
    }
    assert_non_null(mkdtemp(dir));
    place(&p, &usual);
    const u8 *fadt = table(&p, ld32(table(&p, ld32(p.t.rsdp + 16), "RSDT") + 36), "FACP");
    const u8 *dsdt = table(&p, ld32(fadt + 40), "DSDT");
    snprintf(path, sizeof path, "%s/dsdt.aml", dir);
    write_file(path, dsdt, ld32(dsdt + 4));
    snprintf(path, sizeof path, "%s/facp.aml", dir);
    write_file(path, fadt, ld32(fadt + 4));
    snprintf(cmd, sizeof cmd, "cd %s && iasl -d dsdt.aml facp.aml >log 2>&1 && iasl -tc dsdt.dsl >>log 2>&1", dir);
    assert_int_equal(system(cmd), 0);
    snprintf(cmd, sizeof cmd,
             "cd %s && grep -q ' 0 Errors' log && grep -q 'Device (LNKD)' dsdt.dsl && grep -q '_PRT' dsdt.dsl", dir);
    assert_int_equal(system(cmd), 0);
    snprintf(cmd, sizeof cmd, "rm -r %s", dir);
    assert_int_equal(system(cmd), 0);
    acpi_free(&p.t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_aml_data),  cmocka_unit_test(test_aml_lengths), cmocka_unit_test(test_aml_resources),
        cmocka_unit_test(test_links),     cmocka_unit_test(test_madt),        cmocka_unit_test(test_without_apic),
        cmocka_unit_test(test_same_size), cmocka_unit_test(test_iasl),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
