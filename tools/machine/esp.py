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
    return PurePosixPath(str(path).replace("\\", "/").lstrip("/"))


def content(source):
    """Bytes of a file's content given as bytes, text or Path."""
    if isinstance(source, bytes):
        return source
    if isinstance(source, str):
        return source.encode()
    if not Path(source).exists():
        raise MachineError(f"{source} does not exist: build it first (`make`)")
    return Path(source).read_bytes()


def make(image, files, min_mib=64, serial=None):
    """Make a FAT image from {path inside: content or Path}; `serial` such as "1234-ABCD"."""
    data = {_inside(path): content(source) for path, source in files.items()}
    mib = max(min_mib, sum(len(d) for d in data.values()) * 11 // 10 // 2**20 + 8)
    image.unlink(missing_ok=True)
    serial = ["-i", serial.replace("-", "")] if serial else []
    run(["mkfs.fat", "-C", "-n", "ESP", *serial, image, mib * 1024])
    _put(image, data, set())


def add(image, files):
    """Put files, as for make(), into a FAT image that has some already."""
    _put(image, {_inside(path): content(source) for path, source in files.items()}, _folders(image))


def _put(image, data, present):
    folders = {parent for path in data for parent in path.parents}
    folders = sorted((str(f) for f in folders if str(f) != "."), key=lambda f: f.count("/"))
    for folder in folders:
        if folder.lower() not in present:
            run(["mmd", "-i", image, f"::/{folder}"], env=MTOOLS)
    with tempfile.TemporaryDirectory() as tmp:
        for path, body in data.items():
            file = Path(tmp) / "file"
            file.write_bytes(body)
            run(["mcopy", "-o", "-i", image, file, f"::/{path}"], env=MTOOLS)


def _folders(image):
    """Folders of an image, in lower case as FAT compares them."""
    listing = run(["mdir", "-b", "-/", "-i", image, "::/"], env=MTOOLS).decode().lower().splitlines()
    return {line.removeprefix("::/").rstrip("/") for line in listing if line.endswith("/")}


def read(image, path):
    """Bytes of a file in a FAT image."""
    return run(["mtype", "-i", image, f"::/{_inside(path)}"], env=MTOOLS)
