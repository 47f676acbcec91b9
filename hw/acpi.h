/*
 * acpi.h - the ACPI tables of this machine, in the form in which SeaBIOS, U-Boot and others take them from the firmware
 * configuration device: one blob of tables, the RSDP, and a script of commands that places and links them.
 * ACPI 2.0 (FADT revision 3 as well as the fields of 1.0); the script is described in QEMU's fw_cfg interface.
 *
 * Interrupts: both models use the numbers 0-15. PCI pins go to links LNKA-LNKD, which are the PIIX3's registers 60h-63h
 * with IRQs 5, 10 and 11; the MADT calls these (and the SCI, 9) level-triggered and active high, and sends IRQ 0 to
 * pin 2. This agrees with the MP table that SeaBIOS writes.
 *
 * Not a device: hw/pc.c builds the tables and hands the three blobs to fw_cfg as etc/acpi/tables, etc/acpi/rsdp and
 * etc/table-loader. Sizes depend on everything but PM_BASE, so a rebuild for another base fits in place.
 */
#ifndef OMBRA_HW_ACPI_H
#define OMBRA_HW_ACPI_H

#include "base/types.h"

#define ACPI_FILE_TABLES "etc/acpi/tables"
#define ACPI_FILE_RSDP "etc/acpi/rsdp"
#define ACPI_FILE_LOADER "etc/table-loader"

enum { ACPI_RSDP_SIZE = 20, ACPI_DEFAULT_PM_BASE = 0x600 };

/* Legacy devices that may be absent. */
enum acpi_isa {
    ACPI_COM1 = 1,
    ACPI_COM2 = 2,
    ACPI_COM3 = 4,
    ACPI_COM4 = 8,
    ACPI_LPT = 16,
    ACPI_FDC = 32,
};

struct acpi_config {
    unsigned cpus;  /* 1-8, APIC ids 0, 1, ... */
    bool apic;      /* local and I/O APIC exist: a MADT */
    u16 pm_base;    /* where the PIIX4's PM block is or will be: SeaBIOS 600h, U-Boot E400h */
    u32 pci_window; /* first address above low RAM; from here to FEC00000h PCI may use it */
    u32 isa;        /* set of enum acpi_isa */
};

struct acpi_tables {
    u8 *tables; /* owned; acpi_free() */
    size_t tables_len;
    u8 rsdp[ACPI_RSDP_SIZE];
    u8 *loader;
    size_t loader_len;
};

/* 0, or -ENOMEM with nothing allocated. */
int acpi_build(const struct acpi_config *cfg, struct acpi_tables *out);

void acpi_free(struct acpi_tables *t);

#endif
