#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Debian's own modules as its kernel loads them, judged by trustlets/integrity.

    tests/integrity/modules.py [--count N] [--flips N] [NAME ...]

Boots the tiny image, loads modules (all that are named; default: N of each part of the tree) while moddump.ko
hands out their memory at the end of MODULE_STATE_COMING, and runs on the dump modcheck (the comparison alone, with
changed bits) and placecheck (the trustlet's commands, with Debian's signatures). Needs no openvbs.
"""

import argparse
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HERE = ROOT / "tests/integrity"
sys.path[:0] = [str(ROOT / "tools"), str(ROOT / "tests/unit")]

import ci_kernel  # noqa: E402

from machine import Machine  # noqa: E402
from machine.common import BUILD  # noqa: E402
from machine import tiny  # noqa: E402
from machine.tiny import module_tree  # noqa: E402

OUT = BUILD / "integrity"
SYMBOLS = ("__fentry__ __x86_return_thunk x86_return_thunk its_return_thunk __x86_indirect_thunk_array __static_call_return0 "
           "__static_call_return pv_ops _paravirt_nop paravirt_BUG nop_func BUG_func __per_cpu_end _text _etext __start_rodata "
           "__end_rodata uniproc_patched __start___ksymtab __stop___ksymtab __start___ksymtab_gpl __stop___ksymtab_gpl").split()
# Folders whose modules load without hardware, in this order; tests and what takes the machine down are left out.
FOLDERS = ("arch", "crypto", "lib", "net", "fs", "virt", "drivers/gpu", "drivers/net", "drivers/virtio", "drivers/md",
           "drivers/block", "drivers/nvme", "drivers/scsi", "drivers/usb", "drivers/hid", "drivers/input", "sound", "drivers")
SKIP = ("test", "torture", "wdt", "watchdog", "dog", "mce-inject", "softdog", "kgdb", "rcuscale", "refscale", "locktorture",
        "drivers/acpi", "drivers/platform", "drivers/char/ipmi", "drivers/hwmon", "evm", "interval_tree", "efi_test",
        "kernel/drivers/mtd", "drivers/staging", "fs/ext4", "drivers/edac", "debug", "example", "sbp_target", "moddump", "dummy_hcd",
        "drivers/tty", "scsi_debug", "hyperv", "drivers/hv", "xen", "vme_fake", "/vmw", "vbox")


def run(*argv, **options):
    subprocess.run([str(a) for a in argv], check=True, **options)


def other_kernel(folder):
    """Another kernel for the tiny image: vmlinuz and root/ of its package, modules uncompressed, headers in root/usr/src."""
    global OUT
    release = next((folder / "root/lib/modules").iterdir()).name
    tiny.kernel = lambda: folder
    tiny.kernel_package = lambda: (release, "")
    tiny.BUILD = OUT = folder / "build"
    return folder / "root/usr/src" / f"linux-headers-{release}"


def build(headers):
    """moddump.ko for the tiny image's kernel, modcheck, placecheck."""
    src = OUT / "moddump"
    src.mkdir(parents=True, exist_ok=True)
    for f in (HERE / "moddump").iterdir():
        (src / f.name).write_bytes(f.read_bytes())
    run("make", "-s", "-C", headers, f"M={src}", "CONFIG_DEBUG_INFO_BTF_MODULES=", "modules", stderr=subprocess.DEVNULL)
    cc = ["gcc", "-std=gnu11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Wno-unused-parameter", "-O2", "-g"]
    trustlet, lib = ROOT / "trustlets/integrity", ROOT / "trustlets/lib"
    run(*cc, "-o", OUT / "modcheck", HERE / "modcheck.c", *sorted(trustlet.glob("module_*.c")))
    cc += ["-DOVBS_HOST=1", f"-I{ROOT}/include", f"-I{lib}"]
    run(*cc, "-c", "-o", OUT / "main.o", "-Dmain=trustlet_main", "-include", lib / "host.h", trustlet / "main.c")
    run(*cc, "-o", OUT / "placecheck", HERE / "placecheck.c", OUT / "main.o",
        *sorted(set(trustlet.glob("*.c")) - {trustlet / "main.c"}),
        *(lib / name for name in ("trustlet.c", "backend_host.c", "backend_host_ci.c")), "-lmbedx509", "-lmbedcrypto")
    return src / "moddump.ko"


def disk():
    """A file system with the whole module tree; dump: a sparse file."""
    image, dump = OUT / "modules.ext4", OUT / "dump.raw"
    if not image.exists():
        with open(image, "wb") as f:
            f.truncate(1 << 30)
        run("mkfs.ext4", "-q", "-m", "0", "-d", module_tree().parent, image)
    with open(dump, "wb") as f:
        f.truncate(3 << 30)
    return image, dump


def certificates():
    """The built-in ones of the tiny image's kernel, in a file."""
    with open(tiny.kernel() / "vmlinuz", "rb") as f:
        found = ci_kernel.certificate_list(ci_kernel.decompressed(f.read()))
    (OUT / "certificates").write_bytes(found)
    return OUT / "certificates"


def choose(count):
    """Names of modules to load: `count` of each folder."""
    names, seen, tree = [], set(), module_tree()
    for folder in FOLDERS:
        files = sorted((tree / "kernel" / folder).rglob("*.ko"), key=lambda p: -p.stat().st_size)
        files = [f for f in files if f not in seen and not any(s in str(f.relative_to(tree)) for s in SKIP)]
        step = max(1, len(files) // count)
        names += [f.stem for f in files[::step][:count]]
        seen.update(files)
    return list(dict.fromkeys(names))


def symbols(m):
    """Lines of the guest's kallsyms that modcheck needs."""
    pattern = " (" + "|".join(SYMBOLS) + ")$"
    lines = m.sh(f"grep -E '{pattern}' /proc/kallsyms").splitlines()
    after = m.sh("grep -A1 ' pv_ops$' /proc/kallsyms").splitlines()[-1].split()[0]
    return [*lines, f"{after} D pv_ops.end"]


def load(m, names, ranges):
    m.sh(f"insmod /root/moddump.ko ranges={','.join(f'{a:x}:{n:x}' for a, n in ranges)}")
    m.sh("insmod /root/crc32c.ko; modprobe virtio_pci; modprobe virtio_blk; modprobe ext4; [ -b /dev/vdb ]")
    m.sh("(cat /proc/moddump >/dev/vdb; sync; touch /run/dumped) >/dev/null 2>&1 &")
    m.sh("mount -t ext4 -o ro /dev/vda /lib/modules")
    failed = []
    for start in range(0, len(names), 20):
        some = " ".join(names[start:start + 20])
        out = m.sh(f"for n in {some}; do timeout 60 modprobe $n >/dev/null 2>&1 || echo FAILED $n; done", 600)
        failed += [line.split()[1] for line in out.splitlines() if line.startswith("FAILED")]
    m.sh("echo end >/proc/moddump; i=0; while [ ! -e /run/dumped ] && [ $i -lt 300 ]; do sleep 1; i=$((i+1)); done; "
         "[ -e /run/dumped ]", 400)
    return failed


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=6)
    parser.add_argument("--flips", type=int, default=20)
    parser.add_argument("--cmdline", default="")
    parser.add_argument("--cpus", type=int, default=2)
    parser.add_argument("--kernel", type=Path, help="folder of another kernel than the host's: see other_kernel()")
    parser.add_argument("names", nargs="*")
    a = parser.parse_args()
    ko = build(other_kernel(a.kernel) if a.kernel else Path(f"/usr/src/linux-headers-{tiny.kernel_package()[0]}"))
    image, dump = disk()
    names = a.names or choose(a.count)
    drives = []
    for i, (path, more) in enumerate(((image, ",readonly=on"), (dump, ""))):
        drives += ["-drive", f"file={path},format=raw,if=none,id=d{i}{more}", "-device", f"virtio-blk-pci,drive=d{i}"]
    with Machine("integrity-modules", openvbs=None, secure_boot=False, cpus=a.cpus, mem=3072, time_limit=3000,
                 cmdline="nowatchdog " + a.cmdline, files={"/root/moddump.ko": ko, "/root/crc32c.ko": module_tree() / "kernel/crypto/crc32c_generic.ko"}, qemu_args=drives) as m:
        m.wait_ready()
        lines = symbols(m)
        at = {line.split()[2]: int(line.split()[0], 16) for line in lines}
        ranges = [(at["_text"], at["_etext"] - at["_text"]), (at["__start_rodata"], at["__end_rodata"] - at["__start_rodata"]),
                  (at["pv_ops"], at["pv_ops.end"] - at["pv_ops"]), (at["uniproc_patched"], 1)]
        failed = load(m, names, ranges)
        print(f"modules: {len(names)} asked for, {len(failed)} not loaded: {' '.join(failed)}")
    (OUT / "symbols").write_text("\n".join(lines) + "\n")
    (OUT / "files").write_text("".join(f"{p.stem.replace('-', '_')} {p}\n" for p in module_tree().rglob("*.ko")))
    sys.stdout.flush()
    told = [dump, OUT / "symbols", OUT / "files", ".".join(tiny.kernel_package()[0].split(".")[:2])]
    with open(OUT / "placecheck.log", "w", encoding="utf-8") as log:
        failed = [subprocess.run([OUT / "modcheck", *map(str, told), str(a.flips)], check=False).returncode,
                  subprocess.run([OUT / "placecheck", *map(str, told), certificates()], stderr=log, check=False).returncode]
    sys.exit(any(failed))


if __name__ == "__main__":
    main()
