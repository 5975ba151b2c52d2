/* SPDX-License-Identifier: MIT */
/*
 * What a trustlet is written with: requests, sealing, counters, random bytes, log.
 *
 * A trustlet is an ordinary C program of one thread. Its main() calls tl_serve()
 * with its handlers, and that is all. The same sources run as a Linux process
 * (backend_host.c), for tests, sanitizers and fuzzers. docs/trustlets.md shows
 * how to write one; trustlets/hello is the example to copy.
 *
 * Results are those of enum ovbs_result; sizes are bytes. Nothing here may be
 * called from a signal handler or a second thread: in VTL1 there are none.
 */
#ifndef OPENVBS_TRUSTLET_H
#define OPENVBS_TRUSTLET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "openvbs/trustlet_abi.h"

#define TL_MUST_CHECK   __attribute__((warn_unused_result))
#define TL_ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

/* In a command table: the handler looks at the types itself. */
#define TL_TYPES_ANY 0xFFFFFFFFu

#define TL_SESSIONS_MAX 64 /* more than this no policy allows */
#define TL_LOG_MAX      120

/* One request. Its fields are the library's; use the functions below. */
struct tl_request {
	struct ovbs_tl_request page; /* first: shared with the secure kernel */
	/* What came, so that nothing written into the page later can widen a buffer. */
	uint32_t types;
	uint32_t valid; /* an enum ovbs_result; all but OVBS_OK is answered without a handler */
	uint32_t offset[OVBS_PARAMS];
	uint32_t size[OVBS_PARAMS];
};

/* A line of a trustlet's command table. */
struct tl_command {
	uint32_t command;
	uint32_t types; /* OVBS_PARAM_TYPES(), or TL_TYPES_ANY */
	/* @session: what the open handler gave. Returns an enum ovbs_result. */
	uint32_t (*run)(struct tl_request *rq, void *session);
};

/* Handlers. Each may be missing (NULL). */
struct tl_ops {
	/* A new session: OVBS_OK accepts it, and *@session is given to the handlers of its requests. */
	uint32_t (*open)(struct tl_request *rq, void **session);
	uint32_t open_types; /* OVBS_PARAM_TYPES() that opening takes; 0: none */
	/* Commands that the table does not have; without it they get OVBS_E_NOT_SUPPORTED. */
	uint32_t (*invoke)(struct tl_request *rq, void *session);
	/* The session ends; also called when its client died. Free what open made. */
	void (*close)(void *session);
	const struct tl_command *commands;
	size_t command_count;
};

/**
 * tl_serve() - answer requests for ever
 * @ops: the handlers and the command table
 *
 * Checks types and bounds, finds the session, calls the handler, answers. What a
 * handler leaves alone in an output comes out as zeros. A result other than
 * OVBS_OK gives out no value and no byte, only (with OVBS_E_SHORT_BUFFER) sizes.
 *
 * Return: as a Linux process 0 when there are no more requests; in VTL1 never.
 */
int tl_serve(const struct tl_ops *ops);

/**
 * tl_receive() - answer the request that came before, and wait for the next
 *
 * For a trustlet that wants a loop of its own; tl_serve() is made of this,
 * tl_dispatch() and tl_reply().
 *
 * Return: the request, valid until the next call; NULL as with tl_serve().
 */
struct tl_request *tl_receive(void);

/**
 * tl_dispatch() - check a request and run its handler
 * Return: the result to answer with.
 */
uint32_t tl_dispatch(const struct tl_ops *ops, struct tl_request *rq) TL_MUST_CHECK;

/**
 * tl_reply() - set the answer; the next tl_receive() sends it
 * @result: enum ovbs_result; other than OVBS_OK clears the outputs
 */
void tl_reply(struct tl_request *rq, uint32_t result);

/** tl_kind() - OVBS_TL_OPEN, OVBS_TL_INVOKE or OVBS_TL_CLOSE */
static inline uint32_t tl_kind(const struct tl_request *rq)
{
	return rq->page.kind;
}

/** tl_command() - the command's number; 0 for opening and closing */
static inline uint32_t tl_command(const struct tl_request *rq)
{
	return rq->page.kind == OVBS_TL_INVOKE ? rq->page.command : 0;
}

/** tl_uid() - the caller's user as VTL0 says: to count and to tell, never to trust */
static inline uint32_t tl_uid(const struct tl_request *rq)
{
	return rq->page.uid;
}

/** tl_type() - type of parameter @n (0 to 3), enum ovbs_param_type; OVBS_PARAM_NONE beyond */
uint32_t tl_type(const struct tl_request *rq, unsigned int n);

/*
 * The accessors. With a command table, their types are known to fit, and a
 * result other than OVBS_OK (OVBS_E_BAD_FORMAT: not of that type) is a bug of
 * the trustlet; they check all the same.
 */

/**
 * tl_value() - the two numbers of a VALUE_IN or VALUE_INOUT
 * @a, @b: set on success; each may be NULL
 */
uint32_t tl_value(const struct tl_request *rq, unsigned int n, uint64_t *a, uint64_t *b) TL_MUST_CHECK;

/** tl_set_value() - the two numbers of a VALUE_OUT or VALUE_INOUT */
uint32_t tl_set_value(struct tl_request *rq, unsigned int n, uint64_t a, uint64_t b) TL_MUST_CHECK;

/**
 * tl_input() - the bytes of a BUFFER_IN or BUFFER_INOUT
 * @data, @size: set on success; @size bytes, perhaps 0; any alignment
 *
 * The bytes are the trustlet's own copy: VTL0 can't change them any more.
 */
uint32_t tl_input(const struct tl_request *rq, unsigned int n, const uint8_t **data, size_t *size) TL_MUST_CHECK;

/**
 * tl_output() - room of a BUFFER_OUT or BUFFER_INOUT
 * @data, @room: set on success; a BUFFER_OUT is full of zeros
 *
 * Answers all @room bytes, until tl_set_size() says less.
 */
uint32_t tl_output(struct tl_request *rq, unsigned int n, uint8_t **data, size_t *room) TL_MUST_CHECK;

/**
 * tl_set_size() - how many bytes an output buffer answers; call it before writing them
 *
 * Return: OVBS_OK; OVBS_E_SHORT_BUFFER if there is less room, to be returned by
 * the handler (the caller is then told @size); OVBS_E_BAD_FORMAT.
 */
uint32_t tl_set_size(struct tl_request *rq, unsigned int n, size_t size) TL_MUST_CHECK;

/** tl_put() - answer @size bytes of @data in an output buffer; results as tl_set_size() */
uint32_t tl_put(struct tl_request *rq, unsigned int n, const void *data, size_t size) TL_MUST_CHECK;

/*
 * Sealing: encrypted and authenticated under a key that only this trustlet gets;
 * VTL0 can store the blob. It can also bring back an old one: put a counter's
 * value (tl_counter()) into @ad or @plain where that matters.
 *
 * XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03) with a random nonce.
 */
#define TL_SEAL_OVERHEAD 48u /* a blob is this much longer than what is in it */
#define TL_SEAL_AD_MAX   256u

/**
 * tl_seal() - seal bytes
 * @ad: up to TL_SEAL_AD_MAX bytes that are authenticated with it, not stored; NULL if @ad_size is 0
 * @plain: what to seal; may be NULL if @size is 0
 * @blob: out; must not overlap @plain
 * @blob_size: in: room; out: size of the blob, @size + TL_SEAL_OVERHEAD
 *
 * Return: OVBS_OK, OVBS_E_SHORT_BUFFER (*@blob_size says how much is needed),
 * OVBS_E_ACCESS_DENIED (the policy lacks `seal`), OVBS_E_BAD_PARAMETERS (too long).
 */
uint32_t tl_seal(const void *ad, size_t ad_size, const void *plain, size_t size, void *blob,
		 size_t *blob_size) TL_MUST_CHECK;

/**
 * tl_unseal() - open what tl_seal() sealed
 * @ad: the same bytes as then
 * @plain: out; must not overlap @blob. Zeros after OVBS_E_SECURITY
 * @plain_size: in: room; out: size, @size - TL_SEAL_OVERHEAD
 *
 * Return: as tl_seal(), or OVBS_E_SECURITY: no blob of this trustlet, another
 * @ad, or changed bytes.
 */
uint32_t tl_unseal(const void *ad, size_t ad_size, const void *blob, size_t size, void *plain,
		   size_t *plain_size) TL_MUST_CHECK;

/**
 * tl_counter() - add to a monotonic counter of this trustlet, which outlives it
 * @which: 0 to OVBS_TL_COUNTERS - 1
 * @add: 0 reads it
 * @value: out: the new value
 *
 * Return: OVBS_OK, OVBS_E_ACCESS_DENIED (the policy lacks `counter`),
 * OVBS_E_BAD_PARAMETERS (no such counter, or it would overflow), OVBS_E_GENERIC.
 */
uint32_t tl_counter(uint32_t which, uint64_t add, uint64_t *value) TL_MUST_CHECK;

/** tl_random() - @size random bytes, good for keys. Ends the trustlet if there are none. */
void tl_random(void *buffer, size_t size);

/**
 * tl_log() - a line for the log, as printf; VTL0 can read it, so no secrets
 *
 * Cut to TL_LOG_MAX bytes; dropped if the policy lacks `log`.
 */
void tl_log(const char *format, ...) __attribute__((format(printf, 1, 2)));

/** tl_wipe() - overwrite a secret that is no longer needed; the compiler does not leave it out */
static inline void tl_wipe(void *buffer, size_t size)
{
	__builtin_memset(buffer, 0, size);
	__asm__ volatile("" : : "r"(buffer) : "memory");
}

#endif
