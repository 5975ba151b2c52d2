// SPDX-License-Identifier: GPL-2.0-only
/*
 * The hypercall table and its generic part: see hypercall.h.
 *
 * VTL call and return come first and on their own: they are what happens often.
 */
#include "core/hypercall.h"

#include <ovbs_compiler.h>
#include <ovbs_errno.h>
#include <ovbs_string.h>

#include "arch/contract.h"
#include "arch/x86/host.h"
#include "core/exits.h"
#include "core/log.h"
#include "core/vtl.h"
#include "iommu/iommu.h"

#define VTL0 (1u << 0)
#define VTL1 (1u << 1)

#define LOG_LINE_MAX 160u

static enum hv_status enable_partition_vtl(const struct hc_input *in)
{
	const struct hv_input_enable_partition_vtl *i = in->header;

	if (i->partition != HV_PARTITION_ID_SELF)
		return HV_STATUS_INVALID_PARTITION_ID;
	if (i->target_vtl >= VTL_COUNT || i->flags || i->reserved16 || i->reserved32)
		return HV_STATUS_INVALID_PARAMETER;
	return HV_STATUS_VTL_ALREADY_ENABLED; /* by the hypervisor, before VTL0 ran */
}

static enum hv_status enable_vp_vtl(const struct hc_input *in)
{
	const struct hv_input_enable_vp_vtl *i = in->header;

	if (i->partition != HV_PARTITION_ID_SELF)
		return HV_STATUS_INVALID_PARTITION_ID;
	if (i->target_vtl != 1 || i->reserved[0] || i->reserved[1] || i->reserved[2])
		return HV_STATUS_INVALID_PARAMETER;
	if (i->vp_index != HV_VP_INDEX_SELF && i->vp_index >= cpu_count)
		return HV_STATUS_INVALID_VP_INDEX;
	return vtl_enable_vp(i->vp_index == HV_VP_INDEX_SELF ? this_cpu->index : i->vp_index, &i->context);
}

/*
 * CPUs and devices together: neither goes on with the old rights once the
 * hypercall returns, and if one of the two can't be changed neither is.
 */
static int protect_both(struct gpa page, unsigned int rights, bool *given_back)
{
	unsigned int before = slat_rights(&vtl0_slat, page);
	int err;

	/*
	 * In one step, a CPU that has not flushed yet would execute what another
	 * one writes: VTL1 takes the one right first, and then gives the other.
	 */
	if ((rights & SLAT_W) && !(before & SLAT_W) && (before & SLAT_X) && !(vtl0_slat.normal & SLAT_X))
		return -EPERM;
	err = slat_protect(&vtl0_slat, page, rights);
	if (err)
		return err;
	err = iommu_protect(page, rights);
	if (!err)
		return 0;
	*given_back = true;
	if (slat_protect(&vtl0_slat, page, before))
		hv_panic("rights of %llx can't be given back", (unsigned long long)page.v); /* its table is there */
	return err;
}

/* One after the other: a page that two CPUs change at a time must not end with rights of both. */
static int protect_page(struct gpa page, unsigned int rights)
{
	static struct lock lock;
	bool given_back = false;
	int err;

	lock_take(&lock);
	err = protect_both(page, rights, &given_back);
	lock_release(&lock);
	if (given_back)
		cpus_flush();
	return err;
}

/* No write, and no execution, without read (SDM 3, 29.3.3.1). */
static enum hv_status modify_protection(const struct hc_input *in)
{
	const struct hv_input_modify_vtl_protection_mask *i = in->header;
	uint64_t page = *(const uint64_t *)in->element;
	int err;

	if (i->partition != HV_PARTITION_ID_SELF)
		return HV_STATUS_INVALID_PARTITION_ID;
	if ((i->map_flags & ~HV_MAP_GPA_ALL) || i->target_vtl != HV_INPUT_VTL_USE || i->reserved[0] ||
	    i->reserved[1] || i->reserved[2] ||
	    ((i->map_flags & ~HV_MAP_GPA_READABLE) && !(i->map_flags & HV_MAP_GPA_READABLE)))
		return HV_STATUS_INVALID_PARAMETER;
	if (page > PTE_ADDR >> PAGE_SHIFT || !vtl0_ram(page << PAGE_SHIFT, PAGE_SIZE))
		return HV_STATUS_INVALID_PARAMETER;
	err = protect_page(gpa(page << PAGE_SHIFT), hc_rights_of_flags(i->map_flags));
	return err == -ENOMEM ? HV_STATUS_INSUFFICIENT_MEMORY :
	       err            ? HV_STATUS_INVALID_PARAMETER :
				HV_STATUS_SUCCESS;
}

static enum hv_status log_line(const struct hc_input *in)
{
	char text[LOG_LINE_MAX];
	uint64_t n = in->r8;

	if (n > sizeof(text) || !vtl1_owns(in->rdx, n) || host_read_guest(in->v, in->rdx, text, n))
		return HV_STATUS_INVALID_PARAMETER;
	for (uint64_t i = 0; i < n; i++)
		if (text[i] < ' ' || text[i] > '~')
			text[i] = '?';
	hv_log("VTL1: %.*s", (int)n, text);
	return HV_STATUS_SUCCESS;
}

static const struct hypercall {
	uint16_t code;
	uint8_t callers; /* which VTLs */
	bool fast;       /* parameters in RDX and R8, or else in memory */
	bool flush;      /* takes rights of VTL0's away: no CPU may go on with an old translation */
	uint16_t header, element, output; /* bytes; element and output: of each rep, 0: no rep hypercall */
	enum hv_status (*handler)(const struct hc_input *in);
} table[] = {
	{ HV_CALL_MODIFY_VTL_PROTECTION_MASK, VTL1, false, true,
	  sizeof(struct hv_input_modify_vtl_protection_mask), sizeof(uint64_t), 0, modify_protection },
	{ HV_CALL_ENABLE_PARTITION_VTL, VTL0 | VTL1, false, false,
	  sizeof(struct hv_input_enable_partition_vtl), 0, 0, enable_partition_vtl },
	{ HV_CALL_ENABLE_VP_VTL, VTL1, false, false, sizeof(struct hv_input_enable_vp_vtl), 0, 0, enable_vp_vtl },
	{ HV_CALL_GET_VP_REGISTERS, VTL0 | VTL1, false, false, sizeof(struct hv_input_vp_registers),
	  sizeof(uint32_t), sizeof(struct hv_register_value), hc_get_vp_register },
	{ HV_CALL_SET_VP_REGISTERS, VTL0 | VTL1, false, false, sizeof(struct hv_input_vp_registers),
	  sizeof(struct hv_register_assoc), 0, hc_set_vp_register },
	{ HV_CALL_OVBS_LOG, VTL1, true, false, 0, 0, 0, log_line },
};

static const struct hypercall *find(uint64_t control)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(table); i++)
		if (table[i].code == HV_CALL_CODE(control))
			return &table[i];
	return NULL;
}

static bool in_one_page(uint64_t at, uint64_t n)
{
	return !(at & 7) && (at & ~PAGE_MASK) + n <= PAGE_SIZE;
}

/* From here on only the copy is looked at. */
static enum hv_status copy_in(const struct hypercall *h, struct hc_input *in, uint64_t control)
{
	struct vcpu *v = in->v;
	uint64_t reps = HV_CALL_REP_COUNT(control), left = reps - HV_CALL_REP_START(control);
	uint64_t n = h->header + reps * h->element, out = left * h->output;

	if (h->fast)
		return HV_STATUS_SUCCESS;
	if (!in_one_page(in->rdx, n) || out > sizeof(this_cpu->hc_output) ||
	    (h->output && !in_one_page(in->r8, reps * h->output)))
		return HV_STATUS_INVALID_ALIGNMENT;
	if (!v->vtl && !vtl0_ram(in->rdx, n))
		return HV_STATUS_INVALID_PARAMETER; /* a device may not like to be read so, and the APIC does not */
	if (host_read_guest(v, in->rdx, this_cpu->hc_input, n))
		return HV_STATUS_INVALID_PARAMETER;
	in->header = this_cpu->hc_input;
	return HV_STATUS_SUCCESS;
}

static enum hv_status check(const struct hypercall *h, uint64_t control, unsigned int vtl)
{
	uint32_t reps = HV_CALL_REP_COUNT(control), start = HV_CALL_REP_START(control);

	if (!h)
		return HV_STATUS_INVALID_HYPERCALL_CODE;
	if (!(h->callers & 1u << vtl))
		return HV_STATUS_ACCESS_DENIED;
	if ((control & HV_CALL_RESERVED) || HV_CALL_VARHEAD(control) || !(control & HV_CALL_FAST) != !h->fast)
		return HV_STATUS_INVALID_HYPERCALL_INPUT;
	if (h->element ? !reps || start >= reps : reps || start)
		return HV_STATUS_INVALID_HYPERCALL_INPUT;
	return HV_STATUS_SUCCESS;
}

/* One after the other, until one fails; *@done counts from the start of the list. */
static enum hv_status run(const struct hypercall *h, struct hc_input *in, uint64_t control, uint32_t *done)
{
	uint32_t reps = HV_CALL_REP_COUNT(control), start = HV_CALL_REP_START(control);
	enum hv_status status = HV_STATUS_SUCCESS;

	if (!h->element)
		return h->handler(in);
	for (*done = start; *done < reps && !status; *done += !status) {
		in->element = (const char *)in->header + h->header + *done * h->element;
		in->out = this_cpu->hc_output + (*done - start) * h->output;
		status = h->handler(in);
	}
	if (h->output && *done > start &&
	    host_write_guest(in->v, in->r8 + start * h->output, this_cpu->hc_output,
			     (*done - start) * h->output)) {
		*done = start;
		return HV_STATUS_INVALID_PARAMETER;
	}
	return status;
}

void hypercall(struct vcpu *v)
{
	uint64_t control = v->gpr[GPR_RCX];
	struct hc_input in = { .v = v, .rdx = v->gpr[GPR_RDX], .r8 = v->gpr[GPR_R8] };
	const struct hypercall *h;
	enum hv_status status;
	uint32_t done = 0;

	if (control == HV_CALL_VTL_CALL || control == HV_CALL_VTL_RETURN) {
		if (!(control == HV_CALL_VTL_CALL ? vtl_call(v) : vtl_return(v)))
			arch_inject(v, VEC_UD, false, 0);
		return;
	}
	count_exit(OVBS_STAT_HYPERCALL);
	h = find(control);
	arch_skip_hypercall(v);
	status = check(h, control, v->vtl);
	if (!status)
		status = copy_in(h, &in, control);
	if (!status)
		status = run(h, &in, control, &done);
	if (h && h->flush && done) {
		cpus_flush();
		iommu_flush();
	}
	v->gpr[GPR_RAX] = (uint64_t)done << 32 | status;
}
