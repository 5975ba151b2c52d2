# SPDX-License-Identifier: GPL-2.0-only
"""/sys/kernel/security/openvbs/state: the kernel's own answer to "does it run", in the words of vbsctl.

And sleep states that would end the protection: refused, each attempt with one line that says why.
"""

import json

import pytest

from guestlib import SECURITYFS, load_module, program_files, start
from machine.common import BUILD

VBSCTL = BUILD / "clients" / "vbsctl"
LEVEL_1 = {"vbs": 1, "level": 1}


def read_state(m):
    """{name: value} of the file; its first line, which is for people, is "#"."""
    head, *lines = m.sh(f"cat {SECURITYFS}/state").rstrip("\n").splitlines()
    assert head.startswith("# This boot's state") and "vbsctl status" in head
    pairs = [line.split(":", 1) for line in lines]
    assert all(len(pair) == 2 for pair in pairs), lines
    found = {name: value.strip() for name, value in pairs}
    assert len(found) == len(lines), "a name came twice"
    return found


def as_kernel(state):
    """What the kernel's file must say, from `vbsctl status --json`."""
    flag = {True: "yes", False: "no"}
    numbers = lambda name: " ".join(str(n) for n in state[name])
    return {
        "VirtualizationBasedSecurityStatus": str(state["VirtualizationBasedSecurityStatus"]),
        "State": state["Text"],
        "Known": flag[state["Known"]],
        "Configured": flag[state["Configured"]],
        "Running": flag[state["Running"]],
        "Reason": state["ReasonText"],
        "Check": state["Check"] or "",
        "Evidence": state["Evidence"] or "",
        "WhatToDo": state["WhatToDo"] or "",
        "Source": state["Source"] or "unknown",
        "RequiredSecurityProperties": numbers("RequiredSecurityProperties"),
        "AvailableSecurityProperties": numbers("AvailableSecurityProperties"),
        "AvailableKnown": flag[state["AvailableKnown"]],
        "SecurityServicesConfigured": numbers("SecurityServicesConfigured"),
        "SecurityServicesRunning": numbers("SecurityServicesRunning"),
    }


def vbsctl_status(m):
    result = m.run("/root/vbsctl status --json")
    assert result.rc == 0, result.output
    return json.loads(result.output)


@pytest.mark.parametrize("policy, required, services", [
    (LEVEL_1, "1 2", "1 2"),
    ({"vbs": 1, "hvci": 0, "lsa_cfg": 0}, "", ""),
], ids=["level-1", "level-0"])
def test_the_kernel_and_vbsctl_say_the_same(request, policy, required, services):
    """One model, two readers: in the same boot neither word nor number differs, and both had VTL1's answer."""
    with start(f"state-{request.node.callspec.id}", openvbs="debug", policy=policy, files=program_files(VBSCTL)) as m:
        m.wait_ready()
        load_module(m)
        assert m.sh(f"stat -c '%a %u' {SECURITYFS}/state").strip() == "444 0"
        state = read_state(m)
        assert (state["VirtualizationBasedSecurityStatus"], state["State"], state["Reason"]) == ("2", "Running", "none")
        assert (state["Configured"], state["Running"], state["Source"]) == ("yes", "yes", "policy")
        assert state["RequiredSecurityProperties"] == required
        assert {"1", "2"} <= set(state["AvailableSecurityProperties"].split()) and state["AvailableKnown"] == "yes"
        assert (state["SecurityServicesConfigured"], state["SecurityServicesRunning"]) == (services, "")
        assert state == as_kernel(vbsctl_status(m))
        assert m.sh("dmesg | grep -c 'openvbs: Running$'").strip() == "1"


def test_each_look_at_the_state_asks_vtl1():
    """"Running" is never remembered: reading the file again calls VTL1 again."""
    calls = "awk '$2 == \"vtl_call\" { n += $3 } END { print n }' " + f"{SECURITYFS}/exits"
    with start("state-proof", cpus=1) as m:
        m.wait_ready()
        load_module(m)
        before = int(m.sh(calls))
        m.sh(f"for i in 1 2 3 4 5; do cat {SECURITYFS}/state; done | grep -c '^Running: yes$' | grep -qx 5")
        assert int(m.sh(calls)) >= before + 5


def test_without_uefi_runtime_services_the_proof_alone_counts():
    """The loader's word can't be read then: what depends on it is unknown, never invented; VTL1's answer is enough to run."""
    # Secure Boot off: such a kernel does not get db's keys either, so it would refuse the test's signed module
    with start("state-noruntime", secure_boot=False, cmdline="efi=noruntime", files=program_files(VBSCTL)) as m:
        m.wait_ready()
        load_module(m)
        state = read_state(m)
        assert (state["State"], state["Running"], state["Known"]) == ("Running", "yes", "no")
        assert (state["Source"], state["AvailableKnown"], state["RequiredSecurityProperties"]) == ("unknown", "no", "")
        # the folder for the variables is there, and empty: that is not "every setting is absent"
        assert m.sh("ls -A /sys/firmware/efi/efivars").strip() == ""
        found = vbsctl_status(m)
        assert state == as_kernel(found)
        assert not found["NextKnown"] and not found["PendingReboot"]
        assert found["Settings"]["EnableVirtualizationBasedSecurity"]["NextValue"] is None
        assert "can't tell" in m.sh("/root/vbsctl status 2>/dev/null | grep '^Pending reboot'")
        assert m.run("/root/vbsctl status --check").rc == 0
        assert m.run("/root/vbsctl status --check --level 1").rc == 4


def hibernate(m):
    """What one attempt gives: exit status, and the lines of the kernel's log that came of it."""
    m.sh("dmesg -c >/dev/null")
    rc = m.run("echo disk >/sys/power/state").rc
    return rc, m.sh("dmesg -c").splitlines()


def test_hibernation_is_refused_with_one_line_each_time():
    """Promise (case L3): no image is written, and the log says once for each attempt why."""
    with start("state-hibernate", secure_boot=False) as m:
        m.wait_ready()
        load_module(m)
        for _ in range(3):
            rc, lines = hibernate(m)
            ours = [line for line in lines if "openvbs" in line]
            assert rc != 0 and len(ours) == 1, lines
            assert "hibernation is not supported under openvbs: the machine would resume on unprotected memory" in ours[0]
            assert not any("Creating image" in line or "Freezing" in line for line in lines), lines
        assert read_state(m)["Running"] == "yes"


def test_hibernation_under_lockdown_is_refused_by_the_kernel_first():
    """With Secure Boot on Debian's kernel is locked down: it gives its own reason, and menus do not offer it."""
    with start("state-lockdown", policy=LEVEL_1) as m:
        m.wait_ready()
        load_module(m)
        rc, lines = hibernate(m)
        assert rc != 0 and len([line for line in lines if "hibernation is restricted" in line]) == 1, lines
        assert "disk" not in m.sh("cat /sys/power/state").split()
        assert read_state(m)["Running"] == "yes"
