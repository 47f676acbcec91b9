/*
 * fwcfg.h - QEMU's firmware configuration device ("fw_cfg"): numbered items and named files that firmware and loaders
 * read through ports 510h/511h or by DMA through 514h. The interface is described in QEMU's docs/specs/fw_cfg.txt.
 *
 * hw/pc.c adds items when it builds the machine. Multi-byte items are little-endian, the file directory is big-endian.
 * Contents are part of the machine's configuration, not of its state: only the reading position is saved.
 */
#ifndef OMBRA_HW_FWCFG_H
#define OMBRA_HW_FWCFG_H

#include "base/bus.h"
#include "base/device.h"

/* Items with fixed numbers */
enum fwcfg_key {
    FWCFG_SIGNATURE = 0x00,
    FWCFG_ID = 0x01,
    FWCFG_UUID = 0x02,
    FWCFG_RAM_SIZE = 0x03,    /* u64, bytes below 4 GiB */
    FWCFG_NOGRAPHIC = 0x04,   /* u16 */
    FWCFG_NB_CPUS = 0x05,     /* u16 */
    FWCFG_KERNEL_ADDR = 0x07, /* u32; the eight numbers that follow are for loading a Linux kernel directly */
    FWCFG_KERNEL_SIZE = 0x08,
    FWCFG_INITRD_ADDR = 0x0A,
    FWCFG_INITRD_SIZE = 0x0B,
    FWCFG_BOOT_MENU = 0x0E,    /* u16 */
    FWCFG_MAX_CPUS = 0x0F,     /* u16: greatest APIC id + 1 */
    FWCFG_KERNEL_ENTRY = 0x10, /* u32, multiboot only */
    FWCFG_KERNEL_DATA = 0x11,
    FWCFG_INITRD_DATA = 0x12,
    FWCFG_CMDLINE_ADDR = 0x13,
    FWCFG_CMDLINE_SIZE = 0x14, /* with the terminating zero */
    FWCFG_CMDLINE_DATA = 0x15,
    FWCFG_SETUP_ADDR = 0x16,
    FWCFG_SETUP_SIZE = 0x17,
    FWCFG_SETUP_DATA = 0x18,
    FWCFG_FILE_DIR = 0x19,
    FWCFG_FILE_FIRST = 0x20,
    FWCFG_ARCH = 0x8000,
    FWCFG_IRQ0_OVERRIDE = 0x8002, /* u8: ISA IRQ 0 comes in at pin 2 of the I/O APIC */
};

enum { FWCFG_FILES = 64, FWCFG_ARCH_ITEMS = 8, FWCFG_NAME_MAX = 55 };

struct fwcfg_item {
    const u8 *data;
    size_t len;
    u8 *owned; /* to be freed, or NULL */
    void (*on_select)(void *ctx);
    void *on_select_ctx;
};

struct fwcfg_e820 {
    u64 base, size;
    u32 type; /* 1 RAM, 2 reserved */
};

struct fwcfg {
    struct bus *bus;
    struct fwcfg_item item[FWCFG_FILE_FIRST + FWCFG_FILES];
    struct fwcfg_item arch[FWCFG_ARCH_ITEMS];
    char name[FWCFG_FILES][FWCFG_NAME_MAX + 1];
    unsigned files;
    u8 directory[4 + FWCFG_FILES * 64];
    u8 id[4];
    u16 key;      /* selected item */
    u32 offset;   /* next byte of it */
    u64 dma_addr; /* high half as written to 514h */
};

extern const struct device_ops fwcfg_ops;

/* Takes the ports. The device has its signature, id and an empty directory. */
void fwcfg_init(struct fwcfg *f, struct bus *bus);

/* Sets item KEY (replacing what it had) to a copy of DATA. 0, -ENOMEM, or -EINVAL for a key that does not exist. */
int fwcfg_add(struct fwcfg *f, u16 key, const void *data, size_t len);
int fwcfg_add_u16(struct fwcfg *f, u16 key, u16 value);
int fwcfg_add_u32(struct fwcfg *f, u16 key, u32 value);
int fwcfg_add_u64(struct fwcfg *f, u16 key, u64 value);

/* As fwcfg_add(), but DATA is borrowed: it must stay until fwcfg closes. For kernels and initrds. */
int fwcfg_add_borrowed(struct fwcfg *f, u16 key, const void *data, size_t len);

/* Sets the file NAME ("etc/...") to a copy of DATA, replacing one of that name. 0, -ENOMEM, -EINVAL (name empty or too
 * long), -ENOSPC (too many files). */
int fwcfg_add_file(struct fwcfg *f, const char *name, const void *data, size_t len);

/* FN is called whenever the guest selects file NAME, before it reads: FN may replace contents with ones of the same
 * length. 0 or -ENOENT. */
int fwcfg_on_select(struct fwcfg *f, const char *name, void (*fn)(void *ctx), void *ctx);

/* Sets "etc/e820" from COUNT ranges. */
int fwcfg_add_e820(struct fwcfg *f, const struct fwcfg_e820 *map, unsigned count);

#endif
