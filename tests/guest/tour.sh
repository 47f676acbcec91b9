#!/usr/bin/env bash
# The tour under Ombra, from the first page to switching off.      tour.sh OMBRA TOUR.BIN
set -eu
ombra=$(realpath "$1")
keys=$(realpath "$(dirname "$0")")/tour.keys
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cp "$2" "$dir/tour.img"
truncate -s 1474560 "$dir/tour.img"
cd "$dir"
"$ombra" --display none --fd tour.img --keys "@$keys"

failed=0
shows() { # PAGE TEXT...: the page has each text
    local page=$1 text
    shift
    for text; do
        grep -qF -- "$text" "tour-$page.txt" || { echo "FAILED: stage $page does not show '$text'"; failed=1; }
    done
}
shows 1 "CS 1000  DS 1000  ES 1000  SS 1000" "8086:1237  host bridge" "KB usable"
shows 2 "Closed, 100000h is 0 again: folded." "IRQ 0: timer"
shows 3 "CR0 was 00000011, CS 0008 in 32-bit code; back in real mode CR0 00000010" \
    "div eax   ; by 0     0  #DE divide error        none" \
    "ud2                  6  #UD invalid opcode      none" \
    "int3                 3  #BP breakpoint          none" \
    "mov gs, 68h ; none  13  #GP general protection  0068" \
    "mov gs, 38h         11  #NP not present         0038" \
    "mov eax, [10000h]   13  #GP general protection  0000" \
    "next, a trap" "0030   00000000   FFFFFFFF   93"
shows 4 "wrote 600D1DEA, read 600D1DEA" "fresh      00030003  --" "read       00030023  A-" \
    "written    00030063  AD" "CR2 00402ABC = directory 0001, table 0002, offset 0ABC" \
    "error code 0000: page not present, on reading, as supervisor" "tried again: 600DF00D" \
    "error code 0002: page not present, on writing, as supervisor" "tried again: 2BADCAFE" \
    "error code 0003: not permitted, on writing, as supervisor" "tried again: 0BADB0B0"
shows 5 "seconds           3.0" "measured" "vector 21h"
shows 7 "Hello_" "E0 4B     left               make" "AA        left Shift         break"
shows 8 "That was the tour"
size=$(od -An -tx1 -j16 -N8 tour-6.png | tr -d ' ') # width and height in a PNG's first chunk
[ "$size" = 00000140000000c8 ] || { echo "FAILED: the picture is not 320 x 200"; failed=1; }
exit $failed
