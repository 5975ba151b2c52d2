# SPDX-License-Identifier: GPL-2.0-only
"""EFI programs for tests of the loader: signed, or damaged at a chosen place."""

import struct

from machine import keys
from machine.common import BUILD


def signed(path, tmp_path):
    """An EFI program of the build, signed for the machine's db key."""
    return keys.sign_efi(path, tmp_path / f"{path.name}.signed").read_bytes()


def section(pe, name):
    """(file offset, size) of a PE section (PE format specification, COFF header and section table)."""
    header = struct.unpack_from("<I", pe, 0x3C)[0]
    count, optional = struct.unpack_from("<H", pe, header + 6)[0], struct.unpack_from("<H", pe, header + 20)[0]
    for at in range(header + 24 + optional, header + 24 + optional + 40 * count, 40):
        if pe[at:at + 8].rstrip(b"\0") == name:
            virtual_size, _, size, offset = struct.unpack_from("<IIII", pe, at + 8)
            return offset, min(size, virtual_size)
    raise AssertionError(f"no section {name}")


def damaged(tmp_path, name, where):
    """openvbs.efi with one bit of a section flipped."""
    pe = bytearray((BUILD / "release" / "openvbs.efi").read_bytes())
    offset, size = section(pe, name)
    pe[offset + {"first": 0, "middle": size // 2, "last": size - 1}[where]] ^= 0x10
    target = tmp_path / "damaged.efi"
    target.write_bytes(pe)
    return target
