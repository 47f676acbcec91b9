#!/usr/bin/env bash
# Makes the system judge's floppy image.    build.sh IMAGE [SEED [FIRST [COUNT]]]
set -eu
here=$(cd "$(dirname "$0")" && pwd)
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
flags="-m32 -std=gnu17 -Os -Wall -Wextra -Werror -ffreestanding -fno-pic -fno-stack-protector -fno-asynchronous-unwind-tables
       -mno-sse -mno-mmx -fcf-protection=none -I$here/../.. -I$dir"
gcc -std=gnu17 -I"$here/../.." "$here/rows_gen.c" "$here/../../cpu/isa.c" -o "$dir/rows_gen"
"$dir/rows_gen" >"$dir/rows.inc"
for c in kernel zoo forms rows fp; do gcc $flags -c "$here/$c.c" -o "$dir/$c.o"; done
gcc $flags -c "$here/entry.S" -o "$dir/entry.o"
ld -m elf_i386 --no-warn-rwx-segments -T "$here/image.ld" -e _start "$dir"/{entry,kernel,zoo,forms,rows,fp}.o -o "$dir/kernel.elf"
objcopy -O binary -j .text "$dir/kernel.elf" "$dir/kernel.bin"
sectors=$((($(stat -c %s "$dir/kernel.bin") + 511) / 512))
gcc $flags -DSECTORS=$sectors -c "$here/boot.S" -o "$dir/boot.o"
ld -m elf_i386 -Ttext 0x7C00 -e 0x7C00 --oformat binary "$dir/boot.o" -o "$dir/boot.bin"
cat "$dir/boot.bin" "$dir/kernel.bin" >"$1"
truncate -s 1474560 "$1"
python3 - "$1" "${2:-1}" "${3:-0}" "${4:-1000}" <<'PY'
import struct, sys
with open(sys.argv[1], "r+b") as f:
    f.seek(512 + 16)
    f.write(struct.pack("<3I", *map(int, sys.argv[2:5])))
PY
