#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Write the assembler file that puts images and manifest into openvbs.efi.

The layout of the manifest is boot/manifest.h's. Each part is a PE section of
its own (.hvsvm, .hvvmx, .ovbssk, .ovbstl, .ovbsman), read-only data for the
firmware's PE loader.
"""
import argparse
import os
import zlib

TEMPLATE = """\
/* Made by boot/manifest.py. */
{images}
	.section .ovbsman,"dr"
	.p2align 3
	.globl image_manifest
image_manifest:
	.long 0x4E414D4F, 3, {security_version}, 0
{entries}	.ascii "{version}"
	.zero {pad}
"""

IMAGE = """\
	.section .{section},"dr"
	.p2align 12
	.globl image_{name}_start
image_{name}_start:
	.incbin "{path}"
	.globl image_{name}_end
image_{name}_end:
"""

ENTRY = """\
	.quad {size}
	.long {crc:#010x}, 0
"""


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--svm", required=True, help="hypervisor ELF for AMD SVM")
    parser.add_argument("--vmx", required=True, help="hypervisor ELF for Intel VMX")
    parser.add_argument("--sk", required=True, help="secure kernel ELF")
    parser.add_argument("--trustlets", required=True, help="bundle of trustlets")
    parser.add_argument("--version", required=True)
    parser.add_argument("--security-version", type=int, required=True)
    parser.add_argument("--output", required=True)
    args = parser.parse_args()
    if not 0 < len(args.version) < 32:
        parser.error("the version must fit 31 bytes")
    images = entries = ""
    for section, name, path in (("hvsvm", "svm", args.svm), ("hvvmx", "vmx", args.vmx),
                                ("ovbssk", "sk", args.sk), ("ovbstl", "trustlets", args.trustlets)):
        with open(path, "rb") as f:
            data = f.read()
        images += IMAGE.format(section=section, name=name, path=os.path.abspath(path))
        entries += ENTRY.format(size=len(data), crc=zlib.crc32(data))
    text = TEMPLATE.format(images=images, entries=entries,
                           version=args.version, pad=32 - len(args.version),
                           security_version=args.security_version)
    with open(args.output, "w", encoding="ascii") as f:
        f.write(text)


main()
