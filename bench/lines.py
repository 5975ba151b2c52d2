# SPDX-License-Identifier: GPL-2.0-only
"""Non-blank lines of the hypervisor and of VTL1: own sources, headers included, and the lib files linked in."""

import re

from common import ROOT

SUFFIXES = (".c", ".h", ".S", ".inc", ".lds")


def linked(name, variable):
    """The files of lib/ (trustlets/lib/) that a variable of a makefile names, and their headers."""
    makefile = ROOT / "mk" / name
    text = makefile.read_text(encoding="utf-8").replace("\\\n", " ")
    found = re.search(rf"^{variable}\s*:=(.*)$", text, re.M)
    if not found:
        raise ValueError(f"{makefile} has no {variable} any more: tell bench/lines.py what is linked there")
    files = [ROOT / source for source in re.findall(r"(?:\b\w+/)?\blib/\S+\.[cS]\b", found[1])]
    return files + [header for header in (source.with_suffix(".h") for source in files) if header.exists()]


ARCH = ROOT / "hypervisor" / "arch"
BACKENDS = ("svm", "vmx")


def sources(folder):
    return [p for p in sorted(folder.rglob("*")) if p.suffix in SUFFIXES]


def common():
    """All files that count for both backends; arch/fake is for tests."""
    others = [ARCH / name for name in (*BACKENDS, "fake")]
    found = [p for p in sources(ROOT / "hypervisor") if not any(o in p.parents for o in others)]
    return found + linked("hypervisor.mk", "HV_COMMON_SRC")


def non_blank(path):
    return sum(1 for line in path.read_text(encoding="utf-8").splitlines() if line.strip())


def counted(parts):
    """[(part, lines)] of [(part, files)]"""
    return [(part, sum(non_blank(path) for path in files)) for part, files in parts]


def count():
    """The hypervisor."""
    return counted([("common code", common()), *((f"{name} backend", sources(ARCH / name)) for name in BACKENDS)])


def vtl1():
    """The secure kernel; and what of a trustlet is not its own, but for the archives of Debian's."""
    backend = [ROOT / "trustlets" / "lib" / name for name in ("backend.h", "backend_vtl1.c")]
    return counted([("securekernel.elf", sources(ROOT / "securekernel") + linked("securekernel.mk", "SK_SRC")),
                    ("trustlets/lib as in VTL1", linked("trustlets.mk", "TL_LIB") + backend)])


INTEGRITY = "capture forms integrity modules patch pins protect ranges sites syscall_integrity text"


def integrity():
    """What is trusted for memory integrity: the secure kernel's part (in lines.securekernel, too), its trustlet, the pins."""
    secure = [p for p in sources(ROOT / "securekernel") if p.stem in INTEGRITY.split()]
    return counted([("secure kernel's part", secure), ("trustlets/integrity", sources(ROOT / "trustlets" / "integrity")),
                    ("hypervisor: pinned registers", [ROOT / "hypervisor" / "core" / name for name in ("pin.c", "pin.h")])])
