# SPDX-License-Identifier: GPL-2.0-only
"""Serial lines: a transcript that can be waited on, and a command channel.

A thread drains each line all the time, so a guest never waits for us and the
time stamps in the transcript are true. Commands go over the second serial
line, to an agent that both images start there: kernel messages on the first
line can neither garble a command's output nor be lost by it.
"""

import base64
import collections
import re
import threading
import time
import uuid

from .common import MachineError

ESCAPES = re.compile(r"\x1b(?:\[[0-9;?=]*[A-Za-z]|[()][A-Za-z0-9]|[=>78cM])|\r|\x00")
PARTIAL = re.compile(r"\x1b(?:\[[0-9;?=]*|[()])?$")
READY = "OPENVBS-AGENT-READY"

# The agent, a shell script for dash or busybox. It reads "RUN id base64" and runs that in a new shell.
AGENT = r"""#!/bin/sh
exec <>/dev/ttyS1 >&0 2>&0
stty raw -echo
echo; echo OPENVBS-AGENT-READY
while read -r tag id code; do
	[ "$tag" = RUN ] || continue
	echo "$code" | base64 -d >/run/agent.$$
	printf '<%s>\n' "$id"
	sh /run/agent.$$ </dev/null 2>&1
	printf '</%s %s>\n' "$id" $?
done
"""

Result = collections.namedtuple("Result", "rc output")


class Serial:
    """One serial line. `on_end` tells why the line is dead, once it is."""

    def __init__(self, sock, logfile, started):
        self.sock = sock
        self.log = logfile
        self.started = started
        self.text = ""
        self.position = 0  # everything before it has been waited for
        self.ended = False
        self._partial = ""
        self._line_begins = True
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._drain, daemon=True)
        self._thread.start()

    def _drain(self):
        while True:
            try:
                got = self.sock.recv(65536)
            except OSError:
                got = b""
            with self._changed:
                if got:
                    self._take(got.decode("utf-8", errors="replace"))
                else:
                    self.ended = True
                self._changed.notify_all()
            if not got:
                return

    def _take(self, got):
        got = self._partial + got
        cut = PARTIAL.search(got)
        self._partial = cut[0] if cut else ""
        got = ESCAPES.sub("", got[:len(got) - len(self._partial)])
        self.text += got
        stamp = f"[{time.monotonic() - self.started:8.3f}] "
        for line in got.splitlines(keepends=True):
            self.log.write((stamp if self._line_begins else "") + line)
            self._line_begins = line.endswith("\n")
        self.log.flush()

    def wait_for(self, pattern, seconds):
        """Match of `pattern` in what came after the last match; None if time or the line ended."""
        regex = re.compile(pattern, re.M)
        end = time.monotonic() + seconds
        with self._changed:
            while True:
                found = regex.search(self.text, self.position)
                if found:
                    self.position = found.end()
                    return found
                left = end - time.monotonic()
                if self.ended or left <= 0:
                    return None
                self._changed.wait(left)

    def send(self, text):
        try:
            self.sock.sendall(text.encode())
        except OSError as e:
            raise MachineError(f"the serial line is dead ({e}): the emulator has ended") from None

    def tail(self, lines=40):
        with self._changed:
            return "\n".join(self.text.splitlines()[-lines:])

    def close(self):
        self._thread.join(5)
        self.sock.close()


def request(command):
    """(text to send, function that finds the answer's pattern) for the agent."""
    token = uuid.uuid4().hex[:12]
    code = base64.b64encode(command.encode()).decode()
    return f"RUN {token} {code}\n", rf"<{token}>\n((?:.|\n)*?)</{token} (\d+)>\n"
