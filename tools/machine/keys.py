# SPDX-License-Identifier: GPL-2.0-only
"""Secure Boot keys of the test machine, and what is signed with them.

PK, KEK and db keys of our own are made once (build/keys) and enrolled beside
Microsoft's, so that both our images and a distribution's shim start. They
protect nothing: never enrol them in a machine that matters.
Invariant: with secure_boot the firmware is in user mode and enforces.
"""

from pathlib import Path

from .common import BUILD, MachineError, cached, digest, run

OWNER = "6f76627a-7465-4b65-a973-0a5e1ec0b001"  # owner of our signature lists; any GUID does
NAMES = ("PK", "KEK", "db")


def _make_keys(tmp):
    for name in NAMES:
        run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-sha256", "-nodes", "-days", "3650",
             "-subj", f"/CN=openvbs test {name}/", "-keyout", tmp / f"{name}.key", "-out", tmp / f"{name}.crt"])
        run(["openssl", "x509", "-in", tmp / f"{name}.crt", "-outform", "DER", "-out", tmp / f"{name}.der"])
    run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "openvbs test machine", "-f", tmp / "id_ed25519"])


def keys():
    """Directory with {PK,KEK,db}.{key,crt,der} and the ssh key id_ed25519 of the test images."""
    return cached(BUILD / "keys", digest("keys", 1), _make_keys, "test keys")


def _make_vars(emulator, tmp):
    from .emulators import fw_vars
    k = keys()
    fw_vars("--input", emulator.firmware / "OVMF_VARS_4M.ms.fd", "--output", tmp / "secure.fd",
            "--set-pk", OWNER, k / "PK.crt", "--add-kek", OWNER, k / "KEK.crt",
            "--add-db", OWNER, k / "db.crt", "--sb")
    (tmp / "plain.fd").write_bytes((emulator.firmware / "OVMF_VARS_4M.fd").read_bytes())


def variables(emulator, secure_boot):
    """Pristine UEFI variable store for this emulator's firmware, to be copied for each run."""
    recipe = digest("vars", 1, keys() / "db.crt", emulator.firmware / "OVMF_VARS_4M.ms.fd", emulator.version)
    made = cached(BUILD / "vars" / emulator.name, recipe, lambda tmp: _make_vars(emulator, tmp),
                  f"UEFI variables with our keys beside Microsoft's, QEMU {emulator.name}")
    return made / ("secure.fd" if secure_boot else "plain.fd")


def firmware(emulator, secure_boot):
    """Firmware code that goes with variables()."""
    return emulator.firmware / ("OVMF_CODE_4M.secboot.fd" if secure_boot else "OVMF_CODE_4M.fd")


def sign_efi(source, target):
    """Sign a PE image with the db key."""
    if not Path(source).exists():
        raise MachineError(f"there is nothing to sign: {source} does not exist; build it first (`make`)")
    k = keys()
    Path(target).parent.mkdir(parents=True, exist_ok=True)
    run(["sbsign", "--key", k / "db.key", "--cert", k / "db.crt", "--output", target, source])
    return Path(target)


def sign_module(source, target, key=None, certificate=None):
    """Sign a kernel module, by default with the db key (Debian's kernels trust db for modules under Secure Boot)."""
    programs = sorted(Path("/usr/lib").glob("linux-kbuild-*/scripts/sign-file"))
    if not programs:
        raise MachineError("scripts/sign-file of linux-kbuild is not installed: run `make setup`")
    k = keys()
    run([programs[-1], "sha256", key or k / "db.key", certificate or k / "db.crt", source, target])
    return Path(target)
