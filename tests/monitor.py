#!/usr/bin/env python3
"""The monitor of a real run, over its unix sockets: steering, looking, snapshots, media; and that it disturbs nothing.

  tests/monitor.py OMBRA

Exit status 77: SeaBIOS is not installed.
"""
import json, os, socket, stat, subprocess, sys, tempfile, time, zlib

OMBRA = os.path.abspath(sys.argv[1])
COUNT = 40_000_000  # of the runs that are compared
FLOPPY = 1474560
# Reads the floppy's first 17 sectors, counts rounds at 0:500h and writes that to the eighth sector, for ever.
BOOT = bytes.fromhex("31C08ED8BE00068EC0B81102BB0010B90100B600CD13FF060005B80103BB0005B90800CD13EBE2")
failed = False


def check(what, ok, seen=""):
    global failed
    if not ok:
        failed = True
        print(f"FAILED: {what}" + (f": {seen}" if seen != "" else ""), flush=True)


def make_floppy(name):
    with open(name, "wb") as f:
        f.write(BOOT.ljust(510, b"\0") + b"\x55\xaa")
        f.truncate(FLOPPY)


def rounds(name):
    with open(name, "rb") as f:
        f.seek(7 * 512)
        return int.from_bytes(f.read(2), "little")


def connect(path):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(30)
    for _ in range(500):
        try:
            s.connect(path)
            return s
        except OSError:
            time.sleep(0.02)
    raise SystemExit(f"FAILED: nobody listens at {path}")


class Json:
    """A client of --monitor-json."""

    def __init__(self, path):
        self.socket = connect(path)
        self.file = self.socket.makefile("r", encoding="utf-8")
        self.id = 0

    def raw(self, line):
        self.socket.sendall(line + b"\n")
        return json.loads(self.file.readline())

    def ask(self, command, **arguments):
        self.id += 1
        answer = self.raw(json.dumps({"execute": command, "arguments": arguments, "id": self.id}).encode())
        check(f"{command} answers with its id", answer.get("id") == self.id, answer)
        return answer

    def do(self, command, **arguments):
        answer = self.ask(command, **arguments)
        check(f"{command} {arguments}", "return" in answer, answer)
        return answer.get("return", {})

    def refuses(self, text, command, **arguments):
        answer = self.ask(command, **arguments)
        check(f"{command} {arguments} is refused", text in answer.get("error", ""), answer)

    def hash(self):
        return self.do("hash")["hash"]

    def count(self):
        return self.do("info", device="status")["instructions"]

    def run_for(self, counts):
        """Lets the guest run for COUNTS at least, then stops it."""
        end = self.count() + counts
        self.do("continue")
        limit = time.monotonic() + 200
        while self.count() < end and time.monotonic() < limit:
            time.sleep(0.01)
        self.do("pause")
        check("the guest runs on", self.count() >= end)


class Text:
    """A client of --monitor: answers end with the prompt."""

    def __init__(self, path):
        self.socket = connect(path)
        self.take()

    def take(self):
        got = b""
        while not got.endswith(b"(ombra) "):
            part = self.socket.recv(65536)
            if not part:
                break
            got += part
        return got.decode().removesuffix("(ombra) ")

    def do(self, line):
        self.socket.sendall(line.encode() + b"\n")
        return self.take()


def start(*arguments, **more):
    return subprocess.Popen([OMBRA, "--display", "none", "--clock", "virtual", "--rtc", "2001-02-03", *arguments],
                            **{"stdin": subprocess.DEVNULL, **more})


def start_paused(*arguments, **more):
    """Before the first instruction: the command is there already when the program starts."""
    r, w = os.pipe()
    os.write(w, b"pause\n")
    os.close(w)
    p = start("--monitor", "stdio", "--monitor-json", "unix:json.sock", *arguments, stdin=r, **more)
    os.close(r)
    return p


def ends(process, status):
    try:
        got = process.wait(60)
    except subprocess.TimeoutExpired:
        process.kill()
        got = "still running"
    check("exit status", got == status, got)


def test_snapshots(m):
    m.do("pause")
    before, count = m.hash(), m.count()
    check("a paused guest stands still", (m.hash(), m.count()) == (before, count))
    m.do("save", file="one.state")
    m.run_for(20_000_000)
    check("the guest changes as it runs", m.hash() != before)
    m.do("change", drive="a", file="second.img")
    m.do("load", file="one.state")
    check("the hash after load", m.hash() == before)
    check("the count after load", m.count() == count)


def test_refusals(m):
    m.run_for(20_000_000)  # away from the state that is loaded below
    before = m.hash()
    with open("one.state", "rb") as f:
        good = f.read()
    for name, data in {"cut": good[:-1], "flipped": good[:5000] + bytes([good[5000] ^ 1]) + good[5001:],
                       "newer": good[:8] + b"\x63" + good[9:], "short": good[:10], "no": b"x" * 100}.items():
        with open(name, "wb") as f:
            f.write(data)
        m.refuses(name, "load", file=name)
    # A good file whose last part is missing is found out when the machine has been reset and RAM is another already.
    chunks = good[24:].replace(b"\x08vga.vram", b"\x08vga.none", 1)
    with open("lacking", "wb") as f:
        f.write(good[:12] + zlib.crc32(chunks).to_bytes(4, "little") + good[16:24] + chunks)
    m.refuses("no part named vga", "load", file="lacking")
    subprocess.run([OMBRA, "--display", "none", "--mem", "16", "--max-instructions", "1000", "--save-state", "other",
                    "--fd", "third.img"], check=True, stdin=subprocess.DEVNULL)
    m.refuses("--mem 16", "load", file="other")
    m.refuses("No such file", "load", file="nosuch")
    m.refuses("no such file", "change", drive="a", file="nosuch.img")
    m.refuses("no drive", "change", drive="c", file="third.img")
    m.refuses("no drive", "eject", drive="b")
    m.refuses("no drive", "eject", drive="cd0")
    m.refuses("in use", "change", drive="a", file="second.img")
    m.refuses("folder does not exist", "save", file="nowhere/state")
    m.refuses("is a folder", "screenshot", file=".")
    m.refuses("not a regular file", "save", file="fifo")
    m.refuses("unknown statement", "keys", script="bogus")
    m.refuses("unknown command", "bogus")
    m.refuses("takes FILE", "save")
    m.refuses("no argument", "pause", file="x")
    for line in b"", b"{", b"[]", b"nothing", b'{"execute": 1}', b'{"execute": "hash"} x', b"\xff\xfe", b'"' * 70000:
        if line:
            check(f"{line[:20]} is refused", "error" in m.raw(line))
    check("refused commands change nothing", m.hash() == before)


def test_files(m):
    m.do("screenshot", file="screen.png")
    with open("screen.png", "rb") as f:
        check("the screenshot is a PNG", f.read(4) == b"\x89PNG")
    m.do("keys", script="wait SeaBIOS; dump screen.txt; type hello")
    check("keys are being typed", m.do("info", device="status")["typing"] is True)
    m.refuses("still being typed", "keys", script="key a")
    m.do("reset")
    check("reset", m.do("info", device="status")["cs"] == "0xF000")
    m.run_for(100_000_000)
    check("keys have been typed", m.do("info", device="status")["typing"] is False)
    check("the script's file", os.path.exists("screen.txt"))
    m.do("keys", script="wait Never")
    m.do("keys")
    m.do("keys", script="timeout 1ms; wait Never")
    m.run_for(1_000_000)
    check("a script that fails is told", "waited" in m.do("info", device="status").get("keys_failed", ""))
    check("no temporary files", not [n for n in os.listdir(".") if n.endswith(".tmp")], os.listdir("."))


def test_media(m):
    third = rounds("third.img")
    m.do("change", drive="a", file="third.img")
    m.do("reset")
    m.run_for(150_000_000)
    check("the guest writes to the new floppy", rounds("third.img") > third, rounds("third.img"))
    m.do("eject", drive="a")
    m.do("change", drive="cd", file="third.img")
    m.do("eject", drive="cd2")
    m.do("change", drive="a", file="third.img")


def test_text(t, m):
    check("text and JSON tell the same", t.do("hash").split() == ["hash", m.hash()])
    names = [line.split()[0] for line in t.do("help").splitlines()]
    check("help lists the commands", {"pause,", "hash", "xp"} <= set(names), names)
    check("text errors", t.do("x").startswith("error: "))
    check("an empty line", t.do("") == "")
    dump = t.do("x 0x7C00 4").split()
    data = bytes.fromhex(m.do("xp", addr=0x7C00, len=4)["data"])
    check("dumps agree", dump[1:5] == [f"{b:02X}" for b in data], dump)
    for device in m.do("info")["devices"]:
        lines = t.do(f"info {device}").splitlines()
        check(f"info {device} in both forms", len(lines) == len(m.do("info", device=device)) > 0, lines[:3])


def test_steering():
    with socket.socket(socket.AF_UNIX) as s:  # left behind by a run that died
        s.bind("json.sock")
    p = start("--monitor", "unix:text.sock", "--monitor-json", "unix:json.sock", "--cd", "empty", "--fd", "first.img",
              "--boot", "a")
    m = Json("json.sock")
    for name in "json.sock", "text.sock":
        check(f"mode of {name}", stat.S_IMODE(os.stat(name).st_mode) == 0o600)
    test_snapshots(m)
    test_refusals(m)
    t = Text("text.sock")
    test_text(t, m)
    t.socket.close()
    test_text(Text("text.sock"), m)
    test_files(m)
    test_media(m)
    m.do("quit")
    ends(p, 0)
    check("the sockets are gone", not os.path.exists("json.sock") and not os.path.exists("text.sock"))


def test_undisturbed():
    """A run that is paused, looked at, saved and loaded ends in the same state as one that is left alone."""
    ends(start("--fd", "alone.img", "--max-instructions", str(COUNT), "--save-state", "alone.state"), 0)
    p = start_paused("--fd", "watched.img", "--max-instructions", str(COUNT), "--save-state", "watched.state")
    m = Json("json.sock")
    check("no instruction has run", m.count() == 0, m.count())
    for _ in range(3):
        m.hash()
        for device in m.do("info")["devices"]:
            m.do("info", device=device)
        m.do("x", addr="0", len=65536)
        m.do("screenshot", file="watched.png")
        m.do("save", file="mid.state")
        m.do("load", file="mid.state")
        m.run_for(1_000_000)
    check("the run is not over too early", m.count() < COUNT, m.count())
    m.do("continue")
    ends(p, 0)
    with open("alone.state", "rb") as a, open("watched.state", "rb") as b:
        check("the monitor disturbs nothing", a.read() == b.read())
    check("nor the images", rounds("alone.img") == rounds("watched.img"))


def test_limits():
    """What has been run counts, not the count that a loaded state has."""
    p = start_paused("--fd", "first.img", "--stats", "--max-instructions", str(COUNT), stderr=subprocess.PIPE, text=True)
    m = Json("json.sock")
    m.do("save", file="early.state")
    for _ in range(2):
        m.run_for(2_000_000)
        m.do("load", file="early.state")
    m.do("continue")
    line = p.communicate(timeout=60)[1].splitlines()[0]
    check("--max-instructions over loads", line.split() == ["instructions", str(COUNT)], line)


def test_stdio():
    there, put = os.pipe()
    os.write(put, b"pause\ninfo status\nbogus\nhash")  # before the guest starts
    os.close(put)
    run = subprocess.run([OMBRA, "--display", "none", "--clock", "virtual", "--monitor", "stdio"], stdin=there, text=True,
                         capture_output=True, timeout=60)
    os.close(there)
    out = run.stdout.splitlines()
    check("commands come before the first instruction", out[1].split() == ["instructions", "0"], out)
    check("errors and a last line without an end", out[-2].startswith("error: ") and out[-1].startswith("hash "), out)
    check("standard input ends while paused", run.returncode == 0 and "nobody is left" in run.stderr, run.stderr)


def test_dead_guest():
    """One that has halted for good is not the end while somebody can look at it."""
    with open("dead.img", "wb") as f:
        f.write(b"\xfa\xf4".ljust(510, b"\0") + b"\x55\xaa")  # cli; hlt
        f.truncate(FLOPPY)
    p = start("--fd", "dead.img", "--monitor", "unix:text.sock", "--monitor-json", "unix:json.sock", stderr=subprocess.PIPE,
              text=True)
    m = Json("json.sock")
    limit = time.monotonic() + 200
    while m.do("info", device="status")["state"] != "paused" and time.monotonic() < limit:
        time.sleep(0.02)
    check("the dead guest is paused", m.do("info", device="status")["halted"] == "hlt")
    m.do("change", drive="a", file="third.img")
    m.do("reset")
    m.run_for(150_000_000)
    check("another floppy wakes it", m.do("xp", addr=0x500, len=2)["data"] != "0000")
    # All at once, as from a pipe, and every answer before the end.
    with connect("text.sock") as s:
        s.sendall(b"pause\nhash\nquit\n")
        s.shutdown(socket.SHUT_WR)
        got = b""
        while part := s.recv(65536):
            got += part
    check("answers to a pipe", b"hash  " in got, got)
    ends(p, 0)
    check("the guest's end is told", "halted for good" in p.stderr.read())


def main():
    if not os.path.exists("/usr/share/seabios/bios-256k.bin"):
        print("SeaBIOS is not installed")
        sys.exit(77)
    with tempfile.TemporaryDirectory() as work:
        os.chdir(work)
        for name in "first", "second", "third", "alone", "watched":
            make_floppy(name + ".img")
        os.mkfifo("fifo")
        for test in test_steering, test_undisturbed, test_limits, test_dead_guest, test_stdio:
            test()
        os.chdir("/")
    print("monitor: " + ("FAILED" if failed else "all as it should be"))
    sys.exit(failed)


main()
