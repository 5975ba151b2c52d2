#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Attacks by DMA: can VTL0's ring 0, or a program before the OS, have a device reach hidden or frozen memory?

    tests/attack/dma.py [--flavor release|debug] [--platform amd|intel] [--level 1|3] [--only ATTACK]...
    tests/attack/dma.py --without    the controls: without openvbs, and openvbs on a machine that has no IOMMU

Rows as in run.py; exits with 1 if one is not ok or missing. The devices do what
they are told; what a write to hidden memory came to is read from the emulator:
the attack's word "sent" becomes "blocked" or "reached" here. A row's `hardware`
is what the controls must give; where that is among the accepted outcomes, the
row shows that the attack works, or that something works on.
"""

import argparse
import base64
import re
import struct
import time
from pathlib import Path

import expect
import run
from expect import Row, words
from machine import Machine, MachineError, keys, settings
from machine.common import BUILD
from machine.tiny import kernel_package

EDU = "edu,dma_mask=0xffffffff"
ROOT_EDUS = 6
DEVICES = (*[EDU] * (ROOT_EDUS - 1), "pcie-root-port,id=port0,chassis=1,slot=1", "pcie-pci-bridge,id=bridge0,bus=port0",
           f"{EDU},bus=bridge0,addr=1", "pcie-root-port,id=port1,chassis=2,slot=2", "nvme,serial=attack", "e1000,romfile=",
           "virtio-blk-pci,drive=v0,disable-legacy=on,iommu_platform=on,serial=attack",
           "virtio-blk-pci,drive=v1,disable-legacy=on,serial=attack", "virtio-balloon-pci,disable-legacy=on,iommu_platform=on")
DRIVES = [a for i in range(2) for a in ("-drive", f"if=none,id=v{i},driver=null-co,size=1M,read-zeroes=on")]
PAGE = 4096
RUN = 4  # empty pages in a row: one for each row of an attack that writes
NEW = bytes([0x5C]) * 64  # DMA_NEW of dma.h, as it lies where an edu device wrote
WAYS = words("port port_bytes ecam ecam_bytes")
PLACES = words("root bridge hotplug")

NOTHING = ("zeros", "unchanged")
BYPASS = "QEMU's virtio without iommu_platform=on is beside every IOMMU, and says so in its features: open, docs/threat-model.md"
BALLOON = "QEMU's balloon takes any page from the machine, past every table: open, docs/threat-model.md"
LIVES = "a refused transfer does not end the device"


def read(*names):
    """Reads of hidden memory by a device."""
    return [Row(n, "content", NOTHING) for n in names]


def write(*names, why=""):
    """Writes to hidden memory; the k-th of an attack goes to the k-th page from each address on."""
    return [Row(n, "reached", ("blocked",), why) for n in names]


def works(*names):
    return [Row(n, "works", ("works",), "the device works, and so does the identity map") for n in names]


def engine(name, own=("works",), why="a way to write, shown on memory of our own"):
    return [Row(f"{name}_own", "works", own, why), *write(f"{name}_block"),
            Row(f"{name}_frozen", "written", ("kept",), "VTL0 gave up its right to write, and devices' with it"),
            Row(f"{name}_after", "works", own, LIVES)]


def config(name, hardware, *regs, why):
    return [Row(f"{name}_{r}_{w}", hardware, ("kept", "#GP", "absent"), why) for r in regs for w in WAYS]


UNIT = (config("unit", "changed", "msi_address", why="the IOMMU's own function is the hypervisor's")
        + config("unit", "changed|kept", *words("command base_low base_high msi_control msi_data"), why="read-only in QEMU, some of them"))
OFF = [Row(f"cpu_regs_off_{n}", "ok", ("#GP", "ok"), "refused, or without effect: the read after it tells")
       for n in words("64 32 8 locked string")]
BARS = [Row(f"bar_over_{n}_{w}", "content", ("zeros", "#GP"), "memory and registers win over a device's memory")
        for n in ("block", "unit") for w in WAYS]
MESSAGES = "its messages may be for interrupts only"

INIT = "open where INIT is not held by its intercept (quirk below-hypervisor-init: QEMU): the CPU waits for a SIPI; docs/threat-model.md"

# Attacks of openvbs_attack.ko, in their order.
ATTACKS = {
    "dma_faults": read("fault_read") + write("fault_write"),
    "dma_own": works(*[f"edu_{p}_own_{d}" for p in PLACES for d in ("read", "write")]),
    "dma_read": read("edu_read_block", *[f"edu_{p}_read_full" for p in PLACES]),
    "dma_write": write(*[f"edu_{p}_write_empty" for p in PLACES]),
    "dma_edu": engine("edu") + engine("edu_message"),
    "dma_fw_cfg": engine("fwcfg"),
    "dma_fw_cfg_request": works("fwcfg_request_own") + write("fwcfg_request_full", why="its answer goes into the request"),
    "dma_hpet": engine("hpet", ("works", "silent", "refused"), MESSAGES),
    "dma_nvme": engine("nvme") + engine("nvme_queue"),
    "dma_ahci": engine("ahci") + engine("ahci_frames"),
    "dma_net": engine("e1000") + works("e1000_read_own") + read("e1000_read_full"),
    "dma_virtio": engine("virtio") + [Row(f"virtio_bypass_{n}", o, (o,), BYPASS) for n, o in (
        ("own", "works"), ("block", "reached"), ("frozen", "written"), ("after", "works"))],
    "dma_balloon": [Row("balloon_own", "works", ("works",), BALLOON), Row("balloon_frozen", "written", ("written",), BALLOON)],
    "dma_freeze": [Row("frozen_read", "content", ("content", *NOTHING), "reading it was not taken away"),
                   Row("freeze_race", "written", ("kept",), "once the message is answered, nothing that is on its way arrives")],
    "dma_cpu_regs": [Row("cpu_regs_read", "content", ("zeros", "#GP")), Row("cpu_regs_write", "accepted", ("ignored", "#GP")),
                     *OFF, *read("cpu_regs_after")],
    "dma_regs": [Row("dma_regs_land", "changed", ("kept",), "the registers are in no device's map"),
                 *read(*[f"dma_regs_{n}" for n in words("table control_32 control_64 many")])],
    "dma_unit": UNIT + read("unit_after"),
    "dma_ecam": [Row(f"ecam_by_dma_{n}", "changed", ("kept",), "configuration space is in no device's map") for n in ("host", "unit", "edu")]
    + read("ecam_after"),
    "dma_bar": BARS + read("bar_after"),
    "dma_interrupt": [Row("interrupt_sent", "sent", ("sent",), "interrupts are a device's business"),
                      Row("interrupt_guarded", "bare", ("guarded",)), *read("interrupt_after")],
    "dma_init": [Row("interrupt_init", "bare", ("guarded", "silent"), INIT), Row("interrupt_init_guarded", "bare", ("guarded",), INIT)],
    "dma_write_all": write("edu_write_block"),
}
EFI_ROWS = (works("dma_own_read", "dma_own_write") + read("dma_read_block") + write("dma_write_empty") + write("dma_write_message"))
VAPIC = "QEMU itself writes, past every table: the hypervisor drops what is written to the port"
VAPIC_ROWS = [Row("vapic_own", "works", ("kept",), VAPIC), *write("vapic_block", "vapic_page", why=VAPIC)]
INIT_ROW = Row("efi_init_boot_cpu", "out", ("out",), "open below a hypervisor that gives INIT to a CPU though it is intercepted (QEMU): "
               "the boot CPU runs firmware again, without the hypervisor; docs/threat-model.md")
LOG_ROWS = [Row("log_read", "-", ("named",), "device, address and direction of the first refused transfers"),
            Row("log_write", "-", ("named",), "the same")]

# Where the level does not ask for DMA protection it is on all the same.
LEVEL_1 = ("dma_read", "dma_write", "dma_freeze")
ALONE = ("dma_init",)  # in a boot of its own: the machine is not used any further
# Not to be had without openvbs.
NEEDS_VTL1 = "dma_freeze"
# Where openvbs runs without an IOMMU it would not live through these, or they have nothing to aim at.
NOT_OPEN = words("dma_fw_cfg_request dma_cpu_regs dma_regs dma_unit dma_ecam dma_bar dma_interrupt dma_init dma_write_all")
CLOSED_ANYWHERE = words("dma_fw_cfg dma_hpet dma_vapic")  # by the hypervisor, whether there is an IOMMU or not


class Kind:
    """What is expected of which rows: "iommu" (openvbs and an IOMMU), "bare" (no openvbs), "open" (openvbs, no IOMMU)."""

    def __init__(self, name, platform, level=1):
        self.name, self.platform, self.level = name, platform, level
        self.label = f"{platform}-{name}{'-level-1' if name == 'iommu' and level == 1 else ''}"

    def rows(self, attack, rows):
        """The rows that this kind has, with what it must give."""
        if self.name == "iommu":
            return [r for r in rows if self._there(r)]
        if self.name == "bare" and attack == NEEDS_VTL1 or self.name == "open" and attack in NOT_OPEN:
            return []
        if self.name == "open" and attack in CLOSED_ANYWHERE:
            return rows
        rows = [r for r in rows if self._there(r) and not (self.name == "bare" and r.name.endswith("_frozen"))]
        return [self._control(r) for r in rows]

    def _there(self, row):
        """Intel's unit has no PCI function."""
        return self.platform == "amd" or not row.name.startswith("unit_") and row.name != "ecam_by_dma_unit" or row.name == "unit_after"

    def _control(self, row):
        want = tuple(row.hardware.split("|"))
        return Row(row.name, row.hardware, want, f"control: the attack succeeds {'without openvbs' if self.name == 'bare' else 'without an IOMMU'}"
                   if not set(want) & set(row.accept) else row.why)


def machine(kind, openvbs, **more):
    release = kernel_package()[0]
    files = {"/root/openvbs.ko": BUILD / "linux" / release / "openvbs.ko", "/root/attack.ko": BUILD / "linux" / release / "openvbs_attack.ko"}
    options = {"openvbs": openvbs, "iommu": None if kind.name == "open" else kind.platform,
               "policy": {**settings.ON, "level": kind.level}, "edu": True, "devices": DEVICES, "qemu_args": DRIVES,
               "time_limit": 600, "files": files}
    if kind.name == "bare":
        options.update(cmdline="amd_iommu=off intel_iommu=off intremap=off")
    return Machine(f"attack-dma-{kind.label}-{'efi' if 'boot' in more or 'conf' in more else 'ring0'}", **{**options, **more})


class Memory:
    """The block, as the emulator sees it."""

    def __init__(self, m, start, end):
        self.m, self.start, self.end = m, start, end

    def take(self):
        return run.qemu_memory(self.m, self.start, self.end - self.start)

    def pages(self, data, good):
        """Page numbers for which good(content) holds."""
        return [i for i in range(len(data) // PAGE) if good(data[i * PAGE:i * PAGE + PAGE])]

    def targets(self):
        """Addresses of four runs of empty pages and of four full pages; what changes by itself is none of either."""
        one, two = self.take(), self.take()
        same = lambda i: one[i * PAGE:i * PAGE + PAGE] == two[i * PAGE:i * PAGE + PAGE]
        zero = set(self.pages(two, lambda p: not any(p)))
        empty = [i for i in sorted(zero) if all(i + k in zero for k in range(-1, RUN + 1))]
        full = [i for i in self.pages(two, lambda p: p.count(0) < PAGE // 2) if same(i)]
        if len(empty) < 4 or len(full) < 4:
            raise MachineError(f"no pages to aim at: {len(empty)} empty, {len(full)} full")
        spread = lambda found: [self.start + PAGE * found[(2 * k + 1) * len(found) // 8] for k in range(4)]
        return spread(empty), spread(full)


class Session:
    """One machine that Linux runs on: tell targets, attack, look."""

    def __init__(self, results, kind, m):
        self.results, self.kind, self.m = results, kind, m
        self.memory, self.fault = None, None

    def begin(self):
        m = self.m
        m.wait_ready(180)
        m.hmp(f"device_add {EDU},bus=port1,id=hot")
        m.sh("insmod /root/attack.ko")
        dump = m.run(f"test -e {run.STATUS} && base64 {run.STATUS}")
        if not dump.rc:
            m.sh(f"echo block {struct.unpack_from('<Q', base64.b64decode(dump.output), 4 + 48)[0]} >/proc/openvbs_attack")
        if self.kind.name != "open":
            m.sh(f"echo dma_unit {self.kind.platform} >/proc/openvbs_attack")
        m.sh("for i in $(seq 50); do [ $(cat /sys/bus/pci/devices/*/device | grep -c 11e8) = 8 ] && break; sleep 0.2; done")
        text = m.sh("echo dma_info >/proc/openvbs_attack && cat /proc/openvbs_attack", 60)
        start, end = re.search(r"^dma range (\w+) (\w+)", text, re.M).groups()
        self.memory = Memory(m, int(start, 16), int(end, 16))
        print(f"     {self.kind.label}: {' '.join(text.split())}", flush=True)

    def attack(self, name, rows):
        empty, full = self.memory.targets()
        for what, pages in (("empty", empty), ("full", full)):
            self.m.sh(f"echo dma_{what} {' '.join(f'{p:x}' for p in pages)} >/proc/openvbs_attack")
        before = self.memory.take()
        found, text, ended = run.run_attack(self.m, expect.Attack(name, None, seconds=180))
        found = {n: (o, d) for n, o, d in found}
        self.fault = re.search(r"^dma fault (\S+) (\w+) (\w+)", text, re.M) or self.fault
        after = before if ended else self.memory.take()
        nth = 0
        for row in rows:
            outcome, detail = found.get(row.name, (ended or "missing", ""))
            if row.hardware == "reached":
                if outcome == "sent" and not ended:
                    outcome, detail = self._look(row, before, after, [p + nth * PAGE for p in empty], full)
                nth += 1
            self.results.add(self.kind.label, row, outcome, detail)
        if ended:
            self.results.add(self.kind.label, Row(f"{name}_ends", "-", ("answers",), "the machine lives on"), ended)
        return ended

    def _look(self, row, before, after, empty, full):
        """What became of the pages that a row aimed at."""
        part = lambda data, p: data[p - self.memory.start:][:PAGE]
        if row.name == "edu_write_block":
            hits = self.memory.pages(after, lambda p: NEW in p)
            return ("reached" if hits else "blocked"), f"{len(hits)} of {len(after) // PAGE} pages have what was written"
        pages = full if row.name.endswith("_full") else empty
        hits = [p for p in pages if part(before, p) != part(after, p)]
        shown = f", {hits[0]:x} has {part(after, hits[0]).strip(bytes(1))[:8].hex()}" if hits else f", {pages[0]:x} and others are as before"
        return ("reached" if hits else "blocked"), f"{len(hits)} of {len(pages)} pages{shown}"

    def code(self, image):
        """After all attacks, the hypervisor's code is the file's, and the system works on."""
        row = Row("outside_text", "intact", ("intact",), "the hypervisor's code in memory is the file's, after all attacks")
        data = self.memory.take()
        same = [data[at:at + len(body)] == body for at, body in run.text_segments(image.with_name("hypervisor-svm.elf"))]
        self.results.add(self.kind.label, row, "intact" if same and all(same) else "differs", f"{len(same)} segments")

    def log(self):
        """The hypervisor's log names who did what, where the unit says it (QEMU's AMD IOMMU never does)."""
        self.m.sh("insmod /root/openvbs.ko")
        lines = self.m.sh("cat /sys/kernel/security/openvbs/log", 60).splitlines()
        for row, word, address in zip(LOG_ROWS, ("read", "write"), self.fault.groups()[1:]):
            named = [l for l in lines if self.fault[1][5:] in l and word in l.lower() and address.lower() in l.lower()]
            self.results.add(self.kind.label, row, "named" if named else "missing", named[0] if named else f"{self.fault[1]} {word} {address}")


def ring_0(results, kind, image, only):
    todo = [(n, kind.rows(n, rows)) for n, rows in ATTACKS.items() if not only or n in only or n == "dma_faults" and kind.name == "iommu"]
    todo = [(n, rows) for n, rows in todo if rows]
    alone = [a for a in todo if a[0] in ALONE]
    todo = [a for a in todo if a not in alone]
    while todo:
        with machine(kind, image) as m:
            session = Session(results, kind, m)
            session.begin()
            ended = None
            while todo and not ended:
                ended = session.attack(*todo.pop(0))
            if kind.name == "iommu" and not ended:
                session.code(image)
                if kind.platform == "intel" and session.fault:
                    session.log()
    for attack in alone:
        with machine(kind, image) as m:
            session = Session(results, kind, m)
            session.begin()
            session.attack(*attack)


def init_boot_cpu(m):
    """An INIT to the boot CPU by a device's message: is that CPU in guest mode still? Seen by EFER.SVME, which firmware never sets."""
    m.send("i")
    m.wait_for(r"dma\.efi: INIT to APIC 0", 30)
    time.sleep(2)  # a transfer takes 100 ms
    efer = int(re.search(r"EFER=(\w+)", m.hmp("info registers"))[1], 16)
    return "guarded" if efer & 1 << 12 else "out", f"EFER {efer:x}"


def before_the_os(results, kind, image):
    """dma.efi, as openvbs's next stage or, without it, as the boot program."""
    program = BUILD / "attack" / "dma.efi"
    options = {"image": None, "files": {}, "devices": (), "qemu_args": ()}
    if kind.name == "bare":
        options.update(boot=program)
    else:
        options.update(conf="next=\\EFI\\dma.efi\n", esp={"EFI/dma.efi": keys.sign_efi(program, BUILD / "attack" / f"dma.{kind.label}.efi")})
    found, hits, ended, boot_cpu = {}, [], None, ("missing", "")
    with machine(kind, image, **options) as m:
        try:
            place = m.wait_for(r"dma range (\w+) (\w+)\s*[\r\n]", 120)
            memory = Memory(m, int(place[1], 16), int(place[2], 16))
            empty = memory.targets()[0]
            m.send(f"{empty[0]:x}\r")
            m.wait_for(rf"dma target {empty[0]:x}\s", 30)
            m.wait_for(r"dma\.efi: done", 120)
            after = memory.take()
            hits = [any(after[p - memory.start:][:PAGE]) for p in range(empty[0], empty[0] + RUN * PAGE, PAGE)]
            boot_cpu = init_boot_cpu(m) if kind.name != "bare" else None
        except MachineError as e:
            ended = run.fate(m, e)
        found = {n: (o, d) for n, o, d in run.ROW.findall(m.log_text())}
    nth = 0
    for row in kind.rows("dma_efi", EFI_ROWS) + kind.rows("dma_vapic", VAPIC_ROWS):
        outcome, detail = found.get(row.name, (ended or "missing", ""))
        if row.hardware == "reached":
            if outcome == "sent" and not ended:
                outcome = "reached" if hits[nth] else "blocked"
            nth += 1
        results.add(kind.label, Row(f"efi_{row.name}", row.hardware, row.accept, row.why), outcome, detail)
    if boot_cpu:
        results.add(kind.label, INIT_ROW, *boot_cpu)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--flavor", default="release", choices=("release", "debug"))
    parser.add_argument("--platform", action="append", choices=("amd", "intel"))
    parser.add_argument("--level", type=int, choices=(1, 3), help="of openvbs; without it 3, and a few at 1; without an IOMMU always 1")
    parser.add_argument("--only", action="append", metavar="ATTACK", help="one of them, or efi")
    parser.add_argument("--without", action="store_true", help="the negative controls")
    parser.add_argument("--kind", action="append", choices=("bare", "open"), help="with --without: one of them")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    results = run.Results()
    platforms = args.platform or ["amd", "intel"]
    todo = [(Kind("iommu", p, args.level or 3), args.only) for p in platforms]
    if args.without:
        todo = [(Kind(k, p), args.only) for k in args.kind or ("bare", "open") for p in (platforms if k == "bare" else ["amd"])]
    elif not args.only and not args.level:
        todo.append((Kind("iommu", platforms[0]), LEVEL_1))
    snapshot = run.snapshot(args.flavor)
    for kind, only in todo:
        image = None if kind.name == "bare" else snapshot
        ring_0(results, kind, image, only)
        if not only or "efi" in only:
            before_the_os(results, kind, image)
    results.finish(args.json or BUILD / f"attack-dma{'-without' if args.without else ''}.json",
                   f"attack by DMA{', controls' if args.without else ''}")


if __name__ == "__main__":
    main()
