# Into a case and out of it again.
#include "tests/system/layout.h"

    .section .first, "awx"
    .code32
    .globl _start, parameters
_start:
    .fill 16, 1, 0xCC               # cases jump here
parameters:                         # seed, first case, number of cases; written by whoever makes the image
    .long 1, 0, 1000, 0
    .org KERNEL_ENTRY - KERNEL
    mov $SEL_KDATA, %eax
    mov %ax, %ds
    mov %ax, %es
    mov %ax, %fs
    mov %ax, %gs
    mov %ax, %ss
    mov $KERNEL_STACK, %esp
    cld
    mov $_bss, %edi
    mov $_end, %ecx
    sub %edi, %ecx
    xor %eax, %eax
    rep stosb
    lgdt kernel_gdtr
    call kmain
    cli
    hlt
    jmp . - 1

    .balign 8
kernel_gdt:
    .quad 0
    .quad 0x00CF9A000000FFFF        # SEL_KCODE
    .quad 0x00CF92000000FFFF        # SEL_KDATA
    .quad 0x00009A010000FFFF        # SEL_KCODE16
    .quad 0x000092010000FFFF        # SEL_KDATA16
kernel_gdtr:
    .word . - kernel_gdt - 1
    .long kernel_gdt
case_gdtr:
    .word GDT_BYTES - 1
    .long GDT
case_idtr:
    .word IDT_BYTES - 1
    .long IDT
real_idtr:
    .word 0x3FF
    .long 0
kernel_esp:
    .long 0

# struct state, see judge.h
    .balign 4
    .globl before, after
before:
b_gpr:      .fill 8, 4, 0           # EAX ECX EDX EBX ESP EBP ESI EDI
b_seg:      .fill 6, 4, 0           # ES CS SS DS FS GS
b_eip:      .long 0
b_eflags:   .long 0
b_cr0:      .long 0
b_cr2:      .long 0
b_cr3:      .long 0
b_cr4:      .long 0
b_mode:     .long 0
    .fill 9, 4, 0
after:
a_gpr:      .fill 8, 4, 0
a_seg:      .fill 6, 4, 0
a_eip:      .long 0
a_eflags:   .long 0
a_cr0:      .long 0
a_cr2:      .long 0
a_cr3:      .long 0
a_cr4:      .long 0
a_mode:     .long 0
a_vector:   .long 0
a_error:    .long 0
a_tr:       .long 0
a_ldt:      .long 0
a_handler_cs: .long 0
a_handler_ss: .long 0
a_handler_esp: .long 0
a_dr6:      .long 0
a_vm_seg:   .fill 1, 4, 0

# void enter_case(void): from `before` into the case; comes back when an exception was caught, with `after`.
    .globl enter_case
enter_case:
    pushal
    mov %esp, kernel_esp
    mov b_cr4, %eax
    mov %eax, %cr4
    mov b_cr3, %eax
    mov %eax, %cr3
    xor %eax, %eax
    mov %eax, %cr2
    mov $0xFFFF0FF0, %eax
    mov %eax, %dr6
    cmpl $MODE_REAL, b_mode
    je enter_real
    lgdt case_gdtr
    lidt case_idtr
    mov b_cr0, %eax
    mov %eax, %cr0
    jmp 1f
1:
    mov $SEL_LDT, %eax
    lldt %ax
    mov $SEL_TSS, %eax
    ltr %ax
    cmpl $MODE_V86, b_mode
    jne 1f
    pushl b_seg + 5 * 4
    pushl b_seg + 4 * 4
    pushl b_seg + 3 * 4
    pushl b_seg
    jmp 2f
1:
    mov b_seg, %es
    mov b_seg + 4 * 4, %fs
    mov b_seg + 5 * 4, %gs
    testl $3, b_seg + 1 * 4
    jnz 2f
    mov b_seg + 2 * 4, %ss          # ring 0 keeps the stack that is there
    mov b_gpr + 4 * 4, %esp
    jmp 3f
2:
    pushl b_seg + 2 * 4
    pushl b_gpr + 4 * 4
3:
    pushl b_eflags
    pushl b_seg + 1 * 4
    pushl b_eip
    mov b_gpr, %eax
    mov b_gpr + 1 * 4, %ecx
    mov b_gpr + 2 * 4, %edx
    mov b_gpr + 3 * 4, %ebx
    mov b_gpr + 5 * 4, %ebp
    mov b_gpr + 6 * 4, %esi
    mov b_gpr + 7 * 4, %edi
    cmpl $MODE_V86, b_mode
    je 4f                           # IRET loads DS
    mov %cs:b_seg + 3 * 4, %ds
4:
    iretl

enter_real:
    lidt real_idtr
    ljmp $SEL_KCODE16, $(1f - _start)
    .code16
1:
    mov $SEL_KDATA16, %ax
    mov %ax, %ds
    mov %ax, %es
    mov %ax, %fs
    mov %ax, %gs
    mov %ax, %ss
    mov b_cr0 - _start, %eax
    mov %eax, %cr0
    ljmp $(KERNEL >> 4), $(1f - _start)
1:
    mov $(KERNEL >> 4), %ax
    mov %ax, %ds
    mov b_seg - _start, %es
    mov b_seg + 4 * 4 - _start, %fs
    mov b_seg + 5 * 4 - _start, %gs
    mov b_seg + 2 * 4 - _start, %ss
    mov b_gpr + 4 * 4 - _start, %esp
    pushw b_eflags - _start
    pushw b_seg + 1 * 4 - _start
    pushw b_eip - _start
    mov b_gpr - _start, %eax
    mov b_gpr + 1 * 4 - _start, %ecx
    mov b_gpr + 2 * 4 - _start, %edx
    mov b_gpr + 3 * 4 - _start, %ebx
    mov b_gpr + 5 * 4 - _start, %ebp
    mov b_gpr + 6 * 4 - _start, %esi
    mov b_gpr + 7 * 4 - _start, %edi
    mov %cs:b_seg + 3 * 4 - _start, %ds
    iretw
    .code32

# ---- out again, protected mode: one stub for each exception ----
    .globl stubs, stub_end
    .balign 16
stubs:
    .set vector, 0
    .rept 32
    .balign 16
    pushl $vector
    jmp caught
    .set vector, vector + 1
    .endr
stub_end:

# Which vectors come with an error code.
#define HAS_ERROR 0x00027D00

caught:
    push %eax                       # the stack may be a 16-bit one: PUSH and POP only
    push %ds
    mov $SEL_KDATA, %eax
    mov %ax, %ds
    pop a_seg + 3 * 4
    pop a_gpr
    pop a_vector
    pushl $0                        # the registers of the case do not stay in its memory
    pushl $0
    pushl $0
    pop %eax
    pop %eax
    pop %eax
    mov %ecx, a_gpr + 1 * 4
    mov %edx, a_gpr + 2 * 4
    mov %ebx, a_gpr + 3 * 4
    mov %ebp, a_gpr + 5 * 4
    mov %esi, a_gpr + 6 * 4
    mov %edi, a_gpr + 7 * 4
    mov %ss, a_handler_ss
    mov %esp, a_handler_esp
    movl $0xFFFFFFFF, a_error
    mov a_vector, %ecx
    mov $HAS_ERROR, %eax
    bt %ecx, %eax
    jnc 1f
    pop a_error
1:
    pop a_eip
    pop a_seg + 1 * 4
    pop a_eflags
    mov %es, a_seg
    mov %fs, a_seg + 4 * 4
    mov %gs, a_seg + 5 * 4
    testl $0x20000, a_eflags
    jnz 2f
    testl $3, a_seg + 1 * 4
    jz 3f
2:
    pop a_gpr + 4 * 4
    pop a_seg + 2 * 4
    testl $0x20000, a_eflags
    jz leave_case
    pop a_seg
    pop a_seg + 3 * 4
    pop a_seg + 4 * 4
    pop a_seg + 5 * 4
    jmp leave_case
3:
    mov %esp, a_gpr + 4 * 4         # no stack switch: where it was before the frame
    mov %ss, a_seg + 2 * 4
leave_case:
    mov %cs, a_handler_cs
    str a_tr
    sldt a_ldt
leave_common:
    mov %cr0, %eax
    mov %eax, a_cr0
    mov %cr2, %eax
    mov %eax, a_cr2
    mov %cr3, %eax
    mov %eax, a_cr3
    mov %cr4, %eax
    mov %eax, a_cr4
    mov %dr6, %eax
    mov %eax, a_dr6
    mov $SEL_KDATA, %eax
    mov %ax, %ss
    mov kernel_esp, %esp
    mov %ax, %es
    mov $0x11, %eax
    mov %eax, %cr0
    jmp 1f
1:
    lgdt kernel_gdtr
    ljmp $SEL_KCODE, $1f
1:
    xor %eax, %eax
    mov %eax, %cr4
    lldt %ax
    mov %eax, %dr7
    mov %ax, %fs
    mov %ax, %gs
    push $2
    popfl
    popal
    ret

# A double fault is a task of its own: its registers are in the TSS that the case ran in.
    .globl df_entry
df_entry:
    pop a_error
    movl $8, a_vector
    jmp leave_case

# ---- out again, real mode ----
    .code16
    .globl real_stubs
    .balign 16
real_stubs:
    .set vector, 0
    .rept 32
    .balign 8
    pushw $vector
    jmp caught_real
    .set vector, vector + 1
    .endr

caught_real:
    pushl %eax
    push %ds
    mov $(KERNEL >> 4), %ax
    mov %ax, %ds
    popw a_seg + 3 * 4 - _start
    popl a_gpr - _start
    popw a_vector - _start
    pushl $0
    pushl $0
    popl %eax
    popl %eax
    popw a_eip - _start
    popw a_seg + 1 * 4 - _start
    popw a_eflags - _start
    mov %ecx, a_gpr + 1 * 4 - _start
    mov %edx, a_gpr + 2 * 4 - _start
    mov %ebx, a_gpr + 3 * 4 - _start
    mov %esp, a_gpr + 4 * 4 - _start
    mov %ebp, a_gpr + 5 * 4 - _start
    mov %esi, a_gpr + 6 * 4 - _start
    mov %edi, a_gpr + 7 * 4 - _start
    mov %es, a_seg - _start
    mov %ss, a_seg + 2 * 4 - _start
    mov %fs, a_seg + 4 * 4 - _start
    mov %gs, a_seg + 5 * 4 - _start
    movl $0xFFFFFFFF, a_error - _start
    lgdtl %cs:kernel_gdtr - _start
    mov %cr0, %eax
    or $1, %al
    mov %eax, %cr0
    ljmpl $SEL_KCODE, $1f
    .code32
1:
    mov $SEL_KDATA, %eax
    mov %ax, %ds
    mov %ax, %es
    jmp leave_common
    .section .note.GNU-stack, "", @progbits
