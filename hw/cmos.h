/*
 * cmos.h - the MC146818 real-time clock and its battery-backed RAM: ports 70h/71h, a second bank of
 * 128 bytes at 72h/73h, IRQ 8.
 *
 * The update cycle is the chip's with a 32.768 kHz crystal: UIP rises 244 us before it, the registers
 * change and UF rises at its end, 1984 us later. Time is virtual; the machine gives the date at power-on.
 * The century is kept in byte 32h, as ACPI's FADT says.
 *
 * Built and owned by hw/pc.c. Data sheet: MC146818 "Address map", "Registers", "Update cycle".
 */
#ifndef OMBRA_HW_CMOS_H
#define OMBRA_HW_CMOS_H

#include "base/bus.h"
#include "base/device.h"

enum { CMOS_BYTES = 256 };

struct cmos {
    u8 ram[CMOS_BYTES]; /* the clock's registers are its first bytes; those with flags are made up from below */
    u8 index[2];        /* of ports 70h and 72h */
    u8 flags;           /* register C without IRQF */
    bool nmi_masked;
    u64 divider_start;     /* ns at which the divider chain stood at zero */
    u64 next_update;       /* ns at which the registers change next */
    u64 periodic_seen;     /* periodic edges since divider_start that PF has answered for */
    struct timer update;   /* end of each update cycle */
    struct timer periodic; /* next edge, while it would interrupt */
    struct irq_line irq8, nmi_mask;
    struct clock *clock;
    struct log *log;
};

enum cmos_floppy {
    CMOS_FLOPPY_NONE,
    CMOS_FLOPPY_360K,
    CMOS_FLOPPY_1200K,
    CMOS_FLOPPY_720K,
    CMOS_FLOPPY_1440K,
    CMOS_FLOPPY_2880K
};
enum cmos_boot { CMOS_BOOT_NONE, CMOS_BOOT_FLOPPY, CMOS_BOOT_DISK, CMOS_BOOT_CD, CMOS_BOOT_NET };
enum cmos_translation { CMOS_CHS_NONE, CMOS_CHS_LBA, CMOS_CHS_LARGE, CMOS_CHS_RECHS };

/* What firmware looks up in the CMOS RAM. */
struct cmos_config {
    u64 ram_below_4g; /* bytes from address 0 */
    u64 ram_above_4g;
    unsigned cpus;
    enum cmos_floppy floppy[2];
    struct {
        bool present;
        u16 cylinders; /* geometry for the BIOS's type 47 entry */
        u8 heads, sectors;
        enum cmos_translation translation;
    } disk[4]; /* primary master and slave, secondary master and slave */
    enum cmos_boot boot[3];
    bool check_floppy_signature; /* the BIOS refuses a boot sector without 55AAh */
    bool fpu, mouse;
};

extern const struct device_ops cmos_ops;

/* Maps the ports and sets the date to RTC_BASE seconds since 1970. NMI_MASK is high while port 70h bit 7 masks NMI. */
void cmos_init(struct cmos *cmos, struct bus *bus, struct irq_line irq8, struct irq_line nmi_mask, s64 rtc_base);

/* Writes the bytes that SeaBIOS and the Bochs BIOS read, and the checksum of 10h-2Dh. */
void cmos_configure(struct cmos *cmos, const struct cmos_config *config);

/* Sets the date (years 0 to 9999), in the format that register B asks for. */
void cmos_set_time(struct cmos *cmos, s64 unix_seconds);

/* The battery: everything but the clock, as CMOS_BYTES bytes for a file. Load before cmos_configure(). */
void cmos_save_ram(const struct cmos *cmos, u8 out[CMOS_BYTES]);
void cmos_load_ram(struct cmos *cmos, const u8 in[CMOS_BYTES]);

#endif
