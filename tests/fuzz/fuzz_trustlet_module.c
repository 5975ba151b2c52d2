// SPDX-License-Identifier: GPL-2.0-only
/*
 * Any bytes as a module's file, and any changes to a good one, for both
 * kernels: nothing outside of the file's bytes is touched (each file lies in a
 * heap buffer of its exact size), and memory of zeros never passes for a
 * module's text. What is read stays inside of the areas.
 */
/* links: trustlets/integrity/module_elf.c trustlets/integrity/module_layout.c trustlets/integrity/module_reloc.c */
/* links: trustlets/integrity/module_sites.c trustlets/integrity/module_patch.c trustlets/integrity/module_alt.c */
/* links: trustlets/integrity/module_insn.c trustlets/integrity/module_sort.c trustlets/integrity/module_compare.c */
/* links: trustlets/integrity/module_names.c */
#include "fuzz.h"

#include "../unit/module_sample.h"

static int serve(void *context, uint64_t address, void *bytes, size_t size)
{
	memset(bytes, 0, size);
	if (address != TRAMP)
		FUZZ_CHECK(address % PAGE == 0 && size == PAGE);
	return 0;
}

static void check(const uint8_t *file, size_t size, bool new, uint32_t caps)
{
	const struct module_source source = { sample_resolve, serve, NULL };
	struct module_policy policy;
	struct module_place place;
	struct module_result r;
	uint8_t *copy = malloc(size + 1);

	FUZZ_CHECK(copy);
	sample_policy(&policy, new);
	sample_place(&place, new);
	policy.caps[0] = caps;
	policy.caps[11] = caps >> 8;
	policy.one_cpu = caps & 1;
	policy.pv_count = 8;
	memcpy(copy + 1, file, size);
	FUZZ_CHECK((module_check(copy + 1, size, &place, &policy, &source, &r) == 0) == !r.reason);
	for (size_t i = 1; i < r.sites && !r.reason; i++)
		FUZZ_CHECK(r.site[i - 1].address + r.site[i - 1].size <= r.site[i].address);
	for (size_t i = 1; i < r.functions; i++)
		FUZZ_CHECK(r.function[i - 1] < r.function[i]);
	module_release(&r);
	free(copy);
}

/* The input as a file; then as changes to a good file: 2 bytes place, 1 byte value, and so on. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct sample good[2];
	static bool made;
	struct sample s;

	for (int new = 0; new < 2 && !made; new ++)
		sample_make(&good[new], new);
	made = true;
	if (size < 5)
		return 0;
	check(data, size, data[0] & 1, 0);
	memcpy(&s, &good[data[0] & 1], sizeof(s));
	for (size_t i = 5; i + 2 < size; i += 3)
		s.bytes[(data[i] | data[i + 1] << 8) % s.size] = data[i + 2];
	check(s.bytes, s.size, data[0] & 1,
	      (uint32_t)data[1] | (uint32_t)data[2] << 8 | (uint32_t)data[3] << 16 |
		      (uint32_t)data[4] << 24);
	return 0;
}
