/*
 * loops.S - guest loops for golden host code. Each begins with BEGIN name, bits, "what it is" and ends with END, which adds
 * a HLT.
 *
 * Code is at 10000h (16 bits: 8000h) and must not know where the host has it: addresses are AT(label). Data from 40000h on,
 * all zeros at first; the rest of the code's page is HLTs. Selector 40h has 4 KiB at 40000h.
 */
    .macro BEGIN name, bits, text
    .section .data.rel.ro, "aw"
    .pushsection golden_loops, "aw"
    .quad 1f, 2f, 3f, 4f, \bits
    .popsection
    .pushsection .rodata.str1.1, "aMS", @progbits, 1
3:  .string "\name"
4:  .string "\text"
    .popsection
    .set base, (\bits - 16) / 16 * 0x8000 + 0x8000
    .if \bits == 32
    .code32
    .else
    .code16
    .endif
1:
    .set begins, .
    .endm

    .macro END
    hlt
2:
    .endm

#define AT(label) (label - begins + base)
    .intel_syntax noprefix

BEGIN copy, 32, "doublewords from one place to another"
    mov ecx, 100
    mov esi, 0x40000
    mov edi, 0x41000
10: mov eax, [esi]
    mov [edi], eax
    add esi, 4
    add edi, 4
    dec ecx
    jnz 10b
END

BEGIN checksum, 32, "bytes rotated into a sum"
    mov ecx, 100
    mov esi, 0x40000
    xor edx, edx
10: movzx eax, byte ptr [esi]
    rol edx, 5
    add edx, eax
    inc esi
    dec ecx
    jnz 10b
END

BEGIN sort, 32, "inner loop of an insertion sort"
    mov edx, 0x40200
    mov eax, -1
10: mov ecx, [edx - 4]
    cmp ecx, eax
    jle 20f
    mov [edx], ecx
    sub edx, 4
    cmp edx, 0x40008
    jnz 10b
20: mov [edx], eax
END

BEGIN nbody_sse2, 32, "attraction of two bodies, SSE2"
    mov ecx, 100
    mov esi, 0x40000
    mov edi, 0x40100
    mov eax, 0x3FF00000
    mov [esi + 4], eax
10: movsd xmm0, [esi]
    subsd xmm0, [edi]
    movsd xmm1, [esi + 8]
    subsd xmm1, [edi + 8]
    movapd xmm2, xmm0
    movapd xmm3, xmm1
    mulsd xmm2, xmm0
    mulsd xmm3, xmm1
    addsd xmm2, xmm3
    sqrtsd xmm3, xmm2
    mulsd xmm3, xmm2
    movsd xmm4, [esi + 24]
    divsd xmm4, xmm3
    mulsd xmm0, xmm4
    movsd xmm5, [edi + 32]
    addsd xmm5, xmm0
    movsd [edi + 32], xmm5
    dec ecx
    jnz 10b
END

BEGIN nbody_x87, 32, "the same with x87"
    mov ecx, 100
    mov esi, 0x40000
    mov edi, 0x40100
    mov dword ptr [esi + 4], 0x3FF00000
10: fld qword ptr [esi]
    fsub qword ptr [edi]
    fld qword ptr [esi + 8]
    fsub qword ptr [edi + 8]
    fld st(1)
    fmul st, st(2)
    fld st(1)
    fmul st, st(2)
    faddp
    fld st(0)
    fsqrt
    fmulp
    fdivr qword ptr [esi + 24]
    fmul st(2), st
    fmulp
    fadd qword ptr [edi + 40]
    fstp qword ptr [edi + 40]
    fadd qword ptr [edi + 32]
    fstp qword ptr [edi + 32]
    dec ecx
    jnz 10b
END

BEGIN memchr, 32, "a byte that is not there"
    mov ecx, 100
    mov edx, 0x40000
    mov al, 'x'
10: cmp [edx], al
    je 20f
    inc edx
    dec ecx
    jnz 10b
20:
END

BEGIN strlen, 32, "bytes up to a zero, with an index"
    mov edi, 0x10200
    xor eax, eax
10: cmp byte ptr [edi + eax], 0
    lea eax, [eax + 1]
    jne 10b
END

BEGIN bytecode, 32, "an interpreter: three operations, each ends with an indirect jump"
    mov dword ptr [0x41000], offset AT(20f)
    mov dword ptr [0x41004], offset AT(30f)
    mov dword ptr [0x41008], offset AT(40f)
    mov ebx, 50
    mov dword ptr [0x40000], 0x02010100
10: mov esi, 0x40000
    movzx eax, byte ptr [esi]
    jmp [eax * 4 + 0x41000]
20: add edx, 7
    inc esi
    movzx eax, byte ptr [esi]
    jmp [eax * 4 + 0x41000]
30: xor edx, ecx
    inc esi
    movzx eax, byte ptr [esi]
    jmp [eax * 4 + 0x41000]
40: dec ebx
    jnz 10b
END

BEGIN call, 32, "a call and its return"
    mov ecx, 100
    jmp 10f
20: add eax, [esp + 4]
    ret
10: push ecx
    call 20b
    pop edx
    dec ecx
    jnz 10b
END

BEGIN frame, 32, "a function with a frame and saved registers"
    mov ebx, 100
    jmp 10f
20: push ebp
    mov ebp, esp
    push esi
    push edi
    mov esi, [ebp + 8]
    lea edi, [esi + esi * 2]
    mov eax, edi
    pop edi
    pop esi
    leave
    ret
10: push ebx
    call 20b
    add esp, 4
    dec ebx
    jnz 10b
END

BEGIN virtual, 32, "calls by way of an object's table"
    mov esi, 0x40000
    mov dword ptr [esi], 0x40100
    mov dword ptr [0x40108], offset AT(20f)
    mov ebx, 100
    jmp 10f
20: mov eax, [ecx + 4]
    ret
10: mov ecx, esi
    mov eax, [ecx]
    call [eax + 8]
    dec ebx
    jnz 10b
END

BEGIN wide, 32, "64-bit numbers: added, multiplied by 32 bits"
    mov ecx, 100
    mov ebx, 3
    mov esi, 1
    xor edi, edi
10: mov eax, esi
    mul ebx
    mov ebp, edx
    add eax, 5
    adc ebp, 0
    imul edi, ebx
    add edi, ebp
    mov esi, eax
    dec ecx
    jnz 10b
END

BEGIN adc, 32, "a number of many words added to another"
    mov ecx, 100
    mov esi, 0x40000
    mov edi, 0x41000
    clc
10: mov eax, [esi]
    adc [edi], eax
    lea esi, [esi + 4]
    lea edi, [edi + 4]
    dec ecx
    jnz 10b
END

BEGIN bignum, 32, "a number of many words multiplied by one and added"
    mov ecx, 100
    mov esi, 0x40000
    mov edi, 0x41000
    xor ebp, ebp
    mov ebx, 0x12345
10: mov eax, [esi]
    mul ebx
    add eax, ebp
    adc edx, 0
    add [edi], eax
    adc edx, 0
    mov ebp, edx
    add esi, 4
    add edi, 4
    dec ecx
    jnz 10b
END

BEGIN saxpy, 32, "a * x + y, four at a time"
    mov ecx, 100
    mov esi, 0x40000
    mov edi, 0x41000
    xorps xmm2, xmm2
10: movaps xmm0, [esi]
    mulps xmm0, xmm2
    addps xmm0, [edi]
    movaps [edi], xmm0
    add esi, 16
    add edi, 16
    dec ecx
    jnz 10b
END

BEGIN dot_x87, 32, "sum of products, x87"
    mov ecx, 100
    mov esi, 0x40000
    mov edi, 0x41000
    fldz
10: fld qword ptr [esi]
    fmul qword ptr [edi]
    faddp
    add esi, 8
    add edi, 8
    dec ecx
    jnz 10b
    fstp qword ptr [edi]
END

BEGIN crc, 32, "bits shifted out, a polynomial"
    mov ecx, 200
    mov eax, 0x12345678
10: shr eax, 1
    jnc 20f
    xor eax, 0xEDB88320
20: dec ecx
    jnz 10b
END

BEGIN hash, 32, "multiplied, shifted, masked, counted in a table"
    mov ecx, 100
10: imul eax, ecx, 0x9E3779B1
    shr eax, 20
    and eax, 0xFF
    inc dword ptr [eax * 4 + 0x40000]
    dec ecx
    jnz 10b
END

BEGIN list, 32, "pointers followed"
    mov dword ptr [0x40000], 0x40010
    mov dword ptr [0x40010], 0x40020
    mov dword ptr [0x40020], 0x40000
    mov ecx, 100
    mov eax, 0x40000
10: mov eax, [eax]
    dec ecx
    jnz 10b
END

BEGIN sieve, 32, "bits set in a string of bits"
    mov ecx, 100
    xor eax, eax
10: bts ebx, eax
    jc 20f
    add edx, 1
20: add eax, 3
    dec ecx
    jnz 10b
END

BEGIN gcd, 32, "divisions"
    mov ecx, 50
10: mov eax, 1071
    mov ebx, 462
20: xor edx, edx
    div ebx
    mov eax, ebx
    mov ebx, edx
    test ebx, ebx
    jnz 20b
    dec ecx
    jnz 10b
END

BEGIN choose, 32, "the greatest, and how many were less: CMOVcc, SETcc"
    mov ecx, 100
    mov esi, 0x40000
    xor ebx, ebx
    xor edx, edx
10: mov eax, [esi]
    cmp eax, ebx
    cmovg ebx, eax
    setl al
    movzx eax, al
    add edx, eax
    add esi, 4
    dec ecx
    jnz 10b
END

BEGIN string, 32, "LODSB, STOSB"
    mov ecx, 100
    mov esi, 0x40000
    mov edi, 0x41000
10: lodsb
    add al, 1
    stosb
    dec ecx
    jnz 10b
END

BEGIN rep, 32, "short copies by REP MOVSD"
    mov ebx, 100
10: mov esi, 0x40000
    mov edi, 0x41000
    mov ecx, 8
    rep movsd
    dec ebx
    jnz 10b
END

BEGIN cmpxchg, 32, "a lock taken and given back"
    mov ecx, 100
    mov edx, 1
    mov ebx, 0x40000
10: xor eax, eax
    lock cmpxchg [ebx], edx
    jnz 20f
    mov dword ptr [ebx], 0
20: dec ecx
    jnz 10b
END

BEGIN mmx, 32, "bytes added with saturation"
    mov ecx, 100
    mov esi, 0x40000
    mov edi, 0x41000
10: movq mm0, [esi]
    paddusb mm0, [edi]
    movq [edi], mm0
    add esi, 8
    add edi, 8
    dec ecx
    jnz 10b
    emms
END

BEGIN segment, 32, "a segment that is not flat: its own data by FS"
    mov ecx, 100
    mov eax, 0x40
    mov fs, eax
10: mov eax, fs:[0x10]
    add eax, ecx
    mov fs:[0x14], eax
    dec ecx
    jnz 10b
END

BEGIN beside, 32, "a count that lies beside the code"
    mov ecx, 400
    jmp 10f
20: .long 0
10: inc dword ptr [AT(20b)]
    dec ecx
    jnz 10b
END

BEGIN far_jump, 32, "a call of code on another page"
    mov byte ptr [0x12000], 0xC3
    mov ebx, 100
    mov edx, 0x12000
10: call edx
    dec ebx
    jnz 10b
END

BEGIN real, 16, "a 16-bit loop: words summed, in real mode"
    mov cx, 100
    mov si, 0x4000
    xor ax, ax
10: add ax, [si]
    mov [si + 0x200], ax
    add si, 2
    dec cx
    jnz 10b
END

BEGIN real_call, 16, "a 16-bit function with an argument, LOOP"
    mov cx, 100
    jmp 10f
20: push bp
    mov bp, sp
    mov ax, [bp + 4]
    inc ax
    pop bp
    ret 2
10: push cx
    call 20b
    loop 10b
END

    .section .note.GNU-stack, "", @progbits
