# SPDX-License-Identifier: GPL-2.0-only
"""Lockdown of an unpatched Debian kernel: what it does to its own text goes on, checked.

What is refused is in tests/attack (lockdown, patch). Modules that come later: test_integrity_load.py.
"""

import pytest

from guestlib import GUEST, SECURITYFS, exits, load_module, log, start, total
from integritylib import TRACE, is_well, locked_down, state, trace

CYCLE = "echo 0 >/sys/devices/system/cpu/cpu1/online && echo 1 >/sys/devices/system/cpu/cpu1/online"


KINDS = ("JumpLabels", "StaticCalls", "StaticCallTrampolines", "TracedFunctions", "TracerCalls")
VARIABLE = "/sys/firmware/efi/efivars/Test-4f70656e-5642-5300-8c21-3b1d7e40a9c3"


def test_a_locked_down_kernel_patches_itself_and_goes_on():
    """Jump labels flip, a CPU goes and comes, programs run; nothing of it is refused."""
    with start("integrity-locked", openvbs="debug", cpus=2, time_limit=200) as m:
        m.wait_ready()
        load_module(m, "integrity=1")
        found = state(m)
        assert found["State"] == "locked down" and int(found["CodePages"]) > 3000 and int(found["Sites"]) > 20000, log(m)
        assert "lockdown: VTL0's kernel executes what was frozen" in log(m)
        assert "SecurityServicesRunning: 2\n" in m.sh(f"cat {SECURITYFS}/state"), "the one state says so, too"
        before = total(exits(m), "vtl_intercept")
        for value in (1, 0, 1):
            assert m.sh(f"sysctl -n -w kernel.sched_schedstats={value}").strip().endswith(str(value))
        assert total(exits(m), "vtl_intercept") - before >= 9  # three writes for each place
        for _ in range(3):
            m.sh(CYCLE)
        assert m.sh("nproc").strip() == "2"
        assert "refused" not in log(m), log(m)


def test_what_is_frozen_is_told():
    """The kinds of places add up to what VTL1 counts; the kernel's log and the file agree."""
    with locked_down("told") as m:
        found, said = state(m), m.sh("dmesg | grep 'openvbs: integrity:'")
        assert sum(int(found[k]) for k in KINDS) == int(found["Sites"]) and all(int(found[k]) for k in KINDS)
        assert f"integrity: {found['Sites']} places where the kernel patches" in log(m)
        assert f"locked down: {found['CodePages']} pages of code, {found['ConstantPages']} of constants" in said
        assert all(f"{k}: {found[k]}" in said for k in KINDS)
        is_well(m)


def test_functions_are_traced_without_new_code():
    """ftrace has no trampoline and goes by its common entry; so do graphs, events and probes of functions."""
    with locked_down("trace") as m:
        assert "vfs_read <-" in trace(m, "vfs_read") and "vfs_read" in trace(m, "vfs_*")
        assert "vfs_read()" in trace(m, "vfs_read", "function_graph")
        m.sh(f"cd {TRACE}; echo 1 >events/sched/sched_switch/enable; sleep 1; echo 0 >tracing_on")
        assert "prev_comm" in m.sh(f"cd {TRACE}; head -100 trace; echo 0 >events/sched/sched_switch/enable; echo 1 >tracing_on")
        m.sh(f"cd {TRACE}; echo 'p:one vfs_read' >kprobe_events; echo 1 >events/kprobes/one/enable; head -1 /proc/uptime; echo 0 >tracing_on")
        assert "one: (vfs_read" in m.sh(f"cd {TRACE}; head -100 trace; echo 0 >events/kprobes/one/enable; echo >kprobe_events; echo 1 >tracing_on")
        assert "ftrace_enabled" in m.sh("sysctl kernel.ftrace_enabled")
        assert m.run("sysctl -w kernel.ftrace_enabled=0").rc != 0, "the hook is gone"
        is_well(m)


@pytest.mark.long
def test_all_functions_are_traced():
    """38,000 places patched, and back. Minutes: two switches of the VTL for each of 226,000 writes."""
    with locked_down("trace-all", time_limit=500) as m:
        m.sh(f"echo 0 >{TRACE}/tracing_on")
        m.sh(f"echo function >{TRACE}/current_tracer", seconds=200)
        assert int(m.sh(f"wc -l <{TRACE}/enabled_functions", seconds=60)) > 30000
        m.sh(f"echo nop >{TRACE}/current_tracer", seconds=200)
        is_well(m)


def test_what_would_be_new_code_fails_with_an_error():
    """Probes within functions: who asks is told so, and the kernel goes on."""
    with locked_down("new") as m:
        probe = m.run(f"echo 'p:two vfs_read+5' >{TRACE}/kprobe_events")
        assert probe.rc != 0 and "Cannot allocate memory" in probe.output
        is_well(m)


def test_bpf_is_interpreted():
    """Filters do their work without the compiler; who switches it on gets errors, and the kernel goes on."""
    with locked_down("bpf", files={"/root/bpf": GUEST / "bpf"}) as m:
        m.sh("ip link set lo up; chmod +x /root/bpf")
        assert m.sh("cat /proc/sys/net/core/bpf_jit_enable").strip() == "0"
        assert m.sh("/root/bpf").strip() == "ok"
        m.sh("echo 1 >/proc/sys/net/core/bpf_jit_enable")
        assert m.run("/root/bpf").rc == 1
        m.sh("echo 0 >/proc/sys/net/core/bpf_jit_enable")
        assert m.sh("/root/bpf").strip() == "ok"
        is_well(m)


def test_code_that_is_frozen_is_not_freed():
    """A module's pages would come back as somebody's data: modules stay."""
    with locked_down("stay") as m:
        m.sh("umount /sys/firmware/efi/efivars")
        for name in ("efivarfs", "openvbs"):
            assert m.run(f"rmmod {name}").rc != 0 and name in m.sh("cat /proc/modules")
        is_well(m)


def test_firmware_runs_on():
    """UEFI variables are read and written: firmware's code is frozen, its data is not."""
    with locked_down("firmware") as m:
        m.sh(f"printf '\\007\\000\\000\\000abc' >{VARIABLE}")
        assert m.sh(f"tail -c 3 {VARIABLE}").strip() == "abc"
        is_well(m)


def test_a_kernel_that_vtl1_could_not_judge_is_left_alone():
    """A traced function leads to a trampoline: no lockdown, nothing frozen, the kernel as before; without it, lockdown."""
    with start("integrity-busy", openvbs="debug", cpus=2) as m:
        m.wait_ready()
        m.sh(f"mkdir {TRACE} && mount -t tracefs none {TRACE}")
        m.sh(f"cd {TRACE}; echo vfs_fallocate >set_ftrace_filter; echo function >current_tracer")
        load_module(m, "integrity=1")
        found, said = state(m), m.sh("dmesg | grep 'openvbs: integrity:'")
        assert found["State"] == "not locked down" and "vfs_fallocate" in said and "outside of the kernel's text" in said
        assert "lockdown" not in log(m)
        m.sh(f"cd {TRACE}; echo nop >current_tracer; echo >set_ftrace_filter; sysctl -w kernel.sched_schedstats=1")
        m.sh("modprobe cpuid; rmmod cpuid; rmmod openvbs")
        load_module(m, "integrity=1")
        assert state(m)["State"] == "locked down", m.sh("dmesg | grep openvbs:")
        is_well(m)


def test_without_the_parameter_nothing_is_locked():
    with start("integrity-off", openvbs="debug", cpus=2) as m:
        m.wait_ready()
        load_module(m)
        assert state(m)["State"] == "off"
        assert "lockdown" not in log(m)
