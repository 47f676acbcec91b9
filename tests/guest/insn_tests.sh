#!/usr/bin/env bash
# Other projects' instruction tests in a Linux guest: every program prints the same there as on the host's processor.
#   insn_tests.sh OMBRA [NAME...]    NAME: only these programs
# insn/programs lists them. Their sources come from Debian, to ~/.cache/ombra. Exit status 77: they cannot be had.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../packages.sh"
ombra=$(realpath "${1:?usage: insn_tests.sh OMBRA [NAME...]}")
shift
built=$cache/insn_tests
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# ---- building ----

compile() { # NAME ARGUMENT...: to $work/NAME
    gcc -m32 -static -s -w -O0 -fno-pie -idirafter /usr/include/x86_64-linux-gnu -I"$work" "${@:2}" -lm -o "$work/$1"
}

check_tools() {
    local tool
    for tool in gcc perl cpio tar; do
        command -v $tool >/dev/null || unavailable "the instruction tests need $tool, which is not installed"
    done
    echo 'int main(void) { return 0; }' >"$work/empty.c"
    { compile empty "$work/empty.c" && "$work/empty"; } 2>/dev/null ||
        unavailable "no 32-bit programs can be built and run here (gcc -m32 -static)"
}

edited() { # FILE SED-SCRIPT -> prints the path of a changed copy
    sed "$2" "$1" >"$work/${1##*/}"
    echo "$work/${1##*/}"
}

# What a program is compiled from.
sources_of() { # FOLDER NAME
    case $2 in
    insn_*)
        perl "$1/gen_insn_test.pl" <"$1/$2.def" >"$work/$2.c"
        echo "$work/$2.c"
        ;;
    pushfpopf) echo "$1/pushfpopf_c.c $1/pushfpopf_s.S" ;;
    float_*) echo "$1/$2.c $1/libs/float_helpers.c" ;;
    test-i386) echo "$1/test-i386.c $1/test-i386-code16.S" ;;
    # What is not in SSE2 is replaced; the program then complains about the results, everywhere in the same way.
    test-i386-sse-exceptions) edited "$1/$2.c" 's/"rounds[sd] [^"]*"/"nop"/' ;;
    test-i386-fp-exceptions) edited "$1/$2.c" 's/"fisttp/"fistp/' ;;
    # It writes code into a data segment, which 64-bit kernels would not execute.
    smc1) edited "$1/$2.c" 's/^static UChar code\[10\]/& __attribute__((section(".data_x,\\"awx\\"#")))/' ;;
    *) echo "$1/$2.c" ;;
    esac
}

build() {
    local valgrind qemu package folder name flags sources
    valgrind=$("$here/material.sh" source valgrind '*/none/tests/x86*' '*/memcheck/tests/x86/*' '*/tests/*.h')
    qemu=$("$here/material.sh" source qemu '*/tests/tcg/i386/*' '*/tests/tcg/multiarch/*')
    say "building the instruction tests"
    : >"$work/config.h"
    mkdir "$work/built"
    while read -r package folder name flags; do
        read -ra sources <<<"$(sources_of "${!package}/$folder" "${name%:*}")"
        # shellcheck disable=SC2086
        compile "built/$name" -mmmx -msse -I"$valgrind" -I"${!package}/$folder" $flags "${sources[@]}" 2>"$work/log" ||
            { echo "$name cannot be built: $(grep -m1 error "$work/log")"; exit 1; }
    done < <(grep -v '^[#-]' "$here/insn/programs")
    rm -rf "$built"
    mv "$work/built" "$built"
}

# ---- running ----

initramfs() {
    local root=$work/root busybox
    busybox=$("$here/material.sh" package busybox-static)
    mkdir -p "$root/bin" "$root/dev" "$root/proc"
    cp "$busybox/bin/busybox" "$root/bin"
    ln -s busybox "$root/bin/sh"
    cp -r "$here/insn/init" "$here/insn/run.sh" "$work/tests" "$root"
    (cd "$root" && find . | cpio -o -H newc --quiet -R 0:0) >"$work/initramfs"
}

in_guest() {
    local kernel
    kernel=$("$here/material.sh" linux)
    initramfs
    timeout 1200 "$ombra" --display none --clock virtual --mem 256 --kernel "${kernel%%$'\n'*}" --initrd "$work/initramfs" \
        --append "console=ttyS0,115200 quiet" --serial "file:$work/console" --serial "file:$work/archive" \
        2>"$work/log" </dev/null || echo "ombra ended with status $?: $(tail -1 "$work/log")"
    grep -aq '^INSN end' "$work/console" || echo "the guest did not come to its end: $(tail -1 "$work/console")"
    tar -xmzf "$work/archive" -C "$work/guest" || echo "what the guest sent cannot be read"
}

# Leaves out what may differ between a program's two outputs.
masked() { # NAME
    case ${1%:*} in
    # The x87 pointers, which AMD saves as 0 while no exception is pending, and MXCSR_MASK, which tells what the processor has.
    fxsave) sed -E 's/^(  0  ( [0-9a-f]{2}){6}).*/\1/; s/^( 16  )( ?[0-9a-f]{2}){8}(( [0-9a-f]{2}){4}).*/\1\3/' ;;
    # errno from before: the C library asked for random numbers, which a guest that has just started does not have.
    seg_override) sed '/^error is:/d' ;;
    # SHLD and SHRD of a word by more than 16: result and flags are undefined.
    test-i386) sed '/^sh[lr]dw .* C=0000001[1-9a-f]/d' ;;
    *) cat ;;
    esac
}

compare() {
    local name different=0 count=0
    for name in "$work"/tests/*; do
        name=${name##*/}
        masked "$name" <"$work/host/$name" >"$work/want"
        masked "$name" <"$work/guest/$name" >"$work/got" || echo "$name did not run in the guest"
        count=$((count + 1))
        if cmp -s "$work/want" "$work/got"; then
            printf '  %-28s same      %7d lines\n' "$name" "$(wc -l <"$work/want")"
        else
            different=$((different + 1))
            printf '  %-28s DIFFERENT (- host, + guest)\n' "$name"
            { diff -U1 "$work/want" "$work/got" || true; } | sed -n '3,22p'
        fi
    done
    echo "$count programs, $different different"
    [ $different = 0 ]
}

check_tools
[ -d "$built" ] && [ -z "$(find "$here/insn/programs" "$0" -newer "$built")" ] || build
mkdir "$work/host" "$work/guest" "$work/tests"
(cd "$built" && cp -r -- "${@:-.}" "$work/tests")
(cd "$work/tests" && "$here/insn/run.sh" "$work/host" >/dev/null)
in_guest
compare
