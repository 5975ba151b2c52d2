/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The way to VTL1 inside of the module: hypercall page, VTL call, one page per
 * CPU (vtl.c), what VTL1 says about itself (trustlets.c), and the device for
 * programs (device.c). All of it is optional: without VTL1 the module loads
 * and shows the hypervisor only.
 */
#ifndef OPENVBS_VTL_H
#define OPENVBS_VTL_H

#include <linux/types.h>

#include "message.h"

struct seq_file;

/* A message with its data, as in a CPU's page. */
struct openvbs_page {
	struct ovbs_msg msg;
	u8 data[OVBS_DATA_SIZE];
};
static_assert(sizeof(struct openvbs_page) == OVBS_PAGE_SIZE);

/**
 * openvbs_vtl_start - find VTL1 and give it a page of each CPU
 *
 * 0, or -errno after one line in the kernel log that says why not. What was
 * begun is undone. Process context.
 */
int openvbs_vtl_start(void);

/** openvbs_vtl_stop - take the pages back; nothing if VTL1 was not started. No exchange may be under way. */
void openvbs_vtl_stop(void);

/** openvbs_vtl_there - did openvbs_vtl_start() find VTL1? */
bool openvbs_vtl_there(void);

/**
 * openvbs_exchange - have VTL1 carry out one message, however long it takes
 * @page: the message and its data; replaced by the answer
 * @used: bytes of @page that go there and back, at least OVBS_DATA_OFF
 * @killable: stop waiting for a busy trustlet when a fatal signal comes
 *
 * 0: @page->msg.result says how it went. -EINTR: killed while waiting, VTL1
 * has begun nothing. -EIO: VTL1 does not keep to the protocol. A message that
 * is under way is never given up. Process context, may sleep.
 */
int openvbs_exchange(struct openvbs_page *page, u32 used, bool killable);

/** openvbs_uid - what the messages of the current process say of its user */
u32 openvbs_uid(void);

/** openvbs_ask_version - 0 or -errno (openvbs_result_errno(), openvbs_exchange(), -ENOMEM) */
int openvbs_ask_version(struct openvbs_version *v);

/**
 * openvbs_ask_trustlets - the entries from @first on, as many as a page holds
 * @page: room for them; they begin at @page->data
 * @count: out: how many there are, at least 1
 *
 * 0; -ENOENT if @first is past the last; or -errno like openvbs_ask_version().
 */
int openvbs_ask_trustlets(struct openvbs_page *page, u32 first, u32 *count);

/** openvbs_trustlets_show, openvbs_vtl_version_show - for files.c; 0 or -errno */
int openvbs_trustlets_show(struct seq_file *m, void *unused);
int openvbs_vtl_version_show(struct seq_file *m);

/** openvbs_for_kernel_only - is this trustlet the kernel's alone? Then programs are refused: OVBS_E_ACCESS_DENIED. */
bool openvbs_for_kernel_only(const u8 uuid[16]);

/** openvbs_device_add, openvbs_device_remove - /dev/openvbs; nothing without VTL1 */
int openvbs_device_add(void);
void openvbs_device_remove(void);

#endif
