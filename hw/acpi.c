/* acpi.c - see acpi.h. Tables by the ACPI 2.0 specification, chapter 5; the DSDT is in acpi_dsdt.c. */
#include "hw/acpi.h"

#include "hw/acpi_dsdt.h"
#include "hw/aml.h"
#include "hw/ioapic.h"
#include "hw/lapic.h"
#include "hw/piix4pm.h"

#include <errno.h>

/* Offsets in the common header */
enum { HDR_LENGTH = 4, HDR_CHECKSUM = 9, HDR_SIZE = 36 };
enum { FACS_SIZE = 64, FADT_SIZE = 244, RSDP_CHECKSUM = 8, RSDP_RSDT = 16 };

/* FADT */
enum {
    FADT_FACS = 36,
    FADT_DSDT = 40,
    FADT_PROFILE = 45,
    FADT_SCI = 46,
    FADT_SMI_CMD = 48,
    FADT_ENABLE = 52,
    FADT_DISABLE = 53,
    FADT_PM1_EVT = 56,
    FADT_PM1_CNT = 64,
    FADT_PM_TMR = 76,
    FADT_GPE0 = 80,
    FADT_PM1_EVT_LEN = 88,
    FADT_PM1_CNT_LEN = 89,
    FADT_PM_TMR_LEN = 91,
    FADT_GPE0_LEN = 92,
    FADT_LVL2_LAT = 96,
    FADT_LVL3_LAT = 98,
    FADT_CENTURY = 108,
    FADT_BOOT_ARCH = 109,
    FADT_FLAGS = 112,
    FADT_RESET_REG = 116,
    FADT_RESET_VALUE = 128,
    FADT_X_FACS = 132,
    FADT_X_DSDT = 140,
    FADT_X_PM1_EVT = 148,
    FADT_X_PM1_CNT = 172,
    FADT_X_PM_TMR = 208,
    FADT_X_GPE0 = 220,
};

enum {
    FLAG_WBINVD = 1 << 0,
    FLAG_PROC_C1 = 1 << 2,
    FLAG_NO_SLEEP_BUTTON = 1 << 5,
    FLAG_NO_FIXED_RTC = 1 << 6,
    FLAG_RESET_REG = 1 << 10,
    FLAG_PLATFORM_CLOCK = 1 << 15,
};

enum { BOOT_LEGACY_DEVICES = 1, BOOT_8042 = 2, PROFILE_DESKTOP = 1, LATENCY_NO_STATE = 0xFFF, CMOS_CENTURY = 0x32 };
enum { RESET_PORT = 0xCF9, RESET_HARD = 0x06, SCI_IRQ = 9 };

/* MADT */
enum {
    MADT_LAPIC = 0,
    MADT_IOAPIC = 1,
    MADT_OVERRIDE = 2,
    MADT_LAPIC_NMI = 4,
    PCAT_COMPAT = 1,
    LEVEL_ACTIVE_HIGH = 0x0D
};

/* The script */
enum {
    CMD_ALLOCATE = 1,
    CMD_POINTER = 2,
    CMD_CHECKSUM = 3,
    CMD_SIZE = 128,
    CMD_FILE = 56,
    ZONE_HIGH = 1,
    ZONE_FSEG = 2
};

struct builder {
    const struct acpi_config *cfg;
    struct aml t; /* the tables */
    struct aml script;
    size_t facs, dsdt, fadt, madt; /* offsets in t */
};

/* --- script commands --- */

static void command(struct builder *b, u32 cmd, const char *file, const void *args, size_t len, size_t at)
{
    u8 bytes[CMD_SIZE] = {0};
    st32(bytes, cmd);
    memcpy(bytes + 4, file, strlen(file));
    memcpy(bytes + at, args, len);
    aml_bytes(&b->script, bytes, sizeof bytes);
}

static void cmd_allocate(struct builder *b, const char *file, u32 align, u8 zone)
{
    u8 args[5];
    st32(args, align);
    args[4] = zone;
    command(b, CMD_ALLOCATE, file, args, sizeof args, 4 + CMD_FILE);
}

/* The SIZE bytes at OFFSET of FILE hold an offset in the tables; make an address of them. */
static void cmd_pointer(struct builder *b, const char *file, size_t offset, u8 size)
{
    u8 args[CMD_FILE + 5] = ACPI_FILE_TABLES;
    st32(args + CMD_FILE, (u32)offset);
    args[CMD_FILE + 4] = size;
    command(b, CMD_POINTER, file, args, sizeof args, 4 + CMD_FILE);
}

static void cmd_checksum(struct builder *b, const char *file, size_t at, size_t start, size_t len)
{
    u8 args[12];
    st32(args, (u32)at);
    st32(args + 4, (u32)start);
    st32(args + 8, (u32)len);
    command(b, CMD_CHECKSUM, file, args, sizeof args, 4 + CMD_FILE);
}

/* --- tables --- */

static size_t begin_table(struct builder *b, const char *signature, u8 revision)
{
    u8 header[HDR_SIZE] = {0};
    size_t start = b->t.len;
    memcpy(header, signature, 4);
    header[8] = revision;
    memcpy(header + 10, "OMBRA ", 6);
    memcpy(header + 16, "OMBRAPC ", 8);
    st32(header + 24, 1);
    memcpy(header + 28, "OMBR", 4);
    st32(header + 32, 1);
    aml_bytes(&b->t, header, sizeof header);
    return start;
}

static void end_table(struct builder *b, size_t start)
{
    if (b->t.failed)
        return;
    size_t len = b->t.len - start;
    st32(b->t.data + start + HDR_LENGTH, (u32)len);
    cmd_checksum(b, ACPI_FILE_TABLES, start + HDR_CHECKSUM, start, len);
}

/* The one table that has no common header, and has to lie on a 64-byte boundary. */
static void build_facs(struct builder *b)
{
    u8 facs[FACS_SIZE] = "FACS";
    st32(facs + 4, sizeof facs);
    b->facs = b->t.len;
    aml_bytes(&b->t, facs, sizeof facs);
}

static void build_dsdt(struct builder *b)
{
    b->dsdt = begin_table(b, "DSDT", 1);
    acpi_dsdt(&b->t, b->cfg);
    end_table(b, b->dsdt);
}

/* A block of I/O registers, in the old field and as a generic address. */
static void fadt_block(u8 *f, unsigned old, unsigned x, u16 port, u8 bytes)
{
    st32(f + old, port);
    f[x] = 1; /* system I/O */
    f[x + 1] = (u8)(bytes * 8);
    st64(f + x + 4, port);
}

static void build_fadt(struct builder *b)
{
    u16 pm = b->cfg->pm_base;
    u8 f[FADT_SIZE] = {0};
    st32(f + FADT_FACS, (u32)b->facs);
    st32(f + FADT_DSDT, (u32)b->dsdt);
    st64(f + FADT_X_FACS, b->facs);
    st64(f + FADT_X_DSDT, b->dsdt);
    f[FADT_PROFILE] = PROFILE_DESKTOP;
    st16(f + FADT_SCI, SCI_IRQ);
    st32(f + FADT_SMI_CMD, PIIX4PM_SMI_CMD);
    f[FADT_ENABLE] = PIIX4PM_ACPI_ENABLE;
    f[FADT_DISABLE] = PIIX4PM_ACPI_DISABLE;
    fadt_block(f, FADT_PM1_EVT, FADT_X_PM1_EVT, pm, 4);
    fadt_block(f, FADT_PM1_CNT, FADT_X_PM1_CNT, pm + 4, 2);
    fadt_block(f, FADT_PM_TMR, FADT_X_PM_TMR, pm + 8, 4);
    fadt_block(f, FADT_GPE0, FADT_X_GPE0, PIIX4PM_GPE_BASE, PIIX4PM_GPE_LEN);
    f[FADT_PM1_EVT_LEN] = 4;
    f[FADT_PM1_CNT_LEN] = 2;
    f[FADT_PM_TMR_LEN] = 4;
    f[FADT_GPE0_LEN] = PIIX4PM_GPE_LEN;
    st16(f + FADT_LVL2_LAT, LATENCY_NO_STATE);
    st16(f + FADT_LVL3_LAT, LATENCY_NO_STATE);
    f[FADT_CENTURY] = CMOS_CENTURY;
    st16(f + FADT_BOOT_ARCH, BOOT_LEGACY_DEVICES | BOOT_8042);
    st32(f + FADT_FLAGS,
         FLAG_WBINVD | FLAG_PROC_C1 | FLAG_NO_SLEEP_BUTTON | FLAG_NO_FIXED_RTC | FLAG_RESET_REG | FLAG_PLATFORM_CLOCK);
    f[FADT_RESET_REG] = 1;
    f[FADT_RESET_REG + 1] = 8;
    st64(f + FADT_RESET_REG + 4, RESET_PORT);
    f[FADT_RESET_VALUE] = RESET_HARD;

    b->fadt = begin_table(b, "FACP", 3);
    aml_bytes(&b->t, f + HDR_SIZE, sizeof f - HDR_SIZE);
    cmd_pointer(b, ACPI_FILE_TABLES, b->fadt + FADT_FACS, 4);
    cmd_pointer(b, ACPI_FILE_TABLES, b->fadt + FADT_DSDT, 4);
    cmd_pointer(b, ACPI_FILE_TABLES, b->fadt + FADT_X_FACS, 8);
    cmd_pointer(b, ACPI_FILE_TABLES, b->fadt + FADT_X_DSDT, 8);
    end_table(b, b->fadt);
}

static void madt_override(struct aml *t, u8 irq, u32 gsi, u16 flags)
{
    u8 e[10] = {MADT_OVERRIDE, sizeof e, 0, irq};
    st32(e + 4, gsi);
    st16(e + 8, flags);
    aml_bytes(t, e, sizeof e);
}

static void build_madt(struct builder *b)
{
    static const u8 level_irqs[] = {5, SCI_IRQ, 10, 11};
    struct aml *t = &b->t;
    u8 head[8], io[12] = {MADT_IOAPIC, sizeof io, 0, 0};
    static const u8 nmi[6] = {MADT_LAPIC_NMI, sizeof nmi, 0xFF /* all processors */, 0, 0, 1 /* LINT1 */};

    b->madt = begin_table(b, "APIC", 1);
    st32(head, LAPIC_DEFAULT_BASE);
    st32(head + 4, PCAT_COMPAT);
    aml_bytes(t, head, sizeof head);
    for (unsigned i = 0; i < b->cfg->cpus; i++) {
        u8 cpu[8] = {MADT_LAPIC, sizeof cpu, (u8)i, (u8)i, 1 /* enabled */};
        aml_bytes(t, cpu, sizeof cpu);
    }
    st32(io + 4, IOAPIC_BASE);
    aml_bytes(t, io, sizeof io);
    madt_override(t, 0, 2, 0);
    for (unsigned i = 0; i < ARRAY_LEN(level_irqs); i++)
        madt_override(t, level_irqs[i], level_irqs[i], LEVEL_ACTIVE_HIGH);
    aml_bytes(t, nmi, sizeof nmi);
    end_table(b, b->madt);
}

static void build_rsdt(struct builder *b, struct acpi_tables *out)
{
    size_t entry[2] = {b->fadt, b->madt};
    unsigned count = b->cfg->apic ? 2 : 1;
    size_t rsdt = begin_table(b, "RSDT", 1);
    for (unsigned i = 0; i < count; i++) {
        u32 offset = (u32)entry[i];
        cmd_pointer(b, ACPI_FILE_TABLES, b->t.len, 4);
        aml_bytes(&b->t, &offset, sizeof offset);
    }
    end_table(b, rsdt);

    memset(out->rsdp, 0, sizeof out->rsdp);
    memcpy(out->rsdp, "RSD PTR ", 8);
    memcpy(out->rsdp + 9, "OMBRA ", 6);
    st32(out->rsdp + RSDP_RSDT, (u32)rsdt);
    cmd_pointer(b, ACPI_FILE_RSDP, RSDP_RSDT, 4);
    cmd_checksum(b, ACPI_FILE_RSDP, RSDP_CHECKSUM, 0, ACPI_RSDP_SIZE);
}

int acpi_build(const struct acpi_config *cfg, struct acpi_tables *out)
{
    struct builder b = {.cfg = cfg};
    assert(cfg->cpus >= 1 && cfg->cpus <= 8);
    cmd_allocate(&b, ACPI_FILE_TABLES, FACS_SIZE, ZONE_HIGH);
    cmd_allocate(&b, ACPI_FILE_RSDP, 16, ZONE_FSEG);
    build_facs(&b);
    build_dsdt(&b);
    build_fadt(&b);
    if (cfg->apic)
        build_madt(&b);
    build_rsdt(&b, out);
    if (b.t.failed || b.script.failed) {
        aml_free(&b.t);
        aml_free(&b.script);
        return -ENOMEM;
    }
    out->tables = b.t.data;
    out->tables_len = b.t.len;
    out->loader = b.script.data;
    out->loader_len = b.script.len;
    return 0;
}

void acpi_free(struct acpi_tables *t)
{
    struct aml tables = {.data = t->tables}, loader = {.data = t->loader};
    aml_free(&tables);
    aml_free(&loader);
    *t = (struct acpi_tables){0};
}
