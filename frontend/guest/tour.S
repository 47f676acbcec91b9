# tour.S - a tour of the machine: real mode, protected mode, paging, interrupts, a picture, the keyboard.
#
# This is a whole operating system in the sense that nothing is below it but the BIOS. It is written to be read.
# Start here: the boot sector. Then
#
#   screen.inc       how text gets on the screen (the same source serves 16-bit and 32-bit code)
#   shell.inc        title bar, keys, going from page to page, switching off
#   protect.inc      into protected mode and back; exceptions
#   stage1.inc       real mode; probe.inc: what is in this machine (memory, processor, PCI, drives)
#   stage2.inc       segment:offset, the A20 gate, the timer tick
#   stage3.inc       descriptors, and exceptions that we raise on purpose
#   stage4.inc       paging
#   stage5.inc       timer and interrupt controller by hand
#   stage6.inc       320 x 200 dots in 256 colours
#   stage7.inc       scan codes
#
# Any PC with a 386 or better, a VGA and a floppy drive runs it. Assemble with GNU as:
#   as --32 -I <root of the sources> tour.S -o tour.o;  ld -m elf_i386 -Ttext 0 --oformat binary tour.o -o tour.bin
#
# Where things are (linear addresses):
#   00400  variables of the BIOS        10000  this image, our segment 1000h
#   07C00  the BIOS puts the boot       18000  buffers (the rest of our segment), stack down from 1FFF0
#          sector here                  20000  page tables and pages of stage 4
#                                       B8000  text screen   A0000  picture

    .intel_syntax noprefix
    .arch i686
    .code16
    .text

    .equ TOUR_SEGMENT, 0x1000
    .equ TOUR_LINEAR, 0x10000
    .equ STACK_TOP, 0xFFF0

    # Buffers behind the image, offsets in our segment.
    .equ IDT, 0x8000                # 48 gates of 8 bytes
    .equ SECTOR, 0x8200             # what a drive says about itself, 512 bytes
    .equ MAP_ENTRY, 0x8400          # one entry of the BIOS's memory map

    .include "frontend/guest/macros.inc"

# ---------------------------------------------------------------------------------------------------------------------
# The boot sector. The BIOS reads the first 512 bytes of the disk to 0000:7C00, looks for the bytes 55 AA at their end
# and jumps there, the drive's number in DL. We have those 512 bytes to fetch the rest.
image:
    jmp short boot
    nop
    .org 0x3E                       # some BIOSes write a disk's parameters here
boot:
    cli                             # no interrupt while SS and SP do not belong together
    xor ax, ax
    mov ss, ax
    mov sp, 0x7C00
    sti
    cld
    jmp 0x07C0:1f                   # 07C0:0000 and 0000:7C00 are the same place: now labels count from 0
1:
    push cs
    pop ds
    mov [drive], dl
    mov si, offset loading
    call teletype

    mov ah, 8                       # int 13h, AH = 8: the drive's geometry
    xor di, di
    int 0x13
    jc 1f                           # keep the values of a 1.44 MB floppy
    and cl, 0x3F                    # sectors a track; the upper bits belong to the cylinder
    jz 1f
    mov [sectors_per_track], cl
    inc dh                          # the highest head's number
    mov [heads], dh
1:
    mov ax, TOUR_SEGMENT
    mov es, ax                      # every sector goes to ES:0000
    xor si, si                      # SI: its number from the start of the disk
next_sector:
    mov di, 3                       # a motor that still spins up deserves three tries
try:
    mov ax, si
    div byte ptr [sectors_per_track] # AL track, AH sector in it
    mov cl, ah
    inc cl                          # sectors count from 1
    xor ah, ah
    div byte ptr [heads]            # AL cylinder, AH head
    mov ch, al
    mov dh, ah
    mov dl, [drive]
    xor bx, bx
    mov ax, 0x0201                  # read one sector
    int 0x13
    jnc 1f
    xor ah, ah                      # reset the drive
    int 0x13
    dec di
    jnz try
    mov si, offset unreadable
    call teletype
    cli
    hlt
1:
    mov ax, es
    add ax, 512 / 16
    mov es, ax
    inc si
    cmp si, (image_end - image + 511) / 512
    jb next_sector
    jmp TOUR_SEGMENT:main

# Prints the text at DS:SI through the BIOS.
teletype:
    lodsb
    test al, al
    jz 1f
    mov ah, 0x0E
    mov bx, 0x0007
    int 0x10
    jmp teletype
1:
    ret

drive:
    .byte 0
sectors_per_track:
    .byte 18
heads:
    .byte 2
loading:
    .asciz "Ombra: loading the tour of the machine\r\n"
unreadable:
    .asciz "This disk cannot be read.\r\n"

    .org 510
    .byte 0x55, 0xAA

# ---------------------------------------------------------------------------------------------------------------------
# The rest, at 1000:0200. CS = DS = SS = 1000h wherever real-mode code runs below.
main:
    cli
    mov ax, cs
    mov ds, ax
    mov es, ax
    mov ss, ax
    mov esp, STACK_TOP
    sti
    jmp shell

    .include "frontend/guest/screen.inc"
    .include "frontend/guest/shell.inc"
    .include "frontend/guest/protect.inc"
    .include "frontend/guest/probe.inc"
    .include "frontend/guest/stage1.inc"
    .include "frontend/guest/stage2.inc"
    .include "frontend/guest/stage3.inc"
    .include "frontend/guest/stage4.inc"
    .include "frontend/guest/stage5.inc"
    .include "frontend/guest/stage6.inc"
    .include "frontend/guest/stage7.inc"

    .balign 4
image_end:
