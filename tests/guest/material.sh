#!/usr/bin/env bash
# Guest material from Debian's packages, cached under ~/.cache/ombra.
#   material.sh linux [pae]    prints the paths of an i386 kernel and of an initramfs with busybox
#   material.sh package NAME   downloads and unpacks an i386 package, prints the folder
#   material.sh source NAME PATTERN...   the same for the files of a source package that match
# Needs no root. Exit status 77: it cannot be had, and standard error says why.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../packages.sh"
exec 9>"$cache/lock"
flock 9

for tool in apt-get dpkg-deb cpio gzip; do
    command -v $tool >/dev/null || unavailable "guest material needs $tool, which is not installed"
done

kernel_name() { # FLAVOUR -> the newest kernel package that the meta package stands for
    local cached=$cache/packages/linux-image-$1.name
    if [ ! -s "$cached" ]; then
        apt_refresh i386
        apt-cache "${apt_options[@]}" depends "linux-image-$1" 2>/dev/null |
            sed -n 's/.*Depends: \(linux-image-[0-9].*\)/\1/p' | sed 's/:.*//' | head -1 >"$cached"
    fi
    [ -s "$cached" ] || unavailable "Debian's package list knows no linux-image-$1"
    cat "$cached"
}

initramfs() {
    local out=$cache/initramfs.gz busybox root
    if [ ! -s "$out" ] || [ "$here/init" -nt "$out" ]; then
        busybox=$(fetch_package i386 busybox-static)
        root=$(mktemp -d)
        mkdir -p "$root/bin" "$root/dev" "$root/proc" "$root/sys" "$root/tmp" "$root/root" "$root/etc" "$root/mnt"
        cp "$busybox"/bin/busybox "$root/bin/busybox"
        ln -s busybox "$root/bin/sh"
        install -m 755 "$here/init" "$root/init"
        (cd "$root" && find . | LC_ALL=C sort | cpio -o -H newc --quiet -R 0:0 --reproducible) | gzip -9n >"$out.part"
        mv "$out.part" "$out"
        rm -rf "$root"
    fi
    echo "$out"
}

case ${1:-} in
linux)
    name=$(kernel_name "686${2:+-$2}")
    kernel=$(fetch_package i386 "$name")
    echo "$kernel"/boot/vmlinuz-*
    initramfs
    ;;
package)
    fetch_package i386 "$2"
    ;;
source)
    fetch_source "${@:2}"
    ;;
*)
    echo "usage: material.sh linux [pae] | package NAME | source NAME PATTERN..." >&2
    exit 2
    ;;
esac
