# SPDX-License-Identifier: GPL-2.0-only
"""The tiny image: Debian's stock kernel and busybox in one signed PE file.

A unified kernel image (kernel, initramfs and command line under systemd's EFI
stub) is started in the same way by firmware and by openvbs, and Secure Boot
checks it as a whole. The kernel is the binary of Debian, bit for bit, of the
very version whose headers modules are built with on this host.
Invariant: user space is /init below; it ends in a shell on the first serial
line and the command agent (console.py) on the second.
"""

import lzma
import re
import subprocess
from pathlib import Path

from . import keys
from .common import BUILD, MachineError, cached, digest, run
from .console import AGENT
from .cpio import Cpio
from .esp import content

STUB = Path("/usr/lib/systemd/boot/efi/linuxx64.efi.stub")
BUSYBOX = Path("/bin/busybox")
# no_timer_check: in its first 40 ms Linux panics if fewer than four ticks come; on a loaded host an emulator's come late,
# for which Linux leaves the check out under hypervisors that it knows.
CMDLINE = "console=ttyS0,115200 panic=-1 no_timer_check"
PROMPT = "tiny# "

# Modules in the initramfs (with what they need); only efivarfs is loaded at the start.
MODULES = ("efivarfs", "msr", "cpuid", "kvm_amd", "kvm_intel", "ahci", "sd_mod", "e1000", "virtio_pci",
           "virtio_blk", "virtio_net", "nvme", "vfat", "nls_ascii", "nls_cp437", "nls_iso8859-1", "ext4")

INIT = r"""#!/bin/sh
export PATH=/bin HOME=/root TERM=dumb
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mount -t tmpfs tmpfs /run
mount -t securityfs securityfs /sys/kernel/security
mount -t debugfs debugfs /sys/kernel/debug
if [ -d /sys/firmware/efi ]; then
	modprobe efivarfs && mount -t efivarfs efivarfs /sys/firmware/efi/efivars
fi
hostname tiny
[ -x /etc/init-extra ] && /etc/init-extra
while :; do setsid /bin/agent; sleep 1; done &
echo "tiny: ready after $(cut -d' ' -f1 /proc/uptime) s, $(nproc) CPUs, kernel $(uname -r)"
export PS1='tiny# '
while :; do setsid cttyhack sh; done
"""


def kernel_package():
    """(release, package version) of the installed kernel headers: "6.1.0-56-amd64", "6.1.192-2"."""
    depends = run(["dpkg-query", "-W", "-f", "${Depends}", "linux-headers-amd64"]).decode()
    found = re.match(r"linux-headers-(\S+) \(= ([^)]+)\)", depends)
    if not found:
        raise MachineError(f"linux-headers-amd64 depends on {depends!r}, which names no kernel release")
    return found[1], found[2]


def _fetch_kernel(tmp):
    release, version = kernel_package()
    package = f"linux-image-{release}={version}"
    try:
        run(["apt-get", "-qq", "-o", "APT::Sandbox::User=root", "download", package], cwd=tmp)
    except MachineError as e:
        raise MachineError(
            f"the kernel that belongs to the installed headers ({package}) can't be had; probably the "
            f"headers are outdated: run `apt-get update; apt-get install linux-headers-amd64`\n{e}") from None
    deb = next(tmp.glob("*.deb"))
    run(["dpkg-deb", "-x", deb, tmp / "root"])
    deb.unlink()
    if not (tmp / "root/lib").exists():  # newer releases ship /usr/lib/modules
        (tmp / "root/lib").symlink_to("usr/lib")
    (tmp / "vmlinuz").symlink_to(f"root/boot/vmlinuz-{release}")
    run(["depmod", "-b", tmp / "root", release])


def kernel():
    """Directory with Debian's kernel: vmlinuz, and root/lib/modules/RELEASE."""
    return cached(BUILD / "image" / "kernel", digest("kernel", 1, *kernel_package()), _fetch_kernel,
                  "Debian's kernel " + kernel_package()[0])


def module_files(tree, names):
    """Files of these modules and of all they need, relative to `tree`; built-in ones are left out."""
    depends = dict(line.split(":", 1) for line in (tree / "modules.dep").read_text().splitlines())
    by_name = {Path(p).name.split(".")[0].replace("-", "_"): p for p in depends}
    builtin = {Path(p).name.split(".")[0].replace("-", "_")
               for p in (tree / "modules.builtin").read_text().split()}
    files = []
    for name in (n.replace("-", "_") for n in names):
        if name in builtin:
            continue
        if name not in by_name:
            raise MachineError(f"this kernel has no module {name} ({tree}/modules.dep)")
        for path in (by_name[name], *depends[by_name[name]].split()):
            if path not in files:
                files.append(path)
    return files, depends


def module_tree():
    """Directory of the modules of the tiny image's kernel."""
    return kernel() / "root/lib/modules" / kernel_package()[0]


def module(path):
    """Bytes of one of that tree's modules, uncompressed."""
    body = (module_tree() / path).read_bytes()
    return lzma.decompress(body) if path.endswith(".xz") else body


def _make_initramfs(tmp):
    release, tree = kernel_package()[0], module_tree()
    base = f"lib/modules/{release}"
    cpio = Cpio()
    for folder in ("proc", "sys", "dev", "run", "root", "tmp", "mnt", "etc"):
        cpio.folder(folder)
    cpio.device("dev/console", 5, 1)
    cpio.file("init", INIT.encode(), 0o755)
    cpio.file("bin/agent", AGENT.encode(), 0o755)
    cpio.file("bin/busybox", BUSYBOX.read_bytes(), 0o755)
    for applet in run([BUSYBOX, "--list"]).decode().split():
        if applet != "busybox":
            cpio.link(f"bin/{applet}", "busybox")
    files, depends = module_files(tree, MODULES)
    plain = lambda p: p.removesuffix(".xz")
    for path in files:
        cpio.file(f"{base}/{plain(path)}", module(path))
    dep = "".join(f"{plain(p)}:{' ' if depends[p].split() else ''}"
                  f"{' '.join(plain(d) for d in depends[p].split())}\n" for p in files)
    cpio.file(f"{base}/modules.dep", dep.encode())
    (tmp / "initrd.zst").write_bytes(run(["zstd", "-q", "-c", "-9"], stdin=cpio.finish()))


def initramfs():
    """The compressed initramfs of the tiny image."""
    recipe = digest("initramfs", 1, Path(__file__), AGENT, BUSYBOX, *kernel_package())
    return cached(BUILD / "image" / "tiny", recipe, _make_initramfs, "the tiny initramfs") / "initrd.zst"


def with_files(initrd, files):
    """An initramfs with {path: bytes|str|Path} added; what is an ELF file or a script becomes executable."""
    if not files:
        return initrd
    cpio = Cpio()
    for path, source in files.items():
        body = content(source)
        cpio.file(path, body, 0o755 if body[:4] == b"\x7fELF" or body[:2] == b"#!" else 0o644)
    return initrd + bytes(-len(initrd) % 4) + cpio.finish()


def uki(target, cmdline=CMDLINE, files=None, sign=True):
    """Write the tiny image as one PE file, signed with the db key unless sign=False."""
    work = target.with_suffix(".parts")
    work.mkdir(parents=True, exist_ok=True)
    parts = {
        ".osrel": b'ID=openvbs-tiny\nNAME="openvbs tiny"\n',
        ".cmdline": cmdline.encode(),
        ".initrd": with_files(initramfs().read_bytes(), files or {}),
        ".linux": (kernel() / "vmlinuz").read_bytes(),
    }
    argv, address = ["objcopy"], _end_of_sections(STUB)
    for section, body in parts.items():
        part = work / section.lstrip(".")
        part.write_bytes(body)
        argv += ["--add-section", f"{section}={part}", "--change-section-vma", f"{section}={address:#x}"]
        address += (len(body) + 0xFFFF) & ~0xFFFF
    unsigned = work / "unsigned.efi"
    run([*argv, STUB, unsigned])
    if sign:
        keys.sign_efi(unsigned, target)
    else:
        unsigned.replace(target)
    subprocess.run(["rm", "-r", work], check=True)
    return target


def _end_of_sections(pe):
    """First 64 KiB boundary after the sections of a PE file, as an address."""
    rows = re.findall(r"^\s*\d+ \.\S+\s+([0-9a-f]+)\s+([0-9a-f]+)", run(["objdump", "-h", pe]).decode(), re.M)
    return (max(int(size, 16) + int(vma, 16) for size, vma in rows) + 0xFFFF) & ~0xFFFF
