# SPDX-License-Identifier: GPL-2.0-only
"""The kernel's own tests of its memory's rights (LKDTM, out of Debian's source package), with and without openvbs.

LKDTM tells how a kernel takes a write or a fetch that must not be. By itself that is
a test of Linux's page tables. So each case runs on two kinds of tables: Linux's, which
refuse it with and without openvbs, and Linux's opened by an attacker (tests/attack/module/rights.c):
there it succeeds without openvbs, and fails with it. Each case is a program of its own,
which dies of the Oops; the kernel goes on.
"""

import dataclasses
import re

import pytest

from guestlib import load_module, log
from machine import Machine, tiny
from machine.common import BUILD

DIRECT = "/sys/kernel/debug/provoke-crash/DIRECT"
LOCKED = "State: locked down"


@dataclasses.dataclass
class Case:
    """One case of LKDTM, the attack before it in the same program, and its outcomes.

    `closed`: with Linux's own tables, the same with and without openvbs. `held`: with opened tables and
    openvbs; without it is always "done". `says`: what VTL1's log has then.
    """
    name: str
    closed: str
    held: str = None
    says: str = None
    attack: str = ""


NOT_THERE, WRITE, FETCH, READ = "#PF not there", "#PF write", "#PF fetch", "#PF read"
WRITTEN = "write of protected page"
RUN = "execution of protected page"
PINNED = "write of pinned register 40003"  # CR4

# WRITE_KERN overwrites a case beside what it is to overwrite, where it succeeds (tests/lkdtm/Kbuild): after the writes.
CASES = [
    Case("WRITE_RO", WRITE, "#GP", WRITTEN),
    Case("WRITE_RO_AFTER_INIT", WRITE, "#GP", WRITTEN),
    Case("WRITE_KERN", WRITE, "#GP", WRITTEN),
    Case("EXEC_DATA", FETCH, "#GP", RUN),
    Case("EXEC_STACK", FETCH, "#GP", RUN),
    Case("EXEC_KMALLOC", FETCH, "#GP", RUN),
    Case("EXEC_VMALLOC", FETCH, "#GP", RUN),
    Case("EXEC_RODATA", FETCH, "#GP", RUN),
    Case("EXEC_NULL", NOT_THERE, "#GP", RUN, "rights_null"),
    Case("EXEC_USERSPACE", FETCH, "#GP", RUN, "rights_user"),
    Case("EXEC_USERSPACE", FETCH, FETCH, PINNED, "rights_smep"),  # SMEP stays on, and refuses
    # Not memory integrity's: what the kernel reads and writes of programs. As without openvbs.
    Case("ACCESS_USERSPACE", READ),
    Case("ACCESS_NULL", NOT_THERE),
    Case("WRITE_OPD", "not for x86"),
]

# The rows of the attack module that go with them: name, without openvbs, with it.
ATTACKED = {"rights_rodata": "#GP", "rights_after_init": "#GP", "rights_idt": "#GP"}
SMEP = "rights_smep"


def outcome(text):
    """One word or two for what the kernel's log says of a case."""
    for pattern, word in ((r"Kernel panic", "panic"), (r"FAIL: (func returned|survived)", "done"),
                          (r"XFAIL: ", "not for x86"), (r"general protection fault", "#GP")):
        if re.search(pattern, text):
            return word
    fault = re.search(r"#PF: supervisor (write|read|instruction fetch)[^#]*#PF: error_code\(\w+\) - (not-present|permissions)", text)
    if not fault:
        return "nothing"
    return NOT_THERE if fault[2] == "not-present" else {"write": WRITE, "read": READ}.get(fault[1], FETCH)


class Lab:
    """A machine with LKDTM, and with openvbs locked down after LKDTM came."""

    def __init__(self, m, openvbs):
        self.m, self.openvbs, self.count = m, openvbs, 0
        m.wait_ready()
        m.sh("insmod /root/lkdtm.ko && insmod /root/openvbs_attack.ko")
        if openvbs:
            load_module(m, "integrity=1")
            assert LOCKED in m.sh("cat /sys/kernel/security/openvbs/integrity"), m.sh("dmesg | grep openvbs:") + log(m)

    def vtl1(self):
        return re.findall(r"VTL1: (.* refused.*)", log(self.m)) if self.openvbs else []

    def run(self, name, attack=""):
        """(outcome, rows of the attack, new lines of VTL1's)."""
        self.count += 1
        mark, before = f"lkdtm case {self.count}", len(self.vtl1())
        self.m.sh(f"echo '{mark} {name}' >/dev/kmsg")
        first = f"echo {attack} >/proc/openvbs_attack && cat /proc/openvbs_attack && " if attack else ""
        # One program for both: what the attack does is done to the tables of the one that asks for it.
        said = self.m.run(f"sh -c '{first} echo {name} >{DIRECT}'", 30).output
        text = self.m.sh(f"dmesg | sed -n '/{mark} /,$p'")
        return outcome(text), dict(re.findall(r"^row (\S+) (\S+)", said, re.M)), self.vtl1()[before:]

    def attack(self, name):
        said = self.m.sh(f"echo {name} >/proc/openvbs_attack && cat /proc/openvbs_attack")
        return dict(re.findall(r"^row (\S+) (\S+)", said, re.M))

    def goes_on(self):
        """Programs start, CPUs answer, jump labels flip."""
        assert self.m.sh("for c in 0 1; do taskset $((c + 1)) uname; done").split() == ["Linux", "Linux"]
        for value in (1, 0):
            assert self.m.sh(f"sysctl -n -w kernel.sched_schedstats={value}").strip().endswith(str(value))


@pytest.mark.parametrize("openvbs", [None, "debug"], ids=["linux", "openvbs"])
def test_lkdtm(openvbs):
    """Each case's outcome is the table's: refused with openvbs whatever VTL0's tables say, done without."""
    folder = BUILD / "linux" / tiny.kernel_package()[0]
    files = {f"/root/{n}": folder / n for n in ("openvbs.ko", "openvbs_attack.ko", "lkdtm.ko")}
    # Without Secure Boot: under it Linux lets nobody write to debugfs.
    with Machine(f"lkdtm-{openvbs}", openvbs=openvbs, cpus=2, secure_boot=False, time_limit=200, files=files) as m:
        lab, wrong = Lab(m, openvbs), []

        def judge(what, got, wanted):
            print(f"{what:40} {got}")
            if got != wanted:
                wrong.append(f"{what}: {got}, not {wanted}")

        for case in {c.name: c for c in CASES}.values():
            got, _, lines = lab.run(case.name)
            judge(f"{case.name}, Linux's tables", (got, lines), (case.closed, []))
        got, _, lines = lab.run("UNSET_SMEP")
        if openvbs:
            judge("UNSET_SMEP", (got, PINNED in "".join(lines)), ("#GP", True))
        else:
            assert "ok: SMEP removal was reverted" in m.sh("dmesg"), "Linux itself puts SMEP back"
        judge("rights", lab.attack("rights"), {"rights_open": "ok"})
        judge("rights_constants", lab.attack("rights_constants"), {n: o if openvbs else "ok" for n, o in ATTACKED.items()})
        for case in (c for c in CASES if c.held):
            got, rows, lines = lab.run(case.name, case.attack)
            what = f"{case.name}, opened tables {case.attack}"
            if case.attack:
                judge(case.attack, rows, {case.attack: "#GP" if openvbs and case.attack == SMEP else "ok"})
            judge(what, (got, any(line.startswith(case.says) for line in lines)), (case.held, True) if openvbs else ("done", False))
            lab.goes_on()
        assert not wrong, "\n".join([*wrong, *lab.vtl1()])
