#!/usr/bin/env bash
# golden must tell what is worse, better, new and lost, and take it all over: check.sh GOLDEN
set -u
golden=$1 dir=$(mktemp -d)
trap 'rm -r "$dir"' EXIT
bad=0
complain() {
    echo "$1" >&2
    cat "$dir/out" >&2
    bad=1
}
"$golden" "$dir/file" --accept "to begin with" >"$dir/out" || complain "cannot accept"
sed -i 's/^insn ADD_EvGv.r32 .*/insn ADD_EvGv.r32 1 1000 0  add/; s/^insn OR_EvGv.r32 .*/insn OR_EvGv.r32 1 1 2  or/; s/^insn AND_EvGv.r32 .*/insn AND_EvGv.r32 1000 1000 0  and/; /^insn SUB_EvGv.r32/d; s/^insn XOR_EvGv.r32/insn GONE.r32/' "$dir/file"
"$golden" "$dir/file" >"$dir/out" && complain "worse code passes"
grep -q '^worse  ADD_EvGv.r32 (add   ecx, edx): hot path 1 -> [0-9]* (more), in all 1000 -> [0-9]*$' "$dir/out" ||
    complain "worse: not told"
grep -q '^better AND_EvGv.r32 (and   ecx, edx): hot path 1000 -> [0-9]*' "$dir/out" || complain "better: not told"
grep -q '^better OR_EvGv.r32 (or    ecx, edx): calls of C 2 -> 0, ' "$dir/out" || complain "fewer calls: not told"
grep -q '^new    SUB_EvGv.r32 ' "$dir/out" || complain "new: not told"
grep -q '^worse  GONE.r32 .*: translated before' "$dir/out" || complain "lost: not told"
grep -q -- "--accept 'REASON'" "$dir/out" || complain "not told how to accept"
"$golden" "$dir/file" --accept "again" >"$dir/out" || complain "cannot accept again"
[ "$(grep -c '^#: .* \(to begin with\|again\)$' "$dir/file")" = 2 ] || complain "the log lacks a reason"
exit $bad
