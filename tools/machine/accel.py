# SPDX-License-Identifier: GPL-2.0-only
"""The one place that decides what runs the guest's instructions: KVM or TCG.

KVM only helps where it offers nested SVM, because openvbs is itself a
hypervisor; everywhere else QEMU's own emulator (TCG) has SVM on any host.
$OPENVBS_ACCEL=tcg|kvm overrides; kvm where it can't work is an error.
"""

import os
from pathlib import Path

from .common import MachineError


def _kvm_obstacle():
    """Why host KVM can't be used; None if it can."""
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return "/dev/kvm is absent or not accessible"
    flags = Path("/proc/cpuinfo").read_text(encoding="ascii").split()
    if "svm" not in flags:
        return "the host's CPU shows no svm in /proc/cpuinfo"
    nested = Path("/sys/module/kvm_amd/parameters/nested")
    if not nested.exists() or nested.read_text(encoding="ascii").strip() not in ("1", "Y"):
        return f"{nested} is not 1"
    return None


def choose(icount=False):
    """"kvm" or "tcg" for this host; instruction counting exists in TCG only."""
    wish = os.environ.get("OPENVBS_ACCEL", "auto")
    if wish not in ("auto", "tcg", "kvm"):
        raise MachineError(f"OPENVBS_ACCEL={wish}: must be auto, tcg or kvm")
    if wish == "tcg" or (icount and wish == "auto"):
        return "tcg"
    obstacle = "icount needs tcg" if icount else _kvm_obstacle()
    if wish == "kvm" and obstacle:
        raise MachineError(f"OPENVBS_ACCEL=kvm, but {obstacle}")
    return "tcg" if obstacle else "kvm"
