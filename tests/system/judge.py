#!/usr/bin/env python3
"""The system judge: random cases in real, virtual-8086 and protected mode, run by Ombra and by Bochs, line by line.

  tests/system/judge.py OMBRA [--seed N] [--first N] [--cases N] [--peers bochs,kvm,qemu] [--show N]
  tests/system/judge.py OMBRA --coverage system_rows ...       also, for each row of the instruction table, its cases by mode
  tests/system/judge.py OMBRA --case N [--seed N]       one case, as everybody sees it
  tests/system/judge.py OMBRA --check [--stride N]      against the lines recorded in expected.xz
  tests/system/judge.py OMBRA --record                  writes expected.xz, once nothing differs from Bochs that is not settled

A difference that is settled belongs to one of the classes in settled.py, which says who is right and why. Exit status 0:
no other differences (with Bochs; QEMU's and KVM's are listed only), 1: some, 77: nobody to compare with.
"""
import argparse, collections, lzma, os, select, shutil, subprocess, sys, tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import settled

EXPECTED = os.path.join(HERE, "expected.xz")
RECORD_SEED, RECORD_CASES = 2026, 12000
CHUNK = 20000  # cases in one run of the image
GROUP = 16     # as kernel.c has it: cases that share some memory
SILENCE = 15    # seconds without a word from a machine until it is given up


def say(text):
    print("-- " + text, file=sys.stderr, flush=True)


def build(image, seed, first, count):
    subprocess.run([os.path.join(HERE, "build.sh"), image, str(seed), str(first), str(count)], check=True)


def run_ombra(ombra, work, image):
    return until_end([*ombra.split(), "--display", "none", "--clock", "virtual", "--fd", image, "--debugcon", "stdio", "--exit-port",
                      "--on-triple-fault", "stop", "--vgabios", "none", "--mem", "32"])


def run_bochs(work, image):
    rc, go = os.path.join(work, "bochsrc"), os.path.join(work, "go")
    with open(rc, "w") as f:
        f.write("display_library: rfb, options=\"timeout=0\"\nmegs: 32\nboot: floppy\nclock: sync=none\nlog: /dev/null\n"
                "cpu: model=p4_willamette, ips=50000000, ignore_bad_msrs=0, reset_on_triple_fault=0\n"
                f"floppya: 1_44={image}, status=inserted\nport_e9_hack: enabled=1\n")
    with open(go, "w") as f:
        f.write("c\n")
    return until_end(["bochs", "-q", "-f", rc, "-rc", go])


def run_qemu(work, image, accel="tcg", cpu="pentium3"):
    return until_end(["qemu-system-i386", "-accel", accel, "-cpu", cpu, "-m", "32", "-display", "none", "-net", "none", "-no-reboot",
                      "-debugcon", "stdio", "-drive", f"file={image},format=raw,if=floppy"])


def run_kvm(work, image):
    """The host's own processor."""
    return run_qemu(work, image, "kvm", "host,-arch-capabilities")


PEERS = {"bochs": ("bochs", run_bochs), "qemu": ("qemu-system-i386", run_qemu), "kvm": ("qemu-system-i386", run_kvm)}


def usable(peer, work):
    """True if PEER can judge here; else a line says why not."""
    program = PEERS[peer][0]
    if not shutil.which(program):
        say(f"{program} is not installed: goes on without {peer}")
        return False
    if peer != "kvm":
        return True
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        say("no access to /dev/kvm: goes on without this host's processor")
        return False
    image = os.path.join(work, "selftest")
    build(image, 1, 0, GROUP)
    if len(results(run_kvm(work, image))) < GROUP:
        say("/dev/kvm opens, but a guest in real and protected mode does not run on it: goes on without this host's processor")
        return False
    return True


def until_end(argv):
    """What a program prints up to the line 'end'; it is stopped then, and when it has said nothing for a while."""
    p = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    fd, data, tail = p.stdout.fileno(), [], b""
    while b"\nend" not in tail and select.select([fd], [], [], SILENCE)[0]:
        part = os.read(fd, 1 << 16)
        if not part:
            break
        data.append(part)
        tail = tail[-8:] + part
    p.kill()
    p.wait()
    return b"".join(data)


def results(data):
    """Number -> (case, outcome) of each whole line."""
    found = {}
    for line in data.decode("latin-1").split("\n"):
        case, colon, outcome = line.partition(" : ")
        number = case.split(" ", 1)[0]
        if colon and number.isdigit():
            found[int(number)] = (case, outcome.strip())
    return found


def fields(outcome):
    """The parts of an outcome by name; memory changes together under 'memory'."""
    d = {"memory": []}
    for word in outcome.split():
        name, equals, v = word.partition("=")
        if equals:
            d[name] = v
        else:
            d["memory"].append(word)
    return d


def difference(a, b):
    x, y = a.split(), b.split()
    return " ".join(w for w in x if w not in y), " ".join(w for w in y if w not in x)


def compare(ours, theirs):
    """The settled differences by class, and the numbers of the cases with others, as far as both ran."""
    classes, others = collections.Counter(), []
    for n in sorted(set(ours) & set(theirs)):
        if ours[n] == theirs[n]:
            continue
        reason = settled.classify(ours[n][0], fields(ours[n][1]), fields(theirs[n][1]))
        if reason:
            classes[reason] += 1
        else:
            others.append(n)
    return classes, others


def alone(runs, work, seed, n):
    """The class of case N when nothing runs before it, or None; what it printed is in the second part."""
    image = os.path.join(work, "image")
    build(image, seed, n, 1)
    lines = [results(run(image)).get(n) for run in runs]
    if not any(lines):
        return "endless", ""
    case = next(line[0] for line in lines if line)
    if lines[0] == lines[1]:
        return "earlier", ""
    a, b = (fields(line[1]) if line else settled.STOPPED for line in lines)
    here, there = difference(*(line[1] if line else "stops" for line in lines))
    return settled.classify(case, a, b), f"{case}\n    {runs[0].__name__:5} {here}\n    {runs[1].__name__:5} {there}"


def compare_all(runs, outs, work, seed, first, count):
    """As compare(); cases that differ in an unknown way, or that one machine did not get to, are run once more, alone."""
    classes, others = compare(*outs)
    wanting = [n for n in range(first, first + count) if n not in outs[0] or n not in outs[1]]
    left = {}
    for n in others + wanting:
        reason, text = alone(runs, work, seed, n)
        if not reason:
            left[n] = text
        elif reason != "earlier" or n in others:
            classes[reason] += 1
    return classes, left


def run_all(run, work, seed, first, count):
    """Results of COUNT cases; one at which the machine stops is named and passed over."""
    found, image, end = {}, os.path.join(work, "image"), first + count
    while first < end:
        build(image, seed, first, end - first)
        found.update(results(run(image)))
        done = first
        while done in found:
            done += 1
        if done < end:
            say(f"{run.__name__} stops in case {done}")
        first = done + GROUP - done % GROUP
    return found


MODES = ("real", "v86", "p16", "p32")

NO_CASES = {
    "HLT": "in real mode nothing would wake it: tests/unit/test_cpu_event.c",
}


class Coverage:
    """Counts cases, and those not settled, by row of the instruction table and by mode."""

    def __init__(self, tool):
        self.tool, self.ran, self.failed = tool, collections.Counter(), collections.Counter()

    def count(self, cases, failed):
        """CASES: number -> what is printed of the case."""
        words = [case.split() for case in cases.values()]
        asked = "".join(f"{32 if w[2].startswith('p32') else 16} {w[3]}\n" for w in words)
        names = subprocess.run([self.tool], input=asked, stdout=subprocess.PIPE, check=True, text=True).stdout.split()
        for number, w, name in zip(cases, words, names):
            mode = w[2].split("+")[0][:3] if w[2][0] == "p" else w[2].split("+")[0]
            self.ran[name, mode] += 1
            self.failed[name] += number in failed

    def show(self):
        """The table; true if every row has cases in every mode, or a reason."""
        rows = subprocess.run([self.tool, "all"], stdout=subprocess.PIPE, check=True, text=True).stdout.split()
        bare = 0
        print(f"{'row':20}" + "".join(f"{m:>8}" for m in MODES) + f"{'failed':>8}")
        for name in rows:
            counts = [self.ran[name, m] for m in MODES]
            reason = NO_CASES.get(name, "") if 0 in counts else ""
            bare += 0 in counts and not reason
            print(f"{name:20}" + "".join(f"{c:8}" for c in counts) + f"{self.failed[name]:8}  {reason}")
        print(f"{len(rows)} rows, {bare} without cases in some mode and without a reason")
        return bare == 0


def judge(a, peers, work):
    totals, others, lines = collections.Counter(), collections.Counter(), 0
    runners = {"ombra": lambda image: run_ombra(a.ombra, work, image)}
    for name in peers:
        runners[name] = lambda image, run=PEERS[name][1]: run(work, image)
    for name, run in runners.items():
        run.__name__ = name
    coverage = Coverage(a.coverage) if a.coverage else None
    for first in range(a.first, a.first + a.cases, CHUNK):
        count = min(CHUNK, a.first + a.cases - first)
        ours = run_all(runners["ombra"], work, a.seed, first, count)
        lines += len(ours)
        for peer in peers:
            theirs = run_all(runners[peer], work, a.seed, first, count)
            classes, left = compare_all([runners["ombra"], runners[peer]], [ours, theirs], work, a.seed, first, count)
            totals.update({(peer, c): k for c, k in classes.items()})
            for text in list(left.values())[: max(0, a.show - others[peer])]:
                print(text, flush=True)
            others[peer] += len(left)
            if coverage and peer == peers[0]:
                coverage.count({n: line[0] for n, line in ours.items()}, left)
        say(f"seed {a.seed}: {lines} of {a.cases} lines, not settled: " + ", ".join(f"{p} {others[p]}" for p in peers))
    for (peer, c), k in sorted(totals.items()):
        print(f"{peer:6} {k:6}  {c}: {settled.REASONS[c]}")
    for peer in peers:
        print(f"{lines} lines, seed {a.seed}: {sum(k for (p, _), k in totals.items() if p == peer)} settled differences from {peer}, "
              f"{others[peer]} others")
    covered = not coverage or coverage.show()
    return 1 if others.get("bochs") or not covered else 0


def check(a, work):
    with lzma.open(EXPECTED) as f:
        expected = results(f.read())
    image = os.path.join(work, "image")
    count = max(expected) + 1
    try:
        build(image, RECORD_SEED, 0, count if a.cases == 0 else min(a.cases, count))
    except subprocess.CalledProcessError:
        say("no compiler for 32-bit x86 here: skipped")
        return 77
    ours = results(run_ombra(a.ombra, work, image))
    bad = [n for n in ours if ours[n] != expected.get(n)]
    missing = (count if a.cases == 0 else min(a.cases, count)) - len(ours)
    for n in bad[: a.show]:
        here, there = difference(" : ".join(ours[n]), " : ".join(expected.get(n, ("", ""))))
        print(f"{ours[n][0]}\n    now      {here}\n    recorded {there}")
    print(f"system judge: {len(ours)} cases, {len(bad)} differ from the recorded lines, {missing} missing")
    return 1 if bad or missing else 0


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("ombra", help="the program, or a command that runs it")
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--first", type=int, default=0)
    p.add_argument("--cases", type=int, default=0)
    p.add_argument("--case", type=int)
    p.add_argument("--peers", type=lambda text: [x for x in text.split(",") if x in PEERS or p.error(f"no peer '{x}'")], default=["bochs", "kvm"],
                   help="of " + ", ".join(PEERS))
    p.add_argument("--show", type=int, default=20)
    p.add_argument("--coverage", metavar="PROGRAM", help="the build's system_rows")
    p.add_argument("--check", action="store_true")
    p.add_argument("--record", action="store_true")
    a = p.parse_args()
    with tempfile.TemporaryDirectory() as work:
        image = os.path.join(work, "image")
        if a.check:
            return check(a, work)
        if a.record:
            if not usable("bochs", work):
                return 77
            a.seed, a.cases = RECORD_SEED, RECORD_CASES
            if judge(a, ["bochs"], work):
                say("nothing is recorded before all of it is settled")
                return 1
            build(image, RECORD_SEED, 0, RECORD_CASES)
            data = run_ombra(a.ombra, work, image)
            with lzma.open(EXPECTED, "w", preset=9) as f:
                f.write(data)
            say(f"{len(results(data))} lines, {os.path.getsize(EXPECTED)} bytes")
            return 0
        if a.case is not None:
            build(image, a.seed, a.case - a.case % GROUP, a.case % GROUP + 1)
            outs = {"ombra": run_ombra(a.ombra, work, image)}
            outs.update({x: PEERS[x][1](work, image) for x in a.peers if usable(x, work)})
            for name, data in outs.items():
                print(f"{name:6}", " : ".join(results(data).get(a.case, ("nothing",))))
            return 0
        peers = [x for x in a.peers if usable(x, work)]
        if not peers:
            return 77
        a.cases = a.cases or 50000
        return judge(a, peers, work)


if __name__ == "__main__":
    sys.exit(main())
