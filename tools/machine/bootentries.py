# SPDX-License-Identifier: GPL-2.0-only
"""UEFI boot entries in a variable store (UEFI 2.10: 3.1.3 load options, 10.3 device paths)."""

import struct

from . import uefivars

FIRST = 0x0010  # numbers of our entries, clear of the firmware's own
SECTOR = 512


def _hard_drive(number, start, size, guid):
    """Device path node of a GPT partition; start and size in bytes."""
    return struct.pack("<BBHIQQ16sBB", 4, 1, 42, number, start // SECTOR, size // SECTOR, guid.bytes_le, 2, 2)


def _file(path):
    name = ("\\" + path.replace("/", "\\").lstrip("\\") + "\0").encode("utf-16-le")
    return struct.pack("<BBH", 4, 4, 4 + len(name)) + name


def _load_option(title, partition, path):
    nodes = _hard_drive(*partition) + _file(path) + b"\x7f\xff\x04\x00"
    return struct.pack("<IH", 1, len(nodes)) + (title + "\0").encode("utf-16-le") + nodes


def set_entries(store, partition, entries):
    """Make [(title, path on the ESP), ...] the BootOrder of a variable store.

    `partition` is (number, start, size, GUID) of the ESP.
    """
    variables = {f"Boot{FIRST + i:04X}": _load_option(title, partition, path)
                 for i, (title, path) in enumerate(entries)}
    variables["BootOrder"] = b"".join(struct.pack("<H", FIRST + i) for i in range(len(entries)))
    uefivars.put(store, uefivars.GLOBAL, variables)
