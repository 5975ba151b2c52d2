# SPDX-License-Identifier: GPL-2.0-only
"""What a Machine boots: the tiny image, an ESP of the test's own, or Debian.

Each image knows how to lay out its ESP with and without openvbs, so that both
start the same next stage in the same way. Paths on the ESP are fixed here.
"""

from pathlib import Path

from . import esp, keys, tiny
from .common import BUILD, MachineError

BOOT = "EFI/BOOT/BOOTX64.EFI"
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


def loader_files(machine, next_stage):
    """ESP files that start openvbs, then `next_stage`."""
    files = {}
    put_efi(machine, files, BOOT, openvbs_file(machine.options.openvbs))
    files[CONF] = machine.options.conf if machine.options.conf is not None else f"next={next_stage}\n"
    return files


class EspImage:
    """A machine whose only disk is an ESP with files of the test's choice."""

    ready = r"\Z(?!)"  # never: the test knows what to wait for

    def prepare(self, machine):
        path = machine.dir / "esp.img"
        if not path.exists():
            esp.make(path, {**self.files(machine), **machine.options.esp})

    def files(self, machine):
        o, files = machine.options, {}
        if o.openvbs:
            files = loader_files(machine, "")
        elif o.boot:
            put_efi(machine, files, BOOT, o.boot)
        return files

    def drives(self, machine):
        return [f"format=raw,file={machine.dir / 'esp.img'}"]

    def esp(self, machine):
        return machine.dir / "esp.img", 0


class TinyImage(EspImage):
    """Debian's kernel and busybox as one PE file on an ESP."""

    ready = f"^{tiny.PROMPT}"

    def files(self, machine):
        o = machine.options
        cmdline = f"{tiny.CMDLINE} {o.cmdline}".strip()
        image = tiny.uki(machine.dir / "tiny.efi", cmdline, o.files, sign=o.sign)
        if o.openvbs:
            return {TINY: image, **loader_files(machine, "\\" + TINY.replace("/", "\\"))}
        if o.boot:
            return {TINY: image, **super().files(machine)}
        return {BOOT: image}


def get(name):
    """The image called `name`."""
    if name == "debian":
        from .debian import DebianImage
        return DebianImage()
    known = {None: EspImage, "tiny": TinyImage}
    if name not in known:
        raise MachineError(f"no image is called {name!r}: there are 'tiny', 'debian' and None")
    return known[name]()
