/*
 * bootrom.S - option ROM that puts a kernel into memory and starts it: Linux by its
 * 16-bit entry point, multiboot kernels in flat protected mode.
 *
 * hw/bootrom.c appends a script after rom_end (struct bootrom_script): descriptors for fw_cfg's
 * DMA interface, which moves the data anywhere in physical memory while we stay in real
 * mode. The BIOS finds us as a bootstrap entry vector (PnP BIOS specification 1.0A, appendix B).
 */
    .code16
    .text
    .globl rom_start
rom_start:
    .word 0xAA55
    .byte 0                     /* length in 512-byte units: filled in */
    jmp init
    .org 0x1A
    .word pnp - rom_start
init:
    lretw

    .balign 16
pnp:
    .ascii "$PnP"
    .byte 1, 2                  /* revision, length / 16 */
    .word 0                     /* no further header */
    .byte 0, 0                  /* reserved, checksum: filled in */
    .long 0
    .word 0
    .word product - rom_start
    .byte 2, 0, 0x80            /* mass storage, other */
    .byte 0xE4                  /* may be a boot device, not a display */
    .word 0, 0
    .word boot - rom_start
    .word 0, 0
product:
    .asciz "Ombra kernel loader"

/* Script layout behind the code, offsets from `script` (see bootrom.c):
 *   0 word count of descriptors, 2 word mode (0 real, 1 protected), 4 long entry,
 *   8 long ebx, 12 word real-mode segment, 14 word stack pointer, 16.. descriptors of 16 bytes */
boot:
    cli
    cld
    movw %cs, %ax
    movw %ax, %ds
    movw $0x7000, %ax           /* a page of conventional memory for the descriptor, which the device writes */
    movw %ax, %es
    movw $script, %si
    movw (%si), %cx             /* count */
    addw $16, %si
next:
    jcxz loaded
    xorw %di, %di
    pushw %cx
    movw $8, %cx
    rep movsw
    popw %cx
    xorl %eax, %eax
    movw $0x514, %dx
    outl %eax, %dx
    movl $0x00000700, %eax      /* 70000h, big-endian */
    movw $0x518, %dx
    outl %eax, %dx
    decw %cx
    jmp next
loaded:
    movw $script, %si
    cmpw $0, 2(%si)
    jne protected

    movw 12(%si), %ax           /* Linux: DS = ES = SS = the setup segment, jump to its offset 200h */
    movw 14(%si), %bx
    movw %ax, %dx
    addw $0x20, %dx
    pushw %dx
    pushw $0
    popl %ecx                   /* CX:offset in one register while the stack moves away */
    movw %ax, %ds
    movw %ax, %es
    movw %ax, %fs
    movw %ax, %gs
    movw %ax, %ss
    movzwl %bx, %esp
    pushl %ecx
    lretw

protected:
    movl 4(%si), %ecx           /* entry */
    movl 8(%si), %ebx           /* multiboot information */
    xorl %eax, %eax
    movw %cs, %ax
    shll $4, %eax
    addl $gdt, %eax
    movw $0x7000, %dx           /* the GDT register image needs a linear address */
    movw %dx, %ds
    movw $31, 0
    movl %eax, 2
    lgdtl 0
    movl %cr0, %edx
    orb $1, %dl
    movl %edx, %cr0
    movw $0x10, %dx
    movw %dx, %ds
    movw %dx, %es
    movw %dx, %fs
    movw %dx, %gs
    movw %dx, %ss
    movl $0x7000, %esp
    xorl %eax, %eax
    movw %cs, %ax               /* still the real-mode segment */
    shll $4, %eax
    addl $flat, %eax
    pushl $8
    pushl %eax
    movl $0x2BADB002, %eax
    lretl
    .code32
flat:
    jmp *%ecx

    .balign 8
gdt:
    .quad 0
    .quad 0x00CF9A000000FFFF
    .quad 0x00CF92000000FFFF
    .quad 0
    .balign 16
script:
