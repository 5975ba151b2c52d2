# SPDX-License-Identifier: GPL-2.0-only
"""The measurements. Each is a function that yields rows, and is listed with the names it makes in ALL."""

import re

import dma
import integrity
import lines
import vtl1
from common import (BUILD, EMULATOR_ONLY, FLAVOR, SIDES, MachineError, Row, binary, bochs_firmware, bochs_tiny, counted_loop,
                    counts, full, module, say, timed_loop, tiny)

LOOPS = {"getpid": 100000, "fork": 500, "pipe": 20000}
TIME_REPEATS = 3
PIPE_REPEATS = 6
PIPE_BOOTS = 3  # ping-pong under TCG has two speeds, and a boot tends to keep one: best of some boots
PIPE_TURNS, TOUCH_TURNS = 3000, 8
IDLE_SECONDS, BUSY_SECONDS = 30, 15
BOOTS, BOOT_CPUS = 20, 8


def sizes(_want):
    """Of the sources and the images."""
    parts = dict(lines.count())
    for part, count in parts.items():
        yield Row("lines.hypervisor", part, count, "lines")
    for backend in lines.BACKENDS:
        yield Row("lines.hypervisor", f"hypervisor-{backend}.elf", parts["common code"] + parts[f"{backend} backend"],
                  "lines")
    for part, count in lines.vtl1():
        yield Row("lines.securekernel", part, count, "lines")
    for part, count in lines.integrity():
        yield Row("lines.integrity", part, count, "lines")
    for name in ("openvbs.efi", "hypervisor-svm.elf", "hypervisor-vmx.elf"):
        file = binary(FLAVOR) if name == "openvbs.efi" else BUILD / FLAVOR / name
        yield Row("image.bytes", f"{FLAVOR}, {name}", file.stat().st_size, "bytes")


# --- instructions ----------------------------------------------------------

MARK_AT_SHELL = {"/etc/init-extra": "#!/bin/sh\nloops mark 1\n"}


def boot_unchecked(side):
    """Boot of the tiny image where firmware hashes nothing: what is left is openvbs's own."""
    marks = counts(f"tiny-unchecked-{side or 'base'}")
    policy = {"policy": {"vbs": 1, "level": 0}} if side else {}
    with tiny("unchecked", side, cpus=1, icount=True, time_limit=300, secure_boot=False, files=MARK_AT_SHELL,
              qemu_args=marks.qemu_args, **policy) as m:
        m.run("true")
        return marks.first(1)


def loop_instructions(_want):
    """Boot of the tiny image and the loops, in the same two machines."""
    boot, turns = {}, {name: {} for name in LOOPS}
    for side in SIDES:
        marks = counts(f"tiny-{side or 'base'}")
        with tiny("icount", side, cpus=1, icount=True, time_limit=300, files=MARK_AT_SHELL,
                  qemu_args=marks.qemu_args) as m:
            boot[side] = marks.first(1)
            say(f"tiny, icount, {side or 'baseline'}: {boot[side] / 1e9:.3f}e9 instructions to the shell")
            for name, n in LOOPS.items():
                turns[name][side] = min(counted_loop(m, marks, name, n) for _ in range(2))
    yield Row("boot.instructions", "tiny, 1 CPU, icount", boot[FLAVOR], "instructions", boot[None], 1.02)
    unchecked = {side: boot_unchecked(side) for side in SIDES}
    yield Row("boot.instructions", "tiny, no Secure Boot, 1 CPU, icount", unchecked[FLAVOR], "instructions", unchecked[None], 1.02)
    for name, found in turns.items():
        yield Row(f"loop.{name}.instructions", "tiny, 1 CPU, icount", round(found[FLAVOR], 2), "instructions/turn",
                  round(found[None], 2), 1.01)


FUNCTIONS = 150
GENERATE = rf"""i=0; while [ $i -lt {FUNCTIONS} ]; do cat <<END; i=$((i+1)); done >/run/big.c
struct s$i {{ int a, b; long c[4]; }};
int f$i(struct s$i *p, int n)
{{
	int sum = $i;

	if (!p || n < 0)
		return -1;
	p->a += n;
	p->b ^= p->a * $i;
	if (p->b & 1)
		sum += p->a;
	else
		sum -= p->b;
	p->c[0] = sum;
	p->c[1] = p->c[0] * 3 + p->c[2];
	p->c[3] = p->c[1] ? p->c[1] / 7 : n;
	return sum;
}}
END
wc -l </run/big.c"""
COMPILE = "cd /run && loops mark 2 && gcc -O2 -c big.c -o big.o && loops mark 3"


def counted_compile(m, marks):
    """(instructions, lines of the source), best of two after a warm-up."""
    m.run("systemctl is-system-running --wait", 300)  # the boot's late services are not the compiler's work
    size = m.sh(GENERATE, 120).strip()
    m.sh(COMPILE, 300)
    found = []
    for _ in range(2):
        m.sh(COMPILE, 300)
        found.append(marks.between(2, 3))
    return min(found), size


def debian_instructions(want):
    """Boot of the full Debian to the login prompt, best of two because firmware polls the disk; a compiler run there."""
    boot, compiled, size = {side: [] for side in SIDES}, {}, "?"
    for i in range(2):
        for side in SIDES:
            say(f"Debian, icount, {side or 'baseline'}, {i + 1} of 2: 1 to 4 minutes")
            marks = counts(f"debian-{side or 'base'}")
            with full("icount", side, cpus=1, icount=True, time_limit=900, qemu_args=marks.qemu_args) as m:
                boot[side].append(marks.first(1))
                say(f"{boot[side][-1] / 1e9:.3f}e9 instructions to the login prompt, {m.boot_seconds:.0f} s")
                if side not in compiled and want("compile.instructions"):
                    compiled[side], size = counted_compile(m, marks)
                    say(f"{compiled[side] / 1e9:.3f}e9 instructions to compile {size} lines")
    yield Row("boot.instructions", "Debian 12, 1 CPU, icount", min(boot[FLAVOR]), "instructions", min(boot[None]), 1.02)
    if compiled:
        yield Row("compile.instructions", f"Debian 12, 1 CPU, icount, gcc -O2, {size} lines", compiled[FLAVOR],
                  "instructions", compiled[None], 1.01)


# --- time ------------------------------------------------------------------

def tiny_boot_time(_want):
    """Alternating, so that another load of the host hits both sides."""
    found = {side: [] for side in SIDES}
    for i in range(TIME_REPEATS):
        for side in SIDES:
            with tiny("time", side, cpus=2) as m:
                found[side].append(m.boot_seconds)
        say(f"boot {i + 1} of {TIME_REPEATS}: {found[None][-1]:.1f} s, with openvbs {found[FLAVOR][-1]:.1f} s")
    yield Row("boot.time", "tiny, 2 CPUs", round(min(found[FLAVOR]), 3), "s", round(min(found[None]), 3))


def debian_boot_time(_want):
    """The same for Debian."""
    found = {side: [] for side in SIDES}
    for i in range(2):
        for side in SIDES:
            with full("time", side, cpus=2, time_limit=400) as m:
                found[side].append(m.boot_seconds)
        say(f"Debian {i + 1} of 2: {found[None][-1]:.1f} s, with openvbs {found[FLAVOR][-1]:.1f} s")
    yield Row("boot.time", "Debian 12, 2 CPUs", round(min(found[FLAVOR]), 3), "s", round(min(found[None]), 3))


EXITS = "/sys/kernel/security/openvbs/exits"


def count_by_reason(m, text):
    """{reason: exits of all CPUs}"""
    total = {}
    for name, count in re.findall(r"^\d+ (\w+) (\d+)$", text, re.M):
        total[name] = total.get(name, 0) + int(count)
    if not total:
        raise m.error(f"openvbs.ko shows no exit counters: {text!r}")
    return total


def exits(m):
    return count_by_reason(m, m.sh(f"cat {EXITS}"))


def exit_rates(m, kind, seconds):
    """Exits per second of guest time by reason, idle or busy. (A second of Bochs' can last minutes.)"""
    text = m.sh(f"loops watch {EXITS} {kind} {seconds}", 300 * seconds + 120)
    looks = re.findall(r"^at (\d+)\n((?:\d+ \w+ \d+\n)+)", text, re.M)
    if len(looks) != 2:
        raise m.error(f"loops watch said {text!r}")
    passed = (int(looks[1][0]) - int(looks[0][0])) / 1e9
    before, after = (count_by_reason(m, text) for _, text in looks)
    return {name: (after[name] - before[name]) / passed for name in after}


def exec_exits(m, platform):
    """What starting one program costs: the C library executes CPUID. (Static; a dynamic one asks as often.)"""
    n = 100
    before = exits(m)
    m.sh(f"i=0; while [ $i -lt {n} ]; do loops mark 1; i=$((i+1)); done", 120)
    after = exits(m)
    return Row("exits.exec.cpuid", platform, round((after["cpuid"] - before["cpuid"]) / n, 1), "1/program start")


def exit_rows(m, platform, idle=IDLE_SECONDS, busy=BUSY_SECONDS):
    yield exec_exits(m, platform)
    for kind, seconds in (("idle", idle), ("busy", busy)):
        rates = exit_rates(m, kind, seconds)
        say(f"{platform}, {kind}: " + ", ".join(f"{k} {v:.3f}/s" for k, v in rates.items() if v))
        real = {k: v for k, v in rates.items() if k not in EMULATOR_ONLY}
        yield Row(f"exits.{kind}.per_s", platform, round(sum(real.values()), 3), "1/s", None, 1)
        for reason, rate in real.items():
            if rate:
                yield Row(f"exits.{kind}.per_s.{reason}", platform, round(rate, 3), "1/s")
        yield Row(f"exits.{kind}.emulator.per_s", platform, round(sum(rates[k] for k in EMULATOR_ONLY), 3), "1/s")
        for reason in EMULATOR_ONLY:
            if rates[reason]:
                yield Row(f"exits.{kind}.emulator.per_s.{reason}", platform, round(rates[reason], 3), "1/s")


def pipe_exits(m, platform):
    """Exits of one turn: what the ratio of times comes from. CPUID left out, which only programs' starts execute."""
    before = exits(m)
    m.sh(f"loops pipe {PIPE_TURNS} 0 1", 120)
    after = exits(m)
    turns = PIPE_TURNS + PIPE_TURNS // 10 + 1
    made = sum(after[k] - before[k] for k in after if k != "cpuid")
    return Row("pipe.2cpu.exits", platform, round(made / turns, 3), "1/turn")


OPEN_CONF = "next=\\EFI\\tiny\\tiny.efi\nicr=open\n"
PLATFORMS = {
    "xapic-trapped": {"flavor": FLAVOR},
    "x2apic-trapped": {"flavor": FLAVOR, "iommu": "amd", "x2apic": True},
    # the path of real CPUs: the trap is dropped once all CPUs are up
    "open": {"flavor": "debug", "conf": OPEN_CONF, "secure_boot": False},
}


def _apic_mode(m, platform):
    x2apic = m.run("dmesg | grep -q 'x2apic enabled'")[0] == 0
    if x2apic != (platform == "x2apic-trapped"):
        raise m.error(f"platform {platform}, but Linux uses {'x2APIC' if x2apic else 'xAPIC'} mode")


def two_cpus(platform, want):
    """Exits, two CPUs at ping-pong, and the emulator's cost of nested paging, on one platform."""
    options = dict(PLATFORMS[platform])
    flavor = options.pop("flavor")
    ko = {"/lib/openvbs.ko": module("openvbs"), "/lib/icr_open.ko": module("icr_open")}
    pipe, touch, alone = ({None: [], flavor: []} for _ in range(3))
    rows = []
    for i in range(PIPE_BOOTS):
        for side in (None, flavor):
            conf = options.get("conf") if side else None
            with tiny(platform, side, cpus=2, time_limit=400, files=ko, **{**options, "conf": conf}) as m:
                _apic_mode(m, platform)
                if side:
                    m.sh("insmod /lib/openvbs.ko")
                    if platform == "open":
                        m.sh("insmod /lib/icr_open.ko")
                pipe[side] += [timed_loop(m, "pipe", PIPE_TURNS, 0, 1) for _ in range(PIPE_REPEATS)]
                alone[side] += [timed_loop(m, "pipe", PIPE_TURNS, 0, 0) for _ in range(PIPE_REPEATS)]
                touch[side] += [timed_loop(m, "touch", TOUCH_TURNS) for _ in range(TIME_REPEATS)]
                if side and not i:
                    rows.append(pipe_exits(m, platform))
                    if want("exits"):
                        rows += exit_rows(m, platform)
        say(f"{platform}, {i + 1} of {PIPE_BOOTS}: a turn {min(pipe[None]) * 1e6:.0f} us, "
            f"with openvbs {min(pipe[flavor]) * 1e6:.0f} us")
    us = lambda v: round(min(v) * 1e6, 2)  # another load of the host only ever adds time
    rows.append(Row("pipe.2cpu.time", platform, us(pipe[flavor]), "us/turn", us(pipe[None]), 1.1))
    # One CPU: the same instructions (loop.pipe.instructions) and no exit; what differs is the emulator's page walk,
    # after the TLB flush of each switch between the two processes. Part of pipe.2cpu.time too.
    rows.append(Row("npt.emulator.pipe.time", platform, us(alone[flavor]), "us/turn", us(alone[None])))
    rows.append(Row("npt.emulator.pagetouch.time", platform, us(touch[flavor]), "us/64 MiB", us(touch[None])))
    return rows


def locked_down_exits(_want):
    """A kernel that is locked down and has nothing to patch is as quiet as another one."""
    with tiny("integrity-exits", FLAVOR, cpus=2, time_limit=300, files={"/lib/openvbs.ko": module("openvbs")}) as m:
        m.sh(integrity.LOCK)
        integrity.ready(m)
        yield from exit_rows(m, "xapic-trapped, locked down")


def boots_8cpu(_want):
    """A boot that fails is a figure here, not an error."""
    good = 0
    for i in range(BOOTS):
        try:
            with tiny("8cpu", FLAVOR, cpus=BOOT_CPUS) as m:  # its check wants openvbs on all CPUs
                online = m.sh("cat /sys/devices/system/cpu/online").strip()
        except MachineError as e:
            say(f"8 CPUs, boot {i + 1} of {BOOTS} FAILED: {e}")
            continue
        good += online == f"0-{BOOT_CPUS - 1}"
        say(f"8 CPUs, boot {i + 1} of {BOOTS}: {m.boot_seconds:.1f} s, CPUs {online} online")
    yield Row("boots.8cpu", f"tiny, {BOOT_CPUS} CPUs", good, f"of {BOOTS} boots", None, BOOTS, at_least=True)


def _platform(name):
    return lambda want: two_cpus(name, want)


# --- VMX: Bochs has no instruction counter, but its time stamp counter counts instructions -----------

BOCHS = "Bochs, Skylake-X"
TICKS_AT_SHELL = {"/etc/init-extra": "#!/bin/sh\nloops ticks >/run/ticks\n"}
BOCHS_IDLE_SECONDS, BOCHS_BUSY_SECONDS = 3, 1


def bochs_round_trips(want):
    """CPUID and VMCALL, by an EFI program."""
    found = {}
    for side in SIDES:
        with bochs_firmware("ticks", side, BUILD / "guest" / "ticks.efi") as m:
            said = m.wait_for(r"^ticks: at (\d+), cpuid (\d+), vmcall (\d+)\n")
            found[side] = [int(said[i]) for i in (2, 3)]
    for i, name in enumerate(("cpuid", "vmcall")):
        yield Row(f"exit.{name}.ticks", f"{BOCHS}, 1 CPU", found[FLAVOR][i], "ticks", found[None][i])


def bochs_linux(want):
    """Ticks to the shell with one CPU, and exits with two."""
    ticks = {}
    for side in SIDES:
        with bochs_tiny("boot", side, cpus=1, files=TICKS_AT_SHELL) as m:
            ticks[side] = int(m.sh("cat /run/ticks"))
        say(f"Bochs, {side or 'baseline'}: {ticks[side] / 1e9:.3f}e9 ticks to the shell")
    yield Row("boot.ticks", f"{BOCHS}, tiny, 1 CPU", ticks[FLAVOR], "ticks", ticks[None])
    if want("exits"):
        with bochs_tiny("exits", FLAVOR, cpus=2, time_limit=900, files={"/lib/openvbs.ko": module("openvbs")}) as m:
            m.sh("insmod /lib/openvbs.ko")
            yield from exit_rows(m, f"{BOCHS}, 2 CPUs", BOCHS_IDLE_SECONDS, BOCHS_BUSY_SECONDS)


# (names that it makes, function)
ALL = [
    (("lines.hypervisor", "lines.securekernel", "lines.integrity", "image.bytes"), sizes),
    (("boot.instructions", "loop.getpid.instructions", "loop.fork.instructions", "loop.pipe.instructions"),
     loop_instructions),
    (("boot.time",), tiny_boot_time),
    *((("exits.idle.per_s", "exits.busy.per_s", "pipe.2cpu.time", "pipe.2cpu.exits", "npt.emulator.pipe.time",
        "npt.emulator.pagetouch.time"), _platform(name))
      for name in PLATFORMS),
    (("exit.cpuid.ticks", "exit.vmcall.ticks"), bochs_round_trips),
    (("boot.ticks", "exits.idle.per_s", "exits.busy.per_s"), bochs_linux),
    (("boots.8cpu",), boots_8cpu),
    *vtl1.ALL,
    *integrity.ALL,
    (("exits.idle.per_s", "exits.busy.per_s"), locked_down_exits),
    *dma.ALL,
    (("boot.instructions", "compile.instructions"), debian_instructions),
    (("boot.time",), debian_boot_time),
]
