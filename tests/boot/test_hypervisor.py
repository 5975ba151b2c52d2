# SPDX-License-Identifier: GPL-2.0-only
"""The hypervisor under a stock kernel, on the tiny image.

Each test names a promise of the design: Debian runs unchanged on all CPUs, the
firmware's services go on working, and no way of sleeping, restarting or starting
CPUs leads past the hypervisor.
"""

import re
import time

import pytest

from guestlib import GUEST, exits, load_module, log, module, start, total
from machine import tiny


@pytest.mark.parametrize(
    "name, options",
    [
        ("one", {"cpus": 1}),
        ("two-debug", {"cpus": 2, "openvbs": "debug"}),
        ("eight", {"cpus": 8}),
        ("x2apic", {"cpus": 4, "iommu": "amd", "x2apic": True}),
        ("qemu72", {"cpus": 2, "qemu": "7.2"}),
        ("tpm", {"cpus": 2, "tpm": True}),
        ("no-1g-pages", {"cpus": 2, "cpu_flags": "-pdpe1gb"}),
    ],
)
def test_debian_runs_on_every_cpu_inside_vtl0(name, options):
    with start(f"hv-{name}", **options) as m:
        m.wait_ready()
        cpus = options["cpus"]
        assert int(m.sh("nproc")) == cpus
        load_module(m)  # refuses unless CPUID answers as openvbs
        for cpu in range(cpus):
            assert f"CPU {cpu} (APIC {cpu:x}) runs VTL0" in log(m)
        assert "svm" not in m.sh("grep -m1 flags /proc/cpuinfo").split()
        counts = exits(m)
        assert total(counts, "other") == 0, "an exit without a handler"
        assert total(counts, "slat_denied") == 0, "a stock kernel touched the hypervisor's memory"
        if options.get("x2apic"):
            assert "x2apic enabled" in m.sh("dmesg | grep -i 'x2apic enabled'").lower()
            assert total(counts, "icr_x2apic") > 0


@pytest.mark.parametrize("name, options", [("xapic", {}), ("x2apic", {"iommu": "amd", "x2apic": True})])
def test_a_cpu_can_go_offline_and_come_back(name, options):
    with start(f"hv-hotplug-{name}", cpus=4, **options) as m:
        m.wait_ready()
        load_module(m)
        before = total(exits(m), "sipi")
        m.sh("for i in $(seq 5); do for c in 1 2 3; do echo 0 > /sys/devices/system/cpu/cpu$c/online; done;"
             " for c in 3 2 1; do echo 1 > /sys/devices/system/cpu/cpu$c/online || exit 1; done; done")
        assert m.sh("cat /sys/devices/system/cpu/online").strip() == "0-3"
        assert total(exits(m), "sipi") >= before + 15, "the CPUs did not come back through the hypervisor"


def test_firmware_services_and_smm_go_on_working():
    """Runtime SetVariable goes through SMM on a Secure Boot machine: from both CPUs, read back each time."""
    with start("hv-smm", files={"/root/setvar": GUEST / "setvar"}) as m:
        m.wait_ready()
        load_module(m)
        before = total(exits(m), "smi")
        m.sh("grep -q efivarfs /proc/mounts || mount -t efivarfs none /sys/firmware/efi/efivars")
        assert m.sh("chmod +x /root/setvar; /root/setvar 20", seconds=90).strip() == "20 variables written"
        assert total(exits(m), "smi") >= before + 20, "no SMI came: the test did not go through SMM"


def test_an_nmi_reaches_every_cpu_of_vtl0_once():
    with start("hv-nmi", cpus=4) as m:
        m.wait_ready()

        def nmis():
            return [int(n) for n in re.findall(r"\d+", m.sh("grep NMI: /proc/interrupts"))]

        before = nmis()
        for _ in range(5):
            m.nmi()
            time.sleep(0.2)
        seen = [after - old for after, old in zip(nmis(), before)]
        # QEMU's inject-nmi goes to CPU 0 through LINT1 where the APIC's LVT has it unmasked.
        assert seen[0] == 5, seen
        assert sum(seen) == 5, f"NMIs that nobody sent: {seen}"


def test_sleep_is_refused_by_the_hypervisor_and_the_os_goes_on():
    with start("hv-s3") as m:
        m.wait_ready()
        m.sh("echo deep > /sys/power/mem_sleep")
        m.sh("echo mem > /sys/power/state")
        assert int(m.sh("nproc")) == 2
        load_module(m)
        assert re.search(r"sleep \(SLP_TYP \d\) refused", log(m))
        # With the module the kernel refuses before it has begun.
        rc, _ = m.run("echo mem > /sys/power/state")
        assert rc != 0
        assert "not supported under openvbs" in m.sh("dmesg | tail -30")
        assert m.status() == "running"


def test_kexec_lands_inside_vtl0():
    """The second kernel starts all CPUs again, and is still under the hypervisor."""
    files = {
        "/root/vmlinuz": tiny.kernel() / "vmlinuz",
        "/root/initrd": tiny.with_files(tiny.initramfs().read_bytes(), module()),
        "/root/kexec": GUEST / "kexec",
    }
    # Without shim there is no key of Debian's that kexec_file_load would accept: Secure Boot off here.
    with start("hv-kexec", cpus=4, mem=1536, secure_boot=False, files=files) as m:
        m.wait_ready()
        m.sh("chmod +x /root/kexec")
        m.send("/root/kexec /root/vmlinuz /root/initrd 'console=ttyS0,115200 panic=-1 second=1'\n")
        m.wait_for(r"Linux version")
        m.wait_ready()
        assert "second=1" in m.sh("cat /proc/cmdline")
        assert int(m.sh("nproc")) == 4
        load_module(m)
        counts = exits(m)
        assert all(counts[cpu, "sipi"] + counts[cpu, "cpuid"] > 0 for cpu in range(4))
        assert total(counts, "sipi") >= 6, "the second kernel's CPUs did not start through the hypervisor"


def test_poweroff_and_reboot_work():
    with start("hv-off") as m:
        m.wait_ready()
        m.send("poweroff -f\n")
        assert m.wait_exit(30) == 0
        assert "Power down" in m.log_text()
    with start("hv-reboot", reboot=True) as m:
        m.wait_ready()
        m.send("reboot -f\n")
        m.wait_for(r"openvbs 0\S+: running, 2 CPUs")
        m.wait_ready()


def test_a_triple_fault_resets_the_machine():
    with start("hv-triple", reboot=True, cmdline="reboot=t") as m:
        m.wait_ready()
        m.send("reboot -f\n")
        m.wait_for(r"openvbs 0\S+: running, 2 CPUs")
        m.wait_ready()


def test_mmio_above_512_gb_is_reachable_also_when_the_table_reserve_is_used_up():
    """Device memory at terabytes; then more distinct 512 GB regions than there are tables, and the device again."""
    options = {
        "cpu": "max,+svm,phys-bits=48",
        "qemu_args": ["-object", "memory-backend-ram,id=shm,size=64M,share=on"],
        "devices": ["ivshmem-plain,memdev=shm"],
        "secure_boot": False,  # /dev/mem
        "files": {"/root/mmio": GUEST / "mmio"},
    }
    bar = "$(dirname $(grep -l 0x1110 /sys/bus/pci/devices/*/device))/resource2"
    with start("hv-mmio", **options) as m:
        m.wait_ready()
        m.sh("chmod +x /root/mmio")
        where = int(m.sh("grep -h 0x0000[1-9a-f] /sys/bus/pci/devices/*/resource | sort | tail -1").split()[0], 16)
        assert where >= 512 << 30, f"the firmware put the BAR at {where:#x}: the test shows nothing"
        load_module(m)
        assert m.sh(f"/root/mmio {bar} 0x1000 0x12345678").strip() == "0x12345678"
        before = total(exits(m), "slat_map")
        m.sh("for i in $(seq 8 120); do /root/mmio /dev/mem $((i * 549755813888)) 1 > /dev/null || exit 1; done",
             seconds=60)
        assert total(exits(m), "slat_map") - before >= 113
        assert m.sh(f"/root/mmio {bar} 0x3FFF000 0xCAFE").strip() == "0xcafe"
        assert total(exits(m), "slat_denied") == 0
