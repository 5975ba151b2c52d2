// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reading the hypervisor's log ring while it is being written. The writer puts
 * the bytes of a line first and moves `written` after them, so at any moment
 * the line being written may already have overwritten the oldest bytes. The
 * reader therefore copies first and then gives up all that the writer can have
 * reached by then, one line in flight included. Freestanding apart from the
 * barriers: tests/linux/ring_test.c runs it on the host against a live writer.
 */
#ifdef OVBS_HOST
#include "ring_host.h"
#else
#include <linux/compiler.h>
#include <linux/minmax.h>
#include <linux/string.h>
#include <asm/barrier.h>
#endif

#include "openvbs.h"

#define LINE_IN_FLIGHT 512 /* more than the hypervisor's longest line */
#define TRIES          8

static void ring_copy(const struct openvbs_hv *hv, char *to, u64 from, size_t n)
{
	size_t at = from % hv->log_bytes;
	size_t head = min(n, hv->log_bytes - at);

	memcpy(to, hv->log->data + at, head);
	memcpy(to + head, hv->log->data, n - head);
}

/* One try: bytes [*from, end) of the stream to @to. Returns how many at the end of @to's @n are intact. */
static size_t copy_once(const struct openvbs_hv *hv, char *to, u64 *from, size_t *n)
{
	u64 end = smp_load_acquire(&hv->log->written);
	u64 now, intact;

	*n = min_t(u64, end, hv->log_bytes);
	*from = end - *n;
	ring_copy(hv, to, *from, *n);
	smp_rmb(); /* the copy is done before `written` is read again */
	now = READ_ONCE(hv->log->written);
	if (now < end)
		return 0;
	intact = now + LINE_IN_FLIGHT > hv->log_bytes ? now + LINE_IN_FLIGHT - hv->log_bytes : 0;
	if (intact <= *from)
		return *n;
	return intact < end ? end - intact : 0;
}

size_t openvbs_log_copy(const struct openvbs_hv *hv, char *to, u64 *lost)
{
	size_t n = 0, keep = 0;
	u64 from = 0;
	const char *line;
	int i;

	for (i = 0; i < TRIES && !keep; i++)
		keep = copy_once(hv, to, &from, &n);
	*lost = from + n - keep;
	if (*lost) { /* begin with a whole line */
		line = memchr(to + n - keep, '\n', keep);
		if (line)
			line++;
		*lost += line ? (size_t)(line - (to + n - keep)) : keep;
		keep = line ? to + n - line : 0;
	}
	memmove(to, to + n - keep, keep);
	return keep;
}
