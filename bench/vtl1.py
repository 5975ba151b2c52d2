# SPDX-License-Identifier: GPL-2.0-only
"""The measurements of VTL1: calls into it, trustlets, and what it holds up. Listed in ALL, as in measures.py."""

import json
import re
import sys

from common import BUILD, FLAVOR, OUT, ROOT, Row, counts, module, say, status, tiny

sys.path.insert(0, str(ROOT / "tests" / "boot"))

from vtl1lib import CMD, HELLO, SELFTEST  # noqa: E402

# Where the parts of a VTL call lie: HV_VA_BASE, SK_VA_BASE (include/openvbs). Linux is never there.
HYPERVISOR = (0xFFFFFF8000000000, 0xFFFFFF80FFFFFFFF)
SECURE_KERNEL = (0xFFFFFFFF80000000, 0xFFFFFFFF80FFFFFF)
CALL_TARGET = 400
MIB = 1 << 20
CALLS, ROUNDS = 1000, 5
LOOPS = {"empty": (18, 19), "bare": (20, 21), "version": (22, 23)}  # marks, bench/vtlcall
SHOWN = {"bare": "bare VTL call (unknown op)", "version": "message VERSION"}


def vtlcall_instructions(_want):
    """One VTL call, and how much of it is in which world."""
    marks = counts("vtlcall", (HYPERVISOR, SECURE_KERNEL))
    with tiny("vtlcall", FLAVOR, cpus=1, icount=True, files={"/lib/vtlcall.ko": module("vtlcall")},
              qemu_args=marks.qemu_args) as m:
        m.sh(f"insmod /lib/vtlcall.ko calls={CALLS} rounds={ROUNDS}")
    found = {name: [min(column) / CALLS for column in zip(*marks.all_between(*LOOPS[name]))] for name in LOOPS}
    for name, shown in SHOWN.items():
        total, hypervisor, secure_kernel = (round(a - b, 2) for a, b in zip(found[name], found["empty"]))
        yield Row("vtlcall.instructions", f"{shown}, 1 CPU, icount", total, "instructions/call", None, CALL_TARGET)
        yield Row("vtlcall.instructions.hypervisor", shown, hypervisor, "instructions/call")
        yield Row("vtlcall.instructions.securekernel", shown, secure_kernel, "instructions/call")


def vtlcall_time(_want):
    """The same by the guest's clock, on an emulator."""
    calls, rounds = 20000, 10
    with tiny("vtlcall-time", FLAVOR, cpus=1, files={"/lib/vtlcall.ko": module("vtlcall")}) as m:
        m.sh(f"insmod /lib/vtlcall.ko calls={calls} rounds={rounds}")
        said = m.sh("dmesg")
    best = {name: min(int(ns) for ns in re.findall(rf"vtlcall: {name} {calls} (\d+)", said)) / calls for name in LOOPS}
    for name, shown in SHOWN.items():
        yield Row("vtlcall.time", f"{shown}, 1 CPU", round((best[name] - best["empty"]) / 1000, 3), "us/call")


def with_vtl1(name, **options):
    """A tiny machine that has what calls trustlets; see ready()."""
    files = {"/lib/openvbs.ko": module("openvbs"), "/bin/calls": OUT / "calls", "/bin/sign": OUT / "sign"}
    clients = {f"/bin/{program}": BUILD / "clients" / f"{program}.static" for program in ("ovbs-call", "ovbs-ps")}
    return tiny(name, FLAVOR, files={**files, **clients}, **options)


def ready(m):
    m.sh("grep -q ' /sys/kernel/security ' /proc/mounts || mount -t securityfs none /sys/kernel/security")
    m.sh("insmod /lib/openvbs.ko; chmod +x /bin/*")


# --- hello -----------------------------------------------------------------

HELLO_TURNS = 50
HELLO_MARKS = {"open": (26, 27), "invoke": (27, 28), "close": (28, 29)}  # bench/calls.c


def median(numbers):
    return sorted(numbers)[len(numbers) // 2]


def hello_instructions(_want):
    """From the program's call of libopenvbs and back, all worlds together."""
    marks = counts("hello")
    with with_vtl1("hello", cpus=1, icount=True, qemu_args=marks.qemu_args) as m:
        ready(m)
        m.sh(f"calls hello {HELLO_TURNS}")
    for name, pair in HELLO_MARKS.items():
        found = [total for total, in marks.all_between(*pair)]
        if name == "open":
            yield Row("hello.instructions", "first open: starts the trustlet, 1 CPU, icount", found[0], "instructions")
        yield Row("hello.instructions", f"{name}, 1 CPU, icount", median(found[1:]), "instructions/call")


CALLERS = (1, 2, 4, 8)
CALLS_PER_THREAD = 1000
ECHO = f"{SELFTEST} {CMD['ECHO']} v:1,2 V:"
ADD = f"{HELLO} 2 v:3,4 V:"


def calls_per_second(m, threads):
    """Half of the threads call hello, half selftest: a trustlet serves one call at a time."""
    share = {ADD: threads - threads // 2, ECHO: threads // 2}
    begun = [f"ovbs-call --threads {n} --repeat {CALLS_PER_THREAD} {what} >/tmp/said{i} &"
             for i, (what, n) in enumerate(share.items()) if n]
    said = m.sh(f"rm -f /tmp/said*; {' '.join(begun)} wait; cat /tmp/said*", 200)
    made, seconds = (re.findall(rf"^{key} (\S+)$", said, re.M) for key in ("calls", "seconds"))
    if sum(map(int, made)) != threads * CALLS_PER_THREAD:
        raise m.error(f"{threads} threads should have made {threads * CALLS_PER_THREAD} calls: {said!r}")
    return threads * CALLS_PER_THREAD / max(map(float, seconds))


def hello_calls(_want):
    """QEMU runs all CPUs in one thread: more CPUs can't be faster here, only lose."""
    with with_vtl1("calls", cpus=max(CALLERS), time_limit=400) as m:
        ready(m)
        calls_per_second(m, 2)  # starts the trustlets
        for threads in CALLERS:
            best = max(calls_per_second(m, threads) for _ in range(2))
            what = "hello" if threads == 1 else "hello and selftest"
            yield Row("hello.calls.per_s", f"{threads} of {max(CALLERS)} CPUs call {what}", round(best), "1/s")


# --- signatures ------------------------------------------------------------

SIGNATURES = {"ed25519": 200, "p256": 20}


def sign_instructions(want):
    """The same request to the trustlet and to the same code as a process of VTL0, in one machine."""
    marks = counts("sign")
    with with_vtl1("sign", cpus=1, icount=True, time_limit=400, qemu_args=marks.qemu_args) as m:
        ready(m)

        def each(program, kind, n):
            """Instructions of one of n signatures; what is not for a signature cancels out."""
            m.sh(f"{program} {kind} {n}", 100)
            once = marks.between(24, 25)
            m.sh(f"{program} {kind} {2 * n}", 100)
            return (marks.between(24, 25) - once) / n

        for kind, n in SIGNATURES.items():
            if want(f"sign.{kind}.instructions"):
                trustlet, process = (min(each(program, kind, n) for _ in range(3)) for program in ("calls", "sign"))
                yield Row(f"sign.{kind}.instructions", "trustlet / process in VTL0, 1 CPU, icount", round(trustlet),
                          "instructions/signature", round(process), 1.05)


# --- interrupts ------------------------------------------------------------

LATE_SECONDS = 3
LOADS = {
    "selftest is opened, crashes, is wiped": f"ovbs-call {SELFTEST} {CMD['CRASH_NULL']}",
    "selftest takes all memory, gives it back": f"ovbs-call {SELFTEST} {CMD['EXHAUST_MEMORY']} vV:0",
    "selftest works": f"ovbs-call {SELFTEST} {CMD['WORK']} v:1000 V:",
}


def lateness(m, load):
    """Microseconds that a timer's interrupt came late at worst, while @load runs again and again."""
    said = m.sh("rm -f /tmp/stop; (while [ ! -e /tmp/stop ]; do " + load + "; echo >>/tmp/turns; done) >/dev/null 2>&1 & "
                f"loops late {LATE_SECONDS}; touch /tmp/stop; wait; wc -l </tmp/turns; rm /tmp/turns", 300)
    found = re.search(r"^late (\d+) (\d+)\n(\d+)$", said, re.M)
    if not found or int(found[3]) < 2:
        raise m.error(f"loops late, or its load, said {said!r}")
    say(f"{load[-60:]!r}, {found[3]} times: at most {int(found[2]) / 1000:.1f} us late")
    return int(found[2]) / 1000


def interrupt_hold(_want):
    """Under icount an instruction lasts a nanosecond. Without: the same program starts, and nothing else."""
    with tiny("late", None, cpus=1, icount=True, time_limit=300) as m:
        without = lateness(m, "loops mark 4")
    with with_vtl1("late", cpus=1, icount=True, time_limit=600) as m:
        ready(m)
        for name, load in LOADS.items():
            m.sh(f"ovbs-call {ECHO}")  # it is there: a load that does not end it never starts it
            yield Row("interrupt.hold.us", f"{name}, 1 CPU, icount", lateness(m, load), "us", without)


# --- memory ----------------------------------------------------------------

def memory(_want):
    """All that the loader took, and VTL1's part of it."""
    with with_vtl1("memory", cpus=2) as m:
        ready(m)
        said = json.loads(m.sh("ovbs-ps --json"))
        taken = status(m).memory_bytes
    system = [row for row in said["trustlets"] if row["name"] == "Secure System"]
    yield Row("memory.taken.bytes", f"{FLAVOR}, 2 CPUs", taken, "bytes", None, 32 * MIB)
    yield Row("memory.vtl1.bytes", f"{FLAVOR}, 2 CPUs", system[0]["limit"], "bytes")


ALL = [
    (("vtlcall.instructions",), vtlcall_instructions),
    (("vtlcall.time",), vtlcall_time),
    (("hello.instructions",), hello_instructions),
    (("hello.calls.per_s",), hello_calls),
    (tuple(f"sign.{kind}.instructions" for kind in SIGNATURES), sign_instructions),
    (("interrupt.hold.us",), interrupt_hold),
    (("memory.taken.bytes", "memory.vtl1.bytes"), memory),
]
