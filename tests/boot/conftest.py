# SPDX-License-Identifier: GPL-2.0-only
"""Fixtures of the boot tests.

`machine(**options)` powers on a Machine (tools/machine/machine.py) named after
the test and powers it off when the test ends. Transcript: build/logs/<test>.log.
Tests that take minutes carry the marker `long`: `make check` leaves them out,
`make check-long` runs them.
"""

import contextlib
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

from machine import Machine  # noqa: E402


@pytest.fixture
def machine(request):
    """Function that powers on a machine for this test; options as for Machine."""
    name = re.sub(r"[^A-Za-z0-9_.-]+", "-", request.node.name).strip("-")
    with contextlib.ExitStack() as stack:
        count = 0

        def start(**options):
            nonlocal count
            count += 1
            return stack.enter_context(Machine(name if count == 1 else f"{name}.{count}", **options))

        yield start
