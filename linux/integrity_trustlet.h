/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The trustlet "integrity" as the kernel calls it: commands and parameters are
 * those of include/openvbs/integrity_abi.h. Process context, may sleep.
 */
#ifndef OPENVBS_INTEGRITY_TRUSTLET_H
#define OPENVBS_INTEGRITY_TRUSTLET_H

#include <linux/types.h>

#include <asm/paravirt_types.h>

#undef paravirt_nop /* 6.1: not used here, and the ABI has a field of that name */
#include <openvbs/integrity_abi.h>
#include <openvbs/vtl_abi.h>

/**
 * struct integrity_call - one command and what came of it
 * @command: enum ovbs_ci_command
 * @types: OVBS_PARAM_TYPES()
 * @param: a buffer's a is its address in the kernel, b its size; answers as in struct openvbs_call
 * @result: out: enum ovbs_result
 */
struct integrity_call {
	u32 command, types;
	struct ovbs_param param[OVBS_PARAMS];
	u32 result;
};

/** integrity_trustlet_open - 0; -ENOENT: VTL1 has no such trustlet; or another negative errno. */
int integrity_trustlet_open(void);

/** integrity_trustlet_close - end the session; no command works any more. */
void integrity_trustlet_close(void);

/**
 * integrity_invoke - have a command carried out, however long it takes
 *
 * 0: @c->result says how it went, and outputs are there if it is OVBS_OK.
 * -E2BIG: buffers do not fit in a message; -ENOENT: no session; or as openvbs_exchange().
 */
int integrity_invoke(struct integrity_call *c);

/* Commands without an output: 0, or negative errno, also of their result: -EBUSY is OVBS_E_BAD_STATE. */
int integrity_tell(u32 command);
int integrity_tell_value(u32 command, u64 value);
int integrity_tell_bytes(u32 command, const void *bytes, size_t n);
int integrity_tell_both(u32 command, u64 value, const void *bytes, size_t n);

/**
 * integrity_give - give VTL1 at least @bytes of memory, until reset
 *
 * 0; -ENOMEM: there is none in one piece; -ENOSPC: VTL1 has had its share in
 * this boot; or as integrity_send(). What was given before that stays given.
 */
int integrity_give(size_t bytes);

#endif
