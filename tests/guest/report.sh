# Sourced by tests that stand alone: 77 for what cannot be had, and FAILED lines that are counted.
failed=0

skip() {
    echo "skipped: $*" >&2
    exit 77
}

complain() {
    echo "FAILED: $*"
    failed=1
}
