#!/usr/bin/env bash
# The command line of ombra: what is wrong is told in one line on standard error with exit status 2, before anything runs;
# texts are printed; ends are exact.      cli.sh OMBRA
set -u
ombra=$1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 1
unset DISPLAY WAYLAND_DISPLAY SDL_VIDEODRIVER
failed=0

complain() { echo "FAILED: $*"; failed=1; }

# bad TEXT ARGUMENTS...: refused with one line that holds TEXT
bad() {
    local text=$1 status=0
    shift
    timeout 20 "$ombra" "$@" </dev/null >out 2>err || status=$?
    [ $status = 2 ] || complain "$*: exit status $status, not 2"
    [ "$(wc -l <err)" = 1 ] || complain "$*: $(wc -l <err) lines on standard error"
    [ ! -s out ] || complain "$*: something on standard output"
    grep -qF -- "$text" err || complain "$*: '$text' is not in: $(cat err)"
}

# good STATUS ARGUMENTS...: ends with STATUS and says nothing on standard error
good() {
    local want=$1 status=0
    shift
    timeout 60 "$ombra" "$@" </dev/null >out 2>err || status=$?
    [ $status = "$want" ] || complain "$*: exit status $status, not $want"
    [ ! -s err ] || complain "$*: $(cat err)"
}

: >empty
head -c 1000 /dev/zero >odd
head -c 100000 /dev/zero >zeros
head -c 1474560 /dev/zero >floppy.img
head -c 1048576 /dev/zero >disk.img
head -c 3000000 /dev/zero >large
# A floppy whose boot sector is one instruction: a jump to itself.
printf '\353\376' >boot
cat boot floppy.img | head -c 1474560 >a
printf '\125\252' | dd of=a bs=1 seek=510 conv=notrunc status=none

bad "unknown option" --bogus
bad "needs a value" --hd
bad "takes no value" --stats=1
bad "--code-cache takes a number from 65536 to 1073741824, not '63K'" --code-cache 63K
bad "--code-cache takes a number" --code-cache 2G
bad "--code-cache takes a number" --code-cache -1
bad "--code-cache takes a number" --code-cache 99999999999999999999
bad "--engine-threshold takes a number from 0 to 65535, not '65536'" --engine-threshold 65536
bad "--verify does not go with 'ombra step'" step --verify
bad "No such file or directory" --dump nosuch/dump
bad "unknown processor model" --cpu z80 a
bad "unknown log topic 'nope'" --log io,nope a
bad "no such file" nosuch.img
bad "is empty" empty
bad "say what it is with" zeros
bad "no whole number of 512-byte sectors" --hd odd
bad "less than one CD sector" --cd odd
bad "more than any floppy" --fd large
bad "is a directory" --hd /
bad "not a kernel" --kernel a
bad "the file is empty" --kernel empty
bad "No such file" --kernel nosuch
bad "goes with" --append x a
for spec in "" x 65536 -1 :1 localhost:1 1.2.3:1 "[::1" "[::1]" "[1.2.3.4]:1"; do
    bad "takes PORT" --gdb "$spec" a
done
bad "the path is missing" --gdb unix: a
bad "the path is too long" --gdb "unix:$(printf '%0200d' 0)" a
bad "No such file" --gdb unix:nosuch/socket a
bad "Address already in use" --gdb unix:a a
bad "goes with" --initrd a a
bad "multiple of 64 KiB" --bios odd
bad "No such file" --bios nosuch
bad "No such file" --vgabios nosuch a
bad "too large" --vgabios a a
bad "room for 2" a a a
bad "room for 4 drives" --hd disk.img --hd disk.img --hd disk.img --cd empty --cd empty
bad "in use" --hd disk.img --hd disk.img
bad "--rtc takes" --rtc tomorrow a
bad "--rtc takes" --rtc 2021-02-29 a
bad "--rtc takes" --rtc 2021-02-28x a
bad "--mem takes" --mem 0 a
bad "--boot takes" --boot x a
bad "--display takes" --display x a
bad "--serial takes" --serial tcp a
bad "name of the file is missing" --serial file: a
bad "can be given once" --serial stdio --serial stdio a
bad "--parallel takes" --parallel stdio a
bad "--debugcon takes" --debugcon pty a
bad "--monitor takes" --monitor tcp:1 a
bad "--monitor-json takes" --monitor-json pty a
bad "name of the socket is missing" --monitor unix: a
bad "is too long" --monitor "unix:$(printf '%0200d' 0)" a
bad "there is a file of that name" --monitor unix:a a
bad "No such file" --monitor-json unix:no/socket a
bad "at once" --monitor stdio --serial stdio a
bad "at once" --monitor stdio --monitor-json stdio a
bad "unknown statement" --keys bogus a
bad "cannot read the key script" --keys @nosuch a
bad "no terminal" --display terminal a
bad "no display" --display sdl a
bad "folder does not exist" --screenshot no/x.png a
bad "folder does not exist" --text-dump no/x a
bad "is a folder" --save-state / a
bad "log cannot be written" --log-file no/x a
bad "No such file" --symbols nosuch a
bad "line 1 is not 'address letter name'" --symbols boot a
printf '00001000 T start\n00001010 oops\n' >map
bad "line 2 is not" --symbols map@0x10 a
printf '         U nowhere\n' >map
bad "names no address" --symbols map a
printf '\177ELF\001\001\001' >elf
bad "only symbols of 32-bit ELF" --symbols elf a
bad "can be given 8 times" $(printf -- '--symbols map %.0s' 1 2 3 4 5 6 7 8 9) a
bad "the kinds are insn" --trace bogus a
bad "says no kind" --trace cpl=0 a
bad "the filters are addr=" --trace insn,bogus=1 a
bad "is not NUMBER, FROM..TO" --trace insn,addr=main a
bad "goes with --trace" --trace-file trace a
bad "does not go with 'ombra step'" step --trace insn a
bad "goes with --trace" --trace-format binary a
bad "needs a file" --trace insn --trace-format binary a
bad "--trace-format takes" --trace insn --trace-format x a
bad "No such file" --trace insn --trace-file no/x a
bad "diff-trace A B" diff-trace
bad "diff-trace A B" diff-trace a
bad "not more" diff-trace a a a
bad "unknown option" diff-trace --bogus a a
bad "needs a value" diff-trace a a --context
bad "--context takes" diff-trace a a --context -1
bad "--ignore takes" diff-trace a a --ignore EFL,nope
bad "No such file" diff-trace nosuch a
bad "not a trace" diff-trace a a
bad "not a state" --load-state a
bad "not a CMOS file" --cmos boot a

good 0 --help
grep -q -- --max-instructions out || complain "--help lists no options"
good 0 --man
grep -q '^.Sh NAME' out || complain "--man prints no man page"
grep -q '^.It Cm screenshot Ar FILE' out || complain "--man has no monitor commands"
good 0 --version
grep -q '^ombra [0-9]' out || complain "--version prints no version"
good 0 --cpu help
grep -q '^p3' out || complain "--cpu help lists no models"
good 0 --log help
grep -q '^disk' out || complain "--log help lists no topics"

if [ -e /usr/share/seabios/bios-256k.bin ]; then
    for n in 1 12345 1000000; do
        timeout 60 "$ombra" --display none --stats --max-instructions $n a </dev/null 2>err || complain "--max-instructions $n"
        grep -q "^instructions *$n\$" err || complain "--max-instructions $n is not exact: $(head -1 err)"
    done
    timeout 60 "$ombra" --display none --engine jit --stats --max-instructions 3M a </dev/null 2>err || complain "--engine jit --stats"
    awk '/^instructions  /{all = $2} /^instructions [bo]/{sum += $NF} END {exit !(all == 3000000 && sum == all)}' err ||
        complain "instructions by tier do not add up: $(grep instructions err)"
    awk '/^ways from C/{all = $NF} /^  left: /{sum += $NF} END {exit !(all > 0 && sum == all)}' err ||
        complain "ways out of translated code do not add up: $(grep -A12 '^ways' err)"
    timeout 60 "$ombra" --display none --stats --max-time 0.25 a </dev/null 2>err || complain "--max-time"
    grep -q '^virtual time *0.250000 s$' err || complain "--max-time is not exact: $(sed -n 2p err)"
    good 0 --display none --max-time 1 --debugcon stdio --text-dump text --screenshot shot.png a
    grep -q SeaBIOS out || complain "no SeaBIOS on the debug console"
    grep -q SeaBIOS text || complain "no SeaBIOS on the screen"
    [ "$(head -c 4 shot.png | tail -c 3)" = PNG ] || complain "the screenshot is no PNG"
    for i in 1 2; do
        timeout 60 "$ombra" --display none --stats --rtc 2001-02-03 --keys 'wait SeaBIOS; sleep 300ms; key a; sleep 200ms; quit' \
            a </dev/null 2>err || complain "key script"
        head -2 err >run$i
    done
    cmp -s run1 run2 || complain "two runs of one script differ: $(cat run1 run2)"
    for form in text binary; do
        good 0 --display none --clock virtual --rtc 2001-02-03 --max-instructions 300K --trace insn,mem,port,int \
            --trace-format $form --trace-file $form.trace a
    done
    good 0 diff-trace text.trace binary.trace
    grep -q '^the traces are equal: [0-9]* records$' out || complain "traces of two forms: $(cat out)"
    sed '/# end/!s/| EAX=00000000 EFL/| EAX=00000001 EFL/' text.trace >other.trace
    good 1 diff-trace other.trace binary.trace --context 3
    grep -q '^\* EAX ' out || complain "the difference is not in: $(cat out)"
    [ "$(grep -c '^  *[0-9]' out)" = 3 ] || complain "no 3 records before the difference: $(cat out)"
    head -c 5000 binary.trace >cut.trace
    bad "cut off" diff-trace cut.trace cut.trace
    good 9 --display none --keys 'timeout 5s; wait SeaBIOS; quit 9' a
    good 0 --display none --max-time 0.1 --cmos cmos a
    [ "$(stat -c %s cmos)" = 256 ] || complain "the CMOS file is not there"
    good 0 --display none --max-time 0.1 --cmos cmos a
fi
[ $failed = 0 ] && echo "command line: all as it should be"
exit $failed
