# SPDX-License-Identifier: GPL-2.0-only
"""The test machine keeps its own promises, without openvbs.

If one of these fails, no result of another boot test means anything: Secure
Boot that does not refuse, a time limit that does not end, a command channel
that loses output would turn attacks into passes.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from machine import Machine, MachineError, accel, common, emulators, keys, tiny

ROOT = Path(__file__).resolve().parents[2]


def gone(pid, seconds):
    """Whether process `pid` is gone (or a zombie) within so many seconds."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return True
        if state == "Z":
            return True
        time.sleep(0.2)
    return False


# --- Secure Boot ----------------------------------------------------------


def test_tiny_boots_under_secure_boot_quickly(machine):
    """Promise: the signed tiny image reaches its shell, locked down by Secure Boot, in less than 15 s of guest time."""
    m = machine()
    m.wait_ready()
    assert "[integrity]" in m.sh("cat /sys/kernel/security/lockdown")
    assert m.sh("nproc").strip() == "2"
    assert float(m.sh("cat /proc/uptime").split()[0]) < 15


def test_without_secure_boot_nothing_is_locked(machine):
    """Promise: secure_boot=False is really off, and then an unsigned image starts (the control of the next tests)."""
    m = machine(secure_boot=False, sign=False)
    m.wait_ready()
    assert "[none]" in m.sh("cat /sys/kernel/security/lockdown")


def test_unsigned_program_is_refused(machine):
    """Promise: Secure Boot refuses a program without a signature."""
    m = machine(sign=False)
    assert m.wait_for(r"BdsDxe: failed to load .*: (\S[^\r\n]*)[\r\n]", 40)[1].strip() == "Access Denied"
    assert "Linux version" not in m.log_text()


@pytest.mark.parametrize("where", ["head", "middle"])
def test_tampered_program_is_refused(machine, tmp_path, where):
    """Promise: Secure Boot refuses a signed program in which one bit was changed."""
    image = bytearray(tiny.uki(tmp_path / "tiny.efi").read_bytes())
    image[0x1400 if where == "head" else len(image) // 2] ^= 1
    m = machine(image=None, esp={"EFI/BOOT/BOOTX64.EFI": bytes(image)})
    assert m.wait_for(r"BdsDxe: failed to load .*: (\S[^\r\n]*)[\r\n]", 40)[1].strip() in ("Access Denied", "Security Violation")


def test_kernel_takes_modules_signed_with_our_key_only(machine, tmp_path):
    """Promise: under Secure Boot our test modules load because they are signed, not because nobody looks."""
    dummy, stripped, signed = (tmp_path / f"{name}.ko" for name in ("dummy", "stripped", "signed"))
    dummy.write_bytes(tiny.module(tiny.module_files(tiny.module_tree(), ["dummy"])[0][0]))
    subprocess.run(["strip", "-g", "-o", stripped, dummy], check=True)
    keys.sign_module(stripped, signed)
    m = machine(files={"root/unsigned.ko": stripped, "root/signed.ko": signed})
    m.wait_ready()
    rc, said = m.run("insmod /root/unsigned.ko")
    assert rc != 0 and "rejected" in said
    assert m.run("insmod /root/signed.ko").rc == 0
    assert m.run("grep -q ^dummy /proc/modules").rc == 0


# --- devices and options --------------------------------------------------


def test_tpm_is_there_and_measures(machine):
    """Promise: with tpm=True the guest has a TPM 2.0 and the firmware measured into it."""
    m = machine(tpm=True)
    m.wait_ready()
    assert m.sh("cat /sys/class/tpm/tpm0/tpm_version_major").strip() == "2"
    pcr7 = m.sh("cat /sys/class/tpm/tpm0/pcr-sha256/7").strip()
    assert len(pcr7) == 64 and set(pcr7) != {"0"}


def test_no_tpm_unless_asked_for(machine):
    """Promise: without tpm=True there is none, so a test of its absence tests that."""
    m = machine()
    m.wait_ready()
    assert m.sh("ls /sys/class/tpm").strip() == ""


@pytest.mark.parametrize("x2apic", [True, False])
def test_apic_mode_is_selectable(machine, x2apic):
    """Promise: Linux runs the local APIC in the mode that the test chose (the ICR is an MSR, or memory)."""
    m = machine(x2apic=x2apic, iommu="amd")
    m.wait_ready()
    assert ("x2apic" in m.sh("grep -m1 ^flags /proc/cpuinfo").split()) == x2apic
    assert (m.run("dmesg | grep -q 'Switched APIC routing to:* cluster x2apic'").rc == 0) == x2apic


@pytest.mark.parametrize("kind, sign", [("amd", "AMD-Vi: Found IOMMU"), ("intel", "DMAR: Intel(R) Virtualization")])
def test_iommu_is_there(machine, kind, sign):
    """Promise: iommu= gives the guest an IOMMU that Linux uses."""
    m = machine(iommu=kind)
    m.wait_ready()
    assert sign in m.sh("dmesg")


def test_svm_is_there_and_can_be_taken_away(machine):
    """Promise: the CPU has SVM with nested paging, and cpu_flags takes it away."""
    m = machine()
    m.wait_ready()
    assert {"svm", "npt"} <= set(m.sh("grep -m1 ^flags /proc/cpuinfo").split())
    m.stop()
    n = machine(cpu_flags="-svm", cpus=1)
    n.wait_ready()
    assert "svm" not in n.sh("grep -m1 ^flags /proc/cpuinfo").split()


def test_old_emulator_is_selectable(machine):
    """Promise: qemu="7.2" is the older QEMU, or a clear error where there is none."""
    if not emulators.system_version().startswith("7.2"):
        with pytest.raises(MachineError, match="use Debian 12"):
            Machine("old", qemu="7.2")
        return
    m = machine(qemu="7.2")
    version = m.qmp("query-version")["qemu"]
    assert (version["major"], version["minor"]) == (7, 2)
    m.wait_ready()


@pytest.mark.parametrize("options", [
    {"cpus": 9}, {"cpus": 0}, {"thread": "dual"}, {"icount": True, "cpus": 2}, {"time_limit": 0},
    {"qemu": "9"}, {"qemu": "7.2", "x2apic": True}, {"image": "huge"}, {"image": None},
])
def test_senseless_options_are_refused(options):
    """Promise: a wrong option is an error, never a machine other than the one asked for."""
    with pytest.raises(MachineError):
        Machine("senseless", **options)


def test_missing_openvbs_is_an_error(tmp_path):
    """Promise: a test of openvbs can't run without it by mistake."""
    with pytest.raises(MachineError, match="does not exist"):
        with Machine("missing", openvbs=tmp_path / "openvbs.efi"):
            pass


@pytest.mark.long
def test_icount_makes_time_repeatable(machine):
    """Promise: with icount the guest's clock counts instructions: two boots take the same time, to 10 ms."""
    def boot():
        m = machine(icount=True, cpus=1, time_limit=300)
        m.wait_ready()
        line = next(text for text in m.log_text().splitlines() if text.startswith("tiny: ready"))
        m.stop()
        return line
    assert boot() == boot()


# --- console, commands, monitor -------------------------------------------


def test_commands_report_status_and_whole_output(machine):
    """Promise: run() gives a command's own status and output, whatever the kernel prints meanwhile."""
    m = machine()
    m.wait_ready()
    assert m.run("true") == (0, "")
    assert m.run("echo 'a  b'; echo \"$HOME\" >&2; exit 7") == (7, "a  b\n/root\n")
    assert m.run("printf 'no newline'").output == "no newline"
    noisy = "for i in $(seq 200); do echo kernel noise $i >/dev/kmsg; echo line $i; done"
    assert m.sh(noisy) == "".join(f"line {i}\n" for i in range(1, 201))
    assert m.sh("seq 20000") == "".join(f"{i}\n" for i in range(1, 20001))
    m.wait_for("kernel noise 200", 10)
    m.put("/tmp/file", bytes(range(256)) * 20)
    assert m.sh("wc -c </tmp/file").strip() == "5120"
    with pytest.raises(MachineError, match="status 3"):
        m.sh("exit 3")


def test_failures_show_transcript_and_cpus(machine):
    """Promise: a failing wait names what was awaited, the last lines of the console, and where the CPUs are."""
    m = machine()
    m.wait_ready()
    m.send("echo mark''er\n")
    m.wait_for("^marker", 10)
    with pytest.raises(MachineError) as failure:
        m.wait_for("this never comes", 1)
    for part in ("this never comes", "marker", "RIP=", "CPU#1", "test_failures_show_transcript_and_cpus.log"):
        assert part in str(failure.value)
    with pytest.raises(MachineError, match="did not finish"):
        m.run("sleep 30", seconds=1)


def test_monitor(machine):
    """Promise: status, registers, NMI, stop, refusal and reset work through QMP."""
    m = machine(reboot=True)
    m.wait_ready()
    assert m.status() == "running"
    m.qmp("stop")
    assert m.status() == "paused"
    m.qmp("cont")
    assert "CPU#1" in m.registers() and "RIP=" in m.registers()
    before = m.sh("grep NMI: /proc/interrupts")
    m.nmi()
    m.wait_for("NMI", 10)
    assert m.sh("grep NMI: /proc/interrupts") != before
    with pytest.raises(MachineError, match="refused"):
        m.qmp("no-such-command")
    m.reset()
    m.event("RESET", 10)
    m.wait_for("Linux version", 60)
    m.wait_ready()
    assert float(m.sh("cat /proc/uptime").split()[0]) < 15


def test_a_crash_is_seen_at_once(machine):
    """Promise: a guest that resets by itself ends the machine, and the error says so, long before the time limit."""
    m = machine()
    m.wait_ready()
    began = time.monotonic()
    with pytest.raises(MachineError, match="the guest was reset"):
        m.run("echo c >/proc/sysrq-trigger")
    assert time.monotonic() - began < 20
    assert "sysrq triggered crash" in m.log_text()


def test_variables_tpm_and_disk_survive_power_off(machine):
    """Promise: stop() and start() are a power cycle of the same machine."""
    name = "/sys/firmware/efi/efivars/OpenvbsTest-6f76627a-7465-4b65-a973-0a5e1ec0b001"
    m = machine(esp={"EFI/test/file": b"kept"})
    m.wait_ready()
    m.sh(f"printf '\\007\\000\\000\\000value' >{name}")
    m.stop()
    assert m.esp_read("\\EFI\\test\\file") == b"kept"
    m.start()
    m.wait_ready()
    assert m.sh(f"cat {name}").endswith("value")


# --- the time limit -------------------------------------------------------


def test_time_limit_ends_a_hung_qemu(machine):
    """Promise: a QEMU that does not even react to signals is killed at the limit, and no other QEMU is."""
    other = machine()
    m = machine(time_limit=5)
    pid = m.pid
    os.kill(pid, signal.SIGSTOP)
    assert not gone(pid, 2), "it ended before the limit"
    assert gone(pid, 15), "it outlived its limit"
    with pytest.raises(MachineError, match="time limit"):
        m.wait_for("never", 5)
    assert not gone(other.pid, 0.5)


def test_time_limit_holds_when_the_test_dies():
    """Promise: a test process that is killed leaves no QEMU behind beyond the limit."""
    code = ("import sys; sys.path.insert(0, sys.argv[1])\nfrom machine import Machine\n"
            "with Machine('orphan', time_limit=6) as m:\n print(m.pid, m.dir, flush=True)\n import time; time.sleep(60)")
    test = subprocess.Popen([sys.executable, "-c", code, ROOT / "tools"], stdout=subprocess.PIPE, text=True)
    line = next((text for text in test.stdout if text.split()[0].isdigit()), None)
    test.kill()
    test.wait()
    assert line, "the machine did not start"
    pid, directory = line.split()
    assert not gone(int(pid), 0.5), "nothing was left to end"
    assert gone(int(pid), 20)
    shutil.rmtree(directory)


def test_leaving_ends_qemu(machine):
    """Promise: leaving the context ends QEMU and the TPM and removes the run's files, on an exception too."""
    with pytest.raises(RuntimeError):
        with Machine("leaving", tpm=True) as m:
            pid, tpm, directory = m.pid, m.tpm_pid, m.dir
            raise RuntimeError
    assert gone(pid, 1) and gone(tpm, 1) and not directory.exists()


# --- the parts on the host ------------------------------------------------


def test_a_failed_making_leaves_nothing(tmp_path):
    """Promise: an image or emulator that could not be made whole is not used; a changed recipe makes it anew."""
    target = tmp_path / "thing-of-the-test"

    def fail(tmp):
        (tmp / "half").write_text("half")
        raise MachineError("no disk left")

    with pytest.raises(MachineError):
        common.cached(target, "1", fail, "a test")
    assert not target.exists()
    made = []
    for recipe in ("1", "1", "2"):
        common.cached(target, recipe, lambda tmp: made.append(tmp), "a test")
    assert len(made) == 2 and not (target / "half").exists()


def test_setup_does_nothing_when_all_is_there(tmp_path):
    """Promise: `make setup` calls neither apt-get nor sudo on a machine that has everything."""
    for name in ("apt-get", "sudo"):
        fake = tmp_path / name
        fake.write_text("#!/bin/sh\necho called >&2; exit 1\n")
        fake.chmod(0o755)
    env = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run([ROOT / "tools/machine/setup.sh", "all"], env=env, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_every_package_has_a_reason():
    """Promise: mk/packages.txt says why each package is needed, and names none twice."""
    lines = [line.split(None, 2) for line in (ROOT / "mk/packages.txt").read_text().splitlines()
             if line.strip() and not line.startswith("#")]
    assert all(len(line) == 3 and line[0] in ("build", "test", "test13") for line in lines)
    assert len({line[1] for line in lines}) == len(lines)


def test_apt_sources_are_understood():
    """Promise: the mirror is the one the host is configured with, in the newer format too."""
    text = "# a comment\nTypes: deb deb-src\nURIs: http://mirror.test/debian\nSuites: a a-updates\nComponents: main x\n" \
           "\nTypes: deb-src\nURIs: http://other.test/\nSuites: a\nComponents: main\n" \
           "\nEnabled: no\nTypes: deb\nURIs: http://off.test/\nSuites: a\nComponents: main\n"
    assert list(common._deb822_sources(text)) == [
        ("http://mirror.test/debian", "a", "main x"), ("http://mirror.test/debian", "a-updates", "main x")]


def test_kvm_is_used_only_where_it_nests(monkeypatch):
    """Promise: host KVM is chosen only when nothing is in its way, and never silently replaced when demanded."""
    monkeypatch.delenv("OPENVBS_ACCEL", raising=False)
    monkeypatch.setattr(accel, "_kvm_obstacle", lambda: "not nested")
    assert accel.choose() == "tcg"
    monkeypatch.setenv("OPENVBS_ACCEL", "kvm")
    with pytest.raises(MachineError, match="not nested"):
        accel.choose()
    monkeypatch.setattr(accel, "_kvm_obstacle", lambda: None)
    assert accel.choose() == "kvm"
    monkeypatch.delenv("OPENVBS_ACCEL")
    assert (accel.choose(), accel.choose(icount=True)) == ("kvm", "tcg")


# --- Debian ---------------------------------------------------------------


def test_debian_boots_through_shim_and_grub(machine):
    """Promise: stock Debian starts by Microsoft's and Debian's own signatures, healthy, reachable, and powers off."""
    m = machine(image="debian", ssh=True, tpm=True, mem=2048, time_limit=300)
    m.wait_for(r"BdsDxe: starting Boot0010 .*shimx64\.efi", 30)
    m.wait_for("Welcome to GRUB|Booting `Debian", 30)
    m.wait_ready()
    assert "SecureBoot enabled" in m.sh("mokutil --sb-state")
    assert m.sh("systemctl is-system-running --wait", 90).strip() == "running"
    assert m.remote("uname -r") == (0, tiny.kernel_package()[0] + "\n")
    m.powerdown()
    assert m.wait_exit(30) == 0
