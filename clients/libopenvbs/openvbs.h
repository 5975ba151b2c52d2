/* SPDX-License-Identifier: MIT */
/*
 * libopenvbs: call trustlets of openvbs from a program of VTL0.
 *
 * What functions return: 0 is success. Everything else is an int that
 * openvbs_strerror() explains:
 *   -4095 to -1   -errno: the call did not reach the trustlet (OPENVBS_IS_ERRNO())
 *   other         enum ovbs_result, as an int, of VTL1 or the trustlet: compare
 *                 with OPENVBS_RESULT(OVBS_E_BUSY) and the like. A trustlet's
 *                 own codes come through as they are, except that one of
 *                 FFFFF001h to FFFFFFFFh, which would look like an errno,
 *                 comes as OVBS_E_GENERIC.
 *
 * Threads: all functions may be called from several threads at once, with the
 * same objects, except that openvbs_close() and openvbs_disconnect() must be
 * the last to use theirs. Calls through one session are carried out one after
 * the other; a trustlet serves one call at a time in any case.
 */
#ifndef OPENVBS_H
#define OPENVBS_H

#include <stddef.h>
#include <stdint.h>

#include <openvbs/ioctl.h>

/** OPENVBS_RESULT() - an OVBS_E_* as the functions return it */
#define OPENVBS_RESULT(result) ((int)(result))

/** OPENVBS_IS_ERRNO() - is what a function returned a -errno? */
#define OPENVBS_IS_ERRNO(ret) ((ret) < 0 && (ret) >= -4095)

#define OPENVBS_UUID_TEXT 37 /* bytes of a UUID as text, with the 0 at its end */

struct openvbs;         /* a connection: /dev/openvbs, open */
struct openvbs_session; /* an open session with a trustlet */

/* A parameter of a call; its OVBS_PARAM_* type says which half counts. */
struct openvbs_param {
	union {
		struct {
			uint64_t a, b;
		} value;
		struct {
			void *data; /* not written if the type is OVBS_PARAM_BUFFER_IN */
			size_t size; /* bytes; after an output: how many are there, or needed (OVBS_E_SHORT_BUFFER) */
		} buffer;
	};
};

/**
 * openvbs_connect() - open the way to VTL1
 * @out: the connection; NULL after an error
 *
 * Return: 0;
 * -ENODEV: no /dev/openvbs: the module is not loaded, or there is no VTL1;
 * -EACCES: the user is not in the group openvbs;
 * -EPROTONOSUPPORT: VTL1 speaks another version of the ABI;
 * -EINVAL: @out is NULL;
 * -ENOMEM; -EMFILE, -ENFILE: too many open files; -EIO: VTL1 does not answer
 * as it should; -EINTR: killed.
 */
int openvbs_connect(struct openvbs **out);

/**
 * openvbs_disconnect() - give up a connection
 * @vbs: or NULL
 *
 * Sessions that are open keep working until they are closed, in any order.
 */
void openvbs_disconnect(struct openvbs *vbs);

/**
 * openvbs_open() - open a session with a trustlet; it is started if need be
 * @vbs: the connection
 * @uuid: of the trustlet, most significant byte first (openvbs_uuid_parse())
 * @out: the session; NULL after an error
 *
 * Return: 0; OVBS_E_ITEM_NOT_FOUND: no such trustlet; OVBS_E_OUT_OF_MEMORY: VTL1
 * has none left, or all sessions of the trustlet are taken;
 * OVBS_E_ACCESS_DENIED and any other result: the policy's or the trustlet's
 * answer; or what openvbs_invoke() says for -errno.
 */
int openvbs_open(struct openvbs *vbs, const uint8_t uuid[16], struct openvbs_session **out);

/**
 * openvbs_open_params() - openvbs_open() with parameters for the trustlet
 * @types: OVBS_PARAM_TYPES()
 * @params: 4 of them, or NULL if @types is 0; outputs are put there
 * @origin: out, or NULL: enum ovbs_origin, who said the result
 *
 * Return: as openvbs_open() and openvbs_invoke().
 */
int openvbs_open_params(struct openvbs *vbs, const uint8_t uuid[16], uint32_t types,
			struct openvbs_param params[OVBS_PARAMS], uint32_t *origin,
			struct openvbs_session **out);

/**
 * openvbs_invoke() - have a trustlet carry out a command
 * @session: from openvbs_open()
 * @command: the trustlet defines them
 * @types: OVBS_PARAM_TYPES()
 * @params: 4 of them, or NULL if @types is 0; outputs are put there after
 *          success and after an error of the trustlet itself
 * @origin: out, or NULL: enum ovbs_origin, who said the result; OVBS_ORIGIN_API
 *          or OVBS_ORIGIN_COMMS for a -errno
 *
 * Return: 0;
 * -EINVAL: @types makes no sense, an argument is NULL;
 * -E2BIG: the buffers, each rounded up to 16 bytes, are together more than
 * OVBS_DATA_SIZE (3968) bytes; split them over several calls;
 * -EFAULT: a buffer is not memory of this program (after an output: the
 * command was carried out);
 * -EBADF: the session is closed;
 * -EINTR: the program is being killed, nothing was begun;
 * -ENOMEM; -EIO: VTL1 does not keep to the protocol;
 * OVBS_E_SHORT_BUFFER: an output did not fit, its size says how much is needed;
 * OVBS_E_TARGET_DEAD: the trustlet crashed, or used up its time: close the
 * session and open another;
 * any other result: the trustlet's.
 */
int openvbs_invoke(struct openvbs_session *session, uint32_t command, uint32_t types,
		   struct openvbs_param params[OVBS_PARAMS], uint32_t *origin);

/**
 * openvbs_close() - end a session
 * @session: or NULL; not to be used any more, whatever VTL1 says
 */
void openvbs_close(struct openvbs_session *session);

/**
 * openvbs_version() - versions of VTL1
 * @vbs: the connection
 * @out: the versions
 *
 * Return: 0; -EINVAL: an argument is NULL; -EINTR: killed; -ENOMEM; -EIO.
 */
int openvbs_version(struct openvbs *vbs, struct openvbs_version *out);

/**
 * openvbs_trustlet() - what VTL1 says about a trustlet
 * @vbs: the connection
 * @index: from 0, which is the secure kernel itself, "Secure System"
 * @out: name (always ends with 0), state, memory, times
 *
 * Return: 0; -ENOENT: @index is past the last; -EINVAL: an argument is NULL;
 * -EINTR: killed; -ENOMEM; -EIO.
 */
int openvbs_trustlet(struct openvbs *vbs, uint32_t index, struct ovbs_trustlet_info *out);

/**
 * openvbs_uuid_parse() - "8-4-4-4-12" hexadecimal digits (RFC 9562) to bytes
 * @text: exactly that, upper or lower case
 * @uuid: out; unchanged after an error
 *
 * Return: 0; -EINVAL: it is none, or an argument is NULL.
 */
int openvbs_uuid_parse(const char *text, uint8_t uuid[16]);

/** openvbs_uuid_format() - the opposite of openvbs_uuid_parse(), in lower case */
void openvbs_uuid_format(const uint8_t uuid[16], char text[OPENVBS_UUID_TEXT]);

/**
 * openvbs_strerror() - what a function's return value means
 * @ret: of any function here
 *
 * Return: a text without line end. It stays valid until the same thread calls
 * openvbs_strerror() again.
 */
const char *openvbs_strerror(int ret);

/** openvbs_origin_name() - "library", "kernel", "VTL1", "trustlet", or "unknown" */
const char *openvbs_origin_name(uint32_t origin);

#endif
