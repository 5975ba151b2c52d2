# SPDX-License-Identifier: GPL-2.0-only
"""The loader's status (include/openvbs/status.h), decoded outside of the guest.

For the tests and tools of the test machine; people use `vbsctl status`, which
also asks VTL1.
"""

import dataclasses
import struct

GUID = "4f70656e-5642-5300-9d1c-6c0a52f3b7e1"

# struct ovbs_status, little endian, in the order of its fields
LAYOUT = struct.Struct("<IHHIIQQQQQII32s160s32s")
MAGIC, VERSION = 0x5453564F, 1
ATTRIBUTES = 4
NON_VOLATILE, BOOT_SERVICE, RUNTIME = 1, 2, 4

STATES = {0: "not running", 1: "running"}
# enum ovbs_reason by number: the name that the loader prints too, and what to do
REASONS = {
    0: ("none", ""),
    1: ("not configured", "openvbs is not set up to start on this machine"),
    2: ("CPU lacks virtualization", "openvbs needs SVM with nested paging (AMD), or VMX with EPT and unrestricted guest (Intel); "
        "in a virtual machine from the host too"),
    3: ("virtualization is off in firmware", "switch SVM (\"AMD-V\") or VMX (\"VT-x\", \"virtualization\") on in the firmware's set-up"),
    4: ("virtualization is held by another hypervisor", "start openvbs before it, or switch it off"),
    5: ("no Secure Boot", "switch Secure Boot on in the firmware's set-up"),
    6: ("no IOMMU", "switch the IOMMU on in the firmware's set-up"),
    7: ("image refused", "openvbs.efi is damaged or unsigned: install it again"),
    8: ("out of memory", "the firmware had no free block of memory that is large enough"),
    9: ("reboot required", "restart the machine"),
    10: ("opted out", "openvbs was switched off by a person at this machine"),
    11: ("other", "see check and evidence"),
}


class StatusError(Exception):
    """The status can't be told; the text says why, and what to do."""


@dataclasses.dataclass(frozen=True)
class Status:
    """What the variable says; addresses are guest physical, sizes in bytes."""

    state: str
    reason: str
    reason_number: int
    check: str
    evidence: str
    build: str
    cpus: int
    memory_bytes: int
    log_gpa: int
    log_size: int
    stats_gpa: int
    stats_size: int

    @property
    def running(self):
        return self.state == "running"


def _text(field, name):
    raw, end, _ = field.partition(b"\0")
    if not end or not all(0x20 <= c < 0x7F for c in raw):
        raise StatusError(f"the field `{name}` is no terminated ASCII text: {field[:40]!r}")
    return raw.decode("ascii")


def decode(data):
    """Status from the bytes of struct ovbs_status; a larger struct of a later version is accepted."""
    if len(data) < LAYOUT.size:
        raise StatusError(f"{len(data)} bytes, but the status has at least {LAYOUT.size}")
    (magic, version, size, state, reason, log_gpa, log_size, stats_gpa, stats_size,
     memory, cpus, _, check, evidence, build) = LAYOUT.unpack_from(data)
    if magic != MAGIC:
        raise StatusError(f"wrong magic {magic:#010x}, not {MAGIC:#010x}: this is no openvbs status")
    if version < VERSION:
        raise StatusError(f"version {version}, but the first one is {VERSION}")
    if not LAYOUT.size <= size <= len(data):
        raise StatusError(f"its size field says {size}; there are {len(data)} bytes, and {LAYOUT.size} is the least")
    if state not in STATES:
        raise StatusError(f"state {state} is not known")
    if (STATES[state] == "running") != (reason == 0):
        raise StatusError(f"state {state} and reason {reason} contradict each other")
    name = REASONS[reason][0] if reason in REASONS else f"reason {reason} (unknown to this program)"
    return Status(STATES[state], name, reason, _text(check, "check"), _text(evidence, "evidence"),
                  _text(build, "build"), cpus, memory, log_gpa, log_size, stats_gpa, stats_size)


def decode_efivar(data):
    """Status from the bytes of the efivars file: attributes in front."""
    if len(data) < ATTRIBUTES:
        raise StatusError(f"{len(data)} bytes: an efivars file begins with {ATTRIBUTES} bytes of attributes")
    attributes = int.from_bytes(data[:ATTRIBUTES], "little")
    if attributes & NON_VOLATILE or not attributes & BOOT_SERVICE or not attributes & RUNTIME:
        raise StatusError(f"attributes {attributes:#x}: the loader's variable is volatile, with boot service and "
                          "runtime access; this one was made by somebody else")
    return decode(data[ATTRIBUTES:])


def lines(status):
    """The status for a person."""
    yield f"state: {status.state}"
    if status.running:
        yield f"CPUs: {status.cpus}"
        yield f"memory taken: {status.memory_bytes / (1 << 20):.1f} MiB"
        yield f"log: {status.log_size} bytes at {status.log_gpa:#x}"
        yield f"exit counters: {status.stats_size} bytes at {status.stats_gpa:#x}"
    else:
        yield f"reason: {status.reason}"
        yield f"check: {status.check or '-'}"
        yield f"evidence: {status.evidence or '-'}"
        advice = REASONS.get(status.reason_number, ("", ""))[1]
        if advice:
            yield f"advice: {advice}"
    yield f"build: {status.build}"
