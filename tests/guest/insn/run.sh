#!/bin/sh
# Runs every program of the current folder, on the host and in the guest; OUT/NAME gets its output and exit status.
#   run.sh OUT
# The C library's functions of a Pentium 4 on any host.
export GLIBC_TUNABLES=glibc.cpu.hwcaps=-FMA,-FMA4,-AVX2,-AVX512F,-SSE4_2,-SSE4_1,-SSSE3
LINES_MOST=100000 # of one program
for name in *; do
    echo "INSN $name"
    {
        "./$name" </dev/null 2>&1
        echo "exit status $?"
    } 2>/dev/null | head -n $LINES_MOST >"$1/$name"
done
