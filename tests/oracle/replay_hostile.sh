#!/usr/bin/env bash
# Files of recorded cases that are none, cut short or damaged: one line that says so, exit status 2.
#   replay_hostile.sh ORACLE FILE
set -euo pipefail
oracle=$1 file=$2
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
bad=$dir/bad.bin

# refused WHAT TEXT: bad.bin must be refused with TEXT
refused() {
    local status=0
    "$oracle" --replay "$bad" --stride 1000 >"$dir/out" 2>"$dir/err" || status=$?
    if [ $status != 2 ] || [ "$(wc -l <"$dir/err")" != 1 ] || ! grep -q "$2" "$dir/err"; then
        echo "$1: exit status $status"
        cat "$dir/err"
        exit 1
    fi
}

# overwritten AT BYTES: bad.bin is the file with other BYTES (for printf) at offset AT
overwritten() {
    cp "$file" "$bad"
    printf "$2" | dd of="$bad" bs=1 seek="$1" conv=notrunc status=none
}

refused "no file" "cannot be opened"
: >"$bad"
refused "empty file" "is no file of recorded cases"
overwritten 0 'X'
refused "other magic" "is no file of recorded cases"
overwritten 8 '\377'
refused "other version" "another version"
overwritten 24 '\377'
refused "more rows than there are" "damaged or cut short"
overwritten 24 '\001\000'
refused "fewer rows than there are" "damaged or cut short"
overwritten 28 '\033'
refused "control characters for the terminal" "damaged or cut short"
overwritten 164 '\377\377\377\377'
refused "a block larger than the file" "damaged or cut short"
overwritten 160 '\377\377\377\377'
refused "a block larger than memory" "damaged or cut short"
overwritten 5000 '\125\252\125\252'
refused "damaged data" "damaged or cut short"
for size in 7 27 100 130 170 5000 100000; do
    head -c $size "$file" >"$bad"
    refused "cut to $size bytes" "no file of recorded cases\|damaged or cut short"
done
head -c -1 "$file" >"$bad"
refused "last byte missing" "damaged or cut short"
cat "$file" - <<<"more" >"$bad"
refused "more behind the end" "damaged or cut short"
