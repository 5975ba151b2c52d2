// SPDX-License-Identifier: GPL-2.0-only
/*
 * linux/status.c on the host: what the module believes of the variable
 * OpenvbsStatus, and each way in which it must not. Offsets are written out:
 * they are ABI.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "status.h"

static unsigned int fails, passed;

#define CHECK(c)                                                                                   \
	do {                                                                                       \
		if (c) {                                                                           \
			passed++;                                                                  \
		} else {                                                                           \
			fails++;                                                                   \
			printf("FAIL %s:%d: %s\n", __func__, __LINE__, #c);                        \
		}                                                                                  \
	} while (0)

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

static void accepted(void)
{
	struct ovbs_status s = good(), out;

	CHECK(!check(VOLATILE, &s, sizeof(s), &out) && !memcmp(&s, &out, sizeof(s)));
	s.version = 3; /* a later one, with more at the end */
	s.size = sizeof(s) + 100;
	CHECK(!check(VOLATILE, &s, sizeof(s) + 100, &out) && !memcmp(&s, &out, sizeof(s)));
	s = good();
	s.state = OVBS_STATE_NOT_RUNNING;
	s.reason = OVBS_REASON_NO_SECURE_BOOT;
	strcpy(s.check, "level.secure_boot");
	CHECK(!check(VOLATILE, &s, sizeof(s), &out) && !strcmp(out.check, "level.secure_boot"));
	memset(s.platform.cpu.hypervisor, 0xFF, sizeof(s.platform.cpu.hypervisor));
	CHECK(!check(VOLATILE, &s, sizeof(s), &out) && !out.platform.cpu.hypervisor[0]);
}

static void version_1(void)
{
	struct ovbs_status s = good(), out;
	size_t i;

	memset((char *)&s + 288, 0xA5, sizeof(s) - 288);
	s.version = 1;
	s.size = 288;
	for (i = 288; i <= sizeof(s); i += sizeof(s) - 288) {
		size_t n = 288;

		CHECK(!check(VOLATILE, &s, i, &out));
		while (n < sizeof(out) && !((char *)&out)[n])
			n++;
		CHECK(n == sizeof(out));
	}
	CHECK(refused(&s, 287, "no status"));
}

static void attributes(void)
{
	struct ovbs_status s = good(), out;
	uint32_t a;

	for (a = 0; a < 256; a++)
		CHECK(!check(a, &s, sizeof(s), &out) == (a == 6));
	CHECK(check(0x80000006, &s, sizeof(s), &out));
}

static void sizes(void)
{
	struct ovbs_status s = good();
	size_t n;

	for (n = 0; n < 288; n++)
		CHECK(refused(&s, n, "no status"));
	for (; n < sizeof(s); n++)
		CHECK(refused(&s, n, "size and version"));
	s.size = sizeof(s) - 1;
	CHECK(refused(&s, sizeof(s), "size and version"));
	s.size = sizeof(s) + 1;
	CHECK(refused(&s, sizeof(s), "size and version"));
	s = good();
	s.version = 0;
	CHECK(refused(&s, sizeof(s), "size and version"));
	s.version = 1;
	s.size = 287;
	CHECK(refused(&s, sizeof(s), "size and version"));
	s = good();
	s.magic++;
	CHECK(refused(&s, sizeof(s), "no status"));
}

static void contradictions(void)
{
	struct ovbs_status s = good();

	s.reason = OVBS_REASON_OTHER;
	CHECK(refused(&s, sizeof(s), "state and reason"));
	s.state = OVBS_STATE_NOT_RUNNING;
	s.reason = OVBS_REASON_NONE;
	CHECK(refused(&s, sizeof(s), "state and reason"));
	s.state = 2;
	s.reason = OVBS_REASON_OTHER;
	CHECK(refused(&s, sizeof(s), "state and reason"));
}

/* Texts become lines of a file: none of them may end one, or never end. */
static void texts(void)
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
		CHECK(refused(&s, sizeof(s), "no text"));
		at[text[i].size - 1] = 0;
		CHECK(!refused(&s, sizeof(s), ""));
		for (n = 0; n < sizeof(bad); n++) {
			at[n] = bad[n];
			CHECK(refused(&s, sizeof(s), "no text"));
			at[n] = ' ';
		}
	}
}

int main(void)
{
	accepted();
	version_1();
	attributes();
	sizes();
	contradictions();
	texts();
	printf("status_test: %u passed, %u failed\n", passed, fails);
	return fails != 0;
}
