# SPDX-License-Identifier: GPL-2.0-only
"""A small QMP client (QEMU Machine Protocol) over a connected socket.

Invariant: replies and events are never mixed up; events are kept in order in
`events` until somebody takes them.
"""

import json
import time

from .common import MachineError


class QMP:
    """The monitor of one QEMU."""

    def __init__(self, sock):
        self.sock = sock
        self.buffer = b""
        self.events = []
        self._receive(20)  # the greeting
        self("qmp_capabilities")

    def _receive(self, seconds):
        """Next message; None when `seconds` pass without one."""
        end = time.monotonic() + seconds
        while b"\n" not in self.buffer:
            self.sock.settimeout(max(0.001, end - time.monotonic()))
            try:
                got = self.sock.recv(65536)
            except (TimeoutError, BlockingIOError):
                return None
            except OSError as e:
                raise MachineError(f"QMP: the connection broke ({e}): QEMU has ended") from None
            if not got:
                raise MachineError("QMP: QEMU closed the monitor: it has ended")
            self.buffer += got
        line, self.buffer = self.buffer.split(b"\n", 1)
        return json.loads(line)

    def __call__(self, command, seconds=20, **arguments):
        """Execute a command and return what it returns."""
        message = {"execute": command, "arguments": {k.replace("_", "-"): v for k, v in arguments.items()}}
        self.sock.sendall(json.dumps(message).encode() + b"\n")
        end = time.monotonic() + seconds
        while True:
            reply = self._receive(max(0, end - time.monotonic()))
            if reply is None:
                raise MachineError(f"QMP: no answer to {command} within {seconds} s: QEMU's main loop hangs")
            if "event" in reply:
                self.events.append(reply)
            elif "error" in reply:
                raise MachineError(f"QMP: {command} {arguments} was refused: {reply['error']['desc']}")
            else:
                return reply["return"]

    def event(self, name, seconds):
        """Wait for an event of this name, take it from the list and return it."""
        end = time.monotonic() + seconds
        while True:
            for i, event in enumerate(self.events):
                if event["event"] == name:
                    return self.events.pop(i)
            left = end - time.monotonic()
            got = self._receive(left) if left > 0 else None
            if got is None:
                seen = [e["event"] for e in self.events]
                raise MachineError(f"QMP: no event {name} within {seconds} s; seen: {seen}")
            self.events.append(got)
