#!/usr/bin/env python3
"""The lessons of docs/learn: each script runs, and prints what its page shows.      learn.py OMBRA

A page's blocks marked "text" are the output in order; a line "..." stands for lines left out up to the next command."""
import pathlib
import re
import subprocess
import sys

SKIP = 77


def blocks(page):
    """The lines of all blocks, one list."""
    return [line.rstrip() for block in re.findall(r"^```text\n(.*?)^```", page, re.S | re.M) for line in block.splitlines()]


def find_difference(want, got):
    """None, or what the page says and the script does not. Both are lists of lines; commands begin with '> '."""
    at, gap = 0, False
    for line in want:
        command = line.startswith("> ")
        if line == "...":
            gap = True
            continue
        if command or gap:
            while at < len(got) and got[at] != line and (command or not got[at].startswith("> ")):
                if command and got[at].startswith("> "):
                    return f"'{line}' is shown, the script goes on with '{got[at]}'"
                at += 1
        if at == len(got) or got[at] != line:
            return f"'{line}' is shown, printed is '{got[at] if at < len(got) else 'nothing'}'"
        at, gap = at + 1, False
    rest = [line for line in got[at:] if line.startswith("> ")]
    return f"the page does not show '{rest[0]}'" if rest else None


def check(ombra, script):
    run = subprocess.run([*ombra, "step", "--rtc", "2001-02-03", "--script", script], capture_output=True, text=True,
                         stdin=subprocess.DEVNULL, timeout=250)
    if run.returncode or run.stderr:
        return f"exit status {run.returncode}: {run.stderr.strip()}"
    shown = blocks(script.with_suffix(".md").read_text())
    if not shown:
        return "the page shows nothing"
    return find_difference(shown, [line.rstrip() for line in run.stdout.splitlines()])


def main():
    ombra = sys.argv[1].split()
    if not pathlib.Path("/usr/share/seabios/bios-256k.bin").exists():
        print("SeaBIOS is not installed: skipped")
        return SKIP
    folder = pathlib.Path(__file__).resolve().parent.parent / "docs" / "learn"
    scripts = sorted(folder.glob("*.step"))
    pages = sorted(page for page in folder.glob("*.md") if page.name != "README.md")
    failed = [page.with_suffix(".step") for page in pages] != scripts or len(scripts) != 5
    if failed:
        print("FAILED: not five pages with a script each")
    for script in scripts:
        wrong = check(ombra, script)
        print(f"{'FAILED: ' if wrong else ''}{script.stem}: {wrong or 'as shown'}")
        failed |= bool(wrong)
    return 1 if failed else 0


sys.exit(main())
