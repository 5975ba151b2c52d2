/* SPDX-License-Identifier: GPL-2.0-only */
/* What shim's revocation list knows a program by (shim, SBAT.md); the same for each of openvbs's programs. */
	.section .sbat,"dr"
	.ascii "sbat,1,SBAT Version,sbat,1,https://github.com/rhboot/shim/blob/main/SBAT.md\n"
	.ascii "openvbs,1,openvbs,openvbs,"
	.ascii OVBS_VERSION
	.ascii ",none\n"
