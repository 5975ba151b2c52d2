# SPDX-License-Identifier: GPL-2.0-only
"""`make run`: the test machine for a person, its first serial line on the terminal.

The same images, keys and options as in the tests, but nobody drives it: QEMU's
console is the terminal (Ctrl-a x ends it, Ctrl-a c reaches the monitor), and
there is no time limit.
"""

import os
import socket
import subprocess

from . import arguments, keys
from .common import BUILD, MachineError
from .machine import Machine

FLAVORS = ("release", "debug")


def options(environment):
    """Options of Machine from the variables that `make run` passes on."""
    get = environment.get
    tiny = get("TINY", "") not in ("", "0")
    chosen = get("OPENVBS") or next((f for f in FLAVORS if (BUILD / f / "openvbs.efi").exists()), "none")
    if chosen not in (*FLAVORS, "none"):
        raise MachineError(f"OPENVBS={chosen}: release, debug or none")
    return {
        "image": "tiny" if tiny else "debian",
        "openvbs": None if chosen == "none" else chosen,
        "cpus": int(get("CPUS") or 2), "mem": int(get("MEM") or (1024 if tiny else 2048)),
        "qemu": get("QEMU") or "10", "secure_boot": get("SECURE_BOOT") != "0", "tpm": get("TPM") != "0",
        "iommu": get("IOMMU") or None, "x2apic": True if get("X2APIC") == "1" else None,
        "ssh": not tiny, "reboot": True,
        "cmdline": get("CMDLINE") or "",
    }


def run(environment):
    """Run the machine on this terminal; its exit status."""
    chosen = options(environment)
    machine = Machine("run", **chosen)
    with machine.prepared():
        print(f"machine: {chosen['image']}, openvbs {chosen['openvbs'] or 'not started'}, QEMU "
              f"{machine.emulator.version} ({machine.accel}), {chosen['cpus']} CPUs. Ctrl-a x ends it.")
        if chosen["ssh"]:
            print(f"machine: ssh -i {os.path.relpath(keys.keys() / 'id_ed25519')} -o StrictHostKeyChecking=no "
                  f"-p {machine.ssh_port} root@127.0.0.1", flush=True)
        ours, theirs = socket.socketpair()
        with ours, theirs:
            fds = {}
            if machine.options.tpm:
                machine.start_tpm(ours)
                fds["tpm"] = theirs.fileno()
            argv = [*machine.emulator.argv, *arguments.build(machine, fds)]
            return subprocess.call(argv, env={**os.environ, **machine.emulator.env}, pass_fds=list(fds.values()))
