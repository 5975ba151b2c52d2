# SPDX-License-Identifier: GPL-2.0-only
"""vbsctl readiness, diagnose and report, as a program, on a system made of files (cases S1, S3, S9, L1, L3, L4, L7 to L9).

Needs no machine: make clients && /usr/bin/python3 -m pytest tests/tools
Another binary: VBSCTL=path
"""

import json
import lzma
import os
import shutil
import stat
import struct
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
VBSCTL = Path(os.environ.get("VBSCTL", ROOT / "build/clients/vbsctl"))
GLOBAL = "8be4df61-93ca-11d2-aa0d-00e098032b8c"
STATUS = "4f70656e-5642-5300-9d1c-6c0a52f3b7e1"
SHIM = "605dab50-e046-4300-abb6-3dd810dd8b23"
MOR = "e20939be-32d4-41be-a150-897f85d49829"
MOR_LOCK = "bb983ccf-151d-40e1-a07b-4a17be168292"
LOCAL = 1
VBS, LEVEL = 0, 1
VIRTUALIZATION, SECURE_BOOT, IOMMU, TPM, NX_SMEP, FIRMWARE, UNREADABLE = (1 << i for i in range(7))

assert VBSCTL.exists(), f"{VBSCTL} is not built: make clients"


def table(signature, body):
    """An ACPI table with length and checksum as they should be."""
    data = bytearray(signature + struct.pack("<IBB6s8sI4sI", 36 + len(body), 1, 0, b"OVBS", b"TEST", 1, b"TEST", 1) + body)
    data[9] = -sum(data) & 0xFF
    return bytes(data)


def ivrs(base=0xFEB80000):
    return table(b"IVRS", bytes(12) + struct.pack("<BBHHHQHHI", 0x10, 0, 24, 2, 0x40, base, 0, 0, 0))


def dmar(base=0xFED90000, flags=1):
    return table(b"DMAR", struct.pack("<BB10x", 38, flags) + struct.pack("<HHBBHQ", 0, 16, 1, 0, 0, base))


def wsmt(flags=7):
    return table(b"WSMT", struct.pack("<I", flags))


def cpu(svm=True, vm_cr=0, below=False, smep=True, edx_svm=1 | 1 << 13 | 1 << 17):
    """struct ovbs_cpu_facts: an AMD CPU of family 19h."""
    return struct.pack("<10I16s16s3QQ9QQ", 0x10, 0xA20F10, (1 << 31) if below else 0, (1 << 7) if smep else 0, 0,
                       0x80000021, 4 if svm else 0, 1 << 20 | 1 << 29, 16, edx_svm, b"AuthenticAMD",
                       b"KVMKVMKVM" if below else b"", 0xD00, vm_cr, 0, 0, *[0] * 9, 0)


def lockout(locked):
    """A TPM's answer to TPM_PT_PERMANENT."""
    return struct.pack(">HIIBIIII", 0x8001, 27, 0, 0, 6, 1, 0x200, 0x200 if locked else 0)


def status(state=0, reason=0, check=b"", evidence=b"", level=1, cpu_facts=None, vbs=1, dma=0, iommu_why=b""):
    head = struct.pack("<IHHIIQQQQQII32s160s32s", 0x5453564F, 2, 928, state, reason, 0, 0, 0, 0, 4 << 20, 2, 0,
                       check, evidence, b"0.1.0")
    values = {VBS: vbs, LEVEL: level}
    settings = b"".join(struct.pack("<IB3x", values.get(i, 0), LOCAL if i in values else 0) for i in range(16))
    platform = bytes(384)
    if cpu_facts:
        platform = struct.pack("<HBBBBBBBBHBBBBIBxBxII56s112x", 384, 1, 1, 0, 1, 1, 1, 1, 0, 1, 1, 1, 1, 2, 2, 4, dma, 7, 20,
                               iommu_why) + cpu_facts
        assert len(platform) == 384
    return head + settings + struct.pack("<IIII16s96s", 0, 0, 0, 0, b"", b"") + platform


def pe(sbat=b"sbat,1,SBAT Version,", signed=True):
    p = bytearray(0x400)
    p[0:2] = b"MZ"
    struct.pack_into("<I", p, 0x3C, 0x80)
    struct.pack_into("<4sHH12xHH", p, 0x80, b"PE\0\0", 0x8664, 1 if sbat else 0, 240, 0)
    struct.pack_into("<H", p, 0x98, 0x20B)
    struct.pack_into("<I", p, 0x98 + 108, 16)
    if signed:
        struct.pack_into("<II", p, 0x98 + 144, 0x380, 0x80)
    if sbat:
        struct.pack_into("<8sIIII", p, 0x188, b".sbat", len(sbat), 0x1000, 0x80, 0x300)
        p[0x300:0x300 + len(sbat)] = sbat
    return bytes(p)


class Machine:
    """A good machine that Linux alone describes; tests take things away."""

    def __init__(self, path):
        self.root = path / "root"
        self.path = path
        self.acpi = self.root / "sys/firmware/acpi/tables"
        self.vars = self.root / "sys/firmware/efi/efivars"
        self.tpm = self.root / "sys/class/tpm/tpm0"
        self.esp = self.root / "boot/efi/EFI/openvbs"
        self.modules = self.root / "lib/modules/6.1.0-1-amd64"
        for folder in (self.acpi, self.vars, self.tpm / "pcr-sha256", self.esp, self.root / "proc/self",
                       self.root / "proc/sys/kernel", self.root / "sys/class/iommu/ivhd0", self.root / "dev",
                       self.root / "sys/kernel/iommu_groups/0", self.root / "sys/kernel/security",
                       self.root / "sys/module", self.modules / "updates/dkms"):
            folder.mkdir(parents=True)
        self.file("proc/self/mountinfo", "36 25 8:1 / /boot/efi rw shared:1 - vfat /dev/sda1 rw\n")
        self.file("proc/cmdline", "BOOT_IMAGE=/vmlinuz root=/dev/sda1 ro quiet\n")
        self.file("proc/version", "Linux version 6.1.0-1-amd64 (somebody@example.org)\n")
        self.file("proc/sys/kernel/osrelease", "6.1.0-1-amd64\n")
        self.file("sys/firmware/acpi/tables/IVRS", ivrs())
        self.file("sys/firmware/acpi/tables/WSMT", wsmt())
        self.file("sys/class/tpm/tpm0/tpm_version_major", "2\n")
        self.file("dev/tpmrm0", lockout(False))
        self.file("cpu-facts", cpu())
        (self.esp / "openvbs.efi").write_bytes(pe())
        self.var("SecureBoot", b"\1")
        self.var("SetupMode", b"\0")
        self.var("MemoryOverwriteRequestControl", b"\0", MOR)
        self.var("MemoryOverwriteRequestControlLock", b"\0", MOR_LOCK)
        self.boot_entry()

    def file(self, name, content):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())

    def gone(self, name):
        path = self.root / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()

    def var(self, name, data, guid=GLOBAL, attributes=6):
        (self.vars / f"{name}-{guid}").write_bytes(struct.pack("<I", attributes) + data)

    def boot_entry(self, file="\\EFI\\openvbs\\openvbs.efi", title="openvbs"):
        node = (file + "\0").encode("utf-16-le")
        path = struct.pack("<BBH", 4, 4, 4 + len(node)) + node + struct.pack("<BBH", 0x7F, 0xFF, 4)
        self.var("Boot0001", struct.pack("<IH", 1, len(path)) + (title + "\0").encode("utf-16-le") + path, attributes=7)
        self.var("BootOrder", struct.pack("<H", 1), attributes=7)

    def status(self, **kwargs):
        self.var("OpenvbsStatus", status(**kwargs), STATUS)

    def run(self, *args):
        return subprocess.run([VBSCTL, *args], env={**os.environ, "VBSCTL_ROOT": str(self.root)},
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=20)

    def readiness(self):
        """(exit status, {id: row}, {id: service})"""
        done = self.run("--json", "readiness")
        out = json.loads(done.stdout)
        assert out["Missing"] == done.returncode, done.stderr
        return done.returncode, {r["Id"]: r for r in out["Requirements"]}, {s["Id"]: s for s in out["Services"]}

    def row(self, name, result, missing, evidence):
        code, rows, _ = self.readiness()
        assert (rows[name]["Result"], code) == (result, missing), rows[name]
        assert evidence in rows[name]["Evidence"] + rows[name]["WhatToDo"], rows[name]

    def diagnose(self):
        done = self.run("--json", "diagnose")
        out = json.loads(done.stdout)
        assert done.returncode == (1 if out["Stopped"] else 0)
        assert any(f["Result"] == "stops it" for f in out["Findings"]) == out["Stopped"]
        return out, {f["Id"]: f for f in out["Findings"]}

    def finding(self, name, result, text):
        _, found = self.diagnose()
        assert found[name]["Result"] == result, found[name]
        assert text in found[name]["Evidence"] + found[name]["WhatToDo"], found[name]


@pytest.fixture
def m(tmp_path):
    return Machine(tmp_path)


# --- readiness ---------------------------------------------------------------


def test_good(m):
    code, rows, services = m.readiness()
    not_good = {r["Id"]: r["Result"] for r in rows.values() if r["Result"] != "good"}
    # Linux does not show the memory attributes, and openvbs does not run
    assert not_good == {"uefi-memory-attributes": "unknown", "dma-enforced": "weaker"} and code == 0
    assert {s["Id"]: s["Verdict"] for s in services.values()} == {
        "vbs": 1, "memory-integrity": 1, "credential-guard": 2, "dma-protection": 1}
    assert "integrity=1" in services["memory-integrity"]["Note"]
    assert "not built in this version" in services["credential-guard"]["Note"]


def test_text(m):
    done = m.run("readiness")
    assert done.returncode == 0 and "\033" not in done.stdout
    assert "Secure Boot (level 1)" in done.stdout and "whether it runs: Not enabled" in done.stdout
    assert m.run("readiness", "x").returncode == 128


def test_the_loaders_copy_wins(m):
    m.file("cpu-facts", cpu(svm=False))
    m.status(state=1, cpu_facts=cpu())
    code, rows, _ = m.readiness()
    assert code == 0 and rows["virtualization"]["Result"] == "good"
    assert rows["uefi-memory-attributes"]["Result"] == "good"
    assert "not locked out" in rows["tpm"]["Evidence"]  # asked by vbsctl itself


def test_causes_of_no_virtualization(m):  # L7
    m.file("cpu-facts", cpu(svm=False))
    m.row("virtualization", "missing", VIRTUALIZATION, "bit 2 (SVM) is 0")
    m.file("cpu-facts", cpu(vm_cr=0x18))
    m.row("firmware-virtualization", "missing", VIRTUALIZATION, "SVMDIS")
    m.file("cpu-facts", cpu(svm=False, below=True))
    m.row("virtualization-free", "missing", VIRTUALIZATION, "hidden by the level below")
    m.file("cpu-facts", cpu())
    m.file("sys/module/kvm_amd/refcnt", "3\n")
    m.row("virtualization-free", "good", 0, "kvm_amd: 3 users")
    m.gone("cpu-facts")
    code, rows, services = m.readiness()
    assert code == VIRTUALIZATION | NX_SMEP | 0 and rows["virtualization"]["Result"] == "unknown"  # S1: never green
    assert services["vbs"]["Verdict"] is None


def test_smep_and_mbec(m):
    m.file("cpu-facts", cpu(smep=False))
    m.row("smep", "missing", NX_SMEP, "bit 7 (SMEP) is 0")
    m.file("cpu-facts", cpu(edx_svm=1))
    m.row("mbec-gmet", "weaker", 0, "emulated")


def test_secure_boot(m):
    m.var("SecureBoot", b"\0")
    m.row("secure-boot", "missing", SECURE_BOOT, "SecureBoot is 0, SetupMode is 0")
    m.var("SetupMode", b"\1")
    m.row("secure-boot", "missing", SECURE_BOOT, "no platform key is enrolled")
    m.var("SecureBoot", b"\1")
    m.row("secure-boot", "missing", SECURE_BOOT, "no platform key is enrolled")
    m.var("SetupMode", b"\0")
    m.var("MokSBStateRT", b"\1", SHIM)
    m.row("secure-boot", "missing", SECURE_BOOT, "mokutil --enable-validation")
    m.var("MokSBStateRT", b"\1", SHIM, attributes=7)  # not shim's: it makes it anew at each boot
    m.row("secure-boot", "good", 0, "SecureBoot is 1")
    m.var("SecureBoot", b"\1", attributes=7)
    m.row("secure-boot", "unreadable", SECURE_BOOT | UNREADABLE, "neither 0 nor 1")
    m.var("SecureBoot", b"\7")
    m.row("secure-boot", "unreadable", SECURE_BOOT | UNREADABLE, "neither 0 nor 1")
    m.gone("sys/firmware/efi")
    m.row("secure-boot", "missing", SECURE_BOOT | FIRMWARE, "is absent")
    (m.root / "sys/firmware/efi").mkdir()
    m.row("secure-boot", "unknown", SECURE_BOOT, "efivarfs")


@pytest.mark.parametrize("bad, why", [
    (ivrs(base=2**64 - 1), "all ones"),
    (ivrs(base=0), "registers at 0"),
    (ivrs()[:-1], "length field"),
    (ivrs()[:9] + b"\x55" + ivrs()[10:], "checksum"),
    (b"", "only 0 bytes"),
    (table(b"IVRS", bytes(12)), "no remapping unit"),
    (table(b"IVRS", bytes(12) + struct.pack("<BBH", 0x10, 0, 0)), "block of 0 bytes"),
])
def test_broken_iommu_tables(m, bad, why):  # L9
    m.file("sys/firmware/acpi/tables/IVRS", bad)
    m.row("iommu", "unreadable", IOMMU | UNREADABLE, why)


def test_iommu_present_enabled_enforced(m):  # L8
    for flags in (1, 5):
        m.gone("sys/firmware/acpi/tables/IVRS") if flags == 1 else None
        m.file("sys/firmware/acpi/tables/DMAR", dmar(flags=flags))
        m.row("iommu", "good", 0, f"opt-in flag is {flags >> 2}, which by itself protects nothing")
    m.gone("sys/class/iommu/ivhd0")
    m.row("iommu-enabled", "weaker", 0, "Linux does not use it")
    m.file("proc/cmdline", "quiet intel_iommu=off\n")
    m.row("iommu-enabled", "missing", IOMMU, "intel_iommu=off")
    m.file("proc/cmdline", "quiet xintel_iommu=off intel_iommu=offx\n")
    m.row("iommu-enabled", "weaker", 0, "Linux does not use it")
    m.gone("sys/firmware/acpi/tables/DMAR")
    m.row("iommu", "missing", IOMMU, "neither ACPI table")
    m.row("dma-enforced", "weaker", IOMMU, "no usable IOMMU")


def test_dma_in_this_boot(m):  # L8
    """The loader's word, which it gives before it hides the table."""
    m.gone("sys/firmware/acpi/tables/IVRS")
    m.gone("sys/class/iommu/ivhd0")
    m.status(state=1, cpu_facts=cpu())
    m.row("dma-enforced", "weaker", 0, "not in this boot")
    m.row("iommu-enabled", "weaker", 0, "Linux does not use it")
    m.status(state=1, cpu_facts=cpu(), dma=1, iommu_why=b"unit 0 does not answer")
    m.row("dma-enforced", "missing", IOMMU, "unit 0 does not answer")
    m.row("iommu", "good", IOMMU, "IVRS: 1 units")
    m.status(state=1, cpu_facts=cpu(), dma=2)
    m.row("dma-enforced", "good", 0, "no device reaches its memory")
    m.row("iommu-enabled", "good", 0, "openvbs uses it, and hides it from Linux: IVRS")
    assert m.readiness()[2]["dma-protection"] == {"Id": "dma-protection", "Title": "DMA protection", "Verdict": 2, "VerdictText": "full",
                                                  "Note": "", "Because": ""}


def test_level_3(m):  # S3
    m.status(state=0, reason=6, check=b"level.iommu", evidence=b"level 3; neither IVRS nor DMAR is there", level=3)
    m.run("enable", "--level", "3")
    m.gone("sys/firmware/acpi/tables/IVRS")
    code, rows, services = m.readiness()
    assert code == IOMMU and rows["level"]["Result"] == "missing" and "IVRS" in rows["level"]["Evidence"]
    assert services["vbs"]["Verdict"] == 0
    m.finding("start", "stops it", "neither IVRS nor DMAR is there")


def test_tpm(m):
    m.file("dev/tpmrm0", lockout(True))
    m.row("tpm", "missing", TPM, "locked out")
    m.file("dev/tpmrm0", b"junk")
    m.row("tpm", "good", 0, "is none")
    m.gone("dev/tpmrm0")
    m.row("tpm", "good", 0, "whether it is locked out is unknown: /dev/tpmrm0: No such file")
    (m.tpm / "pcr-sha1").mkdir()
    (m.tpm / "pcr-sha256").rmdir()
    m.row("tpm", "missing", TPM, "SHA-256 bank of PCRs is off")
    m.file("sys/class/tpm/tpm0/tpm_version_major", "1\n")
    m.row("tpm", "missing", TPM, "version is 1.2")
    m.gone("sys/class/tpm")
    m.row("tpm", "missing", TPM, "no TPM answers")


def test_firmware_protections(m):
    m.file("sys/firmware/acpi/tables/WSMT", wsmt(3))
    m.row("wsmt", "weaker", 0, "resources locked")
    m.file("sys/firmware/acpi/tables/WSMT", wsmt(0xFFFFFFFF))
    m.row("wsmt", "unreadable", FIRMWARE | UNREADABLE, "all ones")
    m.gone("sys/firmware/acpi/tables/WSMT")
    m.row("wsmt", "missing", FIRMWARE, "no ACPI table WSMT")
    m.gone(f"sys/firmware/efi/efivars/MemoryOverwriteRequestControlLock-{MOR_LOCK}")
    m.row("secure-mor", "weaker", FIRMWARE, "ControlLock")


# --- diagnose ----------------------------------------------------------------


def test_not_configured(m):
    m.status(reason=1, vbs=0, check=b"settings.vbs", evidence=b"absent")
    out, found = m.diagnose()
    assert out["State"] == "Not enabled" and "vbsctl enable" in found["settings"]["WhatToDo"]
    assert found["loader-file"]["Result"] == found["boot-order"]["Result"] == "good"


def test_loader_was_not_started(m):
    m.run("enable")
    m.boot_entry("\\EFI\\debian\\shimx64.efi", "debian")
    _, found = m.diagnose()
    assert found["boot-order"]["Result"] == "stops it" and found["loader"]["Result"] == "stops it"
    m.boot_entry()
    m.finding("loader", "stops it", "its signature may have been refused")
    m.gone("boot/efi/EFI/openvbs/openvbs.efi")
    m.finding("loader-file", "stops it", "No such file")
    m.file("proc/self/mountinfo", "")
    m.finding("esp", "stops it", "mount")
    m.gone("sys/firmware/efi")
    m.finding("firmware", "stops it", "BIOS")


def test_loader_file(m):  # L4
    efi = "boot/efi/EFI/openvbs/openvbs.efi"
    m.file(efi, pe(sbat=b""))
    m.finding("loader-file", "stops it", ".sbat")
    m.file(efi, pe(sbat=b"SBAT?"))
    m.finding("loader-file", "stops it", ".sbat")
    m.file(efi, pe(signed=False))
    m.finding("loader-file", "stops it", "not signed")
    m.file(efi, pe()[:100])
    m.finding("loader-file", "stops it", "no PE header")
    m.status(state=0, reason=2, check=b"cpuid.svm", evidence=b"bit 2 is 0")
    m.finding("loader-file", "warning", "no PE header")  # this boot got past it


def test_the_loaders_reason(m):  # S1
    m.status(reason=2, check=b"cpuid.svm", evidence=b"CPUID 80000001h ECX=0h, bit 2 (SVM) is 0")
    m.run("enable")
    m.finding("start", "stops it", "CPU lacks virtualization: cpuid.svm: CPUID 80000001h")


def signed_module(tmp, keyid=False):
    """A module signed as Linux's sign-file does."""
    def openssl(*args):
        subprocess.run(["openssl", *args], cwd=tmp, check=True, capture_output=True)
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "k.pem", "-out", "c.pem", "-subj",
            "/O=test/CN=DKMS module signing key", "-days", "30")
    (tmp / "m").write_bytes(b"\x7fELF")
    openssl("cms", "-sign", "-in", "m", "-signer", "c.pem", "-inkey", "k.pem", "-outform", "DER", "-out", "s", "-nocerts",
            "-noattr", "-binary", *(["-keyid"] if keyid else []))
    sig = (tmp / "s").read_bytes()
    return b"\x7fELF" + sig + struct.pack(">BBBBBxxxI", 0, 0, 2, 0, 0, len(sig)) + b"~Module signature appended~\n"


def with_module(m, data, lockdown="none [integrity] confidentiality", name="openvbs.ko"):
    m.status(state=1)
    m.run("enable")
    m.file(f"lib/modules/6.1.0-1-amd64/updates/dkms/{name}", data)
    m.file("lib/modules/6.1.0-1-amd64/modules.dep", f"kernel/x.ko: y.ko\nupdates/dkms/{name}:\n")
    m.file("sys/kernel/security/lockdown", lockdown + "\n")


def test_module_is_not_there(m):
    m.status(state=1)
    m.run("enable")
    m.finding("module", "stops it", "not installed")
    m.file("lib/modules/6.1.0-1-amd64/updates/dkms/openvbs.ko", b"\x7fELF")
    m.finding("module", "stops it", "depmod -a")
    m.file("sys/module/openvbs/refcnt", "0\n")
    m.finding("module", "good", "is there")
    m.finding("vtl1", "stops it", "CPUID")


def test_module_unsigned(m):  # L1, the first kind
    with_module(m, b"\x7fELF")
    m.finding("module", "stops it", "is not signed, and lockdown asks for a signature")
    m.file("sys/kernel/security/lockdown", "[none] integrity confidentiality\n")
    m.finding("module", "stops it", "modprobe openvbs")
    m.file("sys/module/module/parameters/sig_enforce", "Y\n")
    m.finding("module", "stops it", "module.sig_enforce asks for a signature")


def test_module_key(m):  # L1, the second and third kind
    with_module(m, signed_module(m.path))
    m.finding("module", "stops it", "keyrings can't be read")
    m.file("keyrings", ".builtin_trusted_keys\tDebian Secure Boot CA: 6cce\n.machine\tOther key: 12\n")
    m.finding("module", "stops it", "its MOK is not enrolled")
    m.finding("module", "stops it", "mokutil --import")
    m.file("keyrings", ".platform\ttest: DKMS module signing key: 12\n")
    m.finding("module", "stops it", "only in .platform")
    m.file("proc/version", "Linux version 6.1.0-1-amd64 (debian-kernel@lists.debian.org)\n")
    m.finding("module", "stops it", "which the kernel trusts")  # Debian's kernels do
    m.file("keyrings", ".machine\ttest: DKMS module signing key: 12\n")
    m.finding("module", "stops it", "modprobe openvbs")


def test_module_signature_is_broken(m):
    with_module(m, b"\x7fELF" + b"~Module signature appended~\n")
    m.finding("module", "stops it", "trailer is not there")
    with_module(m, b"\xfd7zXZ", name="openvbs.ko.xz")
    m.finding("module", "stops it", "compression (xz) is damaged")
    with_module(m, b"\x28\xb5\x2f\xfd", name="openvbs.ko.zst")
    m.finding("module", "stops it", "compressed in a way that is not read")


def test_module_is_compressed(m):
    with_module(m, lzma.compress(signed_module(m.path)), name="openvbs.ko.xz")
    m.file("keyrings", ".builtin_trusted_keys\tDebian Secure Boot CA: 6cce\n")
    m.finding("module", "stops it", "its MOK is not enrolled")
    with_module(m, lzma.compress(b"\x7fELF"), name="openvbs.ko.xz")
    m.finding("module", "stops it", "is not signed, and lockdown asks for a signature")


def test_module_does_not_matter_yet(m):
    m.run("enable")
    m.finding("module", "warning", "not installed")


def test_diagnose_text(m):
    done = m.run("diagnose")
    assert done.returncode == 1 and "what to do: " in done.stdout and done.stdout.endswith("Not enabled.\n")
    assert m.run("diagnose", "x").returncode == 2


# --- report ------------------------------------------------------------------


SECRETS = ("hunter2", "0f3c9a52-1b2c-4d3e-8f90-a1b2c3d4e5f6", "52:54:00:12:34:56", "alice", "SERIAL-123")


def smbios():
    entry = bytearray(b"_SM3_\0" + struct.pack("<BBBBBxIQ", 24, 3, 7, 0, 1, 4096, 0))
    entry[5] = -sum(entry) & 0xFF
    bios = struct.pack("<BBHBBHB", 0, 24, 0, 1, 2, 0, 3) + bytes(15) + b"EDK II\0" b"2022.11\0" b"01/02/2022\0\0"
    system = struct.pack("<BBHBBBB", 1, 27, 1, 1, 2, 0, 3) + bytes(19) + b"QEMU\0Standard PC\0SERIAL-123\0\0"
    return bytes(entry), bios + system + struct.pack("<BBH", 127, 4, 2) + b"\0\0"


def fill(m):
    entry, dmi = smbios()
    m.file("sys/firmware/dmi/tables/smbios_entry_point", entry)
    m.file("sys/firmware/dmi/tables/DMI", dmi)
    m.file("proc/cmdline", "root=UUID=0f3c9a52-1b2c-4d3e-8f90-a1b2c3d4e5f6 password=hunter2 intel_iommu=off\n")
    m.file("sys/kernel/security/openvbs/log", "[0.1] ready\nmac 52:54:00:12:34:56\n")
    m.file("sys/kernel/security/openvbs/exits", "cpuid 12\n")
    m.file("sys/kernel/security/openvbs/version", "0.1.0\n")
    m.file("dmesg", "kvm: ./home/alice/x password=hunter2\nsound: nothing of ours\nDMAR: IOMMU enabled\n")
    m.boot_entry(title="openvbs of alice@example.org")


def test_report(m):
    fill(m)
    out = m.path / "report.txt"
    done = m.run("report", "-o", str(out))
    assert done.returncode == 0 and "read it before you pass it on" in done.stdout
    text = out.read_text()
    for secret in SECRETS:
        assert secret not in text, secret
    for wanted in ("intel_iommu=off", "EDK II", "Standard PC", "[0.1] ready", "cpuid 12", "DMAR: IOMMU enabled", "Boot0001*",
                   "6.1.0-1-amd64", "RequirePlatformSecurityFeatures", "== Readiness", "== Diagnosis", "[masked]"):
        assert wanted in text, wanted
    assert "sound" not in text
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert sorted(p.name for p in m.path.iterdir()) == ["report.txt", "root"]


def test_report_json(m):
    fill(m)
    done = m.run("--json", "report")
    out = json.loads(done.stdout)
    assert done.returncode == 0 and out["Firmware"]["Vendor"] == "EDK II" and out["Module"]["Log"].startswith("[0.1]")
    assert out["Readiness"]["Missing"] & IOMMU and not [s for s in SECRETS if s in done.stdout]
    target = m.path / "r.json"
    assert json.loads(m.run("--json", "report", "-o", str(target)).stdout) == {"File": str(target)}
    assert json.loads(target.read_text())["Firmware"] == out["Firmware"]


def test_report_overwrites_nothing(m):
    out = m.path / "report.txt"
    out.write_text("mine")
    assert m.run("report", "-o", str(out)).returncode == 1 and out.read_text() == "mine"
    assert m.run("report", "-o", str(out), "--force").returncode == 0 and "== Status" in out.read_text()
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    link = m.path / "link"
    link.symlink_to(m.path / "elsewhere")
    assert m.run("report", "-o", str(link)).returncode == 1 and not (m.path / "elsewhere").exists()
    assert m.run("report", "-o", str(link), "--force").returncode == 0
    assert not link.is_symlink() and not (m.path / "elsewhere").exists()
    assert m.run("report", "-o", str(m.path / "no/such/folder")).returncode == 4
    assert m.run("report", "--force").returncode == 2


def test_report_of_an_empty_system(tmp_path):
    (tmp_path / "root").mkdir()
    env = {**os.environ, "VBSCTL_ROOT": str(tmp_path / "root")}
    for args in (["report"], ["--json", "report"], ["diagnose"], ["--json", "readiness"]):
        done = subprocess.run([VBSCTL, *args], env=env, capture_output=True, text=True, check=False, timeout=20)
        assert done.returncode in (0, 1, 1 + 2 + 16) and done.stdout, args


def test_broken_smbios(m):
    fill(m)
    m.file("sys/firmware/dmi/tables/DMI", b"\0\x18\0\0" + bytes(20) + b"no end")
    assert "SMBIOS is unreadable: offset 0" in m.run("report").stdout
