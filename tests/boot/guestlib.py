# SPDX-License-Identifier: GPL-2.0-only
"""What tests of the running hypervisor share: its module in the guest, log and exit counters."""

import re
from pathlib import Path

from machine import Machine
from machine.common import BUILD, run

GUEST = BUILD / "guest"  # static programs of tests/guest/linux
SECURITYFS = "/sys/kernel/security/openvbs"


def module():
    """openvbs.ko for the tiny image's kernel, signed, as `files` of a Machine."""
    built = sorted((BUILD / "linux").glob("*/openvbs.ko"))
    assert len(built) == 1, f"one openvbs.ko expected (`make modules`), found {built}"
    return {"/root/openvbs.ko": built[0]}


def start(name, **options):
    """A Machine with openvbs and its module."""
    options = {"openvbs": "release", "cpus": 2, "time_limit": 110, **options}
    options["files"] = {**module(), **options.get("files", {})}
    return Machine(name, **options)


def program_files(path):
    """A dynamically linked program of this host for the tiny image, as `files` of a Machine: {guest path: host path}.

    It comes to /root; its libraries and the ELF interpreter keep their paths.
    """
    path = Path(path)
    libraries = re.findall(r"(?:^|=> )(/\S+) \(0x", run(["ldd", path]).decode().replace("\t", ""), re.M)
    assert libraries, f"{path} needs no libraries: is it static?"
    return {f"/root/{path.name}": path, **{library: Path(library) for library in libraries}}


def load_module(m, parameters=""):
    """Load openvbs.ko; it refuses unless the hypervisor answers by CPUID."""
    m.sh("grep -q ' /sys/kernel/security ' /proc/mounts || mount -t securityfs none /sys/kernel/security")
    m.sh(f"insmod /root/openvbs.ko {parameters}")


def log(m):
    """Text of the hypervisor's log."""
    return m.sh(f"cat {SECURITYFS}/log")


def exits(m):
    """{(cpu, name): count} of the exit counters."""
    lines = m.sh(f"cat {SECURITYFS}/exits").splitlines()
    return {(int(cpu), name): int(count) for cpu, name, count in (line.split() for line in lines)}


def total(counts, name):
    """Sum of one counter over all CPUs."""
    return sum(count for (_, n), count in counts.items() if n == name)
