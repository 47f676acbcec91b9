#!/usr/bin/env bash
# Installs what is missing, builds, and starts ombra with the arguments given.
# Without arguments: Debian's i386 kernel and busybox, from Debian's packages, to a shell.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "$here"
. tests/install.sh
{
    install_packages "${build_packages[@]}" "${guest_packages[@]}"
    build build-release
} >&2
cd "$OLDPWD"
if [ $# -gt 0 ]; then
    exec "$here/build-release/ombra" "$@"
fi
echo "== fetching the guest: Debian's i386 kernel and busybox" >&2
guest=$("$here/tests/guest/material.sh" linux)
{ read -r kernel && read -r initrd; } <<<"$guest"
exec "$here/build-release/ombra" --kernel "$kernel" --initrd "$initrd" --append "console=tty0 quiet"
