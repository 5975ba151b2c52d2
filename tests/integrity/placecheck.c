// SPDX-License-Identifier: GPL-2.0-only
/*
 * Real modules as a kernel loaded them (a dump by moddump.ko), and their signed
 * files, through the trustlet integrity: its commands, as openvbs.ko sends them.
 *
 *   placecheck DUMP SYMBOLS FILES 6.1|6.12 CERTIFICATES
 *
 * The first three as of modcheck; CERTIFICATES: the kernel's built-in ones. Each
 * module is placed, goes live, and at the end goes; before, each has to be
 * refused with one byte of its text changed. Prints times and the heap in use.
 * Exit 1 if anything is not as it should be.
 */
#include <malloc.h>
#include <time.h>

#include "../../include/openvbs/integrity_abi.h"
#include "../../trustlets/integrity/keys.h"
#include "../../trustlets/integrity/modsig.h"
#include "../../trustlets/lib/host_ci.h"
#include "../unit/ci_client.h"
#include "dump.h"

#define CAPS_AT 0xFFFF888000000000ULL /* where nothing else is */
#define FILE_AT 0xFFFFC90000000000ULL
#define LOADED  1024

static struct loaded {
	uint64_t number;
} loaded[LOADED];
static unsigned int count;
static size_t heap_most;

struct sums {
	unsigned int modules, wrong, changed_accepted;
	uint64_t file_ns, place_ns, longest_ns, bytes;
	const char *longest;
};

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static size_t heap(void)
{
	struct mallinfo2 i = mallinfo2();

	return i.uordblks + i.hblkhd;
}

static void watch_heap(enum ovbs_tl_call call, void *context)
{
	size_t now_used = heap();

	(void)call;
	(void)context;
	heap_most = now_used > heap_most ? now_used : heap_most;
}

static struct ci_slice whole(const char *path)
{
	size_t size;
	const uint8_t *p = map(path, &size);

	return (struct ci_slice){ p, size };
}

/* A certificate's key as Linux keeps it. */
static void tell_key(const struct ci_key *key)
{
	struct ci_slice in = key->spki, info, bits;
	struct ci_key_message m = { .size = sizeof(struct ovbs_ci_key) };
	struct ovbs_ci_key k = { 0 };

	if (der_take(&in, DER_SEQUENCE, &info) != CI_OK || der_take(&info, DER_SEQUENCE, &in) != CI_OK ||
	    der_take(&info, DER_BIT_STRING, &bits) != CI_OK)
		die("no key:", key->subject);
	k.algorithm = key->algorithm == CI_RSA_PKCS1 ? OVBS_CI_RSA :
		      key->bits == 256               ? OVBS_CI_P256 :
						       OVBS_CI_P384;
	k.key_bytes = (uint16_t)(bits.len - 1);
	k.id_bytes = (uint16_t)(key->serial.len + key->issuer.len);
	k.key_id_bytes = (uint16_t)key->key_id.len;
	k.name_bytes = (uint16_t)strlen(key->subject);
	memcpy(m.bytes, &k, sizeof(k));
	ci_key_part(&m, bits.p + 1, bits.len - 1);
	ci_key_part(&m, key->serial.p, key->serial.len);
	ci_key_part(&m, key->issuer.p, key->issuer.len);
	ci_key_part(&m, key->key_id.p, key->key_id.len);
	ci_key_part(&m, (const uint8_t *)key->subject, strlen(key->subject));
	if (ci_number_bytes(OVBS_CI_KEY, OVBS_CI_BUILTIN, m.bytes, m.size) != OVBS_OK)
		die("key not taken:", key->subject);
}

static void tell_keys(const char *path)
{
	static struct ci_keys keys;
	struct ci_added added;

	ci_keys_init(&keys);
	if (ci_keys_add_list(&keys, whole(path), CI_ORIGIN_BUILTIN, &added) != CI_OK || keys.count == 0)
		die("no certificates:", path);
	for (size_t i = 0; i < keys.count; i++)
		tell_key(&keys.key[i]);
	ci_keys_free(&keys);
}

static void map_kernel(struct ovbs_ci_kernel *k)
{
	for (unsigned int i = 0; i < records; i++) {
		uint8_t *bytes = (uint8_t *)(uintptr_t)(record[i] + 1);

		if (record[i]->kind == MODDUMP_CAPS) {
			tl_host_ci_map(CAPS_AT, bytes, record[i]->size[0], false);
			k->capability = CAPS_AT;
			k->capability_words = (uint32_t)(record[i]->size[0] / 4);
		} else if (record[i]->kind == MODDUMP_RANGE) {
			tl_host_ci_map(record[i]->base[0], bytes, record[i]->size[0], true);
		}
	}
}

static uint8_t byte_at(uint64_t address)
{
	for (unsigned int i = 0; i < records; i++) {
		const uint8_t *p = bytes_of(record[i], address, 1);

		if (p)
			return *p;
	}
	return 0;
}

static uint64_t word_at(uint64_t address)
{
	uint64_t v = 0;

	for (unsigned int i = 0; i < 8; i++)
		v |= (uint64_t)byte_at(address + i) << 8 * i;
	return v;
}

static void tell_kernel(bool new)
{
	struct ovbs_ci_kernel k = { .version = new ? 6u << 16 | 12u << 8 : 6u << 16 | 1u << 8 };

	map_kernel(&k);
	k.flags = byte_at(symbol("uniproc_patched")) ? OVBS_CI_ONE_CPU : 0;
	k.modules = 0xFFFFFFFFA0000000;
	k.modules_end = 0xFFFFFFFFFF000000;
	k.percpu_low = symbol("__per_cpu_end") & ~4095ull;
	k.percpu_high = k.percpu_low + 4096 + (8 << 10);
	k.text = symbol("_text");
	k.text_end = symbol("_etext");
	k.rodata = symbol("__start_rodata");
	k.rodata_end = symbol("__end_rodata");
	k.fentry = symbol("__fentry__");
	k.return_thunk_symbol = symbol("__x86_return_thunk");
	k.return_thunk_value = symbol("x86_return_thunk") ? word_at(symbol("x86_return_thunk")) : 0;
	k.its_return_thunk = symbol("its_return_thunk");
	k.indirect_thunks = symbol("__x86_indirect_thunk_array");
	k.static_call_return0 = symbol("__static_call_return0");
	k.static_call_return = symbol("__static_call_return");
	k.pv_ops = symbol("pv_ops");
	k.pv_count = (uint32_t)((symbol("pv_ops.end") - k.pv_ops) / 8);
	k.paravirt_nop = symbol(new ? "nop_func" : "_paravirt_nop");
	k.bug_func = symbol(new ? "BUG_func" : "paravirt_BUG");
	k.symbols = symbol("__start___ksymtab");
	k.symbols_end = symbol("__stop___ksymtab");
	k.symbols_gpl = symbol("__start___ksymtab_gpl");
	k.symbols_gpl_end = symbol("__stop___ksymtab_gpl");
	if (ci_bytes(OVBS_CI_KERNEL, &k, sizeof(k)) != OVBS_OK || ci_close() != OVBS_OK)
		die("the trustlet does not take", "the kernel");
}

/* One module: its file, refused with a changed byte, placed, live. */
static void load(const struct moddump_record *r, const char *path, struct sums *s)
{
	static uint64_t file_at = FILE_AT;
	struct ci_slice file = whole(path), body, signature;
	struct ovbs_ci_place place = { .percpu = r->percpu };
	uint8_t *bytes = (uint8_t *)(uintptr_t)(r + 1);
	uint64_t start = now(), took;
	struct ci_answered a;

	if (ci_modsig_split(file, &body, &signature) != CI_OK)
		die("not signed:", path);
	tl_host_ci_map(file_at, (void *)(uintptr_t)file.p, file.len, false);
	for (unsigned int i = 0; i < OVBS_CI_AREAS; i++) {
		place.area[i].base = r->base[i];
		place.area[i].bytes = r->size[i];
		if (r->size[i])
			tl_host_ci_map(r->base[i], bytes, r->size[i], false);
		bytes += r->size[i];
	}
	s->modules++;
	start = now();
	a = ci_file(file_at, body.len, file_at + body.len, signature.len);
	s->file_ns += took = now() - start;
	((uint8_t *)(r + 1))[r->size[0] > 4096 ? 77 : 7] ^= 1;
	if (a.number && ci_place(a.number, &place).answer.reason != OVBS_CI_DIFFERS)
		s->changed_accepted++;
	((uint8_t *)(r + 1))[r->size[0] > 4096 ? 77 : 7] ^= 1;
	a = ci_file(file_at, body.len, file_at + body.len, signature.len);
	start = now();
	if (a.number)
		a = ci_place(a.number, &place);
	took += now() - start;
	s->place_ns += now() - start;
	if (took > s->longest_ns)
		s->longest_ns = took, s->longest = r->name;
	s->bytes += body.len;
	if (a.result != OVBS_OK || a.answer.reason != CI_OK || ci_number(OVBS_CI_LIVE, a.number) != OVBS_OK) {
		printf("%s: refused: %x, %u, %s\n", r->name, a.result, a.answer.reason, a.answer.text);
		s->wrong++;
	} else {
		loaded[count++].number = a.number;
	}
	file_at += (file.len + 4095) / 4096 * 4096 + 4096;
}

/* The last one first: those before it are used by it. */
static unsigned int unload(void)
{
	unsigned int refused = 0;

	if (count > 1 && ci_number(OVBS_CI_GONE, loaded[0].number) == OVBS_OK)
		printf("(the first module had no user)\n"), loaded[0].number = 0;
	while (count-- > 0)
		refused += loaded[count].number != 0 &&
			   ci_number(OVBS_CI_GONE, loaded[count].number) != OVBS_OK;
	return refused;
}

int main(int argc, char **argv)
{
	size_t before = heap(), rest;
	struct sums s = { .longest = "" };
	unsigned int refused;

	if (argc != 6 || !hcreate(1u << 20))
		die("usage:", "placecheck DUMP SYMBOLS FILES 6.1|6.12 CERTIFICATES");
	load_records(argv[1]);
	load_symbols(argv[2]);
	load_files(argv[3]);
	before = heap();
	tl_host_ci_reset();
	if (rq_open(1) != OVBS_OK)
		die("can't open", "the trustlet");
	tell_keys(argv[5]);
	tell_kernel(strcmp(argv[4], "6.1") != 0);
	tl_host_ci_lock();
	rest = heap() - before;
	tl_host_ci_hook(watch_heap, NULL);
	for (unsigned int i = 0; i < records && count < LOADED; i++)
		if (record[i]->kind == MODDUMP_MODULE && get("file", record[i]->name))
			load(record[i], get("file", record[i]->name), &s);
	printf("placecheck: %u modules, %u refused, %u accepted with a changed byte; %llu MB of files, %llu us each for the "
	       "signature, %llu us each for the place, longest %s %llu ms; heap %zu KiB at rest, %zu KiB at most\n",
	       s.modules, s.wrong, s.changed_accepted, (unsigned long long)s.bytes / 1000000,
	       (unsigned long long)s.file_ns / (s.modules + !s.modules) / 1000,
	       (unsigned long long)s.place_ns / (s.modules + !s.modules) / 1000, s.longest,
	       (unsigned long long)s.longest_ns / 1000000, rest / 1024, (heap_most - before) / 1024);
	refused = unload();
	printf("placecheck: %u could not go; %zu pages and %zu modules left\n", refused,
	       tl_host_ci_pages(), tl_host_ci_modules());
	return s.modules == 0 || s.wrong || s.changed_accepted || refused || tl_host_ci_pages() ||
	       tl_host_ci_modules();
}
