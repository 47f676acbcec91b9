# Boot sector of the judge's floppy: reads the kernel to KERNEL, switches to protected mode, enters it.
#include "tests/system/layout.h"
    .code16
    .globl boot
boot:
    cli
    xor %ax, %ax
    mov %ax, %ds
    mov %ax, %ss
    mov $0x7C00, %sp
    sti
    mov %dl, drive
    mov $(KERNEL >> 4), %ax
    mov %ax, %es
    mov $1, %si                     # logical sector
1:
    mov %si, %ax
    xor %dx, %dx
    mov $18, %cx
    div %cx                         # AX = track, DX = sector - 1
    mov %dl, %cl
    inc %cl
    mov %al, %ch
    shr $1, %ch
    mov %al, %dh
    and $1, %dh
    mov drive, %dl
    xor %bx, %bx
    mov $0x0201, %ax
    int $0x13
    jc 1b
    mov %es, %ax
    add $0x20, %ax
    mov %ax, %es
    inc %si
    cmp $SECTORS, %si
    jbe 1b

    cli
    mov $0xFF, %al                  # no interrupts but those of the cases
    out %al, $0x21
    out %al, $0xA1
    in $0x92, %al                   # A20
    or $2, %al
    and $0xFE, %al
    out %al, $0x92
    lgdt gdtr
    mov %cr0, %eax
    or $1, %al
    mov %eax, %cr0
    ljmpl $SEL_KCODE, $KERNEL_ENTRY

    .balign 8
gdt:
    .quad 0
    .quad 0x00CF9A000000FFFF
    .quad 0x00CF92000000FFFF
gdtr:
    .word . - gdt - 1
    .long gdt
drive:
    .byte 0
    .org 510
    .word 0xAA55
    .section .note.GNU-stack, "", @progbits
