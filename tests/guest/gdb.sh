#!/usr/bin/env bash
# Debian's gdb against the GDB stub.
#   gdb.sh OMBRA real     real-mode code from a floppy: breakpoints, steps, registers, watchpoints
#   gdb.sh OMBRA linux    a Linux kernel: stopped at its functions on the way to the shell, left alone, looked at again
# Exit status 77: gdb or the kernel cannot be had, and standard error says why.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
ombra=$(realpath "${1:?usage: gdb.sh OMBRA real|linux}")
work=$(mktemp -d)
pid=
trap '[ -z "$pid" ] || kill $pid 2>/dev/null; rm -rf "$work"' EXIT
. "$here/report.sh"

# Starts ombra; returns when it listens, at $target.
start() { # WHERE ARGUMENT...
    timeout 500 "$ombra" --display none --clock virtual --gdb "$@" >"$work/serial" 2>"$work/log" </dev/null &
    pid=$!
    for _ in $(seq 200); do
        target=$(sed -n 's/.*target remote //p' "$work/log")
        [ -n "$target" ] && return
        sleep 0.05
    done
    echo "FAILED: it does not listen: $(cat "$work/log")"
    exit 1
}

# Runs the commands on standard input; what gdb prints goes to $work/out.
debug() { # ELF-FILE
    cat >"$work/commands"
    timeout 450 gdb -nx -batch -iex "set auto-load no" -ex "target remote $target" -x "$work/commands" "$1" >"$work/out" 2>&1 ||
        complain "gdb ended with status $?: $(tail -3 "$work/out")"
}

printed() { # LINE...: each is one that gdb printed
    local line
    for line in "$@"; do
        grep -qxF -- "$line" "$work/out" || complain "gdb did not print: $line"
    done
}

ends() { # STATUS
    wait $pid
    local status=$?
    pid=
    [ $status = "$1" ] || complain "ombra ended with status $status, not $1: $(tail -1 "$work/log")"
    [ ! -e "$work/gdb" ] || complain "the socket is still there"
}

real() {
    as --32 "$here/gdb/boot.S" -o "$work/boot.o" &&
        ld -m elf_i386 -Ttext 0x7C00 "$work/boot.o" -o "$work/boot.elf" &&
        objcopy -O binary -j .text "$work/boot.elf" "$work/boot.img" && truncate -s 1440K "$work/boot.img" ||
        skip "no assembler for x86"
    start 0 --fd "$work/boot.img" --max-time 100
    [[ $target == 127.0.0.1:* ]] || complain "it listens at $target"
    debug "$work/boot.elf" <<'END'
set architecture i8086
printf "reset at %x\n", $cs_base + $eip
break *0x7c00
continue
printf "first %x sp %x bytes %x\n", $eip, $esp, *(unsigned short *)0x7c00
stepi
stepi
stepi
stepi
printf "fifth is again: %d\n", $eip == (unsigned)&again
delete
# a data watchpoint, twice round
set var *(unsigned short *)0x500 = 0xfe
watch *(unsigned short *)0x500
continue
printf "counter %x\n", *(unsigned short *)0x500
continue
printf "counter %x\n", *(unsigned short *)0x500
delete
rwatch *(unsigned char *)0x7000
awatch *(unsigned short *)0x504
continue
printf "written ax %d\n", *(unsigned short *)0x504 == (unsigned short)$eax
delete
hbreak *called
continue
printf "return to back: %d\n", *(unsigned short *)($ss_base + $esp) == (unsigned short)&back
set var $eax = 0x1233
stepi
printf "ax %x\n", $eax & 0xffff
delete
# where CS has a base, GDB sees the offset only
break *elsewhere
continue
printf "base %x linear %d\n", $cs_base, $cs_base + $eip == (unsigned)&elsewhere
monitor linear
stepi
continue
printf "again %d\n", $cs_base + $eip == (unsigned)&elsewhere
delete
break *again
continue
stepi
printf "step behind again %d\n", $eip - (unsigned)&again
monitor physical 7c00
monitor info status
delete
# backwards: by one, to the last write, to a breakpoint, to the beginning, and to here again
set $here = $eip
set $counter = *(unsigned short *)0x500
reverse-stepi
printf "back at again %d\n", $eip == (unsigned)&again
stepi
printf "and here again %d\n", $eip == $here
watch *(unsigned short *)0x500
reverse-continue
printf "counter was one less: %d\n", *(unsigned short *)0x500 == $counter - 1
continue
printf "and is what it was: %d\n", *(unsigned short *)0x500 == $counter
delete
break *called
reverse-continue
reverse-continue
printf "back at called %d\n", $eip == (unsigned)&called
delete
reverse-continue
printf "at the beginning %x\n", $cs_base + $eip
break *0x7c00
continue
printf "first again %x\n", $eip
kill
END
    printed "reset at fffffff0" "first 7c00 sp 6f04 bytes c031" "fifth is again: 1" "counter ff" "counter 100" \
        "written ax 1" "return to back: 1" "ax 1234" "base 7b00 linear 1" "again 1" "step behind again 4" "000007c00" "back at again 1" "and here again 1" \
        "counter was one less: 1" "and is what it was: 1" "back at called 1" "No more reverse-execution history." \
        "at the beginning fffffff0" "first again 7c00"
    grep -qx "typing  *no" "$work/out" || complain "monitor info status"
    grep -q "^cs:eip 07b0:.* is 00007c" "$work/out" || complain "monitor linear"
    ends 0
}

# An ELF file with the kernel's functions, as it tells them itself.
kernel_symbols() {
    start "unix:$work/gdb" --kernel "$kernel" --initrd "$initrd" --append "console=ttyS0,115200 quiet nokaslr" --serial stdio --keys \
        "timeout 400s; wait-serial '# '; send 'grep -E \" (start_kernel|__ia32_sys_getppid|schedule)\$\" /proc/kallsyms\n';
        wait-serial '# '; quit"
    echo detach | debug /dev/null
    ends 0
    tr -d '\r' <"$work/serial" | sed -n 's/^\(c[0-9a-f]*\) [tT] \([a-z0-9_]*\)$/\1 \2/p' >"$work/symbols"
    [ "$(wc -l <"$work/symbols")" = 3 ] || complain "the kernel told no symbols: $(tail -3 "$work/serial")"
    local at name sections=()
    while read -r at name; do
        printf '.section .%s, "ax", @nobits\n.globl %s\n.type %s, @function\n%s: .skip 32\n' "$name" "$name" "$name" "$name"
        sections+=("--section-start=.$name=0x$at")
    done <"$work/symbols" >"$work/symbols.S"
    as --32 "$work/symbols.S" -o "$work/symbols.o" &&
        ld -m elf_i386 -e 0 "${sections[@]}" "$work/symbols.o" -o "$work/symbols.elf" || skip "no assembler for x86"
}

linux() {
    local out
    out=$("$here/material.sh" linux 2>"$work/reason") || skip "$(tail -1 "$work/reason")"
    { read -r kernel && read -r initrd; } <<<"$out"
    kernel_symbols
    start "unix:$work/gdb" --kernel "$kernel" --initrd "$initrd" --append "console=ttyS0,115200 quiet nokaslr" --serial stdio --keys \
        "timeout 400s; wait-serial '# '; send 'echo six times seven is \$((6*7))\n'; wait-serial 'is 42'; send 'poweroff\n'"
    local at
    at=$(sed -n 's/ start_kernel//p' "$work/symbols")
    debug "$work/symbols.elf" <<END
break *start_kernel
continue
printf "at start_kernel %d cpl %d\n", \$eip == (unsigned)&start_kernel, \$cpl
printf "paging %d protected %d\n", \$cr0 >> 31 & 1, \$cr0 & 1
monitor physical $at
info symbol \$eip
stepi
stepi
printf "two steps: %d\n", \$eip > (unsigned)&start_kernel && \$eip < (unsigned)&start_kernel + 30
delete
break *__ia32_sys_getppid
continue
printf "at getppid %d cpl %d\n", \$eip == (unsigned)&__ia32_sys_getppid, \$cpl
delete
# left alone for a while, then looked at again
detach
shell sleep 0.05
target remote $target
break *schedule
continue
printf "at schedule %d cpl %d\n", \$eip == (unsigned)&schedule, \$cpl
delete
set \$slot = \$esp - 4
awatch *(unsigned *)\$slot
continue
printf "a push: %d\n", \$eip != (unsigned)&schedule && \$esp <= \$slot
delete
detach
END
    printed "at start_kernel 1 cpl 0" "paging 1 protected 1" "start_kernel in section .start_kernel" "two steps: 1" \
        "at getppid 1 cpl 0" "at schedule 1 cpl 0" "a push: 1" "0${at/c/0}"
    ends 0
    grep -aq "six times seven is 42" "$work/serial" || complain "the shell did not answer"
    grep -aq "reboot: Power down" "$work/serial" || complain "the guest did not switch off"
}

command -v gdb >/dev/null || skip "gdb is not installed"
case ${2:-} in
real | linux) "$2" ;;
*)
    echo "usage: gdb.sh OMBRA real|linux" >&2
    exit 2
    ;;
esac
[ $failed = 0 ] || sed 's/^/  gdb: /' "$work/out" | tail -60
exit $failed
