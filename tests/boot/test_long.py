# SPDX-License-Identifier: GPL-2.0-only
"""Long and random runs, for `make check-long`: what a single boot would not show."""

import os

import pytest

from guestlib import exits, load_module, start, total

pytestmark = pytest.mark.long


def test_100_boots_with_8_cpus_bring_up_every_cpu():
    """A lost INIT or SIPI, or a race between CPUs that start, shows only now and then."""
    boots = int(os.environ.get("OVBS_BOOTS", "100"))
    for n in range(boots):
        with start("long-8cpu", cpus=8, time_limit=60) as m:
            m.wait_ready()
            assert int(m.sh("nproc")) == 8, f"boot {n}"
            load_module(m)
            counts = exits(m)
            assert total(counts, "other") == 0 and total(counts, "slat_denied") == 0, f"boot {n}"


@pytest.mark.parametrize("name, options", [("xapic", {}), ("x2apic", {"iommu": "amd", "x2apic": True})])
def test_cpus_go_offline_and_online_for_minutes_under_load(name, options):
    with start(f"long-hotplug-{name}", cpus=4, time_limit=400, **options) as m:
        m.wait_ready()
        load_module(m)
        m.sh("for i in 1 2 3 4; do (while :; do cat /proc/self/maps > /dev/null; done) & done")
        m.sh("for i in $(seq 60); do for c in 1 2 3; do echo 0 > /sys/devices/system/cpu/cpu$c/online || exit 1; done;"
             " for c in 3 1 2; do echo 1 > /sys/devices/system/cpu/cpu$c/online || exit 1; done; done", seconds=330)
        assert m.sh("cat /sys/devices/system/cpu/online").strip() == "0-3"


@pytest.mark.parametrize("run", range(5))
def test_parallel_emulation_threads(run):
    """Real concurrency between CPUs. QEMU itself is not proven here (docs/caveats.md): it does not gate."""
    with start(f"long-multi-{run}", cpus=4, thread="multi", time_limit=120) as m:
        m.wait_ready()
        load_module(m)
        assert int(m.sh("nproc")) == 4
        m.sh("for i in $(seq 10); do for c in 1 2 3; do echo 0 > /sys/devices/system/cpu/cpu$c/online; "
             "echo 1 > /sys/devices/system/cpu/cpu$c/online || exit 1; done; done", seconds=60)
