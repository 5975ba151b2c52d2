# SPDX-License-Identifier: GPL-2.0-only
"""openvbs on Bochs: Intel's VMX, which no other emulator has, and a second opinion on AMD's SVM.

Bochs checks each VM entry as the manual says and names in its log what is
wrong; it also keeps TLB entries that QEMU flushes. No Secure Boot there: the
loader tells so as evidence, and starts all the same.
"""

import os

import pytest

import guestlib
from guestlib import BUILD
from machine import BochsMachine, MachineError, bochs_emulator

NEXT = "next=\\EFI\\test\\status.efi\n"


@pytest.fixture(scope="module", autouse=True)
def emulator():
    try:
        bochs_emulator.get()
    except MachineError as e:
        if os.environ.get("OPENVBS_BOCHS_REQUIRED"):
            raise
        pytest.skip(f"no Bochs: {e}")


@pytest.mark.parametrize("model, cpus, backend", [("corei7_skylake_x", 1, "VMX"), ("corei7_skylake_x", 2, "VMX"),
                                                  ("ryzen", 1, "SVM")])
def test_every_cpu_becomes_a_guest(model, cpus, backend):
    """The loader asks each CPU afterwards, by the firmware's own multiprocessor services, whether openvbs answers."""
    with BochsMachine(f"bochs-{backend.lower()}-{cpus}", model=model, cpus=cpus, image=None, openvbs="debug", conf=NEXT,
                      esp={"EFI/test/status.efi": BUILD / "guest" / "status.efi"}, time_limit=110) as m:
        m.wait_for(rf"openvbs \S+: {backend} \w+ .*, {cpus} CPUs")
        m.wait_for(rf"^openvbs \S+: running, {cpus} CPUs")
        m.wait_for(r"^status: state=1 reason=0 ")
        m.wait_for(r"^status: CPUID says openvbs")
        assert m.vm_entry_failures() == []
        assert "panic" not in m.log_text()


@pytest.mark.parametrize("model, cpus", [("corei7_skylake_x", 2), ("ryzen", 1)])
def test_linux_as_a_guest(model, cpus):
    """Linux boots to its shell under openvbs, finds no virtualization for itself, and takes a CPU off and on."""
    with BochsMachine(f"bochs-linux-{model}", model=model, cpus=cpus, openvbs="debug", files=guestlib.module(),
                      time_limit=150) as m:
        m.wait_for(rf"^openvbs \S+: running, {cpus} CPUs")
        m.wait_ready()
        assert int(m.sh("nproc")) == cpus
        assert m.run("grep -qE '^flags.*(vmx|svm)' /proc/cpuinfo").rc == 1
        guestlib.load_module(m)
        assert f"CPU {cpus - 1} (APIC {cpus - 1}) runs VTL0" in guestlib.log(m)
        if cpus > 1:
            m.sh("cd /sys/devices/system/cpu/cpu1; echo 0 >online; echo 1 >online")
            assert int(m.sh("nproc")) == cpus
        assert m.vm_entry_failures() == []


@pytest.mark.long
@pytest.mark.parametrize("model, cpus, flag", [("corei7_skylake_x", 2, "vmx"), ("ryzen", 1, "svm")])
def test_linux_alone(model, cpus, flag):
    """The emulator itself, without openvbs: what fails in Linux as a guest only is ours."""
    with BochsMachine(f"bochs-alone-{model}", model=model, cpus=cpus, time_limit=150) as m:
        m.wait_ready()
        assert int(m.sh("nproc")) == cpus
        m.sh(f"grep -qw {flag} /proc/cpuinfo")
