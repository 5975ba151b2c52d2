# SPDX-License-Identifier: GPL-2.0-only
"""Settings: which source wins, what the platform level asks for, the UEFI lock, and the way past it.

tests/guest/status.efi is the next stage: it prints what the loader told the
operating system, and powers off. The machine starts again with the same
variables and ESP.
"""

import re
import time

import pytest

from loaderlib import damaged, signed
from machine import esp, settings, uefivars
from machine.common import BUILD

GUEST = BUILD / "guest"
OPENVBS, OPTOUT = "EFI/BOOT/BOOTX64.EFI", "EFI/openvbs/openvbs-optout.efi"
STATUS, CONF = "EFI/tests/status.efi", "EFI/openvbs/openvbs.conf"
RUNNING, NOT_RUNNING = 1, 0
NOT_CONFIGURED, NO_SECURE_BOOT, NO_IOMMU, IMAGE_REFUSED, OPTED_OUT = 1, 5, 6, 7, 10
BY_DEFAULT, BY_LOCAL, BY_POLICY, BY_LOCK, BY_OPT_OUT = range(5)
LOCK_NONE, LOCK_PRESENT, LOCK_WRITTEN, LOCK_NO_SECURE_BOOT, _, LOCK_UNREADABLE = range(6)
LOCAL_UNREADABLE, POLICY_UNREADABLE, POLICY_TORN, SHADOW, OPTED, OTHER = (1 << n for n in range(6))
HIDDEN = uefivars.NON_VOLATILE | uefivars.BOOT_SERVICE
NAMES = ("vbs", "level", "locked", "mandatory", "role_opt_out", "hvci", "hvci_locked", "system_guard", "lsa_cfg")


def options(tmp_path, **more):
    files = {STATUS: signed(GUEST / "status.efi", tmp_path), **more.pop("esp", {})}
    return {"image": None, "openvbs": "release", "conf": "next=\\EFI\\tests\\status.efi\n", "esp": files,
            "time_limit": 90, "policy": None, **more}


def read(m):
    """What this boot's status says; then the machine is off."""
    line = m.wait_for(r"^status: state=(\d+) reason=(\d+) check=(\S*) evidence=(.*)\n")
    found = {"state": int(line[1]), "reason": int(line[2]), "check": line[3], "evidence": line[4]}
    values = m.wait_for(r"^status: settings(( \d+/\d)+)\n")[1].split()
    found.update({name: tuple(int(n) for n in value.split("/")) for name, value in zip(NAMES, values)})
    line = m.wait_for(r"^status: lock=(\d+) findings=(\d+) local=(\d+) policy=(\d+) note=(.*)\n")
    found.update(lock=int(line[1]), findings=int(line[2]), local=int(line[3]), policy=int(line[4]), note=line[5])
    found["platform"] = dict(re.findall(r"(\w+)=(\w+)", m.wait_for(r"^status: platform (.*)\n")[1]))
    assert m.wait_exit() == 0
    return found


def again(m):
    m.stop()
    m.start()
    return read(m)


def set_local(m, values, generation=2):
    uefivars.put(m.dir / "vars.fd", settings.GUID, {settings.LOCAL: settings.record(values, generation)})


def set_policy(m, values, generation=2, file=settings.POLICY_B):
    esp.add(m.dir / "esp.img", {file: settings.record(values, generation)})


def not_running(found, reason, check):
    assert (found["state"], found["reason"], found["check"]) == (NOT_RUNNING, reason, check), found


# --- sources ---------------------------------------------------------------

def test_absent_is_off(machine, tmp_path):
    """Promise: an openvbs.efi that nobody switched on changes nothing, and says so."""
    found = read(machine(**options(tmp_path)))
    not_running(found, NOT_CONFIGURED, "settings.vbs")
    assert "absent" in found["evidence"] and found["vbs"] == (0, BY_DEFAULT)
    assert found["hvci"] == found["lsa_cfg"] == (0, BY_DEFAULT)


def test_the_first_source_that_speaks_wins(machine, tmp_path):
    """Promise: policy over local, in both orders; absent in policy leaves the local value (case S4)."""
    m = machine(**options(tmp_path, local={"vbs": 1, "lsa_cfg": 0}, policy={"vbs": 0}))
    found = read(m)
    not_running(found, NOT_CONFIGURED, "settings.vbs")
    assert "=0 by policy" in found["evidence"] and found["vbs"] == (0, BY_POLICY)
    set_local(m, {"vbs": 0, "hvci": 0, "level": 1})
    set_policy(m, {"vbs": 1})
    found = again(m)
    assert found["state"] == RUNNING and found["vbs"] == (1, BY_POLICY) and found["level"] == (1, BY_LOCAL)
    assert found["hvci"] == (0, BY_LOCAL) and found["lsa_cfg"] == (2, BY_DEFAULT)
    assert (found["local"], found["policy"]) == (2, 2)
    set_policy(m, {}, 3)  # policy removed: the local value speaks again
    not_running(again(m), NOT_CONFIGURED, "settings.vbs")


def test_damaged_records_are_named_and_left_out(machine, tmp_path):
    """Promise: a torn write leaves the older policy; what is damaged is never half used."""
    torn = bytearray(settings.record({"vbs": 0}, 9))
    torn[100] ^= 1
    m = machine(**options(tmp_path, policy={"vbs": 1}, esp={settings.POLICY_B: bytes(torn)}))
    found = read(m)
    assert found["state"] == RUNNING and found["findings"] == POLICY_TORN and "policy.b: checksum" in found["note"]
    esp.add(m.dir / "esp.img", {settings.POLICY_A: bytes(torn[:200])})
    uefivars.put(m.dir / "vars.fd", settings.GUID, {settings.LOCAL: bytes(torn)})
    found = again(m)
    not_running(found, NOT_CONFIGURED, "settings.vbs")
    assert found["findings"] == POLICY_UNREADABLE | LOCAL_UNREADABLE and "policy.a: 200 bytes" in found["note"]
    esp.add(m.dir / "esp.img", {settings.POLICY_A: settings.record({"vbs": 1})})
    assert again(m)["state"] == RUNNING


def test_local_values_have_the_attributes_that_vbsctl_gives_them(machine, tmp_path):
    """Promise: a variable that no administrator could change again, or that this boot made up, is no local value."""
    m = machine(**options(tmp_path))
    not_running(read(m), NOT_CONFIGURED, "settings.vbs")
    m.stop()
    uefivars.put(m.dir / "vars.fd", settings.GUID, {settings.LOCAL: settings.record({"vbs": 1})}, HIDDEN)
    found = again(m)
    not_running(found, NOT_CONFIGURED, "settings.vbs")
    assert found["findings"] == LOCAL_UNREADABLE and found["note"] == "OpenvbsSettings: attributes 3h, 448 bytes: not a record's"


# --- platform level ---------------------------------------------------------

def test_level_1_needs_secure_boot(machine, tmp_path):
    m = machine(**options(tmp_path, policy={"vbs": 1, "level": 1}, secure_boot=False, sign=False))
    found = read(m)
    not_running(found, NO_SECURE_BOOT, "level.secure_boot")
    assert found["platform"]["secure_boot"] in ("0", "2")
    set_policy(m, {"vbs": 1, "level": 0})
    assert again(m)["state"] == RUNNING


@pytest.mark.parametrize("iommu, kind", [("amd", "1"), ("intel", "2")])
@pytest.mark.parametrize("level", [3, 1])
def test_dma_protection_is_used_at_any_level(machine, tmp_path, level, iommu, kind):
    """Promise: with an IOMMU level 3 runs, and DMA protection is enforced; level 1 uses it, too."""
    found = read(machine(**options(tmp_path, policy={"vbs": 1, "level": level}, iommu=iommu)))
    assert found["state"] == RUNNING and found["level"] == (level, BY_POLICY), found
    p = found["platform"]
    assert (p["iommu"], p["kind"], p["units"], p["dma"]) == ("1", kind, "1", "2"), found


def test_level_3_is_off_without_an_iommu_and_level_1_is_not(machine, tmp_path):
    """Promise: level 3 never runs unprotected, and its reason names the IOMMU (case S3)."""
    m = machine(**options(tmp_path, policy={"vbs": 1, "level": 3}))
    found = read(m)
    not_running(found, NO_IOMMU, "level.iommu")
    assert "neither IVRS nor DMAR is there" in found["evidence"]
    assert [found["platform"][name] for name in ("iommu", "kind", "dma")] == ["2", "0", "0"]
    set_policy(m, {"vbs": 1, "level": 1})
    found = again(m)
    assert found["state"] == RUNNING and found["platform"]["dma"] == "0"


def test_what_the_loader_reads_of_the_platform(machine, tmp_path):
    m = machine(**options(tmp_path, policy={"vbs": 1}, tpm=True))
    found = read(m)["platform"]
    assert (found["secure_boot"], found["setup_mode"], found["tpm"], found["version"]) == ("1", "0", "1", "2")
    assert int(found["banks"]) & 2, "SHA-256"
    assert found["mat"] == "1" and found["svm"] == "1", found


# --- UEFI lock --------------------------------------------------------------

LOCKED = {"vbs": 1, "level": 1, "locked": 1, "hvci": 1, "hvci_locked": 1, "lsa_cfg": 1}


def test_the_lock_wins_over_everything(machine, tmp_path):
    """Promise: once locked, no variable and no file switches it off or weakens it (case S5)."""
    m = machine(**options(tmp_path, local=LOCKED))
    found = read(m)
    assert found["state"] == RUNNING and found["lock"] == LOCK_WRITTEN and found["vbs"] == (1, BY_LOCAL)
    attributes, data = m.variable(settings.LOCK, settings.GUID)
    assert attributes == uefivars.NON_VOLATILE | uefivars.BOOT_SERVICE
    assert settings.read(data)[1] == {0: 1, 1: 1, 2: 1, 3: 0, 5: 1, 6: 1, 8: 1}
    for values in ({"vbs": 0, "locked": 0, "hvci": 0, "lsa_cfg": 0}, {"vbs": 1, "level": 0, "lsa_cfg": 2}, {}):
        set_local(m, values)
        set_policy(m, {**values, "mandatory": 0})
        found = again(m)
        assert found["state"] == RUNNING and found["lock"] == LOCK_PRESENT, values
        assert [found[name] for name in ("vbs", "level", "hvci", "lsa_cfg")] == [(1, BY_LOCK)] * 4, values
    assert m.variable(settings.LOCK, settings.GUID) == (attributes, data), "the lock stays as it was"


def test_no_lock_without_secure_boot(machine, tmp_path):
    m = machine(**options(tmp_path, local={**LOCKED, "level": 0}, secure_boot=False, sign=False))
    found = read(m)
    assert found["state"] == RUNNING and found["lock"] == LOCK_NO_SECURE_BOOT and found["findings"] == OTHER
    assert m.variable(settings.LOCK, settings.GUID) is None


def test_no_lock_where_it_never_ran(machine, tmp_path):
    """Promise: a machine that can't run openvbs is not locked into it."""
    m = machine(**options(tmp_path, local=LOCKED, cpu_flags="-svm"))
    assert read(m)["lock"] == LOCK_NONE
    assert m.variable(settings.LOCK, settings.GUID) is None


@pytest.mark.parametrize("forged", [{"values": {"vbs": 0}}, {"values": {}, "saved": {"vbs": 0}, "base_generation": 1},
                                    {"values": {}, "saved": {"vbs": 0}, "flags": settings.UNBOUND}])
def test_a_variable_that_the_os_can_write_is_no_lock(machine, tmp_path, forged):
    """Promise: a shadow of lock or opt-out, made by the OS beforehand, is not believed, and goes; an own one is believed."""
    m = machine(**options(tmp_path, policy={"vbs": 1, "level": 1}))
    read(m)
    for attributes, believed in ((uefivars.COMMON, False), (HIDDEN, True)):
        m.stop()
        uefivars.remove(m.dir / "vars.fd", settings.GUID, settings.LOCK)
        uefivars.put(m.dir / "vars.fd", settings.GUID, {settings.LOCK: settings.record(generation=0, **forged)}, attributes)
        found = again(m)
        assert (found["state"] == NOT_RUNNING) == believed and found["findings"] & SHADOW == (0 if believed else SHADOW), found
        assert m.variable(settings.LOCK, settings.GUID)[0] == HIDDEN, "the name is ours now"


def test_the_name_of_the_lock_is_taken_at_the_first_start(machine, tmp_path):
    """Promise: where openvbs ran once, nobody else can make OpenvbsLock, not even signed."""
    m = machine(**options(tmp_path, policy={"vbs": 1}))
    found = read(m)
    attributes, data = m.variable(settings.LOCK, settings.GUID)
    assert attributes == HIDDEN and settings.read(data)[1] == {} and settings.opted_out(data) == {}
    assert found["lock"] == LOCK_NONE


def test_shim_told_to_check_nothing_is_no_secure_boot(machine, tmp_path):
    m = machine(**options(tmp_path, local=LOCKED))
    read(m)
    m.stop()
    uefivars.remove(m.dir / "vars.fd", settings.GUID, settings.LOCK)
    uefivars.put(m.dir / "vars.fd", "605dab50-e046-4300-abb6-3dd810dd8b23", {"MokSBState": b"\1"}, HIDDEN)
    not_running(again(m), NO_SECURE_BOOT, "level.shim")
    set_local(m, {**LOCKED, "level": 0})
    assert again(m)["lock"] == LOCK_NO_SECURE_BOOT


def test_a_lock_is_a_minimum(machine, tmp_path):
    """Promise: policy may ask for more than what is locked, never for less."""
    m = machine(**options(tmp_path, local=LOCKED))
    read(m)
    set_policy(m, {"level": 3})
    found = again(m)
    not_running(found, NO_IOMMU, "level.iommu")
    assert found["level"] == (3, BY_POLICY) and found["vbs"] == (1, BY_LOCK)


def test_a_damaged_lock_still_locks(machine, tmp_path):
    m = machine(**options(tmp_path))
    read(m)
    m.stop()
    uefivars.put(m.dir / "vars.fd", settings.GUID, {settings.LOCK: b"rubbish"},
                 uefivars.NON_VOLATILE | uefivars.BOOT_SERVICE)
    found = again(m)
    assert found["state"] == RUNNING and found["lock"] == LOCK_UNREADABLE
    assert [found[name] for name in ("vbs", "level", "hvci", "lsa_cfg")] == [(1, BY_LOCK)] * 4
    set_policy(m, {"mandatory": 1, "lsa_cfg": 0})
    found = again(m)
    assert found["mandatory"] == (1, BY_POLICY) and found["lsa_cfg"] == (1, BY_LOCK)
    assert opt_out(m, tmp_path, None, "DISABLE-LSA-ISO")[0].endswith("with all its services"), "what it locks is not known"


# --- Mandatory --------------------------------------------------------------

def test_mandatory_stops_with_the_ways_out(machine, tmp_path):
    """Promise: required and not running is never silently skipped; without Mandatory the machine boots (case S10)."""
    m = machine(**options(tmp_path, policy={"vbs": 1, "mandatory": 1}, openvbs=damaged(tmp_path, b".ovbssk", "middle"),
                          secure_boot=False, sign=False, reboot=True))
    m.wait_for(r"^openvbs: boot stopped: .* mandatory on this machine \(policy\)\n")
    m.wait_for(r"^openvbs: it did not start: image refused \(image\.crc\): section \S+: CRC32")
    m.wait_for(r"^openvbs: ways out: .*openvbs-optout\.efi")
    m.wait_for(r"^openvbs: press R to restart, F for the firmware's set-up\n")
    for key in ("x", "\r", "\x1b[A", "\x1b[21~"):  # the last two: cursor up, F10
        m.send(key)
    time.sleep(2)
    m.send("r")
    m.wait_for(r"^openvbs: boot stopped: ", 60)
    assert "status:" not in m.log_text(), "the next stage must not start"
    m.stop()
    set_policy(m, {"vbs": 1, "mandatory": 0})
    m.start()
    not_running(read(m), IMAGE_REFUSED, "image.crc")


def test_mandatory_does_not_matter_where_vbs_is_off(machine, tmp_path):
    not_running(read(machine(**options(tmp_path, policy={"mandatory": 1}))), NOT_CONFIGURED, "settings.vbs")


# --- opting out -------------------------------------------------------------

def opt_out(m, tmp_path, answer, load_options="", early=""):
    """Run the program once, as firmware would from its menu or by a one-shot entry; -> (question, outcome)."""
    m.stop()
    saved = m.esp_read(OPENVBS)
    chain = signed(GUEST / "start.efi", tmp_path)
    esp.add(m.dir / "esp.img", {OPTOUT: signed(BUILD / "release" / "openvbs-optout.efi", tmp_path), OPENVBS: chain,
                                "EFI/tests/start.txt": f"\\EFI\\openvbs\\openvbs-optout.efi {load_options}".encode()})
    m.start()
    if early:
        m.wait_for(r"BdsDxe: starting")
        m.send(early)
    said = m.wait_for(r"^openvbs-optout: (switch off: .*|load options not understood.*)\n", 40)[1]
    result = ""
    if said.startswith("switch off"):
        number = m.wait_for(r"^openvbs-optout: are you at this machine, and want that\? Type (\d{4}) and Enter.*\n")[1]
        for key in f"{number}\r" if answer is None else answer:
            m.send(key)
            time.sleep(0.1)
        result = m.wait_for(r"^openvbs-optout: (done|no: nothing|FAILED).*\n")[1]
    m.wait_for(r"^openvbs-optout: the machine restarts\n")
    assert m.wait_exit() == 0
    m.stop()
    esp.add(m.dir / "esp.img", {OPENVBS: saved})
    return said, result


def test_a_person_at_the_console_takes_the_lock_off(machine, tmp_path):
    """Promise: no is the default; the number on the screen switches off until the settings change; nothing else does."""
    m = machine(**options(tmp_path, local=LOCKED))
    assert read(m)["lock"] == LOCK_WRITTEN
    for answer in ("n", "\r", "y\r", "1\r", "12345\r"):
        assert opt_out(m, tmp_path, answer) == ("switch off: virtualization-based security, with all its services",
                                                "no: nothing")
    assert again(m)["lock"] == LOCK_PRESENT
    assert opt_out(m, tmp_path, None)[1] == "done"
    data = m.variable(settings.LOCK, settings.GUID)[1]
    assert settings.read(data)[1] == {} and settings.opted_out(data) == {0: 0, 2: 0, 5: 0, 6: 0, 8: 0}
    for _ in range(2):
        found = again(m)
        not_running(found, OPTED_OUT, "settings.opt_out")
        assert found["vbs"] == (0, BY_OPT_OUT) and found["findings"] == OPTED and found["lock"] == LOCK_NONE
    set_local(m, {"vbs": 1})  # an administrator switches it on again
    found = again(m)
    assert found["state"] == RUNNING and found["lock"] == LOCK_NONE and found["findings"] == 0


def test_services_can_be_opted_out_of_alone(machine, tmp_path):
    m = machine(**options(tmp_path, local=LOCKED))
    read(m)
    assert opt_out(m, tmp_path, "", "DISABLE-LSA-ISO DISABLE-ALL")[0].startswith("load options not understood")
    assert opt_out(m, tmp_path, None, "disable-lsa-iso") == ("switch off: Credential Guard", "done")
    found = again(m)
    assert found["state"] == RUNNING and found["lock"] == LOCK_PRESENT
    assert (found["lsa_cfg"], found["hvci"], found["vbs"]) == ((0, BY_OPT_OUT), (1, BY_LOCK), (1, BY_LOCK))


def test_an_opt_out_holds_for_the_policy_of_the_machine(machine, tmp_path):
    """Promise: also where the program could not see the policy (started from another volume); until that changes."""
    m = machine(**options(tmp_path, local=LOCKED, policy={"vbs": 1, "hvci": 1}))
    read(m)
    policy = m.esp_read(settings.POLICY_A)
    m.stop()
    esp.add(m.dir / "esp.img", {settings.POLICY_A: b""})
    assert opt_out(m, tmp_path, None)[1] == "done"
    esp.add(m.dir / "esp.img", {settings.POLICY_A: policy})
    for _ in range(2):
        not_running(again(m), OPTED_OUT, "settings.opt_out")
    set_policy(m, {"vbs": 1})
    assert again(m)["state"] == RUNNING


def test_what_was_typed_before_the_question_is_no_answer(machine, tmp_path):
    """Promise: what somebody sent ahead, down a serial line for example, does not count; a key over and over is nobody."""
    m = machine(**options(tmp_path, local=LOCKED))
    read(m)
    assert opt_out(m, tmp_path, "y", early="yyyyyyyy\r")[1] == "no: nothing"
    assert again(m)["lock"] == LOCK_PRESENT
