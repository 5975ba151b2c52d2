# SPDX-License-Identifier: GPL-2.0-only
"""Write cpio archives of the kind the kernel unpacks (newc), with device nodes and without root.

The format: Documentation/driver-api/early-userspace/buffer-format.rst of the kernel.
"""

import stat


class Cpio:
    """An archive under construction; finish() gives its bytes. Parent folders are added by themselves."""

    def __init__(self):
        self.data = bytearray()
        self.seen = set()

    def _entry(self, name, mode, body=b"", rdev=(0, 0)):
        encoded = name.encode() + b"\0"
        fields = (len(self.seen) + 1, mode, 0, 0, 1, 0, len(body), 0, 0, *rdev, len(encoded), 0)
        self.data += b"070701" + b"".join(b"%08X" % f for f in fields) + encoded
        self._pad()
        self.data += body
        self._pad()
        self.seen.add(name)

    def _pad(self):
        self.data += bytes(-len(self.data) % 4)

    def folder(self, name, mode=0o755):
        name = name.strip("/")
        if name and name not in self.seen:
            self._parents(name)
            self._entry(name, stat.S_IFDIR | mode)

    def _parents(self, name):
        if "/" in name:
            self.folder(name.rsplit("/", 1)[0])

    def file(self, name, body, mode=0o644):
        self._parents(name.strip("/"))
        self._entry(name.strip("/"), stat.S_IFREG | mode, bytes(body))

    def link(self, name, target):
        self._parents(name.strip("/"))
        self._entry(name.strip("/"), stat.S_IFLNK | 0o777, target.encode())

    def device(self, name, major, minor):
        self._parents(name.strip("/"))
        self._entry(name.strip("/"), stat.S_IFCHR | 0o600, rdev=(major, minor))

    def finish(self):
        self._entry("TRAILER!!!", 0)
        return bytes(self.data)
