#!/usr/bin/env python3
"""Runs the benchmark guest under ombra and its peers and prints how they compare.

  tests/bench/run.py OMBRA [--peers ombra,jit,qemu,bochs,native] [--only NAME,...] [--repeat N]

Every peer boots the same CD (isolinux, Debian's i386 kernel, an initramfs of busybox, bench.c and programs of Debian with
their libraries) and is timed from outside by markers on the serial line; checksums must equal those of the native run of
the same binaries. Two boot sectors with 16-bit loops are timed the same way. What counts is the processor time of the
emulator, so that other load on the host disturbs little. Runs are interleaved; the table shows medians in seconds and,
per group, geometric means of ratios to the first peer. The peer 'jit' is ombra with --engine jit.
"""
import argparse, hashlib, math, os, re, resource, shutil, statistics, subprocess, sys, tempfile, time

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
}


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
                    os.path.join(HERE, "bench.c"), "-o", binary, "-lm"], check=True)
    return binary


def make_root(work, binary):
    """The guest's root without the programs."""
    root = os.path.join(work, "root")
    for d in ("bin", "dev", "proc", "tmp"):
        os.makedirs(os.path.join(root, d))
    shutil.copy(os.path.join(package("busybox-static"), "bin/busybox"), os.path.join(root, "bin/busybox"))
    os.symlink("busybox", os.path.join(root, "bin/sh"))
    shutil.copy(os.path.join(HERE, "init"), root)
    shutil.copy(binary, root)


def make_iso(work, names):
    root, cd, iso = (os.path.join(work, n) for n in ("root", "cd", "bench.iso"))
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


def command(peer, ombra, image, work):
    floppy = image.endswith(".img")
    if peer in ("ombra", "jit"):
        engine = ["--engine", "jit"] if peer == "jit" else []
        return [ombra, *engine, "--display", "none", "--clock", "virtual", "--serial", "stdio", "--fd" if floppy else "--cd", image]
    if peer == "qemu":
        return ["qemu-system-i386", "-accel", "tcg", "-m", "128", "-display", "none", "-serial", "stdio", "-monitor", "none",
                "-net", "none"] + (["-drive", f"file={image},format=raw,if=floppy"] if floppy else ["-cdrom", image])
    drive = (f"floppya: 1_44={image}, status=inserted\nboot: floppy" if floppy else
             f"ata0-master: type=cdrom, path={image}, status=inserted\nboot: cdrom")
    rc = os.path.join(work, "bochsrc")
    with open(rc, "w") as f:
        f.write("display_library: rfb, options=\"timeout=0\"\nmegs: 128\ncpu: model=p4_willamette, ips=50000000\n"
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
    p = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
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
    p.kill()
    p.wait()
    return times, sums


SECTORS = {"own_page": 0, "code_page": 1}
SECTOR_LOOPS = 20000000


def make_sectors(work):
    """Floppies whose boot sectors are 16-bit loops: data on its own page, and on the page of the code."""
    for name, same in SECTORS.items():
        base = os.path.join(work, name)
        subprocess.run(["as", "--32", "--defsym", f"SAME={same}", "--defsym", f"LOOPS={SECTOR_LOOPS}",
                        os.path.join(HERE, "sector.S"), "-o", base + ".o"], check=True)
        subprocess.run(["ld", "-m", "elf_i386", "-Ttext", "0x7c00", "--oformat", "binary", base + ".o", "-o", base + ".img"], check=True)
        with open(base + ".img", "ab") as f:
            f.truncate(1474560)


def run_sector(argv, limit):
    """Seconds between S and D on the serial line."""
    p = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
    began, start, seconds = time.monotonic(), None, None
    for raw in iter(p.stdout.readline, b""):
        line = raw.strip().decode("latin-1")
        if line.endswith("S"):
            start = used(p.pid)
        elif line.endswith("D") and start is not None:
            seconds = used(p.pid) - start
            break
        if time.monotonic() - began > limit:
            break
    p.kill()
    p.wait()
    return seconds


def run_program(work, name):
    """Seconds and checksum of a program of Debian on the host: the binaries of the guest, in the guest's shell."""
    root, folder = os.path.join(work, "root"), os.path.join(work, "native", name)
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


def run_native(work, names):
    times, sums = {}, {}
    for name in names:
        if name in PROGRAMS:
            times[name], sums[name] = run_program(work, name)
            continue
        began = used_by_children()
        out = subprocess.run([os.path.join(work, "bench"), name, str(NATIVE_REPEATS)], capture_output=True, text=True).stdout
        times[name], sums[name] = (used_by_children() - began) / NATIVE_REPEATS * GUEST_REPEATS, out.strip()
    return times, sums


def geometric(values):
    return math.exp(sum(map(math.log, values)) / len(values))


def choose(binary, only):
    """Names by group, those of `only` if it is given."""
    lines = [line.split() for line in subprocess.run([binary], capture_output=True, text=True).stdout.splitlines()]
    lines += [("programs", name) for name in PROGRAMS]
    unknown = set(only or ()) - {name for _, name in lines}
    if unknown:
        sys.exit(f"--only: no program named {' '.join(sorted(unknown))}")
    groups = {}
    for group, name in lines:
        if only is None or name in only:
            groups.setdefault(group, []).append(name)
    return groups


def prepare(work, groups):
    """Fetches the programs and runs everything on the host once: names and right checksums of what can be run."""
    folder = os.path.join(work, "root", "programs")
    os.makedirs(os.path.join(folder, "lib"))
    for name in ("programs.sh", "script.lua", "script.pl"):
        shutil.copy(os.path.join(HERE, name), folder)
    os.makedirs(os.path.join(work, "native"))
    with open(os.path.join(work, "native", "data"), "wb") as f:
        subprocess.run([os.path.join(work, "bench"), "data"], stdout=f, check=True)
    names, right = [], {}
    for name in [n for g in groups.values() for n in g]:
        try:
            if name in PROGRAMS:
                add_program(folder, name)
            right.update(run_native(work, [name])[1])
            names.append(name)
        except OSError as e:
            say(f"{name} left out: {e}")
    return names, right


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
        make_root(work, binary)
        names, right = prepare(work, groups)
        iso = make_iso(work, names)
        make_sectors(work)
        results = {p: {} for p in peers}
        for i in range(a.repeat):
            for peer in peers:
                say(f"round {i + 1} of {a.repeat}: {peer}")
                times, sums = run_native(work, names) if peer == "native" else run_guest(command(peer, a.ombra, iso, work), a.limit)
                for name, seconds in times.items():
                    if name != "boot" and sums.get(name) != right[name]:
                        say(f"{peer}: {name} gives {sums.get(name)}, not {right[name]}")
                        continue
                    results[peer].setdefault(name, []).append(seconds)
                missing = [n for n in names if n not in times]
                if missing:
                    say(f"{peer} did not finish: {' '.join(missing)}")
                for name in SECTORS if peer != "native" and not a.only else ():
                    seconds = run_sector(command(peer, a.ombra, os.path.join(work, name + ".img"), work), a.limit)
                    if seconds:
                        results[peer].setdefault(name, []).append(seconds)
        if any("boot" in results[p] for p in peers):
            groups["boot"] = ["boot"]
        if not a.only:
            groups["16-bit loop"] = list(SECTORS)
        table(groups, results, peers)


if __name__ == "__main__":
    main()
