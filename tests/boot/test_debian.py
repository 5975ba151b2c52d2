# SPDX-License-Identifier: GPL-2.0-only
"""VTL1 on an installed Debian, as its administrator and its users find it: packages' files, initramfs, group."""

import re
import subprocess

import pytest

from machine import Machine, tiny
from machine.common import BUILD, ROOT
from vtl1lib import HELLO

pytestmark = pytest.mark.long


def example():
    """The C program of the guide, docs/trustlets.md."""
    guide = (ROOT / "docs" / "trustlets.md").read_text(encoding="utf-8")
    block = guide[guide.index("    #include <openvbs.h>"):]
    lines = []
    for line in block.splitlines():
        if line and not line.startswith("    "):
            break
        lines.append(line[4:])
    return "\n".join(lines) + "\n"


def installed(tmp_path):
    """What the two install targets and DKMS leave, as a tar archive."""
    root = tmp_path / "root"
    subprocess.run(["make", "-s", "-C", str(ROOT), "install-clients", "install-module", f"DESTDIR={root}"], check=True,
                   capture_output=True, text=True, timeout=200)
    release = tiny.kernel_package()[0]
    modules = root / "usr/lib/modules" / release / "updates/dkms"
    modules.mkdir(parents=True)
    (modules / "openvbs.ko").write_bytes((BUILD / "linux" / release / "openvbs.ko").read_bytes())
    (root / "usr/src/call.c").write_text(example(), encoding="ascii")
    subprocess.run(["tar", "-C", str(root), "--owner=0", "--group=0", "-cf", str(tmp_path / "root.tar"), "usr"], check=True)
    return tmp_path / "root.tar"


def test_module_in_the_initramfs_and_programs_of_a_group(tmp_path):
    """After an installation and a reboot: loaded before the root file system, /dev/openvbs for its group alone, a C program builds and runs."""
    with Machine("debian-vtl1", image="debian", openvbs="release", cpus=2, mem=2048, ssh=True, reboot=True, time_limit=900) as m:
        m.wait_ready()
        m.scp(installed(tmp_path), "/run/root.tar")
        m.sh("tar -C / --keep-directory-symlink -xf /run/root.tar && ldconfig && depmod && systemd-sysusers"
             " && useradd -m -G openvbs member && useradd -m stranger", 120)
        m.sh("echo MODULES=dep >/etc/initramfs-tools/conf.d/small")  # all drivers take the emulator minutes
        said = m.sh("update-initramfs -u 2>&1", 400)
        assert "openvbs" not in said, said
        assert m.sh("lsinitramfs /boot/initrd.img-$(uname -r) | grep -c openvbs.ko", 200).strip() == "1"
        m.sh("sync; cp -f /proc/uptime /run/before")
        m.send("systemctl reboot\n")
        m.wait_for(r"(?s)reboot: Restarting system.*login:", 300)
        m.wait_ready(60)
        assert m.run("test -e /run/before").rc == 1, "it did not restart"
        times = {name: float(t) for t, name in re.findall(r"^\[ *([\d.]+)\] (openvbs: running|EXT4-fs \(\w+\): mounted)",
                                                         m.sh("dmesg"), re.M)}
        first = {name.split(":")[0].split(" ")[0]: t for name, t in times.items()}
        assert first["openvbs"] < first["EXT4-fs"], times
        assert m.sh("stat -c '%a %G' /dev/openvbs").strip() == "660 openvbs"
        assert "Secure System" in m.sh("su member -c ovbs-ps")
        refused = m.run("su stranger -c ovbs-ps")
        assert refused.rc != 0 and "no access" in refused.output
        assert "value" not in m.run(f"su stranger -c 'ovbs-call {HELLO} 2 v:1,2 V:'").output
        m.sh("gcc -Wall -Werror -o /usr/local/bin/call /usr/src/call.c -lopenvbs", 120)
        assert m.sh("su member -c call").strip() == "42"
