# SPDX-License-Identifier: GPL-2.0-only
"""trustlets/bundle.py: what it packs, and each thing that it refuses.

Needs no machine: /usr/bin/python3 -m pytest tests/tools/test_bundle.py
"""

import importlib.util
import re
import struct
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOOL = ROOT / "trustlets" / "bundle.py"
_spec = importlib.util.spec_from_file_location("bundle", TOOL)
bundle = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(bundle)

POLICY = {"name": "probe", "uuid": "01234567-89ab-4cde-8f01-23456789abcd", "security_version": "3",
          "memory_kib": "2048", "budget_ms": "100", "sessions": "4", "allow": "seal log", "debug": "no"}
R, W, X = 4, 2, 1


def policy(drop=None, **changes):
    values = {**POLICY, **changes}
    return "".join(f"{k} = {v}  # comment\n" for k, v in values.items() if k != drop)


def elf(kind=3, machine=62, entry=0x1000, loads=None, extra=(), ident=b"\x7fELF\2\1\1", size=0x3000, phentsize=56):
    """A static-PIE program of three segments; `loads` and `extra` are program headers."""
    if loads is None:
        loads = [(1, R, 0, 0, 0, 0x200, 0x200, 4096), (1, R | X, 0x1000, 0x1000, 0, 0x100, 0x100, 4096),
                 (1, R | W, 0x2000, 0x2000, 0, 0x100, 0x4000, 4096)]
    headers = b"".join(struct.pack("<IIQQQQQQ", *h) for h in [*loads, *extra])
    head = struct.pack("<16sHHIQQQIHHHHHH", ident, kind, machine, 1, entry, 64, 0, 0, 64, phentsize,
                       len(loads) + len(extra), 0, 0, 0)
    return (head + headers).ljust(size, b"\0")


def make(text=None, data=None, release=False):
    return bundle.build([("p.conf", policy() if text is None else text, "p.elf", elf() if data is None else data)],
                        release)


def refused(match, **what):
    with pytest.raises(bundle.BundleError, match=match) as e:
        make(**what)
    assert re.match(r"p\.(conf|elf)", str(e.value))  # names the file


def test_layout_is_that_of_the_header():
    data = make()
    assert struct.unpack_from("<4I", data) == (0x424C544F, 1, 1, 88)
    fields = struct.unpack_from("<16s32s6I2Q", data, 16)
    assert fields[0] == bytes.fromhex("0123456789ab4cde8f0123456789abcd")
    assert fields[1] == b"probe".ljust(32, b"\0")
    assert fields[2:8] == (3, 2 | 8, 2048, 100, 4, 0)
    assert fields[8:] == (4096, 0x3000) and data[4096:4096 + 0x3000] == elf()
    header = (ROOT / "include/openvbs/trustlet_abi.h").read_text()
    assert int(re.search(r"OVBS_BUNDLE_MAGIC\s+(0x\w+?)u", header)[1], 16) == bundle.MAGIC
    assert int(re.search(r"OVBS_TRUSTLETS_MAX\s+(\d+)", header)[1]) == bundle.MAX_TRUSTLETS
    for word, bit in bundle.FLAGS.items():
        shift = re.search(rf"OVBS_POLICY_{word.upper()}\s+\(1u << (\d)\)", header)[1]
        assert bit == 1 << int(shift)


def test_several_and_their_alignment():
    other = policy(name="other", uuid="11234567-89ab-4cde-8f01-23456789abcd")
    data = bundle.build([("a", policy(), "a.elf", elf(size=0x3001)), ("b", other, "b.elf", elf())])
    first, second = (struct.unpack_from("<2Q", data, 16 + 88 * i + 72) for i in range(2))
    assert first == (4096, 0x3001) and second == (4096 + 0x4000, 0x3000)
    lines = list(bundle.listing(data, "x"))
    assert lines[0].startswith("probe: 01234567-89ab-4cde-8f01-23456789abcd") and lines[1].startswith("other: ")


def test_every_word_is_a_bit_of_its_own():
    words = ("seal", "counter", "log", "integrity")
    for word, bit in zip(words, (2, 4, 8, 16)):
        data = make(text=policy(allow=word))
        assert struct.unpack_from("<I", data, 16 + 52)[0] == bit
        assert f" sessions, {word}; " in next(iter(bundle.listing(data, "x")))
    assert struct.unpack_from("<I", make(text=policy(allow=" ".join(words))), 16 + 52)[0] == 30
    header = (ROOT / "include/openvbs/trustlet_abi.h").read_text()
    everything = int(re.search(r"OVBS_POLICY_ALL\s+(0x\w+?)u", header)[1], 16)
    assert everything == sum(bundle.FLAGS.values())


@pytest.mark.parametrize("text, match", [
    (policy() + "color = red\n", r"p\.conf:9: unknown key 'color'"),
    (policy() + "name = again\n", "'name' is there twice"),
    (policy() + "nonsense\n", "not 'key = value'"),
    (policy(drop="uuid"), "missing: uuid"),
    ("", "missing: .*name"),
    (policy(name=""), "name ''"),
    (policy(name="n" * 32), "1 to 31"),
    (policy(name="näme"), "letters"),
    (policy(name="Secure System"), "secure kernel's own"),
    (policy(uuid="0123456789ab4cde8f0123456789abcd"), "is not like"),
    (policy(uuid="00000000-0000-0000-0000-000000000000"), "zeros"),
    (policy(security_version="0"), "security_version = 0: must be"),
    (policy(security_version="4294967296"), "must be a number from 1 to"),
    (policy(memory_kib="1023"), "memory_kib"),
    (policy(memory_kib="65537"), "memory_kib"),
    (policy(memory_kib="0x1000"), "memory_kib"),
    (policy(budget_ms="0"), "budget_ms"),
    (policy(budget_ms="60001"), "budget_ms"),
    (policy(sessions="0"), "sessions"),
    (policy(sessions="65"), "sessions"),
    (policy(sessions="-1"), "sessions"),
    (policy(allow="seal fly"), "unknown 'fly'; known: seal, counter, log, integrity"),
    (policy(allow="debug"), "unknown 'debug'"),
    (policy(debug="maybe"), "must be yes or no"),
])
def test_policy_refused(text, match):
    refused(match, text=text)


def test_policy_limits_that_are_fine():
    make(text=policy(name="n" * 31, memory_kib="65536", budget_ms="60000", sessions="64", allow=""))
    make(text=policy(security_version="4294967295", memory_kib="1024", sessions="1", budget_ms="1"))


def test_debug_only_without_release():
    make(text=policy(debug="yes"))
    make(release=True)
    refused("release build refuses", text=policy(debug="yes"), release=True)


GOOD = [(1, R, 0, 0, 0, 0x200, 0x200, 4096), (1, R | X, 0x1000, 0x1000, 0, 0x100, 0x100, 4096)]


@pytest.mark.parametrize("data, match", [
    (b"", "no ELF file"),
    (b"\x7fELF", "no ELF file"),
    (elf(ident=b"\x7fELF\1\1\1"), "x86-64"),
    (elf(machine=183), "x86-64"),
    (elf(kind=2), "position independent"),
    (elf(phentsize=32), "program headers"),
    (elf(size=0)[:100], "program headers"),
    (elf(extra=[(3, R, 0, 0, 0, 16, 16, 1)]), "PT_INTERP"),
    (elf(extra=[(0x6474E551, R | W | X, 0, 0, 0, 0, 0, 16)]), "executable stack"),
    (elf(loads=[]), "nothing to load|program headers"),
    (elf(loads=[], extra=[(4, R, 0, 0, 0, 0, 0, 1)]), "nothing to load"),
    (elf(loads=[*GOOD, (1, R | W | X, 0x2000, 0x2000, 0, 0x100, 0x100, 4096)]), "writable and executable"),
    (elf(loads=[*GOOD, (1, R | W, 0x2010, 0x2010, 0, 0x100, 0x100, 4096)]), "does not begin on a page"),
    (elf(loads=[*GOOD, (1, R | W, 0x2000, 0x2010, 0, 0x100, 0x100, 4096)]), "does not begin on a page"),
    (elf(loads=[*GOOD, (1, R | W, 0x2000, 0x2000, 0, 0x101, 0x100, 4096)]), "larger in the file"),
    (elf(loads=[*GOOD, (1, R | W, 0x2000, 0x1000, 0, 0x100, 0x100, 4096)]), "overlap"),
    (elf(loads=[*GOOD, (1, R | W, 0x2000, 0x2000, 0, 0x1001, 0x1001, 4096)]), "outside of the file"),
    (elf(loads=[*GOOD, (1, R | W, 2 ** 63, 0x2000, 0, 2 ** 63, 2 ** 63, 4096)]), "outside of the file"),
    (elf(loads=[*GOOD, (1, R | W, 0x2000, 2 ** 64 - 4096, 0, 0x100, 0x100, 4096)]), "too large"),
    (elf(entry=0x2000), "entry point"),
    (elf(entry=0x1100), "entry point"),
    (elf(loads=[*GOOD, (1, R | W, 0x2000, 0x2000, 0, 0x100, 1800 << 10, 4096)]), "more than the 2048 KiB"),
    (elf(extra=[(2, R | W, 0x2000, 0x2000, 0, 16, 16, 8)])[:0x2000] + struct.pack("<QQ", 1, 0) + bytes(0xFF0),
     "shared libraries"),
    (elf(extra=[(2, R | W, 0x2000, 0x2000, 0, 16, 16, 8)])[:0x2000] + struct.pack("<QQ", 22, 0) + bytes(0xFF0),
     "relocations in its code"),
])
def test_program_refused(data, match):
    refused(match, data=data)


def test_duplicates_and_numbers():
    same_name = policy(uuid="11234567-89ab-4cde-8f01-23456789abcd", name="PROBE")
    same_uuid = policy(name="other", uuid=POLICY["uuid"].upper())
    for second, what in ((same_name, "name"), (same_uuid, "uuid")):
        with pytest.raises(bundle.BundleError, match=f"b: {what} .* is that of a already"):
            bundle.build([("a", policy(), "a.elf", elf()), ("b", second, "b.elf", elf())])
    many = [(f"c{i}", policy(name=f"n{i}", uuid=f"{i + 1:08x}-0000-4000-8000-000000000000"), "e", elf())
            for i in range(17)]
    bundle.build(many[:16])
    for pairs in (many, []):
        with pytest.raises(bundle.BundleError, match="1 to 16 fit"):
            bundle.build(pairs)


@pytest.mark.parametrize("change, match", [
    (lambda d: d[:10], "no bundle"),
    (lambda d: b"X" + d[1:], "no bundle"),
    (lambda d: d[:8] + struct.pack("<I", 17) + d[12:], "17 trustlets"),
    (lambda d: d[:-1], "outside of the file"),
    (lambda d: d[:4096] + b"X" + d[4097:], "no ELF"),
])
def test_list_refuses_damage(change, match):
    with pytest.raises(bundle.BundleError, match=match):
        list(bundle.listing(change(make()), "x"))


def test_as_a_command(tmp_path):
    (tmp_path / "p.conf").write_text(policy())
    (tmp_path / "p.elf").write_bytes(elf())

    def run(*args):
        return subprocess.run([sys.executable, TOOL, *args], cwd=tmp_path, capture_output=True, text=True)

    done = run("--output", "out", "p.conf", "p.elf")
    assert done.returncode == 0 and (tmp_path / "out").read_bytes() == make()
    assert "probe: " in run("--list", "out").stdout
    (tmp_path / "p.conf").write_text(policy(sessions="0"))
    done = run("--output", "new", "p.conf", "p.elf")
    assert done.returncode == 1 and "sessions = 0" in done.stderr and not (tmp_path / "new").exists()
    assert run("--output", "out", "p.conf").returncode == 2
    assert "No such file" in run("--list", "none").stderr


def test_policies_of_this_tree():
    """Each has a UUID of its own, and selftest's is that of its header."""
    found = [bundle.parse_policy(p.read_text(), str(p)) for p in sorted(ROOT.glob("trustlets/*/policy.conf"))]
    assert {"hello", "selftest"} <= {p["name"] for p in found}
    assert len({p["uuid"] for p in found}) == len(found)
    header = (ROOT / "trustlets/selftest/selftest.h").read_text()
    numbers = re.search(r"SELFTEST_UUID.*?\{(.*?)\}", header, re.S)[1]
    uuid_bytes = bytes(int(n, 16) for n in re.findall(r"0x(\w\w)", numbers))
    assert uuid_bytes == next(p["uuid"].bytes for p in found if p["name"] == "selftest")
