/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A kernel for the trustlet integrity, in the model's memory (host_ci.h): its
 * tables of exported symbols, what KERNEL tells, keys; and the sample module as
 * file, signature and memory. Include it after cmocka.h.
 */
#ifndef OPENVBS_CI_WORLD_H
#define OPENVBS_CI_WORLD_H

#include "ci_client.h"
#include "ci_sign.h"
#include "module_world.h"

#define TABLE   0xFFFFFFFF82800000ULL /* __ksymtab; __ksymtab_gpl a page on, names two pages on */
#define MEMORY  0xFFFF888010000000ULL /* capability bits, pv_ops, a page on files */
#define FILE_AT 0xFFFFC90000123456ULL /* as vmalloc'ed, but not aligned */
#define SIGN_AT 0xFFFF888020000011ULL

static uint8_t kernel_tables[4 * PAGE];
static uint8_t kernel_data[2 * PAGE];
static uint8_t kernel_text[PAGE]; /* with TRAMP's trampoline */

struct symbol_of {
	const char *name;
	uint64_t address;
};

/* Writes a table at page @page of kernel_tables, with its names at @names. Return: its end's address. */
static inline uint64_t put_table(unsigned int page, const struct symbol_of *s, size_t n, unsigned int *names)
{
	uint8_t *entry = kernel_tables + page * PAGE;
	uint64_t at = TABLE + page * PAGE;

	for (size_t i = 0; i < n; i++, entry += 12, at += 12) {
		put32(entry, (uint32_t)(s[i].address - at));
		put32(entry + 4, (uint32_t)(TABLE + *names - at - 4));
		strcpy((char *)kernel_tables + *names, s[i].name);
		*names += (unsigned int)strlen(s[i].name) + 1;
	}
	return at;
}

static inline struct ovbs_ci_kernel kernel_told(bool new)
{
	static const struct symbol_of plain[] = { { "__SCK__x", KEY },
						  { "__SCT__x", TRAMP },
						  { "__fentry__", FENTRY },
						  { "__x86_indirect_thunk_rax", THUNKS },
						  { "__x86_return_thunk", RETTHUNK } };
	static const struct symbol_of gpl[] = { { "a_gpl_symbol", FUNC }, { "another", FUNC + 16 } };
	unsigned int names = 2 * PAGE;
	struct ovbs_ci_kernel k = { .version = (new ? 6u << 16 | 12u << 8 : 6u << 16 | 1u << 8) | 42,
				    .modules = 0xFFFFFFFFC0000000,
				    .modules_end = 0xFFFFFFFFFF000000,
				    .text = 0xFFFFFFFF81000000,
				    .text_end = 0xFFFFFFFF82000000,
				    .rodata = TABLE,
				    .rodata_end = TABLE + 4 * PAGE,
				    .capability = MEMORY,
				    .capability_words = 24,
				    .pv_count = 8,
				    .fentry = FENTRY,
				    .return_thunk_symbol = RETTHUNK,
				    .return_thunk_value = SRSO,
				    .indirect_thunks = THUNKS,
				    .static_call_return0 = RETURN0,
				    .pv_ops = MEMORY + 256,
				    .symbols = TABLE,
				    .symbols_gpl = TABLE + PAGE };

	k.symbols_end = put_table(0, plain, 5, &names);
	k.symbols_gpl_end = put_table(1, gpl, 2, &names);
	put32(kernel_data + 11 * 4, 1u << 12 | 1u << 14); /* RETPOLINE, RETHUNK */
	return k;
}

static inline void kernel_map(void)
{
	tl_host_ci_reset();
	tl_host_ci_map(TABLE, kernel_tables, sizeof(kernel_tables), true);
	tl_host_ci_map(MEMORY, kernel_data, sizeof(kernel_data), false);
	tl_host_ci_map(TRAMP & ~(uint64_t)(PAGE - 1), kernel_text, PAGE, true);
}

/* The key of certificate @name, as Linux keeps it. */
static inline struct ci_key_message key_told(const char *name)
{
	static struct ci_keys keys;
	struct ci_key_message m = { .size = sizeof(struct ovbs_ci_key) };
	struct ovbs_ci_key k = { 0 };
	struct ci_raw_key raw;
	uint8_t id[512];

	ci_keys_init(&keys);
	ci_add_file(&keys, name, CI_ORIGIN_MOK, "OK");
	raw = raw_of(&keys.key[0], id);
	k.algorithm = raw.algorithm == CI_RSA_PKCS1 ? OVBS_CI_RSA :
		      raw.bits == 256               ? OVBS_CI_P256 :
						      OVBS_CI_P384;
	k.key_bytes = (uint16_t)raw.key.len;
	k.id_bytes = (uint16_t)raw.id.len;
	k.key_id_bytes = (uint16_t)raw.key_id.len;
	k.name_bytes = (uint16_t)strlen(name);
	memcpy(m.bytes, &k, sizeof(k));
	ci_key_part(&m, raw.key.p, raw.key.len);
	ci_key_part(&m, raw.id.p, raw.id.len);
	ci_key_part(&m, raw.key_id.p, raw.key_id.len);
	ci_key_part(&m, (const uint8_t *)name, strlen(name));
	ci_keys_free(&keys);
	return m;
}

static inline uint32_t key_tell(const char *name)
{
	struct ci_key_message m = key_told(name);

	return ci_number_bytes(OVBS_CI_KEY, OVBS_CI_BUILTIN, m.bytes, m.size);
}

/* A trustlet that knows keys p256 and rsa2048 and the kernel, after lockdown. */
static inline void begin(bool new)
{
	struct ovbs_ci_kernel k = kernel_told(new);

	kernel_map();
	assert_int_equal(rq_open(1), OVBS_OK);
	assert_int_equal(key_tell("p256.der"), OVBS_OK);
	assert_int_equal(key_tell("rsa2048.der"), OVBS_OK);
	assert_int_equal(ci_bytes(OVBS_CI_KERNEL, &k, sizeof(k)), OVBS_OK);
	assert_int_equal(ci_close(), OVBS_OK);
	tl_host_ci_lock();
}

/* A module: its file, signature, memory and place. */
struct loaded {
	struct world w;
	struct ci_der signature;
	uint8_t area[MODULE_PARTS][5 * PAGE];
	struct ovbs_ci_place place;
};

/* Changes eight bytes of the file: a symbol's name in its table of names. */
static inline void rename_symbol(struct loaded *m, const char *from, const char *to)
{
	uint8_t *names = m->w.file.bytes + m->w.file.section[S_STRTAB].sh_offset;

	for (size_t i = 0; i + 8 <= sizeof(sample_symbols); i++)
		if (memcmp(names + i, from, 8) == 0) {
			memcpy(names + i, to, 8);
			return;
		}
	fail_msg("no symbol %s", from);
}

static inline void rename_export(struct loaded *m, const char *to)
{
	memcpy(m->w.file.bytes + m->w.file.section[S_STRINGS].sh_offset, to, 8);
	memcpy(m->w.ro + 116, to, 8);
}

static inline void module_make(struct loaded *m, bool new, uint64_t shift)
{
	make_at(&m->w, new, shift);
	memset(m->area, 0xA5, sizeof(m->area)); /* what is not compared holds anything */
	memset(&m->place, 0, sizeof(m->place));
	memcpy(kernel_text + TRAMP % PAGE, m->w.tramp, 8);
	for (unsigned int i = 0; i < MODULE_PARTS; i++) {
		m->place.area[i].base = m->w.place.area[i].base;
		m->place.area[i].bytes = m->w.place.area[i].size;
	}
}

/* Signs the file as it is, and maps file, signature and memory. */
static inline void module_map(struct loaded *m, const char *key)
{
	bool new = m->place.area[MODULE_RODATA].bytes != 0;

	ci_sign(&m->signature, key, m->w.file.bytes, m->w.file.size);
	memcpy(m->area[MODULE_TEXT], m->w.text, PAGE);
	memcpy(new ? m->area[MODULE_RODATA] : m->area[MODULE_TEXT] + PAGE, m->w.ro, PAGE);
	memcpy(m->area[MODULE_INIT_TEXT], m->w.init, PAGE);
	for (unsigned int i = 0; i < MODULE_PARTS; i++)
		if (m->place.area[i].bytes)
			tl_host_ci_map(m->place.area[i].base, m->area[i], m->place.area[i].bytes, false);
	tl_host_ci_map(FILE_AT + (m->w.text_va - CORE) * 16, m->w.file.bytes, m->w.file.size, false);
	tl_host_ci_map(SIGN_AT + (m->w.text_va - CORE) * 16, m->signature.bytes, m->signature.len, false);
}

static inline struct ci_answered module_file(const struct loaded *m)
{
	uint64_t shift = (m->w.text_va - CORE) * 16;

	return ci_file(FILE_AT + shift, m->w.file.size, SIGN_AT + shift, m->signature.len);
}

/* The token of a file that has to be accepted. */
static inline uint64_t module_token(const struct loaded *m)
{
	struct ci_answered a = module_file(m);

	if (a.result != OVBS_OK || a.answer.reason != CI_OK)
		fail_msg("a file was refused: %x, %u, %s", a.result, a.answer.reason, a.answer.text);
	assert_int_not_equal(a.number, 0);
	return a.number;
}

/* The number of a module that has to be accepted. */
static inline uint64_t module_load(const struct loaded *m)
{
	struct ci_answered a = ci_place(module_token(m), &m->place);

	if (a.result != OVBS_OK || a.answer.reason != CI_OK)
		fail_msg("a module was refused: %x, %u, %s", a.result, a.answer.reason, a.answer.text);
	assert_int_not_equal(a.number, 0);
	return a.number;
}

/* The file's module has to be refused, and nothing of it left. */
static inline void place_refused(uint64_t token, const struct ovbs_ci_place *place, uint32_t reason,
				 const char *text)
{
	size_t pages = tl_host_ci_pages(), modules = tl_host_ci_modules();
	struct ci_answered a = ci_place(token, place);

	assert_int_equal(a.result, OVBS_OK);
	assert_int_equal(a.number, 0);
	if (a.answer.reason != reason || strstr(a.answer.text, text) == NULL)
		fail_msg("reason %u and \"%s\", not %u and \"%s\"", a.answer.reason, a.answer.text,
			 reason, text);
	assert_true(tl_host_ci_pages() <= pages);
	assert_true(tl_host_ci_modules() <= modules);
}

#endif
