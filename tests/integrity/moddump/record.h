/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The stream of /proc/moddump, between the test's kernel module and the host:
 * records, each a header and the bytes of its areas in order.
 */
#ifndef OVBS_TESTS_MODDUMP_RECORD_H
#define OVBS_TESTS_MODDUMP_RECORD_H

#define MODDUMP_MAGIC 0x31504D5544444F4DULL /* "MODDUMP1" */
#define MODDUMP_AREAS 7

enum moddump_kind { MODDUMP_MODULE = 1, MODDUMP_RANGE, MODDUMP_CAPS, MODDUMP_END };

struct moddump_record {
	unsigned long long magic, kind, percpu;
	unsigned long long base[MODDUMP_AREAS], size[MODDUMP_AREAS];
	char name[64];
};

#endif
