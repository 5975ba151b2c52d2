// SPDX-License-Identifier: MIT
/*
 * libopenvbs: a thin layer over the ioctls of /dev/openvbs. It translates
 * parameters and results, and checks what the kernel could not tell apart; all
 * other checks are the kernel's.
 *
 * Invariants: a connection's file is open as long as the connection or one of
 * its sessions is in use (counted); nothing else changes after creation, so
 * nothing is locked. A session object exists only for a session that is open.
 */
#define _GNU_SOURCE
#include "openvbs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEVICE "/dev/openvbs"

struct openvbs {
	atomic_uint users; /* the connection itself, and each session */
	int fd;
};

struct openvbs_session {
	struct openvbs *vbs;
	uint64_t id;
};

static void put(struct openvbs *vbs)
{
	if (atomic_fetch_sub(&vbs->users, 1) != 1)
		return;
	close(vbs->fd);
	free(vbs);
}

static int device_ioctl(const struct openvbs *vbs, unsigned long request, void *arg)
{
	return ioctl(vbs->fd, request, arg) < 0 ? -errno : 0;
}

static int open_device(void)
{
	int fd = open(DEVICE, O_RDWR | O_CLOEXEC);

	if (fd >= 0)
		return fd;
	/* Neither module nor VTL1 there: one reason for the program, and one text. */
	return errno == ENOENT || errno == ENXIO ? -ENODEV : -errno;
}

int openvbs_connect(struct openvbs **out)
{
	struct openvbs_version version;
	struct openvbs *vbs;
	int err;

	if (!out)
		return -EINVAL;
	*out = NULL;
	vbs = malloc(sizeof(*vbs));
	if (!vbs)
		return -ENOMEM;
	atomic_init(&vbs->users, 1);
	vbs->fd = open_device();
	if (vbs->fd < 0) {
		err = vbs->fd;
		free(vbs);
		return err;
	}
	err = openvbs_version(vbs, &version);
	if (!err && version.abi != OVBS_MSG_ABI)
		err = -EPROTONOSUPPORT;
	if (err) {
		put(vbs);
		return err;
	}
	*out = vbs;
	return 0;
}

void openvbs_disconnect(struct openvbs *vbs)
{
	if (vbs)
		put(vbs);
}

static int is_buffer(uint32_t types, unsigned int n)
{
	return OVBS_PARAM_TYPE(types, n) >= OVBS_PARAM_BUFFER_IN;
}

static int is_output(uint32_t types, unsigned int n)
{
	switch (OVBS_PARAM_TYPE(types, n)) {
	case OVBS_PARAM_VALUE_OUT:
	case OVBS_PARAM_VALUE_INOUT:
	case OVBS_PARAM_BUFFER_OUT:
	case OVBS_PARAM_BUFFER_INOUT:
		return 1;
	default:
		return 0;
	}
}

static int params_in(struct openvbs_call *call, uint32_t types, const struct openvbs_param *params)
{
	unsigned int n;

	if (types && !params)
		return -EINVAL;
	call->types = types;
	for (n = 0; n < OVBS_PARAMS; n++) {
		if (!OVBS_PARAM_TYPE(types, n))
			continue;
		if (!is_buffer(types, n)) {
			call->param[n].a = params[n].value.a;
			call->param[n].b = params[n].value.b;
			continue;
		}
		call->param[n].a = (uintptr_t)params[n].buffer.data;
		call->param[n].b = params[n].buffer.size;
	}
	return 0;
}

static void params_out(const struct openvbs_call *call, struct openvbs_param *params)
{
	unsigned int n;

	for (n = 0; n < OVBS_PARAMS; n++) {
		if (!is_output(call->types, n))
			continue;
		if (is_buffer(call->types, n)) {
			params[n].buffer.size = (size_t)call->param[n].b;
			continue;
		}
		params[n].value.a = call->param[n].a;
		params[n].value.b = call->param[n].b;
	}
}

/* A result as this library returns it: never one that looks like an errno. */
static int result_of(uint32_t result)
{
	return OPENVBS_IS_ERRNO((int)result) ? OPENVBS_RESULT(OVBS_E_GENERIC) : (int)result;
}

/* One call with parameters. @origin is set, whatever happens. */
static int call_with(const struct openvbs *vbs, unsigned long request, struct openvbs_call *call,
		     uint32_t types, struct openvbs_param *params, uint32_t *origin)
{
	uint32_t unused;
	int err;

	if (!origin)
		origin = &unused;
	*origin = OVBS_ORIGIN_API;
	err = params_in(call, types, params);
	if (err)
		return err;
	*origin = OVBS_ORIGIN_COMMS;
	err = device_ioctl(vbs, request, call);
	if (err)
		return err;
	*origin = call->origin;
	params_out(call, params);
	return result_of(call->result);
}

int openvbs_open_params(struct openvbs *vbs, const uint8_t uuid[16], uint32_t types,
			struct openvbs_param params[OVBS_PARAMS], uint32_t *origin,
			struct openvbs_session **out)
{
	struct openvbs_call call = { 0 };
	struct openvbs_session *session;
	int ret;

	if (origin)
		*origin = OVBS_ORIGIN_API;
	if (out)
		*out = NULL;
	if (!vbs || !uuid || !out)
		return -EINVAL;
	session = malloc(sizeof(*session)); /* first: a session without an object could not be closed */
	if (!session)
		return -ENOMEM;
	memcpy(call.uuid, uuid, sizeof(call.uuid));
	ret = call_with(vbs, OPENVBS_OPEN, &call, types, params, origin);
	if (ret) {
		free(session);
		return ret;
	}
	session->vbs = vbs;
	session->id = call.session;
	atomic_fetch_add(&vbs->users, 1);
	*out = session;
	return 0;
}

int openvbs_open(struct openvbs *vbs, const uint8_t uuid[16], struct openvbs_session **out)
{
	return openvbs_open_params(vbs, uuid, 0, NULL, NULL, out);
}

int openvbs_invoke(struct openvbs_session *session, uint32_t command, uint32_t types,
		   struct openvbs_param params[OVBS_PARAMS], uint32_t *origin)
{
	struct openvbs_call call = { 0 };

	if (!session) {
		if (origin)
			*origin = OVBS_ORIGIN_API;
		return -EINVAL;
	}
	call.session = session->id;
	call.command = command;
	return call_with(session->vbs, OPENVBS_INVOKE, &call, types, params, origin);
}

void openvbs_close(struct openvbs_session *session)
{
	struct openvbs_call call = { 0 };

	if (!session)
		return;
	call.session = session->id;
	/* Nothing to do about an error: a session that is left ends with the file. */
	(void)device_ioctl(session->vbs, OPENVBS_CLOSE, &call);
	put(session->vbs);
	free(session);
}

int openvbs_version(struct openvbs *vbs, struct openvbs_version *out)
{
	if (!vbs || !out)
		return -EINVAL;
	memset(out, 0, sizeof(*out));
	return device_ioctl(vbs, OPENVBS_VERSION, out);
}

int openvbs_trustlet(struct openvbs *vbs, uint32_t index, struct ovbs_trustlet_info *out)
{
	struct openvbs_trustlet arg = { .index = index };
	int err;

	if (!vbs || !out)
		return -EINVAL;
	err = device_ioctl(vbs, OPENVBS_TRUSTLET, &arg);
	if (err)
		return err;
	*out = arg.info;
	out->name[sizeof(out->name) - 1] = '\0';
	return 0;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Is there a "-" in front of byte @i of a UUID's text? */
static int dash_before(unsigned int i)
{
	return i == 4 || i == 6 || i == 8 || i == 10;
}

int openvbs_uuid_parse(const char *text, uint8_t uuid[16])
{
	uint8_t bytes[16];
	unsigned int i;

	if (!text || !uuid)
		return -EINVAL;
	for (i = 0; i < sizeof(bytes); i++) {
		int high, low;

		if (dash_before(i) && *text++ != '-')
			return -EINVAL;
		high = hex_digit(text[0]);
		low = high < 0 ? -1 : hex_digit(text[1]); /* not past the text's end */
		if (low < 0)
			return -EINVAL;
		bytes[i] = (uint8_t)(high << 4 | low);
		text += 2;
	}
	if (*text)
		return -EINVAL;
	memcpy(uuid, bytes, sizeof(bytes));
	return 0;
}

void openvbs_uuid_format(const uint8_t uuid[16], char text[OPENVBS_UUID_TEXT])
{
	static const char digits[] = "0123456789abcdef";
	unsigned int i;

	for (i = 0; i < 16; i++) {
		if (dash_before(i))
			*text++ = '-';
		*text++ = digits[uuid[i] >> 4];
		*text++ = digits[uuid[i] & 15];
	}
	*text = '\0';
}
