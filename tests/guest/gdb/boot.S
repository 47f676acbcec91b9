# A boot sector for GDB: counts at 500h, calls, and goes round through a segment whose base is not 0.
        .code16
        .globl _start, again, called, back, elsewhere
_start:
        xor     %ax, %ax
        mov     %ax, %ds
        mov     %ax, %ss
        mov     $0x7000, %sp
again:
        incw    0x500
        call    called
back:
        mov     %ax, 0x504
        ljmp    $0x7B0, $(elsewhere - _start + 0x100)
elsewhere:
        nop
        ljmp    $0, $again
called:
        inc     %ax
        ret
        .org    510
        .word   0xAA55
