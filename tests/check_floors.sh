#!/usr/bin/env bash
# Every #include "floor/..." points to its own floor or to one below (docs/architecture.md).
set -u
cd "$(dirname "$0")/.."
declare -A allowed=(
    [base]="base"
    [softmmu]="base softmmu"
    [cpu]="base softmmu cpu"
    [disk]="base disk"
    [translator]="base softmmu cpu translator"
    [hw]="base softmmu cpu translator disk hw"
    [frontend]="base softmmu cpu translator disk hw frontend"
)
bad=0
for floor in "${!allowed[@]}"; do
    while IFS=: read -r file target; do
        case " ${allowed[$floor]} " in
        *" $target "*) ;;
        *) echo "$file includes from $target/, which is above $floor/"; bad=1 ;;
        esac
    done < <(grep -rHo --include='*.[ch]' '^#include "[a-z]*/' "$floor" | sed 's/:#include "/:/; s/\/$//')
done
# Devices see base/ only; pc*.c and pc*.h alone know the processor and memory.
while IFS= read -r line; do
    case "$line" in hw/pc*) ;; *) echo "a device looks up: $line"; bad=1 ;; esac
done < <(grep -rHo --include='*.[ch]' '^#include "\(cpu\|softmmu\|disk\)/[a-z_]*' hw)
exit $bad
