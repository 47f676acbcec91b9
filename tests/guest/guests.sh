#!/usr/bin/env bash
# Boots real guests and checks what they show.
#   guests.sh OMBRA           the short ones, one after the other
#   guests.sh OMBRA NAME...   only these
#   guests.sh OMBRA --full    all of them
#   guests.sh --list
# Exit status 0: all passed or were skipped with a reason.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
shared=$here/../../../shared/guests

short="freedos freedos_360 freedos_write freedos_mode13 linux_serial linux_vga grub_floppy grub_cd grub_firmware invaders gnumach uboot tour"
long="linux_pae installer installer_serial memtest_iso memtest_kernel isolinux bochs_bios debian insn_tests gdb_linux record_window"

pass() { return 0; }
fail() {
    echo "      $*"
    return 1
}
skip() {
    echo "      $*" >&3
    return 77
}

# Runs ombra without a display, with a limit on the host's time; what it prints goes to $work/log.
run() {
    timeout $((${limit:-240} * slow)) "$ombra" --display none --clock virtual "$@" >"$work/serial" 2>"$work/log" </dev/null
    local status=$?
    [ $status = 0 ] && return
    fail "ombra ended with status $status: $(tail -1 "$work/log")"
}

on_serial() { # TEXT...: all of them came over the serial line
    local text
    for text in "$@"; do
        grep -aqF -- "$text" "$work/serial" || fail "not on the serial line: $text" || return
    done
}

on_screen() { # FILE TEXT...
    local file=$work/$1 text
    shift
    for text in "$@"; do
        grep -qF -- "$text" "$file" || fail "not on the screen: $text" || return
    done
}

freedos_image() { # NAME: a copy in $work, which may be written
    [ -r "$shared/$1" ] || { skip "no $1 among the shared guests"; return; }
    cp "$shared/$1" "$work/dos.img"
    chmod u+w "$work/dos.img"
}

material() { # sets kernel and initrd
    local out
    out=$("$here/material.sh" linux "$@" 2>"$work/reason") || { skip "$(tail -1 "$work/reason")"; return; }
    { read -r kernel && read -r initrd; } <<<"$out"
}

package() { # NAME -> prints its folder
    "$here/material.sh" package "$1" 2>"$work/reason" || { skip "$(tail -1 "$work/reason")"; return; }
}

# ---- FreeDOS ----

test_freedos() {
    freedos_image freedos-1440.img || return
    run --fd "$work/dos.img" --keys "timeout 60s; wait 'A:\\\\>'; type 'dir\n'; wait 'bytes free'; sleep 1s; dump $work/screen; quit" &&
        on_screen screen "5 file(s)" "A:\\>"
}

test_freedos_360() {
    freedos_image freedos-360.img || return
    run --fd "$work/dos.img" --keys "timeout 60s; wait 'A:\\\\>'; type 'dir\n'; wait 'bytes free'; sleep 1s; dump $work/screen; quit" &&
        on_screen screen "5 file(s)" "A:\\>"
}

# A file written by the guest is there after a reset, and on the host.
test_freedos_write() {
    freedos_image freedos-1440.img || return
    run --fd "$work/dos.img" --keys "timeout 60s; wait 'A:\\\\>'; type 'echo Ombra was here>test.txt\n'; sleep 5s;
        type 'cls\n'; sleep 1s; key ctrl-alt-del; sleep 2s; wait 'A:\\\\>'; type 'type test.txt\n'; sleep 3s; dump $work/screen; quit" &&
        on_screen screen "Ombra was here" &&
        { grep -aq "Ombra was here" "$work/dos.img" || fail "the image on the host does not have it"; }
}

# One of our own .COM programs, in mode 13h.
test_freedos_mode13() {
    freedos_image freedos-1440.img || return
    command -v mcopy >/dev/null || { skip "mtools is not installed"; return; }
    printf '\xB8\x13\x00\xCD\x10\xB8\x00\xA0\x8E\xC0\x31\xFF\x89\xF8\xAA\x81\xFF\x00\xFA\x75\xF7\xEB\xFE' >"$work/pic.com"
    mcopy -i "$work/dos.img" "$work/pic.com" ::PIC.COM || return
    run --fd "$work/dos.img" --keys "timeout 60s; wait 'A:\\\\>'; type 'pic\n'; sleep 3s; screenshot $work/pic.png; quit" &&
        same_picture pic.png mode13
}

# The picture's pixels against the hash that was looked at once.
same_picture() { # FILE NAME
    local sum
    sum=$("$here/../png_sum.sh" "$work/$1") || { skip "$sum"; return; }
    grep -q "^$2 $sum\$" "$here/pictures" || fail "the picture $2 has changed: its sum is $sum"
}

# ---- Linux ----

linux_on_serial() {
    run --kernel "$kernel" --initrd "$initrd" --append "console=ttyS0,115200 quiet" --serial stdio \
        --keys "timeout 400s; wait-serial '# '; send 'echo \$((6*7)); uname -m; cat /proc/interrupts | head -3\n'; wait-serial '# '; send 'poweroff\n'" &&
        on_serial "busybox shell" "42" "i686" "reboot: Power down"
}

test_linux_serial() {
    material || return
    linux_on_serial
}

test_linux_pae() {
    material pae || return
    linux_on_serial
}

test_linux_vga() {
    material || return
    run --kernel "$kernel" --initrd "$initrd" --append "quiet" \
        --keys "timeout 400s; wait '/root #'; type 'echo six times seven is \$((6*7))\n'; sleep 2s; dump $work/screen; type 'poweroff\n'" &&
        on_screen screen "busybox shell" "six times seven is 42"
}

# ---- Debian's installer ----

installer() { # sets installer
    local dir
    dir=$(package debian-installer-12-netboot-i386) || return
    installer=$dir/usr/lib/debian-installer/images/12/i386/text/debian-installer/i386
}

test_installer() {
    installer || return
    run --mem 512 --kernel "$installer/linux" --initrd "$installer/initrd.gz" --append "vga=788" \
        --keys "sleep 150s; screenshot $work/installer.png; quit" &&
        same_picture installer.png installer
}

test_installer_serial() {
    installer || return
    run --mem 512 --kernel "$installer/linux" --initrd "$installer/initrd.gz" --serial stdio \
        --append "console=ttyS0,115200 DEBIAN_FRONTEND=text" --keys "timeout 400s; wait-serial 'Select a language'; wait-serial 'Prompt:'; quit" &&
        on_serial "English"
}

# ---- boot loaders and small systems ----

test_grub_floppy() {
    local dir
    dir=$(package grub-rescue-pc) || return
    run --snapshot --fd "$dir/usr/lib/grub-rescue/grub-rescue-floppy.img" \
        --keys "timeout 60s; wait 'automatically in'; dump $work/screen; quit" && on_screen screen "GNU GRUB" "Memtest86+"
}

test_grub_cd() {
    local dir
    dir=$(package grub-rescue-pc) || return
    run --cd "$dir/usr/lib/grub-rescue/grub-rescue-cdrom.iso" \
        --keys "timeout 60s; wait 'automatically in'; dump $work/screen; quit" && on_screen screen "GNU GRUB" "Memtest86+"
}

test_grub_firmware() {
    local dir
    dir=$(package grub-firmware-qemu) || return
    run --bios "$dir/usr/share/qemu/grub.bin" --max-time 2 --text-dump "$work/screen" &&
        on_screen screen "GNU GRUB" "Search & load /boot/multiboot.img"
}

test_invaders() {
    local dir
    dir=$(package grub-invaders) || return
    run --kernel "$dir/boot/invaders.exec" --keys "timeout 20s; wait '-*-'; key space; sleep 1s; dump $work/one; down right; sleep 1s; up right; dump $work/two; quit" &&
        { ! cmp -s "$work/one" "$work/two" || fail "the screen does not move"; }
}

test_gnumach() {
    local dir
    dir=$(package gnumach-image-1.8-486) || return
    zcat "$dir"/boot/gnumach-*.gz >"$work/gnumach"
    run --kernel "$work/gnumach" --append "console=com0" --serial stdio --keys "timeout 60s; wait-serial 'No bootstrap code loaded'; quit"
}

test_uboot() {
    local dir
    dir=$(package u-boot-qemu) || return
    run --bios "$dir/usr/lib/u-boot/qemu-x86/u-boot.rom" --serial stdio \
        --keys "timeout 60s; wait-serial '=> '; send 'echo six by nine\n'; sleep 1s; wait-serial 'six by nine'; quit"
}

memtest() { # what it starts from
    run "$@" --serial "file:$work/tty" --keys "timeout 120s; wait 'Errors: 0'; wait 'Pass  1%'; dump $work/screen; quit" &&
        on_screen screen "Memtest86+" "Errors: 0"
}

test_memtest_iso() {
    local dir
    dir=$(package memtest86+) || return
    memtest --mem 64 --cd "$dir/usr/lib/memtest86+/memtest86+ia32.iso"
}

test_memtest_kernel() {
    local dir
    dir=$(package memtest86+) || return
    memtest --mem 64 --kernel "$dir/boot/memtest86+ia32.bin"
}

# isolinux on a CD made here, with our busybox guest as its payload.
test_isolinux() {
    local dir modules
    material || return
    dir=$(package isolinux) || return
    modules=$(package syslinux-common) || return
    command -v xorriso >/dev/null || { skip "xorriso is not installed"; return; }
    mkdir -p "$work/cd"
    cp "$dir/usr/lib/ISOLINUX/isolinux.bin" "$modules/usr/lib/syslinux/modules/bios/ldlinux.c32" "$work/cd"
    cp "$kernel" "$work/cd/linux"
    cp "$initrd" "$work/cd/initrd.gz"
    printf 'DEFAULT linux\nLABEL linux\n KERNEL linux\n APPEND initrd=initrd.gz quiet console=ttyS0,115200\n' >"$work/cd/isolinux.cfg"
    xorriso -as mkisofs -quiet -o "$work/cd.iso" -b isolinux.bin -c boot.cat -no-emul-boot -boot-load-size 4 -boot-info-table "$work/cd" 2>/dev/null
    run --cd "$work/cd.iso" --serial stdio --keys "timeout 400s; wait-serial '# '; send 'poweroff\n'" &&
        on_serial "busybox shell" "reboot: Power down"
}

# FreeDOS under another BIOS.
test_bochs_bios() {
    local bios vga
    freedos_image freedos-1440.img || return
    bios=$(package bochsbios) || return
    vga=$(package vgabios) || return
    run --vga isa --bios "$bios/usr/share/bochs/BIOS-bochs-latest" --vgabios "$vga/usr/share/vgabios/vgabios.bin" --fd "$work/dos.img" \
        --keys "timeout 120s; wait 'A:\\\\>'; type 'dir\n'; wait 'bytes free'; dump $work/screen; quit" && on_screen screen "5 file(s)"
}

# A whole Debian from its disk: GRUB, login, package list, a compile, power-off; the file system is clean afterwards.
test_debian() {
    "$here/debian_disk.sh" "$work/debian.img" 2>"$work/reason" || { skip "$(tail -1 "$work/reason")"; return; }
    limit=600 run --mem 256 --hd "$work/debian.img" --serial stdio --keys "timeout 900s; wait-serial 'login: '; send 'root\n';
        wait-serial '# '; send 'dpkg -l | wc -l; echo \"int main(){return 42;}\" >a.c; tcc a.c -o a; ./a; echo status=\$?\n';
        wait-serial 'status='; sleep 2s; send 'poweroff\n'" || return
    on_serial "Debian GNU/Linux 12 ombra ttyS0" "status=42" "reboot: Power down" || return
    dd if="$work/debian.img" of="$work/part.img" bs=1M skip=1 conv=sparse status=none
    PATH=$PATH:/usr/sbin:/sbin e2fsck -fn "$work/part.img" >"$work/fsck" 2>&1 || fail "e2fsck: $(tail -1 "$work/fsck")"
}

# The guest that is built in.
test_tour() {
    run --keys "timeout 60s; wait 'Real mode'; dump $work/screen; key esc; sleep 1s; quit" && on_screen screen "Real mode"
}

# Other projects' instruction tests print the same in the guest as on the host.
test_insn_tests() {
    "$here/insn_tests.sh" "$ombra" >"$work/table" 2>"$work/reason"
    case $? in
    0) ;;
    77) skip "$(tail -1 "$work/reason")" ;;
    *) fail "$(grep -v ' same ' "$work/table" "$work/reason" -h)" ;;
    esac
}

# by_script SCRIPT ARGUMENT: a test of its own, with lines that begin with FAILED and 77 for a skip.
by_script() {
    "$here/$1" "$ombra" "$2" >"$work/told" 2>"$work/reason"
    case $? in
    0) ;;
    77) skip "$(tail -1 "$work/reason")" ;;
    *) fail "$(grep FAILED "$work/told")" ;;
    esac
}

# Debian's gdb stops a kernel at its functions, leaves it alone and comes back.
test_gdb_linux() { by_script gdb.sh linux; }

# What is typed in a window is recorded, and replayed without one ends in the same state.
test_record_window() { by_script record.sh window; }

# ---- the runner ----

[ "${1:-}" = --list ] && { echo "short: $short"; echo "long: $long"; exit; }
ombra=${1:?usage: guests.sh OMBRA [--full | NAME...]}
shift
case $ombra in
*-tiny | *-verify) slow=5 ;; # the host's time; guests do not notice
*) slow=1 ;;
esac
names=${*:-$short}
[ "${1:-}" = --full ] && names="$short $long"
passed=0 failed=0 skipped=0
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
exec 3>&1
for name in $names; do
    work=$scratch/$name
    mkdir -p "$work"
    began=$SECONDS
    "test_$name"
    case $? in
    0) passed=$((passed + 1)) && printf '  ok      %-18s %4d s\n' "$name" $((SECONDS - began)) ;;
    77) skipped=$((skipped + 1)) && printf '  skipped %s\n' "$name" ;;
    *) failed=$((failed + 1)) && printf '  FAILED  %-18s %4d s\n' "$name" $((SECONDS - began)) ;;
    esac
done
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
