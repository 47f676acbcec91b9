#!/usr/bin/env bash
# Installs what is missing, builds, and runs the tests.
#   ./test.sh           release build, guests, build with sanitizers, AArch64 build under qemu-aarch64
#   ./test.sh --quick   release build only, without guests and long tests
#   ./test.sh --full    everything, the long guests and 1,000 saved and loaded states too
set -euo pipefail
cd "$(dirname "$0")"
. tests/install.sh
quick=0 guests=() not_full=(-LE full)
case ${1:-} in
--quick) quick=1 ;;
--full) guests=(--full) not_full=() ;;
'') ;;
*)
    echo "usage: ./test.sh [--quick | --full]" >&2
    exit 2
    ;;
esac

install_packages "${build_packages[@]}" "${guest_packages[@]}" libcmocka-dev tmux
echo "== includes point down"
bash tests/check_floors.sh
build build-release --preset release -DOMBRA_WERROR=ON
echo "== tests, release build"
if [ $quick = 1 ]; then
    ctest --test-dir build-release -j2 --output-on-failure -LE "guest|long"
    exit
fi
ctest --test-dir build-release -j2 --output-on-failure "${not_full[@]}"
echo "== guests"
tests/guest/guests.sh "$PWD/build-release/ombra" "${guests[@]}"
if [ -x build-release/ombra-verify ]; then
    declare -A some=([interp]="freedos linux_serial uboot tour" [forced]="linux_serial" [tiny]="freedos uboot tour" [verify]="freedos uboot tour")
    for mode in interp forced tiny verify; do
        echo "== guests, $mode"
        # shellcheck disable=SC2086 # names
        tests/guest/guests.sh "$PWD/build-release/ombra-$mode" ${guests[@]:-${some[$mode]}}
    done
fi
build build-asan --preset asan -DOMBRA_WERROR=ON
echo "== tests, address and undefined-behaviour sanitizers"
ctest --test-dir build-asan -j2 --output-on-failure -LE guest
echo "== tests, AArch64"
status=0
tests/aarch64.sh -LE guest || status=$?
if [ $status = 77 ]; then
    echo "skipped: AArch64"
elif [ $status != 0 ]; then
    exit $status
fi
