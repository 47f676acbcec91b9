# modes.S - boot sectors that change between 16 and 32 bits, by KIND; print S and D on COM1 around LOOPS rounds, then the sum.
#   1: real mode and flat 32-bit protected mode in turns
#   2: 32-bit code whose segments all have bases, loads of segment registers, far calls of 16-bit protected-mode code
#   3: real mode under a timer of 1 kHz
#   4: real mode as programs of several segments are: far calls, far pointers, loads of segment registers, near calls
# EBX is the sum, EBP counts the rounds down.
    .set INNER, 40
    .set CODE32, 8
    .set DATA32, 16
    .set CODE16, 24
    .set DATA16, 32
    .set BASED, 40              # segments with bases: code, stack, three of data
    .code16
    .globl _start
_start:
    cli
    cld
    xorw %ax, %ax
    movw %ax, %ds
    movw %ax, %es
    movw %ax, %ss
    movw $0x7000, %sp
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
    lgdt gdtr
    movw $zeroed, %si           # what the loops read before they write it
zero:
    lodsw
    movw %ax, %es
    xorw %ax, %ax
    xorw %di, %di
    movl $0x200, %ecx           # whose upper half comes from the BIOS
    rep stosw
    cmpw $zeroed_end, %si
    jb zero
    movb $'S', %al
    call put
    movb $'\n', %al
    call put
    movl $1, %ebx
    movl $LOOPS, %ebp

    .if KIND == 1
again:
    movw $INNER, %cx
1:  imull $1664525, %ebx
    addl %ecx, %ebx
    rolw $3, %bx
    xorw %bx, 0x9000
    loop 1b
    movl %cr0, %eax
    orb $1, %al
    movl %eax, %cr0
    ljmp $CODE32, $flat
    .code32
flat:
    movw $DATA32, %ax
    movw %ax, %ds
    movl $INNER, %ecx
1:  addl %ecx, %ebx
    roll $5, %ebx
    xorl %ebx, 0x9000(, %ecx, 4)
    decl %ecx
    jnz 1b
    ljmp $CODE16, $narrow
    .code16
narrow:
    movw $DATA16, %ax
    movw %ax, %ds
    movl %cr0, %eax
    andb $0xFE, %al
    movl %eax, %cr0
    ljmp $0, $real
real:
    xorw %ax, %ax
    movw %ax, %ds
    decl %ebp
    jnz again

    .elseif KIND == 2
    movl %cr0, %eax
    orb $1, %al
    movl %eax, %cr0
    ljmp $BASED, $(based - _start)
    .code32
based:
    movw $BASED + 8, %ax
    movw %ax, %ss
    movl $0x800, %esp
    movw $BASED + 16, %ax
    movw %ax, %ds
    movw $BASED + 32, %ax
    movw %ax, %fs
again:
    movw $BASED + 24, %ax
    movw %ax, %es
    movl $INNER, %ecx
1:  leal (, %ecx, 4), %esi
    movl (%esi), %eax
    addl %es:8(%esi), %eax
    addl %ebx, %eax
    pushl %eax
    call mix
    popl %fs:(%esi)
    movl %ebx, %es:8(%esi)
    loop 1b
    movl $3, %ecx
    leal 16(%ecx), %edi
    xorl %esi, %esi
    rep movsl                   # DS to ES
    lcall $CODE16, $half
    decl %ebp
    jnz again
    ljmp $CODE16, $narrow
mix:
    movl 4(%esp), %edx
    imull $1664525, %edx
    addl %ecx, %edx
    xorl %edx, %ebx
    roll $5, %ebx
    addl %ecx, 4(%esp)
    movl %ebx, (%esi)
    ret
    .code16
half:
    movw $INNER, %cx
1:  addw %cx, %bx
    rolw $3, %bx
    xorw %bx, 0x200
    loop 1b
    lretl
narrow:
    movw $DATA16, %ax
    movw %ax, %ds
    movw %ax, %es
    movw %ax, %ss
    movl %cr0, %eax
    andb $0xFE, %al
    movl %eax, %cr0
    ljmp $0, $real
real:
    xorw %ax, %ax
    movw %ax, %ds
    movw %ax, %ss
    movw $0x7000, %sp

    .elseif KIND == 4
    movw $0x2000, %ax
    movw %ax, %es
    movw $routine, %si
    xorw %di, %di
    movw $(routine_end - routine), %cx
    rep movsb
    movl $0x30010020, 0x9000    # a far pointer
again:
    movw $INNER, %cx
1:  pushw %cx
    lcall $0x2000, $0
    lesw 0x9000, %di
    addw %bx, %es:(%di)
    addl %es:(%di), %ebx
    pushw %ds
    popw %es
    call nearby
    popw %cx
    loop 1b
    decl %ebp
    jnz again
    jmp done
nearby:
    addw %cx, %bx
    ret
routine:
    pushl %ebp
    movw %sp, %bp
    movw %cs, %ax
    movw %ax, %ds
    imull $1664525, %ebx
    addw 8(%bp), %bx            # CX
    xorl routine_end - routine, %ebx
    xorw %ax, %ax
    movw %ax, %ds
    popl %ebp
    lret
routine_end:
done:

    .else
    movw $tick, 0x20
    movw $0, 0x22
    movb $0x34, %al             # the timer: 1193 cycles of 1.193182 MHz, again and again
    outb %al, $0x43
    movw $1193, %ax
    outb %al, $0x40
    movb %ah, %al
    outb %al, $0x40
    movb $0xFE, %al
    outb %al, $0x21
    sti
again:
    movw $INNER, %cx
1:  imull $1664525, %ebx
    addl %ecx, %ebx
    rolw $3, %bx
    xorw %bx, 0x9000
    loop 1b
    decl %ebp
    jnz again
    cli
    jmp done
tick:
    pushw %ax
    incw 0x9100
    movb $0x20, %al
    outb %al, $0x20
    popw %ax
    iretw
done:
    .endif

    movb $'D', %al
    call put
    movb $' ', %al
    call put
    movw $8, %cx
1:  roll $4, %ebx
    movb %bl, %al
    andb $15, %al
    addb $'0', %al
    cmpb $'9', %al
    jbe 2f
    addb $'a' - '9' - 1, %al
2:  call put
    loop 1b
    movb $'\n', %al
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
    ret

    .macro segment base, limit, access, flags
    .word \limit, \base & 0xFFFF
    .byte \base >> 16, \access, \flags, 0
    .endm
    .align 8
gdt:
    .fill 8, 1, 0
    segment 0, 0xFFFF, 0x9B, 0xCF
    segment 0, 0xFFFF, 0x93, 0xCF
    segment 0, 0xFFFF, 0x9B, 0
    segment 0, 0xFFFF, 0x93, 0
    segment 0x7C00, 0xFFFF, 0x9B, 0x40
    segment 0x6000, 0x0FFF, 0x93, 0x40
    segment 0x20000, 0x0FFF, 0x93, 0x40
    segment 0x30010, 0xFFFF, 0x93, 0x40
    segment 0x40004, 0xFFFF, 0x93, 0x40
zeroed:
    .word 0x900, 0x2000, 0x3001
zeroed_end:
gdtr:
    .word gdtr - gdt - 1
    .long gdt
    .org 510
    .word 0xAA55
