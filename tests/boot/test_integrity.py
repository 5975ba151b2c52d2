# SPDX-License-Identifier: GPL-2.0-only
"""Lockdown of an unpatched Debian kernel: what it does to its own text goes on, checked.

What is refused is in tests/attack (lockdown, patch).
"""

import re

from guestlib import exits, load_module, log, start, total

CYCLE = "echo 0 >/sys/devices/system/cpu/cpu1/online && echo 1 >/sys/devices/system/cpu/cpu1/online"


def state(m):
    return dict(re.findall(r"^(\w+): (.*)$", m.sh("cat /sys/kernel/security/openvbs/integrity"), re.M))


def test_a_locked_down_kernel_patches_itself_and_goes_on():
    """Jump labels flip, a CPU goes and comes, programs run; nothing of it is refused."""
    with start("integrity-locked", openvbs="debug", cpus=2, time_limit=200) as m:
        m.wait_ready()
        load_module(m, "integrity=1")
        found = state(m)
        assert found["State"] == "locked down" and int(found["CodePages"]) > 3000 and int(found["Sites"]) > 20000, log(m)
        assert "lockdown: VTL0's kernel executes what was frozen" in log(m)
        before = total(exits(m), "vtl_intercept")
        for value in (1, 0, 1):
            assert m.sh(f"sysctl -n -w kernel.sched_schedstats={value}").strip().endswith(str(value))
        assert total(exits(m), "vtl_intercept") - before >= 9  # three writes for each place
        for _ in range(3):
            m.sh(CYCLE)
        assert m.sh("nproc").strip() == "2"
        assert "refused" not in log(m), log(m)


def test_without_the_parameter_nothing_is_locked():
    with start("integrity-off", openvbs="debug", cpus=2) as m:
        m.wait_ready()
        load_module(m)
        assert state(m)["State"] == "off"
        assert "lockdown" not in log(m)
