/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Checking the loader's status: see status.h.
 *
 * Invariant: whoever can write a variable with this name must not be able to
 * make `vbsctl status` or the kernel's state file say something that no loader says,
 * nor to add lines to them.
 */
#include "status.h"

#include <stdbool.h>

#include "ovbs_string.h"

static bool printable(const char *text, size_t size)
{
	size_t n = strnlen(text, size);
	size_t i;

	if (n == size)
		return false;
	for (i = 0; i < n; i++)
		if (text[i] < ' ' || text[i] > '~')
			return false;
	return true;
}

static bool texts_good(const struct ovbs_status *s)
{
	const struct ovbs_platform *p = &s->platform;

	return printable(s->check, sizeof(s->check)) && printable(s->evidence, sizeof(s->evidence)) &&
	       printable(s->build, sizeof(s->build)) && printable(s->note, sizeof(s->note)) &&
	       printable(p->iommu_why, sizeof(p->iommu_why)) &&
	       printable(p->wsmt_why, sizeof(p->wsmt_why)) && printable(p->mat_why, sizeof(p->mat_why)) &&
	       printable(p->cpu.vendor, sizeof(p->cpu.vendor));
}

const char *openvbs_status_check(uint32_t attributes, const void *data, size_t size, struct ovbs_status *out)
{
	memset(out, 0, sizeof(*out));
	memcpy(out, data, size < sizeof(*out) ? size : sizeof(*out));
	if (attributes != OPENVBS_STATUS_ATTRIBUTES)
		return "its attributes are not those of the loader's variable (volatile): somebody else made it";
	if (size < OVBS_STATUS_SIZE_V1 || out->magic != OVBS_STATUS_MAGIC)
		return "this is no status of openvbs";
	if (out->version < 1 || out->size > size || out->size < OVBS_STATUS_SIZE_V1 ||
	    (out->version >= 2 && out->size < sizeof(*out)))
		return "size and version contradict each other";
	if (out->version < 2)
		memset((char *)out + OVBS_STATUS_SIZE_V1, 0, sizeof(*out) - OVBS_STATUS_SIZE_V1);
	if (out->state > OVBS_STATE_RUNNING ||
	    (out->state == OVBS_STATE_RUNNING) != (out->reason == OVBS_REASON_NONE))
		return "state and reason contradict each other";
	if (!texts_good(out))
		return "a text in it is no text";
	/* the level below may say anything here, and openvbs runs there all the same */
	if (!printable(out->platform.cpu.hypervisor, sizeof(out->platform.cpu.hypervisor)))
		memset(out->platform.cpu.hypervisor, 0, sizeof(out->platform.cpu.hypervisor));
	return NULL;
}
