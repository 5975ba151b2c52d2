// SPDX-License-Identifier: GPL-2.0-only
/*
 * Real modules as a kernel loaded them (a dump by moddump.ko), judged by the
 * code-integrity library.
 *
 *   modcheck DUMP SYMBOLS FILES 6.1|6.12 [flips]
 *
 * SYMBOLS: lines of /proc/kallsyms ("address type name"); FILES: lines "name
 * path". Prints a line for each module that is not accepted, with every
 * difference; `flips` is how many single-bit changes each module's frozen
 * memory must not survive. Exit 1 if anything is not as it should be.
 */
#include "dump.h"

#define PATCHES 24 /* differences shown of one module */

static struct module_policy policy;
static uint64_t flip; /* this byte is read changed */
static uint8_t flip_mask;
static struct {
	uint64_t address;
	uint8_t byte;
} patch[PATCHES * MODULE_SHOWN];
static unsigned int patches;

static int read_memory(void *context, uint64_t address, void *bytes, size_t size)
{
	const uint8_t *p = NULL;
	uint8_t *to = bytes;

	for (unsigned int i = *(unsigned int *)context + 1; i-- > 0 && !p;)
		p = bytes_of(record[i], address, size);
	if (!p)
		return -EFAULT;
	memcpy(to, p, size);
	for (unsigned int i = 0; i < patches; i++)
		if (patch[i].address >= address && patch[i].address - address < size)
			to[patch[i].address - address] = patch[i].byte;
	if (flip >= address && flip - address < size)
		to[flip - address] ^= flip_mask;
	return 0;
}

static int resolve(void *context, const char *name, uint64_t *address)
{
	void *p = get("export", name);

	*address = (uint64_t)(uintptr_t)p;
	return p ? 0 : -ENOENT;
}

static void kernel_exports(const char *start, const char *stop)
{
	unsigned int all = records - 1;
	uint64_t at = symbol(start), end = symbol(stop);

	for (; at < end; at += 12) {
		uint8_t e[12];
		const char *name = NULL;

		if (read_memory(&all, at, e, sizeof(e)))
			die("exports not dumped:", start);
		for (unsigned int i = 0; i < records && !name; i++)
			name = (const char *)bytes_of(record[i], at + 4 + sign32(e + 4), 1);
		if (!name)
			die("export names not dumped:", start);
		put("export", name, (void *)(uintptr_t)(at + sign32(e)));
	}
}

static void learn(const char *kernel)
{
	struct module_policy *p = &policy;
	unsigned int all = records - 1;

	p->kernel = strcmp(kernel, "6.1") ? MODULE_LINUX_6_12 : MODULE_LINUX_6_1;
	for (unsigned int i = 0; i < records; i++) {
		if (record[i]->kind != MODDUMP_CAPS)
			continue;
		p->caps_words = (unsigned int)(record[i]->size[0] / 4);
		if (p->caps_words > MODULE_CAPS)
			die("too many", "capability words");
		memcpy(p->caps, record[i] + 1, record[i]->size[0]);
	}
	if (read_memory(&all, symbol("uniproc_patched"), &p->one_cpu, 1))
		die("not dumped:", "uniproc_patched");
	p->low = 0xFFFFFFFFA0000000;
	p->high = 0xFFFFFFFFFF000000;
	p->percpu_low = symbol("__per_cpu_end") & ~4095ull;
	p->percpu_high = p->percpu_low + 4096 + (8 << 10);
	p->fentry = symbol("__fentry__");
	p->return_thunk_symbol = symbol("__x86_return_thunk");
	p->its_return_thunk = symbol("its_return_thunk");
	p->indirect_thunks = symbol("__x86_indirect_thunk_array");
	p->static_call_return0 = symbol("__static_call_return0");
	p->static_call_return = symbol("__static_call_return");
	p->pv_ops = symbol("pv_ops");
	p->pv_count = (unsigned int)((symbol("pv_ops.end") - p->pv_ops) / 8);
	if (p->pv_count > MODULE_PV_OPS || read_memory(&all, p->pv_ops, p->pv_function, p->pv_count * 8))
		die("not dumped or too large:", "pv_ops");
	p->paravirt_nop = symbol(p->kernel == MODULE_LINUX_6_1 ? "_paravirt_nop" : "nop_func");
	p->bug_func = symbol(p->kernel == MODULE_LINUX_6_1 ? "paravirt_BUG" : "BUG_func");
	if (read_memory(&all, symbol("x86_return_thunk"), &p->return_thunk, 8))
		p->return_thunk = p->return_thunk_symbol; /* a kernel without the variable */
	kernel_exports("__start___ksymtab", "__stop___ksymtab");
	kernel_exports("__start___ksymtab_gpl", "__stop___ksymtab_gpl");
}

static int check(unsigned int i, const uint8_t *file, size_t size, uint8_t *copy, struct module_result *r)
{
	const struct module_source source = { resolve, read_memory, &i };
	struct module_place place = { .percpu = record[i]->percpu };

	for (int a = 0; a < MODULE_PARTS; a++) {
		place.area[a].base = record[i]->base[a];
		place.area[a].size = record[i]->size[a];
	}
	memcpy(copy, file, size);
	return module_check(copy, size, &place, &policy, &source, r);
}

/* Every difference: what was found is taken as expected, and all is done again. */
static void show_all(unsigned int i, const uint8_t *file, size_t size, uint8_t *copy,
		     const struct module_result *first)
{
	struct module_result r = *first;

	patches = 0;
	for (unsigned int n = 0; n < PATCHES; n++) {
		printf("   %s: %s+%llx", r.reason, r.section, (unsigned long long)r.offset);
		for (unsigned int b = 0; b < r.shown; b++)
			printf("%s%02x", b ? " " : "  expected ", r.expected[b]);
		for (unsigned int b = 0; b < r.shown; b++)
			printf("%s%02x", b ? " " : "  found ", r.found[b]);
		printf("\n");
		if (!r.shown || !r.section[0])
			break;
		for (unsigned int b = 0; b < r.shown; b++) {
			patch[patches].address = r.address + b;
			patch[patches++].byte = r.expected[b];
		}
		module_release(&r);
		if (!check(i, file, size, copy, &r))
			break;
	}
	module_release(&r);
	patches = 0;
}

/* Single-bit changes of frozen memory. Return: how many were accepted. */
static unsigned int flips(unsigned int i, const uint8_t *file, size_t size, uint8_t *copy,
			  unsigned int count, const struct module_result *good)
{
	unsigned int accepted = 0;

	for (unsigned int n = 0; n < count; n++) {
		const struct module_range *g = &good->range[(unsigned int)rand() % good->ranges];
		struct module_result r;

		if (g->right == MODULE_R_AFTER_INIT)
			continue;
		flip = g->start + (((uint64_t)rand() << 31 | (uint64_t)rand()) % (g->end - g->start));
		flip_mask = (uint8_t)(1 << (rand() & 7));
		if (!check(i, file, size, copy, &r)) {
			printf("   a flip of %02x at %llx was accepted\n", flip_mask,
			       (unsigned long long)flip);
			accepted++;
		}
		module_release(&r);
	}
	flip = 0;
	flip_mask = 0;
	return accepted;
}

struct sums {
	unsigned int modules, accepted, kept;
	uint64_t bytes, patched, sites, exports;
};

static void judge(unsigned int i, uint8_t *copy, unsigned int count, struct sums *s)
{
	const char *name = record[i]->name, *path = get("file", name);
	struct module_result r;
	const uint8_t *file;
	size_t whole, size;

	if (!path)
		return;
	file = map(path, &whole);
	size = without_signature(file, whole);
	if (size > MAX_FILE)
		die("too large:", path);
	s->modules++;
	if (check(i, file, size, copy, &r)) {
		printf("%s: refused\n", name);
		show_all(i, file, size, copy, &r);
	} else {
		s->accepted++;
		s->bytes += r.compared;
		s->patched += r.patched;
		s->sites += r.sites;
		s->exports += r.exports;
		for (size_t n = 0; n < r.exports; n++)
			put("export", r.export[n].name, (void *)(uintptr_t)r.export[n].address);
		s->kept += flips(i, file, size, copy, count, &r);
		module_release(&r);
	}
	munmap((void *)(uintptr_t)file, whole);
}

int main(int argc, char **argv)
{
	unsigned int count = argc > 5 ? (unsigned int)atoi(argv[5]) : 0;
	uint8_t *copy = malloc(MAX_FILE);
	struct sums s = { 0 };

	if (argc < 5 || !copy || !hcreate(1u << 20))
		die("usage:", "modcheck DUMP SYMBOLS FILES 6.1|6.12 [flips]");
	load_records(argv[1]);
	load_symbols(argv[2]);
	load_files(argv[3]);
	learn(argv[4]);
	for (unsigned int i = 0; i < records; i++)
		if (record[i]->kind == MODDUMP_MODULE)
			judge(i, copy, count, &s);
	printf("modcheck: %u of %u modules accepted; %llu bytes compared, %llu places patched, %llu sites kept, "
	       "%llu exports; %u of %u flips accepted\n",
	       s.accepted, s.modules, (unsigned long long)s.bytes, (unsigned long long)s.patched,
	       (unsigned long long)s.sites, (unsigned long long)s.exports, s.kept, s.accepted * count);
	return s.accepted != s.modules || s.modules == 0 || s.kept;
}
