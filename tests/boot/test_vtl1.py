# SPDX-License-Identifier: GPL-2.0-only
"""VTL1: the secure kernel and its trustlets, called from a stock Debian kernel.

Each test names a promise: a trustlet is an ordinary program, what it does wrong
ends it alone, VTL0's work goes on meanwhile, and every CPU may call.
"""

import re
import time

import vtl1lib
from guestlib import exits, load_module, log, start, total
from vtl1lib import CMD, DEAD, HELLO, OK, SELFTEST, call, signed, trustlets

ENOSYS, EACCES, ENOMEM, EINVAL = 38, 13, 12, 22


def machine(name, **options):
    options = {"openvbs": "debug", **options}
    options["files"] = {**vtl1lib.files(), **options.get("files", {})}
    return start(f"vtl1-{name}", **options)


def ready(m):
    m.wait_ready()
    load_module(m)
    m.sh("chmod +x /root/ovbs-*")


def test_hello_answers_and_is_listed():
    """An administrator sees the secure kernel and the trustlets; a program calls one; the counters count."""
    with machine("hello") as m:
        ready(m)
        said = m.sh("/root/ovbs-ps")
        assert re.search(r"^0{8}-.* Secure System$", said, re.M) and re.search(rf"^{HELLO} .* hello$", said, re.M)
        assert trustlets(m)["hello"]["state"] == "stopped"
        greeting = call(m, HELLO, 1, "b:World", "B:100")
        assert (greeting.result, greeting.origin, greeting.buffers[1]) == (OK, "trustlet", b"Hello, World!")
        assert call(m, HELLO, 1, "b:World", "B:3").result == vtl1lib.SHORT_BUFFER
        assert call(m, HELLO, 99).result == vtl1lib.NOT_SUPPORTED
        assert call(m, HELLO, 1, "v:1").result == vtl1lib.BAD_FORMAT
        row = trustlets(m)["hello"]
        assert row["state"] == "ready" and int(row["calls"]) >= 6 and int(row["time_ns"]) > 0
        assert 0 < int(row["memory"]) <= int(row["limit"]) and row["sessions"] == "0"
        assert call(m, "00000000-0000-0000-0000-000000000001", 1).result == vtl1lib.NOT_FOUND


def test_every_kind_of_parameter_goes_through():
    with machine("echo") as m:
        ready(m)
        a = call(m, SELFTEST, "ECHO", "vV:1,2", "V:", "bB:abc", "B:8")
        assert a.values[0] == (2**64 - 2, 2**64 - 3) and a.buffers[2] == bytes(b ^ 0xFF for b in b"abc")
        assert a.buffers[3] == b"\x04" * 8
        big = "xB:" + "5a" * 3900
        assert call(m, SELFTEST, "ECHO", big).buffers[0] == b"\xa5" * 3900


CRASHES = [("CRASH_NULL",), ("CRASH_STACK",), ("WRITE_TEXT",), ("CRASH_CANARY",),
           *[("EXEC_DATA", f"v:{CMD[d]}") for d in ("DATA_HEAP", "DATA_STACK", "DATA_STATIC", "DATA_READ_ONLY", "DATA_REQUEST")],
           *[("READ_ADDRESS", f"v:{a:#x}", "V:") for a in (0, 0xFFFFFFFF80000000, 0xFFFFFFFFC0000000, 0xFFFF800000000000, 0x400000)],
           *[("PRIVILEGED", f"v:{n}") for name, n in CMD.items() if name.startswith("INSN_")]]


def test_a_crash_ends_its_trustlet_alone():
    """Each kind of wrong-doing gives TARGET_DEAD, the next open starts anew, and another trustlet does not notice."""
    with machine("crash") as m:
        ready(m)
        call(m, HELLO, 3, "V:")
        for n, crash in enumerate(CRASHES, 1):
            a = call(m, SELFTEST, *crash)
            assert (a.result, a.origin) == (DEAD, "VTL1"), f"{crash}: {a.text}"
            row = trustlets(m)["selftest"]
            assert (row["state"], int(row["crashes"]), row["memory"]) == ("stopped", n, "0"), f"{crash}: {row}"
        assert call(m, SELFTEST, "CRYPTO_VECTORS", "V:").values[0] == (0, 7)
        assert call(m, HELLO, 3, "V:").values[0][1] == 2, "hello lost its count"
        assert "ended by exception 14" in log(m)


def test_a_trustlet_gets_no_rights_beyond_its_policy():
    """Mappings never become executable, unknown system calls are -ENOSYS, memory ends at the limit."""
    with machine("limits") as m:
        ready(m)
        for name, n in CMD.items():
            if not re.match(r"(MAP|PROTECT|UNMAP)_", name):
                continue
            a = call(m, SELFTEST, "MPROTECT_WX", f"v:{n}", "V:")
            assert a.result == OK and signed(a.values[1][0]) in (-EACCES, -ENOMEM, -EINVAL), f"{name}: {a.text}"
        for nr in (0, 2, 41, 56, 57, 59, 62, 101, 157, 200, 434, 0x4EFF, 0x4F04, 2**32 + 1, 2**63):
            a = call(m, SELFTEST, "SYSCALL", f"v:{nr},0", "V:")
            assert signed(a.values[1][0]) == -ENOSYS, f"system call {nr}: {a.text}"
        kib = call(m, SELFTEST, "EXHAUST_MEMORY", "vV:0").values[0][0]
        row = trustlets(m)["selftest"]
        assert 2048 < kib < int(row["limit"]) // 1024
        assert call(m, SELFTEST, "MALLOC_STRESS", "v:7,500", "V:").result == OK


def test_addresses_and_random_numbers_differ_from_start_to_start():
    with machine("aslr") as m:
        ready(m)
        seen, numbers = [], []
        for _ in range(3):
            a = call(m, SELFTEST, "ADDRESSES", "V:", "V:")
            seen.append((*a.values[0], a.values[1][0]))
            numbers.append(call(m, SELFTEST, "RANDOM", "B:32").buffers[0])
            assert call(m, SELFTEST, "CRASH_NULL").result == DEAD
        for column in zip(*seen):
            assert len({c >> 12 for c in column}) == 3, f"an address came twice: {seen}"
        assert len(set(numbers)) == 3 and all(len(set(n)) > 8 for n in numbers)


def test_an_endless_loop_ends_by_its_budget_and_holds_nobody_up():
    """VTL0's interrupts come through all the time: its clock goes on ticking on the very CPU."""
    with machine("loop", cpus=1) as m:
        ready(m)
        before = total(exits(m), "vtl_interrupt")
        a = call(m, SELFTEST, "LOOP_FOREVER", seconds=60)
        assert (a.result, a.origin) == (DEAD, "VTL1")
        assert total(exits(m), "vtl_interrupt") - before > 50
        assert "took more than its budget of 2000 ms" in log(m)
        work = call(m, SELFTEST, "WORK", "v:300", "V:", seconds=60)
        assert work.result == OK and work.values[1][1] >= 300_000_000
        assert call(m, SELFTEST, "ECHO", "v:1,2", "V:").values[1] == (1, 2)


def test_seals_and_counters():
    """A sealed note opens again, also after a crash, and not for another trustlet; a counter never goes back."""
    with machine("seal") as m:
        ready(m)
        blob = call(m, SELFTEST, "SEAL", "b:ad", "b:secret", "B:200").buffers[2]
        assert b"secret" not in blob
        assert call(m, SELFTEST, "UNSEAL", "b:ad", f"x:{blob.hex()}", "B:100").buffers[2] == b"secret"
        assert call(m, SELFTEST, "UNSEAL", "b:no", f"x:{blob.hex()}", "B:100").result == vtl1lib.SECURITY
        assert call(m, SELFTEST, "COUNTER", "v:0,5", "V:").values[1][0] == 5
        assert call(m, SELFTEST, "CRASH_NULL").result == DEAD
        assert call(m, SELFTEST, "UNSEAL", "b:ad", f"x:{blob.hex()}", "B:100").buffers[2] == b"secret"
        assert call(m, SELFTEST, "COUNTER", "v:0,1", "V:").values[1][0] == 6
        assert call(m, HELLO, 5, f"x:{blob.hex()}", "B:100").result == vtl1lib.SECURITY


def test_calls_from_many_cpus_at_once():
    """Eight CPUs call two trustlets at the same time; a busy one makes its callers wait, not fail."""
    with machine("many", cpus=8) as m:
        ready(m)
        m.sh(f"for i in 1 2 3 4; do /root/ovbs-call --repeat 200 {SELFTEST} {CMD['ECHO']} v:1,2 V: >/tmp/s$i & "
             f"/root/ovbs-call --threads 2 --repeat 100 {HELLO} 2 v:3,4 V: >/tmp/h$i & done; wait", seconds=100)
        said = m.sh("cat /tmp/s? /tmp/h?")
        assert said.count("result 0x00000000") == 8 and "error" not in said
        rows = trustlets(m)
        assert int(rows["selftest"]["calls"]) >= 800 and int(rows["hello"]["calls"]) >= 800
        assert rows["selftest"]["crashes"] == rows["hello"]["crashes"] == "0"
        counts = exits(m)
        assert sum(1 for cpu in range(8) if counts[cpu, "vtl_call"] > 10) >= 4, "few CPUs called VTL1"


def test_a_cpu_goes_and_comes_while_trustlets_are_called():
    """VTL1 stays on a CPU that VTL0 takes off and on, also in the middle of a call."""
    with machine("hotplug", cpus=3) as m:
        ready(m)
        m.sh(f"(while [ ! -e /tmp/stop ]; do /root/ovbs-call {SELFTEST} {CMD['WORK']} v:30 V: >>/tmp/out 2>&1; done) >/dev/null 2>&1 &")
        m.sh("for i in 1 2 3 4 5 6; do for c in 1 2; do echo 0 >/sys/devices/system/cpu/cpu$c/online; done;"
             " for c in 1 2; do echo 1 >/sys/devices/system/cpu/cpu$c/online || exit 1; done; done; touch /tmp/stop; sleep 1",
             seconds=90)
        said = m.sh("cat /tmp/out")
        assert said.count("result 0x00000000") >= 5 and set(re.findall(r"result (\S+)", said)) == {"0x00000000"}
        for cpu in range(3):
            assert "result 0x00000000" in m.sh(f"taskset {1 << cpu:x} /root/ovbs-call {SELFTEST} 1 v:1,2 V:")


def test_nmis_in_the_middle_of_calls_reach_vtl0_and_harm_no_trustlet():
    """An NMI that comes while the secure kernel or a trustlet runs waits for VTL0 and is lost on nobody."""
    with machine("nmi", cpus=1) as m:
        ready(m)
        seen = lambda: int(re.search(r"NMI: +(\d+)", m.sh("grep NMI: /proc/interrupts"))[1])
        before = seen()
        m.sh(f"(while [ ! -e /tmp/stop ]; do /root/ovbs-call --repeat 20 {SELFTEST} {CMD['RANDOM']} B:3000; "
             f"/root/ovbs-call {SELFTEST} {CMD['MALLOC_STRESS']} v:7,50 V:; done >/tmp/out 2>&1) >/dev/null 2>&1 &")
        for _ in range(40):
            m.nmi()
            time.sleep(0.1)
        m.sh("touch /tmp/stop; sleep 2", seconds=60)
        assert seen() == before + 40
        assert m.sh("grep ^result /tmp/out | sort -u").split() == ["result", "0x00000000"]
        assert trustlets(m)["selftest"]["crashes"] == "0", log(m)


def test_without_vtl1_the_module_says_so():
    """openvbs.ko on a machine without a hypervisor refuses with the reason."""
    with machine("without", openvbs=None) as m:
        m.wait_ready()
        assert m.run("insmod /root/openvbs.ko").rc != 0
        assert "no openvbs hypervisor" in m.sh("dmesg | tail -3")
        said = m.run("/root/ovbs-ps")
        assert said.rc == 3 and "no" in said.output.lower()
