#!/usr/bin/env bash
# debian_disk.sh OUT: a disk image with a whole Debian i386 made by debootstrap, which boots through GRUB.
# Needs root (debootstrap's second stage runs in a chroot) and debootstrap, grub-pc-bin, grub-common, e2fsprogs, fdisk.
# The image is kept in the cache and copied to OUT. Exit status 77: it cannot be made here, and standard error says why.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../packages.sh"
image=$cache/debian.img
extra=sysvinit-core,linux-image-686,initramfs-tools,tcc,libc6-dev,e2fsprogs,kmod,udev,util-linux,login,passwd,procps

make_root() {
    local root=$1 mirror
    mirror=$(sed -n 's/^URIs: *\([^ ]*\).*/\1/p;s/^deb *\(\[[^]]*\] *\)\?\([^ ]*\) .*main.*/\2/p' \
        /etc/apt/sources.list.d/debian.sources /etc/apt/sources.list 2>/dev/null | head -1) || true
    [ -n "$mirror" ] || unavailable "no Debian mirror is configured"
    debootstrap --arch=i386 --variant=minbase --include=$extra bookworm "$root" "$mirror" >"$cache/debootstrap.log" 2>&1 ||
        unavailable "debootstrap failed: $(tail -1 "$cache/debootstrap.log")"
    passwd -R "$root" -d root >/dev/null
    echo ombra >"$root/etc/hostname"
    echo '/dev/sda1 / ext4 errors=remount-ro 0 1' >"$root/etc/fstab"
    # shellcheck disable=SC2016
    sed -i 's|^T0\?:.*||; $a T0:23:respawn:/sbin/agetty -L ttyS0 115200 vt100' "$root/etc/inittab"
    mkdir -p "$root/boot/grub"
    cat >"$root/boot/grub/grub.cfg" <<END
serial --unit=0 --speed=115200
terminal_output console serial
set timeout=1
menuentry Debian {
    linux $(cd "$root" && ls boot/vmlinuz-* | sed 's|^|/|') root=/dev/sda1 ro console=tty0 console=ttyS0,115200 quiet
    initrd $(cd "$root" && ls boot/initrd.img-* | sed 's|^|/|')
}
END
    rm -rf "$root"/var/cache/apt/archives/*.deb
}

make_image() {
    local root=$1 out=$2 start=2048 sectors=2097152
    grub-mkimage -O i386-pc -o "$root.core" -p '(hd0,msdos1)/boot/grub' \
        biosdisk part_msdos ext2 normal linux serial terminal echo
    rm -f "$out"
    truncate -s $(((start + sectors) * 512)) "$out"
    echo "$start,$sectors,83,*" | sfdisk -q "$out"
    mke2fs -q -t ext4 -d "$root" -E offset=$((start * 512)) "$out" $((sectors / 2))k
    dd if=/usr/lib/grub/i386-pc/boot.img of="$out" bs=440 count=1 conv=notrunc status=none
    dd if="$root.core" of="$out" bs=512 seek=1 conv=notrunc status=none
    rm -f "$root.core"
}

if [ ! -s "$image" ]; then
    [ "$(id -u)" = 0 ] || unavailable "debootstrap needs root"
    for tool in debootstrap grub-mkimage mke2fs sfdisk; do
        PATH=$PATH:/usr/sbin:/sbin command -v $tool >/dev/null || unavailable "$tool is not installed"
    done
    [ -e /usr/lib/grub/i386-pc/boot.img ] || unavailable "grub-pc-bin is not installed"
    say "making a Debian i386 disk image (some minutes)"
    root=$(mktemp -d /var/tmp/ombra-debian.XXXXXX)
    trap 'rm -rf "$root"' EXIT
    chmod 755 "$root"
    make_root "$root"
    make_image "$root" "$image.part"
    mv "$image.part" "$image"
fi
cp --sparse=always "$image" "$1"
