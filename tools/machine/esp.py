# SPDX-License-Identifier: GPL-2.0-only
"""FAT images made and read with mtools: nothing is mounted, no root is needed.

Paths inside an image may be written with / or \\ and are relative to its root.
"""

import os
import tempfile
from pathlib import Path, PurePosixPath

from .common import MachineError, run

MTOOLS = {**os.environ, "MTOOLS_SKIP_CHECK": "1"}


def _inside(path):
    return PurePosixPath(path.replace("\\", "/").lstrip("/"))


def content(source):
    """Bytes of a file's content given as bytes, text or Path."""
    if isinstance(source, bytes):
        return source
    if isinstance(source, str):
        return source.encode()
    if not Path(source).exists():
        raise MachineError(f"{source} does not exist: build it first (`make`)")
    return Path(source).read_bytes()


def make(image, files, min_mib=64, offset=0):
    """Make a FAT image from {path inside: content or Path}."""
    data = {_inside(path): content(source) for path, source in files.items()}
    mib = max(min_mib, sum(len(d) for d in data.values()) * 11 // 10 // 2**20 + 8)
    image.unlink(missing_ok=True)
    run(["mkfs.fat", "-C", "-n", "ESP", image, mib * 1024])
    add(image, data, offset)


def add(image, data, offset=0):
    """Put {path: bytes} into a FAT image that begins `offset` bytes into the file."""
    drive = f"{image}@@{offset}"
    folders = {parent for path in data for parent in _inside(str(path)).parents}
    folders = sorted((str(f) for f in folders if str(f) != "."), key=lambda f: f.count("/"))
    for folder in folders:
        run(["mmd", "-D", "s", "-i", drive, f"::/{folder}"], env=MTOOLS, stdin=b"s\n")
    with tempfile.TemporaryDirectory() as tmp:
        for path, body in data.items():
            file = Path(tmp) / "file"
            file.write_bytes(body)
            run(["mcopy", "-o", "-i", drive, file, f"::/{_inside(str(path))}"], env=MTOOLS)


def read(image, path, offset=0):
    """Bytes of a file in a FAT image."""
    return run(["mtype", "-i", f"{image}@@{offset}", f"::/{_inside(path)}"], env=MTOOLS)
