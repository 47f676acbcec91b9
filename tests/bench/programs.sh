#!/bin/sh
# programs.sh NAME REPEATS - runs one of Debian's programs, which lie beside this script with their libraries in lib/.
# The input is ../data or ../source; what comes out stays in the current folder, where the caller takes its checksum after the
# clock stops.
# The guest and the native run on the host both come through here, by the same loader.
set -e
here=${0%/*}
export LC_ALL=C PERL_HASH_SEED=0 PERL_PERTURB_KEYS=0

run() { # PROGRAM ARGUMENT...
    local program=$here/$1
    shift
    "$here/lib/ld-linux.so.2" --library-path "$here/lib" "$program" "$@"
}

pack() { # PROGRAM LEVEL TIMES: packs once and unpacks so often that both count
    local left=$3
    run "$1" "$2" <../data >packed
    while [ "$left" -gt 0 ]; do
        run "$1" -dc <packed >unpacked
        left=$((left - 1))
    done
}

once() {
    case $1 in
    gzip) pack gzip -6n 5 ;;
    bzip2) pack bzip2 -9 1 ;;
    xz) pack xz -0 1 ;;
    sha256sum) run sha256sum ../data ../data ../data ../data ../data ../data ../data ../data ../data ../data >sums ;;
    lua) run lua "$here/script.lua" >out ;;
    perl) run perl "$here/script.pl" ../data >out ;;
    tcc) for _ in 1 2 3 4 5; do run tcc -nostdinc -c ../source -o object; done ;;
    # What it collects when must not depend on the size of memory.
    cc1) run cc1 -quiet -nostdinc -O1 -DPART --param ggc-min-expand=30 --param ggc-min-heapsize=4096 ../source -o out ;;
    sqlite3)
        : >base # a database without tables
        run sqlite3 -batch base <"$here/script.sql" >out
        ;;
    *) return 2 ;;
    esac
}

left=$2
while [ "$left" -gt 0 ]; do
    once "$1"
    left=$((left - 1))
done
