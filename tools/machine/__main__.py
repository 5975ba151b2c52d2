# SPDX-License-Identifier: GPL-2.0-only
"""Command line of the test machine; the Makefile's targets call it.

    python3 -m machine emulators|keys|tiny|debian   make what the name says
    python3 -m machine run                          run a machine on this terminal (see `make run`)
    python3 -m machine sign SOURCE TARGET           sign an EFI program
"""

import os
import sys

from . import debian, emulators, interactive, keys, tiny
from .common import MachineError


def main(argv):
    command, args = argv[0] if argv else "", argv[1:]
    if command == "emulators":
        emulator = emulators.get()
        print(f"QEMU {emulator.version}: {emulator.argv[-1] if len(emulator.argv) == 1 else 'build/emu/qemu'}")
    elif command == "keys":
        print(keys.keys())
        keys.variables(emulators.get(), True)
    elif command == "tiny":
        print(tiny.initramfs())
    elif command == "debian":
        print(debian.image())
    elif command == "run":
        return interactive.run(os.environ)
    elif command == "sign" and len(args) == 2:
        keys.sign_efi(*args)
    else:
        print(__doc__, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except MachineError as e:
        sys.exit(f"machine: {e}")
