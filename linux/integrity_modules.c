// SPDX-License-Identifier: GPL-2.0-only
/*
 * Modules that come after lockdown. The trustlet "integrity" has a copy of each
 * file when Linux looks at its signature (token), and judges what Linux has made
 * of it when the module is placed (number), before anything of it runs or is
 * patched for it. All of this is for Linux's sake, that it gets a clear no and
 * may free what is thawed; a kernel that leaves it out gets memory that can't be
 * executed.
 *
 * Locks: files_lock and placed_lock are the last that are taken, but for what
 * calls of VTL1 need.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/delay.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/notifier.h>
#include <linux/printk.h>
#include <linux/ratelimit.h>
#include <linux/rwsem.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/task_work.h>
#include <linux/verification.h>

#include "integrity.h"
#include "integrity_trustlet.h"
#include "message.h"
#include "openvbs.h"

#define TRIES    4u  /* with more memory each time */
#define PATIENCE 50u /* times 20 ms, until a module that needs this one is gone in VTL1, too */

static bool admitting;

notrace bool integrity_admitting(void)
{
	return READ_ONCE(admitting);
}

void integrity_modules_admit(void)
{
	WRITE_ONCE(admitting, true);
}

/*
 * A file that was accepted belongs to the task that loads it, until the module
 * is placed or the task goes back to its program: then it came to nothing.
 */
struct judged_file {
	struct callback_head work;
	struct list_head list;
	struct task_struct *task;
	u64 token; /* 0: none, or it is used up */
	const void *data, *signature; /* what was asked last */
	size_t len, signature_len;
};

/* ---- asking ------------------------------------------------------------- */

static void settle(struct ovbs_ci_answer *a)
{
	a->signer[sizeof(a->signer) - 1] = '\0';
	a->text[sizeof(a->text) - 1] = '\0';
}

/*
 * @bytes: of the file in question. VTL1 keeps a copy until the module is placed,
 * and has as much again at hand while it compares.
 */
static int ask(struct integrity_call *c, size_t bytes)
{
	const struct integrity_call first = *c;
	unsigned int i;
	int err;

	for (i = 0; i < TRIES; i++) {
		*c = first;
		err = integrity_invoke(c);
		if (err || c->result != OVBS_E_OUT_OF_MEMORY)
			break;
		err = integrity_give(3 * bytes + OVBS_GIVE_BYTES);
		if (err)
			break;
	}
	return err ?: openvbs_result_errno(c->result);
}

/* 0 and a token; -EKEYREJECTED: the trustlet's answer is no; or it can't be asked. */
static int ask_file(const void *data, size_t len, const void *signature, size_t signature_len, u64 *token,
		    struct ovbs_ci_answer *answer)
{
	struct integrity_call c = {
		.command = OVBS_CI_FILE,
		.types = OVBS_PARAM_TYPES(OVBS_PARAM_VALUE_IN, OVBS_PARAM_VALUE_IN, OVBS_PARAM_VALUE_OUT,
					  OVBS_PARAM_BUFFER_OUT),
		.param = { { (unsigned long)data, len },
			   { (unsigned long)signature, signature_len },
			   {},
			   { (unsigned long)answer, sizeof(*answer) } },
	};
	int err = ask(&c, len + signature_len);

	settle(answer);
	if (err)
		return err;
	*token = c.param[2].a;
	return *token && !c.param[2].b && !answer->reason ? 0 : -EKEYREJECTED;
}

/* 0 and a number; -EPERM: the trustlet's answer is no, and nothing is frozen; or it can't be asked to the end. */
static int ask_place(const struct judged_file *f, const struct ovbs_ci_place *place, u64 *number,
		     struct ovbs_ci_answer *answer)
{
	struct integrity_call c = {
		.command = OVBS_CI_PLACE,
		.types = OVBS_PARAM_TYPES(OVBS_PARAM_VALUE_INOUT, OVBS_PARAM_BUFFER_IN, OVBS_PARAM_BUFFER_OUT, 0),
		.param = { { f->token, 0 },
			   { (unsigned long)place, sizeof(*place) },
			   { (unsigned long)answer, sizeof(*answer) } },
	};
	int err = ask(&c, f->len);

	settle(answer);
	if (err)
		return err == -EPERM ? -EIO : err;
	*number = c.param[0].a;
	return *number && !answer->reason ? 0 : -EPERM;
}

/* ---- files -------------------------------------------------------------- */

static LIST_HEAD(files);
static DEFINE_MUTEX(files_lock);

/* The one of this task, or NULL. */
static struct judged_file *file_of_task(void)
{
	struct judged_file *f, *found = NULL;

	mutex_lock(&files_lock);
	list_for_each_entry(f, &files, list)
		if (f->task == current)
			found = f;
	mutex_unlock(&files_lock);
	return found; /* and nobody else's business */
}

static void forget(struct judged_file *f)
{
	if (f->token && integrity_tell_value(OVBS_CI_FORGET, f->token))
		pr_err_ratelimited("integrity: a module's file can't be forgotten\n");
	f->token = 0;
}

static void file_end(struct callback_head *work)
{
	struct judged_file *f = container_of(work, struct judged_file, work);

	forget(f);
	mutex_lock(&files_lock);
	list_del(&f->list);
	mutex_unlock(&files_lock);
	kfree(f);
}

static struct judged_file *file_begin(void)
{
	int (*add)(struct task_struct *task, struct callback_head *work, enum task_work_notify_mode notify) =
		(void *)integrity_at[TASK_WORK];
	struct judged_file *f;

	if (current->flags & PF_KTHREAD)
		return NULL; /* never goes back to a program; and none loads modules */
	f = kzalloc(sizeof(*f), GFP_KERNEL);
	if (!f)
		return NULL;
	f->task = current;
	init_task_work(&f->work, file_end);
	if (add(current, &f->work, TWA_RESUME)) {
		kfree(f); /* it is on its way out */
		return NULL;
	}
	mutex_lock(&files_lock);
	list_add(&f->list, &files);
	mutex_unlock(&files_lock);
	return f;
}

/* Linux asks twice, for two of its keyrings, if the first does not have the key. VTL1 has a copy: what it is of now does not count. */
static bool is_same(const struct judged_file *f, const void *data, size_t len, const void *signature, size_t signature_len)
{
	return f->token && f->data == data && f->len == len && f->signature == signature &&
	       f->signature_len == signature_len;
}

static void say_refused(int err, const struct ovbs_ci_answer *a)
{
	if (err == -EKEYREJECTED)
		pr_err_ratelimited("integrity: a module's file is refused (%s[%d]): %s; signed by %s\n", current->comm,
				   current->pid, a->text, *a->signer ? a->signer : "nobody known");
	else
		pr_err_ratelimited("integrity: a module's file is refused (%s[%d]): VTL1 can't be asked: %d\n",
				   current->comm, current->pid, err);
}

static int file_admit(struct judged_file *f, const void *data, size_t len, const void *signature, size_t signature_len)
{
	struct ovbs_ci_answer *answer;
	int err;

	if (is_same(f, data, len, signature, signature_len))
		return 0;
	forget(f);
	answer = kzalloc(sizeof(*answer), GFP_KERNEL);
	if (!answer)
		return -ENOMEM;
	/* One by one: others change what the list has in it. */
	f->data = data;
	f->signature = signature;
	f->len = len;
	f->signature_len = signature_len;
	err = ask_file(data, len, signature, signature_len, &f->token, answer);
	if (err) {
		f->token = 0;
		say_refused(err, answer);
	}
	kfree(answer);
	return err;
}

int integrity_judge_file(const void *data, size_t len, const void *signature, size_t signature_len, struct key *trusted,
			 enum key_being_used_for usage,
			 int (*view)(void *ctx, const void *data, size_t len, size_t header), void *ctx)
{
	struct judged_file *f = file_of_task() ?: file_begin();
	int err = f ? file_admit(f, data, len, signature, signature_len) : -ENOMEM;

	if (err)
		return err == -ENOMEM ? err : -EKEYREJECTED;
	err = verify_pkcs7_signature(data, len, signature, signature_len, trusted, usage, view, ctx);
	if (err && err != -ENOKEY)
		forget(f);
	return err;
}

/* ---- placed modules ----------------------------------------------------- */

struct placed {
	struct list_head list;
	const struct module *mod;
	u64 number;
	char name[MODULE_NAME_LEN];
	void *area[OVBS_CI_AREAS]; /* NULL: none, or given back */
	bool ready; /* its init has returned */
	bool live, gone; /* VTL1 was told */
	bool lost;       /* nobody knows what is frozen of it */
};

#define FIRST_INIT_AREA 4 /* MOD_INIT_TEXT; 6.1: the init area */

static LIST_HEAD(placed);
static DEFINE_MUTEX(placed_lock);

static void fill_place(struct ovbs_ci_place *p, const struct module *mod)
{
	*p = (struct ovbs_ci_place){ .percpu = (unsigned long)mod->percpu };
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 4, 0)
	static_assert(MOD_INIT_TEXT == FIRST_INIT_AREA && MOD_MEM_NUM_TYPES == OVBS_CI_AREAS);
	for (unsigned int i = 0; i < OVBS_CI_AREAS; i++) {
		p->area[i].base = (unsigned long)mod->mem[i].base;
		p->area[i].bytes = mod->mem[i].size;
	}
#else
	p->area[0].base = (unsigned long)mod->core_layout.base;
	p->area[0].bytes = mod->core_layout.size;
	p->area[FIRST_INIT_AREA].base = (unsigned long)mod->init_layout.base;
	p->area[FIRST_INIT_AREA].bytes = mod->init_layout.size;
#endif
}

/* What became of a module that was not placed is known if VTL1 can at least forget it; else its pages may stay frozen. */
static void give_up(struct judged_file *f, struct placed *p)
{
	int err = integrity_tell_value(OVBS_CI_FORGET, f->token);

	p->lost = err; /* -ENOENT: another trustlet, which does not know what that one froze */
}

static int place(struct module *mod, struct judged_file *f, struct placed *to, struct ovbs_ci_answer *answer)
{
	struct ovbs_ci_place p;
	unsigned int i;
	int err;

	fill_place(&p, mod);
	err = ask_place(f, &p, &to->number, answer);
	if (err && err != -EPERM)
		give_up(f, to);
	if (err && !to->lost)
		return err;
	to->mod = mod;
	strscpy(to->name, mod->name, sizeof(to->name));
	for (i = 0; i < OVBS_CI_AREAS; i++)
		to->area[i] = p.area[i].bytes ? (void *)p.area[i].base : NULL;
	mutex_lock(&placed_lock);
	list_add_tail(&to->list, &placed);
	mutex_unlock(&placed_lock);
	return err;
}

static int comes_by_file(struct module *mod, struct judged_file *f)
{
	struct ovbs_ci_answer *answer = kzalloc(sizeof(*answer), GFP_KERNEL);
	struct placed *p = kzalloc(sizeof(*p), GFP_KERNEL);
	int err = -ENOMEM;

	if (answer && p)
		err = place(mod, f, p, answer);
	if (err == -EPERM)
		pr_err("integrity: module %s is refused: %s; signed by %s\n", mod->name, answer->text,
		       *answer->signer ? answer->signer : "nobody known");
	else if (err)
		pr_err("integrity: module %s is refused: VTL1 can't be asked: %d\n", mod->name, err);
	if (err && !(p && p->lost))
		kfree(p);
	kfree(answer);
	f->token = 0; /* used up, or given up */
	return err ? -EPERM : 0;
}

/* First of all who are told, so nothing of the module has run and no static call or jump label was patched for it. */
static int comes(struct module *mod)
{
	struct judged_file *f = file_of_task();

	if (!f || !f->token) {
		pr_err("integrity: module %s is refused: %s\n", mod->name,
		       integrity_admitting() ? "VTL1 has not seen its file" : "it comes after lockdown");
		return -EPERM;
	}
	return comes_by_file(mod, f);
}

/* Caller holds placed_lock. */
static struct placed *find_placed(const struct module *mod)
{
	struct placed *p;

	list_for_each_entry(p, &placed, list)
		if (p->mod == mod && !p->gone)
			return p;
	return NULL;
}

static struct placed *find_area(const void *memory, unsigned int *which)
{
	struct placed *p;

	list_for_each_entry(p, &placed, list)
		for (*which = 0; *which < OVBS_CI_AREAS; ++*which)
			if (p->area[*which] == memory)
				return p;
	return NULL;
}

static bool has_areas(const struct placed *p, unsigned int from)
{
	unsigned int i;

	for (i = from; i < OVBS_CI_AREAS; i++)
		if (p->area[i])
			return true;
	return false;
}

static int tell(u32 command, const struct placed *p)
{
	int err = integrity_tell_value(command, p->number);

	if (err == -ENOMEM)
		err = integrity_give(OVBS_GIVE_BYTES) ?: integrity_tell_value(command, p->number);
	return err;
}

/* Nothing of its init can run any more: what it leaves is constant, and its memory may go. */
static int end_init(struct placed *p)
{
	int err = p->live || p->gone ? 0 : tell(OVBS_CI_LIVE, p);

	p->live |= !err;
	return err;
}

static int end_module(struct placed *p)
{
	int err = p->gone ? 0 : tell(OVBS_CI_GONE, p);

	p->gone |= !err;
	return err;
}

/*
 * Memory goes back piece by piece: the first of init's, when init is over, ends
 * init; any other ends the module. A module that is taken out may have its init
 * area given back last.
 */
static int thaw(struct placed *p, unsigned int which)
{
	int err = p->lost ? -EIO : which >= FIRST_INIT_AREA && p->ready ? end_init(p) : end_module(p);

	if (err)
		return err;
	p->area[which] = NULL;
	if (p->gone && !has_areas(p, 0)) {
		list_del(&p->list);
		kfree(p);
	}
	return 0;
}

static int thaw_at(const void *memory)
{
	struct placed *p;
	unsigned int which;
	int err = 0;

	mutex_lock(&placed_lock);
	p = memory ? find_area(memory, &which) : NULL;
	if (p)
		err = thaw(p, which);
	if (err && err != -EBUSY)
		pr_err("integrity: module %s can't be thawed: %d; its memory is lost\n", p->name, err);
	mutex_unlock(&placed_lock);
	return err;
}

static void give_back(void *memory)
{
	void (*original)(void *memory) = (void *)integrity_at[RELEASE];

	original(memory);
}

/* Nothing is given back while lockdown looks for what is code. */
static DECLARE_RWSEM(memory_lock);

void integrity_memory_hold(void)
{
	down_write(&memory_lock);
}

void integrity_memory_go_on(void)
{
	up_write(&memory_lock);
}

void integrity_release(void *memory)
{
	unsigned int tries = 0;
	int err;

	down_read(&memory_lock);
	do {
		if (tries++)
			msleep(20);
		err = integrity_frozen_module_page((unsigned long)memory) ? -EPERM : thaw_at(memory);
	} while (err == -EBUSY && tries < PATIENCE);
	if (!err)
		give_back(memory);
	else if (err == -EBUSY)
		pr_err("integrity: a module is still needed in VTL1; its memory is lost\n");
	up_read(&memory_lock);
}

/* It is live: what is left of its init is given back soon, by a worker; if nothing is, init ends here. */
static void is_ready(const struct module *mod)
{
	struct placed *p;

	mutex_lock(&placed_lock);
	p = find_placed(mod);
	if (p) {
		p->ready = true;
		if (!has_areas(p, FIRST_INIT_AREA) && end_init(p))
			pr_err("integrity: VTL1 does not take module %s for live\n", p->name);
	}
	mutex_unlock(&placed_lock);
}

int integrity_module_changes(unsigned long state, struct module *mod)
{
	if (state == MODULE_STATE_COMING)
		return comes(mod);
	if (state == MODULE_STATE_LIVE)
		is_ready(mod);
	return 0;
}

/* ---- the file `modules` ------------------------------------------------- */

static int list(u64 first, struct ovbs_ci_module *to, size_t bytes, u64 *follow)
{
	struct integrity_call c = {
		.command = OVBS_CI_LIST,
		.types = OVBS_PARAM_TYPES(OVBS_PARAM_VALUE_INOUT, OVBS_PARAM_BUFFER_OUT, 0, 0),
		.param = { { first, 0 }, { (unsigned long)to, bytes } },
	};
	int err = integrity_invoke(&c) ?: openvbs_result_errno(c.result);

	*follow = err ? 0 : min_t(u64, c.param[0].a, bytes / sizeof(*to));
	return err;
}

static void show_one(struct seq_file *m, struct ovbs_ci_module *one)
{
	one->name[sizeof(one->name) - 1] = '\0';
	one->signer[sizeof(one->signer) - 1] = '\0';
	seq_printf(m, "%6llu %-24s %#18llx %9llu %6u %4s ", one->number, one->name, one->text, one->text_bytes,
		   one->sites, one->live ? "yes" : "no");
	seq_escape(m, *one->signer ? one->signer : "-", "\n\t\\");
	seq_putc(m, '\n');
}

/* Columns are ABI: add before the signer, which is last because it may hold spaces. */
int openvbs_modules_show(struct seq_file *m, void *unused)
{
	const size_t bytes = OVBS_DATA_SIZE / sizeof(struct ovbs_ci_module) * sizeof(struct ovbs_ci_module);
	struct ovbs_ci_module *some;
	u64 first = 0, n, i;
	int err;

	if (!integrity_admitting())
		return 0;
	some = kzalloc(bytes, GFP_KERNEL);
	if (!some)
		return -ENOMEM;
	seq_printf(m, "%6s %-24s %18s %9s %6s %4s %s\n", "number", "name", "text", "bytes", "sites", "live", "signer");
	while (!(err = list(first, some, bytes, &n)) && n) {
		for (i = 0; i < n; i++)
			show_one(m, &some[i]);
		first = some[n - 1].number + 1;
	}
	kfree(some);
	return err;
}
