// SPDX-License-Identifier: GPL-2.0-only
/*
 * Test only: hands out each module's memory as it is when the last notifier of
 * MODULE_STATE_COMING has run and before its init. Reading /proc/moddump waits
 * for records and frees them; writing to it ends the stream. `ranges` is a list
 * of "address:size" (hexadecimal) that is dumped first, then the CPU's
 * capability words.
 */
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/notifier.h>
#include <linux/proc_fs.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <linux/version.h>
#include <linux/vmalloc.h>
#include <linux/wait.h>
#include <asm/processor.h>

#include "record.h"

struct blob {
	struct list_head list;
	size_t size, done;
	u8 *bytes;
};

static LIST_HEAD(blobs);
static DEFINE_MUTEX(lock);
static DECLARE_WAIT_QUEUE_HEAD(wait);

static char *ranges = "";
module_param(ranges, charp, 0400);

static int add_record(const struct moddump_record *r)
{
	size_t size = sizeof(*r), at = sizeof(*r);
	struct blob *b = kzalloc(sizeof(*b), GFP_KERNEL);
	int i;

	for (i = 0; i < MODDUMP_AREAS; i++)
		size += r->size[i];
	if (b)
		b->bytes = vmalloc(size);
	if (!b || !b->bytes) {
		pr_err("moddump: no memory for %s\n", r->name);
		kfree(b);
		return -ENOMEM;
	}
	b->size = size;
	memcpy(b->bytes, r, sizeof(*r));
	for (i = 0; i < MODDUMP_AREAS; i++) {
		memcpy(b->bytes + at, (void *)(unsigned long)r->base[i], r->size[i]);
		at += r->size[i];
	}
	mutex_lock(&lock);
	list_add_tail(&b->list, &blobs);
	mutex_unlock(&lock);
	wake_up_interruptible(&wait);
	return 0;
}

static int coming(struct notifier_block *nb, unsigned long state, void *data)
{
	struct moddump_record r = { .magic = MODDUMP_MAGIC, .kind = MODDUMP_MODULE };
	const struct module *mod = data;

	if (state != MODULE_STATE_COMING)
		return NOTIFY_DONE;
	strscpy(r.name, mod->name, sizeof(r.name));
	r.percpu = (unsigned long)mod->percpu;
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 4, 0)
	r.base[0] = (unsigned long)mod->core_layout.base;
	r.size[0] = mod->core_layout.size;
	r.base[4] = (unsigned long)mod->init_layout.base;
	r.size[4] = mod->init_layout.size;
#else
	for (int i = 0; i < MODDUMP_AREAS; i++) {
		r.base[i] = (unsigned long)mod->mem[i].base;
		r.size[i] = mod->mem[i].size;
	}
#endif
	add_record(&r);
	return NOTIFY_DONE;
}

static struct notifier_block notifier = { .notifier_call = coming, .priority = INT_MIN };

static ssize_t dump_read(struct file *file, char __user *buf, size_t count, loff_t *pos)
{
	struct blob *b;
	ssize_t rc = wait_event_interruptible(wait, !list_empty_careful(&blobs));

	if (rc)
		return rc;
	mutex_lock(&lock);
	b = list_first_entry(&blobs, struct blob, list);
	rc = min(count, b->size - b->done);
	if (b->size == b->done)
		rc = 0;
	else if (copy_to_user(buf, b->bytes + b->done, rc))
		rc = -EFAULT;
	else
		b->done += rc;
	if (b->done == b->size && ((struct moddump_record *)b->bytes)->kind != MODDUMP_END) {
		list_del(&b->list);
		vfree(b->bytes);
		kfree(b);
	}
	mutex_unlock(&lock);
	return rc;
}

static ssize_t dump_write(struct file *file, const char __user *buf, size_t count, loff_t *pos)
{
	struct moddump_record r = { .magic = MODDUMP_MAGIC, .kind = MODDUMP_END };

	return add_record(&r) ? -ENOMEM : count;
}

static const struct proc_ops ops = { .proc_read = dump_read, .proc_write = dump_write };

static int __init moddump_init(void)
{
	struct moddump_record caps = { .magic = MODDUMP_MAGIC, .kind = MODDUMP_CAPS };
	char *at = ranges, *end;

	while (*at) {
		struct moddump_record r = { .magic = MODDUMP_MAGIC, .kind = MODDUMP_RANGE };

		r.base[0] = simple_strtoull(at, &end, 16);
		if (*end != ':')
			return -EINVAL;
		r.size[0] = simple_strtoull(end + 1, &end, 16);
		if (add_record(&r))
			return -ENOMEM;
		at = *end == ',' ? end + 1 : end;
	}
	caps.base[0] = (unsigned long)boot_cpu_data.x86_capability;
	caps.size[0] = sizeof(boot_cpu_data.x86_capability);
	if (add_record(&caps) || !proc_create("moddump", 0600, NULL, &ops))
		return -ENOMEM;
	return register_module_notifier(&notifier);
}
module_init(moddump_init);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("openvbs test: memory of modules as loaded");
