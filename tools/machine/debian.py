# SPDX-License-Identifier: GPL-2.0-only
"""The full image: Debian on a GPT disk, started by shim and GRUB as Debian installs them.

It is of the release that this host runs, so that its kernel is the one whose
headers are installed here and modules built here load there. Made by mmdebstrap from this host's mirror, without mounting anything: the root
file system by mke2fs -d, the ESP by mtools, both put at their offsets into a
sparse file. Each run works on an overlay, so the cached disk stays as made.
What differs from an installation: the serial console logs root in, the command
agent runs on the second serial line, a test ssh key is authorised, and the
periodic jobs of apt and dpkg are masked because they disturb measurements.
"""

import io
import os
import shutil
import tarfile
import uuid
from pathlib import Path

from . import esp, keys, tiny
from .common import BUILD, cached, debian_sources, digest, os_release, run
from .console import AGENT

CODENAME = os_release()["VERSION_CODENAME"]
HOSTNAME = "debian"
PACKAGES = ("linux-image-amd64 systemd-sysv dbus libpam-systemd openssh-server shim-signed grub-efi-amd64 "
            "grub-efi-amd64-signed efibootmgr mokutil gcc libc6-dev make kexec-tools e2fsprogs "
            "tpm2-tools msr-tools cpuid libjansson4 man-db bash-completion").split()
MASKED = "apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service".split()

MIB = 1 << 20
ESP_MIB, ROOT_MIB = 96, 3072
ESP_START, ROOT_START = 1, 1 + ESP_MIB  # MiB
DISK_MIB = ROOT_START + ROOT_MIB + 1
ESP_GUID = uuid.UUID("b4f0a6a2-5d0e-4a34-9d6b-6f7076627331")   # partition GUIDs and the file system's
ROOT_GUID = uuid.UUID("b4f0a6a2-5d0e-4a34-9d6b-6f7076627332")  # UUID are fixed: boot entries and
ROOT_UUID = uuid.UUID("b4f0a6a2-5d0e-4a34-9d6b-6f7076627333")  # grub.cfg name them
ESP_SERIAL = "4F56-4253"
SHIM = "EFI/debian/shimx64.efi"

# On the ESP, where Debian's signed GRUB looks first. `extra` comes from the option `cmdline`.
GRUB_ESP = f"""set extra="EXTRA"
export extra
search.fs_uuid {ROOT_UUID} root
set prefix=($root)'/boot/grub'
configfile $prefix/grub.cfg
"""
GRUB_MAIN = f"""set default=0
set timeout=0
menuentry 'Debian GNU/Linux' {{
	search --no-floppy --fs-uuid --set=root {ROOT_UUID}
	linux /boot/vmlinuz-RELEASE root=UUID={ROOT_UUID} ro console=ttyS0,115200 $extra
	initrd /boot/initrd.img-RELEASE
}}
"""
FILES = {
    "etc/hostname": HOSTNAME + "\n",
    "etc/hosts": f"127.0.0.1 localhost\n127.0.1.1 {HOSTNAME}\n",
    "etc/fstab": f"UUID={ROOT_UUID} / ext4 errors=remount-ro 0 1\nUUID={ESP_SERIAL} /boot/efi vfat umask=0077 0 1\n",
    "etc/default/grub": 'GRUB_DEFAULT=0\nGRUB_TIMEOUT=0\nGRUB_DISTRIBUTOR=Debian\n'
                        'GRUB_CMDLINE_LINUX_DEFAULT=""\nGRUB_CMDLINE_LINUX="console=ttyS0,115200"\n',
    "etc/systemd/network/50-test.network": "[Match]\nName=en*\n\n[Network]\nDHCP=ipv4\n",
    "etc/systemd/system/serial-getty@ttyS0.service.d/autologin.conf":
        "[Service]\nExecStart=\nExecStart=-/sbin/agetty --autologin root --noclear --keep-baud 115200 - dumb\n",
    "etc/systemd/system/test-agent.service":
        "[Unit]\nDescription=Command agent of the test machine\n\n[Service]\nExecStart=/usr/local/sbin/test-agent\n"
        "WorkingDirectory=/root\nEnvironment=HOME=/root\nRestart=always\nKillMode=process\nStandardInput=null\n\n"
        "[Install]\nWantedBy=multi-user.target\n",
    "usr/local/sbin/test-agent": AGENT,
}


def _files_tar():
    """The files above and the authorised key, as a tar archive that belongs to root."""
    files = {**FILES, "root/.ssh/authorized_keys": (keys.keys() / "id_ed25519.pub").read_text()}
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for path, text in files.items():
            info = tarfile.TarInfo(path)
            info.size = len(text.encode())
            info.mode = 0o755 if text.startswith("#!") else 0o644
            tar.addfile(info, io.BytesIO(text.encode()))
    return out.getvalue()


def _bootstrap(tmp):
    """mmdebstrap: the root file system as a tar archive."""
    release, _ = tiny.kernel_package()
    (tmp / "files.tar").write_bytes(_files_tar())
    (tmp / "grub.cfg").write_text(GRUB_MAIN.replace("RELEASE", release))
    hooks = [
        f"tar-in {tmp}/files.tar /",
        'chroot "$1" passwd -d root',
        'chroot "$1" systemctl enable systemd-networkd test-agent serial-getty@ttyS0',
        f'chroot "$1" systemctl mask {" ".join(MASKED)}',
        'chmod 700 "$1/root/.ssh"; mkdir -p "$1/boot/efi" "$1/boot/grub"',
        'cat /proc/sys/kernel/random/uuid | tr -d - >"$1/etc/machine-id"',
        f"upload {tmp}/grub.cfg /boot/grub/grub.cfg",
    ]
    packages = ",".join([f"linux-image-{release}", *PACKAGES])
    run(["mmdebstrap", "--quiet", "--variant=important", f"--include={packages}",
         *(f"--customize-hook={hook}" for hook in hooks), CODENAME, tmp / "root.tar", *debian_sources(CODENAME)],
        env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"})


def _as_root(argv):
    """Run a program as root; if this is not root, as the root of a user namespace, who outside is this user."""
    run(argv if os.geteuid() == 0 else ["unshare", "--user", "--map-root-user", "--map-auto", *argv])


def _root_filesystem(tmp):
    """ext4 from the archive, in tmp/work, and the signed boot programs in it."""
    script = (f"set -e; mkdir {tmp}/work; cd {tmp}/work; mkdir root; "
              "tar -xf ../root.tar -C root --numeric-owner --exclude='./dev/*'; "
              f"mke2fs -q -t ext4 -L root -U {ROOT_UUID} -d root root.ext4 {ROOT_MIB}M; "
              "cp -r root/usr/lib/shim root/usr/lib/grub/x86_64-efi-signed .; rm -rf root")
    _as_root(["sh", "-c", script])


def _esp_files(work):
    """The ESP as Debian's installer leaves it."""
    return {
        SHIM: work / "shim/shimx64.efi.signed",
        "EFI/debian/grubx64.efi": work / "x86_64-efi-signed/grubx64.efi.signed",
        "EFI/debian/mmx64.efi": work / "shim/mmx64.efi.signed",
        "EFI/debian/fbx64.efi": work / "shim/fbx64.efi.signed",
        "EFI/debian/BOOTX64.CSV": work / "shim/BOOTX64.CSV",
        "EFI/debian/grub.cfg": GRUB_ESP.replace("EXTRA", ""),
    }


def _make(tmp):
    _bootstrap(tmp)
    _root_filesystem(tmp)
    esp.make(tmp / "esp.img", _esp_files(tmp / "work"), min_mib=ESP_MIB, serial=ESP_SERIAL)
    disk = tmp / "disk.raw"
    with open(disk, "wb") as f:
        f.truncate(DISK_MIB * MIB)
    run(["sgdisk", "--clear",
         f"--new=1:{ESP_START}M:+{ESP_MIB}M", "--typecode=1:ef00", f"--partition-guid=1:{ESP_GUID}",
         f"--new=2:{ROOT_START}M:+{ROOT_MIB}M", "--typecode=2:8304", f"--partition-guid=2:{ROOT_GUID}", disk])
    for part, start in (("esp.img", ESP_START), ("work/root.ext4", ROOT_START)):
        run(["dd", f"if={tmp / part}", f"of={disk}", "bs=1M", f"seek={start}", "conv=notrunc,sparse", "status=none"])
    for name in ("root.tar", "files.tar", "grub.cfg"):
        (tmp / name).unlink()
    shutil.rmtree(tmp / "work")


def image():
    """Directory with disk.raw and esp.img (a copy of its first partition)."""
    recipe = digest("debian", Path(__file__), AGENT, *tiny.kernel_package(), keys.keys() / "id_ed25519.pub",
                    *debian_sources(CODENAME))
    return cached(BUILD / "image" / "debian", recipe, _make, f"the Debian disk image ({CODENAME}), 2 to 4 minutes")
