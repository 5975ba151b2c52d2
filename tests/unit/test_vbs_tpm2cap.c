// SPDX-License-Identifier: GPL-2.0-only
/*
 * The question to the TPM, byte by byte, and every response that is no answer.
 */
/* links: clients/vbsctl/tpm2cap.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "../../clients/vbsctl/tpm2cap.h"

static const uint8_t good[27] = {
	0x80, 0x01, 0, 0, 0, 27, 0, 0,   0, 0, /* header */
	0,    0,    0, 0, 6, 0,  0, 0,   1,    /* no more data, TPM properties, one of them */
	0,    0,    2, 0, 0, 0,  2, 0x0F       /* TPM_PT_PERMANENT, inLockout */
};

static void test_command(void **state)
{
	static const uint8_t want[TPM2CAP_COMMAND_SIZE] = { 0x80, 0x01, 0, 0, 0, 22, 0, 0,
							    0x01, 0x7A, 0, 0, 0, 6,  0, 0,
							    2,    0,    0, 0, 0, 1 };
	uint8_t command[TPM2CAP_COMMAND_SIZE];

	tpm2cap_command(command);
	assert_memory_equal(command, want, sizeof(want));
}

static void test_answers(void **state)
{
	uint8_t r[sizeof(good)];
	char why[TPM2CAP_WHY];

	assert_int_equal(tpm2cap_lockout(good, sizeof(good), why), 1);
	memcpy(r, good, sizeof(r));
	r[25] = 0x05; /* bits 8 and 10: the neighbours */
	assert_int_equal(tpm2cap_lockout(r, sizeof(r), why), 0);
}

static void test_no_answers(void **state)
{
	static const size_t fixed[] = { 0, 1, 2, 5, 6, 9, 14, 18, 21, 22 };
	char why[TPM2CAP_WHY];

	for (size_t len = 0; len < sizeof(good); len++) {
		uint8_t *cut = malloc(len ? len : 1);

		memcpy(cut, good, len);
		assert_int_equal(tpm2cap_lockout(cut, len, why), -1);
		free(cut);
	}
	for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++) {
		uint8_t r[sizeof(good)];

		memcpy(r, good, sizeof(r));
		r[fixed[i]] ^= 0x40;
		assert_int_equal(tpm2cap_lockout(r, sizeof(r), why), -1);
		assert_true(why[0] != '\0');
	}
}

static void test_error_code(void **state)
{
	static const uint8_t busy[10] = { 0x80, 0x01, 0, 0, 0, 10, 0, 0, 0x09, 0x22 };
	char why[TPM2CAP_WHY];

	assert_int_equal(tpm2cap_lockout(busy, sizeof(busy), why), -1);
	assert_string_equal(why, "TPM2_GetCapability: error 922h: busy, try again");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_command),
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_no_answers),
		cmocka_unit_test(test_error_code),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
