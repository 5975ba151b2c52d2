# SPDX-License-Identifier: GPL-2.0-only
"""Paths, errors and small helpers that all parts of the test machine share.

Everything that is made lies under BUILD (`build/`, or $OPENVBS_BUILD). What is
expensive is cached there under a recipe: a hash over everything that goes into
it. Invariant: a cached thing is made beside its place and renamed into it, so
that it is whole or absent, and one process at a time makes it.
"""

import contextlib
import fcntl
import hashlib
import os
import re
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("OPENVBS_BUILD") or ROOT / "build").resolve()
LOGS = BUILD / "logs"
PYTHON = "/usr/bin/python3"  # Debian's own, which has Debian's modules


os.environ["PATH"] += ":/usr/sbin:/sbin"  # mkfs.fat, sgdisk, depmod: not in every user's PATH


class MachineError(Exception):
    """Something did not work; the text says what, on which evidence, and what to do."""


def run(argv, *, env=None, cwd=None, stdin=None):
    """Run a program and return its output; raise MachineError with that output if it fails."""
    argv = [str(a) for a in argv]
    try:
        done = subprocess.run(argv, env=env, cwd=cwd, input=stdin, capture_output=True, check=False)
    except FileNotFoundError:
        raise MachineError(f"the program {argv[0]} is not installed: run `make setup`") from None
    if done.returncode:
        said = (done.stdout + done.stderr).decode(errors="replace").strip()[-3000:]
        raise MachineError(f"{' '.join(argv)}\nfailed with exit status {done.returncode}:\n{said}")
    return done.stdout


@contextlib.contextmanager
def lock(name):
    """Hold the named lock among all processes that use this build directory."""
    (BUILD / "locks").mkdir(parents=True, exist_ok=True)
    with open(BUILD / "locks" / name, "w", encoding="ascii") as f:
        fcntl.flock(f, fcntl.LOCK_EX)
        yield


def digest(*parts):
    """Hash over files (Path) and texts, for recipes."""
    h = hashlib.sha256()
    for part in parts:
        data = part.read_bytes() if isinstance(part, Path) else str(part).encode()
        h.update(len(data).to_bytes(8, "little") + data)
    return h.hexdigest()


def cached(target, recipe, make, why):
    """Return the directory `target`, made by make(tmpdir) unless it is there from the same recipe."""
    stamp = target / ".recipe"
    with lock(target.name):
        if stamp.exists() and stamp.read_text(encoding="ascii") == recipe:
            return target
        print(f"machine: making {os.path.relpath(target)}: {why}", flush=True)
        tmp = target.with_name(target.name + ".new")
        for old in (tmp, target):
            if old.exists():
                _remove(old)
        tmp.mkdir(parents=True)
        make(tmp)
        (tmp / ".recipe").write_text(recipe, encoding="ascii")
        tmp.rename(target)
    return target


def _remove(folder):
    try:
        shutil.rmtree(folder)
    except PermissionError as e:
        raise MachineError(f"{e}: left by an interrupted run in a user namespace; remove it by\n"
                           f"  unshare --user --map-root-user --map-auto rm -r {folder}") from None


def os_release():
    """The release of this host: dict of /etc/os-release."""
    text = Path("/etc/os-release").read_text(encoding="utf-8")
    return {k: v.strip('"') for k, v in re.findall(r"^(\w+)=(.*)$", text, re.M)}


def apt_sources():
    """(uri, suite, components) of every binary source that apt is configured with, in its order."""
    found = []
    etc = Path("/etc/apt")
    files = [etc / "sources.list", *sorted((etc / "sources.list.d").glob("*"))]
    for path in (p for p in files if p.is_file()):
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".sources":
            found += _deb822_sources(text)
        elif path.suffix == ".list":
            found += re.findall(r"^deb\s+(?:\[[^]]*\]\s+)?(\S+)\s+(\S+)\s+(.+?)\s*$", text, re.M)
    return found


def _deb822_sources(text):
    for block in re.split(r"\n\s*\n", text):
        block = re.sub(r"^#.*\n", "", block, flags=re.M)
        fields = {k.lower(): v.split() for k, v in re.findall(r"^([\w-]+):[ \t]*(.*)$", block, re.M)}
        if "deb" not in fields.get("types", []) or fields.get("enabled") == ["no"]:
            continue
        for uri in fields.get("uris", []):
            for suite in fields.get("suites", []):
                yield uri, suite, " ".join(fields.get("components", []))


def debian_sources(codename):
    """sources.list lines for a Debian release, from the mirrors this host is configured with."""
    here = os_release().get("VERSION_CODENAME", "")
    lines = []
    for uri, suite, components in apt_sources():
        if "main" in components.split() and suite in (here, f"{here}-updates", f"{here}-security"):
            line = f"deb {uri} {codename}{suite.removeprefix(here)} main"
            if line not in lines:
                lines.append(line)
    if not lines:
        raise MachineError(
            f"no Debian mirror found: no source of release '{here}' with component main in "
            "/etc/apt/sources.list or /etc/apt/sources.list.d; configure apt first")
    return lines
