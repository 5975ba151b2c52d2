# SPDX-License-Identifier: GPL-2.0-only
"""Lockdown on CPUs where Linux copies a few bytes by plain moves (memcpy_orig), not by REP MOVSB."""

import json

import pytest

from guestlib import exits, load_module, log, module, program_files, total
from integritylib import TRACE, is_well, locked_down, state, trace
from machine import BochsMachine
from machine.common import BUILD
from test_integrity import CYCLE

FAST = {"rep_good", "erms", "fsrm"}  # with any of them Linux 6.1 copies less than 8 bytes by REP MOVSB; 6.4 and later with fsrm


def has_no_fast_strings(m):
    flags = set(m.sh("grep -m1 ^flags /proc/cpuinfo").split())
    assert not flags & FAST, flags & FAST


def flip_jump_labels(m):
    before = total(exits(m), "vtl_intercept")
    for value in (1, 0, 1):
        assert m.sh(f"sysctl -n -w kernel.sched_schedstats={value}").strip().endswith(str(value))
    assert total(exits(m), "vtl_intercept") - before >= 9, log(m)  # three writes for each place


def test_a_kernel_without_fast_strings_patches_itself():
    """Sites of all lengths: jump labels of 2 and 5 bytes, static calls, traced functions, those over two pages among them."""
    with locked_down("copy", cpu_flags="-erms,-fsrm", cmdline="clearcpuid=rep_good") as m:
        has_no_fast_strings(m)
        flip_jump_labels(m)
        before = total(exits(m), "vtl_intercept")
        assert "vfs_read <-" in trace(m, "vfs_*") and "vfs_read" in trace(m, "vfs_read", "function_graph")
        m.sh(f"echo 1 >{TRACE}/events/sched/sched_switch/enable; sleep 1; echo 0 >{TRACE}/events/sched/sched_switch/enable")
        assert total(exits(m), "vtl_intercept") - before >= 100, log(m)
        m.sh(CYCLE)
        is_well(m)
        counts = state(m)
        assert int(counts["Patches"]) >= 100 and counts["PatchesRefused"] == counts["WritesRefused"] == "0", counts


def test_vbsctl_tells_of_it():
    """What it shows of a locked-down machine is what VTL1 counts, and its own words of what it refused."""
    with locked_down("vbsctl", files=program_files(BUILD / "clients/vbsctl")) as m:
        out = json.loads(m.sh("chmod +x /root/vbsctl; /root/vbsctl --json integrity"))
        assert out["LockedDown"] and out["KernelToldBy"].startswith("who runs a page first") and out["Refusals"] == [], out
        assert out["Values"] | {"Patches": 0} == {k: int(v) if v.isdigit() else v for k, v in state(m).items()} | {"Patches": 0}
        assert out["Values"]["Modules"] in ("judged", "refused") and isinstance(out["Modules"], list)
        flip_jump_labels(m)
        now = json.loads(m.sh("/root/vbsctl --json integrity"))["Values"]
        assert now["Patches"] - out["Values"]["Patches"] >= 9 and now["PatchesRefused"] == 0, now
        said = m.sh("/root/vbsctl integrity")
        assert "Memory integrity" in said and f"{now['CodePages']} (" in said


@pytest.mark.long
def test_a_kernel_on_bochs_patches_itself():
    """Intel's exits, and a CPU that tells kernel from programs; its firmware enables no fast strings."""
    with BochsMachine("integrity-copy-bochs", cpus=2, openvbs="debug", files=module(), time_limit=300) as m:
        m.wait_ready()
        load_module(m, "integrity=1")
        assert state(m)["State"] == "locked down", m.sh("dmesg | grep openvbs:")
        has_no_fast_strings(m)
        flip_jump_labels(m)
        assert "refused" not in log(m), log(m)
        assert m.run("dmesg | grep -E 'general protection|Oops|BUG:'").rc == 1
