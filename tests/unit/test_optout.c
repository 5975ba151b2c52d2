// SPDX-License-Identifier: GPL-2.0-only
/*
 * Load options of openvbs-optout.efi.
 */
/* links: boot/optout/choice.c lib/format.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "../../boot/optout/choice.h"

/* -1: refused. @ends: how many bytes of the terminating 0 are handed over. */
static int parse(const char *text, size_t ends)
{
	uint8_t bytes[1024];
	size_t n = 0;
	unsigned int choice = 77;

	for (; *text != '\0'; text++) {
		bytes[n++] = (uint8_t)*text;
		bytes[n++] = 0;
	}
	memset(bytes + n, 0, ends);
	if (choice_parse(bytes, n + ends, &choice))
		return (int)choice;
	assert_int_equal(choice, 77);
	return -1;
}

static void test_words(void **state)
{
	static const struct {
		const char *text;
		int choice;
	} rows[] = {
		{ "", CHOICE_ALL },
		{ "   ", CHOICE_ALL },
		{ "DISABLE-VBS", CHOICE_VBS },
		{ "disable-lsa-iso", CHOICE_LSA_ISO },
		{ " DISABLE-HVCI ", CHOICE_HVCI },
		{ "DISABLE-LSA-ISO,DISABLE-VBS", CHOICE_LSA_ISO | CHOICE_VBS },
		{ "DISABLE-LSA-ISO  DISABLE-HVCI", CHOICE_LSA_ISO | CHOICE_HVCI },
		{ "fs0:\\openvbs-optout.efi DISABLE-HVCI", CHOICE_HVCI },
		{ "openvbs-optout.efi", CHOICE_ALL },
		{ "DISABLE-HVCI x.efi", -1 },
		{ ".efi", -1 },
		{ "DISABLE", -1 },
		{ "DISABLE-VBSX", -1 },
		{ "DISABLE-VBS yes", -1 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (size_t ends = 0; ends <= 2; ends += 2)
			assert_int_equal(parse(rows[i].text, ends), rows[i].choice);
}

static void test_what_is_no_text_is_refused(void **state)
{
	static const uint8_t mark[] = { 0x4E, 0xAC, 0x08, 0x81, 0x11, 0x9F, 0x59, 0x4D }; /* a firmware's GUID */
	char longer[200];
	unsigned int choice = 77;

	assert_false(choice_parse(mark, sizeof(mark), &choice));
	assert_false(choice_parse(mark, 3, &choice));
	assert_int_equal(choice, 77);
	assert_true(choice_parse(NULL, 12, &choice));
	assert_int_equal(choice, CHOICE_ALL);
	memset(longer, 'A', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	assert_int_equal(parse(longer, 2), -1);
}

static void test_questions(void **state)
{
	char text[160];

	choice_words(CHOICE_ALL, text, sizeof(text));
	assert_string_equal(text, "switch off: virtualization-based security, with all its services");
	choice_words(CHOICE_LSA_ISO, text, sizeof(text));
	assert_string_equal(text, "switch off: Credential Guard");
	choice_words(CHOICE_LSA_ISO | CHOICE_HVCI, text, sizeof(text));
	assert_string_equal(text, "switch off: Credential Guard and memory integrity");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_what_is_no_text_is_refused),
		cmocka_unit_test(test_questions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
