# SPDX-License-Identifier: GPL-2.0-only
"""The kernel's own selftests on the tiny image: their files, the programs that busybox has not, how they are run."""

import re
import shutil
from pathlib import Path

from guestlib import program_files
from machine import tiny
from machine.common import BUILD

SOURCE = BUILD / "linux" / "source" / "tools" / "testing" / "selftests"
HOME = "/root/selftests"
TRACING = "/sys/kernel/tracing"
PROGRAMS = ("bash", "comm", "mktemp", "stat", "diff")
KMOD = ("modprobe", "modinfo", "rmmod")
KLP = "/root/klp"
BIN = "/root/bin"
REAL = "/root/kmod"  # as they are; in BIN they know where the modules are


def tree(name):
    """One of the selftests' folders, as `files` of a Machine."""
    found = [p for p in (SOURCE / name).rglob("*") if p.is_file()]
    assert found, f"{SOURCE / name} is not there: `make selftest-modules`"
    return {f"{HOME}/{p.relative_to(SOURCE)}": p for p in found}


def ftrace_tests(*folders):
    """Names of ftracetest's test cases in these folders of test.d."""
    return sorted(str(p.relative_to(SOURCE / "ftrace")) for f in folders for p in (SOURCE / "ftrace/test.d" / f).glob("*.tc"))


def livepatch_files():
    """The livepatch tests, their modules, and what their scripts call: bash, coreutils, kmod."""
    files = tree("livepatch")
    for name in (*PROGRAMS, *KMOD):
        path = Path(shutil.which(name, path="/usr/bin:/bin:/usr/sbin:/sbin"))
        libraries = program_files(path)
        files[f"{REAL if name in KMOD else BIN}/{name}"] = libraries.pop(f"/root/{name}")
        files.update(libraries)
    files.update({f"/bin/{name}": files[f"{BIN}/{name}"] for name in ("bash", "stat")})
    files[f"{BIN}/modprobe"] = f"#!/bin/sh\nexec {REAL}/modprobe -d {KLP} \"$@\"\n"
    files[f"{BIN}/modinfo"] = f"#!/bin/sh\nexec {REAL}/modinfo -b {KLP} \"$@\"\n"
    files[f"{BIN}/rmmod"] = f"#!/bin/sh\nexec {REAL}/rmmod \"$@\"\n"
    # busybox has no long option
    files[f"{BIN}/sysctl"] = "#!/bin/sh\n[ \"$1\" = --values ] && shift && set -- -n \"$@\"\nexec busybox sysctl \"$@\"\n"
    base = BUILD / "linux" / tiny.kernel_package()[0] / "livepatch" / "tree"
    found = [p for p in base.rglob("*") if p.is_file()]
    assert found, f"{base} is empty: `make selftest-modules`"
    files.update({f"{KLP}/{p.relative_to(base)}": p for p in found})
    return files


def prepare(m):
    """What the scripts take for granted."""
    m.sh(f"mkdir -p {TRACING} && mount -t tracefs none {TRACING}; mount -t tmpfs tmpfs /tmp; ln -sf /proc/self/fd /dev/fd; "
         "ip link set lo up")
    # Under Secure Boot Linux lets nobody write to debugfs; this is the same file.
    m.sh("mount --bind /proc/dynamic_debug /sys/kernel/debug/dynamic_debug")


def oops(m):
    """Lines of the kernel's log that say that something is wrong in it."""
    return m.sh("dmesg | grep -E 'WARNING:|BUG: |Oops|general protection' | grep -v 'soft lockup'; true").strip()


WORST = ("FAIL", "UNRESOLVED", "UNTESTED", "UNSUPPORTED", "XFAIL", "PASS")


def ftracetest(m, name, seconds):
    """One test case of ftracetest: (result, end of its log). Some run a second time in an instance: the worse counts."""
    said = m.run(f"cd {HOME}/ftrace && rm -rf logs && timeout {seconds} sh ./ftracetest -k {name}; tail -n 12 logs/*/*.tc*", seconds + 30).output
    found = re.findall(rf"\[({'|'.join(WORST)})\]", said)
    return (min(found, key=WORST.index) if found else "hang"), said[-1500:]


def livepatch(m, name, seconds=150):
    """One script of the livepatch tests: ("ok" if all that it tries is, what it says)."""
    r = m.run(f"cd {HOME}/livepatch && PATH={BIN}:$PATH timeout {seconds} bash ./{name} 2>&1", seconds + 30)
    bad = re.findall(r"not ok|ERROR|SKIP", r.output)
    return ("SKIP" if r.rc == 4 else "FAIL" if r.rc or bad or "ok" not in r.output else "PASS"), r.output[-3000:]
