#!/usr/bin/env bash
# "ombra step" from outside: scripts over the tour and over a boot sector like a DOS's, mistakes in scripts, and the
# screen in tmux as a person would use it.      step.sh OMBRA
set -u
ombra=$(realpath "$1")
dir=$(mktemp -d)
session=ombra-step-$$
trap 'tmux -L "$session" kill-server 2>/dev/null; rm -rf "$dir"' EXIT
cd "$dir" || exit 1
unset DISPLAY WAYLAND_DISPLAY SDL_VIDEODRIVER
[ -e /usr/share/seabios/bios-256k.bin ] || { echo "skipped: SeaBIOS is not installed"; exit 77; }
failed=0

complain() { echo "FAILED: $*"; failed=1; }

# script STATUS TEXT... <SCRIPT: with images ${args[@]} it ends so, and prints lines with each TEXT, one after the other
script() {
    local want=$1 status=0 text at=0 n
    shift
    cat >x.step
    timeout 120 "$ombra" step --script x.step "${args[@]}" >out 2>err </dev/null || status=$?
    [ $status = "$want" ] || complain "exit status $status, not $want: $(head -1 err)"
    cat err >>out
    for text; do
        n=$(tail -n +$((at + 1)) out | grep -nF -m1 -- "$text" | cut -d: -f1)
        [ -n "$n" ] || complain "'$text' does not come behind line $at, which is followed by: $(tail -n +$((at + 1)) out | head -5)"
        at=$((at + ${n:-0}))
    done
}

# The tour: from the reset vector to its first instruction, and into protected mode with paging.
args=()
script 0 "next   F000:E05B  cmp   dword cs:[" "next   0000:7C00  jmp" "did    went on at 0000h:7C3Eh." \
    "did    EAX AA55h -> 0; ZF PF set." "mov   ss, ax" "tour.S:52: mov ss, ax" "mov ss, ax" "interrupt 08h" \
    "interrupt 08h" "OMBRA   A tour of the machine" "next   0000:7C00  jmp" "GDTR       base" "code, readable" <<'EOF'
# the first minute
step
until 7c00
step
step 2
show
show source
until int 8
show events
keys wait "OMBRA"; sleep 1s; key enter
continue 3s
show screen
until mode
runback count 13080138
show registers
until if cr0 & 1
out
show gdt
EOF

# A boot sector like a DOS's: it prints its name by the BIOS and halts.
{
    printf '\372\061\300\216\330\216\320\274\000\174\373\374\276\035\174' # 7C00: cli; xor ax,ax; ds, ss, sp; sti; cld; mov si, 7C1D
    printf '\254\010\300\164\006\264\016\315\020\353\365\364\353\375'     # 7C0F: lodsb; or al,al; jz 7C1A; mov ah,0E; int 10; jmp; hlt; jmp
    printf 'Loading FreeDOS\015\012\000'
    head -c 1000000 /dev/zero
} | head -c 368640 >dos.img
printf '\125\252' | dd of=dos.img bs=1 seek=510 conv=notrunc status=none
args=(--fd dos.img)
cp dos.img before.img
script 0 "next   0000:7C00  cli" "breakpoint 1: 7c16 if al == 6e" "breakpoint 1: 7c16 if al == 6e" \
    "INT calls interrupt 10h: the vector at 00040h leads to C000h:" "next   0000:7C18  jmp" "AX" \
    "LODSB loads 67h (the byte at DS:7C23h) into AL" "Loadin" "al = 6Eh" "write to 450" "write to 450" \
    "next   0000:7C0F  lodsb" "Loading FreeDOS" \
    "▶ 0000:7C1A  F4         hlt" <<'EOF'
until 7c00
break 7c16 if al == 6e
c
over
show regs
step
show screen
runback
print al
delete
until write 450
runback write 450
until 7c0f
until 7c1a
show screen
show code
EOF
cmp -s dos.img before.img || complain "looking inside has changed the image"

# A mistake is told with its place before anything is done.
script 2 "ombra: x.step:3: there is no command 'fly'; 'help' lists all" <<'EOF'
step

fly
EOF
[ "$(wc -l <out)" = 1 ] || complain "something was done before the mistake: $(cat out)"
timeout 20 "$ombra" step --script nosuch </dev/null >out 2>err && complain "a script that is not there"
timeout 20 "$ombra" step --gdb 1 </dev/null >out 2>err && complain "--gdb with step"
timeout 20 "$ombra" step </dev/null >out 2>err && complain "no terminal"
grep -q "wants a terminal" err || grep -q "without ncurses" err || complain "no terminal: $(cat err)"
grep -q "without ncurses" err && { echo "no ncurses: the screen is not tested"; exit $failed; }

command -v tmux >/dev/null || { echo "tmux is not installed: the screen is not tested"; exit $failed; }

# sees TEXT: within a few seconds the screen shows it
sees() {
    for _ in $(seq 100); do
        tmux -L "$session" capture-pane -p >screen 2>/dev/null
        grep -qF -- "$1" screen && return
        sleep 0.1
    done
    complain "the screen does not show '$1': $(cat screen)"
}
keys() { tmux -L "$session" send-keys "$@"; }

LC_ALL=C.UTF-8 tmux -L "$session" -f /dev/null -u new-session -d -x 80 -y 24 "$ombra step; echo left with \$?; sleep 100"
sees "▶ F000:FFF0  EA5BE000F0 ljmp  0xf000:0xe05b"
sees "next LJMP goes on at F000h:E05Bh."
keys s
sees "did  CS now has base F0000h, limit FFFFh; went on at F000h:E05Bh."
sees "1 instructions"
keys Right Left
sees "next CMP compares"
sees " s step b back n over o out c run k break v view x screen : cmd ? help q quit"
keys :until\ 7c00 Enter
sees "▶ 0000:7C00"
keys x
sees "Booting from Floppy..."
keys r
sees "EFLAGS 00000202h"
keys c
sees "running"
keys c
sees "stop paused"
tmux -L "$session" resize-window -x 120 -y 40
sees "base 000F0000h"
keys Escape
sees "── memory ──"
keys q
sees "left with 0"
tmux -L "$session" kill-server

# From the terminal display and back. (A server that is just leaving would take the new session along.)
session=$session-b
LC_ALL=C.UTF-8 tmux -L "$session" -f /dev/null -u new-session -d -x 80 -y 25 "$ombra --display terminal; echo left with \$?; sleep 100"
sees "A tour of the machine"
keys C-]
sees "i look inside"
keys i
sees "EFL"
keys s
sees "did "
keys q
sees "A tour of the machine"
keys C-]
keys q
sees "left with 0"
exit $failed
