/*
 * test_explain.c - the sentences of frontend/step/explain.c: about 200 instructions word by word, a template for every
 * row of isa.def, and random instructions in random states.
 */
#include "frontend/step/words.h"
#include "step_rig.h"

static const struct {
    unsigned bits;
    const char *code, *setup, *want;
} cases[] = {
    /* clang-format off */
    {16, "01 D8", "",
     "ADD adds 0Ch (BX) to AX, which is 12h; sets OF SF ZF AF PF CF."},
    {16, "01 07", "100C=12",
     "ADD adds 12h (AX) to the word at DS:000Ch, which is 12h; sets OF SF ZF AF PF CF."},
    {16, "F6 E9", "eax=fe ecx=3",
     "IMUL multiplies -2 (AL) by 3 (CL), both signed, into AX; sets OF CF and leaves SF ZF AF PF undefined."},
    {16, "F6 F1", "eax=ffff ecx=1",
     "DIV divides FFFFh (AX) by 1 (CL), both unsigned: quotient to AL, remainder to AH; the quotient does not fit: this will raise #DE."},
    {16, "D4 0A", "",
     "AAM splits 12h (AL) into digits of base 10: AH gets the quotient, AL the remainder; sets SF ZF PF and leaves OF AF CF undefined."},
    {16, "37", "",
     "AAA corrects 12h (AL) after adding unpacked decimal digits; a carry goes to AH; sets AF CF and leaves OF SF ZF PF undefined."},
    {16, "A1 34 12", "2234=beef",
     "MOV copies BEEFh (the word at DS:1234h) to AX."},
    {16, "26 88 07", "",
     "MOV copies 12h (AL) to the byte at ES:000Ch."},
    {16, "8D 40 FE", "",
     "LEA puts the offset 4Ah (BX + SI - 2) into AX; memory is not touched."},
    {16, "D7", "101E=41",
     "XLATB loads AL with 41h (the byte at DS:001Eh), entry 12h (AL) of the table."},
    {16, "98", "eax=80",
     "CBW widens AL to AX, filling up with copies of the sign of AL."},
    {16, "50", "",
     "PUSH puts 12h (AX) on the stack, at SS:0FEEh."},
    {16, "9C", "",
     "PUSHF puts the flags, 202h, on the stack, at SS:0FEEh."},
    {16, "9D", "0FF0=0202",
     "POPF takes all flags that CPL 0 may change from the stack: 202h (the word at SS:0FF0h)."},
    {16, "FB", "",
     "STI sets IF, which is 1: interrupts are taken after the next instruction."},
    {16, "EB FE", "",
     "JMP goes on at 7C00h."},
    {16, "C3", "0FF0=1234",
     "RET takes 1234h (the word at SS:0FF0h) from the stack and goes on there."},
    {16, "C2 04 00", "0FF0=1234",
     "RET takes 1234h (the word at SS:0FF0h) from the stack, drops 4 more bytes and goes on there."},
    {16, "7C 10", "sf=1",
     "SF is 1 and OF is 0 (less), so JL jumps to 7C12h."},
    {16, "E2 F0", "ecx=1",
     "LOOP counts CX down from 1 to 0, so it does not jump; 7C02h comes next."},
    {16, "E3 10", "",
     "CX is 5, so JCXZ does not jump to 7C12h; 7C02h comes next."},
    {16, "EA 00 00 00 F0", "",
     "LJMP goes on at F000h:0000h."},
    {16, "CB", "0FF0=00701234",
     "RETF takes an address and CS from the stack at SS:0FF0h and goes on at 0070h:1234h."},
    {16, "CD 21", "",
     "INT calls interrupt 21h: the vector at 00084h leads to 0070h:1234h."},
    {16, "CF", "0FF0=00701234 0FF4=0202",
     "IRET takes an address, CS and the flags from the stack at SS:0FF0h and goes on at 0070h:1234h with flags 202h."},
    {16, "A4", "1040=41",
     "MOVSB copies 41h (the byte at DS:0040h) to the byte at ES:0080h and adds 1 to SI and DI."},
    {16, "F3 A4", "1040=41",
     "REP MOVSB does this 5 times (CX): copies 41h (the byte at DS:0040h) to the byte at ES:0080h and adds 1 to SI and DI."},
    {16, "F3 AA", "ecx=0",
     "CX is 0, so REP STOSB does nothing."},
    {16, "E4 60", "",
     "IN reads port 60h into AL."},
    {16, "EE", "",
     "OUT writes 12h (AL) to port 3F8h (DX)."},
    {16, "8E D8", "",
     "MOV loads DS with 12h (AX): base 00120h."},
    {16, "07", "0FF0=b800",
     "POP takes B800h (the word at SS:0FF0h) from the stack into ES: base B8000h."},
    {16, "C4 07", "100C=b8000123",
     "LES loads AX and ES with the far pointer in the dword at DS:000Ch: B800h:0123h."},
    {16, "0F 00 D8", "",
     "LTR makes 12h (AX) the task register: base 00120h; it exists in protected mode only: this will raise #UD."},
    {16, "0F 1F 00", "",
     "NOP does nothing."},
    {32, "01 1D 0C 10 00 00", "ebx=5 100C=12",
     "ADD adds 5 (EBX) to the dword at DS:0000100Ch, which is 12h; sets OF SF ZF AF PF CF."},
    {32, "01 1D 0C 10 00 00", "ebx=5 cr0=80000000",
     "ADD adds 5 (EBX) to the dword at DS:0000100Ch, which is 0; sets OF SF ZF AF PF CF."},
    {32, "01 1D FD FF FF FF", "ebx=5",
     "ADD adds 5 (EBX) to the dword at DS:FFFFFFFDh; DS:FFFFFFFDh: DS ends before that: this will raise #GP(0)."},
    {32, "53", "ebx=5 esp=3",
     "PUSH puts 5 (EBX) on the stack, at SS:FFFFFFFFh; SS:FFFFFFFFh: SS ends before that: this will raise #SS(0)."},
    {32, "01 1D 0C 10 20 00", "ebx=5 cr0=80000000",
     "ADD adds 5 (EBX) to the dword at DS:0020100Ch; DS:0020100Ch is not mapped: this will raise #PF."},
    {32, "83 C0 FF", "",
     "ADD adds FFFFFFFFh (-1) to EAX, which is 12h; sets OF SF ZF AF PF CF."},
    {32, "11 D8", "cf=1",
     "ADC adds 0Ch (EBX) and CF, which is 1, to EAX, which is 12h; sets OF SF ZF AF PF CF."},
    {32, "19 D8", "cf=1",
     "SBB subtracts 0Ch (EBX) and CF, which is 1, from EAX, which is 12h; sets OF SF ZF AF PF CF."},
    {32, "21 D8", "",
     "AND keeps only the bits of 0Ch (EBX) in EAX, which is 12h; sets OF SF ZF PF CF and leaves AF undefined."},
    {32, "0C 80", "",
     "OR sets every bit of 80h in AL, which is 12h; sets OF SF ZF PF CF and leaves AF undefined."},
    {32, "31 C0", "",
     "XOR sets EAX to 0: every bit is XORed with itself; sets OF SF ZF PF CF and leaves AF undefined."},
    {32, "31 C8", "",
     "XOR inverts every bit of 5 (ECX) in EAX, which is 12h; sets OF SF ZF PF CF and leaves AF undefined."},
    {32, "29 C0", "",
     "SUB sets EAX to 0: the number minus itself; sets OF SF ZF AF PF CF."},
    {32, "39 C8", "",
     "CMP compares 12h (EAX) with 5 (ECX): subtracts and keeps only the flags; sets OF SF ZF AF PF CF."},
    {32, "85 C0", "",
     "TEST looks at the bits that 12h (EAX) and 12h (EAX) have in common; sets OF SF ZF PF CF and leaves AF undefined."},
    {32, "C1 E0 03", "",
     "SHL shifts 12h (EAX) left by 3 bits; the last bit out goes to CF; sets SF ZF PF CF and leaves OF AF undefined."},
    {32, "D3 E8", "ecx=20",
     "SHR shifts 12h (EAX) right by 0 bits (CL), zeros come in; the last bit out goes to CF; a count of 0 changes no flag."},
    {32, "D1 F8", "eax=fffffff0",
     "SAR shifts -16 (EAX) right by 1 bit and keeps the sign; the last bit out goes to CF; sets OF SF ZF PF CF and leaves AF undefined."},
    {32, "D0 D0", "cf=1",
     "RCL rotates 12h (AL) left by 1 bit through CF, which is 1; sets OF CF."},
    {32, "0F A4 D0 04", "",
     "SHLD shifts 12h (EAX) left by 4 bits; the top bits of 3F8h (EDX) come in; sets SF ZF PF CF and leaves OF AF undefined."},
    {32, "40", "",
     "INC adds 1 to EAX, which is 12h; CF stays; sets OF SF ZF AF PF."},
    {32, "FE 05 00 10 00 00", "1000=ff",
     "INC adds 1 to the byte at DS:00001000h, which is FFh; CF stays; sets OF SF ZF AF PF."},
    {32, "F7 D8", "",
     "NEG changes the sign of EAX, which is 12h; sets OF SF ZF AF PF CF."},
    {32, "F7 D0", "",
     "NOT inverts every bit of EAX, which is 12h."},
    {32, "F7 E1", "",
     "MUL multiplies 12h (EAX) by 5 (ECX), both unsigned, into EDX:EAX; sets OF CF and leaves SF ZF AF PF undefined."},
    {32, "69 C1 00 01 00 00", "",
     "IMUL multiplies 5 (ECX) by 256, both signed, into EAX; sets OF CF and leaves SF ZF AF PF undefined."},
    {32, "F7 F1", "edx=0 eax=64",
     "DIV divides 64h (EDX:EAX) by 5 (ECX), both unsigned: quotient to EAX, remainder to EDX; leaves OF SF ZF AF PF CF undefined."},
    {32, "F7 F1", "ecx=0",
     "DIV divides 3F800000012h (EDX:EAX) by 0 (ECX), both unsigned: quotient to EAX, remainder to EDX; division by zero: this will raise #DE."},
    {32, "F7 F9", "edx=ffffffff eax=ffffff9c ecx=7",
     "IDIV divides -100 (EDX:EAX) by 7 (ECX), both signed: quotient to EAX, remainder to EDX; leaves OF SF ZF AF PF CF undefined."},
    {32, "D4 00", "",
     "AAM splits 12h (AL) into digits of base 0: AH gets the quotient, AL the remainder; division by zero: this will raise #DE."},
    {32, "0F A3 C8", "eax=20",
     "BT copies bit 5 of 20h (EAX) to CF; sets CF and leaves OF SF AF PF undefined."},
    {32, "0F AB 0D 00 10 00 00", "ecx=45",
     "BTS copies bit 5 of 0 (the dword at DS:00001008h) to CF and sets it; sets CF and leaves OF SF AF PF undefined."},
    {32, "0F BC C1", "",
     "BSF puts the number of the lowest set bit of 5 (ECX) into EAX; sets ZF and leaves OF SF AF PF CF undefined."},
    {32, "0F BC C1", "ecx=0",
     "BSF finds no set bit in 0 (ECX): ZF becomes 1 and EAX stays; sets ZF and leaves OF SF AF PF CF undefined."},
    {32, "0F B1 0D 00 10 00 00", "1000=12",
     "CMPXCHG finds 12h (EAX) in the dword at DS:00001000h and stores 5 (ECX) there; sets OF SF ZF AF PF CF."},
    {32, "0F B1 0D 00 10 00 00", "1000=13",
     "CMPXCHG finds 13h (the dword at DS:00001000h), not 12h (EAX), and loads it into EAX; sets OF SF ZF AF PF CF."},
    {32, "F0 0F C1 05 00 10 00 00", "1000=7",
     "LOCK XADD adds 12h (EAX) to the dword at DS:00001000h, which is 7; the old value goes to EAX; sets OF SF ZF AF PF CF."},
    {32, "0F C7 0D 00 10 00 00", "",
     "CMPXCHG8B finds 0 (the qword at DS:00001000h), not EDX:EAX, and loads it into EDX:EAX; sets ZF."},
    {32, "89 C3", "",
     "MOV copies 12h (EAX) to EBX."},
    {32, "B8 78 56 34 12", "",
     "MOV puts 12345678h into EAX."},
    {32, "C7 45 FC FF FF FF FF", "",
     "MOV puts FFFFFFFFh (-1) into the dword at SS:00001004h."},
    {32, "0F B6 C1", "",
     "MOVZX copies 5 (CL) to EAX and fills up with zeros."},
    {32, "0F BE C1", "ecx=80",
     "MOVSX copies -128 (CL) to EAX and fills up with copies of its sign."},
    {32, "8D 44 8B 08", "",
     "LEA puts the offset 28h (EBX + ECX*4 + 8) into EAX; memory is not touched."},
    {32, "87 D8", "",
     "XCHG exchanges 12h (EAX) and 0Ch (EBX)."},
    {32, "0F C8", "",
     "BSWAP reverses the order of the bytes of EAX, which is 12h."},
    {32, "98", "",
     "CWDE widens AX to EAX, filling up with copies of the sign of AX."},
    {32, "99", "",
     "CDQ fills EDX with copies of the sign of 12h (EAX)."},
    {32, "6A FF", "",
     "PUSH puts FFFFFFFFh (-1) on the stack, at SS:00000FFCh."},
    {32, "FF 35 00 10 00 00", "",
     "PUSH puts 0 (the dword at DS:00001000h) on the stack, at SS:00000FFCh."},
    {32, "5B", "1000=12",
     "POP takes 12h (the dword at SS:00001000h) from the stack into EBX."},
    {32, "60", "",
     "PUSHAD puts all eight general registers on the stack; the last lands at SS:00000FE0h."},
    {32, "C8 10 00 00", "",
     "ENTER makes a stack frame: saves 1008h (EBP) at SS:00000FFCh, points EBP there and reserves 16 bytes."},
    {32, "C9", "1008=1100",
     "LEAVE gives up the stack frame: ESP goes to EBP, and EBP becomes 1100h (the dword at SS:00001008h)."},
    {32, "9E", "eax=d700",
     "SAHF copies D7h (AH) to SF ZF AF PF CF; sets SF ZF AF PF CF."},
    {32, "F5", "cf=1",
     "CMC inverts CF, which is 1."},
    {32, "FA", "",
     "CLI clears IF, which is 1: interrupts wait."},
    {32, "FA", "cpl=3",
     "CLI clears IF, which is 1: interrupts wait; CPL 3 is above IOPL 0: this will raise #GP(0)."},
    {32, "FC", "df=1",
     "CLD clears DF, which is 1: string instructions go up."},
    {32, "D6", "cf=1",
     "SALC fills AL with CF, which is 1."},
    {32, "E8 00 01 00 00", "",
     "CALL puts the address of the next instruction, 00007C05h, on the stack at SS:00000FFCh and goes on at 00007D05h."},
    {32, "FF E0", "",
     "JMP goes on at 12h (EAX)."},
    {32, "FF 15 00 10 00 00", "1000=8000",
     "CALL puts the next address, 00007C06h, on the stack at SS:00000FFCh and goes on at 8000h (the dword at DS:00001000h)."},
    {32, "74 10", "zf=1",
     "ZF is 1 (equal), so JZ jumps to 00007C12h."},
    {32, "74 10", "",
     "ZF is 0 (not equal), so JZ does not jump to 00007C12h; 00007C02h comes next."},
    {32, "72 10", "cf=1",
     "CF is 1 (below), so JB jumps to 00007C12h."},
    {32, "77 10", "cf=1",
     "CF is 1 and ZF is 0 (below or equal), so JA does not jump to 00007C12h; 00007C02h comes next."},
    {32, "7E 10", "sf=1 of=1",
     "ZF is 0, SF is 1 and OF is 1 (greater), so JLE does not jump to 00007C12h; 00007C02h comes next."},
    {32, "0F 8F 00 01 00 00", "",
     "ZF is 0, SF is 0 and OF is 0 (greater), so JG jumps to 00007D06h."},
    {32, "0F 94 C0", "zf=1",
     "ZF is 1 (equal), so SETZ sets AL to 1."},
    {32, "0F 44 C1", "zf=1",
     "ZF is 1 (equal), so CMOVZ copies 5 (ECX) to EAX."},
    {32, "0F 44 C1", "",
     "ZF is 0 (not equal), so CMOVZ reads 5 (ECX) and leaves EAX as it is."},
    {32, "E2 F0", "",
     "LOOP counts ECX down from 5 to 4, so it jumps to 00007BF2h."},
    {32, "E1 F0", "zf=0",
     "LOOPE counts ECX down from 5 to 4; ZF is 0, so it does not jump; 00007C02h comes next."},
    {32, "E3 10", "ecx=0",
     "ECX is 0, so JECXZ jumps to 00007C12h."},
    {32, "EA 34 12 00 00 08 00", "",
     "LJMP goes on at 0008h:00001234h, GDT entry 1, 32-bit code, readable, base 0, limit FFFFFFFFh, DPL 0."},
    {32, "9A 00 00 00 00 38 00", "",
     "LCALL puts CS and the next address on the stack and goes on at 0038h:00000000h, GDT entry 7, 32-bit call gate to 0008h:00001234h, DPL 3."},
    {32, "CD 20", "",
     "INT calls interrupt 20h: IDT entry 20h is a 32-bit interrupt gate to 0008h:C0105678h, DPL 0."},
    {32, "CD 20", "cpl=3",
     "INT calls interrupt 20h: IDT entry 20h is a 32-bit interrupt gate to 0008h:C0105678h, DPL 0; the gate's DPL does not let this CPL in: this will raise #GP(102h)."},
    {32, "CD 21", "",
     "INT calls interrupt 21h: IDT entry 21h is a 32-bit interrupt gate, not present, DPL 0; the gate is not present: this will raise #NP(10Ah)."},
    {32, "CD 80", "",
     "INT calls interrupt 80h: IDT entry 80h is no gate; the IDT ends before that: this will raise #GP(402h)."},
    {32, "CC", "cpl=3",
     "INT3 calls the breakpoint handler, interrupt 3: IDT entry 3 is a 32-bit trap gate to 0008h:C0109ABCh, DPL 3."},
    {32, "CE", "",
     "OF is 0, so INTO does nothing."},
    {32, "CE", "of=1",
     "OF is 1, so INTO calls the overflow handler, interrupt 4: IDT entry 4 is no gate; that is no gate for interrupts: this will raise #GP(22h)."},
    {32, "CF", "nt=1",
     "IRETD takes an address, CS and the flags from the stack at SS:00001000h and goes on at the task that called this one (NT is set)."},
    {32, "62 05 00 10 00 00", "1004=10",
     "BOUND checks that 18 (EAX) lies between the two limits in the qword at DS:00001000h: it does not; the number is out of bounds: this will raise #BR."},
    {32, "62 05 00 10 00 00", "1004=20",
     "BOUND checks that 18 (EAX) lies between the two limits in the qword at DS:00001000h: it does."},
    {32, "F3 A5", "df=1",
     "REP MOVSD does this 5 times (ECX): copies 0 (the dword at DS:00000040h) to the dword at ES:00000080h and subtracts 4 from SI and DI."},
    {32, "F2 AE", "",
     "REPNE SCASB does this up to 5 times (ECX), until ZF is 1: compares 12h (AL) with 0 (the byte at ES:00000080h) and adds 1 to DI; sets OF SF ZF AF PF CF."},
    {32, "F3 A6", "",
     "REPE CMPSB does this up to 5 times (ECX), until ZF is 0: compares 0 (the byte at DS:00000040h) with 0 (the byte at ES:00000080h) and adds 1 to SI and DI; sets OF SF ZF AF PF CF."},
    {32, "F3 6D", "",
     "REP INSD does this 5 times (ECX): reads port 3F8h (DX) into the dword at ES:00000080h and adds 4 to DI."},
    {32, "E4 60", "cpl=3",
     "IN reads port 60h into AL."},
    {32, "F1", "",
     "INT1 calls the debug handler, interrupt 1: IDT entry 1 is no gate; that is no gate for interrupts: this will raise #GP(Ah)."},
    {32, "0F 0B", "",
     "UD2 is no instruction, and will never be one; this will raise #UD."},
    {32, "0F FF C0", "",
     "UD0 is no instruction, and will never be one; this will raise #UD."},
    {32, "0F 05", "",
     "No instruction of this processor starts with these bytes; this will raise #UD."},
    {32, "8E D8", "eax=10",
     "MOV loads DS with 10h (AX): GDT entry 2, data, writable, base 0, limit FFFFFFFFh, DPL 0."},
    {32, "8E D8", "eax=0",
     "MOV loads DS with 0 (AX): the null selector."},
    {32, "8E D0", "eax=0",
     "MOV loads SS with 0 (AX): the null selector; SS cannot hold the null selector: this will raise #GP(0)."},
    {32, "8E D8", "eax=28",
     "MOV loads DS with 28h (AX): GDT entry 5, data, writable, not present, DPL 0; the segment is not present: this will raise #NP(28h)."},
    {32, "8E D8", "eax=48",
     "MOV loads DS with 48h (AX): beyond the end of the GDT; the table ends before that: this will raise #GP(48h)."},
    {32, "8E C8", "",
     "MOV loads CS with 12h (AX): GDT entry 2, data, writable, base 0, limit FFFFFFFFh, DPL 0; that register cannot be used so: this will raise #UD."},
    {32, "1F", "1000=23 cpl=3",
     "POP takes 23h (the dword at SS:00001000h) from the stack into DS: GDT entry 4, data, writable, base 0, limit FFFFFFFFh, DPL 3."},
    {32, "0F B2 05 00 10 00 00", "1000=9000 1004=20",
     "LSS loads EAX and SS with the far pointer in the 6 bytes at DS:00001000h: 0020h:00009000h, GDT entry 4, data, writable, base 0, limit FFFFFFFFh, DPL 3; the privilege levels do not allow it: this will raise #GP(20h)."},
    {32, "0F 00 D8", "eax=30",
     "LTR makes 30h (AX) the task register: GDT entry 6, 32-bit TSS, busy, base B00h, limit 67h, DPL 0; that is no free TSS: this will raise #GP(30h)."},
    {32, "0F 02 C1", "ecx=8",
     "LAR puts the access rights of the segment 8 (CX) into EAX: GDT entry 1, 32-bit code, readable, base 0, limit FFFFFFFFh, DPL 0; sets ZF."},
    {32, "0F 01 15 00 10 00 00", "1000=080003ff",
     "LGDT sets the GDT's limit and base from the 6 bytes at DS:00001000h: limit 03FFh, base 00000800h."},
    {32, "0F 01 E0", "",
     "SMSW stores the low half of CR0, 33h, in EAX."},
    {32, "0F 01 38", "",
     "INVLPG forgets the cached translation of the page of DS:00000012h."},
    {32, "0F 20 C0", "",
     "MOV copies 33h (CR0) to EAX."},
    {32, "0F 22 C0", "eax=80000011",
     "MOV sets CR0 to 80000011h (EAX): turns on PG; turns off MP NE."},
    {32, "0F 22 E0", "eax=230",
     "MOV sets CR4 to 230h (EAX): turns on PSE PAE."},
    {32, "0F 22 C0", "cpl=3",
     "MOV sets CR0 to 12h (EAX): turns off PE NE; it needs CPL 0 and CPL is 3: this will raise #GP(0)."},
    {32, "F4", "",
     "HLT stops the processor until an interrupt comes; IF is 1."},
    {32, "0F 32", "ecx=1b",
     "RDMSR puts model-specific register 1Bh (ECX), APIC base, into EDX:EAX."},
    {32, "0F A2", "eax=1",
     "CPUID describes the processor in EAX, EBX, ECX and EDX; EAX asks for leaf 1 (EAX)."},
    {32, "0F AA", "",
     "RSM leaves system management mode: all registers come back from memory; the processor is not in system management mode: this will raise #UD."},
    {32, "8B 00", "limit=10 eax=1000",
     "MOV copies 0 (the dword at DS:00001000h) to EAX; DS:00001000h: DS ends before that: this will raise #GP(0)."},
    {32, "8B 00", "null=1",
     "MOV copies 0 (the dword at DS:00000012h) to EAX; DS:00000012h: DS holds a null selector: this will raise #GP(0)."},
    {32, "89 00", "attr=d091",
     "MOV copies 12h (EAX) to the dword at DS:00000012h; DS:00000012h: DS is a read-only segment: this will raise #GP(0)."},
    {32, "8B 44 24 04", "1004=77",
     "MOV copies 77h (the dword at SS:00001004h) to EAX."},
    {32, "D9 C0", "",
     "FLD pushes ST(0) = 1.5: it becomes the new ST(0)."},
    {32, "D8 C1", "",
     "FADD adds ST(1) = -2 to ST(0) = 1.5."},
    {32, "DC 05 00 10 00 00", "1000=0 1004=40080000",
     "FADD adds 3 (the double at DS:00001000h) to ST(0) = 1.5."},
    {32, "D8 05 00 10 00 00", "1000=3dcccccd",
     "FADD adds 0.1 (the single at DS:00001000h) to ST(0) = 1.5."},
    {32, "DE C1", "",
     "FADDP adds ST(0) = 1.5 to ST(1) = -2 and pops."},
    {32, "DE E9", "",
     "FSUBP subtracts ST(0) = 1.5 from ST(1) = -2 and pops."},
    {32, "DF 05 00 10 00 00", "1000=fffe",
     "FILD pushes -2 (the 16-bit integer at DS:00001000h): it becomes the new ST(0)."},
    {32, "DB 1D 00 10 00 00", "",
     "FISTP rounds ST(0) = 1.5 to an integer, stores it in the 32-bit integer at DS:00001000h and pops."},
    {32, "DD 1D 00 10 00 00", "",
     "FSTP stores ST(0) = 1.5 in the double at DS:00001000h and pops."},
    {32, "D9 EB", "",
     "FLDPI pushes pi: it becomes the new ST(0)."},
    {32, "D9 FA", "",
     "FSQRT replaces ST(0) = 1.5 by its square root."},
    {32, "D9 CA", "",
     "FXCH exchanges ST(0) = 1.5 and ST(2) = empty."},
    {32, "DA C1", "cf=1",
     "CF is 1 (below), so FCMOVB copies ST(1) = -2 to ST(0)."},
    {32, "DF F1", "",
     "FCOMIP compares ST(0) = 1.5 with ST(1) = -2 and pops; ZF, PF and CF get the answer and OF, SF and AF 0."},
    {32, "D9 C0", "cr0=8",
     "FLD pushes ST(0) = 1.5: it becomes the new ST(0); TS is set in CR0: x87 belongs to another task: this will raise #NM."},
    {32, "D9 C0", "fsw=81",
     "FLD pushes ST(0) = 1.5: it becomes the new ST(0); an earlier floating-point exception is pending: this will raise #MF."},
    {32, "9B", "cr0=8",
     "WAIT waits for the floating-point unit; its pending exception is raised here; MP and TS are set in CR0: this will raise #NM."},
    {32, "D9 2D 00 10 00 00", "1000=37f",
     "FLDCW loads the control word with 37Fh (the word at DS:00001000h)."},
    {32, "DF E0", "",
     "FNSTSW stores the status word, 3000h, in AX."},
    {32, "DD 35 00 10 00 00", "",
     "FNSAVE stores the whole state of the floating-point unit in the 108 bytes at DS:00001000h and initializes it."},
    {32, "0F FD CA", "",
     "PADDW adds the 4 words of MM2 = [0001 0001 0001 0001] to those of MM1 = [0001 0002 0003 0004]."},
    {32, "0F EF C9", "",
     "PXOR sets MM1 to 0: every bit is XORed with itself."},
    {32, "0F 71 F1 04", "",
     "PSLLW shifts the 4 words of MM1 = [0001 0002 0003 0004] left by 4 bits."},
    {32, "0F 70 CA 1B", "",
     "PSHUFW puts words 3 2 1 0 of MM2 = [0001 0001 0001 0001] into MM1."},
    {32, "0F 6E C8", "",
     "MOVD copies 12h (EAX) to lane 0 of MM1 and clears the rest."},
    {32, "0F 77", "",
     "EMMS marks all floating-point registers as empty: MMX is done, x87 may go on."},
    {32, "66 0F FC CA", "",
     "PADDB adds the 16 bytes of XMM2 = [00 00 00 40 00 00 00 40 00 00 00 40 00 00 00 40] to those of XMM1 = [00 00 80 3F 00 00 C0 3F 00 00 00 40 00 00 40 40]."},
    {32, "66 0F D4 0D 00 10 00 00", "1000=1",
     "PADDQ adds the 2 qwords of the 16 bytes at DS:00001000h = [0000000000000001 0000000000000000] to those of XMM1 = [3FC000003F800000 4040000040000000]."},
    {32, "66 0F D4 0D 08 10 00 00", "",
     "PADDQ adds the 2 qwords of the 16 bytes at DS:00001008h = [0000000000000000 0000000000000000] to those of XMM1 = [3FC000003F800000 4040000040000000]; DS:00001008h is not a multiple of 16: this will raise #GP(0)."},
    {32, "66 0F 6F 0D 10 10 00 00", "",
     "MOVDQA copies the 16 bytes at DS:00001010h = [00000000 00000000 00000000 00000000] to XMM1."},
    {32, "0F 58 CA", "",
     "ADDPS adds the four singles of XMM2 = [2 2 2 2] to those of XMM1 = [1 1.5 2 3]."},
    {32, "0F 58 CA", "cr4=0",
     "ADDPS adds the four singles of XMM2 = [2 2 2 2] to those of XMM1 = [1 1.5 2 3]; OSFXSR is clear in CR4: SSE is not enabled: this will raise #UD."},
    {32, "F3 0F 58 CA", "",
     "ADDSS adds the low 32 bits of XMM2 = 2 to the low 32 bits of XMM1 = 1; the other lanes stay."},
    {32, "66 0F 58 CA", "",
     "ADDPD adds the two doubles of XMM2 = [2.000000477 2.000000477] to those of XMM1 = [0.1250000296 32.00000763]."},
    {32, "F2 0F 10 05 00 10 00 00", "1004=40080000",
     "MOVSD copies 3 (the double at DS:00001000h) to the low 64 bits of XMM0."},
    {32, "0F C6 CA 1B", "",
     "SHUFPS puts lanes 3 2 of XMM1 = [1 1.5 2 3] and lanes 1 0 of XMM2 = [2 2 2 2] into XMM1."},
    {32, "0F C2 CA 01", "",
     "CMPPS fills each lane of XMM1 = [1 1.5 2 3] with ones if it is less than XMM2 = [2 2 2 2], else zeros."},
    {32, "0F 2F CA", "",
     "COMISS compares the low 32 bits of XMM1 = 1 with the low 32 bits of XMM2 = 2; ZF, PF and CF get the answer and OF, SF and AF 0."},
    {32, "0F 16 CA", "",
     "MOVLHPS copies the low 64 bits of XMM2 = [2 2] to the high half of XMM1."},
    {32, "F3 0F 2A C8", "eax=fffffffe",
     "CVTSI2SS converts -2 (EAX) to a single in the low 32 bits of XMM1; the other lanes stay."},
    {32, "F3 0F 2C C9", "",
     "CVTTSS2SI converts the low 32 bits of XMM1 = 1 to an integer in ECX, chopped."},
    {32, "0F AE 05 00 10 00 00", "",
     "FXSAVE stores the state of x87, MMX and SSE in the 512 bytes at DS:00001000h."},
    {32, "0F AE 05 08 10 00 00", "",
     "FXSAVE stores the state of x87, MMX and SSE in the 512 bytes at DS:00001008h; DS:00001008h is not a multiple of 16: this will raise #GP(0)."},
    {32, "0F 18 00", "",
     "PREFETCHNTA hints that DS:00000012h will be used once."},
    /* clang-format on */
};

static void sentences(void **state)
{
    struct rig r;
    char got[EXPLAIN_SIZE];
    unsigned wrong = 0;
    rig_new(&r);
    for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
        rig_reset(&r, cases[i].bits);
        rig_setup(&r, cases[i].setup);
        rig_decode(&r, cases[i].code);
        explain_before(&r.x, got, sizeof got);
        if (strcmp(got, cases[i].want) == 0)
            continue;
        print_message("%s (%s)\n  got  %s\n  want %s\n", cases[i].code, cases[i].setup, got, cases[i].want);
        wrong++;
    }
    rig_delete(&r);
    assert_int_equal(wrong, 0);
}

/* ---- after the step ---- */

/* What CODE leaves behind, given as changes of state: "name=hex ..." as in the setups. */
static const struct {
    unsigned bits;
    const char *code, *setup, *changes;
    u32 ip;
    const char *want;
} differences[] = {
    {32, "90", "", "", RIG_IP + 1, "Nothing changed but the instruction pointer."},
    {32, "01 D8", "", "eax=1E pf=1", RIG_IP + 2, "EAX 12h -> 1Eh; PF set."},
    {32, "F9", "zf=1 sf=1", "zf=0 sf=0 cf=1", RIG_IP + 1, "CF set; SF ZF cleared."},
    {32, "01 1D 0C 10 00 00", "100C=12 ebx=5", "100C=17", RIG_IP + 6, "the dword at DS:0000100Ch 12h -> 17h."},
    {16, "F3 AA", "ecx=3", "2080=00121212 ecx=0 edi=83", RIG_IP + 2,
     "ECX 3 -> 0; EDI 80h -> 83h; the 3 bytes at ES:0080h written."},
    {32, "FD A4", "df=1", "", RIG_IP, "the same instruction comes again."},
    {32, "E8 00 01 00 00", "", "esp=0FFC 0FFC=7C05", RIG_IP + 0x105,
     "ESP 1000h -> FFCh; on the stack now: 7C05h; went on at 0008h:00007D05h."},
    {16, "60", "", "esp=0FE0 0FE0=00400080 0FE8=0005", RIG_IP + 1,
     "ESP FF0h -> FE0h; on the stack now: 80h 40h 0 0 5 0 0 0."},
    {32, "8E D8", "", "limit=FFF cpl=3", RIG_IP + 2, "DS now has base 0, limit FFFh; CPL 0 -> 3."},
    {32, "0F 22 C0", "", "cr0=80000000", RIG_IP + 3, "CR0 33h -> 80000033h."},
    {32, "DD D8", "", "top=7 fsw=41", RIG_IP + 2, "x87 TOP 6 -> 7; x87 status 0 -> 41h."},
    {32, "D9 E8", "", "empty=1F top=5", RIG_IP + 2, "x87 TOP 6 -> 5; ST(0) = 0."},
    {32, "0F EF C9", "", "mm1=7", RIG_IP + 3, "MM1 = [00000007 00000000]."},
    {32, "0F 58 CA", "", "xmm1=40000000", RIG_IP + 3, "XMM1 = [40000000 3FC00000 40000000 40400000]."},
};

static void changes(void **state)
{
    struct rig r;
    struct step_snapshot before, after;
    char got[EXPLAIN_SIZE];
    rig_new(&r);
    for (unsigned i = 0; i < ARRAY_LEN(differences); i++) {
        rig_reset(&r, differences[i].bits);
        rig_setup(&r, differences[i].setup);
        rig_decode(&r, differences[i].code);
        step_snapshot_before(&before, &r.x);
        rig_setup(&r, differences[i].changes);
        r.c->ip = differences[i].ip;
        step_snapshot_after(&after, &before, r.c, &r.x.peek);
        explain_after(&before, &after, got, sizeof got);
        assert_string_equal(got, differences[i].want);
    }
    rig_delete(&r);
}

/* ---- the table ---- */

static bool item_is_known(const struct explain *x, const char *s, size_t len)
{
    char scratch[EXPLAIN_SIZE];
    struct text t;
    const char *dot = memchr(s, '.', len);
    size_t name = dot ? (size_t)(dot - s) : len;
    text_init(&t, scratch, sizeof scratch);
    if (name == 2 && s[1] >= '1' && s[1] <= '9')
        return strchr("vmnprax", s[0]) != NULL;
    return word_say(x, &t, s, name, VALUE_B);
}

/* Every {item} of a template must be one; operands must exist in the row. */
static void check_template(const struct explain *x, const char *s)
{
    const struct isa_row *row = &isa_rows[x->insn->op];
    for (const char *at = s; (at = strchr(at, '{'));) {
        at++;
        if (*at == '?')
            continue;
        size_t len = strcspn(at, "}");
        if (!item_is_known(x, at, len))
            fail_msg("%s: no item {%.*s}", row->id, (int)len, at);
        if (at[1] >= '1' && at[1] <= '3' && row->operand[at[1] - '1'] == OPERAND_NO)
            fail_msg("%s has no operand %c", row->id, at[1]);
    }
}

static void every_row_has_a_template(void **state)
{
    struct rig r;
    char got[EXPLAIN_SIZE];
    rig_new(&r);
    for (unsigned op = 0; op < ISA_COUNT; op++) {
        const char *template = explain_template(op);
        if (!template)
            fail_msg("row %s has no template", isa_rows[op].id);
        for (unsigned mem = 0; mem < 2; mem++) {
            rig_reset(&r, 32);
            r.in = (struct insn){.op = (u16)op,
                                 .len = 3,
                                 .seg = SEG_DS,
                                 .opsize = 1,
                                 .adsize = 1,
                                 .mem = mem & 1,
                                 .base = REG_ZERO,
                                 .index = REG_ZERO};
            check_template(&r.x, template);
            explain_before(&r.x, got, sizeof got);
            assert_true(strlen(got) > 8);
            assert_null(strchr(got, '{'));
        }
    }
    assert_null(explain_template(ISA_COUNT));
    rig_delete(&r);
}

/* No template is for a mnemonic that no row has. */
static void every_template_has_a_row(void **state)
{
    static const char *const mnemonics[] = {
#define M(mnemonic, template) mnemonic,
#define R(row, template)
#include "frontend/step/explain.def"
#undef M
#undef R
    };
    for (unsigned i = 0; i < ARRAY_LEN(mnemonics); i++) {
        bool found = false;
        for (unsigned op = 0; op < ISA_COUNT && !found; op++)
            found = strcmp(isa_rows[op].mnemonic, mnemonics[i]) == 0;
        if (!found)
            fail_msg("no row is called %s", mnemonics[i]);
        for (unsigned j = 0; j < i; j++)
            assert_string_not_equal(mnemonics[i], mnemonics[j]);
    }
}

/* ---- lines ---- */

static void wraps(void **state)
{
    char got[64];
    assert_int_equal(text_wrap("one two three", 7, 3, got, sizeof got), 2);
    assert_string_equal(got, "one two\nthree");
    assert_int_equal(text_wrap("one two three four", 8, 2, got, sizeof got), 2);
    assert_string_equal(got, "one two\nthree...");
    assert_int_equal(text_wrap("", 8, 2, got, sizeof got), 0);
    assert_string_equal(got, "");
    assert_int_equal(text_wrap("abcdefghij", 4, 3, got, sizeof got), 3);
    assert_string_equal(got, "abcd\nefgh\nij");
    text_wrap("one two three", 7, 3, got, 6);
    assert_string_equal(got, "one t");
}

/* ---- anything ---- */

/* Memory that is there or not, by address. */
static bool random_peek(void *ctx, u64 addr, void *buf, unsigned len)
{
    u64 page = addr >> 12, seed = page ^ (uintptr_t)len;
    if (rig_random(&page) % 4 == 0)
        return false;
    for (unsigned i = 0; i < len; i++)
        ((u8 *)buf)[i] = (u8)rig_random(&seed);
    return true;
}

static void random_state(struct cpu *c, u64 *seed)
{
    struct segment *s = c->seg;
    for (unsigned i = 0; i < 16; i++)
        c->r[i] = rig_random(seed) >> 32 >> (c->r[(i + 1) & 15] & 31);
    for (unsigned i = 0; i < SEG_COUNT; i++)
        s[i] = (struct segment){.sel = (u16)rig_random(seed),
                                .attr = (u16)rig_random(seed),
                                .limit = (u32)rig_random(seed) >> (rig_random(seed) & 31),
                                .base = (u32)rig_random(seed),
                                .null = rig_random(seed) % 8 == 0};
    c->cr0 = (u32)rig_random(seed) & (u32)rig_random(seed);
    c->cr4 = rig_random(seed) & 0x7FF;
    c->cr3 = (u32)rig_random(seed);
    c->cpl = (u8)(rig_random(seed) & 3);
    c->stack32 = rig_random(seed) & 1;
    c->code_bits = rig_random(seed) & 1 ? 32 : 16;
    c->gdtr = (struct dtable){(u32)rig_random(seed), (u16)rig_random(seed)};
    c->idtr = (struct dtable){(u32)rig_random(seed), (u16)rig_random(seed)};
    c->ldtr = s[rig_random(seed) % SEG_COUNT];
    c->tr = s[rig_random(seed) % SEG_COUNT];
    for (unsigned i = 0; i < 8; i++) {
        c->fpu.st[i] = (struct f80){rig_random(seed), (u16)rig_random(seed)};
        c->xmm[i].q[0] = rig_random(seed);
        c->xmm[i].q[1] = rig_random(seed);
    }
    c->fpu.top = rig_random(seed) & 7;
    c->fpu.empty = (u8)rig_random(seed);
    c->fpu.sw = (u16)rig_random(seed) & 0xC7FF;
    c->mmu.pdpte[0] = rig_random(seed);
    cpu_set_eflags(c, (u32)rig_random(seed));
}

static bool random_insn(struct rig *r, u64 *seed)
{
    u8 code[INSN_MAX_LEN];
    struct decode_mode mode = {.decoder = r->decoder, .bits = r->c->code_bits};
    for (unsigned i = 0; i < sizeof code; i++)
        code[i] = (u8)rig_random(seed);
    if (rig_random(seed) & 1)
        code[0] = 0x0F;
    return decode(&mode, code, sizeof code, &r->in) == DECODE_OK;
}

/* Buffers are as large as they are said to be and from the heap, so that a byte too many is found. */
static void check_sentence(const struct explain *x, u64 *seed)
{
    size_t size = rig_random(seed) % 8 == 0 ? 1 + rig_random(seed) % EXPLAIN_SIZE : EXPLAIN_SIZE;
    char *text = malloc(size), lines[EXPLAIN_SIZE + EXPLAIN_LINES];
    explain_before(x, text, size);
    size_t len = strlen(text);
    assert_true(len < size);
    assert_null(strchr(text, '{'));
    if (size == EXPLAIN_SIZE) {
        assert_true(len + 1 < size && text[len - 1] == '.');
        assert_true(text_wrap(text, EXPLAIN_COLUMNS, EXPLAIN_LINES, lines, sizeof lines) <= EXPLAIN_LINES);
        for (char *line = lines; line; line = strchr(line + 1, '\n'))
            assert_true(strcspn(line + (*line == '\n'), "\n") <= EXPLAIN_COLUMNS);
    }
    free(text);
}

static void check_difference(struct rig *r, u64 *seed)
{
    struct step_snapshot before, after;
    char *text = malloc(EXPLAIN_SIZE);
    step_snapshot_before(&before, &r->x);
    random_state(r->c, seed);
    step_snapshot_after(&after, &before, r->c, &r->x.peek);
    explain_after(&before, &after, text, EXPLAIN_SIZE);
    assert_true(strlen(text) > 10);
    free(text);
}

static void anything(void **state)
{
    const char *wish = getenv("OMBRA_EXPLAIN_CASES");
    u64 cases_wanted = wish ? strtoull(wish, NULL, 0) : 1000000, seed = 1, done = 0;
    struct rig r;
    rig_new(&r);
    for (u64 i = 0; i < cases_wanted; i++) {
        if (i % 16 == 0)
            random_state(r.c, &seed);
        if (!random_insn(&r, &seed))
            continue;
        bool walks = rig_random(&seed) & 1;
        r.x = (struct explain){.cpu = r.c,
                               .insn = &r.in,
                               .ip = (u32)rig_random(&seed),
                               .peek = {random_peek, walks ? random_peek : NULL, NULL}};
        check_sentence(&r.x, &seed);
        if (i % 64 == 0)
            check_difference(&r, &seed);
        done++;
    }
    rig_delete(&r);
    assert_true(done > cases_wanted / 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sentences),
        cmocka_unit_test(changes),
        cmocka_unit_test(every_row_has_a_template),
        cmocka_unit_test(every_template_has_a_row),
        cmocka_unit_test(wraps),
        cmocka_unit_test(anything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
