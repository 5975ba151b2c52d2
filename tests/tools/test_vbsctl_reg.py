# SPDX-License-Identifier: GPL-2.0-only
"""vbsctl reg and vbsctl policy, as a program, on a system made of files (cases S4, S5, S7, S8).

Needs no machine: make clients && /usr/bin/python3 -m pytest tests/tools
Another binary: VBSCTL=path
"""

import json
import os
import struct
import subprocess
import zlib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
VBSCTL = Path(os.environ.get("VBSCTL", ROOT / "build/clients/vbsctl"))
GUARD = r"HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Control\DeviceGuard"
HVCI = GUARD + r"\Scenarios\HypervisorEnforcedCodeIntegrity"
LSA = r"HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Control\Lsa"
POLICY = r"HKEY_LOCAL_MACHINE\SOFTWARE\Policies\Microsoft\Windows\DeviceGuard"
VBS = "EnableVirtualizationBasedSecurity"
OK, NO, USAGE, INPUT, SYSTEM, LOCKED = range(6)

assert VBSCTL.exists(), f"{VBSCTL} is not built: make clients"


def status_variable(lock=None, opted_out=False):
    """OpenvbsStatus, version 2, running; `lock`: {setting number: value} that came from the UEFI lock."""
    head = struct.pack("<IHHIIQQQQQII32s160s32s", 0x5453564F, 2, 928, 1, 0, 0x7A000000, 65536, 0x7A100000,
                       4096, 4 << 20, 2, 0, b"", b"", b"0.1.0")
    source = {**{i: 3 for i in lock or {}}, **({0: 4} if opted_out else {})}
    settings = b"".join(struct.pack("<IBB2x", (lock or {}).get(i, 0), source.get(i, 0), (lock or {}).get(i, -1) + 1) for i in range(16))
    tail = struct.pack("<IIII16s96s384s", 1 if lock else 0, 16 if opted_out else 0, 0, 0, b"", b"", b"")
    return struct.pack("<I", 6) + head + settings + tail


class Machine:
    def __init__(self, path):
        self.root = path / "root"
        self.path = path
        self.vars = self.root / "sys/firmware/efi/efivars"
        self.esp = self.root / "boot/efi/EFI/openvbs"
        for folder in (self.vars, self.esp, self.root / "proc/self"):
            folder.mkdir(parents=True)
        (self.root / "proc/self/mountinfo").write_text(
            "36 25 8:1 / /boot/efi rw,relatime shared:1 - vfat /dev/sda1 rw\n", encoding="ascii")
        self.variable = self.vars / "OpenvbsSettings-4f70656e-5642-5300-8c21-3b1d7e40a9c2"

    def status(self, **kwargs):
        (self.vars / "OpenvbsStatus-4f70656e-5642-5300-9d1c-6c0a52f3b7e1").write_bytes(status_variable(**kwargs))

    def run(self, *args, expect=OK):
        done = subprocess.run([VBSCTL, *args], env={**os.environ, "VBSCTL_ROOT": str(self.root)},
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=20)
        assert done.returncode == expect, (args, done.stdout, done.stderr)
        return done

    def json(self, *args, expect=OK):
        return json.loads(self.run("--json", *args, expect=expect).stdout)

    def add(self, key, name, number, expect=OK):
        return self.run("reg", "add", key, "/v", name, "/t", "REG_DWORD", "/d", str(number), "/f", expect=expect)

    def values(self):
        """{(hive, name): value}; memory integrity's Enabled and Locked get their key's name."""
        out = {}
        for v in self.json("reg", "query", "HKLM", "/s")["values"]:
            where = v["key"].rsplit("\\", 1)[1]
            out[v["hive"], v["name"] if where in ("DeviceGuard", "Lsa") else f"{where}.{v['name']}"] = v["value"]
        return out

    def file(self, name, content):
        path = self.path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return str(path)


@pytest.fixture
def m(tmp_path):
    return Machine(tmp_path)


def regfile(*lines):
    return "\n".join(("Windows Registry Editor Version 5.00", "", *lines, ""))


def pol(*records):
    """Records (key, name, number or text)."""
    def text(s):
        return (s + "\0").encode("utf-16-le")

    def mark(c):
        return c.encode("utf-16-le")
    out = b"PReg" + struct.pack("<I", 1)
    for key, name, value in records:
        kind, data = (4, struct.pack("<I", value)) if isinstance(value, int) else (1, text(value))
        out += mark("[") + text(key) + mark(";") + text(name) + mark(";") + struct.pack("<I", kind) + mark(";") \
            + struct.pack("<I", len(data)) + mark(";") + data + mark("]")
    return out


POLKEY = POLICY.removeprefix("HKEY_LOCAL_MACHINE\\")


def test_add_query_delete(m):
    assert m.json("reg", "query", GUARD)["values"] == []
    m.add(GUARD, VBS, "0x1")
    assert m.json("reg", "query", GUARD.lower(), "/v", VBS.upper())["values"] == [
        {"key": GUARD, "name": VBS, "value": 1, "id": 0, "hive": "local"}]
    assert m.run("reg", "query", GUARD).stdout.startswith(f"{GUARD}\n    {VBS}    REG_DWORD    0x1\n\n{GUARD}\\Scenarios")
    before = m.variable.read_bytes()
    assert "nothing changed" in m.add(GUARD, VBS, 1).stdout
    assert m.variable.read_bytes() == before  # not even a new generation
    m.run("reg", "delete", GUARD, "/v", VBS, "/f")
    m.run("reg", "query", GUARD, "/v", VBS, expect=NO)
    m.run("reg", "delete", GUARD, "/v", VBS, "/f", expect=NO)


def test_record_on_disk(m):
    m.add(LSA, "LsaCfgFlags", 2)
    m.add(LSA, "LsaCfgFlags", 1)
    data = m.variable.read_bytes()
    assert len(data) == 4 + 448 and struct.unpack_from("<I", data)[0] == 7
    record = data[4:]
    magic, version, size, crc, generation = struct.unpack_from("<IHHII", record)
    assert (magic, version, size, generation) == (0x5354564F, 1, 448, 2)
    assert crc == zlib.crc32(record[:8] + bytes(4) + record[12:])
    assert record[40:64].rstrip(b"\0") == b"vbsctl reg add"


@pytest.mark.parametrize("args, status, words", [
    (["/v", VBS, "/d", "1", "/f"], USAGE, "/t REG_DWORD"),
    (["/v", VBS, "/t", "REG_SZ", "/d", "1", "/f"], INPUT, "/t REG_DWORD"),
    (["/v", VBS, "/t", "REG_DWORD", "/f"], USAGE, "/d is missing"),
    (["/v", VBS, "/t", "REG_DWORD", "/d", "2", "/f"], INPUT, "0 or 1"),
    (["/v", VBS, "/t", "REG_DWORD", "/d", "-1", "/f"], INPUT, "no number"),
    (["/v", VBS, "/t", "REG_DWORD", "/d", "", "/f"], INPUT, "no number"),
    (["/v", VBS, "/t", "REG_DWORD", "/d", "0x", "/f"], INPUT, "no number"),
    (["/v", VBS, "/t", "REG_DWORD", "/d", "0x100000001", "/f"], INPUT, "no number"),
    (["/v", VBS, "/t", "REG_DWORD", "/d"], USAGE, "/d needs a value"),
    (["/v", VBS, "/v", VBS, "/t", "REG_DWORD", "/d", "1"], USAGE, "twice"),
    (["/v", VBS, "/t", "REG_DWORD", "/d", "1", "/va"], USAGE, "/va is no option"),
    (["/v", VBS, "/t", "REG_DWORD", "/d", "1", "more"], USAGE, "more"),
    (["/v", VBS + "x", "/t", "REG_DWORD", "/d", "1", "/f"], INPUT, "no setting of openvbs; those of this key are"),
])
def test_add_refuses(m, args, status, words):
    assert words in m.run("reg", "add", GUARD, *args, expect=status).stderr
    assert words in m.json("reg", "add", GUARD, *args, expect=status)["error"]
    assert not m.variable.exists()


def test_keys_need_no_creating(m):
    assert "no creating" in m.run("reg", "add", GUARD).stderr
    m.run("reg", "add", r"HKLM\SOFTWARE\x", expect=INPUT)
    assert "quotes" in m.run("reg", "query", "HKLMSYSTEMCurrentControlSet", expect=INPUT).stderr
    m.run("reg", "query", r"HKLMX\SYSTEM", expect=INPUT)
    m.run("reg", "query", r"HKLM\SOFTWARE\x", expect=NO)


def test_without_force_nobody_is_asked(m):
    m.run("reg", "add", LSA, "/v", "LsaCfgFlags", "/t", "REG_DWORD", "/d", "1")  # nothing is overwritten
    assert "/f" in m.run("reg", "add", LSA, "/v", "LsaCfgFlags", "/t", "REG_DWORD", "/d", "0", expect=USAGE).stderr
    assert "/f" in m.run("reg", "delete", LSA, "/v", "LsaCfgFlags", expect=USAGE).stderr
    assert m.values() == {("local", "LsaCfgFlags"): 1}


def test_delete_keys(m):
    for key, name in ((GUARD, VBS), (HVCI, "Enabled"), (LSA, "LsaCfgFlags"), (POLICY, "Locked")):
        m.add(key, name, 1)
    assert "much more" in m.run("reg", "delete", r"HKLM\SYSTEM\CurrentControlSet", "/f", expect=INPUT).stderr
    m.run("reg", "delete", GUARD, "/va", "/f")
    assert ("local", "HypervisorEnforcedCodeIntegrity.Enabled") in m.values() and ("local", VBS) not in m.values()
    m.run("reg", "delete", GUARD, "/f")
    m.run("reg", "delete", POLICY, "/f")
    assert m.values() == {("local", "LsaCfgFlags"): 1}


# S7: absent is not 0.

def test_absent_is_not_zero(m):
    m.add(GUARD, VBS, 1)
    m.add(LSA, "LsaCfgFlags", 0)
    text = m.run("reg", "import", m.file("x.reg", regfile(f"[{LSA}]", '"LsaCfgFlags"=-'))).stderr
    assert "absent now, which is not 0: the default is 2" in text
    assert m.run("reg", "import", m.file("x.reg", regfile(f"[{LSA}]", '"LsaCfgFlags"=dword:0'))).stderr == ""


def test_broken_root_changes_nothing(m):
    m.add(LSA, "LsaCfgFlags", 2)
    before = m.variable.read_bytes()
    path = m.file("x.reg", regfile(f"[{LSA}]", '"LsaCfgFlags"=dword:0', "[HKEY_LOCAL_MACHINES\\SYSTEM]"))
    text = m.run("reg", "import", path, expect=INPUT).stderr
    assert "line 5" in text and "nothing was changed" in text
    assert m.variable.read_bytes() == before


# S8: encodings; the count is told; zero is never success.

@pytest.mark.parametrize("header", ["Windows Registry Editor Version 5.00", "REGEDIT4"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16-le", "utf-16-be", "bom-le", "bom-be"])
def test_encodings(m, header, newline, encoding):
    text = newline.join([header, "", f"[{LSA}]", '"LsaCfgFlags"=dword:00000002', '"Other"="\u00fc"', ""])
    data = {"bom-le": b"\xff\xfe" + text.encode("utf-16-le"), "bom-be": b"\xfe\xff" + text.encode("utf-16-be")}.get(
        encoding) or text.encode(encoding)
    done = m.run("reg", "import", m.file("x.reg", data))
    assert "1 value set, 0 deleted, 1 ignored (not settings of openvbs)" in done.stdout
    assert "line 5" in done.stderr  # perhaps misspelt
    assert m.values() == {("local", "LsaCfgFlags"): 2}


@pytest.mark.parametrize("text", [regfile(), regfile(f"[{LSA}]"), regfile("[HKCU\\x]", '"a"=dword:1'),
                                  regfile(f"[{LSA}]", '"RunAsPPL"=dword:1'), regfile("[-HKLM\\SOFTWARE\\x]"), ""],
                         ids=["header", "key", "other root", "other value", "other key", "empty"])
def test_zero_is_no_success(m, text):
    out = m.json("reg", "import", m.file("x.reg", text), expect=INPUT)
    assert "error" in out and not m.variable.exists()


def test_import_both_hives(m):
    path = m.file("x.reg", regfile(f"[{GUARD}]", f'"{VBS}"=dword:1', f"[{POLICY}]", '"LsaCfgFlags"=dword:1'))
    out = m.json("reg", "import", path)
    assert (out["set"], out["deleted"], out["ignored"], out["source"], out["changed"]) == (2, 0, 0, path, True)
    assert {v["hive"] for v in out["values"]} == {"local", "policy"}
    assert (m.esp / "policy.a").exists()


def test_second_write_fails(m):
    m.variable.symlink_to("nowhere")  # reads as absent, and can't be made
    path = m.file("x.reg", regfile(f"[{GUARD}]", f'"{VBS}"=dword:1', f"[{POLICY}]", '"LsaCfgFlags"=dword:1'))
    text = m.run("reg", "import", path, expect=SYSTEM).stderr
    assert "settings were not changed" in text and "the policy was written before that, and stands" in text
    assert m.values() == {("policy", "LsaCfgFlags"): 1}


def test_without_efi_variables_nothing_is_written(m):
    m.vars.rmdir()
    path = m.file("x.reg", regfile(f"[{GUARD}]", f'"{VBS}"=dword:1', f"[{POLICY}]", '"LsaCfgFlags"=dword:1'))
    assert "nothing was changed" in m.run("reg", "import", path, expect=SYSTEM).stderr
    assert not list(m.esp.iterdir())


def test_damaged_record_is_not_half_changed(m):
    m.add(GUARD, VBS, 1)
    m.variable.write_bytes(m.variable.read_bytes()[:-1] + b"x")
    before = m.variable.read_bytes()
    assert "checksum" in m.add(GUARD, VBS, 0, expect=SYSTEM).stderr
    m.run("reg", "query", GUARD, expect=SYSTEM)
    assert "policy" not in m.run("reg", "query", POLICY).stderr
    assert m.variable.read_bytes() == before


def test_export_and_back(m):
    for key, name, value in ((GUARD, VBS, 1), (HVCI, "Enabled", 0), (POLICY, "LsaCfgFlags", 2)):
        m.add(key, name, value)
    values = m.values()
    m.run("reg", "export", "HKLM", str(m.path / "a.reg"))
    m.run("reg", "export", "HKLM", str(m.path / "b.reg"), "--utf8")
    assert (m.path / "a.reg").read_bytes().startswith(b"\xff\xfeW\0")
    assert (m.path / "a.reg").read_bytes().decode("utf-16").replace("\r\n", "\n") == (m.path / "b.reg").read_text()
    assert "/y" in m.run("reg", "export", GUARD, str(m.path / "a.reg"), expect=USAGE).stderr
    for name in ("a.reg", "b.reg"):
        m.run("reg", "delete", GUARD, "/f")
        m.run("policy", "remove")
        assert m.values() == {}
        m.run("reg", "import", str(m.path / name))
        assert m.values() == values
    m.run("reg", "export", LSA, str(m.path / "c.reg"), expect=NO)
    assert not (m.path / "c.reg").exists()


# S4: two sources, in both orders; S5: the lock.

def test_policy_decides_and_it_is_said(m):
    m.add(POLICY, "LsaCfgFlags", 1)
    text = m.add(LSA, "LsaCfgFlags", 0).stderr
    assert "the policy decides this (1)" in text and "vbsctl policy show" in text
    m.run("policy", "remove")
    assert m.add(LSA, "LsaCfgFlags", 2).stderr == ""
    assert m.add(POLICY, "LsaCfgFlags", 1).stderr == ""


@pytest.mark.parametrize("value", [0, 2])
@pytest.mark.parametrize("way", ["add", "import"])
def test_lock_wins_never_without_a_word(m, value, way):
    m.add(LSA, "LsaCfgFlags", 1)
    m.status(lock={0: 1, 1: 1, 2: 1, 3: 0, 8: 1})
    if way == "add":
        done = m.add(LSA, "LsaCfgFlags", value, expect=LOCKED)
    else:
        done = m.run("reg", "import", m.file("x.reg", regfile(f"[{LSA}]", f'"LsaCfgFlags"=dword:{value}')), expect=LOCKED)
    assert "the UEFI lock holds it (LsaCfgFlags is 1)" in done.stderr and "vbsctl opt-out" in done.stderr
    assert m.values()["local", "LsaCfgFlags"] == value  # carried out all the same
    # again: nothing to write, but still without effect
    assert "opt-out" in m.add(LSA, "LsaCfgFlags", value, expect=LOCKED).stderr
    assert m.add(LSA, "LsaCfgFlags", 1).stderr == ""  # what the lock holds


def test_lock_and_other_spellings(m):
    m.status(lock={0: 1, 1: 1, 2: 1, 3: 0, 5: 1, 6: 1})
    m.add(GUARD, "HypervisorEnforcedCodeIntegrity", 0, expect=LOCKED)
    m.add(GUARD, "HypervisorEnforcedCodeIntegrity", 1)
    m.add(GUARD, "Unlocked", 1, expect=LOCKED)
    m.add(GUARD, "HyperVVirtualizationBasedSecurityOptOut", 1)  # the lock does not hold this
    m.run("reg", "delete", HVCI, "/f", expect=NO)
    m.run("policy", "import", m.file("x.pol", pol((POLKEY, VBS, 0))), expect=LOCKED)


def test_opt_out_ends(m):
    m.status(opted_out=True)
    assert "this change ends that" in m.add(GUARD, VBS, 1).stderr


# Policy files.

def test_policy_import_replaces(m):
    assert m.json("policy", "show") == {"values": [], "source": None}
    out = m.json("policy", "import", m.file("x.pol", pol((POLKEY, VBS, 1), (POLKEY, "Locked", 1), ("Software\\x", "y", 1))))
    assert (out["set"], out["deleted"], out["ignored"]) == (2, 0, 1)
    out = m.json("policy", "import", m.file("x.pol", pol((POLKEY, VBS, 1), (POLKEY, "**Del.LsaCfgFlags", " "))))
    assert (out["set"], out["deleted"], out["ignored"]) == (1, 1, 0)
    shown = m.json("policy", "show")
    assert [(v["name"], v["value"]) for v in shown["values"]] == [(VBS, 1)]
    assert shown["generation"] == 2 and shown["changed_by"] == "vbsctl policy import" and shown["source"].endswith("policy.b")
    assert "nothing changed" in m.run("policy", "import", m.file("x.pol", pol((POLKEY, VBS, 1)))).stdout
    assert m.json("policy", "show")["generation"] == 2
    m.run("policy", "remove")
    assert m.json("policy", "show")["values"] == [] and m.json("policy", "show")["generation"] == 3


@pytest.mark.parametrize("data, words", [
    (b"", "PReg"), (b"PReg\2\0\0\0", "version 2"), (pol((POLKEY, VBS, 1))[:-1], "truncated"),
    (pol((POLKEY, VBS, 2)), "0 or 1"), (pol((POLKEY, VBS, "1")), "REG_DWORD"), (pol(), "nothing of it"),
    (pol(("Software\\x", "y", 1)), "nothing of it"),
    (pol((LSA.removeprefix("HKEY_LOCAL_MACHINE\\"), "LsaCfgFlags", 1)), "nothing of it"),
], ids=["empty", "version", "cut", "number", "type", "no records", "other key", "local key"])
def test_bad_policy_files(m, data, words):
    m.run("policy", "import", m.file("good.pol", pol((POLKEY, VBS, 1))))
    error = m.json("policy", "import", m.file("x.pol", data), expect=INPUT)["error"]
    assert words in error and "nothing was changed" in error
    assert len(m.json("policy", "show")["values"]) == 1


def test_local_values_are_no_policy(m):
    path = m.file("x.pol", pol((POLKEY, VBS, 1), (LSA.removeprefix("HKEY_LOCAL_MACHINE\\"), "LsaCfgFlags", 1)))
    assert "no policy" in m.run("policy", "import", path).stderr
    assert m.values() == {("policy", VBS): 1}


def test_no_esp(m):
    (m.root / "proc/self/mountinfo").write_text("", encoding="ascii")
    assert "ESP" in m.run("policy", "import", m.file("x.pol", pol((POLKEY, VBS, 1))), expect=SYSTEM).stderr
    m.run("policy", "show", expect=SYSTEM)
    m.add(GUARD, VBS, 1)  # needs no policy
