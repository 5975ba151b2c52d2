# SPDX-License-Identifier: GPL-2.0-only
"""The test machine. Start reading at machine.py; the one with Intel VMX is bochs.py."""

from .bochs import BochsMachine
from .common import MachineError
from .machine import Machine

__all__ = ["BochsMachine", "Machine", "MachineError"]
