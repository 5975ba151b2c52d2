#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""The attack suite: run every attack in the test machine and judge the rows by expect.py.

    tests/attack/run.py [--flavor release|debug] [--platform NAME]... [--only ATTACK]...
    tests/attack/run.py --without        the same without openvbs: the judgement must fail there
    tests/attack/run.py --only vtl1_fuzz --fuzz 10000000 --seed 7    a long run of the fuzzer

Prints the table, writes build/attack.json (a list of {name, platform, hardware,
expected, outcome, detail, ok, why}), and exits with 1 if a row is not ok or
missing. A machine that hangs, resets or sleeps gives its rows that outcome, and
the rest runs in a new boot.
"""

import argparse
import base64
import concurrent.futures
import json
import re
import shutil
import struct
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

from machine import BochsMachine, Machine, MachineError  # noqa: E402
from machine import keys  # noqa: E402
from machine.common import BUILD  # noqa: E402
from machine.tiny import kernel_package  # noqa: E402

import expect  # noqa: E402

PLATFORMS = [
    expect.Platform("xapic-2", 2, False, True),
    expect.Platform("x2apic-2", 2, True, False),
    expect.Platform("xapic-4", 4, False, True),
    expect.Platform("x2apic-4", 4, True, False),
    expect.Platform("vmx-2", 2, False, False, model="corei7_skylake_x"),
    expect.Platform("svm-bochs", 1, False, False, model="ryzen"),
    expect.Platform("vmx-new", 2, False, False, model="arrow_lake", efi_only=True),
]
X2APIC_IOMMU = "amd-iommu,xtsup=on,intremap=on"  # Linux uses the x2APIC with interrupt remapping only
BOCHS_HURRY = 20  # its guest's clock is so much slower than the host's
ROW = re.compile(r"^row (\S+) (\S+) ?(.*)$", re.M)
STATUS = "/sys/firmware/efi/efivars/OpenvbsStatus-4f70656e-5642-5300-9d1c-6c0a52f3b7e1"
FUZZ = {"fuzz_count": 100000, "fuzz_seed": 1}  # parameters of openvbs_attack.ko; on Bochs 1/400 of the inputs
FUZZ_RATE = 1000  # inputs a second at least, for the time limit
BOOTS = 30  # of one platform, if attack after attack ends the machine


class Results:
    """All rows, judged as they come."""

    def __init__(self):
        self.rows = []

    def add(self, platform, row, outcome, detail="", ok=None):
        ok = outcome in row.accept if ok is None else ok
        self.rows.append({"name": row.name, "platform": platform, "hardware": row.hardware,
                          "expected": "|".join(row.accept), "outcome": outcome, "ok": ok, "detail": detail, "why": row.why})
        mark = "ok  " if ok else "FAIL"
        print(f"{mark} {platform:9} {row.name:32} {row.hardware:10} {'|'.join(row.accept):22} {outcome:10} {detail}", flush=True)

    def finish(self, target, label):
        """Write the rows to a file, say what is not ok, and exit: with 1 if something is not, or nothing was run."""
        target.write_text(json.dumps(self.rows, indent=1) + "\n", encoding="utf-8")
        bad = [r for r in self.rows if not r["ok"]]
        for row in bad:
            print(f"not ok: {row['platform']} {row['name']}: {row['outcome']}, expected {row['expected']}: {row['detail']} ({row['why']})")
        print(f"{label}: {len(self.rows) - len(bad)} passed, {len(bad)} failed")
        sys.exit(1 if bad or not self.rows else 0)


def machine(platform, build, tag, **more):
    """A test machine of this platform; build None: without openvbs."""
    release = kernel_package()[0]
    files = {"/root/openvbs.ko": BUILD / "linux" / release / "openvbs.ko",
             "/root/attack.ko": BUILD / "linux" / release / "openvbs_attack.ko",
             "/root/attack_user": BUILD / "attack" / "attack_user"}
    options = dict(cpus=platform.cpus, openvbs=build, time_limit=900 + FUZZ["fuzz_count"] // FUZZ_RATE, files=files)
    if platform.model:
        # It panics at a write to some MSRs, and would end.
        reports = ", ".join(f"cpu{n}=report" for n in range(platform.cpus))
        options.update(model=platform.model, bochsrc=[f"panic: action=fatal, {reports}"])
        return BochsMachine(f"attack-{platform.name}-{tag}", **{**options, **more})
    options.update(secure_boot=platform.smm)
    if platform.x2apic:
        options.update(x2apic=True, iommu=X2APIC_IOMMU)
    options.update(more)
    return Machine(f"attack-{platform.name}-{tag}", **options)


def prepare(m, platform):
    m.wait_ready(300)
    parameters = " ".join(f"{name}={value}" for name, value in FUZZ.items())
    m.sh(f"insmod /root/attack.ko wait_divisor={BOCHS_HURRY if platform.model else 1} {parameters}")
    dump = m.run(f"test -e {STATUS} && base64 {STATUS}")
    if dump.rc:
        return 0
    # struct ovbs_status, behind four bytes of attributes
    return struct.unpack_from("<Q", base64.b64decode(dump.output), 4 + 48)[0]


def boots_again(m):
    """A reset does not end Bochs: firmware starts the boot program a second time."""
    end = time.monotonic() + 30
    while m.process.poll() is None and time.monotonic() < end:
        if len(re.findall(r"BdsDxe: starting", m.log_text())) > 1:
            return True
        time.sleep(1)
    return False


def fate(m, error):
    """One word for what became of a machine that did not answer."""
    try:
        m.process.wait(3)
        return "reset"
    except Exception:  # pylint: disable=broad-except
        pass
    if isinstance(m, BochsMachine):
        return "reset" if boots_again(m) else "hang"
    try:
        return "slept" if m.status() == "suspended" else "hang"
    except MachineError:
        return "reset" if "has ended" in str(error) else "hang"


def run_attack(m, attack):
    """[(name, outcome, detail)], the whole text, and the machine's fate (None: it lives)."""
    command = f"echo {attack.name} >/proc/openvbs_attack && cat /proc/openvbs_attack"
    if attack.name == "patch":  # without openvbs the module does not load, and the attack goes through
        command = f"insmod /root/openvbs.ko integrity=1; {command}"
    if attack.name == "user":
        command = "chmod +x /root/attack_user; /root/attack_user $(cat /run/hidden 2>/dev/null)"
    try:
        more = FUZZ["fuzz_count"] // FUZZ_RATE if attack.name == "vtl1_fuzz" else 0
        result = m.run(command, attack.seconds + more)
    except MachineError as e:
        said = [(n, o, d) for n, o, d in ROW.findall(m.log_text().replace("attack: ", "\n"))]
        return said, str(e), fate(m, e)
    if result.rc:
        raise MachineError(f"{attack.name}: the attack program failed: {result.output[-2000:]}")
    return ROW.findall(result.output), result.output, None


def judge(results, platform, attack, rows, ended):
    """Judge what an attack printed: each expected row once, nothing else."""
    found = {}
    for name, outcome, detail in rows:
        found.setdefault(name, (outcome, detail))
    for row in attack.rows(platform):
        if row.name in found:
            results.add(platform.name, row, *found.pop(row.name))
        else:
            results.add(platform.name, row, ended or "missing")
    optional = {r.name: r for r in expect.burst(platform)} if attack.name == "nmi" else {}
    for name, (outcome, detail) in found.items():
        if name in optional:
            results.add(platform.name, optional[name], outcome, detail)
        elif ended is None:
            results.add(platform.name, expect.Row(name, "-", (), "a row that the table does not know"), outcome, detail)


# --- comparison with the machine without openvbs ---------------------------

def cpuid_lines(text):
    return {(int(l, 16), int(s, 16)): [int(v, 16) for v in rest.split()]
            for l, s, rest in re.findall(r"^cpuid (\w+)\.(\w+) (.+)$", text, re.M)}


def cpuid_differences(platform, base, now):
    """Differences that the table does not allow."""
    bad = []
    for key in sorted(set(base) | set(now)):
        leaf = key[0]
        if expect.CPUID_OWN[0] <= leaf <= expect.CPUID_OWN[1]:
            continue
        a, b = base.get(key), now.get(key)
        if a is None or b is None:
            bad.append(f"{leaf:x}.{key[1]:x} only {'with' if a is None else 'without'} openvbs")
            continue
        allowed = expect.cpuid_differs(platform).get(leaf, ({}, ""))[0]
        for register, x, y in zip("abcd", a, b):
            mask = 0xFFFFFFFF if allowed == "all" else allowed.get(register, 0)
            if leaf in (0xB, 0x1F, 0x80000026) and register == "d" or leaf == 1 and register == "b":
                mask |= 0xFF000000 if leaf == 1 else 0xFFFFFFFF  # the APIC id of the CPU that asked
            if (x ^ y) & ~mask:
                bad.append(f"{leaf:x}.{key[1]:x} E{register.upper()}X {x:x} -> {y:x}")
            if allowed == "all" and y:
                bad.append(f"{leaf:x}.{key[1]:x} E{register.upper()}X is {y:x}, not 0")
    return bad


def msr_lines(text):
    """{msr: (class of read and write, value)}, one entry for each number swept."""
    out = {}
    for first, last, kind, value in re.findall(r"^msr (\w+) (\w+) (\w\w) (\w+)$", text, re.M):
        for n in range(int(first, 16), int(last, 16) + 1):
            out[n] = (kind, int(value, 16))
    return out


def within(n, ranges):
    return any(r[0] <= n <= r[1] for r in ranges)


def msr_differences(platform, base, now):
    must, may, values = expect.msr_hidden(platform)
    bad = []
    for n in sorted((set(base) | set(now)) - set(expect.MSR_OWN)):
        a, b = base.get(n, ("--", 0)), now.get(n, ("--", 0))
        hidden = n in must or within(n, may)
        if hidden and b[0] == "gs":
            continue
        if n in must:
            bad.append(f"{n:x} is not hidden: {b[0]} {b[1]:x}")
        elif a[0][0] != b[0][0]:
            bad.append(f"{n:x} read {a[0][0]} -> {b[0][0]}")
        elif a[1] != b[1] and n not in values and not within(n, expect.MSR_VOLATILE_RANGES):
            bad.append(f"{n:x} value {a[1]:x} -> {b[1]:x}")
        elif b[0][1] == "c" and a[0][1] != "c":
            bad.append(f"{n:x} changes when the value read is written back")
    return bad


def baseline(platform):
    """The sweeps of this machine without openvbs."""
    with machine(platform, None, "baseline") as m:
        prepare(m, platform)
        return {n: m.sh(f"echo {n} >/proc/openvbs_attack && cat /proc/openvbs_attack", 180) for n in ("cpuid_sweep", "msr_sweep")}


def compare(results, platform, base, name, text):
    what = {"cpuid_sweep": ("cpuid_as_without", cpuid_lines, cpuid_differences),
            "msr_sweep": ("msr_as_without", msr_lines, msr_differences)}[name]
    row = expect.Row(what[0], "equal", ("equal",), "apart from what expect.py lists, everything is as without openvbs")
    if name not in base:
        results.add(platform.name, row, "missing", "no baseline")
        return
    a, b = what[1](base[name]), what[1](text)
    bad = what[2](platform, a, b)
    if not a or not b:
        bad.append("nothing to compare")
    results.add(platform.name, row, "differs" if bad else "equal", f"{len(b)} compared; " + "; ".join(bad[:12]))


# --- the view from the emulator ---------------------------------------------

def text_segments(elf):
    """[(offset in the image, bytes)] of the executable segments of the hypervisor."""
    data = elf.read_bytes()
    off, = struct.unpack_from("<Q", data, 32)
    size, count = struct.unpack_from("<HH", data, 54)
    loads = [struct.unpack_from("<IIQQQQQQ", data, off + i * size) for i in range(count)]
    loads = [l for l in loads if l[0] == 1]
    base = min(l[3] for l in loads) & ~0xFFF
    return [(l[3] - base, data[l[2]:l[2] + l[5]]) for l in loads if l[1] & 1]


def qemu_memory(m, start, size):
    dump = m.dir / "block.bin"
    m.qmp("pmemsave", val=start, size=size, filename=str(dump))
    return dump.read_bytes()


def bochs_memory(m, start, size):
    """By the debugger, 16 KiB at a time."""
    text = m.debug(*[f"xp /{0x4000 // 4}xw {at:#x}" for at in range(start, start + size, 0x4000)])
    words = [int(w, 16) for line in re.findall(r">:((?:\t0x[0-9a-f]+)+)", text) for w in line.split()]
    return struct.pack(f"<{len(words)}I", *words)


def outside(results, platform, data, image):
    """The block as the emulator sees it, compared with the file."""
    rows = {r.name: r for r in expect.OUTSIDE_ROWS}
    pages = len(data) // 4096
    full = sum(any(data[i:i + 4096]) for i in range(0, len(data), 4096))
    results.add(platform.name, rows["outside_not_empty"], "content" if full > max(10, pages // 26) else "empty",
                f"{full} of {pages} pages are not zero")
    segments = text_segments(image.with_name(f"hypervisor-{'vmx' if platform.intel else 'svm'}.elf"))
    same = [data[at:at + len(body)] == body for at, body in segments]
    results.add(platform.name, rows["outside_text"], "intact" if same and all(same) else "differs",
                f"{sum(len(b) for _, b in segments)} bytes of code")


def unknown_block(results, platform):
    for row in expect.OUTSIDE_ROWS:
        results.add(platform.name, row, "missing", "the block is not known")


def outside_bochs(results, platform, image, rows):
    """In a boot of its own, with the debugger, in the firmware; where the block is told the EFI program."""
    found = re.match(r"(\w+)-(\w+), ", rows.get("efi_block_size", ("", ""))[1])
    if not found:
        unknown_block(results, platform)
        return
    with machine(platform, image, "outside", image=None, files={}, conf="next=\\EFI\\none.efi\n", debugger=True) as m:
        m.wait_for(rf"running, {platform.cpus} CPUs")
        outside(results, platform, bochs_memory(m, int(found[1], 16), 256 << 10), image)


# --- the runs -----------------------------------------------------------------

class Session:
    """Boots of one platform: attacks in order, a new boot when one ended the machine."""

    def __init__(self, results, platform, image, base):
        self.results, self.platform, self.image, self.base = results, platform, image, base
        self.block = None

    def run(self, attacks):
        todo = list(attacks)
        for boot in range(BOOTS):
            if not todo:
                return
            todo = self._boot(boot, todo)
        for attack in todo:
            judge(self.results, self.platform, attack, [], "norun")

    def _boot(self, boot, todo):
        done = 0
        with machine(self.platform, self.image, f"{boot}") as m:
            size = prepare(m, self.platform)
            m.sh(f"echo block {size} >/proc/openvbs_attack")
            for attack in todo:
                done += 1
                if attack.name == "user":
                    hidden_address(m)
                rows, text, ended = run_attack(m, attack)
                self._note(m, attack, text)
                judge(self.results, self.platform, attack, rows, ended)
                if ended:
                    return todo[done:]
                if attack.name in ("cpuid_sweep", "msr_sweep"):
                    compare(self.results, self.platform, self.base, attack.name, text)
                if attack.final:
                    break
            if not attack.final and not self.platform.model:
                self._outside(m)
        return todo[done:]

    def _outside(self, m):
        if self.block:
            start, end = self.block
            outside(self.results, self.platform, qemu_memory(m, start, end - start), self.image)
        else:
            unknown_block(self.results, self.platform)

    def _note(self, m, attack, text):
        found = re.search(r"^block cpu0 (\w+)-(\w+) ", text, re.M) if attack.name == "block" else None
        if found:
            self.block = int(found[1], 16), int(found[2], 16)


def hidden_address(m):
    """A hidden page for the program in user space: the first page of the block (it is never the log)."""
    text = m.sh("echo block >/proc/openvbs_attack; cat /proc/openvbs_attack", 180)
    found = re.search(r"^block cpu0 (\w+)-", text, re.M)
    if found:
        m.sh(f"echo {found[1]} >/run/hidden")


def efi_run(results, platform, image, table, control=None):
    """The EFI program, behind openvbs or instead of it."""
    program = BUILD / "attack" / "attack.efi"
    options = dict(image=None, files={})
    if image:
        signed = program if platform.model else keys.sign_efi(program, BUILD / "attack" / f"attack.{platform.name}.efi")
        options.update(conf="next=\\EFI\\attack.efi\n", esp={"EFI/attack.efi": signed})
    else:
        options.update(boot=program)
    with machine(platform, image, "efi", **options) as m:
        try:
            m.wait_for(r"attack\.efi: done", 120)
            ended = None
        except MachineError as e:
            ended = fate(m, e)
        rows = {n: (o, d) for n, o, d in ROW.findall(m.log_text())}
    for row in table:
        outcome, detail = rows.get(row.name, (ended or "missing", ""))
        if control is None:
            results.add(platform.name, row, outcome, detail)
        elif row.name in control:
            control_row(results, platform, row, control[row.name], outcome, detail)
    return rows


def control_row(results, platform, row, want, outcome, detail):
    """A control is ok if it gives what a machine without openvbs gives, and the table would call that wrong."""
    want = (want,) if isinstance(want, str) else want
    shown = expect.Row(row.name, row.hardware, want, "control: without openvbs the judgement must fail")
    results.add(platform.name, shown, outcome, detail, ok=outcome in want and outcome not in row.accept)


def control(results, platform, only):
    """Everything in expect.control(), without openvbs."""
    if not platform.efi_only:
        linux_control(results, platform, only)
    if not only or "efi" in only:
        efi_run(results, platform, None, expect.efi_rows(platform), expect.control_efi(platform))


def linux_control(results, platform, only):
    with machine(platform, None, "control") as m:
        prepare(m, platform)
        for attack in expect.ATTACKS:
            wanted = expect.control(platform).get(attack.name)
            if not wanted or not attack.fits(platform) or only and attack.name not in only:
                continue
            rows, _, ended = run_attack(m, attack)
            found = {n: (o, d) for n, o, d in rows}
            for row in attack.rows(platform):
                if row.name in wanted:
                    control_row(results, platform, row, wanted[row.name], *found.get(row.name, (ended or "missing", "")))
            if ended:
                break


def snapshot(flavor):
    """The built image and the hypervisor in it, copied aside: a build during the run must not mix with it."""
    folder = BUILD / "attack" / flavor
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("openvbs.efi", "hypervisor-svm.elf", "hypervisor-vmx.elf"):
        shutil.copyfile(BUILD / flavor / name, folder / name)
    return folder / "openvbs.efi"


def attack_platform(results, platform, image, only):
    attacks = [a for a in expect.ATTACKS if a.fits(platform) and (not only or a.name in only)]
    sweeps = [a for a in attacks if a.name in ("cpuid_sweep", "msr_sweep")]
    base = baseline(platform) if sweeps else {}
    session = Session(results, platform, image, base)
    session.run([a for a in attacks if not a.final])
    session.run([a for a in attacks if a.final])
    if (not only or "efi" in only) and (platform.cpus == 2 or platform.model):
        rows = efi_run(results, platform, image, expect.efi_rows(platform))
        if platform.model:
            outside_bochs(results, platform, image, rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--flavor", default="release", choices=("release", "debug"))
    parser.add_argument("--platform", action="append", choices=[p.name for p in PLATFORMS])
    parser.add_argument("--only", action="append", metavar="ATTACK")
    parser.add_argument("--without", action="store_true", help="without openvbs: the negative control")
    parser.add_argument("--jobs", type=int, default=2, help="platforms to run at the same time")
    parser.add_argument("--fuzz", type=int, default=FUZZ["fuzz_count"], metavar="COUNT", help="inputs of the attack vtl1_fuzz")
    parser.add_argument("--seed", type=int, default=FUZZ["fuzz_seed"], help="of its random numbers")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    FUZZ.update(fuzz_count=args.fuzz, fuzz_seed=args.seed)
    results = Results()
    image = None if args.without else snapshot(args.flavor)
    chosen = [p for p in PLATFORMS if (p.name in args.platform if args.platform else not args.without or p.cpus <= 2)]
    print(f"     {'platform':9} {'row':32} {'hardware':10} {'expected':22} {'outcome':10} detail")
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        runs = [pool.submit(control, results, p, args.only) if args.without else
                pool.submit(attack_platform, results, p, image, args.only) for p in chosen]
    for run in runs:
        run.result()  # raises what the run raised
    results.rows.sort(key=lambda r: r["platform"])
    results.finish(args.json or BUILD / ("attack-without.json" if args.without else "attack.json"),
                   f"attack{' without openvbs' if args.without else ''}")


if __name__ == "__main__":
    main()
