# SPDX-License-Identifier: GPL-2.0-only
"""What all folders of tests share: the marker `long`, and Bochs or a reason why it is not there."""

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tools"))

from machine import MachineError, bochs_emulator  # noqa: E402


def pytest_configure(config):
    config.addinivalue_line("markers", "long: takes minutes; only in `make check-long`")


@pytest.fixture(scope="session")
def bochs():
    """The emulator; a test that needs it is skipped without it, or fails where OPENVBS_BOCHS_REQUIRED is set, as CI does."""
    try:
        return bochs_emulator.get()
    except MachineError as e:
        if os.environ.get("OPENVBS_BOCHS_REQUIRED"):
            raise
        pytest.skip(f"no Bochs: {e}")
