// SPDX-License-Identifier: GPL-2.0-only
/*
 * Calls of the trustlet "integrity" (include/openvbs/integrity_abi.h) by the
 * kernel itself, and memory for VTL1. One session, one call at a time; device.c
 * keeps it from programs. Before lockdown what is said here is believed; later
 * nothing of it protects anything.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/page-flags.h>
#include <linux/printk.h>
#include <linux/string.h>

#include "integrity.h"
#include "integrity_trustlet.h"
#include "vtl.h"

#define GIVE_ORDER 9u   /* OVBS_GIVE_BYTES */
#define GIVE_MOST  64u /* pieces in one boot: what VTL1 takes */

static_assert((PAGE_SIZE << GIVE_ORDER) == OVBS_GIVE_BYTES);

static const u8 uuid[16] = OVBS_CI_UUID;

static DEFINE_MUTEX(lock); /* of the session and of its calls */
static u64 session;

static DEFINE_MUTEX(giving);
static unsigned int given; /* by @giving */

bool openvbs_for_kernel_only(const u8 of[16])
{
	return !memcmp(of, uuid, sizeof(uuid));
}

/* ---- session ------------------------------------------------------------ */

/* @page: room for the message. Caller holds the lock. */
static int open_session(struct openvbs_page *page)
{
	int err;

	openvbs_msg_begin(&page->msg, OVBS_MSG_OPEN, 0, 0);
	memcpy(page->msg.uuid, uuid, sizeof(uuid));
	err = openvbs_exchange(page, sizeof(page->msg), false) ?: openvbs_result_errno(page->msg.result);
	if (!err)
		session = page->msg.session;
	return err;
}

int integrity_trustlet_open(void)
{
	struct openvbs_page *page = (void *)get_zeroed_page(GFP_KERNEL);
	int err = -ENOMEM;

	if (page) {
		mutex_lock(&lock);
		err = open_session(page);
		mutex_unlock(&lock);
		free_page((unsigned long)page);
	}
	return err;
}

void integrity_trustlet_close(void)
{
	struct openvbs_page *page = (void *)get_zeroed_page(GFP_KERNEL | __GFP_NOFAIL);

	mutex_lock(&lock);
	if (session) {
		openvbs_msg_begin(&page->msg, OVBS_MSG_CLOSE, session, 0);
		openvbs_exchange(page, sizeof(page->msg), false);
		session = 0;
	}
	mutex_unlock(&lock);
	free_page((unsigned long)page);
}

/* ---- calls -------------------------------------------------------------- */

static void fill(struct openvbs_page *page, const struct openvbs_layout *l, const struct integrity_call *c)
{
	unsigned int n;

	openvbs_msg_begin(&page->msg, OVBS_MSG_INVOKE, session, 0);
	page->msg.command = c->command;
	openvbs_layout_fill(l, c->param, &page->msg);
	for (n = 0; n < OVBS_PARAMS; n++)
		if (openvbs_layout_in(l, n))
			memcpy((u8 *)page + l->buffer[n].offset, (void *)c->param[n].a, l->buffer[n].size);
}

static void take_answer(const struct openvbs_page *page, const struct openvbs_layout *l, struct integrity_call *c)
{
	struct openvbs_call answer = {};
	unsigned int n;

	memcpy(answer.param, c->param, sizeof(answer.param));
	for (n = 0; n < OVBS_PARAMS; n++) {
		u32 bytes = openvbs_layout_out(l, n, &page->msg);

		if (bytes)
			memcpy((void *)c->param[n].a, (const u8 *)page + l->buffer[n].offset, bytes);
	}
	openvbs_reply_params(l, &page->msg, &answer);
	memcpy(c->param, answer.param, sizeof(answer.param));
	c->result = answer.result;
}

/* The trustlet ended, and its sessions with it. What it knew is gone, too; it says what that means. */
static bool has_ended(u32 result)
{
	return result == OVBS_E_TARGET_DEAD || result == OVBS_E_ITEM_NOT_FOUND;
}

static int invoke(struct openvbs_page *page, const struct openvbs_layout *l, struct integrity_call *c)
{
	int err;

	fill(page, l, c);
	err = openvbs_exchange(page, l->used, false);
	if (err || page->msg.origin == OVBS_ORIGIN_TRUSTLET || !has_ended(page->msg.result))
		return err;
	/* Another one knows nothing of the file, and would say so: as if none of the module's pages were frozen. */
	if (c->command == OVBS_CI_PLACE)
		return 0;
	pr_err("integrity: the trustlet has ended; another one is asked\n");
	err = open_session(page);
	if (err)
		return err;
	fill(page, l, c);
	return openvbs_exchange(page, l->used, false);
}

int integrity_invoke(struct integrity_call *c)
{
	struct openvbs_page *page;
	struct openvbs_layout l;
	int err = openvbs_layout_make(&l, c->types, c->param);

	if (err)
		return err;
	page = (void *)get_zeroed_page(GFP_KERNEL | __GFP_NOFAIL); /* memory may be freed only after a call */
	mutex_lock(&lock);
	err = session ? invoke(page, &l, c) : -ENOENT;
	mutex_unlock(&lock);
	if (!err)
		take_answer(page, &l, c);
	free_page((unsigned long)page);
	return err;
}

/* For commands that give nothing back but their result. */
static int tell(u32 command, u32 types, struct ovbs_param first, struct ovbs_param second)
{
	struct integrity_call c = { .command = command, .types = types, .param = { first, second } };
	int err = integrity_invoke(&c);

	if (!err && c.result != OVBS_OK)
		pr_err("integrity: the trustlet refuses command %u: %#x\n", command, c.result);
	if (!err && c.result == OVBS_E_BAD_STATE)
		return -EBUSY;
	return err ?: openvbs_result_errno(c.result);
}

static const struct ovbs_param none;

int integrity_tell(u32 command)
{
	return tell(command, 0, none, none);
}

int integrity_tell_value(u32 command, u64 value)
{
	return tell(command, OVBS_PARAM_TYPES(OVBS_PARAM_VALUE_IN, 0, 0, 0), (struct ovbs_param){ value, 0 }, none);
}

int integrity_tell_bytes(u32 command, const void *bytes, size_t n)
{
	return tell(command, OVBS_PARAM_TYPES(OVBS_PARAM_BUFFER_IN, 0, 0, 0), (struct ovbs_param){ (unsigned long)bytes, n },
		    none);
}

int integrity_tell_both(u32 command, u64 value, const void *bytes, size_t n)
{
	return tell(command, OVBS_PARAM_TYPES(OVBS_PARAM_VALUE_IN, OVBS_PARAM_BUFFER_IN, 0, 0),
		    (struct ovbs_param){ value, 0 }, (struct ovbs_param){ (unsigned long)bytes, n });
}

/* ---- memory for VTL1 ---------------------------------------------------- */

static int give_piece(void)
{
	struct page *piece = alloc_pages(GFP_KERNEL | __GFP_NOWARN | __GFP_ZERO, GIVE_ORDER);
	unsigned int i;
	int err;

	if (!piece)
		return -ENOMEM;
	err = integrity_send(OVBS_MSG_GIVE, INTEGRITY_TWO_VALUES, (struct ovbs_param){ page_to_phys(piece), 1 },
			     (struct ovbs_param){});
	/* Nobody's to read, from now on: dumps leave it out. Also after an error: some of its pages may be VTL1's. */
	for (i = 0; i < 1u << GIVE_ORDER; i++)
		SetPageReserved(piece + i);
	given++;
	return err;
}

int integrity_give(size_t bytes)
{
	size_t pieces = DIV_ROUND_UP(bytes, OVBS_GIVE_BYTES);
	int err = 0;

	mutex_lock(&giving);
	while (pieces-- && !err) {
		err = given < GIVE_MOST ? give_piece() : -ENOSPC;
	}
	mutex_unlock(&giving);
	return err;
}
