# SPDX-License-Identifier: GPL-2.0-only
"""What every emulated machine offers a test: its console, and commands in its guest.

Machine (QEMU) and BochsMachine derive from it. They provide `serial` and
`agent` (console.Serial), `image`, `options` with a time_limit, and error(text),
which makes a MachineError with all evidence there is.
"""

import base64

from . import esp
from .console import READY, Result, request


class Guest:
    """See the head of this file; the methods are described in machine.py."""

    _agent_ready = False

    def wait_for(self, pattern, seconds=None):
        """Wait for a match on the first serial line; MachineError if none comes in time."""
        seconds = self.options.time_limit + 30 if seconds is None else seconds
        found = self.serial.wait_for(pattern, seconds)
        if not found:
            raise self.error(f"no {pattern!r} on the console within {seconds} s")
        return found

    def wait_ready(self, seconds=None):
        """Wait until the image's user space is up (again, after a reset)."""
        self._agent_ready = False
        found = self.wait_for(self.image.ready, seconds)
        self._need_agent(seconds or 60)
        return found

    def _need_agent(self, seconds):
        if self._agent_ready:
            return
        if not self.agent.wait_for(READY, seconds):
            raise self.error(f"the command agent on the second serial line did not start in {seconds} s")
        self._agent_ready = True

    def send(self, text):
        self.serial.send(text)

    def run(self, command, seconds=60):
        """Run a shell command in the guest -> Result(rc, output)."""
        self._need_agent(seconds)
        text, pattern = request(command)
        self.agent.send(text)
        found = self.agent.wait_for(pattern, seconds)
        if not found:
            raise self.error(f"the guest did not finish {command!r} within {seconds} s; "
                             f"output so far:\n{self.agent.tail(10)}")
        return Result(int(found[2]), found[1])

    def sh(self, command, seconds=60):
        """Output of a command that must succeed."""
        rc, output = self.run(command, seconds)
        if rc:
            raise self.error(f"{command!r} failed in the guest with status {rc}:\n{output}")
        return output

    def put(self, path, source):
        """Write a small file in the guest."""
        self.sh(f"base64 -d >{path} <<'END'\n{base64.encodebytes(esp.content(source)).decode()}END")

    def log_text(self):
        """Everything on the first serial line so far."""
        return self.serial.text
