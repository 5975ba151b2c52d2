#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Attacks on the settings: can VTL0's root or its ring 0 switch a locked openvbs off?

    tests/attack/settings.py [--flavor release|debug] [--only NAME]...
    tests/attack/settings.py --unlocked    the same without the lock: there they must succeed

One machine under Secure Boot, locked at its first boot. Each attack is carried
out, then the machine is powered off and on, and this boot's status judged. Rows
as in run.py; exits with 1 if one is not ok.
"""

import argparse
import base64
import struct
import subprocess
import tempfile
import uuid
from pathlib import Path

import expect
import run
from machine import Machine, keys, settings
from machine.common import BUILD
from machine.tiny import kernel_package

EFIVARS = "/sys/firmware/efi/efivars"
GLOBAL = "8be4df61-93ca-11d2-aa0d-00e098032b8c"
LOCKED = {"vbs": 1, "level": 1, "locked": 1, "hvci": 1, "hvci_locked": 1, "lsa_cfg": 1}
LOCK_PRESENT, LOCK_FAILED, BY_LOCAL, BY_LOCK, RUNNING = 1, 4, 1, 3, 1
ESP_MOUNT = "for m in ahci sd_mod nls_cp437 nls_ascii vfat; do modprobe $m; done; sleep 1; mkdir -p /run/esp; mount -t vfat /dev/sda /run/esp"


def status(m):
    """(state, lock, {id: (value, source)}) of this boot; None if no loader ran."""
    dump = m.run(f"base64 {EFIVARS}/OpenvbsStatus-4f70656e-5642-5300-9d1c-6c0a52f3b7e1")
    if dump.rc:
        return None
    data = base64.b64decode(dump.output)[4:]
    values = [struct.unpack_from("<IB", data, 288 + 8 * i) for i in range(9)]
    return struct.unpack_from("<I", data, 8)[0], struct.unpack_from("<I", data, 288 + 128)[0], dict(enumerate(values))


def fate(m):
    """What this boot is, in one word, and the evidence."""
    found = status(m)
    if found is None:
        return "bypassed", "openvbs.efi did not run in this boot"
    state, lock, values = found
    detail = f"state {state}, lock {lock}, VBS {values[0]}, Credential Guard {values[8]}"
    if state != RUNNING:
        return "off", detail
    if m.run("insmod /root/openvbs.ko && grep -q vtl1_abi /sys/kernel/security/openvbs/version").rc:
        return "unproven", detail
    weaker = [i for i in (0, 1, 2, 5, 8) if values[i] != (1, BY_LOCK)]
    return ("locked" if lock == LOCK_PRESENT and not weaker else "weaker"), detail


def signed_variable(name, data):
    """The payload of a variable that only its maker's key can change again (UEFI 2.10, 8.2.6): any key will do to make one."""
    attributes, stamp = 0x27, struct.pack("<HBBBBBBIhBB", 2026, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0)
    guid = uuid.UUID(settings.GUID).bytes_le
    with tempfile.TemporaryDirectory() as tmp:
        to_sign = Path(tmp) / "data"
        to_sign.write_bytes(name.encode("utf-16-le") + guid + struct.pack("<I", attributes) + stamp + data)
        k = keys.keys()
        pkcs7 = subprocess.run(["openssl", "smime", "-sign", "-binary", "-noattr", "-md", "sha256", "-outform", "DER", "-in", to_sign,
                                    "-signer", k / "KEK.crt", "-inkey", k / "KEK.key"], check=True, capture_output=True).stdout
    certificate = struct.pack("<IHH", 24 + len(pkcs7), 0x200, 0xEF1) + uuid.UUID("4aafd29d-68df-49ee-8aa9-347d375665a7").bytes_le + pkcs7
    return struct.pack("<I", attributes) + stamp + certificate + data


def squat(m):
    """Root takes the lock's name with a variable that nobody else can remove."""
    m.put("/tmp/var", signed_variable(settings.LOCK, settings.record({"vbs": 0}, 0)))
    file = f"{EFIVARS}/{settings.LOCK}-{settings.GUID}"
    m.run(f"dd if=/tmp/var of={file} bs=64k")
    return {"squat": ("written" if m.run(f"test -s {file}").rc == 0 else "refused", "")}


def listed(m):
    """Is the lock among the names that the firmware gives away?"""
    names = m.sh(f"ls {EFIVARS}")
    return {"lock_listed": ("visible" if settings.LOCK in names else "hidden", f"{len(names.split())} variables")}


def load_option(path, options=""):
    """A boot entry for a file on whatever volume has it (UEFI 2.10, 3.1.2: short form)."""
    name = (path + "\0").encode("utf-16-le")
    nodes = struct.pack("<BBH", 4, 4, 4 + len(name)) + name + b"\x7f\xff\x04\x00"
    return struct.pack("<IH", 1, len(nodes)) + "attack\0".encode("utf-16-le") + nodes + options.encode("utf-16-le")


def efivar(m, name, data, guid=GLOBAL):
    """Write a variable as root does, by efivarfs."""
    file = f"{EFIVARS}/{name}-{guid}"
    m.run(f"chattr -i {file}")
    m.put("/tmp/var", struct.pack("<I", 7) + data)
    m.sh(f"dd if=/tmp/var of={file} bs=64k 2>&1")


def ring_0(name):
    """An attack of openvbs_attack.ko; its rows."""
    def attack(m):
        m.sh("lsmod | grep -q openvbs_attack || insmod /root/attack.ko")
        text = m.sh(f"echo {name} >/proc/openvbs_attack && cat /proc/openvbs_attack", 60)
        return {n: (o, d) for n, o, d in run.ROW.findall(text)}
    return attack


def policy_off(m):
    """Both files, with generations that win."""
    m.sh(ESP_MOUNT)
    for file, generation in ((settings.POLICY_A, 99), (settings.POLICY_B, 100)):
        m.put("/tmp/policy", settings.record({"vbs": 0, "locked": 0, "hvci": 0, "lsa_cfg": 0}, generation))
        m.sh(f"mkdir -p /run/esp/EFI/openvbs; cp /tmp/policy /run/esp/{file}")
    m.sh("sync; umount /run/esp")
    return {}


def policy_rollback(m):
    """An older policy than the one that was there when it was locked."""
    m.sh(ESP_MOUNT)
    m.put("/tmp/policy", settings.record({"vbs": 0}, 1))
    m.sh(f"rm -f /run/esp/{settings.POLICY_A} /run/esp/{settings.POLICY_B}; cp /tmp/policy /run/esp/{settings.POLICY_A}; sync; umount /run/esp")
    return {}


def policy_gone(m):
    m.sh(f"{ESP_MOUNT}; rm -f /run/esp/{settings.POLICY_A} /run/esp/{settings.POLICY_B}; sync; umount /run/esp")
    return {}


def boot_order(m):
    efivar(m, "Boot0099", load_option(r"\EFI\tiny\tiny.efi"))
    efivar(m, "BootOrder", struct.pack("<H", 0x99))
    return {}


def boot_order_back(m):
    efivar(m, "BootOrder", struct.pack("<H", 0x98))
    return {}


def boot_next(m):
    efivar(m, "Boot0098", load_option(r"\EFI\BOOT\BOOTX64.EFI"))
    efivar(m, "BootOrder", struct.pack("<H", 0x98))
    efivar(m, "Boot0099", load_option(r"\EFI\tiny\tiny.efi"))
    efivar(m, "BootNext", struct.pack("<H", 0x99))
    return {}


def opt_out_alone(m):
    """The one-shot entry of `vbsctl opt-out`, and nobody at the console to answer; the machine restarts by itself."""
    efivar(m, "Boot0097", load_option(r"\EFI\openvbs\openvbs-optout.efi", "DISABLE-VBS yes=1\0"))
    efivar(m, "BootNext", struct.pack("<H", 0x97))
    return {}


def opt_out_no_answer(m):
    efivar(m, "Boot0097", load_option(r"\EFI\openvbs\openvbs-optout.efi", "DISABLE-VBS\0"))
    efivar(m, "BootNext", struct.pack("<H", 0x97))
    return {}


def refused(*names):
    return [expect.Row(n, "written", ("refused",), "an operating system has no access to the lock") for n in names]


FORMS = "boot common volatile append append_boot auth auth_boot hardware_error delete delete_boot delete_common".split()
CUT = "the person at the console is asked, and does not answer"
BYPASS = ("the firmware's boot order is VTL0's to write: that boot has no openvbs, says so, and no secret that is sealed to it; "
          "the lock stays (docs/threat-model.md)")

# name, how, rows of the attack itself, (outcomes of the next boot, why), the same without the lock
ATTACKS = [
    ("lock_forms", ring_0("lock_forms"), refused(*(f"lock_{f}" for f in FORMS)), ("locked",), "", ()),
    ("lock_read", ring_0("lock_read"), [expect.Row("lock_read", "visible", ("hidden",)),
                                        expect.Row("settings_read", "visible", ("visible",), "reading as such works")], ("locked",), "", ()),
    ("lock_listed", listed, [expect.Row("lock_listed", "visible", ("hidden",))], ("locked",), "", ()),
    ("squat", squat, [expect.Row("squat", "written", ("refused",), "the name is openvbs's since its first start")], ("locked",), "", ()),
    ("secure_boot_vars", ring_0("secure_boot_vars"),
     [expect.Row(f"{n}_write", "refused", ("refused",)) for n in ("PK", "KEK", "db", "SecureBoot", "SetupMode")], ("locked",), "", ()),
    ("flash", ring_0("flash"), [expect.Row(n, "changed", ("unchanged",), "the firmware's flash is written in SMM only")
                                for n in ("flash_program", "flash_erase")], ("locked",), "", ()),
    ("settings_off", ring_0("settings_off"), [expect.Row("settings_off", "written", ("written",), "the local value is the administrator's")],
     ("locked",), "the lock wins over the local value", ("off",)),
    ("settings_delete", ring_0("settings_delete"), [expect.Row("settings_delete", "written", ("written",))], ("locked",), "", ("off",)),
    ("policy_off", policy_off, [], ("locked",), "the lock wins over policy", ("off",)),
    ("policy_rollback", policy_rollback, [], ("locked",), "an older policy file changes nothing", ("off",)),
    ("policy_gone", policy_gone, [], ("locked",), "", ()),
    ("boot_next", boot_next, [], ("bypassed",), BYPASS, ("bypassed",)),
    ("after_boot_next", lambda m: {}, [], ("locked",), "once only", ()),
    ("opt_out_alone", opt_out_alone, [], ("locked",), "load options give no answer", ()),
    ("opt_out_no_answer", opt_out_no_answer, [], ("locked",), CUT, ()),
    ("boot_order", boot_order, [], ("bypassed",), BYPASS, ("bypassed",)),
    ("boot_order_back", boot_order_back, [], ("locked",), "the lock outlived the boots without openvbs", ()),
]


def machine(flavor, local, **more):
    release = kernel_package()[0]
    optout = BUILD / "attack" / "optout.signed.efi"
    keys.sign_efi(BUILD / flavor / "openvbs-optout.efi", optout)
    return Machine("attack-settings", openvbs=flavor, local=local, policy=None, time_limit=900, reboot=True, **more,
                   esp={"EFI/openvbs/openvbs-optout.efi": optout},
                   files={"/root/openvbs.ko": BUILD / "linux" / release / "openvbs.ko",
                          "/root/attack.ko": BUILD / "linux" / release / "openvbs_attack.ko"})


def again(m):
    m.stop()
    m.start()
    m.wait_ready(180)


def locked(results, m, only):
    again(m)  # the first boot wrote the lock
    results.add("locked", expect.Row("before", "-", ("locked",), "the machine of these attacks"), *fate(m))
    for name, attack, rows, after, why, _ in ATTACKS:
        if only and name not in only:
            continue
        found = attack(m)
        for row in rows:
            results.add("locked", row, *found.get(row.name, ("missing", "")))
        again(m)
        results.add("locked", expect.Row(f"{name}.next_boot", "off", after, why), *fate(m))


def unlocked(results, flavor, only):
    """Each in a machine of its own, without a lock: the table's judgement must fail there."""
    for name, attack, _, after, _, control in ATTACKS:
        if not control or control == after or only and name not in only:
            continue
        with machine(flavor, {"vbs": 1, "level": 1}) as m:
            m.wait_ready(180)
            attack(m)
            again(m)
            outcome, detail = fate(m)
            row = expect.Row(f"{name}.next_boot", "off", control, "control: without the lock it must succeed")
            results.add("unlocked", row, outcome, detail, ok=outcome in control and outcome not in after)
    if not only or "squat" in only:
        squatted(results, flavor)
    if not only or "flash" in only:
        unguarded_flash(results, flavor)


def squatted(results, flavor):
    """Before openvbs ever ran the name is free: then there is no lock, and that is said; it runs all the same."""
    with machine(flavor, None) as m:
        m.wait_ready(180)
        results.add("unlocked", expect.Row("squat", "written", ("written",), "control"), *squat(m)["squat"])
        efivar(m, settings.LOCAL, settings.record(LOCKED, 7), settings.GUID)
        again(m)
        state, lock, values = status(m)
        good = state == RUNNING and lock == LOCK_FAILED and values[0] == (1, BY_LOCAL)
        results.add("unlocked", expect.Row("squat.next_boot", "-", ("lock refused",), "runs, unlocked, and says so: docs/caveats.md"),
                    "lock refused" if good else "believed", f"{state} {lock} {values[0]}")


def unguarded_flash(results, flavor):
    """Firmware without SMM: the flash is everybody's, and the attack shows that it works."""
    with machine(flavor, {"vbs": 1}, secure_boot=False) as m:
        m.wait_ready(180)
        found = ring_0("flash")(m)
        row = expect.Row("flash_program", "changed", ("changed",), "control: firmware that leaves its flash open")
        results.add("unlocked", row, *found["flash_program"])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--flavor", default="release", choices=("release", "debug"))
    parser.add_argument("--only", action="append", metavar="ATTACK")
    parser.add_argument("--unlocked", action="store_true", help="the negative control")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    results = run.Results()
    if args.unlocked:
        unlocked(results, args.flavor, args.only)
    else:
        with machine(args.flavor, LOCKED) as m:
            m.wait_ready(180)
            locked(results, m, args.only)
    results.finish(args.json or BUILD / f"attack-settings{'-unlocked' if args.unlocked else ''}.json",
                   f"attack on settings{' without the lock' if args.unlocked else ''}")


if __name__ == "__main__":
    main()
