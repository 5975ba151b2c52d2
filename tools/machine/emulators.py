# SPDX-License-Identifier: GPL-2.0-only
"""The emulators: QEMU 10 with its firmware, and the older QEMU 7.2 of Debian 12.

QEMU 10 is the distribution's own where that is new enough. On Debian 12 it is
Debian 13's, extracted below build/emu/qemu and run in place with its own
dynamic loader and libraries: nothing is installed, no root is needed.
Invariant: an Emulator's argv and environment are all that is needed to run it.
"""

import dataclasses
import functools
import os
import re
from pathlib import Path

from .common import BUILD, PYTHON, MachineError, cached, debian_sources, digest, run

EXTRACTED = BUILD / "emu" / "qemu"
RELEASE = "trixie"
PACKAGES = "qemu-system-x86,ovmf,python3-virt-firmware"
PURE_PYTHON = ("virt", "importlib_resources", "pefile.py", "ordlookup")


@dataclasses.dataclass(frozen=True)
class Emulator:
    """A QEMU that can be run: `name` as tests select it, and where its firmware lies."""

    name: str
    version: str
    argv: tuple
    env: dict
    firmware: Path

    @property
    def major(self):
        return int(self.version.split(".")[0])


def system_version():
    """Version of the distribution's QEMU, such as "7.2.22"."""
    out = run(["qemu-system-x86_64", "--version"]).decode()
    return re.search(r"version (\d+\.\d+(?:\.\d+)?)", out)[1]


def _extract(tmp):
    sources = debian_sources(RELEASE)
    run(["mmdebstrap", "--quiet", "--variant=extract", f"--include={PACKAGES}",
         "--aptopt=Acquire::Check-Valid-Until \"false\"", RELEASE, tmp / "root", *sources])
    (tmp / "pylib").mkdir()
    for name in PURE_PYTHON:
        (tmp / "pylib" / name).symlink_to(f"../root/usr/lib/python3/dist-packages/{name}")


def extracted():
    """Directory with the newer release's emulator, made when it is not there yet."""
    recipe = digest(RELEASE, PACKAGES, PURE_PYTHON, *debian_sources(RELEASE))
    return cached(EXTRACTED, recipe, _extract, f"QEMU and firmware of Debian {RELEASE}, about 10 s")


def _extracted_emulator():
    root = extracted() / "root"
    lib = root / "usr/lib/x86_64-linux-gnu"
    argv = (root / "usr/lib64/ld-linux-x86-64.so.2", "--library-path", lib,
            root / "usr/bin/qemu-system-x86_64", "-L", root / "usr/share/qemu",
            "-L", root / "usr/share/seabios", "-L", root / "usr/lib/ipxe/qemu")
    argv = tuple(str(a) for a in argv)
    env = {"QEMU_MODULE_DIR": str(lib / "qemu")}
    out = run([*argv, "--version"], env={**os.environ, **env}).decode()
    version = re.search(r"version (\d+\.\d+(?:\.\d+)?)", out)[1]
    return Emulator("10", version, argv, env, root / "usr/share/OVMF")


@functools.lru_cache(maxsize=None)
def get(name="10"):
    """The emulator that tests call `name`: "10" (QEMU 10 or newer) or "7.2"."""
    system = system_version()
    own = Emulator(name, system, ("qemu-system-x86_64",), {}, Path("/usr/share/OVMF"))
    if name == "10":
        return own if own.major >= 10 else _extracted_emulator()
    if name == "7.2":
        if not system.startswith("7.2"):
            raise MachineError(f"QEMU 7.2 was asked for, but this distribution has {system}: use Debian 12")
        return own
    raise MachineError(f"no emulator is called {name!r}: there are '10' and '7.2'")


def fw_vars(*args):
    """Run virt-fw-vars (a pure Python program; from the newer release where this one lacks it)."""
    env = dict(os.environ)
    if not Path("/usr/lib/python3/dist-packages/virt/firmware").exists():
        env["PYTHONPATH"] = str(extracted() / "pylib")
    code = "import sys; sys.argv[0] = 'virt-fw-vars'; from virt.firmware.vars import main; sys.exit(main())"
    return run([PYTHON, "-c", code, *args], env=env)
