// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pinned registers: see pin.h.
 *
 * One rule for all bits: a write may not take a pinned bit away from its pinned
 * value. Before an INIT that means that it can't change; after one, that the
 * way back is open and goes in one direction.
 */
#include "core/pin.h"

#include <ovbs_compiler.h>
#include <ovbs_errno.h>

#include "arch/contract.h"
#include "core/log.h"
#include "core/vtl.h"

static const struct pinned_msr {
	uint64_t control;
	uint32_t msr, name;
	bool common; /* the same on all CPUs of one kernel, and not changed by INIT */
} msrs[] = {
	{ HV_CR_INTERCEPT_EFER_WRITE, MSR_EFER, HV_X64_REGISTER_EFER, false },
	{ HV_CR_INTERCEPT_STAR_WRITE, MSR_STAR, HV_X64_REGISTER_STAR, true },
	{ HV_CR_INTERCEPT_LSTAR_WRITE, MSR_LSTAR, HV_X64_REGISTER_LSTAR, true },
	{ HV_CR_INTERCEPT_CSTAR_WRITE, MSR_CSTAR, HV_X64_REGISTER_CSTAR, true },
	{ HV_CR_INTERCEPT_SFMASK_WRITE, MSR_SFMASK, HV_X64_REGISTER_SFMASK, true },
	{ HV_CR_INTERCEPT_SYSENTER_CS_WRITE, MSR_SYSENTER_CS, HV_X64_REGISTER_SYSENTER_CS, true },
	{ HV_CR_INTERCEPT_SYSENTER_EIP_WRITE, MSR_SYSENTER_EIP, HV_X64_REGISTER_SYSENTER_EIP, true },
	{ HV_CR_INTERCEPT_SYSENTER_ESP_WRITE, MSR_SYSENTER_ESP, HV_X64_REGISTER_SYSENTER_ESP, false },
};

#define CONTROL_MSRS                                                                                      \
	(HV_CR_INTERCEPT_EFER_WRITE | HV_CR_INTERCEPT_STAR_WRITE | HV_CR_INTERCEPT_LSTAR_WRITE |          \
	 HV_CR_INTERCEPT_CSTAR_WRITE | HV_CR_INTERCEPT_SFMASK_WRITE | HV_CR_INTERCEPT_SYSENTER_CS_WRITE | \
	 HV_CR_INTERCEPT_SYSENTER_EIP_WRITE | HV_CR_INTERCEPT_SYSENTER_ESP_WRITE)
#define CONTROL_KNOWN (HV_CR_INTERCEPT_CR0_WRITE | HV_CR_INTERCEPT_CR4_WRITE | CONTROL_MSRS)

/* For CPUs that VTL1 has not pinned: what it set last, and the MSRs of the CPU where it did. */
static struct lock start_lock;
static struct pins start;
static uint64_t start_msr[ARRAY_SIZE(msrs)];

bool pin_is_register(uint32_t name)
{
	return name >= HV_X64_REGISTER_CR_INTERCEPT_CONTROL && name <= HV_X64_REGISTER_CR_INTERCEPT_CR4_MASK;
}

static uint64_t *field(struct pins *p, uint32_t name)
{
	return name == HV_X64_REGISTER_CR_INTERCEPT_CONTROL  ? &p->control :
	       name == HV_X64_REGISTER_CR_INTERCEPT_CR0_MASK ? &p->cr0_mask :
							       &p->cr4_mask;
}

uint64_t pin_get(uint32_t name)
{
	return *field(&this_cpu->pins, name);
}

static uint64_t read_register(struct vcpu *v, uint32_t name)
{
	uint64_t value = 0;

	hv_assert(!arch_register(v, name, &value, false));
	return value;
}

static uint64_t mask0(const struct pins *p)
{
	return p->control & HV_CR_INTERCEPT_CR0_WRITE ? p->cr0_mask : 0;
}

static uint64_t mask4(const struct pins *p)
{
	return p->control & HV_CR_INTERCEPT_CR4_WRITE ? p->cr4_mask : 0;
}

static void apply(struct vcpu *v)
{
	const struct pins *p = &this_cpu->pins;

	arch_pin(v, mask0(p), mask4(p), p->control & CONTROL_MSRS);
}

/* What was pinned before keeps its pinned value, also if VTL0 is not back there since its INIT. */
static void take_values(struct vcpu *v, struct pins *p, const struct pins *before)
{
	uint64_t was0 = mask0(before), was4 = mask4(before);

	p->cr0 = (before->cr0 & was0) | (read_register(v, HV_X64_REGISTER_CR0) & ~was0);
	p->cr4 = (before->cr4 & was4) | (read_register(v, HV_X64_REGISTER_CR4) & ~was4);
	if (!(before->control & HV_CR_INTERCEPT_EFER_WRITE))
		p->efer = read_register(v, HV_X64_REGISTER_EFER);
	p->held0 &= mask0(p);
	p->held4 &= mask4(p);
}

static void remember(struct vcpu *v)
{
	lock_take(&start_lock);
	start = this_cpu->pins;
	for (unsigned int i = 0; i < ARRAY_SIZE(msrs); i++)
		start_msr[i] = read_register(v, msrs[i].name);
	lock_release(&start_lock);
}

enum hv_status pin_set(uint32_t name, uint64_t value)
{
	struct vcpu *v = &this_cpu->vtl[0];
	struct pins *p = &this_cpu->pins, before = *p;

	if (name == HV_X64_REGISTER_CR_INTERCEPT_CONTROL  ? (value & ~CONTROL_KNOWN) != 0 :
	    name == HV_X64_REGISTER_CR_INTERCEPT_CR0_MASK ? (value & ~PIN_CR0) != 0 :
							    false)
		return HV_STATUS_INVALID_REGISTER_VALUE;
	*field(p, name) = value;
	take_values(v, p, &before);
	apply(v);
	remember(v);
	return HV_STATUS_SUCCESS;
}

void pin_moved(uint32_t name, uint64_t from, uint64_t to)
{
	struct pins *p = &this_cpu->pins;
	uint64_t changed = from ^ to;

	switch (name) {
	case HV_X64_REGISTER_CR0:
		p->cr0 = (p->cr0 & ~changed) | (to & changed);
		p->held0 &= ~changed;
		break;
	case HV_X64_REGISTER_CR4:
		p->cr4 = (p->cr4 & ~changed) | (to & changed);
		p->held4 &= ~changed;
		break;
	case HV_X64_REGISTER_EFER:
		p->efer = (p->efer & ~changed) | (to & changed);
		break;
	default:
		break;
	}
}

/* SYSENTER_ESP is each CPU's own: VTL1 pins it when it runs there. */
static void adopt_start(struct vcpu *v)
{
	struct pins *p = &this_cpu->pins;

	lock_take(&start_lock);
	*p = start;
	p->control &= ~HV_CR_INTERCEPT_SYSENTER_ESP_WRITE;
	for (unsigned int i = 0; i < ARRAY_SIZE(msrs); i++)
		if (msrs[i].common && (p->control & msrs[i].control))
			(void)arch_register(v, msrs[i].name, &start_msr[i], true);
	lock_release(&start_lock);
}

/* @mask of the bits in the register @name gets its pinned value. In the reset state every CPU takes these bits. */
static void hold(struct vcpu *v, uint32_t name, uint64_t pinned, uint64_t mask)
{
	uint64_t value = (read_register(v, name) & ~mask) | (pinned & mask);

	hv_assert(!arch_register(v, name, &value, true));
}

void pin_after_init(struct vcpu *v)
{
	struct pins *p = &this_cpu->pins;

	if (!p->control)
		adopt_start(v);
	if (!p->control)
		return;
	p->held0 = mask0(p) & PIN_HELD_CR0;
	p->held4 = mask4(p) & PIN_HELD_CR4;
	hold(v, HV_X64_REGISTER_CR0, p->cr0, p->held0);
	hold(v, HV_X64_REGISTER_CR4, p->cr4, p->held4);
	apply(v);
}

/* Before VTL1 runs on this CPU there is nobody to ask. */
static bool can_tell(void)
{
	if (vtl_intercept_ready())
		return true;
	hv_log_denied("write of a pinned register before VTL1 runs on this CPU: #GP");
	return false;
}

static bool tell_register(struct vcpu *v, uint32_t name, uint64_t value, unsigned int length)
{
	struct hv_x64_register_intercept_message *m = (void *)vtl_assist->intercept_message;

	if (!can_tell())
		return false;
	*m = (struct hv_x64_register_intercept_message){
		.message = { .message_type = HV_MESSAGE_REGISTER_INTERCEPT,
			     .payload_size = sizeof(*m) - sizeof(m->message) },
		.header = vtl_intercept_header(v, HV_INTERCEPT_ACCESS_WRITE, length),
		.register_name = name,
		.value = { .low = value },
	};
	vtl_enter_intercept();
	return true;
}

static bool tell_msr(struct vcpu *v, uint32_t msr, uint64_t value, unsigned int length)
{
	struct hv_x64_msr_intercept_message *m = (void *)vtl_assist->intercept_message;

	if (!can_tell())
		return false;
	*m = (struct hv_x64_msr_intercept_message){
		.message = { .message_type = HV_MESSAGE_MSR_INTERCEPT,
			     .payload_size = sizeof(*m) - sizeof(m->message) },
		.header = vtl_intercept_header(v, HV_INTERCEPT_ACCESS_WRITE, length),
		.msr_number = msr,
		.rdx = value >> 32,
		.rax = (uint32_t)value,
	};
	vtl_enter_intercept();
	return true;
}

void pin_cr_write(struct vcpu *v, enum hv_register_name name, uint64_t value, unsigned int length)
{
	struct pins *p = &this_cpu->pins;
	bool is0 = name == HV_X64_REGISTER_CR0;
	uint64_t mask = is0 ? mask0(p) : mask4(p), pinned = is0 ? p->cr0 : p->cr4;
	uint64_t *held = is0 ? &p->held0 : &p->held4;
	uint64_t left = *held & (value ^ pinned); /* held on: not written by VTL0 itself yet */

	count_exit(OVBS_STAT_CR);
	value ^= left;
	if ((read_register(v, name) ^ value) & (value ^ pinned) & mask) {
		if (tell_register(v, name, value, length))
			return;
	} else if (!arch_register(v, name, &value, true)) {
		*held = left;
		arch_skip_bytes(v, length);
		return;
	}
	arch_inject(v, VEC_GP, true, 0);
}

static const struct pinned_msr *find(uint32_t msr)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(msrs); i++)
		if (msrs[i].msr == msr)
			return &msrs[i];
	return NULL;
}

int pin_msr_write(struct vcpu *v, uint32_t msr, uint64_t value, uint64_t rip)
{
	struct pins *p = &this_cpu->pins;
	const struct pinned_msr *m = find(msr);
	unsigned int length = (unsigned int)(arch_rip(v) - rip);
	uint64_t changed;

	if (!m || !(p->control & CONTROL_MSRS))
		return -ENOENT;
	changed = read_register(v, m->name) ^ value;
	if (msr == MSR_EFER)
		changed &= (value ^ p->efer) & ~EFER_LMA; /* LMA is not the software's */
	if ((p->control & m->control) && changed) {
		arch_set_rip(v, rip);
		return tell_msr(v, msr, value, length) ? PIN_TOLD : -EPERM;
	}
	if (msr == MSR_EFER)
		return -ENOENT; /* the vendor's, pinned or not */
	if (msr == MSR_LSTAR)
		p->held0 = p->held4 = 0; /* the end of Linux's way up: see pin.h */
	if (!changed)
		return 0;
	return arch_register(v, m->name, &value, true) ? -EPERM : 0;
}
