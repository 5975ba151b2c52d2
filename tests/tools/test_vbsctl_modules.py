# SPDX-License-Identifier: GPL-2.0-only
"""vbsctl readiness: modules on disk that memory integrity would refuse, with reason and package. Needs `make clients`."""

import bz2
import json
import lzma
import struct
import subprocess

import pytest

from test_vbsctl_readiness import Machine, signed_module

RELEASE = "6.1.0-1-amd64"
TREE = f"lib/modules/{RELEASE}"
KEY = ".machine\ttest: DKMS module signing key: 12\n"


class Modules(Machine):
    def __init__(self, path):
        super().__init__(path)
        self.dep = ""
        self.signed = signed_module(path)
        self.file("keyrings", KEY)

    def put(self, name, data):
        self.file(f"{TREE}/{name}", data)
        self.dep += f"{name}: kernel/other.ko\n"
        self.file(f"{TREE}/modules.dep", self.dep)

    def list(self, *args):
        out = json.loads(self.run("--json", "readiness", *args).stdout)["Modules"]
        assert out["Release"] == RELEASE and out["All"] == bool(args)
        return out

    def refused(self, *args):
        """{path below the tree: (reason, package)}"""
        return {r["Path"].removeprefix(f"/{TREE}/"): (r["Reason"], r["Package"]) for r in self.list(*args)["Refused"]}


@pytest.fixture
def m(tmp_path):
    return Modules(tmp_path)


def xz(data):
    """As the kernel's build compresses modules."""
    return lzma.compress(data, check=lzma.CHECK_CRC32, filters=[{"id": lzma.FILTER_LZMA2, "dict_size": 1 << 20}])


def signed_with(m, *args):
    """A module signed by openssl cms with these arguments, by the key of signed_module()."""
    def openssl(*argv):
        subprocess.run(["openssl", *argv], cwd=m.path, check=True, capture_output=True, timeout=60)
    openssl("cms", "-sign", "-in", "m", "-signer", "c.pem", "-inkey", "k.pem", "-outform", "DER", "-out", "other", "-binary", *args)
    sig = (m.path / "other").read_bytes()
    return b"\x7fELF" + sig + struct.pack(">BBBBBxxxI", 0, 0, 2, 0, 0, len(sig)) + b"~Module signature appended~\n"


def test_signed_and_unsigned(m):
    m.put("updates/dkms/good.ko", m.signed)
    m.put("updates/dkms/bare.ko", b"\x7fELF")
    m.put("updates/empty.ko", b"")
    m.put("kernel/fs/bare.ko", b"\x7fELF")
    assert m.list()["Count"] == 3 and m.list()["NotRead"] == []
    assert set(m.refused()) == {"updates/dkms/bare.ko", "updates/empty.ko"}
    assert "no signature" in m.refused()["updates/empty.ko"][0]
    assert set(m.refused("--modules")) == {"updates/dkms/bare.ko", "updates/empty.ko", "kernel/fs/bare.ko"}
    said = m.run("readiness").stdout
    assert "2 of 3 that are not the kernel's own would be refused\n" in said
    assert f"    refused: /{TREE}/updates/dkms/bare.ko: there is no signature" in said
    assert "3 of 4 would be refused\n" in m.run("readiness", "--modules").stdout


def test_keys(m):
    m.put("updates/dkms/good.ko", m.signed)
    assert m.refused() == {}
    m.file("keyrings", ".machine\tOther key: 12\n")
    reason, _ = m.refused()["updates/dkms/good.ko"]
    assert "in no keyring of the kernel" in reason and '"DKMS module signing key"' in reason
    m.file("keyrings", KEY.replace("machine", "platform"))
    assert "only in .platform" in m.refused()["updates/dkms/good.ko"][0]
    m.file("proc/version", f"Linux version {RELEASE} (debian-kernel@lists.debian.org)\n")
    assert m.refused() == {}
    m.gone("keyrings")
    assert m.list()["KeysRead"] is False and m.refused() == {}
    assert "keyrings can't be read (run as root)" in m.run("readiness").stdout


@pytest.mark.parametrize("args, reason", [
    (("-noattr", "-nocerts", "-md", "sha1"), "MD5 or SHA-1"),
    (("-nocerts", "-md", "sha256"), "signed attributes"),
    (("-noattr", "-md", "sha256"), "certificates"),
    (("-noattr", "-nocerts", "-nodetach"), "inside of the signature"),
])
def test_forms_that_vtl1_does_not_take(m, args, reason):
    """Linux might: the strict reader of the trustlet does not."""
    m.put("updates/x.ko", signed_with(m, *args))
    assert reason in m.refused()["updates/x.ko"][0]


def test_a_signature_that_makes_no_sense(m):
    m.put("updates/a.ko", m.signed[:4] + b"\x31" + m.signed[5:])
    m.put("updates/b.ko", b"~Module signature appended~\n")
    cut = bytearray(m.signed)
    cut[-32:-28] = struct.pack(">I", 1 << 30)
    m.put("updates/c.ko", bytes(cut))
    assert set(m.refused()) == {"updates/a.ko", "updates/b.ko", "updates/c.ko"}
    assert "length" in m.refused()["updates/c.ko"][0]


@pytest.mark.parametrize("size", [0, 1, (64 << 10) - 1, 64 << 10, (128 << 10) + 7, 3 << 20])
def test_compressed_and_large(m, size):
    """The signature is found at the end of files of all sizes, whatever the window's state is."""
    body = bytes(i * 7919 >> 3 & 0xFF for i in range(min(size, 4096))) * (size // 4096 + 1)
    m.put("updates/plain.ko", body[:size] + m.signed)
    m.put("updates/packed.ko.xz", xz(body[:size] + m.signed))
    m.put("updates/bare.ko.xz", xz(body[:size] + b"\x7fELF"))
    assert set(m.refused()) == {"updates/bare.ko.xz"} and m.list()["NotRead"] == []
    m.file("keyrings", ".machine\tOther key: 12\n")
    assert set(m.refused()) == {"updates/bare.ko.xz", "updates/plain.ko", "updates/packed.ko.xz"}


def test_what_can_not_be_read(m):
    packed = xz(m.signed)
    m.put("updates/cut.ko.xz", packed[:-20])
    m.put("updates/bad.ko.xz", packed[:30] + b"\xff\xff" + packed[32:])
    m.put("updates/none.ko.xz", b"")
    m.put("updates/huge.ko.xz", lzma.compress(m.signed, filters=[{"id": lzma.FILTER_LZMA2, "dict_size": 512 << 20}]))
    m.put("updates/other.ko.zst", b"\x28\xb5\x2f\xfd")
    m.put("updates/odd.ko.bz2", bz2.compress(m.signed))
    m.put("updates/gone.ko", b"")
    m.gone(f"{TREE}/updates/gone.ko")
    out = m.list()
    found = {r["Path"].removeprefix(f"/{TREE}/updates/"): r["Reason"] for r in out["NotRead"]}
    assert out["Refused"] == [] and out["Count"] == 7
    assert "damaged" in found["cut.ko.xz"] and "damaged" in found["bad.ko.xz"] and "damaged" in found["none.ko.xz"]
    assert "too much memory" in found["huge.ko.xz"]
    assert "not read here" in found["other.ko.zst"] and "not read here" in found["odd.ko.bz2"]
    assert "No such file" in found["gone.ko"]
    said = m.run("readiness").stdout
    assert "some could not be looked at" in said and "    unknown: /lib/modules/" in said


def test_packages(m):
    """dpkg's lists, before and after the merge of /lib into /usr/lib; DKMS by its sources; nobody."""
    for name in ("updates/dkms/zfs.ko", "updates/dkms/free.ko", "extra/vendor.ko", "extra/own.ko", "kernel/fs/a.ko"):
        m.put(name, b"\x7fELF")
    m.file("var/lib/dpkg/info/linux-image-amd64.list", "/.\n/usr\n")
    m.file(f"var/lib/dpkg/info/linux-image-{RELEASE}.list", f"/.\n/usr/{TREE}/kernel\n/usr/{TREE}/kernel/fs/a.ko\n")
    m.file("var/lib/dpkg/info/vendor-modules:amd64.list", f"/{TREE}/extra/vendor.ko\n")
    m.file("var/lib/dpkg/info/zfs-dkms.list", "/usr/src/zfs-2.1.11\n/usr/src/zfs-2.1.11/dkms.conf\n")
    m.file(f"var/lib/dkms/zfs/2.1.11/{RELEASE}/x86_64/module/zfs.ko", "x")
    m.file(f"var/lib/dkms/free/1/{RELEASE}/x86_64/module/free.ko", "x")
    m.file("var/lib/dkms/zfs/2.1.11/5.10.0-1/x86_64/module/own.ko", "x")
    assert {path: package for path, (_, package) in m.refused("--modules").items()} == {
        "updates/dkms/zfs.ko": "DKMS zfs/2.1.11 (zfs-dkms)", "updates/dkms/free.ko": "DKMS free/1", "extra/vendor.ko": "vendor-modules",
        "extra/own.ko": "", "kernel/fs/a.ko": f"linux-image-{RELEASE}"}
    assert "file [DKMS zfs/2.1.11 (zfs-dkms)]" not in m.run("readiness").stdout
    assert "[DKMS zfs/2.1.11 (zfs-dkms)]\n" in m.run("readiness").stdout


def test_no_list(m):
    assert "depmod -a" in m.list()["Problem"] and "depmod -a" in m.run("readiness").stdout
    m.gone("proc/sys/kernel/osrelease")
    assert "osrelease" in json.loads(m.run("--json", "readiness").stdout)["Modules"]["Problem"]


def test_lines_of_another_form(m):
    """Absolute paths are taken as they are; a line without a colon is none."""
    m.file("opt/x.ko", b"\x7fELF")
    m.file(f"{TREE}/modules.dep", "/opt/x.ko:\nno colon\n\n:\n")
    out = m.list()
    assert [r["Path"] for r in out["Refused"]] == ["/opt/x.ko"]


def test_it_counts_for_no_exit_status(m):
    before = m.run("readiness").returncode
    m.put("updates/bare.ko", b"\x7fELF")
    assert m.run("readiness").returncode == m.run("readiness", "--modules").returncode == before
    assert m.run("readiness", "--module").returncode == 128
