# SPDX-License-Identifier: GPL-2.0-only
"""Non-blank lines of the hypervisor: its own sources, headers included, and the lib files linked in."""

import re

from common import ROOT

SUFFIXES = (".c", ".h", ".S", ".inc", ".lds")


def linked_lib(makefile):
    """The lib/ sources that mk/hypervisor.mk links."""
    text = makefile.read_text(encoding="utf-8").replace("\\\n", " ")
    found = re.search(r"^HV_COMMON_SRC\s*:=(.*)$", text, re.M)
    if not found:
        raise ValueError(f"{makefile} has no HV_COMMON_SRC any more: tell bench/lines.py what the hypervisor is linked from")
    return re.findall(r"\blib/\S+\.[cS]\b", found[1])


ARCH = ROOT / "hypervisor" / "arch"
BACKENDS = ("svm", "vmx")


def sources(folder):
    return [p for p in sorted(folder.rglob("*")) if p.suffix in SUFFIXES]


def common():
    """All files that count for both backends; arch/fake is for tests."""
    others = [ARCH / name for name in (*BACKENDS, "fake")]
    found = [p for p in sources(ROOT / "hypervisor") if not any(o in p.parents for o in others)]
    for source in linked_lib(ROOT / "mk" / "hypervisor.mk"):
        found.append(ROOT / source)
        header = (ROOT / source).with_suffix(".h")
        if header.exists():
            found.append(header)
    return found


def non_blank(path):
    return sum(1 for line in path.read_text(encoding="utf-8").splitlines() if line.strip())


def count():
    """[(part, lines)]"""
    parts = [("common code", common()), *((f"{name} backend", sources(ARCH / name)) for name in BACKENDS)]
    return [(part, sum(non_blank(path) for path in files)) for part, files in parts]
