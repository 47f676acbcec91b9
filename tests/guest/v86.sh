#!/usr/bin/env bash
# The virtual-8086 monitor: assembles it and runs it.      v86.sh OMBRA
set -eu
here=$(cd "$(dirname "$0")" && pwd)
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
as --32 "$here/v86/v86.S" -o "$dir/v86.o"
ld -m elf_i386 -Ttext 0x200000 -e _start "$dir/v86.o" -o "$dir/v86.elf"
status=0
"$1" --display none --clock virtual --kernel "$dir/v86.elf" --debugcon "file:$dir/out" --exit-port --on-triple-fault stop \
    --max-time 20 2>"$dir/err" || status=$?
grep -a '^BAD' "$dir/out" || true
passed=$(grep -a -c '^ok' "$dir/out" || true)
echo "virtual-8086 mode: $passed checks passed"
[ $status = 33 ] || { echo "ended with status $status: $(tail -1 "$dir/err")"; exit 1; }
