#!/usr/bin/env bash
# Guest material from Debian's packages, cached under ~/.cache/ombra (OMBRA_CACHE names another place).
#   material.sh linux [pae]    prints the paths of an i386 kernel and of an initramfs with busybox
#   material.sh package NAME   downloads and unpacks an i386 package, prints the folder
# Needs no root and changes nothing outside the cache. Exit status 77: it cannot be had, and standard error says why.
set -euo pipefail

cache=${OMBRA_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/ombra}
apt=$cache/apt
mkdir -p "$apt/state/lists/partial" "$apt/cache/archives/partial" "$cache/packages"
exec 9>"$cache/lock"
flock 9

say() { echo "-- $*" >&2; }

unavailable() {
    echo "$*" >&2
    exit 77
}

for tool in apt-get dpkg-deb cpio gzip; do
    command -v $tool >/dev/null || unavailable "guest material needs $tool, which is not installed"
done

# A package list of our own for i386, beside the system's.
touch "$apt/status"
options=(-o "Dir::State=$apt/state" -o "Dir::Cache=$apt/cache" -o "Dir::State::status=$apt/status"
    -o APT::Architecture=i386 -o APT::Architectures::=i386 -o Debug::NoLocking=1 -o APT::Get::List-Cleanup=0)

refresh() {
    [ -n "$(find "$apt/updated" -mmin -1440 2>/dev/null)" ] && return
    say "fetching Debian's package list for i386"
    # One list of several may fail while a mirror is being updated: what matters is whether the package is found.
    apt-get "${options[@]}" -qq update >"$apt/log" 2>&1 && touch "$apt/updated"
    ls "$apt"/state/lists/*_Packages* >/dev/null 2>&1 ||
        unavailable "Debian's package list cannot be fetched: $(tail -1 "$apt/log")"
}

package() { # NAME -> folder
    local dir=$cache/packages/$1
    if [ ! -d "$dir" ]; then
        refresh
        say "fetching $1"
        rm -rf "$dir.part"
        mkdir -p "$dir.part"
        (cd "$dir.part" && apt-get "${options[@]}" -qq download "$1" >"$apt/log" 2>&1) ||
            unavailable "package $1 cannot be fetched: $(tail -1 "$apt/log")"
        dpkg-deb -x "$dir.part/"*.deb "$dir.part"
        rm "$dir.part/"*.deb
        mv "$dir.part" "$dir"
    fi
    echo "$dir"
}

kernel_name() { # FLAVOUR -> the newest kernel package that the meta package stands for
    local cached=$cache/packages/linux-image-$1.name
    if [ ! -s "$cached" ]; then
        refresh
        apt-cache "${options[@]}" depends "linux-image-$1" 2>/dev/null |
            sed -n 's/.*Depends: \(linux-image-[0-9].*\)/\1/p' | sed 's/:.*//' | head -1 >"$cached"
    fi
    [ -s "$cached" ] || unavailable "Debian's package list knows no linux-image-$1"
    cat "$cached"
}

initramfs() {
    local out=$cache/initramfs.gz here
    here=$(cd "$(dirname "$0")" && pwd)
    if [ ! -s "$out" ] || [ "$here/init" -nt "$out" ]; then
        local busybox root
        busybox=$(package busybox-static)
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
    name=$(kernel_name "${2:+686-}${2:-686}")
    kernel=$(package "$name")
    echo "$kernel"/boot/vmlinuz-*
    initramfs
    ;;
package)
    package "$2"
    ;;
*)
    echo "usage: material.sh linux [pae] | package NAME" >&2
    exit 2
    ;;
esac
