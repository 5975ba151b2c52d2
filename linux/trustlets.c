// SPDX-License-Identifier: GPL-2.0-only
/*
 * What VTL1 says about itself: versions, and the table of trustlets with "Secure
 * System" (the secure kernel) first. Asked anew each time. The columns of the
 * table are ABI: add before the name, which is last because it may hold spaces.
 */
#include <linux/errno.h>
#include <linux/gfp.h>
#include <linux/seq_file.h>

#include "vtl.h"

static struct openvbs_page *new_question(u32 op)
{
	struct openvbs_page *page = (void *)get_zeroed_page(GFP_KERNEL);

	if (page)
		openvbs_msg_begin(&page->msg, op, 0, openvbs_uid());
	return page;
}

static int ask(struct openvbs_page *page)
{
	return openvbs_exchange(page, sizeof(*page), true) ?: openvbs_result_errno(page->msg.result);
}

int openvbs_ask_version(struct openvbs_version *v)
{
	struct openvbs_page *page = new_question(OVBS_MSG_VERSION);
	const struct ovbs_param *param;
	int err;

	if (!page)
		return -ENOMEM;
	param = page->msg.param;
	err = ask(page);
	if (!err)
		*v = (struct openvbs_version){
			.abi = (u32)param[0].a,
			.security_version = (u32)param[0].b,
			.build = (u32)param[1].a,
			.trustlets = (u32)param[1].b,
			.services = (u32)param[2].a,
		};
	free_page((unsigned long)page);
	return err;
}

int openvbs_ask_trustlets(struct openvbs_page *page, u32 first, u32 *count)
{
	struct ovbs_trustlet_info *info = (void *)page->data;
	int err;
	u32 i;

	openvbs_msg_begin(&page->msg, OVBS_MSG_TRUSTLETS, 0, openvbs_uid());
	page->msg.param[0].a = first;
	err = ask(page);
	if (err)
		return err;
	if (!page->msg.param[0].b)
		return -ENOENT;
	if (page->msg.param[0].b > OVBS_TRUSTLETS_PER_PAGE)
		return -EIO;
	*count = (u32)page->msg.param[0].b;
	for (i = 0; i < *count; i++)
		info[i].name[sizeof(info[i].name) - 1] = '\0';
	return 0;
}

static const char *state_name(u32 state)
{
	static const char *const names[] = {
		[OVBS_TRUSTLET_STOPPED] = "stopped",
		[OVBS_TRUSTLET_READY] = "ready",
		[OVBS_TRUSTLET_BUSY] = "busy",
	};

	return state < ARRAY_SIZE(names) ? names[state] : "unknown";
}

static void show_one(struct seq_file *m, const struct ovbs_trustlet_info *t)
{
	seq_printf(m, "%pUb %7u %-8s %8u %10llu %10llu %14llu %10llu %7llu ", t->uuid,
		   t->security_version, state_name(t->state), t->sessions, t->memory, t->limit,
		   t->time_ns, t->calls, t->crashes);
	seq_escape(m, t->name, "\n\t\\");
	seq_putc(m, '\n');
}

int openvbs_trustlets_show(struct seq_file *m, void *unused)
{
	struct openvbs_page *page = new_question(OVBS_MSG_TRUSTLETS);
	const struct ovbs_trustlet_info *info;
	u32 first = 0, count, i;
	int err;

	if (!page)
		return -ENOMEM;
	info = (const void *)page->data;
	seq_printf(m, "%-36s %7s %-8s %8s %10s %10s %14s %10s %7s %s\n", "uuid", "version", "state",
		   "sessions", "memory", "limit", "time_ns", "calls", "crashes", "name");
	while (!(err = openvbs_ask_trustlets(page, first, &count))) {
		for (i = 0; i < count; i++)
			show_one(m, &info[i]);
		first += count;
	}
	free_page((unsigned long)page);
	return err == -ENOENT ? 0 : err;
}

int openvbs_vtl_version_show(struct seq_file *m)
{
	struct openvbs_version v;
	int err = openvbs_ask_version(&v);

	if (err)
		return err;
	seq_printf(m, "vtl1 %u.%u.%u\nvtl1_abi %u\nvtl1_security_version %u\n", v.build >> 16,
		   v.build >> 8 & 0xFF, v.build & 0xFF, v.abi, v.security_version);
	return 0;
}
