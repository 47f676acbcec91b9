#!/usr/bin/env bash
# Installs what is missing, builds, and runs the tests.
#   ./test.sh           release build and a build with sanitizers
#   ./test.sh --quick   release build only
set -euo pipefail
cd "$(dirname "$0")"
quick=0
[ "${1:-}" = "--quick" ] && quick=1

packages="gcc cmake ninja-build pkg-config binutils libcapstone-dev libsdl2-dev zlib1g-dev libpng-dev libcmocka-dev"
missing=""
for p in $packages; do
    dpkg -s "$p" >/dev/null 2>&1 || missing="$missing $p"
done
if [ -n "$missing" ]; then
    echo "== installing:$missing"
    sudo=""
    [ "$(id -u)" = 0 ] || sudo=sudo
    $sudo apt-get update -qq
    DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq $missing
fi

build() { # NAME FLAGS...
    local dir=build-$1
    shift
    echo "== building $dir"
    cmake -S . -B "$dir" -G Ninja -DOMBRA_WERROR=ON "$@" >"$dir.log" 2>&1 || { cat "$dir.log"; return 1; }
    cmake --build "$dir" >>"$dir.log" 2>&1 || { tail -60 "$dir.log"; return 1; }
    rm -f "$dir.log"
}

echo "== includes point down"
bash tests/check_floors.sh
build release
echo "== tests, release build"
ctest --test-dir build-release -j2 --output-on-failure
if [ $quick = 0 ]; then
    build asan -DCMAKE_BUILD_TYPE=Debug -DCMAKE_C_FLAGS=-O1 -DOMBRA_SANITIZE=ON
    echo "== tests, address and undefined-behaviour sanitizers"
    ctest --test-dir build-asan -j2 --output-on-failure
fi
