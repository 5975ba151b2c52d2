#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Write the assembler file that puts images, manifest and SBAT into openvbs.efi.

The layout of the manifest is boot/manifest.h's. Each part is a PE section of
its own (.hv, .ovbsman, .sbat), read-only data for the firmware's PE loader.
"""
import argparse
import os
import zlib

TEMPLATE = """\
/* Made by boot/manifest.py. */
	.section .hv,"dr"
	.p2align 12
	.globl image_hv_start
image_hv_start:
	.incbin "{hv}"
	.globl image_hv_end
image_hv_end:

	.section .ovbsman,"dr"
	.p2align 3
	.globl image_manifest
image_manifest:
	.long 0x4E414D4F, 1, {security_version}, {crc:#010x}
	.quad {size}
	.ascii "{version}"
	.zero {pad}

	.section .sbat,"dr"
	.ascii "sbat,1,SBAT Version,sbat,1,https://github.com/rhboot/shim/blob/main/SBAT.md\\n"
	.ascii "openvbs,1,openvbs,openvbs,{version},none\\n"
"""


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--hv", required=True, help="hypervisor ELF")
    parser.add_argument("--version", required=True)
    parser.add_argument("--security-version", type=int, required=True)
    parser.add_argument("--output", required=True)
    args = parser.parse_args()
    if not 0 < len(args.version) < 32:
        parser.error("the version must fit 31 bytes")
    with open(args.hv, "rb") as f:
        data = f.read()
    text = TEMPLATE.format(hv=os.path.abspath(args.hv), size=len(data), crc=zlib.crc32(data),
                           version=args.version, pad=32 - len(args.version),
                           security_version=args.security_version)
    with open(args.output, "w", encoding="ascii") as f:
        f.write(text)


main()
