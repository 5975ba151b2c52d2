# SPDX-License-Identifier: GPL-2.0-only
"""The measurements of memory integrity: a kernel that is locked down, against none of it. Listed in ALL, as in measures.py."""

import json
import re
import sys

from common import BUILD, FLAVOR, ROOT, SIDES, Row, counts, module, say, tiny

sys.path.insert(0, str(ROOT / "tests" / "boot"))

from integritylib import modules  # noqa: E402

SHOW = "/sys/kernel/security/openvbs/integrity"
SECURITYFS = "grep -q ' /sys/kernel/security ' /proc/mounts || mount -t securityfs none /sys/kernel/security"
LOCK = "insmod /lib/openvbs.ko integrity=1"
AT_SHELL = {side: {"/etc/init-extra": f"#!/bin/sh\n{LOCK + chr(10) if side else ''}loops mark 1\n"} for side in SIDES}
BEFORE, AFTER = 2, 3  # marks of loops
FLIPS = 1000
FLIP = ("cd /proc/sys/kernel; i=0; while [ $i -lt %d ]; do echo 1 >sched_schedstats; echo 0 >sched_schedstats; i=$((i+1)); done"
        % (FLIPS // 2))
MODULE = "btrfs"


def ready(m):
    """It is locked down, or this is nobody's figure."""
    m.sh(SECURITYFS)
    found = dict(re.findall(r"^(\w+): (.*)$", m.sh(f"cat {SHOW}"), re.M))
    if found["State"] != "locked down":
        raise m.error(f"not locked down: {found}")
    return found


def between(m, marks, command, seconds=300):
    """Instructions of a shell command, with two starts of a small program in it."""
    m.sh(f"loops mark {BEFORE} && {command} && loops mark {AFTER}", seconds)
    return marks.between(BEFORE, AFTER)


def load(m, marks):
    """The first time, when VTL1 may have to get memory first, and the best of two later ones."""
    m.sh("modprobe crc32c_generic")
    first = between(m, marks, f"modprobe {MODULE}")
    again = []
    for _ in range(2):
        m.sh(f"rmmod {MODULE}")
        again.append(between(m, marks, f"modprobe {MODULE}"))
    return first, min(again)


def instructions(_want):
    """A boot, a module with what it needs, jump labels: in the same two machines."""
    boot, first, again, flips = {}, {}, {}, {}
    files = {"/lib/openvbs.ko": module("openvbs"), **modules("crc32c_generic", MODULE)}
    for side in SIDES:
        marks = counts(f"integrity-{side or 'base'}")
        with tiny("integrity", side, cpus=1, icount=True, time_limit=600, files={**files, **AT_SHELL[side]},
                  qemu_args=marks.qemu_args) as m:
            boot[side] = marks.first(1)
            if side:
                ready(m)
            flips[side] = between(m, marks, FLIP)
            first[side], again[side] = load(m, marks)
            say(f"{side or 'baseline'}: boot {boot[side] / 1e9:.3f}e9, {FLIPS} flips {flips[side] / 1e6:.1f}e6, "
                f"{MODULE} {first[side] / 1e6:.1f}e6, again {again[side] / 1e6:.1f}e6")
    yield Row("integrity.boot.instructions", "tiny, 1 CPU, icount", boot[FLAVOR], "instructions", boot[None], 1.05)
    yield Row("integrity.modload.instructions", f"{MODULE} and what it needs, first time", first[FLAVOR], "instructions", first[None])
    yield Row("integrity.modload.instructions", f"{MODULE} alone, again", again[FLAVOR], "instructions", again[None])
    yield Row("integrity.staticflip.instructions", f"{FLIPS} flips of schedstats' jump labels", flips[FLAVOR], "instructions",
              flips[None])


def system(m):
    """What ovbs-ps says of the secure kernel."""
    rows = json.loads(m.sh("ovbs-ps --json"))["trustlets"]
    return next(row for row in rows if row["name"] == "Secure System")


def memory(_want):
    """What Linux gives to VTL1 for a module's file and the comparison."""
    files = {"/lib/openvbs.ko": module("openvbs"), "/bin/ovbs-ps": BUILD / "clients" / "ovbs-ps.static", **modules("crc32c_generic", MODULE)}
    with tiny("integrity-memory", FLAVOR, cpus=1, files=files) as m:
        m.sh(f"chmod +x /bin/ovbs-ps; {LOCK}")
        ready(m)
        before = system(m)["limit"]
        m.sh(f"modprobe crc32c_generic && modprobe {MODULE}", 120)
        yield Row("integrity.memory.given.bytes", f"for {MODULE}", system(m)["limit"] - before, "bytes")


ALL = [
    (("integrity.boot.instructions", "integrity.modload.instructions", "integrity.staticflip.instructions"), instructions),
    (("integrity.memory.given.bytes",), memory),
]
