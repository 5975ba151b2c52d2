#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Pack trustlets and their policies into one bundle, struct ovbs_bundle of trustlet_abi.h.

    bundle.py [--release] --output FILE policy.conf program.elf [policy.conf program.elf ...]
    bundle.py --list FILE

Whatever the secure kernel would refuse is refused here already, with a reason
that names the file: a bundle that was made is one that loads.
"""
import argparse
import re
import struct
import sys
import uuid

MAGIC = 0x424C544F
VERSION = 1
MAX_TRUSTLETS = 16
PAGE = 4096
HEADER = struct.Struct("<4I")
POLICY = struct.Struct("<16s32s6I2Q")
FLAGS = {"debug": 1, "seal": 2, "counter": 4, "log": 8, "integrity": 16}
NUMBERS = {"security_version": (1, 0xFFFFFFFF), "memory_kib": (1024, 65536),
           "budget_ms": (1, 60000), "sessions": (1, 64)}
KEYS = {"name", "uuid", "allow", "debug", *NUMBERS}
RESERVED_NAMES = {"secure system"}

EHDR = struct.Struct("<16sHHIQQQIHHHHHH")
PHDR = struct.Struct("<IIQQQQQQ")
ET_DYN, EM_X86_64 = 3, 62
PT_LOAD, PT_DYNAMIC, PT_INTERP, PT_GNU_STACK = 1, 2, 3, 0x6474E551
PF_X, PF_W = 1, 2
DT_NEEDED, DT_TEXTREL = 1, 22


class BundleError(Exception):
    """What is wrong with an input, for a person to read."""


def parse_policy(text, where):
    """The policy of a policy.conf's text: a dict of its values, `flags` among them."""
    raw = {}
    for number, line in enumerate(text.splitlines(), 1):
        line = line.split("#", 1)[0].strip()
        if not line:
            continue
        key, equals, value = (part.strip() for part in line.partition("="))
        if not equals:
            raise BundleError(f"{where}:{number}: not 'key = value': {line}")
        if key not in KEYS:
            raise BundleError(f"{where}:{number}: unknown key '{key}'; known: {', '.join(sorted(KEYS))}")
        if key in raw:
            raise BundleError(f"{where}:{number}: '{key}' is there twice")
        raw[key] = value
    if missing := KEYS - raw.keys():
        raise BundleError(f"{where}: missing: {', '.join(sorted(missing))}")

    policy = {key: _number(raw[key], key, where) for key in NUMBERS}
    policy["name"] = _name(raw["name"], where)
    policy["uuid"] = _uuid(raw["uuid"], where)
    policy["flags"] = _flags(raw, where)
    return policy


def _number(value, key, where):
    low, high = NUMBERS[key]
    if not re.fullmatch(r"[0-9]+", value) or not low <= int(value) <= high:
        raise BundleError(f"{where}: {key} = {value}: must be a number from {low} to {high}")
    return int(value)


def _name(value, where):
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,30}", value):
        raise BundleError(f"{where}: name '{value}': 1 to 31 of letters, digits, space, '.', '_', '-'")
    if value.lower() in RESERVED_NAMES:
        raise BundleError(f"{where}: the name '{value}' is the secure kernel's own")
    return value


def _uuid(value, where):
    if not re.fullmatch(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}", value):
        raise BundleError(f"{where}: uuid '{value}' is not like 01234567-89ab-4cde-8f01-23456789abcd")
    if uuid.UUID(value).int == 0:
        raise BundleError(f"{where}: the uuid of zeros is nobody's; `uuidgen` makes one")
    return uuid.UUID(value)


def _flags(raw, where):
    if raw["debug"] not in ("yes", "no"):
        raise BundleError(f"{where}: debug = {raw['debug']}: must be yes or no")
    flags = FLAGS["debug"] if raw["debug"] == "yes" else 0
    known = ", ".join(word for word in FLAGS if word != "debug")
    for word in raw["allow"].split():
        if word == "debug" or word not in FLAGS:
            raise BundleError(f"{where}: allow: unknown '{word}'; known: {known}")
        flags |= FLAGS[word]
    return flags


def segments(data, where):
    """The program headers of a static-PIE program that can be loaded."""
    if len(data) < EHDR.size or data[:4] != b"\x7fELF":
        raise BundleError(f"{where}: no ELF file")
    ident, kind, machine, _, entry, phoff, _, _, _, phentsize, phnum, _, _, _ = EHDR.unpack_from(data)
    if ident[4:7] != b"\x02\x01\x01" or machine != EM_X86_64:
        raise BundleError(f"{where}: not for x86-64")
    if kind != ET_DYN:
        raise BundleError(f"{where}: not position independent: link it with -static-pie")
    if phentsize != PHDR.size or not 0 < phnum <= 64 or phoff + phnum * PHDR.size > len(data):
        raise BundleError(f"{where}: program headers are odd or outside of the file")
    headers = [PHDR.unpack_from(data, phoff + i * PHDR.size) for i in range(phnum)]
    for kind, flags, offset, _, _, filesz, memsz, _ in headers:
        if kind == PT_INTERP:
            raise BundleError(f"{where}: needs a program loader (PT_INTERP): link it with -static-pie")
        if kind == PT_GNU_STACK and flags & PF_X:
            raise BundleError(f"{where}: wants an executable stack")
        if kind != PT_GNU_STACK and (offset > len(data) or filesz > len(data) - offset):
            raise BundleError(f"{where}: a segment lies outside of the file")
        if kind == PT_DYNAMIC:
            check_dynamic(data[offset:offset + filesz], where)
    loads = [h for h in headers if h[0] == PT_LOAD]
    check_loads(loads, where)
    if not any(flags & PF_X and vaddr <= entry < vaddr + filesz
               for _, flags, _, vaddr, _, filesz, _, _ in loads):
        raise BundleError(f"{where}: the entry point is not in its code")
    return headers


def check_dynamic(data, where):
    """A program may relocate itself, but not ask for libraries or to have its code patched."""
    for tag, _ in struct.iter_unpack("<QQ", data[:len(data) // 16 * 16]):
        if tag == DT_NEEDED:
            raise BundleError(f"{where}: needs shared libraries: link it with -static-pie")
        if tag == DT_TEXTREL:
            raise BundleError(f"{where}: has relocations in its code: compile it with -fPIE")


def check_loads(loads, where):
    """Each on pages of its own, in order, never writable and executable."""
    if not loads:
        raise BundleError(f"{where}: nothing to load")
    end = 0
    for _, flags, offset, vaddr, _, filesz, memsz, _ in loads:
        if flags & PF_W and flags & PF_X:
            raise BundleError(f"{where}: a segment is writable and executable")
        if offset % PAGE or vaddr % PAGE:
            raise BundleError(f"{where}: a segment does not begin on a page: "
                              "link it with lld and -z separate-loadable-segments")
        if filesz > memsz or memsz == 0:
            raise BundleError(f"{where}: a segment is larger in the file than in memory, or empty")
        if vaddr < end or vaddr + memsz > 1 << 32:
            raise BundleError(f"{where}: segments overlap, or are out of order or too large")
        end = -(-(vaddr + memsz) // PAGE) * PAGE


def check_size(headers, policy, where):
    """The image must leave room for a stack and a heap."""
    kib = sum(-(-h[6] // PAGE) * PAGE for h in headers if h[0] == PT_LOAD) // 1024
    if kib + 256 > policy["memory_kib"]:
        raise BundleError(f"{where}: takes {kib} KiB, and 256 KiB for stack and heap at least: "
                          f"more than the {policy['memory_kib']} KiB of its policy")


def build(pairs, release=False):
    """The bundle of [(policy file's name, its text, ELF's name, its bytes)]."""
    if not 0 < len(pairs) <= MAX_TRUSTLETS:
        raise BundleError(f"{len(pairs)} trustlets: 1 to {MAX_TRUSTLETS} fit a bundle")
    seen = {}
    policies = []
    for conf, text, elf, data in pairs:
        policy = parse_policy(text, conf)
        if release and policy["flags"] & FLAGS["debug"]:
            raise BundleError(f"{conf}: debug = yes, which a release build refuses")
        for key in ("name", "uuid"):
            value = str(policy[key]).lower()
            if other := seen.get((key, value)):
                raise BundleError(f"{conf}: {key} {policy[key]} is that of {other} already")
            seen[key, value] = conf
        check_size(segments(data, elf), policy, elf)
        policies.append(policy)

    offset = -(-(HEADER.size + len(pairs) * POLICY.size) // PAGE) * PAGE
    table = HEADER.pack(MAGIC, VERSION, len(pairs), POLICY.size)
    files = b""
    for policy, (_, _, _, data) in zip(policies, pairs):
        table += POLICY.pack(policy["uuid"].bytes, policy["name"].encode(), policy["security_version"],
                             policy["flags"], policy["memory_kib"], policy["budget_ms"],
                             policy["sessions"], 0, offset + len(files), len(data))
        files += data + bytes(-len(data) % PAGE)
    return table + bytes(offset - len(table)) + files


def listing(data, where):
    """Lines that say what is in a bundle."""
    if len(data) < HEADER.size:
        raise BundleError(f"{where}: no bundle")
    magic, version, count, size = HEADER.unpack_from(data)
    if magic != MAGIC or version != VERSION or size != POLICY.size:
        raise BundleError(f"{where}: no bundle, or one of another version")
    if not 0 < count <= MAX_TRUSTLETS or HEADER.size + count * size > len(data):
        raise BundleError(f"{where}: says that it holds {count} trustlets")
    for i in range(count):
        (ident, name, security_version, flags, memory, budget, sessions, _,
         offset, length) = POLICY.unpack_from(data, HEADER.size + i * size)
        if offset % PAGE or offset > len(data) or length > len(data) - offset:
            raise BundleError(f"{where}: trustlet {i} lies outside of the file")
        segments(data[offset:offset + length], f"{where}: trustlet {i}")
        words = " ".join(word for word, bit in FLAGS.items() if flags & bit) or "-"
        yield (f"{name.rstrip(bytes(1)).decode('ascii', 'replace')}: {uuid.UUID(bytes=ident)}, "
               f"security version {security_version}, {memory} KiB, {budget} ms, "
               f"{sessions} sessions, {words}; {length} bytes at {offset:#x}")


def read(path, text=False):
    with open(path, "rb") as f:
        data = f.read()
    if not text:
        return data
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as e:
        raise BundleError(f"{path}: not text: {e}") from None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--release", action="store_true", help="refuse policies with debug = yes")
    parser.add_argument("--output", metavar="FILE")
    parser.add_argument("--list", metavar="FILE", help="print what a bundle holds")
    parser.add_argument("files", nargs="*", metavar="policy.conf program.elf")
    args = parser.parse_args()
    if args.list is None and (args.output is None or not args.files or len(args.files) % 2):
        parser.error("give --output and pairs of a policy and a program, or --list")
    try:
        if args.list is not None:
            print("\n".join(listing(read(args.list), args.list)))
            return
        pairs = [(conf, read(conf, text=True), elf, read(elf))
                 for conf, elf in zip(args.files[::2], args.files[1::2])]
        bundle = build(pairs, args.release)
        with open(args.output, "wb") as f:
            f.write(bundle)
    except (BundleError, OSError) as e:
        sys.exit(f"bundle.py: {e}")


if __name__ == "__main__":
    main()
