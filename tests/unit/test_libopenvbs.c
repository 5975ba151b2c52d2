// SPDX-License-Identifier: GPL-2.0-only
/*
 * libopenvbs against a mocked /dev/openvbs: what reaches the kernel, what comes
 * back to the program, each errno and each kind of result, and that files and
 * memory are given back. open(), close(), ioctl() and malloc() are replaced.
 */
/* links: clients/libopenvbs/strerror.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define FD 77

/* What the device does next, and what it saw. */
static struct {
	int open_errno, ioctl_errno;
	int mallocs_left; /* -1: no limit */
	uint32_t abi;
	int is_open, opens, ioctls;
	unsigned long request;
	struct openvbs_call *answer; /* params, result, origin, session of the next call */
	uint8_t seen[256];           /* the argument as it came */
} dev;

static int mock_open(const char *path, int flags)
{
	assert_string_equal(path, "/dev/openvbs");
	assert_int_equal(flags, O_RDWR | O_CLOEXEC);
	dev.opens++;
	if (dev.open_errno) {
		errno = dev.open_errno;
		return -1;
	}
	dev.is_open++;
	return FD;
}

static int mock_close(int fd)
{
	assert_int_equal(fd, FD);
	assert_int_equal(dev.is_open, 1);
	dev.is_open--;
	return 0;
}

static void *mock_malloc(size_t n)
{
	if (dev.mallocs_left == 0)
		return NULL;
	if (dev.mallocs_left > 0)
		dev.mallocs_left--;
	return malloc(n);
}

static int mock_ioctl(int fd, unsigned long request, void *arg);

#define open   mock_open
#define close  mock_close
#define ioctl  mock_ioctl
#define malloc mock_malloc
#include "../../clients/libopenvbs/openvbs.c"
#undef malloc
#undef ioctl
#undef close
#undef open

static int mock_ioctl(int fd, unsigned long request, void *arg)
{
	assert_int_equal(fd, FD);
	assert_int_equal(dev.is_open, 1);
	assert_true(_IOC_SIZE(request) <= sizeof(dev.seen));
	memcpy(dev.seen, arg, _IOC_SIZE(request));
	dev.request = request;
	dev.ioctls++;
	if (dev.ioctl_errno) {
		errno = dev.ioctl_errno;
		return -1;
	}
	if (request == OPENVBS_VERSION) {
		*(struct openvbs_version *)arg = (struct openvbs_version){
			.abi = dev.abi, .security_version = 3, .build = 0x010203, .trustlets = 4, .services = OVBS_SERVICE_MEMORY_INTEGRITY
		};
	} else if (request == OPENVBS_TRUSTLET) {
		struct openvbs_trustlet *t = arg;

		t->info.calls = 1000 + t->index;
		memset(t->info.name, 'n', sizeof(t->info.name));
	} else if (dev.answer) {
		struct openvbs_call *call = arg;

		call->session = dev.answer->session;
		memcpy(call->param, dev.answer->param, sizeof(call->param));
		call->result = dev.answer->result;
		call->origin = dev.answer->origin;
	}
	return 0;
}

static const struct openvbs_call *seen_call(void)
{
	return (const struct openvbs_call *)dev.seen;
}

static int reset(void **state)
{
	memset(&dev, 0, sizeof(dev));
	dev.mallocs_left = -1;
	dev.abi = OVBS_MSG_ABI;
	return 0;
}

static int all_closed(void **state)
{
	return dev.is_open ? -1 : 0;
}

static const uint8_t uuid[16] = { 0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc, 0xde, 0xf0,
				  0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef };
#define UUID_TEXT "12345678-9abc-def0-0123-456789abcdef"

static struct openvbs *connect_ok(void)
{
	struct openvbs *vbs;

	assert_int_equal(openvbs_connect(&vbs), 0);
	assert_non_null(vbs);
	return vbs;
}

static struct openvbs_session *open_ok(struct openvbs *vbs, uint64_t id)
{
	struct openvbs_call answer = { .session = id, .origin = OVBS_ORIGIN_TRUSTLET };
	struct openvbs_session *session;

	dev.answer = &answer;
	assert_int_equal(openvbs_open(vbs, uuid, &session), 0);
	assert_non_null(session);
	dev.answer = NULL;
	return session;
}

static void test_connect_errors(void **state)
{
	static const struct {
		int from, to;
	} rows[] = {
		{ ENOENT, -ENODEV }, { ENXIO, -ENODEV },  { ENODEV, -ENODEV },
		{ EACCES, -EACCES }, { EMFILE, -EMFILE },
	};
	struct openvbs *vbs;

	assert_int_equal(openvbs_connect(NULL), -EINVAL);
	assert_int_equal(dev.opens, 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		dev.open_errno = rows[i].from;
		vbs = (void *)1;
		assert_int_equal(openvbs_connect(&vbs), rows[i].to);
		assert_null(vbs);
	}
	dev.open_errno = 0;
	dev.abi = OVBS_MSG_ABI + 1;
	assert_int_equal(openvbs_connect(&vbs), -EPROTONOSUPPORT);
	assert_null(vbs);
	assert_int_equal(dev.is_open, 0);
	dev.ioctl_errno = EIO;
	assert_int_equal(openvbs_connect(&vbs), -EIO);
	assert_int_equal(dev.is_open, 0);
	dev.mallocs_left = 0;
	assert_int_equal(openvbs_connect(&vbs), -ENOMEM);
	assert_null(vbs);
}

static void test_connection_outlives_its_sessions(void **state)
{
	struct openvbs *vbs = connect_ok();
	struct openvbs_session *a = open_ok(vbs, 5), *b = open_ok(vbs, 6);

	openvbs_disconnect(vbs);
	assert_int_equal(dev.is_open, 1);
	openvbs_close(a);
	assert_int_equal(dev.request, OPENVBS_CLOSE);
	assert_int_equal(seen_call()->session, 5);
	assert_int_equal(seen_call()->types, 0);
	assert_int_equal(dev.is_open, 1);
	dev.ioctl_errno = EIO; /* given back all the same */
	openvbs_close(b);
	assert_int_equal(dev.is_open, 0);
	openvbs_close(NULL);
	openvbs_disconnect(NULL);
}

static void test_open(void **state)
{
	struct openvbs *vbs = connect_ok();
	struct openvbs_param params[OVBS_PARAMS] = { { .value = { 1, 2 } }, { .value = { 3, 4 } } };
	struct openvbs_call answer = { .session = 9,
				       .origin = OVBS_ORIGIN_TRUSTLET,
				       .param = { { 0 }, { 30, 40 } } };
	struct openvbs_session *session;
	uint32_t origin = 0;

	dev.answer = &answer;
	assert_int_equal(
		openvbs_open_params(vbs, uuid,
				    OVBS_PARAM_TYPES(OVBS_PARAM_VALUE_IN, OVBS_PARAM_VALUE_INOUT, 0, 0),
				    params, &origin, &session),
		0);
	assert_int_equal(dev.request, OPENVBS_OPEN);
	assert_memory_equal(seen_call()->uuid, uuid, 16);
	assert_int_equal(seen_call()->types, 0x31);
	assert_int_equal(seen_call()->param[1].b, 4);
	assert_int_equal(params[1].value.a, 30);
	assert_int_equal(params[0].value.a, 1);
	assert_int_equal(origin, OVBS_ORIGIN_TRUSTLET);
	openvbs_close(session);
	assert_int_equal(seen_call()->session, 9);
	openvbs_disconnect(vbs);
}

static void test_open_errors(void **state)
{
	struct openvbs *vbs = connect_ok();
	struct openvbs_call answer = { .result = OVBS_E_ITEM_NOT_FOUND, .origin = OVBS_ORIGIN_VTL1 };
	struct openvbs_session *session = (void *)1;
	uint32_t origin = 0;
	int before = dev.ioctls;

	assert_int_equal(openvbs_open(NULL, uuid, &session), -EINVAL);
	assert_null(session);
	assert_int_equal(openvbs_open(vbs, NULL, &session), -EINVAL);
	assert_int_equal(openvbs_open(vbs, uuid, NULL), -EINVAL);
	assert_int_equal(openvbs_open_params(vbs, uuid, OVBS_PARAM_VALUE_IN, NULL, &origin, &session),
			 -EINVAL);
	assert_int_equal(origin, OVBS_ORIGIN_API);
	dev.mallocs_left = 0;
	assert_int_equal(openvbs_open(vbs, uuid, &session), -ENOMEM);
	dev.mallocs_left = -1;
	assert_int_equal(dev.ioctls, before); /* nothing was opened that could not be closed */

	dev.answer = &answer;
	session = (void *)1;
	assert_int_equal(openvbs_open_params(vbs, uuid, 0, NULL, &origin, &session),
			 OPENVBS_RESULT(OVBS_E_ITEM_NOT_FOUND));
	assert_null(session);
	assert_int_equal(origin, OVBS_ORIGIN_VTL1);
	dev.ioctl_errno = ENOMEM;
	assert_int_equal(openvbs_open_params(vbs, uuid, 0, NULL, &origin, &session), -ENOMEM);
	assert_null(session);
	assert_int_equal(origin, OVBS_ORIGIN_COMMS);
	dev.ioctl_errno = 0;
	openvbs_disconnect(vbs);
	assert_int_equal(dev.is_open, 0); /* failed opens hold no reference */
}

static void test_invoke_translates(void **state)
{
	struct openvbs *vbs = connect_ok();
	struct openvbs_session *session = open_ok(vbs, 0x123456789A);
	char in[5] = "abcd", out[8] = "";
	struct openvbs_param p[OVBS_PARAMS] = {
		{ .buffer = { in, sizeof(in) } },
		{ .buffer = { out, sizeof(out) } },
		{ .value = { UINT64_MAX, 1 } },
		{ .value = { 0xDEAD, 0xBEEF } }, /* type none: not looked at */
	};
	struct openvbs_call answer = { .origin = OVBS_ORIGIN_TRUSTLET,
				       .param = { { 1, 1 }, { 2, 3 }, { 50, 60 }, { 4, 4 } } };
	uint32_t origin = 0;

	dev.answer = &answer;
	assert_int_equal(openvbs_invoke(session, 0xC0FFEE,
					OVBS_PARAM_TYPES(OVBS_PARAM_BUFFER_IN, OVBS_PARAM_BUFFER_OUT,
							 OVBS_PARAM_VALUE_INOUT, OVBS_PARAM_NONE),
					p, &origin),
			 0);
	assert_int_equal(dev.request, OPENVBS_INVOKE);
	assert_int_equal(seen_call()->session, 0x123456789A);
	assert_int_equal(seen_call()->command, 0xC0FFEE);
	assert_int_equal(seen_call()->types, 0x0365);
	assert_int_equal(seen_call()->param[0].a, (uintptr_t)in);
	assert_int_equal(seen_call()->param[0].b, 5);
	assert_int_equal(seen_call()->param[1].a, (uintptr_t)out);
	assert_int_equal(seen_call()->param[1].b, 8);
	assert_int_equal(seen_call()->param[2].a, UINT64_MAX);
	assert_int_equal(seen_call()->param[3].a, 0);
	assert_int_equal(seen_call()->param[3].b, 0);
	assert_int_equal(seen_call()->reserved[0] | seen_call()->reserved[1], 0);
	assert_int_equal(seen_call()->result | seen_call()->origin, 0);
	/* Outputs came back, pointers and inputs stayed. */
	assert_ptr_equal(p[0].buffer.data, in);
	assert_int_equal(p[0].buffer.size, 5);
	assert_ptr_equal(p[1].buffer.data, out);
	assert_int_equal(p[1].buffer.size, 3);
	assert_int_equal(p[2].value.a, 50);
	assert_int_equal(p[2].value.b, 60);
	assert_int_equal(p[3].value.a, 0xDEAD);
	assert_int_equal(origin, OVBS_ORIGIN_TRUSTLET);
	openvbs_close(session);
	openvbs_disconnect(vbs);
}

static void test_invoke_results(void **state)
{
	static const struct {
		uint32_t result;
		int ret;
	} rows[] = {
		{ OVBS_E_SHORT_BUFFER, -65520 }, { OVBS_E_TARGET_DEAD, -53212 },
		{ OVBS_E_GENERIC, -65536 },      { 7, 7 }, /* a trustlet's own */
		{ 0x7FFFFFFF, 0x7FFFFFFF },      { 0xFFFFF000, -4096 },
		{ 0xFFFFF001, -65536 }, /* would be errno 4095 */
		{ 0xFFFFFFFF, -65536 }, /* would be -EPERM */
	};
	struct openvbs *vbs = connect_ok();
	struct openvbs_session *session = open_ok(vbs, 1);
	struct openvbs_call answer = { .origin = OVBS_ORIGIN_TRUSTLET };

	dev.answer = &answer;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		answer.result = rows[i].result;
		assert_int_equal(openvbs_invoke(session, 0, 0, NULL, NULL), rows[i].ret);
	}
	openvbs_close(session);
	openvbs_disconnect(vbs);
}

static void test_invoke_short_buffer(void **state)
{
	struct openvbs *vbs = connect_ok();
	struct openvbs_session *session = open_ok(vbs, 1);
	char out[4];
	struct openvbs_param p[OVBS_PARAMS] = { { .buffer = { out, sizeof(out) } } };
	struct openvbs_call answer = { .result = OVBS_E_SHORT_BUFFER,
				       .origin = OVBS_ORIGIN_TRUSTLET,
				       .param = { { 0, 100 } } };

	dev.answer = &answer;
	assert_int_equal(openvbs_invoke(session, 0, OVBS_PARAM_BUFFER_OUT, p, NULL),
			 OPENVBS_RESULT(OVBS_E_SHORT_BUFFER));
	assert_int_equal(p[0].buffer.size, 100);
	openvbs_close(session);
	openvbs_disconnect(vbs);
}

static void test_invoke_errors(void **state)
{
	static const int errnos[] = { EINVAL, E2BIG, EFAULT, EBADF, EINTR, ENOMEM, EIO };
	struct openvbs *vbs = connect_ok();
	struct openvbs_session *session = open_ok(vbs, 1);
	struct openvbs_param p[OVBS_PARAMS] = { { .value = { 11, 12 } } };
	uint32_t origin = 0;
	int before = dev.ioctls;

	assert_int_equal(openvbs_invoke(NULL, 0, 0, NULL, &origin), -EINVAL);
	assert_int_equal(origin, OVBS_ORIGIN_API);
	assert_int_equal(openvbs_invoke(NULL, 0, 0, NULL, NULL), -EINVAL);
	assert_int_equal(openvbs_invoke(session, 0, OVBS_PARAM_VALUE_OUT, NULL, NULL), -EINVAL);
	assert_int_equal(dev.ioctls, before);
	for (size_t i = 0; i < sizeof(errnos) / sizeof(errnos[0]); i++) {
		dev.ioctl_errno = errnos[i];
		origin = 0;
		assert_int_equal(openvbs_invoke(session, 0, OVBS_PARAM_VALUE_OUT, p, &origin), -errnos[i]);
		assert_int_equal(origin, OVBS_ORIGIN_COMMS);
		assert_int_equal(p[0].value.a, 11);
	}
	dev.ioctl_errno = 0;
	openvbs_close(session);
	openvbs_disconnect(vbs);
}

static void test_version_and_trustlet(void **state)
{
	struct openvbs *vbs = connect_ok();
	struct ovbs_trustlet_info info;
	struct openvbs_version v;

	assert_int_equal(openvbs_version(vbs, &v), 0);
	assert_int_equal(v.security_version, 3);
	assert_int_equal(v.build, 0x010203);
	assert_int_equal(openvbs_version(NULL, &v), -EINVAL);
	assert_int_equal(openvbs_version(vbs, NULL), -EINVAL);

	assert_int_equal(openvbs_trustlet(vbs, 2, &info), 0);
	assert_int_equal(((struct openvbs_trustlet *)dev.seen)->index, 2);
	assert_int_equal(((struct openvbs_trustlet *)dev.seen)->reserved, 0);
	assert_int_equal(info.calls, 1002);
	assert_int_equal(strlen(info.name), 31); /* ended, though the device did not */
	assert_int_equal(openvbs_trustlet(NULL, 0, &info), -EINVAL);
	assert_int_equal(openvbs_trustlet(vbs, 0, NULL), -EINVAL);
	dev.ioctl_errno = ENOENT;
	assert_int_equal(openvbs_trustlet(vbs, 99, &info), -ENOENT);
	assert_int_equal(openvbs_version(vbs, &v), -ENOENT);
	openvbs_disconnect(vbs);
}

static void test_uuid(void **state)
{
	static const char *const bad[] = {
		"",
		"12345678-9abc-def0-0123-456789abcde",
		"12345678-9abc-def0-0123-456789abcdef0",
		"12345678-9abc-def0-0123-456789abcdeg",
		"123456789-abc-def0-0123-456789abcdef",
		"123456789abcdef00123456789abcdef",
		"12345678-9abc-def0-0123-456789abcdef ",
		" 12345678-9abc-def0-0123-456789abcdef",
		"{2345678-9abc-def0-0123-456789abcdef}",
		"1234567\xB8-9abc-def0-0123-456789abcdef",
	};
	char text[OPENVBS_UUID_TEXT];
	uint8_t got[16];

	assert_int_equal(openvbs_uuid_parse(UUID_TEXT, got), 0);
	assert_memory_equal(got, uuid, 16);
	assert_int_equal(openvbs_uuid_parse("12345678-9ABC-DEF0-0123-456789ABCDEF", got), 0);
	assert_memory_equal(got, uuid, 16);
	openvbs_uuid_format(uuid, text);
	assert_string_equal(text, UUID_TEXT);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char *copy = strdup(bad[i]); /* of its size: reading past the end is seen */

		memset(got, 0x55, sizeof(got));
		assert_int_equal(openvbs_uuid_parse(copy, got), -EINVAL);
		assert_int_equal(got[0], 0x55);
		free(copy);
	}
	assert_int_equal(openvbs_uuid_parse(NULL, got), -EINVAL);
	assert_int_equal(openvbs_uuid_parse(UUID_TEXT, NULL), -EINVAL);
}

static void test_strerror(void **state)
{
	assert_string_equal(openvbs_strerror(0), "success");
	assert_non_null(strstr(openvbs_strerror(-ENODEV), "openvbs.ko"));
	assert_non_null(strstr(openvbs_strerror(-EACCES), "group openvbs"));
	assert_non_null(strstr(openvbs_strerror(OPENVBS_RESULT(OVBS_E_TARGET_DEAD)), "crashed"));
	assert_string_equal(openvbs_strerror(-EMFILE), "Too many open files");
	assert_string_equal(openvbs_strerror(-4000), "system error 4000");
	assert_string_equal(openvbs_strerror(0x1234), "result 0x1234 of the trustlet");
	assert_string_equal(openvbs_strerror((int)0xFFFF4000), "result 0xffff4000 of the trustlet");
	assert_string_equal(openvbs_origin_name(OVBS_ORIGIN_VTL1), "VTL1");
	assert_string_equal(openvbs_origin_name(0), "unknown");
	assert_string_equal(openvbs_origin_name(5), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_connect_errors, reset, all_closed),
		cmocka_unit_test_setup_teardown(test_connection_outlives_its_sessions, reset, all_closed),
		cmocka_unit_test_setup_teardown(test_open, reset, all_closed),
		cmocka_unit_test_setup_teardown(test_open_errors, reset, all_closed),
		cmocka_unit_test_setup_teardown(test_invoke_translates, reset, all_closed),
		cmocka_unit_test_setup_teardown(test_invoke_results, reset, all_closed),
		cmocka_unit_test_setup_teardown(test_invoke_short_buffer, reset, all_closed),
		cmocka_unit_test_setup_teardown(test_invoke_errors, reset, all_closed),
		cmocka_unit_test_setup_teardown(test_version_and_trustlet, reset, all_closed),
		cmocka_unit_test_setup_teardown(test_uuid, reset, all_closed),
		cmocka_unit_test_setup_teardown(test_strerror, reset, all_closed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
