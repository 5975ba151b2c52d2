# SPDX-License-Identifier: GPL-2.0-only
"""The attacks that gate every change: one of each kind, on both APIC modes, and on VMX.

`make attack` runs all of them, on more CPUs; the control shows that the
judgement fails on a machine without openvbs.
"""

import subprocess
import sys
from pathlib import Path

import pytest

RUN = Path(__file__).with_name("run.py")
ATTACKS = ["insns", "svme", "vmxe", "steps_held", "msrs", "cpuid_hidden", "block", "fetch", "reads", "writes", "tables", "descriptors",
           "nmi", "init", "s3_moved_pm_block", "vtl1_memory", "hypercalls", "hypercall_places", "hypercall_page", "vtl1_register",
           "vtl1_messages", "vtl1_registers"]
# What runs trustlets for long; 10^5 inputs of the fuzzer take 10 s on QEMU. On Bochs: `make attack`.
QEMU_ATTACKS = ["hypercall_devices", "vtl1_race", "vtl1_busy", "vtl1_recursion", "vtl1_reset", "vtl1_protect", "vtl1_trustlet", "vtl1_endless", "vtl1_fuzz",
                "lockdown", "lockdown_user", "patch", "lockdown_ap"]

# Without disks and network cards: those are in `make attack`.
DMA_ATTACKS = ["dma_own", "dma_read", "dma_write", "dma_edu", "dma_fw_cfg", "dma_hpet", "dma_freeze", "dma_cpu_regs", "dma_regs", "efi"]


def run(*arguments, attacks=tuple(ATTACKS + QEMU_ATTACKS)):
    run_all(*arguments, *[word for attack in attacks for word in ("--only", attack)])


def run_all(*arguments):
    done = subprocess.run([sys.executable, str(RUN), *arguments], capture_output=True, text=True, timeout=500, check=False)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-3000:]


@pytest.mark.parametrize("platform", ["xapic-2", "x2apic-2", "vmx-2"])
def test_ring_0_of_vtl0_does_not_reach_the_hypervisor(platform, tmp_path, request):
    if platform.startswith("vmx"):
        request.getfixturevalue("bochs")
    run("--platform", platform, "--json", str(tmp_path / "attack.json"),
        attacks=ATTACKS if platform.startswith("vmx") else ATTACKS + QEMU_ATTACKS)


def test_lockdown_holds_with_mode_based_execute_control(bochs, tmp_path):
    run("--platform", "vmx-2", "--json", str(tmp_path / "attack.json"), attacks=["lockdown", "lockdown_user", "lockdown_ap"])


def test_a_new_intel_cpu_gives_the_firmware_no_way_in(bochs, tmp_path):
    """Arrow Lake has CET, WAITPKG and XSAVES with supervisor state; the EFI program alone."""
    run_all("--platform", "vmx-new", "--json", str(tmp_path / "attack.json"))


def test_the_same_attacks_succeed_without_openvbs(tmp_path):
    run("--without", "--platform", "xapic-2", "--json", str(tmp_path / "without.json"))


def run_settings(*arguments, attacks):
    done = subprocess.run([sys.executable, str(RUN.with_name("settings.py")), *arguments,
                           *[word for attack in attacks for word in ("--only", attack)]],
                          capture_output=True, text=True, timeout=500, check=False)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-3000:]


def test_root_does_not_get_past_the_uefi_lock(tmp_path):
    run_settings("--json", str(tmp_path / "locked.json"), attacks=["lock_forms", "flash", "settings_off", "policy_off", "opt_out_alone"])


def test_without_the_lock_root_switches_off(tmp_path):
    run_settings("--unlocked", "--json", str(tmp_path / "unlocked.json"), attacks=["settings_off", "squat"])


def run_dma(*arguments, attacks):
    done = subprocess.run([sys.executable, str(RUN.with_name("dma.py")), *arguments,
                           *[word for attack in attacks for word in ("--only", attack)]],
                          capture_output=True, text=True, timeout=500, check=False)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-3000:]


@pytest.mark.parametrize("platform", ["amd", "intel"])
def test_devices_do_not_reach_what_is_hidden_or_frozen(platform, tmp_path):
    run_dma("--platform", platform, "--json", str(tmp_path / "dma.json"), attacks=DMA_ATTACKS)


def test_devices_are_held_at_level_1_too(tmp_path):
    run_dma("--level", "1", "--platform", "amd", "--json", str(tmp_path / "dma.json"), attacks=["dma_read", "dma_write"])


def test_devices_reach_everything_without_an_iommu(tmp_path):
    run_dma("--without", "--kind", "open", "--json", str(tmp_path / "dma.json"), attacks=["dma_read", "dma_write", "dma_freeze"])


@pytest.mark.long
@pytest.mark.parametrize("platform", ["vmx-2", "vmx-new"])
def test_the_same_attacks_succeed_on_vmx_without_openvbs(platform, bochs, tmp_path):
    run_all("--without", "--platform", platform, "--json", str(tmp_path / "without.json"))
