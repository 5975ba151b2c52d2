# SPDX-License-Identifier: GPL-2.0-only
"""The attacks that gate every change: one of each kind, on both APIC modes.

`make attack` runs all of them, on more CPUs; the control shows that the
judgement fails on a machine without openvbs.
"""

import subprocess
import sys
from pathlib import Path

import pytest

RUN = Path(__file__).with_name("run.py")
ATTACKS = ["insns", "svme", "msrs", "cpuid_hidden", "block", "fetch", "reads", "writes", "tables", "descriptors",
           "nmi", "init", "s3_moved_pm_block"]


def run(*arguments):
    only = [word for attack in ATTACKS for word in ("--only", attack)]
    done = subprocess.run([sys.executable, str(RUN), *arguments, *only], capture_output=True, text=True, timeout=300,
                          check=False)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-3000:]


@pytest.mark.parametrize("platform", ["xapic-2", "x2apic-2"])
def test_ring_0_of_vtl0_does_not_reach_the_hypervisor(platform, tmp_path):
    run("--platform", platform, "--json", str(tmp_path / "attack.json"))


def test_the_same_attacks_succeed_without_openvbs(tmp_path):
    run("--without", "--platform", "xapic-2", "--json", str(tmp_path / "without.json"))
