#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""make demo: boot a full Debian under openvbs and show, step by step, what can be seen of it.

Every step looks at the machine and says what it saw; nothing is taken for
granted. Exit status 0 only if each step was seen. Takes no arguments; the
consoles' transcripts are build/logs/demo*.log.
"""

import base64
import json
import os
import re
import sys
import textwrap
import time
from pathlib import Path

from machine import Machine, MachineError, debian, emulators, keys, tiny
from machine import status as ovbs_status
from machine.common import BUILD, LOGS, digest, run
from machine.images import BOOT

CPUS = 2
IDLE_SECONDS = 10
EFI = BUILD / "release" / "openvbs.efi"
EFIVARS = "/sys/firmware/efi/efivars"
GLOBAL = "8be4df61-93ca-11d2-aa0d-00e098032b8c"
SIGNATURE = "OpenVBSVsm01"
EMULATOR_ONLY = ("icr_x2apic", "apic_xapic", "smi")  # docs/caveats.md, below-hypervisor-init and smi-in-guest
# what the person at the console would see go by
CONSOLE = r"^(.*(?:openvbs|Linux version|secureboot:|SMP: Total|Brought up|login:|Welcome to).*)$"


class NotSeen(Exception):
    """A step did not show what it should; the text says what was seen instead."""


class Demo:
    """Prints the steps and remembers what became of them."""

    def __init__(self):
        self.results = []

    def title(self, text):
        print(f"\n=== {text}", flush=True)

    def note(self, text):
        print(textwrap.indent(text.rstrip(), "      "), flush=True)

    def step(self, title, look, *args):
        """Run one look; it returns the lines that were seen, or raises."""
        try:
            seen = look(*args)
        except (NotSeen, MachineError, ovbs_status.StatusError) as e:
            self.results.append((False, title))
            print(f"  [--] {title}: NOT SEEN", flush=True)
            self.note(str(e))
            return
        self.results.append((True, title))
        print(f"  [ok] {title}", flush=True)
        self.note("\n".join(seen))

    def summary(self):
        good = sum(ok for ok, _ in self.results)
        self.title(f"Summary: {good} of {len(self.results)} seen")
        for ok, title in self.results:
            print(f"  [{'ok' if ok else '--'}] {title}")
        return good == len(self.results)


def expect(true, otherwise):
    if not true:
        raise NotSeen(otherwise)


def efivar(m, name, guid=GLOBAL):
    """Bytes of a UEFI variable, attributes in front."""
    return base64.b64decode(m.sh(f"base64 {EFIVARS}/{name}-{guid}"))


# --- the steps -------------------------------------------------------------

def secure_boot(m):
    value = {name: efivar(m, name)[4] for name in ("SecureBoot", "SetupMode")}
    expect(value == {"SecureBoot": 1, "SetupMode": 0}, f"the firmware's variables say {value}")
    kernel = m.sh("dmesg | grep -i 'secure boot enabled'").splitlines()[0]
    return [f"firmware: SecureBoot = {value['SecureBoot']}, SetupMode = {value['SetupMode']}", f"kernel:   {kernel}"]


def own_kernel(m):
    release, version = tiny.kernel_package()
    running = m.sh("uname -r; uname -v; cat /proc/sys/kernel/tainted").split("\n")
    expect(running[0] == release and version in running[1], f"running: {running}; the package is {version}")
    expect(running[2] == "0", f"the kernel is tainted: {running[2]}")
    package = f"linux-image-{release}"
    changed = m.run(f"dpkg -V {package}").output.strip()
    expect(not changed, f"dpkg -V {package} finds changed files:\n{changed}")
    installed = m.sh(f"dpkg-query -W -f '${{Version}}' {package}").strip()
    ours = tiny.kernel() / "vmlinuz"
    there = m.sh(f"sha256sum /boot/vmlinuz-{release}").split()[0]
    here = run(["sha256sum", ours]).decode().split()[0]
    expect(there == here, f"/boot/vmlinuz-{release} has SHA-256 {there}, the one in Debian's package {here}")
    signer = run(["sbverify", "--list", ours]).decode()
    expect("Debian Secure Boot" in signer, f"the kernel's signature:\n{signer}")
    return [f"{package} {installed}, no file changed (dpkg -V)",
            f"/boot/vmlinuz-{release} = the archive's, SHA-256 {there[:16]}..., signed by Debian Secure Boot"]


def status(m):
    found = ovbs_status.decode_efivar(efivar(m, "OpenvbsStatus", ovbs_status.GUID))
    expect(found.running, "\n".join(ovbs_status.lines(found)))
    expect(found.cpus == CPUS, f"openvbs has {found.cpus} CPUs, the machine {CPUS}")
    m.status_seen = found
    return list(ovbs_status.lines(found))


def cpuid(m):
    raw = m.sh("cpuid -r -l 0x40000000; cpuid -1 -r -l 0x40000001")
    leaves = re.findall(r"eax=0x(\w{8}) ebx=0x(\w{8}) ecx=0x(\w{8}) edx=0x(\w{8})", raw)
    text = lambda words: b"".join(int(w, 16).to_bytes(4, "little") for w in words).decode("latin-1")
    signatures = [text(leaf[1:]) for leaf in leaves[:-1]]
    expect(len(signatures) == CPUS and set(signatures) == {SIGNATURE}, f"CPUID 0x40000000 says {signatures}:\n{raw}")
    return [f"CPUID 0x40000000 on each of {CPUS} CPUs: \"{SIGNATURE}\"; 0x40000001: \"{text(leaves[-1][:1])}\""]


def svm_hidden(m):
    expect(m.run("grep -qw svm /proc/cpuinfo").rc == 1, "/proc/cpuinfo still shows svm")
    raw = m.sh("cpuid -1 -r -l 0x80000001")
    ecx = int(re.search(r"ecx=0x(\w{8})", raw)[1], 16)
    expect(not ecx & 4, f"CPUID 80000001h ECX = {ecx:#x}: bit 2 (SVM) is set")
    loaded = m.run("modprobe kvm_amd")
    expect(loaded.rc != 0, "kvm_amd loaded: SVM can be used")
    return [f"the machine's CPU has SVM; Debian sees CPUID 80000001h ECX = {ecx:#x}, bit 2 is 0",
            f"modprobe kvm_amd: {loaded.output.strip()}"]


def load(m, name):
    """Put a module that is signed with the test key into the guest's kernel."""
    file = BUILD / "linux" / tiny.kernel_package()[0] / f"{name}.ko"
    expect(file.exists(), f"{file} is not built: `make modules` failed?")
    m.scp(file, f"/run/{name}.ko")
    m.sh(f"insmod /run/{name}.ko")


def install(m):
    """openvbs.ko and vbsctl, as a package would install them: the module is loaded at each boot."""
    release = tiny.kernel_package()[0]
    updates = f"/lib/modules/{release}/updates"
    m.sh(f"mkdir -p {updates}")
    m.scp(BUILD / "linux" / release / "openvbs.ko", f"{updates}/openvbs.ko")
    m.scp(BUILD / "clients" / "vbsctl", "/usr/sbin/vbsctl")
    m.sh("depmod && echo openvbs >/etc/modules-load.d/openvbs.conf && modprobe openvbs")
    return [f"{updates}/openvbs.ko (signed, loads under Secure Boot), /usr/sbin/vbsctl"]


def vbsctl(m, arguments, *codes, shown=40):
    """Run vbsctl; the lines that it printed, the command first. One of the exit statuses must be it."""
    done = m.run(f"vbsctl {arguments}")
    lines = done.output.rstrip().splitlines()
    expect(done.rc in (codes or (0,)), f"vbsctl {arguments} ended with {done.rc}:\n{done.output}")
    more = [f"  ... {len(lines) - shown} more lines"] if len(lines) > shown else []
    return [f"# vbsctl {arguments}", *lines[:shown], *more, *([f"(exit status {done.rc})"] if done.rc else [])]


def state(m, **want):
    """The state as vbsctl's JSON has it; what differs from `want` is an error."""
    found = json.loads(m.run("vbsctl status --json").output)
    wrong = {name: found.get(name) for name, value in want.items() if found.get(name) != value}
    expect(not wrong, f"vbsctl status --json says {wrong}, expected {want}")
    return found


def shows_status(m):
    state(m, VirtualizationBasedSecurityStatus=2, Running=True, Source="local value", PendingReboot=False)
    return vbsctl(m, "status")


def shows_readiness(m):
    return vbsctl(m, "readiness", *range(256))


def switch_off(m):
    seen = vbsctl(m, "disable")
    state(m, VirtualizationBasedSecurityStatus=2, Running=True, Configured=False, PendingReboot=True)
    return seen + vbsctl(m, "status", shown=3)


def is_off(m):
    state(m, VirtualizationBasedSecurityStatus=0, Running=False, Configured=False, PendingReboot=False)
    expect(m.run("lsmod | grep -q ^openvbs").rc, "openvbs.ko is loaded without openvbs")
    return vbsctl(m, "status", shown=4) + vbsctl(m, "diagnose", 0, 1, shown=8)


def lock(m):
    seen = vbsctl(m, "enable --level 1 --lock")
    state(m, VirtualizationBasedSecurityStatus=1, Running=False, Configured=True, PendingReboot=True)
    return seen + vbsctl(m, "status", shown=4)


def is_locked(m):
    found = state(m, VirtualizationBasedSecurityStatus=2, Running=True, Configured=True)
    expect(1 in found["RequiredSecurityProperties"] and 2 in found["RequiredSecurityProperties"], str(found))
    seen = vbsctl(m, "status", shown=4)
    before = m.sh("sha256sum /sys/firmware/efi/efivars/OpenvbsSettings-*").split()[0]
    seen += vbsctl(m, "disable", 5)
    expect(m.sh("sha256sum /sys/firmware/efi/efivars/OpenvbsSettings-*").split()[0] == before, "the setting was changed")
    return seen + ["the setting is as before: nothing was changed"]


def ask_for_level_3(m):
    return vbsctl(m, "enable --level 3", 0, 1)


def no_iommu(m):
    state(m, VirtualizationBasedSecurityStatus=1, Running=False, Configured=True, Check="level.iommu")
    return vbsctl(m, "status", shown=1) + vbsctl(m, "diagnose", 1, shown=6)


def dma_protected(m):
    found = state(m, VirtualizationBasedSecurityStatus=2, Running=True, Configured=True, KernelDmaProtection=True)
    expect(3 in found["RequiredSecurityProperties"] and 3 in found["AvailableSecurityProperties"], str(found))
    tables = m.sh("ls /sys/firmware/acpi/tables").split()
    expect("IVRS" not in tables and not m.run("ls /sys/class/iommu | grep .").output, f"Linux sees an IOMMU: {tables}")
    said = [line for line in m.sh("cat /sys/kernel/security/openvbs/log").splitlines() if "DMA" in line]
    return [line for line in vbsctl(m, "status", shown=30) if "vbsctl" in line or "DMA" in line or "Virtualization-based security  " in line] \
        + ["the machine's IOMMU is openvbs's: Linux finds no IVRS table and starts no driver", *said[:2]]


def level_3(demo):
    """A second machine, with an IOMMU."""
    demo.title("Level 3, DMA protection, on a machine with an IOMMU")
    machine = Machine("demo-iommu", image="debian", openvbs="release", cpus=CPUS, mem=2048, ssh=True, time_limit=300, iommu="amd",
                      policy=None, local={"vbs": 1, "level": 0})
    with machine.prepared():
        machine.start()
        machine.wait_ready()
        install(machine)
        demo.step("vbsctl enable --level 3", ask_for_level_3, machine)
        reboot(demo, machine, "with DMA protection required")
        demo.step("it runs, and no device reaches it", dma_protected, machine)


def reboot(demo, m, why):
    demo.title(f"Reboot: {why}")
    begin = time.monotonic()
    m.run("systemctl poweroff")
    m.wait_exit(60)
    m.stop()
    m.start()
    m.wait_ready()
    line = re.findall(r"^(openvbs[: ].*)$", m.log_text(), re.M)
    for text in line:
        demo.note(f"console: {text.strip()[:110]}")
    demo.note(f"[{time.monotonic() - begin:5.1f} s] root shell on the console")


def log(m):
    text = m.sh("cat /sys/kernel/security/openvbs/version; cat /sys/kernel/security/openvbs/log")
    lines = text.strip().splitlines()
    expect(len(lines) > 2, f"the log is empty: {text!r}")
    return ["openvbs.ko shows /sys/kernel/security/openvbs/log:",
            *(line[:110] for line in lines[2:][-4:])]


HELLO = "7c323f87-2709-4f17-a8bc-ff7929529125"
SELFTEST, CRASH_NULL = "8c2bd2db-6738-42cf-ab34-44a04bfc67cf", 2  # trustlets/selftest/selftest.h


def secure_world(m):
    for name in ("ovbs-ps", "ovbs-call"):
        m.scp(BUILD / "clients" / f"{name}.static", f"/usr/local/bin/{name}")
    listed = m.sh("ovbs-ps").splitlines()
    expect(any(line.endswith(" Secure System") for line in listed) and any(line.endswith(" hello") for line in listed),
           f"ovbs-ps lists: {listed}")
    return ["ovbs-ps, through openvbs.ko:", *(f"  {line}" for line in listed)]


def trustlet(m):
    said = m.sh(f"ovbs-call {HELLO} 1 b:Debian B:100")
    found = re.search(r"^param 1 buffer \d+ (\w+)$", said, re.M)
    greeting = bytes.fromhex(found[1]).decode() if found else ""
    expect(greeting == "Hello, Debian!", f"hello answers: {said}")
    crash = m.run(f"ovbs-call {SELFTEST} {CRASH_NULL}").output
    expect("0xffff3024" in crash, f"a crash gives: {crash}")
    again = m.sh(f"ovbs-call {SELFTEST} 1 v:1,2 V:")
    expect("param 1 value 1 2" in again, f"after the crash: {again}")
    line = [x for x in m.sh("cat /sys/kernel/security/openvbs/log").splitlines() if "trustlet selftest ended" in x]
    expect(line, "the log does not tell of the crash")
    return [f'ovbs-call calls hello, an ordinary C program in the secure world: "{greeting}"',
            "a trustlet that writes to address 0 ends alone (the trustlet crashed; open it again), and answers again when opened",
            f"openvbs's log: {line[-1]}"]


# what openvbs_attack.ko tells for each CPU about all pages of the block
WALK = re.compile(r"^block cpu(\d+) \S+ pages (\d+) zeros (\d+) visible (\d+) readfaults (\d+) denied (\d+) "
                  r"stuck (\d+) other (\d+) odd (\w+)$", re.M)


def attack(m):
    load(m, "openvbs_attack")
    m.sh(f"echo block {m.status_seen.memory_bytes} >/proc/openvbs_attack")
    m.sh("echo block >/proc/openvbs_attack", 120)
    report = m.sh("cat /proc/openvbs_attack")
    walks = [[int(n) for n in found[:8]] + [int(found[8], 16)] for found in WALK.findall(report)]
    expect(len(walks) == CPUS, f"openvbs_attack.ko reports:\n{report}")
    for cpu, pages, zeros, visible, faults, denied, stuck, other, odd in walks:
        expect(pages << 12 == m.status_seen.memory_bytes and not odd and not faults and zeros + visible >= pages,
               f"CPU {cpu}: {pages} pages, {zeros} read as zeros, {visible} are log or counters, odd: {odd:#x}")
        expect(denied == pages and not stuck and not other, f"CPU {cpu}: {denied} of {pages} writes refused")
    _, pages, _, visible, *_ = walks[0]
    m.sh("echo svme >/proc/openvbs_attack", 60)
    svme = dict(re.findall(r"^row (svme_\w+) (\S+)", m.sh("cat /proc/openvbs_attack"), re.M))
    expect(svme.get("svme_set") == "#GP" and svme.get("svme_vmrun") == "#UD", f"switching SVM on gave {svme}")
    refused = m.run("grep refused /sys/kernel/security/openvbs/log").output.splitlines()
    expect(refused, "openvbs's log says nothing of it")
    return [f"a kernel module, in ring 0, on each of {CPUS} CPUs, tries all {pages} pages of openvbs's memory:",
            f"  read:  zeros (and log and counters, {visible} pages, which are there to be read)",
            f"  write: {pages} of {pages} refused with #GP",
            f"  switching SVM on (EFER.SVME): {svme['svme_set']}; VMRUN: {svme['svme_vmrun']}",
            f"openvbs's log: {refused[0]}"]


def idle(m):
    # bash waits by itself here: starting a program such as sleep would execute CPUID, and be counted
    text = m.sh(f"bash -c 'f=/sys/kernel/security/openvbs/exits; sleep 2; a=$(<$f); read -t {IDLE_SECONDS} <> <(:); "
                "b=$(<$f); echo \"$a\"; echo ===; echo \"$b\"'", IDLE_SECONDS + 60)
    totals = []
    for look in text.split("===\n"):
        total = {}
        for name, count in re.findall(r"^\d+ (\w+) (\d+)$", look, re.M):
            total[name] = total.get(name, 0) + int(count)
        totals.append(total)
    expect(len(totals) == 2 and totals[0], f"no counters: {text!r}")
    rate = {name: (totals[1][name] - totals[0][name]) / IDLE_SECONDS for name in totals[0]}
    real = {k: v for k, v in rate.items() if k not in EMULATOR_ONLY}
    words = lambda rates: ", ".join(f"{k} {v:.1f}" for k, v in rates.items() if v) or "none"
    # a background service may start a program meanwhile, which costs some CPUID exits
    expect(sum(real.values()) <= 10, f"exits per second: {words(real)}")
    return [f"exits per second, Debian idle for {IDLE_SECONDS} s: {words(real)}",
            f"only because an emulator lies below: {words({k: rate[k] for k in EMULATOR_ONLY})}"]


def tampered():
    """The signed file with one bit changed, as the firmware's boot program."""
    signed = bytearray(keys.sign_efi(EFI, BUILD / "demo" / "openvbs.signed.efi").read_bytes())
    at = signed.find(SIGNATURE.encode())
    at = at if at > 0 else len(signed) // 2
    signed[at] ^= 1
    with Machine("demo-tampered", image=None, esp={BOOT: bytes(signed)}, cpus=1, time_limit=90) as m:
        said = m.wait_for(r"BdsDxe: failed to load .*: (Access Denied|Security Violation).*", 60)[0].strip()
        expect("openvbs 0" not in m.log_text(), "the firmware complained, but openvbs ran")
    return [f"one bit at byte {at} of {len(signed)} changed; the firmware says:", said]


# --- the way through -------------------------------------------------------

def files(demo):
    demo.title("The files")
    emulator = emulators.get()
    demo.note(f"emulator: QEMU {emulator.version}, UEFI with Secure Boot, CPU with AMD SVM (emulated)")
    keys.variables(emulator, True)
    demo.note(f"test keys, enrolled in the firmware: {os.path.relpath(keys.keys())}")
    disk = debian.image()
    demo.note(f"disk: Debian {debian.CODENAME}, {os.path.relpath(disk)}/disk.raw")
    demo.note(f"openvbs: {os.path.relpath(EFI)}, {EFI.stat().st_size:,} bytes, SHA-256 {digest(EFI)[:16]}...")


def boot(demo, m):
    demo.title("Power on: firmware, openvbs, then Debian's own shim, GRUB and kernel")
    demo.note(f"console: {os.path.relpath(LOGS / 'demo.log')}; about a minute")
    begin = time.monotonic()
    m.start()
    shown = 0
    while not re.search(m.image.ready, m.log_text(), re.M):
        if time.monotonic() - begin > m.options.time_limit or m.process.poll() is not None:
            break
        time.sleep(0.3)
        lines = re.findall(CONSOLE, m.log_text()[:m.log_text().rfind("\n") + 1], re.M)
        for line in lines[shown:]:
            demo.note(f"[{time.monotonic() - begin:5.1f} s] {line.strip()[:100]}")
        shown = len(lines)
    m.wait_ready(60)
    demo.note(f"[{time.monotonic() - begin:5.1f} s] root shell on the console")


NEXT = """
What next:
  make run            the same machine, for you: log in on the console (Ctrl-a x ends it)
  ls build/logs       the consoles of what you just saw
  make check          all tests        make bench   the price, measured        make help   everything else
"""


def main():
    demo = Demo()
    print("openvbs demo: an emulated PC with UEFI Secure Boot starts openvbs, and openvbs starts an unchanged Debian 12.")
    try:
        files(demo)
        machine = Machine("demo", image="debian", openvbs="release", cpus=CPUS, mem=2048, ssh=True, tpm=True, time_limit=600,
                          policy=None, local={"vbs": 1, "level": 1})
        with machine.prepared():
            boot(demo, machine)
            demo.title("What the running Debian shows")
            demo.step("Secure Boot is on", secure_boot, machine)
            demo.step("the kernel is Debian's own, unchanged", own_kernel, machine)
            demo.step("openvbs runs below it", status, machine)
            demo.step("openvbs answers on each CPU", cpuid, machine)
            demo.step("the CPU's SVM is hidden from Debian", svm_hidden, machine)
            demo.step("openvbs.ko and vbsctl are installed", install, machine)
            demo.step("vbsctl status: running, proved by a call into the secure world", shows_status, machine)
            demo.step("vbsctl readiness: what this machine has, with the evidence", shows_readiness, machine)
            demo.step("openvbs keeps a log", log, machine)
            demo.step("the secure world is listed", secure_world, machine)
            demo.step("a program in the secure world answers, and crashes alone", trustlet, machine)
            demo.step("an attack from ring 0 is refused", attack, machine)
            demo.step("openvbs is idle while Debian is", idle, machine)
            demo.title("Switching it off and on")
            demo.step("vbsctl disable: running, off at the next boot", switch_off, machine)
            reboot(demo, machine, "switched off")
            demo.step("it is off, and every tool says so", is_off, machine)
            demo.step("vbsctl enable --level 1 --lock: on at the next boot", lock, machine)
            reboot(demo, machine, "switched on, with the UEFI lock")
            demo.step("it runs, and root can't switch it off", is_locked, machine)
            demo.title("Level 3, DMA protection, on this machine without an IOMMU")
            demo.step("vbsctl enable --level 3", ask_for_level_3, machine)
            reboot(demo, machine, "with DMA protection required")
            demo.step("it does not run, and says why", no_iommu, machine)
        level_3(demo)
        demo.title("What the firmware refuses (a second machine, some seconds)")
        demo.step("a tampered openvbs.efi does not start", tampered)
    except MachineError as e:
        print(f"\ndemo: stopped: {e}", file=sys.stderr)
        demo.results.append((False, "the demo ran to its end"))
    good = demo.summary()
    print(NEXT if good else "\ndemo: not everything was seen; the evidence is above and in build/logs/demo*.log")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
