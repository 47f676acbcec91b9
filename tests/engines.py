#!/usr/bin/env python3
"""The engines end in the same state as the interpreter at the same instruction counts.

  tests/engines.py OMBRA [--engines ir,jit,tiny,verify] [--counts 1M,10M,...] [-- ARGUMENTS OF OMBRA]

OMBRA may be a command with arguments. Without arguments of its own the machine starts the tour. Whole saved states are compared,
byte for byte. 'tiny' translates everything at once in a cache that is always full, 'verify' compares. Exit status 0: all equal, 1: not, 77: this host has none of the engines.
"""
import argparse, os, subprocess, sys, tempfile

FIXED = ["--display", "none", "--clock", "virtual", "--rtc", "2020-01-01T00:00:00", "--snapshot"]
MODES = {"tiny": ["--engine", "jit", "--engine-threshold", "0", "--code-cache", "64K"], "verify": ["--verify"]}


def state(ombra, engine, count, arguments, work):
    """The saved state, or None where there is no such engine."""
    path = os.path.join(work, engine)
    p = subprocess.run([*ombra.split(), *MODES.get(engine, ["--engine", engine]), "--max-instructions", count, "--save-state", path, *FIXED, *arguments],
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    if p.returncode == 2 and "no translator" in p.stderr:
        return None
    if p.returncode:
        sys.exit(f"--engine {engine}: exit status {p.returncode}: {p.stderr.strip()}")
    with open(path, "rb") as f:
        return f.read()


def main():
    own, arguments = sys.argv[1:], []
    if "--" in own:
        own, arguments = own[: own.index("--")], own[own.index("--") + 1 :]
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("ombra")
    p.add_argument("--engines", default="ir,jit,tiny,verify")
    p.add_argument("--counts", default="1M,7M,20M")
    a = p.parse_args(own)
    different, compared = 0, 0
    with tempfile.TemporaryDirectory() as work:
        for count in a.counts.split(","):
            right = state(a.ombra, "interp", count, arguments, work)
            for engine in a.engines.split(","):
                other = state(a.ombra, engine, count, arguments, work)
                if other is None:
                    print(f"{count:>8} {engine:4} not on this host")
                    continue
                compared += 1
                different += other != right
                print(f"{count:>8} {engine:4} {'same' if other == right else 'DIFFERENT'} ({len(right)} bytes)", flush=True)
    return 1 if different else 0 if compared else 77


if __name__ == "__main__":
    sys.exit(main())
