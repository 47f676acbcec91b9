/*
 * runner_entry.S - the way into a native case and out of it again. 32-bit, freestanding.
 *
 * run_case() loads the whole state of struct run_state `state` and jumps to the case. It returns 0 when the case came to
 * ORACLE_EXIT (the state afterwards is in `state`), 1 when a signal handler left through run_abort().
 */
#include "proto.h"

/* struct run_state in runner.c */
#define IN_FX state
#define OUT_FX state + 512
#define REGS state + 1024 /* EAX ECX EDX EBX ESP EBP ESI EDI */
#define FLAGS state + 1056
#define SELS state + 1060 /* ES CS SS DS FS GS, 16 bits each */
#define TARGET state + 1072 /* offset, selector */
#define STACK state + 1080 /* ESP, SS */
#define SAVED_ESP state + 1088
#define FLAT state + 1092
#define ENVIRONMENT state + 1096

    .text
    .globl run_case
run_case:
    push %ebp
    push %ebx
    push %esi
    push %edi
    mov %esp, SAVED_ESP
    fxrstor IN_FX
    mov SELS + 0, %es
    mov SELS + 8, %fs
    mov SELS + 10, %gs
    pushl FLAGS
    popfl
    mov REGS + 0, %eax
    mov REGS + 4, %ecx
    mov REGS + 8, %edx
    mov REGS + 12, %ebx
    mov REGS + 20, %ebp
    mov REGS + 24, %esi
    mov REGS + 28, %edi
    lss STACK, %esp
    mov SELS + 6, %ds
    ljmp *%cs:TARGET

    .globl run_exit
run_exit:
    mov %cs:FLAT, %ds
    mov %eax, REGS + 0
    mov %ecx, REGS + 4
    mov %edx, REGS + 8
    mov %ebx, REGS + 12
    mov %esp, REGS + 16
    mov %ebp, REGS + 20
    mov %esi, REGS + 24
    mov %edi, REGS + 28
    mov %es, SELS + 0
    mov %ss, SELS + 4
    mov %fs, SELS + 8
    mov %gs, SELS + 10
    mov FLAT, %ss
    mov SAVED_ESP, %esp
    pushfl
    popl FLAGS
    fxsave OUT_FX
    fnstenv ENVIRONMENT /* has the pointers even where FXSAVE leaves them out */
    xor %eax, %eax
    jmp leave

/* From the signal handler, which runs on the alternate stack. */
    .globl run_abort
run_abort:
    mov $1, %eax
leave:
    pushl $2
    popfl
    mov FLAT, %es
    mov FLAT, %ss
    mov SAVED_ESP, %esp
    pop %edi
    pop %esi
    pop %ebx
    pop %ebp
    ret

/* Signals come here with the case's flags. */
    .globl signal_entry
signal_entry:
    pushl $2
    popfl
    jmp signal_handler

/* Never used: no handler returns. */
    .globl signal_restorer
signal_restorer:
    ud2

/* int syscall6(n, a, b, c, d, e, f) */
    .globl syscall6
syscall6:
    push %ebp
    push %ebx
    push %esi
    push %edi
    mov 20(%esp), %eax
    mov 24(%esp), %ebx
    mov 28(%esp), %ecx
    mov 32(%esp), %edx
    mov 36(%esp), %esi
    mov 40(%esp), %edi
    mov 44(%esp), %ebp
    int $0x80
    pop %edi
    pop %esi
    pop %ebx
    pop %ebp
    ret

    .globl _start
_start:
    mov $stack_top, %esp
    call runner_main
    ud2

    .bss
    .balign 64
    .skip 65536
stack_top:

    .section .note.GNU-stack, "", @progbits
