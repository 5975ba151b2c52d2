// SPDX-License-Identifier: GPL-2.0-only
/*
 * Registry.pol: records of all kinds, the special names, and every way in which
 * a file can be cut or made wrong.
 */
/* links: clients/vbsctl/preg.c clients/vbsctl/registry.c clients/vbsctl/changes.c clients/vbsctl/text.c lib/settings.c lib/crc32.c lib/format.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../clients/vbsctl/preg.h"
#include "show_changes.h"

#define GUARD "SOFTWARE\\Policies\\Microsoft\\Windows\\DeviceGuard"
#define VBS   "EnableVirtualizationBasedSecurity"

struct file {
	uint8_t bytes[65536];
	size_t len;
};

static void add(struct file *f, const void *bytes, size_t n)
{
	assert_true(f->len + n <= sizeof(f->bytes));
	memcpy(f->bytes + f->len, bytes, n);
	f->len += n;
}

static void add_u32(struct file *f, uint32_t v)
{
	uint8_t le[] = { (uint8_t)v, (uint8_t)(v >> 8), (uint8_t)(v >> 16), (uint8_t)(v >> 24) };

	add(f, le, sizeof(le));
}

static void add_ascii(struct file *f, const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint8_t unit[] = { (uint8_t)text[i], 0 };

		add(f, unit, sizeof(unit));
	}
}

static void start(struct file *f)
{
	f->len = 0;
	add(f, "PReg", 4);
	add_u32(f, 1);
}

static void add_record(struct file *f, const char *key, const char *name, uint32_t type,
		       const void *data, uint32_t size)
{
	add_ascii(f, "[", 1);
	add_ascii(f, key, strlen(key) + 1);
	add_ascii(f, ";", 1);
	add_ascii(f, name, strlen(name) + 1);
	add_ascii(f, ";", 1);
	add_u32(f, type);
	add_ascii(f, ";", 1);
	add_u32(f, size);
	add_ascii(f, ";", 1);
	add(f, data, size);
	add_ascii(f, "]", 1);
}

static void add_dword(struct file *f, const char *key, const char *name, uint32_t value)
{
	uint8_t le[] = { (uint8_t)value, (uint8_t)(value >> 8), (uint8_t)(value >> 16),
			 (uint8_t)(value >> 24) };

	add_record(f, key, name, 4, le, 4);
}

/* With the 0 at its end, or without. */
static void add_text(struct file *f, const char *key, const char *name, const char *text, bool ended)
{
	struct file data = { .len = 0 };

	add_ascii(&data, text, strlen(text) + ended);
	add_record(f, key, name, 1, data.bytes, (uint32_t)data.len);
}

static bool parse(const struct file *f, size_t len, struct changes *c, struct problem *problem)
{
	uint8_t *exact = malloc(len + 1);
	bool good;

	memcpy(exact + 1, f->bytes, len); /* unaligned, too */
	memset(problem, 0, sizeof(*problem));
	good = preg_parse(exact + 1, len, c, problem);
	free(exact);
	return good;
}

static void check_good(const struct file *f, const char *changes, size_t ignored)
{
	struct changes c;
	struct problem p;

	if (!parse(f, f->len, &c, &p))
		fail_msg("offset %zu: %s", p.where, p.why);
	assert_string_equal(show(&c), changes);
	assert_int_equal(c.ignored, ignored);
}

static void check_bad(const struct file *f, size_t where, const char *why)
{
	struct changes c;
	struct problem p;

	if (parse(f, f->len, &c, &p))
		fail_msg("taken, not refused with: %s", why);
	assert_string_equal(p.why, why);
	assert_int_equal(p.where, where);
	assert_string_equal(show(&c), "");
	assert_int_equal(c.ignored, 0);
}

/* What the policy "Turn On Virtualization Based Security" writes. */
static void test_policy(void **state)
{
	struct file f;

	start(&f);
	check_good(&f, "", 0);
	add_dword(&f, GUARD, VBS, 1);
	add_dword(&f, GUARD, "RequirePlatformSecurityFeatures", 3);
	add_dword(&f, GUARD, "HypervisorEnforcedCodeIntegrity", 2);
	add_dword(&f, GUARD, "HVCIMATRequired", 1);
	add_dword(&f, GUARD, "LsaCfgFlags", 1);
	add_dword(&f, GUARD, "ConfigureSystemGuardLaunch", 0);
	check_good(&f, "policy 0=1 policy 1=3 policy 16=2 policy 8=1 policy 18=0", 1);
	/* later ones win; case does not matter; a name may contain the marks */
	add_dword(&f, "Software\\POLICIES\\Microsoft\\Windows\\DeviceGuard", "lsacfgflags", 2);
	add_text(&f, "Software\\a];[b", "x;]", "];[", true);
	check_good(&f, "policy 0=1 policy 1=3 policy 16=2 policy 8=2 policy 18=0", 2);
	/* values of the local hive stay apart */
	add_dword(&f, "SYSTEM\\CurrentControlSet\\Control\\Lsa", "LsaCfgFlags", 1);
	check_good(&f, "local 8=1 policy 0=1 policy 1=3 policy 16=2 policy 8=2 policy 18=0", 2);
}

static void test_special_names(void **state)
{
	struct file f;

	start(&f);
	add_text(&f, GUARD, "**Del." VBS, " ", true);
	add_text(&f, GUARD, "**del.lsaCfgFlags", " ", true);
	add_text(&f, GUARD, "**Del.Other", " ", true);
	check_good(&f, "policy 0- policy 8-", 1);
	add_dword(&f, GUARD, "LsaCfgFlags", 1);
	check_good(&f, "policy 0- policy 8=1", 1);
	add_text(&f, GUARD, "**DelVals.", " ", true);
	check_good(&f, "policy 0- policy 1- policy 2- policy 3- policy 4- policy 16- policy 8- policy 18-",
		   1);

	start(&f);
	add_text(&f, GUARD "\\Scenarios\\SystemGuard", "**DELVALS", "", true);
	add_text(&f, "Software\\Other", "**DelVals.", " ", true);
	check_good(&f, "policy 7-", 1);

	start(&f);
	add_text(&f, GUARD, "**DeleteValues", "Locked; LsaCfgFlags ;;Other", true);
	check_good(&f, "policy 2- policy 8-", 1);
	start(&f);
	add_text(&f, GUARD, "**DeleteValues", "Locked", false);
	add_text(&f, "Software\\Other", "**DeleteValues", "Locked", true);
	check_good(&f, "policy 2-", 1);
	start(&f);
	add_text(&f, GUARD, "**DeleteValues", "", true);
	add_record(&f, GUARD, "**DeleteValues", 1, "", 0);
	check_good(&f, "", 0);

	start(&f);
	add_text(&f, GUARD, "**DeleteKeys", "Other;Scenarios", true);
	check_good(&f, "policy 5- policy 6- policy 7-", 1);
	start(&f);
	add_text(&f, "Software\\Policies\\Microsoft\\Windows", "**DeleteKeys ",
		 "DeviceGuard\\Scenarios\\SystemGuard", true);
	check_good(&f, "policy 7-", 0);

	start(&f);
	add_dword(&f, GUARD, "**SecureKey", 1);
	add_dword(&f, GUARD, "**soft.Locked", 1);
	add_dword(&f, GUARD, "**Soft.Locked", 0); /* it is set already */
	add_text(&f, GUARD, "**Comment: x", "", true);
	add_dword(&f, "Software\\Other", "**Unknown", 1);
	check_good(&f, "policy 2=1", 3);
	start(&f); /* only makes the key */
	add_record(&f, GUARD, "", 0, "", 0);
	check_good(&f, "", 0);
}

static void test_bad_values(void **state)
{
	static const struct {
		const char *key, *name;
		uint32_t type;
		const char *data;
		uint32_t size;
		const char *why;
	} rows[] = {
		{ GUARD, VBS, 4, "\2\0\0\0", 4,
		  "EnableVirtualizationBasedSecurity can't be 2 (0x2): allowed is 0 or 1" },
		{ GUARD, VBS, 4, "\1\0\0\1", 4,
		  "EnableVirtualizationBasedSecurity can't be 16777217 (0x1000001): allowed is 0 or 1" },
		{ GUARD, VBS, 4, "\1\0\0", 3,
		  "EnableVirtualizationBasedSecurity has type 4 and 3 bytes, but must be a REG_DWORD (type 4, 4 bytes)" },
		{ GUARD, VBS, 4, "", 0,
		  "EnableVirtualizationBasedSecurity has type 4 and 0 bytes, but must be a REG_DWORD (type 4, 4 bytes)" },
		{ GUARD, VBS, 5, "\0\0\0\1", 4,
		  "EnableVirtualizationBasedSecurity has type 5 and 4 bytes, but must be a REG_DWORD (type 4, 4 bytes)" },
		{ GUARD, VBS, 1, "1\0\0\0", 4,
		  "EnableVirtualizationBasedSecurity has type 1 and 4 bytes, but must be a REG_DWORD (type 4, 4 bytes)" },
		{ GUARD, "**soft.Locked", 4, "\7\0\0\0", 4, "Locked can't be 7 (0x7): allowed is 0 or 1" },
		{ GUARD, "**DeleteValues", 4, "\1\0\0\0", 4,
		  "**DeleteValues with data of type 4 and 4 bytes, not a string" },
		{ GUARD, "**DeleteValues", 1, "L\0o", 3,
		  "**DeleteValues with data of type 1 and 3 bytes, not a string" },
		{ GUARD, "**DeleteKeys", 1, "\0\xDC", 2, "the list of **DeleteKeys is not UTF-16" },
		{ GUARD, "**DeleteKeysX", 1, "x\0", 2, "the special name **DeleteKeysX is not known" },
		{ GUARD, "**Unknown", 4, "\1\0\0\0", 4, "the special name **Unknown is not known" },
		{ "SOFTWARE", "**DeleteKeys", 1, "P\0o\0l\0i\0c\0i\0e\0s\0", 16,
		  "deleting HKEY_LOCAL_MACHINE\\SOFTWARE\\Policies would delete much more than settings of openvbs: "
		  "name the key DeviceGuard or Lsa below it, or its values" },
		{ "", "**DeleteKeys", 1, "S\0Y\0S\0T\0E\0M\0", 12,
		  "deleting HKEY_LOCAL_MACHINE\\SYSTEM would delete much more than settings of openvbs: "
		  "name the key DeviceGuard or Lsa below it, or its values" },
		{ "\\" GUARD, VBS, 4, "\1\0\0\0", 4,
		  "a key without a name: \\SOFTWARE\\Policies\\Microsoft\\Windows\\DeviceGuard" },
		{ "SOFTWARE\\\\Policies", VBS, 4, "\1\0\0\0", 4, "a key without a name: SOFTWARE\\\\Policies" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct file f;
		size_t where;

		start(&f);
		add_dword(&f, GUARD, "Locked", 1);
		where = f.len;
		add_record(&f, rows[i].key, rows[i].name, rows[i].type, rows[i].data, rows[i].size);
		add_dword(&f, GUARD, "Mandatory", 1);
		check_bad(&f, where, rows[i].why);
	}
}

static void test_header(void **state)
{
	struct file f;

	f.len = 0;
	check_bad(&f, 0, "no policy file: it does not begin with PReg and a version");
	add(&f, "PReg\1\0\0", 7);
	check_bad(&f, 0, "no policy file: it does not begin with PReg and a version");
	add(&f, "\0", 1);
	check_good(&f, "", 0);
	f.bytes[4] = 2;
	check_bad(&f, 4, "version 2 of the format, only 1 is known");
	f.bytes[4] = 1;
	f.bytes[7] = 1;
	check_bad(&f, 4, "version 16777217 of the format, only 1 is known");
	start(&f);
	f.bytes[3] = 'G';
	check_bad(&f, 0, "no policy file: it does not begin with PReg and a version");
	start(&f);
	add(&f, "\xFF\xFE", 2);
	check_bad(&f, 8, "expected '[', found the bytes ff fe");
	start(&f);
	add(&f, "[", 1);
	check_bad(&f, 8, "the file ends where '[' should be: truncated?");
}

/* One record, of which each mark, each length and each end is made wrong. */
static void test_broken_record(void **state)
{
	struct file f, good;
	/* offsets in a record with key "a", name "b", 4 bytes of data */
	enum { KEY = 10, NAME = 16, TYPE = 22, SIZE = 28, DATA = 34, END = 38 };
	static const size_t marks[] = { 8, 14, 20, 26, 32, END };
	static const char wanted[] = "[;;;;]";

	start(&good);
	add_dword(&good, "a", "b", 1);
	assert_int_equal(good.len, END + 2);
	check_good(&good, "", 1);
	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
		char why[64];

		for (size_t high = 0; high < 2; high++) {
			f = good;
			f.bytes[marks[i] + high] = '!';
			sprintf(why, "expected '%c', found the bytes %02x %02x", wanted[i],
				f.bytes[marks[i]], f.bytes[marks[i] + 1]);
			check_bad(&f, marks[i], why);
		}
	}
	f = good;
	f.bytes[KEY] = 0;
	f.bytes[KEY + 1] = 0xD8;
	check_bad(&f, KEY, "the key is not UTF-16: half of a surrogate pair");
	f = good;
	f.bytes[NAME] = 0;
	f.bytes[NAME + 1] = 0xDC;
	check_bad(&f, NAME, "the value name is not UTF-16: half of a surrogate pair");
	f = good;
	f.bytes[SIZE] = 7;
	check_bad(&f, DATA, "the data should have 7 bytes, but the file has only 6 more");
	f.bytes[SIZE] = 5; /* the ] becomes data */
	check_bad(&f, DATA + 5, "the file ends where ']' should be: truncated?");
	f.bytes[SIZE] = 3;
	check_bad(&f, DATA + 3, "expected ']', found the bytes 00 5d");
	memset(f.bytes + SIZE, 0xFF, 4);
	check_bad(&f, DATA, "the data should have 4294967295 bytes, but the file has only 6 more");
	f = good;
	f.bytes[TYPE] = 77; /* of no interest in what is none of ours */
	check_good(&f, "", 1);
}

/* At every length but that of whole records a file is refused. */
static void test_truncated(void **state)
{
	struct file f;
	size_t ends[4], n = 0;

	start(&f);
	ends[n++] = f.len;
	add_dword(&f, GUARD, VBS, 1);
	ends[n++] = f.len;
	add_text(&f, GUARD, "**DeleteValues", "Locked", true);
	ends[n++] = f.len;
	add_dword(&f, "Software\\x", "y", 1);
	ends[n++] = f.len;
	for (size_t len = 0, next = 0; len <= f.len; len++) {
		struct changes c;
		struct problem p;
		bool whole = len == ends[next];

		assert_int_equal(parse(&f, len, &c, &p), whole);
		assert_int_equal(p.why[0] == '\0', whole);
		assert_true(p.where <= len);
		next += whole;
	}
}

static void test_long_names(void **state)
{
	char text[3000];
	struct file f;

	memset(text, 'x', sizeof(text));
	memcpy(text, GUARD "\\", strlen(GUARD "\\"));
	text[sizeof(text) - 1] = '\0';
	start(&f);
	add_dword(&f, text, VBS, 9);
	add_dword(&f, GUARD, text, 9);
	check_good(&f, "", 2);
	memcpy(text, "**Del.", 6);
	add_text(&f, GUARD, text, " ", true);
	check_good(&f, "", 3);
	add_text(&f, "Software\\x", "**DeleteValues", text, true);
	check_good(&f, "", 4);
	/* a cut key must not pass for the one that it begins with */
	memset(text, 'x', sizeof(text));
	text[1023] = '\0';
	add_text(&f, GUARD, "**DeleteKeys", text, true);
	check_good(&f, "", 5);
	text[1023] = 'x';
	text[1024] = '\0';
	size_t where = f.len;

	add_text(&f, GUARD, "**DeleteKeys", text, true);
	check_bad(&f, where, "the list of **DeleteKeys is longer than 1023 bytes");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_policy),        cmocka_unit_test(test_special_names),
		cmocka_unit_test(test_bad_values),    cmocka_unit_test(test_header),
		cmocka_unit_test(test_broken_record), cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_long_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
