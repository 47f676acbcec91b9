/*
 * kernel.h - reads a kernel (Linux bzImage, multiboot 1 ELF or flat) and prepares what the boot ROM needs: blobs for
 * fw_cfg and the ROM itself. Nothing is executed here; every length in the files is checked.
 *
 * Linux: Documentation/x86/boot.rst (protocol 2.02 and up). Multiboot: specification 0.6.96.
 */
#ifndef OMBRA_FRONTEND_KERNEL_H
#define OMBRA_FRONTEND_KERNEL_H

#include "hw/bootrom.h"

enum kernel_part { KERNEL_SETUP, KERNEL_CODE, KERNEL_CMDLINE, KERNEL_INITRD, KERNEL_PARTS };

/* fw_cfg items, numbers as QEMU's specification names them. */
enum { KEY_KERNEL_DATA = 0x11, KEY_INITRD_DATA = 0x12, KEY_CMDLINE_DATA = 0x15, KEY_SETUP_DATA = 0x18 };

struct kernel {
    u8 *part[KERNEL_PARTS]; /* malloc'ed; NULL: absent */
    size_t size[KERNEL_PARTS];
    u8 rom[BOOTROM_MAX_SIZE];
    size_t rom_size;
};

extern const u16 kernel_part_key[KERNEL_PARTS];

/*
 * INITRD: NULL, a file, or for multiboot a comma-separated list of modules (each may have arguments after a blank). RAM is the guest's
 * memory in bytes. 0, or -errno with one line in ERROR.
 */
int kernel_load(struct kernel *k, const char *path, const char *initrd, const char *append, u64 ram, char *error,
                size_t error_size);
void kernel_free(struct kernel *k);

#endif
