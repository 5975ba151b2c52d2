# SPDX-License-Identifier: GPL-2.0-only
"""Settings of openvbs as loader and vbsctl keep them: records of include/openvbs/settings.h.

A machine of the tests has VBS switched on by a policy file, unless a test asks
for something else: without any setting openvbs does not start.
"""

import struct
import zlib

GUID = "4f70656e-5642-5300-8c21-3b1d7e40a9c2"
LOCAL, LOCK = "OpenvbsSettings", "OpenvbsLock"
POLICY_A, POLICY_B = "EFI/openvbs/policy.a", "EFI/openvbs/policy.b"

# enum ovbs_setting, by short names
IDS = {"vbs": 0, "level": 1, "locked": 2, "mandatory": 3, "role_opt_out": 4, "hvci": 5, "hvci_locked": 6,
       "system_guard": 7, "lsa_cfg": 8, "hvci_direct": 16, "unlocked": 17, "system_guard_launch": 18}
ON = {"vbs": 1}
UNBOUND = 1  # OVBS_RECORD_UNBOUND

MAGIC, VERSION, ENTRIES = 0x5354564F, 1, 24
HEADER = struct.Struct("<IHHIIQIHHII24s")
ENTRY = struct.Struct("<HHI")
SIZE = HEADER.size + 2 * ENTRIES * ENTRY.size


def record(values, generation=1, by="test machine", uid=0, when=0, saved=None, base_generation=0, flags=0):
    """A sealed record with {short name or number: value}; `saved` likewise, None for an absent value."""
    def entries(items, absent):
        packed = b"".join(ENTRY.pack(IDS.get(name, name), absent if value is None else 0, value or 0)
                          for name, value in items.items())
        return packed.ljust(ENTRIES * ENTRY.size, b"\0")

    saved = saved or {}

    def pack(crc):
        return HEADER.pack(MAGIC, VERSION, SIZE, crc, generation, when, uid, len(values), len(saved),
                           base_generation, flags, by.encode()) + entries(values, 0) + entries(saved, 1)

    return pack(zlib.crc32(pack(0)))


def read(data):
    """(header as a dict, {number: value}) of a record; ValueError if it is damaged."""
    if len(data) != SIZE:
        raise ValueError(f"{len(data)} bytes, a record has {SIZE}")
    magic, version, _, crc, generation, when, uid, count, _, _, _, by = HEADER.unpack_from(data)
    if (magic, version) != (MAGIC, VERSION) or crc != zlib.crc32(data[:8] + bytes(4) + data[12:]):
        raise ValueError("no record, or a damaged one")
    values = (ENTRY.unpack_from(data, HEADER.size + i * ENTRY.size) for i in range(count))
    return ({"generation": generation, "when": when, "uid": uid, "by": by.rstrip(b"\0").decode()},
            {number: value for number, _, value in values})


def opted_out(data):
    """{number: value} of the half of OpenvbsLock that a person opted out of."""
    count = HEADER.unpack_from(data)[8]
    values = (ENTRY.unpack_from(data, HEADER.size + (ENTRIES + i) * ENTRY.size) for i in range(count))
    return {number: value for number, _, value in values}


def policy_files(values):
    """ESP files that hold this policy; none for None."""
    return {} if values is None else {POLICY_A: record(values, by="policy")}
