/* acpi_dsdt.c - see acpi_dsdt.h. */
#include "hw/acpi_dsdt.h"

#include "hw/piix4pm.h"

#include <stdio.h>

enum { STA_PRESENT = 0x0F, STA_LINK_OFF = 0x09, STA_LINK_ON = 0x0B, LINK_DISABLED = 0x80 };
enum { INTERRUPT_AT = 5 /* where in an extended interrupt descriptor the number is */ };
enum { PCI_SLOTS = 32, PCI_PINS = 4, ISA_BRIDGE = 0x00010000, PIRQ_REGISTERS = 0x60, SCI_IRQ = 9 };
#define PCI_WINDOW_END 0xFEBFFFFFu

#define NOT_USED 0xFF

/* Legacy devices at fixed places. */
static const struct isa_device {
    char name[5], hid[8];
    u8 uid, irq, dma;
    u8 isa; /* enum acpi_isa, 0 if always there */
    struct {
        u16 first;
        u8 len;
    } io[3];
} isa_devices[] = {
    {"PIC", "PNP0000", 0, 2, NOT_USED, 0, {{0x20, 2}, {0xA0, 2}, {0x4D0, 2}}},
    {"TIMR", "PNP0100", 0, 0, NOT_USED, 0, {{0x40, 4}}},
    {"DMAC", "PNP0200", 0, NOT_USED, 4, 0, {{0x00, 16}, {0x80, 16}, {0xC0, 32}}},
    {"SPKR", "PNP0800", 0, NOT_USED, NOT_USED, 0, {{0x61, 1}}},
    {"RTC", "PNP0B00", 0, 8, NOT_USED, 0, {{0x70, 2}}},
    {"FPU", "PNP0C04", 0, 13, NOT_USED, 0, {{0xF0, 2}}},
    {"KBD", "PNP0303", 0, 1, NOT_USED, 0, {{0x60, 1}, {0x64, 1}}},
    {"MOU", "PNP0F13", 0, 12, NOT_USED, 0, {{0}}},
    {"FDC0", "PNP0700", 0, 6, 2, ACPI_FDC, {{0x3F2, 4}, {0x3F7, 1}}},
    {"LPT1", "PNP0400", 0, 7, NOT_USED, ACPI_LPT, {{0x378, 8}}},
    {"COM1", "PNP0501", 1, 4, NOT_USED, ACPI_COM1, {{0x3F8, 8}}},
    {"COM2", "PNP0501", 2, 3, NOT_USED, ACPI_COM2, {{0x2F8, 8}}},
    {"COM3", "PNP0501", 3, 4, NOT_USED, ACPI_COM3, {{0x3E8, 8}}},
    {"COM4", "PNP0501", 4, 3, NOT_USED, ACPI_COM4, {{0x2E8, 8}}},
};

static void name_int(struct aml *a, const char *name, u64 value)
{
    aml_name(a, name);
    aml_int(a, value);
}

static void name_hid(struct aml *a, const char *hid)
{
    aml_name(a, "_HID");
    aml_eisaid(a, hid);
}

static void isa_device(struct aml *a, const struct isa_device *d)
{
    aml_device(a, d->name);
    name_hid(a, d->hid);
    if (d->uid)
        name_int(a, "_UID", d->uid);
    name_int(a, "_STA", STA_PRESENT);
    aml_name(a, "_CRS");
    aml_resources(a);
    for (unsigned i = 0; i < ARRAY_LEN(d->io); i++)
        if (d->io[i].len)
            aml_res_io(a, d->io[i].first, d->io[i].len);
    if (d->irq != NOT_USED)
        aml_res_irq(a, d->irq);
    if (d->dma != NOT_USED)
        aml_res_dma(a, d->dma);
    aml_end(a);
    aml_end(a);
}

/* Ports that belong to the board and that no driver asks for by id. */
static void motherboard(struct aml *a, const struct acpi_config *cfg)
{
    aml_device(a, "MBRD");
    name_hid(a, "PNP0C02");
    aml_name(a, "_CRS");
    aml_resources(a);
    aml_res_io(a, 0x92, 1);
    aml_res_io(a, PIIX4PM_SMI_CMD, 2);
    aml_res_io(a, cfg->pm_base, 64);
    aml_res_io(a, PIIX4PM_GPE_BASE, PIIX4PM_GPE_LEN);
    aml_end(a);
    aml_end(a);
}

/* The ISA bridge: its PIRQ steering registers for the links, and everything behind it. */
static void isa_bridge(struct aml *a, const struct acpi_config *cfg)
{
    aml_device(a, "ISA");
    name_int(a, "_ADR", ISA_BRIDGE);
    aml_pci_config_region(a, "PIRR", PIRQ_REGISTERS, 4);
    aml_field_bytes(a, "PIRR");
    for (unsigned i = 0; i < 4; i++)
        aml_field_unit(a, (const char[]){'P', 'R', 'Q', (char)('0' + i), 0}, 8);
    aml_end(a);
    for (unsigned i = 0; i < ARRAY_LEN(isa_devices); i++)
        if (!isa_devices[i].isa || (cfg->isa & isa_devices[i].isa))
            isa_device(a, &isa_devices[i]);
    motherboard(a, cfg);
    aml_end(a);
}

static void pci_resources(struct aml *a, const struct acpi_config *cfg)
{
    aml_name(a, "_CRS");
    aml_resources(a);
    aml_res_window16(a, AML_BUS, 0x00, 0xFF);
    aml_res_io(a, 0xCF8, 8);
    aml_res_window16(a, AML_IO, 0x0000, 0x0CF7);
    aml_res_window16(a, AML_IO, 0x0D00, 0xFFFF);
    aml_res_window32(a, 0xA0000, 0xBFFFF, true);
    aml_res_window32(a, cfg->pci_window, PCI_WINDOW_END, false);
    aml_end(a);
}

/* Which link each slot's pins are wired to. Slot 1 pin A is the power management function, whose SCI is fixed. */
static void pci_routing(struct aml *a)
{
    aml_name(a, "_PRT");
    aml_package(a, PCI_SLOTS * PCI_PINS);
    for (unsigned slot = 0; slot < PCI_SLOTS; slot++)
        for (unsigned pin = 0; pin < PCI_PINS; pin++) {
            bool sci = slot == 1 && pin == 0;
            char link[] = {'L', 'N', 'K', sci ? 'S' : (char)('A' + ((slot + pin - 1) & 3)), 0};
            aml_package(a, 4);
            aml_int(a, slot << 16 | 0xFFFF);
            aml_int(a, pin);
            aml_ref(a, link);
            aml_int(a, 0);
            aml_end(a);
        }
    aml_end(a);
}

static void name_interrupts(struct aml *a, const char *name, const u32 *irqs, unsigned count)
{
    aml_name(a, name);
    aml_resources(a);
    aml_res_interrupt(a, irqs, count);
    aml_end(a);
}

/* BUFFER[INTERRUPT_AT] as IRQW */
static void irq_field(struct aml *a, void (*buffer)(struct aml *a))
{
    aml_create_dword_field(a);
    buffer(a);
    aml_int(a, INTERRUPT_AT);
    aml_ref(a, "IRQW");
}

static void current_buffer(struct aml *a)
{
    aml_ref(a, "BUFF");
}

static void argument_buffer(struct aml *a)
{
    aml_arg(a, 0);
}

/* One of LNKA-LNKD: a device whose one resource is an interrupt that can be chosen. */
static void pci_link(struct aml *a, unsigned n)
{
    static const u32 possible[] = {5, 10, 11}, none[] = {0};
    char reg[32];
    snprintf(reg, sizeof reg, "\\_SB.PCI0.ISA.PRQ%u", n & 3);

    aml_device(a, (const char[]){'L', 'N', 'K', (char)('A' + n), 0});
    name_hid(a, "PNP0C0F");
    name_int(a, "_UID", n);
    name_interrupts(a, "_PRS", possible, ARRAY_LEN(possible));
    name_interrupts(a, "BUFF", none, 1);

    aml_method(a, "_STA", 0, false);
    aml_if(a);
    aml_and(a);
    aml_ref(a, reg);
    aml_int(a, LINK_DISABLED);
    aml_no_target(a);
    aml_return(a);
    aml_int(a, STA_LINK_OFF);
    aml_end(a);
    aml_return(a);
    aml_int(a, STA_LINK_ON);
    aml_end(a);

    aml_method(a, "_DIS", 0, false);
    aml_or(a);
    aml_ref(a, reg);
    aml_int(a, LINK_DISABLED);
    aml_ref(a, reg);
    aml_end(a);

    aml_method(a, "_CRS", 0, true);
    irq_field(a, current_buffer);
    aml_and(a);
    aml_ref(a, reg);
    aml_int(a, 0x0F);
    aml_ref(a, "IRQW");
    aml_return(a);
    aml_ref(a, "BUFF");
    aml_end(a);

    aml_method(a, "_SRS", 1, true);
    irq_field(a, argument_buffer);
    aml_store(a);
    aml_ref(a, "IRQW");
    aml_ref(a, reg);
    aml_end(a);
    aml_end(a);
}

/* LNKS: the power management function's interrupt, which cannot be moved. */
static void sci_link(struct aml *a)
{
    static const u32 sci[] = {SCI_IRQ};
    aml_device(a, "LNKS");
    name_hid(a, "PNP0C0F");
    name_int(a, "_UID", 4);
    name_int(a, "_STA", STA_LINK_ON);
    name_interrupts(a, "_PRS", sci, 1);
    name_interrupts(a, "_CRS", sci, 1);
    aml_method(a, "_SRS", 1, false);
    aml_end(a);
    aml_end(a);
}

static void processors(struct aml *a, unsigned count)
{
    aml_scope(a, "\\_PR");
    for (unsigned i = 0; i < count; i++) {
        aml_processor(a, (const char[]){'C', 'P', 'U', (char)('0' + i), 0}, (u8)i, 0, 0);
        aml_end(a);
    }
    aml_end(a);
}

/* Soft off is SUS_TYP 0 in the PIIX4's PM1 control register. The machine has no other sleeping state. */
static void sleep_states(struct aml *a)
{
    aml_name(a, "\\_S5");
    aml_package(a, 4);
    aml_int(a, PIIX4PM_SLEEP_SOFT_OFF);
    aml_int(a, PIIX4PM_SLEEP_SOFT_OFF);
    aml_int(a, 0);
    aml_int(a, 0);
    aml_end(a);
}

void acpi_dsdt(struct aml *a, const struct acpi_config *cfg)
{
    processors(a, cfg->cpus);
    aml_scope(a, "\\_SB");
    aml_device(a, "PCI0");
    name_hid(a, "PNP0A03");
    name_int(a, "_ADR", 0);
    name_int(a, "_UID", 0);
    pci_resources(a, cfg);
    pci_routing(a);
    isa_bridge(a, cfg);
    aml_end(a);
    for (unsigned n = 0; n < 4; n++)
        pci_link(a, n);
    sci_link(a);
    aml_end(a);
    sleep_states(a);
}
