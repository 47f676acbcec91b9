/*
 * layout.h - where everything lies in the memory of the system judge's image; for C and for assembly.
 *
 * The image puts the processor into a mode, runs one or two instructions of a case there, catches what comes of it and
 * prints a line on port E9h. All of it lies below 1 MiB, so that every mode reaches it.
 */
#ifndef OMBRA_TESTS_SYSTEM_LAYOUT_H
#define OMBRA_TESTS_SYSTEM_LAYOUT_H

#define KERNEL 0x10000        /* the image's own code and data: up to here 64 KiB and what follows */
#define KERNEL_ENTRY 0x10040
#define SPARE 0x30000         /* nothing but INT3 */
#define SPARE_BYTES 0x20000
#define KERNEL_STACK 0x58000

/* What a case works with; made anew for each one. */
#define GDT 0x60000
#define GDT_BYTES 0x180
#define LDT 0x60200
#define LDT_BYTES 0x40
#define IDT 0x60400
#define IDT_BYTES 0x200       /* vectors 0 to 3Fh */
#define TSS_MAIN 0x60800
#define TSS_MAIN_BYTES 0xA8   /* with an I/O bitmap for ports 0 to 1FFh less one byte */
#define TSS_A 0x60A00         /* 32-bit */
#define TSS_B 0x60B00         /* 16-bit */
#define TSS_DF 0x60C00
#define STACKS 0x62000        /* tops for ring 0, 1, 2 and the program: each 400h further up */
#define STACK_BYTES 0x400
#define CODE 0x64000          /* filled with INT3 */
#define CODE_BYTES 0x1000
#define DATA 0x66000          /* two pages */
#define LOW_ZOO 0x70000       /* eight pages that virtual-8086 mode reaches: rights by number, all of them the data pages */
#define PAGE_DIR 0x80000
#define PAGE_LOW 0x81000      /* identity below 1 MiB */
#define PAGE_ZOO 0x82000
#define PAE_PDPT 0x83000
#define PAE_DIR 0x84000
#define PAE_LOW 0x85000
#define PAE_ZOO 0x86000

/* Selectors that are the same in the judge's own table and in a case's. */
#define SEL_KCODE 0x08
#define SEL_KDATA 0x10
/* In the judge's own table only. */
#define SEL_KCODE16 0x18
#define SEL_KDATA16 0x20
/* In a case's table. */
#define SEL_TSS 0x18
#define SEL_LDT 0x20
#define SEL_DF 0x28
#define SEL_CODE32 0x30       /* and the next three: one for each privilege level; flat */
#define SEL_CODE16 0x50       /* base CODE, 64 KiB */
#define SEL_DATA32 0x70       /* flat */
#define SEL_DATA16 0x90       /* base DATA, 64 KiB */
#define SEL_STACK16 0xB0      /* base STACKS, 64 KiB, 16-bit stack pointer */
#define SEL_TSS_A 0xD0
#define SEL_TSS_B 0xD8
#define SEL_SUBJECT 0xE0      /* sixteen descriptors made at random */
#define SUBJECTS 16

#define MODE_REAL 0
#define MODE_V86 1
#define MODE_P16 2
#define MODE_P32 3

#endif
