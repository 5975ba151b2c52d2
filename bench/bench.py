#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""make bench: measure, print a table, write build/bench.json.

    bench.py [PREFIX]     all, or the figures whose name begins with PREFIX

Exit status: 0 when everything asked for was measured, also where a target is
missed (BENCH_STRICT=1: then 1); 1 when a measurement could not be made. With a
prefix the JSON file keeps the other figures of the run before.
"""

import json
import os
import sys
import time

import common
import measures
from common import BUILD, MachineError, say

RESULT = BUILD / "bench.json"


def number(value):
    """Short, but no digit that matters is lost."""
    if value is None:
        return "-"
    if isinstance(value, int) or value == int(value):
        return f"{int(value):,}"
    return f"{value:,.2f}" if abs(value) >= 10 else f"{value:.3f}"


def target(row):
    """The bound in words."""
    if row.target is None:
        return ""
    bound = ">=" if row.at_least else "<="
    return f"{'ratio ' if row.baseline is not None else ''}{bound} {row.target:,}"


def table(rows):
    """The rows as text; a missed target is marked at both ends."""
    cells = [("", "figure", "platform", "value", "without", "ratio", "unit", "target", "")]
    for r in rows:
        ratio = "-" if r.ratio is None else f"{r.ratio:.4f}"
        cells.append(("!" if r.missed else "", r.name, r.platform, number(r.value), number(r.baseline), ratio, r.unit,
                      target(r), "MISSED" if r.missed else "met" if r.target is not None else ""))
    width = [max(len(row[i]) for row in cells) for i in range(len(cells[0]))]
    right = (3, 4, 5)
    return "\n".join("  ".join(c.rjust(w) if i in right else c.ljust(w)
                               for i, (c, w) in enumerate(zip(row, width))).rstrip() for row in cells)


def overlap(prefix, names):
    return any(name.startswith(prefix) or prefix.startswith(name + ".") for name in names)


def measure(prefix):
    """(rows, problems) of everything that the prefix selects."""
    want = lambda name: overlap(prefix, [name])
    chosen = [(names, function) for names, function in measures.ALL if overlap(prefix, names)]
    if not chosen:
        known = sorted({n for names, _ in measures.ALL for n in names})
        raise SystemExit(f"bench: no figure begins with {prefix!r}; there are: {' '.join(known)}")
    rows, problems = [], []
    for i, (names, function) in enumerate(chosen, 1):
        say(f"[{i}/{len(chosen)}] {', '.join(names)}")
        begin = time.monotonic()
        try:
            rows += [r for r in function(want) if r.name.startswith(prefix)]
        except (MachineError, OSError, ValueError) as e:
            problems.append((names, e))
            say(f"NOT MEASURED: {e}")
        say(f"[{i}/{len(chosen)}] {time.monotonic() - begin:.0f} s")
    return rows, problems


def keep_others(rows, prefix):
    """JSON rows: the new ones, and those of the run before that the prefix leaves out."""
    new = [r.json() for r in rows]
    if not prefix or not RESULT.exists():
        return new
    return [r for r in json.loads(RESULT.read_text(encoding="utf-8")) if not r["name"].startswith(prefix)] + new


def main(argv):
    prefix = argv[0] if argv else ""
    common.OUT.mkdir(parents=True, exist_ok=True)
    common.freeze()
    begin = time.monotonic()
    rows, problems = measure(prefix)
    tmp = RESULT.with_suffix(".tmp")
    tmp.write_text(json.dumps(keep_others(rows, prefix), indent=1) + "\n", encoding="utf-8")
    tmp.rename(RESULT)
    print(table(rows))
    missed = [r for r in rows if r.missed]
    print(f"\nbench: {len(rows)} figures in {(time.monotonic() - begin) / 60:.1f} minutes, {len(missed)} targets missed, "
          f"{len(problems)} measurements not made; {os.path.relpath(RESULT)}")
    for names, problem in problems:
        print(f"bench: NOT MEASURED {', '.join(names)}: {str(problem).splitlines()[0]}", file=sys.stderr)
    if problems:
        return 1
    return 1 if missed and os.environ.get("BENCH_STRICT") == "1" else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
