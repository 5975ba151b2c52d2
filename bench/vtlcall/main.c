// SPDX-License-Identifier: GPL-2.0-only
/*
 * vtlcall.ko: what a VTL call costs. For `make bench` only; openvbs.ko must not
 * be loaded, since a CPU has one message page.
 *
 * In each round three loops of `calls` turns, each between two marks: one that
 * calls an empty function, one that makes VTL calls with an operation that
 * there is not, and one that sends the message OVBS_MSG_VERSION. Interrupts are
 * off meanwhile, so that nothing else is counted. One line for each loop:
 * "vtlcall: NAME TURNS NANOSECONDS".
 *
 * With `protect`, so many pages are protected last (OVBS_MSG_PROTECT), between
 * two marks as well: at most 512 in a message, so in two of half each. They
 * stay protected until reset, so they are never freed.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/errno.h>
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/irqflags.h>
#include <linux/ktime.h>
#include <linux/module.h>

#include <openvbs/vtl_abi.h>

#include "hypercall.h"
#include "mark.h"

#define NO_SUCH_OP 0x62656E63 /* no enum ovbs_vtl_op */

static unsigned int calls = 1000;
module_param(calls, uint, 0444);
MODULE_PARM_DESC(calls, "Turns of each loop");

static unsigned int rounds = 5;
module_param(rounds, uint, 0444);
MODULE_PARM_DESC(rounds, "How often each loop is run");

static noinline u32 no_call(u32 op, u64 gpa)
{
	asm volatile("" : : : "memory");
	return OVBS_OK;
}

static unsigned int protect;
module_param(protect, uint, 0444);
MODULE_PARM_DESC(protect, "Pages to protect until reset, even and at most 1024");

#define HALF_ORDER 9

/* Marks are constants in the code, hence a macro. */
#define LOOP(name, call, op, want, first, last)                                                    \
	do {                                                                                       \
		unsigned long flags;                                                               \
		unsigned int i, wrong = 0;                                                         \
		u64 begin, end;                                                                    \
                                                                                                   \
		local_irq_save(flags);                                                             \
		begin = ktime_get_raw_ns();                                                        \
		MARK(first);                                                                       \
		for (i = calls; i; i--)                                                            \
			wrong |= call(op, 0) ^ (want);                                             \
		MARK(last);                                                                        \
		end = ktime_get_raw_ns();                                                          \
		local_irq_restore(flags);                                                          \
		if (wrong) {                                                                       \
			pr_err("%s: not the answer that was expected\n", name);                    \
			return -EIO;                                                               \
		}                                                                                  \
		pr_info("%s %u %llu\n", name, calls, end - begin);                                 \
	} while (0)

static int measure(void)
{
	unsigned int r;

	for (r = 0; r < rounds; r++) {
		LOOP("empty", no_call, NO_SUCH_OP, OVBS_OK, 18, 19);
		LOOP("bare", openvbs_vtl_call, NO_SUCH_OP, OVBS_E_NOT_SUPPORTED, 20, 21);
		LOOP("version", openvbs_vtl_call, OVBS_VTL_MESSAGE, OVBS_OK, 22, 23);
	}
	return 0;
}

static u32 protect_half(struct ovbs_msg *m, const void *pages)
{
	m->op = OVBS_MSG_PROTECT;
	m->types = OVBS_PARAM_TYPES(OVBS_PARAM_VALUE_IN, 0, 0, 0);
	m->param[0] = (struct ovbs_param){ virt_to_phys((void *)pages), protect / 2 };
	return openvbs_vtl_call(OVBS_VTL_MESSAGE, 0);
}

static int measure_protect(struct ovbs_msg *m, void *half[2])
{
	unsigned long flags;
	u32 first, second;
	u64 begin, end;

	local_irq_save(flags);
	begin = ktime_get_raw_ns();
	MARK(30);
	first = protect_half(m, half[0]);
	second = protect_half(m, half[1]);
	MARK(31);
	end = ktime_get_raw_ns();
	local_irq_restore(flags);
	if (first != OVBS_OK || second != OVBS_OK) {
		pr_err("protect: %#x, %#x\n", first, second);
		return -EIO;
	}
	pr_info("protect %u %llu\n", protect, end - begin);
	return 0;
}

static int with_page(struct ovbs_msg *m, void *half[2])
{
	u32 result;
	int err;

	m->abi = OVBS_MSG_ABI; /* the answer changes nothing that the next call would not accept */
	m->op = OVBS_MSG_VERSION;
	result = openvbs_vtl_call(OVBS_VTL_REGISTER, virt_to_phys(m));
	if (result != OVBS_OK) {
		pr_err("VTL1 refuses the page: %#x\n", result);
		return -EBUSY;
	}
	err = measure();
	if (!err && protect)
		err = measure_protect(m, half);
	/* A page that VTL1 keeps must not be used for anything else. */
	result = openvbs_vtl_call(OVBS_VTL_UNREGISTER, 0);
	if (result != OVBS_OK)
		pr_err("VTL1 keeps the page: %#x\n", result);
	return err ?: result == OVBS_OK ? 0 : -EBUSY;
}

/* Whatever comes of it, they are kept: for a measurement only. */
static int get_halves(void *half[2])
{
	unsigned int i;

	if (protect > 2u << HALF_ORDER || protect % 2)
		return -EINVAL;
	for (i = 0; protect && i < 2; i++) {
		half[i] = (void *)__get_free_pages(GFP_KERNEL, HALF_ORDER);
		if (!half[i])
			return -ENOMEM;
	}
	return 0;
}

static int __init vtlcall_init(void)
{
	struct ovbs_msg *m = (void *)get_zeroed_page(GFP_KERNEL);
	void *half[2] = { NULL, NULL };
	int err = m ? get_halves(half) : -ENOMEM;

	err = err ?: openvbs_hypercall_start();
	if (err) {
		free_page((unsigned long)m);
		return err;
	}
	preempt_disable();
	err = with_page(m, half);
	preempt_enable();
	openvbs_hypercall_stop();
	if (err != -EBUSY)
		free_page((unsigned long)m);
	return err;
}

static void __exit vtlcall_exit(void)
{
}

module_init(vtlcall_init);
module_exit(vtlcall_exit);

MODULE_DESCRIPTION("Bench only: the cost of VTL calls");
MODULE_LICENSE("GPL");
