// SPDX-License-Identifier: GPL-2.0-only
/*
 * The trustlet integrity up to a module's place: keys, revocations and kernel
 * are taken before lockdown only; a file is copied once, judged, kept until it
 * is used up; nothing is allocated by what VTL0 says.
 */
/* links: trustlets/integrity/main.c trustlets/integrity/kernel.c trustlets/integrity/symbols.c */
/* links: trustlets/integrity/guest.c trustlets/integrity/files.c trustlets/integrity/place.c */
/* links: trustlets/integrity/modules.c trustlets/integrity/answer.c trustlets/integrity/verify.c */
/* links: trustlets/integrity/keys.c trustlets/integrity/cms.c trustlets/integrity/der.c */
/* links: trustlets/integrity/reason.c trustlets/integrity/modsig.c trustlets/integrity/module_names.c */
/* links: trustlets/integrity/module_elf.c trustlets/integrity/module_layout.c trustlets/integrity/module_reloc.c */
/* links: trustlets/integrity/module_sites.c trustlets/integrity/module_patch.c trustlets/integrity/module_alt.c */
/* links: trustlets/integrity/module_insn.c trustlets/integrity/module_sort.c trustlets/integrity/module_compare.c */
/* links: trustlets/lib/trustlet.c trustlets/lib/backend_host.c trustlets/lib/backend_host_ci.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ci_apart.h"
#include "ci_world.h"

static struct loaded m;

static void open_only(void)
{
	kernel_map();
	assert_int_equal(rq_open(1), OVBS_OK);
}

static void test_closed_by_close(void **state)
{
	struct ovbs_ci_kernel k = kernel_told(false);
	struct ovbs_ci_exports e = { .name = "early" };

	open_only();
	assert_int_equal(ci_close(), OVBS_E_BAD_STATE); /* no kernel */
	assert_int_equal(ci_bytes(OVBS_CI_KERNEL, &k, sizeof(k)), OVBS_OK);
	assert_int_equal(ci_bytes(OVBS_CI_KERNEL, &k, sizeof(k)), OVBS_E_BAD_STATE);
	assert_int_equal(ci_bytes(OVBS_CI_MODULE, &e, sizeof(e)), OVBS_OK);
	assert_int_equal(ci_file(FILE_AT, 1, SIGN_AT, 1).result, OVBS_E_BAD_STATE);
	assert_int_equal(ci_close(), OVBS_OK);
	assert_int_equal(ci_close(), OVBS_E_BAD_STATE);
	assert_int_equal(key_tell("p256.der"), OVBS_E_BAD_STATE);
	assert_int_equal(ci_bytes(OVBS_CI_KERNEL, &k, sizeof(k)), OVBS_E_BAD_STATE);
	assert_int_equal(ci_bytes(OVBS_CI_MODULE, &e, sizeof(e)), OVBS_E_BAD_STATE);
	assert_int_equal(ci_number_bytes(OVBS_CI_REVOKE, OVBS_CI_REVOKED_KEY_ID, "id", 2), OVBS_OK);
}

/* A trustlet that begins anew after lockdown: nothing is believed, every file is refused. */
static void test_closed_by_lockdown(void **state)
{
	struct ovbs_ci_kernel k = kernel_told(false);
	struct ovbs_ci_exports e = { .name = "early" };
	struct ci_answered a;

	open_only();
	module_make(&m, false, 0);
	module_map(&m, "p256");
	assert_int_equal(key_tell("p256.der"), OVBS_OK);
	assert_int_equal(ci_bytes(OVBS_CI_KERNEL, &k, sizeof(k)), OVBS_OK);
	tl_host_ci_lock();
	assert_int_equal(key_tell("p384.der"), OVBS_E_BAD_STATE);
	assert_int_equal(ci_bytes(OVBS_CI_KERNEL, &k, sizeof(k)), OVBS_E_BAD_STATE);
	assert_int_equal(ci_bytes(OVBS_CI_MODULE, &e, sizeof(e)), OVBS_E_BAD_STATE);
	assert_int_equal(ci_close(), OVBS_E_BAD_STATE);
	assert_int_equal(ci_number_bytes(OVBS_CI_REVOKE, OVBS_CI_REVOKED_KEY_ID, "id", 2), OVBS_OK);
	a = module_file(&m);
	assert_int_equal(a.result, OVBS_OK);
	assert_int_equal(a.number, 0);
	assert_int_equal(a.answer.reason, CI_E_KERNEL);
}

static void test_keys(void **state)
{
	struct ci_key_message good = key_told("p256.der"), bad;
	struct ovbs_ci_key k;

	open_only();
	for (size_t size = 0; size < good.size; size++) /* cut */
		assert_int_equal(ci_number_bytes(OVBS_CI_KEY, 0, good.bytes, size), OVBS_E_BAD_PARAMETERS);
	assert_int_equal(ci_number_bytes(OVBS_CI_KEY, 0, good.bytes, good.size + 1), OVBS_E_BAD_PARAMETERS);
	assert_int_equal(ci_number_bytes(OVBS_CI_KEY, 3, good.bytes, good.size), OVBS_E_BAD_PARAMETERS);
	for (uint32_t algorithm = 0; algorithm < 5; algorithm++) {
		bad = good;
		memcpy(&k, bad.bytes, sizeof(k));
		k.algorithm = algorithm;
		memcpy(bad.bytes, &k, sizeof(k));
		assert_int_equal(ci_number_bytes(OVBS_CI_KEY, 0, bad.bytes, bad.size),
				 algorithm == 0 || algorithm == 4 ? OVBS_E_BAD_PARAMETERS :
				 algorithm == OVBS_CI_P256        ? OVBS_OK :
								    OVBS_E_SECURITY);
	}
	bad = good;
	memcpy(&k, bad.bytes, sizeof(k));
	k.reserved = 1;
	memcpy(bad.bytes, &k, sizeof(k));
	assert_int_equal(ci_number_bytes(OVBS_CI_KEY, 0, bad.bytes, bad.size), OVBS_E_BAD_PARAMETERS);
	assert_int_equal(key_tell("rsa4096.der"), OVBS_OK);
	assert_int_equal(key_tell("p384.der"), OVBS_OK);
	assert_int_equal(ci_number_bytes(OVBS_CI_REVOKE, 4, "12345678901234567890123456789012", 32),
			 OVBS_E_BAD_PARAMETERS);
	assert_int_equal(ci_number_bytes(OVBS_CI_REVOKE, OVBS_CI_REVOKED_TBS, "1", 1), OVBS_E_BAD_PARAMETERS);
}

#define KERNEL_WRONG(change, expected)                                                             \
	do {                                                                                       \
		k = kernel_told(false);                                                            \
		change;                                                                            \
		assert_int_equal(ci_bytes(OVBS_CI_KERNEL, &k, sizeof(k)), expected);               \
	} while (0)

static void test_kernel_wrong(void **state)
{
	struct ovbs_ci_kernel k = kernel_told(false);

	open_only();
	assert_int_equal(ci_bytes(OVBS_CI_KERNEL, &k, sizeof(k) - 1), OVBS_E_BAD_PARAMETERS);
	KERNEL_WRONG(k.version = 5u << 16 | 10u << 8, OVBS_E_NOT_SUPPORTED);
	KERNEL_WRONG(k.version = 6u << 16 | 2u << 8, OVBS_E_NOT_SUPPORTED);
	KERNEL_WRONG(k.flags = 2, OVBS_E_BAD_PARAMETERS);
	KERNEL_WRONG(k.modules_end = k.modules, OVBS_E_BAD_PARAMETERS);
	KERNEL_WRONG(k.capability_words = MODULE_CAPS + 1, OVBS_E_BAD_PARAMETERS);
	KERNEL_WRONG(k.capability_words = 0, OVBS_E_BAD_PARAMETERS);
	KERNEL_WRONG(k.pv_count = MODULE_PV_OPS + 1, OVBS_E_BAD_PARAMETERS);
	KERNEL_WRONG(k.reserved[7] = 1, OVBS_E_BAD_PARAMETERS);
	KERNEL_WRONG(k.capability = MEMORY + 2 * PAGE - 8, OVBS_E_BAD_PARAMETERS); /* beyond what is mapped */
	KERNEL_WRONG(k.pv_ops = 0, OVBS_E_BAD_PARAMETERS);
	KERNEL_WRONG(k.symbols_end = k.symbols, OVBS_E_BAD_PARAMETERS);
	KERNEL_WRONG((void)0, OVBS_OK);
}

/* What CLOSE makes of a table; then it is a table again, and good. */
static void table_wrong(const struct ovbs_ci_kernel *k, size_t at, uint32_t value)
{
	uint8_t saved[4];

	(void)k;
	memcpy(saved, kernel_tables + at, 4);
	put32(kernel_tables + at, value);
	assert_int_equal(ci_close(), OVBS_E_SECURITY);
	memcpy(kernel_tables + at, saved, 4);
}

static void test_symbols_wrong(void **state)
{
	struct ovbs_ci_kernel k = kernel_told(false);

	open_only();
	assert_int_equal(ci_bytes(OVBS_CI_KERNEL, &k, sizeof(k)), OVBS_OK);
	/* Names: two that are one, not ascending, far off, without an end. */
	table_wrong(&k, 4, get32(kernel_tables + 16) + 12);
	table_wrong(&k, 4, get32(kernel_tables + 28) + 24);
	table_wrong(&k, 4, 0x10000000);
	table_wrong(&k, PAGE + 4, 0x80000000);
	memset(kernel_tables + 2 * PAGE + 68, 'x', 2 * PAGE - 68);
	assert_int_equal(ci_close(), OVBS_E_SECURITY); /* no name is so long */
	kernel_told(false);
	memset(kernel_tables + 2 * PAGE + 68 + 21, 0, PAGE);
	assert_int_equal(ci_close(), OVBS_OK);
}

static void test_table_size(void **state)
{
	struct ovbs_ci_kernel k = kernel_told(false);

	open_only();
	k.symbols_end--;
	assert_int_equal(ci_bytes(OVBS_CI_KERNEL, &k, sizeof(k)), OVBS_OK);
	assert_int_equal(ci_close(), OVBS_E_SECURITY);
}

static void test_exports_of_modules(void **state)
{
	struct ovbs_ci_exports e = { .name = "early", .symbols = TABLE, .symbols_gpl = TABLE + PAGE };
	struct ovbs_ci_kernel k = kernel_told(false);

	open_only();
	e.symbols_end = k.symbols_end;
	e.symbols_gpl_end = k.symbols_gpl_end;
	assert_int_equal(ci_bytes(OVBS_CI_MODULE, &e, sizeof(e)), OVBS_OK);
	e.symbols_gpl_end -= 4;
	assert_int_equal(ci_bytes(OVBS_CI_MODULE, &e, sizeof(e)), OVBS_E_SECURITY);
	e.symbols_gpl_end = e.symbols_gpl;
	e.symbols_end = e.symbols + 0x7FFFFFF8;
	assert_int_equal(ci_bytes(OVBS_CI_MODULE, &e, sizeof(e)), OVBS_E_SECURITY);
	e.symbols = 0x1000, e.symbols_end = 0x100C;
	assert_int_equal(ci_bytes(OVBS_CI_MODULE, &e, sizeof(e)), OVBS_E_BAD_PARAMETERS);
	memset(e.name, 'n', sizeof(e.name));
	e.symbols = e.symbols_end = 0;
	assert_int_equal(ci_bytes(OVBS_CI_MODULE, &e, sizeof(e)), OVBS_E_BAD_PARAMETERS);
}

static void file_refused(struct ci_answered a, enum ci_reason why)
{
	assert_int_equal(a.result, OVBS_OK);
	assert_int_equal(a.number, 0);
	ci_expect("file", (enum ci_reason)a.answer.reason, ci_reason_name(why));
	assert_string_equal(a.answer.text, ci_reason_text(why));
}

static void test_file(void **state)
{
	struct ci_answered a;
	uint64_t first;

	begin(false);
	module_make(&m, false, 0);
	module_map(&m, "p256");
	first = module_token(&m);
	a = module_file(&m);
	assert_string_equal(a.answer.signer, "p256.der");
	assert_string_equal(a.answer.text, "accepted");
	assert_int_not_equal(a.number, first);
	assert_int_equal(ci_number(OVBS_CI_FORGET, first), OVBS_OK);
	assert_int_equal(ci_number(OVBS_CI_FORGET, first), OVBS_E_ITEM_NOT_FOUND);
	assert_int_equal(ci_number(OVBS_CI_FORGET, 0), OVBS_E_ITEM_NOT_FOUND);
	place_refused(first, &m.place, CI_E_TOKEN, "no file goes by this token");
	assert_int_equal(ci_number(OVBS_CI_FORGET, a.number), OVBS_OK);

	m.w.file.bytes[200] ^= 1;
	file_refused(module_file(&m), CI_E_SIGNATURE);
	m.w.file.bytes[200] ^= 1;
	m.signature.bytes[m.signature.len - 1] ^= 1;
	file_refused(module_file(&m), CI_E_SIGNATURE);
}

static void test_file_bounds(void **state)
{
	begin(false);
	module_make(&m, false, 0);
	module_map(&m, "p256");
	file_refused(ci_file(FILE_AT, 0, SIGN_AT, m.signature.len), CI_E_FILE_SIZE);
	file_refused(ci_file(FILE_AT, FILE_AT, SIGN_AT, m.signature.len), CI_E_FILE_SIZE);
	file_refused(ci_file(FILE_AT, UINT64_MAX, SIGN_AT, m.signature.len), CI_E_FILE_SIZE);
	file_refused(ci_file(FILE_AT, (40u << 20) + 1, SIGN_AT, m.signature.len), CI_E_FILE_SIZE);
	file_refused(ci_file(FILE_AT, 40u << 20, SIGN_AT, m.signature.len), CI_E_FILE_COPY);
	file_refused(ci_file(FILE_AT, m.w.file.size, SIGN_AT, 0), CI_E_CMS_SIZE);
	file_refused(ci_file(FILE_AT, m.w.file.size, SIGN_AT, CI_SIGNATURE_MAX + 1), CI_E_CMS_SIZE);
	file_refused(ci_file(FILE_AT, m.w.file.size, SIGN_AT, m.signature.len + 1), CI_E_FILE_COPY);
	file_refused(ci_file(FILE_AT + 1, m.w.file.size, SIGN_AT, m.signature.len), CI_E_FILE_COPY);
	file_refused(ci_file(UINT64_MAX - 100, m.w.file.size, SIGN_AT, m.signature.len), CI_E_FILE_COPY);
	file_refused(ci_file(FILE_AT, m.w.file.size - 1, SIGN_AT, m.signature.len), CI_E_SIGNATURE);
	assert_int_not_equal(module_token(&m), 0);
}

static void test_unknown_and_revoked(void **state)
{
	struct ci_key_message k = key_told("p256.der");
	struct ovbs_ci_key head;
	uint64_t token;

	begin(false);
	module_make(&m, false, 0);
	module_map(&m, "p384");
	file_refused(module_file(&m), CI_E_KEY_UNKNOWN);
	tl_host_ci_reset();
	kernel_map();
	tl_host_ci_lock();
	module_map(&m, "p256");
	token = module_token(&m);
	memcpy(&head, k.bytes, sizeof(head));
	assert_int_equal(ci_number_bytes(OVBS_CI_REVOKE, OVBS_CI_REVOKED_KEY_ID,
					 k.bytes + sizeof(head) + head.key_bytes + head.id_bytes,
					 head.key_id_bytes),
			 OVBS_OK);
	file_refused(module_file(&m), CI_E_KEY_REVOKED);
	/* What was judged before is forgotten. */
	place_refused(token, &m.place, CI_E_TOKEN, "");
}

static void test_revoked_file(void **state)
{
	uint8_t hash[32];

	begin(false);
	module_make(&m, false, 0);
	module_map(&m, "p256");
	assert_int_equal(mbedtls_md(mbedtls_md_info_from_type(MBEDTLS_MD_SHA256), m.w.file.bytes,
				    m.w.file.size, hash),
			 0);
	assert_int_equal(ci_number_bytes(OVBS_CI_REVOKE, OVBS_CI_REVOKED_FILE, hash, sizeof(hash)), OVBS_OK);
	file_refused(module_file(&m), CI_E_FILE_REVOKED);
}

/* The thirty-third file makes the first one be forgotten. */
static void test_many_files(void **state)
{
	uint64_t token[33];

	begin(false);
	module_make(&m, false, 0);
	module_map(&m, "p256");
	for (unsigned int i = 0; i < 33; i++)
		token[i] = module_token(&m);
	place_refused(token[0], &m.place, CI_E_TOKEN, "");
	assert_int_equal(ci_number(OVBS_CI_FORGET, token[1]), OVBS_OK);
	assert_int_equal(ci_number(OVBS_CI_FORGET, token[32]), OVBS_OK);
	assert_int_equal(ci_number(OVBS_CI_FORGET, token[2]), OVBS_OK);
	assert_int_equal(ci_place(token[3], &m.place).answer.reason, CI_OK);
}

/* Large ones: two do not fit together. */
static void test_large_files(void **state)
{
	const size_t size = 24u << 20;
	uint8_t *large = calloc(1, size);
	static struct ci_der signature;
	struct ci_answered first, second;

	begin(false);
	module_make(&m, false, 0);
	memcpy(large, m.w.file.bytes, m.w.file.size);
	ci_sign(&signature, "p256", large, size);
	tl_host_ci_map(FILE_AT, large, size, false);
	tl_host_ci_map(SIGN_AT, signature.bytes, signature.len, false);
	first = ci_file(FILE_AT, size, SIGN_AT, signature.len);
	assert_int_equal(first.answer.reason, CI_OK);
	second = ci_file(FILE_AT, size, SIGN_AT, signature.len);
	assert_int_equal(second.answer.reason, CI_OK);
	assert_int_equal(ci_number(OVBS_CI_FORGET, first.number), OVBS_E_ITEM_NOT_FOUND);
	assert_int_equal(ci_number(OVBS_CI_FORGET, second.number), OVBS_OK);
	free(large);
}

/* Requests that are not what the command takes. */
static void test_formats(void **state)
{
	struct ovbs_tl_request r;

	begin(false);
	for (uint32_t command = 0; command < 16; command++) {
		rq_init(&r, OVBS_TL_INVOKE, 1, command);
		rq_value(&r, 0, VIO, 1, 0);
		rq_value(&r, 1, VIO, 1, 0);
		assert_int_equal(rq_call(&r), command == 0 || command > 11 ? OVBS_E_NOT_SUPPORTED :
									     OVBS_E_BAD_FORMAT);
	}
	rq_init(&r, OVBS_TL_INVOKE, 1, OVBS_CI_GONE);
	rq_value(&r, 0, VI, 1, 1);
	assert_int_equal(rq_call(&r), OVBS_E_BAD_PARAMETERS);
	/* No room for the answer: nothing is done. */
	module_make(&m, false, 0);
	module_map(&m, "p256");
	rq_init(&r, OVBS_TL_INVOKE, 1, OVBS_CI_FILE);
	rq_value(&r, 0, VI, FILE_AT, m.w.file.size);
	rq_value(&r, 1, VI, SIGN_AT, m.signature.len);
	rq_value(&r, 2, VO, 0, 0);
	rq_buffer(&r, 3, BO, NULL, sizeof(struct ovbs_ci_answer) - 1);
	assert_int_equal(rq_call(&r), OVBS_E_SHORT_BUFFER);
	assert_int_equal(module_token(&m), 1);
	assert_int_equal(rq_open(2), OVBS_OK);
	assert_int_equal(rq_close(2), OVBS_OK);
}

/* Without the policy's "integrity" nothing is judged good. */
static void test_no_policy(void **state)
{
	struct ovbs_ci_kernel k = kernel_told(false);

	open_only();
	tl_host_policy(OVBS_POLICY_LOG);
	assert_int_equal(key_tell("p256.der"), OVBS_E_BAD_STATE);
	assert_int_equal(ci_bytes(OVBS_CI_KERNEL, &k, sizeof(k)), OVBS_E_BAD_STATE);
	assert_int_equal(ci_file(FILE_AT, 100, SIGN_AT, 100).answer.reason, CI_E_KERNEL);
}

#define TEST(name) cmocka_unit_test(name)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(test_closed_by_close),
		TEST(test_closed_by_lockdown),
		TEST(test_keys),
		TEST(test_kernel_wrong),
		TEST(test_symbols_wrong),
		TEST(test_table_size),
		TEST(test_exports_of_modules),
		TEST(test_file),
		TEST(test_file_bounds),
		TEST(test_unknown_and_revoked),
		TEST(test_revoked_file),
		TEST(test_many_files),
		TEST(test_large_files),
		TEST(test_formats),
		TEST(test_no_policy),
	};

	return run_apart(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
