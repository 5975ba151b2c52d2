# SPDX-License-Identifier: GPL-2.0-only
"""What tests of a locked-down kernel share: the machine, what it says, and Debian's modules for it."""

import contextlib
import re
import subprocess

from guestlib import SECURITYFS, load_module, log, start
from machine import keys, tiny
from machine.common import BUILD

TRACE = "/run/trace"
MAGIC = b"~Module signature appended~\n"


def state(m):
    """The file `integrity` as {name: value}."""
    return dict(re.findall(r"^(\w+): (.*)$", m.sh(f"cat {SECURITYFS}/integrity"), re.M))


@contextlib.contextmanager
def locked_down(name, before="", **options):
    """A machine whose kernel is locked down, and has tracefs at TRACE. `before`: a command for it before lockdown."""
    with start(f"integrity-{name}", **{"openvbs": "debug", "time_limit": 200, **options}) as m:
        m.wait_ready()
        if before:
            m.sh(before)
        load_module(m, "integrity=1")
        assert state(m)["State"] == "locked down", m.sh("dmesg | grep openvbs:") + log(m)
        m.sh(f"mkdir {TRACE} && mount -t tracefs none {TRACE}")
        yield m


def is_well(m, refused=False):
    """Nothing was refused by VTL1 (or: it may have been), and nothing went wrong in the kernel."""
    assert refused or "refused" not in log(m), log(m)
    said = m.sh("dmesg")
    assert not re.search(r"general protection|Oops|WARNING:|BUG:(?! soft lockup)", said), said[-4000:]


def trace(m, function, tracer="function", command="head -1 /proc/uptime"):
    """What @tracer says of a command while it is on for @function."""
    m.sh(f"cd {TRACE}; echo '{function}' >set_ftrace_filter; echo {tracer} >current_tracer; {command}; echo 0 >tracing_on")
    return m.sh(f"cd {TRACE}; head -100 trace; echo nop >current_tracer; echo >set_ftrace_filter; echo 1 >tracing_on")


def modules(*names):
    """Modules of Debian's kernel and what they need, as `files` of a Machine: modprobe finds them, and those of the image."""
    files, depends = tiny.module_files(tiny.module_tree(), [*tiny.MODULES, *names])
    old = tiny.module_files(tiny.module_tree(), tiny.MODULES)[0]
    base = f"lib/modules/{tiny.kernel_package()[0]}"
    plain = {p: p.removesuffix(".xz") for p in depends}
    dep = "".join(f"{plain[p]}: {' '.join(plain[d] for d in depends[p].split())}\n" for p in files)
    return {f"/{base}/modules.dep": dep, **{f"/{base}/{plain[p]}": tiny.module(p) for p in files if p not in old}}


def module_file(name):
    """Bytes of one of Debian's modules, with its signature."""
    return tiny.module(tiny.module_files(tiny.module_tree(), [name])[0][0])


def unsigned(body):
    """A module's bytes without their signature."""
    assert body.endswith(MAGIC), "no signature"
    trailer = len(MAGIC) + 12
    return body[:-trailer - int.from_bytes(body[-len(MAGIC) - 4:-len(MAGIC)], "big")]


def signed_by_stranger(body):
    """The same module, signed by a key that no machine knows."""
    folder = BUILD / "integrity"
    folder.mkdir(exist_ok=True)
    key, plain, out = folder / "stranger.key", folder / "stranger.in", folder / "stranger.ko"
    if not key.exists():
        subprocess.run(["openssl", "req", "-new", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "3650", "-subj", "/CN=stranger",
                        "-keyout", key, "-out", key.with_suffix(".crt")], check=True, capture_output=True)
    plain.write_bytes(unsigned(body))
    keys.sign_module(plain, out, key, key.with_suffix(".crt"))
    return out.read_bytes()


def tamper():
    """openvbs_tamper.ko for the tiny image's kernel, as `files` of a Machine."""
    return {"/root/openvbs_tamper.ko": BUILD / "linux" / tiny.kernel_package()[0] / "openvbs_tamper.ko"}


def loaded(m):
    """Names in /proc/modules."""
    return m.sh("cut -d' ' -f1 /proc/modules").split()


def listed(m):
    """The file `modules` as {name: row of its columns}."""
    rows = [line.split(None, 6) for line in m.sh(f"cat {SECURITYFS}/modules").splitlines()[1:] if line]
    return {row[1]: row for row in rows}
