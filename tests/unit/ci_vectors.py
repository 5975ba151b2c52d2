#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Signatures and certificates for the tests of trustlets/integrity, good and bad.

    ci_vectors.py OUTPUT-DIRECTORY

What is good comes from openssl, with the options that make what Linux's
scripts/sign-file makes. What openssl would not make is put together here, from
DER and raw RSA blocks. OUTPUT-DIRECTORY gets

    signatures    lines "expected-reason body signature"
    certificates  lines "expected-reason certificate"
    *.der         the four keys that signatures are checked with: KEYS below

Reasons are those of trustlets/integrity/reason.h.
"""
import hashlib
import os
import subprocess
import sys

from ci_der import NULL, alg, children, der, inner, num, oid, seq

KEYS = {"rsa4096": ["rsa:4096"], "rsa2048": ["rsa:2048"],
        "p384": ["ec", "-pkeyopt", "ec_paramgen_curve:P-384"],
        "p256": ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"]}
ORDER = {  # SEC 2, 2.4.2 and 2.5.1
    "p256": 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
    "p384": 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973}


class Maker:
    def __init__(self, out):
        self.out = out
        self.signatures, self.certificates = [], []

    def path(self, name):
        return os.path.join(self.out, name)

    def put(self, name, data):
        with open(self.path(name), "wb") as f:
            f.write(data)

    def get(self, name):
        with open(self.path(name), "rb") as f:
            return f.read()

    def openssl(self, *args, data=None):
        try:
            run = subprocess.run(["openssl", *args], cwd=self.out, input=data, capture_output=True, check=False)
        except FileNotFoundError:
            sys.exit("the tests of signatures need the package openssl")
        if run.returncode != 0:
            sys.exit(f"openssl {' '.join(args)}: {run.stderr.decode()}")
        return run.stdout

    def signature(self, expected, name, data=None, body="body"):
        if data is not None:
            self.put(name, data)
        self.signatures.append(f"{expected} {body} {name}\n")

    def certificate(self, expected, name, data):
        self.put(name, data)
        self.certificates.append(f"{expected} {name}\n")

    # --- keys ---------------------------------------------------------------

    def make_keys(self):
        for name, kind in KEYS.items():
            self.openssl("req", "-new", "-x509", "-newkey", *kind, "-nodes", "-sha256", "-days", "36500",
                         "-subj", f"/O=openvbs test/CN=key {name}", "-addext", "subjectKeyIdentifier=hash",
                         "-keyout", f"{name}.key", "-out", f"{name}.pem")
            self.openssl("x509", "-in", f"{name}.pem", "-outform", "DER", "-out", f"{name}.der")
            self.certificates.append(f"OK {name}.der\n")

    def spki(self, *args):
        """The SubjectPublicKeyInfo of a new key."""
        pem = self.openssl("genpkey", *args)
        return self.openssl("pkey", "-pubout", "-outform", "DER", data=pem)

    def name_of(self, key):
        """(issuer, serial, key id) of one of KEYS, the first two as elements."""
        parts = inner(inner(self.get(f"{key}.der"))[0])
        marker = oid("skid") + b"\x04\x16\x04\x14"
        cert = self.get(f"{key}.der")
        at = cert.index(marker) + len(marker)
        return parts[3], parts[1], cert[at:at + 20]

    # --- raw signatures -----------------------------------------------------

    def rsa_raw(self, key, block):
        """@block to the power of the private exponent."""
        return self.openssl("pkeyutl", "-decrypt", "-inkey", f"{key}.key", "-pkeyopt", "rsa_padding_mode:none", data=block)

    def rsa_block(self, size, body, info=None, kind=1, fill=b"\xff", end=b"\0", after=b"", pad=None):
        """A padded block (RFC 8017, 9.2); each parameter makes another mistake."""
        digest = hashlib.sha256(body).digest()
        info = seq(alg("sha256", NULL), der(4, digest)) if info is None else info
        pad = size - 3 - len(info) if pad is None else pad
        block = bytes([0, kind]) + fill * pad + end + info + after
        return block + b"\x5a" * (size - len(block))

    def ecdsa(self, key, body, md="sha256"):
        digest = hashlib.new(md, body).digest()
        value = self.openssl("pkeyutl", "-sign", "-inkey", f"{key}.key", data=digest)
        return [int.from_bytes(content, "big") for _, content, _ in children(next(children(value))[1])]

    # --- CMS ----------------------------------------------------------------

    def signer(self, key, value, version=1, sid=None, md=None, signed=b"", sig_alg=None, unsigned=b"", more=b""):
        issuer, serial, _ = self.name_of(key)
        sid = seq(issuer, serial) if sid is None else sid
        md = alg("sha256") if md is None else md
        default = alg("rsa", NULL) if key.startswith("rsa") else alg("ecdsa-sha256")
        return seq(num(version), sid, md, signed, sig_alg or default, der(4, value), unsigned, more)

    def cms(self, *signers, version=1, mds=None, content=None, extra=b"", kind="signed", after=b""):
        data = seq(num(version), der(0x31, alg("sha256") if mds is None else mds),
                   seq(oid("data")) if content is None else content, extra, der(0x31, *signers), after)
        return seq(oid(kind), der(0xA0, data))

    def openssl_cms(self, name, key, *options, md="sha256", body="body"):
        self.openssl("cms", "-sign", "-binary", "-nosmimecap", "-outform", "DER", "-md", md, "-signer",
                     f"{key}.pem", "-inkey", f"{key}.key", "-in", body, "-out", name, *options)
        return name

    def good(self):
        like_sign_file = ("-noattr", "-nocerts")
        for key in KEYS:
            for md in ("sha256", "sha384", "sha512"):
                for keyid in ((), ("-keyid",)):
                    name = f"{key}-{md}{''.join(keyid)}.p7s"
                    self.signature("OK", self.openssl_cms(name, key, *like_sign_file, *keyid, md=md))
        self.openssl("smime", "-sign", "-binary", "-noattr", "-nocerts", "-outform", "DER", "-md", "sha256",
                     "-signer", "rsa4096.pem", "-inkey", "rsa4096.key", "-in", "body", "-out", "pkcs7.p7s")
        self.signature("OK", "pkcs7.p7s")
        self.signature("OK", self.openssl_cms("other.p7s", "p384", *like_sign_file, body="other"), body="other")
        self.signature("E_SIGNATURE", "other.p7s")
        self.signature("E_SIGNATURE", "rsa4096-sha256.p7s", body="other")
        self.signature("E_SIGNATURE", "p256-sha512.p7s", body="other")
        self.signature("E_EMPTY", "rsa4096-sha256.p7s", body="empty")

    def bad_openssl(self):
        plain, no_certs = ("-noattr", "-nocerts"), ("-nocerts",)
        for expected, name, options, md in (
                ("E_CMS_ATTACHED", "attached.p7s", (*plain, "-nodetach"), "sha256"),
                ("E_CMS_CERTIFICATES", "certificates.p7s", ("-noattr",), "sha256"),
                ("E_CMS_SIGNED_ATTRIBUTES", "attributes.p7s", no_certs, "sha256"),
                ("E_CMS_SIGNERS", "two.p7s", (*plain, "-signer", "p384.pem", "-inkey", "p384.key"), "sha256"),
                ("E_DER_LENGTH", "stream.p7s", (*plain, "-stream"), "sha256"),
                ("E_ALGORITHM", "pss.p7s", (*plain, "-keyopt", "rsa_padding_mode:pss"), "sha256"),
                ("E_HASH_WEAK", "sha1.p7s", plain, "sha1"),
                ("E_HASH_WEAK", "md5.p7s", plain, "md5"),
                ("E_HASH_UNKNOWN", "sha224.p7s", plain, "sha224"),
                ("E_HASH_UNKNOWN", "sha3.p7s", plain, "sha3-256")):
            self.signature(expected, self.openssl_cms(name, "rsa4096", *options, md=md))

    def bad_cms(self, body):
        """One mistake each, around a signature value that is good."""
        value = self.rsa_raw("rsa2048", self.rsa_block(256, body))
        issuer, serial, key_id = self.name_of("rsa2048")
        by_id = der(0x80, key_id)
        one = self.signer("rsa2048", value)

        def put(expected, name, **changes):
            self.signature(expected, f"cms-{name}.p7s", self.cms(one, **changes))

        def put_signer(expected, name, outer=1, mds=None, **changes):
            signer = self.signer("rsa2048", value, **changes)
            self.signature(expected, f"signer-{name}.p7s", self.cms(signer, version=outer, mds=mds))

        put("OK", "good")
        put("E_CMS_TYPE", "enveloped", kind="enveloped")
        put("E_CMS_VERSION", "version", version=3)
        put("OK", "hash-null", mds=alg("sha256", NULL))
        put("E_CMS_PARAMETERS", "hash-params", mds=alg("sha256", num(1)))
        put("E_HASH_DIFFERS", "hash-differs", mds=alg("sha384"))
        put("E_HASH_WEAK", "hash-weak", mds=alg("sha1"))
        put("E_CMS_SIGNERS", "hash-two", mds=alg("sha256") + alg("sha384"))
        put("E_DER_ELEMENT", "hash-none", mds=b"")
        put("E_CMS_CONTENT", "content", content=seq(oid("signed")))
        put("E_CMS_ATTACHED", "attached", content=seq(oid("data"), der(0xA0, der(4, body[:50]))))
        put("E_CMS_CERTIFICATES", "certificate", extra=der(0xA0, self.get("p256.der")))
        put("E_CMS_CERTIFICATES", "crl", extra=der(0xA1))
        put("E_DER_TRAILING", "after", after=NULL)
        self.signature("E_CMS_SIGNERS", "cms-two.p7s", self.cms(one, one))
        self.signature("E_CMS_SIGNERS", "cms-none.p7s", self.cms())
        self.signature("E_DER_TRAILING", "cms-trailing.p7s", self.cms(one) + b"\0")
        self.signature("E_CMS_SIZE", "cms-long.p7s", self.cms(one, extra=der(0xA0, bytes(9000))))
        self.signature("E_CMS_SIZE", "cms-empty.p7s", b"")
        long_form = self.cms(one)
        self.signature("E_DER_LENGTH", "cms-ber.p7s", b"\x30\x83\x00" + long_form[2:])
        # The same four bytes at the place of the last element's length.
        at = long_form.index(b"\x04\x82\x01\x00" + value)
        self.signature("E_DER_CUT", "cms-inner.p7s", long_form[:at] + b"\x04\x82\x01\x01" + long_form[at + 4:])

        put_signer("OK", "key-id", version=3, outer=3, sid=by_id)
        put_signer("E_CMS_VERSION", "key-id-1", version=1, outer=1, sid=by_id)
        put_signer("E_CMS_VERSION", "key-id-1-3", version=1, outer=3, sid=by_id)
        put_signer("E_CMS_VERSION", "issuer-3", version=3, outer=3)
        put_signer("E_CMS_VERSION", "versions", version=3, outer=1, sid=by_id)
        put_signer("E_CMS_SIGNER_ID", "no-id", sid=b"")  # a CHOICE: what follows is taken for it
        put_signer("E_CMS_SIGNER_ID", "id-wrong", sid=der(0x81, key_id))
        put_signer("E_CMS_SIGNER_ID", "id-empty", version=3, outer=3, sid=der(0x80))
        put_signer("E_KEY_UNKNOWN", "id-other", version=3, outer=3, sid=der(0x80, key_id[:-1]))
        put_signer("E_KEY_UNKNOWN", "serial-other", sid=seq(issuer, num(77)))
        put_signer("E_KEY_UNKNOWN", "issuer-other", sid=seq(seq(), serial))
        put_signer("E_DER_TRAILING", "issuer-more", sid=seq(issuer, serial, NULL))
        put_signer("E_CMS_SIGNED_ATTRIBUTES", "attributes", signed=der(0xA0))
        put_signer("E_CMS_UNSIGNED_ATTRIBUTES", "unsigned", unsigned=der(0xA1, seq()))
        put_signer("E_DER_TRAILING", "more", more=NULL)
        put_signer("E_HASH_DIFFERS", "hash-differs", md=alg("sha512"))
        put_signer("E_SIGNATURE", "hash-both", md=alg("sha512"), mds=alg("sha512"))
        put_signer("E_HASH_WEAK", "hash-sha1", md=alg("sha1"), mds=alg("sha1"))
        put_signer("E_CMS_PARAMETERS", "rsa-no-null", sig_alg=alg("rsa"))
        put_signer("E_CMS_PARAMETERS", "rsa-params", sig_alg=alg("rsa", seq()))
        put_signer("E_CMS_PARAMETERS", "rsa-null-more", sig_alg=alg("rsa", NULL + NULL))
        put_signer("E_ALGORITHM", "rsa-sha256", sig_alg=alg("rsa-sha256", NULL))
        put_signer("E_ALGORITHM", "pss", sig_alg=alg("pss", seq()))
        put_signer("E_ALGORITHM", "ed25519", sig_alg=alg("ed25519"))
        put_signer("E_KEY_DIFFERS", "confused", sig_alg=alg("ecdsa-sha256"))
        put_signer("E_HASH_DIFFERS", "ecdsa-sha384", sig_alg=alg("ecdsa-sha384"))
        put_signer("E_HASH_WEAK", "ecdsa-sha1", sig_alg=alg("ecdsa-sha1"))
        put_signer("E_ALGORITHM", "ecdsa-sha224", sig_alg=alg("ecdsa-sha224"))
        put_signer("E_CMS_PARAMETERS", "ecdsa-null", sig_alg=alg("ecdsa-sha256", NULL))
        self.signature("E_KEY_DIFFERS", "confused-ec.p7s",
                       self.cms(self.signer("p256", value, sig_alg=alg("rsa", NULL))))
        self.signature("E_SIGNATURE", "other-key.p7s",
                       self.cms(self.signer("rsa4096", self.rsa_raw("rsa4096", b"\0" + bytes(511)))))

    def bad_rsa(self, body):
        digest = hashlib.sha256(body).digest()
        info = seq(alg("sha256", NULL), der(4, digest))
        long_info = b"\x30\x81" + info[1:]

        def put(expected, name, block=None, value=None):
            value = self.rsa_raw("rsa2048", block) if value is None else value
            self.signature(expected, f"rsa-{name}.p7s", self.cms(self.signer("rsa2048", value)))

        def block(**changes):
            return self.rsa_block(256, body, **changes)

        put("OK", "good", block())
        for name, changes in {
                "garbage-after": {"pad": 8}, "garbage-inside": {"pad": 100, "after": bytes(8)},
                "type-0": {"kind": 0, "fill": b"\0"}, "type-2": {"kind": 2}, "fill": {"fill": b"\xfe"},
                "no-end": {"end": b"", "pad": 256 - 2 - len(info)}, "end-1": {"end": b"\x01"},
                "no-null": {"info": seq(alg("sha256"), der(4, digest))},
                "ber": {"info": long_info}, "no-info": {"info": digest}, "octets": {"info": der(4, digest)},
                "params": {"info": seq(alg("sha256", der(4, b"garbage")), der(4, digest))},
                "other-oid": {"info": seq(alg("sha512", NULL), der(4, digest))},
                "sha384-oid": {"info": seq(alg("sha384", NULL), der(4, digest))},
                "info-more": {"info": info + NULL}, "short-pad": {"pad": 0}}.items():
            put("E_SIGNATURE", name, block(**changes))
        good = self.rsa_raw("rsa2048", block())
        put("E_SIGNATURE_FORM", "short", value=good[:-1])
        put("E_SIGNATURE_FORM", "long", value=b"\0" + good)
        put("E_SIGNATURE_FORM", "after", value=good + b"\0")
        put("E_SIGNATURE", "huge", value=b"\xff" * 256)
        put("E_SIGNATURE", "zero", value=bytes(256))
        put("E_SIGNATURE", "one", value=bytes(255) + b"\x01")
        put("E_CMS_SIZE", "none", value=b"")
        modulus = next(c for _, c, _ in children(self.rsa_numbers("rsa2048")[0]))
        put("E_SIGNATURE", "modulus", value=modulus[-256:])

    def rsa_numbers(self, key):
        """(n, e), elements."""
        spki = self.openssl("pkey", "-in", f"{key}.key", "-pubout", "-outform", "DER")
        bits = next(children(inner(spki)[1]))[1]
        return inner(bits[1:])

    def bad_ecdsa(self, body):
        for key in ("p256", "p384"):
            r, s = self.ecdsa(key, body)
            n, size = ORDER[key], (ORDER[key].bit_length() + 7) // 8

            def put(expected, name, value):
                self.signature(expected, f"{key}-{name}.p7s", self.cms(self.signer(key, value)))

            put("OK", "good", seq(num(r), num(s)))
            # ECDSA itself allows both; the file is the same, so this is no forgery.
            put("OK", "negated-s", seq(num(r), num(n - s)))
            for name, pair in {"r0": (0, s), "s0": (r, 0), "rn": (n, s), "sn": (r, n), "zeros": (0, 0)}.items():
                put("E_SIGNATURE_FORM" if 0 in pair else "E_SIGNATURE", name, seq(num(pair[0]), num(pair[1])))
            put("E_SIGNATURE", "swapped", seq(num(s), num(r)))
            put("E_SIGNATURE", "ones", seq(num(1), num(1)))
            put("E_SIGNATURE", "n-1", seq(num(n - 1), num(n - 1)))
            put("E_SIGNATURE_FORM", "r+big", seq(num(r + (n << 64)), num(s)))
            put("E_SIGNATURE_FORM", "negative", seq(der(2, b"\x80" + bytes(size - 1)), num(s)))
            put("E_SIGNATURE_FORM", "zero-before", seq(der(2, b"\0\0" + r.to_bytes(size, "big")), num(s)))
            put("E_SIGNATURE_FORM", "three", seq(num(r), num(s), num(1)))
            put("E_SIGNATURE_FORM", "one-number", seq(num(r)))
            put("E_SIGNATURE_FORM", "empty-number", seq(der(2), num(s)))
            put("E_SIGNATURE_FORM", "after", seq(num(r), num(s)) + b"\0")
            put("E_SIGNATURE_FORM", "set", der(0x31, num(r), num(s)))
            put("E_SIGNATURE_FORM", "ber", b"\x30\x81" + seq(num(r >> 200), num(s >> 200))[1:])
            put("E_SIGNATURE_FORM", "raw", r.to_bytes(size, "big") + s.to_bytes(size, "big"))

    # --- certificates -------------------------------------------------------

    def build(self, spki, subject="built", serial=1, key_id=b"\x11" * 20, extensions=None):
        name = seq(der(0x31, seq(oid("cn"), der(12, subject.encode()))))
        when = seq(der(23, b"200101000000Z"), der(23, b"200102000000Z"))  # long over: no reason
        ext = seq(oid("skid"), der(4, der(4, key_id)))
        tbs = seq(der(0xA0, num(2)), num(serial), alg("rsa-sha256", NULL), name, when, name, spki,
                  der(0xA3, seq(ext)) if extensions is None else extensions)
        return seq(tbs, alg("rsa-sha256", NULL), der(3, b"\0" + bytes(256)))

    def make_certificates(self):
        n, _ = self.rsa_numbers("rsa2048")
        small = self.spki("-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024")
        odd_size = self.spki("-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2047")

        def rsa(e, modulus=n):
            return seq(alg("rsa", NULL), der(3, b"\0" + seq(modulus, num(e))))

        def ec(curve):
            return self.spki("-algorithm", "EC", "-pkeyopt", f"ec_paramgen_curve:{curve}",
                             "-pkeyopt", "ec_param_enc:named_curve")

        p256 = ec("P-256")
        point = inner(p256)[1]
        off_curve = point[:-1] + bytes([point[-1] ^ 1])
        serial = iter(range(1, 1000))

        def put(expected, name, spki, **changes):
            i = next(serial)
            kid = {"key_id": bytes([i]) * 20, **changes}
            self.certificate(expected, f"cert-{name}.der", self.build(spki, subject=name, serial=i, **kid))

        for e in (3, 17, 65537, 2**64 - 1):
            put("OK", f"e{e}", rsa(e))
        for e in (0, 1, 2, 4, 65536, 2**64 + 13):
            put("E_KEY_INVALID", f"e{e}", rsa(e))
        put("E_KEY_INVALID", "even-modulus", rsa(65537, num(int.from_bytes(next(children(n))[1], "big") - 1)))
        put("E_KEY_SHORT", "rsa1024", small)
        put("E_KEY_SHORT", "rsa2047", odd_size)
        put("OK", "p256", p256)
        put("OK", "p384", ec("P-384"))
        put("E_KEY_CURVE", "p521", ec("P-521"))
        put("E_KEY_CURVE", "p224", ec("P-224"))
        put("E_KEY_CURVE", "secp256k1", ec("secp256k1"))
        put("E_KEY_CURVE", "brainpool384", ec("brainpoolP384r1"))
        put("E_KEY_INVALID", "off-curve", seq(alg("ec", oid("p256")), off_curve))
        put("E_KEY_TYPE", "ecdh", seq(alg("ecdh", oid("p256")), point))
        put("E_KEY_TYPE", "ed25519", self.spki("-algorithm", "ed25519"))
        put("OK", "no-key-id", p256, extensions=b"")
        put("OK", "long-key-id", p256, key_id=b"\x77" * 64)
        put("E_KEY_CERTIFICATE", "longer-key-id", p256, key_id=b"\x78" * 65)
        put("E_KEY_CERTIFICATE", "empty-key-id", p256, key_id=b"")
        twice = seq(oid("skid"), der(4, der(4, b"\x79" * 20)))
        put("E_KEY_CERTIFICATE", "key-id-twice", p256, extensions=der(0xA3, seq(twice, twice)))
        self.certificate("E_KEY_AMBIGUOUS", "cert-same-id.der",
                         self.build(rsa(17), "same id", 500, self.name_of("rsa4096")[2]))
        again = self.build(seq(alg("rsa", NULL), inner(inner(self.get("rsa4096.der"))[0])[6]), "again", 501, b"\x01")
        self.certificate("E_KEY_CERTIFICATE", "cert-odd-key.der", again)
        self.certificate("OK", "cert-again.der", self.build(inner(inner(self.get("rsa4096.der"))[0])[6], "again", 502,
                                                            self.name_of("rsa4096")[2]))
        good = self.get("rsa2048.der")
        self.certificate("E_DER_TRAILING", "cert-trailing.der", good + b"\0")
        self.certificate("E_DER_CUT", "cert-cut.der", good[:-1])
        self.certificate("E_DER_ELEMENT", "cert-empty.der", b"")
        self.certificate("E_KEY_CERTIFICATE", "cert-null.der", NULL)
        self.certificate("E_DER_LENGTH", "cert-ber.der", b"\x30\x83\0" + good[2:])
        self.certificate("E_DER_TAG", "cert-pem.der", self.get("rsa2048.pem"))

    def run(self):
        os.makedirs(self.out, exist_ok=True)
        body = b"\x7fELF not really, but signed all the same\n" + hashlib.shake_256(b"openvbs").digest(3000)
        self.put("body", body)
        self.put("other", body + b"\n")
        self.put("empty", b"")
        self.make_keys()
        self.good()
        self.bad_openssl()
        self.bad_cms(body)
        self.bad_rsa(body)
        self.bad_ecdsa(body)
        self.make_certificates()
        self.put("certificates", "".join(self.certificates).encode())
        self.put("signatures", "".join(self.signatures).encode())


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    Maker(sys.argv[1]).run()
