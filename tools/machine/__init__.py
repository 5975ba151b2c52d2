# SPDX-License-Identifier: GPL-2.0-only
"""The test machine. Start reading at machine.py."""

from .common import MachineError
from .machine import Machine

__all__ = ["Machine", "MachineError"]
