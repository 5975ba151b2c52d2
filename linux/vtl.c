// SPDX-License-Identifier: GPL-2.0-only
/*
 * Messages to VTL1 and their answers. Each CPU has a page that VTL1 knows; a
 * message is put there, sent and taken out again with preemption off, so a
 * page needs no lock, and nothing of a message stays in a page that counts:
 * whatever is interrupted goes on from the caller's copy, on any CPU.
 *
 * Invariants: a page belongs to VTL1 from register to unregister and is not
 * freed in between, not even if unregistering fails. No message is sent from a
 * CPU whose page VTL1 does not know.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/atomic.h>
#include <linux/cpuhotplug.h>
#include <linux/cred.h>
#include <linux/delay.h>
#include <linux/errno.h>
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/percpu.h>
#include <linux/printk.h>
#include <linux/preempt.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/string.h>
#include <linux/uidgid.h>
#include <linux/user_namespace.h>
#include <linux/wait.h>

#include "hypercall.h"
#include "vtl.h"

/* A net for a wake-up that does not come: the trustlet may also be busy with a call from elsewhere. */
#define BUSY_WAIT msecs_to_jiffies(5)

struct cpu_page {
	struct openvbs_page *page;
	bool registered; /* changed on its own CPU only */
};

static DEFINE_PER_CPU(struct cpu_page, cpu_pages);
static int cpuhp_state;
static bool started;

/* Calls answered so far: who found a trustlet busy waits for the next. */
static atomic_t answered = ATOMIC_INIT(0);
static DECLARE_WAIT_QUEUE_HEAD(turn);

static int page_register(unsigned int cpu)
{
	struct cpu_page *mine = per_cpu_ptr(&cpu_pages, cpu);
	u32 result;

	if (!mine->page)
		return -ENOMEM; /* see page_unregister() */
	preempt_disable();
	result = openvbs_vtl_call(OVBS_VTL_REGISTER, virt_to_phys(mine->page));
	mine->registered = result == OVBS_OK;
	preempt_enable();
	if (result == OVBS_OK)
		return 0;
	/* Programs that run here could not call anything: better a CPU less than that. */
	pr_err("VTL1 refuses the page of CPU %u: %#x\n", cpu, result);
	return -EIO;
}

static int page_unregister(unsigned int cpu)
{
	struct cpu_page *mine = per_cpu_ptr(&cpu_pages, cpu);
	u32 result;

	preempt_disable();
	mine->registered = false; /* messages stay away from now on */
	result = openvbs_vtl_call(OVBS_VTL_UNREGISTER, 0);
	preempt_enable();
	if (result == OVBS_OK)
		return 0;
	pr_err("VTL1 keeps the page of CPU %u: %#x; it is given up\n", cpu, result);
	mine->page = (void *)get_zeroed_page(GFP_KERNEL); /* for the CPU's return; without it that fails */
	return 0;
}

static void free_pages_of_cpus(void)
{
	unsigned int cpu;

	for_each_possible_cpu(cpu)
	{
		free_page((unsigned long)per_cpu(cpu_pages, cpu).page);
		per_cpu(cpu_pages, cpu).page = NULL;
	}
}

static int alloc_pages_of_cpus(void)
{
	unsigned int cpu;

	for_each_possible_cpu(cpu)
	{
		struct openvbs_page *page = (void *)get_zeroed_page(GFP_KERNEL);

		if (!page) {
			free_pages_of_cpus();
			return -ENOMEM;
		}
		per_cpu(cpu_pages, cpu).page = page;
	}
	return 0;
}

int openvbs_vtl_start(void)
{
	int err = openvbs_hypercall_start();

	if (err)
		return err;
	err = alloc_pages_of_cpus();
	if (err)
		goto hypercall;
	cpuhp_state = cpuhp_setup_state(CPUHP_AP_ONLINE_DYN, "openvbs:online", page_register,
					page_unregister);
	if (cpuhp_state < 0) {
		err = cpuhp_state;
		goto pages;
	}
	/* A kernel before this one (kexec), or this module before, may have left sessions. */
	preempt_disable();
	openvbs_vtl_call(OVBS_VTL_RESET, 0);
	preempt_enable();
	started = true;
	return 0;
pages:
	free_pages_of_cpus();
hypercall:
	openvbs_hypercall_stop();
	pr_err("no VTL1: its pages can't be set up: %d\n", err);
	return err;
}

void openvbs_vtl_stop(void)
{
	if (!started)
		return;
	started = false;
	cpuhp_remove_state(cpuhp_state); /* unregisters on each CPU */
	free_pages_of_cpus();
	openvbs_hypercall_stop();
}

bool openvbs_vtl_there(void)
{
	return started;
}

/* One message on its way. */
struct exchange {
	struct openvbs_page *page;
	u32 used;
	bool resuming;
	struct ovbs_msg resume; /* in place of the message, if @resuming */
	u32 rax;
	u64 session; /* as the page says after the call */
};

/*
 * One VTL call from whatever CPU this is. The data goes along when a call is
 * resumed too: the page may be another CPU's, and what VTL1 leaves alone must
 * not be the bytes of somebody else's call. -EAGAIN: not from this CPU now.
 */
static int send_once(struct exchange *x, enum openvbs_verdict *verdict)
{
	struct cpu_page *mine;
	int err = -EAGAIN;

	preempt_disable();
	mine = this_cpu_ptr(&cpu_pages);
	if (mine->registered) {
		struct openvbs_page *shared = mine->page;

		memcpy(shared, x->page, x->used);
		if (x->resuming)
			shared->msg = x->resume;
		x->rax = openvbs_vtl_call(OVBS_VTL_MESSAGE, 0);
		x->session = shared->msg.session;
		*verdict = openvbs_msg_verdict(&shared->msg, x->rax);
		if (*verdict == OPENVBS_DONE)
			memcpy(x->page, shared, x->used);
		err = 0;
	}
	preempt_enable();
	return err;
}

/* Until a call was answered since @seen, or a little longer than not at all. */
static int wait_turn(int seen, bool killable)
{
	if (!killable) {
		wait_event_timeout(turn, atomic_read(&answered) != seen, BUSY_WAIT);
		return 0;
	}
	if (fatal_signal_pending(current) ||
	    wait_event_killable_timeout(turn, atomic_read(&answered) != seen, BUSY_WAIT) < 0)
		return -EINTR;
	return 0;
}

/*
 * From now on the message is OVBS_MSG_RESUME. VTL1 names the session in the
 * message when it interrupts an OPEN; all others name theirs themselves.
 */
static int begin_resume(struct exchange *x)
{
	const struct ovbs_msg *msg = &x->page->msg;
	u64 session = msg->op == OVBS_MSG_OPEN ? x->session : msg->session;

	if (!session) {
		pr_err_once("VTL1 interrupted message %u, which has no session\n", msg->op);
		return -EIO;
	}
	openvbs_msg_begin(&x->resume, OVBS_MSG_RESUME, session, msg->uid);
	x->resuming = true;
	return 0;
}

/* What to do before the next try. */
static int before_retry(struct exchange *x, enum openvbs_verdict verdict, int seen, bool killable)
{
	int err = 0;

	if (verdict == OPENVBS_BUSY)
		return wait_turn(seen, killable && !x->resuming);
	if (!x->resuming)
		err = begin_resume(x);
	cond_resched(); /* VTL0 was interrupted for a reason */
	return err;
}

int openvbs_exchange(struct openvbs_page *page, u32 used, bool killable)
{
	struct exchange x = { .page = page, .used = used };
	enum openvbs_verdict verdict;
	int seen, err;

	for (;;) {
		seen = atomic_read(&answered);
		if (send_once(&x, &verdict)) {
			msleep(1); /* this CPU comes or goes */
			continue;
		}
		if (verdict == OPENVBS_DONE)
			break;
		err = before_retry(&x, verdict, seen, killable);
		if (err)
			return err;
	}
	openvbs_msg_settle(&page->msg, x.rax);
	atomic_inc(&answered);
	wake_up_all(&turn);
	return 0;
}

u32 openvbs_uid(void)
{
	return from_kuid(&init_user_ns, current_uid());
}
