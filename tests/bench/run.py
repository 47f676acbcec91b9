#!/usr/bin/env python3
"""Runs the benchmark guest under ombra and its peers and prints how they compare.

  tests/bench/run.py OMBRA [--peers ombra,jit,qemu,bochs,native] [--only NAME,...] [--repeat N]

Every peer boots the same CDs (isolinux, Debian's i386 kernel, an initramfs of busybox, the bench_*.c and programs of Debian
with their libraries) and is timed from outside by markers on the serial line; checksums must equal those of the native run
of the same binaries. The first CD has the groups of FIRST_CD, and booting it is what the row boot times; the second has the
others. Boot sectors with 16-bit loops and with changes of mode are timed the same way; their checksums are known. What counts
is the processor time of the emulator, so that other load on the host disturbs little. Runs are interleaved; the table shows
medians in seconds and, per group, geometric means of ratios to the first peer. The peer 'jit' is ombra's translator, 'ombra' its
interpreter; 'verify' is slow and tells on standard error what it has compared.
"""
import argparse, glob, hashlib, math, os, re, resource, shutil, signal, statistics, subprocess, sys, tempfile, time

HERE = os.path.dirname(os.path.abspath(__file__))
MATERIAL = os.path.join(HERE, "..", "guest", "material.sh")
NATIVE_REPEATS = 20
GUEST_REPEATS = 3  # of bench.c's, as init has it; the group programs runs once

LIB = "lib/i386-linux-gnu/"
LIBC = [("libc6", LIB + "ld-linux.so.2"), ("libc6", LIB + "libc.so.6"), ("libc6", LIB + "libm.so.6")]
PROGRAMS = {  # name: package and file of the program, then those of its libraries
    "gzip": [("gzip", "bin/gzip")],
    "bzip2": [("bzip2", "bin/bzip2"), ("libbz2-1.0", LIB + "libbz2.so.1.0")],
    "xz": [("xz-utils", "bin/xz"), ("liblzma5", LIB + "liblzma.so.5")],
    "sha256sum": [("coreutils", "bin/sha256sum")],
    "lua": [("lua5.4", "bin/lua5.4"), ("libreadline8", LIB + "libreadline.so.8"), ("libtinfo6", LIB + "libtinfo.so.6")],
    "perl": [("perl-base", "bin/perl"), ("libcrypt1", LIB + "libcrypt.so.1")],
    "tcc": [("tcc", "bin/tcc"), ("libc6", LIB + "libpthread.so.0"), ("libc6", LIB + "libdl.so.2")],
    "cc1": [("cpp-12", "lib/gcc/i686-linux-gnu/12/cc1"), ("libisl23", LIB + "libisl.so.23"), ("libmpc3", LIB + "libmpc.so.3"),
            ("libmpfr6", LIB + "libmpfr.so.6"), ("libgmp10", LIB + "libgmp.so.10"), ("zlib1g", LIB + "libz.so.1"),
            ("libzstd1", LIB + "libzstd.so.1")],
    "sqlite3": [("sqlite3", "bin/sqlite3"), ("libsqlite3-0", LIB + "libsqlite3.so.0"), ("libreadline8", LIB + "libreadline.so.8"),
                ("libtinfo6", LIB + "libtinfo.so.6"), ("zlib1g", LIB + "libz.so.1")],
}
LARGE = ("tcc", "cc1", "sqlite3")  # a group of their own
MEMORY = (128, 256)  # MiB for each CD: a root file system may fill half of it
FIRST_CD = ("integer", "calls", "x87", "sse2", "memory", "written", "kernel", "programs")


def say(text):
    print("-- " + text, file=sys.stderr, flush=True)


def package(name):
    """The folder in which the package lies unpacked."""
    p = subprocess.run([MATERIAL, "package", name], capture_output=True, text=True)
    if p.returncode:
        raise OSError((p.stderr.strip() or "material.sh failed").splitlines()[-1])
    return p.stdout.strip()


def add_program(folder, name):
    """Copies a program and its libraries out of their packages."""
    for i, (source, path) in enumerate(PROGRAMS[name] + LIBC):
        top = package(source)
        places = [os.path.join(top, path), os.path.join(top, "usr", path)]
        found = [p for p in places if os.path.isfile(p)]
        if not found:
            raise OSError(f"package {source} has no {path}")
        shutil.copy(found[0], os.path.join(folder, "lib", os.path.basename(path)) if i else os.path.join(folder, name))


def compile_bench(work):
    binary = os.path.join(work, "bench")
    subprocess.run(["gcc", "-m32", "-O2", "-static", "-idirafter", "/usr/include/x86_64-linux-gnu",
                    *sorted(glob.glob(os.path.join(HERE, "bench*.c"))), "-o", binary, "-lm"], check=True)
    return binary


def make_root(disc, binary):
    """The guest's root without the programs."""
    root = os.path.join(disc, "root")
    for d in ("bin", "dev", "proc", "tmp"):
        os.makedirs(os.path.join(root, d))
    shutil.copy(os.path.join(package("busybox-static"), "bin/busybox"), os.path.join(root, "bin/busybox"))
    os.symlink("busybox", os.path.join(root, "bin/sh"))
    shutil.copy(os.path.join(HERE, "init"), root)
    shutil.copy(binary, root)


def make_iso(disc, names):
    root, cd, iso = (os.path.join(disc, n) for n in ("root", "cd", "bench.iso"))
    kernel = subprocess.run([MATERIAL, "linux"], check=True, capture_output=True, text=True).stdout.split()[0]
    os.makedirs(cd)
    subprocess.run(f"cd {root} && find . | cpio -o -H newc --quiet -R 0:0 | gzip > {cd}/initrd.gz", shell=True, check=True)
    shutil.copy(kernel, os.path.join(cd, "linux"))
    shutil.copy(os.path.join(package("isolinux"), "usr/lib/ISOLINUX/isolinux.bin"), cd)
    shutil.copy(os.path.join(package("syslinux-common"), "usr/lib/syslinux/modules/bios/ldlinux.c32"), cd)
    with open(os.path.join(cd, "isolinux.cfg"), "w") as f:
        f.write("DEFAULT b\nLABEL b\n KERNEL linux\n APPEND initrd=initrd.gz quiet console=ttyS0,115200 "
                "nokaslr tsc=reliable bench=" + ",".join(n for n in names if n not in PROGRAMS) +
                " programs=" + ",".join(n for n in names if n in PROGRAMS) + "\n")
    subprocess.run(["xorriso", "-as", "mkisofs", "-quiet", "-o", iso, "-b", "isolinux.bin", "-c", "boot.cat", "-no-emul-boot",
                    "-boot-load-size", "4", "-boot-info-table", cd], check=True, stderr=subprocess.DEVNULL)
    return iso


ENGINES = {"ombra": ["--engine", "interp"], "jit": ["--engine", "jit"], "verify": ["--verify", "--stats"]}


def command(peer, ombra, image, work, memory=128):
    floppy = image.endswith(".img")
    if peer in ENGINES:
        engine = ENGINES[peer]
        return [ombra, *engine, "--mem", str(memory), "--display", "none", "--clock", "virtual", "--serial", "stdio",
                "--fd" if floppy else "--cd", image]
    if peer == "qemu":
        return ["qemu-system-i386", "-accel", "tcg", "-m", str(memory), "-display", "none", "-serial", "stdio", "-monitor",
                "none", "-net", "none"] + (["-drive", f"file={image},format=raw,if=floppy"] if floppy else ["-cdrom", image])
    drive = (f"floppya: 1_44={image}, status=inserted\nboot: floppy" if floppy else
             f"ata0-master: type=cdrom, path={image}, status=inserted\nboot: cdrom")
    rc = os.path.join(work, "bochsrc")
    with open(rc, "w") as f:
        f.write(f"display_library: rfb, options=\"timeout=0\"\nmegs: {memory}\ncpu: model=p4_willamette, ips=50000000\n"
                f"{drive}\nclock: sync=none\n"
                "com1: enabled=1, mode=file, dev=/dev/stdout\nlog: /dev/null\n")
    debugger = os.path.join(work, "bochs.go")
    with open(debugger, "w") as f:
        f.write("c\n")
    return ["bochs", "-q", "-f", rc, "-rc", debugger]


def used(pid):
    """Seconds of processor time that all threads of a running process have used: other load on the host does not count."""
    total = 0
    for thread in os.listdir(f"/proc/{pid}/task"):
        try:
            with open(f"/proc/{pid}/task/{thread}/schedstat") as f:
                total += int(f.read().split()[0])
        except OSError:
            pass  # the thread has just ended
    return total / 1e9


def used_by_children():
    r = resource.getrusage(resource.RUSAGE_CHILDREN)
    return r.ru_utime + r.ru_stime


def run_guest(argv, limit):
    """Seconds and checksum of each program, and seconds to the first line of /init."""
    times, sums, start = {}, {}, 0
    tells = "--verify" in argv
    p = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=None if tells else subprocess.DEVNULL, stdin=subprocess.DEVNULL)
    timer = time.monotonic() + limit
    for raw in iter(p.stdout.readline, b""):
        line = raw.decode("latin-1")
        if time.monotonic() > timer:
            break
        if "BENCH" not in line and "Kernel panic" not in line:
            continue
        now = used(p.pid)
        m = re.search(r"BENCH (boot|start|end|sum|done) ?(\S*) ?(\S*)", line)
        if m and m[1] == "boot":
            times["boot"] = now
        elif m and m[1] == "start":
            start = now
        elif m and m[1] == "end":
            times[m[2]] = now - start
        elif m and m[1] == "sum":
            sums[m[2]] = m[3]
        elif m:
            break
        if "Kernel panic" in line:
            break
    if tells:
        p.send_signal(signal.SIGINT)  # it ends with what it has to tell
    else:
        p.kill()
    if p.wait() == 1:
        say(f"{' '.join(argv)}: a difference")
    return times, sums


SECTORS = {  # name: group, source, its symbols and the checksum
    "own_page": ("16-bit loop", "sector.S", {"SAME": 0, "LOOPS": 20000000}, None),
    "code_page": ("16-bit loop", "sector.S", {"SAME": 1, "LOOPS": 20000000}, None),
    "modes": ("16 and 32 bits", "modes.S", {"KIND": 1, "LOOPS": 1000000}, "502c4957"),
    "segments": ("16 and 32 bits", "modes.S", {"KIND": 2, "LOOPS": 300000}, "c096e398"),
    "far": ("16 and 32 bits", "modes.S", {"KIND": 4, "LOOPS": 200000}, "c24b1354"),
    "ticks": ("16 and 32 bits", "modes.S", {"KIND": 3, "LOOPS": 5000000}, "350886f4"),
}


def make_sector(work, name):
    """A floppy whose boot sector is a loop."""
    _, source, symbols, _ = SECTORS[name]
    base = os.path.join(work, name)
    defined = [word for symbol, value in symbols.items() for word in ("--defsym", f"{symbol}={value}")]
    subprocess.run(["as", "--32", *defined, os.path.join(HERE, source), "-o", base + ".o"], check=True)
    subprocess.run(["ld", "-m", "elf_i386", "-Ttext", "0x7c00", "--oformat", "binary", base + ".o", "-o", base + ".img"],
                   check=True)
    with open(base + ".img", "ab") as f:
        f.truncate(1474560)
    return base + ".img"


def run_sector(argv, limit):
    """Seconds between S and D on the serial line, and what follows D."""
    p = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
    began, start, seconds, total = time.monotonic(), None, None, None
    for raw in iter(p.stdout.readline, b""):
        m = re.search(r"(S|D)( [0-9a-f]{8})?$", raw.strip().decode("latin-1"))
        if m and m[1] == "S":
            start = used(p.pid)
        elif m and start is not None:
            seconds, total = used(p.pid) - start, m[2] and m[2].strip()
            break
        if time.monotonic() - began > limit:
            break
    p.kill()
    p.wait()
    return seconds, total


def run_program(disc, name):
    """Seconds and checksum of a program of Debian on the host: the binaries of the guest, in the guest's shell."""
    root, folder = os.path.join(disc, "root"), os.path.join(disc, "native", name)
    os.makedirs(folder, exist_ok=True)
    began = used_by_children()
    p = subprocess.run([os.path.join(root, "bin/busybox"), "sh", os.path.join(root, "programs/programs.sh"), name,
                        str(NATIVE_REPEATS)], cwd=folder, env={}, capture_output=True, text=True)
    seconds = (used_by_children() - began) / NATIVE_REPEATS
    if p.returncode:
        raise OSError(f"does not run on this host: {p.stderr.strip() or p.returncode}")
    total = hashlib.md5()
    for file in sorted(os.listdir(folder)):
        with open(os.path.join(folder, file), "rb") as f:
            total.update(f.read())
    return seconds, total.hexdigest()


def run_native(disc, names):
    times, sums = {}, {}
    for name in names:
        if name in PROGRAMS:
            times[name], sums[name] = run_program(disc, name)
            continue
        began = used_by_children()
        out = subprocess.run([os.path.join(disc, "root/bench"), name, str(NATIVE_REPEATS)], capture_output=True, text=True).stdout
        times[name], sums[name] = (used_by_children() - began) / NATIVE_REPEATS * GUEST_REPEATS, out.strip()
    return times, sums


def geometric(values):
    return math.exp(sum(map(math.log, values)) / len(values))


def choose(binary, only):
    """Names by group, those of `only` if it is given."""
    lines = [line.split("\t") for line in subprocess.run([binary], capture_output=True, text=True).stdout.splitlines()]
    lines += [("large programs" if name in LARGE else "programs", name) for name in PROGRAMS]
    lines.sort(key=lambda line: line[0] not in FIRST_CD)
    lines += [(sector[0], name) for name, sector in SECTORS.items()]
    unknown = set(only or ()) - {name for _, name in lines}
    if unknown:
        sys.exit(f"--only: no program named {' '.join(sorted(unknown))}")
    groups = {}
    for group, name in lines:
        if only is None or name in only:
            groups.setdefault(group, []).append(name)
    return groups


def prepare(disc, binary, wanted):
    """Fetches the programs and runs everything on the host once: names and right checksums of what can be run."""
    make_root(disc, binary)
    folder = os.path.join(disc, "root", "programs")
    os.makedirs(os.path.join(folder, "lib"))
    for name in ("programs.sh", "script.lua", "script.pl", "script.sql"):
        shutil.copy(os.path.join(HERE, name), folder)
    os.makedirs(os.path.join(disc, "native"))
    for name in ("data", "source"):
        with open(os.path.join(disc, "native", name), "wb") as f:
            subprocess.run([binary, name], stdout=f, check=True)
    names, right = [], {}
    for name in wanted:
        try:
            if name in PROGRAMS:
                add_program(folder, name)
            right.update(run_native(disc, [name])[1])
            names.append(name)
        except OSError as e:
            say(f"{name} left out: {e}")
    return names, right


def run_peer(peer, ombra, disc, memory, names, limit):
    if peer == "native":
        return run_native(disc, names)
    return run_guest(command(peer, ombra, os.path.join(disc, "bench.iso"), disc, memory), limit)


def table(groups, results, peers):
    median = lambda peer, name: statistics.median(results[peer][name]) if results[peer].get(name) else None
    base = peers[0]
    others = [p for p in peers if p != base]
    print("| program | " + " | ".join(f"{p} (s)" for p in peers) + " | " + " | ".join(f"{p} / {base}" for p in others) + " |")
    print("|---|" + "---:|" * (len(peers) + len(others)))
    overall = {p: [] for p in others}
    for group, names in groups.items():
        ratios = {p: [] for p in others}
        for name in names:
            t = {p: median(p, name) for p in peers}
            if not t.get(base):
                continue
            for p in others:
                if t[p]:
                    ratios[p].append(t[p] / t[base])
                    overall[p].append(t[p] / t[base])
            cells = [f"{t[p]:.3f}" if t[p] else "" for p in peers]
            cells += [f"{t[p] / t[base]:.3g}" if t[p] else "" for p in others]
            print(f"| {name} | " + " | ".join(cells) + " |")
        means = [f"**{geometric(ratios[p]):.3g}**" if ratios[p] else "" for p in others]
        print(f"| **{group}** | " + " | ".join([""] * len(peers) + means) + " |")
    print("| **all** | " + " | ".join([""] * len(peers) + [f"**{geometric(overall[p]):.3g}**" if overall[p] else "" for p in others]) + " |")


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("ombra")
    arguments.add_argument("--peers", default="ombra,qemu,bochs,native")
    arguments.add_argument("--only", default="")
    arguments.add_argument("--repeat", type=int, default=3)
    arguments.add_argument("--limit", type=int, default=900, help="seconds that one guest run may take")
    a = arguments.parse_args()
    tools = {"qemu": "qemu-system-i386", "bochs": "bochs"}
    peers = []
    for p in a.peers.split(","):
        if p in tools and not shutil.which(tools[p]):
            say(f"{tools[p]} is not installed: left out")
        else:
            peers.append(p)
    with tempfile.TemporaryDirectory() as work:
        binary = compile_bench(work)
        groups = choose(binary, a.only.split(",") if a.only else None)
        wanted = [[], []]
        for group, members in groups.items():
            wanted[group not in FIRST_CD] += [n for n in members if n not in SECTORS]
        sectors = [n for g in groups.values() for n in g if n in SECTORS]
        discs = []
        for i, members in enumerate(wanted):
            if members:
                disc = os.path.join(work, f"cd{i + 1}")
                discs.append((disc, MEMORY[i], *prepare(disc, binary, members)))
                make_iso(disc, discs[-1][2])
        images = {name: make_sector(work, name) for name in sectors}
        results = {p: {} for p in peers}
        for i in range(a.repeat):
            for peer in peers:
                say(f"round {i + 1} of {a.repeat}: {peer}")
                for disc, memory, names, right in discs:
                    times, sums = run_peer(peer, a.ombra, disc, memory, names, a.limit)
                    if disc != discs[0][0]:
                        times.pop("boot", None)
                    for name, seconds in times.items():
                        if name != "boot" and sums.get(name) != right[name]:
                            say(f"{peer}: {name} gives {sums.get(name)}, not {right[name]}")
                            continue
                        results[peer].setdefault(name, []).append(seconds)
                    missing = [n for n in names if n not in times]
                    if missing:
                        say(f"{peer} did not finish: {' '.join(missing)}")
                for name in sectors if peer != "native" else ():
                    seconds, total = run_sector(command(peer, a.ombra, images[name], work), a.limit)
                    if total != SECTORS[name][3]:
                        say(f"{peer}: {name} gives {total}, not {SECTORS[name][3]}")
                    elif seconds:
                        results[peer].setdefault(name, []).append(seconds)
        if any("boot" in results[p] for p in peers):
            groups["boot"] = ["boot"]
        table(groups, results, peers)


if __name__ == "__main__":
    main()
