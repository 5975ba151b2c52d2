# SPDX-License-Identifier: GPL-2.0-only
"""DER, written and read, as far as ci_vectors.py makes certificates and signatures of it."""

OIDS = {"signed": "2a864886f70d010702", "enveloped": "2a864886f70d010703", "data": "2a864886f70d010701",
        "rsa": "2a864886f70d010101", "rsa-sha256": "2a864886f70d01010b", "pss": "2a864886f70d01010a",
        "md5": "2a864886f70d0205", "sha1": "2b0e03021a", "sha224": "608648016503040204",
        "sha256": "608648016503040201", "sha384": "608648016503040202", "sha512": "608648016503040203",
        "sha3-256": "608648016503040208", "ecdsa-sha1": "2a8648ce3d0401", "ecdsa-sha224": "2a8648ce3d040301",
        "ecdsa-sha256": "2a8648ce3d040302", "ecdsa-sha384": "2a8648ce3d040303", "ecdsa-sha512": "2a8648ce3d040304",
        "ec": "2a8648ce3d0201", "ecdh": "2b8104010c", "p256": "2a8648ce3d030107", "ed25519": "2b6570",
        "cn": "550403", "skid": "551d0e"}
NULL = b"\x05\x00"


def der(tag, *parts):
    content = b"".join(parts)
    if len(content) < 128:
        return bytes([tag, len(content)]) + content
    size = len(content).to_bytes((len(content).bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(size)]) + size + content


def seq(*parts):
    return der(0x30, *parts)


def num(value):
    return der(2, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def oid(name):
    return der(6, bytes.fromhex(OIDS[name]))


def alg(name, params=b""):
    return seq(oid(name), params)


def children(data):
    """The elements (tag, content, whole) of good DER."""
    while data:
        size, at = data[1], 2
        if size & 0x80:
            at += size & 0x7F
            size = int.from_bytes(data[2:at], "big")
        yield data[0], data[at:at + size], data[:at + size]
        data = data[at + size:]


def inner(data):
    return [whole for _, _, whole in children(next(children(data))[1])]
