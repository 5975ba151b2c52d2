// SPDX-License-Identifier: GPL-2.0-only
/*
 * /dev/openvbs (include/openvbs/ioctl.h). A program's call is copied once,
 * checked, laid out as a message (message.c) and sent (vtl.c).
 *
 * Sessions belong to the open file: a number that VTL1 gave to another file
 * names nothing here. One call at a time goes through a session, and closing
 * waits for it, so that a number is never sent after VTL1 was told to forget
 * it. The lock is not held while the program's memory is touched.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/err.h>
#include <linux/errno.h>
#include <linux/fs.h>
#include <linux/gfp.h>
#include <linux/kref.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/printk.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/xarray.h>

#include "vtl.h"

struct session {
	u64 id;
	struct kref ref;
	struct mutex lock;
	bool closed; /* VTL1 was told; by @lock */
};

struct client {
	struct xarray sessions; /* by VTL1's number */
};

/* A call and its message. */
struct request {
	struct openvbs_call call;
	struct openvbs_layout layout;
	struct openvbs_page *page;
};

static void session_free(struct kref *ref)
{
	kfree(container_of(ref, struct session, ref));
}

static void session_put(struct session *s)
{
	kref_put(&s->ref, session_free);
}

static struct session *session_get(struct client *client, u64 id)
{
	struct session *s;

	xa_lock(&client->sessions);
	s = xa_load(&client->sessions, id);
	if (s)
		kref_get(&s->ref);
	xa_unlock(&client->sessions);
	return s;
}

static struct session *session_new(void)
{
	struct session *s = kzalloc(sizeof(*s), GFP_KERNEL_ACCOUNT);

	if (s) {
		kref_init(&s->ref);
		mutex_init(&s->lock);
	}
	return s;
}

/* Have VTL1 close session @id; @page is room for the message and gets the answer. */
static int send_close(struct openvbs_page *page, u64 id, bool killable)
{
	openvbs_msg_begin(&page->msg, OVBS_MSG_CLOSE, id, openvbs_uid());
	return openvbs_exchange(page, sizeof(page->msg), killable);
}

/*
 * Close a session that is in no table any more. There is nobody who could try
 * again, so it can't be interrupted, and it needs no memory: @page is there.
 */
static void session_end(struct session *s, struct openvbs_page *page)
{
	mutex_lock(&s->lock);
	if (!s->closed && send_close(page, s->id, false))
		pr_warn_ratelimited("a session could not be closed\n");
	s->closed = true;
	mutex_unlock(&s->lock);
}

static int request_begin(struct request *r, const void __user *arg)
{
	if (copy_from_user(&r->call, arg, sizeof(r->call)))
		return -EFAULT;
	if (r->call.reserved[0] || r->call.reserved[1])
		return -EINVAL;
	r->page = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	return r->page ? 0 : -ENOMEM;
}

static void request_end(struct request *r)
{
	if (r->page)
		free_page((unsigned long)r->page);
}

static void __user *user_buffer(const struct request *r, unsigned int n)
{
	return u64_to_user_ptr(r->call.param[n].a);
}

/* The program's parameters into the message. */
static int request_fill(struct request *r, u32 op)
{
	struct openvbs_page *page = r->page;
	unsigned int n;
	u32 bytes;
	int err;

	err = openvbs_layout_make(&r->layout, r->call.types, r->call.param);
	if (err)
		return err;
	openvbs_msg_begin(&page->msg, op, op == OVBS_MSG_OPEN ? 0 : r->call.session, openvbs_uid());
	if (op == OVBS_MSG_OPEN)
		memcpy(page->msg.uuid, r->call.uuid, sizeof(page->msg.uuid));
	else
		page->msg.command = r->call.command;
	openvbs_layout_fill(&r->layout, r->call.param, &page->msg);
	for (n = 0; n < OVBS_PARAMS; n++) {
		bytes = openvbs_layout_in(&r->layout, n);
		if (bytes &&
		    copy_from_user((u8 *)page + r->layout.buffer[n].offset, user_buffer(r, n), bytes))
			return -EFAULT;
	}
	return 0;
}

/* The answer into the program's buffers and its struct. */
static int request_answer(struct request *r, void __user *arg)
{
	const struct openvbs_page *page = r->page;
	unsigned int n;
	u32 bytes;

	for (n = 0; n < OVBS_PARAMS; n++) {
		bytes = openvbs_layout_out(&r->layout, n, &page->msg);
		if (bytes && copy_to_user(user_buffer(r, n),
					  (const u8 *)page + r->layout.buffer[n].offset, bytes))
			return -EFAULT;
	}
	openvbs_reply_params(&r->layout, &page->msg, &r->call);
	return copy_to_user(arg, &r->call, sizeof(r->call)) ? -EFAULT : 0;
}

/* VTL1 has opened a session: the file's from now on, or closed again. */
static int session_adopt(struct client *client, struct session *s, struct request *r, void __user *arg)
{
	int err;

	s->id = r->page->msg.session;
	if (!s->id)
		return -EIO;
	/* Before the program knows the number, so that it can't race with its own first call. */
	kref_get(&s->ref);
	err = xa_insert(&client->sessions, s->id, s, GFP_KERNEL_ACCOUNT);
	if (err == -EBUSY) { /* a number that is already in use: whose it is can't be told */
		session_put(s);
		return -EIO;
	}
	if (err) {
		session_put(s);
		session_end(s, r->page);
		return err;
	}
	r->call.session = s->id;
	err = request_answer(r, arg);
	if (err && xa_erase(&client->sessions, s->id)) {
		session_end(s, r->page);
		session_put(s);
	}
	return err;
}

static int do_open(struct client *client, struct request *r, void __user *arg)
{
	struct session *s;
	int err = request_fill(r, OVBS_MSG_OPEN);

	if (err)
		return err;
	if (openvbs_for_kernel_only(r->call.uuid)) {
		r->page->msg.result = OVBS_E_ACCESS_DENIED;
		r->page->msg.origin = OVBS_ORIGIN_COMMS;
		return request_answer(r, arg);
	}
	s = session_new(); /* first, so that nothing but the table can fail afterwards */
	if (!s)
		return -ENOMEM;
	err = openvbs_exchange(r->page, r->layout.used, true);
	if (!err && r->page->msg.result == OVBS_OK)
		err = session_adopt(client, s, r, arg);
	else if (!err)
		err = request_answer(r, arg);
	session_put(s);
	return err;
}

static int do_invoke(struct client *client, struct request *r, void __user *arg)
{
	struct session *s;
	int err = request_fill(r, OVBS_MSG_INVOKE);

	if (err)
		return err;
	s = session_get(client, r->call.session);
	if (!s)
		return -EBADF;
	err = mutex_lock_killable(&s->lock);
	if (!err) {
		err = s->closed ? -EBADF : openvbs_exchange(r->page, r->layout.used, true);
		mutex_unlock(&s->lock);
	}
	session_put(s);
	return err ?: request_answer(r, arg);
}

static int do_close(struct client *client, struct request *r, void __user *arg)
{
	struct session *s;
	int err;

	if (r->call.types)
		return -EINVAL;
	r->layout = (struct openvbs_layout){ .used = sizeof(r->page->msg) };
	s = session_get(client, r->call.session);
	if (!s)
		return -EBADF;
	err = mutex_lock_killable(&s->lock);
	if (err)
		goto put;
	err = s->closed ? -EBADF : 0;
	if (!err) {
		/*
		 * First out of the table, then closed, and that can't be
		 * interrupted: VTL1 may give the number to the next open at once.
		 * The table's reference is dropped by who takes it out.
		 */
		s->closed = true;
		if (xa_erase(&client->sessions, s->id))
			session_put(s);
		err = send_close(r->page, s->id, false);
	}
	mutex_unlock(&s->lock);
put:
	session_put(s);
	return err ?: request_answer(r, arg);
}

static long ioctl_version(void __user *arg)
{
	struct openvbs_version v;
	int err = openvbs_ask_version(&v);

	if (err)
		return err;
	return copy_to_user(arg, &v, sizeof(v)) ? -EFAULT : 0;
}

static long ioctl_trustlet(void __user *arg)
{
	struct openvbs_trustlet t;
	struct openvbs_page *page;
	u32 count;
	int err;

	if (copy_from_user(&t, arg, sizeof(t)))
		return -EFAULT;
	if (t.reserved)
		return -EINVAL;
	page = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	if (!page)
		return -ENOMEM;
	err = openvbs_ask_trustlets(page, t.index, &count);
	if (!err)
		memcpy(&t.info, page->data, sizeof(t.info));
	free_page((unsigned long)page);
	if (err)
		return err;
	return copy_to_user(arg, &t, sizeof(t)) ? -EFAULT : 0;
}

static long ioctl_call(struct client *client, void __user *arg,
		       int (*carry_out)(struct client *, struct request *, void __user *))
{
	struct request r = {};
	int err = request_begin(&r, arg);

	if (!err)
		err = carry_out(client, &r, arg);
	request_end(&r);
	return err;
}

static long device_ioctl(struct file *file, unsigned int cmd, unsigned long value)
{
	struct client *client = file->private_data;
	void __user *arg = (void __user *)value;

	switch (cmd) {
	case OPENVBS_VERSION:
		return ioctl_version(arg);
	case OPENVBS_TRUSTLET:
		return ioctl_trustlet(arg);
	case OPENVBS_OPEN:
		return ioctl_call(client, arg, do_open);
	case OPENVBS_INVOKE:
		return ioctl_call(client, arg, do_invoke);
	case OPENVBS_CLOSE:
		return ioctl_call(client, arg, do_close);
	default:
		return -ENOTTY;
	}
}

static int device_open(struct inode *inode, struct file *file)
{
	struct client *client = kzalloc(sizeof(*client), GFP_KERNEL_ACCOUNT);

	if (!client)
		return -ENOMEM;
	xa_init(&client->sessions);
	file->private_data = client;
	return nonseekable_open(inode, file);
}

static int device_release(struct inode *inode, struct file *file)
{
	struct client *client = file->private_data;
	struct openvbs_page *page = NULL;
	struct session *s;
	unsigned long id;

	/* Sessions left open must end even when memory is short. */
	if (!xa_empty(&client->sessions))
		page = (void *)get_zeroed_page(GFP_KERNEL | __GFP_NOFAIL);
	xa_for_each(&client->sessions, id, s)
	{
		session_end(s, page);
		session_put(s);
	}
	if (page)
		free_page((unsigned long)page);
	xa_destroy(&client->sessions);
	kfree(client);
	return 0;
}

static const struct file_operations device_ops = {
	.owner = THIS_MODULE,
	.open = device_open,
	.release = device_release,
	.unlocked_ioctl = device_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};

static struct miscdevice device = {
	.minor = MISC_DYNAMIC_MINOR, .name = "openvbs", .fops = &device_ops, .mode = 0660, /* the group comes from 60-openvbs.rules */
};

int openvbs_device_add(void)
{
	return openvbs_vtl_there() ? misc_register(&device) : 0;
}

void openvbs_device_remove(void)
{
	if (openvbs_vtl_there())
		misc_deregister(&device);
}
