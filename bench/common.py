# SPDX-License-Identifier: GPL-2.0-only
"""Rows, and what all measurements share: guests with marks, counters, the files for the guest.

Every comparison is the same machine with and without openvbs, in one run.
Instruction counts come from insncount.so at marks in the guest's own code, not
from a clock: under icount, virtual time also jumps over idle time.
"""

import base64
import contextlib
import dataclasses
import re
import shutil
import sys
import tempfile
import time
import typing
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tools"))

from machine import BochsMachine, Machine, MachineError, bootentries, debian, esp, keys  # noqa: E402
from machine import status as ovbs_status  # noqa: E402
from machine.common import BUILD, cached, digest  # noqa: E402
from machine.tiny import kernel_package  # noqa: E402

OUT = BUILD / "bench"
LOOPS = OUT / "loops"
PLUGIN = OUT / "insncount.so"
FLAVOR = "release"
SIDES = (None, FLAVOR)  # without, with
EFIVARS = "/sys/firmware/efi/efivars"
EMULATOR_ONLY = ("icr_x2apic", "apic_xapic", "smi")  # exits that a real CPU does not take in steady state


@dataclasses.dataclass
class Row:
    """One figure. `target` is a bound on ratio where there is a baseline, else on value."""

    name: str
    platform: str
    value: float
    unit: str
    baseline: typing.Optional[float] = None
    target: typing.Optional[float] = None
    at_least: bool = False  # the target is a lower bound

    @property
    def ratio(self):
        return self.value / self.baseline if self.baseline else None

    @property
    def missed(self):
        if self.target is None:
            return False
        measured = self.value if self.baseline is None else self.ratio
        if measured is None:
            return True
        return measured < self.target if self.at_least else measured > self.target

    def json(self):
        return {"name": self.name, "platform": self.platform, "value": self.value, "unit": self.unit,
                "baseline": self.baseline, "ratio": self.ratio, "target": self.target}


def say(text):
    """A progress line."""
    print(f"bench: {text}", flush=True)


def module(name):
    """A built and signed kernel module."""
    return BUILD / "linux" / kernel_package()[0] / f"{name}.ko"


def binary(flavor):
    """openvbs.efi of this run: a copy, so that a build meanwhile can't mix two versions into one table."""
    return OUT / f"openvbs-{flavor}.efi" if flavor else None


def freeze():
    """Make the copies that binary() names."""
    for flavor in ("release", "debug"):
        shutil.copyfile(BUILD / flavor / "openvbs.efi", binary(flavor))


def status(m):
    """The loader's status as the guest sees it; an error unless openvbs runs on all CPUs."""
    path = f"{EFIVARS}/OpenvbsStatus-{ovbs_status.GUID}"
    try:
        found = ovbs_status.decode_efivar(base64.b64decode(m.sh(f"base64 {path}")))
    except ovbs_status.StatusError as e:
        raise m.error(f"the status variable can't be read: {e}") from None
    if not found.running or found.cpus != m.options.cpus:
        raise m.error("openvbs does not run on all CPUs, so there is nothing to measure: "
                      + "; ".join(ovbs_status.lines(found)))
    return found


def check_absent(m):
    """A baseline must be one."""
    if m.run(f"ls {EFIVARS}/OpenvbsStatus-*")[0] == 0:
        raise m.error("this should be the baseline, but openvbs was started")


def check(m):
    """The machine is what its options say."""
    if m.options.openvbs:
        status(m)
    else:
        check_absent(m)


@contextlib.contextmanager
def tiny(name, openvbs, **options):
    """A tiny machine with /bin/loops, up and checked; .boot_seconds is the time to its shell."""
    files = {"/bin/loops": LOOPS, **options.pop("files", {})}
    begin = time.monotonic()
    with Machine(f"bench-{name}-{openvbs or 'base'}", openvbs=binary(openvbs), files=files, **options) as m:
        m.wait_ready()
        m.boot_seconds = time.monotonic() - begin
        check(m)
        yield m


@contextlib.contextmanager
def bochs_tiny(name, openvbs, **options):
    """The same on Bochs; no time is measured there, its guest's clock is its own."""
    options = {"time_limit": 300, **options, "files": {"/bin/loops": LOOPS, **options.get("files", {})}}
    with BochsMachine(f"bench-bochs-{name}-{openvbs or 'base'}", openvbs=binary(openvbs), **options) as m:
        m.wait_ready()
        check(m)
        yield m


@contextlib.contextmanager
def bochs_firmware(name, openvbs, program):
    """An EFI program on Bochs, behind openvbs or instead of it."""
    options = {"openvbs": binary(openvbs), "conf": "next=\\EFI\\bench.efi\n", "esp": {"EFI/bench.efi": program}} if openvbs \
        else {"boot": program}
    with BochsMachine(f"bench-bochs-{name}-{openvbs or 'base'}", image=None, time_limit=60, **options) as m:
        if openvbs:
            m.wait_for(r"^openvbs \S+: running, 1 CPUs")
        yield m


# --- instruction counts ----------------------------------------------------

class Counts:
    """What the plugin wrote: [(mark, instructions, those in each range)], in the order of execution."""

    def __init__(self, path, ranges=()):
        self.path = path
        path.unlink(missing_ok=True)
        arguments = "".join(f",range={first:x}-{last:x}" for first, last in ranges)
        self.qemu_args = ["-plugin", f"{PLUGIN},out={path}{arguments}"]

    def marks(self):
        text = self.path.read_text(encoding="ascii") if self.path.exists() else ""
        return [tuple(int(n) for n in line.split()) for line in text.splitlines()]

    def first(self, mark):
        for number, count, *_ in self.marks():
            if number == mark:
                return count
        raise MachineError(f"the guest did not execute mark {mark}; {self.path} has {self.marks()[:10]}")

    def between(self, begin, end):
        """Instructions between the last two marks of these numbers."""
        found = self.marks()[-2:]
        if [number for number, *_ in found] != [begin, end]:
            raise MachineError(f"expected the marks {begin}, {end} last; {self.path} ends with {found}")
        return found[1][1] - found[0][1]

    def all_between(self, begin, end):
        """The same for each time that one followed the other: [(all instructions, those in each range)]."""
        marks = self.marks()
        found = [tuple(b - a for a, b in zip(first[1:], last[1:]))
                 for first, last in zip(marks, marks[1:]) if (first[0], last[0]) == (begin, end)]
        if not found:
            raise MachineError(f"expected the marks {begin}, {end}; {self.path} ends with {marks[-10:]}")
        return found


def counts(name, ranges=()):
    return Counts(OUT / f"{name}.count", ranges)


def counted_loop(m, marks, loop, n):
    """Instructions of one turn of a loop."""
    m.sh(f"loops {loop} {n}", 300)
    return marks.between(16, 17) / n


def timed_loop(m, loop, n, *args):
    """Seconds of one turn of a loop, by the guest's clock."""
    said = m.sh(" ".join(["loops", loop, str(n), *map(str, args)]), 300)
    found = re.search(rf"^{loop} {n} (\d+)$", said, re.M)
    if not found:
        raise m.error(f"loops {loop} said {said!r}")
    return int(found[1]) / n / 1e9


# --- Debian, prepared once -------------------------------------------------

PROFILE = "loops mark 1\n"


def _prepare_debian(tmp):
    """Boot the image once without openvbs, put the workload in, shut down: later boots are no first boots."""
    with Machine("bench-prepare", image="debian", state=tmp, ssh=True, cpus=2, mem=2048, time_limit=400) as m:
        m.wait_ready()
        m.scp(LOOPS, "/usr/local/bin/loops")
        m.put("/root/.bash_profile", PROFILE)  # the autologin shell executes mark 1: the prompt is reached
        m.run("systemctl is-system-running --wait", 200)  # "degraded" is no obstacle
        m.sh("sync")
        m.powerdown()
        m.wait_exit(120)
    for name in ("qemu.pid", "vars.fd", "vars.json"):
        (tmp / name).unlink(missing_ok=True)


def _prepared_debian():
    recipe = digest("bench-debian", 1, LOOPS, PROFILE, str(debian.image()),
                    (debian.image() / ".recipe").read_text(encoding="ascii"))
    return cached(OUT / "bench-debian", recipe, _prepare_debian, "Debian with the workloads (one boot)")


@contextlib.contextmanager
def full(name, openvbs, **options):
    """The full Debian, prepared as above and up; the same disk with and without openvbs but for the ESP."""
    made = _prepared_debian()
    (BUILD / "run").mkdir(exist_ok=True)
    state = Path(tempfile.mkdtemp(prefix="bench-debian.", dir=BUILD / "run"))
    try:
        shutil.copyfile(made / "disk.qcow2", state / "disk.qcow2")
        machine = Machine(f"bench-{name}-{openvbs or 'base'}", image="debian", openvbs=binary(openvbs),
                          state=state, mem=2048, **options)
        with machine.prepared():
            _choose_boot(machine)
            begin = time.monotonic()
            machine.start()
            machine.wait_ready()
            machine.boot_seconds = time.monotonic() - begin
            check(machine)
            yield machine
    finally:
        shutil.rmtree(state)


def _choose_boot(machine):
    """What DebianImage.prepare() does for a fresh disk: openvbs on the ESP, and the boot entries."""
    image, partition = machine.image, (1, machine.image.start, machine.image.size, debian.ESP_GUID)
    entries = [("debian", debian.SHIM)]
    if machine.options.openvbs:
        part = machine.dir / "esp.img"
        shutil.copyfile(debian.image() / "esp.img", part)
        esp.add(part, image.files(machine))
        image.write_esp(machine.dir / "disk.qcow2", part)
        entries.insert(0, ("openvbs", "EFI/openvbs/openvbs.efi"))
    store = machine.dir / "vars.fd"
    shutil.copyfile(keys.variables(machine.emulator, machine.options.secure_boot), store)
    bootentries.set_entries(store, partition, entries)
