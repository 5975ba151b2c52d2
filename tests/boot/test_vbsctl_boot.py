# SPDX-License-Identifier: GPL-2.0-only
"""vbsctl on a booted machine: what it writes is what the loader does next.

Texts, precedence and bad input are in tests/tools/test_vbsctl*.py, which need
no machine.
"""

import json

from guestlib import program_files
from machine import settings, tiny
from machine.common import BUILD

LOCKED = {"vbs": 1, "level": 1, "locked": 1, "hvci": 1, "hvci_locked": 1, "lsa_cfg": 1}
REG = 'Windows Registry Editor Version 5.00\r\n\r\n[HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Control\\Lsa]\r\n"LsaCfgFlags"=dword:0\r\n'
# case S3: a benchmark's check for level 1
LEVEL_3 = '[HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Control\\DeviceGuard]\r\n"RequirePlatformSecurityFeatures"=dword:3\r\n'


def tiny_machine(machine, **options):
    module = BUILD / "linux" / tiny.kernel_package()[0] / "openvbs.ko"
    return machine(openvbs="debug", policy=None, time_limit=300,
                   files={"root/openvbs.ko": module, **program_files(BUILD / "clients" / "vbsctl")}, **options)


def ready(m, again=False):
    if again:
        m.stop()
        m.start()
    m.wait_ready()
    m.run("insmod /root/openvbs.ko; ln -sf /root/vbsctl /bin/vbsctl")


def vbsctl(m, arguments, rc=0):
    done = m.run(f"vbsctl {arguments}")
    assert done.rc == rc, f"vbsctl {arguments}: {done}"
    return done.output


def status(m):
    return json.loads(m.run("vbsctl status --json").output)


def test_what_vbsctl_writes_the_loader_reads(machine):
    """Promise: disable, enable and reg import count from the next boot on, and say so before it."""
    m = tiny_machine(machine, local={"vbs": 1, "level": 1})
    ready(m)
    vbsctl(m, "status --check --level 1")
    found = status(m)
    assert (found["VirtualizationBasedSecurityStatus"], found["Running"], found["PendingReboot"]) == (2, True, False)
    assert found["SecurityServicesConfigured"] == [1, 2] and found["SecurityServicesRunning"] == []
    m.put("/run/off.reg", REG.encode("utf-16"))
    assert "1 value" in vbsctl(m, "reg import /run/off.reg")
    vbsctl(m, "disable")
    assert "Running, off at the next boot" in vbsctl(m, "status")
    vbsctl(m, "status --check", 1)
    ready(m, again=True)
    found = status(m)
    assert (found["VirtualizationBasedSecurityStatus"], found["Reason"]) == (0, 1), found
    assert settings.read(m.variable(settings.LOCAL, settings.GUID)[1])[0]["by"] == "vbsctl disable"
    vbsctl(m, "enable")
    assert "Enabled but not running: reboot required" in vbsctl(m, "status")
    ready(m, again=True)
    found = status(m)
    assert found["Running"] and found["SecurityServicesConfigured"] == [2] and found["RequiredSecurityProperties"] == [1, 2]


def test_level_3_is_not_running_and_names_the_iommu(machine):
    """Promise: level 3 on a machine without an IOMMU: status 1, and every tool names it (cases S1, S3)."""
    m = tiny_machine(machine, local={"vbs": 1, "level": 3})
    ready(m)
    found = status(m)
    assert (found["VirtualizationBasedSecurityStatus"], found["Reason"], found["Check"]) == (1, 6, "level.iommu"), found
    assert "Enabled but not running: no IOMMU" in vbsctl(m, "status")
    assert "IOMMU" in vbsctl(m, "diagnose", 1)
    assert m.run("vbsctl readiness").rc & 4


def test_a_machine_without_svm_is_not_green(machine):
    """Promise: status, diagnose and readiness name the same failing prerequisite (case S1)."""
    m = tiny_machine(machine, local={"vbs": 1, "level": 1, "lsa_cfg": 2}, cpu_flags="-svm")
    ready(m)
    found = status(m)
    assert (found["VirtualizationBasedSecurityStatus"], found["Reason"]) == (1, 2)
    assert "cpuid.svm" in vbsctl(m, "diagnose", 1)
    done = m.run("vbsctl readiness --json")
    rows = json.loads(done.output)
    assert done.rc & 1, rows


def test_opting_out_on_debian(machine):
    """Promise: `vbsctl opt-out` makes a one-shot entry that the firmware starts; the person's answer takes the lock off;
    the next boot says so in the journal, with the known event numbers (case S6)."""
    m = machine(image="debian", openvbs="release", policy=None, local=LOCKED, mem=2048, reboot=True, time_limit=400,
                esp={"vbsctl": BUILD / "clients" / "vbsctl"})
    m.wait_ready(200)
    run = "/boot/efi/vbsctl"
    assert "nothing was changed" in m.run(f"{run} disable").output
    m.sh(f"cp {run} /usr/sbin/vbsctl; vbsctl opt-out")
    assert json.loads(m.run("vbsctl status --json").output)["PendingReboot"]
    m.run("systemctl reboot", 10)
    number = m.wait_for(r"^openvbs-optout: are you at this machine, and want that\? Type (\d{4}) and Enter", 90)[1]
    for key in number + "\r":
        m.send(key)
    m.wait_for(r"^openvbs-optout: done")
    m.wait_ready(150)
    found = json.loads(m.run("vbsctl status --json").output)
    assert (found["VirtualizationBasedSecurityStatus"], found["Running"], found["Configured"]) == (0, False, False), found
    m.sh("vbsctl events")
    journal = m.sh("journalctl -o json --no-pager EVENT_ID=14")
    assert journal.strip(), "event 14, the configuration of Credential Guard"
    assert "openvbs-optout" not in m.sh("efibootmgr | grep ^BootNext || true")
