# v86.S - a small virtual-8086 monitor as a test: what EMM386 and Windows rely on (SDM vol. 3A, ch. 16 and 21).
#
# A multiboot kernel. Each check runs a few instructions in virtual-8086 mode until something reaches the monitor, and
# compares what: vector, error code, EIP and, where asked, flags. One line each on port E9h; port F4h ends it, 10h if all is well.
    .set MB_FLAGS, 0
    .set CODE, 0x08
    .set DATA, 0x10
    .set TSS, 0x18
    .set LOW, 0x10000               # where the 16-bit code lies: segment 1000h
    .set VM, 0x20000
    .set IF, 0x200
    .set IOPL3, 0x3000
    .set VIF, 0x80000
    .set VIP, 0x100000
    .set ANY, 0xFFFFFFFF

    .text
    .code32
    .align 4
    .long 0x1BADB002, MB_FLAGS, -(0x1BADB002 + MB_FLAGS)

    .globl _start
_start:
    cli
    movl $stack, %esp
    lgdt gdtr
    ljmp $CODE, $1f
1:  movw $DATA, %ax
    movw %ax, %ds
    movw %ax, %es
    movw %ax, %fs
    movw %ax, %gs
    movw %ax, %ss
    call make_idt
    movl $tss, %eax                 # the TSS's base goes into its descriptor
    movw %ax, gdt + TSS + 2
    shrl $16, %eax
    movb %al, gdt + TSS + 4
    movb %ah, gdt + TSS + 7
    movw $TSS, %ax
    ltr %ax
    cld
    movl $low_begin, %esi
    movl $LOW, %edi
    movl $low_end - low_begin, %ecx
    rep movsb
    movw $int40 - low_begin, 0x40 * 4
    movw $LOW >> 4, 0x40 * 4 + 2
    call make_pages
    jmp checks

# 256 interrupt gates that anybody may call.
make_idt:
    movl $stubs, %eax
    movl $idt, %edi
    movl $256, %ecx
1:  movw %ax, (%edi)
    movw $CODE, 2(%edi)
    movw $0xEE00, 4(%edi)
    movl %eax, %edx
    shrl $16, %edx
    movw %dx, 6(%edi)
    addl $8, %edi
    addl $stub_size, %eax
    loop 1b
    lidt idtr
    ret

# The first 4 MiB one to one for everybody, but page 30000h is not there and 100000h (above FFFF:0010) is page 0: A20 by paging.
make_pages:
    movl $page_table, %edi
    movl $7, %eax
    movl $1024, %ecx
1:  stosl
    addl $4096, %eax
    loop 1b
    movl $0, page_table + 0x30 * 4
    movl $page_table + 7, page_dir
    movl $page_dir, %eax
    movl %eax, %cr3
    movl %cr0, %eax
    orl $0x80000000, %eax
    movl %eax, %cr0
    ret

stubs:
    .set n, 0
    .rept 256
    .align 16
    .if n == 8 || (n >= 10 && n <= 14) || n == 17
    nop
    nop
    .else
    pushl $-1
    .endif
    pushl $n
    jmp caught
    .set n, n + 1
    .endr
    .set stub_size, 16

# Notes what came and returns to the check, on its stack.
caught:
    pushl %eax
    movw %ds, %ax
    movw %ax, %ss:got_ds
    movw $DATA, %ax
    movw %ax, %ds
    movw %ax, %es
    movw %ax, %fs
    movw %ax, %gs
    popl got_eax
    popl got_vector
    popl got_error
    popl got_eip
    popl got_cs
    popl got_flags
    movl check_esp, %esp
    ret

# Virtual-8086 mode at 1000:EBX with flags EDX; returns with what ended it.
run:
    movl %esp, check_esp
    movl %esp, tss + 4
    subl $256, tss + 4
    pushl $0x1000                   # GS FS DS ES
    pushl $0x1000
    pushl $0x1000
    pushl $0x1000
    pushl $0x2000                   # SS ESP
    pushl $0x1000
    orl $VM | 2, %edx
    pushl %edx
    pushl $LOW >> 4
    pushl %ebx
    movl $0x11112222, %ebx
    iretl

# name, code, flags, expected vector, error code (-1: none), EIP, flags that must be set, flags that must be clear
    .macro check name, code, flags, vector, error, eip, set=0, clear=0
    movl $\code - low_begin, %ebx
    movl $\flags, %edx
    call run
    pushl $\clear
    pushl $\set
    pushl $\eip - low_begin
    pushl $\error
    pushl $\vector
    pushl $9f
    call compare
    addl $24, %esp
    .section .rodata
9:  .asciz "\name"
    .text
    .endm

compare:
    movl 8(%esp), %eax
    cmpl got_vector, %eax
    jne 1f
    movl 12(%esp), %eax
    cmpl got_error, %eax
    jne 1f
    movl 16(%esp), %eax
    cmpl got_eip, %eax
    jne 1f
    cmpw $LOW >> 4, got_cs
    jne 1f
    movl got_flags, %eax
    testl $VM, %eax
    jz 1f
    testl 24(%esp), %eax
    jnz 1f
    andl 20(%esp), %eax
    cmpl 20(%esp), %eax
    jne 1f
    cmpw $0, got_ds                 # data segments arrive as null
    jne 1f
    movl $ok, %esi
    jmp 2f
1:  movb $1, failed
    movl $bad, %esi
2:  call print
    movl 4(%esp), %esi
    call print
    movl got_vector, %eax
    call print_hex
    movl got_error, %eax
    call print_hex
    movl got_eip, %eax
    call print_hex
    movl got_flags, %eax
    call print_hex
    movl $newline, %esi
print:
    lodsb
    testb %al, %al
    jz 1f
    outb %al, $0xE9
    jmp print
1:  ret
print_hex:
    pushl %eax
    movb $' ', %al
    outb %al, $0xE9
    popl %edx
    movl $8, %ecx
1:  roll $4, %edx
    movb %dl, %al
    andb $15, %al
    addb $'0', %al
    cmpb $'9', %al
    jbe 2f
    addb $7, %al
2:  outb %al, $0xE9
    loop 1b
    ret

checks:
    # Below IOPL 3 everything that touches IF traps to the monitor, at the instruction itself.
    check "CLI at IOPL 0", c_cli, IF, 13, 0, c_cli, IF
    check "STI at IOPL 0", c_sti, 0, 13, 0, c_sti
    check "PUSHF at IOPL 0", c_pushf, IF, 13, 0, c_pushf
    check "POPF at IOPL 0", c_popf, IF, 13, 0, c_popf
    check "INT 40h at IOPL 0", c_int, IF, 13, 0, c_int
    check "IRET at IOPL 0", c_iret, IF, 13, 0, c_iret
    check "INT3 at IOPL 0 goes through the IDT", c_int3, IF, 3, -1, c_int3 + 1
    # With IOPL 3 only what no program may do traps.
    check "CLI and STI at IOPL 3", c_cli_sti, IOPL3, 13, 0, c_cli_sti + 2, IF
    check "INT 40h at IOPL 3 goes through the IDT", c_int, IF | IOPL3, 0x40, -1, c_int + 2
    check "PUSHF, POPF at IOPL 3 keep IOPL", c_flags, IF | IOPL3, 13, 0, c_flags_end, IF | IOPL3
    check "HLT", c_hlt, IF | IOPL3, 13, 0, c_hlt
    check "MOV from CR0", c_cr0, IF | IOPL3, 13, 0, c_cr0
    check "LGDT", c_lgdt, IF | IOPL3, 13, 0, c_lgdt
    check "LMSW", c_lmsw, IF | IOPL3, 13, 0, c_lmsw
    check "SLDT does not exist", c_sldt, IF | IOPL3, 6, -1, c_sldt
    check "ARPL does not exist", c_arpl, IF | IOPL3, 6, -1, c_arpl
    check "LOCK MOV does not exist", c_lock, IF | IOPL3, 6, -1, c_lock
    # Ports are a matter of the bitmap, at any IOPL: 60h is allowed, 61h is not.
    check "IN from an allowed port", c_in60, IF, 13, 0, c_in60 + 2
    check "IN from a denied port", c_in61, IF | IOPL3, 13, 0, c_in61
    check "16-bit IN across a denied port", c_inw, IF, 13, 0, c_inw
    check "IN beyond the bitmap", c_infar, IF, 13, 0, c_infar + 3
    # Segments end at FFFFh, whatever the address size.
    check "word at FFFFh", c_wrap, IF, 13, 0, c_wrap
    check "32-bit offset", c_offset, IF, 13, 0, c_offset
    check "stack word at FFFFh", c_stack, IF, 12, 0, c_stack_push
    # Pages belong to the monitor.
    check "a page that is not there, read", c_page, IF, 14, 4, c_page_at
    check "a page that is not there, written", c_page_w, IF, 14, 6, c_page_w_at
    movl %cr2, %eax
    cmpl $0x30123, %eax
    je 1f
    movb $1, failed
1:  movl $0x7, page_table + 0x100 * 4   # 1 MiB is page 0 now
    movl %cr3, %eax
    movl %eax, %cr3
    movl $0x4D4F4E49, 0x600
    check "1 MiB wraps by paging", c_a20, IF, 13, 0, c_a20_end
    # VME: the monitor is spared what it would only pass on.
    movl %cr4, %eax
    orl $1, %eax
    movl %eax, %cr4
    check "VME: CLI clears VIF", c_cli_hlt, IF | VIF, 13, 0, c_cli_hlt + 1, IF, VIF
    check "VME: STI sets VIF", c_sti_hlt, IF, 13, 0, c_sti_hlt + 1, IF | VIF
    check "VME: STI with VIP", c_sti, IF | VIP, 13, 0, c_sti
    check "VME: INT 40h by the real-mode table", c_int, IF | VIF, 13, 0, int40_hlt, IF, VIF
    check "VME: INT 41h by the IDT", c_int41, IF | VIF | IOPL3, 0x41, -1, c_int41 + 2
    check "VME: PUSHF shows VIF as IF", c_pushf_vif, IF | VIF, 13, 0, c_pushf_vif_end
    check "VME: POPF to VIF", c_popf_vif, IF | VIF, 13, 0, c_popf_vif_end, IF, VIF
    check "VME: POPF with TF", c_popf_tf, IF, 13, 0, c_popf_tf_at
    check "VME: 32-bit PUSHF", c_pushfd, IF, 13, 0, c_pushfd

    movb failed, %al
    xorb $1, %al
    shlb $4, %al
    outb %al, $0xF4
1:  hlt
    jmp 1b

# ---- what runs in virtual-8086 mode; copied to 1000:0000 ----

    .code16
    .align 16
low_begin:
c_cli:  cli
c_sti:  sti
c_pushf: pushf
c_popf: popf
c_int:  int $0x40
c_int41: int $0x41
c_iret: iret
c_int3: int3
c_cli_sti: cli
    sti
c_hlt:  hlt
c_cr0:  movl %cr0, %eax
c_lgdt: lgdt 0
c_lmsw: lmsw %ax
c_sldt: .byte 0x0F, 0x00, 0xC0
c_arpl: .byte 0x63, 0xC0
c_lock: .byte 0xF0, 0x89, 0xC0
c_in60: inb $0x60, %al
    hlt
c_in61: inb $0x61, %al
c_inw:  inw $0x60, %ax
c_infar: movw $0x1F8, %dx
    inb %dx, %al
c_wrap: movw 0xFFFF, %ax
c_offset: .byte 0x67, 0xA1
    .long 0x10000
c_stack: movw $1, %sp
c_stack_push: pushw %ax
c_flags: pushf
    popw %ax
    andw $0xCFFF, %ax
    pushw %ax
    popf
c_flags_end: hlt
c_page: movw $0x3000, %ax
    movw %ax, %es
c_page_at: movb %es:0x123, %al
c_page_w: movw $0x3000, %ax
    movw %ax, %es
c_page_w_at: movb %al, %es:0x123
c_a20:  movw $0xFFFF, %ax
    movw %ax, %es
    cmpl $0x4D4F4E49, %es:0x610
    je c_a20_end
    ud2
c_a20_end: hlt
c_cli_hlt: cli
    hlt
c_sti_hlt: sti
    hlt
c_pushf_vif: pushf
    popw %ax
    testb $2, %ah                   # IF as the program sees it
    jnz c_pushf_vif_end
    ud2
c_pushf_vif_end: hlt
c_popf_vif: pushw $2
    popf
c_popf_vif_end: hlt
c_popf_tf: pushw $0x102
c_popf_tf_at: popf
c_pushfd: pushfl
int40:  nop
int40_hlt: hlt
low_end:

# ---- data ----

    .code32
    .section .rodata
ok: .asciz "ok  "
bad: .asciz "BAD "
newline: .asciz "\n"

    .data
    .align 8
gdt:
    .quad 0, 0x00CF9A000000FFFF, 0x00CF92000000FFFF
    .word tss_end - tss - 1, 0      # base filled in
    .byte 0, 0x89, 0, 0
gdtr:
    .word gdtr - gdt - 1
    .long gdt
idtr:
    .word 256 * 8 - 1
    .long idt
tss:
    .long 0, stack, DATA
    .fill 22, 4, 0
    .word 0, tss_ports - tss
    # One bit for each INT: 41h goes to the monitor, the others to the real-mode table.
    .fill 8, 1, 0
    .byte 2
    .fill 23, 1, 0
tss_ports:                          # ports 0-1FFh: denied but 60h
    .fill 12, 1, 0xFF
    .byte 0xFE
    .fill 51, 1, 0xFF
    .byte 0xFF
tss_end:
failed: .byte 0

    .bss
    .align 4096
page_dir: .skip 4096
page_table: .skip 4096
idt: .skip 2048
got_vector: .skip 4
got_error: .skip 4
got_eip: .skip 4
got_cs: .skip 4
got_flags: .skip 4
got_eax: .skip 4
got_ds: .skip 4
check_esp: .skip 4
    .skip 8192
stack:
