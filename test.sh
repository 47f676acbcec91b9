#!/usr/bin/env bash
# Installs what is missing, builds, and runs the tests.
#   ./test.sh           release build and a build with sanitizers
#   ./test.sh --quick   release build only
set -euo pipefail
cd "$(dirname "$0")"
quick=0
[ "${1:-}" = "--quick" ] && quick=1

. tests/install.sh

install_packages "${build_packages[@]}" "${guest_packages[@]}" libcmocka-dev
echo "== includes point down"
bash tests/check_floors.sh
build build-release -DOMBRA_WERROR=ON
echo "== tests, release build"
ctest --test-dir build-release -j2 --output-on-failure
if [ $quick = 0 ]; then
    build build-asan -DOMBRA_WERROR=ON -DCMAKE_BUILD_TYPE=Debug -DCMAKE_C_FLAGS=-O1 -DOMBRA_SANITIZE=ON
    echo "== tests, address and undefined-behaviour sanitizers"
    ctest --test-dir build-asan -j2 --output-on-failure
fi
