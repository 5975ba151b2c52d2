#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""
The hypervisor's instruction decoder against binutils' disassembler.

Random byte strings, most of them built around the opcodes in question, go
through both. Whatever the decoder accepts must be that instruction of that
length to objdump, with the same operand size, register and immediate. And
whatever objdump shows as one of these instructions must be accepted, save for
the few forms that insn.h refuses on purpose.

Usage: insn_objdump.py path/to/insn_dump [seed]
"""
import random
import re
import subprocess
import sys
import tempfile

COUNT = 12000  # byte strings in each mode
SLOT = 48      # the string, then NOPs: whatever it decodes to, objdump is in step at the next slot
KINDS = ("cpuid", "rdmsr", "wrmsr", "invd", "wbinvd", "vmmcall", "xsetbv", "hlt", "in", "out", "ins", "outs")
OPS = {1: "load", 2: "store", 3: "xchg"}
MACHINE = {16: "i8086", 32: "i386", 64: "i386:x86-64"}
PREFIXES = (0x26, 0x2E, 0x36, 0x3E, 0x64, 0x65, 0x66, 0x67, 0xF0, 0xF2, 0xF3)
PREFIX_WORDS = re.compile(
    r"^(data16|data32|addr16|addr32|lock|rep|repz|repnz|xacquire|xrelease|bnd|notrack|"
    r"cs|ds|es|fs|gs|ss|rex(\.[WRXB]+)?)\b\s*")
KNOWN_OPCODES = (
    b"\x0f\xa2", b"\x0f\x32", b"\x0f\x30", b"\x0f\x08", b"\x0f\x09", b"\x0f\x01\xd9", b"\x0f\x01\xd1", b"\xf4",
    b"\x0f\x22", b"\x0f\x22", b"\x0f\x01",
    b"\xe4", b"\xe5", b"\xe6", b"\xe7", b"\xec", b"\xed", b"\xee", b"\xef", b"\x6c", b"\x6d", b"\x6e", b"\x6f")
MMIO_OPCODES = bytes((0x86, 0x87, 0x88, 0x89, 0x8A, 0x8B, 0xA0, 0xA1, 0xA2, 0xA3, 0xAA, 0xAB, 0xC6, 0xC7))

WIDE = ("rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi")
REGS = {8: list(WIDE) + [f"r{i}" for i in range(8, 16)],
        4: ["e" + r[1:] for r in WIDE] + [f"r{i}d" for i in range(8, 16)],
        2: [r[1:] for r in WIDE] + [f"r{i}w" for i in range(8, 16)]}
BYTE_REGS = {"al": 0, "cl": 1, "dl": 2, "bl": 3, "ah": 4, "ch": 5, "dh": 6, "bh": 7,
             "spl": 4, "bpl": 5, "sil": 6, "dil": 7, **{f"r{i}b": i for i in range(8, 16)}}
POINTER = {"BYTE": 1, "WORD": 2, "DWORD": 4, "QWORD": 8}


def random_string(rng, mode):
    """A byte string of 16: up to 4 prefixes, often REX, an opcode, random operands."""
    head = bytes(rng.choice(PREFIXES) for _ in range(rng.choice((0, 0, 0, 1, 1, 2, 3, 4))))
    if mode == 64 and rng.random() < 0.5:
        head += bytes((rng.randrange(0x40, 0x50),))
    what = rng.random()
    if what < 0.5:
        head += bytes((rng.choice(MMIO_OPCODES),))
    elif what < 0.85:
        head += rng.choice(KNOWN_OPCODES)
    return (head + rng.randbytes(16))[:16]


def disassemble(strings, mode):
    """For each string: (length, prefix words, text) of its first instruction, as objdump sees it."""
    with tempfile.NamedTemporaryFile() as f:
        for s in strings:
            f.write(s.ljust(SLOT, b"\x90"))
        f.flush()
        out = subprocess.run(
            ["objdump", "-D", "-w", "-b", "binary", "-m", MACHINE[mode], "-M", "intel", "--no-show-raw-insn",
             f.name], check=True, capture_output=True, text=True).stdout
    lines = {}
    for line in out.splitlines():
        m = re.match(r"^\s*([0-9a-f]+):\s+(.*?)\s*$", line)
        if m:
            lines[int(m[1], 16)] = m[2]
    addresses = sorted(lines)
    following = dict(zip(addresses, addresses[1:] + [len(strings) * SLOT]))
    return [first_instruction(lines, following, i * SLOT) for i in range(len(strings))]


def first_instruction(lines, following, start):
    """Prefixes that objdump shows on lines of their own belong to what follows."""
    words, at = [], start
    while True:
        text = lines[at]
        while m := PREFIX_WORDS.match(text):
            words.append(m[1])
            text = text[m.end():]
        at = following[at]
        if text:
            return at - start, words, re.sub(r"\s*#.*", "", text)


def memory_size(operand):
    m = re.match(r"^(BYTE|WORD|DWORD|QWORD) PTR ", operand)
    return POINTER[m[1]] if m else None


def is_memory(operand):
    return "[" in operand or re.match(r"^(\w+ PTR )?(\w\w:)0x", operand) is not None


def register(operand):
    """(size, number) or None."""
    if operand in BYTE_REGS:
        return 1, BYTE_REGS[operand]
    for size, names in REGS.items():
        if operand in names:
            return size, names.index(operand)
    return None


def expected_access(text):
    """The access as (op, size, reg, immediate) from objdump's text; None if it is none of ours."""
    m = re.match(r"^(mov|movabs|xchg|stos)\s+([^,]+),([^,]+)$", text)
    if not m:
        return None
    name, left, right = m.groups()
    if name == "stos":
        return "store", memory_size(left), 0, None
    if is_memory(left) == is_memory(right):
        return None  # registers only
    memory, other = (left, right) if is_memory(left) else (right, left)
    reg = register(other)
    op = "xchg" if name == "xchg" else "store" if memory is left else "load"
    if reg:
        assert memory_size(memory) in (None, reg[0]), text
        return op, reg[0], reg[1], None
    if re.match(r"^(0x[0-9a-f]+|\d+)$", other):
        size = memory_size(memory)
        return op, size, 0, int(other, 0) & ((1 << 8 * size) - 1)
    return None  # segment, control or debug register


def refused_on_purpose(mode, string, words):
    """What insn_decode_mmio() does not take although it is a legal instruction."""
    if any(w.startswith(("rep", "xacquire", "xrelease", "bnd")) for w in words):
        return True
    i, rex = 0, False
    while i < len(string):
        is_rex = mode == 64 and string[i] & 0xF0 == 0x40
        if rex and (is_rex or string[i] in PREFIXES):
            return True  # a REX that is not the last prefix
        if string[i] in (0xF2, 0xF3):
            return True
        if not is_rex and string[i] not in PREFIXES:
            return False
        rex = is_rex
        i += 1
    return True


def check_known(mode, string, fields, length, words, text):
    """The length function: only the true kind, with the true length; complete."""
    names = [k for k, n in zip(KINDS, fields) if n]
    mnemonic = text.split()[0]
    mnemonic = {"wbnoinvd": "wbinvd", "vmgexit": "vmmcall"}.get(mnemonic, mnemonic)
    if text == "(bad)" and names in (["wbinvd"], ["vmmcall"]) and set(string[:length]) & {0x66, 0xF2}:
        return 0  # a prefix that binutils does not list there; where a CPU refuses it too, there is no exit
    if names:
        assert names == [mnemonic], f"taken for {names}"
        assert fields[KINDS.index(mnemonic)] == length, "length"
        return 1
    legal = 0xF0 not in string[:length] and length <= 15 and mnemonic in KINDS
    if mnemonic == "xsetbv" and set(string[:length]) & {0x66, 0xF2, 0xF3}:
        legal = False
    # LOCK looks like an operand where it is one: IN and OUT with port F0.
    if mnemonic in ("in", "out") and string[length - 1] == 0xF0 and string[length - 2] in (0xE4, 0xE5, 0xE6, 0xE7):
        legal = 0xF0 not in string[:length - 1]
    assert not legal, "refused by the length function"
    return 0


def check_mmio(mode, string, fields, length, words, text):
    want = expected_access(text)
    if fields is None:
        lock = "lock" in words
        assert want is None or length > 15 or (lock and want[0] != "xchg") or \
            refused_on_purpose(mode, string, words), f"refused by the decoder: {want}"
        return 0
    got_length, op, size, reg, immediate, value, di_width = fields
    assert want is not None, "not an access to objdump"
    assert got_length == length, "length"
    assert (OPS[op], size, reg) == want[:3], f"objdump: {want}"
    assert (value if immediate else None) == want[3], "immediate"
    if text.startswith("stos"):
        name = re.search(r"\[(\w+)\]", text)[1]
        assert di_width == {"rdi": 8, "edi": 4, "di": 2}[name], "width of rDI"
    else:
        assert di_width == 0, "width of rDI"
    return 1


def check_cr(string, fields, length, words, text):
    """MOV to CRn and LMSW: the true register, from the true register, with the true length; complete."""
    m = re.match(r"^mov\s+cr(\d+),(\w+)$", text) or re.match(r"^(lmsw)\s+(\w+)$", text)
    if fields is None:
        assert not m or length > 15 or 0xF0 in string[:length - 3], "refused by the decoder of control registers"
        return 0
    got_length, cr, reg, lmsw = fields
    if text == "(bad)":
        assert not lmsw and cr in (1, 5, 6, 7, 9, 10, 11, 12, 13, 14, 15), "not a write to CR0 or CR4 to objdump"
        return 0
    assert m, "not a write to a control register to objdump"
    assert got_length == length, "length"
    assert lmsw == (m[1] == "lmsw") and cr == (0 if lmsw else int(m[1])), "control register"
    assert register(m[2])[1] == reg, "general register"
    return 1


def check_mode(dump, mode, rng):
    strings = [random_string(rng, mode) for _ in range(COUNT)]
    ours = subprocess.run([dump, str(mode)], input=b"".join(strings), check=True, capture_output=True)
    ours = ours.stdout.decode().splitlines()
    assert len(ours) == COUNT
    known = access = control = bad = 0
    for string, line, (length, words, text) in zip(strings, ours, disassemble(strings, mode)):
        line, cr = line.split(" | ")
        fields = line.split()
        kinds = [int(n) for n in fields[:len(KINDS)]]
        rest = fields[len(KINDS):]
        try:
            known += check_known(mode, string, kinds, length, words, text)
            access += check_mmio(mode, string, None if rest == ["-"] else [int(n) for n in rest], length, words, text)
            control += check_cr(string, None if cr == "-" else [int(n) for n in cr.split()], length, words, text)
        except AssertionError as e:
            bad += 1
            if bad <= 20:
                print(f"{mode}-bit {string.hex(' ')}: {e}; decoder: {line}; objdump: {length} {words} {text}")
    print(f"{mode}-bit: {COUNT} strings, {known} known lengths, {access} accesses and {control} writes to control "
          f"registers agree, {bad} differ")
    # A generator that makes nothing of interest would prove nothing.
    return bad == 0 and known > COUNT // 10 and access > COUNT // 10 and control > COUNT // 100


def main():
    rng = random.Random(int(sys.argv[2]) if len(sys.argv) > 2 else 1)
    try:
        good = [check_mode(sys.argv[1], mode, rng) for mode in MACHINE]
    except FileNotFoundError as e:
        sys.exit(f"{e.filename} not found: objdump is in the package binutils")
    sys.exit(0 if all(good) else 1)


if __name__ == "__main__":
    main()
