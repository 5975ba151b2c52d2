# SPDX-License-Identifier: GPL-2.0-only
"""The kernel's own selftests (tools/testing/selftests, out of Debian's source package), with and without openvbs.

What passes on Debian's kernel passes when that kernel is locked down, or the table says why not.
"""

import pytest

import selftestlib as st
from guestlib import load_module, log, start
from integritylib import is_well, modules, state

pytestmark = [pytest.mark.long, pytest.mark.parametrize("openvbs", [None, "release"], ids=["linux", "openvbs"])]

SAMPLE = ("UNRESOLVED", "UNRESOLVED", "not in Debian's kernel: a sample module")

# Test case: (without openvbs, with it, why). What is not here passes with and without.
FTRACE = {
    "test.d/direct/ftrace-direct.tc": SAMPLE,
    "test.d/direct/kprobe-direct.tc": SAMPLE,
    "test.d/event/trace_printk.tc": SAMPLE,
    "test.d/kprobe/kprobe_module.tc": SAMPLE,
    # Tries function after function, 38,000 of them: it does not come to an end in its time.
    "test.d/kprobe/multiple_kprobes.tc": ("PASS", "hang", "probes within functions are refused (docs/caveats.md)"),
}
FOLDERS = ("00basic", "direct", "dynevent", "event", "ftrace", "instances", "kprobe", "preemptirq", "selftest", "tracer")

LIVEPATCH = {
    "test-ftrace.sh": ("PASS", "SKIP", "kernel.ftrace_enabled can't be 0: what judges modules hangs on ftrace"),
}

STATIC_KEYS = "modprobe test_static_key_base && modprobe test_static_keys && rmmod test_static_keys test_static_key_base"
# Programs 0 to 60 of some thousand: all take the emulator minutes. The module fails to load in any case if one fails.
BPF = "modprobe test_bpf test_suite=test_bpf test_range=0,60 && dmesg | grep 'test_bpf: Summary'"


def expected(table, name, openvbs):
    return table.get(name, ("PASS", "PASS"))[1 if openvbs else 0]


def machine(name, openvbs, files, **options):
    return start(f"selftests-{name}-{openvbs}", openvbs=openvbs, files=files, **{"time_limit": 400, **options})


def begin(m, openvbs):
    m.wait_ready()
    st.prepare(m)
    if openvbs:
        load_module(m, "integrity=1")
        assert state(m)["State"] == "locked down", m.sh("dmesg | grep openvbs:") + log(m)


def compare(m, openvbs, names, table, one):
    """Run each; the results that are not the table's, with what the test said."""
    wrong = []
    # What does not pass may leave something behind: last.
    for name in sorted(names, key=lambda name: expected(table, name, openvbs) != "PASS"):
        m.sh("dmesg -c >/dev/null")
        result, said = one(m, name)
        bad = st.oops(m)
        print(f"{name:50} {result:12} {bad}", flush=True)
        if result != expected(table, name, openvbs) or bad:
            wrong.append(f"{name}: {result}, not {expected(table, name, openvbs)}\n{bad}\n{said}")
    if openvbs and "refused" in log(m):
        wrong.append(log(m)[-2000:])
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("folder", FOLDERS)
def test_ftrace(openvbs, folder):
    with machine(f"ftrace-{folder}", openvbs, st.tree("ftrace"), time_limit=1500) as m:
        begin(m, openvbs)
        compare(m, openvbs, st.ftrace_tests(folder), FTRACE, lambda m, name: st.ftracetest(m, name, 200))


def test_livepatch(openvbs):
    """Functions of the kernel and of modules are replaced, and back, by modules that come after lockdown."""
    names = sorted(p.name for p in (st.SOURCE / "livepatch").glob("test-*.sh"))
    assert len(names) >= 6 and set(LIVEPATCH) < set(names)
    with machine("livepatch", openvbs, st.livepatch_files()) as m:
        begin(m, openvbs)
        compare(m, openvbs, names, LIVEPATCH, st.livepatch)


def test_modules_that_test(openvbs):
    """Jump labels of the kernel and of modules flip; BPF programs run, by the interpreter where it is locked down."""
    with machine("modules", openvbs, modules("test_static_key_base", "test_static_keys", "test_bpf", "test_user_copy")) as m:
        begin(m, openvbs)
        m.sh(STATIC_KEYS)
        m.sh("modprobe test_user_copy")
        said = m.sh(BPF)
        assert "61 PASSED, 0 FAILED" in said and ("[0/" in said) == bool(openvbs), said
        if openvbs:
            is_well(m)
