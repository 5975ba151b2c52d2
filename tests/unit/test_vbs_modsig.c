// SPDX-License-Identifier: GPL-2.0-only
/*
 * Module signatures: two real ones (openssl cms, as Linux's sign-file makes
 * them: by issuer and number, and by key identifier), cut and damaged
 * everywhere, and which of the kernel's descriptions of keys fit (case L1).
 * And the EFI program's sections and signature (case L4).
 */
/* links: clients/vbsctl/modsig.c clients/vbsctl/pe.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../../clients/vbsctl/modsig.h"
#include "../../clients/vbsctl/pe.h"

#define KEY_ID "0332349c1460ed8651ae3580e769afc76326d966"

static const uint8_t by_issuer[] = {
	0x30, 0x81, 0xD3, 0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x07, 0x02, 0xA0,
	0x81, 0xC5, 0x30, 0x81, 0xC2, 0x02, 0x01, 0x01, 0x31, 0x0D, 0x30, 0x0B, 0x06, 0x09, 0x60,
	0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x30, 0x0B, 0x06, 0x09, 0x2A, 0x86, 0x48,
	0x86, 0xF7, 0x0D, 0x01, 0x07, 0x01, 0x31, 0x81, 0xA0, 0x30, 0x81, 0x9D, 0x02, 0x01, 0x01,
	0x30, 0x35, 0x30, 0x2C, 0x31, 0x15, 0x30, 0x13, 0x06, 0x03, 0x55, 0x04, 0x0A, 0x0C, 0x0C,
	0x6F, 0x70, 0x65, 0x6E, 0x76, 0x62, 0x73, 0x20, 0x74, 0x65, 0x73, 0x74, 0x31, 0x13, 0x30,
	0x11, 0x06, 0x03, 0x55, 0x04, 0x03, 0x0C, 0x0A, 0x4D, 0x6F, 0x64, 0x75, 0x6C, 0x65, 0x20,
	0x6B, 0x65, 0x79, 0x02, 0x05, 0x00, 0xC3, 0xA1, 0xB2, 0xD4, 0x30, 0x0B, 0x06, 0x09, 0x60,
	0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x30, 0x0A, 0x06, 0x08, 0x2A, 0x86, 0x48,
	0xCE, 0x3D, 0x04, 0x03, 0x02, 0x04, 0x48, 0x30, 0x46, 0x02, 0x21, 0x00, 0xC7, 0x24, 0xDE,
	0x81, 0x55, 0xCA, 0x97, 0x07, 0xAD, 0x74, 0x93, 0x15, 0xAD, 0x48, 0x1C, 0xF1, 0x0D, 0xCB,
	0x5B, 0xFD, 0x48, 0xF1, 0x64, 0x0E, 0x95, 0x16, 0x7A, 0x7B, 0x79, 0x3F, 0x4E, 0xC9, 0x02,
	0x21, 0x00, 0xA4, 0x64, 0xA0, 0x55, 0xA8, 0x49, 0x27, 0x75, 0x35, 0xE8, 0x57, 0x10, 0x12,
	0xAC, 0xFE, 0x86, 0xA3, 0xAC, 0xCC, 0x82, 0x9F, 0xB8, 0x02, 0xBD, 0x5B, 0x05, 0x71, 0xAA,
	0xA2, 0x8D, 0x6E, 0xB8
};

static const uint8_t by_key_id[] = {
	0x30, 0x81, 0xAE, 0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x07, 0x02, 0xA0,
	0x81, 0xA0, 0x30, 0x81, 0x9D, 0x02, 0x01, 0x03, 0x31, 0x0D, 0x30, 0x0B, 0x06, 0x09, 0x60,
	0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x30, 0x0B, 0x06, 0x09, 0x2A, 0x86, 0x48,
	0x86, 0xF7, 0x0D, 0x01, 0x07, 0x01, 0x31, 0x7C, 0x30, 0x7A, 0x02, 0x01, 0x03, 0x80, 0x14,
	0x03, 0x32, 0x34, 0x9C, 0x14, 0x60, 0xED, 0x86, 0x51, 0xAE, 0x35, 0x80, 0xE7, 0x69, 0xAF,
	0xC7, 0x63, 0x26, 0xD9, 0x66, 0x30, 0x0B, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03,
	0x04, 0x02, 0x01, 0x30, 0x0A, 0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04, 0x03, 0x02,
	0x04, 0x46, 0x30, 0x44, 0x02, 0x20, 0x21, 0x0F, 0x2D, 0x3B, 0x32, 0xDF, 0x34, 0x73, 0x8A,
	0xC0, 0x66, 0x56, 0xEA, 0x5B, 0xA3, 0x1F, 0xA7, 0x56, 0x18, 0x43, 0xE7, 0x65, 0x5A, 0x60,
	0x90, 0x81, 0xC5, 0x11, 0xED, 0x51, 0x50, 0xD6, 0x02, 0x20, 0x32, 0x12, 0x96, 0xD9, 0x07,
	0xDE, 0xB9, 0xD2, 0x33, 0x9E, 0xE6, 0xF7, 0x21, 0xFA, 0xB7, 0x55, 0x53, 0x94, 0xE7, 0xEA,
	0x3E, 0x74, 0x3C, 0xE1, 0xFA, 0x0E, 0x40, 0x81, 0xD1, 0xFE, 0xC4, 0x7D
};

#define CODE                                                                                       \
	"\x7f"                                                                                     \
	"ELF and so on"
#define MARKER "~Module signature appended~\n"

/* A module with this signature; an allocation of the exact size. */
static uint8_t *module_with(const uint8_t *sig, size_t sig_len, uint8_t type, size_t *len)
{
	uint8_t *m;

	*len = sizeof(CODE) - 1 + sig_len + 12 + sizeof(MARKER) - 1;
	m = calloc(1, *len);
	memcpy(m, CODE, sizeof(CODE) - 1);
	memcpy(m + sizeof(CODE) - 1, sig, sig_len);
	uint8_t *trailer = m + sizeof(CODE) - 1 + sig_len;

	trailer[2] = type;
	trailer[10] = (uint8_t)(sig_len >> 8);
	trailer[11] = (uint8_t)sig_len;
	memcpy(trailer + 12, MARKER, sizeof(MARKER) - 1);
	return m;
}

static enum modsig_kind kind_of(const uint8_t *sig, size_t sig_len, struct modsig *out)
{
	char why[MODSIG_WHY_MAX] = "";
	size_t len;
	uint8_t *m = module_with(sig, sig_len, 2, &len);

	modsig_decode(m, len, out, why);
	free(m);
	assert_int_equal(out->kind == MODSIG_UNREADABLE, why[0] != '\0');
	return out->kind;
}

static void test_signed(void **state)
{
	struct modsig sig;

	assert_int_equal(kind_of(by_issuer, sizeof(by_issuer), &sig), MODSIG_SIGNED);
	assert_string_equal(sig.issuer, "Module key");
	assert_string_equal(sig.serial, "00c3a1b2d4");
	assert_string_equal(sig.key_id, "");
	assert_int_equal(kind_of(by_key_id, sizeof(by_key_id), &sig), MODSIG_SIGNED);
	assert_string_equal(sig.key_id, KEY_ID);
	assert_string_equal(sig.issuer, "");
}

static void test_unsigned(void **state)
{
	char why[MODSIG_WHY_MAX];
	struct modsig sig;

	modsig_decode(CODE, sizeof(CODE) - 1, &sig, why);
	assert_int_equal(sig.kind, MODSIG_UNSIGNED);
	modsig_decode("", 0, &sig, why);
	assert_int_equal(sig.kind, MODSIG_UNSIGNED);
	modsig_decode(MARKER, sizeof(MARKER) - 1, &sig, why);
	assert_int_equal(sig.kind, MODSIG_UNREADABLE);
}

static void test_broken(void **state)
{
	char why[MODSIG_WHY_MAX];
	struct modsig sig;
	uint8_t *m;
	size_t len;

	for (size_t cut = 1; cut < sizeof(by_issuer); cut++)
		assert_int_equal(kind_of(by_issuer + cut, sizeof(by_issuer) - cut, &sig), MODSIG_UNREADABLE);
	for (size_t cut = 1; cut < sizeof(by_issuer); cut++)
		assert_int_equal(kind_of(by_issuer, sizeof(by_issuer) - cut, &sig), MODSIG_UNREADABLE);
	m = module_with(by_issuer, sizeof(by_issuer), 1, &len);
	modsig_decode(m, len, &sig, why);
	assert_string_equal(why, "the signature is no PKCS#7");
	free(m);
	m = module_with(by_issuer, sizeof(by_issuer), 2, &len);
	memset(m + len - sizeof(MARKER) + 1 - 4, 0xFF, 4);
	modsig_decode(m, len, &sig, why);
	assert_string_equal(why, "the signature's length is more than the file");
	memset(m + len - sizeof(MARKER) + 1 - 4, 0, 4);
	modsig_decode(m, len, &sig, why);
	assert_int_equal(sig.kind, MODSIG_UNREADABLE);
	assert_string_equal(sig.issuer, "");
	free(m);
	for (size_t at = 0; at < sizeof(by_issuer); at++) {
		uint8_t copy[sizeof(by_issuer)];

		memcpy(copy, by_issuer, sizeof(copy));
		copy[at] ^= 0xFF;
		kind_of(copy, sizeof(copy), &sig); /* any answer, no overread */
	}
}

static void test_keys(void **state)
{
	struct modsig issuer, id, none = { .kind = MODSIG_UNSIGNED };

	kind_of(by_issuer, sizeof(by_issuer), &issuer);
	kind_of(by_key_id, sizeof(by_key_id), &id);
	assert_true(modsig_matches(&issuer, "openvbs test: Module key: 1234"));
	assert_true(modsig_matches(&issuer, "Module key: 1234"));
	assert_false(modsig_matches(&issuer, "Other Module key: 1234"));
	assert_false(modsig_matches(&issuer, "Module key 2: 1234"));
	assert_false(modsig_matches(&issuer, "Module key"));
	assert_false(modsig_matches(&issuer, ""));
	assert_true(modsig_matches(&id, "openvbs test: Module key: " KEY_ID));
	assert_false(modsig_matches(&id, "openvbs test: Module key: " KEY_ID "00"));
	assert_false(modsig_matches(&id, "openvbs test: Module key: 1234"));
	assert_false(modsig_matches(&none, "Module key: 1234"));
	assert_int_equal(keyring_bit(".machine"), KEYRING_MACHINE);
	assert_int_equal(keyring_bit(".machines"), 0);
}

/* --- EFI programs ------------------------------------------------------ */

#define PE_SIZE 1024

static void put(uint8_t *at, uint64_t value, size_t size)
{
	memcpy(at, &value, size);
}

/* Headers as a linker makes them, .text and .sbat, and a certificate table at the end. */
static void fill_pe(uint8_t *p)
{
	memset(p, 0, PE_SIZE);
	memcpy(p, "MZ", 2);
	put(p + 0x3C, 0x80, 4);
	memcpy(p + 0x80, "PE\0", 4);
	put(p + 0x84, 0x8664, 2);
	put(p + 0x86, 2, 2);
	put(p + 0x94, 240, 2);
	put(p + 0x98, 0x20B, 2);
	put(p + 0x98 + 108, 16, 4);
	put(p + 0x98 + 144, 0x380, 4);
	put(p + 0x98 + 148, 0x80, 4);
	memcpy(p + 0x188, ".text", 5);
	memcpy(p + 0x188 + 40, ".sbat", 5);
	put(p + 0x188 + 40 + 8, 20, 4);
	put(p + 0x188 + 40 + 16, 0x40, 4);
	put(p + 0x188 + 40 + 20, 0x300, 4);
	memcpy(p + 0x300, "sbat,1,SBAT Version,", 20);
}

static void test_pe(void **state)
{
	uint8_t *p = malloc(PE_SIZE);
	char why[PE_WHY_MAX];
	struct pe out;

	fill_pe(p);
	assert_int_equal(pe_decode(p, PE_SIZE, &out, why), 0);
	assert_true(out.sbat && out.sbat_header && out.is_signed);
	put(p + 0x98 + 148, 0x81, 4); /* beyond the file */
	assert_int_equal(pe_decode(p, PE_SIZE, &out, why), 0);
	assert_false(out.is_signed);
	fill_pe(p);
	p[0x300] = 'S';
	assert_int_equal(pe_decode(p, PE_SIZE, &out, why), 0);
	assert_true(out.sbat && !out.sbat_header);
	p[0x188 + 44] = 'x';
	assert_int_equal(pe_decode(p, PE_SIZE, &out, why), 0);
	assert_false(out.sbat);
	fill_pe(p);
	put(p + 0x188 + 40 + 20, 0xFFFFFFF0, 4);
	assert_int_equal(pe_decode(p, PE_SIZE, &out, why), 0);
	assert_false(out.sbat);
	free(p);
}

static void test_pe_broken(void **state)
{
	static const struct {
		size_t at;
		uint64_t value;
		size_t size;
	} rows[] = {
		{ 0, 0, 2 },         { 0x3C, 0xFFFFFFFF, 4 }, { 0x3C, 0x3F0, 4 }, { 0x80, 0, 4 },
		{ 0x84, 0x14C, 2 },  { 0x86, 97, 2 },         { 0x86, 20, 2 },    { 0x94, 0, 2 },
		{ 0x94, 0xFFFF, 2 }, { 0x98, 0x10B, 2 },
	};
	uint8_t *p = malloc(PE_SIZE);
	char why[PE_WHY_MAX];
	struct pe out;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		fill_pe(p);
		put(p + rows[i].at, rows[i].value, rows[i].size);
		if (pe_decode(p, PE_SIZE, &out, why) != -EINVAL)
			fail_msg("row %zu is taken", i);
	}
	fill_pe(p);
	for (size_t len = 0; len < PE_SIZE; len++) {
		uint8_t *cut = malloc(len ? len : 1);

		memcpy(cut, p, len);
		assert_int_equal(pe_decode(cut, len, &out, why), len < 0x188 + 80 ? -EINVAL : 0);
		free(cut);
	}
	free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_signed), cmocka_unit_test(test_unsigned),
		cmocka_unit_test(test_broken), cmocka_unit_test(test_keys),
		cmocka_unit_test(test_pe),     cmocka_unit_test(test_pe_broken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
