// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tables that the loader sorts in place: exception table, ORC unwind table,
 * mcount sites. Entries are relative to where they stand, so moving one changes
 * its bytes. Heap sort: no memory, and no input makes it slow. Keys that are
 * equal would leave the order to the kernel's algorithm, and are refused, but
 * for ORC terminators, which come first.
 */
#include "module_internal.h"

struct table {
	uint8_t *bytes, *second; /* second: entries that move along (ORC) */
	uint64_t address;
	size_t entry, second_entry;
	uint64_t (*key)(const struct table *t, size_t i);
	void (*swap)(struct table *t, size_t i, size_t j);
};

static void swap_bytes(uint8_t *a, uint8_t *b, size_t size)
{
	while (size--) {
		uint8_t c = a[size];

		a[size] = b[size];
		b[size] = c;
	}
}

/* Exchange two fields that are relative to their own place. */
static void swap_relative(uint8_t *a, uint8_t *b)
{
	uint32_t delta = (uint32_t)(b - a), va = get32(a), vb = get32(b);

	put32(a, vb + delta);
	put32(b, va - delta);
}

static uint64_t relative_key(const struct table *t, size_t i)
{
	return t->address + i * t->entry + sign32(t->bytes + i * t->entry);
}

static uint64_t plain_key(const struct table *t, size_t i)
{
	return get64(t->bytes + i * t->entry);
}

/* An address takes 48 bits: shifted, there is room for "is no terminator". */
static uint64_t orc_key_6_1(const struct table *t, size_t i)
{
	const uint8_t *o = t->second + i * t->second_entry;

	return relative_key(t, i) << 1 | !((o[4] & 0x0F) == 0 && !(o[5] & 4));
}

static uint64_t orc_key_6_12(const struct table *t, size_t i)
{
	return relative_key(t, i) << 1 | ((t->second[i * t->second_entry + 5] & 7) != 0);
}

static void swap_extable(struct table *t, size_t i, size_t j)
{
	uint8_t *a = t->bytes + i * t->entry, *b = t->bytes + j * t->entry;

	swap_relative(a, b);
	swap_relative(a + 4, b + 4);
	swap_bytes(a + 8, b + 8, 4);
}

static void swap_plain(struct table *t, size_t i, size_t j)
{
	swap_bytes(t->bytes + i * t->entry, t->bytes + j * t->entry, t->entry);
}

static void swap_orc(struct table *t, size_t i, size_t j)
{
	swap_relative(t->bytes + i * t->entry, t->bytes + j * t->entry);
	swap_bytes(t->second + i * t->second_entry, t->second + j * t->second_entry, t->second_entry);
}

static void sift(struct table *t, size_t root, size_t count)
{
	for (;;) {
		size_t child = 2 * root + 1;

		if (child >= count)
			return;
		if (child + 1 < count && t->key(t, child + 1) > t->key(t, child))
			child++;
		if (t->key(t, root) >= t->key(t, child))
			return;
		t->swap(t, root, child);
		root = child;
	}
}

static int sort_table(struct module *m, struct table *t, const struct section *s)
{
	size_t count = s->size / t->entry;

	t->bytes = s->bytes;
	t->address = s->address;
	for (size_t i = count / 2; i-- > 0;)
		sift(t, i, count);
	for (size_t end = count; end > 1; end--) {
		t->swap(t, 0, end - 1);
		sift(t, 0, end - 1);
	}
	for (size_t i = 1; i < count; i++)
		if (t->key(t, i - 1) == t->key(t, i))
			return module_bad(m, -ENOEXEC, "two entries of one address", s, i * t->entry);
	return 0;
}

static int sort_orc(struct module *m)
{
	struct table orc = { .entry = 4, .second_entry = 6, .swap = swap_orc };
	int rc = 0;
	unsigned int ip = module_table(m, ".orc_unwind_ip", 4, &rc);
	unsigned int entries = module_table(m, ".orc_unwind", 6, &rc);

	if (rc || (!ip && !entries))
		return rc;
	if (!ip || !entries || m->section[ip].size / 4 != m->section[entries].size / 6)
		return module_bad(m, -ENOEXEC, "ORC tables of different sizes", &m->section[ip], 0);
	orc.second = m->section[entries].bytes;
	orc.key = m->policy->kernel == MODULE_LINUX_6_1 ? orc_key_6_1 : orc_key_6_12;
	return sort_table(m, &orc, &m->section[ip]);
}

int module_sort(struct module *m)
{
	struct table ex = { .entry = 12, .key = relative_key, .swap = swap_extable };
	struct table mcount = { .entry = 8, .key = plain_key, .swap = swap_plain };
	int rc = 0;
	unsigned int t = module_table(m, "__ex_table", ex.entry, &rc);

	if (!rc && t)
		rc = sort_table(m, &ex, &m->section[t]);
	if (rc)
		return rc;
	t = module_table(m, "__mcount_loc", mcount.entry, &rc);
	if (!rc && t)
		rc = sort_table(m, &mcount, &m->section[t]);
	return rc ? rc : sort_orc(m);
}
