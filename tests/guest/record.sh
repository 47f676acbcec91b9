#!/usr/bin/env bash
# Recordings and saved states from the command line: what is recorded ends in the same state when it is replayed, and what
# does not fit is refused.
#   record.sh OMBRA tour      the tour with typing by virtual and by wall time
#   record.sh OMBRA window    a Linux kernel in a window, typed at by xdotool
# Exit status 77: the kernel, Xvfb or xdotool cannot be had, and standard error says why.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
ombra=$(realpath "${1:?usage: record.sh OMBRA tour|window}")
work=$(mktemp -d)
pids=()
trap 'for p in "${pids[@]}"; do kill $p 2>/dev/null; done; rm -rf "$work"' EXIT
cd "$work" || exit 1
. "$here/report.sh"

good() { # ARGUMENT...: ends with status 0 and says nothing
    timeout 400 "$ombra" "$@" >out 2>err </dev/null || complain "$*: status $?: $(head -3 err)"
    [ ! -s err ] || complain "$*: $(head -3 err)"
}

refused() { # STATUS TEXT ARGUMENT...: in one line
    local want=$1 text=$2 status=0
    shift 2
    timeout 100 "$ombra" "$@" >out 2>err </dev/null || status=$?
    [ $status = "$want" ] || complain "$*: status $status, not $want"
    [ "$(wc -l <err)" = 1 ] || complain "$*: $(wc -l <err) lines on standard error"
    grep -qF -- "$text" err || complain "$*: '$text' is not in: $(cat err)"
}

tour() {
    local typing="sleep 2s; key 3; sleep 1s; type 'abc'; key down; sleep 500ms; mouse 5 5; key 5; sleep 2s; quit"
    good --display none --record virtual --keys "$typing" --text-dump one
    good --display none --replay virtual --text-dump two
    cmp one two || complain "the screens differ"
    good --display none --clock wall --record wall --keys "$typing" --text-dump one --rtc 1999-12-31T23:59:58
    good --display none --replay wall --text-dump two
    cmp one two || complain "by wall time the screens differ"
    good --display none --replay wall --rewind 64 # checkpoints change nothing
    good --display none --replay wall --max-instructions 3M
    refused 2 "recorded with '--cpu p4', but this machine has '--cpu p3'" --display none --replay virtual --cpu p3
    head -c -1 virtual >cut
    refused 2 "it has no end" --display none --replay cut
    refused 2 "exclude each other" --display none --replay virtual --record other
    refused 2 "exclude each other" --display none --replay virtual --keys quit
    # Another hash at the end, 12 bytes before the file's: the machine is told to have gone another way.
    cp virtual other
    printf 'otherhash' | dd of=other bs=1 seek=$(($(stat -c %s virtual) - 12)) count=8 conv=notrunc status=none
    refused 1 "went another way" --display none --replay other
    # Images stay as they are under a recording.
    head -c 4M /dev/urandom >disk
    cp disk before
    good --display none --hd disk --fd "$work/nothing.img" --boot a --record disk.rec --max-instructions 2M
    cmp disk before || complain "the image was written to"
    printf x | dd of=disk bs=1 seek=100000 conv=notrunc status=none
    refused 2 "recorded with 'hard disk 0" --display none --hd disk --fd nothing.img --boot a --replay disk.rec
    # A saved state on an image that has moved on.
    good --display none --hd disk --fd nothing.img --boot a --max-instructions 3M --save-state saved
    good --display none --hd disk --fd nothing.img --boot a --max-instructions 1M --load-state saved
    printf y | dd of=disk bs=1 seek=200000 conv=notrunc status=none
    cp disk before
    refused 2 "hard disk 0 (disk) is not what it was when the state was saved" --display none --hd disk --fd nothing.img --boot a --load-state saved
    good --display none --hd disk --fd nothing.img --boot a --max-instructions 1M --load-state saved --snapshot
    cmp disk before || complain "the image was written to by a loaded state"
}

window() {
    local out kernel initrd display n=0
    command -v Xvfb >/dev/null && command -v xdotool >/dev/null || skip "Xvfb or xdotool is not installed"
    out=$("$here/material.sh" linux 2>reason) || skip "$(tail -1 reason)"
    { read -r kernel && read -r initrd; } <<<"$out"
    Xvfb -displayfd 3 -screen 0 1024x800x24 -nolisten tcp 3>display 2>/dev/null &
    pids+=($!)
    until [ -s display ]; do
        sleep 0.1
        [ $((n += 1)) -lt 100 ] || skip "Xvfb does not start"
    done
    export DISPLAY=:$(cat display) SDL_VIDEODRIVER=x11
    unset WAYLAND_DISPLAY
    machine=(--kernel "$kernel" --initrd "$initrd" --append quiet)
    # The script only looks: typing is left to xdotool.
    timeout 400 "$ombra" --display sdl --record window.rec "${machine[@]}" --text-dump one \
        --keys "timeout 300s; wait '# '; dump ready; wait 'is 42'; dump answered; timeout none; wait 'never'" 2>err &
    local guest=$!
    pids+=($guest)
    until_there ready
    xdotool search --sync --onlyvisible --name . windowfocus type --delay 60 'echo six times seven is $((6*7))'
    xdotool key Return
    until_there answered
    xdotool type --delay 60 'poweroff -f'
    xdotool key Return
    wait $guest || complain "the recording ended with status $?: $(cat err)"
    timeout 400 "$ombra" --display none --replay window.rec "${machine[@]}" --text-dump two 2>err ||
        complain "the replay ended with status $?: $(cat err)"
    cmp one two || complain "the screens differ"
    grep -q "six times seven is 42" two || complain "the shell did not answer: $(cat two)"
}

until_there() { # FILE
    for _ in $(seq 600); do
        [ -s "$1" ] && return
        kill -0 $guest 2>/dev/null || break
        sleep 0.5
    done
    complain "the guest did not come to '$1': $(cat err)"
}

case ${2:-} in
tour | window) head -c 1474560 /dev/zero >nothing.img && "$2" ;;
*)
    echo "usage: record.sh OMBRA tour|window" >&2
    exit 2
    ;;
esac
exit $failed
