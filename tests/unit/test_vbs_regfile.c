// SPDX-License-Identifier: GPL-2.0-only
/*
 * Registry files: every encoding gives the same settings (case S8), "absent" is
 * not 0, a broken root or value is refused with its line (case S7), and what is
 * exported comes back.
 */
/* links: clients/vbsctl/regfile.c clients/vbsctl/registry.c clients/vbsctl/changes.c clients/vbsctl/text.c lib/settings.c lib/crc32.c lib/format.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../clients/vbsctl/regfile.h"
#include "show_changes.h"

#define V5     "Windows Registry Editor Version 5.00\n"
#define GUARD  "[HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Control\\DeviceGuard]\n"
#define LSA    "[HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Control\\Lsa]\n"
#define POLICY "[HKEY_LOCAL_MACHINE\\SOFTWARE\\Policies\\Microsoft\\Windows\\DeviceGuard]\n"
#define HVCI                                                                                       \
	"[HKLM\\SYSTEM\\CurrentControlSet\\Control\\DeviceGuard\\Scenarios\\HypervisorEnforcedCodeIntegrity]\n"
#define VBS   "\"EnableVirtualizationBasedSecurity\""
#define LEVEL "\"RequirePlatformSecurityFeatures\""
#define FLAGS "\"LsaCfgFlags\""

static bool parse_bytes(const void *bytes, size_t len, struct changes *c, struct problem *problem)
{
	uint8_t *exact = malloc(len ? len : 1);
	bool good;

	memcpy(exact, bytes, len);
	memset(problem, 0, sizeof(*problem));
	good = regfile_parse(exact, len, c, problem);
	free(exact);
	return good;
}

static bool parse(const char *text, struct changes *c, struct problem *problem)
{
	return parse_bytes(text, strlen(text), c, problem);
}

enum encoding {
	UTF8,
	UTF8_BOM,
	UTF16LE_BOM,
	UTF16LE,
	UTF16BE_BOM,
	UTF16BE,
	ENCODINGS,
};

static const char *const boms[] = { "", "\xEF\xBB\xBF", "\xFF\xFE", "", "\xFE\xFF", "" };

static size_t encode(const char *ascii, enum encoding e, bool crlf, uint8_t *out)
{
	size_t n = strlen(boms[e]);

	memcpy(out, boms[e], n);
	for (; *ascii != '\0'; ascii++) {
		char chars[] = { '\r', *ascii };

		for (int i = *ascii == '\n' && crlf ? 0 : 1; i < 2; i++) {
			if (e == UTF16BE || e == UTF16BE_BOM)
				out[n++] = 0;
			out[n++] = (uint8_t)chars[i];
			if (e == UTF16LE || e == UTF16LE_BOM)
				out[n++] = 0;
		}
	}
	return n;
}

static void test_encodings(void **state)
{
	static const char body[] =
		"\n; a comment\n" GUARD VBS "=dword:00000001\n" LEVEL "=dword:3\n\n" LSA FLAGS
		"=-\n\n[-HKEY_CURRENT_USER\\Software\\x]\n" HVCI "\"Enabled\"=hex(4):\\\n"
		"  01,00,\\\n  00,00\n" POLICY FLAGS "=dword:00000002";
	static const char *const headers[] = { V5, "REGEDIT4\n" };

	for (int header = 0; header < 2; header++) {
		for (int e = 0; e < ENCODINGS; e++) {
			for (int crlf = 0; crlf < 2; crlf++) {
				char text[sizeof(V5) + sizeof(body)];
				uint8_t bytes[4 * sizeof(text)];
				struct changes c;
				struct problem p;

				sprintf(text, "%s%s", headers[header], body);
				assert_true(parse_bytes(bytes, encode(text, e, crlf, bytes), &c, &p));
				assert_string_equal(show(&c),
						    "local 0=1 local 1=3 local 5=1 local 8- policy 8=2");
				assert_int_equal(c.ignored, 1);
				assert_int_equal(
					c.of[registry_of(SETTINGS_LOCAL, 0) - registry_values].where, 5);
			}
		}
	}
}

static void test_good(void **state)
{
	static const struct {
		const char *text, *changes;
		unsigned int ignored, near;
	} rows[] = {
		{ V5, "", 0, 0 },
		{ "REGEDIT4", "", 0, 0 },
		{ "REGEDIT4 ; comment\n\n\n;\n ;x\n\t\n", "", 0, 0 },
		/* keys */
		{ V5 GUARD, "", 0, 0 },
		{ V5 "[HKLM\\system\\CONTROLSET001\\control\\lsa\\] ; comment ]\n" FLAGS "=dword:1",
		  "local 8=1", 0, 0 },
		{ V5 "  [\\\\.\\HKLM\\SYSTEM\\CurrentControlSet\\Control\\Lsa]  \n  " FLAGS
		     "  =  dword:1  ; comment\n",
		  "local 8=1", 0, 0 },
		{ V5 "[HKLM\\a]b\\c]\n\"x\"=dword:1\n", "", 1, 0 },
		{ V5 "[HKLM\\a]b]c]\n\"x\"=dword:1\n", "", 1, 0 },
		{ V5 "[HKLM]\n\"x\"=dword:1\n[HKEY_LOCAL_MACHINE\\]\n@=\"\"", "", 2, 0 },
		{ V5 "[HKEY_USERS\\.DEFAULT]\n" VBS "=dword:9\n", "", 1, 0 },
		{ V5 "[HKCU\\SYSTEM\\CurrentControlSet\\Control\\Lsa]\n" FLAGS "=\"text\"\n", "", 1, 0 },
		{ V5 "[HKLM\\SYSTEM\\CurrentControlSet\\Control\\Lsa2]\n" FLAGS "=dword:7\n", "", 1, 0 },
		/* values */
		{ V5 LSA FLAGS "=dword:00000000\n", "local 8=0", 0, 0 },
		{ V5 LSA FLAGS "=-\n", "local 8-", 0, 0 },
		{ V5 LSA FLAGS "=dword:1\n" FLAGS "=-", "local 8-", 0, 0 },
		{ V5 LSA FLAGS "=-\n" FLAGS "=DWord:2", "local 8=2", 0, 0 },
		{ V5 LSA "\"lsaCFGflags\"=dword:1", "local 8=1", 0, 0 },
		{ V5 LSA FLAGS "=hex(4):02,00,00,00\n", "local 8=2", 0, 0 },
		{ V5 LSA FLAGS "=hex(00000004): 2 , 0,0 ,\\ ; comment\n 0\n", "local 8=2", 0, 0 },
		{ V5 LSA FLAGS "=dword: 00000001\n", "local 8=1", 0, 0 },
		{ V5 LSA "\"RunAsPPL\"=dword:1\n\"LsaCfgFlag\"=dword:1\n", "", 2, 2 },
		{ V5 LSA "@=\"x\"\n@=-\n@=hex:\n@=hex(7): ; none\n@=hex(2):61,00,\\\n00,00", "", 5, 5 },
		{ V5 LSA "\"\"=dword:1\n\"a\\\"b\\\\\"=\"c\\\"d\\\\\"\n\"\\x\"=\"\\\\\\\"\\\"\"\n",
		  "", 3, 3 },
		{ V5 LSA "\"a\"=\"two\nlines; [x]\n\" ; comment\n" FLAGS "=dword:1\n", "local 8=1", 1, 1 },
		{ V5 LSA "\"m\xC3\xBC\"=\"\xE2\x82\xAC\"\n", "", 1, 1 },
		{ V5 LSA "\"b\"=hex(b):01,02,03,04,05,06,07,08\n\"c\"=hex(ffffffff):AA,bb", "", 2, 2 },
		/* keys that go */
		{ V5 "[-HKLM\\SYSTEM\\CurrentControlSet\\Control\\Lsa]", "local 8-", 0, 0 },
		{ V5 "[-HKLM\\SYSTEM\\CurrentControlSet\\Control\\DeviceGuard\\Scenarios] ; x\n" HVCI
		     "\"Enabled\"=dword:1",
		  "local 5=1 local 6- local 7-", 0, 0 },
		{ V5 HVCI "\"Enabled\"=dword:1\n[-HKLM\\SYSTEM\\CurrentControlSet\\Control\\DeviceGuard\\Scenarios\\SystemGuard]",
		  "local 5=1 local 7-", 0, 0 },
		{ V5 "[-HKLM\\SOFTWARE\\x]\n[-HKCU]\n", "", 2, 0 },
		/* the older form */
		{ V5 GUARD "\"HypervisorEnforcedCodeIntegrity\"=dword:1\n\"Unlocked\"=dword:1\n",
		  "local 16=1 local 17=1", 0, 0 },
		/* both hives apart */
		{ V5 POLICY "\"HypervisorEnforcedCodeIntegrity\"=dword:2\n" LSA FLAGS
			    "=dword:2\n" POLICY FLAGS "=dword:1",
		  "local 8=2 policy 16=2 policy 8=1", 0, 0 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct changes c;
		struct problem p;

		if (!parse(rows[i].text, &c, &p))
			fail_msg("row %zu: line %zu: %s", i, p.where, p.why);
		assert_string_equal(show(&c), rows[i].changes);
		assert_int_equal(c.ignored, rows[i].ignored);
		assert_int_equal(c.ignored_near, rows[i].near);
	}
}

#define NO_HEADER                                                                                  \
	"no registry file: the first line must be \"Windows Registry Editor Version 5.00\" or REGEDIT4"
#define ROOT                                                                                       \
	"unknown root key: expected HKEY_LOCAL_MACHINE or HKLM (or HKCU, HKCR, HKU, HKCC, which are ignored)"
#define NO_DATA "the value is none of dword:, hex:, hex(N):, \"text\" and - (delete)"
#define OPEN    "the text has no \" at its end"

static void test_bad(void **state)
{
	static const struct {
		const char *text;
		size_t line;
		const char *why;
	} rows[] = {
		/* header */
		{ "", 1, NO_HEADER },
		{ "\n" V5, 1, NO_HEADER },
		{ "; comment\n" V5, 1, NO_HEADER },
		{ GUARD, 1, NO_HEADER },
		{ "Windows Registry Editor Version 6.00\n", 1, NO_HEADER },
		{ "regedit4\n", 1, NO_HEADER },
		{ "REGEDIT45\n", 1, "what is this behind the end of the entry: 5" },
		/* keys and roots */
		{ V5 "\n[HKLMX\\SYSTEM]\n", 3, "[HKLMX\\SYSTEM]: " ROOT },
		{ V5 "[HKEY_LOCAL_MACHINES\\SYSTEM]\n", 2, "[HKEY_LOCAL_MACHINES\\SYSTEM]: " ROOT },
		{ V5 "[SYSTEM\\CurrentControlSet]\n", 2, "[SYSTEM\\CurrentControlSet]: " ROOT },
		{ V5 "[-HKEY_LOCAL_MACHIN\\x]\n", 2, "[HKEY_LOCAL_MACHIN\\x]: " ROOT },
		{ V5 "[]\n", 2, "[]: " ROOT },
		{ V5 "[-]\n", 2, "[]: " ROOT },
		{ V5 "[ HKLM\\x]\n", 2, "[ HKLM\\x]: " ROOT },
		{ V5 "[\\\\pc\\HKLM\\x]", 2, "[\\\\pc\\HKLM\\x]: a key of another computer" },
		{ V5 "[HKLM\\\\SYSTEM]", 2, "[HKLM\\\\SYSTEM]: a key without a name between two backslashes" },
		{ V5 "[HKLM\\SYSTEM\n", 2, "the key has no ] at its end" },
		{ V5 "[HKLM\\SYSTEM", 2, "the key has no ] at its end" },
		{ V5 "[HKLM\\SYSTEM\n]", 2, "the key has no ] at its end" },
		{ V5 "[HKLM\\SYSTEM] x\n", 2, "the key has no ] at its end" },
		{ V5 "HKLM\\SYSTEM]\n", 2, "neither [key], nor \"name\"=value, nor ; comment" },
		{ V5 "[-HKLM\\SYSTEM]", 2,
		  "deleting HKEY_LOCAL_MACHINE\\SYSTEM would delete much more than settings of openvbs: name the key "
		  "DeviceGuard or Lsa below it, or its values" },
		/* values */
		{ V5 VBS "=dword:1", 2, "a value before the first [key]" },
		{ V5 "[-HKLM\\x]\n@=-", 3, "a value of a key that the line above deletes" },
		{ V5 LSA FLAGS "=dword:3\n", 3, "LsaCfgFlags can't be 3 (0x3): allowed is 0, 1 or 2" },
		{ V5 GUARD LEVEL "=dword:00000002\n", 3,
		  "RequirePlatformSecurityFeatures can't be 2 (0x2): allowed is 0, 1 or 3" },
		{ V5 GUARD VBS "=dword:ffffffff\n", 3,
		  "EnableVirtualizationBasedSecurity can't be 4294967295 (0xffffffff): allowed is 0 or 1" },
		{ V5 LSA FLAGS "=\"1\"\n", 3,
		  "LsaCfgFlags is a text here, but must be a dword: write LsaCfgFlags=dword:00000001, or another "
		  "number, without quotes" },
		{ V5 LSA FLAGS "=hex:01,00,00,00\n", 3,
		  "LsaCfgFlags has type 3 and 4 bytes, but must be a dword" },
		{ V5 LSA FLAGS "=hex(b):01,00,00,00,00,00,00,00\n", 3,
		  "LsaCfgFlags has type b and 8 bytes, but must be a dword" },
		{ V5 LSA FLAGS "=hex(4):01,00,\\\n00\n", 3,
		  "LsaCfgFlags has type 4 and 3 bytes, but must be a dword" },
		{ V5 LSA FLAGS "=hex(4):\n", 3, "LsaCfgFlags has type 4 and 0 bytes, but must be a dword" },
		{ V5 LSA FLAGS "=hex(5):00,00,00,01\n", 3,
		  "LsaCfgFlags has type 5 and 4 bytes, but must be a dword" },
		{ V5 LSA FLAGS "=dword:\n", 3, "dword: needs 1 to 8 hexadecimal digits behind it" },
		{ V5 LSA FLAGS "=dword:000000001\n", 3, "dword: needs 1 to 8 hexadecimal digits behind it" },
		{ V5 LSA FLAGS "=dword:0x1\n", 3, "what is this behind the end of the entry: x1" },
		{ V5 LSA FLAGS "=dword:1g\n", 3, "what is this behind the end of the entry: g" },
		{ V5 LSA FLAGS "=dword:1 2\n", 3, "what is this behind the end of the entry: 2" },
		{ V5 LSA FLAGS "=dword:1\rx", 3, "what is this behind the end of the entry: ?x" },
		{ V5 LSA FLAGS "=-1\n", 3, "what is this behind the end of the entry: 1" },
		{ V5 LSA FLAGS "=\n", 3, NO_DATA },
		{ V5 LSA FLAGS "=1\n", 3, NO_DATA },
		{ V5 LSA FLAGS "=dword", 3, NO_DATA },
		{ V5 LSA FLAGS "=qword:1", 3, NO_DATA },
		{ V5 LSA FLAGS "\n=dword:1", 3, "expected = behind the name of the value" },
		{ V5 LSA FLAGS " dword:1", 3, "expected = behind the name of the value" },
		{ V5 LSA "@ dword:1", 3, "expected = behind the name of the value" },
		{ V5 LSA "LsaCfgFlags=dword:1", 3, "neither [key], nor \"name\"=value, nor ; comment" },
		{ V5 LSA "\"LsaCfgFlags=dword:1\n\"", 3, OPEN },
		{ V5 LSA "\"LsaCfgFlags\\\"=dword:1", 3, OPEN },
		{ V5 LSA "\"a\"=\"text\n\nmore", 3, OPEN },
		{ V5 LSA "\"a\"=\"text\\\"", 3, OPEN },
		{ V5 LSA "\"a\"=\"text\\", 3, OPEN },
		{ V5 LSA "\"a\"=\"1\n2\" x", 4, "what is this behind the end of the entry: x" },
		{ V5 LSA "\"a\"=hex\n", 3, "hex needs : behind it" },
		{ V5 LSA "\"a\"=hex(2)\n", 3, "hex needs : behind it" },
		{ V5 LSA "\"a\"=hex():\n", 3, "hex( needs a type in hexadecimal digits and ) behind it" },
		{ V5 LSA "\"a\"=hex(2:00\n", 3, "hex( needs a type in hexadecimal digits and ) behind it" },
		{ V5 LSA "\"a\"=hex(2", 3, "hex( needs a type in hexadecimal digits and ) behind it" },
		{ V5 LSA "\"a\"=hex:012\n", 3, "expected a byte as two hexadecimal digits" },
		{ V5 LSA "\"a\"=hex:01,\n", 3, "expected a byte as two hexadecimal digits" },
		{ V5 LSA "\"a\"=hex:01,,02\n", 3, "expected a byte as two hexadecimal digits" },
		{ V5 LSA "\"a\"=hex:01,xx\n", 3, "expected a byte as two hexadecimal digits" },
		{ V5 LSA "\"a\"=hex:01 02\n", 3, "what is this behind the end of the entry: 02" },
		{ V5 LSA "\"a\"=hex:01,\\\n\n", 4, "expected a byte as two hexadecimal digits" },
		{ V5 LSA "\"a\"=hex:01,\\ x\n02", 3, "what is this behind the end of the entry: x" },
		{ V5 LSA "\"a\"=hex:01,\\\n", 4,
		  "the file ends where bytes of a value should continue: truncated?" },
		{ V5 LSA "\"a\"=hex:01,\\", 3,
		  "the file ends where bytes of a value should continue: truncated?" },
		/* an error behind good values, and in what is none of ours */
		{ V5 LSA FLAGS "=dword:1\n" GUARD VBS "=dword:1\n[HKLM\\x\n", 6, "the key has no ] at its end" },
		{ V5 "[HKCU\\x]\n\"a\"=dword:xyz\n", 3, "dword: needs 1 to 8 hexadecimal digits behind it" },
		{ V5 LSA FLAGS "=dword:1\n\xFF", 4,
		  "not UTF-8 (a file in a Windows code page? save it as UTF-8 or UTF-16)" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct changes c;
		struct problem p;

		if (parse(rows[i].text, &c, &p))
			fail_msg("row %zu is taken", i);
		assert_string_equal(p.why, rows[i].why);
		assert_int_equal(p.where, rows[i].line);
		assert_string_equal(show(&c), ""); /* nothing of it counts */
		assert_int_equal(c.ignored, 0);
	}
}

/* No byte less is the same file, whatever the encoding: it is refused, or has fewer changes, never other ones. */
static void test_truncated(void **state)
{
	static const char text[] = V5 LSA FLAGS "=dword:00000001\n";

	for (int e = 0; e < ENCODINGS; e++) {
		uint8_t bytes[4 * sizeof(text)];
		size_t len = encode(text, e, true, bytes);

		for (size_t cut = 0; cut < len; cut++) {
			struct changes c;
			struct problem p;
			bool good = parse_bytes(bytes, cut, &c, &p);

			assert_int_equal(good, p.why[0] == '\0');
			if (strcmp(show(&c), "") != 0 && strcmp(show(&c), "local 8=0") != 0)
				assert_string_equal(show(&c), "local 8=1");
		}
	}
}

/* Every value of both hives there and back. */
static void test_export(void **state)
{
	struct ovbs_record records[2], back[2];
	uint8_t buf[REGFILE_EXPORT_MAX];
	struct change_count n = { 0 };
	unsigned int values;

	for (int hive = 0; hive < 2; hive++) {
		record_init(&records[hive]);
		for (size_t i = 0; i < REGISTRY_VALUES; i++)
			if ((int)registry_values[i].hive == hive)
				assert_int_equal(
					record_set(&records[hive], registry_values[i].id, i & 1), 0);
	}
	for (int utf8 = 0; utf8 < 2; utf8++) {
		size_t len = regfile_export(&records[0], &records[1], "", utf8, buf, &values);
		struct changes c;
		struct problem p;

		assert_int_equal(values, REGISTRY_VALUES);
		assert_in_range(len, 1000, REGFILE_EXPORT_MAX / 2);
		assert_true(parse_bytes(buf, len, &c, &p));
		assert_int_equal(c.ignored, 0);
		for (int hive = 0; hive < 2; hive++) {
			record_init(&back[hive]);
			assert_int_equal(changes_apply(&c, hive, &back[hive], &n), 0);
			assert_memory_equal(&back[hive], &records[hive], sizeof(back[hive]));
		}
	}
}

static void test_export_bytes(void **state)
{
	static const char whole[] =
		V5 "\n" GUARD VBS "=dword:00000001\n\n" POLICY LEVEL "=dword:00000003\n\n";
	static const char part[] = V5 "\n" POLICY LEVEL "=dword:00000003\n\n";
	uint8_t buf[REGFILE_EXPORT_MAX], expected[REGFILE_EXPORT_MAX];
	struct ovbs_record local, policy;
	unsigned int values;
	size_t len;

	record_init(&local);
	record_init(&policy);
	assert_int_equal(record_set(&local, OVBS_SET_VBS, 1), 0);
	assert_int_equal(record_set(&policy, OVBS_SET_LEVEL, 3), 0);
	len = regfile_export(&local, &policy, "", true, buf, &values);
	assert_int_equal(len, strlen(whole));
	assert_memory_equal(buf, whole, len);
	len = regfile_export(&local, &policy, "software\\policies\\", false, buf, &values);
	assert_int_equal(len, encode(part, UTF16LE_BOM, true, expected));
	assert_memory_equal(buf, expected, len);
	assert_int_equal(values, 1);
	(void)regfile_export(NULL, NULL, "", false, buf, &values);
	assert_int_equal(values, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_encodings), cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),       cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_export),    cmocka_unit_test(test_export_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
