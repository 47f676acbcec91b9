#!/usr/bin/env bash
# Builds for AArch64 and runs the tests under qemu-aarch64.
#   tests/aarch64.sh [CTEST-ARGUMENTS...]
# Exit status 77: the compiler, the emulator or the arm64 libraries cannot be had.
set -euo pipefail
cd "$(dirname "$0")/.."
. tests/packages.sh
. tests/install.sh

install_packages gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user-static ||
    unavailable "the AArch64 cross compiler and qemu-user-static are not installed"

sysroot=$cache/sysroot-arm64
packages="zlib1g zlib1g-dev libcapstone4 libcapstone-dev libpng16-16 libpng-dev libcmocka0 libcmocka-dev libcjson1 libcjson-dev"
if [ "$(cat "$sysroot/complete" 2>/dev/null)" != "$packages" ]; then
    rm -rf "$sysroot"
    mkdir -p "$sysroot"
    for p in $packages; do
        dir=$(fetch_package arm64 $p)
        cp -a "$dir/." "$sysroot/"
    done
    # The linker looks in usr/lib; some packages install to lib.
    if [ -d "$sysroot/lib" ]; then
        cp -an "$sysroot/lib/." "$sysroot/usr/lib/"
    fi
    echo "$packages" >"$sysroot/complete"
fi
export OMBRA_AARCH64_SYSROOT=$sysroot
build build-aarch64 --preset aarch64 -DOMBRA_WERROR=ON
ctest --test-dir build-aarch64 -j2 --output-on-failure "$@"
