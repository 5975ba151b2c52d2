# SPDX-License-Identifier: GPL-2.0-only
"""tools/machine/status.py: what it accepts, what it refuses, and that it agrees with status.h and the loader.

Needs no machine: /usr/bin/python3 -m pytest tests/tools
"""

import re
import struct
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

from machine import status as ovbs  # noqa: E402

HEADER = (ROOT / "include/openvbs/status.h").read_text(encoding="utf-8")


def status(magic=0x5453564F, version=1, size=288, state=1, reason=0, memory=4 << 20, cpus=2,
           check=b"", evidence=b"Secure Boot on", build=b"0.1.0"):
    return struct.pack("<IHHIIQQQQQII32s160s32s", magic, version, size, state, reason, 0x7A000000, 65536,
                       0x7A100000, 4096, memory, cpus, 0, check, evidence, build)


def efivar(data, attributes=6):
    return struct.pack("<I", attributes) + data


def test_running():
    s = ovbs.decode_efivar(efivar(status()))
    assert s.running and s.cpus == 2 and s.memory_bytes == 4 << 20 and s.log_gpa == 0x7A000000
    assert s.build == "0.1.0" and s.evidence == "Secure Boot on"


def test_not_running_gives_the_reason():
    s = ovbs.decode(status(state=0, reason=2, check=b"cpuid.svm", evidence=b"bit 2 is 0"))
    assert not s.running and s.reason == "CPU lacks virtualization" and s.check == "cpuid.svm"
    assert "advice: " in "\n".join(ovbs.lines(s))


def test_larger_struct_of_a_later_version():
    s = ovbs.decode(status(version=2, size=320) + bytes(32))
    assert s.running
    assert ovbs.decode(status(size=288) + bytes(5)).running


def test_unknown_reason_keeps_its_number():
    s = ovbs.decode(status(state=0, reason=99))
    assert s.reason_number == 99 and "99" in s.reason


@pytest.mark.parametrize("data, why", [
    (b"", "0 bytes"),
    (status()[:287], "287 bytes"),
    (status(magic=0x12345678), "magic"),
    (status(version=0), "version"),
    (status(size=287), "size field"),
    (status(size=289), "size field"),
    (status(state=2), "state 2"),
    (status(reason=3), "contradict"),
    (status(state=0, reason=0), "contradict"),
    (status(check=b"x" * 32), "check"),
    (status(evidence=b"e" * 160), "evidence"),
    (status(build=b"\x1b[2J"), "build"),
])
def test_refused(data, why):
    with pytest.raises(ovbs.StatusError, match=re.escape(why)):
        ovbs.decode(data)


@pytest.mark.parametrize("attributes", [0, 2, 4, 7])
def test_variable_of_somebody_else_is_refused(attributes):
    with pytest.raises(ovbs.StatusError, match="attributes"):
        ovbs.decode_efivar(efivar(status(), attributes))


def test_file_without_attributes():
    with pytest.raises(ovbs.StatusError):
        ovbs.decode_efivar(b"\x06")


def test_agrees_with_the_header():
    number = lambda name: int(re.search(rf"{name}\s+(0x[0-9A-Fa-f]+|\d+)", HEADER)[1], 0)
    assert number("OVBS_STATUS_MAGIC") == ovbs.MAGIC and number("OVBS_STATUS_VERSION") >= ovbs.VERSION
    assert number("OVBS_STATUS_SIZE_V1") == ovbs.LAYOUT.size
    assert f"/* {ovbs.GUID} */" in HEADER
    reasons = re.findall(r"OVBS_REASON_(\w+) = (\d+)", HEADER)
    assert {int(n) for _, n in reasons} == set(ovbs.REASONS)


def test_reason_names_are_the_loaders():
    numbers = dict(re.findall(r"(OVBS_REASON_\w+) = (\d+)", HEADER))
    printed = re.findall(r'\[(OVBS_REASON_\w+)\] = "([^"]+)"', (ROOT / "lib/verdict.c").read_text(encoding="utf-8"))
    assert printed, "lib/verdict.c names no reasons any more"
    assert {int(numbers[name]): text for name, text in printed} == {n: t for n, (t, _) in ovbs.REASONS.items()}
