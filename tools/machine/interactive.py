# SPDX-License-Identifier: GPL-2.0-only
"""`make run`, `make run-bochs`: the test machine for a person, its first serial line on the terminal.

The same images, keys and options as in the tests, but nobody drives it: QEMU's
console is the terminal (Ctrl-a x ends it, Ctrl-a c reaches the monitor), and
there is no time limit. Bochs has no such console: there the lines are relayed.
"""

import os
import select
import socket
import subprocess
import sys
import termios
import tty

from . import arguments, keys, tiny
from .bochs import BochsMachine
from .common import BUILD, MachineError
from .machine import Machine

FLAVORS = ("release", "debug")
NO_LIMIT = 10**6  # seconds
LEAVE = "\x1d"  # Ctrl-]


def loader(get):
    """The loader that $OPENVBS names, by default the first that has been built."""
    chosen = get("OPENVBS") or next((f for f in FLAVORS if (BUILD / f / "openvbs.efi").exists()), "none")
    if chosen not in (*FLAVORS, "none"):
        raise MachineError(f"OPENVBS={chosen}: release, debug or none")
    return chosen


VTL1_SH = """#!/bin/sh
# Loads openvbs.ko and looks at the secure world.
mount -t securityfs none /sys/kernel/security 2>/dev/null
chmod +x /root/ovbs-ps /root/ovbs-call
insmod /root/openvbs.ko && /root/ovbs-ps && /root/ovbs-call 7c323f87-2709-4f17-a8bc-ff7929529125 2 v:40,2 V:
"""


def guest_files():
    """openvbs.ko and the programs that call trustlets, as far as they have been built, for the tiny image."""
    release = tiny.kernel_package()[0]
    files = {"/root/openvbs.ko": BUILD / "linux" / release / "openvbs.ko",
             **{f"/root/{name}": BUILD / "clients" / f"{name}.static" for name in ("ovbs-ps", "ovbs-call")}}
    return {"/root/vtl1.sh": VTL1_SH, **files} if all(f.exists() for f in files.values()) else {}


def options(environment):
    """Options of Machine from the variables that `make run` passes on."""
    get = environment.get
    small = get("TINY", "") not in ("", "0")
    chosen = loader(get)
    return {
        "image": "tiny" if small else "debian",
        "openvbs": None if chosen == "none" else chosen,
        "cpus": int(get("CPUS") or 2), "mem": int(get("MEM") or (1024 if small else 2048)),
        "qemu": get("QEMU") or "10", "secure_boot": get("SECURE_BOOT") != "0", "tpm": get("TPM") != "0",
        "iommu": get("IOMMU") or None, "x2apic": True if get("X2APIC") == "1" else None,
        "ssh": not small, "files": guest_files() if small else {}, "reboot": True,
        "cmdline": get("CMDLINE") or "",
    }


def run(environment):
    """Run the machine on this terminal; its exit status."""
    chosen = options(environment)
    machine = Machine("run", **chosen)
    with machine.prepared():
        print(f"machine: {chosen['image']}, openvbs {chosen['openvbs'] or 'not started'}, QEMU "
              f"{machine.emulator.version} ({machine.accel}), {chosen['cpus']} CPUs. Ctrl-a x ends it.")
        if chosen["files"]:
            print("machine: in the guest, `sh vtl1.sh` loads openvbs.ko and calls a trustlet")
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


def run_bochs(environment):
    """Run the tiny image on Bochs, its console on this terminal, until Ctrl-] or the machine's end."""
    get, chosen = environment.get, loader(environment.get)
    options = {"openvbs": None if chosen == "none" else chosen, "model": get("MODEL") or "corei7_skylake_x",
               "cpus": int(get("CPUS") or 1), "mem": int(get("MEM") or 512), "cmdline": get("CMDLINE") or "",
               "files": guest_files()}
    with BochsMachine("run-bochs", time_limit=NO_LIMIT, **options) as machine:
        print(f"machine: tiny, openvbs {chosen}, Bochs {machine.emulator.version}, {options['model']}, "
              f"{options['cpus']} CPUs. The shell comes in about a minute. Ctrl-] ends it."
              + (" There, `sh vtl1.sh` calls a trustlet." if options["files"] else ""), flush=True)
        before = termios.tcgetattr(sys.stdin) if sys.stdin.isatty() else None
        try:
            if before:
                tty.setraw(sys.stdin)
            _relay(machine, newline="\r\n" if before else "\n")
        finally:
            if before:
                termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)
    return 0


def _relay(machine, newline):
    shown, inputs = 0, [sys.stdin]
    while not machine.serial.ended:
        text = machine.log_text()
        sys.stdout.write(text[shown:].replace("\n", newline))
        sys.stdout.flush()
        shown = len(text)
        if select.select(inputs, [], [], 0.1)[0]:
            typed = os.read(sys.stdin.fileno(), 1024).decode(errors="replace")
            if LEAVE in typed:
                return
            if typed:
                machine.send(typed)
            else:
                inputs = []  # end of input: the console is still shown
