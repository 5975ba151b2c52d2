# SPDX-License-Identifier: GPL-2.0-only
"""vbsctl integrity, as a program, on files as openvbs.ko shows them. Needs `make clients`."""

import json
import os
import subprocess
import tempfile
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parents[2]
VBSCTL = Path(os.environ.get("VBSCTL", REPO / "build/clients/vbsctl"))
EXIT_OK, EXIT_NO, EXIT_USAGE, EXIT_INPUT, EXIT_SYSTEM = range(5)
SIGNER = "Debian Secure Boot Signer 2022 - linux"
TOLD = "[0] VTL1: lockdown: VTL0's kernel executes what was frozen and nothing else; it is told from programs by "
REFUSED = "[1] VTL1: write of protected page 282dbcb1 at rip ffffffffaa648fcc refused, no site of a patch: #GP"

assert VBSCTL.exists(), f"{VBSCTL} is not built: make clients"


def values(**changes):
    all_ = {"State": "locked down", "CodePages": 3840, "ConstantPages": 1025, "Sites": 60, "JumpLabels": 10,
            "StaticCalls": 20, "StaticCallTrampolines": 5, "TracedFunctions": 23, "TracerCalls": 2,
            "Modules": "judged", "Keys": 3, "Revocations": 12, **changes}
    return "".join(f"{name}: {value}\n" for name, value in all_.items())


def table(*rows, head=("number", "name", "text", "bytes", "sites", "live", "signer")):
    return "".join("%6s %-24s %18s %9s %6s %4s %s\n" % row if len(row) == 7 else " ".join(map(str, row)) + "\n"
                   for row in (head, *rows))


class System:
    def __init__(self, root):
        self.root = root
        self.folder = root / "sys/kernel/security/openvbs"
        self.folder.mkdir(parents=True)
        self.put("integrity", values())
        self.put("modules", table((1, "kvm_amd", "0xffffffffc0501000", 98305, 612, "yes", SIGNER)))
        self.put("log", f"{TOLD}the CPU\n")
        (root / "dmesg").write_text("<6>[    1.000000] Linux\n<6>[    5.000000] openvbs: integrity: locked down: 3840 pages of code\n")

    def put(self, name, text):
        path = self.folder / name
        if isinstance(text, bytes):
            path.write_bytes(text)
        else:
            path.write_text(text)

    def run(self, *args, expect=EXIT_OK):
        env = {"PATH": os.environ["PATH"], "VBSCTL_ROOT": str(self.root), "LC_ALL": "C.UTF-8"}
        done = subprocess.run([VBSCTL, *args], env=env, capture_output=True, text=True, timeout=20, check=False)
        assert done.returncode == expect, f"{args}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def text(self, expect=EXIT_OK):
        done = self.run("integrity", expect=expect)
        return done.stdout + done.stderr

    def lines(self, expect=EXIT_OK):
        """{label: value} of the lines that have both."""
        return {line[:62].strip(): line[63:] for line in self.text(expect).splitlines() if len(line) > 63}

    def json(self, expect=EXIT_OK):
        return json.loads(self.run("--json", "integrity", expect=expect).stdout)


@pytest.fixture
def s(tmp_path):
    return System(tmp_path)


def test_locked_down(s):
    found = s.lines()
    assert found["Memory integrity"] == "locked down"
    assert found["Frozen pages of code"] == "3840 (15.0 MiB)" and found["Frozen pages of constants"] == "1025 (4.0 MiB)"
    assert (found["Places where the kernel may be patched"], found["jump labels"], found["calls in tracers"]) == ("60", "10", "2")
    assert found["Modules from now on"] == "judged" and found["Modules that VTL1 let in"] == "1"
    assert found["kvm_amd"] == f"{SIGNER}; 97 KiB of code, 612 places to patch"
    assert found["The kernel's execution is told from programs' by"].startswith("the CPU")
    assert "What to do" not in found and "messages" not in s.text()


def test_counters(s):
    s.put("integrity", values(Patches=4932, PatchesRefused=1, ExecutionsRefused=0, WritesRefused=2, ModulesNow=31, FrozenPagesNow=8192,
                              ModulesEver=40, GivenBytes=4194304))
    found = s.lines()
    assert found["Patches of the kernel's code, carried out"] == "4932" and found["Patches of the kernel's code, refused"] == "1"
    assert found["Writes to what is frozen, refused (with such patches)"] == "2" and found["Frozen pages now"] == "8192 (32.0 MiB)"
    assert found["Modules that may run now (with those before lockdown)"] == "31"
    assert s.json()["Values"]["GivenBytes"] == 4194304


def test_json(s):
    s.put("log", f"{TOLD}who runs a page first\n[0] VTL1: something else\nhypervisor: x refused\n{REFUSED}\n")
    out = s.json()
    assert out["State"] == "locked down" and out["LockedDown"] is True and out["WhatToDo"] == ""
    assert out["Values"]["Sites"] == 60 and out["Values"]["Modules"] == "judged" and "Others" not in out["Values"]
    assert out["Modules"] == [{"Number": 1, "Name": "kvm_amd", "Text": "0xffffffffc0501000", "Bytes": 98305, "Sites": 612,
                               "Live": True, "Signer": SIGNER}]
    assert out["Refusals"] == [REFUSED]
    assert out["Messages"] == ["[    5.000000] openvbs: integrity: locked down: 3840 pages of code"]
    assert out["KernelToldBy"].startswith("who runs a page first")


def test_off(s):
    s.put("integrity", values(State="off", CodePages=0, Modules="not judged"))
    s.put("modules", "")
    s.put("log", "")
    found = s.lines(EXIT_NO)
    assert found["Memory integrity"] == "off" and "options openvbs integrity=1" in found["What to do"]
    assert not [line for line in found if "let in" in line or "told from" in line]
    out = s.json(EXIT_NO)
    assert out["LockedDown"] is False and out["Modules"] == [] and out["KernelToldBy"] is None


@pytest.mark.parametrize("state, cure", [("not locked down", "load it anew"), ("frozen, not locked down", "reboot"),
                                         ("a state of the future", "messages")])
def test_not_locked_down_says_why(s, state, cure):
    s.put("integrity", values(State=state))
    (s.root / "dmesg").write_text("".join(f"<3>[    {n}.000000] {text}\n" for n, text in enumerate((
        "openvbs: loaded", "openvbs: integrity: vfs_fallocate+0x0 calls ffffffffc0401000, outside of the kernel's text",
        "usb 1-1: new device", "openvbs: integrity: -16: not locked down"))))
    said = s.text(EXIT_NO)
    assert cure in s.lines(EXIT_NO)["What to do"]
    assert "[    1.000000] openvbs: integrity: vfs_fallocate" in said and "-16: not locked down" in said and "usb" not in said
    (s.root / "dmesg").unlink()
    assert "messages can't be read" in s.text(EXIT_NO) and s.json(EXIT_NO)["Messages"] is None


def test_what_was_refused(s):
    """The last ten of each kind, VTL1's and the kernel's own words."""
    s.put("log", "".join(f"{REFUSED} {n}\n" for n in range(100)))
    (s.root / "dmesg").write_text("openvbs: integrity: a module's file is refused (modprobe[77]): no key; signed by Mallory\n"
                                  "openvbs: integrity: locked down: 1 pages\n")
    said = s.text()
    assert f"  {REFUSED} 99\n" in said and f"  {REFUSED} 90\n" in said and f"{REFUSED} 89\n" not in said
    assert "signed by Mallory" in said and "locked down: 1 pages" not in said
    out = s.json()
    assert len(out["Refusals"]) == 64 and out["Refusals"][-1].endswith("99") and len(out["Messages"]) == 2
    assert "no longer in its log" in s.lines()["The kernel's execution is told from programs' by"]


def test_modules_can_not_be_judged(s):
    s.put("integrity", values(Modules="refused"))
    (s.root / "dmesg").write_text("openvbs: integrity: VTL1 does not take the kernel's keys: -12: no module can be loaded after lockdown\n")
    found = s.lines()
    assert found["Modules from now on"] == "refused" and "no module can be loaded" in found["What to do"]
    assert "does not take the kernel's keys" in s.text()


def test_of_a_newer_module(s):
    """Lines, columns and forms that this version does not know are shown."""
    s.put("integrity", values(Novelty=7, Another="a text: of two") + "a line of another form\n\n: \nHuge: 99999999999999999999\n")
    s.put("modules", table((1, 2, "new", "no", "x", "Who  Ever"), (2, 0, "short"),
                           head=("number", "weight", "name", "live", "colour", "signer")))
    found = s.lines()
    assert found["Novelty"] == "7" and found["Another"] == "a text: of two" and "\na line of another form\n" in s.text()
    assert found["new (starting)"].startswith("Who  Ever;")
    out = s.json()
    assert out["Values"]["Others"] == ["a line of another form", ": "] and out["Values"]["Huge"] == "99999999999999999999"
    assert out["Modules"][0] == {"Number": 1, "Weight": 2, "Name": "new", "Live": False, "Colour": "x", "Signer": "Who  Ever"}
    assert out["Modules"][1] == {"Number": 2, "Weight": 0, "Name": "short", "Live": False, "Colour": "", "Signer": ""}


def test_nothing_reaches_the_terminal_but_text(s):
    """Names and signers are others' bytes."""
    s.put("modules", table((1, "evil", "0x1", 1, 1, "yes", "SIGNER")).encode().replace(b"SIGNER", b"\x1b]0;x\x07\xff\xc3\xa4\0end"))
    s.put("integrity", values().encode() + b"Odd\x1b[31m: \x9b31m\n")
    s.put("log", f"{TOLD}the CPU\n[1] VTL1: \x1b[2J refused\n")
    said = s.text()
    assert "?]0;x?????end;" in said and "Odd?[31m" in said
    assert all(" " <= c <= "~" or c == "\n" for c in said)
    assert s.json()["Modules"][0]["Signer"] == "?]0;x?????end"


def test_files_that_are_not_there(s):
    (s.folder / "modules").unlink()
    (s.folder / "log").unlink()
    found, out = s.lines(), s.json()
    assert "run as root" in found["Modules that VTL1 let in"]
    assert "run as root" in found["The kernel's execution is told from programs' by"]
    assert out["Modules"] is None and out["Refusals"] is None
    (s.folder / "integrity").unlink()
    assert "older" in s.text(EXIT_SYSTEM) and "older" in s.json(EXIT_SYSTEM)["error"]
    s.folder.rmdir()
    assert "securityfs is not there" in s.text(EXIT_SYSTEM)
    (s.folder.parent / "lsm").write_text("capability\n")
    assert "openvbs.ko is not loaded" in s.text(EXIT_SYSTEM)


def test_a_file_that_makes_no_sense(s):
    s.put("integrity", "nothing\n")
    assert "no line" in s.text(EXIT_INPUT)
    s.put("integrity", b"\0" * 100)
    assert "no line" in s.text(EXIT_INPUT)
    s.put("integrity", "")
    assert "no line" in s.json(EXIT_INPUT)["error"]
    s.put("integrity", "State: 5\n")
    assert "no line" in s.text(EXIT_INPUT)
    s.put("integrity", "x" * (5 << 20))
    assert "too large" in s.text(EXIT_SYSTEM)


def test_arguments_and_help(s):
    s.run("integrity", "--frozen", expect=EXIT_USAGE)
    assert "usage: vbsctl integrity" in s.run("integrity", "--help").stdout
    assert "  integrity " in s.run("--help").stdout


@pytest.mark.skipif(os.geteuid() != 0, reason="gives rights up")
def test_without_rights():
    """As openvbs.ko makes them: everybody may read the state, root alone names of modules and addresses."""
    with tempfile.TemporaryDirectory() as folder:  # pytest's own folders are closed to others
        Path(folder).chmod(0o755)
        s = System(Path(folder) / "root")
        for name in ("log", "modules"):
            (s.folder / name).chmod(0o400)
        env = {"PATH": os.environ["PATH"], "VBSCTL_ROOT": str(s.root)}
        run = dict(env=env, capture_output=True, text=True, timeout=20, check=False, user=65534, group=65534)
        done = subprocess.run([VBSCTL, "integrity"], **run)
        assert done.returncode == EXIT_OK and done.stdout.count("run as root") == 2, done
        (s.folder / "integrity").chmod(0o400)
        done = subprocess.run([VBSCTL, "integrity"], **run)
        assert done.returncode == EXIT_SYSTEM and "run as root" in done.stderr, done


def test_completion_and_manual():
    words = (REPO / "clients/vbsctl/vbsctl.bash-completion").read_text()
    assert "'status integrity readiness" in words and "integrity | diagnose)" in words
    manual = (REPO / "clients/man/vbsctl.8").read_text()
    for name in ("State", "LockedDown", "WhatToDo", "KernelToldBy", "Values", "Others", "Modules", "Number", "Name", "Text", "Bytes", "Sites",
                 "Live", "Signer", "Refusals", "Messages"):
        assert name in manual.split(".SS integrity")[1].split(".SS ")[0], name
