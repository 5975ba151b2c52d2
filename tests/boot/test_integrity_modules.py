# SPDX-License-Identifier: GPL-2.0-only
"""Debian's modules as its own kernel loads them are what the code-integrity library expects, to the byte."""

import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).resolve().parents[1] / "integrity/modules.py"


@pytest.mark.long
@pytest.mark.parametrize("options", [(), ("--cpus", "1", "--cmdline", "mitigations=off")], ids=["default", "unmitigated"])
def test_debian_modules_are_accepted(options):
    """Promise: every module that loads is accepted, and no single changed bit of its frozen pages is."""
    done = subprocess.run([sys.executable, PROGRAM, "--count", "4", "--flips", "20", *options], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    assert " modules accepted" in done.stdout
