# SPDX-License-Identifier: GPL-2.0-only
"""Options of a Machine, checked, and the QEMU command line made from them."""

import dataclasses
import typing

from . import keys, settings
from .common import MachineError

# Linux only goes to x2APIC mode when interrupts can be remapped to x2APIC ids: so x2apic=True gives the IOMMU that too.
IOMMU = {("amd", False): "amd-iommu", ("amd", True): "amd-iommu,intremap=on,xtsup=on",
         ("intel", False): "intel-iommu", ("intel", True): "intel-iommu,intremap=on,eim=on"}


@dataclasses.dataclass
class Options:
    """Everything that can be chosen; the head of machine.py explains each."""

    image: typing.Optional[str] = "tiny"
    openvbs: typing.Any = None
    conf: typing.Optional[str] = None
    policy: typing.Optional[dict] = dataclasses.field(default_factory=lambda: settings.ON)
    local: typing.Optional[dict] = None
    boot: typing.Any = None
    sign: bool = True
    esp: dict = dataclasses.field(default_factory=dict)
    cmdline: str = ""
    files: dict = dataclasses.field(default_factory=dict)
    cpus: int = 2
    mem: int = 1024
    qemu: str = "10"
    secure_boot: bool = True
    tpm: bool = False
    iommu: typing.Optional[str] = None
    x2apic: typing.Optional[bool] = None
    cpu: str = "max,+svm"
    cpu_flags: str = ""
    icount: bool = False
    thread: str = "single"
    edu: bool = False
    devices: typing.Sequence = ()
    disks: typing.Sequence = ()
    disk_if: str = "ide-hd"
    ssh: bool = False
    network: str = "e1000"
    reboot: bool = False
    time_limit: int = 120
    qemu_args: typing.Sequence = ()
    state: typing.Any = None

    def __post_init__(self):
        problems = [text for bad, text in (
            (not 1 <= self.cpus <= 8, f"cpus={self.cpus}: 1 to 8"),
            (self.mem < 256, f"mem={self.mem}: at least 256 MiB"),
            (self.thread not in ("single", "multi"), f"thread={self.thread!r}: single or multi"),
            (self.icount and self.cpus != 1, "icount counts with one CPU only: cpus=1"),
            (self.time_limit <= 0, "time_limit must be positive"),
            (self.x2apic and self.qemu == "7.2", "QEMU 7.2 emulates no x2APIC: use qemu='10'"),
            (self.image is None and not (self.boot or self.openvbs or self.esp), "nothing to boot: image, boot or esp"),
            (self.boot and self.openvbs, "boot and openvbs both want to be \\EFI\\BOOT\\BOOTX64.EFI"),
            (self.files and self.image != "tiny", "files are for image='tiny'; elsewhere use esp or scp"),
        ) if bad]
        if problems:
            raise MachineError("Machine: " + "; ".join(problems))


def build(machine, fds):
    """QEMU's arguments for a machine.

    `fds` has the descriptors of its lines: "serial", "agent" and "qmp" (without
    them the first serial line is the terminal), and "tpm".
    """
    o = machine.options
    args = ["-nodefaults", "-display", "none", "-vga", "std", "-pidfile", str(machine.dir / "qemu.pid"),
            "-smp", str(o.cpus), "-m", str(o.mem), *_board(o), *_cpu(machine), *_firmware(machine)]
    if "serial" in fds:
        args += ["-chardev", f"socket,id=serial,fd={fds['serial']}", "-serial", "chardev:serial",
                 "-chardev", f"socket,id=agent,fd={fds['agent']}", "-serial", "chardev:agent",
                 "-chardev", f"socket,id=qmp,fd={fds['qmp']}", "-mon", "chardev=qmp,mode=control"]
    else:
        args += ["-serial", "mon:stdio", "-serial", "null"]
    args += _devices(machine, fds.get("tpm"))
    return args + ([] if o.reboot else ["-no-reboot"]) + [str(a) for a in o.qemu_args]


def _devices(machine, tpm_fd):
    o = machine.options
    args = []
    if o.iommu:
        args += ["-device", IOMMU.get((o.iommu, bool(o.x2apic)), o.iommu)]
    for i, drive in enumerate(machine.image.drives(machine)):
        args += ["-drive", f"if=none,id=disk{i},{drive}", "-device", _disk(o, f"disk{i}") + machine.image.boot_index]
    for i, path in enumerate(o.disks):
        args += ["-drive", f"if=none,id=extra{i},format=raw,snapshot=on,file={path}", "-device", _disk(o, f"extra{i}")]
    if tpm_fd is not None:
        args += ["-chardev", f"socket,id=tpm,fd={tpm_fd}", "-tpmdev", "emulator,id=tpm0,chardev=tpm",
                 "-device", "tpm-crb,tpmdev=tpm0"]
    if machine.ssh_port:
        args += ["-netdev", f"user,id=net0,hostfwd=tcp:127.0.0.1:{machine.ssh_port}-:22",
                 "-device", f"{o.network},netdev=net0,romfile="]
    for device in (("edu,dma_mask=0xffffffff",) if o.edu else ()) + tuple(o.devices):
        args += ["-device", device]
    return args


def _disk(o, name):
    return f"{o.disk_if},drive={name}" + (f",serial={name}" if o.disk_if == "nvme" else "")


def _board(o):
    board = "q35,smm=on" if o.secure_boot else "q35,smm=off"
    if o.iommu and "intel" in o.iommu:
        board += ",kernel-irqchip=off" if o.qemu == "7.2" else ",kernel-irqchip=split"
    return ["-M", board]


def _cpu(machine):
    o = machine.options
    cpu = o.cpu if machine.accel == "tcg" or o.cpu != "max,+svm" else "host"
    if o.x2apic is not None:
        cpu += ",+x2apic" if o.x2apic else ",-x2apic"
    if o.cpu_flags:
        cpu += "," + o.cpu_flags
    engine = f"tcg,thread={o.thread}" if machine.accel == "tcg" else "kvm"
    if o.icount:
        engine = "tcg"
    args = ["-cpu", cpu, "-accel", engine]
    if o.icount:
        args += ["-icount", "shift=0,sleep=off", "-rtc", "base=2024-01-01,clock=vm"]
    return args


def _firmware(machine):
    secure = machine.options.secure_boot
    code = keys.firmware(machine.emulator, secure)
    args = ["-global", "driver=cfi.pflash01,property=secure,value=on"] if secure else []
    return args + ["-drive", f"if=pflash,format=raw,unit=0,readonly=on,file={code}",
                   "-drive", f"if=pflash,format=raw,unit=1,file={machine.dir / 'vars.fd'}"]
