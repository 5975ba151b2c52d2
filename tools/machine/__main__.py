# SPDX-License-Identifier: GPL-2.0-only
"""Command line of the test machine; the Makefile's targets call it.

    python3 -m machine emulators|bochs|keys|tiny|debian   make what the name says; emulators: QEMU and Bochs
    python3 -m machine run|run-bochs                run a machine on this terminal (see `make run`)
    python3 -m machine sign SOURCE TARGET           sign an EFI program
"""

import os
import sys

from . import bochs_emulator, debian, emulators, interactive, keys, tiny
from .common import MachineError


def print_bochs():
    bochs = bochs_emulator.get()
    print(f"Bochs {bochs.version}: {os.path.relpath(bochs.argv[-1])}")


def main(argv):
    command, args = argv[0] if argv else "", argv[1:]
    if command == "emulators":
        emulator = emulators.get()
        print(f"QEMU {emulator.version}: {emulator.argv[-1] if len(emulator.argv) == 1 else 'build/emu/qemu'}")
        try:
            print_bochs()
        except MachineError as e:  # the tests that need it are skipped with this reason
            if os.environ.get("OPENVBS_BOCHS_REQUIRED"):
                raise
            print(f"machine: warning: no Intel test machine: {e}", file=sys.stderr)
    elif command == "bochs":
        print_bochs()
    elif command == "keys":
        print(keys.keys())
        keys.variables(emulators.get(), True)
    elif command == "tiny":
        print(tiny.initramfs())
    elif command == "debian":
        print(debian.image())
    elif command == "run":
        return interactive.run(os.environ)
    elif command == "run-bochs":
        return interactive.run_bochs(os.environ)
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
