/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What shim and firmware look at in an EFI program before they start it: is
 * there an .sbat section (case L4), is there a signature at all? Whether the
 * signature is good is for them to say. Buffer in, answers out; fuzzed.
 * Source: Microsoft PE/COFF; shim's SBAT.md.
 */
#ifndef VBSCTL_PE_H
#define VBSCTL_PE_H

#include <stdbool.h>
#include <stddef.h>

#define PE_WHY_MAX 80

struct pe {
	bool sbat;        /* an .sbat section that is not empty */
	bool sbat_header; /* and that begins with "sbat,", as shim asks for */
	bool is_signed;   /* a certificate table that is not empty and inside the file */
};

/**
 * pe_decode() - look at a 64-bit EFI program
 * @out: filled after success
 * @why: PE_WHY_MAX bytes; written after an error
 *
 * Return: 0, or -EINVAL: no such program, or it breaks off.
 */
int pe_decode(const void *data, size_t len, struct pe *out, char *why);

#endif
