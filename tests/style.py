#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""
What clang-format cannot see: a licence line in each source, files that are
not too long, and no traces of the machine that something was written on.

Looks at all files that git knows or would add, except third_party/.
"""
import re
import subprocess
import sys

MAX_LINES = 800
SOURCES = (".c", ".h", ".S", ".inc", ".py", ".sh", ".mk", ".lds", ".ld", ".js", ".css", ".html")
SOURCE_NAMES = ("Makefile", "Kbuild", ".clang-format")
LICENCES = ("GPL-2.0-only", "MIT", "GPL-2.0-only WITH Linux-syscall-note")
SPDX = re.compile(r"SPDX-License-Identifier: ([\w.+-]+( WITH [\w.-]+)?)")
# Absolute paths that exist on one machine only. Written so that this file does not match itself.
MACHINE_PATHS = re.compile(r"(?<![\w./$}])/(work|home/\w+|root/\w+|Users|mnt/\w+)/[\w.]")


def tracked_files():
    out = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                         check=True, capture_output=True).stdout.decode()
    return sorted({f for f in out.split("\0") if f and not f.startswith("third_party/")})


def problems(path):
    try:
        with open(path, encoding="utf-8") as f:
            lines = f.read().splitlines()
    except UnicodeDecodeError:
        return  # not text
    except (FileNotFoundError, IsADirectoryError):
        return  # deleted but still in the index, or a submodule
    name = path.rsplit("/", 1)[-1]
    if name.endswith(SOURCES) or name in SOURCE_NAMES:
        m = next((m for line in lines[:3] if (m := SPDX.search(line))), None)
        if not m:
            yield 1, "no SPDX-License-Identifier in the first 3 lines"
        elif m[1] not in LICENCES:
            yield 1, f"licence {m[1]} is none of {', '.join(LICENCES)}"
        if len(lines) > MAX_LINES:
            yield len(lines), f"{len(lines)} lines, more than {MAX_LINES}"
    for number, line in enumerate(lines, 1):
        if m := MACHINE_PATHS.search(line):
            yield number, f"path of one machine: {m[0]}"


def main():
    bad = 0
    files = tracked_files()
    for path in files:
        for number, text in problems(path):
            print(f"{path}:{number}: {text}")
            bad += 1
    print(f"check-style: {len(files)} files, {bad} problems")
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
