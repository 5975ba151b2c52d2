// SPDX-License-Identifier: GPL-2.0-only
/*
 * What vbsctl and openvbs.ko believe of the variable OpenvbsStatus, and each
 * way in which they must not. Offsets are written out: they are ABI.
 */
/* links: lib/status.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "status.h"

#define VOLATILE 6u /* EFI_VARIABLE_BOOTSERVICE_ACCESS | EFI_VARIABLE_RUNTIME_ACCESS */

static struct ovbs_status good(void)
{
	struct ovbs_status s = {
		.magic = 0x5453564F,
		.version = 2,
		.size = sizeof(s),
		.state = OVBS_STATE_RUNNING,
		.build = "0.1.0",
		.platform = { .size = sizeof(s.platform), .cpu.vendor = "AuthenticAMD" },
	};

	return s;
}

/* From memory of exactly this size, so that a byte read beyond it is seen. */
static const char *check(uint32_t attributes, const struct ovbs_status *s, size_t size,
			 struct ovbs_status *out)
{
	char *data = calloc(1, size + 1);
	const char *wrong;

	memcpy(data + 1, s, size < sizeof(*s) ? size : sizeof(*s)); /* at an odd address */
	wrong = openvbs_status_check(attributes, data + 1, size, out);
	free(data);
	return wrong;
}

static bool refused(const struct ovbs_status *s, size_t size, const char *words)
{
	struct ovbs_status out;
	const char *wrong = check(VOLATILE, s, size, &out);

	return wrong && strstr(wrong, words);
}

static void test_accepted(void **unused)
{
	struct ovbs_status s = good(), out;

	assert_true(!check(VOLATILE, &s, sizeof(s), &out) && !memcmp(&s, &out, sizeof(s)));
	s.version = 3; /* a later one, with more at the end */
	s.size = sizeof(s) + 100;
	assert_true(!check(VOLATILE, &s, sizeof(s) + 100, &out) && !memcmp(&s, &out, sizeof(s)));
	s = good();
	s.state = OVBS_STATE_NOT_RUNNING;
	s.reason = OVBS_REASON_NO_SECURE_BOOT;
	strcpy(s.check, "level.secure_boot");
	assert_true(!check(VOLATILE, &s, sizeof(s), &out) && !strcmp(out.check, "level.secure_boot"));
	memset(s.platform.cpu.hypervisor, 0xFF, sizeof(s.platform.cpu.hypervisor));
	assert_true(!check(VOLATILE, &s, sizeof(s), &out) && !out.platform.cpu.hypervisor[0]);
}

static void test_version_1(void **unused)
{
	struct ovbs_status s = good(), out;
	size_t i;

	memset((char *)&s + 288, 0xA5, sizeof(s) - 288);
	s.version = 1;
	s.size = 288;
	for (i = 288; i <= sizeof(s); i += sizeof(s) - 288) {
		size_t n = 288;

		assert_true(!check(VOLATILE, &s, i, &out));
		while (n < sizeof(out) && !((char *)&out)[n])
			n++;
		assert_true(n == sizeof(out));
	}
	assert_true(refused(&s, 287, "no status"));
}

static void test_attributes(void **unused)
{
	struct ovbs_status s = good(), out;
	uint32_t a;

	for (a = 0; a < 256; a++)
		assert_true(!check(a, &s, sizeof(s), &out) == (a == 6));
	assert_true(check(0x80000006, &s, sizeof(s), &out));
}

static void test_sizes(void **unused)
{
	struct ovbs_status s = good();
	size_t n;

	for (n = 0; n < 288; n++)
		assert_true(refused(&s, n, "no status"));
	for (; n < sizeof(s); n++)
		assert_true(refused(&s, n, "size and version"));
	s.size = sizeof(s) - 1;
	assert_true(refused(&s, sizeof(s), "size and version"));
	s.size = sizeof(s) + 1;
	assert_true(refused(&s, sizeof(s), "size and version"));
	s = good();
	s.version = 0;
	assert_true(refused(&s, sizeof(s), "size and version"));
	s.version = 1;
	s.size = 287;
	assert_true(refused(&s, sizeof(s), "size and version"));
	s = good();
	s.magic++;
	assert_true(refused(&s, sizeof(s), "no status"));
}

static void test_contradictions(void **unused)
{
	struct ovbs_status s = good();

	s.reason = OVBS_REASON_OTHER;
	assert_true(refused(&s, sizeof(s), "state and reason"));
	s.state = OVBS_STATE_NOT_RUNNING;
	s.reason = OVBS_REASON_NONE;
	assert_true(refused(&s, sizeof(s), "state and reason"));
	s.state = 2;
	s.reason = OVBS_REASON_OTHER;
	assert_true(refused(&s, sizeof(s), "state and reason"));
}

/* Texts become lines of a file: none of them may end one, or never end. */
static void test_texts(void **unused)
{
	static const struct {
		size_t offset, size;
	} text[] = {
		{ 64, 32 },  /* check */
		{ 96, 160 }, /* evidence */
		{ 256, 32 }, /* build */
		{ 448, 96 }, /* note */
		{ offsetof(struct ovbs_status, platform.iommu_why), 56 },
		{ offsetof(struct ovbs_status, platform.wsmt_why), 56 },
		{ offsetof(struct ovbs_status, platform.mat_why), 56 },
		{ offsetof(struct ovbs_status, platform.cpu.vendor), 16 },
	};
	static const char bad[] = { '\n', '\r', 27, 127, (char)0x80, (char)0xFF };
	size_t i, n;

	for (i = 0; i < sizeof(text) / sizeof(text[0]); i++) {
		struct ovbs_status s = good();
		char *at = (char *)&s + text[i].offset;

		memset(at, 'x', text[i].size);
		assert_true(refused(&s, sizeof(s), "no text"));
		at[text[i].size - 1] = 0;
		assert_true(!refused(&s, sizeof(s), ""));
		for (n = 0; n < sizeof(bad); n++) {
			at[n] = bad[n];
			assert_true(refused(&s, sizeof(s), "no text"));
			at[n] = ' ';
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_accepted),       cmocka_unit_test(test_version_1),
		cmocka_unit_test(test_attributes),     cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_contradictions), cmocka_unit_test(test_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
