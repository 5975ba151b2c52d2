#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Call a trustlet that runs as a Linux process, to try it by hand.

    trustlets/call.py build/trustlets/host/hello 1 in:World out:64
    trustlets/call.py build/trustlets/host/hello 2 value:40,2 value-out

Opens a session, sends one command, prints the result and what came out.
Parameters (up to four): in:TEXT, in:@FILE, inout:TEXT, out:SIZE, value:A,B,
value-inout:A,B, value-out. Layout: struct ovbs_tl_request of trustlet_abi.h.
"""
import struct
import subprocess
import sys

PAGE, DATA = 4096, 128
HEAD = struct.Struct("<IIQIIII8Q")
OPEN, INVOKE, CLOSE = 1, 2, 3
TYPES = {"value": 1, "value-out": 2, "value-inout": 3, "in": 5, "out": 6, "inout": 7}
RESULTS = {0: "OK", 0xFFFF0001: "ACCESS_DENIED", 0xFFFF0005: "BAD_FORMAT", 0xFFFF0006: "BAD_PARAMETERS",
           0xFFFF0007: "BAD_STATE", 0xFFFF000A: "NOT_SUPPORTED", 0xFFFF000C: "OUT_OF_MEMORY",
           0xFFFF000F: "SECURITY", 0xFFFF0010: "SHORT_BUFFER"}


def encode(words):
    """(types, the eight numbers, data) of parameters as a person writes them."""
    types, numbers, data = 0, [], b""
    for place, word in enumerate(words):
        kind, _, value = word.partition(":")
        if kind not in TYPES or place == 4:
            sys.exit(f"call.py: '{word}': unknown, or the fifth parameter\n{__doc__}")
        types |= TYPES[kind] << 4 * place
        if kind.startswith("value"):
            numbers += [int(n, 0) for n in (value + ",0,0").lstrip(",").split(",")[:2]]
            continue
        if kind == "out":
            content = bytes(int(value, 0))
        elif value.startswith("@"):
            with open(value[1:], "rb") as f:
                content = f.read()
        else:
            content = value.encode()
        numbers += [DATA + len(data), len(content)]
        data += content
    if len(data) > PAGE - DATA:
        sys.exit(f"call.py: buffers of {len(data)} bytes; {PAGE - DATA} fit together")
    return types, numbers + [0] * (8 - len(numbers)), data


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    types, numbers, data = encode(sys.argv[3:])
    pages = b"".join(head + body.ljust(PAGE - len(head), b"\0") for head, body in (
        (HEAD.pack(OPEN, 0, 1, 0, 1000, 0, 0, *[0] * 8), b""),
        (HEAD.pack(INVOKE, int(sys.argv[2], 0), 1, types, 1000, 0, 0, *numbers), bytes(DATA - HEAD.size) + data),
        (HEAD.pack(CLOSE, 0, 1, 0, 1000, 0, 0, *[0] * 8), b"")))
    done = subprocess.run([sys.argv[1]], input=pages, stdout=subprocess.PIPE, check=False)
    if len(done.stdout) < 2 * PAGE:
        sys.exit(f"call.py: the trustlet ended with status {done.returncode} instead of an answer")
    page = done.stdout[PAGE:2 * PAGE]
    fields = HEAD.unpack_from(page)
    print(f"result: {RESULTS.get(fields[5], hex(fields[5]))}")
    for place in range(4):
        kind = types >> 4 * place & 15
        a, b = fields[7 + 2 * place:9 + 2 * place]
        if kind in (2, 3):
            print(f"{place}: {a}, {b}")
        elif kind in (6, 7):
            print(f"{place}: {b} bytes: {page[a:a + b] if fields[5] == 0 else b''!r}")
    sys.exit(0 if fields[5] == 0 else 1)


if __name__ == "__main__":
    main()
