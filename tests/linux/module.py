#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""openvbs.ko in the test machine: what it shows, what it refuses, and that it leaves without a trace.

    tests/linux/module.py [--flavor release|debug]

Prints one line for each check and exits with 1 if one failed.
"""

import argparse
import re
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

from machine import Machine, MachineError  # noqa: E402
from machine.common import BUILD  # noqa: E402
from machine.tiny import kernel_package  # noqa: E402

NAMES = ("cpuid msr_read msr_write icr_x2apic apic_xapic slat_map slat_denied io nmi smi init sipi hypercall virt_insn "
         "invd iret debug shutdown other pci vtl_call vtl_return vtl_interrupt vtl_intercept slat_run cr").split()
DIR = "/sys/kernel/security/openvbs"


class Checks:
    """Counted checks."""

    def __init__(self):
        self.passed = self.failed = 0

    def __call__(self, name, good, evidence=""):
        print(f"{'ok  ' if good else 'FAIL'} {name}" + ("" if good else f": {evidence}"), flush=True)
        self.passed += bool(good)
        self.failed += not good


def machine(tag, flavor, **more):
    release = kernel_package()[0]
    files = {f"/root/{n}.ko": BUILD / "linux" / release / f"{n}.ko" for n in ("openvbs", "openvbs_attack")}
    options = {"cpus": 2, "openvbs": flavor, "time_limit": 300, "files": files, **more}
    return Machine(f"module-{tag}", **options)


def exits(m):
    """{(cpu, name): count} of the `exits` file."""
    rows = [line.split() for line in m.sh(f"cat {DIR}/exits").splitlines() if line]
    return {(int(cpu), name): int(count) for cpu, name, count in rows}


def files_checks(check, m, flavor):
    m.sh("insmod /root/openvbs.ko")
    check("the seven files are there",
          m.sh(f"ls {DIR}").split() == ["exits", "integrity", "log", "modules", "state", "trustlets", "version"])
    modes = m.sh(f"stat -c '%a %u' {DIR}/log {DIR}/exits {DIR}/state {DIR}/version {DIR}/trustlets {DIR}/integrity {DIR}/modules").splitlines()
    check("log and modules for root alone, the rest for all", modes == ["400 0", *5 * ["444 0"], "400 0"], modes)
    version = m.sh(f"cat {DIR}/version")
    check("version", re.fullmatch(r"hypervisor \d+\.\d+\.\d+\nmodule \d+\.\d+\.\d+\nvtl1 \d+\.\d+\.\d+\n"
                                  r"vtl1_abi 1\nvtl1_security_version \d+\n*", version), version)
    counts = exits(m)
    check("one line for each CPU and counter", [k for k in counts] == [(c, n) for c in range(2) for n in NAMES], counts)
    before = counts[0, "cpuid"] + counts[1, "cpuid"]
    m.sh("modprobe cpuid; dd if=/dev/cpu/0/cpuid of=/dev/null bs=16 count=1000 2>/dev/null")
    now = exits(m)
    check("the counter of CPUID exits counts them", now[0, "cpuid"] + now[1, "cpuid"] >= before + 1000, (before, now))
    check("no counter runs backwards", all(now[k] >= counts[k] for k in counts))
    log = m.sh(f"cat {DIR}/log")
    lines = log.splitlines()
    check("the log is whole lines", lines and all(re.match(r"\[\d+\] .+", line) for line in lines if line), lines[:5])
    check("the log tells the start", "openvbs" in lines[0] and sum("runs VTL0" in line for line in lines) == 2, log)
    if flavor == "debug":
        console = re.findall(r"openvbs: (\[\d+\] .*)", m.log_text())
        check("the log is what the debug console got", [x for x in console if x in lines] == lines[:len(console)], console)


def wrap_checks(check, m):
    """More refusals than the ring holds, while the log is read all the time."""
    m.sh("insmod /root/openvbs_attack.ko")
    m.sh("(i=0; while [ $i -lt 400 ]; do echo msrs >/proc/openvbs_attack; i=$((i+1)); done; touch /run/done) >/dev/null 2>&1 &")
    torn, reads = [], 0
    while reads < 400:
        text = m.sh(f"cat {DIR}/log; [ -e /run/done ] && echo DONE || true")
        reads += 1
        torn += [x for x in text.splitlines()
                 if x and x != "DONE" and not re.match(r"\[\d+\] .+|\(\d+ bytes of older lines are overwritten\)$", x)]
        if "DONE" in text:
            break
    check(f"no torn line in {reads} reads while the log is written", not torn, torn[:3])
    m.sh("rmmod openvbs_attack")


def sleep_checks(check, m, hibernation):
    m.sh("echo deep >/sys/power/mem_sleep; dmesg -c >/dev/null")
    result = m.run("echo mem >/sys/power/state")
    said = m.sh("dmesg -c")
    check("S3 is refused", result.rc != 0 and "sleep state S3 is not supported under openvbs" in said, (result, said))
    if hibernation:
        result = m.run("echo disk >/sys/power/state")
        said = m.sh("dmesg -c")
        check("hibernation is refused", result.rc != 0 and "hibernation is not supported under openvbs" in said, (result, said))
    m.sh("echo enabled >/sys/class/tty/ttyS0/power/wakeup")
    m.sh("(sleep 1; echo freeze >/sys/power/state; echo $? >/run/s2idle) >/dev/null 2>&1 &")
    m.wait_for(r"suspend entry \(s2idle\)(.|\n)*Suspending console", 30)
    time.sleep(2)  # let it go to sleep before it is woken
    m.send("\n")
    m.wait_for("suspend exit", 30)
    result = m.sh("while [ ! -e /run/s2idle ]; do sleep 1; done; cat /run/s2idle; rm /run/s2idle; dmesg -c")
    check("s2idle is allowed, and the machine wakes", result.startswith("0\n") and "suspend entry (s2idle)" in result, result)


def leave_checks(check, m):
    m.sh("rmmod openvbs")
    check("nothing is left after rmmod", m.run(f"ls {DIR}").rc != 0)
    m.sh("insmod /root/openvbs.ko")
    check("it can be loaded again", exits(m)[0, "cpuid"] > 0)
    m.sh("rmmod openvbs")
    m.sh("echo deep >/sys/power/mem_sleep")


def without_checks(check):
    with machine("without", None) as m:
        m.wait_ready()
        result = m.run("insmod /root/openvbs.ko")
        said = m.sh("dmesg | grep openvbs:")
        check("without openvbs it refuses to load, and says why",
              result.rc != 0 and "No such device" in result.output and "no openvbs hypervisor: CPUID 40000000h gives" in said,
              (result, said))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--flavor", default="release", choices=("release", "debug"))
    flavor = parser.parse_args().flavor
    check = Checks()
    try:
        with machine("locked", flavor) as m:  # Secure Boot: signed modules only, securityfs under lockdown
            m.wait_ready()
            check("the kernel is locked down", "[integrity]" in m.sh("cat /sys/kernel/security/lockdown"))
            files_checks(check, m, flavor)
            sleep_checks(check, m, False)
            leave_checks(check, m)
        with machine("open", flavor, secure_boot=False, x2apic=True, iommu="amd-iommu,xtsup=on,intremap=on") as m:
            m.wait_ready()
            files_checks(check, m, flavor)
            wrap_checks(check, m)
            sleep_checks(check, m, True)
            leave_checks(check, m)
        without_checks(check)
    except MachineError as e:
        check("the machine answered", False, e)
    print(f"module: {check.passed} passed, {check.failed} failed")
    sys.exit(1 if check.failed else 0)


if __name__ == "__main__":
    main()
