/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the attacks on VTL1 share: hypercalls and VTL calls with any registers,
 * messages by a page of our own. openvbs.ko is not loaded beside us: the page
 * that is registered for the CPU that attacks run on is ours.
 */
#ifndef ATTACK_VTL1_H
#define ATTACK_VTL1_H

#include <openvbs/tlfs.h>
#include <openvbs/vtl_abi.h>

#include "attack.h"

/** struct hypercall - the registers of one, before and after */
struct hypercall {
	u64 control, rdx, r8;
	u64 result;
	bool kept; /* RCX, RDX and R8 came back as they were */
};

/** hypercall_now - carry it out; an exception is the caller's. hypercall_try - with a name for what came of it. */
void hypercall_now(struct hypercall *h);
const char *hypercall_try(struct hypercall *h);

/** hv_status_name, result_name - one word for a TLFS status and for an enum ovbs_result; NULL if not documented. */
const char *hv_status_name(u64 status);
const char *result_name(u32 result);

/** struct vtl_page - a page of messages */
struct vtl_page {
	struct ovbs_msg msg;
	u8 data[OVBS_DATA_SIZE];
};

/**
 * struct vtl1 - VTL1 as this CPU's kernel sees it
 * @block: the hypervisor's memory
 * @start: first byte of VTL1's memory, which reaches to the block's end
 * @page: registered for this CPU
 * @session: of selftest, 0: none
 * @failed: what vtl1_alive() got last from a step that should work
 */
struct vtl1 {
	struct block block;
	u64 start;
	struct vtl_page *page;
	u64 session;
	u32 failed;
};

extern const u8 selftest_uuid[16];

/** vtl1_begin - false if there is no VTL1: then the row @name says so. vtl1_end - closes and unregisters. */
bool vtl1_begin(struct report *r, struct vtl1 *v, const char *name);
void vtl1_end(struct vtl1 *v);

/** vtl_call - one VTL call on this CPU. vtl1_register - @page is this CPU's from now on. */
u32 vtl_call(u64 op, u64 r8);
u32 vtl1_register(const void *page);

/** vtl1_message - the message's header for @op, the rest of it zero. */
void vtl1_message(struct vtl_page *p, u32 op, u64 session, u32 command, u32 types);

/** vtl1_send - the message in @p, which is registered; resumed until it is done. RAX. */
u32 vtl1_send(struct vtl_page *p);

/** vtl1_allow_unused - into @shadow what an answer in @p may do to parameters without a type: they stay, or are 0. */
void vtl1_allow_unused(const struct vtl_page *p, struct vtl_page *shadow);

/** vtl1_open - a session of selftest. vtl1_alive - do VERSION and ECHO still work? Opens a session if there is none. */
u32 vtl1_open(struct vtl1 *v);
bool vtl1_alive(struct vtl1 *v);

/** addresses that are nobody's RAM, and some that are ours */
enum place {
	PLACE_OWN = 0, /* a page that the caller has */
	PLACE_BLOCK,
	PLACE_VTL1,
	PLACE_VTL1_LAST,
	PLACE_LOG,
	PLACE_CODE, /* the hypercall page */
	PLACE_APIC,
	PLACE_IOAPIC,
	PLACE_ROM,
	PLACE_BEYOND, /* above RAM, below the CPU's limit */
	PLACE_LIMIT,  /* above the CPU's limit */
	PLACE_TOP,    /* the last page of 64 bits */
	PLACES
};

/** vtl1_place - the GPA of @what. */
u64 vtl1_place(const struct vtl1 *v, enum place what, u64 own);

#endif
