# SPDX-License-Identifier: GPL-2.0-only
"""What DMA protection costs, on a machine with an IOMMU that Linux does not use. Listed in ALL, as in measures.py."""

import contextlib
import re

from common import FLAVOR, OUT, Row, counts, module, say, status, tiny

MIB = 1 << 20
TARGET = 1.02
OWN_USE_OFF = "amd_iommu=off intremap=off"  # where the IOMMU is left alone, Linux would map each buffer of a driver
PROTECTED, OPEN, ABSENT = "level 3", "level 0", "no openvbs"
SIDES = {PROTECTED: 3, OPEN: 0, ABSENT: None}
REPEATS = 3

# One page in each request: how many pieces a larger buffer lies in, and so the work, depends on what ran before.
DISK_REQUESTS, DISK_SECTORS = 8192, 512 * 2048
NET_MIB = 4
PAGES = 1000
FREEZE_MARKS = (30, 31)  # bench/vtlcall
# The host's own disk and network would answer when they like: these two are QEMU's, and at hand at once.
DISK = ("-drive", f"if=none,id=zeros,driver=null-co,size={512 * DISK_SECTORS},read-zeroes=on")
NET = ("-netdev", f"user,id=net,tftp={OUT / 'dma-tftp'}")
DEVICES = ("ide-hd,drive=zeros,bus=ide.2", "e1000,netdev=net,romfile=")

FIND_DISK = f"modprobe ahci; modprobe sd_mod; for i in $(seq 50); do grep -lx {DISK_SECTORS} /sys/block/sd*/size && break; sleep 0.1; done"
NET_UP = "modprobe e1000; ip link set eth0 up; ip addr add 10.0.2.15/24 dev eth0; " \
         "for i in $(seq 50); do grep -qx 1 /sys/class/net/eth0/carrier && break; sleep 0.1; done"
FETCH = "tftp -g -b 1428 -r file -l /dev/null 10.0.2.2"


@contextlib.contextmanager
def side(name, which, **options):
    """The machine of one side; level 3 runs only where DMA protection is on, and level 0 leaves the IOMMU alone."""
    more = {} if SIDES[which] is None else {"policy": {"vbs": 1, "level": SIDES[which]}}
    with tiny(f"dma-{name}-{which.replace(' ', '')}", None if which == ABSENT else FLAVOR, cpus=1, iommu="amd",
              time_limit=400, cmdline=OWN_USE_OFF, files={"/lib/vtlcall.ko": module("vtlcall")}, **more, **options) as m:
        yield m


def counted(m, marks, command):
    """Instructions of a command with all that it causes, best of some after a warm-up."""
    found = []
    for _ in range(REPEATS + 1):
        m.sh(f"loops mark 2; {command}; loops mark 3", 200)
        found.append(marks.between(2, 3))
    say(f"{command.split()[0]}: {' '.join(f'{n:,}' for n in found)}")
    return min(found[1:])


def disk(m, marks):
    found = re.search(r"^/sys/block/(sd\w+)/size$", m.sh(FIND_DISK), re.M)
    if not found:
        raise m.error("there is no disk to read")
    return counted(m, marks, f"dd if=/dev/{found[1]} of=/dev/null bs=4k count={DISK_REQUESTS} iflag=direct")


def net(m, marks):
    m.sh(NET_UP)
    return counted(m, marks, FETCH)


def freeze(m):
    """What vtlcall.ko says of it: nanoseconds."""
    m.sh(f"insmod /lib/vtlcall.ko calls=1 rounds=0 protect={PAGES}")
    found = re.search(rf"vtlcall: protect {PAGES} (\d+)", m.sh("dmesg"))
    if not found:
        raise m.error(f"vtlcall.ko did not protect {PAGES} pages")
    return int(found[1])


def instructions(want):
    """All sides do the same in the same machine; with openvbs pages are frozen last, since they stay so."""
    work = {"dma.disk.instructions": disk, "dma.net.instructions": net}
    found, taken, frozen = {name: {} for name in work}, {}, {}
    (OUT / "dma-tftp").mkdir(parents=True, exist_ok=True)
    (OUT / "dma-tftp" / "file").write_bytes(bytes(NET_MIB * MIB))
    for which in SIDES:
        marks = counts(f"dma-{which.replace(' ', '')}")
        with side("icount", which, icount=True, devices=DEVICES, qemu_args=[*DISK, *NET, *marks.qemu_args]) as m:
            for name, measure in work.items():
                if want(name):
                    found[name][which] = measure(m, marks)
                    say(f"{name}, {which}: {found[name][which]:,}")
            if which != ABSENT:
                taken[which] = status(m).memory_bytes
                freeze(m)
                frozen[which] = marks.all_between(*FREEZE_MARKS)[0][0]
    shown = {"dma.disk.instructions": f"read {DISK_REQUESTS} x 4 KiB, AHCI", "dma.net.instructions": f"TFTP of {NET_MIB} MiB, e1000"}
    for name, sides in found.items():
        for without in (OPEN, ABSENT) if sides else ():
            yield Row(name, f"{shown[name]}, level 3 / {without}, 1 CPU, icount", sides[PROTECTED], "instructions",
                      sides[without], TARGET if without == OPEN else None)  # the other has the emulator's xAPIC exits
    yield Row("dma.memory.bytes", f"{FLAVOR}, level 3 - level 0, 1 CPU", taken[PROTECTED] - taken[OPEN], "bytes")
    yield Row("dma.freeze.1000.instructions", "freeze, level 3 / level 0, 1 CPU, icount", frozen[PROTECTED], "instructions",
              frozen[OPEN])


def freeze_time(_want):
    """By the guest's clock, on an emulator."""
    found = {}
    for which in (PROTECTED, OPEN):
        with side("time", which) as m:
            found[which] = freeze(m) / 1000
    yield Row("dma.freeze.1000.time", "freeze, level 3 / level 0, 1 CPU", round(found[PROTECTED], 1), "us", round(found[OPEN], 1))


ALL = [
    (("dma.disk.instructions", "dma.net.instructions", "dma.memory.bytes", "dma.freeze.1000.instructions"), instructions),
    (("dma.freeze.1000.time",), freeze_time),
]
