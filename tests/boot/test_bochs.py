# SPDX-License-Identifier: GPL-2.0-only
"""openvbs on Bochs: Intel's VMX, which no other emulator has, and a second opinion on AMD's SVM.

Bochs checks each VM entry as the manual says and names in its log what is
wrong; it also keeps TLB entries that QEMU flushes. No Secure Boot there: the
loader tells so as evidence, and starts all the same.
"""

import re

import pytest

import guestlib
import vtl1lib
from guestlib import BUILD
from machine import BochsMachine, tiny
from vtl1lib import HELLO, SELFTEST, call

NEXT = "next=\\EFI\\test\\status.efi\n"
NO_VIRTUALIZATION, FIRMWARE_OFF = 2, 3  # enum ovbs_reason


pytestmark = pytest.mark.usefixtures("bochs")


def firmware_only(model, **options):
    """A machine that ends with status.efi, which shows what the loader says."""
    esp = {"EFI/test/status.efi": BUILD / "guest" / "status.efi", **options.pop("esp", {})}
    return BochsMachine(f"bochs-{model}", **{"model": model, "image": None, "openvbs": "debug", "conf": NEXT, "time_limit": 110,
                                             **options, "esp": esp})


@pytest.mark.parametrize("model, cpus, backend", [
    ("corei5_arrandale_m520", 1, "VMX"),  # the first with unrestricted guest: no INVPCID, no 1 GiB pages
    ("corei7_skylake_x", 2, "VMX"),
    ("corei7_skylake_x", 3, "VMX"),  # 4: firmware's broadcast SIPIs reach two CPUs only (docs/caveats.md, quirks)
    ("arrow_lake", 2, "VMX"),  # CET, WAITPKG, user interrupts
    ("phenom_8650_toliman", 1, "SVM"),  # SVM without the later additions
    ("ryzen", 1, "SVM"),
])
def test_every_cpu_becomes_a_guest(model, cpus, backend):
    """The loader asks each CPU afterwards, by the firmware's own multiprocessor services, whether openvbs answers."""
    with firmware_only(model, cpus=cpus) as m:
        m.wait_for(rf"openvbs \S+: {backend} \w+ .*, {cpus} CPUs")
        m.wait_for(rf"^openvbs \S+: running, {cpus} CPUs")
        m.wait_for(r"^status: state=1 reason=0 ")
        m.wait_for(r"^status: CPUID says openvbs")
        assert m.vm_entry_failures() == []
        assert "panic" not in m.log_text()


@pytest.mark.parametrize("model, check, evidence", [
    ("core2_penryn_t9600", "vmx.ept", r"IA32_VMX_PROCBASED_CTLS2=\w+h: no EPT"),
    ("corei5_lynnfield_750", "vmx.unrestricted_guest", r"IA32_VMX_PROCBASED_CTLS2=\w+h: no unrestricted guest"),
    ("athlon64_venice", "cpuid.svm", r"CPUID 80000001h ECX=\w+h, bit 2 \(SVM\) is 0, AuthenticAMD family fh"),
])
def test_a_cpu_that_does_not_fit_is_named(model, check, evidence):
    with firmware_only(model) as m:
        m.wait_for(rf"^openvbs: not running: CPU lacks virtualization \({re.escape(check)}\): {evidence}; Secure Boot off")
        m.wait_for(rf"^status: state=0 reason={NO_VIRTUALIZATION} check={re.escape(check)} evidence={evidence}")


def feature_control(locked_off):
    """Without fw_cfg firmware is not told what to put into IA32_FEATURE_CONTROL, and leaves it open."""
    files = {"EFI/openvbs/openvbs.efi": BUILD / "debug" / "openvbs.efi", "EFI/openvbs/openvbs.conf": "next=\\EFI\\missing.efi\n",
             "EFI/tests/status.efi": BUILD / "guest" / "status.efi", **({"EFI/tests/lock-off": ""} if locked_off else {})}
    return BochsMachine(f"bochs-feature-{'locked' if locked_off else 'open'}", image=None, boot=BUILD / "guest" / "feature.efi",
                        esp=files, bochsrc=["fw_cfg: enabled=0"], time_limit=110)


def test_vmx_left_open_by_firmware_is_locked():
    with feature_control(locked_off=False) as m:
        m.wait_for(r"^feature: found 0\n")
        m.wait_for(r"^status: state=1 reason=0 ")
        # VTL0 sees the lock, and no VMX
        m.wait_for(r"^feature: openvbs ended with EFI status 0h, IA32_FEATURE_CONTROL 1\n")


def test_vmx_locked_off_by_firmware_is_named():
    with feature_control(locked_off=True) as m:
        m.wait_for(r"^feature: now 1\n")
        m.wait_for(r"^openvbs: not running: virtualization is off in firmware \(feature_control\.vmx\): IA32_FEATURE_CONTROL=1h")
        m.wait_for(rf"^status: state=0 reason={FIRMWARE_OFF} check=feature_control\.vmx ")


@pytest.mark.parametrize("model, cpus", [("corei7_skylake_x", 2), ("ryzen", 1)])
def test_linux_as_a_guest(model, cpus):
    """Linux boots to its shell under openvbs, finds no virtualization for itself, and takes a CPU off and on."""
    with BochsMachine(f"bochs-linux-{model}", model=model, cpus=cpus, openvbs="debug",
                      files={**guestlib.module(), **vtl1lib.files()}, time_limit=180) as m:
        m.wait_for(rf"^openvbs \S+: running, {cpus} CPUs")
        m.wait_ready()
        assert int(m.sh("nproc")) == cpus
        assert m.run("grep -qE '^flags.*(vmx|svm)' /proc/cpuinfo").rc == 1
        guestlib.load_module(m)
        assert f"CPU {cpus - 1} (APIC {cpus - 1}) runs VTL0" in guestlib.log(m)
        if cpus > 1:
            m.sh("cd /sys/devices/system/cpu/cpu1; echo 0 >online; echo 1 >online")
            assert int(m.sh("nproc")) == cpus
        trustlets_answer(m, cpus)
        sleep_is_refused(m)
        assert m.vm_entry_failures() == []


def trustlets_answer(m, cpus):
    """VTL1 on every CPU: a call, an interrupted one, crashes of each kind of access, cryptography, and VTL0's registers."""
    m.sh("chmod +x /root/ovbs-*")
    for cpu in range(cpus):
        m.sh(f"taskset {1 << cpu:x} /root/ovbs-call {HELLO} 1 b:World B:100 | grep -q 48656c6c6f2c20576f726c6421")
    assert call(m, SELFTEST, "CRYPTO_VECTORS", "V:").values[0] == (0, 7)
    before = guestlib.total(guestlib.exits(m), "vtl_interrupt")
    assert call(m, SELFTEST, "WORK", "v:20", "V:").result == vtl1lib.OK
    assert guestlib.total(guestlib.exits(m), "vtl_interrupt") > before
    for crash in (("CRASH_NULL",), ("WRITE_TEXT",), ("EXEC_DATA", "v:0"), ("READ_ADDRESS", "v:0xffffffff80000000", "V:"),
                  ("PRIVILEGED", f"v:{vtl1lib.CMD['INSN_RDMSR']}"), ("PRIVILEGED", f"v:{vtl1lib.CMD['INSN_VMCALL']}")):
        assert call(m, SELFTEST, *crash).result == vtl1lib.DEAD, crash
    assert call(m, SELFTEST, "ECHO", "v:1,2", "V:").values[1] == (1, 2)


def sleep_is_refused(m):
    """By openvbs.ko before it starts; without it by the hypervisor, and Linux goes on."""
    m.sh("echo deep >/sys/power/mem_sleep; dmesg -c >/dev/null")
    assert m.run("echo mem >/sys/power/state").rc
    assert "sleep state S3 is not supported under openvbs" in m.sh("dmesg -c")
    m.sh("rmmod openvbs")
    m.run("echo mem >/sys/power/state", 120)
    guestlib.load_module(m)
    assert re.search(r"sleep.* refused", guestlib.log(m)), guestlib.log(m)


@pytest.mark.long
def test_a_cpu_goes_off_and_on_many_times():
    """INIT and SIPI by the CPU's own exits, from Linux, which waits for nothing in between."""
    with BochsMachine("bochs-hotplug", cpus=3, openvbs="release", files=guestlib.module(), time_limit=400) as m:
        m.wait_ready()
        guestlib.load_module(m)
        m.sh("""cd /sys/devices/system/cpu; i=0
             while [ $i -lt 8 ]; do echo 0 >cpu1/online; echo 0 >cpu2/online; echo 1 >cpu2/online; echo 1 >cpu1/online
             i=$((i+1)); done""", 300)
        assert int(m.sh("nproc")) == 3
        assert guestlib.total(guestlib.exits(m), "init") >= 16
        assert m.vm_entry_failures() == []


@pytest.mark.long
def test_kexec_reboot_and_poweroff():
    """The second kernel starts its CPUs inside VTL0; a reset starts openvbs again; the machine goes off."""
    files = {"/root/vmlinuz": tiny.kernel() / "vmlinuz", "/root/kexec": guestlib.GUEST / "kexec",
             "/root/initrd": tiny.with_files(tiny.initramfs().read_bytes(), guestlib.module())}
    with BochsMachine("bochs-kexec", cpus=2, mem=1024, openvbs="release", files=files, time_limit=500) as m:
        m.wait_ready()
        m.sh("chmod +x /root/kexec")
        m.send("/root/kexec /root/vmlinuz /root/initrd 'console=ttyS0,115200 panic=0 second=1'\n")
        m.wait_for(r"Linux version")
        m.wait_ready()
        assert "second=1" in m.sh("cat /proc/cmdline")
        assert int(m.sh("nproc")) == 2
        guestlib.load_module(m)
        assert guestlib.total(guestlib.exits(m), "init") >= 2, "the second kernel's CPU did not start through the hypervisor"
        m.send("reboot -f\n")
        m.wait_for(r"openvbs \S+: running, 2 CPUs")
        m.wait_ready()
        m.send("poweroff -f\n")
        m.wait_exit(60)
        assert m.vm_entry_failures() == []


@pytest.mark.long
@pytest.mark.parametrize("openvbs", ["release", None])
def test_debian_to_its_login(openvbs):
    """The stock disk from UEFI by shim and GRUB, with 2 CPUs; without openvbs as the control of the emulator."""
    with BochsMachine(f"bochs-debian-{openvbs}", image="debian", openvbs=openvbs, cpus=2, mem=1024, time_limit=900) as m:
        if openvbs:
            m.wait_for(r"^openvbs \S+: running, 2 CPUs")
        m.wait_ready()
        assert int(m.sh("nproc")) == 2
        assert m.sh("systemctl is-system-running --wait", 300).strip() == "running"
        assert m.run("grep -q '^flags.* vmx' /proc/cpuinfo").rc == (1 if openvbs else 0)
        assert m.vm_entry_failures() == []


@pytest.mark.long
@pytest.mark.parametrize("model, cpus, flag", [("corei7_skylake_x", 2, "vmx"), ("ryzen", 1, "svm")])
def test_linux_alone(model, cpus, flag):
    """The emulator itself, without openvbs: what fails in Linux as a guest only is ours."""
    with BochsMachine(f"bochs-alone-{model}", model=model, cpus=cpus, time_limit=150) as m:
        m.wait_ready()
        assert int(m.sh("nproc")) == cpus
        m.sh(f"grep -qw {flag} /proc/cpuinfo")
