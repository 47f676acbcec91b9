# sector.S - a boot sector with a hot 16-bit loop; prints S and D on COM1 around it.
# SAME=1: the loop's data lies on the page of its code; SAME=0: on a page of its own.
    .code16
    .globl _start
_start:
    cli
    xorw %ax, %ax
    movw %ax, %ds
    movw $0x3FB, %dx            # COM1: 115200 baud, 8N1
    movb $0x80, %al
    outb %al, %dx
    movw $0x3F8, %dx
    movb $1, %al
    outb %al, %dx
    incw %dx
    movb $0, %al
    outb %al, %dx
    movw $0x3FB, %dx
    movb $3, %al
    outb %al, %dx
    movb $'S', %al
    call put
    movl $LOOPS, %ecx
again:
    addl %ecx, cell
    rolw $1, cell + 4
    decl %ecx
    jnz again
    movb $'D', %al
    call put
stop:
    hlt
    jmp stop
put:
    pushw %ax
    movw $0x3FD, %dx
1:  inb %dx, %al
    testb $0x20, %al
    jz 1b
    popw %ax
    movw $0x3F8, %dx
    outb %al, %dx
    movb $'\n', %al
    outb %al, %dx
    ret
    .if SAME
    .org 0x180
cell:
    .fill 8, 1, 0
    .else
    .equ cell, 0x9000
    .endif
    .org 510
    .word 0xAA55
