# SPDX-License-Identifier: GPL-2.0-only
"""The Bochs emulator and its firmware: the platform with Intel VMX.

Bochs 3.1 is the first version that gives UEFI firmware its tables (fw_cfg), so
nothing older is used. Where the distribution's own is older or absent, that of
Debian unstable is extracted below build/emu/bochs and run in place with its own
dynamic loader and libraries: nothing is installed, no root is needed.
Debian's build divides wrong and sleeps too much; bochs_repair.c, preloaded, repairs both.
Invariant: a Bochs' argv and environment are all that is needed to run it.
"""

import dataclasses
import functools
import os
import re
import shutil
import subprocess
from pathlib import Path

from .common import BUILD, MachineError, cached, debian_sources, digest, run

EXTRACTED = BUILD / "emu" / "bochs"
RELEASE = "sid"
PACKAGES = "bochs,bochs-term,bochsbios,vgabios,ovmf"
NEEDED = (3, 1)
PROGRAM = "usr/bin/bochs-bin"  # /usr/bin/bochs is a wrapper script that looks for a display


REPAIR = Path(__file__).with_name("bochs_repair.c")
CFLAGS = ("-O2", "-Wall", "-Wextra", "-Werror", "-fPIC", "-shared")


@dataclasses.dataclass(frozen=True)
class Bochs:
    """A Bochs that can be run, its BIOS images (`share`) and its UEFI firmware."""

    version: str
    argv: tuple
    env: dict
    share: Path
    firmware: Path


def _repair():
    """The library that repairs Bochs. Not by $LD_PRELOAD, which would reach `timeout` and the like too."""
    target = cached(BUILD / "emu" / "bochs-repair", digest(REPAIR, CFLAGS), lambda tmp: run(
        ["gcc", *CFLAGS, "-o", tmp / "bochs_repair.so", REPAIR]), "the repair of Bochs")
    return target / "bochs_repair.so"


def _at(root, program, *loader):
    """The Bochs below a root directory, its version read from the program itself; `loader`: the loader's options."""
    argv = (str(root / "usr/lib64/ld-linux-x86-64.so.2"), *loader, "--preload", str(_repair()), str(program))
    plugins = root / "usr/lib/x86_64-linux-gnu/bochs/plugins"
    share = root / "usr/share/bochs"
    env = {"LTDL_LIBRARY_PATH": str(plugins), "BXSHARE": str(share), "TERM": "xterm"}
    # It prints its version and goes on to exit with 1, so the status says nothing.
    said = subprocess.run([*argv, "--help"], env={**os.environ, **env}, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=20, check=False).stdout.decode()
    found = re.search(r"Bochs x86 Emulator (\d+(?:\.\d+)+)", said)
    if not found:
        raise MachineError(f"{argv[-1]} --help names no version; it printed:\n{said.strip()[:1000]}")
    return Bochs(found[1], argv, env, share, root / "usr/share/OVMF")


def _new_enough(bochs):
    return tuple(int(n) for n in bochs.version.split(".")[:2]) >= NEEDED


def _sources():
    """Unstable has neither an -updates nor a -security suite."""
    return [line for line in debian_sources(RELEASE) if line.split()[2] == RELEASE]


def _extract(tmp):
    # The suite's own dates are not checked, as a lagging mirror has old ones; signatures are.
    try:
        run(["mmdebstrap", "--quiet", "--variant=extract", f"--include={PACKAGES}",
             "--aptopt=Acquire::Check-Valid-Until \"false\"", RELEASE, tmp / "root", *_sources()])
    except MachineError as e:
        raise MachineError(f"Bochs {'.'.join(map(str, NEEDED))} can't be had from Debian {RELEASE}; does the mirror "
                           f"of this host's apt sources carry that release?\n{e}") from None


def extracted():
    """Directory with the newer release's Bochs, made when it is not there yet."""
    recipe = digest(RELEASE, PACKAGES, *_sources())
    return cached(EXTRACTED, recipe, _extract, f"Bochs and firmware of Debian {RELEASE}, about 10 s")


def _distribution():
    """The distribution's own Bochs, None unless all of it is installed and new enough."""
    program = shutil.which("bochs-bin")
    root = Path("/")
    parts = ("usr/share/bochs/VGABIOS-lgpl-latest", "usr/share/OVMF/OVMF_CODE_4M.fd",
             "usr/lib/x86_64-linux-gnu/bochs/plugins/libbx_term_gui.so")
    if not program or not all((root / part).exists() for part in parts):
        return None
    bochs = _at(root, program)
    return bochs if _new_enough(bochs) else None


@functools.lru_cache(maxsize=None)
def get():
    """The Bochs to use; MachineError tells why there is none."""
    bochs = _distribution()
    if bochs:
        return bochs
    root = extracted() / "root"
    bochs = _at(root, root / PROGRAM, "--library-path", str(root / "usr/lib/x86_64-linux-gnu"))
    if not _new_enough(bochs):
        raise MachineError(f"Bochs {bochs.version} of Debian {RELEASE} is too old: {'.'.join(map(str, NEEDED))} is the "
                           f"first with fw_cfg; use a mirror that is up to date and remove {EXTRACTED}")
    return bochs
