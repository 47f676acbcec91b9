"""Differences from Bochs that are settled: classes, each with who is right and why."""

import re

REASONS = {
    "pointer-order": "LES and relatives read the offset first on silicon (AMD, judged natively); Bochs the selector: another CR2",
    "arpl-reads": "ARPL faults as a read until it has to write (AMD, judged natively); Bochs asks for write access at once",
    "push-before-check": "near and far CALL check the target before they push (SDM vol. 2A, CALL); Bochs leaves the pushed words in memory",
    "task-order": "the order of the checks after a task switch: SDM vol. 3A table 8-1 has CS before the data segments, Bochs after them",
    "task-stack": "a fault while a new task's segments are loaded: the manual leaves open which stack its handler finds",
    "vip-pvi": "VIP with VIF in virtual-8086 mode is for CR4.VME (SDM vol. 3A 20.3.2); Bochs also faults for CR4.PVI alone",
    "stack-wrap": "pops of several words wrap around at the end of a stack one by one (AMD, judged natively); Bochs raises #SS",
    "accessed-early": "an inner stack's descriptor is marked accessed when it has been checked, Bochs marks it when it is loaded: seen when "
                      "something else faults in between",
    "parts-order": "CMPS, POPA and others with one part out of the segment and another misaligned: which is looked at first",
    "push-partly": "PUSHA and ENTER check all their bytes before they write; Bochs writes up to the fault",
    "vm-return": "IRET to virtual-8086 mode checks EIP against FFFFh (SDM vol. 2A, IRET); Bochs cuts it to 16 bits",
    "rep-flags": "a fault in REP CMPS or SCAS leaves the flags as before the instruction (SDM vol. 2B, REP); Bochs as after the last round",
    "gate-esp": "a 32-bit gate pushes all of ESP, also for a 16-bit stack, as an exception does; Bochs clears its high half",
    "outside": "code that ran out of the image's memory: what it reads there is not the processor's",
    "earlier": "alone the case ends alike: a settled one before it in its group has left other memory",
    "endless": "neither machine comes to an end of the case: it shuts down, or the handlers it finds go round in a circle",
    "no-return": "a task switch to page tables that are not there: PDPTEs with reserved bits are not loaded and the old ones stay "
                 "(SDM vol. 3A 4.4.1), so that the handlers are reached; Bochs shuts down",
    "inner-esp": "the stack pointer of an inner stack comes whole from a 32-bit TSS (SDM vol. 2A, INT); Bochs takes 16 bits of it for a "
                 "16-bit stack",
    "cvtpi2ps": "CVTPI2PS enters MMX mode and waits for x87 exceptions also with memory (SDM vol. 2A); Bochs as for CVTPI2PD",
    "maskmov": "MASKMOVQ and MASKMOVDQU: which byte is named, and whether one faults that the mask leaves out (the manual leaves it open)",
    "large-operand": "x87 and SSE images and 80-bit operands with one part here and one there: which is looked at first. In "
                     "16-bit code Bochs lets environments wrap around at 64 KiB",
    "inexact-underflow": "an unmasked underflow leaves PE clear, also where the result is inexact (AMD, judged natively); Bochs sets it",
    "fsave-align": "the alignment that #AC asks of x87 environments is 2 or 4 (SDM vol. 3A table 6-7); Bochs asks 8 of the registers in them",
    "last-place": "C1 tells how a transcendental function was rounded, and its last place is each processor's own",
    "flat-end": "an operand across 4 GiB faults in a flat segment (AMD, judged natively; the manual leaves it open); Bochs wraps around",
}


def same(a, b, *but):
    return all(a.get(k) == b.get(k) for k in set(a) | set(b) if k not in but)


def extra_only(a, b, where=("stack+",)):
    """The other one has changed some more memory there."""
    more = [w for w in b["memory"] if w not in a["memory"]]
    gone = [w for w in a["memory"] if w not in b["memory"]]
    return not gone and more and all(w.startswith(where) for w in more) and same(a, b, "memory")


def beyond(a):
    """Runs above the first 64 KiB of a segment made at random: in a ROM or in a hole."""
    cs = int(a["cs"], 16)
    return int(a["eip"], 16) > 0xFFFF and (cs & 4 or cs >= 0xE0)


def away(a, b, mode):
    """Both went to memory that is not the image's own, or where other data lies, and met other code."""
    if a["cs"] != b["cs"]:
        return False
    if mode == "real":
        return a["cs"] not in ("6400", "700")
    tables = [{w for w in x["memory"] if w.startswith(("gdt+", "ldt+"))} for x in (a, b)]
    cs = int(a["cs"], 16)
    ran = not same({**a, "memory": 0}, {**b, "memory": 0}, "vec", "err", "eip", "esp", "cr2") and a.get("vec") != "3"
    tables_run = not 0x500 <= int(a["eip"], 16) < 0x80000 # code made of interrupt vectors or page-table entries
    ran |= tables_run
    return tables[0] == tables[1] and (beyond(a) or beyond(b) or (cs & 4 or cs >= 0xE0 or tables_run) and ran)


def without_early(a, b):
    """A without the accessed bits that B has not set, or None where there are none."""
    early = [w for w in a["memory"] if w.startswith(("gdt+", "ldt+")) and w not in b["memory"]]
    at = {w.split(":")[0] for w in b["memory"]}
    if not early or any(w.split(":")[0] in at for w in early):
        return None
    return {**a, "memory": [w for w in a["memory"] if w not in early]}


def halves(a, b):
    """Memory differs in one dword, whose high half the other one has cleared."""
    x, y = ([w.split(":")[1] for w in d["memory"] if w not in e["memory"]] for d, e in ((a, b), (b, a)))
    return len(x) == len(y) == 1 and int(x[0], 16) & 0xFFFF == int(y[0], 16)


def parts(case):
    """Form, mode, instruction, CR4 and EFLAGS of a case."""
    words = case.split()
    named = dict(w.split("=") for w in words[4:])
    return words[1], words[2], words[3], int(named["cr4"], 16), int(named["flags"], 16)


LIKE = (("63", "arpl"), ("62", "bound"), ("(F2|F3)?(A[4-7]|A[A-F])", "string"), ("(60|61|C8|C9|5.|68|6A|9C|9D)", "stack"),
        ("(CC|CD|CE|F1)", "int"), ("(E8|E9|EB)", "near"))


def bare(code):
    """CODE without prefixes that choose sizes and segments."""
    return re.sub("^(26|2E|36|3E|64|65|66|67|F0)*", "", code)


def form_of(form, code):
    """The form that a case of any row would have been, if there is one."""
    return next((name for pattern, name in LIKE if form == "row" and re.match(pattern, bare(code))), form)


def row_class(mode, code, a, b):
    """Of instructions whose table row says that they touch more than general registers."""
    code = bare(code)
    vectors = {a.get("vec"), b.get("vec")}
    if code.startswith("0F2A") and (not same(a, b, "vec") or a.get("ftw") == "FF"):
        return "cvtpi2ps"
    if code.startswith("0FF7") and (vectors & {"C", "D", "E", "11"} or same(a, b, "memory")):
        return "maskmov"
    if code.startswith("D9F") and same(a, b, "fsw") and int(a["fsw"], 16) ^ int(b["fsw"], 16) == 0x200:
        return "last-place"
    if same(a, b, "mxcsr") and int(a.get("mxcsr", "0"), 16) ^ int(b.get("mxcsr", "0"), 16) == 0x20:
        return "inexact-underflow"
    if not code.startswith(("D9", "DB", "DD", "DF", "0FAE")):
        return None
    if b.get("vec") == "11" and a.get("vec") in ("1", "3"):
        return "fsave-align"
    wraps = not mode.startswith("p32") and a.get("vec") in ("C", "D") and b.get("vec") in ("1", "3")
    return "large-operand" if wraps or vectors <= {"C", "D", "E", "11"} else None


def inner_esp(a, b):
    """ESP differs in its high half only, and nothing else does but the same in what was pushed."""
    if a.get("esp") == b.get("esp") or not same({**a, "memory": 0}, {**b, "memory": 0}, "esp"):
        return False
    x, y = ([w for w in d["memory"] if w not in e["memory"]] for d, e in ((a, b), (b, a)))
    return x == [f"stack+98:{a.get('esp')}"] and y == [f"stack+98:{b.get('esp')}"] and a["esp"][-4:] == b["esp"][-4:]


TRANSFERS = ("far-direct", "far-indirect", "iret", "ret-far", "int", "stack")
STOPPED = {"memory": [], "stopped": True} # the machine shut down or ran on for ever


def classify(case, a, b):
    """The class of the difference between outcomes A (ours) and B, or None. Either may be STOPPED."""
    form, mode, code, cr4, flags = parts(case)
    form = form_of(form, code)
    if STOPPED in (a, b):
        strange = form in TRANSFERS and mode == "real" and a.get("cs") not in ("6400", "700")
        return "outside" if strange else "no-return" if b is STOPPED and "+pae" in mode and a.get("tr") else None
    both = {a.get("vec"), b.get("vec")}
    both_page_faults = a.get("vec") == b.get("vec") == "E"
    if form == "row" and row_class(mode, code, a, b):
        return row_class(mode, code, a, b)
    if form in ("int", "far-direct", "far-indirect") and inner_esp(a, b):
        return "inner-esp"
    if form in ("load-pointer", "bound", "far-indirect") and both_page_faults and same(a, b, "cr2", "err", "memory"):
        return "pointer-order"
    if form == "load-pointer" and both <= {"C", "D", "E", "11"} and both & {"E", "11"}:
        return "pointer-order"
    if form == "arpl" and b.get("vec") == "E" and int(b.get("err", "0"), 16) & 2:
        return "arpl-reads"
    if form == "arpl" and same(a, b, "memory"):
        return "arpl-reads"
    if a.get("vec") in ("C", "D") and b.get("vec") == "E" and int(b.get("cr2", "0"), 16) >= 0xFFFFFFE0:
        return "flat-end"
    if form in ("near", "far-direct", "far-indirect", "one-operand", "stack") and extra_only(a, b):
        return "push-before-check"
    returned = form == "iret" and int(a.get("fl", "0"), 16) & 0x1A0000 == 0x1A0000
    if (returned or mode.startswith("v86") and flags & 0x180000 == 0x180000) and cr4 & 3 == 2 and b.get("vec") == "D":
        return "vip-pvi"
    if form in ("stack", "ret-far") and b.get("vec") == "C" and a.get("vec") != "C":
        return "stack-wrap"
    if both in ({"C", "11"}, {"D", "11"}):
        return "parts-order"
    if form == "stack" and extra_only(a, b, ("stack+", "data+")):
        return "push-partly"
    if form == "iret" and a.get("vec") == "D" and a.get("err") == "0" and int(b["fl"], 16) & 0x20000:
        return "vm-return"
    if form == "string" and same(a, b, "fl", "memory") and a.get("vec") in ("C", "D", "E", "11"):
        return "rep-flags"
    if form in ("int", "far-direct", "far-indirect") and without_early(a, b):
        return "accessed-early" if without_early(a, b) == b else classify(case, without_early(a, b), b)
    if form.startswith("far") and same(a, b, "memory") and halves(a, b):
        return "gate-esp"
    if a.get("eip") == b.get("eip") and "FFFFFFFF" in (a.get("eax"), b.get("eax")):
        return "outside"
    if form in TRANSFERS and away(a, b, mode):
        return "outside"
    switched = a.get("tr") != b.get("tr") or "tr" in a
    if form in ("int", "far-direct", "far-indirect", "iret", "ret-far") and switched:
        return "task-stack" if "8" in (a.get("vec"), b.get("vec")) else "task-order" if b.get("vec") in "ABCD" else None
    return None
