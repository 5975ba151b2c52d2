# SPDX-License-Identifier: GPL-2.0-only
"""vbsctl against a made-up machine: a folder with efivars, ESP, mounts, below VBSCTL_ROOT.

Records and status are packed here from include/openvbs/{settings,status}.h, so
that layout errors show. Needs `make clients` and no machine:
/usr/bin/python3 -m pytest tests/tools/test_vbsctl.py. VBSCTL names another binary.
"""

import json
import os
import pty
import resource
import signal
import struct
import subprocess
import zlib
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parents[2]
VBSCTL = Path(os.environ.get("VBSCTL", REPO / "build/clients/vbsctl"))
GUID = "4f70656e-5642-5300-8c21-3b1d7e40a9c2"
STATUS_GUID = "4f70656e-5642-5300-9d1c-6c0a52f3b7e1"
GLOBAL = "8be4df61-93ca-11d2-aa0d-00e098032b8c"
SHIM = "605dab50-e046-4300-abb6-3dd810dd8b23"
PART = "11223344-5566-7788-99aa-bbccddeeff00"
PART_LE = bytes.fromhex("443322116655887799aabbccddeeff00")

VBS, LEVEL, LOCKED, MANDATORY, ROLE, HVCI, HVCI_LOCKED, GUARD, LSA = range(9)
DEFAULT, LOCAL, POLICY, LOCK, OPT_OUT = range(5)
ENTRIES = 24
HEAD = struct.Struct("<IHHIIQIHHII24s")
EXIT_OK, EXIT_NO, EXIT_USAGE, EXIT_INPUT, EXIT_SYSTEM, EXIT_LOCKED = range(6)

assert VBSCTL.exists(), f"{VBSCTL} is not built: make clients"


def entries(values):
    rows = b"".join(struct.pack("<HHI", i, f, v) for i, f, v in values)
    return rows + bytes(ENTRIES * 8 - len(rows))


def record(values, generation=1, by=b"test", uid=1000, when=1700000000, saved=()):
    def pack(crc):
        return HEAD.pack(0x5354564F, 1, 64 + 2 * ENTRIES * 8, crc, generation, when, uid, len(values), len(saved),
                         0, 0, by) + entries([(i, 0, v) for i, v in values.items()]) + entries(saved)
    return pack(zlib.crc32(pack(0)))


def unpack(data):
    head = HEAD.unpack_from(data)
    assert zlib.crc32(data[:8] + bytes(4) + data[12:]) == head[3], "the CRC does not match"
    row = [struct.unpack_from("<HHI", data, 64 + 8 * i) for i in range(2 * ENTRIES)]
    return {"generation": head[4], "uid": head[6], "by": head[11].rstrip(b"\0").decode(),
            "values": {i: v for i, _, v in row[:head[7]]}, "saved": row[ENTRIES:ENTRIES + head[8]]}


def platform(secure_boot=1, iommu=0, shim_off=2, dma=0):
    cpu = struct.pack("<10I16s16s3Q", 0x10, 0xA20F10, 0, 0, 0, 0x80000021, 4, 1 << 20 | 1 << 29, 16, 1,
                      b"AuthenticAMD", b"", 0xD00, 0, 0) + struct.pack("<Q9QQ", 0, *[0] * 9, 0)
    assert len(cpu) == 184
    out = struct.pack("<HBBBBBBBBHBBBBIBBBxII", 384, 1, secure_boot, 0, 2, 2, 1 if iommu else 0, 1 if iommu else 2, 0,
                      0, 2, 1, 2, 0, 0, 4, shim_off, dma, 0, 4) + bytes(3 * 56) + cpu
    assert len(out) == 384, len(out)
    return out


def status(running=False, reason=0, check=b"", evidence=b"", settings=None, lock=0, held=None, findings=0, local=0, policy=0,
           part=PART_LE, note=b"", version=2, secure_boot=1, shim_off=2, iommu=0, dma=0):
    v1 = struct.pack("<IHHIIQQQQQII32s160s32s", 0x5453564F, version, 928 if version > 1 else 288, int(running), reason,
                     0, 0, 0, 0, 0, 2, 0, check, evidence, b"0.1.0")
    assert len(v1) == 288
    if version == 1:
        return v1
    held = {i: value for i, (value, source) in (settings or {}).items() if source == LOCK} if held is None else held
    rows = b"".join(struct.pack("<IBB2x", *(settings or {}).get(i, (0, DEFAULT)), held.get(i, -1) + 1) for i in range(16))
    return v1 + rows + struct.pack("<IIII16s96s", lock, findings, local, policy, part, note) \
        + platform(secure_boot, iommu, shim_off, dma)


ON = {VBS: (1, LOCAL), LEVEL: (1, LOCAL), HVCI: (1, DEFAULT), LSA: (2, DEFAULT)}
LOCKED_ON = {VBS: (1, LOCK), LEVEL: (1, LOCK), LOCKED: (1, LOCK), MANDATORY: (0, LOCK), HVCI: (1, LOCK),
             HVCI_LOCKED: (1, LOCK), LSA: (1, LOCK)}
OFF = dict(reason=1, check=b"settings.vbs", evidence=b"EnableVirtualizationBasedSecurity is absent")


class Machine:
    def __init__(self, root):
        self.root = root
        self.vars = root / "sys/firmware/efi/efivars"
        self.esp = root / "boot/efi"
        self.folder = self.esp / "EFI/openvbs"
        for p in (self.vars, self.folder, root / "dev/disk/by-partuuid", root / "proc/self",
                  root / "sys/class/block/sda1", root / "var/lib"):
            p.mkdir(parents=True)
        (self.folder / "openvbs-optout.efi").write_bytes(b"MZ")
        (root / "dev/disk/by-partuuid" / PART).symlink_to("../../sda1")
        self.mount()
        for name, value in (("partition", 1), ("start", 2048), ("size", 204800)):
            (root / "sys/class/block/sda1" / name).write_text(f"{value}\n")
        self.var("SecureBoot", b"\1", GLOBAL, 6)

    def mount(self, options="rw,relatime", where="/boot/efi", source="/dev/sda1", kind="vfat"):
        (self.root / "proc/self/mountinfo").write_text(
            f"22 1 8:2 / / rw - ext4 /dev/sda2 rw\n30 22 8:1 / {where} {options} shared:3 - {kind} {source} rw\n")

    def var(self, name, data, guid=GUID, attributes=7):
        (self.vars / f"{name}-{guid}").write_bytes(struct.pack("<I", attributes) + data)

    def get(self, name, guid=GUID):
        path = self.vars / f"{name}-{guid}"
        return path.read_bytes() if path.exists() else None

    def local(self, values=None, **rest):
        if values is not None:
            self.var("OpenvbsSettings", record(values, **rest))
        data = self.get("OpenvbsSettings")
        assert data is None or data[:4] == b"\7\0\0\0"
        return data and unpack(data[4:])

    def policy(self, values, slot="a", **rest):
        (self.folder / f"policy.{slot}").write_bytes(record(values, **rest))

    def boot(self, **rest):
        self.var("OpenvbsStatus", status(**rest), STATUS_GUID, 6)

    def run(self, *args, expect=EXIT_OK, **rest):
        env = {"PATH": os.environ["PATH"], "VBSCTL_ROOT": str(self.root), "LC_ALL": "C.UTF-8"}
        done = subprocess.run([VBSCTL, *args], env=env, capture_output=True, timeout=20, check=False, **rest)
        out, err = done.stdout.decode(), done.stderr.decode()
        assert done.returncode == expect, f"{args}: {done.returncode}\n{out}\n{err}"
        assert "\033" not in out + err
        return out + err

    def json(self, *args, expect=EXIT_OK):
        return json.loads(self.run("--json", *args, expect=expect))

    def lines(self, *args):
        out = self.run("status", *args)
        return {line[:62].strip(): line[63:] for line in out.splitlines() if not line.startswith("vbsctl: ")}

    def tree(self):
        return {p: p.read_bytes() for p in self.root.rglob("*") if p.is_file()}


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path / "root")


def wide(text):
    return (text + "\0").encode("utf-16le")


def option(path, description="x", active=1, data=b""):
    node = wide(path)
    dp = struct.pack("<BBH", 4, 4, 4 + len(node)) + node + b"\x7f\xff\4\0" if path else b"\x7f\xff\4\0"
    return struct.pack("<IH", active, len(dp)) + wide(description) + dp + data


# --- status -----------------------------------------------------------------

def test_nothing_at_all(machine):
    lines = machine.lines()
    assert lines["Virtualization-based security"] == "Not enabled"
    assert lines["Reason"] == "not configured" and lines["Check"] == "settings.vbs"
    assert lines["Kernel DMA Protection"] == "Off"


def test_labels_and_names(machine):
    machine.boot(settings=ON, reason=2, check=b"cpuid.svm", evidence=b"bit 2 is 0", local=1)
    machine.local({VBS: 1, LEVEL: 1})
    out = machine.run("status")
    for line in (
            "Virtualization-based security                                  Enabled but not running: CPU lacks virtualization",
            "Virtualization-based security Required Security Properties     Base Virtualization Support, Secure Boot",
            "Virtualization-based security Available Security Properties    Base Virtualization Support, Secure Boot, UEFI Code Readonly",
            "Virtualization-based security Services Configured              Credential Guard, Hypervisor enforced Code Integrity",
            "Virtualization-based security Services Running",
            "Check                                                          cpuid.svm",
            "Evidence                                                       bit 2 is 0",
            "Pending reboot                                                 no"):
        assert line + "\n" in out, out


def test_json_of_configured_not_running(machine):
    machine.boot(settings=ON, reason=6, check=b"level.iommu", evidence=b"no table", local=1)
    machine.local({VBS: 1, LEVEL: 1})
    o = machine.json("status")
    assert o["VirtualizationBasedSecurityStatus"] == 1
    assert o["RequiredSecurityProperties"] == [1, 2] and o["AvailableSecurityProperties"] == [1, 2, 5]
    assert o["SecurityServicesConfigured"] == [1, 2] and o["SecurityServicesRunning"] == []
    assert o["Reason"] == 6 and o["ReasonText"] == "no IOMMU" and o["Check"] == "level.iommu"
    assert o["Source"] == "local value" and o["PendingReboot"] is False and o["Configured"] and not o["Running"]
    assert o["ConfiguredFrom"] == "now" and o["ChangedBy"] == "test by user 1000"
    assert o["ChangedAt"] == "2023-11-14 22:13 UTC" and o["Version"] == "1.0"
    assert o["Settings"]["LsaCfgFlags"] == {"Value": 2, "Source": "default", "NextValue": 2, "NextSource": "default"}
    assert o["VirtualMachineIsolation"] is False and o["CodeIntegrityPolicyEnforcementStatus"] == 0
    assert len(o["InstanceIdentifier"] or "x" * 36) == 36
    machine_id = Path("/etc/machine-id")
    if machine_id.exists() and o["InstanceIdentifier"]:
        assert o["InstanceIdentifier"].replace("-", "") != machine_id.read_text().strip()


def test_running_takes_proof(machine):
    """The loader's word is not enough: there is no device below this root."""
    machine.boot(running=True, settings=ON, local=1)
    machine.local({VBS: 1, LEVEL: 1})
    o = machine.json("status")
    assert o["VirtualizationBasedSecurityStatus"] == 1 and not o["Running"] and o["Check"] == "vtl1.no_hypervisor"
    (machine.root / "dev/openvbs").write_text("")
    assert machine.json("status")["Running"] is False
    machine.run("status", "--check", expect=EXIT_NO)


def test_reboot_required(machine):
    machine.boot(**OFF)
    machine.local({VBS: 1})
    o = machine.json("status")
    assert o["Reason"] == 9 and o["PendingReboot"] and o["ConfiguredFrom"] == "next boot"
    assert "EnableVirtualizationBasedSecurity 0 -> 1" in o["PendingChanges"]


@pytest.mark.parametrize("change, check", [
    (dict(attributes=7), "volatile"),
    (dict(data=b"x" * 928), "no status"),
    (dict(data=status(running=True, reason=3)), "contradict"),
    (dict(data=status(reason=3, check=b"\x1b[2J")), "no text"),
    (dict(data=status()[:700]), "contradict"),
])
def test_bad_status(machine, change, check):
    machine.var("OpenvbsStatus", change.get("data", status(**OFF)), STATUS_GUID, change.get("attributes", 6))
    machine.local({VBS: 1})
    o = machine.json("status")
    assert o["Check"] == "status.unreadable" and check in o["Evidence"]
    assert "can't tell" in machine.json("status", "--check", expect=EXIT_SYSTEM)["error"]


def test_status_of_version_1(machine):
    machine.var("OpenvbsStatus", status(version=1, reason=2, check=b"cpuid.svm", evidence=b"e"), STATUS_GUID, 6)
    machine.local({VBS: 1})
    o = machine.json("status")
    assert o["Reason"] == 2 and o["Settings"]["Locked"]["Value"] is None and not o["AvailableKnown"]


@pytest.mark.parametrize("data, attributes, why", [
    (record({VBS: 1}), 3, "attributes"),
    (record({VBS: 1})[:-1], 7, "bytes"),
    (b"\0" * 448, 7, "magic"),
    (record({LEVEL: 2}), 7, "can't be"),
])
def test_bad_local_values(machine, data, attributes, why):
    machine.var("OpenvbsSettings", data, attributes=attributes)
    o = machine.json("status")
    assert not o["Configured"] and any(why in n for n in o["notes"]), o["notes"]
    machine.run("enable")
    assert machine.local()["values"][VBS] == 1


def test_no_efivars(machine):
    for p in machine.vars.iterdir():
        p.unlink()
    machine.vars.rmdir()
    assert "can't tell" in machine.run("status", "--check", expect=EXIT_SYSTEM)
    assert "UEFI" in machine.run("enable", expect=EXIT_SYSTEM)
    o = machine.json("status")
    assert not o["Known"] and not o["NextKnown"]
    assert machine.lines()["Pending reboot"].startswith("can't tell: ")


def test_efivarfs_that_is_not_mounted():
    """The real root, where an empty folder is what the kernel leaves without efivarfs: nothing is known, not "absent"."""
    script = ("mount -t tmpfs x /sys/firmware && mkdir -p /sys/firmware/efi/efivars && exec \"$0\" --json status")
    done = subprocess.run(["unshare", "-rm", "sh", "-c", script, VBSCTL], capture_output=True, timeout=20, check=False)
    if b"unshare" in done.stderr or b"mount:" in done.stderr:
        pytest.skip("no mount name space of its own: " + done.stderr.decode())
    o = json.loads(done.stdout)
    assert not o["Known"] and not o["NextKnown"] and o["Settings"]["Locked"]["NextValue"] is None
    assert o["Running"] or o["Check"] == "settings.unreadable"


def test_boot_order(machine):
    machine.local({VBS: 1})
    machine.var("BootOrder", struct.pack("<HH", 3, 1), GLOBAL)
    machine.var("Boot0003", option("\\EFI\\debian\\shimx64.efi"), GLOBAL)
    assert "does not start it" in machine.json("status")["Evidence"]
    machine.var("Boot0003", option("\\EFI\\OPENVBS\\openvbs.efi"), GLOBAL)
    o = machine.json("status")
    assert "the next boot starts it" in o["Evidence"] and o["PendingReboot"]
    machine.var("Boot0003", b"\1\0\0\0\xff\xff", GLOBAL)  # torn
    machine.var("Boot0001", option(""), GLOBAL)
    assert "can't be told" in machine.json("status")["Evidence"]


# --- sources ----------------------------------------------------------------

@pytest.mark.parametrize("local, policy, configured", [(0, 1, True), (1, 0, False)])
def test_policy_wins_both_ways(machine, local, policy, configured):  # case S4
    machine.boot(**OFF)
    machine.local({VBS: local})
    machine.policy({VBS: policy})
    o = machine.json("status")
    assert o["Configured"] is configured and o["Source"] == "policy"
    assert o["Settings"]["EnableVirtualizationBasedSecurity"]["NextSource"] == "policy"
    before = machine.tree()
    out = machine.run("disable" if configured else "enable", expect=EXIT_NO)
    assert "policy.a" in out and "EnableVirtualizationBasedSecurity" in out
    assert machine.tree() == before


def test_newer_policy_slot_counts(machine):
    machine.policy({VBS: 1}, "a", generation=4)
    machine.policy({VBS: 0}, "b", generation=5)
    assert not machine.json("status")["Configured"]
    (machine.folder / "policy.b").write_bytes(b"torn")
    o = machine.json("status")
    assert o["Configured"] and any("policy.b" in n for n in o["notes"])


def test_esp_by_partition(machine):
    machine.policy({VBS: 1})
    machine.boot(**OFF)
    machine.mount(source="/dev/sdb1")
    o = machine.json("status")
    assert not o["Configured"] and any("sda1, is not mounted" in n for n in o["notes"])
    machine.boot(part=bytes(16), **OFF)
    assert machine.json("status")["Configured"]


def test_policy_that_cannot_be_read_is_as_in_this_boot(machine):
    machine.boot(settings={**ON, VBS: (1, POLICY)}, reason=2, check=b"c", evidence=b"e", policy=7)
    machine.mount(source="/dev/sdb1")
    o = machine.json("status")
    assert o["Configured"] and o["Source"] == "policy"


# --- enable, disable --------------------------------------------------------

def test_enable_disable_gives_back(machine):  # case S7
    machine.local({LEVEL: 3, HVCI: 0, MANDATORY: 0}, generation=5)
    machine.run("enable", "--level", "1", "--mandatory", "--lock")
    now = machine.local()
    assert now["values"] == {LEVEL: 1, HVCI: 0, MANDATORY: 1, VBS: 1, LOCKED: 1, LSA: 1}
    assert now["generation"] == 6 and now["by"] == "vbsctl enable"
    machine.run("enable", "--level", "0")
    machine.run("disable")
    now = machine.local()
    assert now["values"] == {LEVEL: 3, HVCI: 0, MANDATORY: 0, VBS: 0} and not now["saved"]


def test_enable_from_nothing(machine):
    out = machine.run("enable")
    assert machine.local()["values"] == {VBS: 1, LEVEL: 1} and "Reboot to apply" in out
    before = machine.tree()
    machine.run("enable")
    assert machine.tree() == before  # nothing to write
    machine.run("disable")
    assert machine.local()["values"] == {VBS: 0}


def test_generation_goes_on_from_the_status(machine):
    machine.boot(local=41, **OFF)
    machine.run("enable")
    assert machine.local()["generation"] == 42


@pytest.mark.parametrize("there, used, after", [
    (None, 0, 1), (None, 0xFFFFFFFF, 1), (7, 5, 8), (5, 7, 8), (0xFFFFFFFF, 0, 1), (0xFFFFFFFF, 3, 4), (3, 0xFFFFFFFF, 4),
    (5, 0x80000004, 6),  # what follows the one that was used would not beat the one that is there
])
def test_generations_are_serial_numbers(machine, there, used, after):
    machine.boot(local=used, policy=used, **OFF)
    if there is not None:
        machine.local({VBS: 0}, generation=there)
        machine.policy({VBS: 0}, generation=there)
    machine.run("reg", "add", "HKLM\\SYSTEM\\CurrentControlSet\\Control\\Lsa", "/v", "LsaCfgFlags", "/t", "REG_DWORD",
                "/d", "1", "/f")
    assert machine.local()["generation"] == after
    machine.run("policy", "import", add_pol(machine))
    new = unpack((machine.folder / ("policy.a" if there is None else "policy.b")).read_bytes())
    assert new["generation"] == after and new["values"] == {VBS: 1}
    assert machine.json("policy", "show")["generation"] == after


def add_pol(machine):
    """A Registry.pol that switches it on."""
    def text(s):
        return (s + "\0").encode("utf-16-le")
    mark = {c: c.encode("utf-16-le") for c in "[;]"}
    path = machine.root / "on.pol"
    path.write_bytes(b"PReg" + struct.pack("<I", 1) + mark["["] + mark[";"].join(
        (text("SOFTWARE\\Policies\\Microsoft\\Windows\\DeviceGuard"), text("EnableVirtualizationBasedSecurity"),
         struct.pack("<I", 4), struct.pack("<I", 4), struct.pack("<I", 1))) + mark["]"])
    return str(path)


def test_newer_policy_slot_counts_beyond_the_wrap(machine):
    machine.policy({VBS: 1}, "a", generation=0xFFFFFFFF)
    machine.policy({VBS: 0}, "b", generation=1)
    assert not machine.json("status")["Configured"]


def test_level_3_is_warned_of(machine):
    machine.boot(**OFF)  # the loader saw no IOMMU
    out = machine.run("enable", "--level", "3")
    assert "will not start it: no IOMMU (level.iommu)" in out and machine.local()["values"][LEVEL] == 3
    assert "no IOMMU" in machine.run("enable", "--level", "3")
    machine.boot(**OFF, iommu=1, dma=1)
    assert "no IOMMU (iommu.enable)" in machine.run("enable", "--level", "3")
    machine.boot(**OFF, iommu=1)
    assert "will not start" not in machine.run("enable", "--level", "3")
    o = machine.json("status")
    assert 3 in o["AvailableSecurityProperties"] and o["KernelDmaProtection"] is False


def test_level_3_where_the_loader_never_ran(machine):
    assert "whether this machine has one can't be told" in machine.run("enable", "--level", "3")
    tables = machine.root / "sys/firmware/acpi/tables"
    tables.mkdir(parents=True)
    assert "no IOMMU (level.iommu): level 3 by local value; neither" in machine.run("enable", "--level", "3")
    (tables / "IVRS").write_bytes(b"IVRS")
    assert "IVRS is unreadable: only 4 bytes" in machine.run("enable", "--level", "3")


def test_services(machine):  # case S2
    machine.boot(settings=ON, reason=2, check=b"c", evidence=b"e")
    machine.local({VBS: 1, LEVEL: 1})
    out = machine.run("disable", "credential-guard")
    assert machine.local()["values"] == {VBS: 1, LEVEL: 1, LSA: 0}
    assert "virtualization-based security itself stays on" in out and "EnableVirtualizationBasedSecurity=1" in out
    assert "still configured: Hypervisor enforced Code Integrity" in out
    assert machine.json("status")["SecurityServicesConfigured"] == [2]
    machine.run("disable", "memory-integrity")
    machine.run("enable", "credential-guard")
    machine.run("enable", "memory-integrity", "--lock")
    assert machine.local()["values"] == {VBS: 1, LEVEL: 1, LSA: 2, HVCI: 1, HVCI_LOCKED: 1}


def test_lock_needs_secure_boot(machine):
    machine.var("SecureBoot", b"\0", GLOBAL, 6)
    assert "Secure Boot" in machine.run("enable", "--lock", expect=EXIT_NO)
    assert machine.local() is None
    (machine.vars / f"SecureBoot-{GLOBAL}").unlink()
    machine.run("enable", "--lock", expect=EXIT_NO)
    machine.var("SecureBoot", b"\1", GLOBAL, 6)
    machine.var("MokSBStateRT", b"\1", SHIM, 6)
    assert "mokutil --enable-validation" in machine.run("enable", "--lock", expect=EXIT_NO)
    machine.var("MokSBStateRT", b"\1", SHIM, 7)  # in flash: not shim's
    machine.run("enable", "--lock")


def test_shim_without_validation(machine):
    machine.boot(settings={**ON, LOCKED: (1, LOCAL)}, lock=3, reason=5, check=b"level.shim", evidence=b"MokSBState is 1",
                 local=1, shim_off=1)
    machine.local({VBS: 1, LEVEL: 1, LOCKED: 1})
    o = machine.json("status")
    assert o["Reason"] == 5 and "mokutil --enable-validation" in o["WhatToDo"]
    assert o["RequiredSecurityProperties"] == [1, 2] and 2 not in o["AvailableSecurityProperties"]
    assert "mokutil" in machine.run("enable", "--lock", expect=EXIT_NO)
    assert "level.shim" in machine.run("enable") and machine.json("status")["Configured"]
    found = {f["Id"]: f for f in machine.json("diagnose", expect=EXIT_NO)["Findings"]}
    assert "mokutil --enable-validation" in found["lock"]["WhatToDo"]


@pytest.mark.parametrize("values, says", [
    ({}, None), ({LOCKED: 0, LSA: 2}, None), ({LOCKED: 1}, "Locked=1 (local value)"),
    ({LSA: 1}, "LsaCfgFlags=1 (local value)"), ({HVCI_LOCKED: 1, HVCI: 0}, None),
    ({HVCI: 1, HVCI_LOCKED: 1}, "HypervisorEnforcedCodeIntegrity\\Locked=1 (local value)"),
])
def test_enable_tells_of_a_lock_that_older_values_ask_for(machine, values, says):
    machine.boot(**OFF)
    machine.local(values)
    out = machine.run("enable")
    assert ("the next boot writes a UEFI lock" in out) == bool(says)
    assert not says or (says in out and "vbsctl reg add" in out)
    assert "the next boot writes" not in machine.run("enable", "--lock")  # that was asked for


def test_enable_tells_of_a_lock_by_policy(machine):
    machine.boot(**OFF)
    machine.policy({LOCKED: 1})
    out = machine.run("enable")
    assert "Locked=1 (policy)" in out and "vbsctl policy show" in out


def test_enable_with_a_lock_that_is_there_tells_nothing_new(machine):
    machine.boot(settings={**LOCKED_ON, LEVEL: (3, LOCAL)}, lock=1, reason=6, check=b"c", evidence=b"e", local=1)
    machine.local({VBS: 1, LEVEL: 3, LOCKED: 1})
    assert "the next boot writes" not in machine.run("enable")


@pytest.mark.parametrize("args", [("disable",), ("disable", "credential-guard"), ("disable", "memory-integrity"),
                                  ("enable", "--level", "0")])
def test_lock_refuses(machine, args):  # case S5
    machine.boot(settings=LOCKED_ON, lock=1, reason=2, check=b"c", evidence=b"e", local=1)
    machine.local({VBS: 1, LEVEL: 1, LOCKED: 1})
    before = machine.tree()
    out = machine.run(*args, expect=EXIT_LOCKED)
    assert "UEFI lock" in out and "vbsctl opt-out" in out and "console" in out
    assert machine.tree() == before
    assert machine.json(*args, expect=EXIT_LOCKED)["error"]


def test_a_locked_level_is_a_minimum(machine):
    machine.boot(settings=LOCKED_ON, lock=1, reason=2, check=b"c", evidence=b"e", local=1)
    machine.run("enable", "--level", "3")
    assert machine.json("status")["Settings"]["RequirePlatformSecurityFeatures"]["NextValue"] == 3


def test_lock_wins_over_what_was_imported(machine):  # case S5
    machine.boot(settings=LOCKED_ON, lock=1, reason=2, check=b"c", evidence=b"e", local=1)
    for value in (0, 2):
        machine.local({VBS: 0, LSA: value}, generation=2)
        o = machine.json("status")
        assert o["Configured"] and o["Source"] == "UEFI lock" and 1 in o["SecurityServicesConfigured"]
        assert o["Settings"]["LsaCfgFlags"]["NextValue"] == 1 and o["Lock"]["Locked"]


def test_lock_written_in_this_boot_counts_next(machine):
    machine.boot(settings={**ON, LOCKED: (1, LOCAL)}, lock=2, held={VBS: 1, LEVEL: 1, LOCKED: 1, 3: 0}, reason=2, check=b"c", evidence=b"e", local=1)
    machine.local({VBS: 1, LEVEL: 1, LOCKED: 1})
    assert machine.json("status")["Lock"]["Values"]["EnableVirtualizationBasedSecurity"] == 1
    machine.run("disable", expect=EXIT_LOCKED)


def test_opted_out(machine):
    machine.boot(settings={VBS: (0, OPT_OUT)}, reason=10, check=b"settings.opt_out", evidence=b"e", findings=16,
                 local=1)
    machine.local({VBS: 1})
    assert machine.json("status")["Reason"] == 10
    machine.run("enable")  # the same values, but newer: the opt-out ends
    o = machine.json("status")
    assert o["Configured"] and o["Reason"] == 9


# --- failed writes ----------------------------------------------------------

def no_writes():
    """write() of even one byte fails, also root's: as firmware that refuses."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


@pytest.mark.parametrize("args", [("enable",), ("enable", "--level", "1", "--lock"), ("disable",),
                                  ("disable", "credential-guard")])
def test_failed_write_leaves_the_old_value(machine, args):
    machine.local({VBS: 0 if args[0] == "enable" else 1}, generation=3)
    before = machine.tree()
    out = machine.run(*args, expect=EXIT_SYSTEM, preexec_fn=no_writes)
    assert "settings were not changed" in out
    assert machine.tree() == before


def test_failed_first_write_leaves_nothing(machine):
    before = machine.tree()
    machine.run("enable", expect=EXIT_SYSTEM, preexec_fn=no_writes)
    assert machine.tree() == before


def test_read_only_variables(machine):
    machine.local({VBS: 0}, generation=3)
    before = machine.tree()
    path = machine.vars / f"OpenvbsSettings-{GUID}"
    os.chmod(path, 0o444)
    if os.access(path, os.W_OK):
        pytest.skip("this user may write everything")
    assert "run as root" in machine.run("enable", expect=EXIT_SYSTEM)
    assert machine.tree() == before


def test_somebody_elses_variable_is_replaced(machine):
    machine.var("OpenvbsSettings", record({VBS: 0}), attributes=3)
    machine.run("enable")
    assert machine.local()["values"][VBS] == 1


# --- opt-out ----------------------------------------------------------------

@pytest.fixture
def locked(machine):
    machine.boot(settings=LOCKED_ON, lock=1, reason=2, check=b"c", evidence=b"e", local=1)
    machine.local({VBS: 1, LEVEL: 1, LOCKED: 1, LSA: 1})
    return machine


def test_opt_out(locked):
    out = locked.run("opt-out")
    assert "reboot" in out
    assert locked.local()["values"] == {VBS: 0, LEVEL: 1, LOCKED: 0, LSA: 0, HVCI: 0, HVCI_LOCKED: 0}
    assert locked.get("BootNext", GLOBAL) == b"\7\0\0\0\0\0"
    entry = locked.get("Boot0000", GLOBAL)
    assert wide("openvbs opt-out") in entry and wide("DISABLE-VBS DISABLE-LSA-ISO DISABLE-HVCI") in entry
    assert wide("\\EFI\\openvbs\\openvbs-optout.efi") in entry and PART_LE in entry
    assert struct.pack("<IQQ", 1, 2048, 204800) in entry
    assert locked.get("BootOrder", GLOBAL) is None
    o = locked.json("status")
    assert o["PendingReboot"] and "opt-out" in o["PendingChanges"] and o["Configured"]


@pytest.mark.parametrize("part, values", [
    ("vbs", {VBS: 0, LEVEL: 1, LOCKED: 0, LSA: 0, HVCI: 1, HVCI_LOCKED: 0}),
    ("memory-integrity", {VBS: 1, LEVEL: 1, LOCKED: 1, LSA: 1, HVCI: 0, HVCI_LOCKED: 0}),
    ("credential-guard", {VBS: 1, LEVEL: 1, LOCKED: 1, LSA: 0, HVCI: 1, HVCI_LOCKED: 1}),
])
def test_opt_out_takes_the_wish_to_lock_back(locked, part, values):
    """Or the loader would write the lock anew, as soon as it is switched on again."""
    locked.local({VBS: 1, LEVEL: 1, LOCKED: 1, LSA: 1, HVCI: 1, HVCI_LOCKED: 1})
    locked.run("opt-out", "--" + part)
    assert locked.local()["values"] == values


def test_opt_out_of_a_part(locked):
    locked.run("opt-out", "--credential-guard")
    assert locked.local()["values"] == {VBS: 1, LEVEL: 1, LOCKED: 1, LSA: 0}
    assert wide("DISABLE-LSA-ISO") in locked.get("Boot0000", GLOBAL)


def test_opt_out_twice_then_cancel_gives_back_the_first_values(locked):
    before = locked.local()["values"]
    locked.run("opt-out", "--credential-guard")
    locked.run("opt-out")
    locked.run("opt-out", "--cancel")
    assert locked.local()["values"] == before


def test_opt_out_cancel(locked):
    before = locked.local()["values"]
    locked.run("opt-out", "--vbs")
    locked.run("opt-out", "--cancel")
    assert locked.local()["values"] == before
    assert locked.get("BootNext", GLOBAL) is None and locked.get("Boot0000", GLOBAL) is None
    locked.run("opt-out", "--cancel", expect=EXIT_NO)


def test_opt_out_twice_uses_one_entry(locked):
    locked.var("Boot0000", option("\\EFI\\debian\\shimx64.efi"), GLOBAL)
    locked.run("opt-out")
    locked.run("opt-out", "--vbs")
    entries_there = sorted(p.name for p in locked.vars.glob("Boot0*"))
    assert entries_there == [f"Boot0000-{GLOBAL}", f"Boot0001-{GLOBAL}"]


def test_opt_out_all_or_nothing(locked):  # case S6
    def refused(text):
        before = locked.tree()
        out = locked.run("opt-out", expect=EXIT_SYSTEM)
        assert text in out and "nothing was changed" in out, out
        assert locked.tree() == before
    locked.mount(options="ro,relatime")
    refused("read-only")
    locked.mount(kind="ext4")
    refused("not mounted")
    locked.mount()
    (locked.folder / "openvbs-optout.efi").unlink()
    refused("openvbs-optout.efi")


def test_opt_out_undoes_when_boot_next_fails(locked):
    before = locked.local()["values"]
    (locked.vars / f"BootNext-{GLOBAL}").mkdir()  # can't be written, whoever asks
    out = locked.run("opt-out", expect=EXIT_SYSTEM)
    assert "BootNext" in out and "put back" in out
    assert locked.local()["values"] == before


def test_opt_out_fails_whole_when_nothing_can_be_written(locked):
    before = locked.tree()
    locked.run("opt-out", expect=EXIT_SYSTEM, preexec_fn=no_writes)
    assert locked.tree() == before


def test_opt_out_warns_of_policy(locked):
    locked.policy({VBS: 1})
    assert "policy remove" in locked.run("opt-out")


def test_nothing_locked(machine):  # case S11
    machine.boot(settings=ON, reason=2, check=b"c", evidence=b"e", local=1)
    machine.local({VBS: 1})
    machine.policy({HVCI: 1})
    before = machine.tree()
    out = machine.run("opt-out", expect=EXIT_NO)
    assert "nothing is locked" in out and "vbsctl disable" in out
    assert "EnableVirtualizationBasedSecurity=1, local value" in out and "Enabled=1, policy" in out
    assert "LsaCfgFlags=2, default" in out
    assert machine.tree() == before
    names = [h["Name"] for h in machine.json("opt-out", "--list")["Holds"]]
    assert "LsaCfgFlags" in names


# --- events, metrics --------------------------------------------------------

def test_events(machine):
    machine.boot(settings=ON, reason=2, check=b"cpuid.svm", evidence=b"bit 2 is 0", findings=2, note=b"policy.a: torn",
                 local=1)
    machine.local({VBS: 1, LEVEL: 1})
    events = machine.json("events", "--dry-run")["Events"]
    assert [e["EventId"] for e in events] == [0, 14, 15, 16, 17]
    assert "LsaCfgFlags=2 (default)" in events[1]["Message"] and "not built into this version" in events[1]["Message"]
    assert "cpuid.svm" in events[3]["Message"] and "policy.a: torn" in events[4]["Message"]
    assert len({e["MessageId"] for e in events}) == len(events)
    assert all(len(e["MessageId"]) == 32 for e in events)


def test_events_when_off(machine):
    machine.boot(**OFF)
    assert [e["EventId"] for e in machine.json("events", "--dry-run")["Events"]] == [0, 14]


def test_metrics(machine, tmp_path):
    machine.boot(settings=ON, reason=2, check=b"cpuid.svm", evidence=b"e", local=1)
    machine.local({VBS: 1, LEVEL: 1})
    out = machine.run("metrics")
    assert "\nopenvbs_vbs_status 1\n" in out
    assert '\nopenvbs_info{reason="CPU lacks virtualization",check="cpuid.svm",source="local value"} 1\n' in out
    assert '\nopenvbs_service_configured{service="Credential Guard"} 1\n' in out
    assert '\nopenvbs_setting{name="LsaCfgFlags",source="default"} 2\n' in out
    for line in out.splitlines():
        assert line.startswith("#") or len(line.rsplit(" ", 1)) == 2
    target = tmp_path / "openvbs.prom"
    machine.run("metrics", "--output", str(target))
    assert target.read_text() == out and [p.name for p in tmp_path.iterdir() if "prom" in p.name] == [target.name]
    machine.run("metrics", "--output", str(tmp_path / "none" / "x"), expect=EXIT_SYSTEM)


# --- the program itself -----------------------------------------------------

@pytest.mark.parametrize("args, expect", [
    ((), EXIT_USAGE), (("nonsense",), EXIT_USAGE), (("status", "--level", "1"), EXIT_USAGE),
    (("status", "--check", "--level", "2"), EXIT_USAGE), (("status", "x"), EXIT_USAGE),
    (("enable", "--level", "2"), EXIT_USAGE), (("enable", "x"), EXIT_USAGE),
    (("enable", "memory-integrity", "--level", "1"), EXIT_USAGE), (("disable", "--lock"), EXIT_USAGE),
    (("opt-out", "--list", "--vbs"), EXIT_USAGE), (("events", "x"), EXIT_USAGE), (("metrics", "--output"), EXIT_USAGE),
    (("--help",), EXIT_OK), (("--version",), EXIT_OK), (("status", "--help"), EXIT_OK),
])
def test_arguments(machine, args, expect):
    before = machine.tree()
    assert machine.run(*args, expect=expect)
    assert machine.tree() == before


@pytest.mark.parametrize("args, expect", [
    (("status",), EXIT_OK), (("status", "--check"), EXIT_NO), (("enable",), EXIT_OK), (("disable",), EXIT_OK),
    (("enable", "credential-guard"), EXIT_OK), (("opt-out",), EXIT_SYSTEM), (("opt-out", "--list"), EXIT_OK),
    (("events", "--dry-run"), EXIT_OK), (("metrics",), EXIT_OK), (("nonsense",), EXIT_USAGE),
    (("enable", "--level", "9"), EXIT_USAGE), (("--version",), EXIT_OK),
])
def test_json_everywhere(machine, args, expect):
    o = machine.json(*args, expect=expect)
    assert isinstance(o, dict)
    assert ("error" in o) == (expect not in (EXIT_OK, EXIT_NO))


def on_terminal(machine, **env):
    master, slave = pty.openpty()
    base = {"PATH": os.environ["PATH"], "VBSCTL_ROOT": str(machine.root), "LC_ALL": "C.UTF-8", "TERM": "xterm",
            **env}
    done = subprocess.run([VBSCTL, "status"], env=base, stdout=slave, stderr=subprocess.DEVNULL, timeout=20, check=True)
    assert done.returncode == 0
    os.close(slave)
    out = os.read(master, 65536).decode()
    os.close(master)
    return out


def test_colour(machine):
    machine.boot(settings=ON, reason=2, check=b"c", evidence=b"e", local=1)
    machine.local({VBS: 1})
    assert "\033[31m" in on_terminal(machine) and "\u2718" in on_terminal(machine)
    assert "\033" not in on_terminal(machine, NO_COLOR="1")
    assert "\033" in on_terminal(machine, NO_COLOR="")
    for plain in ({"NO_COLOR": "1"}, {"LC_ALL": "C"}, {"TERM": "dumb"}, {"TERM": ""}):  # "": a serial line says nothing
        out = on_terminal(machine, **plain)
        assert out.isascii() and "\033" not in out, plain
    for args in (("status", "--verbose"), ("readiness",), ("diagnose",), ("report",), ("events", "--dry-run")):
        done = subprocess.run([VBSCTL, *args], capture_output=True, timeout=20, check=False, env={
            "VBSCTL_ROOT": str(machine.root), "LC_ALL": "C.UTF-8", "TERM": "xterm"})
        assert done.stdout.isascii() and b"\033" not in done.stdout, args


def test_texts_are_well_formed_with_odd_folder_names(tmp_path):
    m = Machine(tmp_path / os.fsdecode(b"r\xff"))
    m.boot(settings=LOCKED_ON, lock=1, reason=2, check=b"c", evidence=b"e", local=1)
    (m.folder / "openvbs-optout.efi").unlink()
    assert m.json("opt-out", expect=EXIT_SYSTEM)["error"]
