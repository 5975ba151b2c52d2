# SPDX-License-Identifier: GPL-2.0-only
"""What tests of VTL1 share: calling trustlets from the guest's shell, and what comes back."""

import dataclasses
import re

from machine.common import BUILD, ROOT

CLIENTS = BUILD / "clients"
HELLO = "7c323f87-2709-4f17-a8bc-ff7929529125"
SELFTEST = "8c2bd2db-6738-42cf-ab34-44a04bfc67cf"

OK, DEAD, NO_MEMORY, SHORT_BUFFER, NOT_FOUND = 0, 0xFFFF3024, 0xFFFF000C, 0xFFFF0010, 0xFFFF0008
NOT_SUPPORTED, BAD_FORMAT, SECURITY = 0xFFFF000A, 0xFFFF0005, 0xFFFF000F


def _numbers(header, enums):
    """Names and values of the enums of a header, without their common prefix."""
    text = (ROOT / header).read_text(encoding="ascii")
    found = {}
    for name in enums:
        body = re.search(rf"enum {name} {{(.*?)}};", text, re.S).group(1)
        found.update({n: int(v, 0) for n, v in re.findall(r"SELFTEST_(\w+) = (\d+)", body)})
    return found


CMD = _numbers("trustlets/selftest/selftest.h",
               ("selftest_command", "selftest_data", "selftest_instruction", "selftest_mapping"))


def files():
    """ovbs-ps and ovbs-call for the tiny image, as `files` of a Machine."""
    return {f"/root/{name}": CLIENTS / f"{name}.static" for name in ("ovbs-ps", "ovbs-call")}


@dataclasses.dataclass
class Answer:
    """One line each of ovbs-call's output."""

    result: int
    origin: str
    values: dict  # place: (a, b)
    buffers: dict  # place: bytes
    text: str


def parse(text):
    """The answer in ovbs-call's output."""
    result = re.search(r"^result (0x[0-9a-f]+)", text, re.M)
    assert result, f"ovbs-call gave no result: {text}"
    values = {int(n): (int(a), int(b)) for n, a, b in re.findall(r"^param (\d) value (\d+) (\d+)", text, re.M)}
    buffers = {int(n): bytes.fromhex(data) for n, size, data in re.findall(r"^param (\d) buffer (\d+) ?([0-9a-f]*)", text, re.M)}
    origin = re.search(r"^origin (\S+)", text, re.M)
    return Answer(int(result[1], 16), origin[1] if origin else "", values, buffers, text)


def call(m, uuid, command, *params, seconds=30, options=""):
    """Open @uuid, invoke @command (a number, or a name of selftest's), close."""
    number = CMD[command] if isinstance(command, str) else command
    return parse(m.run(f"/root/ovbs-call {options} {uuid} {number} {' '.join(params)}", seconds=seconds).output)


def trustlets(m):
    """{name: row of the securityfs file}."""
    lines = m.sh("cat /sys/kernel/security/openvbs/trustlets").splitlines()
    names = lines[0].split()
    rows = [line.split(maxsplit=len(names) - 1) for line in lines[1:] if line]
    return {row[-1]: dict(zip(names, row)) for row in rows}


def signed(value):
    """A 64-bit number as a signed one."""
    return value - (1 << 64) if value >> 63 else value
