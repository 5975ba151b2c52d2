# SPDX-License-Identifier: GPL-2.0-only
"""openvbs.efi as a file: what shim and firmware with strict memory protection ask of it, and its build."""

import struct
import subprocess
import zlib

import pytest

from machine import keys
from machine.common import BUILD

ROOT = BUILD.parent
WRITE, EXECUTE = 0x80000000, 0x20000000  # section characteristics
NX_COMPAT = 0x100  # DLL characteristics


class PE:
    """The few fields of a PE32+ file that matter here (PE format specification)."""

    def __init__(self, data):
        header = struct.unpack_from("<I", data, 0x3C)[0]
        assert data[header:header + 4] == b"PE\0\0"
        count, size = struct.unpack_from("<H", data, header + 6)[0], struct.unpack_from("<H", data, header + 20)[0]
        optional = header + 24
        assert struct.unpack_from("<H", data, optional)[0] == 0x20B
        self.timestamp = struct.unpack_from("<I", data, header + 8)[0]
        self.section_alignment, self.file_alignment = struct.unpack_from("<II", data, optional + 32)
        self.subsystem, self.dll_characteristics = struct.unpack_from("<HH", data, optional + 68)
        self.sections = {}
        for at in range(optional + size, optional + size + 40 * count, 40):
            virtual_size, address, raw, offset = struct.unpack_from("<IIII", data, at + 8)
            flags = struct.unpack_from("<I", data, at + 36)[0]
            name = data[at:at + 8].rstrip(b"\0").decode()
            assert name not in self.sections
            self.sections[name] = (address, flags, data[offset:offset + min(raw, virtual_size)])


@pytest.fixture(params=["release", "debug"], name="flavor")
def _flavor(request):
    return request.param


@pytest.fixture(name="pe")
def _pe(flavor):
    return PE((BUILD / flavor / "openvbs.efi").read_bytes())


def test_memory_protection(pe):
    assert pe.subsystem == 10, "EFI application"
    assert pe.section_alignment == 4096 and pe.dll_characteristics & NX_COMPAT
    for name, (address, flags, _) in pe.sections.items():
        assert address % 4096 == 0
        assert flags & (WRITE | EXECUTE) != WRITE | EXECUTE, f"{name} is writable and executable"
    assert [n for n, (_, flags, _) in pe.sections.items() if flags & EXECUTE] == [".text", ".stub"]
    assert [n for n, (_, flags, _) in pe.sections.items() if flags & WRITE] == [".data"]
    assert len(pe.sections[".stub"][2]) <= 4096


def test_sbat(pe):
    lines = pe.sections[".sbat"][2].rstrip(b"\0").decode("ascii").splitlines()
    rows = [line.split(",") for line in lines]
    assert [row[:2] for row in rows] == [["sbat", "1"], ["openvbs", "1"]]
    assert all(len(row) == 6 for row in rows)


# section: the file in it, in the manifest's order
PARTS = {".hvsvm": "hypervisor-svm.elf", ".hvvmx": "hypervisor-vmx.elf", ".ovbssk": "securekernel.elf",
         ".ovbstl": "trustlets.bundle"}


def test_manifest(pe, flavor):
    magic, version, security, _, *images, build = struct.unpack("<IIII QII QII QII QII 32s", pe.sections[".ovbsman"][2])
    assert (magic, version) == (0x4E414D4F, 3)
    assert security >= 1
    for i, (section, name) in enumerate(PARTS.items()):
        size, crc, _ = images[3 * i:3 * i + 3]
        part = (BUILD / flavor / name).read_bytes()
        assert pe.sections[section][2] == part
        assert (crc, size) == (zlib.crc32(part), len(part))
    assert build.rstrip(b"\0").decode().encode() == pe.sections[".sbat"][2].splitlines()[1].split(b",")[4]


@pytest.mark.parametrize("section", PARTS)
def test_a_signature_fits_and_covers_every_part(tmp_path, section):
    out = keys.sign_efi(BUILD / "release" / "openvbs.efi", tmp_path / "signed.efi")
    check = ["sbverify", "--cert", str(keys.keys() / "db.crt")]
    assert subprocess.run([*check, out], capture_output=True, check=False).returncode == 0
    data = bytearray(out.read_bytes())
    part = PE(bytes(data)).sections[section][2]
    data[data.find(part) + len(part) // 2] ^= 1
    out.write_bytes(data)
    assert subprocess.run([*check, out], capture_output=True, check=False).returncode != 0


def test_the_build_is_reproducible(tmp_path):
    """From other object files in another place: the same bytes."""
    out = tmp_path / "elsewhere"
    subprocess.run(["make", "-C", str(ROOT), "-s", "FLAVOR=release", f"OUT={out}", f"{out}/openvbs.efi"],
                   check=True, capture_output=True, text=True, timeout=300)
    assert (out / "openvbs.efi").read_bytes() == (BUILD / "release" / "openvbs.efi").read_bytes()
