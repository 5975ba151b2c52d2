# SPDX-License-Identifier: GPL-2.0-only
"""What a Machine boots: the tiny image, an ESP of the test's own, or Debian.

Each image knows how to lay out its ESP with and without openvbs, so that both
start the same next stage in the same way. Paths on the ESP are fixed here.
"""

import shutil
from pathlib import Path

from . import bootentries, debian, esp, keys, settings, tiny
from .common import BUILD, MachineError, run

BOOT = "EFI/BOOT/BOOTX64.EFI"
OPENVBS = "EFI/openvbs/openvbs.efi"
OPTOUT = "EFI/openvbs/openvbs-optout.efi"
CONF = "EFI/openvbs/openvbs.conf"
TINY = "EFI/tiny/tiny.efi"


def openvbs_file(which):
    """The built loader that the option `openvbs` names."""
    path = which if isinstance(which, Path) else BUILD / which / "openvbs.efi"
    if not path.exists():
        raise MachineError(f"{path} does not exist: build it first (`make`)")
    return path


def put_efi(machine, files, path, source):
    """Add an EFI program to the ESP's files, signed unless the machine has sign=False."""
    if machine.options.sign:
        unsigned = machine.dir / "unsigned.efi"
        unsigned.write_bytes(esp.content(source))
        files[path] = keys.sign_efi(unsigned, machine.dir / "signed.efi").read_bytes()
    else:
        files[path] = esp.content(source)


def loader_files(machine, path, next_stage):
    """ESP files that start openvbs, which lies at `path`, then `next_stage`."""
    files = {}
    put_efi(machine, files, path, openvbs_file(machine.options.openvbs))
    default = "next=\\" + next_stage.replace("/", "\\") + "\n"
    files[CONF] = default if machine.options.conf is None else machine.options.conf
    return files


class EspImage:
    """A machine whose only disk is an ESP with files of the test's choice."""

    ready = r"\Z(?!)"  # never: the test knows what to wait for
    boot_index = ",bootindex=0"

    def prepare(self, machine):
        path = machine.dir / "esp.img"
        if not path.exists():
            policy = settings.policy_files(machine.options.policy)
            esp.make(path, {**policy, **self.files(machine), **machine.options.esp})

    def files(self, machine):
        o, files = machine.options, {}
        if o.openvbs:
            files = loader_files(machine, BOOT, "")
        elif o.boot:
            put_efi(machine, files, BOOT, o.boot)
        return files

    def drives(self, machine):
        return [f"format=raw,file={machine.dir / 'esp.img'}"]

    def esp(self, machine):
        return machine.dir / "esp.img"


    def raw(self, machine):
        """One raw file with the whole disk."""
        return self.esp(machine)


class TinyImage(EspImage):
    """Debian's kernel and busybox as one PE file on an ESP."""

    ready = f"^{tiny.PROMPT}"

    def files(self, machine):
        o = machine.options
        cmdline = f"{tiny.CMDLINE} {o.cmdline}".strip()
        image = tiny.uki(machine.dir / "tiny.efi", cmdline, o.files, sign=o.sign)
        if o.openvbs:
            return {TINY: image, **loader_files(machine, BOOT, TINY)}
        if o.boot:
            return {TINY: image, **super().files(machine)}
        return {BOOT: image}


class DebianImage:
    """The full Debian disk under an overlay; openvbs is the first boot entry, Debian's shim its next stage."""

    ready = rf"^root@{debian.HOSTNAME}:~# "
    boot_index = ""  # BootOrder decides; an index from QEMU would make the firmware rewrite it
    start, size = debian.ESP_START * debian.MIB, debian.ESP_MIB * debian.MIB

    def prepare(self, machine):
        overlay = machine.dir / "disk.qcow2"
        if overlay.exists():
            return
        made = debian.image()
        run(["qemu-img", "create", "-q", "-f", "qcow2", "-b", made / "disk.raw", "-F", "raw", overlay])
        files = self.files(machine)
        if files:
            part = machine.dir / "esp.img"
            shutil.copyfile(made / "esp.img", part)
            esp.add(part, files)
            self.write_esp(overlay, part)
        entries = [("debian", debian.SHIM)]
        if machine.options.openvbs:
            entries.insert(0, ("openvbs", OPENVBS))
        partition = (1, self.start, self.size, debian.ESP_GUID)
        bootentries.set_entries(machine.dir / "vars.fd", partition, entries)

    def files(self, machine):
        """What this machine's ESP has that the cached image's has not."""
        o, files = machine.options, {}
        if o.openvbs:
            files = loader_files(machine, OPENVBS, debian.SHIM)
            if not isinstance(o.openvbs, Path):
                put_efi(machine, files, OPTOUT, BUILD / o.openvbs / "openvbs-optout.efi")
        elif o.boot:
            put_efi(machine, files, BOOT, o.boot)
        if o.cmdline:
            files["EFI/debian/grub.cfg"] = debian.GRUB_ESP.replace("EXTRA", o.cmdline)
        return {**(settings.policy_files(o.policy) if o.openvbs else {}), **files, **o.esp}

    def write_esp(self, overlay, part):
        run(["qemu-io", "-f", "qcow2", "-c", f"write -q -s {part} {self.start} {self.size}", overlay])

    def drives(self, machine):
        return [f"format=qcow2,file={machine.dir / 'disk.qcow2'}"]

    def esp(self, machine):
        copy = machine.dir / "esp.read.img"
        part = (f"driver=raw,offset={self.start},size={self.size},"
                f"file.driver=qcow2,file.file.filename={machine.dir / 'disk.qcow2'}")
        run(["qemu-img", "convert", "-U", "--image-opts", "-O", "raw", part, copy])
        return copy


class RawDebianImage(DebianImage):
    """The same disk as one file, a copy, for a machine without boot entries: what comes first is the default program."""

    def prepare(self, machine):
        made, disk = debian.image(), self.raw(machine)
        run(["cp", "--sparse=always", made / "disk.raw", disk])
        part = machine.dir / "esp.img"
        shutil.copyfile(made / "esp.img", part)
        esp.add(part, self.files(machine))
        run(["dd", f"if={part}", f"of={disk}", "bs=1M", f"seek={debian.ESP_START}", "conv=notrunc,sparse", "status=none"])

    def files(self, machine):
        files = super().files(machine)
        if machine.options.openvbs:
            files[BOOT] = files.pop(OPENVBS)
        elif not machine.options.boot:
            made = debian.image() / "esp.img"
            files[BOOT] = esp.read(made, debian.SHIM)
            files["EFI/BOOT/grubx64.efi"] = esp.read(made, "EFI/debian/grubx64.efi")
        return files

    def raw(self, machine):
        return machine.dir / "disk.raw"

    def esp(self, machine):
        return machine.dir / "esp.img"


def get(name, raw=False):
    """The image called `name`; raw: on a disk in one file, without boot entries in the firmware."""
    known = {None: EspImage, "tiny": TinyImage, "debian": RawDebianImage if raw else DebianImage}
    if name not in known:
        raise MachineError(f"no image is called {name!r}: there are 'tiny', 'debian' and None")
    return known[name]()
